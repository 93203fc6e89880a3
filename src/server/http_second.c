/*
 * http_second.c - H17: llhttp's opinion. See http_parts.h for the contract; http.c asks once the
 * header is complete, and once more when a chunked message is.
 *
 * A request is served only when both readers accept it and agree on where it ends, so a trick that
 * one of them falls for does not move the border between two requests.
 */
#include "http_parts.h"

/* llhttp's enumerators have the names of ours. */
#define HTTP_GET     LLHTTP_GET
#define HTTP_HEAD    LLHTTP_HEAD
#define HTTP_POST    LLHTTP_POST
#define HTTP_OPTIONS LLHTTP_OPTIONS
#include <llhttp.h>
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_OPTIONS

struct second_reader {
    llhttp_t llhttp;
    char *body; /* where the next piece of the body belongs */
    size_t body_bytes;
};

static int stop_here(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

static int go_on_into_body(llhttp_t *llhttp)
{
    llhttp->upgrade = 0; /* we never do, and the bytes behind are HTTP */
    return 0;
}

/* Chunks are put together where they lie: a piece never moves towards the end. */
static int gather_body(llhttp_t *llhttp, const char *piece, size_t n)
{
    struct second_reader *reader = llhttp->data;

    memmove(reader->body + reader->body_bytes, piece, n);
    reader->body_bytes += n;
    return 0;
}

static const llhttp_settings_t head_settings = { .on_headers_complete = stop_here };
static const llhttp_settings_t message_settings = {
    .on_headers_complete = go_on_into_body,
    .on_body = gather_body,
    .on_message_complete = stop_here,
};

bool http_second_agrees_on_head(struct http_parser *p, const char *data)
{
    llhttp_t llhttp;
    bool same;

    llhttp_init(&llhttp, HTTP_REQUEST, &head_settings);
    if (llhttp_execute(&llhttp, data + p->start, p->body - p->start) != HPE_PAUSED)
        return false;
    same = llhttp_get_error_pos(&llhttp) == data + p->body && llhttp_get_http_major(&llhttp) == 1 &&
           llhttp_get_http_minor(&llhttp) == p->version_minor &&
           str_eq(str_of(llhttp_method_name(llhttp_get_method(&llhttp))),
                  http_known_methods[p->method].name) &&
           llhttp.content_length == (p->has_length ? p->body_bytes : 0) &&
           ((llhttp.flags & F_CONTENT_LENGTH) != 0) == p->has_length &&
           ((llhttp.flags & F_TRANSFER_ENCODING) != 0) == p->chunked &&
           ((llhttp.flags & F_CHUNKED) != 0) == p->chunked;
    p->keep_alive = llhttp_should_keep_alive(&llhttp) != 0;
    return same;
}

/* Version 8 refuses ";a=b;c". Extensions were read (H12) and hold no line end, so all that llhttp has
 * to see is one of the same length. */
static void simplify_extensions(const struct http_parser *p, char *data)
{
    char *line = data + p->body;
    size_t size = 1;

    while (size > 0) {
        char *end = memchr(line, '\r', p->end - (size_t)(line - data));
        char *s = line;

        for (size = 0; str_hex_digit(*s) >= 0; s++)
            size = size << 4 | (unsigned)str_hex_digit(*s);
        if (s < end) {
            memset(s, 'x', (size_t)(end - s));
            *s = ';';
        }
        line = end + size + 4;
    }
}

bool http_second_agrees_on_message(struct http_parser *p, char *data)
{
    struct second_reader reader = { .body = data + p->body };

    simplify_extensions(p, data);
    llhttp_init(&reader.llhttp, HTTP_REQUEST, &message_settings);
    reader.llhttp.data = &reader;
    return llhttp_execute(&reader.llhttp, data + p->start, p->end - p->start) == HPE_PAUSED &&
           llhttp_get_error_pos(&reader.llhttp) == data + p->end &&
           reader.body_bytes == p->body_bytes;
}
