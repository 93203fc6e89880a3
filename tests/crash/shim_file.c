/*
 * shim_file.c - the file that the shim and the test program share. See shim.h for the contract.
 * Part of both.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crash/shim.h"

#define BYTES_PER_ENTRY 256 /* as many entries as make the recording a quarter larger */

const char *const shim_call_names[SHIM_CALLS] = { "open",   "write",   "sync",     "rename",
                                                  "unlink", "reserve", "truncate", "mkdir" };
const char *const shim_action_names[SHIM_ACTIONS] = { "pass",      "kill before", "kill after",
                                                      "kill half", "fail",        "short" };

struct shim *shim_new(const char *dir, uint64_t record_bytes)
{
    uint32_t entries = (uint32_t)(record_bytes / BYTES_PER_ENTRY);
    uint64_t entries_at = (sizeof(struct shim) + 63) & ~63ull;
    uint64_t bytes_at = entries_at + entries * sizeof(struct shim_entry);
    char path[1024];
    struct shim *shim;
    int fd;

    snprintf(path, sizeof path, "%s/shim", dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)(bytes_at + record_bytes)) != 0 ||
        (shim = mmap(NULL, bytes_at + record_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) ==
            MAP_FAILED) {
        perror(path);
        exit(2);
    }
    close(fd);
    shim->entries_max = entries;
    shim->entries_at = entries_at;
    shim->bytes_max = record_bytes;
    shim->bytes_at = bytes_at;
    return shim;
}

void shim_clear(struct shim *shim)
{
    uint32_t entries = atomic_load(&shim->entries);

    shim_set(shim, SHIM_OPEN, SHIM_PASS, 0, 0, 0);
    memset(shim_entry_at(shim, 0), 0,
           (entries < shim->entries_max ? entries : shim->entries_max) * sizeof(struct shim_entry));
    atomic_store(&shim->entries, 0);
    atomic_store(&shim->bytes, 0);
}

void shim_set(struct shim *shim, enum shim_call call, enum shim_action action, uint32_t nth,
              uint32_t times, int error)
{
    atomic_store(&shim->action, SHIM_PASS);
    shim->call = call;
    shim->nth = nth;
    shim->times = times;
    shim->error = error;
    atomic_store(&shim->faults, 0);
    for (int i = 0; i < SHIM_CALLS; i++)
        atomic_store(&shim->count[i], 0);
    atomic_store(&shim->action, action);
}

void shim_enter(struct shim *shim, struct shim_entry entry, const void *data, uint32_t length)
{
    struct timespec ts;
    struct shim_entry *to;
    uint32_t i;

    if (shim->entries_max == 0)
        return;
    entry.data = atomic_fetch_add(&shim->bytes, length);
    if (entry.data + length > shim->bytes_max) {
        atomic_store(&shim->entries, shim->entries_max + 1);
        return;
    }
    memcpy((char *)(uintptr_t)shim_bytes_at(shim, entry.data), data, length);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    i = atomic_fetch_add(&shim->entries, 1);
    if (i >= shim->entries_max)
        return;
    to = shim_entry_at(shim, i);
    to->fd = entry.fd;
    to->flags = entry.flags;
    to->length = entry.length;
    to->offset = entry.offset;
    to->data = entry.data;
    to->mono_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
    atomic_store(&to->kind, atomic_load(&entry.kind));
}
