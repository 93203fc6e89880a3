// Promise 3: with the opt-out cookie no identifier is read, set or written, on any endpoint; the id cookie is
// expired, the pixel is still served, and only a counter moves.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { cat, filesBelow, start } from './lib/crumbd.js';
import { fetchOnce } from './lib/http.js';

const ENDPOINTS = [
    ['GET', '/b.gif?site=s&url=https%3A%2F%2Fs.example%2F'],
    ['HEAD', '/b.gif?site=s'],
    ['GET', '/optout'],
    ['HEAD', '/optout'],
    ['GET', '/optout/status'],
    ['POST', '/optout'],
    ['GET', '/.well-known/dnt/'],
    ['GET', '/.well-known/gpc.json'],
    ['GET', '/robots.txt'],
    ['GET', '/favicon.ico'],
    ['GET', '/not-there'],
];

// Any occurrence, whatever its value and wherever it stands, is an opt-out.
const OPT_OUT_COOKIES = [
    [['Cookie', 'crumb_optout=1']],
    [['Cookie', 'crumb_optout=0']],
    [['Cookie', 'crumb_optout=']],
    [['Cookie', 'crumb_optout="1"']],
    [['Cookie', 'a=b; crumb_optout=1; c=d']],
    [['Cookie', 'a=b;crumb_optout=1;c=d']],
    [['Cookie', 'crumb_id=ID; crumb_optout=1']],
    [['Cookie', 'crumb_optout=1; crumb_id=ID']],
    [['Cookie', 'crumb_id=ID'], ['Cookie', 'crumb_optout=1']],
    [['Cookie', 'crumb_optout=1'], ['Cookie', 'crumb_id=ID']],
    [['cookie', 'crumb_id=ID; crumb_id=ID; crumb_optout=yes; crumb_id=ID']],
];

// Says whether an answer gives a browser an identifier to keep.
function setsIdentifier(answer) {
    return answer.all('Set-Cookie').some((line) => {
        const value = /^crumb_id=([^;]*)/.exec(line);
        return value !== null && value[1] !== '' && !/Max-Age=0/i.test(line);
    });
}

async function identifier(server) {
    const answer = await fetchOnce(server.address, '/b.gif?site=s');
    return answer.cookie('crumb_id');
}

test('promise 3: no endpoint sets an identifier for a visitor who opted out', async (t) => {
    const server = await start(t);
    const id = await identifier(server);
    assert.match(id, /^[A-Za-z0-9_-]{48}$/);
    for (const [method, path] of ENDPOINTS) {
        for (const cookies of OPT_OUT_COOKIES) {
            const headers = [...cookies.map(([n, v]) => [n, v.replaceAll('ID', id)]), ['Content-Length', '0']];
            const answer = await fetchOnce(server.address, path, headers, method);
            const what = `${method} ${path} with ${JSON.stringify(cookies)}:\n${answer.head}`;
            assert.ok(!setsIdentifier(answer), what);
            assert.ok(!answer.head.includes(id) && !answer.body.includes(id), what);
        }
    }
});

test('promise 3: the pixel is served as ever, only a counter moves and nothing is stored', async (t) => {
    const server = await start(t);
    const id = await identifier(server);
    const plain = await fetchOnce(server.address, '/b.gif?site=s', { Cookie: `crumb_id=${id}` });
    const before = await server.metrics();
    const marker = 'MarkerOfAVisitorWhoSaidNo';
    for (const cookies of OPT_OUT_COOKIES) {
        const headers = cookies.map(([n, v]) => [n, v.replaceAll('ID', id)]);
        const answer = await fetchOnce(server.address, `/b.gif?site=s&${marker}=1&ref=${marker}`, [
            ...headers,
            ['User-Agent', marker],
            ['Referer', `https://s.example/${marker}`],
        ]);
        assert.equal(answer.status, 200);
        assert.deepEqual(answer.body, plain.body);
    }
    const after = await server.metrics();
    const moved = Object.keys(after).filter(
        (name) => /^crumb_(hits|ids|optouts|optins|params)/.test(name) && after[name] !== before[name],
    );
    assert.deepEqual(moved.sort(), ['crumb_hits_opted_out_total', 'crumb_hits_received_total']);
    assert.equal(
        after.crumb_hits_opted_out_total - before.crumb_hits_opted_out_total,
        OPT_OUT_COOKIES.length,
    );
    await server.stop();
    assert.equal(cat(server).length, 2);
    for (const file of filesBelow(server.dir)) {
        assert.ok(!fs.readFileSync(file).includes(marker), `${file} knows the visitor`);
    }
    assert.ok(!server.stderr.includes(marker));
});

test('promise 3: the identifier that a browser still holds is expired', async (t) => {
    const server = await start(t);
    const id = await identifier(server);
    const answer = await fetchOnce(server.address, '/b.gif?site=s', {
        Cookie: `crumb_id=${id}; crumb_optout=1`,
    });
    const lines = answer.all('Set-Cookie').filter((line) => line.startsWith('crumb_id='));
    assert.ok(lines.length >= 1, answer.head);
    for (const line of lines) {
        assert.match(line, /^crumb_id=;/);
        assert.match(line, /; *Max-Age=0/i);
        assert.match(line, /; *Path=\//i);
    }
});

test('promise 3: opting out and in again works, by a same-origin POST only', async (t) => {
    const server = await start(t);
    const id = await identifier(server);
    const own = { Cookie: `crumb_id=${id}`, Origin: 'http://localhost', 'Content-Length': '0' };

    // Looking at it, prefetching it or being sent there by another page changes nothing.
    for (const [method, headers] of [
        ['GET', {}],
        ['HEAD', {}],
        ['GET', { 'Sec-Purpose': 'prefetch' }],
        ['POST', { ...own, Origin: 'https://evil.example' }],
        ['POST', { ...own, Origin: 'null' }],
        ['POST', { 'Content-Length': '0', 'Sec-Fetch-Site': 'cross-site' }],
    ]) {
        const answer = await fetchOnce(server.address, '/optout', headers, method);
        assert.deepEqual(answer.all('Set-Cookie'), [], `${method} ${JSON.stringify(headers)}`);
    }

    const out = await fetchOnce(server.address, '/optout', own, 'POST');
    assert.ok(out.status < 400, out.head);
    assert.equal(out.cookie('crumb_optout'), '1');
    const line = out.all('Set-Cookie').find((value) => value.startsWith('crumb_optout='));
    assert.match(line, /Max-Age=34560000/); // 400 days
    assert.equal(out.cookie('crumb_id'), ''); // and its end
    assert.equal((await server.metrics()).crumb_optouts_total, 1);

    const back = await fetchOnce(
        server.address,
        '/optin',
        { ...own, Cookie: 'crumb_optout=1' },
        'POST',
    );
    assert.ok(back.status < 400, back.head);
    const end = back.all('Set-Cookie').find((value) => value.startsWith('crumb_optout='));
    assert.match(end, /Max-Age=0/i);
    assert.ok(!setsIdentifier(back));
    assert.equal((await server.metrics()).crumb_optins_total, 1);
});

test('promise 3: the status page tells the truth', async (t) => {
    const server = await start(t);
    const without = await fetchOnce(server.address, '/optout/status');
    const withIt = await fetchOnce(server.address, '/optout/status', { Cookie: 'crumb_optout=1' });
    assert.equal(without.status, 200);
    assert.equal(withIt.status, 200);
    assert.notDeepEqual(without.body, withIt.body);
    for (const answer of [without, withIt]) assert.match(answer.header('Cache-Control'), /no-store/);
});

test("promise 3: a site's own consent cookie counts too", async (t) => {
    const sites = [
        {
            name: 'shop',
            origins: ['https://shop.example'],
            optout_cookies: [{ name: 'consent', pattern: '*analytics:no*' }],
        },
    ];
    const server = await start(t, { config: { sites } });
    const hit = async (cookie) => fetchOnce(server.address, '/b.gif?site=shop', { Cookie: cookie });
    assert.ok(!setsIdentifier(await hit('consent=ads:no|analytics:no|x')));
    assert.ok(setsIdentifier(await hit('consent=ads:no|analytics:yes')));
    assert.ok(setsIdentifier(await hit('other=analytics:no')));
    assert.equal(cat(server).length, 2);
});

test('promise 3: Global Privacy Control is an opt-out where it is configured to be', async (t) => {
    const shared = await start(t);
    const strict = await start(t, { config: { gpc: 'optout' } });
    for (const server of [shared, strict]) {
        await fetchOnce(server.address, '/b.gif?site=s&n=plain');
        await fetchOnce(server.address, '/b.gif?site=s&n=gpc', { 'Sec-GPC': '1' });
        await fetchOnce(server.address, '/b.gif?site=s&n=odd', { 'Sec-GPC': '0' });
    }
    const byName = (records) => records.map((r) => [r.params.n, r.gpc]).sort();
    assert.deepEqual(byName(cat(shared)), [['gpc', true], ['odd', undefined], ['plain', undefined]]);
    assert.deepEqual(byName(cat(strict)), [['odd', undefined], ['plain', undefined]]);
    assert.equal((await strict.metrics()).crumb_hits_opted_out_total, 1);
});
