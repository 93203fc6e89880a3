/*
 * rows.h - the rows of one table: merged from what the threads counted, sorted, cut to the top, named.
 * Private to the report layer.
 */
#ifndef CRUMB_SRC_REPORT_ROWS_H
#define CRUMB_SRC_REPORT_ROWS_H

#include "measures.h"
#include "result.h"

struct order {
    const char *measure; /* a count, largest first; NULL: by key */
    bool by_rate;        /* measure is a rate */
    unsigned key;        /* the column that decides among keys before the others */
    enum report_fold fold;
};

struct order rows_order(const struct report_spec *spec, size_t i);

/* Begins with zeros, top, order and only set by the caller. */
struct rows {
    struct row *row;
    size_t count, cap;
    size_t top; /* 0: all */
    struct order order;
    const struct rows *only; /* sorted by hash: keep these keys alone */
    struct row last;         /* of those that were kept when too many had come; */
    bool has_last;           /* what sorts behind it will not be among the top */
    uint64_t sum[TALLY_COUNTS], sum_visitors, groups;
    bool no_memory;
};

void rows_free(struct rows *rows);

/* Table i of the period. sum and groups are about all keys; more rows than top may be left. */
int rows_collect(struct rows *rows, const struct period *period, size_t i, struct err *e);
void rows_keep_top(struct rows *rows); /* sorted */
void rows_sort(struct rows *rows);

/* False when out of memory. */
bool rows_add(struct rows *rows, uint64_t hash, struct str key);

/* rows_find wants them sorted by hash. NULL: there is none. */
void rows_sort_by_hash(struct rows *rows);
const struct row *rows_find(const struct rows *rows, uint64_t hash);

/* Keys that are page hashes become text: the paths with FOLD_KEY_SEPARATOR or an arrow between. */
int rows_name_pages(struct rows *rows, const struct period *period, enum report_fold fold,
                    struct err *e);

#endif
