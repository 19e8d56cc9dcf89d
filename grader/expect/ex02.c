#include "expect.h"
static void draw(Task *t)
{
    int n = size(t, 0, 2, t->hidden ? 5 : 4) * size(t, 1, t->hidden ? 30 : 5, t->hidden ? 60 : 9);
    add_array(t, "y", n, IN, -1, 1), add_array(t, "t", n, IN, -1, 1);
}
static void draw_loss(Task *t) { draw(t);  add_array(t, "loss", 1, OUT, 0, 0); }
static void draw_grad(Task *t) { draw(t);  add_array(t, "dy", t->n[0] * t->n[1], OUT, 0, 0); }
static double divisor(const Task *t, int m) { return m == 1 ? t->n[0] : m == 2 ? 1 : m == 3 ? t->n[1] : t->n[0] * t->n[1]; }
static void loss(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->a[0].count; i++) {
        double d = (double)A(0)[i] - (double)A(1)[i];
        out[2][0] += (m == 5 ? fabs(d) : d * d) / divisor(t, m) / (m == 4 ? 2 : 1);
    }
    if (m == 6) out[2][0] = sqrt(out[2][0]);
}
static void grad(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->a[0].count; i++)
        out[2][i] = (m == 4 ? 1 : m == 5 ? -2 : 2) * ((double)A(0)[i] - (double)A(1)[i]) / divisor(t, m);
}
const Exercise ex02 = { "ex02", "the mean squared error", 0, 2, {
    { "the loss", 4, 0, draw_loss, loss, { NULL, "you divided by the batch, not by batch x size of an image", "this is the sum: divide it by batch x size of an image",
        "you divided by the size of an image, not by batch x size", "there is no 1/2 in the mean squared error", "this is the mean absolute error: square the difference", "there is no square root in it" } },
    { "its gradient", 6, 0, draw_grad, grad, { NULL, "you divided by the batch, not by batch x size of an image", "divide by batch x size of an image, as the loss does",
        "you divided by the size of an image, not by batch x size", "the 2 of the square's derivative is missing", "the sign is wrong: it is y - t, not t - y" } } } };
