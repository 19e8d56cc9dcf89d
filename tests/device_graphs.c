/* device_graphs.c: random graphs on a device against the processor.  A graph is made of pieces that take one or two [B,24] tensors and
   give one; what it is made of, which results feed several pieces, which gradients are kept, what is added up and read and when, is
   drawn.  Each graph is built several times, so that a device records and replays it, with others in turn.  Every number that is read
   must agree with the processor's.  The hash of a line is of the device's bits: test_cuda.sh compares it over orders of streams and
   threads.  Prints TAP.
   Usage: device_graphs [DEVICE [FIRST COUNT]] */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "drawn.h"
#include "hash.h"
#include "tap.h"

enum { WIDTH = 24, DENSE = 6, POOL = 40, KEPT = 8, ROOM = 200000, ARRAYS = 2000 };

/* What one side computed, array by array. */
typedef struct notes { float v[ROOM]; int n, start[ARRAYS + 1], arrays; } notes;
static notes here, there;

static void note(notes *o, ae_tensor x)
{
    const float *p = ae_data(x);
    int n = ae_size(x, -1);
    if (!p || o->n + n > ROOM || o->arrays == ARRAYS) return;
    memcpy(o->v + o->n, p, (size_t)n * sizeof *p);
    o->n += n;
    o->start[++o->arrays] = o->n;
}

/* ---- one side: a network whose layers the pieces use, and what a graph has made so far ---- */

typedef struct world {
    ae_ctx *ae;
    ae_net *net, *dense[DENSE], *wide, *planes, *norm, *recurrent;
    ae_opt *opt;
    ae_tensor x, target, sum, own;       /* own: a parameter [24] */
    ae_tensor pool[POOL], kept[KEPT];    /* results of this graph; those whose gradients are retained */
    int rows, made, keeps, trains;          /* trains: gradients are wanted */
    notes *o;
} world;

static ae_tensor drawn_rows(ae_ctx *ae, int rows)
{
    float v[16 * WIDTH];
    int i;
    for (i = 0; i < rows * WIDTH; i++) v[i] = number();
    return ae_keep(ae_from(ae, v, rows, WIDTH, 0, 0));
}
static void build(world *w)
{
    int i;
    char name[16];
    w->rows = draw(2, 11);
    w->net = ae_net_new(w->ae);
    for (i = 0; i < DENSE; i++) {
        snprintf(name, sizeof name, "dense%d", i);
        w->dense[i] = ae_sequential(w->net, name);
        ae_nn_linear(w->dense[i], WIDTH, WIDTH);
        if (i == 1) ae_nn_relu(w->dense[i]);
        if (i == 2) ae_nn_tanh(w->dense[i]);
        if (i == 3) ae_nn_leaky_relu(w->dense[i], 0.2f);
        if (i == 4) ae_nn_leaky_relu(w->dense[i], -0.3f);
        if (i == 5) ae_nn_sigmoid(w->dense[i]);
    }
    w->wide = ae_sequential(w->net, "wide");              /* wider than a short sum, so its products are cuBLAS's */
    ae_nn_linear(w->wide, WIDTH, 70);
    ae_nn_tanh(w->wide);
    ae_nn_linear(w->wide, 70, WIDTH);
    w->planes = ae_sequential(w->net, "planes");
    ae_nn_unflatten(w->planes, 2, 4, 3);
    ae_nn_conv2d(w->planes, 2, 6, 3, 1, 1);
    ae_nn_relu(w->planes);
    ae_nn_batch_norm2d(w->planes, 6);
    ae_nn_conv_transpose2d(w->planes, 6, 2, 3, 1, 1, 0);
    ae_nn_flatten(w->planes);
    w->norm = ae_sequential(w->net, "norm");
    ae_nn_batch_norm1d(w->norm, WIDTH);
    w->recurrent = ae_sequential(w->net, "recurrent");
    ae_nn_lstm(w->recurrent, 6, 6, 1);
    w->own = ae_param(ae_nn_parameter(w->net, "own", 0.5f, WIDTH, 0, 0, 0), "");
    w->x = drawn_rows(w->ae, w->rows);
    w->target = ae_keep(ae_sigmoid(drawn_rows(w->ae, w->rows)));
    w->sum = ae_keep(ae_scalar(w->ae, 0));
    if (draw(0, 1)) ae_requires_grad(w->x, 1);
    if (draw(0, 2) == 0) ae_freeze(w->dense[draw(1, DENSE - 1)], 1);
    w->opt = draw(0, 1) ? ae_adam(w->net, 0.003f) : ae_sgd(w->net, 0.003f);
    ae_set(w->opt, AE_EPS, 0.01f);           /* a bias in front of a batch norm has a gradient of rounding alone, which Adam would make large */
    if (draw(0, 3) == 0) ae_set(w->opt, AE_CLIP_NORM, 1.0f);
}

/* ---- the pieces ---- */

static const char *half_shape(ae_call *c) { memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim); c->out.ndim = c->in[0].ndim; return NULL; }
static void half_forward(ae_call *c) { int i, n = c->out.dim[0] * c->out.dim[1]; for (i = 0; i < n; i++) c->out.data[i] = c->in[0].data[i] * c->in[0].data[i] * 0.5f; }
static void half_backward(ae_call *c) { int i, n = c->din[0].data ? c->out.dim[0] * c->out.dim[1] : 0; for (i = 0; i < n; i++) c->din[0].data[i] += c->in[0].data[i] * c->dout.data[i]; }
static const ae_op half_square = { "half_square", 1, half_shape, half_forward, half_backward, 0 };       /* nobody's device knows it */

#define PIECE(name, result) static ae_tensor name(world *w, ae_tensor a, ae_tensor b) { (void)w; (void)b; return result; }
PIECE(dense, ae_forward(w->dense[draw(0, DENSE - 1)], a))
PIECE(wide, ae_forward(w->wide, a))
PIECE(planes, ae_forward(w->planes, ae_add(ae_tanh(a), w->x)))          /* x, for batch norms of what hardly varies make rounding large */
PIECE(normed, ae_forward(w->norm, ae_add(ae_tanh(a), w->x)))
PIECE(recurrent, ae_view(ae_forward(w->recurrent, ae_view(a, w->rows, WIDTH / 6, 6, 0)), w->rows, WIDTH, 0, 0))
PIECE(rectified, draw(0, 1) ? ae_relu(a) : ae_leaky_relu(a, -0.3f))
PIECE(squeezed, draw(0, 1) ? ae_tanh(a) : ae_sigmoid(a))
PIECE(added, ae_add(a, b))
PIECE(subtracted, ae_sub(a, ae_affine(b, 0.5f, 0.1f)))
PIECE(multiplied, ae_mul(ae_tanh(a), b))
PIECE(divided, ae_div(a, ae_affine(ae_sigmoid(b), 1, 1)))
PIECE(with_parameter, draw(0, 1) ? ae_mul(a, w->own) : ae_add(a, w->own))
PIECE(scaled, ae_affine(a, 0.7f, -0.2f))
PIECE(raised, draw(0, 1) ? ae_exp(ae_tanh(a)) : ae_log(ae_affine(ae_sigmoid(a), 1, 0.1f)))
PIECE(squared, ae_square(ae_tanh(a)))
PIECE(viewed, ae_view(ae_affine(ae_view(a, -1, 3, 0, 0), 1, 0.1f), w->rows, WIDTH, 0, 0))
PIECE(halves_swapped, ae_cat(ae_slice(a, 1, WIDTH / 2, WIDTH), ae_slice(b, 1, 0, WIDTH / 2), 1))
PIECE(likeness, ae_affine(ae_matmul(ae_tanh(ae_matmul(a, ae_transpose(b))), b), 0.3f, 0))
PIECE(softmax, ae_log_softmax(a))
PIECE(detached, ae_detach(a))
PIECE(noisy, ae_add(a, ae_randn_like(a)))
PIECE(by_mean, ae_mul(a, ae_expand(ae_view(ae_reduce(ae_tanh(a), 1, AE_MEAN), w->rows, 1, 0, 0), w->rows, WIDTH, 0, 0)))
PIECE(at_home, ae_apply(&half_square, (a = ae_tanh(a), &a), NULL, 0))
static ae_tensor times_itself(world *w, ae_tensor a, ae_tensor b)
{
    ae_tensor q = ae_tanh(ae_matmul(a, ae_transpose(a)));
    (void)w;
    return ae_matmul(ae_matmul(q, q), b);
}
static ae_tensor (*const pieces[])(world *w, ae_tensor a, ae_tensor b) = { dense, dense, dense, wide, planes, normed, recurrent, rectified, rectified, squeezed, squeezed, added, added,
    subtracted, multiplied, divided, with_parameter, scaled, scaled, raised, squared, viewed, halves_swapped, likeness, times_itself, softmax, detached, noisy, by_mean, at_home };

/* ---- a graph, its loss, its steps ---- */

static ae_tensor chosen(const world *w) { return w->pool[draw(0, 1) ? draw(0, w->made - 1) : w->made - 1]; }
static ae_tensor loss_of(world *w, ae_tensor a)
{
    ae_reduction how = draw(0, 2) ? AE_MEAN : AE_SUM;
    switch (draw(0, 6)) {
    case 0:  return ae_l1_loss(a, w->target, how);
    case 1:  return ae_bce_loss(ae_sigmoid(a), w->target, how);
    case 2:  return ae_bce_logits_loss(a, w->target, how);
    case 3:  return ae_kl_loss(ae_tanh(a), ae_tanh(chosen(w)), how);
    case 4:  return ae_reduce(ae_mul(a, chosen(w)), -1, how);
    default: return ae_mse_loss(a, draw(0, 1) ? w->target : chosen(w), how);
    }
}
/* What a loss is made into before it is added to the others. */
static ae_tensor shaped(world *w, ae_tensor loss)
{
    switch (draw(0, 5)) {
    case 0:  return ae_tanh(ae_affine(loss, 0.1f, 0));
    case 1:  return ae_relu(loss);
    case 2:  return ae_sigmoid(loss);
    case 3:  return ae_mul(ae_tanh(loss), ae_reduce(w->own, -1, AE_MEAN));
    default: return ae_affine(loss, 0.3f, 1);
    }
}
static ae_tensor graph(world *w, int count)
{
    ae_tensor loss;
    int k;
    w->pool[0] = w->x;
    w->made = 1;
    w->keeps = 0;
    while (w->made <= count) {
        ae_tensor a = chosen(w), b = chosen(w), r;
        r = pieces[draw(0, (int)(sizeof pieces / sizeof *pieces) - 1)](w, a, b);
        w->pool[w->made++] = r;
        if (w->keeps < KEPT && w->trains && draw(0, 6) == 0) { ae_requires_grad(r, 1); w->kept[w->keeps++] = r; }
    }
    loss = ae_affine(ae_mse_loss(ae_forward(w->dense[0], w->x), w->target, AE_MEAN), 0.01f, 0);          /* so that there always is a gradient */
    for (k = draw(1, 4); k > 0; k--) {
        loss = ae_add(loss, shaped(w, loss_of(w, chosen(w))));
        if (draw(0, 4) == 0) ae_accumulate(w->sum, ae_tanh(loss));
    }
    return loss;
}
/* One graph and its gradients, or only its loss; what is read of it is read here. */
static void pass(world *w, int count)
{
    size_t mark = ae_begin(w->ae);
    w->trains = draw(0, 3) != 0;
    if (!w->trains) {
        int old = ae_grad_enabled(w->ae, 0);
        ae_train(w->net, 0);
        ae_accumulate(w->sum, ae_tanh(graph(w, count)));
        ae_train(w->net, 1);
        ae_grad_enabled(w->ae, old);
    } else {
        ae_tensor loss = graph(w, count);
        int k;
        ae_accumulate(w->sum, ae_tanh(loss));
        ae_backward(loss);
        if (draw(0, 2) == 0) {
            note(w->o, loss);
            for (k = 0; k < w->keeps; k++) if (ae__slot(w->kept[k])->needs_grad && ae__slot(w->kept[k])->has_grad) note(w->o, ae_grad(w->kept[k]));
        }
    }
    ae_end(w->ae, mark);
}
static void run(const char *device, unsigned seed, notes *o)
{
    ae_config config;
    world w;
    uint32_t kind[3];
    int step, i, kinds, count, zero, wait;
    memset(&config, 0, sizeof config);
    config.device = device;
    config.seed = 3;
    memset(&w, 0, sizeof w);
    w.ae = ae_new(&config);
    w.o = o;
    o->n = o->arrays = 0;
    state = seed;
    build(&w);
    kinds = draw(1, 3), count = draw(3, POOL / 2), zero = draw(0, 1), wait = draw(1, 3);
    for (i = 0; i < kinds; i++) kind[i] = state + (uint32_t)draw(1, 1000000);
    for (step = 0; step < 4 * kinds; step++) {
        state = kind[step % kinds];                       /* the same graph as kinds steps ago */
        if (zero) ae_zero_grad(w.opt);
        for (i = draw(1, 3); i > 0; i--) pass(&w, count);
        if (step % wait == wait - 1) ae_step(w.opt);
    }
    note(o, w.sum);
    for (i = 0; i < ae_params(w.net); i++) note(o, ae_param_at(w.net, i, NULL));
    if (*ae_error(w.ae)) { fprintf(stderr, "graph %u on %s: %s\n", seed, device, ae_error(w.ae)); o->n = 0; }
    ae_free(w.ae);
}

/* The worst difference as a part of the largest number of its array. */
static double difference(const notes *a, const notes *b)
{
    double worst = 0;
    int k, i;
    if (a->n == 0 || a->n != b->n || a->arrays != b->arrays) return INFINITY;
    for (k = 0; k < a->arrays; k++) {
        double most = 0.01, d = 0;
        for (i = a->start[k]; i < a->start[k + 1]; i++) {
            double x = (double)a->v[i], y = (double)b->v[i];
            most = fmax(most, fabs(x));
            if (!(fabs(x - y) <= d)) d = fabs(x - y);
        }
        if (!(d / most <= worst)) worst = d / most;
    }
    return worst;
}
int main(int argc, char **argv)
{
    unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : 1, end = seed + (argc > 3 ? (unsigned)atoi(argv[3]) : 40);
    for (; seed < end; seed++) {
        double d;
        run("cpu", seed, &here);
        run(argc > 1 ? argv[1] : "cuda", seed, &there);
        d = difference(&here, &there);
        ok(d <= 1e-3, "graph %u: %d numbers within 1e-3 (%.0e); %016llx", seed, there.n, d, (unsigned long long)hash_floats(HASH_START, there.v, there.n));
    }
    return tap_end();
}
