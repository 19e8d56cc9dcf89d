/* test_same_bits.c: numbers that do not move.  Each little training is told by one hash over all of its weights after ten
   steps: the same for any number of threads, with and without fused activations, with every kernel, run to run, and when
   it is saved half-way and resumed in another context.  The hashes themselves stand here as well (systems, below): there
   are two sets, one for kernels with a fused multiply-add and one for those that must round twice.
   With the argument "quick" only the small nets are trained, and less often: for the slow thread sanitizer.  With
   "hashes" each is trained once and its hash printed: for comparing compilers.  With "table" a line for each kind of
   kernel is printed, which bits.sh puts together. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "hash.h"
#include "tap.h"

enum { STEPS = 10 };

static int quick, only_hashes;
static char checkpoint[1024];            /* where a training is saved half-way: beside the program */

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

typedef struct system_row {
    const char *name;
    void (*build)(ae_net *net);
    ae_tensor (*loss)(ae_net *net, ae_tensor x);
    int c, h, w, batch, small;
    uint64_t fused, twice;               /* the hash where a fused multiply-add rounds once, and where it is two roundings */
} system_row;

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

static void build_up(ae_net *net)
{
    ae_nn_conv2d(net, 1, 6, 3, 2, 1);
    ae_nn_tanh(net);
    ae_nn_dropout(net, 0.2f);
    ae_nn_conv2d(net, 6, 5, 3, 2, 1);
    ae_nn_upsample(net, 2, 1);
    ae_nn_conv2d(net, 5, 4, 3, 1, 1);
    ae_nn_leaky_relu(net, 0.1f);
    ae_nn_upsample(net, 2, 0);
    ae_nn_conv2d(net, 4, 1, 3, 1, 1);
    ae_nn_sigmoid(net);
}
static void build_lstm(ae_net *net)
{
    ae_nn_lstm(net, 12, 9, 2);
    ae_nn_dropout(net, 0.3f);
    ae_nn_lstm(net, 9, 12, 1);
}

static ae_tensor rows_of(ae_net *net, ae_tensor x) { x = ae_view(x, -1, 12, 12, 0); return ae_mse_loss(ae_forward(net, x), x, AE_SUM); }
static ae_tensor mse(ae_net *net, ae_tensor x) { return ae_mse_loss(ae_forward(net, x), x, AE_MEAN); }
static ae_tensor bce(ae_net *net, ae_tensor x) { return ae_bce_loss(ae_forward(net, x), x, AE_SUM); }
static ae_tensor elbo(ae_net *net, ae_tensor x)
{
    ae_tensor h = ae_forward(ae_child(net, "encoder"), x), m = ae_forward(ae_child(net, "mean"), h), v = ae_forward(ae_child(net, "log_var"), h);
    ae_tensor z = ae_add(m, ae_mul(ae_randn_like(m), ae_exp(ae_affine(v, 0.5f, 0))));
    return ae_add(ae_bce_loss(ae_forward(ae_child(net, "decoder"), z), x, AE_SUM), ae_kl_loss(m, v, AE_SUM));
}

static const system_row systems[] = {
    { "fc", build_fc, mse, 1, 12, 12, 13, 1, 0xa2948f6c963b7dbb, 0x41f9f06ffdde5412 },
    { "wide", build_wide, mse, 1, 28, 28, 64, 0, 0x87f1d8129f12dba2, 0xb54a8b497cf9f842 },
    { "conv", build_conv, mse, 1, 28, 28, 9, 0, 0xa51928b44147e1b8, 0x35b31d507513d6ec },
    { "norm", build_norm, bce, 1, 12, 12, 33, 1, 0x112c284f6eb73f6b, 0x31af356ab70b29ae },
    { "pool", build_pool, mse, 1, 12, 12, 21, 1, 0x16e7e00a12cd1907, 0xd9de7b53fd9e08c1 },
    { "vae", build_vae, elbo, 1, 12, 12, 50, 1, 0x72f4f28a9d887252, 0xdb70075c48c7df66 },
    { "up", build_up, mse, 1, 12, 12, 19, 1, 0xd67ebe85f02739d7, 0xbc6039583826895a },
    { "lstm", build_lstm, rows_of, 1, 12, 12, 21, 1, 0x6037d4b109bafca3, 0x3824411d852d7b23 }
};
enum { SYSTEMS = (int)(sizeof systems / sizeof systems[0]) };

/* ---- one training ---- */

typedef struct how { const char *name; int threads, unfused, resumed; const ae_kernels *kernels; } how;
typedef struct run { ae_ctx *ae; ae_net *net; ae_opt *adam; ae_loader *data; float loss; } run;

static run begin(const system_row *s, const how *h, const uint8_t *px, int rows)
{
    ae_config config;
    run r;
    memset(&config, 0, sizeof config);
    config.seed = 7;
    config.threads = h->threads;
    r.ae = ae_new(&config);
    if (h->unfused) r.ae->fuse = 0;
    if (h->kernels) r.ae->kernels = h->kernels;
    r.net = ae_net_new(r.ae);
    s->build(r.net);
    r.adam = ae_adam(r.net, 1e-3f);
    ae_set(r.adam, AE_WEIGHT_DECAY, 1e-5f);
    r.data = ae_loader_new(r.ae, s->batch, 1);
    ae_load_u8(r.data, px, rows, s->c, s->h, s->w);
    r.loss = 0;
    return r;
}

static void advance(run *r, const system_row *s, int steps)
{
    ae_tensor x, loss;
    while (steps > 0) {
        if (!ae_next_batch(r->data, &x, NULL)) continue;
        loss = s->loss(r->net, x);
        ae_zero_grad(r->adam);
        ae_backward(loss);
        ae_step(r->adam);
        r->loss = ae_item(loss);
        steps--;
    }
}

static uint64_t finish(run *r, const system_row *s)
{
    uint64_t hash = HASH_START;
    int i;
    for (i = 0; i < ae_params(r->net); i++) hash = hash_floats(hash, ae_data(ae_param_at(r->net, i, NULL)), ae_size(ae_param_at(r->net, i, NULL), -1));
    if (s->build == build_norm) hash = hash_floats(hash, ae_data(ae_param(r->net, "1.running_var")), 7);
    hash = hash_floats(hash, &r->loss, 1);
    if (!(r->loss - r->loss == 0)) ok(0, "%s: the loss is a number", s->name);
    ae_free(r->ae);
    return hash;
}

static uint64_t train(const system_row *s, const how *h)
{
    int steps = quick ? 3 : STEPS, rows = s->batch * 3 - 2, half = h->resumed ? steps / 2 : 0;
    uint8_t *px = (uint8_t *)calloc((size_t)(rows * s->c * s->h), (size_t)s->w);
    uint64_t hash;
    run r;
    pixels(px, rows * s->c * s->h * s->w, 1);
    r = begin(s, h, px, rows);
    if (half) {
        advance(&r, s, half);
        if (!ae_save_all(r.ae, checkpoint)) ok(0, "%s: saved half-way (%s)", s->name, ae_error(r.ae));
        ae_free(r.ae);
        r = begin(s, h, px, rows);
        if (!ae_load_all(r.ae, checkpoint)) ok(0, "%s: loaded half-way (%s)", s->name, ae_error(r.ae));
    }
    advance(&r, s, steps - half);
    hash = finish(&r, s);
    free(px);
    return hash;
}

/* ---- all the ways of training it ---- */

static const how ways[] = {
    { "1 thread", 1, 0, 0, NULL }, { "run again", 1, 0, 0, NULL }, { "2 threads", 2, 0, 0, NULL }, { "3 threads", 3, 0, 0, NULL },
    { "4 threads", 4, 0, 0, NULL }, { "7 threads", 7, 0, 0, NULL }, { "16 threads", 16, 0, 0, NULL },
    { "resumed", 2, 0, 1, NULL }, { "without fusion", 2, 1, 0, NULL }
};
enum { WAYS = (int)(sizeof ways / sizeof ways[0]) };

/* The kinds of kernel that this processor can run, the usual one first. */
static int kinds(const ae_kernels **k)
{
    int n = 1;
    k[0] = ae__pick_kernels();
#if defined(__SSE2__)
    if (k[0] == &ae__kernels_16) k[n++] = &ae__kernels_8;
    if (k[0] != &ae__kernels_4) k[n++] = &ae__kernels_4;
#endif
    return n;
}

/* (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24 when it is rounded once, 0 when the square is rounded first. */
static int fuses(const ae_kernels *k)
{
    float x = 1.0f + 1.0f / 4096, y;
    k->map(AE_F_AFFINE, &x, &x, &y, 1, x, -(1.0f + 1.0f / 2048), 0);
    return y != 0;
}
static uint64_t expected(const system_row *s, const ae_kernels *k) { return fuses(k) ? s->fused : s->twice; }

static void check(const system_row *s)
{
    const ae_kernels *k[3];
    int n = kinds(k), i, kind;
    uint64_t one = train(s, &ways[0]);
    printf("# %s %016llx\n", s->name, (unsigned long long)one);
    if (only_hashes) return;
    for (i = 1; i < WAYS; i++)
        if (ways[i].resumed && !ae__little_endian()) skip("files are for little-endian machines");
        else if (!quick || i % 3 == 0 || ways[i].unfused) ok(train(s, &ways[i]) == one, "%s: the same bits, %s", s->name, ways[i].name);
    for (kind = 0; kind < n && !quick; kind++) {
        how h = ways[2];
        h.kernels = k[kind];
        ok(train(s, &h) == expected(s, k[kind]), "%s: the bits that stand in this file, %s kernels", s->name, k[kind]->name);
    }
}

/* One line a kind of kernel: its hashes, and in which way one is another. */
static int table(void)
{
    const ae_kernels *k[3];
    int n = kinds(k), kind, i, w, bad = 0;
    for (kind = 0; kind < n; kind++) {
        char other[200] = "";
        printf("%-8s", k[kind]->name);
        for (i = 0; i < SYSTEMS; i++) {
            uint64_t one = 0, hash;
            for (w = 0; w < WAYS; w++) {
                how h = ways[w];
                if (h.resumed && !ae__little_endian()) continue;
                h.kernels = k[kind];
                hash = train(&systems[i], &h);
                if (w == 0) one = hash;
                if (hash != one) { bad = 1; snprintf(other, sizeof other, "%s: other bits, %s", systems[i].name, h.name); }
            }
            printf(" %08x%c", (unsigned)(one >> 32), one == expected(&systems[i], k[kind]) ? ' ' : '*');
            bad |= one != expected(&systems[i], k[kind]);
        }
        printf(" %s%s\n", fuses(k[kind]) ? "once " : "twice", *other ? other : " all ways the same");
    }
    return bad;
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
    while (draws--) hash = hash_floats(HASH_START, ae_data(ae_randn(ae, n, 0, 0, 0)), n);
    ae_free(ae);
    return hash;
}

static void check_noise(void)
{
    uint64_t h = noise(1, 1, 1, 100001);
    printf("# noise %016llx\n", (unsigned long long)h);
    if (only_hashes) return;
    ok(h == (fuses(ae__pick_kernels()) ? 0xabadfdda51842127 : 0x7d33031a55eb5e8f), "noise: the bits that stand in this file");
    ok(noise(1, 5, 1, 100001) == h, "noise: the same bits with 5 threads");
    ok(noise(2, 1, 1, 100001) != h, "noise: other bits for another seed");
    ok(noise(1, 1, 2, 100001) != h, "noise: other bits for the second draw");
}

int main(int argc, char **argv)
{
    int i;
    quick = argc > 1 && !strcmp(argv[1], "quick");
    only_hashes = argc > 1 && !strcmp(argv[1], "hashes");
    snprintf(checkpoint, sizeof checkpoint, "%s.half", argv[0]);
    if (argc > 1 && !strcmp(argv[1], "table")) i = table();
    else {
        for (i = 0; i < SYSTEMS; i++) if (!quick || systems[i].small) check(&systems[i]);
        check_noise();
        i = tap_end();
    }
    remove(checkpoint);
    return i;
}
