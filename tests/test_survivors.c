/* test_survivors.c: what mutate.pl found that no other test noticed: each check here is awake for a fault that had lived.  Values of
   sums over an axis, one frozen parameter beside one that learns, what a gradient check must see, what comes back after a prediction or a
   diagnosis, two loaders in one checkpoint, what a file may look like, limits and texts, and that a gradient is written nowhere else. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"
#include "numbers.h"

static watch w;
static char path[1100];

static ae_tensor sum_of_squares(ae_tensor x) { return ae_reduce(ae_square(x), -1, AE_SUM); }

/* ---- values ---- */

static void check_reduce(ae_ctx *ae)
{
    enum { A = 2, B = 3, C = 4, D = 5 };
    static const int size[4] = { A, B, C, D };
    ae_tensor x = numbers(ae, A, B, C, D, 0.5f, 0.25f);
    int axis, mean, o, i, k;
    for (axis = 0; axis < 4; axis++)
        for (mean = 0; mean < 2; mean++) {
            ae_tensor r = ae_reduce(x, axis, mean ? AE_MEAN : AE_SUM);
            const float *y = ae_data(r), *p = ae_data(x);
            int len = size[axis], inner = 1, outer = 1, good = ae_dims(r) == 3;
            for (i = 0; i < axis; i++) outer *= size[i];
            for (i = axis + 1; i < 4; i++) inner *= size[i];
            for (o = 0; o < outer; o++)
                for (i = 0; i < inner; i++) {
                    double sum = 0;
                    for (k = 0; k < len; k++) sum += (double)p[(o * len + k) * inner + i];
                    good &= fabs((double)y[o * inner + i] - (mean ? sum / len : sum)) < 1e-6;
                }
            ok(good, "%s over axis %d", mean ? "the mean" : "the sum", axis);
        }
}

/* The last of four axes is repeated, or it is there. */
static void check_expand(ae_ctx *ae)
{
    static const float v[3] = { 1, 2, 3 };
    const float *row = ae_data(ae_expand(ae_from(ae, v, 1, 1, 1, 3), 2, 1, 2, 3)), *column = ae_data(ae_expand(ae_from(ae, v, 1, 1, 3, 1), 2, 1, 3, 2));
    int i, good = 1;
    for (i = 0; i < 12; i++) good &= row[i] == v[i % 3] && column[i] == v[i / 2 % 3];
    ok(good, "expand: the last axis is copied where it is there, and repeated where it is not");
    ok(ae_size(ae_matmul(numbers(ae, 3, 2, 0, 0, 1, 1), numbers(ae, 2, 5, 0, 0, 1, 1)), -1) == 15, "a product of matrices has as many numbers as its shape says");
}

static void check_detach(ae_ctx *ae)
{
    static const float v[3] = { 1, 2, 3 };
    size_t mark = ae_begin(ae);
    ae_tensor kept = ae_keep(ae_from(ae, v, 3, 0, 0, 0)), d = ae_detach(kept);
    ok(same(d, ae_from(ae, v, 3, 0, 0, 0)), "ae_detach of a kept tensor holds its values");
    ae_assign(kept, NULL);
    ok(same(d, ae_from(ae, v, 3, 0, 0, 0)), "and goes on holding them when it is assigned to");
    ae_end(ae, mark);
    ae_data(d);
    refused(ae, "stale tensor", "it is a temporary");
}

/* Forty steps at once, and one after the other: the same bits; and the gradients are right. */
enum { T = 40 };
static ae_tensor sequence_loss(void *net) { return sum_of_squares(ae_forward((ae_net *)net, numbers(((ae_net *)net)->ctx, 2, T, 3, 0, -0.3f, 0.2f))); }
static void check_long_sequence(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *lstm = ae_nn_lstm(net, 3, 4, 1);
    ae_tensor x = ae_randn(ae, 2, T, 3, 0), h = ae_from(ae, NULL, 1, 2, 4, 0), c = ae_from(ae, NULL, 1, 2, 4, 0), all = ae_lstm(lstm, x, NULL, NULL);
    double error;
    int t, good = 1;
    for (t = 0; t < T; t++) good &= same(ae_lstm(lstm, ae_slice(x, 1, t, t + 1), &h, &c), ae_slice(all, 1, t, t + 1));
    ok(good, "an LSTM over %d steps gives what it gives step by step", T);
    error = ae_check_grad(net, sequence_loss, net);
    ok(error > 0 && error < 2e-2, "and its gradients are those of differences, to %.1e", error);
}

static void check_fresh_norm(ae_ctx *ae)
{
    static const char *const name[] = { "0.weight", "0.bias", "0.running_mean", "0.running_var", "0.num_batches_tracked" };
    static const float want[] = { 1, 0, 0, 1, 0 };
    ae_net *net = ae_net_new(ae);
    int i, k, good = 1;
    ae_nn_batch_norm1d(net, 3);
    for (i = 0; i < 5; i++) {
        ae_tensor p = ae_param(net, name[i]);
        for (k = 0; k < ae_size(p, -1); k++) good &= ae_data(p)[k] == want[i];
    }
    ok(good, "a new BatchNorm has weights 1, biases 0, mean 0, variance 1, and has seen nothing");
}

/* More rows than a chunk of its sums, more channels than any padding.  Neither a shift of a channel nor a scale changes the result, so its
   gradient is at right angles to both. */
static void check_large_norm(ae_ctx *ae, int rows)
{
    enum { C = 65 };
    ae_net *net = ae_net_new(ae);
    size_t mark = ae_begin(ae);
    ae_tensor x = ae_randn(ae, rows, C, 0, 0), y;
    const float *p = ae_data(x), *q, *d;
    int ch, i;
    double worst = 0, askew = 0;
    ae_nn_batch_norm1d(net, C);
    ae_requires_grad(x, 1);
    y = ae_forward(net, x);
    q = ae_data(y);
    ae_backward(ae_reduce(ae_exp(y), -1, AE_SUM));
    d = ae_data(ae_grad(x));
    for (ch = 0; ch < C; ch++) {
        double mean = 0, var = 0, shift = 0, scale = 0, size = 0;
        for (i = 0; i < rows; i++) mean += (double)p[i * C + ch] / rows;
        for (i = 0; i < rows; i++) var += ((double)p[i * C + ch] - mean) * ((double)p[i * C + ch] - mean) / rows;
        for (i = 0; i < rows; i += 61) worst = fmax(worst, fabs(((double)p[i * C + ch] - mean) / sqrt(var + 1e-5) - (double)q[i * C + ch]));
        for (i = 0; i < rows; i++) shift += (double)d[i * C + ch], scale += (double)d[i * C + ch] * (double)q[i * C + ch], size += fabs((double)d[i * C + ch]);
        askew = fmax(askew, fmax(fabs(shift), fabs(scale)) / size);
    }
    ok(worst < 1e-5, "BatchNorm of %d rows and %d channels: off by %.1e at most", rows, C, worst);
    ok(askew < 1e-3, "its gradient neither shifts nor scales a channel (%.1e)", askew);
    ae_end(ae, mark);
}

/* A border is no number: it never wins, however small the others are. */
static void check_border(ae_ctx *ae)
{
    static float v[2 * 9];
    ae_net *net = ae_net_new(ae);
    const float *y;
    int i, good = 1;
    for (i = 0; i < 18; i++) v[i] = -5.0f - (float)(i % 9);
    ae_nn_max_pool2d(net, 3, 2, 1);
    y = ae_data(ae_forward(net, ae_from(ae, v, 2, 1, 3, 3)));
    for (i = 0; i < 8; i++) good &= y[i] == v[i % 4 / 2 * 3 + i % 2];
    ok(good, "max pooling with a border of images below zero");
}

/* A ReLU is computed, whatever stands in front of it: most layers cannot be fused with one. */
static void check_relu_behind(ae_ctx *ae)
{
    ae_tensor x = numbers(ae, 3, 2, 4, 4, -3.0f, 0.5f), y;
    int kind, i;
    for (kind = 0; kind < 11; kind++) {
        ae_net *net = ae_net_new(ae), *l = NULL;
        int negative = 0;
        if (kind > 7 && kind < 10) ae_nn_flatten(net);
        switch (kind) {
        case 0: l = ae_nn_flatten(net); break;
        case 1: l = ae_nn_tanh(net); break;
        case 2: l = ae_nn_sigmoid(net); break;
        case 3: l = ae_nn_leaky_relu(net, 0.5f); break;
        case 4: l = ae_nn_max_pool2d(net, 2, 2, 0); break;
        case 5: l = ae_nn_upsample(net, 2, 1); break;
        case 6: l = ae_nn_batch_norm2d(net, 2); break;
        case 7: l = ae_nn_dropout(net, 0); break;
        case 8: l = ae_nn_log_softmax(net); break;
        case 9: l = ae_nn_unflatten(net, 8, 2, 2); break;
        case 10: ae_nn_unflatten(net, 2, 16, 1); ae_nn_unflatten(net, 4, 8, 1); l = ae_nn_relu(net); break;
        }
        ae_nn_relu(net);
        y = ae_forward(net, x);
        for (i = 0; i < ae_size(y, -1); i++) negative += ae_data(y)[i] < 0;
        ok(!negative && l, "a ReLU behind %s", l ? l->kind->name : "nothing");
    }
}

/* What is read of a kept tensor is what it holds now, however often it changes. */
static void check_read_again(ae_ctx *ae)
{
    static const float first[6] = { 1, 2, 3, 4, 5, 6 }, second[6] = { 9, 8, 7, 6, 5, 4 };
    ae_net *net = ae_net_new(ae);
    ae_tensor weight;
    ae_nn_linear(net, 3, 2);
    weight = ae_param(net, "0.weight");
    ae_assign(weight, first);
    ok(!memcmp(ae_data(weight), first, sizeof first), "a weight is read as it was assigned");
    ae_assign(weight, second);
    ok(!memcmp(ae_data(weight), second, sizeof second), "and once more after the next time");
}

/* Rows of three axes are served as such. */
static void check_three_axes(ae_ctx *ae)
{
    static float v[24];
    ae_loader *l = ae_loader_new(ae, 2, 0);
    ae_tensor x;
    int i;
    for (i = 0; i < 24; i++) v[i] = (float)i;
    ok(ae_load_f32(l, v, 4, 2, 3, 0) && ae_next_batch(l, &x, NULL) && ae_next_batch(l, &x, NULL) && ae_dims(x) == 3 && ae_size(x, 1) == 2 && ae_size(x, 2) == 3 && !memcmp(ae_data(x), v + 12, 12 * sizeof(float)),
       "a loader of [4, 2, 3] serves [2, 2, 3]");
}

/* ---- gradients ---- */

/* One of a layer's two parameters is frozen: the other one gets the gradient that it got before, and not what was there. */
static void check_one_frozen(ae_ctx *ae)
{
    static const char *const name[] = { "0.weight", "0.bias" };
    int frozen;
    for (frozen = 0; frozen < 2; frozen++) {
        ae_net *net = ae_net_new(ae);
        ae_opt *adam;
        ae_tensor x[2], want;
        memset(&want, 0, sizeof want);
        ae_nn_linear(net, 4, 3);
        adam = ae_adam(net, 0);
        x[0] = numbers(ae, 5, 4, 0, 0, 0.2f, 0.3f);
        x[1] = numbers(ae, 5, 4, 0, 0, 0.7f, 0.1f);
        ae_backward(sum_of_squares(ae_forward(net, x[1])));
        want = ae_keep(ae_grad(ae_param(net, name[!frozen])));
        ae_zero_grad(adam);
        ae_backward(sum_of_squares(ae_forward(net, x[0])));
        ae_zero_grad(adam);
        ae_requires_grad(ae_param(net, name[frozen]), 0);
        ae_backward(sum_of_squares(ae_forward(net, x[1])));
        ok(same(ae_grad(ae_param(net, name[!frozen])), want), "%s frozen alone: %s gets its own gradient", name[frozen], name[!frozen]);
    }
}

/* f = e^x e^y e^x: df/dx = 2 f and df/dy = f.  Memory of gradients that are used up is given to later ones, each piece to one. */
static void check_products(ae_ctx *ae, int n)
{
    ae_tensor x = numbers(ae, n, 0, 0, 0, 0.1f, 0.05f), y = numbers(ae, n, 0, 0, 0, 0.3f, 0.02f), f;
    const float *dx, *dy, *value;
    int i, good = 1;
    ae_requires_grad(x, 1);
    ae_requires_grad(y, 1);
    f = ae_mul(ae_mul(ae_exp(x), ae_exp(y)), ae_exp(x));
    ae_backward(n == 1 ? f : ae_reduce(f, -1, AE_SUM));
    value = ae_data(f);
    dx = ae_data(ae_grad(x));
    dy = ae_data(ae_grad(y));
    for (i = 0; i < n; i++) good &= fabs((double)dx[i] - 2 * (double)value[i]) < 1e-5 * (double)value[i] && fabs((double)dy[i] - (double)value[i]) < 1e-5 * (double)value[i];
    ok(good, "the gradients of a product of products of %d", n);
}

/* The square, with a gradient that is a tenth too large, or that is no number. */
static float factor;
static const char *tenth_shape(ae_call *c) { c->out.ndim = c->in[0].ndim; memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim); return NULL; }
static void tenth_forward(ae_call *c)
{
    int i, n = c->out.dim[0];
    for (i = 0; i < n; i++) c->out.data[i] = c->in[0].data[i] * c->in[0].data[i];
}
static void tenth_backward(ae_call *c)
{
    int i, n = c->out.dim[0];
    for (i = 0; i < n; i++) c->din[0].data[i] += factor * c->in[0].data[i] * c->dout.data[i];
}
static const ae_op tenth_op = { "tenth", 1, tenth_shape, tenth_forward, tenth_backward, 0 };
static ae_tensor tenth_loss(void *net)
{
    ae_tensor p = ae_param((ae_net *)net, "p");
    ae_tensor sum = ae_reduce(ae_apply(&tenth_op, &p, NULL, 0), -1, AE_SUM);
    return ae_child((ae_net *)net, "q") ? ae_add(sum, sum_of_squares(ae_param((ae_net *)net, "q"))) : sum;
}
static ae_tensor first_loss(void *net) { return sum_of_squares(ae_forward(ae_child((ae_net *)net, "0"), numbers(((ae_net *)net)->ctx, 4, 3, 0, 0, 0.4f, 0.3f))); }
static ae_tensor weight_loss(void *net) { return sum_of_squares(ae_param((ae_net *)net, "0.weight")); }

static void check_checker(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *two = ae_net_new(ae), *alone = ae_net_new(ae);
    size_t marks = ae->n_marks;
    const float wrong[3] = { NAN, INFINITY, 1e30f };
    double error;
    int i;
    ae_nn_parameter(net, "p", 1, 4000, 0, 0, 0);
    ae_nn_parameter(net, "q", 1, 5, 0, 0, 0);                /* whose gradient is well, and is looked at last */
    for (i = 0; i < 3; i++) {
        factor = wrong[i];
        error = ae_check_grad(net, tenth_loss, net);
        ok(!(error < 1), "ae_check_grad: gradients of %g are not well (%g)", (double)wrong[i], error);
    }
    ae_nn_parameter(alone, "p", 1, 30, 0, 0, 0);
    factor = 0;
    error = ae_check_grad(alone, tenth_loss, alone);
    ok(error > 1, "nor is one that is zero where the loss changes (%g)", error);
    ok(ae->n_marks == marks, "and no scope is left open");
    factor = 2.2f;
    error = ae_check_grad(net, tenth_loss, net);
    ok(error > 0.08 && error < 0.12, "ae_check_grad: a gradient of 4000 numbers that is a tenth too large is 9 %% off (%.3f)", error);
    ae_nn_linear(two, 3, 2);
    ae_nn_linear(two, 2, 2);
    ae_backward(sum_of_squares(ae_forward(two, numbers(ae, 4, 3, 0, 0, 0.4f, 0.3f))));
    ok(ae_check_grad(two, first_loss, two) < 1e-2, "gradients that were there do not count, nor do parameters that the loss does not use");
    weight_loss(two);                                        /* leaves the weight in another layout behind */
    ok(ae_check_grad(two, weight_loss, two) < 1e-2, "a weight that is looked at itself is looked at again after every change");
}

/* Memory of the step is full of other numbers; behind the gradient of x lies a guard.  The gradient goes nowhere else. */
static ae_tensor end_of(ae_tensor x) { return ae_slice(x, 1, 40, 48); }
static ae_tensor twice(ae_tensor x) { return ae_cat(x, x, 1); }
static ae_tensor five_times(ae_tensor x) { return ae_expand(x, 5, 48, 0, 0); }
static ae_tensor mean_of(ae_tensor x) { return ae_reduce(x, 1, AE_MEAN); }
static void check_guards(ae_ctx *ae, const char *name, ae_tensor (*op)(ae_tensor x))
{
    static float big[20000], ones[64];
    size_t mark;
    int i, good = 1;
    ae_tensor x, guard;
    for (i = 0; i < 20000; i++) big[i] = 1e6f;
    for (i = 0; i < 64; i++) ones[i] = 1;
    ae_clear(ae);
    mark = ae_begin(ae);
    ae_from(ae, big, 20000, 0, 0, 0);
    ae_end(ae, mark);
    x = numbers(ae, 1, 48, 0, 0, 0.1f, 0.2f);
    ae_requires_grad(x, 1);
    guard = ae_from(ae, ones, 64, 0, 0, 0);
    ae_backward(sum_of_squares(op(x)));
    for (i = 0; i < 64; i++) good &= ae_data(guard)[i] == 1;
    ok(good, "%s: the gradient is added to its input's, and to nothing behind that", name);
    ae_clear(ae);
}

/* A denormal number of the caller's is one before and after a step: only the library's own arithmetic flushes them. */
static void check_denormals(ae_ctx *ae)
{
    volatile float tiny = 1e-40f;
    ae_net *net = ae_net_new(ae);
    ae_opt *adam;
    int before = tiny * 0.5f != 0;
    ae_nn_linear(net, 2, 2);
    adam = ae_adam(net, 0.1f);
    ae_backward(sum_of_squares(ae_forward(net, numbers(ae, 3, 2, 0, 0, 1, 0.5f))));
    ae_step(adam);
    ok((tiny * 0.5f != 0) == before, "after ae_step the caller's arithmetic is what it was");
}

/* ---- what comes back ---- */

static void check_after_predict(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *line = ae_net_new(ae);
    ae_tensor x = numbers(ae, 6, 2, 0, 0, 0.3f, 0.4f);
    float in[5] = { -1, 0, 1, 2, -3 }, out[12];
    ae_nn_batch_norm1d(net, 2);
    ae_forward(net, x);
    ae_predict(net, ae_data(x), 12, out, 12);
    ae_forward(net, x);
    ok(ae_data(ae_param(net, "0.num_batches_tracked"))[0] == 2, "after ae_predict a network in training trains on");
    ae_nn_relu(line);
    ae_forward(line, ae_from(ae, in, 3, 0, 0, 0));
    ok(ae_predict(line, in, 5, out, 12) == 5 && out[0] == 0 && out[3] == 2, "a network of plain numbers predicts rows of one");
}

static void check_after_diagnose(ae_ctx *ae)
{
    static const float half[6] = { 0.5f, -0.25f, 1, 0, 0, 0 };
    ae_net *net = ae_net_new(ae), *image = ae_net_new(ae);
    char text[2000];
    const char *line;
    ae_tensor x = numbers(ae, 7, 3, 0, 0, -0.5f, 0.4f);
    double mean;
    ae_nn_linear(net, 3, 2);
    ae_assign(ae_param(net, "0.weight"), half);
    ok(ae_diagnose(net, x, text, sizeof text) == 1 && strstr(text, "1 of 2 units"), "half of the units that never change are a finding");
    ok(ae->fuse == 1, "after ae_diagnose activations are fused again");
    ae_nn_linear(image, 3, 8);
    ae_nn_unflatten(image, 2, 2, 2);
    ae_nn_sigmoid(image);
    mean = (double)ae_item(ae_reduce(ae_forward(image, x), -1, AE_MEAN));
    ae_diagnose(image, x, text, sizeof text);
    line = strstr(text, "Sigmoid");
    ok(line && fabs(strtod(strstr(line, "mean") + 4, NULL) - mean) < 1e-3 * mean, "images in PyTorch's order are looked into, too: mean %.4f", mean);
}

/* What is made while a loader is at work goes with its next batch, also when it began in a scope that is closed by now. */
static void check_rewind(ae_ctx *ae)
{
    static const float rows[4] = { 1, 2, 3, 4 };
    ae_loader *l = ae_loader_new(ae, 1, 0);
    ae_tensor x, t;
    size_t mark;
    ae_load_f32(l, rows, 4, 1, 0, 0);
    ae_clear(ae);
    mark = ae_begin(ae);
    ae_next_batch(l, &x, NULL);
    ae_end(ae, mark);
    t = ae_scalar(ae, 1);
    ae_next_batch(l, &x, NULL);
    ae_data(t);
    ok(ae->step.top == 1 && ae_item(x) == 2, "a batch drops what was made since the last one");
    refused(ae, "stale tensor", "and says so");
    while (ae_next_batch(l, &x, NULL)) { }
    t = ae_scalar(ae, 7);
    ok(ae_next_batch(l, &x, NULL) && ae_item(t) == 7, "but what was made between two epochs stays");
}

/* ---- files ---- */

/* Does the head of the file hold these words? */
static int in_file(const char *words)
{
    static char text[200000];
    FILE *f = fopen(path, "rb");
    size_t i, n = f ? fread(text, 1, sizeof text - 1, f) : 0, most = strlen(words);
    if (f) fclose(f);
    for (i = 0; i + most <= n; i++) if (!memcmp(text + i, words, most)) return 1;
    return 0;
}
static void check_two_loaders(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    static const float rows[2][6] = { { 1, 2, 3, 4, 5, 6 }, { 10, 20, 30, 40, 50, 60 } };
    ae_loader *l[2];
    ae_tensor x;
    float want[2], got[2];
    int i;
    for (i = 0; i < 2; i++) {
        l[i] = ae_loader_new(ae, 1, 1);
        ae_load_f32(l[i], rows[i], 6, 1, 0, 0);
        ae_next_batch(l[i], &x, NULL);
        if (i) ae_next_batch(l[i], &x, NULL);
    }
    ae_nn_linear(net, 1, 1);
    ae_adam(net, 0.1f);
    ae_sgd(net, 0.1f);
    if (!ae_save_all(ae, path)) { refused(ae, "big-endian", "no checkpoints here"); return; }
    ok(in_file("\"opt0.knobs\"") && in_file("\"opt1.knobs\"") && !in_file("\"opt-1"), "the optimisers of a checkpoint are numbered from 0 on");
    for (i = 0; i < 2; i++) { ae_next_batch(l[i], &x, NULL); want[i] = ae_item(x); }
    ok(ae_load_all(ae, path), "a checkpoint with two loaders is read (%s)", ae_error(ae));
    for (i = 0; i < 2; i++) { ae_next_batch(l[i], &x, NULL); got[i] = ae_item(x); }
    ok(want[0] == got[0] && want[1] == got[1], "and both go on where they were");
    remove(path);
}

static int write_file(const char *header, size_t length, const void *data, size_t bytes)
{
    uint64_t n = length;
    FILE *f = fopen(path, "wb");
    int well = f && fwrite(&n, 8, 1, f) == 1 && fwrite(header, 1, length, f) == length && fwrite(data, 1, bytes, f) == bytes;
    return f && !fclose(f) && well;
}

static void check_files(ae_ctx *ae)
{
    static const float v[6] = { 1, 2, 3, 4, 5, 6 };
    static const char spaced[] = " { \"__metadata__\" : { \"format\" : \"p t\" } ,\n\t\"p\" : { \"dtype\" : \"F32\" , \"shape\" : [ 2 , 3 ] ,\r\n \"data_offsets\" : [ 0 , 24 ] } } ";
    static const char unknown[] = "{\"p\":{\"type\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}";
    static char large[(1 << 20) + 200];
    ae_net *net = ae_net_new(ae), *other = ae_net_new(ae), *wide = ae_net_new(ae);
    float back[6] = { 0 };
    ae_tensor loss;
    FILE *f;
    int i;
    ae_nn_parameter(net, "p", 1, 2, 3, 0, 0);
    ae_assign(ae_param(net, "p"), v);
    ok(ae_save(net, path) && (f = fopen(path, "rb")) != NULL && !fseek(f, -24, SEEK_END) && fread(back, 4, 6, f) == 6 && !fclose(f) && !memcmp(v, back, sizeof v),
       "a matrix of your own is saved row by row");
    ae_nn_linear(other, 3, 2);
    ok(ae_save(other, path) && (f = fopen(path, "rb")) != NULL && !fseek(f, -32, SEEK_END) && fread(back, 4, 6, f) == 6 && !fclose(f) && !memcmp(ae_data(ae_param(other, "0.weight")), back, sizeof back),
       "a layer's weight is saved in PyTorch's order, not in ours");
    ae_save(net, path);
    loss = sum_of_squares(ae_forward(other, numbers(ae, 3, 3, 0, 0, 1, 0.5f)));
    ok(!ae_load(other, path) && strstr(ae_error(ae), "another network"), "a file of another network is refused (%s)", ae_error(ae));
    ae_backward(loss);
    ok(!strstr(ae_error(ae), "changed") && ae_size(ae_grad(ae_param(other, "0.weight")), -1) == 6, "and the step that was under way goes on");
    ae_clear(ae);
    ae_assign(ae_param(net, "p"), NULL);
    ok(write_file(spaced, strlen(spaced), v, sizeof v) && ae_load(net, path) && !memcmp(ae_data(ae_param(net, "p")), v, sizeof v), "white space between the signs of a header is none of its faults (%s)", ae_error(ae));
    ae_clear(ae);
    ok(write_file(unknown, strlen(unknown), v, sizeof v) && !ae_load(net, path), "a tensor with a type, but no dtype");
    refused(ae, "unknown or repeated key", "is refused for that");
    i = sprintf(large, "{\"");
    memset(large + i, 'a', (1 << 20) + 1);
    strcpy(large + i + (1 << 20) + 1, "\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}");
    ok(write_file(large, strlen(large), v, sizeof v) && !ae_load(net, path), "a name of a megabyte and a sign");
    refused(ae, "over a megabyte", "is refused for that");
    for (i = 0; i < 40; i++) { char name[8]; sprintf(name, "c%d", i); ae_nn_relu(ae_sequential(wide, name)); }
    ae_forward(wide, ae_from(ae, v, 2, 3, 0, 0));
    ok(ae_save(wide, path) && ae_open(ae, path) != NULL, "forty containers beside each other are no depth (%s)", ae_error(ae));
    remove(path);
}

/* A number with something behind it is damaged; what ae_open refuses leaves no trace in the numbering of networks. */
static void check_damaged_number(ae_ctx *ae)
{
    static char text[4000];
    ae_net *net = ae_net_new(ae);
    size_t n = 0;
    char *at;
    int roots = ae->n_roots;
    FILE *f;
    ae_nn_linear(net, 2, 2);
    ae_nn_leaky_relu(net, 0.2f);
    if (ae_save(net, path) && (f = fopen(path, "rb")) != NULL) { n = fread(text, 1, sizeof text, f); fclose(f); }
    at = n > 8 ? strstr(text + 8, "0.200000003") : NULL;
    if (!ok(at != NULL, "a slope is written with nine digits")) return;
    at[10] = '-';
    ok((f = fopen(path, "wb")) != NULL && fwrite(text, 1, n, f) == n && !fclose(f) && !ae_open(ae, path), "0.20000000- is no number");
    refused(ae, "damaged", "and says so");
    ok(ae->n_roots == roots, "what was refused is not counted");
    remove(path);
}

/* ---- limits and texts ---- */

static void check_limits(ae_ctx *ae)
{
    ae_net *pool = ae_net_new(ae), *narrow = ae_net_new(ae), *up = ae_net_new(ae), *wide = ae_net_new(ae), *convt = ae_net_new(ae), *count = ae_net_new(ae), *mixed = ae_net_new(ae), *texts = ae_net_new(ae);
    ae_tensor large;
    char text[600];
    ae_nn_max_pool2d(pool, 2, 2, 0);
    ok(ae_size(ae_forward(pool, ae_from(ae, NULL, 600, 1, 8, 8)), 0) == 600 && !*ae_error(ae), "600 small images can be pooled: the limit is for one (%s)", ae_error(ae));
    ae_clear(ae);
    ae_forward(pool, ae_from(ae, NULL, 1, 1, 4097, 4096));
    refused(ae, "image of [1, 1, 4097, 4096]", "one of more than 2^24 numbers cannot");
    ae_nn_max_pool2d(narrow, 4, 4, 1);
    ae_forward(narrow, ae_from(ae, NULL, 1, 1, 8, 1));
    refused(ae, "window does not fit", "a window of 4 over a width of 1 and a border of 1");
    ae_forward(narrow, ae_from(ae, NULL, 1, 1, 1, 8));
    refused(ae, "window does not fit", "and over a height of 1");
    ok(ae_size(ae_from(ae, NULL, 1 << 24, 0, 0, 0), 0) == 1 << 24, "an axis of 2^24 is the longest that there is (%s)", ae_error(ae));
    large = ae_from(ae, NULL, 500000, 0, 0, 0);
    w.most = 1 << 20;
    ae_keep(large);
    w.most = 0;
    refused(ae, "2.0 MB could not be kept", "no memory to keep a tensor: how much was asked for is told");
    ok(ae_dims(ae_randn_like(ae_from(ae, NULL, 5, 0, 0, 0))) == 1 && ae_size(ae_randn_like(ae_from(ae, NULL, 5, 0, 0, 0)), -1) == 5, "randn_like of a vector is one");
    ae_nn_upsample(up, 100, 0);
    ae_forward(up, ae_from(ae, NULL, 1, 1, 200000, 1));
    refused(ae, "wants images", "an image that becomes 20 million high");
    ae_nn_parameter(wide, "p", 0, 1, 1, 1, 50000);
    ok(!*ae_error(ae), "a parameter of 50000 in a row is not too large (%s)", ae_error(ae));
    ae_clear(ae);
    ae_nn_linear(mixed, 2, 2);
    ae_nn_parameter(mixed, "p", 1, 2, 0, 0, 0);
    ae_forward(mixed, ae_from(ae, NULL, 3, 2, 0, 0));
    refused(ae, "is not a layer", "nor behind a layer is a parameter of your own one");
    ae_from(ae, NULL, 3, 5, 7, 1 << 25);
    refused(ae, "3 x 5 x 7 x 33554432", "a tensor that is too large: all its sizes are told");
    ae_name(ae_nn_relu(wide), "a-b");
    refused(ae, "at most 47", "a name that is none: the longest is told");
    ae_nn_conv_transpose2d(convt, 1, 1, 3, 2, 1, 0);
    ae_mse_loss(ae_forward(convt, ae_from(ae, NULL, 1, 1, 4, 4)), ae_from(ae, NULL, 1, 1, 8, 8), AE_MEAN);
    refused(ae, "output_padding 0..1 would give 7..8", "the hint comes, even if the ConvTranspose2d was the first op of all");
    ok(ae_nn_max_pool2d(ae_net_new(ae), 2, 1, 1) != NULL, "pooling with a border of half its window (%s)", ae_error(ae));
    ae_nn_max_pool2d(texts, 3, 1, 2);
    refused(ae, "more than half the window", "pooling with a border of more than half its window");
    ae_nn_conv_transpose2d(texts, 1, 2, 3, 2, 0, 1);
    ae_summary(texts, text, sizeof text);
    ok(strstr(text, "ConvTranspose2d(1, 2, kernel_size=(3, 3), stride=(2, 2), output_padding=(1, 1))\n") != NULL, "what is 0 is left out, and what comes behind it is not");
    ae_nn_linear(count, 99, 10);
    ae_summary(count, text, sizeof text);
    ok(strstr(text, "\n1,000 parameters\n") != NULL, "a thousand is written 1,000");
}

int main(int argc, char **argv)
{
    ae_ctx *ae = watch_new(&w, 2);
    snprintf(path, sizeof path, "%.1000s.safetensors", argc ? argv[0] : "survivors");
    check_reduce(ae);
    check_expand(ae);
    check_detach(ae);
    check_long_sequence(ae);
    check_fresh_norm(ae);
    check_large_norm(ae, 3 * 1024 + 5);
    check_large_norm(ae, 20);
    check_border(ae);
    check_relu_behind(ae);
    check_read_again(ae);
    check_three_axes(ae);
    check_one_frozen(ae);
    check_products(ae, 1);
    check_products(ae, 63);
    check_checker(ae);
    check_guards(ae, "slice", end_of);
    check_guards(ae, "cat", twice);
    check_guards(ae, "expand", five_times);
    check_guards(ae, "reduce", mean_of);
    check_guards(ae, "log_softmax", ae_log_softmax);
    check_denormals(ae);
    check_after_predict(ae);
    check_after_diagnose(ae);
    check_rewind(ae);
    check_two_loaders(ae);
    if (ae__little_endian()) check_files(ae), check_damaged_number(ae);
    check_limits(ae);
    ok(!*ae_error(ae), "nothing else went wrong: %s", ae_error(ae));
    ae_free(ae);
    ok(!w.blocks, "all memory came back");
    return tap_end();
}
