/*
 * report.c - reads the data with all processors and makes tables of what the folds counted. See
 * report/report.h for the contract.
 *
 * read_period: threads take blocks until there are none, then parts of the visits; the calling thread
 * waits and calls tick. With compare the same is done for the period before. Then result.c makes the
 * tables.
 */
#include "report/report.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/date.h"
#include "cells.h"
#include "overview.h"
#include "result.h"
#include "rollup.h"
#include "store/blocks.h"

#define MEMORY_BYTES (UINT64_C(1) << 30)
#define TICK_MS      50

struct report {
    struct report_table tables[REPORT_TABLES_MAX];
    size_t count;
    struct report_totals totals;
    enum report_step step;
};

/* One reading of the data, while its threads run. */
struct reading_job {
    struct period *period;
    struct blocks *blocks;
    void (*phase)(struct reading_job *job, struct fold *fold);
    pthread_mutex_t lock;
    pthread_cond_t finished;
    unsigned running; /* under lock */
    struct err err;   /* under lock: the first */
    atomic_bool stop;
    atomic_uint next_fold, next_part;
    atomic_ullong hits;
};

static void fail(struct reading_job *job, const struct err *e)
{
    pthread_mutex_lock(&job->lock);
    if (job->err.code == ERR_NONE)
        job->err = *e;
    pthread_mutex_unlock(&job->lock);
    atomic_store(&job->stop, true);
}

/* ---- phases: what each thread does with its fold ------------------------------------------------------ */

static void scan_blocks(struct reading_job *job, struct fold *fold)
{
    const struct report_spec *spec = job->period->plan.spec;
    uint64_t memory =
        (spec->memory_bytes != 0 ? spec->memory_bytes : MEMORY_BYTES) / job->period->threads;
    struct blocks_reader *reader = blocks_reader_new();
    struct err e = { 0 };
    struct str text;
    int more = 0;

    if (reader == NULL)
        more = err_set(&e, ERR_MEMORY, "out of memory");
    while (reader != NULL && !atomic_load_explicit(&job->stop, memory_order_relaxed) &&
           (more = blocks_next(job->blocks, reader, &text, &e)) == 1) {
        uint64_t before = fold_totals(fold)->records;

        fold_text(fold, text);
        fold_keep_below(fold, memory);
        atomic_fetch_add_explicit(&job->hits, fold_totals(fold)->records - before,
                                  memory_order_relaxed);
    }
    if (more < 0)
        fail(job, &e);
    blocks_reader_free(reader);
}

static void walk_visits(struct reading_job *job, struct fold *fold)
{
    struct period *period = job->period;
    struct err e = { 0 };
    unsigned part;

    while (!atomic_load(&job->stop) &&
           (part = atomic_fetch_add(&job->next_part, 1)) < SPILL_PARTS) {
        if (fold_walk(fold, period->folds, period->threads, part, &e) != 0)
            fail(job, &e);
    }
}

/* ---- threads ------------------------------------------------------------------------------------------- */

static void *thread_main(void *arg)
{
    struct reading_job *job = arg;

    job->phase(job, job->period->folds[atomic_fetch_add(&job->next_fold, 1)]);
    pthread_mutex_lock(&job->lock);
    job->running--;
    pthread_cond_signal(&job->finished);
    pthread_mutex_unlock(&job->lock);
    return NULL;
}

static void tick(struct reading_job *job)
{
    const struct report_spec *spec = job->period->plan.spec;
    uint64_t done, total;

    if (spec->tick == NULL)
        return;
    blocks_progress(job->blocks, &done, &total);
    spec->tick(spec->arg, done, total, atomic_load(&job->hits));
}

/* Waits until all threads have ended, and ticks meanwhile. */
static void wait_for_threads(struct reading_job *job)
{
    pthread_mutex_lock(&job->lock);
    while (job->running > 0) {
        int64_t until_ms = clock_mono_ms() + TICK_MS;
        struct timespec until = { .tv_sec = (time_t)(until_ms / DATE_SECOND_MS),
                                  .tv_nsec = (long)(until_ms % DATE_SECOND_MS) * 1000000 };

        pthread_cond_timedwait(&job->finished, &job->lock, &until);
        if (job->running > 0) {
            pthread_mutex_unlock(&job->lock);
            tick(job);
            pthread_mutex_lock(&job->lock);
        }
    }
    pthread_mutex_unlock(&job->lock);
}

/* As many threads as can be had; at least one. */
static int run_phase(struct reading_job *job,
                     void (*phase)(struct reading_job *job, struct fold *fold))
{
    pthread_t ids[FOLD_THREADS_MAX];
    unsigned started = 0;

    job->phase = phase;
    atomic_store(&job->next_fold, 0);
    pthread_mutex_lock(&job->lock);
    while (started < job->period->threads &&
           pthread_create(&ids[started], NULL, thread_main, job) == 0)
        started++;
    job->running = started;
    pthread_mutex_unlock(&job->lock);
    if (started == 0)
        return err_set(&job->err, ERR_SYSTEM, "no thread can be started");
    wait_for_threads(job);
    for (unsigned i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    return job->err.code == ERR_NONE ? 0 : -1;
}

static int run_phases(struct reading_job *job, struct err *e)
{
    pthread_condattr_t monotonic;
    int r;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&job->finished, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&job->lock, NULL);
    r = run_phase(job, scan_blocks);
    if (r == 0 && job->period->plan.needs_visits)
        r = run_phase(job, walk_visits);
    pthread_mutex_destroy(&job->lock);
    pthread_cond_destroy(&job->finished);
    if (r != 0)
        *e = job->err;
    return r;
}

/* ---- a period ------------------------------------------------------------------------------------------ */

static int tell_damage(void *arg, const struct scan_damage *damage)
{
    const struct report_spec *spec = arg;

    if (spec->damage != NULL)
        spec->damage(spec->arg, damage);
    return 0;
}

enum report_step period_step(const struct report_spec *spec, int64_t first_ms, int64_t last_ms)
{
    int64_t first = spec->since_ms, last = spec->until_ms, length;

    if (spec->step != REPORT_STEP_AUTO)
        return spec->step;
    if (first_ms > first)
        first = first_ms;
    if (last_ms + DATE_HOUR_MS < last)
        last = last_ms + DATE_HOUR_MS;
    length = last - first;
    if (length <= 4 * (int64_t)DATE_DAY_MS)
        return REPORT_HOUR;
    if (length <= 120 * (int64_t)DATE_DAY_MS)
        return REPORT_DAY;
    return length <= 730 * (int64_t)DATE_DAY_MS ? REPORT_WEEK : REPORT_MONTH;
}

static enum report_step step_for(const struct report_spec *spec, const struct blocks *blocks)
{
    int64_t first_ms, last_ms;

    if (!blocks_span(blocks, &first_ms, &last_ms))
        return spec->step != REPORT_STEP_AUTO ? spec->step : REPORT_DAY;
    return period_step(spec, first_ms, last_ms);
}

unsigned period_threads(unsigned asked)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = asked != 0 ? asked : processors > 0 ? (unsigned)processors : 1;

    return threads < FOLD_THREADS_MAX ? threads : FOLD_THREADS_MAX;
}

int period_read(struct period *period, const struct report_spec *spec, int64_t since_ms,
                int64_t until_ms, enum report_step *step, bool keeps_stays, struct err *e)
{
    struct scan_options options = { .data_dir = spec->data_dir,
                                    .since_ms = since_ms,
                                    .until_ms = until_ms,
                                    .damage = tell_damage,
                                    .arg = (void *)(uintptr_t)spec };
    struct reading_job job = { .period = period };
    uint64_t total;
    int r = -1;

    job.blocks = blocks_open(&options, e);
    if (job.blocks == NULL)
        return -1;
    period->since_ms = since_ms;
    period->until_ms = until_ms;
    period->threads = period_threads(spec->threads);
    if (*step == REPORT_STEP_AUTO)
        *step = step_for(spec, job.blocks);
    if (plan_make(&period->plan, spec, *step, e) != 0)
        goto done;
    period->plan.keeps_stays = keeps_stays;
    for (unsigned i = 0; i < period->threads; i++) {
        period->folds[i] = fold_new(&period->plan, since_ms, until_ms, e);
        if (period->folds[i] == NULL)
            goto done;
    }
    r = run_phases(&job, e);
    period->damaged = blocks_damaged(job.blocks);
    blocks_progress(job.blocks, &period->file_bytes, &total);
done:
    blocks_close(job.blocks);
    return r;
}

void period_free(struct period *period)
{
    summary_free(period->summary);
    for (unsigned i = 0; i < FOLD_THREADS_MAX; i++)
        fold_free(period->folds[i]);
    plan_free(&period->plan);
}

/* From rollups as far as they have the answer, from the hits where not. */
static int read_period(struct period *period, const struct report_spec *spec, int64_t since_ms,
                       int64_t until_ms, enum report_step *step, struct err *e)
{
    int r = rollup_read(period, spec, since_ms, until_ms, step, e);

    if (r != 0)
        return r < 0 ? -1 : 0;
    return period_read(period, spec, since_ms, until_ms, step, false, e);
}

/* ---- a report ------------------------------------------------------------------------------------------ */

static void add_totals(struct report_totals *totals, const struct period *period)
{
    struct fold_totals sum = period_totals(period);

    *totals = (struct report_totals){
        .records = sum.records,
        .bots = sum.bots,
        .unusable = sum.unusable,
        .damaged = period->damaged,
        .from_rollups = period->from_rollups,
        .file_bytes = period->file_bytes,
        .first_ms = sum.first_ms,
        .last_ms = sum.last_ms,
    };
}

static int make_tables(struct report *report, const struct report_spec *spec, struct period *now,
                       struct period *before, struct err *e)
{
    for (size_t i = 0; i < spec->rows_count; i++) {
        if (result_table(&report->tables[i], spec, i, now, before, e) != 0)
            return -1;
        report->count++;
    }
    return 0;
}

/* The last 30 minutes are what `live` is about, whatever else was asked for. */
static struct report_spec with_live(const struct report_spec *asked)
{
    struct report_spec spec = *asked;

    if (spec.rows_count == 1 && strcmp(spec.rows[0]->name, "live") == 0 &&
        spec.since_ms == INT64_MIN)
        spec.since_ms = spec.now_ms - 30 * 60 * (int64_t)DATE_SECOND_MS;
    return spec;
}

static int run(struct report *report, const struct report_spec *spec, struct period *now,
               struct period *before, struct err *e)
{
    int64_t until_ms = spec->until_ms == INT64_MAX ? spec->now_ms : spec->until_ms;

    report->step = spec->step;
    if (result_check(spec, e) != 0 ||
        read_period(now, spec, spec->since_ms, spec->until_ms, &report->step, e) != 0)
        return -1;
    if (before != NULL && read_period(before, spec, spec->since_ms - (until_ms - spec->since_ms),
                                      spec->since_ms, &report->step, e) != 0)
        return -1;
    add_totals(&report->totals, now);
    if (before != NULL)
        report->totals.damaged += before->damaged;
    return make_tables(report, spec, now, before, e);
}

struct report *report_run(const struct report_spec *asked, struct err *e)
{
    struct report *report = calloc(1, sizeof *report);
    struct period *now = calloc(1, sizeof *now);
    struct period *before = asked->compare ? calloc(1, sizeof *before) : NULL;
    struct report_spec spec = with_live(asked);

    if (report == NULL || now == NULL || (asked->compare && before == NULL)) {
        err_set(e, ERR_MEMORY, "out of memory");
    } else if (crypto_init(e) == 0 && run(report, &spec, now, before, e) == 0) {
        period_free(now);
        if (before != NULL)
            period_free(before);
        free(now);
        free(before);
        return report;
    }
    if (now != NULL)
        period_free(now);
    if (before != NULL)
        period_free(before);
    free(now);
    free(before);
    report_free(report);
    return NULL;
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    for (size_t i = 0; i < REPORT_TABLES_MAX; i++)
        table_free_cells(&report->tables[i]);
    free(report);
}

size_t report_tables(const struct report *report)
{
    return report->count;
}

const struct report_table *report_table(const struct report *report, size_t i)
{
    return &report->tables[i];
}

const struct report_totals *report_totals(const struct report *report)
{
    return &report->totals;
}

enum report_step report_used_step(const struct report *report)
{
    return report->step;
}
