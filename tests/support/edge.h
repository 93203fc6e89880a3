/*
 * edge.h - requests through the edge without a socket: text in, answer and records out.
 *
 * Everything behind it is real: the request reader, the key ring, the geo set, the store in a
 * temporary folder. The configuration is a plain struct with defaults that a test changes before
 * it asks. One edge a test.
 */
#ifndef CRUMB_TESTS_EDGE_H
#define CRUMB_TESTS_EDGE_H

#include "server/admin_view.h"
#include "server/endpoint.h"
#include "store/store.h"

#define EDGE_NOW_MS 1795442709123 /* 2026-11-23T14:05:09.123Z */

struct edge {
    struct config config;
    struct context context;
    struct ip peer;
    enum route_table table;
    const char *host; /* of edge_ask's requests; "stats.shop.example" */
    struct metrics metrics;
    struct store *store;

    /* of the last request */
    struct exchange exchange;
    struct str answer;
    struct http_request request;

    /* the rest is edge.c's */
    char dir[64];
    struct snapshot snapshot;
    struct admin_view admin;
    struct metrics *metrics_list[1];
    _Atomic bool draining;
    char sent[65536];
    char out[ANSWER_ADMIN_BYTES_MAX];
    char memory[CONTEXT_MEMORY_BYTES];
    char *records;
    size_t records_bytes;
};

void edge_open(struct edge *e);
void edge_close(struct edge *e);

/* Parses one whole request; fails the test if it is not one. request borrows from memory. */
void edge_parse(const char *text, char *memory, size_t memory_bytes, struct http_request *request);

/*
 * One request, its batch committed; the answer. lines: between the request line and the empty line,
 * each ended by CRLF.
 */
struct str edge_ask(struct edge *e, const char *request_line, const char *lines);

/* POST with a body. */
struct str edge_post(struct edge *e, const char *target, const char *lines, struct str body);

/* Every record in the store as lines, in the order written; valid until the next call. */
const char *edge_records(struct edge *e);
unsigned edge_records_count(struct edge *e);

/*
 * The answer's status code, and the n-th line of its header that starts with name (without its
 * CRLF; absent when there is none).
 */
int edge_status(const struct edge *e);
struct str edge_line(const struct edge *e, const char *name, unsigned n);
struct str edge_body(const struct edge *e);

bool edge_has(struct str text, const char *part);

#endif
