/*
 * blocks.c - hands the blocks of all files to several threads. See store/blocks.h for the contract.
 *
 * One cursor behind a mutex: the file that is open and its next block. A thread takes a block under the
 * lock and decodes it outside; a file is closed by whoever finishes its last block. A segment is read
 * as a whole by the thread that took it. The race with a running server is settled as in scan.c: the
 * spool is listed before hits/, and a segment that is recycled under us goes on in its sealed file.
 */
#include "store/blocks.h"

#include <pthread.h>
#include <stdlib.h>

#include "later.h"
#include "reading.h"

#define PIECE_BYTES   (256u * 1024) /* of a segment */
#define SEGMENT_READY 1             /* what the record function returns when a piece is full */

struct open_file {
    struct sealed sealed;
    size_t next;    /* block to be taken */
    unsigned users; /* threads with a block of it, and the cursor */
};

struct source {
    struct segment_id id;
    bool in_spool;
    struct later later; /* in the spool */
    uint64_t bytes;     /* of the file when it was listed */
};

struct blocks {
    const struct scan_options *options;
    bool alive;
    struct source *source;
    size_t sources, next;
    struct open_file *open; /* the cursor's */
    uint64_t done_bytes, total_bytes, damaged;
    pthread_mutex_t lock; /* of all above that changes */
    pthread_mutex_t tell; /* held while damage is told; taken after lock */
};

struct blocks_reader {
    struct sealed_buffer buffer;
    struct open_file *file; /* whose block the last text is */
    uint64_t file_bytes;
    /* the segment that is being read */
    struct segment_reader segment;
    bool in_segment;
    uint64_t next_seq;
    uint64_t segment_bytes;
    struct segment_id segment_id;
    char *piece;
    size_t piece_n, piece_cap;
    bool whole; /* the sealed rest of a recycled segment: no limit on the piece */
    bool no_memory;
};

/* ---- what there is --------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const struct source *x = a, *y = b;

    if (x->id.created_ms != y->id.created_ms)
        return x->id.created_ms < y->id.created_ms ? -1 : 1;
    return catalog_compare(&x->id, &y->id);
}

static uint64_t size_of(const char *data_dir, const struct source *source)
{
    catalog_path path;
    struct stat st;

    if (source->in_spool)
        catalog_segment_path(path, data_dir, &source->id);
    else
        catalog_sealed_path(path, data_dir, &source->id);
    return fs_stat_path(path, &st, NULL) == 0 ? (uint64_t)st.st_size : 0;
}

static int make_sources(struct blocks *blocks, const struct catalog *catalog, struct err *e)
{
    const char *data_dir = blocks->options->data_dir;

    blocks->source = calloc(catalog->count + 1, sizeof *blocks->source);
    if (blocks->source == NULL)
        return err_set(e, ERR_MEMORY, "out of memory for %zu files", catalog->count);
    for (size_t i = 0; i < catalog->count; i++) {
        struct source *source = &blocks->source[blocks->sources];

        if (!reading_hour_is_wanted(blocks->options, catalog->entry[i].id.created_ms))
            continue;
        source->id = catalog->entry[i].id;
        source->in_spool = catalog->entry[i].in_spool;
        if (source->in_spool)
            source->later = later_than(data_dir, catalog, &source->id);
        source->bytes = size_of(data_dir, source);
        blocks->total_bytes += source->bytes;
        blocks->sources++;
    }
    qsort(blocks->source, blocks->sources, sizeof *blocks->source, by_time);
    return 0;
}

static void tell(struct blocks *blocks, const char *path, uint64_t offset, uint64_t lost_bytes,
                 const char *sentence)
{
    struct scan_damage damage = { path, offset, lost_bytes, reading_without_place(sentence, path) };

    pthread_mutex_lock(&blocks->tell);
    blocks->damaged++;
    if (blocks->options->damage != NULL)
        blocks->options->damage(blocks->options->arg, &damage);
    pthread_mutex_unlock(&blocks->tell);
}

static int look_around(struct blocks *blocks, struct catalog *catalog, struct err *e)
{
    const struct scan_options *options = blocks->options;
    catalog_path lock;
    struct stat st;

    if (catalog_check(options->data_dir, e) != 0 || fs_stat_path(options->data_dir, &st, e) != 0)
        return -1;
    catalog_lock_path(lock, options->data_dir);
    if (catalog_list(catalog, options->data_dir, options->since_ms, options->until_ms, e) != 0)
        return -1;
    blocks->alive = fs_is_locked(lock); /* afterwards, as in scan.c */
    if (catalog->unreadable > 0)
        tell(blocks, options->data_dir, 0, 0, catalog->trouble.text);
    return make_sources(blocks, catalog, e);
}

struct blocks *blocks_open(const struct scan_options *options, struct err *e)
{
    struct blocks *blocks = calloc(1, sizeof *blocks);
    struct catalog catalog = { 0 };
    int r;

    if (blocks == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    blocks->options = options;
    pthread_mutex_init(&blocks->lock, NULL);
    pthread_mutex_init(&blocks->tell, NULL);
    r = look_around(blocks, &catalog, e);
    catalog_free(&catalog);
    if (r != 0) {
        blocks_close(blocks);
        return NULL;
    }
    return blocks;
}

static void drop(struct open_file *file)
{
    if (file != NULL && --file->users == 0) {
        sealed_close(&file->sealed);
        free(file);
    }
}

void blocks_close(struct blocks *blocks)
{
    if (blocks == NULL)
        return;
    drop(blocks->open);
    free(blocks->source);
    pthread_mutex_destroy(&blocks->lock);
    pthread_mutex_destroy(&blocks->tell);
    free(blocks);
}

struct blocks_reader *blocks_reader_new(void)
{
    return calloc(1, sizeof(struct blocks_reader));
}

void blocks_reader_free(struct blocks_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->in_segment)
        segment_close(&reader->segment);
    sealed_buffer_free(&reader->buffer);
    free(reader->piece);
    free(reader);
}

void blocks_progress(struct blocks *blocks, uint64_t *done_bytes, uint64_t *total_bytes)
{
    pthread_mutex_lock(&blocks->lock);
    *done_bytes = blocks->done_bytes;
    *total_bytes = blocks->total_bytes;
    pthread_mutex_unlock(&blocks->lock);
}

bool blocks_span(const struct blocks *blocks, int64_t *first_ms, int64_t *last_ms)
{
    if (blocks->sources == 0)
        return false;
    *first_ms = blocks->source[0].id.created_ms;
    *last_ms = blocks->source[blocks->sources - 1].id.created_ms;
    return true;
}

uint64_t blocks_damaged(struct blocks *blocks)
{
    uint64_t n;

    pthread_mutex_lock(&blocks->tell);
    n = blocks->damaged;
    pthread_mutex_unlock(&blocks->tell);
    return n;
}

static int out_of_memory(struct err *e)
{
    return err_set(e, ERR_MEMORY, "out of memory while reading hits");
}

/* ---- segments -------------------------------------------------------------------------------------- */

static int add_to_piece(void *arg, struct str line)
{
    struct blocks_reader *reader = arg;

    if (reader->piece_cap - reader->piece_n < line.n + 1) {
        size_t cap = (reader->piece_n + line.n + 1) * 2 + PIECE_BYTES;
        char *piece = realloc(reader->piece, cap);

        if (piece == NULL) {
            reader->no_memory = true;
            return SEGMENT_READY;
        }
        reader->piece = piece;
        reader->piece_cap = cap;
    }
    memcpy(reader->piece + reader->piece_n, line.p, line.n);
    reader->piece_n += line.n;
    reader->piece[reader->piece_n++] = '\n';
    return reader->piece_n >= PIECE_BYTES && !reader->whole ? SEGMENT_READY : 0;
}

struct teller {
    struct blocks *blocks;
    struct blocks_reader *reader;
};

static int record_of(void *arg, struct str line)
{
    struct teller *teller = arg;

    return add_to_piece(teller->reader, line);
}

static int damage_of(void *arg, const struct scan_damage *damage)
{
    struct teller *teller = arg;

    tell(teller->blocks, damage->path, damage->offset, damage->lost_bytes, damage->sentence);
    return 0;
}

static int read_sealed_rest(struct blocks *blocks, struct blocks_reader *reader,
                            struct reading *reading, struct err *e)
{
    catalog_path path;
    bool missing = false;
    int result;

    catalog_sealed_path(path, blocks->options->data_dir, &reader->segment_id);
    reader->whole = true;
    result = reading_sealed(reading, path, reader->next_seq, NULL, NULL, &missing, e);
    reader->whole = false;
    return result;
}

/* The next piece of the reader's segment into reader->piece; the segment is closed at its end. */
static int read_segment_piece(struct blocks *blocks, struct blocks_reader *reader, struct err *e)
{
    struct teller teller = { blocks, reader };
    struct scan_options options = *blocks->options;
    struct scan_totals totals = { 0 };
    struct reading reading = { .options = &options, .totals = &totals };
    uint64_t next_seq = 0; /* of this piece: numbers can stand out of order across pieces */
    bool gone = false;
    int result;

    options.record = record_of;
    options.damage = damage_of;
    options.arg = &teller;
    reader->piece_n = 0;
    result = reading_segment(&reading, &reader->segment, NULL, &next_seq, &gone, e);
    if (next_seq > reader->next_seq)
        reader->next_seq = next_seq;
    if (result == 0) {
        segment_close(&reader->segment);
        reader->in_segment = false;
        if (gone)
            result = read_sealed_rest(blocks, reader, &reading, e);
        pthread_mutex_lock(&blocks->lock);
        blocks->done_bytes += reader->segment_bytes;
        pthread_mutex_unlock(&blocks->lock);
    }
    sealed_buffer_free(&reading.buffer);
    return reader->no_memory ? out_of_memory(e) : result;
}

static int begin_segment(struct blocks *blocks, struct blocks_reader *reader,
                         const struct source *source, struct err *e)
{
    catalog_path path;
    struct err why;

    catalog_segment_path(path, blocks->options->data_dir, &source->id);
    reader->segment_id = source->id;
    reader->segment_bytes = source->bytes;
    reader->next_seq = 0;
    reader->piece_n = 0;
    if (segment_open(&reader->segment, path, &source->id, &why) != 0) {
        struct teller teller = { blocks, reader };
        struct scan_options options = *blocks->options;
        struct scan_totals totals = { 0 };
        struct reading reading = { .options = &options, .totals = &totals };
        int result;

        if (why.code != ERR_MISSING) {
            tell(blocks, path, 0, 0, why.text);
            return 0;
        }
        options.record = record_of; /* sealed since it was listed; or it was empty */
        options.damage = damage_of;
        options.arg = &teller;
        result = read_sealed_rest(blocks, reader, &reading, e);
        sealed_buffer_free(&reading.buffer);
        return reader->no_memory ? out_of_memory(e) : result;
    }
    reader->segment.seq_limit = source->later.first_seq;
    reader->segment.mode = blocks->alive && !source->later.begun ? SEGMENT_LIVE : SEGMENT_SETTLED;
    reader->in_segment = true;
    return read_segment_piece(blocks, reader, e);
}

/* ---- sealed files ------------------------------------------------------------------------------------ */

static void check_file(struct blocks *blocks, const struct sealed *sealed)
{
    const char *sentence = reading_header_trouble(sealed);
    uint64_t offset;

    if (sentence != NULL)
        tell(blocks, sealed->path, 0, sealed->header_bytes, sentence);
    if (!sealed_end_is_whole(sealed, &offset, &sentence))
        tell(blocks, sealed->path, offset, sealed->size > offset ? sealed->size - offset : 0,
             sentence);
}

/* NULL when it cannot be read, which is damage; *fatal when memory ran out. */
static struct open_file *open_sealed(struct blocks *blocks, const struct source *source,
                                     bool *fatal)
{
    struct open_file *file = calloc(1, sizeof *file);
    struct segment_id named;
    catalog_path path;
    struct err why;

    *fatal = file == NULL;
    if (file == NULL)
        return NULL;
    catalog_sealed_path(path, blocks->options->data_dir, &source->id);
    if (sealed_open(&file->sealed, path, &why) != 0) {
        *fatal = why.code == ERR_MEMORY;
        tell(blocks, path, 0, 0, why.text);
        free(file);
        return NULL;
    }
    if (catalog_parse_sealed(catalog_base_name(path), &named) &&
        !catalog_same_segment(&named, &file->sealed.id)) {
        tell(blocks, path, 0, file->sealed.size, "this is another file's contents");
        sealed_close(&file->sealed);
        free(file);
        return NULL;
    }
    check_file(blocks, &file->sealed);
    return file;
}

static bool is_needed(const struct scan_options *options, const struct sealed_block *block)
{
    return block->first_ms < options->until_ms && block->last_ms >= options->since_ms;
}

/* 1 with text, 0 when the block is lost. */
static int read_block(struct blocks *blocks, struct blocks_reader *reader,
                      const struct sealed *sealed, size_t k, struct str *text, struct err *e)
{
    const struct sealed_block *block = &sealed->block[k];
    struct err why;

    if (sealed_read(sealed, k, &reader->buffer, text, &why) == 0)
        return 1;
    if (why.code == ERR_MEMORY)
        return out_of_memory(e);
    if (why.code == ERR_DAMAGED && reading_find_near(sealed, k, &reader->buffer, text)) {
        tell(blocks, sealed->path, block->offset, 0, "a block is not in its place");
        return 1;
    }
    tell(blocks, sealed->path, block->offset, block->file_bytes,
         why.code == ERR_DAMAGED ? "a damaged block" : why.text);
    return 0;
}

/* ---- taking ---------------------------------------------------------------------------------------- */

static void give_back(struct blocks *blocks, struct blocks_reader *reader)
{
    struct open_file *file = reader->file;

    if (file == NULL)
        return;
    pthread_mutex_lock(&blocks->lock);
    blocks->done_bytes += reader->file_bytes;
    drop(file);
    pthread_mutex_unlock(&blocks->lock);
    reader->file = NULL;
}

/* Under the lock: a block of the open file that is needed. */
static bool take_block(struct blocks *blocks, struct blocks_reader *reader, size_t *k)
{
    struct open_file *file = blocks->open;

    while (file != NULL && file->next < file->sealed.blocks) {
        const struct sealed_block *block = &file->sealed.block[file->next++];

        if (!is_needed(blocks->options, block)) {
            blocks->done_bytes += block->file_bytes;
            continue;
        }
        *k = file->next - 1;
        file->users++;
        reader->file = file;
        reader->file_bytes = block->file_bytes;
        return true;
    }
    blocks->open = NULL;
    drop(file);
    return false;
}

enum taken { TAKEN_NOTHING, TAKEN_BLOCK, TAKEN_SEGMENT, TAKEN_FAILURE };

/* Files are opened under the lock: that is one small read for many blocks. */
static enum taken take(struct blocks *blocks, struct blocks_reader *reader, size_t *k,
                       struct source *source)
{
    enum taken taken = TAKEN_NOTHING;
    bool fatal = false;

    pthread_mutex_lock(&blocks->lock);
    for (;;) {
        if (take_block(blocks, reader, k)) {
            taken = TAKEN_BLOCK;
            break;
        }
        if (blocks->next == blocks->sources)
            break;
        *source = blocks->source[blocks->next++];
        if (source->in_spool) {
            taken = TAKEN_SEGMENT;
            break;
        }
        blocks->open = open_sealed(blocks, source, &fatal);
        if (fatal) {
            taken = TAKEN_FAILURE;
            break;
        }
        if (blocks->open != NULL)
            blocks->open->users = 1;
    }
    pthread_mutex_unlock(&blocks->lock);
    return taken;
}

int blocks_next(struct blocks *blocks, struct blocks_reader *reader, struct str *text,
                struct err *e)
{
    for (;;) {
        struct source source;
        size_t k = 0;
        int result;

        give_back(blocks, reader);
        if (reader->in_segment) {
            result = read_segment_piece(blocks, reader, e);
        } else {
            enum taken taken = take(blocks, reader, &k, &source);

            if (taken == TAKEN_NOTHING)
                return 0;
            if (taken == TAKEN_FAILURE)
                return out_of_memory(e);
            if (taken == TAKEN_BLOCK) {
                result = read_block(blocks, reader, &reader->file->sealed, k, text, e);
                if (result != 0)
                    return result;
                continue;
            }
            result = begin_segment(blocks, reader, &source, e);
        }
        if (result < 0)
            return -1;
        if (reader->piece_n > 0) {
            *text = str_from(reader->piece, reader->piece_n);
            return 1;
        }
    }
}
