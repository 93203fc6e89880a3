/*
 * conn_read.c - from the bytes of a peer to answers in the turn. See conn_parts.h for the contract;
 * conn.c calls it when something can be read, or a deadline has passed.
 *
 * Bytes are read into the buffer that all connections share, or behind what this one has of a
 * request. What is complete is answered into the arena; what is left is kept in a block of the
 * connection's own. Everything that is not a request which can be served ends in refuse().
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "conn_parts.h"
#include "server/client_addr.h"
#include "server/proxy_protocol.h"

#define LINGER_BYTES_MAX 1048576
#define CONTINUE_ANSWER  "HTTP/1.1 100 Continue\r\n\r\n"

/* ---- answers into the turn ------------------------------------------------------------------- */

static bool has_room(const struct conn *c)
{
    return c->out.n + c->owner->answer_bytes + ANSWER_ERROR_BYTES_MAX <= ANSWERS_BYTES_MAX;
}

/* Where this connection's next answer goes: behind its others, in the arena. */
struct buf conn_answer_space(struct conn *c, size_t n)
{
    struct conns *conns = c->owner;

    if (c->out.p == NULL)
        c->out.p = conns->arena + conns->arena_used;
    assert(c->out.p != NULL);
    return buf_over(c->out.p + c->out.n, n);
}

/* To be sent at the end of the turn; until then in no state. */
void conn_will_send(struct conn *c)
{
    list_remove(&c->by_state);
    list_append(&c->owner->answered, &c->in_turn);
}

void conn_answer_added(struct conn *c, const struct buf *answer)
{
    c->out.n += (uint32_t)answer->n;
    c->owner->arena_used += answer->n;
}

/* What is not a request that can be served gets one answer, and is the end of the connection. */
static void refuse(struct conn *c, int status, const char *sentence)
{
    struct conns *conns = c->owner;
    struct buf answer = conn_answer_space(c, ANSWER_ERROR_BYTES_MAX);

    answer_error(&answer, status, conns->turn->context.http_date, sentence);
    conn_answer_added(c, &answer);
    c->closing = true;
    c->linger = true;
    conn_will_send(c);
}

static void refuse_request(struct conn *c, int status, const char *sentence)
{
    metrics_add(&c->owner->metrics->bad_requests, 1);
    refuse(c, status, sentence);
}

static void answer_request(struct conn *c, const struct http_request *request)
{
    struct conns *conns = c->owner;
    struct turn *turn = conns->turn;
    struct buf answer = conn_answer_space(c, conns->answer_bytes);
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
    conn_answer_added(c, &answer);
    if (x.stream != NULL)
        conn_begin_stream(c, x.stream);
    c->closing = x.close && x.stream == NULL;
    c->linger = c->closing && request->keep_alive; /* our wish: it may have sent more */
}

static void tell_to_continue(struct conn *c)
{
    struct buf answer = conn_answer_space(c, sizeof CONTINUE_ANSWER);

    buf_add_lit(&answer, CONTINUE_ANSWER);
    conn_answer_added(c, &answer);
}

/* ---- requests out of input ------------------------------------------------------------------- */

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
                return in->n;
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

/* ---- what is left of a request --------------------------------------------------------------- */

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
    void *block = conns_take_block(conns, n, which);
    struct conn *victim = block == NULL ? slowest_with(conns, n) : NULL;

    if (victim == NULL || victim == c)
        return block;
    metrics_add(&conns->metrics->timeouts, 1);
    conn_close(victim);
    return conns_take_block(conns, n, which);
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
        conn_drop_input(c);
        c->input = block;
        c->input_pool = which;
    }
    return true;
}

/* ---- bytes in -------------------------------------------------------------------------------- */

void conn_process(struct conn *c, struct input *in)
{
    size_t pos = answer_requests(c, in);
    bool waiting = pos < in->n && !c->closing && !has_room(c);

    if (c->closing)
        c->linger = c->linger || pos < in->n;
    if (c->closing || pos == in->n) {
        conn_drop_input(c);
    } else if (!keep_input(c, in, pos)) {
        conn_drop_input(c);
        refuse(c, 503, "too many requests are incomplete at once");
        waiting = false;
    }
    c->waiting = waiting;
    if (c->closing || c->out.n > 0)
        conn_will_send(c);
    else if (conn_reading_state(c) != (enum state)c->state)
        conn_enter(c, conn_reading_state(c)); /* else its deadline stays: pieces do not renew it */
}

/* The peer will not send more: what it sent is answered, what it began is not a request. */
static void peer_is_done(struct conn *c)
{
    c->peer_done = true;
    if (c->input != NULL && c->input->n > 0 && !c->expect_proxy) {
        conn_drop_input(c);
        refuse_request(c, 400, "the request ends before it is complete");
    } else {
        conn_close(c);
    }
}

static void forget_requests(struct input *in)
{
    in->n = 0;
    in->parser = (struct http_parser){ .end = 0 };
}

void conn_read(struct conn *c)
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
        conn_process(c, in);
    } else if (n == 0) {
        peer_is_done(c);
    } else if (errno != EAGAIN && errno != EINTR) {
        conn_close(c);
    }
}

void conn_discard(struct conn *c)
{
    struct input *shared = c->owner->shared;
    ssize_t n = recv(c->event.ev_fd, shared->data, shared->cap, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->lingered += (uint32_t)n;
    if (n <= 0 || c->lingered > LINGER_BYTES_MAX)
        conn_close(c);
}

void conn_give_up(struct conn *c)
{
    metrics_add(&c->owner->metrics->timeouts, 1);
    c->waiting = false;
    conn_drop_input(c);
    refuse_request(c, 408, "the request took too long");
}
