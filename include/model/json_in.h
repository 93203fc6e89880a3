/*
 * json_in.h - events that others send as JSON: one object, or an array of them, into facts.
 *
 * An event has the keys of facts.h: site e url ref title lang pv uid (texts) and sw sh (numbers); what
 * is in its object "params", and every other key, goes into params as text (a nested value as JSON).
 * null is as if not sent. Each event is judged by itself. The text as a whole has to be JSON as
 * RFC 8259 has it: UTF-8, no key twice, not deeper than JSON_IN_DEPTH_MAX. An escape of half a
 * surrogate pair is read as U+FFFD.
 *
 * This is the one place on a request's path that allocates: a tree of about 30 bytes for each byte of
 * the body at worst, which limits.body_size bounds, gone before the answer is sent. Thread: any; a
 * struct json_in belongs to one.
 */
#ifndef CRUMB_MODEL_JSON_IN_H
#define CRUMB_MODEL_JSON_IN_H

#include "base/err.h"
#include "model/event.h"

#define JSON_IN_DEPTH_MAX 8

struct json_in;

/*
 * NULL and why it is no JSON, with line and column; *events is how many there are (0 for []). under:
 * the events are in that key of an object around them, an array; NULL for our own protocol.
 */
struct json_in *json_in_read(struct str body, const char *under, size_t *events, struct err *e);
void json_in_free(struct json_in *in); /* takes NULL */

/*
 * The i-th event as facts. They borrow from `in` and from `memory`, where numbers are put as text.
 * False: it is not one, and e has why.
 */
bool json_in_event(const struct json_in *in, size_t i, struct facts *facts, struct buf *memory,
                   struct err *e);

/* The i-th event as compact JSON, cut after max_bytes: for whoever wants to see what was refused. */
void json_in_add_text(const struct json_in *in, size_t i, size_t max_bytes, struct buf *b);

/*
 * For the protocols of other trackers: the i-th event's keys and values, the values as text (null is
 * left out, a nested value as JSON); or the text itself where an event is a string. False when it is
 * neither an object nor a string.
 */
typedef void json_in_pair_fn(void *arg, struct str key, struct str value);
bool json_in_pairs(const struct json_in *in, size_t i, json_in_pair_fn *each, void *arg,
                   struct buf *memory);
struct str json_in_string(const struct json_in *in, size_t i); /* absent when it is none */

#endif
