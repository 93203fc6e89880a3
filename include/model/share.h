/*
 * share.h - where the lists are that classify and draw: crawlers, referrers, user agents, the map.
 */
#ifndef CRUMB_MODEL_SHARE_H
#define CRUMB_MODEL_SHARE_H

#include "base/err.h"

#define SHARE_PATH_BYTES 4096

/*
 * The first that is there: in share_dir (or CRUMB_SHARE when that is NULL), beside the program, in the usual
 * folders of the system, in `other` (of a package; may be NULL). ERR_MISSING: hint says what helps.
 */
int share_find(char path[SHARE_PATH_BYTES], const char *share_dir, const char *name,
               const char *other, const char *hint, struct err *e);

#endif
