/*
 * stress_store.c - the store under threads: two workers write while rolls, seals, recycling, scans
 * and a follower go on.
 *
 * A plain program, because ThreadSanitizer does not run under the unit test framework. Checks that
 * every kept record is read exactly once by the follower and by a scan after the stop, and that no
 * scan on the way sees one twice, damage or a gap. Prints one line; exit code 0 if all held. Usage:
 * stress_store [seconds] [power]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/date.h"
#include "store/scan.h"
#include "store/spool.h"
#include "store/store.h"

#define WORKERS    2
#define LINE_ROOM  2048
#define SEQ_MAX    4000000
#define TURN_LINES 40

static struct store *store;
static atomic_bool stop, writers_done;
static atomic_int failures;
static int64_t end_ms;

static void fail(const char *what, uint64_t a, uint64_t b)
{
    atomic_fetch_add(&failures, 1);
    fprintf(stderr, "stress_store: %s (%llu, %llu)\n", what, (unsigned long long)a,
            (unsigned long long)b);
}

/* ---- writing ---- */

struct worker {
    unsigned number;
    pthread_mutex_t mutex; /* stands in for the event loop's wake-up */
    pthread_cond_t woken;
    bool news;
    uint64_t kept, refused;
};

static struct worker workers[WORKERS];

static void wake(void *arg, unsigned worker)
{
    struct worker *w = &workers[worker];

    (void)arg;
    pthread_mutex_lock(&w->mutex);
    w->news = true;
    pthread_cond_signal(&w->woken);
    pthread_mutex_unlock(&w->mutex);
}

static void say(void *arg, bool is_error, const char *sentence)
{
    (void)arg;
    if (is_error)
        fail(sentence, 0, 0);
}

static size_t make_line(char *p, const struct worker *w, int64_t ms, uint64_t seq)
{
    struct buf b = buf_over(p, LINE_ROOM);

    buf_add_lit(&b, "{\"v\":1,\"ts\":\"");
    date_add_rfc3339(&b, ms);
    buf_add_lit(&b, "\",\"id\":\"");
    buf_add_str(&b, store_instance(store));
    buf_addf(&b, "-%u-%llu\",\"url\":\"", w->number, (unsigned long long)seq);
    for (uint64_t i = 0; i < seq % 37; i++)
        buf_addf(&b, "/%llx", (unsigned long long)((seq + i) * 0x9E3779B97F4A7C15u >> 40));
    buf_add_lit(&b, "\"}\n");
    return b.n;
}

/* One turn with a few lines; returns the last batch, or 0. */
static uint64_t turn(struct worker *w, struct spool *spool)
{
    int64_t now_ms = clock_wall_ms();
    uint64_t seq, batch = 0;

    spool_begin_turn(spool, now_ms);
    for (int i = 0; i < TURN_LINES; i++) {
        char *p = spool_reserve(spool, LINE_ROOM, &seq, NULL);

        if (p == NULL || seq >= SEQ_MAX) {
            w->refused++;
            continue;
        }
        batch = spool_accept(spool, make_line(p, w, now_ms, seq));
    }
    spool_commit(spool, NULL);
    return batch;
}

static void wait_for_wake(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->news)
        pthread_cond_wait(&w->woken, &w->mutex);
    w->news = false;
    pthread_mutex_unlock(&w->mutex);
}

static void *write_hits(void *arg)
{
    struct worker *w = arg;
    struct spool *spool = store_spool(store, w->number);

    while (!atomic_load(&stop)) {
        uint64_t batch = turn(w, spool);

        while (batch > spool_decided(spool)) {
            wait_for_wake(w);
            spool_poll(spool, NULL);
        }
        if (batch != 0 && spool_state(spool, batch) != SPOOL_KEPT)
            fail("a batch was not kept", batch, (uint64_t)spool_state(spool, batch));
        usleep(200);
    }
    spool_close(spool);
    w->kept = spool_kept(spool);
    return NULL;
}

/* ---- reading ---- */

struct seen {
    unsigned char *seq[WORKERS];
    uint64_t records;
    const char *who;
};

static void seen_new(struct seen *seen, const char *who)
{
    memset(seen, 0, sizeof *seen);
    seen->who = who;
    for (int i = 0; i < WORKERS; i++)
        seen->seq[i] = calloc(SEQ_MAX, 1);
}

static void seen_free(struct seen *seen)
{
    for (int i = 0; i < WORKERS; i++)
        free(seen->seq[i]);
}

static int on_record(void *arg, struct str line)
{
    struct seen *seen = arg;
    unsigned worker;
    unsigned long long seq;
    char id[96];
    size_t at = 13 + DATE_RFC3339_BYTES + 8 + STORE_INSTANCE_BYTES;

    if (line.n < at + 40) {
        snprintf(id, sizeof id, "%.*s", (int)(line.n - at), line.p + at);
    } else {
        snprintf(id, sizeof id, "%.40s", line.p + at);
    }
    if (sscanf(id, "-%u-%llu", &worker, &seq) != 2 || worker >= WORKERS || seq >= SEQ_MAX) {
        fail("an unknown line", line.n, 0);
        return 0;
    }
    if (seen->seq[worker][seq]++) {
        fail(seen->who, worker, seq);
    }
    seen->records++;
    return 0;
}

static int on_damage(void *arg, const struct scan_damage *damage)
{
    (void)arg;
    fprintf(stderr, "%s: %s\n", damage->path, damage->sentence);
    fail("damage was seen", damage->offset, damage->lost_bytes);
    return 0;
}

static int on_gap(void *arg, const struct scan_gap *gap)
{
    (void)arg;
    fail("a gap was seen", gap->first_seq, gap->last_seq);
    return 0;
}

static char dir[] = "/tmp/stress_store.XXXXXX";

static struct scan_options options_for(struct seen *seen)
{
    return (struct scan_options){ .data_dir = dir,
                                  .since_ms = INT64_MIN,
                                  .until_ms = INT64_MAX,
                                  .record = on_record,
                                  .damage = on_damage,
                                  .gap = on_gap,
                                  .arg = seen };
}

static void scan_once(struct seen *seen)
{
    struct scan_options options = options_for(seen);
    struct scan_totals totals;
    struct err e;

    if (scan_run(&options, &totals, &e) != 0)
        fail(e.text, 0, 0);
}

static void *scan_hits(void *arg)
{
    uint64_t *scans = arg;
    struct seen seen;

    while (!atomic_load(&writers_done)) {
        seen_new(&seen, "a scan saw a record twice");
        scan_once(&seen);
        seen_free(&seen);
        (*scans)++;
    }
    return NULL;
}

static void *follow_hits(void *arg)
{
    struct seen *seen = arg;
    struct scan_options options = options_for(seen);
    struct err e;
    struct scan_follow *follow = scan_follow_new(&options, true, &e);
    bool last = false;

    while (follow != NULL) {
        bool done = atomic_load(&writers_done);

        if (scan_follow_poll(follow, &e) != 0) {
            fail(e.text, 0, 0);
            break;
        }
        if (last)
            break;
        last = done;
        usleep(2000);
    }
    scan_follow_free(follow);
    return NULL;
}

static void check_all(const struct seen *seen, const char *what)
{
    uint64_t kept = 0;

    for (int i = 0; i < WORKERS; i++) {
        kept += workers[i].kept;
        for (uint64_t seq = 1; seq <= workers[i].kept; seq++) {
            if (!seen->seq[i][seq]) {
                fail(what, (uint64_t)i, seq);
                break;
            }
        }
    }
    if (seen->records != kept)
        fail("more or fewer records than were kept", seen->records, kept);
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 3;
    bool power = argc > 2 && strcmp(argv[2], "power") == 0;
    struct store_options options = { .data_dir = dir,
                                     .power = power,
                                     .roll_interval_ms = 70,
                                     .roll_size_bytes = 512 << 10,
                                     .workers = WORKERS,
                                     .wake = wake,
                                     .say = say };
    pthread_t writer[WORKERS], scanner, follower;
    struct seen followed, scanned;
    struct store_counters counters;
    uint64_t scans = 0;
    struct err e;
    char command[128];

    if (mkdtemp(dir) == NULL)
        return 1;
    store = store_open(&options, &e);
    if (store == NULL) {
        fprintf(stderr, "stress_store: %s\n", e.text);
        return 1;
    }
    end_ms = clock_mono_ms() + seconds * 1000;
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].number = i;
        pthread_mutex_init(&workers[i].mutex, NULL);
        pthread_cond_init(&workers[i].woken, NULL);
        pthread_create(&writer[i], NULL, write_hits, &workers[i]);
    }
    seen_new(&followed, "the follower saw a record twice");
    pthread_create(&scanner, NULL, scan_hits, &scans);
    pthread_create(&follower, NULL, follow_hits, &followed);
    while (clock_mono_ms() < end_ms && atomic_load(&failures) == 0)
        usleep(20000);
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(writer[i], NULL);
    store_counters(store, &counters);
    if (store_close(store, &e) != 0)
        fail(e.text, 0, 0);
    atomic_store(&writers_done, true);
    pthread_join(scanner, NULL);
    pthread_join(follower, NULL);
    seen_new(&scanned, "the last scan saw a record twice");
    scan_once(&scanned);
    check_all(&scanned, "a kept record is not in the data");
    check_all(&followed, "a kept record was not followed");
    printf("stress_store: %s, %llu records, %llu segments, %llu scans, %d failures\n",
           power ? "power" : "process", (unsigned long long)scanned.records,
           (unsigned long long)counters.segments_opened, (unsigned long long)scans,
           atomic_load(&failures));
    seen_free(&followed);
    seen_free(&scanned);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return atomic_load(&failures) != 0 || system(command) != 0;
}
