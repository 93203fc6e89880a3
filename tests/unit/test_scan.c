/*
 * test_scan.c - scanning and following: each record once, by time, across seals and restarts,
 * damage and gaps named.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../../src/store/catalog.h"
#include "../../src/store/segment.h"
#include "base/date.h"
#include "support/data_dir.h"

static struct data_store s;

static void teardown(void)
{
    if (s.store != NULL)
        data_store_close(&s);
    data_dir_remove();
}

TestSuite(scan, .init = data_dir_make, .fini = teardown);

Test(scan, folder_that_is_not_there_is_an_error)
{
    struct data_seen seen;
    struct scan_options options = data_options(&seen);
    struct err e;

    options.data_dir = "/nowhere/at/all";
    cr_expect(scan_run(&options, &seen.totals, &e) == -1 && e.code == ERR_MISSING);
    cr_expect(scan_follow_new(&options, true, &e) == NULL);
    data_seen_free(&seen);
}

/* Whole records in the wrong places, as swapped sectors leave them, are still whole. */
Test(scan, records_that_stand_out_of_order_are_all_delivered)
{
    static const struct segment_id id = { "1ab2cd3ef4gh", 0, 1, DATA_NOON_MS };
    static const uint64_t seqs[] = { 4, 1, 3, 2 };
    struct segment_header header = { id, 1, 77 };
    unsigned char file[4096] = { 0 };
    size_t n = SEGMENT_HEADER_BYTES;
    catalog_path path;
    struct data_seen seen;
    FILE *out;

    segment_put_header(file, &header);
    for (size_t i = 0; i < 4; i++) {
        char *line = (char *)file + n + RECORD_HEADER_BYTES;
        size_t line_bytes =
            data_line(line, str_from(id.instance, INSTANCE_BYTES), 0, DATA_NOON_MS, seqs[i]);

        segment_put_record(file + n, header.salt, segment_seed(&id), seqs[i], line_bytes);
        n += segment_record_bytes(line_bytes);
    }
    data_dir_shell("mkdir $D/spool");
    catalog_segment_path(path, data_dir, &id);
    out = fopen(path, "w");
    cr_assert(out != NULL && fwrite(file, n, 1, out) == 1 && fclose(out) == 0);
    data_read(&seen);
    cr_expect(seen.records == 4 && !seen.doubled && !seen.altered && seen.gaps == 0,
              "%d records, %d gaps", (int)seen.records, (int)seen.gaps);
    data_seen_free(&seen);
}

Test(scan, sealed_and_live_records_come_once_in_order_of_time)
{
    struct data_seen seen;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS, 10);
    cr_expect(DATA_WAIT(&s, files_sealed, 1));
    data_store_keep(&s, 0, DATA_NOON_MS + 2 * DATE_HOUR_MS, 10);
    data_read(&seen);
    cr_expect(seen.records == 30 && seen.first_seq == 1 && seen.last_seq == 30);
    cr_expect(seen.totals.records == 30 && seen.totals.sealed_files + seen.totals.segments == 3);
    cr_expect(!seen.doubled && seen.gaps == 0 && seen.damages == 0);
    data_seen_free(&seen);
}

static const struct window {
    int64_t since, until; /* from noon */
    uint64_t records;
} windows[] = {
    { INT64_MIN, INT64_MAX, 300 },
    { 0, 1000000000, 300 },
    { -5000, 0, 0 },
    { 0, 1, 1 },
    { 50, 60, 10 },
    { 99, 3600001, 2 },
    { 3600000, 3600100, 100 },
    { 3600050, INT64_MAX, 150 },
    { INT64_MIN, 50, 50 },
    { 7200099, 7200100, 1 },
    { 7200100, 7300000, 0 },
};

static void expect_windows(void)
{
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct data_seen seen;
        struct scan_options options = data_options(&seen);
        const struct window *w = &windows[i];

        options.since_ms = w->since == INT64_MIN ? INT64_MIN : DATA_NOON_MS + w->since;
        options.until_ms = w->until == INT64_MAX ? INT64_MAX : DATA_NOON_MS + w->until;
        cr_expect(scan_run(&options, &seen.totals, NULL) == 0);
        cr_expect(seen.records == w->records, "row %zu: %d", i, (int)seen.records);
        data_seen_free(&seen);
    }
}

Test(scan, since_is_included_and_until_is_not)
{
    data_store_open(&s, false);
    for (int hour = 0; hour < 3; hour++) {
        for (int ms = 0; ms < 100; ms++)
            data_store_keep(&s, 0, DATA_NOON_MS + hour * DATE_HOUR_MS + ms, 1);
    }
    expect_windows();
    data_store_close(&s);
    expect_windows();
}

static int stop_at_third(void *arg, struct str line)
{
    int *count = arg;

    (void)line;
    return ++*count == 3 ? 77 : 0;
}

Test(scan, callback_ends_the_scan_with_its_own_result)
{
    int count = 0;
    struct scan_options options = { .data_dir = data_dir,
                                    .since_ms = INT64_MIN,
                                    .until_ms = INT64_MAX,
                                    .record = stop_at_third,
                                    .arg = &count };
    struct scan_totals totals;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    cr_expect(scan_run(&options, &totals, NULL) == 77 && count == 3);
    data_store_close(&s);
    count = 0;
    cr_expect(scan_run(&options, &totals, NULL) == 77 && count == 3);
}

Test(scan, lost_file_is_a_gap_with_its_numbers)
{
    struct data_seen seen;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS, 10);
    data_store_keep(&s, 0, DATA_NOON_MS + 2 * DATE_HOUR_MS, 10);
    data_store_close(&s);
    data_dir_shell("rm -r $D/hits/dt=2026-11-24/hour=13");
    data_read(&seen);
    cr_expect(seen.records == 20 && seen.gaps == 1 && seen.totals.gaps == 1);
    cr_expect(seen.gap[0].first_seq == 11 && seen.gap[0].last_seq == 20);
    data_seen_free(&seen);
}

Test(scan, foreign_files_are_counted_and_links_told)
{
    struct data_seen seen;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    data_store_close(&s);
    data_dir_shell("cd $D/hits/dt=2026-11-24/hour=12 && touch x y.gz &&"
                   " ln -s /etc/passwd 20261124T120000Z-1ab2cd3ef4gh-3-17.ndjson.gz");
    data_read(&seen);
    cr_expect(seen.records == 10 && seen.totals.foreign_files == 2);
    cr_expect(seen.damages == 1 && strstr(seen.damage[0].sentence, "symbolic link") != NULL);
    data_seen_free(&seen);
}

Test(scan, renamed_copy_of_a_file_is_not_read_twice)
{
    struct data_seen seen;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    data_store_close(&s);
    data_dir_shell("cd $D/hits/dt=2026-11-24/hour=12 && "
                   "cp *.gz 20261124T120000Z-1ab2cd3ef4gh-3-17.ndjson.gz");
    data_read(&seen);
    cr_expect(seen.records == 10 && !seen.doubled && seen.damages == 1);
    data_seen_free(&seen);
}

Test(scan, one_file_is_read_by_its_path_whatever_its_name)
{
    struct data_seen seen;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    data_dir_shell("cp $D/spool/*.seg $D/a");
    data_store_close(&s);
    data_dir_shell("cp $D/hits/*/*/*.gz $D/b");
    data_read_file(&seen, data_dir_file("a"));
    cr_expect(seen.records == 10 && seen.totals.segments == 1);
    data_seen_free(&seen);
    data_read_file(&seen, data_dir_file("b"));
    cr_expect(seen.records == 10 && seen.totals.sealed_files == 1);
    data_seen_free(&seen);
}

/* ---- following ---- */

static struct scan_follow *follow(struct data_seen *seen, bool from_start)
{
    struct scan_options options = data_options(seen);
    struct scan_follow *f = scan_follow_new(&options, from_start, NULL);

    cr_assert(f != NULL);
    return f;
}

static void expect_poll(struct scan_follow *f, struct data_seen *seen, uint64_t records)
{
    cr_expect(scan_follow_poll(f, NULL) == 0);
    cr_expect(seen->records == records, "%d for %d", (int)seen->records, (int)records);
    cr_expect(!seen->doubled && !seen->altered && seen->damages == 0);
}

Test(scan, follower_gets_each_record_once_across_rolls_seals_and_restarts)
{
    struct data_seen seen;
    struct scan_follow *f;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 5);
    f = follow(&seen, true);
    expect_poll(f, &seen, 5);
    data_store_keep(&s, 0, DATA_NOON_MS, 1);
    data_store_keep(&s, 1, DATA_NOON_MS, 1);
    expect_poll(f, &seen, 7);
    expect_poll(f, &seen, 7);
    for (int hour = 1; hour < 6; hour++) {
        data_store_keep(&s, 0, DATA_NOON_MS + hour * DATE_HOUR_MS, 3);
        cr_expect(DATA_WAIT(&s, files_sealed, (uint64_t)hour));
    }
    expect_poll(f, &seen, 22);
    data_store_keep(&s, 0, DATA_NOON_MS + 6 * DATE_HOUR_MS, 3);
    data_store_close(&s);
    expect_poll(f, &seen, 25);
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS + 6 * DATE_HOUR_MS, 3);
    expect_poll(f, &seen, 28);
    scan_follow_free(f);
    data_seen_free(&seen);
}

Test(scan, follower_from_now_gets_only_what_is_new)
{
    struct data_seen seen;
    struct scan_follow *f;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 5);
    data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS, 5);
    cr_expect(DATA_WAIT(&s, files_sealed, 1));
    f = follow(&seen, false);
    expect_poll(f, &seen, 0);
    data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS, 2);
    expect_poll(f, &seen, 2);
    cr_expect(seen.first_seq == 11);
    data_store_close(&s);
    expect_poll(f, &seen, 2);
    scan_follow_free(f);
    data_seen_free(&seen);
}

Test(scan, follower_before_the_first_server_waits_for_it)
{
    struct data_seen seen;
    struct scan_follow *f = follow(&seen, true);

    expect_poll(f, &seen, 0);
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 5);
    expect_poll(f, &seen, 5);
    scan_follow_free(f);
    data_seen_free(&seen);
}
