/*
 * hash.c - XXH3 behind one name. See hash.h.
 */
#include "base/hash.h"

#include <xxhash.h>

uint64_t hash64(struct str s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.p, s.n, seed);
}
