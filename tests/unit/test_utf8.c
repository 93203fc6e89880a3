/* test_utf8.c - what bytes from outside become. */
#include <criterion/criterion.h>

#include "base/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Unicode 15, section 3.9, tables 3-8 to 3-11, and the borders of RFC 3629. */
Test(utf8, ill_formed_sequences_end_at_their_maximal_subpart)
{
    static const struct {
        const char *bytes;
        size_t n;
        size_t taken;
        bool valid;
        uint32_t point;
    } rows[] = {
        { "A", 1, 1, true, 'A' },
        { "\x00", 1, 1, true, 0 },
        { "\xC2\x80", 2, 2, true, 0x80 },
        { "\xDF\xBF", 2, 2, true, 0x7FF },
        { "\xE0\xA0\x80", 3, 3, true, 0x800 },
        { "\xED\x9F\xBF", 3, 3, true, 0xD7FF },
        { "\xEF\xBF\xBD", 3, 3, true, 0xFFFD },
        { "\xF0\x90\x80\x80", 4, 4, true, 0x10000 },
        { "\xF4\x8F\xBF\xBF", 4, 4, true, 0x10FFFF },
        { "\x80", 1, 1, false, 0xFFFD },
        { "\xC0\xAF", 2, 1, false, 0xFFFD },
        { "\xC1\xBF", 2, 1, false, 0xFFFD },
        { "\xE0\x80\xBF", 3, 1, false, 0xFFFD },
        { "\xED\xA0\x80", 3, 1, false, 0xFFFD },
        { "\xE1\x80\xE2", 3, 2, false, 0xFFFD },
        { "\xF0\x80\x80\x80", 4, 1, false, 0xFFFD },
        { "\xF0\x91\x92\x41", 4, 3, false, 0xFFFD },
        { "\xF4\x91\x92\x93", 4, 1, false, 0xFFFD },
        { "\xF5\x80\x80\x80", 4, 1, false, 0xFFFD },
        { "\xFF", 1, 1, false, 0xFFFD },
        { "\xE2\x82", 2, 2, false, 0xFFFD },
        { "\xF0\x9F\x98", 3, 3, false, 0xFFFD },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t point;
        bool valid;
        size_t taken = utf8_next(str_from(rows[i].bytes, rows[i].n), &point, &valid);

        cr_expect_eq(taken, rows[i].taken, "row %zu takes %zu", i, taken);
        cr_expect_eq(valid, rows[i].valid, "row %zu", i);
        cr_expect_eq(point, rows[i].point, "row %zu: U+%X", i, point);
    }
}

Test(utf8, every_code_point_survives_and_no_surrogate_is_valid)
{
    for (uint32_t point = 0; point < 0x110000; point++) {
        unsigned char b[4];
        size_t n;
        uint32_t got;
        bool valid;

        if (point < 0x80) {
            b[0] = (unsigned char)point;
            n = 1;
        } else if (point < 0x800) {
            b[0] = (unsigned char)(0xC0 | point >> 6);
            b[1] = (unsigned char)(0x80 | (point & 63));
            n = 2;
        } else if (point < 0x10000) {
            b[0] = (unsigned char)(0xE0 | point >> 12);
            b[1] = (unsigned char)(0x80 | (point >> 6 & 63));
            b[2] = (unsigned char)(0x80 | (point & 63));
            n = 3;
        } else {
            b[0] = (unsigned char)(0xF0 | point >> 18);
            b[1] = (unsigned char)(0x80 | (point >> 12 & 63));
            b[2] = (unsigned char)(0x80 | (point >> 6 & 63));
            b[3] = (unsigned char)(0x80 | (point & 63));
            n = 4;
        }
        utf8_next(str_from((char *)b, n), &got, &valid);
        if (point >= 0xD800 && point <= 0xDFFF)
            cr_assert_not(valid, "surrogate U+%X", point);
        else
            cr_assert(valid && got == point, "U+%X", point);
    }
}

Test(utf8, a_cut_never_splits_a_character)
{
    static const char text[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z";
    static const size_t kept[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

    for (size_t max = 0; max < COUNT(kept); max++)
        cr_expect_eq(utf8_cut(STR("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z"), max).n, kept[max],
                     "max %zu of %zu", max, sizeof text - 1);
}

Test(utf8, a_cut_of_garbage_still_makes_progress)
{
    static const char garbage[] = "\x80\x80\x80\x80\x80\x80\x80\x80";

    cr_expect_eq(utf8_cut(str_from(garbage, 8), 6).n, 6);
}

Test(utf8, no_control_character_reaches_a_terminal)
{
    char memory[256];
    struct buf b = buf_over(memory, sizeof memory);

    utf8_add_printable(&b, STR("a\x1B[2J\r\n\t\x7F\xC2\x9B"
                               "1m\xFF\xC3\xA4"));
    cr_expect(str_eq(buf_str(&b), STR("a\\x1b[2J\\x0d\\x0a\\x09\\x7f\\xc2\\x9b1m\\xff\xC3\xA4")));
}

Test(utf8, percent_decoding_takes_whole_pairs_only)
{
    static const struct {
        const char *in, *out;
        bool plus;
    } rows[] = {
        { "%41%6a%6A", "Ajj", false }, { "%", "%", false },
        { "%4", "%4", false },         { "%zz%41", "%zzA", false },
        { "%%41", "%A", false },       { "a+b", "a+b", false },
        { "a+b%2B", "a b+", true },    { "%c3%a4", "\xC3\xA4", false },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char memory[64];
        struct buf b = buf_over(memory, sizeof memory);

        percent_decode(&b, str_of(rows[i].in), rows[i].plus);
        cr_expect(str_eq(buf_str(&b), str_of(rows[i].out)), "row %zu: %.*s", i,
                  STR_ARG(buf_str(&b)));
    }
}
