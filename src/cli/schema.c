/*
 * schema.c - SQL and JSON Schema from codec_fields. See schema.h for the contract.
 *
 * Called by cmd_schema.c and by the tests. Nothing here names a field but those that every record
 * has: a new row in the codec's table appears in every schema.
 */
#include "cli/schema.h"

#include "base/json.h"
#include "model/codec.h"

#define FILES "/hits/dt=*/hour=*/*.ndjson.gz"

/* A record without one of these is none. */
static const char *const always[] = { "v", "ts", "id", "kind" };

struct type_names {
    const char *duckdb, *clickhouse, *json;
};

/* In ClickHouse an absent string is empty and an absent boolean false; an absent number is NULL. */
static const struct type_names types[] = {
    [CODEC_INTEGER] = { "BIGINT", "Nullable(Int64)", "\"type\": \"integer\"" },
    [CODEC_NUMBER] = { "DOUBLE", "Nullable(Float64)", "\"type\": \"number\"" },
    [CODEC_STRING] = { "VARCHAR", "String", "\"type\": \"string\"" },
    [CODEC_BOOLEAN] = { "BOOLEAN", "Bool", "\"type\": \"boolean\"" },
    [CODEC_TIMESTAMP] = { "TIMESTAMP", "DateTime64(3, 'UTC')",
                          "\"type\": \"string\", \"format\": \"date-time\"" },
    [CODEC_MAP] = { "MAP(VARCHAR, VARCHAR)", "Map(String, String)",
                    "\"type\": \"object\", \"additionalProperties\": { \"type\": \"string\" }" },
};

/* Inside ClickHouse's strings quotes and backslashes stand behind a backslash. */
static void add_clickhouse_text(struct buf *b, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\')
            buf_add_char(b, '\\');
        buf_add_char(b, *p);
    }
}

/* A folder in a pattern in a string: wildcards stand in brackets, quotes are doubled. */
static void add_duckdb_folder(struct buf *b, const char *data)
{
    for (const char *p = data; *p != '\0'; p++) {
        if (strchr("*?[", *p) != NULL)
            buf_addf(b, "[%c]", *p);
        else if (*p == '\'')
            buf_add_lit(b, "''");
        else
            buf_add_char(b, *p);
    }
}

void schema_add_duckdb(struct buf *b, const char *data)
{
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    buf_add_lit(b, "-- Needs at least one sealed file; live data: crumb cat.\n"
                   "CREATE OR REPLACE VIEW hits AS SELECT * FROM read_json(\n    '");
    add_duckdb_folder(b, data);
    buf_add_lit(b, FILES "',\n    format = 'newline_delimited',\n    compression = 'gzip',\n");
    buf_add_lit(b, "    columns = {\n");
    for (size_t i = 0; i < count; i++)
        buf_addf(b, "        '%s': '%s'%s -- %s\n", fields[i].name, types[fields[i].type].duckdb,
                 i + 1 < count ? "," : "", fields[i].sentence);
    buf_add_lit(b, "    },\n    hive_partitioning = true,\n"
                   "    hive_types = { 'dt': DATE, 'hour': INTEGER });\n");
}

static void add_clickhouse_columns(struct buf *b)
{
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++) {
        buf_addf(b, "    `%s` %s COMMENT '", fields[i].name, types[fields[i].type].clickhouse);
        add_clickhouse_text(b, fields[i].sentence);
        buf_addf(b, "'%s\n", i + 1 < count ? "," : "");
    }
}

void schema_add_clickhouse(struct buf *b, const char *data)
{
    buf_add_lit(b, "CREATE TABLE IF NOT EXISTS hits\n(\n");
    add_clickhouse_columns(b);
    buf_add_lit(b, ")\nENGINE = MergeTree\nPARTITION BY toDate(ts)\nORDER BY (site, ts, id);\n\n"
                   "-- Where the server sees the files:\n"
                   "INSERT INTO hits SELECT * FROM file('");
    add_clickhouse_text(b, data);
    buf_add_lit(b, FILES "', 'JSONEachRow')\n"
                         "SETTINGS date_time_input_format = 'best_effort';\n\n"
                         "-- From anywhere, live data included:\n"
                         "--   crumb cat | clickhouse-client --date_time_input_format best_effort "
                         "--query 'INSERT INTO hits FORMAT JSONEachRow'\n");
}

static void add_json_properties(struct buf *b)
{
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++) {
        const struct codec_field *f = &fields[i];

        buf_addf(b, "    \"%s\": { %s, ", f->name, types[f->type].json);
        if (f->type == CODEC_STRING && f->max_bytes > 0)
            buf_addf(b, "\"maxLength\": %u, ", f->max_bytes);
        buf_add_lit(b, "\"description\": ");
        json_add_string(b, str_of(f->sentence));
        buf_addf(b, " }%s\n", i + 1 < count ? "," : "");
    }
}

void schema_add_jsonschema(struct buf *b, const char *data)
{
    (void)data;
    buf_add_lit(b, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                   "  \"title\": \"crumb hit\",\n"
                   "  \"description\": \"One line of a sealed file or of crumb cat\",\n"
                   "  \"type\": \"object\",\n  \"required\": [");
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        buf_addf(b, "%s\"%s\"", i == 0 ? "" : ", ", always[i]);
    buf_add_lit(b, "],\n  \"properties\": {\n");
    add_json_properties(b);
    buf_add_lit(b, "  }\n}\n");
}
