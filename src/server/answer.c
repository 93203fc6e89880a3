/*
 * answer.c - HTTP answers out of ready-made pieces. See answer.h for the contract. Every answer
 * of crumbd is written here.
 *
 * What must be true: Content-Length is exact, and left out only where the connection's end is the answer's; "close" is said whenever it is going to be done;
 * nothing of a request is ever repeated in an answer but an Origin (origin.c).
 */
#include "server/answer.h"

#include <assert.h>

#include "base/date.h"
#include "base/err.h"

struct status {
    int code;
    struct str line;
    const char *reason;
};

#define STATUS(code, reason)                                                                       \
    {                                                                                              \
        code,                                                                                      \
            { "HTTP/1.1 " #code " " reason "\r\n",                                                 \
              sizeof("HTTP/1.1 " #code " " reason "\r\n") - 1 },                                   \
            reason                                                                                 \
    }

/* The most frequent first. */
static const struct status statuses[] = {
    STATUS(200, "OK"),
    STATUS(204, "No Content"),
    STATUS(303, "See Other"),
    STATUS(304, "Not Modified"),
    STATUS(503, "Service Unavailable"),
    STATUS(400, "Bad Request"),
    STATUS(403, "Forbidden"),
    STATUS(404, "Not Found"),
    STATUS(405, "Method Not Allowed"),
    STATUS(408, "Request Timeout"),
    STATUS(411, "Length Required"),
    STATUS(413, "Content Too Large"),
    STATUS(414, "URI Too Long"),
    STATUS(415, "Unsupported Media Type"),
    STATUS(417, "Expectation Failed"),
    STATUS(431, "Request Header Fields Too Large"),
    STATUS(500, "Internal Server Error"),
    STATUS(501, "Not Implemented"),
    STATUS(505, "HTTP Version Not Supported"),
};

static const struct status *find_status(int code)
{
    const struct status *end = statuses + sizeof statuses / sizeof statuses[0], *s = statuses;

    while (s < end && s->code != code)
        s++;
    assert(s < end); /* codes are ours, never a peer's */
    return s;
}

const char *answer_reason(int status)
{
    return find_status(status)->reason;
}

static void add_status_and_date(struct buf *out, int status, const char *http_date)
{
    buf_add_str(out, find_status(status)->line);
    buf_add_lit(out, "Date: ");
    buf_add(out, http_date, DATE_HTTP_BYTES);
    buf_add_lit(out, "\r\n");
}

/* HTTP/1.1 keeps the connection unless somebody says close; for 1.0 it is the other way round. */
static void add_connection(struct buf *out, const struct exchange *x)
{
    if (x->close)
        buf_add_lit(out, "Connection: close\r\n");
    else if (x->request->version_minor == 0)
        buf_add_lit(out, "Connection: keep-alive\r\n");
}

void answer(struct exchange *x, int status, struct str type, struct str extra, struct str body)
{
    struct buf *out = x->out;

    add_status_and_date(out, status, x->context->http_date);
    add_connection(out, x);
    if (type.p != NULL) {
        buf_add_lit(out, "Content-Type: ");
        buf_add_str(out, type);
        buf_add_lit(out, "\r\n");
    }
    if (status != 204 && status != 304) { /* without content: RFC 9110 section 8.6 */
        buf_add_lit(out, "Content-Length: ");
        buf_add_u64(out, body.n);
        buf_add_lit(out, "\r\n");
    }
    buf_add_lit(out, "X-Content-Type-Options: nosniff\r\n");
    buf_add_str(out, extra);
    buf_add_lit(out, "\r\n");
    if (x->request->method != HTTP_HEAD)
        buf_add_str(out, body);
    assert(!out->full);
}

void answer_stream(struct exchange *x, struct str type, struct str extra, stream_fn *next)
{
    struct buf *out = x->out;

    x->close = true;
    add_status_and_date(out, 200, x->context->http_date);
    add_connection(out, x);
    buf_add_lit(out, "Content-Type: ");
    buf_add_str(out, type);
    buf_add_lit(out, "\r\nX-Content-Type-Options: nosniff\r\n");
    buf_add_str(out, extra);
    buf_add_lit(out, "\r\n");
    if (x->request->method != HTTP_HEAD)
        x->stream = next;
    assert(!out->full);
}

void answer_text(struct exchange *x, int status, struct str extra, const char *sentence)
{
    char head[ANSWER_HEAD_BYTES_MAX], text[ERR_TEXT_BYTES + 1];
    struct buf headers = buf_over(head, sizeof head), body = buf_over(text, sizeof text);

    buf_add_lit(&headers, "Cache-Control: no-store\r\n");
    buf_add_str(&headers, extra);
    buf_add_str(&body, str_of(sentence));
    buf_add_char(&body, '\n');
    answer(x, status, STR("text/plain; charset=utf-8"), buf_str(&headers), buf_str(&body));
}

void answer_error(struct buf *out, int status, const char *http_date, const char *sentence)
{
    /* What the longest status line and the lines below leave of ANSWER_ERROR_BYTES_MAX. */
    enum { SENTENCE_BYTES_MAX = 200 };
    struct str text = str_of(sentence);

    if (text.n > SENTENCE_BYTES_MAX)
        text.n = SENTENCE_BYTES_MAX;
    add_status_and_date(out, status, http_date);
    if (status == 503)
        buf_add_lit(out, ANSWER_RETRY_AFTER);
    buf_add_lit(out, "Connection: close\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "Cache-Control: no-store\r\n"
                     "X-Content-Type-Options: nosniff\r\n"
                     "Content-Length: ");
    buf_add_u64(out, text.n + 1);
    buf_add_lit(out, "\r\n\r\n");
    buf_add_str(out, text);
    buf_add_char(out, '\n');
    assert(!out->full);
}
