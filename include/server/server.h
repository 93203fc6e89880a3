/*
 * server.h - the running crumbd as a whole: starting, reloading, draining; and what the admin
 * endpoints may ask it.
 *
 * server_run is called once, by main. Everything else is for endpoints on the admin listener, which
 * find the struct server in their context; they run on the main thread.
 */
#ifndef CRUMB_SERVER_SERVER_H
#define CRUMB_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "server/metrics.h"
#include "server/snapshot.h"

struct server;
struct store;

/*
 * Serves until SIGTERM or SIGINT. config_path may be NULL: then SIGHUP has nothing to read and only
 * opens the geo databases anew. Takes first over. Returns 0 after a clean end, -1 when it could not
 * start or could not seal everything; the sentence is in e.
 */
int server_run(const char *config_path, struct snapshot *first, struct err *e);

/* False from the moment a stop was asked for: load balancers should look elsewhere. */
bool server_is_serving(const struct server *server);

/* For store_probe and store_counters. */
struct store *server_store(const struct server *server);

/* What new exchanges are answered with; valid until the endpoint returns. */
const struct snapshot *server_snapshot(const struct server *server);

/*
 * The counters of one public loop thread, 0 .. server_workers - 1. Read each with a relaxed load.
 */
unsigned server_workers(const struct server *server);
const struct metrics *server_metrics(const struct server *server, unsigned worker);

/* Public connections held now, and how many may be. */
uint64_t server_connections(const struct server *server);
uint64_t server_connections_max(const struct server *server);

/* Wall time of the start. */
int64_t server_started_ms(const struct server *server);

#endif
