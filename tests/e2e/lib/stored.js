// stored.js - data folders made of invented hits, for the tests of reports, and SQL over the same files.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BUILD, CRUMB, crumb, ROOT } from './crumbd.js';

// Hits of the same seed are the same. how: '' or 'rough' (hostile strings in every field).
export function storeHits(dir, seed, count, days, how = '') {
    const data = path.join(dir, `data-${seed}`);
    fs.mkdirSync(data, { recursive: true });
    const lines = execFileSync(process.execPath, [path.join(ROOT, 'tests/report/hits.js'), seed, count, days, how], {
        maxBuffer: 1 << 30,
    });
    storeLines(data, lines);
    return { data, lines: lines.toString().trimEnd().split('\n') };
}

export function storeLines(data, lines) {
    execFileSync(path.join(BUILD, 'store_lines'), [data], { input: lines });
}

// The rows of one report, by its stable names.
export function report(data, ...args) {
    const result = crumb('report', ...args, '--data', data, '--format', 'json', '--top', '0');
    assert.equal(result.status, 0, `crumb report ${args.join(' ')}: ${result.stderr}`);
    return JSON.parse(result.stdout).reports[0].rows;
}

// A connection with the view `hits`; is_bot comes from the same list, by another engine of expressions.
export async function openSql(data) {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const db = await (await DuckDBInstance.create(':memory:')).connect();
    const patterns = fs
        .readFileSync(path.join(ROOT, 'conf/data/crawlers.tsv'), 'utf8')
        .split('\n')
        .filter((line) => line && !line.startsWith('#'))
        .map((line) => new RegExp(line.split('\t')[2]));
    await db.run(execFileSync(CRUMB, ['schema', '--duckdb', '--data', data]).toString());
    const all = async (sql) => (await db.runAndReadAll(sql)).getRowObjectsJS();
    const agents = await all('SELECT DISTINCT ua FROM hits WHERE ua IS NOT NULL');
    await db.run('CREATE TABLE bots (ua VARCHAR)');
    for (const { ua } of agents.filter((row) => patterns.some((pattern) => pattern.test(row.ua))))
        await db.run(`INSERT INTO bots VALUES ('${ua.replaceAll("'", "''")}')`);
    await db.run(`CREATE TABLE people AS SELECT *, coalesce(purpose, '') = 'prefetch' AS prefetch,
        kind = 'view' AND coalesce(purpose, '') <> 'prefetch' AS is_view,
        CASE WHEN coalesce(purpose, '') <> 'prefetch' THEN vid END AS visitor,
        split_part(id, '-', 3)::BIGINT AS seq
        FROM hits WHERE ua IS NULL OR ua NOT IN (SELECT ua FROM bots)`);
    return all;
}

// The definitions of crumb-report(7), in SQL: touches with the number of their session.
export const SESSIONS = `
    WITH gaps AS (SELECT *, coalesce(epoch_ms(ts) - lag(epoch_ms(ts)) OVER w > 1800000, true)::INTEGER AS starts
                  FROM people WHERE visitor IS NOT NULL WINDOW w AS (PARTITION BY visitor ORDER BY ts, seq)),
    touches AS (SELECT *, sum(starts) OVER (PARTITION BY visitor ORDER BY ts, seq) AS session FROM gaps),
    sessions AS (SELECT visitor, session, count(*) FILTER (is_view) AS views, min(ts) AS begins,
                 epoch_ms(max(ts)) - epoch_ms(min(ts)) AS ms,
                 arg_min(coalesce(path, ''), (ts, seq)) FILTER (is_view) AS entry,
                 arg_max(coalesce(path, ''), (ts, seq)) FILTER (is_view) AS exit
                 FROM touches GROUP BY ALL)`;
