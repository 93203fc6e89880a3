/*
 * http.c - the request reader. See http.h for the contract; conn_read.c feeds it.
 *
 * Our reader goes line by line through the bytes as they arrive and judges each line when it is
 * complete; llhttp then reads the finished header (and a chunked message as a whole) once more. A
 * request is accepted only when both accept it and agree on where it ends, so a trick that one of
 * them falls for does not move the border between two requests. References are to RFC 9112 unless
 * they say otherwise. What a request must be:
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
#include "server/http.h"

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

#define METHOD_LETTERS_MAX    16
#define LENGTH_DIGITS_MAX     18 /* fits 64 bits; more is beyond any limit */
#define CHUNK_SIZE_DIGITS_MAX 8
#define CHUNK_LINE_BYTES_MAX  256
#define CHUNK_FRAMING_MAX     16384 /* of one message: sizes, extensions, line ends, trailers */
#define LEADING_BYTES_MAX     2
#define BEGUN_FIELD_BYTES_MAX                                                                      \
    128 /* longer ones are judged when they are whole: once for each byte */
#define HEADER_REPEATS_MAX 250

enum stage {
    STAGE_REQUEST_LINE,
    STAGE_FIELDS,
    STAGE_BODY,
    STAGE_CHUNK_SIZE,
    STAGE_CHUNK_DATA,
    STAGE_TRAILERS,
};

/* ---- why a request is refused --------------------------------------------------------------- */

#define FAULTS(X)                                                                                  \
    X(LINE_END, 400, "a line does not end in CRLF")                                                \
    X(CONTROL, 400, "there is a control character in it")                                          \
    X(NOT_PRINTABLE, 400, "the request line has a byte that is not printable ASCII")              \
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

static const struct {
    uint16_t status;
    const char *sentence;
} faults[] = { [FAULT_NONE] = { 0, "" },
#define FAULT_ROW(id, status, sentence) [FAULT_##id] = { status, sentence },
               FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

/* ---- characters ----------------------------------------------------------------------------- */

/* tchar of RFC 9110 section 5.6.2. */
static const bool is_token[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true,
    ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true,
    ['`'] = true, ['|'] = true, ['~'] = true, ['0'] = true, ['1'] = true, ['2'] = true,
    ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true,
    ['9'] = true, ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true,
    ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true,
    ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true,
    ['R'] = true, ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true,
    ['X'] = true, ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true,
    ['d'] = true, ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true,
    ['j'] = true, ['k'] = true, ['l'] = true, ['m'] = true, ['n'] = true, ['o'] = true,
    ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true,
    ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true, ['z'] = true,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Which of eight bytes are below 0x20 or 0x7F? Not zero if any is; HTAB counts as one here. */
static uint64_t controls(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t del = word ^ (ones * 0x7F);

    return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & (ones * 0x80);
}

static uint64_t eight_bytes(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

/* H2 for field values: no control character but HTAB. */
static bool is_text(const char *p, size_t n)
{
    size_t i = 0;

    for (;;) {
        while (n - i >= 8 && controls(eight_bytes(p + i)) == 0)
            i += 8;
        if (i == n)
            return true;
        if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7F)
            return false;
        i++;
    }
}

/* H2 for the request line: printable ASCII and the space. */
static bool is_printable(const char *p, size_t n)
{
    const uint64_t tops = 0x8080808080808080u;
    size_t i = 0;

    while (n - i >= 8 && ((controls(eight_bytes(p + i)) | eight_bytes(p + i)) & tops) == 0)
        i += 8;
    while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x7F)
        i++;
    return i == n;
}

/* ---- header names --------------------------------------------------------------------------- */

/* Those that only the reader itself needs. */
#define FRAMING_HEADERS(X)                                                                         \
    X(CONTENT_LENGTH, 'h', "content-length")                                                       \
    X(TRANSFER_ENCODING, 'g', "transfer-encoding")

enum {
    NAME_UNKNOWN = HTTP_HEADERS_COUNT,
#define NAME_ENUM(id, last, name) NAME_##id,
    FRAMING_HEADERS(NAME_ENUM)
#undef NAME_ENUM
};

/* token is valid characters only, so setting bit 5 cannot make another byte look like a letter. */
static bool same_name(const char *token, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((token[i] | 0x20) != name[i])
            return false;
    }
    return true;
}

#define NAME_KEY(n, last) ((unsigned)(n) << 8 | (unsigned char)(last))

static unsigned name_of(const char *token, size_t n)
{
    if (n == 0 || n > 32)
        return NAME_UNKNOWN;
    switch (NAME_KEY(n, token[n - 1] | 0x20)) {
#define NAME_CASE(prefix, id, last, name)                                                          \
    case NAME_KEY(sizeof(name) - 1, last):                                                         \
        return same_name(token, name, sizeof(name) - 1) ? (unsigned)prefix##id                     \
                                                        : (unsigned)NAME_UNKNOWN;
#define NAME_CASE_KNOWN(id, last, name)   NAME_CASE(HTTP_HEADER_, id, last, name)
#define NAME_CASE_FRAMING(id, last, name) NAME_CASE(NAME_, id, last, name)
        HTTP_HEADERS(NAME_CASE_KNOWN)
        FRAMING_HEADERS(NAME_CASE_FRAMING)
#undef NAME_CASE_FRAMING
#undef NAME_CASE_KNOWN
#undef NAME_CASE
    default:
        return NAME_UNKNOWN;
    }
}

/* ---- the request line ----------------------------------------------------------------------- */

static const struct {
    struct str name;
    enum http_method method;
    uint8_t llhttp;
} methods[] = {
    { { "GET", 3 }, HTTP_GET, LLHTTP_GET },     { { "HEAD", 4 }, HTTP_HEAD, LLHTTP_HEAD },
    { { "POST", 4 }, HTTP_POST, LLHTTP_POST },  { { "OPTIONS", 7 }, HTTP_OPTIONS, LLHTTP_OPTIONS },
    { { "PUT", 3 }, HTTP_OTHER, HTTP_PUT },     { { "DELETE", 6 }, HTTP_OTHER, HTTP_DELETE },
    { { "PATCH", 5 }, HTTP_OTHER, HTTP_PATCH }, { { "TRACE", 5 }, HTTP_OTHER, HTTP_TRACE },
};

static enum fault read_method(struct http_parser *p, struct str name)
{
    if (name.n == 0 || name.n > METHOD_LETTERS_MAX)
        return FAULT_METHOD;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (str_eq(name, methods[i].name)) {
            p->method = (uint8_t)i;
            return FAULT_NONE;
        }
    }
    for (size_t i = 0; i < name.n; i++) {
        if ((name.p[i] < 'A' || name.p[i] > 'Z') && name.p[i] != '-')
            return FAULT_METHOD;
    }
    return FAULT_METHOD_UNKNOWN; /* CONNECT too */
}

static struct http_span span(const char *data, struct str s)
{
    return (struct http_span){ (uint32_t)(s.p - data), (uint32_t)s.n };
}

static bool is_port(struct str s)
{
    uint64_t port;

    return s.n == 0 || (s.n <= 5 && str_to_u64(s, 65535, &port));
}

/* uri-host with an optional port (RFC 3986 section 3.2), of the characters that real ones have. */
static bool is_host(struct str s)
{
    size_t n = 0;

    if (s.n > 0 && s.p[0] == '[') {
        while (n < s.n && s.p[n] != ']') {
            if (n > 0 && hex_value(s.p[n]) < 0 && s.p[n] != ':' && s.p[n] != '.')
                return false;
            n++;
        }
        if (n < 3 || n == s.n)
            return false;
        n++;
    } else {
        while (n < s.n && (is_letter(s.p[n]) || is_digit(s.p[n]) ||
                           (s.p[n] != '\0' && strchr("-._~", s.p[n]) != NULL)))
            n++;
        if (n == 0)
            return false;
    }
    return n == s.n || (s.p[n] == ':' && is_port(str_from(s.p + n + 1, s.n - n - 1)));
}

/* The length of "http://" or "https://" at the start of s, or 0. */
static size_t scheme_bytes(struct str s)
{
    static const struct str schemes[] = { { "http://", 7 }, { "https://", 8 } };

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (s.n > schemes[i].n && str_eq_nocase(str_from(s.p, schemes[i].n), schemes[i]))
            return schemes[i].n;
    }
    return 0;
}

/* H6; its characters were looked at with the line. In absolute-form the target's own host replaces
 * what Host says (3.2.2). */
static enum fault read_target(struct http_parser *p, const char *data, struct str target)
{
    struct str rest = target;

    if (memchr(target.p, '#', target.n) != NULL)
        return FAULT_TARGET;
    p->target = span(data, target);
    if (str_eq(target, STR("*")) && methods[p->method].method == HTTP_OPTIONS) {
        p->path = p->target;
        return FAULT_NONE;
    }
    if (target.n == 0 || target.p[0] != '/') {
        size_t scheme = scheme_bytes(target);
        size_t host = scheme;

        while (host < target.n && target.p[host] != '/' && target.p[host] != '?')
            host++;
        if (scheme == 0 || !is_host(str_from(target.p + scheme, host - scheme)))
            return FAULT_TARGET;
        p->authority = span(data, str_from(target.p + scheme, host - scheme));
        rest = str_from(target.p + host, target.n - host);
    }
    p->path = span(data, str_cut(&rest, '?'));
    if (rest.p != NULL)
        p->query = span(data, rest);
    return FAULT_NONE;
}

static enum fault read_request_line(struct http_parser *p, const char *data, struct str line)
{
    static const struct str version = { "HTTP/1.", 7 };
    struct str target = line, method, tail;
    enum fault fault;
    size_t space;

    if (!is_printable(line.p, line.n))
        return FAULT_NOT_PRINTABLE;
    method = str_cut(&target, ' ');
    fault = read_method(p, method);
    if (fault == FAULT_METHOD) /* or is it no request line at all? */
        return fault;
    if (target.p == NULL)
        return FAULT_REQUEST_LINE;
    space = str_find(target, ' ', 0);
    if (space == target.n)
        return FAULT_REQUEST_LINE;
    tail = str_from(target.p + space + 1, target.n - space - 1);
    target.n = space;
    if (tail.n != version.n + 1 || !str_starts(tail, version) ||
        (tail.p[version.n] != '0' && tail.p[version.n] != '1'))
        return FAULT_VERSION;
    p->version_minor = (uint8_t)(tail.p[version.n] - '0');
    return fault != FAULT_NONE ? fault : read_target(p, data, target);
}

/* ---- fields --------------------------------------------------------------------------------- */

static enum fault read_length(struct http_parser *p, struct str value)
{
    uint64_t length;

    if (p->has_length || value.n == 0)
        return FAULT_LENGTH;
    for (size_t i = 0; i < value.n; i++) {
        if (!is_digit(value.p[i]))
            return FAULT_LENGTH;
    }
    p->has_length = true;
    if (value.n > LENGTH_DIGITS_MAX || !str_to_u64(value, UINT32_MAX, &length))
        return FAULT_BODY_TOO_LARGE;
    p->body_bytes = (uint32_t)length;
    return FAULT_NONE;
}

static enum fault read_coding(struct http_parser *p, struct str value)
{
    if (p->chunked || p->version_minor == 0 || !str_eq_nocase(value, STR("chunked")))
        return FAULT_CODING;
    p->chunked = true;
    return FAULT_NONE;
}

static enum fault remember(struct http_parser *p, const char *data, unsigned name, struct str value)
{
    if (p->header[name].at != 0) {
        if (p->repeats[name] == HEADER_REPEATS_MAX)
            return FAULT_HEADER_TOO_LARGE;
        p->repeats[name]++;
        return FAULT_NONE;
    }
    p->header[name] = span(data, value);
    return FAULT_NONE;
}

/* How many bytes at the start make a token. */
static size_t token_bytes(struct str s)
{
    size_t n = 0;

    while (n < s.n && is_token[(unsigned char)s.p[n]])
        n++;
    return n;
}

/* H2, H7, H8. Splits a line into name and value. */
static enum fault split_field(struct str line, struct str *name, struct str *value)
{
    size_t n = token_bytes(line);

    if (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
        return n == 0 ? FAULT_FIELD_FOLDED : FAULT_FIELD_SPACE;
    if (n == 0 || n == line.n || line.p[n] != ':')
        return FAULT_FIELD_NAME;
    *name = str_from(line.p, n);
    *value = str_trim(str_from(line.p + n + 1, line.n - n - 1));
    return is_text(value->p, value->n) ? FAULT_NONE : FAULT_CONTROL;
}

/* The same of a line of which only the start is there, so that nobody waits for the rest of rubbish. */
static enum fault check_begun_field(struct str begun)
{
    struct str name, value;

    if (begun.n == 0 || token_bytes(begun) == begun.n)
        return FAULT_NONE;
    return split_field(begun, &name, &value);
}

static enum fault read_field(struct http_parser *p, const char *data, struct str line)
{
    struct str name, value;
    enum fault fault = split_field(line, &name, &value);
    unsigned which;

    if (fault != FAULT_NONE)
        return fault;
    which = name_of(name.p, name.n);
    if (which < HTTP_HEADERS_COUNT)
        return remember(p, data, which, value);
    if (which == NAME_CONTENT_LENGTH)
        return read_length(p, value);
    if (which == NAME_TRANSFER_ENCODING)
        return read_coding(p, value);
    return FAULT_NONE;
}

/* H13. Read for its form and thrown away. */
static enum fault read_trailer(struct str line)
{
    struct str name, value;
    enum fault fault = split_field(line, &name, &value);
    unsigned which;

    if (fault != FAULT_NONE)
        return fault;
    which = name_of(name.p, name.n);
    return which == NAME_UNKNOWN ? FAULT_NONE : FAULT_TRAILER;
}

static struct str at(const char *data, struct http_span s)
{
    return s.at == 0 ? STR_ABSENT : str_from(data + s.at, s.n);
}

/* H9. */
static enum fault check_host(const struct http_parser *p, const char *data)
{
    struct str host = at(data, p->header[HTTP_HEADER_HOST]);

    if (p->repeats[HTTP_HEADER_HOST] > 0 || (host.p == NULL && p->version_minor == 1))
        return FAULT_HOST_COUNT;
    return host.p == NULL || is_host(host) ? FAULT_NONE : FAULT_HOST_VALUE;
}

/* H15. HTTP/1.0 clients cannot be asked to go on, so theirs is ignored. */
static enum fault check_expect(struct http_parser *p, const char *data)
{
    struct str expect = at(data, p->header[HTTP_HEADER_EXPECT]);

    if (expect.p == NULL || p->version_minor == 0)
        return FAULT_NONE;
    if (p->repeats[HTTP_HEADER_EXPECT] > 0 || !str_eq_nocase(expect, STR("100-continue")))
        return FAULT_EXPECTATION;
    p->expect_continue = p->chunked || p->body_bytes > 0;
    return FAULT_NONE;
}

/* ---- H17: llhttp's opinion ------------------------------------------------------------------ */

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

static bool llhttp_agrees_on_head(struct http_parser *p, const char *data)
{
    llhttp_t llhttp;
    bool same;

    llhttp_init(&llhttp, HTTP_REQUEST, &head_settings);
    if (llhttp_execute(&llhttp, data + p->start, p->body - p->start) != HPE_PAUSED)
        return false;
    same = llhttp_get_error_pos(&llhttp) == data + p->body && llhttp_get_http_major(&llhttp) == 1 &&
           llhttp_get_http_minor(&llhttp) == p->version_minor &&
           llhttp_get_method(&llhttp) == methods[p->method].llhttp &&
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

        for (size = 0; hex_value(*s) >= 0; s++)
            size = size << 4 | (unsigned)hex_value(*s);
        if (s < end) {
            memset(s, 'x', (size_t)(end - s));
            *s = ';';
        }
        line = end + size + 4;
    }
}

static bool llhttp_agrees_on_message(struct http_parser *p, char *data)
{
    struct second_reader reader = { .body = data + p->body };

    simplify_extensions(p, data);
    llhttp_init(&reader.llhttp, HTTP_REQUEST, &message_settings);
    reader.llhttp.data = &reader;
    return llhttp_execute(&reader.llhttp, data + p->start, p->end - p->start) == HPE_PAUSED &&
           llhttp_get_error_pos(&reader.llhttp) == data + p->end &&
           reader.body_bytes == p->body_bytes;
}

/* ---- bodies --------------------------------------------------------------------------------- */

static struct str cut_spaces(struct str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s.p + 1, s.n - 1);
    return s;
}

/* How long the quoted string is that s starts with (5.6.4 of RFC 9110), or 0. */
static size_t quoted_bytes(struct str s)
{
    if (s.n == 0 || s.p[0] != '"')
        return 0;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return 0;
}

/* Any number of ";name", ";name=token", ";name=\"text\"" (7.1.1), which we then ignore. */
static bool are_chunk_extensions(struct str s)
{
    if (!is_text(s.p, s.n))
        return false;
    while (s.n > 0) {
        size_t n;

        s = cut_spaces(s);
        if (s.n == 0 || s.p[0] != ';')
            return false;
        s = cut_spaces(str_from(s.p + 1, s.n - 1));
        n = token_bytes(s);
        if (n == 0)
            return false;
        s = str_from(s.p + n, s.n - n);
        if (cut_spaces(s).n == 0 || cut_spaces(s).p[0] != '=')
            continue;
        s = cut_spaces(s);
        s = cut_spaces(str_from(s.p + 1, s.n - 1));
        n = token_bytes(s) + quoted_bytes(s); /* one of them is 0 */
        if (n == 0)
            return false;
        s = str_from(s.p + n, s.n - n);
    }
    return true;
}

/* H12: the size at the start of a chunk, and what may follow it on the line. */
static enum fault read_chunk_size(struct http_parser *p, const struct http_limits *limits,
                                  struct str line)
{
    uint64_t size = 0;
    size_t n = 0;

    while (n < line.n && hex_value(line.p[n]) >= 0) {
        size = size << 4 | (unsigned)hex_value(line.p[n]);
        if (++n > CHUNK_SIZE_DIGITS_MAX)
            return FAULT_CHUNK;
    }
    if (n == 0 || !are_chunk_extensions(str_from(line.p + n, line.n - n)))
        return FAULT_CHUNK;
    if (size > limits->body_bytes - p->body_bytes)
        return FAULT_BODY_TOO_LARGE;
    p->body_bytes += (uint32_t)size;
    p->chunk_left = (uint32_t)size;
    p->stage = size == 0 ? STAGE_TRAILERS : STAGE_CHUNK_DATA;
    return FAULT_NONE;
}

/* Chunk data and its CRLF have no lines; returns true when they are all there. */
static bool skip_chunk_data(struct http_parser *p, const char *data, size_t n, enum fault *fault)
{
    size_t left = n - p->line;
    size_t take = left < p->chunk_left ? left : p->chunk_left;
    bool cr, lf;

    p->line += (uint32_t)take;
    p->chunk_left -= (uint32_t)take;
    p->searched = p->line;
    left -= take;
    cr = left < 1 || data[p->line] == '\r';
    lf = left < 2 || data[p->line + 1] == '\n';
    if (!cr || !lf)
        *fault = FAULT_CHUNK;
    if (!cr || !lf || left < 2 || p->chunk_left > 0)
        return false;
    p->line += 2;
    p->searched = p->line;
    p->framing += 2;
    p->stage = STAGE_CHUNK_SIZE;
    return true;
}

static enum fault end_of_head(struct http_parser *p, const struct http_limits *limits,
                              const char *data)
{
    enum fault fault = check_host(p, data);

    if (fault != FAULT_NONE)
        return fault;
    if (p->has_length && p->chunked)
        return FAULT_LENGTH_AND_CODING;
    if (p->repeats[HTTP_HEADER_CONTENT_TYPE] > 0)
        return FAULT_TYPE_COUNT;
    p->body = p->line;
    if (!llhttp_agrees_on_head(p, data))
        return FAULT_SECOND_OPINION;
    if (p->body_bytes > limits->body_bytes)
        return FAULT_BODY_TOO_LARGE;
    p->stage = p->chunked ? STAGE_CHUNK_SIZE : STAGE_BODY;
    p->in_body = true;
    return check_expect(p, data);
}

/* ---- line by line --------------------------------------------------------------------------- */

/* H1: the next line without its CRLF; absent when it is not there yet, or when *fault is set. */
static struct str next_line(struct http_parser *p, const char *data, size_t n, enum fault *fault)
{
    const char *lf = memchr(data + p->searched, '\n', n - p->searched);
    size_t start = p->line;
    size_t end;

    if (lf == NULL)
        return STR_ABSENT;
    end = (size_t)(lf - data);
    if (end == start || data[end - 1] != '\r') {
        *fault = FAULT_LINE_END;
        return STR_ABSENT;
    }
    p->line = (uint32_t)end + 1;
    p->searched = p->line;
    return str_from(data + start, end - 1 - start);
}

/* A CR in the middle of a line is worth its own sentence. */
static enum fault check_for_cr(struct str line, enum fault found)
{
    if (found != FAULT_NONE && memchr(line.p, '\r', line.n) != NULL)
        return FAULT_LINE_END;
    return found;
}

/* What can be said about a line before it is complete, so that rubbish is refused at once. */
static enum fault check_unfinished(struct http_parser *p, const char *data, size_t n)
{
    const char *from = data + p->searched;
    size_t left = n - p->searched;
    bool cr_last = left > 0 && from[left - 1] == '\r';
    size_t text = left - (cr_last ? 1 : 0);
    bool in_fields = p->stage == STAGE_FIELDS || p->stage == STAGE_TRAILERS;
    bool in_request_line = p->stage == STAGE_REQUEST_LINE;
    bool fine = in_request_line ? is_printable(from, text) : is_text(from, text);

    p->searched += (uint32_t)text; /* the CR is looked at again: is an LF behind it? */
    if (fine && in_fields && p->searched - p->line <= BEGUN_FIELD_BYTES_MAX)
        return check_begun_field(str_from(data + p->line, p->searched - p->line));
    if (fine)
        return FAULT_NONE;
    if (memchr(from, '\r', text) != NULL)
        return FAULT_LINE_END;
    return in_request_line ? FAULT_NOT_PRINTABLE : FAULT_CONTROL;
}

/* H14, asked when more bytes are needed: can they still make a request within the limits? */
static enum fault check_limits(const struct http_parser *p, const struct http_limits *limits,
                               size_t n)
{
    switch (p->stage) {
    case STAGE_REQUEST_LINE:
        return n - p->start >= limits->header_bytes ? FAULT_LINE_TOO_LONG : FAULT_NONE;
    case STAGE_FIELDS:
        return n - p->start >= limits->header_bytes ? FAULT_HEADER_TOO_LARGE : FAULT_NONE;
    case STAGE_CHUNK_SIZE:
        return n - p->line > CHUNK_LINE_BYTES_MAX ? FAULT_CHUNK : FAULT_NONE;
    case STAGE_TRAILERS:
        return p->framing + (n - p->line) > CHUNK_FRAMING_MAX ? FAULT_HEADER_TOO_LARGE : FAULT_NONE;
    default:
        return FAULT_NONE;
    }
}

/* The same for a line that is complete. */
static enum fault count_line(struct http_parser *p, const struct http_limits *limits,
                             enum stage stage, size_t line_bytes)
{
    switch (stage) {
    case STAGE_REQUEST_LINE:
        return p->line - p->start > limits->header_bytes ? FAULT_LINE_TOO_LONG : FAULT_NONE;
    case STAGE_FIELDS:
        if (p->line - p->start > limits->header_bytes ||
            (line_bytes > 0 && ++p->fields_count > limits->headers))
            return FAULT_HEADER_TOO_LARGE;
        return FAULT_NONE;
    case STAGE_CHUNK_SIZE:
        if (line_bytes > CHUNK_LINE_BYTES_MAX)
            return FAULT_CHUNK;
        p->framing += (uint32_t)line_bytes + 2;
        return p->framing > CHUNK_FRAMING_MAX ? FAULT_BODY_TOO_LARGE : FAULT_NONE;
    case STAGE_TRAILERS:
        p->framing += (uint32_t)line_bytes + 2;
        if (p->framing > CHUNK_FRAMING_MAX ||
            (line_bytes > 0 && ++p->fields_count > limits->headers))
            return FAULT_HEADER_TOO_LARGE;
        return FAULT_NONE;
    default:
        return FAULT_NONE;
    }
}

static enum fault read_line(struct http_parser *p, const struct http_limits *limits,
                            const char *data, struct str line)
{
    enum stage stage = (enum stage)p->stage;
    enum fault fault = count_line(p, limits, stage, line.n);

    if (fault != FAULT_NONE)
        return fault;
    switch (stage) {
    case STAGE_REQUEST_LINE:
        if (line.n == 0 && p->start == 0) { /* H3 */
            p->start = p->line;
            return FAULT_NONE;
        }
        p->stage = STAGE_FIELDS;
        p->fields = p->line;
        return check_for_cr(line, read_request_line(p, data, line));
    case STAGE_FIELDS:
        if (line.n == 0)
            return end_of_head(p, limits, data);
        return check_for_cr(line, read_field(p, data, line));
    case STAGE_CHUNK_SIZE:
        return read_chunk_size(p, limits, line);
    default: /* STAGE_TRAILERS; the others are not read by lines */
        if (line.n == 0)
            p->end = p->line;
        return line.n == 0 ? FAULT_NONE : check_for_cr(line, read_trailer(line));
    }
}

static enum http_result refuse(struct http_parser *p, enum fault fault)
{
    p->status = faults[fault].status;
    p->sentence = faults[fault].sentence;
    return HTTP_BAD;
}

/* All parts are slices of data from here on. */
static void fill_request(const struct http_parser *p, const char *data,
                         struct http_request *request)
{
    request->method = methods[p->method].method;
    request->target = str_from(data + p->target.at, p->target.n);
    request->path = p->path.n == 0 ? STR("/") : str_from(data + p->path.at, p->path.n);
    request->query = at(data, p->query);
    for (size_t i = 0; i < HTTP_HEADERS_COUNT; i++)
        request->header[i] = at(data, p->header[i]);
    memcpy(request->header_repeats, p->repeats, sizeof request->header_repeats);
    if (p->authority.at != 0)
        request->header[HTTP_HEADER_HOST] = at(data, p->authority);
    request->fields = str_from(data + p->fields, p->body - p->fields);
    request->body = str_from(data + p->body, p->body_bytes);
    request->version_minor = p->version_minor;
    request->keep_alive = p->keep_alive;
}

static enum http_result complete(struct http_parser *p, char *data, struct http_request *request)
{
    if (p->chunked && !llhttp_agrees_on_message(p, data))
        return refuse(p, FAULT_SECOND_OPINION);
    fill_request(p, data, request);
    return HTTP_COMPLETE;
}

static enum http_result need_more(struct http_parser *p, const struct http_limits *limits,
                                  const char *data, size_t n)
{
    enum fault fault = FAULT_NONE;

    if (p->stage != STAGE_BODY && p->stage != STAGE_CHUNK_DATA)
        fault = check_unfinished(p, data, n);
    if (fault == FAULT_NONE)
        fault = check_limits(p, limits, n);
    return fault == FAULT_NONE ? HTTP_INCOMPLETE : refuse(p, fault);
}

enum http_result http_parse(struct http_parser *p, const struct http_limits *limits, char *data,
                            size_t n, struct http_request *request)
{
    enum fault fault = FAULT_NONE;

    while (p->end == 0) {
        if (p->stage == STAGE_BODY) {
            if (n - p->body < p->body_bytes)
                return HTTP_INCOMPLETE;
            p->end = p->body + p->body_bytes;
        } else if (p->stage == STAGE_CHUNK_DATA) {
            if (!skip_chunk_data(p, data, n, &fault))
                return fault == FAULT_NONE ? HTTP_INCOMPLETE : refuse(p, fault);
        } else {
            struct str line = next_line(p, data, n, &fault);

            if (line.p == NULL && fault == FAULT_NONE)
                return need_more(p, limits, data, n);
            if (fault == FAULT_NONE)
                fault = read_line(p, limits, data, line);
            if (fault != FAULT_NONE)
                return refuse(p, fault);
        }
    }
    return complete(p, data, request);
}

struct str http_header_next(const struct http_request *request, enum http_header which, unsigned n)
{
    struct str rest = request->fields;
    struct str line;
    unsigned seen = 0;

    if (n == 0)
        return request->header[which];
    if (n > request->header_repeats[which])
        return STR_ABSENT;
    while ((line = str_cut(&rest, '\n')).p != NULL) {
        struct str value = line;
        struct str name = str_cut(&value, ':');

        if (value.p == NULL || name_of(name.p, name.n) != which || seen++ < n)
            continue;
        value.n--; /* the CR */
        return str_trim(value);
    }
    return STR_ABSENT;
}

size_t http_head_bytes_max(const struct http_limits *limits)
{
    return LEADING_BYTES_MAX + limits->header_bytes;
}

size_t http_message_bytes_max(const struct http_limits *limits)
{
    return http_head_bytes_max(limits) + limits->body_bytes + CHUNK_FRAMING_MAX +
           CHUNK_LINE_BYTES_MAX;
}
