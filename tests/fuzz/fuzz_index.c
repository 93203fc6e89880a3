/*
 * fuzz_index.c - any bytes as the index of a good sealed file whose own header is damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/store/sealed.h"
#include "base/fs.h"
#include "fuzz/fuzz.h"

#define LINES 40

/* Makes the file, spoils its header. */
static void make_file(const char *path)
{
    struct sealed_writer *writer;
    struct fs_file file;
    struct iovec nothing = { (char[]){ 0 }, 1 };
    char line[128];
    size_t written;
    bool fine;

    writer = sealed_create(path, &fuzz_id, LINES * sizeof line, DEFLATE_BEST, NULL);
    for (unsigned i = 0; writer != NULL && i < LINES; i++) {
        int n = snprintf(line, sizeof line,
                         "{\"v\":1,\"ts\":\"2026-11-24T14:05:09.000Z\",\"id\":\"%.12s-3-%u\"}",
                         fuzz_id.instance, i + 1);

        if (sealed_add(writer, str_from(line, (size_t)n), i + 1, NULL) != 0)
            abort();
    }
    fine = writer != NULL && sealed_finish(writer, NULL, NULL, NULL) == 0;
    sealed_writer_free(writer);
    fine = fine && fs_open(&file, path, FS_READ_WRITE, NULL) == 0 &&
           fs_write_at(&file, &nothing, 1, 12, &written, NULL) == 0;
    if (!fine)
        abort();
    fs_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[FUZZ_PATH_BYTES];
    char index_path[FUZZ_PATH_BYTES];
    uint8_t *bytes;

    if (size == 0)
        return 0;
    bytes = malloc(size);
    if (bytes == NULL)
        return 0;
    if (path[0] == '\0') {
        fuzz_path(path, ".ndjson.gz");
        make_file(path);
    }
    memcpy(bytes, data + 1, size - 1);
    if (data[0] % 2 == 0)
        fuzz_fix_sealed_header(bytes, size - 1);
    fuzz_path(index_path, ".idx");
    fuzz_write(index_path, bytes, size - 1);
    fuzz_scan(path);
    free(bytes);
    return 0;
}
