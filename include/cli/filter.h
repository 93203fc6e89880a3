/*
 * filter.h - which records are meant: conditions on the fields of a stored line.
 *
 *      country=DE          is DE
 *      country=DE,AT,CH    is one of them; \, is a comma and \\ a backslash in a value
 *      country!=DE,AT      is none of them
 *      ua~Firefox/[0-9]+   matches a POSIX extended regular expression (the rest of the text,
 * commas too) params.plan=pro     a key of a field that holds a map
 *
 *      browser=Firefox     a value that reports work out of a record, where a command takes those
 *
 * All conditions of a filter must hold. Values are compared as text, after JSON's escapes are
 * undone, byte by byte. A field that a record does not have is as if it were empty: `vid=` finds
 * the records without vid, `vid!=` those with.
 *
 * Used by every command that reads records. Nothing is allocated while matching. Thread: a filter
 * belongs to one.
 */
#ifndef CRUMB_CLI_FILTER_H
#define CRUMB_CLI_FILTER_H

#include "base/err.h"
#include "base/str.h"
#include "model/codec.h"

/* A line that is longer is not one of ours: our own are at most EVENT_LINE_BYTES_MAX. */
#define RECORD_BYTES_MAX ((size_t)4 * EVENT_LINE_BYTES_MAX)

#define FILTER_DERIVED_MAX 8

struct filter;

/* Matches everything. NULL when out of memory. derived: conditions may be on what report_facets names, too. */
struct filter *filter_new(bool derived);
void filter_free(struct filter *filter);

/* One more condition, as above. ERR_INPUT with the nearest field names when the field does not
 * exist. */
int filter_add(struct filter *filter, const char *condition, struct err *e);

/* The condition `field=list` for an option of its own (--site). */
int filter_add_equal(struct filter *filter, const char *field, const char *list, struct err *e);

/*
 * 1: the record is meant; 0: it is not; -1: the line is not a record (no JSON object, or too long).
 * Conditions on derived values play no part in it.
 */
int filter_match(struct filter *filter, struct str line);

/* The derived values that conditions are on, each once, ended by NULL; borrowed until the next filter_add. */
const char *const *filter_derived(const struct filter *filter);

/* Do the conditions on derived values hold? values: in the order of filter_derived; absent ones are as if empty. */
bool filter_match_derived(struct filter *filter, const struct str *values);

#endif
