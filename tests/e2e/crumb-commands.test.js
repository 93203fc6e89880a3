// The analyst's command on live data: cat with its filters, tail across rolls and restarts, verify.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { cleanup } from './lib/cleanup.js';
import { cat, CRUMB, crumb, sealedFiles, start, temporaryDir } from './lib/crumbd.js';
import { fetchOnce, pour, request } from './lib/http.js';
import { until } from './lib/wait.js';

// A running `crumb tail`; records are what it has printed so far.
function startTail(t, server, ...args) {
    const child = spawn(CRUMB, ['tail', '--data', server.data, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
    child.stderr.setEncoding('utf8').on('data', (part) => (stderr += part));
    const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    cleanup(t, async () => {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
        await ended;
        assert.doesNotMatch(stderr, /Sanitizer|runtime error:/);
    });
    return {
        child,
        ended,
        get stderr() {
            return stderr;
        },
        get records() {
            return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
        },
    };
}

const numbered = (from, count) => Array.from({ length: count }, (_, i) => request(`/b.gif?site=s&n=${from + i}`));

test('tail: shows each hit once, across rolls, seals and a restart', async (t) => {
    const dir = temporaryDir(t);
    const config = { roll_interval: '1s', roll_size: '1MiB' };
    let server = await start(t, { dir, config });
    await pour(server.address, numbered(0, 10), () => {});
    const tail = startTail(t, server, '--lines', '0');
    // Tail begins at the present, so let it begin: the first hits that it shows are of no interest here.
    let probes = 0;
    await until('tail follows', async () => {
        await fetchOnce(server.address, `/b.gif?site=probe&n=${(probes += 1)}`);
        return tail.records.length > 0;
    });
    let sent = 0;
    const begin = sealedFiles(server).length;
    await until('some segments were sealed', async () => {
        await pour(server.address, numbered(1000 + sent, 200), () => {});
        sent += 200;
        return sealedFiles(server).length >= begin + 6;
    }, 60_000);
    await server.stop();
    server = await start(t, { dir, config });
    await pour(server.address, numbered(1000 + sent, 500), () => {});
    sent += 500;
    const shown = () => tail.records.filter((record) => record.site === 's').map((record) => Number(record.params.n));
    await until('tail shows all', () => shown().length >= sent, 30_000);
    await server.stop();
    assert.deepEqual(shown().sort((a, b) => a - b), Array.from({ length: sent }, (_, n) => 1000 + n));
    tail.child.kill('SIGINT');
    await tail.ended;
});

test('tail: begins with the last lines that match', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    await pour(server.address, numbered(0, 50), () => {}, { connections: 1 });
    await fetchOnce(server.address, '/b.gif?site=other&n=50');
    const tail = startTail(t, server, '--lines', '5', '--site', 's');
    await until('tail shows the last five', () => tail.records.length >= 5);
    assert.deepEqual(tail.records.map((record) => record.params.n), ['45', '46', '47', '48', '49']);
});

test('tail | head: ends quietly when its reader is gone', async (t) => {
    const server = await start(t);
    await pour(server.address, numbered(0, 20), () => {});
    const tail = startTail(t, server);
    await until('tail shows something', () => tail.records.length > 0);
    tail.child.stdout.destroy();
    await until('tail ends', async () => {
        await fetchOnce(server.address, '/b.gif?site=s');
        return tail.child.exitCode !== null || tail.child.signalCode !== null;
    });
    assert.equal(tail.stderr, '');
});

test('cat: --since, --until, --site and --where choose records, live and sealed', async (t) => {
    const dir = temporaryDir(t);
    let server = await start(t, { dir, config: { workers: 1 } });
    await fetchOnce(server.address, '/b.gif?site=a&n=1');
    await server.stop();
    server = await start(t, { dir, config: { workers: 1 } });
    const middle = new Date().toISOString();
    await until('the clock moves', () => new Date().toISOString() > middle);
    await fetchOnce(server.address, '/b.gif?site=a&n=2&e=buy');
    await fetchOnce(server.address, '/b.gif?site=b&n=3&e=buy');
    const numbers = (...args) => cat(server, ...args).map((record) => record.params.n).sort();
    assert.deepEqual(numbers(), ['1', '2', '3']);
    assert.deepEqual(numbers('--site', 'a'), ['1', '2']);
    assert.deepEqual(numbers('--since', middle), ['2', '3']);
    assert.deepEqual(numbers('--until', middle), ['1']);
    assert.deepEqual(numbers('--since', '1h'), ['1', '2', '3']);
    assert.deepEqual(numbers('--where', 'name=buy'), ['2', '3']);
    assert.deepEqual(numbers('--where', 'name=buy', '--site', 'b'), ['3']);
    assert.deepEqual(numbers('--since', '2000-01-01', '--until', '2000-01-02'), []);
});

test('commands: usage errors exit 2, a missing folder exits 1, both in one sentence', () => {
    for (const args of [['no-such-command'], ['cat', '--no-such-option'], ['cat', '--since', 'yesterdayish'], []]) {
        const run = crumb(...args);
        assert.equal(run.status, 2, `crumb ${args.join(' ')}: ${run.stderr}`);
        assert.equal(run.stdout, '');
        assert.notEqual(run.stderr, '');
    }
    const missing = crumb('cat', '--data', '/nonexistent-folder');
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /\/nonexistent-folder/);
});

test('config: the effective values load again and stay the same', async (t) => {
    const server = await start(t, { config: { ip: 'masked', roll_interval: '90s', workers: 3 } });
    const { writeFileSync } = await import('node:fs');
    const first = crumb('config', '-c', server.config);
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /ip: masked/);
    writeFileSync(`${server.dir}/again.yaml`, first.stdout);
    const again = crumb('config', '-c', `${server.dir}/again.yaml`);
    assert.equal(again.stdout, first.stdout);
});

test('schema: all three forms name every field that a record has', async (t) => {
    const server = await start(t);
    await fetchOnce(server.address, '/b.gif?site=s&url=https%3A%2F%2Fs.example%2F%3Futm_source%3Dx&title=t&sw=1&sh=1');
    const fields = Object.keys(cat(server)[0]);
    for (const form of ['--duckdb', '--clickhouse', '--jsonschema']) {
        const run = crumb('schema', form);
        assert.equal(run.status, 0, run.stderr);
        for (const field of fields) assert.match(run.stdout, new RegExp(`\\b${field}\\b`), `${form} ${field}`);
    }
    const schema = JSON.parse(crumb('schema', '--jsonschema').stdout);
    for (const field of fields) assert.ok(field in schema.properties, field);
});
