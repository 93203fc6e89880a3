/*
 * ip.h - IP addresses and networks as values: parse, print, compare, mask. No names, no DNS, no sockets.
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) is an IPv4 address everywhere in crumb:
 * ip_parse and ip_of_bytes fold it. Scope ids (%eth0) are refused.
 */
#ifndef CRUMB_BASE_IP_H
#define CRUMB_BASE_IP_H

#include "base/buf.h"

#define IP_TEXT_BYTES 45 /* the longest text form, without a terminator */

struct ip {
    unsigned char bytes[16]; /* network order; IPv4 uses the first four */
    unsigned char family;    /* 4, 6, or 0: none */
};

struct ip_net {
    struct ip ip;
    unsigned prefix_bits;
};

/* Dotted decimal with four parts, or RFC 4291 text. Nothing else: no port, no brackets, no leading zeros in IPv4. */
bool ip_parse(struct str s, struct ip *ip);

/* n is 4 or 16. */
struct ip ip_of_bytes(const void *p, size_t n);

/* RFC 5952 for IPv6. Nothing for family 0. */
void ip_add(struct buf *b, const struct ip *ip);

bool ip_equal(const struct ip *a, const struct ip *b);

/* "10.0.0.0/8", "::1/128", or an address alone. Host bits that are set are refused: they hide a typing error. */
bool ip_net_parse(struct str s, struct ip_net *net);
bool ip_net_contains(const struct ip_net *net, const struct ip *ip);

/* Keeps the first bits of an address and clears the rest. */
struct ip ip_masked(const struct ip *ip, unsigned ipv4_bits, unsigned ipv6_bits);

#endif
