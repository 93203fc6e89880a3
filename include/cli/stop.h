/*
 * stop.h - Ctrl-C and its kin (SIGINT, SIGTERM, SIGHUP) as a question that loops can ask.
 *
 * After stop_on_signals the first signal only raises a flag, and interrupts a system call that waits; the
 * second one kills.
 */
#ifndef CRUMB_CLI_STOP_H
#define CRUMB_CLI_STOP_H

#include <stdbool.h>

void stop_on_signals(void);
bool stop_asked(void);

/*
 * From now on a signal ends the process as if it were not caught, but at once: what it has open without a name,
 * up to gigabytes of temporary files, is held by a child until then, as the kernel takes its time to free it.
 */
void stop_at_once(void);

/* Ends the process the way the signal would have, so that shells and scripts see that it was one. */
void stop_by_signal(void);

#endif
