/*
 * query.c - which data, which time, which records. See query.h for the contract.
 *
 * Every command that reads goes through here, so that the same options mean the same everywhere.
 */
#include "cli/query.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/when.h"
#include "model/config.h"

static const char *const usual_places[] = { "./data", "/var/lib/crumb" };

static bool is_folder(const char *path)
{
    struct stat st;

    return fs_stat_path(path, &st, NULL) == 0 && S_ISDIR(st.st_mode);
}

static int keep_path(char path[PATH_MAX], const char *from, struct err *e)
{
    if (snprintf(path, PATH_MAX, "%s", from) >= PATH_MAX)
        return err_set(e, ERR_INPUT, "the name of the data folder is too long");
    return 0;
}

static int find_data(char path[PATH_MAX], const struct opts *opts, const struct config *config,
                     struct err *e)
{
    if (opts_has(opts, OPT_DATA))
        return keep_path(path, opts->value[OPT_DATA], e);
    if (config != NULL)
        return keep_path(path, config->store.data, e);
    for (size_t i = 0; i < sizeof usual_places / sizeof usual_places[0]; i++) {
        if (is_folder(usual_places[i]))
            return keep_path(path, usual_places[i], e);
    }
    return keep_path(path, usual_places[0], e);
}

/* NULL and no error without -c. */
static int load_config(struct config **config, const struct opts *opts, struct err *e)
{
    *config = NULL;
    if (!opts_has(opts, OPT_CONFIG))
        return 0;
    *config = config_load(opts->value[OPT_CONFIG], e);
    return *config == NULL ? -1 : 0;
}

int query_data(char path[PATH_MAX], const struct opts *opts, struct err *e)
{
    struct config *config;
    int r = load_config(&config, opts, e);

    if (r == 0)
        r = find_data(path, opts, config, e);
    config_free(config);
    return r;
}

static bool has_folder(const char *path, const char *name)
{
    char inner[PATH_MAX];

    return snprintf(inner, sizeof inner, "%s/%s", path, name) < (int)sizeof inner &&
           is_folder(inner);
}

int query_check_data(const char *path, struct err *e)
{
    bool is_usual = strcmp(path, usual_places[0]) == 0;
    struct stat st;

    if (fs_stat_path(path, &st, e) != 0) {
        if (e->code == ERR_MISSING)
            err_set(e, ERR_MISSING,
                    "there is no data folder %s%s%s; name one with --data DIR or -c FILE", path,
                    is_usual ? " and no " : "", is_usual ? usual_places[1] : "");
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_INPUT, "%s is not a folder; --data wants the data folder", path);
    if (!has_folder(path, "spool") && !has_folder(path, "hits"))
        return err_set(e, ERR_INPUT,
                       "%s is not a data folder of crumbd: it holds neither spool nor hits", path);
    return 0;
}

static int set_times(struct query *q, const struct opts *opts, struct err *e)
{
    int64_t now_ms = clock_wall_ms();

    q->since_ms = INT64_MIN;
    q->until_ms = INT64_MAX;
    if (when_zone(opts->value[OPT_TZ], e) != 0)
        return -1;
    if (opts_has(opts, OPT_SINCE) &&
        when_parse(opts->value[OPT_SINCE], now_ms, &q->since_ms, e) != 0)
        return -1;
    if (opts_has(opts, OPT_UNTIL) &&
        when_parse(opts->value[OPT_UNTIL], now_ms, &q->until_ms, e) != 0)
        return -1;
    if (q->since_ms >= q->until_ms)
        return err_set(e, ERR_INPUT, "nothing lies between --since %s and --until %s",
                       opts->value[OPT_SINCE], opts->value[OPT_UNTIL]);
    return 0;
}

static int set_filter(struct query *q, const struct opts *opts, bool derived, struct err *e)
{
    q->filter = filter_new(derived);
    if (q->filter == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    if (opts_has(opts, OPT_SITE) &&
        filter_add_equal(q->filter, "site", opts->value[OPT_SITE], e) != 0)
        return -1;
    for (size_t i = 0; i < opts->where_count; i++) {
        if (filter_add(q->filter, opts->where[i], e) != 0)
            return -1;
    }
    return 0;
}

enum ending query_begin(struct query *q, const struct opts *opts, bool derived, struct err *e)
{
    q->filter = NULL;
    q->config = NULL;
    if (set_times(q, opts, e) != 0 || set_filter(q, opts, derived, e) != 0)
        return END_USAGE;
    if (load_config(&q->config, opts, e) != 0 || find_data(q->data, opts, q->config, e) != 0 ||
        query_check_data(q->data, e) != 0)
        return END_ERROR;
    return END_FINE;
}

void query_free(struct query *q)
{
    filter_free(q->filter);
    config_free(q->config);
    q->filter = NULL;
    q->config = NULL;
}
