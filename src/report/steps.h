/*
 * steps.h - rows of a timeline beside those that were counted: steps without hits, and the steps of the period
 * before. Private to the report layer.
 */
#ifndef CRUMB_SRC_REPORT_STEPS_H
#define CRUMB_SRC_REPORT_STEPS_H

#include "rows.h"

/* Steps between the period's first and last hit that have no row get one. */
int steps_fill(struct rows *rows, const struct period *period, enum report_step step,
               struct err *e);

/*
 * Rows of the period before get the hashes of the steps `later` further on, so that rows_find finds them by those;
 * rows that nothing stands opposite to are not found. Sorted by hash then.
 */
int steps_move(struct rows *before_rows, const struct period *before, const struct period *now,
               enum report_step step, int64_t later, struct err *e);

/* By how many steps the period that ends at until_ms lies behind the one before, which ends at since_ms. */
int64_t steps_between(int64_t since_ms, int64_t until_ms, enum report_step step);

#endif
