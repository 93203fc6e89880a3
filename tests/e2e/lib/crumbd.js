// crumbd.js - starts a real crumbd in a temporary folder with free ports, and always ends it.
//
// A server belongs to the test that started it: when the test ends, whatever happened, the process is
// killed by its pid and the folder removed, and a sanitizer's report on its stderr fails the test.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanup } from './cleanup.js';
import { fetchOnce } from './http.js';
import { until } from './wait.js';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const BUILD = path.resolve(ROOT, process.env.CRUMB_BUILD ?? 'build');
export const CRUMBD = path.join(BUILD, 'crumbd');
export const CRUMB = path.join(BUILD, 'crumb');
export const COUNTRY_MMDB = path.join(ROOT, 'build/country.mmdb');

// A folder that goes away with the test.
export function temporaryDir(t, where = os.tmpdir()) {
    const dir = fs.mkdtempSync(path.join(where, 'crumb-e2e-'));
    cleanup(t, () => fs.rmSync(dir, { recursive: true, force: true }));
    return dir;
}

// What most tests want; YAML is a superset of JSON. Top-level keys of `config` replace these.
export function writeConfig(dir, config = {}) {
    const file = path.join(dir, 'crumb.yaml');
    const whole = {
        listen: [{ address: '127.0.0.1:0' }],
        admin: '127.0.0.1:0',
        data: path.join(dir, 'data'),
        keys: path.join(dir, 'keys'),
        workers: 2,
        ...config,
    };
    fs.writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(whole, null, 1));
    return file;
}

export const TRUST_LOOPBACK = {
    trusted_proxies: ['127.0.0.1/32', '::1/128'],
    client_address: 'x-forwarded-for',
};

class Server {
    constructor(dir, child) {
        this.dir = dir;
        this.data = path.join(dir, 'data');
        this.config = path.join(dir, 'crumb.yaml');
        this.child = child;
        this.pid = child.pid;
        this.stderr = '';
        this.exit = null; // { code, signal } once it has ended
        child.stderr.setEncoding('utf8');
        child.stderr.on('data', (text) => (this.stderr += text));
        this.ended = new Promise((resolve) =>
            child.on('close', (code, signal) => resolve((this.exit = { code, signal }))));
    }

    // Addresses as announced on stderr: [{ host, port }], in the order of the config.
    get listening() {
        return [...this.stderr.matchAll(/^crumbd: listening on (\S+):(\d+)/gm)].map(toAddress);
    }

    get admin() {
        return [...this.stderr.matchAll(/^crumbd: admin on (\S+):(\d+)/gm)].map(toAddress)[0];
    }

    get address() {
        return this.listening[0];
    }

    signal(name) {
        process.kill(this.pid, name);
    }

    async kill() {
        if (this.exit === null) this.signal('SIGKILL');
        return this.ended;
    }

    // A clean stop; fails the test when crumbd does not end by itself or not well.
    async stop() {
        this.signal('SIGTERM');
        await until('crumbd ends after SIGTERM', () => this.exit !== null, 30_000);
        assert.deepEqual(this.exit, { code: 0, signal: null }, this.stderr);
    }

    // Sends SIGHUP and waits for what crumbd says about it.
    async reload(says = /reload|config/) {
        const before = this.stderr.length;
        this.signal('SIGHUP');
        await until(`crumbd says ${says} after SIGHUP`, () => says.test(this.stderr.slice(before)));
        return this.stderr.slice(before);
    }

    async metrics() {
        const answer = await fetchOnce(this.admin, '/metrics');
        assert.equal(answer.status, 200);
        const values = {};
        for (const line of answer.body.toString().split('\n')) {
            const found = /^([a-z_]+(?:\{.*\})?) ([-+.\deE]+)$/.exec(line);
            if (found) values[found[1]] = Number(found[2]);
        }
        return values;
    }

    // user + system time of the process, all threads, in milliseconds.
    cpuMs() {
        const stat = fs.readFileSync(`/proc/${this.pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return (Number(fields[11]) + Number(fields[12])) * 10;
    }
}

function toAddress([, host, port]) {
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

// options: config (see writeConfig), dir (of an earlier server), env, under (a command that runs it).
export function launch(t, options) {
    const dir = options.dir ?? temporaryDir(t);
    writeConfig(dir, options.config);
    const [command, ...args] = [...(options.under ?? []), CRUMBD, '-c', path.join(dir, 'crumb.yaml')];
    const child = spawn(command, args, {
        stdio: ['ignore', 'ignore', 'pipe'],
        cwd: dir,
        env: { ...process.env, ...options.env },
    });
    const server = new Server(dir, child);
    cleanup(t, async () => {
        await server.kill();
        assert.doesNotMatch(server.stderr, /Sanitizer|runtime error:/);
    });
    return server;
}

// Starts and waits until it listens.
export async function start(t, options = {}) {
    const server = launch(t, options);
    const listeners = options.config?.listen?.length ?? 1;
    await until('crumbd listens', () => {
        assert.equal(server.exit, null, `crumbd ended at once: ${server.stderr}`);
        return server.admin && server.listening.length >= listeners;
    });
    return server;
}

// Starts one that must refuse to: { code, stderr }.
export async function startRefused(t, options = {}) {
    const server = launch(t, options);
    await until('crumbd refuses to start', () => server.exit !== null);
    return { code: server.exit.code, stderr: server.stderr };
}

// Runs crumb and returns { status, stdout, stderr }.
export function crumb(...args) {
    const run = spawnSync(CRUMB, args, { encoding: 'utf8', maxBuffer: 1 << 30 });
    assert.equal(run.error, undefined);
    assert.doesNotMatch(run.stderr, /Sanitizer|runtime error:/);
    return run;
}

// All stored lines, as text.
export function catLines(server, ...args) {
    const run = crumb('cat', '--data', server.data, ...args);
    assert.equal(run.status, 0, run.stderr);
    return run.stdout.split('\n').slice(0, -1);
}

export function cat(server, ...args) {
    return catLines(server, ...args).map((line) => JSON.parse(line));
}

// Every path below a folder, files only; none if the folder is not there.
export function filesBelow(dir) {
    let found = [];
    let entries = [];
    try {
        entries = fs.readdirSync(dir, { withFileTypes: true });
    } catch (error) {
        if (error.code !== 'ENOENT') throw error;
    }
    for (const entry of entries) {
        const name = path.join(dir, entry.name);
        found = found.concat(entry.isDirectory() ? filesBelow(name) : [name]);
    }
    return found;
}

export function sealedFiles(server) {
    return filesBelow(path.join(server.data, 'hits')).filter((name) => name.endsWith('.gz')).sort();
}
