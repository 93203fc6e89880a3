/*
 * redact.h - takes personal data out of what a page sent, before anything else sees it.
 *
 * The rules, in one table in redact.c, are the same however a hit came in, and for each of its texts:
 *   - In the path, the query and the fragment of a URL, and among the params, the value of a key whose last
 *     words name something personal (email, access_token, user[password], billing_phone and the like) becomes
 *     REDACT_MARK. So does a value that is an encoded URL with such a pair in it.
 *     A site's query_keep wins over its query_drop, which wins over the built-in list; "*" there is
 *     every key.
 *   - Who logs in, in front of a host (https://USER:WORD@HOST/), is left out.
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

/* Any text, for logs and samples, which may have URLs in it: what stands behind a personal key goes, too. */
void redact_add_text(struct buf *b, struct str text);

#endif
