/*
 * hit.h - pulls the wanted fields out of stored lines, fast. Private to the report layer.
 *
 * Lines are our own: one flat JSON object each, in any field order. marks.h says where keys and lines
 * end; the scanner goes to the keys that somebody may want and never looks at the text between them.
 * A line of any other shape goes through base/json; one that is no object at all is counted.
 */
#ifndef CRUMB_SRC_REPORT_HIT_H
#define CRUMB_SRC_REPORT_HIT_H

#include "base/buf.h"
#include "base/str.h"
#include "marks.h"

#define HIT_SLOTS 40

/* Which fields are wanted; built before the threads start and only read by them. */
struct hit_wanted {
    struct str names[HIT_SLOTS]; /* "country", or "banner" when it is a key of params */
    bool is_param[HIT_SLOTS];
    unsigned count;
    bool any_param;
    unsigned char table[256]; /* slot + 1, by the key's last two bytes; on a clash the next */
    struct hit_tail {
        uint64_t bytes, mask; /* of the last 8 bytes of "name */
    } tail[HIT_SLOTS];
};

void hit_wanted_begin(struct hit_wanted *wanted);

/* The slot of a field ("country", "params.banner"); the text is borrowed. -1 when there are too many. */
int hit_want(struct hit_wanted *wanted, struct str field);

struct hit {
    struct str line;
    int64_t ts_ms;
    struct str
        value[HIT_SLOTS]; /* text with its escapes undone; absent when the line has no such field */
};

struct hit_scanner {
    const struct hit_wanted *wanted;
    int ts_slot;
    struct buf scratch; /* values that had escapes, of one line */
    char *memory;
    int64_t minute_ms; /* the minute of the last time stamp, and its text */
    char minute_text[17];
    uint64_t unusable; /* lines that are no records */
    marks_fn *mark;
    struct marks *marks; /* of the lines at hand */
};

/* 0, or -1 when out of memory. hit_scanner_end takes a failed one too. */
int hit_scanner_begin(struct hit_scanner *scanner, const struct hit_wanted *wanted);
void hit_scanner_end(struct hit_scanner *scanner);

/* Calls back for each line of the text, whole lines; a hit is valid during the call. */
typedef void hit_fn(void *arg, const struct hit *hit);
void hit_scan(struct hit_scanner *scanner, struct str text, hit_fn *each, void *arg);

#endif
