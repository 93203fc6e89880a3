/*
 * test_page.c - filling in a page.
 */
#include <criterion/criterion.h>

#include "server/page.h"

static const struct page_part parts[] = {
    { "yes", .shown = true },
    { "no", .shown = false },
    { "text", .text = { "a<b & \"c\"", 9 } },
    { "raw", .raw = true, .text = { "a>b", 3 } },
};

static const struct {
    const char *page;
    const char *result;
} rows[] = {
    { "", "" },
    { "plain > text", "plain > text" },
    { "<!--put text-->", "a&lt;b &amp; &quot;c&quot;" },
    { "<p><!--put raw--></p>", "<p>a>b</p>" },
    { "1<!--if yes-->2<!--end-->3", "123" },
    { "1<!--if no-->2<!--end-->3", "13" },
    { "1<!--if no-->2<!--put raw--><!--end-->3<!--put raw-->", "13a>b" },
    { "<!--if no-->1<!--end--><!--if yes-->2<!--end--><!--if no-->3<!--end-->", "2" },
};

Test(page, parts_are_put_shown_and_escaped)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char memory[256];
        struct buf b = buf_over(memory, sizeof memory);

        page_add(&b, str_of(rows[i].page), parts, sizeof parts / sizeof parts[0]);
        cr_expect(str_eq(buf_str(&b), str_of(rows[i].result)), "%s: %.*s", rows[i].page,
                  STR_ARG(buf_str(&b)));
    }
}
