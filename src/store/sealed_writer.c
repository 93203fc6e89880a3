/*
 * sealed_writer.c - writes sealed files. See sealed.h for the contract, format.h for the bytes.
 *
 * Called by sealer.c. Blocks go out as they fill; the header with their table, whose size was planned
 * at the start, goes to the front at the end.
 */
#include "sealed.h"

#include <stdlib.h>

#include "base/date.h"
#include "catalog.h"
#include "line.h"

struct sealed_writer {
    struct fs_file file;
    char *path, *tmp;
    struct segment_id id;
    struct deflate *deflate;
    unsigned char *header; /* filled at the end */
    uint32_t room;
    unsigned char *raw, *packed;
    size_t raw_room, raw_used;
    size_t block_bytes;        /* a block is full with so many */
    struct sealed_block block; /* the one being filled */
    char first_ts[DATE_RFC3339_BYTES], last_ts[DATE_RFC3339_BYTES];
    bool untimed; /* a line of the block has no ts */
    uint32_t blocks;
    uint64_t offset; /* where the next block goes */
    uint64_t first_seq, last_seq, records, raw_bytes;
    bool in_order;
    uint32_t crc32;
    bool finished;
};

static char *with_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    char *joined = malloc(n + m + 1);

    if (joined != NULL) {
        memcpy(joined, path, n);
        memcpy(joined + n, suffix, m + 1);
    }
    return joined;
}

/* Every block but the last has block_bytes or more, so that this many entries are enough. */
static void plan_table(struct sealed_writer *w, uint64_t raw_bytes_max)
{
    w->block_bytes = SEALED_BLOCK_BYTES;
    while (raw_bytes_max / w->block_bytes + 1 > SEALED_ROOM_MAX)
        w->block_bytes *= 2;
    w->room = (uint32_t)(raw_bytes_max / w->block_bytes + 1);
    w->raw_room = w->block_bytes + LINE_BYTES_MAX;
    w->offset = sealed_header_bytes(w->room);
}

struct sealed_writer *sealed_create(const char *path, const struct segment_id *id,
                                    uint64_t raw_bytes_max, enum deflate_backend backend,
                                    struct err *e)
{
    struct sealed_writer *w = calloc(1, sizeof *w);

    if (w == NULL) {
        err_set(e, ERR_MEMORY, "out of memory while sealing %s", path);
        return NULL;
    }
    w->file = FS_CLOSED;
    w->id = *id;
    w->in_order = true;
    plan_table(w, raw_bytes_max);
    w->path = str_dup(str_of(path));
    w->tmp = with_suffix(path, TMP_SUFFIX);
    w->deflate = deflate_new(backend);
    w->header = calloc(1, sealed_header_bytes(w->room));
    w->raw = malloc(w->raw_room);
    w->packed = malloc(deflate_bound(w->raw_room));
    if (w->path == NULL || w->tmp == NULL || w->deflate == NULL || w->header == NULL ||
        w->raw == NULL || w->packed == NULL) {
        err_set(e, ERR_MEMORY, "out of memory while sealing %s", path);
        sealed_writer_free(w);
        return NULL;
    }
    if (fs_open(&w->file, w->tmp, FS_REPLACE, e) != 0) {
        sealed_writer_free(w);
        return NULL;
    }
    return w;
}

static int write_all(const struct fs_file *file, const void *p, size_t n, uint64_t offset,
                     struct err *e)
{
    struct iovec iov = { (void *)(uintptr_t)p, n };
    size_t written;

    return fs_write_at(file, &iov, 1, offset, &written, e);
}

static void put_entry(struct sealed_writer *w)
{
    unsigned char *p =
        w->header + SEALED_GZIP_BYTES + SEALED_HEAD_BYTES + (size_t)w->blocks * SEALED_ENTRY_BYTES;

    put_u32(p, w->block.file_bytes);
    put_u32(p + 4, w->block.raw_bytes);
    put_u32(p + 8, w->block.records);
    put_u32(p + 12, w->block.crc32);
    put_u64(p + 16, (uint64_t)w->block.first_ms);
    put_u64(p + 24, (uint64_t)w->block.last_ms);
}

/* A block with a line whose time cannot be read is never skipped by time. */
static void close_times(struct sealed_writer *w)
{
    if (w->untimed || !date_parse(str_from(w->first_ts, sizeof w->first_ts), &w->block.first_ms) ||
        !date_parse(str_from(w->last_ts, sizeof w->last_ts), &w->block.last_ms)) {
        w->block.first_ms = INT64_MIN;
        w->block.last_ms = INT64_MAX;
    }
}

static int end_block(struct sealed_writer *w, struct err *e)
{
    size_t n = deflate_block(w->deflate, w->raw, w->raw_used, w->packed);

    if (n == 0)
        return err_set(e, ERR_SYSTEM, "cannot compress a block of %s", w->path);
    if (write_all(&w->file, w->packed, n, w->offset, e) != 0)
        return -1;
    w->block.file_bytes = (uint32_t)n;
    w->block.raw_bytes = (uint32_t)w->raw_used;
    w->block.crc32 = crc32_add(0, w->raw, w->raw_used);
    close_times(w);
    put_entry(w);
    w->crc32 = crc32_join(w->crc32, w->block.crc32, w->raw_used);
    w->raw_bytes += w->raw_used;
    w->records += w->block.records;
    w->offset += n;
    w->blocks++;
    w->raw_used = 0;
    w->block.records = 0;
    w->untimed = false;
    return 0;
}

static void note_time(struct sealed_writer *w, struct str line)
{
    struct str ts = line_ts_text(line);

    if (ts.p == NULL) {
        w->untimed = true;
        return;
    }
    if (w->block.records == 0 || memcmp(ts.p, w->first_ts, sizeof w->first_ts) < 0)
        memcpy(w->first_ts, ts.p, sizeof w->first_ts);
    if (w->block.records == 0 || memcmp(ts.p, w->last_ts, sizeof w->last_ts) > 0)
        memcpy(w->last_ts, ts.p, sizeof w->last_ts);
}

static void note_seq(struct sealed_writer *w, uint64_t seq)
{
    uint64_t before = w->records + w->block.records;

    if (before == 0)
        w->first_seq = w->last_seq = seq;
    else if (seq != w->last_seq + 1)
        w->in_order = false;
    if (seq < w->first_seq)
        w->first_seq = seq;
    if (seq > w->last_seq)
        w->last_seq = seq;
}

int sealed_add(struct sealed_writer *w, struct str line, uint64_t seq, struct err *e)
{
    if (line.n >= LINE_BYTES_MAX)
        return err_set(e, ERR_INPUT, "a line of %zu bytes is too long for %s", line.n, w->path);
    note_seq(w, seq);
    note_time(w, line);
    memcpy(w->raw + w->raw_used, line.p, line.n);
    w->raw[w->raw_used + line.n] = '\n';
    w->raw_used += line.n + 1;
    w->block.records++;
    return w->raw_used >= w->block_bytes ? end_block(w, e) : 0;
}

uint64_t sealed_records(const struct sealed_writer *w)
{
    return w->records + w->block.records;
}

static void put_gzip_header(unsigned char *p, const struct segment_id *id, uint32_t room)
{
    static const unsigned char start[4] = { 0x1F, 0x8B, 8, 4 };
    uint32_t extra = (uint32_t)sealed_header_bytes(room) - 12;

    memcpy(p, start, sizeof start);
    put_u32(p + 4, (uint32_t)(id->created_ms / 1000));
    p[8] = 0;
    p[9] = 255;
    p[10] = extra & 255;
    p[11] = extra >> 8 & 255;
    p[12] = 'C';
    p[13] = 'R';
    p[14] = (extra - 4) & 255;
    p[15] = (extra - 4) >> 8 & 255;
}

static void put_header(struct sealed_writer *w)
{
    unsigned char *head = w->header + SEALED_GZIP_BYTES;
    size_t end = sealed_header_bytes(w->room) - 4;

    put_gzip_header(w->header, &w->id, w->room);
    put_u32(head, FORMAT_VERSION);
    put_identity(head + 4, &w->id);
    put_u64(head + 32, w->first_seq);
    put_u64(head + 40, w->last_seq);
    put_u64(head + 48, w->records);
    put_u64(head + 56, w->raw_bytes);
    put_u64(head + 64, w->offset + SEALED_TAIL_BYTES);
    put_u32(head + 72, w->in_order ? SEALED_IN_ORDER : 0);
    put_u32(head + 76, w->blocks);
    put_u32(head + 80, w->room);
    put_u32(head + 84, w->crc32);
    put_u32(w->header + end, crc32c_add(0, w->header, end));
}

static int write_index(const struct sealed_writer *w, struct err *e)
{
    catalog_path index;
    struct fs_file file;
    char *tmp;
    int result;

    if (!catalog_index_path(index, w->path))
        return err_set(e, ERR_INPUT, "%s is not named like a sealed file", w->path);
    tmp = with_suffix(index, TMP_SUFFIX);
    if (tmp == NULL)
        return err_set(e, ERR_MEMORY, "out of memory while sealing %s", w->path);
    result = fs_open(&file, tmp, FS_REPLACE, e);
    if (result == 0) {
        result = write_all(&file, w->header, sealed_header_bytes(w->room), 0, e);
        if (result == 0)
            result = fs_sync_data(&file, e);
        if (result == 0)
            result = fs_rename(tmp, index, e);
        if (result != 0)
            fs_unlink(tmp, NULL);
        fs_close(&file);
    }
    free(tmp);
    return result;
}

int sealed_finish(struct sealed_writer *w, uint64_t *file_bytes, uint64_t *raw_bytes, struct err *e)
{
    unsigned char tail[SEALED_TAIL_BYTES] = { 3, 0 };

    if (w->raw_used > 0 && end_block(w, e) != 0)
        return -1;
    put_header(w);
    put_u32(tail + 2, w->crc32);
    put_u32(tail + 6, (uint32_t)w->raw_bytes);
    if (write_all(&w->file, tail, sizeof tail, w->offset, e) != 0 ||
        write_all(&w->file, w->header, sealed_header_bytes(w->room), 0, e) != 0 ||
        fs_sync_data(&w->file, e) != 0 || write_index(w, e) != 0 ||
        fs_rename(w->tmp, w->path, e) != 0)
        return -1;
    w->finished = true;
    fs_done_reading(&w->file, 0, 0);
    if (file_bytes != NULL)
        *file_bytes = w->offset + SEALED_TAIL_BYTES;
    if (raw_bytes != NULL)
        *raw_bytes = w->raw_bytes;
    return 0;
}

void sealed_writer_free(struct sealed_writer *w)
{
    if (w == NULL)
        return;
    if (!w->finished && w->file.fd >= 0)
        fs_unlink(w->tmp, NULL);
    fs_close(&w->file);
    deflate_free(w->deflate);
    free(w->path);
    free(w->tmp);
    free(w->header);
    free(w->raw);
    free(w->packed);
    free(w);
}
