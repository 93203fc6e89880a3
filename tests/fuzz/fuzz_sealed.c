/*
 * fuzz_sealed.c - any bytes as a sealed file that has no index.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_BYTES];
    uint8_t *bytes;

    if (size == 0)
        return 0;
    bytes = malloc(size);
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data + 1, size - 1);
    if (data[0] % 2 == 0)
        fuzz_fix_sealed_header(bytes, size - 1);
    fuzz_path(path, ".ndjson.gz");
    fuzz_write(path, bytes, size - 1);
    fuzz_scan(path);
    free(bytes);
    return 0;
}
