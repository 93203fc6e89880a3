/*
 * spares.c - the room of old segments, kept for new ones (README.md, I12). See parts.h for the contract.
 *
 * The sealer keeps them and removes them, workers take them. A spare is a file spool/spare-<n>.free
 * whose old lines mean nothing: the CRC of a record knows its segment. Its gain is that pages which
 * were written before are cheap to write and to sync, and that the disk cannot be too full for them.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "parts.h"

#define SPARES_MAX        16
#define SPARES_BYTES_MAX  (1ull << 30) /* all together */
#define SPARES_AGE_MAX_MS 30000        /* unused so long, they are given back */

struct spares {
    const struct store *store;
    pthread_mutex_t mutex;       /* guards the rest; never held during I/O */
    uint64_t number[SPARES_MAX]; /* in their names */
    unsigned count;
    uint64_t made;
    int64_t used_ms; /* when one was made or taken last */
};

struct spares *spares_new(const struct store *store)
{
    struct spares *spares = calloc(1, sizeof *spares);

    if (spares == NULL)
        return NULL;
    spares->store = store;
    pthread_mutex_init(&spares->mutex, NULL);
    return spares;
}

void spares_free(struct spares *spares)
{
    if (spares == NULL)
        return;
    pthread_mutex_destroy(&spares->mutex);
    free(spares);
}

/* One for each worker. */
static unsigned count_max(const struct store *store)
{
    return store->options.workers < SPARES_MAX ? store->options.workers : SPARES_MAX;
}

/*
 * How long they wait for use. With power until the next roll, as it gains the most: a sync of pages
 * that were written before needs no journal. Not for ever: they hold lines of visitors.
 */
static int64_t age_max_ms(const struct store *store)
{
    int64_t two_rolls_ms = 2 * store->options.roll_interval_ms;

    return store->options.power && two_rolls_ms > SPARES_AGE_MAX_MS ? two_rolls_ms
                                                                    : SPARES_AGE_MAX_MS;
}

/* A large file gives back what is more than its share. */
static bool cut_to_share(const struct store *store, const struct fs_file *file)
{
    uint64_t share = SPARES_BYTES_MAX / count_max(store);
    struct stat st;

    return fs_stat(file, &st, NULL) == 0 &&
           ((uint64_t)st.st_size <= share || fs_truncate(file, share, NULL) == 0);
}

/* Only the sealer adds, so there is still room for the one that is counted later. */
bool spares_keep(struct spares *spares, const struct fs_file *file, const char *path)
{
    catalog_path spare_path;
    uint64_t number;
    bool wanted;

    pthread_mutex_lock(&spares->mutex);
    wanted = spares->count < count_max(spares->store);
    number = ++spares->made;
    pthread_mutex_unlock(&spares->mutex);
    catalog_spare_path(spare_path, spares->store->data_dir, number);
    if (!wanted || !cut_to_share(spares->store, file) || fs_exists(spare_path) ||
        fs_rename(path, spare_path, NULL) != 0)
        return false;
    pthread_mutex_lock(&spares->mutex);
    spares->number[spares->count++] = number;
    spares->used_ms = clock_mono_ms();
    pthread_mutex_unlock(&spares->mutex);
    return true;
}

static bool pop(struct spares *spares, catalog_path path)
{
    bool there;

    pthread_mutex_lock(&spares->mutex);
    there = spares->count > 0;
    if (there) {
        catalog_spare_path(path, spares->store->data_dir, spares->number[--spares->count]);
        spares->used_ms = clock_mono_ms();
    }
    pthread_mutex_unlock(&spares->mutex);
    return there;
}

bool spares_take(struct spares *spares, const char *path)
{
    catalog_path spare_path;

    if (!pop(spares, spare_path))
        return false;
    if (fs_rename(spare_path, path, NULL) == 0)
        return true;
    fs_unlink(spare_path, NULL);
    return false;
}

void spares_drop(struct spares *spares)
{
    catalog_path path;

    while (pop(spares, path))
        fs_unlink(path, NULL);
}

int64_t spares_due_ms(struct spares *spares)
{
    int64_t due_ms = INT64_MAX;

    pthread_mutex_lock(&spares->mutex);
    if (spares->count > 0)
        due_ms = spares->used_ms + age_max_ms(spares->store);
    pthread_mutex_unlock(&spares->mutex);
    return due_ms;
}

void spares_drop_left(const struct store *store)
{
    struct fs_list names;
    catalog_path path;

    if (fs_list(store->spool_dir, &names, NULL) != 0)
        return;
    for (size_t i = 0; i < names.count; i++) {
        if (!catalog_is_spare(names.names[i]))
            continue;
        catalog_spare_path(path, store->data_dir,
                           strtoull(names.names[i] + sizeof SPARE_PREFIX - 1, NULL, 10));
        fs_unlink(path, NULL);
    }
    fs_list_free(&names);
}
