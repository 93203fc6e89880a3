/*
 * rollup.h - what reading and making rollups share. Private to the report layer; the public half is
 * report/rollup.h.
 */
#ifndef CRUMB_SRC_REPORT_ROLLUP_H
#define CRUMB_SRC_REPORT_ROLLUP_H

#include "period.h"
#include "report/rollup.h"
#include "rollup_file.h"
#include "store/hours.h"

enum rollup_level { ROLLUP_HOUR, ROLLUP_DAY, ROLLUP_MONTH, ROLLUP_YEAR };

#define ROLLUP_PATH_BYTES  4096
#define ROLLUP_LABEL_BYTES 32

typedef char rollup_path[ROLLUP_PATH_BYTES];

/* name: a level's folder, "seed" or "lock"; file: what is in it, or NULL. ERR_INPUT when too long. */
int rollup_path_of(rollup_path path, const char *data_dir, const char *name, const char *file,
                   struct err *e);

/* "2026-11-23T14.sum" (UTC), or of the local day, month, year. */
void rollup_file_name(char name[ROLLUP_LABEL_BYTES], enum rollup_level level, int64_t begin_ms);

/* The number that visitors are hashed with, the same in all files. ERR_MISSING: there is none. */
int rollup_read_seed(const char *data_dir, uint64_t *seed, struct err *e);

/* Of everything that decides what is counted, but the hits. */
int rollup_fingerprint(uint64_t *fingerprint, uint64_t seed, const struct report_spec *spec,
                       struct err *e);

/* What the hours from `from` on hold that begin before until; false when one of them cannot be rolled up (yet). */
bool rollup_source(const struct hours *hours, size_t from, int64_t until_ms, uint64_t *source);

/* The first hour at or after a moment. */
size_t rollup_hour_at(const struct hours *hours, int64_t ms);

/*
 * Writes the rollup of a stretch from those that it is made of, in order: hours, days or months. threads: 0
 * is one for each processor. ERR_DAMAGED: one of them is.
 */
int rollup_merge(const char *path, const struct rollup_head *head, struct rollup_file **file,
                 size_t count, unsigned threads, struct err *e);

/*
 * Fills the period from rollups and, where there is none, from hits. 1: done; 0: nothing is there for the
 * question, the hits have to be read; -1 and e.
 */
int rollup_read(struct period *period, const struct report_spec *spec, int64_t since_ms,
                int64_t until_ms, enum report_step *step, struct err *e);

#endif
