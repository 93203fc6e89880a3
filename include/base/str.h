/*
 * str.h - borrowed text: a pointer and a length, never a terminator.
 *
 * Text that came over the wire or out of a file is passed as struct str and copied only where it
 * must outlive its buffer. A str with p == NULL is "absent"; one with n == 0 and p != NULL is
 * "empty".
 */
#ifndef CRUMB_BASE_STR_H
#define CRUMB_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* clang-format off */
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_ABSENT   ((struct str){ NULL, 0 })
/* clang-format on */

/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p == NULL ? "" : (s).p

static inline struct str str_of(const char *terminated)
{
    return (struct str){ terminated, terminated == NULL ? 0 : strlen(terminated) };
}

static inline struct str str_from(const char *p, size_t n)
{
    return (struct str){ p, n };
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Compares ASCII letters without case; other bytes exactly. Locale plays no part. */
bool str_eq_nocase(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);

/* Without leading and trailing spaces and tabs. */
struct str str_trim(struct str s);

/* The position of the first c at or after from, or s.n. */
size_t str_find(struct str s, char c, size_t from);

/*
 * Cuts the part before the first c off *rest and returns it; *rest is left behind the c, or absent
 * when there was none. Returns absent when *rest was absent: while ((part = str_cut(&rest, ',')).p
 * != NULL).
 */
struct str str_cut(struct str *rest, char c);

/* What a hexadecimal digit stands for; -1 when it is none. */
int str_hex_digit(char c);

/* A decimal number of 1 to 20 digits and nothing else, at most max. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* A terminated copy from malloc, or NULL. */
char *str_dup(struct str s);

#endif
