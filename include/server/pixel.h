/*
 * pixel.h - the transparent 1 x 1 GIF as an answer: what a page's <img> wants to see.
 */
#ifndef CRUMB_SERVER_PIXEL_H
#define CRUMB_SERVER_PIXEL_H

#include "server/endpoint.h"

/* Pages of any origin embed it, and each of their loads must reach us. */
#define PIXEL_HEADERS                                                                              \
    "Cache-Control: no-store\r\n"                                                                  \
    "Cross-Origin-Resource-Policy: cross-origin\r\n"

/* headers: PIXEL_HEADERS and more. */
void pixel_answer(struct exchange *x, const struct buf *headers);

#endif
