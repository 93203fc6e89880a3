// live.js - shows what the tag says in debug mode: the events, and what crumbd answered.

(() => {
  const log = console.log;
  const text = (word) => (typeof word === 'string' ? word : word instanceof Error ? String(word) : JSON.stringify(word));
  const early = []; // the tag may speak before the page is there

  const show = (line) => {
    const list = document.getElementById('log');
    if (!list) return early.push(line);
    const item = document.createElement('li');
    item.className = line.startsWith('event ') ? 'sent' : 'kept';
    item.textContent = line;
    list.prepend(item);
  };

  console.log = (...words) => {
    log(...words);
    if (words[0] === 'crumb:') show(words.slice(1).filter(Boolean).map(text).join(' '));
  };

  const said = (name) => () => crumb(name, (status) => show(`${name}: ${text(status)}`));
  let moves = 0;
  const buttons = {
    move: () => history.pushState({}, '', `?page=${++moves}&email=you@example.org`),
    identify: () => crumb('identify', 'customer 7'),
    optout: said('optout'),
    optin: said('optin'),
    status: said('status'),
  };
  addEventListener('DOMContentLoaded', () => {
    for (const id in buttons) document.getElementById(id).onclick = buttons[id];
    early.splice(0).forEach(show);
  });
})();
