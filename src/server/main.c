/*
 * main.c - crumbd: options, then server_run. Exit status 0 after a clean end, 1 when it cannot
 * start or not seal, 2 for wrong usage.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "model/config.h"
#include "model/geo.h"
#include "server/pages.h"
#include "server/server.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: crumbd [-c FILE] [-t]\n"
    "\n"
    "Collects beacons and keeps them, in the foreground.\n"
    "\n"
    "  -c, --config FILE  the configuration; without it every option has its default\n"
    "  -t, --test         check the configuration and exit\n"
    "  -h, --help         print this\n"
    "  -V, --version      print the version\n"
    "\n"
    "SIGHUP reads the configuration anew; SIGTERM and SIGINT stop.\n";

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "test", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

/* Reads what a start would read, and makes nothing. */
static int check(const char *path)
{
    struct err e;
    struct config *config = path == NULL ? config_defaults(&e) : config_load(path, &e);

    if (config != NULL) {
        geo_close(geo_open(config->geo.databases, config->geo.databases_count, NULL, &e));
        pages_free(pages_load(config, &e));
    }
    config_free(config);
    if (e.code != ERR_NONE) {
        log_error("%s", e.text);
        return EXIT_FAILURE;
    }
    printf("crumbd: %s is ok\n", path == NULL ? "the default configuration" : path);
    return EXIT_SUCCESS;
}

static int serve(const char *path)
{
    struct err e;

    if (server_run(path, &e) == 0)
        return EXIT_SUCCESS;
    log_error("%s", e.text);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static char program[] = "crumbd";
    const char *path = NULL;
    bool check_only = false;
    int option;

    log_program("crumbd");
    argv[0] = program; /* as getopt is to call us, whatever the path was */
    while ((option = getopt_long(argc, argv, "c:thV", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 't':
            check_only = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case 'V':
            puts("crumbd " CRUMBD_VERSION);
            return EXIT_SUCCESS;
        default: /* getopt has said what is wrong */
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "crumbd: unexpected argument: %s\n%s", argv[optind], usage);
        return EXIT_USAGE;
    }
    return check_only ? check(path) : serve(path);
}
