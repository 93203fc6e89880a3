/*
 * visits.c - touches, sorted. See visits.h for the contract.
 *
 * Called by fold.c. Always true: all touches of a visitor are in one part (the top bits of its hash),
 * whichever thread saw them and whether they were spilled or not.
 */
#include "visits.h"

#include <stdlib.h>
#include <string.h>

#define INSERTION_MAX 24

struct part {
    struct touch *touches;
    size_t count, cap;
};

struct visits {
    struct part parts[SPILL_PARTS];
    size_t bytes;
    struct spill *spilled;
    struct err err;
};

struct visits *visits_new(void)
{
    return calloc(1, sizeof(struct visits));
}

static void forget(struct visits *visits)
{
    for (unsigned i = 0; i < SPILL_PARTS; i++) {
        free(visits->parts[i].touches);
        visits->parts[i] = (struct part){ 0 };
    }
    visits->bytes = 0;
}

void visits_free(struct visits *visits)
{
    if (visits == NULL)
        return;
    forget(visits);
    spill_free(visits->spilled);
    free(visits);
}

void visits_add(struct visits *visits, const struct touch *touch)
{
    struct part *part = &visits->parts[SPILL_PART(touch->visitor)];

    if (part->count == part->cap) {
        size_t cap = part->cap == 0 ? 128 : part->cap + part->cap / 2;
        struct touch *touches = realloc(part->touches, cap * sizeof *touches);

        if (touches == NULL) {
            err_set(&visits->err, ERR_MEMORY, "out of memory");
            return;
        }
        visits->bytes += (cap - part->cap) * sizeof *touches;
        part->touches = touches;
        part->cap = cap;
    }
    part->touches[part->count++] = *touch;
}

size_t visits_bytes(const struct visits *visits)
{
    return visits->bytes;
}

void visits_spill(struct visits *visits)
{
    struct err *e = &visits->err;

    if (e->code != ERR_NONE || visits->bytes == 0)
        return;
    if (visits->spilled == NULL && (visits->spilled = spill_new(e)) == NULL)
        return;
    if (spill_begin_run(visits->spilled, e) != 0)
        return;
    for (unsigned i = 0; i < SPILL_PARTS; i++) {
        if (spill_put(visits->spilled, i, visits->parts[i].touches,
                      visits->parts[i].count * sizeof(struct touch), e) != 0)
            return;
    }
    if (spill_end_run(visits->spilled, e) == 0)
        forget(visits);
}

/* ---- sorting: by visitor, time, order -------------------------------------------------------------- */

static inline bool before(const struct touch *a, const struct touch *b)
{
    if (a->visitor != b->visitor)
        return a->visitor < b->visitor;
    if (a->ts_ms != b->ts_ms)
        return a->ts_ms < b->ts_ms;
    return a->order < b->order;
}

static inline void swap(struct touch *a, struct touch *b)
{
    struct touch t = *a;

    *a = *b;
    *b = t;
}

static void sort_few(struct touch *t, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct touch x = t[i];
        size_t at = i;

        while (at > 0 && before(&x, &t[at - 1])) {
            t[at] = t[at - 1];
            at--;
        }
        t[at] = x;
    }
}

static void sift_down(struct touch *t, size_t at, size_t n)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= n)
            return;
        if (child + 1 < n && before(&t[child], &t[child + 1]))
            child++;
        if (!before(&t[at], &t[child]))
            return;
        swap(&t[at], &t[child]);
        at = child;
    }
}

static void heap_sort(struct touch *t, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(t, i, n);
    for (size_t i = n; i-- > 1;) {
        swap(&t[0], &t[i]);
        sift_down(t, 0, i);
    }
}

static void median_to_first(struct touch *t, size_t n)
{
    struct touch *a = &t[0], *b = &t[n / 2], *c = &t[n - 1];

    if (before(b, a))
        swap(a, b);
    if (before(c, b))
        swap(b, c);
    if (before(b, a))
        swap(a, b);
    swap(a, b);
}

/* Introsort: quick, and heap sort where an odd order would make it slow. */
static void sort_touches(struct touch *t, size_t n, unsigned depth)
{
    while (n > INSERTION_MAX) {
        size_t i = 0, j = n;

        if (depth-- == 0) {
            heap_sort(t, n);
            return;
        }
        median_to_first(t, n);
        for (;;) {
            do
                i++;
            while (i < n && before(&t[i], &t[0]));
            do
                j--;
            while (before(&t[0], &t[j]));
            if (i >= j)
                break;
            swap(&t[i], &t[j]);
        }
        swap(&t[0], &t[j]);
        sort_touches(t + j + 1, n - j - 1, depth);
        n = j;
    }
    sort_few(t, n);
}

/* ---- walking -------------------------------------------------------------------------------------- */

static size_t part_count(const struct visits *visits, unsigned part)
{
    return visits->parts[part].count +
           spill_part_bytes(visits->spilled, part) / sizeof(struct touch);
}

static int gather(struct visits *const *visits, unsigned count, unsigned part, struct touch *to,
                  struct err *e)
{
    for (unsigned i = 0; i < count; i++) {
        const struct part *p = &visits[i]->parts[part];

        if (p->count > 0)
            memcpy(to, p->touches, p->count * sizeof *to);
        if (spill_read(visits[i]->spilled, part, to + p->count, e) != 0)
            return -1;
        to += part_count(visits[i], part);
    }
    return 0;
}

int visits_walk(struct visits *const *visits, unsigned count, unsigned part, visits_fn *each,
                void *arg, struct err *e)
{
    struct touch *touches;
    size_t n = 0;

    for (unsigned i = 0; i < count; i++) {
        if (visits[i]->err.code != ERR_NONE) {
            *e = visits[i]->err;
            return -1;
        }
        n += part_count(visits[i], part);
    }
    if (n == 0)
        return 0;
    touches = malloc(n * sizeof *touches);
    if (touches == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    if (gather(visits, count, part, touches, e) != 0) {
        free(touches);
        return -1;
    }
    sort_touches(touches, n, 64);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && touches[to].visitor == touches[from].visitor; to++)
            ;
        each(arg, touches + from, to - from);
    }
    free(touches);
    return 0;
}

size_t visit_length(const struct touch *touches, size_t count, int64_t idle_ms)
{
    size_t n = 1;

    while (n < count && touches[n].ts_ms - touches[n - 1].ts_ms <= idle_ms)
        n++;
    return n;
}
