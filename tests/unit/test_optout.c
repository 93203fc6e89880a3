/*
 * test_optout.c - the opt-out page, who may press its buttons, and what they do.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "support/edge.h"

#define ID_END  "Set-Cookie: crumb_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
#define OUT_SET "Set-Cookie: crumb_optout=1; Max-Age=34560000; Path=/; SameSite=Lax"
#define OUT_END "Set-Cookie: crumb_optout=; Max-Age=0; Path=/; SameSite=Lax"

#define SAME "Sec-Fetch-Site: same-origin\r\n"

static struct edge e;

static void set_up(void)
{
    edge_open(&e);
}

static void tear_down(void)
{
    edge_close(&e);
}

TestSuite(optout, .init = set_up, .fini = tear_down);

static void expect_line(const char *name, unsigned n, const char *line)
{
    cr_expect(str_eq(edge_line(&e, name, n), str_of(line)), "%u. %s is %.*s", n, name,
              STR_ARG(edge_line(&e, name, n)));
}

/* ---- the state ------------------------------------------------------------------------------- */

static const struct state_row {
    enum config_gpc gpc;
    const char *lines;
    const char *status;
    const char *on_page;
} states[] = {
    { GPC_SHARE, "", "{\"optout\":false}\n", "Your visits are being recorded." },
    { GPC_SHARE, "Cookie: crumb_id=x\r\n", "{\"optout\":false}\n",
      "Your visits are being recorded." },
    { GPC_SHARE, "Cookie: crumb_optout=1\r\n", "{\"optout\":true,\"by\":\"cookie\"}\n",
      "opt-out cookie that says so" },
    { GPC_SHARE, "Cookie: crumb_optout=\r\n", "{\"optout\":true,\"by\":\"cookie\"}\n",
      "opt-out cookie that says so" },
    { GPC_SHARE, "Cookie: a=b\r\nCookie: crumb_optout=1\r\n",
      "{\"optout\":true,\"by\":\"cookie\"}\n", "opt-out cookie that says so" },
    { GPC_SHARE, "Sec-GPC: 1\r\n", "{\"optout\":false}\n", "Your visits are being recorded." },
    { GPC_OPTOUT, "Sec-GPC: 1\r\n", "{\"optout\":true,\"by\":\"gpc\"}\n",
      "Your browser sends Global Privacy Control" },
    { GPC_OPTOUT, "Sec-GPC: 0\r\n", "{\"optout\":false}\n", "Your visits are being recorded." },
    { GPC_OPTOUT, "Sec-GPC: 1\r\nCookie: crumb_optout=1\r\n",
      "{\"optout\":true,\"by\":\"cookie\"}\n", "opt-out cookie that says so" },
    { GPC_SHARE, "Cookie: consent=no\r\n", "{\"optout\":true,\"by\":\"site\"}\n",
      "You declined on the site itself" },
    { GPC_SHARE, "Cookie: consent=yes\r\n", "{\"optout\":false}\n",
      "Your visits are being recorded." },
    /* Do Not Track is not a signal */
    { GPC_OPTOUT, "DNT: 1\r\n", "{\"optout\":false}\n", "Your visits are being recorded." },
};

Test(optout, state_is_told_to_scripts_and_people)
{
    static char shop[] = "shop", name[] = "consent", pattern[] = "n*";
    struct config_optout_cookie consent = { name, pattern };
    struct config_site site = { .name = shop,
                                .optout_cookies = &consent,
                                .optout_cookies_count = 1 };

    e.config.sites = &site;
    e.config.sites_count = 1;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        e.config.privacy.gpc = states[i].gpc;
        edge_ask(&e, "GET /optout/status", states[i].lines);
        cr_expect(str_eq(edge_body(&e), str_of(states[i].status)), "row %zu: %.*s", i,
                  STR_ARG(edge_body(&e)));
        expect_line("Content-Type:", 0, "Content-Type: application/json");
        expect_line("Cache-Control:", 0, "Cache-Control: no-store");
        edge_ask(&e, "GET /optout", states[i].lines);
        cr_expect(edge_has(edge_body(&e), states[i].on_page), "row %zu:\n%.*s", i,
                  STR_ARG(edge_body(&e)));
        cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
    }
}

/* ---- the page -------------------------------------------------------------------------------- */

Test(optout, page_is_complete_in_every_configuration)
{
    for (int ip = IP_FULL; ip <= IP_NONE; ip++) {
        for (int gpc = GPC_SHARE; gpc <= GPC_OPTOUT; gpc++) {
            e.config.privacy = (struct config_privacy){ (enum config_ip)ip, (enum config_gpc)gpc };
            edge_ask(&e, "GET /optout", "");
            cr_expect(!edge_has(edge_body(&e), "<!--"), "a mark is left");
            cr_expect(edge_has(edge_body(&e), "crumb_id"));
            cr_expect(edge_has(edge_body(&e), "crumb_optout"));
            cr_expect(edge_has(edge_body(&e), "no action is taken on a Do Not Track request"));
            cr_expect_eq(edge_has(edge_body(&e), "<li>your IP address, and"), ip == IP_FULL);
            cr_expect_eq(edge_has(edge_body(&e), "first part of your IP address"), ip == IP_MASKED);
            cr_expect_eq(edge_has(edge_body(&e), "the address itself is not"), ip == IP_NONE);
            cr_expect_eq(edge_has(edge_body(&e), "objection to sharing"), gpc == GPC_SHARE);
            cr_expect_eq(edge_has(edge_body(&e), "honoured as an opt-out"), gpc == GPC_OPTOUT);
        }
    }
}

Test(optout, page_runs_no_script_and_cannot_be_framed)
{
    struct str policy;

    edge_ask(&e, "GET /optout", "");
    policy = edge_line(&e, "Content-Security-Policy:", 0);
    cr_expect(edge_has(policy, "default-src 'none'"));
    cr_expect(edge_has(policy, "frame-ancestors 'none'"));
    cr_expect(edge_has(policy, "style-src 'sha256-"));
    cr_expect(!edge_has(policy, "unsafe"));
    cr_expect(!edge_has(edge_body(&e), "<script"));
    cr_expect(!edge_has(edge_body(&e), "style=\""));
    expect_line("X-Frame-Options:", 0, "X-Frame-Options: DENY");
    expect_line("Referrer-Policy:", 0, "Referrer-Policy: same-origin");
    expect_line("Cache-Control:", 0, "Cache-Control: no-store");
}

/* Hostile input: whatever is sent, the page has the same bytes. */
Test(optout, page_repeats_nothing_of_the_request)
{
    static char plain[ANSWER_BYTES_MAX];
    size_t n;

    edge_ask(&e, "GET /optout", "");
    n = e.answer.n;
    memcpy(plain, e.answer.p, n);
    edge_ask(&e, "GET /optout?x=<script>alert(1)</script>&optout=1",
             "Referer: http://x/\"><b>\r\nUser-Agent: <i>\r\nCookie: crumb_id=<u>\r\n"
             "Origin: http://evil.example\r\nDNT: 1\r\n");
    cr_expect(str_eq(e.answer, str_from(plain, n)));
}

/* ---- the buttons ----------------------------------------------------------------------------- */

static const struct origin_row {
    bool https;
    const char *lines;
    bool is_same;
} origins[] = {
    /* Sec-Fetch-Site decides when it is there */
    { false, "Sec-Fetch-Site: same-origin\r\n", true },
    { true, "Sec-Fetch-Site: same-origin\r\nOrigin: https://renamed-by-a-proxy.example\r\n", true },
    { false, "Sec-Fetch-Site: none\r\n", true },
    { false, "Sec-Fetch-Site: cross-site\r\n", false },
    { false, "Sec-Fetch-Site: same-site\r\n", false },
    { false, "Sec-Fetch-Site: \r\n", false },
    { false, "Sec-Fetch-Site: cross-site\r\nOrigin: http://stats.shop.example\r\n", false },
    { false, "Sec-Fetch-Site: Same-Origin\r\n", false },
    /* then Origin */
    { false, "Origin: http://stats.shop.example\r\n", true },
    { false, "Origin: http://STATS.shop.example\r\n", true },
    { false, "Origin: http://stats.shop.example:80\r\n", true },
    { true, "Origin: https://stats.shop.example\r\n", true },
    { true, "Origin: https://stats.shop.example:443\r\n", true },
    { false, "Origin: https://stats.shop.example\r\n", true },
    { true, "Origin: http://stats.shop.example\r\n", false },
    { false, "Origin: http://stats.shop.example:8080\r\n", false },
    { false, "Origin: http://stats.shop.example:443\r\n", false },
    { false, "Origin: http://shop.example\r\n", false },
    { false, "Origin: http://stats.shop.example.evil.example\r\n", false },
    { false, "Origin: http://evil.example\r\n", false },
    { false, "Origin: http://evilstats.shop.example\r\n", false },
    { false, "Origin: null\r\n", false },
    { false, "Origin: \r\n", false },
    { false, "Origin: stats.shop.example\r\n", false },
    { false, "Origin: http://\r\n", false },
    { false, "Origin: http://evil.example\r\nReferer: http://stats.shop.example/optout\r\n",
      false },
    /* then Referer */
    { false, "Referer: http://stats.shop.example/optout\r\n", true },
    { false, "Referer: http://stats.shop.example\r\n", true },
    { false, "Referer: http://stats.shop.example:80/\r\n", true },
    { true, "Referer: https://stats.shop.example/optout?a=b\r\n", true },
    { true, "Referer: http://stats.shop.example/optout\r\n", false },
    { false, "Referer: http://evil.example/http://stats.shop.example/\r\n", false },
    { false, "Referer: http://stats.shop.example@evil.example/\r\n", false },
    { false, "Referer: http://evil.example?http://stats.shop.example/\r\n", false },
    { false, "Referer: http://stats.shop.example.evil.example/\r\n", false },
    { false, "Referer: ftp://stats.shop.example/\r\n", false },
    { false, "Referer: /optout\r\n", false },
    { false, "Referer: \r\n", false },
    /* nothing proves nothing */
    { false, "", false },
    { false, "Cookie: crumb_id=x\r\n", false },
};

static void trust_the_peer(void)
{
    static struct ip_net net;

    ip_net_parse(STR("203.0.113.7"), &net);
    e.config.proxies = (struct config_proxies){ &net, 1, CLIENT_ADDRESS_X_FORWARDED_FOR };
}

Test(optout, only_our_own_page_changes_anything)
{
    static const char *const paths[] = { "POST /optout", "POST /optin" };

    trust_the_peer();
    for (size_t i = 0; i < 2 * sizeof origins / sizeof origins[0]; i++) {
        const struct origin_row *row = &origins[i / 2];
        char lines[512];

        snprintf(lines, sizeof lines, "%s%s", row->https ? "X-Forwarded-Proto: https\r\n" : "",
                 row->lines);
        edge_ask(&e, paths[i % 2], lines);
        cr_expect_eq(edge_status(&e), row->is_same ? 303 : 403, "%s\n%s: %d", paths[i % 2], lines,
                     edge_status(&e));
        cr_expect_eq(edge_line(&e, "Set-Cookie:", 0).p != NULL, row->is_same, "%s", lines);
    }
}

Test(optout, prefetch_changes_nothing)
{
    edge_ask(&e, "POST /optout", SAME "Sec-Purpose: prefetch\r\n");
    cr_expect_eq(edge_status(&e), 403);
    cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
    cr_expect_eq(e.metrics.optouts, 0);
}

Test(optout, get_and_head_change_nothing)
{
    static const char *const lines[] = { "GET /optout", "HEAD /optout", "GET /optout?optout=1",
                                         "GET /optin", "HEAD /optin" };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        edge_ask(&e, lines[i], SAME);
        cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p, "%s", lines[i]);
    }
    cr_expect_eq(e.metrics.optouts + e.metrics.optins, 0);
}

Test(optout, button_sets_the_optout_and_ends_the_identifier)
{
    edge_ask(&e, "POST /optout", SAME);
    cr_expect_eq(edge_status(&e), 303);
    expect_line("Location:", 0, "Location: /optout");
    expect_line("Cache-Control:", 0, "Cache-Control: no-store");
    expect_line("Set-Cookie:", 0, OUT_SET);
    expect_line("Set-Cookie:", 1, ID_END);
    cr_expect_null(edge_line(&e, "Set-Cookie:", 2).p);
    cr_expect_eq(e.metrics.optouts, 1);
}

Test(optout, second_button_takes_it_back_and_sets_no_identifier)
{
    edge_ask(&e, "POST /optin", SAME "Cookie: crumb_optout=1\r\n");
    cr_expect_eq(edge_status(&e), 303);
    expect_line("Location:", 0, "Location: /optout");
    expect_line("Set-Cookie:", 0, OUT_END);
    cr_expect_null(edge_line(&e, "Set-Cookie:", 1).p);
    cr_expect_eq(e.metrics.optins, 1);
}

/*
 * An id set with Domain= is another cookie than a host-only one: both must go. Other customers'
 * domains are not told.
 */
Test(optout, button_reaches_every_domain_above_this_host)
{
    static char a[] = "a", b[] = "b", c[] = "c", d[] = "d", f[] = "f";
    static char above[] = "shop.example", host[] = "stats.shop.example", other[] = "other.example",
                like[] = "hop.example";
    struct config_site sites[] = {
        { .name = a, .cookie_domain = above },
        { .name = b, .cookie_domain = other },
        { .name = c },
        { .name = d, .cookie_domain = above },
        { .name = f, .cookie_domain = host },
        { .name = f, .cookie_domain = like },
    };

    e.config.sites = sites;
    e.config.sites_count = sizeof sites / sizeof sites[0];
    edge_ask(&e, "POST /optout", SAME);
    expect_line("Set-Cookie:", 0, OUT_SET);
    expect_line("Set-Cookie:", 1, ID_END);
    expect_line(
        "Set-Cookie:", 2,
        "Set-Cookie: crumb_optout=1; Max-Age=34560000; Path=/; Domain=shop.example; SameSite=Lax");
    expect_line(
        "Set-Cookie:", 3,
        "Set-Cookie: crumb_id=; Max-Age=0; Path=/; Domain=shop.example; HttpOnly; SameSite=Lax");
    expect_line("Set-Cookie:", 4,
                "Set-Cookie: crumb_optout=1; Max-Age=34560000; Path=/; Domain=stats.shop.example; "
                "SameSite=Lax");
    cr_expect_null(edge_line(&e, "Set-Cookie:", 6).p);
    edge_ask(&e, "POST /optin", SAME);
    expect_line("Set-Cookie:", 1,
                "Set-Cookie: crumb_optout=; Max-Age=0; Path=/; Domain=shop.example; SameSite=Lax");
    cr_expect_null(edge_line(&e, "Set-Cookie:", 3).p);
}
