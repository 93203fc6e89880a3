/*
 * test_hit.c - the line scanner of reports: the same fields as base/json finds, whatever the line.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/report/hit.h"
#include "base/json.h"

static struct hit_wanted wanted;
static struct hit_scanner scanner;
static int country, banner, title;

struct seen {
    unsigned hits;
    char country[64], banner[64], title[64];
    int64_t ts_ms;
};

static void set_up(void)
{
    hit_wanted_begin(&wanted);
    hit_want(&wanted, STR("ts"));
    country = hit_want(&wanted, STR("country"));
    banner = hit_want(&wanted, STR("params.banner"));
    title = hit_want(&wanted, STR("title"));
    cr_assert_eq(hit_scanner_begin(&scanner, &wanted), 0);
}

static void tear_down(void)
{
    hit_scanner_end(&scanner);
}

TestSuite(hit, .init = set_up, .fini = tear_down);

static void note(void *arg, const struct hit *hit)
{
    struct seen *seen = arg;

    seen->hits++;
    seen->ts_ms = hit->ts_ms;
    snprintf(seen->country, sizeof seen->country, "%.*s", STR_ARG(hit->value[country]));
    snprintf(seen->banner, sizeof seen->banner, "%.*s", STR_ARG(hit->value[banner]));
    snprintf(seen->title, sizeof seen->title, "%.*s", STR_ARG(hit->value[title]));
}

static struct seen scan(const char *text)
{
    struct seen seen = { 0 };

    hit_scan(&scanner, str_of(text), note, &seen);
    return seen;
}

#define TS "\"ts\":\"2026-11-23T14:05:09.123Z\""

Test(hit, fields_are_found_in_any_order_and_shape)
{
    static const struct {
        const char *line, *country, *banner, *title;
    } rows[] = {
        { "{" TS ",\"country\":\"DE\",\"title\":\"x\"}", "DE", "", "x" },
        { "{\"title\":\"x\",\"country\":\"DE\"," TS "}\n", "DE", "", "x" },
        { "{" TS ",\"params\":{\"banner\":\"b\",\"country\":\"FR\"},\"country\":\"DE\"}", "DE", "b",
          "" },
        { "{" TS ",\"params\":{},\"country\":\"DE\"}", "DE", "", "" },
        { "{" TS ",\"title\":\"a \\\"quoted\\\", \\\\\",\"country\":\"DE\"}", "DE", "",
          "a \"quoted\", \\" },
        { "{" TS ",\"title\":\"\\u00fc,\\\"country\\\":\\\"FR\\\"\",\"country\":\"DE\"}", "DE", "",
          "\xC3\xBC,\"country\":\"FR\"" },
        { "{" TS ",\"sw\":1920,\"vid_new\":true,\"country\":null,\"title\":\"x\"}", "", "", "x" },
        { "{ " TS " , \"country\" : \"DE\" }", "DE", "", "" },
        { "{" TS ",\"mail\":[{\"a\":\"}\"}],\"country\":\"DE\"}", "DE", "", "" },
        { "{" TS ",\"params\":{\"banner\":{\"x\":[1]}},\"country\":\"DE\"}", "DE", "{\"x\":[1]}",
          "" },
        { "{" TS ",\"title\":\":\",\"country\":\"\"}", "", "", ":" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seen seen = scan(rows[i].line);

        cr_expect_eq(seen.hits, 1, "%s", rows[i].line);
        cr_expect_eq(seen.ts_ms, 1795442709123, "%s", rows[i].line);
        cr_expect_str_eq(seen.country, rows[i].country, "%s", rows[i].line);
        cr_expect_str_eq(seen.banner, rows[i].banner, "%s", rows[i].line);
        cr_expect_str_eq(seen.title, rows[i].title, "%s", rows[i].line);
    }
    cr_expect_eq(scanner.unusable, 0);
}

Test(hit, lines_that_are_no_records_are_counted_and_cost_no_other_line)
{
    struct seen seen =
        scan("{" TS ",\"country\":\"DE\"}\nnot json\n{\"country\":\"FR\"}\n{\"ts\":\"x\"}\n"
             "{" TS ",\"title\":\"cut\n\n{" TS ",\"country\":\"AT\"}\n");

    cr_expect_eq(seen.hits, 2);
    cr_expect_str_eq(seen.country, "AT");
    cr_expect_eq(scanner.unusable, 4);
}

Test(hit, a_line_cut_at_any_byte_is_no_record_and_reads_nothing_behind_it)
{
    static const char line[] = "{" TS ",\"title\":\"a\\\\\\\"b\",\"params\":{\"banner\":"
                                      "\"\\u00fc\"},\"sw\":12,\"country\":\"DE\"}";

    for (size_t n = 1; n < sizeof line - 1; n++) {
        char *exact = malloc(n); /* so that a sanitizer sees the end */
        struct seen seen = { 0 };

        memcpy(exact, line, n);
        hit_scan(&scanner, str_from(exact, n), note, &seen);
        cr_expect_eq(seen.hits, 0, "cut at %zu", n);
        free(exact);
    }
    cr_expect_eq(scanner.unusable, sizeof line - 2);
}

/* Steps of 64 bytes: a quote, an escape or a line's end may stand on each side of every border. */
Test(hit, every_place_of_a_64_byte_step_gives_the_same)
{
    for (int shift = 0; shift < 130; shift++) {
        char text[1024];
        struct seen seen;

        snprintf(text, sizeof text,
                 "{" TS ",\"x\":\"%0*d\\\\\",\"title\":\"q\\\"\\\\\",\"country\":\"DE\"}\n{" TS
                 ",\"country\":\"FR\"}\n",
                 shift + 1, 0);
        seen = scan(text);
        cr_expect_eq(seen.hits, 2, "%d", shift);
        cr_expect_str_eq(seen.country, "FR", "%d", shift);
    }
    cr_expect_eq(scanner.unusable, 0);
}
