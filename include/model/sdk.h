/*
 * sdk.h - hits of trackers that speak another protocol, as facts of ours.
 *
 * Two mapping tables in sdk.c say what becomes of each of their keys; a key that is in neither becomes a
 * param of the same name. Left out on purpose: identifiers of their own, addresses and clocks that the
 * client claims, secrets (what crumb keeps of those it finds out itself, or not at all).
 *
 * Sources: Snowplow, "Event parameters", docs.snowplow.io/docs/sources/trackers/snowplow-tracker-protocol;
 * Matomo, "Tracking HTTP API", developer.matomo.org/api-reference/tracking-api.
 * Thread: any.
 */
#ifndef CRUMB_MODEL_SDK_H
#define CRUMB_MODEL_SDK_H

#include "base/err.h"
#include "model/event.h"

enum sdk_protocol { SDK_SNOWPLOW, SDK_MATOMO };

/* Values that mean something only together with others. */
enum sdk_note {
    SDK_TYPE,       /* Snowplow: e */
    SDK_CREATED,    /* dtm */
    SDK_SENT,       /* stm */
    SDK_ACTION,     /* se_ac; Matomo: e_a */
    SDK_EVENT,      /* ue_pr */
    SDK_EVENT64,    /* ue_px */
    SDK_CONTEXT,    /* co */
    SDK_CONTEXT64,  /* cx */
    SDK_NUMBER,     /* Matomo: idsite */
    SDK_RECORD,     /* rec */
    SDK_HEARTBEAT,  /* ping */
    SDK_LINK,       /* link */
    SDK_DOWNLOAD,   /* download */
    SDK_SEARCH,     /* search */
    SDK_GOAL,       /* idgoal */
    SDK_ORDER,      /* ec_id */
    SDK_CART,       /* idgoal, when it is 0 */
    SDK_CONTENT,    /* c_n */
    SDK_INTERACTED, /* c_i */
    SDK_NOTES
};

/* One hit on its way. Everything borrows from the request and from memory. */
struct sdk_hit {
    enum sdk_protocol protocol;
    struct facts *facts;
    struct buf *memory;
    enum event_kind kind; /* from sdk_end on */
    struct str notes[SDK_NOTES];
};

void sdk_begin(struct sdk_hit *hit, enum sdk_protocol protocol, struct facts *facts,
               struct buf *memory);

/* The next key and its value; `hit` is a struct sdk_hit (facts_pairs and json_in_pairs call it). */
void sdk_take(void *hit, struct str key, struct str value);

/* Works out what kind of hit it was. False when it is none, and e has why. */
bool sdk_end(struct sdk_hit *hit, struct err *e);

#endif
