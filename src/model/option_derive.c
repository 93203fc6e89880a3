/*
 * option_derive.c - what of a config follows from other options, and what must hold between them.
 *
 * Called by option_read.c when every value of the file is in place.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "model/geo.h"
#include "options.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* NULL if the key is not in the file. */
static const struct node *find_node(const struct node *map, struct str key)
{
    struct str rest = key;
    struct str name = str_cut(&rest, '.');

    for (const struct node *node = map->first; node != NULL; node = node->next) {
        if (str_eq(node->key, name))
            return rest.p == NULL ? node : find_node(node, rest);
    }
    return NULL;
}

static int out_of_memory(const struct source *source)
{
    return err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
}

static int listen_on_all(const struct source *source, struct config *config)
{
    static const char *const addresses[] = { "0.0.0.0:8080", "[::]:8080" };

    config->listen = calloc(COUNT(addresses), sizeof *config->listen);
    if (config->listen == NULL)
        return out_of_memory(source);
    config->listen_count = COUNT(addresses);
    for (unsigned i = 0; i < COUNT(addresses); i++) {
        config->listen[i].address = str_dup(str_of(addresses[i]));
        if (config->listen[i].address == NULL)
            return out_of_memory(source);
    }
    return 0;
}

/* Those that we may run on, which a container or taskset may have made fewer. */
static unsigned count_processors(void)
{
    cpu_set_t set;
    int count;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > 256 ? 256 : (unsigned)count;
}

static int keys_in_data(const struct source *source, struct config *config)
{
    if (asprintf(&config->keys, "%s/keys", config->store.data) >= 0)
        return 0;
    config->keys = NULL;
    return out_of_memory(source);
}

/* 0 is searched first; 3 is a kind that we do not know. */
static unsigned database_rank(const char *name)
{
    static const char *const kinds[] = { "city", "country", "asn" };
    unsigned rank = 0;

    while (rank < COUNT(kinds) && strcasestr(name, kinds[rank]) == NULL)
        rank++;
    return rank;
}

static bool is_database(const char *name)
{
    size_t n = strlen(name);

    return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".mmdb") == 0;
}

static int take_databases(struct config_geo *geo, const struct fs_list *list, unsigned rank)
{
    for (size_t i = 0; i < list->count && geo->databases_count < GEO_DATABASES_MAX; i++) {
        char *path;

        if (!is_database(list->names[i]) || database_rank(list->names[i]) != rank)
            continue;
        if (asprintf(&path, "%s/%s", geo->folder, list->names[i]) < 0)
            return -1;
        geo->databases[geo->databases_count++] = path;
    }
    return 0;
}

static int find_databases(const struct source *source, struct config_geo *geo)
{
    struct fs_list list;
    int result = 0;

    geo->databases_found = true;
    if (fs_list(geo->folder, &list, NULL) != 0)
        return 0; /* no folder, no databases */
    geo->databases = calloc(GEO_DATABASES_MAX, sizeof *geo->databases);
    if (geo->databases == NULL)
        result = -1;
    for (unsigned rank = 0; rank <= 3 && result == 0; rank++)
        result = take_databases(geo, &list, rank);
    fs_list_free(&list);
    if (result != 0)
        out_of_memory(source);
    return result;
}

/* Two options that must not be equal. */
static int check_differ(const struct source *source, const struct node *root, const char *key,
                        const char *value, const char *other_key, const char *other_value)
{
    const struct node *node = find_node(root, str_of(key));

    if (strcmp(value, other_value) != 0)
        return 0;
    if (node == NULL)
        node = find_node(root, str_of(other_key));
    return source_error(source, node == NULL ? root->place : node->place,
                        "%s and %s are the same: \"%s\"", other_key, key,
                        source_show(str_of(value)).text);
}

static int check_together(const struct source *source, const struct node *root,
                          const struct config *config)
{
    const struct {
        const char *key, *value;
    } paths[] = {
        { "paths.pixel", config->paths.pixel }, { "paths.events", config->paths.events },
        { "paths.tag", config->paths.tag },     { "paths.optout", config->paths.optout },
        { "paths.optin", config->paths.optin },
    };

    if (check_differ(source, root, "cookies.optout_name", config->cookies.optout_name,
                     "cookies.id_name", config->cookies.id_name) != 0)
        return -1;
    for (size_t i = 1; i < COUNT(paths); i++) {
        for (size_t j = 0; j < i; j++) {
            if (check_differ(source, root, paths[i].key, paths[i].value, paths[j].key,
                             paths[j].value) != 0)
                return -1;
        }
    }
    return 0;
}

int options_derive(const struct source *source, const struct node *root, struct config *config)
{
    if (config->listen == NULL && listen_on_all(source, config) != 0)
        return -1;
    if (config->workers == 0)
        config->workers = count_processors();
    if (config->keys == NULL && keys_in_data(source, config) != 0)
        return -1;
    if (config->proxies.trusted_count > 0 && find_node(root, STR("client_address")) == NULL)
        config->proxies.client_address = CLIENT_ADDRESS_X_FORWARDED_FOR;
    if (find_node(root, STR("geo.databases")) == NULL && find_databases(source, &config->geo) != 0)
        return -1;
    return check_together(source, root, config);
}
