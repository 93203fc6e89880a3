/*
 * fold.h - one thread's share of a report: hits go in, counts by key come out. Private to the report
 * layer.
 *
 * A plan is made once and read by all threads; each thread has its own fold. First every fold takes the
 * hits of its blocks (fold_text), then, when all have finished, the parts of the visits are walked
 * (fold_walk, any part by any fold), and at the end report.c merges the tallies.
 */
#ifndef CRUMB_SRC_REPORT_FOLD_H
#define CRUMB_SRC_REPORT_FOLD_H

#include "facets.h"
#include "tally.h"
#include "visits.h"

#define FOLD_KEY_SEPARATOR '\xFF' /* in no UTF-8 text */
#define FOLD_SEQUENCE_MAX  5
#define FOLD_WEEKS_MAX     8
#define FOLD_THREADS_MAX   256
#define FOLD_HASH_BYTES    sizeof(uint64_t)

/* Keys of these are page hashes; the tally of names says what they stand for. */
bool fold_has_page_keys(enum report_fold fold);

struct plan_table {
    const struct report_row *row;
    enum report_step step; /* of FOLD_TIME */
    struct facet facets[REPORT_KEYS_MAX];
    unsigned facets_count;
    bool has_tally;
};

struct plan {
    const struct report_spec *spec; /* borrowed */
    struct plan_table tables[REPORT_TABLES_MAX];
    size_t count;
    struct facet match[REPORT_MATCH_MAX]; /* of the spec's match_by */
    unsigned match_count;
    struct hit_wanted wanted;
    struct {
        int kind, vid, vid_new, ua, purpose, path, id, name, banner, site;
    } slot;
    bool needs_visits, needs_names;
    bool keeps_stays;               /* of visitors, for a summary; set before the folds are made */
    struct facet_lists own, *lists; /* lists: the spec's, or its own */
};

/* ERR_INPUT when a field does not exist. plan_free takes a failed one too. */
int plan_make(struct plan *plan, const struct report_spec *spec, enum report_step step,
              struct err *e);
void plan_free(struct plan *plan);

struct fold_totals {
    uint64_t records, bots, unusable, hits, views, prefetches, without_vid;
    int64_t first_ms, last_ms;
    /* from the walk */
    uint64_t visitors, new_visitors, sessions, bounces, session_views;
};

struct fold;
struct stays;

struct fold *fold_new(struct plan *plan, int64_t since_ms, int64_t until_ms, struct err *e);
void fold_free(struct fold *fold);

void fold_text(struct fold *fold, struct str text);

/* Spills the largest table while more than bytes are in use. */
void fold_keep_below(struct fold *fold, uint64_t bytes);

int fold_walk(struct fold *fold, struct fold *const *folds, unsigned count, unsigned part,
              struct err *e);

const struct fold_totals *fold_totals(const struct fold *fold);
struct tally *fold_tally(struct fold *fold, size_t table); /* NULL when it has none */
struct tally *fold_names(struct fold *fold);

/* What the walk left for a summary; NULL when the plan does not want it. */
const struct stays *fold_stays(const struct fold *fold);

/* Durations of the sessions that were walked, in milliseconds; those that are 0 are left out. */
const uint32_t *fold_durations(const struct fold *fold, size_t *count, bool *complete);

#endif
