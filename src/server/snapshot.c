/*
 * snapshot.c - see snapshot.h for the contract. server.c loads and publishes, each worker holds
 * one.
 *
 * A new geo database comes without a new configuration, so the two halves are counted by
 * themselves: the settings (configuration, keys, pages and the list of bots) may be shared by several snapshots.
 */
#include "server/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "model/share.h"
#include "server/endpoint.h"

struct settings {
    atomic_uint holders; /* snapshots */
    struct config *config;
    struct key_ring *keys;
    struct pages *pages;
    struct bots *bots;
};

struct counted {
    struct snapshot public; /* first: a struct snapshot of ours is one of these */
    atomic_uint holders;
    struct settings *settings;
};

static void settings_release(struct settings *settings)
{
    if (settings == NULL || atomic_fetch_sub(&settings->holders, 1) > 1)
        return;
    bots_free(settings->bots);
    pages_free(settings->pages);
    key_ring_free(settings->keys);
    config_free(settings->config);
    free(settings);
}

/*
 * The first start makes the key file, usually in a data folder that is not there yet. A reload does
 * not: with fresh keys every visitor would be a new one.
 */
static struct key_ring *keys_load(const char *path, bool at_start, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL || slash == path ? NULL : str_dup(str_from(path, slash - path));
    int result = 0;

    if (at_start && folder != NULL)
        result = fs_make_dirs(folder, e);
    else if (!at_start && !fs_exists(path))
        result = err_set(e, ERR_INPUT, "the key file %s is gone, and only a start makes one", path);
    free(folder);
    return result == 0 ? key_ring_load(path, e) : NULL;
}

static bool any_debug(const struct config *config)
{
    for (unsigned i = 0; i < config->sites_count; i++) {
        if (config->sites[i].debug)
            return true;
    }
    return false;
}

/* The loops only match: a pattern is never compiled there. */
static struct bots *load_bots(const struct config *config, struct err *trouble)
{
    char path[SHARE_PATH_BYTES];
    struct bots *bots;
    struct err e;

    trouble->code = ERR_NONE;
    if (!any_debug(config))
        return NULL;
    bots = share_find(path, NULL, BOTS_FILE, NULL, BOTS_FILE_HINT, &e) == 0 ? bots_load(path, &e)
                                                                            : NULL;
    if (bots == NULL)
        err_set(trouble, e.code, "sites in debug mode are not told of bots: %s", e.text);
    else
        bots_compile(bots);
    return bots;
}

static struct settings *settings_load(const char *path, bool at_start, struct err *e,
                                      struct err *bots_trouble)
{
    struct settings *settings = calloc(1, sizeof *settings);

    if (settings == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    atomic_init(&settings->holders, 1);
    settings->config = path == NULL ? config_defaults(e) : config_load(path, e);
    if (settings->config == NULL ||
        (settings->keys = keys_load(settings->config->keys, at_start, e)) == NULL ||
        (settings->pages = pages_load(settings->config, e)) == NULL) {
        settings_release(settings);
        return NULL;
    }
    settings->bots = load_bots(settings->config, bots_trouble);
    return settings;
}

/* Takes over the caller's hold on settings, also when it fails. */
static struct snapshot *with_geo(struct settings *settings, const struct snapshot *from,
                                 struct err *geo_trouble)
{
    const struct config_geo *geo = &settings->config->geo;
    struct counted *counted = calloc(1, sizeof *counted);

    if (counted == NULL) {
        err_set(geo_trouble, ERR_MEMORY, "out of memory");
        settings_release(settings);
        return NULL;
    }
    counted->public.geo = geo_open(geo->databases, geo->databases_count,
                                   from == NULL ? NULL : from->geo, geo_trouble);
    if (counted->public.geo == NULL) {
        settings_release(settings);
        free(counted);
        return NULL;
    }
    atomic_init(&counted->holders, 1);
    counted->settings = settings;
    counted->public.config = settings->config;
    counted->public.keys = settings->keys;
    counted->public.pages = settings->pages;
    counted->public.bots = settings->bots;
    return &counted->public;
}

struct snapshot *snapshot_load(const char *path, const struct snapshot *from, struct err *e,
                               struct err *geo_trouble, struct err *bots_trouble)
{
    struct settings *settings = settings_load(path, from == NULL, e, bots_trouble);
    struct snapshot *loaded = settings == NULL ? NULL : with_geo(settings, from, geo_trouble);

    if (settings != NULL && loaded == NULL)
        err_set(e, geo_trouble->code, "%s", geo_trouble->text);
    return loaded;
}

struct snapshot *snapshot_with_new_geo(struct snapshot *from, struct err *geo_trouble)
{
    struct settings *settings = ((struct counted *)from)->settings;

    atomic_fetch_add(&settings->holders, 1);
    return with_geo(settings, from, geo_trouble);
}

void snapshot_hold(struct snapshot *snapshot, unsigned more)
{
    atomic_fetch_add(&((struct counted *)snapshot)->holders, more);
}

void snapshot_release(struct snapshot *snapshot)
{
    struct counted *counted = (struct counted *)snapshot;

    if (counted == NULL || atomic_fetch_sub(&counted->holders, 1) > 1)
        return;
    geo_close(counted->public.geo);
    settings_release(counted->settings);
    free(counted);
}
