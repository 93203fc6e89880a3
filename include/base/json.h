/*
 * json.h - writes JSON strings, and scans the one-line objects that we wrote ourselves.
 *
 * Writing: the result is always valid UTF-8 and contains no control character, not even DEL or C1
 * (as UTF-8): a stored line can be shown in a terminal as it is. Reading: a flat scanner that
 * borrows from the line and allocates nothing. JSON that others send (POST bodies) is read by a
 * library elsewhere, not by this.
 */
#ifndef CRUMB_BASE_JSON_H
#define CRUMB_BASE_JSON_H

#include "base/buf.h"

/* "s" with the quotes. Ill-formed UTF-8 becomes U+FFFD. */
void json_add_string(struct buf *b, struct str s);

/* The same without the quotes, so that a string can be written in pieces (each whole characters). */
void json_add_escaped(struct buf *b, struct str s);

enum json_type {
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_OBJECT,
    JSON_ARRAY
};

struct json_field {
    struct str key; /* between its quotes, still escaped */
    enum json_type type;
    struct str value; /* string: between its quotes, still escaped; else the whole token, braces
                         included */
};

struct json_scan {
    const char *p;
    const char *end;
    bool first;
    bool done;
};

/* line: one object, white space around it allowed. */
void json_scan_begin(struct json_scan *scan, struct str line);

/* 1 and the next field of the object, 0 after the last one, -1 when this is not a JSON object. */
int json_scan_next(struct json_scan *scan, struct json_field *field);

/* Finds one field by its (unescaped, plain ASCII) key; false if absent or the line is not an
 * object. */
bool json_find(struct str line, struct str key, struct json_field *field);

/* Undoes the escapes of a string's raw value; lone surrogates become U+FFFD. False if it is
 * ill-formed. */
bool json_unescape(struct buf *b, struct str raw);

#endif
