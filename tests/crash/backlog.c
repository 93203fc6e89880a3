/*
 * backlog.c - a start with gigabytes that an earlier server left unsealed.
 *
 *      backlog [--mib 2048] [--crumbd PATH] [--crumb PATH]
 *
 * Measures the time from exec to the first answer, and the latency of hits while the sealer works
 * on the backlog, beside the same server with nothing to seal. Afterwards every record of the
 * backlog must be in the sealed files. Ends with 1 if the first answer took more than 100 ms, or
 * the p99 moved by more than 2 ms.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../src/store/catalog.h"
#include "../../src/store/segment.h"
#include "base/buf.h"
#include "base/date.h"
#include "crash/server.h"

#define SEGMENT_MIB     256
#define START_MAX_MS    100
#define P99_MORE_MAX_US 2000
#define SAMPLES_MAX     20000
#define HITS_PER_S      1000
#define QUIET_SAMPLES   5000
#define DEADLINE_MS     120000
#define CREATED_MS      1795528800000

static const char request[] =
    "GET /b.gif?site=shop&url=https%3A%2F%2Fshop.example%2F&n=1 HTTP/1.1\r\nHost: c.example\r\n"
    "User-Agent: backlog\r\n\r\n";

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    printf("backlog: FAILED: %s\n", what);
    exit(1);
}

/* ---- the backlog ---- */

static size_t make_line(char *p, const struct segment_id *id, uint64_t seq)
{
    struct buf b = buf_over(p, 1024);

    buf_add_lit(&b, "{\"v\":1,\"ts\":\"");
    date_add_rfc3339(&b, CREATED_MS + (int64_t)(seq / 100));
    buf_addf(&b,
             "\",\"id\":\"%.12s-%u-%llu\",\"kind\":\"view\",\"site\":\"shop\",\"vid\":\"%016llx\",",
             id->instance, id->worker, (unsigned long long)seq,
             (unsigned long long)(seq * 0x9E3779B97F4A7C15u));
    buf_addf(
        &b,
        "\"ip\":\"192.0.2.%u\",\"country\":\"DE\",\"url\":\"https://shop.example/page/%u\",\"ua\":"
        "\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/130.0 Safari/537.36\",\"lang\":\"de-DE\",\"sw\":1920,\"sh\":1080}\n",
        (unsigned)(seq % 251), (unsigned)(seq % 977));
    return b.n;
}

/* Writes one full segment; returns the number of records in all. */
static uint64_t write_segment(const char *data_dir, uint32_t number, uint64_t records)
{
    struct segment_id id = { "1ab2cd3ef4gh", 0, number, CREATED_MS };
    struct segment_header header = { id, records + 1, 0x5EED0000 + number };
    unsigned char bytes[2048];
    uint32_t seed = segment_seed(&id);
    uint64_t written = SEGMENT_HEADER_BYTES;
    catalog_path path;
    FILE *file;

    catalog_segment_path(path, data_dir, &id);
    file = fopen(path, "wb");
    need(file != NULL, path);
    segment_put_header(bytes, &header);
    fwrite(bytes, SEGMENT_HEADER_BYTES, 1, file);
    while (written < (uint64_t)SEGMENT_MIB << 20) {
        size_t n = make_line((char *)bytes + RECORD_HEADER_BYTES, &id, ++records);

        segment_put_record(bytes, header.salt, seed, records, n);
        fwrite(bytes, segment_record_bytes(n), 1, file);
        written += segment_record_bytes(n);
    }
    need(!ferror(file) && fclose(file) == 0, "the backlog could not be written");
    return records;
}

/* ---- hits ---- */

static int connect_to(unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    need(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* One hit; how long its answer took. */
static int64_t hit(int fd)
{
    int64_t start = now_us();
    char answer[2048];
    ssize_t n;

    need(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1,
         "cannot send");
    n = recv(fd, answer, sizeof answer, 0);
    need(n > 12 && memcmp(answer + 9, "200", 3) == 0, "a hit was not answered with 200");
    return now_us() - start;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* p99 of hits at a steady pace: so many, or as long as segments wait to be sealed. */
static int64_t measure(const struct server *s, size_t samples, bool while_sealing, size_t *count)
{
    static int64_t took[SAMPLES_MAX];
    int fd = connect_to(s->port);
    int64_t start = now_us();
    size_t n = 0;

    while (n < samples) {
        int64_t due = start + (int64_t)n * 1000000 / HITS_PER_S, now = now_us();

        if (due > now) {
            struct timespec wait = { 0, (due - now) * 1000 };

            nanosleep(&wait, NULL);
        }
        took[n++] = hit(fd);
        if (while_sealing && n % 200 == 0 && server_metric(s, "crumb_store_unsealed_segments") < 2)
            break;
    }
    close(fd);
    *count = n;
    qsort(took, n, sizeof *took, compare);
    return took[n * 99 / 100];
}

static void start(struct server *s, int64_t *first_answer_us)
{
    int64_t exec_us = now_us();
    int fd;

    server_spawn(s);
    need(server_wait(s, 20000), "crumbd did not start");
    fd = connect_to(s->port);
    hit(fd);
    *first_answer_us = now_us() - exec_us;
    close(fd);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "mib", required_argument, NULL, 'm' },
                                             { "seed", required_argument, NULL, 's' },
                                             { "crumbd", required_argument, NULL, 'd' },
                                             { "crumb", required_argument, NULL, 'c' },
                                             { NULL, 0, NULL, 0 } };
    char dir[] = "/tmp/crumb-backlog-XXXXXX", path[1024];
    struct server server = { .crumbd = "build/crumbd", .crumb = "build/crumb" };
    struct server_config config = { .workers = 1,
                                    .roll_interval_ms = 600000,
                                    .roll_size_bytes = 256 << 20 };
    int64_t quiet_start_us, start_us, quiet_us, sealing_us, sealed_ms;
    uint64_t records = 0;
    uint32_t segments;
    unsigned mib = 2048;
    size_t quiet_n, n;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'm')
            mib = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'd')
            server.crumbd = optarg;
        else if (c == 'c')
            server.crumb = optarg;
        else if (c != 's') /* nothing here is random */
            return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    need(mkdtemp(dir) != NULL, dir);
    server.dir = dir;
    server_write_config(&server, &config);
    start(&server, &quiet_start_us);
    quiet_us = measure(&server, QUIET_SAMPLES, false, &quiet_n);
    server_kill(&server);
    server_wipe_data(&server);

    snprintf(path, sizeof path, "mkdir -p %s/data/spool", dir);
    need(system(path) == 0, path);
    snprintf(path, sizeof path, "%s/data", dir);
    segments = mib / SEGMENT_MIB;
    for (uint32_t i = 1; i <= segments; i++)
        records = write_segment(path, i, records);
    sync(); /* else the kernel writes the backlog out while latency is measured */
    start(&server, &start_us);
    sealed_ms = now_us() / 1000;
    sealing_us = measure(&server, SAMPLES_MAX, true, &n);
    while (server_metric(&server, "crumb_store_segments_recovered_total") < segments) {
        need(now_us() / 1000 - sealed_ms < DEADLINE_MS, "sealing does not come to an end");
        usleep(20000);
    }
    sealed_ms = now_us() / 1000 - sealed_ms;
    need(server_metric(&server, "crumb_store_records_sealed_total") >= (double)records,
         "records of the backlog are missing");
    printf("backlog: %u MiB, %llu records: first answer %.1f ms after exec (with nothing: %.1f); "
           "sealed "
           "in %lld ms; p99 of %zu hits meanwhile %.2f ms (of %zu with nothing to seal: %.2f)\n",
           mib, (unsigned long long)records, (double)start_us / 1000, (double)quiet_start_us / 1000,
           (long long)sealed_ms, n, (double)sealing_us / 1000, quiet_n, (double)quiet_us / 1000);
    need(server_stop(&server, 30000) == 0, "a clean stop did not end with 0");
    need(server_verify(&server) == 0, "crumb verify found damage or gaps");
    server_wipe(&server);
    need(start_us <= START_MAX_MS * 1000, "the first answer took too long");
    need(sealing_us <= quiet_us + P99_MORE_MAX_US, "sealing moved the p99 by more than 2 ms");
    return 0;
}
