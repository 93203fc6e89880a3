/*
 * layout.h - how wide each column of a table in the terminal is, and which have no room. Private to the
 * report layer.
 */
#ifndef CRUMB_SRC_REPORT_LAYOUT_H
#define CRUMB_SRC_REPORT_LAYOUT_H

#include <stdbool.h>

#include "base/str.h"

struct layout_column {
    unsigned natural; /* columns of the terminal that its widest cell takes, the title included */
    bool is_text;     /* may be cut; numbers never are */
    unsigned rank;    /* the highest is left out first; 0: never */
    unsigned width;   /* the answer; 0: left out */
};

/* Fits them into width (0: as wide as they are) with a space between. The cells left for a bar: 0 or up to bar_max. */
unsigned layout_fit(struct layout_column *columns, unsigned count, unsigned width,
                    unsigned bar_max);

/* What a printable text takes in the terminal, by the locale. */
unsigned layout_width(struct str text);

/* The longest start of it that takes at most width. */
struct str layout_cut(struct str text, unsigned width);

#endif
