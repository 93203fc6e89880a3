/*
 * server.h - the running crumbd as a whole: from a configuration to a clean end.
 *
 * SIGTERM and SIGINT drain: /readyz says no, listeners close, what has begun is answered,
 * everything is sealed. A second one does not wait for answers, but seals too. SIGHUP reads
 * configuration, keys and geo databases anew and keeps the old ones if any is bad. A geo database
 * that is replaced on disk is taken up by itself.
 */
#ifndef CRUMB_SERVER_SERVER_H
#define CRUMB_SERVER_SERVER_H

#include "base/err.h"

#define CRUMBD_VERSION "0.1.0"

/*
 * Serves on the calling thread, and others that it starts, until a signal says stop. path names the
 * config file; NULL: the defaults. -1 and one sentence when it could not start, or could not seal
 * everything at the end. Call once, before any other thread exists.
 */
int server_run(const char *path, struct err *e);

#endif
