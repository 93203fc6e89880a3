// Promise 8: no address is believed that a trusted proxy did not vouch for.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cat, start } from './lib/crumbd.js';
import { Connection, fetchOnce, request } from './lib/http.js';
import { startNginx } from './lib/nginx.js';

const TRUSTED = ['127.0.0.1/32', '::1/128', '10.0.0.0/8', '2001:db8:1::/48'];
const PEER = '127.0.0.1';

// Sends one hit for each row of headers and returns the stored addresses.
async function storedAddresses(server, rows) {
    for (const headers of rows) {
        const connection = await Connection.open(server.address);
        const answer = await connection.send(request('/b.gif?site=s', headers)).answer();
        assert.equal(answer?.status, 200, JSON.stringify(headers));
        connection.destroy();
    }
    const byOrder = cat(server).sort((a, b) => a.ts.localeCompare(b.ts));
    return byOrder.map((record) => record.ip);
}

async function check(server, table) {
    const got = await storedAddresses(server, table.map(([headers]) => headers));
    table.forEach(([headers, expected], at) => assert.equal(got[at], expected, JSON.stringify(headers)));
}

const FORGED = [
    { 'X-Forwarded-For': '203.0.113.9' },
    { 'X-Forwarded-For': '203.0.113.9, 127.0.0.1' },
    { Forwarded: 'for=203.0.113.9' },
    { 'X-Real-IP': '203.0.113.9' },
    { 'Client-IP': '203.0.113.9' },
    { 'True-Client-IP': '203.0.113.9' },
    { 'CF-Connecting-IP': '203.0.113.9' },
    { Via: '1.1 203.0.113.9' },
];

test('promise 8: nobody is trusted by default', async (t) => {
    const server = await start(t, { config: { workers: 1 } });
    await check(server, FORGED.map((headers) => [headers, PEER]));
});

test('promise 8: a peer outside the list is not trusted, whatever it says', async (t) => {
    const config = { trusted_proxies: ['10.0.0.0/8'], client_address: 'x-forwarded-for', workers: 1 };
    const server = await start(t, { config });
    await check(server, FORGED.map((headers) => [headers, PEER]));
});

test('promise 8: X-Forwarded-For, the rightmost address that is not a trusted proxy', async (t) => {
    const config = { trusted_proxies: TRUSTED, client_address: 'x-forwarded-for', workers: 1 };
    const server = await start(t, { config });
    const xff = (value) => ({ 'X-Forwarded-For': value });
    await check(server, [
        [{}, PEER],
        [xff('203.0.113.9'), '203.0.113.9'],
        [xff('6.6.6.6, 203.0.113.9'), '203.0.113.9'], // the client wrote 6.6.6.6
        [xff('6.6.6.6, 203.0.113.9, 10.1.2.3'), '203.0.113.9'],
        [xff('6.6.6.6,203.0.113.9,10.1.2.3 , 10.9.9.9'), '203.0.113.9'],
        [xff('10.0.0.7'), '10.0.0.7'], // all trusted: the one farthest away
        [xff('10.0.0.7, 10.0.0.8'), '10.0.0.7'],
        [xff('2001:db8:2::5'), '2001:db8:2::5'],
        [xff('2001:DB8:2:0:0:0:0:5, 2001:db8:1::9'), '2001:db8:2::5'],
        [xff('::ffff:203.0.113.9'), '203.0.113.9'],
        [[['X-Forwarded-For', '6.6.6.6'], ['X-Forwarded-For', '203.0.113.9']], '203.0.113.9'],
        [[['X-Forwarded-For', '203.0.113.9'], ['x-forwarded-for', '10.1.1.1']], '203.0.113.9'],
        // what is not an address ends the walk at the last one that was vouched for
        [xff('203.0.113.9, unknown'), PEER],
        [xff('203.0.113.9, localhost, 10.1.1.1'), '10.1.1.1'],
        [xff('203.0.113.9, 10.1.1.1.1'), PEER],
        [xff('203.0.113.9, '), PEER],
        [xff('garbage'), PEER],
        [xff('0x7f.1'), PEER],
        [xff('fe80::1%eth0'), PEER],
        [xff('example.com'), PEER], // never resolved
        [{ Forwarded: 'for=203.0.113.9' }, PEER], // not the header that was named
    ]);
});

test('promise 8: Forwarded (RFC 7239)', async (t) => {
    const config = { trusted_proxies: TRUSTED, client_address: 'forwarded', workers: 1 };
    const server = await start(t, { config });
    const forwarded = (value) => ({ Forwarded: value });
    await check(server, [
        [forwarded('for=203.0.113.9'), '203.0.113.9'],
        [forwarded('For="203.0.113.9:4711"'), '203.0.113.9'],
        [forwarded('for="[2001:db8:2::5]"'), '2001:db8:2::5'],
        [forwarded('for="[2001:db8:2::5]:4711";proto=https;by=10.0.0.1'), '2001:db8:2::5'],
        [forwarded('for=6.6.6.6, for=203.0.113.9;proto=http, for=10.0.0.1'), '203.0.113.9'],
        [forwarded('for=203.0.113.9, for=_hidden'), PEER],
        [forwarded('for=203.0.113.9, for=unknown'), PEER],
        [forwarded('proto=https'), PEER],
        [forwarded('for=203.0.113.9, by=10.0.0.1'), PEER],
        [forwarded('for="203.0.113.9'), PEER],
        [{ 'X-Forwarded-For': '203.0.113.9' }, PEER],
    ]);
});

test('promise 8: https is believed of a trusted proxy only', async (t) => {
    const isSecure = async (config) => {
        const server = await start(t, { config });
        const answer = await fetchOnce(server.address, '/b.gif?site=s', {
            'X-Forwarded-Proto': 'https',
            'X-Forwarded-For': '203.0.113.9',
        });
        return /; *Secure/.test(answer.all('Set-Cookie')[0]);
    };
    assert.equal(await isSecure({}), false);
    assert.equal(await isSecure({ trusted_proxies: TRUSTED, client_address: 'x-forwarded-for' }), true);
});

// ---- PROXY protocol ----------------------------------------------------------------------------------------

const V2_SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

function proxyV2(command, family, payload) {
    const head = Buffer.alloc(4);
    head[0] = 0x20 | command;
    head[1] = family;
    head.writeUInt16BE(payload.length, 2);
    return V2_SIGNATURE + head.toString('latin1') + payload.toString('latin1');
}

const V2_IPV4 = Buffer.from([203, 0, 113, 9, 127, 0, 0, 1, 0x12, 0x34, 0x1f, 0x90]);
const V2_IPV6 = Buffer.concat([
    Buffer.from('20010db8000200000000000000000005', 'hex'),
    Buffer.from('00000000000000000000000000000001', 'hex'),
    Buffer.from([0x12, 0x34, 0x1f, 0x90]),
]);
const V2_TLV = Buffer.from([0x04, 0x00, 0x03, 1, 2, 3]); // PP2_TYPE_NOOP

const PROXY_HEADERS = [
    ['PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n', '203.0.113.9'],
    ['PROXY TCP6 2001:db8:2::5 ::1 4711 80\r\n', '2001:db8:2::5'],
    ['PROXY UNKNOWN\r\n', PEER],
    ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', PEER],
    [proxyV2(1, 0x11, V2_IPV4), '203.0.113.9'],
    [proxyV2(1, 0x21, V2_IPV6), '2001:db8:2::5'],
    [proxyV2(1, 0x11, Buffer.concat([V2_IPV4, V2_TLV])), '203.0.113.9'],
    [proxyV2(0, 0x00, Buffer.alloc(0)), PEER], // LOCAL: a health check
    [proxyV2(1, 0x00, Buffer.alloc(0)), PEER], // UNSPEC
];

const BAD_PROXY_HEADERS = [
    '', // a listener that says proxy_protocol insists on it
    'PROXY\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\n',
    'PROXY TCP4 203.0.113.999 10.0.0.1 4711 80\r\n',
    'PROXY TCP4 2001:db8::1 ::1 4711 80\r\n',
    'PROXY TCP4  203.0.113.9 10.0.0.1 4711 80\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 65536 80\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 04711 80\r\n',
    'PROXY tcp4 203.0.113.9 10.0.0.1 4711 80\r\n',
    `PROXY TCP4 ${'1'.repeat(200)}\r\n`,
    proxyV2(1, 0x11, V2_IPV4.subarray(0, 8)),
    proxyV2(2, 0x11, V2_IPV4),
    proxyV2(1, 0x21, V2_IPV4),
    V2_SIGNATURE + '\x11\x11\x00\x0c' + V2_IPV4.toString('latin1'), // version 1 in a v2 header
];

const PROXY_LISTENER = { listen: [{ address: '127.0.0.1:0', proxy_protocol: true }], workers: 1 };

test('promise 8: PROXY protocol v1 and v2 on a listener that says so', async (t) => {
    const server = await start(t, { config: { ...PROXY_LISTENER, trusted_proxies: TRUSTED } });
    for (const [header, expected] of PROXY_HEADERS) {
        for (const pieces of [[header + request('/b.gif?site=s')], [...header, request('/b.gif?site=s')]]) {
            const connection = await Connection.open(server.address);
            for (const piece of pieces) connection.send(piece);
            const what = JSON.stringify(header);
            assert.equal((await connection.answer())?.status, 200, what);
            // the header stands before the first request only
            assert.equal((await connection.send(request('/b.gif?site=s')).answer())?.status, 200, what);
            connection.destroy();
            const stored = cat(server).slice(-2);
            assert.deepEqual(stored.map((record) => record.ip), [expected, expected], what);
        }
    }
});

test('promise 8: a bad PROXY header is closed, without a hit', async (t) => {
    const server = await start(t, { config: { ...PROXY_LISTENER, trusted_proxies: TRUSTED } });
    for (const header of BAD_PROXY_HEADERS) {
        const connection = await Connection.open(server.address);
        connection.send(header + request('/b.gif?site=s'));
        const rest = await connection.end(JSON.stringify(header));
        assert.ok(rest.length === 0 || /^HTTP\/1\.1 4\d\d /.test(rest.toString()), JSON.stringify(header));
    }
    assert.equal(cat(server).length, 0);
});

test('promise 8: an ordinary listener takes no PROXY header', async (t) => {
    const server = await start(t);
    for (const [header] of PROXY_HEADERS) {
        const connection = await Connection.open(server.address);
        connection.send(header + request('/b.gif?site=s'));
        assert.match((await connection.end(JSON.stringify(header))).toString(), /^HTTP\/1\.1 4\d\d /, JSON.stringify(header));
    }
    assert.equal(cat(server).length, 0);
});

test('promise 8: behind a real nginx the address is that of its client', async (t) => {
    const server = await start(t, {
        config: { trusted_proxies: TRUSTED, client_address: 'x-forwarded-for', workers: 1 },
    });
    const proxy = { ...(await startNginx(t, server.address)), localAddress: '127.0.0.2' };
    for (const spoof of [{}, { 'X-Forwarded-For': '6.6.6.6' }, { 'X-Forwarded-For': '10.0.0.1, 6.6.6.6' }]) {
        const answer = await fetchOnce(proxy, '/b.gif?site=s', spoof);
        assert.equal(answer.status, 200);
        assert.equal(answer.header('Content-Type'), 'image/gif');
    }
    // nginx is trusted, its client (127.0.0.2) is not: what that one claimed to forward counts for nothing
    assert.deepEqual(cat(server).map((record) => record.ip), ['127.0.0.2', '127.0.0.2', '127.0.0.2']);
});
