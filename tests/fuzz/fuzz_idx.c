/* fuzz_idx.c: any bytes at all as the two files of a data set, for the lessons' reader of IDX files.  The first two bytes
   say how many of the rest are the images; the others are the labels.  libFuzzer makes the bytes; the sanitizers find
   wrong accesses and lost memory, and `must` checks the rest: what is refused is named with its fault, what is taken is
   what the files say, and no request is larger than a file.

       clang -g -O1 -fsanitize=fuzzer,address,undefined -I. -o fuzz tests/fuzz/fuzz_idx.c -lm -lpthread
       ./fuzz -max_len=4096 CORPUS tests/fuzz/idx */
#include "memory_files.h"

static void *count_malloc(size_t bytes) { memory_count(bytes); return malloc(bytes); }

#define malloc(bytes) count_malloc(bytes)
#define stat(path, info) memory_stat(path, info)
#include "../../lessons/kit.h"
#undef malloc
#undef stat

static void check_accepted(const kit_set *set, int low, int high)
{
    const memory *images = &memory_file[0], *labels = &memory_file[1];
    must(set->n > 0 && images->size == 16 + (size_t)set->n * 784 && labels->size == 8 + (size_t)set->n);
    must(!memcmp(images->bytes, "\0\0\10\3", 4) && !memcmp(labels->bytes, "\0\0\10\1", 4));
    must(!memcmp(set->images, images->bytes + 16, (size_t)set->n * 784) && !memcmp(set->labels, labels->bytes + 8, (size_t)set->n));
    for (int i = 0; i < set->n; i++) must(set->labels[i] >= low && set->labels[i] <= high);
}

/* The text names a file, and says more than its name. */
static void check_refused(const kit_set *set, const char *why)
{
    must(!set->images && !set->labels);
    must((!strncmp(why, "a-images-idx3-ubyte: ", 21) || !strncmp(why, "a-labels-idx1-ubyte: ", 21)) && strlen(why) > 30);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t split = size < 2 ? 0 : (size_t)data[0] << 8 | data[1];
    char why[300] = "", *rest = (char *)(uintptr_t)data + (size < 2 ? size : 2);
    kit_set set;
    int letters;
    size -= size < 2 ? size : 2;
    if (split > size) split = size;
    memory_file[0].name = "-images-idx3-ubyte";
    memory_file[0].bytes = rest;
    memory_file[0].size = split;
    memory_file[1].name = "-labels-idx1-ubyte";
    memory_file[1].bytes = rest + split;
    memory_file[1].size = size - split;
    for (letters = 0; letters < 2; letters++) {
        memset(&set, 0, sizeof set);
        memory_begin();
        if (kit_read_set("a", letters ? KIT_LETTERS : KIT_DIGITS, &set, why, sizeof why)) check_accepted(&set, letters, letters ? 26 : 9);
        else check_refused(&set, why);
        must(memory_largest <= size);
        free(set.images);
        free(set.labels);
    }
    return 0;
}
