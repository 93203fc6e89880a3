/*
 * options.c - every option of crumb.yaml in one table, and what follows from it: reading, defaults,
 * writing, freeing, comparing and the sample file.
 *
 * A new option is a row in `options` and a field in struct config. Called by config.c when a config
 * is loaded and by `crumb config`. Always true: a config that is handed out has passed every check
 * of its rows; what config_add_yaml writes loads again as the same.
 */
#include "options.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/units.h"
#include "base/utf8.h"
#include "model/geo.h"
#include "option_text.h"

#define KEY_BYTES_MAX 64
#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))

/* ---- the table ---------------------------------------------------------------------------------
 */

enum kind {
    DURATION,
    SIZE,
    INTEGER,
    BOOLEAN,
    CHOICE,
    NETWORK,
    LIST,
    TEXT_FILE, /* from here on: texts, rows of `texts` */
    TEXT_ADDRESS,
    TEXT_SITE,
    TEXT_ORIGIN,
    TEXT_DOMAIN,
    TEXT_COOKIE_NAME,
    TEXT_PATTERN,
    TEXT_URL_PATH,
    TEXT_QUERY_KEY,
};

static const struct text {
    option_text_fn *normal;
    const char *what;
} texts[] = {
    [TEXT_FILE] = { option_text_file, "a path" },
    [TEXT_ADDRESS] = { option_text_address,
                       "an IP address and port, like 0.0.0.0:8080 or [::]:8080" },
    [TEXT_SITE] = { option_text_site,
                    "a site's name: letters, digits, '.', '_' and '-', at most 64" },
    [TEXT_ORIGIN] = { option_text_origin,
                      "an origin: http or https, host and port, like https://shop.example, and "
                      "nothing behind it" },
    [TEXT_DOMAIN] = { option_text_domain, "a domain, like shop.example" },
    [TEXT_COOKIE_NAME] = { option_text_cookie_name, "a cookie's name" },
    [TEXT_PATTERN] = { option_text_pattern,
                       "a pattern: at most 256 bytes of ASCII without spaces at its ends and ';'" },
    [TEXT_URL_PATH] = { option_text_url_path, "a path of a URL, like /b.gif" },
    [TEXT_QUERY_KEY] = { option_text_query_key,
                         "a key of a URL's query: letters, digits and ._~[]-, at most 64; or *" },
};

static const char *const durability_names[] = { "process", "power", NULL };
static const char *const client_address_names[] = { "peer", "x-forwarded-for", "forwarded", NULL };
static const char *const ip_names[] = { "full", "masked", "none", NULL };
static const char *const referrer_names[] = { "full", "origin", "none", NULL };
static const char *const gpc_names[] = { "share", "optout", NULL };

/*
 * A key is the path to it: "limits.headers" is headers in the map limits, "listen[].address" is
 * address in each member of the list listen, "trusted_proxies[]" is each member itself. Members of
 * a list follow it, and an offset there is one in the member.
 */
static const struct option {
    const char *key;
    enum kind kind;
    size_t offset, bytes;
    const char *fallback; /* as text; NULL: none, or worked out in finish() */
    const char *sample;   /* lines for the sample file; NULL: the fallback */
    const char *sentence;
    const char *const *names; /* of a CHOICE, by value */
    uint64_t min, max;        /* of a number, or of a list's members */
    size_t count_offset;      /* of a LIST: where the number of members is */
    size_t member_bytes;
    bool unique;   /* members of this list differ in their first field, a text */
    bool required; /* in a member */
    bool restart;  /* a running server cannot take it over */
} options[] = {
#define AT(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define LIST_OF(type, ptr, n)                                                                      \
    .offset = offsetof(struct type, ptr), .bytes = sizeof(void *),                                 \
    .count_offset = offsetof(struct type, n), .member_bytes = sizeof(*((struct type *)0)->ptr)
#define ITSELF 0, sizeof(void *)
#define KIB    1024ull
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)
#define SECOND 1000ull
#define HOUR   (3600 * SECOND)
    /* clang-format off */
    { "listen", LIST, LIST_OF(config, listen, listen_count), .min = 1, .max = 16, .unique = true,
      .restart = true,
      .sample = "listen:\n"
                "  - address: 0.0.0.0:8080\n"
                "    proxy_protocol: false\n"
                "  - address: \"[::]:8080\"\n"
                "    proxy_protocol: false\n",
      .sentence = "Where beacons are received." },
    { "listen[].address", TEXT_ADDRESS, AT(config_listen, address), .required = true,
      .sentence = "An IP address and port; IPv6 in brackets; port 0 takes any free one." },
    { "listen[].proxy_protocol", BOOLEAN, AT(config_listen, proxy_protocol), "false",
      .sentence = "Every connection begins with a PROXY protocol header, version 1 or 2, of a "
                  "trusted proxy." },
    { "admin", TEXT_ADDRESS, AT(config, admin), "127.0.0.1:8081", .restart = true,
      .sentence = "Where metrics and health are served; not for the public." },
    { "public_origin", TEXT_ORIGIN, AT(config, public_origin),
      .sample = "#public_origin: https://crumb.example\n",
      .sentence = "How browsers reach this server, for the tag that crumb tag prints." },
    { "data", TEXT_FILE, AT(config, store.data), "./data", .restart = true,
      .sentence = "The folder that holds the hits; it is made if it is not there." },
    { "workers", INTEGER, AT(config, workers), .min = 1, .max = 256, .sample = "#workers: 2\n",
      .restart = true,
      .sentence = "Threads that receive hits. Without it there is one for each processor." },
    { "durability", CHOICE, AT(config, store.durability), "process", .names = durability_names,
      .restart = true,
      .sentence = "What an acknowledged hit survives: process, the end of the process at any "
                  "moment; power, the end of the machine too, at the price of a sync before each "
                  "answer." },
    { "roll_interval", DURATION, AT(config, store.roll_interval_ms), "10m", .min = 100,
      .max = HOUR, .restart = true,
      .sentence = "How long hits are collected before their file is published; each full hour "
                  "publishes too." },
    { "roll_size", SIZE, AT(config, store.roll_size_bytes), "256MiB", .min = 64 * KIB,
      .max = 16 * GIB, .restart = true,
      .sentence = "How many bytes of hits, before compression, are collected before their file is "
                  "published." },
    { "keys", TEXT_FILE, AT(config, keys), .sample = "#keys: ./data/keys\n",
      .sentence = "The file with the secret keys that sign identifiers. It is made at the first "
                  "start, and refused if others may read it. Without this option it is the file "
                  "keys in the data folder." },
    { "geo.databases", LIST, LIST_OF(config, geo.databases, geo.databases_count),
      .max = GEO_DATABASES_MAX, .unique = true,
      .sample = "#databases: [ /var/lib/GeoIP/GeoLite2-City.mmdb ]\n",
      .sentence = "Databases for country, city and network of an address, in MaxMind DB format; "
                  "for each field the first that knows it wins. Without this option, those in "
                  "geo.folder are used; [] for none." },
    { "geo.databases[]", TEXT_FILE, ITSELF, .sentence = "A file that has to be there." },
    { "geo.folder", TEXT_FILE, AT(config, geo.folder), "/var/lib/GeoIP",
      .sentence = "Where databases are found that nobody named: every .mmdb, city before country "
                  "before network. It need not exist." },
    { "trusted_proxies", LIST, LIST_OF(config, proxies.trusted, proxies.trusted_count),
      .max = 1024, .sample = "#trusted_proxies: [ 127.0.0.1/32, \"::1/128\" ]\n",
      .sentence = "Networks whose word about the client's address and scheme is believed. Without "
                  "this option nobody's is." },
    { "trusted_proxies[]", NETWORK, 0, sizeof(struct ip_net),
      .sentence = "An address, or a network as address/bits without bits set behind them." },
    { "client_address", CHOICE, AT(config, proxies.client_address), .names = client_address_names,
      .sample = "#client_address: x-forwarded-for\n",
      .sentence = "How a trusted proxy names the client: the header X-Forwarded-For, the header "
                  "Forwarded, or not at all (peer). Without this option it is x-forwarded-for if "
                  "there are trusted_proxies, else peer." },
    { "ip", CHOICE, AT(config, privacy.ip), "full", .names = ip_names,
      .sentence = "What of the client's address is kept: full, masked (the first 24 bits of IPv4, "
                  "48 of IPv6), or none. Country and city are looked up before." },
    { "gpc", CHOICE, AT(config, privacy.gpc), "share", .names = gpc_names,
      .sentence = "What Global Privacy Control means: share, the hit is kept and marked, and left "
                  "out of what is shared; optout, it counts as an opt-out." },
    { "sites", LIST, LIST_OF(config, sites, sites_count), .max = 4096, .unique = true,
      .sample = "#sites:\n"
                "#  - name: shop\n"
                "#    origins: [ \"https://shop.example\" ]\n"
                "#    cookie_domain: shop.example\n"
                "#    optout_cookies:\n"
                "#      - name: OptanonConsent\n"
                "#        pattern: \"*C0002:0*\"\n",
      .sentence = "The sites that may send hits. Without this option any site's name is "
                  "accepted." },
    { "sites[].name", TEXT_SITE, AT(config_site, name), .required = true,
      .sentence = "What its pages send as site." },
    { "sites[].origins", LIST, LIST_OF(config_site, origins, origins_count), .max = 64,
      .unique = true,
      .sentence = "Where its pages are served: scheme, host, and port if it is not the usual one." },
    { "sites[].origins[]", TEXT_ORIGIN, ITSELF, .sentence = "Like https://shop.example." },
    { "sites[].cookie_domain", TEXT_DOMAIN, AT(config_site, cookie_domain),
      .sentence = "Domain of the cookies; without it they belong to the host that serves the "
                  "beacon." },
    { "sites[].optout_cookies", LIST,
      LIST_OF(config_site, optout_cookies, optout_cookies_count), .max = 16,
      .sentence = "Cookies of the site's own consent tool that mean an opt-out." },
    { "sites[].optout_cookies[].name", TEXT_COOKIE_NAME, AT(config_optout_cookie, name),
      .required = true, .sentence = "The cookie's name, case included." },
    { "sites[].optout_cookies[].pattern", TEXT_PATTERN, AT(config_optout_cookie, pattern), "*",
      .sentence = "What its value looks like, as it is sent: * is any text, ? any one byte." },
    { "sites[].query_keep", LIST, LIST_OF(config_site, query_keep, query_keep_count), .max = 256,
      .unique = true,
      .sentence = "Keys that stay in the query of a URL and among the params although query_drop "
                  "or the built-in list names them." },
    { "sites[].query_keep[]", TEXT_QUERY_KEY, ITSELF, .sentence = "A key; case does not matter." },
    { "sites[].query_drop", LIST, LIST_OF(config_site, query_drop, query_drop_count), .max = 256,
      .unique = true,
      .sentence = "Keys whose values are removed from the query of a URL and from the params, "
                  "beside the built-in list of personal ones (email, token, password, phone and "
                  "the like)." },
    { "sites[].query_drop[]", TEXT_QUERY_KEY, ITSELF,
      .sentence = "A key; case does not matter; * is every key." },
    { "sites[].referrer", CHOICE, AT(config_site, referrer), "full", .names = referrer_names,
      .sentence = "What is kept of a referrer on another host: full, origin, or none." },
    { "sites[].debug", BOOLEAN, AT(config_site, debug), "false",
      .sentence = "Answers say in the header X-Crumb what became of a hit and what was derived: "
                  "address, country, identifier. For a site that is being set up." },
    { "sites[].snowplow", BOOLEAN, AT(config_site, snowplow), "false",
      .sentence = "Trackers of Snowplow may send hits; their app id is the site's name." },
    { "sites[].matomo_id", INTEGER, AT(config_site, matomo_id), "0", .max = 1000000000,
      .sentence = "Trackers of Matomo may send hits with this idsite; 0 for none." },
    { "open", BOOLEAN, AT(config, open), "false",
      .sentence = "Hits of sites that are not in the list are accepted too, and events of pages "
                  "on any origin." },
    { "cookies.id_name", TEXT_COOKIE_NAME, AT(config, cookies.id_name), "crumb_id",
      .sentence = "Name of the cookie that holds the identifier." },
    { "cookies.optout_name", TEXT_COOKIE_NAME, AT(config, cookies.optout_name), "crumb_optout",
      .sentence = "Name of the cookie that says no." },
    { "cookies.partitioned", BOOLEAN, AT(config, cookies.partitioned), "false",
      .sentence = "Cookies over HTTPS are set with Partitioned (CHIPS): one identifier for each "
                  "site that embeds the beacon." },
    { "limits.header_size", SIZE, AT(config, limits.header_bytes), "16KiB", .min = KIB,
      .max = 64 * KIB, .sentence = "The largest header of a request." },
    { "limits.headers", INTEGER, AT(config, limits.headers), "100", .min = 8, .max = 1000,
      .sentence = "The most header lines in a request." },
    { "limits.body_size", SIZE, AT(config, limits.body_bytes), "64KiB", .min = KIB, .max = MIB,
      .sentence = "The largest body of a request." },
    { "limits.header_timeout", DURATION, AT(config, limits.header_timeout_ms), "10s", .min = 100,
      .max = HOUR, .sentence = "How long a request's header may take from its first byte to its "
                               "last." },
    { "limits.body_rate", SIZE, AT(config, limits.body_rate_bytes), "1KiB", .min = 1,
      .max = GIB, .sentence = "How many bytes of a body have to come in a second, on average, once "
                              "header_timeout has passed." },
    { "limits.idle_timeout", DURATION, AT(config, limits.idle_timeout_ms), "1m", .min = 100,
      .max = 24 * HOUR, .sentence = "How long a connection is kept open without a request." },
    { "limits.connections", INTEGER, AT(config, limits.connections), "20000", .min = 16,
      .max = 1000000, .sentence = "The most connections at once, all workers together." },
    { "paths.pixel", TEXT_URL_PATH, AT(config, paths.pixel), "/b.gif",
      .sentence = "The beacon." },
    { "paths.events", TEXT_URL_PATH, AT(config, paths.events), "/b",
      .sentence = "Where the tag sends events." },
    { "paths.tag", TEXT_URL_PATH, AT(config, paths.tag), "/t.js",
      .sentence = "The tag's script. It sends to b, b.gif, optout and optin beside it." },
    { "paths.optout", TEXT_URL_PATH, AT(config, paths.optout), "/optout",
      .sentence = "The opt-out page; its status is below it." },
    { "paths.optin", TEXT_URL_PATH, AT(config, paths.optin), "/optin",
      .sentence = "Where an opt-out is taken back." },
    /* clang-format on */
};

static struct str key_of(const struct option *option)
{
    return str_of(option->key);
}

/* Is it in the map (or list member) that prefix names? *rest is the way from there. */
static bool is_under(const struct option *option, struct str prefix, struct str *rest)
{
    struct str key = key_of(option);

    if (!str_starts(key, prefix))
        return false;
    *rest = str_from(key.p + prefix.n, key.n - prefix.n);
    return rest->n > 0 && memchr(rest->p, '[', rest->n) == NULL;
}

static const struct option *find_option(struct str prefix, struct str name)
{
    struct str rest;

    for (size_t i = 0; i < COUNT(options); i++) {
        if (is_under(&options[i], prefix, &rest) && str_eq(rest, name))
            return &options[i];
    }
    return NULL;
}

/* key and suffix in memory of KEY_BYTES_MAX. */
static struct str join(char *memory, struct str prefix, struct str name, const char *suffix)
{
    int n = snprintf(memory, KEY_BYTES_MAX, "%.*s%.*s%s", STR_ARG(prefix), STR_ARG(name), suffix);

    return str_from(memory, n < KEY_BYTES_MAX ? (size_t)n : KEY_BYTES_MAX - 1);
}

/* What the members of a list are, when they are plain values; NULL when they are maps. */
static const struct option *member_option(const struct option *list)
{
    char memory[KEY_BYTES_MAX];
    struct str key = join(memory, key_of(list), STR(""), "[]");

    for (size_t i = 0; i < COUNT(options); i++) {
        if (str_eq(key_of(&options[i]), key))
            return &options[i];
    }
    return NULL;
}

/* ---- values in memory --------------------------------------------------------------------------
 */

static void *field_of(void *base, const struct option *option)
{
    return (char *)base + option->offset;
}

static const void *const_field_of(const void *base, const struct option *option)
{
    return (const char *)base + option->offset;
}

static bool is_text(const struct option *option)
{
    return option->kind >= TEXT_FILE;
}

static void set_number(void *base, const struct option *option, uint64_t value)
{
    uint32_t small = (uint32_t)value;
    bool flag = value != 0;

    if (option->bytes == sizeof value)
        memcpy(field_of(base, option), &value, sizeof value);
    else if (option->bytes == sizeof small)
        memcpy(field_of(base, option), &small, sizeof small);
    else
        memcpy(field_of(base, option), &flag, sizeof flag);
}

static uint64_t get_number(const void *base, const struct option *option)
{
    uint64_t value;
    uint32_t small;
    bool flag;

    if (option->bytes == sizeof value) {
        memcpy(&value, const_field_of(base, option), sizeof value);
        return value;
    }
    if (option->bytes == sizeof small) {
        memcpy(&small, const_field_of(base, option), sizeof small);
        return small;
    }
    memcpy(&flag, const_field_of(base, option), sizeof flag);
    return flag;
}

static char *get_text(const void *base, const struct option *option)
{
    char *text;

    memcpy(&text, const_field_of(base, option), sizeof text);
    return text;
}

struct list {
    char *members;
    unsigned count;
};

static struct list get_list(const void *base, const struct option *option)
{
    struct list list;

    memcpy(&list.members, const_field_of(base, option), sizeof list.members);
    memcpy(&list.count, (const char *)base + option->count_offset, sizeof list.count);
    return list;
}

static void set_list(void *base, const struct option *option, struct list list)
{
    memcpy(field_of(base, option), &list.members, sizeof list.members);
    memcpy((char *)base + option->count_offset, &list.count, sizeof list.count);
}

/* ---- reading values ----------------------------------------------------------------------------
 */

/* A text of the file, fit for an error sentence. */
struct shown {
    char text[80];
};

static struct shown show(struct str s)
{
    struct shown shown;
    struct buf b = buf_over(shown.text, sizeof shown.text - 4);
    struct str start = utf8_cut(s, 72);

    utf8_add_printable(&b, start);
    if (b.full || start.n < s.n)
        memcpy(b.p + b.n, "...", 3);
    shown.text[b.n + (b.full || start.n < s.n ? 3 : 0)] = '\0';
    return shown;
}

/* The key as it is named in an error: a list's member goes by the list's name. */
static struct str name_of(const struct option *option)
{
    struct str key = key_of(option);

    if (key.n > 2 && key.p[key.n - 1] == ']')
        key.n -= 2;
    return key;
}

static int refuse(const struct source *source, const struct option *option, const struct node *node,
                  const char *what)
{
    return source_error(source, node->place, "%.*s: \"%s\" is not %s", STR_ARG(name_of(option)),
                        show(node->text).text, what);
}

static void add_number(struct buf *b, enum kind kind, uint64_t value)
{
    if (kind == DURATION)
        units_add_duration_ms(b, (int64_t)value);
    else if (kind == SIZE)
        units_add_size_bytes(b, value);
    else
        buf_add_u64(b, value);
}

static int read_number(const struct source *source, const struct option *option,
                       const struct node *node, void *base)
{
    char memory[24];
    struct buf limit = buf_over(memory, sizeof memory);
    uint64_t value;
    int64_t ms = 0;

    if (option->kind == DURATION) {
        if (!units_parse_duration_ms(node->text, &ms))
            return refuse(source, option, node,
                          "a duration: a whole number and ms, s, m, h or d, like 10m");
        value = (uint64_t)ms;
    } else if (option->kind == SIZE) {
        if (!units_parse_size_bytes(node->text, &value))
            return refuse(source, option, node,
                          "a size: a whole number and B, KiB, MiB, GiB or TiB, like 256MiB");
    } else if (!str_to_u64(node->text, UINT64_MAX, &value)) {
        return refuse(source, option, node, "a whole number");
    }
    if (value >= option->min && value <= option->max) {
        set_number(base, option, value);
        return 0;
    }
    add_number(&limit, option->kind, value < option->min ? option->min : option->max);
    return source_error(source, node->place, "%.*s: \"%s\" is %s than %.*s",
                        STR_ARG(name_of(option)), show(node->text).text,
                        value < option->min ? "less" : "more", STR_ARG(buf_str(&limit)));
}

/* "full, masked, none" */
static void add_names(struct buf *b, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (i > 0)
            buf_add_lit(b, ", ");
        buf_add_str(b, str_of(names[i]));
    }
}

static int read_choice(const struct source *source, const struct option *option,
                       const struct node *node, void *base)
{
    char memory[128] = "one of ";
    struct buf b = buf_over(memory, sizeof memory - 1);

    for (size_t i = 0; option->names[i] != NULL; i++) {
        if (str_eq(node->text, str_of(option->names[i]))) {
            set_number(base, option, i);
            return 0;
        }
    }
    b.n = strlen(memory);
    add_names(&b, option->names);
    return refuse(source, option, node, memory);
}

static int read_boolean(const struct source *source, const struct option *option,
                        const struct node *node, void *base)
{
    if (!str_eq(node->text, STR("true")) && !str_eq(node->text, STR("false")))
        return refuse(source, option, node, "true or false");
    set_number(base, option, str_eq(node->text, STR("true")));
    return 0;
}

/* Did only the bits behind the prefix spoil it? Then *net is what was meant. */
static bool parse_loosely(struct str text, struct ip_net *net)
{
    struct str bits = text;
    struct str address = str_cut(&bits, '/');
    uint64_t n;

    if (!ip_parse(address, &net->ip) || !str_to_u64(bits, net->ip.family == 4 ? 32 : 128, &n))
        return false;
    net->prefix_bits = (unsigned)n;
    net->ip = ip_masked(&net->ip, net->prefix_bits, net->prefix_bits);
    return true;
}

static void add_network(struct buf *b, const struct ip_net *net)
{
    ip_add(b, &net->ip);
    buf_add_char(b, '/');
    buf_add_u64(b, net->prefix_bits);
}

static int read_network(const struct source *source, const struct option *option,
                        const struct node *node, void *base)
{
    char memory[IP_TEXT_BYTES + 5];
    struct buf meant = buf_over(memory, sizeof memory);
    struct ip_net net;

    if (ip_net_parse(node->text, &net)) {
        memcpy(field_of(base, option), &net, sizeof net);
        return 0;
    }
    if (!parse_loosely(node->text, &net))
        return refuse(source, option, node, "a network, like 10.0.0.0/8 or 2001:db8::/32");
    add_network(&meant, &net);
    return source_error(source, node->place,
                        "%.*s: \"%s\" has bits set behind its prefix; did you mean %.*s?",
                        STR_ARG(name_of(option)), show(node->text).text, STR_ARG(buf_str(&meant)));
}

static int set_text(const struct source *source, const struct option *option, void *base,
                    struct str text)
{
    char *copy = str_dup(text);

    if (copy == NULL)
        return err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
    free(get_text(base, option));
    memcpy(field_of(base, option), &copy, sizeof copy);
    return 0;
}

static int read_text(const struct source *source, const struct option *option,
                     const struct node *node, void *base)
{
    const struct text *text = &texts[option->kind];
    char memory[OPTION_TEXT_BYTES_MAX];
    struct buf normal = buf_over(memory, sizeof memory);

    if (node->text.n > sizeof memory || !text->normal(node->text, &normal) || normal.full)
        return refuse(source, option, node, text->what);
    return set_text(source, option, base, buf_str(&normal));
}

static int read_map(const struct source *source, struct str prefix, const struct node *map,
                    void *base);
static int set_fallbacks(const struct source *source, struct str prefix, void *base);

static int read_scalar(const struct source *source, const struct option *option,
                       const struct node *node, void *base)
{
    if (node->type == NODE_EMPTY)
        return source_error(source, node->place, "%.*s has no value", STR_ARG(name_of(option)));
    if (node->type != NODE_TEXT)
        return source_error(source, node->place, "%.*s takes one value, not a %s",
                            STR_ARG(name_of(option)), node->type == NODE_LIST ? "list" : "map");
    switch (option->kind) {
    case CHOICE:
        return read_choice(source, option, node, base);
    case BOOLEAN:
        return read_boolean(source, option, node, base);
    case NETWORK:
        return read_network(source, option, node, base);
    case DURATION:
    case SIZE:
    case INTEGER:
        return read_number(source, option, node, base);
    default:
        return read_text(source, option, node, base);
    }
}

static int check_required(const struct source *source, struct str prefix, const struct node *node,
                          const void *member)
{
    struct str rest;

    for (size_t i = 0; i < COUNT(options); i++) {
        if (is_under(&options[i], prefix, &rest) && options[i].required &&
            get_text(member, &options[i]) == NULL)
            return source_error(source, node->place, "%s is missing", options[i].key);
    }
    return 0;
}

static int read_member(const struct source *source, const struct option *list,
                       const struct node *node, void *member)
{
    const struct option *plain = member_option(list);
    char memory[KEY_BYTES_MAX];
    struct str prefix;

    if (plain != NULL)
        return read_scalar(source, plain, node, member);
    if (node->type != NODE_MAP)
        return source_error(source, node->place, "%s: each member is a map of options", list->key);
    prefix = join(memory, key_of(list), STR("[]"), ".");
    if (set_fallbacks(source, prefix, member) != 0 || read_map(source, prefix, node, member) != 0)
        return -1;
    return check_required(source, prefix, node, member);
}

/* The text that a member must not share with another; the first field of every member is one. */
static struct str identity_of(const char *member)
{
    char *text;

    memcpy(&text, member, sizeof text);
    return str_of(text);
}

static int check_unique(const struct source *source, const struct option *option,
                        const struct node *node, const struct list *list, unsigned index)
{
    struct str mine = identity_of(list->members + index * option->member_bytes);

    if (mine.n > 2 && mine.p[mine.n - 1] == '0' && mine.p[mine.n - 2] == ':')
        return 0; /* any free port, as often as wanted */
    for (unsigned i = 0; i < index; i++) {
        if (str_eq(mine, identity_of(list->members + i * option->member_bytes)))
            return source_error(source, node->place, "%s: \"%s\" is there twice", option->key,
                                show(mine).text);
    }
    return 0;
}

static int read_list(const struct source *source, const struct option *option,
                     const struct node *node, void *base)
{
    struct list list = { NULL, 0 };
    unsigned index = 0;

    if (node->type != NODE_LIST && node->type != NODE_EMPTY)
        return source_error(source, node->place, "%s takes a list", option->key);
    for (const struct node *member = node->first; member != NULL; member = member->next)
        list.count++;
    if (list.count < option->min)
        return source_error(source, node->place, "%s is empty; it needs at least one", option->key);
    if (list.count > option->max)
        return source_error(source, node->place, "%s: %u are more than %llu", option->key,
                            list.count, (unsigned long long)option->max);
    if (list.count == 0)
        return 0;
    list.members = calloc(list.count, option->member_bytes);
    if (list.members == NULL)
        return err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
    set_list(base, option, list); /* owned by the config from here on, whatever fails below */
    for (const struct node *member = node->first; member != NULL; member = member->next) {
        if (read_member(source, option, member, list.members + index * option->member_bytes) != 0 ||
            (option->unique && check_unique(source, option, member, &list, index) != 0))
            return -1;
        index++;
    }
    return 0;
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters have to be put in, left out, exchanged or swapped with their neighbour. */
static unsigned distance(struct str a, struct str b)
{
    unsigned row[3][KEY_BYTES_MAX + 1];

    for (unsigned j = 0; j <= b.n; j++)
        row[1][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *now = row[(i + 1) % 3], *last = row[i % 3], *before = row[(i + 2) % 3];

        now[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            now[j] =
                least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a.p[i - 1] != b.p[j - 1]));
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[(a.n + 1) % 3][b.n];
}

/* The name in this map that was probably meant; failing that, where there is an option so called.
 */
static struct str nearest(struct str prefix, struct str name)
{
    unsigned best = 1 + (unsigned)(name.n / 4);
    struct str found = STR_ABSENT, rest;

    if (name.n >= KEY_BYTES_MAX)
        return STR_ABSENT;
    for (size_t i = 0; i < COUNT(options); i++) {
        unsigned d;

        if (!is_under(&options[i], prefix, &rest))
            continue;
        rest.n = str_find(rest, '.', 0);
        d = distance(name, rest);
        if (d < best || (d == best && found.p == NULL)) {
            best = d;
            found = rest;
        }
    }
    for (size_t i = 0; i < COUNT(options) && found.p == NULL; i++) {
        struct str key = key_of(&options[i]);

        if (key.n > name.n && key.p[key.n - name.n - 1] == '.' &&
            str_eq(str_from(key.p + key.n - name.n, name.n), name))
            found = key;
    }
    return found;
}

static int unknown_key(const struct source *source, struct str prefix, const struct node *node)
{
    struct str meant = nearest(prefix, node->key);

    if (meant.p == NULL)
        return source_error(source, node->key_place, "unknown key \"%s\"", show(node->key).text);
    return source_error(source, node->key_place, "unknown key \"%s\"; did you mean \"%.*s\"?",
                        show(node->key).text, STR_ARG(meant));
}

static bool is_group(struct str prefix, struct str name)
{
    struct str rest;

    for (size_t i = 0; i < COUNT(options); i++) {
        if (is_under(&options[i], prefix, &rest) && rest.n > name.n && rest.p[name.n] == '.' &&
            str_starts(rest, name))
            return true;
    }
    return false;
}

static int read_key(const struct source *source, struct str prefix, const struct node *node,
                    void *base)
{
    const struct option *option = NULL;
    char memory[KEY_BYTES_MAX];

    if (memchr(node->key.p, '.', node->key.n) == NULL)
        option = find_option(prefix, node->key);
    if (option != NULL && option->kind == LIST)
        return read_list(source, option, node, base);
    if (option != NULL)
        return read_scalar(source, option, node, base);
    if (node->key.n == 0 || !is_group(prefix, node->key))
        return unknown_key(source, prefix, node);
    if (node->type == NODE_EMPTY)
        return 0;
    if (node->type != NODE_MAP)
        return source_error(source, node->place, "%.*s takes a map of options", STR_ARG(node->key));
    return read_map(source, join(memory, prefix, node->key, "."), node, base);
}

/* Not slow: of keys that passed before there are at most as many as options. */
static int check_repeated(const struct source *source, const struct node *map,
                          const struct node *node)
{
    for (const struct node *earlier = map->first; earlier != node; earlier = earlier->next) {
        if (str_eq(earlier->key, node->key))
            return source_error(source, node->key_place, "%s is there twice; first on line %u",
                                show(node->key).text, earlier->key_place.line);
    }
    return 0;
}

static int read_map(const struct source *source, struct str prefix, const struct node *map,
                    void *base)
{
    for (const struct node *node = map->first; node != NULL; node = node->next) {
        if (check_repeated(source, map, node) != 0 || read_key(source, prefix, node, base) != 0)
            return -1;
    }
    return 0;
}

static int set_fallbacks(const struct source *source, struct str prefix, void *base)
{
    struct str rest;

    for (size_t i = 0; i < COUNT(options); i++) {
        struct node node = { .type = NODE_TEXT };

        if (!is_under(&options[i], prefix, &rest) || options[i].fallback == NULL)
            continue;
        node.text = str_of(options[i].fallback);
        if (read_scalar(source, &options[i], &node, base) != 0)
            return -1;
    }
    return 0;
}

/* ---- what depends on other options -------------------------------------------------------------
 */

/* NULL if the key is not in the file. */
static const struct node *find_node(const struct node *map, struct str key)
{
    struct str rest = key;
    struct str name = str_cut(&rest, '.');

    for (const struct node *node = map->first; node != NULL; node = node->next) {
        if (str_eq(node->key, name))
            return rest.p == NULL ? node : find_node(node, rest);
    }
    return NULL;
}

static int listen_on_all(const struct source *source, struct config *config)
{
    static const char *const addresses[] = { "0.0.0.0:8080", "[::]:8080" };
    const struct option *address = find_option(STR("listen[]."), STR("address"));

    config->listen = calloc(COUNT(addresses), sizeof *config->listen);
    if (config->listen == NULL)
        return err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
    config->listen_count = COUNT(addresses);
    for (unsigned i = 0; i < COUNT(addresses); i++) {
        if (set_text(source, address, &config->listen[i], str_of(addresses[i])) != 0)
            return -1;
    }
    return 0;
}

/* Those that we may run on, which a container or taskset may have made fewer. */
static unsigned count_processors(void)
{
    cpu_set_t set;
    int count;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > 256 ? 256 : (unsigned)count;
}

static int keys_in_data(const struct source *source, struct config *config)
{
    if (asprintf(&config->keys, "%s/keys", config->store.data) >= 0)
        return 0;
    config->keys = NULL;
    return err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
}

/* 0 is searched first; 3 is a kind that we do not know. */
static unsigned database_rank(const char *name)
{
    static const char *const kinds[] = { "city", "country", "asn" };
    unsigned rank = 0;

    while (rank < COUNT(kinds) && strcasestr(name, kinds[rank]) == NULL)
        rank++;
    return rank;
}

static bool is_database(const char *name)
{
    size_t n = strlen(name);

    return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".mmdb") == 0;
}

static int take_databases(struct config_geo *geo, const struct fs_list *list, unsigned rank)
{
    for (size_t i = 0; i < list->count && geo->databases_count < GEO_DATABASES_MAX; i++) {
        char *path;

        if (!is_database(list->names[i]) || database_rank(list->names[i]) != rank)
            continue;
        if (asprintf(&path, "%s/%s", geo->folder, list->names[i]) < 0)
            return -1;
        geo->databases[geo->databases_count++] = path;
    }
    return 0;
}

static int find_databases(const struct source *source, struct config_geo *geo)
{
    struct fs_list list;
    int result = 0;

    geo->databases_found = true;
    if (fs_list(geo->folder, &list, NULL) != 0)
        return 0; /* no folder, no databases */
    geo->databases = calloc(GEO_DATABASES_MAX, sizeof *geo->databases);
    if (geo->databases == NULL)
        result = -1;
    for (unsigned rank = 0; rank <= 3 && result == 0; rank++)
        result = take_databases(geo, &list, rank);
    fs_list_free(&list);
    if (result != 0)
        err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
    return result;
}

/* Two options that must not be equal. */
static int check_differ(const struct source *source, const struct node *root, const char *key,
                        const char *value, const char *other_key, const char *other_value)
{
    const struct node *node = find_node(root, str_of(key));

    if (strcmp(value, other_value) != 0)
        return 0;
    if (node == NULL)
        node = find_node(root, str_of(other_key));
    return source_error(source, node == NULL ? root->place : node->place,
                        "%s and %s are the same: \"%s\"", other_key, key, show(str_of(value)).text);
}

static int check_together(const struct source *source, const struct node *root,
                          const struct config *config)
{
    const struct {
        const char *key, *value;
    } paths[] = {
        { "paths.pixel", config->paths.pixel }, { "paths.events", config->paths.events },
        { "paths.tag", config->paths.tag },     { "paths.optout", config->paths.optout },
        { "paths.optin", config->paths.optin },
    };

    if (check_differ(source, root, "cookies.optout_name", config->cookies.optout_name,
                     "cookies.id_name", config->cookies.id_name) != 0)
        return -1;
    for (size_t i = 1; i < COUNT(paths); i++) {
        for (size_t j = 0; j < i; j++) {
            if (check_differ(source, root, paths[i].key, paths[i].value, paths[j].key,
                             paths[j].value) != 0)
                return -1;
        }
    }
    return 0;
}

static int finish(const struct source *source, const struct node *root, struct config *config)
{
    if (config->listen == NULL && listen_on_all(source, config) != 0)
        return -1;
    if (config->workers == 0)
        config->workers = count_processors();
    if (config->keys == NULL && keys_in_data(source, config) != 0)
        return -1;
    if (config->proxies.trusted_count > 0 && find_node(root, STR("client_address")) == NULL)
        config->proxies.client_address = CLIENT_ADDRESS_X_FORWARDED_FOR;
    if (find_node(root, STR("geo.databases")) == NULL && find_databases(source, &config->geo) != 0)
        return -1;
    return check_together(source, root, config);
}

struct config *options_read(const struct source *source, const struct node *root)
{
    struct config *config;

    if (root->type != NODE_MAP && root->type != NODE_EMPTY) {
        source_error(source, root->place, "the file has to be a map: lines like \"key: value\"");
        return NULL;
    }
    config = calloc(1, sizeof *config);
    if (config == NULL) {
        err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
        return NULL;
    }
    if (set_fallbacks(source, STR(""), config) != 0 ||
        read_map(source, STR(""), root, config) != 0 || finish(source, root, config) != 0) {
        config_free(config);
        return NULL;
    }
    return config;
}

static void free_map(struct str prefix, void *base)
{
    struct str rest;

    for (size_t i = 0; i < COUNT(options); i++) {
        const struct option *option = &options[i];
        char memory[KEY_BYTES_MAX];
        struct list list;

        if (!is_under(option, prefix, &rest))
            continue;
        if (is_text(option))
            free(get_text(base, option));
        if (option->kind != LIST)
            continue;
        list = get_list(base, option);
        for (unsigned m = 0; m < list.count; m++) {
            char *member = list.members + m * option->member_bytes;
            const struct option *plain = member_option(option);

            if (plain == NULL)
                free_map(join(memory, key_of(option), STR("[]"), "."), member);
            else if (is_text(plain))
                free(get_text(member, plain));
        }
        free(list.members);
    }
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    free_map(STR(""), config);
    free(config);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

struct writer {
    struct buf *b;
    unsigned indent;
    bool dash; /* the next line begins a member of a list */
};

static void begin_line(struct writer *w)
{
    for (unsigned i = w->dash ? 2 : 0; i < w->indent; i++)
        buf_add_char(w->b, ' ');
    if (w->dash)
        buf_add_lit(w->b, "- ");
    w->dash = false;
}

/* An IPv4 address with a port or prefix needs no quotes; an IPv6 one looks like a list or a map. */
static void add_address(struct buf *b, struct str s)
{
    if (memchr(s.p, '.', s.n) != NULL && s.p[0] != '[')
        buf_add_str(b, s);
    else
        json_add_string(b, s);
}

/* Without quotes only what no reader of YAML can take for anything else. */
static void add_text(struct buf *b, struct str s)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/.";
    static const char more[] = "0123456789_-";
    static const char *const words[] = {
        "true", "false", "yes", "no", "on", "off", "y", "n", "null"
    };
    bool plain = s.n > 0 && strchr(first, s.p[0]) != NULL;

    for (size_t i = 0; i < s.n && plain; i++)
        plain = s.p[i] != '\0' && (strchr(first, s.p[i]) != NULL || strchr(more, s.p[i]) != NULL);
    for (size_t i = 0; i < COUNT(words) && plain; i++)
        plain = !str_eq_nocase(s, str_of(words[i]));
    if (plain)
        buf_add_str(b, s);
    else
        json_add_string(b, s);
}

static void add_value(struct buf *b, const struct option *option, const void *base)
{
    struct ip_net net;
    char memory[IP_TEXT_BYTES + 5];
    struct buf text = buf_over(memory, sizeof memory);

    switch (option->kind) {
    case DURATION:
    case SIZE:
    case INTEGER:
        add_number(b, option->kind, get_number(base, option));
        break;
    case BOOLEAN:
        buf_add_str(b, get_number(base, option) != 0 ? STR("true") : STR("false"));
        break;
    case CHOICE:
        buf_add_str(b, str_of(option->names[get_number(base, option)]));
        break;
    case NETWORK:
        memcpy(&net, const_field_of(base, option), sizeof net);
        add_network(&text, &net);
        add_address(b, buf_str(&text));
        break;
    case TEXT_ADDRESS:
        add_address(b, str_of(get_text(base, option)));
        break;
    default:
        add_text(b, str_of(get_text(base, option)));
    }
}

static void add_map(struct writer w, struct str prefix, const void *base);

static void add_members(struct writer w, const struct option *option, const struct list *list)
{
    const struct option *plain = member_option(option);
    char memory[KEY_BYTES_MAX];

    for (unsigned i = 0; i < list->count; i++) {
        const char *member = list->members + i * option->member_bytes;

        w.dash = true;
        if (plain == NULL) {
            add_map(w, join(memory, key_of(option), STR("[]"), "."), member);
        } else {
            begin_line(&w);
            add_value(w.b, plain, member);
            buf_add_char(w.b, '\n');
        }
    }
}

static void add_option(struct writer *w, const struct option *option, struct str name,
                       const void *base)
{
    struct writer members = *w;
    struct list list;

    if (is_text(option) && get_text(base, option) == NULL)
        return;
    begin_line(w);
    buf_add_str(w->b, name);
    buf_add_char(w->b, ':');
    if (option->kind != LIST) {
        buf_add_char(w->b, ' ');
        add_value(w->b, option, base);
        buf_add_char(w->b, '\n');
        return;
    }
    list = get_list(base, option);
    if (list.count == 0)
        buf_add_lit(w->b, " []");
    buf_add_char(w->b, '\n');
    members.indent += 4;
    add_members(members, option, &list);
}

/* What was found is not written as if somebody had named it. */
static void add_found_databases(struct writer *w, const struct config_geo *geo)
{
    for (unsigned i = 0; i < geo->databases_count; i++) {
        begin_line(w);
        buf_add_lit(w->b, "# found: ");
        utf8_add_printable(w->b, str_of(geo->databases[i]));
        buf_add_char(w->b, '\n');
    }
}

static void add_map(struct writer w, struct str prefix, const void *base)
{
    struct str rest, group = STR("");

    for (size_t i = 0; i < COUNT(options); i++) {
        const struct option *option = &options[i];
        struct writer inside = w;
        struct str name;

        if (!is_under(option, prefix, &rest))
            continue;
        name = str_cut(&rest, '.');
        if (rest.p != NULL) {
            if (!str_eq(name, group)) {
                begin_line(&w);
                buf_addf(w.b, "%.*s:\n", STR_ARG(name));
            }
            group = name;
            name = rest;
            inside.indent += 2;
        }
        if (option->offset == offsetof(struct config, geo.databases) && prefix.n == 0 &&
            ((const struct config *)base)->geo.databases_found)
            add_found_databases(&inside, &((const struct config *)base)->geo);
        else
            add_option(&inside, option, name, base);
        w.dash = false;
    }
}

void config_add_yaml(struct buf *b, const struct config *config)
{
    add_map((struct writer){ b, 0, false }, STR(""), config);
}

const char *config_needs_restart(const struct config *running, const struct config *loaded)
{
    char running_memory[8192], loaded_memory[8192];

    for (size_t i = 0; i < COUNT(options); i++) {
        struct buf a = buf_over(running_memory, sizeof running_memory);
        struct buf b = buf_over(loaded_memory, sizeof loaded_memory);

        if (!options[i].restart)
            continue;
        add_option(&(struct writer){ &a, 0, false }, &options[i], key_of(&options[i]), running);
        add_option(&(struct writer){ &b, 0, false }, &options[i], key_of(&options[i]), loaded);
        if (!str_eq(buf_str(&a), buf_str(&b)))
            return options[i].key;
    }
    return NULL;
}

const struct config_site *config_site(const struct config *config, struct str name)
{
    for (unsigned i = 0; i < config->sites_count; i++) {
        if (str_eq(name, str_of(config->sites[i].name)))
            return &config->sites[i];
    }
    return NULL;
}

/* ---- the sample and the manual -----------------------------------------------------------------
 */

#define SAMPLE_COLUMNS 100

/* Words broken into lines that start with `start`. */
static void add_comment(struct buf *b, const char *start, struct str words)
{
    size_t column = 0;
    struct str word;

    while ((word = str_cut(&words, ' ')).p != NULL) {
        if (column > 0 && column + 1 + word.n <= SAMPLE_COLUMNS) {
            buf_add_char(b, ' ');
            column++;
        } else {
            buf_add_str(b, column > 0 ? STR("\n") : STR(""));
            buf_add_str(b, str_of(start));
            column = strlen(start);
        }
        buf_add_str(b, word);
        column += word.n;
    }
    buf_add_char(b, '\n');
}

void config_add_values(struct buf *b, size_t index)
{
    const struct option *option = &options[index];

    switch (option->kind) {
    case DURATION:
    case SIZE:
    case INTEGER:
        add_number(b, option->kind, option->min);
        buf_add_lit(b, " to ");
        add_number(b, option->kind, option->max);
        break;
    case CHOICE:
        add_names(b, option->names);
        break;
    case BOOLEAN:
        buf_add_lit(b, "true, false");
        break;
    case LIST:
        buf_addf(b, "at most %llu", (unsigned long long)option->max);
        break;
    default:
        break;
    }
}

/* What is in the members of a list, ahead of the list. */
static void add_member_comments(struct buf *b, const struct option *list, const char *indent)
{
    struct str key = key_of(list), name;
    char start[KEY_BYTES_MAX], memory[512];

    for (const struct option *option = list + 1; option < options + COUNT(options); option++) {
        struct buf text = buf_over(memory, sizeof memory);

        name = str_from(option->key + key.n, strlen(option->key) - key.n);
        if (!str_starts(key_of(option), key) || !str_starts(name, STR("[].")))
            break;
        if (name.p[name.n - 1] == ']')
            continue;
        snprintf(start, sizeof start, "%s# ", indent);
        buf_addf(&text, "- %.*s: %s", (int)name.n - 3, name.p + 3, option->sentence);
        add_comment(b, start, buf_str(&text));
    }
}

static void add_indented(struct buf *b, const char *indent, struct str lines)
{
    struct str line;

    while ((line = str_cut(&lines, '\n')).p != NULL && line.n > 0) {
        buf_add_str(b, str_of(indent));
        buf_add_str(b, line);
        buf_add_char(b, '\n');
    }
}

static void add_sample_option(struct buf *b, size_t index, struct str name, const char *indent)
{
    const struct option *option = &options[index];
    char start[8], memory[512];
    struct buf text = buf_over(memory, sizeof memory);

    snprintf(start, sizeof start, "%s# ", indent);
    buf_add_str(&text, str_of(option->sentence));
    if (option->kind != LIST && !is_text(option)) {
        buf_add_lit(&text, " (");
        config_add_values(&text, index);
        buf_add_lit(&text, ")");
    }
    add_comment(b, start, buf_str(&text));
    if (option->kind == LIST)
        add_member_comments(b, option, indent);
    if (option->sample != NULL) {
        add_indented(b, indent, str_of(option->sample));
        return;
    }
    buf_addf(b, "%s%.*s: ", indent, STR_ARG(name));
    buf_add_str(b, str_of(option->fallback)); /* none of them needs quotes */
    buf_add_char(b, '\n');
}

void config_add_sample(struct buf *b)
{
    struct str rest, group = STR("");

    buf_add_lit(b,
                "# crumb.yaml: every option of crumb with its default. See crumb.yaml(5).\n"
                "#\n"
                "# A line that begins with # and no space is an example: what it sets has no "
                "fixed default.\n"
                "# Durations are whole numbers and ms, s, m, h or d; sizes are whole numbers and "
                "B, KiB, MiB, GiB\n"
                "# or TiB. Paths are relative to the folder in which crumbd was started.\n");
    for (size_t i = 0; i < COUNT(options); i++) {
        struct str name;

        if (!is_under(&options[i], STR(""), &rest))
            continue;
        name = str_cut(&rest, '.');
        buf_add_char(b, '\n');
        if (rest.p == NULL) {
            add_sample_option(b, i, name, "");
            continue;
        }
        if (!str_eq(name, group))
            buf_addf(b, "%.*s:\n", STR_ARG(name));
        group = name;
        add_sample_option(b, i, rest, "  ");
    }
}

struct config_option config_option(size_t index)
{
    return (struct config_option){ options[index].key, options[index].fallback,
                                   options[index].sentence };
}

size_t config_options_count(void)
{
    return COUNT(options);
}
