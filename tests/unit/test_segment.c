/*
 * test_segment.c - framing: whatever is done to a segment, no record is invented or altered, and
 * whole ones are found.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/store/catalog.h"
#include "../../src/store/segment.h"
#include "support/data_dir.h"

#define RECORDS 6

static const struct segment_id sample = { "1ab2cd3ef4gh", 3, 17, 1795529109000 };
static unsigned char file[1 << 16];
static size_t file_bytes;
static size_t record_at[RECORDS + 1];
static char path[128];

static size_t line_of(uint64_t seq, char *p)
{
    return data_line(p, str_from(sample.instance, INSTANCE_BYTES), 3, DATA_NOON_MS, seq);
}

static void make_segment(const struct segment_id *id, uint64_t first_seq, uint32_t salt)
{
    struct segment_header header = { *id, first_seq, salt };

    segment_put_header(file, &header);
    file_bytes = SEGMENT_HEADER_BYTES;
    for (unsigned i = 0; i < RECORDS; i++) {
        size_t n = line_of(first_seq + i, (char *)file + file_bytes + RECORD_HEADER_BYTES);

        record_at[i] = file_bytes;
        segment_put_record(file + file_bytes, salt, segment_seed(id), first_seq + i, n);
        file_bytes += segment_record_bytes(n);
    }
    record_at[RECORDS] = file_bytes;
}

static void write_file(const void *p, size_t n)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    cr_assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

struct result {
    unsigned records, damages, altered;
    uint64_t lost_bytes, first_damage;
    unsigned seen; /* a bit for each record */
};

static struct result read_with(const struct segment_id *id, int mode, uint64_t end)
{
    struct segment_reader reader;
    struct result result = { 0 };
    char line[1024];
    struct err e;
    enum segment_step step;

    cr_assert(segment_open(&reader, path, id, &e) == 0, "%s", e.text);
    reader.mode = mode;
    reader.end = end;
    while ((step = segment_next(&reader, &e)) != SEGMENT_END) {
        cr_assert(step != SEGMENT_FAILURE, "%s", e.text);
        if (step == SEGMENT_GONE)
            break;
        if (step == SEGMENT_DAMAGE) {
            if (result.damages++ == 0)
                result.first_damage = reader.offset;
            result.lost_bytes += reader.lost_bytes;
            continue;
        }
        result.records++;
        if (reader.seq < 1 || reader.seq > RECORDS ||
            reader.line.n + 1 != line_of(reader.seq, line) ||
            memcmp(line, reader.line.p, reader.line.n) != 0)
            result.altered++;
        else
            result.seen |= 1u << (reader.seq - 1);
    }
    segment_close(&reader);
    return result;
}

static struct result read_file(void)
{
    return read_with(&sample, SEGMENT_SETTLED, SEGMENT_ALL);
}

static void setup(void)
{
    data_dir_make();
    snprintf(path, sizeof path, "%s/x.seg", data_dir);
    make_segment(&sample, 1, 0xC0FFEE11u);
}

TestSuite(segment, .init = setup, .fini = data_dir_remove);

Test(segment, whole_file_is_read_back)
{
    struct result r;

    write_file(file, file_bytes);
    r = read_file();
    cr_expect(r.records == RECORDS && r.damages == 0 && r.altered == 0);
}

Test(segment, reserved_room_behind_the_end_is_no_damage)
{
    struct result r;

    memset(file + file_bytes, 0, 5000);
    write_file(file, file_bytes + 5000);
    r = read_file();
    cr_expect(r.records == RECORDS && r.damages == 0);
}

Test(segment, cut_at_every_byte_keeps_the_whole_records_before)
{
    for (size_t cut = 0; cut < file_bytes; cut++) {
        unsigned whole = 0;
        struct result r;

        while (whole < RECORDS &&
               record_at[whole] + RECORD_HEADER_BYTES + get_u32(file + record_at[whole] + 4) <= cut)
            whole++;
        write_file(file, cut);
        r = read_file();
        cr_expect(r.altered == 0 && r.records == whole, "cut at %zu: %u of %u", cut, r.records,
                  whole);
        if (cut >= SEGMENT_HEADER_BYTES && whole < RECORDS && cut >= record_at[whole] + 20)
            cr_expect(r.damages == 1 && r.first_damage == record_at[whole], "cut at %zu is told",
                      cut);
    }
}

Test(segment, flipped_bit_costs_one_record_and_alters_none)
{
    for (size_t bit = 0; bit < file_bytes * 8; bit++) {
        struct result r;

        file[bit / 8] ^= (unsigned char)(1u << bit % 8);
        write_file(file, file_bytes);
        r = read_file();
        cr_expect(r.altered == 0, "bit %zu", bit);
        cr_expect(r.records >= RECORDS - 1, "bit %zu: %u records", bit, r.records);
        cr_expect(r.records == RECORDS || r.damages > 0 || bit / 8 >= record_at[RECORDS - 1],
                  "bit %zu: a loss before the last record is told", bit);
        if (bit / 8 < SEGMENT_HEADER_BYTES)
            cr_expect(r.records == RECORDS && r.damages == 1 && r.first_damage == 0,
                      "bit %zu: records survive the header", bit);
        file[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

Test(segment, zeroed_middle_is_told_with_place_and_size)
{
    struct result r;

    memset(file + record_at[2], 0, record_at[4] - record_at[2]);
    write_file(file, file_bytes);
    r = read_file();
    cr_expect(r.seen == (0x3Fu & ~0xCu) && r.damages == 1);
    cr_expect(r.first_damage == record_at[2] && r.lost_bytes == record_at[4] - record_at[2]);
}

Test(segment, earlier_life_of_a_recycled_file_is_never_read)
{
    static unsigned char old[sizeof file];
    struct segment_id before = sample;
    size_t old_bytes;
    struct result r;

    before.number = 16;
    make_segment(&before, 1, 0xC0FFEE11u); /* even the salt is the same */
    old_bytes = file_bytes;
    memcpy(old, file, file_bytes);
    make_segment(&sample, 1, 0xC0FFEE11u);
    memcpy(old, file, record_at[2]);
    write_file(old, old_bytes);
    r = read_file();
    cr_expect(r.seen == 3 && r.altered == 0, "%x", r.seen);
}

Test(segment, recycled_and_never_begun_is_empty)
{
    struct segment_id before = sample;
    struct result r;

    before.number = 16;
    make_segment(&before, 1, 0xC0FFEE11u);
    write_file(file, file_bytes);
    r = read_file();
    cr_expect(r.records == 0 && r.damages == 0);
}

Test(segment, second_copy_of_a_record_is_not_delivered)
{
    size_t n = record_at[2] - record_at[1];
    struct result r;

    memcpy(file + file_bytes, file + record_at[1], n);
    write_file(file, file_bytes + n);
    r = read_file();
    cr_expect(r.records == RECORDS && r.damages == 1 && r.first_damage == file_bytes);
}

Test(segment, incomplete_last_record_of_a_live_writer_is_no_damage)
{
    struct result r;

    write_file(file, file_bytes - 9);
    r = read_with(&sample, SEGMENT_LIVE, SEGMENT_ALL);
    cr_expect(r.records == RECORDS - 1 && r.damages == 0);
    r = read_with(&sample, SEGMENT_FOLLOWED, SEGMENT_ALL);
    cr_expect(r.records == RECORDS - 1 && r.damages == 0);
}

Test(segment, damage_in_the_middle_of_a_live_segment_hides_nothing_behind_it)
{
    struct result r;

    memset(file + record_at[2], 0, record_at[3] - record_at[2]);
    write_file(file, file_bytes);
    r = read_with(&sample, SEGMENT_LIVE, SEGMENT_ALL);
    cr_expect(r.records == RECORDS - 1 && r.damages == 1);
}

Test(segment, records_behind_the_known_end_are_not_read)
{
    struct result r;

    write_file(file, file_bytes);
    r = read_with(&sample, SEGMENT_SETTLED, record_at[3]);
    cr_expect(r.records == 3 && r.damages == 0);
}

Test(segment, copy_under_another_name_is_read_by_its_header)
{
    write_file(file, file_bytes);
    cr_expect(read_with(NULL, SEGMENT_SETTLED, SEGMENT_ALL).records == RECORDS);
}

Test(segment, reader_in_front_of_a_growing_file_gets_each_record_once)
{
    struct segment_reader reader;
    struct err e;

    write_file(file, record_at[1] + 11);
    cr_assert(segment_open(&reader, path, &sample, &e) == 0);
    reader.mode = SEGMENT_FOLLOWED;
    cr_expect(segment_next(&reader, &e) == SEGMENT_RECORD && reader.seq == 1);
    cr_expect(segment_next(&reader, &e) == SEGMENT_END);
    write_file(file, file_bytes);
    for (uint64_t seq = 2; seq <= RECORDS; seq++)
        cr_expect(segment_next(&reader, &e) == SEGMENT_RECORD && reader.seq == seq);
    cr_expect(segment_next(&reader, &e) == SEGMENT_END);
    segment_close(&reader);
}

/* What was read while its writer was at work says nothing about the end. */
Test(segment, follower_whose_segment_was_closed_gets_the_rest)
{
    struct segment_reader reader;
    struct err e;

    memset(file + file_bytes, 0, 5000);
    write_file(file, record_at[1] + 11);
    cr_assert(segment_open(&reader, path, &sample, &e) == 0);
    reader.mode = SEGMENT_FOLLOWED;
    cr_expect(segment_next(&reader, &e) == SEGMENT_RECORD && reader.seq == 1);
    cr_expect(segment_next(&reader, &e) == SEGMENT_END);
    write_file(file, file_bytes + 5000);
    reader.mode = SEGMENT_SETTLED;
    for (uint64_t seq = 2; seq <= RECORDS; seq++)
        cr_expect(segment_next(&reader, &e) == SEGMENT_RECORD && reader.seq == seq);
    cr_expect(segment_next(&reader, &e) == SEGMENT_END);
    segment_close(&reader);
}

Test(segment, reader_notices_that_the_file_was_recycled)
{
    struct segment_reader reader;
    struct segment_id after = sample;
    struct err e;

    write_file(file, record_at[1]);
    cr_assert(segment_open(&reader, path, &sample, &e) == 0);
    cr_expect(segment_next(&reader, &e) == SEGMENT_RECORD);
    after.number++;
    make_segment(&after, 7, 0x12345678u);
    write_file(file, file_bytes);
    cr_expect(segment_next(&reader, &e) == SEGMENT_GONE);
    segment_close(&reader);
}

/* ---- a file made to be slow ---- */

#define SLOW_BYTES (3u << 20)
#define SLOW_TAG   0x0A0A0A0Au /* ends in a newline whatever it is taken for */

/* The header, then a claim to be the longest possible record at every place, the last byte of which is
 * a newline. */
static unsigned char *make_slow(void)
{
    unsigned char *slow = malloc(SLOW_BYTES);
    struct segment_header header = { sample, 1, SLOW_TAG };

    cr_assert(slow != NULL);
    segment_put_header(slow, &header);
    for (size_t at = SEGMENT_HEADER_BYTES; at < SLOW_BYTES; at += RECORD_ALIGN) {
        put_u32(slow + at, SLOW_TAG);
        put_u32(slow + at + 4, LINE_BYTES_MAX - 3);
    }
    return slow;
}

/* A record with a short line; returns its bytes. */
static size_t put_short(unsigned char *p, uint64_t seq)
{
    memcpy(p + RECORD_HEADER_BYTES, "{}\n", 3);
    segment_put_record(p, SLOW_TAG, segment_seed(&sample), seq, 3);
    return segment_record_bytes(3);
}

/* How many records there are, and what it costs: never more than a few times the file. */
static uint64_t read_slow(unsigned char *slow, bool with_header)
{
    struct segment_reader reader;
    enum segment_step step;
    uint64_t records = 0;

    if (!with_header)
        memset(slow, 0, SEGMENT_HEADER_BYTES);
    write_file(slow, SLOW_BYTES);
    cr_assert(segment_open(&reader, path, &sample, NULL) == 0);
    while ((step = segment_next(&reader, NULL)) == SEGMENT_RECORD || step == SEGMENT_DAMAGE)
        records += step == SEGMENT_RECORD;
    cr_expect(step == SEGMENT_END);
    cr_expect(reader.work_bytes >= SLOW_BYTES && reader.work_bytes < 8ull * SLOW_BYTES, "%d times",
              (int)(reader.work_bytes / SLOW_BYTES));
    segment_close(&reader);
    return records;
}

Test(segment, claims_of_long_records_cost_a_few_bytes_each_and_hide_none)
{
    static const size_t places[] = { 64, 4096, 200000, 200032, 1048576, 1500000, SLOW_BYTES - 24 };

    for (int with_header = 0; with_header <= 1; with_header++) {
        unsigned char *slow = make_slow();

        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
            put_short(slow + places[i], 1 + i);
        cr_expect(read_slow(slow, with_header) == sizeof places / sizeof places[0]);
        free(slow);
    }
}

Test(segment, claims_between_all_records_cost_a_few_bytes_each)
{
    for (int with_header = 0; with_header <= 1; with_header++) {
        unsigned char *slow = make_slow();
        uint64_t records = 0;

        for (size_t at = SEGMENT_HEADER_BYTES; at + 64 < SLOW_BYTES; at += RECORD_ALIGN)
            at += put_short(slow + at, ++records);
        cr_expect(read_slow(slow, with_header) == records);
        free(slow);
    }
}

/* The reader was slower than the next life of the file: what is left of this one is no reason to
 * pass over what was written over, it is all in the sealed file. */
Test(segment, reader_in_a_file_that_is_being_recycled_notices_it)
{
    struct segment_reader reader;
    struct segment_id after = sample;
    unsigned char *slow = make_slow();
    size_t at = SEGMENT_HEADER_BYTES, half = SLOW_BYTES / 2;
    uint64_t seq = 0;
    struct err e;

    while (at + 24 <= SLOW_BYTES)
        at += put_short(slow + at, ++seq);
    write_file(slow, SLOW_BYTES);
    cr_assert(segment_open(&reader, path, &sample, &e) == 0);
    cr_expect(segment_next(&reader, &e) == SEGMENT_RECORD);
    after.number++;
    make_segment(&after, 7, 0x12345678u);
    memcpy(slow, file, SEGMENT_HEADER_BYTES);
    memset(slow + SEGMENT_HEADER_BYTES, 'x', half - SEGMENT_HEADER_BYTES);
    write_file(slow, SLOW_BYTES);
    while (segment_next(&reader, &e) == SEGMENT_RECORD)
        ;
    cr_expect(segment_next(&reader, &e) == SEGMENT_GONE);
    cr_expect(reader.seq * 24 < half);
    segment_close(&reader);
    free(slow);
}
