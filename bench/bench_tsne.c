/* bench_tsne.c - seconds and quality of our t-SNE, to set beside tsne_others.py

   cc -O2 bench/bench_tsne.c -o bench_tsne -lm -lpthread
   ./bench_tsne latents.npy [labels.npy] [threads [iterations [map.f32]]]

   Reads a float32 .npy of shape (n, d) and, for the accuracy, a uint8 .npy of shape (n,).  The time is that of tsne_run alone.
   The map is written as raw float32 [n][2], which tsne_others.py can judge by its own measures. */
#define _POSIX_C_SOURCE 199309L      /* for clock_gettime under -std=c99 */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "../lessons/tsne.h"
#include <time.h>

/* The data of a little-endian, C-ordered .npy, and its shape; NULL with a message if it is something else. */
static void *read_npy(const char *path, const char *type, int *rows, int *columns, size_t element)
{
    unsigned char head[10];
    char text[4096] = "";
    FILE *f = fopen(path, "rb");
    size_t length, want;
    char *shape;
    void *data = NULL;
    *rows = 0, *columns = 1;
    if (f && fread(head, 1, 10, f) == 10 && !memcmp(head, "\x93NUMPY\x01", 7)) {
        length = head[8] + 256u * head[9];
        if (length < sizeof text && fread(text, 1, length, f) == length && strstr(text, type) && strstr(text, "False")) {
            shape = strchr(text, '(');
            if (shape) sscanf(shape, "(%d, %d", rows, columns);
            want = (size_t)*rows * (size_t)*columns;
            data = malloc(want * element + 1);
            if (data && fread(data, element, want, f) != want) free(data), data = NULL;
        }
    }
    if (f) fclose(f);
    if (!data) fprintf(stderr, "%s: not a readable %s .npy\n", path, type);
    return data;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    ae_config config;
    tsne_options opt = tsne_defaults();
    tsne_report report;
    int n, d, labels = 0, one;
    if (argc < 2) return fprintf(stderr, "usage: bench_tsne latents.npy [labels.npy] [threads [iterations [map.f32]]]\n"), 2;
    float *data = (float *)read_npy(argv[1], "<f4", &n, &d, 4);
    int at = 2;
    uint8_t *label = argc > 2 && strstr(argv[2], ".npy") ? (uint8_t *)read_npy(argv[at++], "|u1", &labels, &one, 1) : NULL;
    memset(&config, 0, sizeof config);
    config.threads = argc > at ? atoi(argv[at++]) : 2;
    if (argc > at) opt.iterations = atoi(argv[at++]);
    ae_ctx *ae = ae_new(&config);
    float *map = (float *)malloc((size_t)(n > 0 ? n : 1) * 2 * sizeof *map);
    if (!data || !ae || !map) return 3;
    double start = seconds();
    if (!tsne_run(ae, data, n, d, &opt, map, &report)) return fprintf(stderr, "%s\n", report.note), 1;
    double took = seconds() - start;
    printf("autoenc  %d x %d  %d threads  %.2f s  KL %.4f", n, d, ae_threads(ae), took, report.kl);
    if (label && labels == n) printf("  kNN-10 %.4f", tsne_label_accuracy(ae, map, label, n, 2, 10));
    printf("  trustworthiness %.4f  %d iterations  %s\n", tsne_trustworthiness(ae, data, n, d, map, 2, 10), report.iterations, report.note);
    if (argc > at) {
        FILE *f = fopen(argv[at], "wb");
        if (!f || fwrite(map, 8, (size_t)n, f) != (size_t)n || fclose(f)) return fprintf(stderr, "cannot write %s\n", argv[at]), 3;
    }
    free(data), free(label), free(map);
    ae_free(ae);
    return 0;
}
