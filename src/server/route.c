/*
 * route.c - what answers where: two tables, searched in order. See endpoint.h for the contract.
 *
 * Called once for each request, by the connection. Paths are compared as sent, byte for byte:
 * nothing is decoded, nothing normalised, no prefix matches. A path that is in the table with
 * other methods is a 405 that names them.
 */
#include "server/answer.h"
#include "server/endpoint.h"

#define METHOD(name) (1u << HTTP_##name)
#define GET_HEAD     (METHOD(GET) | METHOD(HEAD))

/* clang-format off */
#define PATH(key)    offsetof(struct config_paths, key)
#define FIXED        ENDPOINT_PATH_FIXED
#define TEXT(literal) { literal, sizeof(literal) - 1 }

/* The pixel first: it is nearly all there is. */
static const struct endpoint public_endpoints[] = {
    { PATH(pixel),  TEXT(""),                       GET_HEAD,     ep_pixel },
    { PATH(events), TEXT(""),                       METHOD(POST), ep_events },
    { PATH(events), TEXT(""),                       METHOD(OPTIONS), ep_preflight },
    { PATH(tag),    TEXT(""),                       GET_HEAD,     ep_tag },
    { PATH(optout), TEXT(""),                       GET_HEAD,     ep_optout_page },
    { PATH(optout), TEXT(""),                       METHOD(POST), ep_optout_change },
    { PATH(optin),  TEXT(""),                       METHOD(POST), ep_optin_change },
    { PATH(optout), TEXT("/status"),                GET_HEAD,     ep_optout_status },
    { FIXED,        TEXT("/i"),                     METHOD(GET),  ep_snowplow_get },
    { FIXED,        TEXT("/com.snowplowanalytics.snowplow/tp2"), METHOD(POST), ep_snowplow_post },
    { FIXED,        TEXT("/com.snowplowanalytics.snowplow/tp2"), METHOD(OPTIONS), ep_preflight },
    { FIXED,        TEXT("/matomo.php"),            METHOD(GET),  ep_matomo_get },
    { FIXED,        TEXT("/matomo.php"),            METHOD(POST), ep_matomo_post },
    { FIXED,        TEXT("/matomo.php"),            METHOD(OPTIONS), ep_preflight },
    { FIXED,        TEXT("/.well-known/dnt/"),      GET_HEAD,     ep_dnt },
    { FIXED,        TEXT("/.well-known/gpc.json"),  GET_HEAD,     ep_gpc },
    { FIXED,        TEXT("/robots.txt"),            GET_HEAD,     ep_robots },
    { FIXED,        TEXT("/favicon.ico"),           GET_HEAD,     ep_favicon },
    { FIXED,        TEXT("*"),                      METHOD(OPTIONS), ep_server_options },
    { ENDPOINT_PATH_PAGE, TEXT(""),                 GET_HEAD,     ep_page },
};

static const struct endpoint admin_endpoints[] = {
    { FIXED,        TEXT("/"),                      GET_HEAD,     ep_live },
    { FIXED,        TEXT("/live/events"),           GET_HEAD,     ep_live_events },
    { FIXED,        TEXT("/metrics"),               GET_HEAD,     ep_metrics },
    { FIXED,        TEXT("/healthz"),               GET_HEAD,     ep_healthz },
    { FIXED,        TEXT("/readyz"),                GET_HEAD,     ep_readyz },
};
/* clang-format on */

static const struct {
    const struct endpoint *rows;
    size_t count;
} tables[] = {
    [ROUTE_PUBLIC] = { public_endpoints, sizeof public_endpoints / sizeof public_endpoints[0] },
    [ROUTE_ADMIN] = { admin_endpoints, sizeof admin_endpoints / sizeof admin_endpoints[0] },
};

static bool is_at(const struct endpoint *endpoint, const struct snapshot *snapshot, struct str path)
{
    const struct config_paths *paths = &snapshot->config->paths;
    struct str configured;

    if (endpoint->path_offset == ENDPOINT_PATH_FIXED)
        return str_eq(path, endpoint->path_suffix);
    if (endpoint->path_offset == ENDPOINT_PATH_PAGE)
        return pages_find(snapshot->pages, path) != NULL;
    configured = str_of(*(char *const *)((const char *)paths + endpoint->path_offset));
    return path.n == configured.n + endpoint->path_suffix.n && str_starts(path, configured) &&
           str_eq(str_from(path.p + configured.n, endpoint->path_suffix.n), endpoint->path_suffix);
}

static void answer_method_not_allowed(struct exchange *x, unsigned methods)
{
    static const struct {
        unsigned method;
        const char *name;
    } names[] = {
        { METHOD(GET), "GET" },
        { METHOD(HEAD), "HEAD" },
        { METHOD(POST), "POST" },
        { METHOD(OPTIONS), "OPTIONS" },
    };
    char memory[64];
    struct buf allow = buf_over(memory, sizeof memory);
    const char *separator = "Allow: ";

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((methods & names[i].method) == 0)
            continue;
        buf_add_str(&allow, str_of(separator));
        buf_add_str(&allow, str_of(names[i].name));
        separator = ", ";
    }
    buf_add_lit(&allow, "\r\n");
    answer_text(x, 405, buf_str(&allow), "this path does not take that method");
}

void route(struct exchange *x, enum route_table table)
{
    const struct snapshot *snapshot = x->context->snapshot;
    const struct endpoint *endpoint = tables[table].rows, *end = endpoint + tables[table].count;
    unsigned method = 1u << x->request->method, methods = 0;

    for (; endpoint < end; endpoint++) {
        if (!is_at(endpoint, snapshot, x->request->path))
            continue;
        if ((endpoint->methods & method) != 0) {
            endpoint->answer(x);
            return;
        }
        methods |= endpoint->methods;
    }
    if (methods != 0)
        answer_method_not_allowed(x, methods);
    else
        answer_text(x, 404, STR_ABSENT, "there is nothing here");
}
