/*
 * test_deflate.c - both backends: what one writes the other reads, blocks stand alone, nothing is
 * believed that does not fit.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/store/deflate.h"

#define RAW 300000

static unsigned char raw[RAW], block[2 * RAW], back[RAW + INFLATE_SLACK_BYTES];

static const struct backend {
    enum deflate_backend which;
    const char *name;
} backends[] = {
#ifdef HAVE_ISAL
    { DEFLATE_ISAL, "ISA-L" },
#endif
    { DEFLATE_ZLIB, "zlib" },
    { DEFLATE_BEST, "the best" },
};

#define BACKENDS (sizeof backends / sizeof backends[0])

/* kind 0: text, 1: noise, 2: one byte */
static void fill(int kind)
{
    uint64_t x = 88172645463325252u;

    for (size_t i = 0; i < RAW; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        raw[i] = kind == 2 ? 'a' : kind == 1 ? (unsigned char)x : (unsigned char)"the hit "[x % 8];
    }
}

Test(deflate, each_backend_reads_what_each_wrote)
{
    static const size_t sizes[] = { 1, 2, 100, 65535, 65536, RAW };

    for (int kind = 0; kind < 3; kind++) {
        fill(kind);
        for (size_t w = 0; w < BACKENDS; w++) {
            struct deflate *writer = deflate_new(backends[w].which);

            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                size_t n = deflate_block(writer, raw, sizes[s], block);

                cr_expect(n > 4 && n <= deflate_bound(sizes[s]), "%s kind %d", backends[w].name,
                          kind);
                cr_expect(memcmp(block + n - 4, "\0\0\xFF\xFF", 4) == 0, "a full flush at the end");
                for (size_t r = 0; r < BACKENDS; r++) {
                    struct deflate *reader = deflate_new(backends[r].which);

                    cr_expect(inflate_block(reader, block, n, back, sizes[s]),
                              "%s written, %s read, %zu bytes of kind %d", backends[w].name,
                              backends[r].name, sizes[s], kind);
                    cr_expect(memcmp(back, raw, sizes[s]) == 0);
                    deflate_free(reader);
                }
            }
            deflate_free(writer);
        }
    }
}

Test(deflate, block_does_not_refer_to_the_one_before)
{
    fill(0);
    for (size_t w = 0; w < BACKENDS; w++) {
        struct deflate *writer = deflate_new(backends[w].which);
        struct deflate *reader = deflate_new(DEFLATE_ZLIB);
        size_t n;

        deflate_block(writer, raw, 50000, block);
        n = deflate_block(writer, raw, 50000, block);
        cr_expect(inflate_block(reader, block, n, back, 50000), "%s", backends[w].name);
        deflate_free(writer);
        deflate_free(reader);
    }
}

Test(deflate, wrong_size_or_cut_block_is_refused)
{
    fill(0);
    for (size_t w = 0; w < BACKENDS; w++) {
        struct deflate *d = deflate_new(backends[w].which);
        size_t n = deflate_block(d, raw, 1000, block);

        memcpy(block + n, "tail", INFLATE_TAIL_BYTES);
        cr_expect(!inflate_block(d, block, n, back, 999), "%s: less room than it gives",
                  backends[w].name);
        cr_expect(!inflate_block(d, block, n, back, 1001), "%s: more than it gives",
                  backends[w].name);
        cr_expect(!inflate_block(d, block, n / 2, back, 1000), "%s: cut", backends[w].name);
        cr_expect(inflate_block(d, block, n, back, 1000), "%s: usable afterwards",
                  backends[w].name);
        cr_expect(memcmp(block + n, "tail", INFLATE_TAIL_BYTES) == 0, "%s: put back",
                  backends[w].name);
        deflate_free(d);
    }
}

Test(deflate, flipped_bits_never_write_outside)
{
    fill(0);
    for (size_t w = 0; w < BACKENDS; w++) {
        struct deflate *d = deflate_new(backends[w].which);
        size_t n = deflate_block(d, raw, 1000, block);
        unsigned char *exact =
            malloc(1000 + INFLATE_SLACK_BYTES); /* its end is seen by the sanitizer */

        for (size_t bit = 0; bit < n * 8; bit++) {
            block[bit / 8] ^= (unsigned char)(1u << bit % 8);
            inflate_block(d, block, n, exact, 1000);
            block[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        cr_expect(inflate_block(d, block, n, exact, 1000));
        free(exact);
        deflate_free(d);
    }
}

Test(deflate, crc32_is_that_of_gzip_and_joins)
{
    uint32_t whole;

    cr_expect(crc32_add(0, "123456789", 9) == 0xCBF43926u);
    fill(0);
    whole = crc32_add(0, raw, RAW);
    cr_expect(crc32_add(crc32_add(0, raw, 77), raw + 77, RAW - 77) == whole);
    cr_expect(crc32_join(crc32_add(0, raw, 77), crc32_add(0, raw + 77, RAW - 77), RAW - 77) ==
              whole);
    cr_expect(crc32_join(0, whole, RAW) == whole, "nothing before it");
}

Test(deflate, crc32c_is_that_of_rfc_3720_in_both_forms)
{
    unsigned char zeros[32] = { 0 };

    cr_expect(crc32c_add(0, "123456789", 9) == 0xE3069283u);
    cr_expect(crc32c_add(0, zeros, 32) == 0x8A9136AAu);
    fill(1);
    for (size_t n = 0; n < 100; n++)
        cr_expect(crc32c_add(7, raw + n, n) == crc32c_add_portable(7, raw + n, n), "%zu bytes", n);
    cr_expect(crc32c_add(crc32c_add(0, "1234", 4), "56789", 5) == 0xE3069283u, "in pieces");
    for (size_t n = 0; n <= CRC32C_SHIFT_MAX; n = n * 5 / 4 + 1) {
        uint32_t before = crc32c_add(0, raw, 20), whole = crc32c_add(0, raw, 20 + n);

        cr_expect(crc32c_add(7, raw + 20, n) == (crc32c_shift(7 ^ before, n) ^ whole),
                  "the last %zu bytes", n);
    }
}
