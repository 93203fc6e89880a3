/*
 * ep_sdk.c - trackers that people already have: Snowplow's GET /i and POST .../tp2, Matomo's /matomo.php.
 *
 * Each hit is read by the tables of model/sdk.c and goes the way of all hits, collect(). What must be
 * true: a site gets hits of a protocol only when its config says so (snowplow, matomo_id); each hit is
 * counted once.
 */
#include "model/facts.h"
#include "model/json_in.h"
#include "model/sdk.h"
#include "server/answer.h"
#include "server/collect.h"
#include "server/origin.h"
#include "server/pixel.h"
#include "server/sample.h"

#define HITS_MAX 256 /* in one request */
#define HEADERS_BYTES_MAX                                                                          \
    (sizeof PIXEL_HEADERS + COLLECT_COOKIES_BYTES_MAX + ORIGIN_CORS_BYTES_MAX + 64)

/* One request's hits. */
struct delivery {
    struct exchange *x;
    enum sdk_protocol protocol;
    struct buf headers;
    unsigned accepted, refused;
    int status;           /* of the first that was refused */
    const char *sentence; /* the same */
    struct err e;         /* whose text it may be */
};

static void refuse(struct delivery *d, int status, const char *sentence, struct str sample)
{
    if (status < 500)
        sample_keep(d->x, sentence, sample);
    if (d->refused++ > 0)
        return;
    d->status = status;
    d->sentence = sentence;
}

static void refuse_bad(struct delivery *d, _Atomic uint64_t *counter, const char *sentence,
                       struct str sample)
{
    metrics_add(&d->x->context->metrics->hits_received, 1);
    metrics_add(counter, 1);
    refuse(d, 400, sentence, sample);
}

/* ---- one hit ----------------------------------------------------------------------------------- */

static const struct config_site *find_site(const struct config *config, const struct sdk_hit *hit)
{
    uint64_t number;

    if (hit->protocol == SDK_SNOWPLOW) {
        const struct config_site *site = config_site(config, hit->facts->site);

        return site != NULL && site->snowplow ? site : NULL;
    }
    if (!str_to_u64(hit->notes[SDK_NUMBER], UINT64_MAX, &number) || number == 0)
        return NULL;
    for (unsigned i = 0; i < config->sites_count; i++) {
        if (config->sites[i].matomo_id == number)
            return &config->sites[i];
    }
    return NULL;
}

/* All keys have been taken. */
static void deliver(struct delivery *d, struct sdk_hit *hit, struct event *event, struct str sample)
{
    struct exchange *x = d->x;
    const struct config_site *site = find_site(x->context->snapshot->config, hit);
    enum collect_verdict verdict = COLLECT_REFUSED_SITE;
    struct collect_refusal refusal;

    if (!sdk_end(hit, &d->e)) {
        refuse_bad(d, &x->context->metrics->hits_refused_event, d->e.text, sample);
        return;
    }
    if (site == NULL) {
        collect_count_refused(x, verdict);
    } else {
        hit->facts->site = str_of(site->name);
        event->kind = hit->kind;
        verdict = collect(x, event, &d->headers);
    }
    if (verdict == COLLECT_ACCEPTED || verdict == COLLECT_OPTED_OUT) {
        d->accepted++;
        return;
    }
    refusal = collect_refusal(verdict);
    refuse(d, refusal.status, refusal.sentence, sample);
}

static void take_query(struct delivery *d, struct str query)
{
    struct buf memory = buf_over(d->x->context->memory, CONTEXT_MEMORY_BYTES);
    struct event event;
    struct sdk_hit hit;

    sdk_begin(&hit, d->protocol, &event.facts, &memory);
    event.facts.params_dropped += facts_pairs(query, &memory, sdk_take, &hit);
    deliver(d, &hit, &event, query);
}

static void take_object(struct delivery *d, const struct json_in *in, size_t i)
{
    struct buf memory = buf_over(d->x->context->memory, CONTEXT_MEMORY_BYTES);
    char text[SAMPLE_BYTES_MAX];
    struct buf sample = buf_over(text, sizeof text);
    struct event event;
    struct sdk_hit hit;

    json_in_add_text(in, i, SAMPLE_BYTES_MAX, &sample);
    sdk_begin(&hit, d->protocol, &event.facts, &memory);
    if (json_in_pairs(in, i, sdk_take, &hit, &memory))
        deliver(d, &hit, &event, buf_str(&sample));
    else
        refuse_bad(d, &d->x->context->metrics->hits_refused_event, "not an object",
                   buf_str(&sample));
}

/* Matomo's bulk requests hold queries, "?idsite=1&...", or objects. */
static void take_one(struct delivery *d, const struct json_in *in, size_t i)
{
    struct str query = json_in_string(in, i);

    if (i >= HITS_MAX)
        refuse_bad(d, &d->x->context->metrics->hits_refused_event,
                   "more than 256 hits in one request", STR(""));
    else if (query.p == NULL)
        take_object(d, in, i);
    else
        take_query(d, str_starts(query, STR("?")) ? str_from(query.p + 1, query.n - 1) : query);
}

static void take_array(struct delivery *d, const char *key)
{
    struct str body = d->x->request->body;
    size_t hits = 0;
    struct json_in *in = json_in_read(body, key, &hits, &d->e);

    if (in == NULL)
        refuse_bad(d, &d->x->context->metrics->hits_refused_json, d->e.text, body);
    for (size_t i = 0; i < hits; i++)
        take_one(d, in, i);
    json_in_free(in);
}

/* ---- answers ----------------------------------------------------------------------------------- */

/* The headers' memory is the caller's: HEADERS_BYTES_MAX. */
static struct delivery begin(struct exchange *x, enum sdk_protocol protocol, char *memory)
{
    struct delivery d = { .x = x,
                          .protocol = protocol,
                          .headers = buf_over(memory, HEADERS_BYTES_MAX),
                          .status = 400,
                          .sentence = "there was no hit in it" };

    origin_add_cors(x, false, &d.headers);
    return d;
}

static void answer_refused(struct delivery *d)
{
    if (d->status == 503)
        buf_add_lit(&d->headers, ANSWER_RETRY_AFTER);
    answer_text(d->x, d->status, buf_str(&d->headers), d->sentence);
}

static void answer_with_pixel(struct delivery *d)
{
    buf_add_lit(&d->headers, PIXEL_HEADERS);
    pixel_answer(d->x, &d->headers);
}

void ep_snowplow_get(struct exchange *x)
{
    char memory[HEADERS_BYTES_MAX];
    struct delivery d = begin(x, SDK_SNOWPLOW, memory);

    take_query(&d, x->request->query);
    if (d.accepted > 0)
        answer_with_pixel(&d);
    else
        answer_refused(&d);
}

void ep_snowplow_post(struct exchange *x)
{
    char memory[HEADERS_BYTES_MAX];
    struct delivery d = begin(x, SDK_SNOWPLOW, memory);

    take_array(&d, "data");
    if (d.accepted == 0) {
        answer_refused(&d);
        return;
    }
    buf_add_lit(&d.headers, "Cache-Control: no-store\r\n");
    answer(x, 200, STR("text/plain; charset=utf-8"), buf_str(&d.headers), STR("ok"));
}

/* send_image=0: the client wants no picture. */
static bool wants_no_image(struct str query)
{
    struct str pair;

    while ((pair = str_cut(&query, '&')).p != NULL) {
        if (str_eq(pair, STR("send_image=0")))
            return true;
    }
    return false;
}

static void answer_matomo(struct delivery *d, struct str query)
{
    if (d->accepted == 0) {
        answer_refused(d);
    } else if (wants_no_image(query)) {
        buf_add_lit(&d->headers, PIXEL_HEADERS);
        answer(d->x, 204, STR_ABSENT, buf_str(&d->headers), STR_ABSENT);
    } else {
        answer_with_pixel(d);
    }
}

void ep_matomo_get(struct exchange *x)
{
    char memory[HEADERS_BYTES_MAX];
    struct delivery d = begin(x, SDK_MATOMO, memory);

    take_query(&d, x->request->query);
    answer_matomo(&d, x->request->query);
}

static void answer_bulk(struct delivery *d)
{
    char memory[96];
    struct buf body = buf_over(memory, sizeof memory);

    if (d->accepted == 0) {
        answer_refused(d);
        return;
    }
    buf_addf(&body, "{\"status\":\"success\",\"tracked\":%u,\"invalid\":%u}", d->accepted,
             d->refused);
    buf_add_lit(&d->headers, "Cache-Control: no-store\r\n");
    answer(d->x, 200, STR("application/json"), buf_str(&d->headers), buf_str(&body));
}

/* An object is a bulk request, a form is one hit, and an empty body leaves the query. */
void ep_matomo_post(struct exchange *x)
{
    char memory[HEADERS_BYTES_MAX];
    struct delivery d = begin(x, SDK_MATOMO, memory);
    struct str body = str_trim(x->request->body);

    if (str_starts(body, STR("{"))) {
        take_array(&d, "requests");
        answer_bulk(&d);
        return;
    }
    if (body.n == 0)
        body = x->request->query;
    take_query(&d, body);
    answer_matomo(&d, body);
}
