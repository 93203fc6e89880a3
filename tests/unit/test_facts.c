/* facts: a query that anybody may have sent becomes facts; what is lost is counted. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "model/facts.h"

static char memory_bytes[65536];

static struct facts read_query(const char *query, size_t n)
{
    struct buf memory = buf_over(memory_bytes, sizeof memory_bytes);
    struct facts facts;

    facts_from_query(&facts, str_from(query, n), &memory);
    return facts;
}

#define QUERY(literal) read_query(literal, sizeof(literal) - 1)

static void expect_str(const char *what, struct str got, const char *want)
{
    if (want == NULL)
        cr_expect(got.p == NULL, "%s: \"%.*s\" instead of absent", what, STR_ARG(got));
    else
        cr_expect(got.p != NULL && str_eq(got, str_of(want)), "%s: \"%.*s\" instead of \"%s\"",
                  what, STR_ARG(got), want);
}

Test(facts, all_keys_land_in_their_place)
{
    struct facts f =
        QUERY("site=shop&e=buy&url=https%3A%2F%2Fa%2F%3Fx%3D1&ref=r&title=a+b%20c&sw=1920&sh=0&"
              "lang=de-DE&pv=p1&colour=red");

    expect_str("site", f.site, "shop");
    expect_str("e", f.name, "buy");
    expect_str("url", f.url, "https://a/?x=1");
    expect_str("ref", f.ref, "r");
    expect_str("title", f.title, "a b c");
    expect_str("lang", f.lang, "de-DE");
    expect_str("pv", f.pv, "p1");
    cr_expect_eq(f.sw, 1920);
    cr_expect_eq(f.sh, 0);
    cr_assert_eq(f.params_count, 1);
    expect_str("param key", f.params[0].key, "colour");
    expect_str("param value", f.params[0].value, "red");
    cr_expect_eq(f.params_dropped, 0);
}

Test(facts, absent_query_gives_no_facts)
{
    struct buf memory = buf_over(memory_bytes, sizeof memory_bytes);
    struct facts f;

    facts_from_query(&f, STR_ABSENT, &memory);
    expect_str("site", f.site, NULL);
    expect_str("url", f.url, NULL);
    cr_expect_eq(f.sw, -1);
    cr_expect_eq(f.sh, -1);
    cr_expect_eq(f.params_count, 0);
    cr_expect_eq(f.params_dropped, 0);
}

Test(facts, odd_pairs_are_read_as_browsers_mean_them)
{
    static const struct {
        const char *query, *site, *key, *value;
        unsigned params, dropped;
    } rows[] = {
        { "", NULL, NULL, NULL, 0, 0 },
        { "&&&", NULL, NULL, NULL, 0, 0 },
        { "site", NULL, NULL, NULL, 0, 0 },
        { "site=", NULL, NULL, NULL, 0, 0 },
        { "site=&site=b", "b", NULL, NULL, 0, 0 },
        { "site=a&site=b", "a", NULL, NULL, 0, 1 },
        { "s%69te=a", "a", NULL, NULL, 0, 0 },
        { "site=a=b", "a=b", NULL, NULL, 0, 0 },
        { "Site=a", NULL, "Site", "a", 1, 0 },
        { "x", NULL, "x", "", 1, 0 },
        { "x=", NULL, "x", "", 1, 0 },
        { "x=&x=1", NULL, "x", "", 1, 1 },
        { "=1", NULL, NULL, NULL, 0, 1 },
        { "=", NULL, NULL, NULL, 0, 1 },
        { "x=%", NULL, "x", "%", 1, 0 },
        { "x=%4", NULL, "x", "%4", 1, 0 },
        { "x=%zz%41", NULL, "x", "%zzA", 1, 0 },
        { "a+b=c+d", NULL, "a b", "c d", 1, 0 },
        { "x=%C3%BC", NULL, "x", "\xC3\xBC", 1, 0 },
        { "x=%ff", NULL, "x", "\xFF", 1, 0 },
        { "%ff=1", NULL, "\xEF\xBF\xBD", "1", 1, 0 },
        { "%ff=1&%fe=2", NULL, "\xEF\xBF\xBD", "1", 1, 1 },
        { "\xff=1", NULL, "\xEF\xBF\xBD", "1", 1, 0 },
        { "dnt=1", NULL, "dnt", "1", 1, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct facts f = read_query(rows[i].query, strlen(rows[i].query));

        expect_str(rows[i].query, f.site, rows[i].site);
        cr_expect_eq(f.params_count, rows[i].params, "%s: %u params", rows[i].query,
                     f.params_count);
        cr_expect_eq(f.params_dropped, rows[i].dropped, "%s: %u dropped", rows[i].query,
                     f.params_dropped);
        if (rows[i].key != NULL && f.params_count == 1) {
            expect_str(rows[i].query, f.params[0].key, rows[i].key);
            expect_str(rows[i].query, f.params[0].value, rows[i].value);
        }
    }
}

Test(facts, screen_sizes_outside_the_range_are_absent)
{
    static const struct {
        const char *query;
        int32_t sw;
    } rows[] = {
        { "sw=0", 0 },       { "sw=100000", 100000 },
        { "sw=100001", -1 }, { "sw=-1", -1 },
        { "sw=1e3", -1 },    { "sw=12.5", -1 },
        { "sw= 12", -1 },    { "sw=99999999999999999999", -1 },
        { "sw=", -1 },       { "sw=x&sw=7", 7 },
        { "sw=%31%32", 12 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct facts f = read_query(rows[i].query, strlen(rows[i].query));

        cr_expect_eq(f.sw, rows[i].sw, "%s gives %d", rows[i].query, f.sw);
    }
}

Test(facts, zero_byte_is_kept)
{
    struct facts f = QUERY("x=a%00b");

    cr_assert_eq(f.params_count, 1);
    cr_expect(str_eq(f.params[0].value, STR("a\0b")));
}

Test(facts, more_than_32_params_are_counted)
{
    char query[1024];
    struct buf b = buf_over(query, sizeof query);
    struct facts f;

    for (unsigned i = 0; i < 40; i++)
        buf_addf(&b, "p%u=%u&", i, i);
    f = read_query(query, b.n);
    cr_expect_eq(f.params_count, EVENT_PARAMS_MAX);
    cr_expect_eq(f.params_dropped, 40 - EVENT_PARAMS_MAX);
    expect_str("last", f.params[31].key, "p31");
}

Test(facts, long_keys_and_values_are_cut_at_a_character_and_counted)
{
    char query[4096];
    struct buf b = buf_over(query, sizeof query);
    struct facts f;

    for (int i = 0; i < 63; i++)
        buf_add_lit(&b, "k");
    buf_add_lit(&b, "%C3%BC=v&x=");
    for (int i = 0; i < 511; i++)
        buf_add_lit(&b, "v");
    buf_add_lit(&b, "%E2%82%AC");
    f = read_query(query, b.n);
    cr_assert_eq(f.params_count, 2);
    cr_expect_eq(f.params[0].key.n, 63);
    cr_expect_eq(f.params[1].value.n, 511);
    cr_expect_eq(f.params_dropped, 2);
}

Test(facts, keys_that_are_equal_after_the_cut_are_one)
{
    char query[512];
    struct buf b = buf_over(query, sizeof query);
    struct facts f;

    for (int twin = 0; twin < 2; twin++) {
        for (int i = 0; i < 64; i++)
            buf_add_lit(&b, "k");
        buf_addf(&b, "%d=%d&", twin, twin);
    }
    f = read_query(query, b.n);
    cr_expect_eq(f.params_count, 1);
    cr_expect_eq(f.params_dropped, 2, "the first was cut, the second dropped");
}

Test(facts, full_memory_drops_a_pair_and_goes_on)
{
    char small[4];
    struct buf memory = buf_over(small, sizeof small);
    struct facts f;

    facts_from_query(&f, STR("a=%41%41%41%41%41&b=plain&c=%42&site=s"), &memory);
    cr_expect_eq(f.params_count, 2);
    cr_expect_eq(f.params_dropped, 1);
    expect_str("b", f.params[0].value, "plain");
    expect_str("c", f.params[1].value, "B");
    expect_str("site", f.site, "s");
}

Test(facts, random_bytes_never_break_the_limits)
{
    static const char alphabet[] = "&=%+abfs0123e\xff\xc3\xbc\x01\0iturl";
    unsigned seed = 1;

    for (int round = 0; round < 5000; round++) {
        char query[600];
        size_t n = (size_t)rand_r(&seed) % sizeof query;
        unsigned pairs = 1;
        struct facts f;

        for (size_t i = 0; i < n; i++) {
            query[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
            pairs += query[i] == '&';
        }
        f = read_query(query, n);
        cr_assert_leq(f.params_count, EVENT_PARAMS_MAX);
        cr_assert_leq(f.params_count + f.params_dropped, pairs * 2);
        cr_assert(f.sw >= -1 && f.sw <= 100000);
        for (unsigned i = 0; i < f.params_count; i++) {
            cr_assert(f.params[i].key.n > 0 && f.params[i].key.n <= FACTS_PARAM_KEY_BYTES_MAX);
            cr_assert(utf8_valid(f.params[i].key));
            cr_assert(f.params[i].value.p != NULL);
            cr_assert_leq(f.params[i].value.n, FACTS_PARAM_VALUE_BYTES_MAX);
            for (unsigned j = 0; j < i; j++)
                cr_assert_not(str_eq(f.params[i].key, f.params[j].key));
        }
    }
}
