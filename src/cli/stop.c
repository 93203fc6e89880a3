/*
 * stop.c - the flag behind Ctrl-C. See stop.h for the contract.
 */
#include "cli/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t signal_seen;

static void note(int signal)
{
    signal_seen = signal;
}

void stop_on_signals(void)
{
    /* No SA_RESTART: a write to a reader that does not read, or a wait, must end. */
    struct sigaction action = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool stop_asked(void)
{
    return signal_seen != 0;
}

void stop_by_signal(void)
{
    signal(signal_seen, SIG_DFL);
    raise(signal_seen);
}
