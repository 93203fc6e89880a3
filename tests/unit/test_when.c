#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/date.h"
#include "cli/when.h"

/* Monday, half past two in the afternoon. */
#define NOW "2026-11-23T14:30:00Z"

static int64_t ms_of(const char *rfc3339)
{
    int64_t ms;

    cr_assert(date_parse(str_of(rfc3339), &ms), "%s", rfc3339);
    return ms;
}

static void expect_all(const char *zone, const char *const (*rows)[2], size_t count)
{
    struct err e = { 0 };

    cr_assert_eq(when_zone(zone, &e), 0, "%s", e.text);
    for (size_t i = 0; i < count; i++) {
        char memory[DATE_RFC3339_BYTES + 1] = "";
        struct buf b = buf_over(memory, DATE_RFC3339_BYTES);
        int64_t ms;

        cr_expect_eq(when_parse(rows[i][0], ms_of(NOW), &ms, &e), 0, "%s", rows[i][0]);
        date_add_rfc3339(&b, ms);
        cr_expect_str_eq(memory, rows[i][1], "%s: %s", rows[i][0], memory);
    }
}

#define EXPECT_ALL(zone, rows) expect_all((zone), (rows), sizeof(rows) / sizeof((rows)[0]))

Test(when, times_are_utc_unless_they_say_otherwise)
{
    static const char *const rows[][2] = {
        { "now", "2026-11-23T14:30:00.000Z" },
        { "30m", "2026-11-23T14:00:00.000Z" },
        { "24h", "2026-11-22T14:30:00.000Z" },
        { "7d", "2026-11-16T14:30:00.000Z" },
        { "0", "2026-11-23T14:30:00.000Z" },
        { "1500ms", "2026-11-23T14:29:58.500Z" },
        { "1000000d", "1970-01-01T00:00:00.000Z" },
        { "today", "2026-11-23T00:00:00.000Z" },
        { "yesterday", "2026-11-22T00:00:00.000Z" },
        { "2026-11-23", "2026-11-23T00:00:00.000Z" },
        { "2024-02-29", "2024-02-29T00:00:00.000Z" },
        { "2026-11-23T14:05", "2026-11-23T14:05:00.000Z" },
        { "2026-11-23 14:05:06", "2026-11-23T14:05:06.000Z" },
        { "2026-11-23T14:05:06.789Z", "2026-11-23T14:05:06.789Z" },
        { "2026-11-23T14:05:00+02:00", "2026-11-23T12:05:00.000Z" },
        { "2026-11-23T14:05:00-05:00", "2026-11-23T19:05:00.000Z" },
    };

    setenv("TZ", "Asia/Tokyo", 1); /* plays no part */
    EXPECT_ALL(NULL, rows);
    EXPECT_ALL("UTC", rows);
}

Test(when, days_begin_where_the_zone_says)
{
    static const char *const rows[][2] = {
        { "today", "2026-11-22T23:00:00.000Z" },
        { "yesterday", "2026-11-21T23:00:00.000Z" },
        { "2026-07-01", "2026-06-30T22:00:00.000Z" },
        { "2026-07-01T12:00", "2026-07-01T10:00:00.000Z" },
        { "2026-07-01T12:00:00.250", "2026-07-01T10:00:00.250Z" },
        { "2026-11-23T14:05:00Z", "2026-11-23T14:05:00.000Z" },
        { "24h", "2026-11-22T14:30:00.000Z" },
    };

    EXPECT_ALL("Europe/Berlin", rows);
}

Test(when, yesterday_may_have_23_or_25_hours)
{
    struct err e = { 0 };
    int64_t ms;

    cr_assert_eq(when_zone("Europe/Berlin", &e), 0, "%s", e.text);
    cr_expect_eq(when_parse("yesterday", ms_of("2026-03-30T12:00:00Z"), &ms, &e), 0);
    cr_expect_eq(ms, ms_of("2026-03-28T23:00:00Z")); /* the clock went forward on the 29th */
    cr_expect_eq(when_parse("yesterday", ms_of("2026-10-26T12:00:00Z"), &ms, &e), 0);
    cr_expect_eq(ms, ms_of("2026-10-24T22:00:00Z"));
}

Test(when, what_is_no_time_is_refused)
{
    static const char *const rows[] = {
        "",      "tomorrow",        "24", "24 h", "-1h", "h", "2026-02-29", "2026-13-1", "12h5",
        "Today", "2026-11-23T25:00"
    };
    struct err e;
    int64_t ms;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err_clear(&e);
        cr_expect_eq(when_parse(rows[i], ms_of(NOW), &ms, &e), -1, "%s", rows[i]);
        cr_expect_eq(e.code, ERR_INPUT);
    }
}

Test(when, zones_that_do_not_exist_are_refused_and_not_taken_for_utc)
{
    static const char *const rows[] = { "Europe/Berln",  "",       "..",   "../../../etc/passwd",
                                        "/etc/passwd",   "Europe", "CEST", "Europe/Berlin:",
                                        "EST5EDT,M3.2.0" };
    struct err e;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err_clear(&e);
        cr_expect_eq(when_zone(rows[i], &e), -1, "%s", rows[i]);
        cr_expect_eq(e.code, ERR_INPUT);
    }
}
