/*
 * main.c - crumbd: options, then server_run. Exit status 0 after a clean end, 1 when it cannot
 * start or not seal, 2 for wrong usage.
 */
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
    "  -c FILE  the configuration; without it every option has its default\n"
    "  -t       check the configuration and exit\n"
    "  -h       print this\n"
    "  -V       print the version\n"
    "\n"
    "SIGHUP reads the configuration anew; SIGTERM and SIGINT stop.\n";

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
    const char *path = NULL;
    bool check_only = false;
    int option;

    log_program("crumbd");
    while ((option = getopt(argc, argv, "c:thV")) != -1) {
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
