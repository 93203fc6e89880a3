/*
 * hours.c - see store/hours.h for the contract.
 *
 * The spool is listed before hits/ (README.md, V15), by each thread for its part of the time, so a segment
 * that is sealed meanwhile is seen in at least one of them.
 */
#include "store/hours.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/tasks.h"
#include "catalog.h"

#define SLICES_PER_THREAD 4
#define SLICES_MAX        64

static int64_t hour_of(int64_t ms)
{
    return ms - ms % DATE_HOUR_MS;
}

static int by_hour(const void *a, const void *b)
{
    const struct catalog_entry *x = a, *y = b;
    int64_t p = hour_of(x->id.created_ms), q = hour_of(y->id.created_ms);

    return p != q ? (p < q ? -1 : 1) : catalog_compare(&x->id, &y->id);
}

/* UINT64_MAX when it cannot be looked at: no file is so large. */
static uint64_t size_of(const struct fs_file *folder, const struct segment_id *id)
{
    catalog_path path;
    struct stat st;

    if (folder->fd < 0)
        return UINT64_MAX;
    catalog_sealed_path(path, "", id);
    return fs_stat_in(folder, catalog_base_name(path), &st, NULL) == 0 ? (uint64_t)st.st_size
                                                                       : UINT64_MAX;
}

/* folder: where the hour's sealed files are. */
static void add_file(struct hour *hour, const struct fs_file *folder,
                     const struct catalog_entry *entry)
{
    unsigned char text[8 + IDENTITY_BYTES + 8];

    if (entry->id.created_ms < hour->first_ms)
        hour->first_ms = entry->id.created_ms;
    if (entry->id.created_ms > hour->last_ms)
        hour->last_ms = entry->id.created_ms;
    if (entry->in_spool) {
        hour->live = true;
        return;
    }
    put_u64(text, hour->source);
    put_identity(text + 8, &entry->id);
    put_u64(text + 8 + IDENTITY_BYTES, size_of(folder, &entry->id));
    hour->source = hash64(str_from((const char *)text, sizeof text), 0);
}

static int make_hours(struct hours *hours, struct catalog *catalog, const char *data_dir,
                      int64_t since_ms, int64_t until_ms)
{
    struct fs_file folder = FS_CLOSED;
    catalog_path path;

    hours->hour = calloc(catalog->count + 1, sizeof *hours->hour);
    if (hours->hour == NULL)
        return -1;
    if (catalog->count > 0)
        qsort(catalog->entry, catalog->count, sizeof *catalog->entry, by_hour);
    for (size_t i = 0; i < catalog->count; i++) {
        int64_t begin_ms = hour_of(catalog->entry[i].id.created_ms);

        if (begin_ms >= until_ms || begin_ms + DATE_HOUR_MS <= since_ms)
            continue;
        if (hours->count == 0 || hours->hour[hours->count - 1].begin_ms != begin_ms) {
            hours->hour[hours->count++] =
                (struct hour){ .begin_ms = begin_ms, .first_ms = INT64_MAX, .last_ms = INT64_MIN };
            fs_close(&folder);
            catalog_hour_dir(path, data_dir, begin_ms);
            fs_open_dir(&folder, path, NULL);
        }
        add_file(&hours->hour[hours->count - 1], &folder, &catalog->entry[i]);
    }
    fs_close(&folder);
    return 0;
}

/* Part of the time. Its bounds are full hours, or those of all of it: an hour is in one slice. */
struct slice {
    const char *data_dir;
    int64_t since_ms, until_ms;
    struct hours hours;
    int r;
    struct err err;
};

static void list_slice(void *arg, size_t i)
{
    struct slice *slice = (struct slice *)arg + i;
    const char *data_dir = slice->data_dir;
    struct catalog catalog = { 0 };
    struct err *e = &slice->err;

    slice->r = -1;
    if (catalog_list(&catalog, data_dir, slice->since_ms, slice->until_ms, e) == 0) {
        slice->hours.unreadable = catalog.unreadable > 0;
        slice->r = make_hours(&slice->hours, &catalog, data_dir, slice->since_ms, slice->until_ms);
        if (slice->r != 0)
            err_set(e, ERR_MEMORY, "out of memory for %zu files", catalog.count);
    }
    catalog_free(&catalog);
}

/* When the folders of days begin and end. */
static bool find_span(const char *data_dir, int64_t *since_ms, int64_t *until_ms)
{
    catalog_path path;
    struct fs_list list;
    int64_t day_ms;
    bool found = false;

    catalog_hits_dir(path, data_dir);
    if (fs_list(path, &list, NULL) != 0)
        return false;
    for (size_t i = 0; i < list.count; i++) { /* sorted */
        if (!str_starts(str_of(list.names[i]), STR("dt=")) ||
            !date_parse(str_of(list.names[i] + 3), &day_ms))
            continue;
        *since_ms = found ? *since_ms : day_ms;
        *until_ms = day_ms + DATE_DAY_MS;
        found = true;
    }
    fs_list_free(&list);
    return found && *since_ms < *until_ms;
}

/* Slices of about the same length; the first and the last go as far as what was asked for. */
static size_t make_slices(struct slice *slice, const char *data_dir, int64_t since_ms,
                          int64_t until_ms, unsigned threads)
{
    int64_t first_ms, end_ms, length_ms;
    size_t count = 0, most = SLICES_PER_THREAD * threads;

    most = threads == 1 || !find_span(data_dir, &first_ms, &end_ms) ? 1 : most;
    most = most < SLICES_MAX ? most : SLICES_MAX;
    slice[count++] = (struct slice){ data_dir, since_ms, until_ms, { 0 }, 0, { 0 } };
    if (most == 1)
        return count;
    first_ms = first_ms > since_ms ? first_ms : since_ms;
    end_ms = end_ms < until_ms ? end_ms : until_ms;
    length_ms = (end_ms - first_ms) / (int64_t)most;
    for (size_t i = 1; length_ms >= DATE_DAY_MS && i < most; i++) {
        int64_t border_ms = hour_of(first_ms + (int64_t)i * length_ms);

        slice[count - 1].until_ms = border_ms;
        slice[count++] = (struct slice){ data_dir, border_ms, until_ms, { 0 }, 0, { 0 } };
    }
    return count;
}

/* Its hours behind those that are there. */
static int take_slice(struct hours *hours, struct slice *slice, struct err *e)
{
    size_t count = hours->count + slice->hours.count;
    struct hour *more;

    if (slice->r != 0) {
        if (e != NULL)
            *e = slice->err;
        return -1;
    }
    more = realloc(hours->hour, (count + 1) * sizeof *more);
    if (more == NULL)
        return err_set(e, ERR_MEMORY, "out of memory for %zu hours", count);
    if (slice->hours.count > 0)
        memcpy(more + hours->count, slice->hours.hour, slice->hours.count * sizeof *more);
    hours->hour = more;
    hours->count = count;
    hours->unreadable |= slice->hours.unreadable;
    return 0;
}

int hours_list(struct hours *hours, const char *data_dir, int64_t since_ms, int64_t until_ms,
               unsigned threads, struct err *e)
{
    struct slice *slice = calloc(SLICES_MAX, sizeof *slice);
    size_t count;
    int r = 0;

    *hours = (struct hours){ 0 };
    if (slice == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    if (catalog_check(data_dir, e) != 0) {
        free(slice);
        return -1;
    }
    count = make_slices(slice, data_dir, since_ms, until_ms, threads);
    tasks_run(threads, count, list_slice, slice);
    for (size_t i = 0; i < count; i++) {
        if (r == 0)
            r = take_slice(hours, &slice[i], e);
        hours_free(&slice[i].hours);
    }
    free(slice);
    return r;
}

void hours_free(struct hours *hours)
{
    free(hours->hour);
    *hours = (struct hours){ 0 };
}
