// Promise 2: hits sent = stored + opted out + refused, by reason, in /metrics, to the hit.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cat, start } from './lib/crumbd.js';
import { Connection, fetchOnce, pour, request } from './lib/http.js';

const SITES = [
    { name: 'shop', origins: ['https://shop.example'] },
    { name: 'blog', origins: ['https://blog.example'] },
];

// What a request is, and what it must be counted as. `hit` false: no hit at all.
const KINDS = [
    { counts: 'stored', bytes: request('/b.gif?site=shop&k=view') },
    { counts: 'stored', bytes: request('/b.gif?site=blog&e=buy&k=event', { DNT: '1' }) },
    { counts: 'stored', bytes: request('/b.gif?site=shop', { 'Sec-Purpose': 'prefetch' }) },
    { counts: 'stored', bytes: request('/b.gif?site=shop', { Cookie: 'crumb_id=forged' }) },
    { counts: 'opted_out', bytes: request('/b.gif?site=shop', { Cookie: 'crumb_optout=1' }) },
    { counts: 'opted_out', bytes: request('/b.gif?site=blog', { Cookie: 'a=b; crumb_optout=' }) },
    { counts: 'refused', bytes: request('/b.gif?site=nobody') },
    { counts: 'refused', bytes: request('/b.gif') }, // two sites: which one would it be?
    { counts: null, bytes: request('/robots.txt') },
    { counts: null, bytes: request('/no-such-page?site=shop') },
    { counts: null, bytes: request('/b.gif?site=shop', {}, 'HEAD') },
    { counts: null, bytes: request('/optout') },
];

// The counters of a server in the words of the promise.
async function ledger(server) {
    const m = await server.metrics();
    const refused = Object.entries(m).filter(([name]) => name.startsWith('crumb_hits_refused_total'));
    return {
        received: m.crumb_hits_received_total,
        stored: m.crumb_hits_stored_total,
        opted_out: m.crumb_hits_opted_out_total,
        refused: refused.reduce((sum, [, value]) => sum + value, 0),
        site: m['crumb_hits_refused_total{reason="site"}'],
    };
}

test('promise 2: every hit is stored, opted out or refused, and counted once', async (t) => {
    const server = await start(t, { config: { sites: SITES } });
    const expected = { received: 0, stored: 0, opted_out: 0, refused: 0 };
    for (let round = 0; round < 50; round += 1) {
        const connection = await Connection.open(server.address);
        for (const kind of KINDS) {
            connection.send(kind.bytes);
            const answer = await connection.answer({ method: kind.bytes.split(' ')[0] });
            if (kind.counts === 'stored' || kind.counts === 'opted_out') {
                assert.equal(answer.status, 200);
                assert.equal(answer.header('Content-Type'), 'image/gif');
            }
            if (kind.counts === 'refused') assert.ok(answer.status >= 400, answer.head);
            if (kind.counts) {
                expected.received += 1;
                expected[kind.counts] += 1;
            }
        }
        connection.destroy();
    }
    const { site, ...counted } = await ledger(server);
    assert.deepEqual(counted, expected);
    assert.equal(site, expected.refused);
    assert.equal(cat(server).length, expected.stored);
});

test('promise 2: the counters agree with the stored records under concurrent load', async (t) => {
    const server = await start(t, { config: { sites: SITES, roll_interval: '1s' } });
    const total = 20_000;
    const sent = { stored: 0, opted_out: 0, refused: 0, null: 0 };
    function* requests() {
        for (let n = 0; n < total; n += 1) {
            const kind = KINDS[n % KINDS.length];
            if (kind.bytes.startsWith('HEAD')) continue;
            sent[kind.counts] += 1;
            yield kind.bytes;
        }
    }
    let answers = 0;
    await pour(server.address, requests(), () => (answers += 1));
    assert.equal(answers, Object.values(sent).reduce((a, b) => a + b));
    const counted = await ledger(server);
    assert.equal(counted.stored, sent.stored);
    assert.equal(counted.opted_out, sent.opted_out);
    assert.equal(counted.refused, sent.refused);
    assert.equal(counted.received, sent.stored + sent.opted_out + sent.refused);
    await server.stop();
    assert.equal(cat(server).length, sent.stored);
});

test('promise 2: a request that is not valid HTTP is no hit, and is counted as what it is', async (t) => {
    const server = await start(t);
    for (let n = 0; n < 20; n += 1) {
        const connection = await Connection.open(server.address);
        connection.send('GET /b.gif HTTP/1.1\r\nHost : x\r\n\r\n');
        assert.equal((await connection.answer()).status, 400);
        await connection.end();
    }
    const m = await server.metrics();
    assert.equal(m.crumb_bad_requests_total, 20);
    assert.equal(m.crumb_hits_received_total, 0);
    assert.equal(cat(server).length, 0);
});

test('promise 2: parameters beyond the limit of a record are counted, and the hit is kept', async (t) => {
    const server = await start(t);
    const many = Array.from({ length: 50 }, (_, n) => `p${n}=${n}`).join('&');
    assert.equal((await fetchOnce(server.address, `/b.gif?site=s&${many}`)).status, 200);
    const [record] = cat(server);
    const kept = Object.keys(record.params).length;
    assert.ok(kept > 0 && kept < 50);
    assert.equal((await server.metrics()).crumb_params_dropped_total, 50 - kept);
});
