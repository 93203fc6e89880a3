// Promise 1: a 2xx beacon answer means that its record is stored, once, whatever happens to the process.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cat, crumb, filesBelow, start, temporaryDir } from './lib/crumbd.js';
import { fetchOnce, pour, request } from './lib/http.js';
import { until } from './lib/wait.js';

// What was sent and what was acknowledged, over several lives of a server.
class Ledger {
    sent = 0;
    acknowledged = new Set();

    *hits(stop) {
        while (!stop()) {
            this.sent += 1;
            yield request(`/b.gif?site=s&url=https%3A%2F%2Fs.example%2F${this.sent}&n=${this.sent}`);
        }
    }

    note = (hit, answer) => {
        assert.equal(answer.status, 200);
        this.acknowledged.add(Number(/&n=(\d+)/.exec(hit)[1]));
    };

    // Each acknowledged hit once; each other one at most once; nothing that was never sent.
    check(records) {
        const times = new Map();
        for (const record of records) {
            const n = Number(record.params.n);
            times.set(n, (times.get(n) ?? 0) + 1);
            assert.ok(n >= 1 && n <= this.sent, `a record that nobody sent: ${n}`);
        }
        const lost = [...this.acknowledged].filter((n) => !times.has(n));
        const doubled = [...times].filter(([, count]) => count > 1).map(([n]) => n);
        assert.deepEqual({ lost, doubled }, { lost: [], doubled: [] });
    }
}

async function killedRounds(t, { rounds, enough, config }) {
    const dir = temporaryDir(t);
    const ledger = new Ledger();
    for (let round = 1; round <= rounds; round += 1) {
        const server = await start(t, { dir, config });
        const atStart = ledger.acknowledged.size;
        const killed = { yes: false };
        const load = pour(server.address, ledger.hits(() => killed.yes), ledger.note);
        await until('the round has enough hits', () => ledger.acknowledged.size - atStart > enough, 60_000);
        await server.kill();
        killed.yes = true;
        await load;
        ledger.check(catDead(server)); // before anything was recovered
        t.diagnostic(`round ${round}: ${ledger.acknowledged.size} acknowledged, ${ledger.sent} sent`);
    }
    const last = await start(t, { dir, config });
    assert.equal((await fetchOnce(last.address, '/b.gif?site=last')).status, 200);
    await until('what the killed ones left is sealed', () => leftBehind(last) === 0, 30_000);
    await last.stop();
    ledger.check(cat(last, '--site', 's'));
    assert.equal(cat(last, '--site', 'last').length, 1);
    assert.equal(crumb('verify', '--data', last.data).status, 0);
}

// Segments in the spool that no live worker writes: two workers have one each, perhaps one in reserve.
function leftBehind(server) {
    return Math.max(0, filesBelow(`${server.data}/spool`).length - 6);
}

// A record that the kill tore in the middle is told as damage (3), and was never acknowledged.
function catDead(server) {
    const run = crumb('cat', '--data', server.data);
    assert.ok([0, 3].includes(run.status), run.stderr);
    return run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
}

test('promise 1: kill -9 under load loses no acknowledged hit and doubles none', async (t) => {
    await killedRounds(t, { rounds: 5, enough: 5000 });
});

test('promise 1: kill -9 while segments roll and are sealed', async (t) => {
    const config = { roll_interval: '1s', roll_size: '64KiB' };
    await killedRounds(t, { rounds: 8, enough: 10_000, config });
});

test('promise 1: kill -9 with durability: power', async (t) => {
    await killedRounds(t, { rounds: 3, enough: 2000, config: { durability: 'power' } });
});

test('promise 1: a clean stop seals everything', async (t) => {
    const server = await start(t);
    const ledger = new Ledger();
    await pour(server.address, ledger.hits(() => ledger.sent >= 5000), ledger.note);
    assert.equal(ledger.acknowledged.size, 5000);
    await server.stop();
    ledger.check(cat(server));
    assert.deepEqual(filesBelow(`${server.data}/spool`).filter((name) => !/lock/.test(name)), []);
});

test('promise 1: the records of a worker are numbered without a gap', async (t) => {
    const server = await start(t);
    const ledger = new Ledger();
    await pour(server.address, ledger.hits(() => ledger.sent >= 3000), ledger.note);
    await server.stop();
    const ids = cat(server).map((record) => record.id);
    assert.equal(new Set(ids).size, 3000);
    const verify = crumb('verify', '--data', server.data);
    assert.equal(verify.status, 0, verify.stdout + verify.stderr);
});
