// crumb report as a command: forms, mistakes, damage, live data, interruption.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { CRUMB, crumb, ROOT, start, temporaryDir } from './lib/crumbd.js';
import { fetchOnce } from './lib/http.js';
import { report, storeHits, storeLines } from './lib/stored.js';
import { until } from './lib/wait.js';

test('report: a mistake is told with the nearest names and ends with 2', async (t) => {
    const { data } = storeHits(temporaryDir(t), 31, 100, 2);
    const mistakes = [
        [['page'], /there is no report page; did you mean pages\?/],
        [['--by', 'contry'], /there is no field contry to group by; did you mean country\?/],
        [['pages', '--sort', 'hits'], /pages has no column hits to sort by; there are path, views, visitors, share/],
        [['--bots', 'exlude'], /--bots takes exclude, include or only, not exlude; did you mean exclude\?/],
        [['--step', 'days'], /--step takes hour, day, week or month, not days; did you mean day\?/],
        [['--format', 'htm'], /not htm; did you mean html\?/],
        [['--compare', 'previous'], /needs --since/],
        [['--top', 'ten'], /--top wants a number/],
        [['--idle', '30'], /--idle wants a duration/],
        [['--tz', 'Europe/Berln'], /there is no time zone Europe\/Berln.*Europe\/Berlin/],
        [['--since', 'tomorow'], /tomorow is no time/],
        [['hits'], /needs --by/],
        [['pages', 'entry', '--format', 'csv'], /holds one report/],
        [['entry', '--by', 'country'], /cannot be grouped/],
        [['--tz', 'berlin'], /there is no time zone berlin; did you mean Europe\/Berlin\?/],
        [['--tz', 'Europe/Kolkata'], /did you mean Asia\/Kolkata\?/],
        [['--by', 'params'], /write params\.KEY/],
        [['--by', 'country,'], /--by wants the names of fields/],
        [['--where', 'contry=DE'], /a record has no field contry; did you mean country\?/],
        [['--where', 'browsr=Firefox'], /a record has no field browsr; did you mean browser\?/],
        [['--where', 'browser~['], /\[ is no regular expression/],
        [['--where', 'path~['], /\[ is no regular expression/],
        [['--since', '2026-11-31'], /2026-11-31 is no time/],
        [['--since', '2026-11-20', '--until', '2026-11-10'], /nothing lies between/],
        [['hits', '--by', 'country', '--sort', 'x'], /there are country, visitors, views, hits, share/],
    ];
    for (const [args, sentence] of mistakes) {
        const result = crumb('report', ...args, '--data', data);
        assert.equal(result.status, 2, args.join(' '));
        assert.match(result.stderr, sentence);
        assert.equal(result.stdout, '');
    }
});

test('report: every form says the same', async (t) => {
    const { data } = storeHits(temporaryDir(t), 32, 3000, 5);
    const run = (...args) => crumb('report', ...args, '--data', data).stdout;
    const rows = report(data, 'countries');
    const lines = run('countries', '--format', 'ndjson').trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ report: name, ...row }) => row), rows.slice(0, 20));
    const [head, ...csv] = run('countries', '--format', 'csv').trim().split('\r\n');
    assert.equal(head, 'country,visitors,views,hits,share');
    assert.deepEqual(csv.map((line) => line.split(',').slice(0, 2)), rows.map((row) => [row.country, String(row.visitors)]));
    assert.match(run('countries', '--format', 'md'), new RegExp(`\\| ${rows[0].country} \\| ${rows[0].visitors.toLocaleString('en')} \\|`));
    assert.match(run('countries'), new RegExp(`^${rows[0].country} +${rows[0].visitors.toLocaleString('en')} `, 'm'));
    assert.match(run('pages'), /^.*; [\d,]+ hits of bots are left out$/m);
    assert.match(run('pages', '--bots', 'include'), /hits of bots are counted too$/m);
    assert.doesNotMatch(run(), /\x1b/, 'no colours into a pipe');
    assert.match(run(), /Overview[^]*Timeline[^]*Pages[^]*Referrers[^]*Countries[^]*Browsers/);
});

test('report: --where on what reports work out leaves what --by shows of it', (t) => {
    const { data } = storeHits(temporaryDir(t), 41, 6000, 5);
    const counts = ({ visitors, views, hits }) => ({ visitors, views, hits });
    const by = (field, ...args) => new Map(report(data, 'hits', '--by', field, ...args).map((row) => [row[field.split(',')[0]] ?? '', counts(row)]));
    const total = (...args) => report(data, 'hits', '--by', 'v', ...args).map(counts)[0];
    for (const field of ['section', 'medium', 'source', 'browser', 'browser_version', 'system', 'system_version', 'device', 'device_type', 'screen']) {
        const rows = by(field);
        assert.ok(rows.size > 1, field);
        for (const [value, row] of [...rows].slice(0, 6)) assert.deepEqual(total('--where', `${field}=${value.replace(/[\\,]/g, '\\$&')}`), row, `${field}=${value}`);
        const [first, second] = rows.keys();
        assert.equal(total('--where', `${field}=${first},${second}`).hits, rows.get(first).hits + rows.get(second).hits, field);
        assert.equal(total('--where', `${field}!=${first}`).hits + rows.get(first).hits, total().hits, field);
    }
    assert.equal(total('--where', 'browser~^(Chrome|Firefox)$').hits, total('--where', 'browser=Chrome,Firefox').hits);
    assert.deepEqual(total('--where', 'browser=Firefox', '--where', 'country=DE'), by('country', '--where', 'browser=Firefox').get('DE'));
    for (const [kind, row] of by('bot_kind', '--bots', 'only')) assert.deepEqual(total('--bots', 'only', '--where', `bot_kind=${kind}`), row, kind);
    assert.equal(report(data, 'overview', '--where', 'medium=search')[0].views, total('--where', 'medium=search').views);
    const refused = crumb('cat', '--data', data, '--where', 'browser=Firefox');
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /browser is no field of a record but worked out by reports: conditions of crumb report take it/);
});

test('report: a list that cannot be read is told with its line, and ends with 1', (t) => {
    const dir = temporaryDir(t);
    const { data } = storeHits(dir, 36, 100, 2);
    const lists = [
        ['crawlers.tsv', 'one column\n', ['pages'], /crawlers\.tsv:1: not 3 columns/],
        ['crawlers.tsv', null, ['pages'], /crawlers\.tsv is not a regular file/],
        ['referrers.tsv', '# ok\nsearch\tGoogle\n', ['referrers'], /referrers\.tsv:2: not 3 columns/],
        ['regexes.yaml', 'user_agent_parsers:\n  - regexx: x\n', ['browsers'], /regexes\.yaml:2: not a line of a user agent list/],
        ['regexes.yaml', "user_agent_parsers:\n  - regex: 'x'\n", ['browsers'], /regexes\.yaml has no os_parsers/],
        ['world.tsv', 'DE\tGermany\n', ['countries', '--format', 'html'], /world\.tsv:1: not a country's code, name and outline/],
    ];
    for (const [i, [name, text, args, sentence]] of lists.entries()) {
        const share = path.join(dir, String(i));
        fs.cpSync(path.join(ROOT, 'conf/data'), share, { recursive: true });
        fs.rmSync(path.join(share, name), { force: true });
        if (text === null) fs.mkdirSync(path.join(share, name));
        else fs.writeFileSync(path.join(share, name), text);
        const result = spawnSync(CRUMB, ['report', ...args, '--data', data], { encoding: 'utf8', env: { ...process.env, CRUMB_SHARE: share } });
        assert.equal(result.status, 1, `${name}: ${result.stderr}`);
        assert.match(result.stderr, sentence);
        assert.equal(result.stdout, '');
    }
});

test('report: of no hits at all, and of one', (t) => {
    const data = path.join(temporaryDir(t), 'data');
    fs.mkdirSync(data);
    storeLines(data, '');
    const run = (...args) => {
        const result = crumb('report', ...args, '--data', data);
        assert.equal(result.status, 0, result.stderr);
        return result.stdout;
    };
    assert.match(run(), /^No hits\n[^]*Hits +0\n[^]*Bounce rate +-\n[^]*Pages\nnothing\n/);
    assert.match(run('--since', '2026-11-01', '--until', '2026-11-02', '--tz', 'Asia/Kolkata', '--compare', 'previous'), /^No hits since 2026-11-01 until 2026-11-02, Asia\/Kolkata\n/);
    assert.match(run('--format', 'html'), /<h1>No hits<\/h1>[^]*Nothing in this period/);
    assert.equal(run('pages', '--format', 'csv'), 'path,views,visitors,share\r\n');
    assert.deepEqual(JSON.parse(run('pages', '--format', 'json')).reports[0].rows, []);
    storeLines(data, '{"v":1,"ts":"2026-11-01T12:00:00.000Z","id":"a-0-1","kind":"view","site":"s","vid":"v","path":"/"}\n');
    const page = run('--format', 'html');
    assert.match(page, /1 record \u00b7 made /);
    assert.match(page, /<path class="views" d="M0 75\.00L1000 75\.00"/, 'a level, and not a peak');
    assert.match(run(), /Views per session +1\.00\nBounce rate +100\.0 %\nMedian session time +0\.0 s\n/);
    assert.doesNotMatch(run(), /no visitor id/);
});

test('report: of damaged data it is made from what is intact, and ends with 3', async (t) => {
    const { data } = storeHits(temporaryDir(t), 33, 6000, 1);
    const whole = report(data, 'overview', '--bots', 'include')[0].hits;
    const files = fs.readdirSync(path.join(data, 'hits'), { recursive: true }).filter((name) => name.endsWith('.gz'));
    const file = path.join(data, 'hits', files.sort()[3]);
    const bytes = fs.readFileSync(file);
    bytes.fill(0xaa, bytes.length / 2, bytes.length / 2 + 40);
    fs.writeFileSync(file, bytes);
    const result = crumb('report', 'overview', '--bots', 'include', '--data', data, '--format', 'json');
    assert.equal(result.status, 3);
    assert.ok(result.stderr.includes(`${path.basename(file)}@`), result.stderr);
    const hits = JSON.parse(result.stdout).reports[0].rows[0].hits;
    assert.ok(hits < whole && hits > whole / 2, `${hits} of ${whole}`);
    assert.equal(JSON.parse(result.stdout).damaged >= 1, true);
});

test('report: live data of a running server are counted', async (t) => {
    const server = await start(t);
    for (let i = 0; i < 7; i++) await fetchOnce(server.address, `/b.gif?site=s&url=https%3A%2F%2Fs.example%2Fp${i % 2}`);
    assert.deepEqual(report(server.data, 'pages').map((row) => [row.path, row.views]), [['/p0', 4], ['/p1', 3]]);
    const live = report(server.data, 'live');
    assert.equal(live.reduce((sum, row) => sum + row.views, 0), 7);
    await server.stop();
    assert.equal(report(server.data, 'overview')[0].views, 7);
});

// While it reads, nothing catches the signal, so the kernel ends it whatever it is busy with.
test('report: Ctrl-C ends it at once and leaves no file', async (t) => {
    const dir = temporaryDir(t);
    const { data } = storeHits(dir, 34, 60_000, 3);
    const file = path.join(dir, 'out.html');
    const status = (pid) => {
        try {
            return fs.readFileSync(`/proc/${pid}/status`, 'utf8');
        } catch {
            return ''; // it has ended
        }
    };
    const interrupt = async () => {
        const child = spawn(CRUMB, ['report', '--data', data, '--format', 'html', '-o', file, '--top', '0'], { stdio: 'ignore' });
        const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal)));
        while (child.exitCode === null && !/^Threads:\t(?!1$)/m.test(status(child.pid))) await new Promise(setImmediate);
        const isReading = child.exitCode === null;
        child.kill('SIGINT');
        return (await ended) === 'SIGINT' && isReading && !fs.existsSync(file); // else it was faster than this test, and writes already
    };
    await until('a report to be interrupted while it reads', async () => {
        const done = await interrupt();
        if (!done) fs.rmSync(file, { force: true });
        return done;
    });
    assert.deepEqual(fs.readdirSync(dir).filter((name) => name.startsWith('out')), []);
});

test('report: Ctrl-C gives back what was spilled, in a process of its own', async (t) => {
    const dir = temporaryDir(t);
    const { data } = storeHits(dir, 35, 60_000, 3);
    const holders = () =>
        fs.readdirSync('/proc').filter((pid) => {
            try {
                return /^\d+$/.test(pid) && fs.readdirSync(`/proc/${pid}/fd`).some((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(`${dir}/crumb-report-`));
            } catch {
                return false; // it has ended, or a file of it is closed
            }
        });
    await until('a report to be interrupted when it has spilled', async () => {
        const child = spawn(CRUMB, ['report', 'pages', 'entry', '--data', data, '--memory', '256KiB'], { stdio: 'ignore', env: { ...process.env, TMPDIR: dir } });
        const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal)));
        while (child.exitCode === null && !holders().includes(String(child.pid))) await new Promise(setImmediate);
        child.kill('SIGINT');
        return (await ended) === 'SIGINT';
    });
    await until('nobody to hold the files', () => holders().length === 0);
});

test('report: what does not fit into memory is spilled and counted the same', async (t) => {
    const { data } = storeHits(temporaryDir(t), 35, 20_000, 3);
    const small = (name) => JSON.parse(crumb('report', name, '--data', data, '--format', 'json', '--top', '0', '--memory', '256KiB').stdout).reports[0].rows;
    for (const name of ['overview', 'pages', 'cities', 'paths', 'sequences', 'visitors']) assert.deepEqual(small(name), report(data, name), name);
});
