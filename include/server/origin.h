/*
 * origin.h - which pages a request came from, and what their scripts may read (Fetch standard, CORS).
 *
 * An origin is scheme://host[:port] as a browser sends it. "Own" is this server's, as the browser sees
 * it. A page of another origin may read an answer only if a site lists that origin, or any may (open, or
 * no sites at all).
 */
#ifndef CRUMB_SERVER_ORIGIN_H
#define CRUMB_SERVER_ORIGIN_H

#include "server/endpoint.h"

bool origin_is_own(const struct exchange *x, struct str origin);

/* scheme://host[:port] of a URL; the URL itself if it has no path. */
struct str origin_of(struct str url);

/* The first site that lists it; NULL when none does. */
const struct config_site *origin_find_site(const struct config *config, struct str origin);

/*
 * May a page of the request's Origin send hits of that site (NULL: of one that nobody configured)?
 * Without the header, which only browsers are bound to send, yes.
 */
bool origin_may_send(const struct exchange *x, const struct config_site *site);

/*
 * Adds the lines that let the page read the answer, with its cookies; "Vary: Origin" in any case. Room:
 * ORIGIN_CORS_BYTES_MAX. Returns whether it may. listed_only: for what only a configured site may do.
 */
#define ORIGIN_CORS_BYTES_MAX 512
bool origin_add_cors(const struct exchange *x, bool listed_only, struct buf *headers);

#endif
