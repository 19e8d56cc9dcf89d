#include "expect.h"
static void draw(Task *t, double low, double high, const char *name)
{
    int n = size(t, 0, 6, t->hidden ? 90 : 20);
    add_array(t, name, n, IN, low, high), add_array(t, "t", n, IN, 0, 1);
}
static void draw_loss(Task *t) { draw(t, 0.02, 0.98, "p");  add_array(t, "loss", 1, OUT, 0, 0); }
static void draw_edge(Task *t)
{
    draw_loss(t);
    for (int i = 0; i < 4; i++) A(0)[i] = i < 2, A(1)[i] = i % 2;
}
static void draw_grad(Task *t) { draw(t, 0.02, 0.98, "p");  add_array(t, "dp", t->n[0], OUT, 0, 0); }
static void far_out(Task *t) { A(0)[0] = 90, A(0)[1] = -90, A(0)[2] = 40;  A(1)[0] = A(1)[2] = 0.25f; }
static void draw_logits(Task *t) { draw(t, -4, 4, "z"), far_out(t), add_array(t, "loss", 1, OUT, 0, 0); }
static void draw_dz(Task *t) { draw(t, -4, 4, "z"), far_out(t), add_array(t, "dz", t->n[0], OUT, 0, 0); }
static double clamped(double x) { return x > -100 ? x : -100; }
static void loss(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++) {
        double p = A(0)[i], y = A(1)[i];
        out[2][0] -= (y * clamped(log(p)) + (m == 1 ? 0 : (1 - y) * clamped(log(1 - p)))) / (m == 2 ? 1 : t->n[0]) * (m == 3 ? -1 : m == 4 ? 1 / log(2) : 1);
    }
}
static void edge(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++) {
        double p = A(0)[i], y = A(1)[i], a = log(p), b = log(1 - p);
        if (m == 2) a = log(p + 1e-8), b = log(1 - p + 1e-8);
        if (m == 3) a = log(p + 1e-7), b = log(1 - p + 1e-7);
        if (m == 4) a = log(fmax(p, 1e-7)), b = log(fmax(1 - p, 1e-7));
        if (m == 0) a = clamped(a), b = clamped(b);
        out[2][0] -= (y * a + (1 - y) * b) / t->n[0];
    }
}
static void grad(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++) {
        double p = A(0)[i], y = A(1)[i];
        out[2][i] = (p - y) / (m == 1 ? 1 : p * (1 - p)) / (m == 2 ? 1 : t->n[0]) * (m == 3 ? -1 : 1);
        if (m == 4) out[2][i] = -y / p / t->n[0];
    }
}
static void logits(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++) {
        double z = A(0)[i], y = A(1)[i];
        float p = 1 / (1 + expf(-(float)z));
        double l = (z > 0 ? z : 0) - z * y + log1p(exp(-fabs(z)));
        if (m == 2) l = -y * clamped(log((double)p)) - (1 - y) * clamped(log(1 - (double)p));
        if (m == 3) l = -y * log((double)p) - (1 - y) * log(1 - (double)p);
        if (m == 4) l = z - z * y + log1p(exp(-fabs(z)));
        out[2][0] += l / (m == 1 ? 1 : t->n[0]);
    }
}
static void dz(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++) {
        double z = A(0)[i], y = A(1)[i], p = 1 / (1 + exp(-z));
        out[2][i] = (m == 3 ? z - y : p - y) / (m == 1 ? 1 : t->n[0]) * (m == 2 ? p * (1 - p) : 1) * (m == 4 ? -1 : 1);
    }
}
#define MEAN "this is the sum: divide by the number of elements"
const Exercise ex03 = { "ex03", "binary cross-entropy", 0, 5, {
    { "the loss", 2, 0, draw_loss, loss, { NULL, "only t log p is there: the half for 1 - t is missing", MEAN, "the sign is wrong: logarithms of probabilities are negative, the loss is not", "natural logarithms, please: logf, not log2f" } },
    { "the loss where p is 0 or 1", 1, 1, draw_edge, edge, { NULL, "log(0): the logarithm must not go below -100", "log(p + 1e-8) is not what PyTorch does: limit the logarithm to -100",
        "log(p + 1e-7) is not what PyTorch does: limit the logarithm to -100", "p was limited to 1e-7: limit the logarithm to -100" } },
    { "its gradient", 2, 0, draw_grad, grad, { NULL, "this is the gradient for the logit: with respect to p it is divided by p (1 - p)", MEAN, "the sign is wrong: it is p - t above the line", "the half for 1 - t is missing" } },
    { "the loss from logits", 3, 0, draw_logits, logits, { NULL, MEAN, "sigmoid(90) is 1 in float, and log(0) was limited: use max(z, 0) - z t + log(1 + exp(-|z|))",
        "sigmoid(90) is 1 in float, and log(0) is infinite: use max(z, 0) - z t + log(1 + exp(-|z|))", "z where max(z, 0) should stand" } },
    { "its gradient", 2, 0, draw_dz, dz, { NULL, MEAN, "p (1 - p) cancels: the gradient for a logit is p - t", "z where sigmoid(z) should stand", "the sign is wrong: it is p - t" } } } };
