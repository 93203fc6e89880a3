/*
 * proxy_protocol.h - the PROXY header, versions 1 and 2, that a balancer puts before a connection's
 * first request (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2).
 *
 * Pure: bytes in, an address out. Who may be believed is the caller's decision. Thread: any.
 */
#ifndef CRUMB_SERVER_PROXY_PROTOCOL_H
#define CRUMB_SERVER_PROXY_PROTOCOL_H

#include <stddef.h>

#include "base/ip.h"

/* A header that is longer is refused; real ones have 28 to some hundred bytes. */
#define PROXY_BYTES_MAX 2048

enum proxy_result { PROXY_INCOMPLETE, PROXY_COMPLETE, PROXY_BAD };

struct proxy_header {
    struct ip
        source;   /* family 0: the balancer speaks for itself, or does not say (LOCAL, UNKNOWN) */
    size_t bytes; /* what the header took */
};

/* Refuses as soon as the first bytes cannot become a header. */
enum proxy_result proxy_parse(const char *data, size_t n, struct proxy_header *header);

#endif
