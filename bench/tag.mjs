// tag.mjs - what the tag costs a page: time of its main thread on the processor, beside other trackers.
//
//   empty        a script without a statement: what it costs to have one at all
//   crumb        src/web/t.min.js with all that it does: view, banner, scrolling, vitals, ping
//   plausible    @plausible-analytics/tracker with outbound links, downloads and forms switched on
//   snowplow     @snowplow/browser-tracker: page view, activity, link clicks are a plugin of their own
//
// A visit: a page of 2,000 paragraphs and a banner is loaded, looked at, scrolled, and left. Each is in a fresh
// context, so that nothing is cached and every script is compiled; the trackers take turns. Figures are medians of
// ROUNDS (15) of what Chromium's trace says, as time on the processor of the outermost tasks that ran the script:
// "start" is evaluating it, "visit" is everything until the page is gone. The packages of the end-to-end tests must
// be installed (`make e2e` does that).

import fs from 'node:fs';
import http from 'node:http';
import zlib from 'node:zlib';
import { openBrowser, openPage } from '../tests/e2e/lib/browser.js';
import { until } from '../tests/e2e/lib/wait.js';

const ROUNDS = Number(process.env.ROUNDS ?? 15);
const MODULES = new URL('../tests/e2e/node_modules/', import.meta.url);
const packaged = (name, file) => fs.readFileSync(new URL(`${name}/${file}`, MODULES), 'utf8');

const TRACKERS = [
    { name: 'empty', tag: '<script async src="/empty.js"></script>', script: ';', sends: false },
    {
        name: 'crumb',
        tag: '<script async src="/crumb.js" data-site="shop" data-collector="/"></script>',
        script: fs.readFileSync(new URL('../src/web/t.min.js', import.meta.url), 'utf8'),
        sends: true,
    },
    {
        name: 'plausible',
        tag: '<script async src="/plausible.js"></script>',
        script:
            packaged('@plausible-analytics/tracker', 'plausible.js').replace(/export\s*\{[^}]*\};?/, '') +
            `;init({ domain: 'shop.example', endpoint: '/p', captureOnLocalhost: true, outboundLinks: true,
                fileDownloads: true, formSubmissions: true });`,
        sends: true,
    },
    {
        name: 'snowplow',
        tag: '<script async src="/snowplow.js"></script>',
        script:
            packaged('@snowplow/browser-tracker', 'dist/index.umd.min.js') +
            `;{ const { newTracker, enableActivityTracking, trackPageView } = snowplowBrowserTracking;
                newTracker('sp', location.origin, { appId: 'shop' });
                enableActivityTracking({ minimumVisitLength: 5, heartbeatDelay: 10 });
                trackPageView(); }`,
        sends: true,
    },
];

const PARAGRAPHS = '<p>some text</p>'.repeat(2000);
const page = ({ tag }) =>
    `<!doctype html><title>A page</title>${tag}<body><div data-crumb-banner="b">a banner</div>${PARAGRAPHS}`;

// Pages, scripts, and a collector that takes whatever is sent.
async function serve() {
    const seen = { posts: 0 };
    const server = http.createServer((request, answer) => {
        const [, name] = /^\/(\w+)(?:\.js)?/.exec(request.url) ?? [];
        const tracker = TRACKERS.find((one) => one.name === name);
        const send = (type, body) => answer.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
        request.resume();
        if (request.method === 'POST') seen.posts += 1;
        if (tracker && request.url.endsWith('.js')) return send('text/javascript', tracker.script);
        if (tracker) return send('text/html', page(tracker));
        send('text/plain', 'ok');
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { seen, origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

// The events of a trace between start() and stop().
async function tracing(context, tab) {
    const session = await context.newCDPSession(tab);
    const events = [];
    const done = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
    await session.send('Tracing.start', {
        traceConfig: { includedCategories: ['devtools.timeline'] },
        transferMode: 'ReportEvents',
    });
    return async () => {
        await session.send('Tracing.end');
        await done;
        return events;
    };
}

// The outermost tasks in which the script ran.
function tasksOf(events, script) {
    const ours = events
        .filter(({ ph, name, args }) =>
            ph === 'X' && ['EvaluateScript', 'v8.compile', 'FunctionCall'].includes(name) &&
            JSON.stringify(args).includes(script))
        .sort((a, b) => a.ts - b.ts || b.dur - a.dur);
    return ours.filter((one) => !ours.some((other) =>
        other !== one && other.tid === one.tid && other.ts <= one.ts && one.ts + one.dur <= other.ts + other.dur &&
        (other.dur > one.dur || ours.indexOf(other) < ours.indexOf(one))));
}

const ms = (tasks) => tasks.reduce((sum, { tdur = 0 }) => sum + tdur, 0) / 1000;

async function visit(browser, server, tracker) {
    const context = await browser.newContext();
    try {
        const tab = await openPage(context);
        const stop = await tracing(context, tab);
        server.seen.posts = 0;
        await tab.goto(`${server.origin}/${tracker.name}`);
        if (tracker.sends) await until(`${tracker.name} to send`, () => server.seen.posts > 0);
        await tab.mouse.wheel(0, 3000);
        await tab.waitForFunction(() => scrollY > 2000);
        await tab.waitForTimeout(2000); // as a visitor would: a banner in view takes one
        await tab.goto('about:blank');
        const tasks = tasksOf(await stop(), `/${tracker.name}.js`);
        return { start: ms(tasks.filter(({ name }) => name !== 'FunctionCall')), visit: ms(tasks), tasks: tasks.length };
    } finally {
        await context.close();
    }
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const browser = await openBrowser({ after: () => {} });
const server = await serve();
const visits = Object.fromEntries(TRACKERS.map(({ name }) => [name, []]));
try {
    for (let round = 0; round < ROUNDS; round += 1)
        for (const tracker of TRACKERS) visits[tracker.name].push(await visit(browser, server, tracker));
} finally {
    server.close();
    await browser.close();
}
const figure = (name, key) => median(visits[name].map((one) => one[key]));
console.log(`${browser.version()}, ${ROUNDS} visits each, medians`);
for (const { name, script } of TRACKERS) {
    const bytes = zlib.gzipSync(script, { level: 9 }).length;
    console.log(`${name}: ${bytes} bytes gzipped, start ${figure(name, 'start').toFixed(2)} ms, ` +
        `visit ${figure(name, 'visit').toFixed(2)} ms in ${figure(name, 'tasks')} tasks`);
}
for (const peer of ['plausible', 'snowplow'])
    console.log(`ratio: visit, crumb / ${peer} = ${(figure('crumb', 'visit') / figure(peer, 'visit')).toFixed(2)}`);
process.exit(0);
