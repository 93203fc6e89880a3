/*
 * blocks.h - what scan.h reads, in pieces that several threads can take one after the other.
 *
 *     blocks = blocks_open(&options, &e);
 *     each thread: reader = blocks_reader_new(); while (blocks_next(blocks, reader, &text, &e) == 1) ...
 *
 * A piece is whole lines: a block of a sealed file, or some of a live segment. Pieces whose time lies outside are not
 * read; at the borders a piece can hold records outside, the caller looks at ts. The same records as with scan_run, each
 * once, damage named; in no order across pieces.
 */
#ifndef CRUMB_STORE_BLOCKS_H
#define CRUMB_STORE_BLOCKS_H

#include "store/scan.h"

struct blocks;
struct blocks_reader;

/*
 * data_dir, since_ms, until_ms, damage and arg of the options count, and are borrowed. damage is called by any of the
 * threads, by one at a time. NULL and e when the folder cannot be read.
 */
struct blocks *blocks_open(const struct scan_options *options, struct err *e);
void blocks_close(struct blocks *blocks);

/* One thread's memory. NULL when out of memory. */
struct blocks_reader *blocks_reader_new(void);
void blocks_reader_free(struct blocks_reader *reader);

/* 1: *text until the reader's next call; 0: there is no more; -1 and e. Thread: any, each with its own reader. */
int blocks_next(struct blocks *blocks, struct blocks_reader *reader, struct str *text,
                struct err *e);

/* How far it is, in bytes of files (those outside the time count neither as read nor as there). Any thread. */
void blocks_progress(struct blocks *blocks, uint64_t *done_bytes, uint64_t *total_bytes);

/* Begin of the first and of the last file, in wall time; false when there is none. */
bool blocks_span(const struct blocks *blocks, int64_t *first_ms, int64_t *last_ms);

/* Damaged places told so far. */
uint64_t blocks_damaged(struct blocks *blocks);

#endif
