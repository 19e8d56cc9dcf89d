#include "expect.h"
/* Two strong directions and a little noise, far from the origin: the components are far apart, 200 rounds find them. */
static void draw(Task *t, int k, int which)
{
    int n = size(t, 0, 20, t->hidden ? 40 : 25), d = size(t, 1, t->hidden ? 8 : 5, t->hidden ? 12 : 6);
    double q[2][16], off[16];
    for (int i = 0; i < d; i++) q[0][i] = uniform(t, -1, 1), q[1][i] = uniform(t, -1, 1), off[i] = uniform(t, 1, 3);
    for (int pass = 0, i = 0; pass < 2; pass++) {                /* the second at right angles to the first, both of length 1 */
        double along = 0, square = 0;
        for (i = 0; i < d; i++) along += q[0][i] * q[pass][i], square += q[0][i] * q[0][i];
        for (i = 0; pass && i < d; i++) q[1][i] -= along / square * q[0][i];
        for (i = 0, square = 0; i < d; i++) square += q[pass][i] * q[pass][i];
        for (i = 0; i < d; i++) q[pass][i] /= sqrt(square);
    }
    t->n[2] = k, t->tolerance = 2e-3;
    float *x = add_array(t, "x", n * d, IN, 0, 0);
    for (int r = 0; r < n; r++) {
        double a = uniform(t, -6, 6), b = uniform(t, -2, 2);
        for (int i = 0; i < d; i++) x[r * d + i] = (float)(off[i] + a * q[0][i] + b * q[1][i] + uniform(t, -0.2, 0.2));
    }
    add_array(t, "mean", d, which == 0 ? OUT : FREE, 0, 0), add_array(t, "component", k * d, which == 1 ? OUT : FREE, 0, 0);
    add_array(t, "variance", k, which == 2 ? OUT : FREE, 0, 0);
}
static void draw_mean(Task *t) { draw(t, 1, 0); }
static void draw_first(Task *t) { draw(t, 1, 1); }
static void draw_variance(Task *t) { draw(t, 1, 2); }
static void draw_second(Task *t) { draw(t, 2, 1); }
/* The matrix of covariances, and its power: the solution multiplies by the rows instead. */
static void covariance(const Task *t, int centred, double C[16][16])
{
    int n = t->n[0], d = t->n[1];
    for (int i = 0; i < d; i++)
        for (int j = 0; j < d; j++) {
            double si = 0, sj = 0, sum = 0;
            for (int r = 0; r < n; r++) si += A(0)[r * d + i] / (double)n, sj += A(0)[r * d + j] / (double)n;
            for (int r = 0; r < n; r++) sum += (A(0)[r * d + i] - (centred ? si : 0)) * (A(0)[r * d + j] - (centred ? sj : 0));
            C[i][j] = sum / (n - 1);
        }
}
static double strongest(double C[16][16], int d, double *v)
{
    double w[16], square = 0;
    for (int i = 0; i < d; i++) v[i] = 1 + 0.3 * sin(3 * i + 1);
    for (int times = 0; times < 1000; times++) {
        square = 0;
        for (int i = 0; i < d; i++) { w[i] = 0;  for (int j = 0; j < d; j++) w[i] += C[i][j] * v[j]; }
        for (int i = 0; i < d; i++) square += w[i] * w[i];
        for (int i = 0; i < d; i++) v[i] = w[i] / sqrt(square);
    }
    int top = 0;
    for (int i = 0; i < d; i++) if (fabs(v[i]) > fabs(v[top])) top = i;
    for (int i = 0, turn = v[top] < 0; i < d; i++) if (turn) v[i] = -v[i];
    return sqrt(square);
}
static void mean(const Task *t, int m, double **out)
{
    for (int r = 0; r < t->n[0]; r++) for (int i = 0; i < t->n[1]; i++) out[1][i] += A(0)[r * t->n[1] + i] / (m == 1 ? 1.0 : m == 2 ? t->n[1] : t->n[0]);
}
static void components(const Task *t, int m, double **out)
{
    double C[16][16], v[16];
    int d = t->n[1];
    covariance(t, m != 1, C);
    for (int c = 0; c < t->n[2]; c++) {
        double value = strongest(C, d, v);
        for (int i = 0; i < d; i++) for (int j = 0; j < d && m != 2; j++) C[i][j] -= value * v[i] * v[j];
        for (int i = 0; i < d; i++) out[2][c * d + i] = (m == 3 ? -1 : 1) * v[i];
    }
}
static void variance(const Task *t, int m, double **out)
{
    double C[16][16], v[16], n = t->n[0];
    covariance(t, m != 3, C);
    out[3][0] = strongest(C, t->n[1], v) * (m == 1 ? (n - 1) / n : m == 4 ? n - 1 : 1);
    if (m == 2) out[3][0] = sqrt(out[3][0]);
}
const Exercise ex10 = { "ex10", "principal components by power iteration", 0, 4, {
    { "the mean", 1, 0, draw_mean, mean, { NULL, "this is the sum: divide by n", "you divided by d, the number of columns" } },
    { "the first component", 4, 0, draw_first, components, { NULL, "subtract the mean from each row first", "take what lies along the first component away only for the second", "the entry of largest size must be positive: turn the vector round" } },
    { "its variance", 2, 2, draw_variance, variance, { NULL, "you divided by n: it is n - 1", "this is the standard deviation: its square is wanted", "subtract the mean from each row first", "this is the sum of squares: divide by n - 1" } },
    { "two components", 3, 2, draw_second, components, { NULL, "subtract the mean from each row first", "the second is the first again: take what lies along the first away from each row", "the entry of largest size must be positive" } } } };
