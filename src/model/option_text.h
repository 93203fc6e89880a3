/*
 * option_text.h - the forms that a text in the config can have: checked, and written in one way.
 *
 * Private to the model, used by option_read.c. Each function writes the normal form of s into out
 * and returns whether s has that form; out is at least OPTION_TEXT_BYTES_MAX large and s at most.
 */
#ifndef CRUMB_SRC_MODEL_OPTION_TEXT_H
#define CRUMB_SRC_MODEL_OPTION_TEXT_H

#include "base/buf.h"

#define OPTION_TEXT_BYTES_MAX 4096

typedef bool option_text_fn(struct str s, struct buf *out);

option_text_fn option_text_file;        /* any path without control characters */
option_text_fn option_text_address;     /* 0.0.0.0:8080 or [::]:8080 */
option_text_fn option_text_site;        /* letters, digits and ._- up to 64 */
option_text_fn option_text_origin;      /* https://shop.example:8443 */
option_text_fn option_text_domain;      /* shop.example */
option_text_fn option_text_cookie_name; /* a token of RFC 9110 section 5.6.2 */
option_text_fn option_text_pattern;     /* printable ASCII as in a cookie's value */
option_text_fn option_text_url_path;    /* /b.gif */
option_text_fn option_text_query_key;   /* utm_source, in lower case; or * */
option_text_fn option_text_page_path;   /* the same, or / alone */
option_text_fn option_text_label;       /* words for people, up to 64 bytes */
option_text_fn option_text_path_prefix; /* /a/b%20c, without '/' at the end; or / alone */

#endif
