/*
 * worker.c - see worker.h for the contract. server.c makes and stops workers.
 *
 * One turn: wait for events; what they bring is parsed, put into the batch and answered into memory
 * (conn.c); then one write for the batch and one for each connection. What must be true:
 *
 *  1. No lock and no system call that can wait, but for the wait for events.
 *  2. Every callback begins the turn before it does anything else.
 *  3. A failing accept never spins: the listeners rest for ACCEPT_PAUSE_MS.
 */
#include "server/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/conn.h"
#include "server/turn.h"
#include "store/rejects.h"

#define TICK_MS          250
#define ACCEPT_PAUSE_MS  100
#define ACCEPTS_A_TURN   64
#define ACCEPTS_AT_CLOSE 4096
#define CACHE_LINE       64

struct accepting {
    struct worker *worker;
    struct listener listener;
    struct event *event;
};

struct worker {
    struct worker_options options;
    struct event_base *base;
    struct turn turn;
    struct conns *conns;
    struct metrics *metrics;
    struct accepting *accepting;
    struct event *tick;
    struct event *wake;
    struct event *resume; /* ends a pause of accepting */
    int wake_fd;
    pthread_t thread;
    atomic_int stop; /* enum worker_stop */
    bool draining;
    int64_t drain_until_ms;
};

/* ---- accepting ------------------------------------------------------------------------------ */

static void pause_accepting(struct worker *w)
{
    const struct timeval pause = { .tv_usec = ACCEPT_PAUSE_MS * 1000 };

    metrics_add(&w->metrics->accept_pauses, 1);
    for (unsigned i = 0; i < w->options.listeners_count; i++)
        event_del(w->accepting[i].event);
    event_add(w->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    turn_begin(&w->turn);
    if (w->draining)
        return;
    for (unsigned i = 0; i < w->options.listeners_count; i++)
        event_add(w->accepting[i].event, NULL);
}

enum accepted { ACCEPTED, ACCEPT_NONE, ACCEPT_FAILED };

static enum accepted accept_one(struct accepting *a)
{
    struct ip peer;
    int fd;

    if (!conns_have_room(a->worker->conns))
        return ACCEPT_FAILED;
    fd = listener_accept(&a->listener, &peer);
    if (fd >= 0) {
        conns_add(a->worker->conns, fd, &peer, a->listener.proxy_protocol);
        return ACCEPTED;
    }
    switch (errno) {
    case EAGAIN:
        return ACCEPT_NONE;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return conns_make_room(a->worker->conns) ? ACCEPTED : ACCEPT_FAILED;
    default: /* that connection's own trouble (accept(2)): on to the next */
        return ACCEPTED;
    }
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct accepting *a = arg;
    enum accepted result = ACCEPTED;

    (void)fd;
    (void)what;
    turn_begin(&a->worker->turn);
    for (unsigned i = 0; i < ACCEPTS_A_TURN && result == ACCEPTED; i++)
        result = accept_one(a);
    if (result == ACCEPT_FAILED)
        pause_accepting(a->worker);
}

/* ---- draining ------------------------------------------------------------------------------- */

/* Closing a listener resets what waits in its queue, so that is accepted before. */
static void close_listeners(struct worker *w)
{
    for (unsigned i = 0; i < w->options.listeners_count; i++) {
        struct accepting *a = &w->accepting[i];

        event_del(a->event);
        for (unsigned n = 0; n < ACCEPTS_AT_CLOSE && accept_one(a) == ACCEPTED; n++)
            ;
        listener_close(&a->listener);
    }
    event_del(w->resume);
}

static void drain(struct worker *w)
{
    if (w->draining)
        return;
    w->draining = true;
    w->drain_until_ms = w->turn.mono_ms + WORKER_DRAIN_MS;
    close_listeners(w);
    conns_drain(w->conns);
}

static bool is_done(const struct worker *w)
{
    return w->draining && (conns_count(w->conns) == 0 || w->turn.mono_ms >= w->drain_until_ms);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    eventfd_t count;

    (void)what;
    eventfd_read(fd, &count);
    turn_begin(&w->turn);
    turn_poll(&w->turn);
    switch (atomic_load(&w->stop)) {
    case WORKER_RUNS:
        break;
    case WORKER_DRAINS:
        drain(w);
        break;
    default:
        drain(w);
        w->drain_until_ms = w->turn.mono_ms;
        break;
    }
    if (w->options.woken != NULL)
        w->options.woken(w->options.arg);
}

/* Also begins a turn on a quiet server, so that its segment is sealed in time. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    turn_begin(&w->turn);
    conns_tick(w->conns);
}

void worker_run(struct worker *w)
{
    bool more = false;

    while (!is_done(w)) {
        event_base_loop(w->base, EVLOOP_ONCE | (more ? EVLOOP_NONBLOCK : 0));
        more = conns_end_turn(w->conns);
    }
    conns_close_all(w->conns);
    turn_close_spool(&w->turn);
    if (w->options.finished != NULL)
        w->options.finished(w->options.arg);
}

static void *thread_main(void *arg)
{
    worker_run(arg);
    return NULL;
}

/* Signals are for the main thread. */
int worker_start(struct worker *w, struct err *e)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&w->thread, NULL, thread_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result == 0)
        return 0;
    errno = result;
    return err_sys(e, "cannot start a thread");
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
}

/* ---- from other threads --------------------------------------------------------------------- */

void worker_wake(struct worker *w)
{
    eventfd_write(w->wake_fd, 1); /* fails only when it is readable already */
}

void worker_stop(struct worker *w, enum worker_stop how)
{
    atomic_store(&w->stop, how);
    worker_wake(w);
}

void worker_publish(struct worker *w, struct snapshot *snapshot)
{
    turn_publish(&w->turn, snapshot);
    worker_wake(w); /* so that an idle one lets go of the old */
}

struct event_base *worker_base(struct worker *w)
{
    return w->base;
}

struct metrics *worker_metrics(struct worker *w)
{
    return w->metrics;
}

const struct listener *worker_listener(const struct worker *w, unsigned i)
{
    return &w->accepting[i].listener;
}

/* ---- begin and end -------------------------------------------------------------------------- */

static int out_of_memory(struct err *e)
{
    return err_set(e, ERR_MEMORY, "out of memory for a worker");
}

/* One thread uses a base, so libevent needs no locks; one event a descriptor, so no change list. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static int make_context(struct worker *w, struct err *e)
{
    struct context *c = &w->turn.context;
    size_t metrics_bytes = (sizeof *w->metrics + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;

    w->metrics = aligned_alloc(CACHE_LINE, metrics_bytes); /* no line is shared with a neighbour */
    c->memory = malloc(CONTEXT_MEMORY_BYTES);
    c->geo_cache = geo_cache_new();
    if (w->options.spool != NULL)
        c->rejects = rejects_new(c->snapshot->config->store.data, w->options.index);
    if (w->metrics == NULL || c->memory == NULL || c->geo_cache == NULL ||
        (w->options.spool != NULL && c->rejects == NULL))
        return out_of_memory(e);
    memset(w->metrics, 0, metrics_bytes);
    c->spool = w->options.spool;
    c->instance = w->options.instance;
    c->worker = w->options.index;
    c->metrics = w->metrics;
    c->server = w->options.view;
    c->live = w->options.live;
    return 0;
}

static int make_events(struct worker *w, struct err *e)
{
    const struct timeval tick = { .tv_usec = TICK_MS * 1000 };

    w->base = new_base();
    if (w->base == NULL)
        return err_set(e, ERR_SYSTEM, "cannot make an event loop");
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->wake_fd < 0)
        return err_sys(e, "cannot make an event descriptor");
    w->wake = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
    w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
    w->resume = event_new(w->base, -1, 0, on_resume, w);
    if (w->wake == NULL || w->tick == NULL || w->resume == NULL || event_add(w->wake, NULL) != 0 ||
        event_add(w->tick, &tick) != 0)
        return out_of_memory(e);
    return 0;
}

static int make_conns(struct worker *w, struct err *e)
{
    const struct conns_options options = {
        .base = w->base,
        .turn = &w->turn,
        .table = w->options.table,
        .held = w->options.connections,
        .held_max = w->options.connections_max,
    };

    w->conns = conns_new(&options, e);
    return w->conns == NULL ? -1 : 0;
}

static int open_listeners(struct worker *w, struct err *e)
{
    for (unsigned i = 0; i < w->options.listeners_count; i++) {
        struct accepting *a = &w->accepting[i];

        a->event = event_new(w->base, a->listener.fd, EV_READ | EV_PERSIST, on_accept, a);
        if (a->event == NULL || event_add(a->event, NULL) != 0)
            return out_of_memory(e);
        if (listener_start(&a->listener, e) != 0)
            return -1;
    }
    return 0;
}

/* Everything that can fail; worker_free undoes what was done. */
static int set_up(struct worker *w, struct err *e)
{
    if (make_context(w, e) != 0 || make_events(w, e) != 0 || make_conns(w, e) != 0)
        return -1;
    return open_listeners(w, e);
}

struct worker *worker_new(const struct worker_options *options, struct err *e)
{
    struct worker *w = calloc(1, sizeof *w);

    if (w != NULL)
        w->accepting = calloc(options->listeners_count, sizeof *w->accepting);
    if (w == NULL || w->accepting == NULL) {
        free(w);
        snapshot_release(options->snapshot);
        out_of_memory(e);
        return NULL;
    }
    w->options = *options;
    w->wake_fd = -1;
    turn_init(&w->turn, options->snapshot);
    for (unsigned i = 0; i < options->listeners_count; i++) {
        w->accepting[i].worker = w;
        w->accepting[i].listener = options->listeners[i];
    }
    if (set_up(w, e) != 0) {
        worker_free(w);
        return NULL;
    }
    return w;
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    conns_free(w->conns);
    for (unsigned i = 0; i < w->options.listeners_count; i++) {
        free_event(w->accepting[i].event);
        listener_close(&w->accepting[i].listener);
    }
    free_event(w->wake);
    free_event(w->tick);
    free_event(w->resume);
    if (w->base != NULL)
        event_base_free(w->base);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    turn_destroy(&w->turn);
    rejects_free(w->turn.context.rejects);
    geo_cache_free(w->turn.context.geo_cache);
    free(w->turn.context.memory);
    free(w->metrics);
    free(w->accepting);
    free(w);
}
