// The trackers that people already have, unchanged, against a real crumbd.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.js';
import { cat, crumb, start } from './lib/crumbd.js';
import { startRecorder } from './lib/recorder.js';
import { until } from './lib/wait.js';

const require = createRequire(import.meta.url);
const SITES = [
    { name: 'shop', snowplow: true, matomo_id: 7 },
    { name: 'plain' },
];

async function setUp(t, sites = SITES) {
    const server = await start(t, { config: { workers: 1, sites } });
    return { server, url: `http://127.0.0.1:${server.address.port}` };
}

const stored = (server, count) => until(`${count} records`, () => {
    const records = cat(server);
    return records.length >= count && records;
});

const IDENTIFIERS = /"(duid|nuid|tnuid|sid|fp|_id|cid|token_auth|cip)"/;

test('sdk: @snowplow/node-tracker delivers by POST and by GET', async (t) => {
    const { server, url } = await setUp(t);
    const { newTracker, buildPageView, buildPagePing, buildStructEvent, buildSelfDescribingEvent } =
        { ...require('@snowplow/node-tracker'), ...require('@snowplow/tracker-core') };
    for (const eventMethod of ['post', 'get']) {
        const tracker = newTracker(
            { namespace: `t-${eventMethod}`, appId: 'shop', encodeBase64: eventMethod === 'post' },
            { endpoint: url, eventMethod, bufferSize: 1 }
        );
        tracker.setUserId('customer-4711');
        tracker.setDomainUserId('duid-1');
        tracker.setScreenResolution(800, 600);
        tracker.setLang('de');
        tracker.track(buildPageView({ pageUrl: `https://shop.example/${eventMethod}?email=a@b.de`, pageTitle: 'Shop', referrer: 'https://r.example/' }));
        tracker.track(buildPagePing({ pageUrl: 'https://shop.example/', pageTitle: 'Shop', referrer: '', maxYOffset: 300 }));
        tracker.track(buildStructEvent({ category: 'cart', action: 'add', label: 'bread', property: 'rye', value: 4.2 }));
        tracker.track(buildSelfDescribingEvent({ event: {
            schema: 'iglu:com.acme/link_click/jsonschema/1-0-0', data: { target: 'top', count: 2, deep: { a: [1] } },
        } }));
        await tracker.flush();
    }
    const records = await stored(server, 8);
    assert.equal(records.length, 8);
    for (const eventMethod of ['post', 'get']) {
        const view = records.find(({ path }) => path === `/${eventMethod}`);
        assert.equal(view.kind, 'view');
        assert.equal(view.site, 'shop');
        assert.equal(view.query, 'email=***');
        assert.equal(view.title, 'Shop');
        assert.equal(view.ref, 'https://r.example/');
        assert.equal(view.lang, 'de');
        assert.deepEqual([view.sw, view.sh], [800, 600]);
        assert.match(view.uid, /^[\w-]{22}$/);
        assert.match(view.params.eid, /^[0-9a-f-]{36}$/);
    }
    const of = (name) => records.filter((record) => record.name === name);
    assert.equal(records.filter(({ kind }) => kind === 'ping').length, 2);
    assert.equal(of('add').length, 2);
    assert.deepEqual([of('add')[0].params.category, of('add')[0].params.label, of('add')[0].params.value], ['cart', 'bread', '4.2']);
    assert.equal(of('link_click').length, 2);
    for (const click of of('link_click')) {
        assert.equal(click.params.target, 'top');
        assert.equal(click.params.count, '2');
        assert.equal(click.params.deep, '{"a":[1]}');
    }
    assert.doesNotMatch(JSON.stringify(records), /4711|duid-1/);
    assert.doesNotMatch(JSON.stringify(records), IDENTIFIERS);
});

test('sdk: @snowplow/browser-tracker in a real browser, from another origin', async (t) => {
    const pages = {};
    const web = await startRecorder(t, pages);
    const origin = `http://shop.example:${web.port}`;
    const { server } = await setUp(t, [{ name: 'shop', snowplow: true, origins: [origin] }]);
    const collector = `http://crumb.shop.example:${server.address.port}`;
    const file = require.resolve('@snowplow/browser-tracker').replace(/[^/]*$/, 'index.umd.min.js');
    pages['*'] = `<!doctype html><title>Shop</title><script>${fs.readFileSync(file, 'utf8').replaceAll('</script', '<\\/script')}</script><script>
        const sp = window.snowplowBrowserTracking;
        sp.newTracker('sp', '${collector}', { appId: 'shop', contexts: { webPage: true } });
        sp.trackPageView();
        sp.trackStructEvent({ category: 'cart', action: 'add', label: 'ü' });
    </script>`;
    const browser = await openBrowser(t, { hosts: ['shop.example', 'crumb.shop.example'] });
    const page = await openPage(browser);
    await page.goto(`${origin}/anything/page?x=1`);
    const records = await stored(server, 2);
    const view = records.find(({ kind }) => kind === 'view');
    assert.equal(view.url, `${origin}/anything/page?x=1`);
    assert.equal(view.title, 'Shop');
    assert.match(view.pv, /^[0-9a-f-]{36}$/, 'the page view id of its web_page entity');
    const add = records.find(({ name }) => name === 'add');
    assert.equal(add.params.label, 'ü');
    assert.equal(add.pv, view.pv);
    assert.equal(add.vid, view.vid, page.said.join());
    assert.doesNotMatch(JSON.stringify(records), IDENTIFIERS);
});

test('sdk: matomo-tracker delivers one by one and in bulk', async (t) => {
    const { server, url } = await setUp(t);
    const MatomoTracker = require('matomo-tracker');
    const tracker = new MatomoTracker(7, `${url}/matomo.php`);
    const errors = [];
    tracker.on('error', (error) => errors.push(error));
    tracker.track({ url: 'https://shop.example/a?token=x', action_name: 'Shop', urlref: 'https://r.example/',
        _id: '0123456789abcdef', uid: 'customer-4711', res: '1280x1024', lang: 'fr', pv_id: 'abc123', cip: '1.2.3.4', token_auth: 'secret' });
    await stored(server, 1);
    const answer = await new Promise((resolve) => tracker.trackBulk([
        { url: 'https://shop.example/', e_c: 'cart', e_a: 'add', e_n: 'bread', e_v: '4.2' },
        { url: 'https://shop.example/', download: 'https://shop.example/x.pdf' },
        { url: 'https://shop.example/', link: 'https://other.example/' },
        { url: 'https://shop.example/', search: 'rye', search_count: '3' },
        { url: 'https://shop.example/', c_n: 'spring', c_p: 'top' },
        { url: 'https://shop.example/', c_n: 'spring', c_i: 'click' },
        { url: 'https://shop.example/', idgoal: '2' },
        { url: 'https://shop.example/', ping: '1' },
        { url: 'https://shop.example/', dimension1: 'gold' },
    ], resolve));
    assert.deepEqual(JSON.parse(answer), { status: 'success', tracked: 9, invalid: 0 });
    const records = await stored(server, 10);
    assert.deepEqual(errors, []);
    const [view] = records;
    assert.equal(view.site, 'shop');
    assert.equal(view.url, 'https://shop.example/a?token=***');
    assert.equal(view.title, 'Shop');
    assert.equal(view.ref_host, 'r.example');
    assert.equal(view.pv, 'abc123');
    assert.equal(view.lang, 'fr');
    assert.deepEqual([view.sw, view.sh], [1280, 1024]);
    assert.match(view.uid, /^[\w-]{22}$/);
    assert.equal(view.ip, '127.0.0.1', 'not what the client claims');
    assert.deepEqual(records.slice(1).map(({ kind, name }) => name ?? kind),
        ['add', 'download', 'outbound', 'search', 'impression', 'click', 'goal', 'ping', 'view']);
    assert.deepEqual(records[1].params, { category: 'cart', label: 'bread', value: '4.2' });
    assert.deepEqual(records[9].params, { dimension1: 'gold' });
    assert.doesNotMatch(JSON.stringify(records), /4711|secret|0123456789abcdef/);
});

test('sdk: Matomo by POST, as its own JavaScript client sends it', async (t) => {
    const { server, url } = await setUp(t);
    const form = 'action_name=Shop%20%C3%BC&idsite=7&rec=1&r=1&h=1&m=2&s=3&url=https%3A%2F%2Fshop.example%2F&_id=ab&send_image=0&pv_id=x1&res=10x20';
    const answer = await fetch(`${url}/matomo.php`, {
        method: 'POST', body: form, headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8' },
    });
    assert.equal(answer.status, 204);
    const bulk = await fetch(`${url}/matomo.php`, { method: 'POST', body: JSON.stringify({ requests: [`?${form}`, { idsite: 7, rec: 1, url: 'https://shop.example/2' }, 5] }) });
    assert.deepEqual(await bulk.json(), { status: 'success', tracked: 2, invalid: 1 });
    const records = await stored(server, 3);
    assert.equal(records[0].title, 'Shop ü');
    assert.equal(records[0].params, undefined);
    assert.equal(records[2].url, 'https://shop.example/2');
});

test('sdk: only for sites that switched it on; all is counted', async (t) => {
    const { server, url } = await setUp(t);
    const get = async (target) => (await fetch(url + target)).status;
    const post = async (target, body) => (await fetch(url + target, { method: 'POST', body })).status;
    assert.equal(await get('/i?e=pv&aid=plain&url=x'), 403);
    assert.equal(await get('/i?e=pv&aid=nobody'), 403);
    assert.equal(await get('/i?e=pv&aid=shop'), 200);
    assert.equal(await get('/i?e=zz&aid=shop'), 400);
    assert.equal(await get('/i?e=ue&aid=shop&ue_px=%%%'), 400);
    assert.equal(await get('/matomo.php?idsite=8&rec=1'), 403);
    assert.equal(await get('/matomo.php?idsite=7'), 400);
    assert.equal(await get('/matomo.php?idsite=7&rec=1'), 200);
    assert.equal(await post('/com.snowplowanalytics.snowplow/tp2', 'no json'), 400);
    assert.equal(await post('/com.snowplowanalytics.snowplow/tp2', '{"data":{}}'), 400);
    assert.equal(await post('/com.snowplowanalytics.snowplow/tp2', '{"data":[]}'), 400);
    assert.equal(await post('/matomo.php', '{"requests":[[]]}'), 400);
    const metrics = await server.metrics();
    const refused = Object.entries(metrics).filter(([name]) => name.startsWith('crumb_hits_refused'))
        .reduce((sum, [, value]) => sum + value, 0);
    assert.equal(metrics.crumb_hits_received_total, 11);
    assert.equal(metrics.crumb_hits_stored_total, 2);
    assert.equal(refused, 9);
    assert.equal(crumb('cat', '--data', server.data, '--site', 'plain').stdout, '');
});
