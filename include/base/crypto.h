/*
 * crypto.h - random bytes, keyed checksums and their text forms; the only caller of libsodium.
 *
 * Thread: crypto_init once before any other; the rest from any thread.
 */
#ifndef CRUMB_BASE_CRYPTO_H
#define CRUMB_BASE_CRYPTO_H

#include "base/buf.h"
#include "base/err.h"

#define CRYPTO_KEY_BYTES    32 /* a master key, as kept in the key file */
#define CRYPTO_SUBKEY_BYTES 16 /* what one purpose uses */
#define CRYPTO_MAC_BYTES    16

int crypto_init(struct err *e);

void crypto_random(void *p, size_t n);

/*
 * A key for one purpose, from a master key: BLAKE2b as in libsodium's crypto_kdf. context is
 * exactly 8 bytes of text that names the purpose, so that no two uses ever share a key.
 */
void crypto_derive(unsigned char subkey[CRYPTO_SUBKEY_BYTES],
                   const unsigned char master[CRYPTO_KEY_BYTES], const char context[8]);

/* SipHash-2-4 with 128 bits of output: a keyed MAC for short inputs, about 30 ns. */
void crypto_mac(unsigned char mac[CRYPTO_MAC_BYTES], const void *p, size_t n,
                const unsigned char key[CRYPTO_SUBKEY_BYTES]);

/* Takes the same time wherever they differ. */
bool crypto_equal(const void *a, const void *b, size_t n);

/* Overwrites a secret in a way that the compiler keeps. */
void crypto_wipe(void *p, size_t n);

/* base64url without padding, RFC 4648 section 5. */
void crypto_add_base64url(struct buf *b, const void *p, size_t n);

/* Strict: exactly n bytes, no padding, no stray bits, no white space. */
bool crypto_read_base64url(struct str text, void *p, size_t n);

/* Lower-case hexadecimal, RFC 4648 section 8. Reading takes upper case too. */
void crypto_add_hex(struct buf *b, const void *p, size_t n);
bool crypto_read_hex(struct str text, void *p, size_t n);

#endif
