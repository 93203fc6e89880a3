// The tag in a real Chromium, against a recorder: what a visit sends, exactly, and what it never sends.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import zlib from 'node:zlib';
import { openBrowser, openPage, openPlainBrowser, setOnline } from './lib/browser.js';
import { temporaryDir } from './lib/crumbd.js';
import { startRecorder } from './lib/recorder.js';
import { until } from './lib/wait.js';

const HOSTS = ['shop.example', 'crumb.example', 'other.example'];
const TAG = '<script async src="/t.js" data-site="shop"></script>';
const EARLY = '<script>window.crumb=window.crumb||function(){(crumb.q=crumb.q||[]).push(arguments)}</script>';
const html = (body, { tag = TAG, title = 'A page' } = {}) =>
    `<!doctype html><html><head><title>${title}</title>${tag}</head><body>${body}</body></html>`;

let browser;
before(async () => {
    browser = await openBrowser({ after: () => {} }, { hosts: HOSTS });
});
after(() => browser.close());

// A context of its own, a page in it, and a recorder that serves `pages`.
async function setUp(t, pages, options = {}) {
    const recorder = await startRecorder(t, typeof pages === 'string' ? { '*': pages } : pages);
    const context = await browser.newContext(options);
    t.after(() => context.close());
    const page = await openPage(context);
    return { recorder, context, page, url: (path) => recorder.origin + path };
}

const seen = (recorder, name, count) =>
    until(`${count} ${name}`, () => recorder.named(name).length >= count && recorder.named(name));

// Sends what is waiting, so that "nothing more" can be said: the beacon of this event comes after all others.
async function settle(page, recorder) {
    const mark = `mark${Math.random()}`;
    await page.evaluate((name) => window.crumb('event', name), mark);
    await seen(recorder, mark, 1);
    recorder.events = recorder.events.filter(({ e }) => e !== mark);
}

test('a page view says what the browser knows', async (t) => {
    const { recorder, page, url } = await setUp(t, html('hello', { title: 'Ünïcode & "quotes"' }));
    await page.goto(url('/anything?a=1#x'), { referer: 'https://from.example/page' });
    const [view] = await seen(recorder, 'view', 1);
    const { pv, params, ...rest } = view;
    assert.match(pv, /^[a-z0-9]{6,}$/);
    assert.deepEqual(rest, {
        site: 'shop',
        url: url('/anything?a=1#x'),
        ref: 'https://from.example/page',
        title: 'Ünïcode & "quotes"',
        sw: 1280,
        sh: 720,
    });
    assert.deepEqual(Object.keys(params), ['late_ms']);
    assert.equal(recorder.posts[0].type, 'text/plain;charset=UTF-8');
    const { headers } = recorder.requests.find(({ method }) => method === 'POST');
    assert.match(headers['accept-language'], /^en-US/, 'where the server reads the language');
});

test('classic navigation: each page once, in order', async (t) => {
    const { recorder, page, url } = await setUp(t, html('<a href="/anything/next">next</a>'));
    for (const name of ['a', 'b', 'c', 'b']) {
        await page.goto(url(`/anything/${name}`));
        await page.waitForFunction(() => window.crumb?.ready);
    }
    await seen(recorder, 'view', 4);
    await settle(page, recorder);
    assert.deepEqual(recorder.paths(), ['a', 'b', 'c', 'b'].map((name) => `/anything/${name}`));
    assert.equal(new Set(recorder.named('view').map(({ pv }) => pv)).size, 4);
    assert.deepEqual(recorder.paths('ping'), ['a', 'b', 'c'].map((name) => `/anything/${name}`));
});

test('single-page navigation counts each change of address once', async (t) => {
    const { recorder, page, url } = await setUp(t, html('<p id="place">a place</p>'));
    await page.goto(url('/anything/start'));
    await seen(recorder, 'view', 1);
    await page.evaluate(async () => {
        const later = (type) => new Promise((resolve) => addEventListener(type, resolve, { once: true }));
        history.replaceState({}, '', location.href); // same address
        history.pushState({}, '', '/anything/pushed');
        document.title = 'Pushed';
        history.pushState({}, '', '/anything/pushed'); // again
        history.replaceState({}, '', '/anything/replaced');
        history.pushState({}, '', '#place'); // a place on the page is not another page
        const popped = later('popstate');
        history.go(-2);
        await popped;
        const hashed = later('hashchange');
        location.hash = '#/route';
        await hashed;
        location.hash = '#place';
    });
    await settle(page, recorder);
    assert.deepEqual(recorder.paths(), [
        '/anything/start',
        '/anything/pushed',
        '/anything/replaced',
        '/anything/pushed',
        '/anything/pushed#/route',
        '/anything/pushed#place', // back from the route, to a place on the page
    ]);
    const [start, pushed, replaced] = recorder.named('view');
    assert.equal(pushed.ref, start.url);
    assert.equal(replaced.ref, pushed.url);
    assert.equal(pushed.title, 'Pushed');
});

test('a fragment that leads to a place on the page is not another page', async (t) => {
    const { recorder, page, url } = await setUp(t, html('<p id="über uns">a place</p><p id="a+b">another</p>'));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    for (const fragment of ['top', 'über uns', 'a%2Bb', '', 'gone'])
        await page.evaluate(async (place) => {
            const changed = new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }));
            location.hash = place;
            await changed;
        }, fragment);
    await settle(page, recorder);
    assert.deepEqual(recorder.paths(), ['/anything', '/anything#gone']);
});

test('fast single-page navigation loses nothing and doubles nothing', async (t) => {
    const { recorder, page, url } = await setUp(t, html(''));
    await page.goto(url('/anything/0'));
    await page.waitForFunction(() => window.crumb?.ready);
    await page.evaluate(() => {
        for (let i = 1; i <= 100; i++) history.pushState({}, '', `/anything/${i}`);
    });
    await seen(recorder, 'view', 101);
    await settle(page, recorder);
    const expected = Array.from({ length: 101 }, (_, i) => `/anything/${i}`);
    assert.deepEqual(recorder.paths().sort(), expected.sort());
    assert.deepEqual(recorder.paths('ping').sort(), expected.filter((path) => path !== '/anything/100').sort());
    assert.ok(recorder.posts.length < 20, `${recorder.posts.length} requests for 201 events`);
});

test('a page that is left at once is still counted', async (t) => {
    const { recorder, page, url } = await setUp(t, html(''));
    for (const name of ['a', 'b', 'c', 'd']) {
        await page.goto(url(`/anything/${name}`));
        await page.waitForFunction(() => window.crumb?.ready);
        await page.evaluate((next) => location.assign(next), url('/anything/last'));
        await page.waitForURL(url('/anything/last'));
        await page.waitForFunction(() => window.crumb?.ready);
    }
    await seen(recorder, 'view', 8);
    await settle(page, recorder);
    assert.deepEqual(recorder.paths(), ['a', 'last', 'b', 'last', 'c', 'last', 'd', 'last'].map((n) => `/anything/${n}`));
});

test('a tab closed in the middle is still counted', async (t) => {
    const { recorder, context, url } = await setUp(t, html(''));
    for (let i = 0; i < 5; i++) {
        const page = await openPage(context);
        await page.goto(url(`/anything/${i}`));
        await page.waitForFunction(() => window.crumb?.ready);
        await page.evaluate(() => window.crumb('event', 'last', { words: 'goodbye' }));
        await page.close();
    }
    await seen(recorder, 'ping', 5);
    assert.equal(recorder.named('view').length, 5);
    assert.equal(recorder.named('last').length, 5);
});

test('out of the back-forward cache: seen again, as a view of its own', async (t) => {
    const { recorder, page, url } = await setUp(t, html(''));
    await page.goto(url('/anything/a'));
    await seen(recorder, 'view', 1);
    await page.goto(url('/anything/b'));
    await seen(recorder, 'view', 2);
    await page.evaluate(() => void setTimeout(() => history.back()));
    await seen(recorder, 'view', 3);
    await settle(page, recorder);
    assert.equal(recorder.requests.filter(({ url: path }) => path === '/anything/a').length, 1, 'it was not loaded again');
    assert.deepEqual(recorder.paths(), ['/anything/a', '/anything/b', '/anything/a']);
    assert.deepEqual(recorder.paths('ping'), ['/anything/a', '/anything/b']);
    assert.equal(new Set(recorder.named('view').map(({ pv }) => pv)).size, 3);
});

// A promise with its handle: a page that fetches it waits for the test.
function gate() {
    let open;
    const opened = new Promise((resolve) => (open = () => resolve('go')));
    return { opened, open };
}

test('a prerendered page counts when it is shown, once', async (t) => {
    const rules = '{"prerender":[{"urls":["/anything/pre"],"eagerness":"immediate"}]}';
    const go = gate();
    const recorder = await startRecorder(t, {
        '/go': go.opened,
        '/start': html(
            `<script type="speculationrules">${rules}</script><a id="link" href="/anything/pre">next</a>
             <script>fetch('/go').then(() => document.getElementById('link').click())</script>`
        ),
        '*': html('<script>new Image().src="/loaded?"+document.prerendering</script>'),
    });
    await openPlainBrowser(t, `${recorder.origin}/start`);
    await until('the page to be prerendered', () => recorder.requests.some(({ url }) => url === '/loaded?true'));
    await seen(recorder, 'view', 1);
    assert.deepEqual(recorder.paths(), ['/start']);
    go.open();
    await seen(recorder, 'view', 2);
    assert.deepEqual(recorder.paths(), ['/start', '/anything/pre']);
    assert.equal(recorder.requests.filter(({ url }) => url.startsWith('/loaded')).length, 1, 'it was really prerendered');
});

test('a page in the background counts when it is looked at, once', async (t) => {
    const go = gate();
    const recorder = await startRecorder(t, {
        '/go': go.opened,
        '/front': html(`<script>fetch('/go').then(() => {
            history.pushState({}, '', '/anything/unseen');
            history.pushState({}, '', '/anything/seen');
            new Image().src = '/moved';
        })</script>`),
        '*': html(''),
    });
    const browser = await openPlainBrowser(t, `${recorder.origin}/front`);
    await seen(recorder, 'view', 1);
    const [front] = await browser.tabs();
    const other = await browser.open(`${recorder.origin}/anything/other`);
    await seen(recorder, 'view', 2);
    await seen(recorder, 'ping', 1); // the front tab was hidden by it
    go.open();
    await until('the hidden page to move', () => recorder.requests.some(({ url }) => url === '/moved'));
    await browser.activate(front.id);
    await seen(recorder, 'view', 3);
    await browser.activate(other);
    await seen(recorder, 'ping', 3);
    assert.deepEqual(recorder.paths(), ['/front', '/anything/other', '/anything/seen']);
});

test('offline and back: everything arrives, once, and says how late', async (t) => {
    const { recorder, page } = await setUp(t, html(''));
    await page.goto(`http://shop.example:${recorder.port}/anything/online`); // a local collector is never out of reach
    await seen(recorder, 'view', 1);
    await setOnline(page, false);
    await page.evaluate(() => {
        for (let i = 0; i < 10; i++) history.pushState({}, '', `/anything/offline${i}`);
        window.crumb('event', 'offline');
    });
    await page.waitForTimeout(1200);
    assert.equal(recorder.named('view').length, 1);
    await setOnline(page, true);
    await seen(recorder, 'view', 11);
    await settle(page, recorder);
    assert.equal(recorder.named('view').length, 11);
    const [offline] = recorder.named('offline');
    assert.ok(offline.params.late_ms >= 1200, `${offline.params.late_ms} ms`);
});

test('sendBeacon, then fetch with keepalive, then an image', async (t) => {
    const { recorder, page, url } = await setUp(t, html(''));
    await page.addInitScript(() => {
        const fetch = window.fetch;
        window.used = [];
        const beacon = navigator.sendBeacon.bind(navigator);
        navigator.sendBeacon = (...given) => {
            window.used.push('beacon');
            return !location.search && beacon(...given);
        };
        window.fetch = (address, options) => {
            window.used.push(`fetch ${options.keepalive}`);
            return location.search === '?image' ? Promise.reject(new TypeError('blocked')) : fetch(address, options);
        };
        if (location.search === '?ancient') delete window.fetch;
        if (location.search === '?ancient') window.fetch = undefined;
    });
    const used = async (search) => {
        await page.goto(url(`/anything${search}`));
        await until(search, () => recorder.paths().includes(`/anything${search}`));
        return page.evaluate(() => window.used);
    };
    assert.deepEqual(await used(''), ['beacon']);
    assert.deepEqual(await used('?fetch'), ['beacon', 'fetch true']);
    assert.deepEqual(await used('?image'), ['beacon', 'fetch true']);
    assert.deepEqual(await used('?ancient'), ['beacon']);
    assert.deepEqual(recorder.pixels.filter(({ e }) => !e || e === 'undefined').length, 2);
    assert.equal(recorder.pixels[0].title, 'A page');
});

test('commands before the tag has loaded are kept, in order', async (t) => {
    const body = `${EARLY}<script>crumb('identify', 'customer 7'); crumb('event', 'one', { n: 1, deep: { a: [1] } });
        crumb('event', 'two')</script>`;
    const { recorder, page, url } = await setUp(t, html(body + TAG, { tag: '' }));
    await page.goto(url('/anything'));
    await seen(recorder, 'two', 1);
    assert.deepEqual(recorder.events.map(({ e }) => e), [undefined, 'one', 'two']);
    assert.ok(recorder.events.every(({ uid }) => uid === 'customer 7'));
    const { late_ms, ...params } = recorder.named('one')[0].params;
    assert.deepEqual(params, { n: 1, deep: { a: [1] } });
    assert.equal(recorder.posts.length, 1, 'in one request');
});

test('identify after the view links it to the page view', async (t) => {
    const { recorder, page, url } = await setUp(t, html(''));
    await page.goto(url('/anything'));
    const [view] = await seen(recorder, 'view', 1);
    await page.evaluate(() => window.crumb('identify', 42));
    const [identify] = await seen(recorder, 'identify', 1);
    assert.equal(view.uid, undefined);
    assert.equal(identify.uid, 42);
    assert.equal(identify.pv, view.pv);
});

test('links: outbound and downloads, by any button that follows them', async (t) => {
    const links = [
        '<a id="out" href="http://other.example/path?q=1">other <b id="inner">site</b></a>',
        '<a id="same" href="/anything/same">same</a>',
        '<a id="file" href="/files/Report.PDF?x">file</a>',
        '<a id="named" download href="/files/x">named</a>',
        '<a id="mail" href="mailto:x@shop.example">mail</a>',
        '<svg width=9 height=9><a href="/x"><rect id="svg" width=9 height=9 /></a></svg>',
    ];
    const { recorder, page, url } = await setUp(t, html(links.join(' ')));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    await page.evaluate(() => addEventListener('click', (event) => event.preventDefault()));
    await page.evaluate(() => addEventListener('auxclick', (event) => event.preventDefault()));
    await page.click('#inner');
    await page.click('#out', { button: 'middle' });
    await page.click('#out', { button: 'right' });
    for (const id of ['same', 'file', 'named', 'mail', 'svg']) await page.click(`#${id}`);
    await settle(page, recorder);
    assert.deepEqual(recorder.named('outbound').map(({ params }) => params.link), Array(2).fill('http://other.example/path?q=1'));
    assert.deepEqual(recorder.named('download').map(({ params }) => params.link), [url('/files/Report.PDF?x'), url('/files/x')]);
    assert.ok(!page.said.some((text) => text.startsWith('ERROR')), page.said.join());
});

test('an outbound click arrives although the page is gone', async (t) => {
    const { recorder, page, url } = await setUp(t, html('<a href="http://127.0.0.2:9/">out</a>'));
    await page.goto(url('/anything'));
    await page.waitForFunction(() => window.crumb?.ready);
    await page.click('a', { noWaitAfter: true });
    await seen(recorder, 'outbound', 1);
});

test('forms: names, never values', async (t) => {
    const form = `<form name="order" onsubmit="return false"><input name="email" value="secret-1@x.example">
        <input type="password" name="pass" value="secret-2"><input type="radio" name="size" value="secret-3" checked>
        <input type="radio" name="size" value="secret-4"><textarea id="note">secret-5</textarea>
        <select name="colour"><option value="secret-6" selected>x</select><button name="send" value="secret-7">go</button></form>`;
    const { recorder, page, url } = await setUp(t, html(form));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    await page.click('button');
    const [submit] = await seen(recorder, 'submit', 1);
    assert.equal(submit.params.form, 'order');
    assert.equal(submit.params.fields, 'email,pass,size,note,colour,send');
    assert.doesNotMatch(JSON.stringify(recorder.posts), /secret/);
});

test('site search is told with the view', async (t) => {
    const { recorder, page, url } = await setUp(t, {
        '/anything': html(''),
        '/own': html('', { tag: '<script async src="/t.js" data-site="shop" data-search="find,suche"></script>' }),
    });
    await page.goto(url('/anything?page=2&q=red+sh%C3%B6es&s=x'));
    await seen(recorder, 'view', 1);
    await page.goto(url('/own?suche=hut&q=x'));
    await seen(recorder, 'view', 2);
    assert.deepEqual(recorder.named('view').map(({ params }) => params.search), ['red shöes', 'hut']);
});

test('data-crumb-event: on clicks, and on forms when they are submitted', async (t) => {
    const body = `<button id="b" data-crumb-event="buy" data-crumb-plan="pro" data-crumb-order-id="7" data-other="x"><i>go</i></button>
        <form data-crumb-event="signup" data-crumb-list="news" onsubmit="return false"><input id="i"><button id="s">ok</button></form>`;
    const { recorder, page, url } = await setUp(t, html(body));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    await page.click('#b i');
    await page.click('#i');
    await page.click('#s');
    await settle(page, recorder);
    const params = (name) => recorder.named(name).map(({ params: { late_ms, ...rest } }) => rest);
    assert.deepEqual(params('buy'), [{ plan: 'pro', orderId: '7' }]);
    assert.deepEqual(params('signup'), [{ list: 'news' }]);
});

test('banners: an impression after one second in view, once a page view, and clicks', async (t) => {
    const banner = (name, top) =>
        `<div data-crumb-banner="${name}" style="position:absolute;top:${top}px;width:300px;height:100px">${name}</div>`;
    const { recorder, page, url } = await setUp(
        t,
        html(`<div style="height:9000px"></div>${banner('top', 10)}${banner('passed', 3000)}${banner('bottom', 8000)}`)
    );
    await page.goto(url('/anything'));
    await seen(recorder, 'impression', 1);
    await page.evaluate(() => scrollTo(0, 2900));
    await page.waitForTimeout(300);
    await page.evaluate(() => scrollTo(0, 8000)); // "passed" was not there for a second
    await seen(recorder, 'impression', 2);
    await page.evaluate((late) => document.body.insertAdjacentHTML('beforeend', late), banner('late', 8200));
    await seen(recorder, 'impression', 3);
    await page.click('text=late');
    await seen(recorder, 'click', 1);
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(1300);
    await page.evaluate(() => history.pushState({}, '', '/anything/2'));
    await seen(recorder, 'impression', 4);
    await settle(page, recorder);
    assert.deepEqual(recorder.named('impression').map(({ params }) => params.banner), ['top', 'bottom', 'late', 'top']);
    assert.deepEqual(recorder.named('click').map(({ params }) => params.banner), ['late']);
});

test('a ping says how far, how long and how fast', async (t) => {
    const { recorder, page, url } = await setUp(
        t,
        html(`<h1>big text</h1><button onclick="const end=performance.now()+60;while(performance.now()<end);">slow</button>
            <p id="p" style="height:2000px">x</p>`)
    );
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    await page.click('button');
    await page.waitForTimeout(700); // beyond hadRecentInput
    await page.evaluate(() => document.getElementById('p').insertAdjacentHTML('beforebegin', '<div style="height:400px">pushed</div>'));
    await page.mouse.wheel(0, 600);
    await page.waitForFunction(() => scrollY > 500);
    await page.waitForTimeout(300);
    await page.goto(url('/anything/2'));
    const [{ params }] = await seen(recorder, 'ping', 1);
    assert.ok(params.scroll >= 45 && params.scroll <= 75, `scroll ${params.scroll}`);
    assert.ok(params.focus_ms >= 1000 && params.focus_ms < 20_000, `focus ${params.focus_ms}`);
    assert.ok(params.lcp > 0 && params.lcp < 20_000, `lcp ${params.lcp}`);
    assert.ok(params.cls > 0.05 && params.cls < 2, `cls ${params.cls}`);
    assert.ok(params.inp >= 56 && params.inp < 2_000, `inp ${params.inp}`);
});

test('a page that takes its time to go is told of once', async (t) => {
    const { recorder, page, url } = await setUp(t, html(''));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    await page.evaluate(() => {
        const hide = () => dispatchEvent(new PageTransitionEvent('pagehide'));
        hide();
        const end = performance.now() + 300;
        while (performance.now() < end);
        hide(); // as visibilitychange comes behind it
    });
    await seen(recorder, 'ping', 1);
    await settle(page, recorder);
    assert.equal(recorder.named('ping').length, 1);
});

test('with data-consent nothing leaves before consent, and nothing after a refusal', async (t) => {
    const tag = '<script async src="/t.js" data-site="shop" data-consent></script>';
    const { recorder, page, url } = await setUp(t, html('', { tag }));
    const sent = () => recorder.requests.filter(({ url: path }) => /^\/b/.test(path)).length;
    await page.goto(url('/anything/a'));
    await page.waitForFunction(() => window.crumb?.ready);
    await page.evaluate(() => history.pushState({}, '', '/anything/b'));
    await page.waitForTimeout(800);
    assert.equal(sent(), 0);
    await page.evaluate(() => window.crumb('consent', true));
    await seen(recorder, 'view', 2);
    const before = sent();
    await page.evaluate(() => {
        window.crumb('event', 'refused');
        window.crumb('consent', false);
        window.crumb('event', 'refused too');
    });
    await page.goto(url('/anything/c'));
    await page.waitForFunction(() => window.crumb?.ready);
    await page.waitForTimeout(800);
    assert.equal(sent(), before);
});

test('opt-out, opt-in and status from the page', async (t) => {
    const { recorder, page, url } = await setUp(t, html(''));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    assert.deepEqual(await page.evaluate(() => window.crumb('status')), { optout: false });
    const answer = await page.evaluate(() => new Promise((resolve) => {
        window.crumb('event', 'not sent any more');
        window.crumb('optout', resolve);
    }));
    assert.deepEqual(answer, { optout: true });
    await page.evaluate(() => history.pushState({}, '', '/anything/2'));
    await page.waitForTimeout(800);
    assert.deepEqual(await page.evaluate(() => window.crumb('optin')), { optout: false });
    await settle(page, recorder);
    assert.deepEqual(recorder.paths(), ['/anything']);
    assert.equal(recorder.named('not sent any more').length, 0);
});

test('debug mode says what happens and why nothing is sent', async (t) => {
    const { recorder, context, page, url } = await setUp(t, {
        '/sent': html('', { tag: '<script async src="/t.js" data-site="shop" data-debug></script>' }),
        '/elsewhere': html('', {
            tag: '<script async src="/t.js" data-site="shop" data-debug data-collector="https://crumb.example/"></script>',
        }),
        '/twice': html(TAG, { tag: '<script async src="/t.js" data-site="shop" data-debug></script>' }),
    });
    const says = (pattern) => until(`${pattern} in the console`, () => page.said.some((text) => pattern.test(text)));
    await page.goto(url('/sent'));
    await says(/^crumb: stored .*accepted/);
    await page.goto(url('/elsewhere'));
    await says(/^crumb: not sent: localhost/);
    // As an automated browser on a real host.
    const bot = await openBrowser(t, { hosts: HOSTS, human: false });
    const robot = await openPage(bot);
    await robot.goto(`http://shop.example:${recorder.port}/elsewhere`);
    await until('bot in the console', () => robot.said.some((text) => /^crumb: not sent: bot/.test(text)));
    await context.clearCookies();
    await page.goto(url('/twice'));
    await seen(recorder, 'view', 2);
    await page.evaluate(() => history.pushState({}, '', '/twice/next'));
    await settle(page, recorder);
    assert.deepEqual(recorder.paths().filter((path) => /^.twice/.test(path)), ['/twice', '/twice/next'], 'by one of the two');
    const file = path.join(temporaryDir(t), 'page.html');
    fs.writeFileSync(file, html('', {
        tag: `<script async src="${recorder.origin}/t.js" data-debug data-collector="https://crumb.example/"></script>`,
    }));
    page.said.length = 0;
    await page.goto(`file://${file}`);
    await says(/^crumb: not sent: localhost/);
});

test('what a page has done to its globals does no harm', async (t) => {
    const meddling = `<script>
        Array.prototype.toJSON = function () { return 'Prototype.js did this'; };
        navigator.sendBeacon = null;
        Object.freeze(history.__proto__);
    </script>`;
    const { recorder, page, url } = await setUp(t, html('', { tag: meddling + TAG, title: 'x'.repeat(100_000) }));
    await page.goto(url('/anything'));
    const [view] = await seen(recorder, 'view', 1);
    assert.equal(view.url, url('/anything'));
    assert.equal(view.title, 'x'.repeat(999), 'of a title without end, as much as anybody reads');
});

test('a page on another host than the collector needs no preflight', async (t) => {
    const recorder = await startRecorder(t, { '*': '' });
    const pages = { '*': html('', { tag: `<script async src="http://crumb.example:${recorder.port}/t.js"></script>` }) };
    const site = await startRecorder(t, pages);
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await openPage(context);
    await page.goto(`http://shop.example:${site.port}/anything`);
    const [view] = await seen(recorder, 'view', 1);
    assert.equal(view.site, 'shop.example', 'without data-site the host is the site');
    assert.equal(recorder.requests.filter(({ method }) => method === 'OPTIONS').length, 0);
});

test('without JavaScript the pixel counts', async (t) => {
    const pixel = `<noscript><img src="/b.gif?site=shop" referrerpolicy="no-referrer-when-downgrade" width="1" height="1" alt=""></noscript>`;
    const { recorder, page, url } = await setUp(t, html(pixel), { javaScriptEnabled: false });
    await page.goto(url('/anything?x'));
    const [pixelHit] = await seen(recorder, 'view', 1);
    assert.deepEqual(pixelHit, { site: 'shop', pixel: true });
    const request = recorder.requests.find(({ url: path }) => path.startsWith('/b.gif'));
    assert.equal(request.headers.referer, url('/anything?x'));
});

test('nothing is stored in the browser', async (t) => {
    const { recorder, context, page, url } = await setUp(t, html(''));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    await page.evaluate(() => window.crumb('identify', 'x'));
    await settle(page, recorder);
    const { cookies, origins } = await context.storageState({ indexedDB: true });
    assert.deepEqual({ cookies, origins }, { cookies: [], origins: [] });
});

test('the page keeps working whatever it does to the tag', async (t) => {
    const { recorder, page, url } = await setUp(t, html('<form onsubmit="return false"><input name="getAttribute"><button>x</button></form>'));
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    const state = await page.evaluate(() => {
        const circular = {};
        circular.self = circular;
        window.crumb();
        window.crumb('no such command', 1);
        window.crumb('event', 'circular', circular);
        window.crumb('event');
        document.dispatchEvent(new Event('click'));
        history.pushState({ a: 1 }, '', '#%E0%A4%A');
        document.querySelector('button').click();
        return history.state;
    });
    assert.deepEqual(state, { a: 1 });
    await settle(page, recorder);
    assert.ok(!page.said.some((text) => text.startsWith('ERROR')), page.said.join());
});

test('the tag is small', () => {
    const bytes = zlib.gzipSync(fs.readFileSync(new URL('../../src/web/t.min.js', import.meta.url)), { level: 9 }).length;
    assert.ok(bytes < 2500, `${bytes} bytes gzipped`);
});

// bench/tag.mjs measures what the tag takes of the processor's time; this and the next are what it must never spend it on.
test('while it is evaluated the tag neither searches the page nor observes anything', async (t) => {
    const { recorder, page, url } = await setUp(t, html('<div data-crumb-banner="b">b</div>'));
    await page.addInitScript(() => {
        window.early = [];
        const note = (object, name) => {
            const original = object[name];
            object[name] = function (...given) {
                if (document.currentScript?.src.endsWith('/t.js')) window.early.push(name);
                return original.apply(this, given);
            };
        };
        for (const observer of [PerformanceObserver, MutationObserver, IntersectionObserver]) note(observer.prototype, 'observe');
        note(Document.prototype, 'querySelectorAll');
    });
    await page.goto(url('/anything'));
    await seen(recorder, 'impression', 1);
    assert.deepEqual(await page.evaluate(() => window.early), []);
});

// The page disturbs its layout whenever it is scrolled, before the tag hears of it.
test('the tag never makes the page lay itself out', async (t) => {
    const disturb = `<script>scrollCount = 0;
        addEventListener('scroll', () => document.body.style.paddingTop = ++scrollCount + 'px', true)</script>`;
    const { recorder, context, page, url } = await setUp(t, html('<p>some text</p>'.repeat(500), { tag: disturb + TAG }));
    const session = await context.newCDPSession(page);
    const events = [];
    const done = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
    await session.send('Tracing.start', {
        traceConfig: { includedCategories: ['devtools.timeline'] },
        transferMode: 'ReportEvents',
    });
    await page.goto(url('/anything'));
    await seen(recorder, 'view', 1);
    await page.mouse.wheel(0, 3000);
    await page.waitForFunction(() => scrollY > 2000);
    await page.goto(url('/anything/next'));
    const [{ params }] = await seen(recorder, 'ping', 1);
    await session.send('Tracing.end');
    await done;
    const within = (one, other) =>
        one.tid === other.tid && one.ts >= other.ts && one.ts + one.dur <= other.ts + other.dur;
    const ours = events.filter(({ ph, name, args }) =>
        ph === 'X' && ['EvaluateScript', 'FunctionCall'].includes(name) && JSON.stringify(args).includes('/t.js'));
    const layouts = events.filter(({ ph, name }) => ph === 'X' && name === 'Layout');
    assert.ok(ours.length >= 3 && layouts.length >= 1, `${ours.length} tasks, ${layouts.length} layouts`);
    assert.deepEqual(layouts.filter((layout) => ours.some((task) => within(layout, task))), []);
    assert.ok(params.scroll > 20, `and it still knows how far: ${params.scroll} %`);
});
