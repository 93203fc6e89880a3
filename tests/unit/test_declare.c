/*
 * test_declare.c - what we tell machines about ourselves.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "support/edge.h"

static const struct {
    const char *path, *type, *body;
} rows[] = {
    { "/.well-known/dnt/", "Content-Type: application/tracking-status+json",
      "{\"tracking\":\"D\",\"policy\":\"/optout\",\"config\":\"/optout\"}\n" },
    { "/.well-known/gpc.json", "Content-Type: application/json",
      "{\"gpc\":true,\"version\":1,\"lastUpdate\":\"2026-11-23\"}\n" },
    { "/robots.txt", "Content-Type: text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n" },
};

Test(declare, statements)
{
    struct edge e;

    edge_open(&e);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[64];

        snprintf(line, sizeof line, "GET %s", rows[i].path);
        edge_ask(&e, line, "");
        cr_expect(str_eq(edge_line(&e, "Content-Type:", 0), str_of(rows[i].type)), "%s",
                  rows[i].path);
        cr_expect(str_eq(edge_body(&e), str_of(rows[i].body)), "%s: %.*s", rows[i].path,
                  STR_ARG(edge_body(&e)));
        cr_expect_null(edge_line(&e, "ETag:", 0).p);
        cr_expect_null(edge_line(&e, "Set-Cookie:", 0).p);
    }
    edge_close(&e);
}
