/*
 * patterns.c - the first of many expressions. See patterns.h for the contract.
 *
 * Called by bots.c and classify_ua.c, once for each user agent that is new. Always true: the
 * words of an expression are a superset filter (found without case, any of them), so a wrong guess
 * here costs time and never a match; an expression in which no word is found is always tried.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/patterns.h"

#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "automaton.h"

#define WORDS_MAX      32
#define WORD_BYTES_MAX 64
#define WORD_BYTES_MIN 2
#define BACKTRACK_MAX  100000

struct pattern {
    char *regex;
    size_t regex_n;
    bool any_case;
    bool literal; /* nothing but its one word: being found is matching, if the case agrees */
    char *word;
    size_t word_n;
    _Atomic(pcre2_code *) code;
    atomic_bool broken;
};

struct patterns {
    struct pattern *rows;
    size_t count, cap;
    unsigned *always; /* without words */
    size_t always_count;
    struct automaton *automaton;
    pcre2_match_context *limits;
    pthread_mutex_t compile;
};

struct patterns_memory {
    pcre2_match_data *match;
    unsigned *candidates;
    size_t candidates_count;
    unsigned char *marked; /* per pattern */
};

/* ---- the words of an expression ------------------------------------------------------------------------ */

/* A text that the expression matches contains at least one of them; count 0: nothing is known. */
struct words {
    char text[WORDS_MAX][WORD_BYTES_MAX];
    size_t n[WORDS_MAX];
    unsigned count;
    bool only; /* the expression is this one word and nothing else */
};

struct reader {
    const char *p, *end;
};

static size_t shortest(const struct words *words)
{
    size_t n = words->count == 0 ? 0 : SIZE_MAX;

    for (unsigned i = 0; i < words->count; i++) {
        if (words->n[i] < n)
            n = words->n[i];
    }
    return n;
}

static void take_better(struct words *best, const struct words *other)
{
    size_t a = shortest(best), b = shortest(other);

    if (b > a || (b == a && other->count < best->count))
        *best = *other;
}

static void take_run(struct words *best, char *run, size_t *n)
{
    struct words *one = malloc(sizeof *one);

    if (one != NULL && *n > 0) {
        one->count = 1;
        one->n[0] = *n;
        one->only = false;
        memcpy(one->text[0], run, *n);
        take_better(best, one);
    }
    free(one);
    *n = 0;
}

static void skip_class(struct reader *r)
{
    r->p++;
    if (r->p < r->end && *r->p == '^')
        r->p++;
    if (r->p < r->end && *r->p == ']')
        r->p++;
    while (r->p < r->end && *r->p != ']')
        r->p += *r->p == '\\' && r->p + 1 < r->end ? 2 : 1;
    if (r->p < r->end)
        r->p++;
}

/* ? * {0,..}: what stands before may be missing. Skips the quantifier, lazy and possessive marks included. */
static bool may_be_missing(struct reader *r, bool *quantified)
{
    bool missing = false;

    *quantified = false;
    if (r->p < r->end && (*r->p == '?' || *r->p == '*' || *r->p == '+')) {
        missing = *r->p != '+';
        *quantified = true;
        r->p++;
    } else if (r->p + 1 < r->end && *r->p == '{' && r->p[1] >= '0' && r->p[1] <= '9') {
        missing = r->p[1] == '0';
        *quantified = true;
        while (r->p < r->end && *r->p != '}')
            r->p++;
        if (r->p < r->end)
            r->p++;
    }
    if (*quantified && r->p < r->end && (*r->p == '?' || *r->p == '+'))
        r->p++;
    return missing;
}

static void read_alternatives(struct reader *r, struct words *words);

/* "(...": its words, unless it is a look-around or the like. */
static void read_group(struct reader *r, struct words *words)
{
    bool plain = true;

    r->p++;
    words->count = 0;
    words->only = false;
    if (r->p < r->end && *r->p == '?') {
        plain = r->p + 1 < r->end && r->p[1] == ':';
        r->p += plain ? 2 : 1;
    }
    read_alternatives(r, words);
    words->only = false;
    if (!plain)
        words->count = 0;
    if (r->p < r->end)
        r->p++;
}

/* One escape; its byte when it stands for one, else 0. */
static char read_escape(struct reader *r)
{
    char c = '\0';

    r->p++;
    if (r->p < r->end)
        c = *r->p++;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        c = '\0';
    return c;
}

static void read_sequence(struct reader *r, struct words *best)
{
    char run[WORD_BYTES_MAX] = { 0 };
    size_t n = 0;
    bool only = true, quantified;
    struct words *group = malloc(sizeof *group);

    best->count = 0;
    best->only = false;
    while (group != NULL && r->p < r->end && *r->p != '|' && *r->p != ')') {
        char c = *r->p;

        if (c == '(') {
            only = false;
            take_run(best, run, &n);
            read_group(r, group);
            if (!may_be_missing(r, &quantified))
                take_better(best, group);
            continue;
        }
        if (c == '[' || c == '.' || c == '^' || c == '$') {
            only = false;
            take_run(best, run, &n);
            if (c == '[')
                skip_class(r);
            else
                r->p++;
            may_be_missing(r, &quantified);
            continue;
        }
        if (c == '\\')
            c = read_escape(r);
        else
            r->p++;
        if (c == 0) {
            only = false;
            take_run(best, run, &n);
            may_be_missing(r, &quantified);
            continue;
        }
        if (n == sizeof run) {
            only = false;
            take_run(best, run, &n);
        }
        run[n++] = c;
        if (may_be_missing(r, &quantified))
            n--;
        if (quantified) {
            only = false;
            take_run(best, run, &n);
        }
    }
    take_run(best, run, &n);
    best->only = only && best->count == 1;
    free(group);
}

static void read_alternatives(struct reader *r, struct words *words)
{
    struct words *one = malloc(sizeof *one);
    bool known = one != NULL;

    read_sequence(r, words);
    known = known && words->count > 0;
    while (one != NULL && r->p < r->end && *r->p == '|') {
        r->p++;
        read_sequence(r, one);
        words->only = false;
        if (one->count == 0 || words->count + one->count > WORDS_MAX)
            known = false;
        for (unsigned i = 0; known && i < one->count; i++) {
            memcpy(words->text[words->count], one->text[i], one->n[i]);
            words->n[words->count++] = one->n[i];
        }
    }
    if (!known)
        words->count = 0;
    free(one);
}

/* ---- building ---------------------------------------------------------------------------------------- */

struct patterns *patterns_new(void)
{
    struct patterns *patterns = calloc(1, sizeof *patterns);

    if (patterns == NULL)
        return NULL;
    pthread_mutex_init(&patterns->compile, NULL);
    patterns->automaton = automaton_new();
    patterns->limits = pcre2_match_context_create(NULL);
    if (patterns->automaton == NULL || patterns->limits == NULL) {
        patterns_free(patterns);
        return NULL;
    }
    pcre2_set_match_limit(patterns->limits, BACKTRACK_MAX);
    return patterns;
}

void patterns_free(struct patterns *patterns)
{
    if (patterns == NULL)
        return;
    for (size_t i = 0; i < patterns->count; i++) {
        free(patterns->rows[i].regex);
        free(patterns->rows[i].word);
        pcre2_code_free(atomic_load(&patterns->rows[i].code));
    }
    free(patterns->rows);
    free(patterns->always);
    automaton_free(patterns->automaton);
    pcre2_match_context_free(patterns->limits);
    pthread_mutex_destroy(&patterns->compile);
    free(patterns);
}

static int add_words(struct patterns *patterns, unsigned id, const struct words *words)
{
    struct pattern *row = &patterns->rows[id];

    if (shortest(words) < WORD_BYTES_MIN) {
        patterns->always[patterns->always_count++] = id;
        return 0;
    }
    for (unsigned i = 0; i < words->count; i++) {
        if (automaton_add(patterns->automaton, str_from(words->text[i], words->n[i]), id) != 0)
            return -1;
    }
    if (words->only && !row->any_case) {
        row->literal = true;
        row->word = str_dup(str_from(words->text[0], words->n[0]));
        row->word_n = words->n[0];
        return row->word == NULL ? -1 : 0;
    }
    return 0;
}

static int grow(struct patterns *patterns)
{
    size_t cap = patterns->cap == 0 ? 256 : patterns->cap * 2;
    struct pattern *rows = realloc(patterns->rows, cap * sizeof *rows);
    unsigned *always;

    if (rows == NULL)
        return -1;
    patterns->rows = rows;
    always = realloc(patterns->always, cap * sizeof *always);
    if (always == NULL)
        return -1;
    patterns->always = always;
    patterns->cap = cap;
    return 0;
}

int patterns_add(struct patterns *patterns, struct str regex, bool any_case)
{
    struct reader reader = { regex.p, regex.p + regex.n };
    struct words *words;
    struct pattern *row;
    int r;

    if (patterns->count == patterns->cap && grow(patterns) != 0)
        return -1;
    row = &patterns->rows[patterns->count];
    memset(row, 0, sizeof *row);
    row->regex = str_dup(regex);
    row->regex_n = regex.n;
    row->any_case = any_case;
    words = malloc(sizeof *words);
    if (row->regex == NULL || words == NULL) {
        free(row->regex);
        free(words);
        return -1;
    }
    read_alternatives(&reader, words);
    if (reader.p != reader.end)
        words->count = 0;
    r = add_words(patterns, (unsigned)patterns->count++, words);
    free(words);
    return r;
}

int patterns_build(struct patterns *patterns)
{
    return automaton_build(patterns->automaton);
}

/* ---- matching ---------------------------------------------------------------------------------------- */

struct patterns_memory *patterns_memory_new(const struct patterns *patterns)
{
    struct patterns_memory *memory = calloc(1, sizeof *memory);

    if (memory == NULL)
        return NULL;
    memory->match = pcre2_match_data_create(PATTERNS_CAPTURES, NULL);
    memory->candidates = malloc((patterns->count + 1) * sizeof *memory->candidates);
    memory->marked = calloc(patterns->count + 1, 1);
    if (memory->match == NULL || memory->candidates == NULL || memory->marked == NULL) {
        patterns_memory_free(memory);
        return NULL;
    }
    return memory;
}

void patterns_memory_free(struct patterns_memory *memory)
{
    if (memory == NULL)
        return;
    pcre2_match_data_free(memory->match);
    free(memory->candidates);
    free(memory->marked);
    free(memory);
}

static void mark(void *arg, unsigned id)
{
    struct patterns_memory *memory = arg;

    if (!memory->marked[id]) {
        memory->marked[id] = 1;
        memory->candidates[memory->candidates_count++] = id;
    }
}

static int ascending(const void *a, const void *b)
{
    const unsigned *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static pcre2_code *compiled(struct patterns *patterns, struct pattern *row)
{
    pcre2_code *code = atomic_load_explicit(&row->code, memory_order_acquire);
    int number;
    PCRE2_SIZE at;

    if (code != NULL || atomic_load(&row->broken))
        return code;
    pthread_mutex_lock(&patterns->compile);
    code = atomic_load(&row->code);
    if (code == NULL) {
        code = pcre2_compile((PCRE2_SPTR)row->regex, row->regex_n,
                             row->any_case ? PCRE2_CASELESS : 0, &number, &at, NULL);
        if (code == NULL) {
            atomic_store(&row->broken, true);
        } else {
            pcre2_jit_compile(code,
                              PCRE2_JIT_COMPLETE); /* where there is none it is slower, not wrong */
            atomic_store_explicit(&row->code, code, memory_order_release);
        }
    }
    pthread_mutex_unlock(&patterns->compile);
    return code;
}

void patterns_compile(struct patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (!patterns->rows[i].literal)
            compiled(patterns, &patterns->rows[i]);
    }
}

static void read_captures(pcre2_match_data *match, int count, struct str text,
                          struct str captures[PATTERNS_CAPTURES])
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(match);

    if (count == 0) /* more groups than there is room for */
        count = PATTERNS_CAPTURES;
    for (int i = 0; i < PATTERNS_CAPTURES; i++) {
        bool set = i < count && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];

        captures[i] = set ? str_from(text.p + at[2 * i], at[2 * i + 1] - at[2 * i]) : STR_ABSENT;
    }
}

static bool matches(struct patterns *patterns, struct patterns_memory *memory, unsigned id,
                    struct str text, struct str captures[PATTERNS_CAPTURES])
{
    struct pattern *row = &patterns->rows[id];
    pcre2_code *code;
    int count;

    if (row->literal && captures == NULL)
        return memmem(text.p, text.n, row->word, row->word_n) != NULL;
    code = compiled(patterns, row);
    if (code == NULL)
        return false;
    count = pcre2_match(code, (PCRE2_SPTR)text.p, text.n, 0, 0, memory->match, patterns->limits);
    if (count < 0)
        return false;
    if (captures != NULL)
        read_captures(memory->match, count, text, captures);
    return true;
}

int patterns_first(struct patterns *patterns, struct patterns_memory *memory, struct str text,
                   struct str captures[PATTERNS_CAPTURES])
{
    int found = -1;

    if (text.p == NULL)
        text = STR("");
    memory->candidates_count = 0;
    for (size_t i = 0; i < patterns->always_count; i++)
        mark(memory, patterns->always[i]);
    automaton_match(patterns->automaton, text, mark, memory);
    qsort(memory->candidates, memory->candidates_count, sizeof *memory->candidates, ascending);
    for (size_t i = 0; i < memory->candidates_count; i++) {
        unsigned id = memory->candidates[i];

        memory->marked[id] = 0;
        if (found < 0 && matches(patterns, memory, id, text, captures))
            found = (int)id;
    }
    return found;
}
