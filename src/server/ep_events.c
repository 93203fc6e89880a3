/*
 * ep_events.c - POST /b: events as JSON, each judged by itself.
 *
 * What must be true: the sum of "accepted" and of the rejected is the number of events that came (or 1
 * for a body that is no JSON at all), and each of them moved hits_received and one counter more. A
 * sample of what was refused is kept for the site's owner, but never of a browser that opted out.
 */
#include "base/json.h"
#include "model/facts.h"
#include "model/json_in.h"
#include "server/answer.h"
#include "server/collect.h"
#include "server/origin.h"
#include "server/sample.h"

#define EVENTS_MAX         256 /* in one request; the tag sends at most 20 */
#define HEADERS_BYTES_MAX  (COLLECT_COOKIES_BYTES_MAX + ORIGIN_CORS_BYTES_MAX + 128)
#define VERDICTS_BYTES_MAX (ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX - HEADERS_BYTES_MAX)

/* One request's verdicts on their way. */
struct verdicts {
    struct exchange *x;
    struct buf headers;
    struct buf rejected; /* [{"index":i,"reason":"..."} ...; what does not fit is only counted */
    unsigned accepted, refused;
    int status; /* of the first that was refused */
};

static void refuse(struct verdicts *v, size_t index, int status, const char *reason)
{
    size_t mark = v->rejected.n;

    if (v->refused++ == 0)
        v->status = status;
    buf_add_str(&v->rejected, str_of(mark == 0 ? "{\"index\":" : ",{\"index\":"));
    buf_add_u64(&v->rejected, index);
    buf_add_lit(&v->rejected, ",\"reason\":");
    json_add_string(&v->rejected, str_of(reason));
    buf_add_char(&v->rejected, '}');
    if (v->rejected.full)
        buf_rewind(&v->rejected, mark);
}

/* Not an event: what collect() never sees is counted here. */
static void refuse_bad(struct verdicts *v, size_t index, _Atomic uint64_t *counter,
                       const char *reason, struct str sample)
{
    const struct exchange *x = v->x;
    const struct config_site *site =
        origin_find_site(x->context->snapshot->config, x->request->header[HTTP_HEADER_ORIGIN]);

    metrics_add(&x->context->metrics->hits_received, 1);
    metrics_add(counter, 1);
    collect_add_debug(v->x, site, "bad: ", reason, &v->headers);
    sample_keep(v->x, reason, sample);
    refuse(v, index, 400, reason);
}

static void judge(struct verdicts *v, const struct json_in *in, size_t index)
{
    struct exchange *x = v->x;
    struct buf memory = buf_over(x->context->memory, CONTEXT_MEMORY_BYTES);
    char text[SAMPLE_BYTES_MAX + 1];
    struct buf sample = buf_over(text, sizeof text);
    struct collect_refusal refusal;
    enum collect_verdict verdict;
    struct event event;
    struct err e = { .code = ERR_NONE };

    if (index >= EVENTS_MAX) {
        refuse_bad(v, index, &x->context->metrics->hits_refused_event,
                   "more than 256 events in one request", STR(""));
        return;
    }
    if (!json_in_event(in, index, &event.facts, &memory, &e)) {
        json_in_add_text(in, index, SAMPLE_BYTES_MAX, &sample);
        refuse_bad(v, index, &x->context->metrics->hits_refused_event, e.text, buf_str(&sample));
        return;
    }
    event.kind = facts_kind(&event.facts);
    verdict = collect(x, &event, &v->headers);
    if (verdict == COLLECT_ACCEPTED || verdict == COLLECT_OPTED_OUT) {
        v->accepted++;
        return;
    }
    refusal = collect_refusal(verdict);
    if (refusal.status == 403) {
        json_in_add_text(in, index, SAMPLE_BYTES_MAX, &sample);
        sample_keep(v->x, refusal.sentence, buf_str(&sample));
    }
    refuse(v, index, refusal.status, refusal.sentence);
}

static void answer_verdicts(struct verdicts *v)
{
    char memory[VERDICTS_BYTES_MAX];
    struct buf body = buf_over(memory, sizeof memory);
    int status = v->accepted > 0 ? 200 : v->refused > 0 ? v->status : 400;

    buf_add_lit(&body, "{\"accepted\":");
    buf_add_u64(&body, v->accepted);
    buf_add_lit(&body, ",\"rejected\":[");
    buf_add_str(&body, buf_str(&v->rejected));
    buf_add_lit(&body, "]}\n");
    buf_add_lit(&v->headers, "Cache-Control: no-store\r\n");
    if (status == 503)
        buf_add_lit(&v->headers, ANSWER_RETRY_AFTER);
    answer(v->x, status, STR("application/json"), buf_str(&v->headers), buf_str(&body));
}

/* A page's string goes out as text/plain, which needs no preflight; a server's as application/json. */
static bool is_json_type(struct str type)
{
    struct str essence = str_trim(str_cut(&type, ';'));

    return essence.n == 0 || str_eq_nocase(essence, STR("application/json")) ||
           str_eq_nocase(essence, STR("text/plain"));
}

void ep_events(struct exchange *x)
{
    char header_memory[HEADERS_BYTES_MAX], rejected_memory[VERDICTS_BYTES_MAX - 64];
    struct verdicts v = { .x = x,
                          .headers = buf_over(header_memory, sizeof header_memory),
                          .rejected = buf_over(rejected_memory, sizeof rejected_memory) };
    struct json_in *in;
    struct err e;
    size_t events;

    origin_add_cors(x, false, &v.headers);
    if (!is_json_type(x->request->header[HTTP_HEADER_CONTENT_TYPE])) {
        answer_text(x, 415, buf_str(&v.headers), "events are application/json or text/plain");
        return;
    }
    in = json_in_read(x->request->body, NULL, &events, &e);
    if (in == NULL)
        refuse_bad(&v, 0, &x->context->metrics->hits_refused_json, e.text, x->request->body);
    for (size_t i = 0; in != NULL && i < events; i++)
        judge(&v, in, i);
    json_in_free(in);
    answer_verdicts(&v);
}
