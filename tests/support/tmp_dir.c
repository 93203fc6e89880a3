/*
 * tmp_dir.c - see tmp_dir.h. Aborts where it cannot work: a test without its folder proves nothing.
 */
#include "support/tmp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

struct tmp_dir tmp_dir_make(void)
{
    const char *base = getenv("TMPDIR");
    struct tmp_dir dir;
    int n =
        snprintf(dir.path, sizeof dir.path, "%s/crumb-test-XXXXXX", base != NULL ? base : "/tmp");

    if (n < 0 || (size_t)n >= sizeof dir.path || mkdtemp(dir.path) == NULL) {
        perror("mkdtemp");
        abort();
    }
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void tmp_dir_remove(const struct tmp_dir *dir)
{
    nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void tmp_dir_path(const struct tmp_dir *dir, char *out, const char *name)
{
    snprintf(out, TMP_PATH_BYTES, "%s/%s", dir->path, name);
}

void tmp_dir_write(const struct tmp_dir *dir, const char *name, const char *text)
{
    char path[TMP_PATH_BYTES];
    FILE *file;

    tmp_dir_path(dir, path, name);
    file = fopen(path, "w");
    if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0) {
        perror(path);
        abort();
    }
}
