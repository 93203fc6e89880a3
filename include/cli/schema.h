/*
 * schema.h - what a record is, in the languages of other tools, from the codec's table of fields.
 */
#ifndef CRUMB_CLI_SCHEMA_H
#define CRUMB_CLI_SCHEMA_H

#include "base/buf.h"

#define SCHEMA_BYTES 65536

/*
 * data: the data folder's name as the other tool will see it; it need not exist. Characters that
 * mean something in SQL or in a file pattern are quoted.
 */
void schema_add_duckdb(struct buf *b, const char *data);
void schema_add_clickhouse(struct buf *b, const char *data);

/* JSON Schema, draft 2020-12, of one line. data is not looked at. */
void schema_add_jsonschema(struct buf *b, const char *data);

#endif
