/*
 * conn_stream.c - answers that go on after their endpoint has returned. See conn_parts.h for the
 * contract, endpoint.h for what an endpoint does; conn_read.c begins them, conn.c ticks.
 *
 * What must be true: the next piece is made only when all before it is out, so a peer that reads
 * slowly gets fewer pieces and never has a queue; what it says meanwhile is thrown away.
 */
#include <sys/socket.h>

#include "conn_parts.h"

#define SEND_BYTES 65536 /* what the kernel keeps of a stream that is not read */

void conn_begin_stream(struct conn *c, stream_fn *next)
{
    int bytes = SEND_BYTES;

    c->stream = (struct stream){ .next = next };
    c->owner->turn->context.streams++;
    setsockopt(c->event.ev_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static void go_on(struct conn *c)
{
    struct conns *conns = c->owner;
    struct buf piece = conn_answer_space(c, conns->answer_bytes);

    c->closing = conns->draining || !c->stream.next(&c->stream, &conns->turn->context, &piece);
    conn_answer_added(c, &piece);
    conn_will_send(c);
}

void conns_go_on(struct conns *conns)
{
    struct link batch;

    list_move(&batch, &conns->states[STREAMING]);
    while (!list_is_empty(&batch)) {
        conns_make_space(conns);
        go_on(CONN_OF(batch.next, by_state));
    }
}
