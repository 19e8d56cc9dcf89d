/* test_math.c: exp, log, tanh and sigmoid against double precision over their whole range, in units in the last place, for
   every width of vector that this machine has; special values; and the first moments of the normal numbers. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"

enum { N = 200000 };
static float x[N + AE_PAD], y[N + AE_PAD];

static double exact_sigmoid(double v) { return 1 / (1 + exp(-v)); }

/* The worst distance from f over [from, to], in units in the last place of the result; results below 1e-37 are denormal
   or nearly, which the library may flush to zero. */
static double worst_ulp(const ae_kernels *K, int function, double (*f)(double), double from, double to)
{
    double worst = 0;
    int i;
    for (i = 0; i < N; i++) x[i] = (float)(from + (to - from) * i / (N - 1));
    K->map(function, x, x, y, N, 0, 0, 0);
    for (i = 0; i < N; i++) {
        double want = f((double)x[i]), unit = ldexp(1, ilogb(fabs(want) > 1e-37 ? want : 1e-37) - 23);
        if (fabs(want) > 1e-37) worst = fmax(worst, fabs((double)y[i] - want) / unit);
    }
    return worst;
}

static void check_function(const ae_kernels *K, const char *name, int function, double (*f)(double), double from, double to)
{
    double worst = worst_ulp(K, function, f, from, to);
    ok(worst <= 3, "%s: %s on [%g, %g] within 3 units in the last place (%.2f)", K->name, name, from, to, worst);
}

static void check_special(const ae_kernels *K)
{
    const float in[6] = { 0, 1000, -1000, INFINITY, -INFINITY, NAN };
    float out[6];
    K->map(AE_F_EXP, in, in, out, 6, 0, 0, 0);
    ok(out[0] == 1 && out[1] == INFINITY && out[2] == 0 && out[3] == INFINITY && out[4] == 0 && out[5] != out[5], "%s: exp at 0, large, infinite, NaN", K->name);
    K->map(AE_F_LOG, in, in, out, 6, 0, 0, 0);
    ok(out[0] == -INFINITY && out[2] != out[2] && out[3] == INFINITY && out[5] != out[5], "%s: log at 0, negative, infinite, NaN", K->name);
    K->map(AE_F_SIGMOID, in, in, out, 6, 0, 0, 0);
    ok(out[0] == 0.5f && out[1] == 1 && out[2] == 0 && out[3] == 1 && out[4] == 0 && out[5] != out[5], "%s: sigmoid at 0, large, infinite, NaN", K->name);
    K->map(AE_F_TANH, in, in, out, 6, 0, 0, 0);
    ok(out[0] == 0 && out[1] == 1 && out[2] == -1 && out[3] == 1 && out[4] == -1 && out[5] != out[5], "%s: tanh at 0, large, infinite, NaN", K->name);
    K->map(AE_F_RELU, in, in, out, 6, 0, 0, 0);
    ok(out[1] == 1000 && out[2] == 0 && out[4] == 0 && out[5] != out[5], "%s: relu keeps NaN", K->name);
}

static void check_normal(ae_ctx *ae)
{
    double m1 = 0, m2 = 0, m4 = 0, both = 0;
    const float *z = ae_data(ae_randn(ae, N, 0, 0, 0));
    int i, inside = 0;
    for (i = 0; i < N; i++) {
        double v = (double)z[i];
        m1 += v / N;
        m2 += v * v / N;
        m4 += v * v * v * v / N;
        inside += fabs(v) < 1;
        if (i) both += v * (double)z[i - 1] / N;
    }
    ok(fabs(m1) < 0.01 && fabs(m2 - 1) < 0.02 && fabs(m4 - 3) < 0.12, "normal numbers: moments %.4f %.4f %.4f are near 0, 1, 3", m1, m2, m4);
    ok(fabs((double)inside / N - 0.6827) < 0.005 && fabs(both) < 0.01, "68 %% lie within one (%.2f %%), neighbours do not go together (%.4f)", 100.0 * inside / N, both);
}

int main(void)
{
    ae_ctx *ae = ae_new(NULL);
    const ae_kernels *list[3];
    int n = 0, i;
    list[n++] = ae->kernels;
#if defined(__x86_64__)
    if (ae->kernels->lanes > 8) list[n++] = &ae__kernels_8;
    if (ae->kernels->lanes > 4) list[n++] = &ae__kernels_4;
#endif
    for (i = 0; i < n; i++) {
        check_function(list[i], "exp", AE_F_EXP, exp, -85, 88.7);
        check_function(list[i], "log", AE_F_LOG, log, 1e-6, 4);
        check_function(list[i], "log", AE_F_LOG, log, 2, 1e30);
        check_function(list[i], "tanh", AE_F_TANH, tanh, -10, 10);
        check_function(list[i], "sigmoid", AE_F_SIGMOID, exact_sigmoid, -80, 40);
        check_special(list[i]);
    }
    check_normal(ae);
    ae_free(ae);
    return tap_end();
}
