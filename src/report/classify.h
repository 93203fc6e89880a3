/*
 * classify.h - what reports conclude from a user agent and a referrer, when they read; whether it is a
 * bot, model/bots.h says. Private to the report layer.
 *
 * Nothing of it is stored, so that a better list changes yesterday's report too. The lists are data
 * files that can be replaced; the loaded ones are read by all threads, the caches belong to one.
 */
#ifndef CRUMB_SRC_REPORT_CLASSIFY_H
#define CRUMB_SRC_REPORT_CLASSIFY_H

#include "base/err.h"
#include "base/str.h"

/* ---- browsers, systems, devices: uap-core's regexes.yaml ------------------------------------------ */

struct agents;
struct agents_memory;

/* What is not known is "Other", versions are absent. Borrowed from the memory until the next call with it. */
struct agent {
    struct str browser, browser_version;
    struct str system, system_version;
    struct str device;
    struct str device_type; /* phone, tablet, desktop, tv or other */
};

struct agents *agents_load(const char *path, struct err *e);
void agents_free(struct agents *agents);
struct agents_memory *agents_memory_new(const struct agents *agents);
void agents_memory_free(struct agents_memory *memory);
void agents_find(struct agents *agents, struct agents_memory *memory, struct str ua,
                 struct agent *agent);

/* ---- referrers: referrers.tsv (medium, source, host) and the public suffix list ------------------- */

struct referrers;
struct referrers_cache;

struct referrer {
    struct str medium; /* direct, internal, search, social, ... referral */
    struct str
        source; /* "Google", or the registrable domain of ref_host; absent for direct and internal */
};

struct referrers *referrers_load(const char *path, struct err *e);
void referrers_free(struct referrers *referrers);
const char *referrers_domains_version(void); /* of the public suffix list */
struct referrers_cache *referrers_cache_new(void);
void referrers_cache_free(struct referrers_cache *cache);

/* Any of the texts may be absent. The answer borrows from ref, ref_host and the lists. */
struct referrer referrers_find(const struct referrers *referrers, struct referrers_cache *cache,
                               struct str host, struct str ref, struct str ref_host);

#endif
