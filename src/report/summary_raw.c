/*
 * summary_raw.c - a summary of hits that were read. See period.h for the contract.
 *
 * The folds have counted everything; here the tables get their keys in order and their sets, and the
 * timeline its rows in order of time.
 */
#include <stdlib.h>

#include "base/date.h"
#include "period.h"
#include "stays.h"
#include "zone.h"

static int no_memory(struct err *e)
{
    return err_set(e, ERR_MEMORY, "out of memory");
}

/* ---- tables --------------------------------------------------------------------------------------------- */

struct collecting {
    struct summary *summary;
    struct summary_table *table;
    size_t cap;
    bool keeps_sets;
    size_t max; /* of a key's visitors, before they are estimated with registers for so many bits */
    unsigned bits;
    bool failed;
};

static bool has_visitors(const struct report_row *row)
{
    for (int m = 0; m < REPORT_MEASURES_MAX && row->measures[m].name != NULL; m++) {
        if (strcmp(row->measures[m].name, "visitors") == 0)
            return true;
    }
    return false;
}

static bool add_key(struct collecting *c, const struct tally_group *group, const uint64_t *visitors)
{
    struct summary_key key = { .key = { summary_keep(c->summary, group->key), group->key.n } };

    if (key.key.p == NULL)
        return false;
    if (c->table->count == c->cap) {
        size_t cap = c->cap == 0 ? 64 : c->cap * 2;
        struct summary_key *more = realloc(c->table->key, cap * sizeof *more);

        if (more == NULL)
            return false;
        c->table->key = more;
        c->cap = cap;
    }
    memcpy(key.count, group->count, sizeof key.count);
    if (c->keeps_sets && set_take(&key.visitors, visitors, group->visitors) != 0)
        return false;
    c->table->key[c->table->count++] = key;
    return set_limit(&c->table->key[c->table->count - 1].visitors, c->max, c->bits) == 0;
}

static void take_key(void *arg, const struct tally_group *group, const uint64_t *visitors)
{
    struct collecting *c = arg;

    c->failed = c->failed || !add_key(c, group, visitors);
}

static int compare_keys(const void *a, const void *b)
{
    const struct summary_key *x = a, *y = b;
    size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
    int r = n == 0 ? 0 : memcmp(x->key.p, y->key.p, n);

    return r != 0 ? r : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

/* Table i of the plan, its keys in order. */
static int collect_table(struct summary *summary, const struct period *period, size_t i,
                         struct summary_table *table, struct err *e)
{
    struct tally *tallies[FOLD_THREADS_MAX];
    struct collecting c = { .summary = summary,
                            .table = table,
                            .keeps_sets = has_visitors(period->plan.tables[i].row),
                            .max = SUMMARY_EXACT,
                            .bits = SET_BITS };

    if (period->plan.tables[i].row->fold != FOLD_TIME) {
        c.bits = SET_KEY_BITS;
        c.max = summary->visitors.registers == NULL ? SUMMARY_EXACT : SUMMARY_KEY_EXACT;
    }
    table->known = true;
    for (unsigned t = 0; t < period->threads; t++)
        tallies[t] = fold_tally(period->folds[t], i);
    if (tally_merge_sets(tallies, period->threads, take_key, &c, e) != 0)
        return -1;
    if (c.failed)
        return no_memory(e);
    if (table->count > 0)
        qsort(table->key, table->count, sizeof *table->key, compare_keys);
    return 0;
}

/* ---- the timeline ----------------------------------------------------------------------------------------- */

static struct summary_key *find_label(const struct summary_table *labels, struct zone *zone,
                                      int64_t ms, enum report_step step)
{
    char label[ZONE_LABEL_BYTES];
    struct buf b = buf_over(label, sizeof label);
    struct summary_key key = { 0 };

    zone_add_label(&b, zone, ms, step);
    key.key = buf_str(&b);
    return labels->count == 0 ? NULL
                              : bsearch(&key, labels->key, labels->count, sizeof key, compare_keys);
}

static void move_set(struct set *to, struct set *from)
{
    *to = *from;
    *from = (struct set){ 0 };
}

/* Labels do not sort as time does where clocks are put back: the rows are found by walking the time. */
static int make_rows(struct summary *summary, int index, const struct summary_table *labels)
{
    struct summary_steps *steps = &summary->steps[index];
    enum report_step step = summary_step(index);
    int64_t stride_ms = step == REPORT_HOUR ? DATE_HOUR_MS : 6 * DATE_HOUR_MS;
    int64_t ms = summary->totals.first_ms, last_ms = summary->totals.last_ms;
    struct summary_key *key = NULL, *first = NULL;
    struct zone zone = { 0 };

    steps->row = calloc(labels->count + 1, sizeof *steps->row);
    if (steps->row == NULL)
        return -1;
    while (steps->count < labels->count && ms <= last_ms) {
        struct summary_key *at = find_label(labels, &zone, ms, step);

        if (at != NULL && at != key) {
            key = at;
            first = first == NULL ? at : first;
            steps->row[steps->count++] =
                (struct summary_row){ .at_ms = ms,
                                      .hits = key->count[0],
                                      .views = key->count[1],
                                      .sessions = key->count[2],
                                      .visitors = set_size(&key->visitors),
                                      .estimated = key->visitors.registers != NULL };
        }
        if (ms == last_ms)
            break;
        ms = last_ms - ms > stride_ms ? ms + stride_ms : last_ms;
    }
    if (first != NULL && steps->count > 1 && summary_cuts_head(summary, steps->row[0].at_ms, index))
        move_set(&steps->head, &first->visitors);
    if (key != NULL && steps->count > 1 &&
        summary_cuts_tail(summary, steps->row[steps->count - 1].at_ms, index))
        move_set(&steps->tail, &key->visitors);
    return 0;
}

static int add_timeline(struct summary *summary, const struct period *period, size_t i,
                        struct err *e)
{
    int index = summary_step_index(period->plan.tables[i].step);
    struct summary_table labels = { 0 };
    int r;

    if (index < 0)
        return 0;
    r = collect_table(summary, period, i, &labels, e);
    summary->steps[index].known = true;
    if (r == 0 && make_rows(summary, index, &labels) != 0)
        r = no_memory(e);
    for (size_t k = 0; k < labels.count; k++)
        set_free(&labels.key[k].visitors);
    free(labels.key);
    return r;
}

/* ---- visitors and sessions ----------------------------------------------------------------------------------- */

static int compare_sessions(const void *a, const void *b)
{
    const struct summary_session *x = a, *y = b;

    if (x->visitor != y->visitor)
        return x->visitor < y->visitor ? -1 : 1;
    return (x->first_ms > y->first_ms) - (x->first_ms < y->first_ms);
}

static int unite_unsorted(struct set *to, const struct set *from)
{
    struct set sorted = { 0 };
    int r;

    if (from->registers != NULL)
        return set_unite(to, from);
    r = set_take(&sorted, from->hash, from->count);
    set_sort(&sorted);
    if (r == 0)
        r = set_unite(to, &sorted);
    set_free(&sorted);
    return r;
}

static int add_open(struct summary *summary, const struct stays *stays)
{
    struct summary_session *open =
        realloc(summary->open, (summary->open_count + stays->open_count + 1) * sizeof *open);

    if (open == NULL)
        return -1;
    if (stays->open_count > 0)
        memcpy(open + summary->open_count, stays->open, stays->open_count * sizeof *open);
    summary->open = open;
    summary->open_count += stays->open_count;
    return 0;
}

static int add_stays(struct summary *summary, const struct period *period)
{
    uint32_t *duration;
    size_t count = 0, n = 0;
    int r = 0;

    for (unsigned t = 0; t < period->threads; t++)
        count += fold_stays(period->folds[t])->durations;
    duration = malloc((count + 1) * sizeof *duration);
    if (duration == NULL)
        return -1;
    for (unsigned t = 0; t < period->threads; t++) {
        const struct stays *stays = fold_stays(period->folds[t]);

        summary->totals.sessions += stays->sessions;
        summary->totals.bounces += stays->bounces;
        summary->totals.session_views += stays->views;
        r |= stays->failed ? -1 : 0;
        r |= unite_unsorted(&summary->visitors, &stays->visitors);
        r |= unite_unsorted(&summary->fresh, &stays->fresh);
        r |= add_open(summary, stays);
        if (stays->durations > 0)
            memcpy(duration + n, stays->duration, stays->durations * sizeof *duration);
        n += stays->durations;
    }
    qsort(summary->open, summary->open_count, sizeof *summary->open, compare_sessions);
    r |= summary_set_durations(summary, duration, count);
    r |= set_limit(&summary->visitors, SUMMARY_EXACT, SET_BITS);
    free(duration);
    return r;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static void only_what_the_plan_has(struct summary *summary)
{
    for (int i = 0; i < SUMMARY_STEPS; i++)
        summary->steps[i].known = false;
    for (size_t i = 0; i < SUMMARY_TABLES_MAX; i++)
        summary->tables[i].known = false;
}

struct summary *summary_of_period(const struct period *period, struct err *e)
{
    const struct plan *plan = &period->plan;
    struct summary *summary = summary_new(period->since_ms, period->until_ms, plan->spec->idle_ms);
    int r = 0;

    if (summary == NULL) {
        no_memory(e);
        return NULL;
    }
    only_what_the_plan_has(summary);
    summary->totals = period_totals(period);
    summary->totals.visitors = summary->totals.new_visitors = 0;
    summary->totals.sessions = summary->totals.bounces = summary->totals.session_views = 0;
    if (add_stays(summary, period) != 0)
        r = no_memory(e);
    for (size_t i = 0; r == 0 && i < plan->count; i++) {
        int table = summary_table_of(plan->tables[i].row);

        if (plan->tables[i].row->fold == FOLD_TIME)
            r = add_timeline(summary, period, i, e);
        else if (table >= 0 && !summary->tables[table].known)
            r = collect_table(summary, period, i, &summary->tables[table], e);
    }
    if (r == 0 && summary_settle(summary) != 0)
        r = no_memory(e);
    if (r == 0)
        return summary;
    summary_free(summary);
    return NULL;
}
