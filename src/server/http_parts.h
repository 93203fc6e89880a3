/*
 * http_parts.h - what the three files of the request reader share: rules, faults, who does what.
 *
 *     http.c         bytes become lines, lines a request; bodies; limits
 *     http_head.c    what one line of a header may be, and the header as a whole
 *     http_second.c  llhttp's opinion; the only user of llhttp
 *
 * References are to RFC 9112 unless they say otherwise. What a request must be:
 *
 *  H1  Lines end in CRLF. No other CR or LF anywhere (2.2).
 *  H2  No control character but HTAB in a field value; no byte above 0x7E in the request line (5.5 of RFC 9110).
 *  H3  At most one empty line before the request line (2.2).
 *  H4  METHOD SP target SP HTTP/1.x with single spaces; the method is of letters A-Z and one we have heard of (3).
 *  H5  The version is HTTP/1.0 or HTTP/1.1, to the letter (2.3).
 *  H6  The target is origin-form, absolute-form with http or https, or "*" for OPTIONS; no fragment (3.2).
 *  H7  A field is name, colon, value: the name a token of at least one character, no space before the colon (5.1).
 *  H8  No line of the header starts with white space: neither folding (5.2) nor space before the first field (2.2).
 *  H9  HTTP/1.1 has exactly one Host, HTTP/1.0 at most one; its value is a host with an optional port (3.2).
 *  H10 At most one Content-Length, digits only (6.3).
 *  H11 At most one Transfer-Encoding, only "chunked", only in HTTP/1.1, never beside a Content-Length (6.1, 6.3).
 *  H12 A chunk starts with a hexadecimal size of at most 8 digits and well-formed extensions, 256 bytes at most; it
 *      ends in CRLF (7.1).
 *  H13 Trailers are well-formed fields; none of those that frame a message (6.5.1 of RFC 9110).
 *  H14 Within the limits: 414 for the request line, 431 for the header, 413 for the body.
 *  H15 Expect is "100-continue" or absent: 417 otherwise (10.1.1 of RFC 9110).
 *  H16 At most one Content-Type: two readers would choose differently (8.3 of RFC 9110).
 *  H17 llhttp reads the same: method, version, length, coding, end.
 */
#ifndef CRUMB_SERVER_HTTP_PARTS_H
#define CRUMB_SERVER_HTTP_PARTS_H

#include "server/http.h"

/* ---- why a request is refused --------------------------------------------------------------- */

#define FAULTS(X)                                                                                  \
    X(LINE_END, 400, "a line does not end in CRLF")                                                \
    X(CONTROL, 400, "there is a control character in it")                                          \
    X(NOT_PRINTABLE, 400, "the request line has a byte that is not printable ASCII")               \
    X(REQUEST_LINE, 400, "the request line is not METHOD SP TARGET SP VERSION")                    \
    X(METHOD, 400, "the method is not valid")                                                      \
    X(METHOD_UNKNOWN, 405, "this method is not supported")                                         \
    X(VERSION, 400, "the version is not HTTP/1.0 or HTTP/1.1")                                     \
    X(TARGET, 400, "the request target is not valid")                                              \
    X(FIELD_NAME, 400, "a header name is not valid")                                               \
    X(FIELD_SPACE, 400, "there is a space before a colon in the header")                           \
    X(FIELD_FOLDED, 400, "a header line starts with white space")                                  \
    X(HOST_COUNT, 400, "there is not exactly one Host")                                            \
    X(HOST_VALUE, 400, "the Host is not valid")                                                    \
    X(LENGTH, 400, "the Content-Length is not one number")                                         \
    X(CODING, 400, "the Transfer-Encoding is not chunked alone")                                   \
    X(LENGTH_AND_CODING, 400, "there are both Content-Length and Transfer-Encoding")               \
    X(CHUNK, 400, "a chunk is not valid")                                                          \
    X(TRAILER, 400, "a trailer is not allowed there")                                              \
    X(LINE_TOO_LONG, 414, "the request target is too long")                                        \
    X(HEADER_TOO_LARGE, 431, "the header is too large")                                            \
    X(BODY_TOO_LARGE, 413, "the body is too large")                                                \
    X(TYPE_COUNT, 400, "there are two Content-Types")                                              \
    X(EXPECTATION, 417, "this expectation cannot be met")                                          \
    X(SECOND_OPINION, 400, "this is not a valid HTTP request")

enum fault {
    FAULT_NONE,
#define FAULT_ENUM(id, status, sentence) FAULT_##id,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
};

/* ---- http_head.c ---------------------------------------------------------------------------- */

struct http_known_method {
    struct str name;
    enum http_method method;
};

/* http_parser.method is an index of it. */
extern const struct http_known_method http_known_methods[];

/* The line without its CRLF, whose text starts somewhere in data. */
enum fault http_read_request_line(struct http_parser *p, const char *data, struct str line);
enum fault http_read_field(struct http_parser *p, const char *data, struct str line);
enum fault http_read_trailer(struct str line);

/* Of a field line only the start is there: nobody waits for the rest of rubbish. */
enum fault http_check_begun_field(struct str begun);

/* Of the whole header. */
enum fault http_check_host(const struct http_parser *p, const char *data);
enum fault http_check_expect(struct http_parser *p, const char *data);

/* The text of a span; absent if it was never set. */
static inline struct str http_at(const char *data, struct http_span s)
{
    return s.at == 0 ? STR_ABSENT : str_from(data + s.at, s.n);
}

/* H2 for field values: no control character but HTAB. */
bool http_is_text(const char *p, size_t n);

/* H2 for the request line: printable ASCII and the space. */
bool http_is_printable(const char *p, size_t n);

/* How many bytes at the start make a token. */
size_t http_token_bytes(struct str s);

/* enum http_header, or larger: NAME_UNKNOWN or one that frames a message. */
unsigned http_name_of(const char *token, size_t n);
enum { NAME_UNKNOWN = HTTP_HEADERS_COUNT };

/* ---- http_second.c -------------------------------------------------------------------------- */

/* Between p->start and p->body; says in p->keep_alive what the client wants. */
bool http_second_agrees_on_head(struct http_parser *p, const char *data);

/* Of chunks, up to p->end. Puts them together at p->body. */
bool http_second_agrees_on_message(struct http_parser *p, char *data);

#endif
