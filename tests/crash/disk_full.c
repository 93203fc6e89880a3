/*
 * disk_full.c - a disk that is really full: a tmpfs of 8 MiB, 20,000 hits a second, filled and freed
 * again and again.
 *
 *      disk_full [--cycles 20] [--seed N] [--power] [--crumbd PATH] [--crumb PATH]
 *
 * A cycle sends hits until the disk takes no more and goes on sending; takes the sealed files away
 * (they are read first: an operator who ships them), and waits until every hit is taken again. While the disk is
 * full: beacons are 503 with Retry-After, an opt-out is answered and honoured, nothing else is
 * disturbed. At the end everything that was acknowledged was there once, refused hits never, and
 * sent = acked + refused, which /metrics says too.
 *
 * Needs the right to mount; without it, it says so and ends with 77.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/ledger.h"
#include "crash/load.h"
#include "crash/server.h"

#define DISK         "size=8m,mode=0700"
#define HITS_PER_S   20000
#define FILL_MAX_US  8000000
#define FULL_US      400000 /* load goes on so long on the full disk */
#define BACK_MAX_MS  1000
#define START_MAX_MS 60000
#define STOP_MAX_MS  60000
#define SKIPPED      77
#define PROBE_HITS   200

struct run {
    struct server server;
    struct ledger ledger;
    unsigned cycles, seed;
    bool power;
    unsigned retry_after_missing;
    uint64_t refused_before;
    int64_t full_since_us;
    int64_t back_max_ms; /* the slowest return */
    int64_t back_limit_ms;
};

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void data_path(const struct run *r, char *path, size_t n, const char *name)
{
    snprintf(path, n, "%s/data%s", r->server.dir, name);
}

static void unmount(const struct run *r)
{
    char path[1024];

    data_path(r, path, sizeof path, "");
    umount2(path, MNT_DETACH);
}

static void fail(struct run *r, unsigned cycle, const char *what)
{
    struct ledger_verdict v = ledger_judge(&r->ledger);

    ledger_print(&v, "disk_full");
    printf("disk_full: FAILED in cycle %u (seed %u): %s\n", cycle, r->seed, what);
    server_print_log(&r->server);
    server_kill(&r->server);
    unmount(r);
    exit(1);
}

/* False without the right to. */
static bool mount_small_disk(const struct run *r)
{
    char path[1024];

    data_path(r, path, sizeof path, "");
    if (mkdir(path, 0700) != 0 || mount("crumb-test", path, "tmpfs", 0, DISK) != 0) {
        printf("disk_full: skipped, cannot mount a small disk on %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}

static struct load_options load_for(const struct run *r)
{
    return (struct load_options){ .port = r->server.port,
                                  .connections = 32,
                                  .depth = 8,
                                  .max_hits = UINT64_MAX,
                                  .max_us = FILL_MAX_US,
                                  .hits_per_s = HITS_PER_S,
                                  .opted_out_percent = 5,
                                  .padding_bytes = 480 };
}

/* Some time after the first refusal. */
static bool was_full_for_a_while(void *arg)
{
    struct run *r = arg;
    int64_t now = now_us();

    if (r->full_since_us == 0 && ledger_judge(&r->ledger).refused > r->refused_before)
        r->full_since_us = now;
    return r->full_since_us != 0 && now - r->full_since_us >= FULL_US;
}

static void fill(struct run *r, unsigned cycle)
{
    struct load_options load = load_for(r);

    load.retry_after_missing = &r->retry_after_missing;
    load.enough = was_full_for_a_while;
    load.enough_arg = r;
    r->refused_before = ledger_judge(&r->ledger).refused;
    r->full_since_us = 0;
    load_run(&r->ledger, &load, NULL, NULL);
    if (r->full_since_us == 0)
        fail(r, cycle, "the disk did not get full");
    if (r->retry_after_missing > 0)
        fail(r, cycle, "a 503 had no Retry-After");
}

/* On the full disk: everything from here is of visitors who opted out, and all are answered. */
static void opt_outs_must_work(struct run *r, unsigned cycle)
{
    struct load_options load = load_for(r);
    struct ledger_verdict before = ledger_judge(&r->ledger), after;
    char command[512];

    load.max_hits = PROBE_HITS;
    load.opted_out_percent = 100;
    load_run(&r->ledger, &load, NULL, NULL);
    after = ledger_judge(&r->ledger);
    if (after.opted_out - before.opted_out != PROBE_HITS)
        fail(r, cycle, "opted-out visitors are not answered on a full disk");
    snprintf(command, sizeof command,
             "curl -sf -o /dev/null -X POST -H 'Origin: http://127.0.0.1:%u' "
             "http://127.0.0.1:%u/optout",
             r->server.port, r->server.port);
    if (system(command) != 0)
        fail(r, cycle, "POST /optout does not work on a full disk");
}

/* What an operator does: takes sealed files elsewhere. They are counted on the way. */
static void ship(struct run *r, unsigned cycle)
{
    char command[4096];
    char *line = NULL;
    size_t room = 0;
    FILE *pipe;

    snprintf(command, sizeof command,
             "find %s/data/hits -name '*.ndjson.gz' | while read -r f; do "
             "gzip -dc \"$f\" && rm -f \"$f\" \"${f%%.ndjson.gz}.idx\"; done",
             r->server.dir);
    pipe = popen(command, "r");
    if (pipe == NULL)
        fail(r, cycle, "cannot read the sealed files");
    while (getline(&line, &room, pipe) > 0)
        server_count_line(&r->ledger, line);
    free(line);
    if (pclose(pipe) != 0)
        fail(r, cycle, "a sealed file is not a good gzip file");
}

/* Space is there again: how long until every hit is taken? */
static void must_come_back(struct run *r, unsigned cycle, int64_t since_us)
{
    struct load_options load = load_for(r);
    struct ledger_verdict before, after;
    int64_t took_ms;

    load.max_hits = PROBE_HITS;
    do {
        before = ledger_judge(&r->ledger);
        load_run(&r->ledger, &load, NULL, NULL);
        after = ledger_judge(&r->ledger);
        took_ms = (now_us() - since_us) / 1000;
        if (took_ms > r->back_limit_ms)
            fail(r, cycle, "not back to normal in time after space returned");
    } while (after.refused > before.refused);
    r->back_max_ms = took_ms > r->back_max_ms ? took_ms : r->back_max_ms;
}

/* Something else on the same disk is removed: that gives space at once, whatever the sealer does. */
static void ballast(const struct run *r, bool there)
{
    char path[1024];
    FILE *file;
    static const char zeros[1 << 20];

    data_path(r, path, sizeof path, "/ballast");
    if (!there) {
        unlink(path);
        return;
    }
    file = fopen(path, "w");
    if (file == NULL || fwrite(zeros, sizeof zeros, 1, file) != 1 || fclose(file) != 0)
        perror(path);
}

static void run_cycles(struct run *r)
{
    struct ledger_verdict nothing, v;

    memset(&nothing, 0, sizeof nothing);
    server_spawn(&r->server);
    if (!server_wait(&r->server, START_MAX_MS))
        fail(r, 0, "crumbd did not start");
    for (unsigned cycle = 1; cycle <= r->cycles; cycle++) {
        ballast(r, true);
        fill(r, cycle);
        opt_outs_must_work(r, cycle);
        if (cycle % 2 == 0) { /* space comes at once */
            ballast(r, false);
            must_come_back(r, cycle, now_us());
        }
        ship(r, cycle);
        ballast(r, false);
        must_come_back(r, cycle, now_us());
    }
    v = ledger_judge(&r->ledger);
    if (!server_metrics_agree(&r->server, &nothing, &v))
        fail(r, r->cycles, "/metrics does not agree with the ledger");
    if (server_metric(&r->server, "crumb_store_reserve_errors_total") <= 0)
        fail(r, r->cycles, "no metric tells of the full disk");
    if (server_stop(&r->server, STOP_MAX_MS) != 0)
        fail(r, r->cycles, "a clean stop did not end with 0");
    ship(r, r->cycles);
    if (server_files_in_spool(&r->server) != 0)
        fail(r, r->cycles, "segments are left in the spool");
    v = ledger_judge(&r->ledger);
    if (ledger_wrongs(&v) > 0 || v.sent != v.acked + v.refused + v.unanswered || v.unanswered > 0)
        fail(r, r->cycles, "the store and the ledger disagree");
    ledger_print(&v, "disk_full");
    printf("disk_full: %u times full and back, the slowest return took %lld ms\n", r->cycles,
           (long long)r->back_max_ms);
}

static void usage(void)
{
    fputs("usage: disk_full [--cycles N] [--seed N] [--power] [--crumbd PATH] [--crumb PATH] "
          "[--back-ms N]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "cycles", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "power", no_argument, NULL, 'p' },
        { "crumbd", required_argument, NULL, 'd' },
        { "crumb", required_argument, NULL, 'c' },
        { "back-ms", required_argument, NULL, 'b' },
        { NULL, 0, NULL, 0 },
    };
    char dir[] = "/tmp/crumb-full-XXXXXX";
    struct run r = { .server = { .crumbd = "build/crumbd", .crumb = "build/crumb" },
                     .cycles = 20,
                     .back_limit_ms = BACK_MAX_MS,
                     .seed = (unsigned)time(NULL) };
    struct server_config config = { .workers = 2,
                                    .roll_interval_ms = 500,
                                    .roll_size_bytes = 1 << 20 };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'n':
            r.cycles = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            r.seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            r.power = true;
            break;
        case 'd':
            r.server.crumbd = optarg;
            break;
        case 'c':
            r.server.crumb = optarg;
            break;
        case 'b':
            r.back_limit_ms = (int64_t)strtoul(optarg, NULL, 10);
            break;
        default:
            usage();
        }
    }
    if (optind != argc)
        usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        return 2;
    }
    r.server.dir = dir;
    config.power = r.power;
    if (!mount_small_disk(&r))
        return SKIPPED;
    server_write_config(&r.server, &config);
    run_cycles(&r);
    unmount(&r);
    server_wipe(&r.server);
    ledger_free(&r.ledger);
    return 0;
}
