/*
 * spill.c - the file behind tables that outgrow their memory. See spill.h for the contract.
 *
 * Called by tally.c and visits.c. Always true: the file has no name as soon as it is open, so that
 * nothing is left behind however the process ends.
 */
#include "spill.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/fs.h"

#define BUFFER_BYTES (1024 * 1024)
#define PATH_BYTES   1024

struct run {
    uint64_t begin[SPILL_PARTS + 1];
};

struct spill {
    struct fs_file file;
    char path[PATH_BYTES];
    uint64_t size;
    struct run *runs;
    size_t runs_count;
    unsigned part; /* of the run being written */
    struct buf buffer;
    char memory[BUFFER_BYTES];
};

struct spill *spill_new(struct err *e)
{
    struct spill *spill = calloc(1, sizeof *spill);
    const char *folder = getenv("TMPDIR");
    unsigned char random[8];
    struct buf name;

    if (spill == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    spill->buffer = buf_over(spill->memory, sizeof spill->memory);
    crypto_random(random, sizeof random);
    name = buf_over(spill->path, sizeof spill->path - 1);
    buf_addf(&name, "%s/crumb-report-", folder != NULL && folder[0] != '\0' ? folder : "/var/tmp");
    crypto_add_hex(&name, random, sizeof random);
    if (fs_open(&spill->file, spill->path, FS_CREATE_NEW, e) != 0) {
        free(spill);
        return NULL;
    }
    if (fs_unlink(spill->path, e) != 0) {
        spill_free(spill);
        return NULL;
    }
    return spill;
}

void spill_free(struct spill *spill)
{
    if (spill == NULL)
        return;
    fs_close(&spill->file);
    free(spill->runs);
    free(spill);
}

static int flush(struct spill *spill, struct err *e)
{
    struct iovec part = { spill->buffer.p, spill->buffer.n };
    size_t written;

    if (part.iov_len == 0)
        return 0;
    if (fs_write_at(&spill->file, &part, 1, spill->size, &written, e) != 0)
        return -1;
    spill->size += written;
    buf_rewind(&spill->buffer, 0);
    return 0;
}

int spill_begin_run(struct spill *spill, struct err *e)
{
    struct run *runs = realloc(spill->runs, (spill->runs_count + 1) * sizeof *runs);

    if (runs == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    spill->runs = runs;
    spill->part = 0;
    runs[spill->runs_count++].begin[0] = spill->size;
    return 0;
}

/* Closes the parts before this one where the file stands now. */
static void reach(struct spill *spill, unsigned part)
{
    struct run *run = &spill->runs[spill->runs_count - 1];

    while (spill->part < part)
        run->begin[++spill->part] = spill->size + spill->buffer.n;
}

int spill_put(struct spill *spill, unsigned part, const void *p, size_t n, struct err *e)
{
    const char *from = p;

    reach(spill, part);
    while (n > 0) {
        size_t room = spill->buffer.cap - spill->buffer.n, piece = n < room ? n : room;

        buf_add(&spill->buffer, from, piece);
        from += piece;
        n -= piece;
        if (spill->buffer.n == spill->buffer.cap && flush(spill, e) != 0)
            return -1;
    }
    return 0;
}

int spill_end_run(struct spill *spill, struct err *e)
{
    reach(spill, SPILL_PARTS);
    return flush(spill, e);
}

size_t spill_part_bytes(const struct spill *spill, unsigned part)
{
    size_t n = 0;

    for (size_t i = 0; spill != NULL && i < spill->runs_count; i++)
        n += spill->runs[i].begin[part + 1] - spill->runs[i].begin[part];
    return n;
}

int spill_read(const struct spill *spill, unsigned part, void *memory, struct err *e)
{
    char *to = memory;

    for (size_t i = 0; spill != NULL && i < spill->runs_count; i++) {
        const struct run *run = &spill->runs[i];
        size_t n = run->begin[part + 1] - run->begin[part], got;

        if (n == 0)
            continue;
        if (fs_read_at(&spill->file, to, n, run->begin[part], &got, e) != 0)
            return -1;
        if (got != n)
            return err_set(e, ERR_DAMAGED, "%s: the temporary file is shorter than written",
                           spill->path);
        to += n;
    }
    return 0;
}
