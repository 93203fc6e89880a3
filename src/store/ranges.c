/*
 * ranges.c - a set of sequence numbers. See ranges.h for the contract.
 */
#include "ranges.h"

#include <stdlib.h>
#include <string.h>

/* The first range that ends at seq or behind it. */
static size_t find(const struct ranges *ranges, uint64_t seq)
{
    size_t low = 0, high = ranges->count;

    if (high > 0 && ranges->range[high - 1].last < seq)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->range[middle].last < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ranges_have(const struct ranges *ranges, uint64_t seq)
{
    size_t at = find(ranges, seq);

    return at < ranges->count && ranges->range[at].first <= seq;
}

static int insert(struct ranges *ranges, size_t at, uint64_t first, uint64_t last)
{
    if (ranges->count == ranges->room) {
        size_t room = ranges->room == 0 ? 4 : ranges->room * 2;
        struct range *grown = realloc(ranges->range, room * sizeof *grown);

        if (grown == NULL)
            return -1;
        ranges->range = grown;
        ranges->room = room;
    }
    memmove(ranges->range + at + 1, ranges->range + at,
            (ranges->count - at) * sizeof *ranges->range);
    ranges->range[at] = (struct range){ first, last };
    ranges->count++;
    return 0;
}

int ranges_add(struct ranges *ranges, uint64_t first, uint64_t last)
{
    /* A range that ends right before first touches the new one. */
    size_t at = find(ranges, first == 0 ? 0 : first - 1);
    size_t end = at;
    struct range *joined;

    while (end < ranges->count && (last == UINT64_MAX || ranges->range[end].first <= last + 1))
        end++;
    if (end == at)
        return insert(ranges, at, first, last);
    joined = &ranges->range[at];
    if (first < joined->first)
        joined->first = first;
    if (ranges->range[end - 1].last > last)
        last = ranges->range[end - 1].last;
    joined->last = last;
    memmove(ranges->range + at + 1, ranges->range + end,
            (ranges->count - end) * sizeof *ranges->range);
    ranges->count -= end - at - 1;
    return 0;
}

void ranges_free(struct ranges *ranges)
{
    free(ranges->range);
    *ranges = (struct ranges){ NULL, 0, 0 };
}
