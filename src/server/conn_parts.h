/*
 * conn_parts.h - what the five files of the connections share: states, memory, who calls whom.
 *
 *     conn.c        from accept to deadlines: what happens to connections, and when
 *     conn_read.c   bytes of a peer become requests and their answers of this turn
 *     conn_send.c   the turn is committed and its answers go out
 *     conn_stream.c answers that go on after the turn of their request
 *     conn_state.c  lists and memory that these stand on
 *
 * A connection is in exactly one state, and in the list of that state, ordered by `since`:
 *
 *     NEW       it was accepted, and nothing has come yet
 *     IDLE      nothing of a request is here
 *     HEADER    a part of a header is; since: its first byte
 *     BODY      a part of a body is; since: the end of the header
 *     HELD      answers wait for the fate of a batch; nothing is read
 *     WRITING   the peer does not take its answers; nothing is read; since: it last took some
 *     STREAMING its answer goes on, and all of it so far is out; the peer's bytes are thrown away
 *     LINGERING the last answer is out, the peer's bytes are thrown away (RFC 9112 section 9.6)
 *
 * or, until the end of the turn, instead in the list `answered`: it has answers to send. One whose
 * full answer buffer stopped it while requests were left is also in the list `waiting`, to go on
 * when they are out. What must be true:
 *
 *  1. Answers leave in the order of their requests, and one that waits for a batch holds back
 *     everything behind it. At most one batch a connection is undecided: nothing more is read
 *     meanwhile.
 *  2. The shared buffers hold nothing at the start of a turn: what is left of a request or of
 *     answers has been copied to blocks of the connection's own.
 *  3. After a request was refused no byte of input is read as a request again.
 *  4. A connection that stops reading does not spin: its event is taken out when it fires.
 */
#ifndef CRUMB_SERVER_CONN_PARTS_H
#define CRUMB_SERVER_CONN_PARTS_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stddef.h>

#include "server/answer.h"
#include "server/conn.h"
#include "server/http.h"
#include "server/pool.h"

#define ANSWERS_BYTES_MAX 65536  /* of one connection in one turn */
#define ARENA_BYTES       524288 /* of all connections in one turn */
#define SHORT_BLOCK_BYTES 2048

enum state { NEW, IDLE, HEADER, BODY, HELD, WRITING, STREAMING, LINGERING, STATES };

struct link {
    struct link *prev, *next; /* to itself when in no list */
};

static inline void list_init(struct link *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct link *head)
{
    return head->next == head;
}

static inline void list_remove(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

static inline void list_append(struct link *head, struct link *link)
{
    list_remove(link);
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* All of a list to a new one, so that who is put back is not met again. */
static inline void list_move(struct link *to, struct link *from)
{
    list_init(to);
    if (list_is_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    list_init(from);
}

/* A request in progress, in the shared buffer or in a block. */
struct input {
    struct http_parser parser;
    uint32_t n;
    uint32_t cap;
    char data[];
};

/* Answers on their way, in the arena or in a block. */
struct output {
    char *p;
    uint32_t n;
    uint32_t sent;
    uint32_t held_from; /* where the first answer of batch starts */
    uint64_t batch;     /* 0: nothing waits */
};

struct conn {
    struct event event;
    struct conns *owner;
    struct link by_state;
    struct link in_turn;
    int64_t since_ms;
    struct input *input; /* a block, or NULL */
    struct output out;
    struct stream stream; /* next is NULL unless its answer goes on */
    struct ip peer;       /* or whom a trusted PROXY header named */
    uint32_t lingered;    /* bytes thrown away */
    uint8_t input_pool;   /* which its block came from */
    uint8_t output_pool;
    bool output_owned; /* out.p is a block */
    uint8_t state;
    bool expect_proxy; /* a PROXY header comes first */
    bool closing;      /* nothing is read after the answers so far */
    bool linger;       /* more input may be on its way: do not reset it */
    bool peer_done;    /* it has shut down its sending side */
    bool stopped;      /* the read event is taken out */
    bool waiting;      /* complete requests may be in input */
};

enum { POOL_SHORT, POOL_HEAD, POOL_BODY, POOLS };

struct conns {
    struct conns_options options;
    struct turn *turn;
    struct metrics *metrics;
    struct http_limits limits;
    struct input *shared; /* what every connection reads into first */
    char *arena;
    size_t arena_used;
    size_t answer_bytes; /* the most that one answer takes */
    char *refused;       /* for putting answers and a 503 together, ANSWERS_BYTES_MAX */
    struct pool conn_pool;
    struct pool pools[POOLS];
    struct link states[STATES];
    struct link answered;
    struct link waiting;
    unsigned count;
    bool draining;
};

/* ---- conn_state.c: lists and memory ---------------------------------------------------------- */

#define CONN_OF(link, member)                                                                      \
    ((struct conn *)(void *)((char *)(link)-offsetof(struct conn, member)))

/* The one that entered this state first; NULL if none is in it. */
struct conn *conns_oldest(struct conns *conns, enum state state);

/* Its time starts anew. */
void conn_enter(struct conn *c, enum state state);

/* What a connection that has nothing to send is doing. */
enum state conn_reading_state(const struct conn *c);

/* A block of at least n bytes, from the smallest pool that has one; NULL if none has. */
void *conns_take_block(struct conns *conns, size_t n, uint8_t *which);
void conn_drop_input(struct conn *c);
void conn_drop_output(struct conn *c);

/* From now on its event fires for this: EV_READ or EV_WRITE. */
void conn_watch(struct conn *c, short what);

/* Frees it. */
void conn_close(struct conn *c);

/* ---- conn_read.c: bytes become requests, and these answers of the turn ----------------------- */

/* Something can be read. */
void conn_read(struct conn *c);

/* The same when it is LINGERING or STREAMING. */
void conn_discard(struct conn *c);

/* Answers what is complete in `in`, and keeps the rest. */
void conn_process(struct conn *c, struct input *in);

/* The request that has begun takes too long. */
void conn_give_up(struct conn *c);

/* Where its next answer goes, behind its others in the arena; added, and sent at the end of the turn. */
struct buf conn_answer_space(struct conn *c, size_t n);
void conn_answer_added(struct conn *c, const struct buf *answer);
void conn_will_send(struct conn *c);

/* ---- conn_stream.c: answers that go on -------------------------------------------------------- */

/* What comes from now on is this answer's, and no request any more. */
void conn_begin_stream(struct conn *c, stream_fn *next);

/* The next piece of every stream that is read. */
void conns_go_on(struct conns *conns);

/* ---- conn_send.c: answers go out ------------------------------------------------------------- */

/* Sends what it has and goes on: reading, WRITING, LINGERING, or closed. */
void conn_send(struct conn *c);

/* Ends the turn: one write for its hits, then every answer that may go out. */
void conns_commit(struct conns *conns);

/* Room in the arena for one more connection, and in the batch for its hits. */
void conns_make_space(struct conns *conns);

#endif
