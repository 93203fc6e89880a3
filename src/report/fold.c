/*
 * fold.c - from a hit to the counts of every report. See fold.h for the contract.
 *
 * Called by report.c's threads. fold_hit reads top to bottom: time, filter, bot, figures, tables, visit.
 * The definitions of crumb-report(7) are here: what is a view, who is a visitor, what ends a session.
 */
#include "fold.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/event.h"
#include "stays.h"
#include "zone.h"

#define KEY_BYTES (REPORT_KEYS_MAX * (EVENT_LINE_BYTES_MAX + 1))

struct time_key {
    int64_t minute; /* that the label was made for, + 1 */
    uint64_t hash;
    size_t n;
    char label[ZONE_LABEL_BYTES];
};

struct fold {
    struct plan *plan;
    int64_t since_ms, until_ms;
    struct hit_scanner scanner;
    struct facets *facets;
    struct zone zone;
    void *matcher;
    struct tally *tallies[REPORT_TABLES_MAX];
    struct time_key times[REPORT_TABLES_MAX];
    struct tally *names; /* of pages by their hash */
    struct visits *visits;
    struct stays *stays;
    struct fold_totals totals;
    uint32_t *durations;
    size_t durations_count, durations_cap;
    bool durations_lost;
    char key[KEY_BYTES];
};

/* ---- the plan ------------------------------------------------------------------------------------- */

static const struct {
    bool visits; /* made from the walk */
    bool pages;  /* keys are page hashes */
} folds[] = {
    [FOLD_OVERVIEW] = { true, false },  [FOLD_TIME] = { true, false },
    [FOLD_HITS] = { false, false },     [FOLD_VIEWS] = { false, false },
    [FOLD_EVENTS] = { false, false },   [FOLD_BANNERS] = { false, false },
    [FOLD_BOTS] = { false, false },     [FOLD_ENTRY] = { true, true },
    [FOLD_EXIT] = { true, true },       [FOLD_PATHS] = { true, true },
    [FOLD_SEQUENCES] = { true, true },  [FOLD_VISITORS] = { true, false },
    [FOLD_RETENTION] = { true, false },
};

bool fold_has_page_keys(enum report_fold fold)
{
    return folds[fold].pages;
}

static bool takes_facets(enum report_fold fold)
{
    return fold == FOLD_HITS || fold == FOLD_VIEWS || fold == FOLD_EVENTS || fold == FOLD_BANNERS ||
           fold == FOLD_BOTS;
}

static int plan_table(struct plan *plan, const struct report_row *row, const char *const *keys,
                      enum report_step step, struct err *e)
{
    struct plan_table *table = &plan->tables[plan->count++];

    *table = (struct plan_table){ .row = row, .step = step };
    table->has_tally = row->fold != FOLD_OVERVIEW;
    plan->needs_visits |= folds[row->fold].visits;
    plan->needs_names |= folds[row->fold].pages;
    if (!takes_facets(row->fold))
        return 0;
    for (unsigned i = 0; i < REPORT_KEYS_MAX && keys[i] != NULL; i++) {
        if (facet_find(&table->facets[i], keys[i], &plan->wanted) != 0)
            return err_set(e, ERR_INPUT, "there is no field %s, or too many are asked for",
                           keys[i]);
        table->facets_count++;
    }
    return 0;
}

static void want_fields(struct plan *plan)
{
    hit_wanted_begin(&plan->wanted);
    hit_want(&plan->wanted, STR("ts"));
    plan->slot.kind = hit_want(&plan->wanted, STR("kind"));
    plan->slot.vid = hit_want(&plan->wanted, STR("vid"));
    plan->slot.ua = hit_want(&plan->wanted, STR("ua"));
    plan->slot.purpose = hit_want(&plan->wanted, STR("purpose"));
}

static int plan_match(struct plan *plan, struct err *e)
{
    const char *const *names = plan->spec->match_by;

    for (unsigned i = 0; names != NULL && names[i] != NULL; i++) {
        if (i == REPORT_MATCH_MAX || facet_find(&plan->match[i], names[i], &plan->wanted) != 0)
            return err_set(e, ERR_INPUT, "there is no field %s, or too many are asked for",
                           names[i]);
        plan->match_count++;
    }
    return 0;
}

static bool any(const struct plan *plan, enum report_fold fold)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->tables[i].row->fold == fold)
            return true;
    }
    return false;
}

static int load_lists(struct plan *plan, struct err *e)
{
    bool agents = false, referrers = false;

    plan->lists = plan->spec->lists != NULL ? plan->spec->lists : &plan->own;
    if (plan->spec->lists != NULL)
        return 0;
    for (size_t t = 0; t < plan->count; t++) {
        for (unsigned i = 0; i < plan->tables[t].facets_count; i++) {
            agents |= facet_needs_agents(&plan->tables[t].facets[i]);
            referrers |= facet_needs_referrers(&plan->tables[t].facets[i]);
        }
    }
    for (unsigned i = 0; i < plan->match_count; i++) {
        agents |= facet_needs_agents(&plan->match[i]);
        referrers |= facet_needs_referrers(&plan->match[i]);
    }
    if (facet_lists_load(&plan->own, plan->spec, agents, referrers, e) == 0)
        return 0;
    if (e->code == ERR_INPUT) /* a bad list is no mistake of whoever asks */
        e->code = ERR_DAMAGED;
    return -1;
}

int plan_make(struct plan *plan, const struct report_spec *spec, enum report_step step,
              struct err *e)
{
    memset(plan, 0, sizeof *plan);
    plan->spec = spec;
    want_fields(plan);
    for (size_t i = 0; i < spec->rows_count; i++) {
        const struct report_row *row = spec->rows[i];
        bool by = i == 0 && spec->by[0] != NULL;
        enum report_step own = strcmp(row->name, "live") == 0 ? REPORT_MINUTE : step;

        if (plan_table(plan, row, by ? spec->by : row->keys, own, e) != 0)
            return -1;
    }
    if (plan_match(plan, e) != 0)
        return -1;
    plan->slot.site = spec->site.p == NULL ? -1 : hit_want(&plan->wanted, STR("site"));
    if (spec->site.p != NULL && plan->slot.site < 0)
        return err_set(e, ERR_INPUT, "too many fields are asked for");
    plan->slot.vid_new = plan->slot.path = plan->slot.id = plan->slot.name = plan->slot.banner = -1;
    if (plan->needs_visits) {
        plan->slot.vid_new = hit_want(&plan->wanted, STR("vid_new"));
        plan->slot.id = hit_want(&plan->wanted, STR("id"));
    }
    if (plan->needs_names)
        plan->slot.path = hit_want(&plan->wanted, STR("path"));
    if (any(plan, FOLD_BANNERS)) {
        plan->slot.name = hit_want(&plan->wanted, STR("name"));
        plan->slot.banner = hit_want(&plan->wanted, STR("params.banner"));
    }
    return load_lists(plan, e);
}

void plan_free(struct plan *plan)
{
    facet_lists_free(&plan->own);
}

/* ---- a fold ----------------------------------------------------------------------------------------- */

struct fold *fold_new(struct plan *plan, int64_t since_ms, int64_t until_ms, struct err *e)
{
    struct fold *fold = calloc(1, sizeof *fold);
    bool failed = fold == NULL;

    if (!failed) {
        fold->plan = plan;
        fold->since_ms = since_ms;
        fold->until_ms = until_ms;
        fold->totals.first_ms = INT64_MAX;
        fold->totals.last_ms = INT64_MIN;
        failed = hit_scanner_begin(&fold->scanner, &plan->wanted) != 0 ||
                 (fold->facets = facets_new(plan->lists, plan->slot.ua)) == NULL;
    }
    for (size_t i = 0; !failed && i < plan->count; i++)
        failed = plan->tables[i].has_tally && (fold->tallies[i] = tally_new()) == NULL;
    if (!failed && plan->needs_visits)
        failed = (fold->visits = visits_new()) == NULL;
    if (!failed && plan->keeps_stays)
        failed = (fold->stays = stays_new(since_ms, until_ms, plan->spec->idle_ms)) == NULL;
    if (!failed && plan->needs_names)
        failed = (fold->names = tally_new()) == NULL;
    if (!failed && plan->spec->matcher_new != NULL)
        failed = (fold->matcher = plan->spec->matcher_new(plan->spec->arg)) == NULL;
    if (!failed)
        return fold;
    err_set(e, ERR_MEMORY, "out of memory");
    fold_free(fold);
    return NULL;
}

void fold_free(struct fold *fold)
{
    if (fold == NULL)
        return;
    if (fold->matcher != NULL)
        fold->plan->spec->matcher_free(fold->matcher);
    for (size_t i = 0; i < REPORT_TABLES_MAX; i++)
        tally_free(fold->tallies[i]);
    tally_free(fold->names);
    visits_free(fold->visits);
    stays_free(fold->stays);
    facets_free(fold->facets);
    hit_scanner_end(&fold->scanner);
    free(fold->durations);
    free(fold);
}

void fold_keep_below(struct fold *fold, uint64_t bytes)
{
    for (;;) {
        uint64_t used = fold->visits == NULL ? 0 : visits_bytes(fold->visits), largest = used;
        struct tally *tally = NULL;

        for (size_t i = 0; i <= fold->plan->count; i++) {
            struct tally *one = i < fold->plan->count ? fold->tallies[i] : fold->names;
            size_t n = one == NULL ? 0 : tally_bytes(one);

            used += n;
            if (n > largest) {
                largest = n;
                tally = one;
            }
        }
        if (used <= bytes || largest == 0)
            return;
        if (tally != NULL)
            tally_spill(tally);
        else
            visits_spill(fold->visits);
        if ((tally != NULL ? tally_bytes(tally) : visits_bytes(fold->visits)) == largest)
            return; /* it failed; the merge will say so */
    }
}

const struct fold_totals *fold_totals(const struct fold *fold)
{
    return &fold->totals;
}

struct tally *fold_tally(struct fold *fold, size_t table)
{
    return fold->tallies[table];
}

struct tally *fold_names(struct fold *fold)
{
    return fold->names;
}

const struct stays *fold_stays(const struct fold *fold)
{
    return fold->stays;
}

const uint32_t *fold_durations(const struct fold *fold, size_t *count, bool *complete)
{
    *count = fold->durations_count;
    *complete = !fold->durations_lost;
    return fold->durations;
}

/* ---- hits -------------------------------------------------------------------------------------------- */

/* What is said about a hit once and used by every table. */
struct seen {
    const struct hit *hit;
    int bot;
    bool is_view, is_event, is_prefetch;
    uint64_t visitor; /* 0: none */
};

static struct str time_key(struct fold *fold, size_t table, int64_t ts_ms, uint64_t *hash)
{
    struct time_key *key = &fold->times[table];
    int64_t minute = ts_ms / 60000 + 1;

    if (key->minute != minute) {
        struct buf b = buf_over(key->label, sizeof key->label);

        zone_add_label(&b, &fold->zone, ts_ms, fold->plan->tables[table].step);
        key->minute = minute;
        key->n = b.n;
        key->hash = tally_hash(buf_str(&b));
    }
    *hash = key->hash;
    return str_from(key->label, key->n);
}

/* The facets' values, one behind the other. */
static struct str facets_key(struct fold *fold, const struct plan_table *table,
                             const struct hit *hit)
{
    struct buf b;

    if (table->facets_count == 1) {
        struct str value = facet_value(fold->facets, &table->facets[0], hit);

        return value.p == NULL ? STR("") : value;
    }
    b = buf_over(fold->key, sizeof fold->key);
    for (unsigned i = 0; i < table->facets_count; i++) {
        struct str value = facet_value(fold->facets, &table->facets[i], hit);

        if (i > 0)
            buf_add_char(&b, FOLD_KEY_SEPARATOR);
        if (value.n > 0)
            buf_add_str(&b, value);
    }
    return buf_str(&b);
}

static void add_by_facets(struct fold *fold, size_t t, const struct seen *seen,
                          const uint64_t add[TALLY_COUNTS])
{
    struct str key = facets_key(fold, &fold->plan->tables[t], seen->hit);

    tally_add(fold->tallies[t], key, tally_hash(key), add, seen->visitor);
}

static bool all_absent(struct fold *fold, const struct plan_table *table, const struct hit *hit)
{
    for (unsigned i = 0; i < table->facets_count; i++) {
        if (facet_value(fold->facets, &table->facets[i], hit).n > 0)
            return false;
    }
    return true;
}

static void add_banner(struct fold *fold, size_t t, const struct seen *seen)
{
    struct str name = seen->hit->value[fold->plan->slot.name];
    bool impression = str_eq(name, STR("impression")), click = str_eq(name, STR("click"));

    if (seen->is_event && (impression || click) &&
        seen->hit->value[fold->plan->slot.banner].p != NULL)
        add_by_facets(fold, t, seen, (uint64_t[]){ impression, click, 0 });
}

/* Campaigns: views that carry none are no rows. */
static bool is_campaign(const struct plan_table *table)
{
    return strcmp(table->row->name, "campaigns") == 0;
}

static void add_to_table(struct fold *fold, size_t t, const struct seen *seen)
{
    const struct plan_table *table = &fold->plan->tables[t];
    const uint64_t add[TALLY_COUNTS] = { 1, seen->is_view, 0 };
    struct str key;
    uint64_t hash;

    switch (table->row->fold) {
    case FOLD_TIME:
        key = time_key(fold, t, seen->hit->ts_ms, &hash);
        tally_add(fold->tallies[t], key, hash, add, seen->visitor);
        break;
    case FOLD_HITS:
        add_by_facets(fold, t, seen, add);
        break;
    case FOLD_VIEWS:
        if (seen->is_view && !(is_campaign(table) && all_absent(fold, table, seen->hit)))
            add_by_facets(fold, t, seen, add);
        break;
    case FOLD_EVENTS:
        if (seen->is_event)
            add_by_facets(fold, t, seen, add);
        break;
    case FOLD_BANNERS:
        add_banner(fold, t, seen);
        break;
    case FOLD_BOTS: /* add_bot */
    case FOLD_OVERVIEW:
    case FOLD_ENTRY:
    case FOLD_EXIT:
    case FOLD_PATHS:
    case FOLD_SEQUENCES:
    case FOLD_VISITORS:
    case FOLD_RETENTION:
        break;
    }
}

static void add_bot(struct fold *fold, const struct seen *seen)
{
    for (size_t t = 0; t < fold->plan->count; t++) {
        if (fold->plan->tables[t].row->fold == FOLD_BOTS)
            add_by_facets(fold, t, seen, (uint64_t[]){ 1, seen->is_view, 0 });
    }
}

/* The number at the end of INSTANCE-WORKER-SEQUENCE: the order within a millisecond. */
static uint32_t order_of(struct str id)
{
    uint32_t order = 0, unit = 1;

    while (id.n > 0 && id.p[id.n - 1] >= '0' && id.p[id.n - 1] <= '9') {
        order += unit * (uint32_t)(id.p[--id.n] - '0');
        unit *= 10;
    }
    return order;
}

static void add_visit(struct fold *fold, const struct seen *seen)
{
    const struct plan *plan = fold->plan;
    const struct hit *hit = seen->hit;
    struct touch touch = { .visitor = seen->visitor,
                           .ts_ms = hit->ts_ms,
                           .order = order_of(hit->value[plan->slot.id]) };

    if (seen->is_view)
        touch.flags |= TOUCH_VIEW;
    if (str_eq(hit->value[plan->slot.vid_new], STR("true")))
        touch.flags |= TOUCH_NEW;
    if (seen->is_view && plan->needs_names) {
        struct str path = hit->value[plan->slot.path];

        if (path.p == NULL)
            path = STR("");
        touch.page = tally_hash(path);
        tally_add(fold->names, path, touch.page, (uint64_t[]){ 0, 0, 0 }, 0);
    }
    visits_add(fold->visits, &touch);
}

static void count_hit(struct fold *fold, const struct seen *seen)
{
    struct fold_totals *totals = &fold->totals;
    int64_t ts_ms = seen->hit->ts_ms;

    totals->hits++;
    totals->views += seen->is_view;
    totals->prefetches += seen->is_prefetch;
    totals->without_vid += seen->hit->value[fold->plan->slot.vid].n == 0;
    if (ts_ms < totals->first_ms)
        totals->first_ms = ts_ms;
    if (ts_ms > totals->last_ms)
        totals->last_ms = ts_ms;
}

/* By the spec's own matcher, which is told the values that it wants. */
static bool is_meant(struct fold *fold, const struct hit *hit)
{
    const struct plan *plan = fold->plan;
    struct str values[REPORT_MATCH_MAX];

    for (unsigned i = 0; i < plan->match_count; i++)
        values[i] = facet_value(fold->facets, &plan->match[i], hit);
    return plan->spec->matches(fold->matcher, hit->line, values);
}

static void fold_hit(void *arg, const struct hit *hit)
{
    struct fold *fold = arg;
    const struct plan *plan = fold->plan;
    const struct report_spec *spec = plan->spec;
    struct str vid = hit->value[plan->slot.vid];
    struct seen seen = { .hit = hit };

    if (hit->ts_ms < fold->since_ms || hit->ts_ms >= fold->until_ms)
        return;
    if (plan->slot.site >= 0 && !str_eq(hit->value[plan->slot.site], spec->site))
        return;
    seen.bot = facets_begin(fold->facets, hit);
    if (fold->matcher != NULL && !is_meant(fold, hit))
        return;
    fold->totals.records++;
    seen.is_prefetch = str_eq(hit->value[plan->slot.purpose], STR("prefetch"));
    seen.is_view = !seen.is_prefetch && str_eq(hit->value[plan->slot.kind], STR("view"));
    seen.is_event = str_eq(hit->value[plan->slot.kind], STR("event"));
    seen.visitor = vid.n == 0 || seen.is_prefetch ? 0 : tally_hash(vid);
    if (seen.bot >= 0) {
        fold->totals.bots++;
        add_bot(fold, &seen);
    }
    if ((seen.bot >= 0 && spec->bots == REPORT_BOTS_EXCLUDE) ||
        (seen.bot < 0 && spec->bots == REPORT_BOTS_ONLY))
        return;
    count_hit(fold, &seen);
    for (size_t t = 0; t < plan->count; t++)
        add_to_table(fold, t, &seen);
    if (plan->needs_visits && seen.visitor != 0)
        add_visit(fold, &seen);
}

void fold_text(struct fold *fold, struct str text)
{
    hit_scan(&fold->scanner, text, fold_hit, fold);
    fold->totals.unusable = fold->scanner.unusable;
}

/* ---- visits ------------------------------------------------------------------------------------------- */

static void keep_duration(struct fold *fold, int64_t ms)
{
    if (ms == 0)
        return;
    if (fold->durations_count == fold->durations_cap) {
        size_t cap = fold->durations_cap == 0 ? 1024 : fold->durations_cap * 2;
        uint32_t *durations = realloc(fold->durations, cap * sizeof *durations);

        if (durations == NULL) {
            fold->durations_lost = true;
            return;
        }
        fold->durations = durations;
        fold->durations_cap = cap;
    }
    fold->durations[fold->durations_count++] = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* One session: its touches, and its views alone. */
struct session {
    const struct touch *touches;
    size_t count;
    const struct touch *first_view, *last_view; /* NULL: it has none */
    uint64_t views;
};

static struct session look_at_session(const struct touch *touches, size_t count)
{
    struct session session = { .touches = touches, .count = count };

    for (size_t i = 0; i < count; i++) {
        if ((touches[i].flags & TOUCH_VIEW) == 0)
            continue;
        if (session.first_view == NULL)
            session.first_view = &touches[i];
        session.last_view = &touches[i];
        session.views++;
    }
    return session;
}

static void add_by_pages(struct fold *fold, size_t t, const uint64_t *pages, size_t count,
                         const uint64_t add[TALLY_COUNTS], uint64_t visitor)
{
    struct str key = str_from((const char *)pages, count * FOLD_HASH_BYTES);

    tally_add(fold->tallies[t], key, tally_hash(key), add, visitor);
}

static void add_steps(struct fold *fold, size_t t, const struct session *session)
{
    uint64_t pages[2] = { 0 };

    for (const struct touch *touch = session->first_view; touch <= session->last_view; touch++) {
        if ((touch->flags & TOUCH_VIEW) == 0)
            continue;
        pages[0] = pages[1];
        pages[1] = touch->page;
        if (touch > session->first_view)
            add_by_pages(fold, t, pages, 2, (uint64_t[]){ 1, 0, 0 }, touch->visitor);
    }
}

static void add_sequence(struct fold *fold, size_t t, const struct session *session)
{
    uint64_t pages[FOLD_SEQUENCE_MAX];
    size_t n = 0;

    for (const struct touch *touch = session->first_view;
         touch <= session->last_view && n < FOLD_SEQUENCE_MAX; touch++) {
        if ((touch->flags & TOUCH_VIEW) != 0)
            pages[n++] = touch->page;
    }
    add_by_pages(fold, t, pages, n, (uint64_t[]){ 0, 0, 1 }, session->touches->visitor);
}

static void add_session_to_table(struct fold *fold, size_t t, const struct session *session)
{
    uint64_t visitor = session->touches->visitor, hash;
    struct str key;

    switch (fold->plan->tables[t].row->fold) {
    case FOLD_TIME:
        key = time_key(fold, t, session->touches->ts_ms, &hash);
        tally_add(fold->tallies[t], key, hash, (uint64_t[]){ 0, 0, 1 }, 0);
        break;
    case FOLD_ENTRY:
        if (session->first_view != NULL)
            add_by_pages(fold, t, &session->first_view->page, 1,
                         (uint64_t[]){ 0, session->views == 1, 1 }, visitor);
        break;
    case FOLD_EXIT:
        if (session->last_view != NULL)
            add_by_pages(fold, t, &session->last_view->page, 1, (uint64_t[]){ 0, 0, 1 }, visitor);
        break;
    case FOLD_PATHS:
        if (session->first_view != NULL)
            add_steps(fold, t, session);
        break;
    case FOLD_SEQUENCES:
        if (session->first_view != NULL)
            add_sequence(fold, t, session);
        break;
    default:
        break;
    }
}

static void take_session(struct fold *fold, const struct session *session)
{
    struct fold_totals *totals = &fold->totals;

    totals->sessions++;
    totals->session_views += session->views;
    totals->bounces += session->views == 1;
    keep_duration(fold, session->touches[session->count - 1].ts_ms - session->touches[0].ts_ms);
    for (size_t t = 0; t < fold->plan->count; t++)
        add_session_to_table(fold, t, session);
}

/* 1, 2, 3, 4, 5-9, 10-19, ... in an order that sorts as text. */
static struct str frequency_label(uint64_t sessions)
{
    static const struct {
        uint64_t up_to;
        struct str label;
    } labels[] = {
        { 1, { "1", 1 } },      { 2, { "2", 1 } },      { 3, { "3", 1 } },
        { 4, { "4", 1 } },      { 9, { "5-9", 3 } },    { 19, { "10-19", 5 } },
        { 49, { "20-49", 5 } }, { 99, { "50-99", 5 } }, { UINT64_MAX, { "100+", 4 } },
    };
    size_t i = 0;

    while (sessions > labels[i].up_to)
        i++;
    return labels[i].label;
}

static void add_weeks(struct fold *fold, size_t t, const struct touch *touches, size_t count)
{
    int64_t first = zone_week(&fold->zone, touches[0].ts_ms), last = -1;

    for (size_t i = 0; i < count; i++) {
        int64_t later = zone_week(&fold->zone, touches[i].ts_ms) - first;
        char label[ZONE_LABEL_BYTES];
        struct buf b = buf_over(label, sizeof label);

        if (later == last || later > FOLD_WEEKS_MAX)
            continue;
        last = later;
        zone_add_week(&b, first);
        buf_add_char(&b, FOLD_KEY_SEPARATOR);
        buf_add_char(&b, (char)('0' + later));
        tally_add(fold->tallies[t], buf_str(&b), tally_hash(buf_str(&b)), (uint64_t[]){ 1, 0, 0 },
                  0);
    }
}

static void take_visitor(void *arg, const struct touch *touches, size_t count)
{
    struct fold *fold = arg;
    uint64_t sessions = 0;
    bool is_new = false;
    size_t n;

    for (size_t at = 0; at < count; at += n) {
        struct session session;

        n = visit_length(touches + at, count - at, fold->plan->spec->idle_ms);
        session = look_at_session(touches + at, n);
        take_session(fold, &session);
        sessions++;
    }
    for (size_t i = 0; i < count; i++)
        is_new |= (touches[i].flags & TOUCH_NEW) != 0;
    if (fold->stays != NULL)
        stays_add(fold->stays, touches, count, is_new);
    fold->totals.visitors++;
    fold->totals.new_visitors += is_new;
    for (size_t t = 0; t < fold->plan->count; t++) {
        if (fold->plan->tables[t].row->fold == FOLD_VISITORS) {
            struct str label = frequency_label(sessions);

            tally_add(fold->tallies[t], label, tally_hash(label), (uint64_t[]){ 1, 0, 0 }, 0);
        } else if (fold->plan->tables[t].row->fold == FOLD_RETENTION) {
            add_weeks(fold, t, touches, count);
        }
    }
}

int fold_walk(struct fold *fold, struct fold *const *others, unsigned count, unsigned part,
              struct err *e)
{
    struct visits *visits[FOLD_THREADS_MAX];

    for (unsigned i = 0; i < count; i++)
        visits[i] = others[i]->visits;
    return visits_walk(visits, count, part, take_visitor, fold, e);
}
