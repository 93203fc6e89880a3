// HTTP as browsers, proxies and scripts use it: answers, connections, pipelining, limits in time.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import test from 'node:test';
import { cleanup } from './lib/cleanup.js';
import { cat, start } from './lib/crumbd.js';
import { Connection, fetchOnce, request } from './lib/http.js';
import { SANITIZED, until } from './lib/wait.js';

const hasIpv6 = Object.values(os.networkInterfaces()).flat().some(({ address }) => address === '::1');

test('pixel: a 43-byte transparent GIF with the headers that it needs', async (t) => {
    const server = await start(t);
    const answer = await fetchOnce(server.address, '/b.gif?site=s');
    assert.equal(answer.status, 200);
    assert.equal(answer.body.length, 43);
    assert.equal(answer.body.subarray(0, 6).toString(), 'GIF89a');
    assert.equal(answer.body.readUInt16LE(6), 1);
    assert.equal(answer.body.readUInt16LE(8), 1);
    assert.equal(answer.body.at(-1), 0x3b);
    assert.equal(answer.header('Content-Type'), 'image/gif');
    assert.equal(answer.header('Content-Length'), '43');
    assert.match(answer.header('Cache-Control'), /no-store/);
    assert.equal(answer.header('Cross-Origin-Resource-Policy'), 'cross-origin');
    assert.equal(answer.header('X-Content-Type-Options'), 'nosniff');
    assert.ok(Math.abs(Date.parse(answer.header('Date')) - Date.now()) < 5000);
    for (const name of ['ETag', 'Last-Modified', 'Server']) assert.equal(answer.header(name), undefined);
});

test('pixel: the facts of the query and the headers are the record', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    const before = Date.now();
    const page = 'https://shop.example/b%C3%BCcher?utm_source=news&utm_medium=mail&utm_campaign=w%C3%B6che&q=1';
    await fetchOnce(server.address,
        `/b.gif?site=shop&url=${encodeURIComponent(page)}&ref=${encodeURIComponent('https://www.search.example/?q=crumb')}` +
        '&title=B%C3%BCcher+%26+mehr&sw=1920&sh=1080&lang=de-DE&pv=p1&colour=blue&size=',
        { 'User-Agent': 'Agent/1.0', Referer: 'https://other.example/' });
    await fetchOnce(server.address, '/b.gif?site=shop&e=buy', { Referer: 'https://shop.example/cart?a=b' });
    const [view, event] = cat(server);
    assert.deepEqual(
        { ...view, v: 1, ts: 0, id: 0, vid: 0 },
        {
            v: 1, ts: 0, id: 0, kind: 'view', site: 'shop', vid: 0, vid_new: true, pv: 'p1', ip: '127.0.0.1',
            url: page, host: 'shop.example', path: '/b%C3%BCcher',
            query: 'utm_source=news&utm_medium=mail&utm_campaign=w%C3%B6che&q=1',
            ref: 'https://www.search.example/?q=crumb', ref_host: 'www.search.example', title: 'Bücher & mehr',
            ua: 'Agent/1.0', lang: 'de-DE', sw: 1920, sh: 1080,
            utm_source: 'news', utm_medium: 'mail', utm_campaign: 'wöche',
            params: { colour: 'blue', size: '' },
        },
    );
    assert.match(view.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Date.parse(view.ts) >= before - 1 && Date.parse(view.ts) <= Date.now());
    assert.equal(event.kind, 'event');
    assert.equal(event.name, 'buy');
    assert.equal(event.url, 'https://shop.example/cart?a=b'); // without url the Referer is the page
});

test('ip: full, masked and none', async (t) => {
    const config = { trusted_proxies: ['127.0.0.1/32'], client_address: 'x-forwarded-for' };
    const expected = {
        full: ['198.51.100.77', '2001:db8:1234:5678::9'],
        masked: ['198.51.100.0', '2001:db8:1234::'],
        none: [undefined, undefined],
    };
    for (const [ip, addresses] of Object.entries(expected)) {
        const server = await start(t, { config: { ...config, ip, workers: 1 } });
        await fetchOnce(server.address, '/b.gif?site=s', { 'X-Forwarded-For': '198.51.100.77' });
        await fetchOnce(server.address, '/b.gif?site=s', { 'X-Forwarded-For': '2001:db8:1234:5678::9' });
        assert.deepEqual(cat(server).map((record) => record.ip), addresses, ip);
        await server.kill();
    }
});

test('HEAD is answered like GET without the body, and never counted', async (t) => {
    const server = await start(t);
    for (const path of ['/b.gif?site=s', '/optout', '/robots.txt', '/favicon.ico', '/.well-known/dnt/', '/nowhere']) {
        const got = await fetchOnce(server.address, path);
        const head = await fetchOnce(server.address, path, {}, 'HEAD');
        assert.equal(head.status, got.status, path);
        assert.equal(head.header('Content-Length'), got.header('Content-Length'), path);
        assert.equal(head.header('Content-Type'), got.header('Content-Type'), path);
        assert.deepEqual(head.all('Set-Cookie'), [], path);
    }
    assert.equal(cat(server).length, 1);
    assert.equal((await server.metrics()).crumb_hits_received_total, 1);
});

test('methods that an endpoint does not have: 405 with Allow, unknown paths: 404', async (t) => {
    const server = await start(t);
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
        const answer = await fetchOnce(server.address, '/b.gif', { 'Content-Length': '0' }, method);
        assert.equal(answer.status, 405, method);
        assert.match(answer.header('Allow'), /GET/);
    }
    for (const path of ['/', '/b.gifx', '/b.gif/', '/B.GIF', '/../b.gif', '/metrics', '/readyz', '/healthz', '/live/events', '/%62.gif']) {
        assert.equal((await fetchOnce(server.address, path)).status, 404, path);
    }
    for (const path of ['/b.gif', '/optout', '/nowhere']) {
        assert.equal((await fetchOnce(server.admin, path)).status, 404, `${path} on the admin listener`);
    }
});

test('declarations tell the truth about the running configuration', async (t) => {
    const server = await start(t);
    const robots = await fetchOnce(server.address, '/robots.txt');
    assert.equal(robots.status, 200);
    assert.match(robots.body.toString(), /User-agent: \*/i);
    const gpc = await fetchOnce(server.address, '/.well-known/gpc.json');
    assert.match(gpc.header('Content-Type'), /^application\/json/);
    assert.equal(typeof JSON.parse(gpc.body.toString()).gpc, 'boolean');
    assert.ok([200, 204].includes((await fetchOnce(server.address, '/favicon.ico')).status));
});

test('opt-out page: works without JavaScript and loads nothing from elsewhere', async (t) => {
    const server = await start(t);
    const page = await fetchOnce(server.address, '/optout');
    assert.equal(page.status, 200);
    assert.match(page.header('Content-Type'), /^text\/html; charset=utf-8/i);
    const html = page.body.toString();
    assert.match(html, /<form[^>]+method="?post"?/i);
    assert.doesNotMatch(html, /<script|(src|href|action)="?(https?:)?\/\//i);
});

test('keep-alive: many requests on one connection, one after the other', async (t) => {
    const server = await start(t);
    const connection = await Connection.open(server.address);
    for (let n = 0; n < 500; n += 1) {
        assert.equal((await connection.send(request(`/b.gif?site=s&n=${n}`)).answer()).status, 200);
    }
    assert.equal((await server.metrics()).crumb_connections_accepted_total, 1);
    assert.equal(cat(server).length, 500);
});

test('pipelining: 1,000 requests in one write are answered in order', async (t) => {
    const server = await start(t);
    const connection = await Connection.open(server.address);
    const paths = ['/b.gif?site=s', '/robots.txt', '/nowhere', '/.well-known/dnt/'];
    const types = [];
    for (const path of paths) types.push((await fetchOnce(server.address, path)).header('Content-Type'));
    connection.send(Array.from({ length: 1000 }, (_, n) => request(paths[n % 4])).join(''));
    for (let n = 0; n < 1000; n += 1) {
        const answer = await connection.answer();
        assert.equal(answer.header('Content-Type'), types[n % 4], `answer ${n}`);
    }
    assert.equal(cat(server).length, 251);
});

test('pipelining: a client that sends and does not read cannot make the server grow', async (t) => {
    const server = await start(t);
    const connection = await Connection.open(server.address);
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]);
    const answered = async () => (await server.metrics()).crumb_requests_total;
    // What hits make the server keep for good (the half hour of the live page) is there before.
    const patient = await Connection.open(server.address);
    patient.send(request('/b.gif?site=s').repeat(5_000));
    for (let i = 0; i < 5_000; i++) assert.equal((await patient.answer()).status, 200);
    await answered();
    connection.stopReading();
    const before = rss();
    connection.send(request('/b.gif?site=s').repeat(200_000));
    let last = -1;
    await until('the server stops reading', async () => {
        const now = await answered();
        const same = now === last;
        last = now;
        await new Promise((resolve) => setTimeout(resolve, 200)); // a window in which nothing moves
        return same;
    }, 30_000);
    assert.ok(rss() - before < (SANITIZED ? 65_536 : 4096), `grew by ${rss() - before} KiB`);
    assert.ok(last < 200_000);
    assert.equal((await fetchOnce(server.address, '/b.gif?site=s')).status, 200);
    connection.destroy();
});

test('a request in single bytes is one request', async (t) => {
    const server = await start(t);
    const connection = await Connection.open(server.address);
    for (const byte of request('/b.gif?site=s&n=slow', { Cookie: 'a=b' })) {
        connection.send(byte);
        await new Promise(setImmediate);
    }
    assert.equal((await connection.answer()).status, 200);
    assert.equal(cat(server).length, 1);
});

test('HTTP/1.0 and Connection: close end the connection, keep-alive keeps it', async (t) => {
    const server = await start(t);
    const closes = async (bytes) => {
        const connection = await Connection.open(server.address);
        const answer = await connection.send(bytes).answer();
        assert.equal(answer.status, 200);
        if (answer.header('Connection') === 'close') {
            await connection.end();
            return true;
        }
        assert.equal((await connection.send(bytes).answer()).status, 200);
        connection.destroy();
        return false;
    };
    const get = (version, header = '') => `GET /b.gif?site=s HTTP/1.${version}\r\nHost: x\r\n${header}\r\n`;
    assert.equal(await closes(get(1)), false);
    assert.equal(await closes(get(1, 'Connection: close\r\n')), true);
    assert.equal(await closes(get(1, 'Connection: Foo, CLOSE\r\n')), true);
    assert.equal(await closes(get(0)), true);
    assert.equal(await closes(get(0, 'Connection: keep-alive\r\n')), false);
});

test('a client that closes its side after asking still gets its answer', async (t) => {
    const server = await start(t);
    const connection = await Connection.open(server.address);
    connection.send(request('/b.gif?site=s')).finish();
    assert.equal((await connection.answer())?.status, 200);
    await connection.end();
});

test('limits in time: a header that never ends costs one connection for its deadline', async (t) => {
    const server = await start(t, { config: { limits: { header_timeout: '1s', idle_timeout: '2s' } } });
    const begin = performance.now();
    const slow = await Connection.open(server.address);
    const idle = await Connection.open(server.address);
    const silent = await Connection.open(server.address);
    assert.equal((await idle.send(request('/robots.txt')).answer()).status, 200);
    slow.send('GET /b.gif HTTP/1.1\r\nHost: x\r\n');
    const dripping = setInterval(() => slow.send('A: b\r\n'), 100); // each byte buys no time
    cleanup(t, () => clearInterval(dripping));
    const said = (await slow.end()).toString();
    assert.ok(said === '' || /^HTTP\/1\.1 408 /.test(said), said);
    assert.ok(performance.now() - begin < 5000);
    assert.equal((await idle.end()).length, 0);
    await silent.end();
    const m = await server.metrics();
    assert.ok(m.crumb_timeouts_total >= 1);
    assert.ok(m.crumb_idle_closed_total >= 1);
});

test('IPv6: listens, and stores the address', { skip: !hasIpv6 && 'no ::1 on this machine' }, async (t) => {
    const listen = [{ address: '[::1]:0' }, { address: '127.0.0.1:0' }];
    const server = await start(t, { config: { listen, workers: 1 } });
    for (const address of server.listening) {
        assert.equal((await fetchOnce(address, '/b.gif?site=s')).status, 200);
    }
    assert.deepEqual(cat(server).map((record) => record.ip), ['::1', '127.0.0.1']);
});

test('curl gets the pixel, keeps the cookie and is recognised', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    const url = `http://127.0.0.1:${server.address.port}/b.gif?site=s`;
    const jar = `${server.dir}/jar`;
    for (let n = 0; n < 2; n += 1) {
        const run = spawnSync('curl', ['-sS', '-c', jar, '-b', jar, '-o', `${server.dir}/pixel.gif`, '-w', '%{http_code}', url], { encoding: 'utf8' });
        assert.equal(run.stdout, '200', run.stderr);
    }
    const [first, second] = cat(server);
    assert.equal(second.vid, first.vid);
    assert.deepEqual([first.vid_new, second.vid_new], [true, undefined]);
    assert.match(second.ua, /^curl\//);
});
