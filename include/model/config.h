/*
 * config.h - what the operator decided, checked and ready to use.
 *
 * One immutable tree, made by config_load and freed by config_free. It is split into parts by the
 * module that uses them; a module takes its part, never the whole. Strings are terminated and owned
 * by the tree, never NULL unless the comment says so. Thread: loading from one; reading from any,
 * as nothing changes after it.
 */
#ifndef CRUMB_MODEL_CONFIG_H
#define CRUMB_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"

enum config_durability { DURABILITY_PROCESS, DURABILITY_POWER };
enum config_ip { IP_FULL, IP_MASKED, IP_NONE };
enum config_gpc { GPC_SHARE, GPC_OPTOUT };
enum config_referrer { REFERRER_FULL, REFERRER_ORIGIN, REFERRER_NONE };
enum config_client_address {
    CLIENT_ADDRESS_PEER,
    CLIENT_ADDRESS_X_FORWARDED_FOR,
    CLIENT_ADDRESS_FORWARDED
};

struct config_listen {
    char *address; /* "0.0.0.0:8080", "[::]:8080"; port 0 takes any free one */
    bool proxy_protocol;
};

struct config_store {
    char *data; /* folder */
    enum config_durability durability;
    int64_t roll_interval_ms;
    uint64_t roll_size_bytes;
};

struct config_geo {
    char **databases; /* in search order: the first that knows a field wins */
    unsigned databases_count;
    bool databases_found; /* nobody named them: they are what was in `folder` */
    char *folder;
};

struct config_proxies {
    struct ip_net *trusted;
    unsigned trusted_count;
    enum config_client_address client_address;
};

/*
 * A cookie by which a site's own consent tool says "no": its name, and a pattern for its value as
 * sent, in which * stands for any text and ? for any one byte.
 */
struct config_optout_cookie {
    char *name;
    char *pattern;
};

struct config_site {
    char *name;
    char **origins; /* "https://shop.example": scheme, host, port if not the default; lower case */
    unsigned origins_count;
    char *cookie_domain; /* NULL: host-only cookies */
    struct config_optout_cookie *optout_cookies;
    unsigned optout_cookies_count;
    char **query_keep; /* keys of a URL's query that stay whatever else says they go */
    unsigned query_keep_count;
    char **query_drop; /* keys that go beside the built-in ones; "*" is all of them */
    unsigned query_drop_count;
    enum config_referrer referrer; /* what is kept of a referrer of another site */
    bool debug;                    /* answers say in X-Crumb what became of a hit */
    bool snowplow;                 /* takes Snowplow's protocol; app_id is the name */
    uint64_t matomo_id;            /* idsite of Matomo's protocol; 0: not taken */
};

struct config_cookies {
    char *id_name;     /* crumb_id */
    char *optout_name; /* crumb_optout */
    bool partitioned;
};

struct config_privacy {
    enum config_ip ip;
    enum config_gpc gpc;
};

struct config_limits {
    uint64_t header_bytes; /* 16 KiB */
    uint64_t headers;      /* 100 */
    uint64_t body_bytes;   /* 64 KiB */
    int64_t
        header_timeout_ms;    /* total, from the first byte of a request to the end of its header */
    uint64_t body_rate_bytes; /* a second, measured over the whole body after a grace of
                                 header_timeout */
    int64_t idle_timeout_ms;  /* keep-alive without a request */
    uint64_t connections;     /* held at once, all workers together */
};

/* Each starts with '/' and has no '/' at its end; no two are equal. */
struct config_paths {
    char *pixel;  /* /b.gif */
    char *events; /* /b */
    char *tag;    /* /t.js */
    char *optout; /* /optout; the status is below it */
    char *optin;  /* /optin */
};

/* A file that is served as it is, beside the endpoints. */
struct config_page {
    char *path; /* starts with '/' */
    char *file;
};

/* An area of a site, for reports: pages whose path begins with one of `paths`. */
struct config_section {
    char *name;
    char *site;   /* NULL: of every site */
    char **paths; /* whole segments without '/' at the end, or "/" */
    unsigned paths_count;
};

struct config_reports {
    int64_t session_idle_ms; /* after that time without a hit a session has ended */
    struct config_section *sections;
    unsigned sections_count;
};

struct config {
    struct config_listen *listen;
    unsigned listen_count; /* at least 1 */
    char *admin;           /* "127.0.0.1:8081" */
    bool live;             /* the live page is there */
    char *public_origin;   /* how browsers reach the server; NULL when nobody said */
    unsigned workers;      /* at least 1 */
    char *keys;            /* file */
    struct config_store store;
    struct config_geo geo;
    struct config_proxies proxies;
    struct config_site *sites; /* none: any site name is accepted */
    unsigned sites_count;
    bool open; /* sites that are not in the list, and any origin, are accepted too */
    struct config_cookies cookies;
    struct config_privacy privacy;
    struct config_limits limits;
    struct config_paths paths;
    struct config_page *pages;
    unsigned pages_count;
    struct config_reports reports;
};

#define CONFIG_FILE_BYTES_MAX (1u << 20)

/*
 * Reads and checks a file. The error is one sentence that starts with FILE:LINE:COLUMN and, for a
 * key that does not exist, names the nearest that does. Files that it names (keys, databases) are
 * not looked at.
 */
struct config *config_load(const char *path, struct err *e);

/* What applies without a file: every default. */
struct config *config_defaults(struct err *e);

void config_free(struct config *config);

/* The effective values as a config file that loads again (crumb config). */
void config_add_yaml(struct buf *b, const struct config *config);

/*
 * The sample file with every option, its default and its sentence (conf/crumb.yaml is this output).
 * What has no fixed default stands there as an example behind a '#' without a space.
 */
void config_add_sample(struct buf *b);

/* One option of the table, for manuals and tests. */
struct config_option {
    const char *key;      /* "limits.header_size", "sites[].name" */
    const char *fallback; /* the default as it would be written; NULL when there is none */
    const char *sentence;
};

/* Every option in the order of the sample. */
struct config_option config_option(size_t index);
size_t config_options_count(void);

/* Which values it takes: "1s to 1h", "full, masked, none"; nothing for a text. */
void config_add_values(struct buf *b, size_t index);

/*
 * The first difference that a running server cannot take over (listen, admin, workers, data,
 * durability ...), as the key's name; NULL when all can be. Used on SIGHUP to say what waits for a
 * restart.
 */
const char *config_needs_restart(const struct config *running, const struct config *loaded);

/* By name; NULL if there is none. With no sites configured every name is accepted but has no entry. */
const struct config_site *config_site(const struct config *config, struct str name);

#endif
