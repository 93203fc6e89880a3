/*
 * proxy_protocol.c - see proxy_protocol.h for the contract. Called by conn_read.c on listeners that
 * say so. A header is, exactly:
 *
 *   v1  PROXY SP TCP4|TCP6 SP source SP destination SP port SP port CRLF, or PROXY SP UNKNOWN
 *       anything CRLF; at most 107 bytes.
 *   v2  12 bytes signature | version 2 and command | family and protocol | length, big endian |
 *       addresses and ports | any number of type, length (2), value
 */
#include "server/proxy_protocol.h"

#define V1_BYTES_MAX      107
#define V2_SIGNATURE      12
#define V2_FIXED          16
#define V2_VERSION        0x2
#define V2_COMMAND_LOCAL  0x0
#define V2_COMMAND_PROXY  0x1
#define V2_TLV_HEAD_BYTES 3

static const char v1_signature[] = "PROXY ";
static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";

/* What the family byte's high half says: address length, and the length of all addresses. */
static const struct {
    size_t address_bytes;
    size_t block_bytes;
} v2_families[] = {
    { 0, 0 },   /* AF_UNSPEC */
    { 4, 12 },  /* AF_INET */
    { 16, 36 }, /* AF_INET6 */
    { 0, 216 }, /* AF_UNIX */
};

/* The specification forbids leading zeros, so that nobody reads them as octal. */
static bool is_port(struct str s)
{
    uint64_t port;

    return s.n <= 5 && str_to_u64(s, 65535, &port) && (s.n == 1 || s.p[0] != '0');
}

/* The text form keeps ::ffff:a.b.c.d an IPv6 address; what was written must fit what was said. */
static bool read_v1_address(struct str text, bool ipv6, struct ip *ip)
{
    bool looks_ipv6 = text.p != NULL && memchr(text.p, ':', text.n) != NULL;

    return text.p != NULL && looks_ipv6 == ipv6 && ip_parse(text, ip);
}

static enum proxy_result read_v1_line(struct str line, struct proxy_header *header)
{
    struct str protocol = str_cut(&line, ' ');
    bool ipv6 = str_eq(protocol, STR("TCP6"));
    struct ip destination;

    if (str_eq(protocol, STR("UNKNOWN")))
        return PROXY_COMPLETE;
    if (!ipv6 && !str_eq(protocol, STR("TCP4")))
        return PROXY_BAD;
    if (!read_v1_address(str_cut(&line, ' '), ipv6, &header->source) ||
        !read_v1_address(str_cut(&line, ' '), ipv6, &destination) ||
        !is_port(str_cut(&line, ' ')) || line.p == NULL || !is_port(line))
        return PROXY_BAD;
    return PROXY_COMPLETE;
}

static enum proxy_result parse_v1(const char *data, size_t n, struct proxy_header *header)
{
    size_t start = sizeof v1_signature - 1;
    const char *lf = memchr(data, '\n', n < V1_BYTES_MAX ? n : V1_BYTES_MAX);
    size_t end;

    if (lf == NULL)
        return n < V1_BYTES_MAX ? PROXY_INCOMPLETE : PROXY_BAD;
    end = (size_t)(lf - data);
    if (end <= start || data[end - 1] != '\r')
        return PROXY_BAD;
    header->bytes = end + 1;
    return read_v1_line(str_from(data + start, end - 1 - start), header);
}

/* Additional fields are skipped, but they must fill the rest exactly. */
static bool are_tlvs(const unsigned char *p, size_t n)
{
    while (n > 0) {
        size_t length;

        if (n < V2_TLV_HEAD_BYTES)
            return false;
        length = (size_t)p[1] << 8 | p[2];
        if (length > n - V2_TLV_HEAD_BYTES)
            return false;
        p += V2_TLV_HEAD_BYTES + length;
        n -= V2_TLV_HEAD_BYTES + length;
    }
    return true;
}

static enum proxy_result parse_v2(const char *data, size_t n, struct proxy_header *header)
{
    const unsigned char *p = (const unsigned char *)data;
    unsigned command, family, protocol;
    size_t length;

    if (n < V2_FIXED)
        return PROXY_INCOMPLETE;
    command = p[12] & 0xF;
    family = p[13] >> 4;
    protocol = p[13] & 0xF;
    length = (size_t)p[14] << 8 | p[15];
    if (p[12] >> 4 != V2_VERSION || command > V2_COMMAND_PROXY || protocol > 2 ||
        family >= sizeof v2_families / sizeof v2_families[0] || V2_FIXED + length > PROXY_BYTES_MAX)
        return PROXY_BAD;
    if (n < V2_FIXED + length)
        return PROXY_INCOMPLETE;
    header->bytes = V2_FIXED + length;
    if (command == V2_COMMAND_LOCAL) /* whatever else it says is to be skipped */
        return PROXY_COMPLETE;
    if (length < v2_families[family].block_bytes)
        return PROXY_BAD;
    header->source = ip_of_bytes(p + V2_FIXED, v2_families[family].address_bytes);
    if (!are_tlvs(p + V2_FIXED + v2_families[family].block_bytes,
                  length - v2_families[family].block_bytes))
        return PROXY_BAD;
    return PROXY_COMPLETE;
}

static bool can_become(const char *data, size_t n, const char *signature, size_t signature_bytes)
{
    return memcmp(data, signature, n < signature_bytes ? n : signature_bytes) == 0;
}

enum proxy_result proxy_parse(const char *data, size_t n, struct proxy_header *header)
{
    *header = (struct proxy_header){ .bytes = 0 };
    if (n == 0)
        return PROXY_INCOMPLETE;
    if (can_become(data, n, v1_signature, sizeof v1_signature - 1))
        return parse_v1(data, n, header);
    if (can_become(data, n, v2_signature, V2_SIGNATURE))
        return parse_v2(data, n, header);
    return PROXY_BAD;
}
