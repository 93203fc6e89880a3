// refresh.js PACKAGES - writes crawlers.tsv and world.tsv into this folder.
//
// PACKAGES is a folder with the unpacked packages "crawler-user-agents" and "world-atlas"; refresh.sh
// fetches them. Run when the lists have aged; the results are reviewed and committed like code.
'use strict';
const fs = require('fs');
const path = require('path');

const packages = process.argv[2];
const read = (name) => JSON.parse(fs.readFileSync(path.join(packages, name), 'utf8'));
const version = (name) => read(`${name}/package.json`).version;

// ---- crawlers: KIND, NAME, PATTERN (PCRE), in the order of the list: the first that matches names the bot ----

// What an AI crawler fetches for. The list itself only says "ai-crawler"; operators document the rest:
// user = on behalf of somebody who asked just now, search = an index that answers point to, training = the rest.
const AI_USER = /-User|PerplexityUser|kagi-fetcher|NotebookLM|DuckAssist|linkReader|Devin|Claude-Web|Deep-Research|Tavily|ShapBot|crawl4ai|Firecrawl|Linkup/i;
const AI_SEARCH = /search|Phind|iask|LinerBot|Anomura|atlassian|bigsur|Channel3|AutoRAG|Vertex|Kendra|Zanista|Poggio|Perplexity/i;

function kind(entry) {
    const tags = entry.tags || [];
    if (tags.includes('ai-crawler')) {
        if (AI_USER.test(entry.pattern))
            return 'ai-user';
        return AI_SEARCH.test(entry.pattern) || tags.includes('search-engine') ? 'ai-search' : 'ai-training';
    }
    return tags[0] || 'other';
}

// "[cC]laude[bB]ot" -> "ClaudeBot", "^curl" -> "curl": the pattern as people would write it.
function name(pattern) {
    return pattern.replace(/\\d|\\\.\\d\+/g, '').replace(/\[\\s\\S\]\*/g, ' ').replace(/\(\^\| \)/g, '')
        .replace(/\(\[\^-\]\|\$\)/g, '').replace(/\[(.)(.)\]/g, (all, a, b, at) => at === 0 ? b.toUpperCase() : (a.toLowerCase() === b.toLowerCase() ? b.toUpperCase() : a))
        .replace(/\(([^|()]*)\|[^)]*\)/g, '$1').replace(/^([^|]*)\|.*$/, '$1').replace(/\\(.)/g, '$1')
        .replace(/^\^|\$$/g, '').replace(/[/ ;(,+-]+$/, '').trim() || pattern;
}

const list = read('crawler-user-agents/crawler-user-agents.json');
fs.writeFileSync(path.join(__dirname, 'crawlers.tsv'),
    `# Crawlers by their user agent: kind, name, pattern. Made by refresh.sh from crawler-user-agents ${version('crawler-user-agents')}\n` +
    '# (MIT License, Copyright (c) 2017 Martin Monperrus; see LICENSE.crawlers). Own rows may be added in front.\n' +
    list.map((e) => [kind(e), name(e.pattern), e.pattern].join('\t')).join('\n') + '\n');

// ---- world: CODE, NAME, SVG path in a 1000 x 500 equirectangular map, cut at 84 N and 56 S ----

const topo = read('world-atlas/countries-110m.json');
const codes = new Map(read('iso_3166-1.json')['3166-1'].map((c) => [c.numeric, c]));
const { scale, translate } = topo.transform;
const arcs = topo.arcs.map((arc) => {
    let x = 0, y = 0;
    return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], (y += dy) * scale[1] + translate[1]]);
});
const TOP = 84, BOTTOM = -56;
const px = ([lon, lat]) => [Math.round((lon + 180) / 360 * 1000), Math.round((TOP - Math.min(TOP, Math.max(BOTTOM, lat))) / (TOP - BOTTOM) * 430)];

// A ring that crosses the edge of the map falls into pieces there.
function pieces(points) {
    const parts = [[]];
    for (const p of points) {
        const part = parts[parts.length - 1];
        if (part.length && Math.abs(part[part.length - 1][0] - p[0]) > 500)
            parts.push([p]);
        else
            part.push(p);
    }
    return parts.filter((part) => part.length > 2);
}

function piece(points) {
    let [x, y] = points[0];
    let d = `M${x} ${y}l`;
    d += points.slice(1).map(([a, b]) => { const s = `${a - x} ${b - y}`; x = a; y = b; return s; }).join(' ');
    return (d + 'z').replace(/ -/g, '-');
}

function ring(indexes) {
    const points = [];
    for (const i of indexes) {
        const arc = i < 0 ? arcs[~i].slice().reverse() : arcs[i];
        for (const p of arc.slice(points.length ? 1 : 0).map(px)) {
            const last = points[points.length - 1];
            if (!last || last[0] !== p[0] || last[1] !== p[1])
                points.push(p);
        }
    }
    if (points.length < 4)
        return '';
    return pieces(points).map(piece).join('');
}

const rows = topo.objects.countries.geometries
    .filter((g) => g.id !== '010') // Antarctica has no visitors and half of the height
    .map((g) => {
        const c = codes.get(g.id);
        const polygons = g.type === 'Polygon' ? [g.arcs] : g.arcs;
        const d = polygons.map((p) => p.map(ring).join('')).join('');
        return [c ? c.alpha_2 : '', c ? (c.common_name || c.name).replace(/, .*/, '') : g.properties.name, d];
    }).filter((r) => r[2]);
const drawn = new Set(rows.map((r) => r[0]));
const small = [...codes.values()].filter((c) => !drawn.has(c.alpha_2)).map((c) => [c.alpha_2, (c.common_name || c.name).replace(/, .*/, ''), '']);
fs.writeFileSync(path.join(__dirname, 'world.tsv'),
    `# Countries: ISO 3166-1 code, English name, outline in 1000 x 430 units. Made by refresh.sh from world-atlas ${version('world-atlas')}\n` +
    '# (Natural Earth 1:110m, public domain) and the names of Debian\'s iso-codes. No outline: too small to draw.\n' +
    rows.concat(small).sort((a, b) => (a[0] < b[0] ? -1 : 1)).map((r) => r.join('\t')).join('\n') + '\n');
