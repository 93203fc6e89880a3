/*
 * test_sealed.c - sealed files: every gzip reader reads them whole, ours recovers what is intact
 * and believes nothing else.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../../src/store/catalog.h"
#include "../../src/store/sealed.h"
#include "support/data_dir.h"

static const struct segment_id sample = { "1ab2cd3ef4gh", 3, 17, 1795521600000 };
static char path[CATALOG_PATH_BYTES];
static unsigned char *file;
static size_t file_bytes;

static size_t line_of(uint64_t seq, char *p)
{
    return data_line(p, str_from(sample.instance, INSTANCE_BYTES), 3, DATA_NOON_MS + (int64_t)seq,
                     seq);
}

static void load(void)
{
    int fd = open(path, O_RDONLY);
    off_t n = lseek(fd, 0, SEEK_END);

    free(file);
    file_bytes = (size_t)n;
    file = malloc(file_bytes);
    cr_assert(pread(fd, file, file_bytes, 0) == n);
    close(fd);
}

static void store(const void *p, size_t n)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    cr_assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

static void make(uint64_t records, enum deflate_backend backend)
{
    struct err e;
    struct sealed_writer *w = sealed_create(path, &sample, records * 200, backend, &e);
    char line[1024];

    cr_assert(w != NULL, "%s", e.text);
    for (uint64_t seq = 1; seq <= records; seq++) {
        size_t n = line_of(seq, line);

        cr_assert(sealed_add(w, str_from(line, n - 1), seq, &e) == 0, "%s", e.text);
    }
    cr_assert(sealed_finish(w, NULL, NULL, &e) == 0, "%s", e.text);
    sealed_writer_free(w);
    load();
}

static void remove_index(void)
{
    data_dir_shell("rm $D/hits/dt=2026-11-24/hour=12/*.idx");
}

static void setup(void)
{
    data_dir_make();
    data_dir_shell("mkdir -p $D/hits/dt=2026-11-24/hour=12");
    catalog_sealed_path(path, data_dir, &sample);
}

static void teardown(void)
{
    free(file);
    data_dir_remove();
}

TestSuite(sealed, .init = setup, .fini = teardown);

/* Reads the file with zlib's own gzip reader; returns its lines, each of which must be the right
 * one. */
static uint64_t lines_by_zlib(void)
{
    gzFile gz = gzopen(path, "rb");
    char got[2048], want[1024];
    uint64_t seq = 0;

    while (gzgets(gz, got, sizeof got) != NULL) {
        size_t n = line_of(++seq, want);

        if (strlen(got) != n || memcmp(got, want, n) != 0)
            return 0;
    }
    cr_expect(gzclose(gz) == Z_OK);
    return seq;
}

Test(sealed, every_gzip_reader_reads_all_of_it)
{
    static const enum deflate_backend backends[] = { DEFLATE_BEST, DEFLATE_ZLIB };
    static const uint64_t counts[] = { 1, 100, 20000 };

    for (size_t b = 0; b < 2; b++) {
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            make(counts[i], backends[b]);
            cr_expect(lines_by_zlib() == counts[i], "%d lines", (int)counts[i]);
            data_dir_shell("gzip -t $D/hits/*/*/*.gz");
            data_dir_shell(
                "python3 -c 'import gzip,glob,os,sys; "
                "sys.exit(0 if gzip.open(glob.glob(os.environ[\"D\"]+\"/hits/*/*/*.gz\")[0])."
                "read().endswith(b\"}\\n\") else 1)'");
        }
    }
}

Test(sealed, file_without_records_is_a_valid_member)
{
    struct data_seen seen;

    make(0, DEFLATE_BEST);
    cr_expect(lines_by_zlib() == 0);
    data_dir_shell("gzip -t $D/hits/*/*/*.gz");
    data_read_file(&seen, path);
    cr_expect(seen.records == 0 && seen.damages == 0);
    data_seen_free(&seen);
}

Test(sealed, blocks_say_what_is_in_them_and_decode_in_any_order)
{
    struct sealed_buffer buffer = { .deflate = NULL };
    struct sealed sealed;
    struct str lines;
    struct err e;
    uint64_t before = 20000;
    char want[1024];

    make(20000, DEFLATE_BEST);
    cr_assert(sealed_open(&sealed, path, &e) == 0, "%s", e.text);
    cr_expect(sealed.blocks > 2 && sealed.records == 20000 && sealed.in_order);
    cr_expect(sealed.first_seq == 1 && sealed.last_seq == 20000);
    cr_expect(catalog_same_segment(&sealed.id, &sample));
    for (size_t k = sealed.blocks; k-- > 0;) {
        const struct sealed_block *block = &sealed.block[k];

        before -= block->records;
        cr_expect(block->first_record == before);
        cr_expect(block->first_ms == DATA_NOON_MS + (int64_t)before + 1);
        cr_expect(block->last_ms == DATA_NOON_MS + (int64_t)(before + block->records));
        cr_assert(sealed_read(&sealed, k, &buffer, &lines, &e) == 0, "%s", e.text);
        cr_expect(memcmp(lines.p, want, line_of(before + 1, want)) == 0);
        cr_expect(lines.p[lines.n - 1] == '\n');
    }
    sealed_buffer_free(&buffer);
    sealed_close(&sealed);
}

Test(sealed, index_is_a_copy_of_the_header)
{
    make(100, DEFLATE_BEST);
    data_dir_shell("cd $D/hits/*/*/ && n=$(stat -c %s *.idx) && head -c $n *.gz | cmp - *.idx");
}

Test(sealed, cut_at_every_byte_never_invents_and_tells)
{
    make(200, DEFLATE_BEST);
    for (size_t cut = 0; cut < file_bytes; cut++) {
        struct data_seen seen;

        store(file, cut);
        data_read_file(&seen, path);
        cr_expect(!seen.altered && !seen.doubled && seen.damages > 0, "cut at %zu", cut);
        cr_expect(seen.records == 0 || seen.records == 200, "cut at %zu", cut);
        data_seen_free(&seen);
    }
}

Test(sealed, cut_in_the_third_block_keeps_the_two_before)
{
    struct sealed sealed;
    struct data_seen seen;
    uint64_t whole;

    make(20000, DEFLATE_BEST);
    cr_assert(sealed_open(&sealed, path, NULL) == 0);
    whole = sealed.block[2].first_record;
    store(file, sealed.block[2].offset + 100);
    data_read_file(&seen, path);
    cr_expect(seen.records == whole && !seen.altered);
    cr_expect(seen.damage[0].offset == sealed.block[2].offset);
    data_seen_free(&seen);
    sealed_close(&sealed);
}

/* The few bits that pad a flush to a whole byte mean nothing: then all records are there. */
static void flip_every_bit(uint64_t records)
{
    for (size_t bit = 0; bit < file_bytes * 8; bit++) {
        struct data_seen seen;

        file[bit / 8] ^= (unsigned char)(1u << bit % 8);
        store(file, file_bytes);
        data_read_file(&seen, path);
        cr_expect(!seen.altered && !seen.doubled, "bit %zu", bit);
        cr_expect(seen.damages > 0 || seen.records == records, "bit %zu", bit);
        cr_expect(seen.records == 0 || seen.records == records, "bit %zu", bit);
        data_seen_free(&seen);
        file[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

Test(sealed, flipped_bit_is_told_and_alters_nothing)
{
    make(20, DEFLATE_BEST);
    flip_every_bit(20);
}

Test(sealed, flipped_bit_without_an_index_is_told_and_alters_nothing)
{
    make(20, DEFLATE_BEST);
    remove_index();
    flip_every_bit(20);
}

Test(sealed, damaged_header_is_replaced_by_the_index)
{
    struct data_seen seen;

    make(20000, DEFLATE_BEST);
    memset(file, 0, 512);
    store(file, file_bytes);
    data_read_file(&seen, path);
    cr_expect(seen.records == 20000 && !seen.altered && seen.damages == 1);
    cr_expect(seen.damage[0].offset == 0);
    data_seen_free(&seen);
}

Test(sealed, damaged_header_without_an_index_is_proved_by_the_members_own_crc)
{
    struct data_seen seen;

    make(20000, DEFLATE_BEST);
    remove_index();
    file[60] ^= 1; /* within the table */
    store(file, file_bytes);
    data_read_file(&seen, path);
    cr_expect(seen.records == 20000 && !seen.altered && seen.damages == 1);
    data_seen_free(&seen);
    file[file_bytes / 2] ^= 1;
    store(file, file_bytes);
    data_read_file(&seen, path);
    cr_expect(seen.records == 0 && seen.damages == 1, "nothing can be proved any more");
    data_seen_free(&seen);
}

/*
 * Stored deflate blocks that are full of flush marks, a valid member CRC, no header: a reader that tries
 * every mark as an end needs an hour for these 8 MiB. One that goes through them once, a moment.
 */
Test(sealed, marks_in_the_data_cost_one_pass, .timeout = 30)
{
    enum { STORED_BYTES = 65532, STORED = 128 };
    static const unsigned char mark[4] = { 0, 0, 0xFF, 0xFF }, flush[5] = { 0, 0, 0, 0xFF, 0xFF };
    unsigned char *stored = malloc(STORED_BYTES), *made, *p;
    uint32_t crc = 0;
    struct data_seen seen;

    make(1, DEFLATE_BEST);
    remove_index();
    for (size_t i = 0; i < STORED_BYTES; i += 4)
        memcpy(stored + i, mark, 4);
    stored[STORED_BYTES - 1] = '\n';
    made = p = malloc(file_bytes + STORED * (STORED_BYTES + 5u) + 32);
    memcpy(p, file, 108 + 32); /* up to the blocks: one entry */
    p[60] ^= 1;
    p += 12 + (file[10] | file[11] << 8);
    for (int i = 0; i < STORED; i++) {
        *p++ = 0;
        *p++ = STORED_BYTES & 255;
        *p++ = STORED_BYTES >> 8;
        *p++ = (unsigned char)~(STORED_BYTES & 255);
        *p++ = (unsigned char)~(STORED_BYTES >> 8);
        memcpy(p, stored, STORED_BYTES);
        p += STORED_BYTES;
        crc = (uint32_t)crc32(crc, stored, STORED_BYTES);
    }
    memcpy(p, flush, sizeof flush);
    p += sizeof flush;
    *p++ = 3;
    *p++ = 0;
    put_u32(p, crc);
    put_u32(p + 4, STORED * STORED_BYTES);
    store(made, (size_t)(p + 8 - made));
    data_read_file(&seen, path);
    cr_expect(seen.records == STORED && seen.damages == 1, "%d records, %u damages",
              (int)seen.records, seen.damages);
    data_seen_free(&seen);
    free(made);
    free(stored);
}

Test(sealed, swapped_blocks_are_both_found)
{
    struct sealed sealed;
    struct data_seen seen;
    unsigned char *swapped;
    const struct sealed_block *a, *b;

    make(20000, DEFLATE_BEST);
    cr_assert(sealed_open(&sealed, path, NULL) == 0);
    a = &sealed.block[1];
    b = &sealed.block[2];
    swapped = malloc(file_bytes);
    memcpy(swapped, file, file_bytes);
    memcpy(swapped + a->offset, file + b->offset, b->file_bytes);
    memcpy(swapped + a->offset + b->file_bytes, file + a->offset, a->file_bytes);
    store(swapped, file_bytes);
    data_read_file(&seen, path);
    cr_expect(seen.records == 20000 && !seen.altered && !seen.doubled, "%d", (int)seen.records);
    cr_expect(seen.damages == 2);
    data_seen_free(&seen);
    sealed_close(&sealed);
    free(swapped);
}

Test(sealed, zeros_behind_the_end_are_told_and_cost_nothing)
{
    struct data_seen seen;
    unsigned char *longer;

    make(100, DEFLATE_BEST);
    longer = calloc(1, file_bytes + 512);
    memcpy(longer, file, file_bytes);
    store(longer, file_bytes + 512);
    data_read_file(&seen, path);
    cr_expect(seen.records == 100 && seen.damages == 1 && seen.damage[0].offset == file_bytes);
    cr_expect(seen.damage[0].lost_bytes == 512);
    data_seen_free(&seen);
    free(longer);
}

Test(sealed, unfinished_file_is_removed)
{
    struct sealed_writer *w = sealed_create(path, &sample, 1000, DEFLATE_BEST, NULL);

    cr_assert(sealed_add(w, STR("{\"v\":1}"), 1, NULL) == 0);
    sealed_writer_free(w);
    cr_expect(data_dir_count("2026*") == 0);
}

Test(sealed, line_without_a_time_is_kept_and_its_block_never_skipped)
{
    struct sealed_writer *w = sealed_create(path, &sample, 1000, DEFLATE_BEST, NULL);
    struct sealed sealed;

    cr_assert(sealed_add(w, STR("{\"v\":1}"), 1, NULL) == 0 &&
              sealed_finish(w, NULL, NULL, NULL) == 0);
    sealed_writer_free(w);
    cr_assert(sealed_open(&sealed, path, NULL) == 0);
    cr_expect(sealed.block[0].first_ms == INT64_MIN && sealed.block[0].last_ms == INT64_MAX);
    sealed_close(&sealed);
}
