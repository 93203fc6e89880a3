/*
 * follow.c - delivers what is written, as it is written. See store/scan.h (scan_follow_*) for the
 * contract.
 *
 * For each writer it remembers the next segment and the next sequence number; the newest segment
 * stays open. Files come and go only through the spool folder, so the folders are listed again only
 * when that has changed. A segment is finished when its sealed file is there, or when a later
 * segment of its writer had been begun before it was read to its end.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "catalog.h"
#include "later.h"
#include "reading.h"
#include "store/scan.h"

/* A folder that changed so recently may change again without a new time stamp. */
#define STAMP_TRUST_MS 1000

struct follow_writer {
    struct segment_id id; /* instance and worker; of the open segment, all */
    uint32_t next_number;
    uint64_t next_seq;
    bool open;
    struct segment_reader reader;
};

struct scan_follow {
    struct scan_options options;
    struct scan_totals totals;
    struct reading reading;
    char *data_dir;
    struct follow_writer **writer; /* each by itself, as readers are large and do not move */
    size_t writers, room;
    struct timespec stamp; /* of the spool folder when it was listed */
    bool listed;
};

/* ---- writers ---- */

static struct follow_writer *find_writer(struct scan_follow *f, const struct segment_id *id)
{
    struct follow_writer *w;

    for (size_t i = f->writers; i > 0; i--) {
        if (catalog_same_writer(&f->writer[i - 1]->id, id))
            return f->writer[i - 1];
    }
    if (f->writers == f->room) {
        size_t room = f->room == 0 ? 8 : f->room * 2;
        struct follow_writer **grown = realloc(f->writer, room * sizeof *grown);

        if (grown == NULL)
            return NULL;
        f->writer = grown;
        f->room = room;
    }
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->id = *id;
    w->next_number = 1;
    w->next_seq = 1;
    f->writer[f->writers++] = w;
    return w;
}

static void close_reader(struct follow_writer *w)
{
    if (w->open)
        segment_close(&w->reader);
    w->open = false;
}

static void finish(struct follow_writer *w, const struct segment_id *id)
{
    close_reader(w);
    w->next_number = id->number + 1;
}

/* ---- one file ---- */

static int read_sealed(struct scan_follow *f, struct follow_writer *w, const struct segment_id *id,
                       bool *missing, struct err *e)
{
    catalog_path path;

    *missing = false;
    if (f->reading.silent)
        return 0;
    catalog_sealed_path(path, f->data_dir, id);
    return reading_sealed(&f->reading, path, w->next_seq, NULL, &w->next_seq, missing, e);
}

/* Opens the segment, unless it is open and begun already. *missing: it is not there any more. */
static int open_reader(struct scan_follow *f, struct follow_writer *w, const struct segment_id *id,
                       bool *missing, struct err *e)
{
    catalog_path path;
    struct err why;

    *missing = false;
    if (w->open && w->reader.begun && catalog_same_segment(&w->reader.id, id))
        return 0;
    close_reader(w);
    catalog_segment_path(path, f->data_dir, id);
    w->id = *id;
    if (segment_open(&w->reader, path, id, &why) == 0) {
        w->open = true;
        return 0;
    }
    if (why.code == ERR_MEMORY)
        return err_set(e, ERR_MEMORY, "%s", why.text);
    *missing = true;
    if (why.code == ERR_MISSING)
        return 0;
    return reading_damage(&f->reading, path, 0, 0, why.text);
}

/* A segment of the spool. */
static int follow_segment(struct scan_follow *f, struct follow_writer *w,
                          const struct segment_id *id, struct later later, struct err *e)
{
    bool missing, gone = false, unsealed;
    int result = open_reader(f, w, id, &missing, e);

    if (result != 0)
        return result;
    if (!missing) {
        w->reader.mode = later.begun ? SEGMENT_SETTLED : SEGMENT_FOLLOWED;
        w->reader.seq_limit = later.first_seq;
        result = reading_segment(&f->reading, &w->reader, NULL, &w->next_seq, &gone, e);
        if (result != 0)
            return result;
    }
    if (missing || gone) {
        result = read_sealed(f, w, id, &unsealed, e);
        finish(w, id);
    } else if (later.begun) {
        finish(w, id);
    }
    return result;
}

/* ---- one round ---- */

static int follow_list(struct scan_follow *f, const struct catalog *catalog, struct err *e)
{
    int result = 0;

    for (size_t i = 0; i < catalog->count && result == 0; i++) {
        const struct catalog_entry *entry = &catalog->entry[i];
        struct follow_writer *w = find_writer(f, &entry->id);
        bool missing;

        if (w == NULL)
            return err_set(e, ERR_MEMORY, "out of memory while following");
        if (entry->id.number < w->next_number)
            continue;
        if (entry->in_spool) {
            result =
                follow_segment(f, w, &entry->id, later_than(f->data_dir, catalog, &entry->id), e);
        } else {
            result = read_sealed(f, w, &entry->id, &missing, e);
            finish(w, &entry->id);
        }
    }
    return result;
}

static int list_and_follow(struct scan_follow *f, struct err *e)
{
    struct catalog catalog;
    int result;

    memset(&catalog, 0, sizeof catalog);
    result = catalog_list(&catalog, f->data_dir, INT64_MIN, INT64_MAX, e);
    if (result == 0)
        result = follow_list(f, &catalog, e);
    catalog_free(&catalog);
    return result;
}

/* Only the segments that are open have more. */
static int follow_open(struct scan_follow *f, struct err *e)
{
    int result = 0;

    for (size_t i = 0; i < f->writers && result == 0; i++) {
        struct follow_writer *w = f->writer[i];

        if (w->open) {
            struct segment_id id = w->reader.id;

            result = follow_segment(f, w, &id, (struct later){ false, SEGMENT_ALL }, e);
        }
    }
    return result;
}

/* Has the spool folder changed since it was listed, or may it have? */
static bool spool_changed(struct scan_follow *f)
{
    catalog_path dir;
    struct stat st;
    bool same;
    int64_t age_ms;

    catalog_spool_dir(dir, f->data_dir);
    if (fs_stat_path(dir, &st, NULL) != 0)
        return true;
    same =
        f->listed && st.st_mtim.tv_sec == f->stamp.tv_sec && st.st_mtim.tv_nsec == f->stamp.tv_nsec;
    age_ms = clock_wall_ms() - ((int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
    f->stamp = st.st_mtim;
    f->listed = true;
    return !same || (age_ms > -STAMP_TRUST_MS && age_ms < STAMP_TRUST_MS);
}

int scan_follow_poll(struct scan_follow *f, struct err *e)
{
    return spool_changed(f) ? list_and_follow(f, e) : follow_open(f, e);
}

/* ---- the follower ---- */

struct scan_follow *scan_follow_new(const struct scan_options *options, bool from_start,
                                    struct err *e)
{
    struct scan_follow *f;
    struct stat st;

    if (catalog_check(options->data_dir, e) != 0 || fs_stat_path(options->data_dir, &st, e) != 0)
        return NULL;
    f = calloc(1, sizeof *f);
    if (f == NULL || (f->data_dir = str_dup(str_of(options->data_dir))) == NULL) {
        free(f);
        err_set(e, ERR_MEMORY, "out of memory while following");
        return NULL;
    }
    f->options = *options;
    f->options.data_dir = f->data_dir;
    f->reading.options = &f->options;
    f->reading.totals = &f->totals;
    if (from_start)
        return f;
    f->reading.silent = true;
    if (scan_follow_poll(f, e) != 0) {
        scan_follow_free(f);
        return NULL;
    }
    f->reading.silent = false;
    return f;
}

void scan_follow_free(struct scan_follow *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->writers; i++) {
        close_reader(f->writer[i]);
        free(f->writer[i]);
    }
    free(f->writer);
    sealed_buffer_free(&f->reading.buffer);
    free(f->data_dir);
    free(f);
}
