/*
 * conn.h - the connections of one loop thread, from accept to close.
 *
 * A connection reads into a buffer that all of its thread share, is answered out of another, and
 * owns memory only while a request is incomplete or a peer does not take its answers. What it may
 * cost (C is the connections a thread holds, sizes with the default limits):
 *
 *     each connection            about 0.3 KiB and what libevent keeps for a descriptor, 0.1 KiB
 *     + with a short request in progress   2 KiB
 *     + with a long header in progress    17 KiB   at most CONN_HEADS_MAX of them a thread
 *     + with a body in progress           97 KiB   at most CONN_BODIES_MAX of them a thread
 *     + with answers not taken             2, 17 or 97 KiB out of the same
 *     a thread                   1 MiB
 *
 * Deadlines are kept in lists ordered by time, one for each state, and looked at by conns_tick; no
 * connection has a timer. Thread: the owner's.
 */
#ifndef CRUMB_SERVER_CONN_H
#define CRUMB_SERVER_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "server/endpoint.h"
#include "server/turn.h"

#define CONN_HEADS_MAX  512
#define CONN_BODIES_MAX 64

struct conns;
struct event_base;

struct conns_options {
    struct event_base *base; /* borrowed */
    struct turn *turn;       /* borrowed */
    enum route_table table;
    _Atomic uint64_t *held; /* by all threads that share the limit */
    uint64_t held_max;
};

struct conns *conns_new(const struct conns_options *options, struct err *e);

/* Closes what is open. Takes NULL. */
void conns_free(struct conns *conns);

/*
 * Takes over fd. When the limit is reached, the connection of this thread that has been idle the
 * longest makes room; if none is idle the new one is closed. Ask conns_have_room before accepting:
 * who waits in the listener's queue loses nothing.
 */
void conns_add(struct conns *conns, int fd, const struct ip *peer, bool proxy_protocol);

/*
 * Closes the one that has been idle the longest; false if none is. A connection on which something
 * can be read is not idle, and a new one only after a second without a word.
 */
bool conns_make_room(struct conns *conns);

/* Is there room for one more, or could it be made? */
bool conns_have_room(struct conns *conns);

/*
 * What is left to do after the events of a turn: goes on with connections that have complete
 * requests buffered, commits, and sends every answer that may go out. True: call it again without
 * waiting for events.
 */
bool conns_end_turn(struct conns *conns);

/* A few times a second: closes what took too long. */
void conns_tick(struct conns *conns);

/* From now on every answer is the last of its connection; idle connections are closed. */
void conns_drain(struct conns *conns);

void conns_close_all(struct conns *conns);

unsigned conns_count(const struct conns *conns);

#endif
