/* identity: a cookie is believed if we made it, with a key that we still have, not too long ago. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/date.h"
#include "model/identity.h"
#include "support/tmp_dir.h"

#define NOW  (20000ll * DATE_DAY_MS + 12345678)
#define KEY1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY2 "101112131415161718191a1b1c1d1e1f101112131415161718191a1b1c1d1e1f"
#define KEY3 "202122232425262728292a2b2c2d2e2f202122232425262728292a2b2c2d2e2f"

static struct tmp_dir folder;
static char path[TMP_PATH_BYTES];

static void setup(void)
{
    struct err e;

    cr_assert_eq(crypto_init(&e), 0);
    folder = tmp_dir_make();
    tmp_dir_path(&folder, path, "keys");
}

static void teardown(void)
{
    tmp_dir_remove(&folder);
}

TestSuite(identity, .init = setup, .fini = teardown, .timeout = 60);

static void write_keys(const char *text, mode_t mode)
{
    tmp_dir_write(&folder, "keys", text);
    cr_assert_eq(chmod(path, mode), 0);
}

static struct key_ring *ring_of(const char *text)
{
    struct err e = { 0 };
    struct key_ring *ring;

    write_keys(text, 0600);
    ring = key_ring_load(path, &e);
    cr_assert_not_null(ring, "%s", e.text);
    return ring;
}

static struct str cookie_of(const struct identity *id)
{
    return str_from(id->cookie, sizeof id->cookie);
}

static bool reads(const struct key_ring *ring, struct str cookie, int64_t now_ms)
{
    struct identity id;

    return identity_read(ring, cookie, now_ms, &id);
}

Test(identity, what_was_made_is_read)
{
    struct key_ring *ring = ring_of("7 " KEY1 "\n");
    struct identity made, read;

    identity_make(ring, NOW, &made);
    cr_expect(made.is_new);
    cr_assert(identity_read(ring, cookie_of(&made), NOW, &read));
    cr_expect_not(read.is_new);
    cr_expect_arr_eq(made.vid, read.vid, sizeof made.vid);
    cr_expect_arr_eq(made.cookie, read.cookie, sizeof made.cookie);
    key_ring_free(ring);
}

Test(identity, two_are_never_the_same)
{
    struct key_ring *ring = ring_of("1 " KEY1 "\n");
    struct identity a, b;

    identity_make(ring, NOW, &a);
    identity_make(ring, NOW, &b);
    cr_expect_arr_neq(a.vid, b.vid, sizeof a.vid);
    key_ring_free(ring);
}

/* The layout that is drawn in identity.h, so that cookies outlive releases. */
Test(identity, layout_is_as_drawn)
{
    struct key_ring *ring = ring_of("9 " KEY1 "\n");
    unsigned char token[36], subkey[CRYPTO_SUBKEY_BYTES], master[CRYPTO_KEY_BYTES], mac[16];
    char vid[23];
    struct buf b = buf_over(vid, sizeof vid);
    struct identity id;

    identity_make(ring, NOW, &id);
    cr_assert(crypto_read_base64url(cookie_of(&id), token, sizeof token));
    cr_expect_eq(token[0], 1);
    cr_expect_eq(token[1], 9);
    cr_expect_eq(token[2] | token[3] << 8, 20000);
    crypto_add_base64url(&b, token + 4, 16);
    cr_expect_arr_eq(vid, id.vid, sizeof id.vid);
    cr_assert(crypto_read_hex(STR(KEY1), master, sizeof master));
    crypto_derive(subkey, master, "crumb_id");
    crypto_mac(mac, token, 20, subkey);
    cr_expect_arr_eq(mac, token + 20, 16);
    key_ring_free(ring);
}

Test(identity, every_flipped_bit_makes_it_absent)
{
    struct key_ring *ring = ring_of("1 " KEY1 "\n255 " KEY2 "\n");
    unsigned char token[36];
    struct identity id;

    identity_make(ring, NOW, &id);
    cr_assert(crypto_read_base64url(cookie_of(&id), token, sizeof token));
    for (unsigned bit = 0; bit < sizeof token * 8; bit++) {
        char text[IDENTITY_COOKIE_BYTES + 1];
        struct buf b = buf_over(text, sizeof text);

        token[bit / 8] ^= (unsigned char)(1 << bit % 8);
        crypto_add_base64url(&b, token, sizeof token);
        cr_assert_eq(b.n, IDENTITY_COOKIE_BYTES);
        cr_expect_not(reads(ring, buf_str(&b), NOW), "bit %u", bit);
        token[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    key_ring_free(ring);
}

Test(identity, every_other_text_is_absent)
{
    struct key_ring *ring = ring_of("1 " KEY1 "\n");
    char text[IDENTITY_COOKIE_BYTES + 2];
    struct identity id;

    identity_make(ring, NOW, &id);
    for (unsigned i = 0; i < IDENTITY_COOKIE_BYTES; i++) {
        for (int c = 0; c < 256; c++) {
            memcpy(text, id.cookie, IDENTITY_COOKIE_BYTES);
            if (text[i] == (char)c)
                continue;
            text[i] = (char)c;
            cr_expect_not(reads(ring, str_from(text, IDENTITY_COOKIE_BYTES), NOW), "byte %d at %u",
                          c, i);
        }
        cr_expect_not(reads(ring, str_from(id.cookie, i), NOW), "first %u bytes", i);
    }
    memcpy(text, id.cookie, IDENTITY_COOKIE_BYTES);
    memcpy(text + IDENTITY_COOKIE_BYTES, "==", 2);
    cr_expect_not(reads(ring, str_from(text, IDENTITY_COOKIE_BYTES + 2), NOW));
    cr_expect_not(reads(ring, STR_ABSENT, NOW));
    cr_expect_not(reads(ring, STR(""), NOW));
    key_ring_free(ring);
}

Test(identity, lifetime_is_strict_to_the_day)
{
    struct key_ring *ring = ring_of("1 " KEY1 "\n");
    const int64_t midnight = 20000ll * DATE_DAY_MS;
    struct identity id;
    static const struct {
        int64_t days, ms;
        bool valid;
    } rows[] = {
        { 0, 0, true },
        { IDENTITY_LIFETIME_DAYS - 1, DATE_DAY_MS - 1, true },
        { IDENTITY_LIFETIME_DAYS, 0, false },
        { 4000, 0, false },
        { -1, 0, true }, /* our clock was ahead by less than a day */
        { -2, DATE_DAY_MS - 1, false },
        { -2000, 0, false },
    };

    identity_make(ring, midnight + DATE_DAY_MS - 1, &id);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(
            reads(ring, cookie_of(&id), midnight + rows[i].days * DATE_DAY_MS + rows[i].ms),
            rows[i].valid, "after %lld days", (long long)rows[i].days);
    key_ring_free(ring);
}

Test(identity, keys_are_rotated_without_losing_visitors)
{
    struct key_ring *first = ring_of("1 " KEY1 "\n");
    struct key_ring *both = ring_of("2 " KEY2 "\n1 " KEY1 "\n");
    struct key_ring *last = ring_of("2 " KEY2 "\n");
    struct identity old, new;

    identity_make(first, NOW, &old);
    identity_make(both, NOW, &new);
    cr_expect(reads(both, cookie_of(&old), NOW));
    cr_expect(reads(both, cookie_of(&new), NOW));
    cr_expect(reads(last, cookie_of(&new), NOW));
    cr_expect_not(reads(last, cookie_of(&old), NOW));
    cr_expect_not(reads(first, cookie_of(&new), NOW));
    key_ring_free(first);
    key_ring_free(both);
    key_ring_free(last);
}

Test(identity, another_key_under_the_same_id_is_refused)
{
    struct key_ring *ours = ring_of("1 " KEY1 "\n");
    struct key_ring *theirs = ring_of("1 " KEY2 "\n");
    struct identity id;

    identity_make(theirs, NOW, &id);
    cr_expect_not(reads(ours, cookie_of(&id), NOW));
    key_ring_free(ours);
    key_ring_free(theirs);
}

Test(identity, key_file_is_made_secret_and_lasts)
{
    struct err e = { 0 };
    struct key_ring *first = key_ring_load(path, &e), *second;
    struct identity id;
    struct stat st;

    cr_assert_not_null(first, "%s", e.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    second = key_ring_load(path, &e);
    cr_assert_not_null(second, "%s", e.text);
    identity_make(first, NOW, &id);
    cr_expect(reads(second, cookie_of(&id), NOW));
    key_ring_free(first);
    key_ring_free(second);
}

Test(identity, only_the_key_file_is_left_in_the_folder)
{
    struct key_ring *ring = key_ring_load(path, NULL);
    DIR *dir = opendir(folder.path);
    struct dirent *entry;

    cr_assert_not_null(ring);
    while ((entry = readdir(dir)) != NULL)
        cr_expect(entry->d_name[0] == '.' || strcmp(entry->d_name, "keys") == 0, "%s",
                  entry->d_name);
    closedir(dir);
    key_ring_free(ring);
}

Test(identity, leftover_of_a_crash_does_not_stop_a_start)
{
    struct key_ring *ring;

    tmp_dir_write(&folder, "keys.tmp", "1 00");
    tmp_dir_write(&folder, "keys.lock", "");
    ring = key_ring_load(path, NULL);
    cr_expect_not_null(ring);
    key_ring_free(ring);
}

/* Each child starts as a server does and hands its cookie over; all must believe all. */
Test(identity, servers_that_start_at_once_agree)
{
    enum { CHILDREN = 8 };
    struct identity ids[CHILDREN];
    struct key_ring *ring;
    int pipes[2];

    cr_assert_eq(pipe(pipes), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            struct key_ring *mine = key_ring_load(path, NULL);
            struct identity id;

            if (mine == NULL)
                _exit(1);
            identity_make(mine, NOW, &id);
            _exit(write(pipes[1], &id, sizeof id) == (ssize_t)sizeof id ? 0 : 1);
        }
        cr_assert_gt(pid, 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;

        cr_assert_gt(wait(&status), 0);
        cr_assert_eq(status, 0);
        cr_assert_eq(read(pipes[0], &ids[i], sizeof ids[i]), (ssize_t)sizeof ids[i]);
    }
    ring = key_ring_load(path, NULL);
    cr_assert_not_null(ring);
    for (int i = 0; i < CHILDREN; i++)
        cr_expect(reads(ring, cookie_of(&ids[i]), NOW), "child %d had another key", i);
    key_ring_free(ring);
    close(pipes[0]);
    close(pipes[1]);
}

Test(identity, key_file_open_to_others_is_refused)
{
    static const mode_t modes[] = { 0644, 0640, 0660, 0604, 0620, 0602, 0777, 0610 };

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct err e = { 0 };

        write_keys("1 " KEY1 "\n", modes[i]);
        cr_expect_null(key_ring_load(path, &e), "mode %o", (unsigned)modes[i]);
        cr_expect_eq(e.code, ERR_DENIED);
        cr_expect(strstr(e.text, path) != NULL && strstr(e.text, "chmod 600"), "%s", e.text);
    }
    write_keys("1 " KEY1 "\n", 0400);
    struct key_ring *ring = key_ring_load(path, NULL);
    cr_expect_not_null(ring);
    key_ring_free(ring);
}

Test(identity, bad_key_files_are_refused_with_their_line)
{
    static const struct {
        const char *text, *where;
    } rows[] = {
        { "", "keys has no key" },
        { "# only a comment\n\n", "keys has no key" },
        { "garbage\n", "keys:1: " },
        { "# x\n1 " KEY1 "\nx " KEY2 "\n", "keys:3: " },
        { "0 " KEY1 "\n", "keys:1: " },
        { "256 " KEY1 "\n", "keys:1: " },
        { "-1 " KEY1 "\n", "keys:1: " },
        { "1 " KEY1 "00\n", "keys:1: " },
        { "1 0001\n", "keys:1: " },
        { "1" KEY1 "\n", "keys:1: " },
        { "1\n", "keys:1: " },
        { "1 " KEY1 " 2\n", "keys:1: " },
        { "1 " KEY1 "\n1 " KEY2 "\n", "keys:2: key id 1 is there twice" },
        { "1 " KEY1 "\n2 " KEY2 "\n3 " KEY3 "\n", "keys:3: more than 2 keys" },
        { "1 zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", "keys:1: " },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = { 0 };

        write_keys(rows[i].text, 0600);
        cr_expect_null(key_ring_load(path, &e), "row %zu", i);
        cr_expect_eq(e.code, ERR_INPUT);
        cr_expect(strstr(e.text, rows[i].where) != NULL, "row %zu: %s", i, e.text);
        cr_expect_null(strstr(e.text, "0405060708"), "the error shows a key: %s", e.text);
    }
}

Test(identity, key_file_forms_that_are_fine)
{
    static const char *const texts[] = {
        "1 " KEY1,
        "  1 " KEY1 "  \n",
        "# c\n\n255   " KEY1 "\n\t\n#\n",
        "1 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        key_ring_free(ring_of(texts[i]));
}

Test(identity, folder_that_is_missing_is_named)
{
    struct err e = { 0 };
    char missing[TMP_PATH_BYTES];

    tmp_dir_path(&folder, missing, "none/keys");
    cr_expect_null(key_ring_load(missing, &e));
    cr_expect(strstr(e.text, missing) != NULL, "%s", e.text);
    cr_expect_null(key_ring_load(folder.path, &e));
    cr_expect(strstr(e.text, folder.path) != NULL, "%s", e.text);
}
