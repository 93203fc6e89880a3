/*
 * scan.c - reads the whole data folder once. See store/scan.h for the contract.
 *
 * The race with a running server is settled by order: the spool is listed before hits/, so a
 * segment that is sealed meanwhile is in one of the two lists; what is in both is read sealed; and
 * a segment that is sealed and recycled while it is read is continued in its sealed file, whose
 * path is known from the segment's name, behind the last number that was delivered.
 */
#include "store/scan.h"

#include <stdlib.h>

#include "catalog.h"
#include "later.h"
#include "line.h"
#include "reading.h"

struct writer {
    struct segment_id id; /* instance and worker of it */
    struct ranges have;
};

struct source {
    struct segment_id id;
    bool in_spool;
    struct later later; /* in the spool */
    size_t writer;
};

struct scan {
    struct reading reading;
    struct catalog catalog;
    struct source *source;
    struct writer *writer;
    size_t writers;
    bool alive; /* a server holds the folder */
};

static bool all_time(const struct scan_options *options)
{
    return options->since_ms == INT64_MIN && options->until_ms == INT64_MAX;
}

/* ---- what there is ---- */

static int by_time(const void *a, const void *b)
{
    const struct source *x = a, *y = b;

    if (x->id.created_ms != y->id.created_ms)
        return x->id.created_ms < y->id.created_ms ? -1 : 1;
    return catalog_compare(&x->id, &y->id);
}

/* The catalog is sorted by writer; the sources get its order by time. */
static int make_sources(struct scan *scan, struct err *e)
{
    const struct catalog *catalog = &scan->catalog;
    const struct catalog_entry *entry = catalog->entry;

    scan->source = calloc(catalog->count + 1, sizeof *scan->source);
    scan->writer = calloc(catalog->count + 1, sizeof *scan->writer);
    if (scan->source == NULL || scan->writer == NULL)
        return err_set(e, ERR_MEMORY, "out of memory for %zu files", catalog->count);
    for (size_t i = 0; i < catalog->count; i++) {
        struct source *source = &scan->source[i];

        if (i == 0 || !catalog_same_writer(&entry[i].id, &entry[i - 1].id))
            scan->writer[scan->writers++].id = entry[i].id;
        source->id = entry[i].id;
        source->in_spool = entry[i].in_spool;
        source->writer = scan->writers - 1;
        if (entry[i].in_spool)
            source->later = later_than(scan->reading.options->data_dir, catalog, &entry[i].id);
    }
    qsort(scan->source, catalog->count, sizeof *scan->source, by_time);
    return 0;
}

static int look_around(struct scan *scan, struct err *e)
{
    const struct scan_options *options = scan->reading.options;
    catalog_path lock;
    struct stat st;

    if (catalog_check(options->data_dir, e) != 0 || fs_stat_path(options->data_dir, &st, e) != 0)
        return -1;
    catalog_lock_path(lock, options->data_dir);
    if (catalog_list(&scan->catalog, options->data_dir, options->since_ms, options->until_ms, e) !=
        0)
        return -1;
    scan->alive = fs_is_locked(lock); /* afterwards: who is not there now writes to none of them */
    scan->reading.totals->foreign_files += scan->catalog.foreign_files;
    return make_sources(scan, e);
}

/* ---- reading it ---- */

static int read_sealed(struct scan *scan, const struct source *source, uint64_t from_seq,
                       bool *missing, struct err *e)
{
    catalog_path path;

    catalog_sealed_path(path, scan->reading.options->data_dir, &source->id);
    return reading_sealed(&scan->reading, path, from_seq, &scan->writer[source->writer].have, NULL,
                          missing, e);
}

static int read_segment(struct scan *scan, const struct source *source, struct err *e)
{
    struct segment_reader reader;
    catalog_path path;
    struct err why;
    bool gone, missing;
    uint64_t next_seq = 0;
    int result;

    catalog_segment_path(path, scan->reading.options->data_dir, &source->id);
    if (segment_open(&reader, path, &source->id, &why) != 0) {
        if (why.code == ERR_MISSING) /* sealed since it was listed; or it was empty */
            return read_sealed(scan, source, 0, &missing, e);
        return reading_damage(&scan->reading, path, 0, 0, why.text);
    }
    scan->reading.totals->segments++;
    reader.seq_limit = source->later.first_seq;
    reader.mode = scan->alive && !source->later.begun ? SEGMENT_LIVE : SEGMENT_SETTLED;
    result = reading_segment(&scan->reading, &reader, &scan->writer[source->writer].have, &next_seq,
                             &gone, e);
    segment_close(&reader);
    if (result == 0 && gone)
        result = read_sealed(scan, source, next_seq, &missing, e);
    return result;
}

static int read_everything(struct scan *scan, struct err *e)
{
    int result = 0;

    if (scan->catalog.unreadable > 0)
        result = reading_damage(&scan->reading, scan->reading.options->data_dir, 0, 0,
                                scan->catalog.trouble.text);
    for (size_t i = 0; i < scan->catalog.count && result == 0; i++) {
        const struct source *source = &scan->source[i];

        if (!reading_hour_is_wanted(scan->reading.options, source->id.created_ms))
            continue;
        result = source->in_spool ? read_segment(scan, source, e)
                                  : read_sealed(scan, source, 0, NULL, e);
    }
    return result;
}

/* ---- gaps ---- */

static int tell_gap(struct scan *scan, const struct writer *writer, uint64_t first, uint64_t last)
{
    const struct scan_options *options = scan->reading.options;
    char instance[INSTANCE_BYTES + 1] = { 0 };
    struct scan_gap gap = { instance, writer->id.worker, first, last };

    memcpy(instance, writer->id.instance, INSTANCE_BYTES);
    scan->reading.totals->gaps++;
    return options->gap == NULL ? 0 : options->gap(options->arg, &gap);
}

/* Every writer counts from 1. */
static int tell_gaps(struct scan *scan)
{
    int result = 0;

    for (size_t w = 0; w < scan->writers && result == 0; w++) {
        const struct ranges *have = &scan->writer[w].have;
        uint64_t expected = 1;

        for (size_t i = 0; i < have->count && result == 0; i++) {
            if (have->range[i].first > expected)
                result = tell_gap(scan, &scan->writer[w], expected, have->range[i].first - 1);
            expected = have->range[i].last + 1;
        }
    }
    return result;
}

int scan_run(const struct scan_options *options, struct scan_totals *totals, struct err *e)
{
    struct scan scan;
    int result;

    memset(totals, 0, sizeof *totals);
    memset(&scan, 0, sizeof scan);
    scan.reading.options = options;
    scan.reading.totals = totals;
    result = look_around(&scan, e);
    if (result == 0)
        result = read_everything(&scan, e);
    if (result == 0 && all_time(options))
        result = tell_gaps(&scan);
    for (size_t w = 0; w < scan.writers; w++)
        ranges_free(&scan.writer[w].have);
    free(scan.writer);
    free(scan.source);
    catalog_free(&scan.catalog);
    sealed_buffer_free(&scan.reading.buffer);
    return result;
}

/* ---- one file ---- */

/* By its first bytes, so that a copy under another name can be read too. */
static int is_segment(const char *path, bool *segment, struct err *e)
{
    struct fs_file file;
    char start[8];
    size_t got;
    struct segment_id id;

    *segment = catalog_parse_segment(catalog_base_name(path), &id);
    if (*segment)
        return 0;
    if (fs_open(&file, path, FS_READ, e) != 0)
        return -1;
    if (fs_read_at(&file, start, sizeof start, 0, &got, e) != 0) {
        fs_close(&file);
        return -1;
    }
    fs_close(&file);
    *segment = got == sizeof start && memcmp(start, SEGMENT_MAGIC, sizeof start) == 0;
    return 0;
}

static int scan_segment_file(struct reading *reading, const char *path, struct err *e)
{
    struct segment_reader reader;
    struct segment_id id;
    bool named = catalog_parse_segment(catalog_base_name(path), &id), gone;
    int result;

    if (segment_open(&reader, path, named ? &id : NULL, e) != 0)
        return -1;
    reading->totals->segments++;
    result = reading_segment(reading, &reader, NULL, NULL, &gone, e);
    segment_close(&reader);
    return result;
}

int scan_file(const char *path, const struct scan_options *options, struct scan_totals *totals,
              struct err *e)
{
    struct reading reading;
    bool segment;
    int result;

    memset(totals, 0, sizeof *totals);
    memset(&reading, 0, sizeof reading);
    reading.options = options;
    reading.totals = totals;
    if (is_segment(path, &segment, e) != 0)
        return -1;
    result = segment ? scan_segment_file(&reading, path, e)
                     : reading_sealed(&reading, path, 0, NULL, NULL, NULL, e);
    sealed_buffer_free(&reading.buffer);
    return result;
}
