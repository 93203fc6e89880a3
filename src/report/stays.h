/*
 * stays.h - what the walk over the visits leaves for a summary: visitors, and their sessions. Private to
 * the report layer.
 *
 * Each fold has its own; summary_raw.c brings them together. Thread: one.
 */
#ifndef CRUMB_SRC_REPORT_STAYS_H
#define CRUMB_SRC_REPORT_STAYS_H

#include "set.h"
#include "summary.h"
#include "visits.h"

struct stays {
    int64_t since_ms, until_ms, idle_ms;
    struct set visitors, fresh;        /* not in order; each visitor is walked once */
    uint64_t sessions, bounces, views; /* closed: no neighbouring stretch can continue them */
    uint32_t *duration;
    size_t durations, durations_cap;
    struct summary_session *open;
    size_t open_count, open_cap;
    bool failed; /* out of memory */
};

struct stays *stays_new(int64_t since_ms, int64_t until_ms, int64_t idle_ms);
void stays_free(struct stays *stays);

/* All touches of one visitor, in order. */
void stays_add(struct stays *stays, const struct touch *touches, size_t count, bool is_new);

#endif
