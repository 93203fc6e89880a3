// idle.mjs - what an idle keep-alive connection costs: opens CONNECTIONS (10,000) of them, lets each do one
// request, and looks at the resident memory of crumbd before and while they are held.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CRUMBD, crumbdConfig } from './servers.mjs';

const CONNECTIONS = Number(process.env.CONNECTIONS ?? 10_000);
const PORT = 18084;
const WARM_HITS = 2_000;
const REQUEST = 'GET /b.gif?site=idle HTTP/1.1\r\nHost: localhost\r\n\r\n';

const rssKib = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// Resolves with a socket on which one request has been answered.
function connect() {
    return new Promise((resolve, reject) => {
        const socket = net.connect(PORT, '127.0.0.1', () => socket.write(REQUEST));
        socket.once('data', () => resolve(socket)).once('error', reject);
    });
}

// What hits make the server keep for good, the half hour of the live page, is no connection's: hits first.
function warm() {
    return new Promise((resolve, reject) => {
        let answers = 0;
        const socket = net.connect(PORT, '127.0.0.1', () => socket.write(REQUEST.repeat(WARM_HITS)));
        socket.on('data', (bytes) => {
            answers += bytes.toString('latin1').split('HTTP/1.1 200').length - 1;
            if (answers >= WARM_HITS - 100) resolve(socket.destroy()); // a few status lines are cut in two
        }).once('error', reject);
    });
}

async function listening() {
    for (let tries = 0; tries < 500; tries += 1) {
        const socket = await connect().catch(() => null);
        if (socket) return socket.destroy();
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('crumbd does not answer');
}

async function main() {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crumb-idle-'));
    fs.writeFileSync(path.join(dir, 'crumb.yaml'), crumbdConfig(dir, PORT, 'limits:\n  idle_timeout: 10m\n'));
    const server = spawn('sh', ['-c', 'ulimit -n $(ulimit -H -n); exec "$@"', 'sh', CRUMBD, '-c', path.join(dir, 'crumb.yaml')], { stdio: 'ignore' });
    const ended = new Promise((resolve) => server.on('close', resolve));
    try {
        await listening();
        for (let i = 0; i < 4; i += 1) await warm();
        const before = rssKib(server.pid);
        const sockets = [];
        while (sockets.length < CONNECTIONS) {
            sockets.push(...(await Promise.all(Array.from({ length: 100 }, connect))));
        }
        const held = rssKib(server.pid);
        const open = fs.readdirSync(`/proc/${server.pid}/fd`).length;
        if (open < CONNECTIONS) throw new Error(`crumbd holds only ${open} descriptors`);
        console.log(`idle: ${sockets.length} connections held`);
        console.log(`idle: ${((1024 * (held - before)) / sockets.length).toFixed(0)} bytes of resident memory per connection`);
        console.log(`idle: ${(held / 1024).toFixed(1)} MiB resident in all (${(before / 1024).toFixed(1)} MiB before)`);
        for (const socket of sockets) socket.destroy();
    } finally {
        server.kill('SIGKILL');
        await ended;
        fs.rmSync(dir, { recursive: true, force: true });
    }
}

await main();
