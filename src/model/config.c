/*
 * config.c - a config file from bytes to a checked struct config. See config.h for the contract.
 *
 * Called by both programs at start and by crumbd on SIGHUP. This file turns the text into a tree of
 * nodes with their places; option_read.c turns the tree into the config. It speaks to libyaml's
 * event parser: libcyaml would give the place only of what it refuses itself, not of a duration, a
 * network or a name that we refuse, and no unknown key's own place.
 *
 * Always true: at most CONFIG_FILE_BYTES_MAX are read, nothing nests deeper than DEPTH_MAX, and as
 * there are no aliases the tree is never larger than the text.
 */
#include "model/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/fs.h"
#include "base/utf8.h"
#include "options.h"

#define DEPTH_MAX 16

int source_error(const struct source *source, struct place place, const char *format, ...)
{
    char sentence[ERR_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (place.line == 0)
        return err_set(source->e, ERR_INPUT, "%s: %s", source->path, sentence);
    return err_set(source->e, ERR_INPUT, "%s:%u:%u: %s", source->path, place.line, place.column,
                   sentence);
}

struct shown source_show(struct str s)
{
    struct shown shown;
    struct buf b = buf_over(shown.text, sizeof shown.text - 4);
    struct str start = utf8_cut(s, 72);

    utf8_add_printable(&b, start);
    if (b.full || start.n < s.n)
        memcpy(b.p + b.n, "...", 3);
    shown.text[b.n + (b.full || start.n < s.n ? 3 : 0)] = '\0';
    return shown;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void node_free(struct node *node)
{
    while (node != NULL) {
        struct node *next = node->next;

        node_free(node->first); /* not deeper than DEPTH_MAX */
        free((char *)(uintptr_t)node->text.p);
        free((char *)(uintptr_t)node->key.p);
        free(node);
        node = next;
    }
}

struct loader {
    struct source source;
    struct str text;
    yaml_parser_t parser;
};

static struct place place_of(const yaml_mark_t *mark)
{
    return (struct place){ (unsigned)mark->line + 1, (unsigned)mark->column + 1 };
}

static int out_of_memory(const struct loader *l)
{
    return err_set(l->source.e, ERR_MEMORY, "out of memory while reading %s", l->source.path);
}

static struct node *node_new(const struct loader *l, enum node_type type, const yaml_mark_t *mark)
{
    struct node *node = calloc(1, sizeof *node);

    if (node == NULL) {
        out_of_memory(l);
        return NULL;
    }
    node->type = type;
    node->place = place_of(mark);
    return node;
}

/* ---- what is wrong with the text itself ------------------------------------------------------ */

/* Line and column of a byte, counted in characters as libyaml does. */
static struct place place_of_byte(struct str text, size_t at)
{
    struct place place = { 1, 1 };

    for (size_t i = 0; i < at; i++) {
        if (text.p[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)text.p[i] & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static size_t byte_of_mark(struct str text, const yaml_mark_t *mark)
{
    size_t at = 0;

    for (size_t line = 0; line < mark->line && at < text.n; line++)
        at = str_find(text, '\n', at) + 1;
    return at + mark->column; /* exact up to the first character that is not ASCII: enough here */
}

static int check_utf8(const struct loader *l)
{
    struct str rest = l->text;

    while (rest.n > 0) {
        uint32_t point;
        bool valid;
        size_t n = utf8_next(rest, &point, &valid);

        if (!valid)
            return source_error(&l->source, place_of_byte(l->text, l->text.n - rest.n),
                                "this byte (0x%02X) is not UTF-8", (unsigned char)rest.p[0]);
        rest.p += n;
        rest.n -= n;
    }
    return 0;
}

static int syntax_error(const struct loader *l)
{
    const yaml_parser_t *parser = &l->parser;
    size_t at;

    if (parser->error == YAML_MEMORY_ERROR)
        return out_of_memory(l);
    if (parser->error == YAML_READER_ERROR) {
        at = parser->problem_offset < l->text.n ? parser->problem_offset : l->text.n;
        return source_error(&l->source, place_of_byte(l->text, at), "%s", parser->problem);
    }
    at = byte_of_mark(l->text, &parser->problem_mark);
    if (at < l->text.n && l->text.p[at] == '\t')
        return source_error(&l->source, place_of(&parser->problem_mark),
                            "a tab cannot indent; use spaces");
    return source_error(&l->source, place_of(&parser->problem_mark), "%s%s%s",
                        parser->context == NULL ? "" : parser->context,
                        parser->context == NULL ? "" : ": ", parser->problem);
}

static int next_event(struct loader *l, yaml_event_t *event)
{
    return yaml_parser_parse(&l->parser, event) ? 0 : syntax_error(l);
}

/* ---- from events to nodes -------------------------------------------------------------------- */

static struct node *build(struct loader *l, const yaml_event_t *event, unsigned depth);

static bool is_empty(const yaml_event_t *event)
{
    struct str text = str_of((const char *)event->data.scalar.value);

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text.n == 0 || str_eq(text, STR("~")) || str_eq(text, STR("null")));
}

static struct node *build_scalar(struct loader *l, const yaml_event_t *event)
{
    enum node_type type = is_empty(event) ? NODE_EMPTY : NODE_TEXT;
    struct node *node = node_new(l, type, &event->start_mark);
    struct str text = str_from((const char *)event->data.scalar.value, event->data.scalar.length);

    if (node == NULL)
        return NULL;
    node->text = str_from(str_dup(text), text.n);
    if (node->text.p == NULL) {
        out_of_memory(l);
        node_free(node);
        return NULL;
    }
    return node;
}

/* The member of a map whose key `event` is. NULL and an error. */
static struct node *build_pair(struct loader *l, const yaml_event_t *event, unsigned depth)
{
    struct node *key, *value = NULL;
    yaml_event_t value_event;

    if (event->type != YAML_SCALAR_EVENT) {
        source_error(&l->source, place_of(&event->start_mark), "a key has to be one word");
        return NULL;
    }
    key = build(l, event, depth);
    if (key == NULL)
        return NULL;
    if (next_event(l, &value_event) == 0) {
        value = build(l, &value_event, depth);
        yaml_event_delete(&value_event);
    }
    if (value != NULL) {
        value->key = key->text;
        value->key_place = key->place;
        key->text = STR_ABSENT;
    }
    node_free(key);
    return value;
}

static int build_members(struct loader *l, struct node *node, yaml_event_type_t end, unsigned depth)
{
    struct node **last = &node->first;

    for (;;) {
        struct node *member;
        yaml_event_t event;
        bool is_end;

        if (next_event(l, &event) != 0)
            return -1;
        is_end = event.type == end;
        if (is_end)
            member = NULL;
        else if (node->type == NODE_MAP)
            member = build_pair(l, &event, depth);
        else
            member = build(l, &event, depth);
        yaml_event_delete(&event);
        if (member == NULL)
            return is_end ? 0 : -1;
        *last = member;
        last = &member->next;
    }
}

static struct node *build_collection(struct loader *l, const yaml_event_t *event, unsigned depth)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    struct node *node;

    if (depth == DEPTH_MAX) {
        source_error(&l->source, place_of(&event->start_mark), "nested too deeply");
        return NULL;
    }
    node = node_new(l, is_map ? NODE_MAP : NODE_LIST, &event->start_mark);
    if (node != NULL &&
        build_members(l, node, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT,
                      depth + 1) != 0) {
        node_free(node);
        return NULL;
    }
    return node;
}

/* Anchors, aliases and tags have no use here, and aliases are how a small file becomes a huge one. */
static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return false;
    }
}

/* The value that begins with `event`; takes the events that belong to it. NULL and an error. */
static struct node *build(struct loader *l, const yaml_event_t *event, unsigned depth)
{
    if (is_decorated(event)) {
        source_error(&l->source, place_of(&event->start_mark),
                     "anchors, aliases and tags (&, *, !) are not used here; quote the value if "
                     "it starts with one of these");
        return NULL;
    }
    if (event->type == YAML_SCALAR_EVENT)
        return build_scalar(l, event);
    return build_collection(l, event, depth);
}

/* Takes events up to one of the wanted type; there is nothing else before it. */
static int expect(struct loader *l, yaml_event_type_t type, yaml_event_t *event)
{
    if (next_event(l, event) != 0)
        return -1;
    if (event->type == type)
        return 0;
    source_error(&l->source, place_of(&event->start_mark),
                 "a second document begins; the file has to be one");
    yaml_event_delete(event);
    return -1;
}

/* *root stays NULL for a file that holds nothing. */
static int build_document(struct loader *l, struct node **root)
{
    yaml_event_t event;

    if (next_event(l, &event) != 0) /* the start of the stream */
        return -1;
    yaml_event_delete(&event);
    if (next_event(l, &event) != 0)
        return -1;
    if (event.type == YAML_STREAM_END_EVENT) {
        yaml_event_delete(&event);
        return 0;
    }
    yaml_event_delete(&event); /* the start of the document */
    if (next_event(l, &event) != 0)
        return -1;
    *root = build(l, &event, 0);
    yaml_event_delete(&event);
    if (*root == NULL || expect(l, YAML_DOCUMENT_END_EVENT, &event) != 0)
        return -1;
    yaml_event_delete(&event);
    if (expect(l, YAML_STREAM_END_EVENT, &event) != 0)
        return -1;
    yaml_event_delete(&event);
    return 0;
}

static int parse(struct loader *l, struct node **root)
{
    int result;

    if (check_utf8(l) != 0)
        return -1;
    if (!yaml_parser_initialize(&l->parser))
        return out_of_memory(l);
    yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l->parser, (const unsigned char *)l->text.p, l->text.n);
    result = build_document(l, root);
    yaml_parser_delete(&l->parser);
    return result;
}

/* ---- the two ways to a config ---------------------------------------------------------------- */

struct config *config_load(const char *path, struct err *e)
{
    struct loader l = { .source = { path, e } };
    struct node nothing = { .type = NODE_EMPTY };
    struct config *config = NULL;
    struct node *root = NULL;
    char *text;

    if (fs_read_all(path, CONFIG_FILE_BYTES_MAX, &text, &l.text.n, e) != 0)
        return NULL;
    l.text.p = text;
    if (parse(&l, &root) == 0)
        config = options_read(&l.source, root == NULL ? &nothing : root);
    node_free(root);
    free(text);
    return config;
}

struct config *config_defaults(struct err *e)
{
    const struct source source = { "defaults", e };
    const struct node nothing = { .type = NODE_EMPTY };

    return options_read(&source, &nothing);
}

const struct config_site *config_site(const struct config *config, struct str name)
{
    for (unsigned i = 0; i < config->sites_count; i++) {
        if (str_eq(name, str_of(config->sites[i].name)))
            return &config->sites[i];
    }
    return NULL;
}
