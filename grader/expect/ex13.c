#include "expect.h"
static void draw(Task *t, int steps)
{
    int n = size(t, 0, 4, t->hidden ? 12 : 7), d = size(t, 1, 4, t->hidden ? 9 : 6), h = size(t, 2, 2, 3);
    t->n[3] = steps, t->s[0] = (float)uniform(t, 0.2, 0.4), t->tolerance = 1e-3;
    add_array(t, "x", n * d, IN, -1, 1);
    int kind = steps == 1 ? INOUT : GIVEN;
    add_array(t, "V", h * d, kind, -0.5, 0.5), add_array(t, "W", d * h, kind, -0.5, 0.5);
    add_array(t, "loss", steps, steps == 1 ? FREE : OUT, 0, 0);
}
static void draw_one(Task *t) { draw(t, 1); }
static void draw_many(Task *t) { draw(t, 8); }
typedef struct Net { double V[64], W[64], dV[64], dW[64]; } Net;
/* Gradients by differences of the loss, which is a polynomial of them: apart from how the exercise computes them. */
static double loss_of(const Task *t, const double *V, const double *W)
{
    int n = t->n[0], d = t->n[1], h = t->n[2];
    double sum = 0;
    for (int r = 0; r < n; r++) {
        double code[4] = { 0 };
        for (int k = 0; k < h; k++) for (int i = 0; i < d; i++) code[k] += A(0)[r * d + i] * V[k * d + i];
        for (int i = 0; i < d; i++) {
            double y = -A(0)[r * d + i];
            for (int k = 0; k < h; k++) y += code[k] * W[i * h + k];
            sum += y * y / (n * d);
        }
    }
    return sum;
}
static void difference(const Task *t, Net *net, double *w, double *dw, int keep)
{
    for (int i = 0; i < t->n[1] * t->n[2]; i++) {
        double old = w[i], up, down;
        w[i] = old + 1e-4, up = loss_of(t, net->V, net->W);
        w[i] = old - 1e-4, down = loss_of(t, net->V, net->W);
        w[i] = old, dw[i] = (keep ? dw[i] : 0) + (up - down) / 2e-4;
    }
}
enum { KEEPS = 1, WRONG_SIGN, BOTH, ORDER };
static void train(const Task *t, int m, double **out)
{
    Net net;
    int count = t->n[1] * t->n[2];
    memset(&net, 0, sizeof net);
    for (int i = 0; i < count; i++) net.V[i] = A(1)[i], net.W[i] = A(2)[i];
    for (int e = 0; e < t->n[3]; e++) {
        double last[64];
        if (out[3]) out[3][e] = loss_of(t, net.V, net.W);
        memcpy(last, net.dV, sizeof last);
        difference(t, &net, net.W, net.dW, m == KEEPS || m == BOTH);
        for (int i = 0; i < count && m == ORDER; i++) net.W[i] -= t->s[0] * net.dW[i];
        difference(t, &net, net.V, net.dV, 0);
        for (int i = 0; i < count; i++) {
            if (m == WRONG_SIGN || m == BOTH) net.dV[i] = -net.dV[i];
            if (m == KEEPS || m == BOTH) net.dV[i] += last[i];
            net.V[i] -= t->s[0] * net.dV[i];
            if (m != ORDER) net.W[i] -= t->s[0] * net.dW[i];
        }
    }
    for (int i = 0; i < count && out[1]; i++) out[1][i] = net.V[i], out[2][i] = net.W[i];
}
static void one(const Task *t, int m, double **out) { train(t, m == 1 ? WRONG_SIGN : m == 2 ? ORDER : 0, out); }
const Exercise ex13 = { "ex13", "a bug hunt: the loss will not fall", 0, 2, {
    { "the weights after one step", 5, 0, draw_one, one, { NULL, "V climbs: look at the sign where its gradient is added up", "W was changed before the gradient of V was computed from it" } },
    { "the losses of eight steps", 5, 1, draw_many, train, { NULL, "the gradients of earlier steps are still in dV and dW: where are they set to zero?", "V climbs: look at the sign where its gradient is added up",
        "both faults are still there", "W was changed before the gradient of V was computed from it" } } } };
