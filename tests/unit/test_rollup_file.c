/*
 * test_rollup_file.c - what is written comes back; a file that was cut or changed anywhere is refused.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../src/report/join.h"
#include "../../src/report/pack.h"
#include "../../src/report/rollup_file.h"
#include "base/date.h"
#include "base/fs.h"
#include "base/hash.h"
#include "support/tmp_dir.h"

#define BEGIN_MS INT64_C(1792713600000) /* 2026-10-23T00:00Z */

static void add_key(struct summary *s, int table, const char *text, size_t visitors)
{
    struct summary_table *t = &s->tables[table];
    struct summary_key *key;

    if ((t->count & (t->count - 1)) == 0)
        t->key = realloc(t->key, (2 * t->count + 1) * sizeof *t->key);
    key = &t->key[t->count++];
    *key = (struct summary_key){ .key = { summary_keep(s, str_of(text)), strlen(text) },
                                 .count = { visitors * 3, visitors * 2, 1 } };
    for (size_t i = 0; i < visitors; i++)
        set_append(&key->visitors, s->visitors.hash[i * 2]);
}

/* A day with something of everything. */
static struct summary *make(bool estimate)
{
    struct summary *s = summary_new(BEGIN_MS, BEGIN_MS + DATE_DAY_MS, 1800000);

    s->totals = (struct fold_totals){ .records = 300,
                                      .bots = 7,
                                      .hits = 290,
                                      .views = 200,
                                      .sessions = 3,
                                      .first_ms = BEGIN_MS,
                                      .last_ms = BEGIN_MS + 77 };
    for (uint64_t i = 1; i <= 40; i++)
        set_append(&s->visitors, i * UINT64_C(0x123456789abcdef));
    set_sort(&s->visitors);
    set_append(&s->fresh, s->visitors.hash[7]);
    set_append(&s->fresh, s->visitors.hash[39]);
    s->open = calloc(2, sizeof *s->open);
    s->open_count = 2;
    s->open[0] = (struct summary_session){ s->visitors.hash[3], BEGIN_MS + 5, BEGIN_MS + 9, 2 };
    s->open[1] = (struct summary_session){ s->visitors.hash[4], BEGIN_MS + 500, BEGIN_MS + 500, 0 };
    summary_set_durations(s, (uint32_t[]){ 5, 100000, 1, 7 }, 4);
    summary_make_row(s, REPORT_DAY);
    summary_make_row(s, REPORT_WEEK);
    add_key(s, 0, "", 1);
    add_key(s, 0, "/", 20);
    add_key(s, 0, "/a\xFF\"", 3);
    add_key(s, 4, "DE", 18);
    for (int t = 0; t < SUMMARY_TABLES_MAX; t++)
        s->tables[t].known = t == 0 || t == 2 || t == 3 || t == 4;
    if (estimate) {
        cr_assert_eq(set_limit(&s->visitors, 3, SET_BITS), 0);
        cr_assert_eq(set_limit(&s->tables[0].key[1].visitors, 3, SET_KEY_BITS), 0);
        cr_assert_eq(set_limit(&s->tables[4].key[0].visitors, 3, SET_KEY_BITS), 0);
    }
    return s;
}

static void write_to(const char *path, struct summary *all, struct summary *shop)
{
    struct rollup_writer writer = { 0 };
    struct rollup_head head = { .fingerprint = 11,
                                .source = 12,
                                .since_ms = BEGIN_MS,
                                .until_ms = BEGIN_MS + DATE_DAY_MS,
                                .idle_ms = 1800000,
                                .zone = STR("Europe/Berlin") };
    struct err e = { 0 };

    cr_assert_eq(rollup_add_summary(&writer, all, 1, &e), 0, "%s", e.text);
    cr_assert_eq(rollup_add_summary(&writer, shop, 2, &e), 0, "%s", e.text);
    rollup_add_site(&writer, STR("shop"), 1);
    rollup_add_site(&writer, STR("../..//x"), 0);
    cr_assert_eq(rollup_write(path, &writer, &head, true, &e), 0, "%s", e.text);
    rollup_writer_free(&writer);
}

/* The part with its tables' numbers; NULL and e when any of it is not believed. */
static struct summary *load_whole(const struct rollup_file *file, int part, struct err *e)
{
    struct summary *s = rollup_load(file, part, true, e);
    struct join *join;

    if (s == NULL)
        return NULL;
    join = join_new(&s->visitors, 1);
    cr_assert_eq(join_add_part(join, file, part), 0);
    if (join_count(join, join_tables(join), s, e) != 0) {
        cr_expect_eq(join_damaged(join), 0);
        summary_free(s);
        s = NULL;
    }
    join_free(join);
    return s;
}

/* Is every part of the file believed? Never a crash. */
static bool is_believed(const char *path)
{
    struct err e = { 0 };
    struct rollup_file *file = rollup_open(path, &e);
    bool believed = file != NULL;

    for (int part = 0; believed && part < 2; part++) {
        struct summary *s = load_whole(file, part, &e);

        believed = s != NULL;
        summary_free(s);
    }
    if (!believed)
        cr_expect(e.code == ERR_DAMAGED, "%d %s", e.code, e.text);
    rollup_close(file);
    return believed;
}

/* What a table's section says of a key's set. */
struct written {
    unsigned form;
    size_t count;
    uint32_t place[64];
    const unsigned char *bytes;
};

static struct written find_written(const struct rollup_file *file, int part, int table,
                                   const char *key)
{
    struct written w = { .form = 9 };
    struct unpack u;

    cr_assert(rollup_section(file, part, table, &u));
    for (size_t n = unpack_count(&u, 6); n > 0; n--) {
        bool found = str_eq(unpack_text(&u), str_of(key));
        uint32_t last;

        for (int c = 0; c < TALLY_COUNTS; c++)
            unpack_number(&u);
        w.form = (unsigned)unpack_number(&u);
        w.count = w.form == SET_ESTIMATE ? SET_REGISTERS(SET_KEY_BITS) : unpack_number(&u);
        if (w.form == SET_PLACES && w.count > 0) {
            w.place[0] = last = (uint32_t)unpack_number(&u);
            unpack_ascending(&u, w.count - 1, &last, w.place + 1);
        } else {
            w.bytes = unpack_bytes(&u, w.count * (w.form == SET_HASHES ? 8 : 1));
        }
        cr_assert(!u.bad);
        if (found)
            return w;
    }
    cr_assert(false, "no %s", key);
    return w;
}

Test(rollup_file, what_is_written_comes_back)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    struct summary *all = make(false), *shop = make(true), *back;
    struct rollup_file *file;
    struct written w;
    struct err e = { 0 };
    bool complete;

    tmp_dir_path(&dir, path, "deep/er/day.sum");
    write_to(path, all, shop);
    file = rollup_open(path, &e);
    cr_assert_not_null(file, "%s", e.text);
    cr_expect_eq(rollup_head_of(file)->fingerprint, 11);
    cr_expect_eq(rollup_head_of(file)->source, 12);
    cr_expect(str_eq(rollup_head_of(file)->zone, STR("Europe/Berlin")));
    cr_expect_eq(rollup_sites(file, &complete), 2);
    cr_expect(complete);
    cr_expect_eq(rollup_part(file, STR_ABSENT), 0);
    cr_expect_eq(rollup_part(file, STR("shop")), 1);
    cr_expect_eq(rollup_part(file, STR("../..//x")), 0);
    cr_expect_eq(rollup_part(file, STR("other")), ROLLUP_NO_HITS);

    back = load_whole(file, 0, &e);
    cr_assert_not_null(back, "%s", e.text);
    cr_expect_arr_eq(back->visitors.hash, all->visitors.hash, 40 * sizeof(uint64_t));
    cr_expect_eq(back->fresh.count, 2);
    cr_expect_eq(back->fresh.hash[1], all->visitors.hash[39]);
    cr_expect_arr_eq(back->open, all->open, 2 * sizeof *back->open);
    cr_expect_arr_eq(back->duration, all->duration, 4 * sizeof(uint32_t));
    cr_expect_eq(back->totals.bots, 7);
    cr_expect_eq(back->steps[1].count, 1);
    cr_expect_eq(back->steps[1].row[0].visitors, 40);
    cr_expect_eq(back->answers[0].count, 3);
    cr_expect(str_eq(back->answers[0].group[2].key, STR("/a\xFF\"")));
    cr_expect_eq(back->answers[0].group[1].visitors, 20);
    cr_expect_eq(back->answers[0].group[1].count[0], 60);
    cr_expect(!back->answers[0].estimated);
    w = find_written(file, 0, 0, "/");
    cr_expect_eq(w.form, SET_PLACES);
    cr_expect_eq(w.count, 20);
    for (uint32_t i = 0; i < 20; i++)
        cr_expect_eq(w.place[i], 2 * i);
    summary_free(back);

    back = load_whole(file, 1, &e);
    cr_assert_not_null(back, "%s", e.text);
    w = find_written(file, 1, 0, "/");
    cr_expect_eq(w.form, SET_ESTIMATE);
    cr_expect_arr_eq(w.bytes, shop->tables[0].key[1].visitors.registers,
                     SET_REGISTERS(SET_KEY_BITS));
    w = find_written(file, 1, 0, "/a\xFF\"");
    cr_expect_eq(w.form, SET_HASHES, "few of many are hashes");
    cr_expect_arr_eq(w.bytes, shop->tables[0].key[2].visitors.hash, 3 * sizeof(uint64_t));
    cr_expect(back->answers[0].estimated);
    summary_free(back);
    back = rollup_load(file, 1, false, &e);
    cr_assert_not_null(back, "%s", e.text);
    cr_expect(!back->steps[1].known);
    summary_free(back);
    rollup_close(file);
    summary_free(all);
    summary_free(shop);
    tmp_dir_remove(&dir);
}

/* Over what is there. */
static void put_bytes(const char *path, const void *p, size_t n, off_t at)
{
    int fd = open(path, O_WRONLY);

    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, p, n, at), (ssize_t)n);
    close(fd);
}

Test(rollup_file, cut_at_every_byte_it_is_refused)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], *text;
    struct summary *all = make(false), *shop = make(false);
    struct err e = { 0 };
    size_t n;

    tmp_dir_path(&dir, path, "x.sum");
    write_to(path, all, shop);
    cr_expect(is_believed(path));
    cr_assert_eq(fs_read_all(path, 1 << 20, &text, &n, &e), 0, "%s", e.text);
    put_bytes(path, "", 1, (off_t)n);
    cr_expect(!is_believed(path), "one byte too many");
    for (size_t i = n; i-- > 0;) {
        cr_assert_eq(truncate(path, (off_t)i), 0);
        cr_expect(!is_believed(path), "cut at %zu of %zu", i, n);
    }
    free(text);
    summary_free(all);
    summary_free(shop);
    tmp_dir_remove(&dir);
}

Test(rollup_file, with_any_bit_flipped_it_is_refused)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], *text;
    struct summary *all = make(false), *shop = make(false);
    struct err e = { 0 };
    size_t n;

    tmp_dir_path(&dir, path, "x.sum");
    write_to(path, all, shop);
    cr_assert_eq(fs_read_all(path, 1 << 20, &text, &n, &e), 0, "%s", e.text);
    for (size_t i = 0; i < 8 * n; i++) {
        char flipped = (char)(text[i / 8] ^ 1 << i % 8);

        put_bytes(path, &flipped, 1, (off_t)(i / 8));
        cr_expect(!is_believed(path), "bit %zu of byte %zu", i % 8, i / 8);
        put_bytes(path, &text[i / 8], 1, (off_t)(i / 8));
    }
    free(text);
    summary_free(all);
    summary_free(shop);
    tmp_dir_remove(&dir);
}

/* A check that is right vouches for nothing if the writer was another: changed bytes with their checks set anew. */
Test(rollup_file, nonsense_with_right_checks_is_no_crash)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], *text;
    struct summary *all = make(false), *shop = make(true);
    struct err e = { 0 };
    uint32_t length, state = 1;
    size_t n;

    tmp_dir_path(&dir, path, "x.sum");
    write_to(path, all, shop);
    cr_assert_eq(fs_read_all(path, 1 << 20, &text, &n, &e), 0, "%s", e.text);
    memcpy(&length, text + 12, sizeof length);
    for (int round = 0; round < 10000; round++) {
        char *copy = malloc(n);
        uint64_t check;

        memcpy(copy, text, n);
        for (int k = 0; k < 3; k++) {
            state = state * 1664525 + 1013904223;
            copy[24 + (state >> 8) % length] = (char)(state >> 3);
        }
        check = hash64(str_from(copy + 24, length), ROLLUP_VERSION);
        memcpy(copy + 16, &check, sizeof check);
        put_bytes(path, copy + 16, 8 + length, 16);
        is_believed(path);
        free(copy);
    }
    free(text);
    summary_free(all);
    summary_free(shop);
    tmp_dir_remove(&dir);
}

Test(rollup_file, tables_with_too_many_keys_are_left_out_as_a_whole)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], text[16];
    struct summary *all = summary_new(BEGIN_MS, BEGIN_MS + DATE_DAY_MS, 1800000);
    struct rollup_file *file;
    struct err e = { 0 };

    for (int i = 0; i <= ROLLUP_KEYS_MAX; i++) {
        snprintf(text, sizeof text, "%09d", i);
        add_key(all, 2, text, 0);
        if (i > 0)
            add_key(all, 3, text, 0);
    }
    all->tables[2].known = all->tables[3].known = true;
    tmp_dir_path(&dir, path, "x.sum");
    write_to(path, all, all);
    file = rollup_open(path, &e);
    cr_assert_not_null(file, "%s", e.text);
    cr_expect(!rollup_has_table(file, 0, 2));
    cr_expect(rollup_has_table(file, 0, 3));
    rollup_close(file);
    summary_free(all);
    tmp_dir_remove(&dir);
}

/* Where section i of both parts is, and its check in the head. */
static bool find_section(char *file, unsigned i, char **p, size_t *n, char **check)
{
    uint32_t length;
    struct unpack u;
    size_t parts;
    char *body;

    memcpy(&length, file + 12, sizeof length);
    body = file + ROLLUP_PREFIX_BYTES + length;
    u = unpack_over(file + ROLLUP_PREFIX_BYTES, length);
    unpack_bytes(&u, 16);
    for (int k = 0; k < 3; k++)
        unpack_signed(&u);
    unpack_text(&u);
    unpack_number(&u);
    parts = unpack_number(&u);
    for (size_t part = 0; part < parts; part++) {
        for (size_t sections = unpack_number(&u); sections > 0; sections--) {
            unpack_text(&u);
            *n = unpack_number(&u);
            *p = body;
            *check = file + (unpack_bytes(&u, 8) - (const unsigned char *)file);
            if (i-- == 0)
                return true;
            body += *n;
        }
    }
    return false;
}

static void change_section(char *file, uint32_t *state)
{
    char *p = NULL, *check = NULL;
    size_t n = 0;
    uint64_t right;
    uint32_t length;

    *state = *state * 1664525 + 1013904223;
    cr_assert(find_section(file, (*state >> 8) % 12, &p, &n, &check));
    for (int k = 0; k < 2; k++) {
        *state = *state * 1664525 + 1013904223;
        p[(*state >> 8) % (n < 60 ? n : 60)] = (char)(*state >> 3);
    }
    right = rollup_check(p, n);
    memcpy(check, &right, sizeof right);
    memcpy(&length, file + 12, sizeof length);
    right = rollup_check(file + ROLLUP_PREFIX_BYTES, length);
    memcpy(file + 16, &right, sizeof right);
}

/* A byte of the body changed, its section's check set anew: only what the rules say stands between it and the join. */
Test(rollup_file, nonsense_in_sections_is_no_crash)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], *text;
    struct summary *all = make(false), *shop = make(true);
    struct err e = { 0 };
    uint32_t state = 1;
    unsigned believed = 0;
    size_t n;

    tmp_dir_path(&dir, path, "x.sum");
    write_to(path, all, shop);
    cr_assert_eq(fs_read_all(path, 1 << 20, &text, &n, &e), 0, "%s", e.text);
    for (int round = 0; round < 4000; round++) {
        char *copy = malloc(n);

        memcpy(copy, text, n);
        change_section(copy, &state);
        put_bytes(path, copy, n, 0);
        believed += is_believed(path);
        free(copy);
    }
    cr_expect_lt(believed, 3800);
    cr_expect_gt(believed, 0, "counts can be anything");
    free(text);
    summary_free(all);
    summary_free(shop);
    tmp_dir_remove(&dir);
}

/* What is read at once is told apart: the damaged one of several is named, and nothing of it is counted. */
Test(rollup_file, of_many_that_are_joined_the_damaged_one_is_named)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[3][TMP_PATH_BYTES], *text;
    struct summary *all = make(false), *shop = make(true);
    struct rollup_file *file[3];
    struct err e = { 0 };
    uint32_t state = 1;
    unsigned damaged = 0;
    size_t n;

    for (int i = 0; i < 3; i++) {
        tmp_dir_path(&dir, path[i], (const char *[]){ "a.sum", "b.sum", "c.sum" }[i]);
        write_to(path[i], all, shop);
    }
    cr_assert_eq(fs_read_all(path[1], 1 << 20, &text, &n, &e), 0, "%s", e.text);
    for (int round = 0; round < 400; round++) {
        struct summary *sum = summary_new(BEGIN_MS, BEGIN_MS + DATE_DAY_MS, 1800000);
        struct join *join = join_new(round % 2 == 0 ? &all->visitors : &shop->visitors, 2);
        char *copy = malloc(n);

        memcpy(copy, text, n);
        change_section(copy, &state);
        put_bytes(path[1], copy, n, 0);
        for (int i = 0; i < 3; i++) {
            file[i] = rollup_open(path[i], &e);
            cr_assert_not_null(file[i], "%s", e.text);
            cr_assert_eq(join_add_part(join, file[i], round % 2), 0);
        }
        err_clear(&e);
        if (join_count(join, 1, sum, &e) != 0) {
            cr_expect_eq(e.code, ERR_DAMAGED);
            cr_expect_eq(join_damaged(join), 1);
            cr_expect(strstr(e.text, "b.sum is damaged") != NULL, "%s", e.text);
            damaged++;
        } else {
            cr_expect_geq(sum->answers[0].count, 3);
        }
        join_free(join);
        summary_free(sum);
        for (int i = 0; i < 3; i++)
            rollup_close(file[i]);
        free(copy);
    }
    cr_expect_gt(damaged, 10);
    free(text);
    summary_free(all);
    summary_free(shop);
    tmp_dir_remove(&dir);
}

Test(pack, many_numbers_are_the_same_as_one_after_the_other)
{
    static const uint64_t largest[] = { 1, 100, 127, 128, 20000, 3000000 };
    uint32_t state = 7, place[1000];

    for (size_t row = 0; row < 6; row++) {
        struct pack pack = { 0 };
        uint64_t sum = 0, number[1000];
        struct unpack u;
        uint32_t last = 0;

        for (size_t i = 0; i < 1000; i++) {
            state = state * 1664525 + 1013904223;
            number[i] = 1 + (state >> 8) % largest[row];
            pack_number(&pack, number[i]);
        }
        u = unpack_over(pack.p, pack.n);
        unpack_ascending(&u, 1000, &last, place);
        cr_expect(!u.bad && u.p == u.end);
        for (size_t i = 0; i < 1000; i++) {
            sum += number[i];
            cr_expect_eq(place[i], sum, "%zu %zu", row, i);
        }
        for (size_t i = 0; i <= 1000; i++) {
            u = unpack_over(pack.p, pack.n);
            unpack_skip(&u, i);
            cr_expect(!u.bad);
            cr_expect(i == 1000 ? u.p == u.end : unpack_number(&u) == number[i]);
        }
        unpack_skip(&u, 1);
        cr_expect(u.bad);
        for (size_t cut = 0; cut < pack.n; cut++) {
            u = unpack_over(pack.p, cut);
            last = 0;
            unpack_ascending(&u, 1000, &last, place);
            cr_expect(u.bad);
        }
        pack_free(&pack);
    }
    for (size_t zero = 0; zero < 20; zero++) {
        unsigned char bytes[20];
        struct unpack u = unpack_over(bytes, sizeof bytes);
        uint32_t last = 0;

        memset(bytes, 3, sizeof bytes);
        bytes[zero] = 0;
        unpack_ascending(&u, 20, &last, place);
        cr_expect(u.bad, "nothing is twice in a set: %zu", zero);
    }
}

Test(pack, numbers_come_back_and_never_run_over)
{
    static const uint64_t numbers[] = {
        0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX
    };
    struct pack pack = { 0 };
    struct unpack u;

    for (size_t i = 0; i < 8; i++) {
        pack_number(&pack, numbers[i]);
        pack_signed(&pack, (int64_t)numbers[i]);
        pack_u64(&pack, numbers[i]);
    }
    pack_text(&pack, STR("text"));
    for (size_t cut = 0; cut <= pack.n; cut++) {
        u = unpack_over(pack.p, cut);
        for (size_t i = 0; i < 8; i++) {
            uint64_t a = unpack_number(&u), b = (uint64_t)unpack_signed(&u), c = unpack_u64(&u);

            cr_expect(u.bad || (a == numbers[i] && b == numbers[i] && c == numbers[i]));
        }
        cr_expect(str_eq(unpack_text(&u), STR("text")) || u.bad);
        cr_expect_eq(u.bad, cut < pack.n);
    }
    u = unpack_over("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10); /* a 65th bit */
    unpack_number(&u);
    cr_expect(u.bad);
    pack_free(&pack);
}
