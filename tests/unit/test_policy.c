/* policy: an opt-out is found wherever it stands, and an address is kept only as far as allowed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/policy.h"

static char id_name[] = "crumb_id", optout_name[] = "crumb_optout";
static const struct config_cookies names = { id_name, optout_name, false };

static char consent[] = "OptanonConsent", consent_pattern[] = "*C0002:0*", cmp[] = "cmp",
            cmp_pattern[] = "n?";
static struct config_optout_cookie optouts[] = { { consent, consent_pattern },
                                                 { cmp, cmp_pattern } };
static const struct config_site shop = { .optout_cookies = optouts, .optout_cookies_count = 2 };

static struct policy_cookies read_header(const char *header, const struct config_site *site)
{
    struct policy_cookies cookies;

    memset(&cookies, 0xAA, sizeof cookies);
    policy_read_cookies(&cookies, str_of(header), &names, site);
    return cookies;
}

Test(policy, an_optout_wins_wherever_it_stands)
{
    static const char *const headers[] = {
        "crumb_optout=1",
        "crumb_optout=0",
        "crumb_optout=",
        "crumb_optout",
        "crumb_optout=\"1\"",
        " crumb_optout=1",
        "\tcrumb_optout =1",
        "crumb_id=a; crumb_optout=1",
        "crumb_id=a;crumb_optout=1;crumb_id=b",
        "crumb_id=a; crumb_id=b; crumb_id=c; crumb_id=d; crumb_id=e; crumb_optout=1",
        ";;;=; =x;\"; crumb_optout=1",
        "a=\"; crumb_optout=1; b=\"",
        "a=b=c; ; =;crumb_optout=1;",
    };

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct policy_cookies cookies = read_header(headers[i], NULL);

        cr_expect(cookies.opted_out, "%s", headers[i]);
        cr_expect_eq(cookies.ids_count, 0, "%s: an id was read", headers[i]);
    }
}

Test(policy, what_looks_like_an_optout_is_none)
{
    static const char *const headers[] = {
        "",
        ";",
        ";;;;",
        " ; ; ",
        "=",
        "Crumb_optout=1",
        "xcrumb_optout=1",
        "crumb_optout2=1",
        "x=crumb_optout=1",
        "crumb_ optout=1",
        "crumb_optout,=1",
        "x=\"crumb_optout\"",
    };

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        cr_expect_not(read_header(headers[i], &shop).opted_out, "%s", headers[i]);
}

Test(policy, absent_header_says_nothing)
{
    struct policy_cookies cookies;

    policy_read_cookies(&cookies, STR_ABSENT, &names, &shop);
    cr_expect_not(cookies.opted_out);
    cr_expect_eq(cookies.ids_count, 0);
}

Test(policy, four_ids_are_kept_in_order)
{
    static const char *const want[] = { "a", "b", "", "d=d" };
    struct policy_cookies cookies = read_header(
        "x=1; crumb_id=a; CRUMB_ID=no; crumb_id=\"b\"; crumb_id=; crumb_id = d=d ; crumb_id=e",
        NULL);

    cr_expect_not(cookies.opted_out);
    cr_assert_eq(cookies.ids_count, POLICY_IDS_MAX);
    for (unsigned i = 0; i < POLICY_IDS_MAX; i++)
        cr_expect(str_eq(cookies.ids[i], str_of(want[i])), "id %u is \"%.*s\"", i,
                  STR_ARG(cookies.ids[i]));
}

Test(policy, a_site_s_own_optout_cookie_counts)
{
    static const struct {
        const char *header;
        bool out;
    } rows[] = {
        { "OptanonConsent=groups=C0001:1,C0002:0,C0003:1", true },
        { "OptanonConsent=C0002:0", true },
        { "OptanonConsent=groups=C0001:1,C0002:1", false },
        { "OptanonConsent=", false },
        { "OptanonConsent", false },
        { "optanonconsent=C0002:0", false },
        { "cmp=no; crumb_id=a", true },
        { "crumb_id=a; cmp=\"nx\"", true },
        { "cmp=n", false },
        { "cmp=noo", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(read_header(rows[i].header, &shop).opted_out, rows[i].out, "%s",
                     rows[i].header);
        cr_expect_not(read_header(rows[i].header, NULL).opted_out, "%s without a site",
                      rows[i].header);
    }
}

Test(policy, patterns)
{
    static const struct {
        const char *pattern, *value;
        bool out;
    } rows[] = {
        { "*", "", true },           { "*", "x", true },        { "?", "", false },
        { "?", "x", true },          { "a*", "abc", true },     { "a*", "ba", false },
        { "*a", "ba", true },        { "*a", "ab", false },     { "a*b*c", "aXbYc", true },
        { "a*b*c", "aXcYb", false }, { "**", "x", true },       { "a**b", "ab", true },
        { "[a]", "a", false },       { "[a]", "[a]", true },    { "a\\*", "a\\x", true },
        { "*ab", "aab", true },      { "*aab", "aaaab", true }, { "ab", "abc", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char pattern[16], header[32];
        struct config_optout_cookie row = { cmp, pattern };
        const struct config_site site = { .optout_cookies = &row, .optout_cookies_count = 1 };

        snprintf(pattern, sizeof pattern, "%s", rows[i].pattern);
        snprintf(header, sizeof header, "cmp=%s", rows[i].value);
        cr_expect_eq(read_header(header, &site).opted_out, rows[i].out, "%s against %s",
                     rows[i].value, rows[i].pattern);
    }
}

/* A matcher that tries every split of the text would not come back from this. */
Test(policy, a_pattern_of_many_stars_is_decided_at_once, .timeout = 5)
{
    static char pattern[] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", header[16001];
    struct config_optout_cookie row = { cmp, pattern };
    const struct config_site site = { .optout_cookies = &row, .optout_cookies_count = 1 };

    memset(header, 'a', sizeof header - 1);
    memcpy(header, "cmp=", 4);
    cr_expect_not(read_header(header, &site).opted_out);
}

Test(policy, random_headers_are_walked_to_their_end)
{
    static const char alphabet[] = ";;== \t\"crumb_id,crumb_optout\xff\x01\0";
    unsigned seed = 2;

    for (int round = 0; round < 5000; round++) {
        char header[256];
        size_t n = (size_t)rand_r(&seed) % (sizeof header - 16);
        struct policy_cookies cookies;

        for (size_t i = 0; i < n; i++)
            header[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        policy_read_cookies(&cookies, str_from(header, n), &names, &shop);
        cr_assert_leq(cookies.ids_count, POLICY_IDS_MAX);
        memcpy(header + n, ";crumb_optout=1", 15);
        policy_read_cookies(&cookies, str_from(header, n + 15), &names, &shop);
        cr_assert(cookies.opted_out, "round %d", round);
        cr_assert_eq(cookies.ids_count, 0);
    }
}

Test(policy, verdicts)
{
    static const struct {
        enum config_gpc gpc;
        bool opted_out, signal;
        enum policy_verdict verdict;
    } rows[] = {
        { GPC_SHARE, false, false, POLICY_STORE },
        { GPC_SHARE, false, true, POLICY_STORE },
        { GPC_SHARE, true, false, POLICY_OPTED_OUT },
        { GPC_SHARE, true, true, POLICY_OPTED_OUT },
        { GPC_OPTOUT, false, false, POLICY_STORE },
        { GPC_OPTOUT, false, true, POLICY_OPTED_OUT },
        { GPC_OPTOUT, true, false, POLICY_OPTED_OUT },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct config_privacy privacy = { .gpc = rows[i].gpc };

        cr_expect_eq(policy_decide(&privacy, rows[i].opted_out, rows[i].signal), rows[i].verdict,
                     "row %zu", i);
    }
}

Test(policy, addresses_are_kept_as_far_as_allowed)
{
    static const struct {
        enum config_ip mode;
        const char *ip, *stored;
    } rows[] = {
        { IP_FULL, "192.0.2.255", "192.0.2.255" },
        { IP_FULL, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6" },
        { IP_MASKED, "192.0.2.255", "192.0.2.0" },
        { IP_MASKED, "2001:db8:1:2:3:4:5:6", "2001:db8:1::" },
        { IP_MASKED, "::ffff:192.0.2.255", "192.0.2.0" },
        { IP_NONE, "192.0.2.255", "" },
        { IP_NONE, "2001:db8:1:2:3:4:5:6", "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct config_privacy privacy = { .ip = rows[i].mode };
        char text[IP_TEXT_BYTES];
        struct buf b = buf_over(text, sizeof text);
        struct ip ip, stored;

        cr_assert(ip_parse(str_of(rows[i].ip), &ip));
        stored = policy_stored_ip(&privacy, &ip);
        ip_add(&b, &stored);
        cr_expect(str_eq(buf_str(&b), str_of(rows[i].stored)), "%s becomes %.*s", rows[i].ip,
                  STR_ARG(buf_str(&b)));
    }
}
