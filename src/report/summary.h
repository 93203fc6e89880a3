/*
 * summary.h - what is kept of a stretch of time so that reports need not read its hits again. Private to
 * the report layer.
 *
 * A summary is made from a raw reading (summary_raw.c) or read from a rollup (rollup_file.c), and two of
 * neighbouring stretches merge into that of both: whatever is asked of the merged one is what a reading
 * of all the hits would have given. Merging is associative, to the bit, so it does not matter how a
 * stretch was cut. Tables are not merged but joined (join.h), all stretches at once.
 *
 *     visitors   all, and the new ones, as sets
 *     tables     of a raw reading: counts by key with the set of visitors of each key, for all reports that
 *                are no more than that (summary_rows)
 *     answers    what a join made of the tables of many stretches: with the number of visitors of each key
 *     steps      rows of the timeline. Only a row that the stretch cuts off needs its set of visitors,
 *                the others are finished numbers
 *     sessions   those that can neither have begun before the stretch nor go on after it are counted;
 *                the others are kept one by one (open) until a neighbour continues them
 *
 * Exact below SUMMARY_EXACT visitors. Thread: one.
 */
#ifndef CRUMB_SRC_REPORT_SUMMARY_H
#define CRUMB_SRC_REPORT_SUMMARY_H

#include "fold.h"
#include "set.h"

#define SUMMARY_EXACT 1000000 /* members of a set, sessions with a duration */
#define SUMMARY_KEY_EXACT                                                                          \
    512 /* visitors of one key, when there are more than SUMMARY_EXACT in all */
#define SUMMARY_TABLES_MAX 24
#define SUMMARY_STEPS      4

/* Durations beyond SUMMARY_EXACT are counted in classes: 128 for each doubling, so within 1 in 256. */
#define SUMMARY_CLASSES        4096
#define SUMMARY_DURATION_ERROR 0.004

/* The reports that summaries can answer, in the order of their tables. */
const struct report_row *const *summary_rows(size_t *count);
int summary_table_of(const struct report_row *row); /* -1: none */

/* Where the rows of a step are; -1 for minutes. */
int summary_step_index(enum report_step step);
enum report_step summary_step(int index);

struct summary_session {
    uint64_t visitor;
    int64_t first_ms, last_ms;
    uint64_t views;
};

/* Can a stretch before or after this one be part of the session? */
static inline bool summary_is_open(const struct summary_session *session, int64_t since_ms,
                                   int64_t until_ms, int64_t idle_ms)
{
    return session->first_ms - since_ms < idle_ms || until_ms - session->last_ms <= idle_ms;
}

struct summary_row {
    int64_t at_ms; /* a moment in the step */
    uint64_t hits, views, sessions, visitors;
    bool estimated; /* the visitors */
};

struct summary_steps {
    bool known;
    struct summary_row *row; /* in order of time; steps without hits have none */
    size_t count;
    struct set head, tail; /* of the first and the last of several rows, while they are cut off */
};

struct summary_key {
    struct str key; /* in the summary's own memory */
    uint64_t count[TALLY_COUNTS];
    struct set visitors;
};

struct summary_table {
    bool known;
    struct summary_key *key; /* ascending as bytes */
    size_t count;
};

/* A row of a table that was joined. */
struct summary_group {
    struct str key; /* in the summary's own memory */
    uint64_t count[TALLY_COUNTS];
    uint64_t visitors;
};

struct summary_answer {
    bool known, estimated;
    struct summary_group *group; /* ascending as bytes */
    size_t count;
};

struct summary_memory; /* for keys */

struct summary {
    int64_t since_ms, until_ms, idle_ms;
    struct fold_totals totals; /* of sessions: the closed ones; visitors are in the sets */
    struct set visitors, fresh;
    struct summary_session *open; /* by visitor, then time */
    size_t open_count;
    uint32_t *duration; /* of closed sessions longer than 0, ascending; exact */
    size_t durations;
    uint64_t *classes; /* instead, when there are too many */
    struct summary_steps steps[SUMMARY_STEPS];
    struct summary_table tables[SUMMARY_TABLES_MAX];
    struct summary_answer answers[SUMMARY_TABLES_MAX];
    struct summary_memory *memory;
};

/* An empty one. NULL when out of memory. */
struct summary *summary_new(int64_t since_ms, int64_t until_ms, int64_t idle_ms);
void summary_free(struct summary *summary);

/* A copy of a key that lives as long as the summary. NULL when out of memory. */
const char *summary_keep(struct summary *summary, struct str key);

/* Durations in any order; those of 0 are left out, by the caller. */
int summary_set_durations(struct summary *summary, const uint32_t *duration, size_t count);
unsigned summary_class(uint32_t duration_ms);
double summary_middle(unsigned class); /* of its durations */
uint32_t summary_duration(const struct summary_session *session);

/* To be called when all has been put into a summary: closes what is closed and limits the sets. */
int summary_settle(struct summary *summary);

/* Is the row at at_ms cut off where the stretch begins, or where it ends? */
bool summary_cuts_head(const struct summary *summary, int64_t at_ms, int index);
bool summary_cuts_tail(const struct summary *summary, int64_t at_ms, int index);

/* The one row that the whole stretch is, if it lies within one step of the process's time zone. */
int summary_make_row(struct summary *summary, enum report_step step);

/*
 * `later` begins where `summary` ends, or after a time without hits; what it held is used up, but for its
 * tables. -1: no memory.
 */
int summary_merge(struct summary *summary, struct summary *later, struct err *e);

/* All but its tables, as a summary of its own. NULL when out of memory. */
struct summary *summary_take_base(struct summary *summary);

/*
 * Many summaries into one, in order: those that load gives for 0 to count - 1, by several threads. load is called
 * once for each, by any of them, and its result is taken. A failing one, NULL and e, ends it: NULL, and the e of
 * the first that failed. Of nothing: NULL, and e is left alone.
 */
typedef struct summary *summary_load_fn(void *arg, size_t i, struct err *e);
struct summary *summary_gather(summary_load_fn *load, void *arg, size_t count, unsigned threads,
                               struct err *e);

/* ---- asking -------------------------------------------------------------------------------------------- */

/* With the open sessions and the numbers of visitors. */
struct fold_totals summary_totals(const struct summary *summary);

/* False when there is no session. */
bool summary_median(const struct summary *summary, double *seconds);

/* Like tally_merge: every key of an answer, or every row of the timeline by its label. -1: not known. */
int summary_each(const struct summary *summary, const struct report_row *row, enum report_step step,
                 tally_fn *each, void *arg);

/* The standard error of the answer's numbers of visitors: 0 when all are exact. */
double summary_error(const struct summary *summary, const struct report_row *row,
                     enum report_step step);

#endif
