/*
 * identity.h - the crumb_id cookie: 128 random bits that cannot be guessed, forged, or fixed from
 * outside.
 *
 *      byte  0       1         2..3              4..19        20..35
 *            version key id    issue day, LE     random id    MAC over bytes 0..19
 *
 * 36 bytes, 48 characters of base64url. The issue day counts from 1970-01-01 UTC. Valid means:
 * version 1; the key id is in the key ring; the MAC is right; the issue day is not after tomorrow
 * and less than IDENTITY_LIFETIME_DAYS ago. Anything else is as if no cookie had been sent. The
 * lifetime runs from the issue day and is never slid.
 */
#ifndef CRUMB_MODEL_IDENTITY_H
#define CRUMB_MODEL_IDENTITY_H

#include "base/buf.h"
#include "base/err.h"

#define IDENTITY_COOKIE_BYTES  48
#define IDENTITY_VID_BYTES     22
#define IDENTITY_LIFETIME_DAYS 395

struct key_ring;

struct identity {
    char vid[IDENTITY_VID_BYTES];       /* base64url of the random id: what the record holds */
    char cookie[IDENTITY_COOKIE_BYTES]; /* what the browser holds */
    bool is_new;
};

/*
 * Reads the key file, or makes one with one fresh key (mode 0600) if there is none. A line a key,
 * newest first: KEYID (1 to 255), a space, 64 hex digits; '#' starts a comment; at most two keys:
 * the first issues, both are accepted. ERR_DENIED when group or others may read the file.
 */
struct key_ring *key_ring_load(const char *path, struct err *e);
void key_ring_free(struct key_ring *ring);

/* The id in a cookie's value, if it is valid now. */
bool identity_read(const struct key_ring *ring, struct str cookie, int64_t now_ms,
                   struct identity *id);

void identity_make(const struct key_ring *ring, int64_t now_ms, struct identity *id);

/*
 * A site's own number for a visitor as what may be stored: a keyed hash, equal for equal numbers of
 * one site as long as the ring's first key stays. Nobody without the key can tell or try the number.
 */
#define IDENTITY_UID_BYTES 22
void identity_hash_uid(const struct key_ring *ring, struct str site, struct str number,
                       char uid[IDENTITY_UID_BYTES]);

#endif
