// run.mjs - crumbd beside nginx: the same requests, one core for the server, one for the load.
//
//   nginx pixel      empty_gif alone: the least that answering a beacon can cost
//   nginx full       empty_gif, userid, geoip2, JSON log compressed by nginx itself (gzip=1)
//   crumbd           the whole pipeline: cookie, geography, record kept before the answer, sealed file
//
// Each runs several times in turn, each time freshly started; figures are medians. CPU is user and
// system time of all processes of the server from the first request to the end of the process, so that
// compressing what was collected is in it, divided by the hits answered.
//
// ROUNDS, SECONDS and CONNECTIONS can be set in the environment.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVERS } from './servers.mjs';
import { collectCookies, writeRequests } from './requests.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS ?? 5);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 64);
const HERE = path.dirname(fileURLToPath(import.meta.url));

// user + system time in microseconds, of a process and its children.
function cpuUs(pid) {
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const own = (Number(fields[11]) + Number(fields[12])) * 10_000;
    return children.reduce((sum, child) => sum + cpuUs(child), own);
}

// A server pinned to core 0. The shell around it tells its CPU time, all in all, when it has ended.
class Run {
    constructor(server, dir) {
        this.server = server;
        this.dir = dir;
        this.output = '';
        const command = ['taskset', '-c', '0', ...server.command(dir)];
        this.shell = spawn('sh', ['-c', '"$@"; status=$?; times; exit $status', 'sh', ...command], {
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.shell.stderr.on('data', (text) => (this.output += text));
        this.times = '';
        this.shell.stdout.on('data', (text) => (this.times += text));
        this.ended = new Promise((resolve) => this.shell.on('close', resolve));
        this.isOver = false;
        this.ended.then(() => (this.isOver = true));
    }

    // The server itself, below the shell.
    get pid() {
        const pid = this.shell.pid;
        return Number(fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
    }

    async listen() {
        const end = Date.now() + 10_000;
        while (!(await answers(this.server.port))) {
            if (this.shell.exitCode !== null || Date.now() > end) {
                throw new Error(`${this.server.name} does not answer: ${this.output}`);
            }
        }
        this.atStart = cpuUs(this.pid);
    }

    // Whatever went wrong, nothing is left running.
    async abandon() {
        if (!this.isOver) process.kill(this.pid, 'SIGTERM');
        await this.ended;
    }

    // A clean stop; resolves with the CPU used since listen(), in microseconds.
    async stop() {
        process.kill(this.pid, this.server.stopSignal);
        const code = await this.ended;
        if (code !== 0) throw new Error(`${this.server.name} ended with ${code}: ${this.output}`);
        const last = this.times.trim().split('\n').at(-1); // children: "0m1.23s 0m0.45s"
        const total = [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + m * 60e6 + s * 1e6, 0);
        return total - this.atStart;
    }
}

async function answers(port) {
    try {
        const answer = await fetch(`http://127.0.0.1:${port}/b.gif?site=shop`);
        await answer.arrayBuffer();
        return answer.ok;
    } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return false;
    }
}

// Runs wrk on core 1 and returns what load.lua printed.
function load(port, seconds, requests) {
    const run = spawnSync('taskset', ['-c', '1', 'wrk', '-t', '1', '-c', String(CONNECTIONS), '-d', `${seconds}s`,
        '-s', path.join(HERE, 'load.lua'), `http://127.0.0.1:${port}/b.gif`, '--', requests], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`wrk: ${run.stderr}${run.stdout}`);
    const result = JSON.parse(run.stdout.trim().split('\n').at(-1));
    if (result.errors > 0) throw new Error(`wrk met ${result.errors} errors: ${run.stdout}`);
    return result;
}

// Starts a server, does something with it, and leaves nothing behind.
async function startedOnce(server, dir, work) {
    server.prepare(dir);
    const run = new Run(server, dir);
    try {
        await run.listen();
        return await work(run);
    } finally {
        await run.abandon();
    }
}

async function measure(server, requests) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crumb-bench-'));
    try {
        const { result, cpu } = await startedOnce(server, dir, async (run) => {
            const answered = load(server.port, SECONDS, requests);
            return { result: answered, cpu: await run.stop() };
        });
        const kept = server.kept(dir);
        if (server.keeps && kept.hits < result.hits) {
            throw new Error(`${server.name} answered ${result.hits} hits and kept ${kept.hits}`);
        }
        return {
            cpu: cpu / result.hits,
            rate: result.hits / result.seconds,
            p99: result.p99_us,
            bytes: server.keeps ? kept.bytes / kept.hits : null,
        };
    } finally {
        fs.rmSync(dir, { recursive: true, force: true });
    }
}

function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
}

function spread(values) {
    return `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
}

async function main() {
    if (os.cpus().length < 2) throw new Error('two processors are needed: one for the server, one for the load');
    const work = fs.mkdtempSync(path.join(os.tmpdir(), 'crumb-bench-'));
    try {
        const requests = path.join(work, 'requests');
        const jars = [];
        for (const server of SERVERS.filter(({ cookie }) => cookie)) {
            const dir = fs.mkdtempSync(path.join(work, 'cookies-'));
            jars.push(await startedOnce(server, dir, () => collectCookies(server)));
        }
        const size = writeRequests(requests, jars);
        console.log(`requests: ${Math.round(size)} bytes on average; ${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections`);

        const results = Object.fromEntries(SERVERS.map(({ name }) => [name, []]));
        for (let round = 1; round <= ROUNDS; round += 1) {
            for (const server of SERVERS) {
                const result = await measure(server, requests);
                results[server.name].push(result);
                console.log(`round ${round}: ${server.name.padEnd(12)} ${result.cpu.toFixed(2)} us/hit, ${Math.round(result.rate)} hits/s`);
            }
        }
        print(results);
    } finally {
        fs.rmSync(work, { recursive: true, force: true });
    }
}

function print(results) {
    const figure = (name, key) => median(results[name].map((result) => result[key]));
    console.log('');
    for (const name of Object.keys(results)) {
        const cpus = results[name].map(({ cpu }) => cpu);
        console.log(`${name}: CPU per hit ${median(cpus).toFixed(2)} us (${spread(cpus)})`);
        console.log(`${name}: ${Math.round(figure(name, 'rate'))} hits/s`);
        console.log(`${name}: p99 ${(figure(name, 'p99') / 1000).toFixed(2)} ms`);
        if (figure(name, 'bytes') !== null) console.log(`${name}: ${figure(name, 'bytes').toFixed(1)} bytes per hit on disk`);
    }
    const ratio = (key, peer) => (figure('crumbd', key) / figure(peer, key)).toFixed(2);
    console.log(`ratio: CPU per hit, crumbd / nginx pixel = ${ratio('cpu', 'nginx pixel')}`);
    console.log(`ratio: CPU per hit, crumbd / nginx full = ${ratio('cpu', 'nginx full')}`);
    console.log(`ratio: hits/s, crumbd / nginx pixel = ${ratio('rate', 'nginx pixel')}`);
    console.log(`ratio: hits/s, crumbd / nginx full = ${ratio('rate', 'nginx full')}`);
    console.log(`ratio: p99, crumbd / nginx pixel = ${ratio('p99', 'nginx pixel')}`);
    console.log(`ratio: p99, crumbd / nginx full = ${ratio('p99', 'nginx full')}`);
    console.log(`ratio: bytes per hit, crumbd / nginx full = ${ratio('bytes', 'nginx full')}`);
}

await main();
