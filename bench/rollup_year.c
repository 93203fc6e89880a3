/*
 * rollup_year.c - what bench/rollup.sh measures: a year of rollups at ten million hits a day.
 *
 *     rollup_year day DIR HITS          stores a day of hits, 2026-01-01 in UTC, through the store itself
 *     rollup_year year DAY DIR DAYS     a folder with that many days from 2025-11-10 on, made of DAY's rollup
 *
 * Nobody has 3.65 thousand million hits at hand, so the day is real (hits, sealed files, crumb rollup) and
 * the year is made of its rollup: each day's visitors get hashes of their own, but for three of ten, who
 * come every day; times are moved. For that a visitor's place in the real day says which hash is meant: each
 * day the hashes are made anew, and every key's visitors are taken by their places, several days at the same
 * time. Days are written, and months merged from them, by the code that crumb rollup uses. The sealed files
 * are placeholders of one byte, 12 an hour, so that looking at their names and sizes costs what it does with
 * real ones; no report that is measured reads them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/report/rollup.h"
#include "base/crypto.h"
#include "base/date.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/tasks.h"
#include "report/report.h"
#include "store/spool.h"
#include "store/store.h"

#define DAY_MS     INT64_C(1767225600000) /* 2026-01-01T00:00Z */
#define YEAR_MS    INT64_C(1762732800000) /* 2025-11-10T00:00Z */
#define LINE_BYTES 1024
#define CITIES     5000

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
    unsigned city = (unsigned)(of_visitor % CITIES); /* is in one region of one country */

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
             'A' + (int)(city % 7), 'A' + (int)(city / 7 % 7), city % 196, city,
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

/* ---- a day of the year ---------------------------------------------------------------------------------------- */

/* A key of the real day, its visitors as their places among the visitors of the day. */
struct key {
    struct str text; /* in the file */
    uint64_t count[TALLY_COUNTS];
    uint32_t *place;
    size_t places;
};

/* The real day. */
struct model {
    struct rollup_file *file;
    struct summary *base; /* no tables */
    struct {
        struct key *key;
        size_t keys;
        bool known;
    } table[SUMMARY_TABLES_MAX];
};

static void read_key(struct key *key, struct unpack *u)
{
    uint32_t last;

    key->text = unpack_text(u);
    for (int c = 0; c < TALLY_COUNTS; c++)
        key->count[c] = unpack_number(u);
    need(unpack_number(u) == SET_PLACES, "a day of so many visitors that they are estimated", NULL);
    key->places = unpack_count(u, 1);
    key->place = malloc((key->places + 1) * sizeof *key->place);
    need(key->place != NULL, "memory", NULL);
    if (key->places == 0)
        return;
    key->place[0] = last = (uint32_t)unpack_number(u);
    unpack_ascending(u, key->places - 1, &last, key->place + 1);
}

static void read_model(struct model *model, struct rollup_file *file)
{
    struct err e = { 0 };
    size_t count;

    summary_rows(&count);
    model->file = file;
    model->base = rollup_load(file, 0, true, &e);
    need(model->base != NULL && model->base->visitors.registers == NULL, "the day", &e);
    for (int t = 0; t < (int)count; t++) {
        struct unpack u;

        model->table[t].known = rollup_has_table(file, 0, t) && rollup_section(file, 0, t, &u);
        if (!model->table[t].known)
            continue;
        model->table[t].keys = unpack_count(&u, 6);
        model->table[t].key = calloc(model->table[t].keys + 1, sizeof *model->table[t].key);
        need(model->table[t].key != NULL, "memory", NULL);
        for (size_t i = 0; i < model->table[t].keys; i++)
            read_key(&model->table[t].key[i], &u);
        need(!u.bad && u.p == u.end, "a table", NULL);
    }
}

static uint64_t move_visitor(uint64_t visitor, int day)
{
    uint64_t numbers[2] = { visitor, (uint64_t)day };

    return visitor % 10 < 3 ? visitor
                            : hash64(str_from((const char *)numbers, sizeof numbers), 1) | 1;
}

/* Hashes are spread evenly: by their first bits they get almost where they belong. */
#define BUCKET_BITS 16

static void sort_hashes(uint64_t *hash, size_t count)
{
    uint64_t *sorted = malloc((count + 1) * sizeof *sorted);
    size_t *begin = calloc((1u << BUCKET_BITS) + 1, sizeof *begin);

    need(sorted != NULL && begin != NULL, "memory", NULL);
    for (size_t i = 0; i < count; i++)
        begin[(hash[i] >> (64 - BUCKET_BITS)) + 1]++;
    for (size_t b = 0; b < 1u << BUCKET_BITS; b++)
        begin[b + 1] += begin[b];
    for (size_t i = 0; i < count; i++)
        sorted[begin[hash[i] >> (64 - BUCKET_BITS)]++] = hash[i];
    for (size_t i = 1; i < count; i++) {
        uint64_t moved = sorted[i];
        size_t k = i;

        for (; k > 0 && sorted[k - 1] > moved; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = moved;
    }
    memcpy(hash, sorted, count * sizeof *hash);
    free(sorted);
    free(begin);
}

static void move_set(struct set *set, int day)
{
    for (size_t i = 0; i < set->count; i++)
        set->hash[i] = move_visitor(set->hash[i], day);
    sort_hashes(set->hash, set->count);
}

static int compare_sessions(const void *a, const void *b)
{
    const struct summary_session *x = a, *y = b;

    if (x->visitor != y->visitor)
        return x->visitor < y->visitor ? -1 : 1;
    return (x->first_ms > y->first_ms) - (x->first_ms < y->first_ms);
}

/* All but the tables. */
static void move_base(struct summary *s, int day)
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
}

/* moved: of each place of the real day, the hash that is meant this day. */
static void move_table(struct summary_table *table, const struct key *key, size_t keys,
                       const uint64_t *moved)
{
    table->known = true;
    table->key = calloc(keys + 1, sizeof *table->key);
    table->count = keys;
    need(table->key != NULL, "memory", NULL);
    for (size_t i = 0; i < keys; i++) {
        struct set *set = &table->key[i].visitors;

        table->key[i].key = key[i].text;
        memcpy(table->key[i].count, key[i].count, sizeof key[i].count);
        set->count = set->cap = key[i].places;
        set->hash = malloc((set->count + 1) * sizeof *set->hash);
        need(set->hash != NULL, "memory", NULL);
        for (size_t k = 0; k < set->count; k++)
            set->hash[k] = moved[key[i].place[k]];
    }
}

static struct summary *make_moved(const struct model *model, int day)
{
    struct err e = { 0 };
    struct summary *s = rollup_load(model->file, 0, true, &e);
    uint64_t *moved;

    need(s != NULL, "the day", &e);
    moved = malloc((s->visitors.count + 1) * sizeof *moved);
    need(moved != NULL, "memory", NULL);
    for (size_t i = 0; i < s->visitors.count; i++)
        moved[i] = move_visitor(s->visitors.hash[i], day);
    move_base(s, day);
    for (int t = 0; t < SUMMARY_TABLES_MAX; t++) {
        if (model->table[t].known)
            move_table(&s->tables[t], model->table[t].key, model->table[t].keys, moved);
    }
    free(moved);
    return s;
}

/* ---- the year ------------------------------------------------------------------------------------------------ */

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

struct year {
    const char *dir;
    struct model model;
    struct hours hours;
    uint64_t fingerprint;
    int days;
};

/* Where a rollup goes, and what it says of itself. */
static struct rollup_head place_rollup(const struct year *year, enum rollup_level level,
                                       int64_t since_ms, int64_t until_ms, rollup_path path)
{
    struct rollup_head head = { .fingerprint = year->fingerprint,
                                .since_ms = since_ms,
                                .until_ms = until_ms,
                                .idle_ms = year->model.base->idle_ms,
                                .zone = STR("UTC") };
    char name[ROLLUP_LABEL_BYTES];
    struct err e = { 0 };

    need(
        rollup_source(&year->hours, rollup_hour_at(&year->hours, since_ms), until_ms, &head.source),
        "source", NULL);
    rollup_file_name(name, level, since_ms);
    need(rollup_path_of(path, year->dir, rollup_level_name(level), name, &e) == 0, "path", &e);
    return head;
}

static void make_day_of_year(void *arg, size_t day)
{
    const struct year *year = arg;
    struct summary *s = make_moved(&year->model, (int)day);
    struct rollup_writer writer = { 0 };
    struct rollup_head head;
    rollup_path path;
    struct err e = { 0 };

    head = place_rollup(year, ROLLUP_DAY, s->since_ms, s->until_ms, path);
    rollup_add_site(&writer, STR("shop"), 0);
    need(rollup_add_summary(&writer, s, 1, &e) == 0 &&
             rollup_write(path, &writer, &head, true, &e) == 0,
         "a day", &e);
    rollup_writer_free(&writer);
    summary_free(s);
}

static int64_t day_ms(int day)
{
    return YEAR_MS + day * (int64_t)DATE_DAY_MS;
}

/* The month of which all days are there. */
static void make_month(const struct year *year, int first, int end)
{
    struct rollup_file *file[31];
    struct rollup_head head;
    rollup_path path;
    struct err e = { 0 };

    for (int day = first; day < end; day++) {
        place_rollup(year, ROLLUP_DAY, day_ms(day), day_ms(day + 1), path);
        file[day - first] = rollup_open(path, &e);
        need(file[day - first] != NULL, path, &e);
    }
    head = place_rollup(year, ROLLUP_MONTH, day_ms(first), day_ms(end), path);
    need(rollup_merge(path, &head, file, (size_t)(end - first), 0, &e) == 0, path, &e);
    for (int day = first; day < end; day++)
        rollup_close(file[day - first]);
}

/* Days of full months follow each other; what is before the first and behind the last are days alone. */
static void make_months(const struct year *year)
{
    int first = -1;

    for (int day = 0; day <= year->days; day++) {
        if (date_of_ms(day_ms(day)).day != 1)
            continue;
        if (first >= 0)
            make_month(year, first, day);
        first = day;
    }
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
    struct report_spec spec = { .idle_ms = REPORT_IDLE_MS };
    struct year year = { .dir = dir, .days = days };
    char command[2 * ROLLUP_PATH_BYTES];
    uint64_t seed;
    struct err e = { 0 };

    make_placeholders(dir, days);
    snprintf(command, sizeof command,
             "mkdir -p '%s/rollup' '%s/spool' && cp '%s/rollup/seed' '%s/rollup/seed'", dir, dir,
             day_dir, dir);
    need(system(command) == 0, command, NULL);
    need(rollup_read_seed(dir, &seed, &e) == 0 &&
             rollup_fingerprint(&year.fingerprint, seed, &spec, &e) == 0 &&
             hours_list(&year.hours, dir, INT64_MIN, INT64_MAX, 1, &e) == 0,
         dir, &e);
    read_model(&year.model, open_day(day_dir));
    tasks_run(period_threads(0), (size_t)days, make_day_of_year, &year);
    make_months(&year);
    printf("%d days, %zu hours\n", days, year.hours.count);
    hours_free(&year.hours);
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
