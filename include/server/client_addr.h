/*
 * client_addr.h - whose request it is: the peer, or the address for which a chain of trusted
 * proxies vouches.
 *
 * A proxy's header is read only when the peer is in trusted_proxies, and only the one that
 * client_address names. The walk goes from the right: each address was written by the one to its
 * right, so it is believed only while that one is trusted. The first address that is not trusted
 * is the client. An element that is missing, malformed, "unknown" or obfuscated ends the walk at
 * the last address that was vouched for. Nothing is ever resolved by DNS. Pure; any thread.
 */
#ifndef CRUMB_SERVER_CLIENT_ADDR_H
#define CRUMB_SERVER_CLIENT_ADDR_H

#include <stdbool.h>

#include "base/ip.h"
#include "model/config.h"
#include "server/http.h"

/* Who is asking, after the proxies have been judged. */
struct client {
    struct ip ip;
    bool https; /* the client's own connection is encrypted, as far as a trusted proxy says so */
};

/*
 * https: with x-forwarded-for the last value of X-Forwarded-Proto; with forwarded the proto= of
 * the last element that was believed, which may hide the client's name. The caller may know better (its own TLS) and sets it
 * afterwards.
 */
void client_from_request(struct client *out, const struct config_proxies *proxies,
                         const struct ip *peer, const struct http_request *request);

#endif
