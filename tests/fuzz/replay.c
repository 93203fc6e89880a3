/*
 * replay.c - runs a fuzz target once for each file that is named, without libFuzzer.
 */
#include <stdio.h>

#include "fuzz/fuzz.h"

#define INPUT_BYTES_MAX (1 << 20)

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        static uint8_t bytes[INPUT_BYTES_MAX];
        FILE *file = fopen(argv[i], "rb");
        size_t n;

        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        n = fread(bytes, 1, INPUT_BYTES_MAX, file);
        fclose(file);
        (void)LLVMFuzzerTestOneInput(bytes, n);
    }
    printf("%s: %d inputs\n", argv[0], argc - 1);
    return 0;
}
