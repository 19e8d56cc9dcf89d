/* growth.c - how time and memory of a training step grow with batch, width, depth and size of the image

   cc -O2 -I. bench/growth.c -o bench_growth -lm -lpthread && ./bench_growth [threads [seconds]] > growth.tsv

   One quantity grows, the others stay as in the lessons: a fully connected network 784-128-32-128-784 and a convolutional one
   as lesson 2's without its code, 1-16-32-16-1 channels.  Each row is the best of three runs of a third of `seconds` each
   (0.3): the best, because what disturbs a run only ever makes it slower.  Memory is what the library holds.
   bench/growth.sh runs this and draws it. */
#define _POSIX_C_SOURCE 200809L
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include <time.h>

typedef struct shape { int batch, width, depth, size; } shape;      /* depth: layers that keep the width, beyond the usual */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static ae_net *fully_connected(ae_ctx *ae, shape s)
{
    ae_net *net = ae_net_new(ae);
    ae_nn_linear(net, s.size * s.size, s.width), ae_nn_relu(net);
    for (int i = 0; i < s.depth; i++) ae_nn_linear(net, s.width, s.width), ae_nn_relu(net);
    ae_nn_linear(net, s.width, 32), ae_nn_relu(net);
    ae_nn_linear(net, 32, s.width), ae_nn_relu(net);
    ae_nn_linear(net, s.width, s.size * s.size), ae_nn_sigmoid(net);
    return net;
}

static ae_net *convolutional(ae_ctx *ae, shape s)
{
    ae_net *net = ae_net_new(ae);
    ae_nn_conv2d(net, 1, s.width, 3, 2, 1), ae_nn_relu(net);
    for (int i = 0; i < s.depth; i++) ae_nn_conv2d(net, s.width, s.width, 3, 1, 1), ae_nn_relu(net);
    ae_nn_conv2d(net, s.width, 2 * s.width, 3, 2, 1), ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 2 * s.width, s.width, 3, 2, 1, 1), ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, s.width, 1, 3, 2, 1, 1), ae_nn_sigmoid(net);
    return net;
}

static void step(ae_net *net, ae_opt *adam, ae_tensor x)
{
    size_t mark = ae_begin(x.ctx);
    ae_tensor loss = ae_mse_loss(ae_forward(net, x), x, AE_MEAN);
    ae_zero_grad(adam);
    ae_backward(loss);
    ae_step(adam);
    ae_end(x.ctx, mark);
}

/* Microseconds an image of the best of three runs; the first step, which only takes memory, does not count. */
static double fastest(ae_net *net, ae_opt *adam, ae_tensor x, int batch, double budget)
{
    double best = 1e30;
    step(net, adam, x);
    for (int run = 0; run < 3; run++) {
        double start = seconds(), took = 0;
        int steps = 0;
        for (; took < budget / 3; steps++, took = seconds() - start) step(net, adam, x);
        if (took / steps < best) best = took / steps;
    }
    return 1e6 * best / batch;
}

static void row(const char *what, int value, int convolutions, shape s, int threads, double budget)
{
    ae_config config;
    memset(&config, 0, sizeof config);
    config.threads = threads;
    ae_ctx *ae = ae_new(&config);
    if (!ae) exit(3);
    ae_net *net = convolutions ? convolutional(ae, s) : fully_connected(ae, s);
    ae_opt *adam = ae_adam(net, 1e-3f);
    size_t pixels = (size_t)s.batch * s.size * s.size;
    float *image = (float *)malloc(pixels * sizeof *image);
    if (!image) exit(3);
    for (size_t i = 0; i < pixels; i++) image[i] = (float)(i * 2654435761u % 1000) / 1000;
    ae_tensor x = ae_keep(ae_from(ae, image, s.batch, convolutions ? 1 : s.size * s.size, convolutions ? s.size : 0, convolutions ? s.size : 0));
    free(image);
    ae_clear(ae);
    double us = fastest(net, adam, x, s.batch, budget);
    printf("%s\t%s\t%d\t%.4f\t%.2f\n", what, convolutions ? "cnn" : "fc", value, us, (double)ae_memory(ae) / 1048576);
    fflush(stdout);
    ae_free(ae);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 2;
    double budget = argc > 2 ? atof(argv[2]) : 0.3;
    printf("growing\tnet\tvalue\tmicroseconds_per_image\tmib\n");
    for (int cnn = 0; cnn < 2; cnn++) {
        const shape usual = { 64, cnn ? 16 : 128, 0, 28 };
        shape s = usual;
        for (s.batch = 1; s.batch <= 4096; s.batch *= 2) row("batch", s.batch, cnn, s, threads, budget);
        for (s = usual, s.width = cnn ? 4 : 16; s.width <= (cnn ? 128 : 4096); s.width *= 2) row("width", s.width, cnn, s, threads, budget);
        for (s = usual, s.depth = 1; s.depth <= 64; s.depth *= 2) row("depth", s.depth, cnn, s, threads, budget);
        for (s = usual, s.size = 28; s.size <= 224; s.size += 28) row("size", s.size, cnn, s, threads, budget);
    }
    return 0;
}
