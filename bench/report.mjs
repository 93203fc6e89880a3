// report.mjs - crumb report beside DuckDB, GoAccess and jq: the same hits, one core, cold and warm.
//
//   grouped    views and distinct visitors by country
//   overview   hits, visitors, sessions, bounces, median session time (GoAccess has no sessions: its own
//              report of a combined log with the same hits)
//
// Cold: the files are dropped from the page cache before each run. CPU is user and system time; figures are
// medians of ROUNDS (3) runs over HITS (1,000,000) hits. Programs that are not installed are left out.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const HITS = Number(process.env.HITS ?? 1_000_000);
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const BUILD = path.join(ROOT, process.env.CRUMB_BUILD ?? 'build');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crumb-bench-'));
const data = path.join(dir, 'data');
const log = path.join(dir, 'access.log');

function prepare() {
    const sh = (command) => {
        const run = spawnSync('sh', ['-c', command], { stdio: ['ignore', 'inherit', 'inherit'] });
        if (run.status !== 0) throw new Error(command);
    };
    fs.mkdirSync(data);
    sh(`node '${ROOT}/tests/report/hits.js' 1 ${HITS} 30 | '${BUILD}/store_lines' '${data}' >/dev/null`);
    sh(`'${BUILD}/crumb' cat --data '${data}' | jq -r '"\\(.ip) - - [" + (.ts | sub("\\\\..*"; "Z") | fromdate |
        strftime("%d/%b/%Y:%H:%M:%S +0000")) + "] \\"GET \\(.path) HTTP/1.1\\" 200 43 \\"\\(.ref // "-")\\" \\"\\(.ua)\\""' >'${log}'`);
}

const files = () =>
    fs.readdirSync(data, { recursive: true }).map((name) => path.join(data, name)).concat(log).filter((name) => fs.statSync(name).isFile());

function dropCache() {
    for (const file of files())
        spawnSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
}

const SQL = {
    grouped: `SELECT country, count(*) FILTER (kind = 'view'), count(DISTINCT vid) FROM hits GROUP BY 1`,
    overview: `WITH g AS (SELECT *, coalesce(epoch_ms(ts) - lag(epoch_ms(ts)) OVER (PARTITION BY vid ORDER BY ts) > 1800000, true)::INTEGER AS s FROM hits WHERE vid IS NOT NULL),
        t AS (SELECT *, sum(s) OVER (PARTITION BY vid ORDER BY ts) AS n FROM g),
        v AS (SELECT vid, n, count(*) FILTER (kind = 'view') AS views, epoch_ms(max(ts)) - epoch_ms(min(ts)) AS ms FROM t GROUP BY ALL)
        SELECT count(*), count(DISTINCT vid), count(*) FILTER (views = 1), median(ms), (SELECT count(*) FROM hits) FROM v`,
};
const DUCKDB = `import duckdb from '${ROOT}/tests/e2e/node_modules/@duckdb/node-api/lib/index.js';
    const db = await (await duckdb.DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await db.run(process.argv[1]); await db.runAndReadAll(process.argv[2]);`;
const schema = () => spawnSync(`${BUILD}/crumb`, ['schema', '--duckdb', '--data', data]).stdout.toString();

const rows = [
    ['grouped', 'crumb', () => [`${BUILD}/crumb`, 'report', 'countries', '--data', data]],
    ['grouped', 'DuckDB', () => ['node', '--input-type=module', '-e', DUCKDB, '--', schema(), SQL.grouped]],
    ['grouped', 'jq (counts only)', () => ['sh', '-c', `zcat ${data}/hits/*/*/*.gz | jq -n 'reduce inputs as $h ({}; .[$h.country // ""] += 1)'`]],
    ['overview', 'crumb', () => [`${BUILD}/crumb`, 'report', 'overview', '--data', data]],
    ['overview', 'DuckDB', () => ['node', '--input-type=module', '-e', DUCKDB, '--', schema(), SQL.overview]],
    ['overview', 'GoAccess', () => ['goaccess', log, '--log-format=COMBINED', '-o', path.join(dir, 'goaccess.json'), '--no-progress']],
];

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

function measure(command) {
    const timed = ['-f', '%e %U %S', '-o', path.join(dir, 'time'), 'taskset', '-c', '0', ...command];
    const run = spawnSync('/usr/bin/time', timed, { stdio: 'ignore' });
    const [seconds, user, system] = fs.readFileSync(path.join(dir, 'time'), 'utf8').trim().split('\n').at(-1).split(' ').map(Number);
    return run.status === 0 ? { seconds, cpu: user + system } : null;
}

try {
    prepare();
    console.log('question    program               cold s   warm s    CPU s   million hits/s (warm, by CPU)');
    for (const [question, program, command] of rows) {
        const cold = [], warm = [];
        for (let i = 0; i < ROUNDS; i++) {
            dropCache();
            cold.push(measure(command()));
            warm.push(measure(command()));
        }
        if ([...cold, ...warm].includes(null)) {
            console.log(`${question.padEnd(12)}${program.padEnd(20)}  not installed, or failed`);
            continue;
        }
        const cpu = median(warm.map((one) => one.cpu));
        const cells = [median(cold.map((one) => one.seconds)), median(warm.map((one) => one.seconds)), cpu];
        console.log(`${question.padEnd(12)}${program.padEnd(20)}${cells.map((cell) => cell.toFixed(2).padStart(9)).join('')}${(HITS / cpu / 1e6).toFixed(2).padStart(12)}`);
    }
} finally {
    fs.rmSync(dir, { recursive: true, force: true });
}
