#include <criterion/criterion.h>
#include <stdlib.h>

#include "cli/filter.h"

#define LINE                                                                                       \
    "{\"v\":1,\"ts\":\"2026-11-23T14:05:09.123Z\",\"id\":\"abc-0-7\",\"kind\":\"view\","           \
    "\"site\":\"shop\",\"vid_new\":true,\"country\":\"DE\",\"city\":\"K\\u00f6ln\",\"lat\":50.9,"  \
    "\"title\":\"a \\\"b\\\" \\\\ c,d\",\"ua\":\"Mozilla/5.0 Firefox/120.0\",\"sw\":1920,"         \
    "\"params\":{\"plan\":\"pro\",\"a.b\":\"x\",\"q\\\"\":\"y\",\"none\":\"\"}}"

/* 1, 0, -1 as filter_match; -2 when a condition was refused. */
static int match(const char *const *conditions, size_t count, struct str line)
{
    struct filter *filter = filter_new(false);
    struct err e = { 0 };
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++)
        r = filter_add(filter, conditions[i], &e) == 0 ? 0 : -2;
    if (r == 0)
        r = filter_match(filter, line);
    filter_free(filter);
    return r;
}

Test(filter, conditions_hold_or_not)
{
    static const struct {
        const char *condition;
        int result;
    } rows[] = {
        { "country=DE", 1 },
        { "country=de", 0 },
        { "country=D", 0 },
        { "country=AT,DE,CH", 1 },
        { "country=AT,CH", 0 },
        { "country!=DE", 0 },
        { "country!=AT,CH", 1 },
        { "country!=AT,DE", 0 },
        { "country~^D", 1 },
        { "country~^(AT|CH)$", 0 },
        { "city=K\xC3\xB6ln", 1 },
        { "title=a \"b\" \\\\ c\\,d", 1 },
        { "title=a \"b\" \\\\ c,d", 0 },
        { "title~\\\\ c,d$", 1 },
        { "ua~Firefox/1[0-9]{2}", 1 },
        { "ua~Firefox/=", 0 },
        { "sw=1920", 1 },
        { "lat=50.9", 1 },
        { "vid_new=true", 1 },
        { "vid_new!=true", 0 },
        { "params.plan=pro,free", 1 },
        { "params.plan!=pro", 0 },
        { "params.a.b=x", 1 },
        { "params.q\"=y", 1 },
        /* absent is as empty */
        { "vid=", 1 },
        { "vid!=", 0 },
        { "country=", 0 },
        { "country!=", 1 },
        { "vid!=x", 1 },
        { "vid~.", 0 },
        { "vid~^$", 1 },
        { "params.absent=", 1 },
        { "params.absent!=pro", 1 },
        { "params.none=", 1 },
        { "region=,BE", 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(match(&rows[i].condition, 1, STR(LINE)), rows[i].result, "%s",
                     rows[i].condition);
}

Test(filter, all_conditions_must_hold)
{
    static const char *const both[] = { "country=DE", "params.plan=pro" };
    static const char *const one[] = { "country=DE", "params.plan=free" };
    static const char *const same_field[] = { "ua~Mozilla", "ua~Firefox" };
    static const char *const same_map[] = { "params.plan=pro", "params.a.b!=x" };

    cr_expect_eq(match(both, 2, STR(LINE)), 1);
    cr_expect_eq(match(one, 2, STR(LINE)), 0);
    cr_expect_eq(match(same_field, 2, STR(LINE)), 1);
    cr_expect_eq(match(same_map, 2, STR(LINE)), 0);
    cr_expect_eq(match(NULL, 0, STR(LINE)), 1);
}

Test(filter, no_state_is_left_from_one_line_to_the_next)
{
    struct filter *filter = filter_new(false);
    struct err e = { 0 };

    cr_assert_eq(filter_add(filter, "country=DE", &e), 0);
    cr_expect_eq(filter_match(filter, STR("{\"country\":\"DE\"}")), 1);
    cr_expect_eq(filter_match(filter, STR("{\"site\":\"shop\"}")), 0);
    cr_expect_eq(filter_match(filter, STR("{\"country\":\"DE\"}")), 1);
    filter_free(filter);
}

Test(filter, what_is_no_condition_is_refused_with_the_nearest_names)
{
    static const struct {
        const char *condition, *sentence;
    } rows[] = {
        { "contry=DE", "a record has no field contry; did you mean country?" },
        { "zebra=1", "a record has no field zebra; crumb-hits(5) lists them" },
        { "country.x=DE", "a record has no field country.x; did you mean country?" },
        { "params=pro", "params holds keys and values: write params.KEY" },
        { "params.=pro", "params holds keys and values: write params.KEY" },
        { "=DE", "a record has no field ; crumb-hits(5) lists them" },
        { "country", "country is no condition: write FIELD=VALUE, FIELD!=VALUE or FIELD~REGEX" },
        { "", " is no condition: write FIELD=VALUE, FIELD!=VALUE or FIELD~REGEX" },
        { "ua~(", "( is no regular expression: Unmatched ( or \\(" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct filter *filter = filter_new(false);
        struct err e = { 0 };

        cr_expect_eq(filter_add(filter, rows[i].condition, &e), -1, "%s", rows[i].condition);
        cr_expect_eq(e.code, ERR_INPUT);
        cr_expect_str_eq(e.text, rows[i].sentence, "%s", e.text);
        cr_expect_eq(filter_match(filter, STR(LINE)), 1, "a refused condition plays no part");
        filter_free(filter);
    }
}

Test(filter, what_reports_work_out_is_judged_by_the_values_that_are_given)
{
    struct filter *filter = filter_new(true);
    const struct str firefox[] = { STR("Firefox"), STR("search") };
    const struct str chrome[] = { STR("Chrome"), STR("search") };
    const struct str unknown[] = { STR("Firefox"), STR_ABSENT };
    struct err e = { 0 };

    cr_assert_eq(filter_add(filter, "browser=Firefox,Safari", &e), 0);
    cr_assert_eq(filter_add(filter, "medium!=direct", &e), 0);
    cr_assert_eq(filter_add(filter, "browser~x$", &e), 0);
    cr_assert_eq(filter_add(filter, "medium!=", &e), 0);
    cr_assert_eq(filter_add(filter, "country=DE", &e), 0);
    cr_expect_eq(filter_add(filter, "source~(", &e), -1);
    cr_expect_str_eq(filter_derived(filter)[0], "browser");
    cr_expect_str_eq(filter_derived(filter)[1], "medium");
    cr_expect_null(filter_derived(filter)[2], "a refused condition plays no part");
    cr_expect(filter_match_derived(filter, firefox));
    cr_expect(!filter_match_derived(filter, chrome));
    cr_expect(!filter_match_derived(filter, unknown));
    cr_expect_eq(filter_match(filter, STR("{\"country\":\"DE\",\"browser\":\"x\"}")), 1);
    filter_free(filter);
}

Test(filter, values_that_reports_work_out_are_refused_where_nobody_does)
{
    struct filter *filter = filter_new(false);
    struct err e = { 0 };

    cr_expect_eq(filter_add(filter, "browser=Firefox", &e), -1);
    cr_expect_str_eq(e.text, "browser is no field of a record but worked out by reports: "
                             "conditions of crumb report take it");
    filter_free(filter);
}

Test(filter, too_many_conditions_are_refused)
{
    struct filter *filter = filter_new(false);
    struct err e = { 0 };
    int added = 0;

    while (added < 1000 && filter_add(filter, "country=DE,AT", &e) == 0)
        added++;
    cr_expect_lt(added, 1000);
    cr_expect_eq(filter_match(filter, STR(LINE)), 1);
    filter_free(filter);
}

/* Whatever is cut off, the answer is that it is no record, or a judgement of what came before. */
Test(filter, lines_cut_anywhere_are_no_records)
{
    static const char *const condition[] = { "params.plan!=free" };
    struct str line = STR(LINE);

    for (size_t n = 0; n < line.n; n++) {
        char *copy = malloc(n + 1); /* exactly as long, so that ASan sees a byte too far */

        memcpy(copy, line.p, n);
        cr_expect_eq(match(condition, 1, str_from(copy, n)), -1, "cut at %zu", n);
        free(copy);
    }
}

Test(filter, lines_that_are_no_records_are_told_apart)
{
    static const char *const condition[] = { "country!=DE" };
    static const char *const rows[] = {
        "", "[1]", "{", "{\"country\"}", "x", "{\"country\":\"\\x\"}", "{}x"
    };
    static char longest[RECORD_BYTES_MAX + 2];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(match(condition, 1, str_of(rows[i])), -1, "%s", rows[i]);
    memset(longest, ' ', sizeof longest);
    longest[0] = '{';
    longest[RECORD_BYTES_MAX] = '}';
    cr_expect_eq(match(condition, 1, str_from(longest, RECORD_BYTES_MAX + 1)), -1);
    longest[RECORD_BYTES_MAX - 1] = '}';
    cr_expect_eq(match(condition, 1, str_from(longest, RECORD_BYTES_MAX)), 1);
}

Test(filter, equal_takes_a_list_for_an_option_of_its_own)
{
    struct filter *filter = filter_new(false);
    struct err e = { 0 };

    cr_assert_eq(filter_add_equal(filter, "site", "blog,shop", &e), 0);
    cr_expect_eq(filter_match(filter, STR(LINE)), 1);
    cr_expect_eq(filter_match(filter, STR("{\"site\":\"a=b\"}")), 0);
    filter_free(filter);
}
