/*
 * fuzz_spool.c - any bytes as a segment.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/store/deflate.h"
#include "../../src/store/segment.h"
#include "fuzz/fuzz.h"

/* The header's checksum, and that of each record as long as one follows the other. */
static void fix(uint8_t *bytes, size_t n)
{
    uint32_t seed = segment_seed(&fuzz_id);
    size_t at = SEGMENT_HEADER_BYTES;

    if (n < at)
        return;
    put_identity(bytes + 12, &fuzz_id);
    put_u32(bytes + 60, crc32c_add(0, bytes, 60));
    while (at + RECORD_HEADER_BYTES <= n) {
        uint8_t *record = bytes + at;
        uint32_t length = get_u32(record + 4);

        if (length == 0 || length > n - at - RECORD_HEADER_BYTES)
            return;
        put_u32(record + 16,
                crc32c_add(crc32c_add(seed, record, 16), record + RECORD_HEADER_BYTES, length));
        at += segment_record_bytes(length);
    }
}

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
        fix(bytes, size - 1);
    fuzz_path(path, ".seg");
    fuzz_write(path, bytes, size - 1);
    fuzz_scan(path);
    free(bytes);
    return 0;
}
