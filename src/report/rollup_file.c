/*
 * rollup_file.c - the bytes of a rollup, and how they are read; rollup_write.c writes them. See rollup_file.h
 * for the contract.
 *
 *      0  magic    8  "crumbsum"
 *      8  version  4  1, lowest byte first, as all that is drawn with a size
 *     12  length   4  of the head
 *     16  check    8  XXH3-64 of the head
 *     24  head
 *         sections, one behind the other, in the order of the head
 *
 * n is a varint (pack.h), s a signed one, text is n bytes behind their number n; 8 means eight bytes.
 *
 *      head      fingerprint 8, source 8, since s, until s, idle n, zone text, complete n,
 *                parts n, each: sections n, each: name text, bytes n, check 8 (XXH3-64)
 *                sites n, each: name text, part n (part 0 is of all sites)
 *
 *      "base"    records, bots, unusable, hits, views, prefetches, without_vid, sessions, bounces,
 *                session_views: n each; first s, last s
 *                visitors set, fresh set
 *                open n, each: visitor 8, first s (from since), length n, views n
 *                durations: 0 n, count n, differences n; or 1 n, 4096 counts n
 *      "time"    four times (hour, day, week, month): known n, rows n, each: at s (from the one before, the
 *                first from since), hits n, views n, sessions n, visitors n, estimated n; head set, tail set
 *      a report  keys n, each: text, three counts n, set
 *
 *      set       0 n, count n, hashes 8
 *                1 n, count n, places n in the part's visitors, each minus the one before
 *                2 n, registers of one byte: 4096 for a key of a report, 16384 elsewhere
 *
 * Valid:
 *  R1  magic and version are these; the head is in the file and its check is right.
 *  R2  the sections end where the file ends. A section whose check is wrong is damaged, the others are not.
 *  R3  nothing is read past the end of its section, and every section is read to its end.
 *  R4  hashes, places, keys and open sessions ascend; hashes are not 0; registers are at most as
 *      large as ranks can be; places are below the number of visitors, and there are such only when
 *      the visitors are hashes, as there are registers of a key only when they are registers.
 *  R5  since < until; a site's part exists.
 *
 * A section without a rule that it fits to a stretch (its counts could be anything) is believed because of its
 * check: the file was written by this program, and a damaged one is told apart from it, not a forged one.
 */
#include "rollup_file.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/hash.h"
#include "pack.h"

#define PATH_BYTES     4096
#define PARTS_MAX      (ROLLUP_SITES + 1)
#define SECTIONS_MAX   (SUMMARY_TABLES_MAX + 2)
#define SITE_BYTES_MIN 2
#define BASE_NUMBERS   12 /* before the visitors */

uint64_t rollup_check(const void *p, size_t n)
{
    return hash64(str_from(p, n), ROLLUP_VERSION);
}

/* ---- reading: the head -------------------------------------------------------------------------------------- */

struct section {
    struct str name;
    const unsigned char *p;
    size_t n;
    uint64_t check;
};

struct rollup_file {
    const void *map;
    size_t size;
    struct rollup_head head;
    struct {
        struct section section[SECTIONS_MAX];
        size_t sections;
    } part[PARTS_MAX];
    size_t parts;
    struct {
        struct str name;
        size_t part;
    } site[ROLLUP_SITES];
    size_t sites;
    bool complete;
    char path[PATH_BYTES];
};

/* Sections are placed as their lengths come by. */
static bool read_sections(struct rollup_file *file, struct unpack *u, size_t part,
                          struct unpack *body)
{
    size_t count = unpack_count(u, 10);

    if (count > SECTIONS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct section *section = &file->part[part].section[i];

        section->name = unpack_text(u);
        section->n = (size_t)unpack_number(u);
        section->check = unpack_u64(u);
        section->p = unpack_bytes(body, section->n);
    }
    file->part[part].sections = count;
    return !u->bad && !body->bad;
}

static bool read_sites(struct rollup_file *file, struct unpack *u)
{
    size_t count = unpack_count(u, SITE_BYTES_MIN);

    if (count > ROLLUP_SITES)
        return false;
    for (size_t i = 0; i < count; i++) {
        file->site[i].name = unpack_text(u);
        file->site[i].part = (size_t)unpack_number(u);
        if (file->site[i].part >= file->parts)
            return false;
    }
    file->sites = count;
    return !u->bad;
}

static bool read_head(struct rollup_file *file, struct unpack u, struct unpack body)
{
    struct rollup_head *head = &file->head;

    head->fingerprint = unpack_u64(&u);
    head->source = unpack_u64(&u);
    head->since_ms = unpack_signed(&u);
    head->until_ms = unpack_signed(&u);
    head->idle_ms = (int64_t)unpack_number(&u);
    head->zone = unpack_text(&u);
    file->complete = unpack_number(&u) == 1;
    file->parts = unpack_count(&u, 1);
    if (u.bad || file->parts == 0 || file->parts > PARTS_MAX || head->since_ms >= head->until_ms)
        return false;
    for (size_t i = 0; i < file->parts; i++) {
        if (!read_sections(file, &u, i, &body))
            return false;
    }
    return read_sites(file, &u) && u.p == u.end && body.p == body.end;
}

static bool is_ours(struct rollup_file *file)
{
    const unsigned char *p = file->map;
    uint32_t version, length;
    uint64_t check;

    if (file->size < ROLLUP_PREFIX_BYTES || memcmp(p, ROLLUP_MAGIC, 8) != 0)
        return false;
    memcpy(&version, p + 8, sizeof version);
    memcpy(&length, p + 12, sizeof length);
    memcpy(&check, p + 16, sizeof check);
    length = le32toh(length);
    if (le32toh(version) != ROLLUP_VERSION || length > file->size - ROLLUP_PREFIX_BYTES ||
        le64toh(check) != rollup_check(p + ROLLUP_PREFIX_BYTES, length))
        return false;
    return read_head(
        file, unpack_over(p + ROLLUP_PREFIX_BYTES, length),
        unpack_over(p + ROLLUP_PREFIX_BYTES + length, file->size - ROLLUP_PREFIX_BYTES - length));
}

int rollup_damaged(const struct rollup_file *file, struct err *e)
{
    return err_set(e, ERR_DAMAGED, "%s is damaged", file->path);
}

struct rollup_file *rollup_open(const char *path, struct err *e)
{
    struct rollup_file *file = calloc(1, sizeof *file);
    struct fs_file open = FS_CLOSED;
    int r;

    if (file == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    snprintf(file->path, sizeof file->path, "%s", path);
    r = fs_open(&open, path, FS_READ, e);
    if (r == 0)
        r = fs_map(&open, &file->map, &file->size, e);
    fs_close(&open);
    if (r == 0 && !is_ours(file))
        r = rollup_damaged(file, e);
    if (r == 0)
        return file;
    rollup_close(file);
    return NULL;
}

void rollup_close(struct rollup_file *file)
{
    if (file == NULL)
        return;
    if (file->map != NULL)
        fs_unmap(file->map, file->size);
    free(file);
}

const struct rollup_head *rollup_head_of(const struct rollup_file *file)
{
    return &file->head;
}

uint64_t rollup_file_bytes(const struct rollup_file *file)
{
    return file->size;
}

size_t rollup_sites(const struct rollup_file *file, bool *complete)
{
    *complete = file->complete;
    return file->sites;
}

struct str rollup_site_name(const struct rollup_file *file, size_t i)
{
    return file->site[i].name;
}

int rollup_part(const struct rollup_file *file, struct str site)
{
    if (site.p == NULL)
        return 0;
    for (size_t i = 0; i < file->sites; i++) {
        if (str_eq(file->site[i].name, site))
            return (int)file->site[i].part;
    }
    return file->complete ? ROLLUP_NO_HITS : ROLLUP_UNKNOWN;
}

static const struct section *find_section(const struct rollup_file *file, int part,
                                          const char *name)
{
    for (size_t i = 0; i < file->part[part].sections; i++) {
        if (str_eq(file->part[part].section[i].name, str_of(name)))
            return &file->part[part].section[i];
    }
    return NULL;
}

bool rollup_has_table(const struct rollup_file *file, int part, int table)
{
    size_t count;
    const struct report_row *const *rows = summary_rows(&count);

    return find_section(file, part, rows[table]->name) != NULL;
}

bool rollup_has_steps(const struct rollup_file *file, int part)
{
    return find_section(file, part, ROLLUP_TIME) != NULL;
}

/* ---- reading: sets ------------------------------------------------------------------------------------------- */

static int read_hashes(struct unpack *u, struct set *set)
{
    size_t n = unpack_count(u, sizeof(uint64_t));

    set->hash = malloc((n + 1) * sizeof *set->hash);
    if (set->hash == NULL)
        return -1;
    set->cap = n + 1;
    set->count = n;
    for (size_t i = 0; i < n; i++) {
        set->hash[i] = unpack_u64(u);
        u->bad |= set->hash[i] <= (i == 0 ? 0 : set->hash[i - 1]);
    }
    return 0;
}

static int read_places(struct unpack *u, struct set *set, const struct set *visitors)
{
    size_t n = unpack_count(u, 1), at = 0;

    set->hash = malloc((n + 1) * sizeof *set->hash);
    if (set->hash == NULL)
        return -1;
    set->cap = n + 1;
    for (size_t i = 0; i < n; i++) {
        uint64_t more = unpack_number(u);

        if (more >= visitors->count - at || (i > 0 && more == 0)) {
            u->bad = true;
            return 0;
        }
        at += (size_t)more;
        set->hash[i] = visitors->hash[at];
    }
    set->count = n;
    return 0;
}

static int read_registers(struct unpack *u, struct set *set, unsigned bits)
{
    const unsigned char *p = unpack_bytes(u, SET_REGISTERS(bits));
    unsigned char most = 0;

    if (p == NULL)
        return 0;
    set->registers = malloc(SET_REGISTERS(bits));
    set->bits = bits;
    if (set->registers == NULL)
        return -1;
    memcpy(set->registers, p, SET_REGISTERS(bits));
    for (size_t i = 0; i < SET_REGISTERS(bits); i++)
        most = p[i] > most ? p[i] : most;
    u->bad |= most > SET_RANK_MAX(bits);
    return 0;
}

/* -1: out of memory. */
static int read_set(struct unpack *u, struct set *set, const struct set *visitors, unsigned bits)
{
    switch (unpack_number(u)) {
    case SET_HASHES:
        return read_hashes(u, set);
    case SET_PLACES:
        if (visitors != NULL && visitors->registers == NULL)
            return read_places(u, set, visitors);
        break;
    case SET_ESTIMATE:
        return read_registers(u, set, bits);
    default:
        break;
    }
    u->bad = true;
    return 0;
}

/* ---- reading: sections ------------------------------------------------------------------------------------------ */

static int read_durations(struct unpack *u, struct summary *s)
{
    uint64_t classes = unpack_number(u), last = 0;

    u->bad |= classes > 1;
    if (classes == 1) {
        s->classes = calloc(SUMMARY_CLASSES, sizeof *s->classes);
        for (unsigned i = 0; s->classes != NULL && i < SUMMARY_CLASSES; i++)
            s->classes[i] = unpack_number(u);
        return s->classes == NULL ? -1 : 0;
    }
    s->durations = unpack_count(u, 1);
    s->duration = malloc((s->durations + 1) * sizeof *s->duration);
    if (s->duration == NULL)
        return -1;
    for (size_t i = 0; i < s->durations; i++) {
        last += unpack_number(u);
        u->bad |= last > UINT32_MAX;
        s->duration[i] = (uint32_t)last;
    }
    return 0;
}

static int read_open(struct unpack *u, struct summary *s)
{
    size_t n = unpack_count(u, 11);

    s->open = malloc((n + 1) * sizeof *s->open);
    if (s->open == NULL)
        return -1;
    s->open_count = n;
    for (size_t i = 0; i < n; i++) {
        struct summary_session *open = &s->open[i];
        const struct summary_session *before = i == 0 ? NULL : &s->open[i - 1];

        open->visitor = unpack_u64(u);
        open->first_ms = s->since_ms + unpack_signed(u);
        open->last_ms = open->first_ms + (int64_t)unpack_number(u);
        open->views = unpack_number(u);
        u->bad |= open->first_ms < s->since_ms || open->first_ms > open->last_ms ||
                  open->last_ms >= s->until_ms;
        u->bad |= before != NULL &&
                  (before->visitor > open->visitor ||
                   (before->visitor == open->visitor && before->first_ms >= open->first_ms));
    }
    return 0;
}

static int read_base(struct unpack *u, struct summary *s)
{
    struct fold_totals *t = &s->totals;
    uint64_t *const counts[] = { &t->records, &t->bots,         &t->unusable,    &t->hits,
                                 &t->views,   &t->prefetches,   &t->without_vid, &t->sessions,
                                 &t->bounces, &t->session_views };

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        *counts[i] = unpack_number(u);
    t->first_ms = unpack_signed(u);
    t->last_ms = unpack_signed(u);
    if (read_set(u, &s->visitors, NULL, SET_BITS) != 0 ||
        read_set(u, &s->fresh, &s->visitors, SET_BITS) != 0)
        return -1;
    return read_open(u, s) != 0 || read_durations(u, s) != 0 ? -1 : 0;
}

static int read_rows(struct unpack *u, struct summary *s, struct summary_steps *steps)
{
    int64_t last_ms = s->since_ms;
    size_t n;

    steps->known = unpack_number(u) == 1;
    n = unpack_count(u, 6);
    steps->row = malloc((n + 1) * sizeof *steps->row);
    if (steps->row == NULL)
        return -1;
    steps->count = n;
    for (size_t i = 0; i < n; i++) {
        struct summary_row *row = &steps->row[i];

        row->at_ms = last_ms + unpack_signed(u);
        u->bad |= i > 0 && row->at_ms <= last_ms;
        last_ms = row->at_ms;
        row->hits = unpack_number(u);
        row->views = unpack_number(u);
        row->sessions = unpack_number(u);
        row->visitors = unpack_number(u);
        row->estimated = unpack_number(u) == 1;
    }
    return read_set(u, &steps->head, &s->visitors, SET_BITS) != 0 ||
                   read_set(u, &steps->tail, &s->visitors, SET_BITS) != 0
               ? -1
               : 0;
}

static int read_steps(struct unpack *u, struct summary *s)
{
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        if (read_rows(u, s, &s->steps[i]) != 0)
            return -1;
    }
    return 0;
}

/* ---- reading: a part ---------------------------------------------------------------------------------------------- */

/* The reader of a section whose check is right. */
static struct unpack begin_section(const struct section *section)
{
    struct unpack u = unpack_over(section->p, section->n);

    u.bad = rollup_check(section->p, section->n) != section->check;
    if (u.bad)
        u.p = u.end;
    return u;
}

static bool is_read(const struct unpack *u)
{
    return !u->bad && u->p == u->end;
}

/* 1: all read, 0: damaged, -1: out of memory. */
static int load(const struct rollup_file *file, int part, bool steps, struct summary *s)
{
    const struct section *section = find_section(file, part, ROLLUP_BASE);
    struct unpack u;

    if (section == NULL)
        return 0;
    u = begin_section(section);
    if (read_base(&u, s) != 0)
        return -1;
    if (!is_read(&u))
        return 0;
    section = steps ? find_section(file, part, ROLLUP_TIME) : NULL;
    if (section == NULL)
        return 1;
    u = begin_section(section);
    if (read_steps(&u, s) != 0)
        return -1;
    return is_read(&u);
}

struct summary *rollup_load(const struct rollup_file *file, int part, bool steps, struct err *e)
{
    const struct rollup_head *head = &file->head;
    struct summary *s = summary_new(head->since_ms, head->until_ms, head->idle_ms);
    int r = -1;

    for (int i = 0; s != NULL && i < SUMMARY_STEPS; i++)
        s->steps[i].known = false;
    for (size_t i = 0; s != NULL && i < SUMMARY_TABLES_MAX; i++)
        s->tables[i].known = false;
    if (s != NULL)
        r = load(file, part, steps, s);
    if (r == 1)
        return s;
    if (r == 0)
        rollup_damaged(file, e);
    else
        err_set(e, ERR_MEMORY, "out of memory");
    summary_free(s);
    return NULL;
}

/* ---- reading: what a join walks itself ---------------------------------------------------------------------------- */

bool rollup_section(const struct rollup_file *file, int part, int table, struct unpack *u)
{
    size_t count;
    const struct report_row *const *rows = summary_rows(&count);
    const struct section *section = find_section(file, part, rows[table]->name);

    if (section == NULL)
        return false;
    *u = begin_section(section);
    return !u->bad;
}

bool rollup_visitors(const struct rollup_file *file, int part, const unsigned char **hashes,
                     size_t *count)
{
    const struct section *section = find_section(file, part, ROLLUP_BASE);
    struct unpack u = section == NULL ? unpack_over("", 0) : unpack_over(section->p, section->n);

    unpack_skip(&u, BASE_NUMBERS);
    if (unpack_number(&u) != SET_HASHES)
        return false;
    *count = unpack_count(&u, sizeof(uint64_t));
    *hashes = unpack_bytes(&u, *count * sizeof(uint64_t));
    return !u.bad;
}
