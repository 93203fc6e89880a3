/*
 * later.h - what the later segments of a writer say about an earlier one that is still in the spool
 * (README.md, V5 and V7).
 *
 * Asked by everybody who reads such a segment: scan.c, follow.c, blocks.c and the sealer. Thread: any.
 */
#ifndef CRUMB_STORE_LATER_H
#define CRUMB_STORE_LATER_H

#include <stdbool.h>
#include <stdint.h>

#include "catalog.h"

struct later {
    bool begun;         /* there is one: so all writes to this segment are decided */
    uint64_t first_seq; /* records of this segment from here on are void; SEGMENT_ALL: none are */
};

/*
 * The catalog is sorted, and lists the spool and the sealed files of the segment's hour and of all
 * hours behind it, as catalog_list does for the segments that are asked for.
 */
struct later later_than(const char *data_dir, const struct catalog *catalog,
                        const struct segment_id *id);

#endif
