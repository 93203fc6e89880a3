/*
 * rollup_write.c - writes rollups. See rollup_file.h for the contract, rollup_file.c for the bytes.
 *
 * The sections grow one behind the other in memory, as their lengths and checks are in the head before them.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "join.h"
#include "rollup_file.h"

#define PATH_BYTES 4096
#define STEP       64 /* places */

/* ---- writing: sets ------------------------------------------------------------------------------------- */

/* Both ascend; all of set are in visitors. Of few in many, most of what lies between is stepped over. */
static void pack_places(struct pack *pack, const struct set *set, const struct set *visitors)
{
    size_t at = 0, last = 0;

    for (size_t i = 0; i < set->count; i++) {
        while (visitors->count - at > STEP && visitors->hash[at + STEP] <= set->hash[i])
            at += STEP;
        while (at + 1 < visitors->count && visitors->hash[at] < set->hash[i])
            at++;
        pack_number(pack, at - last);
        last = at;
    }
}

/* visitors: those of the part, or NULL when there are none to refer to. */
static void pack_set(struct pack *pack, const struct set *set, const struct set *visitors)
{
    bool places = visitors != NULL && visitors->registers == NULL;

    if (set->registers != NULL) {
        pack_number(pack, SET_ESTIMATE);
        pack_bytes(pack, set->registers, SET_REGISTERS(set->bits));
        return;
    }
    pack_number(pack, places ? SET_PLACES : SET_HASHES);
    pack_number(pack, set->count);
    if (places)
        pack_places(pack, set, visitors);
    else
        for (size_t i = 0; i < set->count; i++)
            pack_u64(pack, set->hash[i]);
}

/* ---- writing: sections ---------------------------------------------------------------------------------- */

static void pack_durations(struct pack *pack, const struct summary *s)
{
    uint32_t last = 0;

    pack_number(pack, s->classes != NULL);
    for (unsigned i = 0; s->classes != NULL && i < SUMMARY_CLASSES; i++)
        pack_number(pack, s->classes[i]);
    if (s->classes != NULL)
        return;
    pack_number(pack, s->durations);
    for (size_t i = 0; i < s->durations; i++) {
        pack_number(pack, s->duration[i] - last);
        last = s->duration[i];
    }
}

static void pack_base(struct pack *pack, const struct summary *s)
{
    const struct fold_totals *t = &s->totals;
    const uint64_t counts[] = { t->records, t->bots,         t->unusable,    t->hits,
                                t->views,   t->prefetches,   t->without_vid, t->sessions,
                                t->bounces, t->session_views };

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        pack_number(pack, counts[i]);
    pack_signed(pack, t->first_ms);
    pack_signed(pack, t->last_ms);
    pack_set(pack, &s->visitors, NULL);
    pack_set(pack, &s->fresh, &s->visitors);
    pack_number(pack, s->open_count);
    for (size_t i = 0; i < s->open_count; i++) {
        const struct summary_session *open = &s->open[i];

        pack_u64(pack, open->visitor);
        pack_signed(pack, open->first_ms - s->since_ms);
        pack_number(pack, (uint64_t)(open->last_ms - open->first_ms));
        pack_number(pack, open->views);
    }
    pack_durations(pack, s);
}

static void pack_steps(struct pack *pack, const struct summary *s)
{
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        const struct summary_steps *steps = &s->steps[i];
        int64_t last_ms = s->since_ms;

        pack_number(pack, steps->known);
        pack_number(pack, steps->count);
        for (size_t r = 0; r < steps->count; r++) {
            const struct summary_row *row = &steps->row[r];

            pack_signed(pack, row->at_ms - last_ms);
            pack_number(pack, row->hits);
            pack_number(pack, row->views);
            pack_number(pack, row->sessions);
            pack_number(pack, row->visitors);
            pack_number(pack, row->estimated);
            last_ms = row->at_ms;
        }
        pack_set(pack, &steps->head, &s->visitors);
        pack_set(pack, &steps->tail, &s->visitors);
    }
}

/* ---- writing: the file ----------------------------------------------------------------------------------- */

/* Tells the head of the section that was just packed behind `from`. */
static void end_section(struct pack *head, const struct pack *body, const char *name, size_t from)
{
    if (body->failed)
        return;
    pack_text(head, str_of(name));
    pack_number(head, body->n - from);
    pack_u64(head, rollup_check(body->p + from, body->n - from));
}

static bool has_steps(const struct summary *s)
{
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        if (s->steps[i].known)
            return true;
    }
    return false;
}

/* The sections of the tables that have one; sections counts them. */
static int pack_tables(struct pack *head, struct pack *body, struct join *join, size_t *sections,
                       struct err *e)
{
    struct join_section section[SUMMARY_TABLES_MAX] = { 0 };
    size_t count;
    const struct report_row *const *rows = summary_rows(&count);
    uint32_t tables = join_tables(join);
    int r = join_pack(join, tables, section, e);

    for (size_t t = 0; t < count; t++) {
        size_t from = body->n;

        if (r == 0 && (tables >> t & 1) != 0 && section[t].keys <= ROLLUP_KEYS_MAX) {
            pack_bytes(body, section[t].pack.p, section[t].pack.n);
            end_section(head, body, rows[t]->name, from);
            (*sections)++;
        }
        pack_free(&section[t].pack);
    }
    return r;
}

int rollup_add_part(struct rollup_writer *writer, const struct summary *summary, struct join *join,
                    struct err *e)
{
    struct pack head = { 0 }, *body = &writer->body;
    size_t sections = 1, from = body->n;

    pack_base(body, summary);
    end_section(&head, body, ROLLUP_BASE, from);
    if (has_steps(summary)) {
        from = body->n;
        pack_steps(body, summary);
        end_section(&head, body, ROLLUP_TIME, from);
        sections++;
    }
    if (pack_tables(&head, body, join, &sections, e) != 0) {
        pack_free(&head);
        return -1;
    }
    pack_number(&writer->parts, sections);
    pack_bytes(&writer->parts, head.p, head.n);
    writer->parts.failed |= head.failed;
    writer->parts_count++;
    pack_free(&head);
    return 0;
}

int rollup_add_summary(struct rollup_writer *writer, const struct summary *summary,
                       unsigned threads, struct err *e)
{
    struct join *join = join_new(&summary->visitors, threads);
    int r = -1;

    if (join == NULL || join_add_summary(join, summary) != 0)
        err_set(e, ERR_MEMORY, "out of memory");
    else
        r = rollup_add_part(writer, summary, join, e);
    join_free(join);
    return r;
}

void rollup_add_site(struct rollup_writer *writer, struct str name, size_t part)
{
    pack_text(&writer->sites, name);
    pack_number(&writer->sites, part);
    writer->sites_count++;
}

void rollup_writer_free(struct rollup_writer *writer)
{
    pack_free(&writer->parts);
    pack_free(&writer->sites);
    pack_free(&writer->body);
}

static void pack_head(struct pack *head, const struct rollup_writer *writer,
                      const struct rollup_head *of, bool complete)
{
    pack_u64(head, of->fingerprint);
    pack_u64(head, of->source);
    pack_signed(head, of->since_ms);
    pack_signed(head, of->until_ms);
    pack_number(head, (uint64_t)of->idle_ms);
    pack_text(head, of->zone);
    pack_number(head, complete);
    pack_number(head, writer->parts_count);
    pack_bytes(head, writer->parts.p, writer->parts.n);
    pack_number(head, writer->sites_count);
    pack_bytes(head, writer->sites.p, writer->sites.n);
}

static int write_atomically(const char *path, struct iovec *iov, int count, struct err *e)
{
    char tmp[PATH_BYTES], folder[PATH_BYTES];
    struct fs_file file = FS_CLOSED;
    char *slash;
    size_t written;
    int r;

    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
        return err_set(e, ERR_INPUT, "the name of the data folder is too long");
    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    if (fs_make_dirs(folder, e) != 0 || fs_open(&file, tmp, FS_REPLACE, e) != 0)
        return -1;
    r = fs_write_at(&file, iov, count, 0, &written, e);
    if (r == 0)
        r = fs_sync_data(&file, e);
    fs_close(&file);
    if (r == 0)
        r = fs_rename(tmp, path, e);
    if (r != 0)
        fs_unlink(tmp, NULL);
    return r; /* a power cut may take the name back, which costs making it again */
}

int rollup_write(const char *path, const struct rollup_writer *writer, const struct rollup_head *of,
                 bool complete, struct err *e)
{
    struct pack prefix = { 0 }, head = { 0 };
    uint32_t numbers[2];
    int r;

    pack_head(&head, writer, of, complete);
    pack_bytes(&prefix, ROLLUP_MAGIC, 8);
    numbers[0] = htole32(ROLLUP_VERSION);
    numbers[1] = htole32((uint32_t)head.n);
    pack_bytes(&prefix, numbers, sizeof numbers);
    if (!head.failed)
        pack_u64(&prefix, rollup_check(head.p, head.n));
    if (prefix.failed || head.failed || writer->parts.failed || writer->sites.failed ||
        writer->body.failed) {
        r = err_set(e, ERR_MEMORY, "out of memory");
    } else {
        struct iovec iov[] = { { prefix.p, prefix.n },
                               { head.p, head.n },
                               { writer->body.p, writer->body.n } };

        r = write_atomically(path, iov, 3, e);
    }
    pack_free(&prefix);
    pack_free(&head);
    return r;
}
