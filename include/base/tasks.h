/*
 * tasks.h - the same work on many things, by several threads.
 */
#ifndef CRUMB_BASE_TASKS_H
#define CRUMB_BASE_TASKS_H

#include <stddef.h>

/*
 * Calls task for 0 to count - 1, each once and in that order of beginning, on up to that many threads;
 * the caller is one of them, so it also works where no thread can be started. Returns when all have ended:
 * what they wrote can be read then.
 */
void tasks_run(unsigned threads, size_t count, void (*task)(void *arg, size_t i), void *arg);

#endif
