// The live page: what hits show at once, what nobody is shown, and what becomes of those who watch.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { openBrowser, openPage } from './lib/browser.js';
import { cleanup } from './lib/cleanup.js';
import { COUNTRY_MMDB, ROOT, start, TRUST_LOOPBACK } from './lib/crumbd.js';
import { fetchOnce } from './lib/http.js';
import { SANITIZED, until } from './lib/wait.js';

const CHROME = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const GOOGLEBOT = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const ENV = { CRUMB_SHARE: path.join(ROOT, 'conf/data') };

function hit(server, facts, headers = {}) {
    const query = new URLSearchParams(facts).toString();
    return fetchOnce(server.address, `/b.gif?${query}`, { 'User-Agent': CHROME, ...headers });
}

function adminUrl(server, where = '/') {
    return `http://127.0.0.1:${server.admin.port}${where}`;
}

const textOf = (page, name) => page.locator(`table[data-live=${name}] tbody`).textContent();
const card = (page, title) => page.locator('.cards div', { has: page.locator('dt', { hasText: new RegExp(`^${title}$`) }) }).locator('b').textContent();

async function openLive(t, server, options = {}) {
    const browser = await openBrowser(t);
    const context = await browser.newContext(options);
    const page = await openPage(context);
    page.asked = [];
    page.on('dialog', (dialog) => page.said.push(`DIALOG ${dialog.message()}`));
    page.on('request', (request) => page.asked.push(request.url()));
    await page.goto(adminUrl(server));
    if (options.javaScriptEnabled !== false)
        await until('the page is connected', async () => (await page.locator('#status').textContent()) === 'Live');
    return page;
}

// Reads the stream of events as they come: { events, closed, socket }.
function watch(t, server, headers = '') {
    const seen = { text: '', closed: false };
    seen.socket = net.connect(server.admin.port, '127.0.0.1');
    seen.socket.setEncoding('utf8');
    seen.socket.on('data', (text) => (seen.text += text));
    seen.socket.on('close', () => (seen.closed = true));
    seen.socket.on('error', () => {});
    seen.socket.write(`GET /live/events HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`);
    cleanup(t, () => seen.socket.destroy());
    return seen;
}

const lastEvent = (seen) => {
    const whole = seen.text.slice(0, seen.text.lastIndexOf('\n\n'));
    const data = whole.slice(whole.lastIndexOf('\ndata: ') + 7).split('\n')[0];
    return data.startsWith('{') ? JSON.parse(data) : null;
};

test('live: a hit is on the page within a second, in every table it belongs to', async (t) => {
    const server = await start(t, { env: ENV, config: { geo: { databases: [COUNTRY_MMDB] }, ...TRUST_LOOPBACK } });
    const page = await openLive(t, server);
    assert.match(await page.locator('#pages').textContent(), /Views by host and path/);
    const before = performance.now();
    await hit(server, { site: 'shop', url: 'https://shop.example/shoes?token=secret', title: 'Shoes', ref: 'https://search.example/?q=my+name' }, { 'X-Forwarded-For': '8.8.8.8' });
    await until('the view is there', async () => /shop\.example\/shoes/.test(await textOf(page, 'pages')));
    const took = performance.now() - before;
    assert.ok(SANITIZED || took < 1000, `${took} ms`);
    assert.equal(await textOf(page, 'referrers'), 'search.example1');
    assert.match(await textOf(page, 'countries'), /United States US1/);
    assert.equal(await textOf(page, 'sites'), 'shop1');
    assert.equal(await card(page, 'Visitors'), '1');
    assert.equal(await card(page, 'Views'), '1');
    assert.match(await textOf(page, 'latest'), /^\d\d:\d\d:\d\dviewshop\.example\/shoesShoessearch\.exampleUSshop$/);
    await hit(server, { site: 'shop', url: 'https://shop.example/shoes', e: 'buy' });
    await until('the event is there', async () => (await textOf(page, 'events')) === 'buy1');
    await hit(server, { site: 'shop', url: 'https://shop.example/' }, { 'User-Agent': GOOGLEBOT });
    await until('the bot is there', async () => (await textOf(page, 'bots')) === 'Googlebot1');
    assert.equal(await card(page, 'Views'), '1', 'a bot is in no other figure');
    assert.equal(await card(page, 'Hits of bots'), '1');
    const last = (await page.locator('table[data-live=timeline] tbody tr').allTextContents()).join('\n');
    assert.match(last, /^\d\d:\d\d2121?1?$/m, 'hits, views, visitors, bots of a minute');
    const line = await page.locator('.plot .views:not(.area)').getAttribute('d');
    assert.match(line, /^M0\.0 100\.00L/);
    assert.doesNotMatch(line, /1000\.0 100\.00$|NaN/, 'the chart has moved, too');
    const html = await page.content();
    for (const kept of ['8.8.8.8', 'secret', 'my+name', 'my name', 'crumb_id']) assert.ok(!html.includes(kept), kept);
    assert.deepEqual(page.said, [], 'no violation of the policy, no error');
    assert.deepEqual(page.asked, [adminUrl(server), adminUrl(server, '/live/events')], 'nothing else is fetched');
});

test('live: of an opt-out only the counter moves', async (t) => {
    const server = await start(t, { env: ENV });
    const seen = watch(t, server);
    await hit(server, { url: 'https://shop.example/private' }, { Cookie: 'crumb_optout=1' });
    const figures = await until('it is counted', () => {
        const last = lastEvent(seen);
        return last?.cards[8] === '1' && last;
    });
    assert.deepEqual(figures.cards, ['0', '0', '0', '0', '0', '0.0', '0.0', '0', '1', '0']);
    assert.deepEqual(figures.tables.pages, []);
    assert.deepEqual(figures.tables.latest, []);
});

test('live: hostile strings are shown and never run', async (t) => {
    const server = await start(t, { env: ENV });
    const page = await openLive(t, server);
    const evil = '</script><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">"\'&\u2028\u202e\u001b[31m\u0000';
    for (const facts of [{ e: evil }, {}]) {
        await hit(server, { site: evil, url: `https://shop.example/${evil}`, title: evil, ref: `https://${evil}/`, ...facts });
        await hit(server, { site: 'javascript:alert(1)', url: `javascript:${evil}`, title: '{{7*7}}${7*7}', ...facts });
    }
    await until('they are shown', async () => /<script>document\.title="owned"<\/script>/.test(await textOf(page, 'latest')));
    assert.match(await textOf(page, 'latest'), /\\u2028|\\u202e|\\u001b/);
    await page.reload();
    await until('and again', async () => (await page.locator('#status').textContent()) === 'Live');
    assert.match(await textOf(page, 'latest'), /<script>document\.title="owned"<\/script>/);
    assert.equal(await page.title(), 'crumb, live');
    assert.equal(await page.locator('main script, main img, main a, main [onerror]').count(), 0);
    assert.deepEqual(page.said, []);
    const raw = (await fetchOnce(server.admin, '/')).body.toString();
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(raw, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
});

test('live: the policy stops a script that got in all the same', async (t) => {
    const server = await start(t, { env: ENV });
    const page = await openLive(t, server);
    await page.evaluate(() => {
        const script = document.createElement('script');
        script.textContent = 'document.title = "owned"';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="document.title=\'owned\'">');
    });
    await until('the policy has refused', () => page.said.filter((line) => /Content Security Policy/.test(line)).length >= 2);
    assert.equal(await page.title(), 'crumb, live');
});

test('live: without JavaScript the page has the figures and comes again', async (t) => {
    const server = await start(t, { env: ENV });
    for (let i = 0; i < 1234; i += 1) await hit(server, { url: `https://shop.example/${i % 3}`, site: 'shop' });
    const page = await openLive(t, server, { javaScriptEnabled: false });
    assert.equal(await textOf(page, 'sites'), 'shop1,234');
    assert.equal(await page.locator('table[data-live=pages] tbody tr').count(), 3);
    assert.equal(await page.locator('table[data-live=timeline] tbody tr').count(), 30);
    assert.equal(await page.locator('table[data-live=refused] tbody tr').count(), 7);
    assert.match(await page.content(), /<noscript><meta http-equiv="refresh" content="10"><\/noscript>/);
    const bar = await page.locator('table[data-live=sites] rect').boundingBox();
    assert.ok(bar.width > 20);
});

for (const [scheme, width] of [['light', 360], ['dark', 360], ['light', 1200]]) {
    test(`live: ${scheme} at ${width} pixels fits and can be read`, async (t) => {
        const server = await start(t, { env: ENV });
        const long = 'x'.repeat(300);
        await hit(server, { url: `https://shop.example/${long}`, title: long, site: long.slice(0, 40), ref: `https://${long}.example/` });
        await hit(server, { url: 'https://shop.example/', e: long });
        const page = await openLive(t, server, { colorScheme: scheme, viewport: { width, height: 740 } });
        const [scrolls, fits] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(scrolls <= fits, `${scrolls} > ${fits}`);
        const contrast = await page.evaluate(() => {
            const light = (colour) => {
                const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const back = light(getComputedStyle(document.body).backgroundColor);
            return [...document.querySelectorAll('h1, .what, td, th, #status, .legend span, summary')].map((e) => {
                const ink = light(getComputedStyle(e).color);
                return (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
            });
        });
        assert.ok(Math.min(...contrast) >= 4.5, `contrast ${Math.min(...contrast)}`);
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.textContent), 'To the figures');
        assert.equal(await page.locator('[aria-live], [role=status]').count(), 2, 'the state and the pointed minute');
        assert.equal(await page.locator('.scroll:not([tabindex="0"]), table:not(:has(th[scope=col]))').count(), 0);
    });
}

test('live: pause stops it, and going on brings all that was missed', async (t) => {
    const server = await start(t, { env: ENV });
    const page = await openLive(t, server);
    await page.getByRole('button', { name: 'Pause' }).click();
    await hit(server, { url: 'https://shop.example/missed' });
    const seen = watch(t, server);
    await until('the server has it', () => lastEvent(seen)?.tables.pages.length === 1);
    assert.equal(await textOf(page, 'pages'), '');
    assert.equal(await page.locator('#status').textContent(), 'Paused');
    await page.getByRole('button', { name: 'Go on' }).click();
    await until('it is there', async () => (await textOf(page, 'pages')) === 'shop.example/missed1');
});

test('live: a reload of the config changes nothing for who watches', async (t) => {
    const server = await start(t, { env: ENV });
    const seen = watch(t, server);
    await until('the stream has begun', () => lastEvent(seen));
    await server.reload(/reloaded/);
    await hit(server, { url: 'https://shop.example/' }, { 'User-Agent': GOOGLEBOT });
    await until('a bot is told by the list that was read again', () => lastEvent(seen).tables.bots.length === 1);
    assert.equal(seen.closed, false);
});

test('live: a stop ends the streams and waits for nobody, and the page comes back with the server', async (t) => {
    const server = await start(t, { env: ENV });
    const page = await openLive(t, server);
    const seen = watch(t, server);
    await until('the stream has begun', () => lastEvent(seen));
    const idle = net.connect(server.admin.port, '127.0.0.1');
    cleanup(t, () => idle.destroy());
    await once(idle, 'connect');
    idle.on('error', () => {}); // the stop may reset it
    const before = performance.now();
    await server.stop();
    assert.ok(performance.now() - before < 5000 || SANITIZED);
    await until('the stream is closed', () => seen.closed);
    await until('the page says so', async () => /No connection/.test(await page.locator('#status').textContent()));
    const again = await start(t, { env: ENV, dir: server.dir, config: { admin: `127.0.0.1:${server.admin.port}` } });
    await until('the page is back', async () => (await page.locator('#status').textContent()) === 'Live', 20_000);
    await hit(again, { url: 'https://shop.example/again' });
    await until('with what comes', async () => (await textOf(page, 'pages')) === 'shop.example/again1');
});

test('live: who does not read is dropped, and nobody else notices', async (t) => {
    const server = await start(t, { env: ENV, config: { limits: { idle_timeout: '1s' } } });
    const slow = watch(t, server);
    const good = watch(t, server);
    await until('both have begun', () => lastEvent(slow) && lastEvent(good));
    const open = () => {
        const dir = `/proc/${server.pid}/fd`;
        const names = fs.readdirSync(dir).map((fd) => {
            try {
                return fs.readlinkSync(path.join(dir, fd));
            } catch {
                return ''; // closed meanwhile
            }
        });
        return names.filter((name) => name.startsWith('socket:')).length;
    };
    const before = open();
    slow.socket.pause();
    let n = 0;
    await until('the slow one is dropped', async () => {
        for (let i = 0; i < 20; i += 1, n += 1) await hit(server, { url: `https://shop.example/${n}${'x'.repeat(90)}`, title: 'x'.repeat(70) });
        return open() < before;
    }, 60_000);
    assert.equal(good.closed, false);
    await until('the other one has all', () => lastEvent(good).cards[4].replace(',', '') === `${n}`);
    slow.socket.resume();
    await until('what it had not taken ends', () => slow.closed);
    assert.ok(slow.text.length < 1e6, `${slow.text.length} bytes were kept for it`);
});

test('live: streams are bounded, pages and health are not kept from anybody', async (t) => {
    const server = await start(t, { env: ENV });
    const all = Array.from({ length: 17 }, () => watch(t, server));
    await until('one is refused', () => all.some((seen) => seen.text.startsWith('HTTP/1.1 503 ')));
    await until('sixteen are not', () => all.filter((seen) => lastEvent(seen)).length === 16);
    assert.equal((await fetchOnce(server.admin, '/healthz')).status, 200);
    assert.equal((await fetchOnce(server.admin, '/')).status, 200);
    all.find((seen) => lastEvent(seen)).socket.destroy();
    await until('its place is free', async () => {
        const next = watch(t, server);
        await until('an answer', () => next.text.includes('\r\n\r\n'));
        const taken = next.text.startsWith('HTTP/1.1 200 ');
        if (!taken) next.socket.destroy();
        return taken;
    });
});

test('live: pages of others cannot read it', async (t) => {
    const server = await start(t, { env: ENV, config: { pages: [] } });
    const browser = await openBrowser(t, { hosts: ['evil.example'] });
    const page = await openPage(browser);
    const rebound = await page.goto(`http://evil.example:${server.admin.port}/`);
    assert.equal(rebound.status(), 403, 'a name that somebody let point here');
    await page.goto(`http://127.0.0.1:${server.address.port}/optout`);
    const read = await page.evaluate(async (url) => {
        const fetched = await fetch(url).then((r) => r.text(), () => 'refused');
        const streamed = await new Promise((resolve) => {
            const source = new EventSource(`${url}live/events`);
            source.onmessage = () => resolve('read');
            source.onerror = () => resolve('refused');
        });
        return [fetched, streamed];
    }, adminUrl(server));
    assert.deepEqual(read, ['refused', 'refused']);
});

test('live: turned off there is no page and no trace of one', async (t) => {
    const server = await start(t, { config: { live: false } });
    const answer = await fetchOnce(server.admin, '/');
    assert.equal(answer.status, 404);
    assert.match(answer.body.toString(), /live: false/);
    assert.equal((await hit(server, { url: 'https://a.example/' })).status, 200);
    await server.stop();
});
