// Promise 6: nothing redirects to an address that came in a request.

import assert from 'node:assert/strict';
import test from 'node:test';
import { start, TRUST_LOOPBACK } from './lib/crumbd.js';
import { exchangeOnce, request } from './lib/http.js';

const EVIL = 'evil.example';
const PATHS = ['/', '/b.gif', '/optout', '/optin', '/optout/status', '/c', '/c/x', '/o/x.gif', '/robots.txt',
    `//${EVIL}`, `/%2f%2f${EVIL}`, `/\\${EVIL}`, `/optout/${EVIL}`, '/.well-known/dnt/', '/.well-known/dnt'];
const QUERIES = ['', ...['url', 'u', 'r', 'redirect', 'return', 'next', 'to', 'back', 'ref'].map(
    (key) => `?${key}=https%3A%2F%2F${EVIL}%2F`)];
const HEADERS = [
    {},
    { Host: EVIL },
    { Referer: `https://${EVIL}/` },
    { Origin: 'http://localhost', Referer: `http://localhost/?https://${EVIL}` },
    { 'X-Forwarded-Host': EVIL, 'X-Forwarded-Proto': 'https' },
    { Forwarded: `host=${EVIL};proto=https` },
    { 'X-Original-URL': `https://${EVIL}/`, 'X-Rewrite-URL': `//${EVIL}/` },
];

test('promise 6: no answer leads away or repeats a foreign address', async (t) => {
    const server = await start(t, { config: TRUST_LOOPBACK });
    for (const path of PATHS) {
        for (const query of QUERIES) {
            for (const headers of HEADERS) {
                for (const method of ['GET', 'POST']) {
                    const length = method === 'POST' ? { 'Content-Length': '0' } : {};
                    const bytes = request(path + query, { ...headers, ...length }, method);
                    const answer = await exchangeOnce(server.address, bytes, method);
                    const location = answer.header('Location');
                    // a path of ours, not a scheme, not "//host", not "/\host"
                    if (location !== undefined) assert.match(location, /^\/(?![\/\\])/, bytes);
                    assert.ok(!answer.head.includes(EVIL), `${bytes}\n${answer.head}`);
                    assert.ok(!answer.body.includes(EVIL), `${bytes}\n${answer.body}`);
                }
            }
        }
    }
});
