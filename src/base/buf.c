/*
 * buf.c - numbers and formatted text into a bounded buffer. See buf.h for the contract.
 */
#include "base/buf.h"

#include <stdio.h>

#define U64_DIGITS_MAX 20

/* Writes the digits so that they end at `end`; returns where they start. */
static char *digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return end;
}

void buf_add_u64(struct buf *b, uint64_t value)
{
    char digits[U64_DIGITS_MAX];
    char *end = digits + sizeof digits;
    char *start = digits_before(end, value);

    buf_add(b, start, (size_t)(end - start));
}

void buf_add_i64(struct buf *b, int64_t value)
{
    if (value >= 0) {
        buf_add_u64(b, (uint64_t)value);
        return;
    }
    buf_add_char(b, '-');
    buf_add_u64(b, 0 - (uint64_t)value);
}

void buf_add_u64_padded(struct buf *b, uint64_t value, unsigned width)
{
    char digits[U64_DIGITS_MAX];
    char *end = digits + sizeof digits;
    char *start = digits_before(end, value);

    while (width <= U64_DIGITS_MAX && (size_t)(end - start) < width)
        *--start = '0';
    buf_add(b, start, (size_t)(end - start));
}

void buf_addv(struct buf *b, const char *format, va_list args)
{
    size_t room = b->cap - b->n;
    int n;

    if (b->full)
        return;
    n = vsnprintf(b->p + b->n, room, format, args);
    if (n < 0 || (size_t)n >= room) { /* vsnprintf wants a byte for its terminator too */
        b->full = true;
        return;
    }
    b->n += (size_t)n;
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_addv(b, format, args);
    va_end(args);
}
