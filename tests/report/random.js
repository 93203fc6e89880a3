// random.js - what the makers of test data share: the same seed gives the same hits.
'use strict';

// mulberry32: small, and good enough to vary data.
module.exports = (seed) => {
    let state = seed >>> 0 || 1;
    const random = () => {
        state = (state + 0x6D2B79F5) >>> 0;
        let t = state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const int = (n) => Math.floor(random() * n);
    return { random, int, pick: (list) => list[int(list.length)] };
};
