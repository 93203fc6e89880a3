/*
 * bots.h - which user agents are programs, by a list that can be replaced: crawlers.tsv (kind, name,
 * pattern).
 *
 * Nothing of it is stored with a hit, so that a better list changes yesterday's report too. Thread:
 * loading on one; a loaded list is read by all, each with its own bots_memory.
 */
#ifndef CRUMB_MODEL_BOTS_H
#define CRUMB_MODEL_BOTS_H

#include "base/err.h"
#include "base/str.h"

#define BOTS_FILE      "crawlers.tsv"
#define BOTS_FILE_HINT "make install puts it into share/crumb"

struct bots;
struct bots_memory;

/* NULL: ERR_INPUT says in which line, or what reading the file said. bots_free takes NULL. */
struct bots *bots_load(const char *path, struct err *e);
void bots_free(struct bots *bots);

/*
 * Compiles every pattern now and not when it is first tried: bots_find then takes no lock. For who
 * must not wait.
 */
void bots_compile(struct bots *bots);

/* A few bytes a row, for this list only. NULL: out of memory. bots_memory_free takes NULL. */
struct bots_memory *bots_memory_new(const struct bots *bots);
void bots_memory_free(struct bots_memory *memory);

/*
 * The row of the first pattern that matches, or -1. Its time is bounded for any ua: see
 * patterns_first.
 */
int bots_find(struct bots *bots, struct bots_memory *memory, struct str ua);
struct str bots_kind(const struct bots *bots, int row);
struct str bots_name(const struct bots *bots, int row);

#endif
