#include "expect.h"
static int length(const Task *t, int axis) { return (t->n[axis] + 2 * t->n[6] - t->n[4]) / t->n[5] + 1; }
static int results(const Task *t) { return t->n[3] * length(t, 1) * length(t, 2); }
static void draw(Task *t, int s, int p)
{
    size(t, 0, 2, 3), size(t, 3, 2, 4), t->n[4] = t->hidden ? 4 : 3, t->n[5] = s, t->n[6] = p;
    size(t, 1, 6, t->hidden ? 9 : 7), size(t, 2, 8, t->hidden ? 12 : 9);
    if (t->n[0] == t->n[3]) t->n[3]++;
    add_array(t, "x", t->n[0] * t->n[1] * t->n[2], IN, -1, 1), add_array(t, "w", t->n[3] * t->n[0] * t->n[4] * t->n[4], IN, -1, 1);
}
static void draw_plain(Task *t) { draw(t, 1, 0), add_array(t, "b", t->n[3], IN, -1, 1), add_array(t, "y", results(t), OUT, 0, 0); }
static void draw_strided(Task *t) { draw(t, 2, 1), add_array(t, "b", t->n[3], IN, -1, 1), add_array(t, "y", results(t), OUT, 0, 0); }
static void draw_dx(Task *t) { draw(t, 2, 1), add_array(t, "dy", results(t), IN, -1, 1), add_array(t, "dx", t->a[0].count, OUT, 0, 0); }
static void draw_dw(Task *t) { draw(t, 2, 1), add_array(t, "dy", results(t), IN, -1, 1), add_array(t, "dw", t->a[1].count, OUT, 0, 0); }
/* Index of a weight, turned or with its channels exchanged where that is the mistake. */
static int weight(const Task *t, int o, int c, int a, int b, int flipped, int exchanged)
{
    int K = t->n[4];
    if (flipped) a = K - 1 - a, b = K - 1 - b;
    return ((exchanged ? c * t->n[3] + o : o * t->n[0] + c) * K + a) * K + b;
}
/* All pairs (output o, i, j; weight c, a, b) with the place of x that they meet: the one loop behind all three. */
static void walk(const Task *t, int what, int m, double *out)
{
    int OH = length(t, 1), OW = length(t, 2), K = t->n[4], s = m == 4 ? 1 : t->n[5], p = m == 3 ? 0 : t->n[6];
    for (int k = 0; k < t->n[3] * OH * OW; k++) {
        int o = k / (OH * OW), i = k / OW % OH, j = k % OW;
        if (what == 0 && m != 2) out[k] = A(2)[o];
        for (int e = 0; e < t->n[0] * K * K; e++) {
            int c = e / (K * K), a = e / K % K, b = e % K, r = i * s + a - p, q = j * s + b - p;
            if (r < 0 || r >= t->n[1] || q < 0 || q >= t->n[2]) continue;
            int at = (c * t->n[1] + r) * t->n[2] + q, w = weight(t, o, c, a, b, m == 1, m == 5);
            if (what == 0) out[k] += A(1)[w] * (double)A(0)[at];
            if (what == 1) out[at] = (m == 2 ? 0 : out[at]) + A(1)[w] * (double)A(2)[k];
            if (what == 2) out[w] = (m == 2 ? 0 : out[w]) + A(0)[at] * (double)A(2)[k];
        }
    }
}
static void forward(const Task *t, int m, double **out) { walk(t, 0, m, out[3]); }
static void adjoint(const Task *t, int m, double **out) { walk(t, 1, m, out[3]); }
static void weights(const Task *t, int m, double **out) { walk(t, 2, m, out[3]); }
#define FLIPPED "the kernel is turned round: this network's convolution does not turn it"
#define BORDER "the border is missing: subtract p from the row and the column"
#define STRIDE "the stride is missing: the window of output i starts at i s - p"
#define CHANNELS "w is stored [O][C][K][K], you read it as [C][O][K][K]"
#define OVERWRITES "several outputs meet at one place: add (+=)"
const Exercise ex07 = { "ex07", "convolution and its adjoint", 0, 4, {
    { "convolution, stride 1, no border", 3, 0, draw_plain, forward, { NULL, FLIPPED, "the bias is missing", NULL } },
    { "convolution with stride and border", 2, 1, draw_strided, forward, { NULL, FLIPPED, "the bias is missing", BORDER, STRIDE, CHANNELS } },
    { "the adjoint, dx", 4, 0, draw_dx, adjoint, { NULL, FLIPPED, OVERWRITES, BORDER, STRIDE, CHANNELS } },
    { "the gradient of the weights, dw", 3, 0, draw_dw, weights, { NULL, FLIPPED, OVERWRITES, BORDER, STRIDE, CHANNELS } } } };
