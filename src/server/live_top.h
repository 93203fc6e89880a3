/*
 * live_top.h - what came most often in the last LIVE_MINUTES minutes, in memory that never grows.
 *
 * Time is a ring of minutes, counted by the caller as slots 0 to LIVE_MINUTES - 1. As long as no more
 * than LIVE_TOP_KEYS different keys came within them, every count is exact. Beyond that the rarest
 * makes room for the next, and begins anew should it come back: a count is then never too high, and
 * what comes often stays. Private to the server. Thread: the owner's.
 */
#ifndef CRUMB_SRC_SERVER_LIVE_TOP_H
#define CRUMB_SRC_SERVER_LIVE_TOP_H

#include "server/live.h"

#define LIVE_TOP_KEYS 1024

struct live_top;

/* NULL: out of memory. live_top_free takes NULL. About 256 KiB. */
struct live_top *live_top_new(uint64_t seed);
void live_top_free(struct live_top *top);

/* One more of a key, of which LIVE_KEY_BYTES_MAX bytes count. */
void live_top_add(struct live_top *top, struct str key, unsigned slot);

/* The slot is to be used for another minute. */
void live_top_forget(struct live_top *top, unsigned slot);

/* The highest counts first, equal ones by key; returns how many. Keys are valid until the next add. */
size_t live_top_best(const struct live_top *top, struct live_row *rows, size_t max);

/* Has anything made room for another within the minutes kept? */
bool live_top_is_exact(const struct live_top *top);

#endif
