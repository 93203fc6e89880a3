/*
 * test_pool.c - the bound holds, and what is given back is used again.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "server/pool.h"

Test(pool, never_more_than_its_maximum)
{
    struct pool pool;
    void *blocks[3];

    pool_init(&pool, 64, 3, 2);
    for (size_t i = 0; i < 3; i++) {
        blocks[i] = pool_take(&pool);
        cr_assert(blocks[i] != NULL);
        memset(blocks[i], 0xAA, 64);
    }
    cr_expect(pool_take(&pool) == NULL);
    cr_expect(pool.in_use == 3);
    for (size_t i = 0; i < 3; i++)
        pool_give(&pool, blocks[i]);
    cr_expect(pool.in_use == 0);
    cr_expect(pool.unused == 2, "keeps what it was told to keep");
    pool_destroy(&pool);
}

Test(pool, a_block_given_back_is_taken_again)
{
    struct pool pool;
    void *first, *second;

    pool_init(&pool, sizeof(void *), 2, 2);
    first = pool_take(&pool);
    second = pool_take(&pool);
    pool_give(&pool, first);
    cr_expect(pool_take(&pool) == first);
    pool_give(&pool, NULL);
    pool_give(&pool, second);
    pool_give(&pool, first);
    cr_expect(pool_take(&pool) == first);
    cr_expect(pool_take(&pool) == second);
    pool_give(&pool, first);
    pool_give(&pool, second);
    pool_destroy(&pool);
}
