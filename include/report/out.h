/*
 * out.h - a finished report as text: for people, for programs, for a colleague.
 *
 * A form is a row in the table in out_data.c. What came out of the data is escaped where it is written, by
 * report/text.h. Thread: any; out_table sets nothing but reads the locale.
 */
#ifndef CRUMB_REPORT_OUT_H
#define CRUMB_REPORT_OUT_H

#include "report/report.h"
#include "report/text.h"

struct out_options {
    const char *period;    /* the period in words: "2026-11-01 to 2026-11-23, Europe/Berlin" */
    const char *selection; /* what was asked for beside the period, in words; "" */
    const char *bots;      /* what was done with hits of programs: "left out" */
    const char *made;      /* when, RFC 3339 */
    bool raw; /* csv: no guard against formulas, and values as they are, but not into a terminal */
    bool terminal;         /* it goes to one */
    bool colours;          /* table: the terminal shows them */
    bool summary;          /* no report was named: tables get their titles */
    size_t top;            /* html: rows shown of a table; 0: all */
    unsigned width;        /* table: columns of the terminal */
    const char *share_dir; /* html: where the map is looked for; NULL as in report_spec */
};

typedef int out_form_fn(struct text *text, const struct report *report,
                        const struct out_options *options, struct err *e);

struct out_form {
    const char *name;
    out_form_fn *write;
    bool one_table; /* takes a report of a single table only */
};

const struct out_form *out_forms(size_t *count);
const struct out_form *out_form(const char *name); /* NULL when there is none */

out_form_fn out_table, out_json, out_ndjson, out_csv, out_markdown, out_html;

/* The column of a cell; in the row of changes of an overview it is a rate, whatever the column is. */
struct report_column out_column(const struct report_table *table, size_t r, unsigned c);

/* A cell for people: "1,234", "12.3 %", "1:05 min"; text is not escaped: out_cell_text instead. */
void out_add_value(struct text *text, const struct report_column *column,
                   const struct report_cell *cell);

/* "1,234 hits of bots are left out"; nothing when there were none. */
void out_add_bots(struct text *text, const struct report *report,
                  const struct out_options *options);

/* "1,234 of 5,678 records from rollups"; nothing when none were used. */
void out_add_rollups(struct text *text, const struct report *report);

/* The text of a key, or "(none)" when it is empty. */
struct str out_cell_text(const struct report_cell *cell);

#endif
