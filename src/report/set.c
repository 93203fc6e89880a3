/*
 * set.c - sorted hashes, or HyperLogLog. See set.h for the contract.
 *
 * The registers are those of Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a
 * near-optimal cardinality estimation algorithm" (2007); the estimate is the improved raw estimator of
 * Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284, section 4),
 * which needs no tables of corrections and is as good for small sets.
 */
#include "set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void set_free(struct set *set)
{
    free(set->hash);
    free(set->registers);
    *set = (struct set){ 0 };
}

static void add_to_registers(struct set *set, uint64_t hash)
{
    unsigned char rank = set_rank(hash, set->bits);
    unsigned char *at = &set->registers[set_register(hash, set->bits)];

    if (rank > *at)
        *at = rank;
}

/* ---- building ------------------------------------------------------------------------------------------ */

static int reserve(struct set *set, size_t n)
{
    size_t cap = set->cap;
    uint64_t *hash;

    if (n <= cap)
        return 0;
    cap = cap * 2 > n ? cap * 2 : n;
    hash = realloc(set->hash, cap * sizeof *hash);
    if (hash == NULL)
        return -1;
    set->hash = hash;
    set->cap = cap;
    return 0;
}

int set_take(struct set *set, const uint64_t *hash, size_t n)
{
    if (n == 0)
        return 0;
    if (reserve(set, n) != 0)
        return -1;
    memcpy(set->hash, hash, n * sizeof *hash);
    set->count = n;
    return 0;
}

int set_append(struct set *set, uint64_t hash)
{
    if (set->registers != NULL) {
        add_to_registers(set, hash);
        return 0;
    }
    if (set->count == set->cap && reserve(set, set->count == 0 ? 64 : set->count * 2) != 0)
        return -1;
    set->hash[set->count++] = hash;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

void set_sort(struct set *set)
{
    if (set->count > 1)
        qsort(set->hash, set->count, sizeof *set->hash, compare);
}

/* ---- uniting ------------------------------------------------------------------------------------------- */

static int to_registers(struct set *set, unsigned bits)
{
    struct set estimate = { .registers = calloc(SET_REGISTERS(bits), 1), .bits = bits };

    if (estimate.registers == NULL)
        return -1;
    for (size_t i = 0; i < set->count; i++)
        add_to_registers(&estimate, set->hash[i]);
    set_free(set);
    *set = estimate;
    return 0;
}

static int unite_hashes(struct set *set, const struct set *other)
{
    size_t room = set->count + other->count, i = 0, k = 0, n = 0;
    uint64_t *hash = malloc(room * sizeof *hash);

    if (hash == NULL)
        return -1;
    while (i < set->count && k < other->count) {
        uint64_t a = set->hash[i], b = other->hash[k];

        hash[n++] = a < b ? a : b;
        i += a <= b;
        k += b <= a;
    }
    if (i < set->count)
        memcpy(hash + n, set->hash + i, (set->count - i) * sizeof *hash);
    n += set->count - i;
    if (k < other->count)
        memcpy(hash + n, other->hash + k, (other->count - k) * sizeof *hash);
    n += other->count - k;
    free(set->hash);
    set->hash = hash;
    set->count = n;
    set->cap = room;
    return 0;
}

static void unite_registers(unsigned char *restrict registers, const unsigned char *restrict other,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        registers[i] = other[i] > registers[i] ? other[i] : registers[i];
}

int set_unite(struct set *set, const struct set *other)
{
    if (other->registers == NULL && other->count == 0)
        return 0;
    if (set->registers == NULL && other->registers == NULL)
        return unite_hashes(set, other);
    if (set->registers == NULL && to_registers(set, other->bits) != 0)
        return -1;
    for (size_t i = 0; i < other->count; i++)
        add_to_registers(set, other->hash[i]);
    if (other->registers != NULL)
        unite_registers(set->registers, other->registers, SET_REGISTERS(set->bits));
    return 0;
}

int set_limit(struct set *set, size_t max, unsigned bits)
{
    return set->registers == NULL && set->count > max ? to_registers(set, bits) : 0;
}

/* ---- the estimate ---------------------------------------------------------------------------------------- */

static double sigma(double x)
{
    double y = 1, z = x, before;

    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before;

    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

/* How many registers have each rank. Four counts each, as one alone would wait for itself where neighbours are alike. */
static void count_ranks(uint32_t ranks[64], const unsigned char *registers, unsigned bits)
{
    uint32_t counts[4][256] = { 0 };

    for (size_t i = 0; i < SET_REGISTERS(bits); i += 4) {
        counts[0][registers[i]]++;
        counts[1][registers[i + 1]]++;
        counts[2][registers[i + 2]]++;
        counts[3][registers[i + 3]]++;
    }
    for (unsigned i = 0; i < 64; i++)
        ranks[i] = counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i];
}

uint64_t set_estimate(const unsigned char *registers, unsigned bits)
{
    const unsigned most = SET_RANK_MAX(bits);
    const double m = SET_REGISTERS(bits);
    uint32_t ranks[64];
    double z;

    count_ranks(ranks, registers, bits);
    z = m * tau(1 - ranks[most] / m);
    for (unsigned k = most - 1; k >= 1; k--)
        z = 0.5 * (z + ranks[k]);
    z += m * sigma(ranks[0] / m);
    return (uint64_t)(m * m / (2 * log(2)) / z + 0.5);
}

uint64_t set_size(const struct set *set)
{
    return set->registers == NULL ? set->count : set_estimate(set->registers, set->bits);
}
