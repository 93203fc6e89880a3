/* codec: whatever comes in, one line of valid JSON within its bounds comes out. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"
#include "model/codec.h"
#include "model/facts.h"
#include "model/geo.h"

#define TS 1795442709123ll /* 2026-11-23T14:05:09.123Z */

static char line_bytes[EVENT_LINE_BYTES_MAX];

static struct event minimal(void)
{
    struct event event = {
        .ts_ms = TS, .instance = STR("k3f9a2b1c4d5"), .worker = 0, .seq = 1, .kind = EVENT_VIEW
    };

    event.facts.sw = event.facts.sh = -1;
    return event;
}

static struct str encode(const struct event *event)
{
    struct buf b = buf_over(line_bytes, sizeof line_bytes);

    codec_add_line(&b, event);
    cr_assert_not(b.full);
    return buf_str(&b);
}

static void expect_line(const struct event *event, const char *want)
{
    struct str line = encode(event);

    cr_expect(str_eq(line, str_of(want)), "\n%.*swanted\n%s", STR_ARG(line), want);
}

/* The field's text, unescaped; absent if it is not in the line. */
static struct str field(struct str line, const char *key)
{
    static char memory[EVENT_LINE_BYTES_MAX];
    struct buf b = buf_over(memory, sizeof memory);
    struct json_field found;

    if (!json_find(str_from(line.p, line.n - 1), str_of(key), &found))
        return STR_ABSENT;
    if (found.type != JSON_STRING)
        return found.value;
    cr_assert(json_unescape(&b, found.value));
    return buf_str(&b);
}

static void expect_field(struct str line, const char *key, const char *want)
{
    struct str got = field(line, key);

    if (want == NULL)
        cr_expect(got.p == NULL, "%s is \"%.*s\" in %.*s", key, STR_ARG(got), STR_ARG(line));
    else
        cr_expect(str_eq(got, str_of(want)), "%s is \"%.*s\" instead of \"%s\"", key, STR_ARG(got),
                  want);
}

/* A line that every reader takes: one object, fields in the table's order, no control bytes. */
static void expect_sound(struct str line)
{
    size_t count, at = 0;
    const struct codec_field *fields = codec_fields(&count);
    struct json_scan scan, map;
    struct json_field f, param;
    int more;

    cr_assert(line.n > 0 && line.n <= EVENT_LINE_BYTES_MAX);
    cr_assert_eq(line.p[line.n - 1], '\n');
    line.n--;
    cr_assert(utf8_valid(line));
    for (size_t i = 0; i < line.n; i++)
        cr_assert((unsigned char)line.p[i] >= 0x20 && line.p[i] != 0x7F);
    json_scan_begin(&scan, line);
    while ((more = json_scan_next(&scan, &f)) == 1) {
        while (at < count && !str_eq(f.key, str_of(fields[at].name)))
            at++;
        cr_assert(at < count, "%.*s is not in the table or not in its place", STR_ARG(f.key));
        if (fields[at].max_bytes > 0)
            cr_assert_leq(f.value.n, fields[at].max_bytes, "%s takes %zu bytes", fields[at].name,
                          f.value.n);
        if (fields[at].type != CODEC_MAP)
            continue;
        json_scan_begin(&map, f.value);
        while ((more = json_scan_next(&map, &param)) == 1)
            cr_assert_eq(param.type, JSON_STRING);
        cr_assert_eq(more, 0);
    }
    cr_assert_eq(more, 0, "not an object: %.*s", STR_ARG(line));
}

Test(codec, what_is_absent_is_left_out)
{
    struct event event = minimal();

    expect_line(&event, "{\"v\":1,\"ts\":\"2026-11-23T14:05:09.123Z\",\"id\":\"k3f9a2b1c4d5-0-1\","
                        "\"kind\":\"view\"}\n");
}

Test(codec, empty_texts_are_left_out)
{
    struct event event = minimal();

    event.facts.site = event.facts.url = event.facts.ref = event.facts.title = STR("");
    event.facts.lang = event.facts.pv = event.ua = event.vid = event.uid = event.geo = STR("");
    expect_line(&event, "{\"v\":1,\"ts\":\"2026-11-23T14:05:09.123Z\",\"id\":\"k3f9a2b1c4d5-0-1\","
                        "\"kind\":\"view\"}\n");
}

Test(codec, a_full_event_has_every_field_in_order)
{
    struct event event = minimal();
    size_t count;
    const struct codec_field *fields = codec_fields(&count);
    struct str line;

    event.worker = 1;
    event.seq = 18446744073709551615u;
    event.kind = EVENT_EVENT;
    event.facts = (struct facts){
        .site = STR("shop"),
        .name = STR("buy"),
        .url = STR("https://user:word@Shop.Example:8443/a/b%20c?x=1&utm_source=news+letter&"
                   "utm_medium=e%2Dmail&utm_campaign=c&utm_term=t&utm_content=co#top"),
        .ref = STR("http://WWW.Search.example/?q=x"),
        .title = STR("T\xC3\xBC\"r\\"),
        .lang = STR("de-DE"),
        .pv = STR("p-1"),
        .sw = 1920,
        .sh = 0,
        .params = { { STR("colour"), STR("red") }, { STR("empty"), STR("") } },
        .params_count = 2,
    };
    event.vid = STR("AAAAAAAAAAAAAAAAAAAAAA");
    event.vid_new = true;
    event.uid = STR("u1");
    cr_assert(ip_parse(STR("2001:db8::1"), &event.ip));
    event.geo =
        STR("\"country\":\"DE\",\"region\":\"BE\",\"city\":\"Berlin\",\"lat\":52.5,\"lon\":-13."
            "4,\"tz\":\"Europe/Berlin\",\"asn\":64500,\"as_org\":\"Net\"");
    event.ua = STR("Mozilla/5.0");
    event.gpc = true;
    event.prefetch = true;

    expect_line(
        &event,
        "{\"v\":1,\"ts\":\"2026-11-23T14:05:09.123Z\",\"id\":\"k3f9a2b1c4d5-1-"
        "18446744073709551615\","
        "\"kind\":\"event\",\"site\":\"shop\",\"vid\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"vid_new\":true,"
        "\"uid\":\"u1\",\"pv\":\"p-1\",\"ip\":\"2001:db8::1\",\"country\":\"DE\",\"region\":\"BE\","
        "\"city\":\"Berlin\",\"lat\":52.5,\"lon\":-13.4,\"tz\":\"Europe/Berlin\",\"asn\":64500,"
        "\"as_org\":\"Net\",\"url\":\"https://Shop.Example:8443/a/"
        "b%20c?x=1&utm_source=news+letter&utm_medium=e%2Dmail&utm_campaign=c&utm_term=t&utm_"
        "content="
        "co#top\",\"host\":\"shop.example\",\"path\":\"/a/"
        "b%20c\",\"query\":\"x=1&utm_source=news+letter&utm_medium=e%2Dmail&utm_campaign=c&utm_"
        "term="
        "t&utm_content=co\",\"ref\":\"http://WWW.Search.example/"
        "?q=x\",\"ref_host\":\"www.search.example\",\"title\":\"T\xC3\xBC\\\"r\\\\\",\"ua\":"
        "\"Mozilla/"
        "5.0\",\"lang\":\"de-DE\",\"sw\":1920,\"sh\":0,\"utm_source\":\"news "
        "letter\",\"utm_medium\":"
        "\"e-mail\",\"utm_campaign\":\"c\",\"utm_term\":\"t\",\"utm_content\":\"co\",\"gpc\":true,"
        "\"purpose\":\"prefetch\",\"name\":\"buy\",\"params\":{\"colour\":\"red\",\"empty\":\"\"}}"
        "\n");
    line = encode(&event);
    expect_sound(line);
    for (size_t i = 0; i < count; i++)
        cr_expect(field(line, fields[i].name).p != NULL, "%s is missing", fields[i].name);
}

Test(codec, kinds_and_names)
{
    static const struct {
        enum event_kind kind;
        const char *text, *name;
    } rows[] = {
        { EVENT_VIEW, "view", NULL },  { EVENT_EVENT, "event", "n" }, { EVENT_OPEN, "open", "n" },
        { EVENT_CLICK, "click", "n" }, { EVENT_PING, "ping", "n" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event = minimal();

        event.kind = rows[i].kind;
        event.facts.name = STR("n");
        expect_field(encode(&event), "kind", rows[i].text);
        expect_field(encode(&event), "name", rows[i].name);
    }
}

Test(codec, url_parts)
{
    static const struct {
        const char *url, *stored, *host, *path, *query;
    } rows[] = {
        { "https://a.b/", "https://a.b/", "a.b", "/", NULL },
        { "https://a.b", "https://a.b", "a.b", "/", NULL },
        { "https://a.b?x", "https://a.b?x", "a.b", "/", "x" },
        { "https://a.b#f?x", "https://a.b#f?x", "a.b", "/", NULL },
        { "https://a.b/p?", "https://a.b/p?", "a.b", "/p", NULL },
        { "https://a.b/p?q?r#s#t", "https://a.b/p?q?r#s#t", "a.b", "/p", "q?r" },
        { "HTTP://A.B:80/P", "HTTP://A.B:80/P", "a.b", "/P", NULL },
        { "https://[2001:DB8::1]:443/x", "https://[2001:DB8::1]:443/x", "[2001:db8::1]", "/x",
          NULL },
        { "https://[2001:DB8::1", "https://[2001:DB8::1", "[2001:db8::1", "/", NULL },
        { "https://u@a.b/", "https://a.b/", "a.b", "/", NULL },
        { "https://u:p@a.b:1/@x", "https://a.b:1/@x", "a.b", "/@x", NULL },
        { "https://u@v@a.b/", "https://a.b/", "a.b", "/", NULL },
        { "https://a.b/x@y", "https://a.b/x@y", "a.b", "/x@y", NULL },
        { "https://a.b\\@c.d/", "https://a.b\\@c.d/", "a.b", "\\@c.d/", NULL },
        { "https://u:p@", "https://", NULL, NULL, NULL },
        { "https://", "https://", NULL, NULL, NULL },
        { "https:///p", "https:///p", NULL, NULL, NULL },
        { "https:/a.b/", "https:/a.b/", NULL, NULL, NULL },
        { "ftp://u:p@a.b/x?y", "ftp://a.b/x?y", NULL, NULL, NULL },
        { "//u:p@a.b/x", "//a.b/x", NULL, NULL, NULL },
        { "app://a.b/", "app://a.b/", NULL, NULL, NULL },
        { "file:///etc/x", "file:///etc/x", NULL, NULL, NULL },
        { "about:blank", "about:blank", NULL, NULL, NULL },
        { "javascript:alert(1)//u@x", "javascript:alert(1)//u@x", NULL, NULL, NULL },
        { "/path?x", "/path?x", NULL, NULL, NULL },
        { "a b://c@d", "a b://c@d", NULL, NULL, NULL },
        { ":", ":", NULL, NULL, NULL },
        { "?", "?", NULL, NULL, NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event = minimal();
        struct str line;

        event.facts.url = event.facts.ref = str_of(rows[i].url);
        line = encode(&event);
        expect_field(line, "url", rows[i].stored);
        expect_field(line, "host", rows[i].host);
        expect_field(line, "path", rows[i].path);
        expect_field(line, "query", rows[i].query);
        expect_field(line, "ref", rows[i].stored);
        expect_field(line, "ref_host", rows[i].host);
    }
}

Test(codec, campaign_fields)
{
    static const struct {
        const char *query, *source, *term;
    } rows[] = {
        { "utm_source=a&utm_term=b", "a", "b" },
        { "utm_source=&utm_term", NULL, NULL },
        { "utm_source=&utm_source=a", "a", NULL },
        { "utm_source=a&utm_source=b", "a", NULL },
        { "UTM_SOURCE=a&xutm_term=b", NULL, NULL },
        { "utm_source=a%26b%3Dc+d", "a&b=c d", NULL },
        { "utm_source=%", "%", NULL },
        { "utm_sourcex=a&utm_=b&utm_ter=c", NULL, NULL },
        { "&&utm_term=t", NULL, "t" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event = minimal();
        char url[128];
        struct buf b = buf_over(url, sizeof url);
        struct str line;

        buf_addf(&b, "https://a/?%s", rows[i].query);
        event.facts.url = buf_str(&b);
        line = encode(&event);
        expect_field(line, "utm_source", rows[i].source);
        expect_field(line, "utm_term", rows[i].term);
    }
}

Test(codec, what_is_not_text_becomes_text)
{
    struct event event = minimal();
    struct str line;

    event.facts.title = STR("a\0b\xFF\xC3(\xED\xA0\x80\x1B[31m\x7F\xC2\x9B");
    line = encode(&event);
    expect_sound(line);
    cr_expect(str_eq(field(line, "title"),
                     STR("a\0b\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x1B["
                         "31m\x7F\xC2\x9B")));
}

Test(codec, long_texts_are_cut_at_a_character)
{
    static const struct {
        const char *unit;
        size_t bytes;
    } rows[] = {
        { "a", 512 },            /* itself */
        { "\xC3\xBC", 512 },     /* 2 bytes: 256 of them */
        { "\xE2\x82\xAC", 510 }, /* 3 bytes: 170 */
        { "\xF0\x9F\x98\x80", 512 },
        { "\"", 512 },   /* escapes of 2: 256 */
        { "\x01", 510 }, /* escapes of 6: 85 */
        { "\xFF", 510 }, /* U+FFFD, 3 bytes: 170 */
        { "ab\x01", 512 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static char title[4096];
        struct buf b = buf_over(title, sizeof title);
        struct event event = minimal();
        struct json_field f;
        struct str line;

        while (b.n + 4 <= sizeof title)
            buf_add_str(&b, str_of(rows[i].unit));
        event.facts.title = buf_str(&b);
        line = encode(&event);
        expect_sound(line);
        cr_assert(json_find(str_from(line.p, line.n - 1), STR("title"), &f));
        cr_expect_eq(f.value.n, rows[i].bytes, "row %zu: %zu bytes", i, f.value.n);
    }
}

/* Every field at its worst: each byte takes as many as it can. */
static void fill_worst(struct event *event, const char *memory, size_t n)
{
    static const char geo[GEO_JSON_BYTES_MAX + 1] = "\"as_org\":\"";
    struct str worst = str_from(memory, n);

    event->instance = STR("zzzzzzzzzzzz");
    event->worker = UINT32_MAX;
    event->seq = UINT64_MAX;
    event->kind = EVENT_EVENT;
    event->facts.site = event->facts.name = event->facts.ref = worst;
    event->facts.title = event->facts.lang = event->facts.pv = worst;
    event->facts.url = worst;
    event->facts.sw = event->facts.sh = 100000;
    event->vid = event->uid = event->ua = worst;
    event->vid_new = event->gpc = event->prefetch = true;
    cr_assert(ip_parse(STR("2001:db8:1111:2222:3333:4444:5555:6666"), &event->ip));
    event->geo = str_from(geo, sizeof geo - 1);
    event->facts.params_count = EVENT_PARAMS_MAX;
    for (unsigned i = 0; i < EVENT_PARAMS_MAX; i++)
        event->facts.params[i] =
            (struct event_param){ str_from(memory, FACTS_PARAM_KEY_BYTES_MAX),
                                  str_from(memory, FACTS_PARAM_VALUE_BYTES_MAX) };
}

Test(codec, the_worst_event_fits)
{
    static const char *const units[] = {
        "\x01", "\"", "a", "\xFF", "\xC2\x9B", "\xF0\x9F\x98\x80"
    };
    static char memory[16384];

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct buf b = buf_over(memory, sizeof memory), line;
        struct event event = minimal();
        unsigned left_out;

        /* A URL that has all parts, each longer than its limit. */
        buf_add_lit(&b, "https://");
        while (b.n < 600)
            buf_add_str(&b, str_of(units[i]));
        buf_add_char(&b, '/');
        while (b.n < 3000)
            buf_add_str(&b, str_of(units[i]));
        buf_add_char(&b, '?');
        for (int utm = 0; utm < 5; utm++) {
            static const char *const keys[] = { "source", "medium", "campaign", "term", "content" };

            buf_addf(&b, "utm_%s=", keys[utm]);
            for (int n = 0; n < 600; n++)
                buf_add_str(&b, str_of(units[i]));
            buf_add_char(&b, '&');
        }
        while (b.n + 4 <= sizeof memory)
            buf_add_str(&b, str_of(units[i]));
        fill_worst(&event, memory, b.n);
        line = buf_over(line_bytes, sizeof line_bytes);
        left_out = codec_add_line(&line, &event);
        cr_assert_not(line.full, "unit %zu", i);
        cr_assert_leq(line.n, EVENT_LINE_BYTES_MAX);
        cr_expect_eq(line.p[line.n - 1], '\n');
        cr_expect_eq(line.p[line.n - 2], '}');
        cr_expect_gt(line.n, 8000, "unit %zu is not the worst: %zu bytes", i, line.n);
        cr_expect_gt(left_out, 0);
    }
}

/* Sum of all limits and not only of one event's: the number in the table is what is reserved. */
Test(codec, limits_of_all_fields_fit_together)
{
    size_t count, sum = 3;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++) {
        cr_expect(fields[i].type != CODEC_STRING || fields[i].max_bytes > 0, "%s", fields[i].name);
        cr_expect_gt(strlen(fields[i].sentence), 10);
        sum +=
            strlen(fields[i].name) + 4 + (fields[i].max_bytes > 0 ? fields[i].max_bytes + 2 : 26);
    }
    cr_expect_leq(sum, EVENT_LINE_BYTES_MAX);
}

Test(codec, params_that_do_not_fit_are_counted)
{
    static char value[512];
    struct event event = minimal();
    struct buf b = buf_over(line_bytes, sizeof line_bytes);
    unsigned left_out, kept = 0;
    struct json_field f;
    struct json_scan scan;

    memset(value, 'v', sizeof value);
    event.facts.params_count = EVENT_PARAMS_MAX;
    for (unsigned i = 0; i < EVENT_PARAMS_MAX; i++)
        event.facts.params[i] =
            (struct event_param){ str_from("abcdefghijklmnopqrstuvwxyz012345" + i, 1),
                                  str_from(value, sizeof value) };
    left_out = codec_add_line(&b, &event);
    cr_assert(json_find(str_from(b.p, b.n - 1), STR("params"), &f));
    json_scan_begin(&scan, f.value);
    while (json_scan_next(&scan, &f) == 1)
        kept++;
    cr_expect_eq(kept, 7); /* 7 * (1 + 512 + 6) + 1 < 4096 */
    cr_expect_eq(left_out, EVENT_PARAMS_MAX - kept);
    expect_sound(buf_str(&b));
}

Test(codec, random_events_are_sound_and_repeatable)
{
    static const char alphabet[] =
        "https://a.b:80/@?#&=utm_source=%41%ff+\"\\\xff\xc3\xbc\xed\xa0\x80\x01\0\x1b\xc2\x85";
    unsigned seed = 3;

    for (int round = 0; round < 4000; round++) {
        static char text[8192], again[EVENT_LINE_BYTES_MAX];
        struct event event = minimal();
        struct str *const texts[] = { &event.facts.site, &event.facts.name,  &event.facts.url,
                                      &event.facts.ref,  &event.facts.title, &event.facts.lang,
                                      &event.facts.pv,   &event.vid,         &event.uid,
                                      &event.ua };
        struct buf b = buf_over(again, sizeof again);
        struct str line;

        for (size_t i = 0; i < sizeof text; i++)
            text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            size_t at = (size_t)rand_r(&seed) % sizeof text;

            *texts[i] = str_from(text + at, (size_t)rand_r(&seed) % (sizeof text - at));
        }
        if (round % 2 == 0) {
            memcpy(text, "http://x", 8);
            event.facts.url = str_from(text, (size_t)rand_r(&seed) % sizeof text);
        }
        event.kind = (enum event_kind)(round % 5);
        event.facts.params_count = (unsigned)rand_r(&seed) % (EVENT_PARAMS_MAX + 1);
        for (unsigned i = 0; i < event.facts.params_count; i++)
            event.facts.params[i] = (struct event_param){
                str_from(text + 100 * i, 1 + (size_t)rand_r(&seed) % FACTS_PARAM_KEY_BYTES_MAX),
                str_from(text + 200 * i, (size_t)rand_r(&seed) % FACTS_PARAM_VALUE_BYTES_MAX)
            };
        line = encode(&event);
        expect_sound(line);
        codec_add_line(&b, &event);
        cr_assert(str_eq(line, buf_str(&b)));
    }
}
