/*
 * live_tap.c - see live_tap.h and live.h for the contracts. collect.c puts hits in, live.c takes them
 * out.
 *
 * What must be true: a slot is written only while it is not between tail and head, and read only
 * while it is. head and tail are on lines of their own, so that the two threads disturb each other
 * only when there is something to hand over.
 */
#include "live_tap.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"

#define CACHE_LINE 64

struct live_tap {
    /* the writer's */
    _Alignas(CACHE_LINE) _Atomic uint32_t head;
    uint32_t tail_seen;
    uint64_t seed;
    _Atomic uint64_t unseen;
    /* the reader's */
    _Alignas(CACHE_LINE) _Atomic uint32_t tail;
    _Alignas(CACHE_LINE) struct tap_hit hits[LIVE_RING_HITS];
};

_Static_assert(sizeof(struct tap_hit) == 1024, "slots do not share cache lines");
_Static_assert((LIVE_RING_HITS & (LIVE_RING_HITS - 1)) == 0, "head and tail may wrap");

/* How much of each is taken: more than what is shown of it, as it is not decoded yet. */
static const uint16_t bytes_max[TAP_TEXTS] = {
    [TAP_SITE] = 48,  [TAP_URL] = 200, [TAP_REF] = 120,
    [TAP_TITLE] = 80, [TAP_NAME] = 48, [TAP_UA] = 496,
};

struct live_tap *live_tap_new(uint64_t seed)
{
    struct live_tap *tap = aligned_alloc(CACHE_LINE, sizeof *tap);

    if (tap == NULL)
        return NULL;
    memset(tap, 0, offsetof(struct live_tap, hits));
    tap->seed = seed;
    return tap;
}

void live_tap_free(struct live_tap *tap)
{
    free(tap);
}

/* ---- the worker's side ------------------------------------------------------------------------ */

static bool has_room(struct live_tap *tap, uint32_t head)
{
    if (head - tap->tail_seen < LIVE_RING_HITS)
        return true;
    tap->tail_seen = atomic_load_explicit(&tap->tail, memory_order_acquire);
    return head - tap->tail_seen < LIVE_RING_HITS;
}

/* geo_entry.c puts it first. */
static void copy_country(char country[2], struct str geo)
{
    static const char key[] = "\"country\":\"";

    memset(country, 0, 2);
    if (geo.n >= sizeof key + 2 && memcmp(geo.p, key, sizeof key - 1) == 0)
        memcpy(country, geo.p + sizeof key - 1, 2);
}

/* Nothing of query and fragment even gets into the ring. */
static struct str without_query(struct str url)
{
    url.n = str_find(url, '?', 0);
    url.n = str_find(url, '#', 0);
    return url;
}

static char *copy_text(struct tap_hit *hit, char *to, enum live_text which, struct str s)
{
    size_t n = s.n < bytes_max[which] ? s.n : bytes_max[which];

    hit->bytes[which] = (uint16_t)n;
    if (n > 0)
        memcpy(to, s.p, n);
    return to + n;
}

void live_tap_hit(struct live_tap *tap, const struct event *event)
{
    uint32_t head = atomic_load_explicit(&tap->head, memory_order_relaxed);
    struct tap_hit *hit = &tap->hits[head & (LIVE_RING_HITS - 1)];
    char *to = hit->text;

    if (!has_room(tap, head)) {
        metrics_add(&tap->unseen, 1);
        return;
    }
    hit->ts_ms = event->ts_ms;
    hit->visitor = event->vid.n == 0 ? 0 : hash64(event->vid, tap->seed);
    hit->kind = (uint8_t)event->kind;
    hit->prefetch = event->prefetch;
    copy_country(hit->country, event->geo);
    to = copy_text(hit, to, TAP_SITE, event->facts.site);
    to = copy_text(hit, to, TAP_URL, without_query(event->facts.url));
    to = copy_text(hit, to, TAP_REF, without_query(event->facts.ref));
    to = copy_text(hit, to, TAP_TITLE, event->facts.title);
    to = copy_text(hit, to, TAP_NAME, event->facts.name);
    copy_text(hit, to, TAP_UA, event->ua);
    atomic_store_explicit(&tap->head, head + 1, memory_order_release);
}

/* ---- the gatherer's side ---------------------------------------------------------------------- */

const struct tap_hit *live_tap_next(const struct live_tap *tap)
{
    uint32_t tail = atomic_load_explicit(&tap->tail, memory_order_relaxed);

    if (atomic_load_explicit(&tap->head, memory_order_acquire) == tail)
        return NULL;
    return &tap->hits[tail & (LIVE_RING_HITS - 1)];
}

void live_tap_done(struct live_tap *tap)
{
    uint32_t tail = atomic_load_explicit(&tap->tail, memory_order_relaxed);

    atomic_store_explicit(&tap->tail, tail + 1, memory_order_release);
}

struct str live_tap_text(const struct tap_hit *hit, enum live_text which)
{
    const char *from = hit->text;

    for (unsigned i = 0; i < which; i++)
        from += hit->bytes[i];
    return str_from(from, hit->bytes[which]);
}

uint64_t live_tap_unseen(const struct live_tap *tap)
{
    return atomic_load_explicit(&tap->unseen, memory_order_relaxed);
}
