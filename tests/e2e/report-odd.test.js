// Figures of `crumb report` on what real data hold: days on which clocks change, sessions across midnight, gaps of
// exactly half an hour, missing and empty fields, programs, several sites; each beside SQL that is written from
// crumb-report(7), in time zones with and without whole hours.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { crumb, ROOT, temporaryDir } from './lib/crumbd.js';
import { openSql, report, storeLines } from './lib/stored.js';

const number = (value) => (typeof value === 'bigint' ? Number(value) : value);
const plain = (rows) => rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, number(v) ?? null])));
const rounded = (value) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(7)) : value);
const keyed = (rows) => rows.map((row) => JSON.stringify(Object.entries(row).map(([k, v]) => [k, rounded(v)]))).sort();

// Every column that SQL gives, in every row.
function same(ours, theirs, what) {
    const names = Object.keys(theirs[0] ?? {});
    assert.ok(theirs.length > 0, `${what}: SQL found rows`);
    assert.deepEqual(keyed(ours.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])))), keyed(plain(theirs)), what);
}

async function odd(t, seed, count = 4000) {
    const data = path.join(temporaryDir(t), 'data');
    fs.mkdirSync(data);
    storeLines(data, execFileSync(process.execPath, [path.join(ROOT, 'tests/report/odd_hits.js'), seed, count], { maxBuffer: 1 << 30 }));
    return { data, all: await openSql(data) };
}

const text = (name) => `coalesce(${name}::VARCHAR, '') AS ${name}`;
const share = (count) => `${count} / sum(${count}) OVER () AS share`;
const VISITORS = 'count(DISTINCT visitor)', VIEWS = 'count(*) FILTER (is_view)';
const counted = (keys, from, of) => `SELECT ${keys}, ${VISITORS} AS visitors, ${VIEWS} AS views, count(*) AS hits, ${share(of)} FROM ${from} GROUP BY ALL`;
const people = (keys) => counted(keys, 'people', VISITORS);
const hits = (keys, from = 'people') => counted(keys, from, 'count(*)'); // the table is sorted by hits
const views = (keys, from = 'people WHERE is_view') => `SELECT ${keys}, count(*) AS views, ${VISITORS} AS visitors, ${share('count(*)')} FROM ${from} GROUP BY ALL`;

// Touches with the number of their session, sessions with what is said about them.
const sessions = (idleMs = 1_800_000) => `
    WITH gaps AS (SELECT *, coalesce(epoch_ms(ts) - lag(epoch_ms(ts)) OVER w > ${idleMs}, true)::INTEGER AS starts
                  FROM people WHERE visitor IS NOT NULL WINDOW w AS (PARTITION BY visitor ORDER BY ts, seq)),
    touches AS (SELECT *, sum(starts) OVER (PARTITION BY visitor ORDER BY ts, seq) AS session FROM gaps),
    sessions AS (SELECT visitor, session, count(*) FILTER (is_view) AS views, min(ts) AS begins, epoch_ms(max(ts)) - epoch_ms(min(ts)) AS ms,
                 arg_min(coalesce(path, ''), (ts, seq)) FILTER (is_view) AS entry,
                 arg_max(coalesce(path, ''), (ts, seq)) FILTER (is_view) AS exit FROM touches GROUP BY ALL)`;

// crawlers.tsv and referrers.tsv, by another engine.
const table = (file) => fs.readFileSync(path.join(ROOT, 'conf/data', file), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split('\t'));
const crawlers = table('crawlers.tsv').map(([kind, name, pattern]) => ({ kind, name, pattern: new RegExp(pattern) }));
const referrers = table('referrers.tsv');
// Hosts of the data by the Public Suffix List; of the rest the host itself.
const DOMAINS = { 'www.shop.co.uk': 'shop.co.uk', 'm.shop.co.uk': 'shop.co.uk', 'www.google.co.uk': 'google.co.uk', 'www.perplexity.ai': 'perplexity.ai', 'mail.google.com': 'google.com', 'news.example.org': 'example.org', 'blog.example.org': 'example.org' };
const domain = (host) => DOMAINS[host] ?? host;

function origin({ ref, ref_host, host }) {
    if (!ref) return ['direct', ''];
    if (ref.startsWith('android-app://')) return ['app', ref.slice(14).split('/')[0]];
    if (!ref_host) return ['referral', ''];
    if (host && domain(host) === domain(ref_host)) return ['internal', ''];
    const found = [ref_host, domain(ref_host), `${domain(ref_host).split('.')[0]}.*`].map((name) => referrers.find((row) => row[2] === name)).find(Boolean);
    return found ? found.slice(0, 2) : ['referral', domain(ref_host)];
}

// A sum by a key that a function works out.
function grouped(rows, names, keys, counts) {
    const groups = new Map();
    for (const row of rows) {
        const key = keys(row), id = JSON.stringify(key), group = groups.get(id) ?? { key, n: 0, visitors: new Set() };
        groups.set(id, group);
        group.n++;
        if (row.visitor) group.visitors.add(row.visitor);
    }
    return [...groups.values()].map((group) => ({ ...Object.fromEntries(names.map((name, i) => [name, group.key[i]])), ...counts(group) }));
}

for (const seed of [1, 2])
    test(`report: odd data, every table (seed ${seed})`, async (t) => {
        const { data, all } = await odd(t, seed);
        const questions = [
            ['countries', people(text('country'))],
            ['regions', people(`${text('country')}, ${text('region')}`)],
            ['cities', people(`${text('country')}, ${text('region')}, ${text('city')}`)],
            ['networks', people(`${text('asn')}, ${text('as_org')}`)],
            ['languages', people(text('lang'))],
            ['screens', people("CASE WHEN sw IS NULL OR sh IS NULL THEN '' ELSE sw || 'x' || sh END AS screen")],
            ['pages', views(text('path'))],
            ['sections', views("CASE WHEN coalesce(path, '') = '' THEN '' ELSE path[1] || split_part(path[2:], '/', 1) END AS section")],
            ['campaigns', views(`${text('utm_source')}, ${text('utm_medium')}, ${text('utm_campaign')}`, "people WHERE is_view AND coalesce(utm_source, '') || coalesce(utm_medium, '') || coalesce(utm_campaign, '') <> ''")],
            ['events', `SELECT ${text('name')}, count(*) AS hits, ${VISITORS} AS visitors, ${share('count(*)')} FROM people WHERE kind = 'event' GROUP BY ALL`],
            ['banners', `SELECT params['banner'] AS banner, count(*) FILTER (name = 'impression') AS impressions, count(*) FILTER (name = 'click') AS clicks, ${VISITORS} AS visitors,
                CASE WHEN impressions > 0 THEN clicks / impressions END AS click_rate FROM people WHERE kind = 'event' AND name IN ('impression', 'click') AND params['banner'] IS NOT NULL GROUP BY 1`],
            ['entry', `${sessions()} SELECT entry AS path, count(*) AS sessions, ${VISITORS} AS visitors, count(*) FILTER (views = 1) AS bounces, count(*) FILTER (views = 1) / count(*) AS bounce_rate FROM sessions WHERE views > 0 GROUP BY 1`],
            ['exit', `${sessions()} SELECT exit AS path, count(*) AS sessions, ${VISITORS} AS visitors, ${share('count(*)')} FROM sessions WHERE views > 0 GROUP BY 1`],
            ['paths', `${sessions()}, steps AS (SELECT visitor, coalesce(path, '') AS "from", lead(coalesce(path, '')) OVER (PARTITION BY visitor, session ORDER BY ts, seq) AS "to" FROM touches WHERE is_view)
                SELECT "from", "to", count(*) AS steps, ${VISITORS} AS visitors, ${share('count(*)')} FROM steps WHERE "to" IS NOT NULL GROUP BY ALL`],
            ['sequences', `${sessions()}, firsts AS (SELECT visitor, session, list_slice(list(coalesce(path, '') ORDER BY ts, seq), 1, 5) AS pages FROM touches WHERE is_view GROUP BY ALL)
                SELECT array_to_string(pages, ' > ') AS pages, count(*) AS sessions, ${VISITORS} AS visitors, ${share('count(*)')} FROM firsts GROUP BY pages`],
            ['visitors', `${sessions()}, each AS (SELECT visitor, max(session) AS n FROM touches GROUP BY 1)
                SELECT CASE WHEN n < 5 THEN n::VARCHAR WHEN n < 10 THEN '5-9' WHEN n < 20 THEN '10-19' WHEN n < 50 THEN '20-49' WHEN n < 100 THEN '50-99' ELSE '100+' END AS sessions, count(*) AS visitors, ${share('count(*)')} FROM each GROUP BY 1`],
        ];
        for (const [name, sql] of questions) same(report(data, name), await all(sql), name);

        const [ours] = report(data, 'overview');
        const [theirs] = plain(await all(`${sessions()} SELECT (SELECT count(*) FROM people) AS hits, (SELECT ${VIEWS} FROM people) AS views, (SELECT ${VISITORS} FROM people) AS visitors,
            (SELECT count(DISTINCT visitor) FROM people WHERE vid_new) AS new_visitors, (SELECT count(*) FROM hits) - (SELECT count(*) FROM people) AS bots, count(*) AS sessions,
            sum(views)::BIGINT / count(*) AS views_per_session, count(*) FILTER (views = 1) / count(*) AS bounce_rate, median(ms) / 1000 AS median_session_seconds FROM sessions`));
        same([ours], [{ ...theirs, returning_visitors: theirs.visitors - theirs.new_visitors }], 'overview');

        const seen = await all(`SELECT ref, ref_host, host, visitor FROM people WHERE is_view`);
        same(report(data, 'referrers'), grouped(seen, ['medium', 'source', 'ref_host'], (hit) => [...origin(hit), hit.ref_host ?? ''],
            ({ n, visitors }) => ({ views: n, visitors: visitors.size, share: n / seen.length })), 'referrers');
        const programs = (await all('SELECT ua FROM hits WHERE ua IN (SELECT ua FROM bots)')).map(({ ua }) => crawlers.find(({ pattern }) => pattern.test(ua)));
        for (const bots of ['exclude', 'include', 'only'])
            same(report(data, 'bots', '--bots', bots), grouped(programs, ['bot_kind', 'bot'], ({ kind, name }) => [kind, name], ({ n }) => ({ hits: n, share: n / programs.length })), `bots, ${bots}`);
    });

test('report: odd data, every field behind --by', async (t) => {
    const { data, all } = await odd(t, 3);
    const fields = (await all("SELECT column_name AS name FROM (DESCRIBE hits) WHERE column_name NOT IN ('params', 'dt', 'hour', 'ts', 'id')")).map(({ name }) => name);
    for (const name of fields) same(report(data, '--by', name), await all(hits(text(name))), name);
    same(report(data, '--by', 'params.banner'), await all(hits("coalesce(params['banner'], '') AS banner")), 'params.banner');
    same(report(data, 'events', '--by', 'params.banner,site,kind,name'), await all(`SELECT coalesce(params['banner'], '') AS banner, ${text('site')}, kind, ${text('name')}, count(*) AS hits, ${VISITORS} AS visitors FROM people WHERE kind = 'event' GROUP BY ALL`), 'four fields');
    for (const bots of ['include', 'only'])
        same(report(data, 'hits', '--by', 'site', '--bots', bots), await all(hits(text('site'), `(SELECT *, kind = 'view' AND coalesce(purpose, '') <> 'prefetch' AS is_view, CASE WHEN coalesce(purpose, '') <> 'prefetch' THEN vid END AS visitor FROM hits ${bots === 'only' ? 'WHERE ua IN (SELECT ua FROM bots)' : ''})`)), bots);
});

test('report: odd data, conditions', async (t) => {
    const { data, all } = await odd(t, 4);
    const rows = [
        [['--where', 'country='], "coalesce(country, '') = ''"],
        [['--where', 'country!=DE,JP'], "coalesce(country, '') NOT IN ('DE', 'JP')"],
        [['--where', 'path=/a,/a/'], "path IN ('/a', '/a/')"],
        [['--where', 'path=/\\,'], "path = '/,'"],
        [['--where', 'path~^/[aA]'], "regexp_matches(coalesce(path, ''), '^/[aA]')"],
        [['--where', 'path~^$'], "coalesce(path, '') = ''"],
        [['--where', 'city=San José', '--where', 'region=CA'], "city = 'San José' AND region = 'CA'"],
        [['--where', 'params.banner=a'], "params['banner'] = 'a'"],
        [['--where', 'params.banner!=a'], "coalesce(params['banner'], '') <> 'a'"],
        [['--where', 'sw=1920'], 'sw = 1920'],
        [['--where', 'vid_new=true'], 'vid_new'],
        [['--site', 'läden,blog'], "site IN ('läden', 'blog')"],
        [['--site', ''], "coalesce(site, '') = ''"],
    ];
    for (const [args, where] of rows) same(report(data, '--by', 'kind,country', ...args), await all(hits(`kind, ${text('country')}`, `people WHERE ${where}`)), args.join(' '));
});

test('report: clocks that change, half hours, weeks and sessions across midnight', async (t) => {
    const { data, all } = await odd(t, 5);
    await all("SET TimeZone = 'UTC'");
    for (const tz of ['Europe/Berlin', 'Asia/Kolkata', 'America/St_Johns', 'Australia/Lord_Howe']) {
        const local = (ts) => `timezone('${tz}', ${ts} AT TIME ZONE 'UTC')`;
        // The offset in whole minutes makes the label of an hour: the same hour comes twice when clocks go back.
        const offset = `round(epoch(${local('ts')} - ts) / 60)::INTEGER`;
        const hour = `strftime(${local('ts')}, '%Y-%m-%dT%H:00') || CASE WHEN ${offset} = 0 THEN 'Z' ELSE printf('%s%02d:%02d', CASE WHEN ${offset} < 0 THEN '-' ELSE '+' END, abs(${offset}) // 60, abs(${offset}) % 60) END`;
        const counts = `count(*) AS hits, ${VIEWS} AS views, ${VISITORS} AS visitors`;
        const steps = { hour, day: `strftime(${local('ts')}, '%Y-%m-%d')`, week: `strftime(date_trunc('week', ${local('ts')}), '%Y-%m-%d')`, month: `strftime(${local('ts')}, '%Y-%m')` };
        for (const [step, label] of Object.entries(steps)) {
            same(report(data, 'timeline', '--step', step, '--tz', tz), await all(`SELECT ${label} AS time, ${counts} FROM people GROUP BY 1`), `${tz} ${step}`);
            const begins = report(data, 'timeline', '--step', step, '--tz', tz).filter((row) => row.sessions > 0);
            same(begins, await all(`${sessions()} SELECT ${label.replaceAll('(ts', '(begins').replaceAll(' ts', ' begins').replaceAll(', ts', ', begins')} AS time, count(*) AS sessions FROM sessions GROUP BY 1`), `${tz} ${step} sessions`);
        }
        // Whole local days, also the one of 23, 25 or 23.5 hours, and the one that Lord Howe makes half an hour longer.
        for (const [since, until] of [['2026-03-08', '2026-03-09'], ['2026-03-29', '2026-03-30'], ['2026-04-05', '2026-04-06'], ['2026-10-04', '2026-10-05'], ['2026-10-25', '2026-10-26'], ['2026-11-01', '2026-11-02']])
            same(report(data, '--by', 'kind', '--since', since, '--until', until, '--tz', tz), await all(hits('kind', `people WHERE ${local('ts')} >= '${since}' AND ${local('ts')} < '${until}'`)), `${tz} ${since}`);
        const theirs = await all(`WITH first AS (SELECT visitor, date_trunc('week', ${local('min(ts)')}) AS cohort FROM people WHERE visitor IS NOT NULL GROUP BY 1),
            later AS (SELECT DISTINCT visitor, cohort, datediff('week', cohort, date_trunc('week', ${local('ts')})) AS n FROM people JOIN first USING (visitor)),
            newest AS (SELECT max(date_trunc('week', ${local('ts')})) AS week FROM people)
            SELECT strftime(cohort, '%Y-%m-%d') AS week, count(*) FILTER (n = 0) AS visitors, ${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `CASE WHEN cohort + INTERVAL ${n} WEEK <= (SELECT week FROM newest) THEN count(*) FILTER (n = ${n}) / count(*) FILTER (n = 0) END AS week_${n}`).join(', ')}
            FROM later GROUP BY cohort`);
        same(report(data, 'retention', '--tz', tz), theirs, `${tz} retention`);
    }
});

test('report: the idle time, and areas of a site, come from the config', async (t) => {
    const { data, all } = await odd(t, 6, 4000);
    const file = path.join(temporaryDir(t), 'crumb.yaml');
    fs.writeFileSync(file, `data: ${data}
reports:
  session_idle: 10m
  sections:
    - name: "Läden & 'Co'"
      site: läden
      paths: [ / ]
    - name: Area A
      paths: [ /a/, /A ]
    - name: B of the shop
      site: shop
      paths: [ /a/b ]
`.replace('site: läden', 'site: blog'));
    const run = (...args) => JSON.parse(crumb('report', ...args, '-c', file, '--format', 'json', '--top', '0').stdout).reports[0].rows;
    const area = `CASE WHEN regexp_matches(coalesce(path, ''), '^/a/b(/|$)') AND site = 'shop' THEN 'B of the shop' WHEN regexp_matches(coalesce(path, ''), '^/[aA](/|$)') THEN 'Area A'
        WHEN coalesce(path, '') <> '' AND site = 'blog' THEN 'Läden & ''Co''' WHEN coalesce(path, '') = '' THEN '' ELSE path[1] || split_part(path[2:], '/', 1) END AS section`;
    same(run('sections'), await all(views(area)), 'sections');
    same(run('hits', '--by', 'section'), await all(hits(area)), '--by section');
    for (const [args, ms] of [[[], 600_000], [['--idle', '1800s'], 1_800_000], [['--idle', '5h'], 18_000_000]])
        same(run('entry', ...args), await all(`${sessions(ms)} SELECT entry AS path, count(*) AS sessions, count(*) FILTER (views = 1) AS bounces FROM sessions WHERE views > 0 GROUP BY 1`), `idle ${ms}`);
    // A folder beside the config does not make it unread.
    assert.deepEqual(run('sections', '--data', data), run('sections'));
});

test('report: rows with equal counts are in the order of their names, at every --top', async (t) => {
    const { data } = await odd(t, 7, 3000);
    for (const [name, count, key] of [['entry', 'sessions', 'path'], ['exit', 'sessions', 'path'], ['sequences', 'sessions', 'pages'], ['pages', 'views', 'path'], ['cities', 'visitors', 'country'], ['cities', 'visitors', 'city'], ['networks', 'visitors', 'as_org'], ['paths', 'steps', 'to']]) {
        const rows = report(data, name);
        const top = (...args) => JSON.parse(crumb('report', name, '--data', data, '--format', 'json', ...args).stdout).reports[0].rows;
        const bytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
        for (let i = 1; i < rows.length; i++)
            assert.ok(rows[i - 1][count] > rows[i][count] || (rows[i - 1][count] === rows[i][count] && bytes(Object.values(rows[i - 1])[0], Object.values(rows[i])[0]) <= 0), `${name} ${i}`);
        for (const n of [1, 3, 10]) {
            assert.deepEqual(top('--top', String(n)), rows.slice(0, n), name);
            assert.deepEqual(top('--top', String(n), '--sort', key).map((row) => row[key]), rows.map((row) => row[key]).sort(bytes).slice(0, n), `${name} by ${key}`);
        }
    }
    const days = report(data, 'timeline', '--step', 'day');
    const top = (...args) => JSON.parse(crumb('report', 'timeline', '--step', 'day', '--data', data, '--format', 'json', '--top', '3', ...args).stdout).reports[0].rows;
    assert.deepEqual(top(), days, 'in order of time it is whole');
    assert.deepEqual(top('--sort', 'visitors'), [...days].sort((a, b) => b.visitors - a.visitors || (a.time < b.time ? -1 : 1)).slice(0, 3));
});
