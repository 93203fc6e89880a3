/*
 * opts.h - the options of every command as one table, and one command line read by it.
 *
 * Values stay text here; the module that uses one turns it into what it means and says so when it
 * cannot. "--name value", "--name=value", "-c value" and "-cvalue" are the same; "--" ends the
 * options. An option that may be given once is refused the second time: which of the two was meant
 * is a guess.
 */
#ifndef CRUMB_CLI_OPTS_H
#define CRUMB_CLI_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"

enum opt {
    OPT_CONFIG,
    OPT_DATA,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_TZ,
    OPT_SITE,
    OPT_WHERE,
    OPT_LINES,
    OPT_FORMAT,
    OPT_RAW,
    OPT_REJECTED,
    OPT_OUTPUT,
    OPT_BY,
    OPT_TOP,
    OPT_SORT,
    OPT_COMPARE,
    OPT_BOTS,
    OPT_STEP,
    OPT_IDLE,
    OPT_MEMORY,
    OPT_NO_ROLLUP,
    OPT_LIST,
    OPT_SAMPLE,
    OPT_DUCKDB,
    OPT_CLICKHOUSE,
    OPT_JSONSCHEMA,
    OPT_HELP,
    OPT_COUNT
};

#define OPT_BIT(opt) (UINT64_C(1) << (opt))

struct opt_row {
    const char *name;     /* without the dashes */
    char letter;          /* of the short form; 0: there is none */
    const char *argument; /* as the help shows it; NULL: it takes none */
    const char *sentence;
    bool repeats; /* --where only: the values are in opts->where */
};

#define OPTS_WHERE_MAX 32

struct opts {
    const struct command *command;
    const char *value[OPT_COUNT]; /* NULL: not given; "" for an option without argument */
    const char *where[OPTS_WHERE_MAX];
    size_t where_count;
    char **arguments; /* what is no option, in order; borrowed from argv */
    size_t arguments_count;
};

const struct opt_row *opt_row(enum opt opt);

/*
 * Reads the words behind the command's name. argv is reordered: the arguments come first. -1 and a
 * sentence (with the nearest option's name, when one was misspelt).
 */
int opts_parse(struct opts *opts, const struct command *command, int argc, char **argv,
               struct err *e);

static inline bool opts_has(const struct opts *opts, enum opt opt)
{
    return opts->value[opt] != NULL;
}

#endif
