/*
 * out_html.c - a report as one page that can be mailed. See report/out.h.
 *
 * One file, nothing fetched: style and script are embedded from src/web, and the Content-Security-Policy in
 * the page allows exactly these two by their hashes; so there are no style attributes, and bars are SVG. The
 * script only adds (zooming); everything can be read without it. Text from the data goes through
 * text_add_html.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "html.h"
#include "web/report.css.h"
#include "web/report.js.h"

struct page {
    struct text *text;
    const struct report *report;
    const struct out_options *options;
    const struct html_map *map;
};

static const struct report_cell *cell_at(const struct report_table *table, size_t r, unsigned c)
{
    return &table->cells[r * table->columns_count + c];
}

/* ---- overview: cards ---------------------------------------------------------------------------------------- */

/* Unknown: there was nothing before. Of a rate, more is neither good nor bad. */
static void add_change(struct text *text, const struct report_cell *change, bool judged)
{
    const char *class = change->number < 0 ? "down" : "up";

    if (!change->known)
        text_add_lit(text, "<span class=\"same\">new</span>");
    else if (fabs(change->number) < 0.0005)
        text_add_lit(text, "<span class=\"same\">= 0.0 %</span>");
    else
        text_addf(text, "<span class=\"%s\">%s %+.1f %%</span>", judged ? class : "same",
                  change->number < 0 ? "\xE2\x96\xBC" : "\xE2\x96\xB2", change->number * 100);
}

static bool is_judged(const struct report_column *column)
{
    return column->type != REPORT_RATE && strcmp(column->name, "bots") != 0;
}

/* "before 1,234" and how much it changed. */
static void add_comparison(const struct page *page, const struct report_table *table, unsigned c)
{
    const struct report_cell *now = cell_at(table, 0, c), *before = cell_at(table, 1, c);

    if (now->known && before->known && (cell_at(table, 2, c)->known || now->count > 0))
        add_change(page->text, cell_at(table, 2, c), is_judged(&table->columns[c]));
    text_add_lit(page->text, " <small>before ");
    out_add_value(page->text, &table->columns[c], before);
    text_add_lit(page->text, "</small>");
}

static void add_cards(const struct page *page, const struct report_table *table)
{
    text_add_lit(page->text, "<dl class=\"cards\">\n");
    for (unsigned c = 1; c < table->columns_count; c++) {
        text_addf(page->text, "<div><dt>%s</dt><dd><b>", table->columns[c].title);
        out_add_value(page->text, &table->columns[c], cell_at(table, 0, c));
        text_add_lit(page->text, "</b>");
        if (table->rows_count == 3)
            add_comparison(page, table, c);
        text_add_lit(page->text, "</dd></div>\n");
    }
    text_add_lit(page->text, "</dl>\n");
}

/* ---- tables --------------------------------------------------------------------------------------------------- */

static double value_of(const struct report_column *column, const struct report_cell *cell)
{
    return column->type == REPORT_COUNT ? (double)cell->count : cell->number;
}

static double largest_of(const struct report_table *table)
{
    double largest = 0;

    for (size_t r = 0; table->bar_column < table->columns_count && r < table->rows_count; r++)
        largest = fmax(largest, value_of(&table->columns[table->bar_column],
                                         cell_at(table, r, table->bar_column)));
    return largest;
}

static void add_key(const struct page *page, const struct report_column *column,
                    const struct report_cell *cell)
{
    struct str country = STR_ABSENT;

    if (page->map != NULL && strcmp(column->name, "country") == 0)
        country = html_country(page->map, cell->text);
    text_add_html(page->text, country.p != NULL ? country : out_cell_text(cell));
    if (country.p != NULL) {
        text_add_lit(page->text, " <small>");
        text_add_html(page->text, cell->text);
        text_add_lit(page->text, "</small>");
    }
}

/* A narrow page leaves it out: the change says it. */
static bool is_before(const struct report_table *table, unsigned c)
{
    return c + 1 < table->columns_count && table->columns[c + 1].is_change;
}

/* Ten steps of a shade behind a rate: retention. */
static void add_heat(const struct page *page, const struct report_column *column,
                     const struct report_cell *cell)
{
    text_addf(page->text, "<td class=\"n h%d\">",
              !cell->known ? 0 : (int)fmin(9, ceil(cell->number * 20)));
    out_add_value(page->text, column, cell);
    text_add_lit(page->text, "</td>");
}

static void add_cell(const struct page *page, const struct report_table *table, size_t r,
                     unsigned c)
{
    struct report_column column = out_column(table, r, c);
    const struct report_cell *cell = cell_at(table, r, c);

    if (column.type == REPORT_TEXT) {
        text_add_str(page->text, c == 0 ? STR("<th scope=\"row\">") : STR("<td class=\"k\">"));
        add_key(page, &column, cell);
        text_add_str(page->text, c == 0 ? STR("</th>") : STR("</td>"));
    } else if (table->row->fold == FOLD_RETENTION && column.type == REPORT_RATE) {
        add_heat(page, &column, cell);
    } else {
        text_add_str(page->text, is_before(table, c) ? STR("<td class=\"n before\">")
                                                     : STR("<td class=\"n\">"));
        if (column.is_change)
            add_change(page->text, cell, true);
        else
            out_add_value(page->text, &column, cell);
        text_add_lit(page->text, "</td>");
    }
}

static void add_bar(const struct page *page, const struct report_table *table, size_t r,
                    double largest)
{
    double share =
        value_of(&table->columns[table->bar_column], cell_at(table, r, table->bar_column)) /
        largest;

    text_addf(page->text,
              "<td class=\"bar\"><svg aria-hidden=\"true\"><rect width=\"%.1f%%\" "
              "height=\"100%%\"/></svg></td>",
              share * 100);
}

/* A timeline whole; of countries more may be there than shown, for the map. */
static size_t rows_shown(const struct page *page, const struct report_table *table)
{
    bool all = page->options->top == 0 || table->row->fold == FOLD_TIME ||
               table->row->fold == FOLD_RETENTION || table->rows_count < page->options->top;

    return all ? table->rows_count : page->options->top;
}

static void add_table(const struct page *page, const struct report_table *table)
{
    double largest = table->row->fold == FOLD_RETENTION ? 0 : largest_of(table);

    text_add_lit(page->text, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    text_addf(page->text, "%s\"><table data-report=\"%s\">\n<thead><tr>", table->row->title,
              table->row->name);
    for (unsigned c = 0; c < table->columns_count; c++) {
        text_addf(page->text, "<th scope=\"col\"%s>",
                  table->columns[c].type == REPORT_TEXT ? ""
                  : is_before(table, c)                 ? " class=\"n before\""
                                                        : " class=\"n\"");
        text_add_html(page->text, str_of(table->columns[c].title));
        text_add_lit(page->text, "</th>");
    }
    text_add_str(page->text, largest > 0 ? STR("<td></td>") : STR(""));
    text_add_lit(page->text, "</tr></thead>\n<tbody>\n");
    for (size_t r = 0; r < rows_shown(page, table); r++) {
        text_add_lit(page->text, "<tr>");
        for (unsigned c = 0; c < table->columns_count; c++)
            add_cell(page, table, r, c);
        if (largest > 0)
            add_bar(page, table, r, largest);
        text_add_lit(page->text, "</tr>\n");
    }
    text_add_lit(page->text, "</tbody></table></div>\n");
}

/* ---- sections --------------------------------------------------------------------------------------------------- */

static void add_picture(const struct page *page, const struct report_table *table)
{
    switch (table->row->fold) {
    case FOLD_TIME:
        html_add_timeline(page->text, table);
        break;
    case FOLD_PATHS:
        html_add_flow(page->text, table);
        break;
    default:
        if (page->map != NULL && strcmp(table->columns[0].name, "country") == 0 &&
            !table->columns[1].is_key)
            html_add_map(page->text, page->map, table);
    }
}

static void add_body(const struct page *page, const struct report_table *table)
{
    bool folded = table->row->fold == FOLD_TIME;

    if (table->rows_count == 0) {
        text_add_lit(page->text, "<p>Nothing in this period.</p>\n");
        return;
    }
    if (table->row->fold == FOLD_OVERVIEW) {
        add_cards(page, table);
        return;
    }
    add_picture(page, table);
    if (folded)
        text_add_lit(page->text, "<details><summary>Figures</summary>\n");
    add_table(page, table);
    if (folded)
        text_add_lit(page->text, "</details>\n");
}

/* Pictures, long keys and many columns need the whole width. */
#define COLUMNS_OF_HALF 6

static bool is_wide(const struct report_table *table)
{
    switch (table->row->fold) {
    case FOLD_OVERVIEW:
    case FOLD_TIME:
    case FOLD_PATHS:
    case FOLD_SEQUENCES:
    case FOLD_RETENTION:
        return true;
    default:
        return strcmp(table->columns[0].name, "country") == 0 || table->columns[2].is_key ||
               table->columns_count > COLUMNS_OF_HALF;
    }
}

static void add_section(const struct page *page, const struct report_table *table)
{
    text_addf(page->text, "<section id=\"%s\" class=\"%s\">\n<h2>%s</h2>\n", table->row->name,
              is_wide(table) ? "wide" : "half", table->row->title);
    text_addf(page->text, "<p class=\"what\">%s", table->row->sentence);
    if (rows_shown(page, table) < table->groups)
        text_addf(page->text, " (%zu of %" PRIu64 ")", rows_shown(page, table), table->groups);
    text_add_lit(page->text, "</p>\n");
    add_body(page, table);
    if (table->note[0] != '\0') {
        text_add_lit(page->text, "<p class=\"note\">");
        text_add_html(page->text, str_of(table->note));
        text_add_lit(page->text, "</p>\n");
    }
    text_add_lit(page->text, "</section>\n");
}

/* ---- the page ----------------------------------------------------------------------------------------------------- */

static void add_head(const struct page *page)
{
    text_add_lit(page->text,
                 "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'sha256-" WEB_REPORT_CSS_SHA256
                 "'; script-src 'sha256-" WEB_REPORT_JS_SHA256
                 "'; base-uri 'none'; form-action 'none'\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n"
                 "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    text_add_html(page->text, str_of(page->options->period));
    text_add_lit(page->text, "</title>\n<style>");
    text_add(page->text, web_report_css, sizeof web_report_css);
    text_add_lit(
        page->text,
        "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the figures</a>\n");
}

/* "2026-11-23T14:05:09.123Z" for people. */
static void add_made(const struct page *page)
{
    text_addf(page->text, "<time datetime=\"%s\">%.10s %.5s UTC</time>", page->options->made,
              page->options->made, page->options->made + 11);
}

static void add_header(const struct page *page)
{
    const struct report_totals *totals = report_totals(page->report);
    struct report_column count = { .type = REPORT_COUNT };
    struct report_cell records = { .known = true, .count = totals->records };

    text_add_lit(page->text, "<header>\n<h1>");
    text_add_html(page->text, str_of(page->options->period));
    text_add_lit(page->text, "</h1>\n<p>");
    if (page->options->selection[0] != '\0') {
        text_add_lit(page->text, "Only ");
        text_add_html(page->text, str_of(page->options->selection));
        text_add_lit(page->text, "\xC2\xB7 ");
    }
    out_add_value(page->text, &count, &records);
    text_addf(page->text, " record%s \xC2\xB7 made ", totals->records == 1 ? "" : "s");
    add_made(page);
    if (totals->from_rollups > 0)
        text_add_lit(page->text, " \xC2\xB7 ");
    out_add_rollups(page->text, page->report);
    if (totals->bots > 0)
        text_add_lit(page->text, " \xC2\xB7 ");
    out_add_bots(page->text, page->report, page->options);
    if (totals->damaged + totals->unusable > 0)
        text_addf(page->text,
                  " \xC2\xB7 <strong>%" PRIu64 " damaged places and %" PRIu64
                  " unusable lines were left out</strong>",
                  totals->damaged, totals->unusable);
    text_add_lit(page->text, "</p>\n<nav aria-label=\"Reports\"><ul>\n");
    for (size_t i = 0; i < report_tables(page->report); i++) {
        const struct report_row *row = report_table(page->report, i)->row;

        text_addf(page->text, "<li><a href=\"#%s\">%s</a></li>\n", row->name, row->title);
    }
    text_add_lit(page->text, "</ul></nav>\n</header>\n<main id=\"main\">\n");
}

int out_html(struct text *text, const struct report *report, const struct out_options *options,
             struct err *e)
{
    struct html_map *map = html_map_load(options->share_dir, e);
    struct page page = { text, report, options, map };

    if (map == NULL)
        return -1;
    add_head(&page);
    add_header(&page);
    for (size_t i = 0; i < report_tables(report); i++)
        add_section(&page, report_table(report, i));
    text_add_lit(
        text,
        "</main>\n<footer><p>Definitions: crumb-report(7). Made by crumb.</p></footer>\n<script>");
    text_add(text, web_report_js, sizeof web_report_js);
    text_add_lit(text, "</script>\n</body>\n</html>\n");
    html_map_free(map);
    return 0;
}
