/*
 * nearest.h - "did you mean": the names closest to a misspelt one.
 *
 * Close is few typing errors (a letter missing, added, changed, or two swapped), or that one is the
 * beginning of the other. Offer every valid name, then add what was found to the sentence.
 */
#ifndef CRUMB_CLI_NEAREST_H
#define CRUMB_CLI_NEAREST_H

#include "base/buf.h"
#include "base/str.h"

#define NEAREST_MAX 3

struct nearest {
    struct str word;
    const char *names[NEAREST_MAX]; /* best first; borrowed from the offers */
    unsigned costs[NEAREST_MAX];
    unsigned count;
};

void nearest_begin(struct nearest *n, struct str word);
void nearest_offer(struct nearest *n, const char *name);

/* "; did you mean PREFIXa, PREFIXb or PREFIXc?" as terminated text, empty when nothing was close. */
#define NEAREST_TEXT_BYTES 256
const char *nearest_text(const struct nearest *n, const char *prefix,
                         char text[NEAREST_TEXT_BYTES]);

#endif
