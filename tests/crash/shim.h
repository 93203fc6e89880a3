/*
 * shim.h - stands between crumbd and the C library's file calls: counts them, kills the process or
 * fails the call at the Nth of a kind, and records what was done, in order.
 *
 * shim.so is loaded with LD_PRELOAD; it and the test program share one mapped file. Only paths
 * below one folder count. A fault can be set and taken away while the server runs.
 *
 * The recording also holds what the load program saw (SHIM_ACK), so that "acknowledged before the
 * machine stopped" is a question of position. A call is entered when it has returned and gone well;
 * a sync also when it begins: what was entered before its beginning is safe when its end is
 * entered.
 */
#ifndef CRUMB_TESTS_SHIM_H
#define CRUMB_TESTS_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum shim_call {
    SHIM_OPEN,
    SHIM_WRITE,
    SHIM_SYNC, /* fdatasync and fsync */
    SHIM_RENAME,
    SHIM_UNLINK,
    SHIM_RESERVE,
    SHIM_TRUNCATE,
    SHIM_MKDIR,
    SHIM_CALLS
};
extern const char *const shim_call_names[SHIM_CALLS];

enum shim_action {
    SHIM_PASS,
    SHIM_KILL_BEFORE, /* SIGKILL instead of the call */
    SHIM_KILL_AFTER,  /* SIGKILL when it has returned */
    SHIM_KILL_HALF,   /* writes: the first half of the bytes, then SIGKILL */
    SHIM_FAIL,        /* -1 and `error` */
    SHIM_SHORT,       /* writes: the first half of the bytes, and says so */
    SHIM_ACTIONS
};
extern const char *const shim_action_names[SHIM_ACTIONS];

enum shim_entry_kind {
    SHIM_NOTHING, /* the process died while it was being entered */
    SHIM_DID_START,
    SHIM_DID_OPEN,  /* fd, path; flags as for open(2), of which O_CREAT and O_TRUNC matter */
    SHIM_DID_WRITE, /* fd, offset, bytes */
    SHIM_SYNC_BEGINS,
    SHIM_SYNC_ENDS, /* fd; offset: the number of the entry where it began */
    SHIM_DID_RENAME,
    SHIM_DID_UNLINK,
    SHIM_DID_RESERVE, /* fd, offset, length */
    SHIM_DID_TRUNCATE,
    SHIM_DID_MKDIR,
    SHIM_ACK, /* offset: the hit's number */
};

struct shim_entry {
    _Atomic uint32_t kind; /* set last */
    int32_t fd, flags;
    uint32_t length;
    uint64_t offset;
    uint64_t data; /* where in the recording's bytes: what was written; path; both paths */
    int64_t mono_us;
};

struct shim {
    _Atomic uint32_t action;
    uint32_t call, nth; /* the fault hits the nth call of this kind, counted from 1 */
    int32_t error;
    uint32_t times; /* and so many in all; 0: every one from there on */
    _Atomic uint32_t count[SHIM_CALLS];
    _Atomic uint32_t faults; /* that were made */

    uint32_t entries_max;
    uint64_t bytes_max, entries_at, bytes_at; /* places in this file */
    _Atomic uint32_t entries;                 /* beyond entries_max: it did not fit */
    _Atomic uint64_t bytes;
};

/* ---- for the test program ---- */

/* Makes dir/shim. record_bytes 0: nothing is recorded. Ends the program if that fails. */
struct shim *shim_new(const char *dir, uint64_t record_bytes);

/* No fault, counts from 0, an empty recording. */
void shim_clear(struct shim *shim);

void shim_set(struct shim *shim, enum shim_call call, enum shim_action action, uint32_t nth,
              uint32_t times, int error);

/* Enters something; any process that has the file mapped. */
void shim_enter(struct shim *shim, struct shim_entry entry, const void *data, uint32_t length);

static inline struct shim_entry *shim_entry_at(const struct shim *shim, uint32_t i)
{
    return (struct shim_entry *)(uintptr_t)((const char *)shim + shim->entries_at) + i;
}

static inline const char *shim_bytes_at(const struct shim *shim, uint64_t at)
{
    return (const char *)shim + shim->bytes_at + at;
}

#endif
