/*
 * http.h - strict HTTP/1.1 requests out of a byte stream; the only user of llhttp.
 *
 * The parser is fed from one contiguous buffer that belongs to the caller and keeps offsets into it, so a request that
 * arrives in pieces is parsed once, and its parts are borrowed slices when it is complete. What llhttp would let pass and RFC 9112
 * forbids is refused here (numbered in http.c), each with one reason. No socket, no clock, no allocation.
 */
#ifndef CRUMB_SERVER_HTTP_H
#define CRUMB_SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_OTHER };

/*
 * The headers that something in crumb reads. A header that is not in this table is never looked at: DNT is not,
 * and must not be.
 */
#define HTTP_HEADERS(X)                                                                            \
    X(HOST, "host")                                                                                \
    X(COOKIE, "cookie")                                                                            \
    X(USER_AGENT, "user-agent")                                                                    \
    X(REFERER, "referer")                                                                          \
    X(ACCEPT_LANGUAGE, "accept-language")                                                          \
    X(ORIGIN, "origin")                                                                            \
    X(SEC_GPC, "sec-gpc")                                                                          \
    X(SEC_PURPOSE, "sec-purpose")                                                                  \
    X(PURPOSE, "purpose")                                                                          \
    X(SEC_FETCH_SITE, "sec-fetch-site")                                                            \
    X(X_FORWARDED_FOR, "x-forwarded-for")                                                          \
    X(X_FORWARDED_PROTO, "x-forwarded-proto")                                                      \
    X(FORWARDED, "forwarded")                                                                      \
    X(CONTENT_TYPE, "content-type")                                                                \
    X(EXPECT, "expect")

enum http_header {
#define HTTP_HEADER_ENUM(id, name) HTTP_HEADER_##id,
    HTTP_HEADERS(HTTP_HEADER_ENUM)
#undef HTTP_HEADER_ENUM
        HTTP_HEADERS_COUNT
};

struct http_request {
    enum http_method method;
    struct str target; /* as sent */
    struct str path;   /* of the target, origin-form or absolute-form; not decoded */
    struct str query;  /* without '?'; absent when there is none */
    /* Repeated list headers (Cookie, X-Forwarded-For, Forwarded, ...) keep every value, in order; see http_header_next. */
    struct str header[HTTP_HEADERS_COUNT]; /* first value, trimmed; absent if not sent */
    uint8_t header_repeats[HTTP_HEADERS_COUNT]; /* how many more of the same name there were */
    struct str body;
    uint8_t version_minor; /* HTTP/1.x */
    bool keep_alive;       /* what the client wants */
};

#endif
