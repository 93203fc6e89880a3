/*
 * test_route.c - what answers where, and what does not.
 */
#include <criterion/criterion.h>

#include "support/edge.h"

static const struct row {
    const char *request_line;
    int status;
    const char *allow; /* NULL: no such line */
} rows[] = {
    { "GET /b.gif", 200, NULL },
    { "HEAD /b.gif", 200, NULL },
    { "GET /b.gif?", 200, NULL },
    { "GET http://stats.shop.example/b.gif?site=a", 200, NULL },
    { "POST /b.gif", 405, "Allow: GET, HEAD" },
    { "PUT /b.gif", 405, "Allow: GET, HEAD" },
    { "OPTIONS /b.gif", 405, "Allow: GET, HEAD" },
    { "GET /optout", 200, NULL },
    { "PUT /optout", 405, "Allow: GET, HEAD, POST" },
    { "GET /optin", 405, "Allow: POST" },
    { "HEAD /optin", 405, "Allow: POST" },
    { "GET /optout/status", 200, NULL },
    { "POST /optout/status", 405, "Allow: GET, HEAD" },
    { "GET /.well-known/dnt/", 200, NULL },
    { "GET /.well-known/gpc.json", 200, NULL },
    { "GET /robots.txt", 200, NULL },
    { "GET /favicon.ico", 204, NULL },
    /* as sent, byte for byte */
    { "GET /", 404, NULL },
    { "GET /B.GIF", 404, NULL },
    { "GET /%62.gif", 404, NULL },
    { "GET //b.gif", 404, NULL },
    { "GET /b.gif/", 404, NULL },
    { "GET /b.gifx", 404, NULL },
    { "GET /b.gi", 404, NULL },
    { "GET /./b.gif", 404, NULL },
    { "GET /optout/", 404, NULL },
    { "GET /optout/../b.gif", 404, NULL },
    { "GET /optout/statusx", 404, NULL },
    { "POST /nothing", 404, NULL },
    { "OPTIONS *", 204, "Allow: GET, HEAD, POST, OPTIONS" },
    { "GET /b", 405, "Allow: POST, OPTIONS" },
    { "POST /t.js", 405, "Allow: GET, HEAD" },
    { "HEAD /t.js", 200, NULL },
    /* the admin's are not for everybody */
    { "GET /metrics", 404, NULL },
    { "GET /healthz", 404, NULL },
    { "GET /readyz", 404, NULL },
};

static const struct row admin_rows[] = {
    { "GET /metrics", 200, NULL },
    { "HEAD /metrics", 200, NULL },
    { "GET /healthz", 200, NULL },
    { "GET /readyz", 200, NULL },
    { "POST /readyz", 405, "Allow: GET, HEAD" },
    { "GET /b.gif", 404, NULL },
    { "GET /optout", 404, NULL },
    { "GET /", 404, NULL },
};

static void check_all(enum route_table table, const struct row *row, size_t count)
{
    struct edge e;

    edge_open(&e);
    e.table = table;
    for (; count > 0; count--, row++) {
        struct str allow;

        edge_ask(&e, row->request_line, "");
        allow = edge_line(&e, "Allow:", 0);
        cr_expect_eq(edge_status(&e), row->status, "%s: %d", row->request_line, edge_status(&e));
        cr_expect(str_eq(allow, str_of(row->allow)), "%s: %.*s", row->request_line, STR_ARG(allow));
    }
    edge_close(&e);
}

Test(route, public_paths)
{
    check_all(ROUTE_PUBLIC, rows, sizeof rows / sizeof rows[0]);
}

Test(route, admin_paths)
{
    check_all(ROUTE_ADMIN, admin_rows, sizeof admin_rows / sizeof admin_rows[0]);
}

Test(route, configured_paths_replace_the_defaults)
{
    static char pixel[] = "/p/x.gif", optout[] = "/privacy", optin[] = "/privacy/in";
    static const struct row moved[] = {
        { "GET /p/x.gif", 200, NULL },
        { "GET /b.gif", 404, NULL },
        { "GET /privacy", 200, NULL },
        { "GET /privacy/status", 200, NULL },
        { "GET /optout", 404, NULL },
        { "GET /optout/status", 404, NULL },
        { "GET /privacy/in", 405, "Allow: POST" },
    };
    struct edge e;

    edge_open(&e);
    e.config.paths.pixel = pixel;
    e.config.paths.optout = optout;
    e.config.paths.optin = optin;
    for (size_t i = 0; i < sizeof moved / sizeof moved[0]; i++) {
        edge_ask(&e, moved[i].request_line, "");
        cr_expect_eq(edge_status(&e), moved[i].status, "%s", moved[i].request_line);
    }
    edge_ask(&e, "GET /.well-known/dnt/", "");
    cr_expect(
        str_eq(edge_body(&e),
               STR("{\"tracking\":\"D\",\"policy\":\"/privacy\",\"config\":\"/privacy\"}\n")));
    edge_ask(&e, "GET /privacy", "");
    cr_expect(edge_has(edge_body(&e), "action=\"/privacy\""));
    edge_close(&e);
}
