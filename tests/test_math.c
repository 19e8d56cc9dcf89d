/* test_math.c: exp, log, tanh and sigmoid against double precision over their whole range, in units in the last place, for
   every width of vector that this machine has; special values, bytes, short ways; and the first moments of the normal numbers. */
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

/* Each function for each caller: in whole vectors and in the rest, written or added, and summed up, against one number at a time. */
static void check_callers(const ae_kernels *K)
{
    enum { MANY = 300 };
    float a[MANY], b[MANY], whole[MANY], one[MANY];
    int f, i, add, bad = 0, sums = 0;
    for (i = 0; i < MANY; i++) a[i] = (float)(i * 37 % 101 + 1) / 103, b[i] = (float)(i * 53 % 97 + 1) / 99;
    for (f = AE_F_COPY; f <= AE_F_KL; f++) {
        double sum = 0;
        for (add = 0; add < 2; add++) {
            for (i = 0; i < MANY; i++) whole[i] = one[i] = (float)i / 7;
            K->map(f, a, b, whole, MANY, 0.75f, -0.5f, add);
            for (i = 0; i < MANY; i++) K->map(f, a + i, b + i, one + i, 1, 0.75f, -0.5f, add);
            bad += memcmp(whole, one, sizeof whole) != 0;
        }
        K->map(f, a, b, one, MANY, 1, 0, 0);
        for (i = 0; i < MANY; i++) sum += (double)one[i];
        sums += !(fabs(K->sum(f, a, b, MANY) - sum) <= 1e-4 * (1 + fabs(sum)));
    }
    ok(!bad && !sums, "%s: each function is the same in vectors and in the rest, written and added (%d not), and in sums (%d not)", K->name, bad, sums);
}

/* Every byte, in whole vectors and in the rest, is the quotient or the number itself, to the bit. */
static void check_bytes(const ae_kernels *K)
{
    uint8_t px[2 * 256 + 3];
    float out[sizeof px];
    int i, unit, bad = 0, n = (int)sizeof px, start;
    for (i = 0; i < n; i++) px[i] = (uint8_t)i;
    for (unit = 0; unit < 2; unit++) for (start = 0; start < 17; start++) {
        memset(out, 255, sizeof out);
        K->widen(px + start, out, (size_t)(n - start - 1), unit);
        for (i = 0; i < n - start - 1; i++) bad += out[i] != (unit ? (float)px[start + i] / 255.0f : (float)px[start + i]);
        bad += out[i] == out[i];                        /* behind the last one still stands what stood there */
    }
    ok(!bad, "%s: bytes become floats, and quotients by 255 to the bit (%d not)", K->name, bad);
}
/* The binary cross-entropy of a vector whose targets are all 0 takes a shorter way: the bits must be those of the long one, which a
   single other target asks for. */
static void check_margins(const ae_kernels *K)
{
    float out[16 + AE_PAD] = { 0 }, none[16 + AE_PAD] = { 0 }, one[16 + AE_PAD] = { 0 }, brief[16 + AE_PAD], full[16 + AE_PAD];
    const float ends[8] = { 0, 1, 0.99999994f, 1e-20f, -0.5f, 1.5f, NAN, 0.5f };
    int i, k, bad = 0;
    for (k = 0; k < 4000; k++) {
        for (i = 0; i < 16; i++) out[i] = k < 16 ? ends[(i + k) % 8] : (float)((unsigned)(k * 16 + i) * 40503u % 65537u) / 65537.0f;
        for (i = 0; i < 16; i += K->lanes) one[i + k % K->lanes] = 1;
        K->map(AE_F_BCE, out, none, brief, 16, 0, 0, 0);
        K->map(AE_F_BCE, out, one, full, 16, 0, 0, 0);
        for (i = k % K->lanes; i < 16 && k >= 16; i += K->lanes) bad += !(fabs((double)full[i] + fmax(log((double)out[i]), -100)) <= 1e-5);       /* where it is 1 */
        for (i = 0; i < 16; i++) if (one[i] == 0) bad += (brief[i] == brief[i]) != (full[i] == full[i]) || (brief[i] == brief[i] && brief[i] != full[i]);
        memset(one, 0, sizeof one);
    }
    ok(!bad, "%s: cross-entropy where all targets are 0 has the bits that it has beside others (%d not)", K->name, bad);
}

/* Each tile: rows, columns, terms, what is added before, and what happens on the way to memory.  All numbers are halves or
   whole, so a plain loop gives the same bits. */
static int tile_differs(const ae_kernels *K, int rows, int cols, int terms, ae_store st, int biased, int uneven)
{
    enum { WIDE = 40 };
    static float a[16 * 16], b[16 * WIDE], bias[WIDE], mask[16 * WIDE], c[16 * WIDE], want[16 * WIDE];
    int ak[16], arow[16], i, j, k;
    ae_gemm g;
    for (i = 0; i < 16; i++) arow[i] = (uneven && rows > 1 && i >= rows - 2 ? 2 * rows - 3 - i : i) * 16;       /* the last two the other way round */
    for (i = 0; i < 16 * 16; i++) a[i] = (float)(i * 7 % 11 - 5);
    for (i = 0; i < 16 * WIDE; i++) b[i] = (float)(i * 5 % 9 - 4), mask[i] = (float)(i % 3 - 1), c[i] = want[i] = (float)(i % 13);
    for (j = 0; j < WIDE; j++) bias[j] = (float)(j % 5 - 2);
    for (k = 0; k < 16; k++) ak[k] = k;
    memset(&g, 0, sizeof g);
    g.a = a, g.b = b, g.c = c, g.lda = 16, g.ldc = WIDE, g.bstep = WIDE, g.rows = rows, g.cols = cols, g.terms = terms, g.ak = ak, g.st = st;
    g.bias = biased ? bias : NULL;
    if (uneven) g.arow = arow;
    if (st.mask) g.st.mask = mask;
    for (i = 0; i < rows; i++) for (j = 0; j < cols; j++) {
        float sum = 0;
        for (k = 0; k < terms; k++) sum += a[arow[i] + k] * b[k * WIDE + j];
        sum += st.add ? want[i * WIDE + j] : biased ? bias[j] : 0;
        if (st.act == AE_ACT_RELU) sum = sum > 0 ? sum : 0;
        if (st.act == AE_ACT_LEAKY) sum = sum > 0 ? sum : st.slope * sum;
        if (st.mask) sum = mask[i * WIDE + j] > 0 ? sum : st.slope * sum;
        want[i * WIDE + j] = sum;
    }
    K->gemm(&g, 0, rows, rows, 0, cols, b);
    for (i = 0; i < 16 * WIDE; i++) if (c[i] != want[i]) return 1;
    return 0;
}

static void check_tiles(const ae_kernels *K)
{
    static const int acts[3] = { AE_ACT_NONE, AE_ACT_RELU, AE_ACT_LEAKY }, terms[4] = { 1, 4, 7, 9 };
    const int cols[5] = { 1, K->lanes - 1, K->lanes, K->lanes + 1, 2 * K->lanes };
    int rows, c, t, act, start, masked, bad = 0, tried = 0;
    for (rows = 1; rows <= K->tile; rows += rows > 1 ? 2 : 1)
        for (c = 0; c < 5; c++) for (t = 0; t < 4; t++) for (act = 0; act < 3; act++) for (start = 0; start < 3; start++) for (masked = 0; masked < 3; masked++, tried++) {
            const float some = 1;
            ae_store st = { 0, 0, NULL, 0 };
            st.act = acts[act], st.slope = masked == 1 ? 0 : 0.5f, st.mask = masked ? &some : NULL, st.add = start == 1;
            bad += tile_differs(K, rows, cols[c], terms[t], st, start == 2, 0) + tile_differs(K, rows, cols[c], terms[t], st, start == 2, 1);
        }
    ok(!bad && tried > 500, "%s: tiles of 1 to %d rows, of one vector and two, of some columns, rows evenly apart and not, added, with a bias, activated, masked: %d are what a plain loop gives (%d not)", K->name, K->tile, tried, bad);
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
        check_callers(list[i]);
        check_bytes(list[i]);
        check_margins(list[i]);
        check_tiles(list[i]);
    }
    check_normal(ae);
    ae_free(ae);
    return tap_end();
}
