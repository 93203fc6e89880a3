// requests.mjs - the requests that every server of the benchmark gets: about 714 bytes each, as browsers send
// them through a proxy, with the cookies of returning visitors, varied addresses, pages and browsers.

import fs from 'node:fs';

const VISITORS = 1000;
const REQUESTS = 4096;

// A cookie for each visitor, from the server itself.
export async function collectCookies(server) {
    const cookies = [];
    while (cookies.length < VISITORS) {
        const answer = await fetch(`http://127.0.0.1:${server.port}/b.gif?site=shop`);
        await answer.arrayBuffer();
        const set = answer.headers.get('set-cookie');
        if (!set?.startsWith(`${server.cookie}=`)) throw new Error(`${server.name} set no ${server.cookie}: ${set}`);
        cookies.push(set.split(';')[0]);
    }
    return cookies;
}

const PAGES = ['', 'bread', 'bread/rye', 'bread/spelt', 'cakes', 'cakes/plum', 'about', 'contact', 'search?q=rye', 'cart'];
const REFERRERS = ['https://www.search.example/', 'https://shop.example/', 'https://news.example/today/bread.html'];
const AGENTS = [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%V.0.0.0 Safari/537.36',
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%V.0.0.0 Mobile Safari/537.36',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (X11; Linux x86_64; rv:%V.0) Gecko/20100101 Firefox/%V.0',
];

// A small repeatable generator: every run of the benchmark sends the same.
let state = 1;
function below(n) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 4294967296) * n);
}
const pick = (list) => list[below(list.length)];

function oneRequest(jars) {
    const page = encodeURIComponent(`https://shop.example/${pick(PAGES)}`);
    const ref = encodeURIComponent(pick(REFERRERS));
    const visitor = below(VISITORS);
    const address = `${1 + below(222)}.${below(256)}.${below(256)}.${1 + below(254)}`;
    return [
        `GET /b.gif?site=shop&url=${page}&ref=${ref}&title=Crumb%20bakery&sw=1920&sh=1080&pv=${below(0x7fffffff).toString(36)} HTTP/1.1`,
        'Host: count.shop.example',
        `User-Agent: ${pick(AGENTS).replaceAll('%V', 120 + below(12))}`,
        'Accept: image/avif,image/webp,image/apng,image/*,*/*;q=0.8',
        `Accept-Language: ${pick(['en-GB,en;q=0.9', 'de-DE,de;q=0.9,en;q=0.8', 'fr-FR,fr;q=0.9'])}`,
        'Accept-Encoding: gzip, deflate, br',
        'Referer: https://shop.example/',
        'Sec-Fetch-Dest: image',
        'Sec-Fetch-Mode: no-cors',
        'Sec-Fetch-Site: same-site',
        'Connection: keep-alive',
        `Cookie: ${jars.map((jar) => jar[visitor]).join('; ')}`,
        `X-Forwarded-For: ${address}`,
        '',
        '',
    ].join('\r\n');
}

// Writes them one after the other, each behind a line with its length. Returns the average size.
export function writeRequests(file, jars) {
    const requests = Array.from({ length: REQUESTS }, () => oneRequest(jars));
    fs.writeFileSync(file, requests.map((text) => `${text.length}\n${text}`).join(''));
    return requests.reduce((sum, text) => sum + text.length, 0) / REQUESTS;
}
