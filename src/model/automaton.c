/*
 * automaton.c - the automaton behind the lists of patterns. See automaton.h for the contract.
 *
 * Called by patterns.c. Bytes are mapped to classes first (the letters of all words), so that a state
 * is a short row. Always true after building: following `next` never leaves the table, and a state's
 * chain of `output` ends at 0.
 */
#include "automaton.h"

#include <stdlib.h>

struct word {
    unsigned id;
    unsigned next; /* another word that ends in the same state; index + 1 */
};

struct automaton {
    unsigned char class_of[256]; /* 0: in no word */
    unsigned classes;
    struct state {
        unsigned words;  /* that end here; index + 1 */
        unsigned output; /* the longest proper suffix that is a word's end */
        unsigned fail;
    } * states;
    unsigned *next; /* states x 128 while building, states x classes afterwards */
    unsigned states_count, states_cap;
    struct word *words;
    unsigned words_count, words_cap;
};

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static int add_state(struct automaton *a, unsigned *state)
{
    if (a->states_count == a->states_cap) {
        unsigned cap = a->states_cap == 0 ? 1024 : a->states_cap * 2;
        struct state *states = realloc(a->states, cap * sizeof *states);
        unsigned *next;

        if (states == NULL)
            return -1;
        a->states = states;
        next = realloc(a->next, (size_t)cap * 128 * sizeof *next);
        if (next == NULL)
            return -1;
        a->next = next;
        a->states_cap = cap;
    }
    *state = a->states_count++;
    memset(&a->states[*state], 0, sizeof a->states[*state]);
    memset(&a->next[(size_t)*state * 128], 0, 128 * sizeof *a->next);
    return 0;
}

struct automaton *automaton_new(void)
{
    struct automaton *a = calloc(1, sizeof *a);
    unsigned root;

    if (a != NULL && add_state(a, &root) != 0) {
        automaton_free(a);
        a = NULL;
    }
    if (a != NULL)
        a->classes = 1;
    return a;
}

void automaton_free(struct automaton *a)
{
    if (a == NULL)
        return;
    free(a->states);
    free(a->next);
    free(a->words);
    free(a);
}

/* A class for the byte and for its other case; more than 127 different ones share the last. */
static unsigned char class_for(struct automaton *a, char c)
{
    unsigned char byte = fold(c);

    if (a->class_of[byte] == 0) {
        a->class_of[byte] = (unsigned char)(a->classes < 127 ? a->classes++ : 127);
        if (byte >= 'a' && byte <= 'z')
            a->class_of[byte & ~0x20] = a->class_of[byte];
    }
    return a->class_of[byte];
}

static int add_word(struct automaton *a, unsigned state, unsigned id)
{
    if (a->words_count == a->words_cap) {
        unsigned cap = a->words_cap == 0 ? 256 : a->words_cap * 2;
        struct word *words = realloc(a->words, cap * sizeof *words);

        if (words == NULL)
            return -1;
        a->words = words;
        a->words_cap = cap;
    }
    a->words[a->words_count] = (struct word){ id, a->states[state].words };
    a->states[state].words = ++a->words_count;
    return 0;
}

int automaton_add(struct automaton *a, struct str word, unsigned id)
{
    unsigned state = 0;

    for (size_t i = 0; i < word.n; i++) {
        size_t edge = (size_t)state * 128 + class_for(a, word.p[i]);

        if (a->next[edge] == 0) {
            unsigned fresh;

            if (add_state(a, &fresh) != 0)
                return -1;
            a->next[edge] = fresh;
        }
        state = a->next[edge];
    }
    return add_word(a, state, id);
}

/* Breadth first: a state's fail is known before those of its children. */
static void link_states(struct automaton *a, unsigned *queue)
{
    unsigned head = 0, tail = 0;

    queue[tail++] = 0;
    while (head < tail) {
        unsigned state = queue[head++];

        for (unsigned c = 0; c < 128; c++) {
            unsigned *edge = &a->next[(size_t)state * 128 + c], child = *edge;
            unsigned fallback = state == 0 ? 0 : a->next[(size_t)a->states[state].fail * 128 + c];

            if (child == 0) {
                *edge = fallback;
                continue;
            }
            a->states[child].fail = fallback;
            a->states[child].output =
                a->states[fallback].words != 0 ? fallback : a->states[fallback].output;
            queue[tail++] = child;
        }
    }
}

/* Rows of 128 become rows of as many classes as there are. */
static void shorten_rows(struct automaton *a)
{
    unsigned width = a->classes < 127 ? a->classes : 128;

    for (size_t s = 1; s < a->states_count; s++)
        memmove(&a->next[s * width], &a->next[s * 128], width * sizeof *a->next);
    a->classes = width;
}

int automaton_build(struct automaton *a)
{
    unsigned *queue = malloc(a->states_count * sizeof *queue), *next;

    if (queue == NULL)
        return -1;
    link_states(a, queue);
    free(queue);
    shorten_rows(a);
    next = realloc(a->next, (size_t)a->states_count * a->classes * sizeof *next);
    if (next != NULL)
        a->next = next;
    return 0;
}

void automaton_match(const struct automaton *a, struct str text, automaton_fn *each, void *arg)
{
    unsigned state = 0;

    for (size_t i = 0; i < text.n; i++) {
        state = a->next[(size_t)state * a->classes + a->class_of[(unsigned char)text.p[i]]];
        for (unsigned s = a->states[state].words != 0 ? state : a->states[state].output; s != 0;
             s = a->states[s].output) {
            for (unsigned w = a->states[s].words; w != 0; w = a->words[w - 1].next)
                each(arg, a->words[w - 1].id);
        }
    }
}
