/*
 * no_write.c - makes a crumbd that does everything but write hits: the link's --wrap puts this
 * before fs_write_at. Only for bench/durability.sh, which asks what the promise costs.
 */
#include <string.h>

#include "base/fs.h"

int __real_fs_write_at(const struct fs_file *file, struct iovec *iov, int count, uint64_t offset,
                       size_t *written, struct err *e);
int __wrap_fs_write_at(const struct fs_file *file, struct iovec *iov, int count, uint64_t offset,
                       size_t *written, struct err *e);

int __wrap_fs_write_at(const struct fs_file *file, struct iovec *iov, int count, uint64_t offset,
                       size_t *written, struct err *e)
{
    size_t n = strlen(file->name);

    if (n < 4 || strcmp(file->name + n - 4, ".seg") != 0)
        return __real_fs_write_at(file, iov, count, offset, written, e);
    *written = 0;
    for (int i = 0; i < count; i++)
        *written += iov[i].iov_len;
    return 0;
}
