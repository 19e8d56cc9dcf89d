/* device_paths.c: what could go wrong when work of a device runs beside other work, or several pieces in one kernel: memory that is used
   again, in another place, while somebody still wants what was in it; gradients that meet.  Each scenario on the processor and on the
   device must give the same numbers.  Prints TAP; test_cuda.sh runs it in different orders of streams and threads.
   Usage: device_paths [DEVICE] */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "drawn.h"

typedef struct notes { float v[100000]; int n; } notes;
static notes here, there;

static void note(notes *o, ae_tensor x)
{
    const float *p = ae_data(x);
    int n = ae_size(x, -1);
    if (!p || o->n + n > (int)(sizeof o->v / sizeof *o->v)) return;
    memcpy(o->v + o->n, p, (size_t)n * sizeof *p);
    o->n += n;
}
/* The same numbers for the same salt. */
static ae_tensor numbers(ae_ctx *ae, int n, int m, unsigned salt)
{
    static float v[8192];
    int i, count = n * (m ? m : 1);
    state = salt;
    for (i = 0; i < count; i++) v[i] = number();
    return ae_from(ae, v, n, m, 0, 0);
}
static void square_of_a_matrix(ae_ctx *ae, notes *o, int n)
{
    ae_tensor a = ae_keep(numbers(ae, n, n, 1)), h;
    int k;
    ae_requires_grad(a, 1);
    for (k = 0; k < 3; k++) {
        size_t mark = ae_begin(ae);
        h = k ? ae_tanh(a) : a;
        ae_backward(ae_reduce(ae_mul(ae_matmul(h, h), numbers(ae, n, n, 2)), -1, AE_SUM));
        note(o, ae_grad(a));
        ae_end(ae, mark);
        ae_requires_grad(a, 1);
    }
}
static void large_square(ae_ctx *ae, notes *o) { square_of_a_matrix(ae, o, 70); }
static void small_square(ae_ctx *ae, notes *o) { square_of_a_matrix(ae, o, 9); }
/* A loss whose sum is put where the gradient of a weight is still made from. */
static void loss_over_weights(ae_ctx *ae, notes *o)
{
    ae_tensor x = ae_keep(numbers(ae, 4, 4, 1)), w = ae_keep(numbers(ae, 4, 4, 2)), y = ae_keep(numbers(ae, 4, 4, 3)), p = ae_keep(numbers(ae, 4, 4, 5)), sum = ae_keep(ae_scalar(ae, 0));
    size_t mark;
    int k;
    ae_requires_grad(w, 1);
    note(o, x);
    for (k = 0; k < 60; k++) {
        mark = ae_begin(ae);
        ae_backward(ae_mse_loss(ae_matmul(x, w), y, AE_SUM));
        ae_end(ae, mark);
        mark = ae_begin(ae);
        ae_from(ae, NULL, 112, 0, 0, 0);
        ae_accumulate(sum, ae_mse_loss(p, y, AE_SUM));
        ae_end(ae, mark);
        mark = ae_begin(ae);
        note(o, ae_grad(w));
        note(o, sum);
        ae_end(ae, mark);
    }
}
/* Copies of gradients that somebody wants to see come and go at the end of the memory in use. */
static void retained_twice(ae_ctx *ae, notes *o)
{
    ae_net *net = ae_net_new(ae);
    ae_tensor x = ae_keep(numbers(ae, 8, 20, 1)), h, r;
    int i, k;
    ae_nn_linear(net, 20, 10);
    ae_nn_linear(net, 10, 50);
    ae_nn_tanh(net);
    for (k = 0; k < 3; k++) {
        size_t mark = ae_begin(ae);
        h = ae_forward(net, x);
        ae_requires_grad(h, 1);
        r = ae_sigmoid(h);
        ae_requires_grad(r, 1);
        ae_backward(ae_reduce(ae_mul(r, numbers(ae, 8, 50, 4)), -1, AE_SUM));
        note(o, ae_grad(h));
        note(o, ae_grad(r));
        for (i = 0; i < 4; i++) note(o, ae_grad(ae_param_at(net, i, NULL)));
        ae_end(ae, mark);
        for (i = 0; i < 4; i++) ae_requires_grad(ae_param_at(net, i, NULL), 1);
    }
}
/* What nobody reads is written late, a little beside what came after it. */
static void shifted(ae_ctx *ae, notes *o)
{
    ae_tensor x = ae_keep(numbers(ae, 600, 0, 1)), t = ae_keep(numbers(ae, 3, 0, 2));
    int k;
    note(o, ae_exp(x));
    note(o, ae_exp(t));
    for (k = 0; k < 3; k++) {
        size_t mark = ae_begin(ae);
        ae_exp(t);
        ae_exp(x);
        ae_end(ae, mark);
        mark = ae_begin(ae);
        note(o, ae_square(x));
        ae_end(ae, mark);
    }
}
/* The next step's results are put where the loss's gradient is, which all threads read as a factor. */
static void factor(ae_ctx *ae, notes *o)
{
    ae_tensor x = ae_keep(numbers(ae, 600, 0, 1)), w = ae_keep(numbers(ae, 600, 0, 2)), y = ae_keep(numbers(ae, 600, 0, 3)), h;
    int j, k;
    ae_requires_grad(w, 1);
    for (k = 0; k < 3; k++) {
        size_t mark = ae_begin(ae);
        ae_backward(ae_mse_loss(ae_mul(w, x), y, AE_SUM));
        ae_end(ae, mark);
        mark = ae_begin(ae);
        h = ae_mul(w, x);
        for (j = 0; j < 4; j++) h = ae_affine(h, 0.5f, 3);
        note(o, h);
        note(o, ae_grad(w));
        ae_end(ae, mark);
    }
}
/* Gradients that are made in parts and added up late: more of them than wait at a time, of layers that are used twice, with a clip and a
   step between, and memory of theirs that the next pass takes over. */
static void parts(ae_ctx *ae, notes *o)
{
    enum { LAYERS = 10 };
    ae_net *net = ae_net_new(ae), *layer[LAYERS];
    ae_opt *sgd;
    ae_tensor x = ae_keep(ae_view(numbers(ae, 2, 576, 1), 2, 1, 24, 24)), h;
    char name[16];
    int i, k, twice;
    for (i = 0; i < LAYERS; i++) {
        snprintf(name, sizeof name, "c%d", i);
        layer[i] = ae_sequential(net, name);
        ae_nn_conv2d(layer[i], i ? 3 : 1, 3, 3, 1, 1);
        ae_nn_tanh(layer[i]);
    }
    sgd = ae_sgd(net, 0.01f);
    for (k = 0; k < 4; k++) {
        size_t mark = ae_begin(ae);
        if (k != 2) ae_zero_grad(sgd);
        h = ae_forward(layer[0], x);
        for (twice = 0; twice < 2; twice++) for (i = 1; i < LAYERS; i++) h = ae_forward(layer[i], h);
        ae_backward(ae_mse_loss(h, ae_affine(h, 0, 0.3f), AE_SUM));
        if (k == 1) note(o, ae_grad(ae_param_at(net, 6, NULL)));
        ae_step(sgd);
        ae_end(ae, mark);
    }
    for (i = 0; i < ae_params(net); i++) note(o, ae_grad(ae_param_at(net, i, NULL))), note(o, ae_param_at(net, i, NULL));
}
static const struct { const char *name; void (*run)(ae_ctx *ae, notes *o); } scenarios[] = {
    { "a matrix times itself, by cuBLAS", large_square }, { "a small one", small_square }, { "a loss over a weight's errand", loss_over_weights },
    { "gradients retained twice", retained_twice }, { "a result that nobody reads", shifted }, { "a factor that is overwritten", factor },
    { "gradients in parts", parts } };

static ae_ctx *context(const char *device)
{
    ae_config config;
    memset(&config, 0, sizeof config);
    config.device = device;
    config.seed = 3;
    return ae_new(&config);
}
int main(int argc, char **argv)
{
    int i, k, bad, count = (int)(sizeof scenarios / sizeof *scenarios), failed = 0;
    for (i = 0; i < count; i++) {
        ae_ctx *cpu = context("cpu"), *device = context(argc > 1 ? argv[1] : "cuda");
        if (*ae_error(device)) { fprintf(stderr, "%s\n", ae_error(device)); return 3; }
        here.n = there.n = 0;
        scenarios[i].run(cpu, &here);
        scenarios[i].run(device, &there);
        for (k = bad = 0; k < here.n; k++) bad += !(fabsf(here.v[k] - there.v[k]) <= 1e-4f * (1 + fabsf(here.v[k])));
        bad += here.n == 0 || here.n != there.n;
        printf("%s %d - %s: %d of %d numbers differ\n", bad ? "not ok" : "ok", i + 1, scenarios[i].name, bad, here.n);
        failed |= bad;
        ae_free(cpu);
        ae_free(device);
    }
    printf("1..%d\n", count);
    return failed != 0;
}
