/*
 * units.h - durations and sizes as people write them: "10m", "256MiB".
 *
 * A number is an integer and a unit follows it without a space. Durations: ms s m h d. Sizes: B KiB
 * MiB GiB TiB; a bare 0 needs no unit. Anything else, and anything that overflows, is refused.
 */
#ifndef CRUMB_BASE_UNITS_H
#define CRUMB_BASE_UNITS_H

#include "base/buf.h"

bool units_parse_duration_ms(struct str s, int64_t *ms);
bool units_parse_size_bytes(struct str s, uint64_t *bytes);

/* Written with the largest unit that divides them. */
void units_add_duration_ms(struct buf *b, int64_t ms);
void units_add_size_bytes(struct buf *b, uint64_t bytes);

#endif
