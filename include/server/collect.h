/*
 * collect.h - the data path: from an endpoint's facts to a record in this turn's batch.
 *
 * Endpoints differ in how facts come in and in what they answer; everything between is here.
 * Counts every hit exactly once: hits_received, and then hits_opted_out, hits_refused_*, or (by
 * the connection, when the batch is decided) hits_stored or hits_refused_write for
 * exchange.batch_records. Thread: the worker that owns the exchange's context. No allocation, no
 * system call but the store's.
 */
#ifndef CRUMB_SERVER_COLLECT_H
#define CRUMB_SERVER_COLLECT_H

#include "model/event.h"
#include "model/policy.h"
#include "server/endpoint.h"

enum collect_verdict {
    COLLECT_ACCEPTED,  /* in the batch; exchange.batch is set, the answer waits for it */
    COLLECT_OPTED_OUT, /* nothing is kept; answer as if it had been */
    COLLECT_REFUSED_SITE,
    COLLECT_REFUSED_ORIGIN,
    COLLECT_REFUSED_DISK,
    COLLECT_REFUSED_OVERLOAD,
};

/* One answer's Set-Cookie lines (an id, or up to four that expire it) and X-Crumb. */
#define COLLECT_COOKIES_BYTES_MAX 2560

/*
 * event->kind and event->facts come from the endpoint; the rest is filled in here, and borrowed
 * from the request. headers has COLLECT_COOKIES_BYTES_MAX free and gets the answer's Set-Cookie
 * lines: a new identifier when accepted, the identifier's end when opted out, nothing when
 * refused. Of several hits in one exchange the first that has something to say is the one.
 */
enum collect_verdict collect(struct exchange *x, struct event *event, struct buf *headers);

/* The answer to a refused hit, the same for every endpoint: 403 or 503. */
void collect_answer_refused(struct exchange *x, enum collect_verdict verdict);

/* Counts a hit that was refused before collect() could see it. */
void collect_count_refused(struct exchange *x, enum collect_verdict verdict);

/* Its parts, for endpoints that judge several hits in one answer. */
struct collect_refusal {
    int status;
    const char *headers; /* lines */
    const char *sentence;
};
struct collect_refusal collect_refusal(enum collect_verdict verdict);

/*
 * Would a hit of this browser be kept at all? What nobody may keep a hit of, nobody may keep a sample
 * of either. site may be NULL.
 */
bool collect_is_opted_out(const struct exchange *x, const struct config_site *site);

/* X-Crumb: what became of a hit, where the site asks for it (option debug); the first of an answer. */
void collect_add_debug(struct exchange *x, const struct config_site *site, const char *verdict,
                       const char *reason, struct buf *headers);

/*
 * The site a hit belongs to. True: it is one of ours; *site is its entry, or NULL when no sites
 * are configured and any name is accepted. A hit that names none belongs to the only site if just
 * one is configured, and to none if none is; with several it is refused.
 */
bool collect_find_site(const struct config *config, struct str name,
                       const struct config_site **site);

/* All Cookie lines of the request. site may be NULL. */
void collect_read_cookies(struct policy_cookies *out, const struct http_request *request,
                          const struct config_cookies *names, const struct config_site *site);

/* Sec-GPC: 1 */
bool collect_gpc_signal(const struct http_request *request);

/* Sec-Purpose or Purpose say that nobody has looked at the page yet: prefetch, prerender. */
bool collect_is_prefetch(const struct http_request *request);

#endif
