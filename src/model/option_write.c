/*
 * option_write.c - the table and its values as text: the effective config, the sample file, what
 * the manual has to say, and the differences that need a restart.
 *
 * Called by `crumb config`, by crumbd on SIGHUP and by the tests that keep conf/crumb.yaml and
 * crumb.yaml(5) equal to the table. Always true: what config_add_yaml writes loads again as the
 * same.
 */
#include <stdio.h>

#include "base/json.h"
#include "base/utf8.h"
#include "option_table.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- the effective config -------------------------------------------------------------------- */

struct writer {
    struct buf *b;
    unsigned indent;
    bool dash; /* the next line begins a member of a list */
};

static void begin_line(struct writer *w)
{
    for (unsigned i = w->dash ? 2 : 0; i < w->indent; i++)
        buf_add_char(w->b, ' ');
    if (w->dash)
        buf_add_lit(w->b, "- ");
    w->dash = false;
}

/* An IPv4 address with a port or prefix needs no quotes; an IPv6 one looks like a list or a map. */
static void add_address(struct buf *b, struct str s)
{
    if (memchr(s.p, '.', s.n) != NULL && s.p[0] != '[')
        buf_add_str(b, s);
    else
        json_add_string(b, s);
}

/* Without quotes only what no reader of YAML can take for anything else. */
static void add_text(struct buf *b, struct str s)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/.";
    static const char more[] = "0123456789_-";
    static const char *const words[] = {
        "true", "false", "yes", "no", "on", "off", "y", "n", "null"
    };
    bool plain = s.n > 0 && strchr(first, s.p[0]) != NULL;

    for (size_t i = 0; i < s.n && plain; i++)
        plain = s.p[i] != '\0' && (strchr(first, s.p[i]) != NULL || strchr(more, s.p[i]) != NULL);
    for (size_t i = 0; i < COUNT(words) && plain; i++)
        plain = !str_eq_nocase(s, str_of(words[i]));
    if (plain)
        buf_add_str(b, s);
    else
        json_add_string(b, s);
}

static void add_value(struct buf *b, const struct option *option, const void *base)
{
    struct ip_net net;
    char memory[IP_TEXT_BYTES + 5];
    struct buf text = buf_over(memory, sizeof memory);

    switch (option->kind) {
    case DURATION:
    case SIZE:
    case INTEGER:
        option_add_number(b, option->kind, option_get_number(base, option));
        break;
    case BOOLEAN:
        buf_add_str(b, option_get_number(base, option) != 0 ? STR("true") : STR("false"));
        break;
    case CHOICE:
        buf_add_str(b, str_of(option->names[option_get_number(base, option)]));
        break;
    case NETWORK:
        memcpy(&net, option_const_field(base, option), sizeof net);
        option_add_network(&text, &net);
        add_address(b, buf_str(&text));
        break;
    case TEXT_ADDRESS:
        add_address(b, str_of(option_get_text(base, option)));
        break;
    default:
        add_text(b, str_of(option_get_text(base, option)));
    }
}

static void add_map(struct writer w, struct str prefix, const void *base);

static void add_members(struct writer w, const struct option *option, const struct list *list)
{
    const struct option *plain = option_of_member(option);
    char memory[OPTION_KEY_BYTES_MAX];

    for (unsigned i = 0; i < list->count; i++) {
        const char *member = list->members + i * option->member_bytes;

        w.dash = true;
        if (plain == NULL) {
            add_map(w, option_join(memory, option_key(option), STR("[]"), "."), member);
        } else {
            begin_line(&w);
            add_value(w.b, plain, member);
            buf_add_char(w.b, '\n');
        }
    }
}

static void add_option(struct writer *w, const struct option *option, struct str name,
                       const void *base)
{
    struct writer members = *w;
    struct list list;

    if (option_is_text(option) && option_get_text(base, option) == NULL)
        return;
    begin_line(w);
    buf_add_str(w->b, name);
    buf_add_char(w->b, ':');
    if (option->kind != LIST) {
        buf_add_char(w->b, ' ');
        add_value(w->b, option, base);
        buf_add_char(w->b, '\n');
        return;
    }
    list = option_get_list(base, option);
    if (list.count == 0)
        buf_add_lit(w->b, " []");
    buf_add_char(w->b, '\n');
    members.indent += 4;
    add_members(members, option, &list);
}

/* What was found is not written as if somebody had named it. */
static void add_found_databases(struct writer *w, const struct config_geo *geo)
{
    for (unsigned i = 0; i < geo->databases_count; i++) {
        begin_line(w);
        buf_add_lit(w->b, "# found: ");
        utf8_add_printable(w->b, str_of(geo->databases[i]));
        buf_add_char(w->b, '\n');
    }
}

static void add_map(struct writer w, struct str prefix, const void *base)
{
    struct str rest, group = STR("");

    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        struct writer inside = w;
        struct str name;

        if (!option_is_under(option, prefix, &rest))
            continue;
        name = str_cut(&rest, '.');
        if (rest.p != NULL) {
            if (!str_eq(name, group)) {
                begin_line(&w);
                buf_addf(w.b, "%.*s:\n", STR_ARG(name));
            }
            group = name;
            name = rest;
            inside.indent += 2;
        }
        if (option->offset == offsetof(struct config, geo.databases) && prefix.n == 0 &&
            ((const struct config *)base)->geo.databases_found)
            add_found_databases(&inside, &((const struct config *)base)->geo);
        else
            add_option(&inside, option, name, base);
        w.dash = false;
    }
}

void config_add_yaml(struct buf *b, const struct config *config)
{
    add_map((struct writer){ b, 0, false }, STR(""), config);
}

const char *config_needs_restart(const struct config *running, const struct config *loaded)
{
    char running_memory[8192], loaded_memory[8192];

    for (size_t i = 0; i < option_count; i++) {
        struct buf a = buf_over(running_memory, sizeof running_memory);
        struct buf b = buf_over(loaded_memory, sizeof loaded_memory);

        if ((option_table[i].flags & RESTART) == 0)
            continue;
        add_option(&(struct writer){ &a, 0, false }, &option_table[i], option_key(&option_table[i]),
                   running);
        add_option(&(struct writer){ &b, 0, false }, &option_table[i], option_key(&option_table[i]),
                   loaded);
        if (!str_eq(buf_str(&a), buf_str(&b)))
            return option_table[i].key;
    }
    return NULL;
}

/* ---- the sample and the manual --------------------------------------------------------------- */

#define SAMPLE_COLUMNS 100

/* Words broken into lines that start with `start`. */
static void add_comment(struct buf *b, const char *start, struct str words)
{
    size_t column = 0;
    struct str word;

    while ((word = str_cut(&words, ' ')).p != NULL) {
        if (column > 0 && column + 1 + word.n <= SAMPLE_COLUMNS) {
            buf_add_char(b, ' ');
            column++;
        } else {
            buf_add_str(b, column > 0 ? STR("\n") : STR(""));
            buf_add_str(b, str_of(start));
            column = strlen(start);
        }
        buf_add_str(b, word);
        column += word.n;
    }
    buf_add_char(b, '\n');
}

void config_add_values(struct buf *b, size_t index)
{
    const struct option *option = &option_table[index];

    switch (option->kind) {
    case DURATION:
    case SIZE:
    case INTEGER:
        option_add_number(b, option->kind, option->min);
        buf_add_lit(b, " to ");
        option_add_number(b, option->kind, option->max);
        break;
    case CHOICE:
        option_add_names(b, option->names);
        break;
    case BOOLEAN:
        buf_add_lit(b, "true, false");
        break;
    case LIST:
        buf_addf(b, "at most %llu", (unsigned long long)option->max);
        break;
    default:
        break;
    }
}

/* What is in the members of a list, ahead of the list. */
static void add_member_comments(struct buf *b, const struct option *list, const char *indent)
{
    struct str key = option_key(list), name;
    char start[OPTION_KEY_BYTES_MAX], memory[512];

    for (const struct option *option = list + 1; option < option_table + option_count; option++) {
        struct buf text = buf_over(memory, sizeof memory);

        name = str_from(option->key + key.n, strlen(option->key) - key.n);
        if (!str_starts(option_key(option), key) || !str_starts(name, STR("[].")))
            break;
        if (name.p[name.n - 1] == ']')
            continue;
        snprintf(start, sizeof start, "%s# ", indent);
        buf_addf(&text, "- %.*s: %s", (int)name.n - 3, name.p + 3, option->sentence);
        add_comment(b, start, buf_str(&text));
    }
}

static void add_indented(struct buf *b, const char *indent, struct str lines)
{
    struct str line;

    while ((line = str_cut(&lines, '\n')).p != NULL && line.n > 0) {
        buf_add_str(b, str_of(indent));
        buf_add_str(b, line);
        buf_add_char(b, '\n');
    }
}

static void add_sample_option(struct buf *b, size_t index, struct str name, const char *indent)
{
    const struct option *option = &option_table[index];
    char start[8], memory[512];
    struct buf text = buf_over(memory, sizeof memory);

    snprintf(start, sizeof start, "%s# ", indent);
    buf_add_str(&text, str_of(option->sentence));
    if (option->kind != LIST && !option_is_text(option)) {
        buf_add_lit(&text, " (");
        config_add_values(&text, index);
        buf_add_lit(&text, ")");
    }
    add_comment(b, start, buf_str(&text));
    if (option->kind == LIST)
        add_member_comments(b, option, indent);
    if (option->sample != NULL) {
        add_indented(b, indent, str_of(option->sample));
        return;
    }
    buf_addf(b, "%s%.*s: ", indent, STR_ARG(name));
    buf_add_str(b, str_of(option->fallback)); /* none of them needs quotes */
    buf_add_char(b, '\n');
}

void config_add_sample(struct buf *b)
{
    struct str rest, group = STR("");

    buf_add_lit(b,
                "# crumb.yaml: every option of crumb with its default. See crumb.yaml(5).\n"
                "#\n"
                "# A line that begins with # and no space is an example: what it sets has no "
                "fixed default.\n"
                "# Durations are whole numbers and ms, s, m, h or d; sizes are whole numbers and "
                "B, KiB, MiB, GiB\n"
                "# or TiB. Paths are relative to the folder in which crumbd was started.\n");
    for (size_t i = 0; i < option_count; i++) {
        struct str name;

        if (!option_is_under(&option_table[i], STR(""), &rest))
            continue;
        name = str_cut(&rest, '.');
        buf_add_char(b, '\n');
        if (rest.p == NULL) {
            add_sample_option(b, i, name, "");
            continue;
        }
        if (!str_eq(name, group))
            buf_addf(b, "%.*s:\n", STR_ARG(name));
        group = name;
        add_sample_option(b, i, rest, "  ");
    }
}

struct config_option config_option(size_t index)
{
    return (struct config_option){ option_table[index].key, option_table[index].fallback,
                                   option_table[index].sentence };
}

size_t config_options_count(void)
{
    return option_count;
}
