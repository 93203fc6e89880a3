/*
 * snapshot.h - configuration, geo databases and keys as one immutable value that SIGHUP replaces.
 *
 * A snapshot is counted: whoever holds one may read it from any thread without a lock, and the last
 * to let go frees it. The public part is struct snapshot in endpoint.h. Threads: loading on the
 * main thread; hold and release on any.
 */
#ifndef CRUMB_SERVER_SNAPSHOT_H
#define CRUMB_SERVER_SNAPSHOT_H

#include "base/err.h"

struct snapshot;

/*
 * Reads everything anew; held once. path NULL means the defaults. Nothing changes when it fails:
 * the caller keeps what it has. A geo database never makes it fail: what cannot be read is taken over
 * from `from` (NULL at the start), and geo_trouble then has a sentence to log, else ERR_NONE.
 * Neither does the list of bots, which is read when a site has debug; bots_trouble is the same for it.
 */
struct snapshot *snapshot_load(const char *path, const struct snapshot *from, struct err *e,
                               struct err *geo_trouble, struct err *bots_trouble);

/* The same configuration and keys with the geo databases looked at anew; NULL when out of memory. */
struct snapshot *snapshot_with_new_geo(struct snapshot *from, struct err *geo_trouble);

/* Adds `more` holders. */
void snapshot_hold(struct snapshot *snapshot, unsigned more);

/* Takes NULL. */
void snapshot_release(struct snapshot *snapshot);

#endif
