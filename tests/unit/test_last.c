#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/last.h"

static struct str line_at(char memory[128], unsigned minute, unsigned number)
{
    snprintf(memory, 128, "{\"v\":1,\"ts\":\"2026-11-23T14:%02u:00.000Z\",\"id\":\"abc-0-%u\"}",
             minute, number);
    return str_of(memory);
}

Test(last, newest_lines_are_kept_whatever_order_they_come_in)
{
    struct last last;
    char memory[128], wanted[128];

    cr_assert(last_begin(&last, 10));
    for (unsigned i = 0; i < 60; i++)
        cr_assert(last_add(&last, line_at(memory, i * 7 % 60, i)));
    last_sort(&last);
    cr_assert_eq(last.count, 10);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(wanted, sizeof wanted, "T14:%02u:", 50 + i);
        cr_expect_not_null(strstr(last.lines[i].text, wanted), "%s", last.lines[i].text);
    }
    last_free(&last);
}

Test(last, lines_of_one_time_stay_in_the_order_they_came)
{
    struct last last;
    char memory[128], wanted[32];

    cr_assert(last_begin(&last, 4));
    for (unsigned i = 0; i < 9; i++)
        cr_assert(last_add(&last, line_at(memory, 5, i)));
    last_sort(&last);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(wanted, sizeof wanted, "abc-0-%u\"", 5 + i);
        cr_expect_not_null(strstr(last.lines[i].text, wanted), "%s", last.lines[i].text);
    }
    last_free(&last);
}

Test(last, fewer_lines_than_asked_are_all_kept)
{
    struct last last;
    char memory[128];

    cr_assert(last_begin(&last, 100));
    cr_assert(last_add(&last, line_at(memory, 5, 1)));
    cr_assert(last_add(&last, STR("no record, and so older than all")));
    last_sort(&last);
    cr_assert_eq(last.count, 2);
    cr_expect_str_eq(last.lines[0].text, "no record, and so older than all");
    last_clear(&last);
    cr_expect_eq(last.count, 0);
    last_free(&last);
}
