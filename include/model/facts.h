/*
 * facts.h - from a query string to facts (design: HTTP surface, GET /b.gif).
 *
 * Keys: site e url ref title sw sh lang pv uid; any other key goes into params. The first of a repeated
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
/*
 * The pairs of a query string, decoded as above, for protocols with keys of their own: an empty key is
 * left out. Returns how many did not fit the memory.
 */
typedef void facts_pair_fn(void *arg, struct str key, struct str value);
unsigned facts_pairs(struct str query, struct buf *memory, facts_pair_fn *each, void *arg);

/* Nothing known: where every reader of facts begins. */
void facts_clear(struct facts *facts);

/*
 * One more of params, as it is: key is UTF-8, both live as long as the facts. False when something
 * of it was lost, or all. late_ms, how long the page held an event back, is worth keeping only
 * beyond FACTS_LATE_MS: otherwise it is true and gone.
 */
#define FACTS_LATE_MS 5000
bool facts_add_param(struct facts *facts, struct str key, struct str value);

/*
 * What kind of event facts.name makes it: none or "view" is a page view, "ping" a ping, anything
 * else an event. The names of the first two are taken away: the kind says it all.
 */
enum event_kind facts_kind(struct facts *facts);

void facts_from_query(struct facts *facts, struct str query, struct buf *memory);

#endif
