/*
 * pool.c - a bounded free list. See pool.h for the contract.
 */
#include "server/pool.h"

#include <stdlib.h>
#include <string.h>

void pool_init(struct pool *pool, size_t block_bytes, size_t max, size_t keep)
{
    *pool = (struct pool){ .block_bytes = block_bytes, .max = max, .keep = keep };
}

/* The link is copied in and out: a block has no type of its own. */
static void *pop(struct pool *pool)
{
    void *block = pool->first_unused;

    memcpy(&pool->first_unused, block, sizeof pool->first_unused);
    pool->unused--;
    return block;
}

void *pool_take(struct pool *pool)
{
    void *block;

    if (pool->in_use == pool->max)
        return NULL;
    block = pool->unused > 0 ? pop(pool) : malloc(pool->block_bytes);
    if (block != NULL)
        pool->in_use++;
    return block;
}

void pool_give(struct pool *pool, void *block)
{
    if (block == NULL)
        return;
    pool->in_use--;
    if (pool->unused == pool->keep) {
        free(block);
        return;
    }
    memcpy(block, &pool->first_unused, sizeof pool->first_unused);
    pool->first_unused = block;
    pool->unused++;
}

void pool_destroy(struct pool *pool)
{
    while (pool->unused > 0)
        free(pop(pool));
}
