/* test_corners.c: what coverage.pl found that no other test reached: clipping, counts and texts, an op when only one of
   its inputs asks for a gradient, gradients and values in the layouts of convolutions, the odd arguments of shape rules. */
#ifndef __MINGW32__
#include <unistd.h>
static long processors = -2;             /* what the system says; -2: the truth */
static long test_sysconf(int name) { return processors != -2 ? processors : sysconf(name); }
#define sysconf(name) test_sysconf(name)
#endif
#include <string.h>
static int all_kinds = 1;
static const char *kinds = "";           /* kinds of instructions that this processor has, with all_kinds 0 */
#if defined(__x86_64__) || defined(__i386__)
static int supports(const char *kind, int truly) { return all_kinds ? truly : strstr(kinds, kind) != NULL; }
#define __builtin_cpu_supports(kind) supports("<" kind ">", __builtin_cpu_supports(kind))
#endif
/* The library's own answer to ae_device_linked() gives way to ours: of its three places only the call has nothing in brackets. */
#define ae_device_linked(nothing) AE_LINKED_##nothing
#define AE_LINKED_void ae_unused_device(void)
#define AE_LINKED_ test_device()
struct ae_device;
static const struct ae_device *test_device(void);
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"
#include "numbers.h"

static watch w;
static char path[1100];
#include "edges.h"
#include "scarce.h"

static int near_by(const float *p, const double *want, int n)
{
    int i;
    for (i = 0; i < n; i++) if (!(fabs((double)p[i] - want[i]) < 1e-5)) return 0;
    return 1;
}

/* ---- the optimiser ---- */

/* loss = 3 a + 4 b: the gradient is (3, 4), of norm 5; the second parameter gets none. */
static void step_clipped(float limit, float decay, double *after)
{
    static const float start[2] = { 1, 1 }, slope[2] = { 3, 4 };
    ae_ctx *ae = watch_new(&w, 1);
    ae_net *net = ae_net_new(ae);
    ae_opt *sgd;
    ae_nn_parameter(net, "p", 1, 2, 0, 0, 0);
    ae_nn_parameter(net, "unused", 1, 2, 0, 0, 0);
    sgd = ae_sgd(net, 1.0f);
    ae_assign(ae_param(net, "p"), start);
    ae_assign(ae_param(net, "unused"), start);
    ae_set(sgd, AE_CLIP_NORM, limit);
    ae_set(sgd, AE_WEIGHT_DECAY, decay);
    ae_backward(ae_reduce(ae_mul(ae_param(net, "p"), ae_from(ae, slope, 2, 0, 0, 0)), -1, AE_SUM));
    ae_step(sgd);
    after[0] = (double)ae_data(ae_param(net, "p"))[0];
    after[1] = (double)ae_data(ae_param(net, "p"))[1];
    ok(!memcmp(ae_data(ae_param(net, "unused")), start, sizeof start), "a parameter without a gradient stays, limit %g", (double)limit);
    ae_free(ae);
}

static void check_clip(void)
{
    double a[2];
    step_clipped(0, 0, a);
    ok(fabs(a[0] + 2) < 1e-6 && fabs(a[1] + 3) < 1e-6, "no limit: the whole gradient (%g %g)", a[0], a[1]);
    step_clipped(1, 0, a);
    ok(fabs(a[0] - 0.4) < 1e-5 && fabs(a[1] - 0.2) < 1e-5, "limit 1: a fifth of it (%g %g)", a[0], a[1]);
    step_clipped(6, 0, a);
    ok(fabs(a[0] + 2) < 1e-6 && fabs(a[1] + 3) < 1e-6, "limit 6: the whole of it, not more (%g %g)", a[0], a[1]);
    step_clipped(1, 0.5f, a);
    ok(fabs(a[0] + 0.1) < 1e-5 && fabs(a[1] + 0.3) < 1e-5, "weight decay is not clipped (%g %g)", a[0], a[1]);
}

static void check_frozen_later(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_opt *adam;
    ae_tensor before, x = numbers(ae, 3, 2, 0, 0, 1, 0.5f);
    ae_nn_linear(net, 2, 2);
    adam = ae_adam(net, 0.1f);
    before = ae_keep(ae_param(net, "0.weight"));
    ae_backward(ae_reduce(ae_forward(net, x), -1, AE_SUM));
    ae_freeze(net, 1);
    ae_step(adam);
    ok(same(before, ae_param(net, "0.weight")), "frozen after the backward pass: the step changes nothing");
    ae_freeze(net, 0);
    ae_step(adam);
    ok(!same(before, ae_param(net, "0.weight")), "and unfrozen it does");
    ae_zero_grad(NULL);
    ae_step(NULL);
    ae_set(NULL, AE_LR, 1);
    ok(ae_adam(NULL, 1) == NULL && !*ae_error(ae), "no optimiser: nothing happens");
}

/* ---- counts and texts ---- */

static void check_texts(ae_ctx *ae)
{
    static const char want[] =
        "Sequential(\n"
        "  (encoder): Sequential(\n"
        "    (0): Conv2d(1, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))\n"
        "    (1): BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n"
        "    (2): LeakyReLU(negative_slope=0.2)\n"
        "    (3): Upsample(scale_factor=4.0, mode='bilinear')\n"
        "    (4): Upsample(scale_factor=2.0, mode='nearest')\n"
        "    (5): Dropout(p=0.1, inplace=False)\n"
        "  )\n"
        "  (one): LSTM(28, 3, batch_first=True)\n"
        "  (two): LSTM(28, 3, num_layers=2, batch_first=True)\n"
        "  (out): Linear(in_features=1000, out_features=1234, bias=True)\n"
        ")\n"
        "1,236,218 parameters\n";
    ae_net *net = ae_net_new(ae), *e = ae_sequential(net, "encoder");
    char text[2000], little[20];
    int n;
    ae_nn_conv2d(e, 1, 8, 3, 2, 1);
    ae_nn_batch_norm2d(e, 8);
    ae_nn_leaky_relu(e, 0.2f);
    ae_nn_upsample(e, 4, 1), ae_nn_upsample(e, 2, 0), ae_nn_dropout(e, 0.1f);
    ae_name(ae_nn_lstm(net, 28, 3, 1), "one"), ae_name(ae_nn_lstm(net, 28, 3, 2), "two");
    ae_name(ae_nn_linear(net, 1000, 1234), "out");
    n = ae_summary(net, text, sizeof text);
    if (!ok(!strcmp(text, want) && n == (int)strlen(want), "ae_summary prints what PyTorch prints, and the count")) printf("# %s", text);
    ok(ae_summary(net, little, sizeof little) == n && !strncmp(little, want, 19) && !little[19], "in too small a buffer: cut off, the length told");
    ok(ae_param_count(net) == 1236218 && ae_params(net) == 18, "ae_param_count and ae_params: %d in %d", (int)ae_param_count(net), ae_params(net));
    ok(ae_param_count(ae_child(net, "encoder")) == 96, "of a part");
}

static void check_threads(void)
{
    ae_ctx *ae = watch_new(&w, 1000);
    ok(ae_threads(ae) >= 1 && ae_threads(ae) <= 64 && strstr(ae_machine(ae), "thread"), "1000 threads are at most 64: %s", ae_machine(ae));
    ae_free(ae);
    ae = watch_new(&w, 1);
    ok(ae_threads(ae) == 1 && strstr(ae_machine(ae), "1 thread") && !strstr(ae_machine(ae), "threads"), "one is one: %s", ae_machine(ae));
    ae_free(ae);
    ok(!w.blocks, "all memory came back");
}

/* A layer named 1 does not collide with the second layer, which then is 2. */
static void check_names(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_name(ae_nn_linear(net, 2, 2), "1");
    ae_nn_linear(net, 2, 2);
    ok(ae_child(net, "1") && ae_child(net, "2") && !ae_child(net, "0"), "an index that is taken is passed over");
}

/* Every sign, one after the other, as a layer's name: letters, digits and _ are one, their neighbours in ASCII are not. */
static void check_signs(ae_ctx *ae)
{
    static const char well[] = "azAZ09_mQ5", wrong[] = "`{@[/:.-^ \"\\";
    ae_net *l = ae_nn_relu(ae_net_new(ae));
    char name[2] = "";
    int i;
    for (i = 0; well[i]; i++) {
        name[0] = well[i];
        ae_name(l, name);
        ok(!*ae_error(ae), "a layer may be called %s: %s", name, ae_error(ae));
        ae_clear(ae);
    }
    for (i = 0; wrong[i]; i++) {
        name[0] = wrong[i];
        ae_name(l, name);
        refused(ae, "is no name for a layer", name);
    }
}

/* The largest score may stand anywhere: it is taken away first, or exp would be infinite. */
static void check_softmax(ae_ctx *ae)
{
    int at, i, good = 1;
    for (at = 0; at < 3; at++) {
        float x[3] = { -200, -200, -200 };
        const float *y;
        x[at] = 200;
        y = ae_data(ae_log_softmax(ae_from(ae, x, 1, 3, 0, 0)));
        for (i = 0; i < 3; i++) good &= y[i] == (i == at ? 0.0f : -400.0f);
    }
    ok(good, "log_softmax of one score far above the others, wherever it stands");
}

/* ---- one input only asks for a gradient ---- */

typedef ae_tensor (*two)(ae_tensor, ae_tensor);
static ae_tensor bce_sum(ae_tensor a, ae_tensor b) { return ae_bce_logits_loss(a, b, AE_SUM); }
static ae_tensor kl_mean(ae_tensor a, ae_tensor b) { return ae_kl_loss(a, b, AE_MEAN); }
static ae_tensor mse_sum(ae_tensor a, ae_tensor b) { return ae_mse_loss(a, b, AE_SUM); }
static ae_tensor l1_sum(ae_tensor a, ae_tensor b) { return ae_l1_loss(a, b, AE_SUM); }
static ae_tensor cat1(ae_tensor a, ae_tensor b) { return ae_cat(a, b, 1); }

/* Both gradients when both are asked for are those when only one is. */
static void check_halves(ae_ctx *ae, const char *name, two op)
{
    ae_tensor a, b, both[2], single;
    int i;
    for (i = 0; i < 3; i++) {
        a = numbers(ae, 4, 4, 0, 0, 0.9f, 0.11f);
        b = numbers(ae, 4, 4, 0, 0, 0.4f, 0.07f);
        if (i != 2) ae_requires_grad(a, 1);
        if (i != 1) ae_requires_grad(b, 1);
        ae_backward(ae_reduce(ae_square(op(a, b)), -1, AE_SUM));
        if (i == 0) { both[0] = ae_keep(ae_grad(a)); both[1] = ae_keep(ae_grad(b)); continue; }
        single = ae_grad(i == 1 ? a : b);
        ok(same(single, both[i - 1]), "%s: the gradient of input %d alone is its gradient beside the other's", name, i);
    }
}

/* A frozen layer passes the same gradient on to its input as a learning one. */
static void check_frozen(ae_ctx *ae, const char *name, ae_net *net, int c, int h)
{
    ae_tensor first, second, x;
    int i;
    memset(&first, 0, sizeof first);
    for (i = 0; i < 2; i++) {
        x = numbers(ae, 3, c, h, h, 0.2f, 0.3f);
        ae_requires_grad(x, 1);
        ae_freeze(net, i);
        ae_backward(ae_reduce(ae_square(ae_forward(net, x)), -1, AE_MEAN));
        if (i == 0) first = ae_keep(ae_grad(x));
        else { second = ae_grad(x); ok(same(first, second), "%s: frozen, the input's gradient is the same", name); }
    }
}

static void check_one_sided(ae_ctx *ae)
{
    ae_net *n;
    check_halves(ae, "add", ae_add);
    check_halves(ae, "sub", ae_sub);
    check_halves(ae, "mul", ae_mul);
    check_halves(ae, "div", ae_div);
    check_halves(ae, "matmul", ae_matmul);
    check_halves(ae, "cat", cat1);
    check_halves(ae, "mse_loss", mse_sum);
    check_halves(ae, "l1_loss", l1_sum);
    check_halves(ae, "kl_loss", kl_mean);
    n = ae_net_new(ae); ae_nn_linear(n, 5, 3);                              check_frozen(ae, "Linear", n, 5, 0);
    n = ae_net_new(ae); ae_nn_conv2d(n, 5, 3, 3, 2, 1);                     check_frozen(ae, "Conv2d", n, 5, 6);
    n = ae_net_new(ae); ae_nn_conv_transpose2d(n, 5, 3, 3, 2, 1, 1);        check_frozen(ae, "ConvTranspose2d", n, 5, 4);
    n = ae_net_new(ae); ae_nn_batch_norm2d(n, 5);                           check_frozen(ae, "BatchNorm2d", n, 5, 4);
}

/* A target that asks for a gradient is refused by both kinds of BCE. */
static void check_bce_target(ae_ctx *ae)
{
    ae_tensor a = numbers(ae, 4, 0, 0, 0, 0.5f, 0.01f), b = numbers(ae, 4, 0, 0, 0, 0.5f, 0.01f);
    ae_requires_grad(a, 1);
    ae_requires_grad(b, 1);
    ae_backward(bce_sum(a, b));
    refused(ae, "bce_logits_loss: the target", "bce_logits_loss has no gradient for its target");
}

/* Only the parameters of a BatchNorm learn: x asks for nothing. */
static void check_norm_parameters(ae_ctx *ae)
{
    static const double bias[2] = { 6, 6 };
    ae_net *n = ae_net_new(ae);
    ae_nn_batch_norm1d(n, 2);
    ae_backward(ae_reduce(ae_forward(n, numbers(ae, 6, 2, 0, 0, 1, 0.3f)), -1, AE_SUM));
    ok(near_by(ae_data(ae_grad(ae_param(n, "0.bias"))), bias, 2), "BatchNorm on data: the bias gets the sum of the output's gradient");
}

/* ---- layouts ---- */

/* d(sum(y * t))/dy is t, wherever y is stored. */
static void check_layouts(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_tensor x = numbers(ae, 2, 3, 5, 5, 0.1f, 0.2f), y, t, first, kept;
    int old;
    ae_nn_conv2d(n, 3, 4, 3, 1, 1);
    y = ae_forward(n, x);
    ae_requires_grad(y, 1);
    t = numbers(ae, 2, 4, 5, 5, 0.7f, 0.05f);
    ae_backward(ae_reduce(ae_mul(y, t), -1, AE_SUM));
    ok(same(ae_grad(y), t), "the gradient of a convolution's output comes back in NCHW");
    ok(ae_size(ae_grad(ae_param(n, "0.weight")), -1) == 108, "and its weight's in PyTorch's shape");

    kept = ae_keep(x);                                       /* stored anew for the convolution; and again after ae_assign */
    first = ae_keep(ae_forward(n, kept));
    ok(same(first, ae_forward(n, kept)), "the same kept input again");
    ok(ae_assign(kept, ae_data(ae_affine(x, 2, 0))) && !same(first, ae_forward(n, kept)), "an assigned input is read anew");
    ok(ae_assign(kept, ae_data(x)) && same(first, ae_forward(n, kept)), "and gives the old result for the old values");

    x = numbers(ae, 2, 3, 5, 5, 0.1f, 0.2f);                 /* first without a gradient, then with one */
    ae_requires_grad(x, 1);
    old = ae_grad_enabled(ae, 0);
    ae_forward(n, x);
    ae_grad_enabled(ae, old);
    ae_backward(ae_reduce(ae_forward(n, x), -1, AE_SUM));
    ok(ae_size(ae_grad(x), -1) == 150 && !*ae_error(ae), "an input that was used without gradients still gets one");
}

/* What joins, cuts and repeats images does it where they are stored as convolutions store them; the numbers are those of dense ones. */
static ae_tensor piece(ae_tensor a, int k)      /* a: [2,4,5,6] */
{
    ae_tensor plane = ae_affine(ae_slice(a, 1, 0, 1), 2, 1), column = ae_slice(ae_slice(a, 2, 1, 2), 3, 2, 3);
    if (k < 4) return ae_cat(a, ae_affine(a, 0.5f, 1), k);
    if (k < 8) return ae_slice(a, k - 4, 1, 2 + (k > 4));
    if (k == 8) return ae_cat(plane, ae_expand(column, 2, 4, 5, 6), 1);
    if (k == 9) return ae_cat(ae_expand(column, 2, 4, 5, 6), plane, 1);
    if (k == 10) return ae_expand(ae_slice(a, 2, 3, 4), 2, 4, 7, 6);
    if (k == 11) return ae_expand(ae_slice(a, 0, 1, 2), 3, 4, 5, 6);
    if (k == 12) return ae_expand(ae_slice(a, 1, 3, 4), 2, 3, 5, 6);
    return ae_mul(a, column);
}
static void check_stored(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_tensor x = numbers(ae, 2, 3, 5, 6, 0.1f, 0.2f), y, z, first, grad;
    int k, dense, good;
    ae_nn_conv2d(n, 3, 4, 3, 1, 1);
    memset(&first, 0, sizeof first), memset(&grad, 0, sizeof grad);
    for (k = 0; k < 14; k++) for (dense = 0; dense < 2; dense++) {
        y = ae_forward(n, x);
        ae_requires_grad(y, 1);
        z = piece(dense ? ae_view(y, 2, 4, 5, 6) : y, k);
        ae_backward(ae_reduce(ae_mul(z, numbers(ae, ae_size(z, 0), ae_size(z, 1), ae_size(z, 2), ae_size(z, 3), 0.7f, 0.05f)), -1, AE_SUM));
        if (!dense) { first = ae_keep(z), grad = ae_keep(ae_grad(y)); continue; }
        good = same(first, z);
        ok(good && same(grad, ae_grad(y)), "images joined, cut and repeated, way %d: %s", k, good ? "the gradient" : "the numbers");
    }
}

/* A layer's weight as an ordinary matrix (tied weights): stored packed, read as PyTorch's [out, in], the gradient too. */
static void check_tied(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_tensor x = numbers(ae, 2, 4, 0, 0, 0.2f, 0.3f), y, z, g;
    double want[6], slope[12];
    int i;
    ae_nn_linear(n, 4, 3);
    ae_assign(ae_param(n, "0.bias"), NULL);
    y = ae_forward(n, x);
    for (i = 0; i < 6; i++) want[i] = (double)ae_data(y)[i];
    ae_backward(ae_reduce(ae_square(y), -1, AE_SUM));
    g = ae_keep(ae_grad(ae_param(n, "0.weight")));
    for (i = 0; i < 12; i++) slope[i] = 2 * (double)ae_data(g)[i];
    z = ae_matmul(x, ae_transpose(ae_param(n, "0.weight")));
    ok(near_by(ae_data(z), want, 6), "x W^T is what the layer gives");
    ae_backward(ae_reduce(ae_square(z), -1, AE_SUM));
    ok(near_by(ae_data(ae_grad(ae_param(n, "0.weight"))), slope, 12), "and adds the same gradient to its weight");
}

/* What a fused activation's producer keeps for the caller is the gradient behind the activation. */
static void check_retained(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_tensor x = numbers(ae, 3, 4, 0, 0, 0.2f, 0.3f), y, one = ae_affine(numbers(ae, 3, 4, 0, 0, 0, 0), 0, 1);
    ae_nn_linear(n, 4, 4);
    ae_nn_tanh(n);
    y = ae_forward(n, x);
    ae_requires_grad(y, 1);
    ae_backward(ae_reduce(y, -1, AE_SUM));
    ok(same(ae_grad(y), one), "retain_grad behind a fused tanh: all ones");
    ok(ae_size(ae_grad(ae_param(n, "0.weight")), -1) == 16, "and the layer has its own");
}

static void check_pool(ae_ctx *ae)
{
    static const float image[9] = { 1, NAN, 3, 4, 5, 6, 7, 8, 9 };
    ae_net *n = ae_net_new(ae), *padded = ae_net_new(ae);
    const float *y;
    ae_nn_max_pool2d(n, 2, 1, 0);
    y = ae_data(ae_forward(n, ae_from(ae, image, 1, 1, 3, 3)));
    ok(y[0] != y[0] && y[1] != y[1] && y[2] == 8 && y[3] == 9, "max pooling: NaN wins in its windows only");
    ae_nn_max_pool2d(padded, 3, 2, 1);
    y = ae_data(ae_forward(padded, ae_from(ae, image, 1, 1, 3, 3)));
    ok(y[0] != y[0] && y[2] == 8 && y[3] == 9, "and with padding");
}

/* ---- the first NaN of a backward pass ---- */

static void check_anomaly(ae_ctx *ae)
{
    ae_tensor x = ae_scalar(ae, 1e-37f), y;
    ae_requires_grad(x, 1);
    ae_detect_anomaly(ae, 1);
    y = ae_affine(ae_log(x), 1e5f, 0);                       /* finite; but its derivative is 1e42 */
    ae_backward(y);
    ok(strstr(ae_error(ae), "(log)") != NULL, "the op is named by the first Inf in a gradient");
    refused(ae, "in the gradient of op", "the first Inf in a gradient is named");
    ae_detect_anomaly(ae, 0);
}

/* ---- few channels: the kernel that adds up taps, with every activation behind it and every mask ---- */

typedef struct geometry { int out, k, stride, pad; } geometry;

/* The output, the gradient of the input and of a weight; fused or not; the input used once or twice. */
static void run_few(ae_ctx *ae, ae_net *n, int fused, int twice, ae_tensor *r)
{
    ae_tensor x = numbers(ae, 5, 2, 5, 5, -0.2f, 0.3f), y, loss;
    ae_requires_grad(x, 1);
    ae->fuse = fused;
    y = ae_forward(n, x);
    loss = ae_reduce(ae_square(y), -1, AE_SUM);
    if (twice) loss = ae_add(loss, ae_reduce(ae_square(ae_forward(n, x)), -1, AE_SUM));
    ae_backward(loss);
    ae->fuse = 1;
    r[0] = ae_keep(y);
    r[1] = ae_keep(ae_grad(x));
}

static void check_few_channels(ae_ctx *ae)
{
    static const geometry g[] = { { 1, 3, 2, 1 }, { 3, 2, 2, 0 }, { 1, 5, 1, 2 }, { 2, 2, 3, 0 }, { 4, 4, 2, 1 } };
    size_t i;
    int act, k, all;
    for (i = 0; i < sizeof g / sizeof g[0]; i++)
        for (act = 0; act < 3; act++) {
            ae_net *n = ae_net_new(ae);
            ae_tensor r[3][2];
            const float *once, *both;
            if (act == 1) ae_nn_relu(n);
            if (act == 2) ae_nn_leaky_relu(n, 0.3f);
            ae_nn_conv2d(n, 2, 3, 3, 1, 1);                  /* its input's gradient goes to two channels, through the mask */
            if (act == 1) ae_nn_relu(n);
            if (act == 2) ae_nn_leaky_relu(n, 0.3f);
            ae_nn_conv_transpose2d(n, 3, g[i].out, g[i].k, g[i].stride, g[i].pad, 0);
            if (act == 1) ae_nn_relu(n);
            if (act == 2) ae_nn_leaky_relu(n, 0.3f);
            for (k = 0; k < 3; k++) run_few(ae, n, k != 1, k == 2, r[k]);
            ok(same(r[0][0], r[1][0]) && same(r[0][1], r[1][1]), "to %d channels, k%d s%d p%d, activation %d: fused as unfused, forward and backward", g[i].out, g[i].k, g[i].stride, g[i].pad, act);
            once = ae_data(r[0][1]);
            both = ae_data(r[2][1]);
            for (k = all = 0; k < ae_size(r[0][1], -1); k++) all += fabs((double)both[k] - 2 * (double)once[k]) <= 1e-5 * fabs((double)both[k]) + 1e-6;
            ok(all == ae_size(r[0][1], -1), "and an input that is used twice gets twice the gradient");
        }
}

/* ---- headers that stop in the middle of a value, which a reader might take for an empty one ---- */

static void check_headers(ae_ctx *ae, const char *path)
{
    static const char *const bad[][2] = {
        { "{\"a\":{\"dtype\":,\"shape\":[1],\"data_offsets\":[0,4]}}", "its header is not the JSON" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":,\"data_offsets\":[0,4]}}", "its header is not the JSON" },
        { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4],\"shape\":}}", "its header is not the JSON" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4}}", "its header is not the JSON" },
        { "{\"a\":{\"dtype\":}", "its header is not the JSON" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[,],\"data_offsets\":[0,4]}}", "no whole number" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":}}", "its header is not the JSON" },
        { "{\"a\":,\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "its header is not the JSON" },
        { "{\"__metadata__\":,\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "its header is not the JSON" },
        { "{\"__metadata__\":{\"autoenc\":\"0,0,0,0;Sequential(){0:Flatten(),1:Linear(,2:ReLU()}\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "description of the network is damaged" },
        { "{\"__metadata__\":{\"autoenc\":\"0,0,0,0;Sequential(){0:Flatten(,1:ReLU()}\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "description of the network is damaged" }
    };
    ae_net *net = ae_net_new(ae);        /* whose one parameter the files would hold if they were well */
    size_t i;
    ae_nn_parameter(net, "a", 1, 1, 0, 0, 0);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t length = strlen(bad[i][0]);
        float one = 1;
        FILE *f = fopen(path, "wb");
        if (!f) { skip("no room for a file"); return; }
        fwrite(&length, 8, 1, f);
        fwrite(bad[i][0], 1, (size_t)length, f);
        if (strchr(bad[i][0], '4')) fwrite(&one, 4, 1, f);
        fclose(f);
        ok(strstr(bad[i][0], "autoenc") ? !ae_open(ae, path) : !ae_load(net, path), "refused: %s", bad[i][0]);
        if (ae__little_endian()) refused(ae, bad[i][1], "and it says why"); else ae_clear(ae);
    }
    remove(path);
}

/* The hint about output_padding is for another size, not for another number of channels. */
static void check_hint(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_nn_conv_transpose2d(n, 3, 2, 3, 2, 1, 1);
    ae_mse_loss(ae_forward(n, numbers(ae, 2, 3, 4, 4, 0, 1)), ae_from(ae, NULL, 2, 1, 8, 8), AE_MEAN);
    ok(strstr(ae_error(ae), "differ") && !strstr(ae_error(ae), "output_padding"), "no hint where only the channels differ (%s)", ae_error(ae));
    ae_clear(ae);
    ae_mse_loss(ae_forward(n, numbers(ae, 2, 3, 4, 4, 0, 1)), ae_from(ae, NULL, 2, 2, 8, 0), AE_MEAN);
    ok(strstr(ae_error(ae), "differ") && !strstr(ae_error(ae), "output_padding"), "nor where the target is no image");
    ae_clear(ae);
}

/* ---- odd arguments ---- */

static void check_arguments(ae_ctx *ae)
{
    static const ae_op wide = { "wide", 1, NULL, NULL, NULL, 0 };
    ae_tensor m = numbers(ae, 2, 3, 0, 0, 0, 1);
    ae_cat(m, m, -1);                                       refused(ae, "cat: [2, 3]", "cat: axis -1 of a matrix");
    m = numbers(ae, 2, 3, 0, 0, 0, 1);
    ae_cat(m, numbers(ae, 2, 0, 0, 0, 0, 1), 0);            refused(ae, "cat: [2, 3] and [2]", "cat: a matrix and a vector");
    m = numbers(ae, 2, 3, 0, 0, 0, 1);
    ae_slice(m, -1, 0, 1);                                  refused(ae, "slice: 0..1 of axis -1", "slice: axis -1");
    m = numbers(ae, 2, 3, 0, 0, 0, 1);
    ae_slice(m, 1, -1, 1);                                  refused(ae, "slice: -1..1", "slice from -1");
    m = numbers(ae, 2, 3, 0, 0, 0, 1);
    ae_reduce(m, -2, AE_SUM);                               refused(ae, "reduce: there is no axis -2", "reduce: axis -2");
    m = numbers(ae, 2, 3, 0, 0, 0, 1);
    ae_one_hot(numbers(ae, 2, 0, 0, 0, 0, 0), 0);           refused(ae, "one_hot", "one_hot of no classes");
    ae_expand(numbers(ae, 2, 3, 0, 0, 0, 1), 3, 0, 0, 0);   refused(ae, "expand: [2, 3] does not broadcast to [3]", "expand to fewer axes");
    ae_view(numbers(ae, 2, 3, 0, 0, 0, 1), -1, -1, 0, 0);   refused(ae, "view: [2, 3]", "view with two open sizes");
    ae_matmul(numbers(ae, 6, 0, 0, 0, 0, 1), numbers(ae, 2, 3, 0, 0, 0, 1)); refused(ae, "want [M,K] and [K,N]", "matmul of a vector");
    ae_forward(NULL, numbers(ae, 6, 0, 0, 0, 0, 1));        refused(ae, "there is no network", "ae_forward of no network");
    ae_from(ae, NULL, 1 << 25, 0, 0, 0);                    refused(ae, "at most 2^24", "an axis of 2^25");
    ae_nn_op(ae_net_new(ae), &wide, NULL, 13);              refused(ae, "at most 12 numbers", "an op with 13 numbers");
    ae_nn_linear(ae_net_new(ae), 20000000, 1);              refused(ae, "must be a whole one", "a layer of 20 million features");
    ae_nn_leaky_relu(ae_net_new(ae), INFINITY);             refused(ae, "its number 1 is inf", "a slope without end");
    ae_nn_parameter(ae_net_new(ae), "p", 1, 2, 0, 3, 0);    refused(ae, "an axis of size 0", "a parameter of [2, 0, 3]");
    ok(!ae_next_batch(NULL, &m, NULL) && !ae_nn_relu(NULL) && !ae_name(NULL, "a"), "no loader, no parent, no layer: nothing happens");
    m = numbers(ae, 2, 3, 0, 0, 0, 1);
    ok(ae_size(m, 7) == 1 && ae_size(m, 2) == 1, "an axis that is not there has size 1");
    ok(ae_dims(ae_from(ae, NULL, 0, 0, 0, 0)) == 0 && ae_size(ae_from(ae, NULL, 2, 3, 4, 0), -1) == 24, "no axis is a scalar; three are three");
    ok(ae_dims(ae_randn_like(ae_from(ae, NULL, 2, 3, 2, 2))) == 4 && ae_dims(ae_randn_like(ae_scalar(ae, 1))) == 0, "randn_like of four axes and of none");
}

/* A column and a row are both repeated, whichever comes first. */
static void check_broadcast(ae_ctx *ae)
{
    static const float a[2] = { 1, 2 }, b[3] = { 10, 20, 30 };
    static const double want[6] = { 11, 21, 31, 12, 22, 32 }, da[2] = { 3, 3 }, db[3] = { 2, 2, 2 };
    ae_tensor column = ae_from(ae, a, 2, 1, 0, 0), row = ae_from(ae, b, 3, 0, 0, 0), sum;
    ae_requires_grad(column, 1);
    ae_requires_grad(row, 1);
    sum = ae_add(column, row);
    ok(near_by(ae_data(sum), want, 6) && same(sum, ae_add(row, column)), "[2, 1] + [3] is [2, 3]");
    ae_backward(ae_reduce(sum, -1, AE_SUM));
    ok(near_by(ae_data(ae_grad(column)), da, 2) && near_by(ae_data(ae_grad(row)), db, 3), "and each gets back the sum over what it was repeated to");
}

/* ---- the diagnosis of images ---- */

static void check_diagnosis(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    char text[2000];
    ae_nn_conv2d(n, 1, 4, 3, 1, 1);
    ae_nn_tanh(n);
    ae_assign(ae_param(n, "0.weight"), NULL);
    { static const float bias[4] = { 9, -9, 9, -9 }; ae_assign(ae_param(n, "0.bias"), bias); }
    ok(ae_diagnose(n, numbers(ae, 5, 1, 6, 6, 0, 0.1f), text, sizeof text) >= 2 && strstr(text, "4 of 4 units") && strstr(text, "100 % saturated") && strstr(text, "collapsed"), "convolutions are looked into, channel by channel, and tanh at both its ends");
    ok(!strstr(text, "squared error"), "images that become something else have no squared error");
    ok(ae_diagnose(n, numbers(ae, 1, 1, 6, 6, 0, 0.1f), text, sizeof text) == 2 && !strstr(text, "collapsed"), "of one image nobody can say that it collapsed");
}

int main(int argc, char **argv)
{
    ae_ctx *ae;
    snprintf(path, sizeof path, "%.1000s.safetensors", argc ? argv[0] : "corners");
    check_clip();
    check_threads();
    ae = watch_new(&w, 2);
    check_frozen_later(ae);
    check_texts(ae);
    check_names(ae);
    check_signs(ae);
    check_softmax(ae);
    check_one_sided(ae);
    check_bce_target(ae);
    check_norm_parameters(ae);
    check_layouts(ae);
    check_stored(ae);
    check_tied(ae);
    check_retained(ae);
    check_pool(ae);
    check_anomaly(ae);
    check_few_channels(ae);
    check_headers(ae, path);
    check_hint(ae);
    check_arguments(ae);
    check_broadcast(ae);
    check_diagnosis(ae);
    ok(!*ae_error(ae), "nothing else went wrong: %s", ae_error(ae));
    ae_free(ae);
    ok(!w.blocks, "all memory came back");
    check_edges();
    check_scarce();
    return tap_end();
}
