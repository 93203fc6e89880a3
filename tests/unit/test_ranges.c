/*
 * test_ranges.c - sets of sequence numbers, against a plain array of flags.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/store/ranges.h"

#define NUMBERS 200

static void expect_same(const struct ranges *ranges, const bool *have, int step)
{
    size_t count = 0;

    for (uint64_t i = 0; i < NUMBERS; i++) {
        cr_expect(ranges_have(ranges, i) == have[i], "number %d in step %d", (int)i, step);
        if (have[i] && (i == 0 || !have[i - 1]))
            count++;
    }
    cr_expect(ranges->count == count, "touching ranges are joined: %zu for %zu", ranges->count,
              count);
}

Test(ranges, numbers_in_order_stay_one_range)
{
    struct ranges ranges = { NULL, 0, 0 };

    for (uint64_t i = 1; i <= 1000; i++)
        cr_assert(ranges_add(&ranges, i, i) == 0);
    cr_expect(ranges.count == 1 && ranges.range[0].first == 1 && ranges.range[0].last == 1000);
    ranges_free(&ranges);
}

Test(ranges, any_order_and_overlap_gives_the_same_set)
{
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct ranges ranges = { NULL, 0, 0 };
        bool have[NUMBERS] = { false };

        srandom(seed);
        for (int step = 0; step < 60; step++) {
            uint64_t first = (uint64_t)random() % NUMBERS;
            uint64_t last = first + (uint64_t)random() % 9;

            if (last >= NUMBERS)
                last = NUMBERS - 1;
            cr_assert(ranges_add(&ranges, first, last) == 0);
            for (uint64_t i = first; i <= last; i++)
                have[i] = true;
            expect_same(&ranges, have, step);
        }
        ranges_free(&ranges);
    }
}

Test(ranges, the_largest_number_does_not_overflow)
{
    struct ranges ranges = { NULL, 0, 0 };

    cr_assert(ranges_add(&ranges, UINT64_MAX, UINT64_MAX) == 0);
    cr_assert(ranges_add(&ranges, UINT64_MAX - 1, UINT64_MAX) == 0);
    cr_expect(ranges.count == 1 && ranges.range[0].first == UINT64_MAX - 1);
    ranges_free(&ranges);
}
