/*
 * shim.c - shim.so: libc's file calls with faults and a recording. See shim.h for the contract.
 *
 * Environment: CRUMB_SHIM the shared file, CRUMB_SHIM_DIR the folder whose files count,
 * CRUMB_SHIM_BOOT_ID a file to read in place of the kernel's boot id. Calls are
 * made with one lock held, so that the order of entries is the order in which things were done; but
 * not syncs, which take long and may overlap with anything.
 */
#include "crash/shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define EXPORT       __attribute__((visibility("default")))

static struct shim *shim;
static char root[PATH_MAX];
static size_t root_bytes;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* A function pointer from dlsym, without a cast that ISO C does not have. */
#define REAL(type, name)                                                                           \
    union {                                                                                        \
        void *object;                                                                              \
        type function;                                                                             \
    } real = { dlsym(RTLD_NEXT, name) }

typedef int (*open_fn)(const char *, int, ...);
typedef ssize_t (*pwritev_fn)(int, const struct iovec *, int, off_t);
typedef int (*fd_fn)(int);
typedef int (*reserve_fn)(int, off_t, off_t);
typedef int (*truncate_fn)(int, off_t);
typedef int (*rename_fn)(const char *, const char *);
typedef int (*unlink_fn)(const char *);
typedef DIR *(*opendir_fn)(const char *);
typedef int (*mkdir_fn)(const char *, mode_t);

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("CRUMB_SHIM"), *dir = getenv("CRUMB_SHIM_DIR");
    REAL(open_fn, "open");
    struct stat st;
    void *mapped;
    int fd;

    if (path == NULL || dir == NULL || (fd = real.function(path, O_RDWR | O_CLOEXEC)) < 0)
        return;
    mapped = fstat(fd, &st) != 0
                 ? MAP_FAILED
                 : mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        return;
    snprintf(root, sizeof root, "%s", dir);
    root_bytes = strlen(root);
    shim = mapped;
    shim_enter(shim, (struct shim_entry){ .kind = SHIM_DID_START }, "", 0);
}

static bool ours(const char *path)
{
    return shim != NULL && strncmp(path, root, root_bytes) == 0 &&
           (path[root_bytes] == '/' || path[root_bytes] == '\0');
}

static bool fd_is_ours(int fd)
{
    char link[64], path[PATH_MAX];
    ssize_t n;

    if (shim == NULL)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    return ours(path);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Counts a call; what is to be done with it. */
static enum shim_action decide(enum shim_call call)
{
    uint32_t n = atomic_fetch_add(&shim->count[call], 1) + 1;
    enum shim_action action = (enum shim_action)atomic_load(&shim->action);

    if (action == SHIM_PASS || shim->call != (uint32_t)call || n < shim->nth ||
        (shim->times > 0 && n >= shim->nth + shim->times))
        return SHIM_PASS;
    atomic_fetch_add(&shim->faults, 1);
    if (action == SHIM_KILL_BEFORE)
        die();
    if (action == SHIM_FAIL)
        errno = shim->error;
    return action;
}

static void lock(void)
{
    pthread_mutex_lock(&mutex);
}

/* The call is over. */
static void unlock(enum shim_action action)
{
    int saved = errno;

    if (action == SHIM_KILL_AFTER || action == SHIM_KILL_HALF)
        die();
    pthread_mutex_unlock(&mutex);
    errno = saved;
}

static void enter(enum shim_entry_kind kind, int fd, int flags, uint64_t offset, uint32_t length,
                  const void *data, uint32_t bytes)
{
    struct shim_entry entry = {
        .kind = kind, .fd = fd, .flags = flags, .offset = offset, .length = length
    };

    shim_enter(shim, entry, data, bytes);
}

EXPORT int open(const char *path, int flags, ...)
{
    REAL(open_fn, "open");
    enum shim_action action;
    va_list args;
    mode_t mode;
    int fd;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (strcmp(path, BOOT_ID_PATH) == 0 && getenv("CRUMB_SHIM_BOOT_ID") != NULL)
        return real.function(getenv("CRUMB_SHIM_BOOT_ID"), flags, mode);
    if (!ours(path))
        return real.function(path, flags, mode);
    lock();
    action = decide(SHIM_OPEN);
    fd = action == SHIM_FAIL ? -1 : real.function(path, flags, mode);
    if (fd >= 0)
        enter(SHIM_DID_OPEN, fd, flags, 0, 0, path, (uint32_t)strlen(path) + 1);
    unlock(action);
    return fd;
}

/* The first n bytes of the parts, at most. */
static size_t gather(const struct iovec *iov, int count, char *to, size_t n)
{
    size_t used = 0;

    for (int i = 0; i < count && used < n; i++) {
        size_t part = iov[i].iov_len < n - used ? iov[i].iov_len : n - used;

        memcpy(to + used, iov[i].iov_base, part);
        used += part;
    }
    return used;
}

EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    REAL(pwritev_fn, "pwritev");
    enum shim_action action;
    size_t n = 0;
    ssize_t written = -1;
    char *bytes;

    if (!fd_is_ours(fd))
        return real.function(fd, iov, count, offset);
    for (int i = 0; i < count; i++)
        n += iov[i].iov_len;
    lock();
    action = decide(SHIM_WRITE);
    if (action == SHIM_KILL_HALF || action == SHIM_SHORT)
        n = (n + 1) / 2;
    bytes = malloc(n);
    if (action != SHIM_FAIL && bytes != NULL) {
        struct iovec all = { bytes, gather(iov, count, bytes, n) };

        written = real.function(fd, &all, 1, offset);
        if (written > 0)
            enter(SHIM_DID_WRITE, fd, 0, (uint64_t)offset, (uint32_t)written, bytes,
                  (uint32_t)written);
    }
    free(bytes);
    unlock(action);
    return written;
}

static int sync_with(const char *name, int fd)
{
    REAL(fd_fn, name);
    enum shim_action action;
    uint32_t begins;
    int result;

    if (!fd_is_ours(fd))
        return real.function(fd);
    begins = atomic_load(&shim->entries);
    enter(SHIM_SYNC_BEGINS, fd, 0, 0, 0, "", 0);
    action = decide(SHIM_SYNC);
    result = action == SHIM_FAIL ? -1 : real.function(fd);
    if (action == SHIM_KILL_AFTER)
        die();
    if (result == 0)
        enter(SHIM_SYNC_ENDS, fd, 0, begins, 0, "", 0);
    return result;
}

EXPORT int fdatasync(int fd)
{
    return sync_with("fdatasync", fd);
}

EXPORT int fsync(int fd)
{
    return sync_with("fsync", fd);
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t n)
{
    REAL(reserve_fn, "posix_fallocate");
    enum shim_action action;
    int error;

    if (!fd_is_ours(fd))
        return real.function(fd, offset, n);
    lock();
    action = decide(SHIM_RESERVE);
    error = action == SHIM_FAIL ? shim->error : real.function(fd, offset, n);
    if (error == 0)
        enter(SHIM_DID_RESERVE, fd, 0, (uint64_t)offset, (uint32_t)n, "", 0);
    unlock(action);
    return error;
}

EXPORT int ftruncate(int fd, off_t size)
{
    REAL(truncate_fn, "ftruncate");
    enum shim_action action;
    int result;

    if (!fd_is_ours(fd))
        return real.function(fd, size);
    lock();
    action = decide(SHIM_TRUNCATE);
    result = action == SHIM_FAIL ? -1 : real.function(fd, size);
    if (result == 0)
        enter(SHIM_DID_TRUNCATE, fd, 0, (uint64_t)size, 0, "", 0);
    unlock(action);
    return result;
}

EXPORT int rename(const char *from, const char *to)
{
    REAL(rename_fn, "rename");
    char both[2 * PATH_MAX];
    enum shim_action action;
    int result, n;

    if (!ours(from))
        return real.function(from, to);
    lock();
    action = decide(SHIM_RENAME);
    result = action == SHIM_FAIL ? -1 : real.function(from, to);
    n = snprintf(both, sizeof both, "%s%c%s", from, '\0', to);
    if (result == 0)
        enter(SHIM_DID_RENAME, -1, 0, 0, 0, both, (uint32_t)n + 1);
    unlock(action);
    return result;
}

EXPORT int unlink(const char *path)
{
    REAL(unlink_fn, "unlink");
    enum shim_action action;
    int result;

    if (!ours(path))
        return real.function(path);
    lock();
    action = decide(SHIM_UNLINK);
    result = action == SHIM_FAIL ? -1 : real.function(path);
    if (result == 0)
        enter(SHIM_DID_UNLINK, -1, 0, 0, 0, path, (uint32_t)strlen(path) + 1);
    unlock(action);
    return result;
}

/* A kind of open. */
EXPORT DIR *opendir(const char *path)
{
    REAL(opendir_fn, "opendir");
    enum shim_action action;
    DIR *dir;

    if (!ours(path))
        return real.function(path);
    lock();
    action = decide(SHIM_OPEN);
    dir = action == SHIM_FAIL ? NULL : real.function(path);
    unlock(action);
    return dir;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir_fn, "mkdir");
    enum shim_action action;
    int result;

    if (!ours(path))
        return real.function(path, mode);
    lock();
    action = decide(SHIM_MKDIR);
    result = action == SHIM_FAIL ? -1 : real.function(path, mode);
    if (result == 0)
        enter(SHIM_DID_MKDIR, -1, 0, 0, 0, path, (uint32_t)strlen(path) + 1);
    unlock(action);
    return result;
}
