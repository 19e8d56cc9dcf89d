/* device_ops.c: every op of a device against the processor, forward and backward, on sizes that fill no tile.  Not built by make test
   itself: test_cuda.sh links it with autoenc_cuda.cu over the shim, make gpu-check with the real one.  Elementwise work must agree to
   a few units in the last place, sums and products to what the order of summing explains (a part of the largest number). */
#define _XOPEN_SOURCE 700
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"

enum { MOST = 40, INPUTS = 3 };

/* What one side computed: arrays in the order in which they were noted. */
typedef struct notes { float *at[MOST]; int size[MOST], n; char error[300]; } notes;

static void note(notes *o, ae_tensor x)
{
    const float *p = ae_data(x);
    int size = ae_size(x, -1);
    if (!p || o->n == MOST) return;
    o->at[o->n] = (float *)malloc((size_t)size * sizeof(float) + 1);
    memcpy(o->at[o->n], p, (size_t)size * sizeof(float));
    o->size[o->n++] = size;
}

static void fail_quietly(void *user, const char *text) { (void)user; (void)text; }

static ae_ctx *context(const char *device, uint64_t seed)
{
    ae_config config;
    memset(&config, 0, sizeof config);
    config.device = device;
    config.seed = seed;
    config.on_fail = fail_quietly;
    return ae_new(&config);
}

/* Numbers between least and most, by place; a few of them equal, so that ties are met. */
static float number(int i, int salt, float least, float most)
{
    uint32_t x = (uint32_t)i * 2654435761u + (uint32_t)salt * 40503u + 12345u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    if (i % 11 == 3) x = 77777777u;
    return least + (most - least) * (float)(x >> 8) * (1.0f / 16777216.0f);
}
static ae_tensor numbers(ae_ctx *ae, const int *dim, int salt, float least, float most)
{
    int n = dim[0] * (dim[1] ? dim[1] : 1) * (dim[2] ? dim[2] : 1) * (dim[3] ? dim[3] : 1), i;
    float *p = (float *)malloc((size_t)(n ? n : 1) * sizeof(float));
    ae_tensor x;
    if (!dim[0]) n = 1;
    for (i = 0; i < n; i++) p[i] = number(i, salt, least, most);
    x = ae_from(ae, p, dim[0], dim[1], dim[2], dim[3]);
    free(p);
    return x;
}

/* ---- one op: inputs that ask for gradients, the op, a scalar made of its result ---- */

typedef struct op_case {
    const char *name;
    ae_tensor (*make)(ae_tensor *in);
    int inputs, grads, dim[INPUTS][4];   /* grads: how many of the inputs ask for a gradient */
    float least, most;
    double tolerance;
} op_case;

static ae_tensor weigh(ae_tensor y)      /* a scalar in which every element counts differently */
{
    int dim[4] = { 0, 0, 0, 0 }, i;
    if (ae_size(y, -1) == 1 && ae_dims(y) == 0) return y;
    for (i = 0; i < ae_dims(y); i++) dim[i] = ae_size(y, i);
    return ae_reduce(ae_mul(y, numbers(y.ctx, dim, 9, -1, 1)), -1, AE_SUM);
}

static void run_op(const op_case *c, const char *device, notes *o)
{
    ae_ctx *ae = context(device, 1);
    ae_tensor in[INPUTS], y, loss;
    int i;
    o->n = 0;
    for (i = 0; i < c->inputs; i++) {
        in[i] = ae_keep(numbers(ae, c->dim[i], i, c->least, c->most));
        if (i < c->grads) ae_requires_grad(in[i], 1);
    }
    y = c->make(in);
    note(o, y);
    loss = weigh(y);
    if (c->grads) {
        ae_backward(loss);
        for (i = 0; i < c->grads; i++) note(o, ae_grad(in[i]));
    }
    note(o, loss);
    snprintf(o->error, sizeof o->error, "%.280s", ae_error(ae));
    ae_free(ae);
}

/* The worst difference as a part of the largest number of its array; INFINITY where the sides are not alike at all. */
static double difference(const notes *a, const notes *b)
{
    double worst = 0;
    int i, k;
    if (a->n != b->n || !a->n || strcmp(a->error, b->error)) return INFINITY;
    for (i = 0; i < a->n; i++) {
        double most = 1e-30, d = 0;
        if (a->size[i] != b->size[i]) return INFINITY;
        for (k = 0; k < a->size[i]; k++) {
            double x = (double)a->at[i][k], y = (double)b->at[i][k];
            if (x != x || y != y) { if ((x != x) != (y != y)) return INFINITY; continue; }
            if (isinf(x) || isinf(y)) { if (x != y) return INFINITY; continue; }
            most = fmax(most, fabs(x));
            d = fmax(d, fabs(x - y));
        }
        worst = fmax(worst, d / most);
    }
    return worst;
}
static void forget(notes *o) { while (o->n > 0) free(o->at[--o->n]); }

static void compare(const char *name, notes *a, notes *b, double tolerance)
{
    double d = difference(a, b);
    ok(d <= tolerance, "%s: device and processor agree within %.0e (%.1e)%s%s", name, tolerance, d, *b->error ? ": " : "", b->error);
    forget(a);
    forget(b);
}

#define UNARY(name) static ae_tensor do_##name(ae_tensor *in) { return ae_##name(in[0]); }
#define BINARY(name) static ae_tensor do_##name(ae_tensor *in) { return ae_##name(in[0], in[1]); }
#define LOSS(name) static ae_tensor do_##name##_mean(ae_tensor *in) { return ae_##name(in[0], in[1], AE_MEAN); } \
                   static ae_tensor do_##name##_sum(ae_tensor *in) { return ae_affine(ae_##name(in[0], in[1], AE_SUM), 0.37f, 0); }
BINARY(add) BINARY(sub) BINARY(mul) BINARY(div) BINARY(matmul)
UNARY(exp) UNARY(log) UNARY(square) UNARY(relu) UNARY(sigmoid) UNARY(tanh) UNARY(log_softmax) UNARY(transpose)
LOSS(mse_loss) LOSS(l1_loss) LOSS(bce_loss) LOSS(bce_logits_loss) LOSS(kl_loss)
static ae_tensor do_affine(ae_tensor *in) { return ae_affine(in[0], -1.7f, 0.3f); }
static ae_tensor do_leaky(ae_tensor *in) { return ae_leaky_relu(in[0], 0.2f); }
static ae_tensor do_view(ae_tensor *in) { return ae_view(in[0], -1, 5, 0, 0); }
static ae_tensor do_expand(ae_tensor *in) { return ae_expand(in[0], 7, 3, 5, 9); }
static ae_tensor do_cat0(ae_tensor *in) { return ae_cat(in[0], in[1], 0); }
static ae_tensor do_cat1(ae_tensor *in) { return ae_cat(in[0], in[1], 1); }
static ae_tensor do_slice(ae_tensor *in) { return ae_slice(in[0], 1, 2, 5); }
static ae_tensor do_slice3(ae_tensor *in) { return ae_slice(in[0], 3, 1, 4); }
static ae_tensor do_one_hot(ae_tensor *in) { return ae_one_hot(ae_reduce(ae_affine(in[0], 0, 3.0f), 1, AE_MEAN), 7); }
static ae_tensor do_sum(ae_tensor *in) { return ae_reduce(in[0], -1, AE_SUM); }
static ae_tensor do_mean0(ae_tensor *in) { return ae_reduce(in[0], 0, AE_MEAN); }
static ae_tensor do_sum1(ae_tensor *in) { return ae_reduce(in[0], 1, AE_SUM); }
static ae_tensor do_mean3(ae_tensor *in) { return ae_reduce(in[0], 3, AE_MEAN); }
static ae_tensor do_twice(ae_tensor *in) { return ae_add(ae_mul(in[0], in[0]), ae_div(ae_exp(in[0]), ae_affine(in[0], 1, 4))); }   /* gradients that add up */
static ae_tensor do_scalar(ae_tensor *in) { return ae_mul(in[0], ae_reduce(in[1], -1, AE_MEAN)); }

static const op_case op_cases[] = {
    { "add", do_add, 2, 2, { { 7, 13 }, { 7, 13 } }, -2, 2, 1e-6 }, { "add [257,65] + [65]", do_add, 2, 2, { { 257, 65 }, { 65 } }, -2, 2, 2e-6 },
    { "sub", do_sub, 2, 2, { { 3, 2, 5, 7 }, { 3, 1, 1, 7 } }, -2, 2, 2e-6 }, { "mul", do_mul, 2, 2, { { 301 }, { 301 } }, -2, 2, 1e-6 },
    { "mul by a scalar", do_scalar, 2, 2, { { 19, 33 }, { 5 } }, -2, 2, 4e-6 }, { "div", do_div, 2, 2, { { 9, 31 }, { 9, 31 } }, 0.5f, 2, 1e-6 },
    { "div, broadcast", do_div, 2, 2, { { 9, 31 }, { 9, 1 } }, 0.5f, 2, 4e-6 }, { "affine", do_affine, 1, 1, { { 300 } }, -3, 3, 1e-6 },
    { "exp", do_exp, 1, 1, { { 11, 29 } }, -20, 5, 1e-6 }, { "exp to its ends", do_exp, 1, 1, { { 11, 29 } }, -120, 100, 1e-6 }, { "log", do_log, 1, 1, { { 11, 29 } }, 1e-4f, 50, 1e-6 },
    { "log of what has none", do_log, 1, 0, { { 11, 29 } }, -1, 1, 1e-6 }, { "square", do_square, 1, 1, { { 1, 1 } }, -3, 3, 1e-6 }, { "relu", do_relu, 1, 1, { { 5, 3, 7, 9 } }, -1, 1, 1e-6 },
    { "leaky_relu", do_leaky, 1, 1, { { 5, 3, 7, 9 } }, -1, 1, 1e-6 }, { "sigmoid", do_sigmoid, 1, 1, { { 513 } }, -30, 30, 1e-6 }, { "tanh", do_tanh, 1, 1, { { 513 } }, -4, 4, 1e-6 },
    { "log_softmax", do_log_softmax, 1, 1, { { 13, 10 } }, -5, 5, 2e-6 }, { "log_softmax, wide", do_log_softmax, 1, 1, { { 9, 77 } }, -50, 80, 2e-6 },
    { "view", do_view, 1, 1, { { 4, 3, 5, 2 } }, -1, 1, 1e-6 }, { "transpose", do_transpose, 1, 1, { { 33, 70 } }, -1, 1, 1e-6 }, { "expand", do_expand, 1, 1, { { 7, 1, 5, 1 } }, -1, 1, 2e-6 },
    { "expand a scalar", do_expand, 1, 1, { { 0 } }, -1, 1, 4e-6 }, { "cat, axis 0", do_cat0, 2, 2, { { 3, 7 }, { 5, 7 } }, -1, 1, 1e-6 }, { "cat, axis 1", do_cat1, 2, 2, { { 3, 2, 5, 6 }, { 3, 4, 5, 6 } }, -1, 1, 1e-6 },
    { "slice", do_slice, 1, 1, { { 6, 7, 3 } }, -1, 1, 1e-6 }, { "slice, last axis", do_slice3, 1, 1, { { 2, 3, 4, 6 } }, -1, 1, 1e-6 }, { "one_hot", do_one_hot, 1, 0, { { 9, 2 } }, 0, 1, 0 },
    { "sum of all", do_sum, 1, 1, { { 61, 157 } }, -1, 1, 4e-6 }, { "mean, axis 0", do_mean0, 1, 1, { { 61, 17 } }, -1, 1, 1e-6 }, { "sum, axis 1", do_sum1, 1, 1, { { 5, 9, 7 } }, -1, 1, 1e-6 },
    { "mean, axis 3", do_mean3, 1, 1, { { 3, 2, 5, 9 } }, -1, 1, 1e-6 }, { "gradients that add up", do_twice, 1, 1, { { 17, 19 } }, -2, 2, 1e-6 },
    { "matmul", do_matmul, 2, 2, { { 17, 33 }, { 33, 70 } }, -1, 1, 4e-6 }, { "matmul 1x1", do_matmul, 2, 2, { { 1, 1 }, { 1, 1 } }, -1, 1, 1e-6 },
    { "mse, mean", do_mse_loss_mean, 2, 2, { { 13, 29 }, { 13, 29 } }, -1, 1, 1e-6 }, { "mse, sum of many", do_mse_loss_sum, 2, 2, { { 30, 301 }, { 30, 301 } }, -1, 1, 1e-6 },
    { "l1, mean", do_l1_loss_mean, 2, 2, { { 13, 29 }, { 13, 29 } }, -1, 1, 1e-6 }, { "l1, sum", do_l1_loss_sum, 2, 2, { { 13, 29 }, { 13, 29 } }, -1, 1, 1e-6 },
    { "bce, mean", do_bce_loss_mean, 2, 1, { { 13, 29 }, { 13, 29 } }, 0, 1, 2e-6 }, { "bce, sum", do_bce_loss_sum, 2, 1, { { 13, 29 }, { 13, 29 } }, 0, 1, 2e-6 },
    { "bce with logits, mean", do_bce_logits_loss_mean, 2, 1, { { 13, 29 }, { 13, 29 } }, 0, 1, 1e-6 }, { "bce with logits, sum", do_bce_logits_loss_sum, 2, 1, { { 13, 29 }, { 13, 29 } }, 0, 1, 1e-6 },
    { "kl, mean", do_kl_loss_mean, 2, 2, { { 13, 20 }, { 13, 20 } }, -2, 2, 2e-6 }, { "kl, sum", do_kl_loss_sum, 2, 2, { { 13, 20 }, { 13, 20 } }, -2, 2, 2e-6 }
};

/* ---- layers: a small net, its gradients, and two steps of an optimiser ---- */

typedef struct layer_case { const char *name; int kind, n, in, h, w, out, k, s, p, extra; void (*act)(ae_net *net); } layer_case;
enum { CONV, CONVT, LINEAR, POOL, NORM, UP, LSTM };

static void act_none(ae_net *net) { (void)net; }
static void act_relu(ae_net *net) { ae_nn_relu(net); }
static void act_leaky(ae_net *net) { ae_nn_leaky_relu(net, 0.1f); }
static void act_sigmoid(ae_net *net) { ae_nn_sigmoid(net); }
static void act_tanh(ae_net *net) { ae_nn_tanh(net); }

/* A layer between two others, so that its input gradient is asked for and a mask may stand in its way. */
static void build(ae_net *net, const layer_case *c)
{
    if (c->kind == LSTM) { ae_nn_lstm(net, c->w, c->out, 2); ae_nn_dropout(net, 0.25f); ae_nn_lstm(net, c->out, c->in, 1); }
    else if (c->kind == LINEAR) { ae_nn_linear(net, c->in, c->in); ae_nn_relu(net); ae_nn_linear(net, c->in, c->out); }
    else { ae_nn_conv2d(net, 2, c->in, 1, 1, 0); ae_nn_leaky_relu(net, 0.3f); }
    if (c->kind == CONV) ae_nn_conv2d(net, c->in, c->out, c->k, c->s, c->p);
    if (c->kind == CONVT) ae_nn_conv_transpose2d(net, c->in, c->out, c->k, c->s, c->p, c->extra);
    if (c->kind == POOL) ae_nn_max_pool2d(net, c->k, c->s, c->p);
    if (c->kind == NORM) ae_nn_batch_norm2d(net, c->in);
    if (c->kind == UP) ae_nn_upsample(net, c->s, c->p);
    c->act(net);
}
static void run_layer(const layer_case *c, const char *device, notes *o)
{
    ae_ctx *ae = context(device, 3);
    ae_net *net = ae_net_new(ae);
    ae_opt *opt;
    int dim[4], step, i;
    ae_tensor x;
    o->n = 0;
    build(net, c);
    opt = c->n % 2 ? ae_adam(net, 0.01f) : ae_sgd(net, 0.01f);
    if (c->n % 2 == 0) ae_set(opt, AE_MOMENTUM, 0.9f);
    ae_set(opt, AE_WEIGHT_DECAY, 0.01f);
    dim[0] = c->n, dim[1] = c->kind == LINEAR ? c->in : 2, dim[2] = c->kind == LINEAR ? 0 : c->h, dim[3] = c->kind == LINEAR ? 0 : c->w;
    if (c->kind == LSTM) dim[1] = c->h, dim[2] = c->w, dim[3] = 0;
    x = ae_keep(numbers(ae, dim, 5, -1, 1));
    for (step = 0; step < 3; step++) {
        size_t mark = ae_begin(ae);
        ae_tensor y = ae_forward(net, x), again = ae_forward(net, ae_affine(x, 0.5f, 0.1f)), loss = ae_add(weigh(y), weigh(again));      /* twice: gradients add up */
        if (step == 0) note(o, y);
        ae_zero_grad(opt);
        ae_backward(loss);
        if (step == 0) for (i = 0; i < ae_params(net); i++) note(o, ae_grad(ae_param_at(net, i, NULL)));
        ae_step(opt);
        ae_end(ae, mark);
    }
    for (i = 0; i < ae_params(net); i++) note(o, ae_param_at(net, i, NULL));
    if (c->kind == NORM) {
        note(o, ae_param(net, "2.running_mean"));
        note(o, ae_param(net, "2.running_var"));
        ae_train(net, 0);
        note(o, ae_forward(net, x));
    }
    snprintf(o->error, sizeof o->error, "%.280s", ae_error(ae));
    ae_free(ae);
}

static const layer_case layer_cases[] = {
    { "linear 37 to 5, sigmoid", LINEAR, 13, 37, 0, 0, 5, 0, 0, 0, 0, act_sigmoid }, { "linear 130 to 67, relu", LINEAR, 33, 130, 0, 0, 67, 0, 0, 0, 0, act_relu },
    { "linear, one row", LINEAR, 1, 3, 0, 0, 1, 0, 0, 0, 0, act_tanh }, { "linear, sgd", LINEAR, 10, 9, 0, 0, 4, 0, 0, 0, 0, act_leaky },
    { "conv k3 s2 p1, 1 channel", CONV, 5, 1, 11, 9, 16, 3, 2, 1, 0, act_relu }, { "conv k3 s2 p1", CONV, 3, 16, 13, 14, 32, 3, 2, 1, 0, act_relu },
    { "conv k3 s1 p1, 5 to 3", CONV, 3, 5, 9, 8, 3, 3, 1, 1, 0, act_tanh }, { "conv k7, covering", CONV, 5, 8, 7, 7, 19, 7, 1, 0, 0, act_leaky },
    { "conv k4 s2", CONV, 2, 6, 12, 10, 33, 4, 2, 0, 0, act_none }, { "conv k5 s3 p2", CONV, 3, 7, 10, 13, 17, 5, 3, 2, 0, act_sigmoid }, { "conv k2 s3, gaps", CONV, 3, 5, 11, 11, 6, 2, 3, 0, 0, act_relu },
    { "convT k3 s2 p1 op1", CONVT, 3, 32, 7, 7, 16, 3, 2, 1, 1, act_relu }, { "convT k3 s2 p1 op1 to 1 channel", CONVT, 3, 16, 7, 6, 1, 3, 2, 1, 1, act_sigmoid },
    { "convT k7, covering", CONVT, 5, 20, 1, 1, 9, 7, 1, 0, 0, act_relu }, { "convT k4 s3 p1 op2", CONVT, 3, 10, 4, 5, 7, 4, 3, 1, 2, act_leaky }, { "convT k2 s3, gaps", CONVT, 2, 9, 5, 4, 6, 2, 3, 0, 0, act_tanh },
    { "convT k6 s3 p4", CONVT, 3, 16, 10, 10, 2, 6, 3, 4, 0, act_none }, { "convT k3 s1 p1", CONVT, 3, 5, 6, 7, 40, 3, 1, 1, 0, act_relu },
    { "max pool k2 s2", POOL, 3, 5, 8, 10, 0, 2, 2, 0, 0, act_none }, { "max pool k3 s2 p1, overlapping", POOL, 3, 7, 9, 8, 0, 3, 2, 1, 0, act_none },
    { "upsample by 2, nearest", UP, 3, 5, 4, 7, 0, 0, 2, 0, 0, act_relu }, { "upsample by 3, bilinear", UP, 2, 9, 5, 3, 0, 0, 3, 1, 0, act_none },
    { "upsample one pixel, bilinear", UP, 3, 2, 1, 1, 0, 0, 4, 1, 0, act_none }, { "three LSTMs and dropout", LSTM, 5, 7, 6, 4, 9, 0, 0, 0, 0, act_none },
    { "batch norm, 3 channels", NORM, 5, 3, 6, 7, 0, 0, 0, 0, 0, act_relu }, { "batch norm, 70 channels", NORM, 4, 70, 5, 4, 0, 0, 0, 0, 0, act_leaky }
};

/* ---- loaders, noise, and what goes wrong ---- */

static void run_loader(const char *device, notes *o)
{
    ae_ctx *ae = context(device, 11);
    static uint8_t px[23 * 35], label[23];
    static float f32[23 * 3];
    ae_loader *l = ae_loader_new(ae, 7, 1), *m = ae_loader_new(ae, 5, 1);
    ae_tensor x, y, sum = ae_keep(ae_scalar(ae, 0));
    int i, epoch;
    o->n = 0;
    for (i = 0; i < 23 * 35; i++) px[i] = (uint8_t)(i * 7 % 256);
    for (i = 0; i < 23; i++) label[i] = (uint8_t)(i % 10);
    for (i = 0; i < 23 * 3; i++) f32[i] = number(i, 2, -1, 1);
    ae_load_u8(l, px, 23, 1, 5, 7);
    ae_load_labels(l, label, 23);
    ae_load_f32(m, f32, 23, 3, 0, 0);
    for (epoch = 0; epoch < 2; epoch++)
        while (ae_next_batch(l, &x, &y)) { note(o, x); note(o, y); note(o, ae_one_hot(y, 10)); ae_accumulate(sum, ae_reduce(x, -1, AE_MEAN)); }
    while (ae_next_batch(m, &x, NULL)) note(o, x);
    note(o, sum);
    snprintf(o->error, sizeof o->error, "%.280s", ae_error(ae));
    ae_free(ae);
}
static void run_noise(const char *device, notes *o)
{
    ae_ctx *ae = context(device, 0x123456789abcdefull);
    o->n = 0;
    note(o, ae_randn(ae, 1, 0, 0, 0));
    note(o, ae_randn(ae, 37, 23, 0, 0));
    note(o, ae_randn_like(ae_randn(ae, 3, 5, 2, 9)));
    o->error[0] = 0;
    ae_free(ae);
}

/* An op of the caller's own runs here, with values carried over and back, and the machine's name says so. */
static const char *cube_shape(ae_call *c) { memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim); c->out.ndim = c->in[0].ndim; return NULL; }
static void cube_forward(ae_call *c) { int i, n = c->out.dim[0] * c->out.dim[1]; for (i = 0; i < n; i++) c->out.data[i] = c->in[0].data[i] * c->in[0].data[i] * c->in[0].data[i]; }
static void cube_backward(ae_call *c) { int i, n = c->out.dim[0] * c->out.dim[1]; for (i = 0; i < n; i++) c->din[0].data[i] += 3 * c->in[0].data[i] * c->in[0].data[i] * c->dout.data[i]; }
static const ae_op cube = { "cube", 1, cube_shape, cube_forward, cube_backward, 0 };
static ae_tensor do_cube(ae_tensor *in) { ae_tensor h = ae_tanh(in[0]); return ae_sigmoid(ae_apply(&cube, &h, NULL, 0)); }
static const op_case cube_case = { "an op of the caller's", do_cube, 1, 1, { { 7, 9 } }, -1, 1, 2e-6 };

/* Each such op is named once, also where its name is a part of another's that was named before. */
static const ae_op cub = { "cub", 1, cube_shape, cube_forward, cube_backward, 0 };
static void names_of_host_ops(const char *device)
{
    ae_ctx *ae = context(device, 0);
    ae_tensor x = ae_randn(ae, 3, 4, 0, 0);
    const char *said = NULL;
    int i;
    for (i = 0; i < 2; i++) { ae_apply(&cube, &x, NULL, 0);  ae_apply(&cub, &x, NULL, 0); }
    said = strstr(ae_machine(ae), "; here: ");
    ok(said && !strcmp(said, "; here: cube, cub"), "ops that ran on the host are named once each: %s", ae_machine(ae));
    ae_free(ae);
}

static void wrong_numbers(const char *device)
{
    ae_ctx *ae = context(device, 0);
    const float label[3] = { 0, 7, 1 }, two[2] = { 0.5f, 1.5f };
    float read;
    ae_item(ae_reduce(ae_one_hot(ae_from(ae, label, 3, 0, 0, 0), 3), -1, AE_SUM));
    ok(strstr(ae_error(ae), "one_hot") != NULL, "a label that is no class is told at the read: %s", ae_error(ae));
    ae_clear(ae);
    read = ae_item(ae_bce_loss(ae_from(ae, two, 2, 0, 0, 0), ae_from(ae, two, 2, 0, 0, 0), AE_MEAN));
    ok(strstr(ae_error(ae), "between 0 and 1") != NULL, "numbers outside 0..1 in bce_loss are told at the read (%g): %s", (double)read, ae_error(ae));
    ae_clear(ae);
    ok(ae_item(ae_affine(ae_scalar(ae, 2), 3, 1)) == 7 && !*ae_error(ae), "after ae_clear the device goes on");
    ae_detect_anomaly(ae, 1);
    ae_item(ae_log(ae_scalar(ae, -1)));
    ok(strstr(ae_error(ae), "first NaN") != NULL, "ae_detect_anomaly looks at what the device made: %s", ae_error(ae));
    ae_free(ae);
}

typedef struct grad_user { ae_net *net; ae_tensor x; } grad_user;
static ae_tensor check_loss(void *user) { grad_user *u = (grad_user *)user; return ae_mse_loss(ae_forward(u->net, u->x), u->x, AE_MEAN); }

static float train_one(ae_ctx *ae, ae_opt *adam, grad_user *u)
{
    size_t mark = ae_begin(ae);
    ae_tensor loss = check_loss(u);
    float value;
    ae_zero_grad(adam);
    ae_backward(loss);
    ae_step(adam);
    value = ae_item(loss);
    ae_end(ae, mark);
    return value;
}
static int resumes(ae_ctx *ae, ae_opt *adam, grad_user *u, const char *path)
{
    float first, again;
    if (!ae_save_all(ae, path)) return 0;
    train_one(ae, adam, u);
    first = train_one(ae, adam, u);
    train_one(ae, adam, u);
    if (!ae_load_all(ae, path)) return 0;
    train_one(ae, adam, u);
    again = train_one(ae, adam, u);
    return first == again;
}

/* Clipping happens on this side, the step on the other: it must see the clipped gradient.  (Adam would not tell: it divides by it.) */
static void run_clipped(const char *device, notes *o)
{
    ae_ctx *ae = context(device, 5);
    ae_net *net = ae_net_new(ae);
    ae_opt *sgd;
    grad_user u;
    const int dim[4] = { 9, 6, 0, 0 };
    int step, i;
    o->n = 0;
    ae_nn_linear(net, 6, 5);
    ae_nn_tanh(net);
    ae_nn_linear(net, 5, 6);
    u.net = net;
    u.x = ae_keep(numbers(ae, dim, 1, -1, 1));
    sgd = ae_sgd(net, 0.5f);
    ae_set(sgd, AE_CLIP_NORM, 0.1f);
    for (step = 0; step < 4; step++) train_one(ae, sgd, &u);
    for (i = 0; i < ae_params(net); i++) note(o, ae_param_at(net, i, NULL));
    snprintf(o->error, sizeof o->error, "%.280s", ae_error(ae));
    ae_free(ae);
}

/* Files, predictions, gradient checks and clipping read and write what lives on the device. */
static void other_ways(const char *device)
{
    ae_ctx *ae = context(device, 5), *cpu = context("cpu", 5);
    ae_net *net = ae_net_new(ae), *same;
    ae_opt *adam;
    grad_user u;
    const int dim[4] = { 9, 6, 0, 0 };
    float out[2][9 * 6];
    int step;
    char name[] = "/tmp/device_ops_XXXXXX";
    int file = mkstemp(name);
    ae_nn_linear(net, 6, 5);
    ae_nn_tanh(net);
    ae_nn_linear(net, 5, 6);
    u.net = net;
    u.x = ae_keep(numbers(ae, dim, 1, -1, 1));
    ok(ae_check_grad(net, check_loss, &u) < 1e-2, "ae_check_grad agrees with the device's gradients");
    adam = ae_adam(net, 0.01f);
    ae_set(adam, AE_CLIP_NORM, 0.1f);
    for (step = 0; step < 4; step++) train_one(ae, adam, &u);
    ok(ae_save(net, name) && (same = ae_open(cpu, name)) != NULL && ae_predict(net, ae_data(u.x), 54, out[0], 54) == 9 && ae_predict(same, ae_data(u.x), 54, out[1], 54) == 9,
       "what the device learnt is saved, opened on the processor, and both predict");
    for (step = 0; step < 54; step++) if (!(fabsf(out[0][step] - out[1][step]) < 1e-5f)) break;
    ok(step == 54, "and the predictions agree");
    ok(ae_load(net, name) && fabsf(ae_item(check_loss(&u)) - ae_item(check_loss(&u))) == 0, "a file is read into a network on the device");
    ok(resumes(ae, adam, &u, name), "a checkpoint taken on the device and read back there goes on with the same bits");
    close(file);
    remove(name);
    ae_free(ae);
    ae_free(cpu);
}

int main(int argc, char **argv)
{
    const char *device = argc > 1 ? argv[1] : "cuda";
    notes a, b;
    size_t i;
    ae_ctx *ae = context(device, 0);
    if (!ok(!*ae_error(ae), "the device is there: %s%s", ae_machine(ae), ae_error(ae))) return tap_end();
    ae_free(ae);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    for (i = 0; i < sizeof op_cases / sizeof op_cases[0]; i++) {
        run_op(&op_cases[i], "cpu", &a);
        run_op(&op_cases[i], device, &b);
        compare(op_cases[i].name, &a, &b, op_cases[i].tolerance);
    }
    for (i = 0; i < sizeof layer_cases / sizeof layer_cases[0]; i++) {
        run_layer(&layer_cases[i], "cpu", &a);
        run_layer(&layer_cases[i], device, &b);
        compare(layer_cases[i].name, &a, &b, 2e-5);
    }
    run_loader("cpu", &a);
    run_loader(device, &b);
    compare("batches, labels, a running sum", &a, &b, 1e-6);
    run_noise("cpu", &a);
    run_noise(device, &b);
    compare("noise", &a, &b, 1e-6);
    run_clipped("cpu", &a);
    run_clipped(device, &b);
    compare("clipped gradients", &a, &b, 1e-5);
    run_op(&cube_case, "cpu", &a);
    run_op(&cube_case, device, &b);
    compare(cube_case.name, &a, &b, cube_case.tolerance);
    names_of_host_ops(device);
    wrong_numbers(device);
    other_ways(device);
    return tap_end();
}
