// The HTML report: nothing of the data executes, nothing is fetched, and it works without a script.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { chromium } from 'playwright-core';
import { crumb, temporaryDir } from './lib/crumbd.js';
import { report, storeHits } from './lib/stored.js';

// Without motion: the page scrolls smoothly to what gets the focus or is clicked, and a place that was measured on
// the way is not where the mouse arrives.
async function openPage(t, file, options = {}) {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
    t.after(() => browser.close());
    const page = await (await browser.newContext({ reducedMotion: 'reduce', ...options })).newPage();
    page.said = [];
    page.asked = [];
    page.on('console', (message) => page.said.push(message.text()));
    page.on('pageerror', (error) => page.said.push(error.message));
    page.on('dialog', (dialog) => page.said.push(dialog.message()));
    page.on('request', (request) => page.asked.push(request.url()));
    await page.goto(`file://${file}`);
    return page;
}

function makePage(t, how, ...args) {
    const dir = temporaryDir(t);
    const { data } = storeHits(dir, 21, 8000, 20, how);
    const file = path.join(dir, 'report.html');
    const result = crumb('report', '--data', data, '--format', 'html', '-o', file, ...args);
    assert.equal(result.status, 0, result.stderr);
    return { data, file };
}

test('report page: hostile strings in every field are shown and never run', async (t) => {
    const { file } = makePage(t, 'rough', '--top', '0');
    const page = await openPage(t, file);
    assert.doesNotMatch(await page.title(), /owned/);
    assert.deepEqual(page.said, []);
    assert.deepEqual(page.asked, [`file://${file}`]);
    assert.equal(await page.locator('main script, main img, main iframe, main a[href^="javascript"]').count(), 0);
    assert.equal(await page.locator('main [onload], main [onerror], main [style]').count(), 0);
    const text = await page.locator('#pages').textContent();
    assert.match(text, /<script>document\.title="owned"<\/script>/);
    assert.match(text, /\\u001b\[31mred/);
    // What is in the file's bytes: no control characters and no marks that turn the direction of text.
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(fs.readFileSync(file, 'utf8'), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
});

test('report page: a strict policy lets only its own style and script work', async (t) => {
    const { file } = makePage(t, '');
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(fs.readFileSync(file, 'utf8'))[1];
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$/);
    const page = await openPage(t, file);
    assert.deepEqual(page.said, [], 'no violation of the policy');
    assert.notEqual(await page.locator('.cards div').first().evaluate((e) => getComputedStyle(e).backgroundColor), 'rgba(0, 0, 0, 0)');
    await page.evaluate(() => {
        const script = document.createElement('script');
        script.textContent = 'document.title = "owned"';
        document.body.append(script);
    });
    assert.doesNotMatch(await page.title(), /owned/);
});

test('report page: its figures are those of the data forms, without a script too', async (t) => {
    const { data, file } = makePage(t, '');
    const page = await openPage(t, file, { javaScriptEnabled: false });
    const [overview] = report(data, 'overview');
    const cards = await page.locator('.cards').textContent();
    assert.ok(cards.includes(overview.visitors.toLocaleString('en')));
    const days = report(data, 'timeline', '--step', 'day');
    assert.equal(await page.locator('#timeline tbody tr').count(), days.length);
    const first = await page.locator('#pages tbody tr').first().textContent();
    const [top] = report(data, 'pages');
    assert.ok(first.includes(top.path) && first.includes(top.views.toLocaleString('en')));
    for (const section of ['timeline', 'pages', 'paths', 'countries', 'retention', 'bots'])
        assert.equal(await page.locator(`section#${section} h2`).count(), 1);
    assert.ok((await page.locator('#timeline svg.chart path').count()) >= 3);
    assert.ok((await page.locator('#countries svg.map path.m5').count()) >= 1);
    assert.ok((await page.locator('#paths svg.flow path').count()) >= 5);
});

test('report page: the timeline is zoomed by keys, buttons and dragging', async (t) => {
    const { file } = makePage(t, '');
    const page = await openPage(t, file);
    const line = () => page.locator('#timeline .plot path.visitors').getAttribute('d');
    const points = async () => (await line()).split('L').length;
    const whole = await points();
    await page.locator('svg.chart').focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('+');
    assert.ok((await points()) < whole);
    assert.match(await page.locator('.zoom span').textContent(), /^2026-11-\d\d: [\d,]+ views, [\d,]+ visitors$/);
    await page.getByRole('button', { name: 'All' }).click();
    assert.equal(await points(), whole);
    const box = await page.locator('svg.chart').boundingBox();
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior), 'auto');
    await page.mouse.move(box.x + box.width * 0.2, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60);
    await page.mouse.up();
    const dragged = await points();
    assert.ok(dragged < whole && dragged > 2);
});

test('report page: the period before is a line of the timeline, and only when it is asked for', async (t) => {
    const { data, file } = makePage(t, '', '--since', '2026-11-19', '--until', '2026-11-23', '--compare', 'previous');
    const page = await openPage(t, file);
    const rows = report(data, 'timeline', '--step', 'hour', '--since', '2026-11-19', '--until', '2026-11-23', '--compare', 'previous');
    assert.ok(rows.some((row) => row.views_previous > 0));
    assert.match(await page.locator('#timeline .legend').textContent(), /Views of the period before/);
    const drawn = await page.locator('#timeline .plot path.earlier').getAttribute('d');
    const views = await page.locator('#timeline .plot path.views:not(.area)').getAttribute('d');
    assert.equal(drawn.split('L').length, views.split('L').length);
    const heights = (d) => d.slice(1).split('L').map((point) => Number(point.split(' ')[1]));
    const top = (row, name, d, i) => (100 * row[name]) / (100 - heights(d)[i]);
    const at = rows.findIndex((row) => row.views_previous > 0 && row.views > 0);
    assert.ok(Math.abs(top(rows[at], 'views_previous', drawn, at) / top(rows[at], 'views', views, at) - 1) < 0.1, 'both lines have one scale');
    await page.locator('#timeline .chart').focus();
    await page.keyboard.press('ArrowLeft');
    assert.match(await page.locator('#timeline .zoom span').textContent(), /views \([\d,]+ before\)/);
    assert.doesNotMatch(fs.readFileSync(makePage(t, '').file, 'utf8'), /class="earlier"/);
});

test('report page: fits 360 pixels, the dark, and paper', async (t) => {
    const { file } = makePage(t, 'rough');
    const phone = await openPage(t, file, { viewport: { width: 360, height: 780 } });
    assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), 360);
    const dark = await openPage(t, file, { colorScheme: 'dark' });
    const back = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await back(dark), 'rgb(15, 19, 24)');
    await dark.emulateMedia({ media: 'print', colorScheme: 'dark' });
    assert.equal(await back(dark), 'rgb(255, 255, 255)');
});
