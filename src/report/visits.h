/*
 * visits.h - hits brought together by visitor and put in order of time, and cut into sessions. Private
 * to the report layer.
 *
 * Data files are not in order of time across workers, so each hit of a visitor leaves a touch; when all
 * are there, they are sorted part by part. Memory is bounded: touches are spilled. Thread: each
 * scanning thread has its own struct visits; parts can be walked by several threads at once.
 */
#ifndef CRUMB_SRC_REPORT_VISITS_H
#define CRUMB_SRC_REPORT_VISITS_H

#include "base/err.h"
#include <stdbool.h>

#include "spill.h"

enum { TOUCH_VIEW = 1, TOUCH_NEW = 2 };

struct touch {
    uint64_t visitor; /* hash of the vid */
    int64_t ts_ms;
    uint64_t page;  /* hash of a view's path */
    uint32_t order; /* of hits of the same millisecond */
    uint32_t flags;
};

struct visits;

struct visits *visits_new(void);
void visits_free(struct visits *visits);

/* Remembers a failure for visits_walk. */
void visits_add(struct visits *visits, const struct touch *touch);
size_t visits_bytes(const struct visits *visits);
void visits_spill(struct visits *visits);

/* Called for each visitor with all touches in order, cut by the caller (visit_length). */
typedef void visits_fn(void *arg, const struct touch *touches, size_t count);
int visits_walk(struct visits *const *visits, unsigned count, unsigned part, visits_fn *each,
                void *arg, struct err *e);

/* How many of the first touches are one session: none comes more than idle_ms after the one before. */
size_t visit_length(const struct touch *touches, size_t count, int64_t idle_ms);

#endif
