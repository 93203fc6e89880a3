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

static void add_to_registers(unsigned char *registers, uint64_t hash)
{
    uint64_t rest = hash << SET_BITS;
    unsigned char rank = rest == 0 ? SET_RANK_MAX : (unsigned char)(__builtin_clzll(rest) + 1);
    unsigned char *at = &registers[hash >> (64 - SET_BITS)];

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
        add_to_registers(set->registers, hash);
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

static int to_registers(struct set *set)
{
    unsigned char *registers = calloc(SET_REGISTERS, 1);

    if (registers == NULL)
        return -1;
    for (size_t i = 0; i < set->count; i++)
        add_to_registers(registers, set->hash[i]);
    set_free(set);
    set->registers = registers;
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

static void unite_registers(unsigned char *restrict registers, const unsigned char *restrict other)
{
    for (size_t i = 0; i < SET_REGISTERS; i++)
        registers[i] = other[i] > registers[i] ? other[i] : registers[i];
}

int set_unite(struct set *set, const struct set *other)
{
    if (other->registers == NULL && other->count == 0)
        return 0;
    if (set->registers == NULL && other->registers == NULL)
        return unite_hashes(set, other);
    if (set->registers == NULL && to_registers(set) != 0)
        return -1;
    for (size_t i = 0; i < other->count; i++)
        add_to_registers(set->registers, other->hash[i]);
    if (other->registers != NULL)
        unite_registers(set->registers, other->registers);
    return 0;
}

int set_limit(struct set *set, size_t max)
{
    return set->registers == NULL && set->count > max ? to_registers(set) : 0;
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

static uint64_t estimate(const unsigned char *registers)
{
    const double m = SET_REGISTERS;
    unsigned ranks[SET_RANK_MAX + 1] = { 0 };
    double z;

    for (size_t i = 0; i < SET_REGISTERS; i++)
        ranks[registers[i]]++;
    z = m * tau(1 - ranks[SET_RANK_MAX] / m);
    for (unsigned k = SET_RANK_MAX - 1; k >= 1; k--)
        z = 0.5 * (z + ranks[k]);
    z += m * sigma(ranks[0] / m);
    return (uint64_t)(m * m / (2 * log(2)) / z + 0.5);
}

uint64_t set_size(const struct set *set)
{
    return set->registers == NULL ? set->count : estimate(set->registers);
}
