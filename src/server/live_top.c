/*
 * live_top.c - a table of counted keys. See live_top.h for the contract. Called by live.c.
 *
 * Entries lie in arrays and are found through chains of their numbers; the totals are an array of
 * their own, so that looking for the rarest reads 4 KiB. What must be true: an entry's total is the
 * sum of its minutes; total 0 means that it is free, and in no chain.
 */
#include "live_top.h"

#include <stdlib.h>

#include "base/hash.h"

#define CHAINS (2 * LIVE_TOP_KEYS) /* a power of two */
#define NONE   UINT16_MAX

struct entry {
    uint64_t hash;
    uint32_t minutes[LIVE_MINUTES];
    uint16_t next;
    uint8_t key_bytes;
    char key[LIVE_KEY_BYTES_MAX];
};

struct live_top {
    uint64_t seed;
    uint32_t totals[LIVE_TOP_KEYS];
    uint16_t chains[CHAINS];
    uint32_t crowded[LIVE_MINUTES]; /* how often one made room in that minute */
    size_t used;                    /* entries */
    size_t hand;                    /* where looking for room goes on */
    struct entry entries[LIVE_TOP_KEYS];
};

struct live_top *live_top_new(uint64_t seed)
{
    struct live_top *top = calloc(1, sizeof *top);

    if (top == NULL)
        return NULL;
    top->seed = seed;
    for (size_t i = 0; i < CHAINS; i++)
        top->chains[i] = NONE;
    return top;
}

void live_top_free(struct live_top *top)
{
    free(top);
}

static uint16_t *chain_of(struct live_top *top, uint64_t hash)
{
    return &top->chains[hash & (CHAINS - 1)];
}

static void unchain(struct live_top *top, size_t i)
{
    uint16_t *link = chain_of(top, top->entries[i].hash);

    while (*link != i)
        link = &top->entries[*link].next;
    *link = top->entries[i].next;
}

static struct str key_of(const struct entry *entry)
{
    return str_from(entry->key, entry->key_bytes);
}

static size_t find(struct live_top *top, struct str key, uint64_t hash)
{
    size_t i = *chain_of(top, hash);

    while (i != NONE && (top->entries[i].hash != hash || !str_eq(key_of(&top->entries[i]), key)))
        i = top->entries[i].next;
    return i;
}

/* A free entry or the rarest; the hand goes round, so that equals make room in turn. */
static size_t find_room(struct live_top *top)
{
    uint32_t enough = top->used < LIVE_TOP_KEYS ? 0 : 1;
    size_t rarest = top->hand;

    for (size_t n = 0; n < LIVE_TOP_KEYS && top->totals[rarest] > enough; n++) {
        size_t i = (top->hand + n) % LIVE_TOP_KEYS;

        if (top->totals[i] < top->totals[rarest])
            rarest = i;
    }
    top->hand = (rarest + 1) % LIVE_TOP_KEYS;
    return rarest;
}

static size_t begin(struct live_top *top, struct str key, uint64_t hash, unsigned slot)
{
    size_t i = find_room(top);
    struct entry *entry = &top->entries[i];
    uint16_t *chain = chain_of(top, hash);

    if (top->totals[i] > 0) {
        unchain(top, i);
        top->crowded[slot]++;
        top->totals[i] = 0;
        memset(entry->minutes, 0, sizeof entry->minutes);
    } else {
        top->used++;
    }
    entry->hash = hash;
    entry->key_bytes = (uint8_t)key.n;
    memcpy(entry->key, key.p, key.n);
    entry->next = *chain;
    *chain = (uint16_t)i;
    return i;
}

void live_top_add(struct live_top *top, struct str key, unsigned slot)
{
    uint64_t hash;
    size_t i;

    if (key.n > LIVE_KEY_BYTES_MAX)
        key.n = LIVE_KEY_BYTES_MAX;
    hash = hash64(key, top->seed);
    i = find(top, key, hash);
    if (i == NONE)
        i = begin(top, key, hash, slot);
    top->entries[i].minutes[slot]++;
    top->totals[i]++;
}

void live_top_forget(struct live_top *top, unsigned slot)
{
    top->crowded[slot] = 0;
    if (top->used == 0)
        return;
    for (size_t i = 0; i < LIVE_TOP_KEYS; i++) {
        uint32_t *minute = &top->entries[i].minutes[slot];

        if (*minute == 0)
            continue;
        top->totals[i] -= *minute;
        *minute = 0;
        if (top->totals[i] > 0)
            continue;
        unchain(top, i);
        top->used--;
    }
}

static bool is_before(const struct live_row *a, const struct live_row *b)
{
    size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
    int order = memcmp(a->key.p, b->key.p, n);

    if (a->count != b->count)
        return a->count > b->count;
    return order != 0 ? order < 0 : a->key.n < b->key.n;
}

size_t live_top_best(const struct live_top *top, struct live_row *rows, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < LIVE_TOP_KEYS; i++) {
        struct live_row row = { key_of(&top->entries[i]), top->totals[i] };
        size_t at;

        if (row.count == 0 || max == 0 || (count == max && !is_before(&row, &rows[count - 1])))
            continue;
        for (at = count < max ? count++ : count - 1; at > 0 && is_before(&row, &rows[at - 1]); at--)
            rows[at] = rows[at - 1];
        rows[at] = row;
    }
    return count;
}

bool live_top_is_exact(const struct live_top *top)
{
    for (unsigned slot = 0; slot < LIVE_MINUTES; slot++) {
        if (top->crowded[slot] > 0)
            return false;
    }
    return true;
}
