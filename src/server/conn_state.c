/*
 * conn_state.c - the lists and the memory of connections. See conn_parts.h for the contract; the
 * other four files of the connections call this one, and it calls none of them.
 */
#include <unistd.h>

#include "conn_parts.h"

struct conn *conns_oldest(struct conns *conns, enum state state)
{
    struct link *first = conns->states[state].next;

    return first == &conns->states[state] ? NULL : CONN_OF(first, by_state);
}

void conn_enter(struct conn *c, enum state state)
{
    c->state = (uint8_t)state;
    c->since_ms = c->owner->turn->mono_ms;
    list_append(&c->owner->states[state], &c->by_state);
}

/* What a connection that has nothing to send is doing. */
enum state conn_reading_state(const struct conn *c)
{
    if (c->input == NULL)
        return IDLE;
    return c->input->parser.in_body ? BODY : HEADER;
}

/* A block of at least n bytes, from the smallest pool that has one. */
void *conns_take_block(struct conns *conns, size_t n, uint8_t *which)
{
    for (unsigned i = 0; i < POOLS; i++) {
        void *block = n <= conns->pools[i].block_bytes ? pool_take(&conns->pools[i]) : NULL;

        *which = (uint8_t)i;
        if (block != NULL)
            return block;
    }
    return NULL;
}

void conn_drop_input(struct conn *c)
{
    if (c->input != NULL)
        pool_give(&c->owner->pools[c->input_pool], c->input);
    c->input = NULL;
}

void conn_drop_output(struct conn *c)
{
    if (c->output_owned)
        pool_give(&c->owner->pools[c->output_pool], c->out.p);
    c->output_owned = false;
    c->out = (struct output){ .p = NULL };
}

void conn_close(struct conn *c)
{
    struct conns *conns = c->owner;

    event_del(&c->event);
    close(c->event.ev_fd);
    list_remove(&c->by_state);
    list_remove(&c->in_turn);
    conn_drop_input(c);
    conn_drop_output(c);
    if (c->stream.next != NULL)
        conns->turn->context.streams--;
    pool_give(&conns->conn_pool, c);
    conns->count--;
    atomic_fetch_sub_explicit(conns->options.held, 1, memory_order_relaxed);
    metrics_add(&conns->metrics->connections_closed, 1);
}

void conn_watch(struct conn *c, short what)
{
    struct conns *conns = c->owner;
    evutil_socket_t fd = c->event.ev_fd;

    event_del(&c->event);
    event_assign(&c->event, conns->options.base, fd, (short)(what | EV_PERSIST),
                 event_get_callback(&c->event), c);
    event_add(&c->event, NULL); /* should memory be out, its deadline will close it */
    c->stopped = false;
}
