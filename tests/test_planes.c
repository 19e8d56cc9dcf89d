/* test_planes.c: images joined with planes of one number each, as lesson 07 tells its encoder the label.  A convolution without a border
   takes the two parts as they are; here it must give what it gives for the joined images, and whoever looks at the joined images must
   find them.  Outputs and gradients within 1e-5 of the largest value; the same bits for any number of threads. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"
#include "drawn.h"

enum { ROUNDS = 150, MOST = 1 << 16 };
typedef struct shape { int n, c, planes, h, w, out, k, s, p; } shape;
typedef struct answer { float y[MOST], dw[MOST], db[64]; int ny, nw, split; } answer;
static float image[MOST], label[MOST], joined[MOST], weight[MOST], bias[64], want[MOST];
static answer parts, whole, again;

static void fill(float *p, int n) { int i; for (i = 0; i < n; i++) p[i] = number(); }

/* Numbers for all arrays; joined is put together here, by hand. */
static void numbers(shape g)
{
    int pixels = g.h * g.w, n, c, i;
    fill(image, g.n * g.c * pixels), fill(label, g.n * g.planes), fill(weight, g.out * (g.c + g.planes) * g.k * g.k), fill(bias, g.out), fill(want, MOST);
    for (n = 0; n < g.n; n++) for (c = 0; c < g.c + g.planes; c++) for (i = 0; i < pixels; i++)
        joined[(n * (g.c + g.planes) + c) * pixels + i] = c < g.c ? image[(n * g.c + c) * pixels + i] : label[n * g.planes + c - g.c];
}

static ae_ctx *context(int threads)
{
    ae_config config;
    memset(&config, 0, sizeof config);
    config.threads = threads;
    return ae_new(&config);
}

static ae_net *convolution(ae_ctx *ae, shape g)
{
    ae_net *net = ae_net_new(ae);
    ae_nn_conv2d(net, g.c + g.planes, g.out, g.k, g.s, g.p);
    ae_assign(ae_param(net, "0.weight"), weight);
    ae_assign(ae_param(net, "0.bias"), bias);
    return net;
}

static ae_tensor planes_of(ae_ctx *ae, shape g)
{
    return ae_expand(ae_view(ae_from(ae, label, g.n, g.planes, 0, 0), g.n, g.planes, 1, 1), g.n, g.planes, g.h, g.w);
}
static ae_tensor join(ae_ctx *ae, shape g) { return ae_cat(ae_from(ae, image, g.n, g.c, g.h, g.w), planes_of(ae, g), 1); }

/* Whether the newest convolution took the parts. */
static int split(const ae_ctx *ae)
{
    int r;
    for (r = ae->n_records - 1; r >= 0; r--) if (!strcmp(ae->records[r].op->name, "conv2d")) return ae->records[r].op == &ae__op_planes;
    return -1;
}

static void learn(ae_net *net, ae_tensor x, answer *a)
{
    ae_tensor y = ae_leaky_relu(ae_forward(net, x), 0.1f), w = ae_param(net, "0.weight"), b = ae_param(net, "0.bias");
    a->split = split(x.ctx);
    a->ny = ae_size(y, -1), a->nw = ae_size(w, -1);
    memcpy(a->y, ae_data(y), (size_t)a->ny * sizeof(float));
    ae_backward(ae_mse_loss(y, ae_from(x.ctx, want, ae_size(y, 0), ae_size(y, 1), ae_size(y, 2), ae_size(y, 3)), AE_SUM));
    memcpy(a->dw, ae_data(ae_grad(w)), (size_t)a->nw * sizeof(float));
    memcpy(a->db, ae_data(ae_grad(b)), (size_t)ae_size(b, -1) * sizeof(float));
}

static double far(const float *a, const float *b, int n)
{
    double worst = 0, most = 1e-3;
    int i;
    for (i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        most = fmax(most, fabs((double)b[i]));
        if (!(d <= worst)) worst = d;
    }
    return worst / most;
}
static double apart(const answer *a, const answer *b, int out)
{
    return fmax(far(a->y, b->y, b->ny), fmax(far(a->dw, b->dw, b->nw), far(a->db, b->db, out)));
}

/* ---- many shapes ---- */

static shape draw_shape(void)
{
    shape g;
    g.n = draw(0, 3) ? draw(1, 3) : draw(15, 35);
    g.c = draw(0, 3) ? draw(1, 3) : 17;
    g.planes = draw(0, 3) ? draw(1, 11) : 1;
    g.out = draw(0, 2) ? draw(1, 5) : draw(15, 34);
    g.k = draw(1, 4);
    g.s = draw(1, 3);
    g.p = 0;
    g.h = draw(g.k, 8);
    g.w = draw(g.k + (g.h == g.k), 8);
    return g;
}

static void with(int threads, shape g, int by_hand, answer *a)
{
    ae_ctx *ae = context(threads);
    ae_net *net = convolution(ae, g);
    learn(net, by_hand ? ae_from(ae, joined, g.n, g.c + g.planes, g.h, g.w) : join(ae, g), a);
    ae_free(ae);
}

static void many_shapes(void)
{
    int round, taken = 0, same = 0, threads;
    double worst = 0, d;
    for (round = 0; round < ROUNDS; round++) {
        shape g = draw_shape();
        numbers(g);
        with(1, g, 1, &whole), with(1, g, 0, &parts);
        d = apart(&parts, &whole, g.out);
        if (!(d <= worst)) worst = d;
        taken += parts.split == 1 && whole.split == 0;
        for (threads = 2; threads <= 3; threads++) {
            memset(&again, 0, sizeof again);
            with(threads, g, 0, &again);
            same += !memcmp(again.y, parts.y, (size_t)parts.ny * sizeof(float)) && !memcmp(again.dw, parts.dw, (size_t)parts.nw * sizeof(float)) && !memcmp(again.db, parts.db, (size_t)g.out * sizeof(float));
        }
    }
    ok(worst <= 1e-5, "%d shapes as if the planes had been there (%.2g)", ROUNDS, worst);
    ok(taken == ROUNDS, "in all of them the convolution took the parts (%d)", taken);
    ok(same == 2 * ROUNDS, "the same bits with two and with three threads (%d of %d)", same, 2 * ROUNDS);
}

/* ---- where the parts will not do: the joined images are made, and all is as ever ---- */

static const shape usual = { 4, 2, 3, 7, 6, 5, 3, 2, 0 };

static void made(const char *what, shape g, ae_tensor (*make)(ae_ctx *ae, shape g), int anomaly)
{
    ae_ctx *ae;
    numbers(g);
    with(1, g, 1, &whole);
    ae = context(1);
    ae_detect_anomaly(ae, anomaly);
    learn(convolution(ae, g), make(ae, g), &parts);
    ok(parts.split == 0 && apart(&parts, &whole, g.out) <= 1e-5, "%s: joined images (%.2g)", what, apart(&parts, &whole, g.out));
    ae_free(ae);
}

static ae_tensor kept_images(ae_ctx *ae, shape g) { return ae_cat(ae_keep(ae_from(ae, image, g.n, g.c, g.h, g.w)), planes_of(ae, g), 1); }
static ae_tensor kept_planes(ae_ctx *ae, shape g) { return ae_cat(ae_from(ae, image, g.n, g.c, g.h, g.w), ae_keep(planes_of(ae, g)), 1); }
static ae_tensor kept_label(ae_ctx *ae, shape g)
{
    ae_tensor y = ae_keep(ae_view(ae_from(ae, label, g.n, g.planes, 0, 0), g.n, g.planes, 1, 1));
    return ae_cat(ae_from(ae, image, g.n, g.c, g.h, g.w), ae_expand(y, g.n, g.planes, g.h, g.w), 1);
}
static ae_tensor full_planes(ae_ctx *ae, shape g)
{
    float *p = (float *)malloc((size_t)(g.n * g.planes * g.h * g.w) * sizeof(float));
    ae_tensor t;
    int i;
    for (i = 0; i < g.n * g.planes * g.h * g.w; i++) p[i] = label[i / (g.h * g.w)];
    t = ae_from(ae, p, g.n, g.planes, g.h, g.w);
    free(p);
    return ae_cat(ae_from(ae, image, g.n, g.c, g.h, g.w), t, 1);
}
/* Planes are joined twice: what the convolution gets ends in something that was joined, not repeated. */
static ae_tensor joined_twice(ae_ctx *ae, shape g)
{
    ae_tensor planes = planes_of(ae, g), front = ae_from(ae, image, g.n, g.c, g.h, g.w);
    return ae_cat(ae_slice(front, 1, 0, 1), ae_cat(ae_slice(front, 1, 1, g.c), planes, 1), 1);
}

/* One label for all images, one number for all planes, rows of numbers: each is repeated, but none is a plane of one number for an image. */
static void repeated(const char *what, shape g, int n, int planes, int h, int w)
{
    ae_ctx *ae = context(1);
    ae_net *net;
    ae_tensor x;
    numbers(g);
    net = convolution(ae, g);
    x = ae_cat(ae_from(ae, image, g.n, g.c, g.h, g.w), ae_expand(ae_from(ae, label, n, planes, h, w), g.n, g.planes, g.h, g.w), 1);
    memcpy(joined, ae_data(x), (size_t)ae_size(x, -1) * sizeof(float));
    learn(net, x, &whole);
    ae_zero_grad(ae_sgd(net, 0));
    x = ae_cat(ae_from(ae, image, g.n, g.c, g.h, g.w), ae_expand(ae_from(ae, label, n, planes, h, w), g.n, g.planes, g.h, g.w), 1);
    learn(net, x, &parts);
    ok(parts.split == 0 && apart(&parts, &whole, g.out) == 0 && joined[g.c * g.h * g.w] == label[0], "%s", what);
    ae_free(ae);
}

/* Planes behind planes, as more images. */
static void more_images(void)
{
    shape g = usual;
    ae_ctx *ae = context(1);
    ae_net *net;
    ae_tensor y;
    g.c = 0;
    numbers(g);
    net = convolution(ae, g);
    y = ae_forward(net, ae_cat(planes_of(ae, g), planes_of(ae, g), 0));
    ok(split(ae) == 0 && ae_size(y, 0) == 2 * g.n && !memcmp(ae_data(ae_slice(y, 0, 0, g.n)), ae_data(ae_slice(y, 0, g.n, 2 * g.n)), (size_t)(ae_size(y, -1) / 2) * sizeof(float)), "joined as more images");
    ae_free(ae);
}

/* Planes and nothing else. */
static void alone(void)
{
    ae_ctx *ae = context(1);
    shape g = usual;
    int n, i, far_off = 0;
    ae_tensor y, z;
    ae_net *net;
    g.c = 0;
    numbers(g);
    net = convolution(ae, g);
    y = ae_forward(net, ae_expand(ae_from(ae, label, g.n, g.planes, 1, 1), g.n, g.planes, g.h, g.w));
    n = split(ae);
    z = ae_forward(net, ae_from(ae, joined, g.n, g.planes, g.h, g.w));
    for (i = 0; i < ae_size(y, -1); i++) far_off += ae_data(y)[i] != ae_data(z)[i];
    ok(n == 0 && far_off == 0, "planes alone: images like any others");
    ae_free(ae);
}

static void otherwise(void)
{
    const shape border = { 4, 2, 3, 7, 6, 5, 3, 2, 1 }, covered = { 4, 2, 3, 4, 4, 5, 4, 1, 0 };
    made("a border", border, join, 0);
    made("a kernel as large as the image", covered, join, 0);
    made("images that may be assigned to", usual, kept_images, 0);
    made("planes that may be assigned to", usual, kept_planes, 0);
    made("a label that may be assigned to", usual, kept_label, 0);
    made("planes that are full images", usual, full_planes, 0);
    made("joined twice", usual, joined_twice, 0);
    made("looking for NaN", usual, join, 1);
}

/* An image, and a label, whose gradient is asked for. */
static void gradients(void)
{
    ae_ctx *ae = context(1);
    ae_net *net = convolution(ae, usual);
    ae_tensor x, y, z;
    int i, which, n = usual.n * usual.c * usual.h * usual.w;
    double sum[2] = { 0, 0 };
    for (which = 0; which < 2; which++) {
        size_t mark = ae_begin(ae);
        x = ae_from(ae, image, usual.n, usual.c, usual.h, usual.w), y = ae_from(ae, label, usual.n, usual.planes, 1, 1);
        ae_requires_grad(which ? y : x, 1);
        z = ae_forward(net, ae_cat(x, ae_expand(y, usual.n, usual.planes, usual.h, usual.w), 1));
        ok(split(ae) == 0, "%s that asks for its gradient is joined", which ? "a label" : "an image");
        ae_backward(ae_reduce(z, -1, AE_SUM));
        for (i = 0; i < (which ? usual.n * usual.planes : n); i++) sum[which] += fabs((double)ae_data(ae_grad(which ? y : x))[i]);
        ok(sum[which] > 0, "and gets it (%.3g)", sum[which]);
        ae_end(ae, mark);
    }
    ae_free(ae);
}

/* Joined while gradients were off, or before the gradient was asked for: the two parts get none. */
static void parts_with_gradients(void)
{
    const shape g = usual;
    ae_ctx *ae = context(1);
    ae_net *net = convolution(ae, g);
    ae_tensor x, y, z;
    int which, before;
    for (which = 0; which < 4; which++) {
        size_t mark = ae_begin(ae);
        x = ae_from(ae, image, g.n, g.c, g.h, g.w), y = ae_from(ae, label, g.n, g.planes, 1, 1);
        if (which < 2) ae_requires_grad(which ? y : x, 1);
        before = ae_grad_enabled(ae, 0);
        z = ae_cat(x, ae_expand(y, g.n, g.planes, g.h, g.w), 1);
        ae_grad_enabled(ae, before);
        if (which >= 2) ae_requires_grad(which == 3 ? y : x, 1);
        ae_backward(ae_reduce(ae_forward(net, z), -1, AE_SUM));
        ok(split(ae) == 0 && !ae__slot(x)->has_grad && !ae__slot(y)->has_grad, "%s asks for its gradient %s: there is none", which % 2 ? "a label" : "an image", which < 2 ? "while gradients are off" : "when it is joined already");
        ae_end(ae, mark);
    }
    ae_free(ae);
}

/* A bias' gradient is a sum over all pixels, in float only over some of them. */
static void large(void)
{
    enum { SIDE = 300 };
    const int n = SIDE * SIDE;
    float *p = (float *)malloc((size_t)n * sizeof(float)), number = 0.5f;
    ae_ctx *ae = context(1);
    ae_net *net = ae_net_new(ae);
    ae_tensor y;
    double db, dw;
    int i;
    for (i = 0; i < n; i++) p[i] = (float)(i % 7);
    ae_nn_conv2d(net, 2, 1, 1, 1, 0);
    y = ae_forward(net, ae_cat(ae_from(ae, p, 1, 1, SIDE, SIDE), ae_expand(ae_from(ae, &number, 1, 1, 1, 1), 1, 1, SIDE, SIDE), 1));
    ae_backward(ae_reduce(ae_affine(y, 0.1f, 0), -1, AE_SUM));
    db = (double)ae_item(ae_grad(ae_param(net, "0.bias"))) / (0.1 * n) - 1, dw = (double)ae_data(ae_grad(ae_param(net, "0.weight")))[1] / (0.05 * n) - 1;
    ok(split(ae) == 1 && fabs(db) < 5e-6 && fabs(dw) < 5e-6, "90,000 pixels: the sums are exact to 5e-6 (%.2g, %.2g)", db, dw);
    ae_free(ae);
    free(p);
}

/* ---- whoever looks finds the joined images ---- */

static int same(ae_tensor x, const float *from, int n) { const float *data = ae_data(x); return data && ae_size(x, -1) == n && !memcmp(data, from, (size_t)n * sizeof(float)); }

static void looking(void)
{
    const shape g = usual;
    const int channels = g.c + g.planes, n = g.n * channels * g.h * g.w, each = channels * g.h * g.w;
    ae_ctx *ae = context(2);
    ae_net *net;
    ae_tensor x, planes;
    float first[MOST];
    int i;
    numbers(g);
    net = convolution(ae, g);
    x = join(ae, g);
    ok(ae__slot(x)->late, "nobody has looked, and nothing is made");
    learn(net, x, &parts);
    ok(parts.split == 1 && ae__slot(x)->late, "a convolution does not look");
    ok(same(x, joined, n) && !ae__slot(x)->late, "ae_data does, after it");
    learn(net, x, &whole);
    for (i = 0; i < whole.nw; i++) whole.dw[i] -= parts.dw[i];
    for (i = 0; i < g.out; i++) whole.db[i] -= parts.db[i];
    ok(whole.split == 0 && apart(&whole, &parts, g.out) <= 1e-5, "what has been looked at is convolved as it is, its gradients added to the first (%.2g)", apart(&whole, &parts, g.out));
    ok(same(ae_view(join(ae, g), -1, n, 0, 0), joined, n), "a view");
    ok(same(ae_detach(join(ae, g)), joined, n), "detached");
    ok(same(ae_keep(join(ae, g)), joined, n), "kept");
    ok(same(ae_affine(join(ae, g), 1, 0), joined, n), "an op of elements");
    ok(same(ae_slice(join(ae, g), 0, 1, 2), joined + each, each), "a slice");
    ok(same(ae_cat(join(ae, g), ae_from(ae, joined, g.n, channels, g.h, g.w), 0), joined, n) == 0, "what is joined again is another thing");
    x = ae_cat(join(ae, g), planes_of(ae, g), 1), planes = planes_of(ae, g);
    for (i = 0; i < g.n; i++) memcpy(first + i * each, ae_data(x) + i * (each + g.planes * g.h * g.w), (size_t)each * sizeof(float));
    ok(!memcmp(first, joined, (size_t)n * sizeof(float)), "planes behind planes");
    for (i = 0; i < g.n * g.planes * g.h * g.w && ae_data(planes)[i] == label[i / (g.h * g.w)]; i++) ;
    ok(i == g.n * g.planes * g.h * g.w, "the planes themselves");
    ok(ae_item(ae_mse_loss(join(ae, g), ae_from(ae, joined, g.n, channels, g.h, g.w), AE_SUM)) == 0, "a loss");
    ae_free(ae);
}

/* ---- the rest ---- */

static void frozen(void)
{
    ae_ctx *ae = context(1);
    ae_net *net;
    int i;
    numbers(usual);
    with(1, usual, 1, &whole);
    for (i = 0; i < 2; i++) {
        ae_tensor still, moved, y;
        net = convolution(ae, usual);
        still = ae_param(net, i ? "0.bias" : "0.weight"), moved = ae_param(net, i ? "0.weight" : "0.bias");
        ae_requires_grad(still, 0);
        y = ae_leaky_relu(ae_forward(net, join(ae, usual)), 0.1f);
        ae_backward(ae_mse_loss(y, ae_from(ae, want, ae_size(y, 0), ae_size(y, 1), ae_size(y, 2), ae_size(y, 3)), AE_SUM));
        ok(split(ae) == 1 && far(ae_data(ae_grad(moved)), i ? whole.dw : whole.db, ae_size(moved, -1)) <= 1e-5, "%s frozen, the other gets its gradient", i ? "the bias" : "the weight");
    }
    ae_free(ae);
}

/* The same layer twice in a step: its gradients add up. */
static void twice(void)
{
    ae_ctx *ae = context(1);
    ae_net *net;
    int i;
    numbers(usual);
    net = convolution(ae, usual);
    learn(net, join(ae, usual), &whole), learn(net, join(ae, usual), &parts);
    for (i = 0; i < whole.nw; i++) whole.dw[i] *= 2;
    for (i = 0; i < usual.out; i++) whole.db[i] *= 2;
    ok(parts.split == 1 && apart(&parts, &whole, usual.out) <= 1e-5, "gradients add up (%.2g)", apart(&parts, &whole, usual.out));
    ae_free(ae);
}

/* Wrong shapes and handles are told as they were before there were parts. */
static void mistakes(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_net *net;
    ae_tensor x, none;
    const shape g = usual;
    shape fewer = usual;
    memset(&none, 0, sizeof none);
    fewer.planes--;
    numbers(g);
    net = convolution(ae, g);
    ae_forward(net, join(ae, fewer));
    ok(w.fails == 1 && strstr(w.text, "conv2d: wants [B, 5, H, W], got [4, 4, 7, 6]") != NULL, "too few planes: %s", w.text);
    ae_clear(ae), w.fails = 0;
    ae_forward(net, none);
    ok(w.fails == 1 && strstr(w.text, "never made") != NULL, "no tensor: %s", w.text);
    ae_clear(ae), w.fails = 0;
    x = ae_from(ae, label, g.n, g.planes, 1, 1), ae_view(x, 7, 0, 0, 0);
    ok(w.fails == 1 && !ae_expand(x, g.n, g.planes, g.h, g.w).gen, "after a mistake there are no planes");
    ae_clear(ae), w.fails = 0;
    x = join(ae, g);
    ae_clear(ae);
    ae_forward(net, x);
    ok(w.fails == 1 && strstr(w.text, "stale") != NULL, "one of a step that is over: %s", w.text);
    ae_free(ae);
    ok(w.blocks == 0, "nothing is left behind");
}

int main(void)
{
    const shape matrix = { 4, 2, 3, 4, 3, 5, 3, 1, 0 };         /* 4 images, 3 planes of 4 by 3 */
    many_shapes();
    otherwise();
    repeated("one label for all images", usual, 1, usual.planes, 1, 1);
    repeated("one number for all planes of an image", usual, usual.n, 1, 1, 1);
    repeated("a row of numbers", usual, usual.n, usual.planes, 1, usual.w);
    repeated("a matrix for all images and planes", matrix, matrix.n, matrix.planes, 0, 0);
    more_images();
    alone();
    gradients();
    parts_with_gradients();
    large();
    looking();
    frozen();
    twice();
    mistakes();
    return tap_end();
}
