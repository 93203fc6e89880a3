/*
 * format.h - the bytes that the store puts on disk, drawn once. README.md has the rules for reading
 * them.
 *
 * All numbers are little-endian. Offsets below are from the start of the thing drawn.
 *
 * A spool segment, spool/<stem>.seg: a header, then records, then whatever the file held before.
 *
 *      0  magic      8  "crumbseg"         64  record, record, ...    each at a multiple of 8
 *      8  version    4  1
 *     12  identity  28  see below           0  tag       4  the segment's salt
 *     40  first_seq  8                      4  length    4  of the line, with its newline
 *     48  salt       4  random              8  seq       8
 *     52  zero       8                     16  crc       4  CRC-32C, seeded with the identity,
 *     60  crc        4  CRC-32C of 0..59                    of bytes 0..15 and the line
 *                                          20  line, then 0 to 7 bytes that mean nothing
 *
 * An identity names a segment for ever, and the sealed file that is made from it:
 *
 *      0  instance  12  characters
 *     12  worker     4
 *     16  number     4  of the worker's segment, from 1
 *     20  created    8  UTC milliseconds, a whole second
 *
 * A sealed file, hits/dt=.../hour=.../<stem>.ndjson.gz: one gzip member (RFC 1952, RFC 1951).
 *
 *      0  1f 8b 08 04, mtime 4 = created, 00, ff, xlen 2         gzip header with an extra field
 *     12  "CR", length 2                                         its one subfield: the head
 *     16  head       88  see below
 *    104  table      32 x room
 *      n  crc         4  CRC-32C of all bytes before
 *         blocks         raw deflate, each ended by a full flush (00 00 ff ff), none final
 *         03 00          the final, empty deflate block
 *         crc32 4, isize 4
 *
 *      head                                         table entry
 *      0  version     4  1                           0  file_bytes  4  compressed
 *      4  identity   28                              4  raw_bytes   4  lines
 *     32  first_seq   8                              8  records     4
 *     40  last_seq    8                             12  crc32       4  of the raw bytes
 *     48  records     8                             16  first_ms    8  smallest ts
 *     56  raw_bytes   8                             24  last_ms     8  largest ts
 *     64  file_bytes  8  of the whole file
 *     72  flags       4  1: seqs are first, first+1 ... last
 *     76  blocks      4  entries in use
 *     80  room        4  entries there are
 *     84  crc32       4  of all raw bytes
 *
 * The index, <stem>.idx: a copy of the sealed file's bytes 0 .. n+3.
 */
#ifndef CRUMB_STORE_FORMAT_H
#define CRUMB_STORE_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "store/spool.h"

#define FORMAT_VERSION 1

#define INSTANCE_BYTES 12
#define IDENTITY_BYTES 28

#define SEGMENT_MAGIC        "crumbseg"
#define SEGMENT_HEADER_BYTES 64
#define RECORD_HEADER_BYTES  20
#define RECORD_ALIGN         8
#define LINE_BYTES_MAX       SPOOL_LINE_BYTES_MAX /* with its newline */

#define SEALED_GZIP_BYTES  16 /* up to and with the subfield's length */
#define SEALED_HEAD_BYTES  88
#define SEALED_ENTRY_BYTES 32
#define SEALED_TAIL_BYTES  10
#define SEALED_ROOM_MAX    2040   /* entries that fit into an extra field */
#define SEALED_BLOCK_BYTES 262144 /* a block is ended by the line that reaches this */
#define SEALED_IN_ORDER    1u

/* Who wrote a segment, and which of his it is. */
struct segment_id {
    char instance[INSTANCE_BYTES]; /* not terminated */
    uint32_t worker;
    uint32_t number;
    int64_t created_ms; /* a whole second; decides name and partition */
};

/* Up to the blocks: with room for so many entries. */
static inline size_t sealed_header_bytes(uint32_t room)
{
    return SEALED_GZIP_BYTES + SEALED_HEAD_BYTES + (size_t)room * SEALED_ENTRY_BYTES + 4;
}

static inline void put_u32(unsigned char *p, uint32_t value)
{
    value = htole32(value);
    memcpy(p, &value, sizeof value);
}

static inline void put_u64(unsigned char *p, uint64_t value)
{
    value = htole64(value);
    memcpy(p, &value, sizeof value);
}

static inline uint32_t get_u32(const unsigned char *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof value);
    return le32toh(value);
}

static inline uint64_t get_u64(const unsigned char *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof value);
    return le64toh(value);
}

static inline void put_identity(unsigned char p[IDENTITY_BYTES], const struct segment_id *id)
{
    memcpy(p, id->instance, INSTANCE_BYTES);
    put_u32(p + 12, id->worker);
    put_u32(p + 16, id->number);
    put_u64(p + 20, (uint64_t)id->created_ms);
}

static inline void get_identity(const unsigned char p[IDENTITY_BYTES], struct segment_id *id)
{
    memcpy(id->instance, p, INSTANCE_BYTES);
    id->worker = get_u32(p + 12);
    id->number = get_u32(p + 16);
    id->created_ms = (int64_t)get_u64(p + 20);
}

#endif
