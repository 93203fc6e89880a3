/*
 * fs.c - every file system call of the project. See fs.h for the contract.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FILE_MODE 0640
#define KEY_MODE  0600
#define DIR_MODE  0750

/*
 * A signal may interrupt a call, a few in a row perhaps. A file system that says EINTR for ever
 * (some network ones do) is one that fails: nobody may spin on it.
 */
#define INTERRUPTED_MAX 100

static bool again(int sys_errno, int *interrupted)
{
    return sys_errno == EINTR && ++*interrupted < INTERRUPTED_MAX;
}

static int open_retrying(const char *path, int flags, mode_t mode)
{
    int fd, interrupted = 0;

    do {
        fd = open(path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && again(errno, &interrupted));
    return fd;
}

int fs_open(struct fs_file *file, const char *path, enum fs_mode mode, struct err *e)
{
    static const int flags[] = {
        [FS_READ] = O_RDONLY,
        [FS_READ_WRITE] = O_RDWR,
        [FS_CREATE_NEW] = O_RDWR | O_CREAT | O_EXCL,
        [FS_CREATE_KEY] = O_RDWR | O_CREAT | O_EXCL,
        [FS_REPLACE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    struct stat st;

    file->name = path;
    /* O_NONBLOCK so that a FIFO in our folder cannot hang us before fstat tells what it is. */
    file->fd = open_retrying(path, flags[mode] | O_NOFOLLOW | O_NONBLOCK,
                             mode == FS_CREATE_KEY ? KEY_MODE : FILE_MODE);
    if (file->fd < 0) {
        if (errno == ELOOP)
            return err_set(e, ERR_INPUT, "%s is a symbolic link, which is not followed here", path);
        return err_sys(e, "cannot open %s", path);
    }
    if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        fs_close(file);
        return err_set(e, ERR_INPUT, "%s is not a regular file", path);
    }
    return 0;
}

void fs_close(struct fs_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

int fs_stat(const struct fs_file *file, struct stat *st, struct err *e)
{
    if (fstat(file->fd, st) != 0)
        return err_sys(e, "cannot read the size of %s", file->name);
    return 0;
}

int fs_stat_path(const char *path, struct stat *st, struct err *e)
{
    if (stat(path, st) != 0)
        return err_sys(e, "cannot look at %s", path);
    return 0;
}

int fs_open_dir(struct fs_file *dir, const char *path, struct err *e)
{
    int fd;

    *dir = FS_CLOSED;
    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return err_sys(e, "cannot open %s", path);
    *dir = (struct fs_file){ fd, path };
    return 0;
}

int fs_stat_in(const struct fs_file *dir, const char *name, struct stat *st, struct err *e)
{
    if (fstatat(dir->fd, name, st, 0) != 0)
        return err_sys(e, "cannot look at %s/%s", dir->name, name);
    return 0;
}

bool fs_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

int fs_read_at(const struct fs_file *file, void *p, size_t n, uint64_t offset, size_t *got,
               struct err *e)
{
    char *to = p;
    int interrupted = 0;

    *got = 0;
    while (*got < n) {
        ssize_t r = pread(file->fd, to + *got, n - *got, (off_t)(offset + *got));

        if (r < 0 && again(errno, &interrupted))
            continue;
        if (r < 0)
            return err_sys(e, "cannot read %s@%llu", file->name,
                           (unsigned long long)(offset + *got));
        if (r == 0)
            break;
        *got += (size_t)r;
    }
    return 0;
}

/* Drops the first n bytes from the parts. */
static void advance(struct iovec **iov, int *count, size_t n)
{
    while (*count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        (*count)--;
    }
    if (*count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

int fs_write_at(const struct fs_file *file, struct iovec *iov, int count, uint64_t offset,
                size_t *written, struct err *e)
{
    int interrupted = 0;

    *written = 0;
    advance(&iov, &count, 0);
    while (count > 0) {
        ssize_t w = pwritev(file->fd, iov, count, (off_t)(offset + *written));

        if (w < 0 && again(errno, &interrupted))
            continue;
        if (w == 0)
            errno = EIO; /* a regular file never takes nothing; do not spin if one does */
        if (w <= 0)
            return err_sys(e, "cannot write %s@%llu", file->name,
                           (unsigned long long)(offset + *written));
        *written += (size_t)w;
        advance(&iov, &count, (size_t)w);
    }
    return 0;
}

int fs_sync_data(const struct fs_file *file, struct err *e)
{
    int r, interrupted = 0;

    do {
        r = fdatasync(file->fd);
    } while (r != 0 && again(errno, &interrupted));
    if (r != 0)
        return err_sys(e, "cannot sync %s", file->name);
    return 0;
}

int fs_sync_dir(const char *path, struct err *e)
{
    int fd = open_retrying(path, O_RDONLY | O_DIRECTORY, 0);
    int r, interrupted = 0;

    if (fd < 0)
        return err_sys(e, "cannot open %s", path);
    do {
        r = fsync(fd);
    } while (r != 0 && again(errno, &interrupted));
    if (r != 0) {
        err_sys(e, "cannot sync %s", path);
        close(fd);
        return -1;
    }
    close(fd);
    return 0;
}

int fs_reserve(const struct fs_file *file, uint64_t offset, uint64_t n, struct err *e)
{
    int r, interrupted = 0;

    do {
        r = posix_fallocate(file->fd, (off_t)offset, (off_t)n); /* returns the error */
    } while (r != 0 && again(r, &interrupted));
    if (r != 0) {
        errno = r;
        return err_sys(e, "cannot reserve %llu bytes for %s", (unsigned long long)n, file->name);
    }
    return 0;
}

int fs_truncate(const struct fs_file *file, uint64_t size, struct err *e)
{
    int r, interrupted = 0;

    do {
        r = ftruncate(file->fd, (off_t)size);
    } while (r != 0 && again(errno, &interrupted));
    if (r != 0)
        return err_sys(e, "cannot cut %s to %llu bytes", file->name, (unsigned long long)size);
    return 0;
}

void fs_will_read_in_order(const struct fs_file *file)
{
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

void fs_done_reading(const struct fs_file *file, uint64_t offset, uint64_t n)
{
    (void)posix_fadvise(file->fd, (off_t)offset, (off_t)n, POSIX_FADV_DONTNEED);
}

int fs_rename(const char *from, const char *to, struct err *e)
{
    if (rename(from, to) != 0)
        return err_sys(e, "cannot rename %s to %s", from, to);
    return 0;
}

int fs_unlink(const char *path, struct err *e)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return err_sys(e, "cannot remove %s", path);
    return 0;
}

static int make_dir(const char *path, struct err *e)
{
    struct stat st;

    if (mkdir(path, DIR_MODE) == 0)
        return 0;
    if (errno == EEXIST) {
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            return 0;
        return err_set(e, ERR_INPUT, "%s is not a folder", path);
    }
    return err_sys(e, "cannot make the folder %s", path);
}

int fs_make_dirs(const char *path, struct err *e)
{
    char *copy = strdup(path);
    int result = 0;

    if (copy == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (char *slash = strchr(copy + 1, '/'); slash != NULL && result == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        result = make_dir(copy, e);
        *slash = '/';
    }
    if (result == 0)
        result = make_dir(copy, e);
    free(copy);
    return result;
}

int fs_check_dir(const char *path, struct err *e)
{
    if (access(path, R_OK | W_OK | X_OK) != 0)
        return err_sys(e, "cannot write in the folder %s", path);
    return 0;
}

int fs_remove_dir(const char *path, struct err *e)
{
    if (rmdir(path) != 0 && errno != ENOENT)
        return err_sys(e, "cannot remove the folder %s", path);
    return 0;
}

int fs_map(const struct fs_file *file, const void **p, size_t *n, struct err *e)
{
    struct stat st;
    void *mapped;

    *p = NULL;
    *n = 0;
    if (fs_stat(file, &st, e) != 0)
        return -1;
    if (st.st_size == 0)
        return 0;
    mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (mapped == MAP_FAILED)
        return err_sys(e, "cannot map %s", file->name);
    *p = mapped;
    *n = (size_t)st.st_size;
    return 0;
}

void fs_unmap(const void *p, size_t n)
{
    if (p != NULL)
        munmap((void *)(uintptr_t)p, n);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_add(struct fs_list *list, size_t *room, const char *name)
{
    if (list->count == *room) {
        size_t more = *room == 0 ? 64 : *room * 2;
        char **grown = realloc(list->names, more * sizeof *grown);

        if (grown == NULL)
            return -1;
        list->names = grown;
        *room = more;
    }
    list->names[list->count] = strdup(name);
    if (list->names[list->count] == NULL)
        return -1;
    list->count++;
    return 0;
}

int fs_list(const char *path, struct fs_list *list, struct err *e)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    size_t room = 0;

    *list = (struct fs_list){ NULL, 0 };
    if (dir == NULL)
        return err_sys(e, "cannot list %s", path);
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (list_add(list, &room, entry->d_name) != 0)
            break;
        errno = 0;
    }
    if (entry != NULL || errno != 0) {
        if (entry != NULL)
            err_set(e, ERR_MEMORY, "out of memory while listing %s", path);
        else
            err_sys(e, "cannot list %s", path);
        closedir(dir);
        fs_list_free(list);
        return -1;
    }
    closedir(dir);
    if (list->count > 1)
        qsort(list->names, list->count, sizeof *list->names, compare_names);
    return 0;
}

void fs_list_free(struct fs_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct fs_list){ NULL, 0 };
}

/*
 * Open-file-description locks (Linux, POSIX 2024): unlike flock they can be asked about without
 * being taken, so a reader that looks whether a server lives can never make a starting server
 * believe that it is too late.
 */
int fs_lock(struct fs_file *lock, const char *path, struct err *e)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    lock->name = path;
    lock->fd = open_retrying(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
    if (lock->fd < 0)
        return err_sys(e, "cannot open the lock %s", path);
    if (fcntl(lock->fd, F_OFD_SETLK, &whole) != 0) {
        if (errno == EAGAIN || errno == EACCES)
            err_set(e, ERR_BUSY, "%s is held by another process", path);
        else
            err_sys(e, "cannot lock %s", path);
        fs_close(lock);
        return -1;
    }
    return 0;
}

int fs_lock_dir(struct fs_file *lock, const char *path, struct err *e)
{
    lock->name = path;
    lock->fd = open_retrying(path, O_RDONLY | O_DIRECTORY, 0);
    if (lock->fd < 0)
        return err_sys(e, "cannot open %s", path);
    if (flock(lock->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    fs_close(lock);
    return err_set(e, ERR_BUSY, "%s is held by another process", path);
}

bool fs_is_locked(const char *path)
{
    int fd = open_retrying(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
    bool held;

    if (fd < 0)
        return false;
    held = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    close(fd);
    return held;
}

int fs_read_all(const char *path, size_t max_bytes, char **text, size_t *n, struct err *e)
{
    /* Follows links: the operator names this file. */
    int fd = open_retrying(path, O_RDONLY | O_NONBLOCK, 0);
    struct fs_file file = { fd, path };
    struct stat st;

    *text = NULL;
    *n = 0;
    if (fd < 0)
        return err_sys(e, "cannot open %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        fs_close(&file);
        return err_set(e, ERR_INPUT, "%s is not a regular file", path);
    }
    if ((uint64_t)st.st_size > max_bytes) {
        fs_close(&file);
        return err_set(e, ERR_INPUT, "%s is larger than %zu bytes", path, max_bytes);
    }
    *text = malloc((size_t)st.st_size + 1);
    if (*text == NULL) {
        fs_close(&file);
        return err_set(e, ERR_MEMORY, "out of memory while reading %s", path);
    }
    if (fs_read_at(&file, *text, (size_t)st.st_size, 0, n, e) != 0) {
        free(*text);
        *text = NULL;
        fs_close(&file);
        return -1;
    }
    (*text)[*n] = '\0';
    fs_close(&file);
    return 0;
}

int fs_free_bytes(const char *path, uint64_t *bytes, struct err *e)
{
    struct statvfs st;

    if (statvfs(path, &st) != 0)
        return err_sys(e, "cannot ask for the free space of %s", path);
    *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}
