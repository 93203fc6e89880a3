/*
 * test_conn.c - connections over socket pairs, with the endpoints, the spool and the clock replaced:
 * the tests decide what a batch becomes, and when it is.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/answer.h"
#include "server/conn.h"

/* ---- what is replaced ----------------------------------------------------------------------- */

static int64_t now_ms;

int64_t clock_wall_ms(void)
{
    return 1795442709123 + now_ms;
}

int64_t clock_mono_ms(void)
{
    return now_ms;
}

int64_t clock_mono_us(void)
{
    return now_ms * 1000;
}

static uint64_t open_batch = 1;
static uint64_t decided_batch;
static enum spool_state fate = SPOOL_KEPT; /* of those that are decided */
static bool decide_at_commit;              /* as durability: process does */

void spool_begin_turn(struct spool *s, int64_t wall_ms)
{
    (void)s;
    (void)wall_ms;
}

int spool_commit(struct spool *s, struct err *e)
{
    (void)s;
    (void)e;
    if (decide_at_commit)
        decided_batch = open_batch;
    open_batch++;
    return 0;
}

int spool_poll(struct spool *s, struct err *e)
{
    (void)s;
    (void)e;
    return 0;
}

void spool_close(struct spool *s)
{
    (void)s;
}

enum spool_state spool_state(const struct spool *s, uint64_t batch)
{
    (void)s;
    return batch <= decided_batch ? fate : SPOOL_OPEN;
}

/* Those of all turns so far. */
static void decide(enum spool_state as)
{
    fate = as;
    decided_batch = open_batch;
}

static char big_body[12000];

/* What a stream says next: its number, and as many bytes as a test asks for. */
static size_t piece_bytes;
static unsigned pieces, pieces_max = 1000;

static bool next_piece(struct stream *stream, struct context *context, struct buf *piece)
{
    cr_expect(context->streams > 0);
    pieces++;
    if (++stream->seen > pieces_max)
        return false;
    buf_addf(piece, "<%u>", (unsigned)stream->seen);
    for (size_t i = 0; i < piece_bytes; i++)
        buf_add_char(piece, 'x');
    return true;
}

/* /hit waits for the batch, /big has a large answer, /stream goes on, everything says its path. */
void route(struct exchange *x, enum route_table table)
{
    (void)table;
    if (str_eq(x->request->path, STR("/hit"))) {
        x->batch = open_batch;
        x->batch_records = 1;
    }
    if (str_eq(x->request->path, STR("/stream")))
        answer_stream(x, STR("text/plain"), STR_ABSENT, next_piece);
    else if (str_eq(x->request->path, STR("/big")))
        answer(x, 200, STR("text/plain"), STR_ABSENT, str_from(big_body, sizeof big_body));
    else if (str_eq(x->request->path, STR("/who"))) {
        char text[IP_TEXT_BYTES];
        struct buf b = buf_over(text, sizeof text);

        ip_add(&b, &x->client.ip);
        answer(x, 200, STR("text/plain"), STR_ABSENT, buf_str(&b));
    } else
        answer(x, 200, STR("text/plain"), STR_ABSENT, x->request->path);
}

/* ---- a loop without a thread ---------------------------------------------------------------- */

#define HEADER_TIMEOUT_MS 5000
#define IDLE_TIMEOUT_MS   60000
#define CONNECTIONS_MAX   1000

static struct config config = {
    .limits = { .header_bytes = 16384,
                .headers = 100,
                .body_bytes = 65536,
                .header_timeout_ms = HEADER_TIMEOUT_MS,
                .body_rate_bytes = 1000,
                .idle_timeout_ms = IDLE_TIMEOUT_MS },
};
static struct snapshot snapshot = { .config = &config };
static struct metrics metrics;
static struct turn turn;
static struct event_base *base;
static struct conns *conns;
static _Atomic uint64_t held;

static void setup(void)
{
    struct conns_options options = { .turn = &turn, .held = &held, .held_max = CONNECTIONS_MAX };
    struct err e;

    decide_at_commit = true;
    memset(big_body, 'x', sizeof big_body);
    base = event_base_new();
    turn.context.metrics = &metrics;
    turn.context.spool = (struct spool *)&turn; /* only passed on */
    turn_init(&turn, &snapshot);
    options.base = base;
    conns = conns_new(&options, &e);
    cr_assert(conns != NULL, "%s", e.text);
}

static void teardown(void)
{
    conns_free(conns);
    event_base_free(base);
}

TestSuite(conn, .init = setup, .fini = teardown);

static int connect_as(const char *address, bool proxy_protocol)
{
    int ends[2];
    struct ip peer;

    cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    cr_assert(ip_parse(str_of(address), &peer));
    turn_begin(&turn);
    conns_add(conns, ends[0], &peer, proxy_protocol);
    conns_end_turn(conns);
    return ends[1];
}

static int connect_one(void)
{
    return connect_as("192.0.2.1", false);
}

/* Turns until nothing happens any more. */
static void run(void)
{
    for (int quiet = 0; quiet < 3; quiet++) {
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        if (conns_end_turn(conns))
            quiet = 0;
    }
}

static void pass(int64_t ms)
{
    now_ms += ms;
    turn_begin(&turn);
    conns_tick(conns);
    conns_end_turn(conns);
}

static void say(int fd, const char *text)
{
    size_t n = strlen(text);

    cr_assert(send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n);
    run();
}

#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static char heard[1 << 23];

enum end { OPEN, CLOSED };

/* Everything that has come; says whether the server has closed behind it. */
static enum end hear(int fd)
{
    size_t n = 0;
    ssize_t r;

    do {
        run();
        r = recv(fd, heard + n, sizeof heard - 1 - n, 0);
        n += r > 0 ? (size_t)r : 0;
    } while (r > 0);
    heard[n] = '\0';
    return r == 0 || errno == ECONNRESET ? CLOSED : OPEN;
}

/* The statuses in what was heard, as "200 200 503". */
static const char *statuses(void)
{
    static char list[1 << 16];
    size_t n = 0;

    list[0] = '\0';
    for (const char *p = heard; (p = strstr(p, "HTTP/1.1 ")) != NULL; p += 9)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%.3s", n == 0 ? "" : " ", p + 9);
    return list;
}

static void expect(int fd, const char *want, enum end end, const char *when)
{
    enum end was = hear(fd);

    cr_expect(strcmp(statuses(), want) == 0, "%s: %s instead of %s", when, statuses(), want);
    cr_expect(was == end, "%s: %s", when, end == CLOSED ? "still open" : "was closed");
}

/* ---- answers and batches -------------------------------------------------------------------- */

Test(conn, pipelined_requests_are_answered_in_order)
{
    int fd = connect_one();
    const char *a, *b, *c;

    say(fd, REQUEST("/a") REQUEST("/hit") REQUEST("/c"));
    expect(fd, "200 200 200", OPEN, "pipelined");
    a = strstr(heard, "/a");
    b = strstr(heard, "/hit");
    c = strstr(heard, "/c");
    cr_expect(a != NULL && a < b && b < c);
    cr_expect(metrics.hits_stored == 1);
    close(fd);
    run();
    cr_expect(conns_count(conns) == 0);
    cr_expect(held == 0);
}

Test(conn, answers_wait_for_their_batch_and_hold_back_what_follows)
{
    int fd = connect_one();

    decide_at_commit = false;
    say(fd, REQUEST("/a") REQUEST("/hit") REQUEST("/c"));
    expect(fd, "", OPEN, "undecided");
    say(fd, REQUEST("/d"));
    expect(fd, "", OPEN, "still undecided");
    cr_expect(metrics.hits_stored == 0);
    decide(SPOOL_KEPT);
    expect(fd, "200 200 200 200", OPEN, "decided");
    cr_expect(metrics.hits_stored == 1);
}

Test(conn, refused_batch_is_one_503_and_nothing_behind_it)
{
    int fd = connect_one();

    decide_at_commit = false;
    say(fd, REQUEST("/a") REQUEST("/hit") REQUEST("/c") REQUEST("/hit"));
    decide(SPOOL_REFUSED);
    expect(fd, "200 503", CLOSED, "refused");
    cr_expect(strstr(heard, "Retry-After: ") != NULL);
    cr_expect(metrics.hits_refused_write == 2);
    cr_expect(metrics.hits_stored == 0);
}

Test(conn, unknown_fate_is_a_close_without_an_answer)
{
    int fd = connect_one();

    decide_at_commit = false;
    say(fd, REQUEST("/a") REQUEST("/hit") REQUEST("/c"));
    decide(SPOOL_UNKNOWN);
    expect(fd, "200", CLOSED, "unknown");
    cr_expect(metrics.hits_refused_write == 1);
}

Test(conn, hits_are_counted_when_the_client_has_gone)
{
    int fd = connect_one();

    decide_at_commit = false;
    say(fd, REQUEST("/hit"));
    close(fd);
    run();
    decide(SPOOL_KEPT);
    run();
    cr_expect(metrics.hits_stored == 1);
    cr_expect(conns_count(conns) == 0);
}

/* ---- pieces, bounds ------------------------------------------------------------------------- */

Test(conn, request_that_comes_byte_by_byte)
{
    static const char text[] =
        "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" REQUEST("/c");
    int fd = connect_one();

    for (size_t i = 0; i < sizeof text - 1; i++) {
        cr_assert(send(fd, text + i, 1, 0) == 1);
        run();
    }
    expect(fd, "200 200", OPEN, "byte by byte");
}

Test(conn, more_pipelined_requests_than_any_buffer_holds)
{
    int fd = connect_one();
    size_t asked = 0, answered = 0;

    while (asked < 5000) {
        for (; asked < 5000; asked++) {
            if (send(fd, REQUEST("/hit"), sizeof REQUEST("/hit") - 1, 0) < 0)
                break;
        }
        hear(fd);
        for (const char *p = heard; (p = strstr(p, "HTTP/1.1 200")) != NULL; p++)
            answered++;
    }
    hear(fd);
    for (const char *p = heard; (p = strstr(p, "HTTP/1.1 200")) != NULL; p++)
        answered++;
    cr_expect(answered == 5000, "%zu answers", answered);
    cr_expect(metrics.hits_stored == 5000);
}

/* It is not read from while it does not read, gets everything when it does, and is closed if never. */
Test(conn, peer_that_does_not_read_is_bounded)
{
    int fd = connect_one(), other = connect_one();
    size_t asked = 0, answered = 0;

    while (send(fd, REQUEST("/big"), sizeof REQUEST("/big") - 1, 0) > 0) {
        asked++;
        if (asked % 10 == 0)
            run();
        cr_assert(asked < 100000, "reads without end from a peer that does not read");
    }
    cr_expect(hear(fd) == OPEN);
    for (const char *p = heard; (p = strstr(p, "HTTP/1.1 200")) != NULL; p++)
        answered++;
    cr_expect(answered == asked, "%zu of %zu answers", answered, asked);
    while (send(other, REQUEST("/big"), sizeof REQUEST("/big") - 1, 0) > 0)
        run();
    pass(IDLE_TIMEOUT_MS);
    cr_expect(metrics.timeouts == 1, "never read");
    cr_expect(metrics.idle_closed == 1, "has read everything");
    cr_expect(conns_count(conns) == 0);
}

Test(conn, half_closed_client_gets_its_answers)
{
    int fd = connect_one(), cut = connect_one();

    cr_assert(send(fd, REQUEST("/a") REQUEST("/hit"), 2 * sizeof REQUEST("/a"), 0) > 0);
    shutdown(fd, SHUT_WR);
    expect(fd, "200 200", CLOSED, "half-closed");
    cr_assert(send(cut, REQUEST("/a") "GET /b HT", sizeof REQUEST("/a") + 8, 0) > 0);
    shutdown(cut, SHUT_WR);
    expect(cut, "200 400", CLOSED, "half-closed in a request");
}

Test(conn, bad_request_is_answered_once_and_closed)
{
    int fd = connect_one();

    say(fd, REQUEST("/a") "GET / HTTP/1.1\r\nHost : a\r\n\r\n" REQUEST("/b") REQUEST("/c"));
    expect(fd, "200 400", CLOSED, "bad request");
    cr_expect(conns_count(conns) == 1, "lingers");
    say(fd, REQUEST("/d"));
    expect(fd, "", CLOSED, "lingering");
    pass(2000);
    cr_expect(conns_count(conns) == 0);
    cr_expect(metrics.bad_requests == 1);
    cr_expect(metrics.requests == 1);
}

Test(conn, expectation_is_met_before_the_body)
{
    int fd = connect_one();

    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    expect(fd, "100", OPEN, "header");
    say(fd, "ab");
    expect(fd, "", OPEN, "part of the body");
    say(fd, "c");
    expect(fd, "200", OPEN, "body");
}

Test(conn, connection_close_is_done)
{
    int fd = connect_one();

    say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(fd, "200", CLOSED, "close");
    cr_expect(strstr(heard, "Connection: close\r\n") != NULL);
    cr_expect(conns_count(conns) == 0);
}

/* ---- deadlines ------------------------------------------------------------------------------ */

Test(conn, header_deadline_is_not_renewed_by_pieces)
{
    int fd = connect_one();

    say(fd, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 4; i++) {
        pass(HEADER_TIMEOUT_MS / 5);
        say(fd, "X: y\r\n");
        expect(fd, "", OPEN, "in time");
    }
    pass(HEADER_TIMEOUT_MS / 5);
    expect(fd, "408", CLOSED, "deadline");
    cr_expect(metrics.timeouts == 1);
}

Test(conn, header_deadline_starts_anew_with_each_request)
{
    int fd = connect_one();

    for (int i = 0; i < 5; i++) {
        say(fd, "GET / HTTP/1.1\r\n");
        pass(HEADER_TIMEOUT_MS - 1);
        say(fd, "Host: a\r\n\r\nG"); /* and the first byte of the next */
        expect(fd, "200", OPEN, "next request");
        say(fd, "ET / HTTP/1.1\r\n");
        pass(HEADER_TIMEOUT_MS - 1);
        say(fd, "Host: a\r\n\r\n");
        expect(fd, "200", OPEN, "next request");
    }
}

Test(conn, idle_connection_is_closed_without_a_word)
{
    int fd = connect_one();

    say(fd, REQUEST("/a"));
    expect(fd, "200", OPEN, "first");
    pass(IDLE_TIMEOUT_MS - 1);
    expect(fd, "", OPEN, "not yet");
    say(fd, REQUEST("/a"));
    pass(IDLE_TIMEOUT_MS - 1);
    expect(fd, "200", OPEN, "renewed");
    pass(1);
    expect(fd, "", CLOSED, "idle");
    cr_expect(metrics.idle_closed == 1);
}

Test(conn, body_may_take_as_long_as_it_keeps_its_rate)
{
    int fast = connect_one(), slow = connect_one();
    char piece[2001];

    memset(piece, 'x', 2000);
    piece[2000] = '\0';
    say(fast, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
    say(slow, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        say(fast, piece);
        if (i < 4)
            say(slow, "some bytes");
        pass(1500);
        if (i == 3)
            expect(slow, "408", CLOSED, "slow");
    }
    expect(fast, "200", OPEN, "fast");
}

/* ---- room ----------------------------------------------------------------------------------- */

Test(conn, the_longest_idle_makes_room_for_a_new_one)
{
    int first, second, third, fourth;

    held = CONNECTIONS_MAX - 2; /* by other threads */
    first = connect_one();
    second = connect_one();
    say(second, REQUEST("/a"));
    expect(second, "200", OPEN, "second");
    say(first, REQUEST("/a")); /* so second has been idle for longer */
    third = connect_one();
    expect(first, "200", OPEN, "first");
    expect(second, "", CLOSED, "second");
    say(first, "GET");
    say(third, "GET");
    fourth = connect_one();
    expect(fourth, "", CLOSED, "nobody is idle");
    cr_expect(held == CONNECTIONS_MAX);
    cr_expect(metrics.idle_closed == 1);
}

/* As many large headers in progress as there are blocks, and one more: the oldest has to go. */
/* An ordinary user may have 1024 open files until a program asks for more, as crumbd does. */
static void need_files(rlim_t count)
{
    struct rlimit limit;

    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= count)
        return;
    limit.rlim_cur = count;
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0, "%lu open files are needed",
              (unsigned long)count);
}

Test(conn, slow_headers_never_take_more_than_their_memory)
{
    enum { COUNT = CONN_HEADS_MAX + CONN_BODIES_MAX + 1 };
    int *fds = malloc((COUNT + 1) * sizeof *fds);
    char *header = malloc(8001);

    need_files(2 * COUNT + 64);
    memset(header, 'x', 8000);
    memcpy(header, "GET /", 5);
    header[8000] = '\0';
    for (int i = 0; i < COUNT; i++) {
        fds[i] = connect_one();
        say(fds[i], header);
    }
    cr_expect(hear(fds[0]) == CLOSED, "the oldest");
    cr_expect(hear(fds[1]) == OPEN);
    say(fds[COUNT - 1], " HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(fds[COUNT - 1], "200", OPEN, "the newest");
    free(fds);
    free(header);
}

Test(conn, drain_answers_what_has_begun_and_closes_the_rest)
{
    int idle = connect_one(), begun = connect_one(), sent = connect_one();

    say(begun, "GET /a HTTP/1.1\r\n");
    cr_assert(send(sent, REQUEST("/b"), sizeof REQUEST("/b") - 1, 0) > 0);
    conns_drain(conns);
    expect(idle, "", CLOSED, "idle");
    say(begun, "Host: a\r\n\r\n");
    expect(begun, "200", CLOSED, "begun");
    cr_expect(strstr(heard, "Connection: close\r\n") != NULL);
    expect(sent, "200", CLOSED, "sent");
    say(begun, REQUEST("/c")); /* on its way before it was told: no reset may overtake the answer */
    cr_expect(conns_count(conns) == 2, "what comes is thrown away for a while");
    expect(begun, "", CLOSED, "too late");
    close(begun);
    close(sent);
    run();
    cr_expect(conns_count(conns) == 0);
    cr_expect(metrics.requests == 2);
}

/* ---- answers that go on --------------------------------------------------------------------- */

Test(conn, stream_goes_on_with_every_tick_until_its_end)
{
    int fd = connect_one();

    pieces_max = 3;
    say(fd, REQUEST("/a") REQUEST("/stream") REQUEST("/never"));
    expect(fd, "200 200", OPEN, "begun");
    cr_expect(strstr(heard, "Connection: close\r\n") != NULL);
    cr_expect(strstr(heard, "never") == NULL, "a request behind a stream is none");
    pass(250);
    hear(fd);
    cr_expect_str_eq(heard, "<1>");
    pass(250);
    pass(250);
    hear(fd);
    cr_expect_str_eq(heard, "<2><3>");
    cr_expect(turn.context.streams == 1);
    pass(250);
    cr_expect(hear(fd) == CLOSED);
    cr_expect_str_eq(heard, "");
    cr_expect(turn.context.streams == 0);
}

Test(conn, stream_is_never_idle_and_makes_no_room)
{
    int fd = connect_one();

    say(fd, REQUEST("/stream"));
    expect(fd, "200", OPEN, "begun");
    cr_expect_not(conns_make_room(conns));
    pass(2 * IDLE_TIMEOUT_MS);
    expect(fd, "", OPEN, "after a time without a word of the peer");
    cr_expect_str_eq(heard, "<1>");
    say(fd, "what is said to a stream is not heard");
    expect(fd, "", OPEN, "said something");
}

Test(conn, stream_ends_when_the_peer_leaves)
{
    int fd = connect_one();

    say(fd, REQUEST("/stream"));
    pass(250);
    close(fd);
    run();
    cr_expect(conns_count(conns) == 0);
    cr_expect(turn.context.streams == 0);
    cr_expect(held == 0);
}

Test(conn, stream_that_is_not_read_is_not_asked_for_more_and_is_dropped)
{
    int slow = connect_one(), other = connect_one();
    unsigned asked;

    piece_bytes = 15000;
    say(slow, REQUEST("/stream"));
    for (unsigned i = 0; i < 40; i++)
        pass(250); /* 600 KB: more than a socket pair holds */
    asked = pieces;
    cr_expect(asked < 40, "pieces are made although the first are not taken");
    for (unsigned i = 0; i < 40; i++)
        pass(250);
    cr_expect(pieces == asked);
    say(other, REQUEST("/a"));
    expect(other, "200", OPEN, "another connection meanwhile");
    pass(IDLE_TIMEOUT_MS);
    cr_expect(metrics.timeouts == 1);
    cr_expect(turn.context.streams == 0);
    cr_expect(hear(slow) == CLOSED);
}

Test(conn, stream_goes_on_where_it_was_when_a_slow_peer_reads_again)
{
    char want[16];
    int fd = connect_one();

    piece_bytes = 15000;
    say(fd, REQUEST("/stream"));
    for (unsigned i = 0; i < 60; i++)
        pass(250);
    hear(fd);
    for (unsigned i = 1; i <= pieces; i++) {
        snprintf(want, sizeof want, "<%u>", i);
        cr_expect(strstr(heard, want) != NULL, "%s is missing", want);
    }
    snprintf(want, sizeof want, "<%u>", pieces + 1);
    pass(250);
    hear(fd);
    cr_expect(strncmp(heard, want, strlen(want)) == 0);
}

Test(conn, stream_ends_at_a_drain)
{
    int fd = connect_one();

    say(fd, REQUEST("/stream"));
    conns_drain(conns);
    pass(250);
    cr_expect(hear(fd) == CLOSED);
    cr_expect(conns_count(conns) == 0);
}

Test(conn, head_of_a_stream_is_all_there_is)
{
    int fd = connect_one();

    say(fd, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(fd, "200", CLOSED, "head");
    cr_expect(pieces == 0);
}

/* ---- PROXY protocol ------------------------------------------------------------------------- */

#define PROXY_LINE "PROXY TCP4 203.0.113.9 198.51.100.2 1 2\r\n"

static void expect_who(int fd, const char *want)
{
    expect(fd, "200", OPEN, want);
    cr_expect(strstr(heard, want) != NULL, "%s", want);
}

Test(conn, proxy_header_names_the_client)
{
    int fd = connect_as("192.0.2.1", true), slow = connect_as("192.0.2.1", true);

    say(fd, PROXY_LINE REQUEST("/who"));
    expect_who(fd, "\r\n\r\n203.0.113.9");
    say(fd, REQUEST("/who"));
    expect_who(fd, "\r\n\r\n203.0.113.9");
    for (const char *p = PROXY_LINE REQUEST("/who"); *p != '\0'; p++) {
        cr_assert(send(slow, p, 1, 0) == 1);
        run();
    }
    expect_who(slow, "\r\n\r\n203.0.113.9");
}

Test(conn, proxy_header_of_a_stranger_is_read_and_not_believed)
{
    struct ip_net net;
    int fd, known;

    cr_assert(ip_net_parse(STR("10.0.0.0/8"), &net));
    config.proxies = (struct config_proxies){ .trusted = &net, .trusted_count = 1 };
    fd = connect_as("192.0.2.1", true);
    say(fd, PROXY_LINE REQUEST("/who"));
    expect_who(fd, "\r\n\r\n192.0.2.1");
    known = connect_as("10.1.2.3", true);
    say(known, PROXY_LINE REQUEST("/who"));
    expect_who(known, "\r\n\r\n203.0.113.9");
}

Test(conn, without_the_proxy_header_that_was_promised_it_is_closed)
{
    int fd = connect_as("192.0.2.1", true), cut = connect_as("192.0.2.1", true);

    say(fd, REQUEST("/who"));
    expect(fd, "", CLOSED, "no header");
    cr_expect(metrics.bad_requests == 1);
    say(cut, "PROXY TCP4 ");
    shutdown(cut, SHUT_WR);
    expect(cut, "", CLOSED, "cut header");
}
