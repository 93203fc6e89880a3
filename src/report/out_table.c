/*
 * out_table.c - reports in the terminal; the only user of libsmartcols. See report/out.h.
 *
 * The program has called setlocale: without it every character beyond ASCII would be counted and shown
 * as bytes. A table is as wide as the terminal at most (layout.c says what gives way), and not cut at all
 * when nobody has a width. Control characters of the data never reach the terminal: cells are made
 * printable before they are given to the library.
 */
#include <langinfo.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "report/out.h"

#define BAR_CELLS 16

struct printing {
    struct text *text;
    const struct out_options *options;
    const struct report_table *table;
    struct libscols_table *grid;
    struct layout_column layout[REPORT_COLUMNS_MAX];
    unsigned bar;   /* cells; 0: none */
    double largest; /* of the column with bars */
    bool utf8;
};

static double bar_value(const struct printing *p, size_t r)
{
    unsigned c = p->table->bar_column;
    const struct report_cell *cell = &p->table->cells[r * p->table->columns_count + c];

    return p->table->columns[c].type == REPORT_COUNT ? (double)cell->count : cell->number;
}

/* In eighths of a character where the terminal has them. */
static void add_bar(struct text *text, const struct printing *p, size_t r)
{
    static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    double share = p->largest > 0 ? bar_value(p, r) / p->largest : 0;
    unsigned units = (unsigned)(share * p->bar * 8 + 0.5);

    for (unsigned i = 0; i < units / 8; i++)
        text_add_str(text, p->utf8 ? STR("█") : STR("#"));
    if (p->utf8)
        text_add(text, eighths[units % 8], strlen(eighths[units % 8]));
    else if (units < 8 && units > 0)
        text_add_lit(text, "#");
}

static int set_cell(struct libscols_line *line, unsigned c, struct text *value)
{
    int r;

    text_add(value, "", 1);
    r = value->failed ? -1 : scols_line_set_data(line, c, value->p);
    text_free(value);
    return r;
}

static void add_value(struct text *text, const struct printing *p, size_t r, unsigned c)
{
    struct report_column column = out_column(p->table, r, c);
    const struct report_cell *cell = &p->table->cells[r * p->table->columns_count + c];

    if (column.type == REPORT_TEXT)
        text_add_printable(text, out_cell_text(cell));
    else
        out_add_value(text, &column, cell);
}

/* ---- widths --------------------------------------------------------------------------------------------- */

/* What the table is about stays: keys, the main measure and its change. Shares go first. */
static unsigned rank_of(const struct report_table *table, unsigned c)
{
    const struct report_column *column = &table->columns[c];
    bool is_before = c > 0 && c == table->bar_column + 1 && c + 1 < table->columns_count &&
                     table->columns[c + 1].is_change;

    if (column->is_key || column->is_change || c == table->bar_column)
        return 0;
    if (column->type == REPORT_RATE)
        return 2 * REPORT_COLUMNS_MAX;
    return is_before ? REPORT_COLUMNS_MAX : c;
}

static void find_largest(struct printing *p)
{
    p->largest = 0;
    for (size_t r = 0; r < p->table->rows_count; r++) {
        double value = bar_value(p, r);

        p->largest = value > p->largest ? value : p->largest;
    }
}

static int lay_out(struct printing *p)
{
    const struct report_table *table = p->table;
    bool has_bar = table->bar_column < table->columns_count;
    struct text value = { 0 };

    for (unsigned c = 0; c < table->columns_count; c++) {
        struct layout_column *column = &p->layout[c];

        *column = (struct layout_column){ .natural = layout_width(str_of(table->columns[c].title)),
                                          .is_text = table->columns[c].type == REPORT_TEXT,
                                          .rank = rank_of(table, c) };
        for (size_t r = 0; r < table->rows_count; r++) {
            unsigned width;

            value.n = 0;
            add_value(&value, p, r, c);
            width = layout_width(str_from(value.p, value.n));
            column->natural = width > column->natural ? width : column->natural;
        }
    }
    p->bar =
        layout_fit(p->layout, table->columns_count, p->options->width, has_bar ? BAR_CELLS : 0);
    if (p->bar > 0)
        find_largest(p);
    text_free(&value);
    return value.failed ? -1 : 0;
}

/* "No room for: Share (--format csv has every column)" */
static void say_left_out(const struct printing *p)
{
    unsigned left_out = 0;

    for (unsigned c = 0; c < p->table->columns_count; c++) {
        if (p->layout[c].width == 0)
            text_addf(p->text, "%s%s", left_out++ == 0 ? "No room for " : ", ",
                      p->table->columns[c].title);
    }
    if (left_out > 0)
        text_add_lit(p->text, "\n");
}

/* Sentences break at words. */
static void add_sentence(const struct printing *p, struct str words)
{
    unsigned column = 0;
    struct str word;

    while ((word = str_cut(&words, ' ')).p != NULL) {
        unsigned width = layout_width(word);
        bool fits = p->options->width == 0 || column + 1 + width <= p->options->width;

        if (column > 0)
            text_add_str(p->text, fits ? STR(" ") : STR("\n"));
        column = column == 0 || !fits ? width : column + 1 + width;
        text_add_str(p->text, word);
    }
    text_add_lit(p->text, "\n");
}

/* ---- tables --------------------------------------------------------------------------------------------- */

static void cut(struct text *value, const struct printing *p, unsigned c)
{
    struct str whole = str_from(value->p, value->n);

    if (value->failed || layout_width(whole) <= p->layout[c].width)
        return;
    value->n = layout_cut(whole, p->layout[c].width - 1).n;
    text_add_str(value, p->utf8 ? STR("…") : STR("~"));
}

static int add_line(const struct printing *p, size_t r)
{
    struct libscols_line *line = scols_table_new_line(p->grid, NULL);
    struct text value = { 0 };
    unsigned at = 0;

    for (unsigned c = 0; line != NULL && c < p->table->columns_count; c++) {
        const struct report_cell *cell = &p->table->cells[r * p->table->columns_count + c];

        if (p->layout[c].width == 0)
            continue;
        add_value(&value, p, r, c);
        cut(&value, p, c);
        if (set_cell(line, at, &value) != 0)
            return -1;
        if (p->table->columns[c].is_change && cell->known)
            scols_cell_set_color(scols_line_get_cell(line, at), cell->number < 0 ? "red" : "green");
        at++;
    }
    if (line != NULL && p->bar > 0) {
        add_bar(&value, p, r);
        if (set_cell(line, at, &value) != 0)
            return -1;
    }
    return line == NULL ? -1 : 0;
}

static int add_columns(const struct printing *p)
{
    for (unsigned c = 0; c < p->table->columns_count; c++) {
        const struct report_column *column = &p->table->columns[c];

        if (p->layout[c].width > 0 &&
            scols_table_new_column(p->grid, column->title, 0,
                                   column->type == REPORT_TEXT ? 0 : SCOLS_FL_RIGHT) == NULL)
            return -1;
    }
    if (p->bar > 0) {
        struct libscols_column *bar = scols_table_new_column(p->grid, "", 0, 0);

        if (bar == NULL)
            return -1;
        scols_column_set_color(bar, "blue");
    }
    return 0;
}

static int add_titles_bold(const struct printing *p)
{
    for (size_t c = 0; c < scols_table_get_ncols(p->grid); c++) {
        struct libscols_cell *header = scols_column_get_header(scols_table_get_column(p->grid, c));

        if (scols_cell_set_color(header, "bold") != 0)
            return -1;
    }
    return 0;
}

static int fill(struct printing *p)
{
    if (lay_out(p) != 0 || add_columns(p) != 0 || add_titles_bold(p) != 0)
        return -1;
    for (size_t r = 0; r < p->table->rows_count; r++) {
        if (add_line(p, r) != 0)
            return -1;
    }
    return 0;
}

/* Its single rows as lines: figure, value, and with a comparison before and change. */
static int fill_turned(const struct printing *p)
{
    const struct report_table *table = p->table;

    if (scols_table_new_column(p->grid, "", 0, 0) == NULL)
        return -1;
    for (size_t r = 0; r < table->rows_count; r++) {
        const struct report_cell *cell = &table->cells[r * table->columns_count];
        char name[16];

        snprintf(name, sizeof name, "%.*s", STR_ARG(cell->text));
        if (scols_table_new_column(p->grid, table->rows_count == 1 ? "" : name, 0,
                                   SCOLS_FL_RIGHT) == NULL)
            return -1;
    }
    for (unsigned c = 1; c < table->columns_count; c++) {
        struct libscols_line *line = scols_table_new_line(p->grid, NULL);

        if (line == NULL || scols_line_set_data(line, 0, table->columns[c].title) != 0)
            return -1;
        for (size_t r = 0; r < table->rows_count; r++) {
            struct report_column column = out_column(table, r, c);
            const struct report_cell *cell = &table->cells[r * table->columns_count + c];
            struct text value = { 0 };

            out_add_value(&value, &column, cell);
            if (set_cell(line, (unsigned)r + 1, &value) != 0)
                return -1;
        }
    }
    if (table->rows_count == 1)
        scols_table_enable_noheadings(p->grid, 1);
    return 0;
}

static int print_table(struct printing *p)
{
    char *printed = NULL;
    int r = -1;

    p->grid = scols_new_table();
    if (p->grid == NULL)
        return -1;
    scols_table_enable_colors(p->grid, p->options->colours);
    scols_table_set_termforce(p->grid, SCOLS_TERMFORCE_NEVER);
    if ((p->table->row->fold == FOLD_OVERVIEW ? fill_turned(p) : fill(p)) == 0 &&
        scols_print_table_to_string(p->grid, &printed) == 0) {
        text_add(p->text, printed, strlen(printed));
        text_add_lit(p->text, "\n");
        if (p->table->row->fold != FOLD_OVERVIEW)
            say_left_out(p);
        r = 0;
    }
    free(printed);
    scols_unref_table(p->grid);
    return r;
}

static void add_title(struct text *text, const struct report_table *table,
                      const struct out_options *options)
{
    text_addf(text, options->colours ? "\033[1m%s\033[0m" : "%s", table->row->title);
    if (table->rows_count < table->groups)
        text_addf(text, " (%zu of %llu)", table->rows_count, (unsigned long long)table->groups);
    text_add_lit(text, "\n");
}

int out_table(struct text *text, const struct report *report, const struct out_options *options,
              struct err *e)
{
    struct printing p = { .text = text, .options = options };

    p.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    text_add_printable(text, str_of(options->period));
    if (report_totals(report)->bots > 0)
        text_add_lit(text, "; ");
    out_add_bots(text, report, options);
    if (report_totals(report)->from_rollups > 0)
        text_add_lit(text, "; ");
    out_add_rollups(text, report);
    text_add_lit(text, "\n");
    for (size_t i = 0; i < report_tables(report); i++) {
        p.table = report_table(report, i);
        text_add_lit(text, "\n");
        add_title(text, p.table, options);
        if (p.table->rows_count == 0)
            text_add_lit(text, "nothing\n");
        else if (print_table(&p) != 0)
            return err_set(e, ERR_MEMORY, "out of memory");
        if (p.table->note[0] != '\0')
            add_sentence(&p, str_of(p.table->note));
    }
    return 0;
}
