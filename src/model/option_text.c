/*
 * option_text.c - the forms of texts in the config. See option_text.h.
 *
 * Called for every text when a config is loaded. Always true: what is accepted contains no control
 * character, so it can be put into an answer's header, a log or a file name as it is.
 */
#include "option_text.h"

#include "base/ip.h"
#include "base/utf8.h"

#define SITE_BYTES_MAX        64
#define COOKIE_NAME_BYTES_MAX 64
#define PATTERN_BYTES_MAX     256
#define HOST_BYTES_MAX        253
#define URL_PATH_BYTES_MAX    128
#define QUERY_KEY_BYTES_MAX   64
#define LABEL_BYTES_MAX       64
#define PATH_PREFIX_BYTES_MAX 1024
#define PORT_MAX              65535

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Is every byte a letter, a digit or one of `others`, and are there 1 to max bytes? */
static bool only(struct str s, const char *others, size_t max)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(others, s.p[i]) == NULL))
            return false;
    }
    return s.n > 0 && s.n <= max;
}

static void add_lower(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool upper = s.p[i] >= 'A' && s.p[i] <= 'Z';

        buf_add_char(out, (char)(s.p[i] + (upper ? 'a' - 'A' : 0)));
    }
}

bool option_text_file(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return false;
    }
    buf_add_str(out, s);
    return s.n > 0;
}

/* An IP literal, in brackets if it is IPv6. */
static bool add_ip_host(struct buf *out, struct str s)
{
    bool brackets = s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
    struct ip ip;

    if (!ip_parse(brackets ? str_from(s.p + 1, s.n - 2) : s, &ip))
        return false;
    if (brackets != (memchr(s.p, ':', s.n) != NULL))
        return false;
    if (ip.family == 6)
        buf_add_char(out, '[');
    ip_add(out, &ip);
    if (ip.family == 6)
        buf_add_char(out, ']');
    return true;
}

/* Cuts ":PORT" off the end of *host; *port is absent if there is none. */
static struct str cut_port(struct str *host)
{
    const char *colon = host->n > 0 ? memrchr(host->p, ':', host->n) : NULL;
    struct str port;

    if (colon == NULL || memchr(colon, ']', host->n - (size_t)(colon - host->p)) != NULL)
        return STR_ABSENT;
    port = str_from(colon + 1, host->n - (size_t)(colon + 1 - host->p));
    host->n = (size_t)(colon - host->p);
    return port;
}

bool option_text_address(struct str s, struct buf *out)
{
    struct str port = cut_port(&s);
    uint64_t number;

    if (!str_to_u64(port, PORT_MAX, &number) || !add_ip_host(out, s))
        return false;
    buf_add_char(out, ':');
    buf_add_u64(out, number);
    return true;
}

bool option_text_site(struct str s, struct buf *out)
{
    buf_add_str(out, s);
    return only(s, "._-", SITE_BYTES_MAX);
}

/* Labels of letters, digits and hyphens; RFC 1123 section 2.1. */
static bool is_host_name(struct str s)
{
    struct str label;

    if (!only(s, ".-", HOST_BYTES_MAX))
        return false;
    while ((label = str_cut(&s, '.')).p != NULL) {
        if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
    }
    return true;
}

bool option_text_domain(struct str s, struct buf *out)
{
    if (s.n > 0 && s.p[0] == '.') /* an old habit, without meaning since RFC 6265 */
        s = str_from(s.p + 1, s.n - 1);
    add_lower(out, s);
    return is_host_name(s);
}

bool option_text_origin(struct str s, struct buf *out)
{
    static const struct {
        struct str prefix;
        uint64_t port;
    } schemes[] = { { { "https://", 8 }, 443 }, { { "http://", 7 }, 80 } };

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        struct str prefix = schemes[i].prefix, host, port;
        uint64_t number = schemes[i].port;

        if (s.n < prefix.n || !str_eq_nocase(str_from(s.p, prefix.n), prefix))
            continue;
        host = str_from(s.p + prefix.n, s.n - prefix.n);
        port = cut_port(&host);
        if (port.p != NULL && !str_to_u64(port, PORT_MAX, &number))
            return false;
        buf_add_str(out, prefix);
        if (is_host_name(host))
            add_lower(out, host);
        else if (!add_ip_host(out, host))
            return false;
        if (number != schemes[i].port)
            buf_addf(out, ":%u", (unsigned)number);
        return true;
    }
    return false;
}

bool option_text_cookie_name(struct str s, struct buf *out)
{
    buf_add_str(out, s);
    return only(s, "!#$%&'*+-.^_`|~", COOKIE_NAME_BYTES_MAX);
}

bool option_text_pattern(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7E || s.p[i] == ';')
            return false;
    }
    buf_add_str(out, s);
    return s.n > 0 && s.n <= PATTERN_BYTES_MAX;
}

bool option_text_url_path(struct str s, struct buf *out)
{
    struct str rest, part;

    buf_add_str(out, s);
    if (!only(s, "/._~-", URL_PATH_BYTES_MAX) || s.p[0] != '/')
        return false;
    rest = str_from(s.p + 1, s.n - 1);
    while ((part = str_cut(&rest, '/')).p != NULL) {
        if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
            return false;
    }
    return true;
}

bool option_text_query_key(struct str s, struct buf *out)
{
    add_lower(out, s);
    return str_eq(s, STR("*")) || only(s, "._~[]-", QUERY_KEY_BYTES_MAX);
}

bool option_text_page_path(struct str s, struct buf *out)
{
    if (!str_eq(s, STR("/")))
        return option_text_url_path(s, out);
    buf_add_str(out, s);
    return true;
}

/* Printed as it is: nothing in it needs an escape. */
bool option_text_label(struct str s, struct buf *out)
{
    size_t start = out->n;

    utf8_add_printable(out, s);
    return s.n > 0 && s.n <= LABEL_BYTES_MAX && s.p[0] != ' ' && s.p[s.n - 1] != ' ' &&
           str_eq(str_from(out->p + start, out->n - start), s);
}

bool option_text_path_prefix(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7F || s.p[i] == '?' || s.p[i] == '#')
            return false;
    }
    if (s.n == 0 || s.p[0] != '/' || s.n > PATH_PREFIX_BYTES_MAX)
        return false;
    buf_add_str(out, str_from(s.p, s.n > 1 && s.p[s.n - 1] == '/' ? s.n - 1 : s.n));
    return true;
}
