/* test_mistakes.c: mistakes that students make, and what the library says to each.  The table below is the documentation:
   with the argument "page" it prints lessons/mistakes.md, every message as the library just said it, and the test
   compares that file, so the page cannot say what the library does not.  Three kinds of row:
       refused   the library stops at the call (ae_fail): the message must hold the words given here;
       told      the world's mistakes: 0 or NULL, and a text in ae_error;
       legal     it runs and is hopeless: ae_diagnose must name it (its findings are shown);
       silent    it runs, and nobody but the programmer can know: no error, no finding; the page says what to look for. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"

enum { REFUSED, TOLD, LEGAL, SILENT };
typedef struct mistake { int kind; const char *title; void (*make)(ae_ctx *ae); const char *words, *advice; } mistake;

static char found[4096];                 /* what ae_diagnose said of the last legal row, findings only */
static int  findings;
static char path[1024];                  /* a file beside the program; the page calls it model.safetensors */
static ae_ctx *other;

/* ---- what the rows work on ---- */

static ae_tensor zeros(ae_ctx *ae, int n, int c, int h, int w) { return ae_from(ae, NULL, n, c, h, w); }

/* 32 rows of 16 numbers in [0,1]: two soft bumps at different places, by whole numbers, so the page is the same everywhere. */
static const float *rows(void)
{
    static float data[32][16];
    int r, i;
    for (r = 0; r < 32; r++)
        for (i = 0; i < 16; i++) data[r][i] = (float)(8 - abs(i - r % 8) > 0 ? 8 - abs(i - r % 8) : 0) / 16 + (float)((i * 7 + r * 3) % 16 == 0) / 2;
    return &data[0][0];
}
static ae_tensor batch(ae_ctx *ae) { return ae_from(ae, rows(), 32, 16, 0, 0); }

static ae_net *autoencoder(ae_ctx *ae)   /* 16 -> 8 -> 16 */
{
    ae_net *net = ae_net_new(ae), *e = ae_sequential(net, "encoder"), *d = ae_sequential(net, "decoder");
    ae_nn_linear(e, 16, 8);
    ae_nn_relu(e);
    ae_nn_linear(d, 8, 16);
    ae_nn_sigmoid(d);
    return net;
}
static ae_tensor mse(ae_net *net, ae_tensor x) { return ae_mse_loss(ae_forward(net, x), x, AE_MEAN); }

/* Training with one thing wrong. */
enum { NO_ZERO_GRAD = 1, NO_STEP = 2, NO_BACKWARD = 4, NO_SHUFFLE = 8, SMALL_BATCH = 16 };
static void train(ae_net *net, ae_opt *opt, const float *data, int epochs, int wrong)
{
    ae_ctx *ae = net->ctx;
    ae_loader *l = ae_loader_new(ae, wrong & SMALL_BATCH ? 1 : 8, !(wrong & NO_SHUFFLE));
    ae_tensor x, loss;
    ae_load_f32(l, data, 32, 16, 0, 0);
    while (epochs > 0) {
        if (!ae_next_batch(l, &x, NULL)) { epochs--; continue; }
        loss = mse(net, x);
        if (!(wrong & NO_ZERO_GRAD)) ae_zero_grad(opt);
        if (!(wrong & NO_BACKWARD)) ae_backward(loss);
        if (!(wrong & NO_STEP)) ae_step(opt);
    }
}

/* Keeps the lines of the diagnosis that are findings: those that say more than a layer's mean and deviation. */
static void look(ae_net *net, ae_tensor x)
{
    static const char *const signs[] = { "NaN or Inf", "give the same", "saturated", "collapsed", "nothing learnt", "ae_zero_grad", "same order" };
    char text[4096], *line;
    size_t i, used = 0;
    findings = ae_diagnose(net, x, text, sizeof text);
    for (found[0] = 0, line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        for (i = 0; i < sizeof signs / sizeof signs[0]; i++)
            if (strstr(line, signs[i])) { used += (size_t)snprintf(found + used, sizeof found - used, "%s\n", line); break; }
}
static void look_at(ae_net *net) { look(net, batch(net->ctx)); }

/* ---- shapes ---- */

static void features(ae_ctx *ae)       { ae_net *n = ae_net_new(ae); ae_nn_linear(n, 15, 8); ae_forward(n, batch(ae)); }
static void flatten(ae_ctx *ae)        { ae_net *n = ae_net_new(ae); ae_nn_linear(n, 784, 128); ae_forward(n, zeros(ae, 64, 1, 28, 28)); }
static void after_conv(ae_ctx *ae)     { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 1, 8, 3, 2, 1); ae_nn_flatten(n); ae_nn_linear(n, 8 * 28 * 28, 10); ae_forward(n, zeros(ae, 4, 1, 28, 28)); }
static void channels_last(ae_ctx *ae)  { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 1, 8, 3, 1, 1); ae_forward(n, zeros(ae, 4, 28, 28, 1)); }
static void no_channel(ae_ctx *ae)     { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 1, 8, 3, 1, 1); ae_forward(n, zeros(ae, 4, 28, 28, 0)); }
static void channels(ae_ctx *ae)       { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 1, 16, 3, 2, 1); ae_nn_conv2d(n, 32, 64, 3, 2, 1); ae_forward(n, zeros(ae, 4, 1, 28, 28)); }
static void kernel(ae_ctx *ae)         { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 16, 32, 7, 1, 0); ae_forward(n, zeros(ae, 4, 16, 4, 4)); }
static void window(ae_ctx *ae)         { ae_net *n = ae_net_new(ae); ae_nn_max_pool2d(n, 2, 2, 0); ae_forward(n, zeros(ae, 4, 16, 1, 1)); }
static void output_padding(ae_ctx *ae) { ae_net *n = ae_net_new(ae); ae_nn_conv_transpose2d(n, 16, 1, 3, 2, 1, 0); ae_mse_loss(ae_forward(n, zeros(ae, 4, 16, 14, 14)), zeros(ae, 4, 1, 28, 28), AE_MEAN); }
static void output_padding_2(ae_ctx *ae) { ae_nn_conv_transpose2d(ae_net_new(ae), 16, 1, 3, 2, 1, 2); }
static void flat_target(ae_ctx *ae)    { ae_mse_loss(zeros(ae, 64, 784, 0, 0), zeros(ae, 64, 1, 28, 28), AE_MEAN); }
static void unflatten(ae_ctx *ae)      { ae_net *n = ae_net_new(ae); ae_nn_unflatten(n, 32, 7, 7); ae_forward(n, zeros(ae, 4, 784, 0, 0)); }
static void condition(ae_ctx *ae)      { ae_cat(zeros(ae, 64, 784, 0, 0), ae_one_hot(zeros(ae, 32, 0, 0, 0), 10), 1); }
static void latent(ae_ctx *ae)         { ae_add(zeros(ae, 64, 2, 0, 0), ae_mul(ae_randn(ae, 64, 3, 0, 0), ae_exp(zeros(ae, 64, 3, 0, 0)))); }
static void mean_of_axis(ae_ctx *ae)   { ae_reduce(zeros(ae, 64, 784, 0, 0), 2, AE_MEAN); }

/* ---- the step ---- */

static void backward_twice(ae_ctx *ae) { ae_tensor l = mse(autoencoder(ae), batch(ae)); ae_backward(l); ae_backward(l); }
static void two_losses(ae_ctx *ae)
{
    ae_net *net = autoencoder(ae);
    ae_tensor y = ae_forward(net, batch(ae));
    ae_backward(ae_mse_loss(y, batch(ae), AE_MEAN));
    ae_backward(ae_l1_loss(y, batch(ae), AE_MEAN));
}
static void no_scalar(ae_ctx *ae)      { ae_backward(ae_square(ae_forward(autoencoder(ae), batch(ae)))); }
static void no_grad_left(ae_ctx *ae)   { ae_grad_enabled(ae, 0); ae_backward(mse(autoencoder(ae), batch(ae))); }
static void detached(ae_ctx *ae)       { ae_backward(ae_mse_loss(ae_detach(ae_forward(autoencoder(ae), batch(ae))), batch(ae), AE_MEAN)); }
static void frozen(ae_ctx *ae)         { ae_net *n = autoencoder(ae); ae_freeze(n, 1); ae_backward(mse(n, batch(ae))); }
static void step_between(ae_ctx *ae)
{
    ae_net *net = autoencoder(ae);
    ae_opt *opt = ae_sgd(net, 0.1f);
    ae_tensor a = mse(net, batch(ae)), b = mse(net, batch(ae));
    ae_backward(a);
    ae_step(opt);
    ae_backward(b);
}
static void stale(ae_ctx *ae)
{
    ae_net *net = autoencoder(ae);
    ae_loader *l = ae_loader_new(ae, 8, 1);
    ae_tensor x, first;
    ae_load_f32(l, rows(), 32, 16, 0, 0);
    ae_next_batch(l, &x, NULL);
    first = mse(net, x);
    ae_next_batch(l, &x, NULL);
    ae_item(first);
}
static void stale_scope(ae_ctx *ae)    { size_t m = ae_begin(ae); ae_tensor z = ae_forward(autoencoder(ae), batch(ae)); ae_end(ae, m); ae_data(z); }
static void contexts(ae_ctx *ae)       { ae_forward(autoencoder(ae), batch(other)); }
static void never_made(ae_ctx *ae)     { static ae_tensor x; ae_forward(autoencoder(ae), x); }
static void grad_before(ae_ctx *ae)    { ae_grad(ae_param(autoencoder(ae), "encoder.0.weight")); }
static void write_temporary(ae_ctx *ae) { float v[2] = { 0, 0 }; ae_assign(zeros(ae, 2, 0, 0, 0), v); }
static void item_of_many(ae_ctx *ae)   { ae_item(ae_forward(autoencoder(ae), batch(ae))); }
static void batch_norm_one(ae_ctx *ae) { ae_net *n = ae_net_new(ae); ae_nn_linear(n, 16, 8); ae_nn_batch_norm1d(n, 8); ae_forward(n, zeros(ae, 1, 16, 0, 0)); }

/* ---- values ---- */

static ae_tensor filled(ae_ctx *ae, float value) { float v[4]; v[0] = v[1] = v[2] = v[3] = value; return ae_from(ae, v, 4, 0, 0, 0); }
static void pixels_255(ae_ctx *ae)     { ae_bce_loss(filled(ae, 0.5f), filled(ae, 255), AE_MEAN); }
static void normalised(ae_ctx *ae)     { ae_bce_loss(filled(ae, 0.5f), filled(ae, -0.4242f), AE_MEAN); }
static void no_sigmoid(ae_ctx *ae)     { ae_bce_loss(filled(ae, 3), filled(ae, 1), AE_MEAN); }
static void swapped(ae_ctx *ae)        { ae_net *n = autoencoder(ae); ae_tensor x = batch(ae); ae_backward(ae_bce_loss(x, ae_forward(n, x), AE_MEAN)); }
static void no_reduction(ae_ctx *ae)   { ae_mse_loss(filled(ae, 0), filled(ae, 1), (ae_reduction)0); }
static void label_26(ae_ctx *ae)       { float y[2] = { 1, 26 }; ae_one_hot(ae_from(ae, y, 2, 0, 0, 0), 26); }
static void log_of_zero(ae_ctx *ae)    { ae_detect_anomaly(ae, 1); ae_log(filled(ae, 0)); }
static void variance(ae_ctx *ae)       { ae_detect_anomaly(ae, 1); ae_exp(filled(ae, 100)); }

/* ---- building ---- */

static void late_layer(ae_ctx *ae)     { ae_net *n = autoencoder(ae); ae_adam(n, 1e-3f); ae_nn_sigmoid(n); }
static void layer_in_layer(ae_ctx *ae) { ae_nn_relu(ae_nn_linear(ae_net_new(ae), 16, 8)); }
static void same_name(ae_ctx *ae)      { ae_net *n = ae_net_new(ae); ae_name(ae_nn_linear(n, 16, 2), "mean"); ae_name(ae_nn_linear(n, 16, 2), "mean"); }
static void wrong_name(ae_ctx *ae)     { ae_param(autoencoder(ae), "encoder.1.weight"); }
static void no_child(ae_ctx *ae)       { ae_forward(ae_child(autoencoder(ae), "encodr"), batch(ae)); }
static void lr_negative(ae_ctx *ae)    { ae_set(ae_adam(autoencoder(ae), 1e-3f), AE_LR, -1e-3f); }
static void labels_short(ae_ctx *ae)   { static uint8_t y[31]; ae_loader *l = ae_loader_new(ae, 8, 1); ae_load_f32(l, rows(), 32, 16, 0, 0); ae_load_labels(l, y, 31); }
static void no_labels(ae_ctx *ae)      { ae_tensor x, y; ae_loader *l = ae_loader_new(ae, 8, 1); ae_load_f32(l, rows(), 32, 16, 0, 0); ae_next_batch(l, &x, &y); }
static void nothing_loaded(ae_ctx *ae) { ae_tensor x; ae_next_batch(ae_loader_new(ae, 8, 1), &x, NULL); }

/* ---- files and use ---- */

static void no_file(ae_ctx *ae)        { ae_load(autoencoder(ae), "no/such/model.safetensors"); }
static void other_net(ae_ctx *ae)      { ae_net *n = ae_net_new(ae); ae_nn_linear(n, 16, 8); ae_save(n, path); ae_load(autoencoder(ae), path); }
static void other_size(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae), *m = ae_net_new(ae);
    ae_nn_linear(n, 16, 8);
    ae_nn_linear(m, 16, 4);
    ae_save(n, path);
    ae_load(m, path);
}
static void not_weights(ae_ctx *ae)    { FILE *f = fopen(path, "wb"); fputs("epoch\tloss\n1\t0.25\n", f); fclose(f); ae_open(ae, path); }
static void predict_size(ae_ctx *ae)   { float out[16]; ae_net *n = autoencoder(ae); ae_predict(n, rows(), 20, out, 16); }
static void predict_room(ae_ctx *ae)   { float out[16]; ae_net *n = autoencoder(ae); ae_predict(n, rows(), 32, out, 16); }

/* ---- legal and hopeless ---- */

static void forgot_zero_grad(ae_ctx *ae) { ae_net *n = autoencoder(ae); train(n, ae_sgd(n, 0.05f), rows(), 5, NO_ZERO_GRAD); look_at(n); }
static void forgot_step(ae_ctx *ae)    { ae_net *n = autoencoder(ae); train(n, ae_adam(n, 1e-2f), rows(), 20, NO_STEP); look_at(n); }
static void forgot_backward(ae_ctx *ae) { ae_net *n = autoencoder(ae); train(n, ae_adam(n, 1e-2f), rows(), 20, NO_BACKWARD); look_at(n); }
static void other_optimiser(ae_ctx *ae) { ae_net *n = autoencoder(ae); train(n, ae_adam(autoencoder(ae), 1e-2f), rows(), 20, 0); look_at(n); }
static void not_shuffled(ae_ctx *ae)   { ae_net *n = autoencoder(ae); train(n, ae_adam(n, 1e-2f), rows(), 40, NO_SHUFFLE); look_at(n); }
static void rate_kills(ae_ctx *ae)     { ae_net *n = autoencoder(ae); train(n, ae_adam(n, 10.0f), rows(), 20, 0); look_at(n); }
static void rate_explodes(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_nn_linear(n, 16, 8);
    ae_nn_linear(n, 8, 16);
    train(n, ae_sgd(n, 100.0f), rows(), 20, 0);
    look_at(n);
}
static void rate_too_small(ae_ctx *ae) { ae_net *n = autoencoder(ae); train(n, ae_adam(n, 1e-7f), rows(), 20, 0); look_at(n); }
static void pixels_255_mse(ae_ctx *ae)
{
    static float bytes[512];
    ae_net *n = autoencoder(ae);
    int i;
    for (i = 0; i < 512; i++) bytes[i] = 255 * rows()[i];
    train(n, ae_adam(n, 1e-2f), bytes, 40, 0);
    look(n, ae_from(ae, bytes, 32, 16, 0, 0));
}
static void zero_weights(ae_ctx *ae)
{
    ae_net *n = autoencoder(ae);
    int i;
    for (i = 0; i < ae_params(n); i++) ae_assign(ae_param_at(n, i, NULL), NULL);
    train(n, ae_sgd(n, 0.1f), rows(), 20, 0);
    look_at(n);
}
static void nan_in_data(ae_ctx *ae)
{
    static float hole[512];
    ae_net *n = autoencoder(ae);
    memcpy(hole, rows(), sizeof hole);
    hole[100] = (float)(0.0 * (double)INFINITY);
    train(n, ae_adam(n, 1e-2f), hole, 5, 0);
    look_at(n);
}
static void sum_for_mean(ae_ctx *ae)     /* the reduction of the one, the learning rate of the other */
{
    ae_net *n = autoencoder(ae);
    ae_opt *opt = ae_sgd(n, 0.5f);
    int i;
    for (i = 0; i < 40; i++) {
        size_t m = ae_begin(ae);
        ae_tensor x = batch(ae), loss = ae_mse_loss(ae_forward(n, x), x, AE_SUM);
        ae_zero_grad(opt);
        ae_backward(loss);
        ae_step(opt);
        ae_end(ae, m);
    }
    look_at(n);
}
static void heavy_decay(ae_ctx *ae)    { ae_net *n = autoencoder(ae); ae_opt *o = ae_adam(n, 1e-2f); ae_set(o, AE_WEIGHT_DECAY, 10.0f); train(n, o, rows(), 60, 0); look_at(n); }
static void relu_at_the_end(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    static float minus[512];
    int i;
    for (i = 0; i < 512; i++) minus[i] = -rows()[i];
    ae_nn_linear(n, 16, 8);
    ae_nn_linear(n, 8, 16);
    ae_nn_relu(n);
    train(n, ae_adam(n, 1e-2f), minus, 40, 0);
    look(n, ae_from(ae, minus, 32, 16, 0, 0));
}

/* ---- nobody can know ---- */

static void labels_shifted(ae_ctx *ae) { static const float y[4] = { 1, 2, 3, 4 }; ae_one_hot(ae_from(ae, y, 4, 0, 0, 0), 11); }
static void test_is_train(ae_ctx *ae)  { ae_net *n = autoencoder(ae); train(n, ae_adam(n, 1e-2f), rows(), 60, 0); look_at(n); }
static void wide_latent(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_nn_linear(n, 16, 32);
    ae_nn_linear(n, 32, 16);
    train(n, ae_adam(n, 1e-2f), rows(), 60, 0);
    look_at(n);
}
static void still_training(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_nn_linear(n, 16, 8);
    ae_nn_batch_norm1d(n, 8);
    ae_nn_linear(n, 8, 16);
    train(n, ae_adam(n, 1e-2f), rows(), 60, 0);
    ae_forward(n, batch(ae));            /* without ae_train(n, 0): this batch's statistics, and the running ones move */
    look_at(n);
}

static const mistake table[] = {
    { REFUSED, "The first layer expects another number of features than a row has", features, "Linear|[B, 15]|[32, 16]", NULL },
    { REFUSED, "Images go into a Linear unflattened", flatten, "[64, 1, 28, 28]|ae_nn_flatten", NULL },
    { REFUSED, "A Linear behind a convolution of stride 2 still counts 28x28 pixels", after_conv, "[4, 1568]|6272", NULL },
    { REFUSED, "Images as [B, H, W, C], as NumPy and Pillow give them", channels_last, "[4, 28, 28, 1]|[B, 1, H, W]", NULL },
    { REFUSED, "Grey images without the channel axis", no_channel, "[4, 28, 28]|[B, 1, H, W]", NULL },
    { REFUSED, "A convolution's input channels are not the last one's output channels", channels, "Conv2d|[B, 32, H, W]|[4, 16, 14, 14]", NULL },
    { REFUSED, "The image has become smaller than the kernel", kernel, "7x7|[4, 16, 4, 4]", NULL },
    { REFUSED, "One MaxPool2d too many", window, "2x2|[4, 16, 1, 1]", NULL },
    { REFUSED, "`output_padding` forgotten: 14x14 becomes 27x27", output_padding, "output_padding|27..28", NULL },
    { REFUSED, "`output_padding` as large as the stride", output_padding_2, "output_padding 2|stride 2", NULL },
    { REFUSED, "A flat output against an image as target", flat_target, "[64, 784]|[64, 1, 28, 28]|ae_view", NULL },
    { REFUSED, "Unflatten to a size that is not there", unflatten, "784|[4, 32, 7, 7]", NULL },
    { REFUSED, "The condition of a CVAE has another batch size than the images (the last batch is smaller)", condition, "cat|[64, 784]|[32, 10]", NULL },
    { REFUSED, "Mean and deviation of a VAE with different latent sizes", latent, "[64, 2]|[64, 3]", NULL },
    { REFUSED, "The mean over an axis that is not there", mean_of_axis, "axis 2|[64, 784]", NULL },

    { REFUSED, "`ae_backward` twice through one loss", backward_twice, "second time", NULL },
    { REFUSED, "Two losses on one output, each with its own `ae_backward`", two_losses, "add the losses up", NULL },
    { REFUSED, "`ae_backward` of something that is not a scalar", no_scalar, "scalar|ae_reduce", NULL },
    { REFUSED, "Gradients were switched off for the test loop, and stayed off", no_grad_left, "gradients were off", NULL },
    { REFUSED, "The output was detached before the loss", detached, "nothing in this loss", NULL },
    { REFUSED, "Training a frozen network", frozen, "frozen", NULL },
    { REFUSED, "`ae_step` between a forward pass and its `ae_backward`", step_between, "changed by ae_step", NULL },
    { REFUSED, "The loss of the batch before", stale, "stale|ae_next_batch", NULL },
    { REFUSED, "A tensor of a scope that is closed", stale_scope, "stale|ae_keep", NULL },
    { REFUSED, "A tensor of another context", contexts, "different contexts", NULL },
    { REFUSED, "A tensor variable that was never given a value", never_made, "all zeros", NULL },
    { REFUSED, "`ae_grad` before `ae_backward`", grad_before, "ae_grad", NULL },
    { REFUSED, "Writing into a temporary tensor", write_temporary, "ae_assign|ae_keep", NULL },
    { REFUSED, "`ae_item` of a whole batch", item_of_many, "ae_item|512 elements", NULL },
    { REFUSED, "BatchNorm with a batch of one", batch_norm_one, "[1, 8]|ae_train(net, 0)", NULL },

    { REFUSED, "Pixels 0..255 as targets of BCE", pixels_255, "4 of the 4|target|between 0 and 1", NULL },
    { REFUSED, "Normalised pixels (mean 0, deviation 1) as targets of BCE", normalised, "bce_loss: |target|between 0 and 1", NULL },
    { REFUSED, "BCE without a sigmoid before it", no_sigmoid, "is a sigmoid missing?", NULL },
    { REFUSED, "Output and target of a BCE exchanged", swapped, "target asks for a gradient", NULL },
    { REFUSED, "A loss without a reduction", no_reduction, "AE_MEAN or AE_SUM", NULL },
    { REFUSED, "EMNIST's letters are labelled 1..26, not 0..25", label_26, "label 26|0..25", NULL },
    { REFUSED, "The logarithm of 0, with `ae_detect_anomaly` on", log_of_zero, "NaN or Inf|log", NULL },
    { REFUSED, "A variance that ran away, with `ae_detect_anomaly` on", variance, "NaN or Inf|exp", NULL },

    { REFUSED, "A layer added after the optimiser was made", late_layer, "Sigmoid|optimiser", NULL },
    { REFUSED, "A layer added to a layer", layer_in_layer, "ReLU|ae_sequential", NULL },
    { REFUSED, "Two layers of one name", same_name, "\"mean\"", NULL },
    { REFUSED, "A parameter's name misspelt", wrong_name, "encoder.1.weight", NULL },
    { REFUSED, "A part's name misspelt", no_child, "ae_child", NULL },
    { REFUSED, "A negative learning rate, to go downhill", lr_negative, "ae_set|-0.001", NULL },
    { REFUSED, "Fewer labels than images", labels_short, "31|32", NULL },
    { REFUSED, "Labels asked of a loader that has none", no_labels, "y is asked for", NULL },
    { REFUSED, "A loader of nothing", nothing_loaded, "nothing loaded", NULL },

    { TOLD, "A file that is not there", no_file, "cannot be opened|No such file", NULL },
    { TOLD, "The weights of another network", other_net, "encoder.0.weight|another network", NULL },
    { TOLD, "The weights of a network of another size", other_size, "[8, 16]|[4, 16]", NULL },
    { TOLD, "A log opened as a model", not_weights, "not a safetensors file", NULL },
    { TOLD, "`ae_predict` with half a row", predict_size, "20 numbers|rows of 16", NULL },
    { TOLD, "`ae_predict` with too little room for the result", predict_room, "32 numbers|room for 16", NULL },

    { LEGAL, "`ae_zero_grad` forgotten", forgot_zero_grad, "steps since the last ae_zero_grad", NULL },
    { LEGAL, "`ae_step` forgotten", forgot_step, "nothing learnt yet", NULL },
    { LEGAL, "`ae_backward` forgotten", forgot_backward, "nothing learnt yet", NULL },
    { LEGAL, "The optimiser belongs to another network", other_optimiser, "nothing learnt yet", NULL },
    { LEGAL, "Data never shuffled", not_shuffled, "same order every epoch", NULL },
    { LEGAL, "A learning rate that kills the units", rate_kills, "give the same for every input|nothing learnt yet", NULL },
    { LEGAL, "A learning rate that explodes", rate_explodes, "NaN or Inf", NULL },
    { LEGAL, "A learning rate that does nothing", rate_too_small, "nothing learnt yet", NULL },
    { LEGAL, "Pixels 0..255 against a sigmoid, with MSE", pixels_255_mse, "saturated|nothing learnt yet", NULL },
    { LEGAL, "All weights set to zero", zero_weights, "collapsed", NULL },
    { LEGAL, "One NaN in the data", nan_in_data, "NaN or Inf", NULL },
    { LEGAL, "`AE_SUM` with the learning rate of `AE_MEAN`", sum_for_mean, "give the same for every input", NULL },
    { LEGAL, "Weight decay of 10", heavy_decay, "collapsed", NULL },
    { LEGAL, "A ReLU at the end, and targets below 0", relu_at_the_end, "collapsed", NULL },

    { SILENT, "Labels off by one, with room for one more class", labels_shifted, NULL, "Print a few images with their labels. Class 0 never occurs, and what is generated for class 3 shows a 2." },
    { SILENT, "The test set is the training set", test_is_train, NULL, "Train and test loss that agree to the last digit are the sign." },
    { SILENT, "A bottleneck as wide as the data", wide_latent, NULL, "The loss goes to 0 and the code means nothing: the identity has been learnt. `ae_summary` prints the sizes." },
    { SILENT, "`ae_train(net, 0)` forgotten before the test", still_training, NULL, "The test loss then depends on the batch size. `ae_diagnose` and `ae_predict` use the running statistics by themselves." }
};
enum { ROWS = (int)(sizeof table / sizeof table[0]) };

/* ---- the test ---- */

/* Does the text hold all of the words, which | divides? */
static int holds(const char *text, const char *words)
{
    char word[100];
    for (; *words; words += *words == '|') {
        size_t n = strcspn(words, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, words);
        if (!strstr(text, word)) return 0;
        words += n;
    }
    return 1;
}

/* A NaN's sign is the processor's business: "-nan" becomes "nan", and a padded column keeps its width. */
static void plain_nan(char *text)
{
    while ((text = strstr(text, "-nan")) != NULL)
        if (text[-1] == ' ' && text[-2] == ' ') *text = ' ';
        else memmove(text, text + 1, strlen(text));
}

/* Makes the mistake; said: what the library told, with our scratch file under the name that the page uses. */
static int make(const mistake *m, char *said, size_t size, long *fails)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    char *at;
    found[0] = 0;
    findings = 0;
    m->make(ae);
    *fails = w.fails;
    snprintf(said, size, "%s", m->kind == LEGAL ? found : ae_error(ae));
    if ((at = strstr(said, path)) != NULL) {
        memmove(at + strlen("model.safetensors"), at + strlen(path), strlen(at + strlen(path)) + 1);
        memcpy(at, "model.safetensors", strlen("model.safetensors"));
    }
    plain_nan(said);
    ae_free(ae);
    ae_clear(other);
    return w.blocks == 0;
}

static void check(const mistake *m)
{
    char said[4096];
    long fails;
    int clean = make(m, said, sizeof said, &fails), good = clean;
    if (m->kind == REFUSED) good = good && fails >= 1 && holds(said, m->words);
    if (m->kind == TOLD) good = good && !fails && holds(said, m->words);
    if (m->kind == LEGAL) good = good && !fails && findings > 0 && holds(said, m->words);
    if (m->kind == SILENT) good = good && !fails && !*said && !findings;
    if (!ok(good, "%s", m->title)) printf("# said: %s%s (%d findings, %ld fails)\n", said, m->kind == SILENT ? found : "", findings, fails);
}

/* ---- the page ---- */

static const char *const heading[] = {
    "## Refused: the call stops, and says why\n\nThe program ends with status 1, or `config.on_fail` is called (see ERRORS in autoenc.h).\n",
    "## Told: 0 or NULL comes back, and `ae_error` says why\n",
    "## Legal, and hopeless: `ae_diagnose` names it\n\nPyTorch runs these as well. The lines are what `ae_diagnose(net, x, text, sizeof text)` finds in the network afterwards.\n",
    "## Silent: only you can know\n\nNothing is wrong with these programs but what they mean, so the library says nothing.\n"
};

static void print_page(FILE *out)
{
    char said[4096];
    long fails;
    int i;
    fprintf(out, "# Mistakes, and what autoenc.h says to each\n\n"
                 "%d mistakes that are easily made, each with the text that the library gives. This page is printed by\n"
                 "`tests/test_mistakes.c`, which makes every one of them in every test run and compares: `build/test_mistakes page`.\n", ROWS);
    for (i = 0; i < ROWS; i++) {
        const mistake *m = &table[i];
        const char *line;
        make(m, said, sizeof said, &fails);
        if (i == 0 || m->kind != table[i - 1].kind) fprintf(out, "\n%s", heading[m->kind]);
        fprintf(out, "\n**%d. %s.**\n", i + 1, m->title);
        if (m->advice) { fprintf(out, "%s\n", m->advice); continue; }
        fprintf(out, "\n");
        for (line = said; *line; line += strcspn(line, "\n"), line += *line == '\n') fprintf(out, "    %.*s\n", (int)strcspn(line, "\n"), line);
    }
}

/* The page in the tree is the one that would be printed now.  Measured numbers in it are those of fused kernels. */
static void check_page(void)
{
    FILE *page = fopen("lessons/mistakes.md", "rb"), *now = tmpfile();
    float x = 1.0f + 1.0f / 4096, y;
    int a, b, line = 1;
    other->kernels->map(AE_F_AFFINE, &x, &x, &y, 1, x, -(1.0f + 1.0f / 2048), 0);
    if (!page || !now || y == 0) {
        skip("%s", !now ? "there is no temporary file" : page ? "without a fused multiply-add the measured numbers on the page have other last digits" : "lessons/mistakes.md is not here: run this from the root");
        if (now) fclose(now);
        if (page) fclose(page);
        return;
    }
    print_page(now);
    rewind(now);
    do {
        a = getc(page);
        b = getc(now);
        line += a == '\n';
    } while (a == b && a != EOF);
    ok(a == b, "lessons/mistakes.md is what is printed now (else from line %d: build/test_mistakes page > lessons/mistakes.md)", line);
    fclose(page);
    fclose(now);
}

int main(int argc, char **argv)
{
    watch w;
    int i;
    snprintf(path, sizeof path, "%s.safetensors", argv[0]);
    other = watch_new(&w, 1);
    if (argc > 1 && !strcmp(argv[1], "page")) print_page(stdout);
    else {
        for (i = 0; i < ROWS; i++) check(&table[i]);
        check_page();
    }
    remove(path);
    ae_free(other);
    return argc > 1 ? 0 : tap_end();
}
