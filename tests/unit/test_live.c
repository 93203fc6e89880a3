/*
 * test_live.c - the counters of the live page: what is exact, what is not and says so, and what is
 * forgotten when.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/server/live_tap.h"
#include "../../src/server/live_top.h"
#include "../../src/server/live_visitors.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/utf8.h"
#include "server/live.h"
#include "server/live_page.h"

#define NOON_MS   1795608000000 /* 2026-11-25T12:00:00Z */
#define SECOND_MS 1000
#define MINUTE_MS 60000

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* ---- keys ------------------------------------------------------------------------------------- */

static void add_numbered(struct live_top *top, uint64_t number, unsigned slot)
{
    char key[32];
    int n = snprintf(key, sizeof key, "/page/%llu", (unsigned long long)number);

    live_top_add(top, str_from(key, (size_t)n), slot);
}

Test(live_top, exact_below_its_size_with_equal_ones_in_order_of_their_keys)
{
    struct live_top *top = live_top_new(1);
    struct live_row rows[LIVE_TOP_KEYS];
    uint64_t sum = 0;
    size_t n;

    for (uint64_t round = 0; round < LIVE_TOP_KEYS; round++) {
        for (uint64_t number = 0; number <= round; number++)
            add_numbered(top, number, (unsigned)(round % LIVE_MINUTES));
    }
    n = live_top_best(top, rows, LIVE_TOP_KEYS);
    cr_assert_eq(n, LIVE_TOP_KEYS);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(rows[i].count, LIVE_TOP_KEYS - i);
        sum += rows[i].count;
    }
    cr_expect_eq(sum, (uint64_t)LIVE_TOP_KEYS * (LIVE_TOP_KEYS + 1) / 2);
    cr_expect(live_top_is_exact(top));
    live_top_free(top);
}

Test(live_top, equal_counts_stand_in_the_order_of_their_keys)
{
    struct live_top *top = live_top_new(1);
    struct live_row rows[3];

    live_top_add(top, STR("b"), 0);
    live_top_add(top, STR("ab"), 0);
    live_top_add(top, STR("c"), 0);
    live_top_add(top, STR("a"), 0);
    cr_assert_eq(live_top_best(top, rows, 3), 3);
    cr_expect(str_eq(rows[0].key, STR("a")));
    cr_expect(str_eq(rows[1].key, STR("ab")));
    cr_expect(str_eq(rows[2].key, STR("b")));
    live_top_free(top);
}

Test(live_top, keys_are_cut_and_forgotten_with_their_last_minute)
{
    struct live_top *top = live_top_new(1);
    char longer[LIVE_KEY_BYTES_MAX + 10];
    struct live_row row;

    memset(longer, 'k', sizeof longer);
    live_top_add(top, str_from(longer, sizeof longer), 3);
    live_top_add(top, str_from(longer, sizeof longer - 5), 4);
    cr_assert_eq(live_top_best(top, &row, 1), 1);
    cr_expect_eq(row.key.n, LIVE_KEY_BYTES_MAX);
    cr_expect_eq(row.count, 2);
    live_top_forget(top, 3);
    cr_assert_eq(live_top_best(top, &row, 1), 1);
    cr_expect_eq(row.count, 1);
    live_top_forget(top, 4);
    cr_expect_eq(live_top_best(top, &row, 1), 0);
    live_top_free(top);
}

/* A million keys of a flood, once each, between hits of ten pages: 1 in 20 is one of these. */
Test(live_top, a_flood_of_keys_does_not_hide_what_comes_often_and_no_count_is_too_high)
{
    struct live_top *top = live_top_new(7);
    uint64_t truth[10] = { 0 }, flood = 1000;
    struct live_row rows[10];

    for (unsigned i = 0; i < 1000000; i++) {
        uint64_t page = next_random() % 10, number = page;

        if (next_random() % 20 == 0)
            truth[page]++;
        else
            number = flood++;
        add_numbered(top, number, i / 40000);
    }
    cr_expect_not(live_top_is_exact(top));
    cr_assert_eq(live_top_best(top, rows, 10), 10);
    for (size_t i = 0; i < 10; i++) {
        char key[32];
        unsigned page;

        snprintf(key, sizeof key, "%.*s", STR_ARG(rows[i].key));
        cr_assert_eq(sscanf(key, "/page/%u", &page), 1);
        cr_assert(page < 10, "%s is of the flood", key);
        cr_expect(rows[i].count <= truth[page], "%s", key);
        cr_expect(rows[i].count + 20 >= truth[page], "%s: %llu of %llu", key,
                  (unsigned long long)rows[i].count, (unsigned long long)truth[page]);
    }
    for (unsigned slot = 0; slot < LIVE_MINUTES; slot++)
        live_top_forget(top, slot);
    cr_expect(live_top_is_exact(top), "the flood is over");
    cr_expect_eq(live_top_best(top, rows, 10), 0);
    live_top_free(top);
}

/* Against a plain count, with minutes that come and go. */
Test(live_top, agrees_with_a_plain_count_over_many_minutes)
{
    enum { KEYS = 900 };
    static uint32_t plain[LIVE_MINUTES][KEYS];
    struct live_top *top = live_top_new(3);
    struct live_row rows[KEYS];

    for (unsigned minute = 0; minute < 200; minute++) {
        unsigned slot = minute % LIVE_MINUTES;
        uint64_t sum = 0;
        size_t n;

        live_top_forget(top, slot);
        memset(plain[slot], 0, sizeof plain[slot]);
        for (unsigned i = 0; i < 500; i++) {
            unsigned number = (unsigned)(next_random() % (1 + next_random() % KEYS));

            plain[slot][number]++;
            add_numbered(top, number, slot);
        }
        n = live_top_best(top, rows, KEYS);
        for (size_t i = 0; i < n; i++) {
            unsigned number = (unsigned)atoi(rows[i].key.p + strlen("/page/"));
            uint32_t want = 0;

            for (unsigned s = 0; s < LIVE_MINUTES; s++)
                want += plain[s][number];
            cr_assert_eq(rows[i].count, want);
            sum += want;
        }
        cr_assert_eq(sum, 500 * (minute < LIVE_MINUTES ? minute + 1 : LIVE_MINUTES));
    }
    cr_expect(live_top_is_exact(top));
    live_top_free(top);
}

/* ---- visitors --------------------------------------------------------------------------------- */

Test(live_visitors, each_counts_once_in_its_last_minutes)
{
    struct live_visitors *v = live_visitors_new();

    cr_expect(live_visitors_add(v, 11, 28));
    cr_expect_not(live_visitors_add(v, 11, 28), "the same minute");
    cr_expect(live_visitors_add(v, 12, 28));
    cr_expect(live_visitors_add(v, 11, 0), "two minutes later");
    cr_expect_eq(live_visitors_count(v, 0, 1), 1);
    cr_expect_eq(live_visitors_count(v, 0, 3), 2);
    cr_expect_eq(live_visitors_count(v, 0, LIVE_MINUTES), 2);
    live_visitors_forget(v, 28);
    cr_expect_eq(live_visitors_count(v, 27, LIVE_MINUTES), 1, "12 was not seen since");
    live_visitors_free(v);
}

Test(live_visitors, exact_to_the_last_place_and_at_least_beyond)
{
    struct live_visitors *v = live_visitors_new();

    for (uint64_t i = 0; i < LIVE_VISITORS_MAX; i++)
        cr_assert(live_visitors_add(v, i * 0x9E3779B97F4A7C15u, (unsigned)(i % 2)));
    cr_expect_eq(live_visitors_count(v, 1, 2), LIVE_VISITORS_MAX);
    cr_expect(live_visitors_is_exact(v));
    cr_expect_not(live_visitors_add(v, 1, 1));
    cr_expect_not(live_visitors_is_exact(v));
    cr_expect_eq(live_visitors_count(v, 1, 2), LIVE_VISITORS_MAX);
    live_visitors_forget(v, 0);
    cr_expect(live_visitors_add(v, 2, 2), "there is room again");
    live_visitors_forget(v, 1);
    cr_expect(live_visitors_is_exact(v));
    cr_expect_eq(live_visitors_count(v, 2, LIVE_MINUTES), 1);
    live_visitors_free(v);
}

/* ---- hits through the tap --------------------------------------------------------------------- */

static struct live *live;
static struct metrics metrics;
static struct metrics *const all_metrics[] = { &metrics };

static void setup(void)
{
    struct err e;

    cr_assert(crypto_init(&e) == 0);
    live = live_new(2, &e);
    cr_assert_not_null(live);
    live_watch(live, all_metrics, 1);
    live_gather(live, NOON_MS);
}

static void teardown(void)
{
    live_free(live);
}

TestSuite(live, .init = setup, .fini = teardown);

static struct event view_of(const char *url, const char *vid, int64_t ts_ms)
{
    struct event event = { .ts_ms = ts_ms, .kind = EVENT_VIEW, .vid = str_of(vid) };

    event.facts.url = str_of(url);
    return event;
}

static void hit(const struct event *event)
{
    live_tap_hit(live_tap(live, 0), event);
}

static struct live_figures figures(void)
{
    struct live_figures f;

    live_figures(live, &f);
    return f;
}

static void expect_top(enum live_table table, const char *want)
{
    char text[4096] = "";
    struct live_row rows[10];
    size_t count = live_top(live, table, rows, 10), n = 0;

    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s %llu", i > 0 ? ", " : "",
                              STR_ARG(rows[i].key), (unsigned long long)rows[i].count);
    cr_expect_str_eq(text, want);
}

Test(live, a_view_is_in_every_figure_it_belongs_to)
{
    struct event event =
        view_of("https://me:pw@Shop.example:8443/a/b?token=1#x", "visitor-1", NOON_MS);
    struct live_hit last;
    struct live_figures f;

    event.facts.ref = STR("https://Search.example/?q=secret");
    event.facts.site = STR("shop");
    event.facts.title = STR("A title");
    event.geo = STR("\"country\":\"DE\",\"city\":\"Berlin\"");
    hit(&event);
    live_gather(live, NOON_MS + 200);
    f = figures();
    cr_expect_eq(f.hits, 1);
    cr_expect_eq(f.views, 1);
    cr_expect_eq(f.visitors, 1);
    cr_expect_eq(f.visitors_now, 1);
    cr_expect(f.visitors_is_exact);
    cr_expect_float_eq(f.views_a_second, 0.1, 1e-9);
    cr_expect_eq(f.minutes[LIVE_MINUTES - 1].views, 1);
    cr_expect_eq(f.minutes[LIVE_MINUTES - 1].start_ms, NOON_MS);
    expect_top(LIVE_PAGES, "shop.example/a/b 1");
    expect_top(LIVE_REFERRERS, "search.example 1");
    expect_top(LIVE_COUNTRIES, "DE 1");
    expect_top(LIVE_SITES, "shop 1");
    expect_top(LIVE_EVENTS, "");
    cr_assert(live_latest(live, 0, &last));
    cr_expect(str_eq(last.page, STR("shop.example/a/b")));
    cr_expect(str_eq(last.title, STR("A title")));
    cr_expect_not(live_latest(live, 1, &last));
}

Test(live, own_pages_are_no_referrers_and_events_and_prefetches_no_views)
{
    struct event event = view_of("https://shop.example/a", "v", NOON_MS);
    struct live_figures f;

    event.facts.ref = STR("http://SHOP.example/b");
    hit(&event);
    event.kind = EVENT_EVENT;
    event.facts.name = STR("buy");
    event.facts.ref = STR("https://other.example/");
    hit(&event);
    event.kind = EVENT_VIEW;
    event.facts.name = STR_ABSENT;
    event.prefetch = true;
    event.vid = STR("somebody else");
    hit(&event);
    live_gather(live, NOON_MS);
    f = figures();
    cr_expect_eq(f.hits, 3);
    cr_expect_eq(f.views, 1);
    cr_expect_eq(f.events, 1);
    cr_expect_eq(f.visitors, 1);
    expect_top(LIVE_REFERRERS, "");
    expect_top(LIVE_EVENTS, "buy 1");
}

Test(live, after_half_an_hour_everything_is_forgotten)
{
    struct event event = view_of("https://a.example/", "v", NOON_MS);
    struct live_figures f;

    hit(&event);
    metrics.hits_opted_out = 3;
    live_gather(live, NOON_MS);
    live_gather(live, NOON_MS + (LIVE_MINUTES - 1) * MINUTE_MS);
    f = figures();
    cr_expect_eq(f.views, 1);
    cr_expect_eq(f.opted_out, 3);
    cr_expect_eq(f.visitors, 1);
    cr_expect_eq(f.visitors_now, 0);
    cr_expect_eq(f.minutes[0].views, 1);
    live_gather(live, NOON_MS + LIVE_MINUTES * MINUTE_MS);
    f = figures();
    cr_expect_eq(f.views + f.hits + f.visitors + f.opted_out, 0);
    expect_top(LIVE_PAGES, "");
}

Test(live, hits_by_minute_add_up_whatever_the_steps_of_time)
{
    int64_t now_ms = NOON_MS;
    unsigned in_window[LIVE_MINUTES] = { 0 };
    int64_t minute = now_ms / MINUTE_MS;

    for (unsigned i = 0; i < 3000; i++) {
        struct event event;
        struct live_figures f;
        uint64_t want = 0;

        now_ms += (int64_t)(next_random() % (i % 100 == 0 ? 20 * MINUTE_MS : 4000));
        for (; minute < now_ms / MINUTE_MS; minute++)
            in_window[(minute + 1) % LIVE_MINUTES] = 0;
        event = view_of("https://a.example/", "v", now_ms);
        in_window[minute % LIVE_MINUTES]++;
        hit(&event);
        live_gather(live, now_ms);
        f = figures();
        for (unsigned m = 0; m < LIVE_MINUTES; m++)
            want += in_window[m];
        cr_assert_eq(f.views, want, "hit %u", i);
        cr_assert_eq(f.minutes[LIVE_MINUTES - 1].start_ms, minute * MINUTE_MS);
    }
}

Test(live, a_rate_is_over_ten_seconds_and_goes_back_to_nothing)
{
    struct event event = view_of("https://a.example/", "v", NOON_MS);
    uint64_t version;

    for (unsigned i = 0; i < 50; i++)
        hit(&event);
    live_gather(live, NOON_MS);
    cr_expect_float_eq(figures().hits_a_second, 5.0, 1e-9);
    live_gather(live, NOON_MS + 9 * SECOND_MS);
    cr_expect_float_eq(figures().hits_a_second, 5.0, 1e-9);
    version = live_version(live);
    for (int64_t s = 10; s < 20; s++)
        live_gather(live, NOON_MS + s * SECOND_MS);
    cr_expect_float_eq(figures().hits_a_second, 0, 1e-9);
    cr_expect(live_version(live) != version, "who looks is told");
    version = live_version(live);
    live_gather(live, NOON_MS + 21 * SECOND_MS);
    cr_expect_eq(live_version(live), version, "nothing is another, nothing is sent");
}

Test(live, a_clock_that_is_set_back_begins_anew_and_one_that_wavers_does_not)
{
    struct event event = view_of("https://a.example/", "v", NOON_MS);

    hit(&event);
    live_gather(live, NOON_MS);
    live_gather(live, NOON_MS - 500);
    cr_expect_eq(figures().views, 1);
    event.ts_ms = NOON_MS - 500; /* a worker's turn that began before midday */
    hit(&event);
    live_gather(live, NOON_MS + 100);
    cr_expect_eq(figures().minutes[LIVE_MINUTES - 1].views, 2);
    live_gather(live, NOON_MS - 3600 * SECOND_MS);
    cr_expect_eq(figures().views, 0);
    cr_expect_eq(figures().now_ms, NOON_MS - 3600 * SECOND_MS);
    event.ts_ms = NOON_MS - 3600 * SECOND_MS;
    hit(&event);
    live_gather(live, NOON_MS - 3600 * SECOND_MS + 10);
    cr_expect_eq(figures().views, 1);
    cr_expect_float_eq(figures().views_a_second, 0.1, 1e-9);
}

Test(live, hits_beyond_the_ring_are_counted_and_said)
{
    struct event event = view_of("https://a.example/", "v", NOON_MS);
    struct live_figures f;

    for (unsigned i = 0; i < LIVE_RING_HITS + 77; i++)
        hit(&event);
    live_gather(live, NOON_MS);
    f = figures();
    cr_expect_eq(f.hits, LIVE_RING_HITS + 77);
    cr_expect_eq(f.views, LIVE_RING_HITS);
    cr_expect_eq(f.unseen, 77);
    cr_expect_not(f.visitors_is_exact);
    hit(&event);
    live_gather(live, NOON_MS);
    cr_expect_eq(figures().views, LIVE_RING_HITS + 1, "there is room again");
}

Test(live, both_workers_count_together)
{
    struct event event = view_of("https://a.example/", "v", NOON_MS);

    live_tap_hit(live_tap(live, 0), &event);
    live_tap_hit(live_tap(live, 1), &event);
    live_gather(live, NOON_MS);
    cr_expect_eq(figures().views, 2);
    cr_expect_eq(figures().visitors, 1, "one visitor, whichever worker");
}

Test(live, refused_hits_stand_by_reason)
{
    struct live_refused rows[LIVE_REFUSED_MAX];
    size_t count;

    metrics.hits_refused_origin = 4;
    metrics.hits_refused_json = 1;
    live_gather(live, NOON_MS);
    metrics.hits_refused_origin = 5;
    live_gather(live, NOON_MS + LIVE_MINUTES * MINUTE_MS);
    count = live_refused(live, rows);
    cr_expect_eq(count, 7, "each reason of metrics.h");
    for (size_t i = 0; i < count; i++) {
        bool origin = str_eq(rows[i].reason, STR("origin"));

        cr_expect_eq(rows[i].recent, origin ? 1 : 0);
        cr_expect_eq(rows[i].total, origin ? 5 : str_eq(rows[i].reason, STR("json")) ? 1 : 0);
    }
    cr_expect_eq(figures().refused, 1);
}

/* As e2e does with the real list; this one is of two lines. */
Test(live, bots_are_in_no_figure_but_their_own)
{
    char path[] = "/tmp/crumb-bots-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    struct event event = view_of("https://a.example/", "v", NOON_MS);
    struct live_hit last;
    struct live_figures f;
    struct bots *bots;
    struct err e;

    fputs("search\tGooglebot\tGooglebot\\/\nother\tcurl\t^curl\n", file);
    fclose(file);
    bots = bots_load(path, &e);
    remove(path);
    cr_assert_not_null(bots, "%s", e.text);
    cr_expect_not(figures().bots_are_told_apart);
    live_use_bots(live, bots);
    event.ua = STR("Mozilla/5.0 (compatible; Googlebot/2.1)");
    event.vid = STR("bot's");
    hit(&event);
    hit(&event);
    event.ua = STR("Mozilla/5.0 Firefox/130.0");
    event.vid = STR("mine");
    hit(&event);
    live_gather(live, NOON_MS);
    f = figures();
    cr_expect(f.bots_are_told_apart);
    cr_expect_eq(f.bots, 2);
    cr_expect_eq(f.hits, 1);
    cr_expect_eq(f.views, 1);
    cr_expect_eq(f.visitors, 1);
    expect_top(LIVE_BOTS, "Googlebot 2");
    expect_top(LIVE_PAGES, "a.example/ 1");
    cr_assert(live_latest(live, 1, &last));
    cr_expect(str_eq(last.bot, STR("Googlebot")));
    live_use_bots(live, NULL);
    hit(&event);
    live_gather(live, NOON_MS);
    cr_expect_eq(figures().hits, 2);
}

/* ---- hostile strings -------------------------------------------------------------------------- */

static const char hostile[] =
    "</script><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>\x01\x1b[31m\x7f\xc2\x9b"
    "\xe2\x80\xa8\xe2\x80\xae\xff\xf0\x9f";

static void hit_hostile(void)
{
    char url[512];
    struct event event;

    snprintf(url, sizeof url, "https://%.40s/%s", hostile, hostile);
    event = view_of(url, "v", NOON_MS);
    event.facts.title = str_of(hostile);
    event.facts.ref = str_of(url);
    event.facts.site = str_of(hostile);
    event.facts.name = str_of(hostile);
    event.geo = STR("\"country\":\"<b\"");
    hit(&event);
    event.kind = EVENT_EVENT;
    hit(&event);
}

Test(live, hostile_strings_are_shown_as_text_in_html)
{
    static char memory[LIVE_PAGE_BYTES_MAX];
    struct buf page = buf_over(memory, sizeof memory);
    struct str text;

    hit_hostile();
    live_gather(live, NOON_MS);
    live_page_add_html(&page, live);
    cr_assert_not(page.full);
    text = buf_str(&page);
    cr_expect_null(memmem(text.p, text.n, "<img", 4));
    cr_expect_null(memmem(text.p, text.n, "<script>alert", 13));
    cr_expect_not_null(memmem(text.p, text.n, "&lt;script&gt;alert(1)", 22));
    for (size_t i = 0; i < text.n; i++)
        cr_assert(text.p[i] == '\n' || (unsigned char)text.p[i] >= 0x20, "a control at %zu", i);
    cr_expect_null(memmem(text.p, text.n, "\xe2\x80\xa8", 3));
    cr_expect_null(memmem(text.p, text.n, "\xe2\x80\xae", 3));
    cr_expect(utf8_valid(text));
}

Test(live, hostile_strings_stay_in_one_line_of_json)
{
    static char memory[LIVE_PAGE_EVENT_MAX];
    struct buf event = buf_over(memory, sizeof memory);
    struct json_scan scan;
    struct json_field field;
    struct str text;
    unsigned fields = 0;
    int more;

    hit_hostile();
    live_gather(live, NOON_MS);
    live_page_add_event(&event, live);
    cr_assert_not(event.full);
    text = buf_str(&event);
    cr_assert(str_starts(text, STR("data: {")));
    cr_expect_eq(str_find(text, '\n', 0), text.n - 2, "one data line, one empty line");
    cr_expect(utf8_valid(text));
    text = str_from(text.p + 6, text.n - 8);
    json_scan_begin(&scan, text);
    while ((more = json_scan_next(&scan, &field)) == 1)
        fields++;
    cr_expect_eq(more, 0);
    cr_expect_eq(fields, 5);
}

/* The largest of everything, all of it quotes: what has no room is left out, and nothing is cut. */
Test(live, the_largest_page_and_event_fit)
{
    static char memory[LIVE_PAGE_BYTES_MAX], quotes[256];
    struct buf b = buf_over(memory, sizeof memory);
    unsigned rows = 0;

    memset(quotes, '"', sizeof quotes - 1);
    for (unsigned i = 0; i < 400; i++) {
        char url[600], name[280];
        struct event event;

        snprintf(name, sizeof name, "%u%s", i % 40, quotes);
        snprintf(url, sizeof url, "https://h%.200s/%s", name, quotes);
        event = view_of(url, name, NOON_MS);
        event.facts.title = event.facts.site = event.facts.name = str_of(name);
        event.facts.ref = str_from(url, 100);
        event.kind = i % 2 == 0 ? EVENT_VIEW : EVENT_EVENT;
        hit(&event);
    }
    live_gather(live, NOON_MS);
    live_page_add_html(&b, live);
    cr_assert_not(b.full);
    for (const char *p = memory; (p = memmem(p, b.n - (size_t)(p - memory), "<tr>", 4)) != NULL;
         p++)
        rows++;
    cr_expect(rows > LIVE_MINUTES + 10);
    cr_expect_not_null(memmem(memory, b.n, "</html>", 7));
    b = buf_over(memory, LIVE_PAGE_EVENT_MAX);
    live_page_add_event(&b, live);
    cr_expect_not(b.full);
    cr_expect(b.n > 20000);
}
