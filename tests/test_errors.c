/* test_errors.c: the caller's mistakes.  Each is made in a context of its own whose handler returns: the text must say
   what was wrong, what follows must be silent and harmless, ae_clear must make the context usable again, and all memory
   must come back. */
#define _POSIX_C_SOURCE 200809L
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"
#include <sys/wait.h>
#include <unistd.h>

static ae_ctx *other;                    /* a second context, for tensors that do not belong */

static ae_tensor zeros(ae_ctx *ae, int n, int c, int h, int w) { return ae_from(ae, NULL, n, c, h, w); }

static ae_tensor filled(ae_ctx *ae, int n, float value)
{
    float data[64];
    int i;
    for (i = 0; i < n; i++) data[i] = value;
    return ae_from(ae, data, n, 0, 0, 0);
}

/* encoder.0 is a Linear of 4 to 3. */
static ae_net *small_net(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *encoder = ae_sequential(net, "encoder");
    ae_nn_linear(encoder, 4, 3);
    ae_nn_relu(encoder);
    return net;
}

static ae_tensor small_loss(ae_net *net, ae_ctx *ae) { return ae_reduce(ae_square(ae_forward(net, ae_view(filled(ae, 4, 1.0f), 1, 4, 0, 0))), -1, AE_MEAN); }

/* ---- shapes ---- */

static void linear(ae_ctx *ae)        { ae_forward(small_net(ae), zeros(ae, 2, 7, 0, 0)); }
static void linear_unflat(ae_ctx *ae) { ae_forward(small_net(ae), zeros(ae, 2, 1, 2, 2)); }
static void conv_channels(ae_ctx *ae) { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 3, 8, 3, 1, 1); ae_forward(n, zeros(ae, 2, 1, 8, 8)); }
static void conv_kernel(ae_ctx *ae)   { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 1, 8, 5, 1, 0); ae_forward(n, zeros(ae, 2, 1, 3, 3)); }
static void convt_channels(ae_ctx *ae) { ae_net *n = ae_net_new(ae); ae_nn_conv_transpose2d(n, 3, 8, 3, 2, 1, 1); ae_forward(n, zeros(ae, 2, 4, 8, 8)); }
static void pool_window(ae_ctx *ae)   { ae_net *n = ae_net_new(ae); ae_nn_max_pool2d(n, 4, 4, 0); ae_forward(n, zeros(ae, 2, 1, 3, 3)); }
static void norm_channels(ae_ctx *ae) { ae_net *n = ae_net_new(ae); ae_nn_batch_norm2d(n, 3); ae_forward(n, zeros(ae, 2, 4, 3, 3)); }
static void norm_one_row(ae_ctx *ae)  { ae_net *n = ae_net_new(ae); ae_nn_batch_norm1d(n, 3); ae_forward(n, zeros(ae, 1, 3, 0, 0)); }
static void matmul(ae_ctx *ae)        { ae_matmul(zeros(ae, 2, 3, 0, 0), zeros(ae, 2, 4, 0, 0)); }
static void add(ae_ctx *ae)           { ae_add(zeros(ae, 2, 3, 0, 0), zeros(ae, 2, 4, 0, 0)); }
static void cat(ae_ctx *ae)           { ae_cat(zeros(ae, 2, 3, 0, 0), zeros(ae, 4, 3, 0, 0), 1); }
static void cat_axis(ae_ctx *ae)      { ae_cat(zeros(ae, 2, 3, 0, 0), zeros(ae, 2, 3, 0, 0), 2); }
static void slice(ae_ctx *ae)         { ae_slice(zeros(ae, 2, 3, 0, 0), 1, 2, 5); }
static void slice_empty(ae_ctx *ae)   { ae_slice(zeros(ae, 2, 3, 0, 0), 1, 2, 2); }
static void view(ae_ctx *ae)          { ae_view(zeros(ae, 2, 3, 0, 0), 4, 2, 0, 0); }
static void view_open(ae_ctx *ae)     { ae_view(zeros(ae, 2, 3, 0, 0), -1, 4, 0, 0); }
static void expand(ae_ctx *ae)        { ae_expand(zeros(ae, 2, 3, 0, 0), 2, 6, 0, 0); }
static void expand_negative(ae_ctx *ae) { ae_expand(zeros(ae, 1, 1, 0, 0), -2, -3, 0, 0); }
static void transpose(ae_ctx *ae)     { ae_transpose(zeros(ae, 2, 3, 4, 0)); }
static void reduce_axis(ae_ctx *ae)   { ae_reduce(zeros(ae, 2, 3, 0, 0), 2, AE_SUM); }
static void reduce_how(ae_ctx *ae)    { ae_reduce(zeros(ae, 2, 3, 0, 0), -1, (ae_reduction)0); }
static void log_softmax(ae_ctx *ae)   { ae_log_softmax(zeros(ae, 2, 3, 4, 4)); }
static void loss_shapes(ae_ctx *ae)   { ae_mse_loss(zeros(ae, 2, 16, 0, 0), zeros(ae, 2, 1, 4, 4), AE_MEAN); }
static void loss_how(ae_ctx *ae)      { ae_mse_loss(zeros(ae, 2, 3, 0, 0), zeros(ae, 2, 3, 0, 0), (ae_reduction)0); }
static void kl_shapes(ae_ctx *ae)     { ae_kl_loss(zeros(ae, 2, 3, 0, 0), zeros(ae, 2, 4, 0, 0), AE_SUM); }
static void from_negative(ae_ctx *ae) { ae_from(ae, NULL, -2, -3, 0, 0); }
static void from_huge(ae_ctx *ae)     { ae_from(ae, NULL, 1 << 20, 1 << 20, 0, 0); }
static void randn_negative(ae_ctx *ae) { ae_randn(ae, 2, -3, 0, 0); }
static void one_hot_shape(ae_ctx *ae) { ae_one_hot(zeros(ae, 2, 3, 0, 0), 4); }

/* 32x4x4 through k4 s3 p1 is 11x11; output padding 0..2 would give 11..13, never 28. */
static void convt_loss(ae_ctx *ae)
{
    ae_net *n = ae_net_new(ae);
    ae_nn_conv_transpose2d(n, 32, 1, 4, 3, 1, 0);
    ae_mse_loss(ae_forward(n, zeros(ae, 2, 32, 4, 4)), zeros(ae, 2, 1, 28, 28), AE_MEAN);
}

/* ---- handles ---- */

static void all_zero(ae_ctx *ae)      { ae_tensor none; memset(&none, 0, sizeof none); ae_add(zeros(ae, 2, 3, 0, 0), none); }
static void all_zero_forward(ae_ctx *ae) { ae_tensor none; memset(&none, 0, sizeof none); ae_forward(small_net(ae), none); }
static void stale_end(ae_ctx *ae)     { size_t m = ae_begin(ae); ae_tensor x = zeros(ae, 2, 3, 0, 0); ae_end(ae, m); ae_relu(x); }
static void stale_reused(ae_ctx *ae)
{
    size_t m = ae_begin(ae);
    ae_tensor x = zeros(ae, 2, 3, 0, 0), y;
    ae_end(ae, m);
    y = zeros(ae, 2, 3, 0, 0);
    if (y.slot != x.slot) ok(0, "a slot is used again");
    ae_relu(x);
}
static ae_loader *three_rows(ae_ctx *ae)
{
    static const float rows[6] = { 1, 2, 3, 4, 5, 6 };
    ae_loader *l = ae_loader_new(ae, 1, 0);
    ae_load_f32(l, rows, 3, 2, 0, 0);
    return l;
}
static void stale_batch(ae_ctx *ae)
{
    ae_loader *l = three_rows(ae);
    ae_tensor x, last;
    ae_next_batch(l, &x, NULL);
    last = x;
    ae_next_batch(l, &x, NULL);
    ae_relu(x);                          /* this one is good */
    ae_relu(last);
}
static void stale_epoch(ae_ctx *ae)
{
    ae_loader *l = three_rows(ae);
    ae_tensor x, last;
    memset(&last, 0, sizeof last);
    while (ae_next_batch(l, &x, NULL)) last = x;
    ae_data(last);
}
static void stale_data(ae_ctx *ae)    { size_t m = ae_begin(ae); ae_tensor x = ae_scalar(ae, 1); ae_end(ae, m); ae_item(x); }
static void mixed(ae_ctx *ae)         { ae_add(ae_scalar(ae, 1), ae_scalar(other, 2)); }
static void mixed_forward(ae_ctx *ae) { ae_forward(small_net(ae), ae_from(other, NULL, 1, 4, 0, 0)); }
static void end_twice(ae_ctx *ae)     { size_t m = ae_begin(ae); ae_end(ae, m); ae_end(ae, m); }

/* ---- backward and step ---- */

static void backward_twice(ae_ctx *ae)  { ae_tensor l = small_loss(small_net(ae), ae); ae_backward(l); ae_backward(l); }
static void backward_vector(ae_ctx *ae) { ae_backward(ae_forward(small_net(ae), zeros(ae, 2, 4, 0, 0))); }
static void backward_data(ae_ctx *ae)   { ae_backward(ae_reduce(zeros(ae, 2, 3, 0, 0), -1, AE_SUM)); }
static void backward_no_grad(ae_ctx *ae)
{
    int old = ae_grad_enabled(ae, 0);
    ae_tensor l = small_loss(small_net(ae), ae);
    ae_grad_enabled(ae, old);
    ae_backward(l);
}
static void backward_after_step(ae_ctx *ae)
{
    ae_net *net = small_net(ae);
    ae_opt *o = ae_sgd(net, 0.1f);
    ae_tensor x = filled(ae, 4, 1), a, b;
    ae_requires_grad(x, 1);              /* or nothing would read the weights on the way back */
    a = ae_reduce(ae_forward(net, ae_view(x, 1, 4, 0, 0)), -1, AE_SUM);
    b = ae_reduce(ae_forward(net, ae_view(x, 1, 4, 0, 0)), -1, AE_SUM);
    ae_backward(a);
    ae_step(o);
    ae_backward(b);
}
static void backward_after_assign(ae_ctx *ae)
{
    static const float data[12];
    ae_net *net = small_net(ae);
    ae_tensor l = small_loss(net, ae);
    ae_assign(ae_param(net, "encoder.0.weight"), data);
    ae_backward(l);
}
static void target_gradient(ae_ctx *ae)
{
    ae_tensor a = filled(ae, 2, 0.5f), b = filled(ae, 2, 0.5f);
    ae_requires_grad(a, 1);
    ae_requires_grad(b, 1);
    ae_backward(ae_bce_loss(a, b, AE_MEAN));
}
static void grad_none(ae_ctx *ae)       { ae_grad(ae_param(small_net(ae), "encoder.0.weight")); }
static void grad_of_data(ae_ctx *ae)    { ae_grad(zeros(ae, 2, 3, 0, 0)); }
static void grad_of_result(ae_ctx *ae)
{
    ae_net *net = small_net(ae);
    ae_tensor y = ae_forward(net, zeros(ae, 2, 4, 0, 0));
    ae_backward(ae_reduce(y, -1, AE_SUM));
    ae_grad(y);
}
static void set_nan(ae_ctx *ae)         { ae_set(ae_adam(small_net(ae), 0.1f), AE_LR, NAN); }
static void set_negative(ae_ctx *ae)    { ae_set(ae_adam(small_net(ae), 0.1f), AE_WEIGHT_DECAY, -1); }
static void set_unknown(ae_ctx *ae)     { ae_set(ae_adam(small_net(ae), 0.1f), (ae_knob)99, 1); }
static void assign_temporary(ae_ctx *ae) { float v = 1; ae_assign(ae_scalar(ae, 0), &v); }
static void accumulate_temporary(ae_ctx *ae) { ae_accumulate(ae_scalar(ae, 0), ae_scalar(ae, 1)); }
static void accumulate_vector(ae_ctx *ae) { ae_accumulate(ae_keep(ae_scalar(ae, 0)), filled(ae, 3, 1)); }
static void item_vector(ae_ctx *ae)     { ae_item(filled(ae, 3, 1)); }

/* ---- values ---- */

static void bce_target_high(ae_ctx *ae) { ae_bce_loss(filled(ae, 3, 0.5f), filled(ae, 3, 255), AE_MEAN); }
static void bce_target_low(ae_ctx *ae)  { ae_bce_loss(filled(ae, 3, 0.5f), filled(ae, 3, -0.1f), AE_MEAN); }
static void bce_target_nan(ae_ctx *ae)  { ae_bce_loss(filled(ae, 3, 0.5f), filled(ae, 3, NAN), AE_MEAN); }
static void bce_output(ae_ctx *ae)      { ae_bce_loss(filled(ae, 3, 1.5f), filled(ae, 3, 0.5f), AE_MEAN); }
static void logits_target(ae_ctx *ae)   { ae_bce_logits_loss(filled(ae, 3, 4), filled(ae, 3, 2), AE_SUM); }
static void one_hot_high(ae_ctx *ae)    { ae_one_hot(filled(ae, 3, 10), 10); }
static void one_hot_low(ae_ctx *ae)     { ae_one_hot(filled(ae, 3, -1), 10); }
static void one_hot_half(ae_ctx *ae)    { ae_one_hot(filled(ae, 3, 1.5f), 10); }
static void one_hot_nan(ae_ctx *ae)     { ae_one_hot(filled(ae, 3, NAN), 10); }
static void anomaly(ae_ctx *ae)         { ae_detect_anomaly(ae, 1); ae_log(filled(ae, 3, -1)); }
static void anomaly_layer(ae_ctx *ae)
{
    ae_net *net = small_net(ae);
    float huge[12];
    int i;
    for (i = 0; i < 12; i++) huge[i] = 1e30f;
    ae_assign(ae_param(net, "encoder.0.weight"), huge);
    ae_detect_anomaly(ae, 1);
    ae_forward(net, ae_view(filled(ae, 4, 1e30f), 1, 4, 0, 0));
}
static void anomaly_step(ae_ctx *ae)
{
    ae_net *net = small_net(ae);
    ae_opt *o = ae_adam(net, 0.1f);
    ae_step(o);
    ae_step(o);
    ae_detect_anomaly(ae, 1);
    ae_exp(filled(ae, 3, 1000));
}

/* ---- building ---- */

static void add_late(ae_ctx *ae)       { ae_net *n = small_net(ae); ae_forward(n, zeros(ae, 1, 4, 0, 0)); ae_nn_linear(n, 3, 2); }
static void add_after_opt(ae_ctx *ae)  { ae_net *n = small_net(ae); ae_adam(n, 0.1f); ae_nn_relu(n); }
static void add_inside(ae_ctx *ae)     { ae_nn_relu(ae_nn_linear(ae_net_new(ae), 2, 2)); }
static void same_name(ae_ctx *ae)      { ae_net *n = small_net(ae); ae_sequential(n, "encoder"); }
static void rename_same(ae_ctx *ae)    { ae_net *n = ae_net_new(ae); ae_name(ae_nn_relu(n), "a"); ae_name(ae_nn_relu(n), "a"); }
static void odd_name(ae_ctx *ae)       { ae_name(ae_nn_relu(ae_net_new(ae)), "a.b"); }
static void empty_name(ae_ctx *ae)     { ae_name(ae_nn_relu(ae_net_new(ae)), ""); }
static void long_name(ae_ctx *ae)      { ae_name(ae_nn_relu(ae_net_new(ae)), "a_name_that_is_far_too_long_for_anything_that_is_called_a_layer"); }
static void linear_zero(ae_ctx *ae)    { ae_nn_linear(ae_net_new(ae), 0, 3); }
static void linear_negative(ae_ctx *ae) { ae_nn_linear(ae_net_new(ae), 3, -1); }
static void linear_huge(ae_ctx *ae)    { ae_net *n = ae_net_new(ae); ae_nn_linear(n, 1 << 20, 1 << 20); ae_params(n); }
static void conv_stride(ae_ctx *ae)    { ae_nn_conv2d(ae_net_new(ae), 1, 1, 3, 0, 1); }
static void conv_pad(ae_ctx *ae)       { ae_nn_conv2d(ae_net_new(ae), 1, 1, 3, 1, -1); }
static void conv_k(ae_ctx *ae)         { ae_nn_conv2d(ae_net_new(ae), 1, 1, 0, 1, 0); }
static void conv_huge(ae_ctx *ae)      { ae_net *n = ae_net_new(ae); ae_nn_conv2d(n, 1 << 10, 1 << 10, 1 << 6, 1, 0); ae_params(n); }
static void convt_out_pad(ae_ctx *ae)  { ae_nn_conv_transpose2d(ae_net_new(ae), 1, 1, 3, 2, 1, 2); }
static void pool_pad(ae_ctx *ae)       { ae_nn_max_pool2d(ae_net_new(ae), 2, 2, 2); }
static void norm_zero(ae_ctx *ae)      { ae_nn_batch_norm2d(ae_net_new(ae), 0); }
static void unflatten_zero(ae_ctx *ae) { ae_nn_unflatten(ae_net_new(ae), 1, 0, 4); }
static void parameter_negative(ae_ctx *ae) { ae_net *n = ae_net_new(ae); ae_nn_parameter(n, "p", 1, -3, 0, 0, 0); ae_params(n); }
static void param_unknown(ae_ctx *ae)  { ae_param(small_net(ae), "decoder.0.weight"); }
static void param_beyond(ae_ctx *ae)   { ae_param_at(small_net(ae), 2, NULL); }
static void parameter_runs(ae_ctx *ae) { ae_net *n = ae_net_new(ae); ae_nn_parameter(n, "p", 1, 3, 0, 0, 0); ae_forward(n, zeros(ae, 1, 3, 0, 0)); }
static void batch_zero(ae_ctx *ae)     { ae_loader_new(ae, 0, 0); }
static void loader_rows(ae_ctx *ae)    { static const uint8_t y[4]; ae_loader *l = three_rows(ae); ae_load_labels(l, y, 4); }
static void loader_third(ae_ctx *ae)   { static const uint8_t y[3]; ae_loader *l = three_rows(ae); ae_load_labels(l, y, 3); ae_load_labels(l, y, 3); }
static void loader_empty(ae_ctx *ae)   { ae_tensor x; ae_next_batch(ae_loader_new(ae, 2, 0), &x, NULL); }
static void loader_no_y(ae_ctx *ae)    { ae_tensor x, y; ae_next_batch(three_rows(ae), &x, &y); }
static void loader_size(ae_ctx *ae)    { static const float d[4]; ae_load_f32(ae_loader_new(ae, 2, 0), d, 2, -1, 0, 0); }

static void upsample(ae_ctx *ae)       { ae_net *n = ae_net_new(ae); ae_nn_upsample(n, 2, 1); ae_forward(n, zeros(ae, 2, 16, 0, 0)); }
static void upsample_zero(ae_ctx *ae)  { ae_nn_upsample(ae_net_new(ae), 0, 1); }
static void dropout(ae_ctx *ae)        { ae_nn_dropout(ae_net_new(ae), 1.5f); }
static void dropout_nan(ae_ctx *ae)    { ae_nn_dropout(ae_net_new(ae), NAN); }
static void lstm_row(ae_ctx *ae)       { ae_net *n = ae_net_new(ae); ae_nn_lstm(n, 28, 4, 1); ae_forward(n, zeros(ae, 2, 784, 0, 0)); }
static void lstm_size(ae_ctx *ae)      { ae_net *n = ae_net_new(ae); ae_nn_lstm(n, 28, 4, 1); ae_forward(n, zeros(ae, 2, 28, 27, 0)); }
static void lstm_layers(ae_ctx *ae)    { ae_nn_lstm(ae_net_new(ae), 28, 4, 3); }
static void lstm_none(ae_ctx *ae)      { ae_net *n = ae_net_new(ae); ae_lstm(ae_nn_linear(n, 4, 4), zeros(ae, 2, 3, 4, 0), NULL, NULL); }
static void lstm_state(ae_ctx *ae)     { ae_net *n = ae_net_new(ae); ae_tensor h = zeros(ae, 1, 3, 4, 0); ae_lstm(ae_nn_lstm(n, 5, 4, 1), zeros(ae, 2, 3, 5, 0), &h, NULL); }
static void nll_rows(ae_ctx *ae)       { ae_nll_loss(zeros(ae, 3, 4, 0, 0), zeros(ae, 1, 0, 0, 0), AE_SUM); }
static void nll_label(ae_ctx *ae)      { const float y[2] = { 1, 4 }; ae_nll_loss(zeros(ae, 2, 4, 0, 0), ae_from(ae, y, 2, 0, 0, 0), AE_SUM); }
static const char *never_fits(ae_call *c) { return ae_say(c->ctx, "nothing fits, least of all %d axes", c->in[0].ndim); }
static void nothing(ae_call *c) { (void)c; }
static const ae_op mine = { "mine", 1, never_fits, nothing, NULL, 0 }, too_wide = { "too_wide", 7, never_fits, nothing, NULL, 0 }, half = { "half", 1, never_fits, NULL, NULL, 0 };
static void own_shape(ae_ctx *ae)      { ae_tensor x = zeros(ae, 2, 3, 0, 0); ae_apply(&mine, &x, NULL, 0); }
static void own_layer(ae_ctx *ae)      { ae_net *n = ae_net_new(ae); ae_name(ae_nn_op(n, &mine, NULL, 0), "odd"); ae_forward(n, zeros(ae, 2, 3, 0, 0)); }
static void own_wide(ae_ctx *ae)       { ae_tensor x[7]; int i; for (i = 0; i < 7; i++) x[i] = ae_scalar(ae, 1); ae_apply(&too_wide, x, NULL, 0); }
static void own_half(ae_ctx *ae)       { ae_tensor x = ae_scalar(ae, 1); ae_apply(&half, &x, NULL, 0); }

/* A mistake, and words that its text must hold. */
static const struct { const char *name; void (*make)(ae_ctx *ae); const char *says[5]; } table[] = {
    { "a Linear's input", linear, { "encoder.0", "Linear", "[2, 7]", "4" } },
    { "an image for a Linear", linear_unflat, { "encoder.0", "[2, 1, 2, 2]", "flatten" } },
    { "a Conv2d's channels", conv_channels, { "Conv2d", "[2, 1, 8, 8]", "3" } },
    { "a Conv2d's kernel", conv_kernel, { "Conv2d", "[2, 1, 3, 3]", "5x5" } },
    { "a ConvTranspose2d's channels", convt_channels, { "ConvTranspose2d", "[2, 4, 8, 8]", "3" } },
    { "a MaxPool2d's window", pool_window, { "MaxPool2d", "[2, 1, 3, 3]", "4x4" } },
    { "a BatchNorm2d's channels", norm_channels, { "BatchNorm2d", "[2, 4, 3, 3]" } },
    { "BatchNorm1d of one row", norm_one_row, { "BatchNorm1d", "[1, 3]" } },
    { "matmul", matmul, { "matmul", "[2, 3]", "[2, 4]" } },
    { "an Upsample's input", upsample, { "Upsample", "[2, 16]", "[B, C, H, W]" } },
    { "Upsample by 0", upsample_zero, { "Upsample", "0" } },
    { "a Dropout of 1.5", dropout, { "Dropout", "1.5" } },
    { "a Dropout of NaN", dropout_nan, { "Dropout", "nan" } },
    { "a flat image for an LSTM", lstm_row, { "LSTM(28, 4", "[2, 784]", "[B, T, 28]" } },
    { "an LSTM's input", lstm_size, { "LSTM", "[2, 28, 27]", "[B, T, 28]" } },
    { "an LSTM of three layers", lstm_layers, { "LSTM", "3", "at most 2" } },
    { "ae_lstm of a Linear", lstm_none, { "ae_lstm", "Linear" } },
    { "an LSTM's state of other rows", lstm_state, { "LSTM", "[1, 3, 4]", "[2, 4]" } },
    { "nll_loss of too few labels", nll_rows, { "nll_loss", "[3, 4]", "[1]" } },
    { "nll_loss of no class", nll_label, { "label 4", "0..3" } },
    { "add", add, { "[2, 3]", "[2, 4]" } },
    { "cat", cat, { "cat", "[2, 3]", "[4, 3]" } },
    { "cat along no axis", cat_axis, { "cat", "[2, 3]" } },
    { "slice", slice, { "slice", "[2, 3]", "5" } },
    { "an empty slice", slice_empty, { "slice", "[2, 3]" } },
    { "view", view, { "view", "[2, 3]", "[4, 2]" } },
    { "view with an open size", view_open, { "view", "[2, 3]", "4" } },
    { "expand", expand, { "expand", "[2, 3]", "[2, 6]" } },
    { "expand to negative sizes", expand_negative, { "-2" } },
    { "transpose", transpose, { "transpose", "[2, 3, 4]" } },
    { "reduce along no axis", reduce_axis, { "reduce", "2", "[2, 3]" } },
    { "reduce neither mean nor sum", reduce_how, { "AE_MEAN" } },
    { "log_softmax", log_softmax, { "log_softmax", "[2, 3, 4, 4]" } },
    { "a loss of two shapes", loss_shapes, { "mse_loss", "[2, 16]", "[2, 1, 4, 4]", "ae_view" } },
    { "a loss that is neither mean nor sum", loss_how, { "mse_loss", "AE_MEAN", "AE_SUM" } },
    { "kl_loss of two shapes", kl_shapes, { "kl_loss", "[2, 3]", "[2, 4]" } },
    { "a loss behind a ConvTranspose2d", convt_loss, { "ConvTranspose2d", "11x11", "output_padding", "11..13", "[2, 1, 28, 28]" } },
    { "negative sizes", from_negative, { "positive" } },
    { "a tensor of 2^40 elements", from_huge, { "elements" } },
    { "a negative size of noise", randn_negative, { "positive" } },
    { "one_hot of a matrix", one_hot_shape, { "one_hot", "[2, 3]" } },
    { "an all-zero handle", all_zero, { "zero" } },
    { "an all-zero handle in a network", all_zero_forward, { "zero" } },
    { "a tensor after ae_end", stale_end, { "stale" } },
    { "a tensor after ae_end whose slot is used again", stale_reused, { "stale" } },
    { "the batch before", stale_batch, { "stale" } },
    { "a batch after its epoch", stale_epoch, { "stale" } },
    { "ae_item of a stale tensor", stale_data, { "stale" } },
    { "tensors of two contexts", mixed, { "context" } },
    { "another context's tensor in a network", mixed_forward, { "context" } },
    { "ae_end twice", end_twice, { "ae_end" } },
    { "backward twice", backward_twice, { "ae_backward", "second time" } },
    { "backward of a matrix", backward_vector, { "ae_backward", "scalar" } },
    { "backward of data", backward_data, { "ae_backward" } },
    { "backward without gradients", backward_no_grad, { "ae_backward", "off" } },
    { "backward after ae_step", backward_after_step, { "ae_step", "changed" } },
    { "backward after ae_assign", backward_after_assign, { "ae_assign", "changed" } },
    { "a BCE target that asks for a gradient", target_gradient, { "bce_loss", "target", "ae_detach" } },
    { "ae_grad before backward", grad_none, { "ae_grad" } },
    { "ae_grad of data", grad_of_data, { "ae_grad" } },
    { "ae_grad of a result", grad_of_result, { "ae_grad", "ae_requires_grad" } },
    { "ae_set of NaN", set_nan, { "ae_set" } },
    { "ae_set of a negative number", set_negative, { "ae_set" } },
    { "ae_set of no knob", set_unknown, { "ae_set" } },
    { "ae_assign to a temporary", assign_temporary, { "ae_assign", "ae_keep" } },
    { "ae_accumulate to a temporary", accumulate_temporary, { "ae_accumulate", "ae_keep" } },
    { "ae_accumulate of a vector", accumulate_vector, { "ae_accumulate", "scalar" } },
    { "ae_item of a vector", item_vector, { "ae_item", "3" } },
    { "a BCE target of 255", bce_target_high, { "bce_loss", "3", "target" } },
    { "a BCE target below 0", bce_target_low, { "bce_loss", "target" } },
    { "a BCE target of NaN", bce_target_nan, { "bce_loss", "target" } },
    { "a BCE output above 1", bce_output, { "bce_loss", "output", "sigmoid" } },
    { "a logits target of 2", logits_target, { "bce_logits_loss", "target" } },
    { "one_hot of label 10 of 10", one_hot_high, { "one_hot", "10", "0..9" } },
    { "one_hot of label -1", one_hot_low, { "one_hot", "-1" } },
    { "one_hot of label 1.5", one_hot_half, { "one_hot", "1.5" } },
    { "one_hot of NaN", one_hot_nan, { "one_hot", "nan" } },
    { "the first NaN", anomaly, { "NaN", "log", "step 0" } },
    { "the first Inf, in a layer", anomaly_layer, { "encoder.0", "Linear", "step 0" } },
    { "the first Inf, after two steps", anomaly_step, { "exp", "step 2" } },
    { "a layer after the network ran", add_late, { "Linear", "run already" } },
    { "a layer after the optimiser was made", add_after_opt, { "ReLU", "optimiser" } },
    { "a layer inside a layer", add_inside, { "ReLU", "ae_sequential" } },
    { "two containers of one name", same_name, { "encoder" } },
    { "two layers of one name", rename_same, { "\"a\"" } },
    { "a name with a dot", odd_name, { "a.b" } },
    { "an empty name", empty_name, { "name" } },
    { "a long name", long_name, { "name" } },
    { "Linear of 0", linear_zero, { "Linear", "0" } },
    { "Linear of -1", linear_negative, { "Linear", "-1" } },
    { "Linear of 2^40 weights", linear_huge, { "Linear" } },
    { "Conv2d of stride 0", conv_stride, { "Conv2d", "0" } },
    { "Conv2d of padding -1", conv_pad, { "Conv2d", "-1" } },
    { "Conv2d of kernel 0", conv_k, { "Conv2d", "0" } },
    { "Conv2d of 2^32 weights", conv_huge, { "Conv2d" } },
    { "ConvTranspose2d's output_padding", convt_out_pad, { "ConvTranspose2d", "output_padding 2", "stride 2" } },
    { "MaxPool2d's padding", pool_pad, { "MaxPool2d", "padding 2" } },
    { "BatchNorm2d of 0", norm_zero, { "BatchNorm2d" } },
    { "Unflatten to 0", unflatten_zero, { "Unflatten" } },
    { "a parameter of -3", parameter_negative, { "-3" } },
    { "a parameter that is not there", param_unknown, { "decoder.0.weight" } },
    { "the third of two parameters", param_beyond, { "ae_param_at", "2" } },
    { "a parameter as a layer", parameter_runs, { "p", "ae_param" } },
    { "a batch of 0", batch_zero, { "ae_loader_new", "0" } },
    { "labels for another number of rows", loader_rows, { "4", "3" } },
    { "a third thing to serve", loader_third, { "two" } },
    { "a loader of nothing", loader_empty, { "ae_next_batch", "nothing" } },
    { "y of a loader without one", loader_no_y, { "ae_next_batch", "y" } },
    { "rows of a negative size", loader_size, { "-1" } },
    { "an op of one's own", own_shape, { "mine", "nothing fits, least of all 2 axes" } },
    { "a layer of one's own", own_layer, { "odd", "mine", "nothing fits" } },
    { "an op of seven inputs", own_wide, { "too_wide", "6" } },
    { "an op without forward", own_half, { "half", "forward" } }
};

/* Three steps of training work: the sum of the weights moves and is a number. */
static int usable(ae_ctx *ae)
{
    ae_net *net = small_net(ae);
    ae_opt *o = ae_adam(net, 0.1f);
    float before = ae_data(ae_param(net, "encoder.0.bias"))[0], after;
    int i;
    for (i = 0; i < 3; i++) {
        size_t m = ae_begin(ae);
        ae_tensor y = ae_forward(ae_child(net, "encoder.0"), ae_view(filled(ae, 4, 1.0f), 1, 4, 0, 0));
        ae_zero_grad(o);
        ae_backward(ae_reduce(y, -1, AE_SUM));
        ae_step(o);
        ae_end(ae, m);
    }
    after = ae_data(ae_param(net, "encoder.0.bias"))[0];
    return !*ae_error(ae) && fabs((double)(before - after) - 0.3) < 1e-4;
}

static int says_all(const char *text, const char *const *says)
{
    int i;
    for (i = 0; i < 5 && says[i]; i++) if (!strstr(text, says[i])) return 0;
    return 1;
}

/* The handler got the text and ae_error keeps it; then the context is cleared, used and given back. */
static void one_mistake(const char *name, void (*make)(ae_ctx *ae), const char *const *says)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    char first[1200];
    make(ae);
    snprintf(first, sizeof first, "%s", ae_error(ae));
    if (!ok(w.fails >= 1 && !strcmp(first, w.text) && says_all(first, says), "%s is told", name)) printf("# said: %s\n", first);
    ae_add(ae_scalar(ae, 1), ae_from(ae, NULL, -1, 0, 0, 0));
    if (*first && strcmp(first, ae_error(ae))) ok(0, "%s: the first text stays", name);
    ae_clear(ae);
    ae_detect_anomaly(ae, 0);
    if (*ae_error(ae) || !usable(ae)) ok(0, "%s: usable after ae_clear (%s)", name, ae_error(ae));
    ae_free(ae);
    if (w.blocks || w.bytes) ok(0, "%s: all memory is given back (%ld blocks, %ld bytes are not)", name, w.blocks, (long)w.bytes);
    ae_clear(other);
}

/* A mistake may end the program instead of failing, and then the rest must still be tested: each runs in a child first. */
static int survives(void (*make)(ae_ctx *ae))
{
    int status;
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        watch w;
        make(watch_new(&w, 1));
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void all_mistakes(void)
{
    size_t i;
    for (i = 0; i < sizeof table / sizeof table[0]; i++)
        if (!survives(table[i].make)) ok(0, "%s does not end the program when the handler returns", table[i].name);
        else one_mistake(table[i].name, table[i].make, table[i].says);
}

/* ---- what follows a mistake ---- */

static void poison_spreads(ae_ctx *ae)
{
    ae_tensor p = ae_view(zeros(ae, 2, 3, 0, 0), 5, 0, 0, 0), q = ae_relu(p), in[2];
    ae_net *net = small_net(ae);
    in[0] = p;
    in[1] = q;
    q = ae_add(p, ae_scalar(ae, 1));
    q = ae_sub(ae_scalar(ae, 1), q);
    q = ae_cat(q, p, 0);
    q = ae_forward(net, ae_view(q, 1, 4, 0, 0));
    q = ae_apply(&mine, in, NULL, 0);
    q = ae_mse_loss(q, p, AE_MEAN);
    ae_backward(q);
    ae_grad(q);
    ae_requires_grad(q, 1);
    ae_keep(q);
    ae_detach(q);
    ae_randn_like(q);
    ae_size(q, 0);
    ae_dims(q);
    ae_item(q);
    if (ae_data(q) || ae_data(p)) _exit(9);
}

static void check_poison(void)
{
    watch w;
    ae_ctx *ae;
    if (!ok(survives(poison_spreads), "ops on poison yield poison and do not end the program")) return;
    ae = watch_new(&w, 1);
    poison_spreads(ae);
    ok(w.fails == 1, "ops on poison are silent: the handler was called once (%ld)", w.fails);
    ae_free(ae);
}

/* A mistake between two steps: what is left of the step changes nothing. */
static void step_after_mistake(ae_ctx *ae)
{
    ae_net *net = small_net(ae);
    ae_opt *o = ae_adam(net, 0.1f);
    float before[12];
    ae_tensor l;
    memcpy(before, ae_data(ae_param(net, "encoder.0.weight")), sizeof before);
    ae_backward(small_loss(net, ae));
    l = ae_forward(net, zeros(ae, 2, 9, 0, 0));
    ae_backward(l);
    ae_step(o);
    ae_clear(ae);
    if (memcmp(before, ae_data(ae_param(net, "encoder.0.weight")), sizeof before)) _exit(9);
}

/* ---- the default handler, a missing device, a missing context ---- */

static int exit_status(void (*program)(ae_ctx *ae), char *said, size_t size)
{
    int fd[2], status;
    ssize_t n, used = 0;
    pid_t child;
    if (pipe(fd)) return -1;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(fd[1], 2);
        program(ae_new(NULL));
        _exit(0);
    }
    close(fd[1]);
    while ((n = read(fd[0], said + used, size - 1 - (size_t)used)) > 0) used += n;
    said[used] = 0;
    close(fd[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
static void wholly_zero(ae_ctx *ae) { ae_tensor none; (void)ae; memset(&none, 0, sizeof none); ae_relu(none); }

static void op_of_nothing(ae_ctx *ae)
{
    static const ae_op nothing = { "nothing", 0, NULL, NULL, NULL, 0 };
    ae_tensor none;
    (void)ae;
    memset(&none, 0, sizeof none);
    ae_apply(&nothing, &none, NULL, 0);
}

static void check_default_handler(void)
{
    char said[2000];
    int status = exit_status(op_of_nothing, said, sizeof said);
    ok(status == 1 && strstr(said, "nothing: an op has 1..6 inputs"), "an op without inputs has no context: told on stderr, and exits with 1 (%d)", status);
    status = exit_status(linear, said, sizeof said);
    ok(status == 1 && strstr(said, "encoder.0") && strstr(said, "[2, 7]"), "the default handler prints and exits with 1 (%d)", status);
    status = exit_status(wholly_zero, said, sizeof said);
    ok(status == 1 && strstr(said, "zero"), "a handle without a context is told on stderr, and exits with 1 (%d)", status);
}

static void check_device(void)
{
    watch w;
    ae_config config;
    ae_ctx *ae;
    memset(&w, 0, sizeof w);
    memset(&config, 0, sizeof config);
    config.device = "cuda";
    config.on_fail = watch_fail;
    config.user = &w;
    ae = ae_new(&config);
    ok(ae && strstr(ae_error(ae), "cuda") && !w.fails, "no such device: a text in ae_error, not a mistake (%s)", ae ? ae_error(ae) : "NULL");
    ae_free(ae);
    config.device = "cpu";
    ae = ae_new(&config);
    ok(ae && !*ae_error(ae), "device \"cpu\" is there");
    ae_free(ae);
    ae_free(NULL);
}

/* ---- ae_predict ---- */

static void check_predict(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    float in[16] = { 0 }, out[12];
    ae_net *net = ae_net_new(ae), *known = small_net(ae);
    ae_nn_relu(net);
    ok(!ae_predict(net, in, 8, out, 12) && strstr(ae_error(ae), "shape") && !w.fails, "ae_predict of an unknown shape: 0 and a text");
    ae_clear(ae);
    ok(!ae_predict(known, in, 16, out, 11) && strstr(ae_error(ae), "12") && strstr(ae_error(ae), "11") && !w.fails, "ae_predict with too little room: 0 and a text (%s)", ae_error(ae));
    ae_clear(ae);
    ok(!ae_predict(known, in, 15, out, 12) && strstr(ae_error(ae), "15") && !w.fails, "ae_predict of rows that are not whole: 0 and a text (%s)", ae_error(ae));
    ae_clear(ae);
    ok(ae_predict(known, in, 16, out, 12) == 4 && !*ae_error(ae), "ae_predict with room enough gives the rows");
    ae_free(ae);
    ok(w.blocks == 0, "its memory is given back");
}

/* ---- no memory: the k-th request and all later ones are refused, for every k that there is ---- */

static void whole_life(ae_ctx *ae)
{
    static const float rows[24];
    ae_net *net = ae_net_new(ae);
    ae_loader *l = ae_loader_new(ae, 2, 1);
    ae_opt *o;
    ae_tensor x, kept;
    float out[32];
    size_t m = ae_begin(ae);
    ae_load_f32(l, rows, 3, 1, 2, 4);
    ae_nn_conv2d(net, 1, 2, 1, 1, 0);
    ae_nn_batch_norm2d(net, 2);
    ae_nn_max_pool2d(net, 2, 2, 0);
    ae_nn_flatten(net);
    ae_nn_linear(net, 4, 2);
    ae_nn_log_softmax(net);
    o = ae_adam(net, 0.1f);
    kept = ae_keep(ae_scalar(ae, 0));
    while (!*ae_error(ae) && ae_next_batch(l, &x, NULL)) {
        ae_tensor loss = ae_reduce(ae_square(ae_forward(net, x)), -1, AE_MEAN);
        ae_zero_grad(o);
        ae_backward(loss);
        ae_step(o);
        ae_accumulate(kept, loss);
    }
    if (net) ae_predict(net, rows, 24, out, 32);
    ae_end(ae, m);
}

static int without_memory(long k)
{
    watch w;
    ae_config config;
    ae_ctx *ae;
    memset(&w, 0, sizeof w);
    memset(&config, 0, sizeof config);
    config.threads = 1;
    config.on_fail = watch_fail;
    config.alloc = watch_alloc;
    config.dealloc = watch_dealloc;
    config.user = &w;
    w.refuse = k;
    ae = ae_new(&config);
    if (!ae) _exit(w.blocks ? 9 : 1);
    whole_life(ae);
    if (w.requests < k) _exit(w.fails ? 9 : 2);
    if (!*ae_error(ae)) _exit(9);
    ae_free(ae);
    _exit(w.blocks ? 9 : 1);
}

static void check_no_memory(void)
{
    long k, bad = 0, end = 0;
    int status;
    for (k = 1; k < 300 && !end; k++) {
        pid_t child;
        fflush(stdout);
        child = fork();
        if (child == 0) without_memory(k);
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 2) end = k;
        else if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) { bad++; printf("# refusing request %ld and the later ones: %s %d\n", k, WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)); }
    }
    ok(end > 10 && !bad, "no memory at any of %ld requests: a text, no crash, nothing lost (%ld bad)", end - 1, bad);
}

int main(void)
{
    watch w;
    other = watch_new(&w, 1);
    all_mistakes();
    check_poison();
    ok(survives(step_after_mistake), "ae_step does nothing after a mistake");
    check_default_handler();
    check_device();
    check_predict();
    check_no_memory();
    ae_free(other);
    ok(w.blocks == 0, "the other context's memory is given back");
    return tap_end();
}
