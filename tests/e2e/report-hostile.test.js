// Texts that attack whoever shows them, sent to a real crumbd in every field that a stranger fills, and then in every
// form of a report: nothing executes, no policy is violated, no table breaks, no terminal obeys, and programs read the
// values that were stored.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'node:test';
import { openBrowser, openPage } from './lib/browser.js';
import { cat, crumb, start, temporaryDir } from './lib/crumbd.js';
import { pour, request } from './lib/http.js';

const payloads = createRequire(import.meta.url)('../report/payloads.js');
const LONG = 2000;
const JSON_MAX = 60_000;
const FIELDS = ['title', 'ua', 'ref', 'path', 'url', 'name', 'site', 'lang', 'utm_source', 'utm_campaign', 'params.banner', 'params.x'];
const REPORTS = ['pages', 'sections', 'entry', 'paths', 'sequences', 'referrers', 'campaigns', 'events', 'banners', 'languages', 'browsers', 'bots'];

// A payload in every field at once; a long one, as much as a body holds, in one field after the other.
function* events() {
    for (const p of payloads) {
        const encoded = encodeURIComponent(Buffer.from(p).toString()); // half a surrogate pair has no encoding
        const url = `https://s.example/${p}?utm_source=${encoded}&utm_campaign=${encoded}`;
        if (p.length < LONG) {
            const all = { site: 's', url, ref: `https://r.example/${p}`, title: p, lang: p, banner: p, x: p, [p]: p };
            yield { ...all, e: 'view' };
            yield { ...all, e: 'impression', ref: p };
            yield { ...all, e: p };
            yield { ...all, site: p };
            continue;
        }
        let text = p;
        while (Buffer.byteLength(JSON.stringify(text)) > JSON_MAX) text = text.slice(0, text.length * 0.9);
        for (const field of ['title', 'url', 'ref', 'lang', 'x', 'e']) yield { site: 's', url: 'https://s.example/', [field]: field === 'url' || field === 'ref' ? `https://l.example/${text}` : text };
    }
}

function* requests() {
    for (const event of events()) {
        const body = Buffer.from(JSON.stringify(event)).toString('latin1');
        const agent = Buffer.from(event.title ?? 'x').toString('latin1').replace(/[\x00-\x1f\x7f]/g, '').trim().slice(0, 4000) || 'x';
        yield `${request('/b', { 'Content-Type': 'text/plain', 'Content-Length': body.length, 'User-Agent': agent }, 'POST')}${body}`;
    }
    // Bytes that are no UTF-8.
    for (const bytes of ['%FF%FE', '%C0%AF', '%ED%A0%80', '%F8%88%80%80%80', 'a%80b', '%E2%82', '%00', '%0D%0A=1'])
        yield request(`/b.gif?site=s&e=${bytes}&url=https%3A%2F%2Fs.example%2F${bytes}&title=${bytes}&x=${bytes}`, { 'User-Agent': '\xff\xfe\x80<script>' });
}

async function collect(t) {
    const server = await start(t);
    let sent = 0;
    await pour(server.address, requests(), (_, answer) => {
        sent++;
        assert.ok([200, 400].includes(answer.status), `${answer.status}`); // 400: a name of a site that is none
    }, { connections: 4, depth: 4 });
    await server.stop();
    return { data: server.data, records: cat(server), sent };
}

const valueOf = (record, field) => String((field.startsWith('params.') ? record.params?.[field.slice(7)] : record[field]) ?? '');
const distinct = (records, field) => [...new Set(records.map((record) => valueOf(record, field)))].sort();

// RFC 4180.
function parseCsv(text) {
    const rows = [[]];
    const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
    for (let found; cell.lastIndex < text.length; ) {
        const at = cell.lastIndex;
        found = cell.exec(text);
        assert.ok(found, `no CSV at ${at}: ${JSON.stringify(text.slice(at, at + 80))}`);
        rows.at(-1).push(found[1]?.replaceAll('""', '"') ?? found[2]);
        if (found[3] !== ',' && cell.lastIndex < text.length) rows.push([]);
    }
    return rows;
}

// eslint-disable-next-line no-control-regex
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\u{e0001}/u;

async function everyForm({ data, records, sent }) {
    assert.ok(sent > 1400 && records.length > sent * 0.7, `${records.length} of ${sent}`);
    const run = (...args) => {
        const result = crumb('report', ...args, '--data', data, '--top', '0', '--bots', 'include');
        assert.equal(result.status, 0, `${args}: ${result.stderr}`);
        return result.stdout;
    };
    for (const field of FIELDS) {
        const name = field.replace('params.', '');
        const by = ['hits', '--by', field];
        const stored = distinct(records, field);
        assert.ok(stored.length > (field === 'site' ? 5 : 200), `${field}: ${stored.length}`);
        assert.deepEqual(JSON.parse(run(...by, '--format', 'json')).reports[0].rows.map((row) => row[name]).sort(), stored, `${field} json`);
        assert.deepEqual(run(...by, '--format', 'ndjson').trimEnd().split('\n').map((line) => JSON.parse(line)[name]).sort(), stored, `${field} ndjson`);
        assert.deepEqual(parseCsv(run(...by, '--format', 'csv', '--raw')).slice(1).map((row) => row[0]).sort(), stored, `${field} csv --raw`);
        const csv = run(...by, '--format', 'csv');
        const rows = parseCsv(csv);
        assert.equal(rows.length, stored.length + 1, `${field} csv`);
        for (const row of rows) {
            assert.equal(row.length, 5);
            assert.doesNotMatch(row[0], /^[=+\-@\t\r＝＋－＠]/);
        }
        assert.doesNotMatch(csv.replaceAll('\r\n', '\n'), OBEYED);
        // A table of Markdown: the same number of bars that are not escaped in each line, no markup in a cell.
        const md = run(...by, '--format', 'md');
        const lines = md.split('\n').filter((line) => line.startsWith('|'));
        assert.equal(lines.length, stored.length + 2, `${field} md`);
        for (const line of lines) assert.equal(line.replace(/\\[^]/g, '').split('|').length, 7, line.slice(0, 200));
        assert.doesNotMatch(md.replace(/\\[^]/g, ''), /[<>`*[\]]/);
        assert.doesNotMatch(md, OBEYED);
        const shown = run(...by);
        assert.doesNotMatch(shown, OBEYED);
        assert.equal(shown.trimEnd().split('\n').length, stored.length + 4, `${field} table`);
    }
    for (const name of REPORTS) {
        assert.doesNotMatch(run(name), OBEYED, name);
        const md = run(name, '--format', 'md');
        assert.equal(new Set(md.split('\n').filter((line) => line.startsWith('|')).map((line) => line.replace(/\\[^]/g, '').split('|').length)).size, 1, `${name} md`);
    }
    assert.match(run('hits', '--by', 'title'), /\\u001b\]0;owned\\u0007/, 'a terminal escape is shown');
}

async function rawCsv(t, { data, records }) {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const db = await (await DuckDBInstance.create(':memory:')).connect();
    const file = path.join(temporaryDir(t), 'x.csv');
    for (const field of FIELDS) {
        const name = field.replace('params.', '');
        assert.equal(crumb('report', 'hits', '--by', field, '--data', data, '--top', '0', '--bots', 'include', '--format', 'csv', '--raw', '-o', file).status, 0);
        const rows = await (await db.runAndReadAll(`SELECT hex(encode(coalesce("${name}", ''))) AS hex FROM read_csv('${file}', header = true, delim = ',', quote = '"', escape = '"', new_line = '\\r\\n', nullstr = '\\N-none', all_varchar = true, max_line_size = 10000000)`)).getRowObjectsJS();
        assert.deepEqual(rows.map(({ hex }) => Buffer.from(hex, 'hex').toString('latin1')).sort(), distinct(records, field).map((value) => Buffer.from(value).toString('latin1')).sort(), field);
    }
}

async function inPages(t, { data }) {
    const dir = temporaryDir(t);
    const browser = await openBrowser(t);
    const pages = [[], ...['title', 'ua', 'ref', 'url', 'name', 'params.x'].map((field) => ['hits', '--by', field]), ['pages', '--where', "title=<script>document.title='owned'</script>"]];
    for (const [i, args] of pages.entries()) {
        const file = path.join(dir, `${i}.html`);
        const made = crumb('report', ...args, '--data', data, '--top', '0', '--bots', 'include', '--format', 'html', '-o', file);
        assert.equal(made.status, 0, made.stderr);
        assert.doesNotMatch(fs.readFileSync(file, 'utf8'), OBEYED);
        const page = await openPage(browser);
        const asked = [];
        page.on('request', (asking) => asked.push(asking.url()));
        page.on('dialog', (dialog) => page.said.push(dialog.message()));
        await page.goto(`file://${file}`, { timeout: 120_000 });
        // Events that wait for somebody.
        await page.evaluate(() => {
            for (const element of document.querySelectorAll('main *'))
                for (const kind of ['mouseover', 'pointerenter', 'focus', 'click', 'toggle', 'animationstart']) element.dispatchEvent(new Event(kind, { bubbles: true }));
        });
        assert.deepEqual(page.said, [], 'no violation of the policy, no error');
        assert.deepEqual(asked, [`file://${file}`]);
        assert.doesNotMatch(await page.title(), /owned/);
        assert.deepEqual(await page.evaluate(() => {
            const allowed = 'a b button circle dd details div dl dt footer g h2 header line li main nav p path rect section small span strong summary svg table tbody td text th thead time title tr ul'.split(' ');
            return [...new Set([...document.querySelectorAll('main, main *')].filter((e) => !allowed.includes(e.localName)).map((e) => e.localName))];
        }), [], 'no element that the data brought');
        assert.equal(await page.evaluate(() => [...document.querySelectorAll('main *')].flatMap((e) => e.getAttributeNames()).filter((name) => /^on|^style$|^href$|^src/.test(name)).length), 0);
        const widths = await page.evaluate(() => [...document.querySelectorAll('main table')].map((table) => new Set([...table.rows].map((row) => row.cells.length)).size));
        assert.ok(widths.every((n) => n === 1), 'every row has the same cells');
        await page.close();
    }
}

test('report: hostile texts', async (t) => {
    const collected = await collect(t);
    await t.test('in every form', () => everyForm(collected));
    await t.test('read from csv --raw by DuckDB', (t) => rawCsv(t, collected));
    await t.test('in pages', (t) => inPages(t, collected));
});
