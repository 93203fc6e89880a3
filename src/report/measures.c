/*
 * measures.c - where the numbers of a table's columns are. See measures.h for the contract.
 *
 * Called by rows.c to sort and by result.c to fill cells. A new measure is a row in `sources`.
 */
#include "measures.h"

enum source { FROM_FIRST, FROM_SECOND, FROM_THIRD, FROM_VISITORS, FROM_SHARE, FROM_RATE };

/* Where a column's number is; crossing names to counts of the tally (fold.c adds them so). */
static const struct {
    const char *name;
    enum source source;
    int part, whole; /* FROM_RATE: counts */
} sources[] = {
    { "hits", FROM_FIRST, 0, 0 },        { "steps", FROM_FIRST, 0, 0 },
    { "impressions", FROM_FIRST, 0, 0 }, { "views", FROM_SECOND, 0, 0 },
    { "clicks", FROM_SECOND, 0, 0 },     { "bounces", FROM_SECOND, 0, 0 },
    { "sessions", FROM_THIRD, 0, 0 },    { "visitors", FROM_VISITORS, 0, 0 },
    { "share", FROM_SHARE, 0, 0 },       { "bounce_rate", FROM_RATE, 1, 2 },
    { "click_rate", FROM_RATE, 1, 0 },
};

#define SOURCES (sizeof sources / sizeof sources[0])

static size_t source_of(const char *name)
{
    size_t i = 0;

    while (name != NULL && i < SOURCES - 1 && strcmp(name, sources[i].name) != 0)
        i++;
    return i;
}

/* visitors of frequency and retention are counted, not told apart. */
static bool counts_visitors_itself(enum report_fold fold)
{
    return fold == FOLD_VISITORS || fold == FOLD_RETENTION;
}

uint64_t measure_count(const struct row *row, const char *name, enum report_fold fold)
{
    switch (sources[source_of(name)].source) {
    case FROM_FIRST:
        return row->count[0];
    case FROM_SECOND:
        return row->count[1];
    case FROM_THIRD:
        return row->count[2];
    case FROM_VISITORS:
        return counts_visitors_itself(fold) ? row->count[0] : row->visitors;
    case FROM_SHARE:
    case FROM_RATE:
        break;
    }
    return 0;
}

enum measure_kind measure_kind(const char *name)
{
    switch (sources[source_of(name)].source) {
    case FROM_SHARE:
        return MEASURE_SHARE;
    case FROM_RATE:
        return MEASURE_RATE;
    default:
        return MEASURE_COUNT;
    }
}

bool measure_rate(const struct row *row, const char *name, double *rate)
{
    size_t s = source_of(name);
    uint64_t whole = row->count[sources[s].whole];

    *rate = whole == 0 ? 0 : (double)row->count[sources[s].part] / (double)whole;
    return whole != 0;
}

unsigned measures_count(const struct report_row *row)
{
    unsigned n = 0;

    while (n < REPORT_MEASURES_MAX && row->measures[n].name != NULL)
        n++;
    return n;
}

/* ---- what was asked for -------------------------------------------------------------------------------- */

const char *measure_main(const struct report_row *row, const char *sort)
{
    const char *first = row->measures[0].name;

    for (unsigned i = 0; i < measures_count(row); i++) {
        if (sort != NULL && strcmp(sort, row->measures[i].name) == 0 &&
            row->measures[i].type == REPORT_COUNT)
            return sort;
    }
    for (unsigned i = 0; i < measures_count(row); i++) {
        if (strcmp(row->sort, row->measures[i].name) == 0)
            return row->sort;
    }
    return first;
}

bool measure_is(const struct report_row *row, const char *name)
{
    for (unsigned i = 0; i < measures_count(row); i++) {
        if (strcmp(name, row->measures[i].name) == 0)
            return true;
    }
    return false;
}

const char *const *asked_keys(const struct report_spec *spec, size_t i)
{
    return i == 0 && spec->by[0] != NULL ? spec->by : spec->rows[i]->keys;
}

const char *asked_key_name(const char *key)
{
    return strncmp(key, "params.", 7) == 0 ? key + 7 : key;
}

int asked_key(const struct report_spec *spec, size_t i, const char *name)
{
    const char *const *keys = asked_keys(spec, i);

    for (int k = 0; k < REPORT_KEYS_MAX && keys[k] != NULL; k++) {
        if (strcmp(name, keys[k]) == 0 || strcmp(name, asked_key_name(keys[k])) == 0)
            return k;
    }
    return -1;
}

const char *asked_sort(const struct report_spec *spec, size_t i)
{
    return i == 0 && spec->sort != NULL ? spec->sort : spec->rows[i]->sort;
}
