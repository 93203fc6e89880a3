/*
 * data_dir.c - a data folder for a test. See data_dir.h for the contract.
 */
#include "support/data_dir.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/json.h"

#define DEADLINE_MS 10000

char data_dir[64];

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "test support: %s\n", what);
    abort();
}

void data_dir_make(void)
{
    snprintf(data_dir, sizeof data_dir, "/tmp/crumb_store.XXXXXX");
    need(mkdtemp(data_dir) != NULL, "mkdtemp");
    setenv("D", data_dir, 1);
}

void data_dir_remove(void)
{
    data_dir_shell("chmod -R u+rwx \"$D\" && rm -rf \"$D\"");
}

void data_dir_shell(const char *command)
{
    need(system(command) == 0, command);
}

static int find(const char *pattern, char *first, size_t n)
{
    char command[256];
    FILE *out;
    char line[512];
    int count = 0;

    snprintf(command, sizeof command, "find '%s' -name '%s'", data_dir, pattern);
    out = popen(command, "r");
    need(out != NULL, command);
    while (fgets(line, sizeof line, out) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (count++ == 0)
            snprintf(first, n, "%s", line);
    }
    pclose(out);
    return count;
}

int data_dir_count(const char *pattern)
{
    char first[512];

    return find(pattern, first, sizeof first);
}

const char *data_dir_file(const char *pattern)
{
    static char first[512];

    need(find(pattern, first, sizeof first) == 1, pattern);
    return first;
}

/* ---- a store in it ---- */

static void say(void *arg, bool is_error, const char *sentence)
{
    struct data_store *s = arg;
    size_t n = strlen(s->said);

    (void)is_error;
    snprintf(s->said + n, sizeof s->said - n, "%s\n", sentence);
}

static void wake(void *arg, unsigned worker)
{
    (void)arg;
    (void)worker;
}

void data_store_open(struct data_store *s, bool power)
{
    struct err e;

    memset(s, 0, sizeof *s);
    s->options = (struct store_options){ .data_dir = data_dir,
                                         .power = power,
                                         .roll_interval_ms = 600000,
                                         .roll_size_bytes = 256 << 20,
                                         .workers = 2,
                                         .wake = wake,
                                         .say = say,
                                         .say_arg = s };
    s->store = store_open(&s->options, &e);
    if (s->store == NULL)
        need(false, e.text);
}

void data_store_close(struct data_store *s)
{
    struct err e;

    for (unsigned i = 0; i < s->options.workers; i++)
        spool_close(store_spool(s->store, i));
    if (store_close(s->store, &e) != 0)
        need(false, e.text);
    s->store = NULL;
}

size_t data_line(char *p, struct str instance, unsigned worker, int64_t ms, uint64_t seq)
{
    struct buf b = buf_over(p, 1024);

    buf_add_lit(&b, "{\"v\":1,\"ts\":\"");
    date_add_rfc3339(&b, ms);
    buf_add_lit(&b, "\",\"id\":\"");
    buf_add_str(&b, instance);
    buf_addf(&b, "-%u-%llu\",\"url\":\"", worker, (unsigned long long)seq);
    for (uint64_t i = 0; i <= seq % 13; i++)
        buf_addf(&b, "/%llx", (unsigned long long)((seq + i) * 0x9E3779B97F4A7C15u >> 40));
    buf_add_lit(&b, "\"}\n");
    return b.n;
}

unsigned data_store_write(struct data_store *s, unsigned worker, int64_t ms, unsigned n,
                          uint64_t *batch)
{
    struct spool *spool = store_spool(s->store, worker);
    unsigned accepted = 0;
    uint64_t seq;

    spool_begin_turn(spool, ms);
    for (unsigned i = 0; i < n; i++) {
        char *p = spool_reserve(spool, 1024, &seq, NULL);
        uint64_t number;

        if (p == NULL)
            continue;
        number = spool_accept(spool, data_line(p, store_instance(s->store), worker, ms, seq));
        if (batch != NULL)
            *batch = number;
        accepted++;
    }
    spool_commit(spool, NULL);
    return accepted;
}

enum spool_state data_store_keep(struct data_store *s, unsigned worker, int64_t ms, unsigned n)
{
    struct spool *spool = store_spool(s->store, worker);
    int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    uint64_t batch = 0;

    need(data_store_write(s, worker, ms, n, &batch) == n, "a record was not accepted");
    while (spool_decided(spool) < batch && clock_mono_ms() < deadline_ms) {
        spool_poll(spool, NULL);
        sched_yield();
    }
    return spool_state(spool, batch);
}

bool data_store_wait(struct data_store *s, size_t counter_offset, uint64_t value)
{
    int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    struct store_counters counters;
    uint64_t now;

    do {
        store_counters(s->store, &counters);
        memcpy(&now, (const char *)&counters + counter_offset, sizeof now);
        if (now >= value)
            return true;
        sched_yield();
    } while (clock_mono_ms() < deadline_ms);
    return false;
}

/* ---- reading back ---- */

/* Is the line exactly what data_line makes of its own ts and id? */
static bool is_ours(struct str line, struct str *writer, uint64_t *seq)
{
    struct json_field ts, id;
    struct str rest, instance;
    char again[1024];
    uint64_t worker;
    int64_t ms;
    size_t n;

    if (!json_find(line, STR("ts"), &ts) || !json_find(line, STR("id"), &id) ||
        !date_parse(ts.value, &ms))
        return false;
    rest = id.value;
    instance = str_cut(&rest, '-');
    if (!str_to_u64(str_cut(&rest, '-'), 99, &worker) || !str_to_u64(rest, DATA_SEQ_MAX - 1, seq))
        return false;
    *writer = str_from(id.value.p, (size_t)(rest.p - id.value.p));
    n = data_line(again, instance, (unsigned)worker, ms, *seq);
    return n == line.n + 1 && memcmp(again, line.p, line.n) == 0;
}

static unsigned char *count_of(struct data_seen *seen, struct str writer, uint64_t seq)
{
    unsigned i = 0;

    while (i < seen->writers && !str_eq(writer, str_of(seen->writer[i])))
        i++;
    need(i < DATA_WRITERS && writer.n < sizeof seen->writer[i], "too many writers");
    if (i == seen->writers) {
        memcpy(seen->writer[i], writer.p, writer.n);
        seen->writers++;
    }
    return &seen->times[i * DATA_SEQ_MAX + seq];
}

static int on_record(void *arg, struct str line)
{
    struct data_seen *seen = arg;
    struct str writer;
    uint64_t seq;

    seen->records++;
    if (!is_ours(line, &writer, &seq)) {
        seen->altered = true;
        return 0;
    }
    if (seen->records == 1)
        seen->first_seq = seq;
    seen->last_seq = seq;
    if ((*count_of(seen, writer, seq))++ > 0)
        seen->doubled = true;
    return 0;
}

static int on_damage(void *arg, const struct scan_damage *damage)
{
    struct data_seen *seen = arg;
    struct scan_damage *copy = &seen->damage[seen->damages];

    if (seen->damages == DATA_PLACES)
        return 0;
    *copy = *damage;
    copy->path = strdup(damage->path);
    copy->sentence = strdup(damage->sentence);
    seen->damages++;
    return 0;
}

static int on_gap(void *arg, const struct scan_gap *gap)
{
    struct data_seen *seen = arg;

    if (seen->gaps < DATA_PLACES)
        seen->gap[seen->gaps++] = *gap;
    return 0;
}

struct scan_options data_options(struct data_seen *seen)
{
    memset(seen, 0, sizeof *seen);
    seen->times = calloc(DATA_WRITERS * DATA_SEQ_MAX, 1);
    need(seen->times != NULL, "out of memory");
    return (struct scan_options){ .data_dir = data_dir,
                                  .since_ms = INT64_MIN,
                                  .until_ms = INT64_MAX,
                                  .record = on_record,
                                  .damage = on_damage,
                                  .gap = on_gap,
                                  .arg = seen };
}

void data_read(struct data_seen *seen)
{
    struct scan_options options = data_options(seen);

    seen->result = scan_run(&options, &seen->totals, NULL);
}

void data_read_file(struct data_seen *seen, const char *path)
{
    struct scan_options options = data_options(seen);

    seen->result = scan_file(path, &options, &seen->totals, NULL);
}

void data_seen_free(struct data_seen *seen)
{
    for (unsigned i = 0; i < seen->damages; i++) {
        free((char *)(uintptr_t)seen->damage[i].path);
        free((char *)(uintptr_t)seen->damage[i].sentence);
    }
    free(seen->times);
    memset(seen, 0, sizeof *seen);
}
