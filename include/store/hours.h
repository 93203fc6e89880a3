/*
 * hours.h - which hours have data, and a number for what exactly an hour holds.
 *
 * Sealed files never change, so an hour whose files have the same names and sizes holds the same
 * records; whoever keeps something that was worked out from them can tell by `source` whether it still
 * is true.
 */
#ifndef CRUMB_STORE_HOURS_H
#define CRUMB_STORE_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct hour {
    int64_t begin_ms;
    int64_t first_ms, last_ms; /* when its first and its last file begin */
    uint64_t source;           /* of the names and sizes of its sealed files */
    bool live;                 /* it has records that are not sealed yet */
};

struct hours {
    struct hour *hour; /* in order; hours without records are not there */
    size_t count;
    bool unreadable; /* a folder could not be listed: there may be more */
};

/*
 * Hours that have anything in common with [since, until), by several threads: a year has a hundred thousand
 * files to look at. Free with hours_free, also after a failure.
 */
int hours_list(struct hours *hours, const char *data_dir, int64_t since_ms, int64_t until_ms,
               unsigned threads, struct err *e);
void hours_free(struct hours *hours);

#endif
