/*
 * rollup_make.c - makes the rollups that are missing. See report/rollup.h for the contract.
 *
 * First the hours, from their hits; then days from hours, months from days, years from months, each when it
 * is over and everything below it is there. An hour whose hits are damaged gets none, so that each report
 * tells the damage; what lies above it gets none either.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/date.h"
#include "base/fs.h"
#include "join.h"
#include "rollup.h"
#include "zone.h"

/* Names of the files that this run found valid or made, in order. */
struct kept {
    char (*name)[ROLLUP_LABEL_BYTES];
    size_t count, cap;
};

struct making {
    const struct rollup_options *options;
    struct rollup_counts *counts;
    struct facet_lists lists;
    struct hours hours;
    uint64_t seed, fingerprint;
    struct kept kept[ROLLUP_LEVELS];
};

/* An interval of a level, and where its hours are. */
struct interval {
    enum rollup_level level;
    int64_t since_ms, until_ms;
    size_t from, count; /* hours */
    uint64_t source;
};

static int no_memory(struct err *e)
{
    return err_set(e, ERR_MEMORY, "out of memory");
}

static const char *zone_name(const struct making *making)
{
    return making->options->zone == NULL ? "UTC" : making->options->zone;
}

static struct rollup_head head_of(const struct making *making, const struct interval *interval)
{
    return (struct rollup_head){
        .fingerprint = making->fingerprint,
        .source = interval->source,
        .since_ms = interval->since_ms,
        .until_ms = interval->until_ms,
        .idle_ms = making->options->idle_ms,
        .zone = interval->level == ROLLUP_HOUR ? STR("") : str_of(zone_name(making)),
    };
}

static int path_of(const struct making *making, rollup_path path, enum rollup_level level,
                   int64_t since_ms, struct err *e)
{
    char name[ROLLUP_LABEL_BYTES];

    rollup_file_name(name, level, since_ms);
    return rollup_path_of(path, making->options->data_dir, rollup_level_name(level), name, e);
}

static void notice(const struct making *making, const char *sentence)
{
    if (making->options->notice != NULL)
        making->options->notice(making->options->arg, sentence);
}

/* The valid file of an interval; NULL when there is none, whatever the reason. */
static struct rollup_file *open_valid(const struct making *making, const char *path,
                                      const struct interval *interval)
{
    struct rollup_head want = head_of(making, interval);
    struct err why;
    struct rollup_file *file = rollup_open(path, &why);
    const struct rollup_head *head;

    if (file == NULL) {
        if (why.code == ERR_DAMAGED)
            notice(making, why.text);
        return NULL;
    }
    head = rollup_head_of(file);
    if (head->fingerprint == want.fingerprint && head->source == want.source &&
        head->since_ms == want.since_ms && head->until_ms == want.until_ms &&
        str_eq(head->zone, want.zone))
        return file;
    rollup_close(file);
    return NULL;
}

static int keep_name(struct making *making, const struct interval *interval, struct err *e)
{
    struct kept *kept = &making->kept[interval->level];

    if (kept->count == kept->cap) {
        size_t cap = kept->cap == 0 ? 64 : kept->cap * 2;
        char(*more)[ROLLUP_LABEL_BYTES] = realloc(kept->name, cap * sizeof *more);

        if (more == NULL)
            return no_memory(e);
        kept->name = more;
        kept->cap = cap;
    }
    rollup_file_name(kept->name[kept->count++], interval->level, interval->since_ms);
    return 0;
}

static int tell_made(struct making *making, const struct interval *interval, const char *path,
                     struct err *e)
{
    making->counts->made[interval->level]++;
    if (making->options->made != NULL)
        making->options->made(making->options->arg, path);
    return keep_name(making, interval, e);
}

/* ---- sites ------------------------------------------------------------------------------------------------- */

/* A site that was met, and what is known of it but for its tables; NULL: the same as all. */
struct site {
    struct str name;
    struct summary *summary;
};

struct sites {
    struct site *site;
    uint64_t *hits; /* while they are collected, in the order of site */
    size_t count, cap;
    bool complete;
    bool no_memory;
};

static void sites_free(struct sites *sites)
{
    for (size_t i = 0; i < sites->count; i++) {
        free((void *)(uintptr_t)sites->site[i].name.p);
        summary_free(sites->site[i].summary);
    }
    free(sites->site);
    free(sites->hits);
}

static void add_site(struct sites *sites, struct str name, uint64_t hits)
{
    struct site *site;
    uint64_t *more;

    for (size_t i = 0; i < sites->count; i++) {
        if (str_eq(sites->site[i].name, name)) {
            sites->hits[i] += hits;
            return;
        }
    }
    if (sites->count == sites->cap) {
        sites->cap = sites->cap == 0 ? 16 : sites->cap * 2;
        site = realloc(sites->site, sites->cap * sizeof *site);
        sites->site = site == NULL ? sites->site : site;
        more = realloc(sites->hits, sites->cap * sizeof *more);
        sites->hits = more == NULL ? sites->hits : more;
        sites->no_memory |= site == NULL || more == NULL;
    }
    if (sites->no_memory)
        return;
    sites->site[sites->count] = (struct site){ .name = { str_dup(name), name.n } };
    sites->no_memory |= sites->site[sites->count].name.p == NULL;
    sites->hits[sites->count++] = hits;
}

/* Drops all but the largest ones. */
static void limit_sites(struct sites *sites)
{
    while (sites->count > ROLLUP_SITES) {
        size_t least = 0;

        for (size_t i = 1; i < sites->count; i++) {
            if (sites->hits[i] < sites->hits[least])
                least = i;
        }
        free((void *)(uintptr_t)sites->site[least].name.p);
        summary_free(sites->site[least].summary);
        sites->site[least] = sites->site[--sites->count];
        sites->hits[least] = sites->hits[sites->count];
        sites->complete = false;
    }
}

/* ---- hours --------------------------------------------------------------------------------------------------- */

/* For the maker alone: which sites there are, bots included, as `hits` leaves them out. */
static const struct report_row people_by_site = { .name = "sites",
                                                  .fold = FOLD_HITS,
                                                  .keys = { "site" },
                                                  .measures = { { "hits", "Hits", REPORT_COUNT } },
                                                  .sort = "hits" };
static const struct report_row bots_by_site = { .name = "bot_sites",
                                                .fold = FOLD_BOTS,
                                                .keys = { "site" },
                                                .measures = { { "hits", "Hits", REPORT_COUNT } },
                                                .sort = "hits" };

static int tell_damage(void *arg, const struct scan_damage *damage)
{
    const struct rollup_options *options = arg;

    if (options->damage != NULL)
        options->damage(options->arg, damage);
    return 0;
}

static void damage_of(void *arg, const struct scan_damage *damage)
{
    tell_damage(arg, damage);
}

static struct report_spec spec_of(struct making *making, struct str site)
{
    const struct rollup_options *options = making->options;
    struct report_spec spec = { .data_dir = options->data_dir,
                                .share_dir = options->share_dir,
                                .since_ms = INT64_MIN,
                                .until_ms = INT64_MAX,
                                .now_ms = options->now_ms,
                                .idle_ms = options->idle_ms,
                                .threads = options->threads,
                                .memory_bytes = options->memory_bytes,
                                .step = REPORT_HOUR,
                                .sections = options->sections,
                                .sections_count = options->sections_count,
                                .site = site,
                                .lists = &making->lists,
                                .no_rollups = true,
                                .damage = damage_of,
                                .arg = (void *)(uintptr_t)options };
    size_t count;
    const struct report_row *const *rows = summary_rows(&count);

    for (size_t i = 0; i < count; i++)
        spec.rows[spec.rows_count++] = rows[i];
    spec.rows[spec.rows_count++] = report_row("overview");
    if (site.p == NULL) {
        spec.rows[spec.rows_count++] = &people_by_site;
        spec.rows[spec.rows_count++] = &bots_by_site;
    }
    return spec;
}

static void take_site(void *arg, const struct tally_group *group)
{
    add_site(arg, group->key, group->count[0]);
}

static int collect_sites(struct sites *sites, const struct period *period, struct err *e)
{
    for (size_t i = 0; i < period->plan.count; i++) {
        const struct report_row *row = period->plan.tables[i].row;
        struct tally *tallies[FOLD_THREADS_MAX];

        if (row != &people_by_site && row != &bots_by_site)
            continue;
        for (unsigned t = 0; t < period->threads; t++)
            tallies[t] = fold_tally(period->folds[t], i);
        if (tally_merge(tallies, period->threads, take_site, sites, e) != 0)
            return -1;
    }
    if (sites->no_memory)
        return no_memory(e);
    limit_sites(sites);
    return 0;
}

/* The summary of an hour's hits; *damaged: there is none because some of them are lost. sites: NULL, or to be filled. */
static struct summary *read_hour(struct making *making, const struct interval *interval,
                                 struct str site, struct sites *sites, bool *damaged, struct err *e)
{
    struct report_spec spec = spec_of(making, site);
    struct period *period = calloc(1, sizeof *period);
    struct summary *summary = NULL;
    enum report_step step = REPORT_HOUR;

    *damaged = false;
    if (period == NULL) {
        no_memory(e);
        return NULL;
    }
    if (period_read(period, &spec, interval->since_ms, interval->until_ms, &step, true, e) == 0) {
        *damaged = period->damaged > 0;
        if (!*damaged && (sites == NULL || collect_sites(sites, period, e) == 0))
            summary = summary_of_period(period, e);
    }
    period_free(period);
    free(period);
    return summary;
}

/* The part of a site, or of all: 1: added, 0: hits are lost, -1 and e. */
static int add_hour_part(struct making *making, const struct interval *interval, struct str site,
                         struct sites *sites, struct rollup_writer *writer, struct err *e)
{
    bool damaged;
    struct summary *summary = read_hour(making, interval, site, sites, &damaged, e);
    int r = summary != NULL ? 1 : damaged ? 0 : -1;

    if (r == 1 &&
        rollup_add_summary(writer, summary, period_threads(making->options->threads), e) != 0)
        r = -1;
    summary_free(summary);
    return r;
}

/* 1: made, 0: left out, -1 and e. */
static int make_hour(struct making *making, const struct interval *interval, const char *path,
                     struct err *e)
{
    struct rollup_head head = head_of(making, interval);
    struct sites sites = { .complete = true };
    struct rollup_writer writer = { 0 };
    int r = add_hour_part(making, interval, STR_ABSENT, &sites, &writer, e);

    for (size_t i = 0; r == 1 && i < sites.count; i++) {
        rollup_add_site(&writer, sites.site[i].name, sites.count > 1 ? i + 1 : 0);
        if (sites.count > 1)
            r = add_hour_part(making, interval, sites.site[i].name, NULL, &writer, e);
    }
    if (r == 1 && (rollup_write(path, &writer, &head, sites.complete, e) != 0 ||
                   tell_made(making, interval, path, e) != 0))
        r = -1;
    rollup_writer_free(&writer);
    sites_free(&sites);
    return r;
}

/* ---- days, months, years ----------------------------------------------------------------------------------------- */

static int64_t number_of(struct zone *zone, enum rollup_level level, int64_t ms)
{
    switch (level) {
    case ROLLUP_HOUR:
        return ms / DATE_HOUR_MS;
    case ROLLUP_DAY:
        return zone_step(zone, ms, REPORT_DAY);
    case ROLLUP_MONTH:
        return zone_step(zone, ms, REPORT_MONTH);
    case ROLLUP_YEAR:
        break;
    }
    return zone_step(zone, ms, REPORT_MONTH) / 12;
}

/* The first full hour in [low, high] that has at least this number; high has. */
static int64_t first_hour(struct zone *zone, enum rollup_level level, int64_t low, int64_t high,
                          int64_t number)
{
    while (low < high) {
        int64_t middle = low + (high - low) / DATE_HOUR_MS / 2 * DATE_HOUR_MS;

        if (number_of(zone, level, middle) < number)
            low = middle + DATE_HOUR_MS;
        else
            high = middle;
    }
    return low;
}

/* The interval that the hour is in. Levels are aligned with hours: see check_zone. */
static struct interval interval_at(const struct making *making, struct zone *zone,
                                   enum rollup_level level, size_t from)
{
    const int64_t far = 370 * (int64_t)DATE_DAY_MS;
    int64_t hour_ms = making->hours.hour[from].begin_ms;
    int64_t number = number_of(zone, level, hour_ms);
    struct interval interval = { .level = level, .from = from };

    interval.since_ms = first_hour(zone, level, hour_ms - far, hour_ms, number);
    interval.until_ms = first_hour(zone, level, hour_ms, hour_ms + far, number + 1);
    while (from + interval.count < making->hours.count &&
           making->hours.hour[from + interval.count].begin_ms < interval.until_ms)
        interval.count++;
    return interval;
}

/* What a level above is made of, and what it is. */
struct children {
    struct rollup_file **file;
    size_t count;
    struct rollup_head head;
    unsigned threads;
};

static void children_free(struct children *children)
{
    for (size_t i = 0; i < children->count; i++)
        rollup_close(children->file[i]);
    free(children->file);
}

/* 1: all are there and valid; 0: one is not. */
static int open_children(struct making *making, const struct interval *parent,
                         struct children *children, struct err *e)
{
    struct zone zone = { 0 };
    enum rollup_level level = parent->level - 1;
    size_t at = parent->from, end = parent->from + parent->count;

    children->file = calloc(parent->count + 1, sizeof *children->file);
    if (children->file == NULL)
        return no_memory(e);
    while (at < end) {
        struct interval child = interval_at(making, &zone, level, at);
        rollup_path path;
        struct rollup_file *file;

        if (path_of(making, path, level, child.since_ms, e) != 0)
            return -1;
        if (!rollup_source(&making->hours, at, child.until_ms, &child.source))
            return 0;
        file = open_valid(making, path, &child);
        if (file == NULL)
            return 0;
        children->file[children->count++] = file;
        at += child.count;
    }
    return 1;
}

/* The parts of a site, or of all, in the children that have one. */
struct parts {
    struct {
        const struct rollup_file *file;
        int part;
    } * of;
    size_t count;
};

/* 1: found; 0: one of the children has it hidden among those that have no part of their own; -1: out of memory. */
static int find_parts(struct parts *parts, const struct children *children, struct str site)
{
    *parts = (struct parts){ 0 };
    parts->of = calloc(children->count + 1, sizeof *parts->of);
    if (parts->of == NULL)
        return -1;
    for (size_t i = 0; i < children->count; i++) {
        int part = rollup_part(children->file[i], site);

        if (part == ROLLUP_UNKNOWN)
            return 0;
        if (part == ROLLUP_NO_HITS)
            continue;
        parts->of[parts->count].file = children->file[i];
        parts->of[parts->count++].part = part;
    }
    return 1;
}

/* Hours have no rows of their own: they are of no zone. Called by several threads. */
static struct summary *load_part(void *arg, size_t i, struct err *e)
{
    const struct parts *parts = arg;
    const struct rollup_file *file = parts->of[i].file;
    bool is_hour = rollup_head_of(file)->zone.n == 0;
    struct summary *summary = rollup_load(file, parts->of[i].part, true, e);

    for (int step = 0; summary != NULL && is_hour && step < SUMMARY_STEPS; step++) {
        if (summary_make_row(summary, summary_step(step)) != 0) {
            no_memory(e);
            summary_free(summary);
            summary = NULL;
        }
    }
    return summary;
}

/* All but the tables. */
static struct summary *merge_parts(const struct children *children, struct parts *parts,
                                   struct err *e)
{
    const struct rollup_head *head = &children->head;
    struct summary *summary;

    err_clear(e);
    summary = summary_gather(load_part, parts, parts->count, children->threads, e);
    if (summary == NULL && e->code == ERR_NONE)
        summary = summary_new(head->since_ms, head->until_ms, head->idle_ms);
    if (summary != NULL) {
        summary->since_ms = head->since_ms;
        summary->until_ms = head->until_ms;
        if (summary_settle(summary) == 0)
            return summary;
    }
    if (e->code == ERR_NONE)
        no_memory(e);
    summary_free(summary);
    return NULL;
}

/* 1: *summary is there, but for its tables; 0: not known, as find_parts; -1 and e. */
static int merge_site(const struct children *children, struct str site, struct summary **summary,
                      struct err *e)
{
    struct parts parts;
    int r = find_parts(&parts, children, site);

    if (r < 0)
        no_memory(e);
    if (r == 1) {
        *summary = merge_parts(children, &parts, e);
        r = *summary == NULL ? -1 : 1;
    }
    free(parts.of);
    return r;
}

/* What was merged, and its tables. */
static int add_level_part(const struct children *children, struct str site,
                          const struct summary *summary, struct rollup_writer *writer,
                          struct err *e)
{
    struct parts parts;
    struct join *join = join_new(&summary->visitors, children->threads);
    int r = find_parts(&parts, children, site) == 1 && join != NULL ? 0 : -1;

    for (size_t i = 0; r == 0 && i < parts.count; i++)
        r = join_add_part(join, parts.of[i].file, parts.of[i].part);
    r = r == 0 ? rollup_add_part(writer, summary, join, e) : no_memory(e);
    join_free(join);
    free(parts.of);
    return r;
}

static void name_sites(struct sites *sites, const struct children *children)
{
    for (size_t i = 0; i < children->count; i++) {
        bool complete;
        size_t count = rollup_sites(children->file[i], &complete);

        sites->complete = sites->complete && complete;
        for (size_t k = 0; k < count; k++)
            add_site(sites, rollup_site_name(children->file[i], k), 1);
    }
}

/* The sites that will have a part of their own. One site that is all there is needs none. */
static int merge_sites(const struct children *children, struct sites *sites, struct err *e)
{
    name_sites(sites, children);
    if (sites->no_memory)
        return no_memory(e);
    if (sites->count == 1 && sites->complete)
        return 0;
    for (size_t i = 0; i < sites->count;) {
        struct site *site = &sites->site[i];
        int known = merge_site(children, site->name, &site->summary, e);

        if (known < 0)
            return -1;
        if (known == 1) {
            sites->hits[i++] = site->summary->totals.records;
            continue;
        }
        free((void *)(uintptr_t)site->name.p);
        *site = sites->site[--sites->count];
        sites->complete = false;
    }
    limit_sites(sites);
    return 0;
}

static int add_level_parts(const struct children *children, struct sites *sites,
                           struct rollup_writer *writer, struct err *e)
{
    struct summary *all = NULL;
    size_t part = 0;
    int r = merge_site(children, STR_ABSENT, &all, e) == 1 ? 0 : -1;

    if (r == 0)
        r = add_level_part(children, STR_ABSENT, all, writer, e);
    summary_free(all);
    if (r == 0)
        r = merge_sites(children, sites, e);
    for (size_t i = 0; r == 0 && i < sites->count; i++) {
        const struct site *site = &sites->site[i];

        rollup_add_site(writer, site->name, site->summary == NULL ? 0 : ++part);
        if (site->summary != NULL)
            r = add_level_part(children, site->name, site->summary, writer, e);
    }
    return r;
}

int rollup_merge(const char *path, const struct rollup_head *head, struct rollup_file **file,
                 size_t count, unsigned threads, struct err *e)
{
    struct children children = {
        .file = file, .count = count, .head = *head, .threads = period_threads(threads)
    };
    struct sites sites = { .complete = true };
    struct rollup_writer writer = { 0 };
    int r = add_level_parts(&children, &sites, &writer, e);

    if (r == 0)
        r = rollup_write(path, &writer, head, sites.complete, e);
    rollup_writer_free(&writer);
    sites_free(&sites);
    return r;
}

/* 1: made, 0: left out, -1 and e. */
static int make_level(struct making *making, const struct interval *interval, const char *path,
                      struct err *e)
{
    struct children children = { .head = head_of(making, interval) };
    int r = open_children(making, interval, &children, e);

    if (r == 1 && rollup_merge(path, &children.head, children.file, children.count,
                               making->options->threads, e) != 0)
        r = -1;
    if (r == 1) {
        r = tell_made(making, interval, path, e) == 0 ? 1 : -1;
    } else if (r < 0 && e->code == ERR_DAMAGED) {
        notice(making, e->text);
        err_clear(e);
        r = 0;
    }
    children_free(&children);
    return r;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static int make_interval(struct making *making, struct interval *interval, struct err *e)
{
    struct rollup_file *file;
    rollup_path path;
    int r;

    if (interval->until_ms > making->options->now_ms ||
        !rollup_source(&making->hours, interval->from, interval->until_ms, &interval->source))
        return 0;
    if (path_of(making, path, interval->level, interval->since_ms, e) != 0)
        return -1;
    file = open_valid(making, path, interval);
    if (file != NULL) {
        rollup_close(file);
        making->counts->current[interval->level]++;
        return keep_name(making, interval, e);
    }
    if (interval->level != ROLLUP_HOUR)
        return make_level(making, interval, path, e) < 0 ? -1 : 0;
    r = make_hour(making, interval, path, e);
    making->counts->damaged += r == 0;
    return r < 0 ? -1 : 0;
}

static int make_all(struct making *making, struct err *e)
{
    struct zone zone = { 0 };

    for (int level = ROLLUP_HOUR; level <= ROLLUP_YEAR; level++) {
        for (size_t at = 0; at < making->hours.count;) {
            struct interval interval = interval_at(making, &zone, (enum rollup_level)level, at);

            if (make_interval(making, &interval, e) != 0)
                return -1;
            at += interval.count;
        }
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What this run neither found valid nor made is of hits that are gone, or of another zone, or half written. */
static int remove_others(struct making *making, struct err *e)
{
    for (int level = 0; level < ROLLUP_LEVELS; level++) {
        struct kept *kept = &making->kept[level];
        struct fs_list list;
        rollup_path path;

        if (rollup_path_of(path, making->options->data_dir, rollup_level_name(level), NULL, e) != 0)
            return -1;
        if (fs_list(path, &list, NULL) != 0)
            continue;
        for (size_t i = 0; i < list.count; i++) {
            const char *name = list.names[i];

            if (strlen(name) < ROLLUP_LABEL_BYTES && kept->count > 0 &&
                bsearch(name, kept->name, kept->count, sizeof *kept->name, compare_names) != NULL)
                continue;
            if (rollup_path_of(path, making->options->data_dir, rollup_level_name(level), name,
                               e) == 0 &&
                fs_unlink(path, NULL) == 0)
                making->counts->removed++;
        }
        fs_list_free(&list);
    }
    return 0;
}

/* Where days begin between two full hours, no number of hours makes a day. */
static int check_zone(const struct making *making, struct err *e)
{
    struct zone zone = { 0 };

    for (size_t i = 0; i < making->hours.count; i++) {
        int64_t ms = making->hours.hour[i].begin_ms;

        if (zone_step(&zone, ms, REPORT_HOUR) !=
            zone_step(&zone, ms + DATE_HOUR_MS - 1, REPORT_HOUR))
            return err_set(e, ERR_INPUT,
                           "days in %s do not begin at full hours of UTC; leave out --tz",
                           zone_name(making));
    }
    return 0;
}

static int make_seed(const char *data_dir, uint64_t *seed, struct err *e)
{
    rollup_path path, tmp;
    char text[17];
    struct buf b = buf_over(text, sizeof text);
    struct iovec iov = { text, sizeof text };
    struct fs_file file = FS_CLOSED;
    size_t written;
    int r;

    crypto_random(seed, sizeof *seed);
    crypto_add_hex(&b, seed, sizeof *seed);
    buf_add_char(&b, '\n');
    if (rollup_path_of(path, data_dir, "seed", NULL, e) != 0 ||
        rollup_path_of(tmp, data_dir, "seed.tmp", NULL, e) != 0 ||
        fs_open(&file, tmp, FS_REPLACE, e) != 0)
        return -1;
    r = fs_write_at(&file, &iov, 1, 0, &written, e);
    if (r == 0)
        r = fs_sync_data(&file, e);
    fs_close(&file);
    return r == 0 ? fs_rename(tmp, path, e) : -1;
}

static int lock_and_seed(struct making *making, struct fs_file *lock, rollup_path lock_path,
                         struct err *e)
{
    const char *data_dir = making->options->data_dir;
    rollup_path folder;

    if (rollup_path_of(folder, data_dir, "", NULL, e) != 0)
        return -1;
    folder[strlen(folder) - 1] = '\0';
    if (fs_make_dirs(folder, e) != 0 || rollup_path_of(lock_path, data_dir, "lock", NULL, e) != 0)
        return -1;
    if (fs_lock(lock, lock_path, e) != 0) {
        if (e->code == ERR_BUSY)
            err_set(e, ERR_BUSY, "another crumb rollup is at work in %s", data_dir);
        return -1;
    }
    if (rollup_read_seed(data_dir, &making->seed, NULL) == 0)
        return 0;
    return make_seed(data_dir, &making->seed, e);
}

static int make(struct making *making, struct err *e)
{
    const struct rollup_options *options = making->options;
    struct report_spec spec = spec_of(making, STR_ABSENT);

    if (rollup_fingerprint(&making->fingerprint, making->seed, &spec, e) != 0 ||
        facet_lists_load(&making->lists, &spec, true, true, e) != 0 ||
        hours_list(&making->hours, options->data_dir, INT64_MIN, INT64_MAX,
                   period_threads(options->threads), e) != 0 ||
        check_zone(making, e) != 0)
        return -1;
    if (making->hours.unreadable)
        return err_set(e, ERR_SYSTEM, "%s cannot be read as a whole", options->data_dir);
    tally_set_seed(making->seed);
    for (size_t i = 0; i < making->hours.count; i++)
        making->counts->waiting += making->hours.hour[i].live;
    return make_all(making, e) == 0 ? remove_others(making, e) : -1;
}

int rollup_make(const struct rollup_options *options, struct rollup_counts *counts, struct err *e)
{
    struct making making = { .options = options, .counts = counts };
    struct fs_file lock = FS_CLOSED;
    rollup_path lock_path;
    int r;

    *counts = (struct rollup_counts){ 0 };
    if (crypto_init(e) != 0)
        return -1;
    r = lock_and_seed(&making, &lock, lock_path, e);
    if (r == 0)
        r = make(&making, e);
    facet_lists_free(&making.lists);
    hours_free(&making.hours);
    for (int level = 0; level < ROLLUP_LEVELS; level++)
        free(making.kept[level].name);
    fs_close(&lock);
    return r;
}
