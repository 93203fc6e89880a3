/*
 * conn_send.c - the end of a turn: its batch is committed and its answers go out. See conn_parts.h
 * for the contract; conn.c calls it.
 *
 * Answers lie in the arena until a peer does not take them at once, or until the fate of their
 * batch is known: then they move to a block of the connection's own.
 */
#include <errno.h>
#include <sys/socket.h>

#include "conn_parts.h"

#define TURN_HITS_MAX 256 /* then the turn ends early */

/* All answers are out and they were the last. */
static void finish(struct conn *c)
{
    if (!c->linger || c->peer_done || shutdown(c->event.ev_fd, SHUT_WR) != 0) {
        conn_close(c);
        return;
    }
    conn_drop_input(c);
    if (c->state == WRITING || c->stopped)
        conn_watch(c, EV_READ);
    c->lingered = 0;
    conn_enter(c, LINGERING);
}

/* Goes on after all answers are out. */
static void all_sent(struct conn *c)
{
    bool was_writing = c->state == WRITING;

    conn_drop_output(c);
    if (c->closing) {
        finish(c);
        return;
    }
    if (was_writing || c->stopped)
        conn_watch(c, EV_READ);
    if (c->stream.next != NULL) {
        conn_enter(c, STREAMING);
        return;
    }
    conn_enter(c, conn_reading_state(c));
    if (c->waiting)
        list_append(&c->owner->waiting, &c->in_turn);
}

/* Moves answers out of the arena. */
static bool own_output(struct conn *c)
{
    char *block;

    if (c->output_owned)
        return true;
    block = conns_take_block(c->owner, c->out.n, &c->output_pool);
    if (block == NULL)
        return false;
    memcpy(block, c->out.p, c->out.n);
    c->out.p = block;
    c->output_owned = true;
    return true;
}

void conn_send(struct conn *c)
{
    struct output *out = &c->out;
    ssize_t n = 0;

    if (out->sent < out->n) {
        n = send(c->event.ev_fd, out->p + out->sent, out->n - out->sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            conn_close(c);
            return;
        }
    }
    if (n > 0)
        out->sent += (uint32_t)n;
    if (out->sent == out->n) {
        all_sent(c);
        return;
    }
    if (!own_output(c)) {
        conn_close(c);
        return;
    }
    if (c->state != WRITING)
        conn_watch(c, EV_WRITE);
    if (n > 0 || c->state != WRITING)
        conn_enter(c, WRITING);
}

/* The batch was taken back or its fate is not known: nothing from its first answer on is true. */
static void take_back(struct conn *c, enum spool_state fate)
{
    struct conns *conns = c->owner;
    struct output *out = &c->out;
    struct buf answers = buf_over(conns->refused, ANSWERS_BYTES_MAX);

    buf_add(&answers, out->p, out->held_from);
    conn_drop_output(c);
    if (fate == SPOOL_REFUSED)
        answer_error(&answers, 503, conns->turn->context.http_date, "the hit could not be written");
    out->p = answers.p;
    out->n = (uint32_t)answers.n;
    c->closing = true;
    c->linger = true;
    c->waiting = false;
    conn_drop_input(c);
}

/* Sends what may go out; false if the fate of its batch is still open. */
static bool deliver(struct conn *c)
{
    enum spool_state fate = turn_fate(c->owner->turn, c->out.batch);

    if (fate == SPOOL_OPEN)
        return false;
    if (fate != SPOOL_KEPT)
        take_back(c, fate);
    c->out.batch = 0;
    conn_send(c);
    return true;
}

static void deliver_answered(struct conns *conns)
{
    while (!list_is_empty(&conns->answered)) {
        struct conn *c = CONN_OF(conns->answered.next, in_turn);

        list_remove(&c->in_turn);
        if (deliver(c))
            continue;
        if (own_output(c))
            conn_enter(c, HELD);
        else
            conn_close(c);
    }
}

/* Batches are decided in order, and so are those who wait for them. */
static void deliver_held(struct conns *conns)
{
    struct conn *c;

    while ((c = conns_oldest(conns, HELD)) != NULL) {
        if (!deliver(c))
            return;
    }
}

void conns_commit(struct conns *conns)
{
    turn_commit(conns->turn);
    deliver_held(conns);
    deliver_answered(conns);
    conns->arena_used = 0;
}

/* Room in the arena for one more connection, and in the batch for its hits. */
void conns_make_space(struct conns *conns)
{
    if (conns->arena_used + ANSWERS_BYTES_MAX <= ARENA_BYTES && conns->turn->hits < TURN_HITS_MAX)
        return;
    conns_commit(conns);
    turn_begin(conns->turn);
}
