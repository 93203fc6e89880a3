/*
 * live.c - see live.h for the contract. server.c gathers, live_page.c and ep_live.c show.
 *
 * Time is two rings, of minutes and of seconds. Both are moved on by advance() before anything is
 * counted; a hit belongs to the minute of its own time, or to the current one when it comes late.
 * What must be true: whatever is counted by minute is forgotten when its slot is used again; a string
 * that is shown has gone through take_text().
 */
#include "server/live.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/date.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "live_tap.h"
#include "live_top.h"
#include "live_visitors.h"
#include "model/codec.h"

#define MINUTE_MS   60000
#define SECONDS     16 /* a power of two above LIVE_RATE_SECONDS */
#define UA_CACHE    512
#define TITLE_BYTES 72
#define NAME_BYTES  40

struct text {
    uint8_t n;
    char p[LIVE_KEY_BYTES_MAX];
};

struct latest {
    int64_t ts_ms;
    enum event_kind kind;
    bool prefetch;
    struct text site, page, title, ref_host, name, country, bot;
};

struct minute {
    uint32_t hits, views, events, visitors, bots, unseen;
    uint64_t opted_out, refused[LIVE_REFUSED_MAX];
};

struct live {
    struct live_tap **taps;
    unsigned taps_count;
    uint64_t *unseen_before; /* of each tap */
    struct metrics *const *metrics;
    unsigned metrics_count;
    struct bots *bots;
    struct bots_memory *bots_memory;
    struct {
        uint64_t hash;
        int row;
    } uas[UA_CACHE];
    uint64_t seed;
    uint64_t version;

    int64_t now_ms;
    int64_t minute; /* since 1970, the last of the ring; 0: nothing yet */
    int64_t second;
    struct minute minutes[LIVE_MINUTES];
    struct {
        uint32_t hits, views;
    } seconds[SECONDS];
    uint64_t opted_out, refused[LIVE_REFUSED_MAX]; /* since the start */
    struct live_visitors *visitors;
    struct live_top *tops[LIVE_TABLES];
    struct latest latest[LIVE_LATEST];
    uint64_t latest_count;
};

/* ---- begin and end ---------------------------------------------------------------------------- */

static bool allocate(struct live *live, unsigned workers)
{
    live->taps = calloc(workers, sizeof(struct live_tap *));
    live->unseen_before = calloc(workers, sizeof *live->unseen_before);
    live->visitors = live_visitors_new();
    if (live->taps == NULL || live->unseen_before == NULL || live->visitors == NULL)
        return false;
    for (; live->taps_count < workers; live->taps_count++) {
        live->taps[live->taps_count] = live_tap_new(live->seed);
        if (live->taps[live->taps_count] == NULL)
            return false;
    }
    for (unsigned i = 0; i < LIVE_TABLES; i++) {
        live->tops[i] = live_top_new(live->seed);
        if (live->tops[i] == NULL)
            return false;
    }
    return true;
}

struct live *live_new(unsigned workers, struct err *e)
{
    struct live *live = calloc(1, sizeof *live);

    if (live != NULL) {
        crypto_random(&live->seed, sizeof live->seed);
        if (allocate(live, workers))
            return live;
    }
    live_free(live);
    err_set(e, ERR_MEMORY, "out of memory for the live page");
    return NULL;
}

void live_free(struct live *live)
{
    if (live == NULL)
        return;
    for (unsigned i = 0; i < live->taps_count; i++)
        live_tap_free(live->taps[i]);
    for (unsigned i = 0; i < LIVE_TABLES; i++)
        live_top_free(live->tops[i]);
    live_visitors_free(live->visitors);
    bots_memory_free(live->bots_memory);
    bots_free(live->bots);
    free(live->unseen_before);
    free(live->taps);
    free(live);
}

struct live_tap *live_tap(struct live *live, unsigned i)
{
    return live->taps[i];
}

void live_watch(struct live *live, struct metrics *const *metrics, unsigned count)
{
    live->metrics = metrics;
    live->metrics_count = count;
}

void live_use_bots(struct live *live, struct bots *bots)
{
    bots_memory_free(live->bots_memory);
    bots_free(live->bots);
    live->bots = bots;
    live->bots_memory = bots == NULL ? NULL : bots_memory_new(bots);
    memset(live->uas, 0, sizeof live->uas);
}

/* ---- time ------------------------------------------------------------------------------------- */

static unsigned slot_of(int64_t minute)
{
    return (unsigned)(minute % LIVE_MINUTES);
}

static void begin_minute(struct live *live, unsigned slot)
{
    live->minutes[slot] = (struct minute){ .hits = 0 };
    live_visitors_forget(live->visitors, slot);
    for (unsigned i = 0; i < LIVE_TABLES; i++)
        live_top_forget(live->tops[i], slot);
}

static void begin_minutes(struct live *live, int64_t minute)
{
    int64_t first = minute - LIVE_MINUTES + 1;
    bool anew = minute < live->minute - 1;

    if (!anew && minute <= live->minute)
        return;
    for (int64_t m = !anew && live->minute >= first ? live->minute + 1 : first; m <= minute; m++)
        begin_minute(live, slot_of(m));
    live->minute = minute;
    live->version++;
}

static void begin_seconds(struct live *live, int64_t second)
{
    bool anew = second < live->second - 2 * MINUTE_MS / DATE_SECOND_MS;
    int64_t first = second - SECONDS + 1;

    if (!anew && second <= live->second)
        return;
    for (int64_t s = !anew && live->second >= first ? live->second + 1 : first; s <= second; s++) {
        unsigned slot = (unsigned)(s & (SECONDS - 1));

        if (live->seconds[slot].hits > 0)
            live->version++; /* a rate is another */
        live->seconds[slot].hits = live->seconds[slot].views = 0;
    }
    live->second = second;
}

static void advance(struct live *live, int64_t now_ms)
{
    begin_minutes(live, now_ms / MINUTE_MS);
    begin_seconds(live, now_ms / DATE_SECOND_MS);
    if (now_ms > live->now_ms || now_ms < live->now_ms - MINUTE_MS)
        live->now_ms = now_ms;
}

static struct minute *current(struct live *live)
{
    return &live->minutes[slot_of(live->minute)];
}

/* ---- strings ---------------------------------------------------------------------------------- */

#define EACH_BYTE(value) (UINT64_MAX / 0xFF * (value))

/* How much of it is nothing but printable ASCII, as nearly everything is. Eight at a time. */
static size_t plain_bytes(struct str s, size_t max)
{
    size_t end = s.n < max ? s.n : max, n = 0;

    for (uint64_t x; n + sizeof x <= end; n += sizeof x) {
        memcpy(&x, s.p + n, sizeof x);
        if (((x | (x + EACH_BYTE(1)) | (x - EACH_BYTE(0x20))) & EACH_BYTE(0x80)) != 0)
            break;
    }
    while (n < end && s.p[n] >= 0x20 && s.p[n] < 0x7F)
        n++;
    return n;
}

/* Ill-formed bytes become U+FFFD, what has no shape is written as its number. */
static void take_text(struct text *text, struct str s, size_t bytes_max)
{
    struct buf b = buf_over(text->p, bytes_max < sizeof text->p ? bytes_max : sizeof text->p);

    while (s.n > 0 && !b.full && b.n < b.cap) {
        size_t n = plain_bytes(s, b.cap - b.n);
        uint32_t point;
        bool valid;

        if (n > 0) {
            buf_add(&b, s.p, n);
            s = str_from(s.p + n, s.n - n);
            continue;
        }
        n = utf8_next(s, &point, &valid);
        if (!valid)
            buf_add_lit(&b, "\xEF\xBF\xBD");
        else if (utf8_has_no_shape(point))
            buf_addf(&b, "\\u%04x", (unsigned)point);
        else
            buf_add(&b, s.p, n);
        s = str_from(s.p + n, s.n - n);
    }
    text->n = (uint8_t)b.n;
}

static struct str text_str(const struct text *text)
{
    return str_from(text->p, text->n);
}

/* In lower case, as hosts are stored. */
static void take_host(struct text *text, struct str host)
{
    take_text(text, host, sizeof text->p);
    for (size_t i = 0; i < text->n; i++) {
        if (text->p[i] >= 'A' && text->p[i] <= 'Z')
            text->p[i] = (char)(text->p[i] + ('a' - 'A'));
    }
}

static void append_text(struct text *text, struct str s)
{
    struct text more;

    take_text(&more, s, sizeof text->p - text->n);
    memcpy(text->p + text->n, more.p, more.n);
    text->n = (uint8_t)(text->n + more.n);
}

static bool is_country(const char code[2])
{
    return code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z';
}

/* host and path of the page; the referrer's host, unless it is the page's own */
static void take_urls(struct latest *l, const struct tap_hit *hit)
{
    struct str host, path, ref_host, ref_path;

    codec_url_parts(live_tap_text(hit, TAP_URL), &host, &path);
    codec_url_parts(live_tap_text(hit, TAP_REF), &ref_host, &ref_path);
    take_host(&l->page, host);
    take_host(&l->ref_host, ref_host);
    if (str_eq(text_str(&l->page), text_str(&l->ref_host)))
        l->ref_host.n = 0;
    append_text(&l->page, path);
}

/* ---- bots ------------------------------------------------------------------------------------- */

static int bot_of(struct live *live, struct str ua)
{
    uint64_t hash;
    unsigned at;

    if (live->bots_memory == NULL || ua.n == 0)
        return -1;
    hash = hash64(ua, live->seed) | 1; /* 0 is an empty place */
    at = (unsigned)(hash >> 32) % UA_CACHE;
    if (live->uas[at].hash != hash) {
        live->uas[at].hash = hash;
        live->uas[at].row = bots_find(live->bots, live->bots_memory, ua);
    }
    return live->uas[at].row;
}

/* ---- counting --------------------------------------------------------------------------------- */

static void count_key(struct live *live, enum live_table table, const struct text *key)
{
    if (key->n > 0)
        live_top_add(live->tops[table], text_str(key), slot_of(live->minute));
}

static void count_view(struct live *live, const struct latest *l)
{
    current(live)->views++;
    live->seconds[live->second & (SECONDS - 1)].views++;
    count_key(live, LIVE_PAGES, &l->page);
    count_key(live, LIVE_REFERRERS, &l->ref_host);
    count_key(live, LIVE_COUNTRIES, &l->country);
}

static void count_hit(struct live *live, const struct latest *l, uint64_t visitor)
{
    struct minute *minute = current(live);

    if (l->bot.n > 0) {
        minute->bots++;
        count_key(live, LIVE_BOTS, &l->bot);
        return;
    }
    minute->hits++;
    live->seconds[live->second & (SECONDS - 1)].hits++;
    count_key(live, LIVE_SITES, &l->site);
    if (l->prefetch)
        return; /* nobody may ever see the page */
    if (visitor != 0 && live_visitors_add(live->visitors, visitor, slot_of(live->minute)))
        minute->visitors++;
    if (l->kind == EVENT_VIEW)
        count_view(live, l);
    if (l->kind == EVENT_EVENT) {
        minute->events++;
        count_key(live, LIVE_EVENTS, &l->name);
    }
}

static void take_hit(struct live *live, const struct tap_hit *hit)
{
    struct latest *l = &live->latest[live->latest_count++ % LIVE_LATEST];
    int bot = bot_of(live, live_tap_text(hit, TAP_UA));

    if (hit->ts_ms > live->now_ms)
        advance(live, hit->ts_ms);
    l->ts_ms = hit->ts_ms;
    l->kind = (enum event_kind)hit->kind;
    l->prefetch = hit->prefetch;
    take_text(&l->site, live_tap_text(hit, TAP_SITE), NAME_BYTES);
    take_text(&l->title, live_tap_text(hit, TAP_TITLE), TITLE_BYTES);
    take_text(&l->name, live_tap_text(hit, TAP_NAME), NAME_BYTES);
    take_text(&l->country, str_from(hit->country, is_country(hit->country) ? 2 : 0), 2);
    take_text(&l->bot, bot < 0 ? STR("") : bots_name(live->bots, bot), NAME_BYTES);
    take_urls(l, hit);
    count_hit(live, l, hit->visitor);
}

static void gather_tap(struct live *live, unsigned i)
{
    const struct tap_hit *hit;
    uint64_t unseen;

    for (unsigned n = 0; n < LIVE_RING_HITS && (hit = live_tap_next(live->taps[i])) != NULL; n++) {
        take_hit(live, hit);
        live_tap_done(live->taps[i]);
        live->version++;
    }
    unseen = live_tap_unseen(live->taps[i]) - live->unseen_before[i];
    if (unseen == 0)
        return;
    live->unseen_before[i] += unseen;
    current(live)->unseen += (uint32_t)unseen;
    current(live)->hits += (uint32_t)unseen;
    live->seconds[live->second & (SECONDS - 1)].hits += (uint32_t)unseen;
    live->version++;
}

/* ---- what was not kept ------------------------------------------------------------------------ */

#define REFUSED_NAME "crumb_hits_refused_total"

static uint64_t sum(const struct live *live, size_t offset)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < live->metrics_count; i++) {
        const char *metrics = (const char *)live->metrics[i];

        total += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(metrics + offset),
                                      memory_order_relaxed);
    }
    return total;
}

static const struct {
    const char *name, *labels;
    size_t offset;
} counters[] = {
#define COUNTER(field, name, labels, help) { name, labels, offsetof(struct metrics, field) },
    METRICS_COUNTERS(COUNTER)
#undef COUNTER
};
#define COUNTERS (sizeof counters / sizeof counters[0])

/* The n-th counter of refused hits, or COUNTERS. */
static size_t refused_counter(size_t n)
{
    size_t i;

    for (i = 0; i < COUNTERS; i++) {
        if (strcmp(counters[i].name, REFUSED_NAME) == 0 && n-- == 0)
            break;
    }
    return i;
}

static void gather_difference(struct live *live, size_t offset, uint64_t *total, uint64_t *recent)
{
    uint64_t now = sum(live, offset);

    if (now == *total)
        return;
    *recent += now - *total;
    *total = now;
    live->version++;
}

static void gather_outcomes(struct live *live)
{
    struct minute *minute = current(live);

    gather_difference(live, offsetof(struct metrics, hits_opted_out), &live->opted_out,
                      &minute->opted_out);
    for (size_t n = 0, i; n < LIVE_REFUSED_MAX && (i = refused_counter(n)) < COUNTERS; n++)
        gather_difference(live, counters[i].offset, &live->refused[n], &minute->refused[n]);
}

void live_gather(struct live *live, int64_t now_ms)
{
    advance(live, now_ms);
    for (unsigned i = 0; i < live->taps_count; i++)
        gather_tap(live, i);
    gather_outcomes(live);
}

uint64_t live_version(const struct live *live)
{
    return live->version;
}

/* ---- figures ---------------------------------------------------------------------------------- */

static void add_rates(const struct live *live, struct live_figures *f)
{
    for (int64_t s = live->second - LIVE_RATE_SECONDS + 1; s <= live->second; s++) {
        f->hits_a_second += live->seconds[s & (SECONDS - 1)].hits;
        f->views_a_second += live->seconds[s & (SECONDS - 1)].views;
    }
    f->hits_a_second /= LIVE_RATE_SECONDS;
    f->views_a_second /= LIVE_RATE_SECONDS;
}

static void add_minute(struct live_figures *f, unsigned i, int64_t number, const struct minute *m)
{
    f->minutes[i] =
        (struct live_minute){ number * MINUTE_MS, m->hits, m->views, m->visitors, m->bots };
    f->hits += m->hits;
    f->views += m->views;
    f->events += m->events;
    f->bots += m->bots;
    f->unseen += m->unseen;
    f->opted_out += m->opted_out;
    for (unsigned n = 0; n < LIVE_REFUSED_MAX; n++)
        f->refused += m->refused[n];
}

void live_figures(const struct live *live, struct live_figures *f)
{
    unsigned slot = slot_of(live->minute);

    *f = (struct live_figures){
        .now_ms = live->now_ms,
        .visitors_now = live_visitors_count(live->visitors, slot, LIVE_NOW_MINUTES),
        .visitors = live_visitors_count(live->visitors, slot, LIVE_MINUTES),
        .visitors_is_exact = live_visitors_is_exact(live->visitors),
        .bots_are_told_apart = live->bots_memory != NULL,
        .latest = live->latest_count,
    };
    add_rates(live, f);
    for (unsigned i = 0; i < LIVE_MINUTES; i++) {
        int64_t number = live->minute - LIVE_MINUTES + 1 + i;

        add_minute(f, i, number, &live->minutes[slot_of(number)]);
    }
    f->visitors_is_exact = f->visitors_is_exact && f->unseen == 0;
}

size_t live_top(const struct live *live, enum live_table table, struct live_row *rows, size_t max)
{
    return live_top_best(live->tops[table], rows, max);
}

bool live_top_exact(const struct live *live, enum live_table table)
{
    return live_top_is_exact(live->tops[table]);
}

/* What stands between the quotes of reason="..." */
static struct str reason_of(const char *labels)
{
    struct str rest = str_of(labels);

    str_cut(&rest, '"');
    return str_cut(&rest, '"');
}

size_t live_refused(const struct live *live, struct live_refused rows[LIVE_REFUSED_MAX])
{
    size_t count = 0;

    for (size_t i; count < LIVE_REFUSED_MAX && (i = refused_counter(count)) < COUNTERS; count++) {
        rows[count] =
            (struct live_refused){ reason_of(counters[i].labels), 0, live->refused[count] };
        for (unsigned m = 0; m < LIVE_MINUTES; m++)
            rows[count].recent += live->minutes[m].refused[count];
    }
    return count;
}

bool live_latest(const struct live *live, unsigned i, struct live_hit *hit)
{
    const struct latest *l;

    if (i >= LIVE_LATEST || i >= live->latest_count)
        return false;
    l = &live->latest[(live->latest_count - 1 - i) % LIVE_LATEST];
    *hit = (struct live_hit){ .ts_ms = l->ts_ms,
                              .kind = l->kind,
                              .prefetch = l->prefetch,
                              .site = text_str(&l->site),
                              .page = text_str(&l->page),
                              .title = text_str(&l->title),
                              .ref_host = text_str(&l->ref_host),
                              .name = text_str(&l->name),
                              .country = text_str(&l->country),
                              .bot = text_str(&l->bot) };
    return true;
}
