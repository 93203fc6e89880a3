// report.mjs - crumb report beside DuckDB, GoAccess and jq: the same hits, one core, cold and warm.
//
//   countries  views and distinct visitors by country
//   pages      views and distinct visitors by path
//   overview   hits, visitors, sessions, bounces, median session time (GoAccess has no sessions: its own
//              report of a combined log with the same hits)
//   summary    crumb report alone: the overview and the top of the main tables
//
// Cold: the files are dropped from the page cache before each run. CPU is user and system time, hits/s per core
// are HITS by CPU, memory is the largest resident size; figures are medians of ROUNDS (3) runs over HITS
// (1,000,000) hits. Programs that are not installed are left out.

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

const DROP = `import os, sys
for name in sys.stdin.read().split("\\n"):
    file = os.open(name, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)`;

function dropCache() {
    const run = spawnSync('python3', ['-c', DROP], { input: files().join('\n'), stdio: ['pipe', 'inherit', 'inherit'] });
    if (run.status !== 0) throw new Error('the page cache cannot be dropped');
}

const SQL = {
    countries: `SELECT country, count(*) FILTER (kind = 'view'), count(DISTINCT vid) FROM hits GROUP BY 1`,
    pages: `SELECT path, count(*) FILTER (kind = 'view') AS views, count(DISTINCT vid) FROM hits GROUP BY 1 ORDER BY 2 DESC LIMIT 20`,
    overview: `WITH g AS (SELECT *, coalesce(epoch_ms(ts) - lag(epoch_ms(ts)) OVER (PARTITION BY vid ORDER BY ts) > 1800000, true)::INTEGER AS s FROM hits WHERE vid IS NOT NULL),
        t AS (SELECT *, sum(s) OVER (PARTITION BY vid ORDER BY ts) AS n FROM g),
        v AS (SELECT vid, n, count(*) FILTER (kind = 'view') AS views, epoch_ms(max(ts)) - epoch_ms(min(ts)) AS ms FROM t GROUP BY ALL)
        SELECT count(*), count(DISTINCT vid), count(*) FILTER (views = 1), median(ms), (SELECT count(*) FROM hits) FROM v`,
};
const DUCKDB = `import duckdb from '${ROOT}/tests/e2e/node_modules/@duckdb/node-api/lib/index.js';
    const db = await (await duckdb.DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await db.run(process.argv[1]); await db.runAndReadAll(process.argv[2]);`;
const schema = () => spawnSync(`${BUILD}/crumb`, ['schema', '--duckdb', '--data', data]).stdout.toString();

const cores = os.cpus().length;
const crumb = (...words) => [`${BUILD}/crumb`, 'report', ...words, '--data', data];
const duckdb = (question) => ['node', '--input-type=module', '-e', DUCKDB, '--', schema(), SQL[question]];
const zcat = (filter) => ['sh', '-c', `zcat ${data}/hits/*/*/*.gz | jq -n '${filter}'`];

const rows = [
    ['countries', 'crumb', () => crumb('countries')],
    ['countries', `crumb, ${cores} cores`, () => crumb('countries'), cores],
    ['countries', 'DuckDB', () => duckdb('countries')],
    ['countries', 'jq (counts only)', () => zcat('reduce inputs as $h ({}; .[$h.country // ""] += 1)')],
    ['pages', 'crumb', () => crumb('pages')],
    ['pages', 'DuckDB', () => duckdb('pages')],
    ['overview', 'crumb', () => crumb('overview')],
    ['overview', 'DuckDB', () => duckdb('overview')],
    ['overview', 'GoAccess', () => ['goaccess', log, '--log-format=COMBINED', '-o', path.join(dir, 'goaccess.json'), '--no-progress']],
    ['summary', 'crumb', () => crumb()],
];

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

function measure(command, cores) {
    const pinned = cores > 1 ? command : ['taskset', '-c', '0', ...command];
    const run = spawnSync('/usr/bin/time', ['-f', '%e %U %S %M', '-o', path.join(dir, 'time'), ...pinned], { stdio: 'ignore' });
    const [seconds, user, system, kib] = fs.readFileSync(path.join(dir, 'time'), 'utf8').trim().split('\n').at(-1).split(' ').map(Number);
    return run.status === 0 ? { seconds, cpu: user + system, kib } : null;
}

function describe() {
    const gz = files().filter((name) => name.endsWith('.gz'));
    const bytes = gz.reduce((sum, name) => sum + fs.statSync(name).size, 0);
    const raw = Number(spawnSync('sh', ['-c', `zcat ${data}/hits/*/*/*.gz | wc -c`]).stdout);
    console.log(`${HITS} hits of ${Math.round(raw / HITS)} bytes, ${(bytes / HITS).toFixed(1)} in the files, ${gz.length} files`);
    console.log(`${os.cpus()[0].model}, ${cores} cores, load ${os.loadavg()[0].toFixed(1)}; ${ROUNDS} rounds\n`);
}

try {
    prepare();
    describe();
    console.log('question   program              cold s   warm s    CPU s    MiB  million hits/s and core: cold   warm');
    for (const [question, program, command, cores = 1] of rows) {
        const cold = [], warm = [];
        for (let i = 0; i < ROUNDS; i++) {
            dropCache();
            cold.push(measure(command(), cores));
            warm.push(measure(command(), cores));
        }
        const name = question.padEnd(11) + program.padEnd(19);
        if ([...cold, ...warm].includes(null)) {
            console.log(`${name}  not installed, or failed`);
            continue;
        }
        const of = (list, key) => median(list.map((one) => one[key]));
        const cells = [of(cold, 'seconds'), of(warm, 'seconds'), of(warm, 'cpu')].map((cell) => cell.toFixed(2).padStart(9));
        const speeds = [cold, warm].map((list) => (HITS / of(list, 'cpu') / 1e6).toFixed(2));
        console.log(`${name}${cells.join('')}${(of(warm, 'kib') / 1024).toFixed(0).padStart(7)}${speeds[0].padStart(30)}${speeds[1].padStart(7)}`);
    }
} finally {
    fs.rmSync(dir, { recursive: true, force: true });
}
