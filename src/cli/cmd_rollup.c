/*
 * cmd_rollup.c - crumb rollup: adds up finished hours, for reports to come. See report/rollup.h.
 *
 * Made for cron: it says on one line what it did, and another one that is at work is an error of one
 * sentence. Files appear when they are complete, so it can be stopped at any time.
 */
#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/findings.h"
#include "cli/out.h"
#include "cli/query.h"
#include "cli/stop.h"
#include "report/report.h"
#include "report/rollup.h"

static void on_damage(void *arg, const struct scan_damage *damage)
{
    findings_say_damage(arg, damage);
}

static void on_notice(void *arg, const char *sentence)
{
    (void)arg;
    log_notice("%s", sentence);
}

static void add_counts(struct buf *b, const char *what, const uint64_t counts[ROLLUP_LEVELS])
{
    bool any = false;

    for (int level = 0; level < ROLLUP_LEVELS; level++) {
        if (counts[level] == 0)
            continue;
        buf_addf(b, "%s%" PRIu64 " %s%s", any ? ", " : what, counts[level],
                 rollup_level_name(level), counts[level] == 1 ? "" : "s");
        any = true;
    }
    if (!any)
        buf_addf(b, "%snothing", what);
}

static int say(const struct rollup_counts *counts, struct err *e)
{
    char text[512];
    struct buf b = buf_over(text, sizeof text);
    struct out out;

    add_counts(&b, "Made ", counts->made);
    add_counts(&b, "; still valid: ", counts->current);
    if (counts->waiting > 0)
        buf_addf(&b, "; not sealed yet: %" PRIu64 " hour%s", counts->waiting,
                 counts->waiting == 1 ? "" : "s");
    if (counts->damaged > 0)
        buf_addf(&b, "; left out because of damage: %" PRIu64 " hour%s", counts->damaged,
                 counts->damaged == 1 ? "" : "s");
    if (counts->removed > 0)
        buf_addf(&b, "; removed: %" PRIu64 " file%s", counts->removed,
                 counts->removed == 1 ? "" : "s");
    buf_add_lit(&b, ".\n");
    if (out_open(&out, NULL, e) != 0)
        return -1;
    out_add_str(&out, buf_str(&b));
    return out_close(&out, true, e);
}

static int ask(const struct opts *opts, const struct config *config, struct rollup_options *options,
               struct err *e)
{
    const char *idle = opts->value[OPT_IDLE], *memory = opts->value[OPT_MEMORY];

    options->zone = opts->value[OPT_TZ];
    options->idle_ms = REPORT_IDLE_MS;
    if (config != NULL) {
        options->idle_ms = config->reports.session_idle_ms;
        options->sections = config->reports.sections;
        options->sections_count = config->reports.sections_count;
    }
    if (idle != NULL &&
        (!units_parse_duration_ms(str_of(idle), &options->idle_ms) || options->idle_ms <= 0))
        return err_set(e, ERR_INPUT, "--idle wants a duration like 30m, not %s", idle);
    if (memory != NULL && !units_parse_size_bytes(str_of(memory), &options->memory_bytes))
        return err_set(e, ERR_INPUT, "--memory wants a size like 512MiB, not %s", memory);
    return 0;
}

static enum ending make(const struct rollup_options *options, struct err *e)
{
    struct rollup_counts counts;

    stop_at_once();
    if (rollup_make(options, &counts, e) != 0)
        return END_ERROR;
    if (say(&counts, e) != 0)
        return END_ERROR;
    return counts.damaged > 0 ? END_DAMAGED : END_FINE;
}

enum ending cmd_rollup(const struct opts *opts, struct err *e)
{
    struct rollup_options options = { .now_ms = clock_wall_ms(),
                                      .damage = on_damage,
                                      .notice = on_notice };
    struct query query;
    enum ending ending = query_begin(&query, opts, false, e);

    if (ending == END_FINE && ask(opts, query.config, &options, e) != 0)
        ending = END_USAGE;
    options.data_dir = query.data;
    if (ending == END_FINE)
        ending = make(&options, e);
    query_free(&query);
    return ending;
}
