/*
 * test_tally.c - counting by key: exact, however it was split over threads and spilled.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "../../src/report/tally.h"
#include "base/crypto.h"

#define KEYS 500

struct total {
    uint64_t hits, visitors, groups;
    uint64_t hits_of[KEYS], visitors_of[KEYS];
    unsigned seen[KEYS];
};

static void add_up(void *arg, const struct tally_group *group)
{
    struct total *total = arg;
    unsigned key = (unsigned)atoi(group->key.p + 1);

    total->groups++;
    total->hits += group->count[0];
    total->visitors += group->visitors;
    total->hits_of[key] += group->count[0];
    total->visitors_of[key] += group->visitors;
    total->seen[key]++;
}

/* The same with the sets, which must be those that were counted. */
static void add_up_sets(void *arg, const struct tally_group *group, const uint64_t *visitors)
{
    add_up(arg, group);
    for (uint64_t i = 0; i < group->visitors; i++) {
        cr_assert(visitors[i] >= 1 && visitors[i] <= 97);
        cr_assert(i == 0 || visitors[i] > visitors[i - 1]);
    }
}

/* The same 20,000 hits, given to `count` tallies in turn; each is spilled after `spill` of them. */
static struct total count_with(unsigned count, unsigned spill, bool sets)
{
    struct tally *tallies[4];
    struct total total = { 0 };
    struct err e = { 0 };
    uint32_t state = 7;

    crypto_init(&e);
    for (unsigned i = 0; i < count; i++)
        tallies[i] = tally_new();
    for (unsigned i = 0; i < 20000; i++) {
        char key[16];
        struct tally *tally = tallies[i % count];
        struct str text = str_from(key, 0);

        state = state * 1664525 + 1013904223;
        text.n = (size_t)snprintf(key, sizeof key, "k%u.", state >> 16 & 0xFF);
        tally_add(tally, text, tally_hash(text), (uint64_t[]){ 1, 0, 0 }, 1 + (state >> 8) % 97);
        if (spill != 0 && i % spill == 0)
            tally_spill(tally);
    }
    if (sets)
        cr_assert_eq(tally_merge_sets(tallies, count, add_up_sets, &total, &e), 0, "%s", e.text);
    else
        cr_assert_eq(tally_merge(tallies, count, add_up, &total, &e), 0, "%s", e.text);
    for (unsigned i = 0; i < count; i++)
        tally_free(tallies[i]);
    return total;
}

Test(tally, split_and_spilled_it_counts_the_same)
{
    static const struct {
        unsigned count, spill;
    } rows[] = { { 2, 0 }, { 4, 0 }, { 1, 700 }, { 3, 100 }, { 4, 6000 } };
    struct total once = count_with(1, 0, false);

    cr_expect_eq(once.hits, 20000);
    cr_expect_eq(once.groups, 256);
    cr_expect_gt(once.visitors, 256 * 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct total split = count_with(rows[i].count, rows[i].spill, false);
        struct total sets = count_with(rows[i].count, rows[i].spill, true);

        cr_expect(memcmp(&once, &split, sizeof once) == 0, "%u tallies, spilled after %u",
                  rows[i].count, rows[i].spill);
        cr_expect(memcmp(&once, &sets, sizeof once) == 0, "sets of %u tallies, spilled after %u",
                  rows[i].count, rows[i].spill);
    }
}

Test(tally, spilling_gives_memory_back)
{
    struct tally *tally;
    struct err e = { 0 };
    size_t before;

    crypto_init(&e);
    tally = tally_new();
    before = tally_bytes(tally);
    for (unsigned i = 0; i < 5000; i++) {
        struct str key = str_from((const char *)&i, sizeof i);

        tally_add(tally, key, tally_hash(key), (uint64_t[]){ 1, 0, 0 }, i + 1);
    }
    cr_expect_gt(tally_bytes(tally), before + 5000 * 16);
    tally_spill(tally);
    cr_expect_eq(tally_bytes(tally), before);
    tally_free(tally);
}

Test(tally, a_folder_that_is_not_there_fails_the_merge_with_its_name)
{
    struct tally *tally;
    struct total total = { 0 };
    struct err e = { 0 };

    crypto_init(&e);
    tally = tally_new();
    setenv("TMPDIR", "/nowhere", 1);
    tally_add(tally, STR("k1"), tally_hash(STR("k1")), (uint64_t[]){ 1, 0, 0 }, 1);
    tally_spill(tally);
    cr_expect_eq(tally_merge(&tally, 1, add_up, &total, &e), -1);
    cr_expect_eq(e.code, ERR_MISSING);
    cr_expect_not_null(strstr(e.text, "/nowhere/"));
    tally_free(tally);
}

/* All pairs of a group that has nearly all visitors do not come at once when spilled ones are merged. */
Test(tally, one_group_with_all_visitors_is_counted_in_parts)
{
    struct tally *tallies[2];
    struct total total = { 0 };
    struct err e = { 0 };

    crypto_init(&e);
    tallies[0] = tally_new();
    tallies[1] = tally_new();
    for (uint64_t i = 0; i < 400000; i++) {
        struct str key = i % 1000 == 0 ? STR("k1.") : STR("k0.");
        uint64_t visitor = tally_hash(str_from((const char *)&(uint64_t){ i / 2 }, 8));

        tally_add(tallies[i % 2], key, tally_hash(key), (uint64_t[]){ 1, 0, 0 }, visitor);
        if (i % 50000 < 2)
            tally_spill(tallies[i % 2]);
    }
    cr_assert_eq(tally_merge(tallies, 2, add_up, &total, &e), 0, "%s", e.text);
    cr_expect_eq(total.groups, 2);
    cr_expect_eq(total.hits_of[0], 400000 - 400);
    cr_expect_eq(total.visitors_of[0], 200000);
    cr_expect_eq(total.hits_of[1], 400);
    cr_expect_eq(total.visitors_of[1], 400);
    tally_free(tallies[0]);
    tally_free(tallies[1]);
}
