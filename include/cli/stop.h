/*
 * stop.h - Ctrl-C and its kin (SIGINT, SIGTERM, SIGHUP) as a question that loops can ask.
 *
 * The first signal only raises a flag, and interrupts a system call that waits; the second one
 * kills.
 */
#ifndef CRUMB_CLI_STOP_H
#define CRUMB_CLI_STOP_H

#include <stdbool.h>

void stop_on_signals(void);
bool stop_asked(void);

/* Ends the process the way the signal would have, so that shells and scripts see that it was one. */
void stop_by_signal(void);

#endif
