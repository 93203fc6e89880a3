/*
 * marks.c - the inner loop of reports: 64 bytes a turn. See marks.h for the contract.
 *
 * Called by hit.c for every 16 KiB. Each way compares 64 bytes with four characters (look_*), all
 * share what is made of the answers (add_step). Always true: text[n] and what follows is never read,
 * as the last step is made from a copy.
 */
#include "marks.h"

#include <endian.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#define always_inline static inline __attribute__((always_inline))

/* What stands where in 64 bytes. */
struct look {
    uint64_t quotes, slashes, newlines;
    uint64_t ends; /* quotes with a colon behind; escaped or not */
};

/* Which of the 64 bytes have an escaping backslash before them. */
static uint64_t escaped_bytes(uint64_t slashes, bool *escaped_first)
{
    uint64_t escaped = *escaped_first ? 1 : 0;

    *escaped_first = false;
    slashes &= ~escaped;
    while (slashes != 0) {
        int at = __builtin_ctzll(slashes);

        if (at == MARKS_STEP - 1) {
            *escaped_first = true;
            break;
        }
        escaped |= UINT64_C(2) << at;
        slashes &= ~(UINT64_C(3) << at);
    }
    return escaped;
}

/* Some places are written without asking whether there are so many: that is cheaper than a wrong guess. */
always_inline void add_places(struct marks *marks, size_t at, uint64_t bits)
{
    uint16_t *to = marks->place + marks->count;

    marks->count += (size_t)__builtin_popcountll(bits);
#pragma GCC unroll 4
    for (int i = 0; i < MARKS_AHEAD; i++) {
        to[i] = (uint16_t)(at + (unsigned)__builtin_ctzll(bits | UINT64_C(1) << 63));
        bits &= bits - 1;
    }
    for (to += MARKS_AHEAD; bits != 0; bits &= bits - 1)
        *to++ = (uint16_t)(at + (unsigned)__builtin_ctzll(bits));
}

/* From step to step. */
struct state {
    uint64_t before;
    bool escaped_first; /* the step before ended with a backslash that counts */
};

always_inline void add_step(struct marks *marks, size_t step, struct state *state, struct look look)
{
    marks->slashes[step] = (look.slashes != 0) | state->escaped_first;
    if (marks->slashes[step]) {
        uint64_t escaped = escaped_bytes(look.slashes, &state->escaped_first);

        look.quotes &= ~escaped;
        look.ends &= ~escaped;
    }
    marks->quotes[step] = look.quotes;
    marks->before[step] = state->before;
    state->before ^= look.quotes;
    add_places(marks, step * MARKS_STEP, look.ends | look.newlines);
}

/* An empty step behind the last one: what follows the text is a place, too. */
static void end_steps(struct marks *marks, size_t steps, const struct state *state)
{
    marks->steps = steps;
    marks->quotes[steps] = 0;
    marks->before[steps] = state->before;
    marks->slashes[steps] = false;
}

/* ---- 64 bytes, of 65 that can be read --------------------------------------------------------------- */

/* A bit for each of the 8 bytes that is c; the first byte is the lowest, in the word as in the result. */
always_inline uint64_t equal_bytes(uint64_t word, char c)
{
    const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
    uint64_t other = word ^ UINT64_C(0x0101010101010101) * (unsigned char)c;
    uint64_t equal = ~(((other & low) + low) | other | low);

    return (equal >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

always_inline uint64_t word_at(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

always_inline struct look look_plain(const char *p)
{
    struct look look = { 0 };

    for (int i = 0; i < MARKS_STEP; i += 8) {
        uint64_t word = word_at(p + i), quotes = equal_bytes(word, '"');

        look.quotes |= quotes << i;
        look.ends |= (quotes & equal_bytes(word_at(p + i + 1), ':')) << i;
        look.slashes |= equal_bytes(word, '\\') << i;
        look.newlines |= equal_bytes(word, '\n') << i;
    }
    return look;
}

#ifdef __SSE2__
always_inline struct look look_sse2(const char *p)
{
    struct look look = { 0 };

#pragma GCC unroll 4
    for (int i = 0; i < MARKS_STEP; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i behind = _mm_loadu_si128((const __m128i *)(const void *)(p + i + 1));
        __m128i quotes = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
        __m128i ends = _mm_and_si128(quotes, _mm_cmpeq_epi8(behind, _mm_set1_epi8(':')));
        __m128i slashes = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
        __m128i newlines = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));

        look.quotes |= (uint64_t)(unsigned)_mm_movemask_epi8(quotes) << i;
        look.ends |= (uint64_t)(unsigned)_mm_movemask_epi8(ends) << i;
        look.slashes |= (uint64_t)(unsigned)_mm_movemask_epi8(slashes) << i;
        look.newlines |= (uint64_t)(unsigned)_mm_movemask_epi8(newlines) << i;
    }
    return look;
}

#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

AVX2 always_inline struct look look_avx2(const char *p)
{
    struct look look = { 0 };

#pragma GCC unroll 2
    for (int i = 0; i < MARKS_STEP; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
        __m256i behind = _mm256_loadu_si256((const __m256i *)(const void *)(p + i + 1));
        __m256i quotes = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"'));
        __m256i ends = _mm256_and_si256(quotes, _mm256_cmpeq_epi8(behind, _mm256_set1_epi8(':')));
        __m256i slashes = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));
        __m256i newlines = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n'));

        look.quotes |= (uint64_t)(unsigned)_mm256_movemask_epi8(quotes) << i;
        look.ends |= (uint64_t)(unsigned)_mm256_movemask_epi8(ends) << i;
        look.slashes |= (uint64_t)(unsigned)_mm256_movemask_epi8(slashes) << i;
        look.newlines |= (uint64_t)(unsigned)_mm256_movemask_epi8(newlines) << i;
    }
    return look;
}
#endif

/* ---- ways ---------------------------------------------------------------------------------------------- */

#define LOOP(look)                                                                                 \
    struct state state = { 0 };                                                                    \
    size_t step = 0;                                                                               \
    char rest[MARKS_STEP + 1] = { 0 };                                                             \
                                                                                                   \
    marks->text = text;                                                                            \
    marks->n = n;                                                                                  \
    marks->count = 0;                                                                              \
    for (; n > MARKS_STEP; n -= MARKS_STEP, step++)                                                \
        add_step(marks, step, &state, look(text + step * MARKS_STEP));                             \
    memcpy(rest, text + step * MARKS_STEP, n);                                                     \
    add_step(marks, step++, &state, look(rest));                                                   \
    end_steps(marks, step, &state)

static void mark_plain(struct marks *marks, const char *text, size_t n)
{
    LOOP(look_plain);
}

#ifdef __SSE2__
static void mark_sse2(struct marks *marks, const char *text, size_t n)
{
    LOOP(look_sse2);
}

AVX2 static void mark_avx2(struct marks *marks, const char *text, size_t n)
{
    LOOP(look_avx2);
}
#endif

marks_fn *const *marks_ways(void)
{
#ifdef __SSE2__
    static marks_fn *const ways[] = { mark_avx2, mark_sse2, mark_plain, NULL };

    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                   __builtin_cpu_supports("popcnt")
               ? ways
               : ways + 1;
#else
    static marks_fn *const ways[] = { mark_plain, NULL };

    return ways;
#endif
}
