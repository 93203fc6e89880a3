/*
 * listener.c - see listener.h for the contract. server.c opens, worker.c accepts.
 *
 * What must be true: the first socket of a group claims its port alone. SO_REUSEPORT would let any
 * process of the same user, or another group of ours, bind the same port and take half of the
 * connections in silence. So the first one listens without it, because only a port that listens
 * refuses others when both have SO_REUSEADDR, and gets it afterwards, for its siblings only.
 */
#include "server/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    };
    socklen_t n;
};

static bool parse_address(struct str text, struct address *address)
{
    bool bracketed = text.n > 0 && text.p[0] == '[';
    size_t end = text.n;
    struct str host;
    struct ip ip;
    uint64_t port;

    while (end > 0 && text.p[end - 1] != ':')
        end--;
    if (end < 2 || !str_to_u64(str_from(text.p + end, text.n - end), 65535, &port))
        return false;
    host = str_from(text.p, end - 1);
    if (bracketed) {
        if (host.n < 2 || host.p[host.n - 1] != ']')
            return false;
        host = str_from(host.p + 1, host.n - 2);
    }
    if (!ip_parse(host, &ip) || bracketed != (ip.family == 6))
        return false;
    *address = (struct address){ .n = 0 };
    if (ip.family == 4) {
        address->n = sizeof address->ipv4;
        address->ipv4.sin_family = AF_INET;
        address->ipv4.sin_port = htons((uint16_t)port);
        memcpy(&address->ipv4.sin_addr, ip.bytes, 4);
    } else {
        address->n = sizeof address->ipv6;
        address->ipv6.sin6_family = AF_INET6;
        address->ipv6.sin6_port = htons((uint16_t)port);
        memcpy(&address->ipv6.sin6_addr, ip.bytes, 16);
    }
    return true;
}

static int set(int fd, int level, int option)
{
    int on = 1;

    return setsockopt(fd, level, option, &on, sizeof on);
}

/* Accepted sockets inherit TCP_NODELAY, which saves each of them a call. */
static int set_options(int fd, const struct address *address, bool first)
{
    if (set(fd, SOL_SOCKET, SO_REUSEADDR) != 0 || set(fd, IPPROTO_TCP, TCP_NODELAY) != 0)
        return -1;
    if (address->any.sa_family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0)
        return -1;
    return first ? 0 : set(fd, SOL_SOCKET, SO_REUSEPORT);
}

static int fail(const char *text, struct err *e)
{
    if (errno == EADDRINUSE)
        return err_set(e, ERR_BUSY, "cannot listen on %s: the port is in use already", text);
    return err_sys(e, "cannot listen on %s", text);
}

static int bind_member(const char *text, struct address *address, bool first, int *fd,
                       struct err *e)
{
    *fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return err_sys(e, "cannot open a socket for %s", text);
    if (set_options(*fd, address, first) != 0 || bind(*fd, &address->any, address->n) != 0)
        return fail(text, e);
    if (first && (listen(*fd, BACKLOG) != 0 || set(*fd, SOL_SOCKET, SO_REUSEPORT) != 0 ||
                  getsockname(*fd, &address->any, &address->n) != 0)) /* the port, if it was 0 */
        return fail(text, e);
    return 0;
}

int listener_bind(const char *text, struct listener *members, unsigned count, struct err *e)
{
    struct address address;

    if (!parse_address(str_of(text), &address))
        return err_set(e, ERR_INPUT, "%s is not an address and a port to listen on", text);
    for (unsigned i = 0; i < count; i++) {
        if (bind_member(text, &address, i == 0, &members[i].fd, e) != 0) {
            for (unsigned k = 0; k <= i; k++)
                listener_close(&members[k]);
            return -1;
        }
    }
    return 0;
}

int listener_start(const struct listener *listener, struct err *e)
{
    char text[IP_TEXT_BYTES + 16] = "";
    struct buf b = buf_over(text, sizeof text - 1);

    if (listen(listener->fd, BACKLOG) == 0)
        return 0;
    listener_add_address(&b, listener);
    return fail(text, e);
}

static struct ip ip_of(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return ip_of_bytes(&address->ipv4.sin_addr, 4);
    return ip_of_bytes(&address->ipv6.sin6_addr, 16);
}

void listener_add_address(struct buf *b, const struct listener *listener)
{
    struct address address = { .n = sizeof address.ipv6 };
    struct ip ip;

    if (getsockname(listener->fd, &address.any, &address.n) != 0)
        return;
    ip = ip_of(&address);
    if (ip.family == 6)
        buf_add_char(b, '[');
    ip_add(b, &ip);
    if (ip.family == 6)
        buf_add_char(b, ']');
    buf_add_char(b, ':');
    buf_add_u64(b, ntohs(ip.family == 6 ? address.ipv6.sin6_port : address.ipv4.sin_port));
}

int listener_accept(const struct listener *listener, struct ip *peer)
{
    struct address address = { .n = sizeof address.ipv6 };
    int fd = accept4(listener->fd, &address.any, &address.n, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        *peer = ip_of(&address);
    return fd;
}

void listener_close(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}
