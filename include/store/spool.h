/*
 * spool.h - one worker's way of keeping hits: lines of one loop turn become one batch, one write.
 *
 *     spool_begin_turn(s, now);                        - rolls the segment when it is time
 *     p = spool_reserve(s, EVENT_LINE_BYTES_MAX, ...); - where the line goes; its sequence number
 *     n = ... encode the line at p ...
 *     batch = spool_accept(s, n);                      - the answer to this hit waits for that
 * batch
 *     ...
 *     spool_commit(s);                                 - at the end of the turn
 *     spool_state(s, batch)                            - may the answers of that batch go out?
 *
 * Invariants that the callers can rely on:
 *  S1 A batch that is SPOOL_KEPT is in the data for ever, each record once, whatever happens to the
 * process from then on (power: to the machine). S2 A batch that is SPOOL_REFUSED is not in the data
 * and never will be. S3 Batches are decided in order, and each is decided exactly once. S4 Sequence
 * numbers of kept records are contiguous from 1 for each worker of an instance. S5 Nothing here
 * waits for another thread or for a sync; the only system calls on the hit path are the write, and
 * now and then those of a roll. Thread: the worker that owns it.
 */
#ifndef CRUMB_STORE_SPOOL_H
#define CRUMB_STORE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SPOOL_LINE_BYTES_MAX 131072

struct spool;

enum spool_state {
    SPOOL_OPEN,    /* not committed yet, or (power) not synced yet: keep waiting */
    SPOOL_KEPT,    /* answer with success */
    SPOOL_REFUSED, /* answer with 503: it was taken back */
    SPOOL_UNKNOWN, /* the disk failed in a way that leaves it open: give no answer, close */
};

/*
 * wall_ms is stamped on the turn's records by the caller and decides the partition. Never called
 * with a record reserved. A failure to open a new segment is not reported here: spool_reserve and
 * spool_commit will say it.
 */
void spool_begin_turn(struct spool *s, int64_t wall_ms);

/*
 * Room for one record of at most max_bytes (its line with the newline; SPOOL_LINE_BYTES_MAX is the
 * most), or NULL: ERR_FULL when no disk space is reserved for it or 4 MiB of the turn's records
 * wait already, others when the disk fails. *seq is the record's number; not calling spool_accept
 * gives it back. e is filled each time; it is tried again 100 ms later.
 */
char *spool_reserve(struct spool *s, size_t max_bytes, uint64_t *seq, struct err *e);

/*
 * Takes the n bytes, a line that ends with its newline, that were written to the last reserve.
 * Returns the number of the batch. With power several turns may share a batch.
 */
uint64_t spool_accept(struct spool *s, size_t n);

/*
 * Ends the turn. Process: writes the batch, it is decided when this returns. Power: hands it to the
 * sync thread as soon as the one before is through. -1 on failure; e has a sentence for the log when
 * hits begin to be refused, also for want of room, at most every 10 s; else its code is ERR_NONE.
 */
int spool_commit(struct spool *s, struct err *e);

/* Power: takes note of what the sync thread finished and hands over what has gathered since.
 * Returns as spool_commit. */
int spool_poll(struct spool *s, struct err *e);

/* The oldest undecided batch's predecessors are all decided: every batch <= this one is. */
uint64_t spool_decided(const struct spool *s);

/* How a batch was decided. Kept for the last 64 decided batches at least; SPOOL_OPEN for later
 * ones. */
enum spool_state spool_state(const struct spool *s, uint64_t batch);

/* Records kept since the start. Any thread. */
uint64_t spool_kept(const struct spool *s);

/* The worker's last call: commits (and in power waits for the sync), hands the segment to the
 * sealer. */
void spool_close(struct spool *s);

#endif
