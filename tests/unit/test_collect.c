/*
 * test_collect.c - the data path from a request to its record: what is kept, what is not, and
 * what the counters say.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "server/collect.h"
#include "support/edge.h"

static struct edge e;

static void set_up(void)
{
    edge_open(&e);
}

static void tear_down(void)
{
    edge_close(&e);
}

TestSuite(collect, .init = set_up, .fini = tear_down);

static uint64_t refused(void)
{
    return e.metrics.hits_refused_disk + e.metrics.hits_refused_overload +
           e.metrics.hits_refused_write + e.metrics.hits_refused_site;
}

/* The id cookie that the last answer set, as a Cookie line. */
static const char *cookie_line(void)
{
    static char line[128];
    struct str set = edge_line(&e, "Set-Cookie: crumb_id=", 0);

    cr_assert_not_null(set.p);
    snprintf(line, sizeof line, "Cookie: crumb_id=%.48s\r\n",
             set.p + sizeof "Set-Cookie: crumb_id=" - 1);
    return line;
}

static const char *last_record(void)
{
    const char *all = edge_records(&e), *last = all;

    for (const char *p = all; *p != '\0'; p++) {
        if (*p == '\n' && p[1] != '\0')
            last = p + 1;
    }
    return last;
}

/* ---- a hit ----------------------------------------------------------------------------------- */

Test(collect, hit_is_answered_with_the_pixel_and_kept_once)
{
    edge_ask(&e, "GET /b.gif?site=shop&url=https://shop.example/a", "User-Agent: Test/1\r\n");
    cr_expect_eq(edge_status(&e), 200);
    cr_expect(str_eq(edge_line(&e, "Content-Type:", 0), STR("Content-Type: image/gif")));
    cr_expect(str_eq(edge_line(&e, "Content-Length:", 0), STR("Content-Length: 43")));
    cr_expect(str_eq(edge_line(&e, "Cache-Control:", 0), STR("Cache-Control: no-store")));
    cr_expect(str_eq(edge_line(&e, "Cross-Origin-Resource-Policy:", 0),
                     STR("Cross-Origin-Resource-Policy: cross-origin")));
    cr_expect(str_eq(edge_line(&e, "X-Content-Type-Options:", 0),
                     STR("X-Content-Type-Options: nosniff")));
    cr_expect(str_eq(edge_line(&e, "Date:", 0), STR("Date: Mon, 23 Nov 2026 14:05:09 GMT")));
    cr_expect_null(edge_line(&e, "ETag:", 0).p);
    cr_expect_null(edge_line(&e, "Last-Modified:", 0).p);
    cr_expect(str_starts(edge_body(&e), STR("GIF89a\x01\0\x01\0")));
    cr_expect_eq(edge_body(&e).n, 43);

    cr_expect_eq(edge_records_count(&e), 1);
    cr_expect(edge_has(str_of(edge_records(&e)), "\"ts\":\"2026-11-23T14:05:09.123Z\""));
    cr_expect_neq(e.exchange.batch, 0);
    cr_expect_eq(e.exchange.batch_records, 1);
    cr_expect_eq(e.metrics.hits_received, 1);
    cr_expect_eq(refused() + e.metrics.hits_opted_out, 0);
}

static const struct fact_row {
    const char *query;
    const char *lines;
    const char *has;     /* NULL: nothing to look for */
    const char *has_not; /* the same */
} facts[] = {
    { "?site=shop&url=https://shop.example/a&title=A+b&sw=800&sh=600&pv=p1", "",
      "\"title\":\"A b\"", "\"kind\":\"event\"" },
    { "?site=shop", "", "\"kind\":\"view\"", "\"name\"" },
    { "?e=view", "", "\"kind\":\"view\"", "\"name\"" },
    { "?e=", "", "\"kind\":\"view\"", "\"name\"" },
    { "?e=buy&sum=12", "", "\"kind\":\"event\"", NULL },
    { "?e=buy&sum=12", "", "\"name\":\"buy\"", NULL },
    { "?e=buy&sum=12", "", "\"sum\":\"12\"", NULL },
    { "", "", "\"kind\":\"view\"", "\"site\"" },
    /* the Referer is the page when no url is given */
    { "?site=shop", "Referer: https://shop.example/r\r\n", "\"url\":\"https://shop.example/r\"",
      "\"ref\"" },
    { "?url=https://shop.example/u", "Referer: https://shop.example/r\r\n",
      "\"url\":\"https://shop.example/u\"", "shop.example/r" },
    { "?site=shop", "Referer: \r\n", NULL, "\"url\"" },
    /* headers */
    { "", "User-Agent: Moz \"q\"\r\n", "\"ua\":\"Moz \\\"q\\\"\"", NULL },
    { "", "User-Agent: \r\n", NULL, "\"ua\"" },
    { "", "Accept-Language: de-AT,en;q=0.5\r\n", "\"lang\":\"de-AT\"", NULL },
    { "", "Accept-Language: fr;q=0.9 , en\r\n", "\"lang\":\"fr\"", NULL },
    { "", "Accept-Language: *\r\n", NULL, "\"lang\"" },
    { "", "Accept-Language: \r\n", NULL, "\"lang\"" },
    { "?lang=it", "Accept-Language: de\r\n", "\"lang\":\"it\"", NULL },
    /* signals */
    { "", "Sec-GPC: 1\r\n", "\"gpc\":true", NULL },
    { "", "Sec-GPC: 0\r\n", NULL, "\"gpc\"" },
    { "", "Sec-GPC: true\r\n", NULL, "\"gpc\"" },
    { "", "Sec-Purpose: prefetch\r\n", "\"purpose\":\"prefetch\"", NULL },
    { "", "Sec-Purpose: prefetch;prerender\r\n", "\"purpose\":\"prefetch\"", NULL },
    { "", "Sec-Purpose: prefetch; anonymous-client-ip\r\n", "\"purpose\":\"prefetch\"", NULL },
    { "", "Purpose: prefetch\r\n", "\"purpose\":\"prefetch\"", NULL },
    { "", "Purpose: Prefetch\r\n", "\"purpose\":\"prefetch\"", NULL },
    { "", "Purpose: prefetcher\r\n", NULL, "\"purpose\"" },
    { "", "Sec-Purpose: \r\n", NULL, "\"purpose\"" },
    { "", "X-Moz: prefetch\r\n", NULL, "\"purpose\"" },
};

Test(collect, facts_and_headers_get_into_the_record)
{
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        const struct fact_row *row = &facts[i];
        char line[256];

        snprintf(line, sizeof line, "GET /b.gif%s", row->query);
        edge_ask(&e, line, row->lines);
        cr_expect_eq(edge_status(&e), 200);
        cr_expect(row->has == NULL || strstr(last_record(), row->has) != NULL, "row %zu: %s", i,
                  last_record());
        cr_expect(row->has_not == NULL || strstr(last_record(), row->has_not) == NULL,
                  "row %zu: %s", i, last_record());
    }
    cr_expect_eq(edge_records_count(&e), sizeof facts / sizeof facts[0]);
}

Test(collect, address_is_kept_as_configured)
{
    static const struct {
        enum config_ip ip;
        const char *record;
    } rows[] = {
        { IP_FULL, "\"ip\":\"203.0.113.7\"" },
        { IP_MASKED, "\"ip\":\"203.0.113.0\"" },
        { IP_NONE, NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        e.config.privacy.ip = rows[i].ip;
        edge_ask(&e, "GET /b.gif", "");
        if (rows[i].record != NULL)
            cr_expect_not_null(strstr(last_record(), rows[i].record), "%s", last_record());
        else
            cr_expect_null(strstr(last_record(), "\"ip\""), "%s", last_record());
    }
}

Test(collect, head_is_answered_alike_and_changes_nothing)
{
    char get[1024];
    size_t n;

    edge_ask(&e, "GET /b.gif", "");
    edge_ask(&e, "GET /b.gif", cookie_line());
    n = e.answer.n - 43;
    memcpy(get, e.answer.p, n);
    edge_ask(&e, "HEAD /b.gif?site=shop", "");
    cr_expect(str_eq(e.answer, str_from(get, n)), "%.*s", STR_ARG(e.answer));
    cr_expect_eq(e.metrics.hits_received, 2);
    cr_expect_eq(e.metrics.ids_new, 1);
    cr_expect_eq(edge_records_count(&e), 2);
}

/* ---- identity -------------------------------------------------------------------------------- */

Test(collect, returning_browser_keeps_its_identifier_and_is_set_no_other)
{
    char cookie[128], vid[64];
    const char *at;

    edge_ask(&e, "GET /b.gif", "");
    at = strstr(last_record(), "\"vid\":\"");
    cr_assert_not_null(at);
    snprintf(vid, sizeof vid, "%.30s", at); /* "vid":" and 22 characters and a quote */
    cr_expect_not_null(strstr(last_record(), "\"vid_new\":true"));
    snprintf(cookie, sizeof cookie, "%s", cookie_line());

    e.context.now_ms += 394LL * 86400000;
    edge_ask(&e, "GET /b.gif", cookie);
    cr_expect_not_null(strstr(last_record(), vid), "%s in %s", vid, last_record());
    cr_expect_null(strstr(last_record(), "vid_new"));
    cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p, "the lifetime must not slide");

    e.context.now_ms += 86400000;
    edge_ask(&e, "GET /b.gif", cookie);
    cr_expect_null(strstr(last_record(), vid), "an identifier outlived its time");
    cr_expect_not_null(edge_line(&e, "Set-Cookie:", 0).p);
    cr_expect_eq(e.metrics.ids_new, 2);
    cr_expect_eq(e.metrics.ids_bad, 1);
}

/* Promise 5. */
Test(collect, forged_identifier_is_as_if_absent)
{
    char good[128], bad[256];
    unsigned forged = 0;

    edge_ask(&e, "GET /b.gif", "");
    snprintf(good, sizeof good, "%s", cookie_line());
    for (size_t i = sizeof "Cookie: crumb_id=" - 1; good[i] != '\r'; i++) {
        snprintf(bad, sizeof bad, "%s", good);
        bad[i] = bad[i] == 'x' ? 'y' : 'x';
        edge_ask(&e, "GET /b.gif", bad);
        cr_expect_not_null(strstr(last_record(), "\"vid_new\":true"), "%s", bad);
        cr_expect_neq(strncmp(cookie_line(), bad, strlen(bad)), 0);
        forged++;
    }
    cr_expect_eq(forged, 48);
    cr_expect_eq(e.metrics.ids_bad, 48);
    cr_expect_eq(e.metrics.ids_new, 49);
}

Test(collect, forged_twin_does_not_hide_the_real_identifier)
{
    char good[128], lines[512];
    char *value;

    edge_ask(&e, "GET /b.gif", "");
    snprintf(good, sizeof good, "%s", cookie_line());
    value = good + sizeof "Cookie: " - 1;
    value[strlen(value) - 2] = '\0';
    snprintf(lines, sizeof lines, "Cookie: crumb_id=fixed-from-outside; %s; a=b\r\n", value);
    edge_ask(&e, "GET /b.gif", lines);
    cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
    snprintf(lines, sizeof lines, "Cookie: crumb_id=fixed\r\nCookie: %s\r\n", value);
    edge_ask(&e, "GET /b.gif", lines);
    cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
    cr_expect_eq(e.metrics.ids_bad, 2);
    cr_expect_eq(e.metrics.ids_new, 1);
}

Test(collect, cookie_follows_the_connection_and_the_site)
{
    static char shop[] = "shop", domain[] = "shop.example";
    struct config_site site = { .name = shop, .cookie_domain = domain };
    struct ip_net net;
    struct str line;

    ip_net_parse(STR("203.0.113.7"), &net);
    e.config.proxies = (struct config_proxies){ &net, 1, CLIENT_ADDRESS_X_FORWARDED_FOR };
    e.config.cookies.partitioned = true;
    e.config.sites = &site;
    e.config.sites_count = 1;
    edge_ask(&e, "GET /b.gif", "X-Forwarded-Proto: https\r\n");
    line = edge_line(&e, "Set-Cookie: crumb_id=", 0);
    cr_expect(edge_has(line, "; Max-Age=34128000; Path=/; Domain=shop.example; HttpOnly; Secure; "
                             "SameSite=None; Partitioned"),
              "%.*s", STR_ARG(line));
    edge_ask(&e, "GET /b.gif", "X-Forwarded-Proto: http\r\n");
    line = edge_line(&e, "Set-Cookie: crumb_id=", 0);
    cr_expect(
        edge_has(line, "; Max-Age=34128000; Path=/; Domain=shop.example; HttpOnly; SameSite=Lax"),
        "%.*s", STR_ARG(line));
}

/* ---- opt-out --------------------------------------------------------------------------------- */

static const struct optout_row {
    enum config_gpc gpc;
    const char *before, *after; /* an identifier, as name=value */
} optouts[] = {
    { GPC_SHARE, "Cookie: ", "; crumb_optout=1\r\n" },
    { GPC_SHARE, "Cookie: crumb_optout=1; ", "\r\n" },
    { GPC_SHARE, "Cookie: crumb_optout; ", "\r\n" },
    { GPC_SHARE, "Cookie: crumb_optout=0; ", "\r\n" },
    { GPC_SHARE, "Cookie: ", "\r\nCookie: crumb_optout=1\r\n" },
    { GPC_SHARE, "Cookie: crumb_optout=1\r\nCookie: ", "\r\n" },
    { GPC_SHARE, "Cookie: ", "; consent=no\r\n" },
    { GPC_OPTOUT, "Cookie: ", "\r\nSec-GPC: 1\r\n" },
    { GPC_OPTOUT, "Sec-GPC: 1\r\nX-Rest: ", "\r\n" },
};

/* Promise 3. */
Test(collect, optout_leaves_nothing)
{
    static char shop[] = "shop", domain[] = "shop.example", name[] = "consent", pattern[] = "no";
    struct config_optout_cookie consent = { name, pattern };
    struct config_site site = {
        .name = shop, .cookie_domain = domain, .optout_cookies = &consent, .optout_cookies_count = 1
    };
    char cookie[128], lines[512];
    uint64_t bad = 0;

    e.config.sites = &site;
    e.config.sites_count = 1;
    edge_ask(&e, "GET /b.gif?site=shop", "");
    snprintf(cookie, sizeof cookie, "%.57s", cookie_line() + sizeof "Cookie: " - 1);
    for (size_t i = 0; i < sizeof optouts / sizeof optouts[0]; i++) {
        e.config.privacy.gpc = optouts[i].gpc;
        /* a good identifier and a bad one: neither is looked at */
        snprintf(lines, sizeof lines, "%s%s%s", optouts[i].before,
                 i % 2 == 0 ? cookie : "crumb_id=bad", optouts[i].after);
        edge_ask(&e, "GET /b.gif?site=shop&url=https://shop.example/secret", lines);
        cr_expect_eq(edge_status(&e), 200, "row %zu", i);
        cr_expect_eq(edge_body(&e).n, 43);
        cr_expect(str_eq(edge_line(&e, "Set-Cookie:", 0),
                         STR("Set-Cookie: crumb_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax")),
                  "row %zu", i);
        cr_expect(str_eq(edge_line(&e, "Set-Cookie:", 1),
                         STR("Set-Cookie: crumb_id=; Max-Age=0; Path=/; Domain=shop.example; "
                             "HttpOnly; SameSite=Lax")),
                  "row %zu", i);
        cr_expect_null(edge_line(&e, "Set-Cookie:", 2).p);
        cr_expect(!edge_has(e.answer, cookie + sizeof "crumb_id=" - 1));
        cr_expect_eq(e.exchange.batch, 0);
        cr_expect_eq(e.metrics.hits_opted_out, i + 1);
        bad += e.metrics.ids_bad;
    }
    cr_expect_eq(bad, 0, "an identifier was read");
    cr_expect_eq(e.metrics.ids_new, 1);
    cr_expect_eq(edge_records_count(&e), 1);
    cr_expect_null(strstr(edge_records(&e), "secret"));
    cr_expect_eq(e.metrics.hits_received, 1 + e.metrics.hits_opted_out);
}

Test(collect, optout_in_any_cookie_line_hides_the_identifiers_in_all)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: crumb_id=a\r\nCookie: crumb_optout=1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: crumb_optout=1\r\nCookie: crumb_id=a\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct policy_cookies cookies;

        edge_parse(requests[i], e.sent, sizeof e.sent, &e.request);
        collect_read_cookies(&cookies, &e.request, &e.config.cookies, NULL);
        cr_expect(cookies.opted_out);
        cr_expect_eq(cookies.ids_count, 0);
    }
}

/*
 * Promise 4. What is not time, number or chance in answer and record is the same, whatever the
 * header says.
 */
Test(collect, do_not_track_changes_nothing)
{
    static const char *const headers[] = { "",
                                           "DNT: 1\r\n",
                                           "DNT: 0\r\n",
                                           "DNT: null\r\n",
                                           "dnt: \xff\r\n",
                                           "DNT: 1\r\nDNT: 0\r\n",
                                           "DNT:\r\n" };
    char cookie[128], lines[256], answer[1024] = "", record[4096] = "";
    size_t answer_bytes = 0;

    edge_ask(&e, "GET /b.gif", "");
    snprintf(cookie, sizeof cookie, "%s", cookie_line());
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const char *rest;

        snprintf(lines, sizeof lines, "%s%s", cookie, headers[i]);
        edge_ask(&e, "GET /b.gif?site=shop&url=https://shop.example/a", lines);
        rest = strstr(last_record(), "\"kind\":");
        cr_assert_not_null(rest);
        if (i == 0) {
            answer_bytes = e.answer.n;
            memcpy(answer, e.answer.p, e.answer.n);
            snprintf(record, sizeof record, "%s", rest);
        }
        cr_expect(str_eq(e.answer, str_from(answer, answer_bytes)), "%s", headers[i]);
        cr_expect_str_eq(rest, record, "%s", headers[i]);
    }
}

/* ---- refusals -------------------------------------------------------------------------------- */

static const struct site_row {
    unsigned sites;
    const char *query;
    int status;
    const char *record;
} site_rows[] = {
    /* none configured: any name, or none */
    { 0, "?site=anything", 200, "\"site\":\"anything\"" },
    { 0, "", 200, "\"kind\":\"view\"" },
    /* one: it is the default */
    { 1, "?site=shop", 200, "\"site\":\"shop\"" },
    { 1, "", 200, "\"site\":\"shop\"" },
    { 1, "?site=", 200, "\"site\":\"shop\"" },
    { 1, "?site=blog", 403, NULL },
    { 1, "?site=SHOP", 403, NULL },
    { 1, "?site=shop%00", 403, NULL },
    /* several: the hit has to say */
    { 2, "?site=shop", 200, "\"site\":\"shop\"" },
    { 2, "?site=blog", 200, "\"site\":\"blog\"" },
    { 2, "", 403, NULL },
    { 2, "?site=other", 403, NULL },
};

Test(collect, unknown_site_is_refused_and_counted)
{
    static char shop[] = "shop", blog[] = "blog";
    struct config_site sites[] = { { .name = shop }, { .name = blog } };
    unsigned kept = 0, hits = 0;

    e.config.sites = sites;
    for (const struct site_row *row = site_rows;
         row < site_rows + sizeof site_rows / sizeof site_rows[0]; row++) {
        char line[256];

        e.config.sites_count = row->sites;
        snprintf(line, sizeof line, "GET /b.gif%s", row->query);
        edge_ask(&e, line, "");
        hits++;
        cr_expect_eq(edge_status(&e), row->status, "%u %s", row->sites, row->query);
        cr_expect_eq(edge_line(&e, "Set-Cookie:", 0).p != NULL, row->status == 200);
        if (row->status == 200) {
            kept++;
            cr_expect_not_null(strstr(last_record(), row->record), "%s", last_record());
        }
        cr_expect_eq(e.metrics.hits_refused_site, hits - kept);
        cr_expect_eq(edge_records_count(&e), kept);
    }
}

/* A turn that brings more than a batch can hold. Nothing is set for a hit that is not kept. */
Test(collect, overload_is_refused_with_503_and_sets_nothing)
{
    static const unsigned hits_max = 100000;
    char text[] = "GET /b.gif HTTP/1.1\r\nHost: x\r\n\r\n", memory[sizeof text];
    struct buf out = buf_over(e.out, sizeof e.out);
    struct http_request request;
    unsigned kept = 0;
    struct err err;

    spool_begin_turn(e.context.spool, e.context.now_ms);
    edge_parse(text, memory, sizeof memory, &request);
    for (unsigned i = 0; i < hits_max && refused() == 0; i++) {
        e.exchange = (struct exchange){ .request = &request, .context = &e.context, .out = &out };
        e.exchange.client.ip = e.peer;
        buf_rewind(&out, 0);
        route(&e.exchange, ROUTE_PUBLIC);
        kept += e.exchange.batch_records;
    }
    e.answer = buf_str(&out);
    cr_expect_eq(refused(), 1);
    cr_expect_eq(e.metrics.hits_refused_overload, 1);
    cr_expect_eq(e.metrics.hits_received, kept + 1);
    cr_expect_eq(e.metrics.ids_new, kept);
    cr_expect_eq(edge_status(&e), 503);
    cr_expect(str_eq(edge_line(&e, "Retry-After:", 0), STR("Retry-After: 10")));
    cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
    cr_expect_eq(spool_commit(e.context.spool, &err), 0);
    cr_expect_eq(edge_records_count(&e), kept);
}

/* No file may grow, as on a full disk. The opt-out works all the same. */
Test(collect, full_disk_is_refused_with_503_and_opting_out_works)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (unsigned i = 1; i <= 3; i++) {
        edge_ask(&e, "GET /b.gif", "");
        cr_expect_eq(edge_status(&e), 503);
        cr_expect(str_eq(edge_line(&e, "Retry-After:", 0), STR("Retry-After: 10")));
        cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
        cr_expect_eq(e.exchange.batch, 0);
        cr_expect_eq(e.metrics.hits_refused_disk, i);
        cr_expect_eq(e.metrics.hits_received, i);
    }
    edge_ask(&e, "GET /b.gif", "Cookie: crumb_optout=1\r\n");
    cr_expect_eq(edge_status(&e), 200);
    edge_ask(&e, "HEAD /b.gif", "");
    cr_expect_eq(edge_status(&e), 200);
    edge_ask(&e, "GET /optout", "");
    cr_expect_eq(edge_status(&e), 200);
    edge_ask(&e, "POST /optout", "Sec-Fetch-Site: same-origin\r\n");
    cr_expect_eq(edge_status(&e), 303);
    cr_expect_not_null(edge_line(&e, "Set-Cookie: crumb_optout=1", 0).p);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}
