/*
 * buf.h - writes text into memory that somebody else owns, and never past its end.
 *
 * A write that does not fit writes nothing, sets `full`, and every later write is refused too:
 * callers build a whole line or answer and look at `full` once. Rewinding to a mark clears it
 * again.
 */
#ifndef CRUMB_BASE_BUF_H
#define CRUMB_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct buf {
    char *p;
    size_t n;   /* bytes written */
    size_t cap; /* bytes there are */
    bool full;  /* something did not fit */
};

static inline struct buf buf_over(void *memory, size_t cap_bytes)
{
    return (struct buf){ memory, 0, cap_bytes, false };
}

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){ b->p, b->n };
}

/* Room for n more bytes? If not, the buffer is full from now on. */
static inline bool buf_room(struct buf *b, size_t n)
{
    if (b->full || b->cap - b->n < n) {
        b->full = true;
        return false;
    }
    return true;
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_room(b, n) || n == 0)
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static inline void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

static inline void buf_add_char(struct buf *b, char c)
{
    if (buf_room(b, 1))
        b->p[b->n++] = c;
}

/* Takes back everything after the first n bytes. */
static inline void buf_rewind(struct buf *b, size_t n)
{
    b->n = n;
    b->full = false;
}

/* For literals only: the length is known when compiling. */
#define buf_add_lit(b, literal) buf_add((b), "" literal, sizeof(literal) - 1)

void buf_add_u64(struct buf *b, uint64_t value);
void buf_add_i64(struct buf *b, int64_t value);

/* Decimal with leading zeros up to width digits (at most 20). */
void buf_add_u64_padded(struct buf *b, uint64_t value, unsigned width);

/* printf into the buffer; for cold paths. */
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
