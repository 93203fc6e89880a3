// report.js - lets one zoom into the timeline of a report. Everything is readable without it.
//
// Reads the figures from the table below the chart, so that the page holds them once. Drag over the chart,
// or use the buttons or the keys + - 0 and the arrows when the chart has the focus.
'use strict';
document.querySelectorAll('svg.chart').forEach((chart) => {
    const SVG = 'http://www.w3.org/2000/svg';
    const section = chart.closest('section');
    const table = section.querySelector('table');
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const number = (row, head) => Number((row.cells[heads.indexOf(head)]?.textContent ?? '0').replace(/,/g, ''));
    const read = () =>
        [...table.tBodies[0].rows].map((row) => ({
            label: row.cells[0].textContent,
            views: number(row, 'Views'),
            visitors: number(row, 'Visitors'),
            before: number(row, 'Before'), // of the views, when two periods are compared
        }));
    let rows = read();
    if (rows.length < 3) return;
    const plot = chart.querySelector('.plot');
    const earlier = plot.querySelector('.earlier');
    const grid = [...chart.querySelectorAll('.grid text')];
    const labels = [...chart.querySelectorAll('.labels text')];
    let from = 0;
    let to = rows.length - 1;
    let at = to;

    const element = (name, attributes, parent) => {
        const node = document.createElementNS(SVG, name);
        for (const key in attributes) node.setAttribute(key, attributes[key]);
        return parent.appendChild(node);
    };
    const mark = element('rect', { class: 'mark', y: '4%', height: '84%', width: 0 }, chart);
    const cursor = element('line', { class: 'cursor', y1: '4%', y2: '88%' }, chart);
    const bar = document.createElement('div');
    bar.className = 'zoom';
    chart.after(bar);
    const button = (text, title, action) => {
        const b = document.createElement('button');
        b.type = 'button';
        b.textContent = text;
        b.title = title;
        b.addEventListener('click', action);
        bar.append(b);
    };
    const said = document.createElement('span');
    said.setAttribute('aria-live', 'polite');

    const roundUp = (n) => {
        for (let power = 1; ; power *= 10)
            for (const step of [1, 2, 5]) if (step * power >= n) return step * power;
    };
    const short = (label) => (label.length < 10 ? label : label.slice(5, 10) + (label.length < 16 ? '' : ' ' + label.slice(11, 16)));
    const x = (i) => (1000 * (i - from)) / (to - from);

    function draw() {
        const shown = rows.slice(from, to + 1);
        const top = grid.length * roundUp(Math.max(...shown.map((row) => Math.max(row.views, row.before)), 1) / grid.length);
        const line = (name) => shown.map((row, i) => `${x(from + i).toFixed(1)} ${(100 - (100 * row[name]) / top).toFixed(2)}`).join('L');
        plot.querySelector('.views.area').setAttribute('d', `M0 100L${line('views')}L1000 100Z`);
        plot.querySelector('.views:not(.area)').setAttribute('d', `M${line('views')}`);
        plot.querySelector('.visitors').setAttribute('d', `M${line('visitors')}`);
        earlier?.setAttribute('d', `M${line('before')}`);
        grid.forEach((text, i) => (text.textContent = Math.round(top - (top * i) / grid.length).toLocaleString('en')));
        labels.forEach((text, i) => {
            const row = Math.round(from + (i * (to - from)) / (labels.length - 1));
            text.setAttribute('x', `${x(row) / 10}%`);
            text.textContent = short(rows[row].label);
        });
        point(Math.min(to, Math.max(from, at)));
    }
    function point(i) {
        at = i;
        cursor.setAttribute('x1', `${x(i) / 10}%`);
        cursor.setAttribute('x2', `${x(i) / 10}%`);
        const views = `${rows[i].views.toLocaleString('en')} views${earlier ? ` (${rows[i].before.toLocaleString('en')} before)` : ''}`;
        said.textContent = `${rows[i].label}: ${views}, ${rows[i].visitors.toLocaleString('en')} visitors`;
    }
    function show(a, b) {
        if (b - a < 2) return;
        from = Math.max(0, a);
        to = Math.min(rows.length - 1, b);
        draw();
    }
    const zoom = (share) => {
        const half = Math.max(1, Math.round(((to - from) * share) / 2));
        show(Math.max(0, at - half), Math.min(rows.length - 1, at + half));
    };
    const reset = () => show(0, rows.length - 1);
    button('+', 'Zoom in', () => zoom(0.5));
    button('\u2212', 'Zoom out', () => zoom(2));
    button('All', 'Show everything', reset);
    bar.append(said);

    const keys = {
        '+': () => zoom(0.5),
        '-': () => zoom(2),
        0: reset,
        ArrowLeft: () => point(Math.max(from, at - 1)),
        ArrowRight: () => point(Math.min(to, at + 1)),
    };
    chart.setAttribute('tabindex', '0');
    chart.setAttribute('aria-keyshortcuts', '+ - 0 ArrowLeft ArrowRight');
    chart.addEventListener('keydown', (event) => {
        if (!keys[event.key]) return;
        keys[event.key]();
        event.preventDefault();
    });

    let start = null;
    const row = (event) => {
        const box = chart.getBoundingClientRect();
        return Math.round(from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * (to - from));
    };
    chart.addEventListener('pointerdown', (event) => {
        start = row(event);
        chart.setPointerCapture(event.pointerId);
    });
    chart.addEventListener('pointermove', (event) => {
        const now = row(event);
        point(now);
        if (start === null) return;
        mark.setAttribute('x', `${x(Math.min(start, now)) / 10}%`);
        mark.setAttribute('width', `${Math.abs(x(start) - x(now)) / 10}%`);
    });
    const end = (event) => {
        if (start === null) return;
        const now = row(event);
        mark.setAttribute('width', 0);
        show(Math.min(start, now), Math.max(start, now));
        start = null;
    };
    chart.addEventListener('pointerup', end);
    chart.addEventListener('pointercancel', () => ((start = null), mark.setAttribute('width', 0)));
    draw();
    // The live page has changed the table: what nobody pointed at is not read out.
    section.addEventListener('figures', () => {
        rows = read();
        said.setAttribute('aria-live', 'off');
        draw();
    });
    chart.addEventListener('focus', () => said.setAttribute('aria-live', 'polite'));
});
