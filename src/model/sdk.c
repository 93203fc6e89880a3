/*
 * sdk.c - the mapping tables of other trackers' protocols. See sdk.h for the contract and their sources.
 *
 * Called by ep_sdk.c for each hit. What must be true: nothing is kept that would identify a visitor
 * beside crumb's own cookie and the hash of the site's own number (uid).
 */
#include "model/sdk.h"

#include "base/crypto.h"
#include "model/facts.h"
#include "model/json_in.h"

/* ---- what becomes of a key ---------------------------------------------------------------------
 */

enum what {
    FACT,   /* a text of struct facts, at `where` */
    PARAM,  /* a param, named `name` */
    SCREEN, /* "1920x1080" */
    NOTE,   /* kept for sdk_end, at `where` */
    BOTH,   /* a note, and a param named `name` */
    DROP,
};

struct row {
    const char *key;
    enum what what;
    size_t where;
    const char *name;
};

#define AT(member) offsetof(struct facts, member)

/* clang-format off */
static const struct row snowplow[] = {
    { "aid",    FACT,   AT(site),      NULL },       /* app_id: the site's name here */
    { "url",    FACT,   AT(url),       NULL },
    { "refr",   FACT,   AT(ref),       NULL },
    { "page",   FACT,   AT(title),     NULL },
    { "lang",   FACT,   AT(lang),      NULL },
    { "uid",    FACT,   AT(uid),       NULL },
    { "res",    SCREEN, 0,             NULL },
    { "e",      NOTE,   SDK_TYPE,      NULL },
    { "dtm",    NOTE,   SDK_CREATED,   NULL },
    { "stm",    NOTE,   SDK_SENT,      NULL },
    { "ue_pr",  NOTE,   SDK_EVENT,     NULL },
    { "ue_px",  NOTE,   SDK_EVENT64,   NULL },
    { "co",     NOTE,   SDK_CONTEXT,   NULL },
    { "cx",     NOTE,   SDK_CONTEXT64, NULL },
    { "se_ac",  NOTE,   SDK_ACTION,    NULL },
    { "se_ca",  PARAM,  0,             "category" },
    { "se_la",  PARAM,  0,             "label" },
    { "se_pr",  PARAM,  0,             "property" },
    { "se_va",  PARAM,  0,             "value" },
    { "eid",    PARAM,  0,             "eid" },      /* tells a repeated delivery */
    { "p",      PARAM,  0,             "platform" },
    { "tv",     PARAM,  0,             "tracker" },
    { "vp",     PARAM,  0,             "viewport" },
    { "ds",     PARAM,  0,             "document" },
    { "tna",    DROP,   0,             NULL },       /* the tracker's name in its own page */
    { "duid",   DROP,   0,             NULL },       /* identifiers of their own */
    { "nuid",   DROP,   0,             NULL },
    { "tnuid",  DROP,   0,             NULL },
    { "sid",    DROP,   0,             NULL },
    { "vid",    DROP,   0,             NULL },
    { "fp",     DROP,   0,             NULL },
    { "ip",     DROP,   0,             NULL },       /* what a client claims */
    { "ua",     DROP,   0,             NULL },
    { "ttm",    DROP,   0,             NULL },
    { "cookie", DROP,   0,             NULL },       /* what is the same for nearly everybody */
    { "cs",     DROP,   0,             NULL },
    { "cd",     DROP,   0,             NULL },
};

static const struct row matomo[] = {
    { "idsite",      NOTE,   SDK_NUMBER,     NULL },
    { "rec",         NOTE,   SDK_RECORD,     NULL },
    { "url",         FACT,   AT(url),        NULL },
    { "urlref",      FACT,   AT(ref),        NULL },
    { "action_name", FACT,   AT(title),      NULL },
    { "lang",        FACT,   AT(lang),       NULL },
    { "uid",         FACT,   AT(uid),        NULL },
    { "pv_id",       FACT,   AT(pv),         NULL },
    { "res",         SCREEN, 0,              NULL },
    { "e_a",         NOTE,   SDK_ACTION,     NULL },
    { "e_c",         PARAM,  0,              "category" },
    { "e_n",         PARAM,  0,              "label" },
    { "e_v",         PARAM,  0,              "value" },
    { "ping",        NOTE,   SDK_HEARTBEAT,  NULL },
    { "link",        BOTH,   SDK_LINK,       "link" },
    { "download",    BOTH,   SDK_DOWNLOAD,   "link" },
    { "search",      BOTH,   SDK_SEARCH,     "search" },
    { "search_cat",  PARAM,  0,              "search_category" },
    { "idgoal",      BOTH,   SDK_GOAL,       "goal" },
    { "c_n",         BOTH,   SDK_CONTENT,    "banner" },
    { "c_i",         NOTE,   SDK_INTERACTED, NULL },
    { "c_p",         PARAM,  0,              "piece" },
    { "c_t",         PARAM,  0,              "target" },
    { "ec_id",       BOTH,   SDK_ORDER,      "order" },
    { "ec_items",    PARAM,  0,              "items" },
    { "ec_st",       PARAM,  0,              "subtotal" },
    { "ec_tx",       PARAM,  0,              "tax" },
    { "ec_sh",       PARAM,  0,              "shipping" },
    { "ec_dt",       PARAM,  0,              "discount" },
    { "_pks",        PARAM,  0,              "product" },
    { "_pkn",        PARAM,  0,              "product_name" },
    { "_pkc",        PARAM,  0,              "product_category" },
    { "_pkp",        PARAM,  0,              "price" },
    { "_rcn",        PARAM,  0,              "campaign" },
    { "_rck",        PARAM,  0,              "keyword" },
    { "_id",         DROP,   0,              NULL },  /* identifiers of their own */
    { "cid",         DROP,   0,              NULL },
    { "_idts",       DROP,   0,              NULL },
    { "_idvc",       DROP,   0,              NULL },
    { "_idn",        DROP,   0,              NULL },
    { "_viewts",     DROP,   0,              NULL },
    { "_refts",      DROP,   0,              NULL },
    { "_ects",       DROP,   0,              NULL },
    { "_ref",        DROP,   0,              NULL },
    { "token_auth",  DROP,   0,              NULL },  /* a secret */
    { "cip",         DROP,   0,              NULL },  /* what a client claims */
    { "cdt",         DROP,   0,              NULL },
    { "country",     DROP,   0,              NULL },
    { "region",      DROP,   0,              NULL },
    { "city",        DROP,   0,              NULL },
    { "lat",         DROP,   0,              NULL },
    { "long",        DROP,   0,              NULL },
    { "ua",          DROP,   0,              NULL },
    { "uadata",      DROP,   0,              NULL },
    { "h",           DROP,   0,              NULL },  /* the client's clock */
    { "m",           DROP,   0,              NULL },
    { "s",           DROP,   0,              NULL },
    { "rand",        DROP,   0,              NULL },  /* the protocol's own */
    { "r",           DROP,   0,              NULL },
    { "apiv",        DROP,   0,              NULL },
    { "send_image",  DROP,   0,              NULL },
    { "queuedtracking", DROP, 0,             NULL },
    { "new_visit",   DROP,   0,              NULL },
    { "ca",          DROP,   0,              NULL },
    { "cs",          DROP,   0,              NULL },  /* the page's encoding; ours is UTF-8 */
    { "cookie",      DROP,   0,              NULL },  /* what browsers have had */
    { "fla",         DROP,   0,              NULL },
    { "java",        DROP,   0,              NULL },
    { "dir",         DROP,   0,              NULL },
    { "qt",          DROP,   0,              NULL },
    { "realp",       DROP,   0,              NULL },
    { "pdf",         DROP,   0,              NULL },
    { "wma",         DROP,   0,              NULL },
    { "gears",       DROP,   0,              NULL },
    { "ag",          DROP,   0,              NULL },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const struct row *rows;
    size_t count;
} tables[] = {
    [SDK_SNOWPLOW] = { snowplow, COUNT(snowplow) },
    [SDK_MATOMO] = { matomo, COUNT(matomo) },
};

static const struct row *find_row(enum sdk_protocol protocol, struct str key)
{
    for (size_t i = 0; i < tables[protocol].count; i++) {
        if (str_eq(key, str_of(tables[protocol].rows[i].key)))
            return &tables[protocol].rows[i];
    }
    return NULL;
}

/* ---- a hit's keys ------------------------------------------------------------------------------
 */

void sdk_begin(struct sdk_hit *hit, enum sdk_protocol protocol, struct facts *facts,
               struct buf *memory)
{
    *hit = (struct sdk_hit){ .protocol = protocol, .facts = facts, .memory = memory };
    facts_clear(facts);
}

static void add_param(struct sdk_hit *hit, struct str key, struct str value)
{
    if (!facts_add_param(hit->facts, key, value))
        hit->facts->params_dropped++;
}

static void take_screen(struct facts *facts, struct str size)
{
    struct str width = str_cut(&size, 'x');
    uint64_t w, h;

    if (str_to_u64(width, 100000, &w) && str_to_u64(size, 100000, &h)) {
        facts->sw = (int32_t)w;
        facts->sh = (int32_t)h;
    }
}

static void set_fact(struct facts *facts, size_t where, struct str value)
{
    struct str *fact = (struct str *)(void *)((char *)facts + where);

    if (fact->p == NULL)
        *fact = value;
}

void sdk_take(void *arg, struct str key, struct str value)
{
    struct sdk_hit *hit = arg;
    const struct row *row = find_row(hit->protocol, key);

    if (value.n == 0)
        return;
    if (row == NULL) {
        add_param(hit, key, value);
        return;
    }
    switch (row->what) {
    case FACT:
        set_fact(hit->facts, row->where, value);
        break;
    case SCREEN:
        take_screen(hit->facts, value);
        break;
    case BOTH:
        hit->notes[row->where] = value;
        add_param(hit, str_of(row->name), value);
        break;
    case NOTE:
        hit->notes[row->where] = value;
        break;
    case PARAM:
        add_param(hit, str_of(row->name), value);
        break;
    case DROP:
        break;
    }
}

/* ---- Snowplow's JSON in JSON -------------------------------------------------------------------
 */

static struct str copy(struct buf *memory, struct str s)
{
    size_t start = memory->n;

    buf_add_str(memory, s);
    if (memory->full) {
        buf_rewind(memory, start);
        return STR_ABSENT;
    }
    return str_from(memory->p + start, s.n);
}

/* The text itself, or what its base64 (either alphabet, with or without padding) says. */
static struct str plain_or_base64(struct str plain, struct str encoded, struct buf *memory)
{
    char *out = memory->p + memory->n;
    size_t n;

    if (plain.p != NULL || encoded.n == 0)
        return plain;
    while (encoded.n > 0 && encoded.p[encoded.n - 1] == '=')
        encoded.n--;
    n = encoded.n * 3 / 4;
    if (memory->cap - memory->n < n + encoded.n)
        return STR_ABSENT;
    memcpy(out + n, encoded.p, encoded.n);
    for (char *p = out + n; p < out + n + encoded.n; p++) {
        if (*p == '+')
            *p = '-';
        else if (*p == '/')
            *p = '_';
    }
    if (!crypto_read_base64url(str_from(out + n, encoded.n), out, n))
        return STR_ABSENT;
    memory->n += n;
    return str_from(out, n);
}

/* { "schema": "iglu:VENDOR/NAME/jsonschema/1-0-0", "data": ... }, copied into memory. */
struct described {
    struct buf *memory;
    struct str schema, data;
};

static void take_described(void *arg, struct str key, struct str value)
{
    struct described *d = arg;

    if (str_eq(key, STR("schema")))
        d->schema = copy(d->memory, value);
    else if (str_eq(key, STR("data")))
        d->data = copy(d->memory, value);
}

static struct described describe(struct str text, struct buf *memory)
{
    struct described d = { .memory = memory };
    size_t events;
    struct json_in *in = text.n == 0 ? NULL : json_in_read(text, NULL, &events, NULL);

    if (in != NULL && events == 1)
        json_in_pairs(in, 0, take_described, &d, memory);
    json_in_free(in);
    return d;
}

/* NAME in a schema's address. */
static struct str schema_name(struct str schema)
{
    (void)str_cut(&schema, '/');
    return str_cut(&schema, '/');
}

static void take_data(void *arg, struct str key, struct str value)
{
    struct sdk_hit *hit = arg;

    add_param(hit, copy(hit->memory, key), copy(hit->memory, value));
}

/* A self-describing event: its schema's name is the event's, its data are the params. */
static bool take_event(struct sdk_hit *hit, struct err *e)
{
    struct str text = plain_or_base64(hit->notes[SDK_EVENT], hit->notes[SDK_EVENT64], hit->memory);
    struct described outer = describe(text, hit->memory);
    struct described inner = describe(outer.data, hit->memory);
    size_t events;
    struct json_in *in;

    hit->facts->name = schema_name(inner.schema);
    if (hit->facts->name.n == 0) {
        err_set(e, ERR_INPUT, "the self-describing event (ue_pr or ue_px) cannot be read");
        return false;
    }
    in = inner.data.n == 0 ? NULL : json_in_read(inner.data, NULL, &events, NULL);
    if (in != NULL && events == 1)
        json_in_pairs(in, 0, take_data, hit, hit->memory);
    json_in_free(in);
    return true;
}

static void take_page_id(void *arg, struct str key, struct str value)
{
    struct sdk_hit *hit = arg;

    if (str_eq(key, STR("id")))
        set_fact(hit->facts, AT(pv), copy(hit->memory, value));
}

/*
 * One entity. Of all there can be, web_page is the one that crumb has a field for: the page view's id.
 * client_session is an identifier of their own. Others are the page owner's: a param each, by their name.
 */
static void take_entity(struct sdk_hit *hit, const struct described *entity)
{
    struct str name = schema_name(entity->schema);
    size_t events;
    struct json_in *in;

    if (str_eq(name, STR("client_session")) || entity->data.n == 0)
        return;
    if (!str_eq(name, STR("web_page"))) {
        add_param(hit, name, entity->data);
        return;
    }
    in = json_in_read(entity->data, NULL, &events, NULL);
    if (in != NULL && events == 1)
        json_in_pairs(in, 0, take_page_id, hit, hit->memory);
    json_in_free(in);
}

static void take_context(struct sdk_hit *hit)
{
    struct str text =
        plain_or_base64(hit->notes[SDK_CONTEXT], hit->notes[SDK_CONTEXT64], hit->memory);
    size_t entities = 0;
    struct json_in *in = text.n == 0 ? NULL : json_in_read(text, "data", &entities, NULL);

    for (size_t i = 0; in != NULL && i < entities; i++) {
        struct described entity = { .memory = hit->memory };

        json_in_pairs(in, i, take_described, &entity, hit->memory);
        take_entity(hit, &entity);
    }
    json_in_free(in);
}

/* The time between event and delivery is all that two clocks of the same client can tell. */
static void take_lateness(struct sdk_hit *hit)
{
    uint64_t created, sent;
    size_t start = hit->memory->n;

    if (!str_to_u64(hit->notes[SDK_CREATED], INT64_MAX, &created) ||
        !str_to_u64(hit->notes[SDK_SENT], INT64_MAX, &sent) || sent < created)
        return;
    buf_add_u64(hit->memory, sent - created);
    add_param(hit, STR("late_ms"), str_from(hit->memory->p + start, hit->memory->n - start));
}

/* ---- what kind of hit it was -------------------------------------------------------------------
 */

static const struct type {
    const char *type;
    enum event_kind kind;
    const char *name; /* NULL: none, or found out */
} types[] = {
    { "pv", EVENT_VIEW, NULL },           { "pp", EVENT_PING, NULL },
    { "se", EVENT_EVENT, NULL },          { "ue", EVENT_EVENT, NULL },
    { "tr", EVENT_EVENT, "transaction" }, { "ti", EVENT_EVENT, "transaction_item" },
};

static const struct type *find_type(struct str type)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (str_eq(type, str_of(types[i].type)))
            return &types[i];
    }
    return NULL;
}

static bool end_snowplow(struct sdk_hit *hit, struct err *e)
{
    const struct type *type = find_type(hit->notes[SDK_TYPE]);

    if (type == NULL) {
        err_set(e, ERR_INPUT, "e is not pv, pp, se, ue, tr or ti");
        return false;
    }
    hit->kind = type->kind;
    hit->facts->name = hit->notes[SDK_ACTION];
    if (type->name != NULL)
        hit->facts->name = str_of(type->name);
    take_context(hit);
    take_lateness(hit);
    if (str_eq(hit->notes[SDK_TYPE], STR("ue")))
        return take_event(hit, e);
    if (hit->kind == EVENT_EVENT && hit->facts->name.n == 0) {
        err_set(e, ERR_INPUT, "se_ac, the action of the event, is missing");
        return false;
    }
    return true;
}

/* The first that is there says it; without any it is a page view. */
static const struct {
    enum sdk_note note;
    enum event_kind kind;
    const char *name; /* NULL: the note itself */
} actions[] = {
    { SDK_HEARTBEAT, EVENT_PING, "" },          { SDK_ACTION, EVENT_EVENT, NULL },
    { SDK_DOWNLOAD, EVENT_EVENT, "download" },  { SDK_LINK, EVENT_EVENT, "outbound" },
    { SDK_SEARCH, EVENT_EVENT, "search" },      { SDK_INTERACTED, EVENT_EVENT, "click" },
    { SDK_CONTENT, EVENT_EVENT, "impression" }, { SDK_ORDER, EVENT_EVENT, "order" },
    { SDK_CART, EVENT_EVENT, "cart" },          { SDK_GOAL, EVENT_EVENT, "goal" },
};

static bool end_matomo(struct sdk_hit *hit, struct err *e)
{
    if (!str_eq(hit->notes[SDK_RECORD], STR("1"))) {
        err_set(e, ERR_INPUT, "rec is not 1");
        return false;
    }
    if (str_eq(hit->notes[SDK_GOAL],
               STR("0"))) /* which is the shop; with a number it is an order */
        hit->notes[SDK_CART] = hit->notes[SDK_GOAL];
    hit->kind = EVENT_VIEW;
    for (size_t i = 0; i < COUNT(actions); i++) {
        if (hit->notes[actions[i].note].n == 0)
            continue;
        hit->kind = actions[i].kind;
        hit->facts->name =
            actions[i].name == NULL ? hit->notes[actions[i].note] : str_of(actions[i].name);
        break;
    }
    return true;
}

bool sdk_end(struct sdk_hit *hit, struct err *e)
{
    return hit->protocol == SDK_SNOWPLOW ? end_snowplow(hit, e) : end_matomo(hit, e);
}
