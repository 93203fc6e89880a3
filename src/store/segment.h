/*
 * segment.h - the framing of a spool segment: put records in, get them out again whatever happened
 * to the file.
 *
 * Writing is arithmetic on memory; spool.c does the I/O. Reading takes the file as it comes:
 * README.md numbers the rules. Thread: a reader belongs to one thread.
 */
#ifndef CRUMB_STORE_SEGMENT_H
#define CRUMB_STORE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/str.h"
#include "format.h"
#include "ranges.h"

struct segment_header {
    struct segment_id id;
    uint64_t first_seq;
    uint32_t salt;
};

void segment_put_header(unsigned char p[SEGMENT_HEADER_BYTES], const struct segment_header *header);

/* False when these bytes are no header of this version. */
bool segment_get_header(const unsigned char p[SEGMENT_HEADER_BYTES], struct segment_header *header);

/* What the CRC of every record of this segment starts with. */
uint32_t segment_seed(const struct segment_id *id);

/* Bytes that a line takes in the file. */
static inline size_t segment_record_bytes(size_t line_bytes)
{
    return (RECORD_HEADER_BYTES + line_bytes + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

/*
 * Finishes a record whose line already stands at p + RECORD_HEADER_BYTES; clears the bytes up to
 * segment_record_bytes.
 */
void segment_put_record(unsigned char *p, uint32_t salt, uint32_t seed, uint64_t seq,
                        size_t line_bytes);

enum segment_step {
    SEGMENT_RECORD,  /* line, seq and offset are set */
    SEGMENT_END,     /* nothing valid follows; offset is where it ends */
    SEGMENT_DAMAGE,  /* offset, lost_bytes and sentence are set; go on */
    SEGMENT_GONE,    /* the file holds another segment by now */
    SEGMENT_FAILURE, /* it could not be read: the err is set */
};

/* Where the data end and from which seq on they are void, for those who know; else SEGMENT_ALL. */
#define SEGMENT_ALL UINT64_MAX

struct segment_reader {
    struct segment_id id;
    struct str line; /* of the last record, in the reader's memory until the next step */
    uint64_t seq;
    uint64_t offset;
    uint64_t lost_bytes;
    const char *sentence;
    uint64_t end;       /* nothing from here on is looked at; may be set after opening */
    uint64_t seq_limit; /* records from this seq on are void, because a later segment has them */
    /*
     * SETTLED: nobody writes any more, every byte that should be a record and is not is damage.
     * LIVE: what follows the last record may be one that is just being written. FOLLOWED: the first
     * bytes that are no record are the end for now; call again.
     */
    enum { SEGMENT_SETTLED, SEGMENT_LIVE, SEGMENT_FOLLOWED } mode;

    /* The rest is the reader's own. */
    struct fs_file file;
    bool borrowed; /* the file */
    char *path;
    struct segment_header header;
    bool begun; /* the header is valid for this segment */
    bool salt_known;
    uint32_t seed;
    uint64_t position;
    bool header_damaged; /* and not yet told */
    bool searched;       /* nothing valid follows position */
    struct ranges seen;
    unsigned char *window;
    uint64_t window_offset;
    size_t window_bytes;
    bool window_is_last;    /* the file had no more when it was read */
    bool window_is_settled; /* nobody wrote any more when it was read */
    /* Once something was no record: the CRC-32C of the window's first 8 i bytes, as far as asked
     * for. NULL before. */
    uint32_t *sum;
    size_t sums;
    uint64_t work_bytes; /* read, or given to the CRC: what reading this segment has cost so far */
};

/*
 * id NULL: a file under any name, whose header must be valid. Otherwise the name's identity: a
 * header that does not fit to it means that no record was ever acknowledged in this segment, or
 * that the header is damaged.
 */
int segment_open(struct segment_reader *reader, const char *path, const struct segment_id *id,
                 struct err *e);

/* The same for one that is open already, under whatever name: the file stays the caller's. */
int segment_open_file(struct segment_reader *reader, const struct fs_file *file, const char *path,
                      const struct segment_id *id, struct err *e);
enum segment_step segment_next(struct segment_reader *reader, struct err *e);
void segment_close(struct segment_reader *reader);

/* Only the header: 1 and *header, 0 when there is none valid for id, -1 when the file cannot be
 * read. */
int segment_peek(const char *path, const struct segment_id *id, struct segment_header *header,
                 struct err *e);

#endif
