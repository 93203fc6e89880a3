/*
 * report.h - answers from stored hits: which reports there are, how one is asked for, and what comes back.
 *
 *     struct report_spec spec = { .data_dir = ..., .rows = ..., ... };
 *     struct report *report = report_run(&spec, &e);      reads the data with all processors
 *     ... report_table(report, i) ...                      one table for each row asked for
 *     report_free(report);
 *
 * Definitions (session, visitor, bounce, ...) are in crumb-report(7), and the code follows them.
 * Thread: report_run starts its own and ends them; a finished report is read-only.
 */
#ifndef CRUMB_REPORT_REPORT_H
#define CRUMB_REPORT_REPORT_H

#include <limits.h>

#include "base/err.h"
#include "base/str.h"
#include "model/config.h"
#include "store/scan.h"

/* ---- which reports there are ---------------------------------------------------------------------- */

enum report_type {
    REPORT_TEXT,
    REPORT_COUNT,
    REPORT_RATE,  /* 0 .. 1; a change may be any */
    REPORT_RATIO, /* a plain number with a fraction */
    REPORT_SECONDS,
};

/* What a report's table is made of; report.c has one way of folding for each. */
enum report_fold {
    FOLD_OVERVIEW,  /* one row of figures */
    FOLD_TIME,      /* hits by a step of time */
    FOLD_HITS,      /* hits by fields */
    FOLD_VIEWS,     /* page views by fields */
    FOLD_EVENTS,    /* hits that are no views, by fields */
    FOLD_BANNERS,   /* impressions and clicks */
    FOLD_BOTS,      /* hits of programs, whatever is selected */
    FOLD_ENTRY,     /* sessions by their first page */
    FOLD_EXIT,      /* ... by their last */
    FOLD_PATHS,     /* steps from page to page */
    FOLD_SEQUENCES, /* the first pages of a session, in order */
    FOLD_VISITORS,  /* visitors by their number of sessions */
    FOLD_RETENTION, /* visitors by the week they came first */
};

#define REPORT_KEYS_MAX     4
#define REPORT_MEASURES_MAX 10

struct report_measure {
    const char *name;  /* stable: column of CSV, key of JSON */
    const char *title; /* for people */
    enum report_type type;
};

struct report_row {
    const char *name;
    const char *title;
    const char *sentence;
    enum report_fold fold;
    const char *keys[REPORT_KEYS_MAX]; /* fields or facets */
    struct report_measure measures[REPORT_MEASURES_MAX];
    const char *sort; /* a measure (largest first) or a key */
    bool in_summary;  /* shown below the overview when no report is named */
    bool in_page;     /* part of the HTML page */
};

const struct report_row *report_rows(size_t *count);

/* NULL when there is none of that name. */
const struct report_row *report_row(const char *name);

/* What can stand behind --by beside the fields of a record (model/codec.h) and params.NAME: derived when reading. */
struct report_facet {
    const char *name, *sentence;
};
const struct report_facet *report_facets(size_t *count);
bool report_is_field(const char *name);

/* ---- asking ---------------------------------------------------------------------------------------- */

struct facet_lists; /* of classification; the report layer's own */

enum report_bots { REPORT_BOTS_EXCLUDE, REPORT_BOTS_INCLUDE, REPORT_BOTS_ONLY };
enum report_step {
    REPORT_STEP_AUTO,
    REPORT_MINUTE,
    REPORT_HOUR,
    REPORT_DAY,
    REPORT_WEEK,
    REPORT_MONTH
};

#define REPORT_TABLES_MAX 32
#define REPORT_MATCH_MAX  8
#define REPORT_IDLE_MS    1800000 /* what usually ends a session: 30 minutes */

struct report_spec {
    const char *data_dir;
    const char *share_dir; /* NULL: where it was installed, or the source tree */
    int64_t since_ms;      /* INT64_MIN and INT64_MAX: all */
    int64_t until_ms;
    int64_t now_ms;
    const struct report_row *rows[REPORT_TABLES_MAX];
    size_t rows_count;
    const char *by[REPORT_KEYS_MAX]; /* instead of the keys of the first row; NULL ended */
    size_t top;                      /* rows of a table; 0: all */
    bool
        for_page; /* every country, for the map, and steps of time in which nothing was, for the chart */
    const char *sort; /* a column of the first row, NULL: its own */
    enum report_bots bots;
    enum report_step step;
    bool compare;    /* with the period of the same length just before; needs since_ms */
    int64_t idle_ms; /* that ends a session */
    const struct config_section *sections; /* areas of the sites; borrowed, of one name each */
    unsigned sections_count;
    unsigned threads;      /* 0: one for each processor */
    uint64_t memory_bytes; /* for tables, before they are spilled; 0: 1 GiB */
    struct str site;       /* hits of this one alone; absent: all */
    const char *zone; /* the name of the process's time zone, as rollups record it; NULL: UTC */
    struct facet_lists *lists; /* already loaded, all of them; NULL: they are loaded as needed */
    bool no_rollups;           /* read hits even where a rollup (report/rollup.h) has the answer */

    /*
     * Which lines are meant; NULL: all. Each thread asks with a matcher of its own, made before it starts. values are
     * those of the facets that match_by names, in that order; absent where a hit has none.
     */
    void *(*matcher_new)(void *arg);
    const char *const *match_by; /* at most REPORT_MATCH_MAX, ended by NULL; NULL: none */
    bool (*matches)(void *matcher, struct str line, const struct str *values);
    void (*matcher_free)(void *matcher);

    /* From the calling thread, some times a second. Bytes are those of files. May be NULL. */
    void (*tick)(void *arg, uint64_t done_bytes, uint64_t total_bytes, uint64_t hits);
    /* From any thread, one at a time. */
    void (*damage)(void *arg, const struct scan_damage *damage);
    /* From the calling thread: a sentence about something that is not used and costs no figure. */
    void (*notice)(void *arg, const char *sentence);
    void *arg;
};

/* ---- answers ---------------------------------------------------------------------------------------- */

struct report_column {
    const char *name;
    const char *title;
    enum report_type type;
    bool is_key;
    bool is_change; /* shown with its sign */
};

struct report_cell {
    bool known;
    uint64_t count; /* REPORT_COUNT */
    double number;  /* REPORT_RATE, REPORT_RATIO, REPORT_SECONDS */
    struct str
        text; /* REPORT_TEXT: as it was sent, any characters; to be escaped where it is written */
};

#define REPORT_COLUMNS_MAX (REPORT_KEYS_MAX + REPORT_MEASURES_MAX + 4)

struct report_table {
    const struct report_row *row;
    struct report_column columns[REPORT_COLUMNS_MAX];
    unsigned columns_count;
    unsigned bar_column; /* the measure that it is sorted by; columns_count when it is a key */
    struct report_cell *cells; /* rows_count x columns_count */
    size_t rows_count;
    uint64_t groups; /* rows that there would be without top */
    double
        visitors_error; /* standard error of the numbers of visitors, relative; 0: they are exact */
    char note[512];     /* a sentence or more below the table, or "" */
};

struct report_totals {
    uint64_t records;      /* read, in the time asked for and meant by the filter */
    uint64_t bots;         /* of programs, left out or the only ones, as asked */
    uint64_t unusable;     /* lines that are no records */
    uint64_t damaged;      /* places */
    uint64_t from_rollups; /* records that were not read again: rollups had counted them */
    uint64_t file_bytes;
    int64_t first_ms, last_ms; /* of the counted hits; first > last: there was none */
};

struct report;

/*
 * NULL and e: ERR_INPUT when something asked for does not exist; others when data or
 * lists could not be read. Damage is no failure: look at totals.damaged.
 */
struct report *report_run(const struct report_spec *spec, struct err *e);
void report_free(struct report *report);

size_t report_tables(const struct report *report);
const struct report_table *report_table(const struct report *report, size_t i);
const struct report_totals *report_totals(const struct report *report);
enum report_step report_used_step(const struct report *report);

#endif
