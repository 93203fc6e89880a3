/*
 * segment.c - framing of a spool segment. See segment.h for the contract, README.md for the
 * numbered rules.
 *
 * spool.c writes with it; sealer.c and scan.c read. A record is believed only if its CRC, which is
 * seeded with the identity of the segment, is right: so neither damaged bytes nor what an earlier
 * life of a recycled file left can become a record. The search for the next record behind damage
 * tries every multiple of 8; a visitor cannot plant a record inside a line, because a length has a
 * zero byte and lines have none. In a file made to be slow each of these places claims to be a long
 * record: so from the first bytes on that are none, the CRC of a line is taken from running sums over
 * the window, in the same time whatever length is claimed.
 *
 * While a writer is at work, a read may see a later page before an earlier one was copied. Before
 * bytes are called damage they are read once more, after everything that was seen behind them.
 */
#include "segment.h"

#include <stdlib.h>

#include "catalog.h"
#include "deflate.h"

#define WINDOW_BYTES (1u << 20)

_Static_assert(WINDOW_BYTES >= 2 * (RECORD_HEADER_BYTES + LINE_BYTES_MAX), "a record fits");

void segment_put_header(unsigned char p[SEGMENT_HEADER_BYTES], const struct segment_header *header)
{
    memset(p, 0, SEGMENT_HEADER_BYTES);
    memcpy(p, SEGMENT_MAGIC, 8);
    put_u32(p + 8, FORMAT_VERSION);
    put_identity(p + 12, &header->id);
    put_u64(p + 40, header->first_seq);
    put_u32(p + 48, header->salt);
    put_u32(p + 60, crc32c_add(0, p, 60));
}

bool segment_get_header(const unsigned char p[SEGMENT_HEADER_BYTES], struct segment_header *header)
{
    if (memcmp(p, SEGMENT_MAGIC, 8) != 0 || get_u32(p + 8) != FORMAT_VERSION ||
        get_u32(p + 60) != crc32c_add(0, p, 60))
        return false;
    get_identity(p + 12, &header->id);
    header->first_seq = get_u64(p + 40);
    header->salt = get_u32(p + 48);
    return true;
}

uint32_t segment_seed(const struct segment_id *id)
{
    unsigned char identity[IDENTITY_BYTES];

    put_identity(identity, id);
    return crc32c_add(0, identity, sizeof identity);
}

void segment_put_record(unsigned char *p, uint32_t salt, uint32_t seed, uint64_t seq,
                        size_t line_bytes)
{
    size_t end = RECORD_HEADER_BYTES + line_bytes;

    put_u32(p, salt);
    put_u32(p + 4, (uint32_t)line_bytes);
    put_u64(p + 8, seq);
    put_u32(p + 16, crc32c_add(crc32c_add(seed, p, 16), p + RECORD_HEADER_BYTES, line_bytes));
    memset(p + end, 0, segment_record_bytes(line_bytes) - end);
}

/* ---- reading: the window ---- */

/*
 * Makes n bytes at offset available, fewer at the end of the data; *got says how many. NULL on a
 * read error. The window starts at offset when it has to be moved, so that it is moved once per
 * WINDOW_BYTES.
 */
static const unsigned char *look(struct segment_reader *r, uint64_t offset, size_t n, size_t *got,
                                 struct err *e)
{
    uint64_t window_end = r->window_offset + r->window_bytes;

    if (offset < r->window_offset || (offset + n > window_end && !r->window_is_last)) {
        r->window_offset = offset;
        r->window_bytes = 0;
        r->window_is_last = false;
        r->sums = 0;
        if (fs_read_at(&r->file, r->window, WINDOW_BYTES, offset, &r->window_bytes, e) != 0)
            return NULL;
        r->window_is_last = r->window_bytes < WINDOW_BYTES;
        r->window_is_settled = r->mode == SEGMENT_SETTLED;
        r->work_bytes += r->window_bytes;
        window_end = offset + r->window_bytes;
    }
    if (window_end > r->end)
        window_end = r->end;
    *got = window_end <= offset ? 0 : window_end - offset < n ? (size_t)(window_end - offset) : n;
    return r->window + (offset - r->window_offset);
}

static void forget_window(struct segment_reader *r)
{
    r->window_bytes = 0;
    r->window_is_last = false;
    r->sums = 0;
}

/* ---- reading: the CRC of a record ---- */

#define SUMS (WINDOW_BYTES / RECORD_ALIGN + 1)

static int keep_sums(struct segment_reader *r, struct err *e)
{
    if (r->sum == NULL && (r->sum = malloc(SUMS * sizeof *r->sum)) == NULL)
        return err_set(e, ERR_MEMORY, "out of memory while reading %s", r->path);
    return 0;
}

static uint32_t add(struct segment_reader *r, uint32_t crc, const unsigned char *p, size_t n)
{
    r->work_bytes += n;
    return crc32c_add(crc, p, n);
}

/* The CRC of the window's first n bytes. */
static uint32_t sum_to(struct segment_reader *r, size_t n)
{
    size_t wanted = n / RECORD_ALIGN;

    if (r->sums == 0)
        r->sum[r->sums++] = 0;
    for (; r->sums <= wanted; r->sums++)
        r->sum[r->sums] =
            add(r, r->sum[r->sums - 1], r->window + (r->sums - 1) * RECORD_ALIGN, RECORD_ALIGN);
    return add(r, r->sum[wanted], r->window + wanted * RECORD_ALIGN, n % RECORD_ALIGN);
}

/* Of the record at p, which is in the window. */
static uint32_t crc_of(struct segment_reader *r, const unsigned char *p, size_t line_bytes)
{
    uint32_t head = add(r, r->seed, p, 16);
    size_t start = (size_t)(p - r->window) + RECORD_HEADER_BYTES;

    if (r->sum == NULL)
        return add(r, head, p + RECORD_HEADER_BYTES, line_bytes);
    return crc32c_shift(head ^ sum_to(r, start), line_bytes) ^ sum_to(r, start + line_bytes);
}

/* ---- reading: one record ---- */

enum looks { LOOKS_VALID, LOOKS_BEGUN, LOOKS_OTHER, LOOKS_FAILED };

/*
 * What stands at offset? VALID: a record, its length in *length. BEGUN: our tag, but no valid
 * record. OTHER: anything else. The window is not trusted beyond what the file had when it was
 * read.
 */
static enum looks look_at(struct segment_reader *r, uint64_t offset, uint32_t *length,
                          struct err *e)
{
    size_t got;
    const unsigned char *p = look(r, offset, RECORD_HEADER_BYTES, &got, e);
    uint32_t tag;

    if (p == NULL)
        return LOOKS_FAILED;
    if (got < RECORD_HEADER_BYTES)
        return LOOKS_OTHER;
    tag = get_u32(p);
    *length = get_u32(p + 4);
    if (r->salt_known && tag != r->header.salt)
        return LOOKS_OTHER;
    if (*length == 0 || *length > LINE_BYTES_MAX)
        return r->salt_known ? LOOKS_BEGUN : LOOKS_OTHER;
    p = look(r, offset, RECORD_HEADER_BYTES + *length, &got, e);
    if (p == NULL)
        return LOOKS_FAILED;
    if (got < RECORD_HEADER_BYTES + *length || p[RECORD_HEADER_BYTES + *length - 1] != '\n' ||
        get_u32(p + 16) != crc_of(r, p, *length))
        return r->salt_known ? LOOKS_BEGUN : LOOKS_OTHER;
    return LOOKS_VALID;
}

/*
 * Looks for the next record from offset on. True and its place, or false: *last_begun is then the
 * end of the last thing that carried our tag, or 0. Sets *failed when reading failed.
 */
static bool search(struct segment_reader *r, uint64_t offset, uint64_t *found, uint64_t *last_begun,
                   bool *failed, struct err *e)
{
    uint32_t length;
    size_t got;

    *last_begun = 0;
    *failed = false;
    for (;; offset += RECORD_ALIGN) {
        const unsigned char *p = look(r, offset, RECORD_HEADER_BYTES, &got, e);

        if (p == NULL) {
            *failed = true;
            return false;
        }
        if (got < RECORD_HEADER_BYTES)
            return false;
        if (r->salt_known && get_u32(p) != r->header.salt)
            continue;
        switch (look_at(r, offset, &length, e)) {
        case LOOKS_VALID:
            *found = offset;
            return true;
        case LOOKS_BEGUN:
            *last_begun = offset + (length > LINE_BYTES_MAX ? RECORD_HEADER_BYTES
                                                            : segment_record_bytes(length));
            break;
        case LOOKS_OTHER:
            break;
        case LOOKS_FAILED:
            *failed = true;
            return false;
        }
    }
}

static enum segment_step damage(struct segment_reader *r, uint64_t end, const char *sentence)
{
    r->offset = r->position;
    r->lost_bytes = end - r->position;
    r->sentence = sentence;
    r->position = end;
    return SEGMENT_DAMAGE;
}

/* Has the file been recycled under us? */
static bool is_gone(struct segment_reader *r)
{
    unsigned char p[SEGMENT_HEADER_BYTES];
    struct segment_header now;
    size_t got;

    if (!r->begun || fs_read_at(&r->file, p, sizeof p, 0, &got, NULL) != 0)
        return false;
    r->work_bytes += got;
    return got < sizeof p ||
           (segment_get_header(p, &now) && !catalog_same_segment(&now.id, &r->id));
}

static enum segment_step at_end(struct segment_reader *r)
{
    r->offset = r->position;
    return is_gone(r) ? SEGMENT_GONE : SEGMENT_END;
}

/* The bytes at the position are no record; read twice, where somebody may be writing. */
static enum segment_step not_a_record(struct segment_reader *r, bool begun, struct err *e)
{
    uint64_t found, last_begun, file_end;
    uint32_t length;
    bool failed;
    struct stat st;

    if (r->mode == SEGMENT_FOLLOWED || r->searched)
        return at_end(r);
    if (keep_sums(r, e) != 0)
        return SEGMENT_FAILURE;
    if (search(r, begun ? r->position : r->position + RECORD_ALIGN, &found, &last_begun, &failed,
               e)) {
        if (is_gone(r)) /* so far only its beginning was written over */
            return SEGMENT_GONE;
        if (r->mode != SEGMENT_SETTLED) {
            forget_window(r);
            if (look_at(r, r->position, &length, e) == LOOKS_VALID)
                return segment_next(r, e);
        }
        return damage(r, found, begun ? "a damaged record" : "bytes that are no record");
    }
    if (failed)
        return SEGMENT_FAILURE;
    if (is_gone(r))
        return SEGMENT_GONE;
    r->searched = true;
    if (last_begun <= r->position || r->mode == SEGMENT_LIVE)
        return at_end(r);
    if (fs_stat(&r->file, &st, e) != 0)
        return SEGMENT_FAILURE;
    file_end = r->end < (uint64_t)st.st_size ? r->end : (uint64_t)st.st_size;
    return damage(r, last_begun < file_end ? last_begun : file_end,
                  begun ? "the last record is not whole" : "no whole record up to the end");
}

/* A valid record stands at the position. */
static enum segment_step take(struct segment_reader *r, uint32_t length, struct err *e)
{
    const unsigned char *p = r->window + (r->position - r->window_offset);
    uint64_t start = r->position;

    r->seq = get_u64(p + 8);
    if (!r->salt_known) {
        r->header.salt = get_u32(p);
        r->salt_known = true;
    }
    if (ranges_have(&r->seen, r->seq))
        return damage(r, start + segment_record_bytes(length), "a second copy of a record");
    if (ranges_add(&r->seen, r->seq, r->seq) != 0) {
        err_set(e, ERR_MEMORY, "out of memory while reading %s", r->path);
        return SEGMENT_FAILURE;
    }
    r->line = str_from((const char *)p + RECORD_HEADER_BYTES, length - 1);
    r->offset = start;
    r->position = start + segment_record_bytes(length);
    return SEGMENT_RECORD;
}

enum segment_step segment_next(struct segment_reader *r, struct err *e)
{
    if (r->header_damaged && r->mode == SEGMENT_SETTLED) {
        r->header_damaged = false;
        r->position = 0;
        return damage(r, SEGMENT_HEADER_BYTES, "the header is damaged");
    }
    for (;;) {
        uint32_t length = 0;
        enum looks what = look_at(r, r->position, &length, e);
        enum segment_step step;

        if (what != LOOKS_VALID && what != LOOKS_FAILED && !r->window_is_settled) {
            forget_window(r);
            what = look_at(r, r->position, &length, e);
        }
        if (what == LOOKS_FAILED)
            return SEGMENT_FAILURE;
        if (what != LOOKS_VALID)
            return not_a_record(r, what == LOOKS_BEGUN, e);
        step = take(r, length, e);
        if (step != SEGMENT_RECORD || r->seq < r->seq_limit)
            return step;
    }
}

/* ---- opening ---- */

/* 1: a header for id (any, when id is NULL); 0: none, *blank when nothing at all was ever written
 * there. */
static int read_header(const struct fs_file *file, const struct segment_id *id,
                       struct segment_header *header, bool *blank, struct err *e)
{
    unsigned char p[SEGMENT_HEADER_BYTES] = { 0 };
    static const unsigned char zero[SEGMENT_HEADER_BYTES];
    size_t got;

    if (fs_read_at(file, p, sizeof p, 0, &got, e) != 0)
        return -1;
    *blank = memcmp(p, zero, sizeof p) == 0;
    if (!segment_get_header(p, header))
        return 0;
    if (id == NULL || catalog_same_segment(&header->id, id))
        return 1;
    *blank = true; /* the header of an earlier life: the new one was never begun */
    return 0;
}

/* file NULL: by the path. */
static int begin_reading(struct segment_reader *r, const struct fs_file *file, const char *path,
                         const struct segment_id *id, struct err *e)
{
    bool blank = false;
    int found;

    memset(r, 0, sizeof *r);
    r->file = FS_CLOSED;
    r->end = r->seq_limit = SEGMENT_ALL;
    r->path = str_dup(str_of(path));
    r->window = malloc(WINDOW_BYTES);
    if (r->path == NULL || r->window == NULL) {
        segment_close(r);
        return err_set(e, ERR_MEMORY, "out of memory while opening %s", path);
    }
    if (file != NULL) {
        r->file = (struct fs_file){ file->fd, r->path };
        r->borrowed = true;
    } else if (fs_open(&r->file, r->path, FS_READ, e) != 0) {
        segment_close(r);
        return -1;
    }
    fs_will_read_in_order(&r->file);
    found = read_header(&r->file, id, &r->header, &blank, e);
    if (found == 0 && id == NULL)
        found = err_set(e, ERR_INPUT, "%s is not a spool segment, or its header is damaged", path);
    if (found < 0) {
        segment_close(r);
        return -1;
    }
    r->begun = r->salt_known = found == 1;
    r->id = id == NULL ? r->header.id : *id;
    r->seed = segment_seed(&r->id);
    r->position = SEGMENT_HEADER_BYTES;
    r->header_damaged = !r->begun && !blank;
    return 0;
}

int segment_open(struct segment_reader *r, const char *path, const struct segment_id *id,
                 struct err *e)
{
    return begin_reading(r, NULL, path, id, e);
}

int segment_open_file(struct segment_reader *r, const struct fs_file *file, const char *path,
                      const struct segment_id *id, struct err *e)
{
    return begin_reading(r, file, path, id, e);
}

void segment_close(struct segment_reader *r)
{
    if (!r->borrowed)
        fs_close(&r->file);
    free(r->path);
    free(r->window);
    free(r->sum);
    ranges_free(&r->seen);
    memset(r, 0, sizeof *r);
    r->file = FS_CLOSED;
}

int segment_peek(const char *path, const struct segment_id *id, struct segment_header *header,
                 struct err *e)
{
    struct fs_file file;
    bool blank;
    int found;

    if (fs_open(&file, path, FS_READ, e) != 0)
        return -1;
    found = read_header(&file, id, header, &blank, e);
    fs_close(&file);
    return found;
}
