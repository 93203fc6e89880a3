/*
 * reading.c - from the bytes of one file to the caller's record function. See reading.h for the
 * contract.
 *
 * Lines of a block that lies wholly inside the wanted time are handed out without being looked at:
 * that is the path of a scan over everything.
 */
#include "reading.h"

#include "base/date.h"
#include "catalog.h"
#include "line.h"

/* How far from its place a block is looked for. */
#define FIND_BYTES (1u << 20)

const char *reading_without_place(const char *sentence, const char *path)
{
    size_t n = strlen(path);

    if (strncmp(sentence, path, n) != 0)
        return sentence;
    sentence += n;
    if (*sentence == '@') /* path@offset: what */
        sentence += strcspn(sentence, " ");
    return sentence + strspn(sentence, " ");
}

int reading_damage(struct reading *r, const char *path, uint64_t offset, uint64_t lost_bytes,
                   const char *sentence)
{
    struct scan_damage damage = { path, offset, lost_bytes, reading_without_place(sentence, path) };

    r->totals->damaged_places++;
    return r->options->damage == NULL ? 0 : r->options->damage(r->options->arg, &damage);
}

static int out_of_memory(struct err *e)
{
    return err_set(e, ERR_MEMORY, "out of memory while reading hits");
}

static bool is_wanted(const struct scan_options *options, struct str line)
{
    int64_t ms;

    if (options->since_ms == INT64_MIN && options->until_ms == INT64_MAX)
        return true;
    return line_ts_ms(line, &ms) && ms >= options->since_ms && ms < options->until_ms;
}

static int deliver(struct reading *r, struct str line)
{
    if (r->silent)
        return 0;
    r->totals->records++;
    r->totals->raw_bytes += line.n + 1;
    return r->options->record == NULL ? 0 : r->options->record(r->options->arg, line);
}

bool reading_hour_is_wanted(const struct scan_options *options, int64_t created_ms)
{
    int64_t hour_ms = created_ms - created_ms % DATE_HOUR_MS;

    return hour_ms < options->until_ms && hour_ms + DATE_HOUR_MS > options->since_ms;
}

/* ---- sealed files ---- */

/* What is to be done with the lines of one block. */
struct block_lines {
    const struct sealed *sealed;
    const struct sealed_block *block;
    uint64_t from_seq;
    bool inside; /* wholly within the wanted time */
    struct ranges *have;
    uint64_t *next_seq;
};

static int note_seqs(const struct block_lines *b, uint64_t first, uint64_t last, struct err *e)
{
    if (b->next_seq != NULL && last >= *b->next_seq)
        *b->next_seq = last + 1;
    if (b->have != NULL && ranges_add(b->have, first, last) != 0)
        return out_of_memory(e);
    return 0;
}

static int read_lines(struct reading *r, const struct block_lines *b, struct str lines,
                      struct err *e)
{
    uint64_t seq = b->sealed->first_seq + b->block->first_record;
    struct str rest = lines;

    if (b->sealed->in_order && note_seqs(b, seq, seq + b->block->records - 1, e) != 0)
        return -1;
    for (; rest.n > 0; seq++) {
        struct str line = str_cut(&rest, '\n');
        int result;

        if (!b->sealed->in_order &&
            (!line_seq(line, &b->sealed->id, &seq) || note_seqs(b, seq, seq, e) != 0))
            seq = UINT64_MAX - 1;
        if (seq < b->from_seq || (!b->inside && !is_wanted(r->options, line)))
            continue;
        result = deliver(r, line);
        if (result != 0)
            return result;
    }
    return 0;
}

const char *reading_header_trouble(const struct sealed *sealed)
{
    static const char *const sentence[] = {
        [SEALED_FROM_HEADER] = NULL,
        [SEALED_FROM_INDEX] = "the header is damaged; its copy in the index is good",
        [SEALED_FROM_DATA] = "the header and its copy are damaged; the rest is whole",
    };

    return sentence[sealed->table];
}

bool reading_find_near(const struct sealed *sealed, size_t k, struct sealed_buffer *buffer,
                       struct str *lines)
{
    const struct sealed_block *block = &sealed->block[k];
    uint64_t from = block->offset, to = block->offset + block->file_bytes + FIND_BYTES;

    from = from > sealed->header_bytes + FIND_BYTES ? from - FIND_BYTES : sealed->header_bytes;
    to = to > sealed->size ? sealed->size : to;
    return sealed_find(sealed, k, from, to, buffer, lines) == 1;
}

static bool block_is_needed(const struct scan_options *options, const struct block_lines *b)
{
    if (b->sealed->in_order &&
        b->sealed->first_seq + b->block->first_record + b->block->records <= b->from_seq)
        return false;
    return b->block->first_ms < options->until_ms && b->block->last_ms >= options->since_ms;
}

static int read_block(struct reading *r, const struct sealed *sealed, size_t k,
                      struct block_lines *b, struct err *e)
{
    const struct scan_options *options = r->options;
    struct str lines;
    struct err why;
    int result = 0;

    b->block = &sealed->block[k];
    b->inside = (options->since_ms == INT64_MIN && options->until_ms == INT64_MAX) ||
                (b->block->first_ms >= options->since_ms && b->block->last_ms < options->until_ms);
    if (!block_is_needed(options, b))
        return 0;
    if (sealed_read(sealed, k, &r->buffer, &lines, &why) != 0) {
        if (why.code == ERR_MEMORY)
            return out_of_memory(e);
        if (why.code != ERR_DAMAGED)
            return reading_damage(r, sealed->path, b->block->offset, b->block->file_bytes,
                                  why.text);
        if (!reading_find_near(sealed, k, &r->buffer, &lines))
            return reading_damage(r, sealed->path, b->block->offset, b->block->file_bytes,
                                  "a damaged block");
        result =
            reading_damage(r, sealed->path, b->block->offset, 0, "a block is not in its place");
    }
    return result != 0 ? result : read_lines(r, b, lines, e);
}

static int read_all_blocks(struct reading *r, const struct sealed *sealed, uint64_t from_seq,
                           struct ranges *have, uint64_t *next_seq, struct err *e)
{
    struct block_lines b = { sealed, NULL, from_seq, false, have, next_seq };
    const char *sentence = reading_header_trouble(sealed);
    uint64_t offset;
    int result = 0;

    r->totals->sealed_files++;
    r->totals->file_bytes += sealed->size;
    if (sentence != NULL)
        result = reading_damage(r, sealed->path, 0, sealed->header_bytes, sentence);
    for (size_t k = 0; k < sealed->blocks && result == 0; k++)
        result = read_block(r, sealed, k, &b, e);
    if (result == 0 && !sealed_end_is_whole(sealed, &offset, &sentence))
        result = reading_damage(r, sealed->path, offset,
                                sealed->size > offset ? sealed->size - offset : 0, sentence);
    return result;
}

int reading_sealed(struct reading *r, const char *path, uint64_t from_seq, struct ranges *have,
                   uint64_t *next_seq, bool *missing, struct err *e)
{
    struct segment_id named;
    struct sealed sealed;
    struct err why;
    int result;

    if (sealed_open(&sealed, path, &why) != 0) {
        if (why.code == ERR_MEMORY)
            return out_of_memory(e);
        if (why.code == ERR_MISSING && missing != NULL) {
            *missing = true;
            return 0;
        }
        return reading_damage(r, path, 0, 0, why.text);
    }
    if (catalog_parse_sealed(catalog_base_name(path), &named) &&
        !catalog_same_segment(&named, &sealed.id))
        result = reading_damage(r, path, 0, sealed.size, "this is another file's contents");
    else
        result = read_all_blocks(r, &sealed, from_seq, have, next_seq, e);
    sealed_close(&sealed);
    return result;
}

/* ---- segments ---- */

/* Records may stand out of order in a damaged file: only those from before this reading are left
 * out. */
static int take_record(struct reading *r, const struct segment_reader *segment, uint64_t from_seq,
                       struct ranges *have, uint64_t *next_seq, struct err *e)
{
    if (segment->seq < from_seq)
        return 0;
    if (next_seq != NULL && segment->seq >= *next_seq)
        *next_seq = segment->seq + 1;
    if (have != NULL && ranges_add(have, segment->seq, segment->seq) != 0)
        return out_of_memory(e);
    return is_wanted(r->options, segment->line) ? deliver(r, segment->line) : 0;
}

int reading_segment(struct reading *r, struct segment_reader *segment, struct ranges *have,
                    uint64_t *next_seq, bool *gone, struct err *e)
{
    uint64_t start = segment->position, from_seq = next_seq == NULL ? 0 : *next_seq;
    struct err why;
    int result = 0;

    *gone = false;
    while (result == 0) {
        enum segment_step step = segment_next(segment, &why);

        if (step == SEGMENT_RECORD) {
            result = take_record(r, segment, from_seq, have, next_seq, e);
        } else if (step == SEGMENT_DAMAGE) {
            result = reading_damage(r, segment->path, segment->offset, segment->lost_bytes,
                                    segment->sentence);
        } else if (step == SEGMENT_FAILURE) {
            if (why.code == ERR_MEMORY)
                return out_of_memory(e);
            return reading_damage(r, segment->path, segment->position, 0, why.text);
        } else {
            *gone = step == SEGMENT_GONE;
            break;
        }
    }
    r->totals->file_bytes += segment->position - start;
    return result;
}
