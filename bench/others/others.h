/* others.h - what the programs of this folder share: MNIST in memory, batches in a fresh order every epoch, the clock, main()

   Each file beside this one trains the network "lesson02-fc" of bench/train.c in another library, 784-128-64-12-10 and back,
   ReLU between the layers, none after the code, a sigmoid at the end, and defines only make() and step().

       kann DATA THREADS IMAGES SECONDS     prints: loss <TAB> images a second

   It trains on so many images and prints the mean loss of the second half of them, then trains on for so many seconds.  What
   is done in their favour: the images are preloaded floats, and denormals are flushed to zero.  The 32 images that do not
   fill the last batch of an epoch are left out, since some of these libraries have one size of batch. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

enum { PIXELS = 784, BATCH = 64, LAYERS = 8 };
static const int width[LAYERS + 1] = { PIXELS, 128, 64, 12, 10, 12, 64, 128, PIXELS };
static const float rate = 1e-3f, decay = 1e-5f;

static void  make(int threads);          /* builds the network and the optimiser */
static float step(float *x);             /* trains on x[BATCH][PIXELS]; the batch's loss, the mean over all elements */

static float *images;
static int count, *order, at;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* xorshift64*: the same order for every library */
static uint32_t draw(uint32_t below)
{
    static uint64_t s = 1;
    s ^= s >> 12, s ^= s << 25, s ^= s >> 27;
    return (uint32_t)(((s * 2685821657736338717u >> 32) * below) >> 32);
}

/* Where a weight or bias of a layer with so many inputs begins: uniform in +-1/sqrt(inputs), PyTorch's way and ours. */
static float initial(int inputs) { return ((float)draw(1u << 24) / (float)(1 << 23) - 1) / sqrtf((float)inputs); }

static int read_images(const char *folder)
{
    char path[4096];
    unsigned char head[16], row[PIXELS];
    snprintf(path, sizeof path, "%s/mnist/train-images-idx3-ubyte", folder);
    FILE *f = fopen(path, "rb");
    if (!f) snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder), f = fopen(path, "rb");
    if (!f || fread(head, 1, 16, f) != 16) return fprintf(stderr, "%s: no MNIST here\n", path), 0;
    count = head[4] << 24 | head[5] << 16 | head[6] << 8 | head[7];
    images = (float *)malloc((size_t)count * PIXELS * sizeof *images);
    order = (int *)malloc((size_t)count * sizeof *order);
    if (!images || !order) return 0;
    for (int i = 0; i < count; i++) {
        if (fread(row, 1, PIXELS, f) != PIXELS) return fprintf(stderr, "%s: too short\n", path), 0;
        for (int k = 0; k < PIXELS; k++) images[(size_t)i * PIXELS + k] = row[k] / 255.0f;
        order[i] = i;
    }
    fclose(f);
    at = count;
    return count >= BATCH;
}

static void next_batch(float *x)
{
    if (at + BATCH > count) {
        at = 0;
        for (int i = count - 1; i > 0; i--) {
            int j = (int)draw((uint32_t)i + 1), other = order[j];
            order[j] = order[i], order[i] = other;
        }
    }
    for (int i = 0; i < BATCH; i++) memcpy(x + i * PIXELS, images + (size_t)order[at++] * PIXELS, PIXELS * sizeof *x);
}

int main(int argc, char **argv)
{
    static float x[BATCH * PIXELS];
    double sum = 0, start, now;
    long steps = 0, done = 0;
    if (argc != 5) return fprintf(stderr, "usage: %s DATA THREADS IMAGES SECONDS\n", argv[0]), 2;
    if (!read_images(argv[1])) return 3;
#ifdef __SSE__
    _mm_setcsr(_mm_getcsr() | 0x8040);   /* before make(): threads inherit it */
#endif
    make(atoi(argv[2]));
    const long warm = atol(argv[3]) / BATCH;
    for (long i = 0; i < warm; i++) {
        next_batch(x);
        float loss = step(x);
        if (i >= warm / 2) sum += (double)loss, steps++;
    }
    for (start = now = seconds(); now - start < atof(argv[4]); now = seconds(), done += BATCH) next_batch(x), step(x);
    printf("%.5f\t%.0f\n", steps ? sum / (double)steps : 0, now > start ? (double)done / (now - start) : 0);
    return 0;
}
