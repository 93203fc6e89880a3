// The figures of `crumb report` are those that DuckDB finds with the definitions of crumb-report(7) in the same files.

import assert from 'node:assert/strict';
import test from 'node:test';
import { crumb, temporaryDir } from './lib/crumbd.js';
import { openSql, report, SESSIONS, storeHits } from './lib/stored.js';

const number = (value) => (typeof value === 'bigint' ? Number(value) : value);
const plain = (rows) => rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, number(v) ?? null])));
const only = (rows, names) => rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])));
const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();

function same(ours, theirs, what) {
    const names = Object.keys(theirs[0] ?? {});
    assert.ok(theirs.length > 0, `${what}: SQL found rows`);
    assert.deepEqual(sorted(only(ours, names)), sorted(plain(theirs)), what);
}

const COUNTS = 'count(DISTINCT visitor) AS visitors, count(*) FILTER (is_view) AS views, count(*) AS hits';
const VIEWS = 'count(*) AS views, count(DISTINCT visitor) AS visitors';

// report, arguments, SQL over `people` (or touches and sessions)
const questions = [
    ['countries', [], `SELECT coalesce(country, '') AS country, ${COUNTS} FROM people GROUP BY 1`],
    ['cities', [], `SELECT coalesce(country, '') AS country, coalesce(region, '') AS region, coalesce(city, '') AS city, ${COUNTS} FROM people GROUP BY ALL`],
    ['networks', [], `SELECT coalesce(asn::VARCHAR, '') AS asn, coalesce(as_org, '') AS as_org, ${COUNTS} FROM people GROUP BY ALL`],
    ['languages', [], `SELECT coalesce(lang, '') AS lang, ${COUNTS} FROM people GROUP BY 1`],
    ['screens', [], `SELECT sw || 'x' || sh AS screen, ${COUNTS} FROM people GROUP BY 1`],
    ['pages', [], `SELECT coalesce(path, '') AS path, ${VIEWS} FROM people WHERE is_view GROUP BY 1`],
    ['sections', [], `SELECT CASE WHEN coalesce(path, '') = '' THEN '' ELSE path[1] || split_part(path[2:], '/', 1) END AS section, ${VIEWS} FROM people WHERE is_view GROUP BY 1`],
    ['campaigns', [], `SELECT coalesce(utm_source, '') AS utm_source, coalesce(utm_medium, '') AS utm_medium, coalesce(utm_campaign, '') AS utm_campaign, ${VIEWS} FROM people WHERE is_view AND coalesce(utm_source, utm_medium, utm_campaign) IS NOT NULL GROUP BY ALL`],
    ['events', [], `SELECT coalesce(name, '') AS name, count(*) AS hits, count(DISTINCT visitor) AS visitors FROM people WHERE kind = 'event' GROUP BY 1`],
    ['banners', [], `SELECT params['banner'] AS banner, count(*) FILTER (name = 'impression') AS impressions, count(*) FILTER (name = 'click') AS clicks FROM people WHERE kind = 'event' AND name IN ('impression', 'click') AND params['banner'] IS NOT NULL GROUP BY 1`],
    ['timeline', ['--step', 'day'], `SELECT strftime(ts, '%Y-%m-%d') AS time, count(*) AS hits, count(*) FILTER (is_view) AS views, count(DISTINCT visitor) AS visitors FROM people GROUP BY 1`],
    ['timeline', ['--step', 'hour'], `SELECT strftime(ts, '%Y-%m-%dT%H:00Z') AS time, count(*) AS hits FROM people GROUP BY 1`],
    ['timeline', ['--step', 'week'], `SELECT strftime(date_trunc('week', ts), '%Y-%m-%d') AS time, count(*) AS hits FROM people GROUP BY 1`],
    ['timeline', ['--step', 'day'], `${SESSIONS} SELECT strftime(begins, '%Y-%m-%d') AS time, count(*) AS sessions FROM sessions GROUP BY 1`],
    ['entry', [], `${SESSIONS} SELECT entry AS path, count(*) AS sessions, count(DISTINCT visitor) AS visitors, count(*) FILTER (views = 1) AS bounces FROM sessions WHERE views > 0 GROUP BY 1`],
    ['exit', [], `${SESSIONS} SELECT exit AS path, count(*) AS sessions, count(DISTINCT visitor) AS visitors FROM sessions WHERE views > 0 GROUP BY 1`],
    ['paths', [], `${SESSIONS}, steps AS (SELECT visitor, coalesce(path, '') AS "from", lead(coalesce(path, '')) OVER (PARTITION BY visitor, session ORDER BY ts, seq) AS "to" FROM touches WHERE is_view) SELECT "from", "to", count(*) AS steps, count(DISTINCT visitor) AS visitors FROM steps WHERE "to" IS NOT NULL GROUP BY ALL`],
    ['sequences', [], `${SESSIONS}, firsts AS (SELECT visitor, session, list_slice(list(coalesce(path, '') ORDER BY ts, seq), 1, 5) AS pages FROM touches WHERE is_view GROUP BY ALL) SELECT array_to_string(pages, ' > ') AS pages, count(*) AS sessions, count(DISTINCT visitor) AS visitors FROM firsts GROUP BY 1`],
    ['visitors', [], `${SESSIONS}, each AS (SELECT visitor, max(session) AS n FROM touches GROUP BY 1) SELECT CASE WHEN n < 5 THEN n::VARCHAR WHEN n < 10 THEN '5-9' WHEN n < 20 THEN '10-19' ELSE '20-49' END AS sessions, count(*) AS visitors FROM each GROUP BY 1`],
    ['hits', ['--by', 'site,kind'], `SELECT coalesce(site, '') AS site, kind, ${COUNTS} FROM people GROUP BY ALL`],
    ['pages', ['--by', 'title'], `SELECT coalesce(title, '') AS title, ${VIEWS} FROM people WHERE is_view GROUP BY 1`],
];

for (const [seed, days, how] of [[11, 14, ''], [12, 40, 'rough']]) {
    test(`report: the same figures as SQL over the same files (seed ${seed}${how && ', ' + how})`, async (t) => {
        const { data } = storeHits(temporaryDir(t), seed, 20_000, days, how);
        const all = await openSql(data);
        for (const [name, args, sql] of questions)
            same(report(data, name, ...args), await all(sql), `${name} ${args.join(' ')}`);
        assert.equal(crumb('rollup', '--data', data).status, 0);
        for (const [name, args, sql] of questions)
            same(report(data, name, ...args), await all(sql), `${name} ${args.join(' ')}, from rollups`);
        const [o] = report(data, 'overview');
        const [s] = plain(await all(`${SESSIONS} SELECT
            (SELECT count(*) FROM people) AS hits, (SELECT count(*) FILTER (is_view) FROM people) AS views,
            (SELECT count(DISTINCT visitor) FROM people) AS visitors,
            (SELECT count(DISTINCT visitor) FROM people WHERE vid_new) AS new_visitors,
            (SELECT count(*) FROM hits WHERE ua IN (SELECT ua FROM bots)) AS bots,
            count(*) AS sessions, sum(views)::BIGINT / count(*) AS views_per_session,
            count(*) FILTER (views = 1) / count(*) AS bounce_rate, median(ms) / 1000 AS median_session_seconds FROM sessions`));
        for (const [name, value] of Object.entries(s))
            assert.ok(Math.abs(o[name] - value) <= 1e-8 * Math.abs(value), `overview ${name}: ${o[name]}, SQL ${value}`);
        assert.equal(o.returning_visitors, o.visitors - o.new_visitors);
    });
}

test('report: selections mean what they mean in SQL', async (t) => {
    const { data } = storeHits(temporaryDir(t), 13, 10_000, 10);
    const all = await openSql(data);
    const by = `SELECT country, ${COUNTS} FROM people`;
    const rows = [
        [['--where', 'country=DE,FR'], `${by} WHERE country IN ('DE', 'FR') GROUP BY 1`],
        [['--where', 'country!=DE'], `${by} WHERE country <> 'DE' GROUP BY 1`],
        [['--where', 'ua~Firefox/1[0-9]+', '--site', 'shop'], `${by} WHERE regexp_matches(ua, 'Firefox/1[0-9]+') AND site = 'shop' GROUP BY 1`],
        [['--since', '2026-11-15', '--until', '2026-11-20T10:30'], `${by} WHERE ts >= '2026-11-15' AND ts < '2026-11-20 10:30' GROUP BY 1`],
        [['--since', '2026-11-15', '--until', '2026-11-16', '--tz', 'America/New_York'], `${by} WHERE ts >= '2026-11-15 05:00' AND ts < '2026-11-16 05:00' GROUP BY 1`],
    ];
    for (const [args, sql] of rows) same(report(data, 'countries', ...args), await all(sql), args.join(' '));
    same(report(data, 'timeline', '--step', 'day', '--tz', 'America/New_York'),
        await all("SELECT strftime(ts - INTERVAL 5 HOUR, '%Y-%m-%d') AS time, count(*) AS hits FROM people GROUP BY 1"), 'days in New York');
    const bots = await all('SELECT count(*) AS hits FROM hits WHERE ua IN (SELECT ua FROM bots)');
    assert.equal(report(data, 'overview', '--bots', 'only')[0].hits, number(bots[0].hits));
    const before = await all(`SELECT country, count(DISTINCT visitor) AS visitors_previous FROM people
        WHERE ts >= '2026-11-15' AND ts < '2026-11-19' GROUP BY 1`);
    same(report(data, 'countries', '--since', '2026-11-19', '--until', '2026-11-23', '--compare', 'previous'), before, 'the period before');
    for (const [step, interval] of [['hour', 'INTERVAL 96 HOUR'], ['day', 'INTERVAL 4 DAY']]) {
        const opposite = await all(`SELECT date_trunc('${step}', ts + ${interval})::VARCHAR AS time, count(*) FILTER (is_view) AS views FROM people
            WHERE ts >= '2026-11-15' AND ts < '2026-11-19' GROUP BY 1`);
        const views = new Map(opposite.map((row) => [row.time.slice(0, step === 'day' ? 10 : 16), number(row.views)]));
        const rows = report(data, 'timeline', '--step', step, '--since', '2026-11-19', '--until', '2026-11-23', '--compare', 'previous');
        assert.ok(rows.length > 3 && views.size > 3);
        for (const row of rows) assert.equal(row.views_previous, views.get(row.time.replace('T', ' ').replace('Z', '')) ?? 0, `${step} ${row.time}`);
    }
    const [october] = report(data, 'timeline', '--step', 'month', '--since', '2026-11-01', '--until', '2026-12-01', '--compare', 'previous').map((row) => row.views_previous);
    const [{ views }] = await all("SELECT count(*) FILTER (is_view) AS views FROM people WHERE ts >= '2026-10-02' AND ts < '2026-11-01'");
    assert.equal(october, number(views), 'the last step of both periods stand opposite');
});

test('report: retention is that of SQL', async (t) => {
    const { data } = storeHits(temporaryDir(t), 14, 20_000, 40);
    const all = await openSql(data);
    const theirs = await all(`WITH first AS (SELECT visitor, date_trunc('week', min(ts)) AS cohort FROM people WHERE visitor IS NOT NULL GROUP BY 1),
        later AS (SELECT DISTINCT visitor, cohort, datediff('week', cohort, date_trunc('week', ts)) AS n FROM people JOIN first USING (visitor))
        SELECT strftime(cohort, '%Y-%m-%d') AS week, count(*) FILTER (n = 0) AS visitors, count(*) FILTER (n = 1) AS n1, count(*) FILTER (n = 3) AS n3 FROM later GROUP BY 1 ORDER BY 1`);
    const ours = report(data, 'retention');
    assert.deepEqual(ours.map((row) => [row.week, row.visitors]), theirs.map((row) => [row.week, number(row.visitors)]));
    for (const [i, row] of theirs.entries()) {
        assert.ok(Math.abs((ours[i].week_1 ?? 0) - number(row.n1) / number(row.visitors)) < 1e-8);
        assert.ok(Math.abs((ours[i].week_3 ?? 0) - number(row.n3) / number(row.visitors)) < 1e-8);
    }
    assert.equal(ours.at(-1).week_1, null, 'a week that has not begun is not known');
});
