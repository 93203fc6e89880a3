/*
 * sample.h - keeps what was refused, cut short and without e-mail addresses, for `crumb tail --rejected`.
 */
#ifndef CRUMB_SERVER_SAMPLE_H
#define CRUMB_SERVER_SAMPLE_H

#include "server/endpoint.h"

#define SAMPLE_BYTES_MAX 512

/* Never of a browser that opted out. sample may be any bytes. */
void sample_keep(const struct exchange *x, const char *reason, struct str sample);

#endif
