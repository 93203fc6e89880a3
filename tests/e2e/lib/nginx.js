// nginx.js - a real nginx as reverse proxy in front of a server, configured as its documentation shows.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { cleanup } from './cleanup.js';
import { temporaryDir } from './crumbd.js';
import { Connection } from './http.js';
import { until } from './wait.js';

function freePort() {
    return new Promise((resolve) => {
        const probe = net.createServer().listen(0, '127.0.0.1', () => {
            const { port } = probe.address();
            probe.close(() => resolve(port));
        });
    });
}

const config = (dir, port, upstream) => `
daemon off;
master_process off;
pid ${dir}/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir};
    uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
    server {
        listen 127.0.0.1:${port};
        location / {
            proxy_pass http://${upstream.host}:${upstream.port};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }
    }
}
`;

// Resolves with its address once it answers; it is ended with the test.
export async function startNginx(t, upstream) {
    const dir = temporaryDir(t);
    const port = await freePort();
    const file = path.join(dir, 'nginx.conf');
    fs.writeFileSync(file, config(dir, port, upstream));
    const child = spawn('nginx', ['-p', dir, '-c', file, '-e', path.join(dir, 'error.log')], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += text));
    const ended = new Promise((resolve) => child.on('close', resolve));
    cleanup(t, async () => {
        if (child.exitCode === null) child.kill('SIGTERM');
        await ended;
    });
    const address = { host: '127.0.0.1', port };
    await until('nginx listens', async () => {
        if (child.exitCode !== null) throw new Error(`nginx ended: ${stderr}`);
        return Connection.open(address).then((connection) => (connection.destroy(), true), () => false);
    });
    return address;
}
