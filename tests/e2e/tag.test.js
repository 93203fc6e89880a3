// The tag, a real Chromium and a real crumbd together: what is stored of a visit, and what never is.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.js';
import { cleanup } from './lib/cleanup.js';
import { cat, CRUMB, crumb, ROOT, start, temporaryDir } from './lib/crumbd.js';
import { startRecorder } from './lib/recorder.js';
import { until } from './lib/wait.js';

const HOSTS = ['shop.example', 'crumb.example', 'crumb.shop.example', 'evil.example'];

let browser;
before(async () => {
    browser = await openBrowser({ after: () => {} }, { hosts: HOSTS });
});
after(() => browser.close());

const html = (tag, body = '') =>
    `<!doctype html><html><head><title>Shop</title>${tag}</head><body style="height:3000px">${body}</body></html>`;

// Pages of shop.example, and a crumbd that serves the site "shop". Collector and pages are on one site
// (shop.example), as cookies over http need it.
async function setUp(t, { body = '', site = {}, attributes = '', config = {} } = {}) {
    const pages = {};
    const web = await startRecorder(t, pages);
    const origin = `http://shop.example:${web.port}`;
    const server = await start(t, {
        config: {
            workers: 1,
            sites: [
                { name: 'shop', origins: [origin], cookie_domain: 'shop.example', ...site },
                { name: 'other', origins: ['https://other.example'] },
            ],
            ...config,
        },
    });
    const collector = `http://crumb.shop.example:${server.address.port}`;
    const script = `<script async src="${collector}/t.js" data-site="shop" ${attributes}></script>`;
    const pixel = `<noscript><img src="${collector}/b.gif?site=shop" referrerpolicy="no-referrer-when-downgrade"></noscript>`;
    pages['*'] = html(script, pixel + body);
    return { server, origin, collector, pages, url: (place) => origin + place };
}

async function newPage(t, options = {}) {
    const context = await browser.newContext(options);
    cleanup(t, () => context.close());
    return openPage(context);
}

const kinds = (records, kind) => records.filter((record) => record.kind === kind);
const stored = (server, what, condition) => until(what, () => {
    const records = cat(server);
    return condition(records) && records;
});
const views = (count) => (records) => kinds(records, 'view').length >= count;

test('tag: a visit is stored as it was: pages, pings, events, one visitor', async (t) => {
    const { server, url } = await setUp(t, { body: '<a id="out" href="http://127.0.0.2:9/x?email=a%40b.de">out</a>' });
    const page = await newPage(t);
    await page.goto(url('/anything/a?utm_source=news&token=geheim'), { referer: 'https://search.example/?q=x' });
    await stored(server, 'the first view', views(1));
    await page.evaluate(() => {
        history.pushState({}, '', '/anything/b');
        window.crumb('event', 'buy', { plan: 'pro', price: 4.2, who: 'mail me at john@example.org' });
        window.crumb('identify', 'customer-4711');
    });
    await page.goto(url('/anything/c'));
    await stored(server, 'three views', views(3));
    await page.evaluate(() => document.getElementById('out').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true })));
    const records = await stored(server, 'the click, and the page left by it', (all) => kinds(all, 'ping').length >= 3);

    assert.deepEqual(kinds(records, 'view').map(({ path: p }) => p), ['/anything/a', '/anything/b', '/anything/c']);
    assert.deepEqual(kinds(records, 'ping').map(({ path: p }) => p), ['/anything/a', '/anything/b', '/anything/c']);
    assert.equal(new Set(records.map(({ vid }) => vid)).size, 1);
    assert.equal(records.filter(({ vid_new }) => vid_new).length, 1);
    assert.equal(new Set(kinds(records, 'view').map(({ pv }) => pv)).size, 3);
    const [a] = records;
    assert.equal(a.query, 'utm_source=news&token=***');
    assert.equal(a.utm_source, 'news');
    assert.equal(a.ref_host, 'search.example');
    assert.equal(a.title, 'Shop');
    assert.equal(a.sw, 1280);
    const buy = records.find(({ name }) => name === 'buy');
    assert.deepEqual(buy.params, { plan: 'pro', price: '4.2', who: 'mail me at ***' });
    const outbound = records.find(({ name }) => name === 'outbound');
    assert.equal(outbound.params.link, 'http://127.0.0.2:9/x?email=***');
    const identify = records.find(({ name }) => name === 'identify');
    assert.match(identify.uid, /^[\w-]{22}$/);
    assert.ok(records.every(({ params = {} }) => params.late_ms === undefined));
    for (const secret of ['geheim', 'john', '4711', 'a%40b.de'])
        assert.ok(!JSON.stringify(records).includes(secret), secret);
    const metrics = await server.metrics();
    assert.equal(metrics.crumb_hits_received_total, metrics.crumb_hits_stored_total);
});

test('tag: without scripts the pixel still counts, once a page', async (t) => {
    const { server, url } = await setUp(t);
    const page = await newPage(t, { javaScriptEnabled: false });
    await page.goto(url('/anything/quiet?x=1'), { waitUntil: 'networkidle' });
    const records = await stored(server, 'the view', views(1));
    assert.equal(records.length, 1);
    assert.equal(records[0].url, url('/anything/quiet?x=1'));
});

test('tag: the opt-out of a page holds everywhere, and nothing but the counter moves', async (t) => {
    const { server, url, collector } = await setUp(t);
    const page = await newPage(t);
    const status = () => page.evaluate(() => new Promise((resolve) => window.crumb('status', resolve)));
    await page.goto(url('/anything/a'));
    await stored(server, 'a view', views(1));
    assert.deepEqual(await status(), { optout: false });
    assert.deepEqual(await page.evaluate(() => window.crumb('optout')), { optout: true, by: 'cookie' });
    const cookies = async () => (await page.context().cookies([collector, url('/')])).map(({ name }) => name);
    assert.deepEqual([...new Set(await cookies())], ['crumb_optout']);
    const before = cat(server).length;
    await page.goto(url('/anything/b'));
    await until('the hits to be counted as opted out', async () =>
        (await server.metrics()).crumb_hits_opted_out_total >= 1);
    await page.evaluate(() => window.crumb('event', 'x'));
    await until('the next too', async () => (await server.metrics()).crumb_hits_opted_out_total >= 2);
    assert.equal(cat(server).length, before);
    assert.deepEqual([...new Set(await cookies())], ['crumb_optout']);
    assert.deepEqual(await page.evaluate(() => window.crumb('optin')), { optout: false });
    await page.goto(url('/anything/c'));
    await stored(server, 'counted again', (all) => all.some(({ path: p }) => p === '/anything/c'));
});

test('tag: debug mode shows the verdict of the server in the console', async (t) => {
    const { server, url, pages, collector } = await setUp(t, { attributes: 'data-debug', site: { debug: true } });
    const page = await newPage(t);
    const says = (pattern) => until(`${pattern} in the console`, () => page.said.some((text) => pattern.test(text)));
    await page.goto(url('/anything/a'));
    await says(/stored; ip=127\.0\.0\.1; country=; vid=[\w-]{22} \(new\) \{"accepted":1,"rejected":\[\]\}/);
    pages['*'] = html(`<script async src="${collector}/t.js" data-site="other" data-debug></script>`);
    await page.goto(url('/anything/b'));
    await says(/"that site has no such origin"/);
    await until('counted', async () => (await server.metrics())['crumb_hits_refused_total{reason="origin"}'] >= 1);
    assert.equal(cat(server, '--site', 'other').length, 0);
});

const GOOGLEBOT = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';

async function verdict(server, agent) {
    const { headers } = await fetch(`http://127.0.0.1:${server.address.port}/b`,
        { method: 'POST', body: '{"site":"shop"}', headers: { 'User-Agent': agent } });
    return headers.get('x-crumb');
}

test('tag: debug mode tells bots from browsers, and keeps the hits of both', async (t) => {
    const { server } = await setUp(t, { site: { debug: true } });
    assert.match(await verdict(server, GOOGLEBOT), /^bot search-engine Googlebot; stored; ip=127\.0\.0\.1; /);
    assert.match(await verdict(server, FIREFOX), /^stored; ip=127\.0\.0\.1; /);
    assert.equal(cat(server).length, 2);
});

test('tag: a broken list of bots is told once in the log and costs no hit; reloading takes a better one', async (t) => {
    const share = temporaryDir(t);
    const list = path.join(share, 'crawlers.tsv');
    fs.writeFileSync(list, 'no columns\n');
    const server = await start(t, {
        config: { workers: 1, sites: [{ name: 'shop', debug: true }] },
        env: { CRUMB_SHARE: share },
    });
    assert.match(await verdict(server, GOOGLEBOT), /^stored; /);
    fs.writeFileSync(list, 'other\tFox\tFirefox\n');
    await server.reload(/reloaded/);
    await until('the new list is used', async () => /^bot other Fox; stored; /.test(await verdict(server, FIREFOX)));
    assert.match(await verdict(server, GOOGLEBOT), /^stored; /);
    assert.equal(server.stderr.match(/not told of bots: .*crawlers\.tsv:1: /g).length, 1);
});

test('tag: crumb tail --rejected shows what was refused and why', async (t) => {
    const { server, collector } = await setUp(t);
    const target = collector.replace('crumb.shop.example', '127.0.0.1');
    const post = (body) => fetch(`${target}/b`, { method: 'POST', body });
    assert.equal((await post('{"site":"nobody"}')).status, 403);
    assert.equal((await post('[{"site":"shop","sw":"wide"},{"site":"shop"}]')).status, 200);
    const child = spawn(CRUMB, ['tail', '--rejected', '--data', server.data]);
    cleanup(t, () => child.kill('SIGKILL'));
    let text = '';
    child.stdout.on('data', (bytes) => (text += bytes));
    await until('two lines', () => text.split('\n').length > 2);
    assert.equal((await post('no json')).status, 400);
    await until('the third', () => text.split('\n').length > 3);
    const lines = text.trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ reason }) => reason.slice(0, 20)),
        ['this collector does ', 'sw is not a number', 'not JSON: line 1, co']);
    assert.equal(lines[1].event, '{"site":"shop","sw":"wide"}');
});

test('tag: what `crumb tag` prints works in a page as it is, integrity and all', async (t) => {
    const { server, url, pages, collector } = await setUp(t, { config: {} });
    const file = path.join(server.dir, 'tag.yaml');
    const config = JSON.parse(fs.readFileSync(server.config, 'utf8'));
    fs.writeFileSync(file, JSON.stringify({ ...config, public_origin: collector }));
    const run = crumb('tag', '-c', file, '--site', 'shop');
    assert.equal(run.status, 0, run.stderr);
    const plain = /^<script async src="[^"?]*" data-site="shop"><\/script>$/m.exec(run.stdout)[0];
    const checked = /^<script async src="[^"]*\?v=.*integrity=.*$/m.exec(run.stdout)[0];
    const early = /^<script>.*<\/script>$/m.exec(run.stdout)[0];
    const page = await newPage(t);
    pages['*'] = html(plain);
    await page.goto(url('/anything/plain'));
    await stored(server, 'a view', views(1));
    pages['*'] = html(`${early}<script>crumb('event', 'first')</script>${checked}`);
    await page.goto(url('/anything/checked'));
    const records = await stored(server, 'an event', (all) => all.some(({ name }) => name === 'first'));
    assert.equal(kinds(records, 'view').length, 2);
    pages['*'] = html(checked.replace('sha256-', 'sha256-AAAA'));
    await page.goto(url('/anything/forged'));
    await until('the browser refuses it', () => page.said.some((text) => /integrity/.test(text)));
    assert.equal(crumb('tag', '-c', file, '--site', 'nobody').status, 2);
    assert.match(crumb('tag', '-c', file, '--site', 'shpo').stderr, /no site shpo in the config file; did you mean shop\?/);
    assert.equal(crumb('tag', '-c', file).status, 2, 'which of two sites?');
});

test('tag: a page of somebody else cannot send for the site, nor opt a visitor out', async (t) => {
    const { server, collector } = await setUp(t);
    const evil = await startRecorder(t, { '*': html(`<script async src="${collector}/t.js" data-site="shop"></script>`) });
    const page = await newPage(t);
    await page.goto(`http://evil.example:${evil.port}/anything`);
    await until('refused by origin', async () => (await server.metrics())['crumb_hits_refused_total{reason="origin"}'] >= 1);
    const result = await page.evaluate((target) => fetch(`${target}/optout`, { method: 'POST', credentials: 'include' }).catch(() => 'blocked'), collector);
    assert.equal(result, 'blocked');
    assert.equal((await server.metrics()).crumb_optouts_total, 0);
    assert.equal(cat(server).length, 0);
});

// The same events as JSON in every order of bytes: nothing may crash, and the sum has to hold.
test('tag: bodies cut at every byte are refused one by one, and the sum holds', async (t) => {
    const { server } = await setUp(t);
    const body = JSON.stringify([{ site: 'shop', e: 'buy', params: { 'k"\\': 'ü\u0000\ud83d\ude00', n: -1.5e-3 } }]);
    const target = `http://127.0.0.1:${server.address.port}/b`;
    const statuses = new Set();
    for (let n = 0; n <= Buffer.byteLength(body); n++) {
        const answer = await fetch(target, { method: 'POST', body: Buffer.from(body).subarray(0, n), headers: { 'Content-Type': 'text/plain' } });
        statuses.add(answer.status);
        const verdicts = await answer.json();
        assert.equal(verdicts.accepted + verdicts.rejected.length, 1);
    }
    assert.deepEqual([...statuses], [400, 200]);
    const metrics = await server.metrics();
    assert.equal(metrics['crumb_hits_refused_total{reason="json"}'], Buffer.byteLength(body));
    assert.equal(metrics.crumb_hits_received_total, Buffer.byteLength(body) + 1);
    const [record] = cat(server);
    assert.deepEqual(record.params, { 'k"\\': 'ü\u0000😀', n: '-0.0015' });
});

test('tag: the live page of the demo shows what was recorded about this browser', async (t) => {
    const pages = ['live.html', 'live.js', 'demo.css', 'bread.html'].map((name) => ({
        path: `/${name}`,
        file: path.join(ROOT, 'conf/demo', name),
    }));
    const server = await start(t, { config: { pages, sites: [{ name: 'demo', debug: true }] } });
    const page = await newPage(t, { viewport: { width: 360, height: 640 } });
    const shows = (pattern) => until(`${pattern} on the page`, async () => pattern.test(await page.textContent('#log')));
    await page.goto(`http://localhost:${server.address.port}/live.html`);
    await shows(/stored; ip=127\.0\.0\.1;.*\(new\)/);
    await page.click('text=An event');
    await page.click('text=Another page');
    await stored(server, 'the second view', views(2));
    await stored(server, 'the event', (all) => all.some(({ name, params }) => name === 'taste' && params.bread === 'rye'));
    await page.click('#optout');
    await shows(/optout: \{"optout":true,"by":"cookie"\}/);
    assert.ok(cat(server).some(({ query }) => query === 'page=1&email=***'));
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, 'it fits a telephone');
    assert.ok(!page.said.some((line) => line.startsWith('ERROR')), page.said.join());
});
