/*
 * catalog.c - names and listings. See catalog.h for the contract.
 *
 * Called by the sealer at the start, and by readers. Whatever does not parse exactly is somebody
 * else's: it is counted, and never opened, renamed or removed.
 */
#include "catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/fs.h"

#define STAMP_BYTES 16 /* 20261123T140509Z */

int catalog_check(const char *data_dir, struct err *e)
{
    if (strlen(data_dir) + CATALOG_NAME_BYTES > CATALOG_PATH_BYTES)
        return err_set(e, ERR_INPUT,
                       "the name of the data folder is longer than %d bytes: %.64s...",
                       CATALOG_PATH_BYTES - CATALOG_NAME_BYTES, data_dir);
    return 0;
}

const char *catalog_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* Paths are built in a buf: what does not fit is left out, and catalog_check has seen that
 * everything fits. */
static struct buf path_begin(catalog_path path, const char *data_dir)
{
    struct buf b = buf_over(path, CATALOG_PATH_BYTES - 1);

    buf_add_str(&b, str_of(data_dir));
    return b;
}

static void path_end(struct buf *b)
{
    b->p[b->n] = '\0';
}

static void fixed_path(catalog_path path, const char *data_dir, struct str name)
{
    struct buf b = path_begin(path, data_dir);

    buf_add_str(&b, name);
    path_end(&b);
}

void catalog_lock_path(catalog_path path, const char *data_dir)
{
    fixed_path(path, data_dir, STR("/lock"));
}

void catalog_spool_dir(catalog_path path, const char *data_dir)
{
    fixed_path(path, data_dir, STR("/spool"));
}

void catalog_hits_dir(catalog_path path, const char *data_dir)
{
    fixed_path(path, data_dir, STR("/hits"));
}

void catalog_probe_path(catalog_path path, const char *data_dir)
{
    fixed_path(path, data_dir, STR("/spool/" PROBE_NAME));
}

static void add_stem(struct buf *b, const struct segment_id *id)
{
    struct date d = date_of_ms(id->created_ms);

    buf_add_u64_padded(b, (uint64_t)d.year, 4);
    buf_add_u64_padded(b, (uint64_t)d.month, 2);
    buf_add_u64_padded(b, (uint64_t)d.day, 2);
    buf_add_char(b, 'T');
    buf_add_u64_padded(b, (uint64_t)d.hour, 2);
    buf_add_u64_padded(b, (uint64_t)d.minute, 2);
    buf_add_u64_padded(b, (uint64_t)d.second, 2);
    buf_add_lit(b, "Z-");
    buf_add(b, id->instance, INSTANCE_BYTES);
    buf_add_char(b, '-');
    buf_add_u64(b, id->worker);
    buf_add_char(b, '-');
    buf_add_u64(b, id->number);
}

void catalog_segment_path(catalog_path path, const char *data_dir, const struct segment_id *id)
{
    struct buf b = path_begin(path, data_dir);

    buf_add_lit(&b, "/spool/");
    add_stem(&b, id);
    buf_add_lit(&b, SEGMENT_SUFFIX);
    path_end(&b);
}

void catalog_spare_path(catalog_path path, const char *data_dir, uint64_t number)
{
    struct buf b = path_begin(path, data_dir);

    buf_add_lit(&b, "/spool/" SPARE_PREFIX);
    buf_add_u64(&b, number);
    buf_add_lit(&b, SPARE_SUFFIX);
    path_end(&b);
}

static void add_day(struct buf *b, int64_t ms)
{
    struct date d = date_of_ms(ms);

    buf_add_lit(b, "/hits/dt=");
    buf_add_u64_padded(b, (uint64_t)d.year, 4);
    buf_add_char(b, '-');
    buf_add_u64_padded(b, (uint64_t)d.month, 2);
    buf_add_char(b, '-');
    buf_add_u64_padded(b, (uint64_t)d.day, 2);
}

static void add_hour(struct buf *b, int64_t ms)
{
    add_day(b, ms);
    buf_add_lit(b, "/hour=");
    buf_add_u64_padded(b, (uint64_t)date_of_ms(ms).hour, 2);
}

void catalog_day_dir(catalog_path path, const char *data_dir, int64_t ms)
{
    struct buf b = path_begin(path, data_dir);

    add_day(&b, ms);
    path_end(&b);
}

void catalog_hour_dir(catalog_path path, const char *data_dir, int64_t ms)
{
    struct buf b = path_begin(path, data_dir);

    add_hour(&b, ms);
    path_end(&b);
}

void catalog_sealed_path(catalog_path path, const char *data_dir, const struct segment_id *id)
{
    struct buf b = path_begin(path, data_dir);

    add_hour(&b, id->created_ms);
    buf_add_char(&b, '/');
    add_stem(&b, id);
    buf_add_lit(&b, SEALED_SUFFIX);
    path_end(&b);
}

/* Cuts the suffix off *s; false if it does not end so. */
static bool cut_suffix(struct str *s, struct str suffix)
{
    if (s->n < suffix.n || memcmp(s->p + s->n - suffix.n, suffix.p, suffix.n) != 0)
        return false;
    s->n -= suffix.n;
    return true;
}

bool catalog_index_path(catalog_path path, const char *sealed)
{
    struct buf b = buf_over(path, CATALOG_PATH_BYTES - 1);
    struct str stem = str_of(sealed);

    if (!cut_suffix(&stem, STR(SEALED_SUFFIX)))
        return false;
    buf_add_str(&b, stem);
    buf_add_lit(&b, INDEX_SUFFIX);
    path_end(&b);
    return !b.full;
}

/* 20261123T140509Z: written with separators, it is what date_parse reads. */
static bool parse_stamp(struct str stamp, int64_t *ms)
{
    char text[20];

    if (stamp.n != STAMP_BYTES || stamp.p[8] != 'T' || stamp.p[15] != 'Z')
        return false;
    snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", stamp.p, stamp.p + 4, stamp.p + 6,
             stamp.p + 9, stamp.p + 11, stamp.p + 13);
    return date_parse(str_of(text), ms);
}

/* Decimal as we write it: no leading zero. */
static bool parse_number(struct str s, uint32_t *number)
{
    uint64_t value;

    if (!str_to_u64(s, UINT32_MAX, &value) || (s.n > 1 && s.p[0] == '0'))
        return false;
    *number = (uint32_t)value;
    return true;
}

static bool parse_stem(struct str stem, struct segment_id *id)
{
    struct str rest = stem;
    struct str stamp = str_cut(&rest, '-');
    struct str instance = str_cut(&rest, '-');
    struct str worker = str_cut(&rest, '-');

    if (rest.p == NULL || instance.n != INSTANCE_BYTES || !parse_stamp(stamp, &id->created_ms))
        return false;
    memcpy(id->instance, instance.p, INSTANCE_BYTES);
    return parse_number(worker, &id->worker) && parse_number(rest, &id->number);
}

bool catalog_parse_segment(const char *name, struct segment_id *id)
{
    struct str stem = str_of(name);

    return cut_suffix(&stem, STR(SEGMENT_SUFFIX)) && parse_stem(stem, id);
}

bool catalog_parse_sealed(const char *name, struct segment_id *id)
{
    struct str stem = str_of(name);

    return cut_suffix(&stem, STR(SEALED_SUFFIX)) && parse_stem(stem, id);
}

bool catalog_same_writer(const struct segment_id *a, const struct segment_id *b)
{
    return a->worker == b->worker && memcmp(a->instance, b->instance, INSTANCE_BYTES) == 0;
}

bool catalog_same_segment(const struct segment_id *a, const struct segment_id *b)
{
    return catalog_compare(a, b) == 0 && a->created_ms == b->created_ms;
}

int catalog_compare(const struct segment_id *a, const struct segment_id *b)
{
    int order = memcmp(a->instance, b->instance, INSTANCE_BYTES);

    if (order != 0)
        return order;
    if (a->worker != b->worker)
        return a->worker < b->worker ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return 0;
}

static int add_entry(struct catalog *catalog, const struct segment_id *id, bool in_spool,
                     struct err *e)
{
    if (catalog->count == catalog->room) {
        size_t room = catalog->room == 0 ? 64 : catalog->room * 2;
        struct catalog_entry *grown = realloc(catalog->entry, room * sizeof *grown);

        if (grown == NULL)
            return err_set(e, ERR_MEMORY, "out of memory while listing the data folder");
        catalog->entry = grown;
        catalog->room = room;
    }
    catalog->entry[catalog->count].id = *id;
    catalog->entry[catalog->count].in_spool = in_spool;
    catalog->count++;
    return 0;
}

/* A missing folder is an empty list. */
static int list(const char *path, struct fs_list *names, struct err *e)
{
    struct err why;

    if (fs_list(path, names, &why) == 0)
        return 0;
    if (why.code == ERR_MISSING)
        return 0;
    if (e != NULL)
        *e = why;
    return -1;
}

/* A partition that cannot be listed does not hide the others. */
static bool list_partition(struct catalog *catalog, const char *path, struct fs_list *names)
{
    struct err why;

    if (list(path, names, &why) == 0)
        return true;
    if (why.sys_errno == ENOTDIR)
        catalog->foreign_files++;
    else if (catalog->unreadable++ == 0)
        catalog->trouble = why;
    return false;
}

bool catalog_is_spare(const char *name)
{
    struct str number = str_of(name);
    uint64_t value;

    if (!str_starts(number, STR(SPARE_PREFIX)) || !cut_suffix(&number, STR(SPARE_SUFFIX)))
        return false;
    number.p += sizeof SPARE_PREFIX - 1;
    number.n -= sizeof SPARE_PREFIX - 1;
    return str_to_u64(number, UINT64_MAX, &value);
}

int catalog_add_spool(struct catalog *catalog, const char *data_dir, struct err *e)
{
    catalog_path dir;
    struct fs_list names;
    struct segment_id id;
    int result = 0;

    catalog_spool_dir(dir, data_dir);
    if (list(dir, &names, e) != 0)
        return -1;
    for (size_t i = 0; i < names.count && result == 0; i++) {
        if (catalog_parse_segment(names.names[i], &id))
            result = add_entry(catalog, &id, true, e);
        else if (!catalog_is_spare(names.names[i]) && strcmp(names.names[i], PROBE_NAME) != 0)
            catalog->foreign_files++;
    }
    fs_list_free(&names);
    return result;
}

/* An index, or what a crash left of a sealing. */
static bool is_companion(struct str name)
{
    struct segment_id id;

    bool unfinished = cut_suffix(&name, STR(TMP_SUFFIX));

    return (cut_suffix(&name, STR(INDEX_SUFFIX)) ||
            (unfinished && cut_suffix(&name, STR(SEALED_SUFFIX)))) &&
           parse_stem(name, &id);
}

static int add_hour_folder(struct catalog *catalog, const char *path, int64_t hour_ms,
                           struct err *e)
{
    struct fs_list names;
    struct segment_id id;
    int result = 0;

    if (!list_partition(catalog, path, &names))
        return 0;
    for (size_t i = 0; i < names.count && result == 0; i++) {
        if (catalog_parse_sealed(names.names[i], &id) &&
            id.created_ms / DATE_HOUR_MS == hour_ms / DATE_HOUR_MS)
            result = add_entry(catalog, &id, false, e);
        else if (!is_companion(str_of(names.names[i])))
            catalog->foreign_files++;
    }
    fs_list_free(&names);
    return result;
}

/* "hour=14" within the day. */
static bool parse_hour(const char *name, int64_t day_ms, int64_t *hour_ms)
{
    struct str s = str_of(name);
    uint64_t hour;

    if (!str_starts(s, STR("hour=")) || s.n != 7 || !str_to_u64(str_from(s.p + 5, 2), 23, &hour))
        return false;
    *hour_ms = day_ms + (int64_t)hour * DATE_HOUR_MS;
    return true;
}

static bool parse_day(const char *name, int64_t *day_ms)
{
    struct str s = str_of(name);

    return str_starts(s, STR("dt=")) && s.n == 13 && date_parse(str_from(s.p + 3, 10), day_ms);
}

/* Has [start, start + length) anything in common with [since, until)? */
static bool overlaps(int64_t start_ms, int64_t length_ms, int64_t since_ms, int64_t until_ms)
{
    return start_ms < until_ms && start_ms + length_ms > since_ms;
}

static int add_day_folder(struct catalog *catalog, const char *data_dir, int64_t day_ms,
                          int64_t since_ms, int64_t until_ms, struct err *e)
{
    catalog_path dir;
    struct fs_list names;
    int64_t hour_ms;
    int result = 0;

    catalog_day_dir(dir, data_dir, day_ms);
    if (!list_partition(catalog, dir, &names))
        return 0;
    for (size_t i = 0; i < names.count && result == 0; i++) {
        if (!parse_hour(names.names[i], day_ms, &hour_ms)) {
            catalog->foreign_files++;
        } else if (overlaps(hour_ms, DATE_HOUR_MS, since_ms, until_ms)) {
            catalog_hour_dir(dir, data_dir, hour_ms);
            result = add_hour_folder(catalog, dir, hour_ms, e);
        }
    }
    fs_list_free(&names);
    return result;
}

int catalog_add_hits(struct catalog *catalog, const char *data_dir, int64_t since_ms,
                     int64_t until_ms, struct err *e)
{
    catalog_path dir;
    struct fs_list names;
    int64_t day_ms;
    int result = 0;

    catalog_hits_dir(dir, data_dir);
    if (list(dir, &names, e) != 0)
        return -1;
    for (size_t i = 0; i < names.count && result == 0; i++) {
        if (!parse_day(names.names[i], &day_ms))
            catalog->foreign_files++;
        else if (overlaps(day_ms, DATE_DAY_MS, since_ms, until_ms))
            result = add_day_folder(catalog, data_dir, day_ms, since_ms, until_ms, e);
    }
    fs_list_free(&names);
    return result;
}

static int compare_entries(const void *a, const void *b)
{
    const struct catalog_entry *x = a, *y = b;
    int order = catalog_compare(&x->id, &y->id);

    return order != 0 ? order : (int)x->in_spool - (int)y->in_spool;
}

void catalog_sort(struct catalog *catalog)
{
    size_t kept = 0;

    if (catalog->count == 0)
        return;
    qsort(catalog->entry, catalog->count, sizeof *catalog->entry, compare_entries);
    for (size_t i = 0; i < catalog->count; i++) {
        if (kept > 0 && catalog_same_segment(&catalog->entry[kept - 1].id, &catalog->entry[i].id))
            continue;
        catalog->entry[kept++] = catalog->entry[i];
    }
    catalog->count = kept;
}

static bool any_within(const struct catalog *catalog, int64_t since_ms, int64_t until_ms)
{
    for (size_t i = 0; i < catalog->count; i++) {
        int64_t ms = catalog->entry[i].id.created_ms;

        if (overlaps(ms - ms % DATE_HOUR_MS, DATE_HOUR_MS, since_ms, until_ms))
            return true;
    }
    return false;
}

int catalog_list(struct catalog *catalog, const char *data_dir, int64_t since_ms, int64_t until_ms,
                 struct err *e)
{
    if (catalog_add_spool(catalog, data_dir, e) != 0)
        return -1;
    if (any_within(catalog, since_ms, until_ms))
        until_ms = INT64_MAX;
    if (catalog_add_hits(catalog, data_dir, since_ms, until_ms, e) != 0)
        return -1;
    catalog_sort(catalog);
    return 0;
}

void catalog_free(struct catalog *catalog)
{
    free(catalog->entry);
    memset(catalog, 0, sizeof *catalog);
}
