/*
 * rejects.h - keeps a sample of what was refused, in data/rejected/, so that a site's owner can see why.
 *
 *      data/rejected/WORKER.ndjson        lines, the newest last; at most REJECTS_FILE_BYTES
 *      data/rejected/WORKER.old.ndjson    the ones before
 *
 * A convenience, not a promise: lines gather in memory and are written once a turn; what does not fit
 * there, or what the disk does not take, is gone (and counted like all refused hits). Thread: the worker
 * that owns it.
 */
#ifndef CRUMB_STORE_REJECTS_H
#define CRUMB_STORE_REJECTS_H

#include "base/buf.h"

#define REJECTS_FILE_BYTES (1u << 20)
#define REJECTS_LINE_BYTES 2048

struct rejects;

/* NULL when out of memory. Touches the disk only when there is something to keep. */
struct rejects *rejects_new(const char *data_dir, unsigned worker);

/* Writes what is left. Takes NULL. */
void rejects_free(struct rejects *rejects);

/*
 * Where the next line goes, with room for REJECTS_LINE_BYTES, or NULL: no more in this turn. The caller
 * writes a whole JSON line with its newline and tells its length.
 */
char *rejects_reserve(struct rejects *rejects);
void rejects_accept(struct rejects *rejects, size_t n);

/* Ends the turn. */
void rejects_flush(struct rejects *rejects);

#endif
