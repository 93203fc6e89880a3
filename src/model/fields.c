/*
 * fields.c - writes one field of a stored line, within its limit. See fields.h.
 *
 * Called by codec.c for every hit and by geo.c for every entry that is not in its cache. Always
 * true: a field takes at most its key, its limit and two quotes, whatever bytes its value has.
 */
#include "fields.h"

#include "base/json.h"
#include "base/utf8.h"

/*
 * Never made: its size is the largest line. A value takes its limit and two quotes; 26 bytes hold
 * every number and boolean, and a time with its quotes.
 */
struct largest_line {
#define ROW_BYTES(id, name, type, max, sentence)                                                   \
    char id[sizeof field_key_##id + ((max) > 0 ? (max) + 2 : 26)];
    FIELDS(ROW_BYTES)
#undef ROW_BYTES
    char braces_and_newline[3];
};
_Static_assert(sizeof(struct largest_line) <= EVENT_LINE_BYTES_MAX, "the largest line must fit");

const struct codec_field *codec_fields(size_t *count)
{
    static const struct codec_field fields[] = {
#define FIELD_ROW(id, name, type, max, sentence) { name, type, max, sentence },
        FIELDS(FIELD_ROW)
#undef FIELD_ROW
    };

    *count = sizeof fields / sizeof fields[0];
    return fields;
}

/* The way for text whose escapes do not fit: character by character up to the limit. */
static void add_until_full(struct buf *b, struct str s, size_t max_bytes)
{
    size_t start = b->n;

    while (s.n > 0) {
        uint32_t point;
        bool valid;
        size_t mark = b->n, n = utf8_next(s, &point, &valid);

        json_add_escaped(b, str_from(s.p, n));
        if (b->full || b->n - start > max_bytes) {
            buf_rewind(b, mark);
            return;
        }
        s.p += n;
        s.n -= n;
    }
}

void field_add_text(struct buf *b, struct str s, size_t max_bytes)
{
    size_t start = b->n;

    if (b->full || s.n == 0)
        return;
    s = utf8_cut(s, max_bytes);
    json_add_escaped(b, s);
    if (b->full || b->n - start > max_bytes) {
        buf_rewind(b, start);
        add_until_full(b, s, max_bytes);
    }
}

void field_add_string_(struct buf *b, const char *key, size_t key_bytes, struct str s,
                       size_t max_bytes)
{
    if (s.n == 0)
        return;
    buf_add(b, key, key_bytes);
    buf_add_char(b, '"');
    field_add_text(b, s, max_bytes);
    buf_add_char(b, '"');
}
