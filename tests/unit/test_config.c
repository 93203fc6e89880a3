/* config: what is right is read, what is wrong costs one clear sentence with its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "model/config.h"
#include "support/tmp_dir.h"

static struct tmp_dir folder;
static char path[TMP_PATH_BYTES];
static char memory[1 << 20];

static void setup(void)
{
    folder = tmp_dir_make();
    tmp_dir_path(&folder, path, "c.yaml");
}

static void teardown(void)
{
    tmp_dir_remove(&folder);
}

TestSuite(config, .init = setup, .fini = teardown, .timeout = 60);

static void write_bytes(const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static struct config *load(const char *text)
{
    struct err e = { 0 };
    struct config *config;

    write_bytes(text, strlen(text));
    config = config_load(path, &e);
    cr_assert_not_null(config, "%s\n%s", e.text, text);
    return config;
}

/* The sentence behind the folder, "c.yaml:1:1: ...". */
static const char *refusal(const char *bytes, size_t n)
{
    static struct err e;
    struct config *config;

    memset(&e, 0, sizeof e);
    write_bytes(bytes, n);
    config = config_load(path, &e);
    cr_assert_null(config, "accepted: %.*s", n < 80 ? (int)n : 80, bytes);
    cr_assert_eq(strncmp(e.text, path, strlen(path)), 0, "%s", e.text);
    return e.text + strlen(folder.path) + 1;
}

static char *yaml_of(const struct config *config)
{
    struct buf b = buf_over(memory, sizeof memory);
    char *text;

    config_add_yaml(&b, config);
    cr_assert_not(b.full);
    text = str_dup(buf_str(&b));
    cr_assert_not_null(text);
    return text;
}

/* Writes the config, loads that, writes it again: the same. */
static void expect_reloads(struct config *config)
{
    char *first = yaml_of(config), *second;
    struct config *again = load(first);

    second = yaml_of(again);
    cr_expect_str_eq(first, second);
    cr_expect_null(config_needs_restart(config, again), "%s", config_needs_restart(config, again));
    free(first);
    free(second);
    config_free(again);
}

Test(config, defaults_are_as_promised)
{
    struct config *c = config_defaults(NULL);

    cr_assert_not_null(c);
    cr_assert_eq(c->listen_count, 2);
    cr_expect_str_eq(c->listen[0].address, "0.0.0.0:8080");
    cr_expect_str_eq(c->listen[1].address, "[::]:8080");
    cr_expect_not(c->listen[0].proxy_protocol);
    cr_expect_str_eq(c->admin, "127.0.0.1:8081");
    cr_expect_str_eq(c->store.data, "./data");
    cr_expect_str_eq(c->keys, "./data/keys");
    cr_expect_geq(c->workers, 1);
    cr_expect_eq(c->store.durability, DURABILITY_PROCESS);
    cr_expect_eq(c->store.roll_interval_ms, 600000);
    cr_expect_eq(c->store.roll_size_bytes, 256ull << 20);
    cr_expect_eq(c->proxies.trusted_count, 0);
    cr_expect_eq(c->proxies.client_address, CLIENT_ADDRESS_PEER);
    cr_expect_eq(c->privacy.ip, IP_FULL);
    cr_expect_eq(c->privacy.gpc, GPC_SHARE);
    cr_expect_eq(c->sites_count, 0);
    cr_expect_str_eq(c->cookies.id_name, "crumb_id");
    cr_expect_str_eq(c->cookies.optout_name, "crumb_optout");
    cr_expect_not(c->cookies.partitioned);
    cr_expect_eq(c->limits.header_bytes, 16384);
    cr_expect_eq(c->limits.headers, 100);
    cr_expect_eq(c->limits.body_bytes, 65536);
    cr_expect_str_eq(c->paths.pixel, "/b.gif");
    cr_expect_str_eq(c->paths.optout, "/optout");
    cr_expect_str_eq(c->paths.optin, "/optin");
    cr_expect_str_eq(c->geo.folder, "/var/lib/GeoIP");
    expect_reloads(c);
    config_free(c);
    config_free(NULL);
}

Test(config, files_that_hold_nothing_give_the_defaults)
{
    static const char *const texts[] = { "",         "\n", "# a comment\n", "---\n",
                                         "--- {}\n", "{}", "\xEF\xBB\xBF",  "limits:\n",
                                         "sites:\n", "~" };
    struct config *defaults = config_defaults(NULL);
    char *want = yaml_of(defaults);

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config *c = load(texts[i]);
        char *got = yaml_of(c);

        cr_expect_str_eq(got, want, "row %zu", i);
        free(got);
        config_free(c);
    }
    free(want);
    config_free(defaults);
}

Test(config, every_option_is_read)
{
    struct config *c = load("listen:\n"
                            "  - address: 127.0.0.1:0\n"
                            "  - { address: \"[::1]:0\", proxy_protocol: true }\n"
                            "admin: \"[::1]:9\"\n"
                            "data: /srv/crumb\n"
                            "workers: 3\n"
                            "durability: power\n"
                            "roll_interval: 90s\n"
                            "roll_size: 1MiB\n"
                            "geo:\n"
                            "  databases: [ b.mmdb, a.mmdb ]\n"
                            "trusted_proxies: [ 10.0.0.0/8, \"::1\" ]\n"
                            "ip: masked\n"
                            "gpc: optout\n"
                            "sites:\n"
                            "  - name: shop\n"
                            "    origins:\n"
                            "      - HTTPS://Shop.Example:443\n"
                            "      - http://[2001:DB8::1]:8080\n"
                            "    cookie_domain: .Shop.Example\n"
                            "    optout_cookies:\n"
                            "      - name: cmp\n"
                            "      - { name: c2, pattern: \"*no*\" }\n"
                            "  - name: blog\n"
                            "cookies: { id_name: i, optout_name: o, partitioned: true }\n"
                            "limits:\n"
                            "  header_size: 8KiB\n"
                            "  headers: 50\n"
                            "  body_size: 1KiB\n"
                            "  header_timeout: 500ms\n"
                            "  body_rate: 10B\n"
                            "  idle_timeout: 5s\n"
                            "  connections: 100\n"
                            "paths: { pixel: /p/x.gif, optout: /no, optin: /yes }\n");

    cr_assert_eq(c->listen_count, 2);
    cr_expect_str_eq(c->listen[1].address, "[::1]:0");
    cr_expect(c->listen[1].proxy_protocol);
    cr_expect_str_eq(c->admin, "[::1]:9");
    cr_expect_str_eq(c->keys, "/srv/crumb/keys");
    cr_expect_eq(c->workers, 3);
    cr_expect_eq(c->store.durability, DURABILITY_POWER);
    cr_expect_eq(c->store.roll_interval_ms, 90000);
    cr_expect_eq(c->store.roll_size_bytes, 1 << 20);
    cr_assert_eq(c->geo.databases_count, 2);
    cr_expect_str_eq(c->geo.databases[0], "b.mmdb");
    cr_expect_not(c->geo.databases_found);
    cr_assert_eq(c->proxies.trusted_count, 2);
    cr_expect_eq(c->proxies.trusted[0].prefix_bits, 8);
    cr_expect_eq(c->proxies.trusted[1].prefix_bits, 128);
    cr_expect_eq(c->proxies.client_address, CLIENT_ADDRESS_X_FORWARDED_FOR);
    cr_expect_eq(c->privacy.ip, IP_MASKED);
    cr_expect_eq(c->privacy.gpc, GPC_OPTOUT);
    cr_assert_eq(c->sites_count, 2);
    cr_assert_eq(c->sites[0].origins_count, 2);
    cr_expect_str_eq(c->sites[0].origins[0], "https://shop.example");
    cr_expect_str_eq(c->sites[0].origins[1], "http://[2001:db8::1]:8080");
    cr_expect_str_eq(c->sites[0].cookie_domain, "shop.example");
    cr_assert_eq(c->sites[0].optout_cookies_count, 2);
    cr_expect_str_eq(c->sites[0].optout_cookies[0].pattern, "*");
    cr_expect_str_eq(c->sites[0].optout_cookies[1].pattern, "*no*");
    cr_expect_null(c->sites[1].cookie_domain);
    cr_expect_eq(config_site(c, STR("blog")), &c->sites[1]);
    cr_expect_null(config_site(c, STR("blo")));
    cr_expect_null(config_site(c, STR_ABSENT));
    cr_expect_str_eq(c->cookies.id_name, "i");
    cr_expect(c->cookies.partitioned);
    cr_expect_eq(c->limits.header_timeout_ms, 500);
    cr_expect_eq(c->limits.body_rate_bytes, 10);
    cr_expect_eq(c->limits.connections, 100);
    cr_expect_str_eq(c->paths.pixel, "/p/x.gif");
    expect_reloads(c);
    config_free(c);
}

Test(config, client_address_that_is_said_is_kept)
{
    static const struct {
        const char *text;
        enum config_client_address want;
    } rows[] = {
        { "trusted_proxies: [ 10.0.0.0/8 ]", CLIENT_ADDRESS_X_FORWARDED_FOR },
        { "trusted_proxies: []", CLIENT_ADDRESS_PEER },
        { "trusted_proxies: [ 10.0.0.0/8 ]\nclient_address: peer", CLIENT_ADDRESS_PEER },
        { "trusted_proxies: [ 10.0.0.0/8 ]\nclient_address: forwarded", CLIENT_ADDRESS_FORWARDED },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *c = load(rows[i].text);

        cr_expect_eq(c->proxies.client_address, rows[i].want, "%s", rows[i].text);
        expect_reloads(c);
        config_free(c);
    }
}

Test(config, databases_that_nobody_named_are_found_in_order)
{
    static const char *const files[] = {
        "zz.mmdb",  "GeoLite2-ASN.mmdb", "GeoLite2-Country.mmdb", "dbip-city-lite.mmdb",
        "city.txt", ".city.mmdb"
    };
    static const char *const want[] = { "dbip-city-lite.mmdb", "GeoLite2-Country.mmdb",
                                        "GeoLite2-ASN.mmdb", "zz.mmdb" };
    char text[TMP_PATH_BYTES + 64];
    struct config *c;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        tmp_dir_write(&folder, files[i], "x");
    snprintf(text, sizeof text, "geo:\n  folder: %s\n", folder.path);
    c = load(text);
    cr_expect(c->geo.databases_found);
    cr_assert_eq(c->geo.databases_count, 4);
    for (size_t i = 0; i < 4; i++) {
        char file[TMP_PATH_BYTES];

        tmp_dir_path(&folder, file, want[i]);
        cr_expect_str_eq(c->geo.databases[i], file);
    }
    expect_reloads(c);
    config_free(c);

    snprintf(text, sizeof text, "geo:\n  folder: %s\n  databases: []\n", folder.path);
    c = load(text);
    cr_expect_eq(c->geo.databases_count, 0);
    cr_expect_not(c->geo.databases_found);
    expect_reloads(c);
    config_free(c);

    c = load("geo: { folder: /nonexistent/folder }");
    cr_expect_eq(c->geo.databases_count, 0);
    config_free(c);
}

Test(config, what_is_wrong_is_said_with_its_place)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        /* keys */
        { "data: x\n\nroll_intervall: 1m\n",
          "c.yaml:3:1: unknown key \"roll_intervall\"; did you mean \"roll_interval\"?" },
        { "limits:\n  header: 1KiB\n",
          "c.yaml:2:3: unknown key \"header\"; did you mean \"headers\"?" },
        { "databases: []",
          "c.yaml:1:1: unknown key \"databases\"; did you mean \"geo.databases\"?" },
        { "sites:\n  - name: x\n    orgins: []\n",
          "c.yaml:3:5: unknown key \"orgins\"; did you mean \"origins\"?" },
        { "gcp: share", "c.yaml:1:1: unknown key \"gcp\"; did you mean \"gpc\"?" },
        { "WORKERS: 1", "c.yaml:1:1: unknown key \"WORKERS\"; did you mean \"workers\"?" },
        { "Roll-Size: 1", "c.yaml:1:1: unknown key \"Roll-Size\"; did you mean \"roll_size\"?" },
        { "banana: 1", "c.yaml:1:1: unknown key \"banana\"" },
        { "geo.folder: x", "c.yaml:1:1: unknown key \"geo.folder\"" },
        { "\"sites[].name\": x", "c.yaml:1:1: unknown key \"sites[].name\"" },
        { "\"\": x", "c.yaml:1:1: unknown key \"\"" },
        { "\"a\\x1b[31m\": x", "c.yaml:1:1: unknown key \"a\\x1b[31m\"" },
        { "ip: full\ngpc: share\nip: full\n", "c.yaml:3:1: ip is there twice; first on line 1" },
        { "paths: {pixel: /a, pixel: /b}", "c.yaml:1:20: pixel is there twice; first on line 1" },
        { "geo: {}\ngeo: {}", "c.yaml:2:1: geo is there twice; first on line 1" },
        { "[a]: b", "c.yaml:1:1: a key has to be one word" },
        { "? {a: b}\n: c", "c.yaml:1:3: a key has to be one word" },
        /* values */
        { "ip: fully", "c.yaml:1:5: ip: \"fully\" is not one of full, masked, none" },
        { "ip: Full", "c.yaml:1:5: ip: \"Full\" is not one of full, masked, none" },
        { "ip:\n", "c.yaml:1:4: ip has no value" },
        { "ip: [ full ]", "c.yaml:1:5: ip takes one value, not a list" },
        { "ip: { a: b }", "c.yaml:1:5: ip takes one value, not a map" },
        { "roll_interval: 10 minutes",
          "c.yaml:1:16: roll_interval: \"10 minutes\" is not a duration: "
          "a whole number and ms, s, m, h or d, like 10m" },
        { "roll_interval: 99ms", "c.yaml:1:16: roll_interval: \"99ms\" is less than 100ms" },
        { "roll_interval: 2h", "c.yaml:1:16: roll_interval: \"2h\" is more than 1h" },
        { "roll_interval: -1m", "c.yaml:1:16: roll_interval: \"-1m\" is not a duration: a whole "
                                "number and ms, s, m, h or d, like 10m" },
        { "roll_size: 256MB",
          "c.yaml:1:12: roll_size: \"256MB\" is not a size: a whole number and B, "
          "KiB, MiB, GiB or TiB, like 256MiB" },
        { "roll_size: 1B", "c.yaml:1:12: roll_size: \"1B\" is less than 64KiB" },
        { "workers: 0", "c.yaml:1:10: workers: \"0\" is less than 1" },
        { "workers: 257", "c.yaml:1:10: workers: \"257\" is more than 256" },
        { "workers: 18446744073709551617",
          "c.yaml:1:10: workers: \"18446744073709551617\" is not a whole number" },
        { "workers: 2.5", "c.yaml:1:10: workers: \"2.5\" is not a whole number" },
        { "cookies: { partitioned: yes }",
          "c.yaml:1:25: cookies.partitioned: \"yes\" is not true or false" },
        { "admin: localhost:8081", "c.yaml:1:8: admin: \"localhost:8081\" is not an IP address and "
                                   "port, like 0.0.0.0:8080 or [::]:8080" },
        { "data: \"\"", "c.yaml:1:7: data: \"\" is not a path" },
        { "data: \"a\\nb\"", "c.yaml:1:7: data: \"a\\x0ab\" is not a path" },
        { "keys: \"a\\0b\"", "c.yaml:1:7: keys: \"a\\x00b\" is not a path" },
        { "limits: 7", "c.yaml:1:9: limits takes a map of options" },
        { "geo: [ a ]", "c.yaml:1:6: geo takes a map of options" },
        { "sites: shop", "c.yaml:1:8: sites takes a list" },
        { "sites: [ shop ]", "c.yaml:1:10: sites: each member is a map of options" },
        { "trusted_proxies: [ 10.1.2.3/8 ]",
          "c.yaml:1:20: trusted_proxies: \"10.1.2.3/8\" has bits "
          "set behind its prefix; did you mean 10.0.0.0/8?" },
        { "trusted_proxies: [ \"2001:db8::1/32\" ]",
          "c.yaml:1:20: trusted_proxies: \"2001:db8::1/32\" has bits set behind its prefix; did "
          "you "
          "mean 2001:db8::/32?" },
        { "trusted_proxies: [ 10.0.0.0/33 ]",
          "c.yaml:1:20: trusted_proxies: \"10.0.0.0/33\" is not a "
          "network, like 10.0.0.0/8 or 2001:db8::/32" },
        { "trusted_proxies: [ all ]",
          "c.yaml:1:20: trusted_proxies: \"all\" is not a network, like "
          "10.0.0.0/8 or 2001:db8::/32" },
        /* lists */
        { "listen: []", "c.yaml:1:9: listen is empty; it needs at least one" },
        { "listen:\n", "c.yaml:1:8: listen is empty; it needs at least one" },
        { "listen:\n  - proxy_protocol: true\n", "c.yaml:2:5: listen[].address is missing" },
        { "listen:\n  - address: 1.2.3.4:5\n  - address: 1.2.3.4:5\n",
          "c.yaml:3:5: listen: \"1.2.3.4:5\" is there twice" },
        { "sites:\n  - name: a\n  - name: b\n  - name: a\n",
          "c.yaml:4:5: sites: \"a\" is there twice" },
        { "sites:\n  - origins: []\n", "c.yaml:2:5: sites[].name is missing" },
        { "sites: [ { name: a, origins: [ \"http://b\", \"HTTP://B:80\" ] } ]",
          "c.yaml:1:44: sites[].origins: \"http://b\" is there twice" },
        { "sites: [ { name: a, optout_cookies: [ { pattern: x } ] } ]",
          "c.yaml:1:39: sites[].optout_cookies[].name is missing" },
        { "geo: { databases: [ a, b, a ] }", "c.yaml:1:27: geo.databases: \"a\" is there twice" },
        { "geo: { databases: [ 1, 2, 3, 4, 5, 6, 7, 8, 9 ] }",
          "c.yaml:1:19: geo.databases: 9 are more than 8" },
        { "reports: { sections: [ { name: a } ] }",
          "c.yaml:1:24: reports.sections[].paths is missing" },
        { "reports: { sections: [ { paths: [ /a ] } ] }",
          "c.yaml:1:24: reports.sections[].name is missing" },
        { "reports: { sections: [ { name: a, paths: [ /a, /b, /a/ ] } ] }",
          "c.yaml:1:52: reports.sections[].paths: \"/a\" is there twice" },
        { "reports: { sections: [ { name: a, paths: [ shop ] } ] }",
          "c.yaml:1:44: reports.sections[].paths: \"shop\" is not the beginning of a URL's path, "
          "like /help or /" },
        { "reports: { sections: [ { name: a, paths: [] } ] }",
          "c.yaml:1:42: reports.sections[].paths is empty; it needs at least one" },
        { "reports: { sections: [ { name: \"a\\tb\", paths: [ /a ] } ] }",
          "c.yaml:1:32: reports.sections[].name: \"a\\x09b\" is not a name: at most 64 printable "
          "bytes without spaces at its ends" },
        { "reports: { session_idle: 500ms }",
          "c.yaml:1:26: reports.session_idle: \"500ms\" is less than 1s" },
        /* together */
        { "paths: { pixel: /optout }",
          "c.yaml:1:17: paths.pixel and paths.optout are the same: \"/optout\"" },
        { "cookies: { id_name: a, optout_name: a }",
          "c.yaml:1:37: cookies.id_name and cookies.optout_name are the same: \"a\"" },
        /* the text itself */
        { "hello", "c.yaml:1:1: the file has to be a map: lines like \"key: value\"" },
        { "- a\n- b\n", "c.yaml:1:1: the file has to be a map: lines like \"key: value\"" },
        { "limits:\n\theaders: 9\n", "c.yaml:2:1: a tab cannot indent; use spaces" },
        { "ip: full\n\xC3\x28: 1", "c.yaml:2:1: this byte (0xC3) is not UTF-8" },
        { "# \xC3\xBC\xC3\xBC\nip: \xC3\xBC\xFF", "c.yaml:2:6: this byte (0xFF) is not UTF-8" },
        { "\xFF\xFEi\x01", "c.yaml:1:1: this byte (0xFF) is not UTF-8" },
        { "ip: full\n# \x01\n", "c.yaml:2:3: control characters are not allowed" },
        { "ip: full\n  gpc: share\n",
          "c.yaml:2:6: mapping values are not allowed in this context" },
        { "ip: \"full\n",
          "c.yaml:2:1: while scanning a quoted scalar: found unexpected end of stream" },
        { "sites: [ a",
          "c.yaml:2:1: while parsing a flow sequence: did not find expected ',' or ']'" },
        { "ip: full\n---\nip: full\n",
          "c.yaml:2:1: a second document begins; the file has to be one" },
        { "a: &x [ 1 ]",
          "c.yaml:1:4: anchors, aliases and tags (&, *, !) are not used here; quote the "
          "value if it starts with one of these" },
        { "data: *x",
          "c.yaml:1:7: anchors, aliases and tags (&, *, !) are not used here; quote the "
          "value if it starts with one of these" },
        { "data: !!str x",
          "c.yaml:1:7: anchors, aliases and tags (&, *, !) are not used here; quote "
          "the value if it starts with one of these" },
        { "<<: { ip: full }", "c.yaml:1:1: unknown key \"<<\"" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *got = refusal(rows[i].text, strlen(rows[i].text));

        cr_expect_str_eq(got, rows[i].want, "row %zu: %s\ninstead of\n%s", i, got, rows[i].want);
    }
}

Test(config, forms_of_texts)
{
    static const struct {
        const char *format; /* with a %s for the value */
        const char *value;
        bool good;
    } rows[] = {
        { "admin: \"%s\"", "1.2.3.4:0", true },
        { "admin: \"%s\"", "[2001:db8::1]:65535", true },
        { "admin: \"%s\"", "1.2.3.4:65536", false },
        { "admin: \"%s\"", "1.2.3.4", false },
        { "admin: \"%s\"", "1.2.3.4:", false },
        { "admin: \"%s\"", ":80", false },
        { "admin: \"%s\"", "80", false },
        { "admin: \"%s\"", "::1:80", false },
        { "admin: \"%s\"", "[::1]", false },
        { "admin: \"%s\"", "[::1%eth0]:80", false },
        { "admin: \"%s\"", "[1.2.3.4]:80", false },
        { "admin: \"%s\"", "*:80", false },
        { "sites: [ { name: \"%s\" } ]", "a-b_c.D9", true },
        { "sites: [ { name: \"%s\" } ]", "", false },
        { "sites: [ { name: \"%s\" } ]", "a b", false },
        { "sites: [ { name: \"%s\" } ]", "\xC3\xBC", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://a", true },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "http://127.0.0.1:8080", true },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "http://[::1]", true },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://a/", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://a/b", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://u@a", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://a:", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://a:99999", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "https://*.a", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "ftp://a", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "a.example", false },
        { "sites: [ { name: a, origins: [ \"%s\" ] } ]", "null", false },
        { "sites: [ { name: a, cookie_domain: \"%s\" } ]", "a.example", true },
        { "sites: [ { name: a, cookie_domain: \"%s\" } ]", "a..example", false },
        { "sites: [ { name: a, cookie_domain: \"%s\" } ]", "-a.example", false },
        { "sites: [ { name: a, cookie_domain: \"%s\" } ]", "a.example; Secure", false },
        { "sites: [ { name: a, cookie_domain: \"%s\" } ]", "a.example:80", false },
        { "cookies: { id_name: \"%s\" }", "__Host-id", true },
        { "cookies: { id_name: \"%s\" }", "a=b", false },
        { "cookies: { id_name: \"%s\" }", "a b", false },
        { "cookies: { id_name: \"%s\" }", "a;b", false },
        { "cookies: { id_name: \"%s\" }", "\xC3\xBC", false },
        { "paths: { pixel: \"%s\" }", "/a/b-c_d.~e", true },
        { "paths: { pixel: \"%s\" }", "b.gif", false },
        { "paths: { pixel: \"%s\" }", "/", false },
        { "paths: { pixel: \"%s\" }", "/a/", false },
        { "paths: { pixel: \"%s\" }", "/a//b", false },
        { "paths: { pixel: \"%s\" }", "/a/../b", false },
        { "paths: { pixel: \"%s\" }", "/a?b", false },
        { "paths: { pixel: \"%s\" }", "/a%20b", false },
        { "sites: [ { name: a, optout_cookies: [ { name: c, pattern: \"%s\" } ] } ]", "a:*=?",
          true },
        { "sites: [ { name: a, optout_cookies: [ { name: c, pattern: \"%s\" } ] } ]", "a;b",
          false },
        { "sites: [ { name: a, optout_cookies: [ { name: c, pattern: \"%s\" } ] } ]", "", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *mark = strstr(rows[i].format, "%s");
        struct config *c;
        char text[512];

        snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - rows[i].format), rows[i].format,
                 rows[i].value, mark + 2);
        write_bytes(text, strlen(text));
        c = config_load(path, NULL);
        cr_expect_eq(c != NULL, rows[i].good, "%s", text);
        if (c != NULL)
            expect_reloads(c);
        config_free(c);
    }
}

Test(config, names_that_yaml_could_mistake_come_back_as_they_were)
{
    static const char *const values[] = {
        "true", "no",  "null",     "~",   "0x1f", "1e3",  "a: b",
        "a #b", "- a", "[a]",      "'a'", "\\\"", "1:30", " a ",
        ".inf", "-",   "\xC3\xBC", "#",   "%a",   "@a",   "a\xF0\x9F\x98\x80"
    };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[64];
        struct config *c;

        snprintf(text, sizeof text, "data: \"%s\"\n", values[i]);
        c = load(text);
        expect_reloads(c);
        config_free(c);
    }
}

/* Each of these has been somebody's way to make a YAML reader take minutes or gigabytes. */
Test(config, hostile_files_cost_nothing, .timeout = 20)
{
    static const struct {
        const char *start, *unit;
    } rows[] = {
        { "", "[" },
        { "", "{" },
        { "", "- " },
        { "", "? " },
        { "", "a: " },
        { "sites: ", "[" },
        { "sites:\n", " - a\n" },
        { "data: |\n", " a\n" },
        { "", "\"a\": {" },
        { "", "{\"\":" },
        { "data: \"", "\\u0041" },
        { "", "# x\n" },
        { "", "\n" },
        { "", "!" },
        { "", "&a " },
        { "", "a: &a [*a]\n" },
        { "", "%YAML 1.1\n" },
        { "", "--- \n" },
        { "x: ", "'" },
        { "sites: [", "{}," },
        { "trusted_proxies: [", "1.2.3.4," },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b = buf_over(memory, CONFIG_FILE_BYTES_MAX - 1);
        struct err e = { 0 };
        struct config *c;

        buf_add_str(&b, str_of(rows[i].start));
        while (!b.full)
            buf_add_str(&b, str_of(rows[i].unit));
        write_bytes(memory, b.n);
        c = config_load(path, &e);
        cr_expect(c != NULL || strlen(e.text) > 10, "row %zu", i);
        config_free(c);
    }
}

Test(config, alias_bomb_is_refused)
{
    static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
                               "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";
    const char *got = refusal(bomb, sizeof bomb - 1);

    cr_expect_eq(strncmp(got, "c.yaml:1:4: anchors", 19), 0, "%s", got);
}

Test(config, file_that_is_none)
{
    struct err e = { 0 };

    cr_expect_null(config_load(folder.path, &e));
    cr_expect_not_null(strstr(e.text, "is not a regular file"), "%s", e.text);
    cr_expect_null(config_load("/nonexistent/c.yaml", &e));
    cr_expect_str_eq(e.text, "cannot open /nonexistent/c.yaml: No such file or directory");
    memset(memory, ' ', CONFIG_FILE_BYTES_MAX);
    write_bytes(memory, CONFIG_FILE_BYTES_MAX);
    struct config *c = config_load(path, &e);
    cr_expect_not_null(c);
    config_free(c);
    write_bytes(memory, CONFIG_FILE_BYTES_MAX);
    FILE *f = fopen(path, "ab");
    fputc('\n', f);
    fclose(f);
    cr_expect_null(config_load(path, &e));
    cr_expect_not_null(strstr(e.text, "is larger than 1048576 bytes"), "%s", e.text);
}

Test(config, random_damage_is_survived)
{
    unsigned seed = 6;
    struct buf sample = buf_over(memory, sizeof memory);
    static char damaged[32768];

    config_add_sample(&sample);
    cr_assert_lt(sample.n, sizeof damaged);
    for (int round = 0; round < 3000; round++) {
        struct err e = { 0 };
        struct config *c;

        memcpy(damaged, sample.p, sample.n);
        for (int i = round % 5; i >= 0; i--) {
            size_t at = (size_t)rand_r(&seed) % sample.n;

            if (damaged[at] == '#' && rand_r(&seed) % 2 == 0)
                damaged[at] = ' ';
            else
                damaged[at] = "\n\t {}[]&*!|>'\"%@`,:#-?\xFFx"[rand_r(&seed) % 25];
        }
        write_bytes(damaged, sample.n);
        c = config_load(path, &e);
        cr_assert(c != NULL || strlen(e.text) > 10);
        cr_assert_null(strchr(e.text, '\n'), "%s", e.text);
        config_free(c);
    }
}

/* ---- the files that follow from the table ---------------------------------------------------- */

static char *read_text(const char *name)
{
    char *text;
    size_t n;

    cr_assert_eq(fs_read_all(name, 1 << 20, &text, &n, NULL), 0, "%s", name);
    return text;
}

Test(config, conf_crumb_yaml_is_the_sample)
{
    struct buf sample = buf_over(memory, sizeof memory - 1);
    char *file = read_text("conf/crumb.yaml");

    config_add_sample(&sample);
    memory[sample.n] = '\0';
    cr_expect_str_eq(file, memory, "conf/crumb.yaml differs from config_add_sample()");
    free(file);
}

Test(config, sample_loads_as_the_defaults)
{
    struct config *defaults = config_defaults(NULL), *sample;
    char *want = yaml_of(defaults), *got;
    struct err e = { 0 };

    sample = config_load("conf/crumb.yaml", &e);
    cr_assert_not_null(sample, "%s", e.text);
    got = yaml_of(sample);
    cr_expect_str_eq(got, want);
    free(want);
    free(got);
    config_free(defaults);
    config_free(sample);
}

/* "# Words" is a comment; "#key: value" and what is indented under it is an example. */
Test(config, examples_in_the_sample_load_too)
{
    char *file = read_text("conf/crumb.yaml");
    char *text = malloc(strlen(file) + 1);
    struct buf b = buf_over(text, strlen(file) + 1);
    struct str rest = str_of(file), line;
    struct config *c;

    while ((line = str_cut(&rest, '\n')).p != NULL && rest.p != NULL) {
        size_t hash = 0;

        while (hash < line.n && line.p[hash] == ' ')
            hash++;
        if (hash < line.n && line.p[hash] == '#') {
            if (line.n == hash + 1 || (line.p[hash + 1] == ' ' && line.p[hash + 2] != ' '))
                continue;
            buf_add(&b, line.p, hash);
            line = str_from(line.p + hash + 1, line.n - hash - 1);
        }
        buf_add_str(&b, line);
        buf_add_char(&b, '\n');
    }
    text[b.n] = '\0';
    c = load(text);
    cr_expect_eq(c->workers, 2);
    cr_expect_eq(c->geo.databases_count, 1);
    cr_expect_eq(c->proxies.trusted_count, 2);
    cr_assert_eq(c->sites_count, 1);
    cr_expect_eq(c->sites[0].optout_cookies_count, 1);
    config_free(c);
    free(text);
    free(file);
}

/* The page's words as one line: line breaks are how it looks, not what it says. */
static char *words_of(const char *text)
{
    char *out = malloc(strlen(text) + 2);
    size_t n = 0;

    for (const char *p = text; *p != '\0'; p++) {
        bool space = *p == '\n' || *p == ' ';

        if (*p == '\\' && p[1] == '&')
            p++;
        else if (!space || n == 0 || out[n - 1] != ' ')
            out[n++] = space ? ' ' : *p;
    }
    out[n] = '\0';
    return out;
}

/* What the page says about one option: from its head to the next. */
static char *entry_of(const char *words, const char *key)
{
    char head[128];
    const char *start, *end;

    snprintf(head, sizeof head, ".It Cm %s ", key);
    start = strstr(words, head);
    if (start == NULL)
        return NULL;
    start += strlen(head);
    end = strstr(start, " .It ");
    if (end == NULL)
        end = strstr(start, " .El ");
    return str_dup(str_from(start, (size_t)(end - start)));
}

Test(config, manual_has_every_option_with_its_sentence_and_default)
{
    char *page = read_text("man/crumb.yaml.5");
    char *words = words_of(page);

    for (size_t i = 0; i < config_options_count(); i++) {
        struct config_option option = config_option(i);
        char *entry, text[512], values[256];
        struct buf b = buf_over(values, sizeof values - 1);

        if (option.key[strlen(option.key) - 1] == ']')
            continue; /* plain members are told with their list */
        entry = entry_of(words, option.key);
        cr_assert_not_null(entry, "%s is not in man/crumb.yaml.5", option.key);
        config_add_values(&b, i);
        values[b.n] = '\0';
        cr_expect_eq(strncmp(entry, option.sentence, strlen(option.sentence)), 0,
                     "%s: \"%s\"\ninstead of \"%s\"", option.key, entry, option.sentence);
        cr_expect_not_null(strstr(entry, values), "%s: \"%s\" without \"%s\"", option.key, entry,
                           values);
        if (option.fallback != NULL) {
            snprintf(text, sizeof text, "Default: %s.", option.fallback);
            cr_expect_not_null(strstr(entry, text), "%s: \"%s\" without \"%s\"", option.key, entry,
                               text);
        }
        free(entry);
    }
    free(words);
    free(page);
}

Test(config, needs_restart_names_the_option)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", NULL },
        { "ip: none\ngpc: optout\nkeys: k\nsites: [ { name: a } ]\ntrusted_proxies: [ 10.0.0.0/8 "
          "]\n"
          "geo: { databases: [ a ] }\nlimits: { idle_timeout: 9s }\npaths: { pixel: /x }\ncookies: "
          "{ "
          "id_name: x }\n",
          NULL },
        { "listen: [ { address: 0.0.0.0:8080 } ]", "listen" },
        { "listen: [ { address: 0.0.0.0:8080, proxy_protocol: true }, { address: \"[::]:8080\" } ]",
          "listen" },
        { "admin: 127.0.0.1:9", "admin" },
        { "data: x", "data" },
        { "workers: 200", "workers" },
        { "durability: power", "durability" },
        { "roll_interval: 5m", "roll_interval" },
        { "roll_size: 1MiB", "roll_size" },
        { "limits: { header_size: 8KiB }", "limits.header_size" },
        { "limits: { connections: 99 }", "limits.connections" },
    };
    struct config *running = config_defaults(NULL);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *c = load(rows[i].text);
        const char *got = config_needs_restart(running, c);

        if (rows[i].want == NULL)
            cr_expect_null(got, "%s: %s", rows[i].text, got);
        else
            cr_expect(got != NULL && strcmp(got, rows[i].want) == 0, "%s: %s", rows[i].text, got);
        config_free(c);
    }
    config_free(running);
}
