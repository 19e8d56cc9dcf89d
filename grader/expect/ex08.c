#include "expect.h"
static int draw(Task *t, const char *first)
{
    int n = size(t, 0, 2, t->hidden ? 9 : 4) * size(t, 1, t->hidden ? 10 : 5, t->hidden ? 30 : 8);
    add_array(t, first, n, IN, -1.5, 1.5), add_array(t, "logvar", n, IN, -1.5, 1), add_array(t, "eps", n, IN, -2, 2);
    return n;
}
static void draw_z(Task *t) { int n = draw(t, "mu");  add_array(t, "z", n, OUT, 0, 0); }
static void draw_kl(Task *t) { draw(t, "mu");  add_array(t, "kl", 1, OUT, 0, 0); }
static void draw_two(Task *t, const char *first) { int n = draw(t, first);  add_array(t, "dmu", n, OUT, 0, 0), add_array(t, "dlogvar", n, OUT, 0, 0); }
static void draw_dz(Task *t) { draw_two(t, "dz"); }
static void draw_dkl(Task *t) { draw_two(t, "mu"); }
static double deviation(double logvar, int m) { return m == 1 ? exp(logvar) : m == 2 ? logvar : exp(logvar / 2); }
static void sample(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->a[0].count; i++) out[3][i] = A(0)[i] + A(2)[i] * (m == 3 ? -1 : 1) * deviation(A(1)[i], m);
    for (int i = 0; m == 4 && i < t->a[0].count; i++) out[3][i] = A(0)[i];
}
static void sample_back(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->a[0].count; i++) {
        double d = A(0)[i] * (double)A(2)[i] * exp(A(1)[i] / 2);
        out[3][i] = A(0)[i], out[4][i] = m == 1 ? d : m == 2 ? A(0)[i] * (double)A(2)[i] * exp(A(1)[i]) : m == 3 ? d / 2 / A(2)[i] : m == 4 ? A(0)[i] * (double)A(2)[i] : d / 2;
    }
}
static void divergence(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->a[0].count; i++) {
        double mu = A(0)[i], v = A(1)[i], by = m == 2 ? t->a[0].count : m == 1 ? 1 : t->n[0];
        out[3][0] -= (1 + v - mu * mu - (m == 4 ? exp(v / 2) : exp(v))) / (m == 3 ? 1 : 2) / by * (m == 5 ? -1 : 1);
        if (m == 6) out[3][0] -= (v - mu * mu - exp(v)) / 2 / by - (1 + v - mu * mu - exp(v)) / 2 / by;
    }
}
static void divergence_back(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->a[0].count; i++) {
        double mu = A(0)[i], v = A(1)[i], by = m == 1 ? 1 : m == 2 ? t->a[0].count : t->n[0];
        out[3][i] = mu / by * (m == 3 ? 2 : 1) * (m == 5 ? -1 : 1), out[4][i] = (exp(v) - (m == 4 ? 0 : 1)) / by / (m == 3 ? 1 : 2) * (m == 5 ? -1 : 1);
    }
}
const Exercise ex08 = { "ex08", "reparameterisation and KL divergence", 0, 4, {
    { "the sample z", 3, 0, draw_z, sample, { NULL, "exp(logvar) is the variance: the standard deviation is exp(logvar / 2)", "logvar is a logarithm: the standard deviation is exp(logvar / 2)", "the sign of eps is wrong", "the noise is missing" } },
    { "its gradients", 2, 0, draw_dz, sample_back, { NULL, "the 1/2 of logvar / 2 is missing in dlogvar", "exp(logvar) is the variance: in dlogvar stands exp(logvar / 2) / 2", "eps is missing in dlogvar", "the derivative of exp(logvar / 2) is missing in dlogvar" } },
    { "the divergence", 3, 0, draw_kl, divergence, { NULL, "this is the sum over the batch: divide it by B", "you divided by B x L: sum over the L numbers, mean over the B images", "the 1/2 is missing",
        "exp(logvar / 2) where the variance exp(logvar) should stand", "the sign is wrong: a divergence is never negative", "the 1 is missing" } },
    { "its gradients", 2, 3, draw_dkl, divergence_back, { NULL, "divide by B, as the divergence does", "you divided by B x L: it is B", "the 1/2 is missing", "the derivative of logvar is missing: exp(logvar) - 1", "the sign is wrong" } } } };
