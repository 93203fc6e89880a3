/*
 * syncer.c - the thread that waits for the disk, so that workers need not. See parts.h for the
 * contract.
 *
 * Each worker has a slot and at most one write in it. `submitted` gives the slot to the thread,
 * `done` gives it back: between the two only the thread touches slot->write. Submitting never
 * waits.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "parts.h"

struct syncer {
    struct store *store;
    pthread_t thread;
    sem_t work; /* a post for each submitted write, and one to stop */
    atomic_bool stopping;
    unsigned slots;
    struct sync_slot slot[];
};

void spool_write_run(struct spool_write *w)
{
    struct iovec iov[2] = { { w->header, SEGMENT_HEADER_BYTES },
                            { (void *)(uintptr_t)w->data, w->bytes } };
    bool begins = w->new_in_dir != NULL;
    struct stat st;
    size_t written;

    w->failed = w->maybe_written = w->sync_failed = w->removed = false;
    if (fs_write_at(w->file, begins ? iov : iov + 1, begins ? 2 : 1,
                    begins ? w->offset - SEGMENT_HEADER_BYTES : w->offset, &written,
                    &w->why) != 0) {
        w->failed = true;
        w->maybe_written = written > 0;
        return;
    }
    if (w->sync && (fs_sync_data(w->file, &w->why) != 0 ||
                    (begins && fs_sync_dir(w->new_in_dir, &w->why) != 0)))
        w->failed = w->maybe_written = w->sync_failed = true;
    else if (fs_stat(w->file, &st, NULL) == 0 && st.st_nlink == 0 &&
             !fs_exists(w->file->name)) { /* some file systems count no links */
        w->failed = w->maybe_written = w->removed = true;
        err_set(&w->why, ERR_MISSING, "%s was removed while hits were being written to it",
                w->file->name);
    }
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR)
        ;
}

static void *run(void *arg)
{
    struct syncer *syncer = arg;
    const struct store_options *options = &syncer->store->options;

    for (;;) {
        wait_for(&syncer->work);
        for (unsigned i = 0; i < syncer->slots; i++) {
            struct sync_slot *slot = &syncer->slot[i];

            if (!atomic_exchange(&slot->submitted, false))
                continue;
            spool_write_run(&slot->write);
            sem_post(&slot->done);
            options->wake(options->wake_arg, i);
        }
        if (atomic_load(&syncer->stopping))
            return NULL;
    }
}

struct syncer *syncer_start(struct store *store, struct err *e)
{
    unsigned slots = store->options.workers;
    struct syncer *syncer = calloc(1, sizeof *syncer + slots * sizeof syncer->slot[0]);
    int r;

    if (syncer == NULL) {
        err_set(e, ERR_MEMORY, "out of memory for the sync thread");
        return NULL;
    }
    syncer->store = store;
    syncer->slots = slots;
    sem_init(&syncer->work, 0, 0);
    for (unsigned i = 0; i < slots; i++)
        sem_init(&syncer->slot[i].done, 0, 0);
    r = pthread_create(&syncer->thread, NULL, run, syncer);
    if (r != 0) {
        errno = r;
        err_sys(e, "cannot start the sync thread");
        free(syncer);
        return NULL;
    }
    return syncer;
}

struct sync_slot *syncer_slot(struct syncer *syncer, unsigned worker)
{
    return &syncer->slot[worker];
}

void syncer_submit(struct syncer *syncer, struct sync_slot *slot)
{
    atomic_store(&slot->submitted, true);
    sem_post(&syncer->work);
}

void syncer_stop(struct syncer *syncer)
{
    if (syncer == NULL)
        return;
    atomic_store(&syncer->stopping, true);
    sem_post(&syncer->work);
    pthread_join(syncer->thread, NULL);
    sem_destroy(&syncer->work);
    for (unsigned i = 0; i < syncer->slots; i++)
        sem_destroy(&syncer->slot[i].done);
    free(syncer);
}
