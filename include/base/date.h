/*
 * date.h - calendar text for a wall time in UTC milliseconds since 1970, and back.
 *
 * The proleptic Gregorian calendar, UTC only, years 1970 to 9999; no locale and no time zone
 * database. Thread: any.
 */
#ifndef CRUMB_BASE_DATE_H
#define CRUMB_BASE_DATE_H

#include "base/buf.h"

#define DATE_RFC3339_BYTES 24 /* 2026-11-23T14:05:09.123Z */
#define DATE_HTTP_BYTES    29 /* Mon, 23 Nov 2026 14:05:09 GMT */

#define DATE_SECOND_MS 1000
#define DATE_HOUR_MS   3600000
#define DATE_DAY_MS    86400000

struct date {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second, ms;
    int weekday; /* 0 is Sunday */
};

struct date date_of_ms(int64_t wall_ms);
int64_t date_to_ms(const struct date *d); /* weekday is not looked at */

/* RFC 3339 with milliseconds and Z: exactly DATE_RFC3339_BYTES. */
void date_add_rfc3339(struct buf *b, int64_t wall_ms);

/* IMF-fixdate, RFC 9110 section 5.6.7: exactly DATE_HTTP_BYTES. */
void date_add_http(struct buf *b, int64_t wall_ms);

/*
 * Reads RFC 3339 (any fraction, cut to milliseconds; Z or an offset), or without an offset as UTC:
 * a date alone, with hours and minutes, with seconds. 'T' or a space between. A leap second is read
 * as :59.
 */
bool date_parse(struct str s, int64_t *wall_ms);

#endif
