/*
 * parts.h - what the parts of a running store share: struct store, its counters, its two threads.
 *
 * Lock order: the sealer's, then that of the spares; held for list operations only, never during I/O.
 * The sync thread has none: a slot per worker is handed back and forth with a flag and a semaphore.
 * Counters are atomics.
 */
#ifndef CRUMB_STORE_PARTS_H
#define CRUMB_STORE_PARTS_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fs.h"
#include "catalog.h"
#include "format.h"
#include "store/spool.h"
#include "store/store.h"

struct sealer;
struct spares;
struct syncer;

struct store {
    struct store_options options;
    char *data_dir;
    catalog_path spool_dir, lock_path;
    char instance[STORE_INSTANCE_BYTES];
    struct fs_file lock, spool_lock;
    struct spares *spares;
    struct sealer *sealer;
    struct syncer *syncer; /* power only */
    struct spool **spools;
    struct {
#define STORE_COUNTER_FIELD(name, help) _Atomic uint64_t name;
        STORE_COUNTERS(STORE_COUNTER_FIELD)
#undef STORE_COUNTER_FIELD
        _Atomic uint64_t unsealed_segments;
        _Atomic uint64_t
            largest_unsealed; /* bytes of the largest segment that waits for the sealer */
    } counters;
};

static inline void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void store_say(const struct store *store, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- mark.c ---- */

/* With the lock held: says so when hits may be lost because the machine stopped under an earlier
 * server, and notes whether that can happen to this one. */
int mark_exchange(const struct store *store, struct err *e);

/* Everything is sealed. */
void mark_remove(const struct store *store);

/* ---- spool.c ---- */

struct spool *spool_new(struct store *store, unsigned worker, struct err *e);
void spool_free(struct spool *s);

/* ---- sealer.c: the thread that turns closed segments into sealed files ---- */

/* A closed segment on its way. From malloc; the sealer frees it. */
struct seal_job {
    struct segment_id id;
    uint64_t bytes; /* at most so many are to be sealed */
    uint64_t
        end; /* the records before this are good; SEGMENT_ALL when an earlier process left it */
    bool leftover;      /* of an earlier process */
    uint64_t seq_limit; /* leftover: records from this seq on are void (later.h) */
    bool suspect;       /* the disk failed on this file: do not use it again */
    /*
     * Open when this process wrote it, so that what was acknowledged can be sealed even if somebody
     * removes or moves the spool folder; closed when many wait already. Its name is not used.
     */
    struct fs_file file;
    struct seal_job *next;
    unsigned attempts;
    int64_t due_ms; /* monotonic */
    bool given_up;
};

/* Also finds what earlier processes left, in the thread. */
struct sealer *sealer_start(struct store *store, struct err *e);

/* Any thread; takes the job. Jobs of a writer are sealed in the order given. */
void sealer_add(struct sealer *sealer, struct seal_job *job);

/* The disk is full: give back what is not needed, and seal what waits. Any thread. */
void sealer_make_room(struct sealer *sealer);

/* Seals what there is, ends the thread, frees. -1 when something stays in the spool. */
int sealer_stop(struct sealer *sealer, struct err *e);

/* ---- spares.c: the room of old segments, kept for new ones ---- */

/* NULL when out of memory. Freeing takes NULL and leaves the files. */
struct spares *spares_new(const struct store *store);
void spares_free(struct spares *spares);

/* The sealer: keeps the file at path, which is open, if there is use for it. False: it is where it was. */
bool spares_keep(struct spares *spares, const struct fs_file *file, const char *path);

/* A file to use again: it is called `path` then. False when there is none. Any thread. */
bool spares_take(struct spares *spares, const char *path);

/* The sealer: removes them all. */
void spares_drop(struct spares *spares);

/* When they should be removed, as nobody uses them (monotonic); INT64_MAX when there are none. */
int64_t spares_due_ms(struct spares *spares);

/* Removes what an earlier process left. */
void spares_drop_left(const struct store *store);

/* ---- syncer.c: the thread that waits for the disk (power) ---- */

/* One write of a batch, by whoever may wait for it. */
struct spool_write {
    const struct fs_file *file;
    const char *new_in_dir; /* not NULL: the segment begins with this write, header first; the
                               folder is synced too */
    unsigned char header[SEGMENT_HEADER_BYTES];
    const unsigned char *data;
    size_t bytes;
    uint64_t offset; /* of the data */
    bool sync;
    /* The result. */
    bool failed;
    bool maybe_written; /* failed, and some of it may be in the file */
    bool sync_failed;
    bool removed; /* failed, as the file has no name any more: nothing of it will be found */
    struct err why;
};

void spool_write_run(struct spool_write *write);

struct sync_slot {
    struct spool_write write;
    atomic_bool submitted;
    sem_t done; /* one post for each submitted write */
};

struct syncer *syncer_start(struct store *store, struct err *e);
struct sync_slot *syncer_slot(struct syncer *syncer, unsigned worker);

/* Runs slot->write on the sync thread, then posts slot->done and wakes the worker. One at a time
 * for each slot. */
void syncer_submit(struct syncer *syncer, struct sync_slot *slot);

/* No slot may be in use. */
void syncer_stop(struct syncer *syncer);

#endif
