/*
 * event.h - one hit: the facts a browser or mail reader sent, and what we know beside them.
 *
 * Everything is borrowed: a struct event lives for one request and points into the request, into
 * the fact buffer and into snapshots. model/codec.h turns it into the stored line, crumb-hits(5)
 * documents the fields.
 */
#ifndef CRUMB_MODEL_EVENT_H
#define CRUMB_MODEL_EVENT_H

#include "base/buf.h"
#include "base/ip.h"
#include "base/str.h"

#define EVENT_PARAMS_MAX 32

enum event_kind { EVENT_VIEW, EVENT_EVENT, EVENT_OPEN, EVENT_CLICK, EVENT_PING };

struct event_param {
    struct str key;
    struct str value;
};

/* What came from outside, decoded but otherwise as it was sent. Absent is STR_ABSENT. */
struct facts {
    struct str site;
    struct str name; /* query key e: the event's name; absent or "view" is a page view */
    struct str url;
    struct str ref;
    struct str title;
    struct str lang;
    struct str pv;
    struct str uid; /* the site's own number for the visitor: never stored, only a hash of it */
    int32_t sw, sh; /* CSS pixels; -1 when absent or not a number from 0 to 100,000 */
    struct event_param params[EVENT_PARAMS_MAX];
    unsigned params_count;
    unsigned params_dropped; /* beyond the limit; told in the metrics, never silent */
};

struct event {
    int64_t ts_ms; /* server time, UTC */
    struct str instance;
    unsigned worker;
    uint64_t seq;
    enum event_kind kind;
    struct facts facts;
    struct str vid; /* 22 characters, or absent */
    bool vid_new;
    struct str uid; /* the hash of facts.uid, or absent */
    struct ip ip;   /* as it may be stored: already masked, or family 0 */
    struct str geo; /* a piece of encoded JSON from geo_lookup: "country":"DE",... without braces;
                       or absent */
    struct str ua;
    bool gpc;
    bool prefetch;
};

/* The largest line that codec_add_line can write; spool space is reserved with it. */
#define EVENT_LINE_BYTES_MAX 16384

#endif
