/*
 * automaton.h - finds all of many words in a text in one pass (Aho and Corasick, CACM 18(6), 1975).
 *
 * ASCII letters match without case: the automaton only has to find candidates. Private to the model
 * layer. Thread: building from one, matching from any.
 */
#ifndef CRUMB_SRC_MODEL_AUTOMATON_H
#define CRUMB_SRC_MODEL_AUTOMATON_H

#include "base/str.h"

struct automaton;

struct automaton *automaton_new(void);
void automaton_free(struct automaton *automaton);

/* The word is not empty; id comes back when it is found. -1 when out of memory. */
int automaton_add(struct automaton *automaton, struct str word, unsigned id);

/* After the last word. */
int automaton_build(struct automaton *automaton);

/* Calls back for each word at each of its places, in order of their ends. */
typedef void automaton_fn(void *arg, unsigned id);
void automaton_match(const struct automaton *automaton, struct str text, automaton_fn *each,
                     void *arg);

#endif
