// random.js - repeatable randomness: the same seed gives the same test.

// mulberry32, a small generator that is good enough to vary inputs.
export function random(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let x = Math.imul(state ^ (state >>> 15), state | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
    };
    const below = (n) => Math.floor(next() * n);
    return {
        next,
        below,
        chance: (p) => next() < p,
        pick: (list) => list[below(list.length)],
        // Printable ASCII that a header may hold, neither starting nor ending with a blank.
        text: (least, most) =>
            Array.from({ length: least + below(most - least + 1) }, () =>
                String.fromCharCode(33 + below(94)),
            ).join(''),
    };
}

const PLATFORMS = [
    'Windows NT 10.0; Win64; x64',
    'Windows NT 6.1; WOW64',
    'Macintosh; Intel Mac OS X 10_15_7',
    'X11; Linux x86_64',
    'X11; Ubuntu; Linux x86_64',
    'Linux; Android 14; Pixel 8',
    'Linux; Android 10; K',
    'Linux; Android 13; SM-A546B',
    'iPhone; CPU iPhone OS 17_5_1 like Mac OS X',
    'iPad; CPU OS 16_7 like Mac OS X',
    'X11; CrOS x86_64 14541.0.0',
];

// Shapes that browsers, apps and robots really send; %P a platform, %V a version.
const SHAPES = [
    'Mozilla/5.0 (%P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%V.0.0.0 Safari/537.36',
    'Mozilla/5.0 (%P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%V.0.0.0 Mobile Safari/537.36',
    'Mozilla/5.0 (%P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%V.0.0.0 Safari/537.36 Edg/%V.0.0.0',
    'Mozilla/5.0 (%P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%V.0.0.0 Safari/537.36 OPR/%V.0.0.0',
    'Mozilla/5.0 (%P; rv:%V.0) Gecko/20100101 Firefox/%V.0',
    'Mozilla/5.0 (%P) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.%V Safari/605.1.15',
    'Mozilla/5.0 (%P) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/%V.0 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (%P) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/%V.0.0;FBLC/de_DE]',
    'Mozilla/5.0 (compatible; Googlebot/2.%V; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (compatible; bingbot/2.%V; +http://www.bing.com/bingbot.htm)',
    'curl/7.%V.0',
    'python-requests/2.%V.0',
    'Wget/1.%V',
    'okhttp/4.%V.0',
    'Opera/9.80 (%P) Presto/2.12.%V Version/12.16',
    'Mozilla/4.0 (compatible; MSIE 8.0; %P; Trident/4.0; .NET CLR 2.0.50727; .NET4.0E; InfoPath.%V)',
    '"quoted" \\back\\slash\\ %V {json: "yes"}',
    'Émile/%V (naïve; ünïcode as latin1)',
];

// n different user agents in the forms of real ones.
export function userAgents(n) {
    const all = [];
    for (let version = 1; all.length < n; version += 1) {
        for (const shape of SHAPES) {
            const platforms = shape.includes('%P') ? PLATFORMS : [''];
            for (const platform of platforms) {
                all.push(shape.replaceAll('%P', platform).replaceAll('%V', String(version)));
            }
        }
    }
    return all.slice(0, n);
}
