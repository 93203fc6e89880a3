/*
 * deflate.h - blocks of deflate that can be decoded by themselves, and the checksums of the store;
 * the only user of ISA-L, libdeflate and zlib.
 *
 * Two backends, one contract: what either writes, both read. The best is what was there at compile
 * time: ISA-L writes and libdeflate reads; zlib does both everywhere. Tests ask for ISA-L or zlib by
 * name. Thread: a codec belongs to one thread at a
 * time; the checksums are for any.
 */
#ifndef CRUMB_STORE_DEFLATE_H
#define CRUMB_STORE_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum deflate_backend { DEFLATE_BEST, DEFLATE_ISAL, DEFLATE_ZLIB };

struct deflate; /* working memory for both directions, about 300 KiB */

/* NULL when out of memory or when the backend was not compiled in. Freeing takes NULL. */
struct deflate *deflate_new(enum deflate_backend backend);
void deflate_free(struct deflate *d);

/* The most bytes that a block of n raw bytes can take, whatever is in it. */
size_t deflate_bound(size_t n);

/*
 * Writes n raw bytes as deflate blocks that refer to nothing before them and end, at a whole byte,
 * with 00 00 FF FF; none is marked final. to has deflate_bound(n) bytes; returns how many were
 * written, 0 if the library failed.
 */
size_t deflate_block(struct deflate *d, const void *raw, size_t n, void *to);

/*
 * Decodes such a block. True only if it gives exactly raw_bytes and takes all n bytes; to has
 * raw_bytes + INFLATE_SLACK_BYTES. Whatever the bytes are, nothing else is touched; only
 * INFLATE_TAIL_BYTES behind the block are written to, and put back.
 */
#define INFLATE_SLACK_BYTES 64
#define INFLATE_TAIL_BYTES  5
bool inflate_block(struct deflate *d, void *block, size_t n, void *to, size_t raw_bytes);

/*
 * Goes through bytes whose blocks have no known lengths, once, from one flush to the next: for a file
 * whose table is lost. Never more than out_max bytes are kept.
 *
 *     inflate_walk_init; for each block: inflate_walk_begin, then inflate_walk_on until it is whole
 */
struct z_stream_s;
struct inflate_walk {
    unsigned char *out; /* what came out since begin */
    size_t out_bytes;
    size_t in_bytes; /* what was taken since begin, up to and with the flush */
    /* The rest is the walk's own. */
    size_t room;
    struct z_stream_s *zlib;
};

/* False when out of memory. Free in either case. */
bool inflate_walk_init(struct inflate_walk *walk);
void inflate_walk_free(struct inflate_walk *walk);

void inflate_walk_begin(struct inflate_walk *walk, const void *p, size_t n);

/* On to the next flush. False when there is none: the bytes are damaged, end, or give too much. */
bool inflate_walk_on(struct inflate_walk *walk, size_t out_max);

/* CRC-32 of gzip: start with 0, continue with the last result. */
uint32_t crc32_add(uint32_t crc, const void *p, size_t n);

/* The CRC-32 of two pieces, from those of each; n is the length of the second. */
uint32_t crc32_join(uint32_t first, uint32_t second, uint64_t n);

/* CRC-32C (Castagnoli, RFC 3720): start with 0 or a seed. The second is the one used where there is
 * no ISA-L. */
uint32_t crc32c_add(uint32_t crc, const void *p, size_t n);
uint32_t crc32c_add_portable(uint32_t crc, const void *p, size_t n);

/*
 * What a CRC-32C has become n bytes further on, apart from what those bytes are: with the CRCs a of
 * some bytes and b of the same and n more, the CRC of those n alone, seeded with s, is
 * shift(s ^ a, n) ^ b. Takes the same time for every n up to CRC32C_SHIFT_MAX.
 */
#define CRC32C_SHIFT_MAX ((1u << 18) - 1)
uint32_t crc32c_shift(uint32_t crc, size_t n);

#endif
