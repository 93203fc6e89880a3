/*
 * bots.c - is it a program, and which one? See bots.h for the contract.
 *
 * Called for each new user agent by the cache in the report layer's facets.c, and by collect.c for sites
 * in debug mode. The list is crawlers.tsv: the first row
 * whose pattern matches decides.
 */
#include "model/bots.h"

#include <stdlib.h>

#include "model/lines.h"
#include "model/patterns.h"

struct bot {
    struct str kind, name;
};

struct bots {
    struct lines file; /* the rows point into it */
    struct patterns *patterns;
    struct bot *rows;
    size_t count, cap;
};

static int add_row(struct bots *bots, struct str line, struct err *e)
{
    enum { KIND, NAME, PATTERN, COLUMNS };
    struct str columns[COLUMNS];

    if (lines_columns(&bots->file, line, columns, COLUMNS, e) != 0)
        return -1;
    if (bots->count == bots->cap) {
        size_t cap = bots->cap == 0 ? 256 : bots->cap * 2;
        struct bot *rows = realloc(bots->rows, cap * sizeof *rows);

        if (rows == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        bots->rows = rows;
        bots->cap = cap;
    }
    if (patterns_add(bots->patterns, columns[PATTERN], false) != 0)
        return err_set(e, ERR_MEMORY, "out of memory");
    bots->rows[bots->count++] = (struct bot){ columns[KIND], columns[NAME] };
    return 0;
}

struct bots *bots_load(const char *path, struct err *e)
{
    struct bots *bots = calloc(1, sizeof *bots);
    struct str line;

    if (bots == NULL || (bots->patterns = patterns_new()) == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        goto failed;
    }
    if (lines_open(&bots->file, path, e) != 0)
        goto failed;
    while (lines_next(&bots->file, &line)) {
        if (add_row(bots, line, e) != 0)
            goto failed;
    }
    if (patterns_build(bots->patterns) != 0) {
        err_set(e, ERR_MEMORY, "out of memory");
        goto failed;
    }
    return bots;
failed:
    bots_free(bots);
    return NULL;
}

void bots_free(struct bots *bots)
{
    if (bots == NULL)
        return;
    lines_close(&bots->file);
    patterns_free(bots->patterns);
    free(bots->rows);
    free(bots);
}

void bots_compile(struct bots *bots)
{
    patterns_compile(bots->patterns);
}

struct bots_memory *bots_memory_new(const struct bots *bots)
{
    return (struct bots_memory *)patterns_memory_new(bots->patterns);
}

void bots_memory_free(struct bots_memory *memory)
{
    patterns_memory_free((struct patterns_memory *)memory);
}

int bots_find(struct bots *bots, struct bots_memory *memory, struct str ua)
{
    return patterns_first(bots->patterns, (struct patterns_memory *)memory, ua, NULL);
}

struct str bots_kind(const struct bots *bots, int row)
{
    return bots->rows[row].kind;
}

struct str bots_name(const struct bots *bots, int row)
{
    return bots->rows[row].name;
}
