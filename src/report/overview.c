/*
 * overview.c - the figures of a whole period in one row. See overview.h for the contract.
 *
 * The median of session times is exact: the durations that the threads kept are counted by their upper
 * halves, then those with the right upper half by their lower, so that nothing is sorted or copied.
 */
#include "overview.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "cells.h"

struct fold_totals period_totals(const struct period *period)
{
    struct fold_totals sum = { .first_ms = INT64_MAX, .last_ms = INT64_MIN };

    if (period->summary != NULL)
        return summary_totals(period->summary);
    for (unsigned i = 0; i < period->threads; i++) {
        const struct fold_totals *one = fold_totals(period->folds[i]);

        sum.records += one->records;
        sum.bots += one->bots;
        sum.unusable += one->unusable;
        sum.hits += one->hits;
        sum.views += one->views;
        sum.prefetches += one->prefetches;
        sum.without_vid += one->without_vid;
        sum.visitors += one->visitors;
        sum.new_visitors += one->new_visitors;
        sum.sessions += one->sessions;
        sum.bounces += one->bounces;
        sum.session_views += one->session_views;
        sum.first_ms = one->first_ms < sum.first_ms ? one->first_ms : sum.first_ms;
        sum.last_ms = one->last_ms > sum.last_ms ? one->last_ms : sum.last_ms;
    }
    return sum;
}

#define HALF_VALUES 65536

/* How often each upper half occurs, or each lower half of those with this upper half. */
static void count_halves(const struct period *period, uint64_t counts[HALF_VALUES], int64_t upper)
{
    memset(counts, 0, HALF_VALUES * sizeof *counts);
    for (unsigned t = 0; t < period->threads; t++) {
        size_t n;
        bool complete;
        const uint32_t *values = fold_durations(period->folds[t], &n, &complete);

        for (size_t i = 0; i < n; i++) {
            if (upper < 0)
                counts[values[i] >> 16]++;
            else if (values[i] >> 16 == (uint32_t)upper)
                counts[values[i] & 0xFFFF]++;
        }
    }
}

static uint32_t find_rank(const uint64_t counts[HALF_VALUES], uint64_t *rank)
{
    uint32_t half = 0;

    while (half < HALF_VALUES - 1 && *rank >= counts[half])
        *rank -= counts[half++];
    return half;
}

/* The duration of the session with this rank (0: the shortest), in milliseconds. */
static double duration_at(const struct period *period, uint64_t rank, uint64_t zeros,
                          uint64_t counts[HALF_VALUES])
{
    uint32_t upper;

    if (rank < zeros)
        return 0;
    rank -= zeros;
    count_halves(period, counts, -1);
    upper = find_rank(counts, &rank);
    count_halves(period, counts, upper);
    return (double)(upper << 16 | find_rank(counts, &rank));
}

/* Exact; of an even number of sessions the mean of the two in the middle. False when unknown. */
static bool median_seconds(const struct period *period, uint64_t sessions, double *seconds)
{
    uint64_t *counts, lasting = 0;
    bool known;

    if (period->summary != NULL)
        return summary_median(period->summary, seconds);
    counts = malloc(HALF_VALUES * sizeof *counts);
    known = counts != NULL && sessions > 0;
    for (unsigned t = 0; t < period->threads; t++) {
        size_t n;
        bool complete;

        fold_durations(period->folds[t], &n, &complete);
        lasting += n;
        known = known && complete;
    }
    if (known)
        *seconds = (duration_at(period, (sessions - 1) / 2, sessions - lasting, counts) +
                    duration_at(period, sessions / 2, sessions - lasting, counts)) /
                   2 / DATE_SECOND_MS;
    free(counts);
    return known;
}

#define OVERVIEW_FIGURES 10

/* In the order of the row's measures. */
static void overview_figures(struct report_cell cells[OVERVIEW_FIGURES],
                             const struct period *period)
{
    struct fold_totals t = period_totals(period);
    double seconds = 0;
    bool known = median_seconds(period, t.sessions, &seconds);
    double sessions = (double)t.sessions;

    cell_count(&cells[0], t.hits);
    cell_count(&cells[1], t.views);
    cell_count(&cells[2], t.visitors);
    cell_count(&cells[3], t.new_visitors);
    cell_count(&cells[4], t.visitors - t.new_visitors);
    cell_count(&cells[5], t.sessions);
    cell_number(&cells[6], t.sessions == 0 ? 0 : (double)t.session_views / sessions,
                t.sessions != 0);
    cell_number(&cells[7], t.sessions == 0 ? 0 : (double)t.bounces / sessions, t.sessions != 0);
    cell_number(&cells[8], seconds, known);
    cell_count(&cells[9], t.bots);
}

static double figure(const struct report_cell *cell, enum report_type type)
{
    return type == REPORT_COUNT ? (double)cell->count : cell->number;
}

/* The third row: how much each figure changed. */
static void overview_change(struct report_table *table, struct report_cell *change)
{
    for (unsigned c = 1; c < table->columns_count; c++) {
        const struct report_cell *now = table_cell(table, 0, c), *was = table_cell(table, 1, c);
        double before = figure(was, table->columns[c].type);

        cell_number(&change[c], before == 0 ? 0 : figure(now, table->columns[c].type) / before - 1,
                    now->known && was->known && before != 0);
    }
}

static void overview_note(struct report_table *table, const struct period *now)
{
    struct fold_totals t = period_totals(now);
    const char *opted_out = "Opted-out hits leave nothing in the data; /metrics counts them.";

    if (t.without_vid == 0)
        snprintf(table->note, sizeof table->note, "%s", opted_out);
    else
        snprintf(table->note, sizeof table->note,
                 "%llu %s no visitor id: no visitors, no sessions. %s",
                 (unsigned long long)t.without_vid, t.without_vid == 1 ? "hit has" : "hits have",
                 opted_out);
}

int overview_table(struct report_table *table, const struct period *now,
                   const struct period *before, struct err *e)
{
    static const struct str periods[] = { { "current", 7 }, { "previous", 8 }, { "change", 6 } };
    size_t rows = before == NULL ? 1 : 3;

    if (table_make_cells(table, rows, e) != 0)
        return -1;
    for (size_t r = 0; r < rows; r++) {
        if (cell_text(table_cell(table, r, 0), periods[r]) != 0)
            return err_set(e, ERR_MEMORY, "out of memory");
    }
    overview_figures(table_cell(table, 0, 1), now);
    if (before != NULL) {
        overview_figures(table_cell(table, 1, 1), before);
        overview_change(table, table_cell(table, 2, 0));
    }
    table->groups = 1;
    table->bar_column = table->columns_count;
    overview_note(table, now);
    return 0;
}
