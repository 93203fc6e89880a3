/*
 * option_table.c - the table of options, and how their values lie in memory. See option_table.h.
 *
 * A new option is a row here and a field in struct config: reading, the default, `crumb config`,
 * conf/crumb.yaml and the check of crumb.yaml(5) follow from the row.
 */
#include "option_table.h"

#include <stdio.h>

#include "base/units.h"
#include "model/geo.h"

static const char *const durability_names[] = { "process", "power", NULL };
static const char *const client_address_names[] = { "peer", "x-forwarded-for", "forwarded", NULL };
static const char *const ip_names[] = { "full", "masked", "none", NULL };
static const char *const referrer_names[] = { "full", "origin", "none", NULL };
static const char *const gpc_names[] = { "share", "optout", NULL };

const struct option option_table[] = {
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
    { "listen", LIST, UNIQUE | RESTART, LIST_OF(config, listen, listen_count), .min = 1, .max = 16,
      .sample = "listen:\n"
                "  - address: 0.0.0.0:8080\n"
                "    proxy_protocol: false\n"
                "  - address: \"[::]:8080\"\n"
                "    proxy_protocol: false\n",
      .sentence = "Where beacons are received." },
    { "listen[].address", TEXT_ADDRESS, REQUIRED, AT(config_listen, address),
      .sentence = "An IP address and port; IPv6 in brackets; port 0 takes any free one." },
    { "listen[].proxy_protocol", BOOLEAN, 0, AT(config_listen, proxy_protocol), "false",
      .sentence = "Every connection begins with a PROXY protocol header, version 1 or 2. It is "
                  "believed of trusted_proxies; without that option, of whoever connects." },
    { "admin", TEXT_ADDRESS, RESTART, AT(config, admin), "127.0.0.1:8081",
      .sentence = "Where the live page, metrics and health are served; not for the public." },
    { "live", BOOLEAN, RESTART, AT(config, live), "true",
      .sentence = "The live page is served on the address of admin: what came in the last half "
                  "hour, counted in memory." },
    { "public_origin", TEXT_ORIGIN, 0, AT(config, public_origin),
      .sample = "#public_origin: https://crumb.example\n",
      .sentence = "How browsers reach this server, for the tag that crumb tag prints." },
    { "data", TEXT_FILE, RESTART, AT(config, store.data), "./data",
      .sentence = "The folder that holds the hits; it is made if it is not there." },
    { "workers", INTEGER, RESTART, AT(config, workers), .min = 1, .max = 256,
      .sample = "#workers: 2\n",
      .sentence = "Threads that receive hits. Without it there is one for each processor." },
    { "durability", CHOICE, RESTART, AT(config, store.durability), "process",
      .names = durability_names,
      .sentence = "What an acknowledged hit survives: process, the end of the process at any "
                  "moment; power, the end of the machine too, at the price of a sync before each "
                  "answer." },
    { "roll_interval", DURATION, RESTART, AT(config, store.roll_interval_ms), "10m", .min = 100,
      .max = HOUR,
      .sentence = "How long hits are collected before their file is published; each full hour "
                  "publishes too." },
    { "roll_size", SIZE, RESTART, AT(config, store.roll_size_bytes), "256MiB", .min = 64 * KIB,
      .max = 16 * GIB,
      .sentence = "How many bytes of hits, before compression, are collected before their file is "
                  "published." },
    { "keys", TEXT_FILE, 0, AT(config, keys), .sample = "#keys: ./data/keys\n",
      .sentence = "The file with the secret keys that sign identifiers. It is made at the first "
                  "start, and refused if others may read it. Without this option it is the file "
                  "keys in the data folder." },
    { "geo.databases", LIST, UNIQUE, LIST_OF(config, geo.databases, geo.databases_count),
      .max = GEO_DATABASES_MAX,
      .sample = "#databases: [ /var/lib/GeoIP/GeoLite2-City.mmdb ]\n",
      .sentence = "Databases for country, city and network of an address, in MaxMind DB format; "
                  "for each field the first that knows it wins. Without this option, those in "
                  "geo.folder are used; [] for none." },
    { "geo.databases[]", TEXT_FILE, 0, ITSELF, .sentence = "A file; when it cannot be read, hits are kept without what it knows until it can." },
    { "geo.folder", TEXT_FILE, 0, AT(config, geo.folder), "/var/lib/GeoIP",
      .sentence = "Where databases are found that nobody named: every .mmdb, city before country "
                  "before network. It need not exist." },
    { "trusted_proxies", LIST, 0, LIST_OF(config, proxies.trusted, proxies.trusted_count),
      .max = 1024, .sample = "#trusted_proxies: [ 127.0.0.1/32, \"::1/128\" ]\n",
      .sentence = "Networks whose word about the client's address and scheme is believed. Without "
                  "this option nobody's is." },
    { "trusted_proxies[]", NETWORK, 0, 0, sizeof(struct ip_net),
      .sentence = "An address, or a network as address/bits without bits set behind them." },
    { "client_address", CHOICE, 0, AT(config, proxies.client_address),
      .names = client_address_names,
      .sample = "#client_address: x-forwarded-for\n",
      .sentence = "How a trusted proxy names the client: the header X-Forwarded-For, the header "
                  "Forwarded, or not at all (peer). Without this option it is x-forwarded-for if "
                  "there are trusted_proxies, else peer." },
    { "ip", CHOICE, 0, AT(config, privacy.ip), "full", .names = ip_names,
      .sentence = "What of the client's address is kept: full, masked (the first 24 bits of IPv4, "
                  "48 of IPv6), or none. Country and city are looked up before." },
    { "gpc", CHOICE, 0, AT(config, privacy.gpc), "share", .names = gpc_names,
      .sentence = "What Global Privacy Control means: share, the hit is kept and marked, and left "
                  "out of what is shared; optout, it counts as an opt-out." },
    { "sites", LIST, UNIQUE, LIST_OF(config, sites, sites_count), .max = 4096,
      .sample = "#sites:\n"
                "#  - name: shop\n"
                "#    origins: [ \"https://shop.example\" ]\n"
                "#    cookie_domain: shop.example\n"
                "#    optout_cookies:\n"
                "#      - name: OptanonConsent\n"
                "#        pattern: \"*C0002:0*\"\n",
      .sentence = "The sites that may send hits. Without this option any site's name is "
                  "accepted." },
    { "sites[].name", TEXT_SITE, REQUIRED, AT(config_site, name),
      .sentence = "What its pages send as site." },
    { "sites[].origins", LIST, UNIQUE, LIST_OF(config_site, origins, origins_count), .max = 64,
      .sentence = "Where its pages are served: scheme, host, and port if it is not the usual "
                  "one." },
    { "sites[].origins[]", TEXT_ORIGIN, 0, ITSELF, .sentence = "Like https://shop.example." },
    { "sites[].cookie_domain", TEXT_DOMAIN, 0, AT(config_site, cookie_domain),
      .sentence = "Domain of the cookies; without it they belong to the host that serves the "
                  "beacon." },
    { "sites[].optout_cookies", LIST, 0,
      LIST_OF(config_site, optout_cookies, optout_cookies_count), .max = 16,
      .sentence = "Cookies of the site's own consent tool that mean an opt-out." },
    { "sites[].optout_cookies[].name", TEXT_COOKIE_NAME, REQUIRED, AT(config_optout_cookie, name),
       .sentence = "The cookie's name, case included." },
    { "sites[].optout_cookies[].pattern", TEXT_PATTERN, 0, AT(config_optout_cookie, pattern), "*",
      .sentence = "What its value looks like, as it is sent: * is any text, ? any one byte." },
    { "sites[].query_keep", LIST, UNIQUE, LIST_OF(config_site, query_keep, query_keep_count), .max = 256,
      .sentence = "Keys that stay in the query of a URL and among the params although query_drop "
                  "or the built-in list names them." },
    { "sites[].query_keep[]", TEXT_QUERY_KEY, 0, ITSELF, .sentence = "A key; case does not matter." },
    { "sites[].query_drop", LIST, UNIQUE, LIST_OF(config_site, query_drop, query_drop_count), .max = 256,
      .sentence = "Keys whose values are removed from the query of a URL and from the params, "
                  "beside the built-in list of personal ones (email, token, password, phone and "
                  "the like)." },
    { "sites[].query_drop[]", TEXT_QUERY_KEY, 0, ITSELF,
      .sentence = "A key; case does not matter; * is every key." },
    { "sites[].referrer", CHOICE, 0, AT(config_site, referrer), "full", .names = referrer_names,
      .sentence = "What is kept of a referrer on another host: full, origin, or none." },
    { "sites[].debug", BOOLEAN, 0, AT(config_site, debug), "false",
      .sentence = "Answers say in the header X-Crumb what became of a hit and what was derived: "
                  "address, country, identifier; of a bot its kind and name, as reports will show it. "
                  "For a site that is being set up." },
    { "sites[].snowplow", BOOLEAN, 0, AT(config_site, snowplow), "false",
      .sentence = "Trackers of Snowplow may send hits; their app id is the site's name." },
    { "sites[].matomo_id", INTEGER, 0, AT(config_site, matomo_id), "0", .max = 1000000000,
      .sentence = "Trackers of Matomo may send hits with this idsite; 0 for none." },
    { "open", BOOLEAN, 0, AT(config, open), "false",
      .sentence = "Hits of sites that are not in the list are accepted too, and events of pages "
                  "on any origin." },
    { "cookies.id_name", TEXT_COOKIE_NAME, 0, AT(config, cookies.id_name), "crumb_id",
      .sentence = "Name of the cookie that holds the identifier." },
    { "cookies.optout_name", TEXT_COOKIE_NAME, 0, AT(config, cookies.optout_name), "crumb_optout",
      .sentence = "Name of the cookie that says no." },
    { "cookies.partitioned", BOOLEAN, 0, AT(config, cookies.partitioned), "false",
      .sentence = "Cookies over HTTPS are set with Partitioned (CHIPS): one identifier for each "
                  "site that embeds the beacon." },
    { "limits.header_size", SIZE, RESTART, AT(config, limits.header_bytes), "16KiB", .min = KIB,
      .max = 64 * KIB, .sentence = "The largest header of a request." },
    { "limits.headers", INTEGER, RESTART, AT(config, limits.headers), "100", .min = 8, .max = 1000,
      .sentence = "The most header lines in a request." },
    { "limits.body_size", SIZE, RESTART, AT(config, limits.body_bytes), "64KiB", .min = KIB, .max = MIB,
      .sentence = "The largest body of a request." },
    { "limits.header_timeout", DURATION, 0, AT(config, limits.header_timeout_ms), "10s", .min = 100,
      .max = HOUR, .sentence = "How long a request's header may take from its first byte to its "
                               "last." },
    { "limits.body_rate", SIZE, 0, AT(config, limits.body_rate_bytes), "1KiB", .min = 1,
      .max = GIB, .sentence = "How many bytes of a body have to come in a second, on average, once "
                              "header_timeout has passed." },
    { "limits.idle_timeout", DURATION, 0, AT(config, limits.idle_timeout_ms), "1m", .min = 100,
      .max = 24 * HOUR, .sentence = "How long a connection is kept open without a request." },
    { "limits.connections", INTEGER, RESTART, AT(config, limits.connections), "16384", .min = 16,
      .max = 1000000, .sentence = "The most connections at once, all workers together." },
    { "paths.pixel", TEXT_URL_PATH, 0, AT(config, paths.pixel), "/b.gif",
      .sentence = "The beacon." },
    { "paths.events", TEXT_URL_PATH, 0, AT(config, paths.events), "/b",
      .sentence = "Where the tag sends events." },
    { "paths.tag", TEXT_URL_PATH, 0, AT(config, paths.tag), "/t.js",
      .sentence = "The tag's script. It sends to b, b.gif, optout and optin beside it." },
    { "paths.optout", TEXT_URL_PATH, 0, AT(config, paths.optout), "/optout",
      .sentence = "The opt-out page; its status is below it." },
    { "paths.optin", TEXT_URL_PATH, 0, AT(config, paths.optin), "/optin",
      .sentence = "Where an opt-out is taken back." },
    { "pages", LIST, UNIQUE, LIST_OF(config, pages, pages_count), .max = 64,
      .sample = "#pages:\n"
                "#  - path: /privacy.html\n"
                "#    file: /srv/www/privacy.html\n",
      .sentence = "Small files that are served as they are, up to 15 KiB each; for a policy or a "
                  "trial, not for a site. They are read at start and reload." },
    { "pages[].path", TEXT_PAGE_PATH, REQUIRED, AT(config_page, path),
      .sentence = "Where it is served; what crumb answers itself comes first." },
    { "pages[].file", TEXT_FILE, REQUIRED, AT(config_page, file),
      .sentence = "A .html, .css, .js, .txt, .json, .svg, .png or .ico file." },
    { "reports.session_idle", DURATION, 0, AT(config, reports.session_idle_ms), "30m", .min = SECOND,
      .max = 24 * HOUR,
      .sentence = "After how long without a hit a visitor's session has ended." },
    { "reports.sections", LIST, 0, LIST_OF(config, reports.sections, reports.sections_count), .max = 256,
      .sample = "#sections:\n"
                "#  - name: Help\n"
                "#    paths: [ /help, /docs ]\n"
                "#  - name: Shop\n"
                "#    site: shop\n"
                "#    paths: [ /cart, /item ]\n",
      .sentence = "The areas of the sites, for crumb report -c. A page that is in none of them is in "
                  "the first segment of its path." },
    { "reports.sections[].name", TEXT_LABEL, REQUIRED, AT(config_section, name),
      .sentence = "What the area is called." },
    { "reports.sections[].site", TEXT_SITE, 0, AT(config_section, site),
      .sentence = "The site it belongs to; without it, every site." },
    { "reports.sections[].paths", LIST, UNIQUE | REQUIRED,
      LIST_OF(config_section, paths, paths_count), .min = 1, .max = 64,
      .sentence = "How the paths of its pages begin: /help is /help and all below it, not /helpers. The "
                  "longest decides, then the one that names the site." },
    { "reports.sections[].paths[]", TEXT_PATH_PREFIX, 0, ITSELF,
      .sentence = "Whole segments, as in the record's path; / is all the rest." },
    /* clang-format on */
};

const size_t option_count = sizeof option_table / sizeof option_table[0];

struct str option_key(const struct option *option)
{
    return str_from(option->key, strlen(option->key));
}

bool option_is_under(const struct option *option, struct str prefix, struct str *rest)
{
    struct str key = option_key(option);

    if (!str_starts(key, prefix))
        return false;
    *rest = str_from(key.p + prefix.n, key.n - prefix.n);
    return rest->n > 0 && str_find(*rest, '[', 0) == rest->n;
}

const struct option *option_find(struct str prefix, struct str name)
{
    struct str rest;

    for (size_t i = 0; i < option_count; i++) {
        if (option_is_under(&option_table[i], prefix, &rest) && str_eq(rest, name))
            return &option_table[i];
    }
    return NULL;
}

struct str option_join(char *memory, struct str prefix, struct str name, const char *suffix)
{
    int n = snprintf(memory, OPTION_KEY_BYTES_MAX, "%.*s%.*s%s", STR_ARG(prefix), STR_ARG(name),
                     suffix);

    return str_from(memory, n < OPTION_KEY_BYTES_MAX ? (size_t)n : OPTION_KEY_BYTES_MAX - 1);
}

const struct option *option_of_member(const struct option *list)
{
    char memory[OPTION_KEY_BYTES_MAX];
    struct str key = option_join(memory, option_key(list), STR(""), "[]");

    for (size_t i = 0; i < option_count; i++) {
        if (str_eq(option_key(&option_table[i]), key))
            return &option_table[i];
    }
    return NULL;
}

/* ---- values in memory ------------------------------------------------------------------------ */

void *option_field(void *base, const struct option *option)
{
    return (char *)base + option->offset;
}

const void *option_const_field(const void *base, const struct option *option)
{
    return (const char *)base + option->offset;
}

bool option_is_text(const struct option *option)
{
    return option->kind >= TEXT_FILE;
}

void option_set_number(void *base, const struct option *option, uint64_t value)
{
    uint32_t small = (uint32_t)value;
    bool flag = value != 0;

    if (option->bytes == sizeof value)
        memcpy(option_field(base, option), &value, sizeof value);
    else if (option->bytes == sizeof small)
        memcpy(option_field(base, option), &small, sizeof small);
    else
        memcpy(option_field(base, option), &flag, sizeof flag);
}

uint64_t option_get_number(const void *base, const struct option *option)
{
    uint64_t value;
    uint32_t small;
    bool flag;

    if (option->bytes == sizeof value) {
        memcpy(&value, option_const_field(base, option), sizeof value);
        return value;
    }
    if (option->bytes == sizeof small) {
        memcpy(&small, option_const_field(base, option), sizeof small);
        return small;
    }
    memcpy(&flag, option_const_field(base, option), sizeof flag);
    return flag;
}

char *option_get_text(const void *base, const struct option *option)
{
    char *text;

    memcpy(&text, option_const_field(base, option), sizeof text);
    return text;
}

struct list option_get_list(const void *base, const struct option *option)
{
    struct list list;

    memcpy(&list.members, option_const_field(base, option), sizeof list.members);
    memcpy(&list.count, (const char *)base + option->count_offset, sizeof list.count);
    return list;
}

void option_set_list(void *base, const struct option *option, struct list list)
{
    memcpy(option_field(base, option), &list.members, sizeof list.members);
    memcpy((char *)base + option->count_offset, &list.count, sizeof list.count);
}

void option_add_number(struct buf *b, enum kind kind, uint64_t value)
{
    if (kind == DURATION)
        units_add_duration_ms(b, (int64_t)value);
    else if (kind == SIZE)
        units_add_size_bytes(b, value);
    else
        buf_add_u64(b, value);
}

void option_add_names(struct buf *b, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (i > 0)
            buf_add_lit(b, ", ");
        buf_add_str(b, str_of(names[i]));
    }
}

void option_add_network(struct buf *b, const struct ip_net *net)
{
    ip_add(b, &net->ip);
    buf_add_char(b, '/');
    buf_add_u64(b, net->prefix_bits);
}
