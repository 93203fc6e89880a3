/*
 * live_visitors.c - who was here, by the minute of the last visit. See live_visitors.h. Called by
 * live.c.
 *
 * Each visitor is kept once, in the minute of the last hit, and how many there are of each minute is
 * counted along: "in the last five minutes" is a sum of five. What must be true: last_in[slot] is the
 * number of kept visitors whose last minute is slot.
 */
#include "live_visitors.h"

#include <stdlib.h>

#define CHAINS LIVE_VISITORS_MAX /* a power of two */
#define NONE   0

/* Their places begin with 1, so that memory which was never used says NONE everywhere. */
struct visitor {
    uint64_t hash;
    uint32_t next;
    uint32_t slot;
};

struct live_visitors {
    uint32_t last_in[LIVE_MINUTES];
    uint32_t lost_in[LIVE_MINUTES]; /* hits of visitors for whom there was no room */
    uint32_t first_free;
    uint32_t used; /* places that ever were */
    uint32_t chains[CHAINS];
    struct visitor kept[LIVE_VISITORS_MAX + 1];
};

struct live_visitors *live_visitors_new(void)
{
    return calloc(1, sizeof(struct live_visitors));
}

void live_visitors_free(struct live_visitors *visitors)
{
    free(visitors);
}

/* A place that was given back, or a new one; NONE when all are taken. */
static uint32_t take_place(struct live_visitors *v)
{
    uint32_t i = v->first_free;

    if (i != NONE)
        v->first_free = v->kept[i].next;
    else if (v->used < LIVE_VISITORS_MAX)
        i = ++v->used;
    return i;
}

bool live_visitors_add(struct live_visitors *v, uint64_t visitor, unsigned slot)
{
    uint32_t *chain = &v->chains[visitor & (CHAINS - 1)], i = *chain;

    while (i != NONE && v->kept[i].hash != visitor)
        i = v->kept[i].next;
    if (i != NONE) {
        unsigned before = v->kept[i].slot;

        v->last_in[before]--;
        v->last_in[slot]++;
        v->kept[i].slot = slot;
        return before != slot;
    }
    i = take_place(v);
    if (i == NONE) {
        v->lost_in[slot]++;
        return false;
    }
    v->kept[i] = (struct visitor){ visitor, *chain, slot };
    *chain = i;
    v->last_in[slot]++;
    return true;
}

static void forget_in_chain(struct live_visitors *v, uint32_t *link, unsigned slot)
{
    while (*link != NONE) {
        uint32_t i = *link;

        if (v->kept[i].slot != slot) {
            link = &v->kept[i].next;
            continue;
        }
        *link = v->kept[i].next;
        v->kept[i].next = v->first_free;
        v->first_free = i;
    }
}

void live_visitors_forget(struct live_visitors *v, unsigned slot)
{
    v->lost_in[slot] = 0;
    if (v->last_in[slot] == 0)
        return;
    for (uint32_t i = 0; i < CHAINS; i++)
        forget_in_chain(v, &v->chains[i], slot);
    v->last_in[slot] = 0;
}

uint32_t live_visitors_count(const struct live_visitors *v, unsigned slot, unsigned minutes)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < minutes && i < LIVE_MINUTES; i++)
        count += v->last_in[(slot + LIVE_MINUTES - i) % LIVE_MINUTES];
    return count;
}

bool live_visitors_is_exact(const struct live_visitors *v)
{
    for (unsigned slot = 0; slot < LIVE_MINUTES; slot++) {
        if (v->lost_in[slot] > 0)
            return false;
    }
    return true;
}
