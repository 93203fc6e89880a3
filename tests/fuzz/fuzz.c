/*
 * fuzz.c - see fuzz.h.
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/store/deflate.h"
#include "store/scan.h"

const struct segment_id fuzz_id = { "1ab2cd3ef4gh", 3, 17, 1795529109000 };

static char scratch[64];
static volatile unsigned looked_at;

static void need(int fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    abort();
}

static void clean_up(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", scratch);
    if (system(command) != 0)
        perror(command);
}

void fuzz_path(char path[FUZZ_PATH_BYTES], const char *suffix)
{
    if (scratch[0] == '\0') {
        snprintf(scratch, sizeof scratch, "%s/crumb-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        need(mkdtemp(scratch) != NULL, scratch);
        atexit(clean_up);
    }
    snprintf(path, FUZZ_PATH_BYTES, "%s/20261124T140509Z-%.12s-%u-%u%s", scratch, fuzz_id.instance,
             fuzz_id.worker, fuzz_id.number, suffix);
}

void fuzz_write(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");

    need(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0, path);
}

static int on_record(void *arg, struct str line)
{
    (void)arg;
    for (size_t i = 0; i < line.n; i++)
        looked_at += (unsigned char)line.p[i];
    return 0;
}

static int on_damage(void *arg, const struct scan_damage *damage)
{
    (void)arg;
    looked_at += (unsigned)strlen(damage->path) + (unsigned)strlen(damage->sentence);
    return 0;
}

void fuzz_scan(const char *path)
{
    struct scan_options options = {
        .since_ms = INT64_MIN, .until_ms = INT64_MAX, .record = on_record, .damage = on_damage
    };
    struct scan_totals totals;
    struct err e;

    (void)scan_file(path, &options, &totals, &e);
}

void fuzz_fix_sealed_header(uint8_t *bytes, size_t n)
{
    size_t end;
    uint32_t room;

    if (n < SEALED_GZIP_BYTES + SEALED_HEAD_BYTES + 4)
        return;
    room = get_u32(bytes + SEALED_GZIP_BYTES + 80);
    end = SEALED_GZIP_BYTES + SEALED_HEAD_BYTES + (size_t)room * SEALED_ENTRY_BYTES;
    if (room <= SEALED_ROOM_MAX && end + 4 <= n)
        put_u32(bytes + end, crc32c_add(0, bytes, end));
}
