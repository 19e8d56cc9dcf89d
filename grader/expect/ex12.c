#include "expect.h"
static void draw(Task *t, const char *name)
{
    int n = size(t, 0, 2, 4) * size(t, 1, 3, t->hidden ? 40 : 9);
    t->s[0] = (float)uniform(t, 0.5, 2);
    add_array(t, "x", n, IN, -3, 3), add_array(t, "dy", n, IN, 0.5, 2), add_array(t, name, n, OUT, 0, 0);
}
static void draw_forward(Task *t) { draw(t, "y"); }
static void draw_backward(Task *t) { draw(t, "dx"); }
static void forward(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->a[0].count; i++) {
        double x = A(0)[i], s = 1 / (1 + exp(-(m == 1 ? 1 : t->s[0]) * x));
        out[2][i] = m == 2 ? s : m == 3 ? t->s[0] * x * s : x * s;
    }
}
static void slope(const Task *t, int m, double other, double **out)
{
    for (int i = 0; i < t->a[0].count; i++) {
        double a = t->s[0], x = A(0)[i], s = 1 / (1 + exp(-a * x)), d = s + (m == 1 ? 1 : a) * x * s * (1 - s);
        if (m == 2) d = s;
        if (m == 3) d = s * (1 - s);
        out[2][i] = (m == 4 ? 1 : A(1)[i]) * d + other * A(1)[i];
    }
}
static void backward(const Task *t, int m, double **out) { slope(t, m, 0, out); }
static void twice(const Task *t, int m, double **out) { slope(t, m == 1 ? 0 : m - 1 < 1 ? 0 : m - 1, m == 1 ? 0 : 3, out); }
#define SLOPES "the factor a of the derivative is missing", "this is s only: by the product rule a x s (1 - s) comes to it", "this is the slope of the sigmoid, not of x times it", "dy, c->dout.data, is missing"
const Exercise ex12 = { "ex12", "a new operation for the tape", 1, 3, {
    { "forward", 3, 0, draw_forward, forward, { NULL, "a is missing: sigmoid(a x)", "x is missing: x times the sigmoid", "a stands inside the sigmoid only" } },
    { "backward", 4, 1, draw_backward, backward, { NULL, SLOPES } },
    { "backward where x is used twice", 3, 2, draw_backward, twice, { NULL, "add to c->din[0].data (+=): what another operation had put there is lost", SLOPES } } } };
