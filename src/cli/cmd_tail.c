/*
 * cmd_tail.c - crumb tail: the last records, then each new one as it arrives, until Ctrl-C.
 *
 * The store is asked for news a few times a second, and what came is printed at once. To show the
 * last N records without reading years of data, the first look goes back minutes, then hours, days,
 * and only then to the beginning. It is the same follower that goes on afterwards, so that nothing
 * that arrives in between is missed or shown twice.
 */
#include "base/clock.h"
#include "cli/findings.h"
#include "cli/last.h"
#include "cli/opts.h"
#include "cli/query.h"
#include "cli/records.h"
#include "cli/rejected.h"
#include "cli/stop.h"
#include "store/scan.h"

/* The grace is for what was stamped before --until and is written after it. */
#define POLL_MS       200
#define GRACE_MS      INT64_C(1000)
#define LINES_DEFAULT 10
#define LINES_MAX     100000
#define SCAN_STOPPED  1

struct tail {
    const struct query *query;
    struct out out;
    struct records records;
    struct last last;
    bool looking_back; /* records go into last, and damage is left for verify to tell */
    bool out_of_memory;
    struct scan_options options;
    struct scan_follow *follow;
};

static int on_record(void *arg, struct str line)
{
    struct tail *tail = arg;

    if (!tail->looking_back)
        records_put(&tail->records, line);
    else if (filter_match(tail->query->filter, line) == 1 && !last_add(&tail->last, line))
        tail->out_of_memory = true;
    return tail->out_of_memory || out_stopped(&tail->out) || stop_asked() ? SCAN_STOPPED : 0;
}

static int on_damage(void *arg, const struct scan_damage *damage)
{
    const struct tail *tail = arg;

    return tail->looking_back ? 0 : findings_say_damage(NULL, damage);
}

static int follow_from(struct tail *tail, int64_t since_ms, bool from_start, struct err *e)
{
    scan_follow_free(tail->follow);
    tail->options.since_ms = since_ms;
    tail->follow = scan_follow_new(&tail->options, from_start, e);
    return tail->follow == NULL ? -1 : 0;
}

static int poll_once(struct tail *tail, struct err *e)
{
    int r = scan_follow_poll(tail->follow, e);

    if (tail->out_of_memory)
        return err_set(e, ERR_MEMORY, "out of memory");
    out_flush(&tail->out);
    return r < 0 ? -1 : 0;
}

static void print_last(struct tail *tail)
{
    last_sort(&tail->last);
    for (size_t i = 0; i < tail->last.count; i++)
        records_put(&tail->records, str_from(tail->last.lines[i].text, tail->last.lines[i].n));
    out_flush(&tail->out);
}

static int look_back(struct tail *tail, struct err *e)
{
    static const int64_t windows_ms[] = { INT64_C(600000), INT64_C(2) * DATE_HOUR_MS,
                                          INT64_C(1) * DATE_DAY_MS, INT64_C(30) * DATE_DAY_MS,
                                          INT64_MAX };
    int64_t now_ms = clock_wall_ms(), earliest_ms = tail->query->since_ms, since_ms;
    size_t i = 0;

    tail->looking_back = true;
    do {
        last_clear(&tail->last);
        since_ms = windows_ms[i] > now_ms ? INT64_MIN : now_ms - windows_ms[i];
        if (since_ms < earliest_ms)
            since_ms = earliest_ms;
        if (follow_from(tail, since_ms, true, e) != 0 || poll_once(tail, e) != 0)
            return -1;
        i++;
    } while (tail->last.count < tail->last.most && since_ms > earliest_ms && !stop_asked());
    tail->looking_back = false;
    print_last(tail);
    return 0;
}

static int follow(struct tail *tail, struct err *e)
{
    int64_t until_ms = tail->query->until_ms;
    bool over = false;

    while (!over && !stop_asked()) {
        over = until_ms < INT64_MAX - GRACE_MS && clock_wall_ms() > until_ms + GRACE_MS;
        if (poll_once(tail, e) != 0)
            return -1;
        if (!over)
            out_wait(&tail->out, POLL_MS);
        over = over || out_stopped(&tail->out);
    }
    return 0;
}

/* lines: how many of the last to print first; UINT64_MAX: all since --since. */
static int run(struct tail *tail, uint64_t lines, struct err *e)
{
    int r;

    if (lines > 0 && lines != UINT64_MAX) {
        if (!last_begin(&tail->last, lines))
            return err_set(e, ERR_MEMORY, "out of memory");
        r = look_back(tail, e);
        last_free(&tail->last);
    } else {
        r = follow_from(tail, tail->query->since_ms, lines > 0, e);
    }
    return r == 0 ? follow(tail, e) : -1;
}

static enum ending print(const struct query *q, uint64_t lines, struct err *e)
{
    struct tail tail = { .query = q };
    int r;

    if (out_open(&tail.out, NULL, e) != 0 ||
        records_begin(&tail.records, &tail.out, q->filter, NULL, false, e) != 0)
        return END_ERROR;
    tail.options = (struct scan_options){
        .data_dir = q->data,
        .until_ms = q->until_ms,
        .record = on_record,
        .damage = on_damage,
        .arg = &tail,
    };
    stop_on_signals();
    r = run(&tail, lines, e);
    scan_follow_free(tail.follow);
    records_end(&tail.records);
    if (out_close(&tail.out, true, e) != 0)
        r = -1;
    return r == 0 ? END_FINE : END_ERROR;
}

static int count_lines(uint64_t *lines, const struct opts *opts, struct err *e)
{
    const char *text = opts->value[OPT_LINES];

    *lines =
        opts_has(opts, OPT_SINCE) && !opts_has(opts, OPT_REJECTED) ? UINT64_MAX : LINES_DEFAULT;
    if (text != NULL && !str_to_u64(str_of(text), LINES_MAX, lines))
        return err_set(e, ERR_INPUT, "--lines %s is no number from 0 to %d", text, LINES_MAX);
    return 0;
}

/* What was refused is no record: of the options only --lines and --until have a meaning for it. */
static enum ending print_rejected(const struct query *q, uint64_t lines, struct err *e)
{
    struct out out;
    int r;

    if (out_open(&out, NULL, e) != 0)
        return END_ERROR;
    stop_on_signals();
    r = rejected_follow(q->data, lines, q->until_ms, &out, e);
    if (out_close(&out, true, e) != 0)
        r = -1;
    return r == 0 ? END_FINE : END_ERROR;
}

enum ending cmd_tail(const struct opts *opts, struct err *e)
{
    struct query q;
    uint64_t lines;
    enum ending ending = query_begin(&q, opts, false, e);

    if (ending == END_FINE)
        ending = count_lines(&lines, opts, e) != 0 ? END_USAGE
                 : opts_has(opts, OPT_REJECTED)    ? print_rejected(&q, lines, e)
                                                   : print(&q, lines, e);
    query_free(&q);
    return ending;
}
