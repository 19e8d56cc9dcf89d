/* replay.c: runs the files named on the command line through a fuzz target, for compilers without libFuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most) { (void)data; (void)most; return size; }

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        uint8_t *data;
        long size;
        if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0) { perror(argv[i]); return 1; }
        rewind(f);
        data = (uint8_t *)malloc((size_t)size + !size);
        if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) { perror(argv[i]); return 1; }
        fclose(f);
        LLVMFuzzerTestOneInput(data, (size_t)size);
        free(data);
    }
    fprintf(stderr, "%d files replayed\n", argc - 1);
    return 0;
}
