/*
 * test_summary.c - what is known of two stretches is what a reading of both would find, however they are
 * cut, its joined tables included; and what a set of visitors estimates is as close as it says.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/report/facets.h"
#include "../../src/report/join.h"
#include "../../src/report/period.h"
#include "../../src/report/zone.h"
#include "base/crypto.h"
#include "base/date.h"
#include "base/hash.h"
#include "support/data_dir.h"

#define MINUTE 60000
#define HITS   1200
#define BEGIN_MS                                                                                   \
    INT64_C(1792713600000) /* 2026-10-23T00:00Z; clocks go back on the 25th at 01:00Z */
#define LENGTH (3 * (int64_t)DATE_DAY_MS)

static uint32_t state;

static unsigned below(unsigned n)
{
    state = state * 1664525 + 1013904223;
    return (unsigned)((uint64_t)(state >> 8) * n >> 24);
}

/* ---- hits of three days, of which many sessions cross any border ------------------------------------------ */

static size_t make_line(char line[1024], unsigned i, int64_t ms)
{
    static const char *const kinds[] = { "view", "view", "view", "event", "ping" };
    static const char *const agents[] = { "Mozilla/5.0 Firefox/133.0", "curl/8.5.0", "" };
    struct buf b = buf_over(line, 1023);

    buf_add_lit(&b, "{\"v\":1,\"ts\":\"");
    date_add_rfc3339(&b, ms);
    buf_addf(&b, "\",\"id\":\"x-0-%u\",\"kind\":\"%s\",\"site\":\"%s\"", i + 1, kinds[below(5)],
             below(4) == 0 ? "blog" : "shop");
    if (below(10) != 0)
        buf_addf(&b, ",\"vid\":\"visitor-%u\"%s", below(30),
                 below(20) == 0 ? ",\"vid_new\":true" : "");
    buf_addf(&b, ",\"country\":\"%c\",\"path\":\"/%u\",\"ua\":\"%s\"", 'A' + (int)below(5),
             below(12), agents[below(8) == 0 ? 1 : below(2) * 2]);
    if (below(20) == 0)
        buf_add_lit(&b, ",\"purpose\":\"prefetch\"");
    buf_addf(&b, ",\"name\":\"%s\",\"params\":{\"banner\":\"b%u\"}}\n",
             below(2) == 0 ? "impression" : "click", below(3));
    cr_assert(!b.full);
    return b.n;
}

static void store_hits(void)
{
    struct store_options options = {
        .data_dir = data_dir, .roll_interval_ms = 600000, .roll_size_bytes = 1 << 26, .workers = 1
    };
    struct err e = { 0 };
    struct store *store = store_open(&options, &e);
    int64_t ms = BEGIN_MS;

    cr_assert_not_null(store, "%s", e.text);
    for (unsigned i = 0; i < HITS; i++) {
        struct spool *spool = store_spool(store, 0);
        char line[1024], *room;
        size_t n;
        uint64_t seq;

        /* Ties, bursts, nights. */
        ms += below(3) == 0 ? 0 : below(20) == 0 ? 40 * MINUTE + below(MINUTE) : below(6 * MINUTE);
        n = make_line(line, i, ms);
        spool_begin_turn(spool, ms);
        room = spool_reserve(spool, n, &seq, &e);
        cr_assert_not_null(room, "%s", e.text);
        memcpy(room, line, n);
        spool_accept(spool, n);
        cr_assert_eq(spool_commit(spool, &e), 0, "%s", e.text);
    }
    cr_assert_lt(ms, BEGIN_MS + LENGTH);
    spool_close(store_spool(store, 0));
    cr_assert_eq(store_close(store, &e), 0, "%s", e.text);
}

static struct facet_lists lists;

static void make_data(const char *zone)
{
    struct report_spec spec = { 0 };
    struct err e = { 0 };

    setenv("TZ", zone, 1);
    tzset();
    state = 7;
    data_dir_make();
    cr_assert_eq(crypto_init(&e), 0);
    cr_assert_eq(facet_lists_load(&lists, &spec, true, true, &e), 0, "%s", e.text);
    store_hits();
}

static void remove_data(void)
{
    facet_lists_free(&lists);
    data_dir_remove();
}

/* ---- stretches and their tables ------------------------------------------------------------------------------ */

/* A stretch that may have been merged: what it knows, and the raw readings whose tables are its own. */
struct stretch {
    struct summary *base;
    struct summary *raw[8];
    size_t count;
};

static struct stretch stretch_of(struct summary *raw)
{
    struct stretch stretch = { summary_take_base(raw), { raw }, 1 };

    cr_assert_not_null(stretch.base);
    return stretch;
}

static void stretch_free(struct stretch *stretch)
{
    summary_free(stretch->base);
    for (size_t i = 0; i < stretch->count; i++)
        summary_free(stretch->raw[i]);
}

static void merge(struct stretch *a, struct stretch *later)
{
    struct err e = { 0 };

    cr_assert_eq(summary_merge(a->base, later->base, &e), 0, "%s", e.text);
    for (size_t i = 0; i < later->count; i++)
        a->raw[a->count++] = later->raw[i];
    summary_free(later->base);
    *later = (struct stretch){ 0 };
}

static struct stretch read_hits(int64_t since_ms, int64_t until_ms, enum report_step step)
{
    static const char *const names[] = {
        "overview", "timeline", "pages", "countries", "browsers",
        "events",   "banners",  "bots",  "referrers", "campaigns"
    };
    struct report_spec spec = { .data_dir = data_dir,
                                .since_ms = since_ms,
                                .until_ms = until_ms,
                                .idle_ms = 30 * MINUTE,
                                .lists = &lists,
                                .threads = 1 + below(2),
                                .step = step };
    struct period *period = calloc(1, sizeof *period);
    struct summary *summary;
    struct err e = { 0 };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        spec.rows[spec.rows_count++] = report_row(names[i]);
    cr_assert_eq(period_read(period, &spec, since_ms, until_ms, &step, true, &e), 0, "%s", e.text);
    summary = summary_of_period(period, &e);
    cr_assert_not_null(summary, "%s", e.text);
    period_free(period);
    free(period);
    return stretch_of(summary);
}

/* ---- everything that a summary says, as text ----------------------------------------------------------------- */

static void print_set(FILE *out, const char *name, const struct set *set)
{
    fprintf(out, "%s %zu:", name, set->count);
    for (size_t i = 0; i < set->count; i++)
        fprintf(out, " %llx", (unsigned long long)set->hash[i]);
    if (set->registers != NULL)
        fprintf(out, " registers %llx",
                (unsigned long long)hash64(
                    str_from((char *)set->registers, SET_REGISTERS(set->bits)), 0));
    fputc('\n', out);
}

static void print_steps(FILE *out, const struct summary_steps *steps, int index)
{
    struct zone zone = { 0 };

    for (size_t i = 0; i < steps->count; i++)
        fprintf(out, "step %lld: %llu %llu %llu %llu\n",
                (long long)zone_step(&zone, steps->row[i].at_ms, summary_step(index)),
                (unsigned long long)steps->row[i].hits, (unsigned long long)steps->row[i].views,
                (unsigned long long)steps->row[i].sessions,
                (unsigned long long)steps->row[i].visitors);
    print_set(out, "head", &steps->head);
    print_set(out, "tail", &steps->tail);
}

static struct join *open_join(const struct stretch *stretch, unsigned threads)
{
    struct join *join = join_new(&stretch->base->visitors, threads);

    cr_assert_not_null(join);
    for (size_t i = 0; i < stretch->count; i++)
        cr_assert_eq(join_add_summary(join, stretch->raw[i]), 0);
    return join;
}

/* As they would be written, to the bit, and their numbers. */
static void print_tables(FILE *out, const struct stretch *stretch)
{
    struct join *join = open_join(stretch, 1 + below(3));
    struct join_section section[SUMMARY_TABLES_MAX] = { 0 };
    uint32_t tables = join_tables(join);
    struct err e = { 0 };

    cr_assert_eq(join_count(join, tables, stretch->base, &e), 0, "%s", e.text);
    cr_assert_eq(join_pack(join, tables, section, &e), 0, "%s", e.text);
    for (int t = 0; t < SUMMARY_TABLES_MAX; t++) {
        const struct summary_answer *answer = &stretch->base->answers[t];

        fprintf(out, "table %d: %d %d %zu, %zu bytes %llx\n", t, answer->known, answer->estimated,
                section[t].keys, section[t].pack.n,
                (unsigned long long)hash64(
                    str_from((const char *)section[t].pack.p, section[t].pack.n), 0));
        for (size_t i = 0; i < answer->count; i++)
            fprintf(out, "%.*s: %llu %llu %llu\n", STR_ARG(answer->group[i].key),
                    (unsigned long long)answer->group[i].count[0],
                    (unsigned long long)answer->group[i].count[1],
                    (unsigned long long)answer->group[i].visitors);
        pack_free(&section[t].pack);
    }
    join_free(join);
}

static char *describe(const struct stretch *stretch)
{
    const struct summary *s = stretch->base;
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct fold_totals t = summary_totals(s);
    double median = 0;

    summary_median(s, &median);
    fprintf(out, "%lld-%lld %llu %llu %llu %llu %llu %llu %llu\n", (long long)s->since_ms,
            (long long)s->until_ms, (unsigned long long)t.records, (unsigned long long)t.bots,
            (unsigned long long)t.hits, (unsigned long long)t.views,
            (unsigned long long)t.prefetches, (unsigned long long)t.without_vid,
            (unsigned long long)s->totals.sessions);
    fprintf(out, "%lld %lld %llu %llu %llu %llu %llu median %.9g\n", (long long)t.first_ms,
            (long long)t.last_ms, (unsigned long long)t.visitors,
            (unsigned long long)t.new_visitors, (unsigned long long)t.sessions,
            (unsigned long long)t.bounces, (unsigned long long)t.session_views, median);
    print_set(out, "visitors", &s->visitors);
    print_set(out, "new", &s->fresh);
    for (size_t i = 0; i < s->open_count; i++)
        fprintf(out, "open %llx %lld %lld %llu\n", (unsigned long long)s->open[i].visitor,
                (long long)s->open[i].first_ms, (long long)s->open[i].last_ms,
                (unsigned long long)s->open[i].views);
    for (size_t i = 0; i < s->durations; i++)
        fprintf(out, "%u ", s->duration[i]);
    for (int i = 0; i < SUMMARY_STEPS; i++)
        print_steps(out, &s->steps[i], i);
    print_tables(out, stretch);
    fclose(out);
    return text;
}

static void expect_same(const struct stretch *a, const struct stretch *b, const char *what)
{
    char *p = describe(a), *q = describe(b);
    size_t i = 0;

    while (p[i] != '\0' && p[i] == q[i])
        i++;
    cr_expect_str_eq(p, q, "%s: differ at %zu: %.60s | %.60s", what, i, p + i, q + i);
    free(p);
    free(q);
}

/* ---- cuts -------------------------------------------------------------------------------------------------------- */

/* A moment that is the border of something in a third of the cases. */
static int64_t cut_between(int64_t low, int64_t high)
{
    int64_t ms =
        low + 1 + (int64_t)((double)below(1u << 24) / (1 << 24) * (double)(high - low - 1));

    if (below(3) == 0)
        ms -= ms % DATE_HOUR_MS;
    return ms <= low ? low + 1 : ms;
}

static void check_cuts(enum report_step step, unsigned rounds)
{
    struct stretch whole = read_hits(BEGIN_MS, BEGIN_MS + LENGTH, step);

    cr_expect_gt(summary_totals(whole.base).sessions, 100);
    for (unsigned i = 0; i < rounds; i++) {
        int64_t x = cut_between(BEGIN_MS, BEGIN_MS + LENGTH - DATE_DAY_MS);
        int64_t y = cut_between(x, below(2) == 0 ? x + 50 * MINUTE : BEGIN_MS + LENGTH);
        struct stretch a = read_hits(BEGIN_MS, x, step), b = read_hits(x, y, step);
        struct stretch c = read_hits(y, BEGIN_MS + LENGTH, step);
        char what[128];

        snprintf(what, sizeof what, "round %u: cut at %lld and %lld", i, (long long)x,
                 (long long)y);
        if (below(2) == 0) {
            merge(&a, &b);
            merge(&a, &c);
        } else {
            merge(&b, &c);
            merge(&a, &b);
        }
        expect_same(&a, &whole, what);
        stretch_free(&a);
    }
    stretch_free(&whole);
}

Test(summary, a_reading_is_the_merge_of_its_parts_wherever_it_is_cut)
{
    make_data("UTC0");
    check_cuts(REPORT_HOUR, 150);
    check_cuts(REPORT_DAY, 50);
    remove_data();
}

Test(summary, days_of_25_hours_and_weeks_and_months_are_cut_as_well)
{
    make_data(":Europe/Berlin");
    check_cuts(REPORT_HOUR, 50);
    check_cuts(REPORT_DAY, 50);
    check_cuts(REPORT_WEEK, 50);
    check_cuts(REPORT_MONTH, 50);
    remove_data();
}

/* For summary_gather: hour i of the three days. */
static struct summary *load_hour(void *arg, size_t i, struct err *e)
{
    struct stretch *hours = arg;
    struct summary *hour = hours[i].base;

    hours[i].base = NULL;
    for (int step = 0; step < SUMMARY_STEPS; step++) {
        if (summary_make_row(hour, summary_step(step)) != 0)
            err_set(e, ERR_MEMORY, "out of memory");
    }
    return hour;
}

Test(summary, hours_merge_to_days_without_rows_of_their_own)
{
    enum report_step steps[] = { REPORT_HOUR, REPORT_DAY, REPORT_WEEK, REPORT_MONTH };
    struct stretch hours[LENGTH / DATE_HOUR_MS], sum = { 0 };
    struct err e = { 0 };

    make_data(":Europe/Berlin");
    for (int threads = 1; threads <= 4; threads += 3) {
        for (size_t i = 0; i < LENGTH / DATE_HOUR_MS; i++) {
            int64_t ms = BEGIN_MS + (int64_t)i * DATE_HOUR_MS;

            hours[i] = read_hits(ms, ms + DATE_HOUR_MS, REPORT_MINUTE);
        }
        sum.base = summary_gather(load_hour, hours, LENGTH / DATE_HOUR_MS, (unsigned)threads, &e);
        cr_assert_not_null(sum.base, "%s", e.text);
        for (int i = 0; i < 4; i++) {
            struct stretch whole = read_hits(BEGIN_MS, BEGIN_MS + LENGTH, steps[i]);
            struct summary_steps others[SUMMARY_STEPS];

            memcpy(others, sum.base->steps, sizeof others);
            for (int k = 0; k < SUMMARY_STEPS; k++) {
                if (summary_step(k) != steps[i])
                    sum.base->steps[k] = (struct summary_steps){ 0 };
            }
            whole.count = 0; /* tables are not what this is about */
            expect_same(&sum, &whole, "hours");
            memcpy(sum.base->steps, others, sizeof others);
            summary_free(whole.raw[0]);
            stretch_free(&whole);
        }
        for (size_t i = 0; i < LENGTH / DATE_HOUR_MS; i++)
            stretch_free(&hours[i]);
        stretch_free(&sum);
    }
    remove_data();
}

static struct summary *load_nothing(void *arg, size_t i, struct err *e)
{
    atomic_int *calls = arg;

    atomic_fetch_add(calls, 1);
    if (i < 3)
        return summary_new((int64_t)i * DATE_HOUR_MS, (int64_t)(i + 1) * DATE_HOUR_MS, MINUTE);
    err_set(e, ERR_DAMAGED, "the one at %zu", i);
    return NULL;
}

Test(summary, of_many_that_cannot_be_loaded_the_first_is_told)
{
    struct err e = { 0 };
    atomic_int calls = 0;

    for (unsigned threads = 1; threads <= 3; threads++) {
        struct summary *sum = summary_gather(load_nothing, &calls, 3, threads, &e);

        cr_assert_not_null(sum, "%s", e.text);
        cr_expect_eq(sum->until_ms, 3 * DATE_HOUR_MS);
        summary_free(sum);
        cr_expect_null(summary_gather(load_nothing, &calls, 40, threads, &e));
        cr_expect_str_eq(e.text, "the one at 3");
        err_clear(&e);
        cr_expect_null(summary_gather(load_nothing, &calls, 0, threads, &e));
        cr_expect_eq(e.code, ERR_NONE);
    }
    cr_expect_geq(atomic_load(&calls), 3 * 4);
}

Test(summary, an_empty_stretch_changes_nothing)
{
    struct stretch whole, empty, sum;

    make_data("UTC0");
    whole = read_hits(BEGIN_MS, BEGIN_MS + LENGTH, REPORT_DAY);
    empty = read_hits(BEGIN_MS - DATE_DAY_MS, BEGIN_MS, REPORT_DAY);
    sum = read_hits(BEGIN_MS, BEGIN_MS + LENGTH, REPORT_DAY);
    merge(&empty, &sum);
    empty.base->since_ms = BEGIN_MS;
    /* What began just after the empty day cannot have begun earlier; alone it could. */
    cr_expect_leq(empty.base->open_count, whole.base->open_count);
    cr_expect_eq(summary_totals(empty.base).sessions, summary_totals(whole.base).sessions);
    cr_expect_eq(summary_totals(empty.base).visitors, summary_totals(whole.base).visitors);
    stretch_free(&whole);
    stretch_free(&empty);
    remove_data();
}

/* ---- many visitors -------------------------------------------------------------------------------------------------- */

#define MANY 450000

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Visitors first .. first + count - 1, hashed as vids are. */
static uint64_t *make_visitors(uint64_t first, size_t count)
{
    uint64_t *hash = malloc(count * sizeof *hash);

    for (size_t i = 0; i < count; i++) {
        uint64_t n = first + i;

        hash[i] = hash64(str_from((const char *)&n, sizeof n), 42);
    }
    qsort(hash, count, sizeof *hash, compare);
    return hash;
}

/* Keys of that many visitors each, from the first one on; 0: all. */
static const struct {
    const char *key;
    size_t visitors;
} large_keys[] = { { "all", 0 },     { "edge", 128 }, { "few", 120 },
                   { "many", 5000 }, { "over", 129 }, { "some", 600 } };
#define LARGE_KEYS (sizeof large_keys / sizeof large_keys[0])

static struct stretch make_stretch(int64_t since_ms, uint64_t first, size_t visitors)
{
    struct summary *s = summary_new(since_ms, since_ms + DATE_HOUR_MS, 30 * MINUTE);
    uint64_t *all = make_visitors(first, visitors);
    uint32_t *duration = malloc(visitors * sizeof *duration);
    struct summary_table *table = &s->tables[0];

    for (size_t i = 0; i < visitors; i++)
        duration[i] = below(1u << 20) + 1;
    s->totals.hits = s->totals.sessions = visitors;
    set_take(&s->visitors, all, visitors);
    table->key = calloc(LARGE_KEYS, sizeof *table->key);
    table->count = LARGE_KEYS;
    for (size_t i = 0; i < LARGE_KEYS; i++) {
        size_t n = large_keys[i].visitors == 0 ? visitors : large_keys[i].visitors;
        uint64_t *some = make_visitors(first, n);
        struct summary_key *key = &table->key[i];

        key->key = str_from(summary_keep(s, str_of(large_keys[i].key)), strlen(large_keys[i].key));
        key->count[0] = n;
        set_take(&key->visitors, some, n);
        free(some);
    }
    summary_set_durations(s, duration, visitors);
    cr_assert_eq(summary_make_row(s, REPORT_HOUR), 0);
    cr_assert_eq(summary_settle(s), 0);
    free(duration);
    free(all);
    return stretch_of(s);
}

static struct stretch make_large(int64_t since_ms, uint64_t first)
{
    return make_stretch(since_ms, first, MANY);
}

static const struct summary_group *group_of(const struct stretch *s, const char *key)
{
    const struct summary_answer *answer = &s->base->answers[0];

    for (size_t i = 0; i < answer->count; i++) {
        if (str_eq(answer->group[i].key, str_of(key)))
            return &answer->group[i];
    }
    cr_assert(false, "no %s", key);
    return NULL;
}

static void count_keys(struct stretch *s, unsigned threads)
{
    struct join *join = open_join(s, threads);
    struct err e = { 0 };

    cr_assert_eq(join_count(join, 1, s->base, &e), 0, "%s", e.text);
    join_free(join);
}

Test(summary, beyond_a_million_it_is_the_same_estimate_in_whatever_order)
{
    struct stretch part[2][4];

    for (int k = 0; k < 2; k++) {
        state = 3;
        for (int i = 0; i < 4; i++)
            part[k][i] = make_large(BEGIN_MS + i * DATE_HOUR_MS, (uint64_t)i * 300000);
    }
    merge(&part[0][0], &part[0][1]);
    cr_expect_null(part[0][0].base->visitors.registers, "750,000 are exact");
    cr_expect_eq(summary_totals(part[0][0].base).visitors, 750000);
    cr_expect(summary_error(part[0][0].base, report_row("overview"), REPORT_DAY) == 0);
    merge(&part[0][0], &part[0][2]);
    merge(&part[0][0], &part[0][3]);
    for (int i = 2; i >= 0; i--)
        merge(&part[1][i], &part[1][i + 1]);
    expect_same(&part[0][0], &part[1][0], "order");

    cr_expect_not_null(part[0][0].base->visitors.registers);
    cr_expect(summary_error(part[0][0].base, report_row("overview"), REPORT_DAY) == SET_ERROR);
    cr_expect_float_eq((double)summary_totals(part[0][0].base).visitors, 1350000.0,
                       1350000 * 3 * SET_ERROR);
    stretch_free(&part[0][0]);
    stretch_free(&part[1][0]);
}

Test(summary, keys_of_many_visitors_are_estimated_from_the_first_one_too_many)
{
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct stretch sum = make_large(BEGIN_MS, 0), part;

        count_keys(&sum, threads);
        cr_expect_eq(group_of(&sum, "all")->visitors, MANY);
        cr_expect(!sum.base->answers[0].estimated);
        for (int i = 1; i < 4; i++) {
            part = make_large(BEGIN_MS + i * DATE_HOUR_MS, (uint64_t)i * 300000);
            merge(&sum, &part);
        }
        count_keys(&sum, threads);
        cr_expect(sum.base->answers[0].estimated);
        cr_expect_eq(group_of(&sum, "few")->visitors, 4 * 120, "few are told apart");
        cr_expect_eq(group_of(&sum, "edge")->visitors, SUMMARY_KEY_EXACT, "and so are 512");
        cr_expect_float_eq((double)group_of(&sum, "over")->visitors, 516, 516 * 4 * SET_KEY_ERROR);
        cr_expect_float_eq((double)group_of(&sum, "some")->visitors, 2400,
                           2400 * 4 * SET_KEY_ERROR);
        cr_expect_float_eq((double)group_of(&sum, "many")->visitors, 20000,
                           20000 * 4 * SET_KEY_ERROR);
        cr_expect_float_eq((double)group_of(&sum, "all")->visitors, 1350000,
                           1350000 * 4 * SET_KEY_ERROR);
        cr_expect_eq(group_of(&sum, "over")->count[0], 4 * 129);
        stretch_free(&sum);
    }
}

/* ---- from files -------------------------------------------------------------------------------------------------- */

/* What is known of the stretch, in a file: its base, and its tables joined. */
static struct rollup_file *write_and_open(const struct stretch *stretch, int number)
{
    struct rollup_writer writer = { 0 };
    struct rollup_head head = { .since_ms = stretch->base->since_ms,
                                .until_ms = stretch->base->until_ms,
                                .idle_ms = stretch->base->idle_ms,
                                .zone = STR("UTC") };
    struct join *join = open_join(stretch, 2);
    struct rollup_file *file;
    char path[128];
    struct err e = { 0 };

    snprintf(path, sizeof path, "%s/%d.sum", data_dir, number);
    cr_assert_eq(rollup_add_part(&writer, stretch->base, join, &e), 0, "%s", e.text);
    cr_assert_eq(rollup_write(path, &writer, &head, true, &e), 0, "%s", e.text);
    file = rollup_open(path, &e);
    cr_assert_not_null(file, "%s", e.text);
    rollup_writer_free(&writer);
    join_free(join);
    return file;
}

static void expect_same_sections(struct join *a, struct join *b, const char *what)
{
    struct join_section x[SUMMARY_TABLES_MAX] = { 0 }, y[SUMMARY_TABLES_MAX] = { 0 };
    struct err e = { 0 };

    cr_assert_eq(join_pack(a, 1, x, &e), 0, "%s: %s", what, e.text);
    cr_assert_eq(join_pack(b, 1, y, &e), 0, "%s: %s", what, e.text);
    cr_assert_eq(x[0].keys, LARGE_KEYS);
    cr_assert_eq(y[0].keys, LARGE_KEYS);
    cr_assert_eq(x[0].pack.n, y[0].pack.n, "%s", what);
    cr_expect(memcmp(x[0].pack.p, y[0].pack.p, x[0].pack.n) == 0, "%s", what);
    pack_free(&x[0].pack);
    pack_free(&y[0].pack);
}

/*
 * Stretches of many visitors and of fewer, and one that is estimated already, in files; all of the ways in
 * which members.c looks places up. Their join is that of the hashes themselves.
 */
Test(summary, places_in_files_are_the_visitors_that_they_stand_for)
{
    static const struct {
        const char *what;
        size_t visitors[4]; /* each stretch begins 200,000 visitors behind the one before */
        size_t merged;      /* so many of the first ones are in one file */
        bool estimated;
    } rows[] = {
        { "exact", { 450000, 100000, 0, 0 }, 1, false },
        { "exact, days merged before", { 300000, 300000, 100000, 0 }, 2, false },
        { "estimated, of many", { 450000, 450000, 450000, 450000 }, 1, true },
        { "estimated, of few", { 230000, 237000, 238000, 450000 }, 1, true },
        { "estimated, registers with the first", { 900000, 900000, 450000, 100000 }, 2, true },
    };

    data_dir_make();
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct stretch sum = { 0 }, again = { 0 };
        struct rollup_file *file[4] = { NULL };
        struct join *raw, *from_files;
        size_t files = 0;

        for (size_t i = 0; i < 4 && rows[row].visitors[i] > 0; i++) {
            int64_t since_ms = BEGIN_MS + (int64_t)i * DATE_HOUR_MS;
            struct stretch next = make_stretch(since_ms, i * 200000, rows[row].visitors[i]);
            struct stretch copy = make_stretch(since_ms, i * 200000, rows[row].visitors[i]);

            if (i == 0)
                sum = next;
            else
                merge(&sum, &next);
            if (i == 0 || i >= rows[row].merged)
                again = copy;
            else
                merge(&again, &copy);
            if (i + 1 < rows[row].merged)
                continue;
            file[files] = write_and_open(&again, (int)(4 * row + files));
            files++;
            stretch_free(&again);
        }
        cr_assert_eq(sum.base->visitors.registers != NULL, rows[row].estimated);
        for (unsigned threads = 1; threads <= 2; threads++) {
            raw = open_join(&sum, 1);
            from_files = join_new(&sum.base->visitors, threads);
            for (size_t i = 0; i < files; i++)
                cr_assert_eq(join_add_part(from_files, file[i], 0), 0);
            expect_same_sections(raw, from_files, rows[row].what);
            join_free(raw);
            join_free(from_files);
        }
        for (size_t i = 0; i < files; i++)
            rollup_close(file[i]);
        stretch_free(&sum);
    }
    data_dir_remove();
}

Test(summary, the_median_of_many_durations_is_as_close_as_it_says)
{
    struct summary *s = summary_new(BEGIN_MS, BEGIN_MS + DATE_DAY_MS, 30 * MINUTE);
    uint32_t *duration = malloc(1000001 * sizeof *duration);
    double exact, median;

    for (unsigned n = 1000000; n <= 1000001; n++) {
        state = 5;
        for (unsigned i = 0; i < n; i++)
            duration[i] = 1 + below(1 + below(1u << 22));
        free(s->duration);
        s->duration = NULL;
        cr_assert_eq(summary_set_durations(s, duration, n), 0);
        exact = (s->duration[(n - 1) / 2] + s->duration[n / 2]) / 2.0 / 1000;
        s->totals.sessions = n;
        cr_assert_eq(summary_settle(s), 0);
        cr_expect_eq(s->classes != NULL, n > SUMMARY_EXACT);
        cr_assert(summary_median(s, &median));
        cr_expect_float_eq(median, exact,
                           exact * (s->classes == NULL ? 1e-12 : SUMMARY_DURATION_ERROR));
    }
    free(duration);
    summary_free(s);
}

Test(summary, classes_of_durations_have_no_gap)
{
    for (uint32_t ms = 1; ms < 1u << 31; ms += ms / 1000 + 1) {
        unsigned class = summary_class(ms);

        cr_assert_lt(class, SUMMARY_CLASSES);
        cr_assert_leq(fabs(summary_middle(class) - ms), ms * SUMMARY_DURATION_ERROR, "%u", ms);
    }
    cr_expect_lt(summary_class(UINT32_MAX), SUMMARY_CLASSES);
}

/* ---- sets ---------------------------------------------------------------------------------------------------------------- */

static void check_estimates(unsigned bits, double error)
{
    static const size_t sizes[] = { 1, 100, 3000, 20000, 40000, 70000, 200000, 1000000 };
    double squares = 0;
    unsigned n = 0;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t round = 0; round < (sizes[i] > 100000 ? 5 : 25); round++) {
            struct set set = { 0 };
            uint64_t *hash = make_visitors((round + 1) << 32, sizes[i]);
            double off;

            cr_assert_eq(set_take(&set, hash, sizes[i]), 0);
            cr_assert_eq(set_size(&set), sizes[i]);
            cr_assert_eq(set_limit(&set, 0, bits), 0);
            off = ((double)set_size(&set) - (double)sizes[i]) / (double)sizes[i];
            cr_expect_lt(fabs(off), 4.5 * error, "%zu: %g", sizes[i], off);
            squares += off * off;
            n++;
            set_free(&set);
            free(hash);
        }
    }
    cr_expect_lt(sqrt(squares / n), 1.15 * error, "standard error %g", sqrt(squares / n));
}

Test(set, estimates_are_as_close_as_they_say)
{
    check_estimates(SET_BITS, SET_ERROR);
    check_estimates(SET_KEY_BITS, SET_KEY_ERROR);
}

Test(set, united_estimates_are_those_of_the_united_set)
{
    uint64_t *a = make_visitors(0, 60000), *b = make_visitors(30000, 60000),
             *both = make_visitors(0, 90000);
    struct set x = { 0 }, y = { 0 }, whole = { 0 };

    set_take(&x, a, 60000);
    set_take(&y, b, 60000);
    set_take(&whole, both, 90000);
    cr_assert_eq(set_unite(&x, &y), 0);
    cr_expect_eq(x.count, 90000);
    cr_expect_arr_eq(x.hash, whole.hash, 90000 * sizeof *x.hash);
    set_free(&x);
    set_take(&x, a, 60000);
    set_limit(&x, 1000, SET_BITS);
    cr_assert_eq(set_unite(&x, &y), 0); /* registers and hashes */
    set_limit(&whole, 1000, SET_BITS);
    cr_expect_arr_eq(x.registers, whole.registers, SET_REGISTERS(SET_BITS));
    set_limit(&y, 1000, SET_BITS);
    cr_assert_eq(set_unite(&x, &y), 0); /* registers and registers: nothing new */
    cr_expect_arr_eq(x.registers, whole.registers, SET_REGISTERS(SET_BITS));
    set_free(&x);
    set_free(&y);
    set_free(&whole);
    free(a);
    free(b);
    free(both);
}
