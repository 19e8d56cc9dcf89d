/* parts.c - what lesson 3 does besides training, each part beside a training epoch: nothing may take longer

   cc -O2 -I. bench/parts.c -o bench_parts -lm -lpthread && ./bench_parts [--data DIR] [--threads N] [--no-plot]

   It takes the options of a lesson and works on all 60,000 training and 10,000 test images, or on the built-in strokes.
   Prints a line for each part: seconds, and the share of an epoch.  The last line is not about lesson 3: one letter
   encoded by lesson 1's network on plain arrays, as a program does that only uses a network. */
#define _POSIX_C_SOURCE 200809L
#define AUTOENC_IMPLEMENTATION
#include "../lessons/kit.h"
#include "../lessons/tsne.h"

enum { CODE = 64, PIXELS = 784 };
static double epoch;                                         /* seconds of the training epoch that all is held against */

/* Since the last part: the clock on the wall, and all threads' time on the processor, which a busy machine changes less. */
static void said(const char *part, double start)
{
    static clock_t before;
    static double epoch_cpu;
    double took = kit_seconds() - start, cpu = (double)(clock() - before) / CLOCKS_PER_SEC;
    if (epoch < 0) epoch = took, epoch_cpu = cpu;
    if (part) printf("%-58s %8.3f s %6.2f epochs, processor %8.3f s %6.2f epochs\n", part, took, took / epoch, cpu, cpu / epoch_cpu);
    fflush(stdout);
    before = clock();
}

static ae_net *autoencoder(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *encoder = ae_sequential(net, "encoder"), *decoder = ae_sequential(net, "decoder");
    ae_nn_conv2d(encoder, 1, 16, 3, 2, 1), ae_nn_relu(encoder), ae_nn_conv2d(encoder, 16, 32, 3, 2, 1), ae_nn_relu(encoder);
    ae_nn_conv2d(encoder, 32, CODE, 7, 1, 0), ae_nn_relu(encoder);
    ae_nn_conv_transpose2d(decoder, CODE, 32, 7, 1, 0, 0), ae_nn_relu(decoder);
    ae_nn_conv_transpose2d(decoder, 32, 16, 3, 2, 1, 1), ae_nn_relu(decoder), ae_nn_conv_transpose2d(decoder, 16, 1, 3, 2, 1, 1);
    return net;
}

static void train(ae_net *net, ae_opt *adam, ae_loader *batches)
{
    ae_tensor x;
    while (ae_next_batch(batches, &x, NULL)) {
        ae_tensor loss = ae_mse_loss(ae_forward(net, x), x, AE_MEAN);
        ae_zero_grad(adam), ae_backward(loss), ae_step(adam);
    }
}

/* PCA of the pixels, of the codes, and what the maps are judged by. */
static void mathematics(kit *run, const float *image, const float *code, float *xy)
{
    double mean, pca, start = kit_seconds();
    int n = run->test.n;
    float *drawn = kit_floats(run, n, PIXELS);
    kit_baselines(run, CODE, &mean, &pca);
    said("PCA of the training images, its error on the test images", start), start = kit_seconds();
    kit_pca_images(run, CODE, drawn);
    said("PCA again, and its drawings of the test images", start), start = kit_seconds();
    kit_pca_plane(run, code, n, CODE, xy);
    said("PCA of the codes, to the plane", start), start = kit_seconds();
    tsne_label_accuracy(run->ae, xy, run->test.labels, n, 2, 10);
    said("10 nearest neighbours of each point of a map", start), start = kit_seconds();
    tsne_label_accuracy(run->ae, code, run->test.labels, n, CODE, 10);
    said("10 nearest neighbours of each code", start), start = kit_seconds();
    tsne_trustworthiness(run->ae, code, n, CODE, xy, 2, 10);
    said("trustworthiness of a map", start), start = kit_seconds();
    tsne_label_accuracy(run->ae, image, run->test.labels, n, PIXELS, 10);
    said("10 nearest neighbours of each test image, by pixels", start), start = kit_seconds();
    kit_nearest(run, image, 100);
    said("nearest training image of 100 images", start);
    free(drawn);
}

static void files(kit *run, ae_net *net, const float *image, const float *xy)
{
    double start = kit_seconds();
    kit_grid(run, "pairs", "two hundred images", image, 200, 20, 2, "-", "-");
    kit_wait(run, 1);
    said("a picture of 200 images", start), start = kit_seconds();
    kit_scatter(run, "map", "a map", xy, run->test.labels, run->test.n, 0, "-");
    kit_wait(run, 1);
    said("a picture of 10,000 points", start), start = kit_seconds();
    if (!ae_save(net, kit_path(run, "model.safetensors")) || !ae_load(net, kit_path(run, "model.safetensors"))) kit_die(run, 3, "%s", ae_error(run->ae));
    said("saving and loading the network", start);
}

/* 784-128-32 on one image at a time, after the first call. */
static void encode_one(kit *run, const float *image)
{
    float code[32];
    ae_net *net = ae_net_new(run->ae);
    ae_nn_linear(net, PIXELS, 128), ae_nn_relu(net), ae_nn_linear(net, 128, 32);
    if (!ae_predict(net, image, PIXELS, code, 32)) kit_die(run, 3, "%s", ae_error(run->ae));
    size_t before = ae_memory(run->ae);
    double start = kit_seconds();
    for (int i = 0; i < 10000; i++) ae_predict(net, image + i % run->test.n * PIXELS, PIXELS, code, 32);
    printf("one image to lesson 1's code: %.2f us, %.0f bytes more memory\n", (kit_seconds() - start) * 100, (double)(ae_memory(run->ae) - before));
}

int main(int argc, char **argv)
{
    kit run = { .lesson = "parts", .about = "what lesson 3 does besides training", .files = "pairs, map", .usual = { 1, 512, 2e-4 },
                .in_quick = { 1, 512, 2e-4 }, .in_full = { 1, 512, 2e-4 } };
    ae_ctx *ae = kit_start(&run, argc, argv, NULL);
    double start = kit_seconds(), loaded;
    kit_data(&run, KIT_DIGITS, 0);
    loaded = kit_seconds() - start;
    ae_net *net = autoencoder(ae);
    ae_opt *adam = ae_adam(net, 2e-4f);
    ae_loader *batches = kit_loader(&run, &run.train, 1), *test = kit_loader(&run, &run.test, 0);
    train(net, adam, batches);
    said(NULL, start = kit_seconds()), epoch = -1;
    train(net, adam, batches);
    said("a training epoch", start);
    printf("%-58s %8.3f s %6.2f epochs\n", "loading the data", loaded, loaded / epoch);
    start = kit_seconds();
    kit_test_loss(&run, net, test, ae_mse_loss);
    said("evaluation on the test images", start), start = kit_seconds();
    float *image = kit_images(&run, &run.test), *code = kit_floats(&run, run.test.n, CODE), *xy = kit_floats(&run, run.test.n, 2);
    said("test images as floats", start), start = kit_seconds();
    kit_apply(ae, ae_child(net, "encoder"), image, run.test.n, 1, 28, 28, 512, code);
    said("encoding the test images, 512 at a time", start), start = kit_seconds();
    kit_apply(ae, ae_child(net, "encoder"), image, run.test.n, 1, 28, 28, 1, code);
    said("encoding the test images, one at a time", start);
    mathematics(&run, image, code, xy);
    files(&run, net, image, xy);
    encode_one(&run, image);
    free(image), free(code), free(xy);
    kit_free(&run);
    return 0;
}
