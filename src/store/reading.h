/*
 * reading.h - reads one segment or one sealed file for scan.c, follow.c and blocks.c: filters,
 * counts, tells damage.
 *
 * Every function returns 0 to go on, what a callback returned to end with, or -1 and e when memory
 * ran out. A file that cannot be read is damage, and no reason to stop. Thread: the owner's.
 */
#ifndef CRUMB_STORE_READING_H
#define CRUMB_STORE_READING_H

#include "catalog.h"
#include "ranges.h"
#include "sealed.h"
#include "segment.h"
#include "store/scan.h"

struct reading {
    const struct scan_options *options;
    struct scan_totals *totals;
    struct sealed_buffer buffer; /* free with sealed_buffer_free */
    bool silent;                 /* deliver no records: only find out where they end */
};

/* What the sentence of an err says beside the path that it may begin with. */
const char *reading_without_place(const char *sentence, const char *path);

int reading_damage(struct reading *r, const char *path, uint64_t offset, uint64_t lost_bytes,
                   const char *sentence);

/* Can a file of that time hold records that are wanted? */
bool reading_hour_is_wanted(const struct scan_options *options, int64_t created_ms);

/* What is wrong with the header, in one sentence; NULL: nothing. */
const char *reading_header_trouble(const struct sealed *sealed);

/* Block k is not where it should be: is it near? */
bool reading_find_near(const struct sealed *sealed, size_t k, struct sealed_buffer *buffer,
                       struct str *lines);

/*
 * All records from seq from_seq on. *have: their numbers are added, may be NULL. *next_seq is
 * raised behind the last one, may be NULL. *missing (may be NULL) is set, and nothing reported,
 * when there is no such file.
 */
int reading_sealed(struct reading *r, const char *path, uint64_t from_seq, struct ranges *have,
                   uint64_t *next_seq, bool *missing, struct err *e);

/* From where the reader is to the end there is now; *gone: the file was recycled meanwhile. */
int reading_segment(struct reading *r, struct segment_reader *segment, struct ranges *have,
                    uint64_t *next_seq, bool *gone, struct err *e);

#endif
