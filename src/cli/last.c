/*
 * last.c - the newest N lines in a heap. See last.h for the contract.
 *
 * Used by crumb tail. Most lines of a long scan are older than what the heap holds already: they
 * cost one comparison and no copy.
 */
#include "cli/last.h"

#include <stdlib.h>

#include "base/json.h"

bool last_begin(struct last *last, size_t most)
{
    *last = (struct last){ .most = most };
    last->lines = calloc(most, sizeof *last->lines);
    return last->lines != NULL;
}

static int compare(const void *left, const void *right)
{
    const struct last_line *a = left, *b = right;
    int order = memcmp(a->ts, b->ts, sizeof a->ts);

    if (order != 0)
        return order;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void swap(struct last_line *a, struct last_line *b)
{
    struct last_line kept = *a;

    *a = *b;
    *b = kept;
}

static void sift_up(struct last *last, size_t at)
{
    while (at > 0 && compare(&last->lines[at], &last->lines[(at - 1) / 2]) < 0) {
        swap(&last->lines[at], &last->lines[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct last *last)
{
    size_t at = 0;

    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < last->count; child++) {
            if (compare(&last->lines[child], &last->lines[least]) < 0)
                least = child;
        }
        if (least == at)
            return;
        swap(&last->lines[at], &last->lines[least]);
        at = least;
    }
}

bool last_add(struct last *last, struct str line)
{
    struct last_line candidate = { .order = last->seen++, .n = line.n };
    struct json_field ts;
    bool full = last->count == last->most;

    if (json_find(line, STR("ts"), &ts) && ts.value.n == sizeof candidate.ts)
        memcpy(candidate.ts, ts.value.p, sizeof candidate.ts);
    if (full && compare(&candidate, &last->lines[0]) < 0)
        return true;
    candidate.text = str_dup(line);
    if (candidate.text == NULL)
        return false;
    if (full) {
        free(last->lines[0].text);
        last->lines[0] = candidate;
        sift_down(last);
    } else {
        last->lines[last->count] = candidate;
        sift_up(last, last->count++);
    }
    return true;
}

void last_sort(struct last *last)
{
    qsort(last->lines, last->count, sizeof *last->lines, compare);
}

void last_clear(struct last *last)
{
    for (size_t i = 0; i < last->count; i++)
        free(last->lines[i].text);
    last->count = 0;
    last->seen = 0;
}

void last_free(struct last *last)
{
    last_clear(last);
    free(last->lines);
    last->lines = NULL;
}
