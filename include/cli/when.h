/*
 * when.h - the points in time that people write behind --since and --until.
 *
 *      24h 7d 30m              that long ago
 *      now today yesterday     today and yesterday: the midnight at their start
 *      2026-11-23              midnight; 2026-11-23T14:05 and with seconds too
 *      2026-11-23T14:05:00Z    RFC 3339: with an offset it says itself which zone it is in
 *
 * Days begin, and times without an offset are meant, in UTC or in the zone chosen with when_zone.
 * Thread: one, as the zone belongs to the process.
 */
#ifndef CRUMB_CLI_WHEN_H
#define CRUMB_CLI_WHEN_H

#include <stdint.h>

#include "base/err.h"

/* An IANA name such as "Europe/Berlin", as installed with the system's tzdata; NULL and "UTC": UTC. */
int when_zone(const char *name, struct err *e);

int when_parse(const char *text, int64_t now_ms, int64_t *wall_ms, struct err *e);

#endif
