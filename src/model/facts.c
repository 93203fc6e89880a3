/*
 * facts.c - a beacon's query string as facts. See facts.h for the contract.
 *
 * Called by collect.c for every GET beacon, with bytes that anybody may have sent. One pass over
 * the query; only pairs that contain an escape are copied. A new fact is a row in `known`.
 */
#include "model/facts.h"

#include "base/utf8.h"

#define SCREEN_PIXELS_MAX 100000

enum kind { TEXT, PIXELS };

static const struct known {
    struct str key;
    enum kind kind;
    size_t offset; /* in struct facts */
} known[] = {
    { { "site", 4 }, TEXT, offsetof(struct facts, site) },
    { { "url", 3 }, TEXT, offsetof(struct facts, url) },
    { { "ref", 3 }, TEXT, offsetof(struct facts, ref) },
    { { "title", 5 }, TEXT, offsetof(struct facts, title) },
    { { "sw", 2 }, PIXELS, offsetof(struct facts, sw) },
    { { "sh", 2 }, PIXELS, offsetof(struct facts, sh) },
    { { "lang", 4 }, TEXT, offsetof(struct facts, lang) },
    { { "pv", 2 }, TEXT, offsetof(struct facts, pv) },
    { { "e", 1 }, TEXT, offsetof(struct facts, name) },
    { { "uid", 3 }, TEXT, offsetof(struct facts, uid) },
};

static const struct known *find_known(struct str key)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (str_eq(key, known[i].key))
            return &known[i];
    }
    return NULL;
}

static bool has_escape(struct str s)
{
    return s.n > 0 && (memchr(s.p, '%', s.n) != NULL || memchr(s.p, '+', s.n) != NULL);
}

/* Borrows what is plain, decodes the rest into memory; false when that is full. */
static bool decode(struct str encoded, struct buf *memory, struct str *out)
{
    size_t start = memory->n;

    *out = encoded;
    if (!has_escape(encoded))
        return true;
    percent_decode(memory, encoded, true);
    if (memory->full) {
        buf_rewind(memory, start);
        return false;
    }
    *out = str_from(memory->p + start, memory->n - start);
    return true;
}

/* Keys that only differ in bytes which are not text would become the same key when stored. */
static bool repair_key(struct str *key, struct buf *memory)
{
    size_t start = memory->n;
    struct str rest = *key;

    if (utf8_valid(*key))
        return true;
    while (rest.n > 0) {
        uint32_t point;
        bool valid;
        size_t n = utf8_next(rest, &point, &valid);

        buf_add_str(memory, valid ? str_from(rest.p, n) : STR("\xEF\xBF\xBD"));
        rest.p += n;
        rest.n -= n;
    }
    if (memory->full) {
        buf_rewind(memory, start);
        return false;
    }
    *key = str_from(memory->p + start, memory->n - start);
    return true;
}

static bool set_known(struct facts *facts, const struct known *row, struct str value)
{
    char *field = (char *)facts + row->offset;
    uint64_t pixels;

    if (row->kind == TEXT) {
        struct str *text = (struct str *)(void *)field;

        if (text->p != NULL)
            return false;
        *text = value;
    } else if (str_to_u64(value, SCREEN_PIXELS_MAX, &pixels)) {
        int32_t *number = (int32_t *)(void *)field;

        if (*number >= 0)
            return false;
        *number = (int32_t)pixels;
    }
    return true;
}

static bool has_param(const struct facts *facts, struct str key)
{
    for (unsigned i = 0; i < facts->params_count; i++) {
        if (str_eq(facts->params[i].key, key))
            return true;
    }
    return false;
}

static bool is_in_time(struct str key, struct str value)
{
    uint64_t late_ms;

    return str_eq(key, STR("late_ms")) && str_to_u64(value, FACTS_LATE_MS, &late_ms);
}

bool facts_add_param(struct facts *facts, struct str key, struct str value)
{
    struct event_param param = { utf8_cut(key, FACTS_PARAM_KEY_BYTES_MAX),
                                 utf8_cut(value, FACTS_PARAM_VALUE_BYTES_MAX) };

    if (is_in_time(key, value))
        return true;
    if (key.n == 0 || facts->params_count == EVENT_PARAMS_MAX || has_param(facts, param.key))
        return false;
    facts->params[facts->params_count++] = param;
    return param.key.n == key.n && param.value.n == value.n;
}

static bool take_pair(struct facts *facts, struct str pair, struct buf *memory)
{
    struct str value = pair;
    struct str key = str_cut(&value, '=');
    const struct known *row;

    if (value.p == NULL)
        value = STR("");
    if (!decode(key, memory, &key) || !decode(value, memory, &value))
        return false;
    row = find_known(key);
    if (row != NULL)
        return value.n == 0 || set_known(facts, row, value);
    return repair_key(&key, memory) && facts_add_param(facts, key, value);
}

void facts_clear(struct facts *facts)
{
    facts->site = facts->name = facts->url = facts->ref = STR_ABSENT;
    facts->title = facts->lang = facts->pv = facts->uid = STR_ABSENT;
    facts->sw = facts->sh = -1;
    facts->params_count = facts->params_dropped = 0;
}

enum event_kind facts_kind(struct facts *facts)
{
    if (str_eq(facts->name, STR("view")))
        facts->name = STR_ABSENT;
    if (str_eq(facts->name, STR("ping"))) {
        facts->name = STR_ABSENT;
        return EVENT_PING;
    }
    return facts->name.p == NULL ? EVENT_VIEW : EVENT_EVENT;
}

void facts_from_query(struct facts *facts, struct str query, struct buf *memory)
{
    struct str pair;

    facts_clear(facts);
    while ((pair = str_cut(&query, '&')).p != NULL) {
        if (pair.n > 0 && !take_pair(facts, pair, memory))
            facts->params_dropped++;
    }
}

unsigned facts_pairs(struct str query, struct buf *memory, facts_pair_fn *each, void *arg)
{
    unsigned lost = 0;
    struct str pair;

    while ((pair = str_cut(&query, '&')).p != NULL) {
        struct str value = pair, key = str_cut(&value, '=');

        if (key.n == 0)
            continue;
        if (value.p == NULL)
            value = STR("");
        if (decode(key, memory, &key) && decode(value, memory, &value) && repair_key(&key, memory))
            each(arg, key, value);
        else
            lost++;
    }
    return lost;
}
