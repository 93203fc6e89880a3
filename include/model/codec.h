/*
 * codec.h - an event as the line that is stored: one flat JSON object, UTF-8, ended by a newline.
 *
 * Field order, names and limits are one table in codec.c; crumb-hits(5) and `crumb schema` follow from it.
 */
#ifndef CRUMB_MODEL_CODEC_H
#define CRUMB_MODEL_CODEC_H

#include "model/event.h"

/* At most EVENT_LINE_BYTES_MAX. Never fails for a buffer of that size. Strings beyond their field's limit are cut at a character. */
void codec_add_line(struct buf *b, const struct event *event);

enum codec_type { CODEC_INTEGER, CODEC_NUMBER, CODEC_STRING, CODEC_BOOLEAN, CODEC_TIMESTAMP, CODEC_MAP };

struct codec_field {
    const char *name;
    enum codec_type type;
    unsigned max_bytes;    /* of a string value before escaping; 0: fixed form */
    const char *sentence;  /* for crumb-hits(5) and the schemas */
};

/* Every field that a line of this schema version can have, in the order in which they are written. */
const struct codec_field *codec_fields(size_t *count);

#endif
