/*
 * geo.h - from an address to country, region, city, position, time zone and network; the only user
 * of libmaxminddb.
 *
 * A set of .mmdb files in search order: for each field the first file that knows it wins. Both the
 * nested MaxMind schema (country.iso_code, city.names.en, location.latitude, ...) and the flat one
 * (country_code, city, latitude, asn, as_name ...) are read, from City, Country and ASN databases,
 * IPv4-only and IPv6-only ones too. A geo_set is immutable and may be read from any thread; a
 * geo_cache belongs to one thread.
 */
#ifndef CRUMB_MODEL_GEO_H
#define CRUMB_MODEL_GEO_H

#include "base/err.h"
#include "base/ip.h"
#include "base/str.h"

#define GEO_JSON_BYTES_MAX 1024
#define GEO_DATABASES_MAX  8

struct geo_set;
struct geo_cache;

/*
 * Opens the files, at most GEO_DATABASES_MAX; no paths at all is an empty set: no database is no error.
 *
 * Collection does not depend on any of them. For a file that is missing or broken, the database that
 * `old` has for the same path stays in use; without one (or without `old`, which may be NULL) the
 * set does without it until it can be read. `trouble` then says so of the first such file; its code is
 * ERR_NONE when all is well. NULL (and trouble) only for want of memory or for too many paths. A file
 * that has not changed since `old` looked at it is not read again.
 *
 * The set keeps copies in memory, so whatever happens to the files later cannot hurt it.
 */
struct geo_set *geo_open(char *const *paths, unsigned count, const struct geo_set *old,
                         struct err *trouble);
void geo_close(struct geo_set *set);

/*
 * Has any file appeared, or been replaced or overwritten, since geo_open looked at it (mtime, size or
 * inode)? A file that has gone is no change: the set goes on with what it has.
 */
bool geo_changed(const struct geo_set *set);

/* "GeoLite2-City 2026-11-20, GeoLite2-ASN 2026-11-20" for the log and /metrics, "none" for an empty
 * set; borrowed from the set. */
const char *geo_describe(const struct geo_set *set);

/* The encoded fields of recent entries, keyed by their place in the database. Bounded; NULL when
 * out of memory. */
struct geo_cache *geo_cache_new(void);
void geo_cache_free(struct geo_cache *cache);

/*
 * The fields as a piece of a JSON object without braces ("country":"DE","region":"BE",...), ready
 * for struct event; absent if nothing is known. Valid until the next call with this cache. A set
 * that differs from the last call's empties the cache.
 */
struct str geo_lookup(const struct geo_set *set, struct geo_cache *cache, const struct ip *ip);

#endif
