/*
 * turn.c - see turn.h for the contract. Called by the connections and worker.c.
 *
 * What must be true: every record that turn_expect was told of is counted once, when its batch is
 * decided; a snapshot is never let go while a request is being answered with it.
 */
#include "server/turn.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "store/rejects.h"

static void hold(struct turn *t, struct snapshot *snapshot)
{
    struct bots *bots = snapshot->bots;

    t->held = snapshot;
    t->context.snapshot = snapshot;
    t->context.bots_memory = bots == NULL ? NULL : bots_memory_new(bots);
}

static void let_go(struct turn *t)
{
    bots_memory_free(t->context.bots_memory);
    snapshot_release(t->held);
}

void turn_init(struct turn *t, struct snapshot *snapshot)
{
    hold(t, snapshot);
    t->date_second = -1;
    atomic_init(&t->next, NULL);
}

void turn_destroy(struct turn *t)
{
    snapshot_release(atomic_exchange(&t->next, NULL));
    let_go(t);
}

void turn_publish(struct turn *t, struct snapshot *snapshot)
{
    snapshot_release(atomic_exchange(&t->next, snapshot)); /* one that was never taken */
}

static void take_published(struct turn *t)
{
    struct snapshot *next = atomic_exchange(&t->next, NULL);

    let_go(t);
    hold(t, next);
}

static void set_time(struct turn *t)
{
    struct context *c = &t->context;
    int64_t second;

    t->mono_ms = clock_mono_ms();
    c->now_ms = clock_wall_ms();
    second = c->now_ms / DATE_SECOND_MS;
    if (second != t->date_second) {
        struct buf date = buf_over(c->http_date, sizeof c->http_date);

        date_add_http(&date, c->now_ms);
        t->date_second = second;
    }
}

void turn_begin(struct turn *t)
{
    if (t->open)
        return;
    t->open = true;
    t->hits = 0;
    set_time(t);
    if (atomic_load_explicit(&t->next, memory_order_relaxed) != NULL)
        take_published(t);
    if (t->context.spool != NULL)
        spool_begin_turn(t->context.spool, t->context.now_ms);
}

void turn_expect(struct turn *t, uint64_t batch, unsigned records)
{
    unsigned last = (t->first_waiting + t->waiting_count - 1) % TURN_BATCHES_MAX;

    t->hits += records;
    if (t->waiting_count > 0 &&
        (t->waiting[last].batch == batch || t->waiting_count == TURN_BATCHES_MAX)) {
        t->waiting[last].batch = batch;
        t->waiting[last].records += records;
        return;
    }
    last = (t->first_waiting + t->waiting_count++) % TURN_BATCHES_MAX;
    t->waiting[last].batch = batch;
    t->waiting[last].records = records;
}

static void count_decided(struct turn *t)
{
    struct metrics *metrics = t->context.metrics;

    while (t->waiting_count > 0) {
        uint64_t batch = t->waiting[t->first_waiting].batch;
        uint64_t records = t->waiting[t->first_waiting].records;
        enum spool_state fate = turn_fate(t, batch);

        if (fate == SPOOL_OPEN)
            return;
        metrics_add(fate == SPOOL_KEPT ? &metrics->hits_stored : &metrics->hits_refused_write,
                    records);
        t->first_waiting = (t->first_waiting + 1) % TURN_BATCHES_MAX;
        t->waiting_count--;
    }
}

static void log_failure(int result, const struct err *e)
{
    if (result != 0 && e->text[0] != '\0')
        log_error("%s", e->text);
}

void turn_commit(struct turn *t)
{
    struct err e = { .code = ERR_NONE };

    t->open = false;
    if (t->context.rejects != NULL)
        rejects_flush(t->context.rejects);
    if (t->context.spool == NULL)
        return;
    log_failure(spool_commit(t->context.spool, &e), &e);
    count_decided(t);
}

void turn_poll(struct turn *t)
{
    struct err e = { .code = ERR_NONE };

    if (t->context.spool == NULL)
        return;
    log_failure(spool_poll(t->context.spool, &e), &e);
    count_decided(t);
}

void turn_close_spool(struct turn *t)
{
    if (t->context.spool == NULL)
        return;
    spool_close(t->context.spool);
    count_decided(t);
}

enum spool_state turn_fate(const struct turn *t, uint64_t batch)
{
    return batch == 0 ? SPOOL_KEPT : spool_state(t->context.spool, batch);
}
