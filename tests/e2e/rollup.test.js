// crumb rollup: reports made with it are those that are made without, whatever happened to the data or to the rollups.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { crumb, ROOT, start, temporaryDir } from './lib/crumbd.js';
import { fetchOnce } from './lib/http.js';
import { storeHits, storeLines } from './lib/stored.js';

const SIMPLE = ['overview', 'timeline', 'pages', 'sections', 'referrers', 'campaigns', 'countries', 'regions', 'cities', 'networks', 'devices', 'browsers', 'systems', 'languages', 'screens', 'events', 'banners', 'bots'];

const ask = (data, ...args) => crumb('report', ...args, '--data', data, '--format', 'json', '--top', '0');
const fromRollups = (data, ...args) => JSON.parse(ask(data, ...args).stdout).from_rollups;

function rollup(data, ...args) {
    const run = crumb('rollup', '--data', data, ...args);
    assert.equal(run.status, 0, run.stderr);
    return run.stdout;
}

// The same rows with and without; how many records were not read.
function same(data, names, ...args) {
    const [a, b] = [ask(data, ...names, ...args), ask(data, ...names, ...args, '--no-rollup')];
    assert.equal(a.status, b.status, a.stderr);
    const [with_, without] = [JSON.parse(a.stdout), JSON.parse(b.stdout)];
    assert.deepEqual(with_.reports, without.reports, args.join(' '));
    assert.equal(with_.records, without.records);
    assert.equal(with_.period, without.period);
    assert.equal(without.from_rollups, 0);
    return with_.from_rollups;
}

const files = (data, level) => fs.readdirSync(path.join(data, 'rollup', level)).filter((name) => name.endsWith('.sum'));

test('rollup: every simple report is the same, by site and in any stretch of time', (t) => {
    const { data, lines } = storeHits(temporaryDir(t), 51, 4_000, 35);
    assert.match(rollup(data), /^Made \d+ hours, 3[56] days, 1 month; still valid: nothing\.\n$/);
    assert.match(rollup(data), /^Made nothing; still valid: \d+ hours, 3[56] days, 1 month\.\n$/);
    assert.equal(same(data, SIMPLE), lines.length, 'nothing had to be read');
    for (const site of ['shop', 'blog']) assert.ok(same(data, SIMPLE, '--site', site) > 0);
    assert.equal(same(data, SIMPLE, '--site', 'nobody'), 0);
    assert.ok(same(data, SIMPLE, '--since', '2026-10-25T10:20:30', '--until', '2026-11-18T07:40:59') > 0);
    assert.ok(same(data, SIMPLE, '--since', '2026-11-10', '--until', '2026-11-20', '--compare', 'previous') > 0);
    for (const step of ['hour', 'day', 'week', 'month'])
        assert.equal(same(data, ['timeline'], '--step', step), lines.length, step);
    for (const args of [['--where', 'country=DE'], ['--bots', 'include'], ['--site', 'shop,blog'], ['--idle', '10m']])
        assert.equal(same(data, ['overview'], ...args), 0, `${args.join(' ')} reads the hits`);
    assert.equal(same(data, ['entry', 'pages']), 0, 'one that has to be read is enough');
    const table = crumb('report', 'overview', '--data', data).stdout;
    assert.match(table, /; 4,000 of 4,000 records from rollups$/m);
});

test('rollup: hostile names of sites, pages and everything', (t) => {
    const { data, lines } = storeHits(temporaryDir(t), 52, 6_000, 5, 'rough');
    rollup(data);
    assert.equal(same(data, SIMPLE), lines.length);
    const sites = new Set(lines.map((line) => JSON.parse(line).site));
    assert.ok(sites.size > 10);
    for (const site of sites) {
        if (!site.includes('\0')) same(data, ['overview', 'pages', 'bots'], '--site', site);
    }
    for (const level of ['hour', 'day']) {
        for (const name of files(data, level)) assert.match(name, /^2026-11-\d\d(T\d\d)?\.sum$/);
    }
});

const line = (seconds, fields) => JSON.stringify({ v: 1, ts: new Date(Date.parse('2026-11-20T08:00:00Z') + seconds * 1000).toISOString(), id: `testtesttest-0-${seconds}`, kind: 'view', vid: `v${seconds % 100}`, ua: 'Mozilla/5.0 Firefox/133.0', ...fields });
const store = (t, lines) => {
    const data = path.join(temporaryDir(t), 'data');
    fs.mkdirSync(data);
    storeLines(data, lines.join('\n'));
    rollup(data);
    return data;
};

test('rollup: of more than 50 sites the small ones are read, and nothing is missing', (t) => {
    // site-0 has one hit, site-59 sixty
    const sites = Array.from({ length: 60 }, (_, i) => Array(i + 1).fill(`site-${i}`)).flat();
    const data = store(t, sites.map((site, i) => line(i, { site, path: `/${i % 7}` })));
    assert.equal(same(data, SIMPLE), sites.length);
    for (const [site, hits] of [['site-59', 60], ['site-30', 31], ['site-0', 0], ['site-5', 0], ['nobody', 0]])
        assert.equal(same(data, ['overview', 'pages'], '--site', site), hits, site);
});

test('rollup: a table of more than 50,000 rows is read, the others are not', (t) => {
    const data = store(t, Array.from({ length: 50_001 }, (_, i) => line(i / 20, { site: 's', country: 'DE', path: `/${i}` })));
    assert.equal(same(data, ['overview', 'countries', 'sections']), 0, 'sections are as many');
    assert.equal(same(data, ['overview', 'countries', 'timeline']), 50_001);
    assert.equal(same(data, ['pages']), 0);
});

test('rollup: zones, and the day of 25 hours', (t) => {
    const { data, lines } = storeHits(temporaryDir(t), 53, 1_500, 35);
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
    const check = () => {
        for (const zone of zones) {
            for (const step of ['hour', 'day', 'week', 'month']) same(data, ['timeline'], '--step', step, '--tz', zone);
            assert.ok(same(data, SIMPLE, '--tz', zone, '--since', '2026-10-22', '--until', '2026-11-20') > 0, zone);
        }
    };
    rollup(data);
    check();
    assert.match(rollup(data, '--tz', 'Europe/Berlin'), /^Made 3[4-6] days, 1 month; still valid: \d+ hours\.\n$/);
    check();
    assert.equal(same(data, ['timeline'], '--tz', 'Europe/Berlin', '--step', 'day'), lines.length);
    const refused = crumb('rollup', '--data', data, '--tz', 'Asia/Kolkata');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /days in Asia\/Kolkata do not begin at full hours of UTC; leave out --tz/);
});

test('rollup: what arrives late, and what was removed', (t) => {
    const { data, lines } = storeHits(temporaryDir(t), 54, 1_500, 35);
    rollup(data);
    const late = lines.filter((line) => JSON.parse(line).ts.startsWith('2026-10-2')).map((line) => {
        const hit = JSON.parse(line);
        return JSON.stringify({ ...hit, vid: `late-${hit.id}`, path: '/late' });
    });
    assert.ok(late.length > 10);
    storeLines(data, `${late.join('\n')}\n`);
    const before = same(data, SIMPLE);
    assert.ok(before > 0 && before < lines.length, 'the hours with late hits are read');
    assert.match(rollup(data), /^Made \d+ hours, \d+ days, 1 month; still valid: \d+ hours, \d+ days\.\n$/);
    assert.equal(same(data, SIMPLE), lines.length + late.length);

    fs.rmSync(path.join(data, 'hits/dt=2026-10-25'), { recursive: true });
    assert.ok(same(data, SIMPLE) > 0);
    assert.match(rollup(data), /; removed: \d+ files\.\n$/);
    assert.ok(!files(data, 'day').includes('2026-10-25.sum'), 'its sums are gone with its hits');
    same(data, SIMPLE);
});

test('rollup: another list of bots makes them unfit', (t) => {
    const { data } = storeHits(temporaryDir(t), 55, 500, 2);
    const share = path.join(temporaryDir(t), 'share');
    rollup(data);
    fs.mkdirSync(share);
    fs.writeFileSync(path.join(share, 'crawlers.tsv'), `${fs.readFileSync(path.join(ROOT, 'conf/data/crawlers.tsv'))}crawler\tFirefox\tFirefox\n`);
    assert.ok(fromRollups(data, 'overview') > 0);
    process.env.CRUMB_SHARE = share;
    t.after(() => delete process.env.CRUMB_SHARE);
    assert.equal(fromRollups(data, 'overview'), 0);
    rollup(data);
    assert.ok(same(data, SIMPLE) > 0);
});

// Where the sections of all sites together are: { base: [offset, bytes], time, pages, ... }; src/report/rollup_file.c draws them.
function sections(file) {
    let at = 24 + 16;
    let body = 24 + file.readUInt32LE(12);
    const number = () => {
        let value = 0n;
        for (let shift = 0n; ; shift += 7n) {
            const byte = BigInt(file[at++]);
            value |= (byte & 127n) << shift;
            if (byte < 128n) return Number(value);
        }
    };
    for (let i = 0; i < 3; i++) number(); // since, until, idle
    const zone = number();
    at += zone;
    for (let i = 0; i < 2; i++) number(); // complete, parts
    return Object.fromEntries(Array.from({ length: number() }, () => {
        const n = number();
        const name = file.toString('latin1', at, at += n);
        const bytes = number();
        at += 8;
        body += bytes;
        return [name, [body - bytes, bytes]];
    }));
}

test('rollup: damage is told and never believed', (t) => {
    const { data } = storeHits(temporaryDir(t), 56, 1_000, 2);
    rollup(data);
    const file = path.join(data, 'rollup/day', files(data, 'day')[1]);
    const whole = fs.readFileSync(file);
    const body = 24 + whole.readUInt32LE(12); // of all sites; parts that nobody asks for are not looked at
    const parts = sections(whole);
    assert.deepEqual(Object.keys(parts).slice(0, 3), ['base', 'time', 'pages']);
    const inTables = ['time', 'pages', 'cities', 'bots'].map((name) => parts[name][0] + Math.floor(parts[name][1] / 2));
    for (const at of [0, 20, 60, body, body + 200, ...inTables]) {
        const bytes = Buffer.from(whole);
        bytes[at] ^= 1;
        fs.writeFileSync(file, bytes);
        const run = ask(data, ...SIMPLE);
        assert.equal(run.status, 0);
        assert.match(run.stderr, /2026-11-\d\d\.sum is damaged and is not used; delete it and run crumb rollup/);
        assert.equal(run.stderr.trim().split('\n').length, 1);
        assert.ok(same(data, SIMPLE) > 0);
    }
    fs.writeFileSync(file, whole);

    const hits = fs.readdirSync(path.join(data, 'hits'), { recursive: true }).filter((name) => name.endsWith('.gz')).sort();
    const bad = path.join(data, 'hits', hits[5]);
    const bytes = fs.readFileSync(bad);
    bytes[bytes.length - 100] ^= 0xff;
    fs.rmSync(path.join(data, 'rollup'), { recursive: true });
    fs.writeFileSync(bad, bytes);
    const run = crumb('rollup', '--data', data);
    assert.equal(run.status, 3);
    assert.match(run.stdout, /left out because of damage: 1 hour/);
    assert.match(run.stderr, /damaged block/);
    assert.equal(ask(data, 'overview').status, 3, 'each report tells it');
    assert.ok(same(data, SIMPLE) > 0);
});

test('rollup: beside a running server, live hits included', async (t) => {
    const { data, lines } = storeHits(temporaryDir(t), 57, 500, 2);
    rollup(data);
    const server = await start(t, { config: { data } });
    for (let i = 0; i < 5; i++)
        await fetchOnce(server.address, `/b.gif?site=shop&url=https%3A%2F%2Fshop.example%2Flive-${i}`, { 'User-Agent': 'Mozilla/5.0 Firefox/133.0' });
    assert.equal(JSON.parse(ask(data, 'pages').stdout).records, lines.length + 5);
    assert.equal(same(data, SIMPLE), lines.length);
    assert.match(rollup(data), /not sealed yet: 1 hour\./);
    assert.equal(same(data, SIMPLE), lines.length);
});

test('rollup: a folder that cannot be written, and options that do not exist', (t) => {
    const { data } = storeHits(temporaryDir(t), 58, 100, 1);
    fs.writeFileSync(path.join(data, 'rollup'), 'a file');
    const run = crumb('rollup', '--data', data);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /rollup/);
    assert.equal(ask(data, 'overview').status, 0);
    assert.equal(crumb('rollup', '--data', data, '--site', 'shop').status, 2);
    assert.equal(crumb('rollup', '--data', data, '--idle', '3').status, 2);
});
