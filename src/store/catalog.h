/*
 * catalog.h - names: what a file in the data folder is called, and what there is.
 *
 *      spool/<stem>.seg                                    a segment
 *      spool/spare-<n>.free                                an old segment's room, kept for the next
 *      hits/dt=2026-11-23/hour=14/<stem>.ndjson.gz         a sealed file; .idx its index; .tmp
 * unfinished
 *
 *      stem: 20261123T140509Z-<instance>-<worker>-<number>     all of a segment's identity
 *
 * So the path of the sealed file is known from the segment's name alone, and that is what makes
 * sealing idempotent. Thread: any.
 */
#ifndef CRUMB_STORE_CATALOG_H
#define CRUMB_STORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "format.h"

#define CATALOG_PATH_BYTES 1024 /* data folder and our longest name; checked by catalog_check */
#define CATALOG_NAME_BYTES 112  /* the longest part that we add to the data folder, terminated */

#define SEGMENT_SUFFIX ".seg"
#define SPARE_PREFIX   "spare-"
#define SPARE_SUFFIX   ".free"
#define SEALED_SUFFIX  ".ndjson.gz"
#define INDEX_SUFFIX   ".idx"
#define TMP_SUFFIX     ".tmp"
#define PROBE_NAME     "probe.tmp"

/* ERR_INPUT when the folder's name is too long for our paths. */
int catalog_check(const char *data_dir, struct err *e);

typedef char catalog_path[CATALOG_PATH_BYTES];

void catalog_lock_path(catalog_path path, const char *data_dir);
void catalog_spool_dir(catalog_path path, const char *data_dir);
void catalog_hits_dir(catalog_path path, const char *data_dir);
void catalog_probe_path(catalog_path path, const char *data_dir);
void catalog_segment_path(catalog_path path, const char *data_dir, const struct segment_id *id);
void catalog_spare_path(catalog_path path, const char *data_dir, uint64_t number);
void catalog_day_dir(catalog_path path, const char *data_dir, int64_t ms);
void catalog_hour_dir(catalog_path path, const char *data_dir, int64_t ms);
void catalog_sealed_path(catalog_path path, const char *data_dir, const struct segment_id *id);

/* The index of a sealed file named `sealed`: .idx in the place of .ndjson.gz. False if it is not
 * named so. */
bool catalog_index_path(catalog_path path, const char *sealed);

/* Reads an identity from a file's name (its last component); false when it is not named so. */
bool catalog_parse_segment(const char *name, struct segment_id *id);
bool catalog_parse_sealed(const char *name, struct segment_id *id);

bool catalog_is_spare(const char *name);

/* The part behind the last slash. */
const char *catalog_base_name(const char *path);

/* Same instance and worker. */
bool catalog_same_writer(const struct segment_id *a, const struct segment_id *b);
bool catalog_same_segment(const struct segment_id *a, const struct segment_id *b);

/* By writer, then number: -1, 0, 1. */
int catalog_compare(const struct segment_id *a, const struct segment_id *b);

/* What is there, each segment once, whether in the spool or sealed. */
struct catalog_entry {
    struct segment_id id;
    bool in_spool; /* and not sealed yet when it was listed */
};

struct catalog {
    struct catalog_entry *entry;
    size_t count, room;
    uint64_t foreign_files; /* names that are not ours */
    uint64_t
        unreadable; /* folders that could not be listed; the first one's sentence is in trouble */
    struct err trouble;
};

/*
 * Adds the segments of the spool, or the sealed files with since <= hour < until. List the spool
 * first: then a segment that is sealed meanwhile is found in at least one of them. A folder that is
 * not there is empty.
 */
int catalog_add_spool(struct catalog *catalog, const char *data_dir, struct err *e);
int catalog_add_hits(struct catalog *catalog, const char *data_dir, int64_t since_ms,
                     int64_t until_ms, struct err *e);

/*
 * All of that, sorted: spool, sealed files with since <= hour < until, and where a segment of the spool
 * is of such an hour, the sealed files of all hours behind, too: a later file of its writer may say
 * which of its records are void (later.h). So the caller asks for each entry whether its hour is
 * wanted.
 */
int catalog_list(struct catalog *catalog, const char *data_dir, int64_t since_ms, int64_t until_ms,
                 struct err *e);

/* Sorts by writer and number, and drops a segment's spool entry where its sealed file was found
 * too. */
void catalog_sort(struct catalog *catalog);
void catalog_free(struct catalog *catalog);

#endif
