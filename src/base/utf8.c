/*
 * utf8.c - strict UTF-8 and percent-decoding. See utf8.h for the contract.
 */
#include "base/utf8.h"

#define REPLACEMENT 0xFFFDu

/*
 * The second byte's range depends on the first (Unicode 15, table 3-7); third and fourth are
 * always 80..BF.
 */
static bool second_byte_range(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (first < 0xC2 || first > 0xF4)
        return false;
    if (first == 0xE0)
        *low = 0xA0;
    else if (first == 0xED)
        *high = 0x9F;
    else if (first == 0xF0)
        *low = 0x90;
    else if (first == 0xF4)
        *high = 0x8F;
    return true;
}

size_t utf8_next(struct str s, uint32_t *point, bool *valid)
{
    const unsigned char *p = (const unsigned char *)s.p;
    unsigned char low, high;
    size_t want;
    uint32_t value;

    *valid = true;
    if (p[0] < 0x80) {
        *point = p[0];
        return 1;
    }
    *point = REPLACEMENT;
    *valid = false;
    if (!second_byte_range(p[0], &low, &high))
        return 1;
    want = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    value = p[0] & (0x7Fu >> want);
    for (size_t i = 1; i < want; i++) {
        if (i >= s.n || p[i] < low || p[i] > high)
            return i;
        value = value << 6 | (p[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *point = value;
    *valid = true;
    return want;
}

bool utf8_valid(struct str s)
{
    uint32_t point;
    bool valid;

    while (s.n > 0) {
        size_t n = utf8_next(s, &point, &valid);

        if (!valid)
            return false;
        s.p += n;
        s.n -= n;
    }
    return true;
}

struct str utf8_cut(struct str s, size_t max_bytes)
{
    size_t n = max_bytes;

    if (s.n <= max_bytes)
        return s;
    /* Step back over continuation bytes to the start of the character that would be split. */
    while (n > 0 && max_bytes - n < 3 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    if (((unsigned char)s.p[n] & 0xC0) == 0x80)
        n = max_bytes; /* four continuation bytes in a row: not UTF-8 anyway */
    return str_from(s.p, n);
}

static void add_hex(struct buf *b, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char escaped[] = { '\\', 'x', digits[byte >> 4], digits[byte & 15] };

    buf_add(b, escaped, sizeof escaped);
}

bool utf8_has_no_shape(uint32_t point)
{
    static const uint32_t ranges[][2] = {
        { 0, 0x1F },        { 0x7F, 0x9F },     { 0xAD, 0xAD },     { 0x61C, 0x61C },
        { 0x180E, 0x180E }, { 0x200B, 0x200B }, { 0x200E, 0x200F }, { 0x2028, 0x202E },
        { 0x2060, 0x206F }, { 0xFEFF, 0xFEFF }, { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE007F },
    };

    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && point >= ranges[i][0]; i++) {
        if (point <= ranges[i][1])
            return true;
    }
    return false;
}

void utf8_add_printable(struct buf *b, struct str s)
{
    uint32_t point;
    bool valid;

    while (s.n > 0) {
        size_t n = utf8_next(s, &point, &valid);

        if (valid && point >= 0x20 && (point < 0x7F || point > 0x9F)) {
            buf_add(b, s.p, n);
        } else {
            for (size_t i = 0; i < n; i++)
                add_hex(b, (unsigned char)s.p[i]);
        }
        s.p += n;
        s.n -= n;
    }
}

/* How many bytes at the start are neither '%' nor, where it means a space, '+'. */
static size_t literal_bytes(struct str s, bool plus_is_space)
{
    size_t n = str_find(s, '%', 0);

    return plus_is_space ? str_find(str_from(s.p, n), '+', 0) : n;
}

/* The byte that "%41" at s.p stands for, or -1. */
static int escaped_byte(struct str s)
{
    int high, low;

    if (s.n < 3)
        return -1;
    high = str_hex_digit(s.p[1]);
    low = str_hex_digit(s.p[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void percent_decode(struct buf *b, struct str s, bool plus_is_space)
{
    while (s.n > 0) {
        size_t n = literal_bytes(s, plus_is_space);
        int byte;

        buf_add(b, s.p, n);
        s.p += n;
        s.n -= n;
        if (s.n == 0)
            return;
        n = 1;
        if (*s.p == '+') {
            buf_add_char(b, ' ');
        } else if ((byte = escaped_byte(s)) >= 0) {
            buf_add_char(b, (char)byte);
            n = 3;
        } else {
            buf_add_char(b, '%');
        }
        s.p += n;
        s.n -= n;
    }
}
