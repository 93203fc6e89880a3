/*
 * rollup_file.h - summaries of one stretch of time in a file: of all sites together, and of each. Private
 * to the report layer.
 *
 * Nothing in a file is believed that its checksums and rules (rollup_file.c) do not vouch for; a file
 * that breaks one is ERR_DAMAGED, which is never worse than not having it. Only the tables that are asked
 * for are looked at. Thread: one at a time.
 */
#ifndef CRUMB_SRC_REPORT_ROLLUP_FILE_H
#define CRUMB_SRC_REPORT_ROLLUP_FILE_H

#include "summary.h"

#define ROLLUP_VERSION  1
#define ROLLUP_KEYS_MAX 50000 /* a table with more is left out, as a whole */
#define ROLLUP_SITES    50    /* with a summary of their own: those with the most hits */

/* What a file is of; it is valid for a question only where all of it fits. */
struct rollup_head {
    uint64_t fingerprint; /* of all that decides how hits are counted */
    uint64_t source;      /* of the hours it covers */
    int64_t since_ms, until_ms, idle_ms;
    struct str zone; /* that its steps are of; "" when it has none */
};

/* Sites that have hits; `complete`: there are no others. A site alone shares the part of all. */
struct rollup_site {
    struct str name;
    struct summary *summary; /* NULL: the same as all */
};

struct rollup_contents {
    struct rollup_head head;
    const struct summary *all;
    const struct rollup_site *site;
    size_t sites;
    bool complete;
};

/* Atomically: the old file or the new one, whatever happens. */
int rollup_write(const char *path, const struct rollup_contents *contents, struct err *e);

struct rollup_file;

struct rollup_file *rollup_open(const char *path, struct err *e);
void rollup_close(struct rollup_file *file);
const struct rollup_head *rollup_head_of(const struct rollup_file *file);

size_t rollup_sites(const struct rollup_file *file, bool *complete);
struct str rollup_site_name(const struct rollup_file *file, size_t i);

/* The part of a site, or of all sites when its name is absent. */
#define ROLLUP_UNKNOWN (-1)
#define ROLLUP_NO_HITS (-2)
int rollup_part(const struct rollup_file *file, struct str site);

bool rollup_has_table(const struct rollup_file *file, int part, int table);
bool rollup_has_steps(const struct rollup_file *file, int part);

/* tables: bits of those that are wanted (others are not known in the result). steps: the rows of the timeline, too. */
struct summary *rollup_load(const struct rollup_file *file, int part, uint32_t tables, bool steps,
                            struct err *e);

uint64_t rollup_file_bytes(const struct rollup_file *file);

#endif
