/*
 * help.h - the help texts, made from the tables of commands and options.
 */
#ifndef CRUMB_CLI_HELP_H
#define CRUMB_CLI_HELP_H

#include "base/buf.h"
#include "cli/command.h"

#define HELP_BYTES 16384

void help_add_overview(struct buf *b);
void help_add_command(struct buf *b, const struct command *command);

#endif
