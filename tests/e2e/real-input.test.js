// What the world really sends: browsers' user agents, addresses from everywhere, compared with other readers.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { cat, COUNTRY_MMDB, start, TRUST_LOOPBACK } from './lib/crumbd.js';
import { fetchOnce, pour, request } from './lib/http.js';
import { random, userAgents } from './lib/random.js';

test('user agents: 4,000 different ones are stored as they were sent', async (t) => {
    const server = await start(t);
    const agents = userAgents(4000);
    await pour(
        server.address,
        agents.map((agent, n) => request(`/b.gif?site=s&n=${n}`, { 'User-Agent': agent })),
        (_, answer) => assert.equal(answer.status, 200),
    );
    const stored = cat(server);
    assert.equal(stored.length, agents.length);
    for (const record of stored) {
        const sent = agents[Number(record.params.n)];
        // eslint-disable-next-line no-control-regex
        const expected = /[^\x00-\x7f]/.test(sent) ? sent.replace(/[^\x00-\x7f]/g, '\ufffd') : sent;
        assert.equal(record.ua, expected); // single bytes above 127 are no UTF-8
    }
});

// The country that libmaxminddb's own tool finds, or undefined.
function mmdblookup(ip) {
    const run = spawnSync('mmdblookup', ['--file', COUNTRY_MMDB, '--ip', ip, 'country', 'iso_code'], { encoding: 'utf8' });
    return /"([A-Z0-9]{2})" <utf8_string>/.exec(run.stdout)?.[1];
}

test('geography: the same country as mmdblookup for 600 addresses', async (t) => {
    const server = await start(t, { config: { ...TRUST_LOOPBACK, geo: { databases: [COUNTRY_MMDB] } } });
    const r = random(10);
    const part = () => r.below(0x10000).toString(16);
    const addresses = [
        ...Array.from({ length: 400 }, () => `${1 + r.below(223)}.${r.below(256)}.${r.below(256)}.${r.below(256)}`),
        ...Array.from({ length: 100 }, () => `2${r.pick(['001', '400', '600', '800', 'a00', 'a02', 'c0f'])}:${part()}:${part()}::${part()}`),
        '0.0.0.0', '10.1.2.3', '127.0.0.2', '192.168.1.1', '224.0.0.1', '255.255.255.255', '::', '::1', '::2', 'fe80::1',
        'ff02::1', '2001:db8::1', '64:ff9b::808:808', '2002:808:808::1',
    ];
    const hits = addresses.map((ip, n) => request(`/b.gif?site=s&n=${n}`, { 'X-Forwarded-For': ip }));
    await pour(server.address, hits, (_, answer) => assert.equal(answer.status, 200));
    const stored = cat(server);
    assert.equal(stored.length, addresses.length);
    let known = 0;
    for (const record of stored) {
        const ip = addresses[Number(record.params.n)];
        const expected = record.ip === '127.0.0.1' ? undefined : mmdblookup(ip);
        assert.equal(record.country, expected, ip);
        known += expected !== undefined;
    }
    assert.ok(known > 250, `${known} addresses have a country`);
});

test('ip: none still knows the country, as geography comes first', async (t) => {
    const config = { ...TRUST_LOOPBACK, geo: { databases: [COUNTRY_MMDB] }, ip: 'none' };
    const server = await start(t, { config });
    await fetchOnce(server.address, '/b.gif?site=s', { 'X-Forwarded-For': '141.20.1.1' });
    const [record] = cat(server);
    assert.equal(record.ip, undefined);
    assert.equal(record.country, mmdblookup('141.20.1.1'));
});
