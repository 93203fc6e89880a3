/*
 * facts.h - from a query string to facts (design: HTTP surface, GET /b.gif).
 *
 * Keys: site e url ref title sw sh lang pv; any other key goes into params. The first of a repeated
 * key wins; an empty value is kept as empty for params and is as if not sent for the rest. Thread:
 * any.
 */
#ifndef CRUMB_MODEL_FACTS_H
#define CRUMB_MODEL_FACTS_H

#include "model/event.h"

#define FACTS_PARAM_KEY_BYTES_MAX   64
#define FACTS_PARAM_VALUE_BYTES_MAX 512

/*
 * Decodes `query` (without the '?') into *facts: percent-encoding, and '+' as a space. Text that is
 * nothing but itself is borrowed from `query`, decoded text is put into `memory`; both must live as
 * long as the facts. Memory as large as the query is enough, except for keys with bytes that are
 * not UTF-8, which grow to three times their size. What does not fit a limit is cut at a character
 * or dropped, and counted in params_dropped, never an error: a page owner's odd query must not cost
 * a hit. Values may be any bytes (codec.h replaces what is not UTF-8); keys of params are UTF-8 and
 * differ from each other.
 */
void facts_from_query(struct facts *facts, struct str query, struct buf *memory);

#endif
