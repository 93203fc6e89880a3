/*
 * page.h - fills in a page of src/web: a few parts that depend on state, everything else as it is
 * in the file.
 *
 *      <!--put NAME-->              the part's text; escaped for HTML text and quoted attributes
 * unless it is raw
 *      <!--if NAME--> ... <!--end--> stays if the part is shown; does not nest
 *
 * Templates are ours and compiled in: a name without a part is a bug and asserts. What comes from
 * a request never goes into a part. Pure; any thread.
 */
#ifndef CRUMB_SERVER_PAGE_H
#define CRUMB_SERVER_PAGE_H

#include "base/buf.h"

struct page_part {
    const char *name;
    bool shown;
    bool raw;
    struct str text;
};

/* For HTML text and quoted attributes: & < > and the double quote. */
void page_add_escaped(struct buf *b, struct str s);

void page_add(struct buf *b, struct str page, const struct page_part *parts, size_t count);

#endif
