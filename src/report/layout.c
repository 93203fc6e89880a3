/*
 * layout.c - widths of columns. See layout.h for the contract.
 *
 * Called by out_table.c for each table. What gives way, in this order: the part of a text beyond
 * TEXT_FULL, the bar, more of the texts, the longest first, and at last whole columns by their rank.
 */
#include "layout.h"

#include <limits.h>
#include <wchar.h>

#define TEXT_FULL   40 /* so much of a text comes before the bar */
#define TEXT_LEAST  10 /* below that a column of numbers goes instead */
#define BAR_LEAST   6
#define ESCAPED     4 /* what a byte takes that the locale cannot show: \x9f */
#define NO_MORE_CUT 3

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned taken(const struct layout_column *columns, unsigned count)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += columns[i].width + (columns[i].width > 0);
    return sum == 0 ? 0 : sum - 1;
}

static struct layout_column *widest_text(struct layout_column *columns, unsigned count)
{
    struct layout_column *widest = NULL;

    for (unsigned i = 0; i < count; i++) {
        if (columns[i].is_text && columns[i].width > 0 &&
            (widest == NULL || columns[i].width > widest->width))
            widest = &columns[i];
    }
    return widest;
}

static struct layout_column *first_to_go(struct layout_column *columns, unsigned count)
{
    struct layout_column *first = NULL;

    for (unsigned i = 0; i < count; i++) {
        if (columns[i].rank > 0 && columns[i].width > 0 &&
            (first == NULL || columns[i].rank > first->rank))
            first = &columns[i];
    }
    return first;
}

/* Texts grow again into what is left. */
static void grow(struct layout_column *columns, unsigned count, unsigned width)
{
    unsigned room = width - least(width, taken(columns, count));

    for (unsigned i = 0; i < count; i++) {
        unsigned more =
            columns[i].width == 0 ? 0 : least(room, columns[i].natural - columns[i].width);

        columns[i].width += more;
        room -= more;
    }
}

static void shrink(struct layout_column *columns, unsigned count, unsigned width)
{
    struct layout_column *column;

    while (taken(columns, count) > width) {
        column = widest_text(columns, count);
        if (column != NULL && column->width > TEXT_LEAST) {
            column->width--;
        } else if ((column = first_to_go(columns, count)) != NULL) {
            column->width = 0;
        } else {
            column = widest_text(columns, count);
            if (column == NULL || column->width <= NO_MORE_CUT)
                return;
            column->width--;
        }
    }
}

static void begin(struct layout_column *columns, unsigned count, unsigned text_max)
{
    for (unsigned i = 0; i < count; i++)
        columns[i].width =
            columns[i].is_text ? least(columns[i].natural, text_max) : columns[i].natural;
}

unsigned layout_fit(struct layout_column *columns, unsigned count, unsigned width, unsigned bar_max)
{
    unsigned room, bar;

    begin(columns, count, width == 0 ? UINT_MAX : TEXT_FULL);
    if (width == 0)
        return bar_max;
    room = width - least(width, taken(columns, count) + 1);
    bar = least(room, bar_max);
    if (bar >= BAR_LEAST) {
        grow(columns, count, width - bar - 1);
        return bar;
    }
    begin(columns, count, UINT_MAX);
    shrink(columns, count, width);
    grow(columns, count, width);
    return 0;
}

/* ---- texts ------------------------------------------------------------------------------------------ */

/* Bytes and cells of the first character. */
static size_t next(struct str text, unsigned *cells)
{
    mbstate_t state = { 0 };
    wchar_t point;
    size_t n = mbrtowc(&point, text.p, text.n, &state);
    int width;

    if (n == 0 || n > text.n) {
        *cells = ESCAPED;
        return 1;
    }
    width = wcwidth(point);
    *cells = width < 0 ? (unsigned)(ESCAPED * n) : (unsigned)width;
    return n;
}

unsigned layout_width(struct str text)
{
    unsigned sum = 0, cells;

    for (size_t at = 0; at < text.n; sum += cells)
        at += next(str_from(text.p + at, text.n - at), &cells);
    return sum;
}

struct str layout_cut(struct str text, unsigned width)
{
    unsigned sum = 0, cells;
    size_t at = 0;

    while (at < text.n) {
        size_t n = next(str_from(text.p + at, text.n - at), &cells);

        if (sum + cells > width)
            break;
        sum += cells;
        at += n;
    }
    return str_from(text.p, at);
}
