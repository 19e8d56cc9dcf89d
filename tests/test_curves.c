/* test_curves.c: the eight networks of the documents, built with the library as a lesson builds them, against
   PyTorch's first 50 losses: from tests/fixtures (images and first weights by formula), and from $AUTOENC_SHARED (real
   MNIST in $AUTOENC_DATA, PyTorch's own first weights).  Tolerance: 1e-5 of every loss, 2e-4 for document 1's CNN, where
   PyTorch's own float32 runs differ by 4e-5.  First gradients: 1e-5 of a tensor's largest value against float64; 1e-4 in
   the second set, whose float32 gradients are up to 6e-5 from float64 (the sum of many pixels into one bias).
   AUTOENC_DEVICE=cuda trains on that device, if the program was linked with it: test_cuda.sh does. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "fixture.h"

enum { PIXELS = 784, STEPS = 50 };

typedef struct run {                 /* one network and its loss */
    ae_ctx *ae;
    ae_net *net;
    ae_tensor x, label, eps;         /* of this step: [B,1,28,28], [B], [B,L] */
    ae_tensor bce, kl;
} run;

/* ---- the networks ---- */

static void mlp(ae_net *net, const int *size, int n)   /* encoder down the sizes, decoder back up, ReLU between, Sigmoid last */
{
    ae_net *enc = ae_sequential(net, "encoder"), *dec = ae_sequential(net, "decoder");
    int i;
    for (i = 0; i + 1 < n; i++) {
        ae_nn_linear(enc, size[i], size[i + 1]);
        if (i + 2 < n) ae_nn_relu(enc);
    }
    for (i = n - 1; i > 0; i--) {
        ae_nn_linear(dec, size[i], size[i - 1]);
        if (i > 1) ae_nn_relu(dec);
    }
    ae_nn_sigmoid(dec);
}

static void build_s0(ae_net *net) { const int size[] = { 784, 128, 32 }; mlp(net, size, 3); }
static void build_s1_fc(ae_net *net) { const int size[] = { 784, 128, 64, 12, 10 }; mlp(net, size, 5); }
static void build_s3(ae_net *net) { const int size[] = { 784, 128, 64, 36, 18, 9 }; mlp(net, size, 6); }

static void cnn(ae_net *net, int document)
{
    ae_net *enc = ae_sequential(net, "encoder"), *dec = ae_sequential(net, "decoder");
    ae_nn_conv2d(enc, 1, 16, 3, 2, 1);
    ae_nn_relu(enc);
    ae_nn_conv2d(enc, 16, 32, 3, 2, 1);
    ae_nn_relu(enc);
    ae_nn_conv2d(enc, 32, 64, 7, 1, 0);
    if (document == 2) ae_nn_relu(enc);
    ae_nn_conv_transpose2d(dec, 64, 32, 7, 1, 0, 0);
    ae_nn_relu(dec);
    ae_nn_conv_transpose2d(dec, 32, 16, 3, 2, 1, 1);
    ae_nn_relu(dec);
    ae_nn_conv_transpose2d(dec, 16, 1, 3, 2, 1, 1);
    if (document == 1) ae_nn_sigmoid(dec);
}
static void build_s1_cnn(ae_net *net) { cnn(net, 1); }
static void build_s2_cnn(ae_net *net) { cnn(net, 2); }

static void build_vanilla(ae_net *net)
{
    ae_name(ae_nn_linear(net, 784, 32), "linear_1");
    ae_name(ae_nn_leaky_relu(net, 0.01f), "act_1");
    ae_name(ae_nn_linear(net, 32, 784), "linear_2");
    ae_name(ae_nn_sigmoid(net), "act_2");
}
static void build_vae(ae_net *net)
{
    ae_name(ae_nn_linear(net, 784, 400), "enc");
    ae_name(ae_nn_linear(net, 400, 20), "z_mean");
    ae_name(ae_nn_linear(net, 400, 20), "z_log_var");
    ae_name(ae_nn_linear(net, 20, 400), "dec_1");
    ae_name(ae_nn_linear(net, 400, 784), "dec_2");
}
static void build_cvae(ae_net *net)
{
    ae_name(ae_nn_conv2d(net, 11, 16, 6, 2, 0), "enc_conv_1");
    ae_name(ae_nn_conv2d(net, 16, 32, 4, 2, 0), "enc_conv_2");
    ae_name(ae_nn_conv2d(net, 32, 64, 2, 2, 0), "enc_conv_3");
    ae_name(ae_nn_linear(net, 256, 50), "z_mean");
    ae_name(ae_nn_linear(net, 256, 50), "z_log_var");
    ae_name(ae_nn_linear(net, 60, 256), "dec_linear_1");
    ae_name(ae_nn_conv_transpose2d(net, 64, 32, 2, 2, 0, 0), "dec_deconv_1");
    ae_name(ae_nn_conv_transpose2d(net, 32, 16, 4, 3, 1, 0), "dec_deconv_2");
    ae_name(ae_nn_conv_transpose2d(net, 16, 1, 6, 3, 4, 0), "dec_deconv_3");
}

/* ---- the losses ---- */

static ae_tensor layer(run *r, const char *name, ae_tensor x) { return ae_forward(ae_child(r->net, name), x); }
static ae_tensor leaky(ae_tensor x) { return ae_leaky_relu(x, 0.01f); }
static ae_tensor flat(run *r) { return ae_view(r->x, -1, PIXELS, 0, 0); }

static ae_tensor mse_flat(run *r)  { return ae_mse_loss(ae_forward(r->net, flat(r)), flat(r), AE_MEAN); }
static ae_tensor mse_image(run *r) { return ae_mse_loss(ae_forward(r->net, r->x), r->x, AE_MEAN); }
static ae_tensor bce_flat(run *r)  { return ae_bce_loss(ae_forward(r->net, flat(r)), flat(r), AE_MEAN); }

static ae_tensor reparameterize(run *r, ae_tensor mean, ae_tensor log_var)
{
    r->kl = ae_kl_loss(mean, log_var, AE_SUM);
    return ae_add(mean, ae_mul(r->eps, ae_exp(ae_affine(log_var, 0.5f, 0))));
}
static ae_tensor vae(run *r)
{
    ae_tensor h = leaky(layer(r, "enc", flat(r))), z = reparameterize(r, layer(r, "z_mean", h), layer(r, "z_log_var", h));
    ae_tensor out = ae_sigmoid(layer(r, "dec_2", leaky(layer(r, "dec_1", z))));
    r->bce = ae_bce_loss(out, flat(r), AE_SUM);
    return ae_add(r->bce, r->kl);
}
static ae_tensor cvae(run *r)
{
    int B = ae_size(r->x, 0);
    ae_tensor hot = ae_one_hot(r->label, 10), maps = ae_expand(ae_view(hot, B, 10, 1, 1), B, 10, 28, 28), h, z, out;
    h = leaky(layer(r, "enc_conv_1", ae_cat(r->x, maps, 1)));
    h = leaky(layer(r, "enc_conv_3", leaky(layer(r, "enc_conv_2", h))));
    h = ae_view(h, B, 256, 0, 0);
    z = ae_cat(reparameterize(r, layer(r, "z_mean", h), layer(r, "z_log_var", h)), hot, 1);
    out = ae_view(layer(r, "dec_linear_1", z), B, 64, 2, 2);
    out = leaky(layer(r, "dec_deconv_2", leaky(layer(r, "dec_deconv_1", out))));
    out = ae_sigmoid(leaky(layer(r, "dec_deconv_3", out)));
    r->bce = ae_bce_loss(out, r->x, AE_SUM);
    return ae_add(r->bce, r->kl);
}

static const struct system_row { const char *name; void (*build)(ae_net *net); ae_tensor (*loss)(run *r); double tolerance; } systems[] = {
    { "s0", build_s0, mse_flat, 1e-5 },
    { "s1_fc", build_s1_fc, mse_flat, 1e-5 },
    { "s1_cnn", build_s1_cnn, mse_image, 2e-4 },
    { "s2_cnn", build_s2_cnn, mse_image, 1e-5 },
    { "s3_stacked", build_s3, mse_flat, 1e-5 },
    { "s4_vanilla", build_vanilla, bce_flat, 1e-5 },
    { "s4_vae", build_vae, vae, 1e-5 },
    { "s4_cvae", build_cvae, cvae, 1e-5 }
};

/* ---- images and first weights: by formula, or real ---- */

static uint32_t hash32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}
static uint32_t counter(uint32_t seed, uint32_t i) { return hash32(i ^ hash32(seed)); }
static float uniform_at(uint32_t seed, uint32_t i) { return (float)(counter(seed, i) >> 8) * (1.0f / 8388608.0f) - 1.0f; }

static int formula_image(uint32_t n, uint8_t *px)      /* a grainy ring; returns its label (see fixtures/README.md) */
{
    int label = (int)(counter(1, 4 * n) % 10), r = 4 + label / 2, i;
    int cx = 10 + (int)(counter(1, 4 * n + 1) % 9), cy = 10 + (int)(counter(1, 4 * n + 2) % 9);
    for (i = 0; i < PIXELS; i++) {
        int dx = i % 28 - cx, dy = i / 28 - cy, v = 255 - 8 * abs(dx * dx + dy * dy - r * r);
        if (v < 0) v = 0;
        if (label % 2 && abs(dy) <= 1 && abs(dx) <= r) v = 255;
        px[i] = (uint8_t)(v * (192 + (int)(counter(2, (uint32_t)PIXELS * n + (uint32_t)i) % 64)) / 255);
    }
    return label;
}

static uint8_t *mnist, *mnist_labels;                  /* NULL: by formula */

/* The bytes behind the head of an IDX file, unpacked or, by gzip, packed; the folder is $AUTOENC_DATA, or data/ here. */
static uint8_t *read_idx(const char *folder, const char *name, size_t head, size_t bytes)
{
    char command[1300];
    uint8_t *p = (uint8_t *)malloc(head + bytes);
    size_t got = 0;
    FILE *f;
    snprintf(command, sizeof command, "for f in '%s/mnist/%s' 'data/mnist/%s'; do if [ -f \"$f\" ]; then exec cat \"$f\"; elif [ -f \"$f.gz\" ]; then exec gzip -dc \"$f.gz\"; fi; done",
             folder ? folder : "data", name, name);
    f = popen(command, "r");
    if (f) {
        got = fread(p, 1, head + bytes, f);
        pclose(f);
    }
    if (got == head + bytes) return (uint8_t *)memmove(p, p + head, bytes);
    free(p);
    return NULL;
}

static void serve(run *r, const double *index, int B, const double *eps, int L)
{
    float *x = (float *)malloc((size_t)B * PIXELS * sizeof(float)), *label = (float *)malloc((size_t)B * sizeof(float)), *e = (float *)malloc((size_t)(B * L + 1) * sizeof(float));
    uint8_t made[PIXELS];
    int b, i;
    for (b = 0; b < B; b++) {
        const uint8_t *px = mnist ? mnist + (size_t)index[b] * PIXELS : made;
        label[b] = mnist ? (float)mnist_labels[(size_t)index[b]] : (float)formula_image((uint32_t)index[b], made);
        for (i = 0; i < PIXELS; i++) x[b * PIXELS + i] = (float)px[i] / 255.0f;
    }
    for (i = 0; eps && i < B * L; i++) e[i] = (float)eps[i];
    r->x = ae_from(r->ae, x, B, 1, 28, 28);
    r->label = ae_from(r->ae, label, B, 0, 0, 0);
    if (eps) r->eps = ae_from(r->ae, e, B, L, 0, 0);
    free(x);
    free(label);
    free(e);
}

static void first_weights(run *r, const fixture *f)
{
    fixture_tensor bound = fixture_get(f, "init_bound");
    uint32_t seed = (uint32_t)fixture_meta(f, "init_seed", 0);
    int i, k;
    for (i = 0; i < ae_params(r->net); i++) {
        const char *path;
        char name[300];
        ae_tensor p = ae_param_at(r->net, i, &path);
        float *w = (float *)malloc((size_t)ae_size(p, -1) * sizeof(float));
        fixture_tensor init;
        snprintf(name, sizeof name, "init.%s", path);
        init = fixture_get(f, name);
        if (!init.at && !bound.at) ok(0, "%s: the file has first weights for %s", name, path);
        for (k = 0; k < ae_size(p, -1); k++) w[k] = init.at ? (float)init.at[k] : bound.at ? uniform_at(seed + (uint32_t)i, (uint32_t)k) * (float)bound.at[i] : 0;
        ae_assign(p, w);
        free(w);
        free(init.at);
    }
    free(bound.at);
}

/* Step 1's gradients, of those parameters that the file holds. */
static double worst_gradient(run *r, const fixture *f)
{
    double worst = 0;
    int i, k;
    for (i = 0; i < ae_params(r->net); i++) {
        const char *path;
        char name[300];
        ae_tensor p = ae_param_at(r->net, i, &path);
        fixture_tensor want;
        const float *g = ae_data(ae_grad(p));
        double most = 0, d = 0;
        snprintf(name, sizeof name, "grad0.%s", path);
        want = fixture_get(f, name);
        for (k = 0; want.at && k < want.n; k++) {
            most = fmax(most, fabs(want.at[k]));
            d = fmax(d, fabs(want.at[k] - (double)g[k]));
        }
        if (want.at && d > 1e-7) worst = fmax(worst, d / most);
        free(want.at);
    }
    return worst;
}

static double worst_norm(run *r, const fixture_tensor *want)
{
    double worst = 0;
    int i, k;
    for (i = 0; want->at && i < ae_params(r->net); i++) {
        ae_tensor p = ae_param_at(r->net, i, NULL);
        const float *w = ae_data(p);
        double sum = 0;
        for (k = 0; k < ae_size(p, -1); k++) sum += (double)w[k] * (double)w[k];
        worst = fmax(worst, fabs(sqrt(sum) - want->at[i]) / want->at[i]);
    }
    return worst;
}

/* Fifty steps; want: the losses of this learning rate. */
static void curve(const struct system_row *s, const fixture *f, const char *set, const char *suffix, double lr, int threads)
{
    char name[64];
    fixture_tensor index = fixture_get(f, "batch_index"), eps = fixture_get(f, "eps"), want, norms;
    ae_config config;
    run r;
    ae_opt *adam;
    double worst = 0, gradient = 0, tolerance = s->tolerance;
    int step, B = index.dim[1], L = eps.dim[2];
    memset(&config, 0, sizeof config);
    memset(&r, 0, sizeof r);
    config.threads = threads;
    config.device = getenv("AUTOENC_DEVICE");
    r.ae = ae_new(&config);
    if (*ae_error(r.ae)) { ok(0, "%s: %s", s->name, ae_error(r.ae)); exit(1); }
    r.net = ae_net_new(r.ae);
    s->build(r.net);
    first_weights(&r, f);
    adam = ae_adam(r.net, (float)lr);
    ae_set(adam, AE_WEIGHT_DECAY, (float)fixture_meta(f, "weight_decay", 0));
    snprintf(name, sizeof name, "loss%s", suffix);
    want = fixture_get(f, name);
    for (step = 0; step < STEPS && want.at; step++) {
        size_t mark = ae_begin(r.ae);
        ae_tensor loss;
        double d;
        serve(&r, index.at + step * B, B, eps.at ? eps.at + step * B * L : NULL, L);
        loss = s->loss(&r);
        ae_zero_grad(adam);
        ae_backward(loss);
        if (step == 0 && !*suffix) gradient = worst_gradient(&r, f);
        ae_step(adam);
        d = fabs((double)ae_item(loss) - want.at[step]) / fabs(want.at[step]);
        if (!(d <= worst)) worst = d;
        ae_end(r.ae, mark);
    }
    ok(want.at && worst <= tolerance, "%s %s%s: 50 losses within %g of PyTorch's (%.2g)", set, s->name, suffix, tolerance, worst);
    if (!*suffix) ok(gradient <= (mnist ? 1e-4 : 1e-5), "%s %s: gradients of the first step within %g (%.2g)", set, s->name, mnist ? 1e-4 : 1e-5, gradient);
    snprintf(name, sizeof name, "final_l2norm%s", suffix);
    norms = fixture_get(f, name);
    if (norms.at) ok(worst_norm(&r, &norms) <= 1e-3, "%s %s%s: norms of the weights after step 50 within 1e-3 (%.2g)", set, s->name, suffix, worst_norm(&r, &norms));
    ae_free(r.ae);
    free(index.at);
    free(eps.at);
    free(want.at);
    free(norms.at);
}

static void check(const char *folder, const char *set, int must)
{
    static const char *const other[] = { "1e-3", "3e-3" };
    char path[600], suffix[16];
    fixture f;
    size_t i, k;
    for (i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        snprintf(path, sizeof path, "%s/sys_%s.safetensors", folder, systems[i].name);
        if (!fixture_open(&f, path)) { if (must) ok(0, "%s is there", path); continue; }
        curve(&systems[i], &f, set, "", fixture_meta(&f, "lr", 1e-3), 0);
        for (k = 0; k < sizeof other / sizeof other[0]; k++) {
            fixture_tensor t;
            char name[32];
            snprintf(suffix, sizeof suffix, "_lr%s", other[k]);
            snprintf(name, sizeof name, "loss%s", suffix);
            t = fixture_get(&f, name);
            if (t.at) curve(&systems[i], &f, set, suffix, atof(other[k]), 0);
            free(t.at);
        }
        fixture_close(&f);
    }
}

int main(void)
{
    const char *shared = getenv("AUTOENC_SHARED"), *data = getenv("AUTOENC_DATA");
    char path[600];
    check("tests/fixtures", "own", 1);
    if (shared && !*shared) shared = NULL;            /* set to nothing is not set */
    if (shared) {
        mnist = read_idx(data, "train-images-idx3-ubyte", 16, (size_t)60000 * PIXELS);
        mnist_labels = read_idx(data, "train-labels-idx1-ubyte", 8, 60000);
    }
    snprintf(path, sizeof path, "%s/fixtures", shared ? shared : "");
    if (mnist && mnist_labels) check(path, "MNIST", 1);
    else skip("MNIST in AUTOENC_DATA or data/, and AUTOENC_SHARED, are needed for the second set");
    free(mnist);
    free(mnist_labels);
    return tap_end();
}
