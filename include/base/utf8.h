/*
 * utf8.h - bytes from outside, made safe to keep and safe to show.
 *
 * What is stored is valid UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above
 * U+10FFFF); each ill-formed sequence becomes one U+FFFD, as the Unicode Standard section 3.9
 * recommends
 * ("maximal subpart"). What is shown in a terminal or a log never contains a control character.
 */
#ifndef CRUMB_BASE_UTF8_H
#define CRUMB_BASE_UTF8_H

#include "base/buf.h"

/*
 * Looks at the character at s.p (s.n > 0). Returns how many bytes it takes, 1 to 4, and its code
 * point in *point; for an ill-formed sequence the length of its maximal subpart and U+FFFD.
 * *valid tells the two apart (a U+FFFD in the input is valid).
 */
size_t utf8_next(struct str s, uint32_t *point, bool *valid);

bool utf8_valid(struct str s);

/* The longest prefix of at most max_bytes that does not end inside a character. */
struct str utf8_cut(struct str s, size_t max_bytes);

/*
 * Characters that show nothing and change how others look: C0, DEL, C1, line and paragraph separator,
 * and the marks with which text can pass for another text: those that turn its direction and those that
 * take no room. The joiners 200C and 200D are letters of Persian and Hindi, and of emoji.
 */
bool utf8_has_no_shape(uint32_t point);

/* For terminals and logs: C0, DEL, C1 and ill-formed bytes as \xNN, everything else as it is. */
void utf8_add_printable(struct buf *b, struct str s);

/*
 * Undoes percent-encoding (RFC 3986 section 2.1) into b; with plus_is_space also '+' (the form
 * encoding of the WHATWG URL standard, section 5). A '%' that is not followed by two hex digits
 * stays as it is. The result may be any bytes.
 */
void percent_decode(struct buf *b, struct str s, bool plus_is_space);

#endif
