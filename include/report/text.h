/*
 * text.h - a text that grows, and the escapes of every form a report is written in.
 *
 * Text that came out of the data is added only by the functions named after where it goes; that is the
 * one place where it is made harmless. A failed allocation is remembered, later calls do nothing.
 */
#ifndef CRUMB_REPORT_TEXT_H
#define CRUMB_REPORT_TEXT_H

#include "base/str.h"

struct text {
    char *p; /* NULL at first */
    size_t n, cap;
    bool failed;
};

void text_free(struct text *text);

void text_add(struct text *text, const void *p, size_t n);
void text_add_str(struct text *text, struct str s);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For literals only. */
#define text_add_lit(text, literal) text_add((text), "" literal, sizeof(literal) - 1)

/* A JSON string with its quotes; "<", ">" and "&" as \uXXXX too, so that it can stand in a script element. */
void text_add_json(struct text *text, struct str s);

/*
 * One value of RFC 4180 CSV, printable as below. guard: what a spreadsheet would take for a formula gets a ' in
 * front.
 */
void text_add_csv(struct text *text, struct str s, bool guard);

/* One value of RFC 4180 CSV, byte for byte: for programs, not for terminals. */
void text_add_csv_exact(struct text *text, struct str s);

/* The content of an element or of an attribute in double quotes; printable as below. */
void text_add_html(struct text *text, struct str s);

/* A cell of a Markdown table. */
void text_add_markdown(struct text *text, struct str s);

/*
 * For terminals and people: what has no shape of its own (control characters, marks that turn the direction of
 * writing) is shown as \uNNNN, an ill-formed byte as U+FFFD.
 */
void text_add_printable(struct text *text, struct str s);

#endif
