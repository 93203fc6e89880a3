/*
 * answer.h - writes one HTTP answer into an exchange's buffer: status line, headers, body, exact
 * Content-Length.
 *
 * Date and Connection come from the exchange; every answer says "X-Content-Type-Options:
 * nosniff". For HEAD the body is left out and its length kept (RFC 9110 section 9.3.2). Only
 * copies bytes together: it costs a pixel well under 0.1 us.
 */
#ifndef CRUMB_SERVER_ANSWER_H
#define CRUMB_SERVER_ANSWER_H

#include "server/endpoint.h"

/* Of an answer with a body or extra lines: what answer() adds to them, at most. */
#define ANSWER_HEAD_BYTES_MAX 512

/*
 * An extra line of every 503: a disk rarely gets better sooner, and beacons need not be delivered
 * at once.
 */
#define ANSWER_RETRY_AFTER "Retry-After: 10\r\n"

/*
 * status is one of the rows in answer.c. extra: complete header lines, each ended by CRLF; may be
 * empty. type may be absent without body. type, extra and body have at most ANSWER_BYTES_MAX -
 * ANSWER_HEAD_BYTES_MAX bytes together.
 */
void answer(struct exchange *x, int status, struct str type, struct str extra, struct str body);

/*
 * The head of an answer whose body is what `next` adds, bit by bit, and whose end is the connection's.
 * Not for listeners that the public reaches: it holds a connection.
 */
void answer_stream(struct exchange *x, struct str type, struct str extra, stream_fn *next);

/* A short plain-text body that says the sentence; for errors. Never cached. */
void answer_text(struct exchange *x, int status, struct str extra, const char *sentence);

/*
 * Without an exchange: what the connection sends when a request was not one (4xx) or its batch
 * was refused (503, with Retry-After). Always closes. out has ANSWER_ERROR_BYTES_MAX free; a
 * sentence that does not fit is cut.
 */
#define ANSWER_ERROR_BYTES_MAX 512
void answer_error(struct buf *out, int status, const char *http_date, const char *sentence);

/* "Not Found". */
const char *answer_reason(int status);

#endif
