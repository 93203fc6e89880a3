// Promise 9: a bad input costs one clear error: 4xx and close on the wire, file:line:column in a config,
// path@offset in data.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cat, crumb, CRUMBD, filesBelow, sealedFiles, start, temporaryDir } from './lib/crumbd.js';
import { Connection, fetchOnce, pour, request } from './lib/http.js';
import { MALFORMED } from './lib/malformed.js';

const BEHIND = request('/b.gif?site=s&smuggled=1');

// One complete answer, 4xx (or the two that RFC 9110 has for it), and nothing behind it.
function assertRefused(received, what) {
    const text = received.toString('latin1');
    const head = /^HTTP\/1\.1 (4\d\d|501|505) [^\r]+\r\n([\s\S]*?)\r\n\r\n/.exec(text);
    assert.ok(head, `${what}: ${JSON.stringify(text.slice(0, 200))}`);
    const length = /^content-length: (\d+)$/im.exec(head[2]);
    assert.ok(length, `${what}: ${head[0]}`);
    assert.equal(text.length, head[0].length + Number(length[1]), `${what}: ${text}`);
    assert.match(head[2], /^connection: close$/im, what);
    return Number(head[1]);
}

async function refused(server, pieces, what) {
    const connection = await Connection.open(server.address);
    for (const piece of pieces) {
        connection.send(piece);
        if (pieces.length > 2) await nextTurn();
    }
    return assertRefused(await connection.end(what), what);
}

test(`promise 9: ${MALFORMED.length} malformed requests, each one 4xx and a close`, async (t) => {
    const server = await start(t);
    const wrong = [];
    for (const [what, bytes] of MALFORMED) {
        await refused(server, [bytes + BEHIND], what).catch((error) => wrong.push(error.message));
    }
    assert.deepEqual(wrong, []);
    assert.equal(cat(server).length, 0, 'nothing was smuggled in');
    assert.equal((await server.metrics()).crumb_bad_requests_total, MALFORMED.length);
    assert.equal((await fetchOnce(server.address, '/b.gif?site=s')).status, 200);
});

test('promise 9: the same byte by byte, and behind a good request on the same connection', async (t) => {
    const server = await start(t);
    const short = MALFORMED.filter(([, bytes]) => bytes.length < 300);
    for (const [what, bytes] of short) {
        const whole = await refused(server, [bytes + BEHIND], what);
        assert.equal(await refused(server, [...bytes, BEHIND], what), whole, `${what}, in pieces`);
        const connection = await Connection.open(server.address);
        connection.send(request('/robots.txt') + bytes + BEHIND);
        assert.equal((await connection.answer()).status, 200, what);
        assert.equal(assertRefused(await connection.end(what), what), whole, what);
    }
    assert.equal(cat(server).length, 0);
});

test('promise 9: what is unusual but valid is answered', async (t) => {
    const server = await start(t);
    const host = 'Host: x\r\n';
    const valid = [
        `\r\nGET /b.gif?site=s HTTP/1.1\r\n${host}\r\n`, // RFC 9112 2.2: an empty line before is skipped
        `GET http://x/b.gif?site=s HTTP/1.1\r\n${host}\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\nhOsT:x\r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\nHost: \t x \t \r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\n${host}A:\r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\n${host}A: \xe4\xf6\xfc\r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\n${host}!#$%&'*+-.^_\`|~09: x\r\n\r\n`,
        `GET /b.gif?site=s&a=%00%0d%0a%ff HTTP/1.1\r\n${host}\r\n`,
        `GET /b.gif?site=s HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\n${host}Connection: keep-alive, x\r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`,
        `GET /b.gif?${'a'.repeat(4000)} HTTP/1.1\r\n${host}\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\n${host}Cookie: ${'c'.repeat(8000)}=1\r\n\r\n`,
        `GET /b.gif?site=s HTTP/1.1\r\n${host}${Array.from({ length: 99 }, (_, n) => `A${n}: b\r\n`).join('')}\r\n`,
    ];
    for (const bytes of valid) {
        const connection = await Connection.open(server.address);
        const answer = await connection.send(bytes).answer();
        assert.equal(answer?.status, 200, JSON.stringify(bytes.slice(0, 200)));
        // and it was framed right: the next request on the connection is read as one
        const next = await connection.send(request('/robots.txt')).answer();
        assert.equal(next?.header('Content-Type')?.split(';')[0], 'text/plain', JSON.stringify(bytes.slice(0, 200)));
        connection.destroy();
    }
    assert.equal(cat(server).length, valid.length);
});

test('promise 9: bodies, by length and in chunks, are framed right', async (t) => {
    const server = await start(t);
    const head = 'POST /optout HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n';
    for (const body of [
        'Content-Length: 0\r\n\r\n',
        'Content-Length: 5\r\n\r\nhello',
        'content-length: 005\r\n\r\nhello',
        'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        'Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
        'Transfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n00\r\n\r\n',
        'Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\nTrailer: yes\r\n\r\n',
        'Transfer-Encoding: chunked\r\n\r\n0A\r\n0123456789\r\n0\r\n\r\n',
    ]) {
        const connection = await Connection.open(server.address);
        connection.send(head + body + request('/robots.txt'));
        const answer = await connection.answer({ method: 'POST' });
        assert.ok(answer.status < 400, `${body}\n${answer.head}`);
        assert.equal((await connection.answer()).status, 200, body);
        connection.destroy();
    }
});

test('promise 9: too long is said as what it is', async (t) => {
    const server = await start(t);
    const expect = async (bytes, statuses) => {
        const status = await refused(server, [bytes], bytes.slice(0, 60));
        assert.ok(statuses.includes(status), `${status} for ${bytes.slice(0, 60)}`);
    };
    await expect(`GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, [414, 431]);
    await expect(request('/', { A: 'b'.repeat(70_000) }), [431]);
    await expect(request('/', Array.from({ length: 200 }, () => ['A', 'b'])), [431]);
    await expect(request('/optout', { 'Content-Length': '65537' }, 'POST'), [413]);
});

// ---- configuration -----------------------------------------------------------------------------------------

// What is wrong, the text, the line it is on, and what the sentence must say.
const BAD_CONFIGS = [
    ['a misspelt key', 'admin: 127.0.0.1:0\nlistne:\n  - address: 127.0.0.1:0\n', 2, /listne.*listen/s],
    ['a misspelt key deeper down', 'listen:\n  - adress: 127.0.0.1:0\n', 2, /adress.*address/s],
    ['a key of another level', 'listen:\n  - address: 127.0.0.1:0\n    workers: 2\n', 3, /workers/],
    ['a bad duration', 'workers: 1\nroll_interval: 10 minutes\n', 2, /10 minutes/],
    ['a duration without a unit', 'roll_interval: 10\n', 1, /roll_interval|10/],
    ['a bad size', 'roll_size: 256MB\n', 1, /256MB/],
    ['an unknown durability', 'durability: always\n', 1, /always/],
    ['an unknown ip mode', '\n\nip: some\n', 3, /some/],
    ['an unknown gpc mode', 'gpc: no\n', 1, /gpc|no/],
    ['no workers at all', 'workers: 0\n', 1, /workers|0/],
    ['fewer than no workers', 'workers: -1\n', 1, /-1/],
    ['workers in words', 'workers: many\n', 1, /many/],
    ['absurdly many workers', 'workers: 4000000000\n', 1, /4000000000/],
    ['an address without a port', 'listen:\n  - address: 127.0.0.1\n', 2, /127\.0\.0\.1/],
    ['a port that is none', 'listen:\n  - address: 127.0.0.1:99999\n', 2, /99999/],
    ['a host name to listen on', 'listen:\n  - address: example.com:80\n', 2, /example\.com/],
    ['a network with host bits', 'trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.1/8\n', 3, /10\.0\.0\.1\/8/],
    ['a network that is none', 'trusted_proxies: [ 127.0.0.1/33 ]\n', 1, /127\.0\.0\.1\/33/],
    ['an unknown header', 'client_address: x-real-ip\n', 1, /x-real-ip/],
    ['a list where one value belongs', 'data: [ a, b ]\n', 1, /data|sequence|list/i],
    ['a value where a list belongs', 'listen: 127.0.0.1:8080\n', 1, /listen|sequence|list/i],
    ['an unclosed quote', 'data: "abc\nworkers: 1\n', null, /./],
    ['a tab for indentation', 'listen:\n\t- address: 127.0.0.1:0\n', 2, /./],
    ['two values on a line', 'workers: 1: 2\n', 1, /./],
    ['no mapping at all', '- a\n- b\n', 1, /./],
    ['an origin that is none', 'sites:\n  - name: shop\n    origins: [ "shop.example" ]\n', 3, /shop\.example/],
    ['a site without a name', 'sites:\n  - origins: [ "https://shop.example" ]\n', 2, /name/],
];

test('promise 9: a config error is told with file, line and column, in one sentence', async (t) => {
    const dir = temporaryDir(t);
    const file = path.join(dir, 'bad.yaml');
    const wrong = [];
    for (const [what, text, line, says] of BAD_CONFIGS) {
        fs.writeFileSync(file, text);
        const run = spawnSync(CRUMBD, ['-t', '-c', file], { encoding: 'utf8', cwd: dir });
        const place = /bad\.yaml:(\d+):(\d+)/.exec(run.stderr);
        const fine = run.status === 1 && place && (line === null || Number(place[1]) === line) &&
            Number(place[2]) > 0 && says.test(run.stderr) && run.stderr.trim().split('\n').length === 1;
        if (!fine) wrong.push(`${what}: exit ${run.status}: ${run.stderr}`);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(fs.readdirSync(dir), ['bad.yaml'], 'a check makes nothing');
});

test('promise 9: crumbd does not start with a bad config, crumb config says the same', async (t) => {
    const dir = temporaryDir(t);
    const file = path.join(dir, 'bad.yaml');
    fs.writeFileSync(file, 'workers: 1\nroll_intervall: 10m\n');
    const served = spawnSync(CRUMBD, ['-c', file], { encoding: 'utf8', cwd: dir, timeout: 10_000 });
    assert.equal(served.status, 1);
    assert.match(served.stderr, /bad\.yaml:2:1.*roll_interval/);
    const checked = crumb('config', '-c', file);
    assert.equal(checked.status, 1);
    assert.match(checked.stderr, /bad\.yaml:2:1.*roll_interval/);
});

test('promise 9: the shipped configs are good ones', () => {
    for (const name of ['crumb.yaml', 'demo.yaml']) {
        const file = new URL(`../../conf/${name}`, import.meta.url).pathname;
        const dir = path.dirname(path.dirname(file));
        const run = spawnSync(CRUMBD, ['-t', '-c', file], { encoding: 'utf8', cwd: dir });
        assert.equal(run.status, 0, run.stderr);
    }
});

// ---- data --------------------------------------------------------------------------------------------------

function flip(file, at) {
    const bytes = fs.readFileSync(file);
    bytes[at] ^= 0x55;
    fs.chmodSync(file, 0o640);
    fs.writeFileSync(file, bytes);
}

async function serverWith(t, count, { stopped }) {
    const server = await start(t, { config: { workers: 1 } });
    const hits = Array.from({ length: count }, (_, n) => request(`/b.gif?site=s&n=${n}&pad=${n * 7919}`));
    await pour(server.address, hits, () => {});
    if (stopped) await server.stop();
    else await server.kill();
    return server;
}

function assertDamageTold(server, file, count) {
    const verify = crumb('verify', '--data', server.data);
    assert.equal(verify.status, 3, verify.stdout + verify.stderr);
    const told = `${verify.stdout}${verify.stderr}`;
    assert.ok(told.includes(`${path.basename(file)}@`), told);
    assert.match(told, /@\d+/);
    const read = crumb('cat', '--data', server.data);
    assert.equal(read.status, 3);
    assert.match(read.stderr, /@\d+/);
    const lines = read.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
    assert.ok(lines.length < count, `${lines.length} of ${count}`);
    return lines.length;
}

test('promise 9: a damaged sealed file is told as path@offset, what is intact is delivered', async (t) => {
    const server = await serverWith(t, 8000, { stopped: true });
    const [file] = sealedFiles(server);
    assert.equal(crumb('verify', '--data', server.data).status, 0);
    flip(file, Math.floor(fs.statSync(file).size / 2));
    const left = assertDamageTold(server, file, 8000);
    assert.ok(left > 2000, `${left} of 8000 records survive one bad block`);
});

test('promise 9: a sealed file that was cut off', async (t) => {
    const server = await serverWith(t, 8000, { stopped: true });
    const [file] = sealedFiles(server);
    fs.truncateSync(file, Math.floor(fs.statSync(file).size * 0.7));
    assert.ok(assertDamageTold(server, file, 8000) > 2000);
});

test('promise 9: a damaged record in the spool costs that record', async (t) => {
    const server = await serverWith(t, 1000, { stopped: false });
    const file = filesBelow(path.join(server.data, 'spool')).find((name) => fs.readFileSync(name).includes('"n":"500"'));
    flip(file, fs.readFileSync(file).indexOf('"n":"500"') + 5);
    assert.equal(assertDamageTold(server, file, 1000), 999);
});
