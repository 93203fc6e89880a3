/*
 * join.h - the tables of many stretches of time as one, key by key. Private to the report layer.
 *
 * The stretches (pieces) are read from rollups, where tables stay in the file's memory until they are
 * walked, or were made from hits. All pieces are walked at the same time in the order of their keys; the
 * visitors of a few keys are united at a time (members.h) and counted, or written, before the next ones
 * come. So nothing is held but what comes out. Tables, and ranges of keys of large ones, are shared out
 * among threads.
 *
 * What comes out depends on the hits alone, never on how they were cut into pieces. Thread: one at a time;
 * it starts the others.
 */
#ifndef CRUMB_SRC_REPORT_JOIN_H
#define CRUMB_SRC_REPORT_JOIN_H

#include "rollup_file.h"

struct join;

/* visitors: those of all pieces together; borrowed, as all that is added. threads: at least 1. NULL: no memory. */
struct join *join_new(const struct set *visitors, unsigned threads);
void join_free(struct join *join);

/* A part of a file, or the tables of a summary. -1: out of memory. */
int join_add_part(struct join *join, const struct rollup_file *file, int part);
int join_add_summary(struct join *join, const struct summary *summary);

/* Bits of the tables that all pieces have. */
uint32_t join_tables(const struct join *join);

/* Makes the answers of those tables, with the number of visitors of each key. -1 and e, see join_damaged. */
int join_count(struct join *join, uint32_t tables, struct summary *into, struct err *e);

/* A table as the section of a file. More keys than ROLLUP_KEYS_MAX give none: their number alone is known. */
struct join_section {
    struct pack pack;
    size_t keys;
};

/* Fills the sections of those tables. pack_free each, also after a failure. */
int join_pack(struct join *join, uint32_t tables, struct join_section section[SUMMARY_TABLES_MAX],
              struct err *e);

/* After ERR_DAMAGED: which one, in the order in which pieces were added. */
size_t join_damaged(const struct join *join);

#endif
