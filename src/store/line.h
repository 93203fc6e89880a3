/*
 * line.h - the little that the store knows about a line: one JSON object with "ts" and "id".
 *
 *      {"v":1,"ts":"2026-11-23T14:05:09.123Z","id":"<instance>-<worker>-<seq>",...}
 *
 * Thread: any.
 */
#ifndef CRUMB_STORE_LINE_H
#define CRUMB_STORE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "format.h"

/* The text of ts, exactly DATE_RFC3339_BYTES, or absent. Such texts compare like their times. */
struct str line_ts_text(struct str line);

bool line_ts_ms(struct str line, int64_t *ms);

/* The number at the end of id, if the rest of it names this writer. */
bool line_seq(struct str line, const struct segment_id *writer, uint64_t *seq);

/* The same for any writer. */
bool line_id(struct str line, struct segment_id *writer, uint64_t *seq);

#endif
