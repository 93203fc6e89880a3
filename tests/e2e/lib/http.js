// http.js - an HTTP/1.1 client that sends exactly the bytes it is given and shows exactly those it got.

import assert from 'node:assert/strict';
import net from 'node:net';
import { within } from './wait.js';

// headers is an object or a list of [name, value]. Host is sent unless headers has one.
export function request(target, headers = {}, method = 'GET') {
    const list = Array.isArray(headers) ? headers : Object.entries(headers);
    const host = list.some(([name]) => name.toLowerCase() === 'host') ? [] : [['Host', 'localhost']];
    const lines = [...host, ...list].map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

class Answer {
    constructor(head, body) {
        const lines = head.toString('latin1').split('\r\n');
        const status = /^HTTP\/1\.1 (\d{3}) ([ -~]*)$/.exec(lines[0]);
        assert.ok(status, `not a status line: ${lines[0]}`);
        this.status = Number(status[1]);
        this.reason = status[2];
        this.headers = lines.slice(1).map((line) => {
            const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(line);
            assert.ok(field, `not a header: ${line}`);
            return [field[1], field[2]];
        });
        this.head = head.toString('latin1');
        this.body = body;
    }

    all(name) {
        return this.headers.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, v]) => v);
    }

    // The only value, or undefined; two are an error.
    header(name) {
        const values = this.all(name);
        assert.ok(values.length <= 1, `${name} twice: ${this.head}`);
        return values[0];
    }

    // The value that Set-Cookie gives a cookie, or undefined.
    cookie(name) {
        const line = this.all('Set-Cookie').find((value) => value.startsWith(`${name}=`));
        return line?.slice(name.length + 1).split(';')[0];
    }
}

export class Connection {
    #socket;
    #received = Buffer.alloc(0);
    #closed = false;
    #wake = () => {};

    // localAddress: where to come from, e.g. 127.0.0.2.
    static async open({ host, port, localAddress }) {
        const connection = new Connection();
        const socket = net.connect({ host, port, localAddress, noDelay: true });
        connection.#socket = socket;
        socket.on('data', (bytes) => {
            connection.#received = Buffer.concat([connection.#received, bytes]);
            connection.#wake();
        });
        const opened = new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject));
        socket.on('close', () => {
            connection.#closed = true;
            connection.#wake();
        });
        await within(`connect to ${host}:${port}`, opened);
        return connection;
    }

    get closed() {
        return this.#closed;
    }

    send(bytes) {
        this.#socket.write(bytes, 'latin1');
        return this;
    }

    // We have nothing more to say; answers can still come.
    finish() {
        this.#socket.end();
        return this;
    }

    destroy() {
        this.#socket.destroy();
    }

    // Stops taking bytes from the kernel: to the server, a reader that does not read.
    stopReading() {
        this.#socket.pause();
    }

    async #more(what, deadlineMs) {
        await within(what, new Promise((resolve) => (this.#wake = resolve)), deadlineMs);
    }

    // The next answer; null when the server closed instead. An incomplete one is an error.
    async answer(options) {
        const answer = await this.answerIfWhole(options);
        if (answer === null) assert.equal(this.#received.length, 0, `torn answer: ${this.#received}`);
        return answer;
    }

    // The same for a server that may be killed: an incomplete answer is none.
    async answerIfWhole({ method = 'GET', deadlineMs = 10_000 } = {}) {
        for (;;) {
            const found = this.#take(method);
            if (found) return found;
            if (this.#closed) return null;
            await this.#more('an answer', deadlineMs);
        }
    }

    #take(method) {
        const end = this.#received.indexOf('\r\n\r\n');
        if (end < 0) return null;
        const head = this.#received.subarray(0, end);
        const length = /^content-length: *(\d+)\r?$/im.exec(head.toString('latin1'));
        const bodiless = method === 'HEAD' || / (1\d\d|204|304) /.test(head.subarray(0, 13).toString());
        const size = bodiless ? 0 : Number(length?.[1] ?? NaN);
        assert.ok(!Number.isNaN(size), `an answer without Content-Length: ${head}`);
        if (this.#received.length < end + 4 + size) return null;
        const answer = new Answer(head, this.#received.subarray(end + 4, end + 4 + size));
        this.#received = this.#received.subarray(end + 4 + size);
        return answer;
    }

    // Waits until the server has closed; returns the bytes that no answer() took.
    async end(what = '', deadlineMs = 8_000) {
        while (!this.#closed) await this.#more(`the server closes the connection ${what}`, deadlineMs);
        return this.#received;
    }
}

// One request on a connection of its own.
export async function fetchOnce(address, target, headers = {}, method = 'GET') {
    return exchangeOnce(address, request(target, headers, method), method);
}

export async function exchangeOnce(address, bytes, method = 'GET') {
    const connection = await Connection.open(address);
    try {
        return await connection.send(bytes).answer({ method });
    } finally {
        connection.destroy();
    }
}

// Sends requests over a few connections, `depth` of them ahead of the answers, and calls
// onAnswer(request, answer) for each answer. Resolves when all are answered or every connection is gone:
// the caller counts. `requests` is anything that can be iterated, shared by the connections.
export async function pour(address, requests, onAnswer, { connections = 8, depth = 16 } = {}) {
    const source = requests[Symbol.iterator]();
    const one = async () => {
        let connection;
        try {
            connection = await Connection.open(address);
        } catch (error) {
            if (['ECONNREFUSED', 'ECONNRESET'].includes(error.code)) return;
            throw error;
        }
        try {
            await pump(connection, source, onAnswer, depth);
        } finally {
            connection.destroy();
        }
    };
    await Promise.all(Array.from({ length: connections }, one));
}

async function pump(connection, source, onAnswer, depth) {
    const waiting = [];
    let dry = false;
    for (;;) {
        while (!dry && waiting.length < depth) {
            const next = source.next();
            dry = next.done;
            if (dry) break;
            connection.send(next.value);
            waiting.push(next.value);
        }
        if (waiting.length === 0) return;
        const answer = await connection.answerIfWhole();
        if (answer === null) return;
        onAnswer(waiting.shift(), answer);
    }
}
