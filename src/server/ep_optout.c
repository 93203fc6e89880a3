/*
 * ep_optout.c - the opt-out page, its two buttons, and the state for scripts: /optout, /optin,
 * /optout/status.
 *
 * What must be true:
 *  1. Only a POST from our own page, or from a script on a page of a configured site, changes
 *     anything; nobody else's page, link, picture or prefetch can.
 *  2. Nothing here needs the disk, so that opting out works when collecting does not.
 *  3. No byte of the request gets into an answer; an Origin is answered with the site's text of it.
 */
#include <assert.h>

#include "server/answer.h"
#include "server/collect.h"
#include "server/cookie.h"
#include "server/origin.h"
#include "server/page.h"
#include "web/optout.css.h"
#include "web/optout.html.h"

#define HEADERS_BYTES_MAX (ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX)

/* What the parts of the page add to it: paths and cookie names of the configuration. */
#define PARTS_BYTES_MAX 4096
_Static_assert(sizeof web_optout_html + sizeof web_optout_css + PARTS_BYTES_MAX <
                   ANSWER_BYTES_MAX - 2 * ANSWER_HEAD_BYTES_MAX,
               "the opt-out page does not fit into one answer");

/*
 * ---- the state --------------------------------------------------------------------------------
 */

enum state { COUNTED, OUT_BY_COOKIE, OUT_BY_SITE, OUT_BY_GPC };

/* What collect() would decide for a hit of this browser; the page's own button comes first. */
static enum state read_state(const struct exchange *x)
{
    const struct config *config = x->context->snapshot->config;
    bool gpc = collect_gpc_signal(x->request);
    const struct config_site *site;
    struct policy_cookies cookies;

    collect_read_cookies(&cookies, x->request, &config->cookies, NULL);
    if (cookies.opted_out)
        return OUT_BY_COOKIE;
    site = origin_find_site(config, x->request->header[HTTP_HEADER_ORIGIN]);
    if (site == NULL)
        collect_find_site(config, STR_ABSENT, &site);
    collect_read_cookies(&cookies, x->request, &config->cookies, site);
    if (cookies.opted_out)
        return OUT_BY_SITE;
    return policy_decide(&config->privacy, false, gpc) == POLICY_OPTED_OUT ? OUT_BY_GPC : COUNTED;
}

void ep_optout_status(struct exchange *x)
{
    static const char *const bodies[] = {
        [COUNTED] = "{\"optout\":false}\n",
        [OUT_BY_COOKIE] = "{\"optout\":true,\"by\":\"cookie\"}\n",
        [OUT_BY_SITE] = "{\"optout\":true,\"by\":\"site\"}\n",
        [OUT_BY_GPC] = "{\"optout\":true,\"by\":\"gpc\"}\n",
    };

    char memory[ORIGIN_CORS_BYTES_MAX + 64];
    struct buf headers = buf_over(memory, sizeof memory);

    buf_add_lit(&headers, "Cache-Control: no-store\r\n");
    origin_add_cors(x, true, &headers);
    answer(x, 200, STR("application/json"), buf_str(&headers), str_of(bodies[read_state(x)]));
}

/*
 * ---- the page ---------------------------------------------------------------------------------
 */

/*
 * No script, no picture, no font: one style sheet that is known by its hash. Nobody may frame the
 * button. With "Referrer-Policy: no-referrer" browsers would send "Origin: null" with the form.
 */
#define PAGE_HEADERS                                                                               \
    "Cache-Control: no-store\r\n"                                                                  \
    "Content-Security-Policy: default-src 'none'; style-src 'sha256-" WEB_OPTOUT_CSS_SHA256        \
    "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"                           \
    "Referrer-Policy: same-origin\r\n"                                                             \
    "X-Frame-Options: DENY\r\n"

void ep_optout_page(struct exchange *x)
{
    const struct config *config = x->context->snapshot->config;
    const struct config_privacy *privacy = &config->privacy;
    enum state state = read_state(x);
    const struct page_part parts[] = {
        { "style", .raw = true, .text = { (const char *)web_optout_css, sizeof web_optout_css } },
        { "optout", .text = str_of(config->paths.optout) },
        { "optin", .text = str_of(config->paths.optin) },
        { "id_name", .text = str_of(config->cookies.id_name) },
        { "optout_name", .text = str_of(config->cookies.optout_name) },
        { "counted", .shown = state == COUNTED },
        { "out_by_cookie", .shown = state == OUT_BY_COOKIE },
        { "out_by_site", .shown = state == OUT_BY_SITE },
        { "out_by_gpc", .shown = state == OUT_BY_GPC },
        { "ip_full", .shown = privacy->ip == IP_FULL },
        { "ip_masked", .shown = privacy->ip == IP_MASKED },
        { "ip_none", .shown = privacy->ip == IP_NONE },
        { "gpc_share", .shown = privacy->gpc == GPC_SHARE },
        { "gpc_optout", .shown = privacy->gpc == GPC_OPTOUT },
    };
    struct buf body = buf_over(x->context->memory,
                               ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX - sizeof PAGE_HEADERS);

    page_add(&body, str_from((const char *)web_optout_html, sizeof web_optout_html), parts,
             sizeof parts / sizeof parts[0]);
    assert(!body.full);
    answer(x, 200, STR("text/html; charset=utf-8"), STR(PAGE_HEADERS), buf_str(&body));
}

/*
 * ---- the buttons ------------------------------------------------------------------------------
 */

/*
 * Does the request come from our own page? The first of three headers that is there decides. A
 * browser that sends Sec-Fetch-Site does not let pages touch it, and it holds whatever a proxy
 * has made of Host. None of them proves nothing.
 */
static bool is_same_origin(const struct exchange *x)
{
    const struct str *header = x->request->header;
    struct str fetch_site = header[HTTP_HEADER_SEC_FETCH_SITE];

    if (fetch_site.p != NULL)
        return str_eq(fetch_site, STR("same-origin")) || str_eq(fetch_site, STR("none"));
    if (header[HTTP_HEADER_ORIGIN].p != NULL)
        return origin_is_own(x, header[HTTP_HEADER_ORIGIN]);
    return origin_is_own(x, origin_of(header[HTTP_HEADER_REFERER]));
}

/*
 * A script on a page of a configured site: its browser names the page's origin itself. Sites may offer
 * the choice on their own pages, crumb('optout'); pages of anybody else, open or not, may not.
 */
static bool is_from_site(const struct exchange *x)
{
    struct str origin = x->request->header[HTTP_HEADER_ORIGIN];

    return origin.p != NULL && origin_find_site(x->context->snapshot->config, origin) != NULL;
}

static bool may_change(struct exchange *x)
{
    if ((is_same_origin(x) || is_from_site(x)) && !collect_is_prefetch(x->request))
        return true;
    answer_text(x, 403, STR_ABSENT,
                "only this server's own opt-out page and the pages of its sites do that");
    return false;
}

/* May an answer to that host set cookies for the domain? */
static bool is_host_in(struct str host, struct str domain)
{
    size_t from;

    host.n = str_find(host, ':', 0);
    if (host.n < domain.n)
        return false;
    from = host.n - domain.n;
    return str_eq_nocase(str_from(host.p + from, domain.n), domain) &&
           (from == 0 || host.p[from - 1] == '.');
}

/* A cookie domain that this host may set, and that no earlier site has. */
static bool is_ours_to_set(const struct exchange *x, unsigned site)
{
    const struct config *config = x->context->snapshot->config;
    const char *domain = config->sites[site].cookie_domain;

    if (domain == NULL || !is_host_in(x->request->header[HTTP_HEADER_HOST], str_of(domain)))
        return false;
    for (unsigned i = 0; i < site; i++) {
        const char *earlier = config->sites[i].cookie_domain;

        if (earlier != NULL && str_eq(str_of(earlier), str_of(domain)))
            return false;
    }
    return true;
}

typedef void add_cookies_fn(struct buf *headers, const struct cookie_scope *scope);

/*
 * Everywhere that hits through this host look for cookies: host-only, and the domains of the
 * sites above it.
 */
static void add_in_all_scopes(struct buf *headers, const struct exchange *x, add_cookies_fn *add)
{
    const struct config *config = x->context->snapshot->config;
    struct cookie_scope scope = { .names = &config->cookies, .https = x->client.https };

    add(headers, &scope);
    for (unsigned i = 0; i < config->sites_count; i++) {
        if (!is_ours_to_set(x, i))
            continue;
        scope.domain = config->sites[i].cookie_domain;
        add(headers, &scope);
    }
}

/*
 * Back to the page, which then shows the new state; reloading it repeats nothing. A script of a site's
 * page has no use for ours.
 */
static void answer_changed(struct exchange *x, add_cookies_fn *add)
{
    struct buf headers = buf_over(x->context->memory, HEADERS_BYTES_MAX);

    if (!is_same_origin(x)) {
        buf_add_lit(&headers, "Cache-Control: no-store\r\n");
        origin_add_cors(x, true, &headers);
        add_in_all_scopes(&headers, x, add);
        answer(x, 204, STR_ABSENT, buf_str(&headers), STR_ABSENT);
        return;
    }
    buf_add_lit(&headers, "Location: ");
    buf_add_str(&headers, str_of(x->context->snapshot->config->paths.optout));
    buf_add_lit(&headers, "\r\nCache-Control: no-store\r\n");
    add_in_all_scopes(&headers, x, add);
    answer(x, 303, STR_ABSENT, buf_str(&headers), STR_ABSENT);
}

static void add_optout(struct buf *headers, const struct cookie_scope *scope)
{
    cookie_add_optout(headers, scope);
    cookie_add_id_end(headers, scope);
}

void ep_optout_change(struct exchange *x)
{
    if (!may_change(x))
        return;
    metrics_add(&x->context->metrics->optouts, 1);
    answer_changed(x, add_optout);
}

void ep_optin_change(struct exchange *x)
{
    if (!may_change(x))
        return;
    metrics_add(&x->context->metrics->optins, 1);
    answer_changed(x, cookie_add_optout_end);
}
