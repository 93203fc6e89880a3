/*
 * redact.h - takes personal data out of what a page sent, before anything else sees it.
 *
 * The rules, in one table in redact.c, are the same however a hit came in:
 *   - In the query and the fragment of a URL, and among the params, the value of a key that names
 *     something personal (email, token, password, phone and the like) becomes REDACT_MARK. A site's
 *     query_keep wins over its query_drop, which wins over the built-in list; "*" there is every key.
 *   - Whatever looks like an e-mail address becomes REDACT_MARK, percent-encoded (once or twice) too.
 *   - A referrer on another host than the page is cut as the site says.
 * Thread: any.
 */
#ifndef CRUMB_MODEL_REDACT_H
#define CRUMB_MODEL_REDACT_H

#include "model/config.h"
#include "model/event.h"

#define REDACT_MARK "***"

/* Enough for what a record can hold; what does not fit is cut off, never let through. */
#define REDACT_BYTES_MAX 32768

/*
 * Changes *facts, which then borrow from `memory` too where something was taken out; facts that hold
 * nothing personal cost a look at each byte. site may be NULL.
 */
void redact_facts(struct facts *facts, const struct config_site *site, struct buf *memory);

/* Any text, for logs and samples: only the e-mail addresses. */
void redact_add_text(struct buf *b, struct str text);

#endif
