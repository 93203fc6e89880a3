/*
 * server.c - see server.h for the contract. Called by main.c.
 *
 * The main thread serves the admin listener, takes signals and looks after what changes: it is a
 * worker (worker.h) with more events. Order of the start: everything that can be refused comes
 * before anything that a client could notice. Order of the end: public workers drain and close
 * their spools, the admin listener closes, the store seals.
 */
#include "server/server.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "model/share.h"
#include "server/admin_view.h"
#include "server/endpoint.h"
#include "server/listener.h"
#include "server/live.h"
#include "server/snapshot.h"
#include "server/worker.h"
#include "store/store.h"

#define LOOK_AROUND_MS        1000
#define GATHER_MS             250
#define ADMIN_CONNECTIONS_MAX 64
#define DESCRIPTORS_A_WORKER  16 /* event base, wake, listeners, spool segments */
#define DESCRIPTORS_BESIDE    64 /* libraries, log, sealing, databases */

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
#define SIGNALS (sizeof signals / sizeof signals[0])

struct server {
    const char *path; /* of the config file; NULL: defaults */
    struct snapshot *snapshot;
    struct store *store;
    struct worker **workers;
    unsigned workers_count;
    unsigned started; /* of them have a thread */
    atomic_uint finished;
    struct worker *admin;
    struct listener *listeners; /* workers_count for each address, until workers own them */
    size_t listeners_count;
    struct listener admin_listener;
    struct metrics **metrics;
    struct live *live; /* NULL: live is false */
    struct admin_view view;
    _Atomic bool draining;
    _Atomic uint64_t connections;
    _Atomic uint64_t admin_connections;
    uint64_t connections_max;
    struct event *signal_events[SIGNALS];
    struct event *look_around;
    struct event *gather;
    struct err geo_trouble; /* of the start, said when it has succeeded */
    struct err bots_trouble;
};

/* ---- what changes while it runs ------------------------------------------------------------- */

/* Each worker takes it over when its next turn begins. */
static void publish(struct server *s, struct snapshot *snapshot)
{
    snapshot_hold(snapshot, s->workers_count + 1);
    for (unsigned i = 0; i < s->workers_count; i++)
        worker_publish(s->workers[i], snapshot);
    worker_publish(s->admin, snapshot);
    snapshot_release(s->snapshot);
    s->snapshot = snapshot;
}

/* Hits arrive without a database or list, too: this is for the log only. */
static void log_trouble(const struct err *trouble)
{
    if (trouble->code != ERR_NONE)
        log_error("%s", trouble->text);
}

/* A list that cannot be read leaves the one there is. */
static void load_live_bots(struct server *s)
{
    char path[SHARE_PATH_BYTES];
    struct bots *bots = NULL;
    struct err e;

    if (s->live == NULL)
        return;
    if (share_find(path, NULL, BOTS_FILE, NULL, BOTS_FILE_HINT, &e) == 0)
        bots = bots_load(path, &e);
    if (bots == NULL)
        log_error("the live page has no new list of bots: %s", e.text);
    else
        live_use_bots(s->live, bots);
}

static void reload(struct server *s)
{
    struct err e, geo_trouble, bots_trouble;
    struct snapshot *loaded = snapshot_load(s->path, s->snapshot, &e, &geo_trouble, &bots_trouble);
    const char *waits;

    if (loaded == NULL) {
        log_error("reload failed, the old configuration stays: %s", e.text);
        return;
    }
    log_trouble(&geo_trouble);
    log_trouble(&bots_trouble);
    waits = config_needs_restart(s->snapshot->config, loaded->config);
    if (waits != NULL)
        log_warning("reloaded, but a change of %s takes effect only with a restart", waits);
    else
        log_notice("reloaded");
    publish(s, loaded);
    load_live_bots(s);
}

static void look_at_geo(struct server *s)
{
    struct snapshot *with_new;
    struct err trouble;

    if (!geo_changed(s->snapshot->geo))
        return;
    with_new = snapshot_with_new_geo(s->snapshot, &trouble);
    log_trouble(&trouble);
    if (with_new == NULL)
        return;
    publish(s, with_new);
    if (trouble.code == ERR_NONE)
        log_notice("geo databases: %s", geo_describe(with_new->geo));
}

static void on_look_around(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look_at_geo(arg);
}

/* Whether or not somebody looks: the rings of the workers are small. */
static void on_gather(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;

    (void)fd;
    (void)what;
    live_gather(s->live, clock_wall_ms());
}

/* ---- the end -------------------------------------------------------------------------------- */

static void stop(struct server *s)
{
    bool again = atomic_exchange(&s->draining, true);

    log_notice(again ? "stopping at once" : "stopping");
    for (unsigned i = 0; i < s->workers_count; i++)
        worker_stop(s->workers[i], again ? WORKER_STOPS : WORKER_DRAINS);
}

/* On a public worker's thread. */
static void on_worker_finished(void *arg)
{
    struct server *s = arg;

    atomic_fetch_add(&s->finished, 1);
    worker_wake(s->admin);
}

/* On the main thread. The admin listener answers as long as anybody else does. */
static void on_admin_woken(void *arg)
{
    struct server *s = arg;

    if (atomic_load(&s->draining) && atomic_load(&s->finished) == s->workers_count)
        worker_stop(s->admin, WORKER_STOPS);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    if (number == SIGHUP)
        reload(arg);
    else
        stop(arg);
}

/* ---- the start ------------------------------------------------------------------------------ */

/* A process that may open too few files holds fewer connections. */
static void raise_descriptor_limit(struct server *s)
{
    const struct config *config = s->snapshot->config;
    uint64_t beside = DESCRIPTORS_BESIDE + ADMIN_CONNECTIONS_MAX +
                      (uint64_t)s->workers_count * (DESCRIPTORS_A_WORKER + config->listen_count);
    uint64_t need = config->limits.connections + beside;
    struct rlimit limit;

    s->connections_max = config->limits.connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return;
    s->connections_max = limit.rlim_cur > 2 * beside ? limit.rlim_cur - beside : limit.rlim_cur / 2;
}

/* Said when everything else is well: a start that is refused has one sentence only. */
static void tell_descriptor_limit(const struct server *s)
{
    uint64_t wanted = s->snapshot->config->limits.connections;

    if (s->connections_max < wanted)
        log_warning("limits.connections is %llu, but this process may open too few files: at most "
                    "%llu connections are held",
                    (unsigned long long)wanted, (unsigned long long)s->connections_max);
}

static struct listener *listeners_at(const struct server *s, unsigned address)
{
    return s->listeners + (size_t)address * s->workers_count;
}

static int bind_all(struct server *s, struct err *e)
{
    const struct config *config = s->snapshot->config;
    size_t count = (size_t)config->listen_count * s->workers_count;

    s->listeners = calloc(count, sizeof *s->listeners);
    if (s->listeners == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    s->listeners_count = count;
    for (size_t i = 0; i < count; i++)
        s->listeners[i] =
            (struct listener){ -1, config->listen[i / s->workers_count].proxy_protocol };
    for (unsigned i = 0; i < config->listen_count; i++) {
        if (listener_bind(config->listen[i].address, listeners_at(s, i), s->workers_count, e) != 0)
            return -1;
    }
    return listener_bind(config->admin, &s->admin_listener, 1, e);
}

static void wake_worker(void *arg, unsigned worker)
{
    const struct server *s = arg;

    worker_wake(s->workers[worker]);
}

static void say(void *arg, bool is_error, const char *sentence)
{
    (void)arg;
    log_line(is_error ? LOG_ERROR : LOG_NOTICE, "%s", sentence);
}

static int open_store(struct server *s, struct err *e)
{
    const struct config_store *config = &s->snapshot->config->store;
    const struct store_options options = {
        .data_dir = config->data,
        .power = config->durability == DURABILITY_POWER,
        .roll_interval_ms = config->roll_interval_ms,
        .roll_size_bytes = config->roll_size_bytes,
        .workers = s->workers_count,
        .wake = wake_worker,
        .wake_arg = s,
        .say = say,
    };

    s->store = store_open(&options, e);
    return s->store == NULL ? -1 : 0;
}

/* The worker owns its sockets from here on, whatever happens. */
static struct worker *make_worker(struct server *s, unsigned index, struct err *e)
{
    unsigned addresses = s->snapshot->config->listen_count;
    struct listener *own = calloc(addresses, sizeof *own);
    struct worker_options options = {
        .index = index,
        .table = ROUTE_PUBLIC,
        .spool = store_spool(s->store, index),
        .instance = store_instance(s->store),
        .live = s->live == NULL ? NULL : live_tap(s->live, index),
        .snapshot = s->snapshot,
        .listeners = own,
        .listeners_count = addresses,
        .connections = &s->connections,
        .connections_max = s->connections_max,
        .finished = on_worker_finished,
        .arg = s,
    };
    struct worker *worker;

    if (own == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < addresses; i++) {
        own[i] = listeners_at(s, i)[index];
        listeners_at(s, i)[index].fd = -1;
    }
    snapshot_hold(s->snapshot, 1);
    worker = worker_new(&options, e);
    free(own);
    return worker;
}

static int make_admin(struct server *s, struct err *e)
{
    const struct worker_options options = {
        .index = s->workers_count,
        .table = ROUTE_ADMIN,
        .instance = store_instance(s->store),
        .view = &s->view,
        .snapshot = s->snapshot,
        .listeners = &s->admin_listener,
        .listeners_count = 1,
        .connections = &s->admin_connections,
        .connections_max = ADMIN_CONNECTIONS_MAX,
        .woken = on_admin_woken,
        .arg = s,
    };

    snapshot_hold(s->snapshot, 1);
    s->admin = worker_new(&options, e);
    s->admin_listener.fd = -1;
    return s->admin == NULL ? -1 : 0;
}

static int make_workers(struct server *s, struct err *e)
{
    if (s->snapshot->config->live && (s->live = live_new(s->workers_count, e)) == NULL)
        return -1;
    s->workers = calloc(s->workers_count, sizeof(struct worker *));
    s->metrics = calloc(s->workers_count, sizeof(struct metrics *));
    if (s->workers == NULL || s->metrics == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (unsigned i = 0; i < s->workers_count; i++) {
        s->workers[i] = make_worker(s, i, e);
        if (s->workers[i] == NULL)
            return -1;
        s->metrics[i] = worker_metrics(s->workers[i]);
    }
    if (s->live != NULL)
        live_watch(s->live, s->metrics, s->workers_count);
    s->view = (struct admin_view){
        .metrics = s->metrics,
        .metrics_count = s->workers_count,
        .store = s->store,
        .live = s->live,
        .draining = &s->draining,
        .started_ms = clock_wall_ms(),
        .version = CRUMBD_VERSION,
    };
    return make_admin(s, e);
}

static int watch_main_events(struct server *s, struct err *e)
{
    const struct timeval period = { .tv_sec = LOOK_AROUND_MS / 1000 };
    const struct timeval gather = { .tv_usec = GATHER_MS * 1000 };
    struct event_base *base = worker_base(s->admin);

    s->look_around = event_new(base, -1, EV_PERSIST, on_look_around, s);
    if (s->look_around == NULL || event_add(s->look_around, &period) != 0)
        return err_set(e, ERR_MEMORY, "out of memory");
    s->gather = event_new(base, -1, EV_PERSIST, on_gather, s);
    if (s->gather == NULL || (s->live != NULL && event_add(s->gather, &gather) != 0))
        return err_set(e, ERR_MEMORY, "out of memory");
    for (unsigned i = 0; i < SIGNALS; i++) {
        s->signal_events[i] = evsignal_new(base, signals[i], on_signal, s);
        if (s->signal_events[i] == NULL || event_add(s->signal_events[i], NULL) != 0)
            return err_set(e, ERR_SYSTEM, "cannot watch for signals");
    }
    return 0;
}

static int start_workers(struct server *s, struct err *e)
{
    for (; s->started < s->workers_count; s->started++) {
        if (worker_start(s->workers[s->started], e) != 0)
            return -1;
    }
    return 0;
}

static void announce(const char *what, const struct listener *listener)
{
    char text[IP_TEXT_BYTES + 16];
    struct buf b = buf_over(text, sizeof text);

    listener_add_address(&b, listener);
    log_notice("%s on %.*s", what, STR_ARG(buf_str(&b)));
}

/* What can be refused first, then what others can see. */
static int start(struct server *s, struct err *e)
{
    s->snapshot = snapshot_load(s->path, NULL, e, &s->geo_trouble, &s->bots_trouble);
    if (s->snapshot == NULL)
        return -1;
    s->workers_count = s->snapshot->config->workers;
    raise_descriptor_limit(s);
    if (bind_all(s, e) != 0 || open_store(s, e) != 0 || make_workers(s, e) != 0 ||
        watch_main_events(s, e) != 0)
        return -1;
    return start_workers(s, e);
}

/* Takes down what start() had put up when it failed half-way, and everything at the end. */
static int end(struct server *s, struct err *e)
{
    int result = 0;

    for (unsigned i = 0; i < s->started; i++)
        worker_join(s->workers[i]);
    for (unsigned i = 0; i < SIGNALS; i++) {
        if (s->signal_events[i] != NULL)
            event_free(s->signal_events[i]);
    }
    if (s->look_around != NULL)
        event_free(s->look_around);
    if (s->gather != NULL)
        event_free(s->gather);
    worker_free(s->admin);
    listener_close(&s->admin_listener);
    for (size_t i = 0; i < s->listeners_count; i++)
        listener_close(&s->listeners[i]);
    for (unsigned i = 0; s->workers != NULL && i < s->workers_count; i++)
        worker_free(s->workers[i]);
    if (s->store != NULL)
        result = store_close(s->store, e);
    live_free(s->live);
    snapshot_release(s->snapshot);
    free(s->workers);
    free(s->metrics);
    free(s->listeners);
    return result;
}

int server_run(const char *path, struct err *e)
{
    struct server s = { .path = path, .admin_listener = { -1, false } };
    struct err ignored;
    int result;

    if (crypto_init(e) != 0)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like others */
    result = start(&s, e);
    if (result != 0) {
        for (unsigned i = 0; i < s.started; i++)
            worker_stop(s.workers[i], WORKER_STOPS);
        end(&s, &ignored);
        return -1;
    }
    tell_descriptor_limit(&s);
    log_trouble(&s.geo_trouble);
    log_trouble(&s.bots_trouble);
    for (unsigned i = 0; i < s.snapshot->config->listen_count; i++)
        announce("listening", worker_listener(s.workers[0], i));
    announce("admin", worker_listener(s.admin, 0));
    load_live_bots(&s); /* not before: nobody has to wait for it */
    worker_run(s.admin);
    return end(&s, e);
}
