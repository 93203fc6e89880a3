/*
 * test_client_addr.c - promise 8: no address is believed that a trusted proxy did not vouch for.
 *
 * Trusted here: 10.0.0.0/8, 127.0.0.1, fd00::/8. 203.0.113.x and 2001:db8:: are clients, 6.6.6.6
 * is what an attacker writes.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "server/client_addr.h"
#include "support/edge.h"

#define XFF CLIENT_ADDRESS_X_FORWARDED_FOR
#define FWD CLIENT_ADDRESS_FORWARDED

struct row {
    const char *peer;
    const char *lines;
    const char *client;
    bool https;
};

static struct client ask(enum config_client_address mode, const char *peer, const char *lines)
{
    static char text[65536], memory[65536];
    static struct ip_net nets[3];
    struct config_proxies proxies = { nets, 3, mode };
    struct http_request request;
    struct client client;
    struct ip ip;

    cr_assert(ip_net_parse(STR("10.0.0.0/8"), &nets[0]));
    cr_assert(ip_net_parse(STR("127.0.0.1"), &nets[1]));
    cr_assert(ip_net_parse(STR("fd00::/8"), &nets[2]));
    cr_assert(ip_parse(str_of(peer), &ip));
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", lines);
    edge_parse(text, memory, sizeof memory, &request);
    client_from_request(&client, &proxies, &ip, &request);
    return client;
}

static void check(enum config_client_address mode, const struct row *row)
{
    struct client client = ask(mode, row->peer, row->lines);
    char text[IP_TEXT_BYTES + 1];
    struct buf b = buf_over(text, sizeof text);

    ip_add(&b, &client.ip);
    cr_expect(str_eq(buf_str(&b), str_of(row->client)), "peer %s\n%sis %.*s, should be %s",
              row->peer, row->lines, STR_ARG(buf_str(&b)), row->client);
    cr_expect(client.https == row->https, "peer %s\n%shttps should be %d", row->peer, row->lines,
              row->https);
}

#define CHECK_ALL(mode, rows)                                                                      \
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows)[0]; i++)                                    \
    check(mode, &(rows)[i])

#define X "X-Forwarded-For: "

Test(client_addr, x_forwarded_for_rightmost_untrusted_is_the_client)
{
    static const struct row rows[] = {
        { "10.0.0.1", "", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "203.0.113.9, 10.0.0.2\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "203.0.113.9,10.0.0.3,127.0.0.1\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "  203.0.113.9 \t,\t 10.0.0.2  \r\n", "203.0.113.9", false },
        /* all trusted: the first hop is the client, somebody on our own network */
        { "10.0.0.1", X "10.0.0.7, 10.0.0.2\r\n", "10.0.0.7", false },
        /* several lines are one list, in order */
        { "10.0.0.1", X "203.0.113.9\r\n" X "10.0.0.2\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "6.6.6.6\r\n" X "203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1",
          X "6.6.6.6\r\nAccept: a\r\n" X "203.0.113.9\r\nAccept: b\r\n" X "10.0.0.2\r\n",
          "203.0.113.9", false },
        { "10.0.0.1", "x-forwarded-FOR: 203.0.113.9\r\n", "203.0.113.9", false },
        /* IPv6, and IPv4 dressed as IPv6 */
        { "fd00::1", X "2001:db8::9\r\n", "2001:db8::9", false },
        { "fd00::1", X "2001:db8::9, 10.0.0.2, fd00::2\r\n", "2001:db8::9", false },
        { "::ffff:10.0.0.1", X "203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "::ffff:203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "203.0.113.9, ::ffff:10.0.0.2\r\n", "203.0.113.9", false },
        /* ports */
        { "10.0.0.1", X "203.0.113.9:5678\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "203.0.113.9, 10.0.0.2:80\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "[2001:db8::9]\r\n", "2001:db8::9", false },
        { "10.0.0.1", X "[2001:db8::9]:443\r\n", "2001:db8::9", false },
    };

    CHECK_ALL(XFF, rows);
}

Test(client_addr, x_forwarded_for_spoofed_is_not_believed)
{
    static const struct row rows[] = {
        /* from a peer that is not trusted the header does not exist */
        { "203.0.113.9", X "6.6.6.6\r\n", "203.0.113.9", false },
        { "203.0.113.9", X "6.6.6.6\r\nX-Forwarded-Proto: https\r\n", "203.0.113.9", false },
        { "2001:db8::9", X "10.0.0.1\r\n", "2001:db8::9", false },
        { "11.0.0.1", X "6.6.6.6\r\n", "11.0.0.1", false },
        { "127.0.0.2", X "6.6.6.6\r\n", "127.0.0.2", false },
        /* what stands left of the first untrusted address was written by a stranger */
        { "10.0.0.1", X "6.6.6.6, 203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "6.6.6.6, 203.0.113.9, 10.0.0.2\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "6.6.6.6, 10.0.0.5, 203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "10.0.0.1, 10.0.0.1, 203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", X ", , ,,203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", X "\"6.6.6.6, 203.0.113.9\r\n", "203.0.113.9", false },
        /* malformed: the last address that was vouched for */
        { "10.0.0.1", X "6.6.6.6, unknown\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "6.6.6.6, _hidden\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "6.6.6.6,\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "6.6.6.6, , 10.0.0.2\r\n", "10.0.0.2", false },
        { "10.0.0.1", X "6.6.6.6, x, 10.0.0.2\r\n", "10.0.0.2", false },
        { "10.0.0.1", X "203.0.113.9 6.6.6.6\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9;6.6.6.6\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.256\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "0313.0.113.9\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "3405803785\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "0xCB007109\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9/32\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9:\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9:65536\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9:000080\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9:-1\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "203.0.113.9:http\r\n", "10.0.0.1", false },
        { "10.0.0.1", X ":80\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "[2001:db8::9\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "[2001:db8::9]80\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "[2001:db8::9]:\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "[]\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "[203.0.113.9]\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "2001:db8::9]:80\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "fe80::1%eth0\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "localhost\r\n", "10.0.0.1", false },
        { "10.0.0.1", X "shop.example\r\n", "10.0.0.1", false },
        /* the other header is not looked at */
        { "10.0.0.1", "Forwarded: for=6.6.6.6;proto=https\r\n", "10.0.0.1", false },
        { "10.0.0.1", "X-Real-IP: 6.6.6.6\r\n", "10.0.0.1", false },
    };

    CHECK_ALL(XFF, rows);
}

Test(client_addr, x_forwarded_proto_counts_only_from_a_trusted_peer)
{
#define P "X-Forwarded-Proto: "
    static const struct row rows[] = {
        { "10.0.0.1", X "203.0.113.9\r\n" P "https\r\n", "203.0.113.9", true },
        { "10.0.0.1", X "203.0.113.9\r\n" P "HTTPS\r\n", "203.0.113.9", true },
        { "10.0.0.1", X "203.0.113.9\r\n" P "http\r\n", "203.0.113.9", false },
        { "10.0.0.1", P "https\r\n", "10.0.0.1", true },
        { "10.0.0.1", P "http, https\r\n", "10.0.0.1", true },
        { "10.0.0.1", P "http\r\n" P "https\r\n", "10.0.0.1", true },
        { "10.0.0.1", P "https, http\r\n", "10.0.0.1", false },
        { "10.0.0.1", P "https\r\n" P "http\r\n", "10.0.0.1", false },
        { "10.0.0.1", P "https,\r\n", "10.0.0.1", false },
        { "10.0.0.1", P "httpsx\r\n", "10.0.0.1", false },
        { "10.0.0.1", P "\"https\"\r\n", "10.0.0.1", false },
        { "203.0.113.9", P "https\r\n", "203.0.113.9", false },
    };

    CHECK_ALL(XFF, rows);
}

#define F "Forwarded: "

Test(client_addr, forwarded_rightmost_untrusted_is_the_client)
{
    static const struct row rows[] = {
        { "10.0.0.1", F "for=203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "For=203.0.113.9;Proto=HTTPS\r\n", "203.0.113.9", true },
        { "10.0.0.1", F "by=10.0.0.1;proto=https;host=shop.example;for=203.0.113.9\r\n",
          "203.0.113.9", true },
        { "10.0.0.1", F "for=\"203.0.113.9\"\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=\"203.0.113.9:5678\"\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=\"[2001:db8::9]\"\r\n", "2001:db8::9", false },
        { "10.0.0.1", F "for=\"[2001:db8::9]:4711\";proto=\"https\"\r\n", "2001:db8::9", true },
        { "10.0.0.1", F "for=\"\\2\\03.0.113.9\"\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=203.0.113.9 ; proto=https , for=10.0.0.2\r\n", "203.0.113.9", true },
        { "10.0.0.1", F "for=203.0.113.9;proto=https\r\n" F "for=10.0.0.2\r\n", "203.0.113.9",
          true },
        /* an obfuscated port hides no address; a hidden client's scheme is still vouched for */
        { "10.0.0.1", F "for=\"203.0.113.9:_x.y-Z\"\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=\"[2001:db8::9]:_p\"\r\n", "2001:db8::9", false },
        { "10.0.0.1", F "for=unknown;proto=https\r\n", "10.0.0.1", true },
        { "10.0.0.1", F "for=\"_obf:_port\";proto=https\r\n", "10.0.0.1", true },
        { "10.0.0.1", F "for=\"unknown:47011\";proto=https, for=10.0.0.2\r\n", "10.0.0.2", true },
        { "10.0.0.1", F "proto=https\r\n", "10.0.0.1", true },
        { "10.0.0.1", F "for=6.6.6.6;proto=https, for=_obf;proto=http\r\n", "10.0.0.1", false },
        /* commas and semicolons inside quotes divide nothing */
        { "10.0.0.1", F "host=\"a,b;for=6.6.6.6\";for=203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=203.0.113.9;host=\"\\\",for=6.6.6.6\"\r\n", "203.0.113.9", false },
        /* how the client's own hop was secured, not a later one */
        { "10.0.0.1", F "for=203.0.113.9;proto=http, for=10.0.0.2;proto=https\r\n", "203.0.113.9",
          false },
        { "10.0.0.1", F "for=203.0.113.9, for=10.0.0.2;proto=https\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=6.6.6.6;proto=https, for=203.0.113.9;proto=http\r\n", "203.0.113.9",
          false },
    };

    CHECK_ALL(FWD, rows);
}

Test(client_addr, forwarded_spoofed_or_malformed_is_not_believed)
{
    static const struct row rows[] = {
        { "203.0.113.9", F "for=6.6.6.6;proto=https\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=6.6.6.6, for=203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "@@;;==, for=203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "\"\", for=203.0.113.9\r\n", "203.0.113.9", false },
        /* hidden on purpose */
        { "10.0.0.1", F "for=6.6.6.6, for=unknown\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=6.6.6.6, for=_obf\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=6.6.6.6, for=\"_obf:_port\"\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=6.6.6.6, for=unknown, for=10.0.0.2\r\n", "10.0.0.2", false },
        /* a stranger's lone quote must not swallow what our proxy has added behind it */
        { "10.0.0.1", F "for=\"6.6.6.6, for=203.0.113.9\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=6.6.6.6;x=\", for=203.0.113.9\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=6.6.6.6;x=\"\\, for=203.0.113.9\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=6.6.6.6;x=\", for=\"[2001:db8::9]\"\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\"6.6.6.6\r\n" F "for=203.0.113.9\r\n", "203.0.113.9", false },
        { "10.0.0.1", F "for=6.6.6.6\r\n" F "for=\"10.0.0.2\r\n", "10.0.0.1", false },
        /* malformed */
        { "10.0.0.1", F "\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "203.0.113.9\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=_;proto=https\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\"_a b\";proto=https\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=unknownx;proto=https\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\"203.0.113.9:_\"\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\"\"\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for =203.0.113.9\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for= 203.0.113.9\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=203.0.113.9;\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=203.0.113.9;proto\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=203.0.113.9;for=6.6.6.6\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=203.0.113.9;proto=http;proto=https\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=203.0.113.9:80\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=[2001:db8::9]\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\"2001:db8::9\"\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\"203.0.113.9\"x\r\n", "10.0.0.1", false },
        { "10.0.0.1", F "for=\"203.0.113.9 \"\r\n", "10.0.0.1", false },
        { "10.0.0.1",
          F "for=\"203.0.113.9............................................................\"\r\n",
          "10.0.0.1", false },
        { "10.0.0.1", X "6.6.6.6\r\n" P "https\r\n", "10.0.0.1", false },
    };

    CHECK_ALL(FWD, rows);
}

Test(client_addr, mode_peer_reads_no_header)
{
    static const struct row row = { "10.0.0.1",
                                    X "6.6.6.6\r\n" P "https\r\n" F "for=6.6.6.6;proto=https\r\n",
                                    "10.0.0.1", false };

    check(CLIENT_ADDRESS_PEER, &row);
}

Test(client_addr, nothing_is_trusted_by_default)
{
    static char memory[1024];
    const struct config_proxies none = { NULL, 0, XFF };
    struct http_request request;
    struct client client;
    struct ip peer;

    ip_parse(STR("127.0.0.1"), &peer);
    edge_parse("GET / HTTP/1.1\r\nHost: x\r\n" X "6.6.6.6\r\n" P "https\r\n\r\n", memory,
               sizeof memory, &request);
    client_from_request(&client, &none, &peer, &request);
    cr_expect(ip_equal(&client.ip, &peer));
    cr_expect(!client.https);
}

/* A chain longer than any real one ends at the last address that was looked at. */
Test(client_addr, endless_chain_of_trusted_addresses_ends)
{
    static char lines[16000];
    struct client client;
    char text[IP_TEXT_BYTES + 1];
    struct buf b = buf_over(text, sizeof text);
    size_t n = (size_t)snprintf(lines, sizeof lines, X "6.6.6.6");

    for (unsigned i = 0; i < 1000; i++)
        n += (size_t)snprintf(lines + n, sizeof lines - n, ",10.0.%u.%u", i / 250, i % 250);
    snprintf(lines + n, sizeof lines - n, "\r\n");
    client = ask(XFF, "10.0.0.1", lines);
    ip_add(&b, &client.ip);
    cr_expect(str_eq(buf_str(&b), STR("10.0.3.218")), "%.*s", STR_ARG(buf_str(&b)));
}
