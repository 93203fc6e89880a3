/*
 * ep_declare.c - what machines may ask about us: /.well-known/dnt/, /.well-known/gpc.json,
 * /robots.txt, /favicon.ico, and OPTIONS of the server as a whole.
 *
 * What must be true: each statement holds for the running configuration. Nothing here looks at
 * who asks.
 */
#include "base/json.h"
#include "server/answer.h"

#define CACHE_A_DAY "Cache-Control: public, max-age=86400\r\n"

/*
 * W3C Tracking Preference Expression section 6.5: the site-wide tracking status. "D" says that a
 * tracking preference is disregarded, which obliges us to explain it in the policy (section
 * 6.2.9): the opt-out page does. "config" is where people decide.
 */
void ep_dnt(struct exchange *x)
{
    struct str page = str_of(x->context->snapshot->config->paths.optout);
    struct buf body = buf_over(x->context->memory, CONTEXT_MEMORY_BYTES);

    buf_add_lit(&body, "{\"tracking\":\"D\",\"policy\":");
    json_add_string(&body, page);
    buf_add_lit(&body, ",\"config\":");
    json_add_string(&body, page);
    buf_add_lit(&body, "}\n");
    answer(x, 200, STR("application/tracking-status+json"), STR(CACHE_A_DAY), buf_str(&body));
}

/*
 * Global Privacy Control: true says that its requests are abided by. They are with either value
 * of the option gpc: "share" records the objection and leaves the record out of everything that
 * is shared, "optout" does not keep the hit at all. lastUpdate is the day on which that became
 * so.
 */
void ep_gpc(struct exchange *x)
{
    answer(x, 200, STR("application/json"), STR(CACHE_A_DAY),
           STR("{\"gpc\":true,\"version\":1,\"lastUpdate\":\"2026-11-23\"}\n"));
}

/* Crawlers have nothing to find here, and would be counted as visitors. */
void ep_robots(struct exchange *x)
{
    answer(x, 200, STR("text/plain; charset=utf-8"), STR(CACHE_A_DAY),
           STR("User-agent: *\nDisallow: /\n"));
}

/* Browsers ask for it when somebody opens the opt-out page. There is none. */
void ep_favicon(struct exchange *x)
{
    answer(x, 204, STR_ABSENT, STR(CACHE_A_DAY), STR_ABSENT);
}

/* "OPTIONS *" asks whether we are there (RFC 9110 section 9.3.7); proxies do. */
void ep_server_options(struct exchange *x)
{
    answer(x, 204, STR_ABSENT, STR("Allow: GET, HEAD, POST, OPTIONS\r\n"), STR_ABSENT);
}
