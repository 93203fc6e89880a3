/*
 * set.h - a set of visitors: exact while it is small, an estimate of its size beyond. Private to the
 * report layer.
 *
 * Small is what the caller says (set_limit). Then the members are 64-bit hashes in ascending order;
 * beyond, they are HyperLogLog registers. Which of the two it is depends on the members alone, never on
 * the order in which sets were united. A zeroed struct is the empty set. Thread: one.
 */
#ifndef CRUMB_SRC_REPORT_SET_H
#define CRUMB_SRC_REPORT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of a hash that choose a register: of the sets that there are few of, and of those of keys. */
#define SET_BITS     14
#define SET_KEY_BITS 12

#define SET_REGISTERS(bits) (1u << (bits))
#define SET_RANK_MAX(bits)  (64u - (bits) + 1)

/* Standard error of an estimate: 1.04 / sqrt(SET_REGISTERS). */
#define SET_ERROR     0.0081
#define SET_KEY_ERROR 0.0163

/* How a set is written: hashes, places among the visitors of the same part, or registers. */
enum set_form { SET_HASHES, SET_PLACES, SET_ESTIMATE };

/* The register of a hash, and what it makes of it at least. */
static inline size_t set_register(uint64_t hash, unsigned bits)
{
    return hash >> (64 - bits);
}

static inline unsigned char set_rank(uint64_t hash, unsigned bits)
{
    uint64_t rest = hash << bits;

    return (unsigned char)(rest == 0 ? SET_RANK_MAX(bits) : (unsigned)__builtin_clzll(rest) + 1);
}

struct set {
    uint64_t *hash; /* exact: ascending, each once */
    size_t count, cap;
    unsigned char *registers; /* NULL: exact */
    unsigned bits;            /* of registers */
};

void set_free(struct set *set);

/* Copies n hashes in ascending order. All here return 0, or -1 when out of memory. */
int set_take(struct set *set, const uint64_t *hash, size_t n);

/* One more at the end, in any order but each once; set_sort when all are there. */
int set_append(struct set *set, uint64_t hash);
void set_sort(struct set *set);

/* Adds what is in the other one, which is left as it is. Registers of both must be as many. */
int set_unite(struct set *set, const struct set *other);

/* More than max members: registers from now on. */
int set_limit(struct set *set, size_t max, unsigned bits);

uint64_t set_size(const struct set *set);

/* The same of registers that are not in a set. */
uint64_t set_estimate(const unsigned char *registers, unsigned bits);

#endif
