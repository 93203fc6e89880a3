/*
 * t.js - the tag: tells a crumb collector what happens on the page that it was pasted into.
 *
 *     <script async src="https://crumb.example/t.js" data-site="shop"></script>
 *
 * is all that a page needs. crumb(1), section THE TAG, has the attributes, commands and events.
 *
 * What must always be true:
 *   - The page never notices: nothing throws, nothing blocks, nothing is stored in the browser.
 *   - One page view for each address that a visitor saw, once, and not before it was visible.
 *   - All that is known is sent when the page is hidden, at the latest: it may never come back.
 *   - The values of form fields are never read. The names are.
 *
 * An event travels as an object of the JSON array that POST /b takes: site, e (its name; absent for
 * a page view), url, pv, uid, params; a page view also has ref, title, lang, sw and sh.
 */
((document) => {
    const script = document.currentScript || document.querySelector('[data-site]');
    const option = (name) => script.getAttribute('data-' + name);
    const collector = new URL(option('collector') || '.', script.src || location);

    const BATCH_DELAY_MS = 500; // events gather, and the page has set its title
    const BATCH_EVENTS = 20; // as a rule a tenth of the 64 KiB that browser and crumbd take
    const QUEUE_EVENTS = 500;
    const BANNER_MS = 1000;
    const BANNER_PART = 0.5;
    const FOCUS_MS = 100; // less than this alone is no reason for another ping
    const DOWNLOADS = /\.(csv|dmg|docx?|exe|gz|mp[34]|pdf|pptx?|rar|xlsx?|zip)$/i;
    const SEARCH_KEYS = 'q,s,search,query';

    const debug = option('debug') != null;
    const say = (...words) => debug && console.log('crumb:', ...words);
    const visible = () => document.visibilityState == 'visible'; // not so while prerendering

    // A mistake in here must stay in here.
    const guarded =
        (work) =>
        (...given) => {
            try {
                return work(...given);
            } catch (error) {
                say(error);
            }
        };
    const on = (types, work) => types.split(' ').forEach((type) => addEventListener(type, guarded(work), true));

    // ---- whether anything is sent at all -----------------------------------------------------------

    // A collector on this machine is somebody trying it out, and gets everything.
    const isLocal = ({ hostname }) => /(^|\.)localhost$|^127\.|^\[::1/.test(hostname);
    const unwanted =
        !isLocal(collector) &&
        (isLocal(location)
            ? 'not sent: localhost'
            : navigator.webdriver && 'not sent: bot'); // other robots are told apart by crumbd
    let silent = unwanted;
    let consent = option('consent') == null;

    // ---- sending ----------------------------------------------------------------------------------

    let queue = [];
    let timer;
    let untitled; // the page view whose page may still set its title

    const request = (path, more) => fetch(collector + path, { method: 'POST', credentials: 'include', ...more });

    const send = async (events) => {
        const body = JSON.stringify(events);
        try {
            // In debug mode the answer matters, and only fetch can read it.
            if (!debug && navigator.sendBeacon?.(collector + 'b', body)) return;
            const answer = await request('b', { body, mode: debug ? 'cors' : 'no-cors', keepalive: true });
            say(answer.headers.get('x-crumb'), await answer.text());
        } catch (error) {
            if (debug) return say(error);
            // uid is left out: addresses end up in the logs of others.
            JSON.parse(body).forEach(({ params, ...facts }) => {
                new Image().src = collector + 'b.gif?' + new URLSearchParams({ ...params, ...facts, uid: '' });
            });
        }
    };

    const titled = () => {
        if (untitled) untitled.title = document.title;
        untitled = 0;
    };

    const flush = () => {
        clearTimeout(timer);
        timer = 0;
        titled();
        // A browser without any network says that it is offline, and still reaches its own machine. (| is smaller.)
        while (consent && !silent && navigator.onLine | isLocal(collector) && queue.length)
            send(queue.splice(0, BATCH_EVENTS));
    };

    // Returns the event, which may be completed until it is sent.
    const enqueue = (e, params = {}, more) => {
        const event = {
            site: option('site') || location.hostname,
            e,
            url: href,
            pv,
            uid,
            params: JSON.parse(JSON.stringify(params)),
            ...more,
        };
        say(silent || (consent ? 'event' : 'no consent yet'), event);
        if (silent || queue.length >= QUEUE_EVENTS) return;
        const now = Date.now();
        event.params.late_ms = { toJSON: () => Date.now() - now }; // as it is sent
        queue.push(event);
        timer = timer || setTimeout(flush, BATCH_DELAY_MS);
        return event;
    };

    // ---- page views -------------------------------------------------------------------------------

    // The page as the visitor sees it now. pv is absent before the first view.
    let pv, page, href, focus, depth, toldDepth, seenBanners;
    let uid;
    const waiting = []; // events that came before the first view

    // What makes two addresses two pages: everything, unless the fragment is a place on the page.
    const currentPage = () => {
        const [base, fragment] = location.href.split('#');
        return fragment && !document.getElementById(fragment) ? location.href : base;
    };

    // The one question after anything that may have brought the visitor to another page.
    const look = () => {
        if (!visible() || (pv && page == currentPage())) return;
        const ref = pv ? href : document.referrer;
        const keys = (option('search') || SEARCH_KEYS).split(',');
        const search = [...new URLSearchParams(location.search)].find(([key]) => keys.includes(key))?.[1];
        titled();
        if (pv) ping();
        page = currentPage();
        href = location.href;
        pv = Math.random().toString(36).slice(2);
        focus = depth = toldDepth = 0;
        seenBanners = new Set();
        untitled = enqueue(
            undefined,
            { search },
            { ref, lang: navigator.language, sw: screen.width, sh: screen.height }
        );
        forgetBanners();
        findBanners();
        waiting.splice(0).forEach((given) => enqueue(...given));
    };

    ['pushState', 'replaceState'].forEach((name) => {
        const original = history[name];
        history[name] = function (...given) {
            original.apply(this, given);
            guarded(look)();
        };
    });

    // ---- how far, how long, how fast --------------------------------------------------------------

    let focused;
    let since;

    const tick = () => {
        const now = Date.now();
        if (focused) focus += now - since;
        since = now;
        focused = visible() && document.hasFocus();
    };

    const scrolled = () => {
        const part = (scrollY + innerHeight) / document.documentElement.scrollHeight;
        depth = Math.min(Math.max(depth, Math.round(part * 100)), 100);
    };

    // Core Web Vitals as web.dev defines them. They go with the first ping of a page that was visible when it loaded.
    let vitals = { cls: window.LayoutShift && 0 };
    let shiftStart;
    let shiftLast;
    let shiftSum;
    const observe = (type, work) => {
        new PerformanceObserver((list) => list.getEntries().forEach(work)).observe({
            type,
            buffered: true,
            durationThreshold: 16,
        });
    };

    // Below 50 interactions, as a first ping has them, INP is the slowest one.
    const interaction = ({ interactionId, duration }) => {
        if (interactionId && vitals) vitals.inp = Math.max(vitals.inp || 0, duration);
    };

    const observeVitals = () => {
        observe('largest-contentful-paint', ({ startTime }) => {
            vitals.lcp = startTime | 0;
        });
        observe('layout-shift', ({ startTime, hadRecentInput, value }) => {
            if (hadRecentInput) return;
            if (!(startTime - shiftLast < 1000 && startTime - shiftStart < 5000)) {
                shiftStart = startTime;
                shiftSum = 0;
            }
            shiftLast = startTime;
            shiftSum += value;
            vitals.cls = Math.max(vitals.cls, shiftSum.toFixed(4));
        });
        observe('first-input', interaction);
        observe('event', interaction);
    };

    const ping = () => {
        tick();
        scrolled();
        if (depth <= toldDepth && focus < FOCUS_MS) return;
        enqueue('ping', { scroll: depth, focus_ms: focus, ...vitals });
        toldDepth = depth;
        vitals = focus = 0;
    };

    // ---- banners ----------------------------------------------------------------------------------

    const timers = new Map();
    const banner = (name, { dataset }) => enqueue(name, { banner: dataset.crumbBanner });
    const watch = new IntersectionObserver(
        (list) =>
            list.forEach(({ target, intersectionRatio }) => {
                clearTimeout(timers.get(target));
                if (intersectionRatio < BANNER_PART) return;
                const seen = () => {
                    watch.unobserve(target);
                    seenBanners.add(target);
                    banner('impression', target);
                };
                timers.set(target, setTimeout(seen, BANNER_MS));
            }),
        { threshold: BANNER_PART }
    );

    const forgetBanners = () => {
        timers.forEach(clearTimeout);
        timers.clear();
        watch.disconnect();
    };

    const findBanners = () => {
        finding = 0;
        if (pv && visible())
            document
                .querySelectorAll('[data-crumb-banner]')
                .forEach((element) => seenBanners.has(element) || watch.observe(element));
    };

    let finding;
    new MutationObserver(() => {
        finding = finding || setTimeout(findBanners, 1000);
    }).observe(document, { childList: true, subtree: true });

    // ---- what visitors do -------------------------------------------------------------------------

    // <button data-crumb-event="buy" data-crumb-plan="pro">: event buy, params { plan: 'pro' }
    const tagged = ({ dataset }) => {
        const params = {};
        for (const key in dataset)
            if (/^crumb(?!Event|Banner)./.test(key)) params[key[5].toLowerCase() + key.slice(6)] = dataset[key];
        enqueue(dataset.crumbEvent, params);
    };

    const clicked = ({ target, button }) => {
        const element = target.closest('[data-crumb-event]:not(form)');
        const ad = target.closest('[data-crumb-banner]');
        const link = target.closest('a[href],area[href]');
        if (button > 1 || !pv) return; // not for the context menu
        if (element) tagged(element);
        if (ad) banner('click', ad);
        if (!/^http/.test(link?.protocol)) return;
        const name =
            link.hasAttribute('download') || DOWNLOADS.test(link.pathname)
                ? 'download'
                : link.host != location.host && 'outbound';
        if (name) enqueue(name, { link: link.href });
    };

    const submitted = ({ target }) => {
        const name = (element) => element.getAttribute('name') || element.id;
        if (!pv) return;
        if (target.dataset.crumbEvent) tagged(target);
        enqueue('submit', { form: name(target), fields: [...new Set([...target.elements].map(name))] + '' });
    };

    // ---- commands ---------------------------------------------------------------------------------

    // Answers what the collector says afterwards: the browser may have refused the cookie.
    const ask = async (change) => {
        if (change) await request(change);
        return (await request('optout/status', { method: 'GET' })).json();
    };

    const commands = {
        event: (...given) => {
            pv ? enqueue(...given) : waiting.push(given);
        },
        identify: (id) => {
            uid = id;
            if (pv && id) enqueue('identify');
        },
        consent: (given) => {
            consent = given;
            if (!given) queue = [];
            flush();
        },
        // crumb('status', (status) => ...) calls back; a promise is returned as well.
        optout: (done) => {
            queue = [];
            silent = 'not sent: opted out';
            return ask('optout').then(done);
        },
        optin: (done) => {
            silent = unwanted;
            return ask('optin').then(done);
        },
        status: (done) => ask().then(done),
    };
    const run = guarded((name, ...given) => commands[name](...given));

    // ---- start ------------------------------------------------------------------------------------

    const hidden = () => {
        if (!pv) return;
        forgetBanners();
        ping();
        flush();
    };

    const early = window.crumb;
    if (early?.ready) return say('loaded twice');
    window.crumb = run;
    run.ready = 1;
    early?.q?.forEach((given) => run(...given));

    on('popstate hashchange', look);
    on('focus blur', tick);
    on('scroll', scrolled);
    on('click auxclick', clicked);
    on('submit', submitted);
    on('online', flush);
    on('pagehide', hidden);
    on('visibilitychange', () => {
        if (!visible()) return hidden();
        tick();
        look();
        findBanners();
    });
    on('pageshow', ({ persisted }) => {
        if (!persisted) return;
        pv = 0; // out of the back-forward cache: seen anew
        look();
    });
    if (visible()) guarded(observeVitals)();
    tick();
    look();
})(document);
