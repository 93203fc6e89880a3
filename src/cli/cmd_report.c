/*
 * cmd_report.c - crumb report: from words to a question, from answers to the output.
 *
 * The report layer reads and counts; here the options are understood, progress is shown while it works
 * (when somebody watches), and the result is written in the form that was asked for. Damage is told as
 * it is met, and the report is made of what is intact.
 */
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/findings.h"
#include "cli/nearest.h"
#include "cli/out.h"
#include "cli/query.h"
#include "cli/stop.h"
#include "model/codec.h"
#include "report/out.h"

#define TOP_ROWS          20
#define TOP_ROWS_SUMMARY  10
#define TOP_ROWS_PAGE     15
#define PROGRESS_AFTER_MS 500
#define PROGRESS_EVERY_MS 200
#define PROGRESS_CLEAR    "\r\033[K"

struct asking {
    const struct opts *opts;
    struct query query;
    struct report_spec spec;
    const struct out_form *form;
    struct out_options out;
    char by[256];     /* --by, cut into names */
    char period[128]; /* in words */
    char selection[512];
    char made[DATE_RFC3339_BYTES + 1];
    int64_t started_ms, shown_ms; /* of the progress line; shown 0: not yet */
};

/* ---- words ------------------------------------------------------------------------------------------------ */

/* A word of a fixed set, by its place; -1 and the nearest. */
static int find_word(const char *option, const char *word, const char *const *words, size_t count,
                     struct err *e)
{
    struct nearest nearest;
    char near[NEAREST_TEXT_BYTES], all[256];
    struct buf b = buf_over(all, sizeof all - 1);

    nearest_begin(&nearest, str_of(word));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return (int)i;
        nearest_offer(&nearest, words[i]);
        buf_addf(&b, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", words[i]);
    }
    all[b.n] = '\0';
    return err_set(e, ERR_INPUT, "--%s takes %s, not %s%s", option, all, word,
                   nearest_text(&nearest, "", near));
}

static int set_bots(struct asking *a, struct err *e)
{
    static const char *const words[] = { "exclude", "include", "only" };
    static const char *const done[] = { "left out", "counted too", "all that is counted" };
    const char *word = a->opts->value[OPT_BOTS];
    int i = word == NULL ? 0 : find_word("bots", word, words, 3, e);

    a->spec.bots = (enum report_bots)(i < 0 ? 0 : i);
    a->out.bots = done[a->spec.bots];
    return i < 0 ? -1 : 0;
}

static int set_step(struct asking *a, struct err *e)
{
    static const char *const words[] = { "hour", "day", "week", "month" };
    static const enum report_step steps[] = { REPORT_HOUR, REPORT_DAY, REPORT_WEEK, REPORT_MONTH };
    const char *word = a->opts->value[OPT_STEP];
    int i = word == NULL ? 0 : find_word("step", word, words, 4, e);

    a->spec.step = word == NULL || i < 0 ? REPORT_STEP_AUTO : steps[i];
    return i < 0 ? -1 : 0;
}

static int set_compare(struct asking *a, struct err *e)
{
    static const char *const words[] = { "previous" };
    const char *word = a->opts->value[OPT_COMPARE];

    if (word == NULL)
        return 0;
    if (find_word("compare", word, words, 1, e) < 0)
        return -1;
    if (a->query.since_ms == INT64_MIN)
        return err_set(e, ERR_INPUT, "--compare previous needs --since: how long is the period?");
    a->spec.compare = true;
    return 0;
}

static int set_form(struct asking *a, struct err *e)
{
    const char *words[16];
    size_t count;
    const struct out_form *forms = out_forms(&count);
    const char *word = a->opts->value[OPT_FORMAT] == NULL ? "table" : a->opts->value[OPT_FORMAT];
    int i;

    for (size_t f = 0; f < count; f++)
        words[f] = forms[f].name;
    i = find_word("format", word, words, count, e);
    if (i < 0)
        return -1;
    a->form = &forms[i];
    return 0;
}

static int set_numbers(struct asking *a, struct err *e)
{
    const char *top = a->opts->value[OPT_TOP], *idle = a->opts->value[OPT_IDLE];
    const char *memory = a->opts->value[OPT_MEMORY];
    bool page = strcmp(a->form->name, "html") == 0;
    uint64_t n = page ? TOP_ROWS_PAGE : a->out.summary ? TOP_ROWS_SUMMARY : TOP_ROWS;

    if (top != NULL && !str_to_u64(str_of(top), UINT32_MAX, &n))
        return err_set(e, ERR_INPUT, "--top wants a number of rows, not %s", top);
    a->spec.top = a->out.top = (size_t)n;
    a->spec.for_page = page;
    a->spec.idle_ms =
        a->query.config != NULL ? a->query.config->reports.session_idle_ms : REPORT_IDLE_MS;
    if (idle != NULL &&
        (!units_parse_duration_ms(str_of(idle), &a->spec.idle_ms) || a->spec.idle_ms <= 0))
        return err_set(e, ERR_INPUT, "--idle wants a duration like 30m, not %s", idle);
    if (memory != NULL && !units_parse_size_bytes(str_of(memory), &a->spec.memory_bytes))
        return err_set(e, ERR_INPUT, "--memory wants a size like 512MiB, not %s", memory);
    return 0;
}

static int no_field(const char *name, struct err *e)
{
    struct nearest nearest;
    char near[NEAREST_TEXT_BYTES];
    size_t count;
    const struct codec_field *fields = codec_fields(&count);
    const struct report_facet *facets;

    if (name[0] == '\0')
        return err_set(e, ERR_INPUT, "--by wants the names of fields with commas between");
    nearest_begin(&nearest, str_of(name));
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == CODEC_MAP && strcmp(name, fields[i].name) == 0)
            return err_set(e, ERR_INPUT, "%s holds keys and values: write %s.KEY", name, name);
        nearest_offer(&nearest, fields[i].name);
    }
    facets = report_facets(&count);
    for (size_t i = 0; i < count; i++)
        nearest_offer(&nearest, facets[i].name);
    return err_set(e, ERR_INPUT, "there is no field %s to group by%s", name,
                   nearest_text(&nearest, "", near));
}

static int set_by(struct asking *a, struct err *e)
{
    const char *by = a->opts->value[OPT_BY];
    char *rest = a->by, *name;
    size_t n = 0;

    if (by == NULL)
        return 0;
    if (snprintf(a->by, sizeof a->by, "%s", by) >= (int)sizeof a->by)
        return err_set(e, ERR_INPUT, "--by is too long");
    while ((name = strsep(&rest, ",")) != NULL) {
        if (n == REPORT_KEYS_MAX)
            return err_set(e, ERR_INPUT, "--by takes %d fields at most", REPORT_KEYS_MAX);
        if (!report_is_field(name))
            return no_field(name, e);
        a->spec.by[n++] = name;
    }
    return 0;
}

/* ---- reports ------------------------------------------------------------------------------------------------ */

static int no_report(const char *name, struct err *e)
{
    struct nearest nearest;
    char near[NEAREST_TEXT_BYTES];
    size_t count;
    const struct report_row *rows = report_rows(&count);

    nearest_begin(&nearest, str_of(name));
    for (size_t i = 0; i < count; i++)
        nearest_offer(&nearest, rows[i].name);
    return err_set(e, ERR_INPUT, "there is no report %s%s%s", name,
                   nearest_text(&nearest, "", near),
                   nearest.count == 0 ? "; crumb report --list names all" : "");
}

static int name_reports(struct asking *a, struct err *e)
{
    for (size_t i = 0; i < a->opts->arguments_count; i++) {
        const struct report_row *row = report_row(a->opts->arguments[i]);

        if (row == NULL)
            return no_report(a->opts->arguments[i], e);
        if (a->spec.rows_count == REPORT_TABLES_MAX)
            return err_set(e, ERR_INPUT, "that are too many reports at once");
        a->spec.rows[a->spec.rows_count++] = row;
    }
    return 0;
}

/* Without a name: everything on the page, the main ones in the terminal, one where only one fits. */
static void usual_reports(struct asking *a)
{
    size_t count;
    const struct report_row *rows = report_rows(&count);
    bool page = strcmp(a->form->name, "html") == 0;

    for (size_t i = 0; i < count; i++) {
        if (page ? rows[i].in_page : rows[i].in_summary)
            a->spec.rows[a->spec.rows_count++] = &rows[i];
    }
    if (a->form->one_table)
        a->spec.rows_count = 1;
}

static int set_reports(struct asking *a, struct err *e)
{
    if (name_reports(a, e) != 0)
        return -1;
    if (a->spec.rows_count == 0 && a->spec.by[0] != NULL)
        a->spec.rows[a->spec.rows_count++] = report_row("hits");
    a->out.summary = a->spec.rows_count == 0;
    if (a->out.summary)
        usual_reports(a);
    if (a->form->one_table && a->spec.rows_count > 1)
        return err_set(e, ERR_INPUT, "--format %s holds one report, not %zu", a->form->name,
                       a->spec.rows_count);
    for (size_t i = 0; i < a->spec.rows_count; i++) {
        if (a->spec.rows[i]->keys[0] == NULL && a->spec.by[0] == NULL)
            return err_set(e, ERR_INPUT, "the report %s needs --by", a->spec.rows[i]->name);
    }
    if (a->spec.by[0] != NULL &&
        (a->spec.rows[0]->fold < FOLD_HITS || a->spec.rows[0]->fold > FOLD_BOTS))
        return err_set(e, ERR_INPUT, "the report %s cannot be grouped by something else",
                       a->spec.rows[0]->name);
    return 0;
}

/* ---- the filter, once for each thread ------------------------------------------------------------------------ */

static void *new_matcher(void *arg)
{
    const struct asking *a = arg;
    struct filter *filter = filter_new(true);

    if (filter == NULL)
        return NULL;
    if (opts_has(a->opts, OPT_SITE) &&
        filter_add_equal(filter, "site", a->opts->value[OPT_SITE], NULL) != 0) {
        filter_free(filter);
        return NULL;
    }
    for (size_t i = 0; i < a->opts->where_count; i++) {
        if (filter_add(filter, a->opts->where[i], NULL) != 0) {
            filter_free(filter);
            return NULL;
        }
    }
    return filter;
}

static bool matches(void *matcher, struct str line, const struct str *values)
{
    return filter_match(matcher, line) == 1 && filter_match_derived(matcher, values);
}

static void free_matcher(void *matcher)
{
    filter_free(matcher);
}

/* ---- progress -------------------------------------------------------------------------------------------------- */

static void show_progress(struct asking *a, uint64_t done, uint64_t total, uint64_t hits,
                          int64_t now_ms)
{
    double seconds = (double)(now_ms - a->started_ms) / DATE_SECOND_MS;
    double share = total == 0 ? 0 : (double)done / (double)total;
    double left = share > 0.01 ? seconds / share - seconds : 0;

    fprintf(stderr, PROGRESS_CLEAR "%3.0f %%  %.1f million hits/s  %.0f s left", share * 100,
            (double)hits / seconds / 1e6, left);
    fflush(stderr);
    a->shown_ms = now_ms;
}

static void clear_progress(struct asking *a)
{
    if (a->shown_ms != 0)
        fputs(PROGRESS_CLEAR, stderr);
    a->shown_ms = 0;
}

static void on_tick(void *arg, uint64_t done_bytes, uint64_t total_bytes, uint64_t hits)
{
    struct asking *a = arg;
    int64_t now_ms = clock_mono_ms();

    if (isatty(STDERR_FILENO) && now_ms - a->started_ms > PROGRESS_AFTER_MS &&
        now_ms - a->shown_ms >= PROGRESS_EVERY_MS)
        show_progress(a, done_bytes, total_bytes, hits, now_ms);
}

static void on_damage(void *arg, const struct scan_damage *damage)
{
    struct asking *a = arg;

    clear_progress(a);
    findings_say_damage(NULL, damage);
}

/* Rollups do not know conditions, but a site they do, when it is one name as it stands. */
static bool is_one_site(const struct asking *a)
{
    const char *site = a->opts->value[OPT_SITE];

    return site != NULL && a->opts->where_count == 0 && strpbrk(site, ",\\") == NULL;
}

static void on_notice(void *arg, const char *sentence)
{
    clear_progress(arg);
    log_notice("%s", sentence);
}

/* ---- the question ------------------------------------------------------------------------------------------------ */

static void add_moment(struct buf *b, int64_t ms)
{
    time_t seconds = (time_t)(ms / DATE_SECOND_MS);
    struct tm tm;
    char text[64];

    localtime_r(&seconds, &tm);
    buf_add(b, text,
            strftime(text, sizeof text,
                     tm.tm_hour == 0 && tm.tm_min == 0 ? "%Y-%m-%d" : "%Y-%m-%d %H:%M", &tm));
}

static void add_border(struct buf *b, const char *word, int64_t ms, int64_t none)
{
    if (ms == none)
        return;
    buf_add_str(b, str_of(word));
    add_moment(b, ms);
}

/* Known when the data are: a period without a border ends where the hits do. */
static void describe_period(struct asking *a, const struct report_totals *totals)
{
    struct buf b = buf_over(a->period, sizeof a->period - 1);
    int64_t since = a->query.since_ms, until = a->query.until_ms;

    if (totals->first_ms > totals->last_ms) {
        buf_add_lit(&b, "No hits");
        add_border(&b, " since ", since, INT64_MIN);
        add_border(&b, " until ", until, INT64_MAX);
    } else {
        add_moment(&b, since == INT64_MIN ? totals->first_ms : since);
        buf_add_lit(&b, " to ");
        add_moment(&b, until == INT64_MAX ? totals->last_ms : until);
    }
    if (b.n > sizeof "No hits" - 1)
        buf_addf(&b, ", %s", opts_has(a->opts, OPT_TZ) ? a->opts->value[OPT_TZ] : "UTC");
    a->period[b.n] = '\0';
    a->out.period = a->period;
}

static void describe_selection(struct asking *a)
{
    struct buf b = buf_over(a->selection, sizeof a->selection - 1);

    if (opts_has(a->opts, OPT_SITE))
        buf_addf(&b, "site=%s ", a->opts->value[OPT_SITE]);
    for (size_t i = 0; i < a->opts->where_count; i++)
        buf_addf(&b, "%s ", a->opts->where[i]);
    a->selection[b.n] = '\0';
    a->out.selection = a->selection;
}

static void look_at_terminal(struct asking *a)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    uint64_t width;
    bool terminal = isatty(STDOUT_FILENO) && !opts_has(a->opts, OPT_OUTPUT);

    a->out.terminal = terminal;
    a->out.colours = terminal && getenv("NO_COLOR") == NULL;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        a->out.width = size.ws_col;
    if (columns != NULL && str_to_u64(str_of(columns), 10000, &width) &&
        !opts_has(a->opts, OPT_OUTPUT))
        a->out.width = (unsigned)width;
}

static enum ending ask(struct asking *a, struct err *e)
{
    struct buf made = buf_over(a->made, DATE_RFC3339_BYTES);
    enum ending ending = query_begin(&a->query, a->opts, true, e);

    if (ending != END_FINE)
        return ending;
    if (set_form(a, e) != 0 || set_by(a, e) != 0 || set_reports(a, e) != 0 || set_bots(a, e) != 0 ||
        set_step(a, e) != 0 || set_compare(a, e) != 0 || set_numbers(a, e) != 0)
        return END_USAGE;
    a->spec.now_ms = clock_wall_ms();
    date_add_rfc3339(&made, a->spec.now_ms);
    a->out.made = a->made;
    a->out.raw = opts_has(a->opts, OPT_RAW);
    a->spec.data_dir = a->query.data;
    if (a->query.config != NULL) {
        a->spec.sections = a->query.config->reports.sections;
        a->spec.sections_count = a->query.config->reports.sections_count;
    }
    a->spec.since_ms = a->query.since_ms;
    a->spec.until_ms = a->query.until_ms;
    a->spec.sort = a->opts->value[OPT_SORT];
    a->spec.tick = on_tick;
    a->spec.damage = on_damage;
    a->spec.notice = on_notice;
    a->spec.zone = a->opts->value[OPT_TZ];
    a->spec.no_rollups = opts_has(a->opts, OPT_NO_ROLLUP);
    a->spec.arg = a;
    if (is_one_site(a)) {
        a->spec.site = str_of(a->opts->value[OPT_SITE]);
    } else if (opts_has(a->opts, OPT_SITE) || a->opts->where_count > 0) {
        a->spec.matcher_new = new_matcher;
        a->spec.matches = matches;
        a->spec.match_by = filter_derived(a->query.filter);
        a->spec.matcher_free = free_matcher;
    }
    describe_selection(a);
    return END_FINE;
}

/* ---- the answer --------------------------------------------------------------------------------------------------- */

/* Up to here Ctrl-C ends the process: nothing is left behind. A file that was begun is removed. */
static enum ending put(const struct text *text, const char *path, struct err *e)
{
    struct out *out = malloc(sizeof *out);
    enum ending ending = END_FINE;

    if (out == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return END_ERROR;
    }
    if (out_open(out, path, e) != 0) {
        free(out);
        return END_ERROR;
    }
    stop_on_signals();
    out_add(out, text->p, text->n);
    if (out_close(out, !stop_asked(), e) != 0)
        ending = END_ERROR;
    free(out);
    if (stop_asked())
        stop_by_signal();
    return ending;
}

static enum ending write_report(struct asking *a, const struct report *report, struct err *e)
{
    struct text text = { 0 };
    enum ending ending = END_ERROR;

    if (a->form->write(&text, report, &a->out, e) == 0) {
        if (text.failed)
            err_set(e, ERR_MEMORY, "out of memory");
        else
            ending = put(&text, a->opts->value[OPT_OUTPUT], e);
    }
    text_free(&text);
    return ending;
}

static enum ending judge(const struct report_totals *totals, enum ending ending)
{
    if (totals->unusable > 0)
        log_notice("%" PRIu64 " lines are no records and were left out", totals->unusable);
    if (ending == END_FINE && (totals->damaged > 0 || totals->unusable > 0))
        return END_DAMAGED;
    return ending;
}

static enum ending answer(struct asking *a, struct err *e)
{
    struct report *report;
    enum ending ending;

    a->started_ms = clock_mono_ms();
    stop_at_once();
    report = report_run(&a->spec, e);
    clear_progress(a);
    if (report == NULL)
        return e->code == ERR_INPUT ? END_USAGE : END_ERROR;
    describe_period(a, report_totals(report));
    look_at_terminal(a);
    ending = judge(report_totals(report), write_report(a, report, e));
    report_free(report);
    return ending;
}

static enum ending print_list(struct err *e)
{
    struct text text = { 0 };
    size_t count;
    const struct report_row *rows = report_rows(&count);
    const struct report_facet *facets;
    enum ending ending;

    text_add_lit(&text, "Reports:\n");
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "  %-16s %s\n", rows[i].name, rows[i].sentence);
    text_add_lit(&text, "\nFields that reports derive (--by):\n");
    facets = report_facets(&count);
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "  %-16s %s\n", facets[i].name, facets[i].sentence);
    ending = put(&text, NULL, e);
    text_free(&text);
    return ending;
}

enum ending cmd_report(const struct opts *opts, struct err *e)
{
    struct asking asking = { .opts = opts };
    enum ending ending;

    setlocale(LC_CTYPE, "");
    if (opts_has(opts, OPT_LIST))
        return print_list(e);
    ending = ask(&asking, e);
    if (ending == END_FINE)
        ending = answer(&asking, e);
    query_free(&asking.query);
    return ending;
}
