/*
 * server.c - see server.h.
 */
#include "crash/server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES   1024
#define WAIT_STEP_US 1000

static void path_in(const struct server *s, char *out, const char *name)
{
    snprintf(out, PATH_BYTES, "%s/%s", s->dir, name);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void wait_step(void)
{
    struct timespec ts = { 0, WAIT_STEP_US * 1000 };

    nanosleep(&ts, NULL);
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

void server_write_config(const struct server *s, const struct server_config *config)
{
    char path[PATH_BYTES];
    FILE *file;

    path_in(s, path, "crumb.yaml");
    file = fopen(path, "w");
    if (file == NULL)
        die(path);
    fprintf(file,
            "listen:\n  - address: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata: %s/data\nkeys: %s/keys\n"
            "workers: %u\ndurability: %s\nroll_interval: %lldms\nroll_size: %lluB\ngeo:\n  "
            "databases: []\nsites:\n  - name: shop\n    origins: [ \"https://shop.example\" ]\n",
            s->dir, s->dir, config->workers, config->power ? "power" : "process",
            (long long)config->roll_interval_ms, (unsigned long long)config->roll_size_bytes);
    if (fclose(file) != 0)
        die(path);
}

/* In the child. */
static void load_shim(const struct server *s)
{
    char path[PATH_BYTES];

    if (s->shim == NULL)
        return;
    path_in(s, path, "shim");
    setenv("CRUMB_SHIM", path, 1);
    setenv("CRUMB_SHIM_DIR", s->dir, 1);
    setenv("LD_PRELOAD", s->shim, 1);
    if (s->boot_id != NULL)
        setenv("CRUMB_SHIM_BOOT_ID", s->boot_id, 1);
}

void server_spawn(struct server *s)
{
    char log_path[PATH_BYTES], config_path[PATH_BYTES];

    path_in(s, log_path, "crumbd.log");
    path_in(s, config_path, "crumb.yaml");
    unlink(log_path); /* each start announces itself in a fresh one */
    s->port = s->admin_port = 0;
    s->pid = fork();
    if (s->pid < 0)
        die("fork");
    if (s->pid == 0) {
        int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

        dup2(log, STDERR_FILENO);
        dup2(log, STDOUT_FILENO);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is stopped leaves no server behind */
        load_shim(s);
        execl(s->crumbd, s->crumbd, "-c", config_path, (char *)NULL);
        _exit(127);
    }
}

static unsigned announced_port(const char *log, const char *what)
{
    const char *line = strstr(log, what);
    const char *colon = line == NULL ? NULL : strrchr(line, '\n');
    char address[128];

    if (line == NULL || colon == NULL)
        return 0;
    snprintf(address, sizeof address, "%.*s", (int)strcspn(line, "\n"), line);
    colon = strrchr(address, ':');
    return colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
}

static void read_announcements(struct server *s)
{
    char path[PATH_BYTES], log[8192];
    FILE *file;
    size_t n;

    path_in(s, path, "crumbd.log");
    file = fopen(path, "r");
    if (file == NULL)
        return;
    n = fread(log, 1, sizeof log - 1, file);
    fclose(file);
    log[n] = '\0';
    s->port = announced_port(log, "listening on ");
    s->admin_port = announced_port(log, "admin on ");
}

bool server_running(struct server *s)
{
    if (s->pid != 0 && waitpid(s->pid, NULL, WNOHANG) == s->pid)
        s->pid = 0;
    return s->pid != 0;
}

bool server_wait(struct server *s, int64_t max_ms)
{
    int64_t until = now_ms() + max_ms;

    while (now_ms() < until && server_running(s)) {
        read_announcements(s);
        if (s->port != 0 && s->admin_port != 0)
            return true;
        wait_step();
    }
    return false;
}

void server_kill(struct server *s)
{
    if (s->pid == 0)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

int server_stop(struct server *s, int64_t max_ms)
{
    int64_t until = now_ms() + max_ms;
    int status;

    if (s->pid == 0)
        return -1;
    kill(s->pid, SIGTERM);
    while (now_ms() < until) {
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            s->pid = 0;
            return status;
        }
        wait_step();
    }
    server_kill(s);
    return -1;
}

/* The number behind "n":" in a line, as the load program sent it. */
static bool number_of(const char *line, uint64_t *number)
{
    const char *at = strstr(line, "\"n\":\"");
    char *end;

    if (at == NULL)
        return false;
    *number = strtoull(at + 5, &end, 10);
    return end > at + 5 && *end == '"';
}

void server_count_line(struct ledger *ledger, const char *line)
{
    uint64_t number = UINT64_MAX; /* a line without one was never sent */

    number_of(line, &number);
    ledger_found(ledger, number);
}

int server_read_back(const struct server *s, struct ledger *ledger)
{
    char command[2 * PATH_BYTES];
    char *line = NULL;
    size_t room = 0;
    FILE *pipe;
    int status;

    path_in(s, command, "data/spool");
    if (access(command, F_OK) != 0)
        return 0;
    snprintf(command, sizeof command, "%s cat --data %s/data 2>%s/cat.log", s->crumb, s->dir,
             s->dir);
    pipe = popen(command, "r");
    if (pipe == NULL)
        die("crumb cat");
    while (getline(&line, &room, pipe) > 0)
        server_count_line(ledger, line);
    free(line);
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

bool server_second_reader_agrees(const char *crumb, const char *data_dir)
{
    char command[4096];
    int n = snprintf(
        command, sizeof command,
        "d=$(mktemp -d /tmp/crumb-second-XXXXXX) && "
        "{ %s cat --data %s 2>$d/first.err; echo exit $?; } | LC_ALL=C sort >$d/first && "
        "{ python3 tests/second_reader.py --data %s 2>$d/second.err; echo exit $?; } | "
        "LC_ALL=C sort >$d/second && "
        "if cmp -s $d/first $d/second; then rm -r $d; else echo two readers: $d; exit 1; fi",
        crumb, data_dir, data_dir);

    return n > 0 && (size_t)n < sizeof command && system(command) == 0;
}

int server_verify(const struct server *s)
{
    char command[2 * PATH_BYTES];
    int status;

    snprintf(command, sizeof command,
             "%s verify --data %s/data >%s/verify.log 2>&1 || (e=$?; cat %s/verify.log; exit $e)",
             s->crumb, s->dir, s->dir, s->dir);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* GET /metrics whole, from malloc, or NULL. */
static char *metrics_text(const struct server *s)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)s->admin_port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t n = 0, room = 1 << 18;
    char *text = calloc(1, room + 1);
    ssize_t got;

    if (fd < 0 || text == NULL || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
        free(text);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    while (n < room && (got = recv(fd, text + n, room - n, 0)) > 0)
        n += (size_t)got;
    close(fd);
    return text;
}

double server_metric(const struct server *s, const char *series)
{
    char *text = metrics_text(s);
    char wanted[256];
    const char *at;
    double value = -1;

    if (text == NULL)
        return -1;
    snprintf(wanted, sizeof wanted, "\n%s ", series);
    at = strstr(text, wanted);
    if (at != NULL)
        value = strtod(at + strlen(wanted), NULL);
    free(text);
    return value;
}

bool server_metrics_agree(const struct server *s, const struct ledger_verdict *before,
                          const struct ledger_verdict *now)
{
    uint64_t acked = now->acked - before->acked, opted_out = now->opted_out - before->opted_out;
    uint64_t refused = now->refused - before->refused;
    const struct {
        const char *series;
        uint64_t value;
    } rows[] = {
        { "crumb_hits_received_total", now->sent - before->sent },
        { "crumb_hits_stored_total", acked - opted_out },
        { "crumb_hits_opted_out_total", opted_out },
    };
    static const char *const reasons[] = { "disk", "overload", "write", "site" };
    double refusals = 0;
    bool agree = now->unanswered == before->unanswered;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double value = server_metric(s, rows[i].series);

        if (value != (double)rows[i].value) {
            printf("%s is %.0f, the ledger says %llu\n", rows[i].series, value,
                   (unsigned long long)rows[i].value);
            agree = false;
        }
    }
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        char series[128];

        snprintf(series, sizeof series, "crumb_hits_refused_total{reason=\"%s\"}", reasons[i]);
        refusals += server_metric(s, series);
    }
    if (refusals != (double)refused) {
        printf("crumb_hits_refused_total is %.0f, the ledger says %llu\n", refusals,
               (unsigned long long)refused);
        agree = false;
    }
    return agree;
}

unsigned server_files_in_spool(const struct server *s)
{
    char path[PATH_BYTES];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir;

    path_in(s, path, "data/spool");
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        count += strstr(entry->d_name, ".seg") != NULL;
    if (dir != NULL)
        closedir(dir);
    return count;
}

void server_print_log(const struct server *s)
{
    char path[PATH_BYTES], line[1024];
    FILE *file;

    path_in(s, path, "crumbd.log");
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        printf("    %s", line);
    if (file != NULL)
        fclose(file);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void server_wipe(const struct server *s)
{
    nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (mkdir(s->dir, 0700) != 0)
        die(s->dir);
}

void server_wipe_data(const struct server *s)
{
    char path[PATH_BYTES];

    path_in(s, path, "data");
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
