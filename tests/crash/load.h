/*
 * load.h - sends numbered hits over many keep-alive connections and enters every answer into a
 * ledger.
 *
 * One thread, epoll, no libevent: it shares no code with the server that it judges.
 */
#ifndef CRUMB_TESTS_LOAD_H
#define CRUMB_TESTS_LOAD_H

#include "crash/ledger.h"

struct load_options {
    unsigned port;                 /* on 127.0.0.1 */
    unsigned connections;          /* at most LOAD_CONNECTIONS_MAX */
    unsigned depth;                /* requests in flight on each */
    uint64_t max_hits;             /* stop after sending so many; UINT64_MAX: no end */
    int64_t max_us;                /* stop after this time */
    uint64_t hits_per_s;           /* pace; 0: as fast as it goes */
    unsigned opted_out_percent;    /* of visitors who opted out */
    unsigned unknown_site_percent; /* of a site that is not served */
    unsigned padding_bytes;        /* more in each line, of bytes that do not compress */
    /* Called for each hit that was acknowledged; NULL: not. */
    void (*acked)(void *arg, uint64_t number);
    void *acked_arg;
    bool (*enough)(void *arg); /* asked often: no more is sent once it says so; NULL: not */
    void *enough_arg;
    unsigned *retry_after_missing; /* counts 503 answers without that header; NULL: not */
};

#define LOAD_CONNECTIONS_MAX 1024

/*
 * Runs until an end of the options is reached, waits up to a second for outstanding answers, and
 * closes. A connection that the server closes is opened again; when it can't be, the load ends.
 * `tick` is called every few milliseconds (NULL: not) and ends the load at once by returning false:
 * that is where the server gets killed.
 */
void load_run(struct ledger *ledger, const struct load_options *options, bool (*tick)(void *arg),
              void *arg);

#endif
