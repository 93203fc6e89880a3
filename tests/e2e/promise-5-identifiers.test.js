// Promise 5: an identifier cannot be guessed, forged or fixed from outside; its lifetime is fixed and never
// extended; a bad one is treated as absent.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { cat, start, temporaryDir, TRUST_LOOPBACK } from './lib/crumbd.js';
import { fetchOnce, pour, request } from './lib/http.js';
import { random } from './lib/random.js';

const LIFETIME_DAYS = 395;
const FORM = /^[A-Za-z0-9_-]{48}$/;

async function hit(server, cookie, headers = {}) {
    const cookies = cookie === undefined ? {} : { Cookie: cookie };
    const answer = await fetchOnce(server.address, '/b.gif?site=s', { ...cookies, ...headers });
    assert.equal(answer.status, 200);
    return answer;
}

async function issue(server) {
    const id = (await hit(server)).cookie('crumb_id');
    assert.match(id, FORM);
    return id;
}

const last = (server) => cat(server).at(-1); // of one worker: the newest

// libfaketime, wherever this architecture keeps it.
function faketime(days) {
    const library = fs
        .readdirSync('/usr/lib')
        .map((dir) => path.join('/usr/lib', dir, 'faketime/libfaketimeMT.so.1'))
        .find((file) => fs.existsSync(file));
    assert.ok(library, 'libfaketime is installed');
    return {
        LD_PRELOAD: library,
        FAKETIME: `${days < 0 ? '' : '+'}${days}d`,
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        ASAN_OPTIONS: 'verify_asan_link_order=0', // for make asan
    };
}

test('promise 5: the cookie that is issued, over http and https', async (t) => {
    const server = await start(t, { config: TRUST_LOOPBACK });
    const attributes = (answer) =>
        answer
            .all('Set-Cookie')
            .find((line) => line.startsWith('crumb_id='))
            .split(/; */)
            .slice(1)
            .filter((attribute) => !/^Expires=/i.test(attribute))
            .sort();
    const plain = attributes(await hit(server));
    assert.ok(plain.includes('HttpOnly') && plain.includes('Path=/'));
    assert.ok(plain.includes(`Max-Age=${LIFETIME_DAYS * 86400}`), plain.join('; '));
    assert.ok(!plain.includes('Secure') && !plain.includes('SameSite=None'));
    const secure = attributes(await hit(server, undefined, { 'X-Forwarded-Proto': 'https' }));
    assert.ok(secure.includes('Secure') && secure.includes('SameSite=None'), secure.join('; '));
});

test('promise 5: a browser keeps its identifier and is not given another one', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    const id = await issue(server);
    const { vid, vid_new: isNew } = last(server);
    assert.match(vid, /^[A-Za-z0-9_-]{22}$/);
    assert.equal(isNew, true);
    for (let n = 0; n < 3; n += 1) {
        const again = await hit(server, `other=1; crumb_id=${id}`);
        assert.deepEqual(again.all('Set-Cookie'), []); // never extended
        assert.deepEqual([last(server).vid, last(server).vid_new], [vid, undefined]);
    }
});

test('promise 5: 20,000 identifiers are all different, and no bit is special', async (t) => {
    const server = await start(t);
    const ids = new Set();
    const hits = Array.from({ length: 20_000 }, () => request('/b.gif?site=s'));
    await pour(server.address, hits, (_, answer) => ids.add(answer.cookie('crumb_id')));
    assert.equal(ids.size, 20_000);
    const vids = new Set(cat(server).map((record) => record.vid));
    assert.equal(vids.size, 20_000);
    // Each of the 128 bits is one in about half of them.
    const ones = new Array(128).fill(0);
    for (const vid of vids) {
        const bytes = Buffer.from(vid, 'base64url');
        for (let bit = 0; bit < 128; bit += 1) ones[bit] += (bytes[bit >> 3] >> (bit & 7)) & 1;
    }
    for (const count of ones) assert.ok(Math.abs(count - 10_000) < 500, `a bit is one ${count} times`);
});

test('promise 5: a forged identifier is as good as none', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    const other = await start(t); // has a key of its own
    const id = await issue(server);
    const { vid } = last(server);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const r = random(5);
    const forged = [
        await issue(other),
        id.slice(0, -1),
        `${id}A`,
        `${id}=`,
        id.toUpperCase(),
        '',
        'A'.repeat(48),
        vid,
        `${vid}${id.slice(22)}`,
        Buffer.from(id, 'base64url').toString('hex'),
        '%41'.repeat(16),
        '\xff'.repeat(48),
        'x'.repeat(3000),
        ...Array.from(id, (c, at) => id.slice(0, at) + alphabet[(alphabet.indexOf(c) + 1 + r.below(63)) % 64] + id.slice(at + 1)),
        ...Array.from({ length: 50 }, () => Array.from({ length: 48 }, () => r.pick([...alphabet])).join('')),
    ];
    for (const value of forged) {
        const answer = await hit(server, `crumb_id=${value}`);
        const fresh = answer.cookie('crumb_id');
        assert.match(fresh ?? '', FORM, `"${value}" was believed`);
        assert.notEqual(fresh, value);
    }
    const records = cat(server).slice(1);
    assert.equal(records.length, forged.length);
    for (const record of records) {
        assert.equal(record.vid_new, true);
        assert.notEqual(record.vid, vid);
    }
    assert.equal(new Set(records.map((record) => record.vid)).size, forged.length);
    const counted = (await server.metrics()).crumb_ids_bad_total;
    assert.ok(counted >= forged.length - 1, `${counted}`); // an empty one need not count as bad
});

test('promise 5: a forged twin does not hide the real identifier', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    const id = await issue(server);
    const { vid } = last(server);
    for (const cookie of [
        `crumb_id=${'A'.repeat(48)}; crumb_id=${id}`,
        `crumb_id=${id}; crumb_id=${'A'.repeat(48)}`,
        `crumb_id=; crumb_id=x; crumb_id=${id}`,
    ]) {
        const answer = await hit(server, cookie);
        assert.equal(answer.cookie('crumb_id'), undefined, cookie);
        assert.equal(last(server).vid, vid, cookie);
    }
});

test('promise 5: an identifier ends on its day, whoever replays it', async (t) => {
    const dir = temporaryDir(t);
    const today = await start(t, { dir, config: { workers: 1 } });
    const id = await issue(today);
    const { vid } = last(today);
    await today.stop();
    for (const [days, valid] of [
        [1, true],
        [LIFETIME_DAYS - 1, true],
        [LIFETIME_DAYS + 1, false],
        [4000, false],
        [-2, false], // a cookie from the future is none either
    ]) {
        const then = await start(t, { dir, config: { workers: 1 }, env: faketime(days) });
        const answer = await hit(then, `crumb_id=${id}`);
        assert.equal(answer.cookie('crumb_id') === undefined, valid, `${days} days later`);
        await then.stop();
        const record = cat(then).filter((r) => r.vid === vid);
        assert.equal(record.some((r) => Math.abs(Date.parse(r.ts) - Date.now() - days * 864e5) < 864e5), valid);
    }
});

test('promise 5: keys rotate on SIGHUP, the one before is accepted until it is taken out', async (t) => {
    const server = await start(t);
    const keys = path.join(server.dir, 'keys');
    const old = fs.readFileSync(keys, 'utf8').trim().split('\n').filter((line) => !line.startsWith('#'));
    assert.equal(old.length, 1);
    const oldId = await issue(server);
    const number = Number(old[0].split(' ')[0]);
    const fresh = `${number === 255 ? 1 : number + 1} ${'5a'.repeat(32)}`;

    fs.writeFileSync(keys, `${fresh}\n${old[0]}\n`, { mode: 0o600 });
    await server.reload();
    assert.equal((await hit(server, `crumb_id=${oldId}`)).cookie('crumb_id'), undefined);
    const newId = await issue(server);

    fs.writeFileSync(keys, `${fresh}\n`, { mode: 0o600 });
    await server.reload();
    assert.equal((await hit(server, `crumb_id=${newId}`)).cookie('crumb_id'), undefined);
    assert.match((await hit(server, `crumb_id=${oldId}`)).cookie('crumb_id') ?? '', FORM);
});

test('promise 5: the key file is made at the first start, for its owner only', async (t) => {
    const server = await start(t);
    assert.equal(fs.statSync(path.join(server.dir, 'keys')).mode & 0o777, 0o600);
});

test('promise 5: a key file that is gone at a reload is told, and identifiers stay what they are', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    const cookie = (await fetchOnce(server.address, '/b.gif?site=s')).cookie('crumb_id');
    fs.renameSync(path.join(server.dir, 'keys'), path.join(server.dir, 'keys.old'));
    assert.match(await server.reload(/error/), /the old configuration stays: .*keys/);
    assert.equal(fs.existsSync(path.join(server.dir, 'keys')), false);
    await fetchOnce(server.address, '/b.gif?site=s', { Cookie: `crumb_id=${cookie}` });
    const [first, second] = cat(server);
    assert.deepEqual([second.vid, second.vid_new], [first.vid, undefined]);
});
