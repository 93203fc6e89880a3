/*
 * zone.c - local time in steps. See zone.h for the contract.
 *
 * The C library knows the zones but takes a lock for each question; all zones in use change at full
 * quarters of an hour, so it is asked once for each of them.
 */
#include "zone.h"

#include <time.h>

#include "base/date.h"

#define QUARTER_MS    (15 * 60 * DATE_SECOND_MS)
#define WEEK_DAYS     7
#define EPOCH_IN_WEEK 3 /* 1970-01-01 was a Thursday */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t offset_ms(struct zone *zone, int64_t ms)
{
    int64_t quarter = floor_div(ms, QUARTER_MS);
    size_t at = (size_t)(quarter & (ZONE_CACHE_ROWS - 1));

    if (zone->cache[at].quarter != quarter + 1) {
        time_t seconds = (time_t)floor_div(ms, DATE_SECOND_MS);
        struct tm tm;

        zone->cache[at].quarter = quarter + 1;
        zone->cache[at].offset_ms =
            localtime_r(&seconds, &tm) == NULL ? 0 : (int64_t)tm.tm_gmtoff * DATE_SECOND_MS;
    }
    return zone->cache[at].offset_ms;
}

int64_t zone_local_ms(struct zone *zone, int64_t ms)
{
    return ms + offset_ms(zone, ms);
}

int64_t zone_week(struct zone *zone, int64_t ms)
{
    return floor_div(floor_div(zone_local_ms(zone, ms), DATE_DAY_MS) + EPOCH_IN_WEEK, WEEK_DAYS);
}

int64_t zone_step(struct zone *zone, int64_t ms, enum report_step step)
{
    struct date d;

    switch (step) {
    case REPORT_MINUTE:
        return floor_div(ms, 60 * DATE_SECOND_MS);
    case REPORT_HOUR: /* not of the local clock: it shows some hours twice */
        return floor_div(ms + offset_ms(zone, ms) % DATE_HOUR_MS, DATE_HOUR_MS);
    case REPORT_WEEK:
        return zone_week(zone, ms);
    case REPORT_MONTH:
        d = date_of_ms(zone_local_ms(zone, ms));
        return (int64_t)d.year * 12 + d.month - 1;
    case REPORT_DAY:
    case REPORT_STEP_AUTO:
        break;
    }
    return floor_div(zone_local_ms(zone, ms), DATE_DAY_MS);
}

static void add_day(struct buf *b, const struct date *d)
{
    buf_add_u64_padded(b, (uint64_t)d->year, 4);
    buf_add_char(b, '-');
    buf_add_u64_padded(b, (uint64_t)d->month, 2);
    buf_add_char(b, '-');
    buf_add_u64_padded(b, (uint64_t)d->day, 2);
}

static void add_clock(struct buf *b, const struct date *d, bool minutes, int64_t offset)
{
    int64_t minutes_off = (offset < 0 ? -offset : offset) / 60000;

    buf_add_char(b, 'T');
    buf_add_u64_padded(b, (uint64_t)d->hour, 2);
    buf_add_char(b, ':');
    buf_add_u64_padded(b, minutes ? (uint64_t)d->minute : 0, 2);
    if (offset == 0) {
        buf_add_char(b, 'Z');
        return;
    }
    buf_add_char(b, offset < 0 ? '-' : '+');
    buf_add_u64_padded(b, (uint64_t)minutes_off / 60, 2);
    buf_add_char(b, ':');
    buf_add_u64_padded(b, (uint64_t)minutes_off % 60, 2);
}

void zone_add_week(struct buf *b, int64_t week)
{
    struct date d = date_of_ms((week * WEEK_DAYS - EPOCH_IN_WEEK) * DATE_DAY_MS);

    add_day(b, &d);
}

void zone_add_label(struct buf *b, struct zone *zone, int64_t ms, enum report_step step)
{
    struct date d = date_of_ms(zone_local_ms(zone, ms));

    switch (step) {
    case REPORT_WEEK:
        zone_add_week(b, zone_week(zone, ms));
        break;
    case REPORT_MONTH:
        buf_add_u64_padded(b, (uint64_t)d.year, 4);
        buf_add_char(b, '-');
        buf_add_u64_padded(b, (uint64_t)d.month, 2);
        break;
    case REPORT_MINUTE:
    case REPORT_HOUR:
        add_day(b, &d);
        add_clock(b, &d, step == REPORT_MINUTE, offset_ms(zone, ms));
        break;
    case REPORT_DAY:
    case REPORT_STEP_AUTO:
        add_day(b, &d);
        break;
    }
}
