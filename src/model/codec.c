/*
 * codec.c - an event as one stored line. See codec.h for the contract and fields.h for the table.
 *
 * Called by collect.c for every hit, so nothing here allocates, prints with a format or looks at a
 * byte of the url more than twice. Always true: the line is one JSON object in valid UTF-8 without
 * control characters, ended by one newline; its fields stand in the table's order; user name and
 * password of a URL are in no field.
 */
#include "model/codec.h"

#include "base/date.h"
#include "base/utf8.h"
#include "fields.h"

#define PARAM_KEY_BYTES_MAX   384 /* 64 bytes from facts.c when each needs an escape of 6 */
#define PARAM_VALUE_BYTES_MAX 512

/* ---- the parts of a URL ---------------------------------------------------------------------- */

/*
 * "https://user:word@Shop.example:8443/a/b?x=1#top"
 *  \origin/          \rest                                what is stored: origin and rest
 *                    \host......     \path\query
 */
struct url {
    struct str origin; /* scheme and "//"; the whole text when there is no "//" */
    struct str rest;
    struct str host; /* these three only for http and https; absent when empty */
    struct str path;
    struct str query;
};

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How long the scheme with its colon is, or 0. RFC 3986 section 3.1. */
static size_t scheme_bytes(struct str s)
{
    if (s.n == 0 || !is_alpha(s.p[0]))
        return 0;
    for (size_t i = 1; i < s.n; i++) {
        char c = s.p[i];

        if (c == ':')
            return i + 1;
        if (!is_alpha(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')
            return 0;
    }
    return 0;
}

/* Where the authority ends; browsers end it at a backslash too (WHATWG URL, "special authority"). */
static size_t authority_bytes(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#' && s.p[n] != '\\')
        n++;
    return n;
}

static size_t userinfo_bytes(struct str authority)
{
    const char *at = authority.n > 0 ? memrchr(authority.p, '@', authority.n) : NULL;

    return at == NULL ? 0 : (size_t)(at - authority.p) + 1;
}

static struct str without_port(struct str authority)
{
    size_t end;

    if (authority.n > 0 && authority.p[0] == '[') {
        end = str_find(authority, ']', 0);
        return str_from(authority.p, end < authority.n ? end + 1 : end);
    }
    return str_from(authority.p, str_find(authority, ':', 0));
}

static struct str absent_if_empty(struct str s)
{
    return s.n == 0 ? STR_ABSENT : s;
}

static void split_path(struct url *url, struct str s)
{
    size_t hash = str_find(s, '#', 0);
    size_t mark;

    s.n = hash;
    mark = str_find(s, '?', 0);
    url->path = mark == 0 ? STR("/") : str_from(s.p, mark);
    if (mark < s.n)
        url->query = absent_if_empty(str_from(s.p + mark + 1, s.n - mark - 1));
}

static struct url url_split(struct str s)
{
    struct url url = { s, STR_ABSENT, STR_ABSENT, STR_ABSENT, STR_ABSENT };
    struct str scheme, after;
    size_t authority, userinfo;

    if (s.p == NULL)
        return url;
    scheme = str_from(s.p, scheme_bytes(s));
    after = str_from(s.p + scheme.n, s.n - scheme.n);
    if (!str_starts(after, STR("//")))
        return url;
    url.origin.n = scheme.n + 2;
    url.rest = str_from(after.p + 2, after.n - 2);
    authority = authority_bytes(url.rest);
    userinfo = userinfo_bytes(str_from(url.rest.p, authority));
    url.rest.p += userinfo;
    url.rest.n -= userinfo;
    authority -= userinfo;
    if (!str_eq_nocase(scheme, STR("https:")) && !str_eq_nocase(scheme, STR("http:")))
        return url;
    url.host = absent_if_empty(without_port(str_from(url.rest.p, authority)));
    if (url.host.p != NULL)
        split_path(&url, str_from(url.rest.p + authority, url.rest.n - authority));
    return url;
}

void codec_url_parts(struct str url, struct str *host, struct str *path)
{
    struct url parts = url_split(url);

    *host = parts.host;
    *path = parts.path;
}

static void add_url(struct buf *b, const char *key, size_t key_bytes, const struct url *url,
                    size_t max_bytes)
{
    size_t start;

    if (url->origin.n == 0)
        return;
    buf_add(b, key, key_bytes);
    buf_add_char(b, '"');
    start = b->n;
    field_add_text(b, url->origin, max_bytes);
    field_add_text(b, url->rest, max_bytes - (b->n - start));
    buf_add_char(b, '"');
}

static void add_host(struct buf *b, const char *key, size_t key_bytes, struct str host)
{
    char lower[field_max_HOST];
    size_t n = host.n < sizeof lower ? host.n : sizeof lower;

    if (host.p == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        lower[i] = host.p[i];
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] + ('a' - 'A'));
    }
    field_add_string_(b, key, key_bytes, utf8_cut(str_from(lower, n), n), field_max_HOST);
}

/* ---- campaign parameters --------------------------------------------------------------------- */

enum utm { UTM_SOURCE, UTM_MEDIUM, UTM_CAMPAIGN, UTM_TERM, UTM_CONTENT, UTM_COUNT };

static const struct str utm_names[UTM_COUNT] = {
    [UTM_SOURCE] = { "source", 6 },     [UTM_MEDIUM] = { "medium", 6 },
    [UTM_CAMPAIGN] = { "campaign", 8 }, [UTM_TERM] = { "term", 4 },
    [UTM_CONTENT] = { "content", 7 },
};

static void find_utm(struct str query, struct str values[UTM_COUNT])
{
    struct str pair;

    for (int i = 0; i < UTM_COUNT; i++)
        values[i] = STR_ABSENT;
    while ((pair = str_cut(&query, '&')).p != NULL) {
        struct str key;

        if (!str_starts(pair, STR("utm_")))
            continue;
        key = str_cut(&pair, '=');
        for (int i = 0; i < UTM_COUNT; i++) {
            if (values[i].p == NULL && str_eq(str_from(key.p + 4, key.n - 4), utm_names[i]))
                values[i] = absent_if_empty(pair);
        }
    }
}

static void add_utm(struct buf *b, const char *key, size_t key_bytes, struct str encoded)
{
    char memory[3 * field_max_UTM_SOURCE];
    struct buf decoded = buf_over(memory, sizeof memory);

    if (encoded.p == NULL)
        return;
    /* Three times the limit decodes to the limit at least; an escape cut in two lies beyond it. */
    if (encoded.n > sizeof memory)
        encoded.n = sizeof memory;
    percent_decode(&decoded, encoded, true);
    field_add_string_(b, key, key_bytes, buf_str(&decoded), field_max_UTM_SOURCE);
}

#define add_utm_field(b, id, value) add_utm((b), field_key_##id, sizeof field_key_##id - 1, (value))

/* ---- the line -------------------------------------------------------------------------------- */

static const struct str kinds[] = {
    [EVENT_VIEW] = { "view", 4 },   [EVENT_EVENT] = { "event", 5 }, [EVENT_OPEN] = { "open", 4 },
    [EVENT_CLICK] = { "click", 5 }, [EVENT_PING] = { "ping", 4 },
};

static void add_id(struct buf *b, const struct event *event)
{
    field_add_key(b, ID);
    buf_add_char(b, '"');
    buf_add_str(b, event->instance);
    buf_add_char(b, '-');
    buf_add_u64(b, event->worker);
    buf_add_char(b, '-');
    buf_add_u64(b, event->seq);
    buf_add_char(b, '"');
}

/* All hits of a loop turn have the same time, so a thread keeps the text of its last one. */
static void add_ts(struct buf *b, int64_t ts_ms)
{
    static _Thread_local struct {
        int64_t ms;
        char text[DATE_RFC3339_BYTES];
        bool filled;
    } last;

    if (!last.filled || last.ms != ts_ms) {
        struct buf text = buf_over(last.text, sizeof last.text);

        date_add_rfc3339(&text, ts_ms);
        last.ms = ts_ms;
        last.filled = !text.full;
    }
    field_add_key(b, TS);
    buf_add_char(b, '"');
    buf_add(b, last.text, sizeof last.text);
    buf_add_char(b, '"');
}

static void add_who(struct buf *b, const struct event *event)
{
    buf_add_lit(b, "{\"v\":1");
    add_ts(b, event->ts_ms);
    add_id(b, event);
    field_add_string(b, KIND, kinds[event->kind]);
    field_add_string(b, SITE, event->facts.site);
    field_add_string(b, VID, event->vid);
    if (event->vid_new) {
        field_add_key(b, VID_NEW);
        buf_add_lit(b, "true");
    }
    field_add_string(b, UID, event->uid);
    field_add_string(b, PV, event->facts.pv);
}

static void add_where(struct buf *b, const struct event *event)
{
    if (event->ip.family != 0) {
        field_add_key(b, IP);
        buf_add_char(b, '"');
        ip_add(b, &event->ip);
        buf_add_char(b, '"');
    }
    if (event->geo.n > 0) {
        buf_add_char(b, ',');
        buf_add_str(b, event->geo);
    }
}

static void add_page(struct buf *b, const struct facts *facts, const struct url *url)
{
    struct url ref = url_split(facts->ref);

    add_url(b, field_key_URL, sizeof field_key_URL - 1, url, field_max_URL);
    add_host(b, field_key_HOST, sizeof field_key_HOST - 1, url->host);
    field_add_string(b, PATH, url->path);
    field_add_string(b, QUERY, url->query);
    add_url(b, field_key_REF, sizeof field_key_REF - 1, &ref, field_max_REF);
    add_host(b, field_key_REF_HOST, sizeof field_key_REF_HOST - 1, ref.host);
    field_add_string(b, TITLE, facts->title);
}

static void add_browser(struct buf *b, const struct event *event)
{
    field_add_string(b, UA, event->ua);
    field_add_string(b, LANG, event->facts.lang);
    if (event->facts.sw >= 0) {
        field_add_key(b, SW);
        buf_add_i64(b, event->facts.sw);
    }
    if (event->facts.sh >= 0) {
        field_add_key(b, SH);
        buf_add_i64(b, event->facts.sh);
    }
}

static void add_campaign(struct buf *b, struct str query)
{
    struct str values[UTM_COUNT];

    if (query.p == NULL)
        return;
    find_utm(query, values);
    add_utm_field(b, UTM_SOURCE, values[UTM_SOURCE]);
    add_utm_field(b, UTM_MEDIUM, values[UTM_MEDIUM]);
    add_utm_field(b, UTM_CAMPAIGN, values[UTM_CAMPAIGN]);
    add_utm_field(b, UTM_TERM, values[UTM_TERM]);
    add_utm_field(b, UTM_CONTENT, values[UTM_CONTENT]);
}

static void add_signals(struct buf *b, const struct event *event)
{
    if (event->gpc) {
        field_add_key(b, GPC);
        buf_add_lit(b, "true");
    }
    if (event->prefetch)
        field_add_string(b, PURPOSE, STR("prefetch"));
    if (event->kind != EVENT_VIEW)
        field_add_string(b, NAME, event->facts.name);
}

static void add_param(struct buf *b, const struct event_param *param)
{
    buf_add_char(b, '"');
    field_add_text(b, param->key, PARAM_KEY_BYTES_MAX);
    buf_add_lit(b, "\":\"");
    field_add_text(b, param->value, PARAM_VALUE_BYTES_MAX);
    buf_add_char(b, '"');
}

/* Returns how many of them the limit of the field left out. */
static unsigned add_params(struct buf *b, const struct facts *facts)
{
    size_t start;

    if (facts->params_count == 0)
        return 0;
    field_add_key(b, PARAMS);
    start = b->n;
    buf_add_char(b, '{');
    for (unsigned i = 0; i < facts->params_count; i++) {
        size_t mark = b->n;

        if (i > 0)
            buf_add_char(b, ',');
        add_param(b, &facts->params[i]);
        if (b->full || b->n - start >= field_max_PARAMS) {
            buf_rewind(b, mark);
            buf_add_char(b, '}');
            return facts->params_count - i;
        }
    }
    buf_add_char(b, '}');
    return 0;
}

unsigned codec_add_line(struct buf *b, const struct event *event)
{
    struct url url = url_split(event->facts.url);
    unsigned left_out;

    add_who(b, event);
    add_where(b, event);
    add_page(b, &event->facts, &url);
    add_browser(b, event);
    add_campaign(b, url.query);
    add_signals(b, event);
    left_out = add_params(b, &event->facts);
    buf_add_lit(b, "}\n");
    return left_out;
}
