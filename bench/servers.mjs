// servers.mjs - the three servers that bench/run.mjs compares, each with what it needs to start, and what it kept.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.dirname(HERE);
export const CRUMBD = path.resolve(ROOT, process.env.CRUMB_BUILD ?? 'build', 'crumbd');
const MMDB = path.join(ROOT, 'build/country.mmdb');
const MODULES = '/usr/lib/nginx/modules';

// One key for all runs of crumbd, so that cookies stay valid.
const KEYS = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'crumb-bench-keys-')), 'keys');
process.on('exit', () => fs.rmSync(path.dirname(KEYS), { recursive: true, force: true }));

export function crumbdConfig(dir, port, more = '') {
    return `listen:
  - address: 127.0.0.1:${port}
admin: 127.0.0.1:0
data: ${dir}/data
keys: ${KEYS}
workers: 1
geo:
  databases: [ ${MMDB} ]
trusted_proxies: [ 127.0.0.1/32 ]
client_address: x-forwarded-for
${more}`;
}

function nginx(name, template, port, more) {
    return {
        name,
        port,
        stopSignal: 'SIGQUIT', // writes what its log buffer holds
        prepare(dir) {
            const text = fs.readFileSync(path.join(HERE, template), 'utf8');
            const values = { DIR: dir, PORT: port, MMDB, MODULES };
            fs.writeFileSync(path.join(dir, 'nginx.conf'), text.replace(/@([A-Z]+)@/g, (_, key) => values[key]));
        },
        command: (dir) => ['nginx', '-p', dir, '-c', path.join(dir, 'nginx.conf'), '-e', path.join(dir, 'error.log')],
        ...more,
    };
}

function countLines(files) {
    const run = spawnSync('sh', ['-c', 'gzip -dc "$@" | wc -l', 'sh', ...files], { encoding: 'utf8' });
    return Number(run.stdout);
}

function filesBelow(dir) {
    return fs.readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? filesBelow(path.join(dir, entry.name)) : [path.join(dir, entry.name)]);
}

const sizes = (files) => files.reduce((sum, file) => sum + fs.statSync(file).size, 0);

export const SERVERS = [
    nginx('nginx pixel', 'nginx-pixel.conf', 18081, { keeps: false, kept: () => ({}) }),
    nginx('nginx full', 'nginx-full.conf', 18082, {
        keeps: true,
        cookie: 'uid',
        kept(dir) {
            const log = path.join(dir, 'access.log.gz');
            return { hits: countLines([log]), bytes: fs.statSync(log).size };
        },
    }),
    {
        name: 'crumbd',
        port: 18083,
        stopSignal: 'SIGTERM',
        keeps: true,
        cookie: 'crumb_id',
        prepare: (dir) => fs.writeFileSync(path.join(dir, 'crumb.yaml'), crumbdConfig(dir, 18083)),
        command: (dir) => [CRUMBD, '-c', path.join(dir, 'crumb.yaml')],
        kept(dir) {
            const files = filesBelow(path.join(dir, 'data/hits')); // index files are on the disk too
            return { hits: countLines(files.filter((file) => file.endsWith('.gz'))), bytes: sizes(files) };
        },
    },
];
