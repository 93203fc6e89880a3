// recorder.js - serves pages and the tag, and keeps what the tag sends: the tracker's tests need no crumbd.

import fs from 'node:fs';
import http from 'node:http';
import { cleanup } from './cleanup.js';

const TAG = new URL('../../../src/web/t.min.js', import.meta.url);
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

// pages: { '/path': html or a promise of it }; '*' is what every address below /anything answers.
export async function startRecorder(t, pages = {}) {
    const recorder = { events: [], posts: [], pixels: [], requests: [], optedOut: false };
    const server = http.createServer(async (request, answer) => {
        const url = new URL(request.url, 'http://x');
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        recorder.requests.push({ method: request.method, url: request.url, headers: request.headers });
        const cors = {
            'Access-Control-Allow-Origin': request.headers.origin ?? '*',
            'Access-Control-Allow-Credentials': 'true',
            'Access-Control-Expose-Headers': 'X-Crumb',
        };
        const send = (type, body, headers = {}) => {
            answer.writeHead(200, { 'Content-Type': type, ...cors, ...headers });
            answer.end(body);
        };
        if (url.pathname === '/t.js') return send('text/javascript', fs.readFileSync(TAG));
        if (url.pathname === '/b') {
            const events = JSON.parse(Buffer.concat(chunks).toString());
            recorder.posts.push({ type: request.headers['content-type'], events });
            recorder.events.push(...events);
            return send('application/json', JSON.stringify({ accepted: events.length, rejected: [] }), {
                'X-Crumb': 'stored',
            });
        }
        if (url.pathname === '/b.gif') {
            const event = Object.fromEntries(url.searchParams);
            recorder.pixels.push(event);
            recorder.events.push({ ...event, pixel: true });
            return send('image/gif', PIXEL);
        }
        if (url.pathname === '/optout/status')
            return send('application/json', JSON.stringify({ optout: recorder.optedOut }));
        if (url.pathname === '/optout' || url.pathname === '/optin') {
            recorder.optedOut = url.pathname === '/optout';
            return send('text/html', '');
        }
        const page = await (pages[url.pathname] ?? (url.pathname.startsWith('/anything') ? pages['*'] : undefined));
        if (page === undefined) {
            answer.writeHead(404);
            return answer.end();
        }
        send('text/html; charset=utf-8', page);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup(t, () => {
        server.closeAllConnections();
        server.close();
    });
    recorder.port = server.address().port;
    recorder.origin = `http://127.0.0.1:${recorder.port}`;
    recorder.named = (name) => recorder.events.filter((event) => (event.e ?? 'view') === name);
    recorder.paths = (name = 'view') =>
        recorder.named(name).map(({ url }) => url.replace(/^https?:\/\/[^/]*/, ''));
    return recorder;
}
