/*
 * nearest.c - typing errors counted by optimal string alignment. See nearest.h for the contract.
 *
 * Used for commands, options, fields and formats. Names are short: three rows on the stack are all
 * the memory it takes.
 */
#include "cli/nearest.h"

#define NAME_BYTES_MAX 48

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* rows[0] is the one being filled, rows[1] the one above it, rows[2] above that. */
static unsigned cell(unsigned (*rows)[NAME_BYTES_MAX + 1], struct str a, struct str b, size_t i,
                     size_t j)
{
    unsigned changed = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
    unsigned best = min3(rows[1][j] + 1, rows[0][j - 1] + 1, rows[1][j - 1] + changed);

    if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
        rows[2][j - 2] + 1 < best)
        best = rows[2][j - 2] + 1;
    return best;
}

static unsigned distance(struct str a, struct str b)
{
    unsigned rows[3][NAME_BYTES_MAX + 1] = { { 0 } };

    for (unsigned j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        memcpy(rows[2], rows[1], sizeof rows[1]);
        memcpy(rows[1], rows[0], sizeof rows[0]);
        rows[0][0] = i;
        for (size_t j = 1; j <= b.n; j++)
            rows[0][j] = cell(rows, a, b, i, j);
    }
    return rows[0][b.n];
}

void nearest_begin(struct nearest *n, struct str word)
{
    *n = (struct nearest){ .word = word };
}

static bool is_beginning(struct str a, struct str b)
{
    return a.n > 2 && str_starts(b, a);
}

/*
 * A typing error counts two; that one is the beginning of the other counts three. Allowed are one
 * error for every three characters, and always one.
 */
static bool close_enough(struct str word, struct str name, unsigned *cost)
{
    if (word.n == 0 || word.n > NAME_BYTES_MAX || name.n > NAME_BYTES_MAX)
        return false;
    *cost = 2 * distance(word, name);
    if (*cost > 3 && (is_beginning(word, name) || is_beginning(name, word)))
        *cost = 3;
    return *cost <= (word.n < 6 ? 3 : word.n / 3 * 2);
}

void nearest_offer(struct nearest *n, const char *name)
{
    unsigned cost, at;

    if (!close_enough(n->word, str_of(name), &cost))
        return;
    at = n->count < NEAREST_MAX ? n->count++ : NEAREST_MAX;
    while (at > 0 && n->costs[at - 1] > cost) {
        if (at < NEAREST_MAX) {
            n->names[at] = n->names[at - 1];
            n->costs[at] = n->costs[at - 1];
        }
        at--;
    }
    if (at < NEAREST_MAX) {
        n->names[at] = name;
        n->costs[at] = cost;
    }
}

const char *nearest_text(const struct nearest *n, const char *prefix, char text[NEAREST_TEXT_BYTES])
{
    struct buf b = buf_over(text, NEAREST_TEXT_BYTES - 1);

    for (unsigned i = 0; i < n->count; i++) {
        const char *before = i == 0 ? "; did you mean " : i + 1 == n->count ? " or " : ", ";

        buf_addf(&b, "%s%s%s", before, prefix, n->names[i]);
    }
    if (n->count > 0)
        buf_add_lit(&b, "?");
    text[b.n] = '\0';
    return text;
}
