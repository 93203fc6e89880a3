/*
 * pack.h - numbers and texts one behind the other in memory, and back, without trust. Private to the
 * report layer.
 *
 * A number is a varint: seven bits a byte, lowest first, the top bit says that more follow. Reading past
 * the end, or a number that has no end, makes the reader bad for good; what it gives from then on is 0.
 */
#ifndef CRUMB_SRC_REPORT_PACK_H
#define CRUMB_SRC_REPORT_PACK_H

#include "base/str.h"

struct pack {
    unsigned char *p; /* from malloc; NULL at first */
    size_t n, cap;
    bool failed; /* out of memory */
};

void pack_free(struct pack *pack);
void pack_bytes(struct pack *pack, const void *p, size_t n);
void pack_number(struct pack *pack, uint64_t value);
void pack_signed(struct pack *pack, int64_t value); /* small of either sign is short */
void pack_u64(struct pack *pack, uint64_t value);   /* eight bytes, lowest first */
void pack_text(struct pack *pack, struct str text); /* length, bytes */

struct unpack {
    const unsigned char *p, *end;
    bool bad;
};

static inline struct unpack unpack_over(const void *p, size_t n)
{
    return (struct unpack){ p, (const unsigned char *)p + n, false };
}

/* Borrowed from what is read; NULL when there are fewer. */
const unsigned char *unpack_bytes(struct unpack *u, size_t n);
uint64_t unpack_long_number(struct unpack *u);
static inline uint64_t unpack_number(struct unpack *u)
{
    return u->p < u->end && *u->p < 0x80 ? *u->p++ : unpack_long_number(u);
}

int64_t unpack_signed(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
struct str unpack_text(struct unpack *u);

/* Steps over n numbers without looking at them; one that has no end is not noticed. */
void unpack_skip(struct unpack *u, size_t n);

/*
 * The next n numbers are what each place is more than the one before, which is *last: the places go to
 * `place`, *last becomes the last one. One that is 0 more, or does not fit, is bad; then the places are
 * of no use, but there are n.
 */
void unpack_ascending(struct unpack *u, size_t n, uint32_t *last, uint32_t *place);

/* How many of something follow that takes at least `least` bytes each: more than there can be is bad. */
size_t unpack_count(struct unpack *u, size_t least);

#endif
