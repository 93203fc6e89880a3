/*
 * answer.h - writes one HTTP answer into an exchange's buffer: status line, headers, body, exact
 * Content-Length.
 *
 * Date and Connection come from the exchange. For HEAD the body is left out and its length kept
 * (RFC 9110 section 9.3.2).
 */
#ifndef CRUMB_SERVER_ANSWER_H
#define CRUMB_SERVER_ANSWER_H

#include "server/endpoint.h"

/* status is one of the rows in answer.c. extra: complete header lines, each ended by CRLF; may be
 * empty. type may be absent without body. */
void answer(struct exchange *x, int status, struct str type, struct str extra, struct str body);

/* A short plain-text body that says the sentence; for errors. */
void answer_text(struct exchange *x, int status, struct str extra, const char *sentence);

/*
 * Without an exchange: what the connection sends when a request was not one (4xx) or its batch was
 * refused (503 with Retry-After). Always closes. out has ANSWER_ERROR_BYTES_MAX free.
 */
#define ANSWER_ERROR_BYTES_MAX 512
void answer_error(struct buf *out, int status, const char *http_date, const char *sentence);

const char *answer_reason(int status);

#endif
