// odd_hits.js SEED HITS - writes records to standard output: what real data hold and tidy test data do not. The same for
// the same seed. Several sites; the days on which clocks change in Berlin, New York, St. John's and on Lord Howe Island;
// visits across midnight; gaps of exactly half an hour and of one millisecond more; hits in the same millisecond;
// visitors without a cookie; prefetches; programs; missing and empty fields; letters of many scripts.
'use strict';

const [seed, count] = [Number(process.argv[2] || 1), Number(process.argv[3] || 5000)];
const { random, int, pick } = require('./random.js')(seed);
const maybe = (share, value) => (random() < share ? value : undefined);
const DAY = 86_400_000, IDLE = 1_800_000;

// Begins and lengths of stretches in days, UTC. Between them nothing happens for months.
const STRETCHES = [['2026-03-06', 4], ['2026-03-28', 3], ['2026-04-03', 4], ['2026-10-02', 4], ['2026-10-24', 3], ['2026-10-31', 3], ['2026-12-30', 5]];
const HOSTS = { shop: ['www.shop.co.uk', 'shop.co.uk', 'm.shop.co.uk'], blog: ['blog.example.org'], intranet: ['localhost', '192.0.2.7', '[2001:db8::7]'], '': ['www.shop.co.uk'], 'läden': ['xn--lden-ooa.example'] };
const REFS = [undefined, undefined, 'https://www.google.co.uk/', 'https://google.com/search?q=x', 'https://shop.co.uk/', 'https://other.co.uk/a', 'https://t.co/x', 'https://chatgpt.com/', 'https://www.perplexity.ai/', 'https://mail.google.com/mail', 'android-app://com.reddit.frontpage/', 'android-app://org.telegram.messenger', 'https://192.0.2.7/', 'http://localhost:3000/', 'https://news.example.org/', 'https://blog.example.org/old', 'about:blank', 'not a url', 'https://a.github.io/', 'https://b.github.io/'];
const PATHS = [undefined, '/', '/', '/a', '/a/', '/a/b', '/a/b/c', '/A', '/%C3%BC', '/ü', '//', '//x', '/a b', '/日本語/頁', '/a?', '/.', '/ /', '/\u{1F600}', '/a\u00a0b', '/e\u0301', '/\u00e9', '/"', "/'", '/,', '/|', '/x'.repeat(200)];
const UAS = [undefined, '', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36', 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/6.0 TV Safari/538.1', 'x', '日本', 'Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10'];
const PROGRAMS = ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)', 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot', 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot', 'CCBot/2.0 (https://commoncrawl.org/faq/)', 'Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)', 'curl/8.5.0', 'Wget/1.21', 'python-requests/2.32', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36'];
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const id = () => Array.from({ length: 22 }, () => ALPHABET[int(64)]).join('');

const records = [], visitors = [];
while (records.length < count) {
    const [day, days] = pick(STRETCHES);
    const visitor = visitors.length > 30 && random() < 0.5 ? pick(visitors) : { vid: id(), fresh: true, ua: pick(UAS), place: pick([[], ['DE', 'BE', 'Berlin'], ['DE', 'BE'], ['DE'], ['', '', ''], ['JP', '13', '東京'], ['US', 'CA', 'San José'], ['US', 'TX', 'San José'], ['GB', undefined, 'London']]), network: pick([[], [3320, 'Deutsche Telekom AG'], [3320, 'DTAG'], [7018, undefined], [undefined, 'Nobody']]), screen: pick([[], [1920, 1080], [390, 844], [0, 0], [1, undefined], [undefined, 2]]), lang: pick([undefined, '', 'de-DE', 'en', 'EN', 'zh-Hant-TW']) };
    if (visitor.fresh)
        visitors.push(visitor);
    const cookie = random() < 0.85, program = random() < 0.1 && pick(PROGRAMS), site = pick(Object.keys(HOSTS));
    let t = Date.parse(day) + int(days * DAY);
    if (random() < 0.3)
        t = Math.round(t / DAY) * DAY - int(3) * 300_000; // just before midnight somewhere
    for (let n = 1 + Math.floor(9 * random() ** 2); n > 0; n--) {
        const path = pick(PATHS), kind = random() < 0.7 ? 'view' : pick(['event', 'event', 'event', 'open', 'click', 'ping']);
        const host = path === undefined ? maybe(0.5, '') : pick(HOSTS[site]), ref = pick(REFS);
        const r = { v: 1, ts: new Date(t).toISOString(), id: '', kind, site };
        if (cookie) {
            r.vid = visitor.vid;
            if (visitor.fresh)
                r.vid_new = true;
            visitor.fresh = false;
        }
        const [country, region, city] = visitor.place, [asn, as_org] = visitor.network, [sw, sh] = visitor.screen;
        Object.assign(r, { ip: maybe(0.9, '203.0.113.9'), country, region, city, asn, as_org, host, path, ref });
        if (path !== undefined)
            r.url = `https://${host}${path}`;
        if (ref && /^https?:/.test(ref))
            r.ref_host = new URL(ref).hostname;
        Object.assign(r, { title: pick([undefined, '', 'Title', 'Tïtle', 'a,b;"c"']), ua: program || visitor.ua, lang: visitor.lang, sw, sh });
        if (random() < 0.3)
            Object.assign(r, { utm_source: pick([undefined, 'x', 'X', '', 'ü']), utm_medium: pick([undefined, 'email', '']), utm_campaign: pick([undefined, 'a b', '+', '']) });
        if (random() < 0.06)
            r.purpose = 'prefetch';
        if (random() < 0.05)
            r.gpc = true;
        if (kind === 'event') {
            r.name = pick([undefined, '', 'impression', 'impression', 'click', 'Click', 'scroll', 'läuft']);
            if (random() < 0.8)
                r.params = pick([{ banner: 'a' }, { banner: 'b', banner2: 'c' }, { banner: '' }, { Banner: 'x' }, { x: 'banner', banner: 'ü"\\' }, {}]);
        }
        records.push(JSON.parse(JSON.stringify(r)));
        t += pick([0, 0, 1, 1000, 60_000, 600_000, IDLE - 1, IDLE, IDLE + 1, 2 * IDLE, 5 * 3_600_000, 7 * DAY]);
    }
}
records.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
process.stdout.write(records.slice(0, count).map((r, i) => JSON.stringify({ ...r, id: `oddoddoddodd-0-${i + 1}` }) + '\n').join(''));
