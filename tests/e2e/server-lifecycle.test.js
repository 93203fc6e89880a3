// How crumbd starts, refuses to start, drains and ends.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { cleanup } from './lib/cleanup.js';
import { cat, CRUMBD, filesBelow, launch, sealedFiles, start, startRefused, temporaryDir } from './lib/crumbd.js';
import { Connection, fetchOnce, pour, request } from './lib/http.js';
import { until } from './lib/wait.js';

// Refusing is one clear sentence and exit code 1.
function assertOneSentence({ code, stderr }, says) {
    assert.equal(code, 1, stderr);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.match(stderr, /^crumbd: error: /);
    assert.match(stderr, says);
}

test('start: a port in use is told', async (t) => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    cleanup(t, () => taken.close());
    await new Promise((resolve) => taken.on('listening', resolve));
    const address = `127.0.0.1:${taken.address().port}`;
    assertOneSentence(await startRefused(t, { config: { listen: [{ address }] } }), new RegExp(address));
    assertOneSentence(await startRefused(t, { config: { admin: address } }), new RegExp(address));
});

test('start: the port of another crumbd is in use too, although both share ports among workers', async (t) => {
    const first = await start(t);
    const address = `127.0.0.1:${first.address.port}`;
    assertOneSentence(await startRefused(t, { config: { listen: [{ address }] } }), new RegExp(address));
    assert.equal((await fetchOnce(first.address, '/b.gif?site=s')).status, 200);
});

// A port that nobody has, as far as one can tell.
async function freeAddress() {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.on('listening', resolve));
    const address = `127.0.0.1:${probe.address().port}`;
    await new Promise((resolve) => probe.close(resolve));
    return address;
}

test('start: one port for the public and the admin is told, also when one of them takes any address', async (t) => {
    const address = await freeAddress();
    const port = address.split(':')[1];
    for (const listen of [address, `0.0.0.0:${port}`]) {
        const refused = await startRefused(t, { config: { listen: [{ address: listen }], admin: address } });
        assertOneSentence(refused, new RegExp(address));
    }
});

test('start: of two that start at once on one port, one is refused', async (t) => {
    for (let n = 0; n < 10; n += 1) {
        const address = await freeAddress();
        const both = await Promise.all([1, 2].map(() => launch(t, { config: { listen: [{ address }] } })));
        await until('one of them is refused', () => both.some((server) => server.exit !== null));
        const [refused, serves] = both[0].exit ? both : [...both].reverse();
        assertOneSentence({ code: refused.exit.code, stderr: refused.stderr }, new RegExp(address));
        await until('the other one serves', () => serves.admin);
        assert.equal((await fetchOnce(serves.address, '/b.gif?site=s')).status, 200);
        await serves.kill();
    }
});

test('start: a data folder that another crumbd holds is told', async (t) => {
    const first = await start(t);
    const second = await startRefused(t, { config: { data: first.data } });
    assertOneSentence(second, new RegExp(first.data));
    await first.kill();
    const third = await start(t, { config: { data: first.data } }); // the lock ends with its holder
    assert.equal((await fetchOnce(third.address, '/b.gif?site=s')).status, 200);
});

test('start: a data folder that cannot be written is told', async (t) => {
    const dir = temporaryDir(t);
    const file = path.join(dir, 'a-file');
    fs.writeFileSync(file, '');
    assertOneSentence(await startRefused(t, { config: { data: path.join(file, 'data') } }), /a-file/);
    // root may write anywhere but below /proc
    assertOneSentence(await startRefused(t, { config: { data: '/proc/crumb-data' } }), /\/proc\/crumb-data/);
});

test('start: a folder of the data that an ordinary user may not write in is told', async (t) => {
    const isRoot = process.getuid() === 0;
    const under = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : [];
    for (const [readOnly, keys] of [['data', undefined], ['data', 'keys'], ['data/spool', 'keys'], ['data/hits', 'keys']]) {
        const dir = temporaryDir(t);
        fs.chmodSync(dir, 0o777);
        for (const name of ['data', 'data/spool', 'data/hits']) fs.mkdirSync(path.join(dir, name));
        if (isRoot) for (const name of ['', 'data', 'data/spool', 'data/hits']) fs.chownSync(path.join(dir, name), 65534, 65534);
        fs.chmodSync(path.join(dir, readOnly), 0o500);
        const config = { keys: keys && path.join(dir, keys) };
        const refused = await startRefused(t, { dir, config, under });
        fs.chmodSync(path.join(dir, readOnly), 0o700); // so that an ordinary user can remove it
        assertOneSentence(refused, new RegExp(`cannot .*${dir}/${readOnly}.*: Permission denied`));
    }
});

test('start: a key file that others may read is told', async (t) => {
    for (const mode of [0o644, 0o640, 0o604]) {
        const dir = temporaryDir(t);
        fs.writeFileSync(path.join(dir, 'keys'), `1 ${'ab'.repeat(32)}\n`);
        fs.chmodSync(path.join(dir, 'keys'), mode);
        assertOneSentence(await startRefused(t, { dir }), /keys/);
    }
});

test('start: a key file with nonsense in it is told', async (t) => {
    for (const text of ['', 'x\n', `0 ${'ab'.repeat(32)}\n`, `256 ${'ab'.repeat(32)}\n`, '1 abcd\n', `1 ${'xy'.repeat(32)}\n`,
        `1 ${'ab'.repeat(32)}\n1 ${'cd'.repeat(32)}\n`, `1 ${'ab'.repeat(32)}\n2 ${'cd'.repeat(32)}\n3 ${'ef'.repeat(32)}\n`]) {
        const dir = temporaryDir(t);
        fs.writeFileSync(path.join(dir, 'keys'), text, { mode: 0o600 });
        assertOneSentence(await startRefused(t, { dir }), /keys/);
    }
});

test('start: a config file that is not there, and wrong arguments', () => {
    const run = (...args) => spawnSync(CRUMBD, args, { encoding: 'utf8', timeout: 10_000 });
    const missing = run('-c', '/nonexistent/crumb.yaml');
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /\/nonexistent\/crumb\.yaml/);
    assert.equal(run('--no-such-option').status, 2);
    assert.match(run('--no-such-option').stderr, /^crumbd: .*no-such-option/);
    assert.deepEqual([run('--help').status, run('--help').stdout], [0, run('-h').stdout]);
    assert.deepEqual([run('--version').status, run('--version').stdout], [0, run('-V').stdout]);
    assert.equal(run('-c').status, 2);
});

test('start: the first hit after a crash is answered at once, whatever was left behind', async (t) => {
    const dir = temporaryDir(t);
    const config = { roll_size: '1MiB' };
    const first = await start(t, { dir, config });
    const hits = Array.from({ length: 20_000 }, (_, n) => request(`/b.gif?site=s&n=${n}&pad=${'p'.repeat(400)}`));
    await pour(first.address, hits, () => {});
    await first.kill();
    const begin = performance.now();
    const second = await start(t, { dir, config });
    assert.equal((await fetchOnce(second.address, '/b.gif?site=s&n=after')).status, 200);
    t.diagnostic(`first answer after ${Math.round(performance.now() - begin)} ms`);
    await second.stop();
    assert.equal(cat(second).length, 20_001);
});

test('stop: SIGTERM drains: readyz says so, requests in progress are answered, all is sealed', async (t) => {
    const server = await start(t);
    assert.equal((await fetchOnce(server.admin, '/readyz')).status, 200);
    assert.equal((await fetchOnce(server.admin, '/healthz')).status, 200);
    const half = await Connection.open(server.address);
    const idle = await Connection.open(server.address);
    assert.equal((await idle.send(request('/b.gif?site=s&n=1')).answer()).status, 200);
    half.send('GET /b.gif?site=s&n=2 HTTP/1.1\r\nHost: x\r\n');
    await fetchOnce(server.address, '/robots.txt'); // by now the half request was read
    const watch = await Connection.open(server.admin);
    server.signal('SIGTERM');
    await until('readyz says that it drains', async () => {
        const answer = await watch.send(request('/readyz')).answer().catch(() => null);
        return answer === null || answer.status === 503;
    });
    half.send('\r\n');
    const answer = await half.answer();
    assert.equal(answer?.status, 200);
    assert.equal(answer.header('Connection'), 'close');
    await idle.end();
    await until('crumbd ends', () => server.exit !== null, 30_000);
    assert.deepEqual(server.exit, { code: 0, signal: null }, server.stderr);
    assert.deepEqual(cat(server).map((record) => record.params.n).sort(), ['1', '2']);
    assert.ok(sealedFiles(server).length >= 1);
    assert.deepEqual(filesBelow(path.join(server.data, 'spool')).filter((name) => !name.includes('lock')), []);
});

test('stop: SIGINT is a clean stop as well', async (t) => {
    const server = await start(t);
    assert.equal((await fetchOnce(server.address, '/b.gif?site=s')).status, 200);
    server.signal('SIGINT');
    await until('crumbd ends', () => server.exit !== null, 30_000);
    assert.deepEqual(server.exit, { code: 0, signal: null });
    assert.equal(sealedFiles(server).length, 1);
});

test('stop: under load every acknowledged hit is there', async (t) => {
    const server = await start(t);
    let n = 0;
    let stopped = false;
    const acknowledged = new Set();
    function* hits() {
        while (!stopped) yield request(`/b.gif?site=s&n=${n++}`);
    }
    const load = pour(server.address, hits(), (hit, answer) => {
        if (answer.status === 200) acknowledged.add(/&n=(\d+)/.exec(hit)[1]);
    });
    await until('there is load', () => acknowledged.size > 3000);
    await server.stop();
    stopped = true;
    await load;
    const stored = cat(server).map((record) => record.params.n);
    assert.equal(new Set(stored).size, stored.length);
    assert.deepEqual([...acknowledged].filter((one) => !stored.includes(one)), []);
});
