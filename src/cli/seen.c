/*
 * seen.c - sets of sequence numbers, one for each writer. See seen.h for the contract.
 *
 * Used by crumb verify. Always true of a writer's ranges: they are in order, and at least one
 * number that was not met lies between two of them.
 */
#include "cli/seen.h"

#include <assert.h>
#include <stdlib.h>

struct range {
    uint64_t first, last;
};

struct writer {
    char *name;
    size_t name_bytes;
    struct range *ranges;
    size_t count, room;
};

struct seen {
    struct writer *writers;
    size_t count, room;
    size_t latest; /* records come file by file, so mostly from the writer of the one before */
};

struct seen *seen_new(void)
{
    return calloc(1, sizeof(struct seen));
}

void seen_free(struct seen *seen)
{
    if (seen == NULL)
        return;
    for (size_t i = 0; i < seen->count; i++) {
        free(seen->writers[i].name);
        free(seen->writers[i].ranges);
    }
    free(seen->writers);
    free(seen);
}

bool seen_split_id(struct str id, struct str *writer, uint64_t *seq)
{
    const char *hyphen = id.n > 0 ? memrchr(id.p, '-', id.n) : NULL;
    struct str number;

    if (hyphen == NULL)
        return false;
    *writer = str_from(id.p, (size_t)(hyphen - id.p));
    number = str_from(hyphen + 1, id.n - writer->n - 1);
    return writer->n > 0 && str_to_u64(number, UINT64_MAX - 1, seq);
}

/* Room for one more of `size` bytes behind `count`; false when there is none. */
static bool grow(void **array, size_t *room, size_t count, size_t size)
{
    size_t wanted = *room == 0 ? 8 : *room * 2;
    void *larger;

    if (count < *room)
        return true;
    larger = realloc(*array, wanted * size);
    if (larger == NULL)
        return false;
    *array = larger;
    *room = wanted;
    return true;
}

static bool is_named(const struct writer *w, struct str name)
{
    return str_eq(str_from(w->name, w->name_bytes), name);
}

static struct writer *find_writer(struct seen *seen, struct str name)
{
    void *writers = seen->writers;
    char *copy;

    if (seen->count > 0 && is_named(&seen->writers[seen->latest], name))
        return &seen->writers[seen->latest];
    for (seen->latest = 0; seen->latest < seen->count; seen->latest++) {
        if (is_named(&seen->writers[seen->latest], name))
            return &seen->writers[seen->latest];
    }
    seen->latest = 0;
    if (!grow(&writers, &seen->room, seen->count, sizeof *seen->writers))
        return NULL;
    seen->writers = writers;
    copy = str_dup(name);
    if (copy == NULL)
        return NULL;
    seen->latest = seen->count++;
    seen->writers[seen->latest] = (struct writer){ .name = copy, .name_bytes = name.n };
    return &seen->writers[seen->latest];
}

/* The first range that ends at seq or behind it; count when none does. */
static size_t find_range(const struct writer *w, uint64_t seq)
{
    size_t low = 0, high = w->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (w->ranges[middle].last < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int insert_range(struct writer *w, size_t at, uint64_t seq)
{
    void *ranges = w->ranges;

    if (!grow(&ranges, &w->room, w->count, sizeof *w->ranges))
        return -1;
    w->ranges = ranges;
    memmove(w->ranges + at + 1, w->ranges + at, (w->count - at) * sizeof *w->ranges);
    w->ranges[at] = (struct range){ seq, seq };
    w->count++;
    return 1;
}

/* Range at - 1 has grown up to range at: they become one. */
static void join_ranges(struct writer *w, size_t at)
{
    w->ranges[at - 1].last = w->ranges[at].last;
    w->count--;
    memmove(w->ranges + at, w->ranges + at + 1, (w->count - at) * sizeof *w->ranges);
}

int seen_add(struct seen *seen, struct str writer, uint64_t seq)
{
    struct writer *w = find_writer(seen, writer);
    size_t at;

    if (w == NULL)
        return -1;
    if (w->count == 0)
        return insert_range(w, 0, seq);
    assert(w->ranges != NULL);
    at = find_range(w, seq);
    if (at < w->count && w->ranges[at].first <= seq)
        return 0;
    if (at > 0 && w->ranges[at - 1].last + 1 == seq) {
        w->ranges[at - 1].last = seq;
        if (at < w->count && w->ranges[at].first == seq + 1)
            join_ranges(w, at);
        return 1;
    }
    if (at < w->count && w->ranges[at].first == seq + 1) {
        w->ranges[at].first = seq;
        return 1;
    }
    return insert_range(w, at, seq);
}
