/* test_json.c - strings out, our own lines in. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(json, every_byte_pair_is_written_as_valid_text_without_control_characters)
{
    for (unsigned i = 0; i < 65536; i++) {
        char in[2] = { (char)(i >> 8), (char)i }, memory[64];
        struct buf b = buf_over(memory, sizeof memory);

        json_add_string(&b, str_from(in, 2));
        cr_assert(utf8_valid(buf_str(&b)), "pair %04x", i);
        for (size_t k = 0; k < b.n; k++)
            cr_assert((unsigned char)b.p[k] >= 0x20 && b.p[k] != 0x7F, "pair %04x", i);
    }
}

Test(json, c1_controls_and_del_are_escaped_so_that_a_line_is_safe_to_show)
{
    char memory[64];
    struct buf b = buf_over(memory, sizeof memory);

    json_add_string(&b, STR("\x7F\xC2\x9B\xC2\xA0\"\\\x01\n"));
    cr_expect(str_eq(buf_str(&b), STR("\"\\u007f\\u009b\xC2\xA0\\\"\\\\\\u0001\\n\"")), "%.*s",
              STR_ARG(buf_str(&b)));
}

Test(json, what_was_written_reads_back_the_same)
{
    static const char text[] = "a\"b\\c\x01\n\r\t\x7F \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80/";
    char memory[256], back[256];
    struct buf b = buf_over(memory, sizeof memory), out = buf_over(back, sizeof back);

    json_add_escaped(&b, str_of(text));
    cr_assert(json_unescape(&out, buf_str(&b)));
    cr_expect(str_eq(buf_str(&out), str_of(text)));
}

Test(json, escapes_are_undone_and_bad_ones_refused)
{
    static const struct {
        const char *raw, *text; /* NULL: refused */
    } rows[] = {
        { "\\u0041\\u00e4\\u20AC", "A\xC3\xA4\xE2\x82\xAC" },
        { "\\ud83d\\ude00", "\xF0\x9F\x98\x80" },
        { "\\ud83d", "\xEF\xBF\xBD" },
        { "\\ude00x", "\xEF\xBF\xBDx" },
        { "\\ud83d\\u0041", "\xEF\xBF\xBD"
                            "A" },
        { "\\/\\b\\f", "/\b\f" },
        { "\\", NULL },
        { "\\x41", NULL },
        { "\\u12", NULL },
        { "\\u12g4", NULL },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char memory[64];
        struct buf b = buf_over(memory, sizeof memory);
        bool good = json_unescape(&b, str_of(rows[i].raw));

        cr_expect_eq(good, rows[i].text != NULL, "row %zu", i);
        if (good && rows[i].text != NULL)
            cr_expect(str_eq(buf_str(&b), str_of(rows[i].text)), "row %zu", i);
    }
}

Test(json, a_scan_gives_every_field_with_its_type)
{
    struct str line =
        STR(" {\"v\":1,\"s\":\"a\\\"b\",\"t\":true,\"f\":false,\"z\":null,\"n\":-1.5e+3,"
            "\"o\":{\"x\":\"}\"},\"l\":[1,[2]]} ");
    static const struct {
        const char *key;
        enum json_type type;
        const char *value;
    } rows[] = {
        { "v", JSON_NUMBER, "1" },
        { "s", JSON_STRING, "a\\\"b" },
        { "t", JSON_TRUE, "true" },
        { "f", JSON_FALSE, "false" },
        { "z", JSON_NULL, "null" },
        { "n", JSON_NUMBER, "-1.5e+3" },
        { "o", JSON_OBJECT, "{\"x\":\"}\"}" },
        { "l", JSON_ARRAY, "[1,[2]]" },
    };
    struct json_scan scan;
    struct json_field field;

    json_scan_begin(&scan, line);
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_assert_eq(json_scan_next(&scan, &field), 1, "row %zu", i);
        cr_expect(str_eq(field.key, str_of(rows[i].key)), "row %zu", i);
        cr_expect_eq(field.type, rows[i].type, "row %zu", i);
        cr_expect(str_eq(field.value, str_of(rows[i].value)), "row %zu: %.*s", i,
                  STR_ARG(field.value));
    }
    cr_expect_eq(json_scan_next(&scan, &field), 0);
    cr_expect_eq(json_scan_next(&scan, &field), 0);
}

/* The scan's end: 0 when the text is an object, -1 when it is not. */
static int scan_all(struct str text)
{
    struct json_scan scan;
    struct json_field field;
    int more;

    json_scan_begin(&scan, text);
    while ((more = json_scan_next(&scan, &field)) == 1)
        ;
    return more;
}

Test(json, what_is_no_object_is_refused)
{
    static const char *const rows[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        "\"a\"",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1}x",
        "{\"a\":1}{",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":tru}",
        "{\"a\":\"b}",
        "{\"a\":\"\n\"}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":{]}",
        "{\"a\":[}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":\"\\\"}",
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(scan_all(str_of(rows[i])), -1, "row %zu: %s", i, rows[i]);
    cr_expect_eq(scan_all(STR("{}")), 0);
    cr_expect_eq(scan_all(STR(" { } \n")), 0);
}

Test(json, a_line_cut_anywhere_is_refused)
{
    static const char line[] =
        "{\"v\":1,\"s\":\"a\\\"b\",\"t\":true,\"p\":{\"x\":[1,2]},\"n\":-1.5e3}";

    for (size_t n = 0; n < sizeof line - 1; n++) {
        char *exact = malloc(n + 1); /* so that a sanitizer sees any read behind the cut */

        memcpy(exact, line, n);
        cr_expect_eq(scan_all(str_from(exact, n)), -1, "cut at %zu", n);
        free(exact);
    }
    cr_expect_eq(scan_all(str_of(line)), 0);
}
