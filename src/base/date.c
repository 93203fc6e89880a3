/*
 * date.c - calendar arithmetic in UTC. See date.h for the contract.
 *
 * Days are counted from 1970-01-01 in eras of 400 years (146,097 days) with the year starting in
 * March, so that the leap day is the last of its year and needs no special case.
 */
#include "base/date.h"

#define DAYS_PER_ERA      146097
#define DAYS_0000_TO_1970 719468          /* from 0000-03-01 to 1970-01-01 */
#define LAST_MS           253402300799999 /* 9999-12-31T23:59:59.999Z */

static int64_t days_of_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - DAYS_0000_TO_1970;
}

static void civil_of_days(int64_t days, struct date *d)
{
    int64_t z = days + DAYS_0000_TO_1970;
    int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t day_of_era = z - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;

    d->day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    d->month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    d->year = (int)(year_of_era + era * 400 + (d->month <= 2 ? 1 : 0));
}

struct date date_of_ms(int64_t wall_ms)
{
    struct date d;
    int64_t days, in_day;

    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > LAST_MS)
        wall_ms = LAST_MS;
    days = wall_ms / DATE_DAY_MS;
    in_day = wall_ms % DATE_DAY_MS;
    civil_of_days(days, &d);
    d.hour = (int)(in_day / DATE_HOUR_MS);
    d.minute = (int)(in_day / 60000 % 60);
    d.second = (int)(in_day / 1000 % 60);
    d.ms = (int)(in_day % 1000);
    d.weekday = (int)((days + 4) % 7); /* 1970-01-01 was a Thursday */
    return d;
}

int64_t date_to_ms(const struct date *d)
{
    return days_of_civil(d->year, d->month, d->day) * DATE_DAY_MS +
           d->hour * (int64_t)DATE_HOUR_MS + d->minute * (int64_t)60000 +
           d->second * (int64_t)1000 + d->ms;
}

void date_add_rfc3339(struct buf *b, int64_t wall_ms)
{
    struct date d = date_of_ms(wall_ms);

    if (!buf_room(b, DATE_RFC3339_BYTES))
        return;
    buf_add_u64_padded(b, (uint64_t)d.year, 4);
    buf_add_char(b, '-');
    buf_add_u64_padded(b, (uint64_t)d.month, 2);
    buf_add_char(b, '-');
    buf_add_u64_padded(b, (uint64_t)d.day, 2);
    buf_add_char(b, 'T');
    buf_add_u64_padded(b, (uint64_t)d.hour, 2);
    buf_add_char(b, ':');
    buf_add_u64_padded(b, (uint64_t)d.minute, 2);
    buf_add_char(b, ':');
    buf_add_u64_padded(b, (uint64_t)d.second, 2);
    buf_add_char(b, '.');
    buf_add_u64_padded(b, (uint64_t)d.ms, 3);
    buf_add_char(b, 'Z');
}

void date_add_http(struct buf *b, int64_t wall_ms)
{
    static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct date d = date_of_ms(wall_ms);

    if (!buf_room(b, DATE_HTTP_BYTES))
        return;
    buf_add(b, weekdays[d.weekday], 3);
    buf_add_lit(b, ", ");
    buf_add_u64_padded(b, (uint64_t)d.day, 2);
    buf_add_char(b, ' ');
    buf_add(b, months[d.month - 1], 3);
    buf_add_char(b, ' ');
    buf_add_u64_padded(b, (uint64_t)d.year, 4);
    buf_add_char(b, ' ');
    buf_add_u64_padded(b, (uint64_t)d.hour, 2);
    buf_add_char(b, ':');
    buf_add_u64_padded(b, (uint64_t)d.minute, 2);
    buf_add_char(b, ':');
    buf_add_u64_padded(b, (uint64_t)d.second, 2);
    buf_add_lit(b, " GMT");
}

/* Exactly `width` digits at the start of *s, cut off it. */
static bool take_digits(struct str *s, size_t width, int *out)
{
    uint64_t value;

    if (s->n < width || !str_to_u64(str_from(s->p, width), 9999, &value))
        return false;
    s->p += width;
    s->n -= width;
    *out = (int)value;
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_fraction(struct str *s, int *ms)
{
    int scale = 100;
    size_t digits = 0;

    while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
        *ms += (s->p[0] - '0') * scale;
        scale /= 10;
        digits++;
        s->p++;
        s->n--;
    }
    return digits > 0;
}

/* "Z", "+hh:mm", "-hh:mm" or nothing, which is UTC. */
static bool take_offset(struct str *s, int64_t *offset_ms)
{
    int hours, minutes;
    bool west;

    *offset_ms = 0;
    if (s->n == 0 || take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    west = s->p[0] == '-';
    if (!west && s->p[0] != '+')
        return false;
    s->p++;
    s->n--;
    if (!take_digits(s, 2, &hours) || !take_char(s, ':') || !take_digits(s, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *offset_ms = (hours * (int64_t)60 + minutes) * 60000;
    if (west)
        *offset_ms = -*offset_ms;
    return true;
}

bool date_parse(struct str s, int64_t *wall_ms)
{
    struct date d = { 0 };
    int64_t offset_ms = 0;

    if (!take_digits(&s, 4, &d.year) || !take_char(&s, '-') || !take_digits(&s, 2, &d.month) ||
        !take_char(&s, '-') || !take_digits(&s, 2, &d.day))
        return false;
    if (d.year < 1970 || d.month < 1 || d.month > 12 || d.day < 1 ||
        d.day > days_in_month(d.year, d.month))
        return false;
    if (s.n > 0) {
        if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
            return false;
        if (!take_digits(&s, 2, &d.hour) || !take_char(&s, ':') || !take_digits(&s, 2, &d.minute))
            return false;
        if (take_char(&s, ':') && !take_digits(&s, 2, &d.second))
            return false;
        if (take_char(&s, '.') && !take_fraction(&s, &d.ms))
            return false;
        if (!take_offset(&s, &offset_ms) || s.n > 0)
            return false;
    }
    if (d.hour > 23 || d.minute > 59 || d.second > 60)
        return false;
    if (d.second == 60)
        d.second = 59;
    *wall_ms = date_to_ms(&d) - offset_ms;
    return *wall_ms >= 0 && *wall_ms <= LAST_MS;
}
