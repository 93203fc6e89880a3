/*
 * cookie.c - writes the Set-Cookie lines. See cookie.h for the contract. Called by collect.c and
 * ep_optout.c only.
 */
#include "server/cookie.h"

#include "model/identity.h"

#define DAY_S INT64_C(86400)
#define OPTOUT_LIFETIME_DAYS                                                                       \
    400 /* the longest that browsers keep a cookie (RFC 6265bis section 5.5) */

struct cookie {
    const char *name;
    struct str value;
    int64_t max_age_s; /* 0 ends it */
    bool http_only;
    bool partitioned;
};

static void add(struct buf *b, const struct cookie_scope *scope, const struct cookie *cookie)
{
    size_t mark = b->n;

    buf_add_lit(b, "Set-Cookie: ");
    buf_add_str(b, str_of(cookie->name));
    buf_add_char(b, '=');
    buf_add_str(b, cookie->value);
    buf_add_lit(b, "; Max-Age=");
    buf_add_i64(b, cookie->max_age_s);
    buf_add_lit(b, "; Path=/");
    if (scope->domain != NULL) {
        buf_add_lit(b, "; Domain=");
        buf_add_str(b, str_of(scope->domain));
    }
    if (cookie->http_only)
        buf_add_lit(b, "; HttpOnly");
    if (scope->https)
        buf_add_lit(b, "; Secure; SameSite=None");
    else
        buf_add_lit(b, "; SameSite=Lax");
    if (scope->https && cookie->partitioned)
        buf_add_lit(b, "; Partitioned");
    buf_add_lit(b, "\r\n");
    if (b->full)
        buf_rewind(b, mark);
}

void cookie_add_id(struct buf *headers, const struct cookie_scope *scope, struct str value)
{
    add(headers, scope,
        &(struct cookie){ .name = scope->names->id_name,
                          .value = value,
                          .max_age_s = IDENTITY_LIFETIME_DAYS * DAY_S,
                          .http_only = true,
                          .partitioned = scope->names->partitioned });
}

void cookie_add_id_end(struct buf *headers, const struct cookie_scope *scope)
{
    struct cookie end = { .name = scope->names->id_name, .http_only = true };

    add(headers, scope, &end);
    if (scope->https && scope->names->partitioned) {
        end.partitioned = true;
        add(headers, scope, &end);
    }
}

void cookie_add_optout(struct buf *headers, const struct cookie_scope *scope)
{
    add(headers, scope,
        &(struct cookie){ .name = scope->names->optout_name,
                          .value = STR("1"),
                          .max_age_s = OPTOUT_LIFETIME_DAYS * DAY_S });
}

void cookie_add_optout_end(struct buf *headers, const struct cookie_scope *scope)
{
    add(headers, scope, &(struct cookie){ .name = scope->names->optout_name });
}
