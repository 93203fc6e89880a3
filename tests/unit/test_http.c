/*
 * test_http.c - every row is fed whole, byte by byte, and at the border of an unreadable page, and
 * must end the same way each time.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/http.h"

#define H "Host: a\r\n"

static const struct http_limits limits = { 16384, 100, 65536 };

/* ---- ways of feeding ------------------------------------------------------------------------ */

/* Bytes that end where readable memory ends. */
static char *at_page_border(const char *bytes, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = n / page + 2;
    char *map =
        mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *start = map + (pages - 1) * page - n;

    cr_assert(map != MAP_FAILED);
    cr_assert(mprotect(map + (pages - 1) * page, page, PROT_NONE) == 0);
    memcpy(start, bytes, n);
    return start;
}

static void unmap_border(char *start, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = n / page + 2;

    munmap(start + n - (pages - 1) * page, pages * page);
}

static enum http_result feed_whole(struct http_parser *p, char *data, size_t n,
                                   struct http_request *request)
{
    *p = (struct http_parser){ 0 };
    return http_parse(p, &limits, data, n, request);
}

/* step bytes more each time, each time in a new place. */
static enum http_result feed_in_steps(struct http_parser *p, const char *bytes, size_t n,
                                      size_t step, struct http_request *request, char **last)
{
    enum http_result result = HTTP_INCOMPLETE;

    *p = (struct http_parser){ 0 };
    *last = NULL;
    for (size_t have = step; result == HTTP_INCOMPLETE; have += step) {
        size_t now = have < n ? have : n;

        if (*last != NULL)
            free(*last);
        *last = malloc(now);
        memcpy(*last, bytes, now);
        result = http_parse(p, &limits, *last, now, request);
        if (now == n)
            break;
    }
    return result;
}

/* ---- what is refused ------------------------------------------------------------------------ */

struct bad {
    const char *what;
    const char *bytes;
    size_t n;
    int status;
};

#define BAD(what, bytes, status)                                                                   \
    {                                                                                              \
        what, bytes, sizeof(bytes) - 1, status                                                     \
    }

#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"

static const struct bad bad_rows[] = {
    /* line ends */
    BAD("bare LF after the request line", "GET / HTTP/1.1\n" H "\r\n", 400),
    BAD("bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    BAD("bare LF instead of the empty line", "GET / HTTP/1.1\r\n" H "\n", 400),
    BAD("bare LFs only", "GET / HTTP/1.1\nHost: a\n\n", 400),
    BAD("bare CR after the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
    BAD("bare CR after a field", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    BAD("bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    BAD("bare CR in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\rY: a\r\n\r\n", 400),
    BAD("bare CR before the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400),
    BAD("CR CR LF at the end of a line", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400),
    BAD("only CRs", "GET / HTTP/1.1\rHost: a\r\r", 400),
    BAD("bare CR in the target", "GET /\r HTTP/1.1\r\n" H "\r\n", 400),
    BAD("LF first", "\nGET / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("CR first", "\rGET / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400),
    /* control characters */
    BAD("NUL in the method", "G\0T / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("NUL in the target", "GET /\0 HTTP/1.1\r\n" H "\r\n", 400),
    BAD("NUL in a name", "GET / HTTP/1.1\r\n" H "X\0Y: a\r\n\r\n", 400),
    BAD("NUL in a value", "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n", 400),
    BAD("NUL in the Host", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
    BAD("NUL ends a value", "GET / HTTP/1.1\r\n" H "X: a\0\r\n\r\n", 400),
    BAD("NUL first", "\0GET / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("backspace in a value", "GET / HTTP/1.1\r\n" H "X: a\bb\r\n\r\n", 400),
    BAD("escape in a long value", "GET / HTTP/1.1\r\n" H "X: 0123456789abcdef\033[31m\r\n\r\n",
        400),
    BAD("DEL in a value", "GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", 400),
    BAD("vertical tab in a value", "GET / HTTP/1.1\r\n" H "X: a\vb\r\n\r\n", 400),
    BAD("form feed as space", "GET\f/ HTTP/1.1\r\n" H "\r\n", 400),
    BAD("tab in the request line", "GET\t/ HTTP/1.1\r\n" H "\r\n", 400),
    BAD("tab before the version", "GET /\tHTTP/1.1\r\n" H "\r\n", 400),
    BAD("Content-Type twice",
        "POST / HTTP/1.1\r\n" H "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n", 400),
    BAD("control in the target", "GET /\x01 HTTP/1.1\r\n" H "\r\n", 400),
    BAD("DEL in the target", "GET /\x7f HTTP/1.1\r\n" H "\r\n", 400),
    BAD("UTF-8 in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 400),
    BAD("0xFF in the target", "GET /\xff HTTP/1.1\r\n" H "\r\n", 400),
    /* other protocols */
    BAD("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    BAD("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    BAD("an SSLv2 hello", "\x80\x2e\x01\x00\x02", 400),
    BAD("a PROXY header", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("a PROXY v2 header", "\r\n\r\n\0\r\nQUIT\n", 400),
    BAD("SSH", "SSH-2.0-OpenSSH_9.2\r\n", 400),
    BAD("SMTP", "EHLO example.org\r\n", 400),
    /* request line */
    BAD("no request line", " \r\n\r\n", 400),
    BAD("method only", "GET\r\n\r\n", 400),
    BAD("HTTP/0.9", "GET /\r\n\r\n", 400),
    BAD("no target", "GET HTTP/1.1\r\n" H "\r\n", 400),
    BAD("empty target", "GET  HTTP/1.1\r\n" H "\r\n", 400),
    BAD("space first", " GET / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("two spaces before the target", "GET  / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("two spaces before the version", "GET /  HTTP/1.1\r\n" H "\r\n", 400),
    BAD("space after the version", "GET / HTTP/1.1 \r\n" H "\r\n", 400),
    BAD("word after the version", "GET / HTTP/1.1 x\r\n" H "\r\n", 400),
    BAD("space in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", 400),
    BAD("lower-case method", "get / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("mixed-case method", "Get / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("method with a digit", "GET1 / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("method with a colon", "GET: / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("method with brackets", "G(T) / HTTP/1.1\r\n" H "\r\n", 400),
    BAD("field as request line", "Host: a\r\n\r\n", 400),
    BAD("unknown method", "BREW / HTTP/1.1\r\n" H "\r\n", 405),
    BAD("CONNECT", "CONNECT a:443 HTTP/1.1\r\n" H "\r\n", 405),
    BAD("PRI with 1.1", "PRI / HTTP/1.1\r\n" H "\r\n", 405),
    BAD("endless method", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" H "\r\n", 400),
    /* version */
    BAD("HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", 400),
    BAD("HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n", 400),
    BAD("HTTP/0.9 said aloud", "GET / HTTP/0.9\r\n" H "\r\n", 400),
    BAD("HTTP/1", "GET / HTTP/1\r\n" H "\r\n", 400),
    BAD("HTTP/1.", "GET / HTTP/1.\r\n" H "\r\n", 400),
    BAD("HTTP/1.10", "GET / HTTP/1.10\r\n" H "\r\n", 400),
    BAD("HTTP/01.1", "GET / HTTP/01.1\r\n" H "\r\n", 400),
    BAD("HTTP/11.1", "GET / HTTP/11.1\r\n" H "\r\n", 400),
    BAD("HTTP/+1.1", "GET / HTTP/+1.1\r\n" H "\r\n", 400),
    BAD("HTTP/1,1", "GET / HTTP/1,1\r\n" H "\r\n", 400),
    BAD("HTTP/1 .1", "GET / HTTP/1 .1\r\n" H "\r\n", 400),
    BAD("HTTP/ 1.1", "GET / HTTP/ 1.1\r\n" H "\r\n", 400),
    BAD("http/1.1", "GET / http/1.1\r\n" H "\r\n", 400),
    BAD("HTTPS/1.1", "GET / HTTPS/1.1\r\n" H "\r\n", 400),
    BAD("HTTQ/1.1", "GET / HTTQ/1.1\r\n" H "\r\n", 400),
    BAD("RTSP/1.0", "GET / RTSP/1.0\r\n" H "\r\n", 400),
    BAD("ICE/1.0", "SOURCE / ICE/1.0\r\n" H "\r\n", 400),
    BAD("HTTP/x.y", "GET / HTTP/x.y\r\n" H "\r\n", 400),
    BAD("HTTP-1.1", "GET / HTTP-1.1\r\n" H "\r\n", 400),
    /* target */
    BAD("relative target", "GET b.gif HTTP/1.1\r\n" H "\r\n", 400),
    BAD("query as target", "GET ?a=b HTTP/1.1\r\n" H "\r\n", 400),
    BAD("asterisk for GET", "GET * HTTP/1.1\r\n" H "\r\n", 400),
    BAD("asterisk and more", "OPTIONS *a HTTP/1.1\r\n" H "\r\n", 400),
    BAD("fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", 400),
    BAD("fragment in the query", "GET /a?b#c HTTP/1.1\r\n" H "\r\n", 400),
    BAD("ftp scheme", "GET ftp://a/ HTTP/1.1\r\n" H "\r\n", 400),
    BAD("no scheme", "GET ://a/ HTTP/1.1\r\n" H "\r\n", 400),
    BAD("scheme without host", "GET http:// HTTP/1.1\r\n" H "\r\n", 400),
    BAD("scheme with one slash", "GET http:/a HTTP/1.1\r\n" H "\r\n", 400),
    BAD("empty host", "GET http:///a HTTP/1.1\r\n" H "\r\n", 400),
    BAD("empty host with port", "GET http://:80/a HTTP/1.1\r\n" H "\r\n", 400),
    BAD("user information", "GET http://u:p@a/ HTTP/1.1\r\n" H "\r\n", 400),
    BAD("bad port in the target", "GET http://a:x/ HTTP/1.1\r\n" H "\r\n", 400),
    BAD("host with a backslash", "GET http://a\\b/ HTTP/1.1\r\n" H "\r\n", 400),
    BAD("authority-form for GET", "GET a:80 HTTP/1.1\r\n" H "\r\n", 400),
    /* fields */
    BAD("folded value", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", 400),
    BAD("folded with a tab", "GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", 400),
    BAD("folded empty", "GET / HTTP/1.1\r\n" H "X: a\r\n \r\n\r\n", 400),
    BAD("folded Host", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", 400),
    BAD("space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    BAD("tab before the first field", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400),
    BAD("white line before the fields", "GET / HTTP/1.1\r\n \r\n" H "\r\n", 400),
    BAD("space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    BAD("tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400),
    BAD("space in a name", "GET / HTTP/1.1\r\n" H "X Y: a\r\n\r\n", 400),
    BAD("empty name", "GET / HTTP/1.1\r\n" H ": a\r\n\r\n", 400),
    BAD("no colon", "GET / HTTP/1.1\r\n" H "X\r\n\r\n", 400),
    BAD("no colon but a space", "GET / HTTP/1.1\r\n" H "X a\r\n\r\n", 400),
    BAD("slash in a name", "GET / HTTP/1.1\r\n" H "X/Y: a\r\n\r\n", 400),
    BAD("quotes around a name", "GET / HTTP/1.1\r\n" H "\"X\": a\r\n\r\n", 400),
    BAD("brackets in a name", "GET / HTTP/1.1\r\n" H "X[0]: a\r\n\r\n", 400),
    BAD("braces in a name", "GET / HTTP/1.1\r\n" H "{X}: a\r\n\r\n", 400),
    BAD("at sign in a name", "GET / HTTP/1.1\r\n" H "X@: a\r\n\r\n", 400),
    BAD("comma in a name", "GET / HTTP/1.1\r\n" H "X,Y: a\r\n\r\n", 400),
    BAD("semicolon in a name", "GET / HTTP/1.1\r\n" H "X;Y: a\r\n\r\n", 400),
    BAD("equals in a name", "GET / HTTP/1.1\r\n" H "X=Y: a\r\n\r\n", 400),
    BAD("UTF-8 in a name", "GET / HTTP/1.1\r\n" H "\xc3\xa4: a\r\n\r\n", 400),
    BAD("byte order mark before a name", "GET / HTTP/1.1\r\n\xef\xbb\xbfHost: a\r\n\r\n", 400),
    BAD("second request line", "GET / HTTP/1.1\r\nGET / HTTP/1.1\r\n" H "\r\n", 400),
    /* Host */
    BAD("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
    BAD("no Host in absolute-form", "GET http://a/ HTTP/1.1\r\n\r\n", 400),
    BAD("two Hosts", "GET / HTTP/1.1\r\n" H H "\r\n", 400),
    BAD("two different Hosts", "GET / HTTP/1.1\r\n" H "host: b\r\n\r\n", 400),
    BAD("two Hosts in 1.0", "GET / HTTP/1.0\r\n" H H "\r\n", 400),
    BAD("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    BAD("blank Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400),
    BAD("Host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    BAD("Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    BAD("Host with a comma", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    BAD("Host with a scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", 400),
    BAD("Host with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    BAD("Host with a query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400),
    BAD("Host with a fragment", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400),
    BAD("Host with a backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400),
    BAD("Host with quotes", "GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n", 400),
    BAD("Host with UTF-8", "GET / HTTP/1.1\r\nHost: \xc3\xa4.example\r\n\r\n", 400),
    BAD("Host with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
    BAD("Host with a negative port", "GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n", 400),
    BAD("Host with a large port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
    BAD("Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
    BAD("Host with only a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400),
    BAD("Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    BAD("Host with empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400),
    BAD("Host with text behind brackets", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400),
    BAD("Host with a name in brackets", "GET / HTTP/1.1\r\nHost: [name]\r\n\r\n", 400),
    /* Content-Length */
    BAD("empty length", "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400),
    BAD("negative length", "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400),
    BAD("length with plus", "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\na", 400),
    BAD("length of letters", "POST / HTTP/1.1\r\n" H "Content-Length: a\r\n\r\n", 400),
    BAD("hexadecimal length", "POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\na", 400),
    BAD("length with a fraction", "POST / HTTP/1.1\r\n" H "Content-Length: 1.0\r\n\r\na", 400),
    BAD("length with a space", "POST / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n\r\na", 400),
    BAD("length in quotes", "POST / HTTP/1.1\r\n" H "Content-Length: \"1\"\r\n\r\na", 400),
    BAD("length with underscore", "POST / HTTP/1.1\r\n" H "Content-Length: 1_0\r\n\r\na", 400),
    BAD("length list", "POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\na", 400),
    BAD("length list of two", "POST / HTTP/1.1\r\n" H "Content-Length: 1,2\r\n\r\na", 400),
    BAD("length with comma", "POST / HTTP/1.1\r\n" H "Content-Length: 1,\r\n\r\na", 400),
    BAD("length twice", "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        400),
    BAD("two lengths", "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\ncontent-length: 2\r\n\r\na",
        400),
    BAD("length 0 twice", "GET / HTTP/1.1\r\n" H "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        400),
    BAD("length in another digit set", "POST / HTTP/1.1\r\n" H "Content-Length: \xd9\xa1\r\n\r\na",
        400),
    BAD("overflowing length",
        "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\na", 413),
    BAD("length of 2^32 + 1", "POST / HTTP/1.1\r\n" H "Content-Length: 4294967297\r\n\r\na", 413),
    BAD("length beyond the limit", "POST / HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n", 413),
    /* Transfer-Encoding */
    BAD("length and coding",
        "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("coding and length",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        400),
    BAD("coding and length 0",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        400),
    BAD("coding in 1.0", "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("identity", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 400),
    BAD("gzip", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 400),
    BAD("gzip, chunked",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("chunked, gzip",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    BAD("chunked, identity",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    BAD("chunked, chunked",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("chunked twice",
        "POST / HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("xchunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    BAD("chunkedx", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", 400),
    BAD("chunked in quotes",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    BAD("chunked with parameter",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
    BAD("chunked and comma", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
        400),
    BAD("comma and chunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("empty coding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", 400),
    BAD("vertical tab and chunked",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400),
    BAD("coding with a space before the colon",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    BAD("coding on a folded line",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    /* chunks */
    BAD("chunk without size", CHUNKED "\r\n", 400),
    BAD("chunk of letters", CHUNKED "x\r\n", 400),
    BAD("chunk with 0x", CHUNKED "0x1\r\na\r\n0\r\n\r\n", 400),
    BAD("negative chunk", CHUNKED "-1\r\na\r\n0\r\n\r\n", 400),
    BAD("chunk with plus", CHUNKED "+1\r\na\r\n0\r\n\r\n", 400),
    BAD("space before the size", CHUNKED " 1\r\na\r\n0\r\n\r\n", 400),
    BAD("space behind the size", CHUNKED "1 \r\na\r\n0\r\n\r\n", 400),
    BAD("tab behind the size", CHUNKED "1\t\r\na\r\n0\r\n\r\n", 400),
    BAD("overflowing chunk", CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n", 400),
    BAD("endless zeros", CHUNKED "0000000000000000000001\r\na\r\n0\r\n\r\n", 400),
    BAD("huge chunk", CHUNKED "ffffffff\r\na\r\n0\r\n\r\n", 413),
    BAD("chunk beyond the limit", CHUNKED "10001\r\n", 413),
    BAD("chunk extension without a name", CHUNKED "1;\r\na\r\n0\r\n\r\n", 400),
    BAD("chunk extension without a value", CHUNKED "1;a=\r\na\r\n0\r\n\r\n", 400),
    BAD("chunk extension with an open quote", CHUNKED "1;a=\"b\r\na\r\n0\r\n\r\n", 400),
    BAD("chunk extension with two words", CHUNKED "1;a b\r\na\r\n0\r\n\r\n", 400),
    BAD("folded line that is only begun", "GET / HTTP/1.1\r\n ", 400),
    BAD("space before the colon of a line that is only begun", "GET / HTTP/1.1\r\nHost ", 400),
    BAD("header name of a line that is only begun", "GET / HTTP/1.1\r\nA(b", 400),
    BAD("chunk longer than its size", CHUNKED "1\r\nab\r\n0\r\n\r\n", 400),
    BAD("chunk data ends in LF", CHUNKED "1\r\na\n0\r\n\r\n", 400),
    BAD("chunk data ends in CR", CHUNKED "1\r\na\r0\r\n\r\n", 400),
    BAD("chunk size ends in LF", CHUNKED "1\na\r\n0\r\n\r\n", 400),
    BAD("chunk size ends in CR", CHUNKED "1\ra\r\n0\r\n\r\n", 400),
    BAD("LF in an extension", CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", 400),
    BAD("CR in an extension", CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n", 400),
    BAD("NUL in an extension", CHUNKED "1;a\0b\r\na\r\n0\r\n\r\n", 400),
    BAD("last chunk ends in LF", CHUNKED "0\n\r\n", 400),
    BAD("message ends in LF", CHUNKED "0\r\n\n", 400),
    BAD("message ends in CR", CHUNKED "0\r\n\rX", 400),
    BAD("trailer with a space", CHUNKED "0\r\nX : a\r\n\r\n", 400),
    BAD("trailer without colon", CHUNKED "0\r\nX\r\n\r\n", 400),
    BAD("folded trailer", CHUNKED "0\r\nX: a\r\n b\r\n\r\n", 400),
    BAD("trailer with NUL", CHUNKED "0\r\nX: \0\r\n\r\n", 400),
    BAD("Content-Length as trailer", CHUNKED "0\r\nContent-Length: 5\r\n\r\n", 400),
    BAD("Transfer-Encoding as trailer", CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    BAD("Host as trailer", CHUNKED "0\r\nHost: b\r\n\r\n", 400),
    BAD("Cookie as trailer", CHUNKED "0\r\nCookie: a=b\r\n\r\n", 400),
    BAD("request instead of a chunk", CHUNKED "GET / HTTP/1.1\r\n" H "\r\n", 400),
    /* Expect */
    BAD("unknown expectation",
        "POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417),
    BAD("empty expectation", "POST / HTTP/1.1\r\n" H "Expect:\r\nContent-Length: 1\r\n\r\na", 417),
    BAD("two expectations",
        "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nExpect: x\r\nContent-Length: 1\r\n\r\na",
        417),
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void expect_refused(const struct bad *row, enum http_result result,
                           const struct http_parser *p, const char *how)
{
    cr_expect(result == HTTP_BAD, "%s, %s: was not refused", row->what, how);
    cr_expect(p->status == row->status, "%s, %s: %u instead of %d (%s)", row->what, how, p->status,
              row->status, p->sentence);
}

Test(http, malformed_requests_are_refused_at_once)
{
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        const struct bad *row = &bad_rows[i];
        struct http_request request;
        struct http_parser p;
        char *copy = at_page_border(row->bytes, row->n);

        expect_refused(row, feed_whole(&p, copy, row->n, &request), &p, "whole");
        unmap_border(copy, row->n);
        for (size_t step = 1; step <= 7; step += 3) {
            enum http_result result = feed_in_steps(&p, row->bytes, row->n, step, &request, &copy);

            expect_refused(row, result, &p, "in pieces");
            free(copy);
        }
    }
}

/* ---- what is accepted ----------------------------------------------------------------------- */

struct good {
    const char *what;
    const char *bytes;
    size_t n;
    enum http_method method;
    const char *path;
    const char *query; /* NULL: absent */
    const char *host;  /* NULL: absent */
    const char *body;
    bool keep_alive;
};

#define GOOD(what, bytes, ...)                                                                     \
    {                                                                                              \
        what, bytes, sizeof(bytes) - 1, __VA_ARGS__                                                \
    }

static const struct good good_rows[] = {
    GOOD("the smallest", "GET / HTTP/1.1\r\n" H "\r\n", HTTP_GET, "/", NULL, "a", "", true),
    GOOD("no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", HTTP_GET, "/", NULL, NULL, "", false),
    GOOD("keep-alive in 1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HTTP_GET, "/",
         NULL, NULL, "", true),
    GOOD("close in 1.1", "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", HTTP_GET, "/", NULL,
         "a", "", false),
    GOOD("close in a list", "GET / HTTP/1.1\r\n" H "Connection: foo, Close\r\n\r\n", HTTP_GET, "/",
         NULL, "a", "", false),
    GOOD("an empty line first", "\r\nGET / HTTP/1.1\r\n" H "\r\n", HTTP_GET, "/", NULL, "a", "",
         true),
    GOOD("query", "GET /b.gif?url=http://x/?a=b HTTP/1.1\r\n" H "\r\n", HTTP_GET, "/b.gif",
         "url=http://x/?a=b", "a", "", true),
    GOOD("empty query", "GET /b.gif? HTTP/1.1\r\n" H "\r\n", HTTP_GET, "/b.gif", "", "a", "", true),
    GOOD("odd characters in the query", "GET /?\"<>[]^`{|}\\ HTTP/1.1\r\n" H "\r\n", HTTP_GET, "/",
         "\"<>[]^`{|}\\", "a", "", true),
    GOOD("absolute-form wins over Host", "GET http://b.example:8080/c?d HTTP/1.1\r\n" H "\r\n",
         HTTP_GET, "/c", "d", "b.example:8080", "", true),
    GOOD("absolute-form without path", "GET HTTP://b HTTP/1.1\r\n" H "\r\n", HTTP_GET, "/", NULL,
         "b", "", true),
    GOOD("absolute-form with query only", "GET https://b?c HTTP/1.1\r\n" H "\r\n", HTTP_GET, "/",
         "c", "b", "", true),
    GOOD("asterisk-form", "OPTIONS * HTTP/1.1\r\n" H "\r\n", HTTP_OPTIONS, "*", NULL, "a", "",
         true),
    GOOD("double slash is a path", "GET //x HTTP/1.1\r\n" H "\r\n", HTTP_GET, "//x", NULL, "a", "",
         true),
    GOOD("IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", HTTP_GET, "/", NULL,
         "[::1]:8080", "", true),
    GOOD("Host with white space around", "GET / HTTP/1.1\r\nHOST:\t a.example \t\r\n\r\n", HTTP_GET,
         "/", NULL, "a.example", "", true),
    GOOD("Host without white space", "GET / HTTP/1.1\r\nhost:a_b.example\r\n\r\n", HTTP_GET, "/",
         NULL, "a_b.example", "", true),
    GOOD("UTF-8 and tab in a value", "GET / HTTP/1.1\r\n" H "X: \xc3\xa4\tb\xff\r\n\r\n", HTTP_GET,
         "/", NULL, "a", "", true),
    GOOD("empty value", "GET / HTTP/1.1\r\n" H "X:\r\n\r\n", HTTP_GET, "/", NULL, "a", "", true),
    GOOD("odd name", "GET / HTTP/1.1\r\n" H "!#$%&'*+-.^_`|~: a\r\n\r\n", HTTP_GET, "/", NULL, "a",
         "", true),
    GOOD("HEAD", "HEAD /b.gif HTTP/1.1\r\n" H "\r\n", HTTP_HEAD, "/b.gif", NULL, "a", "", true),
    GOOD("PUT is heard of", "PUT / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nab", HTTP_OTHER, "/",
         NULL, "a", "ab", true),
    GOOD("Upgrade is ignored", "GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
         HTTP_GET, "/", NULL, "a", "", true),
    GOOD("Upgrade with chunks",
         "POST / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: "
         "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
         HTTP_POST, "/", NULL, "a", "a", true),
    GOOD("body", "POST /optout HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", HTTP_POST,
         "/optout", NULL, "a", "hello", true),
    GOOD("empty body", "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", HTTP_POST, "/", NULL,
         "a", "", true),
    GOOD("length with zeros", "POST / HTTP/1.1\r\n" H "Content-Length: 0005\r\n\r\nhello",
         HTTP_POST, "/", NULL, "a", "hello", true),
    GOOD("GET with a body", "GET / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", HTTP_GET, "/",
         NULL, "a", "hello", true),
    GOOD("body in 1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", HTTP_POST, "/", NULL,
         NULL, "hello", false),
    GOOD("no chunk", CHUNKED "0\r\n\r\n", HTTP_POST, "/", NULL, "a", "", true),
    GOOD("chunks", CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", HTTP_POST, "/", NULL, "a",
         "hello world", true),
    GOOD("chunk with zeros", CHUNKED "00000005\r\nhello\r\n000\r\n\r\n", HTTP_POST, "/", NULL, "a",
         "hello", true),
    GOOD("chunk in hexadecimal", CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
         HTTP_POST, "/", NULL, "a", "01234567890123456789", true),
    GOOD("chunk with line ends in it", CHUNKED "6\r\n\r\n\n\r\r\n\r\n0\r\n\r\n", HTTP_POST, "/",
         NULL, "a", "\r\n\n\r\r\n", true),
    GOOD("chunk extensions with values",
         CHUNKED "5;a=b;c=d\r\nhello\r\n1 ; a=\"b\\\"\" ; c\r\n.\r\n0;e=f;g\r\n\r\n", HTTP_POST,
         "/", NULL, "a", "hello.", true),
    GOOD("chunk extension with a tab and bytes", CHUNKED "5;\ta=\"\xe4\"\r\nhello\r\n0\r\n\r\n",
         HTTP_POST, "/", NULL, "a", "hello", true),
    GOOD("chunk extension", CHUNKED "5;a=\"b\"\r\nhello\r\n0;e\r\n\r\n", HTTP_POST, "/", NULL, "a",
         "hello", true),
    GOOD("trailers", CHUNKED "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n", HTTP_POST, "/",
         NULL, "a", "hello", true),
    GOOD("coding in capitals",
         "POST / HTTP/1.1\r\n" H "TRANSFER-ENCODING: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", HTTP_POST,
         "/", NULL, "a", "a", true),
    GOOD("expectation met by the body",
         "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na", HTTP_POST,
         "/", NULL, "a", "a", true),
    GOOD("expectation in 1.0 is ignored",
         "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 1\r\n\r\na", HTTP_POST, "/", NULL, NULL,
         "a", false),
};

static bool same(struct str s, const char *want)
{
    return want == NULL ? s.p == NULL : s.p != NULL && str_eq(s, str_of(want));
}

static void expect_accepted(const struct good *row, enum http_result result,
                            const struct http_parser *p, const struct http_request *r,
                            const char *how)
{
    cr_expect(result == HTTP_COMPLETE, "%s, %s: %s", row->what, how,
              result == HTTP_BAD ? p->sentence : "incomplete");
    if (result != HTTP_COMPLETE)
        return;
    cr_expect(p->end == row->n, "%s, %s: ends at %u", row->what, how, p->end);
    cr_expect(r->method == row->method, "%s, %s: method", row->what, how);
    cr_expect(same(r->path, row->path), "%s, %s: path %.*s", row->what, how, STR_ARG(r->path));
    cr_expect(same(r->query, row->query), "%s, %s: query", row->what, how);
    cr_expect(same(r->header[HTTP_HEADER_HOST], row->host), "%s, %s: host", row->what, how);
    cr_expect(same(r->body, row->body), "%s, %s: body", row->what, how);
    cr_expect(r->keep_alive == row->keep_alive, "%s, %s: keep-alive", row->what, how);
}

Test(http, well_formed_requests_are_accepted)
{
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        const struct good *row = &good_rows[i];
        struct http_request request;
        struct http_parser p;
        char *copy = at_page_border(row->bytes, row->n);
        enum http_result result = feed_whole(&p, copy, row->n, &request);

        expect_accepted(row, result, &p, &request, "whole");
        unmap_border(copy, row->n);
        for (size_t step = 1; step <= 7; step += 3) {
            result = feed_in_steps(&p, row->bytes, row->n, step, &request, &copy);
            expect_accepted(row, result, &p, &request, "in pieces");
            free(copy);
        }
    }
}

Test(http, a_request_cut_anywhere_is_incomplete)
{
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        const struct good *row = &good_rows[i];

        for (size_t cut = 0; cut < row->n; cut++) {
            struct http_request request;
            struct http_parser p;
            char *copy = at_page_border(row->bytes, cut);

            cr_expect(feed_whole(&p, copy, cut, &request) == HTTP_INCOMPLETE, "%s, cut at %zu",
                      row->what, cut);
            unmap_border(copy, cut);
        }
    }
}

Test(http, the_next_request_starts_where_this_one_ends)
{
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        const struct good *row = &good_rows[i];
        const char next[] = "GET /next HTTP/1.1\r\n" H "\r\n";
        size_t n = row->n + sizeof next - 1;
        char *both = malloc(n);
        struct http_request request;
        struct http_parser p;

        memcpy(both, row->bytes, row->n);
        memcpy(both + row->n, next, sizeof next - 1);
        expect_accepted(row, feed_whole(&p, both, n, &request), &p, &request, "pipelined");
        cr_expect(feed_whole(&p, both + row->n, n - row->n, &request) == HTTP_COMPLETE);
        cr_expect(same(request.path, "/next"), "%s", row->what);
        free(both);
    }
}

Test(http, no_header_but_those_in_the_table_is_looked_at)
{
    char text[] = "GET / HTTP/1.1\r\n" H "DNT: 1\r\nCookie: a=b\r\nSec-GPC: 1\r\n"
                  "X-Forwarded-For: 1.1.1.1\r\ncookie:c=d\r\nX-FORWARDED-FOR:  2.2.2.2 \r\n"
                  "Cooki3: x\r\nPurposE: prefetch\r\nCOOKIE:\r\nx-forwarded-proto: https\r\n\r\n";
    struct http_request r;
    struct http_parser p;

    cr_assert(feed_whole(&p, text, sizeof text - 1, &r) == HTTP_COMPLETE);
    cr_expect(same(r.header[HTTP_HEADER_COOKIE], "a=b"));
    cr_expect(r.header_repeats[HTTP_HEADER_COOKIE] == 2);
    cr_expect(same(http_header_next(&r, HTTP_HEADER_COOKIE, 0), "a=b"));
    cr_expect(same(http_header_next(&r, HTTP_HEADER_COOKIE, 1), "c=d"));
    cr_expect(same(http_header_next(&r, HTTP_HEADER_COOKIE, 2), ""));
    cr_expect(http_header_next(&r, HTTP_HEADER_COOKIE, 3).p == NULL);
    cr_expect(same(http_header_next(&r, HTTP_HEADER_X_FORWARDED_FOR, 1), "2.2.2.2"));
    cr_expect(same(r.header[HTTP_HEADER_SEC_GPC], "1"));
    cr_expect(same(r.header[HTTP_HEADER_PURPOSE], "prefetch"));
    cr_expect(same(r.header[HTTP_HEADER_X_FORWARDED_PROTO], "https"));
    cr_expect(r.header[HTTP_HEADER_ORIGIN].p == NULL);
    cr_expect(http_header_next(&r, HTTP_HEADER_ORIGIN, 0).p == NULL);
}

/* ---- limits --------------------------------------------------------------------------------- */

/* A request with a header of exactly n bytes, its last field padded. */
static char *header_of(size_t n)
{
    static const char start[] = "GET / HTTP/1.1\r\n" H "X: ";
    char *text = malloc(n);

    memset(text, 'a', n);
    memcpy(text, start, sizeof start - 1);
    memcpy(text + n - 4, "\r\n\r\n", 4);
    return text;
}

static int status_of(char *text, size_t n, size_t step)
{
    struct http_request request;
    struct http_parser p;
    char *copy;
    enum http_result result = feed_in_steps(&p, text, n, step, &request, &copy);

    free(copy);
    return result == HTTP_COMPLETE ? 200 : result == HTTP_BAD ? p.status : 0;
}

Test(http, header_limit_is_exact)
{
    for (size_t step = 1; step <= 20000; step += 19999 / 2) {
        char *fits = header_of(limits.header_bytes);
        char *large = header_of(limits.header_bytes + 1);

        cr_expect(status_of(fits, limits.header_bytes, step) == 200);
        cr_expect(status_of(large, limits.header_bytes + 1, step) == 431);
        cr_expect(status_of(large, limits.header_bytes, step) == 431, "refused before its end");
        free(fits);
        free(large);
    }
}

Test(http, endless_target_is_414)
{
    char *text = malloc(20000);

    memset(text, 'a', 20000);
    memcpy(text, "GET /", 5);
    cr_expect(status_of(text, limits.header_bytes - 1, 1000) == 0);
    cr_expect(status_of(text, limits.header_bytes, 1000) == 414);
    cr_expect(status_of(text, 20000, 20000) == 414);
    memcpy(text + 19980, " HTTP/1.1\r\n", 11);
    cr_expect(status_of(text, 20000, 20000) == 414);
    free(text);
}

Test(http, header_count_is_limited)
{
    char text[4096] = "GET / HTTP/1.1\r\n" H;

    for (size_t i = 1; i < limits.headers; i++)
        strcat(text, "X: y\r\n");
    strcat(text, "\r\n");
    cr_expect(status_of(text, strlen(text), 4096) == 200);
    text[strlen(text) - 2] = '\0';
    strcat(text, "X: y\r\n\r\n");
    cr_expect(status_of(text, strlen(text), 4096) == 431);
}

Test(http, body_limit_is_exact)
{
    size_t n = limits.body_bytes;
    char *text = malloc(n + 1000);
    int head = sprintf(text, "POST / HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", n);

    memset(text + head, 'b', n);
    cr_expect(status_of(text, (size_t)head + n, 5000) == 200);
    head = sprintf(text, CHUNKED "%zx\r\n", n);
    memset(text + head, 'b', n);
    memcpy(text + head + n, "\r\n0\r\n\r\n", 7);
    cr_expect(status_of(text, (size_t)head + n + 7, 5000) == 200);
    free(text);
}

/* A peer that sends a byte a chunk may not make the buffer grow beyond what was promised. */
Test(http, chunk_framing_is_bounded)
{
    char *text = malloc(600000);
    size_t n = (size_t)sprintf(text, CHUNKED);

    while (n < 590000)
        n += (size_t)sprintf(text + n, "1;x\r\na\r\n");
    cr_expect(status_of(text, http_message_bytes_max(&limits), 1) == 413);
    n = (size_t)sprintf(text, CHUNKED "1;");
    memset(text + n, 'x', 10000);
    cr_expect(status_of(text, n + 10000, 1) == 400);
    n = (size_t)sprintf(text, CHUNKED "0\r\nX: ");
    memset(text + n, 'x', 100000);
    cr_expect(status_of(text, http_message_bytes_max(&limits), 1) == 431);
    free(text);
}

Test(http, expectation_is_reported_while_the_body_is_missing)
{
    char text[] = "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
    struct http_request request;
    struct http_parser p = { 0 };

    cr_expect(http_parse(&p, &limits, text, sizeof text - 4, &request) == HTTP_INCOMPLETE);
    cr_expect(!p.in_body && !p.expect_continue);
    cr_expect(http_parse(&p, &limits, text, sizeof text - 3, &request) == HTTP_INCOMPLETE);
    cr_expect(p.in_body && p.expect_continue);
    cr_expect(http_parse(&p, &limits, text, sizeof text - 1, &request) == HTTP_COMPLETE);
    cr_expect(same(request.body, "ab"));
}
