/*
 * data_dir.h - a data folder for a test: a store in it, lines written to it, everything read back.
 *
 * One folder per test, made with mkdtemp and removed at the end. Helpers fail the test when
 * something that is not being tested goes wrong.
 */
#ifndef CRUMB_TESTS_DATA_DIR_H
#define CRUMB_TESTS_DATA_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/scan.h"
#include "store/spool.h"
#include "store/store.h"

#define DATA_NOON_MS 1795521600000 /* 2026-11-24T12:00:00Z */

/* ---- the folder ---- */

extern char data_dir[64];

void data_dir_make(void);
void data_dir_remove(void);

/* Runs a shell command with the folder as $D; ends the program if it fails. For copies, links and
 * modes. */
void data_dir_shell(const char *command);

/* How many files of the folder have this pattern as their name (find -name). */
int data_dir_count(const char *pattern);

/* The path of the only file with this pattern. */
const char *data_dir_file(const char *pattern);

/* ---- a store in it ---- */

struct data_store {
    struct store *store;
    struct store_options options;
    char said[2048]; /* the sentences, joined by newlines */
};

void data_store_open(struct data_store *s, bool power);
void data_store_close(struct data_store *s);

/* One turn with n lines at that time. Returns how many were accepted; *batch (may be NULL) the last
 * batch. */
unsigned data_store_write(struct data_store *s, unsigned worker, int64_t ms, unsigned n,
                          uint64_t *batch);

/* The same, and waits until they are decided. */
enum spool_state data_store_keep(struct data_store *s, unsigned worker, int64_t ms, unsigned n);

/* Waits until the counter reaches the value; false after 10 s. */
#define DATA_WAIT(s, counter, value)                                                               \
    data_store_wait((s), offsetof(struct store_counters, counter), (value))
bool data_store_wait(struct data_store *s, size_t counter_offset, uint64_t value);

/* The line that data_store_write makes, with its newline; returns its length. */
size_t data_line(char *p, struct str instance, unsigned worker, int64_t ms, uint64_t seq);

/* ---- reading back ---- */

#define DATA_PLACES  64
#define DATA_WRITERS 8
#define DATA_SEQ_MAX 100000

struct data_seen {
    struct scan_totals totals;
    uint64_t records;
    uint64_t first_seq, last_seq; /* of the last line */
    bool doubled;                 /* a line came twice */
    bool altered;                 /* a line is not what data_line makes */
    unsigned damages, gaps;
    struct scan_damage damage[DATA_PLACES]; /* paths and sentences are copies */
    struct scan_gap gap[DATA_PLACES];
    int result;
    char writer[DATA_WRITERS][32]; /* "<instance>-<worker>-" */
    unsigned writers;
    unsigned char *times; /* how often each number of each writer came */
};

void data_read(struct data_seen *seen);
void data_read_file(struct data_seen *seen, const char *path);
void data_seen_free(struct data_seen *seen);
struct scan_options data_options(struct data_seen *seen);

#endif
