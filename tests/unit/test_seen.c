#include <criterion/criterion.h>

#include "cli/seen.h"

Test(seen, every_number_is_new_once_in_whatever_order)
{
    struct seen *seen = seen_new();
    struct str a = STR("abc-0"), b = STR("abc-1");

    cr_assert_not_null(seen);
    for (uint64_t i = 0; i < 1009; i++) {
        cr_expect_eq(seen_add(seen, a, i * 7 % 1009), 1);
        cr_expect_eq(seen_add(seen, b, 1008 - i), 1);
    }
    for (uint64_t i = 0; i < 1009; i++) {
        cr_expect_eq(seen_add(seen, a, i), 0);
        cr_expect_eq(seen_add(seen, b, i), 0);
    }
    cr_expect_eq(seen_add(seen, a, 1009), 1);
    cr_expect_eq(seen_add(seen, STR("abc-"), 5), 1, "a writer's name is compared whole");
    seen_free(seen);
}

Test(seen, the_largest_number_does_not_wrap)
{
    struct seen *seen = seen_new();
    struct str w = STR("abc-0");

    cr_expect_eq(seen_add(seen, w, UINT64_MAX - 1), 1);
    cr_expect_eq(seen_add(seen, w, 0), 1);
    cr_expect_eq(seen_add(seen, w, UINT64_MAX - 1), 0);
    cr_expect_eq(seen_add(seen, w, UINT64_MAX - 2), 1);
    cr_expect_eq(seen_add(seen, w, 0), 0);
    seen_free(seen);
}

Test(seen, ids_are_taken_apart_or_refused)
{
    static const struct {
        const char *id, *writer; /* NULL: refused */
        uint64_t seq;
    } rows[] = {
        { "abcdefghijkl-0-7", "abcdefghijkl-0", 7 },
        { "a-18446744073709551614", "a", UINT64_MAX - 1 },
        { "a-18446744073709551615", NULL, 0 },
        { "a-", NULL, 0 },
        { "-7", NULL, 0 },
        { "abc", NULL, 0 },
        { "", NULL, 0 },
        { "a-0-7x", NULL, 0 },
        { "a-0-+7", NULL, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str writer = STR_ABSENT;
        uint64_t seq = 0;
        bool good = seen_split_id(str_of(rows[i].id), &writer, &seq);

        cr_expect_eq(good, rows[i].writer != NULL, "%s", rows[i].id);
        if (good && rows[i].writer != NULL) {
            cr_expect(str_eq(writer, str_of(rows[i].writer)), "%s", rows[i].id);
            cr_expect_eq(seq, rows[i].seq, "%s", rows[i].id);
        }
    }
}
