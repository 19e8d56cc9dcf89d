/* test_same_bits.c: numbers that do not move.  Each little training is told by one hash over all of its weights after ten
   steps: the same for any number of threads, with and without fused activations, with every kernel that has a fused
   multiply-add, run to run.  The hashes are printed, so that test_compile.sh can compare compilers.
   With the argument "quick" only the small nets are trained, and less often: for the slow thread sanitizer.  With
   "hashes" each is trained once: for comparing compilers. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"

enum { STEPS = 10 };

static int quick, only_hashes;

/* FNV-1a over the bits of every parameter and buffer, and of the last loss. */
static uint64_t fnv(uint64_t h, const float *p, int n)
{
    int i, k;
    for (i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, p + i, 4);
        for (k = 0; k < 4; k++, bits >>= 8) h = (h ^ (bits & 255)) * 1099511628211u;
    }
    return h;
}

/* ---- images by a formula of whole numbers, so that no compiler can move them ---- */

static void pixels(uint8_t *px, int n, uint32_t seed)
{
    int i;
    for (i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        px[i] = (uint8_t)((i / 5 % 3 == 0) * 100 + (int)(seed >> 25));
    }
}

/* ---- the systems: build a net, compute a loss ---- */

typedef struct system_row { const char *name; void (*build)(ae_net *net); ae_tensor (*loss)(ae_net *net, ae_tensor x); int c, h, w, batch, small; } system_row;

static void build_fc(ae_net *net)
{
    ae_nn_flatten(net);
    ae_nn_linear(net, 144, 37);
    ae_nn_relu(net);
    ae_nn_linear(net, 37, 5);
    ae_nn_leaky_relu(net, 0.2f);
    ae_nn_linear(net, 5, 37);
    ae_nn_tanh(net);
    ae_nn_linear(net, 37, 144);
    ae_nn_sigmoid(net);
    ae_nn_unflatten(net, 1, 12, 12);
}
static void build_wide(ae_net *net)      /* wide enough that the threads share one product */
{
    ae_nn_flatten(net);
    ae_nn_linear(net, 784, 500);
    ae_nn_relu(net);
    ae_nn_linear(net, 500, 784);
    ae_nn_sigmoid(net);
    ae_nn_unflatten(net, 1, 28, 28);
}
static void build_conv(ae_net *net)      /* the second document's network */
{
    ae_nn_conv2d(net, 1, 16, 3, 2, 1);
    ae_nn_relu(net);
    ae_nn_conv2d(net, 16, 32, 3, 2, 1);
    ae_nn_relu(net);
    ae_nn_conv2d(net, 32, 64, 7, 1, 0);
    ae_nn_conv_transpose2d(net, 64, 32, 7, 1, 0, 0);
    ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 32, 16, 3, 2, 1, 1);
    ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 16, 1, 3, 2, 1, 1);
    ae_nn_sigmoid(net);
}
static void build_norm(ae_net *net)
{
    ae_nn_conv2d(net, 1, 7, 3, 1, 1);
    ae_nn_batch_norm2d(net, 7);
    ae_nn_relu(net);
    ae_nn_flatten(net);
    ae_nn_linear(net, 7 * 144, 11);
    ae_nn_batch_norm1d(net, 11);
    ae_nn_linear(net, 11, 144);
    ae_nn_sigmoid(net);
    ae_nn_unflatten(net, 1, 12, 12);
}
static void build_pool(ae_net *net)
{
    ae_nn_conv2d(net, 1, 8, 3, 1, 1);
    ae_nn_leaky_relu(net, 0.1f);
    ae_nn_max_pool2d(net, 2, 2, 0);
    ae_nn_conv2d(net, 8, 3, 3, 1, 1);
    ae_nn_tanh(net);
    ae_nn_conv_transpose2d(net, 3, 1, 2, 2, 0, 0);
    ae_nn_sigmoid(net);
}
static void build_vae(ae_net *net)
{
    ae_net *e = ae_sequential(net, "encoder"), *d = ae_sequential(net, "decoder");
    ae_nn_flatten(e);
    ae_nn_linear(e, 144, 40);
    ae_nn_leaky_relu(e, 0.2f);
    ae_name(ae_nn_linear(net, 40, 3), "mean");
    ae_name(ae_nn_linear(net, 40, 3), "log_var");
    ae_nn_linear(d, 3, 40);
    ae_nn_leaky_relu(d, 0.2f);
    ae_nn_linear(d, 40, 144);
    ae_nn_sigmoid(d);
    ae_nn_unflatten(d, 1, 12, 12);
}

static ae_tensor mse(ae_net *net, ae_tensor x) { return ae_mse_loss(ae_forward(net, x), x, AE_MEAN); }
static ae_tensor bce(ae_net *net, ae_tensor x) { return ae_bce_loss(ae_forward(net, x), x, AE_SUM); }
static ae_tensor elbo(ae_net *net, ae_tensor x)
{
    ae_tensor h = ae_forward(ae_child(net, "encoder"), x), m = ae_forward(ae_child(net, "mean"), h), v = ae_forward(ae_child(net, "log_var"), h);
    ae_tensor z = ae_add(m, ae_mul(ae_randn_like(m), ae_exp(ae_affine(v, 0.5f, 0))));
    return ae_add(ae_bce_loss(ae_forward(ae_child(net, "decoder"), z), x, AE_SUM), ae_kl_loss(m, v, AE_SUM));
}

static const system_row systems[] = {
    { "fc", build_fc, mse, 1, 12, 12, 13, 1 },
    { "wide", build_wide, mse, 1, 28, 28, 64, 0 },
    { "conv", build_conv, mse, 1, 28, 28, 9, 0 },
    { "norm", build_norm, bce, 1, 12, 12, 33, 1 },
    { "pool", build_pool, mse, 1, 12, 12, 21, 1 },
    { "vae", build_vae, elbo, 1, 12, 12, 50, 1 }
};
enum { SYSTEMS = (int)(sizeof systems / sizeof systems[0]) };

/* ---- one training ---- */

typedef struct how { int threads, unfused; const ae_kernels *kernels; } how;

static uint64_t train(const system_row *s, how h)
{
    ae_config config;
    ae_ctx *ae;
    ae_net *net;
    ae_opt *adam;
    ae_loader *data;
    ae_tensor x;
    int i, steps = quick ? 3 : STEPS, rows = s->batch * 3 - 2;
    uint8_t *px = (uint8_t *)malloc((size_t)(rows * s->c * s->h * s->w));
    float loss = 0;
    uint64_t hash = 14695981039346656037u;
    pixels(px, rows * s->c * s->h * s->w, 1);
    memset(&config, 0, sizeof config);
    config.seed = 7;
    config.threads = h.threads;
    ae = ae_new(&config);
    if (h.unfused) ae->fuse = 0;
    if (h.kernels) ae->kernels = h.kernels;
    net = ae_net_new(ae);
    s->build(net);
    adam = ae_adam(net, 1e-3f);
    ae_set(adam, AE_WEIGHT_DECAY, 1e-5f);
    data = ae_loader_new(ae, s->batch, 1);
    ae_load_u8(data, px, rows, s->c, s->h, s->w);
    for (i = 0; i < steps; i += 0) {
        ae_tensor l;
        if (!ae_next_batch(data, &x, NULL)) continue;
        l = s->loss(net, x);
        ae_zero_grad(adam);
        ae_backward(l);
        ae_step(adam);
        loss = ae_item(l);
        i++;
    }
    for (i = 0; i < ae_params(net); i++) hash = fnv(hash, ae_data(ae_param_at(net, i, NULL)), ae_size(ae_param_at(net, i, NULL), -1));
    if (s->build == build_norm) hash = fnv(hash, ae_data(ae_param(net, "1.running_var")), 7);
    hash = fnv(hash, &loss, 1);
    if (!(loss - loss == 0)) ok(0, "%s: the loss is a number", s->name);
    ae_free(ae);
    free(px);
    return hash;
}

static how plain(int threads)
{
    how h;
    h.threads = threads;
    h.unfused = 0;
    h.kernels = NULL;
    return h;
}

static void check(const system_row *s)
{
    static const int threads[] = { 2, 3, 4, 7 };
    uint64_t one = train(s, plain(1));
    how h = plain(2);
    size_t i;
    printf("# %s %016llx\n", s->name, (unsigned long long)one);
    if (only_hashes) return;
    if (!quick) ok(train(s, plain(1)) == one, "%s: the same bits when run again", s->name);
    for (i = 0; i < sizeof threads / sizeof threads[0]; i++)
        if (!quick || i % 2) ok(train(s, plain(threads[i])) == one, "%s: the same bits with %d threads", s->name, threads[i]);
    h.unfused = 1;
    ok(train(s, h) == one, "%s: the same bits without fusion", s->name);
#if defined(__x86_64__)
    if (ae__pick_kernels() == &ae__kernels_16) {
        h = plain(2);
        h.kernels = &ae__kernels_8;
        ok(train(s, h) == one, "%s: the same bits with AVX2 as with AVX-512", s->name);
        return;
    }
#endif
    skip("this processor has one kind of kernel only");
}

/* ---- noise by itself: the same on any number of threads, other for another seed, step or draw ---- */

static uint64_t noise(uint64_t seed, int threads, int draws, int n)
{
    ae_config config;
    ae_ctx *ae;
    uint64_t hash = 0;
    memset(&config, 0, sizeof config);
    config.seed = seed;
    config.threads = threads;
    ae = ae_new(&config);
    while (draws--) hash = fnv(14695981039346656037u, ae_data(ae_randn(ae, n, 0, 0, 0)), n);
    ae_free(ae);
    return hash;
}

static void check_noise(void)
{
    uint64_t h = noise(1, 1, 1, 100001);
    printf("# noise %016llx\n", (unsigned long long)h);
    ok(noise(1, 5, 1, 100001) == h, "noise: the same bits with 5 threads");
    ok(noise(2, 1, 1, 100001) != h, "noise: other bits for another seed");
    ok(noise(1, 1, 2, 100001) != h, "noise: other bits for the second draw");
}

int main(int argc, char **argv)
{
    int i;
    quick = argc > 1 && !strcmp(argv[1], "quick");
    only_hashes = argc > 1 && !strcmp(argv[1], "hashes");
    for (i = 0; i < SYSTEMS; i++) if (!quick || systems[i].small) check(&systems[i]);
    check_noise();
    return tap_end();
}
