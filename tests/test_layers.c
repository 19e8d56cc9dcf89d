/* test_layers.c: every layer, loss and optimiser against PyTorch's numbers, from tests/fixtures and, where it is at
   hand, from a second set in $AUTOENC_SHARED/fixtures.  Tolerances are those of the fixtures' README: 2e-5 of a
   tensor's largest value for layers, 1e-6 for elementwise work, losses and optimisers, nothing for relu and max pool. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "fixture.h"

static ae_ctx *ae;

/* Largest difference over the largest value of the reference, with a floor of 1e-7; NaN and infinity must match. */
static double difference(const float *ours, const fixture_tensor *t)
{
    double worst = 0, most = 0;
    int i;
    for (i = 0; i < t->n; i++) {
        double d = fabs((double)ours[i] - t->at[i]);
        if (d != d || fabs(t->at[i]) == INFINITY) d = (double)ours[i] == t->at[i] ? 0 : INFINITY;
        if (fabs(t->at[i]) < INFINITY && fabs(t->at[i]) > most) most = fabs(t->at[i]);
        if (d > worst) worst = d;
    }
    return worst <= 1e-7 ? 0 : worst / (most > 0 ? most : 1);
}

/* Compares a tensor of ours with one of the file; a name that the file lacks is not compared. */
static void compare(const fixture *f, const char *what, ae_tensor ours, const char *name, double tolerance)
{
    fixture_tensor t = fixture_get(f, name);
    double d;
    if (!t.at) return;
    d = ae_size(ours, -1) == t.n ? difference(ae_data(ours), &t) : INFINITY;
    ok(d <= tolerance, "%s: %s within %g (%.2g)", what, name, tolerance, d);
    free(t.at);
}

static float *floats(const fixture_tensor *t)
{
    float *p = (float *)malloc((size_t)(t->n + 1) * sizeof(float));
    int i;
    for (i = 0; i < t->n; i++) p[i] = (float)t->at[i];
    return p;
}

static ae_tensor tensor(const fixture *f, const char *name)
{
    fixture_tensor t = fixture_get(f, name);
    float *p = floats(&t);
    ae_tensor x = ae_from(ae, p, t.ndim > 0 ? t.dim[0] : 0, t.ndim > 1 ? t.dim[1] : 0, t.ndim > 2 ? t.dim[2] : 0, t.ndim > 3 ? t.dim[3] : 0);
    free(p);
    free(t.at);
    return x;
}

static void assign(const fixture *f, const char *name, ae_tensor kept)
{
    fixture_tensor t = fixture_get(f, name);
    float *p = floats(&t);
    if (t.at && t.n == ae_size(kept, -1)) ae_assign(kept, p);
    else ok(0, "%s is in the file and has our size", name);
    free(p);
    free(t.at);
}

/* ---- layers: forward, and backward from grad_y ---- */

static ae_net *build(const fixture *f, const char *name)
{
    ae_net *net = ae_net_new(ae);
    fixture_tensor w = fixture_get(f, "weight");
    int k = (int)fixture_meta(f, "kernel", 2), s = (int)fixture_meta(f, "stride", 1), p = (int)fixture_meta(f, "padding", 0);
    if (!strncmp(name, "linear", 6)) ae_nn_linear(net, w.dim[1], w.dim[0]);
    else if (!strncmp(name, "conv2d", 6)) ae_nn_conv2d(net, w.dim[1], w.dim[0], k, s, p);
    else if (!strncmp(name, "convT2d", 7)) ae_nn_conv_transpose2d(net, w.dim[0], w.dim[1], k, s, p, (int)fixture_meta(f, "output_padding", 0));
    else if (!strncmp(name, "batchnorm1d", 11)) ae_nn_batch_norm1d(net, w.dim[0]);
    else if (!strncmp(name, "batchnorm2d", 11)) ae_nn_batch_norm2d(net, w.dim[0]);
    else if (!strncmp(name, "maxpool2d", 9)) ae_nn_max_pool2d(net, k, s, p);
    else if (!strncmp(name, "upsample", 8)) ae_nn_upsample(net, (int)fixture_meta(f, "scale", 2), strstr(name, "bilinear") != NULL);
    else if (!strncmp(name, "relu", 4)) ae_nn_relu(net);
    else if (!strncmp(name, "leakyrelu", 9)) ae_nn_leaky_relu(net, (float)atof(name + 10));
    else if (!strncmp(name, "sigmoid", 7)) ae_nn_sigmoid(net);
    else if (!strncmp(name, "tanh", 4)) ae_nn_tanh(net);
    else if (!strncmp(name, "log_softmax", 11)) ae_nn_log_softmax(net);
    free(w.at);
    if (!strncmp(name, "batchnorm", 9)) {
        ae_train(net, strstr(name, "eval") == NULL);
        assign(f, "running_mean_before", ae_param(net, "0.running_mean"));
        assign(f, "running_var_before", ae_param(net, "0.running_var"));
    }
    if (ae_params(net)) {
        assign(f, "weight", ae_param(net, "0.weight"));
        assign(f, "bias", ae_param(net, "0.bias"));
    }
    return net;
}

static void check_layer(const fixture *f, const char *name)
{
    double tolerance = !strncmp(name, "relu", 4) || !strncmp(name, "maxpool", 7) ? 0 : ae_params(build(f, name)) ? 2e-5 : 1e-6;
    size_t mark = ae_begin(ae);
    ae_net *net = build(f, name);
    ae_tensor x = tensor(f, "x"), y;
    ae_requires_grad(x, 1);
    y = ae_forward(net, x);
    compare(f, name, y, "y", tolerance);
    ae_backward(ae_reduce(ae_mul(y, tensor(f, "grad_y")), -1, AE_SUM));
    compare(f, name, ae_grad(x), "grad_x", !strcmp(name, "maxpool2d_k3s2p1") ? 1e-6 : tolerance);
    if (ae_params(net)) {
        compare(f, name, ae_grad(ae_param(net, "0.weight")), "grad_weight", tolerance);
        compare(f, name, ae_grad(ae_param(net, "0.bias")), "grad_bias", tolerance);
    }
    if (!strncmp(name, "batchnorm", 9)) {
        compare(f, name, ae_param(net, "0.running_mean"), "running_mean_after", tolerance);
        compare(f, name, ae_param(net, "0.running_var"), "running_var_after", tolerance);
    }
    ae_end(ae, mark);
}

/* Upstream gradients for the outputs and for the last state; gradients of the first state and of every weight. */
static void check_lstm(const fixture *f, const char *name)
{
    size_t mark = ae_begin(ae);
    fixture_tensor w = fixture_get(f, "weight_hh_l0"), first = fixture_get(f, "weight_ih_l0");
    ae_net *net = ae_net_new(ae), *lstm = ae_name(ae_nn_lstm(net, first.dim[1], w.dim[1], (int)fixture_meta(f, "layers", 1)), "rnn");
    ae_tensor x = tensor(f, "x"), state[2], last[2], y, loss;
    const char *path;
    char grad[64];
    int i;
    state[0] = last[0] = tensor(f, "h0");
    state[1] = last[1] = tensor(f, "c0");
    ae_requires_grad(x, 1);
    for (i = 0; i < 2; i++) ae_requires_grad(state[i], 1);
    for (i = 0; i < ae_params(net); i++) {
        ae_tensor p = ae_param_at(net, i, &path);
        snprintf(grad, sizeof grad, "%s", path + 4);            /* behind "rnn." */
        assign(f, grad, p);
    }
    y = ae_lstm(lstm, x, &last[0], &last[1]);
    compare(f, name, y, "y", 2e-5);
    compare(f, name, last[0], "h_n", 2e-5);
    compare(f, name, last[1], "c_n", 2e-5);
    loss = ae_reduce(ae_mul(y, tensor(f, "grad_y")), -1, AE_SUM);
    loss = ae_add(loss, ae_reduce(ae_mul(last[0], tensor(f, "grad_h_n")), -1, AE_SUM));
    ae_backward(ae_add(loss, ae_reduce(ae_mul(last[1], tensor(f, "grad_c_n")), -1, AE_SUM)));
    compare(f, name, ae_grad(x), "grad_x", 2e-5);
    compare(f, name, ae_grad(state[0]), "grad_h0", 2e-5);
    compare(f, name, ae_grad(state[1]), "grad_c0", 2e-5);
    for (i = 0; i < ae_params(net); i++) {
        ae_tensor p = ae_param_at(net, i, &path);
        snprintf(grad, sizeof grad, "grad_%s", path + 4);
        compare(f, name, ae_grad(p), grad, 2e-5);
    }
    ok(ae_params(net) == 4 * (int)fixture_meta(f, "layers", 1), "%s: %d tensors under PyTorch's names", name, ae_params(net));
    free(w.at);
    free(first.at);
    ae_end(ae, mark);
}

/* ---- losses ---- */

static void check_loss(const fixture *f, const char *name)
{
    ae_reduction r = strstr(name, "mean") ? AE_MEAN : AE_SUM;
    size_t mark = ae_begin(ae);
    int kl = !strncmp(name, "kl", 2), l1_or_mse = !strncmp(name, "l1", 2) || !strncmp(name, "mse", 3);
    ae_tensor a = tensor(f, kl ? "mean" : "input"), b = tensor(f, kl ? "log_var" : "target"), y;
    ae_requires_grad(a, 1);
    ae_requires_grad(b, kl || l1_or_mse);
    if (!strncmp(name, "nll", 3)) y = ae_nll_loss(a, b, r);
    else if (kl) y = ae_kl_loss(a, b, r);
    else if (!strncmp(name, "mse", 3)) y = ae_mse_loss(a, b, r);
    else if (!strncmp(name, "l1", 2)) y = ae_l1_loss(a, b, r);
    else if (!strncmp(name, "bce_logits", 10)) y = ae_bce_logits_loss(a, b, r);
    else y = ae_bce_loss(a, b, r);
    compare(f, name, y, "y", 1e-6);
    ae_backward(y);
    compare(f, name, ae_grad(a), kl ? "grad_mean" : "grad_input", 1e-6);
    if (kl) compare(f, name, ae_grad(b), "grad_log_var", 1e-6);
    if (l1_or_mse) compare(f, name, ae_grad(b), "grad_target", 1e-6);
    ae_end(ae, mark);
}

/* z = mean + eps exp(log_var / 2), from our own operations */
static void check_reparameterize(const fixture *f, const char *name)
{
    size_t mark = ae_begin(ae);
    ae_tensor m = tensor(f, "mean"), v = tensor(f, "log_var"), y;
    ae_requires_grad(m, 1);
    ae_requires_grad(v, 1);
    y = ae_add(m, ae_mul(tensor(f, "eps"), ae_exp(ae_affine(v, 0.5f, 0))));
    compare(f, name, y, "y", 1e-6);
    ae_backward(ae_reduce(ae_mul(y, tensor(f, "grad_y")), -1, AE_SUM));
    compare(f, name, ae_grad(m), "grad_mean", 1e-6);
    compare(f, name, ae_grad(v), "grad_log_var", 1e-6);
    ae_end(ae, mark);
}

/* ---- optimisers: ten steps with given gradients ---- */

static void set_knobs(const fixture *f, ae_opt *o, const char *name)
{
    ae_set(o, AE_WEIGHT_DECAY, (float)fixture_meta(f, "weight_decay", 0));
    ae_set(o, AE_MOMENTUM, (float)fixture_meta(f, "momentum", 0));
    if (!strncmp(name, "clip", 4)) ae_set(o, AE_CLIP_NORM, (float)fixture_meta(f, "max_norm", 1));
}

/* The parameter's gradient is given by a loss that is linear in it: sum(p * g). */
static void check_optimizer(const fixture *f, const char *name)
{
    fixture_tensor p0 = fixture_get(f, "params0"), g = fixture_get(f, "grads"), want = fixture_get(f, "params_after_step");
    float *start = floats(&p0), *grads = floats(&g), lr = (float)fixture_meta(f, "lr", 1e-3);
    ae_net *net = ae_net_new(ae);
    ae_opt *o;
    int step, steps = p0.n ? g.n / p0.n : 0;
    double worst = 0;
    ae_nn_parameter(net, "p", 0, p0.dim[0], p0.dim[1], 0, 0);
    ae_assign(ae_param(net, "p"), start);
    o = !strncmp(name, "sgd", 3) ? ae_sgd(net, lr) : !strncmp(name, "adamw", 5) ? ae_adamw(net, lr) : ae_adam(net, lr);
    set_knobs(f, o, name);
    for (step = 0; step < steps && want.at; step++) {
        size_t mark = ae_begin(ae);
        fixture_tensor now = want;
        double d;
        now.at += (size_t)step * (size_t)p0.n;
        now.n = p0.n;
        ae_zero_grad(o);
        ae_backward(ae_reduce(ae_mul(ae_param(net, "p"), ae_from(ae, grads + (size_t)step * (size_t)p0.n, p0.dim[0], p0.dim[1], 0, 0)), -1, AE_SUM));
        ae_step(o);
        d = difference(ae_data(ae_param(net, "p")), &now);
        if (!(d <= worst)) worst = d;
        ae_end(ae, mark);
    }
    ok(want.at && steps > 0 && worst <= 1e-6, "%s: %d steps within 1e-6 (%.2g)", name, steps, worst);
    free(p0.at);
    free(g.at);
    free(want.at);
    free(start);
    free(grads);
}

static const struct { const char *name; void (*check)(const fixture *f, const char *name); } table[] = {
    { "linear", check_layer }, { "linear_tiny", check_layer },
    { "conv2d_k1", check_layer }, { "conv2d_k2s2", check_layer }, { "conv2d_k3s1p1", check_layer }, { "conv2d_k3s2p1", check_layer }, { "conv2d_k3s2p1_in1", check_layer },
    { "conv2d_k4s2", check_layer }, { "conv2d_k5s3p2", check_layer }, { "conv2d_k6s2", check_layer }, { "conv2d_k7", check_layer },
    { "convT2d_k2s2", check_layer }, { "convT2d_k2s3", check_layer }, { "convT2d_k3s1p1", check_layer }, { "convT2d_k3s2p1op1", check_layer }, { "convT2d_k3s2p1op1_out1", check_layer },
    { "convT2d_k4s3p1", check_layer }, { "convT2d_k4s3p1op2", check_layer }, { "convT2d_k6s3p4", check_layer }, { "convT2d_k7", check_layer },
    { "batchnorm1d_train", check_layer }, { "batchnorm1d_eval", check_layer }, { "batchnorm2d_train", check_layer }, { "batchnorm2d_eval", check_layer },
    { "maxpool2d_k2s2", check_layer }, { "maxpool2d_k3s2p1", check_layer }, { "maxpool2d_ties", check_layer },
    { "upsample_nearest", check_layer }, { "upsample_bilinear", check_layer }, { "upsample_nearest_x3", check_layer }, { "upsample_bilinear_x3", check_layer },
    { "lstm_1layer", check_lstm }, { "lstm_2layer", check_lstm },
    { "relu", check_layer }, { "leakyrelu_0.01", check_layer }, { "leakyrelu_0.2", check_layer }, { "sigmoid", check_layer }, { "sigmoid_extreme", check_layer },
    { "tanh", check_layer }, { "tanh_extreme", check_layer }, { "log_softmax", check_layer }, { "log_softmax_extreme", check_layer },
    { "mse_mean", check_loss }, { "mse_sum", check_loss }, { "l1_mean", check_loss }, { "l1_sum", check_loss },
    { "bce_mean", check_loss }, { "bce_sum", check_loss }, { "bce_sum_extreme", check_loss },
    { "bce_logits_mean", check_loss }, { "bce_logits_sum", check_loss }, { "bce_logits_extreme", check_loss }, { "kl_gaussian_sum", check_loss }, { "kl_gaussian_mean", check_loss },
    { "nll_mean", check_loss }, { "nll_sum", check_loss },
    { "reparameterize", check_reparameterize },
    { "adam_wd0", check_optimizer }, { "adam_wd0.1", check_optimizer }, { "adam_wd1e-5", check_optimizer }, { "adamw", check_optimizer },
    { "sgd", check_optimizer }, { "sgd_momentum", check_optimizer }, { "sgd_momentum_wd", check_optimizer }
};

/* Every file of the table that the folder has; the project's own folder has them all. */
static void run(const char *folder, int all)
{
    char path[600];
    fixture f;
    size_t i;
    for (i = 0; i < sizeof table / sizeof table[0]; i++) {
        snprintf(path, sizeof path, "%s/%s.safetensors", folder, table[i].name);
        if (fixture_open(&f, path)) {
            table[i].check(&f, table[i].name);
            fixture_close(&f);
        }
        else if (all) ok(0, "%s is there", path);
    }
}

/* The table with each width of vector that this machine has: 16, 8 and 4 floats. */
static void run_all(const char *folder, int all)
{
    const ae_kernels *best = ae->kernels;
    run(folder, all);
#if defined(__x86_64__)
    if (best->lanes > 8) {
        ae->kernels = &ae__kernels_8;
        run(folder, all);
    }
    if (best->lanes > 4) {
        ae->kernels = &ae__kernels_4;
        run(folder, all);
    }
#endif
    ae->kernels = best;
}

int main(void)
{
    const char *shared = getenv("AUTOENC_SHARED");
    char path[600];
    ae = ae_new(NULL);
    run_all("tests/fixtures", 1);
    snprintf(path, sizeof path, "%s/fixtures", shared ? shared : "");
    if (shared) run_all(path, 0);
    else skip("AUTOENC_SHARED is not set: no second set of fixtures");
    ae_free(ae);
    return tap_end();
}
