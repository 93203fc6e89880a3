/*
 * main.c - finds the command that was asked for, lets it run, and prints the one sentence when it
 * failed.
 *
 * Standard output carries data only; everything that is said about them goes to standard error.
 */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/help.h"
#include "cli/opts.h"

static enum ending no_command(void)
{
    char memory[HELP_BYTES];
    struct buf text = buf_over(memory, sizeof memory);

    help_add_overview(&text);
    fwrite(text.p, 1, text.n, stderr);
    return END_USAGE;
}

/* "crumb --help" and "crumb -h" are the help command, "crumb cat --help" is "crumb help cat". */
static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static enum ending run(int argc, char **argv, const struct command **command, struct err *e)
{
    struct opts opts;

    *command = command_find(asks_for_help(argv[1]) ? "help" : argv[1], e);
    if (*command == NULL || opts_parse(&opts, *command, argc - 2, argv + 2, e) != 0)
        return END_USAGE;
    if (opts_has(&opts, OPT_HELP)) {
        char *name[] = { argv[1] };

        opts.arguments = name;
        opts.arguments_count = (*command)->run == cmd_help ? 0 : 1;
        return cmd_help(&opts, e);
    }
    return (*command)->run(&opts, e);
}

int main(int argc, char **argv)
{
    const struct command *command;
    enum ending ending;
    struct err e = { 0 };

    log_program("crumb");
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is seen by the write */
    if (argc < 2)
        return no_command();
    ending = run(argc, argv, &command, &e);
    if (e.code != ERR_NONE)
        log_error("%s", e.text);
    if (ending == END_USAGE)
        log_notice("try: crumb %s%s", command == NULL ? "" : command->name,
                   command == NULL ? "help" : " --help");
    return ending;
}
