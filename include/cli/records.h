/*
 * records.h - records on their way to the output: filtered, then in the form that was asked for.
 *
 * A form is a row in records.c. Lines that are no records (damage that a checksum did not see) are
 * never dropped silently: they are counted, and told by the caller at the end.
 */
#ifndef CRUMB_CLI_RECORDS_H
#define CRUMB_CLI_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/filter.h"
#include "cli/out.h"

struct records_form;

/* Is the line a JSON object at all? */
bool records_is_one(struct str line);

struct records {
    struct out *out;       /* borrowed */
    struct filter *filter; /* borrowed */
    const struct records_form *form;
    bool raw;          /* csv: values that a spreadsheet would take for formulas stay as they are */
    uint64_t written;  /* records */
    uint64_t unusable; /* lines that are no JSON object and could not be judged or written */
    char *scratch;     /* a cell of csv, decoded and as shown */
};

/* format: ndjson (also when NULL), json, csv. ERR_INPUT names them all when it is another. */
int records_begin(struct records *r, struct out *out, struct filter *filter, const char *format,
                  bool raw, struct err *e);

void records_put(struct records *r, struct str line);

/* What must follow the last record; then frees. Not after a failed records_begin. */
void records_end(struct records *r);

#endif
