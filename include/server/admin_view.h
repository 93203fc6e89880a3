/*
 * admin_view.h - what the admin endpoints may see of the running server; context.server points to
 * it on the admin listener.
 *
 * The server fills it before the admin listener opens and keeps it until that is closed. Thread:
 * read on the thread of the admin listener only; everything behind the pointers may be changed by
 * others meanwhile (atomics, store_counters); but live is that thread's own.
 */
#ifndef CRUMB_SERVER_ADMIN_VIEW_H
#define CRUMB_SERVER_ADMIN_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/live.h"
#include "server/metrics.h"
#include "store/store.h"

struct admin_view {
    struct metrics *const *metrics; /* one of each loop thread */
    unsigned metrics_count;
    struct store *store;
    struct live *live; /* NULL: there is no live page */
    const _Atomic bool
        *draining;      /* a stop was asked for: /readyz says no, so that balancers go elsewhere */
    int64_t started_ms; /* wall time of the start */
    const char *version;
};

#endif
