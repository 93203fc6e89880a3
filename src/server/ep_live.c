/*
 * ep_live.c - the live page and its stream, on the admin listener only: / and /live/events.
 *
 * They read memory, never a stored file. What must be true:
 *  1. Only pages of this listener read the figures: no CORS, no frame, and a name that somebody else
 *     could let point here (DNS rebinding) is not answered to.
 *  2. The policy allows the two styles and two scripts of src/web by their hashes and nothing else.
 */
#include <assert.h>

#include "base/ip.h"
#include "server/admin_view.h"
#include "server/answer.h"
#include "server/live.h"
#include "server/live_page.h"
#include "web/live.css.h"
#include "web/live.js.h"
#include "web/report.css.h"
#include "web/report.js.h"

#define STREAMS_MAX  16
#define HEARTBEAT_MS 15000
#define RETRY        "retry: 2000\n\n"

_Static_assert(LIVE_PAGE_BYTES_MAX + ANSWER_HEAD_BYTES_MAX + 1024 <= ANSWER_ADMIN_BYTES_MAX &&
                   LIVE_PAGE_BYTES_MAX <= CONTEXT_MEMORY_BYTES &&
                   LIVE_PAGE_EVENT_MAX <= ANSWER_ADMIN_BYTES_MAX,
               "page and event fit into an answer");

/* The host of "host:port" without the port; [] around an IPv6 address go too. */
static struct str host_of(struct str authority)
{
    size_t end;

    if (authority.n > 0 && authority.p[0] == '[') {
        end = str_find(authority, ']', 0);
        return str_from(authority.p + 1, end - 1);
    }
    return str_from(authority.p, str_find(authority, ':', 0));
}

/* Of "https://crumb.example:8443"; absent when nobody said. */
static struct str public_host(const struct config *config)
{
    struct str rest = str_of(config->public_origin);

    str_cut(&rest, '/');
    str_cut(&rest, '/');
    return host_of(rest);
}

/* An address, this machine, or the name in the config: nobody else can let these point to his pages. */
static bool is_own_host(const struct exchange *x)
{
    struct str host = host_of(x->request->header[HTTP_HEADER_HOST]);
    struct ip ip;

    return ip_parse(host, &ip) || str_eq_nocase(host, STR("localhost")) ||
           (host.n > 0 && str_eq_nocase(host, public_host(x->context->snapshot->config)));
}

/* Browsers say who asks, and other people's pages have no business here. */
static bool is_foreign(struct str fetch_site)
{
    return fetch_site.p != NULL && !str_eq(fetch_site, STR("same-origin")) &&
           !str_eq(fetch_site, STR("none"));
}

static bool may_see(struct exchange *x)
{
    if (x->context->server->live == NULL)
        answer_text(x, 404, STR_ABSENT,
                    "the live page is turned off (live: false); see /metrics, /healthz, /readyz");
    else if (!is_own_host(x))
        answer_text(x, 403, STR_ABSENT,
                    "ask by the address, as localhost, or as the public_origin");
    else
        return true;
    return false;
}

#define PAGE_HEADERS                                                                               \
    "Cache-Control: no-store\r\n"                                                                  \
    "Content-Security-Policy: default-src 'none'; style-src 'sha256-" WEB_REPORT_CSS_SHA256        \
    "' 'sha256-" WEB_LIVE_CSS_SHA256 "'; script-src 'sha256-" WEB_REPORT_JS_SHA256                 \
    "' 'sha256-" WEB_LIVE_JS_SHA256                                                                \
    "'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"       \
    "Cross-Origin-Opener-Policy: same-origin\r\n"                                                  \
    "Cross-Origin-Resource-Policy: same-origin\r\n"                                                \
    "Referrer-Policy: no-referrer\r\n"                                                             \
    "X-Frame-Options: DENY\r\n"
_Static_assert(sizeof PAGE_HEADERS < 1024, "counted above");

void ep_live(struct exchange *x)
{
    struct buf body = buf_over(x->context->memory, LIVE_PAGE_BYTES_MAX);
    struct live *live = x->context->server->live;

    if (!may_see(x))
        return;
    live_gather(live, x->context->now_ms);
    live_page_add_html(&body, live);
    assert(!body.full);
    answer(x, 200, STR("text/html; charset=utf-8"), STR(PAGE_HEADERS), buf_str(&body));
}

/* The figures when they are others, else now and then a word that keeps proxies from hanging up. */
static bool add_next(struct stream *stream, struct context *context, struct buf *piece)
{
    const struct admin_view *server = context->server;
    uint64_t version;

    if (atomic_load_explicit(server->draining, memory_order_acquire))
        return false;
    live_gather(server->live, context->now_ms);
    version = live_version(server->live);
    if (version == stream->seen && context->now_ms - stream->sent_ms < HEARTBEAT_MS)
        return true;
    if (stream->seen == 0)
        buf_add_lit(piece, RETRY);
    if (version == stream->seen)
        buf_add_lit(piece, ":\n\n");
    else
        live_page_add_event(piece, server->live);
    stream->seen = version;
    stream->sent_ms = context->now_ms;
    return true;
}

void ep_live_events(struct exchange *x)
{
    if (!may_see(x))
        return;
    if (is_foreign(x->request->header[HTTP_HEADER_SEC_FETCH_SITE]))
        answer_text(x, 403, STR_ABSENT, "only the live page reads this");
    else if (x->context->streams >= STREAMS_MAX)
        answer_text(x, 503, STR(ANSWER_RETRY_AFTER), "too many live pages are open");
    else
        answer_stream(x, STR("text/event-stream"),
                      STR("Cache-Control: no-store\r\n"
                          "Cross-Origin-Resource-Policy: same-origin\r\n"
                          "X-Accel-Buffering: no\r\n"),
                      add_next);
}
