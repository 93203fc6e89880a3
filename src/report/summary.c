/*
 * summary.c - merges what is known of neighbouring stretches of time. See summary.h for the contract.
 *
 * Always true after summary_settle: a set is exact if, and only if, it has no more members than its
 * limit; a session is in `open` if, and only if, summary_is_open says so; a row's number of visitors is
 * that of its set as long as the set is there. All three depend on the hits alone, and that is why
 * merging is associative to the bit.
 */
#include "summary.h"

#include <stdlib.h>

#include "base/tasks.h"
#include "zone.h"

#define MEMORY_BYTES (64 * 1024)

static int no_memory(struct err *e)
{
    return err_set(e, ERR_MEMORY, "out of memory");
}

/* ---- what there is ----------------------------------------------------------------------------------------- */

static bool is_by_key(const struct report_row *row)
{
    switch (row->fold) {
    case FOLD_HITS:
    case FOLD_VIEWS:
    case FOLD_EVENTS:
    case FOLD_BANNERS:
    case FOLD_BOTS:
        return row->keys[0] != NULL;
    default:
        return false;
    }
}

const struct report_row *const *summary_rows(size_t *count)
{
    static _Thread_local const struct report_row *rows[SUMMARY_TABLES_MAX];
    size_t all, n = 0;
    const struct report_row *row = report_rows(&all);

    for (size_t i = 0; i < all && n < SUMMARY_TABLES_MAX; i++) {
        if (is_by_key(&row[i]))
            rows[n++] = &row[i];
    }
    *count = n;
    return rows;
}

int summary_table_of(const struct report_row *row)
{
    size_t count;
    const struct report_row *const *rows = summary_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (rows[i] == row)
            return (int)i;
    }
    return -1;
}

static const enum report_step step_of[SUMMARY_STEPS] = { REPORT_HOUR, REPORT_DAY, REPORT_WEEK,
                                                         REPORT_MONTH };

int summary_step_index(enum report_step step)
{
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        if (step_of[i] == step)
            return i;
    }
    return -1;
}

enum report_step summary_step(int index)
{
    return step_of[index];
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

struct summary_memory {
    struct summary_memory *next;
    size_t n, cap;
    char text[];
};

const char *summary_keep(struct summary *summary, struct str key)
{
    struct summary_memory *memory = summary->memory;

    if (memory == NULL || memory->cap - memory->n < key.n) {
        size_t cap = key.n > MEMORY_BYTES ? key.n : MEMORY_BYTES;

        memory = malloc(sizeof *memory + cap);
        if (memory == NULL)
            return NULL;
        *memory = (struct summary_memory){ .next = summary->memory, .cap = cap };
        summary->memory = memory;
    }
    if (key.n > 0)
        memcpy(memory->text + memory->n, key.p, key.n);
    memory->n += key.n;
    return memory->text + memory->n - key.n;
}

struct summary *summary_new(int64_t since_ms, int64_t until_ms, int64_t idle_ms)
{
    struct summary *summary = calloc(1, sizeof *summary);

    if (summary == NULL)
        return NULL;
    summary->since_ms = since_ms;
    summary->until_ms = until_ms;
    summary->idle_ms = idle_ms;
    summary->totals.first_ms = INT64_MAX;
    summary->totals.last_ms = INT64_MIN;
    for (int i = 0; i < SUMMARY_STEPS; i++)
        summary->steps[i].known = true;
    for (size_t i = 0; i < SUMMARY_TABLES_MAX; i++)
        summary->tables[i].known = true;
    return summary;
}

static void forget_steps(struct summary_steps *steps)
{
    free(steps->row);
    set_free(&steps->head);
    set_free(&steps->tail);
    *steps = (struct summary_steps){ 0 };
}

static void forget_table(struct summary_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        set_free(&table->key[i].visitors);
    free(table->key);
    *table = (struct summary_table){ 0 };
}

void summary_free(struct summary *summary)
{
    if (summary == NULL)
        return;
    set_free(&summary->visitors);
    set_free(&summary->fresh);
    free(summary->open);
    free(summary->duration);
    free(summary->classes);
    for (int i = 0; i < SUMMARY_STEPS; i++)
        forget_steps(&summary->steps[i]);
    for (size_t i = 0; i < SUMMARY_TABLES_MAX; i++) {
        forget_table(&summary->tables[i]);
        free(summary->answers[i].group);
    }
    while (summary->memory != NULL) {
        struct summary_memory *next = summary->memory->next;

        free(summary->memory);
        summary->memory = next;
    }
    free(summary);
}

/* ---- durations -------------------------------------------------------------------------------------------------- */

/* Up to 255 each its own, then the first eight bits. */
unsigned summary_class(uint32_t duration_ms)
{
    unsigned bits = duration_ms == 0 ? 0 : 32 - (unsigned)__builtin_clz(duration_ms);
    unsigned shift = bits > 8 ? bits - 8 : 0;

    return shift * 128 + (duration_ms >> shift);
}

double summary_middle(unsigned class)
{
    unsigned shift = class < 256 ? 0 : class / 128 - 1;
    double low = (double)((uint64_t)(class - shift * 128) << shift);

    return shift == 0 ? low : low + (double)(UINT64_C(1) << shift) / 2;
}

static int compare_durations(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int summary_set_durations(struct summary *summary, const uint32_t *duration, size_t count)
{
    if (count == 0)
        return 0;
    summary->duration = malloc(count * sizeof *duration);
    if (summary->duration == NULL)
        return -1;
    memcpy(summary->duration, duration, count * sizeof *duration);
    qsort(summary->duration, count, sizeof *duration, compare_durations);
    summary->durations = count;
    return 0;
}

static void count_durations(struct summary *summary, const uint32_t *duration, size_t count)
{
    for (size_t i = 0; i < count; i++)
        summary->classes[summary_class(duration[i])]++;
}

static int to_classes(struct summary *summary)
{
    if (summary->classes == NULL) {
        summary->classes = calloc(SUMMARY_CLASSES, sizeof *summary->classes);
        if (summary->classes == NULL)
            return -1;
    }
    count_durations(summary, summary->duration, summary->durations);
    free(summary->duration);
    summary->duration = NULL;
    summary->durations = 0;
    return 0;
}

static bool are_too_many(const struct summary *summary, size_t more)
{
    return summary->classes != NULL || summary->durations + more > SUMMARY_EXACT;
}

/* More; in order, if they will not be too many. */
static int add_durations(struct summary *summary, const uint32_t *more, size_t count)
{
    size_t room = summary->durations + count, i = 0, k = 0, n = 0;
    uint32_t *both;

    if (count == 0)
        return 0;
    if (are_too_many(summary, count)) {
        if (to_classes(summary) != 0)
            return -1;
        count_durations(summary, more, count);
        return 0;
    }
    both = malloc(room * sizeof *both);
    if (both == NULL)
        return -1;
    while (i < summary->durations && k < count)
        both[n++] = summary->duration[i] <= more[k] ? summary->duration[i++] : more[k++];
    while (i < summary->durations)
        both[n++] = summary->duration[i++];
    while (k < count)
        both[n++] = more[k++];
    free(summary->duration);
    summary->duration = both;
    summary->durations = room;
    return 0;
}

static int merge_durations(struct summary *summary, const struct summary *later)
{
    if (later->classes == NULL)
        return add_durations(summary, later->duration, later->durations);
    if (to_classes(summary) != 0)
        return -1;
    for (unsigned i = 0; i < SUMMARY_CLASSES; i++)
        summary->classes[i] += later->classes[i];
    return 0;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

uint32_t summary_duration(const struct summary_session *session)
{
    int64_t ms = session->last_ms - session->first_ms;

    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* Sessions that nothing can continue any more are counted and dropped. */
static int close_sessions(struct summary *summary)
{
    uint32_t *ended = malloc((summary->open_count + 1) * sizeof *ended);
    size_t kept = 0, count = 0;
    int r;

    if (ended == NULL)
        return -1;
    for (size_t i = 0; i < summary->open_count; i++) {
        const struct summary_session *session = &summary->open[i];

        if (summary_is_open(session, summary->since_ms, summary->until_ms, summary->idle_ms)) {
            summary->open[kept++] = *session;
            continue;
        }
        summary->totals.sessions++;
        summary->totals.session_views += session->views;
        summary->totals.bounces += session->views == 1;
        if (session->last_ms > session->first_ms)
            ended[count++] = summary_duration(session);
    }
    summary->open_count = kept;
    if (!are_too_many(summary, count))
        qsort(ended, count, sizeof *ended, compare_durations);
    r = add_durations(summary, ended, count);
    free(ended);
    return r;
}

/* A session of the later stretch turns out to have begun in the one before: it began in none of these rows. */
static void uncount_start(struct summary *later, int64_t first_ms, struct zone *zone)
{
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        struct summary_steps *steps = &later->steps[i];
        size_t r = 0;

        if (steps->count == 0)
            continue;
        while (r < steps->count - 1 && zone_step(zone, steps->row[r].at_ms, step_of[i]) <
                                           zone_step(zone, first_ms, step_of[i]))
            r++;
        steps->row[r].sessions--;
    }
}

static bool comes_before(const struct summary_session *a, const struct summary_session *b)
{
    return a->visitor != b->visitor ? a->visitor < b->visitor : a->first_ms < b->first_ms;
}

/* Both lists become one; where the last session of a visitor goes on in the later stretch, one session. */
static int join_sessions(struct summary *summary, struct summary *later)
{
    size_t room = summary->open_count + later->open_count, i = 0, k = 0, n = 0;
    struct summary_session *joined = malloc((room + 1) * sizeof *joined);
    struct zone zone = { 0 };

    if (joined == NULL)
        return -1;
    while (i < summary->open_count || k < later->open_count) {
        const struct summary_session *next;
        bool from_later =
            i == summary->open_count ||
            (k < later->open_count && comes_before(&later->open[k], &summary->open[i]));

        next = from_later ? &later->open[k++] : &summary->open[i++];
        if (from_later && n > 0 && joined[n - 1].visitor == next->visitor &&
            next->first_ms - joined[n - 1].last_ms <= summary->idle_ms) {
            joined[n - 1].last_ms = next->last_ms;
            joined[n - 1].views += next->views;
            uncount_start(later, next->first_ms, &zone);
        } else {
            joined[n++] = *next;
        }
    }
    free(summary->open);
    summary->open = joined;
    summary->open_count = n;
    return 0;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

bool summary_cuts_head(const struct summary *summary, int64_t at_ms, int index)
{
    struct zone zone = { 0 };

    return zone_step(&zone, summary->since_ms - 1, step_of[index]) ==
           zone_step(&zone, at_ms, step_of[index]);
}

bool summary_cuts_tail(const struct summary *summary, int64_t at_ms, int index)
{
    struct zone zone = { 0 };

    return zone_step(&zone, summary->until_ms, step_of[index]) ==
           zone_step(&zone, at_ms, step_of[index]);
}

int summary_make_row(struct summary *summary, enum report_step step)
{
    const struct fold_totals *t = &summary->totals;
    struct summary_steps *steps = &summary->steps[summary_step_index(step)];
    struct zone zone = { 0 };

    if (zone_step(&zone, summary->since_ms, step) != zone_step(&zone, summary->until_ms - 1, step))
        return 0;
    forget_steps(steps);
    steps->known = true;
    if (t->hits == 0)
        return 0;
    steps->row = malloc(sizeof *steps->row);
    if (steps->row == NULL)
        return -1;
    steps->row[0] = (struct summary_row){ .at_ms = summary->since_ms,
                                          .hits = t->hits,
                                          .views = t->views,
                                          .sessions = t->sessions + summary->open_count,
                                          .visitors = set_size(&summary->visitors),
                                          .estimated = summary->visitors.registers != NULL };
    steps->count = 1;
    return 0;
}

/* The visitors of a row at one of the ends; of a single row they are those of the whole stretch. */
static const struct set *visitors_of(const struct summary *summary, int index, bool head)
{
    const struct summary_steps *steps = &summary->steps[index];

    return steps->count == 1 ? &summary->visitors : head ? &steps->head : &steps->tail;
}

/* The last row of the one and the first of the other are the same step. */
static int join_rows(struct summary *summary, struct summary *later, int index, struct set *set)
{
    struct summary_row *row = &summary->steps[index].row[summary->steps[index].count - 1];
    const struct summary_row *more = &later->steps[index].row[0];

    if (set_unite(set, visitors_of(summary, index, false)) != 0 ||
        set_unite(set, visitors_of(later, index, true)) != 0 ||
        set_limit(set, SUMMARY_EXACT, SET_BITS) != 0)
        return -1;
    row->hits += more->hits;
    row->views += more->views;
    row->sessions += more->sessions;
    row->visitors = set_size(set);
    row->estimated = set->registers != NULL;
    return 0;
}

static void move_set(struct set *to, struct set *from)
{
    set_free(to);
    *to = *from;
    *from = (struct set){ 0 };
}

static int append_rows(struct summary_steps *steps, const struct summary_row *row, size_t count)
{
    struct summary_row *rows = realloc(steps->row, (steps->count + count + 1) * sizeof *rows);

    if (rows == NULL)
        return -1;
    if (count > 0)
        memcpy(rows + steps->count, row, count * sizeof *rows);
    steps->row = rows;
    steps->count += count;
    return 0;
}

/* Called before the sets of all visitors are united: a single row borrows them. */
static int merge_rows(struct summary *summary, struct summary *later, int index)
{
    struct summary_steps *a = &summary->steps[index], *b = &later->steps[index];
    struct set shared = { 0 }, head = { 0 }, tail = { 0 };
    struct zone zone = { 0 };
    bool joined = zone_step(&zone, a->row[a->count - 1].at_ms, step_of[index]) ==
                  zone_step(&zone, b->row[0].at_ms, step_of[index]);
    size_t rows = a->count + b->count - joined;
    int r = joined ? join_rows(summary, later, index, &shared) : 0;

    if (r == 0 && rows > 1 && summary_cuts_head(summary, a->row[0].at_ms, index)) {
        if (a->count > 1)
            move_set(&head, &a->head);
        else if (joined)
            move_set(&head, &shared);
        else
            r = set_unite(&head, &summary->visitors);
    }
    if (r == 0 && rows > 1 && summary_cuts_tail(later, b->row[b->count - 1].at_ms, index)) {
        if (b->count > 1)
            move_set(&tail, &b->tail);
        else if (joined)
            move_set(&tail, &shared);
        else
            r = set_unite(&tail, &later->visitors);
    }
    if (r == 0)
        r = append_rows(a, b->row + joined, b->count - joined);
    move_set(&a->head, &head);
    move_set(&a->tail, &tail);
    set_free(&shared);
    return r;
}

static int merge_steps(struct summary *summary, struct summary *later)
{
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        struct summary_steps *a = &summary->steps[i], *b = &later->steps[i];

        if (!a->known || !b->known) {
            forget_steps(a);
        } else if (a->count == 0) {
            forget_steps(a);
            *a = *b;
            *b = (struct summary_steps){ 0 };
        } else if (b->count > 0 && merge_rows(summary, later, i) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- merging ----------------------------------------------------------------------------------------------------- */

static void add_totals(struct fold_totals *to, const struct fold_totals *from)
{
    to->records += from->records;
    to->bots += from->bots;
    to->unusable += from->unusable;
    to->hits += from->hits;
    to->views += from->views;
    to->prefetches += from->prefetches;
    to->without_vid += from->without_vid;
    to->sessions += from->sessions;
    to->bounces += from->bounces;
    to->session_views += from->session_views;
    to->first_ms = from->first_ms < to->first_ms ? from->first_ms : to->first_ms;
    to->last_ms = from->last_ms > to->last_ms ? from->last_ms : to->last_ms;
}

static int settle_sets(struct summary *summary)
{
    size_t key_max;
    int r = set_limit(&summary->visitors, SUMMARY_EXACT, SET_BITS);

    r |= set_limit(&summary->fresh, SUMMARY_EXACT, SET_BITS);
    key_max = summary->visitors.registers == NULL ? SUMMARY_EXACT : SUMMARY_KEY_EXACT;
    for (size_t t = 0; t < SUMMARY_TABLES_MAX; t++) {
        for (size_t i = 0; i < summary->tables[t].count; i++)
            r |= set_limit(&summary->tables[t].key[i].visitors, key_max, SET_KEY_BITS);
    }
    for (int i = 0; i < SUMMARY_STEPS; i++) {
        struct summary_steps *steps = &summary->steps[i];

        if (steps->count < 2 || !summary_cuts_head(summary, steps->row[0].at_ms, i))
            set_free(&steps->head);
        if (steps->count < 2 || !summary_cuts_tail(summary, steps->row[steps->count - 1].at_ms, i))
            set_free(&steps->tail);
    }
    return r;
}

int summary_settle(struct summary *summary)
{
    if (summary->durations > SUMMARY_EXACT && to_classes(summary) != 0)
        return -1;
    return close_sessions(summary) != 0 || settle_sets(summary) != 0 ? -1 : 0;
}

int summary_merge(struct summary *summary, struct summary *later, struct err *e)
{
    int r = join_sessions(summary, later) | merge_steps(summary, later);

    add_totals(&summary->totals, &later->totals);
    r |= set_unite(&summary->visitors, &later->visitors);
    r |= set_unite(&summary->fresh, &later->fresh);
    r |= merge_durations(summary, later);
    summary->until_ms = later->until_ms;
    r |= summary_settle(summary);
    return r == 0 ? 0 : no_memory(e);
}

struct summary *summary_take_base(struct summary *summary)
{
    struct summary *base = malloc(sizeof *base);

    if (base == NULL)
        return NULL;
    *base = *summary;
    *summary = (struct summary){ .since_ms = base->since_ms,
                                 .until_ms = base->until_ms,
                                 .idle_ms = base->idle_ms };
    memcpy(summary->tables, base->tables, sizeof base->tables);
    memset(base->tables, 0, sizeof base->tables);
    summary->memory = base->memory; /* of the tables' keys: answers are not there yet */
    base->memory = NULL;
    return base;
}

/* ---- merging many ------------------------------------------------------------------------------------------------ */

/* Neighbours of equal rank are merged, so that each summary is passed over few times. */
struct merger {
    struct summary *stack[64];
    unsigned ranks[64], count;
};

static int merge_top(struct merger *merger, struct err *e)
{
    struct summary *later = merger->stack[--merger->count];
    int r = summary_merge(merger->stack[merger->count - 1], later, e);

    merger->ranks[merger->count - 1]++;
    summary_free(later);
    return r;
}

/* Merging another one into it costs what the other one is, whatever it is itself. */
static bool has_settled_size(const struct summary *summary)
{
    return summary->visitors.registers != NULL && summary->classes != NULL;
}

static bool merges_now(const struct merger *merger)
{
    unsigned top = merger->count - 1;

    return merger->count > 1 && (merger->ranks[top] == merger->ranks[top - 1] ||
                                 has_settled_size(merger->stack[top - 1]));
}

/* Takes it, also on failure. */
static int merger_add(struct merger *merger, struct summary *next, struct err *e)
{
    merger->stack[merger->count] = next;
    merger->ranks[merger->count++] = 0;
    while (merges_now(merger)) {
        if (merge_top(merger, e) != 0)
            return -1;
    }
    return 0;
}

/* The result of nothing is NULL. */
static struct summary *merger_end(struct merger *merger, struct err *e)
{
    while (merger->count > 1) {
        if (merge_top(merger, e) != 0)
            return NULL;
    }
    return merger->count == 0 ? NULL : merger->stack[--merger->count];
}

static void merger_free(struct merger *merger)
{
    while (merger->count > 0)
        summary_free(merger->stack[--merger->count]);
}

/* ---- loading and merging by several threads ---------------------------------------------------------------------- */

/* Runs of neighbours, each merged by one thread. */
#define RUNS_MAX 64

struct gathering {
    summary_load_fn *load;
    void *arg;
    size_t count, runs;
    struct {
        struct summary *summary;
        struct err err;
    } run[RUNS_MAX];
};

static void gather_run(void *arg, size_t run)
{
    struct gathering *g = arg;
    struct merger merger = { 0 };
    struct err *e = &g->run[run].err;
    size_t end = g->count * (run + 1) / g->runs;

    for (size_t i = g->count * run / g->runs; i < end && e->code == ERR_NONE; i++) {
        struct summary *next = g->load(g->arg, i, e);

        if (next != NULL)
            merger_add(&merger, next, e);
    }
    if (e->code == ERR_NONE)
        g->run[run].summary = merger_end(&merger, e);
    merger_free(&merger);
}

struct summary *summary_gather(summary_load_fn *load, void *arg, size_t count, unsigned threads,
                               struct err *e)
{
    size_t runs = threads == 1 ? 1 : 2 * (size_t)threads;
    struct gathering g = { .load = load, .arg = arg, .count = count };
    struct merger merger = { 0 };
    struct summary *sum = NULL;
    struct err why = { 0 };

    g.runs = runs < RUNS_MAX ? runs : RUNS_MAX;
    g.runs = g.runs < count ? g.runs : count;
    tasks_run(threads, g.runs, gather_run, &g);
    for (size_t i = 0; i < g.runs; i++) {
        if (why.code == ERR_NONE)
            why = g.run[i].err;
        if (why.code == ERR_NONE)
            merger_add(&merger, g.run[i].summary, &why);
        else
            summary_free(g.run[i].summary);
    }
    if (why.code == ERR_NONE)
        sum = merger_end(&merger, &why);
    if (why.code != ERR_NONE)
        *e = why;
    merger_free(&merger);
    return sum;
}
