/*
 * turn.h - one turn of a loop thread: what time it is, which snapshot holds, which batches wait.
 *
 *     turn_begin(t)      - by whatever happens first; later calls in the same turn cost nothing
 *     ... requests are answered with t->context, hits go to its spool, turn_expect counts them ...
 *     turn_commit(t)     - one write for all of them
 *     turn_fate(t, n)    - may the answers of batch n go out?
 *
 * Hits are counted here when their batch is decided, whether or not somebody still waits for the
 * answer: hits_stored and hits_refused_write are right also when clients have gone. Thread: its
 * own, but for turn_publish.
 */
#ifndef CRUMB_SERVER_TURN_H
#define CRUMB_SERVER_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/endpoint.h"
#include "server/snapshot.h"

#define TURN_BATCHES_MAX 64 /* decided ones whose fate a spool remembers */

struct turn {
    struct context context; /* filled by the owner but for time, date and snapshot */
    int64_t mono_ms;
    bool open;
    unsigned hits; /* of this turn */

    int64_t date_second;
    struct snapshot *held;           /* what context.snapshot points to */
    _Atomic(struct snapshot *) next; /* published, not yet taken */
    struct {
        uint64_t batch;
        uint64_t records;
    } waiting[TURN_BATCHES_MAX]; /* a ring, oldest first */
    unsigned first_waiting;
    unsigned waiting_count;
};

/* Takes over the caller's hold on snapshot. */
void turn_init(struct turn *t, struct snapshot *snapshot);

/* No batch may be waiting any more, or nobody is interested. */
void turn_destroy(struct turn *t);

/* From any thread: the next turn begins with it. Takes over the caller's hold. */
void turn_publish(struct turn *t, struct snapshot *snapshot);

void turn_begin(struct turn *t);

/* An exchange put records into a batch. */
void turn_expect(struct turn *t, uint64_t batch, unsigned records);

/* Ends the turn: writes the batch and counts what is decided. Logs a failure once. */
void turn_commit(struct turn *t);

/* Power: the sync thread has news. */
void turn_poll(struct turn *t);

/* The last words to the spool, which may wait for a sync. */
void turn_close_spool(struct turn *t);

/* 0 is the batch of answers that do not wait: always kept. */
enum spool_state turn_fate(const struct turn *t, uint64_t batch);

#endif
