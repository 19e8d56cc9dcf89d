/* test_gradients.c: every op's backward pass against differences of its forward pass, alone and in whole networks; ops of
   one's own, right and wrong; and gradients of intermediate results with and without fusion. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"

/* float32 differences are good to two or three digits; a wrong factor or sign is off by far more.  Networks that bend at
   0 (leaky relu) are worse, since some unit changes sides within any step: they get a wider bound of their own. */
#define BOUND 1e-2

static ae_ctx *ae;
static ae_net *net;
static watch memory;

/* ---- single ops: parameters a [3,4] and b [3,4], weighted by fixed numbers so that no gradient is trivial ---- */

static ae_tensor a(void) { return ae_param(net, "a"); }
static ae_tensor b(void) { return ae_param(net, "b"); }
static ae_tensor row(void) { return ae_param(net, "row"); }        /* [4] */
static ae_tensor number(void) { return ae_param(net, "number"); }  /* [] */
static ae_tensor image(void) { return ae_param(net, "image"); }    /* [2,3,4,5] */

/* sum(weights * y), the weights between -1 and 1 and all different. */
static ae_tensor weighted(ae_tensor y)
{
    float w[512];
    int i, n = ae_size(y, -1), d = ae_dims(y);
    for (i = 0; i < n && i < 512; i++) w[i] = 0.3f + (float)((i * 29 + 7) % 23) / 23.0f * (i % 3 ? 1.0f : -1.0f);
    return ae_reduce(ae_mul(y, ae_from(ae, w, d > 0 ? ae_size(y, 0) : 0, d > 1 ? ae_size(y, 1) : 0, d > 2 ? ae_size(y, 2) : 0, d > 3 ? ae_size(y, 3) : 0)), -1, AE_SUM);
}

static ae_tensor positive(ae_tensor x) { return ae_affine(ae_square(x), 1, 0.5f); }      /* for log and div */
static ae_tensor targets(int n, int c)                                                   /* strictly inside [0,1] */
{
    float t[64];
    int i;
    for (i = 0; i < n * c; i++) t[i] = 0.1f + (float)(i * 7 % 10) * 0.08f;
    return ae_from(ae, t, n, c, 0, 0);
}

static ae_tensor op_add(void *u)      { (void)u; return weighted(ae_square(ae_add(a(), b()))); }
static ae_tensor op_sub(void *u)      { (void)u; return weighted(ae_square(ae_sub(a(), b()))); }
static ae_tensor op_mul(void *u)      { (void)u; return weighted(ae_mul(a(), b())); }
static ae_tensor op_div(void *u)      { (void)u; return weighted(ae_div(a(), positive(b()))); }
static ae_tensor op_twice(void *u)    { (void)u; return weighted(ae_mul(ae_add(a(), a()), ae_mul(a(), a()))); }
static ae_tensor op_matmul(void *u)   { (void)u; return weighted(ae_matmul(a(), ae_view(b(), 4, 3, 0, 0))); }
static ae_tensor op_transpose(void *u) { (void)u; return weighted(ae_matmul(ae_transpose(a()), b())); }
static ae_tensor op_affine(void *u)   { (void)u; return weighted(ae_square(ae_affine(a(), -1.5f, 0.25f))); }
static ae_tensor op_exp(void *u)      { (void)u; return weighted(ae_exp(a())); }
static ae_tensor op_log(void *u)      { (void)u; return weighted(ae_log(positive(a()))); }
static ae_tensor op_square(void *u)   { (void)u; return weighted(ae_square(a())); }
static ae_tensor op_relu(void *u)     { (void)u; return weighted(ae_relu(a())); }
static ae_tensor op_leaky(void *u)    { (void)u; return weighted(ae_leaky_relu(a(), 0.2f)); }
static ae_tensor op_leaky_odd(void *u) { (void)u; return weighted(ae_leaky_relu(a(), -0.5f)); }
static ae_tensor op_sigmoid(void *u)  { (void)u; return weighted(ae_sigmoid(a())); }
static ae_tensor op_tanh(void *u)     { (void)u; return weighted(ae_tanh(a())); }
static ae_tensor op_softmax(void *u)  { (void)u; return weighted(ae_log_softmax(a())); }
static ae_tensor op_view(void *u)     { (void)u; return weighted(ae_square(ae_view(a(), 2, -1, 3, 0))); }
static ae_tensor op_views(void *u)    { ae_tensor y = ae_affine(a(), 2, 0.1f); (void)u; return weighted(ae_add(ae_square(ae_view(ae_view(y, 2, 6, 0, 0), 12, 0, 0, 0)), ae_view(ae_square(y), 12, 0, 0, 0))); }
static ae_tensor between(ae_tensor y) { return weighted(ae_matmul(y, ae_view(b(), 4, 3, 0, 0))); }             /* an activation of a result, used once: its gradient goes on in place */
static ae_tensor result(void)         { return ae_affine(a(), 1.5f, 0.02f); }
static ae_tensor mid_relu(void *u)    { (void)u; return between(ae_relu(result())); }
static ae_tensor mid_leaky(void *u)   { (void)u; return between(ae_leaky_relu(result(), 0.2f)); }
static ae_tensor mid_odd(void *u)     { (void)u; return between(ae_leaky_relu(result(), -0.5f)); }
static ae_tensor mid_sigmoid(void *u) { (void)u; return between(ae_sigmoid(result())); }
static ae_tensor mid_tanh(void *u)    { (void)u; return between(ae_tanh(ae_tanh(result()))); }
static ae_tensor mid_twice(void *u)   { ae_tensor y = result(), z = ae_sigmoid(y); (void)u; return between(ae_mul(ae_add(z, ae_leaky_relu(y, 0.1f)), ae_square(z))); }
static ae_tensor op_expand(void *u)   { (void)u; return weighted(ae_square(ae_expand(row(), 2, 3, 4, 0))); }
static ae_tensor op_rows(void *u)     { (void)u; return weighted(ae_mul(a(), row())); }
static ae_tensor op_columns(void *u)  { (void)u; return weighted(ae_mul(a(), ae_view(ae_slice(row(), 0, 0, 3), 3, 1, 0, 0))); }
static ae_tensor op_number(void *u)   { (void)u; return weighted(ae_div(ae_sub(a(), number()), positive(number()))); }
static ae_tensor op_cat0(void *u)     { (void)u; return weighted(ae_square(ae_cat(a(), b(), 0))); }
static ae_tensor op_cat1(void *u)     { (void)u; return weighted(ae_square(ae_cat(a(), b(), 1))); }
static ae_tensor op_cat2(void *u)     { (void)u; return weighted(ae_square(ae_cat(image(), image(), 2))); }
static ae_tensor op_slice(void *u)    { (void)u; return weighted(ae_mul(ae_slice(a(), 1, 1, 3), ae_slice(a(), 1, 2, 4))); }
static ae_tensor op_slice2(void *u)   { (void)u; return weighted(ae_square(ae_slice(image(), 2, 1, 3))); }
static ae_tensor op_sum(void *u)      { (void)u; return ae_square(ae_reduce(a(), -1, AE_SUM)); }
static ae_tensor op_mean(void *u)     { (void)u; return ae_square(ae_reduce(a(), -1, AE_MEAN)); }
static ae_tensor op_sum0(void *u)     { (void)u; return weighted(ae_square(ae_reduce(a(), 0, AE_SUM))); }
static ae_tensor op_mean1(void *u)    { (void)u; return weighted(ae_square(ae_reduce(a(), 1, AE_MEAN))); }
static ae_tensor op_mean2(void *u)    { (void)u; return weighted(ae_square(ae_reduce(image(), 2, AE_MEAN))); }
static ae_tensor op_detach(void *u)   { (void)u; return weighted(ae_mul(ae_detach(ae_from(ae, NULL, 3, 4, 0, 0)), a())); }
static ae_tensor mse_mean(void *u)    { (void)u; return ae_mse_loss(a(), b(), AE_MEAN); }
static ae_tensor mse_sum(void *u)     { (void)u; return ae_mse_loss(a(), b(), AE_SUM); }
static ae_tensor l1_mean(void *u)     { (void)u; return ae_l1_loss(a(), b(), AE_MEAN); }
static ae_tensor l1_sum(void *u)      { (void)u; return ae_l1_loss(a(), b(), AE_SUM); }
static ae_tensor bce_mean(void *u)    { (void)u; return ae_bce_loss(ae_sigmoid(a()), targets(3, 4), AE_MEAN); }
static ae_tensor bce_sum(void *u)     { (void)u; return ae_bce_loss(ae_sigmoid(a()), targets(3, 4), AE_SUM); }
static ae_tensor logits_mean(void *u) { (void)u; return ae_bce_logits_loss(a(), targets(3, 4), AE_MEAN); }
static ae_tensor nll(ae_reduction r)
{
    const float label[3] = { 2, 0, 3 };
    return ae_nll_loss(ae_log_softmax(a()), ae_from(ae, label, 3, 0, 0, 0), r);
}
static ae_tensor nll_mean(void *u)    { (void)u; return nll(AE_MEAN); }
static ae_tensor nll_sum(void *u)     { (void)u; return nll(AE_SUM); }
static ae_tensor logits_sum(void *u)  { (void)u; return ae_bce_logits_loss(a(), targets(3, 4), AE_SUM); }
static ae_tensor kl_mean(void *u)     { (void)u; return ae_kl_loss(a(), b(), AE_MEAN); }
static ae_tensor kl_sum(void *u)      { (void)u; return ae_kl_loss(a(), b(), AE_SUM); }

static const struct { const char *name; ae_tensor (*loss)(void *user); } ops[] = {
    { "add", op_add }, { "sub", op_sub }, { "mul", op_mul }, { "div", op_div }, { "one tensor used twice", op_twice },
    { "matmul", op_matmul }, { "transpose", op_transpose }, { "affine", op_affine }, { "exp", op_exp }, { "log", op_log }, { "square", op_square },
    { "relu", op_relu }, { "leaky_relu", op_leaky }, { "leaky_relu of a negative slope", op_leaky_odd }, { "sigmoid", op_sigmoid }, { "tanh", op_tanh },
    { "log_softmax", op_softmax }, { "view", op_view },
    { "views of views", op_views }, { "relu of a result", mid_relu }, { "leaky_relu of a result", mid_leaky }, { "leaky_relu of a negative slope, of a result", mid_odd },
    { "sigmoid of a result", mid_sigmoid }, { "two tanh of a result", mid_tanh }, { "activations of one result, used twice", mid_twice },
    { "expand", op_expand }, { "broadcast of a row", op_rows }, { "broadcast of a column", op_columns },
    { "broadcast of a number", op_number }, { "cat of axis 0", op_cat0 }, { "cat of axis 1", op_cat1 }, { "cat of axis 2", op_cat2 },
    { "slices that overlap", op_slice }, { "slice of axis 2", op_slice2 }, { "sum", op_sum }, { "mean", op_mean }, { "sum over axis 0", op_sum0 },
    { "mean over axis 1", op_mean1 }, { "mean over axis 2 of 4", op_mean2 },
    { "mse_loss, mean", mse_mean }, { "mse_loss, sum", mse_sum }, { "l1_loss, mean", l1_mean }, { "l1_loss, sum", l1_sum },
    { "bce_loss, mean", bce_mean }, { "bce_loss, sum", bce_sum }, { "bce_logits_loss, mean", logits_mean }, { "bce_logits_loss, sum", logits_sum },
    { "nll_loss, mean", nll_mean }, { "nll_loss, sum", nll_sum }, { "kl_loss, mean", kl_mean }, { "kl_loss, sum", kl_sum }
};

static void begin(void)
{
    ae = watch_new(&memory, 2);
    net = ae_net_new(ae);
}

static void end(const char *what)
{
    if (*ae_error(ae)) printf("# %s: %s\n", what, ae_error(ae));
    ae_free(ae);
    if (memory.blocks) ok(0, "%s: all memory is given back", what);
}

/* Numbers away from 0 (where relu has no derivative) and from each other (where l1 has none). */
static void spread(const char *name, int shift)
{
    float v[256];
    ae_tensor p = ae_param(net, name);
    int i;
    for (i = 0; i < ae_size(p, -1); i++) v[i] = ((i + shift) % 2 ? 1.0f : -1.0f) * (0.35f + (float)((i * 11 + shift * 5) % 13) * 0.07f);
    ae_assign(p, v);
}

static void op_net(void)
{
    ae_nn_parameter(net, "a", 1, 3, 4, 0, 0);
    ae_nn_parameter(net, "b", 1, 3, 4, 0, 0);
    ae_nn_parameter(net, "row", 1, 4, 0, 0, 0);
    ae_nn_parameter(net, "number", 1, 0, 0, 0, 0);
    ae_nn_parameter(net, "image", 1, 2, 3, 4, 5);
    spread("a", 0);
    spread("b", 1);
    spread("row", 2);
    spread("number", 3);
    spread("image", 4);
}

static void check_ops(void)
{
    size_t i;
    for (i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        double error;
        begin();
        op_net();
        error = ae_check_grad(net, ops[i].loss, NULL);
        ok(error < BOUND, "%s: gradient within %g of differences (%.2g)", ops[i].name, BOUND, error);
        end(ops[i].name);
    }
    begin();
    op_net();
    ok(ae_check_grad(net, op_detach, NULL) == 0, "detached zeros give no gradient");
    end("detach");
}

/* ---- whole networks, on the same batch of noise at every evaluation ---- */

static void build_fc(void)
{
    ae_nn_linear(net, 13, 9);
    ae_nn_leaky_relu(net, 0.2f);
    ae_nn_linear(net, 9, 4);
    ae_nn_tanh(net);
    ae_nn_linear(net, 4, 13);
    ae_nn_sigmoid(net);
}
static void build_conv_of(int leaky)
{
    ae_nn_conv2d(net, 2, 5, 3, 2, 1);
    if (leaky) ae_nn_leaky_relu(net, 0.3f);
    else ae_nn_tanh(net);
    ae_nn_conv2d(net, 5, 3, 4, 1, 0);
    if (leaky) ae_nn_relu(net);
    else ae_nn_tanh(net);
    ae_nn_conv_transpose2d(net, 3, 5, 4, 1, 0, 0);
    ae_nn_sigmoid(net);
    ae_nn_conv_transpose2d(net, 5, 2, 3, 2, 1, 1);
}
static void build_conv(void)  { build_conv_of(0); }
static void build_leaky(void) { build_conv_of(1); }
static void build_flat(void)             /* image, row, image: the changes of layout */
{
    ae_nn_conv2d(net, 2, 3, 3, 1, 1);
    ae_nn_flatten(net);
    ae_nn_linear(net, 192, 6);
    ae_nn_tanh(net);
    ae_nn_linear(net, 6, 24);
    ae_nn_unflatten(net, 6, 2, 2);
    ae_nn_conv_transpose2d(net, 6, 2, 4, 4, 0, 0);
}
static void build_norm(void)
{
    ae_nn_conv2d(net, 2, 4, 3, 2, 1);
    ae_nn_batch_norm2d(net, 4);
    ae_nn_tanh(net);
    ae_nn_flatten(net);
    ae_nn_linear(net, 64, 5);
    ae_nn_batch_norm1d(net, 5);
    ae_nn_sigmoid(net);
    ae_nn_linear(net, 5, 128);
    ae_nn_unflatten(net, 2, 8, 8);
}
static void build_pool(void)
{
    ae_nn_conv2d(net, 2, 4, 3, 1, 1);
    ae_nn_max_pool2d(net, 3, 2, 1);
    ae_nn_conv2d(net, 4, 3, 3, 1, 1);
    ae_nn_sigmoid(net);
    ae_nn_conv_transpose2d(net, 3, 2, 2, 2, 0, 0);
}
static void build_vae(void)
{
    ae_nn_linear(net, 13, 8);
    ae_nn_tanh(net);
    ae_name(ae_nn_linear(net, 8, 3), "mean");
    ae_name(ae_nn_linear(net, 8, 3), "log_var");
    ae_nn_linear(ae_sequential(net, "decoder"), 3, 13);
    ae_nn_sigmoid(ae_child(net, "decoder"));
}
static void build_up(void)
{
    ae_nn_conv2d(net, 2, 4, 3, 2, 1);
    ae_nn_tanh(net);
    ae_nn_dropout(net, 0.25f);           /* the same mask at every evaluation, or differences would be noise */
    ae_nn_upsample(net, 3, 1);
    ae_nn_conv2d(net, 4, 3, 3, 3, 1);
    ae_nn_upsample(net, 2, 0);
    ae_nn_conv2d(net, 3, 2, 3, 1, 1);
}
static void build_lstm(void)
{
    ae_nn_lstm(net, 5, 6, 2);
    ae_nn_dropout(net, 0.25f);
    ae_nn_lstm(net, 6, 3, 1);
}
static void build_softmax(void)
{
    ae_nn_linear(net, 13, 7);
    ae_nn_tanh(net);
    ae_nn_linear(net, 7, 5);
    ae_nn_log_softmax(net);
}

static ae_tensor rows(void)   { return ae_randn(ae, 6, 13, 0, 0); }
static ae_tensor images(void) { return ae_randn(ae, 3, 2, 8, 8); }

static ae_tensor fc(void *u)     { ae_tensor x = rows(); (void)u; return ae_mse_loss(ae_forward(net, x), ae_sigmoid(x), AE_SUM); }
static ae_tensor conv(void *u)   { ae_tensor x = images(); (void)u; return ae_mse_loss(ae_forward(net, x), x, AE_MEAN); }
static ae_tensor steps(void *u)  { (void)u; return weighted(ae_forward(net, ae_randn(ae, 4, 7, 5, 0))); }
static ae_tensor softmax(void *u) { (void)u; return weighted(ae_forward(net, rows())); }
static ae_tensor vae(void *u)
{
    ae_tensor x = rows(), h = ae_forward(ae_child(net, "1"), ae_forward(ae_child(net, "0"), x)), m = ae_forward(ae_child(net, "mean"), h), v = ae_forward(ae_child(net, "log_var"), h);
    ae_tensor z = ae_add(m, ae_mul(ae_randn_like(m), ae_exp(ae_affine(v, 0.5f, 0))));
    (void)u;
    return ae_add(ae_bce_loss(ae_forward(ae_child(net, "decoder"), z), ae_sigmoid(x), AE_SUM), ae_kl_loss(m, v, AE_SUM));
}

static const struct { const char *name; void (*build)(void); ae_tensor (*loss)(void *user); double bound; } nets[] = {
    { "a fully connected net", build_fc, fc, BOUND }, { "a convolutional net", build_conv, conv, BOUND }, { "one with leaky relu", build_leaky, conv, 1e-1 },
    { "a net that flattens and unflattens", build_flat, conv, BOUND }, { "a net with batch norm", build_norm, conv, BOUND },
    { "upsampling and dropout", build_up, conv, BOUND }, { "two LSTMs and dropout", build_lstm, steps, BOUND },
    { "a net with max pool", build_pool, conv, BOUND }, { "a classifier", build_softmax, softmax, BOUND },
    { "a variational autoencoder with noise", build_vae, vae, BOUND }
};

static void check_nets(void)
{
    size_t i;
    int fuse;
    for (i = 0; i < sizeof nets / sizeof nets[0]; i++)
        for (fuse = 0; fuse < 2; fuse++) {
            double error;
            begin();
            ae->fuse = fuse;
            nets[i].build();
            error = ae_check_grad(net, nets[i].loss, NULL);
            ok(error < nets[i].bound, "%s, %s: gradient within %g of differences (%.2g)", nets[i].name, fuse ? "fused" : "unfused", nets[i].bound, error);
            end(nets[i].name);
        }
    begin();
    build_norm();
    ae_forward(net, images());
    ae_train(net, 0);
    ok(ae_check_grad(net, conv, NULL) < BOUND, "a net with batch norm in eval mode");
    end("eval");
}

/* ---- ops of one's own: y = arg x^3, with the derivative 3 arg x^2, a wrong one, and one that forgets what was there ---- */

static const char *cube_shape(ae_call *c)
{
    memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim);
    c->out.ndim = c->in[0].ndim;
    c->saved_floats = (size_t)c->in[0].dim[0] * (size_t)c->in[0].dim[1] * (size_t)c->in[0].dim[2] * (size_t)c->in[0].dim[3];
    return c->args == 1 ? NULL : ae_say(c->ctx, "wants a factor, got %d numbers", c->args);
}
static void cube_forward(ae_call *c)
{
    size_t i;
    for (i = 0; i < c->saved_floats; i++) {
        c->saved[i] = c->in[0].data[i] * c->in[0].data[i];
        c->out.data[i] = c->arg[0] * c->saved[i] * c->in[0].data[i];
    }
}
static void cube_backward(ae_call *c)
{
    size_t i;
    for (i = 0; i < c->saved_floats; i++) c->din[0].data[i] += 3 * c->arg[0] * c->saved[i] * c->dout.data[i];
}
static void cube_wrong(ae_call *c)
{
    size_t i;
    for (i = 0; i < c->saved_floats; i++) c->din[0].data[i] += 2 * c->arg[0] * c->saved[i] * c->dout.data[i];
}
static void cube_one_wrong(ae_call *c)   /* only the last of twelve is wrong */
{
    cube_backward(c);
    c->din[0].data[c->saved_floats - 1] -= 3 * c->arg[0] * c->saved[c->saved_floats - 1] * c->dout.data[c->saved_floats - 1];
}
static void cube_overwrites(ae_call *c)
{
    size_t i;
    for (i = 0; i < c->saved_floats; i++) c->din[0].data[i] = 3 * c->arg[0] * c->saved[i] * c->dout.data[i];
}
static const ae_op cubes[] = {
    { "cube", 1, cube_shape, cube_forward, cube_backward, 0 }, { "cube_wrong", 1, cube_shape, cube_forward, cube_wrong, 0 },
    { "cube_one_wrong", 1, cube_shape, cube_forward, cube_one_wrong, 0 }, { "cube_overwrites", 1, cube_shape, cube_forward, cube_overwrites, 0 },
    { "cube_none", 1, cube_shape, cube_forward, NULL, 0 }
};

static ae_tensor apply_cube(void *user)  /* both terms give a gradient to a: the second comes to what is there */
{
    float two = 2;
    ae_tensor x = a(), first = weighted(ae_apply((const ae_op *)user, &x, &two, 1)), second = weighted(ae_square(a()));
    return ae_add(first, second);
}
static ae_tensor cube_layer(void *u) { (void)u; return weighted(ae_forward(net, rows())); }

static double own_error(const ae_op *op)
{
    double error;
    begin();
    op_net();
    error = ae_check_grad(net, apply_cube, (void *)(size_t)op);
    end("an op of one's own");
    return error;
}

static double own_layer_error(const ae_op *op)
{
    float factor = 0.5f;
    double error;
    begin();
    ae_nn_linear(net, 13, 6);
    ae_nn_op(net, op, &factor, 1);
    ae_nn_linear(net, 6, 4);
    error = ae_check_grad(net, cube_layer, NULL);
    end("a layer of one's own");
    return error;
}

/* Between two convolutions its arrays must be dense NCHW, whatever the library does inside. */
static float seen[96];
static void look_forward(ae_call *c) { memcpy(seen, c->in[0].data, sizeof seen); memcpy(c->out.data, c->in[0].data, sizeof seen); }
static const char *look_shape(ae_call *c) { memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim); c->out.ndim = c->in[0].ndim; return NULL; }
static const ae_op look = { "look", 1, look_shape, look_forward, NULL, 0 };

static void check_dense(void)
{
    ae_tensor x, y;
    begin();
    ae_nn_conv2d(net, 2, 3, 3, 2, 1);
    ae_nn_op(net, &look, NULL, 0);
    ae_nn_conv2d(net, 3, 2, 3, 1, 1);
    x = ae_randn(ae, 2, 2, 8, 8);
    ae_forward(net, x);
    y = ae_forward(ae_child(net, "0"), x);
    ok(ae_size(y, -1) == 96 && !memcmp(seen, ae_data(y), sizeof seen), "an op of one's own sees dense NCHW between two convolutions");
    end("dense");
}

static void check_own(void)
{
    double right = own_error(&cubes[0]), layer = own_layer_error(&cubes[0]);
    ok(right < BOUND, "an op of one's own with the right backward passes (%.2g)", right);
    ok(own_error(&cubes[1]) > 0.05, "one with a wrong backward is caught (%.2g)", own_error(&cubes[1]));
    ok(own_error(&cubes[2]) > 0.01, "one that is wrong in one of twelve numbers is caught (%.2g)", own_error(&cubes[2]));
    ok(own_error(&cubes[3]) > 0.05, "one that overwrites instead of adding is caught (%.2g)", own_error(&cubes[3]));
    ok(own_error(&cubes[4]) > 0.05, "one without a backward is caught (%.2g)", own_error(&cubes[4]));
    ok(layer < BOUND, "as a layer of a Sequential it passes (%.2g)", layer);
    ok(own_layer_error(&cubes[1]) > 0.05, "as a layer a wrong backward is caught (%.2g)", own_layer_error(&cubes[1]));
    check_dense();
}

/* ---- gradients of results ---- */

typedef struct grads { float h[400], y[400], x[400], w[400]; int n[4]; } grads;

static int copy(float *out, int room, ae_tensor g)      /* 0: there is none, or it is too large */
{
    int n = ae_size(g, -1);
    memset(out, 0, (size_t)room * sizeof(float));
    if (n > room || !n) return 0;
    memcpy(out, ae_data(g), (size_t)n * sizeof(float));
    return n;
}

/* A hidden result that ends in an activation; twice: it is used a second time, 1: after the decoder, 2: before it. */
static void retained(grads *g, int fuse, int twice, int keep)
{
    ae_net *e, *d;
    ae_tensor x, h, y, loss, second;
    memset(g, 0, sizeof *g);
    begin();
    ae->fuse = fuse;
    e = ae_sequential(net, "encoder");
    d = ae_sequential(net, "decoder");
    ae_nn_conv2d(e, 2, 3, 3, 2, 1);
    ae_nn_leaky_relu(e, 0.3f);           /* not relu: where that is off, so is the gradient of its square */
    ae_nn_conv_transpose2d(d, 3, 2, 3, 2, 1, 1);
    ae_nn_sigmoid(d);
    x = ae_randn(ae, 2, 2, 8, 8);
    ae_requires_grad(x, 1);
    h = ae_forward(e, x);
    if (keep) ae_requires_grad(h, 1);
    second = twice == 2 ? ae_reduce(ae_square(h), -1, AE_MEAN) : h;
    y = ae_forward(d, h);
    if (keep) ae_requires_grad(y, 1);
    loss = ae_mse_loss(y, ae_sigmoid(ae_detach(x)), AE_SUM);
    if (twice == 1) second = ae_reduce(ae_square(h), -1, AE_MEAN);
    if (twice) loss = ae_add(loss, second);
    ae_backward(loss);
    if (keep) g->n[0] = copy(g->h, 400, ae_grad(h)), g->n[1] = copy(g->y, 400, ae_grad(y));
    g->n[2] = copy(g->x, 400, ae_grad(x));
    g->n[3] = copy(g->w, 400, ae_grad(ae_param(net, "encoder.0.weight")));
    if (keep && fuse && !twice) {        /* mse: dy = 2 (y - t), checked without any of our backward passes */
        ae_tensor t = ae_sigmoid(ae_detach(x));
        double worst = 0;
        int i;
        for (i = 0; i < g->n[1]; i++) worst = fmax(worst, fabs((double)g->y[i] - 2 * ((double)ae_data(y)[i] - (double)ae_data(t)[i])));
        ok(worst < 1e-5, "the retained gradient of the output is the loss's own (%.2g)", worst);
    }
    end("retained");
}

static void check_retained(void)
{
    static const char *const how_often[] = { "once", "twice", "twice, before the decoder" };
    grads one, two;
    int twice;
    for (twice = 0; twice < 3; twice++) {
        retained(&one, 1, twice, 1);
        retained(&two, 0, twice, 1);
        ok(one.n[0] == 96 && one.n[1] == 256 && !memcmp(&one, &two, sizeof one), "retained gradients, result used %s: the same bits with and without fusion", how_often[twice]);
        retained(&two, 1, twice, 0);
        ok(two.n[3] && !memcmp(one.x, two.x, sizeof one.x) && !memcmp(one.w, two.w, sizeof one.w), "retaining changes no other gradient (used %s)", how_often[twice]);
    }
}

/* Two backward passes of two losses add up; frozen parameters get nothing. */
static void check_adding(void)
{
    static float once[12], both[12];
    size_t m;
    begin();
    op_net();
    m = ae_begin(ae);
    ae_backward(op_exp(NULL));
    copy(once, 12, ae_grad(a()));
    ae_backward(op_exp(NULL));
    copy(both, 12, ae_grad(a()));
    ok(both[5] == 2 * once[5] && both[11] == 2 * once[11] && once[5] != 0, "gradients add up until ae_zero_grad");
    ae_end(ae, m);
    ae_freeze(ae_child(net, "a"), 1);
    ae_backward(op_add(NULL));
    ok(!*ae_error(ae) && ae_data(ae_grad(b())), "a frozen parameter's neighbour still learns");
    end("adding");
}

/* A view is its tensor's numbers, and the gradient that somebody asks for is his own. */
static void check_views(void)
{
    ae_tensor x, v, kept;
    begin();
    op_net();
    x = ae_affine(a(), 2, 0);
    v = ae_view(x, 4, 3, 0, 0);
    kept = ae_view(a(), 4, 3, 0, 0);
    ok(ae_data(v) == ae_data(x), "a view of a result is the same numbers in memory");
    ok(ae_data(ae_view(image(), 120, 0, 0, 0))[7] == ae_data(image())[7] && ae_data(kept) != ae_data(a()), "a view of a parameter is a copy");
    ae_assign(a(), NULL);
    ok(ae_data(kept)[5] != 0 && ae_data(a())[5] == 0, "which stays what it was when the parameter changes");
    x = ae_affine(b(), 3, 0);
    v = ae_sigmoid(ae_view(x, 4, 3, 0, 0));
    ae_requires_grad(v, 1);
    ae_requires_grad(x, 1);
    ae_backward(ae_reduce(ae_affine(v, 2, 0), -1, AE_SUM));
    ok(ae_data(ae_grad(v))[4] == 2 && ae_data(ae_grad(v))[11] == 2, "a gradient that is asked for is not written over by the activation it goes through");
    ok(fabsf(ae_data(ae_grad(x))[4] - 2 * ae_data(v)[4] * (1 - ae_data(v)[4])) < 1e-6f, "and goes on");
    end("views");
}

int main(void)
{
    check_views();
    check_ops();
    check_nets();
    check_own();
    check_retained();
    check_adding();
    return tap_end();
}
