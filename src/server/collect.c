/*
 * collect.c - the data path. See collect.h for the contract; collect() reads from top to bottom.
 *
 * What must be true:
 *  1. Every hit moves hits_received and exactly one of the counters that say what became of it.
 *  2. Of a visitor who opted out no identifier is read, made or written, and nothing reaches the
 *     spool.
 *  3. An identifier is announced in Set-Cookie only together with the record that holds it.
 *  4. Of the request only the headers that are named here and in client_addr.c play a part. No
 *     other signal of the visitor's is looked at.
 */
#include "server/collect.h"

#include "model/codec.h"
#include "model/redact.h"
#include "server/answer.h"
#include "server/cookie.h"
#include "server/live.h"
#include "server/origin.h"

/* ---- what the request says --------------------------------------------------------------- */

bool collect_find_site(const struct config *config, struct str name,
                       const struct config_site **site)
{
    *site = NULL;
    if (config->sites_count == 0)
        return true;
    if (name.p != NULL)
        *site = config_site(config, name);
    else if (config->sites_count == 1)
        *site = &config->sites[0];
    return *site != NULL || config->open;
}

/* One more Cookie line; an opt-out in any of them hides the identifiers in all. */
static void merge_cookies(struct policy_cookies *all, const struct policy_cookies *line)
{
    all->opted_out = all->opted_out || line->opted_out;
    for (unsigned i = 0; i < line->ids_count && all->ids_count < POLICY_IDS_MAX; i++)
        all->ids[all->ids_count++] = line->ids[i];
    if (all->opted_out)
        all->ids_count = 0;
}

void collect_read_cookies(struct policy_cookies *out, const struct http_request *request,
                          const struct config_cookies *names, const struct config_site *site)
{
    struct policy_cookies line;
    struct str value;

    *out = (struct policy_cookies){ .opted_out = false };
    for (unsigned n = 0; (value = http_header_next(request, HTTP_HEADER_COOKIE, n)).p != NULL;
         n++) {
        policy_read_cookies(&line, value, names, site);
        merge_cookies(out, &line);
    }
}

bool collect_gpc_signal(const struct http_request *request)
{
    return str_eq(request->header[HTTP_HEADER_SEC_GPC], STR("1"));
}

/* Sec-Purpose: prefetch;prerender - the purpose stands before its parameters. */
static bool says_prefetch(struct str purpose)
{
    struct str token = str_trim(str_cut(&purpose, ';'));

    return str_eq_nocase(token, STR("prefetch")) || str_eq_nocase(token, STR("prerender"));
}

bool collect_is_prefetch(const struct http_request *request)
{
    return says_prefetch(request->header[HTTP_HEADER_SEC_PURPOSE]) ||
           says_prefetch(request->header[HTTP_HEADER_PURPOSE]);
}

/* An empty header says nothing. */
static struct str given(struct str value)
{
    return value.n == 0 ? STR_ABSENT : value;
}

/* The first tag of Accept-Language, without its weight. */
static struct str first_language(struct str header)
{
    struct str range = str_cut(&header, ',');
    struct str tag = str_trim(str_cut(&range, ';'));

    return str_eq(tag, STR("*")) ? STR_ABSENT : given(tag);
}

/* ---- who it is --------------------------------------------------------------------------- */

/*
 * The first valid identifier, or a new one. Bad ones are as if they had not been sent. Once for all
 * hits of an exchange.
 */
static void find_identity(struct exchange *x, const struct policy_cookies *cookies)
{
    const struct context *c = x->context;

    if (x->identified)
        return;
    x->identified = true;
    for (unsigned i = 0; i < cookies->ids_count; i++) {
        if (identity_read(c->snapshot->keys, cookies->ids[i], c->now_ms, &x->identity))
            return;
        metrics_add(&c->metrics->ids_bad, 1);
    }
    identity_make(c->snapshot->keys, c->now_ms, &x->identity);
}

static struct cookie_scope scope_of(const struct exchange *x, const char *domain)
{
    return (struct cookie_scope){ .names = &x->context->snapshot->config->cookies,
                                  .domain = domain,
                                  .https = x->client.https };
}

/* Wherever an earlier answer may have put it. */
static void end_identity(struct exchange *x, const struct config_site *site, struct buf *headers)
{
    struct cookie_scope scope = scope_of(x, NULL);

    if (x->cookies_told)
        return;
    x->cookies_told = true;
    cookie_add_id_end(headers, &scope);
    if (site != NULL && site->cookie_domain != NULL) {
        scope.domain = site->cookie_domain;
        cookie_add_id_end(headers, &scope);
    }
}

/* ---- what is kept ------------------------------------------------------------------------ */

/*
 * All of the event but what its place in the spool decides. uid has IDENTITY_UID_BYTES; what had to be
 * rewritten is in memory.
 */
static void describe(struct event *event, const struct exchange *x, const struct config_site *site,
                     char *uid, struct buf *memory)
{
    const struct identity *id = &x->identity;
    const struct context *c = x->context;
    const struct config *config = c->snapshot->config;
    const struct str *header = x->request->header;

    event->ts_ms = c->now_ms;
    event->instance = c->instance;
    event->worker = c->worker;
    event->vid = str_from(id->vid, sizeof id->vid);
    event->vid_new = id->is_new;
    event->geo = geo_lookup(c->snapshot->geo, c->geo_cache, &x->client.ip);
    event->ip = policy_stored_ip(&config->privacy, &x->client.ip);
    event->ua = given(header[HTTP_HEADER_USER_AGENT]);
    event->gpc = collect_gpc_signal(x->request);
    event->prefetch = collect_is_prefetch(x->request);
    if (site != NULL)
        event->facts.site = str_of(site->name);
    if (event->facts.url.p == NULL)
        event->facts.url = given(header[HTTP_HEADER_REFERER]);
    if (event->facts.lang.p == NULL)
        event->facts.lang = first_language(header[HTTP_HEADER_ACCEPT_LANGUAGE]);
    redact_facts(&event->facts, site, memory);
    event->uid = STR_ABSENT;
    if (event->facts.uid.n > 0) {
        identity_hash_uid(c->snapshot->keys, event->facts.site, event->facts.uid, uid);
        event->uid = str_from(uid, IDENTITY_UID_BYTES);
    }
}

/* The batch has a bound of its own; what has an errno behind it came from the disk. */
static enum collect_verdict refusal(const struct err *e)
{
    return e->code == ERR_FULL && e->sys_errno == 0 ? COLLECT_REFUSED_OVERLOAD
                                                    : COLLECT_REFUSED_DISK;
}

/* Writes the line where the batch wants it. */
static enum collect_verdict keep(struct exchange *x, struct event *event)
{
    struct spool *spool = x->context->spool;
    unsigned dropped = event->facts.params_dropped;
    struct buf line;
    struct err e;
    char *p = spool_reserve(spool, EVENT_LINE_BYTES_MAX, &event->seq, &e);

    if (p == NULL)
        return refusal(&e);
    line = buf_over(p, EVENT_LINE_BYTES_MAX);
    dropped += codec_add_line(&line, event);
    x->batch = spool_accept(spool, line.n);
    x->batch_records++;
    if (x->context->live != NULL)
        live_tap_hit(x->context->live, event);
    metrics_add(&x->context->metrics->params_dropped, dropped);
    return COLLECT_ACCEPTED;
}

/* A new identifier's cookie. It is new once. */
static void announce(struct exchange *x, const struct config_site *site, struct buf *headers)
{
    struct identity *id = &x->identity;
    struct cookie_scope scope = scope_of(x, site == NULL ? NULL : site->cookie_domain);

    id->is_new = false;
    if (x->cookies_told)
        return;
    x->cookies_told = true;
    metrics_add(&x->context->metrics->ids_new, 1);
    cookie_add_id(headers, &scope, str_from(id->cookie, sizeof id->cookie));
}

/* ---- for who sets up a site ---------------------------------------------------------------- */

#define DEBUG_UA_BYTES_MAX  512 /* as much as a record keeps: the answer is what reports say */
#define DEBUG_BOT_BYTES_MAX 40  /* of its kind, and of its name */

/* A field of the encoded geography: what stands between its quotes. */
static struct str geo_field(struct str geo, const char *key)
{
    struct str k = str_of(key);
    const char *at = geo.n == 0 ? NULL : memmem(geo.p, geo.n, k.p, k.n);
    struct str value;

    if (at == NULL)
        return STR_ABSENT;
    value = str_from(at + k.n, geo.n - (size_t)(at + k.n - geo.p));
    value.n = str_find(value, '"', 0);
    return value;
}

void collect_add_debug(struct exchange *x, const struct config_site *site, const char *verdict,
                       const char *reason, struct buf *headers)
{
    size_t start = headers->n;

    if (site == NULL || !site->debug || x->debug_told)
        return;
    x->debug_told = true;
    buf_addf(headers, "X-Crumb: %s%.300s", verdict, reason);
    for (size_t i = start; i < headers->n; i++) { /* a reason may quote what was sent */
        if (headers->p[i] < 0x20 || headers->p[i] > 0x7E)
            headers->p[i] = '?';
    }
    buf_add_lit(headers, "\r\n");
}

static struct str head(struct str s, size_t bytes_max)
{
    return str_from(s.p, s.n < bytes_max ? s.n : bytes_max);
}

/* Bots are stored like everybody, and told apart by who reads. */
static const char *stored_verdict(struct buf *b, const struct context *c, struct str ua)
{
    struct bots *bots = c->snapshot->bots;
    int row = -1;

    if (bots != NULL && c->bots_memory != NULL)
        row = bots_find(bots, c->bots_memory, head(ua, DEBUG_UA_BYTES_MAX));
    if (row < 0)
        return "stored";
    buf_add_str(b, head(bots_kind(bots, row), DEBUG_BOT_BYTES_MAX));
    buf_add_char(b, ' ');
    buf_add_str(b, head(bots_name(bots, row), DEBUG_BOT_BYTES_MAX));
    buf_add_lit(b, "; stored");
    return "bot ";
}

static void debug_stored(struct exchange *x, const struct config_site *site,
                         const struct event *event, struct buf *headers)
{
    char memory[256];
    struct buf b = buf_over(memory, sizeof memory - 1);
    const char *verdict;

    if (site == NULL || !site->debug || x->debug_told)
        return;
    verdict = stored_verdict(&b, x->context, event->ua);
    buf_add_lit(&b, "; ip=");
    ip_add(&b, &event->ip);
    buf_add_lit(&b, "; country=");
    buf_add_str(&b, geo_field(event->geo, "\"country\":\""));
    buf_add_lit(&b, "; vid=");
    buf_add_str(&b, event->vid);
    if (event->vid_new)
        buf_add_lit(&b, " (new)");
    if (event->uid.p != NULL) {
        buf_add_lit(&b, "; uid=");
        buf_add_str(&b, event->uid);
    }
    memory[b.n] = '\0';
    collect_add_debug(x, site, verdict, memory, headers);
}

/* ---- the path ---------------------------------------------------------------------------- */

/* What becomes of a hit: its counter, and for a refusal the answer. */
static const struct outcome {
    size_t counter; /* in struct metrics */
    int status;
    const char *extra;
    const char *sentence;
} outcomes[] = {
#define COUNTER(field) offsetof(struct metrics, field)
    [COLLECT_OPTED_OUT] = { COUNTER(hits_opted_out), 0, "", "" },
    [COLLECT_REFUSED_SITE] = { COUNTER(hits_refused_site), 403, "",
                               "this collector does not serve that site" },
    [COLLECT_REFUSED_ORIGIN] = { COUNTER(hits_refused_origin), 403, "",
                                 "that site has no such origin" },
    [COLLECT_REFUSED_DISK] = { COUNTER(hits_refused_disk), 503, ANSWER_RETRY_AFTER,
                               "the hit cannot be kept now: the disk does not take it" },
    [COLLECT_REFUSED_OVERLOAD] = { COUNTER(hits_refused_overload), 503, ANSWER_RETRY_AFTER,
                                   "the hit cannot be kept now: too many are waiting" },
#undef COUNTER
};

static enum collect_verdict counted(const struct exchange *x, enum collect_verdict verdict)
{
    char *metrics = (char *)x->context->metrics;

    if (verdict != COLLECT_ACCEPTED) /* which the fate of its batch decides */
        metrics_add((_Atomic uint64_t *)(void *)(metrics + outcomes[verdict].counter), 1);
    return verdict;
}

enum collect_verdict collect(struct exchange *x, struct event *event, struct buf *headers)
{
    struct context *c = x->context;
    const struct config *config = c->snapshot->config;
    char rewritten[REDACT_BYTES_MAX], uid[IDENTITY_UID_BYTES];
    struct buf memory = buf_over(rewritten, sizeof rewritten);
    const struct config_site *site;
    struct policy_cookies cookies;
    enum collect_verdict verdict;

    metrics_add(&c->metrics->hits_received, 1);
    if (!collect_find_site(config, event->facts.site, &site))
        return counted(x, COLLECT_REFUSED_SITE);
    if (!origin_may_send(x, site)) {
        collect_add_debug(x, site, "bad: ", "that site has no such origin", headers);
        return counted(x, COLLECT_REFUSED_ORIGIN);
    }

    collect_read_cookies(&cookies, x->request, &config->cookies, site);
    if (policy_decide(&config->privacy, cookies.opted_out, collect_gpc_signal(x->request)) ==
        POLICY_OPTED_OUT) {
        end_identity(x, site, headers);
        collect_add_debug(x, site, "optout", "", headers);
        return counted(x, COLLECT_OPTED_OUT);
    }

    find_identity(x, &cookies);
    describe(event, x, site, uid, &memory);
    verdict = keep(x, event);
    if (verdict == COLLECT_ACCEPTED) {
        if (x->identity.is_new)
            announce(x, site, headers);
        debug_stored(x, site, event, headers);
    }
    return counted(x, verdict);
}

bool collect_is_opted_out(const struct exchange *x, const struct config_site *site)
{
    const struct config *config = x->context->snapshot->config;
    struct policy_cookies cookies;

    collect_read_cookies(&cookies, x->request, &config->cookies, site);
    return policy_decide(&config->privacy, cookies.opted_out, collect_gpc_signal(x->request)) ==
           POLICY_OPTED_OUT;
}

struct collect_refusal collect_refusal(enum collect_verdict verdict)
{
    const struct outcome *outcome = &outcomes[verdict];

    return (struct collect_refusal){ outcome->status, outcome->extra, outcome->sentence };
}

void collect_answer_refused(struct exchange *x, enum collect_verdict verdict)
{
    const struct outcome *outcome = &outcomes[verdict];

    answer_text(x, outcome->status, str_of(outcome->extra), outcome->sentence);
}

void collect_count_refused(struct exchange *x, enum collect_verdict verdict)
{
    metrics_add(&x->context->metrics->hits_received, 1);
    counted(x, verdict);
}
