/*
 * deflate.c - ISA-L, libdeflate and zlib behind one face. See deflate.h for the contract.
 *
 * Called by sealed.c for blocks and by segment.c for CRC-32C. Both backends start every block
 * without history and end it with a full flush, so that blocks can be joined into one gzip member,
 * or be decoded in any order.
 */
#include "deflate.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#define RAW_WINDOW_BITS (-15) /* zlib: deflate without any wrapper */
#define ZLIB_LEVEL      3     /* the ratio of ISA-L; 6 saves 12% more for 1.6 times the time */
#define ISAL_LEVEL      1     /* on our lines 2 and 3 take longer and give the same size */
#define ISAL_LEVEL_BUF  ISAL_DEF_LVL1_DEFAULT

struct deflate {
    enum deflate_backend backend;
    z_stream out, in;
#ifdef HAVE_LIBDEFLATE
    struct libdeflate_decompressor *whole_in; /* of whole blocks; NULL: the backend does it */
#endif
#ifdef HAVE_ISAL
    struct isal_zstream isal_out;
    struct inflate_state isal_in;
    unsigned char level_buf[ISAL_LEVEL_BUF];
#endif
};

struct deflate *deflate_new(enum deflate_backend backend)
{
    bool best = backend == DEFLATE_BEST;
    struct deflate *d;

#ifdef HAVE_ISAL
    if (best)
        backend = DEFLATE_ISAL;
#else
    if (best)
        backend = DEFLATE_ZLIB;
    if (backend == DEFLATE_ISAL)
        return NULL;
#endif
    d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->backend = backend;
#ifdef HAVE_LIBDEFLATE
    d->whole_in = best ? libdeflate_alloc_decompressor() : NULL;
    if (best && d->whole_in == NULL) {
        free(d);
        return NULL;
    }
#endif
    if (backend == DEFLATE_ISAL)
        return d;
    if (deflateInit2(&d->out, ZLIB_LEVEL, Z_DEFLATED, RAW_WINDOW_BITS, 9, Z_DEFAULT_STRATEGY) ==
            Z_OK &&
        inflateInit2(&d->in, RAW_WINDOW_BITS) == Z_OK)
        return d;
    deflate_free(d);
    return NULL;
}

void deflate_free(struct deflate *d)
{
    if (d == NULL)
        return;
    if (d->backend == DEFLATE_ZLIB) {
        deflateEnd(&d->out);
        inflateEnd(&d->in);
    }
#ifdef HAVE_LIBDEFLATE
    libdeflate_free_decompressor(d->whole_in);
#endif
    free(d);
}

/* Stored blocks are the worst case of both: 5 bytes for at most 32 KiB of input here, and the
 * flush. */
size_t deflate_bound(size_t n)
{
    return n + n / 1024 + 1024;
}

static size_t zlib_block(struct deflate *d, const void *raw, size_t n, void *to)
{
    if (deflateReset(&d->out) != Z_OK)
        return 0;
    d->out.next_in = (Bytef *)(uintptr_t)raw;
    d->out.avail_in = (uInt)n;
    d->out.next_out = to;
    d->out.avail_out = (uInt)deflate_bound(n);
    if (deflate(&d->out, Z_FULL_FLUSH) != Z_OK || d->out.avail_in != 0 || d->out.avail_out == 0)
        return 0;
    return deflate_bound(n) - d->out.avail_out;
}

static bool zlib_inflate(struct deflate *d, const void *block, size_t n, void *to, size_t room,
                         size_t *raw_bytes)
{
    if (inflateReset(&d->in) != Z_OK)
        return false;
    d->in.next_in = (Bytef *)(uintptr_t)block;
    d->in.avail_in = (uInt)n;
    d->in.next_out = to;
    d->in.avail_out = (uInt)(room + INFLATE_SLACK_BYTES);
    if (inflate(&d->in, Z_SYNC_FLUSH) != Z_OK || d->in.avail_in != 0 ||
        d->in.avail_out < INFLATE_SLACK_BYTES)
        return false;
    *raw_bytes = room + INFLATE_SLACK_BYTES - d->in.avail_out;
    return true;
}

#ifdef HAVE_ISAL
static size_t isal_block(struct deflate *d, const void *raw, size_t n, void *to)
{
    struct isal_zstream *s = &d->isal_out;

    isal_deflate_init(s); /* the stateless form leaves the flush out behind stored data */
    s->level = ISAL_LEVEL;
    s->level_buf = d->level_buf;
    s->level_buf_size = sizeof d->level_buf;
    s->flush = FULL_FLUSH;
    s->end_of_stream = 0;
    s->next_in = (uint8_t *)(uintptr_t)raw;
    s->avail_in = (uint32_t)n;
    s->next_out = to;
    s->avail_out = (uint32_t)deflate_bound(n);
    if (isal_deflate(s) != COMP_OK || s->avail_in != 0)
        return 0;
    return deflate_bound(n) - s->avail_out;
}

static bool isal_inflate_some(struct deflate *d, const void *block, size_t n, void *to, size_t room,
                              size_t *raw_bytes)
{
    struct inflate_state *s = &d->isal_in;

    isal_inflate_init(s);
    s->next_in = (uint8_t *)(uintptr_t)block;
    s->avail_in = (uint32_t)n;
    s->next_out = to;
    s->avail_out = (uint32_t)(room + INFLATE_SLACK_BYTES);
    if (isal_inflate(s) != ISAL_DECOMP_OK || s->avail_in != 0 || s->bfinal ||
        s->avail_out < INFLATE_SLACK_BYTES)
        return false;
    *raw_bytes = s->total_out;
    return true;
}
#endif

size_t deflate_block(struct deflate *d, const void *raw, size_t n, void *to)
{
#ifdef HAVE_ISAL
    if (d->backend == DEFLATE_ISAL)
        return isal_block(d, raw, n, to);
#endif
    return zlib_block(d, raw, n, to);
}

static bool inflate_some(struct deflate *d, const void *block, size_t n, void *to, size_t room,
                         size_t *raw_bytes)
{
#ifdef HAVE_ISAL
    if (d->backend == DEFLATE_ISAL)
        return isal_inflate_some(d, block, n, to, room, raw_bytes);
#endif
    return zlib_inflate(d, block, n, to, room, raw_bytes);
}

#ifdef HAVE_LIBDEFLATE
/* It wants a final block at the end, which ours never are: for that time, an empty one stands there. */
static bool inflate_whole(struct deflate *d, unsigned char *block, size_t n, void *to,
                          size_t raw_bytes)
{
    static const unsigned char last[INFLATE_TAIL_BYTES] = { 1, 0, 0, 0xFF, 0xFF };
    unsigned char kept[INFLATE_TAIL_BYTES];
    size_t taken = 0;
    enum libdeflate_result result;

    memcpy(kept, block + n, sizeof kept);
    memcpy(block + n, last, sizeof last);
    result = libdeflate_deflate_decompress_ex(d->whole_in, block, n + sizeof last, to, raw_bytes,
                                              &taken, NULL);
    memcpy(block + n, kept, sizeof kept);
    return result == LIBDEFLATE_SUCCESS && taken == n + sizeof last;
}
#endif

bool inflate_block(struct deflate *d, void *block, size_t n, void *to, size_t raw_bytes)
{
    size_t got;

#ifdef HAVE_LIBDEFLATE
    if (d->whole_in != NULL)
        return inflate_whole(d, block, n, to, raw_bytes);
#endif
    return inflate_some(d, block, n, to, raw_bytes, &got) && got == raw_bytes;
}

/* ---- blocks of unknown length: zlib tells where one ends ---- */

#define WALK_ROOM_FIRST (1u << 20)

/* inflate() in Z_BLOCK mode says in data_type where it stopped (zlib.h). */
#define AT_BLOCK_END  128
#define IN_LAST_BLOCK 64
#define UNUSED_BITS   7

bool inflate_walk_init(struct inflate_walk *walk)
{
    *walk = (struct inflate_walk){ .zlib = calloc(1, sizeof *walk->zlib) };
    if (walk->zlib != NULL && inflateInit2(walk->zlib, RAW_WINDOW_BITS) != Z_OK) {
        free(walk->zlib);
        walk->zlib = NULL;
    }
    return walk->zlib != NULL;
}

void inflate_walk_free(struct inflate_walk *walk)
{
    if (walk->zlib != NULL)
        inflateEnd(walk->zlib);
    free(walk->zlib);
    free(walk->out);
    *walk = (struct inflate_walk){ NULL, 0, 0, 0, NULL };
}

void inflate_walk_begin(struct inflate_walk *walk, const void *p, size_t n)
{
    inflateReset(walk->zlib);
    walk->zlib->next_in = (Bytef *)(uintptr_t)p;
    walk->zlib->avail_in = (uInt)n;
    walk->in_bytes = walk->out_bytes = 0;
}

static bool walk_has_room(struct inflate_walk *walk, size_t out_max)
{
    size_t room = walk->room == 0 ? WALK_ROOM_FIRST : walk->room * 2;
    unsigned char *grown;

    if (walk->out_bytes < walk->room)
        return true;
    if (walk->room >= out_max || (grown = realloc(walk->out, room)) == NULL)
        return false;
    walk->out = grown;
    walk->room = room;
    return true;
}

/* A flush is an empty stored block: it ends at a whole byte, with 00 00 FF FF, and gives nothing. */
bool inflate_walk_on(struct inflate_walk *walk, size_t out_max)
{
    z_stream *z = walk->zlib;
    size_t block_start = walk->out_bytes;

    while (walk_has_room(walk, out_max)) {
        const unsigned char *start = z->next_in;
        int result;

        z->next_out = walk->out + walk->out_bytes;
        z->avail_out = (uInt)(walk->room - walk->out_bytes);
        result = inflate(z, Z_BLOCK);
        walk->in_bytes += (size_t)(z->next_in - start);
        walk->out_bytes = walk->room - z->avail_out;
        if (result != Z_OK || (z->data_type & IN_LAST_BLOCK) != 0)
            return false;
        if ((z->data_type & AT_BLOCK_END) == 0) {
            if (z->avail_out > 0)
                return false; /* the bytes are at an end */
            continue;
        }
        if (walk->out_bytes == block_start && (z->data_type & UNUSED_BITS) == 0 &&
            walk->in_bytes >= 4 && memcmp(z->next_in - 4, "\0\0\xff\xff", 4) == 0)
            return true;
        block_start = walk->out_bytes;
    }
    return false;
}

uint32_t crc32_add(uint32_t crc, const void *p, size_t n)
{
#ifdef HAVE_ISAL
    return crc32_gzip_refl(crc, p, n);
#else
    return (uint32_t)crc32_z(crc, p, n);
#endif
}

uint32_t crc32_join(uint32_t first, uint32_t second, uint64_t n)
{
    return (uint32_t)crc32_combine(first, second, (z_off_t)n);
}

/* Eight tables, so that eight bytes are taken at a time. */
static uint32_t castagnoli[8][256];
static pthread_once_t castagnoli_once = PTHREAD_ONCE_INIT;

static void castagnoli_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
        castagnoli[0][i] = crc;
    }
    for (int t = 1; t < 8; t++) {
        for (int i = 0; i < 256; i++) {
            uint32_t before = castagnoli[t - 1][i];

            castagnoli[t][i] = before >> 8 ^ castagnoli[0][before & 255];
        }
    }
}

uint32_t crc32c_add_portable(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *b = p;

    pthread_once(&castagnoli_once, castagnoli_fill);
    crc = ~crc;
    for (; n >= 8; n -= 8, b += 8) {
        crc ^= (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        crc = castagnoli[7][crc & 255] ^ castagnoli[6][crc >> 8 & 255] ^
              castagnoli[5][crc >> 16 & 255] ^ castagnoli[4][crc >> 24] ^ castagnoli[3][b[4]] ^
              castagnoli[2][b[5]] ^ castagnoli[1][b[6]] ^ castagnoli[0][b[7]];
    }
    for (; n > 0; n--, b++)
        crc = crc >> 8 ^ castagnoli[0][(crc ^ *b) & 255];
    return ~crc;
}

uint32_t crc32c_add(uint32_t crc, const void *p, size_t n)
{
#ifdef HAVE_ISAL
    return ~crc32_iscsi((unsigned char *)(uintptr_t)p, (int)n, ~crc);
#else
    return crc32c_add_portable(crc, p, n);
#endif
}

/*
 * A CRC is a polynomial modulo Castagnoli's, its lowest power in the highest bit. One byte further on
 * is a multiplication by x^8: shift_by[d][k] is x^(8 k 64^d).
 */
#define SHIFT_DIGITS 3
#define SHIFT_BITS   6

static uint32_t shift_by[SHIFT_DIGITS][1 << SHIFT_BITS];
static pthread_once_t shift_once = PTHREAD_ONCE_INIT;

static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (; a != 0; a <<= 1) {
        product ^= b & -(a >> 31);
        b = b >> 1 ^ (0x82F63B78u & -(b & 1));
    }
    return product;
}

static void shift_fill(void)
{
    uint32_t step = 1u << (31 - 8);

    for (int d = 0; d < SHIFT_DIGITS; d++) {
        shift_by[d][0] = 1u << 31;
        for (int k = 1; k < 1 << SHIFT_BITS; k++)
            shift_by[d][k] = multiply(shift_by[d][k - 1], step);
        step = multiply(shift_by[d][(1 << SHIFT_BITS) - 1], step);
    }
}

uint32_t crc32c_shift(uint32_t crc, size_t n)
{
    assert(n <= CRC32C_SHIFT_MAX);
    pthread_once(&shift_once, shift_fill);
    for (int d = 0; d < SHIFT_DIGITS; d++, n >>= SHIFT_BITS)
        crc = multiply(crc, shift_by[d][n & ((1 << SHIFT_BITS) - 1)]);
    return crc;
}
