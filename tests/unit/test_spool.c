/*
 * test_spool.c - S1 to S5 of store/spool.h, with disks that fail in every way at the worst moment.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "support/data_dir.h"
#include "support/fault_fs.h"

static struct data_store s;

static void teardown(void)
{
    fault_fs_clear();
    if (s.store != NULL)
        data_store_close(&s);
    data_dir_remove();
}

TestSuite(spool, .init = data_dir_make, .fini = teardown);

static void expect_all(uint64_t records)
{
    struct data_seen seen;

    data_read(&seen);
    cr_expect(seen.records == records && seen.last_seq == records, "%d of %d records",
              (int)seen.records, (int)records);
    cr_expect(!seen.altered && !seen.doubled && seen.damages == 0 && seen.gaps == 0,
              "%u damages, %u gaps", seen.damages, seen.gaps);
    data_seen_free(&seen);
}

static void expect_all_also_sealed(uint64_t records)
{
    expect_all(records);
    data_store_close(&s);
    expect_all(records);
    cr_expect(data_dir_count("*.seg") == 0);
}

/* ---- process ---- */

Test(spool, kept_batch_can_be_read_at_once_and_after_the_stop)
{
    data_store_open(&s, false);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 10) == SPOOL_KEPT);
    expect_all(10);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS + 5, 1) == SPOOL_KEPT);
    cr_expect(spool_kept(store_spool(s.store, 0)) == 11);
    expect_all_also_sealed(11);
}

Test(spool, record_that_is_not_accepted_gives_its_number_back)
{
    struct spool *spool;
    uint64_t first, again;

    data_store_open(&s, false);
    spool = store_spool(s.store, 0);
    spool_begin_turn(spool, DATA_NOON_MS);
    cr_assert(spool_reserve(spool, 1024, &first, NULL) != NULL);
    cr_assert(spool_reserve(spool, 1024, &again, NULL) != NULL);
    cr_expect(first == 1 && again == 1);
    cr_expect(spool_commit(spool, NULL) == 0 && spool_decided(spool) == 0);
}

Test(spool, line_longer_than_any_record_is_refused)
{
    struct err e;
    uint64_t seq;

    data_store_open(&s, false);
    spool_begin_turn(store_spool(s.store, 0), DATA_NOON_MS);
    cr_expect(spool_reserve(store_spool(s.store, 0), 1 << 20, &seq, &e) == NULL);
    cr_expect(e.code == ERR_INPUT);
}

Test(spool, refused_batch_never_appears)
{
    static const struct fault faults[] = {
        { .path_has = "/spool/", .times = 1, .error = EIO },
        { .path_has = "/spool/", .times = 1, .error = ENOSPC },
        { .path_has = "/spool/", .times = 1, .error = EIO, .short_bytes = 1 },
        { .path_has = "/spool/", .times = 1, .error = EIO, .short_bytes = 100 },
        { .path_has = "/spool/", .times = 1, .error = ENOSPC, .short_bytes = 400 },
    };
    uint64_t kept = 0;

    data_store_open(&s, false);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct spool *spool = store_spool(s.store, 0);
        uint64_t batch = 0;

        for (int begun = 0; begun < 2; begun++) {
            /* Also as the first batch of a segment. */
            int64_t ms = DATA_NOON_MS + (int64_t)(2 * i + (size_t)begun) * DATE_HOUR_MS;

            if (begun) {
                cr_expect(data_store_keep(&s, 0, ms, 3) == SPOOL_KEPT);
                kept += 3;
            }
            fault_fs_set(FAULT_WRITE, faults[i]);
            cr_expect(data_store_write(&s, 0, ms, 5, &batch) == 5);
            cr_expect(spool_state(spool, batch) == SPOOL_REFUSED, "fault %zu begun %d", i, begun);
            fault_fs_clear();
            expect_all(kept);
            while (data_store_write(&s, 0, ms, 1, &batch) == 0)
                ; /* it is tried again after a tenth of a second */
            cr_expect(spool_state(spool, batch) == SPOOL_KEPT);
            kept++;
            expect_all(kept);
        }
    }
    expect_all_also_sealed(kept);
}

Test(spool, torn_batch_that_cannot_be_cut_off_is_overwritten)
{
    uint64_t batch = 0;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 3);
    fault_fs_set(FAULT_WRITE, (struct fault){ "/spool/", 0, 1, EIO, 500 });
    fault_fs_set(FAULT_TRUNCATE, (struct fault){ "/spool/", 0, -1, EIO, 0 });
    data_store_write(&s, 0, DATA_NOON_MS, 5, &batch);
    cr_expect(spool_state(store_spool(s.store, 0), batch) == SPOOL_REFUSED);
    fault_fs_clear();
    expect_all(3);
}

Test(spool, torn_batch_that_stays_is_unknown_and_its_numbers_are_used_once)
{
    uint64_t batch = 0;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 3);
    fault_fs_set(FAULT_WRITE, (struct fault){ "/spool/", 0, -1, EIO, 500 });
    fault_fs_set(FAULT_TRUNCATE, (struct fault){ "/spool/", 0, -1, EIO, 0 });
    data_store_write(&s, 0, DATA_NOON_MS, 5, &batch);
    cr_expect(spool_state(store_spool(s.store, 0), batch) == SPOOL_UNKNOWN);
    fault_fs_clear();
    while (data_store_write(&s, 0, DATA_NOON_MS, 1, &batch) == 0)
        ;
    cr_expect(spool_state(store_spool(s.store, 0), batch) == SPOOL_KEPT);
    data_store_keep(&s, 0, DATA_NOON_MS, 5);
    data_store_close(&s);
    expect_all(9);
}

Test(spool, failure_is_reported_once_until_it_works_again)
{
    struct spool *spool;
    struct err e;
    uint64_t seq;

    data_store_open(&s, false);
    spool = store_spool(s.store, 0);
    data_store_keep(&s, 0, DATA_NOON_MS, 1);
    fault_fs_set(FAULT_WRITE, (struct fault){ "/spool/", 0, 2, EIO, 0 });
    for (int failure = 0; failure < 2; failure++) {
        char *p;

        do {
            spool_begin_turn(spool, DATA_NOON_MS);
            p = spool_reserve(spool, 1024, &seq, NULL);
        } while (p == NULL);
        spool_accept(spool, data_line(p, store_instance(s.store), 0, DATA_NOON_MS, seq));
        cr_expect(spool_commit(spool, &e) == -1);
        cr_expect((e.code != ERR_NONE) == (failure == 0), "failure %d", failure);
    }
}

Test(spool, want_of_room_is_told_once_until_there_is_some)
{
    struct spool *spool;
    struct err e;
    uint64_t seq;
    unsigned told = 0;

    data_store_open(&s, false);
    spool = store_spool(s.store, 0);
    fault_fs_set(FAULT_RESERVE, (struct fault){ "/spool/", 0, -1, ENOSPC, 0 });
    for (unsigned turn = 0; fault_fs_hits(FAULT_RESERVE) < 10; turn++) {
        spool_begin_turn(spool, DATA_NOON_MS);
        cr_assert(spool_reserve(spool, 1024, &seq, NULL) == NULL);
        spool_commit(spool, &e);
        if (e.code == ERR_NONE)
            continue;
        told++;
        cr_expect(turn == 0 && e.code == ERR_FULL && strstr(e.text, "cannot reserve") != NULL);
    }
    cr_expect(told == 1, "told %u times", told);
}

/* Not the disk but one file is at its end (ulimit -f): another one does. */
Test(spool, file_that_cannot_grow_is_followed_by_another)
{
    uint64_t batch = 0;
    unsigned accepted = 0, turns = 0;

    data_store_open(&s, false);
    for (int i = 0; i < 3; i++) {
        fault_fs_set(FAULT_RESERVE, (struct fault){ "/spool/", 1, -1, EFBIG, 0 }); /* any size */
        for (; fault_fs_hits(FAULT_RESERVE) == 0; turns++)
            accepted += data_store_write(&s, 0, DATA_NOON_MS, 50, &batch);
        fault_fs_clear();
    }
    accepted += data_store_write(&s, 0, DATA_NOON_MS, 50, &batch);
    cr_expect(spool_state(store_spool(s.store, 0), batch) == SPOOL_KEPT);
    cr_expect(accepted > (turns + 1 - 3) * 50, "refused for more than a turn: %u", accepted);
    data_store_close(&s);
    expect_all(accepted);
    cr_expect(data_dir_count("*.ndjson.gz") == 4);
}

Test(spool, removed_folder_costs_nothing_acknowledged)
{
    for (int power = 0; power < 2; power++) {
        struct spool *spool;
        uint64_t batch = 0;
        unsigned written;

        data_store_open(&s, power);
        spool = store_spool(s.store, 0);
        cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 10) == SPOOL_KEPT);
        data_dir_shell("rm -rf $D/spool");
        written = data_store_write(&s, 0, DATA_NOON_MS, 5, &batch);
        while (spool_decided(spool) < batch)
            spool_poll(spool, NULL);
        cr_expect(written == 5 && spool_state(spool, batch) == SPOOL_REFUSED, "power %d", power);
        data_dir_shell("mkdir $D/spool");
        while (data_store_write(&s, 0, DATA_NOON_MS, 1, &batch) == 0)
            ;
        while (spool_decided(spool) < batch)
            spool_poll(spool, NULL);
        cr_expect(spool_state(spool, batch) == SPOOL_KEPT);
        data_store_close(&s);
        expect_all(11);
        data_dir_shell("rm -rf $D/hits");
    }
}

Test(spool, moved_folder_costs_nothing_acknowledged)
{
    data_store_open(&s, false);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 10) == SPOOL_KEPT);
    data_dir_shell("mv $D/spool $D/spool.old && mkdir $D/spool");
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 10) == SPOOL_KEPT);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS, 10) == SPOOL_KEPT);
    data_store_close(&s);
    expect_all(30);
}

Test(spool, full_disk_is_met_before_a_hit_is_accepted_and_service_returns)
{
    struct err e;
    uint64_t seq, batch = 0;
    unsigned accepted;

    data_store_open(&s, false);
    fault_fs_set(FAULT_RESERVE, (struct fault){ "/spool/", 1, -1, ENOSPC, 0 });
    accepted = data_store_write(&s, 0, DATA_NOON_MS, 3000, &batch);
    cr_expect(accepted > 500 && accepted < 3000, "what fitted: %u", accepted);
    cr_expect(spool_state(store_spool(s.store, 0), batch) == SPOOL_KEPT);
    cr_expect(spool_reserve(store_spool(s.store, 0), 16384, &seq, &e) == NULL &&
              e.code == ERR_FULL);
    expect_all(accepted);
    fault_fs_clear();
    while (data_store_write(&s, 0, DATA_NOON_MS, 1, &batch) == 0)
        ;
    expect_all_also_sealed(accepted + 1);
}

Test(spool, small_full_disk_of_lines_that_cannot_be_compressed_is_sealed_all_the_same)
{
    /* As root only: a file system of 8 MiB. Elsewhere the faults above stand for it. */
    uint64_t kept = 0, seq;
    unsigned refused = 0;

    if (system("mount -t tmpfs -o size=8m none $D 2>/dev/null") != 0)
        cr_skip_test("no file system can be mounted here");
    srandom(1);
    data_store_open(&s, false);
    for (int turn = 0; turn < 4000 && refused < 200; turn++) {
        struct spool *spool = store_spool(s.store, (unsigned)turn % 2);

        spool_begin_turn(spool, DATA_NOON_MS);
        for (int i = 0; i < 10; i++) {
            char *p = spool_reserve(spool, 16384, &seq, NULL);

            if (p == NULL) {
                refused++;
                continue;
            }
            for (int c = 0; c < 999; c++)
                p[c] = (char)('!' + random() % 90);
            p[999] = '\n';
            spool_accept(spool, 1000);
        }
        spool_commit(spool, NULL);
    }
    cr_expect(refused > 0, "it was full");
    kept = spool_kept(store_spool(s.store, 0)) + spool_kept(store_spool(s.store, 1));
    data_store_close(&s); /* fails the test if anything could not be sealed */
    {
        struct data_seen seen;

        data_read(&seen);
        cr_expect(seen.records == kept && seen.damages == 0, "%d of %d", (int)seen.records,
                  (int)kept);
        data_seen_free(&seen);
    }
    data_dir_shell("umount $D");
}

/* ---- rolls ---- */

Test(spool, hour_rolls_in_both_directions_into_its_own_partition)
{
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS - 1, 2);
    data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS, 2);
    data_store_keep(&s, 0, DATA_NOON_MS - 1, 2); /* the clock was set back */
    data_store_close(&s);
    cr_expect(data_dir_count("*.ndjson.gz") == 3);
    data_dir_shell("zcat $D/hits/dt=2026-11-24/hour=12/*.gz | grep -c T12: | grep -qx 2");
    data_dir_shell("zcat $D/hits/dt=2026-11-24/hour=13/*.gz | grep -c T13: | grep -qx 2");
    data_dir_shell("zcat $D/hits/dt=2026-11-24/hour=11/*.gz | grep -c T11: | grep -qx 2");
}

Test(spool, idle_segment_is_sealed_after_its_interval)
{
    struct store_counters counters;

    data_store_open(&s, false);
    data_store_close(&s);
    s.options.roll_interval_ms = 30;
    s.store = store_open(&s.options, NULL);
    data_store_keep(&s, 0, DATA_NOON_MS, 2);
    do {
        spool_begin_turn(store_spool(s.store, 0), DATA_NOON_MS); /* the worker's timer, no hits */
        store_counters(s.store, &counters);
    } while (counters.unsealed_segments > 0);
    expect_all(2);
    cr_expect(data_dir_count("*.ndjson.gz") == 1 && data_dir_count("*.seg") == 0);
}

Test(spool, size_rolls_and_the_room_is_used_again)
{
    data_store_open(&s, false);
    data_store_close(&s);
    s.options.roll_size_bytes = 4096;
    s.store = store_open(&s.options, NULL);
    for (int i = 0; i < 20; i++)
        data_store_keep(&s, 0, DATA_NOON_MS, 40);
    cr_expect(DATA_WAIT(&s, files_sealed, 19));
    expect_all_also_sealed(800);
    cr_expect(data_dir_count("spare*") == 0, "nothing is left after a clean stop");
}

/* Also one of the size that is the default: 256 MiB and what was reserved behind them. */
Test(spool, large_segment_is_used_again)
{
    enum { LINE_BYTES = 128000 };
    struct store_counters counters;
    struct spool *spool;
    int64_t deadline_ms = clock_mono_ms() + 60000;

    data_store_open(&s, false);
    spool = store_spool(s.store, 0);
    do {
        uint64_t seq;
        char *p;

        spool_begin_turn(spool, DATA_NOON_MS);
        p = spool_reserve(spool, LINE_BYTES, &seq, NULL);
        cr_assert(p != NULL);
        memset(p, 'x', LINE_BYTES);
        p[LINE_BYTES - 1] = '\n';
        spool_accept(spool, LINE_BYTES);
        cr_assert(spool_commit(spool, NULL) == 0);
        store_counters(s.store, &counters);
    } while (counters.segments_opened == 1);
    while (counters.unsealed_segments > 1 && clock_mono_ms() < deadline_ms)
        store_counters(s.store, &counters);
    cr_expect(data_dir_count("spare-*.free") == 1);
    cr_expect(data_store_keep(&s, 1, DATA_NOON_MS, 1) == SPOOL_KEPT);
    cr_expect(data_dir_count("spare-*.free") == 0 && data_dir_count("*.seg") == 2);
}

Test(spool, segment_without_records_makes_no_file)
{
    uint64_t seq;

    data_store_open(&s, false);
    spool_begin_turn(store_spool(s.store, 0), DATA_NOON_MS);
    cr_assert(spool_reserve(store_spool(s.store, 0), 1024, &seq, NULL) != NULL);
    spool_commit(store_spool(s.store, 0), NULL);
    spool_begin_turn(store_spool(s.store, 0), DATA_NOON_MS + DATE_HOUR_MS);
    data_store_close(&s);
    cr_expect(data_dir_count("*.ndjson.gz") == 0 && data_dir_count("*.seg") == 0);
}

/* ---- power ---- */

Test(spool, power_batch_is_open_until_the_disk_has_it)
{
    data_store_open(&s, true);
    for (int i = 0; i < 20; i++)
        cr_expect(data_store_keep(&s, (unsigned)i % 2, DATA_NOON_MS, 10) == SPOOL_KEPT);
    data_store_close(&s);
    cr_expect(data_dir_count("*.ndjson.gz") == 2);
}

Test(spool, power_batches_gather_while_one_is_with_the_disk_and_cross_an_hour)
{
    uint64_t batch = 0;
    unsigned accepted = 0;

    data_store_open(&s, true);
    for (int i = 0; i < 200; i++)
        accepted += data_store_write(&s, 0, DATA_NOON_MS + DATE_HOUR_MS - 100 + i, 5, &batch);
    data_store_close(&s);
    expect_all(accepted);
    cr_expect(accepted == 1000);
    cr_expect(data_dir_count("hour=12") == 1 && data_dir_count("hour=13") == 1);
}

Test(spool, failed_sync_moves_the_batch_to_a_new_segment)
{
    struct store_counters counters;

    data_store_open(&s, true);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 3) == SPOOL_KEPT);
    fault_fs_set(FAULT_SYNC, (struct fault){ "/spool/", 0, 1, EIO, 0 });
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 4) == SPOOL_KEPT);
    cr_expect(fault_fs_hits(FAULT_SYNC) == 1);
    store_counters(s.store, &counters);
    cr_expect(counters.sync_errors == 1 && counters.segments_opened == 2);
    expect_all(7);
    expect_all_also_sealed(7);
}

/* Something foreign has the sealed name of the segment whose disk failed, so it stays in the spool
 * while the one that its batch went to is sealed. */
Test(spool, copies_of_a_moved_batch_are_not_delivered_once_their_segment_can_be_read_again)
{
    data_store_open(&s, true);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 3) == SPOOL_KEPT);
    data_dir_shell(
        "stem=$(basename $D/spool/*.seg .seg) && mkdir -p $D/hits/dt=2026-11-24/hour=12 &&"
        " echo foreign >$D/hits/dt=2026-11-24/hour=12/$stem.ndjson.gz");
    fault_fs_set(FAULT_SYNC, (struct fault){ "/spool/", 0, 1, EIO, 0 });
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 4) == SPOOL_KEPT);
    cr_expect(fault_fs_hits(FAULT_SYNC) == 1);
    for (unsigned i = 0; i < s.options.workers; i++)
        spool_close(store_spool(s.store, i));
    cr_expect(store_close(s.store, NULL) != 0, "something stays in the spool");
    s.store = NULL;
    cr_expect(data_dir_count("*-0-1.seg") == 1 && data_dir_count("*-0-2.ndjson.gz") == 1);
    data_dir_shell("rm $D/hits/dt=2026-11-24/hour=12/*-0-1.ndjson.gz");
    expect_all(7);
    data_store_open(&s, true);
    expect_all_also_sealed(7);
}

Test(spool, failed_sync_of_the_folder_is_a_failed_sync)
{
    data_store_open(&s, true);
    fault_fs_set(FAULT_SYNC, (struct fault){ "/spool", 1, 1, EIO, 0 });
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 4) == SPOOL_KEPT);
    cr_expect(fault_fs_hits(FAULT_SYNC) == 1);
    expect_all_also_sealed(4);
}

Test(spool, disk_that_never_syncs_ends_in_unknown_and_does_not_hang)
{
    data_store_open(&s, true);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 3) == SPOOL_KEPT);
    fault_fs_set(FAULT_SYNC, (struct fault){ "/spool/", 0, -1, EIO, 0 });
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 4) == SPOOL_UNKNOWN);
    fault_fs_clear();
    while (data_store_write(&s, 0, DATA_NOON_MS, 1, NULL) == 0)
        ;
    data_store_close(&s);
    expect_all(4);
}

Test(spool, power_write_that_wrote_nothing_is_refused_with_all_behind_it)
{
    struct spool *spool;
    uint64_t first = 0, second = 0;

    data_store_open(&s, true);
    spool = store_spool(s.store, 0);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 3) == SPOOL_KEPT);
    fault_fs_set(FAULT_WRITE, (struct fault){ "/spool/", 0, 1, EIO, 0 });
    data_store_write(&s, 0, DATA_NOON_MS, 2, &first);
    data_store_write(&s, 0, DATA_NOON_MS, 2, &second);
    while (spool_decided(spool) < first)
        spool_poll(spool, NULL);
    cr_expect(spool_state(spool, first) == SPOOL_REFUSED);
    fault_fs_clear();
    while (data_store_write(&s, 0, DATA_NOON_MS, 1, NULL) == 0)
        ;
    data_store_close(&s);
    {
        struct data_seen seen;

        data_read(&seen);
        cr_expect(seen.gaps == 0 && !seen.doubled && seen.damages == 0);
        data_seen_free(&seen);
    }
}
