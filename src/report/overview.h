/*
 * overview.h - the figures of a whole period in one row. Private to the report layer.
 */
#ifndef CRUMB_SRC_REPORT_OVERVIEW_H
#define CRUMB_SRC_REPORT_OVERVIEW_H

#include "result.h"

/* Of all threads. */
struct fold_totals period_totals(const struct period *period);

/* The columns are made. before: NULL, or the period to compare with. */
int overview_table(struct report_table *table, const struct period *now,
                   const struct period *before, struct err *e);

#endif
