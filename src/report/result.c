/*
 * result.c - makes the tables of a report. See result.h for the contract.
 *
 * Called by report.c when all threads have ended. rows_collect merges the tallies of one table and keeps
 * the rows that will be shown: of ten million keys never more than a few times `top` are held. Page
 * hashes become paths last, for the rows that are left.
 */
#include "result.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "zone.h"

#define SPARE_ROWS 4096 /* collected above `top` before the smallest are dropped */

/* ---- measures ------------------------------------------------------------------------------------------ */

enum source { FROM_FIRST, FROM_SECOND, FROM_THIRD, FROM_VISITORS, FROM_SHARE, FROM_RATE };

/* Where a column's number is; crossing names to counts of the tally (fold.c adds them so). */
static const struct {
    const char *name;
    enum source source;
    int part, whole; /* FROM_RATE: counts */
} sources[] = {
    { "hits", FROM_FIRST, 0, 0 },        { "steps", FROM_FIRST, 0, 0 },
    { "impressions", FROM_FIRST, 0, 0 }, { "views", FROM_SECOND, 0, 0 },
    { "clicks", FROM_SECOND, 0, 0 },     { "bounces", FROM_SECOND, 0, 0 },
    { "sessions", FROM_THIRD, 0, 0 },    { "visitors", FROM_VISITORS, 0, 0 },
    { "share", FROM_SHARE, 0, 0 },       { "bounce_rate", FROM_RATE, 1, 2 },
    { "click_rate", FROM_RATE, 1, 0 },
};

#define SOURCES (sizeof sources / sizeof sources[0])

struct row {
    uint64_t hash;
    uint64_t count[TALLY_COUNTS];
    uint64_t visitors;
    struct str key; /* from malloc */
};

static size_t source_of(const char *name)
{
    size_t i = 0;

    while (name != NULL && i < SOURCES - 1 && strcmp(name, sources[i].name) != 0)
        i++;
    return i;
}

/* visitors of frequency and retention are counted, not told apart. */
static bool counts_visitors_itself(enum report_fold fold)
{
    return fold == FOLD_VISITORS || fold == FOLD_RETENTION;
}

static uint64_t count_of(const struct row *row, const char *name, enum report_fold fold)
{
    switch (sources[source_of(name)].source) {
    case FROM_FIRST:
        return row->count[0];
    case FROM_SECOND:
        return row->count[1];
    case FROM_THIRD:
        return row->count[2];
    case FROM_VISITORS:
        return counts_visitors_itself(fold) ? row->count[0] : row->visitors;
    case FROM_SHARE:
    case FROM_RATE:
        break;
    }
    return 0;
}

static unsigned measures_count(const struct report_row *row)
{
    unsigned n = 0;

    while (n < REPORT_MEASURES_MAX && row->measures[n].name != NULL)
        n++;
    return n;
}

/* ---- what a table is sorted by --------------------------------------------------------------------------- */

struct order {
    const char *measure; /* a count, largest first; NULL: by key */
    bool by_rate;        /* a rate: see rate_of */
    enum report_fold fold;
};

/* The measure that shares and bars are about. */
static const char *main_measure(const struct report_row *row, const char *sort)
{
    const char *first = row->measures[0].name;

    for (unsigned i = 0; i < measures_count(row); i++) {
        if (sort != NULL && strcmp(sort, row->measures[i].name) == 0 &&
            row->measures[i].type == REPORT_COUNT)
            return sort;
    }
    for (unsigned i = 0; i < measures_count(row); i++) {
        if (strcmp(row->sort, row->measures[i].name) == 0)
            return row->sort;
    }
    return first;
}

static bool is_measure(const struct report_row *row, const char *name)
{
    for (unsigned i = 0; i < measures_count(row); i++) {
        if (strcmp(name, row->measures[i].name) == 0)
            return true;
    }
    return false;
}

static const char *const *keys_of(const struct report_spec *spec, size_t i)
{
    return i == 0 && spec->by[0] != NULL ? spec->by : spec->rows[i]->keys;
}

static bool is_key(const struct report_spec *spec, size_t i, const char *name)
{
    const char *const *keys = keys_of(spec, i);

    for (unsigned k = 0; k < REPORT_KEYS_MAX && keys[k] != NULL; k++) {
        if (strcmp(name, keys[k]) == 0)
            return true;
    }
    return false;
}

static const char *sort_of(const struct report_spec *spec, size_t i)
{
    return i == 0 && spec->sort != NULL ? spec->sort : spec->rows[i]->sort;
}

static struct order order_of(const struct report_spec *spec, size_t i)
{
    const struct report_row *row = spec->rows[i];
    const char *sort = sort_of(spec, i);
    struct order order = { .fold = row->fold };

    if (row->fold == FOLD_VISITORS || row->fold == FOLD_RETENTION || row->fold == FOLD_TIME)
        if (!is_measure(row, sort) || is_key(spec, i, sort))
            return order;
    if (is_measure(row, sort)) {
        enum source source = sources[source_of(sort)].source;

        order.measure = source == FROM_SHARE ? main_measure(row, NULL) : sort;
        order.by_rate = source == FROM_RATE;
    }
    return order;
}

/* ---- collecting ------------------------------------------------------------------------------------------ */

struct rows {
    struct row *row;
    size_t count, cap;
    size_t top; /* 0: all */
    struct order order;
    const struct rows *only; /* sorted by hash: keep these keys alone */
    uint64_t sum[TALLY_COUNTS], sum_visitors, groups;
    bool no_memory;
};

static double rate_of(const uint64_t count[TALLY_COUNTS], const char *name)
{
    size_t s = source_of(name);
    uint64_t whole = count[sources[s].whole];

    return whole == 0 ? 0 : (double)count[sources[s].part] / (double)whole;
}

static int compare_keys(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int r = n == 0 ? 0 : memcmp(a.p, b.p, n);

    return r != 0 ? r : (a.n > b.n) - (a.n < b.n);
}

/* Frequencies sort by their first number, everything else as bytes. */
static int compare_labels(struct str a, struct str b, enum report_fold fold)
{
    if (fold == FOLD_VISITORS && a.n > 0 && b.n > 0) {
        long x = strtol(a.p, NULL, 10), y = strtol(b.p, NULL, 10);

        return (x > y) - (x < y);
    }
    return compare_keys(a, b);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    const struct row *x = a, *y = b;
    const struct order *order = arg;

    if (order->by_rate) {
        double p = rate_of(x->count, order->measure), q = rate_of(y->count, order->measure);

        if (p != q)
            return p < q ? 1 : -1;
    } else if (order->measure != NULL) {
        uint64_t p = count_of(x, order->measure, order->fold);
        uint64_t q = count_of(y, order->measure, order->fold);

        if (p != q)
            return p < q ? 1 : -1;
    }
    return compare_labels(x->key, y->key, order->fold);
}

static int compare_hashes(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

static const struct row *find_row(const struct rows *rows, uint64_t hash)
{
    struct row key = { .hash = hash };

    return rows->count == 0 ? NULL
                            : bsearch(&key, rows->row, rows->count, sizeof key, compare_hashes);
}

static void drop_below_top(struct rows *rows)
{
    qsort_r(rows->row, rows->count, sizeof *rows->row, compare_rows, &rows->order);
    while (rows->top != 0 && rows->count > rows->top)
        free((void *)(uintptr_t)rows->row[--rows->count].key.p);
}

static bool add_row(struct rows *rows, uint64_t hash, struct str key)
{
    struct row *more;
    char *copy;

    if (rows->count == rows->cap) {
        size_t cap = rows->cap == 0 ? 64 : rows->cap * 2;

        more = realloc(rows->row, cap * sizeof *more);
        if (more == NULL)
            return false;
        rows->row = more;
        rows->cap = cap;
    }
    copy = str_dup(key);
    if (copy == NULL)
        return false;
    rows->row[rows->count++] = (struct row){ .hash = hash, .key = { copy, key.n } };
    return true;
}

static void collect(void *arg, const struct tally_group *group)
{
    struct rows *rows = arg;
    struct row *row;

    rows->groups++;
    rows->sum_visitors += group->visitors;
    for (int i = 0; i < TALLY_COUNTS; i++)
        rows->sum[i] += group->count[i];
    if (rows->only != NULL && find_row(rows->only, group->hash) == NULL)
        return;
    if (rows->top != 0 && rows->count >= 2 * rows->top + SPARE_ROWS)
        drop_below_top(rows);
    if (!add_row(rows, group->hash, group->key)) {
        rows->no_memory = true;
        return;
    }
    row = &rows->row[rows->count - 1];
    row->visitors = group->visitors;
    memcpy(row->count, group->count, sizeof row->count);
}

static void rows_free(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free((void *)(uintptr_t)rows->row[i].key.p);
    free(rows->row);
}

static int rows_collect(struct rows *rows, const struct period *period, size_t i, struct err *e)
{
    struct tally *tallies[FOLD_THREADS_MAX];
    const struct plan_table *table = &period->plan.tables[i];

    for (unsigned t = 0; t < period->threads; t++)
        tallies[t] = fold_tally(period->folds[t], i);
    if (period->summary != NULL)
        summary_each(period->summary, table->row, table->step, collect, rows);
    else if (tally_merge(tallies, period->threads, collect, rows, e) != 0)
        return -1;
    if (rows->no_memory)
        return err_set(e, ERR_MEMORY, "out of memory");
    return 0;
}

/* ---- names of pages ---------------------------------------------------------------------------------------- */

struct names {
    struct name {
        uint64_t hash;
        struct str text;
    } * name; /* sorted by hash, those that are needed */
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

static struct name *find_name(const struct names *names, uint64_t hash)
{
    struct name key = { .hash = hash };

    return names->count == 0 ? NULL
                             : bsearch(&key, names->name, names->count, sizeof key, compare_names);
}

static void take_name(void *arg, const struct tally_group *group)
{
    struct name *name = find_name(arg, group->hash);

    if (name != NULL && name->text.p == NULL)
        name->text = str_from(str_dup(group->key), group->key.n);
}

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free((void *)(uintptr_t)names->name[i].text.p);
    free(names->name);
}

static uint64_t hash_at(struct str key, size_t i)
{
    uint64_t hash;

    memcpy(&hash, key.p + i * FOLD_HASH_BYTES, sizeof hash);
    return hash;
}

static int names_find(struct names *names, const struct rows *rows, const struct period *period,
                      struct err *e)
{
    struct tally *tallies[FOLD_THREADS_MAX];
    size_t n = 0;

    for (size_t r = 0; r < rows->count; r++)
        n += rows->row[r].key.n / FOLD_HASH_BYTES;
    names->name = calloc(n + 1, sizeof *names->name);
    if (names->name == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t r = 0; r < rows->count; r++) {
        for (size_t i = 0; i < rows->row[r].key.n / FOLD_HASH_BYTES; i++)
            names->name[names->count++].hash = hash_at(rows->row[r].key, i);
    }
    qsort(names->name, names->count, sizeof *names->name, compare_names);
    n = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (n == 0 || names->name[i].hash != names->name[n - 1].hash)
            names->name[n++].hash = names->name[i].hash;
    }
    names->count = n;
    for (unsigned t = 0; t < period->threads; t++)
        tallies[t] = fold_names(period->folds[t]);
    return tally_merge(tallies, period->threads, take_name, names, e);
}

/* The key as text: its pages with the separator between; sequences with an arrow, as they are one column. */
static int name_key(struct row *row, const struct names *names, enum report_fold fold)
{
    struct str between = fold == FOLD_SEQUENCES ? STR(" > ") : STR("\xFF");
    size_t pages = row->key.n / FOLD_HASH_BYTES, n = 0;
    struct buf b;

    for (size_t i = 0; i < pages; i++) {
        const struct name *name = find_name(names, hash_at(row->key, i));

        n += (name == NULL ? 0 : name->text.n) + between.n;
    }
    b = buf_over(malloc(n + 1), n);
    if (b.p == NULL)
        return -1;
    for (size_t i = 0; i < pages; i++) {
        const struct name *name = find_name(names, hash_at(row->key, i));

        if (i > 0)
            buf_add_str(&b, between);
        if (name != NULL && name->text.n > 0)
            buf_add_str(&b, name->text);
    }
    free((void *)(uintptr_t)row->key.p);
    row->key = buf_str(&b);
    return 0;
}

static int name_keys(struct rows *rows, const struct period *period, enum report_fold fold,
                     struct err *e)
{
    struct names names = { 0 };
    int r = names_find(&names, rows, period, e);

    for (size_t i = 0; r == 0 && i < rows->count; i++) {
        if (name_key(&rows->row[i], &names, fold) != 0)
            r = err_set(e, ERR_MEMORY, "out of memory");
    }
    names_free(&names);
    return r;
}

/* ---- columns ------------------------------------------------------------------------------------------------ */

static struct report_column *add_column(struct report_table *table, const char *name,
                                        const char *title, enum report_type type)
{
    struct report_column *column = &table->columns[table->columns_count++];

    *column = (struct report_column){ .name = name, .title = title, .type = type };
    return column;
}

/* Titles of keys for people; a field without a row is called by its name. */
static const char *key_title(const char *key)
{
    static const char *const titles[][2] = {
        { "path", "Page" },
        { "section", "Section" },
        { "from", "From" },
        { "to", "To" },
        { "pages", "Pages" },
        { "medium", "Medium" },
        { "source", "Source" },
        { "ref_host", "Host" },
        { "utm_source", "Source" },
        { "utm_medium", "Medium" },
        { "utm_campaign", "Campaign" },
        { "country", "Country" },
        { "region", "Region" },
        { "city", "City" },
        { "asn", "AS" },
        { "as_org", "Network" },
        { "device_type", "Kind" },
        { "device", "Device" },
        { "browser", "Browser" },
        { "system", "System" },
        { "lang", "Language" },
        { "screen", "Screen" },
        { "name", "Event" },
        { "params.banner", "Banner" },
        { "bot_kind", "Kind" },
        { "bot", "Bot" },
        { "sessions", "Sessions" },
        { "week", "Week of" },
        { "time", "Time" },
        { "period", "Period" },
    };

    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        if (strcmp(key, titles[i][0]) == 0)
            return titles[i][1];
    }
    return key;
}

/* "params.banner" is called "banner" in data. */
static const char *key_name(const char *key)
{
    return strncmp(key, "params.", 7) == 0 ? key + 7 : key;
}

/* Names of the columns that compare: "visitors_previous", "visitors_change". Terminated, for ever. */
static const char *compared_name(const char *measure, const char *suffix)
{
    static const char *const names[][3] = {
        { "hits", "hits_previous", "hits_change" },
        { "views", "views_previous", "views_change" },
        { "visitors", "visitors_previous", "visitors_change" },
        { "sessions", "sessions_previous", "sessions_change" },
        { "steps", "steps_previous", "steps_change" },
        { "impressions", "impressions_previous", "impressions_change" },
        { "clicks", "clicks_previous", "clicks_change" },
        { "bounces", "bounces_previous", "bounces_change" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(measure, names[i][0]) == 0)
            return strcmp(suffix, "previous") == 0 ? names[i][1] : names[i][2];
    }
    return suffix;
}

static bool can_compare(enum report_fold fold)
{
    return fold != FOLD_TIME && fold != FOLD_RETENTION && fold != FOLD_OVERVIEW;
}

static void make_columns(struct report_table *table, const struct report_spec *spec, size_t i)
{
    const struct report_row *row = spec->rows[i];
    const char *const *keys = keys_of(spec, i);
    const char *main = main_measure(row, sort_of(spec, i));

    for (unsigned k = 0; k < REPORT_KEYS_MAX && keys[k] != NULL; k++)
        add_column(table, key_name(keys[k]), key_title(keys[k]), REPORT_TEXT)->is_key = true;
    table->bar_column = REPORT_COLUMNS_MAX;
    for (unsigned m = 0; m < measures_count(row); m++) {
        const struct report_measure *measure = &row->measures[m];

        if (strcmp(measure->name, main) == 0)
            table->bar_column = table->columns_count;
        add_column(table, measure->name, measure->title, measure->type);
        if (spec->compare && can_compare(row->fold) && strcmp(measure->name, main) == 0) {
            add_column(table, compared_name(main, "previous"), "Before", REPORT_COUNT);
            add_column(table, compared_name(main, "change"), "Change", REPORT_RATE)->is_change =
                true;
        }
    }
    if (table->bar_column == REPORT_COLUMNS_MAX)
        table->bar_column = table->columns_count;
}

static int make_cells(struct report_table *table, size_t rows, struct err *e)
{
    table->rows_count = rows;
    table->cells = calloc(rows * table->columns_count + 1, sizeof *table->cells);
    return table->cells == NULL ? err_set(e, ERR_MEMORY, "out of memory") : 0;
}

static struct report_cell *cell_at(struct report_table *table, size_t row, unsigned column)
{
    return &table->cells[row * table->columns_count + column];
}

static void set_count(struct report_cell *cell, uint64_t count)
{
    cell->known = true;
    cell->count = count;
}

static void set_number(struct report_cell *cell, double number, bool known)
{
    cell->known = known;
    cell->number = known ? number : 0;
}

static int set_text(struct report_cell *cell, struct str text)
{
    char *copy = str_dup(text.p == NULL ? STR("") : text);

    if (copy == NULL)
        return -1;
    cell->known = true;
    cell->text = str_from(copy, text.n);
    return 0;
}

/* (now - before) / before: unknown when there was nothing before. */
static void set_change(struct report_cell *cell, uint64_t now, uint64_t before)
{
    set_number(cell, before == 0 ? 0 : (double)now / (double)before - 1, before != 0);
}

/* ---- tables by key -------------------------------------------------------------------------------------------- */

static uint64_t sum_of(const struct rows *rows, const char *measure, enum report_fold fold)
{
    struct row sum = { .visitors = rows->sum_visitors };

    memcpy(sum.count, rows->sum, sizeof sum.count);
    return count_of(&sum, measure, fold);
}

static int fill_keys(struct report_table *table, size_t r, struct str key, unsigned keys)
{
    for (unsigned k = 0; k < keys; k++) {
        struct str part = k + 1 < keys ? str_cut(&key, FOLD_KEY_SEPARATOR) : key;

        if (set_text(cell_at(table, r, k), part) != 0)
            return -1;
    }
    return 0;
}

struct filling {
    const struct report_row *row;
    const char *main;
    uint64_t sum; /* of the main measure, over all groups */
};

static void fill_measure(struct report_cell *cell, const struct report_measure *measure,
                         const struct row *row, const struct filling *filling)
{
    size_t s = source_of(measure->name);

    if (sources[s].source == FROM_SHARE)
        set_number(cell,
                   filling->sum == 0 ? 0
                                     : (double)count_of(row, filling->main, filling->row->fold) /
                                           (double)filling->sum,
                   filling->sum != 0);
    else if (sources[s].source == FROM_RATE)
        set_number(cell, rate_of(row->count, measure->name), row->count[sources[s].whole] != 0);
    else
        set_count(cell, count_of(row, measure->name, filling->row->fold));
}

static int fill_row(struct report_table *table, size_t r, const struct row *row,
                    const struct rows *before, const struct filling *filling)
{
    unsigned keys = 0, column;

    while (keys < table->columns_count && table->columns[keys].is_key)
        keys++;
    if (fill_keys(table, r, row->key, keys) != 0)
        return -1;
    column = keys;
    for (unsigned m = 0; m < measures_count(filling->row); m++) {
        const struct report_measure *measure = &filling->row->measures[m];

        fill_measure(cell_at(table, r, column++), measure, row, filling);
        if (before != NULL && strcmp(measure->name, filling->main) == 0) {
            const struct row *old = find_row(before, row->hash);
            uint64_t was = old == NULL ? 0 : count_of(old, filling->main, filling->row->fold);

            set_count(cell_at(table, r, column++), was);
            set_change(cell_at(table, r, column++),
                       count_of(row, filling->main, filling->row->fold), was);
        }
    }
    return 0;
}

static int fill_table(struct report_table *table, const struct rows *rows,
                      const struct rows *before, const struct filling *filling, struct err *e)
{
    if (make_cells(table, rows->count, e) != 0)
        return -1;
    for (size_t r = 0; r < rows->count; r++) {
        if (fill_row(table, r, &rows->row[r], before, filling) != 0)
            return err_set(e, ERR_MEMORY, "out of memory");
    }
    return 0;
}

/* The rows that are shown, in the earlier period. */
static int collect_before(struct rows *before, struct rows *now, const struct period *period,
                          size_t i, struct err *e)
{
    qsort(now->row, now->count, sizeof *now->row, compare_hashes);
    before->only = now;
    if (rows_collect(before, period, i, e) != 0)
        return -1;
    qsort(before->row, before->count, sizeof *before->row, compare_hashes);
    return 0;
}

/* Steps between the first and the last hit that have no row get one. */
static int add_empty_steps(struct rows *rows, const struct period *period, enum report_step step,
                           struct err *e)
{
    struct fold_totals totals = period_totals(period);
    int64_t stride_ms = step == REPORT_MINUTE ? 60 * DATE_SECOND_MS
                        : step == REPORT_HOUR ? DATE_HOUR_MS
                                              : 6 * DATE_HOUR_MS;
    size_t known = rows->count;
    struct zone zone = { 0 };
    uint64_t last = 0;

    qsort(rows->row, rows->count, sizeof *rows->row, compare_hashes);
    for (int64_t ms = totals.first_ms; ms < totals.last_ms; ms += stride_ms) {
        char label[ZONE_LABEL_BYTES];
        struct buf b = buf_over(label, sizeof label);
        struct rows before = { .row = rows->row, .count = known };
        uint64_t hash;

        zone_add_label(&b, &zone, ms, step);
        hash = tally_hash(buf_str(&b));
        if (hash != last && find_row(&before, hash) == NULL && !add_row(rows, hash, buf_str(&b)))
            return err_set(e, ERR_MEMORY, "out of memory");
        last = hash;
    }
    return 0;
}

static size_t top_of(const struct report_spec *spec, size_t i)
{
    bool all = spec->rows[i]->fold == FOLD_TIME ||
               (spec->for_page && strcmp(keys_of(spec, i)[0], "country") == 0 &&
                keys_of(spec, i)[1] == NULL);

    return all ? 0 : spec->top;
}

static int key_table(struct report_table *table, const struct report_spec *spec, size_t i,
                     const struct period *now, const struct period *before, struct err *e)
{
    const struct report_row *row = spec->rows[i];
    struct filling filling = { row, main_measure(row, sort_of(spec, i)), 0 };
    struct rows rows = { .top = top_of(spec, i), .order = order_of(spec, i) };
    struct rows old = { .order = rows.order };
    bool compare = before != NULL && can_compare(row->fold);
    int r = rows_collect(&rows, now, i, e);

    if (r == 0) {
        drop_below_top(&rows);
        filling.sum = sum_of(&rows, filling.main, row->fold);
        table->groups = rows.groups;
        if (compare)
            r = collect_before(&old, &rows, before, i, e);
    }
    if (r == 0 && spec->for_page && row->fold == FOLD_TIME)
        r = add_empty_steps(&rows, now, now->plan.tables[i].step, e);
    if (r == 0 && fold_has_page_keys(row->fold))
        r = name_keys(&rows, now, row->fold, e);
    if (r == 0) {
        qsort_r(rows.row, rows.count, sizeof *rows.row, compare_rows, &rows.order);
        r = fill_table(table, &rows, compare ? &old : NULL, &filling, e);
    }
    rows_free(&rows);
    rows_free(&old);
    return r;
}

/* ---- retention --------------------------------------------------------------------------------------------------- */

/* Rows are "WEEK, separator, weeks later"; sorted, those of a cohort follow each other, its size first. */
static int retention_table(struct report_table *table, const struct report_spec *spec, size_t i,
                           const struct period *now, struct err *e)
{
    struct rows rows = { .order = order_of(spec, i) };
    uint64_t size = 0;
    size_t cohorts = 0, r = 0;
    int64_t last_week;
    struct zone zone = { 0 };
    int result = rows_collect(&rows, now, i, e);

    rows.order.measure = NULL;
    drop_below_top(&rows);
    for (size_t k = 0; k < rows.count; k++)
        cohorts += rows.row[k].key.p[rows.row[k].key.n - 1] == '0';
    last_week = zone_week(&zone, period_totals(now).last_ms);
    if (result == 0)
        result = make_cells(table, cohorts, e);
    for (size_t k = 0; result == 0 && k < rows.count; k++) {
        struct str key = rows.row[k].key;
        unsigned later = (unsigned)(key.p[key.n - 1] - '0');

        if (later == 0) {
            r += size != 0;
            size = rows.row[k].count[0];
            if (set_text(cell_at(table, r, 0), str_from(key.p, key.n - 2)) != 0)
                result = err_set(e, ERR_MEMORY, "out of memory");
            set_count(cell_at(table, r, 1), size);
            /* Weeks that have begun are known, also when nobody came. */
            for (unsigned w = 1; w <= FOLD_WEEKS_MAX; w++) {
                int64_t week_ms;

                if (date_parse(str_from(key.p, key.n - 2), &week_ms))
                    set_number(cell_at(table, r, 1 + w), 0,
                               (week_ms / DATE_DAY_MS + 3) / 7 + w <= last_week);
            }
        } else if (size > 0) {
            set_number(cell_at(table, r, 1 + later), (double)rows.row[k].count[0] / (double)size,
                       true);
        }
    }
    table->groups = cohorts;
    rows_free(&rows);
    return result;
}

/* ---- overview ------------------------------------------------------------------------------------------------------ */

struct fold_totals period_totals(const struct period *period)
{
    struct fold_totals sum = { .first_ms = INT64_MAX, .last_ms = INT64_MIN };

    if (period->summary != NULL)
        return summary_totals(period->summary);
    for (unsigned i = 0; i < period->threads; i++) {
        const struct fold_totals *one = fold_totals(period->folds[i]);

        sum.records += one->records;
        sum.bots += one->bots;
        sum.unusable += one->unusable;
        sum.hits += one->hits;
        sum.views += one->views;
        sum.prefetches += one->prefetches;
        sum.without_vid += one->without_vid;
        sum.visitors += one->visitors;
        sum.new_visitors += one->new_visitors;
        sum.sessions += one->sessions;
        sum.bounces += one->bounces;
        sum.session_views += one->session_views;
        sum.first_ms = one->first_ms < sum.first_ms ? one->first_ms : sum.first_ms;
        sum.last_ms = one->last_ms > sum.last_ms ? one->last_ms : sum.last_ms;
    }
    return sum;
}

#define HALF_VALUES 65536

/* How often each upper half occurs, or each lower half of those with this upper half. */
static void count_halves(const struct period *period, uint64_t counts[HALF_VALUES], int64_t upper)
{
    memset(counts, 0, HALF_VALUES * sizeof *counts);
    for (unsigned t = 0; t < period->threads; t++) {
        size_t n;
        bool complete;
        const uint32_t *values = fold_durations(period->folds[t], &n, &complete);

        for (size_t i = 0; i < n; i++) {
            if (upper < 0)
                counts[values[i] >> 16]++;
            else if (values[i] >> 16 == (uint32_t)upper)
                counts[values[i] & 0xFFFF]++;
        }
    }
}

static uint32_t find_rank(const uint64_t counts[HALF_VALUES], uint64_t *rank)
{
    uint32_t half = 0;

    while (half < HALF_VALUES - 1 && *rank >= counts[half])
        *rank -= counts[half++];
    return half;
}

/* The duration of the session with this rank (0: the shortest), in milliseconds. */
static double duration_at(const struct period *period, uint64_t rank, uint64_t zeros,
                          uint64_t counts[HALF_VALUES])
{
    uint32_t upper;

    if (rank < zeros)
        return 0;
    rank -= zeros;
    count_halves(period, counts, -1);
    upper = find_rank(counts, &rank);
    count_halves(period, counts, upper);
    return (double)(upper << 16 | find_rank(counts, &rank));
}

/* Exact; of an even number of sessions the mean of the two in the middle. False when unknown. */
static bool median_seconds(const struct period *period, uint64_t sessions, double *seconds)
{
    uint64_t *counts, lasting = 0;
    bool known;

    if (period->summary != NULL) {
        known = summary_median_ms(period->summary, seconds);
        *seconds /= DATE_SECOND_MS;
        return known;
    }
    counts = malloc(HALF_VALUES * sizeof *counts);
    known = counts != NULL && sessions > 0;
    for (unsigned t = 0; t < period->threads; t++) {
        size_t n;
        bool complete;

        fold_durations(period->folds[t], &n, &complete);
        lasting += n;
        known = known && complete;
    }
    if (known)
        *seconds = (duration_at(period, (sessions - 1) / 2, sessions - lasting, counts) +
                    duration_at(period, sessions / 2, sessions - lasting, counts)) /
                   2 / DATE_SECOND_MS;
    free(counts);
    return known;
}

#define OVERVIEW_FIGURES 10

/* In the order of the row's measures. */
static void overview_figures(struct report_cell cells[OVERVIEW_FIGURES],
                             const struct period *period)
{
    struct fold_totals t = period_totals(period);
    double seconds = 0;
    bool known = median_seconds(period, t.sessions, &seconds);
    double sessions = (double)t.sessions;

    set_count(&cells[0], t.hits);
    set_count(&cells[1], t.views);
    set_count(&cells[2], t.visitors);
    set_count(&cells[3], t.new_visitors);
    set_count(&cells[4], t.visitors - t.new_visitors);
    set_count(&cells[5], t.sessions);
    set_number(&cells[6], t.sessions == 0 ? 0 : (double)t.session_views / sessions,
               t.sessions != 0);
    set_number(&cells[7], t.sessions == 0 ? 0 : (double)t.bounces / sessions, t.sessions != 0);
    set_number(&cells[8], seconds, known);
    set_count(&cells[9], t.bots);
}

static double figure(const struct report_cell *cell, enum report_type type)
{
    return type == REPORT_COUNT ? (double)cell->count : cell->number;
}

/* The third row: how much each figure changed. */
static void overview_change(struct report_table *table, struct report_cell *change)
{
    for (unsigned c = 1; c < table->columns_count; c++) {
        const struct report_cell *now = cell_at(table, 0, c), *was = cell_at(table, 1, c);
        double before = figure(was, table->columns[c].type);

        set_number(&change[c], before == 0 ? 0 : figure(now, table->columns[c].type) / before - 1,
                   now->known && was->known && before != 0);
    }
}

static void overview_note(struct report_table *table, const struct period *now)
{
    struct fold_totals t = period_totals(now);

    snprintf(
        table->note, sizeof table->note,
        "%llu hits have no visitor id: no visitors, no sessions. Opted-out hits leave nothing in "
        "the data; /metrics counts them.",
        (unsigned long long)t.without_vid);
}

static int overview_table(struct report_table *table, const struct period *now,
                          const struct period *before, struct err *e)
{
    static const struct str periods[] = { { "current", 7 }, { "previous", 8 }, { "change", 6 } };
    size_t rows = before == NULL ? 1 : 3;

    if (make_cells(table, rows, e) != 0)
        return -1;
    for (size_t r = 0; r < rows; r++) {
        if (set_text(cell_at(table, r, 0), periods[r]) != 0)
            return err_set(e, ERR_MEMORY, "out of memory");
    }
    overview_figures(cell_at(table, 0, 1), now);
    if (before != NULL) {
        overview_figures(cell_at(table, 1, 1), before);
        overview_change(table, cell_at(table, 2, 0));
    }
    table->groups = 1;
    table->bar_column = table->columns_count;
    overview_note(table, now);
    return 0;
}

/* ---- contract ---------------------------------------------------------------------------------------------------------- */

static void columns_sentence(const struct report_spec *spec, char *text, size_t n)
{
    struct buf b = buf_over(text, n - 1);
    const char *const *keys = keys_of(spec, 0);

    for (unsigned k = 0; k < REPORT_KEYS_MAX && keys[k] != NULL; k++)
        buf_addf(&b, "%s%s", k == 0 ? "" : ", ", keys[k]);
    for (unsigned m = 0; m < measures_count(spec->rows[0]); m++)
        buf_addf(&b, ", %s", spec->rows[0]->measures[m].name);
    text[b.n] = '\0';
}

int result_check(const struct report_spec *spec, struct err *e)
{
    char columns[ERR_TEXT_BYTES / 2];

    if (spec->sort == NULL || is_key(spec, 0, spec->sort) || is_measure(spec->rows[0], spec->sort))
        return 0;
    columns_sentence(spec, columns, sizeof columns);
    return err_set(e, ERR_INPUT, "%s has no column %s to sort by; there are %s",
                   spec->rows[0]->name, spec->sort, columns);
}

static int make_table(struct report_table *table, const struct report_spec *spec, size_t i,
                      const struct period *now, const struct period *before, struct err *e)
{
    switch (spec->rows[i]->fold) {
    case FOLD_OVERVIEW:
        return overview_table(table, now, before, e);
    case FOLD_RETENTION:
        return retention_table(table, spec, i, now, e);
    default:
        return key_table(table, spec, i, now, before, e);
    }
}

/* Estimates say so, and by how much they can be off. */
static void add_errors(struct report_table *table, const struct period *period, size_t i)
{
    const struct summary *summary = period->summary;
    struct buf b = buf_over(table->note, sizeof table->note - 1);

    b.n = strlen(table->note);
    if (summary == NULL)
        return;
    if (table->visitors_error == 0 &&
        summary_estimates(summary, table->row, period->plan.tables[i].step)) {
        table->visitors_error = SET_ERROR;
        buf_addf(&b, "%sVisitors are estimated where there are many (standard error %.2f %%).",
                 b.n == 0 ? "" : " ", SET_ERROR * 100);
    }
    if (table->row->fold == FOLD_OVERVIEW && summary->classes != NULL)
        buf_addf(&b, "%sThe median session time is within %.1f %%.", b.n == 0 ? "" : " ",
                 SUMMARY_DURATION_ERROR * 100);
    table->note[b.n] = '\0';
}

int result_table(struct report_table *table, const struct report_spec *spec, size_t i,
                 const struct period *now, const struct period *before, struct err *e)
{
    table->row = spec->rows[i];
    make_columns(table, spec, i);
    if (make_table(table, spec, i, now, before, e) != 0)
        return -1;
    add_errors(table, now, i);
    if (before != NULL)
        add_errors(table, before, i);
    return 0;
}

void result_free(struct report_table *table)
{
    for (size_t i = 0; i < table->rows_count * table->columns_count; i++)
        free((void *)(uintptr_t)table->cells[i].text.p);
    free(table->cells);
    table->cells = NULL;
    table->rows_count = 0;
}
