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

#include "pack.h"
#include "summary.h"

#define ROLLUP_VERSION  1
#define ROLLUP_KEYS_MAX 50000 /* a table with more is left out, as a whole */
#define ROLLUP_SITES    50    /* with a summary of their own: those with the most hits */

/* For rollup_file.c and rollup_write.c. */
#define ROLLUP_MAGIC        "crumbsum"
#define ROLLUP_PREFIX_BYTES 24
#define ROLLUP_BASE         "base"
#define ROLLUP_TIME         "time"
uint64_t rollup_check(const void *p, size_t n);

/* What a file is of; it is valid for a question only where all of it fits. */
struct rollup_head {
    uint64_t fingerprint; /* of all that decides how hits are counted */
    uint64_t source;      /* of the hours it covers */
    int64_t since_ms, until_ms, idle_ms;
    struct str zone; /* that its steps are of; "" when it has none */
};

struct join;

/* What is to be written: parts, the first one of all sites together. A zeroed one is empty. */
struct rollup_writer {
    struct pack parts, sites, body;
    size_t parts_count, sites_count;
};

/* The next part: everything but its tables from the summary, the tables from the join. */
int rollup_add_part(struct rollup_writer *writer, const struct summary *summary, struct join *join,
                    struct err *e);

/* The same of a summary that has its tables. */
int rollup_add_summary(struct rollup_writer *writer, const struct summary *summary,
                       unsigned threads, struct err *e);

/* A site that has hits, and the number of its part; a site alone shares the part of all. */
void rollup_add_site(struct rollup_writer *writer, struct str name, size_t part);

/* Atomically: the old file or the new one, whatever happens. complete: no other sites have hits. */
int rollup_write(const char *path, const struct rollup_writer *writer,
                 const struct rollup_head *head, bool complete, struct err *e);
void rollup_writer_free(struct rollup_writer *writer);

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

/* All but its tables. steps: the rows of the timeline, too. ERR_DAMAGED. */
struct summary *rollup_load(const struct rollup_file *file, int part, bool steps, struct err *e);

/* For join.c: a table whose check is right, beginning with its number of keys. False: it is damaged. */
bool rollup_section(const struct rollup_file *file, int part, int table, struct unpack *u);

/* The hashes of a part that rollup_load took, 8 bytes each, lowest first; false when they are estimated. */
bool rollup_visitors(const struct rollup_file *file, int part, const unsigned char **hashes,
                     size_t *count);

/* ERR_DAMAGED, with the file's name. */
int rollup_damaged(const struct rollup_file *file, struct err *e);

uint64_t rollup_file_bytes(const struct rollup_file *file);

#endif
