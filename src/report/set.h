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

#define SET_BITS      14 /* of a hash that choose a register */
#define SET_REGISTERS (1u << SET_BITS)
#define SET_RANK_MAX  (64 - SET_BITS + 1)
#define SET_ERROR     0.0081 /* standard error of an estimate: 1.04 / sqrt(SET_REGISTERS) */

struct set {
    uint64_t *hash; /* exact: ascending, each once */
    size_t count, cap;
    unsigned char *registers; /* NULL: exact */
};

void set_free(struct set *set);

/* Copies n hashes in ascending order. All here return 0, or -1 when out of memory. */
int set_take(struct set *set, const uint64_t *hash, size_t n);

/* One more at the end, in any order but each once; set_sort when all are there. */
int set_append(struct set *set, uint64_t hash);
void set_sort(struct set *set);

/* Adds what is in the other one, which is left as it is. */
int set_unite(struct set *set, const struct set *other);

/* More than max members: registers from now on. */
int set_limit(struct set *set, size_t max);

uint64_t set_size(const struct set *set);

#endif
