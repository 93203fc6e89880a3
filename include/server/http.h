/*
 * http.h - strict HTTP/1.1 requests out of a byte stream.
 *
 * The parser is fed from one contiguous buffer that belongs to the caller and keeps offsets into
 * it, so a request that arrives in pieces is read once, and its parts are borrowed slices when it
 * is complete. Two readers look at every request, ours and llhttp; what either refuses, or what
 * they read differently, is refused (rules numbered in http_parts.h). No socket, no clock, no allocation.
 */
#ifndef CRUMB_SERVER_HTTP_H
#define CRUMB_SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* OTHER is PUT, DELETE, PATCH or TRACE: well known, and nothing here has them. */
enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_OTHER };

/*
 * The headers that something in crumb reads: constant, last letter, name. A header that is not in
 * this table is never looked at: DNT is not, and must not be. (Length and last letter together
 * must be unique; the compiler says so if not.)
 */
#define HTTP_HEADERS(X)                                                                            \
    X(HOST, 't', "host")                                                                           \
    X(COOKIE, 'e', "cookie")                                                                       \
    X(USER_AGENT, 't', "user-agent")                                                               \
    X(REFERER, 'r', "referer")                                                                     \
    X(ACCEPT_LANGUAGE, 'e', "accept-language")                                                     \
    X(ACCEPT_ENCODING, 'g', "accept-encoding")                                                     \
    X(ORIGIN, 'n', "origin")                                                                       \
    X(SEC_GPC, 'c', "sec-gpc")                                                                     \
    X(SEC_PURPOSE, 'e', "sec-purpose")                                                             \
    X(PURPOSE, 'e', "purpose")                                                                     \
    X(SEC_FETCH_SITE, 'e', "sec-fetch-site")                                                       \
    X(X_FORWARDED_FOR, 'r', "x-forwarded-for")                                                     \
    X(X_FORWARDED_PROTO, 'o', "x-forwarded-proto")                                                 \
    X(FORWARDED, 'd', "forwarded")                                                                 \
    X(CONTENT_TYPE, 'e', "content-type")                                                           \
    X(IF_NONE_MATCH, 'h', "if-none-match")                                                         \
    X(EXPECT, 't', "expect")

enum http_header {
#define HTTP_HEADER_ENUM(id, last, name) HTTP_HEADER_##id,
    HTTP_HEADERS(HTTP_HEADER_ENUM)
#undef HTTP_HEADER_ENUM
        HTTP_HEADERS_COUNT
};

struct http_request {
    enum http_method method;
    struct str target; /* as sent */
    struct str path;   /* of the target, origin-form or absolute-form; not decoded; "/" if empty */
    struct str query;  /* without '?'; absent when there is none */
    /* First value, trimmed; absent if not sent. HOST is the target's own in absolute-form. */
    struct str header[HTTP_HEADERS_COUNT];
    uint8_t header_repeats[HTTP_HEADERS_COUNT]; /* how many more of that name there were */
    struct str fields;                          /* all field lines as sent, for http_header_next */
    struct str body;
    uint8_t version_minor; /* HTTP/1.x */
    bool keep_alive;       /* what the client wants */
};

/*
 * The n-th value of a repeated header, in the order sent; 0 is the first, absent behind the last:
 * for (n = 0; (value = http_header_next(request, which, n)).p != NULL; n++). Cheap for n = 0; walks
 * the field lines beyond.
 */
struct str http_header_next(const struct http_request *request, enum http_header which, unsigned n);

struct http_limits {
    size_t header_bytes; /* request line to empty line, both included */
    size_t headers;      /* field lines */
    size_t body_bytes;   /* decoded */
};

enum http_result { HTTP_INCOMPLETE, HTTP_COMPLETE, HTTP_BAD };

struct http_span {
    uint32_t at, n;
};

/* One request in progress. All zero is a fresh one. Fields are http.c's but for those named. */
struct http_parser {
    /* for the caller */
    uint32_t end;         /* HTTP_COMPLETE: how many bytes of the buffer the request took */
    uint16_t status;      /* HTTP_BAD: the 4xx to answer with before closing */
    bool in_body;         /* the header is complete, the body is not */
    bool expect_continue; /* with in_body: the client waits for "100 Continue" */
    const char *sentence; /* HTTP_BAD: why; static */

    uint8_t stage;
    bool chunked;
    bool has_length;
    bool keep_alive;
    uint8_t method;
    uint8_t version_minor;
    uint32_t start;    /* of the request line */
    uint32_t line;     /* of the line being read */
    uint32_t searched; /* there is no LF between line and here */
    uint32_t fields;   /* of the first field line */
    uint32_t body;     /* behind the empty line */
    uint32_t fields_count;
    uint32_t body_bytes; /* announced, or of the chunks so far */
    uint32_t framing;    /* bytes that chunks took beside their data */
    uint32_t chunk_left; /* of the chunk being read */
    struct http_span target, authority, path, query;
    struct http_span header[HTTP_HEADERS_COUNT];
    uint8_t repeats[HTTP_HEADERS_COUNT];
};

/*
 * Looks at the n bytes at data: a buffer that starts with the request and, from call to call, has
 * grown at its end only (it may have moved). HTTP_COMPLETE fills *request, whose parts lie in data;
 * chunks have then been put together in place, and parser->end says where the next request starts.
 * After HTTP_COMPLETE and HTTP_BAD the parser must be zeroed before it is used again.
 */
enum http_result http_parse(struct http_parser *parser, const struct http_limits *limits,
                            char *data, size_t n, struct http_request *request);

/* The largest buffer that http_parse can need before it says something other than incomplete. */
size_t http_head_bytes_max(const struct http_limits *limits);
size_t http_message_bytes_max(const struct http_limits *limits);

#endif
