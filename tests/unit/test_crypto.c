/* test_crypto.c - against vectors that others published. */
#include <criterion/criterion.h>

#include "base/crypto.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(crypto, mac_is_siphash_2_4_with_128_bits)
{
    /* The first vectors of the reference implementation: key 00..0f, input 00..n-1. */
    static const char *const expected[] = { "a3817f04ba25a8e66df67214c7550293",
                                            "da87c1d86b99af44347659119b22fc45",
                                            "8177228da4a45dc7fca38bdef60affe4" };
    unsigned char key[CRYPTO_SUBKEY_BYTES], in[3] = { 0, 1, 2 }, mac[CRYPTO_MAC_BYTES];

    cr_assert_eq(crypto_init(NULL), 0);
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (size_t n = 0; n < COUNT(expected); n++) {
        char text[33] = "";
        struct buf b = buf_over(text, 32);

        crypto_mac(mac, in, n, key);
        crypto_add_hex(&b, mac, sizeof mac);
        cr_expect_str_eq(text, expected[n], "length %zu", n);
    }
}

Test(crypto, base64url_has_exactly_one_text_for_each_value)
{
    static const struct {
        const char *text;
        size_t n;
        bool good;
    } rows[] = {
        { "_-8", 2, true },
        { "_-8=", 2, false },
        { "_-9", 2, false }, /* stray bits */
        { "/+8", 2, false },
        { "_- 8", 2, false },
        { "_-", 2, false },
        { "_-8A", 2, false },
        { "AAAA", 3, true },
        { "AAA\n", 3, false },
        { "\xDF-8", 2, false },
        { "AA\xFF"
          "A",
          3, false },
        { "", 0, true },
    };

    cr_assert_eq(crypto_init(NULL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char out[4];

        cr_expect_eq(crypto_read_base64url(str_of(rows[i].text), out, rows[i].n), rows[i].good,
                     "row %zu", i);
    }
}

Test(crypto, text_forms_read_back)
{
    unsigned char in[36], out[36];
    char text[72];

    cr_assert_eq(crypto_init(NULL), 0);
    for (int round = 0; round < 1000; round++) {
        struct buf b = buf_over(text, sizeof text);

        crypto_random(in, sizeof in);
        crypto_add_base64url(&b, in, sizeof in);
        cr_assert_eq(b.n, 48);
        cr_assert(crypto_read_base64url(buf_str(&b), out, 36));
        cr_assert(crypto_read_base64url(buf_str(&b), out, sizeof out) &&
                  crypto_equal(in, out, sizeof in));
        buf_rewind(&b, 0);
        crypto_add_hex(&b, in, sizeof in);
        cr_assert(crypto_read_hex(buf_str(&b), out, sizeof out) &&
                  crypto_equal(in, out, sizeof in));
    }
}

Test(crypto, a_text_that_does_not_fit_is_refused_whole)
{
    char text[48];
    struct buf b = buf_over(text, 4);

    crypto_add_base64url(&b, "abcdef", 6);
    cr_expect(b.full);
    cr_expect_eq(b.n, 0);
}

Test(crypto, each_purpose_has_its_own_key)
{
    unsigned char master[CRYPTO_KEY_BYTES] = { 1 }, a[CRYPTO_SUBKEY_BYTES], b[CRYPTO_SUBKEY_BYTES];

    cr_assert_eq(crypto_init(NULL), 0);
    crypto_derive(a, master, "identity");
    crypto_derive(b, master, "mailsign");
    cr_expect_not(crypto_equal(a, b, sizeof a));
}
