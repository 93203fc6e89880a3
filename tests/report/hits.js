// hits.js SEED HITS DAYS [ROUGH] - writes records to standard output: a made-up shop's visitors, the same for the same
// seed. ROUGH puts hostile strings into every field. Times end at 2026-11-23T12:00:00Z.
'use strict';

const [seed, count, days, rough] = [Number(process.argv[2] || 1), Number(process.argv[3] || 10000), Number(process.argv[4] || 14), process.argv[5] === 'rough'];
const { random, int, pick } = require('./random.js')(seed);
const skewed = (list) => list[Math.floor(list.length * random() ** 3)];
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const id = (n) => Array.from({ length: n }, () => ALPHABET[int(64)]).join('');

const UAS = [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15',
    'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0',
    'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0',
];
const BOTS = [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
    'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot',
    'Mozilla/5.0 (compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)',
    'curl/8.5.0',
];
const COUNTRIES = [['DE', 'BE', 'Berlin', 3320, 'Deutsche Telekom AG'], ['US', 'CA', 'San Jose', 7018, 'AT&T'], ['FR', 'IDF', 'Paris', 3215, 'Orange'], ['AT', '9', 'Wien', 8447, 'A1 Telekom'], ['BR', 'SP', 'São Paulo', 27699, 'Vivo'], ['JP', '13', '東京', 2516, 'KDDI'], ['IN', 'MH', 'Mumbai', 55836, 'Jio'], ['GB', 'ENG', 'London', 2856, 'BT'], ['CA', 'ON', 'Toronto', 577, 'Bell'], ['AU', 'NSW', 'Sydney', 1221, 'Telstra']];
const REFS = [null, null, null, 'https://www.google.com/', 'https://www.google.de/', 'https://duckduckgo.com/', 'https://t.co/abc', 'https://chatgpt.com/', 'https://news.example.org/a?b=1', 'https://blog.shop.example/x', 'https://www.bing.com/', 'https://m.facebook.com/', 'android-app://com.reddit.frontpage/'];
const PAGES = ['/', '/shop/', '/blog/', '/about', '/shop/cart', '/contact'].concat(Array.from({ length: 200 }, (_, i) => `/shop/item-${i}`), Array.from({ length: 60 }, (_, i) => `/blog/2026/post-${i}`));
const HOSTILE = ['<script>document.title="owned"</script>', '"><img src=x onerror=document.title="owned">', "=cmd|' /C calc'!A0", '\u001b[31mred\u001b]0;owned\u0007', 'a\u0000b\u0085c\u202Etxt', "</title></style></script><svg onload=document.title='owned'>", '|pipe|*star*`code`[x](javascript:document.title="owned")', '@SUM(1+1)', 'line\nbreak\ttab', '\\', '-->', '\u{1F600}'.repeat(40), '${7*7}{{7*7}}'];

const END = Date.parse('2026-11-23T12:00:00Z'), START = END - days * 86400000;
const seq = [0, 0], records = [];
let visitors = [];
while (records.length < count) {
    // one visit
    let v;
    if (visitors.length > 50 && random() < 0.35)
        v = visitors[Math.floor(visitors.length * random())];
    else {
        v = { vid: id(22), place: skewed(COUNTRIES), ua: skewed(UAS), lang: pick(['de-DE', 'en-US', 'fr-FR', 'ja', 'pt-BR']), screen: pick([[1920, 1080], [390, 844], [1440, 900], [820, 1180]]), ip: `203.0.${int(256)}.${int(256)}`, fresh: true };
        visitors.push(v);
    }
    const bot = random() < 0.08, cookieless = random() < 0.05;
    let t = START + int(days * 86400000), ref = pick(REFS), campaign = random() < 0.15;
    for (let n = 1 + Math.floor(8 * random() ** 3); n > 0; n--) {
        const path = skewed(PAGES), kind = random() < 0.8 ? 'view' : 'event';
        const query = campaign && kind === 'view' ? `utm_source=letter&utm_medium=email&utm_campaign=week${int(3)}` : undefined;
        const url = `https://www.shop.example${path}${query ? '?' + query : ''}`;
        const r = { v: 1, ts: new Date(t).toISOString(), id: '', kind, site: random() < 0.9 ? 'shop' : 'blog' };
        if (!bot && !cookieless) {
            r.vid = v.vid;
            if (v.fresh)
                r.vid_new = true;
            v.fresh = false;
        }
        Object.assign(r, { ip: v.ip, country: v.place[0], region: v.place[1], city: v.place[2], asn: v.place[3], as_org: v.place[4], url, host: 'www.shop.example', path });
        if (query)
            r.query = query;
        if (ref) {
            r.ref = ref;
            if (ref.startsWith('http'))
                r.ref_host = new URL(ref).hostname;
        }
        Object.assign(r, { title: `Page ${path}`, ua: bot ? pick(BOTS) : v.ua, lang: v.lang, sw: v.screen[0], sh: v.screen[1] });
        if (query)
            Object.assign(r, { utm_source: 'letter', utm_medium: 'email', utm_campaign: query.slice(-5) });
        if (random() < 0.02)
            r.purpose = 'prefetch';
        if (kind === 'event') {
            r.name = pick(['impression', 'impression', 'impression', 'click', 'download', 'outbound']);
            if (r.name === 'impression' || r.name === 'click')
                r.params = { banner: pick(['spring', 'sale', 'newsletter']), x: 'a "quoted" value\\' };
        }
        if (rough) {
            for (const key of ['site', 'country', 'region', 'city', 'as_org', 'url', 'host', 'path', 'ref', 'ref_host', 'title', 'ua', 'lang', 'utm_source', 'utm_medium', 'utm_campaign', 'name']) {
                if (random() < 0.3)
                    r[key] = pick(HOSTILE);
            }
        }
        records.push(r);
        ref = url;
        campaign = false;
        t += 1 + int(random() < 0.1 ? 4000000 : 200000);
        if (t >= END)
            break;
    }
}
records.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
let out = [];
records.slice(0, count).forEach((r, i) => {
    r.id = `testtesttest-${i % 2}-${++seq[i % 2]}`;
    out.push(JSON.stringify(r));
    if (out.length === 1000) {
        process.stdout.write(out.join('\n') + '\n');
        out = [];
    }
});
if (out.length)
    process.stdout.write(out.join('\n') + '\n');
