/*
 * rollup_read.c - answers a question from rollups as far as they go. See rollup.h for the contract.
 *
 * The hours that have data are listed; each is covered by the longest valid rollup that lies within the time
 * asked for, and what none covers is read. All of it are summaries, merged in order of time but for their
 * tables, which are joined when it is known who the visitors are.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/fs.h"
#include "join.h"
#include "rollup.h"
#include "zone.h"

struct candidate {
    struct rollup_file *file;
    int part; /* of the site that is asked for */
};

/* A stretch that is answered in one go: from a rollup, or from its hits (file NULL). */
struct piece {
    int64_t since_ms, until_ms;
    struct rollup_file *file; /* borrowed from a candidate */
    int part;
    struct summary *hits; /* what was read: after the merge, the tables alone */
    uint64_t records;
    bool damaged; /* the file is */
};

#define DAMAGED_MAX 32

struct cover {
    const struct report_spec *spec;
    int64_t since_ms, until_ms;
    enum report_step step;
    uint32_t tables; /* bits */
    bool wants_steps;
    struct hours hours;
    uint64_t fingerprint;
    struct candidate *candidate;
    size_t count, cap;
    struct piece *piece;
    size_t pieces;
    bool uses_rollups;
    /* Files that turned out damaged while they were read. */
    struct {
        int64_t since_ms, until_ms;
    } damaged[DAMAGED_MAX];
    size_t damaged_count;
};

/* ---- the question ------------------------------------------------------------------------------------------- */

static bool can_be_answered(struct cover *cover)
{
    const struct report_spec *spec = cover->spec;

    if (spec->no_rollups || spec->bots != REPORT_BOTS_EXCLUDE || spec->matcher_new != NULL ||
        spec->by[0] != NULL || spec->rows_count == REPORT_TABLES_MAX)
        return false;
    for (size_t i = 0; i < spec->rows_count; i++) {
        const struct report_row *row = spec->rows[i];
        int table = summary_table_of(row);

        if (table >= 0)
            cover->tables |= UINT32_C(1) << table;
        else if (row->fold == FOLD_TIME && strcmp(row->name, "live") != 0)
            cover->wants_steps = true;
        else if (row->fold != FOLD_OVERVIEW)
            return false;
    }
    return true;
}

static const char *zone_name(const struct report_spec *spec)
{
    return spec->zone == NULL ? "UTC" : spec->zone;
}

static bool is_one_step(const struct rollup_head *head, enum report_step step)
{
    struct zone zone = { 0 };

    return zone_step(&zone, head->since_ms, step) == zone_step(&zone, head->until_ms - 1, step);
}

/* The rows of the timeline that are in the file are those of the question. */
static bool has_our_steps(const struct cover *cover, const struct rollup_file *file, int part)
{
    return rollup_has_steps(file, part) &&
           str_eq(rollup_head_of(file)->zone, str_of(zone_name(cover->spec)));
}

static bool answers(const struct cover *cover, const struct rollup_file *file, int part)
{
    if (part == ROLLUP_NO_HITS)
        return true;
    if (part == ROLLUP_UNKNOWN)
        return false;
    for (int t = 0; t < SUMMARY_TABLES_MAX; t++) {
        if ((cover->tables >> t & 1) != 0 && !rollup_has_table(file, part, t))
            return false;
    }
    return !cover->wants_steps || has_our_steps(cover, file, part) ||
           is_one_step(rollup_head_of(file), cover->step);
}

static bool is_valid(const struct cover *cover, const struct rollup_head *head)
{
    uint64_t source;

    return head->fingerprint == cover->fingerprint && head->since_ms >= cover->since_ms &&
           head->until_ms <= cover->until_ms && head->since_ms % DATE_HOUR_MS == 0 &&
           head->until_ms % DATE_HOUR_MS == 0 &&
           rollup_source(&cover->hours, rollup_hour_at(&cover->hours, head->since_ms),
                         head->until_ms, &source) &&
           head->source == source;
}

/* ---- candidates ------------------------------------------------------------------------------------------------ */

static void notice(const struct cover *cover, const char *sentence)
{
    if (cover->spec->notice != NULL)
        cover->spec->notice(cover->spec->arg, sentence);
}

static int keep_candidate(struct cover *cover, struct rollup_file *file, int part)
{
    if (cover->count == cover->cap) {
        size_t cap = cover->cap == 0 ? 64 : cover->cap * 2;
        struct candidate *more = realloc(cover->candidate, cap * sizeof *more);

        if (more == NULL)
            return -1;
        cover->candidate = more;
        cover->cap = cap;
    }
    cover->candidate[cover->count++] = (struct candidate){ .file = file, .part = part };
    return 0;
}

static void tell_damaged(const struct cover *cover, const struct err *why)
{
    char sentence[ERR_TEXT_BYTES + 64];

    snprintf(sentence, sizeof sentence, "%s and is not used; delete it and run crumb rollup",
             why->text);
    notice(cover, sentence);
}

static bool is_known_damaged(const struct cover *cover, const struct rollup_head *head)
{
    for (size_t i = 0; i < cover->damaged_count; i++) {
        if (cover->damaged[i].since_ms == head->since_ms &&
            cover->damaged[i].until_ms == head->until_ms)
            return true;
    }
    return false;
}

/* A file that is not there, or does not fit, is no candidate; a damaged one is told. */
static int consider(struct cover *cover, const char *path, struct err *e)
{
    struct err why;
    struct rollup_file *file = rollup_open(path, &why);
    int part;

    if (file == NULL) {
        if (why.code == ERR_DAMAGED)
            tell_damaged(cover, &why);
        return 0;
    }
    part = rollup_part(file, cover->spec->site);
    if (!is_valid(cover, rollup_head_of(file)) || is_known_damaged(cover, rollup_head_of(file)) ||
        !answers(cover, file, part)) {
        rollup_close(file);
        return 0;
    }
    if (keep_candidate(cover, file, part) == 0)
        return 0;
    rollup_close(file);
    return err_set(e, ERR_MEMORY, "out of memory");
}

static bool is_rollup(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && strcmp(name + n - 4, ".sum") == 0;
}

static int consider_level(struct cover *cover, enum rollup_level level, struct err *e)
{
    const char *data_dir = cover->spec->data_dir;
    struct fs_list list;
    rollup_path path;
    int r = rollup_path_of(path, data_dir, rollup_level_name(level), NULL, e);

    if (r != 0 || fs_list(path, &list, NULL) != 0)
        return r;
    for (size_t i = 0; r == 0 && i < list.count; i++) {
        if (!is_rollup(list.names[i]))
            continue;
        r = rollup_path_of(path, data_dir, rollup_level_name(level), list.names[i], e);
        if (r == 0)
            r = consider(cover, path, e);
    }
    fs_list_free(&list);
    return r;
}

/* Earlier ones first, of two that begin together the longer one. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    const struct rollup_head *p = rollup_head_of(x->file), *q = rollup_head_of(y->file);

    if (p->since_ms != q->since_ms)
        return p->since_ms < q->since_ms ? -1 : 1;
    return (p->until_ms < q->until_ms) - (p->until_ms > q->until_ms);
}

/* ---- covering -------------------------------------------------------------------------------------------------- */

static void add_piece(struct cover *cover, int64_t since_ms, int64_t until_ms,
                      const struct candidate *candidate)
{
    struct piece *last = cover->pieces == 0 ? NULL : &cover->piece[cover->pieces - 1];

    assert(cover->piece != NULL); /* find_cover has made room for all */
    cover->uses_rollups |= candidate != NULL;
    if (candidate == NULL && last != NULL && last->file == NULL) {
        last->until_ms = until_ms; /* between the two nothing was */
        return;
    }
    cover->piece[cover->pieces++] = (struct piece){
        .since_ms = since_ms,
        .until_ms = until_ms,
        .file = candidate == NULL ? NULL : candidate->file,
        .part = candidate == NULL ? 0 : candidate->part,
    };
}

/* The rollup of the hour itself, if there is one. */
static int consider_hour(struct cover *cover, const struct hour *hour, struct err *e)
{
    char name[ROLLUP_LABEL_BYTES];
    rollup_path path;

    if (hour->live)
        return 0;
    rollup_file_name(name, ROLLUP_HOUR, hour->begin_ms);
    if (rollup_path_of(path, cover->spec->data_dir, rollup_level_name(ROLLUP_HOUR), name, e) != 0)
        return -1;
    return consider(cover, path, e);
}

/* Of the longer ones, the first that covers the hour; what came before it in order can be of no use later. */
static const struct candidate *longest_for(const struct cover *cover, size_t longer, size_t *at,
                                           int64_t from_ms, int64_t hour_ms)
{
    while (*at < longer) {
        const struct rollup_head *head = rollup_head_of(cover->candidate[*at].file);

        if (head->since_ms > hour_ms)
            return NULL;
        if (head->since_ms >= from_ms && head->until_ms > hour_ms)
            return &cover->candidate[*at];
        (*at)++;
    }
    return NULL;
}

static int cover_hours(struct cover *cover, struct err *e)
{
    size_t longer = cover->count, at = 0;
    int64_t from_ms = INT64_MIN; /* what is covered already ends here */

    for (size_t i = 0; i < cover->hours.count; i++) {
        const struct hour *hour = &cover->hours.hour[i];
        const struct candidate *candidate;
        int64_t since_ms = hour->begin_ms, until_ms = hour->begin_ms + DATE_HOUR_MS;

        if (hour->begin_ms < from_ms)
            continue;
        candidate = longest_for(cover, longer, &at, from_ms, hour->begin_ms);
        if (candidate == NULL) {
            size_t before = cover->count;

            if (consider_hour(cover, hour, e) != 0)
                return -1;
            if (cover->count > before)
                candidate = &cover->candidate[before];
        }
        if (candidate != NULL) {
            since_ms = rollup_head_of(candidate->file)->since_ms;
            until_ms = rollup_head_of(candidate->file)->until_ms;
        }
        add_piece(cover, since_ms < cover->since_ms ? cover->since_ms : since_ms,
                  until_ms > cover->until_ms ? cover->until_ms : until_ms, candidate);
        from_ms = until_ms;
    }
    return 0;
}

static int find_cover(struct cover *cover, struct err *e)
{
    cover->piece = calloc(cover->hours.count + 1, sizeof *cover->piece);
    if (cover->piece == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (int level = ROLLUP_YEAR; level > ROLLUP_HOUR; level--) {
        if (consider_level(cover, (enum rollup_level)level, e) != 0)
            return -1;
    }
    if (cover->count > 0)
        qsort(cover->candidate, cover->count, sizeof *cover->candidate, compare_candidates);
    return cover_hours(cover, e);
}

static void forget_cover(struct cover *cover)
{
    for (size_t i = 0; i < cover->count; i++)
        rollup_close(cover->candidate[i].file);
    for (size_t i = 0; i < cover->pieces; i++)
        summary_free(cover->piece[i].hits);
    free(cover->candidate);
    free(cover->piece);
    cover->candidate = NULL;
    cover->piece = NULL;
    cover->count = cover->cap = cover->pieces = 0;
    cover->uses_rollups = false;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* The hits of a stretch. Sessions are walked whatever is asked for: visitors come from there. */
static struct summary *read_hits(struct cover *cover, struct period *sum, const struct piece *piece,
                                 struct err *e)
{
    struct report_spec spec = *cover->spec;
    struct period *period = calloc(1, sizeof *period);
    struct summary *summary = NULL;

    if (period == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    spec.rows[spec.rows_count++] = report_row("overview");
    if (period_read(period, &spec, piece->since_ms, piece->until_ms, &cover->step, true, e) == 0)
        summary = summary_of_period(period, e);
    sum->damaged += period->damaged;
    sum->file_bytes += period->file_bytes;
    period_free(period);
    free(period);
    return summary;
}

/* Everything of a piece but its tables; called by several threads. */
static struct summary *load_piece(void *arg, size_t i, struct err *e)
{
    const struct cover *cover = arg;
    struct piece *piece = &cover->piece[i];
    struct summary *summary;
    bool steps;

    if (piece->file == NULL) {
        summary = summary_take_base(piece->hits);
        if (summary == NULL)
            err_set(e, ERR_MEMORY, "out of memory");
        return summary;
    }
    steps = cover->wants_steps && has_our_steps(cover, piece->file, piece->part);
    summary = rollup_load(piece->file, piece->part, steps, e);
    piece->damaged = summary == NULL && e->code == ERR_DAMAGED;
    if (summary == NULL)
        return NULL;
    piece->records = summary->totals.records;
    if (!cover->wants_steps || steps || summary_make_row(summary, cover->step) == 0)
        return summary;
    err_set(e, ERR_MEMORY, "out of memory");
    summary_free(summary);
    return NULL;
}

/* Pieces are of the site: those without its hits go. */
static void drop_empty_pieces(struct cover *cover)
{
    size_t kept = 0;

    for (size_t i = 0; i < cover->pieces; i++) {
        if (cover->piece[i].part != ROLLUP_NO_HITS)
            cover->piece[kept++] = cover->piece[i];
    }
    cover->pieces = kept;
}

static int read_edges(struct cover *cover, struct period *sum, struct err *e)
{
    for (size_t i = 0; i < cover->pieces; i++) {
        struct piece *piece = &cover->piece[i];

        if (piece->file != NULL) {
            sum->file_bytes += rollup_file_bytes(piece->file);
            continue;
        }
        piece->hits = read_hits(cover, sum, piece, e);
        if (piece->hits == NULL)
            return -1;
    }
    return 0;
}

static int join_pieces(struct cover *cover, struct summary *sum, unsigned threads, struct err *e)
{
    struct join *join = join_new(&sum->visitors, threads);
    int r = join == NULL ? -1 : 0;

    for (size_t i = 0; r == 0 && i < cover->pieces; i++) {
        const struct piece *piece = &cover->piece[i];

        r = piece->file == NULL ? join_add_summary(join, piece->hits)
                                : join_add_part(join, piece->file, piece->part);
    }
    if (r != 0)
        err_set(e, ERR_MEMORY, "out of memory");
    else
        r = join_count(join, cover->tables, sum, e);
    if (r != 0 && e->code == ERR_DAMAGED)
        cover->piece[join_damaged(join)].damaged = true;
    join_free(join);
    return r;
}

static int read_all(struct cover *cover, struct period *sum, struct err *e)
{
    unsigned threads = period_threads(cover->spec->threads);

    drop_empty_pieces(cover);
    if (read_edges(cover, sum, e) != 0)
        return -1;
    sum->summary = summary_gather(load_piece, cover, cover->pieces, threads, e);
    if (sum->summary == NULL && e->code == ERR_NONE) {
        sum->summary = summary_new(cover->since_ms, cover->until_ms, cover->spec->idle_ms);
        if (sum->summary == NULL)
            err_set(e, ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < cover->pieces; i++)
        sum->from_rollups += cover->piece[i].records;
    return sum->summary == NULL ? -1 : join_pieces(cover, sum->summary, threads, e);
}

/* Tells what is damaged, and leaves it out from now on; false when that is too much: something else is wrong. */
static bool note_damaged(struct cover *cover)
{
    struct err why;

    for (size_t i = 0; i < cover->pieces; i++) {
        const struct piece *piece = &cover->piece[i];

        if (!piece->damaged)
            continue;
        if (cover->damaged_count == DAMAGED_MAX)
            return false;
        rollup_damaged(piece->file, &why);
        tell_damaged(cover, &why);
        cover->damaged[cover->damaged_count].since_ms = rollup_head_of(piece->file)->since_ms;
        cover->damaged[cover->damaged_count++].until_ms = rollup_head_of(piece->file)->until_ms;
    }
    return true;
}

/* 1: sum->summary is there; 0: a rollup is damaged, a cover without it has to be found; -1 and e. */
static int read_pieces(struct cover *cover, struct period *sum, struct err *e)
{
    if (read_all(cover, sum, e) == 0)
        return 1;
    summary_free(sum->summary);
    sum->summary = NULL;
    return e->code == ERR_DAMAGED && note_damaged(cover) ? 0 : -1;
}

/* result.c asks for nothing of a plan but its tables. */
static void make_plan(struct plan *plan, const struct report_spec *spec, enum report_step step)
{
    *plan = (struct plan){ .spec = spec, .count = spec->rows_count };
    for (size_t i = 0; i < spec->rows_count; i++)
        plan->tables[i] = (struct plan_table){ .row = spec->rows[i], .step = step };
}

static int prepare(struct cover *cover, struct err *e)
{
    const struct report_spec *spec = cover->spec;
    int64_t first_ms = INT64_MAX, last_ms = INT64_MIN;
    uint64_t seed;

    if (!can_be_answered(cover) || rollup_read_seed(spec->data_dir, &seed, NULL) != 0)
        return 0;
    tally_set_seed(seed); /* also when this period is read and the one to compare with is not */
    if (hours_list(&cover->hours, spec->data_dir, cover->since_ms, cover->until_ms,
                   period_threads(spec->threads), NULL) != 0 ||
        cover->hours.unreadable || cover->hours.count == 0)
        return 0; /* what is wrong, if it is, the reading of hits says */
    if (rollup_fingerprint(&cover->fingerprint, seed, spec, e) != 0)
        return -1;
    for (size_t i = 0; i < cover->hours.count; i++) {
        const struct hour *hour = &cover->hours.hour[i];

        first_ms = hour->first_ms < first_ms ? hour->first_ms : first_ms;
        last_ms = hour->last_ms > last_ms ? hour->last_ms : last_ms;
    }
    if (cover->step == REPORT_STEP_AUTO)
        cover->step = period_step(spec, first_ms, last_ms);
    return 1;
}

int rollup_read(struct period *period, const struct report_spec *spec, int64_t since_ms,
                int64_t until_ms, enum report_step *step, struct err *e)
{
    struct cover *cover = calloc(1, sizeof *cover);
    struct period sum = { 0 };
    int r;

    if (cover == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    cover->spec = spec;
    cover->since_ms = since_ms;
    cover->until_ms = until_ms;
    cover->step = *step;
    err_clear(e);
    r = prepare(cover, e);
    while (r == 1) {
        sum = (struct period){ .since_ms = since_ms, .until_ms = until_ms };
        r = find_cover(cover, e) != 0 ? -1 : cover->uses_rollups ? read_pieces(cover, &sum, e) : 0;
        if (r != 0 || !cover->uses_rollups)
            break;
        forget_cover(cover); /* once more without what was damaged, and was told */
        err_clear(e);
        r = 1;
    }
    forget_cover(cover);
    hours_free(&cover->hours);
    if (r == 1) {
        *step = cover->step;
        make_plan(&sum.plan, spec, cover->step);
        *period = sum;
    }
    free(cover);
    return r;
}
