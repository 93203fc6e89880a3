// Promise 10: hits arrive without a geo database, with a broken one, with a disk that was full, with files
// that cannot be opened for a while, and while the configuration is replaced.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { cleanup } from './lib/cleanup.js';
import { cat, COUNTRY_MMDB, crumb, start, temporaryDir, TRUST_LOOPBACK, writeConfig } from './lib/crumbd.js';
import { Connection, fetchOnce, pour, request } from './lib/http.js';
import { until } from './lib/wait.js';

const GERMAN = '141.20.1.1'; // a German university's network

async function country(server, ip = GERMAN) {
    const answer = await fetchOnce(server.address, '/b.gif?site=geo', { 'X-Forwarded-For': ip });
    assert.equal(answer.status, 200);
    return cat(server, '--site', 'geo').at(-1).country;
}

const withGeo = (...databases) => ({ ...TRUST_LOOPBACK, workers: 1, geo: { databases } });

test('promise 10: no geo database is no error', async (t) => {
    const server = await start(t, { config: withGeo() });
    assert.equal(await country(server), undefined);
    assert.doesNotMatch(server.stderr, /error/);
});

test('promise 10: a geo database that is missing or broken at the start is told, and hits arrive', async (t) => {
    const dir = temporaryDir(t);
    const broken = path.join(dir, 'broken.mmdb');
    fs.writeFileSync(broken, 'this is no database');
    for (const file of [path.join(dir, 'missing.mmdb'), broken]) {
        const server = await start(t, { config: withGeo(file) });
        assert.equal(await country(server), undefined);
        assert.match(server.stderr, new RegExp(path.basename(file)));
        await server.stop();
    }
});

test('promise 10: a geo database appears, breaks and recovers while hits arrive', async (t) => {
    const dir = temporaryDir(t);
    const file = path.join(dir, 'geo.mmdb');
    const good = fs.readFileSync(COUNTRY_MMDB);
    fs.writeFileSync(file, good);
    const server = await start(t, { config: withGeo(file) });
    const load = keepHitting(server);
    assert.equal(await country(server), 'DE');

    // A broken file moved into its place: the old one stays in use, and it is told.
    fs.writeFileSync(`${file}.new`, good.subarray(0, 1000));
    fs.renameSync(`${file}.new`, file);
    await until('the broken file is told', () => /geo\.mmdb/.test(server.stderr), 30_000);
    assert.equal(await country(server), 'DE');
    await server.reload(/geo\.mmdb|reload|config/);
    assert.equal(await country(server), 'DE');

    fs.copyFileSync(COUNTRY_MMDB, `${file}.new`);
    fs.renameSync(`${file}.new`, file);
    await server.reload();
    assert.equal(await country(server), 'DE');
    await load.end();
});

test('promise 10: a new database is taken over by itself, without a signal', async (t) => {
    const dir = temporaryDir(t);
    const file = path.join(dir, 'geo.mmdb');
    fs.copyFileSync(COUNTRY_MMDB, file);
    const server = await start(t, { config: withGeo(file) });
    assert.equal(await country(server), 'DE');
    // The same database, in which Germany is called XX.
    const changed = fs.readFileSync(file);
    for (let at = changed.indexOf('\x42DE'); at >= 0; at = changed.indexOf('\x42DE', at + 1)) changed.write('XX', at + 1);
    fs.writeFileSync(`${file}.new`, changed);
    fs.renameSync(`${file}.new`, file);
    await until('the new name is used', async () => (await country(server)) === 'XX', 60_000);
});

test('promise 10: overwriting or cutting the database in place does not end the server', async (t) => {
    const dir = temporaryDir(t);
    const file = path.join(dir, 'geo.mmdb');
    fs.copyFileSync(COUNTRY_MMDB, file);
    const server = await start(t, { config: withGeo(file) });
    assert.equal(await country(server), 'DE');
    const load = keepHitting(server);
    fs.writeFileSync(file, Buffer.alloc(100_000, 0xff)); // truncates what may be mapped
    for (let n = 0; n < 200; n += 1) await country(server, `${1 + (n % 220)}.${n}.7.9`);
    fs.truncateSync(file, 0);
    for (let n = 0; n < 200; n += 1) await country(server, `${1 + (n % 220)}.${n}.7.9`);
    server.signal('SIGHUP');
    for (let n = 0; n < 50; n += 1) await country(server, `${1 + (n % 220)}.${n}.7.9`);
    assert.equal(server.exit, null);
    await load.end();
    await server.stop();
});

// Hits from a few connections until end() is called; every one must be answered with 200.
function keepHitting(server, target = '/b.gif?site=s&load=1') {
    let going = true;
    const statuses = {};
    function* hits() {
        while (going) yield request(target);
    }
    const done = pour(server.address, hits(), (_, answer) => {
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    }, { connections: 2, depth: 2 });
    return {
        statuses,
        end: async () => {
            going = false;
            await done;
            assert.deepEqual(Object.keys(statuses), ['200']);
        },
    };
}

test('promise 10: a reload drops no connection, and a bad config leaves the old one in force', async (t) => {
    const server = await start(t, { config: { ip: 'full', workers: 1 } });
    const idle = await Connection.open(server.address);
    assert.equal((await idle.send(request('/b.gif?site=s')).answer()).status, 200);
    const load = keepHitting(server);
    const config = { ip: 'none', workers: 1 };
    for (let n = 0; n < 10; n += 1) {
        writeConfig(server.dir, config);
        await server.reload();
    }
    assert.equal((await idle.send(request('/b.gif?site=s&n=none')).answer()).status, 200);
    fs.writeFileSync(server.config, 'ip: [ broken\n');
    const said = await server.reload(/crumb\.yaml:\d+:\d+/);
    assert.match(said, /crumb\.yaml:\d+:\d+/);
    assert.equal((await idle.send(request('/b.gif?site=s&n=still')).answer()).status, 200);
    await load.end();
    const records = cat(server).filter((record) => record.params?.n);
    assert.deepEqual(records.map(({ params, ip }) => [params.n, ip]), [['none', undefined], ['still', undefined]]);
});

test('promise 10: what a reload cannot change is named', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    writeConfig(server.dir, { workers: 2 });
    assert.match(await server.reload(/workers/), /restart/);
    assert.equal((await fetchOnce(server.address, '/b.gif?site=s')).status, 200);
});

// ---- a full disk -------------------------------------------------------------------------------------------

// A small file system of our own, or null where we may not mount one.
function smallDisk(t, size) {
    const dir = temporaryDir(t);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]).status !== 0) return null;
    cleanup(t, () => spawnSync('umount', ['-l', dir]));
    return dir;
}

for (const durability of ['process', 'power']) {
    test(`promise 10: a full disk refuses hits with 503 and recovers by itself (${durability})`, async (t) => {
        const disk = smallDisk(t, '48m');
        if (disk === null) return t.skip('needs the right to mount a tmpfs');
        const config = { data: path.join(disk, 'data'), workers: 1, durability, roll_interval: '1s', roll_size: '4MiB' };
        const server = await start(t, { config });
        server.data = config.data;
        const acknowledged = new Set();
        let n = 0;
        const hit = async () => {
            n += 1;
            const answer = await fetchOnce(server.address, `/b.gif?site=s&n=${n}&pad=${'p'.repeat(500)}`);
            if (answer.status === 200) acknowledged.add(String(n));
            return answer;
        };
        assert.equal((await hit()).status, 200);

        fs.writeFileSync(path.join(disk, 'filler'), '');
        fillUp(path.join(disk, 'filler'));
        const refused = await until('a hit is refused', async () => {
            await pour(server.address, hits(1000, () => (n += 1)), note(acknowledged));
            const answer = await hit();
            return answer.status === 503 && answer;
        }, 60_000);
        assert.match(refused.header('Retry-After'), /^\d+$/);
        assert.equal((await fetchOnce(server.address, '/optout')).status, 200); // opting out always works
        const out = await fetchOnce(server.address, '/optout', { 'Content-Length': '0', Origin: 'http://localhost' }, 'POST');
        assert.equal(out.cookie('crumb_optout'), '1');
        await until('readyz says so', async () => {
            fillUp(path.join(disk, 'filler')); // sealing gives back room
            return (await fetchOnce(server.admin, '/readyz')).status === 503;
        });
        assert.equal((await fetchOnce(server.admin, '/healthz')).status, 200);

        fs.rmSync(path.join(disk, 'filler'));
        await until('hits are accepted again', async () => (await hit()).status === 200, 30_000);
        assert.equal((await fetchOnce(server.admin, '/readyz')).status, 200);
        const m = await server.metrics();
        const refusedCount = Object.entries(m)
            .filter(([name]) => name.startsWith('crumb_hits_refused_total'))
            .reduce((sum, [, value]) => sum + value, 0);
        assert.ok(refusedCount > 0);
        assert.equal(m.crumb_hits_received_total, m.crumb_hits_stored_total + refusedCount);
        await server.stop();
        const stored = cat(server).map((record) => record.params.n);
        assert.equal(stored.length, new Set(stored).size);
        assert.deepEqual(stored.filter((one) => !acknowledged.has(one)), [], 'what was refused is not stored');
        assert.equal(stored.length, acknowledged.size, 'what was acknowledged is');
        assert.equal(crumb('verify', '--data', server.data).status, 0);
    });
}

function* hits(count, next) {
    for (let i = 0; i < count; i += 1) yield request(`/b.gif?site=s&n=${next()}&pad=${'p'.repeat(500)}`);
}

const note = (acknowledged) => (hit, answer) => {
    if (answer.status === 200) acknowledged.add(/&n=(\d+)/.exec(hit)[1]);
};

function fillUp(file) {
    const fd = fs.openSync(file, 'a');
    for (let size = 1 << 20; size >= 4096; size >>= 1) {
        try {
            for (;;) fs.writeSync(fd, Buffer.alloc(size, 1));
        } catch (error) {
            assert.equal(error.code, 'ENOSPC');
        }
    }
    fs.closeSync(fd);
}

// ---- descriptors -------------------------------------------------------------------------------------------

// From now on the process may open only so many files more.
function limitDescriptors(server, more) {
    const limit = fs.readdirSync(`/proc/${server.pid}/fd`).length + more;
    const run = spawnSync('prlimit', ['--pid', String(server.pid), `--nofile=${limit}`]);
    assert.equal(run.status, 0);
    return limit;
}

// 300 clients at once where 20 have room: each sends one request and keeps its connection open.
// Returns the statuses, null for a client that was turned away.
async function answersToCrowd(server) {
    const client = async () => {
        const connection = await Connection.open(server.address);
        return (await connection.send(request('/b.gif?site=s')).answer().catch(() => null))?.status ?? null;
    };
    return Promise.all(Array.from({ length: 300 }, client));
}

test('promise 10: whoever asks is answered, also when descriptors are few', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    // The first hit opens the segment. (At its start crumbd leaves room for that and for what sealing
    // needs; here the limit falls under its feet.)
    assert.equal((await fetchOnce(server.address, '/b.gif?site=s')).status, 200);
    limitDescriptors(server, 20);
    // The spool may find no descriptor either: a 503 is an answer, a closed connection is none.
    const answers = await answersToCrowd(server);
    assert.deepEqual(answers.filter((status) => ![200, 503].includes(status)), []);
});

test('promise 10: whoever asks is answered, also when limits.connections is reached', async (t) => {
    const server = await start(t, { config: { workers: 1, limits: { connections: 20 } } });
    assert.deepEqual([...new Set(await answersToCrowd(server))], [200]);
    assert.equal(cat(server).length, 300);
});

test('promise 10: a process that may open few files holds as many connections as it says, and can be asked', async (t) => {
    const server = await start(t, { config: { workers: 1 }, under: ['prlimit', '--nofile=80'] });
    const most = Number(/at most (\d+) connections are held/.exec(server.stderr)?.[1]);
    assert.ok(most >= 20 && most < 80, server.stderr);
    const crowd = await Promise.all(Array.from({ length: 120 }, () => Connection.open(server.address)));
    for (const connection of crowd) connection.send('GET /b.gif?site=s HTTP/1.1\r\n');
    await until('as many are held', async () => (await server.metrics()).crumb_connections === most);
    assert.equal((await fetchOnce(server.admin, '/readyz')).status, 200);
});

test('promise 10: without descriptors accepting pauses, it does not spin, and goes on afterwards', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    const limit = limitDescriptors(server, 20);
    const open = () => fs.readdirSync(`/proc/${server.pid}/fd`).length;
    const busy = await Connection.open(server.address);
    busy.send('GET /b.gif?site=s HTTP/1.1\r\n');
    assert.equal((await fetchOnce(server.address, '/b.gif?site=s')).status, 200); // so busy was read
    // None of the crowd is idle, so none can be closed to make room.
    const crowd = await Promise.all(Array.from({ length: 120 }, () => Connection.open(server.address)));
    for (const connection of crowd) connection.send('GET /b.gif?site=s HTTP/1.1\r\n');
    await until('no descriptor is left', () => open() >= limit - 1);
    const before = server.cpuMs();
    await pause(1000); // the time over which the CPU is measured
    const used = server.cpuMs() - before;
    assert.ok(used <= 200, `${used} ms of CPU in a second of waiting`);
    // a request in progress is answered meanwhile
    assert.equal((await busy.send('Host: x\r\n\r\n').answer())?.status, 200);
    for (const connection of crowd) connection.destroy();
    await until('new connections are served', async () =>
        fetchOnce(server.address, '/b.gif?site=s').then((answer) => answer.status === 200, () => false));
    assert.ok((await server.metrics()).crumb_accept_pauses_total > 0);
    await server.stop();
});
