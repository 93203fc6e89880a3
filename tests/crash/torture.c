/*
 * torture.c - kill -9 under load, again and again: promise 1 with an outside ledger.
 *
 *      torture --cycles 1000 --seed 7 [--power] [--crumbd PATH] [--crumb PATH]
 *
 * A cycle starts crumbd on what the last one left, sends numbered hits, kills it at a random moment
 * (sometimes while it is still starting) and holds what `crumb cat` finds in the dead folder
 * against the ledger. Every ROUND cycles the server is started once more, stopped cleanly, and then
 * nothing may be left in the spool, `crumb verify` must find no damage and no gap, /metrics must
 * agree with the ledger, opt-outs and refusals included, and a new folder is begun. Segments roll after some 100 ms, so kills hit
 * sealing and recovery as well.
 *
 * The seed is printed; the same seed kills at the same moments (as far as the machine is as fast).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/ledger.h"
#include "crash/load.h"
#include "crash/server.h"

#define ROUND             20
#define START_MAX_MS      60000
#define STOP_MAX_MS       60000
#define CLEAN_HITS        2000
#define ROLL_MS           100
#define ROLL_BYTES        (256 << 10)
#define KILL_MAX_US       150000
#define EARLY_MAX_US      8000
#define OPTED_OUT_PERCENT 5
#define UNKNOWN_PERCENT   3
#define EARLY_PERCENT     10

struct torture {
    struct server server;
    struct ledger ledger;
    unsigned cycles;
    unsigned seed;
    bool power;
    uint64_t total_acked, total_unanswered, total_refused, kills_at_start, torn_reads;
};

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void fail(const struct torture *t, unsigned cycle, const char *what)
{
    printf("torture: FAILED in cycle %u (seed %u): %s; the folder is kept: %s\n", cycle, t->seed,
           what, t->server.dir);
    exit(1);
}

/* What is stored now, against what the world outside knows. */
static void judge(struct torture *t, unsigned cycle, bool clean)
{
    struct ledger_verdict v;
    int code;

    ledger_forget_found(&t->ledger);
    code = server_read_back(&t->server, &t->ledger);
    if (code != 0 && (clean || code != 3))
        fail(t, cycle, clean ? "crumb cat is not content after a clean stop" : "crumb cat failed");
    t->torn_reads += code == 3;
    v = ledger_judge(&t->ledger);
    if (ledger_wrongs(&v) > 0) {
        ledger_print(&v, "torture");
        fail(t, cycle, "the store and the ledger disagree");
    }
    if (clean) {
        t->total_acked += v.acked;
        t->total_refused += v.refused;
        t->total_unanswered += v.unanswered;
    }
}

struct kill_plan {
    struct server *server;
    int64_t at_us;
};

static bool until_killed(void *arg)
{
    struct kill_plan *plan = arg;

    if (now_us() < plan->at_us)
        return true;
    server_kill(plan->server);
    return false;
}

static void kill_cycle(struct torture *t, unsigned cycle)
{
    struct kill_plan plan = { &t->server, 0 };
    struct load_options load = { .connections = 1 + (unsigned)(lrand48() % 64),
                                 .depth = 1 + (unsigned)(lrand48() % 8),
                                 .max_hits = UINT64_MAX,
                                 .max_us = INT64_MAX / 2,
                                 .opted_out_percent = OPTED_OUT_PERCENT,
                                 .unknown_site_percent = UNKNOWN_PERCENT };

    server_spawn(&t->server);
    if (lrand48() % 100 < EARLY_PERCENT) {
        plan.at_us = now_us() + lrand48() % EARLY_MAX_US;
        while (until_killed(&plan))
            ;
        t->kills_at_start++;
        return;
    }
    if (!server_wait(&t->server, START_MAX_MS))
        fail(t, cycle, "crumbd did not start");
    load.port = t->server.port;
    plan.at_us = now_us() + lrand48() % KILL_MAX_US;
    load_run(&t->ledger, &load, until_killed, &plan);
    if (t->server.pid != 0)
        fail(t, cycle, "crumbd stopped answering before it was killed");
}

static void clean_cycle(struct torture *t, unsigned cycle)
{
    struct load_options load = { .connections = 8,
                                 .depth = 4,
                                 .max_hits = CLEAN_HITS,
                                 .max_us = INT64_MAX / 2,
                                 .opted_out_percent = OPTED_OUT_PERCENT,
                                 .unknown_site_percent = UNKNOWN_PERCENT };
    struct ledger_verdict before = ledger_judge(&t->ledger), now;
    int status;

    server_spawn(&t->server);
    if (!server_wait(&t->server, START_MAX_MS))
        fail(t, cycle, "crumbd did not start");
    load.port = t->server.port;
    load_run(&t->ledger, &load, NULL, NULL);
    now = ledger_judge(&t->ledger);
    if (!server_metrics_agree(&t->server, &before, &now))
        fail(t, cycle, "/metrics does not agree with what was sent and answered");
    status = server_stop(&t->server, STOP_MAX_MS);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(t, cycle, "a clean stop did not end with 0");
    if (server_files_in_spool(&t->server) != 0)
        fail(t, cycle, "a clean stop left segments in the spool");
    if (server_verify(&t->server) != 0)
        fail(t, cycle, "crumb verify found damage or gaps");
    judge(t, cycle, true);
    server_wipe_data(&t->server);
    ledger_reset(&t->ledger);
}

static void usage(void)
{
    fputs("usage: torture [--cycles N] [--seed N] [--power] [--crumbd PATH] [--crumb PATH]\n",
          stderr);
    exit(2);
}

static void read_options(struct torture *t, int argc, char **argv)
{
    static const struct option options[] = {
        { "cycles", required_argument, NULL, 'n' }, { "seed", required_argument, NULL, 's' },
        { "power", no_argument, NULL, 'p' },        { "crumbd", required_argument, NULL, 'd' },
        { "crumb", required_argument, NULL, 'c' },  { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'n':
            t->cycles = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            t->seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            t->power = true;
            break;
        case 'd':
            t->server.crumbd = optarg;
            break;
        case 'c':
            t->server.crumb = optarg;
            break;
        default:
            usage();
        }
    }
    if (optind != argc)
        usage();
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/crumb-torture-XXXXXX";
    struct torture t = { .server = { .crumbd = "build/crumbd", .crumb = "build/crumb" },
                         .cycles = 1000,
                         .seed = (unsigned)time(NULL) };
    struct server_config config = { .workers = 2,
                                    .roll_interval_ms = ROLL_MS,
                                    .roll_size_bytes = ROLL_BYTES };

    read_options(&t, argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand48(t.seed);
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        return 2;
    }
    t.server.dir = dir;
    config.power = t.power;
    server_write_config(&t.server, &config);
    printf("torture: %u cycles, seed %u, durability %s\n", t.cycles, t.seed,
           t.power ? "power" : "process");
    for (unsigned cycle = 1; cycle <= t.cycles; cycle++) {
        kill_cycle(&t, cycle);
        judge(&t, cycle, false);
        if (cycle % ROUND == 0 || cycle == t.cycles)
            clean_cycle(&t, cycle);
    }
    printf("torture: %u kills (%llu while starting), %llu hits acknowledged, %llu unanswered, %llu "
           "refused; %llu reads met "
           "a torn tail: 0 lost, 0 doubled, 0 unreadable, 0 gaps\n",
           t.cycles, (unsigned long long)t.kills_at_start, (unsigned long long)t.total_acked,
           (unsigned long long)t.total_unanswered, (unsigned long long)t.total_refused,
           (unsigned long long)t.torn_reads);
    server_wipe(&t.server);
    ledger_free(&t.ledger);
    return 0;
}
