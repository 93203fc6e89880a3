/*
 * json_in.c - events out of JSON. See json_in.h for the contract; the only user of jansson.
 *
 * Called for POST bodies, which anybody may have sent. What must be true: the depth is known before
 * the recursive parser sees the text; a value of the wrong type refuses its event with the key's
 * name in the sentence, and never another event.
 */
#include "model/json_in.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/utf8.h"
#include "model/facts.h"

#define PIXELS_MAX 100000

struct json_in {
    json_t *root;
    json_t *events; /* in root: an array, or the only one */
};

/* ---- the text ----------------------------------------------------------------------------------
 */

/* How deep brackets and braces nest outside of strings; whether they match is the parser's job. */
static unsigned depth_of(struct str s)
{
    unsigned depth = 0, deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '[' || c == '{')) {
            if (++depth > deepest)
                deepest = depth;
        } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

/* The number of an escape at s.p[i], uXXXX behind a backslash; -1 when it is none. */
static long escape_at(struct str s, size_t i)
{
    unsigned char bytes[2];

    if (i + 6 > s.n || s.p[i] != '\\' || s.p[i + 1] != 'u' ||
        !crypto_read_hex(str_from(s.p + i + 2, 4), bytes, sizeof bytes))
        return -1;
    return bytes[0] << 8 | bytes[1];
}

/*
 * Half a surrogate pair is what JSON.stringify makes of half an emoji, and no text to jansson: the
 * character for what cannot be read takes its place. Moves *i to the first one there or behind.
 */
static bool find_half(struct str s, size_t *i)
{
    while (*i < s.n) {
        const char *backslash = memchr(s.p + *i, '\\', s.n - *i);
        long unit, next;

        if (backslash == NULL)
            return false;
        *i = (size_t)(backslash - s.p);
        unit = escape_at(s, *i);
        next = escape_at(s, *i + 6);
        if (unit >= 0xD800 && unit < 0xDC00 && next >= 0xDC00 && next < 0xE000)
            *i += 12;
        else if (unit >= 0xD800 && unit < 0xE000)
            return true;
        else
            *i += 2;
    }
    return false;
}

static char *without_halves(struct str s)
{
    char *copy = str_dup(s);

    for (size_t i = 0; copy != NULL && find_half(s, &i); i += 6)
        memcpy(copy + i, "\\uFFFD", 6);
    return copy;
}

static json_t *load(struct str s, json_error_t *error)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    size_t i = 0;
    char *copy = find_half(s, &i) ? without_halves(s) : NULL;
    json_t *root = json_loadb(copy != NULL ? copy : s.n == 0 ? "" : s.p, s.n, flags, error);

    free(copy);
    return root;
}

static int find_events(struct json_in *in, const char *under, struct err *e)
{
    in->events = in->root;
    if (under == NULL)
        return 0;
    in->events = json_object_get(in->root, under);
    if (json_is_array(in->events))
        return 0;
    return err_set(e, ERR_INPUT, "there is no array %s", under);
}

struct json_in *json_in_read(struct str body, const char *under, size_t *events, struct err *e)
{
    struct json_in *in;
    json_error_t error;

    if (depth_of(body) > JSON_IN_DEPTH_MAX) {
        err_set(e, ERR_INPUT, "not JSON that is taken here: nested deeper than %d",
                JSON_IN_DEPTH_MAX);
        return NULL;
    }
    if (body.n > 0 && memchr(body.p, '\0', body.n) != NULL) { /* which jansson takes for the end */
        err_set(e, ERR_INPUT, "not JSON: there is a NUL byte in it");
        return NULL;
    }
    in = calloc(1, sizeof *in);
    if (in == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    in->root = load(body, &error);
    if (in->root == NULL) {
        err_set(e, ERR_INPUT, "not JSON: line %d, column %d: %s", error.line, error.column,
                error.text);
        free(in);
        return NULL;
    }
    if (find_events(in, under, e) != 0) {
        json_in_free(in);
        return NULL;
    }
    *events = json_is_array(in->events) ? json_array_size(in->events) : 1;
    return in;
}

void json_in_free(struct json_in *in)
{
    if (in == NULL)
        return;
    json_decref(in->root);
    free(in);
}

static json_t *event_at(const struct json_in *in, size_t i)
{
    return json_is_array(in->events) ? json_array_get(in->events, i) : in->events;
}

/* ---- one event ---------------------------------------------------------------------------------
 */

enum kind { TEXT, PIXELS, PARAMS };

static const struct key {
    const char *name;
    enum kind kind;
    size_t offset;    /* in struct facts */
    size_t max_bytes; /* of a TEXT; beyond, no honest page would send it */
} keys[] = {
    { "site", TEXT, offsetof(struct facts, site), 64 },
    { "e", TEXT, offsetof(struct facts, name), 128 },
    { "url", TEXT, offsetof(struct facts, url), 16384 },
    { "ref", TEXT, offsetof(struct facts, ref), 16384 },
    { "title", TEXT, offsetof(struct facts, title), 16384 },
    { "lang", TEXT, offsetof(struct facts, lang), 64 },
    { "pv", TEXT, offsetof(struct facts, pv), 64 },
    { "uid", TEXT, offsetof(struct facts, uid), 256 },
    { "sw", PIXELS, offsetof(struct facts, sw), 0 },
    { "sh", PIXELS, offsetof(struct facts, sh), 0 },
    { "params", PARAMS, 0, 0 },
};

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(name, keys[i].name) == 0)
            return &keys[i];
    }
    return NULL;
}

static struct str text_of(const json_t *string)
{
    return str_from(json_string_value(string), json_string_length(string));
}

static bool is_number(struct str text, double number)
{
    char copy[64];

    if (text.p == NULL || text.n >= sizeof copy)
        return true;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return !(strtod(copy, NULL) < number) && !(strtod(copy, NULL) > number);
}

/* A value that is not a string as JSON in memory; absent when it does not fit. */
static struct str dump(const json_t *value, struct buf *memory)
{
    size_t room = memory->cap - memory->n, n;
    char *p = memory->p + memory->n;
    size_t digits = 15; /* which every decimal number of so many digits survives: 4.2 stays 4.2 */

    do
        n = json_dumpb(value, p, room,
                       JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(digits));
    while (json_is_real(value) && n < room && !is_number(str_from(p, n), json_real_value(value)) &&
           ++digits <= 17);
    if (n == 0 || n > room)
        return STR_ABSENT;
    memory->n += n;
    return str_from(p, n);
}

static void take_param(struct facts *facts, const char *key, const json_t *value,
                       struct buf *memory)
{
    struct str text = json_is_string(value) ? text_of(value) : dump(value, memory);

    if (json_is_null(value))
        return;
    if (text.p == NULL || !facts_add_param(facts, str_of(key), text))
        facts->params_dropped++;
}

static int take_params(struct facts *facts, json_t *params, struct buf *memory, struct err *e)
{
    if (!json_is_object(params))
        return err_set(e, ERR_INPUT, "params is not an object");
    for (void *at = json_object_iter(params); at != NULL; at = json_object_iter_next(params, at))
        take_param(facts, json_object_iter_key(at), json_object_iter_value(at), memory);
    return 0;
}

/* A number of the site's own may be a number in JSON, too. */
static int take_text(struct facts *facts, const struct key *key, const json_t *value,
                     struct buf *memory, struct err *e)
{
    struct str *text = (struct str *)(void *)((char *)facts + key->offset), given;

    if (json_is_integer(value) && key->offset == offsetof(struct facts, uid))
        given = dump(value, memory);
    else if (json_is_string(value))
        given = text_of(value);
    else
        return err_set(e, ERR_INPUT, "%s is not a string", key->name);
    if (given.n > key->max_bytes)
        return err_set(e, ERR_INPUT, "%s is longer than %zu bytes", key->name, key->max_bytes);
    if (given.n > 0)
        *text = given;
    return 0;
}

static int take_pixels(struct facts *facts, const struct key *key, const json_t *value,
                       struct err *e)
{
    int32_t *pixels = (int32_t *)(void *)((char *)facts + key->offset);
    double number = json_number_value(value);

    if (!json_is_number(value))
        return err_set(e, ERR_INPUT, "%s is not a number", key->name);
    if (!(number >= 0 && number <= PIXELS_MAX))
        return err_set(e, ERR_INPUT, "%s is not from 0 to %d", key->name, PIXELS_MAX);
    *pixels = (int32_t)number;
    return 0;
}

static int take_key(struct facts *facts, const char *name, json_t *value, struct buf *memory,
                    struct err *e)
{
    const struct key *key = find_key(name);

    if (key == NULL)
        take_param(facts, name, value, memory);
    else if (json_is_null(value))
        return 0;
    else if (key->kind == TEXT)
        return take_text(facts, key, value, memory, e);
    else if (key->kind == PIXELS)
        return take_pixels(facts, key, value, e);
    else
        return take_params(facts, value, memory, e);
    return 0;
}

bool json_in_event(const struct json_in *in, size_t i, struct facts *facts, struct buf *memory,
                   struct err *e)
{
    json_t *event = event_at(in, i);

    facts_clear(facts);
    if (!json_is_object(event)) {
        err_set(e, ERR_INPUT, "not an object");
        return false;
    }
    for (void *at = json_object_iter(event); at != NULL; at = json_object_iter_next(event, at)) {
        if (take_key(facts, json_object_iter_key(at), json_object_iter_value(at), memory, e) != 0)
            return false;
    }
    return true;
}

void json_in_add_text(const struct json_in *in, size_t i, size_t max_bytes, struct buf *b)
{
    char *text = json_dumps(event_at(in, i), JSON_ENCODE_ANY | JSON_COMPACT);

    if (text != NULL)
        buf_add_str(b, utf8_cut(str_of(text), max_bytes));
    free(text);
}

bool json_in_pairs(const struct json_in *in, size_t i, json_in_pair_fn *each, void *arg,
                   struct buf *memory)
{
    json_t *event = event_at(in, i);

    for (void *at = json_object_iter(event); at != NULL; at = json_object_iter_next(event, at)) {
        const json_t *value = json_object_iter_value(at);
        struct str text = json_is_string(value) ? text_of(value) : dump(value, memory);

        if (text.p != NULL && !json_is_null(value))
            each(arg, str_of(json_object_iter_key(at)), text);
    }
    return json_is_object(event) || json_is_string(event);
}

struct str json_in_string(const struct json_in *in, size_t i)
{
    const json_t *event = event_at(in, i);

    return json_is_string(event) ? text_of(event) : STR_ABSENT;
}
