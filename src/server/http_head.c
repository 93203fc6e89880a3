/*
 * http_head.c - the lines of a header, one by one: request line, fields, trailers. See http_parts.h
 * for rules and contract; http.c calls it with each line when it is there.
 *
 * Judges and remembers where things are, as offsets into the caller's buffer; moves nothing and
 * knows nothing of what came before the line but what struct http_parser says.
 */
#include "http_parts.h"

#define METHOD_LETTERS_MAX 16
#define LENGTH_DIGITS_MAX  18 /* fits 64 bits; more is beyond any limit */
#define HEADER_REPEATS_MAX 250

/* ---- characters ------------------------------------------------------------------------------ */

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

bool http_is_text(const char *p, size_t n)
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

bool http_is_printable(const char *p, size_t n)
{
    const uint64_t tops = 0x8080808080808080u;
    size_t i = 0;

    while (n - i >= 8 && ((controls(eight_bytes(p + i)) | eight_bytes(p + i)) & tops) == 0)
        i += 8;
    while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x7F)
        i++;
    return i == n;
}

size_t http_token_bytes(struct str s)
{
    size_t n = 0;

    while (n < s.n && is_token[(unsigned char)s.p[n]])
        n++;
    return n;
}

/* ---- header names --------------------------------------------------------------------------- */

/* Those that only the reader itself needs. */
#define FRAMING_HEADERS(X)                                                                         \
    X(CONTENT_LENGTH, 'h', "content-length")                                                       \
    X(TRANSFER_ENCODING, 'g', "transfer-encoding")

enum {
    NAME_FIRST = NAME_UNKNOWN,
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

unsigned http_name_of(const char *token, size_t n)
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

const struct http_known_method http_known_methods[] = {
    { { "GET", 3 }, HTTP_GET },     { { "HEAD", 4 }, HTTP_HEAD },
    { { "POST", 4 }, HTTP_POST },   { { "OPTIONS", 7 }, HTTP_OPTIONS },
    { { "PUT", 3 }, HTTP_OTHER },   { { "DELETE", 6 }, HTTP_OTHER },
    { { "PATCH", 5 }, HTTP_OTHER }, { { "TRACE", 5 }, HTTP_OTHER },
};

static enum fault read_method(struct http_parser *p, struct str name)
{
    if (name.n == 0 || name.n > METHOD_LETTERS_MAX)
        return FAULT_METHOD;
    for (size_t i = 0; i < sizeof http_known_methods / sizeof http_known_methods[0]; i++) {
        if (str_eq(name, http_known_methods[i].name)) {
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
            if (n > 0 && str_hex_digit(s.p[n]) < 0 && s.p[n] != ':' && s.p[n] != '.')
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
    if (str_eq(target, STR("*")) && http_known_methods[p->method].method == HTTP_OPTIONS) {
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

enum fault http_read_request_line(struct http_parser *p, const char *data, struct str line)
{
    static const struct str version = { "HTTP/1.", 7 };
    struct str target = line, method, tail;
    enum fault fault;
    size_t space;

    if (!http_is_printable(line.p, line.n))
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

/* ---- fields ---------------------------------------------------------------------------------- */

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

/* H2, H7, H8. Splits a line into name and value. */
static enum fault split_field(struct str line, struct str *name, struct str *value)
{
    size_t n = http_token_bytes(line);

    if (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
        return n == 0 ? FAULT_FIELD_FOLDED : FAULT_FIELD_SPACE;
    if (n == 0 || n == line.n || line.p[n] != ':')
        return FAULT_FIELD_NAME;
    *name = str_from(line.p, n);
    *value = str_trim(str_from(line.p + n + 1, line.n - n - 1));
    return http_is_text(value->p, value->n) ? FAULT_NONE : FAULT_CONTROL;
}

enum fault http_check_begun_field(struct str begun)
{
    struct str name, value;

    if (begun.n == 0 || http_token_bytes(begun) == begun.n)
        return FAULT_NONE;
    return split_field(begun, &name, &value);
}

enum fault http_read_field(struct http_parser *p, const char *data, struct str line)
{
    struct str name, value;
    enum fault fault = split_field(line, &name, &value);
    unsigned which;

    if (fault != FAULT_NONE)
        return fault;
    which = http_name_of(name.p, name.n);
    if (which < HTTP_HEADERS_COUNT)
        return remember(p, data, which, value);
    if (which == NAME_CONTENT_LENGTH)
        return read_length(p, value);
    if (which == NAME_TRANSFER_ENCODING)
        return read_coding(p, value);
    return FAULT_NONE;
}

/* H13. Read for its form and thrown away. */
enum fault http_read_trailer(struct str line)
{
    struct str name, value;
    enum fault fault = split_field(line, &name, &value);
    unsigned which;

    if (fault != FAULT_NONE)
        return fault;
    which = http_name_of(name.p, name.n);
    return which == NAME_UNKNOWN ? FAULT_NONE : FAULT_TRAILER;
}

/* H9. */
enum fault http_check_host(const struct http_parser *p, const char *data)
{
    struct str host = http_at(data, p->header[HTTP_HEADER_HOST]);

    if (p->repeats[HTTP_HEADER_HOST] > 0 || (host.p == NULL && p->version_minor == 1))
        return FAULT_HOST_COUNT;
    return host.p == NULL || is_host(host) ? FAULT_NONE : FAULT_HOST_VALUE;
}

/* H15. HTTP/1.0 clients cannot be asked to go on, so theirs is ignored. */
enum fault http_check_expect(struct http_parser *p, const char *data)
{
    struct str expect = http_at(data, p->header[HTTP_HEADER_EXPECT]);

    if (expect.p == NULL || p->version_minor == 0)
        return FAULT_NONE;
    if (p->repeats[HTTP_HEADER_EXPECT] > 0 || !str_eq_nocase(expect, STR("100-continue")))
        return FAULT_EXPECTATION;
    p->expect_continue = p->chunked || p->body_bytes > 0;
    return FAULT_NONE;
}
