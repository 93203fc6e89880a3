/*
 * store_lines.c - puts given records into a data folder, through the store itself.
 *
 *     store_lines DIR [WORKERS] < lines.ndjson
 *
 * Each line is a record with its own ts, in ascending order; records go to the workers in turn, so that the
 * files overlap in time as a server's do. Used by the report's end-to-end tests and benchmarks, which need
 * months of hits in a second. A plain program; prints the number of records.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/date.h"
#include "base/json.h"
#include "store/spool.h"
#include "store/store.h"

static void die(const struct err *e)
{
    fprintf(stderr, "store_lines: %s\n", e->text);
    exit(1);
}

static void say(void *arg, bool is_error, const char *sentence)
{
    (void)arg;
    if (is_error)
        fprintf(stderr, "store_lines: %s\n", sentence);
}

static int64_t time_of(struct str line)
{
    struct json_field ts;
    int64_t ms;

    if (!json_find(line, STR("ts"), &ts) || !date_parse(ts.value, &ms)) {
        fprintf(stderr, "store_lines: a line without ts\n");
        exit(1);
    }
    return ms;
}

static void keep(struct spool *spool, struct str line, int64_t ms)
{
    struct err e = { 0 };
    uint64_t seq;
    char *room;

    spool_begin_turn(spool, ms);
    room = spool_reserve(spool, line.n + 1, &seq, &e);
    if (room == NULL)
        die(&e);
    memcpy(room, line.p, line.n);
    room[line.n] = '\n';
    spool_accept(spool, line.n + 1);
    if (spool_commit(spool, &e) != 0)
        die(&e);
}

int main(int argc, char **argv)
{
    struct store_options options = { .data_dir = argc > 1 ? argv[1] : NULL,
                                     .roll_interval_ms = 10 * 60 * DATE_SECOND_MS,
                                     .roll_size_bytes = 256u * 1024 * 1024,
                                     .workers = argc > 2 ? (unsigned)atoi(argv[2]) : 2,
                                     .say = say };
    struct store *store;
    struct err e = { 0 };
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    unsigned long long records = 0;

    if (options.data_dir == NULL || options.workers == 0 || crypto_init(&e) != 0 ||
        (store = store_open(&options, &e)) == NULL)
        die(&e);
    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct str text = str_from(line, (size_t)n - (line[n - 1] == '\n'));
        struct spool *spool = store_spool(store, (unsigned)(records % options.workers));

        keep(spool, text, time_of(text));
        records++;
    }
    for (unsigned i = 0; i < options.workers; i++)
        spool_close(store_spool(store, i));
    if (store_close(store, &e) != 0)
        die(&e);
    free(line);
    printf("%llu\n", records);
    return 0;
}
