/*
 * server.h - starts, kills and stops a real crumbd for the crash tests, and reads back what is
 * stored with the real crumb.
 */
#ifndef CRUMB_TESTS_CRASH_SERVER_H
#define CRUMB_TESTS_CRASH_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crash/ledger.h"

struct server {
    const char *crumbd; /* program */
    const char *crumb;
    const char *dir;     /* scratch folder: config, log and data are below it */
    const char *shim;    /* shim.so, which finds its file in dir; NULL: without */
    const char *boot_id; /* a file for the shim to show as the machine's boot id; NULL: the real */
    pid_t pid;           /* 0: not running */
    unsigned port, admin_port;
};

struct server_config {
    bool power;
    unsigned workers;
    int64_t roll_interval_ms;
    uint64_t roll_size_bytes;
};

void server_write_config(const struct server *s, const struct server_config *config);

void server_spawn(struct server *s); /* returns at once */
bool server_wait(
    struct server *s,
    int64_t max_ms); /* until it says that it listens; false: it ended or took too long */

/* SIGKILL and wait. */
void server_kill(struct server *s);

/* SIGTERM and wait; the exit status as waitpid gives it, -1 if it had to be killed after max_ms. */
int server_stop(struct server *s, int64_t max_ms);

bool server_running(struct server *s); /* also notices that it ended by itself */

/* Enters every record that `crumb cat` prints into the ledger; returns its exit code. 0 and nothing
 * entered when there is no data folder yet. */
int server_read_back(const struct server *s, struct ledger *ledger);

/* Enters one line of a sealed file. */
void server_count_line(struct ledger *ledger, const char *line);

/* Does tests/second_reader.py find the same records in the folder as `crumb cat`, and end with the
 * same code? Prints where the two answers are, if not. */
bool server_second_reader_agrees(const char *crumb, const char *data_dir);

/* Runs `crumb verify`; its exit code. What it printed goes to stdout when it is not 0. */
int server_verify(const struct server *s);

/* The value of a series in /metrics, labels included in the name; -1 if it is not there. */
double server_metric(const struct server *s, const char *series);

/* Does /metrics say of this server's life what the ledger says of the hits from `before` to `now`?
 * Prints what does not agree. Nothing may be unanswered. */
bool server_metrics_agree(const struct server *s, const struct ledger_verdict *before,
                          const struct ledger_verdict *now);

unsigned server_files_in_spool(const struct server *s); /* segments */
void server_print_log(const struct server *s);
void server_wipe_data(const struct server *s);
void server_wipe(const struct server *s); /* everything in its folder */

#endif
