/*
 * test_later.c - the copies that a failed sync left in a segment (README.md, V7): while that segment is
 * still in the spool, every reader must know from the later segments of its writer, sealed or not,
 * which of its records are void. Each folder is built by hand, and read by everybody.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/store/catalog.h"
#include "../../src/store/sealed.h"
#include "../../src/store/segment.h"
#include "base/date.h"
#include "store/blocks.h"
#include "support/data_dir.h"

static const char instance[] = "1ab2cd3ef4gh";

TestSuite(later, .init = data_dir_make, .fini = data_dir_remove);

/* ---- building a folder ---- */

enum form {
    NONE,
    IN_SPOOL,
    HEADER_ONLY,    /* no whole record behind a valid header */
    NEVER_BEGUN,    /* room, and nothing in it */
    HEADER_BLANK,   /* the first sector never reached the disk, the rest did */
    HEADER_DAMAGED, /* of a segment */
    RECYCLED,       /* the header of an earlier life before records of this one */
    SEALED,
    SEALED_FROM_INDEX_ONLY,
    SEALED_FROM_DATA_ONLY,
    SEALED_LOST,      /* nothing in it can be proved */
    SEALED_OF_ANOTHER /* under this name */
};

struct later_piece {
    enum form form;
    int hour; /* from noon */
    uint64_t first, last;
};

static struct segment_id id_of(uint32_t number, int hour)
{
    struct segment_id id = { .worker = 0, .number = number };

    memcpy(id.instance, instance, INSTANCE_BYTES);
    id.created_ms = DATA_NOON_MS + hour * DATE_HOUR_MS;
    return id;
}

static size_t line_of(char *p, uint64_t seq)
{
    return data_line(p, str_from(instance, INSTANCE_BYTES), 0, DATA_NOON_MS, seq);
}

static void write_segment(uint32_t number, const struct later_piece *piece)
{
    static unsigned char file[1 << 16];
    struct segment_id id = id_of(number, piece->hour);
    struct segment_header header = { id, piece->first, 0xC0FFEE00u + number };
    size_t n = SEGMENT_HEADER_BYTES;
    catalog_path path;
    FILE *out;

    memset(file, 0, sizeof file);
    segment_put_header(file, &header);
    for (uint64_t seq = piece->first; seq <= piece->last; seq++) {
        size_t bytes = line_of((char *)file + n + RECORD_HEADER_BYTES, seq);

        segment_put_record(file + n, header.salt, segment_seed(&id), seq, bytes);
        n += segment_record_bytes(bytes);
    }
    if (piece->form == HEADER_BLANK || piece->form == NEVER_BEGUN)
        memset(file, 0, SEGMENT_HEADER_BYTES);
    if (piece->form == HEADER_DAMAGED)
        file[41] ^= 0xFF;
    if (piece->form == HEADER_ONLY || piece->form == NEVER_BEGUN)
        memset(file + SEGMENT_HEADER_BYTES, 0, n - SEGMENT_HEADER_BYTES);
    if (piece->form == RECYCLED) {
        header.id.number += 100;
        segment_put_header(file, &header);
    }
    catalog_segment_path(path, data_dir, &id);
    out = fopen(path, "w");
    cr_assert(out != NULL && fwrite(file, n, 1, out) == 1 && fclose(out) == 0);
}

static void write_sealed(uint32_t number, const struct later_piece *piece)
{
    struct segment_id id = id_of(number, piece->hour), inside = id;
    struct sealed_writer *writer;
    catalog_path path, dir;
    char line[1024], command[2 * CATALOG_PATH_BYTES];

    if (piece->form == SEALED_OF_ANOTHER)
        inside.number += 100;
    catalog_hour_dir(dir, data_dir, id.created_ms);
    catalog_sealed_path(path, data_dir, &id);
    snprintf(command, sizeof command, "mkdir -p '%s'", dir);
    data_dir_shell(command);
    writer = sealed_create(path, &inside, 1 << 16, DEFLATE_BEST, NULL);
    cr_assert(writer != NULL);
    for (uint64_t seq = piece->first; seq <= piece->last; seq++) {
        size_t bytes = line_of(line, seq);

        cr_assert(sealed_add(writer, str_from(line, bytes - 1), seq, NULL) == 0);
    }
    cr_assert(sealed_finish(writer, NULL, NULL, NULL) == 0);
    sealed_writer_free(writer);
    if (piece->form >= SEALED_FROM_INDEX_ONLY && piece->form <= SEALED_LOST) {
        snprintf(command, sizeof command,
                 "printf X | dd of='%s' bs=1 seek=50 conv=notrunc status=none", path);
        data_dir_shell(command);
    }
    if (piece->form == SEALED_FROM_DATA_ONLY || piece->form == SEALED_LOST)
        data_dir_shell("rm $D/hits/*/*/*.idx");
    if (piece->form == SEALED_LOST) {
        snprintf(command, sizeof command, "truncate -s -9 '%s'", path);
        data_dir_shell(command);
    }
}

/* ---- reading it in every way ---- */

static uint64_t scanned(const char *row, const char *when)
{
    struct data_seen seen;
    uint64_t records;

    data_read(&seen);
    cr_expect(!seen.doubled && !seen.altered, "%s, %s: a record came twice", row, when);
    records = seen.records;
    data_seen_free(&seen);
    return records;
}

static uint64_t followed(const char *row)
{
    struct data_seen seen;
    struct scan_options options = data_options(&seen);
    struct scan_follow *f = scan_follow_new(&options, true, NULL);
    uint64_t records;

    cr_assert(f != NULL && scan_follow_poll(f, NULL) == 0);
    cr_expect(!seen.doubled, "%s: a record was followed twice", row);
    records = seen.records;
    scan_follow_free(f);
    data_seen_free(&seen);
    return records;
}

static uint64_t taken(int64_t until_ms)
{
    struct scan_options options = { .data_dir = data_dir,
                                    .since_ms = INT64_MIN,
                                    .until_ms = until_ms };
    struct blocks *blocks = blocks_open(&options, NULL);
    struct blocks_reader *reader = blocks_reader_new();
    struct str text;
    uint64_t records = 0;

    cr_assert(blocks != NULL && reader != NULL);
    while (blocks_next(blocks, reader, &text, NULL) == 1) {
        while (text.n > 0 && str_cut(&text, '\n').p != NULL)
            records++;
    }
    blocks_reader_free(reader);
    blocks_close(blocks);
    return records;
}

static uint64_t second_reader(void)
{
    unsigned long long records = 0;
    FILE *out = popen("python3 tests/second_reader.py --data \"$D\" 2>/dev/null | sort -u | wc -l;"
                      "python3 tests/second_reader.py --data \"$D\" 2>/dev/null | wc -l",
                      "r");
    unsigned long long different = 0;

    cr_assert(out != NULL && fscanf(out, "%llu %llu", &different, &records) == 2);
    pclose(out);
    cr_expect(different == records, "the second reader delivers a record twice");
    return records;
}

/* ---- the older segment holds 1 to 10, and copies of 11 to 15 ---- */

static const struct row {
    const char *name;
    struct later_piece newer[3]; /* segments 2, 3, 4 */
    uint64_t records;
} rows[] = {
    { "in the spool", { { IN_SPOOL, 0, 11, 16 } }, 16 },
    { "sealed", { { SEALED, 0, 11, 16 } }, 16 },
    { "sealed, read by its index", { { SEALED_FROM_INDEX_ONLY, 0, 11, 16 } }, 16 },
    { "sealed, read by its data", { { SEALED_FROM_DATA_ONLY, 0, 11, 16 } }, 16 },
    { "sealed in the next hour", { { SEALED, 1, 11, 16 } }, 16 },
    { "two, both sealed", { { SEALED, 0, 11, 13 }, { SEALED, 0, 14, 16 } }, 16 },
    { "sealed, then one in the spool", { { SEALED, 0, 11, 13 }, { IN_SPOOL, 0, 14, 16 } }, 16 },
    { "moved twice", { { IN_SPOOL, 0, 11, 15 }, { SEALED, 0, 11, 16 } }, 16 },
    { "moved twice, the first without a trace", { { NONE, 0, 0, 0 }, { SEALED, 0, 11, 16 } }, 16 },
    { "moved twice, the first never begun",
      { { NEVER_BEGUN, 0, 11, 15 }, { SEALED, 0, 11, 16 } },
      16 },
    { "moved twice, the first only a header",
      { { HEADER_ONLY, 0, 11, 15 }, { SEALED, 1, 11, 16 } },
      16 },
    { "moved twice, the second lost", { { IN_SPOOL, 0, 11, 15 }, { SEALED_LOST, 0, 11, 16 } }, 15 },
    { "its header is blank", { { HEADER_BLANK, 0, 11, 16 } }, 16 },
    { "its header is damaged", { { HEADER_DAMAGED, 0, 11, 16 } }, 16 },
    { "its header is that of an earlier life", { { RECYCLED, 0, 11, 16 } }, 16 },
    /* Nobody else has the numbers, or can prove to have them: then the copies are what there is. */
    { "never begun", { { NEVER_BEGUN, 0, 11, 16 } }, 15 },
    { "deleted", { { NONE, 0, 0, 0 } }, 15 },
    { "deleted, and there is one behind it", { { NONE, 0, 0, 0 }, { SEALED, 0, 17, 20 } }, 19 },
    { "lost", { { SEALED_LOST, 0, 11, 16 } }, 15 },
    { "in its place another file's copy", { { SEALED_OF_ANOTHER, 0, 11, 16 } }, 15 },
    { "lost, and there is one behind it",
      { { SEALED_LOST, 0, 11, 13 }, { SEALED, 0, 14, 16 } },
      16 },
};

static void build(const struct row *row)
{
    static const struct later_piece older = { IN_SPOOL, 0, 1, 15 };

    data_dir_shell("rm -rf $D/* && mkdir $D/spool $D/hits");
    write_segment(1, &older);
    for (uint32_t i = 0; i < 3; i++) {
        const struct later_piece *piece = &row->newer[i];

        if (piece->form >= SEALED)
            write_sealed(2 + i, piece);
        else if (piece->form != NONE)
            write_segment(2 + i, piece);
    }
}

Test(later, no_reader_delivers_a_copy_that_a_later_segment_has)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        uint64_t n;

        build(row);
        cr_expect((n = scanned(row->name, "scan")) == row->records, "%s: scan %d", row->name,
                  (int)n);
        cr_expect((n = followed(row->name)) == row->records, "%s: follow %d", row->name, (int)n);
        cr_expect((n = taken(INT64_MAX)) == row->records, "%s: blocks %d", row->name, (int)n);
        cr_expect((n = second_reader()) == row->records, "%s: second reader %d", row->name, (int)n);
    }
}

Test(later, recovery_seals_no_copy_that_a_later_segment_has)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct data_store s;
        uint64_t n;

        build(row);
        data_store_open(&s, true);
        data_store_close(&s);
        cr_expect(data_dir_count("*.seg") == 0, "%s", row->name);
        cr_expect((n = scanned(row->name, "sealed")) == row->records, "%s: %d", row->name, (int)n);
    }
}

/* The hour that is asked for ends before the later segment's begins. */
Test(later, a_reader_of_one_hour_knows_of_the_next)
{
    static const struct row row = { "", { { SEALED, 1, 11, 16 } }, 10 };
    struct data_seen seen;
    struct scan_options options = data_options(&seen);

    build(&row);
    options.until_ms = DATA_NOON_MS + DATE_HOUR_MS;
    cr_expect(scan_run(&options, &seen.totals, NULL) == 0);
    cr_expect(seen.records == 10, "scan %d", (int)seen.records);
    cr_expect(taken(options.until_ms) == 10);
    data_seen_free(&seen);
}
