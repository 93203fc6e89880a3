// Promise 4: the Do Not Track header is never read. Requests that differ in nothing but DNT get the same bytes
// and leave the same record, time, record id and fresh identifiers aside.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cat, start, TRUST_LOOPBACK } from './lib/crumbd.js';
import { Connection, request } from './lib/http.js';
import { random, userAgents } from './lib/random.js';

const VARIANTS = [
    () => [],
    () => [['DNT', '0']],
    () => [['DNT', '1']],
    (r) => [['dnt', r.text(1, 40)]],
    (r) => [['Dnt', '1'], ['DNT', r.text(1, 5)]],
];

const TARGETS = ['/optout', '/optout/status', '/robots.txt', '/.well-known/dnt/', '/nowhere', '/'];

// A random well-formed request, as [method, target, headers].
function randomRequest(r, agents, id) {
    const method = r.chance(0.1) ? 'HEAD' : 'GET';
    const facts = [`site=${r.pick(['shop', 'blog'])}`];
    if (r.chance(0.7)) facts.push(`url=${encodeURIComponent(`https://shop.example/${r.text(0, 20)}`)}`);
    if (r.chance(0.5)) facts.push(`ref=${encodeURIComponent(`https://www.example/?q=${r.text(0, 20)}`)}`);
    if (r.chance(0.5)) facts.push(`title=${encodeURIComponent(r.text(0, 60))}`);
    if (r.chance(0.3)) facts.push(`e=${r.pick(['buy', 'scroll', 'view'])}&sw=1920&sh=1080&dnt=1`);
    if (r.chance(0.3)) facts.push(`${r.pick(['DNT', 'doNotTrack', 'x'])}=${r.pick(['0', '1', ''])}`);
    const headers = [
        ['User-Agent', r.pick(agents)],
        ['X-Forwarded-For', `203.0.113.${r.below(256)}`],
    ];
    if (r.chance(0.4)) headers.push(['Cookie', `crumb_id=${id}`]);
    if (r.chance(0.1)) headers.push(['Cookie', 'crumb_optout=1']);
    if (r.chance(0.2)) headers.push(['Sec-GPC', '1']);
    if (r.chance(0.2)) headers.push(['X-Forwarded-Proto', 'https']);
    if (r.chance(0.2)) headers.push(['Sec-Purpose', 'prefetch']);
    if (r.chance(0.5)) headers.push(['Accept-Language', 'de,en;q=0.5']);
    const target = r.chance(0.9) ? `/b.gif?${facts.join('&')}` : r.pick(TARGETS);
    return [method, target, headers];
}

// What differs between any two answers and has nothing to do with DNT.
function comparableAnswer(answer) {
    const head = answer.head
        .replace(/^Date: .*$/m, 'Date: D')
        .replace(/(Set-Cookie: crumb_id=)[A-Za-z0-9_-]{48}/g, '$1ID')
        .replace(/(Expires=)[^;\r]*/g, '$1D');
    return `${head}\n\n${answer.body.toString('latin1')}`;
}

function comparableRecord({ ts, id, vid, vid_new, ...rest }) {
    return { ...rest, vid: vid_new ? 'new' : vid, vid_new };
}

test('promise 4: 1,200 random requests, with DNT absent, 0, 1 and garbage', async (t) => {
    const server = await start(t, { config: { ...TRUST_LOOPBACK, workers: 1 } });
    const connection = await Connection.open(server.address);
    const exchange = async (method, target, headers) =>
        connection.send(request(target, headers, method)).answer({ method });
    const r = random(4);
    const agents = userAgents(200);
    const id = (await exchange('GET', '/b.gif?site=shop', [])).cookie('crumb_id');

    for (let n = 0; n < 1200; n += 1) {
        const [method, target, headers] = randomRequest(r, agents, id);
        let first;
        for (const variant of VARIANTS) {
            const dnt = variant(r);
            const place = r.below(headers.length + 1);
            const all = [...headers.slice(0, place), ...dnt, ...headers.slice(place)];
            const answer = comparableAnswer(await exchange(method, target, all));
            first ??= answer;
            assert.equal(answer, first, `${method} ${target} ${JSON.stringify(all)}`);
        }
    }

    const records = cat(server).slice(1); // the first was ours
    assert.equal(records.length % VARIANTS.length, 0);
    assert.ok(records.length > 3000, `${records.length} records`);
    for (let at = 0; at < records.length; at += VARIANTS.length) {
        const group = records.slice(at, at + VARIANTS.length).map(comparableRecord);
        for (const record of group) assert.deepEqual(record, group[0]);
    }
});

test('promise 4: /.well-known/dnt/ declares it', async (t) => {
    const server = await start(t);
    const connection = await Connection.open(server.address);
    const answer = await connection.send(request('/.well-known/dnt/')).answer();
    assert.equal(answer.status, 200);
    assert.match(answer.header('Content-Type'), /^application\/tracking-status\+json/);
    assert.equal(JSON.parse(answer.body.toString()).tracking, 'D');
});
