/*
 * cmd_cat.c - crumb cat: every record that is meant, to standard output or a file.
 *
 * Damage and gaps are told on standard error as they are met, and what is intact is printed all the
 * same; the exit status then says that not all was.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/findings.h"
#include "cli/opts.h"
#include "cli/query.h"
#include "cli/records.h"
#include "cli/stop.h"
#include "store/scan.h"

#define SCAN_STOPPED 1

static int on_record(void *arg, struct str line)
{
    struct records *records = arg;

    records_put(records, line);
    return out_stopped(records->out) || stop_asked() ? SCAN_STOPPED : 0;
}

static enum ending judge(const struct scan_totals *totals, const struct records *records)
{
    if (records->unusable > 0)
        log_notice("%" PRIu64 " lines are no JSON objects and were left out", records->unusable);
    if (totals->damaged_places > 0 || totals->gaps > 0 || records->unusable > 0)
        return END_DAMAGED;
    return END_FINE;
}

static enum ending scan(const struct query *q, struct records *records, struct err *e)
{
    struct scan_options options = {
        .data_dir = q->data,
        .since_ms = q->since_ms,
        .until_ms = q->until_ms,
        .record = on_record,
        .damage = findings_say_damage,
        .gap = findings_say_gap,
        .arg = records,
    };
    struct scan_totals totals = { 0 };

    if (scan_run(&options, &totals, e) < 0)
        return END_ERROR;
    return judge(&totals, records);
}

static enum ending print(const struct query *q, const struct opts *opts, struct out *out,
                         struct err *e)
{
    struct records records;
    enum ending ending;

    if (records_begin(&records, out, q->filter, opts->value[OPT_FORMAT], opts_has(opts, OPT_RAW),
                      e) != 0)
        return END_USAGE;
    stop_on_signals();
    ending = scan(q, &records, e);
    records_end(&records);
    return ending;
}

static enum ending print_to(const struct query *q, const struct opts *opts, struct err *e)
{
    struct out out;
    enum ending ending;
    bool complete;

    if (out_open(&out, opts->value[OPT_OUTPUT], e) != 0)
        return END_ERROR;
    ending = print(q, opts, &out, e);
    complete = (ending == END_FINE || ending == END_DAMAGED) && !stop_asked();
    if (out_close(&out, complete, e) != 0)
        ending = END_ERROR;
    if (stop_asked())
        stop_by_signal();
    return ending;
}

enum ending cmd_cat(const struct opts *opts, struct err *e)
{
    struct query q;
    enum ending ending = query_begin(&q, opts, false, e);

    if (ending == END_FINE)
        ending = print_to(&q, opts, e);
    query_free(&q);
    return ending;
}
