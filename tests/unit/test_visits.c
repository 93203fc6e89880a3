/*
 * test_visits.c - hits brought together by visitor, in order of time, and cut into sessions.
 */
#include <criterion/criterion.h>

#include "../../src/report/visits.h"
#include "base/crypto.h"

#define MINUTE 60000

struct walked {
    unsigned visitors, touches, out_of_order;
    uint64_t last_visitor;
};

static void check(void *arg, const struct touch *touches, size_t count)
{
    struct walked *walked = arg;

    walked->visitors++;
    walked->touches += (unsigned)count;
    for (size_t i = 0; i < count; i++) {
        walked->out_of_order += touches[i].visitor != touches[0].visitor;
        if (i > 0)
            walked->out_of_order += touches[i].ts_ms < touches[i - 1].ts_ms ||
                                    (touches[i].ts_ms == touches[i - 1].ts_ms &&
                                     touches[i].order < touches[i - 1].order);
    }
}

static uint64_t spread(uint64_t n)
{
    return (n + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

Test(visits, every_visitor_comes_once_with_all_hits_in_order)
{
    struct visits *visits[2] = { visits_new(), visits_new() };
    struct walked walked = { 0 };
    struct err e = { 0 };
    uint32_t state = 3;

    crypto_init(&e);
    for (unsigned i = 0; i < 30000; i++) {
        struct touch touch;

        state = state * 1664525 + 1013904223;
        touch = (struct touch){ .visitor = spread(state >> 20 & 1023),
                                .ts_ms = state >> 8 & 0xFFF,
                                .order = 30000 - i };
        visits_add(visits[i % 2], &touch);
        if (i % 7000 == 6999)
            visits_spill(visits[i % 2]);
    }
    for (unsigned part = 0; part < SPILL_PARTS; part++)
        cr_assert_eq(visits_walk(visits, 2, part, check, &walked, &e), 0, "%s", e.text);
    cr_expect_eq(walked.visitors, 1024);
    cr_expect_eq(walked.touches, 30000);
    cr_expect_eq(walked.out_of_order, 0);
    visits_free(visits[0]);
    visits_free(visits[1]);
}

/* Orders that make a naive quicksort take for ever. */
Test(visits, sorted_equal_and_reversed_input_is_sorted_in_time)
{
    for (int kind = 0; kind < 3; kind++) {
        struct visits *visits = visits_new();
        struct walked walked = { 0 };
        struct err e = { 0 };

        for (unsigned i = 0; i < 200000; i++) {
            struct touch touch = { .visitor = 1,
                                   .ts_ms = kind == 0   ? i
                                            : kind == 1 ? 7
                                                        : 200000 - i };

            visits_add(visits, &touch);
        }
        cr_assert_eq(visits_walk(&visits, 1, 0, check, &walked, &e), 0);
        cr_expect_eq(walked.touches, 200000);
        cr_expect_eq(walked.out_of_order, 0);
        visits_free(visits);
    }
}

Test(visits, a_session_ends_after_more_than_the_idle_time)
{
    static const struct {
        int64_t minutes[4];
        size_t count, length;
    } rows[] = {
        { { 0 }, 1, 1 },
        { { 0, 30 }, 2, 2 },
        { { 0, 31 }, 2, 1 },
        { { 0, 20, 40, 60 }, 4, 4 },
        { { 0, 20, 51, 52 }, 4, 2 },
        { { 5, 5, 5, 5 }, 4, 4 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct touch touches[4] = { 0 };

        for (size_t k = 0; k < rows[i].count; k++)
            touches[k].ts_ms = rows[i].minutes[k] * MINUTE;
        cr_expect_eq(visit_length(touches, rows[i].count, 30 * MINUTE), rows[i].length, "row %zu",
                     i);
    }
    cr_expect_eq(visit_length((struct touch[]){ { .ts_ms = 0 }, { .ts_ms = 30 * MINUTE + 1 } }, 2,
                              30 * MINUTE),
                 1);
}
