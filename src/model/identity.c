/*
 * identity.c - issues and checks the identifier cookie, and keeps the keys for it. See identity.h.
 *
 * Called by collect.c for every hit with such a cookie and by main at start and reload. Always
 * true: a cookie is believed only if its MAC was made with a key of the ring, compared in constant
 * time before anything else of it is looked at; what is believed has exactly one text form. Master
 * keys are wiped from memory as soon as the subkey is derived; no error sentence shows any of a
 * key.
 */
#include "model/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/crypto.h"
#include "base/date.h"
#include "base/fs.h"

#define VERSION            1
#define KEYS_MAX           2
#define KEY_FILE_BYTES_MAX 65536
#define UID_CONTEXT        "crumbuid"
#define MAC_CONTEXT        "crumb_id" /* exactly 8 bytes; changing it makes every cookie invalid */

#define RANDOM_BYTES 16

#define UID_NUMBER_BYTES_MAX 256
#define SIGNED_BYTES         (4 + RANDOM_BYTES)

struct key {
    unsigned char id;
    unsigned char mac_key[CRYPTO_SUBKEY_BYTES];
    unsigned char uid_key[CRYPTO_SUBKEY_BYTES];
};

struct key_ring {
    unsigned count;
    struct key keys[KEYS_MAX]; /* the first issues */
};

struct token {
    unsigned char version;
    unsigned char key_id;
    unsigned char day[2]; /* little-endian */
    unsigned char random[RANDOM_BYTES];
    unsigned char mac[CRYPTO_MAC_BYTES];
};

_Static_assert(sizeof(struct token) == 36, "the drawing in identity.h");
_Static_assert(sizeof(struct token) / 3 * 4 == IDENTITY_COOKIE_BYTES, "no stray bits in the text");

/* ---- the key file ---------------------------------------------------------------------------- */

static const char key_file_comment[] =
    "# crumb: the keys that sign the identifier cookies. Keep this file secret (mode 0600) and\n"
    "# backed up: without it every visitor looks new.\n"
    "#\n"
    "# A line a key, newest first: KEYID (1 to 255), a space, 64 hexadecimal digits. The first "
    "key\n"
    "# signs new cookies, both are accepted. To change keys: put a line with another KEYID and "
    "the\n"
    "# output of `openssl rand -hex 32` on top, keep the old line under it for 395 days (the life "
    "of\n"
    "# a cookie), and send crumbd a SIGHUP.\n";

static bool ring_has(const struct key_ring *ring, uint64_t id)
{
    for (unsigned i = 0; i < ring->count; i++) {
        if (ring->keys[i].id == id)
            return true;
    }
    return false;
}

static int parse_line(struct key_ring *ring, struct str line, const char *path, unsigned number,
                      struct err *e)
{
    unsigned char master[CRYPTO_KEY_BYTES];
    struct str hex = line;
    struct str id_text = str_cut(&hex, ' ');
    uint64_t id = 0;
    struct key *key;

    if (!str_to_u64(id_text, 255, &id) || id == 0 || hex.p == NULL ||
        !crypto_read_hex(str_trim(hex), master, sizeof master))
        return err_set(e, ERR_INPUT,
                       "%s:%u: a line is KEYID (1 to 255), a space and 64 hexadecimal digits", path,
                       number);
    if (ring_has(ring, id) || ring->count == KEYS_MAX) {
        crypto_wipe(master, sizeof master);
        if (ring_has(ring, id))
            return err_set(e, ERR_INPUT, "%s:%u: key id %u is there twice", path, number,
                           (unsigned)id);
        return err_set(e, ERR_INPUT, "%s:%u: more than %d keys; the oldest has to go", path, number,
                       KEYS_MAX);
    }
    key = &ring->keys[ring->count++];
    key->id = (unsigned char)id;
    crypto_derive(key->mac_key, master, MAC_CONTEXT);
    crypto_derive(key->uid_key, master, UID_CONTEXT);
    crypto_wipe(master, sizeof master);
    return 0;
}

static int parse_file(struct key_ring *ring, struct str text, const char *path, struct err *e)
{
    unsigned number = 0;
    struct str line;

    while ((line = str_cut(&text, '\n')).p != NULL) {
        number++;
        line = str_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (parse_line(ring, line, path, number, e) != 0)
            return -1;
    }
    if (ring->count == 0)
        return err_set(e, ERR_INPUT, "%s has no key in it", path);
    return 0;
}

static struct key_ring *read_file(const char *path, struct err *e)
{
    struct key_ring *ring;
    struct stat st;
    char *text;
    size_t n;

    if (fs_stat_path(path, &st, e) != 0)
        return NULL;
    if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
        err_set(e, ERR_DENIED,
                "%s may be used by others (mode %04o), which would let them forge identifiers; "
                "chmod 600 it",
                path, (unsigned)(st.st_mode & 07777));
        return NULL;
    }
    if (fs_read_all(path, KEY_FILE_BYTES_MAX, &text, &n, e) != 0)
        return NULL;
    ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        err_set(e, ERR_MEMORY, "out of memory while reading %s", path);
    } else if (parse_file(ring, str_from(text, n), path, e) != 0) {
        key_ring_free(ring);
        ring = NULL;
    }
    crypto_wipe(text, n);
    free(text);
    return ring;
}

/* ---- the first start ------------------------------------------------------------------------- */

/* Written and synced under another name, then made visible: a crash leaves no half of a key. */
static int write_fresh(const char *path, const char *temporary, struct err *e)
{
    unsigned char master[CRYPTO_KEY_BYTES];
    char text[sizeof key_file_comment + 2 * sizeof master + 8];
    struct buf b = buf_over(text, sizeof text);
    struct fs_file file;
    struct iovec part;
    size_t written;
    int result;

    crypto_random(master, sizeof master);
    buf_add_str(&b, str_of(key_file_comment));
    buf_add_lit(&b, "1 ");
    crypto_add_hex(&b, master, sizeof master);
    buf_add_char(&b, '\n');
    part = (struct iovec){ text, b.n };

    result = fs_unlink(temporary, e);
    if (result == 0)
        result = fs_open(&file, temporary, FS_CREATE_KEY, e);
    if (result == 0) {
        result = fs_write_at(&file, &part, 1, 0, &written, e);
        if (result == 0)
            result = fs_sync_data(&file, e);
        fs_close(&file);
        if (result == 0)
            result = fs_rename(temporary, path, e);
        if (result != 0)
            (void)fs_unlink(temporary, NULL);
    }
    crypto_wipe(master, sizeof master);
    crypto_wipe(text, sizeof text);
    return result;
}

static int sync_folder_of(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int result;

    if (slash == NULL)
        return fs_sync_dir(".", e);
    folder = str_dup(str_from(path, slash == path ? 1 : (size_t)(slash - path)));
    if (folder == NULL)
        return err_set(e, ERR_MEMORY, "out of memory while making %s", path);
    result = fs_sync_dir(folder, e);
    free(folder);
    return result;
}

/* Waits for another process that is making the same key file: a matter of milliseconds. */
static int lock_patiently(struct fs_file *lock, const char *path, const char *keys, struct err *e)
{
    static const struct timespec pause = { 0, 10000000 };
    struct err busy;

    for (int i = 0; i < 500; i++) {
        if (fs_lock(lock, path, &busy) == 0)
            return 0;
        if (busy.code != ERR_BUSY) {
            errno = busy.sys_errno;
            return err_sys(e, "cannot make the key file %s", keys);
        }
        (void)nanosleep(&pause, NULL);
    }
    return err_set(e, busy.code, "%s", busy.text);
}

/*
 * Two servers that start at once must end with the same key: who has the lock looks again whether
 * the file is there. The lock's file is removed only when the key file is, so nobody can make a
 * second lock and find no key.
 */
static int make_file(const char *path, struct err *e)
{
    char *lock_path = NULL, *temporary = NULL;
    struct fs_file lock = FS_CLOSED;
    int result = -1;

    if (asprintf(&lock_path, "%s.lock", path) < 0)
        lock_path = NULL;
    if (asprintf(&temporary, "%s.tmp", path) < 0)
        temporary = NULL;
    if (lock_path == NULL || temporary == NULL) {
        err_set(e, ERR_MEMORY, "out of memory while making %s", path);
    } else if (lock_patiently(&lock, lock_path, path, e) == 0) {
        result = fs_exists(path) ? 0 : write_fresh(path, temporary, e);
        if (result == 0)
            result = sync_folder_of(path, e);
        if (result == 0)
            (void)fs_unlink(lock_path, NULL);
        fs_close(&lock);
    }
    free(lock_path);
    free(temporary);
    return result;
}

struct key_ring *key_ring_load(const char *path, struct err *e)
{
    if (!fs_exists(path) && make_file(path, e) != 0)
        return NULL;
    return read_file(path, e);
}

void key_ring_free(struct key_ring *ring)
{
    if (ring == NULL)
        return;
    crypto_wipe(ring, sizeof *ring);
    free(ring);
}

/* ---- cookies --------------------------------------------------------------------------------- */

static int64_t day_of(int64_t wall_ms)
{
    return wall_ms / DATE_DAY_MS;
}

static void sign(unsigned char mac[CRYPTO_MAC_BYTES], const struct token *token,
                 const struct key *key)
{
    crypto_mac(mac, token, SIGNED_BYTES, key->mac_key);
}

static const struct key *find_key(const struct key_ring *ring, unsigned char id)
{
    for (unsigned i = 0; i < ring->count; i++) {
        if (ring->keys[i].id == id)
            return &ring->keys[i];
    }
    return NULL;
}

static void encode(char *out, size_t out_bytes, const void *p, size_t n)
{
    struct buf b = buf_over(out, out_bytes);

    crypto_add_base64url(&b, p, n);
}

bool identity_read(const struct key_ring *ring, struct str cookie, int64_t now_ms,
                   struct identity *id)
{
    unsigned char mac[CRYPTO_MAC_BYTES];
    const struct key *key;
    struct token token;
    int64_t age_days;

    if (!crypto_read_base64url(cookie, &token, sizeof token))
        return false;
    key = find_key(ring, token.key_id);
    if (key == NULL)
        return false;
    sign(mac, &token, key);
    if (!crypto_equal(mac, token.mac, sizeof mac) || token.version != VERSION)
        return false;
    age_days = day_of(now_ms) - (token.day[0] | token.day[1] << 8);
    if (age_days < -1 || age_days >= IDENTITY_LIFETIME_DAYS)
        return false;
    encode(id->vid, sizeof id->vid, token.random, sizeof token.random);
    memcpy(id->cookie, cookie.p, sizeof id->cookie);
    id->is_new = false;
    return true;
}

void identity_make(const struct key_ring *ring, int64_t now_ms, struct identity *id)
{
    int64_t day = day_of(now_ms);
    struct token token = {
        .version = VERSION,
        .key_id = ring->keys[0].id,
        .day = { (unsigned char)(day & 0xFF), (unsigned char)(day >> 8 & 0xFF) },
    };

    crypto_random(token.random, sizeof token.random);
    sign(token.mac, &token, &ring->keys[0]);
    encode(id->vid, sizeof id->vid, token.random, sizeof token.random);
    encode(id->cookie, sizeof id->cookie, &token, sizeof token);
    id->is_new = true;
}

/* ---- numbers of the site's own -----------------------------------------------------------------
 */

void identity_hash_uid(const struct key_ring *ring, struct str site, struct str number,
                       char uid[IDENTITY_UID_BYTES])
{
    unsigned char both[64 + 1 + UID_NUMBER_BYTES_MAX], mac[CRYPTO_MAC_BYTES];
    struct buf b = buf_over(both, sizeof both);

    if (site.n > 64)
        site.n = 64;
    if (number.n > UID_NUMBER_BYTES_MAX)
        number.n = UID_NUMBER_BYTES_MAX;
    buf_add_str(&b, site);
    buf_add_char(&b, '\0');
    buf_add_str(&b, number);
    crypto_mac(mac, both, b.n, ring->keys[0].uid_key);
    encode(uid, IDENTITY_UID_BYTES, mac, sizeof mac);
    crypto_wipe(both, sizeof both);
}
