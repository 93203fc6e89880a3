/*
 * marks.h - where the quotes, key ends and line ends of a text are. Private to the report layer.
 *
 * The one pass over every byte of every stored line; hit.c then goes from place to place. Done with
 * what the processor has: AVX2, SSE2, or plain C; all give the same marks.
 */
#ifndef CRUMB_SRC_REPORT_MARKS_H
#define CRUMB_SRC_REPORT_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARKS_STEP  64  /* bytes to a word of bits; the first byte is the lowest bit */
#define MARKS_STEPS 256 /* bits are of 16 KiB, which stay in the nearest cache */
#define MARKS_AHEAD 4   /* places that are written whether there are so many or not */
#define MARKS_BYTES (MARKS_STEP * MARKS_STEPS)

struct marks {
    const char *text;
    size_t n;
    size_t steps;
    uint64_t quotes[MARKS_STEPS + 1]; /* those that begin or end a string: none escaped */
    uint64_t before[MARKS_STEPS + 1]; /* exclusive or of the quotes of all steps before */
    bool slashes[MARKS_STEPS + 1];    /* is there a backslash in this step? */
    /* Places of line ends and of quotes with a colon behind, which all ends of keys are. */
    size_t count;
    uint16_t place[MARKS_BYTES + MARKS_AHEAD];
};

/* Marks n bytes, 1 to MARKS_BYTES, which begin outside of a string. No byte behind them is read. */
typedef void marks_fn(struct marks *marks, const char *text, size_t n);

/* All ways that work here, the best one first; NULL ends the list. */
marks_fn *const *marks_ways(void);

/* Is place `at` outside of every string? True for 0. */
static inline bool marks_outside(const struct marks *marks, size_t at)
{
    size_t step = at / MARKS_STEP;
    uint64_t in_front = marks->quotes[step] & ((UINT64_C(1) << at % MARKS_STEP) - 1);

    return __builtin_parityll(marks->before[step] ^ in_front) == 0;
}

/* The first quote at or behind `at`, SIZE_MAX if there is none. *slashes: may one be on the way? */
static inline size_t marks_next_quote(const struct marks *marks, size_t at, bool *slashes)
{
    size_t step = at / MARKS_STEP;
    uint64_t quotes = marks->quotes[step] >> at % MARKS_STEP;

    *slashes = marks->slashes[step];
    if (quotes != 0)
        return at + (unsigned)__builtin_ctzll(quotes);
    while (++step < marks->steps) {
        *slashes |= marks->slashes[step];
        if (marks->quotes[step] != 0)
            return step * MARKS_STEP + (unsigned)__builtin_ctzll(marks->quotes[step]);
    }
    return SIZE_MAX;
}

#endif
