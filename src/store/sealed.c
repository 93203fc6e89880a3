/*
 * sealed.c - writes and reads sealed files. See sealed.h for the contract, format.h for the bytes.
 *
 * sealer.c writes, scan.c and follow.c read. The block table stands in the gzip header (an extra
 * field, which every gzip reader skips) and once more in the index file: a block is given out only
 * if its CRC in the table is right, so a flipped bit that happens to inflate to other text is never
 * believed, with or without an index file.
 */
#include "sealed.h"

#include <stdlib.h>

#include "base/date.h"
#include "catalog.h"
#include "line.h"

#define HEADER_BYTES_MAX (12 + 65535)
#define BLOCK_RAW_MAX    (64u << 20) /* refuse to allocate more for what a table claims */

static const unsigned char FLUSH_MARK[4] = { 0x00, 0x00, 0xFF, 0xFF };

/* ---- the header ---- */

static size_t header_bytes(uint32_t room)
{
    return SEALED_GZIP_BYTES + SEALED_HEAD_BYTES + (size_t)room * SEALED_ENTRY_BYTES + 4;
}

static void put_gzip_header(unsigned char *p, const struct segment_id *id, uint32_t room)
{
    static const unsigned char start[4] = { 0x1F, 0x8B, 8, 4 };
    uint32_t extra = (uint32_t)header_bytes(room) - 12;

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

/* Fills *sealed from n bytes of a header; false if they are not a whole and valid one. */
static bool parse_header(struct sealed *sealed, const unsigned char *p, size_t n)
{
    const unsigned char *head = p + SEALED_GZIP_BYTES, *entry;
    uint32_t room, flags;
    uint64_t offset, records = 0, raw_bytes = 0;

    if (n < header_bytes(0) || p[0] != 0x1F || p[1] != 0x8B || p[12] != 'C' || p[13] != 'R' ||
        get_u32(head) != FORMAT_VERSION)
        return false;
    room = get_u32(head + 80);
    sealed->blocks = get_u32(head + 76);
    if (room > SEALED_ROOM_MAX || sealed->blocks > room || n < header_bytes(room) ||
        get_u32(p + header_bytes(room) - 4) != crc32c_add(0, p, header_bytes(room) - 4))
        return false;
    get_identity(head + 4, &sealed->id);
    sealed->first_seq = get_u64(head + 32);
    sealed->last_seq = get_u64(head + 40);
    sealed->records = get_u64(head + 48);
    sealed->raw_bytes = get_u64(head + 56);
    sealed->file_bytes = get_u64(head + 64);
    flags = get_u32(head + 72);
    sealed->in_order = (flags & SEALED_IN_ORDER) != 0;
    sealed->crc32 = get_u32(head + 84);
    sealed->header_bytes = offset = header_bytes(room);
    sealed->block = calloc(sealed->blocks + 1, sizeof *sealed->block);
    if (sealed->block == NULL)
        return false;
    entry = head + SEALED_HEAD_BYTES;
    for (size_t k = 0; k < sealed->blocks; k++, entry += SEALED_ENTRY_BYTES) {
        sealed->block[k] = (struct sealed_block){ .offset = offset,
                                                  .file_bytes = get_u32(entry),
                                                  .raw_bytes = get_u32(entry + 4),
                                                  .records = get_u32(entry + 8),
                                                  .crc32 = get_u32(entry + 12),
                                                  .first_ms = (int64_t)get_u64(entry + 16),
                                                  .last_ms = (int64_t)get_u64(entry + 24),
                                                  .first_record = records };
        offset += sealed->block[k].file_bytes;
        records += sealed->block[k].records;
        raw_bytes += sealed->block[k].raw_bytes;
        if (sealed->block[k].raw_bytes > BLOCK_RAW_MAX ||
            sealed->block[k].file_bytes > BLOCK_RAW_MAX)
            return false;
    }
    return records == sealed->records && raw_bytes == sealed->raw_bytes &&
           offset + SEALED_TAIL_BYTES == sealed->file_bytes;
}

/* Reads the header from an open file; false if it has none. */
static bool read_header(struct sealed *sealed, const struct fs_file *file)
{
    unsigned char *p = malloc(HEADER_BYTES_MAX);
    size_t got = 0;
    bool valid = p != NULL && fs_read_at(file, p, HEADER_BYTES_MAX, 0, &got, NULL) == 0 &&
                 parse_header(sealed, p, got);

    free(p);
    if (!valid) {
        free(sealed->block);
        sealed->block = NULL;
        sealed->blocks = 0;
    }
    return valid;
}

static bool read_index(struct sealed *sealed)
{
    catalog_path path;
    struct fs_file file;
    bool valid;

    if (!catalog_index_path(path, sealed->path) || fs_open(&file, path, FS_READ, NULL) != 0)
        return false;
    valid = read_header(sealed, &file);
    fs_close(&file);
    return valid;
}

/* ---- blocks ---- */

static int grow(unsigned char **p, size_t *room, size_t n)
{
    unsigned char *grown;

    if (*room >= n)
        return 0;
    grown = realloc(*p, n);
    if (grown == NULL)
        return -1;
    *p = grown;
    *room = n;
    return 0;
}

static int buffer_ready(struct sealed_buffer *buffer, size_t in, size_t out, struct err *e)
{
    if (buffer->deflate == NULL)
        buffer->deflate = deflate_new(DEFLATE_BEST);
    if (buffer->deflate == NULL ||
        grow(&buffer->in, &buffer->in_room, in + INFLATE_TAIL_BYTES) != 0 ||
        grow(&buffer->out, &buffer->out_room, out + INFLATE_SLACK_BYTES) != 0)
        return err_set(e, ERR_MEMORY, "out of memory for a block");
    return 0;
}

void sealed_buffer_free(struct sealed_buffer *buffer)
{
    deflate_free(buffer->deflate);
    free(buffer->in);
    free(buffer->out);
    *buffer = (struct sealed_buffer){ NULL, NULL, NULL, 0, 0 };
}

static bool decode(const struct sealed_block *block, struct sealed_buffer *buffer,
                   unsigned char *in, size_t n, struct str *lines)
{
    if (!inflate_block(buffer->deflate, in, n, buffer->out, block->raw_bytes) ||
        crc32_add(0, buffer->out, block->raw_bytes) != block->crc32)
        return false;
    *lines = str_from((const char *)buffer->out, block->raw_bytes);
    return true;
}

int sealed_read(const struct sealed *sealed, size_t k, struct sealed_buffer *buffer,
                struct str *lines, struct err *e)
{
    const struct sealed_block *block = &sealed->block[k];
    size_t got;

    if (buffer_ready(buffer, block->file_bytes, block->raw_bytes, e) != 0 ||
        fs_read_at(&sealed->file, buffer->in, block->file_bytes, block->offset, &got, e) != 0)
        return -1;
    if (got < block->file_bytes || !decode(block, buffer, buffer->in, got, lines))
        return err_set(e, ERR_DAMAGED, "%s@%llu: block %zu is damaged", sealed->path,
                       (unsigned long long)block->offset, k);
    return 0;
}

/* The first byte behind the next flush mark at or after p; NULL if there is none. */
static const unsigned char *behind_mark(const unsigned char *p, const unsigned char *end)
{
    p = end - p < 4 ? NULL : memmem(p, (size_t)(end - p), FLUSH_MARK, sizeof FLUSH_MARK);
    return p == NULL ? NULL : p + sizeof FLUSH_MARK;
}

int sealed_find(const struct sealed *sealed, size_t k, uint64_t from, uint64_t to,
                struct sealed_buffer *buffer, struct str *lines)
{
    const struct sealed_block *block = &sealed->block[k];
    size_t n = (size_t)(to - from), got;

    if (to <= from || n > 2 * BLOCK_RAW_MAX ||
        buffer_ready(buffer, n, block->raw_bytes, NULL) != 0 ||
        fs_read_at(&sealed->file, buffer->in, n, from, &got, NULL) != 0)
        return 0;
    for (const unsigned char *p = buffer->in, *end = p + got; p != NULL; p = behind_mark(p, end)) {
        if ((size_t)(end - p) < block->file_bytes)
            break;
        if (memcmp(p + block->file_bytes - 4, FLUSH_MARK, 4) == 0 &&
            decode(block, buffer, buffer->in + (p - buffer->in), block->file_bytes, lines))
            return 1;
    }
    return 0;
}

/* ---- a table from the data alone ---- */

static uint32_t count_lines(struct str lines, int64_t *first_ms, int64_t *last_ms)
{
    uint32_t count = 0;

    *first_ms = INT64_MAX;
    *last_ms = INT64_MIN;
    for (struct str rest = lines; rest.n > 0; count++) {
        struct str line = str_cut(&rest, '\n');
        int64_t ms;

        if (line_ts_ms(line, &ms)) {
            *first_ms = ms < *first_ms ? ms : *first_ms;
            *last_ms = ms > *last_ms ? ms : *last_ms;
        } else {
            *first_ms = INT64_MIN;
            *last_ms = INT64_MAX;
        }
    }
    return count;
}

static int add_block(struct sealed *sealed, const struct sealed_block *block)
{
    if (sealed->blocks % 64 == 0) {
        struct sealed_block *grown =
            realloc(sealed->block, (sealed->blocks + 64) * sizeof *sealed->block);

        if (grown == NULL)
            return -1;
        sealed->block = grown;
    }
    sealed->block[sealed->blocks++] = *block;
    return 0;
}

/* How many raw bytes does this block have? Its size is not known yet, so the room is doubled until
 * it fits. */
static bool measure(struct sealed_buffer *buffer, const unsigned char *p, size_t n,
                    size_t *raw_bytes)
{
    for (size_t room = 4 * SEALED_BLOCK_BYTES; room <= BLOCK_RAW_MAX; room *= 2) {
        if (buffer_ready(buffer, 0, room, NULL) != 0)
            return false;
        if (inflate_some(buffer->deflate, p, n, buffer->out, room, raw_bytes))
            return true;
    }
    return false;
}

/*
 * Takes the block that starts at p; the marks inside compressed data are no ends, so later marks
 * are tried too. Returns what follows it, or NULL.
 */
static const unsigned char *rebuild_block(struct sealed *sealed, struct sealed_buffer *buffer,
                                          const unsigned char *start, const unsigned char *p,
                                          const unsigned char *end)
{
    size_t raw_bytes;

    for (const unsigned char *next = behind_mark(p, end); next != NULL && next - p < BLOCK_RAW_MAX;
         next = behind_mark(next, end)) {
        struct sealed_block block = { .offset = (uint64_t)(p - start),
                                      .file_bytes = (uint32_t)(next - p),
                                      .first_record = sealed->records };

        if (!measure(buffer, p, (size_t)(next - p), &raw_bytes) || raw_bytes == 0 ||
            buffer->out[raw_bytes - 1] != '\n')
            continue;
        block.raw_bytes = (uint32_t)raw_bytes;
        block.crc32 = crc32_add(0, buffer->out, raw_bytes);
        block.records = count_lines(str_from((const char *)buffer->out, raw_bytes), &block.first_ms,
                                    &block.last_ms);
        if (add_block(sealed, &block) != 0)
            return NULL;
        sealed->records += block.records;
        sealed->raw_bytes += raw_bytes;
        sealed->crc32 = crc32_join(sealed->crc32, block.crc32, raw_bytes);
        return next;
    }
    return NULL;
}

/* Decodes the whole member; true when its own CRC says that every byte is right. */
static bool rebuild(struct sealed *sealed, const unsigned char *start, size_t n)
{
    struct sealed_buffer buffer = { NULL, NULL, NULL, 0, 0 };
    const unsigned char *end, *p;

    if (n < 12 + SEALED_TAIL_BYTES || start[0] != 0x1F || start[1] != 0x8B || start[3] != 4)
        return false;
    sealed->header_bytes = 12 + (uint64_t)(start[10] | start[11] << 8);
    if (sealed->header_bytes + SEALED_TAIL_BYTES > n)
        return false;
    sealed->records = sealed->raw_bytes = 0;
    sealed->crc32 = 0;
    sealed->in_order = false;
    sealed->first_seq = 1;
    sealed->last_seq = 0;
    sealed->file_bytes = n;
    end = start + n - SEALED_TAIL_BYTES;
    for (p = start + sealed->header_bytes; p != NULL && p < end;)
        p = rebuild_block(sealed, &buffer, start, p, end);
    sealed_buffer_free(&buffer);
    return p == end && end[0] == 3 && end[1] == 0 && get_u32(end + 2) == sealed->crc32 &&
           get_u32(end + 6) == (uint32_t)sealed->raw_bytes;
}

static bool read_data(struct sealed *sealed)
{
    const void *p;
    size_t n;
    bool whole;

    if (!catalog_parse_sealed(catalog_base_name(sealed->path), &sealed->id) ||
        fs_map(&sealed->file, &p, &n, NULL) != 0)
        return false;
    whole = rebuild(sealed, p, n);
    fs_unmap(p, n);
    return whole;
}

/* ---- opening ---- */

int sealed_open(struct sealed *sealed, const char *path, struct err *e)
{
    struct stat st;

    memset(sealed, 0, sizeof *sealed);
    sealed->file = FS_CLOSED;
    sealed->path = str_dup(str_of(path));
    if (sealed->path == NULL)
        return err_set(e, ERR_MEMORY, "out of memory while opening %s", path);
    if (fs_open(&sealed->file, sealed->path, FS_READ, e) != 0 ||
        fs_stat(&sealed->file, &st, e) != 0) {
        sealed_close(sealed);
        return -1;
    }
    sealed->size = (uint64_t)st.st_size;
    if (read_header(sealed, &sealed->file))
        sealed->table = SEALED_FROM_HEADER;
    else if (read_index(sealed))
        sealed->table = SEALED_FROM_INDEX;
    else if (read_data(sealed))
        sealed->table = SEALED_FROM_DATA;
    else {
        sealed_close(sealed);
        return err_set(e, ERR_DAMAGED,
                       "%s@0: the header and its copy are damaged, and so is the rest", path);
    }
    return 0;
}

void sealed_close(struct sealed *sealed)
{
    fs_close(&sealed->file);
    free(sealed->path);
    free(sealed->block);
    memset(sealed, 0, sizeof *sealed);
    sealed->file = FS_CLOSED;
}

bool sealed_end_is_whole(const struct sealed *sealed, uint64_t *offset, const char **sentence)
{
    unsigned char p[SEALED_TAIL_BYTES];
    size_t got;

    *offset = sealed->file_bytes - SEALED_TAIL_BYTES;
    if (sealed->size < sealed->file_bytes) {
        *offset = sealed->size;
        *sentence = "the file is cut short";
        return false;
    }
    if (sealed->size > sealed->file_bytes) {
        *offset = sealed->file_bytes;
        *sentence = "bytes behind the end";
        return false;
    }
    if (fs_read_at(&sealed->file, p, sizeof p, *offset, &got, NULL) != 0 || got < sizeof p ||
        p[0] != 3 || p[1] != 0 || get_u32(p + 2) != sealed->crc32 ||
        get_u32(p + 6) != (uint32_t)sealed->raw_bytes) {
        *sentence = "the end of the gzip member is damaged";
        return false;
    }
    return true;
}

/* ---- writing ---- */

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
    w->offset = header_bytes(w->room);
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
    w->header = calloc(1, header_bytes(w->room));
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

static void put_header(struct sealed_writer *w)
{
    unsigned char *head = w->header + SEALED_GZIP_BYTES;
    size_t end = header_bytes(w->room) - 4;

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
        result = write_all(&file, w->header, header_bytes(w->room), 0, e);
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
        write_all(&w->file, w->header, header_bytes(w->room), 0, e) != 0 ||
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
