/*
 * out.h - where a command's data go: standard output, or a file that appears when it is complete.
 *
 * Everything is gathered in a buffer and written when it is full or at out_flush. The first failure
 * is remembered and later writes do nothing, so that callers look once, at out_close or (in long
 * loops) out_stopped. A reader that has gone away (`| head`) is no failure.
 *
 * Nothing here lets a control character through by itself: text that came out of the data is added
 * with out_add_line or out_add_printable. Thread: one.
 */
#ifndef CRUMB_CLI_OUT_H
#define CRUMB_CLI_OUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"

#define OUT_BUFFER_BYTES 65536

struct out {
    struct fs_file file; /* closed: standard output */
    const char *path;    /* NULL: standard output */
    char *part_path;     /* the file's name until it is complete */
    uint64_t offset;
    bool reader_gone;
    bool failed;
    struct err err;
    struct buf b;
    char memory[OUT_BUFFER_BYTES];
};

/* path may be NULL; borrowed until out_close. */
int out_open(struct out *o, const char *path, struct err *e);

void out_add(struct out *o, const void *p, size_t n);
void out_add_str(struct out *o, struct str s);
void out_addf(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * A stored line as it is, with a newline. Control characters, which no line of ours has, become
 * JSON's \u00XX and ill-formed bytes U+FFFD: what damaged data hold never reaches a terminal.
 */
void out_add_line(struct out *o, struct str line);

/* Text for people: control characters and ill-formed bytes become \xXX. */
void out_add_printable(struct out *o, struct str s);

/* A JSON string with its quotes. */
void out_add_json(struct out *o, struct str s);

void out_flush(struct out *o);

/* No use to go on: the reader is gone, or writing failed. */
bool out_stopped(const struct out *o);

/* Waits, at most timeout_ms, for the reader of standard output to go away or a signal. */
void out_wait(struct out *o, int timeout_ms);

/*
 * Writes the rest and gives the file its name; complete false removes what was written of it
 * instead. -1 and e when anything could not be written.
 */
int out_close(struct out *o, bool complete, struct err *e);

#endif
