/*
 * live_page.c - see live_page.h for the contract. Called by ep_live.c.
 *
 * A table is a function that adds rows; where they go to, HTML or JSON, is the sink's matter, and so
 * is escaping. A table's head, its words and its place on the page are in src/web/live.html. What must
 * be true: text from a hit is only ever added with cell_text().
 */
#include "server/live_page.h"

#include <assert.h>

#include "base/date.h"
#include "base/json.h"
#include "server/page.h"
#include "web/live.css.h"
#include "web/live.html.h"
#include "web/live.js.h"
#include "web/report.css.h"
#include "web/report.js.h"

#define CHART_LABELS 5
#define GRID_LINES   4
#define CHART_BYTES  3072

/* ---- where rows go ---------------------------------------------------------------------------- */

struct sink {
    struct buf *b;
    bool json;
    unsigned rows, cells; /* so far */
    size_t row_start;
};

static void row_begin(struct sink *s)
{
    s->row_start = s->b->n;
    s->cells = 0;
    if (s->json)
        buf_add_str(s->b, s->rows > 0 ? STR(",[") : STR("["));
    else
        buf_add_lit(s->b, "<tr>");
}

/* A row without room for all of it is taken back. */
static void row_end(struct sink *s)
{
    buf_add_str(s->b, s->json ? STR("]") : STR("</tr>"));
    if (s->b->full)
        buf_rewind(s->b, s->row_start);
    else
        s->rows++;
}

static void cell_begin(struct sink *s, const char *attributes)
{
    if (s->json)
        buf_add_str(s->b, s->cells > 0 ? STR(",") : STR(""));
    else if (s->cells == 0)
        buf_add_lit(s->b, "<th scope=\"row\">");
    else
        buf_addf(s->b, "<td%s>", attributes);
}

static void cell_end(struct sink *s)
{
    if (!s->json)
        buf_add_str(s->b, s->cells == 0 ? STR("</th>") : STR("</td>"));
    s->cells++;
}

static void cell_text(struct sink *s, struct str text)
{
    cell_begin(s, "");
    if (s->json)
        json_add_string(s->b, text);
    else
        page_add_escaped(s->b, text);
    cell_end(s);
}

/* 1,234,567 */
static void add_count(struct buf *b, uint64_t n)
{
    if (n >= 1000) {
        add_count(b, n / 1000);
        buf_add_char(b, ',');
        buf_add_u64_padded(b, n % 1000, 3);
    } else {
        buf_add_u64(b, n);
    }
}

static void cell_count(struct sink *s, uint64_t n)
{
    cell_begin(s, " class=\"n\"");
    buf_add_str(s->b, s->json ? STR("\"") : STR(""));
    add_count(s->b, n);
    buf_add_str(s->b, s->json ? STR("\"") : STR(""));
    cell_end(s);
}

static void cell_bar(struct sink *s, uint64_t part, uint64_t whole)
{
    double share = whole == 0 ? 0 : 100.0 * (double)part / (double)whole;

    cell_begin(s, " class=\"bar\"");
    if (s->json)
        buf_addf(s->b, "\"%.1f%%\"", share);
    else
        buf_addf(s->b, "<svg aria-hidden=\"true\"><rect width=\"%.1f%%\" height=\"100%%\"/></svg>",
                 share);
    cell_end(s);
}

/* 14:05 or 14:05:09, UTC */
static void add_time(struct buf *b, int64_t ms, bool seconds)
{
    struct date d = date_of_ms(ms);

    buf_add_u64_padded(b, (uint64_t)d.hour, 2);
    buf_add_char(b, ':');
    buf_add_u64_padded(b, (uint64_t)d.minute, 2);
    if (!seconds)
        return;
    buf_add_char(b, ':');
    buf_add_u64_padded(b, (uint64_t)d.second, 2);
}

static void cell_time(struct sink *s, int64_t ms, bool seconds)
{
    char memory[16];
    struct buf b = buf_over(memory, sizeof memory);

    add_time(&b, ms, seconds);
    cell_text(s, buf_str(&b));
}

/* ---- cards ------------------------------------------------------------------------------------ */

enum unit { COUNT, RATE, AT_LEAST };

struct card {
    const char *title;
    enum unit unit;
    double rate;
    uint64_t count;
};

#define CARDS 10

static void find_cards(struct card cards[CARDS], const struct live_figures *f)
{
    enum unit visitors = f->visitors_is_exact ? COUNT : AT_LEAST;
    const struct card all[CARDS] = {
        { "Visitors, 5 minutes", visitors, 0, f->visitors_now },
        { "Visitors", visitors, 0, f->visitors },
        { "Views", COUNT, 0, f->views },
        { "Events", COUNT, 0, f->events },
        { "Hits", COUNT, 0, f->hits },
        { "Views a second", RATE, f->views_a_second, 0 },
        { "Hits a second", RATE, f->hits_a_second, 0 },
        { "Hits of bots", COUNT, 0, f->bots },
        { "Opted out", COUNT, 0, f->opted_out },
        { "Refused", COUNT, 0, f->refused },
    };

    memcpy(cards, all, sizeof all);
}

static void add_card_value(struct buf *b, const struct card *card)
{
    if (card->unit == AT_LEAST)
        buf_add_lit(b, "\xE2\x89\xA5 ");
    if (card->unit == RATE)
        buf_addf(b, "%.1f", card->rate);
    else
        add_count(b, card->count);
}

static void add_cards_html(struct buf *b, const struct live_figures *f)
{
    struct card cards[CARDS];

    find_cards(cards, f);
    for (unsigned i = 0; i < CARDS; i++) {
        buf_addf(b, "<div><dt>%s</dt><dd><b>", cards[i].title);
        add_card_value(b, &cards[i]);
        buf_add_lit(b, "</b></dd></div>\n");
    }
}

static void add_cards_json(struct buf *b, const struct live_figures *f)
{
    struct card cards[CARDS];

    find_cards(cards, f);
    for (unsigned i = 0; i < CARDS; i++) {
        buf_add_str(b, i > 0 ? STR(",\"") : STR("\""));
        add_card_value(b, &cards[i]);
        buf_add_char(b, '"');
    }
}

/* ---- tables ----------------------------------------------------------------------------------- */

static void add_minutes(struct sink *s, const struct live *live, const struct live_figures *f,
                        enum live_table table)
{
    (void)live;
    (void)table;
    for (unsigned i = 0; i < LIVE_MINUTES; i++) {
        const struct live_minute *minute = &f->minutes[i];

        row_begin(s);
        cell_time(s, minute->start_ms, false);
        cell_count(s, minute->hits);
        cell_count(s, minute->views);
        cell_count(s, minute->visitors);
        cell_count(s, minute->bots);
        row_end(s);
    }
}

static void add_top(struct sink *s, const struct live *live, const struct live_figures *f,
                    enum live_table table)
{
    struct live_row rows[LIVE_PAGE_ROWS];
    size_t count = live_top(live, table, rows, LIVE_PAGE_ROWS);

    (void)f;
    for (size_t i = 0; i < count; i++) {
        row_begin(s);
        cell_text(s, rows[i].key);
        cell_count(s, rows[i].count);
        cell_bar(s, rows[i].count, rows[0].count);
        row_end(s);
    }
}

static struct str kind_name(const struct live_hit *hit)
{
    static const char *const names[] = { [EVENT_VIEW] = "view",
                                         [EVENT_EVENT] = "event",
                                         [EVENT_OPEN] = "open",
                                         [EVENT_CLICK] = "click",
                                         [EVENT_PING] = "ping" };

    if (hit->name.n > 0)
        return hit->name;
    return hit->prefetch ? STR("prefetch") : str_of(names[hit->kind]);
}

static void add_latest(struct sink *s, const struct live *live, const struct live_figures *f,
                       enum live_table table)
{
    struct live_hit hit;

    (void)f;
    (void)table;
    for (unsigned i = 0; live_latest(live, i, &hit); i++) {
        row_begin(s);
        cell_time(s, hit.ts_ms, true);
        cell_text(s, kind_name(&hit));
        cell_text(s, hit.page);
        cell_text(s, hit.title);
        cell_text(s, hit.ref_host);
        cell_text(s, hit.country);
        cell_text(s, hit.site);
        cell_text(s, hit.bot);
        row_end(s);
    }
}

static void add_refused(struct sink *s, const struct live *live, const struct live_figures *f,
                        enum live_table table)
{
    struct live_refused rows[LIVE_REFUSED_MAX];
    size_t count = live_refused(live, rows);

    (void)f;
    (void)table;
    for (size_t i = 0; i < count; i++) {
        row_begin(s);
        cell_text(s, rows[i].reason);
        cell_count(s, rows[i].recent);
        cell_count(s, rows[i].total);
        row_end(s);
    }
}

static const struct section {
    const char *name; /* of the table in live.html */
    void (*add)(struct sink *, const struct live *, const struct live_figures *, enum live_table);
    enum live_table table;
    size_t bytes_max; /* in HTML */
} sections[] = {
    { "timeline", add_minutes, LIVE_TABLES, 4096 }, { "pages", add_top, LIVE_PAGES, 3328 },
    { "referrers", add_top, LIVE_REFERRERS, 2560 }, { "countries", add_top, LIVE_COUNTRIES, 1792 },
    { "events", add_top, LIVE_EVENTS, 2560 },       { "sites", add_top, LIVE_SITES, 2560 },
    { "bots", add_top, LIVE_BOTS, 2560 },           { "latest", add_latest, LIVE_TABLES, 8192 },
    { "refused", add_refused, LIVE_TABLES, 1024 },
};
#define SECTIONS           (sizeof sections / sizeof sections[0])
#define SECTIONS_BYTES_MAX 28672 /* the sum */

/* ---- what has to be said ---------------------------------------------------------------------- */

static void add_notes(struct buf *b, const struct live *live, const struct live_figures *f)
{
    bool exact = true;

    for (unsigned i = 0; i < LIVE_TABLES; i++)
        exact = exact && live_top_exact(live, (enum live_table)i);
    if (f->unseen > 0) {
        add_count(b, f->unseen);
        buf_add_lit(b,
                    " of these hits came too fast to be looked at: they are in Hits and in nothing "
                    "else. ");
    }
    if (!exact)
        buf_add_lit(b, "More different values came than are counted: the rarest are missing, and "
                       "counts may be too low. ");
    if (!f->visitors_is_exact)
        buf_add_lit(b, "More visitors came than are told apart: there are at least so many. ");
    if (!f->bots_are_told_apart)
        buf_add_lit(b, "Bots are not told apart, as there is no list of them. ");
}

/* ---- the chart -------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, not below n. As in report.js, which draws it anew. */
static uint64_t round_up(uint64_t n)
{
    static const unsigned steps[] = { 1, 2, 5 };

    for (uint64_t power = 1;; power *= 10) {
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            if (steps[i] * power >= n)
                return steps[i] * power;
        }
    }
}

static double x_of(unsigned minute)
{
    return 1000.0 * minute / (LIVE_MINUTES - 1);
}

static void add_line(struct buf *b, const char *class, const struct live_figures *f, size_t offset,
                     uint64_t top)
{
    bool area = strcmp(class, "views area") == 0;

    buf_addf(b, "<path class=\"%s\" d=\"", class);
    for (unsigned i = 0; i < LIVE_MINUTES; i++) {
        uint32_t value;

        memcpy(&value, (const char *)&f->minutes[i] + offset, sizeof value);
        buf_addf(b, "%s%.1f %.2f",
                 i > 0  ? "L"
                 : area ? "M0 100L"
                        : "M",
                 x_of(i), 100 - 100.0 * value / (double)top);
    }
    buf_add_str(b, area ? STR("L1000 100Z\"/>") : STR("\"/>"));
}

static void add_grid(struct buf *b, uint64_t top)
{
    buf_add_lit(b, "<g class=\"grid\">");
    for (unsigned i = 0; i < GRID_LINES; i++) {
        unsigned y = 4 + i * 21;

        buf_addf(b, "<line x1=\"0\" x2=\"100%%\" y1=\"%u%%\" y2=\"%u%%\"/>", y, y);
        buf_addf(b, "<text x=\"0\" y=\"%u%%\" dy=\"12\">", y);
        add_count(b, top - top * i / GRID_LINES);
        buf_add_lit(b, "</text>");
    }
    buf_add_lit(b, "<line x1=\"0\" x2=\"100%\" y1=\"88%\" y2=\"88%\"/></g>\n");
}

static void add_labels(struct buf *b, const struct live_figures *f)
{
    buf_add_lit(b, "<g class=\"labels\">");
    for (unsigned i = 0; i < CHART_LABELS; i++) {
        unsigned minute = i * (LIVE_MINUTES - 1) / (CHART_LABELS - 1);

        buf_addf(b, "<text x=\"%.1f%%\" y=\"100%%\" dy=\"-4\" text-anchor=\"%s\">",
                 x_of(minute) / 10,
                 i == 0                  ? "start"
                 : i == CHART_LABELS - 1 ? "end"
                                         : "middle");
        add_time(b, f->minutes[minute].start_ms, false);
        buf_add_lit(b, "</text>");
    }
    buf_add_lit(b, "</g>");
}

static void add_chart(struct buf *b, const struct live_figures *f)
{
    uint64_t top = 1;

    for (unsigned i = 0; i < LIVE_MINUTES; i++)
        top = f->minutes[i].views > top ? f->minutes[i].views : top;
    top = round_up(top);
    add_grid(b, top);
    buf_add_lit(b, "<svg class=\"plot\" y=\"4%\" width=\"100%\" height=\"84%\" "
                   "viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">");
    add_line(b, "views area", f, offsetof(struct live_minute, views), top);
    add_line(b, "views", f, offsetof(struct live_minute, views), top);
    add_line(b, "visitors", f, offsetof(struct live_minute, visitors), top);
    buf_add_lit(b, "</svg>\n");
    add_labels(b, f);
}

/* ---- the page --------------------------------------------------------------------------------- */

#define NOTES_BYTES_MAX 512
#define CARDS_BYTES_MAX 1024
#define ASSET(name)     str_from((const char *)web_##name, sizeof web_##name)

_Static_assert(sizeof web_live_html + sizeof web_live_css + sizeof web_live_js +
                       sizeof web_report_css + sizeof web_report_js + SECTIONS_BYTES_MAX +
                       CHART_BYTES + CARDS_BYTES_MAX + NOTES_BYTES_MAX + 64 <
                   LIVE_PAGE_BYTES_MAX,
               "the live page does not fit into one answer");

/* A part of the page in the next bytes of memory. */
static struct buf take_memory(struct buf *memory, size_t bytes)
{
    struct buf part = buf_over(memory->p + memory->n, bytes);

    assert(memory->cap - memory->n >= bytes);
    memory->n += bytes;
    return part;
}

static void add_now(struct buf *b, const struct live_figures *f)
{
    add_time(b, f->now_ms, true);
    buf_add_lit(b, " UTC");
}

void live_page_add_html(struct buf *b, const struct live *live)
{
    char all[SECTIONS_BYTES_MAX + CHART_BYTES + CARDS_BYTES_MAX + NOTES_BYTES_MAX + 64];
    struct buf memory = buf_over(all, sizeof all);
    struct buf cards = take_memory(&memory, CARDS_BYTES_MAX);
    struct buf chart = take_memory(&memory, CHART_BYTES);
    struct buf notes = take_memory(&memory, NOTES_BYTES_MAX);
    struct buf now = take_memory(&memory, 32), latest = take_memory(&memory, 32);
    struct page_part parts[9 + SECTIONS];
    struct live_figures figures;
    size_t n = 0;

    live_figures(live, &figures);
    add_cards_html(&cards, &figures);
    add_chart(&chart, &figures);
    add_notes(&notes, live, &figures);
    add_now(&now, &figures);
    buf_add_u64(&latest, figures.latest);
    parts[n++] = (struct page_part){ "report_css", .raw = true, .text = ASSET(report_css) };
    parts[n++] = (struct page_part){ "live_css", .raw = true, .text = ASSET(live_css) };
    parts[n++] = (struct page_part){ "report_js", .raw = true, .text = ASSET(report_js) };
    parts[n++] = (struct page_part){ "live_js", .raw = true, .text = ASSET(live_js) };
    parts[n++] = (struct page_part){ "cards", .raw = true, .text = buf_str(&cards) };
    parts[n++] = (struct page_part){ "chart", .raw = true, .text = buf_str(&chart) };
    parts[n++] = (struct page_part){ "notes", .text = buf_str(&notes) };
    parts[n++] = (struct page_part){ "now", .text = buf_str(&now) };
    parts[n++] = (struct page_part){ "seen", .text = buf_str(&latest) };
    for (size_t i = 0; i < SECTIONS; i++) {
        struct buf rows = take_memory(&memory, sections[i].bytes_max);
        struct sink sink = { .b = &rows };

        sections[i].add(&sink, live, &figures, sections[i].table);
        parts[n++] = (struct page_part){ sections[i].name, .raw = true, .text = buf_str(&rows) };
    }
    page_add(b, ASSET(live_html), parts, n);
}

/* ---- an event --------------------------------------------------------------------------------- */

void live_page_add_event(struct buf *b, const struct live *live)
{
    struct live_figures figures;

    live_figures(live, &figures);
    buf_add_lit(b, "data: {\"now\":\"");
    add_now(b, &figures);
    buf_add_lit(b, "\",\"cards\":[");
    add_cards_json(b, &figures);
    buf_add_lit(b, "],\"notes\":\"");
    add_notes(b, live, &figures);
    buf_add_lit(b, "\",\"latest\":");
    buf_add_u64(b, figures.latest);
    buf_add_lit(b, ",\"tables\":{");
    for (size_t i = 0; i < SECTIONS; i++) {
        struct sink sink = { .b = b, .json = true };

        buf_addf(b, "%s\"%s\":[", i > 0 ? "," : "", sections[i].name);
        sections[i].add(&sink, live, &figures, sections[i].table);
        buf_add_char(b, ']');
    }
    buf_add_lit(b, "}}\n\n");
}
