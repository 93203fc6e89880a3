/*
 * pool.h - blocks of one size, at most so many: the bounded memory of connections.
 *
 * Blocks come from malloc as they are needed; of those given back, a few are kept for the next.
 * What a block holds is undefined. Thread: the one that owns the pool.
 */
#ifndef CRUMB_SERVER_POOL_H
#define CRUMB_SERVER_POOL_H

#include <stddef.h>

struct pool {
    size_t block_bytes;
    size_t max;    /* in use at once */
    size_t keep;   /* unused ones that are not returned to malloc */
    size_t in_use; /* a gauge */
    size_t unused;
    void *first_unused; /* each starts with a pointer to the next */
};

/* block_bytes is at least a pointer's. */
void pool_init(struct pool *pool, size_t block_bytes, size_t max, size_t keep);

/* NULL when max blocks are in use, or when there is no memory. */
void *pool_take(struct pool *pool);

/* Takes NULL. */
void pool_give(struct pool *pool, void *block);

/* Every block must have been given back. */
void pool_destroy(struct pool *pool);

#endif
