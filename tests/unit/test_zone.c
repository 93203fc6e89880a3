/*
 * test_zone.c - steps of local time, across the hours that summer time takes and gives.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/report/zone.h"
#include "base/date.h"

Test(zone, a_moment_is_in_its_local_step)
{
    static const struct {
        const char *tz, *utc;
        enum report_step step;
        const char *label;
    } rows[] = {
        { "UTC0", "2026-11-23T14:05:09Z", REPORT_HOUR, "2026-11-23T14:00Z" },
        { "UTC0", "2026-11-23T14:05:09Z", REPORT_MINUTE, "2026-11-23T14:05Z" },
        { "UTC0", "2026-11-23T23:59:59.999Z", REPORT_DAY, "2026-11-23" },
        { "UTC0", "2026-11-22T12:00:00Z", REPORT_WEEK, "2026-11-16" },
        { "UTC0", "2026-11-23T00:00:00Z", REPORT_WEEK, "2026-11-23" },
        { "UTC0", "2026-11-23T00:00:00Z", REPORT_MONTH, "2026-11" },
        { ":Europe/Berlin", "2026-11-23T23:30:00Z", REPORT_DAY, "2026-11-24" },
        { ":Europe/Berlin", "2026-10-25T00:30:00Z", REPORT_HOUR, "2026-10-25T02:00+02:00" },
        { ":Europe/Berlin", "2026-10-25T01:30:00Z", REPORT_HOUR, "2026-10-25T02:00+01:00" },
        { ":Europe/Berlin", "2026-03-29T00:59:00Z", REPORT_HOUR, "2026-03-29T01:00+01:00" },
        { ":Europe/Berlin", "2026-03-29T01:00:00Z", REPORT_HOUR, "2026-03-29T03:00+02:00" },
        { ":Asia/Kathmandu", "2026-11-23T18:20:00Z", REPORT_HOUR, "2026-11-24T00:00+05:45" },
        { ":America/New_York", "2026-11-23T04:59:00Z", REPORT_WEEK, "2026-11-16" },
        { ":America/New_York", "2027-01-01T04:59:00Z", REPORT_MONTH, "2026-12" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zone zone = { 0 };
        char memory[ZONE_LABEL_BYTES];
        struct buf b = buf_over(memory, sizeof memory);
        int64_t ms;

        setenv("TZ", rows[i].tz, 1);
        tzset();
        cr_assert(date_parse(str_of(rows[i].utc), &ms));
        for (int again = 0; again < 2; again++) {
            buf_rewind(&b, 0);
            zone_add_label(&b, &zone, ms, rows[i].step);
            cr_expect(str_eq(buf_str(&b), str_of(rows[i].label)), "%s in %s: %.*s", rows[i].utc,
                      rows[i].tz, (int)b.n, b.p);
        }
    }
}
