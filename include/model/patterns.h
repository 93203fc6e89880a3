/*
 * patterns.h - an ordered list of regular expressions, and the first of them that matches a text; the
 * only user of PCRE2.
 *
 * For each expression the words are worked out of which one must stand in any text that it matches.
 * One automaton finds these words, and only expressions whose words are there are tried: of a list
 * of a thousand a handful. Expressions are compiled when they are tried for the first time.
 * Thread: adding from one; matching from any, each with its own patterns_memory.
 */
#ifndef CRUMB_MODEL_PATTERNS_H
#define CRUMB_MODEL_PATTERNS_H

#include "base/err.h"
#include "base/str.h"

#define PATTERNS_CAPTURES 10

struct patterns;
struct patterns_memory;

struct patterns *patterns_new(void);
void patterns_free(struct patterns *patterns);

/* Its number is that of the calls before it. -1 when out of memory. */
int patterns_add(struct patterns *patterns, struct str regex, bool any_case);
int patterns_build(struct patterns *patterns);

/* Compiles all that patterns_first could try when no captures are asked for; it then takes no lock. */
void patterns_compile(struct patterns *patterns);

struct patterns_memory *patterns_memory_new(const struct patterns *patterns);
void patterns_memory_free(struct patterns_memory *memory);

/*
 * The number of the first expression that matches, or -1. captures[1] .. are its groups, absent when
 * they took no part; captures may be NULL. An expression that does not compile, or that gives up on a
 * text (a limit on its backtracking), matches nothing.
 */
int patterns_first(struct patterns *patterns, struct patterns_memory *memory, struct str text,
                   struct str captures[PATTERNS_CAPTURES]);

#endif
