/*
 * classify_ua.c - browser, system and device of a user agent, as uap-core defines them. See classify.h.
 *
 * Reads regexes.yaml as uap-core writes it (its specification.md): three lists, an item begins with
 * "  - regex: ", further keys follow; every value is a quoted scalar on its line. Not a YAML reader: what
 * has another form is refused with its line. Called for each new user agent by the cache in facets.c.
 */
#include "classify.h"

#include <stdlib.h>

#include "base/buf.h"
#include "model/lines.h"
#include "model/patterns.h"

#define VALUE_BYTES 512

enum list { BROWSERS, SYSTEMS, DEVICES, LISTS };

/* What may be replaced: the family, and (browsers, systems) the first part of the version. */
enum part { FAMILY, VERSION, PARTS };

struct rule {
    struct str replacement[PARTS]; /* absent: the part is the capture of that number */
};

struct list_of_rules {
    struct patterns *patterns;
    struct rule *rules;
    size_t count, cap;
};

struct agents {
    struct lines file; /* rules point into it */
    struct list_of_rules lists[LISTS];
};

struct agents_memory {
    struct patterns_memory *match[LISTS];
    char text[LISTS][PARTS][VALUE_BYTES];
};

static const struct {
    struct str header;
    struct str key[PARTS];
} sections[LISTS] = {
    [BROWSERS] = { { "user_agent_parsers:", 19 },
                   { { "family_replacement", 18 }, { "v1_replacement", 14 } } },
    [SYSTEMS] = { { "os_parsers:", 11 },
                  { { "os_replacement", 14 }, { "os_v1_replacement", 17 } } },
    [DEVICES] = { { "device_parsers:", 15 }, { { "device_replacement", 18 }, { NULL, 0 } } },
};

/* ---- reading ------------------------------------------------------------------------------------- */

/* An item of a list while its lines are read. */
struct item {
    struct str regex;
    struct rule rule;
    bool any_case;
};

/* 'it''s', "x" or x, with a comment behind. Undone in place: the text only gets shorter. */
static bool read_scalar(struct str s, struct str *out)
{
    char *to, quote;
    size_t at = 1;

    s = str_trim(s);
    if (s.n == 0)
        return false;
    quote = s.p[0];
    if (quote != '\'' && quote != '"') {
        *out = s;
        return true;
    }
    to = (char *)(uintptr_t)s.p;
    out->p = to;
    while (at < s.n &&
           !(s.p[at] == quote && !(quote == '\'' && at + 1 < s.n && s.p[at + 1] == quote))) {
        if (s.p[at] == quote || (quote == '"' && s.p[at] == '\\' && at + 1 < s.n))
            at++;
        *to++ = s.p[at++];
    }
    out->n = (size_t)(to - out->p);
    return at < s.n;
}

static int end_item(struct list_of_rules *list, struct item *item, struct err *e)
{
    if (item->regex.p == NULL)
        return 0;
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 256 : list->cap * 2;
        struct rule *rules = realloc(list->rules, cap * sizeof *rules);

        if (rules == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        list->rules = rules;
        list->cap = cap;
    }
    if (patterns_add(list->patterns, item->regex, item->any_case) != 0)
        return err_set(e, ERR_MEMORY, "out of memory");
    list->rules[list->count++] = item->rule;
    *item = (struct item){ 0 };
    return 0;
}

/* Keys that reports have no use for (brand, minor versions) are read over. */
static void take_value(struct item *item, enum list list, struct str key, struct str value)
{
    if (str_eq(key, STR("regex")))
        item->regex = value;
    else if (str_eq(key, STR("regex_flag")))
        item->any_case = str_eq(value, STR("i"));
    for (int part = 0; part < PARTS; part++) {
        if (str_eq(key, sections[list].key[part]))
            item->rule.replacement[part] = value;
    }
}

static int read_lines(struct agents *agents, struct err *e)
{
    struct item item = { 0 };
    int list = LISTS;
    struct str line;

    while (lines_next(&agents->file, &line)) {
        struct str rest = str_trim(line), key, value;
        bool starts = str_starts(rest, STR("- "));

        if (rest.p[0] == '#')
            continue;
        if (starts || line.p[0] != ' ') {
            if (list < LISTS && end_item(&agents->lists[list], &item, e) != 0)
                return -1;
        }
        if (line.p[0] != ' ') {
            for (list = 0; list < LISTS && !str_eq(rest, sections[list].header); list++)
                ;
            if (list < LISTS)
                continue;
        }
        if (starts)
            rest = str_trim(str_from(rest.p + 2, rest.n - 2));
        key = str_cut(&rest, ':');
        if (list == LISTS || rest.p == NULL || !read_scalar(rest, &value) ||
            (starts && !str_eq(key, STR("regex"))))
            return err_set(e, ERR_INPUT, "%s:%u: not a line of a user agent list",
                           agents->file.path, agents->file.number);
        take_value(&item, (enum list)list, key, value);
    }
    return list < LISTS ? end_item(&agents->lists[list], &item, e) : 0;
}

struct agents *agents_load(const char *path, struct err *e)
{
    struct agents *agents = calloc(1, sizeof *agents);

    if (agents == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    for (int i = 0; i < LISTS; i++) {
        if ((agents->lists[i].patterns = patterns_new()) == NULL) {
            err_set(e, ERR_MEMORY, "out of memory");
            goto failed;
        }
    }
    if (lines_open(&agents->file, path, e) != 0 || read_lines(agents, e) != 0)
        goto failed;
    for (int i = 0; i < LISTS; i++) {
        if (agents->lists[i].count == 0) {
            err_set(e, ERR_INPUT, "%s has no %.*s", path, STR_ARG(sections[i].header));
            goto failed;
        }
        if (patterns_build(agents->lists[i].patterns) != 0) {
            err_set(e, ERR_MEMORY, "out of memory");
            goto failed;
        }
    }
    return agents;
failed:
    agents_free(agents);
    return NULL;
}

void agents_free(struct agents *agents)
{
    if (agents == NULL)
        return;
    lines_close(&agents->file);
    for (int i = 0; i < LISTS; i++) {
        patterns_free(agents->lists[i].patterns);
        free(agents->lists[i].rules);
    }
    free(agents);
}

struct agents_memory *agents_memory_new(const struct agents *agents)
{
    struct agents_memory *memory = calloc(1, sizeof *memory);

    for (int i = 0; memory != NULL && i < LISTS; i++) {
        memory->match[i] = patterns_memory_new(agents->lists[i].patterns);
        if (memory->match[i] == NULL) {
            agents_memory_free(memory);
            return NULL;
        }
    }
    return memory;
}

void agents_memory_free(struct agents_memory *memory)
{
    if (memory == NULL)
        return;
    for (int i = 0; i < LISTS; i++)
        patterns_memory_free(memory->match[i]);
    free(memory);
}

/* ---- finding ------------------------------------------------------------------------------------- */

/* $1 .. $9 are captures; one that took no part is nothing. */
static struct str replace(char *memory, struct str with,
                          const struct str captures[PATTERNS_CAPTURES])
{
    struct buf b = buf_over(memory, VALUE_BYTES);

    for (size_t i = 0; i < with.n; i++) {
        bool is_capture =
            with.p[i] == '$' && i + 1 < with.n && with.p[i + 1] >= '1' && with.p[i + 1] <= '9';

        if (is_capture)
            buf_add_str(&b, captures[with.p[++i] - '0']);
        else
            buf_add_char(&b, with.p[i]);
    }
    return str_trim(buf_str(&b));
}

static void find_in(struct agents *agents, struct agents_memory *memory, enum list which,
                    struct str ua, struct str out[PARTS])
{
    struct list_of_rules *list = &agents->lists[which];
    struct str captures[PATTERNS_CAPTURES];
    int row = patterns_first(list->patterns, memory->match[which], ua, captures);

    out[FAMILY] = STR("Other");
    out[VERSION] = STR_ABSENT;
    if (row < 0)
        return;
    for (int part = 0; part < PARTS; part++) {
        struct str with = list->rules[row].replacement[part];

        if (with.p == NULL)
            with = part == FAMILY ? STR("$1") : STR("$2");
        out[part] = replace(memory->text[which][part], with, captures);
    }
    if (out[FAMILY].n == 0)
        out[FAMILY] = STR("Other");
    if (out[VERSION].n == 0)
        out[VERSION] = STR_ABSENT;
}

/* The first row whose words fit: has must stand in the user agent, not must not. */
static const struct {
    struct str type;
    const char *has, *not ;
} types[] = {
    { { "tv", 2 }, "SMART-TV", NULL },
    { { "tv", 2 }, "SmartTV", NULL },
    { { "tv", 2 }, "AppleTV", NULL },
    { { "tv", 2 }, "Apple TV", NULL },
    { { "tv", 2 }, "Android TV", NULL },
    { { "tv", 2 }, "GoogleTV", NULL },
    { { "tv", 2 }, "BRAVIA", NULL },
    { { "tv", 2 }, "CrKey", NULL },
    { { "tv", 2 }, "Web0S", NULL },
    { { "tablet", 6 }, "iPad", NULL },
    { { "tablet", 6 }, "Tablet", "Tablet PC" },
    { { "tablet", 6 }, "Kindle", NULL },
    { { "tablet", 6 }, "Silk/", "Mobile" },
    { { "phone", 5 }, "iPhone", NULL },
    { { "phone", 5 }, "iPod", NULL },
    { { "phone", 5 }, "Mobi", NULL },
    { { "phone", 5 }, "Opera Mini", NULL },
    { { "tablet", 6 }, "Android", NULL },
    { { "desktop", 7 }, "Windows", NULL },
    { { "desktop", 7 }, "Macintosh", NULL },
    { { "desktop", 7 }, "X11", NULL },
    { { "desktop", 7 }, "CrOS", NULL },
};

static bool has(struct str ua, const char *word)
{
    return word != NULL && ua.n > 0 && memmem(ua.p, ua.n, word, strlen(word)) != NULL;
}

static struct str device_type(struct str ua)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (has(ua, types[i].has) && !has(ua, types[i].not ))
            return types[i].type;
    }
    return STR("other");
}

void agents_find(struct agents *agents, struct agents_memory *memory, struct str ua,
                 struct agent *agent)
{
    struct str parts[LISTS][PARTS];

    for (int i = 0; i < LISTS; i++)
        find_in(agents, memory, (enum list)i, ua, parts[i]);
    *agent = (struct agent){
        .browser = parts[BROWSERS][FAMILY],
        .browser_version = parts[BROWSERS][VERSION],
        .system = parts[SYSTEMS][FAMILY],
        .system_version = parts[SYSTEMS][VERSION],
        .device = parts[DEVICES][FAMILY],
        .device_type = device_type(ua),
    };
}
