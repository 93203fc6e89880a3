/*
 * endpoint.h - one request and its answer, and the table of what answers where.
 *
 * An endpoint is one file ep_*.c, one function and one row in route.c. It reads the exchange's
 * request and context and writes one answer with answer_*(). It never blocks, never allocates,
 * never sees a socket.
 */
#ifndef CRUMB_SERVER_ENDPOINT_H
#define CRUMB_SERVER_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ip.h"
#include "model/bots.h"
#include "model/config.h"
#include "model/geo.h"
#include "model/identity.h"
#include "server/client_addr.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/pages.h"
#include "store/spool.h"

/*
 * Read-only state that SIGHUP replaces as a whole (snapshot.c). Every worker holds a reference to
 * one.
 */
struct snapshot {
    struct config *config;
    struct geo_set *geo;
    struct key_ring *keys;
    struct pages *pages; /* NULL: none */
    struct bots *bots;   /* NULL: no site has debug, or the list is not there */
};

struct admin_view;
struct live_tap;
struct rejects;

/* What one loop thread lends to every exchange on it. */
struct context {
    const struct snapshot *snapshot;
    struct geo_cache *geo_cache;
    struct bots_memory *bots_memory; /* for snapshot->bots; NULL: bots are not told apart */
    struct spool *spool;             /* NULL on the admin listener */
    struct rejects *rejects;         /* NULL: what is refused is only counted */
    struct str instance;
    unsigned worker;
    struct metrics *metrics; /* this thread's own */
    struct live_tap *live;   /* NULL: there is no live page */
    unsigned streams;        /* answers of this thread that go on */
    int64_t now_ms;          /* wall time of this turn: the ts of its records */
    char http_date[32];      /* the same second as text, DATE_HTTP_BYTES long */
    char *memory; /* scratch for decoded text, CONTEXT_MEMORY_BYTES, free for each exchange */
    const struct admin_view *server; /* for admin endpoints; NULL on public listeners */
};

#define CONTEXT_MEMORY_BYTES 65536

/*
 * An answer that goes on after its endpoint has returned: until the peer leaves, next is called a few
 * times a second with the context of that turn and adds what is to follow, nothing at all if there is
 * nothing new. False ends the answer, and the connection. A peer that does not take what it gets is
 * not asked for until it has, and is closed after limits.idle_timeout. piece has ANSWER_ADMIN_BYTES_MAX
 * free.
 */
struct stream;
typedef bool stream_fn(struct stream *stream, struct context *context, struct buf *piece);
struct stream {
    stream_fn *next;
    uint64_t seen; /* next's own, 0 at first */
    int64_t sent_ms;
};

struct exchange {
    const struct http_request *request;
    struct context *context;
    struct client client;
    struct buf *out;   /* the answer, headers and body; has ANSWER_BYTES_MAX free, or on the admin
                        listener ANSWER_ADMIN_BYTES_MAX */
    bool close;        /* say and do "Connection: close" */
    stream_fn *stream; /* the answer goes on with this; see answer_stream */
    uint64_t batch;    /* the answer waits until this spool batch is decided; 0: it does not wait */
    unsigned batch_records; /* how many records it put there */
    bool identified;        /* all of its hits are of one visitor: */
    bool cookies_told;      /* its Set-Cookie lines are there */
    bool debug_told;        /* X-Crumb is there */
    struct identity identity;
};

#define ANSWER_BYTES_MAX       16384
#define ANSWER_ADMIN_BYTES_MAX 61440

typedef void endpoint_fn(struct exchange *x);

#define ENDPOINT_PATH_FIXED SIZE_MAX
#define ENDPOINT_PATH_PAGE  (SIZE_MAX - 1)

struct endpoint {
    /* Where its path stands in struct config_paths, ENDPOINT_PATH_FIXED, or for every path that the
     * snapshot has a page for, ENDPOINT_PATH_PAGE. */
    size_t path_offset;
    struct str path_suffix; /* behind the configured path, or the whole fixed path */
    unsigned methods;       /* 1 << enum http_method ... */
    endpoint_fn *answer;
};

/*
 * Finds the endpoint and calls it; answers 404 and 405 (with Allow) itself. The two tables: the
 * public listeners' and the admin listener's.
 */
enum route_table { ROUTE_PUBLIC, ROUTE_ADMIN };
void route(struct exchange *x, enum route_table table);

/* One ep_*.c each. */
endpoint_fn ep_pixel, ep_events, ep_tag, ep_preflight;
endpoint_fn ep_snowplow_get, ep_snowplow_post, ep_matomo_get, ep_matomo_post;
endpoint_fn ep_optout_page, ep_optout_change, ep_optin_change, ep_optout_status;
endpoint_fn ep_dnt, ep_gpc, ep_robots, ep_favicon, ep_server_options;
endpoint_fn ep_page;
endpoint_fn ep_metrics, ep_healthz, ep_readyz;
endpoint_fn ep_live, ep_live_events;

#endif
