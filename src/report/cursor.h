/*
 * cursor.h - walks the keys of one table of one stretch of time, in their order. Private to the report layer.
 *
 * A source is the table: a section of a rollup, or in memory. Cursors begin at any key of it; as many threads
 * as like have cursors at one source. A set of visitors is stepped over, and can be looked at later: it stays
 * where it is as long as the source.
 */
#ifndef CRUMB_SRC_REPORT_CURSOR_H
#define CRUMB_SRC_REPORT_CURSOR_H

#include "pack.h"
#include "summary.h"

struct source {
    const struct summary_table *table; /* in memory; NULL: in a file */
    struct unpack u;
    size_t bytes; /* roughly, of one in memory */
    struct mark *mark;
    size_t marks;
};

/* The table is borrowed. */
void source_of_table(struct source *source, const struct summary_table *table);

/* Walks the section once: 1: it is as it should be, but for its sets; 0: damaged; -1: out of memory. */
int source_of_section(struct source *source, struct unpack u);
void source_free(struct source *source);

/* The key where part i of n begins, roughly; absent when there is no such place. */
struct str source_key_at(const struct source *source, size_t i, size_t n);

/* A set that was not looked at. */
struct unread {
    enum set_form form;
    size_t members;           /* if it is no estimate */
    const unsigned char *p;   /* in a file; or */
    const struct set *memory; /* in memory */
};

/* At a key: what stands there is read, but for the set. A zeroed one is nowhere. */
struct cursor {
    struct unpack u;
    size_t left;
    const struct summary_key *at, *end; /* instead, in memory */
    struct str key;
    uint64_t count[TALLY_COUNTS];
    struct unread set;
};

/* At the first key that is not below `since`, or of all (NULL). False like cursor_next. */
bool cursor_seek(struct cursor *cursor, const struct source *source, const struct str *since);

/* False at the end, and where the section is bad (cursor->u.bad). */
bool cursor_next(struct cursor *cursor);

/* As bytes. */
int cursor_compare(struct str a, struct str b);

#endif
