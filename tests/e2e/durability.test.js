// durability: power acknowledges only what fdatasync has confirmed, and syncs for many hits at once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
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
