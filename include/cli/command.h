/*
 * command.h - what `crumb` can do: one row per command, one file cmd_NAME.c behind each row.
 *
 * The overview, each command's help and the check of crumb(1) follow from the rows. A new command
 * is a row in commands.c, a cmd_*.c and its paragraph in crumb(1); nothing else knows the names.
 */
#ifndef CRUMB_CLI_COMMAND_H
#define CRUMB_CLI_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct opts;

/* How the process ends; scripts rely on the numbers. */
enum ending {
    END_FINE = 0,
    END_ERROR = 1,   /* could not do it */
    END_USAGE = 2,   /* was asked for something that does not exist */
    END_DAMAGED = 3, /* did it, but part of what was read is damaged or missing */
};

/*
 * Does the command's work. For END_ERROR and END_USAGE the sentence is in e and main.c prints it;
 * damage has been told on stderr (verify: in its report) by the command itself.
 */
typedef enum ending command_fn(const struct opts *opts, struct err *e);

struct command {
    const char *name;
    const char *arguments;  /* as the help shows them; "" when it takes none */
    unsigned arguments_max; /* UINT_MAX: any number */
    const char *sentence;
    uint64_t options; /* 1 << enum opt for each option it takes; --help always is */
    command_fn *run;
};

const struct command *commands(size_t *count);

/* NULL and a sentence with the nearest names when there is none of that name. */
const struct command *command_find(const char *name, struct err *e);

command_fn cmd_cat, cmd_config, cmd_help, cmd_report, cmd_rollup, cmd_schema, cmd_tag, cmd_tail,
    cmd_verify;

#endif
