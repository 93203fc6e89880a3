/*
 * later.c - from which number on a segment's records are void. See later.h for the contract.
 *
 * The numbers of a writer's segments never go back, so the next one that says with which number it
 * begins decides. It says so in its header, in that of the sealed file made from it, or, when both
 * are damaged, by the records that can still be read: those are what would be delivered twice.
 */
#include "later.h"

#include "line.h"
#include "sealed.h"
#include "segment.h"

/* ---- one later segment: its first number, or SEGMENT_ALL when it does not say ---- */

static uint64_t smallest_id(const struct sealed *sealed)
{
    struct sealed_buffer buffer = { NULL, NULL, NULL, 0, 0 };
    uint64_t smallest = SEGMENT_ALL, seq;
    struct str lines;

    for (size_t k = 0; k < sealed->blocks; k++) {
        if (sealed_read(sealed, k, &buffer, &lines, NULL) != 0)
            continue;
        while (lines.n > 0) {
            if (line_seq(str_cut(&lines, '\n'), &sealed->id, &seq) && seq < smallest)
                smallest = seq;
        }
    }
    sealed_buffer_free(&buffer);
    return smallest;
}

static uint64_t first_sealed(const char *data_dir, const struct segment_id *id)
{
    uint64_t first = SEGMENT_ALL;
    struct sealed sealed;
    catalog_path path;

    catalog_sealed_path(path, data_dir, id);
    if (sealed_open(&sealed, path, NULL) != 0)
        return SEGMENT_ALL;
    if (catalog_same_segment(&sealed.id, id) && sealed.records > 0)
        first = sealed.table == SEALED_FROM_DATA ? smallest_id(&sealed) : sealed.first_seq;
    sealed_close(&sealed);
    return first;
}

/* The header is no help: what would be delivered all the same? (V2) */
static uint64_t smallest_record(const char *path, const struct segment_id *id)
{
    struct segment_reader reader;
    uint64_t smallest = SEGMENT_ALL;
    enum segment_step step;

    if (segment_open(&reader, path, id, NULL) != 0)
        return SEGMENT_ALL;
    do {
        step = segment_next(&reader, NULL);
        if (step == SEGMENT_RECORD && reader.seq < smallest)
            smallest = reader.seq;
    } while (step == SEGMENT_RECORD || step == SEGMENT_DAMAGE);
    segment_close(&reader);
    return smallest;
}

static struct later ask(const char *data_dir, const struct catalog_entry *entry)
{
    struct segment_header header;
    catalog_path path;
    uint64_t first;
    int found;

    catalog_segment_path(path, data_dir, &entry->id);
    found = segment_peek(path, &entry->id, &header, NULL);
    if (found == 1)
        return (struct later){ true, header.first_seq };
    first = first_sealed(data_dir, &entry->id); /* also if it was sealed since it was listed */
    if (first != SEGMENT_ALL || !entry->in_spool)
        return (struct later){ true, first };
    return (struct later){ false, found == 0 ? smallest_record(path, &entry->id) : SEGMENT_ALL };
}

/* ---- all of them ---- */

/* The first entry behind id. */
static size_t find_behind(const struct catalog *catalog, const struct segment_id *id)
{
    size_t low = 0, high = catalog->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (catalog_compare(&catalog->entry[middle].id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct later later_than(const char *data_dir, const struct catalog *catalog,
                        const struct segment_id *id)
{
    struct later later = { false, SEGMENT_ALL };

    for (size_t k = find_behind(catalog, id); k < catalog->count; k++) {
        struct later one;

        if (!catalog_same_writer(&catalog->entry[k].id, id))
            break;
        one = ask(data_dir, &catalog->entry[k]);
        later = (struct later){ later.begun || one.begun, one.first_seq };
        if (one.first_seq != SEGMENT_ALL)
            break;
    }
    return later;
}
