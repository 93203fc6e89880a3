/*
 * tally.c - hash tables that count, spill and merge. See tally.h for the contract.
 *
 * Called by scanner threads for every hit, and by report.c at the end. Always true: when none waits,
 * a group's `visitors` is the number of its pairs in the table; what is in memory and what was spilled are
 * added up by the merge, in which a pair counts once however often it was spilled.
 */
#include "tally.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/crypto.h"
#include "base/hash.h"
#include "spill.h"

#define FIRST_SLOTS     256
#define CHUNK_BYTES     (256 * 1024)
#define WAITING         16
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

struct pair {
    uint64_t group, visitor; /* hashes; visitor 0: the slot is free */
};

/* Keys never move, so that groups can point at them. */
struct chunk {
    struct chunk *next;
    size_t n, cap;
    char text[];
};

/* A pair whose place in the table was asked for and is on its way from memory. */
struct waiting {
    uint64_t visitor; /* 0: nobody */
    size_t group;
};

struct tally {
    struct tally_group *groups;
    size_t groups_count, groups_cap;
    uint32_t *slots; /* index + 1 of a group */
    size_t slots_mask;
    struct pair *pairs;
    size_t pairs_count, pairs_mask;
    struct waiting waiting[WAITING]; /* a ring */
    unsigned waiting_next;
    struct chunk *keys;
    size_t keys_bytes;
    struct spill *spilled_groups, *spilled_pairs;
    struct err err;
};

/* A group as it is spilled, followed by its key. */
struct record {
    uint64_t hash;
    uint64_t count[TALLY_COUNTS];
    uint64_t key_bytes;
};

/* What the merge makes of the pairs. */
struct number {
    uint64_t group; /* its hash */
    uint64_t visitors;
};

/* The process's own, so that nobody can send keys that meet. */
static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void choose_seed(void)
{
    crypto_random(&seed, sizeof seed);
}

void tally_set_seed(uint64_t stored)
{
    pthread_once(&seed_once, choose_seed);
    seed = stored;
}

uint64_t tally_hash(struct str key)
{
    uint64_t hash = hash64(key, seed);

    return hash == 0 ? 1 : hash;
}

struct tally *tally_new(void)
{
    pthread_once(&seed_once, choose_seed);
    return calloc(1, sizeof(struct tally));
}

static void forget_keys(struct tally *tally)
{
    while (tally->keys != NULL) {
        struct chunk *next = tally->keys->next;

        free(tally->keys);
        tally->keys = next;
    }
    tally->keys_bytes = 0;
}

/* Back to an empty table; what was spilled stays. */
static void forget(struct tally *tally)
{
    forget_keys(tally);
    free(tally->groups);
    free(tally->slots);
    free(tally->pairs);
    tally->groups = NULL;
    tally->slots = NULL;
    tally->pairs = NULL;
    tally->groups_count = tally->groups_cap = tally->pairs_count = 0;
    tally->slots_mask = tally->pairs_mask = 0;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL)
        return;
    forget(tally);
    spill_free(tally->spilled_groups);
    spill_free(tally->spilled_pairs);
    free(tally);
}

size_t tally_bytes(const struct tally *tally)
{
    return tally->groups_cap * sizeof *tally->groups + tally->keys_bytes +
           (tally->slots == NULL ? 0 : (tally->slots_mask + 1) * sizeof *tally->slots) +
           (tally->pairs == NULL ? 0 : (tally->pairs_mask + 1) * sizeof *tally->pairs);
}

static void no_memory(struct tally *tally)
{
    err_set(&tally->err, ERR_MEMORY, "out of memory");
}

/* ---- groups -------------------------------------------------------------------------------------- */

static int grow_slots(struct tally *tally)
{
    size_t count = tally->slots == NULL ? FIRST_SLOTS : (tally->slots_mask + 1) * 2;
    uint32_t *slots = calloc(count, sizeof *slots);

    if (slots == NULL)
        return -1;
    for (size_t i = 0; i < tally->groups_count; i++) {
        size_t at = tally->groups[i].hash & (count - 1);

        while (slots[at] != 0)
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(tally->slots);
    tally->slots = slots;
    tally->slots_mask = count - 1;
    return 0;
}

static const char *keep_key(struct tally *tally, struct str key)
{
    struct chunk *chunk = tally->keys;

    if (chunk == NULL || chunk->cap - chunk->n < key.n) {
        size_t cap = tally->keys == NULL ? 4096 : CHUNK_BYTES;

        if (cap < key.n)
            cap = key.n;
        chunk = malloc(sizeof *chunk + cap);
        if (chunk == NULL)
            return NULL;
        chunk->n = 0;
        chunk->cap = cap;
        chunk->next = tally->keys;
        tally->keys = chunk;
        tally->keys_bytes += cap;
    }
    if (key.n > 0)
        memcpy(chunk->text + chunk->n, key.p, key.n);
    chunk->n += key.n;
    return chunk->text + chunk->n - key.n;
}

static int grow_groups(struct tally *tally)
{
    size_t cap = tally->groups_cap == 0 ? FIRST_SLOTS / 2 : tally->groups_cap * 2;
    struct tally_group *groups;

    if (cap > UINT32_MAX)
        return -1;
    groups = realloc(tally->groups, cap * sizeof *groups);
    if (groups == NULL)
        return -1;
    tally->groups = groups;
    tally->groups_cap = cap;
    return 0;
}

/* Where the hash is, or the free slot where it would be. */
static inline size_t slot_of(const struct tally *tally, uint64_t hash)
{
    size_t at = hash & tally->slots_mask;

    while (tally->slots[at] != 0 && tally->groups[tally->slots[at] - 1].hash != hash)
        at = (at + 1) & tally->slots_mask;
    return at;
}

static struct tally_group *find_group(const struct tally *tally, uint64_t hash)
{
    size_t at;

    if (tally->slots == NULL)
        return NULL;
    at = slot_of(tally, hash);
    return tally->slots[at] == 0 ? NULL : &tally->groups[tally->slots[at] - 1];
}

static struct tally_group *new_group(struct tally *tally, struct str key, uint64_t hash)
{
    struct tally_group *group;
    const char *text;

    if (tally->groups_count == tally->groups_cap && grow_groups(tally) != 0)
        return NULL;
    if ((tally->slots == NULL || tally->groups_count * 2 > tally->slots_mask) &&
        grow_slots(tally) != 0)
        return NULL;
    text = keep_key(tally, key);
    if (text == NULL)
        return NULL;
    group = &tally->groups[tally->groups_count++];
    *group = (struct tally_group){ .hash = hash, .key = { text, key.n } };
    tally->slots[slot_of(tally, hash)] = (uint32_t)tally->groups_count;
    return group;
}

/* ---- pairs of group and visitor ------------------------------------------------------------------------ */

static inline size_t first_place(size_t mask, uint64_t group, uint64_t visitor)
{
    return (group ^ visitor * UINT64_C(0x9E3779B97F4A7C15)) & mask;
}

static inline size_t pair_at(const struct pair *pairs, size_t mask, uint64_t group,
                             uint64_t visitor)
{
    size_t at = first_place(mask, group, visitor);

    while (pairs[at].visitor != 0 && (pairs[at].visitor != visitor || pairs[at].group != group))
        at = (at + 1) & mask;
    return at;
}

/* Zeroes. Large tables are read all over: with large pages, finding the page is no second miss. */
static void *new_table(size_t bytes)
{
    void *table;

    if (bytes < 2 * HUGE_PAGE_BYTES)
        return calloc(1, bytes);
    table = aligned_alloc(HUGE_PAGE_BYTES, bytes);
    if (table != NULL) {
        madvise(table, bytes, MADV_HUGEPAGE); /* a wish */
        memset(table, 0, bytes);
    }
    return table;
}

static int grow_pairs(struct tally *tally)
{
    size_t count = tally->pairs == NULL ? FIRST_SLOTS : (tally->pairs_mask + 1) * 2;
    struct pair *pairs = new_table(count * sizeof *pairs);

    if (pairs == NULL)
        return -1;
    for (size_t i = 0; tally->pairs != NULL && i <= tally->pairs_mask; i++) {
        struct pair p = tally->pairs[i];

        if (p.visitor != 0)
            pairs[pair_at(pairs, count - 1, p.group, p.visitor)] = p;
    }
    free(tally->pairs);
    tally->pairs = pairs;
    tally->pairs_mask = count - 1;
    return 0;
}

static void count_visitor(struct tally *tally, struct tally_group *group, uint64_t visitor)
{
    size_t at;

    if ((tally->pairs == NULL || tally->pairs_count * 8 > tally->pairs_mask * 5) &&
        grow_pairs(tally) != 0) {
        no_memory(tally);
        return;
    }
    at = pair_at(tally->pairs, tally->pairs_mask, group->hash, visitor);
    if (tally->pairs[at].visitor != 0)
        return;
    tally->pairs[at] = (struct pair){ group->hash, visitor };
    tally->pairs_count++;
    group->visitors++;
}

/*
 * The table is large and every visitor elsewhere in it: memory would be waited for at every hit. So
 * the place is only asked for now, and looked at when WAITING others have come.
 */
static inline void add_visitor(struct tally *tally, size_t group, uint64_t visitor)
{
    struct waiting *waiting = &tally->waiting[tally->waiting_next++ % WAITING];

    if (waiting->visitor != 0)
        count_visitor(tally, &tally->groups[waiting->group], waiting->visitor);
    *waiting = (struct waiting){ visitor, group };
    if (tally->pairs != NULL)
        __builtin_prefetch(
            &tally->pairs[first_place(tally->pairs_mask, tally->groups[group].hash, visitor)], 1);
}

static void count_waiting(struct tally *tally)
{
    for (unsigned i = 0; i < WAITING; i++) {
        struct waiting *waiting = &tally->waiting[i];

        if (waiting->visitor != 0)
            count_visitor(tally, &tally->groups[waiting->group], waiting->visitor);
        waiting->visitor = 0;
    }
}

void tally_add(struct tally *tally, struct str key, uint64_t hash, const uint64_t add[TALLY_COUNTS],
               uint64_t visitor)
{
    struct tally_group *group = find_group(tally, hash);

    if (tally->err.code != ERR_NONE)
        return;
    if (group == NULL)
        group = new_group(tally, key, hash);
    if (group == NULL) {
        no_memory(tally);
        return;
    }
    for (int i = 0; i < TALLY_COUNTS; i++)
        group->count[i] += add[i];
    if (visitor != 0)
        add_visitor(tally, (size_t)(group - tally->groups), visitor);
}

/* ---- spilling ---------------------------------------------------------------------------------------- */

static unsigned part_of_group(const void *item)
{
    const struct tally_group *group = item;

    return SPILL_PART(group->hash);
}

/* Of both: one group can have all visitors, one visitor can be in all groups. */
static unsigned part_of_pair(const void *item)
{
    const struct pair *pair = item;

    return SPILL_PART((pair->group ^ pair->visitor) * UINT64_C(0x9E3779B97F4A7C15));
}

/* The items' indices in the order of their parts. NULL when out of memory. */
static uint32_t *order_by_part(const void *items, size_t count, size_t bytes,
                               unsigned (*part_of)(const void *item))
{
    uint32_t *order = malloc((count + 1) * sizeof *order);
    size_t next[SPILL_PARTS + 1] = { 0 };

    if (order == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        next[part_of((const char *)items + i * bytes) + 1]++;
    for (unsigned part = 1; part < SPILL_PARTS; part++)
        next[part] += next[part - 1];
    for (size_t i = 0; i < count; i++)
        order[next[part_of((const char *)items + i * bytes)]++] = (uint32_t)i;
    return order;
}

static int put_group(struct tally *tally, const struct tally_group *group)
{
    struct record record = { .hash = group->hash, .key_bytes = group->key.n };
    unsigned part = part_of_group(group);

    memcpy(record.count, group->count, sizeof record.count);
    return spill_put(tally->spilled_groups, part, &record, sizeof record, &tally->err) != 0 ||
                   spill_put(tally->spilled_groups, part, group->key.p, group->key.n,
                             &tally->err) != 0
               ? -1
               : 0;
}

static int spill_groups(struct tally *tally)
{
    struct err *e = &tally->err;
    uint32_t *order;
    int r;

    if (tally->spilled_groups == NULL && (tally->spilled_groups = spill_new(e)) == NULL)
        return -1;
    order = order_by_part(tally->groups, tally->groups_count, sizeof *tally->groups, part_of_group);
    if (order == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    r = spill_begin_run(tally->spilled_groups, e);
    for (size_t i = 0; r == 0 && i < tally->groups_count; i++)
        r = put_group(tally, &tally->groups[order[i]]);
    free(order);
    return r == 0 ? spill_end_run(tally->spilled_groups, e) : -1;
}

static int spill_pairs(struct tally *tally)
{
    struct err *e = &tally->err;
    uint32_t *order;
    size_t n = 0;
    int r;

    if (tally->pairs == NULL)
        return 0;
    if (tally->spilled_pairs == NULL && (tally->spilled_pairs = spill_new(e)) == NULL)
        return -1;
    for (size_t i = 0; i <= tally->pairs_mask; i++) {
        if (tally->pairs[i].visitor != 0)
            tally->pairs[n++] = tally->pairs[i];
    }
    order = order_by_part(tally->pairs, n, sizeof *tally->pairs, part_of_pair);
    if (order == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    r = spill_begin_run(tally->spilled_pairs, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct pair *pair = &tally->pairs[order[i]];

        r = spill_put(tally->spilled_pairs, part_of_pair(pair), pair, sizeof *pair, e);
    }
    free(order);
    return r == 0 ? spill_end_run(tally->spilled_pairs, e) : -1;
}

void tally_spill(struct tally *tally)
{
    count_waiting(tally);
    if (tally->groups_count == 0 || tally->err.code != ERR_NONE)
        return;
    if (spill_groups(tally) == 0 && spill_pairs(tally) == 0)
        forget(tally);
}

/* ---- merging ----------------------------------------------------------------------------------------- */

static void add_group(struct tally *to, struct str key, uint64_t hash,
                      const uint64_t count[TALLY_COUNTS])
{
    tally_add(to, key, hash, count, 0);
}

static void add_pair(struct tally *to, struct pair pair)
{
    struct tally_group *group = find_group(to, pair.group);

    if (group != NULL)
        add_visitor(to, (size_t)(group - to->groups), pair.visitor);
}

static void add_all(struct tally *to, const struct tally *from)
{
    for (size_t i = 0; i < from->groups_count; i++)
        add_group(to, from->groups[i].key, from->groups[i].hash, from->groups[i].count);
    for (size_t i = 0; from->pairs != NULL && i <= from->pairs_mask; i++) {
        if (from->pairs[i].visitor != 0)
            add_pair(to, from->pairs[i]);
    }
}

static char *read_part(const struct spill *spill, unsigned part, size_t *n, struct err *e)
{
    char *memory;

    *n = spill_part_bytes(spill, part);
    memory = malloc(*n == 0 ? 1 : *n);
    if (memory == NULL)
        err_set(e, ERR_MEMORY, "out of memory");
    else if (spill_read(spill, part, memory, e) != 0) {
        free(memory);
        memory = NULL;
    }
    return memory;
}

static int add_spilled_groups(struct tally *to, const struct tally *from, unsigned part,
                              struct err *e)
{
    size_t n, at = 0;
    char *memory = read_part(from->spilled_groups, part, &n, e);

    if (memory == NULL)
        return -1;
    while (at < n) {
        struct record record;

        memcpy(&record, memory + at, sizeof record);
        at += sizeof record;
        add_group(to, str_from(memory + at, record.key_bytes), record.hash, record.count);
        at += record.key_bytes;
    }
    free(memory);
    return 0;
}

/* Groups get no key here: they are only looked up by those that have one. */
static int add_spilled_pairs(struct tally *to, const struct tally *from, unsigned part,
                             struct err *e)
{
    const uint64_t nothing[TALLY_COUNTS] = { 0 };
    size_t n;
    char *memory = read_part(from->spilled_pairs, part, &n, e);

    if (memory == NULL)
        return -1;
    for (size_t at = 0; at < n; at += sizeof(struct pair)) {
        struct pair pair;

        memcpy(&pair, memory + at, sizeof pair);
        tally_add(to, STR(""), pair.group, nothing, pair.visitor);
    }
    free(memory);
    return 0;
}

/* Who is told of the groups: one of the two. */
struct listener {
    tally_fn *each;
    tally_sets_fn *each_set;
    void *arg;
};

static int by_hash(const void *a, const void *b)
{
    const struct tally_group *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

static int by_group_and_visitor(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->visitor > y->visitor) - (x->visitor < y->visitor);
}

/* Groups and pairs side by side, both in order of the group's hash. */
static int give_sets(struct tally *tally, const struct listener *listener, struct err *e)
{
    struct pair *pairs = malloc((tally->pairs_count + 1) * sizeof *pairs);
    uint64_t *visitors = malloc((tally->pairs_count + 1) * sizeof *visitors);
    size_t n = 0, at = 0;

    if (pairs == NULL || visitors == NULL) {
        free(pairs);
        free(visitors);
        return err_set(e, ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; tally->pairs != NULL && i <= tally->pairs_mask; i++) {
        if (tally->pairs[i].visitor != 0)
            pairs[n++] = tally->pairs[i];
    }
    qsort(pairs, n, sizeof *pairs, by_group_and_visitor);
    for (size_t i = 0; i < n; i++)
        visitors[i] = pairs[i].visitor;
    if (tally->groups_count > 0)
        qsort(tally->groups, tally->groups_count, sizeof *tally->groups, by_hash);
    for (size_t i = 0; i < tally->groups_count; i++) {
        listener->each_set(listener->arg, &tally->groups[i], visitors + at);
        at += tally->groups[i].visitors;
    }
    free(pairs);
    free(visitors);
    return 0;
}

static int give(struct tally *tally, const struct listener *listener, struct err *e)
{
    if (listener->each_set != NULL)
        return give_sets(tally, listener, e);
    assert(listener->each != NULL);
    for (size_t i = 0; i < tally->groups_count; i++)
        listener->each(listener->arg, &tally->groups[i]);
    return 0;
}

static int finish(struct tally *merged, const struct listener *listener, struct err *e)
{
    count_waiting(merged);
    if (merged->err.code != ERR_NONE) {
        *e = merged->err;
        return -1;
    }
    if (give(merged, listener, e) != 0)
        return -1;
    forget(merged);
    return 0;
}

/* Spills how many visitors each group has, in the order of the groups' parts. */
static int spill_numbers(struct tally *tally)
{
    struct err *e = &tally->err;
    uint32_t *order;
    int r;

    if (tally->spilled_pairs == NULL && (tally->spilled_pairs = spill_new(e)) == NULL)
        return -1;
    order = order_by_part(tally->groups, tally->groups_count, sizeof *tally->groups, part_of_group);
    if (order == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    r = spill_begin_run(tally->spilled_pairs, e);
    for (size_t i = 0; r == 0 && i < tally->groups_count; i++) {
        const struct tally_group *group = &tally->groups[order[i]];
        struct number number = { group->hash, group->visitors };

        r = spill_put(tally->spilled_pairs, part_of_group(group), &number, sizeof number, e);
    }
    free(order);
    return r == 0 ? spill_end_run(tally->spilled_pairs, e) : -1;
}

/* How many different visitors has each group in this part of the pairs? */
static int count_pairs(struct tally *counted, struct tally *const *tallies, unsigned count,
                       unsigned part, struct err *e)
{
    for (unsigned i = 0; i < count; i++) {
        if (add_spilled_pairs(counted, tallies[i], part, e) != 0)
            return -1;
    }
    count_waiting(counted);
    if (counted->err.code != ERR_NONE || spill_numbers(counted) != 0) {
        *e = counted->err;
        return -1;
    }
    forget(counted);
    return 0;
}

static int add_numbers(struct tally *to, const struct tally *counted, unsigned part, struct err *e)
{
    size_t n;
    char *memory = read_part(counted->spilled_pairs, part, &n, e);

    if (memory == NULL)
        return -1;
    for (size_t at = 0; at < n; at += sizeof(struct number)) {
        struct tally_group *group;
        struct number number;

        memcpy(&number, memory + at, sizeof number);
        group = find_group(to, number.group);
        if (group != NULL)
            group->visitors += number.visitors;
    }
    free(memory);
    return 0;
}

static int merge_part(struct tally *merged, const struct tally *counted,
                      struct tally *const *tallies, unsigned count, unsigned part, struct err *e)
{
    for (unsigned i = 0; i < count; i++) {
        if (add_spilled_groups(merged, tallies[i], part, e) != 0)
            return -1;
    }
    return add_numbers(merged, counted, part, e);
}

/* The pairs of the part's groups are in all parts of the pairs. */
static int merge_part_sets(struct tally *merged, struct tally *const *tallies, unsigned count,
                           unsigned part, struct err *e)
{
    for (unsigned i = 0; i < count; i++) {
        if (add_spilled_groups(merged, tallies[i], part, e) != 0)
            return -1;
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned pairs = 0; pairs < SPILL_PARTS; pairs++) {
            size_t n;
            char *memory = read_part(tallies[i]->spilled_pairs, pairs, &n, e);

            if (memory == NULL)
                return -1;
            for (size_t at = 0; at < n; at += sizeof(struct pair)) {
                struct pair pair;

                memcpy(&pair, memory + at, sizeof pair);
                add_pair(merged, pair);
            }
            free(memory);
        }
    }
    return 0;
}

/*
 * Twice part by part, as one group may have all visitors: first the pairs become numbers, then the
 * groups are added up.
 */
static int merge_spilled(struct tally *merged, struct tally *const *tallies, unsigned count,
                         const struct listener *listener, struct err *e)
{
    struct tally *counted = tally_new();
    bool sets = listener->each_set != NULL;
    int r = 0;

    if (counted == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (unsigned i = 0; r == 0 && i < count; i++) {
        tally_spill(tallies[i]);
        if (tallies[i]->err.code != ERR_NONE) {
            *e = tallies[i]->err;
            r = -1;
        }
    }
    for (unsigned part = 0; r == 0 && !sets && part < SPILL_PARTS; part++)
        r = count_pairs(counted, tallies, count, part, e);
    for (unsigned part = 0; r == 0 && part < SPILL_PARTS; part++) {
        r = sets ? merge_part_sets(merged, tallies, count, part, e)
                 : merge_part(merged, counted, tallies, count, part, e);
        if (r == 0)
            r = finish(merged, listener, e);
    }
    tally_free(counted);
    return r;
}

static int merge(struct tally *const *tallies, unsigned count, const struct listener *listener,
                 struct err *e)
{
    struct tally *merged;
    bool spilled = false;
    int r;

    for (unsigned i = 0; i < count; i++) {
        count_waiting(tallies[i]);
        if (tallies[i]->err.code != ERR_NONE) {
            *e = tallies[i]->err;
            return -1;
        }
        spilled |= tallies[i]->spilled_groups != NULL;
    }
    if (count == 1 && !spilled)
        return give(tallies[0], listener, e);
    merged = tally_new();
    if (merged == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    if (spilled) {
        r = merge_spilled(merged, tallies, count, listener, e);
    } else {
        for (unsigned i = 0; i < count; i++)
            add_all(merged, tallies[i]);
        r = finish(merged, listener, e);
    }
    tally_free(merged);
    return r;
}

int tally_merge(struct tally *const *tallies, unsigned count, tally_fn *each, void *arg,
                struct err *e)
{
    return merge(tallies, count, &(struct listener){ .each = each, .arg = arg }, e);
}

int tally_merge_sets(struct tally *const *tallies, unsigned count, tally_sets_fn *each, void *arg,
                     struct err *e)
{
    return merge(tallies, count, &(struct listener){ .each_set = each, .arg = arg }, e);
}
