/*
 * last.h - the newest N of many records, by their time; records of one time in the order they came.
 *
 * The store does not merge the workers' records by time, so the last N read are not the newest N.
 * Thread: one.
 */
#ifndef CRUMB_CLI_LAST_H
#define CRUMB_CLI_LAST_H

#include "base/date.h"
#include "base/str.h"

struct last_line {
    char ts[DATE_RFC3339_BYTES]; /* zeros when the line has none: older than all others */
    uint64_t order;
    char *text; /* from malloc */
    size_t n;
};

/* A heap with the oldest line at its top until last_sort. */
struct last {
    struct last_line *lines;
    size_t count;
    size_t most; /* N */
    uint64_t seen;
};

/* most > 0. False when out of memory. */
bool last_begin(struct last *last, size_t most);

/* Keeps a copy if the line is among the newest so far. False when out of memory. */
bool last_add(struct last *last, struct str line);

/* Puts lines[0 .. count-1] in order, oldest first. Nothing can be added after it. */
void last_sort(struct last *last);

void last_clear(struct last *last);
void last_free(struct last *last);

#endif
