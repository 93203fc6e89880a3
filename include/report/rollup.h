/*
 * rollup.h - keeps what reports would count again and again: summaries of finished hours, days, months
 * and years beside the data.
 *
 *     data/rollup/hour/2026-11-23T14.sum      of UTC
 *     data/rollup/day/2026-11-23.sum          and month/2026-11.sum, year/2026.sum: of one time zone
 *     data/rollup/seed, lock
 *
 * All of it is derived and can be deleted at any time. A rollup that does not fit what is there now (other
 * files, other lists, other rules) is never used; report_run takes what is valid and reads the rest of
 * the hits.
 */
#ifndef CRUMB_REPORT_ROLLUP_H
#define CRUMB_REPORT_ROLLUP_H

#include "base/err.h"
#include "model/config.h"
#include "store/scan.h"

struct rollup_options {
    const char *data_dir;
    const char *share_dir; /* as in struct report_spec */
    const char *zone;      /* the name of the process's time zone, in which days begin; NULL: UTC */
    int64_t idle_ms;
    const struct config_section *sections;
    unsigned sections_count;
    int64_t now_ms;
    unsigned threads;
    uint64_t memory_bytes;

    /* As in struct report_spec. made: of each file that was written. May be NULL. */
    void (*damage)(void *arg, const struct scan_damage *damage);
    void (*notice)(void *arg, const char *sentence);
    void (*made)(void *arg, const char *path);
    void *arg;
};

#define ROLLUP_LEVELS 4 /* hour, day, month, year */

struct rollup_counts {
    uint64_t made[ROLLUP_LEVELS], current[ROLLUP_LEVELS];
    uint64_t waiting; /* hours with records that are not sealed yet */
    uint64_t damaged; /* hours left out because their hits are damaged */
    uint64_t removed; /* files of what is there no more */
};

const char *rollup_level_name(int level);

/* Makes what is missing or does not fit any more. ERR_BUSY: somebody else is at it. */
int rollup_make(const struct rollup_options *options, struct rollup_counts *counts, struct err *e);

#endif
