/*
 * live_visitors.h - how many different visitors came in the last minutes, up to LIVE_MINUTES.
 *
 * Exact as long as no more than LIVE_VISITORS_MAX different ones came within LIVE_MINUTES; who comes
 * beyond that is not counted, and every figure is then "at least". Visitors are hashes, minutes are
 * slots as in live_top.h. Private to the server. Thread: the owner's.
 */
#ifndef CRUMB_SRC_SERVER_LIVE_VISITORS_H
#define CRUMB_SRC_SERVER_LIVE_VISITORS_H

#include "server/live.h"

#define LIVE_VISITORS_MAX 65536

struct live_visitors;

/* NULL: out of memory. live_visitors_free takes NULL. About 1.3 MiB. */
struct live_visitors *live_visitors_new(void);
void live_visitors_free(struct live_visitors *visitors);

/* slot is the current minute. True: the first time in this minute. */
bool live_visitors_add(struct live_visitors *visitors, uint64_t visitor, unsigned slot);

/* The slot is to be used for another minute: who was not seen since is forgotten. */
void live_visitors_forget(struct live_visitors *visitors, unsigned slot);

/* Different ones in the last `minutes` minutes, of which slot is the current. */
uint32_t live_visitors_count(const struct live_visitors *visitors, unsigned slot, unsigned minutes);

/* False: somebody was not counted since the memory was last empty enough. */
bool live_visitors_is_exact(const struct live_visitors *visitors);

#endif
