/*
 * stop.c - the flag behind Ctrl-C. See stop.h for the contract.
 */
#include "cli/stop.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#define STACK_BYTES 16384

static volatile sig_atomic_t signal_seen;

static void catch_signals(void (*handler)(int))
{
    /* No SA_RESTART: a write to a reader that does not read, or a wait, must end. */
    struct sigaction action = { .sa_handler = handler, .sa_flags = (int)SA_RESETHAND };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static void note(int signal)
{
    signal_seen = signal;
}

void stop_on_signals(void)
{
    catch_signals(note);
}

/* In the child: until whoever waits has seen the process end. Its own end frees the files, and the memory. */
static int outlive(void *arg)
{
    pid_t parent = *(pid_t *)arg;

    close(STDIN_FILENO);
    close(STDOUT_FILENO); /* whoever reads these waits for their end */
    close(STDERR_FILENO);
    while (getppid() == parent)
        poll(NULL, 0, 1);
    _exit(0);
}

/* The signal is blocked in its handler and kills when that returns. Nothing here takes a lock (signal-safety(7)). */
static void leave(int signal)
{
    static char stack[STACK_BYTES] __attribute__((aligned(16)));
    static atomic_flag has_left = ATOMIC_FLAG_INIT;
    static pid_t parent;

    if (!atomic_flag_test_and_set(&has_left)) { /* two signals, two threads: one child */
        parent = getpid();
        clone(outlive, stack + sizeof stack, CLONE_VM, &parent);
    }
    raise(signal);
}

void stop_at_once(void)
{
    catch_signals(leave);
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
