/*
 * clock.h - the only place that asks what time it is. Tests link another clock.c and travel in
 * time.
 *
 * Wall time is UTC in milliseconds since 1970 and may jump; monotonic time never goes back and has
 * no meaning beyond differences. Thread: any.
 */
#ifndef CRUMB_BASE_CLOCK_H
#define CRUMB_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

#endif
