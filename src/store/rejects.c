/*
 * rejects.c - see rejects.h for the contract. Called by ep_events.c and, at the end of a turn, turn.c.
 *
 * What must be true: two files of bounded size for each worker, however much is refused; nothing is
 * reported, because nobody may wait for this or fail with it.
 */
#include "store/rejects.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"

#define TURN_BYTES (64u << 10)

struct rejects {
    char *dir, *path, *old_path;
    struct fs_file file;
    uint64_t size;
    struct buf lines;
    char memory[TURN_BYTES];
};

struct rejects *rejects_new(const char *data_dir, unsigned worker)
{
    struct rejects *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->file = FS_CLOSED;
    r->lines = buf_over(r->memory, sizeof r->memory);
    if (asprintf(&r->dir, "%s/rejected", data_dir) < 0)
        r->dir = NULL;
    if (asprintf(&r->path, "%s/rejected/%u.ndjson", data_dir, worker) < 0)
        r->path = NULL;
    if (asprintf(&r->old_path, "%s/rejected/%u.old.ndjson", data_dir, worker) < 0)
        r->old_path = NULL;
    if (r->dir != NULL && r->path != NULL && r->old_path != NULL)
        return r;
    rejects_free(r);
    return NULL;
}

char *rejects_reserve(struct rejects *r)
{
    return r->lines.cap - r->lines.n < REJECTS_LINE_BYTES ? NULL : r->lines.p + r->lines.n;
}

void rejects_accept(struct rejects *r, size_t n)
{
    r->lines.n += n;
}

/* What an earlier process left is continued. */
static bool open_file(struct rejects *r)
{
    struct stat st;

    if (fs_open(&r->file, r->path, FS_READ_WRITE, NULL) == 0 && fs_stat(&r->file, &st, NULL) == 0) {
        r->size = (uint64_t)st.st_size;
        return true;
    }
    fs_close(&r->file);
    r->size = 0;
    return fs_make_dirs(r->dir, NULL) == 0 && fs_open(&r->file, r->path, FS_CREATE_NEW, NULL) == 0;
}

static void roll(struct rejects *r)
{
    fs_close(&r->file);
    if (fs_rename(r->path, r->old_path, NULL) != 0)
        (void)fs_unlink(r->path, NULL);
}

void rejects_flush(struct rejects *r)
{
    struct iovec part = { r->lines.p, r->lines.n };
    size_t written;

    if (r->lines.n == 0)
        return;
    if (r->file.fd >= 0 && r->size + r->lines.n > REJECTS_FILE_BYTES)
        roll(r);
    if (r->file.fd >= 0 || open_file(r)) {
        if (fs_write_at(&r->file, &part, 1, r->size, &written, NULL) != 0)
            fs_close(&r->file);
        r->size += written;
    }
    buf_rewind(&r->lines, 0);
}

void rejects_free(struct rejects *r)
{
    if (r == NULL)
        return;
    if (r->path != NULL)
        rejects_flush(r);
    fs_close(&r->file);
    free(r->dir);
    free(r->path);
    free(r->old_path);
    free(r);
}
