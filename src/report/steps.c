/*
 * steps.c - see steps.h for the contract.
 *
 * Called by result.c for timelines. All go over the steps from the first hit to the last.
 */
#include "steps.h"

#include <stdlib.h>

#include "base/date.h"
#include "zone.h"

struct step {
    int64_t number; /* zone_step */
    uint64_t hash;  /* of the label, as in rows */
    char label[ZONE_LABEL_BYTES];
    size_t label_bytes;
};

struct steps {
    struct step *step; /* ascending */
    size_t count, cap;
};

/* No step is shorter. */
static int64_t stride_ms(enum report_step step)
{
    switch (step) {
    case REPORT_MINUTE:
        return 60 * DATE_SECOND_MS;
    case REPORT_HOUR:
        return DATE_HOUR_MS;
    default:
        return 6 * DATE_HOUR_MS;
    }
}

static struct step *add_step(struct steps *steps)
{
    if (steps->count == steps->cap) {
        size_t cap = steps->cap == 0 ? 64 : steps->cap * 2;
        struct step *more = realloc(steps->step, cap * sizeof *more);

        if (more == NULL)
            return NULL;
        steps->step = more;
        steps->cap = cap;
    }
    return &steps->step[steps->count++];
}

static int list_steps(struct steps *steps, const struct period *period, enum report_step kind,
                      struct err *e)
{
    struct fold_totals totals = period_totals(period);
    struct zone zone = { 0 };

    for (int64_t ms = totals.first_ms; totals.hits > 0; ms += stride_ms(kind)) {
        int64_t at_ms = ms < totals.last_ms ? ms : totals.last_ms;
        int64_t number = zone_step(&zone, at_ms, kind);

        if (steps->count == 0 || steps->step[steps->count - 1].number != number) {
            struct step *step = add_step(steps);
            struct buf b;

            if (step == NULL)
                return err_set(e, ERR_MEMORY, "out of memory");
            b = buf_over(step->label, sizeof step->label);
            zone_add_label(&b, &zone, at_ms, kind);
            step->label_bytes = b.n;
            step->number = number;
            step->hash = tally_hash(buf_str(&b));
        }
        if (at_ms == totals.last_ms)
            break;
    }
    return 0;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static uint64_t hash_of(const struct steps *steps, int64_t number)
{
    const struct step key = { .number = number };
    const struct step *found =
        steps->count == 0 ? NULL
                          : bsearch(&key, steps->step, steps->count, sizeof key, compare_numbers);

    return found == NULL ? 0 : found->hash;
}

int steps_fill(struct rows *rows, const struct period *period, enum report_step step, struct err *e)
{
    struct steps steps = { 0 };
    size_t counted = rows->count;
    int r = list_steps(&steps, period, step, e);

    rows_sort_by_hash(rows);
    for (size_t i = 0; r == 0 && i < steps.count; i++) {
        const struct step *one = &steps.step[i];
        struct rows known = { .row = rows->row, .count = counted };

        if (rows_find(&known, one->hash) == NULL &&
            !rows_add(rows, one->hash, str_from(one->label, one->label_bytes)))
            r = err_set(e, ERR_MEMORY, "out of memory");
    }
    free(steps.step);
    return r;
}

int steps_move(struct rows *before_rows, const struct period *before, const struct period *now,
               enum report_step step, int64_t later, struct err *e)
{
    struct steps from = { 0 }, to = { 0 };
    uint64_t *moved = calloc(before_rows->count + 1, sizeof *moved);
    int r = moved == NULL ? err_set(e, ERR_MEMORY, "out of memory") : 0;

    if (r == 0)
        r = list_steps(&from, before, step, e);
    if (r == 0)
        r = list_steps(&to, now, step, e);
    rows_sort_by_hash(before_rows);
    for (size_t i = 0; r == 0 && i < from.count; i++) {
        const struct row *row = rows_find(before_rows, from.step[i].hash);

        if (row != NULL)
            moved[row - before_rows->row] = hash_of(&to, from.step[i].number + later);
    }
    for (size_t i = 0; r == 0 && i < before_rows->count; i++)
        before_rows->row[i].hash = moved[i];
    rows_sort_by_hash(before_rows);
    free(moved);
    free(from.step);
    free(to.step);
    return r;
}

int64_t steps_between(int64_t since_ms, int64_t until_ms, enum report_step step)
{
    struct zone zone = { 0 };

    return zone_step(&zone, until_ms - 1, step) - zone_step(&zone, since_ms - 1, step);
}
