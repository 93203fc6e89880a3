/*
 * sealer.c - the thread that turns closed segments into sealed files. See parts.h for the contract.
 *
 * spool.c hands over segments; at the start the thread also lists what earlier processes left, so
 * recovery is the same code. For each: write the sealed file beside its place, sync, rename, sync
 * the folders, and only then let the segment go. The name of the sealed file is a function of the
 * segment's name, so whatever was interrupted is simply done again:
 *   - no sealed file there: seal;
 *   - one there and every block of it good: it was sealed, only the segment is let go;
 *   - something else there: nothing is overwritten, the segment stays and a sentence says so.
 * Where a segment of an earlier process ends is decided when it is found, by what the later ones of
 * its writer say (README.md, V7), in the spool or sealed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "later.h"
#include "parts.h"
#include "sealed.h"
#include "segment.h"

#define SEALER_NICE    10
#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS   10000
#define RETRY_FULL_MS  250
#define FILES_HELD_MAX 32 /* of jobs that wait: the rest is opened again by name */

struct sealer {
    struct store *store;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards everything below */
    pthread_cond_t changed;
    struct seal_job *jobs, **jobs_end;
    unsigned files_held;
    bool make_room, stopping;
    bool listed; /* what earlier processes left is in the jobs */
    int64_t list_due_ms;
    struct err why; /* of the last segment that could not be sealed */
};

enum outcome { SEALED, RETRY, LEAVE };

/* ---- letting go of a segment ---- */

static bool may_keep_spares(struct sealer *sealer)
{
    bool may;

    pthread_mutex_lock(&sealer->mutex);
    may = !sealer->stopping && !sealer->make_room;
    pthread_mutex_unlock(&sealer->mutex);
    return may;
}

static enum outcome let_go(struct sealer *sealer, const struct seal_job *job, const char *path,
                           struct err *e)
{
    if (job->file.fd >= 0 && !job->suspect && may_keep_spares(sealer) &&
        spares_keep(sealer->store->spares, &job->file, path))
        return SEALED;
    return fs_unlink(path, e) == 0 ? SEALED : RETRY;
}

/* ---- sealing one segment ---- */

/* Makes the rename and the folders above it last. */
static int sync_folders(const struct store *store, const struct segment_id *id, struct err *e)
{
    catalog_path dir;

    catalog_hour_dir(dir, store->data_dir, id->created_ms);
    if (fs_sync_dir(dir, e) != 0)
        return -1;
    catalog_day_dir(dir, store->data_dir, id->created_ms);
    if (fs_sync_dir(dir, e) != 0)
        return -1;
    catalog_hits_dir(dir, store->data_dir);
    return fs_sync_dir(dir, e);
}

/* Is this the whole sealed file of that segment? */
static bool is_sealed(const char *path, const struct segment_id *id)
{
    struct sealed_buffer buffer = { NULL, NULL, NULL, 0, 0 };
    struct sealed sealed;
    const char *sentence;
    struct str lines;
    uint64_t offset;
    bool good;

    if (sealed_open(&sealed, path, NULL) != 0)
        return false;
    good = sealed.table == SEALED_FROM_HEADER && catalog_same_segment(&sealed.id, id) &&
           sealed_end_is_whole(&sealed, &offset, &sentence);
    for (size_t k = 0; good && k < sealed.blocks; k++)
        good = sealed_read(&sealed, k, &buffer, &lines, NULL) == 0;
    sealed_buffer_free(&buffer);
    sealed_close(&sealed);
    return good;
}

/* What goes wrong with a single file and will not go away by waiting. */
static enum outcome outcome_of(const struct seal_job *job, const struct err *e)
{
    return job->leftover && (e->code == ERR_INPUT || e->code == ERR_DENIED) ? LEAVE : RETRY;
}

/* The first record is there: the file is needed. */
static struct sealed_writer *begin_file(const struct store *store, const char *path,
                                        const struct segment_reader *reader, struct err *e)
{
    struct stat st;
    catalog_path dir;
    uint64_t bytes_max;

    catalog_hour_dir(dir, store->data_dir, reader->id.created_ms);
    if (fs_stat(&reader->file, &st, e) != 0 || fs_make_dirs(dir, e) != 0)
        return NULL;
    bytes_max = (uint64_t)st.st_size < reader->end ? (uint64_t)st.st_size : reader->end;
    return sealed_create(path, &reader->id, bytes_max, DEFLATE_BEST, e);
}

/* Moves all records over. *writer is NULL afterwards when there was none. */
static int copy_records(struct sealer *sealer, struct segment_reader *reader, const char *path,
                        struct sealed_writer **writer, struct err *e)
{
    struct store *store = sealer->store;

    *writer = NULL;
    for (;;) {
        switch (segment_next(reader, e)) {
        case SEGMENT_RECORD:
            if (*writer == NULL)
                *writer = begin_file(store, path, reader, e);
            if (*writer == NULL || sealed_add(*writer, reader->line, reader->seq, e) != 0)
                return -1;
            break;
        case SEGMENT_DAMAGE:
            count(&store->counters.damaged_bytes, reader->lost_bytes);
            store_say(store, true, "%s@%llu: %s; %llu bytes are left out", reader->path,
                      (unsigned long long)reader->offset, reader->sentence,
                      (unsigned long long)reader->lost_bytes);
            break;
        case SEGMENT_END:
            return 0;
        case SEGMENT_GONE:
            return err_set(e, ERR_DAMAGED, "%s changed while it was sealed", reader->path);
        case SEGMENT_FAILURE:
            return -1;
        }
    }
}

static int write_sealed(struct sealer *sealer, struct segment_reader *reader, const char *path,
                        struct err *e)
{
    struct store *store = sealer->store;
    uint64_t damaged_before = atomic_load(&store->counters.damaged_bytes);
    uint64_t file_bytes, raw_bytes, records;
    struct sealed_writer *writer;
    int result = copy_records(sealer, reader, path, &writer, e);

    if (result == 0 && writer != NULL) {
        records = sealed_records(writer);
        result = sealed_finish(writer, &file_bytes, &raw_bytes, e);
        if (result == 0) {
            count(&store->counters.files_sealed, 1);
            count(&store->counters.records_sealed, records);
            count(&store->counters.raw_bytes_sealed, raw_bytes);
            count(&store->counters.file_bytes_sealed, file_bytes);
            result = sync_folders(store, &reader->id, e);
        }
    }
    if (result != 0) /* it will be read again */
        atomic_store(&store->counters.damaged_bytes, damaged_before);
    sealed_writer_free(writer);
    return result;
}

static enum outcome seal(struct sealer *sealer, const struct seal_job *job, struct err *e)
{
    struct store *store = sealer->store;
    catalog_path segment_path, sealed_path;
    struct segment_reader reader;
    int result;

    catalog_segment_path(segment_path, store->data_dir, &job->id);
    catalog_sealed_path(sealed_path, store->data_dir, &job->id);
    if (fs_exists(sealed_path)) {
        if (!is_sealed(sealed_path, &job->id)) {
            err_set(e, ERR_DAMAGED, "%s is in the way of sealing %s: both are left as they are",
                    sealed_path, segment_path);
            return LEAVE;
        }
        if (sync_folders(store, &job->id, e) != 0)
            return RETRY;
        return let_go(sealer, job, segment_path, e);
    }
    if (job->end <= SEGMENT_HEADER_BYTES)
        return let_go(sealer, job, segment_path, e);
    if ((job->file.fd >= 0 ? segment_open_file(&reader, &job->file, segment_path, &job->id, e)
                           : segment_open(&reader, segment_path, &job->id, e)) != 0)
        return outcome_of(job, e);
    reader.end = job->end;
    if (job->leftover)
        reader.seq_limit = job->seq_limit;
    result = write_sealed(sealer, &reader, sealed_path, e);
    segment_close(&reader);
    return result == 0 ? let_go(sealer, job, segment_path, e) : RETRY;
}

/* ---- the queue ---- */

static void append(struct sealer *sealer, struct seal_job *job)
{
    _Atomic uint64_t *largest = &sealer->store->counters.largest_unsealed;

    job->next = NULL;
    *sealer->jobs_end = job;
    sealer->jobs_end = &job->next;
    if (job->bytes > atomic_load(largest))
        atomic_store(largest, job->bytes);
    pthread_cond_signal(&sealer->changed);
}

void sealer_add(struct sealer *sealer, struct seal_job *job)
{
    pthread_mutex_lock(&sealer->mutex);
    if (sealer->files_held == FILES_HELD_MAX)
        fs_close(&job->file);
    else
        sealer->files_held++;
    append(sealer, job);
    pthread_mutex_unlock(&sealer->mutex);
}

void sealer_make_room(struct sealer *sealer)
{
    pthread_mutex_lock(&sealer->mutex);
    sealer->make_room = true;
    pthread_cond_signal(&sealer->changed);
    pthread_mutex_unlock(&sealer->mutex);
}

static bool is_blocked(const struct sealer *sealer, const struct seal_job *job)
{
    for (const struct seal_job *before = sealer->jobs; before != job; before = before->next) {
        if (catalog_same_writer(&before->id, &job->id))
            return true;
    }
    return false;
}

/* The first job that may be worked on; else NULL and in *wake_ms when to look again. */
static struct seal_job *next_job(const struct sealer *sealer, int64_t now_ms, int64_t *wake_ms)
{
    *wake_ms = INT64_MAX;
    for (struct seal_job *job = sealer->jobs; job != NULL; job = job->next) {
        bool due = job->due_ms <= now_ms || sealer->stopping;

        if (job->given_up || (!due && job->due_ms >= *wake_ms))
            continue;
        if (is_blocked(sealer, job))
            continue;
        if (due)
            return job;
        *wake_ms = job->due_ms;
    }
    return NULL;
}

static void remove_job(struct sealer *sealer, struct seal_job *job)
{
    struct seal_job **link = &sealer->jobs;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    if (sealer->jobs_end == &job->next)
        sealer->jobs_end = link;
    if (sealer->jobs == NULL)
        atomic_store(&sealer->store->counters.largest_unsealed, 0);
    if (job->file.fd >= 0)
        sealer->files_held--;
    fs_close(&job->file);
    free(job);
}

/* Notes how a job went; with the lock held. final: it was tried after the stop was asked for. */
static void conclude(struct sealer *sealer, struct seal_job *job, enum outcome outcome, bool final,
                     const struct err *why)
{
    struct store *store = sealer->store;
    int64_t wait_ms = RETRY_FIRST_MS;

    if (outcome == SEALED) {
        if (job->leftover)
            count(&store->counters.segments_recovered, 1);
        atomic_fetch_sub(&store->counters.unsealed_segments, 1);
        remove_job(sealer, job);
        return;
    }
    sealer->why = *why;
    if (outcome == LEAVE) {
        if (job->leftover)
            atomic_fetch_sub(&store->counters.unsealed_segments, 1);
        remove_job(sealer, job);
        return;
    }
    for (unsigned i = 0; i < job->attempts && wait_ms < RETRY_MAX_MS; i++)
        wait_ms *= 2;
    job->attempts++;
    if (why->code == ERR_FULL)
        wait_ms = RETRY_FULL_MS; /* workers wait for the room that this will make */
    job->due_ms = clock_mono_ms() + (wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS);
    job->given_up = final;
}

static void work_on(struct sealer *sealer, struct seal_job *job)
{
    struct err why;
    enum outcome outcome;
    bool first = job->attempts == 0, final = sealer->stopping;

    pthread_mutex_unlock(&sealer->mutex);
    err_clear(&why);
    outcome = seal(sealer, job, &why);
    if (outcome != SEALED) {
        count(&sealer->store->counters.seal_errors, 1);
        if (first)
            store_say(sealer->store, true, "%s", why.text);
        if (why.code == ERR_FULL)
            spares_drop(sealer->store->spares);
    }
    pthread_mutex_lock(&sealer->mutex);
    conclude(sealer, job, outcome, final, &why);
}

/* Waits for a change, until wake_ms on the monotonic clock at the latest. */
static void wait_until(struct sealer *sealer, int64_t wake_ms)
{
    struct timespec until = { .tv_sec = wake_ms / 1000, .tv_nsec = wake_ms % 1000 * 1000000 };

    if (wake_ms == INT64_MAX)
        pthread_cond_wait(&sealer->changed, &sealer->mutex);
    else
        pthread_cond_timedwait(&sealer->changed, &sealer->mutex, &until);
}

/* ---- recovery ---- */

static uint64_t size_of(const struct store *store, const struct segment_id *id)
{
    catalog_path path;
    struct stat st;

    catalog_segment_path(path, store->data_dir, id);
    return fs_stat_path(path, &st, NULL) == 0 ? (uint64_t)st.st_size : 0;
}

static bool is_our_own(const struct store *store, const struct segment_id *id)
{
    return memcmp(id->instance, store->instance, INSTANCE_BYTES) == 0;
}

static struct seal_job *leftover_job(const struct store *store, const struct catalog *all,
                                     const struct segment_id *id)
{
    struct seal_job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return NULL;
    job->id = *id;
    job->end = SEGMENT_ALL;
    job->bytes = size_of(store, id);
    job->leftover = true;
    job->seq_limit = later_than(store->data_dir, all, id).first_seq;
    job->file = FS_CLOSED;
    return job;
}

/* Those of another instance, in order; `all`: what may say something about them. */
static void add_leftovers(struct sealer *sealer, const struct catalog *spool,
                          const struct catalog *all)
{
    struct store *store = sealer->store;

    for (size_t i = 0; i < spool->count; i++) {
        struct seal_job *job;

        if (is_our_own(store, &spool->entry[i].id))
            continue;
        job = leftover_job(store, all, &spool->entry[i].id);
        if (job == NULL)
            break; /* the next start will find them */
        pthread_mutex_lock(&sealer->mutex);
        append(sealer, job);
        pthread_mutex_unlock(&sealer->mutex);
        count(&store->counters.unsealed_segments, 1);
    }
}

/* Everything in the spool that another instance wrote is nobody's any more: we hold the lock. False
 * when it could not be listed. */
static bool find_leftovers(struct sealer *sealer, struct err *e)
{
    struct store *store = sealer->store;
    struct catalog spool = { 0 }, all = { 0 };
    int64_t oldest_ms = INT64_MAX;
    bool listed = catalog_add_spool(&spool, store->data_dir, e) == 0;

    for (size_t i = 0; i < spool.count; i++) {
        const struct segment_id *id = &spool.entry[i].id;

        if (!is_our_own(store, id) && id->created_ms < oldest_ms)
            oldest_ms = id->created_ms;
    }
    if (listed && oldest_ms != INT64_MAX)
        listed = catalog_list(&all, store->data_dir, oldest_ms, INT64_MAX, e) == 0;
    if (listed) {
        if (spool.foreign_files > 0)
            store_say(store, true, "%s: %llu files there are not ours and are left alone",
                      store->spool_dir, (unsigned long long)spool.foreign_files);
        catalog_sort(&spool);
        add_leftovers(sealer, &spool, &all);
    }
    catalog_free(&spool);
    catalog_free(&all);
    return listed;
}

/* Looks for leftovers, again and again if the folder cannot be listed; with the lock held. True if
 * it had to look. */
static bool look_for_leftovers(struct sealer *sealer, int64_t now_ms)
{
    bool first = sealer->list_due_ms == 0, last = sealer->stopping;
    struct err why;

    if (sealer->listed || (now_ms < sealer->list_due_ms && !last))
        return false;
    pthread_mutex_unlock(&sealer->mutex);
    sealer->listed = find_leftovers(sealer, &why);
    if (!sealer->listed && first)
        store_say(sealer->store, true, "%s", why.text);
    pthread_mutex_lock(&sealer->mutex);
    sealer->listed = sealer->listed || last; /* the next start will find them */
    sealer->list_due_ms = now_ms + RETRY_FIRST_MS;
    return true;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct sealer *sealer = arg;
    struct spares *spares = sealer->store->spares;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), SEALER_NICE);
    spares_drop_left(sealer->store);
    pthread_mutex_lock(&sealer->mutex);
    for (;;) {
        int64_t now_ms = clock_mono_ms(), spares_ms = spares_due_ms(spares), wake_ms;
        struct seal_job *job = next_job(sealer, now_ms, &wake_ms);
        /* Who seals last on a full disk needs their room. */
        bool spares_over = spares_ms != INT64_MAX && (sealer->stopping || now_ms >= spares_ms);

        if (look_for_leftovers(sealer, now_ms))
            continue;
        if (sealer->make_room || spares_over) {
            pthread_mutex_unlock(&sealer->mutex);
            spares_drop(spares);
            pthread_mutex_lock(&sealer->mutex);
            sealer->make_room = false;
            continue;
        }
        if (job != NULL) {
            work_on(sealer, job);
            continue;
        }
        if (sealer->stopping)
            break;
        if (spares_ms < wake_ms)
            wake_ms = spares_ms;
        if (!sealer->listed && sealer->list_due_ms < wake_ms)
            wake_ms = sealer->list_due_ms;
        wait_until(sealer, wake_ms);
    }
    pthread_mutex_unlock(&sealer->mutex);
    spares_drop(spares);
    return NULL;
}

static void free_sealer(struct sealer *sealer)
{
    while (sealer->jobs != NULL) {
        struct seal_job *next = sealer->jobs->next;

        fs_close(&sealer->jobs->file);
        free(sealer->jobs);
        sealer->jobs = next;
    }
    pthread_cond_destroy(&sealer->changed);
    pthread_mutex_destroy(&sealer->mutex);
    free(sealer);
}

struct sealer *sealer_start(struct store *store, struct err *e)
{
    struct sealer *sealer = calloc(1, sizeof *sealer);
    pthread_condattr_t monotonic;
    int r;

    if (sealer == NULL) {
        err_set(e, ERR_MEMORY, "out of memory for the sealer");
        return NULL;
    }
    sealer->store = store;
    sealer->jobs_end = &sealer->jobs;
    pthread_mutex_init(&sealer->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sealer->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r = pthread_create(&sealer->thread, NULL, run, sealer);
    if (r != 0) {
        errno = r;
        err_sys(e, "cannot start the sealer");
        free_sealer(sealer);
        return NULL;
    }
    return sealer;
}

int sealer_stop(struct sealer *sealer, struct err *e)
{
    int result = 0;

    pthread_mutex_lock(&sealer->mutex);
    sealer->stopping = true;
    pthread_cond_signal(&sealer->changed);
    pthread_mutex_unlock(&sealer->mutex);
    pthread_join(sealer->thread, NULL);
    if (sealer->why.code != ERR_NONE &&
        atomic_load(&sealer->store->counters.unsealed_segments) > 0) {
        if (e != NULL)
            *e = sealer->why;
        result = -1;
    }
    free_sealer(sealer);
    return result;
}
