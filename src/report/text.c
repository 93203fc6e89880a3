/*
 * text.c - builds a report's output. See report/text.h for the contract.
 */
#include "report/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"

void text_free(struct text *text)
{
    free(text->p);
    *text = (struct text){ 0 };
}

/* Room for n bytes behind the end, or NULL. */
static char *make_room(struct text *text, size_t n)
{
    if (text->failed)
        return NULL;
    if (text->cap - text->n < n) {
        size_t cap = (text->n + n) * 2 + 1024;
        char *p = realloc(text->p, cap);

        if (p == NULL) {
            text->failed = true;
            return NULL;
        }
        text->p = p;
        text->cap = cap;
    }
    return text->p + text->n;
}

void text_add(struct text *text, const void *p, size_t n)
{
    char *room = make_room(text, n);

    if (room == NULL || p == NULL || n == 0)
        return;
    memcpy(room, p, n);
    text->n += n;
}

void text_add_str(struct text *text, struct str s)
{
    text_add(text, s.p, s.n);
}

void text_addf(struct text *text, const char *format, ...)
{
    char *memory;
    va_list args;
    int n;

    va_start(args, format);
    n = vasprintf(&memory, format, args);
    va_end(args);
    if (n < 0) {
        text->failed = true;
        return;
    }
    text_add(text, memory, (size_t)n);
    free(memory);
}

/* Lets add write s at the end; no escape here is longer than 6 bytes for one. */
static void add_escaped(struct text *text, struct str s, void (*add)(struct buf *b, struct str s))
{
    size_t n = s.n * 6;
    char *room = make_room(text, n);
    struct buf b = buf_over(room, n);

    if (room == NULL || s.n == 0)
        return;
    add(&b, s);
    text->n += b.n;
}

/* Replaces each byte that has a row; the rest goes through as it is. */
struct escape {
    char byte;
    const char *text;
};

static const char *find_escape(const struct escape *escapes, char byte)
{
    while (escapes->text != NULL && escapes->byte != byte)
        escapes++;
    return escapes->text;
}

static void add_replaced(struct text *text, struct str s, const struct escape *escapes)
{
    size_t from = 0;

    for (size_t i = 0; s.p != NULL && i < s.n; i++) {
        const char *with = find_escape(escapes, s.p[i]);

        if (with == NULL)
            continue;
        text_add(text, s.p + from, i - from);
        text_add(text, with, strlen(with));
        from = i + 1;
    }
    text_add(text, s.p + from, s.n - from);
}

void text_add_json(struct text *text, struct str s)
{
    static const struct escape markup[] = {
        { '<', "\\u003c" }, { '>', "\\u003e" }, { '&', "\\u0026" }, { 0, NULL }
    };
    struct text escaped = { 0 };

    add_escaped(&escaped, s, json_add_escaped);
    text_add_lit(text, "\"");
    add_replaced(text, str_from(escaped.p, escaped.n), markup);
    text_add_lit(text, "\"");
    text->failed |= escaped.failed;
    text_free(&escaped);
}

/* What spreadsheets evaluate: OWASP, "CSV Injection"; the wide forms are taken for the same in East Asia. */
static bool is_formula(struct str s)
{
    static const struct str signs[] = {
        { "=", 1 },
        { "+", 1 },
        { "-", 1 },
        { "@", 1 },
        { "\t", 1 },
        { "\r", 1 },
        { "\xEF\xBC\x9D", 3 },
        { "\xEF\xBC\x8B", 3 },
        { "\xEF\xBC\x8D", 3 },
        { "\xEF\xBC\xA0", 3 },
    };

    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (str_starts(s, signs[i]))
            return true;
    }
    return false;
}

/* Between quotes when a reader needs them, also one that cuts at semicolons; first stands in front of the value. */
static void add_csv_value(struct text *text, struct str first, struct str s)
{
    static const struct escape quotes[] = { { '"', "\"\"" }, { 0, NULL } };
    bool quoted = false;

    for (size_t i = 0; s.p != NULL && i < s.n; i++)
        quoted |= memchr(",;\"\r\n", s.p[i], 5) != NULL;
    text_add_str(text, quoted ? STR("\"") : STR(""));
    text_add_str(text, first);
    add_replaced(text, s, quotes);
    text_add_str(text, quoted ? STR("\"") : STR(""));
}

void text_add_csv(struct text *text, struct str s, bool guard)
{
    struct text shown = { 0 };

    text_add_printable(&shown, s);
    add_csv_value(text, guard && is_formula(s) ? STR("'") : STR(""), str_from(shown.p, shown.n));
    text->failed |= shown.failed;
    text_free(&shown);
}

void text_add_csv_exact(struct text *text, struct str s)
{
    add_csv_value(text, STR(""), s);
}

void text_add_html(struct text *text, struct str s)
{
    static const struct escape markup[] = { { '<', "&lt;" },   { '>', "&gt;" },   { '&', "&amp;" },
                                            { '"', "&quot;" }, { '\'', "&#39;" }, { 0, NULL } };
    struct text shown = { 0 };

    text_add_printable(&shown, s);
    add_replaced(text, str_from(shown.p, shown.n), markup);
    text->failed |= shown.failed;
    text_free(&shown);
}

void text_add_markdown(struct text *text, struct str s)
{
    static const struct escape marks[] = { { '|', "\\|" },   { '*', "\\*" },   { '_', "\\_" },
                                           { '`', "\\`" },   { '\\', "\\\\" }, { '[', "\\[" },
                                           { ']', "\\]" },   { '<', "&lt;" },  { '>', "&gt;" },
                                           { '&', "&amp;" }, { '#', "\\#" },   { '~', "\\~" },
                                           { 0, NULL } };
    struct text shown = { 0 };

    text_add_printable(&shown, s);
    add_replaced(text, str_from(shown.p, shown.n), marks);
    text->failed |= shown.failed;
    text_free(&shown);
}

void text_add_printable(struct text *text, struct str s)
{
    size_t from = 0, at = 0;

    while (at < s.n) {
        uint32_t point;
        bool valid;
        size_t n = utf8_next(str_from(s.p + at, s.n - at), &point, &valid);

        if (!valid || utf8_has_no_shape(point)) {
            text_add(text, s.p + from, at - from);
            if (valid)
                text_addf(text, "\\u%04x", (unsigned)point);
            else
                text_add_lit(text, "\xEF\xBF\xBD");
            from = at + n;
        }
        at += n;
    }
    text_add(text, s.p + from, s.n - from);
}
