/*
 * test_classify.c - bots, browsers and referrers by the lists that crumb installs, and lists that are
 * broken.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/report/classify.h"
#include "model/bots.h"
#include "model/patterns.h"
#include "support/tmp_dir.h"

#define CHROME                                                                                     \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "            \
    "Chrome/131.0.0.0 Safari/537.36"

static bool is(struct str s, const char *text)
{
    return str_eq(s.p == NULL ? STR("") : s, str_of(text));
}

Test(patterns, the_first_of_the_list_that_matches)
{
    static const char *const list[] = { "^curl",         "[wW]get", "Ahrefs(Bot|SiteAudit)", "Bot",
                                        "a{2}b",         "x?yz",    "(foo|ba+r)/(\\d+)",     "Qux$",
                                        "(?:opt)?ional", "a|b" };
    static const struct {
        const char *text;
        int row;
    } rows[] = {
        { "curl/8", 0 },       { "my curl", -1 },  { "Wget/1", 1 },
        { "GNU wget", 1 },     { "AhrefsBot", 2 }, { "OtherBot", 3 },
        { "otherbot", 8 + 1 }, { "xaaby", 4 },     { "yz", 5 },
        { "baaar/12", 6 },     { "foo/", -1 },     { "Qux", 7 },
        { "Quxx", -1 },        { "ional", 8 },     { "", -1 },
    };
    struct patterns *patterns = patterns_new();
    struct patterns_memory *memory;
    struct str captures[PATTERNS_CAPTURES];

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        cr_assert_eq(patterns_add(patterns, str_of(list[i]), false), 0);
    cr_assert_eq(patterns_build(patterns), 0);
    memory = patterns_memory_new(patterns);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(patterns_first(patterns, memory, str_of(rows[i].text), NULL), rows[i].row,
                     "%s", rows[i].text);
        cr_expect_eq(patterns_first(patterns, memory, str_of(rows[i].text), captures), rows[i].row,
                     "%s", rows[i].text);
    }
    patterns_first(patterns, memory, STR("x foo/42"), captures);
    cr_expect(is(captures[1], "foo") && is(captures[2], "42"));
    patterns_memory_free(memory);
    patterns_free(patterns);
}

Test(classify, bots_are_named_and_people_are_not_bots)
{
    static const struct {
        const char *ua, *kind, *name;
    } rows[] = {
        { CHROME, NULL, NULL },
        { "", NULL, NULL },
        { "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
          "search-engine", "Googlebot" },
        { "Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
          "ai-training", "GPTBot" },
        { "Mozilla/5.0 (compatible; OAI-SearchBot/1.0)", "ai-search", "OAI-SearchBot" },
        { "Mozilla/5.0 (compatible; ChatGPT-User/1.0)", "ai-user", "ChatGPT-User" },
        { "Mozilla/5.0 (compatible; ClaudeBot/1.0)", "ai-training", "ClaudeBot" },
        { "curl/8.5.0", "http-library", "curl" },
    };
    struct err e = { 0 };
    struct bots *bots = bots_load("conf/data/crawlers.tsv", &e);
    struct bots_memory *memory;

    cr_assert_not_null(bots, "%s", e.text);
    memory = bots_memory_new(bots);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int row = bots_find(bots, memory, str_of(rows[i].ua));

        cr_expect_eq(row >= 0, rows[i].name != NULL, "%s", rows[i].ua);
        if (row >= 0 && rows[i].name != NULL)
            cr_expect(is(bots_kind(bots, row), rows[i].kind) &&
                          is(bots_name(bots, row), rows[i].name),
                      "%s: %.*s", rows[i].ua, STR_ARG(bots_name(bots, row)));
    }
    bots_memory_free(memory);
    bots_free(bots);
}

Test(classify, user_agents_are_what_uap_core_says)
{
    static const struct {
        const char *ua, *browser, *version, *system, *device, *type;
    } rows[] = {
        { CHROME, "Chrome", "131", "Windows", "Other", "desktop" },
        { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
          "like Gecko) Version/17.5 "
          "Mobile/15E148 Safari/604.1",
          "Mobile Safari", "17", "iOS", "iPhone", "phone" },
        { "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/16.6 "
          "Mobile/15E148 Safari/604.1",
          "Mobile Safari", "16", "iOS", "iPad", "tablet" },
        { "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox",
          "128", "Linux", "Other", "desktop" },
        { "", "Other", "", "Other", "Other", "other" },
        { "\xFF<script>", "Other", "", "Other", "Other", "other" },
    };
    struct err e = { 0 };
    struct agents *agents = agents_load("/usr/share/uap-core/regexes.yaml", &e);
    struct agents_memory *memory;
    struct agent agent;

    cr_assert_not_null(agents, "%s", e.text);
    memory = agents_memory_new(agents);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        agents_find(agents, memory, str_of(rows[i].ua), &agent);
        cr_expect(is(agent.browser, rows[i].browser), "%s: %.*s", rows[i].ua,
                  STR_ARG(agent.browser));
        cr_expect(is(agent.browser_version, rows[i].version), "%s", rows[i].ua);
        cr_expect(is(agent.system, rows[i].system), "%s: %.*s", rows[i].ua, STR_ARG(agent.system));
        cr_expect(is(agent.device, rows[i].device), "%s: %.*s", rows[i].ua, STR_ARG(agent.device));
        cr_expect(is(agent.device_type, rows[i].type), "%s: %.*s", rows[i].ua,
                  STR_ARG(agent.device_type));
    }
    agents_memory_free(memory);
    agents_free(agents);
}

Test(classify, referrers_have_a_medium_and_a_source)
{
    static const struct {
        const char *host, *ref, *ref_host, *medium, *source;
    } rows[] = {
        { "www.shop.example", NULL, NULL, "direct", "" },
        { "www.shop.example", "https://blog.shop.example/x", "blog.shop.example", "internal", "" },
        { "a.shop.co.uk", "https://b.shop.co.uk/", "b.shop.co.uk", "internal", "" },
        { "a.co.uk", "https://b.co.uk/", "b.co.uk", "referral", "b.co.uk" },
        { "me.github.io", "https://you.github.io/", "you.github.io", "referral", "you.github.io" },
        { "shop.example", "https://www.google.co.uk/", "www.google.co.uk", "search", "Google" },
        { "shop.example", "https://mail.google.com/", "mail.google.com", "email", "Gmail" },
        { "shop.example", "https://gemini.google.com/", "gemini.google.com", "ai", "Gemini" },
        { "shop.example", "https://t.co/x", "t.co", "social", "X" },
        { "shop.example", "https://chatgpt.com/", "chatgpt.com", "ai", "ChatGPT" },
        { "shop.example", "https://news.site.org/", "news.site.org", "referral", "site.org" },
        { "10.0.0.1", "http://10.0.0.2/", "10.0.0.2", "referral", "10.0.0.2" },
        { "localhost", "http://localhost/", "localhost", "internal", "" },
        { NULL, "https://www.bing.com/", "www.bing.com", "search", "Bing" },
        { "shop.example", "android-app://com.reddit.frontpage/", NULL, "app",
          "com.reddit.frontpage" },
        { "shop.example", "about:blank", NULL, "referral", "" },
    };
    struct err e = { 0 };
    struct referrers *referrers = referrers_load("conf/data/referrers.tsv", &e);
    struct referrers_cache *cache = referrers_cache_new();

    cr_assert_not_null(referrers, "%s", e.text);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct referrer r = referrers_find(referrers, cache, str_of(rows[i].host),
                                               str_of(rows[i].ref), str_of(rows[i].ref_host));

            cr_expect(is(r.medium, rows[i].medium) && is(r.source, rows[i].source),
                      "%s from %s: %.*s %.*s", rows[i].host, rows[i].ref, STR_ARG(r.medium),
                      STR_ARG(r.source));
        }
    }
    referrers_cache_free(cache);
    referrers_free(referrers);
}

Test(classify, a_broken_list_is_refused_with_its_line)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], place[TMP_PATH_BYTES + 8];
    struct err e = { 0 };

    tmp_dir_path(&dir, path, "list");
    tmp_dir_write(&dir, "list", "# a comment\nkind\tname\tpattern\nkind name pattern\n");
    snprintf(place, sizeof place, "%s:3: ", path);
    cr_expect_null(bots_load(path, &e));
    cr_expect_eq(strncmp(e.text, place, strlen(place)), 0, "%s", e.text);
    cr_expect_null(referrers_load(path, &e));
    cr_expect_eq(strncmp(e.text, place, strlen(place)), 0, "%s", e.text);
    tmp_dir_write(&dir, "list", "user_agent_parsers:\n  - regex: 'a'\n    nonsense\n");
    cr_expect_null(agents_load(path, &e));
    cr_expect_eq(strncmp(e.text, place, strlen(place)), 0, "%s", e.text);
    tmp_dir_path(&dir, path, "missing");
    cr_expect_null(agents_load(path, &e));
    cr_expect_eq(e.code, ERR_MISSING);
    tmp_dir_remove(&dir);
}
