/*
 * worker.h - one loop thread: event base, listeners, connections, spool and counters of its own.
 *
 * The public workers run on threads of their own; the admin listener is served by one more of the
 * same kind, without a spool, on the main thread. What a worker shares with others: the number of
 * connections held, snapshots that are published to it, and a descriptor by which it is woken.
 *
 * Memory of a public worker: 1 MiB, and its connections (conn.h).
 */
#ifndef CRUMB_SERVER_WORKER_H
#define CRUMB_SERVER_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "server/endpoint.h"
#include "server/listener.h"
#include "server/snapshot.h"

struct worker;
struct event_base;

struct worker_options {
    unsigned index;
    enum route_table table;
    struct spool *spool; /* NULL: none */
    struct str instance;
    const struct admin_view *view; /* NULL: not an admin's */
    struct live_tap *live;         /* NULL: there is no live page, or it is not told */
    struct snapshot *snapshot;     /* the worker takes over one hold */
    const struct listener
        *listeners; /* their sockets are closed by the worker, also if worker_new fails */
    unsigned listeners_count;
    _Atomic uint64_t *connections; /* held by all that share connections_max */
    uint64_t connections_max;
    void (*woken)(void *arg);    /* after worker_wake, on the worker's thread; may be NULL */
    void (*finished)(void *arg); /* the last thing on the worker's thread; may be NULL */
    void *arg;
};

/* Clients can connect when it returns, and are answered once it runs. */
struct worker *worker_new(const struct worker_options *options, struct err *e);

/* Runs on a thread of its own until it has stopped; worker_join waits for that. */
int worker_start(struct worker *worker, struct err *e);
void worker_join(struct worker *worker);

/* The same on the caller's thread. */
void worker_run(struct worker *worker);

enum worker_stop {
    WORKER_RUNS,
    WORKER_DRAINS, /* listeners close, what has begun is answered, within WORKER_DRAIN_MS */
    WORKER_STOPS,  /* at once */
};
#define WORKER_DRAIN_MS 10000

/* Any thread. */
void worker_stop(struct worker *worker, enum worker_stop how);
void worker_wake(struct worker *worker);
void worker_publish(struct worker *worker, struct snapshot *snapshot); /* takes over one hold */

/* For more events on the thread that runs it, before it does. */
struct event_base *worker_base(struct worker *worker);

struct metrics *worker_metrics(struct worker *worker);
const struct listener *worker_listener(const struct worker *worker, unsigned i);

/* It must not be running. Takes NULL. */
void worker_free(struct worker *worker);

#endif
