/* test_str.c - borrowed text. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/str.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(str, letters_compare_without_case_and_other_bytes_exactly)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        { "Host", "hOST", true }, { "", "", true },       { "a", "", false },
        { "[", "{", false },      { "@", "`", false },    { "\xC4", "\xE4", false },
        { "abc", "abd", false },  { "abc", "ab", false },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(str_eq_nocase(str_of(rows[i].a), str_of(rows[i].b)), rows[i].equal, "row %zu",
                     i);
}

Test(str, cut_gives_every_part_also_empty_ones)
{
    struct str rest = STR(",a,,b,");
    static const char *const parts[] = { "", "a", "", "b", "" };
    struct str part;
    size_t n = 0;

    while ((part = str_cut(&rest, ',')).p != NULL) {
        cr_assert_lt(n, COUNT(parts));
        cr_expect(str_eq(part, str_of(parts[n])), "part %zu", n);
        n++;
    }
    cr_expect_eq(n, COUNT(parts));
}

Test(str, numbers_that_overflow_or_hold_other_bytes_are_refused)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t value;
    } rows[] = {
        { "0", 0, true, 0 },
        { "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
        { "18446744073709551616", UINT64_MAX, false, 0 },
        { "99999999999999999999", UINT64_MAX, false, 0 },
        { "000000000000000000000", UINT64_MAX, false, 0 },
        { "", 9, false, 0 },
        { "10", 9, false, 0 },
        { "-1", 9, false, 0 },
        { "+1", 9, false, 0 },
        { " 1", 9, false, 0 },
        { "1 ", 9, false, 0 },
        { "0x1", 9, false, 0 },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t value = 0;
        bool good = str_to_u64(str_of(rows[i].text), rows[i].max, &value);

        cr_expect_eq(good, rows[i].good, "row %zu", i);
        cr_expect_eq(value, rows[i].value, "row %zu", i);
    }
}

Test(str, trim_takes_spaces_and_tabs_only)
{
    cr_expect(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    cr_expect(str_eq(str_trim(STR("\na\n")), STR("\na\n")));
    cr_expect_eq(str_trim(STR(" \t ")).n, 0);
}

Test(str, dup_ends_in_a_terminator_and_takes_absent_text)
{
    char *copy = str_dup(STR_ABSENT);

    cr_assert_not_null(copy);
    cr_expect_str_eq(copy, "");
    free(copy);
}
