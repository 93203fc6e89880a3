/*
 * rejected.h - crumb tail --rejected: what the server refused and why, as store/rejects.h keeps it.
 */
#ifndef CRUMB_CLI_REJECTED_H
#define CRUMB_CLI_REJECTED_H

#include <stdint.h>

#include "base/err.h"
#include "cli/out.h"

/*
 * The newest `lines` of what is kept (0: none), then each new one until Ctrl-C, until the reader goes
 * away, or until the time given. No folder is no error: nothing has been refused yet.
 */
int rejected_follow(const char *data, uint64_t lines, int64_t until_ms, struct out *o,
                    struct err *e);

#endif
