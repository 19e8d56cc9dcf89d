/* test_pca.c - lessons/pca.h against scikit-learn's numbers and against its own definition.  Prints TAP.

   cc -O1 tests/test_pca.c -o test_pca -lm -lpthread && AUTOENC_SHARED=folder ./test_pca
   Without AUTOENC_SHARED/fixtures/latents.npy the checks on real latents are skipped. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "../lessons/pca.h"

static int tests, failures;

static void check(int well, const char *name)
{
    tests++;
    failures += !well;
    printf("%s %d - %s\n", well ? "ok" : "not ok", tests, name);
}

static int near(double a, double b, double tolerance)
{
    int well = fabs(a - b) <= tolerance;
    if (!well) printf("# got %.12g, want %.12g\n", a, b);
    return well;
}

static ae_ctx *context(int threads)
{
    ae_config c;
    memset(&c, 0, sizeof c);
    c.threads = threads;
    return ae_new(&c);
}

/* ==== Forty small rows, with numbers from scikit-learn ===================================================== */

/* Numbers that any language makes alike: rows[count][5], counted from `first`. */
static void make_rows(float *rows, int first, int count)
{
    for (int i = first; i < first + count; i++)
        for (int c = 0; c < 5; c++) rows[(i - first) * 5 + c] = (float)(((i * i * 31 + c * c * 17 + i * c * 101 + 7 * i) % 997) / 997.0);
}

/* i = arange(40)[:, None]; c = arange(5); x = (((i*i*31 + c*c*17 + i*c*101 + 7*i) % 997) / 997).astype(float32)
   p = sklearn.decomposition.PCA(3).fit(x.astype(float64)); t = the same with i = 40..59
   the numbers below: explained_variance_, x.var(0, ddof=1).sum(), components_[0], the error of t by components, transform(t[0]) */
static void test_reference(ae_ctx *ae)
{
    static const double lambda[3] = {0.11023059967, 0.08102395200, 0.07013610667}, total = 0.37946424204;
    static const double first[5] = {-0.3836515292, -0.4852162815, 0.5123983885, 0.3258039526, 0.4986745836};
    static const double error[4] = {0.09494040070, 0.08414092708, 0.06697435255, 0.03741772287};
    static const double code[3] = {0.1611790582, 0.0091306115, -0.5274538571};
    static float x[40 * 5], t[20 * 5], z[20 * 3];
    char why[160] = "";
    pca_model m;
    pca_rows rows = pca_rows_f32(x), test = pca_rows_f32(t);
    int sign = 1, errors = 1, codes = 1;
    make_rows(x, 0, 40);
    make_rows(t, 40, 20);
    check(pca_fit(ae, &rows, 40, 5, 3, &m, why, sizeof why), "a small fit works");
    check(near(m.eigenvalue[0], lambda[0], 1e-7) && near(m.eigenvalue[1], lambda[1], 1e-7) && near(m.eigenvalue[2], lambda[2], 1e-7),
          "eigenvalues are scikit-learn's");
    check(near(m.variance, total, 1e-7), "total variance is numpy's");
    for (int c = 0; c < 5; c++) sign = sign && near(m.component[c], first[c], 1e-5);
    check(sign, "the first component is scikit-learn's, its largest entry positive");
    for (int k = 0; k <= 3; k++) errors = errors && near(pca_error(ae, &m, &test, 20, k), error[k], 1e-7);
    check(errors, "the error of new rows on 0, 1, 2, 3 components");
    check(pca_project(ae, &m, &test, 20, 3, z), "new rows can be projected");
    for (int c = 0; c < 3; c++) codes = codes && near(z[c], code[c], 1e-5);
    check(codes, "the codes are scikit-learn's");
    check(pca_error(ae, &m, &test, 20, 4) < 0 && !pca_project(ae, &m, &test, 20, 4, z), "more components than were fitted are refused");
    pca_free(&m);
}

/* ==== What must hold for any data ========================================================================== */

/* n rows of d columns: a few strong directions, and noise that falls off slowly. */
static float *make_large(int n, int d)
{
    float *x = (float *)malloc((size_t)n * d * sizeof *x);
    for (int i = 0; x && i < n; i++)
        for (int c = 0; c < d; c++) {
            double a = pca_scatter((uint32_t)(i * d + c)) / (1 + 0.05 * c);
            for (int f = 0; f < 5; f++) a += 2 * pca_scatter((uint32_t)(1000003 * (f + 1) + i)) * pca_scatter((uint32_t)(7000003 * (f + 1) + c));
            x[(size_t)i * d + c] = (float)(a + 3);
        }
    return x;
}

static double worst_angle(const pca_model *m)
{
    double worst = 0;
    for (int i = 0; i < m->k; i++)
        for (int j = 0; j <= i && worst == worst; j++) {
            double off = fabs(pca_dot(m->component + (size_t)i * m->d, m->component + (size_t)j * m->d, m->d) - (i == j));
            if (!(off <= worst)) worst = off;      /* a NaN is the worst */
        }
    return worst;
}

static void test_large(ae_ctx *ae)
{
    enum { N = 2500, D = 200, K = 12 };
    float *x = make_large(N, D), *z = (float *)malloc(N * K * sizeof *z);
    pca_rows rows = pca_rows_f32(x);
    pca_model m, all;
    double kept = 0, variance = 0, error, worst = 0;
    if (!x || !z || !pca_fit(ae, &rows, N, D, K, &m, NULL, 0) || !pca_fit(ae, &rows, N, D, D, &all, NULL, 0)) {
        check(0, "200 columns fit");
        return;
    }
    for (int i = 0; i < K; i++) {      /* all 200 components need no iteration: a check on the one that iterates */
        double off = fabs(m.eigenvalue[i] / all.eigenvalue[i] - 1), turn = 1 - pca_dot(m.component + i * D, all.component + i * D, D);
        if (off > worst) worst = off;
        if (turn > worst) worst = turn;
    }
    printf("# %d iterations, worst difference from the full solution %.2g\n", m.iterations, worst);
    check(worst < 1e-8, "the iteration finds the same components as the full solution");
    check(worst_angle(&m) < 1e-12, "components are orthonormal");
    for (int i = 0; i < K; i++) kept += m.eigenvalue[i];
    error = pca_error(ae, &m, &rows, N, K);
    check(near(error, (m.variance - kept) * (N - 1.0) / N / D, 1e-6 * error), "error on the rows it was fitted to = the eigenvalues left out");
    pca_project(ae, &m, &rows, N, K, z);
    for (int i = 0; i < N; i++) variance += (double)z[i * K + K - 1] * z[i * K + K - 1] / (N - 1);
    check(near(variance, m.eigenvalue[K - 1], 1e-5 * variance), "the variance of the last code is its eigenvalue");
    for (int i = 1; i < K; i++) kept = m.eigenvalue[i] > m.eigenvalue[i - 1] ? -1 : kept;
    check(kept > 0, "eigenvalues fall");
    check(near(pca_error(ae, &all, &rows, 100, D), 0, 1e-12), "all components reconstruct exactly");
    pca_free(&m);
    pca_free(&all);
    free(x);
    free(z);
}

static void test_threads(void)
{
    enum { N = 1500, D = 120, K = 8 };
    float *x = make_large(N, D);
    double first[K * D], first_error = 0;
    pca_rows rows = pca_rows_f32(x);
    int same = x != NULL;
    for (int threads = 1; threads <= 4 && same; threads++) {
        ae_ctx *ae = context(threads);
        pca_model m;
        same = ae && pca_fit(ae, &rows, N, D, K, &m, NULL, 0);
        if (!same) break;
        double error = pca_error(ae, &m, &rows, N, K);
        if (threads == 1) memcpy(first, m.component, sizeof first), first_error = error;
        same = !memcmp(first, m.component, sizeof first) && error == first_error;
        pca_free(&m);
        ae_free(ae);
    }
    check(same, "the same bits on 1, 2, 3, 4 threads");
    free(x);
}

static void test_bytes(ae_ctx *ae)
{
    static uint8_t byte[50 * 7];
    static float value[50 * 7];
    pca_rows a = pca_rows_u8(byte), b = pca_rows_f32(value);
    pca_model m, w;
    for (int i = 0; i < 50 * 7; i++) value[i] = (float)(byte[i] = (uint8_t)(i * i * 31 + i)) / 255.0f;
    int well = pca_fit(ae, &a, 50, 7, 4, &m, NULL, 0) && pca_fit(ae, &b, 50, 7, 4, &w, NULL, 0);
    check(well && !memcmp(m.component, w.component, 28 * sizeof(double)) && m.variance == w.variance, "bytes are served as byte / 255");
    pca_free(&m);
    pca_free(&w);
}

/* ==== Awkward input ======================================================================================== */

static void test_awkward(ae_ctx *ae)
{
    enum { D = 130 };
    float *x = make_large(40, D);
    char why[160] = "";
    pca_rows rows = pca_rows_f32(x);
    pca_model m;
    if (!x) exit(3);
    check(pca_fit(ae, &rows, 4, D, 6, &m, why, sizeof why) && m.eigenvalue[2] > 0.1 && m.eigenvalue[3] < 1e-6 * m.eigenvalue[0] && worst_angle(&m) < 1e-9,
          "four rows have three components, the others are orthonormal all the same");
    check(near(pca_error(ae, &m, &rows, 4, 3), 0, 1e-10), "and three components hold four rows");
    pca_free(&m);
    check(pca_fit(ae, &rows, 1, D, 1, &m, why, sizeof why) && m.variance == 0 && pca_error(ae, &m, &rows, 1, 0) < 1e-12, "a single row");
    pca_free(&m);
    for (int i = 1; i < 20; i++) memcpy(x + i * D, x, D * sizeof *x);
    check(pca_fit(ae, &rows, 20, D, 2, &m, why, sizeof why) && m.eigenvalue[0] < 1e-10 && worst_angle(&m) < 1e-9, "identical rows");
    pca_free(&m);
    for (int i = 0; i < 20 * D; i++) x[i] = 1;
    check(pca_fit(ae, &rows, 20, D, 2, &m, why, sizeof why) && m.variance == 0 && worst_angle(&m) < 1e-9, "a covariance of exactly zero");
    pca_free(&m);
    check(!pca_fit(ae, &rows, 40, D, D + 1, &m, why, sizeof why) && why[0], "more components than columns are refused");
    check(!pca_fit(ae, &rows, 0, D, 1, &m, why, sizeof why) && !pca_fit(ae, &rows, 1, 0, 1, &m, why, sizeof why) && !pca_fit(ae, &rows, 1, D, 0, &m, why, sizeof why), "so are no rows, no columns, no components");
    strcpy(why, "as before");
    check(!pca_fit(ae, &rows, 0, D, 1, &m, NULL, 9) && !pca_fit(ae, &rows, 0, D, 1, &m, why, 0) && !strcmp(why, "as before"), "whether or not there is room to say why");
    check(pca_fit(ae, &rows, 20, D, 2, &m, why, sizeof why) && pca_error(ae, &m, &rows, 0, 1) < 0 && pca_error(ae, &m, &rows, 1, -1) < 0 && pca_error(ae, &m, &rows, 1, 3) < 0
          && !pca_project(ae, &m, &rows, 0, 1, x) && !pca_project(ae, &m, &rows, 1, 0, x) && !pca_project(ae, &m, &rows, 1, 3, x), "and to use no row, or fewer or more components than there are");
    pca_free(&m);
    x[9] = 1e30f;
    check(!pca_fit(ae, &rows, 20, D, 2, &m, why, sizeof why) && strstr(why, "too large to square"), "values whose squares are no floats are refused");
    x[9] = 1;
    x[7] = NAN;
    why[0] = 0;
    check(!pca_fit(ae, &rows, 40, D, 2, &m, why, sizeof why) && strstr(why, "NaN") != NULL, "NaN is refused");
    check(m.mean == NULL && m.component == NULL, "and nothing is left behind");
    free(x);
}

/* Noise has no direction that stands out, so the iteration is slow; and a few numbers that are next to nothing. */
static void test_slow(ae_ctx *ae)
{
    enum { D = 130, N = 3000 };
    float *x = (float *)malloc((size_t)N * D * sizeof *x);
    double h[4] = { 0, 1e-310, 1e-310, 0 }, q[4];
    char why[160] = "";
    pca_rows rows = pca_rows_f32(x);
    pca_model m;
    if (!x) exit(3);
    for (int i = 0; i < N * D; i++) x[i] = (float)pca_scatter((uint32_t)i);
    check(pca_fit(ae, &rows, N, D, 2, &m, why, sizeof why) && m.iterations > 6 && worst_angle(&m) < 1e-9 && m.eigenvalue[0] >= m.eigenvalue[1] && m.eigenvalue[0] < 0.6,
          "noise takes more than one round");
    pca_free(&m);
    for (int i = 0; i < 100 * 100; i++) x[i] = (float)pca_scatter((uint32_t)i);
    check(pca_fit(ae, &rows, 100, 100, 95, &m, why, sizeof why) && worst_angle(&m) < 1e-9, "nearly all components of a hundred columns");
    pca_free(&m);
    double *cov = (double *)calloc(D * D, sizeof *cov), value[1];
    m = (pca_model){ 0 };
    m.d = D, m.k = 1, m.eigenvalue = value, m.component = (double *)malloc(D * sizeof(double));
    for (int i = 0; cov && i < D; i++) cov[i * D + i] = 1 - 1e-5 * i;
    check(cov && m.component && pca_eigen(ae, cov, &m) && m.iterations >= PCA_ROUNDS && near(value[0], 1, 1e-3), "where all directions are nearly alike the iteration gives up on its tolerance");
    free(cov), free(m.component);
    pca_jacobi(h, q, 2);
    check(q[0] == 1 && q[1] == 0 && q[3] == 1, "what is next to nothing is not turned");
    free(x);
}

/* ==== Real latents ========================================================================================= */

/* latents.npy has a head of 128 bytes, then float32 [10000][64].  sklearn.decomposition.PCA(64, svd_solver="full") of
   them in double: explained_variance_[[0, 1, 9, 31]], the sum of variances, the error of the first ten components. */
static void test_latents(ae_ctx *ae)
{
    enum { N = 10000, D = 64 };
    const char *shared = getenv("AUTOENC_SHARED");
    char path[1024];
    float *x = (float *)malloc(N * D * sizeof *x);
    FILE *f = NULL;
    pca_model m;
    pca_rows rows = pca_rows_f32(x);
    if (shared) snprintf(path, sizeof path, "%s/fixtures/latents.npy", shared), f = fopen(path, "rb");
    if (!f || !x || fseek(f, 128, SEEK_SET) || fread(x, 4, N * D, f) != N * D) {
        printf("ok %d - real latents # SKIP no AUTOENC_SHARED/fixtures/latents.npy\n", ++tests);
    } else {
        int well = pca_fit(ae, &rows, N, D, 32, &m, NULL, 0);
        check(well && near(m.eigenvalue[0], 106.257015, 1e-4) && near(m.eigenvalue[1], 43.6445762, 1e-4) && near(m.eigenvalue[9], 12.7781982, 1e-5) &&
              near(m.eigenvalue[31], 2.16464722, 1e-5) && near(m.variance, 466.841812, 1e-3) && near(pca_error(ae, &m, &rows, N, 10), 2.25526882, 1e-5),
              "10,000 real latents: eigenvalues, variance and error are scikit-learn's");
        if (well) pca_free(&m);
    }
    if (f) fclose(f);
    free(x);
}

int main(void)
{
    ae_ctx *ae = context(2);
    if (!ae) return 3;
    test_reference(ae);
    test_large(ae);
    test_threads();
    test_bytes(ae);
    test_awkward(ae);
    test_slow(ae);
    test_latents(ae);
    ae_free(ae);
    printf("1..%d\n", tests);
    return failures != 0;
}
