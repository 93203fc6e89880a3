/* test_date.c - the calendar. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "base/date.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(date, agrees_with_the_c_library_over_eight_thousand_years)
{
    srand48(20261123);
    for (int i = 0; i < 200000; i++) {
        int64_t ms = (int64_t)(drand48() * 253402300799999.0);
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        struct date d = date_of_ms(ms);

        gmtime_r(&seconds, &tm);
        cr_assert(d.year == tm.tm_year + 1900 && d.month == tm.tm_mon + 1 && d.day == tm.tm_mday &&
                      d.hour == tm.tm_hour && d.minute == tm.tm_min && d.second == tm.tm_sec &&
                      d.weekday == tm.tm_wday && d.ms == ms % 1000,
                  "%lld", (long long)ms);
        cr_assert_eq(date_to_ms(&d), ms);
    }
}

Test(date, text_forms_have_their_fixed_length)
{
    char memory[64];
    struct buf b = buf_over(memory, sizeof memory);

    date_add_rfc3339(&b, 1795443909123);
    cr_expect(str_eq(buf_str(&b), STR("2026-11-23T14:25:09.123Z")), "%.*s", STR_ARG(buf_str(&b)));
    cr_expect_eq(b.n, DATE_RFC3339_BYTES);
    buf_rewind(&b, 0);
    date_add_http(&b, 1795443909123);
    cr_expect(str_eq(buf_str(&b), STR("Mon, 23 Nov 2026 14:25:09 GMT")), "%.*s",
              STR_ARG(buf_str(&b)));
    cr_expect_eq(b.n, DATE_HTTP_BYTES);
}

Test(date, reads_what_people_write_and_refuses_days_that_do_not_exist)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        { "1970-01-01", 0 },
        { "2026-11-23", 1795392000000 },
        { "2026-11-23T14:25", 1795443900000 },
        { "2026-11-23 14:25:09", 1795443909000 },
        { "2026-11-23T14:25:09Z", 1795443909000 },
        { "2026-11-23t14:25:09.1239999z", 1795443909123 },
        { "2026-11-23T14:25:09.1Z", 1795443909100 },
        { "2026-11-23T15:25:09+01:00", 1795443909000 },
        { "2026-11-23T08:55:09-05:30", 1795443909000 },
        { "2016-12-31T23:59:60Z", 1483228799000 },
        { "2024-02-29", 1709164800000 },
        { "2023-02-29", -1 },
        { "2100-02-29", -1 },
        { "2000-02-29", 951782400000 },
        { "2026-04-31", -1 },
        { "2026-13-01", -1 },
        { "2026-00-01", -1 },
        { "2026-01-00", -1 },
        { "2026-1-1", -1 },
        { "26-01-01", -1 },
        { "2026-01-01T", -1 },
        { "2026-01-01T24:00", -1 },
        { "2026-01-01T23:60", -1 },
        { "2026-01-01T23:59:61", -1 },
        { "2026-01-01T23:59:59.", -1 },
        { "2026-01-01T23:59:59Zx", -1 },
        { "2026-01-01T23:59:59+1:00", -1 },
        { "2026-01-01T23:59:59+24:00", -1 },
        { "1969-12-31", -1 },
        { "1970-01-01T00:00:00+00:01", -1 },
        { "", -1 },
        { "today", -1 },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -1;
        bool good = date_parse(str_of(rows[i].text), &ms);

        cr_expect_eq(good, rows[i].ms >= 0, "%s", rows[i].text);
        if (good)
            cr_expect_eq(ms, rows[i].ms, "%s: %lld", rows[i].text, (long long)ms);
    }
}
