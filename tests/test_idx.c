/* test_idx.c: the lessons' reader of IDX files (MNIST, EMNIST).  Good files come in to the byte; every bad one is refused
   with the message in the table below, leaves an empty set, and costs no more memory than it is long. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"

#include <stdlib.h>
static size_t largest;                   /* request of the reader */
static long held;
static void *count_malloc(size_t bytes) { if (bytes > largest) largest = bytes; held++; return malloc(bytes); }
static void count_free(void *p) { held -= p != NULL; free(p); }
#define malloc(bytes) count_malloc(bytes)
#define free(p) count_free(p)
#include "../lessons/kit.h"
#undef malloc
#undef free
#include "tap.h"

static char folder[300], stem[320];

static void write_file(const char *which, const void *bytes, size_t n)
{
    char name[400];
    snprintf(name, sizeof name, "%s-%s", stem, which);
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n) ok(0, "the test can write %s", name);
    if (f) fclose(f);
}

static void big_endian(uint8_t *p, uint32_t v) { for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i)); }

enum { IMAGES = 2, IMAGE_BYTES = 16 + IMAGES * 784, LABEL_BYTES = 8 + IMAGES };
static uint8_t good_images[IMAGE_BYTES], good_labels[LABEL_BYTES];

static void make_good(void)
{
    const uint32_t head[4] = { 0x803, IMAGES, 28, 28 };
    for (int i = 0; i < 4; i++) big_endian(good_images + 4 * i, head[i]);
    for (int i = 16; i < IMAGE_BYTES; i++) good_images[i] = (uint8_t)(i * 7);
    big_endian(good_labels, 0x801);
    big_endian(good_labels + 4, IMAGES);
    good_labels[8] = 1;
    good_labels[9] = 9;
}

/* 0 if the set was refused as it should be: with this message, naming this file. */
static int refused(const char *name, const char *file, const char *says, int classes, size_t longest)
{
    char why[PATH_MAX + 200] = "";
    kit_set set;
    long before = held;
    memset(&set, 0, sizeof set);
    largest = 0;
    int taken = kit_read_set(stem, classes, &set, why, sizeof why);
    int good = !taken && !set.images && !set.labels && held == before && largest <= longest
               && !strncmp(why, stem, strlen(stem)) && strstr(why, file) && strstr(why, says);
    if (!good) printf("# %s: %s, %lu bytes asked for, said %s\n", name, taken ? "taken" : "refused", (unsigned long)largest, why);
    return !good;
}

/* Four bytes of a good file overwritten. */
typedef struct edit { const char *name; int labels, at; uint32_t value; const char *says; } edit;
static const edit edits[] = {
    { "no images",                 0, 4,  0,          "its header says 0 images" },
    { "one image less",            0, 4,  1,          "its header says 1 images" },
    { "one image more",            0, 4,  3,          "its header says 3 images" },
    { "2^31 images",               0, 4,  0x80000000, "its header says 2147483648 images" },
    { "-1 images",                 0, 4,  0xffffffff, "its header says 4294967295 images" },
    { "a product of 2^32 + 784 * 2", 0, 4, 5478277,   "its header says 5478277 images" },
    { "29 rows",                   0, 8,  29,         "images of 29x28, 28x28 are wanted" },
    { "0 columns",                 0, 12, 0,          "images of 28x0, 28x28 are wanted" },
    { "-28 rows",                  0, 8,  0xffffffe4, "images of 4294967268x28" },
    { "little-endian",             0, 0,  0x03080000, "not an IDX file of images" },
    { "floats",                    0, 0,  0x00000d03, "not an IDX file of images" },
    { "four axes",                 0, 0,  0x00000804, "not an IDX file of images" },
    { "labels for images",         0, 0,  0x00000801, "not an IDX file of images" },
    { "neither packed nor images", 0, 0,  0x1f000803, "not an IDX file of images" },
    { "packed images",             0, 0,  0x1f8b0800, "still packed by gzip; unpack it" },
    { "images for labels",         1, 0,  0x00000803, "not an IDX file of labels" },
    { "packed labels",             1, 0,  0x1f8b0800, "still packed by gzip; unpack it" },
    { "no labels",                 1, 4,  0,          "its header says 0 labels" },
    { "2^32 - 1 labels",           1, 4,  0xffffffff, "its header says 4294967295 labels" },
};

static void check_edits(void)
{
    int n = (int)(sizeof edits / sizeof edits[0]), wrong = 0;
    for (int i = 0; i < n; i++) {
        const edit *e = &edits[i];
        uint8_t images[IMAGE_BYTES], labels[LABEL_BYTES];
        memcpy(images, good_images, sizeof images);
        memcpy(labels, good_labels, sizeof labels);
        big_endian((e->labels ? labels : images) + e->at, e->value);
        write_file("images-idx3-ubyte", images, sizeof images);
        write_file("labels-idx1-ubyte", labels, sizeof labels);
        wrong += refused(e->name, e->labels ? "labels" : "images", e->says, KIT_DIGITS, IMAGE_BYTES);
    }
    ok(!wrong, "%d edited headers are refused with their messages (%d not)", n, wrong);
}

/* Cut short at every byte, and one byte too long. */
static void check_lengths(void)
{
    int wrong = 0, tried = 0;
    uint8_t longer[IMAGE_BYTES + 1] = { 0 };
    write_file("labels-idx1-ubyte", good_labels, sizeof good_labels);
    for (int n = 0; n < IMAGE_BYTES; n++, tried++) {
        write_file("images-idx3-ubyte", good_images, (size_t)n);
        wrong += refused("images cut short", "images", n < 16 ? "cut short inside its header" : "its size says otherwise", KIT_DIGITS, (size_t)n);
    }
    memcpy(longer, good_images, sizeof good_images);
    write_file("images-idx3-ubyte", longer, sizeof longer);
    wrong += refused("a byte too many", "images", "(1569 bytes after the header)", KIT_DIGITS, sizeof longer);
    write_file("images-idx3-ubyte", good_images, sizeof good_images);
    for (int n = 0; n < LABEL_BYTES; n++, tried++) {
        write_file("labels-idx1-ubyte", good_labels, (size_t)n);
        wrong += refused("labels cut short", "labels", n < 8 ? "cut short inside its header" : "its size says otherwise", KIT_DIGITS, IMAGE_BYTES);
    }
    ok(!wrong, "files cut short at each of %d bytes, or a byte too long, are refused (%d not)", tried, wrong);
}

/* Labels that fit their header, but not the images or the classes. */
static void check_labels(void)
{
    static const uint8_t one[] = { 0, 0, 8, 1, 0, 0, 0, 1, 5 }, ten[] = { 0, 0, 8, 1, 0, 0, 0, 2, 10, 255 }, zero[] = { 0, 0, 8, 1, 0, 0, 0, 2, 0, 27 };
    int wrong = 0;
    write_file("labels-idx1-ubyte", one, sizeof one);
    wrong += refused("one label for two images", "labels", "1 labels for 2 images", KIT_DIGITS, IMAGE_BYTES);
    write_file("labels-idx1-ubyte", ten, sizeof ten);
    wrong += refused("labels 10 and 255 for digits", "labels", "2 of the labels not in 0 .. 9", KIT_DIGITS, IMAGE_BYTES);
    write_file("labels-idx1-ubyte", zero, sizeof zero);
    wrong += refused("labels 0 and 27 for letters", "labels", "2 of the labels not in 1 .. 26", KIT_LETTERS, IMAGE_BYTES);
    ok(!wrong, "labels that fit neither images nor classes are refused (%d not)", wrong);
}

/* Headers that the size of the file agrees with, and impossible all the same. */
static void check_counts(void)
{
    static const uint8_t none[8] = { 0, 0, 8, 1, 0, 0, 0, 0 }, many[8] = { 0, 0, 8, 1, 0x80, 0, 0, 0 };
    char name[400];
    int wrong = 0;
    write_file("images-idx3-ubyte", good_images, sizeof good_images);
    write_file("labels-idx1-ubyte", none, sizeof none);
    wrong += refused("no labels, and none there", "labels", "its header says 0 labels", KIT_DIGITS, IMAGE_BYTES);
    write_file("labels-idx1-ubyte", many, sizeof many);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", stem);
    if (sizeof(off_t) > 4 && !truncate(name, 8 + ((off_t)1 << 31))) wrong += refused("2^31 labels, and all there", "labels", "its header says 2147483648 labels", KIT_DIGITS, IMAGE_BYTES);
    ok(!wrong, "no labels at all, and more than an int counts, are refused (%d not)", wrong);
}

/* What is no plain file, or none at all. */
static void check_others(void)
{
    char name[400];
    int wrong = 0;
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", stem);
    remove(name);
    wrong += refused("no file", "images", "No such file", KIT_DIGITS, 0);
    mkdir(name, 0700);
    wrong += refused("a folder", "images", "not a file", KIT_DIGITS, 0);
    rmdir(name);
    if (!mkfifo(name, 0600)) wrong += refused("a pipe", "images", "not a file", KIT_DIGITS, 0);
    remove(name);
    ok(!wrong, "a missing file, a folder and a pipe are refused at once (%d not)", wrong);
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    char command[400], why[PATH_MAX + 200] = "";
    kit_set set;
    snprintf(folder, sizeof folder, "%s/autoenc_idx.XXXXXX", tmp && *tmp ? tmp : P_tmpdir);
    if (!mkdtemp(folder)) { ok(0, "a folder for the test: %s", folder); return tap_end(); }
    snprintf(stem, sizeof stem, "%s/set", folder);
    make_good();
    write_file("images-idx3-ubyte", good_images, sizeof good_images);
    write_file("labels-idx1-ubyte", good_labels, sizeof good_labels);
    memset(&set, 0, sizeof set);
    ok(kit_read_set(stem, KIT_DIGITS, &set, why, sizeof why) && set.n == IMAGES && !memcmp(set.images, good_images + 16, IMAGES * 784)
       && !memcmp(set.labels, good_labels + 8, IMAGES), "good files come in to the byte (%s)", why);
    count_free(set.images);
    count_free(set.labels);
    check_edits();
    check_lengths();
    check_labels();
    check_counts();
    check_others();
    ok(!held, "no memory is lost");
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ok(!system(command), "the folder is gone");
    return tap_end();
}
