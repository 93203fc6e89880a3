/*
 * sections.c - areas of sites by the beginnings of paths. See sections.h for the contract.
 *
 * Called by facets.c for each hit. The beginnings are sorted so that the first that fits decides: the
 * longest, of equals the one that names a site, then the order of the config.
 */
#include "sections.h"

#include <stdlib.h>

struct beginning {
    struct str path, site, name; /* site absent: every site */
    size_t place;                /* in the config */
};

struct sections {
    size_t count;
    struct beginning beginnings[];
};

static int compare(const void *a, const void *b)
{
    const struct beginning *x = a, *y = b;

    if (x->path.n != y->path.n)
        return x->path.n < y->path.n ? 1 : -1;
    if ((x->site.p == NULL) != (y->site.p == NULL))
        return x->site.p == NULL ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

struct sections *sections_new(const struct config_section *config, unsigned count)
{
    struct sections *sections;
    size_t paths = 0;

    for (unsigned i = 0; i < count; i++)
        paths += config[i].paths_count;
    sections = malloc(sizeof *sections + paths * sizeof sections->beginnings[0]);
    if (sections == NULL)
        return NULL;
    sections->count = 0;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned p = 0; p < config[i].paths_count; p++) {
            sections->beginnings[sections->count] = (struct beginning){
                .path = str_of(config[i].paths[p]),
                .site = config[i].site == NULL ? STR_ABSENT : str_of(config[i].site),
                .name = str_of(config[i].name),
                .place = sections->count,
            };
            sections->count++;
        }
    }
    qsort(sections->beginnings, sections->count, sizeof sections->beginnings[0], compare);
    return sections;
}

void sections_free(struct sections *sections)
{
    free(sections);
}

/* Whole segments: "/help" is the beginning of "/help" and "/help/x", not of "/helpers". */
static bool begins(struct str path, struct str with)
{
    if (!str_starts(path, with))
        return false;
    return with.n == 1 || path.n == with.n || path.p[with.n] == '/';
}

struct str sections_find(const struct sections *sections, struct str path, struct str site)
{
    for (size_t i = 0; i < sections->count; i++) {
        const struct beginning *beginning = &sections->beginnings[i];

        if (begins(path, beginning->path) &&
            (beginning->site.p == NULL || str_eq(site, beginning->site)))
            return beginning->name;
    }
    return STR_ABSENT;
}
