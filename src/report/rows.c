/*
 * rows.c - the rows of one table: merged, sorted, cut and named. See rows.h for the contract.
 *
 * Called by result.c when all threads have ended. Of ten million keys never more than a few times `top`
 * are held: when enough have come together the smallest are dropped. Page hashes become paths before the
 * last cut, because of rows with equal counts the names decide which are shown.
 */
#include "rows.h"

#include <stdlib.h>

#define SPARE_ROWS 4096 /* collected above `top` before the smallest are dropped */
#define SPARE_PAGE_ROWS                                                                            \
    262144 /* the same when keys are hashes: of equals those with the right names must stay */

/* ---- order ---------------------------------------------------------------------------------------------- */

struct order rows_order(const struct report_spec *spec, size_t i)
{
    const struct report_row *row = spec->rows[i];
    const char *sort = asked_sort(spec, i);
    int key = asked_key(spec, i, sort);
    struct order order = { .fold = row->fold, .key = key > 0 ? (unsigned)key : 0 };

    if (row->fold == FOLD_VISITORS || row->fold == FOLD_RETENTION || row->fold == FOLD_TIME)
        if (!measure_is(row, sort) || key >= 0)
            return order;
    if (measure_is(row, sort)) {
        enum measure_kind kind = measure_kind(sort);

        order.measure = kind == MEASURE_SHARE ? measure_main(row, NULL) : sort;
        order.by_rate = kind == MEASURE_RATE;
    }
    return order;
}

/* By bytes, column by column: what ends a column is less than any byte in it. */
static int compare_keys(struct str a, struct str b)
{
    size_t i = 0;

    while (i < a.n && i < b.n && a.p[i] == b.p[i])
        i++;
    if (i == a.n || i == b.n)
        return (a.n > b.n) - (a.n < b.n);
    if (a.p[i] == FOLD_KEY_SEPARATOR || b.p[i] == FOLD_KEY_SEPARATOR)
        return a.p[i] == FOLD_KEY_SEPARATOR ? -1 : 1;
    return (unsigned char)a.p[i] < (unsigned char)b.p[i] ? -1 : 1;
}

static struct str column_of(struct str key, unsigned column)
{
    struct str part = str_cut(&key, FOLD_KEY_SEPARATOR);

    while (column-- > 0)
        part = str_cut(&key, FOLD_KEY_SEPARATOR);
    return part;
}

/* Frequencies sort by their first number, everything else as bytes. */
static int compare_labels(struct str a, struct str b, const struct order *order)
{
    int r = 0;

    if (order->fold == FOLD_VISITORS && a.n > 0 && b.n > 0) {
        long x = strtol(a.p, NULL, 10), y = strtol(b.p, NULL, 10);

        return (x > y) - (x < y);
    }
    if (order->key > 0)
        r = compare_keys(column_of(a, order->key), column_of(b, order->key));
    return r != 0 ? r : compare_keys(a, b);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    const struct row *x = a, *y = b;
    const struct order *order = arg;

    if (order->by_rate) {
        double p, q;

        measure_rate(x, order->measure, &p);
        measure_rate(y, order->measure, &q);
        if (p != q)
            return p < q ? 1 : -1;
    } else if (order->measure != NULL) {
        uint64_t p = measure_count(x, order->measure, order->fold);
        uint64_t q = measure_count(y, order->measure, order->fold);

        if (p != q)
            return p < q ? 1 : -1;
    }
    return compare_labels(x->key, y->key, order);
}

static int compare_hashes(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* ---- collecting ------------------------------------------------------------------------------------------ */

const struct row *rows_find(const struct rows *rows, uint64_t hash)
{
    struct row key = { .hash = hash };

    return rows->count == 0 ? NULL
                            : bsearch(&key, rows->row, rows->count, sizeof key, compare_hashes);
}

void rows_sort(struct rows *rows)
{
    if (rows->count > 0)
        qsort_r(rows->row, rows->count, sizeof *rows->row, compare_rows, &rows->order);
}

void rows_sort_by_hash(struct rows *rows)
{
    if (rows->count > 0)
        qsort(rows->row, rows->count, sizeof *rows->row, compare_hashes);
}

static void keep_first(struct rows *rows, size_t count)
{
    rows_sort(rows);
    while (rows->count > count)
        free((void *)(uintptr_t)rows->row[--rows->count].key.p);
}

void rows_keep_top(struct rows *rows)
{
    keep_first(rows, rows->top != 0 ? rows->top : rows->count);
}

/* Sorted by their names, hashes cannot be dropped before they have them. */
static void keep_bounded(struct rows *rows)
{
    bool hashes = fold_has_page_keys(rows->order.fold);
    size_t spare = hashes ? SPARE_PAGE_ROWS : SPARE_ROWS;

    if (rows->top == 0 || (hashes && rows->order.measure == NULL))
        return;
    if (rows->count >= 2 * (rows->top + spare)) {
        keep_first(rows, rows->top + spare);
        rows->last = rows->row[rows->count - 1];
        rows->has_last = true;
    }
}

bool rows_add(struct rows *rows, uint64_t hash, struct str key)
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
    struct row row = { .hash = group->hash, .key = group->key, .visitors = group->visitors };

    memcpy(row.count, group->count, sizeof row.count);
    rows->groups++;
    rows->sum_visitors += group->visitors;
    for (int i = 0; i < TALLY_COUNTS; i++)
        rows->sum[i] += group->count[i];
    if (rows->only != NULL && rows_find(rows->only, group->hash) == NULL)
        return;
    if (rows->has_last && compare_rows(&row, &rows->last, &rows->order) > 0)
        return;
    keep_bounded(rows);
    if (!rows_add(rows, row.hash, row.key)) {
        rows->no_memory = true;
        return;
    }
    row.key = rows->row[rows->count - 1].key;
    rows->row[rows->count - 1] = row;
}

void rows_free(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free((void *)(uintptr_t)rows->row[i].key.p);
    free(rows->row);
}

int rows_collect(struct rows *rows, const struct period *period, size_t i, struct err *e)
{
    const struct plan_table *table = &period->plan.tables[i];
    struct tally *tallies[FOLD_THREADS_MAX];

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

int rows_name_pages(struct rows *rows, const struct period *period, enum report_fold fold,
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
