/*
 * sealed.h - sealed files: one gzip member for everybody, blocks that can be decoded in any order
 * for us.
 *
 *     sealed_open, then for each block k: sealed_block(k) says what is in it, sealed_read decodes
 * it.
 *
 * A struct sealed does not change after it was opened: several threads may read blocks of it at
 * once, each with its own struct sealed_buffer. The writer belongs to one thread.
 */
#ifndef CRUMB_STORE_SEALED_H
#define CRUMB_STORE_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/str.h"
#include "deflate.h"
#include "format.h"

/* ---- reading ---- */

struct sealed_block {
    uint64_t offset; /* in the file */
    uint32_t file_bytes;
    uint32_t raw_bytes;
    uint32_t records;
    uint32_t crc32; /* of the raw bytes */
    int64_t first_ms, last_ms;
    uint64_t first_record; /* records in the blocks before */
};

struct sealed {
    struct fs_file file;
    char *path;
    struct segment_id id;
    uint64_t first_seq, last_seq, records, raw_bytes;
    bool in_order;       /* the k-th record's seq is first_seq + k */
    uint64_t file_bytes; /* as it was written */
    uint64_t size;       /* as it is */
    uint32_t crc32;
    uint64_t header_bytes;
    struct sealed_block *block;
    size_t blocks;
    /* Which source the block table has; anything but the first is damage at offset 0 of the file. */
    enum { SEALED_FROM_HEADER, SEALED_FROM_INDEX, SEALED_FROM_DATA } table;
};

/*
 * Opens by the table in the file, or in its index, or, when both are damaged, by decoding
 * everything and comparing with the member's own CRC. ERR_DAMAGED when none of the three holds:
 * then nothing in it can be proved.
 */
int sealed_open(struct sealed *sealed, const char *path, struct err *e);
void sealed_close(struct sealed *sealed);

/* One reader's memory; zeroes to start with. */
struct sealed_buffer {
    struct deflate *deflate;
    unsigned char *in, *out;
    size_t in_room, out_room;
};
void sealed_buffer_free(struct sealed_buffer *buffer);

/*
 * Decodes block k: *lines is in the buffer until its next use, whole lines with newlines.
 * ERR_DAMAGED when the bytes are not what was written: nothing of the block is given out then.
 */
int sealed_read(const struct sealed *sealed, size_t k, struct sealed_buffer *buffer,
                struct str *lines, struct err *e);

/*
 * Looks in the bytes of the file from .. to for a block with exactly the contents of block k, which
 * is not where it should be. 1 when found (*lines as in sealed_read), 0 when not.
 */
int sealed_find(const struct sealed *sealed, size_t k, uint64_t from, uint64_t to,
                struct sealed_buffer *buffer, struct str *lines);

/* Is the end of the file as it was written? If not, where that begins and in one sentence. */
bool sealed_end_is_whole(const struct sealed *sealed, uint64_t *offset, const char **sentence);

/* ---- writing ---- */

struct sealed_writer;

/*
 * Starts <path>.tmp for the segment id, with room in its table for raw_bytes_max bytes of lines.
 * Nothing is written before the first block is full.
 */
struct sealed_writer *sealed_create(const char *path, const struct segment_id *id,
                                    uint64_t raw_bytes_max, enum deflate_backend backend,
                                    struct err *e);

/* One line, without its newline. */
int sealed_add(struct sealed_writer *w, struct str line, uint64_t seq, struct err *e);

uint64_t sealed_records(const struct sealed_writer *w);

/*
 * Writes the rest, syncs, writes the index, and renames: index first, then the file, so that a file
 * that is there is whole and has an index. The caller syncs the folder. file_bytes and raw_bytes
 * may be NULL.
 */
int sealed_finish(struct sealed_writer *w, uint64_t *file_bytes, uint64_t *raw_bytes,
                  struct err *e);

/* Frees; what was not finished is removed. Takes NULL. */
void sealed_writer_free(struct sealed_writer *w);

#endif
