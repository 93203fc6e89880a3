/*
 * commands.c - the table of commands. See command.h for the contract.
 */
#include <limits.h>

#include "cli/command.h"
#include "cli/nearest.h"
#include "cli/opts.h"

#define DATA_OPTIONS (OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_DATA))
#define RECORD_OPTIONS                                                                             \
    (DATA_OPTIONS | OPT_BIT(OPT_SINCE) | OPT_BIT(OPT_UNTIL) | OPT_BIT(OPT_TZ) |                    \
     OPT_BIT(OPT_SITE) | OPT_BIT(OPT_WHERE))

static const struct command table[] = {
    { "cat", "", 0, "Prints every record as it is stored, one line each, live data included",
      RECORD_OPTIONS | OPT_BIT(OPT_FORMAT) | OPT_BIT(OPT_RAW) | OPT_BIT(OPT_OUTPUT), cmd_cat },
    { "tail", "", 0, "Prints the last records and then each new one as it arrives",
      RECORD_OPTIONS | OPT_BIT(OPT_LINES) | OPT_BIT(OPT_REJECTED), cmd_tail },
    { "report", "[NAME...]", UINT_MAX,
      "Answers from the records: views, visitors, sessions, pages, referrers ... (--list names "
      "all)",
      RECORD_OPTIONS | OPT_BIT(OPT_BY) | OPT_BIT(OPT_TOP) | OPT_BIT(OPT_SORT) |
          OPT_BIT(OPT_COMPARE) | OPT_BIT(OPT_BOTS) | OPT_BIT(OPT_STEP) | OPT_BIT(OPT_IDLE) |
          OPT_BIT(OPT_MEMORY) | OPT_BIT(OPT_NO_ROLLUP) | OPT_BIT(OPT_LIST) | OPT_BIT(OPT_FORMAT) |
          OPT_BIT(OPT_RAW) | OPT_BIT(OPT_OUTPUT),
      cmd_report },
    { "rollup", "", 0,
      "Adds up finished hours, days, months and years, for reports that need not read them again",
      DATA_OPTIONS | OPT_BIT(OPT_TZ) | OPT_BIT(OPT_IDLE) | OPT_BIT(OPT_MEMORY), cmd_rollup },
    { "verify", "[PATH...]", UINT_MAX,
      "Reads every byte of the data, or of the files named, and tells what is damaged or missing",
      DATA_OPTIONS | OPT_BIT(OPT_FORMAT), cmd_verify },
    { "config", "", 0, "Checks a config file and prints the values in effect as YAML",
      OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_SAMPLE), cmd_config },
    { "schema", "", 0, "Prints what a record is, in the language of another tool",
      DATA_OPTIONS | OPT_BIT(OPT_DUCKDB) | OPT_BIT(OPT_CLICKHOUSE) | OPT_BIT(OPT_JSONSCHEMA),
      cmd_schema },
    { "tag", "", 0, "Prints what the pages of a site need: script, pixel, integrity",
      OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_SITE), cmd_tag },
    { "help", "[COMMAND]", 1, "Explains a command and its options", 0, cmd_help },
};

#define TABLE_ROWS (sizeof table / sizeof table[0])

const struct command *commands(size_t *count)
{
    *count = TABLE_ROWS;
    return table;
}

const struct command *command_find(const char *name, struct err *e)
{
    struct nearest nearest;
    char text[NEAREST_TEXT_BYTES];

    nearest_begin(&nearest, str_of(name));
    for (size_t i = 0; i < TABLE_ROWS; i++) {
        if (strcmp(name, table[i].name) == 0)
            return &table[i];
        nearest_offer(&nearest, table[i].name);
    }
    err_set(e, ERR_INPUT, "there is no command %s%s", name, nearest_text(&nearest, "", text));
    return NULL;
}
