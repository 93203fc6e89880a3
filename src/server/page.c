/*
 * page.c - fills in a page. See page.h for the contract. Called by the endpoints that show one.
 */
#include "server/page.h"

#include <assert.h>

#define MARK_OPEN  "<!--"
#define MARK_CLOSE "-->"

void page_add_escaped(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '&':
            buf_add_lit(b, "&amp;");
            break;
        case '<':
            buf_add_lit(b, "&lt;");
            break;
        case '>':
            buf_add_lit(b, "&gt;");
            break;
        case '"':
            buf_add_lit(b, "&quot;");
            break;
        default:
            buf_add_char(b, s.p[i]);
        }
    }
}

/*
 * Cuts *rest at the next needle, which is taken away too. Without one all of *rest is the part
 * before.
 */
static struct str cut_before(struct str *rest, struct str needle)
{
    const char *at = rest->n == 0 ? NULL : memmem(rest->p, rest->n, needle.p, needle.n);
    struct str before = *rest;

    if (at == NULL) {
        *rest = STR_ABSENT;
        return before;
    }
    before.n = (size_t)(at - rest->p);
    rest->p += before.n + needle.n;
    rest->n -= before.n + needle.n;
    return before;
}

static const struct page_part *find_part(struct str name, const struct page_part *parts,
                                         size_t count)
{
    const struct page_part *part = parts;

    while (part < parts + count && !str_eq(str_of(part->name), name))
        part++;
    assert(part < parts + count);
    return part;
}

void page_add(struct buf *b, struct str page, const struct page_part *parts, size_t count)
{
    bool shown = true;

    while (page.p != NULL) {
        struct str text = cut_before(&page, STR(MARK_OPEN));
        struct str name = cut_before(&page, STR(MARK_CLOSE));
        struct str word = str_cut(&name, ' ');

        if (shown)
            buf_add_str(b, text);
        if (str_eq(word, STR("if"))) {
            shown = find_part(name, parts, count)->shown;
        } else if (str_eq(word, STR("end"))) {
            shown = true;
        } else if (str_eq(word, STR("put")) && shown) {
            const struct page_part *part = find_part(name, parts, count);

            if (part->raw)
                buf_add_str(b, part->text);
            else
                page_add_escaped(b, part->text);
        }
    }
}
