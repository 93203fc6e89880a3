#include <criterion/criterion.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/schema.h"
#include "model/codec.h"

static char memory[SCHEMA_BYTES];

static const char *text_of(void (*add)(struct buf *b, const char *data), const char *data)
{
    struct buf b = buf_over(memory, sizeof memory - 1);

    add(&b, data);
    cr_assert_not(b.full);
    memory[b.n] = '\0';
    return memory;
}

Test(schema, every_field_is_in_every_schema_with_its_sentence)
{
    static const struct {
        void (*add)(struct buf *b, const char *data);
        const char *quote;
    } rows[] = {
        { schema_add_duckdb, "'" },
        { schema_add_clickhouse, "`" },
        { schema_add_jsonschema, "\"" },
    };
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = text_of(rows[i].add, "/data");

        for (size_t f = 0; f < count; f++) {
            char name[64], sentence[16];

            snprintf(name, sizeof name, "    %s%s%s", rows[i].quote, fields[f].name, rows[i].quote);
            snprintf(sentence, sizeof sentence, "%s", fields[f].sentence);
            cr_expect_not_null(strstr(text, name), "row %zu: %s", i, name);
            cr_expect_not_null(strstr(text, strtok(sentence, "'")), "row %zu: %s", i, sentence);
        }
    }
}

Test(schema, folder_names_cannot_break_out_of_the_sql)
{
    static const struct {
        void (*add)(struct buf *b, const char *data);
        const char *data, *quoted;
    } rows[] = {
        { schema_add_duckdb, "/my data", "'/my data/hits/dt=" },
        { schema_add_duckdb, "/a'); DROP TABLE x; --", "'/a''); DROP TABLE x; --/hits/dt=" },
        { schema_add_duckdb, "/a*b?c[d]", "'/a[*]b[?]c[[]d]/hits/dt=" },
        { schema_add_clickhouse, "/a'); DROP TABLE x; --", "'/a\\'); DROP TABLE x; --/hits/dt=" },
        { schema_add_clickhouse, "/a\\'b", "'/a\\\\\\'b/hits/dt=" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = text_of(rows[i].add, rows[i].data);

        cr_expect_not_null(strstr(text, rows[i].quoted), "row %zu: %s", i, text);
    }
}

Test(schema, json_schema_is_json_and_names_what_every_record_has)
{
    struct str text = str_of(text_of(schema_add_jsonschema, ""));
    struct json_field required, properties, field;
    struct json_scan scan;
    size_t count, seen = 0;
    int more;

    cr_assert(json_find(text, STR("required"), &required));
    cr_expect(str_eq(required.value, STR("[\"v\", \"ts\", \"id\", \"kind\"]")));
    cr_assert(json_find(text, STR("properties"), &properties));
    codec_fields(&count);
    json_scan_begin(&scan, properties.value);
    while ((more = json_scan_next(&scan, &field)) == 1) {
        struct json_field type;

        cr_expect(json_find(field.value, STR("type"), &type), "%.*s", STR_ARG(field.key));
        seen++;
    }
    cr_expect_eq(more, 0);
    cr_expect_eq(seen, count);
}
