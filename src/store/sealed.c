/*
 * sealed.c - reads sealed files. See sealed.h for the contract, format.h for the bytes.
 *
 * Called by reading.c and blocks.c, and by sealer.c to see what is there. The block table stands in
 * the gzip header (an extra field, which every gzip reader skips) and once more in the index file: a
 * block is given out only if its CRC in the table is right, so a flipped bit that happens to inflate
 * to other text is never believed, with or without an index file.
 */
#include "sealed.h"

#include <stdlib.h>

#include "catalog.h"
#include "line.h"

#define HEADER_BYTES_MAX (12 + 65535)
#define BLOCK_RAW_MAX    (64u << 20) /* refuse to allocate more for what a table claims */
#define FIND_TRIES_MAX   16 /* places between two marks that are as far apart as the block is long */

static const unsigned char FLUSH_MARK[4] = { 0x00, 0x00, 0xFF, 0xFF };

/* ---- the header ---- */

/* Fills *sealed from n bytes of a header; false if they are not a whole and valid one. */
static bool parse_header(struct sealed *sealed, const unsigned char *p, size_t n)
{
    const unsigned char *head = p + SEALED_GZIP_BYTES, *entry;
    uint32_t room, flags;
    uint64_t offset, records = 0, raw_bytes = 0;

    if (n < sealed_header_bytes(0) || p[0] != 0x1F || p[1] != 0x8B || p[12] != 'C' ||
        p[13] != 'R' || get_u32(head) != FORMAT_VERSION)
        return false;
    room = get_u32(head + 80);
    sealed->blocks = get_u32(head + 76);
    if (room > SEALED_ROOM_MAX || sealed->blocks > room || n < sealed_header_bytes(room) ||
        get_u32(p + sealed_header_bytes(room) - 4) !=
            crc32c_add(0, p, sealed_header_bytes(room) - 4))
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
    sealed->header_bytes = offset = sealed_header_bytes(room);
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
    unsigned tries = 0;

    if (to <= from || n > 2 * BLOCK_RAW_MAX || block->file_bytes < sizeof FLUSH_MARK ||
        buffer_ready(buffer, n, block->raw_bytes, NULL) != 0 ||
        fs_read_at(&sealed->file, buffer->in, n, from, &got, NULL) != 0)
        return 0;
    for (const unsigned char *p = buffer->in, *end = p + got; p != NULL; p = behind_mark(p, end)) {
        if ((size_t)(end - p) < block->file_bytes)
            break;
        if (memcmp(p + block->file_bytes - 4, FLUSH_MARK, 4) != 0)
            continue;
        if (decode(block, buffer, buffer->in + (p - buffer->in), block->file_bytes, lines))
            return 1;
        if (++tries == FIND_TRIES_MAX)
            break;
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

/*
 * Takes the block that starts at p: up to the first flush behind a whole line. Returns what follows
 * it, or NULL.
 */
static const unsigned char *rebuild_block(struct sealed *sealed, struct inflate_walk *walk,
                                          const unsigned char *start, const unsigned char *p,
                                          const unsigned char *end)
{
    size_t n = (size_t)(end - p);
    struct sealed_block block = { .offset = (uint64_t)(p - start),
                                  .first_record = sealed->records };
    struct str lines;

    inflate_walk_begin(walk, p, n < BLOCK_RAW_MAX ? n : BLOCK_RAW_MAX);
    do {
        if (!inflate_walk_on(walk, BLOCK_RAW_MAX))
            return NULL;
    } while (walk->out_bytes == 0 || walk->out[walk->out_bytes - 1] != '\n');
    lines = str_from((const char *)walk->out, walk->out_bytes);
    block.file_bytes = (uint32_t)walk->in_bytes;
    block.raw_bytes = (uint32_t)lines.n;
    block.crc32 = crc32_add(0, lines.p, lines.n);
    block.records = count_lines(lines, &block.first_ms, &block.last_ms);
    if (sealed->blocks == SEALED_ROOM_MAX || add_block(sealed, &block) != 0)
        return NULL;
    sealed->records += block.records;
    sealed->raw_bytes += lines.n;
    sealed->crc32 = crc32_join(sealed->crc32, block.crc32, lines.n);
    return p + walk->in_bytes;
}

/* Decodes the whole member; true when its own CRC says that every byte is right. */
static bool rebuild(struct sealed *sealed, const unsigned char *start, size_t n)
{
    struct inflate_walk walk;
    const unsigned char *end, *p;

    if (n < 12 + SEALED_TAIL_BYTES || start[0] != 0x1F || start[1] != 0x8B || start[3] != 4)
        return false;
    sealed->header_bytes = 12 + (uint64_t)(start[10] | start[11] << 8);
    if (sealed->header_bytes + SEALED_TAIL_BYTES > n || !inflate_walk_init(&walk))
        return false;
    sealed->records = sealed->raw_bytes = 0;
    sealed->crc32 = 0;
    sealed->in_order = false;
    sealed->first_seq = 1;
    sealed->last_seq = 0;
    sealed->file_bytes = n;
    end = start + n - SEALED_TAIL_BYTES;
    for (p = start + sealed->header_bytes; p != NULL && p < end;)
        p = rebuild_block(sealed, &walk, start, p, end);
    inflate_walk_free(&walk);
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
