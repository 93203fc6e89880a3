/*
 * when.c - times as people write them. See when.h for the contract.
 *
 * Zones are the C library's: the process's TZ is set once and mktime and localtime_r know the rest,
 * days that begin at one o'clock included.
 */
#include "cli/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/date.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/nearest.h"

#define ZONE_FOLDER      "/usr/share/zoneinfo"
#define ZONE_NAME_LENGTH 64
#define ZONE_LIST_BYTES  (1u << 20)

/* Words that mean the midnight at the start of a day. */
static const struct {
    struct str word;
    int days_ago;
} midnights[] = {
    { { "today", 5 }, 0 },
    { { "yesterday", 9 }, 1 },
};

/* What the C library does not know it silently takes for UTC, so look whether the zone is there. */
static bool zone_exists(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    char path[sizeof ZONE_FOLDER + 1 + ZONE_NAME_LENGTH];
    struct stat st;
    size_t n = strlen(name);

    if (n == 0 || n > ZONE_NAME_LENGTH || name[0] == '/' || strspn(name, letters) != n)
        return false;
    snprintf(path, sizeof path, ZONE_FOLDER "/%s", name);
    return fs_stat_path(path, &st, NULL) == 0 && S_ISREG(st.st_mode);
}

/* "berlin" is the city of Europe/Berlin, "Europe/Kolkata" that of Asia/Kolkata. */
static bool is_same_city(const char *a, const char *b)
{
    const char *x = strrchr(a, '/'), *y = strrchr(b, '/');

    return strcasecmp(x == NULL ? a : x + 1, y == NULL ? b : y + 1) == 0;
}

/*
 * The C library's own list of zones: "Z NAME ..." and "L OTHER NAME". The sentence names the nearest, or says
 * what names look like when there is none or no list.
 */
static int no_zone(const char *name, struct err *e)
{
    struct nearest nearest;
    struct str rest, line;
    char near[NEAREST_TEXT_BYTES], *text = NULL;
    const char *city = NULL;
    size_t n;

    nearest_begin(&nearest, str_of(name));
    if (fs_read_all(ZONE_FOLDER "/tzdata.zi", ZONE_LIST_BYTES, &text, &n, NULL) == 0) {
        rest = str_from(text, n);
        while ((line = str_cut(&rest, '\n')).p != NULL) {
            struct str kind = str_cut(&line, ' '), zone = str_cut(&line, ' ');

            if (str_eq(kind, STR("L")))
                zone = line;
            else if (!str_eq(kind, STR("Z")))
                continue;
            text[zone.p + zone.n - text] = '\0';
            nearest_offer(&nearest, zone.p);
            if (city == NULL && is_same_city(zone.p, name))
                city = zone.p;
        }
    }
    if (city != NULL)
        err_set(e, ERR_INPUT, "there is no time zone %s; did you mean %s?", name, city);
    else
        err_set(e, ERR_INPUT, "there is no time zone %s%s", name,
                nearest.count > 0 ? nearest_text(&nearest, "", near)
                                  : " in " ZONE_FOLDER "; names look like Europe/Berlin");
    free(text);
    return -1;
}

int when_zone(const char *name, struct err *e)
{
    char value[ZONE_NAME_LENGTH + 2] = "UTC0";

    if (name != NULL && strcmp(name, "UTC") != 0) {
        if (!zone_exists(name))
            return no_zone(name, e);
        snprintf(value, sizeof value, ":%s", name);
    }
    setenv("TZ", value, 1);
    tzset();
    return 0;
}

static int64_t midnight(int64_t now_ms, int days_ago)
{
    time_t seconds = (time_t)(now_ms / DATE_SECOND_MS);
    struct tm tm;

    localtime_r(&seconds, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday -= days_ago;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * DATE_SECOND_MS;
}

/* Does the time say its zone itself? The date's hyphens do not count. */
static bool has_offset(struct str s)
{
    for (size_t i = sizeof "2026-11-23" - 1; i < s.n; i++) {
        if (strchr("Zz+-", s.p[i]) != NULL)
            return true;
    }
    return false;
}

/* utc_ms was read as if the clock on the wall showed UTC. */
static int64_t from_local(int64_t utc_ms)
{
    struct date d = date_of_ms(utc_ms);
    struct tm tm = {
        .tm_year = d.year - 1900,
        .tm_mon = d.month - 1,
        .tm_mday = d.day,
        .tm_hour = d.hour,
        .tm_min = d.minute,
        .tm_sec = d.second,
        .tm_isdst = -1,
    };

    return (int64_t)mktime(&tm) * DATE_SECOND_MS + d.ms;
}

int when_parse(const char *text, int64_t now_ms, int64_t *wall_ms, struct err *e)
{
    struct str s = str_of(text);
    int64_t ago_ms;

    for (size_t i = 0; i < sizeof midnights / sizeof midnights[0]; i++) {
        if (str_eq(s, midnights[i].word)) {
            *wall_ms = midnight(now_ms, midnights[i].days_ago);
            return 0;
        }
    }
    if (str_eq(s, STR("now"))) {
        *wall_ms = now_ms;
        return 0;
    }
    if (units_parse_duration_ms(s, &ago_ms)) {
        *wall_ms = ago_ms < now_ms ? now_ms - ago_ms : 0;
        return 0;
    }
    if (!date_parse(s, wall_ms))
        return err_set(e, ERR_INPUT,
                       "%s is no time: write 24h, 7d, today, yesterday, 2026-11-23, or "
                       "2026-11-23T14:05:00Z",
                       text);
    if (!has_offset(s))
        *wall_ms = from_local(*wall_ms);
    return 0;
}
