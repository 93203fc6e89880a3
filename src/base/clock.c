/*
 * clock.c - the only caller of clock_gettime. See clock.h for the contract.
 */
#include "base/clock.h"

#include <time.h>

static int64_t now_us(clockid_t which)
{
    struct timespec ts;

    clock_gettime(which, &ts); /* cannot fail: both clocks exist and ts is ours */
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}
