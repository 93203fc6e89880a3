/*
 * test_json_in.c - JSON from outside: what is taken as an event, and what is refused and why.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/facts.h"
#include "model/json_in.h"

static char memory[65536];

struct read {
    struct facts facts;
    size_t events;
    bool fine;
    struct err e;
    struct json_in *in;
};

/* Reads the text and its first event. Free r.in. */
static struct read read_first(const char *text)
{
    struct buf b = buf_over(memory, sizeof memory);
    struct read r = { .e = { .code = ERR_NONE } };

    r.in = json_in_read(str_of(text), NULL, &r.events, &r.e);
    r.fine = r.in != NULL && r.events > 0 && json_in_event(r.in, 0, &r.facts, &b, &r.e);
    return r;
}

Test(json_in, every_key_of_an_event_becomes_its_fact)
{
    struct read r =
        read_first("{\"site\":\"shop\",\"e\":\"buy\",\"url\":\"https://s/\",\"ref\":\"https://r/"
                   "\",\"title\":\"T \\u00fc\","
                   "\"lang\":\"de\",\"pv\":\"p1\",\"uid\":42,\"sw\":1920,\"sh\":1080.5}");

    cr_assert(r.fine, "%s", r.e.text);
    cr_expect(str_eq(r.facts.site, STR("shop")));
    cr_expect(str_eq(r.facts.name, STR("buy")));
    cr_expect(str_eq(r.facts.url, STR("https://s/")));
    cr_expect(str_eq(r.facts.ref, STR("https://r/")));
    cr_expect(str_eq(r.facts.title, STR("T ü")));
    cr_expect(str_eq(r.facts.lang, STR("de")));
    cr_expect(str_eq(r.facts.pv, STR("p1")));
    cr_expect(str_eq(r.facts.uid, STR("42")));
    cr_expect_eq(r.facts.sw, 1920);
    cr_expect_eq(r.facts.sh, 1080);
    cr_expect_eq(r.facts.params_count, 0);
    json_in_free(r.in);
}

/* A page that cuts a text in the middle of an emoji must not lose what else it has to say. */
Test(json_in, half_a_surrogate_pair_is_one_unreadable_character)
{
    static const struct {
        const char *title, *read;
    } rows[] = {
        { "cut \\ud83d", "cut \xEF\xBF\xBD" },
        { "\\ude00 cut", "\xEF\xBF\xBD cut" },
        { "\\ud83d\\ud83d\\uDE00", "\xEF\xBF\xBD\xF0\x9F\x98\x80" },
        { "\\ud83d\\u00e4", "\xEF\xBF\xBD\xC3\xA4" },
        { "\\ud83d\\n", "\xEF\xBF\xBD\n" },
        { "\\\\ud83d", "\\ud83d" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[100];
        struct read r;

        snprintf(text, sizeof text, "{\"title\":\"%s\"}", rows[i].title);
        r = read_first(text);
        cr_assert(r.fine, "%s: %s", text, r.e.text);
        cr_expect(str_eq(r.facts.title, str_of(rows[i].read)), "%s: %.*s", text,
                  STR_ARG(r.facts.title));
        json_in_free(r.in);
    }
    cr_expect_not(read_first("{\"title\":\"\\ud83\"}").fine);
}

Test(json_in, other_keys_and_params_become_params_as_text)
{
    static const struct {
        const char *key, *value;
    } wanted[] = {
        { "plan", "pro" },    { "n", "1" },      { "price", "4.2" },
        { "yes", "true" },    { "no", "false" }, { "list", "[1,\"a\"]" },
        { "title", "inner" }, { "empty", "" },
    };
    struct read r = read_first(
        "{\"plan\":\"pro\",\"gone\":null,\"params\":{\"n\":1,\"price\":4.2,\"yes\":true,"
        "\"no\":false,\"list\":[1,\"a\"],\"title\":\"inner\",\"empty\":\"\",\"nil\":null}}");

    cr_assert(r.fine, "%s", r.e.text);
    cr_assert_eq(r.facts.params_count, sizeof wanted / sizeof wanted[0]);
    cr_expect_null(r.facts.title.p);
    for (size_t i = 0; i < r.facts.params_count; i++) {
        cr_expect(str_eq(r.facts.params[i].key, str_of(wanted[i].key)));
        cr_expect(str_eq(r.facts.params[i].value, str_of(wanted[i].value)), "%s: %.*s",
                  wanted[i].key, STR_ARG(r.facts.params[i].value));
    }
    json_in_free(r.in);
}

Test(json_in, null_and_empty_are_as_if_not_sent)
{
    struct read r = read_first("{\"site\":null,\"url\":\"\",\"sw\":null,\"params\":null}");

    cr_assert(r.fine, "%s", r.e.text);
    cr_expect_null(r.facts.site.p);
    cr_expect_null(r.facts.url.p);
    cr_expect_eq(r.facts.sw, -1);
    json_in_free(r.in);
}

Test(json_in, late_ms_is_kept_only_when_it_was_late)
{
    struct read r = read_first("{\"params\":{\"late_ms\":5000}}");

    cr_expect_eq(r.facts.params_count + r.facts.params_dropped, 0);
    json_in_free(r.in);
    r = read_first("{\"params\":{\"late_ms\":5001}}");
    cr_expect_eq(r.facts.params_count, 1);
    json_in_free(r.in);
}

static const struct row {
    const char *text;
    const char *sentence; /* how it begins */
} refused_events[] = {
    { "[7]", "not an object" },
    { "\"text\"", "not an object" },
    { "[[{}]]", "not an object" },
    { "null", "not an object" },
    { "{\"site\":5}", "site is not a string" },
    { "{\"title\":5}", "title is not a string" },
    { "{\"e\":[\"buy\"]}", "e is not a string" },
    { "{\"uid\":{}}", "uid is not a string" },
    { "{\"sw\":\"1\"}", "sw is not a number" },
    { "{\"sw\":-1}", "sw is not from 0 to 100000" },
    { "{\"sh\":1e300}", "sh is not from 0 to 100000" },
    { "{\"params\":[]}", "params is not an object" },
    { "{\"params\":\"a=1\"}", "params is not an object" },
    { "{\"site\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
      "site is longer than 64 bytes" },
};

Test(json_in, wrong_type_or_length_refuses_the_event_and_names_the_key)
{
    for (size_t i = 0; i < sizeof refused_events / sizeof refused_events[0]; i++) {
        const struct row *row = &refused_events[i];
        struct read r = read_first(row->text);

        cr_assert_not_null(r.in, "%s: %s", row->text, r.e.text);
        cr_expect(!r.fine, "%s", row->text);
        cr_expect(str_starts(str_of(r.e.text), str_of(row->sentence)), "%s: %s", row->text,
                  r.e.text);
        json_in_free(r.in);
    }
}

static const char *const not_json[] = {
    "",
    " ",
    "{",
    "[1,]",
    "{\"a\":1,}",
    "{'a':1}",
    "{a:1}",
    "[1] x",
    "{}{}",
    "[01]",
    "[+1]",
    "[.5]",
    "[1.]",
    "[NaN]",
    "[Infinity]",
    "[\"\t\"]",
    "[\"\\x\"]",
    "[\"\xff\"]",
    "[\"\xc0\xaf\"]",
    "[\"\xed\xa0\x80\"]",
    "\xef\xbb\xbf{}",
    "[tru]",
    "// comment\n{}",
    "{\"a\":1,\"a\":2}",
    "{\"params\":{\"a\":1,\"a\":2}}",
    "[123456789012345678901234567890]",
    "[1e999]",
    "[[[[[[[[[1]]]]]]]]]",
    "{\"a\":[[[[[[[[1]]]]]]]]}",
};

Test(json_in, what_is_not_json_is_refused_as_a_whole)
{
    for (size_t i = 0; i < sizeof not_json / sizeof not_json[0]; i++) {
        struct read r = read_first(not_json[i]);

        cr_expect_null(r.in, "%s", not_json[i]);
        cr_expect(str_starts(str_of(r.e.text), STR("not JSON")), "%s: %s", not_json[i], r.e.text);
        json_in_free(r.in);
    }
}

Test(json_in, brackets_without_end_are_no_deep_recursion)
{
    size_t n = 1 << 20;
    char *text = malloc(n + 1);

    memset(text, '[', n);
    text[n] = '\0';
    cr_expect_null(read_first(text).in);
    memset(text, '"', n);
    cr_expect_null(read_first(text).in);
    free(text);
}

Test(json_in, a_nul_byte_is_not_the_end_of_the_text)
{
    static const struct str texts[] = {
        { "{}\0", 3 }, { "[1]\0x", 5 }, { "\0{}", 3 }, { "123\0", 4 }
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t events;

        cr_expect_null(json_in_read(texts[i], NULL, &events, NULL), "%zu", i);
    }
}

Test(json_in, each_event_of_an_array_is_judged_by_itself)
{
    struct read r = read_first("[{\"site\":\"a\"},5,{\"site\":\"b\"}]");
    struct buf b = buf_over(memory, sizeof memory);

    cr_assert(r.fine);
    cr_expect_eq(r.events, 3);
    cr_expect(!json_in_event(r.in, 1, &r.facts, &b, &r.e));
    cr_expect(json_in_event(r.in, 2, &r.facts, &b, &r.e));
    cr_expect(str_eq(r.facts.site, STR("b")));
    json_in_free(r.in);
}

Test(json_in, numbers_that_do_not_fit_the_memory_are_counted_not_lost_in_silence)
{
    char tiny[4];
    struct buf b = buf_over(tiny, sizeof tiny);
    struct read r = read_first("{\"a\":1234567,\"b\":\"text\"}");

    cr_assert(json_in_event(r.in, 0, &r.facts, &b, &r.e));
    cr_expect_eq(r.facts.params_count, 1);
    cr_expect_eq(r.facts.params_dropped, 1);
    json_in_free(r.in);
}
