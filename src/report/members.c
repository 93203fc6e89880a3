/*
 * members.c - see members.h for the contract.
 *
 * Bits: a word of `word` may be set only if its bit in `touched` is, so what is there is found, and
 * forgotten, without looking at all words. Few: the members themselves in the order of their coming,
 * and a table that tells whether one is there already; they become registers with the one that is too
 * many.
 *
 * Where the universe is estimated a lens says of each place which register its hash raises, and to what
 * (its rank). Keys are walked through all stretches at the same time, so the lenses of all of them compete for the
 * processor's caches: those of many places are lines of LINE_PLACES, with four bits for each rank. Once all
 * registers of a key are at LOW_RANK or above, which those of large keys soon are, a bit for each place says
 * which can still change something: one in eight.
 */
#include "members.h"

#include <endian.h>
#include <stdlib.h>

#define BUCKET_MEMBERS 4
#define REGISTERS      SET_REGISTERS(SET_KEY_BITS)
#define FEW_SLOTS      2048 /* four for each member, so that the next free one is near */
#define FEW_BITS       11
#define CHUNK          128 /* places that are decoded before they are looked up: misses overlap */
#define LOOK_RANK      15  /* this or more: the hash says it */
#define LINE_PLACES    116
#define LINE_BORDERS   4
#define LINES_FROM     (58 * REGISTERS) /* places: some two registers a line, or fewer */
#define NO_LINE        UINT16_MAX       /* too many registers: the hashes say it */
#define LOW_RANK       3
#define LOW_FROM       128 /* places of a key that are worth a look at all its registers */

/* Hashes ascend, so the places of a register follow each other. As long as a line of the cache. */
struct look_line {
    uint16_t first;                       /* register */
    unsigned char border[LINE_BORDERS];   /* where the next one begins, and those behind it */
    unsigned char ranks[LINE_PLACES / 2]; /* the even places' in the lower four bits */
};

struct members {
    const struct universe *universe;
    enum { BITS, FEW, MANY } state;
    uint64_t *word, *touched;
    size_t words;
    uint64_t few[SUMMARY_KEY_EXACT + 1];
    size_t count;
    uint16_t slot[FEW_SLOTS];             /* of a member, its place in few plus 1 */
    uint16_t used[SUMMARY_KEY_EXACT + 1]; /* slots, in the order of few */
    _Alignas(64) unsigned char registers[REGISTERS];
};

static uint64_t hash_at(const unsigned char *hashes, size_t i)
{
    uint64_t hash;

    memcpy(&hash, hashes + i * sizeof hash, sizeof hash);
    return le64toh(hash);
}

/* ---- the universe ---------------------------------------------------------------------------------------- */

int universe_open(struct universe *universe, const struct set *visitors)
{
    unsigned bits = 1;
    size_t at = 0;

    *universe = (struct universe){ .hash = visitors->hash,
                                   .count = visitors->count,
                                   .estimated = visitors->registers != NULL };
    if (universe->estimated)
        return 0;
    while (bits < 24 && (universe->count >> bits) > BUCKET_MEMBERS)
        bits++;
    universe->shift = 64 - bits;
    universe->bucket = malloc(((UINT64_C(1) << bits) + 1) * sizeof *universe->bucket);
    if (universe->bucket == NULL)
        return -1;
    for (uint64_t b = 0; b < UINT64_C(1) << bits; b++) {
        while (at < universe->count && universe->hash[at] >> universe->shift < b)
            at++;
        universe->bucket[b] = (uint32_t)at;
    }
    universe->bucket[UINT64_C(1) << bits] = (uint32_t)universe->count;
    return 0;
}

void universe_close(struct universe *universe)
{
    free(universe->bucket);
    *universe = (struct universe){ 0 };
}

/* Hashes are spread evenly, so a few steps do; halves first, should they not be. */
static bool find(const struct universe *universe, uint64_t hash, size_t *place)
{
    size_t low = universe->bucket[hash >> universe->shift];
    size_t high = universe->bucket[(hash >> universe->shift) + 1];

    while (high - low > 4 * BUCKET_MEMBERS) {
        size_t middle = low + (high - low) / 2;

        if (universe->hash[middle] <= hash)
            low = middle;
        else
            high = middle;
    }
    while (low < high && universe->hash[low] < hash)
        low++;
    *place = low;
    return low < high && universe->hash[low] == hash;
}

/* ---- lenses ---------------------------------------------------------------------------------------------- */

/* Both ascend, and all of the stretch's visitors are in the universe. */
static bool map_places(struct lens *lens, const struct universe *universe)
{
    size_t at = 0;

    for (size_t i = 0; i < lens->count; i++) {
        uint64_t hash = hash_at(lens->hashes, i);

        while (at < universe->count && universe->hash[at] < hash)
            at++;
        if (at == universe->count || universe->hash[at] != hash)
            return false;
        lens->place[i] = (uint32_t)at;
    }
    return true;
}

static unsigned short_rank(uint64_t hash)
{
    unsigned rank = set_rank(hash, SET_KEY_BITS);

    return rank < LOOK_RANK ? rank : LOOK_RANK;
}

/* A register, and the rank in the lowest four bits. */
static int make_looks(struct lens *lens)
{
    lens->look = malloc((lens->count + 1) * sizeof *lens->look);
    if (lens->look == NULL)
        return -1;
    for (size_t i = 0; i < lens->count; i++) {
        uint64_t hash = hash_at(lens->hashes, i);

        lens->look[i] = (uint16_t)(set_register(hash, SET_KEY_BITS) << 4 | short_rank(hash));
    }
    return 0;
}

static void make_line(struct look_line *line, const unsigned char *hashes, size_t count)
{
    size_t at = set_register(hash_at(hashes, 0), SET_KEY_BITS);
    unsigned borders = 0;

    memset(line, 0, sizeof *line);
    memset(line->border, LINE_PLACES, sizeof line->border);
    line->first = (uint16_t)at;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_at(hashes, i);
        size_t here = set_register(hash, SET_KEY_BITS);

        line->ranks[i / 2] |= (unsigned char)(short_rank(hash) << i % 2 * 4);
        if (here - at > LINE_BORDERS - borders) {
            line->first = NO_LINE;
            return;
        }
        for (; at < here; at++)
            line->border[borders++] = (unsigned char)i;
    }
}

static int make_lines(struct lens *lens)
{
    size_t lines = lens->count / LINE_PLACES + 1;

    lens->line = aligned_alloc(sizeof *lens->line, lines * sizeof *lens->line);
    if (lens->line == NULL)
        return -1;
    for (size_t i = 0; i * LINE_PLACES < lens->count; i++) {
        size_t left = lens->count - i * LINE_PLACES;

        make_line(&lens->line[i], lens->hashes + i * LINE_PLACES * sizeof(uint64_t),
                  left < LINE_PLACES ? left : LINE_PLACES);
    }
    return 0;
}

static int mark_high_ranks(struct lens *lens)
{
    lens->high = calloc(lens->count / 64 + 1, sizeof *lens->high);
    if (lens->high == NULL)
        return -1;
    for (size_t i = 0; i < lens->count; i++) {
        if (set_rank(hash_at(lens->hashes, i), SET_KEY_BITS) > LOW_RANK)
            lens->high[i / 64] |= UINT64_C(1) << i % 64;
    }
    return 0;
}

int lens_open(struct lens *lens, const struct universe *universe, const unsigned char *hashes,
              size_t count)
{
    *lens = (struct lens){ .hashes = hashes, .count = count };
    if (universe->estimated) {
        int r = count < LINES_FROM ? make_looks(lens) : make_lines(lens);

        return r == 0 && mark_high_ranks(lens) == 0 ? 1 : -1;
    }
    lens->place = malloc((count + 1) * sizeof *lens->place);
    if (lens->place == NULL)
        return -1;
    return map_places(lens, universe) ? 1 : 0;
}

void lens_close(struct lens *lens)
{
    free(lens->place);
    free(lens->look);
    free(lens->line);
    free(lens->high);
    *lens = (struct lens){ 0 };
}

/* ---- members --------------------------------------------------------------------------------------------- */

struct members *members_new(const struct universe *universe)
{
    struct members *members = calloc(1, sizeof *members);

    if (members == NULL)
        return NULL;
    members->universe = universe;
    members->state = universe->estimated ? FEW : BITS;
    if (universe->estimated)
        return members;
    members->words = universe->count / 64 + 1;
    members->word = calloc(members->words, sizeof *members->word);
    members->touched = calloc(members->words / 64 + 1, sizeof *members->touched);
    if (members->word != NULL && members->touched != NULL)
        return members;
    members_free(members);
    return NULL;
}

void members_free(struct members *members)
{
    if (members == NULL)
        return;
    free(members->word);
    free(members->touched);
    free(members);
}

/* The first touched word at or after *at; false when there is none. */
static bool next_word(const struct members *m, size_t *at)
{
    size_t group = *at / 64;
    uint64_t touched;

    if (*at >= m->words)
        return false;
    touched = m->touched[group] & UINT64_MAX << *at % 64;
    while (touched == 0) {
        if (++group > (m->words - 1) / 64)
            return false;
        touched = m->touched[group];
    }
    *at = group * 64 + (size_t)__builtin_ctzll(touched);
    return true;
}

static void forget_bits(struct members *m)
{
    for (size_t at = 0; next_word(m, &at); at++)
        m->word[at] = 0;
    memset(m->touched, 0, (m->words / 64 + 1) * sizeof *m->touched);
}

static void forget_few(struct members *m)
{
    for (size_t i = 0; i < m->count; i++)
        m->slot[m->used[i]] = 0;
    m->count = 0;
}

void members_begin(struct members *m, bool many)
{
    if (m->state == BITS) {
        forget_bits(m);
        return;
    }
    forget_few(m);
    m->state = many ? MANY : FEW;
    if (many)
        memset(m->registers, 0, sizeof m->registers);
}

static inline void set_bit(struct members *m, size_t place)
{
    m->word[place / 64] |= UINT64_C(1) << place % 64;
    m->touched[place / 4096] |= UINT64_C(1) << place / 64 % 64;
}

static inline void raise_register(struct members *m, size_t at, unsigned rank)
{
    m->registers[at] = rank > m->registers[at] ? (unsigned char)rank : m->registers[at];
}

static void add_to_registers(struct members *m, uint64_t hash)
{
    raise_register(m, set_register(hash, SET_KEY_BITS), set_rank(hash, SET_KEY_BITS));
}

static void become_many(struct members *m)
{
    memset(m->registers, 0, sizeof m->registers);
    for (size_t i = 0; i < m->count; i++)
        add_to_registers(m, m->few[i]);
    forget_few(m);
    m->state = MANY;
}

static void add_to_few(struct members *m, uint64_t hash)
{
    size_t slot = hash & (FEW_SLOTS - 1);

    while (m->slot[slot] != 0) {
        if (m->few[m->slot[slot] - 1] == hash)
            return;
        slot = (slot + 1) & (FEW_SLOTS - 1);
    }
    m->few[m->count] = hash;
    m->used[m->count++] = (uint16_t)slot;
    m->slot[slot] = (uint16_t)m->count;
    if (m->count > SUMMARY_KEY_EXACT)
        become_many(m);
}

static bool add_hash(struct members *m, uint64_t hash)
{
    size_t place;

    switch (m->state) {
    case BITS:
        if (!find(m->universe, hash, &place))
            return false;
        set_bit(m, place);
        break;
    case FEW:
        add_to_few(m, hash);
        break;
    case MANY:
        add_to_registers(m, hash);
    }
    return true;
}

/* The larger one of each; false when one of the other's is larger than it can be. */
static bool unite_registers(unsigned char *restrict registers, const unsigned char *restrict other)
{
    unsigned char beyond = 0;

    for (size_t i = 0; i < REGISTERS; i++) {
        beyond |= other[i] > SET_RANK_MAX(SET_KEY_BITS);
        registers[i] = other[i] > registers[i] ? other[i] : registers[i];
    }
    return beyond == 0;
}

/* Where visitors are exact no key is estimated. */
static bool add_registers(struct members *m, const unsigned char *registers)
{
    if (m->state == BITS)
        return false;
    if (m->state == FEW)
        become_many(m);
    return unite_registers(m->registers, registers);
}

/* The bits of n hashes, CHUNK at most. Each step asks for what the next one needs from memory. */
static bool add_bits_of(struct members *m, const uint64_t *hash, size_t n)
{
    const struct universe *universe = m->universe;
    size_t place;

    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&universe->bucket[hash[i] >> universe->shift]);
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&universe->hash[universe->bucket[hash[i] >> universe->shift]]);
    for (size_t i = 0; i < n; i++) {
        if (!find(universe, hash[i], &place))
            return false;
        set_bit(m, place);
    }
    return true;
}

bool members_add(struct members *m, const struct set *set)
{
    if (set->registers != NULL)
        return add_registers(m, set->registers);
    for (size_t i = 0; m->state == BITS && i < set->count; i += CHUNK) {
        if (!add_bits_of(m, set->hash + i, set->count - i < CHUNK ? set->count - i : CHUNK))
            return false;
    }
    for (size_t i = 0; m->state != BITS && i < set->count; i++)
        add_hash(m, set->hash[i]);
    return true;
}

bool members_read_hashes(struct members *m, struct unpack *u, size_t n)
{
    uint64_t last = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t hash = unpack_u64(u);

        if (hash <= last || !add_hash(m, hash))
            return false;
        last = hash;
    }
    return !u->bad;
}

static void add_bits(struct members *m, const uint32_t *place, size_t n, const struct lens *lens)
{
    for (size_t i = 0; i < n; i++)
        set_bit(m, lens->place[place[i]]);
}

static void raise_by_looks(struct members *m, const uint32_t *place, size_t n,
                           const struct lens *lens)
{
    for (size_t i = 0; i < n; i++) {
        unsigned look = lens->look[place[i]];

        if (__builtin_expect((look & LOOK_RANK) == LOOK_RANK, 0))
            add_to_registers(m, hash_at(lens->hashes, place[i]));
        else
            raise_register(m, look >> 4, look & LOOK_RANK);
    }
}

static inline void raise_by_line(struct members *m, size_t place, const struct lens *lens)
{
    const struct look_line *line = &lens->line[place / LINE_PLACES];
    unsigned at = (unsigned)(place % LINE_PLACES);
    unsigned rank = line->ranks[at / 2] >> at % 2 * 4 & LOOK_RANK;
    size_t to = (size_t)line->first + (at >= line->border[0]) + (at >= line->border[1]) +
                (at >= line->border[2]) + (at >= line->border[3]);

    if (__builtin_expect(rank == LOOK_RANK || line->first == NO_LINE, 0))
        add_to_registers(m, hash_at(lens->hashes, place));
    else
        raise_register(m, to, rank);
}

static void raise_by_lines(struct members *m, const uint32_t *place, size_t n,
                           const struct lens *lens)
{
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&lens->line[place[i] / LINE_PLACES]);
    for (size_t i = 0; i < n; i++)
        raise_by_line(m, place[i], lens);
}

static void raise_registers(struct members *m, const uint32_t *place, size_t n,
                            const struct lens *lens)
{
    if (lens->line != NULL)
        raise_by_lines(m, place, n, lens);
    else
        raise_by_looks(m, place, n, lens);
}

static bool has_low_register(const struct members *m)
{
    unsigned char low = 0;

    for (size_t i = 0; i < REGISTERS; i++)
        low |= m->registers[i] < LOW_RANK;
    return low != 0;
}

/* Leaves those whose rank is more than LOW_RANK; how many. */
static size_t keep_high_ranks(uint32_t *place, size_t n, const struct lens *lens)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t at = place[i];

        place[kept] = at;
        kept += lens->high[at / 64] >> at % 64 & 1;
    }
    return kept;
}

/* Each may be one too many for FEW. */
static void add_few_by_place(struct members *m, const uint32_t *place, size_t n,
                             const struct lens *lens)
{
    for (size_t i = 0; i < n; i++)
        add_hash(m, hash_at(lens->hashes, place[i]));
}

bool members_read_places(struct members *m, struct unpack *u, size_t n, const struct lens *lens)
{
    uint32_t place[CHUNK];
    uint64_t first = n == 0 ? 0 : unpack_number(u);
    size_t ready =
        n == 0 ? 0 : 1; /* in place; those of the first chunk are one behind the others */
    uint32_t last = (uint32_t)first;
    bool only_high =
        m->state == MANY && n >= LOW_FROM && lens->high != NULL && !has_low_register(m);

    if (n == 0)
        return lens->hashes != NULL && !u->bad;
    if (first > UINT32_MAX)
        return false;
    place[0] = last;
    while (n > 0) {
        size_t count = n < CHUNK ? n : CHUNK;

        unpack_ascending(u, count - ready, &last, place + ready);
        if (u->bad || last >= lens->count)
            return false;
        if (m->state == BITS)
            add_bits(m, place, count, lens);
        else if (m->state == MANY)
            raise_registers(m, place, only_high ? keep_high_ranks(place, count, lens) : count,
                            lens);
        else
            add_few_by_place(m, place, count, lens);
        n -= count;
        ready = 0;
    }
    return true;
}

bool members_read_registers(struct members *m, struct unpack *u)
{
    const unsigned char *registers = unpack_bytes(u, REGISTERS);

    return registers != NULL && add_registers(m, registers);
}

/* ---- what there is ----------------------------------------------------------------------------------------- */

static uint64_t count_bits(const struct members *m)
{
    uint64_t count = 0;

    for (size_t at = 0; next_word(m, &at); at++)
        count += (unsigned)__builtin_popcountll(m->word[at]);
    return count;
}

uint64_t members_count(const struct members *m, bool *estimated)
{
    *estimated = m->state == MANY;
    switch (m->state) {
    case BITS:
        return count_bits(m);
    case FEW:
        return m->count;
    case MANY:
        break;
    }
    return set_estimate(m->registers, SET_KEY_BITS);
}

static void pack_bits(const struct members *m, struct pack *pack)
{
    size_t last = 0;

    pack_number(pack, SET_PLACES);
    pack_number(pack, count_bits(m));
    for (size_t at = 0; next_word(m, &at); at++) {
        for (uint64_t word = m->word[at]; word != 0; word &= word - 1) {
            size_t place = at * 64 + (size_t)__builtin_ctzll(word);

            pack_number(pack, place - last);
            last = place;
        }
    }
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void pack_few(const struct members *m, struct pack *pack)
{
    uint64_t sorted[SUMMARY_KEY_EXACT];

    memcpy(sorted, m->few, m->count * sizeof *sorted);
    qsort(sorted, m->count, sizeof *sorted, compare_hashes);
    pack_number(pack, SET_HASHES);
    pack_number(pack, m->count);
    for (size_t i = 0; i < m->count; i++)
        pack_u64(pack, sorted[i]);
}

void members_pack(const struct members *m, struct pack *pack)
{
    switch (m->state) {
    case BITS:
        pack_bits(m, pack);
        break;
    case FEW:
        pack_few(m, pack);
        break;
    case MANY:
        pack_number(pack, SET_ESTIMATE);
        pack_bytes(pack, m->registers, sizeof m->registers);
    }
}
