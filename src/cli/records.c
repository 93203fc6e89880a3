/*
 * records.c - the forms in which records are printed. See records.h for the contract.
 *
 * Used by cat and tail. ndjson and json pass a line on as it is stored; csv (RFC 4180) has the
 * columns of the codec's table, a map as JSON text in one column, and what an analyst's spreadsheet
 * would run as a formula is defused.
 */
#include "cli/records.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"

#define COLUMNS_MAX     64
#define SHOWN_BYTES_MAX (4 * RECORD_BYTES_MAX + 1) /* \xXX for every byte, and an apostrophe */

struct records_form {
    const char *name;
    void (*begin)(struct records *r);
    bool (*put)(struct records *r, struct str line); /* false: the line is no record */
    void (*end)(struct records *r);
};

bool records_is_one(struct str line)
{
    struct json_scan scan;
    struct json_field field;
    int more;

    json_scan_begin(&scan, line);
    do {
        more = json_scan_next(&scan, &field);
    } while (more > 0);
    return more == 0;
}

static void nothing(struct records *r)
{
    (void)r;
}

static bool put_ndjson(struct records *r, struct str line)
{
    out_add_line(r->out, line);
    return true;
}

static void begin_json(struct records *r)
{
    out_add_str(r->out, STR("[\n"));
}

static bool put_json(struct records *r, struct str line)
{
    if (!records_is_one(line))
        return false;
    if (r->written > 0)
        out_add_str(r->out, STR(","));
    out_add_line(r->out, line);
    return true;
}

static void end_json(struct records *r)
{
    out_add_str(r->out, STR("]\n"));
}

static void begin_csv(struct records *r)
{
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++)
        out_addf(r->out, "%s%s", i == 0 ? "" : ",", fields[i].name);
    out_add_str(r->out, STR("\r\n"));
}

/* Spreadsheets take a cell that begins so for a formula; an apostrophe makes it text. */
static bool looks_like_formula(struct str s)
{
    int c = s.n > 0 ? s.p[0] : 0;

    return c == '=' || c == '+' || c == '-' || c == '@';
}

static void add_quoted(struct out *out, struct str s)
{
    struct str part;

    out_add_str(out, STR("\""));
    while ((part = str_cut(&s, '"')).p != NULL) {
        out_add_str(out, part);
        if (s.p != NULL)
            out_add_str(out, STR("\"\""));
    }
    out_add_str(out, STR("\""));
}

static bool needs_quotes(struct str s)
{
    return memchr(s.p, '"', s.n) != NULL || memchr(s.p, ',', s.n) != NULL;
}

/* What the cell holds, decoded; text that cannot be decoded is kept as it stands in the line. */
static struct str decode(struct records *r, const struct json_field *field)
{
    struct buf decoded = buf_over(r->scratch, RECORD_BYTES_MAX);

    if (field->type == JSON_STRING && json_unescape(&decoded, field->value))
        return buf_str(&decoded);
    return field->value;
}

/* Control characters become \xXX, so that a record is one line. */
static void add_cell(struct records *r, const struct json_field *field)
{
    struct buf shown = buf_over(r->scratch + RECORD_BYTES_MAX, SHOWN_BYTES_MAX);
    struct str value = decode(r, field);

    if (field->type == JSON_STRING && !r->raw && looks_like_formula(value))
        buf_add_char(&shown, '\'');
    utf8_add_printable(&shown, value);
    value = buf_str(&shown);
    if (needs_quotes(value))
        add_quoted(r->out, value);
    else
        out_add_str(r->out, value);
}

/* Lines have their fields in the table's order, so the search goes on where it last found one. */
static size_t find_column(const struct codec_field *fields, size_t count, size_t from,
                          struct str name)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (from + i) % count;

        if (str_eq(name, str_of(fields[at].name)))
            return at;
    }
    return count;
}

static bool split_columns(struct json_field *cells, const struct codec_field *fields, size_t count,
                          struct str line)
{
    struct json_scan scan;
    struct json_field field;
    size_t at = 0;
    int more;

    json_scan_begin(&scan, line);
    while ((more = json_scan_next(&scan, &field)) == 1) {
        size_t found = find_column(fields, count, at, field.key);

        if (found == count)
            continue; /* of a later schema version */
        cells[found] = field;
        at = found + 1;
    }
    return more == 0;
}

static bool put_csv(struct records *r, struct str line)
{
    struct json_field cells[COLUMNS_MAX] = { 0 };
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    assert(count <= COLUMNS_MAX);
    if (line.n > RECORD_BYTES_MAX || !split_columns(cells, fields, count, line))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            out_add_str(r->out, STR(","));
        if (cells[i].value.p != NULL && cells[i].type != JSON_NULL)
            add_cell(r, &cells[i]);
    }
    out_add_str(r->out, STR("\r\n"));
    return true;
}

static const struct records_form forms[] = {
    { "ndjson", nothing, put_ndjson, nothing },
    { "json", begin_json, put_json, end_json },
    { "csv", begin_csv, put_csv, nothing },
};

static const struct records_form *find_form(const char *name, struct err *e)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(name, forms[i].name) == 0)
            return &forms[i];
    }
    err_set(e, ERR_INPUT, "there is no form %s: write ndjson, json or csv", name);
    return NULL;
}

int records_begin(struct records *r, struct out *out, struct filter *filter, const char *format,
                  bool raw, struct err *e)
{
    *r = (struct records){ .out = out, .filter = filter, .raw = raw };
    r->form = find_form(format == NULL ? forms[0].name : format, e);
    if (r->form == NULL)
        return -1;
    r->scratch = malloc(RECORD_BYTES_MAX + SHOWN_BYTES_MAX);
    if (r->scratch == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    r->form->begin(r);
    return 0;
}

void records_put(struct records *r, struct str line)
{
    int verdict = filter_match(r->filter, line);

    if (verdict == 0)
        return;
    if (verdict < 0 || !r->form->put(r, line))
        r->unusable++;
    else
        r->written++;
}

void records_end(struct records *r)
{
    r->form->end(r);
    free(r->scratch);
}
