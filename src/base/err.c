/*
 * err.c - fills a struct err. See err.h for the contract.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum err_code code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOENT:
        return ERR_MISSING;
    case ENOMEM:
        return ERR_MEMORY;
    default:
        return ERR_SYSTEM;
    }
}

int err_set(struct err *e, enum err_code code, const char *format, ...)
{
    va_list args;

    if (e == NULL)
        return -1;
    e->code = code;
    e->sys_errno = 0;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return -1;
}

int err_sys(struct err *e, const char *format, ...)
{
    int sys_errno = errno;
    va_list args;
    char why[128];
    int n;

    if (e == NULL)
        return -1;
    e->code = code_of_errno(sys_errno);
    e->sys_errno = sys_errno;
    va_start(args, format);
    n = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof e->text)
        return -1;
    snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s",
             strerror_r(sys_errno, why, sizeof why)); /* the GNU one: returns the text */
    return -1;
}

void err_clear(struct err *e)
{
    if (e == NULL)
        return;
    e->code = ERR_NONE;
    e->sys_errno = 0;
    e->text[0] = '\0';
}
