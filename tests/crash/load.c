/*
 * load.c - see load.h. A connection is a ring of numbers in flight, a buffer of request bytes that
 * did not go out yet, and a small parser that reads the status line and Content-Length of each
 * answer and skips its body.
 */
#include "crash/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX     64
#define REQUEST_BYTES 1024
#define ANSWER_BYTES  8192
#define PADDING_MAX   512
#define DRAIN_US      1000000
#define TICK_US       1000

struct connection {
    int fd;
    uint64_t in_flight[DEPTH_MAX];
    unsigned first, count;
    char out[DEPTH_MAX * REQUEST_BYTES];
    size_t out_from, out_to;
    char in[ANSWER_BYTES];
    size_t in_n;
    size_t body_left;
};

struct load {
    struct ledger *ledger;
    const struct load_options *options;
    struct connection *connections;
    int epoll;
    uint64_t sent;
    int64_t start_us;
    bool refusing; /* a connection could not be opened: the server is gone */
};

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void connection_close(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->first = c->count = 0; /* what was in flight stays unanswered */
    c->out_from = c->out_to = 0;
    c->in_n = c->body_left = 0;
}

static void connection_open(struct load *load, struct connection *c)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)load->options->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
    int one = 1;

    connection_close(c);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        connection_close(c);
        load->refusing = true;
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

/* How many hits the pace allows until now. */
static uint64_t allowed(const struct load *load)
{
    uint64_t paced;

    if (load->options->hits_per_s == 0)
        return load->options->max_hits;
    paced = (uint64_t)(now_us() - load->start_us) * load->options->hits_per_s / 1000000 + 1;
    return paced < load->options->max_hits ? paced : load->options->max_hits;
}

/* Words that differ from hit to hit, so that lines have the size and the entropy that is asked for. */
static size_t put_padding(char *p, uint64_t number, unsigned bytes)
{
    uint64_t x = number * 0x9E3779B97F4A7C15u + 1;
    size_t n = 0;

    for (; n + 16 <= bytes && n + 16 < PADDING_MAX; n += 16) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        snprintf(p + n, 17, "%016llx", (unsigned long long)x);
    }
    p[n] = '\0';
    return n;
}

static size_t put_request(const struct load_options *options, char *p, uint64_t number, bool keep,
                          bool opted_out)
{
    char padding[PADDING_MAX];

    put_padding(padding, number, options->padding_bytes);
    return (size_t)snprintf(
        p, REQUEST_BYTES,
        "GET /b.gif?site=%s&url=https%%3A%%2F%%2Fshop.example%%2Fpage%%2F%llu&n=%llu&p=%s "
        "HTTP/1.1\r\nHost: c.example\r\nUser-Agent: crash test\r\n%s\r\n",
        keep || opted_out ? "shop" : "elsewhere", (unsigned long long)(number % 977),
        (unsigned long long)number, padding, opted_out ? "Cookie: crumb_optout=1\r\n" : "");
}

static void fill(struct load *load, struct connection *c)
{
    const struct load_options *options = load->options;
    uint64_t limit = allowed(load);

    if (c->out_from != c->out_to) /* finish what is half sent first */
        return;
    c->out_from = c->out_to = 0;
    while (c->count < options->depth && load->sent < limit) {
        unsigned lot = (unsigned)(load->ledger->count * 37 % 100);
        bool opted_out = lot < options->opted_out_percent;
        bool keep = lot >= options->opted_out_percent + options->unknown_site_percent;
        uint64_t number = ledger_next(load->ledger, keep);

        c->out_to += put_request(options, c->out + c->out_to, number, keep, opted_out);
        c->in_flight[(c->first + c->count++) % DEPTH_MAX] = number;
        load->sent++;
    }
}

static bool flush(struct connection *c)
{
    while (c->out_from < c->out_to) {
        ssize_t n =
            send(c->fd, c->out + c->out_from, c->out_to - c->out_from, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->out_from += (size_t)n;
    }
    return true;
}

static size_t content_length(const char *head, size_t n)
{
    static const char name[] = "content-length:";

    for (size_t i = 0; i + sizeof name < n; i++) {
        if (strncasecmp(head + i, name, sizeof name - 1) == 0)
            return (size_t)strtoul(head + i + sizeof name - 1, NULL, 10);
    }
    return 0;
}

/* The ledger counts from the first byte of a 2xx, so the status line is enough: it may come twice,
 * when the rest of the head was not there yet. */
static void enter_answer(struct load *load, uint64_t number, bool acked)
{
    if (load->ledger->state[number] != LEDGER_SENT)
        return;
    ledger_answer(load->ledger, number, acked);
    if (acked && load->options->acked != NULL)
        load->options->acked(load->options->acked_arg, number);
}

static void check_retry_after(const struct load *load, const char *head, size_t n)
{
    if (load->options->retry_after_missing != NULL && memcmp(head + 9, "503", 3) == 0 &&
        memmem(head, n, "\r\nRetry-After: ", 15) == NULL)
        (*load->options->retry_after_missing)++;
}

/* Enters every complete answer in c->in. False when the bytes are no answer. */
static bool take_answers(struct load *load, struct connection *c)
{
    for (;;) {
        size_t skip = c->body_left < c->in_n ? c->body_left : c->in_n;
        const char *end;
        size_t head;

        memmove(c->in, c->in + skip, c->in_n - skip);
        c->in_n -= skip;
        c->body_left -= skip;
        if (c->in_n < 12)
            return true;
        if (c->count == 0 || memcmp(c->in, "HTTP/1.1 ", 9) != 0)
            return false;
        enter_answer(load, c->in_flight[c->first], c->in[9] == '2');
        end = memmem(c->in, c->in_n, "\r\n\r\n", 4);
        if (end == NULL)
            return c->in_n < sizeof c->in;
        head = (size_t)(end - c->in) + 4;
        check_retry_after(load, c->in, head);
        c->body_left = content_length(c->in, head);
        memmove(c->in, c->in + head, c->in_n - head);
        c->in_n -= head;
        c->first = (c->first + 1) % DEPTH_MAX;
        c->count--;
    }
}

static bool receive(struct load *load, struct connection *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, MSG_DONTWAIT);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return false;
        c->in_n += (size_t)n;
        if (!take_answers(load, c))
            return false;
    }
}

static bool outstanding(const struct load *load)
{
    for (unsigned i = 0; i < load->options->connections; i++) {
        if (load->connections[i].fd >= 0 && load->connections[i].count > 0)
            return true;
    }
    return false;
}

static bool finished(const struct load *load, int64_t now)
{
    return load->sent >= load->options->max_hits || now - load->start_us >= load->options->max_us ||
           load->refusing ||
           (load->options->enough != NULL && load->options->enough(load->options->enough_arg));
}

static void send_all(struct load *load, bool more)
{
    for (unsigned i = 0; i < load->options->connections; i++) {
        struct connection *c = &load->connections[i];

        if (c->fd < 0 && more && !load->refusing)
            connection_open(load, c);
        if (c->fd < 0)
            continue;
        if (more)
            fill(load, c);
        if (!flush(c))
            connection_close(c);
    }
}

void load_run(struct ledger *ledger, const struct load_options *options, bool (*tick)(void *arg),
              void *arg)
{
    struct load load = { .ledger = ledger, .options = options, .start_us = now_us() };
    struct epoll_event events[64];
    int64_t drain_until = 0;

    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.connections = calloc(options->connections, sizeof *load.connections);
    if (load.epoll < 0 || load.connections == NULL) {
        perror("load");
        abort();
    }
    for (unsigned i = 0; i < options->connections; i++)
        load.connections[i].fd = -1;
    for (;;) {
        int64_t now = now_us();
        bool more = !finished(&load, now);
        int n;

        if (!more && drain_until == 0)
            drain_until = now + DRAIN_US;
        if ((!more && (now >= drain_until || !outstanding(&load))) || (tick != NULL && !tick(arg)))
            break;
        send_all(&load, more);
        n = epoll_wait(load.epoll, events, 64, TICK_US / 1000);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;

            if (c->fd >= 0 && !receive(&load, c))
                connection_close(c);
        }
    }
    /* What the kernel already holds counts as received: the server sent it. */
    for (unsigned i = 0; i < options->connections; i++) {
        struct connection *c = &load.connections[i];

        if (c->fd >= 0)
            receive(&load, c);
        connection_close(c);
    }
    free(load.connections);
    close(load.epoll);
}
