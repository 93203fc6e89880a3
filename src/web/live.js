// live.js - keeps the live page as it is now. Everything can be read without it.
//
// The server sends the figures whenever they have changed; what they say is put into the tables as text,
// never as markup. A page that nobody sees listens to nothing.
'use strict';
(() => {
    const SVG = 'http://www.w3.org/2000/svg';
    const RETRY_MS = 5000;
    const status = document.getElementById('status');
    const now = document.getElementById('now');
    const notes = document.getElementById('notes');
    const cards = document.querySelectorAll('.cards b');
    const latest = document.querySelector('[data-live=latest]');
    const countries = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
    const shown = {}; // by table
    let seen = Number(latest.dataset.seen);
    let source = null;
    let timer = 0;
    let paused = false;

    function say(text, state) {
        if (status.textContent === text) return;
        status.textContent = text;
        status.className = state;
    }
    function setText(node, text) {
        if (node.textContent !== text) node.textContent = text;
    }

    function bar(width) {
        const svg = document.createElementNS(SVG, 'svg');
        const rect = document.createElementNS(SVG, 'rect');
        svg.setAttribute('aria-hidden', 'true');
        rect.setAttribute('width', width);
        rect.setAttribute('height', '100%');
        svg.append(rect);
        return svg;
    }
    function country(code) {
        const small = document.createElement('small');
        small.textContent = code;
        return [`${countries.of(code) ?? ''} `, small];
    }
    function fill(table, rows) {
        const heads = [...table.tHead.rows[0].cells];
        const made = rows.map((cells) => {
            const tr = document.createElement('tr');
            cells.forEach((text, i) => {
                const cell = document.createElement(i ? 'td' : 'th');
                if (!i) cell.scope = 'row';
                cell.className = heads[i].className;
                if (cell.className === 'bar') cell.append(bar(text));
                else if (!i && table.dataset.live === 'countries') cell.append(...country(text));
                else cell.textContent = text;
                tr.append(cell);
            });
            return tr;
        });
        table.tBodies[0].replaceChildren(...made);
    }
    function show(figures) {
        setText(now, figures.now);
        setText(notes, figures.notes);
        cards.forEach((card, i) => setText(card, figures.cards[i]));
        for (const table of document.querySelectorAll('[data-live]')) {
            const name = table.dataset.live;
            const text = JSON.stringify(figures.tables[name]);
            if (shown[name] === text) continue;
            shown[name] = text;
            fill(table, figures.tables[name]);
            table.closest('section').dispatchEvent(new Event('figures'));
        }
        [...latest.tBodies[0].rows].slice(0, figures.latest - seen).forEach((row) => row.classList.add('fresh'));
        seen = figures.latest;
    }

    function close() {
        clearTimeout(timer);
        if (source) source.close();
        source = null;
    }
    function open() {
        close();
        if (paused || document.hidden) return;
        source = new EventSource('live/events');
        source.onopen = () => say('Live', 'on');
        source.onmessage = (event) => show(JSON.parse(event.data));
        source.onerror = () => {
            say('No connection, trying again', 'off');
            if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS);
        };
    }

    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Pause';
    button.addEventListener('click', () => {
        paused = !paused;
        button.textContent = paused ? 'Go on' : 'Pause';
        open();
        if (paused) say('Paused', '');
    });
    document.querySelector('header p').append(button);
    document.addEventListener('visibilitychange', open);
    open();
})();
