/*
 * help.c - the overview of commands and the help of one. See help.h for the contract.
 *
 * Called by main.c and by cmd_help.c. Nothing is written here that a table row says already.
 */
#include "cli/help.h"

#include "cli/opts.h"

#define COLUMN_BYTES 30
#define LINE_BYTES   96

static void add_spaces(struct buf *b, size_t n)
{
    while (n-- > 0)
        buf_add_char(b, ' ');
}

/* The sentence in lines that begin at the column; `used` bytes of the first are taken. */
static void add_wrapped(struct buf *b, const char *sentence, size_t used, size_t column)
{
    struct str rest = str_of(sentence), word;
    size_t at = used;

    if (at + 2 > column) {
        buf_add_char(b, '\n');
        at = 0;
    }
    add_spaces(b, column - at);
    at = column;
    while ((word = str_cut(&rest, ' ')).p != NULL) {
        if (at > column && at + 1 + word.n > LINE_BYTES) {
            buf_add_char(b, '\n');
            add_spaces(b, column);
            at = column;
        } else if (at > column) {
            buf_add_char(b, ' ');
            at++;
        }
        buf_add_str(b, word);
        at += word.n;
    }
    buf_add_char(b, '\n');
}

static void add_option(struct buf *b, const struct opt_row *row)
{
    size_t start = b->n;

    if (row->letter != 0)
        buf_addf(b, "  -%c, ", row->letter);
    else
        buf_add_lit(b, "      ");
    buf_addf(b, "--%s", row->name);
    if (row->argument != NULL)
        buf_addf(b, " %s", row->argument);
    add_wrapped(b, row->sentence, b->n - start, COLUMN_BYTES);
}

void help_add_overview(struct buf *b)
{
    size_t count;
    const struct command *command = commands(&count);

    buf_add_lit(b, "usage: crumb COMMAND [OPTION...]\n\n"
                   "Reads what crumbd has collected.\n\n");
    for (size_t i = 0; i < count; i++) {
        size_t start = b->n;

        buf_addf(b, "  %s", command[i].name);
        add_wrapped(b, command[i].sentence, b->n - start, 12);
    }
    buf_add_lit(b, "\n\"crumb COMMAND --help\" explains a command; the manual page is crumb(1).\n");
}

void help_add_command(struct buf *b, const struct command *command)
{
    buf_addf(b, "usage: crumb %s%s%s%s\n\n", command->name,
             command->options != 0 ? " [OPTION...]" : "", command->arguments[0] != '\0' ? " " : "",
             command->arguments);
    buf_addf(b, "%s.\n\n", command->sentence);
    for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
        if (opt == OPT_HELP || (command->options & OPT_BIT(opt)) != 0)
            add_option(b, opt_row(opt));
    }
}
