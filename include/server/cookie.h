/*
 * cookie.h - the Set-Cookie lines of crumb_id and crumb_optout (RFC 6265, and CHIPS for
 * Partitioned).
 *
 * A browser keeps host-only, Domain and Partitioned cookies of one name apart, so what sets one
 * form and what ends all of them stand together here. Over https they are "Secure; SameSite=None"
 * to come back from other people's pages; over http browsers refuse that, and "SameSite=Lax" is
 * what works. Each call adds whole lines; one that does not fit is left out.
 */
#ifndef CRUMB_SERVER_COOKIE_H
#define CRUMB_SERVER_COOKIE_H

#include "base/buf.h"
#include "model/config.h"

/* Where a cookie is to live. */
struct cookie_scope {
    const struct config_cookies *names;
    const char *domain; /* NULL: host-only */
    bool https;
};

/* HttpOnly, Partitioned when configured; its age counts from now, as the identifier's does. */
void cookie_add_id(struct buf *headers, const struct cookie_scope *scope, struct str value);

/* Ends the id cookie in this scope, partitioned or not. */
void cookie_add_id_end(struct buf *headers, const struct cookie_scope *scope);

/*
 * Value 1 for 400 days. Readable by scripts (it identifies nobody), and never Partitioned: it is
 * set on our own page and has to be seen on every other.
 */
void cookie_add_optout(struct buf *headers, const struct cookie_scope *scope);
void cookie_add_optout_end(struct buf *headers, const struct cookie_scope *scope);

#endif
