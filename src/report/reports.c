/*
 * reports.c - the table of reports. See report/report.h for the contract.
 *
 * A new report is a row here; help, `crumb report --list`, the page and the man page's check follow. Names of columns
 * are promises: scripts read them.
 */
#include "report/report.h"

/* clang-format off */
#define HITS     { "hits", "Hits", REPORT_COUNT }
#define VIEWS    { "views", "Views", REPORT_COUNT }
#define VISITORS { "visitors", "Visitors", REPORT_COUNT }
#define SESSIONS { "sessions", "Sessions", REPORT_COUNT }
#define SHARE    { "share", "Share", REPORT_RATE }

static const struct report_row table[] = {
    { "overview", "Overview", "Hits, views, visitors and sessions of the whole period", FOLD_OVERVIEW, { "period" },
      { HITS, VIEWS, VISITORS, { "new_visitors", "New visitors", REPORT_COUNT },
        { "returning_visitors", "Returning visitors", REPORT_COUNT }, SESSIONS,
        { "views_per_session", "Views per session", REPORT_RATIO },
        { "bounce_rate", "Bounce rate", REPORT_RATE },
        { "median_session_seconds", "Median session time", REPORT_SECONDS },
        { "bots", "Hits of bots", REPORT_COUNT } },
      "period", true, true },
    { "timeline", "Timeline", "Hits, views, visitors and sessions over time", FOLD_TIME, { "time" },
      { HITS, VIEWS, VISITORS, SESSIONS }, "time", true, true },
    { "live", "Last 30 minutes", "Hits, views and visitors of the last 30 minutes, by minute", FOLD_TIME, { "time" },
      { HITS, VIEWS, VISITORS }, "time", false, false },
    { "pages", "Pages", "Page views by path", FOLD_VIEWS, { "path" }, { VIEWS, VISITORS, SHARE }, "views", true, true },
    { "sections", "Sections", "Page views by area of the site", FOLD_VIEWS, { "section" },
      { VIEWS, VISITORS, SHARE }, "views", false, true },
    { "entry", "Entry pages", "The pages that sessions begin with", FOLD_ENTRY, { "path" },
      { SESSIONS, VISITORS, { "bounces", "Bounces", REPORT_COUNT }, { "bounce_rate", "Bounce rate", REPORT_RATE } },
      "sessions", false, true },
    { "exit", "Exit pages", "The pages that sessions end with", FOLD_EXIT, { "path" }, { SESSIONS, VISITORS, SHARE },
      "sessions", false, true },
    { "paths", "Next pages", "Steps from one page to the next within a session", FOLD_PATHS, { "from", "to" },
      { { "steps", "Steps", REPORT_COUNT }, VISITORS, SHARE }, "steps", false, true },
    { "sequences", "Sequences", "The first pages of sessions, up to five, in order", FOLD_SEQUENCES, { "pages" },
      { SESSIONS, VISITORS, SHARE }, "sessions", false, true },
    { "referrers", "Referrers", "Where page views came from: medium, source and host", FOLD_VIEWS,
      { "medium", "source", "ref_host" }, { VIEWS, VISITORS, SHARE }, "views", true, true },
    { "campaigns", "Campaigns", "Page views by utm_source, utm_medium and utm_campaign", FOLD_VIEWS,
      { "utm_source", "utm_medium", "utm_campaign" }, { VIEWS, VISITORS, SHARE }, "views", false, true },
    { "countries", "Countries", "Visitors by country of their address", FOLD_HITS, { "country" },
      { VISITORS, VIEWS, HITS, SHARE }, "visitors", true, true },
    { "regions", "Regions", "Visitors by country and region", FOLD_HITS, { "country", "region" },
      { VISITORS, VIEWS, HITS, SHARE }, "visitors", false, true },
    { "cities", "Cities", "Visitors by country, region and city", FOLD_HITS, { "country", "region", "city" },
      { VISITORS, VIEWS, HITS, SHARE }, "visitors", false, true },
    { "networks", "Networks", "Visitors by network (autonomous system)", FOLD_HITS, { "asn", "as_org" },
      { VISITORS, VIEWS, HITS, SHARE }, "visitors", false, true },
    { "devices", "Devices", "Visitors by kind and model of device", FOLD_HITS, { "device_type", "device" },
      { VISITORS, VIEWS, HITS, SHARE }, "visitors", true, true },
    { "browsers", "Browsers", "Visitors by browser", FOLD_HITS, { "browser" }, { VISITORS, VIEWS, HITS, SHARE },
      "visitors", true, true },
    { "systems", "Systems", "Visitors by operating system", FOLD_HITS, { "system" }, { VISITORS, VIEWS, HITS, SHARE },
      "visitors", false, true },
    { "languages", "Languages", "Visitors by language of their browser", FOLD_HITS, { "lang" },
      { VISITORS, VIEWS, HITS, SHARE }, "visitors", false, true },
    { "screens", "Screens", "Visitors by size of their screen in CSS pixels", FOLD_HITS, { "screen" },
      { VISITORS, VIEWS, HITS, SHARE }, "visitors", false, true },
    { "events", "Events", "Events by name", FOLD_EVENTS, { "name" }, { HITS, VISITORS, SHARE }, "hits", false, true },
    { "banners", "Banners", "Impressions and clicks by params.banner", FOLD_BANNERS, { "params.banner" },
      { { "impressions", "Impressions", REPORT_COUNT }, { "clicks", "Clicks", REPORT_COUNT }, VISITORS,
        { "click_rate", "Click rate", REPORT_RATE } },
      "impressions", false, true },
    { "bots", "Bots", "Hits of programs, by kind and name; AI crawlers by what they fetch for", FOLD_BOTS,
      { "bot_kind", "bot" }, { HITS, SHARE }, "hits", false, true },
    { "visitors", "Visit frequency", "Visitors by their number of sessions", FOLD_VISITORS, { "sessions" },
      { VISITORS, SHARE }, "sessions", false, true },
    { "retention", "Retention", "Visitors by the week they were first seen, and the share that came back in later weeks",
      FOLD_RETENTION, { "week" },
      { VISITORS, { "week_1", "1 week", REPORT_RATE }, { "week_2", "2 weeks", REPORT_RATE },
        { "week_3", "3 weeks", REPORT_RATE }, { "week_4", "4 weeks", REPORT_RATE },
        { "week_5", "5 weeks", REPORT_RATE }, { "week_6", "6 weeks", REPORT_RATE },
        { "week_7", "7 weeks", REPORT_RATE }, { "week_8", "8 weeks", REPORT_RATE } },
      "week", false, true },
    { "hits", "Hits", "Hits by any fields: needs --by", FOLD_HITS, { NULL }, { VISITORS, VIEWS, HITS, SHARE }, "hits",
      false, false },
};
/* clang-format on */

#define TABLE_ROWS (sizeof table / sizeof table[0])

const struct report_row *report_rows(size_t *count)
{
    *count = TABLE_ROWS;
    return table;
}

const struct report_row *report_row(const char *name)
{
    for (size_t i = 0; i < TABLE_ROWS; i++) {
        if (strcmp(name, table[i].name) == 0)
            return &table[i];
    }
    return NULL;
}
