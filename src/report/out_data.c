/*
 * out_data.c - reports for programs: json, ndjson, csv; and md for notes. See report/out.h.
 *
 * Names of keys are those of the columns and do not change. A value that is unknown is null in JSON and
 * empty in CSV.
 */
#include <inttypes.h>
#include <math.h>

#include "report/out.h"

static const struct out_form forms[] = {
    { "table", out_table, false }, { "json", out_json, false },   { "ndjson", out_ndjson, false },
    { "csv", out_csv, true },      { "md", out_markdown, false }, { "html", out_html, false },
};

#define FORMS (sizeof forms / sizeof forms[0])

const struct out_form *out_forms(size_t *count)
{
    *count = FORMS;
    return forms;
}

const struct out_form *out_form(const char *name)
{
    for (size_t i = 0; i < FORMS; i++) {
        if (strcmp(name, forms[i].name) == 0)
            return &forms[i];
    }
    return NULL;
}

/* ---- values for people ----------------------------------------------------------------------------------- */

struct str out_cell_text(const struct report_cell *cell)
{
    return cell->text.n == 0 ? STR("(none)") : cell->text;
}

static void add_grouped(struct text *text, uint64_t n)
{
    if (n >= 1000) {
        add_grouped(text, n / 1000);
        text_addf(text, ",%03u", (unsigned)(n % 1000));
    } else {
        text_addf(text, "%u", (unsigned)n);
    }
}

static void add_duration(struct text *text, double seconds)
{
    uint64_t s = (uint64_t)(seconds + 0.5);

    if (s >= 3600)
        text_addf(text, "%" PRIu64 ":%02u:%02u h", s / 3600, (unsigned)(s / 60 % 60),
                  (unsigned)(s % 60));
    else if (s >= 60)
        text_addf(text, "%u:%02u min", (unsigned)(s / 60), (unsigned)(s % 60));
    else
        text_addf(text, "%.1f s", seconds);
}

void out_add_value(struct text *text, const struct report_column *column,
                   const struct report_cell *cell)
{
    if (!cell->known) {
        text_add_lit(text, "-");
        return;
    }
    switch (column->type) {
    case REPORT_COUNT:
        add_grouped(text, cell->count);
        break;
    case REPORT_RATE:
        text_addf(text, column->is_change ? "%+.1f %%" : "%.1f %%", cell->number * 100);
        break;
    case REPORT_RATIO:
        text_addf(text, "%.2f", cell->number);
        break;
    case REPORT_SECONDS:
        add_duration(text, cell->number);
        break;
    case REPORT_TEXT:
        break;
    }
}

void out_add_bots(struct text *text, const struct report *report, const struct out_options *options)
{
    uint64_t bots = report_totals(report)->bots;

    if (bots == 0)
        return;
    add_grouped(text, bots);
    text_addf(text, bots == 1 ? " hit of a bot is %s" : " hits of bots are %s", options->bots);
}

void out_add_rollups(struct text *text, const struct report *report)
{
    const struct report_totals *totals = report_totals(report);

    if (totals->from_rollups == 0)
        return;
    add_grouped(text, totals->from_rollups);
    text_add_lit(text, " of ");
    add_grouped(text, totals->records);
    text_addf(text, " record%s from rollups", totals->records == 1 ? "" : "s");
}

/* ---- json, ndjson -------------------------------------------------------------------------------------------- */

static void add_number(struct text *text, const struct report_column *column,
                       const struct report_cell *cell)
{
    if (!cell->known || !isfinite(cell->number))
        text_add_lit(text, "null");
    else if (column->type == REPORT_COUNT)
        text_addf(text, "%" PRIu64, cell->count);
    else
        text_addf(text, "%.10g", cell->number);
}

struct report_column out_column(const struct report_table *table, size_t r, unsigned c)
{
    struct report_column column = table->columns[c];

    if (table->row->fold == FOLD_OVERVIEW && r == 2 && c > 0) {
        column.type = REPORT_RATE;
        column.is_change = true;
    }
    return column;
}

static void add_fields(struct text *text, const struct report_table *table, size_t r)
{
    for (unsigned c = 0; c < table->columns_count; c++) {
        struct report_column column = out_column(table, r, c);
        const struct report_cell *cell = &table->cells[r * table->columns_count + c];

        text_addf(text, "%s\"%s\":", c == 0 ? "" : ",", column.name);
        if (column.type == REPORT_TEXT)
            text_add_json(text, cell->text);
        else
            add_number(text, &column, cell);
    }
}

static void add_json_table(struct text *text, const struct report_table *table)
{
    text_addf(text, "{\"report\":\"%s\",\"groups\":%" PRIu64 ",\"visitors_error\":%g,\"rows\":[",
              table->row->name, table->groups, table->visitors_error);
    for (size_t r = 0; r < table->rows_count; r++) {
        text_add_str(text, r == 0 ? STR("\n  {") : STR(",\n  {"));
        add_fields(text, table, r);
        text_add_lit(text, "}");
    }
    text_add_lit(text, "\n]}");
}

int out_json(struct text *text, const struct report *report, const struct out_options *options,
             struct err *e)
{
    const struct report_totals *totals = report_totals(report);

    (void)e;
    text_add_lit(text, "{\"period\":");
    text_add_json(text, str_of(options->period));
    text_addf(text,
              ",\"records\":%" PRIu64 ",\"bots\":%" PRIu64 ",\"unusable\":%" PRIu64
              ",\"damaged\":%" PRIu64 ",\"from_rollups\":%" PRIu64 ",\"reports\":[\n",
              totals->records, totals->bots, totals->unusable, totals->damaged,
              totals->from_rollups);
    for (size_t i = 0; i < report_tables(report); i++) {
        text_add_str(text, i == 0 ? STR("") : STR(",\n"));
        add_json_table(text, report_table(report, i));
    }
    text_add_lit(text, "\n]}\n");
    return 0;
}

int out_ndjson(struct text *text, const struct report *report, const struct out_options *options,
               struct err *e)
{
    (void)options;
    (void)e;
    for (size_t i = 0; i < report_tables(report); i++) {
        const struct report_table *table = report_table(report, i);

        for (size_t r = 0; r < table->rows_count; r++) {
            text_addf(text, "{\"report\":\"%s\",", table->row->name);
            add_fields(text, table, r);
            if (table->visitors_error > 0)
                text_addf(text, ",\"visitors_error\":%g", table->visitors_error);
            text_add_lit(text, "}\n");
        }
    }
    return 0;
}

/* ---- csv, RFC 4180 -------------------------------------------------------------------------------------------- */

int out_csv(struct text *text, const struct report *report, const struct out_options *options,
            struct err *e)
{
    const struct report_table *table = report_table(report, 0);

    (void)e;
    for (unsigned c = 0; c < table->columns_count; c++) {
        text_add_str(text, c == 0 ? STR("") : STR(","));
        text_add_csv(text, str_of(table->columns[c].name), false);
    }
    text_add_str(text, table->visitors_error > 0 ? STR(",visitors_error\r\n") : STR("\r\n"));
    for (size_t r = 0; r < table->rows_count; r++) {
        for (unsigned c = 0; c < table->columns_count; c++) {
            struct report_column column = out_column(table, r, c);
            const struct report_cell *cell = &table->cells[r * table->columns_count + c];

            text_add_str(text, c == 0 ? STR("") : STR(","));
            if (column.type == REPORT_TEXT && options->raw && !options->terminal)
                text_add_csv_exact(text, cell->text);
            else if (column.type == REPORT_TEXT)
                text_add_csv(text, cell->text, !options->raw);
            else if (cell->known)
                add_number(text, &column, cell);
        }
        if (table->visitors_error > 0)
            text_addf(text, ",%g", table->visitors_error);
        text_add_lit(text, "\r\n");
    }
    return 0;
}

/* ---- Markdown --------------------------------------------------------------------------------------------------- */

static void add_markdown_cell(struct text *text, const struct report_table *table, size_t r,
                              unsigned c)
{
    struct report_column column = out_column(table, r, c);
    const struct report_cell *cell = &table->cells[r * table->columns_count + c];

    text_add_lit(text, " ");
    if (column.type == REPORT_TEXT)
        text_add_markdown(text, out_cell_text(cell));
    else
        out_add_value(text, &column, cell);
    text_add_lit(text, " |");
}

/* A few wide rows read better as a list of figures. */
static void add_turned(struct text *text, const struct report_table *table)
{
    text_add_lit(text, "| |");
    for (size_t r = 0; r < table->rows_count; r++)
        add_markdown_cell(text, table, r, 0);
    text_add_lit(text, "\n|---|");
    for (size_t r = 0; r < table->rows_count; r++)
        text_add_lit(text, "---:|");
    for (unsigned c = 1; c < table->columns_count; c++) {
        text_addf(text, "\n| %s |", table->columns[c].title);
        for (size_t r = 0; r < table->rows_count; r++)
            add_markdown_cell(text, table, r, c);
    }
    text_add_lit(text, "\n");
}

static void add_straight(struct text *text, const struct report_table *table)
{
    text_add_lit(text, "|");
    for (unsigned c = 0; c < table->columns_count; c++)
        text_addf(text, " %s |", table->columns[c].title);
    text_add_lit(text, "\n|");
    for (unsigned c = 0; c < table->columns_count; c++)
        text_add_str(text, table->columns[c].type == REPORT_TEXT ? STR("---|") : STR("---:|"));
    for (size_t r = 0; r < table->rows_count; r++) {
        text_add_lit(text, "\n|");
        for (unsigned c = 0; c < table->columns_count; c++)
            add_markdown_cell(text, table, r, c);
    }
    text_add_lit(text, "\n");
}

int out_markdown(struct text *text, const struct report *report, const struct out_options *options,
                 struct err *e)
{
    (void)e;
    text_addf(text, "# ");
    text_add_markdown(text, str_of(options->period));
    text_add_lit(text, "\n\n");
    out_add_bots(text, report, options);
    if (report_totals(report)->from_rollups > 0)
        text_add_str(text, report_totals(report)->bots > 0 ? STR("; ") : STR(""));
    out_add_rollups(text, report);
    text_add_lit(text, "\n");
    for (size_t i = 0; i < report_tables(report); i++) {
        const struct report_table *table = report_table(report, i);

        text_addf(text, "\n## %s\n\n", table->row->title);
        if (table->row->fold == FOLD_OVERVIEW)
            add_turned(text, table);
        else
            add_straight(text, table);
        if (table->note[0] != '\0') {
            text_add_lit(text, "\n");
            text_add_markdown(text, str_of(table->note));
            text_add_lit(text, "\n");
        }
    }
    return 0;
}
