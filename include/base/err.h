/*
 * err.h - how every layer says that something went wrong.
 *
 * A function that can fail returns 0 (or a pointer) for success and -1 (or NULL) for failure, and
 * fills a struct err that the caller owns: a small code to decide by, and one good sentence to
 * show. The sentence names the place (file:line:column, path@offset, or just the path) and never
 * ends in a full stop or a newline. Lower layers only fill it; server and cli print it, once.
 *
 * Every function here accepts a NULL err, for callers that only need to know whether it failed.
 * Thread: any; a struct err belongs to whoever declared it.
 */
#ifndef CRUMB_BASE_ERR_H
#define CRUMB_BASE_ERR_H

enum err_code {
    ERR_NONE = 0,
    ERR_SYSTEM,  /* a system call failed; sys_errno says how */
    ERR_FULL,    /* no space left: disk, quota or a fixed buffer */
    ERR_BUSY,    /* somebody else holds it */
    ERR_DENIED,  /* permissions are wrong: too few, or too many */
    ERR_MISSING, /* it is not there */
    ERR_INPUT,   /* what we were given is not valid */
    ERR_DAMAGED, /* stored bytes are not what was written */
    ERR_MEMORY,  /* allocation failed */
};

#define ERR_TEXT_BYTES 512

struct err {
    enum err_code code;
    int sys_errno; /* the errno behind ERR_SYSTEM, ERR_FULL, ERR_DENIED, ERR_MISSING; else 0 */
    char text[ERR_TEXT_BYTES];
};

/* Fills e and returns -1, so that a failing function can end with: return err_set(e, ...). */
int err_set(struct err *e, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a failed system call: appends ": " and what errno means, and picks the code from it
 * (ENOSPC and EDQUOT are ERR_FULL, EACCES, EPERM and EROFS ERR_DENIED, ENOENT ERR_MISSING).
 */
int err_sys(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

#endif
