#include "expect.h"
/* a: image, W1 [h][d], b1 [h], W2 [d][h], b2 [d], loss */
static void draw(Task *t, int steps, int weights)
{
    int n = size(t, 0, 3, t->hidden ? 9 : 5), d = size(t, 1, 4, t->hidden ? 8 : 6), h = size(t, 2, 2, 3), kind = weights ? INOUT : GIVEN;
    t->n[3] = steps, t->s[0] = (float)uniform(t, 1, 3), t->tolerance = 1e-3;
    float *image = add_array(t, "image", n * d, IN, 0, 255.999);
    for (int i = 0; i < n * d; i++) image[i] = floorf(image[i]);
    add_array(t, "W1", h * d, kind, -0.5, 0.5), add_array(t, "b1", h, kind, -0.5, 0.5);
    add_array(t, "W2", d * h, kind, -0.5, 0.5), add_array(t, "b2", d, kind, -0.5, 0.5);
    add_array(t, "loss", steps, weights ? FREE : OUT, 0, 0);
}
static void draw_first(Task *t) { draw(t, 1, 0); }
static void draw_step(Task *t) { draw(t, 1, 1); }
static void draw_many(Task *t) { draw(t, 10, 0); }
typedef struct Net { double w[160];  const Task *t;  double scale; } Net;      /* the four arrays, one behind the other */
static double loss_of(const Net *net)
{
    const Task *t = net->t;
    int d = t->n[1], h = t->n[2];
    const double *W1 = net->w, *b1 = W1 + h * d, *W2 = b1 + h, *b2 = W2 + d * h;
    double sum = 0;
    for (int r = 0; r < t->n[0]; r++) {
        double code[4];
        for (int k = 0; k < h; k++) {
            code[k] = b1[k];
            for (int i = 0; i < d; i++) code[k] += W1[k * d + i] * A(0)[r * d + i] / net->scale;
            code[k] = tanh(code[k]);
        }
        for (int i = 0; i < d; i++) {
            double y = b2[i];
            for (int k = 0; k < h; k++) y += code[k] * W2[i * h + k];
            y = 1 / (1 + exp(-y)) - A(0)[r * d + i] / net->scale;
            sum += y * y / (t->n[0] * d);
        }
    }
    return sum;
}
enum { UNSCALED = 1, NO_STEP, KEEPS, BOTH, BY_256 };
static void train(const Task *t, int m, double **out)
{
    Net net = { { 0 }, t, m == UNSCALED || m == BOTH ? 1 : m == BY_256 ? 256 : 255 };
    double grad[160] = { 0 };
    int count = 0;
    for (int i = 1; i < 5; i++) for (int k = 0; k < t->a[i].count; k++) net.w[count++] = A(i)[k];
    for (int e = 0; e < t->n[3]; e++) {
        if (out[5]) out[5][e] = loss_of(&net);
        for (int i = 0; i < count; i++) {                                     /* gradients by differences */
            double old = net.w[i], up;
            net.w[i] = old + 1e-5, up = loss_of(&net);
            net.w[i] = old - 1e-5, up -= loss_of(&net);
            net.w[i] = old, grad[i] = (m == KEEPS ? grad[i] : 0) + up / 2e-5;
        }
        for (int i = 0; i < count && m != NO_STEP && m != BOTH; i++) net.w[i] -= t->s[0] * grad[i];
    }
    for (int i = 1, at = 0; i < 5 && out[1]; i++) for (int k = 0; k < t->a[i].count; k++) out[i][k] = net.w[at++];
}
static void first(const Task *t, int m, double **out) { train(t, m == 2 ? BY_256 : m, out); }
#define SCALE "the pixels go up to 255, what the network gives goes up to 1: divide them by 255"
#define STEP "the weights do not move: what stands between ae_backward and ae_step?"
const Exercise ex14 = { "ex14", "a bug hunt in a lesson: the loss will not fall", 1, 3, {
    { "the first loss", 3, 0, draw_first, first, { NULL, SCALE, "white is 255, not 256" } },
    { "the weights after one step", 4, 1, draw_step, train, { NULL, SCALE, STEP } },
    { "the losses of ten steps", 3, 2, draw_many, train, { NULL, SCALE, STEP, "the gradients of earlier steps are still there: ae_zero_grad belongs before ae_backward" } } } };
