/*
 * live_tap.h - the ring between one worker and the thread that gathers. Private to the server.
 *
 * One writer, one reader, no lock: the writer owns `head`, the reader `tail`, both only grow.
 */
#ifndef CRUMB_SRC_SERVER_LIVE_TAP_H
#define CRUMB_SRC_SERVER_LIVE_TAP_H

#include "server/live.h"

enum live_text { TAP_SITE, TAP_URL, TAP_REF, TAP_TITLE, TAP_NAME, TAP_UA, TAP_TEXTS };

/* A hit as it was, cut to size: nothing is checked or decoded here. */
struct tap_hit {
    int64_t ts_ms;
    uint64_t visitor;
    char country[2]; /* 0: unknown */
    uint8_t kind;
    bool prefetch;
    uint16_t bytes[TAP_TEXTS]; /* of each, one behind the other */
    char text[992];
};

/* NULL: out of memory. live_tap_free takes NULL. */
struct live_tap *live_tap_new(uint64_t seed);
void live_tap_free(struct live_tap *tap);

/* Gatherer: the oldest hit, or NULL; it stays until live_tap_done. */
const struct tap_hit *live_tap_next(const struct live_tap *tap);
void live_tap_done(struct live_tap *tap);

struct str live_tap_text(const struct tap_hit *hit, enum live_text which);

/* Hits for which there was no room, ever. */
uint64_t live_tap_unseen(const struct live_tap *tap);

#endif
