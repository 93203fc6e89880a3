/*
 * test_hit.c - the line scanner of reports: the same fields as base/json finds, whatever the line.
 *
 * The last tests compare with a reader that goes through base/json from end to end, on lines that a
 * fixed seed makes up: every order of keys, keys twice, escapes, keys inside of values and params.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/report/hit.h"
#include "base/json.h"

static struct hit_wanted wanted;
static struct hit_scanner scanner;
static int country, banner, title;

struct seen {
    unsigned hits;
    char country[64], banner[64], title[64];
    int64_t ts_ms;
};

static void set_up(void)
{
    hit_wanted_begin(&wanted);
    hit_want(&wanted, STR("ts"));
    country = hit_want(&wanted, STR("country"));
    banner = hit_want(&wanted, STR("params.banner"));
    title = hit_want(&wanted, STR("title"));
    cr_assert_eq(hit_scanner_begin(&scanner, &wanted), 0);
}

static void tear_down(void)
{
    hit_scanner_end(&scanner);
}

TestSuite(hit, .init = set_up, .fini = tear_down);

static void note(void *arg, const struct hit *hit)
{
    struct seen *seen = arg;

    seen->hits++;
    seen->ts_ms = hit->ts_ms;
    snprintf(seen->country, sizeof seen->country, "%.*s", STR_ARG(hit->value[country]));
    snprintf(seen->banner, sizeof seen->banner, "%.*s", STR_ARG(hit->value[banner]));
    snprintf(seen->title, sizeof seen->title, "%.*s", STR_ARG(hit->value[title]));
}

static struct seen scan(const char *text)
{
    struct seen seen = { 0 };

    hit_scan(&scanner, str_of(text), note, &seen);
    return seen;
}

#define TS "\"ts\":\"2026-11-23T14:05:09.123Z\""

Test(hit, fields_are_found_in_any_order_and_shape)
{
    static const struct {
        const char *line, *country, *banner, *title;
    } rows[] = {
        { "{" TS ",\"country\":\"DE\",\"title\":\"x\"}", "DE", "", "x" },
        { "{\"title\":\"x\",\"country\":\"DE\"," TS "}\n", "DE", "", "x" },
        { "{" TS ",\"params\":{\"banner\":\"b\",\"country\":\"FR\"},\"country\":\"DE\"}", "DE", "b",
          "" },
        { "{" TS ",\"params\":{},\"country\":\"DE\"}", "DE", "", "" },
        { "{" TS ",\"title\":\"a \\\"quoted\\\", \\\\\",\"country\":\"DE\"}", "DE", "",
          "a \"quoted\", \\" },
        { "{" TS ",\"title\":\"\\u00fc,\\\"country\\\":\\\"FR\\\"\",\"country\":\"DE\"}", "DE", "",
          "\xC3\xBC,\"country\":\"FR\"" },
        { "{" TS ",\"sw\":1920,\"vid_new\":true,\"country\":null,\"title\":\"x\"}", "", "", "x" },
        { "{ " TS " , \"country\" : \"DE\" }", "DE", "", "" },
        { "{" TS ",\"mail\":[{\"a\":\"}\"}],\"country\":\"DE\"}", "DE", "", "" },
        { "{" TS ",\"params\":{\"banner\":{\"x\":[1]}},\"country\":\"DE\"}", "DE", "{\"x\":[1]}",
          "" },
        { "{" TS ",\"title\":\":\",\"country\":\"\"}", "", "", ":" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seen seen = scan(rows[i].line);

        cr_expect_eq(seen.hits, 1, "%s", rows[i].line);
        cr_expect_eq(seen.ts_ms, 1795442709123, "%s", rows[i].line);
        cr_expect_str_eq(seen.country, rows[i].country, "%s", rows[i].line);
        cr_expect_str_eq(seen.banner, rows[i].banner, "%s", rows[i].line);
        cr_expect_str_eq(seen.title, rows[i].title, "%s", rows[i].line);
    }
    cr_expect_eq(scanner.unusable, 0);
}

Test(hit, lines_that_are_no_records_are_counted_and_cost_no_other_line)
{
    struct seen seen =
        scan("{" TS ",\"country\":\"DE\"}\nnot json\n{\"country\":\"FR\"}\n{\"ts\":\"x\"}\n"
             "{" TS ",\"title\":\"cut\n\n{" TS ",\"country\":\"AT\"}\n");

    cr_expect_eq(seen.hits, 2);
    cr_expect_str_eq(seen.country, "AT");
    cr_expect_eq(scanner.unusable, 4);
}

Test(hit, a_line_cut_at_any_byte_is_no_record_and_reads_nothing_behind_it)
{
    static const char line[] = "{" TS ",\"title\":\"a\\\\\\\"b\",\"params\":{\"banner\":"
                               "\"\\u00fc\"},\"sw\":12,\"country\":\"DE\"}";

    for (size_t n = 1; n < sizeof line - 1; n++) {
        char *exact = malloc(n); /* so that a sanitizer sees the end */
        struct seen seen = { 0 };

        memcpy(exact, line, n);
        hit_scan(&scanner, str_from(exact, n), note, &seen);
        cr_expect_eq(seen.hits, 0, "cut at %zu", n);
        free(exact);
    }
    cr_expect_eq(scanner.unusable, sizeof line - 2);
}

/* Steps of 64 bytes: a quote, an escape or a line's end may stand on each side of every border. */
Test(hit, every_place_of_a_64_byte_step_gives_the_same)
{
    for (int shift = 0; shift < 130; shift++) {
        char text[1024];
        struct seen seen;

        snprintf(text, sizeof text,
                 "{" TS ",\"x\":\"%0*d\\\\\",\"title\":\"q\\\"\\\\\",\"country\":\"DE\"}\n{" TS
                 ",\"country\":\"FR\"}\n",
                 shift + 1, 0);
        seen = scan(text);
        cr_expect_eq(seen.hits, 2, "%d", shift);
        cr_expect_str_eq(seen.country, "FR", "%d", shift);
    }
    cr_expect_eq(scanner.unusable, 0);
}

/* ---- beside a simple reader --------------------------------------------------------------------- */

#define FIELDS 8

static const char *const fields[FIELDS] = { "ts", "v",    "vid",          "country",
                                            "ua", "path", "utm_campaign", "params.banner" };

static uint64_t state = 1;

static unsigned below(unsigned n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % n;
}

#define PICK(list) (list)[below(sizeof(list) / sizeof *(list))]

static void add_text(struct buf *b)
{
    static const char *const pieces[] = {
        "x",
        "DE",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        ": ",
        " ",
        "/a/b?c=d",
        "\\\"",
        "\\\\",
        "\\n",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\xC3\xA4",
        "\xE6\x9D\xB1",
        "\xF0\x9F\x98\x80",
        "\x7F",
        "'",
        "\\\",\\\"",
        "\\\",\\\"ua\\\":\\\"owned\\\"",
        "\\\":",
        ":\\\"",
        "},{",
        "\\\\\\\"",
        "\\/",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
    };

    buf_add_char(b, '"');
    for (unsigned n = below(5); n > 0; n--)
        buf_add_str(b, str_of(PICK(pieces)));
    buf_add_char(b, '"');
}

static void add_key(struct buf *b)
{
    static const char *const keys[] = {
        "v",    "vid",     "country",     "ua",  "path",     "utm_campaign", "id",    "uid",
        "kind", "query",   "campaign",    "pv",  "lang",     "xua",          "avid",  "entry",
        "",     "a\\\"ua", "ua\\\"",      ":x",  ":",        "\xC3\xA4ua",   "x\\\\", "banner",
        "sw",   "title",   "utm_campaig", "mid", "\\u0075a",
    };

    buf_addf(b, "\"%s\":", PICK(keys));
}

static void add_value(struct buf *b)
{
    static const char *const values[] = { "1",    "1920",     "-3.25", "true",           "false",
                                          "null", "[\"ua\"]", " 1",    "{\"ua\":\"x\"}", "[]" };

    if (below(4) > 0)
        add_text(b);
    else
        buf_add_str(b, str_of(PICK(values)));
}

static void add_params(struct buf *b)
{
    buf_add_lit(b, "\"params\":{");
    for (unsigned n = below(4); n > 0; n--) {
        add_key(b);
        if (below(20) == 0)
            add_value(b);
        else
            add_text(b);
        if (n > 1)
            buf_add_char(b, ',');
    }
    buf_add_char(b, '}');
}

static void add_line(struct buf *b)
{
    unsigned count = 1 + below(12), ts_at = below(count);

    buf_add_char(b, '{');
    for (unsigned i = 0; i < count; i++) {
        if (i == ts_at)
            buf_addf(b, "\"ts\":\"2026-11-2%uT1%u:0%u:0%u.%u23Z\"", below(10), below(10), below(2),
                     below(10), below(10));
        else if (below(8) == 0)
            add_params(b);
        else {
            add_key(b);
            add_value(b);
        }
        if (i + 1 < count)
            buf_add_char(b, ',');
    }
    buf_add_char(b, '}');
}

/* "field=value" for every field that a line has, the first one if there are several. */
struct found {
    struct buf b;
    char memory[1 << 17];
};

static void add_found(struct buf *b, const char *field, struct str value, bool escaped)
{
    if (value.p == NULL)
        return;
    buf_addf(b, "%s=", field);
    if (!escaped || !json_unescape(b, value))
        buf_add_str(b, value);
    buf_add_char(b, '\n');
}

static struct str find_simply(struct str object, struct str key)
{
    struct json_scan scan;
    struct json_field field;
    struct str params = STR("params."), value = STR_ABSENT;

    json_scan_begin(&scan, object);
    while (value.p == NULL && json_scan_next(&scan, &field) == 1) {
        if (str_starts(key, params) && str_eq(field.key, STR("params")) &&
            field.type == JSON_OBJECT) {
            value = find_simply(field.value, str_from(key.p + params.n, key.n - params.n));
        } else if (str_eq(field.key, key) && field.type != JSON_NULL) {
            value = field.value;
        }
    }
    return value;
}

static void read_simply(struct found *found, struct str line)
{
    for (int i = 0; i < FIELDS; i++)
        add_found(&found->b, fields[i], find_simply(line, str_of(fields[i])), true);
    buf_add_lit(&found->b, "--\n");
}

static void note_all(void *arg, const struct hit *hit)
{
    struct found *found = arg;

    for (int i = 0; i < FIELDS; i++)
        add_found(&found->b, fields[i], hit->value[i], false);
    buf_add_lit(&found->b, "--\n");
}

static struct found *found_new(void)
{
    struct found *found = calloc(1, sizeof *found);

    cr_assert_not_null(found);
    found->b = buf_over(found->memory, sizeof found->memory);
    return found;
}

static void want_all(struct hit_wanted *all, struct hit_scanner *reader)
{
    hit_wanted_begin(all);
    for (int i = 0; i < FIELDS; i++)
        cr_assert_eq(hit_want(all, str_of(fields[i])), i);
    cr_assert_eq(hit_scanner_begin(reader, all), 0);
}

Test(hit, made_up_lines_give_what_a_simple_reader_finds, .timeout = 120)
{
    static struct hit_wanted all;
    static char text[1 << 16];
    struct hit_scanner reader;

    want_all(&all, &reader);
    for (int round = 0; round < 1500; round++) {
        struct found *simple = found_new(), *quick = found_new();
        struct buf b = buf_over(text, sizeof text);
        char *exact;

        while (b.n < 20000) {
            size_t start = b.n;

            add_line(&b);
            read_simply(simple, str_from(text + start, b.n - start));
            buf_add_char(&b, '\n');
        }
        exact = malloc(b.n); /* so that a sanitizer sees both ends */
        memcpy(exact, text, b.n);
        reader.mark = marks_ways()[round % 2 != 0 && marks_ways()[1] != NULL];
        hit_scan(&reader, str_from(exact, b.n), note_all, quick);
        cr_assert_eq(quick->b.n, simple->b.n, "round %d", round);
        cr_assert_eq(memcmp(quick->memory, simple->memory, simple->b.n), 0, "round %d", round);
        free(exact);
        free(simple);
        free(quick);
    }
    cr_expect_eq(reader.unusable, 0);
    hit_scanner_end(&reader);
}

/* Whatever a damaged line is taken for, the lines around it are read as ever. */
Test(hit, a_damaged_line_costs_no_other, .timeout = 120)
{
    static struct hit_wanted all;
    static const char good[] = "{\"v\":1," TS ",\"ua\":\"good\",\"params\":{\"banner\":\"b\"}}\n";
    static char text[1 << 16];
    struct hit_scanner reader;

    want_all(&all, &reader);
    for (int round = 0; round < 20000; round++) {
        struct found *found = found_new();
        struct buf b = buf_over(text, sizeof text);
        size_t start, end;
        unsigned goods = 0;
        char *exact;

        buf_add_str(&b, str_of(good));
        start = b.n;
        add_line(&b);
        end = b.n;
        if (below(2) == 0)
            end = start + below((unsigned)(end - start));
        buf_rewind(&b, end);
        for (unsigned n = below(4); n > 0 && end > start; n--) {
            static const char bytes[] = "\"\\:,{}[] \tx\x80";

            text[start + below((unsigned)(end - start))] = bytes[below(sizeof bytes - 1)];
        }
        buf_add_lit(&b, "\n");
        buf_add_str(&b, str_of(good));
        exact = malloc(b.n);
        memcpy(exact, text, b.n);
        hit_scan(&reader, str_from(exact, b.n), note_all, found);
        buf_add_char(&found->b, '\0');
        for (const char *p = found->memory; (p = strstr(p, "ua=good\nparams.banner=b\n--\n")); p++)
            goods++;
        cr_assert_geq(goods, 2, "round %d: %.*s", round, (int)(end - start), exact + start);
        free(exact);
        free(found);
    }
    hit_scanner_end(&reader);
}

Test(hit, a_line_longer_than_the_marks_is_read_all_the_same)
{
    for (size_t n = MARKS_BYTES - 200; n < 3 * MARKS_BYTES; n += 97) {
        char *text = malloc(n + 400);
        int head = sprintf(text, "{" TS ",\"country\":\"DE\"}\n{\"country\":\"FR\",\"title\":\"");
        struct seen seen = { 0 };

        memset(text + head, 'x', n);
        sprintf(text + head + n, "\"," TS "}\n{" TS ",\"country\":\"AT\"}\n");
        hit_scan(&scanner, str_of(text), note, &seen);
        cr_expect_eq(seen.hits, 3, "%zu", n);
        cr_expect_str_eq(seen.country, "AT", "%zu", n);
        free(text);
    }
    cr_expect_eq(scanner.unusable, 0);
}
