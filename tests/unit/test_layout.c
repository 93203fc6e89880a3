/*
 * test_layout.c - what gives way in a narrow terminal, in which order.
 */
#include <criterion/criterion.h>
#include <locale.h>

#include "../../src/report/layout.h"

#define COLUMNS 4
#define BAR     16

Test(layout, what_gives_way)
{
    /* Two texts and two numbers; the last number goes first. */
    static const struct {
        unsigned natural[COLUMNS], width, want[COLUMNS], bar;
    } rows[] = {
        { { 8, 5, 6, 6 }, 0, { 8, 5, 6, 6 }, BAR },
        { { 90, 5, 6, 6 }, 0, { 90, 5, 6, 6 }, BAR },
        { { 8, 5, 6, 6 }, 80, { 8, 5, 6, 6 }, BAR },
        { { 8, 5, 6, 6 }, 45, { 8, 5, 6, 6 }, BAR },
        { { 8, 5, 6, 6 }, 44, { 8, 5, 6, 6 }, BAR - 1 },
        { { 8, 5, 6, 6 }, 35, { 8, 5, 6, 6 }, 6 },
        { { 8, 5, 6, 6 }, 34, { 8, 5, 6, 6 }, 0 },
        { { 90, 5, 6, 6 }, 80, { 43, 5, 6, 6 }, BAR },
        { { 90, 5, 6, 6 }, 70, { 40, 5, 6, 6 }, 9 },
        { { 90, 5, 6, 6 }, 60, { 40, 5, 6, 6 }, 0 },
        { { 20, 30, 6, 6 }, 60, { 20, 25, 6, 6 }, 0 },
        { { 20, 30, 6, 6 }, 40, { 12, 13, 6, 6 }, 0 },
        { { 20, 30, 6, 6 }, 30, { 12, 10, 6, 0 }, 0 },
        { { 20, 30, 6, 6 }, 20, { 6, 6, 6, 0 }, 0 },
        { { 20, 30, 6, 6 }, 1, { 3, 3, 6, 0 }, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct layout_column columns[COLUMNS] = {
            { .is_text = true }, { .is_text = true }, { .rank = 0 }, { .rank = 1 }
        };
        unsigned bar;

        for (unsigned c = 0; c < COLUMNS; c++)
            columns[c].natural = rows[i].natural[c];
        bar = layout_fit(columns, COLUMNS, rows[i].width, BAR);
        cr_expect_eq(bar, rows[i].bar, "row %zu: a bar of %u", i, bar);
        for (unsigned c = 0; c < COLUMNS; c++)
            cr_expect_eq(columns[c].width, rows[i].want[c], "row %zu, column %u: %u", i, c,
                         columns[c].width);
    }
}

Test(layout, widths_are_those_of_the_terminal)
{
    static const struct {
        const char *text;
        unsigned width;
        const char *cut_to_3;
    } rows[] = {
        { "", 0, "" },
        { "abcd", 4, "abc" },
        { "äöüß", 4, "äöü" },
        { "日本語", 6, "日" },
        { "e\xCC\x81"
          "fgh",
          4,
          "e\xCC\x81"
          "fg" },
        { "a\xFF"
          "b",
          6, "a" },
    };

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        cr_skip_test("no locale C.UTF-8");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str cut = layout_cut(str_of(rows[i].text), 3);

        cr_expect_eq(layout_width(str_of(rows[i].text)), rows[i].width, "row %zu: %u", i,
                     layout_width(str_of(rows[i].text)));
        cr_expect(str_eq(cut, str_of(rows[i].cut_to_3)), "row %zu: %.*s", i, STR_ARG(cut));
    }
}
