/*
 * fault_fs.h - makes chosen system calls on files fail, below src/base/fs.c.
 *
 * Linked into a test program it stands before libc's pwritev, fdatasync, fsync, posix_fallocate,
 * ftruncate, rename, unlink and opendir, and passes everything on until told otherwise. Thread: any; set
 * faults while no other thread is about to meet them.
 */
#ifndef CRUMB_TESTS_FAULT_FS_H
#define CRUMB_TESTS_FAULT_FS_H

#include <stdbool.h>

enum fault_call {
    FAULT_WRITE,
    FAULT_SYNC, /* fdatasync and fsync */
    FAULT_RESERVE,
    FAULT_TRUNCATE,
    FAULT_RENAME,
    FAULT_UNLINK,
    FAULT_LIST, /* opendir */
    FAULT_CALLS
};

struct fault {
    const char
        *path_has;   /* only files whose path contains this; NULL for all. rename: the new name */
    int skip;        /* so many calls go well first */
    int times;       /* then so many fail; -1 for ever */
    int error;       /* with this errno */
    int short_bytes; /* FAULT_WRITE: the first failing call writes so many bytes instead, then the
                        next fails */
};

void fault_fs_set(enum fault_call call, struct fault fault);
void fault_fs_clear(void);

/* How many calls were made to fail since the last clear. */
int fault_fs_hits(enum fault_call call);

#endif
