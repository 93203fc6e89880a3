/*
 * opts.c - the table of options and the reader of a command line. See opts.h for the contract.
 *
 * main.c calls it once, before the command runs. getopt_long is not used because it knows neither
 * which command takes which option nor the nearest name.
 */
#include "cli/opts.h"

#include "base/utf8.h"
#include "cli/nearest.h"

static const struct opt_row table[OPT_COUNT] = {
    [OPT_CONFIG] = { "config", 'c', "FILE", "The server's config file; its data folder is read",
                     false },
    [OPT_DATA] = { "data", 0, "DIR",
                   "The data folder; without it and -c: ./data, then /var/lib/crumb", false },
    [OPT_SINCE] = { "since", 0, "TIME",
                    "From then on: 24h, 7d, today, yesterday, 2026-11-23, 2026-11-23T14:05:00Z",
                    false },
    [OPT_UNTIL] = { "until", 0, "TIME", "Only before then", false },
    [OPT_TZ] = { "tz", 0, "ZONE",
                 "Where days begin and times without an offset are meant: UTC (default), "
                 "Europe/Berlin",
                 false },
    [OPT_SITE] = { "site", 0, "NAME[,NAME...]", "Only records of these sites", false },
    [OPT_WHERE] = { "where", 0, "CONDITION",
                    "Only records whose field=VALUE[,VALUE...], field!=VALUE[,VALUE...] or "
                    "field~REGEX; may be repeated, all must hold",
                    true },
    [OPT_LINES] = { "lines", 'n', "N", "First print the last N records (default 10)", false },
    [OPT_FORMAT] = { "format", 0, "FORM",
                     "cat: ndjson (default), json or csv; verify: text (default) or json; report: "
                     "table (default), json, ndjson, csv, md or html",
                     false },
    [OPT_RAW] = { "raw", 0, NULL,
                  "In csv, keep values that a spreadsheet would take for formulas as they are",
                  false },
    [OPT_REJECTED] = { "rejected", 0, NULL,
                       "What was refused and why, cut short, instead of the records", false },
    [OPT_OUTPUT] = { "output", 'o', "FILE",
                     "Write there instead of standard output; the file appears when it is complete",
                     false },
    [OPT_BY] = { "by", 0, "FIELD[,FIELD...]",
                 "Group by these instead of the report's own fields; any field of a record, "
                 "params.NAME, or one that reports derive (--list)",
                 false },
    [OPT_TOP] = { "top", 0, "N",
                  "Rows of a table (default 20; 10 in the summary, 15 on the page; 0: all)",
                  false },
    [OPT_SORT] = { "sort", 0, "COLUMN", "Sort by this column of the report", false },
    [OPT_COMPARE] = { "compare", 0, "previous",
                      "Compare with the period of the same length just before; needs --since",
                      false },
    [OPT_BOTS] = { "bots", 0, "WHICH", "Hits of programs: exclude (default), include or only",
                   false },
    [OPT_STEP] = { "step", 0, "STEP", "Of the timeline: hour, day, week or month", false },
    [OPT_IDLE] = { "idle", 0, "DURATION", "Ends a session (default 30m)", false },
    [OPT_MEMORY] = { "memory", 0, "SIZE",
                     "For tables, before the rest goes to a temporary file (default 1GiB)", false },
    [OPT_NO_ROLLUP] = { "no-rollup", 0, NULL,
                        "Read every hit, also where crumb rollup has left the answer", false },
    [OPT_LIST] = { "list", 0, NULL, "Print what reports there are, and the derived fields", false },
    [OPT_SAMPLE] = { "sample", 0, NULL,
                     "Print a sample file with every option, its default and its meaning", false },
    [OPT_DUCKDB] = { "duckdb", 0, NULL, "SQL for DuckDB: a view over the sealed files", false },
    [OPT_CLICKHOUSE] = { "clickhouse", 0, NULL,
                         "SQL for ClickHouse: a table, and how to fill it from the sealed files",
                         false },
    [OPT_JSONSCHEMA] = { "jsonschema", 0, NULL, "JSON Schema, draft 2020-12", false },
    [OPT_HELP] = { "help", 'h', NULL, "Explain the command and its options", false },
};

const struct opt_row *opt_row(enum opt opt)
{
    return &table[opt];
}

/* The words that are left, and the arguments found so far at the front of argv. */
struct words {
    char **argv;
    int argc, next;
};

static bool takes(const struct command *command, enum opt opt)
{
    return opt == OPT_HELP || (command->options & OPT_BIT(opt)) != 0;
}

static int take_value(struct opts *opts, enum opt opt, const char *value, struct err *e)
{
    const struct opt_row *row = &table[opt];

    if (row->repeats) {
        if (opts->where_count == OPTS_WHERE_MAX)
            return err_set(e, ERR_INPUT, "more than %d times --%s", OPTS_WHERE_MAX, row->name);
        opts->where[opts->where_count++] = value;
    } else if (opts->value[opt] != NULL) {
        return err_set(e, ERR_INPUT, "--%s is given twice", row->name);
    }
    opts->value[opt] = value;
    return 0;
}

/* attached: the value in the same word, or NULL when the next word is the value. */
static int take_option(struct opts *opts, enum opt opt, const char *attached, struct words *words,
                       struct err *e)
{
    const struct opt_row *row = &table[opt];

    if (!takes(opts->command, opt))
        return err_set(e, ERR_INPUT, "%s takes no --%s", opts->command->name, row->name);
    if (row->argument == NULL) {
        if (attached != NULL)
            return err_set(e, ERR_INPUT, "--%s takes no value", row->name);
        return take_value(opts, opt, "", e);
    }
    if (attached == NULL) {
        if (words->next == words->argc)
            return err_set(e, ERR_INPUT, "--%s needs %s behind it", row->name, row->argument);
        attached = words->argv[words->next++];
    }
    return take_value(opts, opt, attached, e);
}

/* word is what follows the two dashes: NAME or NAME=VALUE. */
static int take_long(struct opts *opts, const char *word, struct words *words, struct err *e)
{
    struct str rest = str_of(word), name = str_cut(&rest, '=');
    struct nearest nearest;
    char text[NEAREST_TEXT_BYTES];

    nearest_begin(&nearest, name);
    for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
        if (str_eq(name, str_of(table[opt].name)))
            return take_option(opts, opt, rest.p, words, e);
        if (takes(opts->command, opt))
            nearest_offer(&nearest, table[opt].name);
    }
    return err_set(e, ERR_INPUT, "there is no option --%.*s%s", STR_ARG(name),
                   nearest_text(&nearest, "--", text));
}

/* word is what follows one dash: LETTER or LETTERVALUE. */
static int take_short(struct opts *opts, const char *word, struct words *words, struct err *e)
{
    for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
        if (table[opt].letter == word[0])
            return take_option(opts, opt, word[1] == '\0' ? NULL : word + 1, words, e);
    }
    return err_set(e, ERR_INPUT, "there is no option -%.*s", (int)utf8_cut(str_of(word), 4).n,
                   word);
}

static int take_argument(struct opts *opts, char *word, struct err *e)
{
    if (opts->arguments_count == opts->command->arguments_max)
        return err_set(e, ERR_INPUT, "%s does not know what to do with %s", opts->command->name,
                       word);
    opts->arguments[opts->arguments_count++] = word;
    return 0;
}

int opts_parse(struct opts *opts, const struct command *command, int argc, char **argv,
               struct err *e)
{
    struct words words = { argv, argc, 0 };
    bool options_end = false;

    *opts = (struct opts){ .command = command, .arguments = argv };
    while (words.next < argc) {
        char *word = argv[words.next++];
        int r = 0;

        if (options_end || word[0] != '-' || word[1] == '\0')
            r = take_argument(opts, word, e);
        else if (strcmp(word, "--") == 0)
            options_end = true;
        else if (word[1] == '-')
            r = take_long(opts, word + 2, &words, e);
        else
            r = take_short(opts, word + 1, &words, e);
        if (r != 0)
            return r;
    }
    return 0;
}
