/*
 * result.c - makes the tables of a report. See result.h for the contract.
 *
 * Called by report.c when all threads have ended: columns from the report's row, rows from rows.c, cells
 * from both. The overview, which has no keys, is in overview.c.
 */
#include "result.h"

#include <stdlib.h>

#include "base/date.h"
#include "cells.h"
#include "overview.h"
#include "rows.h"
#include "steps.h"
#include "zone.h"

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

/* The measure that is held against the period before; NULL: none. The last 30 minutes have no such period. */
static const char *compared_measure(const struct report_row *row, const char *main)
{
    switch (row->fold) {
    case FOLD_OVERVIEW: /* by itself */
    case FOLD_RETENTION:
        return NULL;
    case FOLD_TIME:
        return strcmp(row->name, "live") == 0 ? NULL : "views";
    default:
        return main;
    }
}

static bool is_compared(const struct report_row *row, const char *main,
                        const struct report_measure *measure)
{
    const char *compared = compared_measure(row, main);

    return compared != NULL && strcmp(measure->name, compared) == 0;
}

static void make_columns(struct report_table *table, const struct report_spec *spec, size_t i)
{
    const struct report_row *row = spec->rows[i];
    const char *const *keys = asked_keys(spec, i);
    const char *main = measure_main(row, asked_sort(spec, i));

    for (unsigned k = 0; k < REPORT_KEYS_MAX && keys[k] != NULL; k++)
        add_column(table, asked_key_name(keys[k]), key_title(keys[k]), REPORT_TEXT)->is_key = true;
    table->bar_column = REPORT_COLUMNS_MAX;
    for (unsigned m = 0; m < measures_count(row); m++) {
        const struct report_measure *measure = &row->measures[m];

        if (strcmp(measure->name, main) == 0)
            table->bar_column = table->columns_count;
        add_column(table, measure->name, measure->title, measure->type);
        if (spec->compare && is_compared(row, main, measure)) {
            add_column(table, compared_name(measure->name, "previous"), "Before", REPORT_COUNT);
            add_column(table, compared_name(measure->name, "change"), "Change", REPORT_RATE)
                ->is_change = true;
        }
    }
    if (table->bar_column == REPORT_COLUMNS_MAX)
        table->bar_column = table->columns_count;
}

/* ---- tables by key -------------------------------------------------------------------------------------------- */

static uint64_t sum_of(const struct rows *rows, const char *measure, enum report_fold fold)
{
    struct row sum = { .visitors = rows->sum_visitors };

    memcpy(sum.count, rows->sum, sizeof sum.count);
    return measure_count(&sum, measure, fold);
}

static int fill_keys(struct report_table *table, size_t r, struct str key, unsigned keys)
{
    for (unsigned k = 0; k < keys; k++) {
        struct str part = k + 1 < keys ? str_cut(&key, FOLD_KEY_SEPARATOR) : key;

        if (cell_text(table_cell(table, r, k), part) != 0)
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
    enum report_fold fold = filling->row->fold;
    double number = 0;
    bool known;

    switch (measure_kind(measure->name)) {
    case MEASURE_SHARE:
        known = filling->sum != 0;
        if (known)
            number = (double)measure_count(row, filling->main, fold) / (double)filling->sum;
        cell_number(cell, number, known);
        break;
    case MEASURE_RATE:
        known = measure_rate(row, measure->name, &number);
        cell_number(cell, number, known);
        break;
    case MEASURE_COUNT:
        cell_count(cell, measure_count(row, measure->name, fold));
    }
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

        fill_measure(table_cell(table, r, column++), measure, row, filling);
        if (before != NULL && is_compared(filling->row, filling->main, measure)) {
            const struct row *old = rows_find(before, row->hash);
            uint64_t was = old == NULL ? 0 : measure_count(old, measure->name, filling->row->fold);

            cell_count(table_cell(table, r, column++), was);
            cell_change(table_cell(table, r, column++),
                        measure_count(row, measure->name, filling->row->fold), was);
        }
    }
    return 0;
}

static int fill_table(struct report_table *table, const struct rows *rows,
                      const struct rows *before, const struct filling *filling, struct err *e)
{
    if (table_make_cells(table, rows->count, e) != 0)
        return -1;
    for (size_t r = 0; r < rows->count; r++) {
        if (fill_row(table, r, &rows->row[r], before, filling) != 0)
            return err_set(e, ERR_MEMORY, "out of memory");
    }
    return 0;
}

/* The rows that are shown, in the earlier period; of a timeline all, each as if it were that of its opposite. */
static int collect_before(struct rows *old, struct rows *rows, const struct report_spec *spec,
                          size_t i, const struct period *now, const struct period *before,
                          struct err *e)
{
    bool is_timeline = spec->rows[i]->fold == FOLD_TIME;
    enum report_step step = now->plan.tables[i].step;
    int64_t until_ms = spec->until_ms == INT64_MAX ? spec->now_ms : spec->until_ms;

    rows_sort_by_hash(rows);
    old->only = is_timeline ? NULL : rows;
    if (rows_collect(old, before, i, e) != 0)
        return -1;
    if (is_timeline)
        return steps_move(old, before, now, step, steps_between(spec->since_ms, until_ms, step), e);
    rows_sort_by_hash(old);
    return 0;
}

/* In order of time a timeline is whole; sorted by a figure it is cut like other tables. */
static size_t top_of(const struct report_spec *spec, size_t i)
{
    bool in_order = spec->for_page || !measure_is(spec->rows[i], asked_sort(spec, i));
    bool all = (spec->rows[i]->fold == FOLD_TIME && in_order) ||
               (spec->for_page && strcmp(asked_keys(spec, i)[0], "country") == 0 &&
                asked_keys(spec, i)[1] == NULL);

    return all ? 0 : spec->top;
}

static int key_table(struct report_table *table, const struct report_spec *spec, size_t i,
                     const struct period *now, const struct period *before, struct err *e)
{
    const struct report_row *row = spec->rows[i];
    struct filling filling = { row, measure_main(row, asked_sort(spec, i)), 0 };
    struct rows rows = { .top = top_of(spec, i), .order = rows_order(spec, i) };
    struct rows old = { .order = rows.order };
    bool compare = before != NULL && compared_measure(row, filling.main) != NULL;
    int r = rows_collect(&rows, now, i, e);

    if (r == 0 && fold_has_page_keys(row->fold))
        r = rows_name_pages(&rows, now, row->fold, e);
    if (r == 0) {
        rows_keep_top(&rows);
        filling.sum = sum_of(&rows, filling.main, row->fold);
        table->groups = rows.groups;
        if (compare)
            r = collect_before(&old, &rows, spec, i, now, before, e);
    }
    if (r == 0 && spec->for_page && row->fold == FOLD_TIME)
        r = steps_fill(&rows, now, now->plan.tables[i].step, e);
    if (r == 0) {
        rows_sort(&rows);
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
    struct rows rows = { .order = rows_order(spec, i) };
    uint64_t size = 0;
    size_t cohorts = 0, r = 0;
    int64_t last_week;
    struct zone zone = { 0 };
    int result = rows_collect(&rows, now, i, e);

    rows.order.measure = NULL;
    rows_keep_top(&rows);
    for (size_t k = 0; k < rows.count; k++)
        cohorts += rows.row[k].key.p[rows.row[k].key.n - 1] == '0';
    last_week = zone_week(&zone, period_totals(now).last_ms);
    if (result == 0)
        result = table_make_cells(table, cohorts, e);
    for (size_t k = 0; result == 0 && k < rows.count; k++) {
        struct str key = rows.row[k].key;
        unsigned later = (unsigned)(key.p[key.n - 1] - '0');

        if (later == 0) {
            r += size != 0;
            size = rows.row[k].count[0];
            if (cell_text(table_cell(table, r, 0), str_from(key.p, key.n - 2)) != 0)
                result = err_set(e, ERR_MEMORY, "out of memory");
            cell_count(table_cell(table, r, 1), size);
            /* Weeks that have begun are known, also when nobody came. */
            for (unsigned w = 1; w <= FOLD_WEEKS_MAX; w++) {
                int64_t week_ms;

                if (date_parse(str_from(key.p, key.n - 2), &week_ms))
                    cell_number(table_cell(table, r, 1 + w), 0,
                                (week_ms / DATE_DAY_MS + 3) / 7 + w <= last_week);
            }
        } else if (size > 0) {
            cell_number(table_cell(table, r, 1 + later),
                        (double)rows.row[k].count[0] / (double)size, true);
        }
    }
    table->groups = cohorts;
    rows_free(&rows);
    return result;
}

/* ---- contract ---------------------------------------------------------------------------------------------------------- */

static void columns_sentence(const struct report_spec *spec, char *text, size_t n)
{
    struct buf b = buf_over(text, n - 1);
    const char *const *keys = asked_keys(spec, 0);

    for (unsigned k = 0; k < REPORT_KEYS_MAX && keys[k] != NULL; k++)
        buf_addf(&b, "%s%s", k == 0 ? "" : ", ", asked_key_name(keys[k]));
    for (unsigned m = 0; m < measures_count(spec->rows[0]); m++)
        buf_addf(&b, ", %s", spec->rows[0]->measures[m].name);
    text[b.n] = '\0';
}

int result_check(const struct report_spec *spec, struct err *e)
{
    char columns[ERR_TEXT_BYTES / 2];

    if (spec->sort == NULL || asked_key(spec, 0, spec->sort) >= 0 ||
        measure_is(spec->rows[0], spec->sort))
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
    double error;

    b.n = strlen(table->note);
    if (summary == NULL)
        return;
    error = summary_error(summary, table->row, period->plan.tables[i].step);
    if (table->visitors_error == 0 && error > 0) {
        table->visitors_error = error;
        buf_addf(&b, "%sLarge numbers of visitors are estimates, with a standard error of %.2f %%.",
                 b.n == 0 ? "" : " ", error * 100);
    }
    if (table->row->fold == FOLD_OVERVIEW && summary->classes != NULL)
        buf_addf(&b, "%sThe median session time is exact to %.1f %%.", b.n == 0 ? "" : " ",
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
