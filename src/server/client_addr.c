/*
 * client_addr.c - believes an address only as far as trusted proxies vouch for it. See
 * client_addr.h for the contract.
 *
 * Called once for each request, before any endpoint. Both headers are lists that each proxy
 * extends at the right, over one line or several, so they are read the same way: all elements
 * into one chain, then from its right end. Only the last CHAIN_MAX elements are kept; nobody has
 * that many trusted proxies, and what a client put in front of them is not looked at.
 *
 * A sender can put anything into what our proxy then extends, a lone quote included. In Forwarded
 * that swallows everything behind it, the proxy's own element too; the rightmost element is then
 * malformed, and the walk ends before it has begun.
 */
#include "server/client_addr.h"

#include "base/buf.h"

#define CHAIN_MAX       32
#define PORT_MAX        65535
#define PORT_DIGITS_MAX 5

#define NODE_BYTES_MAX 128 /* the longest node of Forwarded that is read */

struct chain {
    struct str elements[CHAIN_MAX]; /* a ring */
    unsigned count;                 /* all that there were, also those that the ring has lost */
};

/* What one element says about the hop to its right's other end. */
struct hop {
    struct ip ip; /* family 0: it is hidden on purpose */
    bool https;
};

typedef bool read_hop_fn(struct str element, struct hop *hop);

static void chain_add(struct chain *chain, struct str element)
{
    chain->elements[chain->count++ % CHAIN_MAX] = element;
}

/* The n-th element from the right, from 0; absent when there is none. */
static struct str chain_from_right(const struct chain *chain, unsigned n)
{
    if (n >= chain->count || n >= CHAIN_MAX)
        return STR_ABSENT;
    return chain->elements[(chain->count - 1 - n) % CHAIN_MAX];
}

/* ---- X-Forwarded-For --------------------------------------------------------------------- */

static void split_plain(struct chain *chain, struct str line)
{
    struct str element;

    while ((element = str_cut(&line, ',')).p != NULL)
        chain_add(chain, str_trim(element));
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "_name", with which Forwarded may hide a node or a port (RFC 7239 section 6.3). */
static bool is_obfuscated(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!is_alnum(c) && c != '_' && (i == 0 || (c != '.' && c != '-')))
            return false;
    }
    return s.n > 1 && s.p[0] == '_';
}

static bool is_port(struct str s, bool plain)
{
    uint64_t port;

    return (s.n <= PORT_DIGITS_MAX && str_to_u64(s, PORT_MAX, &port)) ||
           (!plain && is_obfuscated(s));
}

/* [::1], [::1]:80 */
static bool read_bracketed(struct str s, bool plain, struct ip *ip)
{
    size_t close = str_find(s, ']', 0);
    struct str address, rest;

    if (close == s.n)
        return false;
    address = str_from(s.p + 1, close - 1);
    rest = str_from(s.p + close + 1, s.n - close - 1);
    if (rest.n > 0 && (rest.p[0] != ':' || !is_port(str_from(rest.p + 1, rest.n - 1), plain)))
        return false;
    return str_find(address, ':', 0) < address.n && ip_parse(address, ip);
}

/*
 * And 1.2.3.4, 1.2.3.4:80. The plain header has ::1 without brackets, and so without a port, as
 * well; the other one may hide a port.
 */
static bool read_address(struct str s, bool plain, struct ip *ip)
{
    size_t colon = str_find(s, ':', 0);

    if (s.n > 0 && s.p[0] == '[')
        return read_bracketed(s, plain, ip);
    if (colon == s.n)
        return ip_parse(s, ip);
    if (str_find(s, ':', colon + 1) < s.n)
        return plain && ip_parse(s, ip);
    return is_port(str_from(s.p + colon + 1, s.n - colon - 1), plain) &&
           ip_parse(str_from(s.p, colon), ip);
}

static bool read_hop_plain(struct str element, struct hop *hop)
{
    hop->https = false;
    return read_address(element, true, &hop->ip);
}

/* ---- Forwarded, RFC 7239 ----------------------------------------------------------------- */

/* s.p[open] is a quote: the position behind the one that closes it, s.n if none does. */
static size_t behind_quoted(struct str s, size_t open)
{
    for (size_t i = open + 1; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return s.n;
}

/* The position of the first c at or after from that is not inside quotes; s.n if none. */
static size_t find_unquoted(struct str s, char c, size_t from)
{
    size_t i = from;

    while (i < s.n && s.p[i] != c)
        i = s.p[i] == '"' ? behind_quoted(s, i) : i + 1;
    return i;
}

static void split_quoted(struct chain *chain, struct str line)
{
    for (size_t from = 0, end; from <= line.n; from = end + 1) {
        end = find_unquoted(line, ',', from);
        chain_add(chain, str_trim(str_from(line.p + from, end - from)));
    }
}

static bool is_token(struct str s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!is_alnum(c) && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return s.n > 0;
}

/* A token, or a quoted string without its quotes and backslashes, into b. */
static bool read_value(struct str s, struct buf *b)
{
    if (s.n == 0 || s.p[0] != '"') {
        buf_add_str(b, s);
        return is_token(s);
    }
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1 == s.n;
        if (s.p[i] == '\\')
            i++;
        if (i < s.n)
            buf_add_char(b, s.p[i]);
    }
    return false;
}

/* An address, "unknown" or "_name", each with or without a port. */
static bool read_node(struct str node, struct ip *ip)
{
    struct str port = node;
    struct str name = str_cut(&port, ':');

    if (!str_eq_nocase(name, STR("unknown")) && !is_obfuscated(name))
        return read_address(node, false, ip);
    ip->family = 0;
    return port.p == NULL || is_port(port, false);
}

/* One element: names and values in any order, each name at most once of those that are read. */
static bool read_hop_forwarded(struct str element, struct hop *hop)
{
    bool has_for = false, has_proto = false;

    *hop = (struct hop){ .https = false };
    for (size_t from = 0, end; from <= element.n; from = end + 1) {
        char memory[NODE_BYTES_MAX];
        struct buf value = buf_over(memory, sizeof memory);
        struct str pair, name;

        end = find_unquoted(element, ';', from);
        pair = str_trim(str_from(element.p + from, end - from));
        name = str_cut(&pair, '=');
        if (pair.p == NULL || !is_token(name) || !read_value(pair, &value))
            return false;
        if (str_eq_nocase(name, STR("for"))) {
            if (has_for || value.full || !read_node(buf_str(&value), &hop->ip))
                return false;
            has_for = true;
        } else if (str_eq_nocase(name, STR("proto"))) {
            if (has_proto)
                return false;
            has_proto = true;
            hop->https = !value.full && str_eq_nocase(buf_str(&value), STR("https"));
        }
    }
    return true;
}

/* ---- the walk ---------------------------------------------------------------------------- */

static bool is_trusted(const struct config_proxies *proxies, const struct ip *ip)
{
    for (unsigned i = 0; i < proxies->trusted_count; i++) {
        if (ip_net_contains(&proxies->trusted[i], ip))
            return true;
    }
    return false;
}

static void read_chain(struct chain *chain, const struct http_request *request,
                       enum http_header header, void (*split)(struct chain *, struct str))
{
    struct str line;

    chain->count = 0;
    for (unsigned n = 0; (line = http_header_next(request, header, n)).p != NULL; n++)
        split(chain, line);
}

/* From the peer to the left: an element counts while the one who wrote it is trusted. */
static void walk(struct client *client, const struct config_proxies *proxies,
                 const struct chain *chain, read_hop_fn *read_hop)
{
    for (unsigned n = 0; is_trusted(proxies, &client->ip); n++) {
        struct str element = chain_from_right(chain, n);
        struct hop hop;

        if (element.p == NULL || !read_hop(element, &hop))
            return;
        client->https = hop.https;
        if (hop.ip.family == 0)
            return;
        client->ip = hop.ip;
    }
}

void client_from_request(struct client *out, const struct config_proxies *proxies,
                         const struct ip *peer, const struct http_request *request)
{
    struct chain chain;

    out->ip = *peer;
    out->https = false;
    if (!is_trusted(proxies, peer))
        return;
    switch (proxies->client_address) {
    case CLIENT_ADDRESS_PEER:
        break;
    case CLIENT_ADDRESS_X_FORWARDED_FOR:
        read_chain(&chain, request, HTTP_HEADER_X_FORWARDED_FOR, split_plain);
        walk(out, proxies, &chain, read_hop_plain);
        read_chain(&chain, request, HTTP_HEADER_X_FORWARDED_PROTO, split_plain);
        out->https = str_eq_nocase(chain_from_right(&chain, 0), STR("https"));
        break;
    case CLIENT_ADDRESS_FORWARDED:
        read_chain(&chain, request, HTTP_HEADER_FORWARDED, split_quoted);
        walk(out, proxies, &chain, read_hop_forwarded);
        break;
    }
}
