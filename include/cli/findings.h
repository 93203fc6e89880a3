/*
 * findings.h - damage and gaps in words: the same on stderr of cat and tail, and in verify's
 * report.
 */
#ifndef CRUMB_CLI_FINDINGS_H
#define CRUMB_CLI_FINDINGS_H

#include "base/buf.h"
#include "store/scan.h"

/* "PATH@OFFSET: sentence (N bytes lost)" */
void findings_add_damage(struct buf *b, const struct scan_damage *damage);

/* "records abcdefghijkl-0-7 to abcdefghijkl-0-9 are missing": their ids */
void findings_add_gap(struct buf *b, const struct scan_gap *gap);

/* Callbacks for struct scan_options: one line on stderr, then go on. arg is not looked at. */
int findings_say_damage(void *arg, const struct scan_damage *damage);
int findings_say_gap(void *arg, const struct scan_gap *gap);

#endif
