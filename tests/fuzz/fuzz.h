/*
 * fuzz.h - what the fuzz targets share: a scratch folder in memory, a file put there and read as
 * `crumb cat` would.
 *
 * A target is one file with LLVMFuzzerTestOneInput. It is linked with libFuzzer (make fuzz), or
 * with replay.c, which runs the inputs in regression/ (make test). Checksums are made right before
 * reading, as long as the first byte of the input is even: else hardly any input would get past
 * them.
 */
#ifndef CRUMB_TESTS_FUZZ_H
#define CRUMB_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "../../src/store/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The identity in the names of the files. */
extern const struct segment_id fuzz_id;

#define FUZZ_PATH_BYTES 512

/* <scratch>/<stem><suffix>; the folder is made at the first call and removed at the end. */
void fuzz_path(char path[FUZZ_PATH_BYTES], const char *suffix);

void fuzz_write(const char *path, const void *bytes, size_t n);

/* Reads the file with scan_file; every line is looked at. */
void fuzz_scan(const char *path);

/* Makes the checksum of a sealed file's header right, if there is a whole one. */
void fuzz_fix_sealed_header(uint8_t *bytes, size_t n);

#endif
