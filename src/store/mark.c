/*
 * mark.c - does the server that starts have to say that hits may be lost? See parts.h for the
 * contract.
 *
 * With durability: process, hits survive the process, not the machine. While such a server runs,
 * its lock holds a mark: which life of the machine this is (the kernel's boot id), and the roll
 * interval. A clean stop, which seals everything, removes it. So a mark that is found from another
 * life of the machine means that the machine stopped under a running server.
 */
#include <stdio.h>

#include "base/str.h"
#include "parts.h"

#define BOOT_ID_PATH  "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_BYTES 36
#define MARK_BYTES    64 /* the boot id, a space, seconds, a newline */

/* False where the kernel does not tell. */
static bool read_boot_id(char id[BOOT_ID_BYTES])
{
    struct fs_file file;
    size_t got = 0;

    if (fs_open(&file, BOOT_ID_PATH, FS_READ, NULL) != 0)
        return false;
    (void)fs_read_at(&file, id, BOOT_ID_BYTES, 0, &got, NULL);
    fs_close(&file);
    return got == BOOT_ID_BYTES;
}

static void tell_loss(const struct store *store, struct str mark)
{
    uint64_t seconds;

    str_cut(&mark, ' ');
    if (mark.p == NULL || !str_to_u64(str_cut(&mark, '\n'), UINT32_MAX, &seconds))
        return;
    store_say(store, true,
              "%s: the machine stopped under a crumbd with durability: process; hits acknowledged "
              "in the %llu s before that may be lost",
              store->data_dir, (unsigned long long)seconds);
}

static int write_mark(const struct store *store, const char *boot_id, struct err *e)
{
    char mark[MARK_BYTES];
    int64_t seconds = (store->options.roll_interval_ms + 999) / 1000;
    size_t written;
    struct iovec iov = { mark, 0 };

    iov.iov_len = (size_t)snprintf(mark, sizeof mark, "%.*s %lld\n", BOOT_ID_BYTES, boot_id,
                                   (long long)seconds);
    if (fs_write_at(&store->lock, &iov, 1, 0, &written, e) != 0)
        return -1;
    return fs_sync_data(&store->lock, e);
}

int mark_exchange(const struct store *store, struct err *e)
{
    char boot_id[BOOT_ID_BYTES], old[MARK_BYTES];
    size_t n = 0;

    if (!read_boot_id(boot_id))
        return 0;
    if (fs_read_at(&store->lock, old, sizeof old, 0, &n, e) != 0)
        return -1;
    if (n > BOOT_ID_BYTES && memcmp(old, boot_id, BOOT_ID_BYTES) != 0) {
        tell_loss(store, str_from(old, n));
        if (fs_truncate(&store->lock, 0, e) != 0)
            return -1;
    }
    return store->options.power ? 0 : write_mark(store, boot_id, e);
}

void mark_remove(const struct store *store)
{
    (void)fs_truncate(&store->lock, 0, NULL);
}
