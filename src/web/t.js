/*
 * t.js - the tag: tells a crumb collector what happens on the page that it was pasted into.
 *
 *     <script async src="https://crumb.example/t.js" data-site="shop"></script>
 *
 * is all that a page needs. crumb(1), section THE TAG, has the attributes, commands and events.
 *
 * What must always be true:
 *   - The page never notices: nothing throws, nothing blocks, nothing is stored in the browser. While
 *     the page loads, the tag takes down what it sees and does the rest later; it never asks for
 *     something that makes the browser lay the page out.
 *   - One page view for each address that a visitor saw, once, and not before it was visible.
 *   - All that is known is sent when the page is hidden, at the latest: it may never come back.
 *   - The values of form fields are never read. The names are.
 *
 * An event travels as an object of the JSON array that POST /b takes: site, e (its name; absent for
 * a page view), url, pv, uid, params; a page view also has ref, title, sw and sh. The language is in
 * the browser's own header.
 *
 * Bytes count here, gzipped: one keyword for all that is declared is 12 of them.
 */
((document) => {
    let script = document.currentScript || document.querySelector('[data-site]');
    let option = (name) => script.getAttribute('data-' + name);
    let collector = new URL(option('collector') || '.', script.src || location);

    let SETTLE_MS = 400; // events gather, the page has set its title, and its layout is known
    let BATCH_EVENTS = 20; // as a rule a tenth of the 64 KiB that browser and crumbd take
    let QUEUE_EVENTS = 500;
    let BANNER_MS = 1000;
    let BANNER_PART = 0.5;
    let DOWNLOADS = /\.(csv|dmg|docx?|exe|gz|mp[34]|pdf|pptx?|rar|xlsx?|zip)$/i;
    let SEARCH_KEYS = 'q,s,search,query';

    let debug = option('debug') != null;
    let say = (...words) => debug && console.log('crumb:', ...words);
    let early = window.crumb; // what the page has put there to gather its calls
    if (early?.ready) return say('loaded twice');
    let visible = () => !document.hidden; // which it is while prerendering

    // A mistake in here must stay in here.
    let guarded =
        (work) =>
        (...given) => {
            try {
                return work(...given);
            } catch (error) {
                say(error);
            }
        };

    // ---- whether anything is sent at all -----------------------------------------------------------

    // A collector on this machine is somebody trying it out, and gets everything. A file has no host.
    let isLocal = ({ hostname }) => /^$|localhost$|^127\.|^\[/.test(hostname);
    let collectorIsLocal = isLocal(collector);
    let unwanted =
        !collectorIsLocal &&
        (isLocal(location)
            ? 'not sent: localhost'
            : navigator.webdriver && 'not sent: bot'); // other robots are told apart by crumbd

    // ---- all that changes -------------------------------------------------------------------------

    let silent = unwanted, // why nothing is sent
        consent = option('consent') == null,
        uid,
        queue = [],
        settling, // the timer
        // The page as the visitor sees it now. pv is absent before the first view.
        pv, page, href = document.referrer, focus, depth, toldDepth,
        untitled, // its view, whose title the page may still set
        banners, // the timer of each, or 0 when it was seen
        watch, // their observer; most pages have none
        focused, since,
        vitals = visible() && {}, shiftStart, shiftLast, shiftSum;

    // ---- sending ----------------------------------------------------------------------------------


    let request = (path, more) => fetch(collector + path, { method: 'POST', credentials: 'include', ...more });

    let send = async (events) => {
        let body = '[' + events.map((event) => JSON.stringify(event)) + ']'; // old libraries teach arrays a toJSON
        try {
            // In debug mode the answer matters, and only fetch can read it.
            if (!debug && navigator.sendBeacon?.(collector + 'b', body)) return;
            let answer = await request('b', { body, mode: debug ? 'cors' : 'no-cors', keepalive: true });
            say(answer.headers.get('x-crumb'), await answer.text());
        } catch (error) {
            if (debug) return say(error);
            // uid is left out: addresses end up in the logs of others.
            JSON.parse(body).forEach(({ params, ...facts }) => {
                new Image().src = collector + 'b.gif?' + new URLSearchParams({ ...params, ...facts, uid: '' });
            });
        }
    };

    let titled = () => {
        if (untitled) untitled.title = document.title.slice(0, 999);
        untitled = 0;
    };

    let flush = () => {
        titled();
        // A browser without any network says that it is offline, and still reaches its own machine. (| is smaller.)
        while (consent && navigator.onLine | collectorIsLocal && queue.length)
            send(queue.splice(0, BATCH_EVENTS));
    };

    // Returns the event, which may be completed until it is sent. Nothing happens before the first view.
    let enqueue = (e, params = {}, more) => {
        if (!pv) return;
        let event = {
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
        let now = Date.now();
        event.params.late_ms = { toJSON: () => Date.now() - now }; // as it is sent
        queue.push(event);
        settle();
        return event;
    };

    // ---- page views -------------------------------------------------------------------------------

    let waiting = []; // events that came before the first view

    // What makes two addresses two pages: everything, unless the fragment is a place on the page.
    let currentPage = () => {
        let [base, fragment] = location.href.split('#');
        let id = new URLSearchParams('id=' + fragment).get('id'); // decoded, and never an error
        return !fragment || id == 'top' || document.getElementById(id) ? base : location.href;
    };

    // The one question after anything that may have brought the visitor to another page.
    let look = () => {
        let now = currentPage();
        if (!visible() || (pv && page == now)) return;
        let given = new URLSearchParams(location.search);
        let keys = (option('search') || SEARCH_KEYS).split(',');
        let search = keys.map((key) => given.get(key)).find(Boolean);
        titled();
        if (pv) ping();
        page = now;
        let ref = href;
        href = location.href;
        pv = Math.random().toString(36).slice(2);
        focus = depth = toldDepth = 0;
        untitled = enqueue(
            undefined,
            { search },
            { ref, sw: screen.width, sh: screen.height }
        );
        forgetBanners();
        banners = new Map();
        waiting.splice(0).forEach((given) => enqueue(...given));
    };

    ['pushState', 'replaceState'].forEach((name) => {
        let original = history[name];
        history[name] = function (...given) {
            original.apply(this, given);
            guarded(look)();
        };
    });

    // ---- when the page is at rest -------------------------------------------------------------------

    // One timer for all that can wait. The layout is known then, as a rule, and asking for it is free.
    let settle = () => {
        settling = settling || setTimeout(settled, SETTLE_MS);
    };

    let settled = guarded(() => {
        settling = 0;
        readDepth();
        findBanners();
        flush();
    });

    // ---- how far, how long, how fast --------------------------------------------------------------

    let tick = () => {
        let now = Date.now();
        if (focused) focus += now - since;
        since = now;
        focused = visible() && document.hasFocus();
    };

    let readDepth = () => {
        let part = (scrollY + innerHeight) / document.documentElement.scrollHeight;
        depth = Math.min(Math.max(depth, (part * 100 + 0.5) | 0), 100);
    };

    // Core Web Vitals as web.dev defines them. They go with the first ping of a page that was visible when it loaded.

    let measured = ({ startTime, size, value, hadRecentInput, interactionId, duration }) => {
        // Below 50 interactions, as a first ping has them, INP is the slowest one.
        if (interactionId) vitals.inp = Math.max(vitals.inp || 0, duration);
        if (size) vitals.lcp = startTime | 0;
        if (!value || hadRecentInput) return;
        if (!(startTime - shiftLast < 1000 && startTime - shiftStart < 5000)) {
            shiftStart = startTime;
            shiftSum = 0;
        }
        shiftLast = startTime;
        shiftSum += value;
        vitals.cls = Math.max(vitals.cls, shiftSum.toFixed(4));
    };

    let observe = () => {
        let observer = new PerformanceObserver((list) => list.getEntries().forEach(measured));
        ['largest-contentful-paint', 'layout-shift', 'first-input', 'event'].forEach((type) =>
            observer.observe({ type, buffered: true, durationThreshold: 16 })
        );
        if (window.LayoutShift) vitals.cls = 0;
        new MutationObserver(settle).observe(document, { childList: true, subtree: true });
    };

    let ping = () => {
        tick();
        if (settling || !depth) readDepth();
        if (depth <= toldDepth && !focus) return;
        enqueue('ping', { scroll: depth, focus_ms: focus, ...vitals });
        toldDepth = depth;
        vitals = focus = 0;
    };

    // ---- banners ----------------------------------------------------------------------------------

    let banner = (name, { dataset }) => enqueue(name, { banner: dataset.crumbBanner });
    let watched = (list) =>
        list.forEach(({ target, intersectionRatio }) => {
            clearTimeout(banners.get(target));
            if (intersectionRatio < BANNER_PART) return;
            let seen = () => {
                watch.unobserve(target);
                banners.set(target, 0);
                banner('impression', target);
            };
            banners.set(target, setTimeout(seen, BANNER_MS));
        });

    let forgetBanners = () => {
        banners?.forEach(clearTimeout);
        watch?.disconnect();
    };

    let findBanners = () => {
        if (pv && visible())
            document.querySelectorAll('[data-crumb-banner]').forEach((element) => {
                watch = watch || new IntersectionObserver(watched, { threshold: BANNER_PART });
                if (banners.get(element) != 0) watch.observe(element);
            });
    };

    // ---- what visitors do -------------------------------------------------------------------------

    // <button data-crumb-event="buy" data-crumb-plan="pro">: event buy, params { plan: 'pro' }
    let tagged = ({ dataset }) => {
        let params = {};
        for (let key in dataset)
            if (/^crumb(?!Event|Banner)./.test(key)) params[key[5].toLowerCase() + key.slice(6)] = dataset[key];
        enqueue(dataset.crumbEvent, params);
    };

    let clicked = ({ target, button }) => {
        let element = target.closest('[data-crumb-event]:not(form)');
        let ad = target.closest('[data-crumb-banner]');
        let link = target.closest('[href]');
        if (button > 1) return; // the context menu
        if (element) tagged(element);
        if (ad) banner('click', ad);
        if (!/^http/.test(link?.protocol)) return;
        let name =
            link.hasAttribute('download') || DOWNLOADS.test(link.pathname)
                ? 'download'
                : link.host != location.host && 'outbound';
        if (name) enqueue(name, { link: link.href });
    };

    let submitted = ({ target }) => {
        let name = (element) => element.getAttribute('name') || element.id;
        if (target.dataset.crumbEvent) tagged(target);
        enqueue('submit', { form: name(target), fields: [...new Set([...target.elements].map(name))] + '' });
    };

    // ---- commands ---------------------------------------------------------------------------------

    // Answers what the collector says afterwards: the browser may have refused the cookie.
    let ask = async (done, change) => {
        if (change) await request(change);
        return (await request('optout/status', { method: 'GET' })).json().then(done);
    };

    let commands = {
        event: (...given) => {
            pv ? enqueue(...given) : waiting.push(given);
        },
        identify: (id) => {
            uid = id;
            if (id) enqueue('identify');
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
            return ask(done, 'optout');
        },
        optin: (done) => {
            silent = unwanted;
            return ask(done, 'optin');
        },
        status: (done) => ask(done),
    };
    let run = guarded((name, ...given) => commands[name](...given));

    // ---- start ------------------------------------------------------------------------------------

    let hidden = () => {
        if (!pv) return;
        forgetBanners();
        ping();
        focused = 0; // browsers say twice that a page goes, and not always in the same moment
        flush();
    };

    window.crumb = run;
    run.ready = 1;
    early?.q?.forEach((given) => run(...given));

    let handlers = {
        popstate: look,
        hashchange: look,
        focus: tick,
        blur: tick,
        scroll: settle,
        click: clicked,
        auxclick: clicked,
        submit: submitted,
        online: flush,
        pagehide: hidden,
        visibilitychange: () => {
            if (!visible()) return hidden();
            tick();
            look();
            settle();
        },
        pageshow: ({ persisted }) => {
            if (!persisted) return;
            pv = 0; // out of the back-forward cache: seen anew
            look();
        },
    };
    for (let type in handlers) addEventListener(type, guarded(handlers[type]), true);
    tick();
    look();
    setTimeout(guarded(observe), SETTLE_MS);
})(document);
