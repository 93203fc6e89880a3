/*
 * live_page.h - the figures of live.h, as the rows of a page and as JSON for its script.
 *
 * Both are made by the same functions, so that a page that is read without JavaScript says what the
 * script would. Strings are escaped where they are written. Thread: the admin's.
 */
#ifndef CRUMB_SERVER_LIVE_PAGE_H
#define CRUMB_SERVER_LIVE_PAGE_H

#include "base/buf.h"
#include "server/live.h"

#define LIVE_PAGE_ROWS      10
#define LIVE_PAGE_BYTES_MAX (58 * 1024) /* of the page */
#define LIVE_PAGE_EVENT_MAX (56 * 1024) /* of one event */

/* The whole page. Rows for which there is no room any more are left out. */
void live_page_add_html(struct buf *b, const struct live *live);

/* One server-sent event. */
void live_page_add_event(struct buf *b, const struct live *live);

#endif
