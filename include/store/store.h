/*
 * store.h - the data folder of a running server: lock, instance, sealer and sync threads, one spool
 * per worker.
 *
 *      data/spool/   live and left-behind segments (never *.gz)          - one writer each
 *      data/hits/dt=2026-11-23/hour=14/<stem>.ndjson.gz and .idx - sealed, immutable
 *
 * src/store/README.md is the format document. Opening takes the folder's lock, so that two servers
 * can never share it; what an earlier process left is sealed in the background while the new one
 * already serves.
 *
 * Threads: store_open, store_close and store_probe from the main thread; each struct spool
 * (spool.h) belongs to its worker's thread; counters may be read from any.
 */
#ifndef CRUMB_STORE_STORE_H
#define CRUMB_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct store;
struct spool;

#define STORE_INSTANCE_BYTES 12 /* characters of an instance name */

struct store_options {
    const char *data_dir; /* borrowed until store_close */
    bool power;           /* acknowledge only what fdatasync has confirmed */
    int64_t roll_interval_ms;
    uint64_t roll_size_bytes;
    unsigned workers;
    /*
     * Called on the sync thread when worker's spool has news (power only): it must only wake that
     * worker's loop, which then calls spool_poll.
     */
    void (*wake)(void *arg, unsigned worker);
    void *wake_arg;
    /* A sentence for the log from a background thread: a seal that failed, a leftover that was
     * recovered, damage found. */
    void (*say)(void *arg, bool is_error, const char *sentence);
    void *say_arg;
};

/* ERR_BUSY when another crumbd holds the folder, ERR_DENIED when it cannot be written. */
struct store *store_open(const struct store_options *options, struct err *e);

/* The spool of worker 0 .. workers-1; owned by the store. */
struct spool *store_spool(struct store *store, unsigned worker);

/* Unique for ever: 12 characters of lower-case base32, from the second of the start and 28 random
 * bits. */
struct str store_instance(const struct store *store);

/* Writes a small file into the spool folder, reads it back, removes it. For /readyz. */
int store_probe(struct store *store, struct err *e);

/*
 * A clean stop: every spool must have been closed by its worker (spool_close). Seals everything,
 * stops the threads, gives the lock back. -1 when something could not be sealed: it stays in the
 * spool for the next start; nothing is lost.
 */
int store_close(struct store *store, struct err *e);

/* Totals since the start; any thread, each value by itself. A new counter is a row here: /metrics
 * follows. */
#define STORE_COUNTERS(X)                                                                          \
    X(segments_opened, "Spool segments opened")                                                    \
    X(segments_recovered, "Spool segments of earlier processes that were sealed")                  \
    X(files_sealed, "Files sealed")                                                                \
    X(records_sealed, "Records sealed")                                                            \
    X(raw_bytes_sealed, "Bytes of lines sealed, before compression")                               \
    X(file_bytes_sealed, "Bytes of sealed files")                                                  \
    X(seal_errors, "Attempts to seal that failed and will be repeated")                            \
    X(write_errors, "Spool writes that failed")                                                    \
    X(sync_errors, "Spool syncs that failed")                                                      \
    X(reserve_errors, "Times that no disk space could be reserved")                                \
    X(damaged_bytes, "Bytes in left-behind segments that are no valid record")

struct store_counters {
#define STORE_COUNTER_FIELD(name, help) uint64_t name;
    STORE_COUNTERS(STORE_COUNTER_FIELD)
#undef STORE_COUNTER_FIELD
    uint64_t unsealed_segments; /* a gauge */
};
void store_counters(const struct store *store, struct store_counters *out);

#endif
