/*
 * html_chart.c - the timeline and the flow of the HTML page. See html.h.
 *
 * Both fit any width: lines are drawn in an inner svg that is stretched, texts stand in the outer one at
 * places in percent. Nothing here is only in the picture: the tables below have every figure.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "html.h"

#define CHART_LABELS 5
#define GRID_LINES   4
#define BEFORE       "views_previous"

/* ---- timeline -------------------------------------------------------------------------------------------- */

static const struct report_cell *cell_of(const struct report_table *table, size_t r,
                                         const char *name)
{
    for (unsigned c = 0; c < table->columns_count; c++) {
        if (strcmp(table->columns[c].name, name) == 0)
            return &table->cells[r * table->columns_count + c];
    }
    return NULL;
}

/* 1, 2 or 5 times a power of ten, not below n; report.js does the same. */
static uint64_t round_up(uint64_t n)
{
    static const uint64_t steps[] = { 1, 2, 5 };
    uint64_t power = 1;

    for (;; power *= 10) {
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            if (steps[i] * power >= n || power > UINT64_MAX / 100)
                return steps[i] * power;
        }
    }
}

static uint64_t largest_view(const struct report_table *table)
{
    uint64_t largest = 1;

    for (size_t r = 0; r < table->rows_count; r++) {
        const struct report_cell *before = cell_of(table, r, BEFORE);
        uint64_t n = cell_of(table, r, "views")->count;

        n = before != NULL && before->count > n ? before->count : n;
        largest = n > largest ? n : largest;
    }
    /* Each line of the grid stands for a whole number. */
    return GRID_LINES * round_up((largest + GRID_LINES - 1) / GRID_LINES);
}

/* The stretched picture is 1000 x 100; one point's label stands in the middle. */
static double x_of(const struct report_table *table, size_t r)
{
    return table->rows_count == 1 ? 500 : 1000.0 * (double)r / (double)(table->rows_count - 1);
}

static double y_of(const struct report_table *table, size_t r, const char *name, uint64_t top)
{
    return 100 - 100 * (double)cell_of(table, r, name)->count / (double)top;
}

static void add_line(struct text *text, const struct report_table *table, const char *name,
                     uint64_t top, bool area)
{
    text_addf(text, "<path class=\"%s%s\" d=\"%s", strcmp(name, BEFORE) == 0 ? "earlier" : name,
              area ? " area" : "", area ? "M0 100L" : "M");
    if (table->rows_count == 1)
        text_addf(text, "0 %.2fL1000 %.2f", y_of(table, 0, name, top), y_of(table, 0, name, top));
    for (size_t r = 0; table->rows_count > 1 && r < table->rows_count; r++)
        text_addf(text, "%s%.1f %.2f", r == 0 ? "" : "L", x_of(table, r),
                  y_of(table, r, name, top));
    text_add_str(text, area ? STR("L1000 100Z\"/>") : STR("\"/>"));
}

/* "2026-11-23T14:00Z" -> "11-23 14:00", "2026-11-23" -> "11-23", "2026-11" as it is. */
static struct str short_label(struct str label, char memory[16])
{
    struct buf b = buf_over(memory, 16);

    if (label.n < 10)
        return label;
    buf_add(&b, label.p + 5, 5);
    if (label.n >= 16) {
        buf_add_char(&b, ' ');
        buf_add(&b, label.p + 11, 5);
    }
    return buf_str(&b);
}

static void add_time_labels(struct text *text, const struct report_table *table)
{
    size_t labels = table->rows_count < CHART_LABELS ? table->rows_count : CHART_LABELS;

    for (size_t i = 0; i < labels; i++) {
        size_t r = labels == 1 ? 0 : i * (table->rows_count - 1) / (labels - 1);
        char memory[16];

        text_addf(text, "<text class=\"x\" x=\"%.1f%%\" y=\"100%%\" dy=\"-4\" text-anchor=\"%s\">",
                  x_of(table, r) / 10,
                  table->rows_count == 1 ? "middle"
                  : i == 0               ? "start"
                  : i + 1 == labels      ? "end"
                                         : "middle");
        text_add_html(text, short_label(table->cells[r * table->columns_count].text, memory));
        text_add_lit(text, "</text>");
    }
}

void html_add_timeline(struct text *text, const struct report_table *table)
{
    struct report_column count = { .type = REPORT_COUNT };
    uint64_t top;
    bool compared;

    if (table->rows_count == 0)
        return;
    top = largest_view(table);
    compared = cell_of(table, 0, BEFORE) != NULL;
    text_addf(text,
              "<p class=\"legend\"><span class=\"views\">Views</span> <span "
              "class=\"visitors\">Visitors</span>%s</p>\n",
              compared ? " <span class=\"earlier\">Views of the period before</span>" : "");
    text_add_lit(text, "<svg class=\"chart\" role=\"img\" aria-label=\"Views and visitors over "
                       "time; the table below has the "
                       "figures\">\n<g class=\"grid\">");
    for (int i = 0; i < GRID_LINES; i++) {
        struct report_cell cell = { .known = true, .count = top - top * (uint64_t)i / GRID_LINES };

        text_addf(text,
                  "<line x1=\"0\" x2=\"100%%\" y1=\"%d%%\" y2=\"%d%%\"/><text x=\"0\" y=\"%d%%\" "
                  "dy=\"12\">",
                  4 + i * 21, 4 + i * 21, 4 + i * 21);
        out_add_value(text, &count, &cell);
        text_add_lit(text, "</text>");
    }
    text_add_lit(
        text, "<line x1=\"0\" x2=\"100%\" y1=\"88%\" y2=\"88%\"/></g>\n"
              "<svg class=\"plot\" y=\"4%\" width=\"100%\" height=\"84%\" viewBox=\"0 0 1000 100\" "
              "preserveAspectRatio=\"none\">");
    add_line(text, table, "views", top, true);
    if (compared)
        add_line(text, table, BEFORE, top, false);
    add_line(text, table, "views", top, false);
    add_line(text, table, "visitors", top, false);
    text_add_lit(text, "</svg>\n<g class=\"labels\">");
    add_time_labels(text, table);
    text_add_lit(text, "</g></svg>\n");
}

/* ---- flow ------------------------------------------------------------------------------------------------ */

#define FLOW_STEPS  24
#define FLOW_HEIGHT 360
#define FLOW_LABEL  40

struct node {
    struct str name;
    double weight, at, used; /* in the picture's units */
};

struct side {
    struct node nodes[FLOW_STEPS];
    size_t count;
};

struct flow {
    const struct report_table *table;
    size_t steps;
    struct side from, to;
    double total;
};

static double steps_of(const struct flow *flow, size_t r)
{
    return (double)cell_of(flow->table, r, "steps")->count;
}

static struct node *node_of(struct side *side, struct str name)
{
    for (size_t i = 0; i < side->count; i++) {
        if (str_eq(side->nodes[i].name, name))
            return &side->nodes[i];
    }
    side->nodes[side->count] = (struct node){ .name = name };
    return &side->nodes[side->count++];
}

static struct str name_at(const struct flow *flow, size_t r, unsigned column)
{
    return flow->table->cells[r * flow->table->columns_count + column].text;
}

static void place(struct side *side, double total)
{
    double gap = 6, room = FLOW_HEIGHT - gap * (double)side->count, y = 0;

    for (size_t i = 0; i < side->count; i++) {
        side->nodes[i].at = y;
        y += side->nodes[i].weight / total * room + gap;
    }
}

static double thickness(const struct flow *flow, const struct side *side, double weight)
{
    return weight / flow->total * (FLOW_HEIGHT - 6 * (double)side->count);
}

static void add_band(struct text *text, struct flow *flow, size_t r)
{
    struct node *from = node_of(&flow->from, name_at(flow, r, 0));
    struct node *to = node_of(&flow->to, name_at(flow, r, 1));
    double n = steps_of(flow, r), a = thickness(flow, &flow->from, n),
           b = thickness(flow, &flow->to, n);
    double y = from->at + from->used, z = to->at + to->used;
    struct report_column count = { .type = REPORT_COUNT };

    from->used += a;
    to->used += b;
    text_addf(
        text,
        "<path d=\"M300 %.1fC500 %.1f 500 %.1f 700 %.1fV%.1fC500 %.1f 500 %.1f 300 %.1fZ\"><title>",
        y, y, z, z, z + b, z + b, y + a, y + a);
    text_add_html(text, name_at(flow, r, 0));
    text_add_lit(text, " \xE2\x86\x92 ");
    text_add_html(text, name_at(flow, r, 1));
    text_add_lit(text, ": ");
    out_add_value(text, &count, cell_of(flow->table, r, "steps"));
    text_add_lit(text, "</title></path>\n");
}

static void add_node(struct text *text, const struct flow *flow, const struct side *side,
                     const struct node *node, bool left)
{
    double height = thickness(flow, side, node->weight);
    struct str name = node->name.n == 0 ? STR("(none)") : node->name;
    struct str shown = utf8_cut(name, FLOW_LABEL);

    text_addf(text,
              "<rect x=\"%d\" y=\"%.1f\" width=\"6\" height=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
              "dy=\"4\"%s>",
              left ? 294 : 700, node->at, height < 1 ? 1 : height, left ? 288 : 712,
              node->at + height / 2, left ? " text-anchor=\"end\"" : "");
    text_add_html(text, shown);
    if (shown.n < name.n)
        text_add_lit(text, "\xE2\x80\xA6");
    text_add_lit(text, "</text>\n");
}

void html_add_flow(struct text *text, const struct report_table *table)
{
    struct flow *flow = calloc(1, sizeof *flow);

    if (flow == NULL) {
        text->failed = true;
        return;
    }
    flow->table = table;
    flow->steps = table->rows_count < FLOW_STEPS ? table->rows_count : FLOW_STEPS;
    for (size_t r = 0; r < flow->steps; r++) {
        node_of(&flow->from, name_at(flow, r, 0))->weight += steps_of(flow, r);
        node_of(&flow->to, name_at(flow, r, 1))->weight += steps_of(flow, r);
        flow->total += steps_of(flow, r);
    }
    if (flow->total > 0) {
        place(&flow->from, flow->total);
        place(&flow->to, flow->total);
        text_addf(text,
                  "<svg class=\"flow\" viewBox=\"0 -6 1000 %d\" role=\"img\" "
                  "aria-label=\"Commonest steps from page to "
                  "page; the table below has the figures\">\n",
                  FLOW_HEIGHT + 12);
        for (size_t r = 0; r < flow->steps; r++)
            add_band(text, flow, r);
        for (size_t i = 0; i < flow->from.count; i++)
            add_node(text, flow, &flow->from, &flow->from.nodes[i], true);
        for (size_t i = 0; i < flow->to.count; i++)
            add_node(text, flow, &flow->to, &flow->to.nodes[i], false);
        text_add_lit(text, "</svg>\n");
    }
    free(flow);
}
