// browser.js - a real Chromium for a test, and a way to see what it did.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { cleanup } from './cleanup.js';
import { until } from './wait.js';

const CHROMIUM = spawnSync('sh', ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome'], {
    encoding: 'utf8',
}).stdout.trim();

const ARGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
];

// hosts: names that lead to 127.0.0.1. The back-forward cache is on, as it is for people.
export async function openBrowser(t, { hosts = [], human = true } = {}) {
    const browser = await chromium.launch({
        executablePath: CHROMIUM,
        ignoreDefaultArgs: ['--disable-back-forward-cache'],
        args: [
            ...ARGS,
            `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(',')}`,
            ...(human ? ['--disable-blink-features=AutomationControlled'] : []),
        ],
    });
    cleanup(t, () => browser.close());
    return browser;
}

// A page whose console lines are kept in page.said.
export async function openPage(browserOrContext) {
    const page = await browserOrContext.newPage();
    await setOnline(page, true); // which Chromium is not by itself on a machine without a network
    page.said = [];
    page.on('console', (message) => page.said.push(message.text()));
    page.on('pageerror', (error) => page.said.push(`ERROR ${error}`));
    return page;
}

// Says what navigator.onLine is, and fires its events.
export async function setOnline(page, online) {
    page.network ??= await page.context().newCDPSession(page);
    await page.network.send('Network.emulateNetworkConditions', {
        offline: !online,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: -1,
        connectionType: 'ethernet',
    });
}

// A Chromium that nobody debugs: prerendering and background tabs work in it as they do for people. It is
// steered from outside, tab by tab.
export async function openPlainBrowser(t, url) {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'crumb-chromium-'));
    const child = spawn(
        CHROMIUM,
        ['--headless', ...ARGS, `--user-data-dir=${profile}`, '--remote-debugging-port=0', url],
        { stdio: 'ignore', detached: true } // a group of its own: its helpers end with it
    );
    const ended = new Promise((resolve) => child.on('exit', resolve));
    cleanup(t, async () => {
        if (child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
        await ended;
        await until('the profile to be gone', () => {
            try {
                fs.rmSync(profile, { recursive: true, force: true });
            } catch {
                return false; // a helper is still writing
            }
            return true;
        });
    });
    const portFile = path.join(profile, 'DevToolsActivePort');
    const port = await until('Chromium to start', () => fs.existsSync(portFile) && fs.readFileSync(portFile, 'utf8').split('\n')[0]);
    const call = (method, action) => fetch(`http://127.0.0.1:${port}/json/${action}`, { method });
    return {
        open: async (address) => (await (await call('PUT', `new?${address}`)).json()).id,
        activate: (id) => call('GET', `activate/${id}`),
        close: (id) => call('GET', `close/${id}`),
        tabs: async () => (await (await call('GET', 'list')).json()).filter(({ type }) => type === 'page'),
    };
}
