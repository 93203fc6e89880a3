/*
 * test_proxy_protocol.c - every good header is cut at every byte, with a request behind it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "server/proxy_protocol.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IP6       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"

struct row {
    const char *what;
    const char *bytes;
    size_t n;
    const char *source; /* NULL: refused; "": does not say */
};

#define ROW(what, bytes, source)                                                                   \
    {                                                                                              \
        what, bytes, sizeof(bytes) - 1, source                                                     \
    }

static const struct row good_rows[] = {
    ROW("v1 TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1"),
    ROW("v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "2001:db8::1"),
    ROW("v1 mapped", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n", "192.0.2.1"),
    ROW("v1 UNKNOWN", "PROXY UNKNOWN\r\n", ""),
    ROW("v1 UNKNOWN with more", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""),
    ROW("v1 the longest",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        ""),
    ROW("v2 TCP4", SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04",
        "192.0.2.1"),
    ROW("v2 TCP6", SIGNATURE "\x21\x21\0\x24" IP6 IP6 "\x01\x02\x03\x04", "2001:db8::1"),
    ROW("v2 UDP4", SIGNATURE "\x21\x12\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04",
        "192.0.2.1"),
    ROW("v2 LOCAL", SIGNATURE "\x20\x00\0\0", ""),
    ROW("v2 LOCAL with an address",
        SIGNATURE "\x20\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04", ""),
    ROW("v2 UNSPEC", SIGNATURE "\x21\x00\0\0", ""),
    ROW("v2 UNSPEC with TLV", SIGNATURE "\x21\x00\0\x04\x04\0\x01\0", ""),
    ROW("v2 TLVs",
        SIGNATURE
        "\x21\x11\0\x17\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04\x01\0\x02h2\xea\0\x03"
        "abc",
        "192.0.2.1"),
    ROW("v2 CRC",
        SIGNATURE
        "\x21\x11\0\x13\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04\x03\0\x04\x01\x02\x03\x04",
        "192.0.2.1"),
};

static const struct row bad_rows[] = {
    ROW("a request", "GET / HTTP/1.1\r\n", NULL),
    ROW("lower case", "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", NULL),
    ROW("v1 TCP5", "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n", NULL),
    ROW("v1 UDP4", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", NULL),
    ROW("v1 nothing", "PROXY \r\n", NULL),
    ROW("v1 two spaces", "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n", NULL),
    ROW("v1 one address", "PROXY TCP4 192.0.2.1\r\n", NULL),
    ROW("v1 no ports", "PROXY TCP4 192.0.2.1 198.51.100.2\r\n", NULL),
    ROW("v1 one port", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", NULL),
    ROW("v1 three ports", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", NULL),
    ROW("v1 port that could be octal", "PROXY TCP4 192.0.2.1 198.51.100.2 1 0443\r\n", NULL),
    ROW("v1 large port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", NULL),
    ROW("v1 negative port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 -2\r\n", NULL),
    ROW("v1 IPv6 as TCP4", "PROXY TCP4 ::1 198.51.100.2 1 2\r\n", NULL),
    ROW("v1 IPv4 as TCP6", "PROXY TCP6 192.0.2.1 ::1 1 2\r\n", NULL),
    ROW("v1 name", "PROXY TCP4 localhost 198.51.100.2 1 2\r\n", NULL),
    ROW("v1 leading zero", "PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n", NULL),
    ROW("v1 bare LF", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", NULL),
    ROW("v1 CR inside", "PROXY TCP4 192.0.2.1 198.51.100.2 1 \r2\r\n", NULL),
    ROW("v1 too long",
        "PROXY UNKNOWN "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaa\r\n",
        NULL),
    ROW("v2 version 1", SIGNATURE "\x11\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04",
        NULL),
    ROW("v2 command 2", SIGNATURE "\x22\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04",
        NULL),
    ROW("v2 family 4", SIGNATURE "\x21\x41\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04",
        NULL),
    ROW("v2 protocol 3", SIGNATURE "\x21\x13\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04",
        NULL),
    ROW("v2 short for IPv4", SIGNATURE "\x21\x11\0\x0b\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03",
        NULL),
    ROW("v2 short for IPv6",
        SIGNATURE "\x21\x21\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04", NULL),
    ROW("v2 torn TLV",
        SIGNATURE "\x21\x11\0\x0e\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04\x01\0", NULL),
    ROW("v2 TLV beyond the end",
        SIGNATURE "\x21\x11\0\x0f\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x03\x04\x01\0\x01", NULL),
    ROW("v2 huge", SIGNATURE "\x21\x11\xff\xff\xc0\0\x02\x01", NULL),
};

/* From memory of exactly n bytes, so that a sanitizer sees every step beyond. */
static enum proxy_result parse(const char *bytes, size_t n, struct proxy_header *header)
{
    char *copy = malloc(n == 0 ? 1 : n);
    enum proxy_result result;

    memcpy(copy, bytes, n);
    result = proxy_parse(copy, n, header);
    free(copy);
    return result;
}

Test(proxy_protocol, headers_are_read_and_end_where_they_end)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    for (size_t i = 0; i < sizeof good_rows / sizeof good_rows[0]; i++) {
        const struct row *row = &good_rows[i];
        char text[4096];
        struct proxy_header header;
        struct ip want = { .family = 0 };

        memcpy(text, row->bytes, row->n);
        memcpy(text + row->n, request, sizeof request);
        cr_expect(parse(text, row->n, &header) == PROXY_COMPLETE, "%s", row->what);
        cr_expect(parse(text, row->n + sizeof request, &header) == PROXY_COMPLETE, "%s", row->what);
        cr_expect(header.bytes == row->n, "%s: %zu bytes", row->what, header.bytes);
        cr_expect(row->source[0] == '\0' || ip_parse(str_of(row->source), &want));
        cr_expect(ip_equal(&header.source, &want), "%s", row->what);
    }
}

Test(proxy_protocol, headers_cut_anywhere_are_incomplete)
{
    for (size_t i = 0; i < sizeof good_rows / sizeof good_rows[0]; i++) {
        struct proxy_header header;

        for (size_t cut = 0; cut < good_rows[i].n; cut++)
            cr_expect(parse(good_rows[i].bytes, cut, &header) == PROXY_INCOMPLETE, "%s, cut at %zu",
                      good_rows[i].what, cut);
    }
}

Test(proxy_protocol, malformed_headers_are_refused)
{
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        struct proxy_header header;

        cr_expect(parse(bad_rows[i].bytes, bad_rows[i].n, &header) == PROXY_BAD, "%s",
                  bad_rows[i].what);
    }
}
