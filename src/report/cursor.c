/*
 * cursor.c - see cursor.h for the contract.
 *
 * A section has no index: while it is looked over, marks are left at every MARK_KEYS-th key, where a cursor can
 * begin. That look is not what makes later ones safe: whatever is read is bounded by its section.
 */
#include "cursor.h"

#include <stdlib.h>

#define MARK_KEYS 64

/* A place in a section where a key begins, and how many follow with it. */
struct mark {
    struct str key;
    const unsigned char *p;
    size_t left;
};

int cursor_compare(struct str a, struct str b)
{
    int r = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return r != 0 ? r : (a.n > b.n) - (a.n < b.n);
}

static bool next_in_memory(struct cursor *c)
{
    const struct summary_key *key = c->at;

    if (key == c->end)
        return false;
    c->at++;
    c->key = key->key;
    memcpy(c->count, key->count, sizeof c->count);
    c->set = (struct unread){ .form = key->visitors.registers != NULL ? SET_ESTIMATE : SET_HASHES,
                              .members = key->visitors.count,
                              .memory = &key->visitors };
    return true;
}

static void skip_set(struct unpack *u, const struct unread *set)
{
    switch (set->form) {
    case SET_HASHES:
        unpack_bytes(u, set->members * sizeof(uint64_t));
        break;
    case SET_PLACES:
        unpack_skip(u, set->members);
        break;
    case SET_ESTIMATE:
        unpack_bytes(u, SET_REGISTERS(SET_KEY_BITS));
    }
}

/* Steps over the set, too. False at the end, and where the section is bad (c->u.bad). */
static bool next_in_file(struct cursor *c)
{
    struct unpack *u = &c->u;
    uint64_t form;

    if (c->left == 0)
        return false;
    c->left--;
    c->key = unpack_text(u);
    for (int i = 0; i < TALLY_COUNTS; i++)
        c->count[i] = unpack_number(u);
    form = unpack_number(u);
    u->bad |= form > SET_ESTIMATE;
    c->set.form = (enum set_form)form;
    c->set.members = form == SET_HASHES   ? unpack_count(u, sizeof(uint64_t))
                     : form == SET_PLACES ? unpack_count(u, 1)
                                          : 0;
    c->set.p = u->p;
    if (!u->bad)
        skip_set(u, &c->set);
    return !u->bad;
}

bool cursor_next(struct cursor *c)
{
    return c->end != NULL ? next_in_memory(c) : next_in_file(c);
}

/* ---- sources --------------------------------------------------------------------------------------------- */

static int add_mark(struct source *source, const struct cursor *c, const unsigned char *p)
{
    if ((source->marks & (source->marks - 1)) == 0) {
        size_t cap = source->marks == 0 ? 1 : 2 * source->marks;
        struct mark *more = realloc(source->mark, cap * sizeof *more);

        if (more == NULL)
            return -1;
        source->mark = more;
    }
    source->mark[source->marks++] = (struct mark){ c->key, p, c->left + 1 };
    return 0;
}

/* 1: marks are set, 0: damaged, -1: out of memory. */
static int walk_section(struct source *source)
{
    struct cursor c = { .u = source->u };
    const unsigned char *p;
    struct str last = STR("");

    c.left = unpack_count(&c.u, 6);
    for (size_t i = 0;; i++) {
        p = c.u.p;
        if (!cursor_next(&c))
            break;
        if (i > 0 && cursor_compare(last, c.key) >= 0)
            return 0;
        last = c.key;
        if (i % MARK_KEYS == 0 && add_mark(source, &c, p) != 0)
            return -1;
    }
    return !c.u.bad && c.u.p == c.u.end;
}

void source_of_table(struct source *source, const struct summary_table *table)
{
    *source = (struct source){ .table = table };
    for (size_t i = 0; i < table->count; i++)
        source->bytes += MARK_KEYS + table->key[i].visitors.count;
}

int source_of_section(struct source *source, struct unpack u)
{
    *source = (struct source){ .u = u, .bytes = (size_t)(u.end - u.p) };
    return walk_section(source);
}

void source_free(struct source *source)
{
    free(source->mark);
    *source = (struct source){ 0 };
}

struct str source_key_at(const struct source *source, size_t i, size_t n)
{
    size_t low = 0, high = source->marks;
    const unsigned char *p;

    if (source->table != NULL)
        return source->table->count < n ? STR_ABSENT
                                        : source->table->key[source->table->count * i / n].key;
    p = source->u.p + source->bytes / n * i;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (source->mark[middle].p < p)
            low = middle + 1;
        else
            high = middle;
    }
    return low == source->marks ? STR_ABSENT : source->mark[low].key;
}

/* ---- seeking ---------------------------------------------------------------------------------------------- */

static bool seek_in_memory(struct cursor *c, const struct summary_table *table,
                           const struct str *since)
{
    size_t low = 0, high = table->count;

    if (table->count == 0)
        return false;
    while (since != NULL && low < high) {
        size_t middle = low + (high - low) / 2;

        if (cursor_compare(table->key[middle].key, *since) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    c->at = table->key + low;
    c->end = table->key + table->count;
    return cursor_next(c);
}

static bool seek_in_file(struct cursor *c, const struct source *source, const struct str *since)
{
    size_t low = 0, high = source->marks;
    const struct mark *mark;

    if (source->marks == 0)
        return false;
    while (since != NULL && high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (cursor_compare(source->mark[middle].key, *since) <= 0)
            low = middle;
        else
            high = middle;
    }
    mark = &source->mark[low];
    c->u = unpack_over(mark->p, (size_t)(source->u.end - mark->p));
    c->left = mark->left;
    while (cursor_next(c)) {
        if (since == NULL || cursor_compare(c->key, *since) >= 0)
            return true;
    }
    return false;
}

bool cursor_seek(struct cursor *c, const struct source *source, const struct str *since)
{
    *c = (struct cursor){ 0 };
    return source->table != NULL ? seek_in_memory(c, source->table, since)
                                 : seek_in_file(c, source, since);
}
