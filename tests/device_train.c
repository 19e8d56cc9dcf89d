/* device_train.c: trains small networks on a device and prints a hash over their losses and weights.  test_cuda.sh compares the hashes
   of recorded and replayed steps with those of single launches, of other orders of a block's threads and of streams: they must be equal.
   What could freeze in a recording is in it: Adam's powers, a learning rate that changes, a factor that grows, noise, the place in the
   data set, a last partial batch; and no loss is read for longer than the host has places for numbers on their way. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "hash.h"

typedef struct system_row { const char *name; void (*build)(ae_net *net); ae_tensor (*loss)(ae_net *net, ae_tensor x, ae_tensor y, float beta); } system_row;

static void build_vae(ae_net *net)
{
    ae_net *e = ae_sequential(net, "encoder"), *d = ae_sequential(net, "decoder");
    ae_nn_flatten(e);
    ae_nn_linear(e, 64, 19);
    ae_nn_leaky_relu(e, 0.2f);
    ae_name(ae_nn_linear(net, 19, 3), "mean");
    ae_name(ae_nn_linear(net, 19, 3), "log_var");
    ae_nn_linear(d, 3 + 10, 21);
    ae_nn_tanh(d);
    ae_nn_linear(d, 21, 64);
    ae_nn_sigmoid(d);
    ae_nn_unflatten(d, 1, 8, 8);
}
static ae_tensor vae(ae_net *net, ae_tensor x, ae_tensor y, float beta)
{
    ae_tensor h = ae_forward(ae_child(net, "encoder"), x), m = ae_forward(ae_child(net, "mean"), h), v = ae_forward(ae_child(net, "log_var"), h);
    ae_tensor z = ae_add(m, ae_mul(ae_randn_like(m), ae_exp(ae_affine(v, 0.5f, 0))));
    ae_tensor out = ae_forward(ae_child(net, "decoder"), ae_cat(z, ae_one_hot(y, 10), 1));
    return ae_add(ae_bce_loss(out, x, AE_SUM), ae_affine(ae_kl_loss(m, v, AE_SUM), beta, 0));
}
static void build_conv(ae_net *net)
{
    ae_nn_conv2d(net, 1, 4, 3, 1, 1);          /* 9 x 64 pixels: sums in several parts */
    ae_nn_relu(net);
    ae_nn_conv2d(net, 4, 4, 3, 1, 1);
    ae_nn_relu(net);
    ae_nn_conv2d(net, 4, 6, 3, 2, 1);
    ae_nn_batch_norm2d(net, 6);
    ae_nn_relu(net);
    ae_nn_conv2d(net, 6, 18, 3, 1, 1);
    ae_nn_relu(net);
    ae_nn_max_pool2d(net, 2, 2, 0);
    ae_nn_conv_transpose2d(net, 18, 5, 3, 2, 1, 1);
    ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 5, 1, 3, 2, 1, 1);
}
static ae_tensor mse(ae_net *net, ae_tensor x, ae_tensor y, float beta) { (void)y; (void)beta; return ae_mse_loss(ae_forward(net, x), x, AE_MEAN); }

/* A layer used many times, whose gradients add up, and two losses of one output. */
static void build_shared(ae_net *net)
{
    ae_net *e = ae_sequential(net, "encoder"), *d = ae_sequential(net, "decoder");
    ae_nn_flatten(e);
    ae_nn_linear(e, 64, 70);
    ae_nn_relu(e);
    ae_name(ae_nn_linear(net, 70, 70), "again");
    ae_nn_linear(d, 70, 64);
    ae_nn_sigmoid(d);
    ae_nn_unflatten(d, 1, 8, 8);
}
static ae_tensor shared(ae_net *net, ae_tensor x, ae_tensor y, float beta)
{
    ae_tensor h = ae_forward(ae_child(net, "encoder"), x), out;
    int i;
    (void)y;
    for (i = 0; i < 12; i++) h = ae_tanh(ae_forward(ae_child(net, "again"), h));
    out = ae_forward(ae_child(net, "decoder"), h);
    return ae_add(ae_mse_loss(out, x, AE_SUM), ae_affine(ae_l1_loss(out, x, AE_MEAN), beta, 0));
}

static const system_row systems[] = { { "vae", build_vae, vae }, { "conv", build_conv, mse }, { "shared", build_shared, shared } };

/* Adds the losses of all batches to sum.  Nothing is read between them, so a batch takes over the memory of the one before while that
   one's loss may not have been added up. */
static void evaluate(const system_row *system, ae_net *net, ae_loader *l, ae_tensor sum)
{
    ae_tensor x, y;
    int old = ae_grad_enabled(sum.ctx, 0);
    ae_train(net, 0);
    while (ae_next_batch(l, &x, &y)) ae_accumulate(sum, system->loss(net, x, y, 0.5f));
    ae_train(net, 1);
    ae_grad_enabled(sum.ctx, old);
}
int main(int argc, char **argv)
{
    enum { ROWS = 12 * 9 + 5, BATCH = 9, EPOCHS = 3 };
    static uint8_t px[ROWS * 64], label[ROWS];
    size_t s;
    int i, epoch, step;
    for (i = 0; i < ROWS * 64; i++) px[i] = (uint8_t)((i * 37 + i / 64 * 11) % 256);
    for (i = 0; i < ROWS; i++) label[i] = (uint8_t)(i % 10);
    for (s = 0; s < sizeof systems / sizeof systems[0]; s++) {
        ae_config config;
        ae_ctx *ae;
        ae_net *net;
        ae_opt *adam;
        ae_loader *l;
        ae_tensor x, y, sum;
        uint64_t hash = HASH_START;
        memset(&config, 0, sizeof config);
        config.device = argc > 1 ? argv[1] : "cuda";
        config.seed = 3;
        ae = ae_new(&config);
        if (*ae_error(ae)) { fprintf(stderr, "%s\n", ae_error(ae)); return 3; }
        net = ae_net_new(ae);
        systems[s].build(net);
        adam = ae_adam(net, 3e-3f);
        l = ae_loader_new(ae, BATCH, 1);
        sum = ae_keep(ae_scalar(ae, 0));
        ae_load_u8(l, px, ROWS, 1, 8, 8);
        ae_load_labels(l, label, ROWS);
        for (epoch = 0, step = 0; epoch < EPOCHS; epoch++) {
            float total;
            while (ae_next_batch(l, &x, &y)) {
                ae_tensor loss = systems[s].loss(net, x, y, 0.01f * (float)++step);
                ae_set(adam, AE_LR, 3e-3f / (1 + 0.05f * (float)step));
                ae_accumulate(sum, loss);
                ae_zero_grad(adam);
                ae_backward(loss);
                ae_step(adam);
            }
            total = ae_item(sum);
            hash = hash_floats(hash, &total, 1);
            evaluate(&systems[s], net, l, sum);
        }
        for (i = 0; i < ae_params(net); i++) hash = hash_floats(hash, ae_data(ae_param_at(net, i, NULL)), ae_size(ae_param_at(net, i, NULL), -1));
        printf("%s %016llx %.6g\n", systems[s].name, (unsigned long long)hash, (double)ae_item(sum));
        ae_free(ae);
    }
    return 0;
}
