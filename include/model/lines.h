/*
 * lines.h - a small data file, line by line, with the place for an error sentence. Empty lines and those that start with '#' are left out.
 */
#ifndef CRUMB_MODEL_LINES_H
#define CRUMB_MODEL_LINES_H

#include "base/err.h"
#include "base/str.h"

struct lines {
    const char *path; /* borrowed */
    char *text;       /* every line is a piece of it */
    struct str rest;
    unsigned number; /* of the last line */
};

int lines_open(struct lines *lines, const char *path, struct err *e);
void lines_close(struct lines *lines);
bool lines_next(struct lines *lines, struct str *line);

/* Splits at tabs. Exactly `count` parts, none of them empty; otherwise -1 and PATH:LINE: ... */
int lines_columns(const struct lines *lines, struct str line, struct str *columns, unsigned count,
                  struct err *e);

#endif
