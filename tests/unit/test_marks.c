/*
 * test_marks.c - quotes, key ends and line ends: every way gives what the plain one gives.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/report/marks.h"

static struct marks *mark(marks_fn *way, const char *text, size_t n)
{
    struct marks *marks = malloc(sizeof *marks);

    cr_assert_not_null(marks);
    memset(marks, 0xA5, sizeof *marks);
    way(marks, text, n);
    return marks;
}

/* One byte after the other, as the contract says it. */
static void expect_simple(const struct marks *marks, const char *text, size_t n)
{
    bool inside = false, escaped = false;
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        bool quote = text[i] == '"' && !escaped;
        bool place = text[i] == '\n' || (quote && i + 1 < n && text[i + 1] == ':');

        cr_assert_eq(marks_outside(marks, i), !inside, "%zu of %zu", i, n);
        cr_assert_eq(marks->quotes[i / MARKS_STEP] >> i % MARKS_STEP & 1, quote, "%zu of %zu", i,
                     n);
        if (place)
            cr_assert_eq(marks->place[count++], i, "%zu of %zu", i, n);
        inside ^= quote;
        escaped = text[i] == '\\' && !escaped;
    }
    cr_assert_eq(marks->count, count);
    cr_assert_eq(marks_outside(marks, n), !inside);
}

Test(marks, every_way_marks_the_same_and_reads_nothing_behind_the_text)
{
    static const char bytes[] = "\"\"\"\\:\n,{}xyz\xC3\xA4";
    unsigned state = 7;

    for (size_t n = 1; n <= MARKS_BYTES; n = n < 300 ? n + 1 : n * 3 / 2) {
        char *text = malloc(n); /* so that a sanitizer sees the end */

        for (size_t i = 0; i < n; i++) {
            state = state * 1103515245u + 12345u;
            text[i] = bytes[(state >> 16) % (sizeof bytes - 1)];
        }
        for (marks_fn *const *way = marks_ways(); *way != NULL; way++) {
            struct marks *marks = mark(*way, text, n);

            expect_simple(marks, text, n);
            free(marks);
        }
        free(text);
    }
}

Test(marks, as_many_places_as_bytes_fit)
{
    char *text = malloc(MARKS_BYTES);

    memset(text, '\n', MARKS_BYTES);
    for (marks_fn *const *way = marks_ways(); *way != NULL; way++) {
        struct marks *marks = mark(*way, text, MARKS_BYTES);

        cr_expect_eq(marks->count, MARKS_BYTES);
        cr_expect_eq(marks->place[MARKS_BYTES - 1], MARKS_BYTES - 1);
        free(marks);
    }
    free(text);
}

Test(marks, the_next_quote_is_found_over_any_distance)
{
    for (size_t gap = 0; gap < 300; gap++) {
        char text[400];
        size_t n = gap + 2;
        bool slashes;

        memset(text, 'x', sizeof text);
        text[0] = text[gap + 1] = '"';
        for (marks_fn *const *way = marks_ways(); *way != NULL; way++) {
            struct marks *marks = mark(*way, text, n);

            cr_expect_eq(marks_next_quote(marks, 0, &slashes), 0);
            cr_expect_eq(marks_next_quote(marks, 1, &slashes), gap + 1);
            cr_expect(!slashes);
            cr_expect_eq(marks_next_quote(marks, gap + 2, &slashes), SIZE_MAX);
            free(marks);
        }
    }
}
