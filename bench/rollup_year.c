/*
 * rollup_year.c - what bench/rollup.sh measures: a year of rollups at ten million hits a day.
 *
 *     rollup_year day DIR HITS          stores a day of hits, 2026-01-01 in UTC, through the store itself
 *     rollup_year year DAY DIR DAYS     a folder with that many days from 2025-11-10 on, made of DAY's rollup
 *
 * Nobody has 3.65 thousand million hits at hand, so the day is real (hits, sealed files, crumb rollup) and
 * the year is made of its rollup: each day's visitors get hashes of their own, but for three of ten, who
 * come every day; times are moved; months are merged from days by the code that crumb rollup uses. The
 * sealed files are placeholders of one byte, 12 an hour, so that looking at their names and sizes costs what
 * it does with real ones; no report that is measured reads them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/report/rollup.h"
#include "base/crypto.h"
#include "base/date.h"
#include "base/fs.h"
#include "base/hash.h"
#include "report/report.h"
#include "store/spool.h"
#include "store/store.h"

#define DAY_MS     INT64_C(1767225600000) /* 2026-01-01T00:00Z */
#define YEAR_MS    INT64_C(1762732800000) /* 2025-11-10T00:00Z */
#define LINE_BYTES 1024

static void need(bool fine, const char *what, const struct err *e)
{
    if (fine)
        return;
    fprintf(stderr, "rollup_year: %s: %s\n", what, e == NULL ? "failed" : e->text);
    exit(1);
}

static uint64_t state = 1;

static uint64_t next(void)
{
    uint64_t x = state += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t below(uint64_t n)
{
    return next() % n;
}

/* Small ones far more often: half of all below n / 32. */
static uint64_t skewed(uint64_t n)
{
    double x = (double)(next() >> 11) / (double)(UINT64_C(1) << 53);

    return (uint64_t)(x * x * x * x * x * (double)n);
}

/* ---- the day ------------------------------------------------------------------------------------------------ */

#define OPEN_VISITS                                                                                \
    20000 /* at ten million hits a day a visit of eight hits takes a quarter of an hour */

struct visit {
    uint64_t visitor;
    unsigned left;
};

static void add_fields(struct buf *b, uint64_t visitor, uint64_t i, int64_t ms)
{
    static const char *const agents[] = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    };
    static const char *const hosts[] = { "www.google.com", "duckduckgo.com", "t.co",
                                         "news.example.org" };
    uint64_t of_visitor = hash64(str_from((const char *)&visitor, sizeof visitor), 9);

    buf_add_lit(b, "{\"v\":1,\"ts\":\"");
    date_add_rfc3339(b, ms);
    buf_addf(
        b,
        "\",\"id\":\"benchbenchbe-0-%llu\",\"kind\":\"%s\",\"site\":\"shop\",\"vid\":\"%022llu\"%s",
        (unsigned long long)i + 1, below(10) < 8 ? "view" : "event", (unsigned long long)visitor,
        of_visitor % 3 == 0 ? "" : ",\"vid_new\":true");
    buf_addf(b,
             ",\"country\":\"%c%c\",\"region\":\"%u\",\"city\":\"City "
             "%u\",\"asn\":%u,\"as_org\":\"Network\"",
             'A' + (int)(of_visitor % 7), 'A' + (int)(of_visitor / 7 % 7),
             (unsigned)(of_visitor % 200), (unsigned)(of_visitor % 5000),
             (unsigned)(of_visitor % 800));
    buf_addf(b, ",\"host\":\"shop.example\",\"path\":\"/%s/%u\"", below(2) == 0 ? "item" : "news",
             (unsigned)skewed(20000));
    if (below(3) == 0) {
        const char *host = hosts[below(4)];

        buf_addf(b, ",\"ref\":\"https://%s/\",\"ref_host\":\"%s\"", host, host);
    }
    buf_addf(b, ",\"ua\":\"%s\",\"lang\":\"de\",\"sw\":%u,\"sh\":900",
             agents[of_visitor / 50 % 40 == 0 ? 3 : of_visitor % 3],
             320 + (unsigned)(of_visitor % 90) * 16);
    if (below(8) == 0)
        buf_addf(b,
                 ",\"utm_source\":\"letter\",\"utm_medium\":\"email\",\"utm_campaign\":\"week%u\"",
                 (unsigned)below(30));
    buf_add_lit(b, ",\"name\":\"click\",\"params\":{\"banner\":\"spring\"}}\n");
}

static void say(void *arg, bool is_error, const char *sentence)
{
    (void)arg;
    if (is_error)
        fprintf(stderr, "rollup_year: %s\n", sentence);
}

static void make_day(const char *dir, uint64_t hits)
{
    static struct visit visits[OPEN_VISITS];
    struct store_options options = { .data_dir = dir,
                                     .roll_interval_ms = 600000,
                                     .roll_size_bytes = 256u << 20,
                                     .workers = 2,
                                     .say = say };
    struct err e = { 0 };
    struct store *store = store_open(&options, &e);
    uint64_t visitors = 0;

    need(store != NULL, dir, &e);
    for (uint64_t i = 0; i < hits; i++) {
        struct visit *visit =
            &visits[below(OPEN_VISITS < hits / 500 ? OPEN_VISITS : hits / 500 + 1)];
        struct spool *spool = store_spool(store, i % 2);
        int64_t ms = DAY_MS + (int64_t)((double)i / (double)hits * DATE_DAY_MS);
        char line[LINE_BYTES], *room;
        struct buf b = buf_over(line, sizeof line);
        uint64_t seq;

        if (visit->left == 0)
            *visit = (struct visit){ below(10) < 3 && visitors > 0 ? below(visitors) : visitors++,
                                     1 + (unsigned)skewed(40) };
        visit->left--;
        add_fields(&b, visit->visitor, i, ms);
        spool_begin_turn(spool, ms);
        room = spool_reserve(spool, b.n, &seq, &e);
        need(room != NULL && !b.full, "a line", &e);
        memcpy(room, line, b.n);
        spool_accept(spool, b.n);
        need(spool_commit(spool, &e) == 0, "commit", &e);
    }
    for (unsigned i = 0; i < 2; i++)
        spool_close(store_spool(store, i));
    need(store_close(store, &e) == 0, "close", &e);
    printf("%llu hits of %llu visitors\n", (unsigned long long)hits, (unsigned long long)visitors);
}

/* ---- the year ------------------------------------------------------------------------------------------------ */

static uint64_t move_visitor(uint64_t visitor, int day)
{
    uint64_t numbers[2] = { visitor, (uint64_t)day };

    return visitor % 10 < 3 ? visitor
                            : hash64(str_from((const char *)numbers, sizeof numbers), 1) | 1;
}

/* What was estimated is estimated anew from registers that no longer fit the day: shift each to another place. */
static void move_set(struct set *set, int day)
{
    for (size_t i = 0; i < set->count; i++)
        set->hash[i] = move_visitor(set->hash[i], day);
    set_sort(set);
    if (set->registers != NULL) {
        unsigned char *moved = malloc(SET_REGISTERS(set->bits));

        need(moved != NULL, "memory", NULL);
        for (unsigned i = 0; i < SET_REGISTERS(set->bits); i++)
            moved[i] = set->registers[i % 10 < 3 ? i
                                                 : (i * 7919u + (unsigned)day * 104729u) %
                                                       SET_REGISTERS(set->bits)];
        free(set->registers);
        set->registers = moved;
    }
}

static int compare_sessions(const void *a, const void *b)
{
    const struct summary_session *x = a, *y = b;

    if (x->visitor != y->visitor)
        return x->visitor < y->visitor ? -1 : 1;
    return (x->first_ms > y->first_ms) - (x->first_ms < y->first_ms);
}

static void move_summary(struct summary *s, int day)
{
    int64_t by_ms = YEAR_MS + day * (int64_t)DATE_DAY_MS - s->since_ms;

    s->since_ms += by_ms;
    s->until_ms += by_ms;
    s->totals.first_ms += by_ms;
    s->totals.last_ms += by_ms;
    move_set(&s->visitors, day);
    move_set(&s->fresh, day);
    for (size_t i = 0; i < s->open_count; i++) {
        s->open[i].visitor = move_visitor(s->open[i].visitor, day);
        s->open[i].first_ms += by_ms;
        s->open[i].last_ms += by_ms;
    }
    qsort(s->open, s->open_count, sizeof *s->open, compare_sessions);
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        for (size_t r = 0; r < s->steps[i].count; r++)
            s->steps[i].row[r].at_ms += by_ms;
        move_set(&s->steps[i].head, day);
        move_set(&s->steps[i].tail, day);
    }
    for (size_t t = 0; t < SUMMARY_TABLES_MAX; t++) {
        for (size_t i = 0; i < s->tables[t].count; i++)
            move_set(&s->tables[t].key[i].visitors, day);
    }
}

static void make_placeholders(const char *dir, int days)
{
    char path[ROLLUP_PATH_BYTES];
    struct err e = { 0 };

    for (int hour = 0; hour < days * 24; hour++) {
        struct date d = date_of_ms(YEAR_MS + hour * (int64_t)DATE_HOUR_MS);
        int n = snprintf(path, sizeof path, "%s/hits/dt=%04d-%02d-%02d/hour=%02d", dir, d.year,
                         d.month, d.day, d.hour);

        need(fs_make_dirs(path, &e) == 0, path, &e);
        for (int file = 0; file < 12; file++) {
            FILE *out;

            snprintf(path + n, sizeof path - (size_t)n,
                     "/%04d%02d%02dT%02d%02d00Z-benchbenchbe-%d-%d.ndjson.gz", d.year, d.month,
                     d.day, d.hour, file / 2 * 10, file % 2, hour * 6 + file / 2 + 1);
            out = fopen(path, "w");
            need(out != NULL && fputc('x', out) == 'x' && fclose(out) == 0, path, NULL);
        }
    }
}

struct target {
    const char *dir;
    struct hours hours;
    uint64_t fingerprint;
};

static void put(const struct target *target, enum rollup_level level, struct summary *s)
{
    struct rollup_site site = { STR("shop"), NULL };
    struct rollup_contents contents = { .all = s, .site = &site, .sites = 1, .complete = true };
    char name[ROLLUP_LABEL_BYTES];
    rollup_path path;
    struct err e = { 0 };

    contents.head = (struct rollup_head){ .fingerprint = target->fingerprint,
                                          .since_ms = s->since_ms,
                                          .until_ms = s->until_ms,
                                          .idle_ms = s->idle_ms,
                                          .zone = STR("UTC") };
    need(rollup_source(&target->hours, rollup_hour_at(&target->hours, s->since_ms), s->until_ms,
                       &contents.head.source),
         "source", NULL);
    rollup_file_name(name, level, s->since_ms);
    need(rollup_path_of(path, target->dir, rollup_level_name(level), name, &e) == 0 &&
             rollup_write(path, &contents, &e) == 0,
         "write", &e);
}

/* One file in the folder. */
static struct rollup_file *open_day(const char *dir)
{
    rollup_path path, folder;
    struct fs_list list;
    struct err e = { 0 };
    struct rollup_file *file;

    rollup_path_of(folder, dir, "day", NULL, &e);
    need(fs_list(folder, &list, &e) == 0 && list.count == 1, folder, &e);
    rollup_path_of(path, dir, "day", list.names[0], &e);
    file = rollup_open(path, &e);
    need(file != NULL, path, &e);
    fs_list_free(&list);
    return file;
}

static void make_year(const char *day_dir, const char *dir, int days)
{
    struct rollup_file *day = open_day(day_dir);
    struct report_spec spec = { .idle_ms = REPORT_IDLE_MS };
    struct target target = { .dir = dir };
    struct merger month = { 0 };
    char command[2 * ROLLUP_PATH_BYTES];
    uint64_t seed;
    struct err e = { 0 };

    make_placeholders(dir, days);
    snprintf(command, sizeof command,
             "mkdir -p '%s/rollup' '%s/spool' && cp '%s/rollup/seed' '%s/rollup/seed'", dir, dir,
             day_dir, dir);
    need(system(command) == 0, command, NULL);
    need(rollup_read_seed(dir, &seed, &e) == 0 &&
             rollup_fingerprint(&target.fingerprint, seed, &spec, &e) == 0 &&
             hours_list(&target.hours, dir, INT64_MIN, INT64_MAX, &e) == 0,
         dir, &e);
    for (int i = 0; i < days; i++) {
        struct summary *s = rollup_load(day, 0, UINT32_MAX, true, &e);
        struct date d;

        need(s != NULL, "day", &e);
        move_summary(s, i);
        put(&target, ROLLUP_DAY, s);
        d = date_of_ms(s->until_ms);
        need(merger_add(&month, s, &e) == 0, "merge", &e);
        if (d.day == 1 || i == days - 1) {
            s = merger_end(&month, &e);
            need(s != NULL, "merge", &e);
            if (d.day == 1 && date_of_ms(s->since_ms).day == 1)
                put(&target, ROLLUP_MONTH, s);
            summary_free(s);
            month = (struct merger){ 0 };
        }
    }
    printf("%d days, %zu hours\n", days, target.hours.count);
    hours_free(&target.hours);
    rollup_close(day);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };

    setenv("TZ", "UTC0", 1);
    if (argc > 1)
        need(crypto_init(&e) == 0, "crypto", &e);
    if (argc == 4 && strcmp(argv[1], "day") == 0)
        make_day(argv[2], strtoull(argv[3], NULL, 10));
    else if (argc == 5 && strcmp(argv[1], "year") == 0)
        make_year(argv[2], argv[3], atoi(argv[4]));
    else
        return fprintf(stderr, "usage: rollup_year day DIR HITS | year DAY DIR DAYS\n"), 2;
    return 0;
}
