/*
 * listener.h - listening sockets: one group of them for each configured address, one member a
 * worker.
 *
 * IPv6 addresses listen for IPv6 only, so that "0.0.0.0:8080" and "[::]:8080" can stand side by
 * side. Thread: opening on the main thread, accepting on the member's worker.
 */
#ifndef CRUMB_SERVER_LISTENER_H
#define CRUMB_SERVER_LISTENER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"

struct listener {
    int fd;
    bool proxy_protocol;
};

/*
 * Binds count sockets to one address ("127.0.0.1:8080", "[::1]:8080"; port 0: the first takes a
 * free one, the rest the same). Nobody can connect yet. ERR_BUSY when the port is in use, also by
 * another crumbd. On failure no socket is left open.
 */
int listener_bind(const char *address, struct listener *members, unsigned count, struct err *e);

/* From now on clients can connect. */
int listener_start(const struct listener *listener, struct err *e);

/* The address that it is bound to, with the real port. */
void listener_add_address(struct buf *b, const struct listener *listener);

/* A non-blocking connection and who it is, or -1 and errno. */
int listener_accept(const struct listener *listener, struct ip *peer);

void listener_close(struct listener *listener);

#endif
