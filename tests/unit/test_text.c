/*
 * test_text.c - hostile text in every form that a report is written in.
 */
#include <criterion/criterion.h>

#include "report/text.h"

static void json(struct text *text, struct str s)
{
    text_add_json(text, s);
}

static void csv(struct text *text, struct str s)
{
    text_add_csv(text, s, true);
}

static void csv_raw(struct text *text, struct str s)
{
    text_add_csv(text, s, false);
}

Test(text, each_form_makes_what_the_data_holds_harmless)
{
    static const struct {
        void (*add)(struct text *text, struct str s);
        const char *in, *out;
    } rows[] = {
        { text_add_html, "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;" },
        { text_add_html, "\033[31m", "\\u001b[31m" },
        { text_add_html, "a\xE2\x80\xAEtxt", "a\\u202etxt" },
        { json, "</script>\"\\\n", "\"\\u003c/script\\u003e\\\"\\\\\\n\"" },
        { csv, "=1+1", "'=1+1" },
        { csv, "@x", "'@x" },
        { csv, "\tx", "'\\u0009x" },
        { csv, "-1,2", "\"'-1,2\"" },
        { csv, "a\"b\n", "\"a\"\"b\\u000a\"" },
        { csv_raw, "=1+1", "=1+1" },
        { csv, "", "" },
        { csv, "a;=1+1", "\"a;=1+1\"" },
        { csv,
          "\xEF\xBC\x9D"
          "1",
          "'\xEF\xBC\x9D"
          "1" },
        { text_add_csv_exact, "=1\n\x1B[31m\"", "\"=1\n\x1B[31m\"\"\"" },
        { text_add_csv_exact, "a\rb", "\"a\rb\"" },
        { text_add_markdown, "|x|*y*[z](javascript:1)<b>",
          "\\|x\\|\\*y\\*\\[z\\](javascript:1)&lt;b&gt;" },
        { text_add_markdown, "a\nb", "a\\\\u000ab" },
        { text_add_printable, "\x1B]0;x\x07\x7F\xC2\x85", "\\u001b]0;x\\u0007\\u007f\\u0085" },
        { text_add_printable, "\xFFok", "\xEF\xBF\xBDok" },
        { text_add_printable, "\xE2\x81\xA6x\xEF\xBB\xBF", "\\u2066x\\ufeff" },
        { text_add_printable,
          "a\xE2\x80\x8B"
          "b\xC2\xAD\xD8\x9C",
          "a\\u200bb\\u00ad\\u061c" },
        { text_add_printable, "\xF3\xA0\x81\x81", "\\ue0041" },
        { text_add_printable, "\xE0\xA4\x95\xE2\x80\x8D", "\xE0\xA4\x95\xE2\x80\x8D" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text = { 0 };

        rows[i].add(&text, str_of(rows[i].in));
        cr_expect(str_eq(str_from(text.p == NULL ? "" : text.p, text.n), str_of(rows[i].out)),
                  "%s: %.*s", rows[i].in, (int)text.n, text.p == NULL ? "" : text.p);
        text_free(&text);
    }
}
