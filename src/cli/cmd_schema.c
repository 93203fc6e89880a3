/*
 * cmd_schema.c - crumb schema: the record for DuckDB, ClickHouse or a JSON validator.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/opts.h"
#include "cli/out.h"
#include "cli/query.h"
#include "cli/schema.h"

/* What can be asked for; exactly one must be. */
static const struct {
    enum opt opt;
    void (*add)(struct buf *b, const char *data);
} languages[] = {
    { OPT_DUCKDB, schema_add_duckdb },
    { OPT_CLICKHOUSE, schema_add_clickhouse },
    { OPT_JSONSCHEMA, schema_add_jsonschema },
};

#define LANGUAGES_ROWS (sizeof languages / sizeof languages[0])

/* The row that was asked for; LANGUAGES_ROWS when none or several were. */
static size_t choose(const struct opts *opts)
{
    size_t chosen = LANGUAGES_ROWS;

    for (size_t i = 0; i < LANGUAGES_ROWS; i++) {
        if (!opts_has(opts, languages[i].opt))
            continue;
        if (chosen != LANGUAGES_ROWS)
            return LANGUAGES_ROWS;
        chosen = i;
    }
    return chosen;
}

/* The SQL is used somewhere else, so a relative name would not be found again. */
static int make_absolute(char path[PATH_MAX], struct err *e)
{
    char here[PATH_MAX], joined[PATH_MAX];
    const char *name = strncmp(path, "./", 2) == 0 ? path + 2 : path;

    if (path[0] == '/')
        return 0;
    if (getcwd(here, sizeof here) == NULL)
        return err_sys(e, "cannot tell the current folder");
    if (snprintf(joined, sizeof joined, "%s/%s", here, name) >= (int)sizeof joined)
        return err_set(e, ERR_INPUT, "the name of the data folder is too long");
    memcpy(path, joined, strlen(joined) + 1);
    return 0;
}

static enum ending print(size_t language, const char *data, struct err *e)
{
    char memory[SCHEMA_BYTES];
    struct buf text = buf_over(memory, sizeof memory);
    struct out out;

    languages[language].add(&text, data);
    if (out_open(&out, NULL, e) != 0)
        return END_ERROR;
    out_add_str(&out, buf_str(&text));
    return out_close(&out, true, e) == 0 ? END_FINE : END_ERROR;
}

enum ending cmd_schema(const struct opts *opts, struct err *e)
{
    size_t language = choose(opts);
    char data[PATH_MAX];

    if (language == LANGUAGES_ROWS) {
        err_set(e, ERR_INPUT, "write exactly one of --duckdb, --clickhouse and --jsonschema");
        return END_USAGE;
    }
    if (query_data(data, opts, e) != 0 || make_absolute(data, e) != 0)
        return END_ERROR;
    return print(language, data, e);
}
