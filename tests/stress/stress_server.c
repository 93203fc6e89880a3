/*
 * stress_server.c - a whole server in this process under threads: clients send hits, break off, and
 * send rubbish while configuration, keys and geo databases are reloaded again and again.
 *
 * A plain program, because ThreadSanitizer does not run under the unit test framework. Checks at the
 * end that no acknowledged hit is missing from the store and that no more are there than were sent.
 * Prints one line; exit code 0 if all held. Usage: stress_server [seconds] [process|power]
 */
#include <arpa/inet.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/server.h"
#include "store/scan.h"

#define CLIENTS      6
#define HITS_A_ROUND 20
#define RELOAD_MS    20
#define START_MS     10000
#define HIT          "GET /b.gif?url=http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"
#define LAST_HIT     "GET /b.gif?url=http://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static char dir[] = "/tmp/crumb-stress-XXXXXX";
static int64_t run_ms;
static atomic_uint port;
static atomic_ullong sent, acknowledged;

__attribute__((noreturn)) static void die(const char *what)
{
    perror(what);
    _exit(1);
}

/* ---- the server's words, on their way to stderr --------------------------------------------- */

struct words {
    int from, to;
};

/* Finds the port in "crumbd: listening on 127.0.0.1:PORT" and passes on what is not routine. */
static void *listen_to_words(void *arg)
{
    static const char listening[] = "crumbd: listening on 127.0.0.1:";
    struct words *words = arg;
    FILE *in = fdopen(words->from, "r");
    char line[4096];

    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        if (strncmp(line, listening, sizeof listening - 1) == 0)
            atomic_store(&port, (unsigned)strtoul(line + sizeof listening - 1, NULL, 10));
        else if (strstr(line, "reloaded") == NULL && write(words->to, line, strlen(line)) < 0)
            break;
    }
    return NULL;
}

static void redirect_words(struct words *words)
{
    int ends[2];

    words->to = dup(STDERR_FILENO);
    if (words->to < 0 || pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        die("pipe");
    close(ends[1]);
    words->from = ends[0];
}

/* ---- clients -------------------------------------------------------------------------------- */

static int connect_to_server(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atomic_load(&port)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        die("send");
}

/* Counts the answers with 200 until the server closes. */
static unsigned hear_all(int fd)
{
    static const char ok[] = "HTTP/1.1 200";
    unsigned count = 0;
    size_t matched = 0;
    char bytes[4096];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            matched = bytes[i] == ok[matched] ? matched + 1 : bytes[i] == ok[0] ? 1 : 0;
            if (matched == sizeof ok - 1) {
                count++;
                matched = 0;
            }
        }
    }
    if (n < 0)
        die("recv");
    return count;
}

/* Hits in one piece or byte by byte, all answers read. */
static void complete_round(bool slowly)
{
    int fd = connect_to_server();

    atomic_fetch_add(&sent, HITS_A_ROUND);
    for (int i = 1; i < HITS_A_ROUND; i++)
        say(fd, HIT);
    for (const char *p = LAST_HIT; slowly && *p != '\0'; p++) {
        const char byte[2] = { *p, '\0' };

        say(fd, byte);
    }
    if (!slowly)
        say(fd, LAST_HIT);
    atomic_fetch_add(&acknowledged, hear_all(fd));
    close(fd);
}

/* Hits whose answers nobody reads, and half of one. */
static void broken_round(void)
{
    int fd = connect_to_server();

    atomic_fetch_add(&sent, 3);
    say(fd, HIT HIT HIT "GET /b.g");
    close(fd);
}

static void rubbish_round(void)
{
    int fd = connect_to_server();

    atomic_fetch_add(&sent, 1);
    say(fd, HIT "GET / HTTP/1.1\r\nHost : a\r\n\r\n" HIT);
    atomic_fetch_add(&acknowledged, hear_all(fd));
    close(fd);
}

static void *client_main(void *arg)
{
    int64_t until = clock_mono_ms() + run_ms;

    (void)arg;
    for (unsigned round = 0; clock_mono_ms() < until; round++) {
        complete_round(round % 8 == 0);
        broken_round();
        rubbish_round();
    }
    return NULL;
}

/* Reloads while the clients run, then stops the server. */
static void *operator_main(void *arg)
{
    pthread_t clients[CLIENTS];
    int64_t until;

    (void)arg;
    for (int waited_ms = 0; atomic_load(&port) == 0; waited_ms++) {
        if (waited_ms == START_MS) {
            fprintf(stderr, "stress_server: the server did not start\n");
            _exit(1);
        }
        usleep(1000);
    }
    until = clock_mono_ms() + run_ms;
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, client_main, NULL);
    while (clock_mono_ms() < until) {
        kill(getpid(), SIGHUP);
        usleep(RELOAD_MS * 1000);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    kill(getpid(), SIGTERM);
    return NULL;
}

/* Signals are for the thread that serves. */
static void start_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(thread, NULL, run, arg) != 0)
        die("pthread_create");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- before and after ----------------------------------------------------------------------- */

static void write_config(const char *path, const char *durability)
{
    FILE *f = fopen(path, "w");

    if (f == NULL)
        die(path);
    fprintf(f,
            "listen:\n  - address: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: 3\n"
            "data: %s/data\nkeys: %s/data/keys\ndurability: %s\nroll_interval: 1s\n",
            dir, dir, durability);
    fclose(f);
}

static int count_record(void *arg, struct str line)
{
    (void)line;
    (*(unsigned long long *)arg)++;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static unsigned long long count_stored(void)
{
    unsigned long long records = 0;
    char data[64];
    struct scan_options options = { .data_dir = data,
                                    .since_ms = INT64_MIN,
                                    .until_ms = INT64_MAX,
                                    .record = count_record,
                                    .arg = &records };
    struct scan_totals totals;
    struct err e;

    snprintf(data, sizeof data, "%s/data", dir);
    if (scan_run(&options, &totals, &e) != 0 || totals.damaged_places + totals.gaps > 0) {
        fprintf(stderr, "stress_server: the store is not whole\n");
        return 0;
    }
    return records;
}

int main(int argc, char **argv)
{
    const char *durability = argc > 2 ? argv[2] : "process";
    unsigned long long stored;
    struct words words;
    pthread_t listener, operator_thread;
    char path[64];
    struct err e = { .text = "" };
    int result;

    log_program("crumbd");
    run_ms = 1000 * (argc > 1 ? strtol(argv[1], NULL, 10) : 3);
    if (mkdtemp(dir) == NULL)
        die(dir);
    snprintf(path, sizeof path, "%s/crumb.yaml", dir);
    write_config(path, durability);
    redirect_words(&words);
    start_thread(&listener, listen_to_words, &words);
    start_thread(&operator_thread, operator_main, NULL);
    result = server_run(path, &e);
    pthread_join(operator_thread, NULL);
    dup2(words.to, STDERR_FILENO); /* the last writer of the pipe */
    pthread_join(listener, NULL);
    stored = count_stored();
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    printf("stress_server: sent %llu, acknowledged %llu, stored %llu %s\n", atomic_load(&sent),
           atomic_load(&acknowledged), stored, e.text);
    return result == 0 && stored >= atomic_load(&acknowledged) && stored <= atomic_load(&sent) &&
                   atomic_load(&acknowledged) > 0
               ? 0
               : 1;
}
