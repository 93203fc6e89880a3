// A real Chromium visits the demo site: the pixel is loaded, the cookie comes back, opting out works by mouse
// with JavaScript switched off.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { cleanup } from './lib/cleanup.js';
import { cat, ROOT, start } from './lib/crumbd.js';
import { until } from './lib/wait.js';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--no-first-run', '--disable-dev-shm-usage'];

async function launchBrowser(t) {
    const { chromium } = await import('playwright-core');
    const found = spawnSync('sh', ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome'], { encoding: 'utf8' });
    const browser = await chromium.launch({ executablePath: found.stdout.trim(), args: FLAGS });
    cleanup(t, () => browser.close());
    return browser;
}

// The demo site exactly as `make run` serves it, on a free port.
async function startDemo(t) {
    const pages = fs.readdirSync(path.join(ROOT, 'conf/demo')).map((name) => ({
        path: name === 'index.html' ? '/' : `/${name}`,
        file: path.join(ROOT, 'conf/demo', name),
    }));
    const server = await start(t, { config: { workers: 1, pages } });
    server.url = `http://localhost:${server.address.port}`;
    return server;
}

test('browser: the demo site counts a visit with one identifier, until the visitor says no', async (t) => {
    const server = await startDemo(t);
    const browser = await launchBrowser(t);
    const visitor = await browser.newContext({ javaScriptEnabled: false });
    const page = await visitor.newPage();
    const hits = (count) => until(`${count} hits`, () => cat(server).length >= count);

    await page.goto(`${server.url}/?utm_source=e2e`, { waitUntil: 'networkidle' });
    await hits(1);
    const cookie = (await visitor.cookies()).find(({ name }) => name === 'crumb_id');
    assert.equal(cookie.httpOnly, true);
    const days = (cookie.expires - Date.now() / 1000) / 86400;
    assert.ok(days > 394 && days < 396, `${days} days`);

    await page.click('a >> nth=0');
    await page.waitForLoadState('networkidle');
    await hits(2);
    const records = cat(server);
    assert.equal(new Set(records.map((record) => record.vid)).size, 1);
    assert.equal(records[0].vid_new, true);
    assert.ok(records.every((record, at) => at === 0 || record.vid_new === undefined));
    assert.match(records[0].ua, /Chrome\//);
    assert.ok(records[0].url.startsWith(server.url));

    await page.goto(`${server.url}/optout`);
    const shot = path.join(server.dir, 'optout.png'); // goes away with the test
    await page.screenshot({ path: shot });
    assert.equal(fs.readFileSync(shot).subarray(1, 4).toString(), 'PNG');
    await page.click('form[action="/optout"] button');
    await page.waitForLoadState('networkidle');
    assert.deepEqual((await visitor.cookies()).map(({ name }) => name), ['crumb_optout']);

    const before = cat(server).length;
    await page.goto(`${server.url}/`, { waitUntil: 'networkidle' });
    assert.equal(cat(server).length, before, 'a visitor who opted out is not stored');
    assert.ok((await server.metrics()).crumb_hits_opted_out_total >= 1);
    assert.deepEqual((await visitor.cookies()).map(({ name }) => name), ['crumb_optout']);

    await page.goto(`${server.url}/optout`);
    await page.click('form[action="/optin"] button');
    await page.waitForLoadState('networkidle');
    assert.deepEqual(await visitor.cookies(), []);
    await page.goto(`${server.url}/`, { waitUntil: 'networkidle' });
    await hits(before + 1);
    assert.notEqual(cat(server).at(-1).vid, records[0].vid, 'the old identifier is gone for good');
});

test('browser: with JavaScript every page of the demo site loads without an error', async (t) => {
    const server = await startDemo(t);
    const browser = await launchBrowser(t);
    const page = await (await browser.newContext()).newPage();
    const problems = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('response', (answer) => answer.status() >= 400 && problems.push(`${answer.status()} ${answer.url()}`));
    const pages = fs.readdirSync(path.join(ROOT, 'conf/demo')).filter((file) => file.endsWith('.html'));
    for (const name of pages) {
        await page.goto(`${server.url}/${name === 'index.html' ? '' : name}`, { waitUntil: 'networkidle' });
    }
    await page.goto('about:blank'); // the last page tells what it has to tell
    assert.deepEqual(problems, []);
    const tagged = pages.filter((name) => /data-site/.test(fs.readFileSync(path.join(ROOT, 'conf/demo', name), 'utf8')));
    const views = () => cat(server).filter((record) => record.kind === 'view').map((record) => record.path).sort();
    await until('every page is a view', () => views().length >= tagged.length);
    assert.deepEqual(views(), tagged.map((name) => (name === 'index.html' ? '/' : `/${name}`)).sort(), 'each page once');
    assert.ok(cat(server).some((record) => record.kind === 'event'));
});

test('browser: a page that sends DNT is counted as any other', async (t) => {
    const server = await startDemo(t);
    const browser = await launchBrowser(t);
    const context = await browser.newContext({ extraHTTPHeaders: { DNT: '1' }, javaScriptEnabled: false });
    await (await context.newPage()).goto(`${server.url}/`, { waitUntil: 'networkidle' });
    await until('a hit', () => cat(server).length >= 1);
});
