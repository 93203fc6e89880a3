/*
 * test_blocks.c - the blocks of all files, taken by several readers: the records that a scan finds, each
 * once.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "store/blocks.h"
#include "support/data_dir.h"

#define HOURS    3
#define PER_HOUR 4000

static struct data_store s;

static void teardown(void)
{
    if (s.store != NULL)
        data_store_close(&s);
    data_dir_remove();
}

TestSuite(blocks, .init = data_dir_make, .fini = teardown);

struct taking {
    struct blocks *blocks;
    uint64_t records, sum; /* of the bytes of all lines: the same records give the same sum */
    int result;
};

static uint64_t sum_of(struct str line)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < line.n; i++)
        sum = (sum ^ (unsigned char)line.p[i]) * 1099511628211u;
    return sum;
}

static void *take_all(void *arg)
{
    struct taking *taking = arg;
    struct blocks_reader *reader = blocks_reader_new();
    struct err e;
    struct str text, line;

    while ((taking->result = blocks_next(taking->blocks, reader, &text, &e)) == 1) {
        while (text.n > 0 && (line = str_cut(&text, '\n')).p != NULL) {
            taking->records++;
            taking->sum += sum_of(line);
        }
    }
    blocks_reader_free(reader);
    return NULL;
}

static int add_line(void *arg, struct str line)
{
    struct taking *taking = arg;

    taking->records++;
    taking->sum += sum_of(line);
    return 0;
}

static int count_damage(void *arg, const struct scan_damage *damage)
{
    (void)damage;
    ++*(unsigned *)arg;
    return 0;
}

static struct taking scanned(int64_t since_ms, int64_t until_ms)
{
    struct taking all = { 0 };
    struct scan_totals totals;
    struct err e;
    struct scan_options options = { .data_dir = data_dir,
                                    .since_ms = since_ms,
                                    .until_ms = until_ms,
                                    .record = add_line,
                                    .arg = &all };

    cr_assert_eq(scan_run(&options, &totals, &e), 0);
    return all;
}

/* With that many threads at once. */
static struct taking taken(unsigned threads, int64_t since_ms, int64_t until_ms, unsigned *damages)
{
    struct scan_options options = { .data_dir = data_dir,
                                    .since_ms = since_ms,
                                    .until_ms = until_ms,
                                    .damage = count_damage,
                                    .arg = damages };
    struct taking each[4] = { 0 }, all = { 0 };
    pthread_t ids[4];
    struct err e;
    struct blocks *blocks = blocks_open(&options, &e);
    uint64_t done, total;

    cr_assert_not_null(blocks, "%s", e.text);
    for (unsigned i = 0; i < threads; i++) {
        each[i].blocks = blocks;
        pthread_create(&ids[i], NULL, take_all, &each[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        cr_expect_eq(each[i].result, 0);
        all.records += each[i].records;
        all.sum += each[i].sum;
    }
    blocks_progress(blocks, &done, &total);
    cr_expect_leq(done, total);
    cr_expect_eq(blocks_damaged(blocks), *damages);
    blocks_close(blocks);
    return all;
}

/* Three hours of two workers, sealed but for the last segments. */
static void write_hours(void)
{
    data_store_open(&s, false);
    for (int hour = 0; hour < HOURS; hour++) {
        for (int i = 0; i < PER_HOUR; i += 50) {
            int64_t ms = DATA_NOON_MS + hour * (int64_t)DATE_HOUR_MS + i * 100;

            data_store_keep(&s, (unsigned)i / 50 % 2, ms, 50);
        }
    }
    cr_assert(DATA_WAIT(&s, files_sealed, 2 * (HOURS - 1)));
}

Test(blocks, several_readers_together_get_what_a_scan_finds)
{
    write_hours();
    for (unsigned threads = 1; threads <= 4; threads++) {
        unsigned damages = 0;
        struct taking found = scanned(INT64_MIN, INT64_MAX);
        struct taking got = taken(threads, INT64_MIN, INT64_MAX, &damages);

        cr_expect_eq(found.records, HOURS * PER_HOUR);
        cr_expect_eq(got.records, found.records, "%u threads", threads);
        cr_expect_eq(got.sum, found.sum, "%u threads", threads);
        cr_expect_eq(damages, 0);
    }
}

Test(blocks, what_lies_outside_the_time_is_not_read)
{
    int64_t hour_ms = DATA_NOON_MS + DATE_HOUR_MS;
    unsigned damages = 0;

    write_hours();
    cr_expect_eq(taken(2, hour_ms, hour_ms + DATE_HOUR_MS, &damages).records, PER_HOUR);
    cr_expect_eq(taken(2, hour_ms + 10 * (int64_t)DATE_HOUR_MS, INT64_MAX, &damages).records, 0);
}

Test(blocks, a_damaged_block_is_told_and_costs_no_other_file)
{
    unsigned damages = 0;
    struct taking found, got;

    write_hours();
    data_dir_shell("f=$(find $D/hits -name '*.gz' | sort | head -1); "
                   "printf 'XXXXXXXXXXXXXXXX' | dd of=$f bs=1 seek=$(($(stat -c %s $f) / 2)) "
                   "conv=notrunc 2>/dev/null");
    found = scanned(INT64_MIN, INT64_MAX);
    got = taken(2, INT64_MIN, INT64_MAX, &damages);
    cr_expect_geq(damages, 1);
    cr_expect_lt(got.records, HOURS * PER_HOUR);
    cr_expect_eq(got.records, found.records);
    cr_expect_eq(got.sum, found.sum);
}

Test(blocks, a_folder_that_is_not_there_is_an_error)
{
    struct scan_options options = { .data_dir = "/nowhere/at/all",
                                    .since_ms = INT64_MIN,
                                    .until_ms = INT64_MAX };
    struct err e;

    cr_expect_null(blocks_open(&options, &e));
    cr_expect_eq(e.code, ERR_MISSING);
}
