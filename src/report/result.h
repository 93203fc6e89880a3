/*
 * result.h - from counted keys to a table of cells. Private to the report layer.
 */
#ifndef CRUMB_SRC_REPORT_RESULT_H
#define CRUMB_SRC_REPORT_RESULT_H

#include "period.h"

/* Do --sort and --by name what there is? ERR_INPUT and the columns that there are. */
int result_check(const struct report_spec *spec, struct err *e);

/* Row i of the spec as a table. before: NULL, or the period to compare with. */
int result_table(struct report_table *table, const struct report_spec *spec, size_t i,
                 const struct period *now, const struct period *before, struct err *e);

#endif
