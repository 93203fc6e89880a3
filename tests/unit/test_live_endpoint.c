/*
 * test_live_endpoint.c - who may see the live page, and what its answers allow.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "server/live.h"
#include "support/edge.h"

static struct edge e;

static void setup(void)
{
    struct err err;

    edge_open(&e);
    e.table = ROUTE_ADMIN;
    e.host = "127.0.0.1:8081";
    e.admin.live = live_new(1, &err);
    cr_assert_not_null(e.admin.live);
    live_watch(e.admin.live, e.admin.metrics, e.admin.metrics_count);
}

static void teardown(void)
{
    live_free(e.admin.live);
    edge_close(&e);
}

TestSuite(live_endpoint, .init = setup, .fini = teardown);

static bool has(const char *text)
{
    return memmem(e.answer.p, e.answer.n, text, strlen(text)) != NULL;
}

static void expect_status(const char *path, const char *lines, const char *status)
{
    char request_line[128], want[32];

    snprintf(request_line, sizeof request_line, "GET %s", path);
    snprintf(want, sizeof want, "HTTP/1.1 %s ", status);
    edge_ask(&e, request_line, lines);
    cr_expect(str_starts(e.answer, str_of(want)), "%s of %s with %s: %.40s", path, e.host, lines,
              e.answer.p);
}

Test(live_endpoint, only_names_that_nobody_else_can_take_are_answered_to)
{
    static const struct {
        const char *host;
        const char *status;
    } rows[] = {
        { "127.0.0.1:8081", "200" },
        { "127.0.0.1", "200" },
        { "[::1]:8081", "200" },
        { "10.1.2.3", "200" },
        { "localhost:8081", "200" },
        { "LocalHost", "200" },
        { "evil.example", "403" },
        { "localhost.evil.example", "403" },
        { "127.0.0.1.evil.example", "403" },
        { "evil.example:8081", "403" },
        { "crumb.example:8081", "403" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        e.host = rows[i].host;
        expect_status("/", "", rows[i].status);
        expect_status("/live/events", "", rows[i].status);
    }
    e.config.public_origin = (char *)(uintptr_t) "https://crumb.example:8443";
    e.host = "Crumb.example:8081";
    expect_status("/", "", "200");
    e.host = "crumb.example.evil";
    expect_status("/", "", "403");
}

Test(live_endpoint, pages_of_others_get_no_stream)
{
    expect_status("/live/events", "Sec-Fetch-Site: same-origin\r\n", "200");
    cr_expect(e.exchange.stream != NULL);
    expect_status("/live/events", "Sec-Fetch-Site: none\r\n", "200");
    expect_status("/live/events", "Sec-Fetch-Site: cross-site\r\n", "403");
    cr_expect(e.exchange.stream == NULL);
    expect_status("/live/events", "Sec-Fetch-Site: same-site\r\n", "403");
    cr_expect_not(has("Access-Control"));
}

Test(live_endpoint, streams_are_bounded)
{
    e.context.streams = 15;
    expect_status("/live/events", "", "200");
    e.context.streams = 16;
    expect_status("/live/events", "", "503");
    cr_expect(has("Retry-After: "));
    expect_status("/", "", "200");
}

Test(live_endpoint, stream_sends_figures_when_they_are_others_and_else_a_sign_of_life)
{
    static char memory[ANSWER_ADMIN_BYTES_MAX];
    struct stream stream = { 0 };
    struct buf piece = buf_over(memory, sizeof memory);

    expect_status("/live/events", "", "200");
    cr_expect(has("X-Accel-Buffering: no\r\n"));
    cr_expect(has("Cache-Control: no-store\r\n"));
    cr_expect(has("Connection: close\r\n"));
    cr_expect_not(has("Content-Length"));
    stream.next = e.exchange.stream;
    cr_expect(stream.next(&stream, &e.context, &piece));
    cr_expect(str_starts(buf_str(&piece), STR("retry: 2000\n\ndata: {")));
    buf_rewind(&piece, 0);
    e.context.now_ms += 500;
    cr_expect(stream.next(&stream, &e.context, &piece));
    cr_expect_eq(piece.n, 0, "nothing has changed");
    e.metrics.hits_opted_out++;
    cr_expect(stream.next(&stream, &e.context, &piece));
    cr_expect(str_starts(buf_str(&piece), STR("data: {")));
    buf_rewind(&piece, 0);
    e.context.now_ms += 15000;
    cr_expect(stream.next(&stream, &e.context, &piece));
    cr_expect(str_eq(buf_str(&piece), STR(":\n\n")), "%.*s", (int)piece.n, piece.p);
    atomic_store(&e.draining, true);
    cr_expect_not(stream.next(&stream, &e.context, &piece), "it ends with the server");
}

Test(live_endpoint, page_allows_its_own_style_and_script_and_nothing_else)
{
    expect_status("/", "", "200");
    cr_expect(has("Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
    cr_expect(has("; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
                  "'none'\r\n"));
    cr_expect_not(has("unsafe"));
    cr_expect(has("Cache-Control: no-store\r\n"));
    cr_expect(has("Cross-Origin-Resource-Policy: same-origin\r\n"));
}

Test(live_endpoint, turned_off_it_says_so)
{
    live_free(e.admin.live);
    e.admin.live = NULL;
    expect_status("/", "", "404");
    cr_expect(has("live: false"));
    expect_status("/live/events", "", "404");
    expect_status("/healthz", "", "200");
}

Test(live_endpoint, public_listeners_have_neither)
{
    e.table = ROUTE_PUBLIC;
    expect_status("/", "", "404");
    expect_status("/live/events", "", "404");
}

Test(live_endpoint, only_what_is_accepted_is_told)
{
    struct live_hit hit;

    e.context.live = live_tap(e.admin.live, 0);
    e.table = ROUTE_PUBLIC;
    edge_ask(&e, "GET /b.gif?url=https://a.example/one", "Cookie: crumb_optout=1\r\n");
    live_gather(e.admin.live, EDGE_NOW_MS);
    cr_expect_not(live_latest(e.admin.live, 0, &hit), "of an opt-out only the counter moves");
    edge_ask(&e, "GET /b.gif?url=https://a.example/two?x=1", "");
    live_gather(e.admin.live, EDGE_NOW_MS);
    cr_assert(live_latest(e.admin.live, 0, &hit));
    cr_expect(str_eq(hit.page, STR("a.example/two")));
    cr_expect_not(live_latest(e.admin.live, 1, &hit));
}
