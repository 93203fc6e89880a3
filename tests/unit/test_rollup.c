/*
 * test_rollup.c - names of rollups, what hours are made of, and two makers at once.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/report/rollup.h"
#include "base/fs.h"
#include "support/data_dir.h"

#define HOUR_MS 3600000

static struct rollup_options options_of(void)
{
    return (struct rollup_options){ .data_dir = data_dir,
                                    .idle_ms = REPORT_IDLE_MS,
                                    .now_ms = DATA_NOON_MS + 48 * (int64_t)HOUR_MS };
}

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

Test(rollup, names_are_those_of_the_zone_and_sort_as_time)
{
    char name[ROLLUP_LABEL_BYTES];

    set_zone(":Europe/Berlin");
    rollup_file_name(name, ROLLUP_HOUR, DATA_NOON_MS); /* 2026-11-24T12:00Z */
    cr_expect_str_eq(name, "2026-11-24T12.sum");
    rollup_file_name(name, ROLLUP_DAY, DATA_NOON_MS + 11 * HOUR_MS);
    cr_expect_str_eq(name, "2026-11-25.sum");
    rollup_file_name(name, ROLLUP_MONTH, DATA_NOON_MS);
    cr_expect_str_eq(name, "2026-11.sum");
    rollup_file_name(name, ROLLUP_YEAR, DATA_NOON_MS);
    cr_expect_str_eq(name, "2026.sum");
}

Test(rollup, the_second_of_two_ends_with_a_sentence)
{
    struct rollup_options options = options_of();
    struct rollup_counts counts;
    struct fs_file lock = FS_CLOSED;
    char path[128];
    struct err e = { 0 };

    set_zone("UTC0");
    data_dir_make();
    data_dir_shell("mkdir -p $D/rollup");
    snprintf(path, sizeof path, "%s/rollup/lock", data_dir);
    cr_assert_eq(fs_lock(&lock, path, &e), 0, "%s", e.text);
    cr_expect_eq(rollup_make(&options, &counts, &e), -1);
    cr_expect_eq(e.code, ERR_BUSY);
    cr_expect(strstr(e.text, "another crumb rollup is at work") == e.text, "%s", e.text);
    fs_close(&lock);
    cr_expect_eq(rollup_make(&options, &counts, &e), 0, "%s", e.text);
    data_dir_remove();
}

/* Thirty days, a file every seven hours, one of them not sealed. */
Test(rollup, hours_are_the_same_however_many_threads_list_them)
{
    static const int64_t spans[][2] = {
        { INT64_MIN, INT64_MAX },
        { DATA_NOON_MS + 30 * HOUR_MS + 1, DATA_NOON_MS + 600 * (int64_t)HOUR_MS + 5 },
        { INT64_MIN, DATA_NOON_MS + 7 * HOUR_MS },
        { DATA_NOON_MS + 690 * (int64_t)HOUR_MS, INT64_MAX },
    };
    struct data_store s;
    struct err e = { 0 };

    set_zone("UTC0");
    data_dir_make();
    for (int i = 0; i <= 100; i++) {
        data_store_open(&s, false);
        data_store_keep(&s, 0, DATA_NOON_MS + 7 * i * (int64_t)HOUR_MS, 1);
        if (i < 100)
            data_store_close(&s);
    }
    for (size_t row = 0; row < sizeof spans / sizeof spans[0]; row++) {
        struct hours one, many;

        cr_assert_eq(hours_list(&one, data_dir, spans[row][0], spans[row][1], 1, &e), 0, "%s",
                     e.text);
        cr_expect_gt(one.count, 0);
        cr_expect(row > 0 || (one.count == 101 && one.hour[100].live));
        for (unsigned threads = 2; threads <= 20; threads += 6) {
            cr_assert_eq(hours_list(&many, data_dir, spans[row][0], spans[row][1], threads, &e), 0,
                         "%s", e.text);
            cr_assert_eq(many.count, one.count, "%zu", row);
            for (size_t i = 0; i < one.count; i++) {
                cr_expect_eq(many.hour[i].begin_ms, one.hour[i].begin_ms);
                cr_expect_eq(many.hour[i].first_ms, one.hour[i].first_ms);
                cr_expect_eq(many.hour[i].last_ms, one.hour[i].last_ms);
                cr_expect_eq(many.hour[i].source, one.hour[i].source);
                cr_expect_eq(many.hour[i].live, one.hour[i].live);
            }
            hours_free(&many);
        }
        hours_free(&one);
    }
    data_store_close(&s);
    data_dir_remove();
}

Test(rollup, a_source_is_of_names_sizes_and_nothing_unsealed)
{
    struct hours hours;
    uint64_t before, after;
    struct data_store s;
    struct err e = { 0 };

    set_zone("UTC0");
    data_dir_make();
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 5);
    cr_assert_eq(hours_list(&hours, data_dir, INT64_MIN, INT64_MAX, 1, &e), 0, "%s", e.text);
    cr_expect_eq(hours.count, 1);
    cr_expect(hours.hour[0].live);
    cr_expect(!rollup_source(&hours, 0, INT64_MAX, &before), "it goes on");
    hours_free(&hours);
    data_store_close(&s);

    cr_assert_eq(hours_list(&hours, data_dir, INT64_MIN, INT64_MAX, 2, &e), 0, "%s", e.text);
    cr_assert_eq(hours.count, 1);
    cr_expect_eq(hours.hour[0].begin_ms, DATA_NOON_MS);
    cr_expect(rollup_source(&hours, 0, INT64_MAX, &before));
    hours_free(&hours);

    data_dir_shell("for f in $D/hits/*/*/*.gz; do printf x >>$f; done");
    cr_assert_eq(hours_list(&hours, data_dir, INT64_MIN, INT64_MAX, 3, &e), 0, "%s", e.text);
    cr_expect(rollup_source(&hours, 0, INT64_MAX, &after));
    cr_expect_neq(before, after, "another size");
    hours_free(&hours);

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS + HOUR_MS, 5);
    data_store_close(&s);
    cr_assert_eq(hours_list(&hours, data_dir, INT64_MIN, INT64_MAX, 4, &e), 0, "%s", e.text);
    cr_assert_eq(hours.count, 2);
    cr_expect_eq(rollup_hour_at(&hours, DATA_NOON_MS + 1), 1);
    cr_expect(rollup_source(&hours, 0, DATA_NOON_MS + HOUR_MS, &before));
    cr_expect_eq(before, after, "the hour before has not changed");
    hours_free(&hours);
    data_dir_remove();
}
