/* test_strokes.c - the built-in drawings: the same bytes everywhere, balanced, inside the image, and learnable */

#include "../data/strokes.h"

#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 2600 };              /* a multiple of 10 and of 26, so that both sets are exactly balanced */

typedef struct { int classes, first; uint8_t images[COUNT * STROKES_PIXELS], labels[COUNT]; } set;

/* ==== TAP ========================================================================================================= */

static int tests, failures;

static void ok(int passed, const char *what) {
    tests++;
    failures += !passed;
    printf("%sok %d - %s\n", passed ? "" : "not ", tests, what);
}

/* ==== Measures ==================================================================================================== */

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t h, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) h = (h ^ bytes[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t hash_set(const set *s) {
    uint64_t h = hash(UINT64_C(14695981039346656037), s->images, sizeof s->images);
    return hash(h, s->labels, sizeof s->labels);
}

static void same_hash(const set *s, uint64_t expected, const char *what) {
    uint64_t got = hash_set(s);
    ok(got == expected, what);
    if (got != expected) printf("# got 0x%08lx%08lx\n", (unsigned long)(got >> 32), (unsigned long)(got & 0xffffffffu));
}

/* Every run of `classes` images holds every label once. */
static int balanced(const set *s) {
    for (int start = 0; start < COUNT; start += s->classes) {
        int seen[64] = { 0 };
        for (int i = start; i < start + s->classes; i++) {
            int c = s->labels[i] - s->first;
            if (c < 0 || c >= s->classes || seen[c]++) return 0;
        }
    }
    return 1;
}

static int in_label_order(const set *s) {
    int falls = 0;
    for (int i = 1; i < COUNT; i++) falls += s->labels[i] < s->labels[i - 1];
    return falls <= COUNT / s->classes;
}

static int ink_inside(const uint8_t *image) {
    for (int i = 0; i < STROKES_SIDE; i++) {
        int last = STROKES_SIDE - 1, row = i * STROKES_SIDE;
        if (image[i] || image[last * STROKES_SIDE + i] || image[row] || image[row + last]) return 0;
    }
    return 1;
}

/* Dark somewhere, grey somewhere (the edges are smooth), and between 2% and 40% of a black square in all. */
static int looks_written(const uint8_t *image) {
    int darkest = 0, grey = 0;
    long sum = 0;
    for (int i = 0; i < STROKES_PIXELS; i++) {
        darkest = image[i] > darkest ? image[i] : darkest;
        grey += image[i] > 0 && image[i] < 255;
        sum += image[i];
    }
    return darkest >= 200 && grey > 20 && sum > STROKES_PIXELS * 255L / 50 && sum < STROKES_PIXELS * 255L * 2 / 5;
}

/* The centre of mass is within 2.5 pixels of the middle of pixel (14,14). */
static int centred(const uint8_t *image) {
    double x = 0, y = 0, total = 0;
    for (int i = 0; i < STROKES_PIXELS; i++) {
        x += image[i] * (i % STROKES_SIDE - 14.0);
        y += image[i] * (i / STROKES_SIDE - 14.0);
        total += image[i];
    }
    return x * x + y * y < 2.5 * 2.5 * total * total;
}

static int count(const set *s, int (*property)(const uint8_t *)) {
    int n = 0;
    for (int i = 0; i < COUNT; i++) n += property(s->images + (size_t)i * STROKES_PIXELS);
    return n;
}

static double distance(const uint8_t *a, const double *mean) {
    double sum = 0;
    for (int i = 0; i < STROKES_PIXELS; i++) sum += (a[i] - mean[i]) * (a[i] - mean[i]);
    return sum;
}

/* The mean image of each class, from the first half of the set. */
static void class_means(const set *s, double (*mean)[STROKES_PIXELS]) {
    double share = (double)s->classes / (COUNT / 2);
    memset(mean, 0, sizeof *mean * (size_t)s->classes);
    for (int i = 0; i < COUNT / 2; i++) {
        double *m = mean[s->labels[i] - s->first];
        for (int k = 0; k < STROKES_PIXELS; k++) m[k] += share * s->images[(size_t)i * STROKES_PIXELS + (size_t)k];
    }
}

/* How many images of the second half lie nearest to the mean of their own class; and their mean squared distances,
   per pixel from 0 to 1, to that mean (within) and to those of the other classes (between). */
static double nearest_mean(const set *s, double *within, double *between) {
    static double mean[STROKES_LETTERS][STROKES_PIXELS];
    const double scale = 65025.0 * STROKES_PIXELS * (COUNT / 2);
    int right = 0;
    class_means(s, mean);
    *within = *between = 0;
    for (int i = COUNT / 2; i < COUNT; i++) {
        int own = s->labels[i] - s->first, best = own;
        double to[STROKES_LETTERS];
        for (int c = 0; c < s->classes; c++) to[c] = distance(s->images + (size_t)i * STROKES_PIXELS, mean[c]);
        for (int c = 0; c < s->classes; c++) {
            if (to[c] < to[best]) best = c;
            if (c != own) *between += to[c] / (scale * (s->classes - 1));
        }
        *within += to[own] / scale;
        right += best == own;
    }
    return (double)right / (COUNT / 2);
}

/* ==== The tests =================================================================================================== */

static void test_set(const set *s, uint64_t expected, double least_right) {
    double within, between, right = nearest_mean(s, &within, &between);
    printf("# %d classes\n", s->classes);
    same_hash(s, expected, "the bytes are the expected ones");
    ok(balanced(s), "every run of images holds each label once");
    ok(!in_label_order(s), "the labels are shuffled");
    ok(count(s, ink_inside) == COUNT, "no ink touches the border");
    ok(count(s, looks_written) == COUNT, "every image has dark ink, smooth edges and a plausible amount of it");
    ok(count(s, centred) == COUNT, "the centre of mass is near the middle");
    ok(right > least_right && right < 1, "most, not all, lie nearest to the mean of their own class");
    ok(within > 0.03 && within < 0.06, "the drawings of one class differ about as much as MNIST's");
    ok(between > 1.7 * within, "the classes differ more than that");
    printf("# nearest mean right %.3f, squared distance within %.4f, between %.4f\n", right, within, between);
}

/* The same image alone, in a shorter set, and in a longer one. */
static void test_index(const set *s) {
    uint8_t images[37 * STROKES_PIXELS], labels[37], alone[STROKES_PIXELS];
    strokes_fill(s->classes, 1, 37, images, labels);
    ok(!memcmp(images, s->images, sizeof images) && !memcmp(labels, s->labels, 37), "image i does not depend on n");
    strokes_draw(s->labels[29] - s->first + (s->first ? STROKES_DIGITS : 0), 1, 29, alone);
    ok(!memcmp(alone, s->images + 29 * STROKES_PIXELS, sizeof alone), "strokes_draw draws image i alone");
    strokes_fill(s->classes, 2, 37, images, labels);
    ok(memcmp(images, s->images, sizeof images) && memcmp(labels, s->labels, 37), "another seed, another set");
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void test_distinct(const set *s) {
    static uint64_t hashes[COUNT];
    int same = 0;
    for (int i = 0; i < COUNT; i++) hashes[i] = hash(1, s->images + (size_t)i * STROKES_PIXELS, STROKES_PIXELS);
    qsort(hashes, COUNT, sizeof *hashes, compare);
    for (int i = 1; i < COUNT; i++) same += hashes[i] == hashes[i - 1];
    ok(same == 0, "no two images are equal");
}

/* A line that is nearly full takes what there is room for, and writes nothing behind it. */
static void test_full(void) {
    static struct { strokes__line line; strokes__piece behind; } room;
    strokes__point a = { 0, 0 }, b = { 36, 36 };
    room.line.count = STROKES__MOST - 2;
    strokes__curve(&room.line, a, a, b);
    ok(room.line.count == STROKES__MOST && room.line.piece[STROKES__MOST - 1].b.x == 4 && !room.behind.b.x, "a drawing of too many pieces is cut short");
}

int main(void) {
    static set digits, letters;
    digits.classes = STROKES_DIGITS;
    letters.classes = STROKES_LETTERS;
    letters.first = 1;
    strokes_fill(STROKES_DIGITS, 1, COUNT, digits.images, digits.labels);
    strokes_fill(STROKES_LETTERS, 1, COUNT, letters.images, letters.labels);

    printf("1..27\n");
    test_set(&digits, UINT64_C(0xec436a68be42f980), 0.7);
    test_index(&digits);
    test_distinct(&digits);
    test_set(&letters, UINT64_C(0x1fe2e8882dedbf8f), 0.6);
    test_index(&letters);
    test_distinct(&letters);
    test_full();
    return failures > 0 || tests != 27;
}
