/*
 * members.h - the visitors of one key out of many stretches of time, united one key after the other.
 * Private to the report layer.
 *
 * The universe is known before: the visitors of all stretches together. While they are exact, every key
 * is a set of places among them, that is, bits; no hash is looked at. Once they are estimated, a key is
 * too as soon as it has more than SUMMARY_KEY_EXACT visitors. Which of the two it is depends on the
 * members alone, never on how they were cut into stretches.
 *
 *     universe   of the whole; read by any threads, once it is there
 *     lens       how the places of one stretch are seen from the universe; the same
 *     members    of the key at hand; each thread has its own
 */
#ifndef CRUMB_SRC_REPORT_MEMBERS_H
#define CRUMB_SRC_REPORT_MEMBERS_H

#include "pack.h"
#include "summary.h"

struct universe {
    const uint64_t *hash; /* borrowed */
    size_t count;
    bool estimated;
    uint32_t *bucket; /* where the hashes with the same first bits begin */
    unsigned shift;
};

/* visitors: must outlive the universe. Like all here, -1 when out of memory; universe_close takes a failed one. */
int universe_open(struct universe *universe, const struct set *visitors);
void universe_close(struct universe *universe);

/* A zeroed one is of a stretch that has no places. */
struct lens {
    const unsigned char *hashes; /* 8 bytes each, lowest first, ascending; borrowed */
    size_t count;
    uint32_t *place; /* in the universe, if that is exact; if not, see members.c: */
    uint16_t *look;
    struct look_line *line;
    uint64_t *high;
};

/* 1: done, 0: some of the visitors are not in the universe, -1: out of memory. */
int lens_open(struct lens *lens, const struct universe *universe, const unsigned char *hashes,
              size_t count);
void lens_close(struct lens *lens);

struct members;

struct members *members_new(const struct universe *universe); /* NULL: out of memory */
void members_free(struct members *members);

/* Forgets the key before. many: the new one has more than SUMMARY_KEY_EXACT for sure. */
void members_begin(struct members *members, bool many);

/* All here are false when what is added breaks a rule of rollup_file.c: then the members are of no use. */
bool members_add(struct members *members, const struct set *set); /* hashes in any order */
bool members_read_hashes(struct members *members, struct unpack *u, size_t n);
bool members_read_places(struct members *members, struct unpack *u, size_t n,
                         const struct lens *lens);
bool members_read_registers(struct members *members, struct unpack *u);

uint64_t members_count(const struct members *members, bool *estimated);

/* As a set of a file, places where the universe is exact. */
void members_pack(const struct members *members, struct pack *pack);

#endif
