#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/records.h"

static char folder[] = "/tmp/crumb-records-XXXXXX";
static char path[64];
static struct out out;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void tear_down(void)
{
    remove(path);
    remove(folder);
}

TestSuite(records, .init = set_up, .fini = tear_down);

/* The lines in that form, from malloc; condition may be NULL. */
static char *print(const char *format, bool raw, const char *condition, const char *const *lines,
                   size_t count, struct records *r)
{
    struct filter *filter = filter_new(false);
    char *text;
    size_t n;

    cr_assert_eq(condition == NULL ? 0 : filter_add(filter, condition, NULL), 0);
    cr_assert_eq(out_open(&out, path, NULL), 0);
    cr_assert_eq(records_begin(r, &out, filter, format, raw, NULL), 0);
    for (size_t i = 0; i < count; i++)
        records_put(r, str_of(lines[i]));
    records_end(r);
    cr_assert_eq(out_close(&out, true, NULL), 0);
    filter_free(filter);
    cr_assert_eq(fs_read_all(path, 1 << 20, &text, &n, NULL), 0);
    return text;
}

static const char *const three[] = {
    "{\"v\":1,\"site\":\"shop\",\"sw\":1}",
    "{\"v\":1,\"site\":\"blog\",\"sw\":2}",
    "{\"v\":1,\"site\":\"shop\",\"sw\":3}",
};

Test(records, ndjson_passes_what_the_filter_lets_through_as_it_is)
{
    struct records r;
    char *text = print(NULL, false, "site=shop", three, 3, &r);

    cr_expect_str_eq(text, "{\"v\":1,\"site\":\"shop\",\"sw\":1}\n"
                           "{\"v\":1,\"site\":\"shop\",\"sw\":3}\n");
    cr_expect_eq(r.written, 2);
    cr_expect_eq(r.unusable, 0);
    free(text);
}

Test(records, json_is_one_array_also_when_it_is_empty)
{
    struct records r;
    char *text = print("json", false, "site=shop", three, 3, &r);

    cr_expect_str_eq(text, "[\n{\"v\":1,\"site\":\"shop\",\"sw\":1}\n"
                           ",{\"v\":1,\"site\":\"shop\",\"sw\":3}\n]\n");
    free(text);
    text = print("json", false, "site=none", three, 3, &r);
    cr_expect_str_eq(text, "[\n]\n");
    free(text);
}

Test(records, lines_that_are_no_records_are_counted_and_never_break_a_form)
{
    static const char *const lines[] = { "{\"v\":1}", "{\"v\":", "{\"v\":2}" };
    struct records r;
    char *text = print("json", false, NULL, lines, 3, &r);

    cr_expect_str_eq(text, "[\n{\"v\":1}\n,{\"v\":2}\n]\n");
    cr_expect_eq(r.unusable, 1);
    free(text);
    text = print("csv", false, NULL, lines, 3, &r);
    cr_expect_eq(r.unusable, 1);
    cr_expect_eq(r.written, 2);
    free(text);
    text = print("ndjson", false, "v!=7", lines, 3, &r);
    cr_expect_eq(r.unusable, 1);
    free(text);
}

/* Which column of the header has that name. */
static size_t column_of(const char *name)
{
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return i;
    }
    cr_assert_fail("%s", name);
    return 0;
}

/* The second row with all empty cells but one, as it should be. */
static void expect_cell(const char *text, const char *name, const char *cell)
{
    char wanted[1024];
    struct buf b = buf_over(wanted, sizeof wanted - 1);
    size_t count, column = column_of(name);
    const char *row = strstr(text, "\r\n");

    codec_fields(&count);
    for (size_t i = 0; i < count; i++)
        buf_addf(&b, "%s%s", i == 0 ? "" : ",", i == column ? cell : "");
    buf_add_lit(&b, "\r\n");
    wanted[b.n] = '\0';
    cr_assert_not_null(row);
    cr_expect_str_eq(row + 2, wanted, "%s: %s", cell, row + 2);
}

Test(records, csv_cells_are_quoted_defused_and_without_control_characters)
{
    static const struct {
        const char *line, *name, *cell, *raw;
    } rows[] = {
        { "{\"title\":\"plain\"}", "title", "plain", "plain" },
        { "{\"title\":\"a,b\"}", "title", "\"a,b\"", "\"a,b\"" },
        { "{\"title\":\"say \\\"hi\\\"\"}", "title", "\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\"" },
        { "{\"title\":\"\\\"\"}", "title", "\"\"\"\"", "\"\"\"\"" },
        { "{\"title\":\"=1+1\"}", "title", "'=1+1", "=1+1" },
        { "{\"title\":\"+1,2\"}", "title", "\"'+1,2\"", "\"+1,2\"" },
        { "{\"title\":\"-x\"}", "title", "'-x", "-x" },
        { "{\"title\":\"@SUM(A1)\"}", "title", "'@SUM(A1)", "@SUM(A1)" },
        { "{\"title\":\"\\u003d1\"}", "title", "'=1", "=1" },
        { "{\"title\":\"a\\n\\u001b[2Jb\"}", "title", "a\\x0a\\x1b[2Jb", "a\\x0a\\x1b[2Jb" },
        { "{\"city\":\"K\\u00f6ln\"}", "city", "K\xC3\xB6ln", "K\xC3\xB6ln" },
        { "{\"lat\":-12.5}", "lat", "-12.5", "-12.5" },
        { "{\"vid_new\":true}", "vid_new", "true", "true" },
        { "{\"title\":null}", "title", "", "" },
        { "{\"later\":\"field\",\"ua\":\"x\"}", "ua", "x", "x" },
        { "{\"params\":{\"a\":\"b\"}}", "params", "\"{\"\"a\"\":\"\"b\"\"}\"",
          "\"{\"\"a\"\":\"\"b\"\"}\"" },
        { "{\"title\":\"bad \\x\"}", "title", "bad \\x", "bad \\x" },
    };
    struct records r;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = print("csv", false, NULL, &rows[i].line, 1, &r);

        expect_cell(text, rows[i].name, rows[i].cell);
        free(text);
        text = print("csv", true, NULL, &rows[i].line, 1, &r);
        expect_cell(text, rows[i].name, rows[i].raw);
        free(text);
    }
}

Test(records, csv_finds_columns_in_any_order)
{
    static const char *const lines[] = { "{\"ua\":\"u\",\"v\":1,\"sw\":5,\"id\":\"i\"}" };
    struct records r;
    char *text = print("csv", false, NULL, lines, 1, &r), *at = strstr(text, "\r\n") + 2;
    static const char *const names[] = { "v", "id", "ua", "sw" }, *const cells[] = { "1", "i", "u",
                                                                                     "5" };
    struct str row = str_of(at), cell;

    cr_assert_not_null(at);
    for (size_t column = 0; (cell = str_cut(&row, ',')).p != NULL; column++) {
        for (size_t i = 0; i < 4; i++) {
            if (column == column_of(names[i]))
                cr_expect(str_eq(cell, str_of(cells[i])), "%s", names[i]);
        }
    }
    free(text);
}

Test(records, longest_possible_value_fits_a_csv_cell)
{
    static char line[RECORD_BYTES_MAX + 1];
    const char *lines[] = { line };
    struct records r;
    char *text;

    memset(line, '=', sizeof line - 1);
    memcpy(line, "{\"title\":\"", 10);
    memcpy(line + sizeof line - 3, "\"}", 2);
    text = print("csv", false, NULL, lines, 1, &r);
    cr_expect_eq(r.written, 1);
    cr_expect_not_null(strstr(text, ",'===="));
    free(text);
}

Test(records, form_that_does_not_exist_is_refused)
{
    struct records r;
    struct err e = { 0 };

    cr_expect_eq(records_begin(&r, &out, NULL, "xml", false, &e), -1);
    cr_expect_str_eq(e.text, "there is no form xml: write ndjson, json or csv");
}
