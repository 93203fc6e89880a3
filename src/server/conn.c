/*
 * conn.c - see conn.h for the contract. worker.c accepts, ends turns and ticks; libevent calls
 * on_event.
 *
 * A connection is in exactly one state, and in the list of that state, ordered by `since`:
 *
 *     NEW       it was accepted, and nothing has come yet
 *     IDLE      nothing of a request is here
 *     HEADER    a part of a header is; since: its first byte
 *     BODY      a part of a body is; since: the end of the header
 *     HELD      answers wait for the fate of a batch; nothing is read
 *     WRITING   the peer does not take its answers; nothing is read; since: it last took some
 *     STREAMING its last answer goes on, and all of it so far is out; what the peer sends is thrown away
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
 *  3. After refuse() no byte of input is read as a request again.
 *  4. A connection that stops reading does not spin: its event is taken out when it fires.
 */
#include "server/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/answer.h"
#include "server/client_addr.h"
#include "server/pool.h"
#include "server/proxy_protocol.h"

#define SHORT_BLOCK_BYTES 2048
#define ANSWERS_BYTES_MAX 65536  /* of one connection in one turn */
#define ARENA_BYTES       524288 /* of all connections in one turn */
#define TURN_HITS_MAX     256    /* then the turn ends early */
#define LINGER_MS         2000
#define LINGER_BYTES_MAX  1048576
#define NEW_GRACE_MS      1000 /* before a new connection counts as idle */
#define ROOM_LOOKS_MAX    64   /* at connections, to find one that can go */
#define IDLE_CONNS_KEPT   1024 /* unused struct conn not returned to malloc */
#define SHORT_BLOCKS_KEPT 256
#define LARGE_BLOCKS_KEPT 16
#define STREAM_SEND_BYTES 65536 /* what the kernel keeps of a stream that is not read */
#define CONTINUE_ANSWER   "HTTP/1.1 100 Continue\r\n\r\n"

enum state { NEW, IDLE, HEADER, BODY, HELD, WRITING, STREAMING, LINGERING, STATES };

struct link {
    struct link *prev, *next; /* to itself when in no list */
};

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
    struct stream stream; /* next is NULL unless an answer goes on */
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

static void on_event(evutil_socket_t fd, short what, void *arg);

/* ---- lists ---------------------------------------------------------------------------------- */

static void list_init(struct link *head)
{
    head->prev = head->next = head;
}

static bool list_empty(const struct link *head)
{
    return head->next == head;
}

static void unlink_from(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

static void append(struct link *head, struct link *link)
{
    unlink_from(link);
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

#define CONN_OF(link, member)                                                                      \
    ((struct conn *)(void *)((char *)(link)-offsetof(struct conn, member)))

static struct conn *oldest(struct conns *conns, enum state state)
{
    struct link *first = conns->states[state].next;

    return first == &conns->states[state] ? NULL : CONN_OF(first, by_state);
}

static void enter(struct conn *c, enum state state)
{
    c->state = (uint8_t)state;
    c->since_ms = c->owner->turn->mono_ms;
    append(&c->owner->states[state], &c->by_state);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* A block of at least n bytes, from the smallest pool that has one. */
static void *take_block(struct conns *conns, size_t n, uint8_t *which)
{
    for (unsigned i = 0; i < POOLS; i++) {
        void *block = n <= conns->pools[i].block_bytes ? pool_take(&conns->pools[i]) : NULL;

        *which = (uint8_t)i;
        if (block != NULL)
            return block;
    }
    return NULL;
}

static void drop_input(struct conn *c)
{
    if (c->input != NULL)
        pool_give(&c->owner->pools[c->input_pool], c->input);
    c->input = NULL;
}

static void drop_output(struct conn *c)
{
    if (c->output_owned)
        pool_give(&c->owner->pools[c->output_pool], c->out.p);
    c->output_owned = false;
    c->out = (struct output){ .p = NULL };
}

static void forget_requests(struct input *in)
{
    in->n = 0;
    in->parser = (struct http_parser){ .end = 0 };
}

/* ---- the end of a connection ---------------------------------------------------------------- */

static void close_conn(struct conn *c)
{
    struct conns *conns = c->owner;

    event_del(&c->event);
    close(c->event.ev_fd);
    unlink_from(&c->by_state);
    unlink_from(&c->in_turn);
    drop_input(c);
    drop_output(c);
    if (c->stream.next != NULL)
        conns->turn->context.streams--;
    pool_give(&conns->conn_pool, c);
    conns->count--;
    atomic_fetch_sub_explicit(conns->options.held, 1, memory_order_relaxed);
    metrics_add(&conns->metrics->connections_closed, 1);
}

static void watch(struct conn *c, short what)
{
    struct conns *conns = c->owner;
    evutil_socket_t fd = c->event.ev_fd;

    event_del(&c->event);
    event_assign(&c->event, conns->options.base, fd, (short)(what | EV_PERSIST), on_event, c);
    event_add(&c->event, NULL); /* should memory be out, its deadline will close it */
    c->stopped = false;
}

/* The read event fired while nothing is to be read. */
static void stop_reading(struct conn *c)
{
    event_del(&c->event);
    c->stopped = true;
}

/* All answers are out and they were the last. */
static void finish(struct conn *c)
{
    if (!c->linger || c->peer_done || shutdown(c->event.ev_fd, SHUT_WR) != 0) {
        close_conn(c);
        return;
    }
    drop_input(c);
    if (c->state == WRITING || c->stopped)
        watch(c, EV_READ);
    c->lingered = 0;
    enter(c, LINGERING);
}

static void discard(struct conn *c)
{
    struct input *shared = c->owner->shared;
    ssize_t n = recv(c->event.ev_fd, shared->data, shared->cap, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->lingered += (uint32_t)n;
    if (n <= 0 || c->lingered > LINGER_BYTES_MAX)
        close_conn(c);
}

/* ---- answers into the turn ------------------------------------------------------------------ */

static bool has_room(const struct conn *c)
{
    return c->out.n + c->owner->answer_bytes + ANSWER_ERROR_BYTES_MAX <= ANSWERS_BYTES_MAX;
}

/* Where this connection's next answer goes: behind its others, in the arena. */
static struct buf answer_space(struct conn *c, size_t n)
{
    struct conns *conns = c->owner;

    if (c->out.p == NULL)
        c->out.p = conns->arena + conns->arena_used;
    return buf_over(c->out.p + c->out.n, n);
}

/* To be sent at the end of the turn; until then in no state. */
static void will_send(struct conn *c)
{
    unlink_from(&c->by_state);
    append(&c->owner->answered, &c->in_turn);
}

static void answer_added(struct conn *c, const struct buf *answer)
{
    c->out.n += (uint32_t)answer->n;
    c->owner->arena_used += answer->n;
}

/* What is not a request that can be served gets one answer, and is the end of the connection. */
static void refuse(struct conn *c, int status, const char *sentence)
{
    struct conns *conns = c->owner;
    struct buf answer = answer_space(c, ANSWER_ERROR_BYTES_MAX);

    answer_error(&answer, status, conns->turn->context.http_date, sentence);
    answer_added(c, &answer);
    c->closing = true;
    c->linger = true;
    will_send(c);
}

static void refuse_request(struct conn *c, int status, const char *sentence)
{
    metrics_add(&c->owner->metrics->bad_requests, 1);
    refuse(c, status, sentence);
}

/* What comes now is the answer's, until one of both has enough. Little of it waits in the kernel. */
static void begin_stream(struct conn *c, stream_fn *next)
{
    int bytes = STREAM_SEND_BYTES;

    c->stream = (struct stream){ .next = next };
    c->owner->turn->context.streams++;
    setsockopt(c->event.ev_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static void answer_request(struct conn *c, const struct http_request *request)
{
    struct conns *conns = c->owner;
    struct turn *turn = conns->turn;
    struct buf answer = answer_space(c, conns->answer_bytes);
    struct exchange x = {
        .request = request,
        .context = &turn->context,
        .out = &answer,
        .close = !request->keep_alive || conns->draining,
    };

    client_from_request(&x.client, &turn->context.snapshot->config->proxies, &c->peer, request);
    route(&x, conns->options.table);
    metrics_add(&conns->metrics->requests, 1);
    if (x.batch != 0) {
        turn_expect(turn, x.batch, x.batch_records);
        if (c->out.batch == 0)
            c->out.held_from = c->out.n;
        c->out.batch = x.batch;
    }
    answer_added(c, &answer);
    c->closing = x.close && x.stream == NULL;
    if (x.stream != NULL)
        begin_stream(c, x.stream);
}

static void tell_to_continue(struct conn *c)
{
    struct buf answer = answer_space(c, sizeof CONTINUE_ANSWER);

    buf_add_lit(&answer, CONTINUE_ANSWER);
    answer_added(c, &answer);
}

/* ---- requests out of input ------------------------------------------------------------------ */

/* A listener's statement of trust holds for everybody, unless trusted_proxies names the balancers. */
static bool is_believed(const struct conn *c)
{
    const struct config_proxies *proxies = &c->owner->turn->context.snapshot->config->proxies;

    for (unsigned i = 0; i < proxies->trusted_count; i++) {
        if (ip_net_contains(&proxies->trusted[i], &c->peer))
            return true;
    }
    return proxies->trusted_count == 0;
}

/* True when the header is read, or when none is expected; *pos is behind it. */
static bool read_proxy_header(struct conn *c, struct input *in, size_t *pos)
{
    struct proxy_header header;
    enum proxy_result result;

    if (!c->expect_proxy)
        return true;
    result = proxy_parse(in->data, in->n, &header);
    if (result == PROXY_INCOMPLETE)
        return false;
    if (result == PROXY_BAD) {
        metrics_add(&c->owner->metrics->bad_requests, 1);
        c->closing = true; /* without a word: there is no saying what the peer speaks */
        return false;
    }
    c->expect_proxy = false;
    *pos = header.bytes;
    if (header.source.family != 0 && is_believed(c))
        c->peer = header.source;
    return true;
}

/* Answers what is complete. Returns how many bytes were used. */
static size_t answer_requests(struct conn *c, struct input *in)
{
    const struct http_limits *limits = &c->owner->limits;
    struct http_request request;
    size_t pos = 0;

    if (!read_proxy_header(c, in, &pos))
        return 0;
    while (pos < in->n && !c->closing && has_room(c)) {
        struct http_parser *parser = &in->parser;

        switch (http_parse(parser, limits, in->data + pos, in->n - pos, &request)) {
        case HTTP_COMPLETE:
            answer_request(c, &request);
            pos += parser->end;
            *parser = (struct http_parser){ .end = 0 };
            if (c->stream.next != NULL)
                return in->n; /* what is behind is never a request */
            break;
        case HTTP_BAD:
            refuse_request(c, parser->status, parser->sentence);
            return in->n;
        case HTTP_INCOMPLETE:
            if (parser->expect_continue && in->n - pos == parser->body)
                tell_to_continue(c);
            parser->expect_continue = false;
            return pos;
        }
    }
    return pos;
}

/* How large the buffer for n bytes and the rest of their request has to be. */
static size_t room_needed(const struct conn *c, const struct http_parser *parser, size_t n)
{
    const struct http_limits *limits = &c->owner->limits;
    size_t need;

    if (c->expect_proxy)
        need = PROXY_BYTES_MAX + 1;
    else if (!parser->in_body)
        need = n < SHORT_BLOCK_BYTES / 2 ? 0 : http_head_bytes_max(limits);
    else if (parser->chunked)
        need = http_message_bytes_max(limits);
    else
        need = parser->body + parser->body_bytes;
    return need > n ? need : n + 1;
}

/* The request that has been coming for the longest and occupies a block of at least n bytes. */
static struct conn *slowest_with(struct conns *conns, size_t n)
{
    for (enum state state = HEADER; state <= BODY; state++) {
        const struct link *head = &conns->states[state];

        for (struct link *link = head->next; link != head; link = link->next) {
            struct conn *c = CONN_OF(link, by_state);

            if (c->input != NULL && conns->pools[c->input_pool].block_bytes >= n)
                return c;
        }
    }
    return NULL;
}

/* Under pressure the slowest request makes room for this one. */
static void *take_input_block(struct conn *c, size_t n, uint8_t *which)
{
    struct conns *conns = c->owner;
    void *block = take_block(conns, n, which);
    struct conn *victim = block == NULL ? slowest_with(conns, n) : NULL;

    if (victim == NULL || victim == c)
        return block;
    metrics_add(&conns->metrics->timeouts, 1);
    close_conn(victim);
    return take_block(conns, n, which);
}

/* Keeps bytes pos .. n of `in` for the next turn, in a block that is large enough. */
static bool keep_input(struct conn *c, struct input *in, size_t pos)
{
    size_t n = in->n - pos;
    size_t need = room_needed(c, &in->parser, n);
    struct input *block = in;
    uint8_t which = c->input_pool;

    if (in != c->input || need > in->cap) {
        block = take_input_block(c, sizeof *in + need, &which);
        if (block == NULL)
            return false;
        block->parser = in->parser;
        block->cap = (uint32_t)(c->owner->pools[which].block_bytes - sizeof *block);
    }
    memmove(block->data, in->data + pos, n);
    block->n = (uint32_t)n;
    if (block != c->input) {
        drop_input(c);
        c->input = block;
        c->input_pool = which;
    }
    return true;
}

/* What a connection that has nothing to send is doing. */
static enum state reading_state(const struct conn *c)
{
    if (c->input == NULL)
        return IDLE;
    return c->input->parser.in_body ? BODY : HEADER;
}

static void process(struct conn *c, struct input *in)
{
    size_t pos = answer_requests(c, in);
    bool waiting = pos < in->n && !c->closing && !has_room(c);

    if (c->closing)
        c->linger = c->linger || pos < in->n;
    if (c->closing || pos == in->n) {
        drop_input(c);
    } else if (!keep_input(c, in, pos)) {
        drop_input(c);
        refuse(c, 503, "too many requests are incomplete at once");
        waiting = false;
    }
    c->waiting = waiting;
    if (c->closing || c->out.n > 0)
        will_send(c);
    else if (reading_state(c) != (enum state)c->state)
        enter(c, reading_state(c)); /* else its deadline stays: pieces do not renew it */
}

/* The peer will not send more: what it sent is answered, what it began is not a request. */
static void peer_is_done(struct conn *c)
{
    c->peer_done = true;
    if (c->input != NULL && c->input->n > 0 && !c->expect_proxy) {
        drop_input(c);
        refuse_request(c, 400, "the request ends before it is complete");
    } else {
        close_conn(c);
    }
}

static void read_more(struct conn *c)
{
    struct input *in = c->input;
    ssize_t n;

    if (in == NULL) {
        in = c->owner->shared;
        forget_requests(in);
    }
    n = recv(c->event.ev_fd, in->data + in->n, in->cap - in->n, 0);
    if (n > 0) {
        in->n += (uint32_t)n;
        process(c, in);
    } else if (n == 0) {
        peer_is_done(c);
    } else if (errno != EAGAIN && errno != EINTR) {
        close_conn(c);
    }
}

/* ---- answers out ---------------------------------------------------------------------------- */

/* Goes on after all answers are out. */
static void all_sent(struct conn *c)
{
    bool was_writing = c->state == WRITING;

    drop_output(c);
    if (c->closing) {
        finish(c);
        return;
    }
    if (was_writing || c->stopped)
        watch(c, EV_READ);
    if (c->stream.next != NULL) {
        enter(c, STREAMING);
        return;
    }
    enter(c, reading_state(c));
    if (c->waiting)
        append(&c->owner->waiting, &c->in_turn);
}

/* Moves answers out of the arena. */
static bool own_output(struct conn *c)
{
    char *block;

    if (c->output_owned)
        return true;
    block = take_block(c->owner, c->out.n, &c->output_pool);
    if (block == NULL)
        return false;
    memcpy(block, c->out.p, c->out.n);
    c->out.p = block;
    c->output_owned = true;
    return true;
}

static void send_answers(struct conn *c)
{
    struct output *out = &c->out;
    ssize_t n = 0;

    if (out->sent < out->n) {
        n = send(c->event.ev_fd, out->p + out->sent, out->n - out->sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            close_conn(c);
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
        close_conn(c);
        return;
    }
    if (c->state != WRITING)
        watch(c, EV_WRITE);
    if (n > 0 || c->state != WRITING)
        enter(c, WRITING);
}

/* The batch was taken back or its fate is not known: nothing from its first answer on is true. */
static void take_back(struct conn *c, enum spool_state fate)
{
    struct conns *conns = c->owner;
    struct output *out = &c->out;
    struct buf answers = buf_over(conns->refused, ANSWERS_BYTES_MAX);

    buf_add(&answers, out->p, out->held_from);
    drop_output(c);
    if (fate == SPOOL_REFUSED)
        answer_error(&answers, 503, conns->turn->context.http_date, "the hit could not be written");
    out->p = answers.p;
    out->n = (uint32_t)answers.n;
    c->closing = true;
    c->linger = true;
    c->waiting = false;
    drop_input(c);
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
    send_answers(c);
    return true;
}

static void deliver_answered(struct conns *conns)
{
    while (!list_empty(&conns->answered)) {
        struct conn *c = CONN_OF(conns->answered.next, in_turn);

        unlink_from(&c->in_turn);
        if (deliver(c))
            continue;
        if (own_output(c))
            enter(c, HELD);
        else
            close_conn(c);
    }
}

/* Batches are decided in order, and so are those who wait for them. */
static void deliver_held(struct conns *conns)
{
    struct conn *c;

    while ((c = oldest(conns, HELD)) != NULL) {
        if (!deliver(c))
            return;
    }
}

static void commit_and_send(struct conns *conns)
{
    turn_commit(conns->turn);
    deliver_held(conns);
    deliver_answered(conns);
    conns->arena_used = 0;
}

/* Room in the arena for one more connection, and in the batch for its hits. */
static void make_space(struct conns *conns)
{
    if (conns->arena_used + ANSWERS_BYTES_MAX <= ARENA_BYTES && conns->turn->hits < TURN_HITS_MAX)
        return;
    commit_and_send(conns);
    turn_begin(conns->turn);
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    (void)what;
    turn_begin(c->owner->turn);
    switch ((enum state)c->state) {
    case WRITING:
        send_answers(c);
        break;
    case STREAMING:
    case LINGERING:
        discard(c);
        break;
    case HELD:
        stop_reading(c);
        break;
    default:
        if (!list_empty(&c->in_turn)) /* first what is here already */
            break;
        make_space(c->owner);
        read_more(c);
        break;
    }
}

/* Takes all of a list over to an empty one, so that who is put back is not met again. */
static void move_all(struct link *to, struct link *from)
{
    list_init(to);
    if (list_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    list_init(from);
}

static void resume_waiting(struct conns *conns)
{
    struct link batch;

    if (list_empty(&conns->waiting))
        return;
    turn_begin(conns->turn);
    move_all(&batch, &conns->waiting);
    while (!list_empty(&batch)) {
        struct conn *c = CONN_OF(batch.next, in_turn);

        unlink_from(&c->in_turn);
        make_space(conns);
        process(c, c->input);
    }
}

/* Its next piece. It is made only when the last is out: who reads slowly gets fewer, never a queue. */
static void go_on(struct conn *c)
{
    struct conns *conns = c->owner;
    struct buf piece = answer_space(c, conns->answer_bytes);

    c->closing = conns->draining || !c->stream.next(&c->stream, &conns->turn->context, &piece);
    answer_added(c, &piece);
    will_send(c);
}

static void go_on_streaming(struct conns *conns)
{
    struct link batch;

    move_all(&batch, &conns->states[STREAMING]);
    while (!list_empty(&batch)) {
        make_space(conns);
        go_on(CONN_OF(batch.next, by_state));
    }
}

bool conns_end_turn(struct conns *conns)
{
    resume_waiting(conns);
    commit_and_send(conns);
    return !list_empty(&conns->waiting);
}

static bool is_older(const struct conn *c, int64_t age_ms)
{
    return c != NULL && c->owner->turn->mono_ms - c->since_ms >= age_ms;
}

/* A request may have come that this thread has not read yet. */
static bool has_unread(const struct conn *c)
{
    char byte;

    return recv(c->event.ev_fd, &byte, 1, MSG_PEEK) > 0;
}

/* The oldest in that state of which nobody is waiting for an answer. */
static struct conn *oldest_unused(struct conns *conns, enum state state, int64_t age_ms)
{
    struct link *head = &conns->states[state];
    unsigned looks = 0;

    for (struct link *link = head->next; link != head; link = link->next) {
        struct conn *c = CONN_OF(link, by_state);

        if (++looks > ROOM_LOOKS_MAX || !is_older(c, age_ms))
            return NULL;
        if (!has_unread(c))
            return c;
    }
    return NULL;
}

static void close_idle(struct conn *c)
{
    metrics_add(&c->owner->metrics->idle_closed, 1);
    close_conn(c);
}

bool conns_make_room(struct conns *conns)
{
    struct conn *c = oldest_unused(conns, IDLE, 0);

    if (c == NULL)
        c = oldest_unused(conns, NEW, NEW_GRACE_MS);
    if (c == NULL)
        return false;
    close_idle(c);
    return true;
}

bool conns_have_room(struct conns *conns)
{
    uint64_t held = atomic_load_explicit(conns->options.held, memory_order_relaxed);

    return held < conns->options.held_max || conns_make_room(conns);
}

/* False when the limit of all threads is reached and nobody of ours can go. */
static bool may_hold_one_more(struct conns *conns)
{
    uint64_t before = atomic_fetch_add_explicit(conns->options.held, 1, memory_order_relaxed);

    if (before < conns->options.held_max || conns_make_room(conns))
        return true;
    atomic_fetch_sub_explicit(conns->options.held, 1, memory_order_relaxed);
    return false;
}

static struct conn *new_conn(struct conns *conns, int fd)
{
    struct conn *c = pool_take(&conns->conn_pool);

    if (c == NULL)
        return NULL;
    *c = (struct conn){ .owner = conns };
    list_init(&c->by_state);
    list_init(&c->in_turn);
    event_assign(&c->event, conns->options.base, fd, EV_READ | EV_PERSIST, on_event, c);
    if (event_add(&c->event, NULL) != 0) {
        pool_give(&conns->conn_pool, c);
        return NULL;
    }
    conns->count++;
    return c;
}

void conns_add(struct conns *conns, int fd, const struct ip *peer, bool proxy_protocol)
{
    struct conn *c;

    metrics_add(&conns->metrics->connections_accepted, 1);
    if (!may_hold_one_more(conns)) {
        metrics_add(&conns->metrics->connections_closed, 1);
        close(fd);
        return;
    }
    c = new_conn(conns, fd);
    if (c == NULL) {
        atomic_fetch_sub_explicit(conns->options.held, 1, memory_order_relaxed);
        metrics_add(&conns->metrics->connections_closed, 1);
        close(fd);
        return;
    }
    c->peer = *peer;
    c->expect_proxy = proxy_protocol;
    enter(c, NEW);
}

/* ---- deadlines ------------------------------------------------------------------------------ */

static void give_up(struct conn *c)
{
    metrics_add(&c->owner->metrics->timeouts, 1);
    c->waiting = false;
    drop_input(c);
    refuse_request(c, 408, "the request took too long");
}

/* A body may take header_timeout_ms, and longer only while it comes at the minimum rate. */
static bool is_too_slow(const struct conn *c, const struct config_limits *limits)
{
    int64_t ms = c->owner->turn->mono_ms - c->since_ms;
    uint64_t bytes = c->input->n - c->input->parser.body;

    return ms >= limits->header_timeout_ms && bytes < limits->body_rate_bytes * (uint64_t)ms / 1000;
}

static void give_up_slow_bodies(struct conns *conns, const struct config_limits *limits)
{
    struct link *link = conns->states[BODY].next;

    while (link != &conns->states[BODY]) {
        struct conn *c = CONN_OF(link, by_state);

        link = link->next;
        if (is_too_slow(c, limits)) {
            make_space(conns);
            give_up(c);
        }
    }
}

void conns_tick(struct conns *conns)
{
    const struct config_limits *limits;
    struct conn *c;

    turn_begin(conns->turn);
    limits = &conns->turn->context.snapshot->config->limits;
    while (is_older(c = oldest(conns, NEW), limits->idle_timeout_ms))
        close_idle(c);
    while (is_older(c = oldest(conns, IDLE), limits->idle_timeout_ms))
        close_idle(c);
    while (is_older(c = oldest(conns, HEADER), limits->header_timeout_ms)) {
        make_space(conns);
        give_up(c);
    }
    give_up_slow_bodies(conns, limits);
    while (is_older(c = oldest(conns, WRITING), limits->idle_timeout_ms)) {
        metrics_add(&conns->metrics->timeouts, 1);
        close_conn(c);
    }
    while (is_older(c = oldest(conns, LINGERING), LINGER_MS))
        close_conn(c);
    go_on_streaming(conns);
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* A request may have come between the decision to stop and now. */
static void close_unused(struct conns *conns, enum state state)
{
    struct link *head = &conns->states[state];
    struct link *next;

    for (struct link *link = head->next; link != head; link = next) {
        struct conn *c = CONN_OF(link, by_state);

        next = link->next;
        if (!has_unread(c))
            close_conn(c);
    }
}

void conns_drain(struct conns *conns)
{
    turn_begin(conns->turn);
    conns->draining = true;
    close_unused(conns, NEW);
    close_unused(conns, IDLE);
}

void conns_close_all(struct conns *conns)
{
    for (unsigned state = 0; state < STATES; state++) {
        struct conn *c;

        while ((c = oldest(conns, (enum state)state)) != NULL)
            close_conn(c);
    }
}

unsigned conns_count(const struct conns *conns)
{
    return conns->count;
}

/* ---- begin and end -------------------------------------------------------------------------- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void init_pools(struct conns *conns)
{
    size_t head = larger(http_head_bytes_max(&conns->limits), 2 * PROXY_BYTES_MAX);
    size_t body = larger(http_message_bytes_max(&conns->limits), ANSWERS_BYTES_MAX);
    size_t max = conns->options.held_max;

    pool_init(&conns->conn_pool, sizeof(struct conn), max, IDLE_CONNS_KEPT);
    pool_init(&conns->pools[POOL_SHORT], SHORT_BLOCK_BYTES, 2 * max, SHORT_BLOCKS_KEPT);
    pool_init(&conns->pools[POOL_HEAD], sizeof(struct input) + head, CONN_HEADS_MAX,
              LARGE_BLOCKS_KEPT);
    pool_init(&conns->pools[POOL_BODY], sizeof(struct input) + body, CONN_BODIES_MAX,
              LARGE_BLOCKS_KEPT);
}

static bool alloc_shared(struct conns *conns)
{
    size_t n = conns->pools[POOL_HEAD].block_bytes;

    conns->shared = malloc(n);
    conns->arena = malloc(ARENA_BYTES);
    conns->refused = malloc(ANSWERS_BYTES_MAX);
    if (conns->shared == NULL || conns->arena == NULL || conns->refused == NULL)
        return false;
    conns->shared->cap = (uint32_t)(n - sizeof *conns->shared);
    return true;
}

struct conns *conns_new(const struct conns_options *options, struct err *e)
{
    const struct config_limits *limits = &options->turn->context.snapshot->config->limits;
    struct conns *conns = calloc(1, sizeof *conns);

    if (conns == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    conns->options = *options;
    conns->turn = options->turn;
    conns->answer_bytes = options->table == ROUTE_ADMIN ? ANSWER_ADMIN_BYTES_MAX : ANSWER_BYTES_MAX;
    conns->metrics = options->turn->context.metrics;
    conns->limits = (struct http_limits){ .header_bytes = limits->header_bytes,
                                          .headers = limits->headers,
                                          .body_bytes = limits->body_bytes };
    for (unsigned i = 0; i < STATES; i++)
        list_init(&conns->states[i]);
    list_init(&conns->answered);
    list_init(&conns->waiting);
    init_pools(conns);
    if (!alloc_shared(conns)) {
        conns_free(conns);
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    return conns;
}

void conns_free(struct conns *conns)
{
    if (conns == NULL)
        return;
    conns_close_all(conns);
    pool_destroy(&conns->conn_pool);
    for (unsigned i = 0; i < POOLS; i++)
        pool_destroy(&conns->pools[i]);
    free(conns->shared);
    free(conns->arena);
    free(conns->refused);
    free(conns);
}
