#include "expect.h"
static int draw(Task *t)
{
    int n = size(t, 0, 5, t->hidden ? 25 : 9);
    double sum = 0;
    float *P = add_array(t, "P", n * n, IN, 0, 0);
    for (int i = 0; i < n; i++) for (int j = 0; j < i; j++) P[i * n + j] = P[j * n + i] = (float)uniform(t, 0.1, 1), sum += 2 * P[i * n + j];
    for (int i = 0; i < n * n; i++) P[i] = (float)(P[i] / sum);
    add_array(t, "Y", 2 * n, IN, -2, 2);
    return n;
}
static void draw_q(Task *t) { int n = draw(t);  add_array(t, "Q", n * n, OUT, 0, 0); }
static void draw_kl(Task *t) { draw(t), add_array(t, "kl", 1, OUT, 0, 0); }
static void draw_gradient(Task *t) { int n = draw(t);  add_array(t, "dY", 2 * n, OUT, 0, 0); }
static double square(const Task *t, int i, int j) { return pow((double)A(1)[2 * i] - A(1)[2 * j], 2) + pow((double)A(1)[2 * i + 1] - A(1)[2 * j + 1], 2); }
enum { GAUSS = 1, DIAGONAL, UNSCALED, ROWS };
static double q(const Task *t, int i, int j, int m)
{
    double sum = 0;
    for (int a = 0; a < t->n[0]; a++)
        for (int b = 0; b < t->n[0]; b++)
            if ((a != b || m == DIAGONAL) && (m != ROWS || a == i)) sum += m == GAUSS ? exp(-square(t, a, b)) : 1 / (1 + square(t, a, b));
    if (i == j && m != DIAGONAL) return 0;
    return (m == GAUSS ? exp(-square(t, i, j)) : 1 / (1 + square(t, i, j))) / (m == UNSCALED ? 1 : sum);
}
static void near(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++) for (int j = 0; j < t->n[0]; j++) out[2][i * t->n[0] + j] = q(t, i, j, m);
}
static void divergence(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++)
        for (int j = 0; j < (m == 3 ? i : t->n[0]); j++) {
            double p = A(0)[i * t->n[0] + j], r = q(t, i, j, 0);
            if (i != j) out[2][0] += m == 1 ? r * log(r / p) : m == 2 ? -p * log(p / r) : m == 4 ? -p * log(r) : p * log(p / r);
        }
}
static void gradient(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[0]; i++)
        for (int j = 0; j < t->n[0]; j++)
            for (int k = 0; k < 2 && i != j; k++) {
                double pull = (A(0)[i * t->n[0] + j] - q(t, i, j, 0)) / (m == 2 ? 1 : 1 + square(t, i, j));
                out[2][2 * i + k] += (m == 1 ? 1 : m == 4 ? 2 : m == 3 ? -4 : 4) * pull * ((double)A(1)[2 * i + k] - A(1)[2 * j + k]);
            }
}
const Exercise ex11 = { "ex11", "the gradient of t-SNE", 0, 3, {
    { "Q", 3, 0, draw_q, near, { NULL, "this is SNE with a Gaussian: t-SNE has 1 / (1 + distance^2)", "the diagonal does not count: q_ii = 0, also in the sum", "divide by the sum over all pairs",
        "one sum over all pairs, not one for each row" } },
    { "the divergence", 2, 0, draw_kl, divergence, { NULL, "P and Q are exchanged: p log(p / q)", "the sign is wrong: a divergence is never negative", "each pair counts twice: i, j and j, i", "this is the cross-entropy: log(p / q), not -log q" } },
    { "the gradient", 5, 0, draw_gradient, gradient, { NULL, "the factor 4 is missing", "the factor 1 / (1 + distance^2) is missing", "the sign is wrong: this is the force, not the gradient", "the factor is 4, not 2: y_i stands in the pairs i, j and j, i" } } } };
