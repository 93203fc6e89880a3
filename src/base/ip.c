/*
 * ip.c - addresses as values. See ip.h for the contract. inet_pton and inet_ntop do the text: they are strict (no
 * short forms, no octal) and print as RFC 5952 asks.
 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const unsigned char mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };

struct ip ip_of_bytes(const void *p, size_t n)
{
    struct ip ip = { .family = 0 };
    const unsigned char *bytes = p;

    if (n == 16 && memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
        bytes += 12;
        n = 4;
    }
    if (n == 4 || n == 16) {
        memcpy(ip.bytes, bytes, n);
        ip.family = n == 4 ? 4 : 6;
    }
    return ip;
}

bool ip_parse(struct str s, struct ip *ip)
{
    char text[IP_TEXT_BYTES + 1];
    unsigned char bytes[16];

    if (s.n == 0 || s.n > IP_TEXT_BYTES || memchr(s.p, '\0', s.n) != NULL)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET, text, bytes) == 1)
        *ip = ip_of_bytes(bytes, 4);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        *ip = ip_of_bytes(bytes, 16);
    else
        return false;
    return true;
}

static void add_ipv4(struct buf *b, const unsigned char *bytes)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            buf_add_char(b, '.');
        buf_add_u64(b, bytes[i]);
    }
}

void ip_add(struct buf *b, const struct ip *ip)
{
    char text[INET6_ADDRSTRLEN];

    if (ip->family == 4)
        add_ipv4(b, ip->bytes);
    else if (ip->family == 6 && inet_ntop(AF_INET6, ip->bytes, text, sizeof text) != NULL)
        buf_add_str(b, str_of(text));
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct ip ip_masked(const struct ip *ip, unsigned ipv4_bits, unsigned ipv6_bits)
{
    unsigned keep = ip->family == 4 ? ipv4_bits : ipv6_bits;
    struct ip out = *ip;

    for (unsigned i = 0; i < sizeof out.bytes; i++) {
        unsigned have = keep > i * 8 ? keep - i * 8 : 0;

        if (have < 8)
            out.bytes[i] &= (unsigned char)(0xFF00u >> have);
    }
    return out;
}

bool ip_net_parse(struct str s, struct ip_net *net)
{
    struct str rest = s;
    struct str address = str_cut(&rest, '/');
    struct ip masked;
    uint64_t bits;

    if (address.p == NULL || !ip_parse(address, &net->ip))
        return false;
    bits = net->ip.family == 4 ? 32 : 128;
    if (rest.p != NULL && !str_to_u64(rest, bits, &bits))
        return false;
    net->prefix_bits = (unsigned)bits;
    masked = ip_masked(&net->ip, net->prefix_bits, net->prefix_bits);
    return ip_equal(&masked, &net->ip);
}

bool ip_net_contains(const struct ip_net *net, const struct ip *ip)
{
    struct ip masked;

    if (ip->family != net->ip.family)
        return false;
    masked = ip_masked(ip, net->prefix_bits, net->prefix_bits);
    return ip_equal(&masked, &net->ip);
}
