/*
 * edge.c - requests through the edge without a socket. See edge.h.
 */
#include "support/edge.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/date.h"
#include "store/scan.h"

static struct config default_config(void)
{
    static char id[] = "crumb_id", out[] = "crumb_optout";
    static char pixel[] = "/b.gif", optout[] = "/optout", optin[] = "/optin", events[] = "/b",
                tag[] = "/t.js";

    return (struct config){
        .cookies = { .id_name = id, .optout_name = out },
        .paths = { .pixel = pixel, .events = events, .tag = tag, .optout = optout, .optin = optin },
    };
}

static void must(bool fine, const struct err *err)
{
    cr_assert(fine, "%s", err->text);
}

static void say(void *arg, bool is_error, const char *sentence)
{
    (void)arg;
    cr_expect(!is_error, "%s", sentence);
}

void edge_open(struct edge *e)
{
    struct store_options options = {
        .roll_interval_ms = 600000, .roll_size_bytes = 16 << 20, .workers = 1, .say = say
    };
    struct buf date;
    struct err err;
    char path[96];

    memset(e, 0, sizeof *e);
    e->config = default_config();
    snprintf(e->dir, sizeof e->dir, "/tmp/crumb-edge-XXXXXX");
    cr_assert(mkdtemp(e->dir) != NULL);
    must(crypto_init(&err) == 0, &err);
    snprintf(path, sizeof path, "%s/keys", e->dir);
    e->snapshot.config = &e->config;
    must((e->snapshot.keys = key_ring_load(path, &err)) != NULL, &err);
    must((e->snapshot.geo = geo_open(NULL, 0, NULL, &err)) != NULL, &err);
    options.data_dir = e->dir;
    must((e->store = store_open(&options, &err)) != NULL, &err);

    ip_parse(STR("203.0.113.7"), &e->peer);
    e->host = "stats.shop.example";
    e->metrics_list[0] = &e->metrics;
    e->admin = (struct admin_view){ .metrics = e->metrics_list,
                                    .metrics_count = 1,
                                    .store = e->store,
                                    .draining = &e->draining,
                                    .started_ms = EDGE_NOW_MS,
                                    .version = "1.2.3" };
    e->context = (struct context){ .snapshot = &e->snapshot,
                                   .geo_cache = geo_cache_new(),
                                   .spool = store_spool(e->store, 0),
                                   .instance = store_instance(e->store),
                                   .metrics = &e->metrics,
                                   .now_ms = EDGE_NOW_MS,
                                   .memory = e->memory,
                                   .server = &e->admin };
    date = buf_over(e->context.http_date, sizeof e->context.http_date);
    date_add_http(&date, EDGE_NOW_MS);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void edge_close(struct edge *e)
{
    struct err err;

    spool_close(e->context.spool);
    must(store_close(e->store, &err) == 0, &err);
    geo_cache_free(e->context.geo_cache);
    geo_close(e->snapshot.geo);
    key_ring_free(e->snapshot.keys);
    free(e->records);
    nftw(e->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void edge_parse(const char *text, char *memory, size_t memory_bytes, struct http_request *request)
{
    static const struct http_limits limits = { 32768, 250, 16384 };
    struct http_parser parser = { 0 };
    size_t n = strlen(text);

    cr_assert(n <= memory_bytes);
    memcpy(memory, text, n);
    cr_assert_eq(http_parse(&parser, &limits, memory, n, request), HTTP_COMPLETE, "%s\n%s",
                 parser.sentence == NULL ? "incomplete" : parser.sentence, text);
}

/* The request in e->request. */
static struct str answer_it(struct edge *e)
{
    struct buf out = buf_over(e->out, sizeof e->out);
    struct err err;

    e->exchange = (struct exchange){ .request = &e->request, .context = &e->context, .out = &out };
    client_from_request(&e->exchange.client, &e->config.proxies, &e->peer, &e->request);
    spool_begin_turn(e->context.spool, e->context.now_ms);
    route(&e->exchange, e->table);
    if (e->exchange.batch != 0)
        must(spool_commit(e->context.spool, &err) == 0, &err);
    cr_assert(!out.full);
    e->answer = buf_str(&out);
    return e->answer;
}

struct str edge_ask(struct edge *e, const char *request_line, const char *lines)
{
    char *text;

    cr_assert(asprintf(&text, "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", request_line, e->host, lines) >
              0);
    edge_parse(text, e->sent, sizeof e->sent, &e->request);
    free(text);
    return answer_it(e);
}

struct str edge_post(struct edge *e, const char *target, const char *lines, struct str body)
{
    char *text;

    cr_assert(asprintf(&text, "POST %s HTTP/1.1\r\nHost: stats.shop.example\r\n%s\r\n", target,
                       lines) > 0);
    edge_parse(text, e->sent, sizeof e->sent, &e->request);
    free(text);
    e->request.body = body; /* as the reader would give it */
    return answer_it(e);
}

static int add_record(void *arg, struct str line)
{
    struct edge *e = arg;

    e->records = realloc(e->records, e->records_bytes + line.n + 2);
    cr_assert(e->records != NULL);
    memcpy(e->records + e->records_bytes, line.p, line.n);
    e->records_bytes += line.n;
    e->records[e->records_bytes++] = '\n';
    e->records[e->records_bytes] = '\0';
    return 0;
}

const char *edge_records(struct edge *e)
{
    struct scan_options options = { .data_dir = e->dir,
                                    .since_ms = INT64_MIN,
                                    .until_ms = INT64_MAX,
                                    .record = add_record,
                                    .arg = e };
    struct scan_totals totals = { 0 };
    struct err err;

    e->records_bytes = 0;
    must(scan_run(&options, &totals, &err) == 0, &err);
    return e->records_bytes == 0 ? "" : e->records;
}

unsigned edge_records_count(struct edge *e)
{
    unsigned count = 0;

    for (const char *p = edge_records(e); *p != '\0'; p++)
        count += *p == '\n';
    return count;
}

int edge_status(const struct edge *e)
{
    return atoi(e->answer.p + sizeof "HTTP/1.1 " - 1);
}

static size_t head_bytes(struct str answer)
{
    const char *end = memmem(answer.p, answer.n, "\r\n\r\n", 4);

    cr_assert(end != NULL);
    return (size_t)(end - answer.p);
}

struct str edge_line(const struct edge *e, const char *name, unsigned n)
{
    struct str head = str_from(e->answer.p, head_bytes(e->answer)), line;

    while ((line = str_cut(&head, '\n')).p != NULL) {
        if (str_starts(line, str_of(name)) && n-- == 0)
            return str_from(line.p, line.n - (line.p[line.n - 1] == '\r'));
    }
    return STR_ABSENT;
}

struct str edge_body(const struct edge *e)
{
    size_t head = head_bytes(e->answer) + 4;

    return str_from(e->answer.p + head, e->answer.n - head);
}

bool edge_has(struct str text, const char *part)
{
    return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}
