/*
 * ranges.h - a set of sequence numbers, kept as ranges: which records of a writer were seen, and
 * which are missing.
 *
 * Numbers nearly always come in order, so that a set stays one range long. Thread: the owner's.
 */
#ifndef CRUMB_STORE_RANGES_H
#define CRUMB_STORE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t first, last;
};

/* In order, apart from each other by at least one missing number. Start with zeroes. */
struct ranges {
    struct range *range;
    size_t count, room;
};

bool ranges_have(const struct ranges *ranges, uint64_t seq);

/* Adds first .. last, parts of which may be there. -1 when out of memory: the set is as it was. */
int ranges_add(struct ranges *ranges, uint64_t first, uint64_t last);

void ranges_free(struct ranges *ranges);

#endif
