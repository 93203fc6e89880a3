/*
 * hours.c - see store/hours.h for the contract.
 *
 * The spool is listed before hits/ (README.md, V15), so a segment that is sealed meanwhile is seen in
 * at least one of them.
 */
#include "store/hours.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/fs.h"
#include "base/hash.h"
#include "catalog.h"

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

static void add_file(struct hour *hour, const char *data_dir, const struct catalog_entry *entry)
{
    unsigned char text[8 + IDENTITY_BYTES + 8];
    catalog_path path;
    struct stat st;

    if (entry->id.created_ms < hour->first_ms)
        hour->first_ms = entry->id.created_ms;
    if (entry->id.created_ms > hour->last_ms)
        hour->last_ms = entry->id.created_ms;
    if (entry->in_spool) {
        hour->live = true;
        return;
    }
    catalog_sealed_path(path, data_dir, &entry->id);
    put_u64(text, hour->source);
    put_identity(text + 8, &entry->id);
    put_u64(text + 8 + IDENTITY_BYTES,
            fs_stat_path(path, &st, NULL) == 0 ? (uint64_t)st.st_size : UINT64_MAX);
    hour->source = hash64(str_from((const char *)text, sizeof text), 0);
}

static int make_hours(struct hours *hours, struct catalog *catalog, const char *data_dir,
                      int64_t since_ms, int64_t until_ms)
{
    hours->hour = calloc(catalog->count + 1, sizeof *hours->hour);
    if (hours->hour == NULL)
        return -1;
    if (catalog->count > 0)
        qsort(catalog->entry, catalog->count, sizeof *catalog->entry, by_hour);
    for (size_t i = 0; i < catalog->count; i++) {
        int64_t begin_ms = hour_of(catalog->entry[i].id.created_ms);

        if (begin_ms >= until_ms || begin_ms + DATE_HOUR_MS <= since_ms)
            continue;
        if (hours->count == 0 || hours->hour[hours->count - 1].begin_ms != begin_ms)
            hours->hour[hours->count++] =
                (struct hour){ .begin_ms = begin_ms, .first_ms = INT64_MAX, .last_ms = INT64_MIN };
        add_file(&hours->hour[hours->count - 1], data_dir, &catalog->entry[i]);
    }
    return 0;
}

int hours_list(struct hours *hours, const char *data_dir, int64_t since_ms, int64_t until_ms,
               struct err *e)
{
    struct catalog catalog = { 0 };
    int r = -1;

    *hours = (struct hours){ 0 };
    if (catalog_check(data_dir, e) == 0 &&
        catalog_list(&catalog, data_dir, since_ms, until_ms, e) == 0) {
        hours->unreadable = catalog.unreadable > 0;
        r = make_hours(hours, &catalog, data_dir, since_ms, until_ms);
        if (r != 0)
            err_set(e, ERR_MEMORY, "out of memory for %zu files", catalog.count);
    }
    catalog_free(&catalog);
    return r;
}

void hours_free(struct hours *hours)
{
    free(hours->hour);
    *hours = (struct hours){ 0 };
}
