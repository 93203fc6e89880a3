/*
 * seen.h - which ids were met, so that a record that is there twice is noticed.
 *
 * An id is INSTANCE-WORKER-SEQUENCE. The numbers of a writer (INSTANCE-WORKER) nearly always come
 * in order, and are kept as ranges: what this takes grows with the writers and the gaps, not with
 * the records. Thread: one.
 */
#ifndef CRUMB_CLI_SEEN_H
#define CRUMB_CLI_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct seen;

/* NULL when out of memory. */
struct seen *seen_new(void);
void seen_free(struct seen *seen);

/* Takes an id apart; *writer borrows from it. False when it is none. */
bool seen_split_id(struct str id, struct str *writer, uint64_t *seq);

/* 1: it is new, 0: it was met before, -1: out of memory. */
int seen_add(struct seen *seen, struct str writer, uint64_t seq);

#endif
