/*
 * fault_fs.c - faults below the file layer. See fault_fs.h for the contract.
 */
#include "support/fault_fs.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULT_CALLS];
static int hits[FAULT_CALLS];

void fault_fs_set(enum fault_call call, struct fault fault)
{
    pthread_mutex_lock(&mutex);
    faults[call] = fault;
    pthread_mutex_unlock(&mutex);
}

void fault_fs_clear(void)
{
    pthread_mutex_lock(&mutex);
    memset(faults, 0, sizeof faults);
    memset(hits, 0, sizeof hits);
    pthread_mutex_unlock(&mutex);
}

int fault_fs_hits(enum fault_call call)
{
    int n;

    pthread_mutex_lock(&mutex);
    n = hits[call];
    pthread_mutex_unlock(&mutex);
    return n;
}

/* 0, or the errno to fail with; *short_bytes > 0: write only so much, and no error. */
static int decide(enum fault_call call, const char *path, int *short_bytes)
{
    struct fault *fault = &faults[call];
    int error = 0;

    *short_bytes = 0;
    pthread_mutex_lock(&mutex);
    if (fault->times != 0 && (fault->path_has == NULL || strstr(path, fault->path_has) != NULL)) {
        if (fault->skip > 0) {
            fault->skip--;
        } else if (fault->short_bytes > 0) {
            *short_bytes = fault->short_bytes;
            fault->short_bytes = 0;
        } else {
            error = fault->error;
            hits[call]++;
            if (fault->times > 0)
                fault->times--;
        }
    }
    pthread_mutex_unlock(&mutex);
    return error;
}

static int decide_fd(enum fault_call call, int fd, int *short_bytes)
{
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    return decide(call, path, short_bytes);
}

/* A function pointer from dlsym, without a cast that ISO C does not have. */
#define REAL(type, name)                                                                           \
    union {                                                                                        \
        void *object;                                                                              \
        type function;                                                                             \
    } real = { dlsym(RTLD_NEXT, name) }

typedef ssize_t (*pwritev_fn)(int, const struct iovec *, int, off_t);
typedef int (*fd_fn)(int);
typedef int (*fallocate_fn)(int, off_t, off_t);
typedef int (*truncate_fn)(int, off_t);
typedef int (*rename_fn)(const char *, const char *);
typedef int (*unlink_fn)(const char *);
typedef DIR *(*list_fn)(const char *);

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    REAL(pwritev_fn, "pwritev");
    int short_bytes, error = decide_fd(FAULT_WRITE, fd, &short_bytes);

    if (short_bytes > 0) {
        struct iovec part = { iov[0].iov_base, (size_t)short_bytes };

        if (part.iov_len > iov[0].iov_len)
            part.iov_len = iov[0].iov_len;
        return real.function(fd, &part, 1, offset);
    }
    if (error != 0) {
        errno = error;
        return -1;
    }
    return real.function(fd, iov, count, offset);
}

static int sync_with(const char *name, int fd)
{
    REAL(fd_fn, name);
    int short_bytes, error = decide_fd(FAULT_SYNC, fd, &short_bytes);

    if (error != 0) {
        errno = error;
        return -1;
    }
    return real.function(fd);
}

int fdatasync(int fd)
{
    return sync_with("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_with("fsync", fd);
}

int posix_fallocate(int fd, off_t offset, off_t n)
{
    REAL(fallocate_fn, "posix_fallocate");
    int short_bytes, error = decide_fd(FAULT_RESERVE, fd, &short_bytes);

    return error != 0 ? error : real.function(fd, offset, n);
}

int ftruncate(int fd, off_t size)
{
    REAL(truncate_fn, "ftruncate");
    int short_bytes, error = decide_fd(FAULT_TRUNCATE, fd, &short_bytes);

    if (error != 0) {
        errno = error;
        return -1;
    }
    return real.function(fd, size);
}

int rename(const char *from, const char *to)
{
    REAL(rename_fn, "rename");
    int short_bytes, error = decide(FAULT_RENAME, to, &short_bytes);

    if (error != 0) {
        errno = error;
        return -1;
    }
    return real.function(from, to);
}

int unlink(const char *path)
{
    REAL(unlink_fn, "unlink");
    int short_bytes, error = decide(FAULT_UNLINK, path, &short_bytes);

    if (error != 0) {
        errno = error;
        return -1;
    }
    return real.function(path);
}

DIR *opendir(const char *path)
{
    REAL(list_fn, "opendir");
    int short_bytes, error = decide(FAULT_LIST, path, &short_bytes);

    if (error != 0) {
        errno = error;
        return NULL;
    }
    return real.function(path);
}
