/*
 * test_store.c - the folder: one server, recovery from kills, everything foreign left alone.
 *
 * A kill is a copy of the folder taken while the store is open: with kill -9 the files are exactly
 * as they are then.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "support/data_dir.h"
#include "support/fault_fs.h"

static struct data_store s;

static void teardown(void)
{
    fault_fs_clear();
    data_dir_remove();
}

TestSuite(store, .init = data_dir_make, .fini = teardown);

static void expect_records(uint64_t records)
{
    struct data_seen seen;

    data_read(&seen);
    cr_expect(seen.records == records, "%d of %d records", (int)seen.records, (int)records);
    cr_expect(!seen.altered && !seen.doubled && seen.gaps == 0);
    data_seen_free(&seen);
}

/* Leaves in the folder what a kill -9 at this moment would leave. */
static void kill_server(void)
{
    data_dir_shell("cp -r $D $D.killed");
    data_store_close(&s);
    data_dir_shell("rm -rf $D && mv $D.killed $D");
}

/* A start that recovers, and a clean stop. */
static void restart(void)
{
    data_store_open(&s, false);
    data_store_close(&s);
}

Test(store, second_server_is_told_that_the_folder_is_in_use)
{
    struct store *second;
    struct err e;

    data_store_open(&s, false);
    second = store_open(&s.options, &e);
    cr_expect(second == NULL && e.code == ERR_BUSY);
    cr_expect(strstr(e.text, "in use by another crumbd") != NULL &&
              strstr(e.text, data_dir) != NULL);
    data_store_close(&s);
    second = store_open(&s.options, &e);
    cr_expect(second != NULL, "free again");
    cr_expect(store_close(second, &e) == 0);
}

/* "crumbd does not start, there is a lock": what one must not do, and does. */
Test(store, second_server_is_refused_also_when_the_lock_was_removed)
{
    struct store *second;
    struct err e;

    data_store_open(&s, false);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 3) == SPOOL_KEPT);
    data_dir_shell("rm $D/lock");
    second = store_open(&s.options, &e);
    cr_expect(second == NULL && e.code == ERR_BUSY);
    cr_expect(strstr(e.text, "in use by another crumbd") != NULL, "%s", e.text);
    data_store_close(&s);
    second = store_open(&s.options, &e);
    cr_expect(second != NULL, "free again");
    cr_expect(store_close(second, &e) == 0);
}

/* A power cut must not take the name of the folder, nor of one above it. */
Test(store, names_of_the_folders_above_are_synced_at_each_start)
{
    char path[96];
    struct err e;

    snprintf(path, sizeof path, "%s/a/b/", data_dir);
    for (int start = 0; start < 2; start++) {
        data_store_open(&s, false);
        s.options.data_dir = path;
        data_store_close(&s);
        for (int folder = 0; folder < 3; folder++) { /* a/b, a, and what it is in */
            fault_fs_set(FAULT_SYNC, (struct fault){ data_dir, folder, 1, EIO, 0 });
            cr_expect(store_open(&s.options, &e) == NULL, "start %d, folder %d", start, folder);
            fault_fs_clear();
        }
    }
}

/* durability: process. The lock says which life of the machine a server runs in. */
Test(store, machine_that_stopped_under_a_server_is_told)
{
    data_store_open(&s, false);
    cr_expect(strstr(s.said, "may be lost") == NULL, "the first start");
    kill_server();
    data_store_open(&s, false);
    cr_expect(strstr(s.said, "may be lost") == NULL, "only the process was killed");
    kill_server();
    data_dir_shell("echo 01234567-89ab-cdef-0123-456789abcdef 600 >$D/lock");
    data_store_open(&s, true);
    cr_expect(strstr(s.said, "in the 600 s before that may be lost") != NULL, "%s", s.said);
    data_store_close(&s);
    restart();
    cr_expect(strstr(s.said, "may be lost") == NULL, "told once");
    data_dir_shell("echo 01234567-89ab-cdef-0123-456789abcdef x >$D/lock");
    restart();
    cr_expect(strstr(s.said, "may be lost") == NULL, "not a mark of ours");
}

Test(store, folder_that_cannot_be_written_is_refused)
{
    struct err e;

    data_store_open(&s, false);
    data_store_close(&s);
    fault_fs_set(FAULT_WRITE, (struct fault){ "/spool/", 0, -1, EROFS, 0 });
    cr_expect(store_open(&s.options, &e) == NULL && e.code == ERR_DENIED, "%s", e.text);
}

Test(store, file_in_the_place_of_the_folder_is_one_clear_sentence)
{
    struct err e;
    struct store_options options = { .data_dir = "/dev/null", .workers = 1, .roll_size_bytes = 1 };

    cr_expect(store_open(&options, &e) == NULL && strstr(e.text, "/dev/null") != NULL, "%s",
              e.text);
}

Test(store, instance_names_are_12_plain_characters_and_differ)
{
    char first[STORE_INSTANCE_BYTES];
    struct str name;

    data_store_open(&s, false);
    name = store_instance(s.store);
    cr_expect(name.n == STORE_INSTANCE_BYTES);
    for (size_t i = 0; i < name.n; i++)
        cr_expect((name.p[i] >= '0' && name.p[i] <= '9') || (name.p[i] >= 'a' && name.p[i] <= 'v'));
    memcpy(first, name.p, sizeof first);
    data_store_close(&s);
    data_store_open(&s, false);
    cr_expect(memcmp(first, store_instance(s.store).p, sizeof first) != 0);
    data_store_close(&s);
}

Test(store, probe_writes_and_leaves_nothing)
{
    struct err e;

    data_store_open(&s, false);
    cr_expect(store_probe(s.store, &e) == 0);
    cr_expect(data_dir_count("probe*") == 0);
    fault_fs_set(FAULT_WRITE, (struct fault){ "/spool/", 0, 1, ENOSPC, 0 });
    cr_expect(store_probe(s.store, &e) == -1 && e.code == ERR_FULL);
    fault_fs_clear();
    data_store_close(&s);
}

Test(store, killed_server_is_recovered_without_loss_or_double)
{
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 100);
    data_store_keep(&s, 1, DATA_NOON_MS, 50);
    data_store_keep(&s, 0, DATA_NOON_MS + DATE_HOUR_MS, 10);
    kill_server();
    expect_records(160);
    restart();
    expect_records(160);
    cr_expect(data_dir_count("*.seg") == 0 && data_dir_count("*.tmp") == 0);
    restart();
    expect_records(160);
}

Test(store, kill_in_the_middle_of_a_write_drops_only_the_torn_record)
{
    struct data_seen seen;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    kill_server();
    data_dir_shell(
        "f=$(ls $D/spool/*.seg); truncate -s $(($(python3 -c \"print(len(open('$f','rb')."
        "read().rstrip(b'\\0')))\") - 5)) $f");
    data_read(&seen);
    cr_expect(seen.records == 9 && seen.damages == 1);
    data_seen_free(&seen);
    data_store_open(&s, false);
    cr_expect(DATA_WAIT(&s, segments_recovered, 1) && DATA_WAIT(&s, damaged_bytes, 1));
    cr_expect(strstr(s.said, "not whole") != NULL, "%s", s.said);
    data_store_close(&s);
    expect_records(9);
}

/* Every state that a crash within sealing can leave, made from the states before and after. */
static const struct crash {
    const char *what, *command;
} crashes[] = {
    { "before anything", "true" },
    { "half a .tmp", "mkdir -p $D/hits/dt=2026-11-24/hour=12 && cd $D/hits/dt=2026-11-24/hour=12 &&"
                     " g=$(cd $A/hits/dt=2026-11-24/hour=12 && ls *.gz) &&"
                     " head -c 200 $A/hits/*/*/$g > $g.tmp" },
    { "only the index", "mkdir -p $D/hits/dt=2026-11-24/hour=12 &&"
                        " cp $A/hits/dt=2026-11-24/hour=12/*.idx $D/hits/dt=2026-11-24/hour=12" },
    { "renamed, segment not removed", "cp -r $A/hits $D/" },
};

Test(store, crash_anywhere_in_sealing_neither_loses_nor_doubles)
{
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        data_store_open(&s, false);
        data_store_keep(&s, 0, DATA_NOON_MS, 30);
        data_dir_shell("rm -rf $D.killed && cp -r $D $D.killed");
        data_store_close(&s);
        data_dir_shell("rm -rf $D.after && mv $D $D.after && mv $D.killed $D");
        setenv("A", strcat(strcpy((char[128]){ 0 }, data_dir), ".after"), 1);
        data_dir_shell(crashes[i].command);
        expect_records(30);
        restart();
        expect_records(30);
        cr_expect(data_dir_count("*.seg") == 0 && data_dir_count("*.gz") == 1, "%s",
                  crashes[i].what);
        cr_expect(data_dir_count("*.tmp") == 0, "%s", crashes[i].what);
        data_dir_shell("rm -rf $D.after $D/hits $D/spool");
    }
}

Test(store, leftover_after_a_failed_sync_is_not_doubled)
{
    data_store_open(&s, true);
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 3) == SPOOL_KEPT);
    fault_fs_set(FAULT_SYNC, (struct fault){ "/spool/", 0, 1, EIO, 0 });
    /* The old segment must still be there when the server is killed. */
    fault_fs_set(FAULT_RENAME, (struct fault){ "/hits/", 0, -1, EIO, 0 });
    cr_expect(data_store_keep(&s, 0, DATA_NOON_MS, 4) == SPOOL_KEPT);
    data_dir_shell("cp -r $D $D.killed");
    fault_fs_clear();
    data_store_close(&s);
    data_dir_shell("rm -rf $D && mv $D.killed $D");
    cr_expect(data_dir_count("*.seg") == 2);
    expect_records(7);
    restart();
    expect_records(7);
}

Test(store, leftovers_are_found_when_the_spool_could_not_be_listed_at_first)
{
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 10);
    kill_server();
    fault_fs_set(FAULT_LIST, (struct fault){ "/spool", 0, 3, EMFILE, 0 });
    data_store_open(&s, false);
    cr_expect(DATA_WAIT(&s, segments_recovered, 1));
    data_store_close(&s);
    cr_expect_eq(data_dir_count("*.seg"), 0);
    expect_records(10);
}

Test(store, seal_that_fails_is_repeated_until_it_works)
{
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 3);
    fault_fs_set(FAULT_RENAME, (struct fault){ "/hits/", 0, 2, ENOSPC, 0 });
    spool_begin_turn(store_spool(s.store, 0), DATA_NOON_MS + DATE_HOUR_MS);
    cr_expect(DATA_WAIT(&s, files_sealed, 1));
    cr_expect(fault_fs_hits(FAULT_RENAME) == 2);
    data_store_close(&s);
    expect_records(3);
}

Test(store, stop_that_cannot_seal_says_so_and_loses_nothing)
{
    struct err e;

    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 3);
    fault_fs_set(FAULT_RENAME, (struct fault){ "/hits/", 0, -1, EIO, 0 });
    spool_close(store_spool(s.store, 0));
    spool_close(store_spool(s.store, 1));
    cr_expect(store_close(s.store, &e) == -1 && e.code != ERR_NONE);
    fault_fs_clear();
    expect_records(3);
    restart();
    expect_records(3);
}

Test(store, foreign_files_are_left_alone_and_told)
{
    data_dir_shell(
        "mkdir -p $D/spool $D/hits/dt=2026-11-24/hour=12 $D/hits/notes && cd $D &&"
        " echo mine > spool/readme && echo mine > spool/x.seg && echo mine > hits/notes/a &&"
        " echo mine > hits/dt=2026-11-24/hour=12/a.gz && mkdir spool/folder &&"
        " ln -s /etc/passwd spool/20261124T140509Z-1ab2cd3ef4gh-3-17.seg &&"
        " find . -type f -o -type l | sort | xargs md5sum > $D.before");
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 3);
    data_store_close(&s);
    cr_expect(strstr(s.said, "not ours") != NULL && strstr(s.said, "symbolic link") != NULL, "%s",
              s.said);
    data_dir_shell("cd $D && md5sum --quiet -c $D.before && rm $D.before");
    expect_records(3);
}

/* A record goes to the hour of its own time, whatever the clock does between two of them. */
Test(store, clock_that_jumps_an_hour_loses_nothing)
{
    static const int64_t jumps_ms[] = { 0, -DATE_HOUR_MS, DATE_HOUR_MS, 0, -1000 };
    const unsigned jumps = sizeof jumps_ms / sizeof jumps_ms[0];

    for (unsigned start = 0; start < 2; start++) { /* a restart with the clock set back, too */
        data_store_open(&s, false);
        for (unsigned i = 0; i < jumps; i++)
            cr_expect_eq(data_store_keep(&s, 0, DATA_NOON_MS + jumps_ms[i] - start, 10),
                         SPOOL_KEPT);
        data_store_close(&s);
    }
    cr_expect_eq(data_dir_count("hour=1[123]"), 3);
    cr_expect_eq(data_dir_count("*.ndjson.gz"), 9, "%d files", data_dir_count("*.ndjson.gz"));
    expect_records(2 * jumps * 10);
}

Test(store, symbolic_link_in_the_place_of_a_segment_is_told_and_left)
{
    struct data_seen seen;

    data_dir_shell("mkdir $D/spool && echo precious >$D/target && "
                   "ln -s $D/target $D/spool/20261124T120000Z-1ab2cd3ef4gh-0-1.seg");
    restart();
    cr_expect(strstr(s.said, "is a symbolic link, which is not followed") != NULL, "%s", s.said);
    cr_expect_eq(data_dir_count("*-1ab2cd3ef4gh-0-1.seg"), 1);
    data_dir_shell("grep -q precious $D/target");
    data_read(&seen);
    cr_expect(seen.damages == 1 && seen.records == 0);
    cr_expect_str_eq(seen.damage[0].sentence, "is a symbolic link, which is not followed here");
    data_seen_free(&seen);
}

Test(store, file_in_the_way_of_a_sealed_one_is_not_overwritten)
{
    data_store_open(&s, false);
    data_store_keep(&s, 0, DATA_NOON_MS, 3);
    data_dir_shell("mkdir -p $D/hits/dt=2026-11-24/hour=12 && echo mine > "
                   "$D/hits/dt=2026-11-24/hour=12/$(basename $D/spool/*.seg .seg).ndjson.gz");
    for (unsigned i = 0; i < 2; i++)
        spool_close(store_spool(s.store, i));
    cr_expect(store_close(s.store, NULL) == -1);
    cr_expect(strstr(s.said, "in the way") != NULL, "%s", s.said);
    data_dir_shell("grep -qx mine $D/hits/*/*/*.gz && test -e $D/spool/*.seg");
}

Test(store, folder_name_that_is_too_long_is_refused)
{
    static char name[2000];
    struct store_options options = { .data_dir = name, .workers = 1, .roll_size_bytes = 1 };
    struct err e;

    memset(name, 'x', sizeof name - 1);
    cr_expect(store_open(&options, &e) == NULL && e.code == ERR_INPUT);
}
