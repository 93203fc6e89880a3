/*
 * nth_call.c - kills crumbd at, or fails, the Nth file call of each kind, through a whole life of a
 * server with rolls, sealing and recovery.
 *
 *      nth_call [--kill] [--fail] [--every K] [--seed N] [--crumbd PATH] [--crumb PATH] [--shim PATH]
 *
 * --kill: for open, write, sync, rename, unlink, reserve, truncate and mkdir, N = 1, 2, 3 ... until
 * a life of the server has fewer such calls: SIGKILL before the Nth, after it, and for writes with
 * half of the bytes out. The next server is killed during its recovery at the M-th call of the same
 * kind, M moving on with N. Then one recovers in peace.
 *
 * --fail: the same calls fail while the server serves, once (each N) and from the Nth on for ever,
 * with each errno that fits, or write too little. The server must live, answer every hit, move the
 * metric that tells of it, and when the fault is taken away serve again by itself. Every second one
 * is then killed, not stopped.
 *
 * After every death and at the end the ledger decides. --every K takes each K-th N, starting at a
 * place that the seed gives.
 */
#include <errno.h>
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
#include "crash/shim.h"

#define HITS         400
#define ROLL_BYTES   (64 << 10)
#define START_MAX_MS 60000
#define STOP_MAX_MS  60000
#define ANSWER_MAX_S 10
#define FIRST_MAX    6
#define SAMPLE_FROM  20   /* --every so many: of the errors, too, only a third */
#define BACK_MAX_MS  1000 /* serving again after a fault has ended */
#define TOLD_MAX_MS  30000

struct run {
    struct server server;
    struct shim *shim;
    struct ledger ledger;
    struct server_config config;
    unsigned every, seed;
    int64_t back_max_ms;
    char what[160]; /* the experiment, for messages */
    uint64_t lives, deaths, recoveries_killed, faults, refusals, startups_refused;
};

static void fail(const struct run *r, const char *why)
{
    printf("nth_call: FAILED: %s: %s; the folder is kept: %s\n", r->what, why, r->server.dir);
    server_print_log(&r->server);
    exit(1);
}

/* What is stored now, against what the world outside knows. */
static void judge(struct run *r, bool clean)
{
    struct ledger_verdict v;
    int code;

    ledger_forget_found(&r->ledger);
    code = server_read_back(&r->server, &r->ledger);
    v = ledger_judge(&r->ledger);
    if (ledger_wrongs(&v) > 0 || (code != 0 && (clean || code != 3))) {
        ledger_print(&v, "nth_call");
        fail(r, code != 0 ? "crumb cat is not content" : "the store and the ledger disagree");
    }
}

static struct load_options load_for(const struct run *r)
{
    return (struct load_options){ .port = r->server.port,
                                  .connections = 4,
                                  .depth = 8,
                                  .max_hits = HITS,
                                  .max_us = (int64_t)ANSWER_MAX_S * 1000000,
                                  .opted_out_percent = 4,
                                  .unknown_site_percent = 4,
                                  .padding_bytes = 256 };
}

static void fresh(struct run *r)
{
    server_wipe_data(&r->server);
    ledger_reset(&r->ledger);
    shim_clear(r->shim);
    r->lives++;
}

/* A server that nothing disturbs: starts, seals everything, stops, and all is well. */
static void live_in_peace(struct run *r, bool with_load)
{
    struct load_options load;
    int status;

    shim_clear(r->shim);
    server_spawn(&r->server);
    if (!server_wait(&r->server, START_MAX_MS))
        fail(r, "crumbd did not start afterwards");
    load = load_for(r);
    if (with_load)
        load_run(&r->ledger, &load, NULL, NULL);
    status = server_stop(&r->server, STOP_MAX_MS);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(r, "a clean stop afterwards did not end with 0");
    if (server_files_in_spool(&r->server) != 0)
        fail(r, "a clean stop left segments in the spool");
    if (server_verify(&r->server) != 0)
        fail(r, "crumb verify found damage or gaps");
    judge(r, true);
}

/* ---- killing ---- */

static bool is_dead(struct run *r)
{
    return !server_running(&r->server);
}

static bool while_it_lives(void *arg)
{
    return !is_dead(arg);
}

/* Starts, takes hits, is asked to stop. True if it was killed on the way. */
static bool live_until_killed(struct run *r)
{
    struct load_options load;
    int status;

    server_spawn(&r->server);
    if (server_wait(&r->server, START_MAX_MS)) {
        load = load_for(r);
        load_run(&r->ledger, &load, while_it_lives, r);
    }
    if (is_dead(r))
        return true;
    status = server_stop(&r->server, STOP_MAX_MS);
    if (status == -1)
        fail(r, "crumbd hangs");
    return WIFSIGNALED(status);
}

static bool kill_at(struct run *r, enum shim_call call, enum shim_action action, uint32_t n)
{
    uint32_t m = 1 + (n * 5 + r->seed) % 23;

    fresh(r);
    shim_set(r->shim, call, action, n, 1, 0);
    if (!live_until_killed(r))
        return false;
    r->deaths++;
    judge(r, false);
    shim_set(r->shim, call, action, m, 1, 0);
    if (live_until_killed(r))
        r->recoveries_killed++;
    judge(r, false);
    live_in_peace(r, false);
    return true;
}

/* Where to begin, when not every N is tried: early, because of some kinds there are few calls. */
static uint32_t first_n(const struct run *r, unsigned salt)
{
    return 1 + (r->seed + salt) % (r->every < FIRST_MAX ? r->every : FIRST_MAX);
}

static void kill_everywhere(struct run *r)
{
    static const enum shim_action actions[] = { SHIM_KILL_BEFORE, SHIM_KILL_AFTER, SHIM_KILL_HALF };

    for (int call = 0; call < SHIM_CALLS; call++) {
        for (size_t a = 0; a < sizeof actions / sizeof actions[0]; a++) {
            if (actions[a] == SHIM_KILL_HALF && call != SHIM_WRITE)
                continue;
            for (uint32_t n = first_n(r, (unsigned)call);; n += r->every) {
                snprintf(r->what, sizeof r->what, "%s the %u. %s (%s)",
                         shim_action_names[actions[a]], n, shim_call_names[call],
                         r->config.power ? "power" : "process");
                if (!kill_at(r, (enum shim_call)call, actions[a], n))
                    break;
            }
        }
    }
}

/* ---- failing ---- */

static const int errors[] = { ENOSPC, EIO, EINTR, EAGAIN, EMFILE, EDQUOT, EFBIG };

/* The sum of the counters that tell of a disk that does not do what it should. */
static double troubles(const struct run *r)
{
    static const char *const series[] = { "crumb_store_write_errors_total",
                                          "crumb_store_sync_errors_total",
                                          "crumb_store_reserve_errors_total",
                                          "crumb_store_seal_errors_total" };
    double sum = 0;

    for (size_t i = 0; i < sizeof series / sizeof series[0]; i++) {
        double value = server_metric(&r->server, series[i]);

        if (value < 0)
            fail(r, "/metrics does not answer");
        sum += value;
    }
    return sum;
}

/* Which faults must be seen in the metrics. Cutting unused room off a segment and tidying spares up
 * are done as far as it goes; a disk that is full, or a file that may not grow so far, for once takes
 * a smaller piece. */
static bool must_be_told(const struct run *r, enum shim_call call, uint32_t times)
{
    bool interrupted =
        r->shim->error == EINTR && call != SHIM_RENAME && call != SHIM_UNLINK && call != SHIM_MKDIR;

    bool full = r->shim->error == ENOSPC || r->shim->error == EDQUOT || r->shim->error == EFBIG;

    if (atomic_load(&r->shim->action) != SHIM_FAIL || (interrupted && times != 0) ||
        (call == SHIM_RESERVE && full && times != 0))
        return false;
    return call == SHIM_WRITE || call == SHIM_SYNC || call == SHIM_RESERVE || call == SHIM_MKDIR ||
           (times == 0 && call == SHIM_OPEN);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The fault is over: hits must be stored again, soon and without anybody's help. */
static void must_come_back(struct run *r)
{
    int64_t until = now_ms() + r->back_max_ms;
    struct load_options load = load_for(r);
    struct ledger_verdict before, after;

    load.max_hits = 20;
    load.opted_out_percent = load.unknown_site_percent = 0;
    do {
        before = ledger_judge(&r->ledger);
        load_run(&r->ledger, &load, NULL, NULL);
        after = ledger_judge(&r->ledger);
        if (after.acked - before.acked == load.max_hits)
            return;
    } while (now_ms() < until);
    fail(r, "the fault is over, and hits are still refused");
}

static bool fail_at(struct run *r, enum shim_call call, enum shim_action action, uint32_t n,
                    uint32_t times, int error)
{
    struct load_options load;
    struct ledger_verdict before, v;
    bool told, happened;

    fresh(r);
    server_spawn(&r->server);
    if (!server_wait(&r->server, START_MAX_MS))
        fail(r, "crumbd did not start");
    shim_set(r->shim, call, action, n, times, error);
    before = ledger_judge(&r->ledger);
    load = load_for(r);
    load_run(&r->ledger, &load, NULL, NULL);
    v = ledger_judge(&r->ledger);
    if (is_dead(r))
        fail(r, "crumbd died");
    happened = atomic_load(&r->shim->faults) > 0;
    told = troubles(r) > 0;
    if (happened && must_be_told(r, call, times)) {
        /* The sealer counts when it is back from the call that has just failed. */
        for (int64_t until = now_ms() + TOLD_MAX_MS; !told && now_ms() < until;)
            told = troubles(r) > 0;
        if (!told)
            fail(r, "no metric moved");
    }
    r->faults += atomic_load(&r->shim->faults);
    r->refusals += v.refused;
    shim_set(r->shim, call, SHIM_PASS, 0, 0, 0);
    if (v.unanswered == 0 && !server_metrics_agree(&r->server, &before, &v))
        fail(r, "/metrics does not agree with the ledger");
    must_come_back(r);
    if (r->lives % 2 == 0) { /* what the fault left must survive a kill, too */
        server_kill(&r->server);
        judge(r, false);
        live_in_peace(r, false);
        return happened;
    }
    if (server_stop(&r->server, STOP_MAX_MS) != 0)
        fail(r, "a clean stop did not end with 0");
    if (server_verify(&r->server) != 0)
        fail(r, "crumb verify found damage or gaps");
    judge(r, true);
    return happened;
}

static void fail_with(struct run *r, enum shim_call call, enum shim_action action, int error)
{
    for (uint32_t times = 0; times < 2; times++) {
        uint32_t n = first_n(r, (unsigned)call + (unsigned)error);

        do {
            snprintf(r->what, sizeof r->what, "%s the %u. %s %s with %s (%s)",
                     shim_action_names[action], n, shim_call_names[call],
                     times == 0 ? "and all later" : "only",
                     error == 0 ? "fewer bytes" : strerrorname_np(error),
                     r->config.power ? "power" : "process");
            n += r->every;
        } while (fail_at(r, call, action, n - r->every, times, error));
    }
}

static void fail_everywhere(struct run *r)
{
    for (int call = 0; call < SHIM_CALLS; call++) {
        for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
            if (r->every < SAMPLE_FROM || (i + (unsigned)call + r->seed) % 3 == 0)
                fail_with(r, (enum shim_call)call, SHIM_FAIL, errors[i]);
        }
    }
    fail_with(r, SHIM_WRITE, SHIM_SHORT, 0);
}

/* A start that meets the fault may be refused, with a sentence; nothing else may happen. */
static void fail_starts(struct run *r)
{
    for (int call = 0; call < SHIM_CALLS; call++) {
        for (uint32_t n = 1; n < 40; n++) {
            int error = errors[(n + (unsigned)call) % (sizeof errors / sizeof errors[0])];

            snprintf(r->what, sizeof r->what, "start with the %u. %s and all later failing with %s",
                     n, shim_call_names[call], strerrorname_np(error));
            fresh(r);
            shim_set(r->shim, (enum shim_call)call, SHIM_FAIL, n, 0, error);
            server_spawn(&r->server);
            if (server_wait(&r->server, START_MAX_MS)) {
                shim_set(r->shim, (enum shim_call)call, SHIM_PASS, 0, 0, 0);
                if (server_stop(&r->server, STOP_MAX_MS) != 0)
                    fail(r, "a clean stop did not end with 0");
                break;
            }
            if (server_running(&r->server))
                fail(r, "crumbd hangs at the start");
            r->startups_refused++;
            live_in_peace(r, true);
        }
    }
}

/* ---- the program ---- */

static void usage(void)
{
    fputs("usage: nth_call [--kill] [--fail] [--every K] [--seed N] [--crumbd PATH] [--crumb PATH] "
          "[--shim PATH] [--back-ms N]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "kill", no_argument, NULL, 'k' },
        { "fail", no_argument, NULL, 'f' },
        { "every", required_argument, NULL, 'e' },
        { "seed", required_argument, NULL, 's' },
        { "crumbd", required_argument, NULL, 'd' },
        { "crumb", required_argument, NULL, 'c' },
        { "shim", required_argument, NULL, 'm' },
        { "back-ms", required_argument, NULL, 'b' },
        { NULL, 0, NULL, 0 },
    };
    char dir[] = "/tmp/crumb-nth-XXXXXX", shim_path[4096];
    const char *shim = "build/crash/shim.so";
    struct run r = {
        .server = { .crumbd = "build/crumbd", .crumb = "build/crumb" },
        .config = { .workers = 1, .roll_interval_ms = 3600000, .roll_size_bytes = ROLL_BYTES },
        .every = 1,
        .back_max_ms = BACK_MAX_MS,
        .seed = (unsigned)time(NULL)
    };
    bool kill = false, faults = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'k':
            kill = true;
            break;
        case 'f':
            faults = true;
            break;
        case 'e':
            r.every = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            r.seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'd':
            r.server.crumbd = optarg;
            break;
        case 'c':
            r.server.crumb = optarg;
            break;
        case 'm':
            shim = optarg;
            break;
        case 'b':
            r.back_max_ms = (int64_t)strtoul(optarg, NULL, 10);
            break;
        default:
            usage();
        }
    }
    if (optind != argc || r.every == 0)
        usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (mkdtemp(dir) == NULL || realpath(shim, shim_path) == NULL) {
        perror(shim);
        return 2;
    }
    r.server.dir = dir;
    r.server.shim = shim_path;
    r.shim = shim_new(dir, 0);
    printf("nth_call: seed %u, every %u.\n", r.seed, r.every);
    for (int power = 0; power < 2; power++) {
        r.config.power = power != 0;
        server_write_config(&r.server, &r.config);
        if (kill)
            kill_everywhere(&r);
        if (faults)
            fail_everywhere(&r);
    }
    if (faults)
        fail_starts(&r);
    printf("nth_call: %llu lives: %llu killed at a call, %llu of their recoveries killed too; %llu "
           "calls failed, %llu hits refused, %llu starts refused: 0 acknowledged hits lost\n",
           (unsigned long long)r.lives, (unsigned long long)r.deaths,
           (unsigned long long)r.recoveries_killed, (unsigned long long)r.faults,
           (unsigned long long)r.refusals, (unsigned long long)r.startups_refused);
    server_wipe(&r.server);
    ledger_free(&r.ledger);
    return 0;
}
