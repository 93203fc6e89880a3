/*
 * live.h - what is happening now and in the last half hour, in memory only: the figures behind the
 * live page.
 *
 *     worker threads               each: live_tap_hit for every hit that is accepted
 *     admin thread                 live_gather a few times a second, then the figures
 *
 * A worker copies what a hit shows into a ring of its own and goes on; it never waits and takes no
 * lock. When its ring is full, hits are only counted until there is room: at LIVE_RING_HITS hits
 * between two gatherings, about 4,000 a second, figures begin to lag and say so, and hits do not.
 * All counting by key is done by who gathers.
 *
 * What is kept of a hit: time, kind, page without query, referrer's host, title, event name, site,
 * country, the bot's name, and 64 bits by which its visitor is told from others, out of which no
 * identifier can be made again. No address. The visitors and counts are gone after LIVE_MINUTES
 * minutes, the last LIVE_LATEST hits when others come. A hit of a visitor who opted out never gets
 * here.
 *
 * Memory: 1 MiB for each worker and 3 MiB, as much of it as hits have needed so far.
 */
#ifndef CRUMB_SERVER_LIVE_H
#define CRUMB_SERVER_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/bots.h"
#include "model/event.h"
#include "server/metrics.h"

#define LIVE_MINUTES       30 /* the current one is the last */
#define LIVE_NOW_MINUTES   5  /* "visitors now" */
#define LIVE_RATE_SECONDS  10
#define LIVE_KEY_BYTES_MAX 120
#define LIVE_LATEST        20
#define LIVE_RING_HITS     1024

/* ---- on a worker ------------------------------------------------------------------------------ */

struct live_tap;

/* The event as it is stored. Well under 0.1 us. */
void live_tap_hit(struct live_tap *tap, const struct event *event);

/* ---- on the admin thread ---------------------------------------------------------------------- */

struct live;

/* Before the workers start. NULL: out of memory. */
struct live *live_new(unsigned workers, struct err *e);

/* After the workers have stopped. Takes NULL. */
void live_free(struct live *live);

/* Worker i's; kept by live. */
struct live_tap *live_tap(struct live *live, unsigned i);

/* Whose counters say what was opted out and refused; they have to live until live_free. */
void live_watch(struct live *live, struct metrics *const *metrics, unsigned count);

/* Takes over a list; NULL: bots are not told apart. */
void live_use_bots(struct live *live, struct bots *bots);

/* Takes what has come. A clock that was set back by more than a minute begins everything anew. */
void live_gather(struct live *live, int64_t now_ms);

/* Another number whenever a figure is another. */
uint64_t live_version(const struct live *live);

/* ---- figures; as of the last live_gather ------------------------------------------------------- */

/* Bots are in no figure but their own. */
struct live_minute {
    int64_t start_ms;
    uint32_t hits, views;
    uint32_t visitors; /* different ones in this minute */
    uint32_t bots;     /* hits of bots */
};

struct live_figures {
    int64_t now_ms;
    double hits_a_second, views_a_second; /* over LIVE_RATE_SECONDS */
    uint32_t visitors_now, visitors;
    uint64_t hits, views, events, bots; /* of all minutes */
    uint64_t opted_out, refused;
    uint64_t unseen;        /* hits that are in hits only, because they came too fast */
    uint64_t latest;        /* how many hits were ever the latest */
    bool visitors_is_exact; /* else there are more */
    bool bots_are_told_apart;
    struct live_minute minutes[LIVE_MINUTES]; /* oldest first */
};
void live_figures(const struct live *live, struct live_figures *figures);

enum live_table {
    LIVE_PAGES,     /* views by host and path */
    LIVE_REFERRERS, /* views by the referrer's host, when it is not the page's */
    LIVE_COUNTRIES, /* views by country code */
    LIVE_EVENTS,    /* events by name */
    LIVE_SITES,     /* hits by site */
    LIVE_BOTS,      /* hits of bots by name */
    LIVE_TABLES
};

struct live_row {
    struct str key; /* UTF-8, nothing in it without a shape; borrowed until the next live_gather */
    uint64_t count;
};
size_t live_top(const struct live *live, enum live_table table, struct live_row *rows, size_t max);
bool live_top_exact(const struct live *live, enum live_table table);

/* Refused hits by reason, each that there is. */
struct live_refused {
    struct str reason; /* as in crumb_hits_refused_total{reason} */
    uint64_t recent;   /* within the minutes */
    uint64_t total;    /* since the start */
};
#define LIVE_REFUSED_MAX 16
size_t live_refused(const struct live *live, struct live_refused rows[LIVE_REFUSED_MAX]);

/* One of the latest hits; strings as in live_row, empty when unknown. */
struct live_hit {
    int64_t ts_ms;
    enum event_kind kind;
    bool prefetch;
    struct str site, page, title, ref_host, name, country, bot;
};
bool live_latest(const struct live *live, unsigned i, struct live_hit *hit); /* 0: the last */

#endif
