/*
 * join.c - see join.h for the contract.
 *
 * First every section that is asked for is looked over (prepare, cursor.h). Then each table is cut into ranges
 * of keys, and each range is joined by one thread: cursors of all pieces wait in a heap, those with the least
 * key come out together. Their sets are not looked at before BATCH_KEYS keys have come out: then piece after
 * piece is gone through, so that what its places are looked up in stays in the processor's caches, which halves
 * the time where visitors are estimated. Where they are exact, the members of one key are too large for more
 * than one at a time.
 */
#include "join.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/tasks.h"
#include "cursor.h"
#include "members.h"

#define RANGE_BYTES (1u << 20)
#define RANGES      8 /* of a large table, for each thread */
#define BATCH_KEYS  384
#define BATCH_SETS  32768

struct piece {
    const struct rollup_file *file; /* NULL: in memory */
    const struct summary *summary;
    int part;
    struct lens lens;
    struct source source[SUMMARY_TABLES_MAX];
};

/* A stretch of the keys of a table, and what came out of it. */
struct range {
    int table;
    bool has_since, has_until;
    struct str since, until; /* until: not with it */
    struct pack pack;
    size_t keys;
    bool estimated;
};

/* A key with the visitors of all pieces. */
struct joined {
    struct str key;
    uint64_t count[TALLY_COUNTS];
    bool many;
    struct members *members;
};

struct join {
    struct universe universe;
    unsigned threads;
    struct piece **piece;
    size_t pieces, cap;
    struct range *range;
    size_t ranges;
    int asked[SUMMARY_TABLES_MAX]; /* tables */
    size_t asked_count;
    void (*emit)(struct range *range, const struct joined *key);
    atomic_bool no_memory;
    atomic_size_t damaged; /* the number of a piece plus 1; any, if there are several */
};

static void tell_no_memory(struct join *join)
{
    atomic_store(&join->no_memory, true);
}

static void tell_damaged(struct join *join, size_t piece)
{
    size_t none = 0;

    atomic_compare_exchange_strong(&join->damaged, &none, piece + 1);
}

static bool has_failed(struct join *join)
{
    return atomic_load_explicit(&join->no_memory, memory_order_relaxed) ||
           atomic_load_explicit(&join->damaged, memory_order_relaxed) != 0;
}

/* ---- pieces ---------------------------------------------------------------------------------------------- */

struct join *join_new(const struct set *visitors, unsigned threads)
{
    struct join *join = calloc(1, sizeof *join);

    if (join == NULL)
        return NULL;
    join->threads = threads;
    if (universe_open(&join->universe, visitors) == 0)
        return join;
    join_free(join);
    return NULL;
}

static void forget_ranges(struct join *join)
{
    for (size_t i = 0; i < join->ranges; i++)
        pack_free(&join->range[i].pack);
    free(join->range);
    join->range = NULL;
    join->ranges = 0;
}

void join_free(struct join *join)
{
    if (join == NULL)
        return;
    for (size_t i = 0; i < join->pieces; i++) {
        lens_close(&join->piece[i]->lens);
        for (int t = 0; t < SUMMARY_TABLES_MAX; t++)
            source_free(&join->piece[i]->source[t]);
        free(join->piece[i]);
    }
    free(join->piece);
    forget_ranges(join);
    universe_close(&join->universe);
    free(join);
}

static int add_piece(struct join *join, struct piece from)
{
    struct piece *piece = malloc(sizeof *piece), **more;

    if (join->pieces == join->cap) {
        size_t cap = join->cap == 0 ? 32 : join->cap * 2;

        more = realloc(join->piece, cap * sizeof *more);
        if (more == NULL) {
            free(piece);
            return -1;
        }
        join->piece = more;
        join->cap = cap;
    }
    if (piece == NULL)
        return -1;
    *piece = from;
    join->piece[join->pieces++] = piece;
    return 0;
}

int join_add_part(struct join *join, const struct rollup_file *file, int part)
{
    return add_piece(join, (struct piece){ .file = file, .part = part });
}

int join_add_summary(struct join *join, const struct summary *summary)
{
    return add_piece(join, (struct piece){ .summary = summary });
}

static bool has_table(const struct piece *piece, int table)
{
    return piece->file != NULL ? rollup_has_table(piece->file, piece->part, table)
                               : piece->summary->tables[table].known;
}

uint32_t join_tables(const struct join *join)
{
    size_t count;
    uint32_t tables = 0;

    summary_rows(&count);
    for (int t = 0; t < SUMMARY_TABLES_MAX && t < (int)count; t++) {
        bool all = true;

        for (size_t i = 0; all && i < join->pieces; i++)
            all = has_table(join->piece[i], t);
        if (all)
            tables |= UINT32_C(1) << t;
    }
    return tables;
}

static bool add_set(struct members *members, const struct unread *set, const struct piece *piece,
                    int table)
{
    const unsigned char *end = piece->source[table].u.end;
    struct unpack u;

    if (set->memory != NULL)
        return members_add(members, set->memory);
    u = unpack_over(set->p, (size_t)(end - set->p));
    switch (set->form) {
    case SET_HASHES:
        return members_read_hashes(members, &u, set->members);
    case SET_PLACES:
        return members_read_places(members, &u, set->members, &piece->lens);
    case SET_ESTIMATE:
        break;
    }
    return members_read_registers(members, &u);
}

/* ---- preparing ------------------------------------------------------------------------------------------- */

static void prepare_table(struct join *join, size_t at, int table)
{
    struct piece *piece = join->piece[at];
    struct source *source = &piece->source[table];
    struct unpack u;
    int r;

    if (source->mark != NULL || source->table != NULL)
        return; /* for an earlier call */
    if (piece->file == NULL) {
        source_of_table(source, &piece->summary->tables[table]);
        return;
    }
    r = rollup_section(piece->file, piece->part, table, &u) ? source_of_section(source, u) : 0;
    if (r < 0)
        tell_no_memory(join);
    else if (r == 0)
        tell_damaged(join, at);
}

static void prepare_lens(struct join *join, size_t at)
{
    struct piece *piece = join->piece[at];
    const unsigned char *hashes;
    size_t count;
    int r;

    if (piece->file == NULL || piece->lens.hashes != NULL ||
        !rollup_visitors(piece->file, piece->part, &hashes, &count))
        return;
    r = lens_open(&piece->lens, &join->universe, hashes, count);
    if (r < 0)
        tell_no_memory(join);
    else if (r == 0)
        tell_damaged(join, at);
}

/* Each piece's lens, and each of its tables, on its own. */
static void prepare(void *arg, size_t i)
{
    struct join *join = arg;
    size_t piece = i / (join->asked_count + 1), what = i % (join->asked_count + 1);

    if (has_failed(join))
        return;
    if (what == 0)
        prepare_lens(join, piece);
    else
        prepare_table(join, piece, join->asked[what - 1]);
}

/* ---- ranges ---------------------------------------------------------------------------------------------- */

static const struct source *largest_source(const struct join *join, int table, size_t *bytes)
{
    const struct source *largest = NULL;

    *bytes = 0;
    for (size_t i = 0; i < join->pieces; i++) {
        const struct source *source = &join->piece[i]->source[table];

        *bytes += source->bytes;
        if (largest == NULL || source->bytes > largest->bytes)
            largest = source;
    }
    return largest;
}

static size_t ranges_max(const struct join *join)
{
    return join->threads == 1 ? 1 : RANGES * (size_t)join->threads;
}

static void add_ranges(struct join *join, int table)
{
    size_t bytes, n;
    const struct source *largest = largest_source(join, table, &bytes);
    struct range *range = &join->range[join->ranges++];

    *range = (struct range){ .table = table };
    n = bytes / RANGE_BYTES + 1;
    n = n < ranges_max(join) ? n : ranges_max(join);
    for (size_t i = 1; i < n; i++) {
        struct str key = source_key_at(largest, i, n);

        if (key.p == NULL || (range->has_since && cursor_compare(range->since, key) >= 0))
            continue;
        range->until = key;
        range->has_until = true;
        range++;
        join->ranges++;
        *range = (struct range){ .table = table, .has_since = true, .since = key };
    }
}

/* ---- joining --------------------------------------------------------------------------------------------- */

/* A set of the batch, in the list of its cursor. */
struct found {
    struct found *next;
    size_t key; /* in the batch */
    struct unread set;
};

/* Where a piece is. */
struct strand {
    size_t piece;
    struct cursor at;
    struct found *first, **last; /* of the batch */
};

/* One thread's, while it is at a range. */
struct joiner {
    struct join *join;
    struct range *range;
    struct strand *strand;
    struct strand **heap;
    size_t waiting;
    struct joined *batch;
    size_t keys, keys_max;
    struct found *found;
    size_t sets, sets_max;
};

static bool comes_before(const struct strand *a, const struct strand *b)
{
    return cursor_compare(a->at.key, b->at.key) < 0;
}

static void push(struct joiner *j, struct strand *c)
{
    size_t at = j->waiting++;

    while (at > 0 && comes_before(c, j->heap[(at - 1) / 2])) {
        j->heap[at] = j->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    j->heap[at] = c;
}

static struct strand *pop(struct joiner *j)
{
    struct strand *top = j->heap[0], *last = j->heap[--j->waiting];
    size_t at = 0, child;

    while ((child = 2 * at + 1) < j->waiting) {
        if (child + 1 < j->waiting && comes_before(j->heap[child + 1], j->heap[child]))
            child++;
        if (!comes_before(j->heap[child], last))
            break;
        j->heap[at] = j->heap[child];
        at = child;
    }
    j->heap[at] = last;
    return top;
}

/* What is not bad waits for its key's turn, unless that is behind the range. */
static bool wait_or_end(struct joiner *j, struct strand *c, bool has_key)
{
    if (!has_key) {
        if (c->at.u.bad)
            tell_damaged(j->join, c->piece);
        return !c->at.u.bad;
    }
    if (!j->range->has_until || cursor_compare(c->at.key, j->range->until) < 0)
        push(j, c);
    return true;
}

static bool seek_all(struct joiner *j)
{
    const struct str *since = j->range->has_since ? &j->range->since : NULL;

    for (size_t i = 0; i < j->join->pieces; i++) {
        const struct piece *piece = j->join->piece[i];
        const struct source *source = &piece->source[j->range->table];
        struct strand *c = &j->strand[i];

        *c = (struct strand){ .piece = i };
        c->last = &c->first;
        if (!wait_or_end(j, c, cursor_seek(&c->at, source, since)))
            return false;
    }
    return true;
}

/* What a cursor says of the batch's last key; its set is put into its list. */
static void take_key(struct joiner *j, struct strand *c)
{
    struct joined *key = &j->batch[j->keys - 1];
    struct found *found = &j->found[j->sets++];

    for (int i = 0; i < TALLY_COUNTS; i++)
        key->count[i] += c->at.count[i];
    key->many |= c->at.set.form == SET_ESTIMATE || c->at.set.members > SUMMARY_KEY_EXACT;
    *found = (struct found){ .key = j->keys - 1, .set = c->at.set };
    *c->last = found;
    c->last = &found->next;
}

/* The least key, from all cursors that are at it. False: one of them is damaged behind it, or there is no memory. */
static bool gather_key(struct joiner *j)
{
    struct joined *key = &j->batch[j->keys];

    if (key->members == NULL)
        key->members = members_new(&j->join->universe);
    if (key->members == NULL) {
        tell_no_memory(j->join);
        return false;
    }
    j->keys++;
    *key = (struct joined){ .key = j->heap[0]->at.key, .members = key->members };
    while (j->waiting > 0 && cursor_compare(j->heap[0]->at.key, key->key) == 0) {
        struct strand *c = pop(j);

        take_key(j, c);
        if (!wait_or_end(j, c, cursor_next(&c->at)))
            return false;
    }
    return true;
}

static bool unite_piece(struct joiner *j, const struct piece *piece, const struct found *found)
{
    for (; found != NULL; found = found->next) {
        if (!add_set(j->batch[found->key].members, &found->set, piece, j->range->table))
            return false;
    }
    return true;
}

/* Of the pieces that have places, or of the others. */
static bool unite_pieces(struct joiner *j, bool have_places)
{
    for (size_t i = 0; i < j->join->pieces; i++) {
        const struct piece *piece = j->join->piece[i];
        struct strand *c = &j->strand[i];

        if ((piece->lens.hashes != NULL) != have_places)
            continue;
        if (!unite_piece(j, piece, c->first)) {
            tell_damaged(j->join, i);
            return false;
        }
        c->first = NULL;
        c->last = &c->first;
    }
    return true;
}

/* Registers come first: the more a key has, the fewer of its places have to be looked up. */
static bool unite_visitors(struct joiner *j)
{
    for (size_t i = 0; i < j->keys; i++)
        members_begin(j->batch[i].members, j->batch[i].many);
    return unite_pieces(j, false) && unite_pieces(j, true);
}

static bool join_batch(struct joiner *j)
{
    j->keys = j->sets = 0;
    while (j->waiting > 0 && j->keys < j->keys_max && j->sets + j->join->pieces <= j->sets_max) {
        if (!gather_key(j))
            return false;
    }
    if (!unite_visitors(j))
        return false;
    for (size_t i = 0; i < j->keys; i++) {
        j->join->emit(j->range, &j->batch[i]);
        j->range->keys++;
    }
    return !j->range->pack.failed;
}

static bool open_joiner(struct joiner *j)
{
    size_t pieces = j->join->pieces;

    j->keys_max = j->join->universe.estimated ? BATCH_KEYS : 1;
    j->sets_max = pieces > BATCH_SETS ? pieces : BATCH_SETS;
    if (j->sets_max > j->keys_max * pieces)
        j->sets_max = j->keys_max * pieces;
    j->strand = malloc(pieces * sizeof *j->strand);
    j->heap = malloc(pieces * sizeof(struct strand *));
    j->found = malloc(j->sets_max * sizeof *j->found);
    j->batch = calloc(j->keys_max, sizeof *j->batch);
    return j->strand != NULL && j->heap != NULL && j->found != NULL && j->batch != NULL;
}

static void close_joiner(struct joiner *j)
{
    for (size_t i = 0; j->batch != NULL && i < j->keys_max; i++)
        members_free(j->batch[i].members);
    free(j->strand);
    free(j->heap);
    free(j->found);
    free(j->batch);
}

static void join_range(void *arg, size_t i)
{
    struct join *join = arg;
    struct joiner j = { .join = join, .range = &join->range[i] };

    if (has_failed(join))
        return;
    if (!open_joiner(&j))
        tell_no_memory(join);
    else if (seek_all(&j))
        while (j.waiting > 0 && !has_failed(join) && join_batch(&j))
            continue;
    if (j.range->pack.failed)
        tell_no_memory(join);
    close_joiner(&j);
}

static int failed(struct join *join, struct err *e)
{
    if (atomic_load(&join->damaged) != 0) {
        const struct piece *piece = join->piece[join_damaged(join)];

        assert(piece->file != NULL); /* what was read from hits just now is not */
        return rollup_damaged(piece->file, e);
    }
    return err_set(e, ERR_MEMORY, "out of memory");
}

/* Ranges of a table follow each other. */
static int run(struct join *join, uint32_t tables,
               void (*emit)(struct range *range, const struct joined *key), struct err *e)
{
    join->emit = emit;
    join->asked_count = 0;
    for (int t = 0; t < SUMMARY_TABLES_MAX; t++) {
        if ((tables >> t & 1) != 0)
            join->asked[join->asked_count++] = t;
    }
    forget_ranges(join);
    if (join->pieces == 0 || join->asked_count == 0)
        return 0;
    tasks_run(join->threads, join->pieces * (join->asked_count + 1), prepare, join);
    if (has_failed(join))
        return failed(join, e);
    join->range = malloc((join->asked_count * ranges_max(join) + 1) * sizeof *join->range);
    if (join->range == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < join->asked_count; i++)
        add_ranges(join, join->asked[i]);
    tasks_run(join->threads, join->ranges, join_range, join);
    return has_failed(join) ? failed(join, e) : 0;
}

size_t join_damaged(const struct join *join)
{
    return atomic_load(&join->damaged) - 1;
}

/* ---- what comes out: numbers ----------------------------------------------------------------------------- */

static void emit_number(struct range *range, const struct joined *key)
{
    struct summary_group group = { .key = key->key };
    bool estimated;

    memcpy(group.count, key->count, sizeof group.count);
    group.visitors = members_count(key->members, &estimated);
    range->estimated |= estimated;
    pack_bytes(&range->pack, &group, sizeof group);
}

static int take_groups(struct summary *into, const struct range *range)
{
    struct summary_answer *answer = &into->answers[range->table];
    struct summary_group *group =
        realloc(answer->group, (answer->count + range->keys + 1) * sizeof *group);

    if (group == NULL)
        return -1;
    answer->group = group;
    answer->estimated |= range->estimated;
    if (range->keys > 0)
        memcpy(group + answer->count, range->pack.p, range->keys * sizeof *group);
    for (size_t i = 0; i < range->keys; i++) {
        struct str *key = &group[answer->count + i].key;

        key->p = summary_keep(into, *key);
        if (key->p == NULL)
            return -1;
    }
    answer->count += range->keys;
    return 0;
}

int join_count(struct join *join, uint32_t tables, struct summary *into, struct err *e)
{
    int r = run(join, tables, emit_number, e);

    for (size_t i = 0; i < join->asked_count; i++) {
        struct summary_answer *answer = &into->answers[join->asked[i]];

        free(answer->group);
        *answer = (struct summary_answer){ .known = true };
    }
    for (size_t i = 0; r == 0 && i < join->ranges; i++) {
        if (take_groups(into, &join->range[i]) != 0)
            r = err_set(e, ERR_MEMORY, "out of memory");
        pack_free(&join->range[i].pack);
    }
    forget_ranges(join);
    return r;
}

/* ---- what comes out: sections ---------------------------------------------------------------------------- */

static void emit_key(struct range *range, const struct joined *key)
{
    if (range->keys >= ROLLUP_KEYS_MAX) {
        pack_free(&range->pack); /* there will be no section */
        return;
    }
    pack_text(&range->pack, key->key);
    for (int i = 0; i < TALLY_COUNTS; i++)
        pack_number(&range->pack, key->count[i]);
    members_pack(key->members, &range->pack);
}

int join_pack(struct join *join, uint32_t tables, struct join_section section[SUMMARY_TABLES_MAX],
              struct err *e)
{
    if (run(join, tables, emit_key, e) != 0)
        return -1;
    for (size_t i = 0; i < join->ranges; i++)
        section[join->range[i].table].keys += join->range[i].keys;
    for (int t = 0; t < SUMMARY_TABLES_MAX; t++) {
        if ((tables >> t & 1) != 0)
            pack_number(&section[t].pack, section[t].keys);
    }
    for (size_t i = 0; i < join->ranges; i++) {
        struct range *range = &join->range[i];

        if (section[range->table].keys <= ROLLUP_KEYS_MAX)
            pack_bytes(&section[range->table].pack, range->pack.p, range->pack.n);
        pack_free(&range->pack);
    }
    for (int t = 0; t < SUMMARY_TABLES_MAX; t++) {
        if (section[t].pack.failed)
            return err_set(e, ERR_MEMORY, "out of memory");
    }
    forget_ranges(join);
    return 0;
}
