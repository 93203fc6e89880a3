/*
 * measures.h - the numbers of a row, by the names of columns; and the keys, measures and order that a
 * question asks for. Private to the report layer.
 */
#ifndef CRUMB_SRC_REPORT_MEASURES_H
#define CRUMB_SRC_REPORT_MEASURES_H

#include "report/report.h"
#include "tally.h"

/* One key of a table with its counts, merged from all threads. */
struct row {
    uint64_t hash;
    uint64_t count[TALLY_COUNTS];
    uint64_t visitors;
    struct str key; /* from malloc */
};

enum measure_kind {
    MEASURE_COUNT, /* measure_count has it */
    MEASURE_RATE,  /* measure_rate has it */
    MEASURE_SHARE, /* the row's part in the sum of the main measure */
};

enum measure_kind measure_kind(const char *name);
uint64_t measure_count(const struct row *row, const char *name, enum report_fold fold);
bool measure_rate(const struct row *row, const char *name, double *rate); /* false: unknown, 0 */

unsigned measures_count(const struct report_row *row);
bool measure_is(const struct report_row *row, const char *name); /* has it such a measure? */

/* The measure that shares and bars are about. */
const char *measure_main(const struct report_row *row, const char *sort);

/* Of row i of the spec: --by and --sort are about the first. */
const char *const *asked_keys(const struct report_spec *spec, size_t i);
const char *asked_sort(const struct report_spec *spec, size_t i);
int asked_key(const struct report_spec *spec, size_t i, const char *name); /* which; -1: none */

/* "params.banner" is called "banner" in data. */
const char *asked_key_name(const char *key);

#endif
