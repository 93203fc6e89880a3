// durability: power acknowledges only what fdatasync has confirmed, and syncs for many hits at once.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test from 'node:test';
import { cleanup } from './lib/cleanup.js';
import { cat, start } from './lib/crumbd.js';
import { fetchOnce, pour, request } from './lib/http.js';
import { until } from './lib/wait.js';

const CONFIG = { durability: 'power', workers: 1 };

test('power: hits are answered and stored like with process', async (t) => {
    const server = await start(t, { config: CONFIG });
    let answered = 0;
    const hits = Array.from({ length: 3000 }, (_, n) => request(`/b.gif?site=s&n=${n}`));
    await pour(server.address, hits, (_, answer) => {
        assert.equal(answer.status, 200);
        answered += 1;
    });
    assert.equal(answered, 3000);
    assert.equal(new Set(cat(server).map((record) => record.params.n)).size, 3000);
    await server.stop();
});

test('power: a sync stands between the write of a record and its answer', async (t) => {
    const server = await start(t, { config: CONFIG });
    await fetchOnce(server.address, '/b.gif?site=s&n=warm-up');
    const trace = `${server.dir}/trace`;
    const strace = spawn('strace', ['-f', '-y', '-s', '4000', '-e',
        'trace=pwrite64,pwritev,pwritev2,write,writev,sendmsg,sendto,fdatasync,fsync,sync_file_range,msync', '-o', trace, '-p', String(server.pid)]);
    cleanup(t, () => strace.kill('SIGTERM'));
    let said = '';
    strace.stderr.on('data', (text) => (said += text));
    await until('strace is attached', () => {
        if (strace.exitCode !== null) throw new Error(said);
        return /attached/.test(said);
    });
    await fetchOnce(server.address, '/b.gif?site=s&n=watched');
    strace.kill('SIGTERM');
    await until('strace has gone', () => strace.exitCode !== null || strace.signalCode !== null);
    const calls = fs.readFileSync(trace, 'utf8').split('\n');
    const write = calls.findIndex((call) => /pwrite/.test(call) && /watched/.test(call));
    const sync = calls.findIndex((call, at) => at > write && /(fdatasync|fsync).*= 0|(fdatasync|fsync) resumed.*= 0/.test(call));
    const answer = calls.findIndex((call) => /(write|writev|sendmsg|sendto)\(/.test(call) && /HTTP\/1\.1 200/.test(call));
    assert.ok(write >= 0 && sync > write && answer > sync, `write ${write}, sync ${sync}, answer ${answer}:\n${calls.join('\n')}`);
});

// From now on no file of the server may grow beyond that (ulimit -f): SIGXFSZ, or EFBIG.
function limitFileSize(server, bytes) {
    assert.equal(spawnSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}`]).status, 0);
}

const noisy = (n) => request(`/b.gif?site=s&n=${n}&pad=${crypto.randomBytes(400).toString('hex')}`);

for (const durability of ['process', 'power']) {
    test(`${durability}: where files may not grow, hits are kept in more files, or refused`, async (t) => {
        const server = await start(t, { config: { durability, workers: 1 } });
        limitFileSize(server, 300_000);
        const kept = new Set();
        await pour(server.address, Array.from({ length: 1500 }, (_, n) => noisy(n)), (hit, answer) => {
            assert.ok([200, 503].includes(answer.status));
            if (answer.status === 200) kept.add(/&n=(\d+)/.exec(hit)[1]);
        });
        assert.ok(kept.size > 500, `a file ends, the next begins: ${kept.size} of 1500`);
        await server.stop();
        assert.deepEqual(new Set(cat(server).map((record) => record.params.n)), kept);
    });
}

test('a stop that cannot seal, as files may not grow, says so and loses nothing', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    await pour(server.address, Array.from({ length: 500 }, (_, n) => noisy(n)), (_, answer) => assert.equal(answer.status, 200));
    limitFileSize(server, 20_000);
    server.signal('SIGTERM');
    assert.deepEqual(await server.ended, { code: 1, signal: null }, server.stderr);
    assert.match(server.stderr, /File too large/);
    assert.equal(new Set(cat(server).map((record) => record.params.n)).size, 500);
});
