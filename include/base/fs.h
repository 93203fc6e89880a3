/*
 * fs.h - the only caller of open, read, write, sync, rename, unlink, truncate, mmap and their like
 * on files.
 *
 * One seam for everything that touches the disk: tests link another fs.c (or inject faults below
 * it) and see each call. All calls retry EINTR. Paths are plain terminated strings; directories are
 * named without a trailing slash. On failure the err's sentence names the path, so functions that
 * take only a descriptor also take the name to show. Thread: any. Files are opened with O_CLOEXEC.
 */
#ifndef CRUMB_BASE_FS_H
#define CRUMB_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"

struct fs_file {
    int fd;           /* -1 when closed */
    const char *name; /* borrowed; for error sentences only */
};

#define FS_CLOSED ((struct fs_file){ -1, NULL })

enum fs_mode {
    FS_READ,       /* must exist */
    FS_READ_WRITE, /* must exist */
    FS_CREATE_NEW, /* read and write; must not exist (O_EXCL), mode 0640 */
    FS_CREATE_KEY, /* the same with mode 0600 */
    FS_REPLACE,    /* read and write; emptied if it exists, mode 0640 */
};

/* Never follows a symbolic link at the last component; only regular files are opened (FIFOs,
 * devices: ERR_INPUT). */
int fs_open(struct fs_file *file, const char *path, enum fs_mode mode, struct err *e);

/* Takes a closed file as well; leaves it closed. A failing close is not an error: what must last
 * was synced. */
void fs_close(struct fs_file *file);

int fs_stat(const struct fs_file *file, struct stat *st, struct err *e);
int fs_stat_path(const char *path, struct stat *st, struct err *e); /* follows links */

/* A folder of which many files are looked at: that is cheaper by name than by path. Close it with fs_close. */
int fs_open_dir(struct fs_file *dir, const char *path, struct err *e);
int fs_stat_in(const struct fs_file *dir, const char *name, struct stat *st, struct err *e);
bool fs_exists(const char *path); /* any kind of file, links not followed */

/* Reads up to n bytes at offset; *got < n only at the end of the file. */
int fs_read_at(const struct fs_file *file, void *p, size_t n, uint64_t offset, size_t *got,
               struct err *e);

/*
 * Writes all parts one behind the other from offset; continues after short writes. On failure
 * *written says how many bytes went out before (they may or may not be in the file after a crash).
 * The iov array is used up.
 */
int fs_write_at(const struct fs_file *file, struct iovec *iov, int count, uint64_t offset,
                size_t *written, struct err *e);

int fs_sync_data(const struct fs_file *file,
                 struct err *e);                  /* fdatasync; never retry a failed one */
int fs_sync_dir(const char *path, struct err *e); /* makes renames and creations in it last */

/* Allocates [offset, offset + n) so that later writes there cannot meet a full disk; the file
 * grows. */
int fs_reserve(const struct fs_file *file, uint64_t offset, uint64_t n, struct err *e);
int fs_truncate(const struct fs_file *file, uint64_t size, struct err *e);

/* Advice to the page cache; never fails. */
void fs_will_read_in_order(const struct fs_file *file);
void fs_done_reading(const struct fs_file *file, uint64_t offset, uint64_t n);

int fs_rename(const char *from, const char *to, struct err *e); /* replaces `to` */
int fs_unlink(const char *path, struct err *e);                 /* a missing file is fine */
int fs_make_dirs(const char *path, struct err *e);              /* and its parents, mode 0750 */
int fs_check_dir(const char *path, struct err *e);              /* may we list and write in it? */
int fs_remove_dir(const char *path, struct err *e);             /* only if empty */

/* Maps the whole file for reading; an empty file gives NULL and 0. Changes under our feet are the
 * caller's risk. */
int fs_map(const struct fs_file *file, const void **p, size_t *n, struct err *e);
void fs_unmap(const void *p, size_t n);

/* The names in a directory, sorted by bytes, without "." and "..". Free with fs_list_free, which
 * takes an empty list too. */
struct fs_list {
    char **names;
    size_t count;
};
int fs_list(const char *path, struct fs_list *list, struct err *e);
void fs_list_free(struct fs_list *list);

/* Holds an exclusive lock on path (created if missing) as long as *lock is open. ERR_BUSY if
 * somebody else does. */
int fs_lock(struct fs_file *lock, const char *path, struct err *e);

/*
 * The same on a folder, where nobody can remove what is locked. A file system that has no such locks
 * gives none, and that is no error.
 */
int fs_lock_dir(struct fs_file *lock, const char *path, struct err *e);

/* Does somebody hold that lock? False also if there is no such file. Takes no lock itself that
 * outlives the call. */
bool fs_is_locked(const char *path);

/* A whole small file, at most max_bytes; *text is from malloc and terminated. */
int fs_read_all(const char *path, size_t max_bytes, char **text, size_t *n, struct err *e);

int fs_free_bytes(const char *path, uint64_t *bytes,
                  struct err *e); /* what an ordinary user may still use */

#endif
