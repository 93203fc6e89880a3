/*
 * codec.h - an event as the line that is stored: one flat JSON object, UTF-8, ended by a newline.
 *
 * Field order, names and limits are one table in src/model/fields.h; crumb-hits(5) and `crumb
 * schema` follow from it. Derived here: host, path and query of an http or https url, ref_host, and
 * the utm_ fields from url's query (percent-decoded, the first of each wins). User name and
 * password are taken out of url and ref. An absent or empty string is a field that is left out.
 * Thread: any.
 */
#ifndef CRUMB_MODEL_CODEC_H
#define CRUMB_MODEL_CODEC_H

#include "model/event.h"

/*
 * Writes at most EVENT_LINE_BYTES_MAX and never fails for a buffer with that much room. A string
 * beyond its field's limit is cut at a character. Params that do not fit their limit together are
 * left out from the first that does not fit on; returns how many.
 */
unsigned codec_add_line(struct buf *b, const struct event *event);

/* Host and path of an http or https url as a record has them, but in the case as sent; else absent. */
void codec_url_parts(struct str url, struct str *host, struct str *path);

enum codec_type {
    CODEC_INTEGER,
    CODEC_NUMBER,
    CODEC_STRING,
    CODEC_BOOLEAN,
    CODEC_TIMESTAMP,
    CODEC_MAP
};

struct codec_field {
    const char *name;
    enum codec_type type;
    unsigned max_bytes;   /* of a string or map as written, escapes included; 0: fixed form */
    const char *sentence; /* for crumb-hits(5) and the schemas */
};

/* Every field that a line of this schema version can have, in the order in which they are written. */
const struct codec_field *codec_fields(size_t *count);

#endif
