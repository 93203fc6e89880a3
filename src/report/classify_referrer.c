/*
 * classify_referrer.c - where a visitor came from: medium and source. See classify.h; the only user of
 * libpsl.
 *
 * Same registrable domain (public suffix list: shop.example.co.uk and example.co.uk are one) is
 * internal. Otherwise the list decides: by the whole host, by the registrable domain, or by its first
 * label under any suffix ("google.*"). Called for each hit that reports want this of, so answers for
 * pairs of hosts are kept in a small table.
 */
#include "classify.h"

#include <libpsl.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/ip.h"
#include "model/lines.h"

#define CACHE_ROWS     4096
#define HOST_BYTES_MAX 255

struct row {
    struct str medium, source, host;
    struct row *next;
};

#define TABLE_SLOTS 1024

struct referrers {
    struct lines file;
    struct row *table[TABLE_SLOTS]; /* by host */
    const psl_ctx_t *psl;
};

struct cached {
    uint64_t key; /* 0: free */
    struct str medium;
    struct str source; /* absent: the last source_n bytes of ref_host */
    size_t source_n;
};

struct referrers_cache {
    struct cached rows[CACHE_ROWS];
};

static int add_row(struct referrers *referrers, struct str line, struct err *e)
{
    enum { MEDIUM, SOURCE, HOST, COLUMNS };
    struct str columns[COLUMNS];
    struct row *row, **slot;

    if (lines_columns(&referrers->file, line, columns, COLUMNS, e) != 0)
        return -1;
    row = malloc(sizeof *row);
    if (row == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    slot = &referrers->table[hash64(columns[HOST], 0) % TABLE_SLOTS];
    *row = (struct row){ columns[MEDIUM], columns[SOURCE], columns[HOST], *slot };
    *slot = row;
    return 0;
}

const char *referrers_domains_version(void)
{
    const char *sum = psl_builtin_sha1sum();

    return sum == NULL ? psl_get_version() : sum;
}

struct referrers *referrers_load(const char *path, struct err *e)
{
    struct referrers *referrers = calloc(1, sizeof *referrers);
    struct str line;

    if (referrers == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    referrers->psl = psl_builtin();
    if (lines_open(&referrers->file, path, e) != 0) {
        referrers_free(referrers);
        return NULL;
    }
    while (lines_next(&referrers->file, &line)) {
        if (add_row(referrers, line, e) != 0) {
            referrers_free(referrers);
            return NULL;
        }
    }
    return referrers;
}

void referrers_free(struct referrers *referrers)
{
    if (referrers == NULL)
        return;
    for (size_t i = 0; i < TABLE_SLOTS; i++) {
        while (referrers->table[i] != NULL) {
            struct row *next = referrers->table[i]->next;

            free(referrers->table[i]);
            referrers->table[i] = next;
        }
    }
    lines_close(&referrers->file);
    free(referrers);
}

struct referrers_cache *referrers_cache_new(void)
{
    return calloc(1, sizeof(struct referrers_cache));
}

void referrers_cache_free(struct referrers_cache *cache)
{
    free(cache);
}

/* How many of the host's last bytes are its registrable domain; all of an address or a bare name. */
static size_t registrable_bytes(const struct referrers *referrers, struct str host)
{
    char text[HOST_BYTES_MAX + 1];
    const char *domain;
    struct ip ip;

    if (host.n > HOST_BYTES_MAX || host.n == 0 || host.p[0] == '[' || ip_parse(host, &ip) ||
        referrers->psl == NULL)
        return host.n;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    domain = psl_registrable_domain(referrers->psl, text);
    return domain == NULL ? host.n : strlen(domain);
}

static struct str last_bytes(struct str s, size_t n)
{
    return str_from(s.p + s.n - n, n);
}

static const struct row *find_host(const struct referrers *referrers, struct str host)
{
    const struct row *row = referrers->table[hash64(host, 0) % TABLE_SLOTS];

    while (row != NULL && !str_eq(row->host, host))
        row = row->next;
    return row;
}

/* "google.co.uk" is listed as "google.*". */
static const struct row *find_label(const struct referrers *referrers, struct str domain)
{
    char text[HOST_BYTES_MAX + 3];
    struct buf b = buf_over(text, sizeof text);

    buf_add_str(&b, str_from(domain.p, str_find(domain, '.', 0)));
    buf_add_lit(&b, ".*");
    return b.full ? NULL : find_host(referrers, buf_str(&b));
}

static struct cached judge(const struct referrers *referrers, struct str host, struct str ref_host)
{
    struct str domain = last_bytes(ref_host, registrable_bytes(referrers, ref_host));
    struct str own = last_bytes(host, host.n == 0 ? 0 : registrable_bytes(referrers, host));
    const struct row *row;

    if (str_eq(domain, own))
        return (struct cached){ .medium = STR("internal"), .source = STR("") };
    row = find_host(referrers, ref_host);
    if (row == NULL)
        row = find_host(referrers, domain);
    if (row == NULL)
        row = find_label(referrers, domain);
    if (row == NULL)
        return (struct cached){ .medium = STR("referral"), .source_n = domain.n };
    return (struct cached){ .medium = row->medium, .source = row->source };
}

/* "android-app://com.example.app/...": what stands between the slashes. */
static struct referrer without_host(struct str ref)
{
    struct str app = STR("android-app://");

    if (ref.n == 0)
        return (struct referrer){ STR("direct"), STR_ABSENT };
    if (!str_starts(ref, app))
        return (struct referrer){ STR("referral"), STR_ABSENT };
    ref = str_from(ref.p + app.n, ref.n - app.n);
    return (struct referrer){ STR("app"), str_from(ref.p, str_find(ref, '/', 0)) };
}

struct referrer referrers_find(const struct referrers *referrers, struct referrers_cache *cache,
                               struct str host, struct str ref, struct str ref_host)
{
    struct cached *row;
    uint64_t key;

    if (ref_host.n == 0)
        return without_host(ref);
    key = hash64(ref_host, host.n == 0 ? 1 : hash64(host, 0)) | 1;
    row = &cache->rows[(key >> 1) % CACHE_ROWS];
    if (row->key != key) {
        *row = judge(referrers, host, ref_host);
        row->key = key;
    }
    return (struct referrer){ row->medium, row->source.p != NULL
                                               ? row->source
                                               : last_bytes(ref_host, row->source_n) };
}
