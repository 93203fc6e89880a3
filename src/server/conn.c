/*
 * conn.c - see conn.h for the contract, conn_parts.h for states and invariants. worker.c accepts,
 * ends turns and ticks; libevent calls on_event.
 *
 * Here is what happens to connections and when: they come, their events fire, the oldest make room
 * for new ones, deadlines pass, all of them go. What is read and sent then is in conn_read.c,
 * conn_send.c and conn_stream.c.
 */
#include "server/conn.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_parts.h"
#include "server/proxy_protocol.h"

#define LINGER_MS         2000
#define NEW_GRACE_MS      1000 /* before a new connection counts as idle */
#define ROOM_LOOKS_MAX    64   /* at connections, to find one that can go */
#define IDLE_CONNS_KEPT   1024 /* unused struct conn not returned to malloc */
#define SHORT_BLOCKS_KEPT 256
#define LARGE_BLOCKS_KEPT 16

/* ---- events ---------------------------------------------------------------------------------- */

/* The read event fired while nothing is to be read. */
static void stop_reading(struct conn *c)
{
    event_del(&c->event);
    c->stopped = true;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    (void)what;
    turn_begin(c->owner->turn);
    switch ((enum state)c->state) {
    case WRITING:
        conn_send(c);
        break;
    case STREAMING:
    case LINGERING:
        conn_discard(c);
        break;
    case HELD:
        stop_reading(c);
        break;
    default:
        if (!list_is_empty(&c->in_turn)) /* first what is here already */
            break;
        conns_make_space(c->owner);
        conn_read(c);
        break;
    }
}

static void resume_waiting(struct conns *conns)
{
    struct link batch;

    if (list_is_empty(&conns->waiting))
        return;
    turn_begin(conns->turn);
    list_move(&batch, &conns->waiting);
    while (!list_is_empty(&batch)) {
        struct conn *c = CONN_OF(batch.next, in_turn);

        list_remove(&c->in_turn);
        conns_make_space(conns);
        conn_process(c, c->input);
    }
}

bool conns_end_turn(struct conns *conns)
{
    resume_waiting(conns);
    conns_commit(conns);
    return !list_is_empty(&conns->waiting);
}

/* ---- room for one more ----------------------------------------------------------------------- */

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
    conn_close(c);
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
    conn_enter(c, NEW);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

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
            conns_make_space(conns);
            conn_give_up(c);
        }
    }
}

void conns_tick(struct conns *conns)
{
    const struct config_limits *limits;
    struct conn *c;

    turn_begin(conns->turn);
    limits = &conns->turn->context.snapshot->config->limits;
    while (is_older(c = conns_oldest(conns, NEW), limits->idle_timeout_ms))
        close_idle(c);
    while (is_older(c = conns_oldest(conns, IDLE), limits->idle_timeout_ms))
        close_idle(c);
    while (is_older(c = conns_oldest(conns, HEADER), limits->header_timeout_ms)) {
        conns_make_space(conns);
        conn_give_up(c);
    }
    give_up_slow_bodies(conns, limits);
    while (is_older(c = conns_oldest(conns, WRITING), limits->idle_timeout_ms)) {
        metrics_add(&conns->metrics->timeouts, 1);
        conn_close(c);
    }
    while (is_older(c = conns_oldest(conns, LINGERING), LINGER_MS))
        conn_close(c);
    conns_go_on(conns);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* A request may have come between the decision to stop and now. */
static void close_unused(struct conns *conns, enum state state)
{
    struct link *head = &conns->states[state];
    struct link *next;

    for (struct link *link = head->next; link != head; link = next) {
        struct conn *c = CONN_OF(link, by_state);

        next = link->next;
        if (!has_unread(c))
            conn_close(c);
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

        while ((c = conns_oldest(conns, (enum state)state)) != NULL)
            conn_close(c);
    }
}

unsigned conns_count(const struct conns *conns)
{
    return conns->count;
}

/* ---- begin and end --------------------------------------------------------------------------- */

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
