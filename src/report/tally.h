/*
 * tally.h - counts by key, with distinct visitors, in bounded memory and exact. Private to the report
 * layer.
 *
 * Each scanning thread has its own tally of a report; tally_merge brings them together. A key is any
 * text; it is known by its 64-bit hash (two of ten million keys meet with a chance of three in a
 * million), a visitor by the hash of its vid. When tallies outgrow their memory they are
 * spilled and merged part by part, so totals and distinct counts stay exact.
 */
#ifndef CRUMB_SRC_REPORT_TALLY_H
#define CRUMB_SRC_REPORT_TALLY_H

#include "base/err.h"
#include "base/str.h"

#define TALLY_COUNTS 3

struct tally_group {
    uint64_t hash;
    uint64_t count[TALLY_COUNTS];
    uint64_t visitors;
    struct str key;
};

struct tally;

/* Hashes stay the same from now on, as those of stored visitors must. Before the first tally, or when there is none. */
void tally_set_seed(uint64_t seed);

struct tally *tally_new(void);
void tally_free(struct tally *tally);

/* Adds to the counts of a key. visitor 0: none. Remembers a failure for tally_merge and counts no more. */
void tally_add(struct tally *tally, struct str key, uint64_t hash, const uint64_t add[TALLY_COUNTS],
               uint64_t visitor);

uint64_t tally_hash(struct str key); /* never 0; after the first tally_new */

size_t tally_bytes(const struct tally *tally); /* of memory */
void tally_spill(struct tally *tally);         /* gives it back */

/* Every key once, in no order; the group is valid during the call. Nothing may be added afterwards. */
typedef void tally_fn(void *arg, const struct tally_group *group);
int tally_merge(struct tally *const *tallies, unsigned count, tally_fn *each, void *arg,
                struct err *e);

/* The same, with the visitors of each key in ascending order. */
typedef void tally_sets_fn(void *arg, const struct tally_group *group, const uint64_t *visitors);
int tally_merge_sets(struct tally *const *tallies, unsigned count, tally_sets_fn *each, void *arg,
                     struct err *e);

#endif
