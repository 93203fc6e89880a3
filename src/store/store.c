/*
 * store.c - the data folder of a running server. See store/store.h for the contract.
 *
 * Opens and closes what the other files do: folders and lock here, spool.c one per worker, sealer.c
 * and syncer.c a thread each. Nothing at the start depends on how much an earlier process left: the
 * sealer looks for that by itself.
 */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "parts.h"

void store_say(const struct store *store, bool is_error, const char *format, ...)
{
    char sentence[ERR_TEXT_BYTES];
    va_list args;

    if (store->options.say == NULL)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    store->options.say(store->options.say_arg, is_error, sentence);
}

/* 32 bits of seconds and 28 random ones as 12 digits of base32hex (RFC 4648), so that names sort by
 * start. */
static void make_instance(char instance[STORE_INSTANCE_BYTES])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    uint32_t random;
    uint64_t value;

    crypto_random(&random, sizeof random);
    value = ((uint64_t)(clock_wall_ms() / 1000) & 0xFFFFFFFFu) << 28 | (random & 0xFFFFFFFu);
    for (int i = STORE_INSTANCE_BYTES - 1; i >= 0; i--) {
        instance[i] = digits[value & 31];
        value >>= 5;
    }
}

/*
 * Makes the names in the folder last, its own, and those of the folders above it. Always, not only when they
 * are made: an earlier process may have been killed between making and syncing them. Of a folder
 * that we may not read, the name is somebody else's care.
 */
static int sync_names(const char *data_dir, struct err *e)
{
    catalog_path path;
    struct err why;
    size_t n = strlen(data_dir);

    if (fs_sync_dir(data_dir, e) != 0)
        return -1;
    memcpy(path, data_dir, n + 1);
    for (;;) {
        while (n > 0 && path[n - 1] == '/')
            n--;
        if (n == 0) /* it was the root */
            return 0;
        while (n > 0 && path[n - 1] != '/')
            n--;
        path[n] = '\0';
        if (fs_sync_dir(n == 0 ? "." : path, &why) != 0 && why.code != ERR_DENIED)
            break;
        if (n == 0)
            return 0;
    }
    if (e != NULL)
        *e = why;
    return -1;
}

static int make_folders(const struct store *store, struct err *e)
{
    catalog_path hits;

    catalog_hits_dir(hits, store->data_dir);
    if (fs_make_dirs(store->spool_dir, e) != 0 || fs_make_dirs(hits, e) != 0)
        return -1;
    if (fs_check_dir(store->data_dir, e) != 0 || fs_check_dir(store->spool_dir, e) != 0)
        return -1;
    return fs_check_dir(hits, e);
}

static int take_lock(struct store *store, struct err *e)
{
    struct err why;

    if (fs_lock(&store->lock, store->lock_path, &why) == 0 &&
        fs_lock_dir(&store->spool_lock, store->spool_dir, &why) == 0)
        return 0;
    if (why.code == ERR_BUSY)
        return err_set(e, ERR_BUSY, "the data folder %s is in use by another crumbd",
                       store->data_dir);
    if (e != NULL)
        *e = why;
    return -1;
}

int store_probe(struct store *store, struct err *e)
{
    static const char text[] = "is this disk writable?\n";
    struct iovec iov = { (void *)(uintptr_t)text, sizeof text };
    char back[sizeof text];
    catalog_path path;
    struct fs_file file;
    size_t n = 0;
    int result;

    catalog_probe_path(path, store->data_dir);
    if (fs_open(&file, path, FS_REPLACE, e) != 0)
        return -1;
    result = fs_write_at(&file, &iov, 1, 0, &n, e);
    if (result == 0)
        result = fs_read_at(&file, back, sizeof back, 0, &n, e);
    if (result == 0 && (n != sizeof back || memcmp(back, text, n) != 0))
        result = err_set(e, ERR_DAMAGED, "%s does not read back as it was written", path);
    fs_close(&file);
    if (fs_unlink(path, result == 0 ? e : NULL) != 0)
        result = -1;
    return result;
}

static int make_spools(struct store *store, struct err *e)
{
    unsigned workers = store->options.workers;

    store->spools = calloc(workers, sizeof(struct spool *));
    if (store->spools == NULL)
        return err_set(e, ERR_MEMORY, "out of memory for %u spools", workers);
    for (unsigned i = 0; i < workers; i++) {
        store->spools[i] = spool_new(store, i, e);
        if (store->spools[i] == NULL)
            return -1;
    }
    return 0;
}

static int start(struct store *store, struct err *e)
{
    if (crypto_init(e) != 0 || make_folders(store, e) != 0 || take_lock(store, e) != 0 ||
        mark_exchange(store, e) != 0 || sync_names(store->data_dir, e) != 0)
        return -1;
    make_instance(store->instance);
    if (store_probe(store, e) != 0)
        return -1;
    if (store->options.power) {
        store->syncer = syncer_start(store, e);
        if (store->syncer == NULL)
            return -1;
    }
    if (make_spools(store, e) != 0)
        return -1;
    store->spares = spares_new(store);
    if (store->spares == NULL)
        return err_set(e, ERR_MEMORY, "out of memory for the sealer");
    store->sealer = sealer_start(store, e);
    return store->sealer == NULL ? -1 : 0;
}

static void free_store(struct store *store)
{
    for (unsigned i = 0; store->spools != NULL && i < store->options.workers; i++)
        spool_free(store->spools[i]);
    free(store->spools);
    syncer_stop(store->syncer);
    spares_free(store->spares);
    fs_close(&store->spool_lock);
    fs_close(&store->lock);
    free(store->data_dir);
    free(store);
}

struct store *store_open(const struct store_options *options, struct err *e)
{
    struct store *store;

    if (catalog_check(options->data_dir, e) != 0)
        return NULL;
    store = calloc(1, sizeof *store);
    if (store == NULL || (store->data_dir = str_dup(str_of(options->data_dir))) == NULL) {
        free(store);
        err_set(e, ERR_MEMORY, "out of memory for the store");
        return NULL;
    }
    store->options = *options;
    store->lock = store->spool_lock = FS_CLOSED;
    catalog_spool_dir(store->spool_dir, store->data_dir);
    catalog_lock_path(store->lock_path, store->data_dir);
    if (start(store, e) != 0) {
        free_store(store);
        return NULL;
    }
    return store;
}

struct spool *store_spool(struct store *store, unsigned worker)
{
    return store->spools[worker];
}

struct str store_instance(const struct store *store)
{
    return str_from(store->instance, STORE_INSTANCE_BYTES);
}

int store_close(struct store *store, struct err *e)
{
    int result = sealer_stop(store->sealer, e);

    if (result == 0)
        mark_remove(store);
    free_store(store);
    return result;
}

void store_counters(const struct store *store, struct store_counters *out)
{
#define STORE_COUNTER_FIELD(name, help)                                                            \
    out->name = atomic_load_explicit(&store->counters.name, memory_order_relaxed);
    STORE_COUNTERS(STORE_COUNTER_FIELD)
#undef STORE_COUNTER_FIELD
    out->unsealed_segments =
        atomic_load_explicit(&store->counters.unsealed_segments, memory_order_relaxed);
}
