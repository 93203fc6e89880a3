/*
 * facets.h - the values that hits are grouped by: fields of the record, and what is derived from them
 * when reading. Private to the report layer.
 *
 * A facet is found by its name once; its value is worked out for each hit. What is expensive (the user
 * agent) is kept in a cache keyed by its text. Thread: a struct facets belongs to one; the lists behind
 * it are shared.
 */
#ifndef CRUMB_SRC_REPORT_FACETS_H
#define CRUMB_SRC_REPORT_FACETS_H

#include "classify.h"
#include "hit.h"
#include "report/report.h"
#include "sections.h"

/* Lists, loaded when something asked for needs them. */
struct facet_lists {
    struct bots *bots;
    struct agents *agents;       /* NULL: not wanted */
    struct referrers *referrers; /* NULL: not wanted */
    struct sections *sections;
};

int facet_lists_load(struct facet_lists *lists, const struct report_spec *spec, bool agents,
                     bool referrers, struct err *e);
void facet_lists_free(struct facet_lists *lists);

/* A number of the contents of all lists, and of the areas that the spec names. */
int facet_lists_fingerprint(uint64_t *fingerprint, const struct report_spec *spec, struct err *e);

struct facet {
    unsigned kind; /* row of the table in facets.c; FACET_FIELD: a field as it is */
    int slots[3];
};

/* Asks for the fields that it needs. -1 when there is no such field or too many are wanted. */
int facet_find(struct facet *facet, const char *name, struct hit_wanted *wanted);
bool facet_needs_agents(const struct facet *facet);
bool facet_needs_referrers(const struct facet *facet);

struct facets;

/* ua_slot: of the field ua. NULL when out of memory. */
struct facets *facets_new(struct facet_lists *lists, int ua_slot);
void facets_free(struct facets *facets);

/* Once for each hit, before its facets are asked for. The row of the bot that it is, or -1. */
int facets_begin(struct facets *facets, const struct hit *hit);

/* Absent when the hit has no such value. Valid until the next facets_begin. */
struct str facet_value(struct facets *facets, const struct facet *facet, const struct hit *hit);

#endif
