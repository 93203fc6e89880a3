/*
 * damage.c - segments and sealed files cut, flipped, zeroed, swapped, doubled and lengthened, in
 * every way that chance finds.
 *
 *      damage [--flips 100000] [--every K] [--seed N] [--crumb PATH]
 *
 * Files are cut at each byte (each K-th); the rest is left to chance. Whatever was done, reading it must
 *   1. not crash, and not fail: damage is told, as path@offset within the file;
 *   2. deliver no line that is not one of those that were written, and none twice;
 *   3. deliver every record (segment) or block (sealed file) whose bytes are still what and where
 *      they were, and those that were only moved;
 *   4. tell damage when something that was written is missing, as far as the format lets it be
 *      known (README.md, V4: an end without a begun record is an end).
 * Some of the files are also given to `crumb cat` and `crumb verify`, which must end with 0 or 3.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/store/catalog.h"
#include "../../src/store/format.h"
#include "../../src/store/sealed.h"
#include "../../src/store/segment.h"
#include "base/date.h"
#include "crash/server.h"
#include "store/scan.h"

#define LINES_MAX    64
#define UNITS_MAX    LINES_MAX
#define FILE_BYTES   (1 << 16)
#define EXTRA_BYTES  8192
#define CLI_EVERY    997 /* so many files are given to crumb, too: one of */
#define SECOND_EVERY 101 /* and to tests/second_reader.py, with `crumb cat` to compare */
#define CREATED_MS   1795529109000
#define SECTORS      2

/* What must be delivered if its bytes are whole: a record, or a block. */
struct unit {
    size_t start, end;
    unsigned first_line, lines;
};

struct sample {
    const char *name;
    bool sealed, indexed;
    char path[CATALOG_PATH_BYTES], index_path[CATALOG_PATH_BYTES];
    unsigned char bytes[FILE_BYTES];
    size_t n;
    struct unit unit[UNITS_MAX];
    unsigned units, lines;
    char *line[LINES_MAX];
    size_t line_n[LINES_MAX];
};

struct trial {
    const struct sample *sample;
    char what[96];
    unsigned char bytes[FILE_BYTES + EXTRA_BYTES];
    size_t n;
    bool moved; /* units are only in other places: all must be found */
};

struct found {
    const struct trial *trial;
    unsigned times[LINES_MAX];
    unsigned damages;
};

static const struct segment_id id = { "1ab2cd3ef4gh", 3, 17, CREATED_MS };
static char dir[] = "/tmp/crumb-damage-XXXXXX";
static const char *crumb = "build/crumb";
static unsigned seed;
static uint64_t trials, told, cli_runs, second_runs;

static void fail(const struct trial *t, const char *why, uint64_t detail)
{
    printf("damage: FAILED (seed %u): %s, %s: %s (%llu); the file is kept: %s\n", seed,
           t->sample->name, t->what, why, (unsigned long long)detail, t->sample->path);
    exit(1);
}

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    exit(2);
}

/* ---- samples ---- */

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");

    need(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0, path);
}

static size_t read_file(const char *path, unsigned char *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t n;

    need(file != NULL, path);
    n = fread(bytes, 1, room, file);
    need(n < room && fclose(file) == 0, path);
    return n;
}

/* A line with its number and so much text, which compresses well. Its newline is not counted. */
static void make_line(struct sample *s, unsigned i, size_t text_bytes)
{
    char *line = malloc(text_bytes + 160);
    int n;

    need(line != NULL, "memory");
    n = snprintf(line, 160,
                 "{\"v\":1,\"ts\":\"2026-11-24T14:05:%02u.000Z\",\"id\":\"%.12s-3-%u\",\"url\":\"",
                 i % 60, id.instance, i + 1);
    memset(line + n, 'a' + (int)(i % 26), text_bytes);
    memcpy(line + n + text_bytes, "\"}\n", 3);
    s->line[i] = line;
    s->line_n[i] = (size_t)n + text_bytes + 2;
    s->lines = i + 1;
}

static void make_segment(struct sample *s)
{
    struct segment_header header = { id, 1, 0x5EED1E55 };

    s->name = "segment";
    snprintf(s->path, sizeof s->path, "%s/data/spool", dir);
    need(mkdir(s->path, 0700) == 0, s->path);
    snprintf(s->path, sizeof s->path, "%s/data", dir);
    {
        catalog_path path;

        catalog_segment_path(path, s->path, &id);
        snprintf(s->path, sizeof s->path, "%s", path);
    }
    segment_put_header(s->bytes, &header);
    s->n = SEGMENT_HEADER_BYTES;
    for (unsigned i = 0; i < 40; i++) {
        unsigned char *record = s->bytes + s->n;

        make_line(s, i, 20 + i * 37 % 211);
        memcpy(record + RECORD_HEADER_BYTES, s->line[i], s->line_n[i] + 1);
        segment_put_record(record, header.salt, segment_seed(&id), i + 1, s->line_n[i] + 1);
        s->unit[s->units++] =
            (struct unit){ s->n, s->n + RECORD_HEADER_BYTES + s->line_n[i] + 1, i, 1 };
        s->n += segment_record_bytes(s->line_n[i] + 1);
    }
}

/* Long lines that compress to little: a file with several blocks that is small enough to be cut at
 * every byte. */
static void make_sealed(struct sample *s, bool indexed)
{
    struct sealed_writer *writer;
    struct sealed sealed;
    catalog_path data, path, hour;
    struct err e;

    s->name = indexed ? "sealed file" : "sealed file without index";
    s->sealed = true;
    s->indexed = indexed;
    snprintf(data, sizeof data, "%s/%s", dir, indexed ? "indexed" : "plain");
    catalog_sealed_path(path, data, &id);
    catalog_hour_dir(hour, data, CREATED_MS);
    need(fs_make_dirs(hour, &e) == 0, "mkdir");
    snprintf(s->path, sizeof s->path, "%s", path);
    need(catalog_index_path(s->index_path, path), "index");
    writer = sealed_create(path, &id, 3 * SEALED_BLOCK_BYTES, DEFLATE_BEST, &e);
    need(writer != NULL, path);
    for (unsigned i = 0; i < 15; i++) {
        make_line(s, i, 50000 + i * 777);
        need(sealed_add(writer, str_from(s->line[i], s->line_n[i]), i + 1, &e) == 0, path);
    }
    need(sealed_finish(writer, NULL, NULL, &e) == 0, path);
    sealed_writer_free(writer);
    s->n = read_file(path, s->bytes, sizeof s->bytes);
    need(sealed_open(&sealed, path, &e) == 0, path);
    for (size_t k = 0; k < sealed.blocks; k++)
        s->unit[s->units++] =
            (struct unit){ sealed.block[k].offset,
                           sealed.block[k].offset + sealed.block[k].file_bytes,
                           (unsigned)sealed.block[k].first_record, sealed.block[k].records };
    sealed_close(&sealed);
    if (!indexed)
        need(unlink(s->index_path) == 0, s->index_path);
}

/* ---- one trial ---- */

static int on_record(void *arg, struct str line)
{
    struct found *found = arg;
    const struct sample *s = found->trial->sample;

    for (unsigned i = 0; i < s->lines; i++) {
        if (line.n == s->line_n[i] && memcmp(line.p, s->line[i], line.n) == 0) {
            if (found->times[i]++ > 0)
                fail(found->trial, "a line came twice", i);
            return 0;
        }
    }
    fail(found->trial, "a line was invented or altered", line.n);
    return 0;
}

static int on_damage(void *arg, const struct scan_damage *damage)
{
    struct found *found = arg;

    found->damages++;
    if (strcmp(damage->path, found->trial->sample->path) != 0 ||
        damage->offset > found->trial->n + FILE_BYTES || damage->sentence[0] == '\0')
        fail(found->trial, "damage is told at a place that is none", damage->offset);
    return 0;
}

static bool header_is_whole(const struct trial *t)
{
    size_t end = t->sample->sealed ? t->sample->unit[0].start : SEGMENT_HEADER_BYTES;

    return t->n >= end && memcmp(t->bytes, t->sample->bytes, end) == 0;
}

static bool is_whole(const struct trial *t, const struct unit *unit)
{
    return unit->end <= t->n && memcmp(t->bytes + unit->start, t->sample->bytes + unit->start,
                                       unit->end - unit->start) == 0;
}

/* Is something that was begun missing, so that it can be known? */
static bool must_be_told(const struct trial *t, bool complete)
{
    const struct sample *s = t->sample;
    bool behind = false;

    if (s->sealed) { /* a flipped bit that inflates to the same lines has done no damage */
        size_t end = s->unit[s->units - 1].end;

        return !complete || t->n != s->n || !header_is_whole(t) ||
               memcmp(t->bytes + end, s->bytes + end, s->n - end) != 0;
    }
    if (complete || t->moved)
        return !header_is_whole(t);
    for (unsigned k = s->units; k-- > 0;) { /* a hole before a whole record, or a whole header */
        if (is_whole(t, &s->unit[k]))
            behind = true;
        else if (behind)
            return true;
    }
    return false;
}

static const char *data_of(const struct sample *s)
{
    return !s->sealed ? "data" : s->indexed ? "indexed" : "plain";
}

static void ask_second_reader(const struct trial *t)
{
    char data[CATALOG_PATH_BYTES];

    snprintf(data, sizeof data, "%s/%s", dir, data_of(t->sample));
    second_runs++;
    if (!server_second_reader_agrees(crumb, data))
        fail(t, "the second reader finds something else", 0);
}

static void run_crumb(const struct trial *t, const char *command)
{
    char line[2 * CATALOG_PATH_BYTES];
    int status;

    snprintf(line, sizeof line, "%s %s --data %s/%s >/dev/null 2>&1", crumb, command, dir,
             data_of(t->sample));
    status = system(line);
    cli_runs++;
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3))
        fail(t, "crumb did not end with 0 or 3", (uint64_t)status);
}

static void run_trial(struct trial *t)
{
    const struct sample *s = t->sample;
    struct found found = { .trial = t };
    struct scan_options options = { .since_ms = INT64_MIN,
                                    .until_ms = INT64_MAX,
                                    .record = on_record,
                                    .damage = on_damage,
                                    .arg = &found };
    bool table = !s->sealed || s->indexed || header_is_whole(t), complete = true;
    char data[CATALOG_PATH_BYTES];
    struct scan_totals totals;
    struct err e;

    write_file(s->path, t->bytes, t->n);
    trials++;
    snprintf(data, sizeof data, "%s/%s", dir, data_of(s));
    options.data_dir = data;
    if ((trials % 2 == 0 ? scan_file(s->path, &options, &totals, &e)
                         : scan_run(&options, &totals, &e)) != 0)
        fail(t, e.text, 0);
    for (unsigned k = 0; k < s->units; k++) {
        const struct unit *unit = &s->unit[k];

        for (unsigned i = unit->first_line; i < unit->first_line + unit->lines; i++) {
            complete = complete && found.times[i] == 1;
            if (found.times[i] == 0 && table && (t->moved || is_whole(t, unit)))
                fail(t, "an intact record was not delivered", i);
        }
    }
    if (found.damages == 0 && must_be_told(t, complete))
        fail(t, "the damage was not told", 0);
    told += found.damages > 0;
    if (trials % SECOND_EVERY == 0)
        ask_second_reader(t);
    if (trials % CLI_EVERY == 0) {
        run_crumb(t, "cat");
        run_crumb(t, "verify");
    }
}

static struct trial *begin(const struct sample *s, const char *what)
{
    static struct trial t;

    t.sample = s;
    t.moved = false;
    snprintf(t.what, sizeof t.what, "%s", what);
    memcpy(t.bytes, s->bytes, s->n);
    t.n = s->n;
    return &t;
}

/* ---- kinds of damage ---- */

static size_t below(size_t n)
{
    return (size_t)lrand48() % n;
}

static void cut_everywhere(const struct sample *s, size_t every)
{
    for (size_t n = below(every); n <= s->n; n += every) {
        struct trial *t = begin(s, "");

        snprintf(t->what, sizeof t->what, "cut to %zu bytes", n);
        t->n = n;
        run_trial(t);
    }
}

static void flip_bits(const struct sample *s)
{
    struct trial *t = begin(s, "flipped bits");
    size_t bits = 1 + below(3);

    for (size_t k = 0; k < bits; k++) {
        size_t bit = below(8 * s->n), n = strlen(t->what);

        t->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        snprintf(t->what + n, sizeof t->what - n, " %zu.%zu", bit / 8, bit % 8);
    }
    run_trial(t);
}

static void spoil_sector(const struct sample *s)
{
    static const size_t sizes[SECTORS] = { 512, 4096 };
    size_t size = sizes[below(SECTORS)], at = below(s->n) / size * size;
    size_t end = at + size < s->n ? at + size : s->n;
    bool garbage = below(2) == 0;
    struct trial *t = begin(s, "");

    snprintf(t->what, sizeof t->what, "%s from %zu to %zu", garbage ? "garbage" : "zeros", at, end);
    for (size_t i = at; i < end; i++)
        t->bytes[i] = garbage ? (unsigned char)below(256) : 0;
    run_trial(t);
}

/* The flush at the end of a block holds no text, so whether the block is believed is a matter of the rule (V11). */
static void flip_flush(const struct sample *s, unsigned long every)
{
    for (size_t bit = 0; bit < 40; bit += every) {
        size_t at = s->unit[0].end - 1 - bit / 8;
        struct trial *t = begin(s, "");

        snprintf(t->what, sizeof t->what, "bit %zu flipped at %zu, in a flush", bit % 8, at);
        t->bytes[at] ^= (unsigned char)(1u << bit % 8);
        run_trial(t);
        ask_second_reader(t);
    }
}

/* Units with the bytes up to the next one. */
static size_t next_unit(const struct sample *s, unsigned k)
{
    if (k + 1 < s->units)
        return s->unit[k + 1].start;
    return s->sealed ? s->unit[k].end : s->n;
}

static void swap_units(const struct sample *s)
{
    unsigned a = (unsigned)below(s->units), b = (unsigned)below(s->units);
    struct trial *t = begin(s, "");
    size_t n, at;

    if (a == b)
        return;
    if (a > b) {
        unsigned c = a;

        a = b;
        b = c;
    }
    snprintf(t->what, sizeof t->what, "units %u and %u swapped", a, b);
    at = s->unit[a].start;
    n = next_unit(s, b) - s->unit[b].start;
    memcpy(t->bytes + at, s->bytes + s->unit[b].start, n);
    at += n;
    n = s->unit[b].start - next_unit(s, a);
    memcpy(t->bytes + at, s->bytes + next_unit(s, a), n);
    at += n;
    memcpy(t->bytes + at, s->bytes + s->unit[a].start, next_unit(s, a) - s->unit[a].start);
    t->moved = true;
    run_trial(t);
}

static void double_unit(const struct sample *s)
{
    unsigned k = (unsigned)below(s->units);
    size_t start = s->unit[k].start, n = next_unit(s, k) - start;
    struct trial *t = begin(s, "");

    snprintf(t->what, sizeof t->what, "unit %u doubled", k);
    memmove(t->bytes + start + n, t->bytes + start, t->n - start);
    t->n += n;
    t->moved = true;
    run_trial(t);
}

static void swap_sectors(const struct sample *s)
{
    struct trial *t = begin(s, "");
    size_t a = below(s->n / 512) * 512, b = below(s->n / 512) * 512;

    snprintf(t->what, sizeof t->what, "sectors at %zu and %zu swapped", a, b);
    memcpy(t->bytes + a, s->bytes + b, 512);
    memcpy(t->bytes + b, s->bytes + a, 512);
    run_trial(t);
}

static void lengthen(const struct sample *s)
{
    bool zeros = below(2) == 0;
    struct trial *t = begin(s, zeros ? "zeros behind the end" : "garbage behind the end");
    size_t n = 1 + below(EXTRA_BYTES - 1);

    for (size_t i = 0; i < n; i++)
        t->bytes[t->n++] = zeros ? 0 : (unsigned char)below(256);
    run_trial(t);
}

static void squeeze_in(const struct sample *s)
{
    struct trial *t = begin(s, "");
    size_t at = below(s->n), n = 8 * (1 + below(40));

    snprintf(t->what, sizeof t->what, "%zu bytes squeezed in at %zu", n, at);
    memmove(t->bytes + at + n, t->bytes + at, t->n - at);
    for (size_t i = 0; i < n; i++)
        t->bytes[at + i] = (unsigned char)below(256);
    t->n += n;
    run_trial(t);
}

static void take_out(const struct sample *s)
{
    struct trial *t = begin(s, "");
    size_t at = below(s->n - 400), n = 1 + below(320);

    snprintf(t->what, sizeof t->what, "%zu bytes taken out at %zu", n, at);
    memmove(t->bytes + at, t->bytes + at + n, t->n - at - n);
    t->n -= n;
    run_trial(t);
}

static void (*const kinds[])(const struct sample *s) = { spoil_sector, swap_units, double_unit,
                                                         swap_sectors, lengthen,   squeeze_in,
                                                         take_out };

int main(int argc, char **argv)
{
    static const struct option options[] = { { "flips", required_argument, NULL, 'n' },
                                             { "seed", required_argument, NULL, 's' },
                                             { "every", required_argument, NULL, 'e' },
                                             { "crumb", required_argument, NULL, 'c' },
                                             { NULL, 0, NULL, 0 } };
    static struct sample sample[3];
    unsigned long flips = 100000, every = 1;
    char command[128];
    int c;

    seed = (unsigned)time(NULL);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'n') {
            flips = strtoul(optarg, NULL, 10);
        } else if (c == 's') {
            seed = (unsigned)strtoul(optarg, NULL, 10);
        } else if (c == 'e') {
            every = strtoul(optarg, NULL, 10);
        } else if (c == 'c') {
            crumb = optarg;
        } else {
            fputs("usage: damage [--flips N] [--every K] [--seed N] [--crumb PATH]\n", stderr);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand48(seed);
    need(mkdtemp(dir) != NULL, dir);
    snprintf(command, sizeof command, "mkdir %s/data", dir);
    need(system(command) == 0, command);
    make_segment(&sample[0]);
    make_sealed(&sample[1], true);
    make_sealed(&sample[2], false);
    printf("damage: seed %u, a segment of %zu bytes, a sealed file of %zu\n", seed, sample[0].n,
           sample[1].n);
    for (int i = 0; i < 3; i++) {
        cut_everywhere(&sample[i], every);
        for (unsigned long k = 0; k < flips / 20; k++)
            kinds[k % (sizeof kinds / sizeof kinds[0])](&sample[i]);
    }
    flip_flush(&sample[1], every);
    for (unsigned long k = 0; k < flips; k++)
        flip_bits(&sample[k % 3]);
    printf("damage: %llu damaged files, in %llu of them damage was told; %llu runs of crumb and "
           "%llu of "
           "the second reader: no "
           "crash, nothing invented, every intact record and block delivered\n",
           (unsigned long long)trials, (unsigned long long)told, (unsigned long long)cli_runs,
           (unsigned long long)second_runs);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : 1;
}
