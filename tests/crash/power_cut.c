/*
 * power_cut.c - what is left when the machine stops: a life of crumbd is recorded below its file
 * calls, and power is cut at many places of the recording.
 *
 *      power_cut [--cuts N] [--seed N] [--process] [--crumbd PATH] [--crumb PATH] [--shim PATH]
 *
 * The recording has three servers: the first is killed under load, the second recovers, takes load
 * and stops cleanly, the third takes load and is recorded to its end; a sync fails in the second
 * life, a write in the third. At each cut a data folder is
 * made as a file system might leave it (disk.h), and read with `crumb cat`; then a real crumbd
 * recovers it and it is read again.
 *
 * durability: power - of what was acknowledged before the cut nothing may be missing, ever.
 * --process         - what is missing was written behind everything that was sealed, was
 *                     acknowledged within the roll interval (and the time to seal), and the server
 *                     that starts next says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/disk.h"
#include "crash/ledger.h"
#include "crash/load.h"
#include "crash/server.h"
#include "crash/shim.h"

#define RECORD_BYTES (192ull << 20)
#define HITS         2500
#define ROLL_MS      150
#define ROLL_BYTES   (128 << 10)
#define SEAL_MAX_US  30000000 /* so long sealing may wait on a busy machine */
#define SECOND_EVERY 10       /* so many folders are read by tests/second_reader.py, too: one of */
#define FAULT_AT     30
#define START_MAX_MS 60000
#define STOP_MAX_MS  60000

struct run {
    struct server server; /* that is recorded */
    struct server after;  /* that finds what is left */
    struct shim *shim;
    struct ledger ledger; /* at the cut */
    struct ledger all;    /* of the whole recording */
    int64_t *acked_us;    /* when, by hit number */
    uint32_t entries;
    unsigned cuts, seed, tried;
    bool power;
    uint64_t choices, lost, cuts_with_loss, damaged;
    int64_t loss_us_max; /* how old the oldest lost hit was */
};

static void fail(const struct run *r, uint32_t cut, const char *what)
{
    printf("power_cut: FAILED at entry %u (seed %u): %s; the folders are kept: %s %s\n", cut,
           r->seed, what, r->server.dir, r->after.dir);
    server_print_log(&r->after);
    exit(1);
}

/* ---- recording ---- */

static void acked(void *arg, uint64_t number)
{
    struct run *r = arg;

    shim_enter(r->shim, (struct shim_entry){ .kind = SHIM_ACK, .fd = -1, .offset = number }, "", 0);
}

static void start(struct run *r)
{
    server_spawn(&r->server);
    if (!server_wait(&r->server, START_MAX_MS))
        fail(r, 0, "crumbd did not start");
}

static bool until_half(void *arg)
{
    struct run *r = arg;

    if (ledger_judge(&r->all).acked < HITS / 2)
        return true;
    server_kill(&r->server);
    return false;
}

/* The machine's next life. */
static void make_boot_id(struct run *r, char *path, size_t n)
{
    FILE *file;

    snprintf(path, n, "%s/boot_id", r->server.dir);
    file = fopen(path, "w");
    if (file == NULL || fputs("01234567-89ab-cdef-0123-456789abcdef\n", file) < 0 ||
        fclose(file) != 0)
        fail(r, 0, "cannot write a boot id");
    r->after.boot_id = path;
    r->after.shim = r->server.shim;
}

static void record(struct run *r)
{
    struct load_options load = { .connections = 8,
                                 .depth = 4,
                                 .max_hits = HITS,
                                 .max_us = INT64_MAX / 2,
                                 .opted_out_percent = 3,
                                 .unknown_site_percent = 3,
                                 .acked = acked,
                                 .acked_arg = r };

    start(r);
    load.port = r->server.port;
    load_run(&r->all, &load, until_half, r);
    for (int life = 0; life < 2; life++) {
        start(r);
        load.port = r->server.port;
        load.hits_per_s = 3000; /* so that it rolls by time, too */
        shim_set(r->shim, life == 0 ? SHIM_SYNC : SHIM_WRITE, SHIM_FAIL, FAULT_AT, 1, EIO);
        load_run(&r->all, &load, NULL, NULL);
        if (server_stop(&r->server, STOP_MAX_MS) != 0)
            fail(r, 0, "a clean stop did not end with 0");
    }
    r->entries = atomic_load(&r->shim->entries);
    if (r->entries > r->shim->entries_max)
        fail(r, 0, "the recording is too short");
}

/* ---- cutting ---- */

/* Everything up to the cut: on the imagined disk and in the ledger. */
static void step(struct run *r, struct disk *disk, uint32_t i)
{
    const struct shim_entry *entry = shim_entry_at(r->shim, i);

    if (atomic_load(&entry->kind) == SHIM_ACK) {
        ledger_answer(&r->ledger, entry->offset, true);
        r->acked_us[entry->offset] = entry->mono_us;
    }
    disk_step(disk, i);
}

/* All numbers were given out; none is answered yet. */
static void copy_ledger(struct run *r)
{
    for (size_t i = 0; i < r->all.count; i++)
        ledger_next(&r->ledger, !r->all.never[i]);
    r->acked_us = calloc(r->all.count + 1, sizeof *r->acked_us);
    if (r->acked_us == NULL)
        abort();
}

static struct ledger_verdict read_back(struct run *r, uint32_t cut, uint8_t *found)
{
    struct ledger_verdict v;
    int code;

    ledger_forget_found(&r->ledger);
    code = server_read_back(&r->after, &r->ledger);
    if (code != 0 && code != 3)
        fail(r, cut, "crumb cat failed");
    r->damaged += code == 3;
    v = ledger_judge(&r->ledger);
    if (v.doubled + v.revived + v.invented > 0 || (r->power && v.lost > 0)) {
        ledger_print(&v, "power_cut");
        fail(r, cut, "the store and the ledger disagree");
    }
    memcpy(found, r->ledger.found, r->all.count);
    return v;
}

/* durability: process. The oldest hit that is lost was acknowledged not long before the cut. */
static void measure_loss(struct run *r, uint32_t cut)
{
    int64_t now_us = shim_entry_at(r->shim, cut)->mono_us;

    for (size_t i = 0; i < r->ledger.count; i++) {
        int64_t age_us = now_us - r->acked_us[i];

        if (r->ledger.state[i] != LEDGER_ACKED || r->ledger.never[i] || r->ledger.found[i] > 0)
            continue;
        r->loss_us_max = age_us > r->loss_us_max ? age_us : r->loss_us_max;
        if (age_us > ROLL_MS * 1000 + SEAL_MAX_US)
            fail(r, cut, "a hit is lost that should have been sealed long ago");
    }
}

static bool log_says(const struct server *s, const char *words)
{
    char path[1024], line[1024];
    bool says = false;
    FILE *file;

    snprintf(path, sizeof path, "%s/crumbd.log", s->dir);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        says = says || strstr(line, words) != NULL;
    if (file != NULL)
        fclose(file);
    return says;
}

/* A real server recovers what is left. */
static void recover(struct run *r, uint32_t cut, bool loss, const uint8_t *found)
{
    uint8_t *again = malloc(r->all.count + 1);
    int status;

    server_spawn(&r->after);
    if (!server_wait(&r->after, START_MAX_MS))
        fail(r, cut, "crumbd did not start after the power cut");
    status = server_stop(&r->after, STOP_MAX_MS);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(r, cut, "the server after the power cut did not stop with 0");
    if (server_files_in_spool(&r->after) != 0)
        fail(r, cut, "segments are left in the spool");
    if (again == NULL)
        abort();
    read_back(r, cut, again);
    if (memcmp(found, again, r->all.count) != 0)
        fail(r, cut, "sealing changed what is there");
    if (loss && !log_says(&r->after, "may be lost"))
        fail(r, cut, "hits are lost and nobody says so");
    free(again);
}

static void cut_power(struct run *r, const struct disk *disk, uint32_t cut)
{
    uint8_t *found = malloc(r->all.count + 1);
    char data[1024];
    struct ledger_verdict v;
    struct server_config config = {
        .power = r->power, .workers = 1, .roll_interval_ms = 600000, .roll_size_bytes = 256 << 20
    };

    if (found == NULL)
        abort();
    server_wipe(&r->after);
    r->choices += disk_lose_power(disk, r->after.dir);
    server_write_config(&r->after, &config);
    v = read_back(r, cut, found);
    snprintf(data, sizeof data, "%s/data", r->after.dir);
    if (++r->tried % SECOND_EVERY == 0 && access(data, F_OK) == 0 &&
        !server_second_reader_agrees(r->after.crumb, data))
        fail(r, cut, "the second reader finds something else");
    r->lost += v.lost;
    r->cuts_with_loss += v.lost > 0;
    if (v.lost > 0)
        measure_loss(r, cut);
    recover(r, cut, v.lost > 0, found);
    free(found);
}

static int compare_cuts(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Half of the cuts anywhere, half right behind an acknowledgement. */
static uint32_t *choose_cuts(const struct run *r)
{
    uint32_t *cut = calloc(r->cuts, sizeof *cut);

    if (cut == NULL)
        abort();
    for (unsigned k = 0; k < r->cuts; k++) {
        cut[k] = (uint32_t)lrand48() % r->entries;
        while (k % 2 == 0 && cut[k] + 1 < r->entries &&
               atomic_load(&shim_entry_at(r->shim, cut[k])->kind) != SHIM_ACK)
            cut[k]++;
    }
    qsort(cut, r->cuts, sizeof *cut, compare_cuts);
    return cut;
}

static void cut_often(struct run *r)
{
    struct disk *disk = disk_new(r->shim, r->server.dir);
    uint32_t *cut = choose_cuts(r), i = 0;

    copy_ledger(r);
    for (unsigned k = 0; k < r->cuts; k++) {
        for (; i <= cut[k]; i++)
            step(r, disk, i);
        cut_power(r, disk, cut[k]);
    }
    free(cut);
    disk_free(disk);
}

/* ---- the program ---- */

static void usage(void)
{
    fputs("usage: power_cut [--cuts N] [--seed N] [--process] [--crumbd PATH] [--crumb PATH] "
          "[--shim PATH]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "cuts", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "process", no_argument, NULL, 'p' },
        { "crumbd", required_argument, NULL, 'd' },
        { "crumb", required_argument, NULL, 'c' },
        { "shim", required_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 },
    };
    char dir[] = "/tmp/crumb-power-XXXXXX", after[] = "/tmp/crumb-after-XXXXXX", shim_path[4096],
         boot_id[128];
    const char *shim = "build/crash/shim.so";
    struct run r = { .server = { .crumbd = "build/crumbd", .crumb = "build/crumb" },
                     .cuts = 500,
                     .seed = (unsigned)time(NULL),
                     .power = true };
    struct server_config config = { .workers = 2,
                                    .roll_interval_ms = ROLL_MS,
                                    .roll_size_bytes = ROLL_BYTES };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'n':
            r.cuts = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            r.seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            r.power = false;
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
        default:
            usage();
        }
    }
    if (optind != argc)
        usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand48(r.seed);
    if (mkdtemp(dir) == NULL || mkdtemp(after) == NULL || realpath(shim, shim_path) == NULL) {
        perror(shim);
        return 2;
    }
    r.after = r.server;
    r.after.dir = after;
    r.server.dir = dir;
    r.server.shim = shim_path;
    r.shim = shim_new(dir, RECORD_BYTES);
    config.power = r.power;
    server_write_config(&r.server, &config);
    make_boot_id(&r, boot_id, sizeof boot_id);
    record(&r);
    printf("power_cut: durability %s, seed %u, %u cuts in a recording of %u calls and answers\n",
           r.power ? "power" : "process", r.seed, r.cuts, r.entries);
    cut_often(&r);
    printf("power_cut: %u cuts, %llu unsynced things chosen about, %llu reads met a torn end: %llu "
           "acknowledged hits lost",
           r.cuts, (unsigned long long)r.choices, (unsigned long long)r.damaged,
           (unsigned long long)r.lost);
    if (!r.power)
        printf(" in %llu cuts, the oldest acknowledged %lld ms before, all of them announced",
               (unsigned long long)r.cuts_with_loss, (long long)(r.loss_us_max / 1000));
    printf("\n");
    server_wipe(&r.server);
    server_wipe(&r.after);
    ledger_free(&r.ledger);
    ledger_free(&r.all);
    free(r.acked_us);
    return 0;
}
