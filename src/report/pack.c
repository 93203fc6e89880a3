/*
 * pack.c - see pack.h for the contract.
 */
#include "pack.h"

#include <endian.h>
#include <stdlib.h>

#define FIRST_BYTES  4096
#define NUMBER_BYTES 10 /* the longest */

void pack_free(struct pack *pack)
{
    free(pack->p);
    *pack = (struct pack){ 0 };
}

static bool room(struct pack *pack, size_t n)
{
    size_t cap = pack->cap == 0 ? FIRST_BYTES : pack->cap;
    unsigned char *p;

    if (pack->failed)
        return false;
    if (pack->cap - pack->n >= n)
        return true;
    while (cap - pack->n < n)
        cap *= 2;
    p = realloc(pack->p, cap);
    pack->failed = p == NULL;
    if (p == NULL)
        return false;
    pack->p = p;
    pack->cap = cap;
    return true;
}

void pack_bytes(struct pack *pack, const void *p, size_t n)
{
    if (n == 0 || !room(pack, n))
        return;
    memcpy(pack->p + pack->n, p, n);
    pack->n += n;
}

void pack_number(struct pack *pack, uint64_t value)
{
    if (!room(pack, NUMBER_BYTES))
        return;
    while (value >= 0x80) {
        pack->p[pack->n++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    pack->p[pack->n++] = (unsigned char)value;
}

void pack_signed(struct pack *pack, int64_t value)
{
    pack_number(pack, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void pack_u64(struct pack *pack, uint64_t value)
{
    value = htole64(value);
    pack_bytes(pack, &value, sizeof value);
}

void pack_text(struct pack *pack, struct str text)
{
    pack_number(pack, text.n);
    pack_bytes(pack, text.p, text.n);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static void spoil(struct unpack *u)
{
    u->bad = true;
    u->p = u->end;
}

const unsigned char *unpack_bytes(struct unpack *u, size_t n)
{
    const unsigned char *p = u->p;

    if ((size_t)(u->end - u->p) < n) {
        spoil(u);
        return NULL;
    }
    u->p += n;
    return p;
}

uint64_t unpack_long_number(struct unpack *u)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && u->p < u->end; shift += 7) {
        unsigned char byte = *u->p++;

        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return value;
    }
    spoil(u);
    return 0;
}

int64_t unpack_signed(struct unpack *u)
{
    uint64_t value = unpack_number(u);

    return (int64_t)(value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

uint64_t unpack_u64(struct unpack *u)
{
    const unsigned char *p = unpack_bytes(u, sizeof(uint64_t));
    uint64_t value = 0;

    if (p != NULL)
        memcpy(&value, p, sizeof value);
    return le64toh(value);
}

struct str unpack_text(struct unpack *u)
{
    size_t n = unpack_count(u, 1);
    const unsigned char *p = unpack_bytes(u, n);

    return p == NULL ? STR("") : str_from((const char *)p, n);
}

size_t unpack_count(struct unpack *u, size_t least)
{
    uint64_t n = unpack_number(u);

    if (n > (uint64_t)(u->end - u->p) / least) {
        spoil(u);
        return 0;
    }
    return (size_t)n;
}

/* ---- many numbers ---------------------------------------------------------------------------------------- */

#define ONES UINT64_C(0x0101010101010101)
#define TOPS (ONES << 7)

static uint64_t load(const unsigned char *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof value);
    return le64toh(value);
}

/* Every number ends with a byte without the top bit: eight bytes at a time they are counted. */
void unpack_skip(struct unpack *u, size_t n)
{
    const unsigned char *p = u->p;

    while (u->end - p >= (ptrdiff_t)sizeof(uint64_t)) {
        uint64_t ends = ~load(p) & TOPS;
        size_t count = (size_t)((ends >> 7) * ONES >> 56);

        if (count >= n)
            break;
        n -= count;
        p += sizeof ends;
    }
    while (n > 0 && p < u->end)
        n -= *p++ < 0x80;
    u->p = p;
    if (n > 0)
        spoil(u);
}

/* Eight numbers of a byte each; false when they are not. */
static bool take_eight(struct unpack *u, uint64_t *at, uint32_t *place)
{
    uint64_t bytes = load(u->p);

    if ((bytes & TOPS) != 0)
        return false;
    u->bad |= ((bytes - ONES) & TOPS) != 0; /* one of them is 0 */
    for (int i = 0; i < 8; i++) {
        *at += bytes & 0xFF;
        place[i] = (uint32_t)*at;
        bytes >>= 8;
    }
    u->p += 8;
    return true;
}

void unpack_ascending(struct unpack *u, size_t n, uint32_t *last, uint32_t *place)
{
    uint64_t at = *last;
    size_t i = 0;

    while (i < n) {
        uint64_t more;

        if (u->end - u->p < 8) {
            more = unpack_number(u);
        } else if (u->p[0] < 0x80) {
            if (n - i >= 8 && take_eight(u, &at, place + i)) {
                i += 8;
                continue;
            }
            more = *u->p++;
        } else if (u->p[1] < 0x80) {
            more = (u->p[0] & 0x7Fu) | (uint64_t)u->p[1] << 7;
            u->p += 2;
        } else if (u->p[2] < 0x80) {
            more = (u->p[0] & 0x7Fu) | (u->p[1] & 0x7Fu) << 7 | (uint64_t)u->p[2] << 14;
            u->p += 3;
        } else {
            more = unpack_long_number(u);
        }
        u->bad |= more == 0 || more > UINT32_MAX;
        at += more & UINT32_MAX;
        place[i++] = (uint32_t)at;
    }
    u->bad |= at > UINT32_MAX;
    *last = (uint32_t)at;
}
