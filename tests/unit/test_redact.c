/*
 * test_redact.c - personal data in URLs, titles and params: what goes, what stays, and that nothing slips through.
 */
#include <criterion/criterion.h>

#include "model/facts.h"
#include "model/redact.h"

static char *keep[] = { (char[]){ "phone" }, (char[]){ "page" } };
static char *drop[] = { (char[]){ "ref_id" } };
static char *everything[] = { (char[]){ "*" } };

static const struct row {
    const char *url, *wanted;
} urls[] = {
    /* nothing personal: as it was */
    { "https://s.example/a?x=1&y=2#z", "https://s.example/a?x=1&y=2#z" },
    { "https://s.example/", "https://s.example/" },
    { "not a url", "not a url" },
    { "https://s.example/@john.doe/post", "https://s.example/@john.doe/post" },
    { "https://s.example/a@b", "https://s.example/a@b" },
    { "https://s.example/?emails=5&tokenizer=x", "https://s.example/?emails=5&tokenizer=x" },
    { "https://s.example/?email", "https://s.example/?email" },
    { "https://s.example/?user_type=a&mobileview=1&x=%3D",
      "https://s.example/?user_type=a&mobileview=1&x=%3D" },
    { "https://s.example/?next=%2Fshop%3Fpage%3D2", "https://s.example/?next=%2Fshop%3Fpage%3D2" },
    { "https://s.example/a=1;v=2/b", "https://s.example/a=1;v=2/b" },
    /* keys */
    { "https://s.example/?email=x", "https://s.example/?email=***" },
    { "https://s.example/?a=1&E-Mail=x&b=2", "https://s.example/?a=1&E-Mail=***&b=2" },
    { "https://s.example/?access_token=abc", "https://s.example/?access_token=***" },
    { "https://s.example/?a=1;password=p;b=2", "https://s.example/?a=1;password=***;b=2" },
    { "https://s.example/?e%6Dail=x", "https://s.example/?e%6Dail=***" },
    { "https://s.example/?phone=1&phone=2", "https://s.example/?phone=***&phone=***" },
    { "https://s.example/?token=a=b=c", "https://s.example/?token=***" },
    { "https://s.example/cb#access_token=abc&state=1",
      "https://s.example/cb#access_token=***&state=1" },
    { "https://s.example/#/reset?token=abc", "https://s.example/#/reset?token=***" },
    { "https://s.example/?a=1?token=abc", "https://s.example/?a=1?token=***" },
    { "/relative?token=abc", "/relative?token=***" },
    { "https://s.example/?e%256Dail=x", "https://s.example/?e%256Dail=***" },
    /* keys that end in one */
    { "https://s.example/?customer_email=x&billing-phone=y&newPassword=z",
      "https://s.example/?customer_email=***&billing-phone=***&newPassword=***" },
    { "https://s.example/?user[email]=x&user%5Bfirst_name%5D=y&token[]=z",
      "https://s.example/?user[email]=***&user%5Bfirst_name%5D=***&token[]=***" },
    /* in the path */
    { "https://s.example/a;jsessionid=x", "https://s.example/a;jsessionid=***" },
    { "https://s.example/a;email=x;v=1/b;pin=2/c?d=1",
      "https://s.example/a;email=***;v=1/b;pin=***/c?d=1" },
    /* in another URL */
    { "https://s.example/?next=https%3A%2F%2Fo.example%2F%3Fa%3D1%26token%3Dx&b=2",
      "https://s.example/?next=***&b=2" },
    { "https://s.example/?next=https%253A%252F%252Fo.example%252F%253Ftoken%253Dx",
      "https://s.example/?next=***" },
    { "https://s.example/?next=/login?password=x", "https://s.example/?next=/login?password=***" },
    /* who logs in */
    { "https://user:word@s.example/a", "https://s.example/a" },
    { "https://john@example.org/a?b=1", "https://example.org/a?b=1" },
    { "ftp://jo@hn:word@s.example", "ftp://s.example" },
    { "//@", "//" },
    /* e-mail addresses */
    { "https://s.example/?q=jo.hn+tag@mail.example.org", "https://s.example/?q=***" },
    { "https://s.example/?q=john%40example.org&b=1", "https://s.example/?q=***&b=1" },
    { "https://s.example/?q=john%2540example.org", "https://s.example/?q=***" },
    { "https://s.example/?q=jo%2Bhn%40example%2Eorg", "https://s.example/?q=***" },
    { "https://s.example/u/john@example.org/edit", "https://s.example/u/***/edit" },
    { "https://s.example/?u=mailto%3Ajohn%40example.org", "https://s.example/?u=mailto%3A***" },
    { "https://s.example/?u=%22john%40example.org%22", "https://s.example/?u=%22***%22" },
    { "https://s.example/#john@example.org", "https://s.example/#***" },
    { "https://s.example/?q=a@b.de,c@d.de", "https://s.example/?q=***,***" },
    { "https://s.example/?q=j%c3%b6rg%40example.org", "https://s.example/?q=***" },
};

static struct str redact_url_of(const char *url, const struct config_site *site, struct buf *b)
{
    struct facts facts;

    facts_clear(&facts);
    facts.url = str_of(url);
    redact_facts(&facts, site, b);
    return facts.url;
}

Test(redact, urls_lose_personal_values_and_addresses_and_nothing_else)
{
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char memory[REDACT_BYTES_MAX];
        struct buf b = buf_over(memory, sizeof memory);
        struct str got = redact_url_of(urls[i].url, NULL, &b);

        cr_expect(str_eq(got, str_of(urls[i].wanted)), "%s: %.*s", urls[i].url, STR_ARG(got));
    }
}

Test(redact, text_without_anything_personal_is_not_copied)
{
    char memory[16];
    struct buf b = buf_over(memory, sizeof memory);
    const char *url = "https://s.example/a-long-path/that-would-not-fit?into=16&bytes=1#of-memory";

    cr_expect_eq(redact_url_of(url, NULL, &b).p, url);
    cr_expect_eq(b.n, 0);
}

Test(redact, keep_wins_over_drop_and_drop_over_nothing)
{
    struct config_site site = {
        .query_keep = keep, .query_keep_count = 2, .query_drop = drop, .query_drop_count = 1
    };
    char memory[REDACT_BYTES_MAX];
    struct buf b = buf_over(memory, sizeof memory);
    struct str got =
        redact_url_of("https://s/?phone=iphone&ref_id=7&REF_ID=8&token=x&a=1", &site, &b);

    cr_expect(str_eq(got, STR("https://s/?phone=iphone&ref_id=***&REF_ID=***&token=***&a=1")),
              "%.*s", STR_ARG(got));
    site.query_drop = everything;
    got = redact_url_of("https://s/?page=2&a=1&phone=5", &site, &b);
    cr_expect(str_eq(got, STR("https://s/?page=2&a=***&phone=5")), "%.*s", STR_ARG(got));
}

Test(redact, every_text_of_the_facts_is_looked_at)
{
    char memory[REDACT_BYTES_MAX];
    struct buf b = buf_over(memory, sizeof memory);
    struct facts facts;

    facts_clear(&facts);
    facts.ref = STR("https://r/?token=1");
    facts.title = STR("Welcome john@example.org!");
    facts.name = STR("john@example.org");
    facts_add_param(&facts, STR("link"), STR("https://o/?email=x&a=1"));
    facts_add_param(&facts, STR("Phone-Number"), STR("+49 30 1"));
    facts_add_param(&facts, STR("note"), STR("ask john@example.org"));
    facts_add_param(&facts, STR("plan"), STR("pro"));
    facts_add_param(&facts, STR("path"), STR("/a?token=x"));
    facts_add_param(&facts, STR("page"), STR("see https://john:word@s.example/?a=1&token=x"));
    redact_facts(&facts, NULL, &b);
    cr_expect(str_eq(facts.ref, STR("https://r/?token=***")));
    cr_expect(str_eq(facts.title, STR("Welcome ***!")));
    cr_expect(str_eq(facts.name, STR("***")));
    cr_expect(str_eq(facts.params[0].value, STR("https://o/?email=***&a=1")));
    cr_expect(str_eq(facts.params[1].value, STR("***")));
    cr_expect(str_eq(facts.params[2].value, STR("ask ***")));
    cr_expect(str_eq(facts.params[3].value, STR("pro")));
    cr_expect(str_eq(facts.params[4].value, STR("/a?token=***")));
    cr_expect(str_eq(facts.params[5].value, STR("see https://s.example/?a=1&token=***")));
}

Test(redact, memory_that_runs_out_lets_nothing_through)
{
    for (size_t cap = 0; cap < 40; cap++) {
        char memory[40];
        struct buf b = buf_over(memory, cap);
        struct facts facts;

        facts_clear(&facts);
        facts.url = STR("https://s.example/?q=john@example.org");
        facts_add_param(&facts, STR("note"), STR("ask john@example.org"));
        redact_facts(&facts, NULL, &b);
        cr_expect(facts.url.p == NULL || memmem(facts.url.p, facts.url.n, "john", 4) == NULL);
        cr_expect(memmem(facts.params[0].value.p, facts.params[0].value.n, "john", 4) == NULL);
    }
}

static const struct referrer_row {
    enum config_referrer referrer;
    const char *ref, *wanted;
} referrers[] = {
    { REFERRER_FULL, "https://other.example/a?b=1", "https://other.example/a?b=1" },
    { REFERRER_ORIGIN, "https://other.example/a?b=1", "https://other.example" },
    { REFERRER_NONE, "https://other.example/a?b=1", "" },
    { REFERRER_ORIGIN, "https://s.example/a?b=1", "https://s.example/a?b=1" },
    { REFERRER_NONE, "https://S.example/a?b=1", "https://S.example/a?b=1" },
    { REFERRER_ORIGIN, "android-app://com.example/x", "android-app://com.example" },
    { REFERRER_ORIGIN, "no url", "" },
};

Test(redact, referrers_of_other_sites_are_cut_as_configured)
{
    for (size_t i = 0; i < sizeof referrers / sizeof referrers[0]; i++) {
        const struct referrer_row *row = &referrers[i];
        struct config_site site = { .referrer = row->referrer };
        char memory[REDACT_BYTES_MAX];
        struct buf b = buf_over(memory, sizeof memory);
        struct facts facts;

        facts_clear(&facts);
        facts.url = STR("https://s.example/page");
        facts.ref = str_of(row->ref);
        redact_facts(&facts, &site, &b);
        cr_expect(str_eq(facts.ref, str_of(row->wanted)), "%s: %.*s", row->ref, STR_ARG(facts.ref));
    }
}

Test(redact, a_sample_loses_them_wherever_they_stand)
{
    char memory[200];
    struct buf b = buf_over(memory, sizeof memory);

    redact_add_text(
        &b,
        STR("{\"sw\":\"wide\",\"uid\":\"john@example.org\",\"url\":\"https://s/?a=1&token=x\"}"));
    cr_expect(str_eq(buf_str(&b),
                     STR("{\"sw\":\"wide\",\"uid\":\"***\",\"url\":\"https://s/?a=1&token=***")),
              "%.*s", STR_ARG(buf_str(&b)));
}

Test(redact, any_bytes_are_read_within_their_bounds)
{
    static const char *const odd[] = { "%",    "%4",    "@",     "a@",    "@a.de",  "%40",
                                       "a%40", "%25",   "%2540", "a@b.",  "?",      "#",
                                       "//",   "a@.de", "?=",    "?&;=&", "%%%40%", "a@b..de" };
    char memory[REDACT_BYTES_MAX];

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        size_t n = strlen(odd[i]);
        char *exact = malloc(n); /* so that a sanitizer sees a step beyond it */
        struct buf b = buf_over(memory, sizeof memory);
        struct facts facts;

        memcpy(exact, odd[i], n);
        facts_clear(&facts);
        facts.url = facts.title = str_from(exact, n);
        redact_facts(&facts, NULL, &b);
        cr_expect(str_eq(facts.title, str_from(exact, n)), "%s", odd[i]);
        free(exact);
    }
}
