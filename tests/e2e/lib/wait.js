// wait.js - waits for a condition with a deadline; tests never sleep and hope.

import { setTimeout as pause } from 'node:timers/promises';

// Everything takes longer under a sanitizer, and more memory.
export const SANITIZED = /address|thread/.test(process.env.CRUMB_BUILD ?? '');
const PATIENCE = SANITIZED ? 5 : 1;

// Resolves with the first truthy result of `condition` (which may be async); rejects after the deadline.
export async function until(what, condition, deadlineMs = 10_000) {
    const end = performance.now() + deadlineMs * PATIENCE;
    for (;;) {
        const result = await condition();
        if (result) return result;
        if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
        await pause(5);
    }
}

// Rejects when the promise takes longer than the deadline.
export async function within(what, promise, deadlineMs = 10_000) {
    const timer = new AbortController();
    const late = pause(deadlineMs * PATIENCE, null, { signal: timer.signal }).then(() => {
        throw new Error(`not within ${deadlineMs} ms: ${what}`);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        timer.abort();
        late.catch(() => {});
    }
}
