/*
 * scan.h - reads everything the store holds: sealed files and live segments, each record once,
 * damage named.
 *
 * A reader takes no lock and changes nothing. It sees a segment or the file that was sealed from
 * it, never both, also while a server writes, seals and recycles under it. Intact records before
 * and behind damage are all delivered.
 *
 * Order: files in order of their first time, records of a file in the order written (one worker's
 * sequence). Records of several workers are not merged by time. Thread: a scan belongs to one
 * thread; several scans may run at once.
 */
#ifndef CRUMB_STORE_SCAN_H
#define CRUMB_STORE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct scan_damage {
    const char *path;
    uint64_t offset;      /* of the first bad byte or record in the file */
    uint64_t lost_bytes;  /* in the file; 0 if it is only known that something is missing */
    const char *sentence; /* what is wrong, without the place */
};

/* Records of one writer that should be there and are not: sequence numbers first .. last. */
struct scan_gap {
    const char *instance;
    unsigned worker;
    uint64_t first_seq, last_seq;
};

struct scan_options {
    const char *data_dir;
    int64_t since_ms; /* records with since <= ts < until; INT64_MIN and INT64_MAX for all. Blocks
                         and partitions outside are not read */
    int64_t until_ms;
    /* Each returns 0 to go on, other values end the scan with that result. NULL: not wanted. line
     * is without its newline. */
    int (*record)(void *arg, struct str line);
    int (*damage)(void *arg, const struct scan_damage *damage);
    int (*gap)(void *arg,
               const struct scan_gap *gap); /* only for a scan of all time; known at the end */
    void *arg;
};

struct scan_totals {
    uint64_t sealed_files, segments, records, damaged_places, gaps;
    uint64_t file_bytes, raw_bytes;
    uint64_t foreign_files; /* names that are not ours, left alone */
};

/* 0 when all was read (damage included: look at totals), -1 and e when the folder cannot be read,
 * else what a callback returned. */
int scan_run(const struct scan_options *options, struct scan_totals *totals, struct err *e);

/* One file, spool or sealed, by its path, wherever it is. */
int scan_file(const char *path, const struct scan_options *options, struct scan_totals *totals,
              struct err *e);

/*
 * Follows: each call delivers what was written since the last one, across rolls, seals and server
 * restarts, each record once. The first call starts at the present (from_start false) or delivers
 * everything that passes the options first.
 */
struct scan_follow;
struct scan_follow *scan_follow_new(const struct scan_options *options, bool from_start,
                                    struct err *e);
int scan_follow_poll(struct scan_follow *follow, struct err *e);
void scan_follow_free(struct scan_follow *follow);

#endif
