/*
 * share.c - finds a list. See share.h for the contract.
 */
#include "model/share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

static bool path_in(char path[SHARE_PATH_BYTES], const char *folder, const char *name)
{
    int n = snprintf(path, SHARE_PATH_BYTES, "%s/%s", folder, name);

    return n > 0 && n < SHARE_PATH_BYTES && fs_exists(path);
}

/* Beside the program: PREFIX/bin and PREFIX/share/crumb, or build/ and conf/data in the source tree. */
static bool path_beside_program(char path[SHARE_PATH_BYTES], const char *name)
{
    static const char *const folders[] = { "../share/crumb", "../conf/data", "../../conf/data",
                                           "../../../conf/data" };
    char program[SHARE_PATH_BYTES / 2], folder[SHARE_PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    if (n <= 0)
        return false;
    program[n] = '\0';
    slash = strrchr(program, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(folder, sizeof folder, "%s/%s", program, folders[i]);
        if (path_in(path, folder, name))
            return true;
    }
    return false;
}

int share_find(char path[SHARE_PATH_BYTES], const char *share_dir, const char *name,
               const char *other, const char *hint, struct err *e)
{
    const char *asked = share_dir != NULL ? share_dir : getenv("CRUMB_SHARE");

    if ((asked != NULL && path_in(path, asked, name)) || path_beside_program(path, name) ||
        path_in(path, "/usr/local/share/crumb", name) || path_in(path, "/usr/share/crumb", name) ||
        (other != NULL && path_in(path, other, name)))
        return 0;
    return err_set(e, ERR_MISSING, "the list %s is not there: %s", name, hint);
}
