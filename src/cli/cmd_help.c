/*
 * cmd_help.c - crumb help [COMMAND]: the help texts on standard output.
 */
#include "cli/help.h"
#include "cli/opts.h"
#include "cli/out.h"

static enum ending print(const struct buf *text, struct err *e)
{
    struct out out;

    if (out_open(&out, NULL, e) != 0)
        return END_ERROR;
    out_add_str(&out, buf_str(text));
    return out_close(&out, true, e) == 0 ? END_FINE : END_ERROR;
}

enum ending cmd_help(const struct opts *opts, struct err *e)
{
    char memory[HELP_BYTES];
    struct buf text = buf_over(memory, sizeof memory);
    const struct command *command;

    if (opts->arguments_count == 0) {
        help_add_overview(&text);
        return print(&text, e);
    }
    command = command_find(opts->arguments[0], e);
    if (command == NULL)
        return END_USAGE;
    help_add_command(&text, command);
    return print(&text, e);
}
