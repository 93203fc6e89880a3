/*
 * zone.h - steps of local time: the hour, day, week or month that a moment is in. Private to the report
 * layer.
 *
 * The zone is the process's (TZ, set by the command before threads start). Thread: a struct zone
 * belongs to one.
 */
#ifndef CRUMB_SRC_REPORT_ZONE_H
#define CRUMB_SRC_REPORT_ZONE_H

#include "base/buf.h"
#include "report/report.h"

#define ZONE_LABEL_BYTES 32
#define ZONE_CACHE_ROWS  64

struct zone {
    struct {
        int64_t quarter; /* of an hour since 1970, + 1; 0: free */
        int64_t offset_ms;
    } cache[ZONE_CACHE_ROWS];
};

/* Wall time on the clock there, as if it were UTC. */
int64_t zone_local_ms(struct zone *zone, int64_t ms);

/* Weeks since the one that began on Monday, 1969-12-29; they begin on Mondays (ISO 8601). */
int64_t zone_week(struct zone *zone, int64_t ms);

/* The number of the step that a moment is in: ascending in time, and the same for all moments with one label. */
int64_t zone_step(struct zone *zone, int64_t ms, enum report_step step);

/* "2026-11-23T14:00+01:00", "2026-11-23", the Monday of a week, "2026-11". */
void zone_add_label(struct buf *b, struct zone *zone, int64_t ms, enum report_step step);
void zone_add_week(struct buf *b, int64_t week);

#endif
