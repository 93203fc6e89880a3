/*
 * summary_answer.c - what result.c asks a summary. See summary.h for the contract.
 */
#include <stdlib.h>

#include "base/date.h"
#include "summary.h"
#include "zone.h"

struct fold_totals summary_totals(const struct summary *summary)
{
    struct fold_totals t = summary->totals;

    t.visitors = set_size(&summary->visitors);
    t.new_visitors = set_size(&summary->fresh);
    if (t.new_visitors > t.visitors) /* both may be estimates */
        t.new_visitors = t.visitors;
    t.sessions += summary->open_count;
    for (size_t i = 0; i < summary->open_count; i++) {
        t.session_views += summary->open[i].views;
        t.bounces += summary->open[i].views == 1;
    }
    return t;
}

/* ---- the median ------------------------------------------------------------------------------------------ */

static int compare_durations(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Of two lists in order, what is at that place of both together. */
static double at_rank(const uint32_t *a, size_t n, const uint32_t *b, size_t m, uint64_t rank)
{
    size_t i = 0, k = 0;

    for (;;) {
        bool from_a = i < n && (k == m || a[i] <= b[k]);
        uint32_t value;

        if (!from_a && k == m)
            return 0;
        value = from_a ? a[i++] : b[k++];
        if (rank-- == 0)
            return value;
    }
}

static double at_class_rank(const struct summary *summary, const uint32_t *open, size_t count,
                            uint64_t rank)
{
    size_t k = 0;

    for (unsigned class = 0; class < SUMMARY_CLASSES; class ++) {
        uint64_t here = summary->classes[class];

        while (k < count && summary_class(open[k]) == class) {
            here++;
            k++;
        }
        if (rank < here)
            return summary_middle(class);
        rank -= here;
    }
    return 0;
}

bool summary_median(const struct summary *summary, double *seconds)
{
    struct fold_totals t = summary_totals(summary);
    uint32_t *open = malloc((summary->open_count + 1) * sizeof *open);
    uint64_t lasting = summary->durations, zeros, ranks[2];
    size_t count = 0;

    if (open == NULL || t.sessions == 0) {
        free(open);
        return false;
    }
    for (size_t i = 0; i < summary->open_count; i++) {
        if (summary->open[i].last_ms > summary->open[i].first_ms)
            open[count++] = summary_duration(&summary->open[i]);
    }
    qsort(open, count, sizeof *open, compare_durations);
    for (unsigned i = 0; summary->classes != NULL && i < SUMMARY_CLASSES; i++)
        lasting += summary->classes[i];
    zeros = t.sessions - lasting - count;
    ranks[0] = (t.sessions - 1) / 2;
    ranks[1] = t.sessions / 2;
    *seconds = 0;
    for (int i = 0; i < 2; i++) {
        if (ranks[i] >= zeros && summary->classes != NULL)
            *seconds += at_class_rank(summary, open, count, ranks[i] - zeros) / 2 / DATE_SECOND_MS;
        else if (ranks[i] >= zeros)
            *seconds +=
                at_rank(summary->duration, summary->durations, open, count, ranks[i] - zeros) / 2 /
                DATE_SECOND_MS;
    }
    free(open);
    return true;
}

/* ---- keys -------------------------------------------------------------------------------------------------- */

static void each_row(const struct summary_steps *steps, enum report_step step, tally_fn *each,
                     void *arg)
{
    struct zone zone = { 0 };

    for (size_t i = 0; i < steps->count; i++) {
        const struct summary_row *row = &steps->row[i];
        struct tally_group group = { .count = { row->hits, row->views, row->sessions },
                                     .visitors = row->visitors };
        char label[ZONE_LABEL_BYTES];
        struct buf b = buf_over(label, sizeof label);

        zone_add_label(&b, &zone, row->at_ms, step);
        group.key = buf_str(&b);
        group.hash = tally_hash(group.key);
        each(arg, &group);
    }
}

static void each_key(const struct summary_answer *answer, tally_fn *each, void *arg)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct summary_group *from = &answer->group[i];
        struct tally_group group = { .hash = tally_hash(from->key),
                                     .visitors = from->visitors,
                                     .key = from->key };

        memcpy(group.count, from->count, sizeof group.count);
        each(arg, &group);
    }
}

int summary_each(const struct summary *summary, const struct report_row *row, enum report_step step,
                 tally_fn *each, void *arg)
{
    int table = summary_table_of(row), index = summary_step_index(step);

    if (row->fold == FOLD_TIME && index >= 0 && summary->steps[index].known) {
        each_row(&summary->steps[index], step, each, arg);
        return 0;
    }
    if (table < 0 || !summary->answers[table].known)
        return -1;
    each_key(&summary->answers[table], each, arg);
    return 0;
}

static bool has_estimated_row(const struct summary_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->row[i].estimated)
            return true;
    }
    return false;
}

double summary_error(const struct summary *summary, const struct report_row *row,
                     enum report_step step)
{
    int table = summary_table_of(row), index = summary_step_index(step);

    if (row->fold == FOLD_TIME)
        return index >= 0 && has_estimated_row(&summary->steps[index]) ? SET_ERROR : 0;
    if (row->fold == FOLD_OVERVIEW)
        return summary->visitors.registers != NULL || summary->fresh.registers != NULL ? SET_ERROR
                                                                                       : 0;
    return table >= 0 && summary->answers[table].estimated ? SET_KEY_ERROR : 0;
}
