/*
 * crypto.c - a thin layer over libsodium. See crypto.h for the contract.
 */
#include "base/crypto.h"

#include <sodium.h>

_Static_assert(CRYPTO_KEY_BYTES == crypto_kdf_KEYBYTES,
               "the key file holds crypto_kdf master keys");
_Static_assert(CRYPTO_SUBKEY_BYTES == crypto_shorthash_siphashx24_KEYBYTES, "subkeys key SipHash");
_Static_assert(CRYPTO_MAC_BYTES == crypto_shorthash_siphashx24_BYTES, "128 bits of MAC");

int crypto_init(struct err *e)
{
    if (sodium_init() < 0)
        return err_set(e, ERR_SYSTEM, "libsodium cannot start: no source of random bytes");
    return 0;
}

void crypto_random(void *p, size_t n)
{
    randombytes_buf(p, n);
}

void crypto_derive(unsigned char subkey[CRYPTO_SUBKEY_BYTES],
                   const unsigned char master[CRYPTO_KEY_BYTES], const char context[8])
{
    crypto_kdf_derive_from_key(subkey, CRYPTO_SUBKEY_BYTES, 1, context, master);
}

void crypto_mac(unsigned char mac[CRYPTO_MAC_BYTES], const void *p, size_t n,
                const unsigned char key[CRYPTO_SUBKEY_BYTES])
{
    crypto_shorthash_siphashx24(mac, p, n, key);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

void crypto_wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}

void crypto_add_base64url(struct buf *b, const void *p, size_t n)
{
    size_t encoded = (n * 4 + 2) / 3;

    /* sodium_bin2base64 writes a terminator, so it needs a byte more than stays. */
    if (b->full || b->cap - b->n < encoded + 1) {
        b->full = true;
        return;
    }
    sodium_bin2base64(b->p + b->n, encoded + 1, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    b->n += encoded;
}

bool crypto_read_base64url(struct str text, void *p, size_t n)
{
    size_t got;

    return text.n == (n * 4 + 2) / 3 &&
           sodium_base642bin(p, n, text.p, text.n, NULL, &got, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           got == n;
}

void crypto_add_hex(struct buf *b, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = p;

    for (size_t i = 0; i < n; i++) {
        buf_add_char(b, digits[bytes[i] >> 4]);
        buf_add_char(b, digits[bytes[i] & 15]);
    }
}

bool crypto_read_hex(struct str text, void *p, size_t n)
{
    size_t got;

    return text.n == 2 * n && sodium_hex2bin(p, n, text.p, text.n, NULL, &got, NULL) == 0 &&
           got == n;
}
