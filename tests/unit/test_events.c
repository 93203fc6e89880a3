/*
 * test_events.c - POST /b, its preflight, the tag's script and the opt-out from a site's own page.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "store/rejects.h"
#include "support/edge.h"

static struct edge e;
static char *origins[] = { (char[]){ "https://shop.example" } };
static char *other_origins[] = { (char[]){ "https://other.example" } };
static struct config_site sites[2];

#define SHOP "Origin: https://shop.example\r\n"
#define EVIL "Origin: https://evil.example\r\n"

static void set_up(void)
{
    static char shop[] = "shop", other[] = "other";

    edge_open(&e);
    sites[0] = (struct config_site){ .name = shop, .origins = origins, .origins_count = 1 };
    sites[1] = (struct config_site){ .name = other, .origins = other_origins, .origins_count = 1 };
    e.config.sites = sites;
    e.config.sites_count = 2;
}

static void tear_down(void)
{
    edge_close(&e);
}

TestSuite(events, .init = set_up, .fini = tear_down);

static void post(const char *lines, const char *body)
{
    edge_post(&e, "/b", lines, str_of(body));
}

static uint64_t refused(void)
{
    return e.metrics.hits_refused_site + e.metrics.hits_refused_origin +
           e.metrics.hits_refused_json + e.metrics.hits_refused_event;
}

static const struct row {
    const char *lines, *body;
    int status;
    const char *answer; /* part of the body */
    unsigned records, received;
} rows[] = {
    { "", "{\"site\":\"shop\"}", 200, "{\"accepted\":1,\"rejected\":[]}", 1, 1 },
    { SHOP, "{\"site\":\"shop\"}", 200, "{\"accepted\":1,\"rejected\":[]}", 1, 1 },
    { "Content-Type: text/plain;charset=UTF-8\r\n", "[{\"site\":\"shop\"},{\"site\":\"other\"}]",
      200, "\"accepted\":2", 2, 2 },
    { "Content-Type: Application/JSON\r\n", "[{\"site\":\"shop\"}]", 200, "\"accepted\":1", 1, 1 },
    { "Content-Type: application/x-www-form-urlencoded\r\n", "{\"site\":\"shop\"}", 415, "", 0, 0 },
    { "", "[{\"site\":\"shop\"},7,{\"site\":\"nope\"},{\"site\":\"shop\",\"sw\":\"x\"}]", 200,
      "{\"accepted\":1,\"rejected\":[{\"index\":1,\"reason\":\"not an "
      "object\"},{\"index\":2,\"reason\":"
      "\"this collector does not serve that site\"},{\"index\":3,\"reason\":\"sw is not a "
      "number\"}]}",
      1, 4 },
    { "", "[7]", 400, "{\"accepted\":0,\"rejected\":[{\"index\":0,", 0, 1 },
    { "", "[]", 400, "{\"accepted\":0,\"rejected\":[]}", 0, 0 },
    { "", "", 400, "not JSON", 0, 1 },
    { "", "{\"site\":\"shop\"", 400, "not JSON", 0, 1 },
    { "", "{\"site\":\"nope\"}", 403, "does not serve that site", 0, 1 },
    { EVIL, "{\"site\":\"shop\"}", 403, "that site has no such origin", 0, 1 },
    { "Origin: null\r\n", "{\"site\":\"shop\"}", 403, "that site has no such origin", 0, 1 },
    { SHOP, "{\"site\":\"other\"}", 403, "that site has no such origin", 0, 1 },
    /* a page on the collector itself */
    { "Origin: http://stats.shop.example\r\n", "{\"site\":\"shop\"}", 200, "\"accepted\":1", 1, 1 },
    { "Cookie: crumb_optout=1\r\n", "[{\"site\":\"shop\"},{\"site\":\"other\"}]", 200,
      "\"accepted\":2", 0, 2 },
};

Test(events, each_event_has_its_verdict_and_is_counted_once)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        unsigned before = edge_records_count(&e);

        memset(&e.metrics, 0, sizeof e.metrics);
        post(row->lines, row->body);
        cr_expect_eq(edge_status(&e), row->status, "%s: %d", row->body, edge_status(&e));
        cr_expect(edge_has(edge_body(&e), row->answer), "%s: %.*s", row->body,
                  STR_ARG(edge_body(&e)));
        cr_expect_eq(edge_records_count(&e) - before, row->records, "%s", row->body);
        cr_expect_eq(e.metrics.hits_received, row->received, "%s", row->body);
        cr_expect_eq(e.exchange.batch_records + e.metrics.hits_opted_out + refused(), row->received,
                     "%s", row->body);
    }
}

Test(events, all_events_of_a_request_are_of_one_visitor_and_new_once)
{
    post("", "[{\"site\":\"shop\"},{\"site\":\"shop\"},{\"site\":\"shop\"}]");
    cr_expect_eq(edge_records_count(&e), 3);
    cr_expect_not_null(edge_line(&e, "Set-Cookie: crumb_id=", 0).p);
    cr_expect_null(edge_line(&e, "Set-Cookie:", 1).p);
    cr_expect_eq(e.metrics.ids_new, 1);

    const char *records = edge_records(&e), *first = strstr(records, "\"vid\":\""), *at = first;
    unsigned same = 0, new = 0;

    while ((at = strstr(at, "\"vid\":\"")) != NULL && memcmp(at, first, 29) == 0) {
        same++;
        at++;
    }
    for (at = records; (at = strstr(at, "\"vid_new\":true")) != NULL; at++)
        new ++;
    cr_expect_eq(same, 3);
    cr_expect_eq(new, 1);
}

Test(events, view_ping_and_named_events_are_told_apart)
{
    post("", "[{\"site\":\"shop\"},{\"site\":\"shop\",\"e\":\"ping\",\"scroll\":50},{\"site\":"
             "\"shop\",\"e\":\"buy\"}]");
    cr_expect(edge_has(str_of(edge_records(&e)), "\"kind\":\"view\""));
    cr_expect(edge_has(str_of(edge_records(&e)), "\"kind\":\"ping\""));
    cr_expect(edge_has(str_of(edge_records(&e)), "\"kind\":\"event\""));
    cr_expect(edge_has(str_of(edge_records(&e)), "\"name\":\"buy\""));
    cr_expect(!edge_has(str_of(edge_records(&e)), "\"name\":\"ping\""));
}

Test(events, the_sites_own_number_never_reaches_the_record)
{
    post("", "[{\"site\":\"shop\",\"uid\":\"customer-4711\"},{\"site\":\"shop\",\"uid\":\"customer-"
             "4711\"},"
             "{\"site\":\"other\",\"uid\":\"customer-4711\"}]");
    edge_ask(&e, "GET /b.gif?site=shop&uid=customer-4711", "");

    const char *records = edge_records(&e), *uid[4] = { NULL }, *at = records;

    for (size_t i = 0; i < 4; i++) {
        uid[i] = at = strstr(at, "\"uid\":\"");
        cr_assert_not_null(at++);
    }
    cr_expect(!edge_has(str_of(records), "4711"));
    cr_expect_eq(memcmp(uid[0], uid[1], 30), 0);
    cr_expect_eq(memcmp(uid[0], uid[3], 30), 0, "the pixel makes the same of it");
    cr_expect_neq(memcmp(uid[0], uid[2], 30), 0, "another site, another hash");
}

Test(events, personal_data_is_taken_out_whatever_way_it_came)
{
    post("", "{\"site\":\"shop\",\"url\":\"https://shop.example/"
             "?email=x&a=john%40example.org\",\"mail\":\"y\"}");
    edge_ask(
        &e,
        "GET "
        "/b.gif?site=shop&url=https://shop.example/%3Femail%3Dx%26a%3Djohn%2540example.org&mail=y",
        "");
    cr_expect_eq(edge_records_count(&e), 2);
    cr_expect(!edge_has(str_of(edge_records(&e)), "john"));
    cr_expect(!edge_has(str_of(edge_records(&e)), "email=x"));
    cr_expect(!edge_has(str_of(edge_records(&e)), "\"mail\":\"y\""));
    cr_expect(edge_has(str_of(edge_records(&e)), "\"query\":\"email=***&a=***\""));
}

Test(events, more_than_256_are_refused_one_by_one)
{
    char body[300 * 17 + 8] = "[{\"site\":\"shop\"}";

    for (int i = 1; i < 300; i++)
        strcat(body, ",{\"site\":\"shop\"}");
    strcat(body, "]");
    post("", body);
    cr_expect_eq(edge_status(&e), 200);
    cr_expect_eq(edge_records_count(&e), 256);
    cr_expect_eq(e.metrics.hits_received, 300);
    cr_expect_eq(e.metrics.hits_refused_event, 44);
}

Test(events, an_answer_with_many_verdicts_is_still_json)
{
    char body[256 * 3 + 2] = "[0";

    for (int i = 1; i < 256; i++)
        strcat(body, ",0");
    strcat(body, "]");
    post("", body);
    cr_expect_eq(edge_status(&e), 400);
    cr_expect_eq(e.metrics.hits_refused_event, 256);
    cr_expect(edge_has(edge_body(&e), "\"}]}\n"));
    cr_expect(edge_body(&e).n < ANSWER_BYTES_MAX);
}

/* ---- who may read the answer ----------------------------------------------------------------- */

Test(events, only_a_sites_origin_may_read_and_only_with_its_own_name)
{
    post(SHOP, "{\"site\":\"shop\"}");
    cr_expect(str_eq(edge_line(&e, "Access-Control-Allow-Origin:", 0),
                     STR("Access-Control-Allow-Origin: https://shop.example")));
    cr_expect(str_eq(edge_line(&e, "Access-Control-Allow-Credentials:", 0),
                     STR("Access-Control-Allow-Credentials: true")));
    cr_expect(str_eq(edge_line(&e, "Vary:", 0), STR("Vary: Origin")));
    post(EVIL, "{\"site\":\"shop\"}");
    cr_expect_null(edge_line(&e, "Access-Control", 0).p);
    cr_expect(str_eq(edge_line(&e, "Vary:", 0), STR("Vary: Origin")));
    post("", "{\"site\":\"shop\"}");
    cr_expect_null(edge_line(&e, "Access-Control", 0).p);
}

Test(events, preflight_is_answered_for_sites_and_cached)
{
    edge_ask(&e, "OPTIONS /b", SHOP "Access-Control-Request-Method: POST\r\n");
    cr_expect_eq(edge_status(&e), 204);
    cr_expect(str_eq(edge_line(&e, "Access-Control-Allow-Methods:", 0),
                     STR("Access-Control-Allow-Methods: POST")));
    cr_expect(edge_has(edge_line(&e, "Access-Control-Allow-Headers:", 0), "Content-Type"));
    cr_expect(
        str_eq(edge_line(&e, "Access-Control-Max-Age:", 0), STR("Access-Control-Max-Age: 86400")));
    edge_ask(&e, "OPTIONS /b", EVIL);
    cr_expect_eq(edge_status(&e), 403);
    cr_expect_null(edge_line(&e, "Access-Control", 0).p);
}

Test(events, open_takes_any_site_and_any_origin)
{
    e.config.open = true;
    post(EVIL, "[{\"site\":\"shop\"},{\"site\":\"nobody\"},{}]");
    cr_expect_eq(edge_status(&e), 200);
    cr_expect_eq(edge_records_count(&e), 3);
    cr_expect(str_eq(edge_line(&e, "Access-Control-Allow-Origin:", 0),
                     STR("Access-Control-Allow-Origin: https://evil.example")));
    post("Origin: https://x\"<b>\r\n", "{}");
    cr_expect_eq(edge_status(&e), 200);
    cr_expect_null(edge_line(&e, "Access-Control", 0).p, "not what an origin is made of");
}

/* ---- for who sets up a site ------------------------------------------------------------------ */

Test(events, debug_says_what_became_of_it_and_only_for_sites_that_ask)
{
    post(SHOP, "{\"site\":\"shop\"}");
    cr_expect_null(edge_line(&e, "X-Crumb:", 0).p);
    sites[0].debug = true;
    post(SHOP, "{\"site\":\"shop\",\"uid\":\"7\"}");
    cr_expect(str_starts(edge_line(&e, "X-Crumb:", 0),
                         STR("X-Crumb: stored; ip=203.0.113.7; country=; vid=")));
    cr_expect(edge_has(edge_line(&e, "X-Crumb:", 0), " (new); uid="));
    post(SHOP "Cookie: crumb_optout=1\r\n", "{\"site\":\"shop\"}");
    cr_expect(str_eq(edge_line(&e, "X-Crumb:", 0), STR("X-Crumb: optout")));
    post(EVIL, "{\"site\":\"shop\"}");
    cr_expect(
        str_eq(edge_line(&e, "X-Crumb:", 0), STR("X-Crumb: bad: that site has no such origin")));
    post(SHOP, "{\"site\":\"shop\",\"sw\":\"x\"}");
    cr_expect(str_eq(edge_line(&e, "X-Crumb:", 0), STR("X-Crumb: bad: sw is not a number")));
    edge_ask(&e, "GET /b.gif?site=shop", "");
    cr_expect(str_starts(edge_line(&e, "X-Crumb:", 0), STR("X-Crumb: stored; ip=203.0.113.7")));
    post(SHOP, "[\"a\r\nSet-Cookie: x=1\r\n");
    cr_expect(str_starts(edge_line(&e, "X-Crumb:", 0), STR("X-Crumb: bad: not JSON")));
    cr_expect_null(edge_line(&e, "Set-Cookie: x=1", 0).p, "what was sent never becomes a header");
    sites[0].debug = false;
}

Test(events, debug_names_bots_as_reports_will_and_keeps_their_hits)
{
    static const struct {
        const char *ua, *verdict;
    } agents[] = {
        { "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
          "X-Crumb: bot search-engine Googlebot; stored; ip=203.0.113.7; country=; vid=" },
        { "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
          "X-Crumb: stored; ip=203.0.113.7; country=; vid=" },
    };
    char headers[256];
    struct err err;

    e.snapshot.bots = bots_load("conf/data/crawlers.tsv", &err);
    cr_assert_not_null(e.snapshot.bots, "%s", err.text);
    bots_compile(e.snapshot.bots);
    e.context.bots_memory = bots_memory_new(e.snapshot.bots);
    sites[0].debug = true;
    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
        snprintf(headers, sizeof headers, SHOP "User-Agent: %s\r\n", agents[i].ua);
        post(headers, "{\"site\":\"shop\"}");
        cr_expect(str_starts(edge_line(&e, "X-Crumb:", 0), str_of(agents[i].verdict)), "%s",
                  agents[i].ua);
    }
    post(SHOP, "{\"site\":\"shop\"}");
    cr_expect(str_starts(edge_line(&e, "X-Crumb:", 0), STR("X-Crumb: stored; ")), "no user agent");
    sites[0].debug = false;
    cr_expect_eq(edge_records_count(&e), 3);
    bots_memory_free(e.context.bots_memory);
    bots_free(e.snapshot.bots);
}

/* ---- samples --------------------------------------------------------------------------------- */

static char *samples(void)
{
    char path[128];
    char *text = NULL;
    size_t n;

    snprintf(path, sizeof path, "%s/rejected/0.ndjson", e.dir);
    rejects_flush(e.context.rejects);
    if (fs_read_all(path, 4 << 20, &text, &n, NULL) != 0)
        return strdup("");
    return text;
}

Test(events, what_is_refused_is_kept_with_its_reason_but_never_of_who_opted_out)
{
    char *text;

    e.context.rejects = rejects_new(e.dir, 0);
    post(SHOP "Cookie: crumb_optout=1\r\n", "[{\"site\":\"shop\",\"sw\":\"secret\"}]");
    text = samples();
    cr_expect_str_empty(text);
    free(text);

    post(SHOP, "[{\"site\":\"shop\",\"sw\":\"john@example.org\"}]");
    post(SHOP, "{\"broken");
    text = samples();
    cr_expect(edge_has(str_of(text),
                       "{\"ts\":\"2026-11-23T14:05:09.123Z\",\"reason\":\"sw is not a number\","
                       "\"origin\":\"https://shop.example\","));
    cr_expect(edge_has(str_of(text), "\\\"sw\\\":\\\"***\\\""));
    cr_expect(edge_has(str_of(text), "\"reason\":\"not JSON"));
    free(text);
    rejects_free(e.context.rejects);
    e.context.rejects = NULL;
}

Test(events, samples_take_two_files_of_bounded_size)
{
    char path[128];
    struct stat st;

    e.context.rejects = rejects_new(e.dir, 0);
    for (int i = 0; i < 6000; i++) {
        post(SHOP, "[{\"site\":\"shop\",\"sw\":"
                   "\"0123456789012345678901234567890123456789012345678901234567890123456789"
                   "0123456789012345678901234567890123456789012345678901234567890123456789012345678"
                   "901234567890123456789\"}]");
        rejects_flush(e.context.rejects);
    }
    rejects_free(e.context.rejects);
    e.context.rejects = NULL;
    for (int old = 0; old <= 1; old++) {
        snprintf(path, sizeof path, "%s/rejected/0%s.ndjson", e.dir, old ? ".old" : "");
        cr_assert_eq(fs_stat_path(path, &st, NULL), 0, "%s", path);
        cr_expect(st.st_size <= REJECTS_FILE_BYTES);
    }
}

/* ---- the tag --------------------------------------------------------------------------------- */

Test(events, the_tag_is_cached_for_an_hour_and_its_version_for_ever)
{
    struct str etag;
    char lines[128], target[64];

    edge_ask(&e, "GET /t.js", "");
    cr_expect_eq(edge_status(&e), 200);
    cr_expect(str_eq(edge_line(&e, "Content-Type:", 0),
                     STR("Content-Type: text/javascript; charset=utf-8")));
    cr_expect(
        str_eq(edge_line(&e, "Cache-Control:", 0), STR("Cache-Control: public, max-age=3600")));
    cr_expect(str_eq(edge_line(&e, "Access-Control-Allow-Origin:", 0),
                     STR("Access-Control-Allow-Origin: *")));
    cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
    etag = edge_line(&e, "ETag:", 0);
    cr_assert_eq(etag.n, sizeof "ETag: \"123456789012\"" - 1);

    snprintf(target, sizeof target, "GET /t.js?v=%.12s", etag.p + 7);
    snprintf(lines, sizeof lines, "If-None-Match: %.14s\r\n", etag.p + 6);
    edge_ask(&e, target, "");
    cr_expect(str_eq(edge_line(&e, "Cache-Control:", 0),
                     STR("Cache-Control: public, max-age=31536000, immutable")));
    edge_ask(&e, "GET /t.js", lines);
    cr_expect_eq(edge_status(&e), 304);
    cr_expect_eq(edge_body(&e).n, 0);
    edge_ask(&e, "GET /t.js?v=000000000000", "");
    cr_expect(
        str_eq(edge_line(&e, "Cache-Control:", 0), STR("Cache-Control: public, max-age=3600")));
}

static const struct {
    const char *accepted;
    bool gzip;
} encodings[] = { { "gzip", true },           { "gzip, deflate, br, zstd", true },
                  { "br, GZIP;q=0.5", true }, { "*", true },
                  { "identity", false },      { "gzip;q=0", false },
                  { "gzip; q=0.0", false },   { "gzipped", false },
                  { "deflate, br", false } };

Test(events, the_tag_is_compressed_for_who_takes_it)
{
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        char lines[128];

        snprintf(lines, sizeof lines, "Accept-Encoding: %s\r\n", encodings[i].accepted);
        edge_ask(&e, "GET /t.js", lines);
        cr_expect_eq(edge_line(&e, "Content-Encoding: gzip", 0).p != NULL, encodings[i].gzip, "%s",
                     encodings[i].accepted);
        cr_expect_eq(edge_body(&e).n < 2500, encodings[i].gzip);
    }
}

/* ---- opting out on a site's own page --------------------------------------------------------- */

static const struct {
    const char *target, *lines;
    int status;
} choices[] = {
    { "/optout", SHOP "Sec-Fetch-Site: cross-site\r\n", 204 },
    { "/optin", SHOP "Sec-Fetch-Site: same-site\r\n", 204 },
    { "/optout", SHOP "Sec-Purpose: prefetch\r\n", 403 },
    { "/optout", EVIL "Sec-Fetch-Site: cross-site\r\n", 403 },
    { "/optout", "Origin: null\r\n", 403 },
    { "/optout", "Referer: https://shop.example/a\r\n", 403 },
};

Test(events, only_scripts_of_configured_sites_may_opt_out_from_elsewhere)
{
    e.config.open = true; /* which plays no part */
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        edge_post(&e, choices[i].target, choices[i].lines, STR(""));
        cr_expect_eq(edge_status(&e), choices[i].status, "%s %s", choices[i].target,
                     choices[i].lines);
        cr_expect_eq(edge_line(&e, "Set-Cookie:", 0).p != NULL, choices[i].status == 204);
        cr_expect_eq(edge_line(&e, "Access-Control-Allow-Origin: https://shop.example", 0).p !=
                         NULL,
                     choices[i].status == 204);
    }
    edge_ask(&e, "GET /optout/status", SHOP);
    cr_expect_not_null(edge_line(&e, "Access-Control-Allow-Origin: https://shop.example", 0).p);
    edge_ask(&e, "GET /optout/status", EVIL);
    cr_expect_null(edge_line(&e, "Access-Control", 0).p);
}
