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

/*
 * base64url is our own: libsodium's encoder wants room for a terminator, and its decoder takes bytes above
 * 0x7F for letters and 200 ns for a cookie that every hit brings.
 */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a letter plus one; 0 for every other byte. */
#define V(c, value) [(unsigned char)(c)] = (value) + 1
static const unsigned char letter_values[256] = {
    V('A', 0),  V('B', 1),  V('C', 2),  V('D', 3),  V('E', 4),  V('F', 5),  V('G', 6),  V('H', 7),
    V('I', 8),  V('J', 9),  V('K', 10), V('L', 11), V('M', 12), V('N', 13), V('O', 14), V('P', 15),
    V('Q', 16), V('R', 17), V('S', 18), V('T', 19), V('U', 20), V('V', 21), V('W', 22), V('X', 23),
    V('Y', 24), V('Z', 25), V('a', 26), V('b', 27), V('c', 28), V('d', 29), V('e', 30), V('f', 31),
    V('g', 32), V('h', 33), V('i', 34), V('j', 35), V('k', 36), V('l', 37), V('m', 38), V('n', 39),
    V('o', 40), V('p', 41), V('q', 42), V('r', 43), V('s', 44), V('t', 45), V('u', 46), V('v', 47),
    V('w', 48), V('x', 49), V('y', 50), V('z', 51), V('0', 52), V('1', 53), V('2', 54), V('3', 55),
    V('4', 56), V('5', 57), V('6', 58), V('7', 59), V('8', 60), V('9', 61), V('-', 62), V('_', 63),
};
#undef V

static size_t base64url_bytes(size_t n)
{
    return (n * 4 + 2) / 3;
}

void crypto_add_base64url(struct buf *b, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint32_t bits = 0;
    unsigned have = 0;

    if (!buf_room(b, base64url_bytes(n)))
        return;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            b->p[b->n++] = alphabet[bits >> (have - 6) & 63];
    }
    if (have > 0)
        b->p[b->n++] = alphabet[bits << (6 - have) & 63];
}

bool crypto_read_base64url(struct str text, void *p, size_t n)
{
    unsigned char *bytes = p;
    uint32_t bits = 0;
    unsigned have = 0, bad = 0;
    size_t at = 0;

    if (text.n != base64url_bytes(n))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned value = letter_values[(unsigned char)text.p[i]];

        bad |= value == 0;
        bits = bits << 6 | ((value - 1) & 63);
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[at++] = (unsigned char)(bits >> have);
        }
    }
    return bad == 0 && (bits & ((1u << have) - 1)) == 0; /* the bits that no byte has are zero */
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
