/*
 * spill.h - what does not fit into memory goes to a file without a name, and comes back part by part.
 *
 * A run is everything that one table held, written in order of its SPILL_PARTS parts; reading a part
 * gathers its piece of every run. Everything about one key is in one part, so that parts can be
 * finished one after the other in a small share of the memory. Private to the report layer.
 * Thread: one writes; after that any one reads.
 */
#ifndef CRUMB_SRC_REPORT_SPILL_H
#define CRUMB_SRC_REPORT_SPILL_H

#include "base/err.h"
#include "base/str.h"

#define SPILL_PARTS      64
#define SPILL_PART(hash) ((unsigned)((hash) >> 58))

struct spill;

/* The file is made in TMPDIR or /var/tmp and is gone when the process is. */
struct spill *spill_new(struct err *e);
void spill_free(struct spill *spill);

int spill_begin_run(struct spill *spill, struct err *e);
int spill_put(struct spill *spill, unsigned part, const void *p, size_t n,
              struct err *e); /* parts ascending */
int spill_end_run(struct spill *spill, struct err *e);

/* How many bytes a part has, and the part itself into memory of that size. NULL has none. */
size_t spill_part_bytes(const struct spill *spill, unsigned part);
int spill_read(const struct spill *spill, unsigned part, void *memory, struct err *e);

#endif
