/*
 * period.h - a stretch of time that was read: by hits, or from rollups. Private to the report layer.
 */
#ifndef CRUMB_SRC_REPORT_PERIOD_H
#define CRUMB_SRC_REPORT_PERIOD_H

#include "fold.h"
#include "summary.h"

/* A zeroed one is empty. */
struct period {
    struct plan plan;
    struct fold *folds[FOLD_THREADS_MAX]; /* what was read, ready to be merged */
    unsigned threads;
    struct summary *summary; /* instead of the folds */
    int64_t since_ms, until_ms;
    uint64_t damaged, file_bytes;
    uint64_t from_rollups; /* records */
};

/*
 * Reads the hits with all processors. *step: AUTO becomes the one that fits. keeps_stays: for
 * summary_of_period. period_free also after a failure.
 */
int period_read(struct period *period, const struct report_spec *spec, int64_t since_ms,
                int64_t until_ms, enum report_step *step, bool keeps_stays, struct err *e);
void period_free(struct period *period);

/* As many threads as are asked for, or one for each processor. */
unsigned period_threads(unsigned asked);

/* Some 50 to 100 points where that can be; first and last: when the files begin. */
enum report_step period_step(const struct report_spec *spec, int64_t first_ms, int64_t last_ms);

struct fold_totals period_totals(const struct period *period);

/* What the folds counted as a summary: the tables of the plan, and the rows of its timeline. */
struct summary *summary_of_period(const struct period *period, struct err *e);

#endif
