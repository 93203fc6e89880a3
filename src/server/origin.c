/*
 * origin.c - origins of pages, and CORS. See origin.h for the contract.
 *
 * What must be true: an Origin is put into an answer only when a site lists it (then it is the site's
 * own text) or when it is made of nothing but the characters of an origin.
 */
#include "server/origin.h"

#include "server/answer.h"

#define ORIGIN_BYTES_MAX 300

static bool take(struct str *s, struct str prefix)
{
    if (!str_starts(*s, prefix))
        return false;
    s->p += prefix.n;
    s->n -= prefix.n;
    return true;
}

/* host or host:port, without a port that goes without saying. */
static struct str without_port(struct str host, struct str port)
{
    if (host.n > port.n && str_eq(str_from(host.p + host.n - port.n, port.n), port))
        host.n -= port.n;
    return host;
}

/*
 * When nobody we trust says that the browser came over https it may have done so all the same,
 * through a proxy that we were not told about.
 */
bool origin_is_own(const struct exchange *x, struct str origin)
{
    struct str host = x->request->header[HTTP_HEADER_HOST], port;

    if (take(&origin, STR("https://")))
        port = STR(":443");
    else if (!x->client.https && take(&origin, STR("http://")))
        port = STR(":80");
    else
        return false;
    return host.n > 0 && str_eq_nocase(without_port(origin, port), without_port(host, port));
}

struct str origin_of(struct str url)
{
    const char *slashes = url.n == 0 ? NULL : memmem(url.p, url.n, "://", 3);

    if (slashes != NULL)
        url.n = str_find(url, '/', (size_t)(slashes - url.p) + 3);
    return url;
}

/* The site's own text of it, or NULL. */
static const char *find_origin(const struct config_site *site, struct str origin)
{
    for (unsigned i = 0; i < site->origins_count; i++) {
        if (str_eq(str_of(site->origins[i]), origin))
            return site->origins[i];
    }
    return NULL;
}

const struct config_site *origin_find_site(const struct config *config, struct str origin)
{
    for (unsigned i = 0; i < config->sites_count; i++) {
        if (find_origin(&config->sites[i], origin) != NULL)
            return &config->sites[i];
    }
    return NULL;
}

bool origin_may_send(const struct exchange *x, const struct config_site *site)
{
    const struct config *config = x->context->snapshot->config;
    struct str origin = x->request->header[HTTP_HEADER_ORIGIN];

    if (origin.p == NULL || config->open || site == NULL)
        return true;
    return find_origin(site, origin) != NULL || origin_is_own(x, origin);
}

static bool is_plain(struct str origin)
{
    for (size_t i = 0; i < origin.n; i++) {
        char c = origin.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(":/.-[]_", c) != NULL)))
            return false;
    }
    return origin.n > 0 && origin.n <= ORIGIN_BYTES_MAX;
}

bool origin_add_cors(const struct exchange *x, bool listed_only, struct buf *headers)
{
    const struct config *config = x->context->snapshot->config;
    struct str origin = x->request->header[HTTP_HEADER_ORIGIN];
    const struct config_site *site = origin_find_site(config, origin);
    bool any = !listed_only && (config->open || config->sites_count == 0);

    buf_add_lit(headers, "Vary: Origin\r\n");
    if (site != NULL)
        origin = str_of(find_origin(site, origin));
    else if (!any || !is_plain(origin))
        return false;
    buf_add_lit(headers, "Access-Control-Allow-Origin: ");
    buf_add_str(headers, origin);
    buf_add_lit(headers, "\r\nAccess-Control-Allow-Credentials: true\r\n"
                         "Access-Control-Expose-Headers: X-Crumb\r\n");
    return true;
}

/* OPTIONS for the endpoints that take events: 204 and a day of permission, or 403. */
void ep_preflight(struct exchange *x)
{
    char memory[ORIGIN_CORS_BYTES_MAX + 256];
    struct buf headers = buf_over(memory, sizeof memory);

    if (!origin_add_cors(x, false, &headers)) {
        answer_text(x, 403, buf_str(&headers), "no site has this origin");
        return;
    }
    /* The last is a header that Snowplow's trackers send. */
    buf_add_lit(&headers, "Access-Control-Allow-Methods: POST\r\n"
                          "Access-Control-Allow-Headers: Content-Type, SP-Anonymous\r\n"
                          "Access-Control-Max-Age: 86400\r\n");
    answer(x, 204, STR_ABSENT, buf_str(&headers), STR_ABSENT);
}
