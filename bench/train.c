/* train.c - the training of each lesson's network with nothing around it: our side of bench/run.py

   cc -O2 -I. bench/train.c -o bench_train -lm -lpthread
   ./bench_train NET [--data DIR] [--threads N] [--isa avx512|avx2|plain] [--warm IMAGES] [--seed N]      then type 3: three seconds

   The networks, losses and settings are those of the lessons.  The images lie in memory as bytes before the first step; a
   batch is gathered from them in a fresh random order every epoch; the losses are added up and read once a run.  Prints
   `first` after the first step and `ready` after the warm-up, with the mean loss of its second half, by which one sees
   that both sides learn the same.  Then each line of input is a number of seconds to train for, and is answered by
   `ran IMAGES SECONDS`.  train_torch.py speaks the same way. */
#define _POSIX_C_SOURCE 200809L
#define AUTOENC_IMPLEMENTATION
#include "../lessons/kit.h"

/* ==== The networks ================================================================================================ */

static ae_net *fully_connected(ae_ctx *ae, const int *size, int layers)
{
    ae_net *net = ae_net_new(ae);
    for (int i = 0; i < layers; i++) {
        if (i) ae_nn_relu(net);
        ae_nn_linear(net, size[i], size[i + 1]);
    }
    for (int i = layers; i > 0; i--) {
        if (i < layers) ae_nn_relu(net);
        ae_nn_linear(net, size[i], size[i - 1]);
    }
    ae_nn_sigmoid(net);
    return net;
}

static ae_net *letters(ae_ctx *ae)    { const int size[] = { 784, 128, 32 };             return fully_connected(ae, size, 2); }
static ae_net *narrowing(ae_ctx *ae)  { const int size[] = { 784, 128, 64, 12, 10 };     return fully_connected(ae, size, 4); }
static ae_net *stacked(ae_ctx *ae)    { const int size[] = { 784, 128, 64, 36, 18, 9 };  return fully_connected(ae, size, 5); }

/* Lesson 3 has a ReLU after its code, lesson 2 a sigmoid at the end. */
static ae_net *convolutional(ae_ctx *ae, int lesson)
{
    ae_net *net = ae_net_new(ae);
    ae_nn_conv2d(net, 1, 16, 3, 2, 1), ae_nn_relu(net);
    ae_nn_conv2d(net, 16, 32, 3, 2, 1), ae_nn_relu(net);
    ae_nn_conv2d(net, 32, 64, 7, 1, 0);
    if (lesson == 3) ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 64, 32, 7, 1, 0, 0), ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 32, 16, 3, 2, 1, 1), ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 16, 1, 3, 2, 1, 1);
    if (lesson == 2) ae_nn_sigmoid(net);
    return net;
}
static ae_net *cnn02(ae_ctx *ae) { return convolutional(ae, 2); }
static ae_net *cnn03(ae_ctx *ae) { return convolutional(ae, 3); }

static ae_net *vanilla(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_nn_linear(net, 784, 32), ae_nn_leaky_relu(net, 0.01f), ae_nn_linear(net, 32, 784), ae_nn_sigmoid(net);
    return net;
}

/* The variational ones are no chains: their layers have names, and the cost below says how they hang together. */
static ae_net *vae(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_name(ae_nn_linear(net, 784, 400), "enc");
    ae_name(ae_nn_linear(net, 400, 20), "mean"), ae_name(ae_nn_linear(net, 400, 20), "log_var");
    ae_name(ae_nn_linear(net, 20, 400), "dec_1"), ae_name(ae_nn_linear(net, 400, 784), "dec_2");
    return net;
}

static ae_net *conditional(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_name(ae_nn_conv2d(net, 11, 16, 6, 2, 0), "enc_1"), ae_name(ae_nn_conv2d(net, 16, 32, 4, 2, 0), "enc_2");
    ae_name(ae_nn_conv2d(net, 32, 64, 2, 2, 0), "enc_3");
    ae_name(ae_nn_linear(net, 256, 50), "mean"), ae_name(ae_nn_linear(net, 256, 50), "log_var");
    ae_name(ae_nn_linear(net, 60, 256), "dec_0"), ae_name(ae_nn_conv_transpose2d(net, 64, 32, 2, 2, 0, 0), "dec_1");
    ae_name(ae_nn_conv_transpose2d(net, 32, 16, 4, 3, 1, 0), "dec_2");
    ae_name(ae_nn_conv_transpose2d(net, 16, 1, 6, 3, 4, 0), "dec_3");
    return net;
}

/* ==== What is minimised =========================================================================================== */

static ae_tensor mse(ae_net *net, ae_tensor x, ae_tensor y) { (void)y; return ae_mse_loss(ae_forward(net, x), x, AE_MEAN); }
static ae_tensor bce(ae_net *net, ae_tensor x, ae_tensor y) { (void)y; return ae_bce_loss(ae_forward(net, x), x, AE_MEAN); }

static ae_tensor through(ae_net *net, const char *layer, ae_tensor x) { return ae_forward(ae_child(net, layer), x); }
static ae_tensor leaky(ae_net *net, const char *layer, ae_tensor x)   { return ae_leaky_relu(through(net, layer, x), 0.01f); }

static ae_tensor sample(ae_tensor mean, ae_tensor log_var)
{
    return ae_add(mean, ae_mul(ae_randn_like(mean), ae_exp(ae_affine(log_var, 0.5f, 0))));
}

/* Reconstruction and divergence, both of them sums. */
static ae_tensor elbo(ae_tensor drawn, ae_tensor x, ae_tensor mean, ae_tensor log_var)
{
    return ae_add(ae_bce_loss(drawn, x, AE_SUM), ae_kl_loss(mean, log_var, AE_SUM));
}

static ae_tensor vae_cost(ae_net *net, ae_tensor x, ae_tensor y)
{
    ae_tensor h = leaky(net, "enc", x), mean = through(net, "mean", h), log_var = through(net, "log_var", h);
    (void)y;
    return elbo(ae_sigmoid(through(net, "dec_2", leaky(net, "dec_1", sample(mean, log_var)))), x, mean, log_var);
}

static ae_tensor conditional_cost(ae_net *net, ae_tensor x, ae_tensor y)
{
    int n = ae_size(x, 0);
    ae_tensor label = ae_one_hot(y, 10), maps = ae_expand(ae_view(label, n, 10, 1, 1), n, 10, 28, 28);
    ae_tensor h = leaky(net, "enc_3", leaky(net, "enc_2", leaky(net, "enc_1", ae_cat(x, maps, 1))));
    h = ae_view(h, -1, 256, 0, 0);
    ae_tensor mean = through(net, "mean", h), log_var = through(net, "log_var", h);
    h = ae_view(through(net, "dec_0", ae_cat(sample(mean, log_var), label, 1)), -1, 64, 2, 2);
    return elbo(ae_sigmoid(leaky(net, "dec_3", leaky(net, "dec_2", leaky(net, "dec_1", h)))), x, mean, log_var);
}

/* ==== The table =================================================================================================== */

typedef struct contest {
    const char *name;
    int flat, sum, labels, batch;        /* flat: rows of 784 numbers; sum: the cost is one, and is shown per image */
    float lr, decay;
    ae_net *(*make)(ae_ctx *ae);
    ae_tensor (*cost)(ae_net *net, ae_tensor x, ae_tensor y);
} contest;

static const contest contests[] = {
    { "lesson01",     1, 0, 0, 512, 1e-3f, 0,     letters,     mse },
    { "lesson02-fc",  1, 0, 0, 64,  1e-3f, 1e-5f, narrowing,   mse },
    { "lesson02-cnn", 0, 0, 0, 64,  1e-3f, 1e-5f, cnn02,       mse },
    { "lesson03",     0, 0, 0, 512, 2e-4f, 0,     cnn03,       mse },
    { "lesson04",     1, 0, 0, 32,  1e-3f, 1e-8f, stacked,     mse },    /* the lesson's own 1e-1 kills the network */
    { "lesson05",     1, 0, 0, 256, 5e-3f, 0,     vanilla,     bce },
    { "lesson06",     1, 1, 0, 256, 1e-3f, 0,     vae,         vae_cost },
    { "lesson07",     0, 1, 1, 256, 1e-3f, 0,     conditional, conditional_cost },
};

/* ==== Training ==================================================================================================== */

typedef struct trainer { const contest *what; ae_net *net; ae_opt *adam; ae_loader *loader; ae_tensor running; } trainer;

/* One step; an epoch that is over begins anew.  Returns the images of the batch. */
static int step(trainer *t)
{
    ae_tensor x, y = t->running, *labels = t->what->labels ? &y : NULL;
    if (!ae_next_batch(t->loader, &x, labels)) ae_next_batch(t->loader, &x, labels);
    if (t->what->flat) x = ae_view(x, -1, 784, 0, 0);
    int n = ae_size(x, 0);
    ae_tensor cost = t->what->cost(t->net, x, y);
    ae_zero_grad(t->adam);
    ae_backward(cost);
    ae_step(t->adam);
    ae_accumulate(t->running, t->what->sum ? ae_affine(cost, 1.0f / (float)n, 0) : cost);
    return n;
}

/* The mean loss of the second half of so many images. */
static double warm_up(trainer *t, int images)
{
    const float zero = 0;
    int done = 0, steps = 0;
    while (done < images / 2) done += step(t);
    for (ae_assign(t->running, &zero); done < images; steps++) done += step(t);
    return steps ? (double)ae_item(t->running) / steps : NAN;
}

/* Other kernels than this processor's best, in order to compare like with like. */
static void use(ae_ctx *ae, const char *isa)
{
    if (!*isa) return;
#ifdef __x86_64__
    if (!strcmp(isa, "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) { ae->kernels = &ae__kernels_8; return; }
    if (!strcmp(isa, "avx512") && ae->kernels == &ae__kernels_16) return;
#endif
    if (!strcmp(isa, "plain")) { ae->kernels = &ae__kernels_4; return; }
    fprintf(stderr, "train: this processor has no %s\n", isa);
    exit(2);
}

static void arguments(kit *run, int argc, char **argv, const contest **what, const char **isa, int *warm)
{
    for (size_t i = 0; argc > 1 && i < sizeof contests / sizeof contests[0]; i++)
        if (!strcmp(argv[1], contests[i].name)) *what = &contests[i];
    for (int i = 2; i + 1 < argc; i += 2) {
        if      (!strcmp(argv[i], "--data"))    run->data = argv[i + 1];
        else if (!strcmp(argv[i], "--threads")) run->threads = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed"))    run->seed = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--warm"))    *warm = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--isa"))     *isa = argv[i + 1];
        else *what = NULL;
    }
    if (*what && argc % 2 == 0) return;
    fprintf(stderr, "usage: train NET [--data DIR] [--threads N] [--isa avx512|avx2|plain] [--warm IMAGES] [--seed N], NET one of");
    for (size_t i = 0; i < sizeof contests / sizeof contests[0]; i++) fprintf(stderr, " %s", contests[i].name);
    fprintf(stderr, "\n");
    exit(2);
}

int main(int argc, char **argv)
{
    double began = kit_seconds(), seconds;
    kit run = { .lesson = "train", .threads = 2 };
    const contest *what = NULL;
    const char *isa = "";
    int warm = 20000;
    arguments(&run, argc, argv, &what, &isa, &warm);
    kit_find_folder(&run, argv[0]);
    kit_data(&run, strcmp(what->name, "lesson01") ? KIT_DIGITS : KIT_LETTERS, 0);
    ae_config config = { .seed = run.seed, .threads = run.threads };
    run.ae = ae_new(&config);
    use(run.ae, isa);
    trainer t = { what, what->make(run.ae), NULL, ae_loader_new(run.ae, what->batch, 1), ae_keep(ae_scalar(run.ae, 0)) };
    t.adam = ae_adam(t.net, what->lr);
    ae_set(t.adam, AE_WEIGHT_DECAY, what->decay);
    ae_load_u8(t.loader, run.train.images, run.train.n, 1, 28, 28);
    if (what->labels) ae_load_labels(t.loader, run.train.labels, run.train.n);
    step(&t);
    printf("first\t%.4f\n", kit_seconds() - began);
    fflush(stdout);
    printf("ready\t%.9g\n", warm_up(&t, warm));
    fflush(stdout);
    while (scanf("%lf", &seconds) == 1) {
        double start = kit_seconds(), now = start;
        long images = 0;
        for (; now - start < seconds; now = kit_seconds()) images += step(&t);
        printf("ran\t%ld\t%.6f\n", images, now - start);
        fflush(stdout);
    }
    kit_free(&run);
    return 0;
}
