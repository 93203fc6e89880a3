// Promise 7: what is published is valid NDJSON in one gzip member per file, never a torn or growing file, and
// everybody's reader reads the same from it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import zlib from 'node:zlib';
import { catLines, crumb, filesBelow, sealedFiles, start } from './lib/crumbd.js';
import { pour, request } from './lib/http.js';
import { random, userAgents } from './lib/random.js';

// Text that breaks careless writers: quotes, controls, broken UTF-8, other scripts, long.
const TEXTS = [
    'plain', '"quoted" \\ backslash', 'line\nbreak\r\ttab', '\u0000\u0001\u001f\u007f\u0085', 'Grüße, 世界, مرحبا, 🍞',
    '\u2028\u2029\ufeff', "'; DROP TABLE hits; --", '{"json":[1,2]}', '<script>', 'null', 'true', '1e400', '',
    'x'.repeat(1500), '%', '\u202e reversed',
];
const RAW = ['%FF%FE', '%C3', '%ED%A0%80', '%F4%90%80%80', '%00', '%', '%2', '%zz', '+a+b+'];

function* strangeHits(count) {
    const r = random(7);
    const agents = userAgents(3000);
    for (let n = 0; n < count; n += 1) {
        const facts = [
            `site=${r.pick(['shop', 'blog', 'ünï'].map(encodeURIComponent))}`,
            `n=${n}`,
            `url=${encodeURIComponent(`https://shop.example/${n % 50}?utm_source=mail&utm_campaign=${r.pick(TEXTS)}`)}`,
            `title=${encodeURIComponent(r.pick(TEXTS))}`,
            `ref=${r.chance(0.2) ? r.pick(RAW) : encodeURIComponent(`https://www.example/${r.text(0, 10)}`)}`,
            `${encodeURIComponent(r.pick(TEXTS).slice(0, 20))}=${r.pick(RAW)}`,
            `free=${encodeURIComponent(r.pick(TEXTS))}`,
        ];
        if (r.chance(0.5)) facts.push('sw=1280&sh=720', `e=${r.pick(['buy', 'view', 'scroll'])}`);
        yield request(`/b.gif?${facts.join('&')}`, { 'User-Agent': agents[n % agents.length] });
    }
}

async function serverWithHits(t, count, config) {
    const server = await start(t, { config });
    let answered = 0;
    await pour(server.address, strangeHits(count), (hit, answer) => {
        assert.equal(answer.status, 200);
        answered += 1;
    });
    assert.equal(answered, count);
    return server;
}

// How many gzip members a file has, and its text: zlib stops behind each.
function members(bytes) {
    const parts = [];
    for (let at = 0; at < bytes.length;) {
        const { buffer, engine } = zlib.gunzipSync(bytes.subarray(at), { info: true });
        parts.push(buffer);
        at += engine.bytesWritten;
    }
    return parts;
}

function run(command, args, input) {
    const done = spawnSync(command, args, { input, maxBuffer: 1 << 30 });
    assert.equal(done.error, undefined);
    assert.equal(done.status, 0, `${command}: ${done.stderr}`);
    return done.stdout;
}

const PYTHON = `
import gzip, json, sys
for name in sys.argv[1:]:
    with gzip.open(name, "rt", encoding="utf-8", errors="strict", newline="\\n") as f:
        for line in f:
            json.loads(line)
            sys.stdout.buffer.write(line.encode())
`;
const PERL = 'for (@ARGV) { my $z = IO::Uncompress::Gunzip->new($_, MultiStream => 0) or die; print while <$z>; $z->error and die }';

const READERS = {
    'gzip -dc': (files) => run('gzip', ['-dc', ...files]),
    zcat: (files) => run('zcat', files),
    'python gzip and json': (files) => run('python3', ['-c', PYTHON, ...files]),
    'perl IO::Uncompress::Gunzip': (files) => run('perl', ['-MIO::Uncompress::Gunzip', '-e', PERL, ...files]),
    'node zlib': (files) => Buffer.concat(files.map((file) => zlib.gunzipSync(fs.readFileSync(file)))),
};

test('promise 7: every gzip reader reads the same lines from the sealed files', async (t) => {
    const server = await serverWithHits(t, 8000, { roll_size: '1MiB', roll_interval: '1s' });
    await server.stop();
    const files = sealedFiles(server);
    assert.ok(files.length >= 2, `${files.length} sealed files`);
    for (const file of files) {
        assert.match(
            path.relative(server.data, file),
            /^hits\/dt=\d{4}-\d\d-\d\d\/hour=\d\d\/[^/]+\.ndjson\.gz$/,
        );
        assert.equal(members(fs.readFileSync(file)).length, 1, `${file} has one gzip member`);
        run('gzip', ['-t', file]);
    }
    const ours = catLines(server).sort();
    assert.equal(ours.length, 8000);
    for (const [name, read] of Object.entries(READERS)) {
        const lines = read(files).toString('utf8').split('\n');
        assert.equal(lines.pop(), '', `${name}: the last line ends`);
        assert.deepEqual(lines.sort(), ours, name);
    }
});

test('promise 7: lines are flat JSON in UTF-8, without control bytes, each in its own partition', async (t) => {
    const server = await serverWithHits(t, 3000, {});
    await server.stop();
    const utf8 = new TextDecoder('utf-8', { fatal: true });
    let count = 0;
    for (const file of sealedFiles(server)) {
        const [, day, hour] = /dt=([\d-]+)\/hour=(\d\d)\//.exec(file);
        for (const line of utf8.decode(zlib.gunzipSync(fs.readFileSync(file))).split('\n').slice(0, -1)) {
            // eslint-disable-next-line no-control-regex
            assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
            const record = JSON.parse(line);
            count += 1;
            assert.equal(record.v, 1);
            assert.ok(record.ts.startsWith(`${day}T${hour}:`), record.ts);
            for (const [key, value] of Object.entries(record)) {
                assert.match(key, /^[a-z][a-z0-9_]*$/);
                if (key === 'params') Object.values(value).forEach((v) => assert.equal(typeof v, 'string'));
                else assert.notEqual(typeof value, 'object', key);
                assert.notEqual(value, null, 'absent means left out');
            }
        }
    }
    assert.equal(count, 3000);
});

test('promise 7: no published file ever changes, grows or is torn while hits arrive', async (t) => {
    const server = await start(t, { config: { roll_interval: '1s', roll_size: '1MiB' } });
    const seen = new Map();
    const look = () => {
        for (const file of sealedFiles(server)) {
            const bytes = fs.readFileSync(file);
            const digest = crypto.createHash('sha256').update(bytes).digest('hex');
            if (!seen.has(file)) {
                const text = zlib.gunzipSync(bytes).toString(); // throws when torn
                assert.ok(text.endsWith('\n') || text === '');
                seen.set(file, digest);
            }
            assert.equal(digest, seen.get(file), `${file} changed`);
        }
    };
    const end = performance.now() + 5000;
    function* hits() {
        let n = 0;
        while (performance.now() < end) {
            yield request(`/b.gif?site=s&n=${n}&pad=${'p'.repeat(200)}`);
            if (n++ % 50 === 0) look();
        }
    }
    let acknowledged = 0;
    await pour(server.address, hits(), () => (acknowledged += 1));
    await server.stop();
    look();
    assert.ok(seen.size >= 4, `${seen.size} files were published`);
    const lines = [...seen.keys()].flatMap((f) => zlib.gunzipSync(fs.readFileSync(f)).toString().split('\n').slice(0, -1));
    assert.equal(lines.length, acknowledged);
});

test('promise 7: the spool never looks like data', async (t) => {
    const server = await serverWithHits(t, 100, {});
    const spool = filesBelow(path.join(server.data, 'spool'));
    assert.ok(spool.length > 0);
    for (const file of spool) assert.doesNotMatch(file, /\.gz$/);
    assert.deepEqual(sealedFiles(server), []);
});

test('promise 7: the index is only an index: without it everything is read as before', async (t) => {
    const server = await serverWithHits(t, 3000, {});
    await server.stop();
    const before = catLines(server);
    const indexes = filesBelow(path.join(server.data, 'hits')).filter((file) => file.endsWith('.idx'));
    assert.ok(indexes.length > 0);
    for (const file of indexes) fs.rmSync(file);
    assert.deepEqual(catLines(server), before);
});

test('promise 7: DuckDB reads the same values with the schema that crumb prints', async (t) => {
    const server = await serverWithHits(t, 4000, { roll_size: '1MiB' });
    await server.stop();
    const schema = crumb('schema', '--duckdb', '--data', server.data);
    assert.equal(schema.status, 0, schema.stderr);
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const db = await (await DuckDBInstance.create(':memory:')).connect();
    await db.run(schema.stdout);
    const ours = new Map(catLines(server).map((line) => [JSON.parse(line).id, JSON.parse(line)]));

    const [{ n }] = await rows(db, 'SELECT count(*)::INTEGER AS n FROM hits');
    assert.equal(n, ours.size);
    const theirs = await rows(
        db,
        `SELECT id, kind, site, vid, vid_new, title, ref, ua, sw::INTEGER AS sw, utm_campaign,
                strftime(ts::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%gZ') AS ts, params['free'] AS free FROM hits`,
    );
    for (const row of theirs) {
        const own = ours.get(row.id);
        const expected = {
            id: own.id, kind: own.kind, site: own.site ?? null, vid: own.vid, vid_new: own.vid_new ?? null,
            title: own.title ?? null, ref: own.ref ?? null, ua: own.ua, sw: own.sw ?? null,
            utm_campaign: own.utm_campaign ?? null, ts: own.ts, free: own.params.free ?? null,
        };
        assert.deepEqual({ ...row, free: row.free ?? null }, expected);
    }
});

async function rows(db, sql) {
    return (await db.runAndReadAll(sql)).getRowObjectsJS();
}
