/*
 * option_read.c - a struct config from a tree of values, row by row of the table; and its end.
 *
 * Called by config.c. Always true: what options_read hands out has passed every check of its rows;
 * whatever fails, everything that was read so far is freed through the same table.
 */
#include <stdlib.h>

#include "base/units.h"
#include "option_table.h"
#include "option_text.h"
#include "options.h"

static const struct text {
    option_text_fn *normal;
    const char *what;
} texts[] = {
    [TEXT_FILE] = { option_text_file, "a path" },
    [TEXT_ADDRESS] = { option_text_address,
                       "an IP address and port, like 0.0.0.0:8080 or [::]:8080" },
    [TEXT_SITE] = { option_text_site,
                    "a site's name: letters, digits, '.', '_' and '-', at most 64" },
    [TEXT_ORIGIN] = { option_text_origin,
                      "an origin: http or https, host and port, like https://shop.example, and "
                      "nothing behind it" },
    [TEXT_DOMAIN] = { option_text_domain, "a domain, like shop.example" },
    [TEXT_COOKIE_NAME] = { option_text_cookie_name, "a cookie's name" },
    [TEXT_PATTERN] = { option_text_pattern,
                       "a pattern: at most 256 bytes of ASCII without spaces at its ends and ';'" },
    [TEXT_URL_PATH] = { option_text_url_path, "a path of a URL, like /b.gif" },
    [TEXT_QUERY_KEY] = { option_text_query_key,
                         "a key of a URL's query: letters, digits and ._~[]-, at most 64; or *" },
    [TEXT_PAGE_PATH] = { option_text_page_path, "a path of a URL, like /about.html or /" },
    [TEXT_LABEL] = { option_text_label,
                     "a name: at most 64 printable bytes without spaces at its ends" },
    [TEXT_PATH_PREFIX] = { option_text_path_prefix,
                           "the beginning of a URL's path, like /help or /" },
};

/* ---- values ---------------------------------------------------------------------------------- */

/* The key as it is named in an error: a list's member goes by the list's name. */
static struct str name_of(const struct option *option)
{
    struct str key = option_key(option);

    if (key.n > 2 && key.p[key.n - 1] == ']')
        key.n -= 2;
    return key;
}

static int refuse(const struct source *source, const struct option *option, const struct node *node,
                  const char *what)
{
    return source_error(source, node->place, "%.*s: \"%s\" is not %s", STR_ARG(name_of(option)),
                        source_show(node->text).text, what);
}

static int read_number(const struct source *source, const struct option *option,
                       const struct node *node, void *base)
{
    char memory[24];
    struct buf limit = buf_over(memory, sizeof memory);
    uint64_t value;
    int64_t ms = 0;

    if (option->kind == DURATION) {
        if (!units_parse_duration_ms(node->text, &ms))
            return refuse(source, option, node,
                          "a duration: a whole number and ms, s, m, h or d, like 10m");
        value = (uint64_t)ms;
    } else if (option->kind == SIZE) {
        if (!units_parse_size_bytes(node->text, &value))
            return refuse(source, option, node,
                          "a size: a whole number and B, KiB, MiB, GiB or TiB, like 256MiB");
    } else if (!str_to_u64(node->text, UINT64_MAX, &value)) {
        return refuse(source, option, node, "a whole number");
    }
    if (value >= option->min && value <= option->max) {
        option_set_number(base, option, value);
        return 0;
    }
    option_add_number(&limit, option->kind, value < option->min ? option->min : option->max);
    return source_error(source, node->place, "%.*s: \"%s\" is %s than %.*s",
                        STR_ARG(name_of(option)), source_show(node->text).text,
                        value < option->min ? "less" : "more", STR_ARG(buf_str(&limit)));
}

static int read_choice(const struct source *source, const struct option *option,
                       const struct node *node, void *base)
{
    char memory[128] = "one of ";
    struct buf b = buf_over(memory, sizeof memory - 1);

    for (size_t i = 0; option->names[i] != NULL; i++) {
        if (str_eq(node->text, str_of(option->names[i]))) {
            option_set_number(base, option, i);
            return 0;
        }
    }
    b.n = strlen(memory);
    option_add_names(&b, option->names);
    return refuse(source, option, node, memory);
}

static int read_boolean(const struct source *source, const struct option *option,
                        const struct node *node, void *base)
{
    if (!str_eq(node->text, STR("true")) && !str_eq(node->text, STR("false")))
        return refuse(source, option, node, "true or false");
    option_set_number(base, option, str_eq(node->text, STR("true")));
    return 0;
}

/* Did only the bits behind the prefix spoil it? Then *net is what was meant. */
static bool parse_loosely(struct str text, struct ip_net *net)
{
    struct str bits = text;
    struct str address = str_cut(&bits, '/');
    uint64_t n;

    if (!ip_parse(address, &net->ip) || !str_to_u64(bits, net->ip.family == 4 ? 32 : 128, &n))
        return false;
    net->prefix_bits = (unsigned)n;
    net->ip = ip_masked(&net->ip, net->prefix_bits, net->prefix_bits);
    return true;
}

static int read_network(const struct source *source, const struct option *option,
                        const struct node *node, void *base)
{
    char memory[IP_TEXT_BYTES + 5];
    struct buf meant = buf_over(memory, sizeof memory);
    struct ip_net net;

    if (ip_net_parse(node->text, &net)) {
        memcpy(option_field(base, option), &net, sizeof net);
        return 0;
    }
    if (!parse_loosely(node->text, &net))
        return refuse(source, option, node, "a network, like 10.0.0.0/8 or 2001:db8::/32");
    option_add_network(&meant, &net);
    return source_error(
        source, node->place, "%.*s: \"%s\" has bits set behind its prefix; did you mean %.*s?",
        STR_ARG(name_of(option)), source_show(node->text).text, STR_ARG(buf_str(&meant)));
}

static int set_text(const struct source *source, const struct option *option, void *base,
                    struct str text)
{
    char *copy = str_dup(text);

    if (copy == NULL)
        return err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
    free(option_get_text(base, option));
    memcpy(option_field(base, option), &copy, sizeof copy);
    return 0;
}

static int read_text(const struct source *source, const struct option *option,
                     const struct node *node, void *base)
{
    const struct text *text = &texts[option->kind];
    char memory[OPTION_TEXT_BYTES_MAX];
    struct buf normal = buf_over(memory, sizeof memory);

    if (node->text.n > sizeof memory || !text->normal(node->text, &normal) || normal.full)
        return refuse(source, option, node, text->what);
    return set_text(source, option, base, buf_str(&normal));
}

static int read_map(const struct source *source, struct str prefix, const struct node *map,
                    void *base);
static int set_fallbacks(const struct source *source, struct str prefix, void *base);

static int read_scalar(const struct source *source, const struct option *option,
                       const struct node *node, void *base)
{
    if (node->type == NODE_EMPTY)
        return source_error(source, node->place, "%.*s has no value", STR_ARG(name_of(option)));
    if (node->type != NODE_TEXT)
        return source_error(source, node->place, "%.*s takes one value, not a %s",
                            STR_ARG(name_of(option)), node->type == NODE_LIST ? "list" : "map");
    switch (option->kind) {
    case CHOICE:
        return read_choice(source, option, node, base);
    case BOOLEAN:
        return read_boolean(source, option, node, base);
    case NETWORK:
        return read_network(source, option, node, base);
    case DURATION:
    case SIZE:
    case INTEGER:
        return read_number(source, option, node, base);
    default:
        return read_text(source, option, node, base);
    }
}

static int check_required(const struct source *source, struct str prefix, const struct node *node,
                          const void *member)
{
    struct str rest;

    for (size_t i = 0; i < option_count; i++) {
        if (option_is_under(&option_table[i], prefix, &rest) &&
            (option_table[i].flags & REQUIRED) != 0 &&
            option_get_text(member, &option_table[i]) == NULL)
            return source_error(source, node->place, "%s is missing", option_table[i].key);
    }
    return 0;
}

static int read_member(const struct source *source, const struct option *list,
                       const struct node *node, void *member)
{
    const struct option *plain = option_of_member(list);
    char memory[OPTION_KEY_BYTES_MAX];
    struct str prefix;

    if (plain != NULL)
        return read_scalar(source, plain, node, member);
    if (node->type != NODE_MAP)
        return source_error(source, node->place, "%s: each member is a map of options", list->key);
    prefix = option_join(memory, option_key(list), STR("[]"), ".");
    if (set_fallbacks(source, prefix, member) != 0 || read_map(source, prefix, node, member) != 0)
        return -1;
    return check_required(source, prefix, node, member);
}

/* The text that a member must not share with another; the first field of every member is one. */
static struct str identity_of(const char *member)
{
    char *text;

    memcpy(&text, member, sizeof text);
    return str_of(text);
}

static int check_unique(const struct source *source, const struct option *option,
                        const struct node *node, const struct list *list, unsigned index)
{
    struct str mine = identity_of(list->members + index * option->member_bytes);

    if (mine.n > 2 && mine.p[mine.n - 1] == '0' && mine.p[mine.n - 2] == ':')
        return 0; /* any free port, as often as wanted */
    for (unsigned i = 0; i < index; i++) {
        if (str_eq(mine, identity_of(list->members + i * option->member_bytes)))
            return source_error(source, node->place, "%s: \"%s\" is there twice", option->key,
                                source_show(mine).text);
    }
    return 0;
}

static int read_list(const struct source *source, const struct option *option,
                     const struct node *node, void *base)
{
    struct list list = { NULL, 0 };
    unsigned index = 0;

    if (node->type != NODE_LIST && node->type != NODE_EMPTY)
        return source_error(source, node->place, "%s takes a list", option->key);
    for (const struct node *member = node->first; member != NULL; member = member->next)
        list.count++;
    if (list.count < option->min)
        return source_error(source, node->place, "%s is empty; it needs at least one", option->key);
    if (list.count > option->max)
        return source_error(source, node->place, "%s: %u are more than %llu", option->key,
                            list.count, (unsigned long long)option->max);
    if (list.count == 0)
        return 0;
    list.members = calloc(list.count, option->member_bytes);
    if (list.members == NULL)
        return err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
    option_set_list(base, option,
                    list); /* owned by the config from here on, whatever fails below */
    for (const struct node *member = node->first; member != NULL; member = member->next) {
        if (read_member(source, option, member, list.members + index * option->member_bytes) != 0 ||
            ((option->flags & UNIQUE) != 0 &&
             check_unique(source, option, member, &list, index) != 0))
            return -1;
        index++;
    }
    return 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static bool differ(char a, char b)
{
    return !str_eq_nocase(str_from(&a, 1), str_from(&b, 1));
}

/* How many letters have to be put in, left out, exchanged or swapped with their neighbour. */
static unsigned distance(struct str a, struct str b)
{
    unsigned row[3][OPTION_KEY_BYTES_MAX + 1];

    for (unsigned j = 0; j <= b.n; j++)
        row[1][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *now = row[(i + 1) % 3], *last = row[i % 3], *before = row[(i + 2) % 3];

        now[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            now[j] =
                least(least(last[j], now[j - 1]) + 1, last[j - 1] + differ(a.p[i - 1], b.p[j - 1]));
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[(a.n + 1) % 3][b.n];
}

/* The name in this map that was probably meant; failing that, where there is an option so called. */
static struct str nearest(struct str prefix, struct str name)
{
    unsigned best = 1 + (unsigned)(name.n / 4);
    struct str found = STR_ABSENT, rest;

    if (name.n >= OPTION_KEY_BYTES_MAX)
        return STR_ABSENT;
    for (size_t i = 0; i < option_count; i++) {
        unsigned d;

        if (!option_is_under(&option_table[i], prefix, &rest))
            continue;
        rest.n = str_find(rest, '.', 0);
        d = distance(name, rest);
        if (d < best || (d == best && found.p == NULL)) {
            best = d;
            found = rest;
        }
    }
    for (size_t i = 0; i < option_count && found.p == NULL; i++) {
        struct str key = option_key(&option_table[i]);

        if (key.n > name.n && key.p[key.n - name.n - 1] == '.' &&
            str_eq(str_from(key.p + key.n - name.n, name.n), name))
            found = key;
    }
    return found;
}

static int unknown_key(const struct source *source, struct str prefix, const struct node *node)
{
    struct str meant = nearest(prefix, node->key);

    if (meant.p == NULL)
        return source_error(source, node->key_place, "unknown key \"%s\"",
                            source_show(node->key).text);
    return source_error(source, node->key_place, "unknown key \"%s\"; did you mean \"%.*s\"?",
                        source_show(node->key).text, STR_ARG(meant));
}

static bool is_group(struct str prefix, struct str name)
{
    struct str rest;

    for (size_t i = 0; i < option_count; i++) {
        if (option_is_under(&option_table[i], prefix, &rest) && rest.n > name.n &&
            rest.p[name.n] == '.' && str_starts(rest, name))
            return true;
    }
    return false;
}

static int read_key(const struct source *source, struct str prefix, const struct node *node,
                    void *base)
{
    const struct option *option = NULL;
    char memory[OPTION_KEY_BYTES_MAX];

    if (memchr(node->key.p, '.', node->key.n) == NULL)
        option = option_find(prefix, node->key);
    if (option != NULL && option->kind == LIST)
        return read_list(source, option, node, base);
    if (option != NULL)
        return read_scalar(source, option, node, base);
    if (node->key.n == 0 || !is_group(prefix, node->key))
        return unknown_key(source, prefix, node);
    if (node->type == NODE_EMPTY)
        return 0;
    if (node->type != NODE_MAP)
        return source_error(source, node->place, "%.*s takes a map of options", STR_ARG(node->key));
    return read_map(source, option_join(memory, prefix, node->key, "."), node, base);
}

/* Not slow: of keys that passed before there are at most as many as options. */
static int check_repeated(const struct source *source, const struct node *map,
                          const struct node *node)
{
    for (const struct node *earlier = map->first; earlier != node; earlier = earlier->next) {
        if (str_eq(earlier->key, node->key))
            return source_error(source, node->key_place, "%s is there twice; first on line %u",
                                source_show(node->key).text, earlier->key_place.line);
    }
    return 0;
}

static int read_map(const struct source *source, struct str prefix, const struct node *map,
                    void *base)
{
    for (const struct node *node = map->first; node != NULL; node = node->next) {
        if (check_repeated(source, map, node) != 0 || read_key(source, prefix, node, base) != 0)
            return -1;
    }
    return 0;
}

static int set_fallbacks(const struct source *source, struct str prefix, void *base)
{
    struct str rest;

    for (size_t i = 0; i < option_count; i++) {
        struct node node = { .type = NODE_TEXT };

        if (!option_is_under(&option_table[i], prefix, &rest) || option_table[i].fallback == NULL)
            continue;
        node.text = str_of(option_table[i].fallback);
        if (read_scalar(source, &option_table[i], &node, base) != 0)
            return -1;
    }
    return 0;
}

struct config *options_read(const struct source *source, const struct node *root)
{
    struct config *config;

    if (root->type != NODE_MAP && root->type != NODE_EMPTY) {
        source_error(source, root->place, "the file has to be a map: lines like \"key: value\"");
        return NULL;
    }
    config = calloc(1, sizeof *config);
    if (config == NULL) {
        err_set(source->e, ERR_MEMORY, "out of memory while reading %s", source->path);
        return NULL;
    }
    if (set_fallbacks(source, STR(""), config) != 0 ||
        read_map(source, STR(""), root, config) != 0 || options_derive(source, root, config) != 0) {
        config_free(config);
        return NULL;
    }
    return config;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void free_map(struct str prefix, void *base)
{
    struct str rest;

    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        char memory[OPTION_KEY_BYTES_MAX];
        struct list list;

        if (!option_is_under(option, prefix, &rest))
            continue;
        if (option_is_text(option))
            free(option_get_text(base, option));
        if (option->kind != LIST)
            continue;
        list = option_get_list(base, option);
        for (unsigned m = 0; m < list.count; m++) {
            char *member = list.members + m * option->member_bytes;
            const struct option *plain = option_of_member(option);

            if (plain == NULL)
                free_map(option_join(memory, option_key(option), STR("[]"), "."), member);
            else if (option_is_text(plain))
                free(option_get_text(member, plain));
        }
        free(list.members);
    }
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    free_map(STR(""), config);
    free(config);
}
