/*
 * hash.h - 64-bit hashes for tables in memory, and for derived files; the only caller of xxHash.
 *
 * Not for anything secret, and stored only in what can be made again (rollups). A table whose keys come
 * from outside takes its seed from crypto_random.
 */
#ifndef CRUMB_BASE_HASH_H
#define CRUMB_BASE_HASH_H

#include "base/str.h"

uint64_t hash64(struct str s, uint64_t seed);

#endif
