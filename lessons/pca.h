/* pca.h - principal component analysis: the best linear code, and so the baseline of every autoencoder

   Include autoenc.h first.  C99 and C++11; everything here is static, so include it in one file of your program.

       pca_rows rows = pca_rows_u8(images);                   // bytes are served as byte / 255
       pca_model m;
       char why[160];
       if (!pca_fit(ae, &rows, 60000, 784, 64, &m, why, sizeof why)) puts(why);
       pca_rows test = pca_rows_u8(test_images);
       printf("%g\n", pca_error(ae, &m, &test, 10000, 64));   // the PCA-64 baseline of a network with 64 code units
       pca_project(ae, &m, &test, 10000, 2, xy);              // xy[10000][2]
       pca_free(&m);

   WHAT IT COMPUTES.  With the mean u of the n rows x and the covariance C = sum (x - u)(x - u)' / (n - 1), the
   components are the eigenvectors v of C with the largest eigenvalues, C v = lambda v (Pearson 1901, Hotelling 1933).
   lambda is the variance along v.  Among all linear codes of k numbers, z = V'(x - u) with the decoder u + V z has the
   smallest squared error on the rows it was fitted to (Eckart & Young 1936), so a linear autoencoder can at best equal
   it there (Baldi & Hornik 1989).  The numbers agree with scikit-learn's PCA: n - 1 in the variance, and
   `error` is ((x - inverse_transform(transform(x))) ** 2).mean().

   HOW.  The covariance is summed block by block: 1,024 centred rows are multiplied by the library's matrix product in
   float, the blocks are added in double.  The leading eigenvectors come from subspace iteration with Rayleigh-Ritz
   (Golub & Van Loan, Matrix Computations, 8.2), all in double: multiply a few more vectors than are wanted by C, make
   them orthonormal, solve the small eigenproblem inside their span by Jacobi rotations, until the residuals
   |Cv - lambda v| are below 1e-7 of the largest eigenvalue.

   SIGN.  v and -v are equally good; here the component of largest absolute value is positive.  No random numbers, and no
   sum whose order depends on threads: the same data give the same bits.

   ERRORS.  Functions return 1 if all is well; else 0 with the reason in `why`.  pca_error returns a negative number. */
#ifndef PCA_H
#define PCA_H

#ifndef AUTOENC_H
#error "include autoenc.h before pca.h"
#endif

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing here may be fused into multiply-adds at a compiler's discretion: it would change the last bit. */
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

/* ==== Types ================================================================================================ */

/* Where rows come from: fill writes rows first .. first + count - 1 to out[count][d].  It is called from one thread. */
typedef struct pca_rows {
    void (*fill)(const void *data, int d, int first, int count, float *out);
    const void *data;
} pca_rows;

typedef struct pca_model {
    int     d, k;          /* columns of the data, components */
    double  variance;      /* of all columns together: the sum of all d eigenvalues */
    double *mean;          /* [d] */
    double *component;     /* [k][d], orthonormal rows, the largest eigenvalue first */
    double *eigenvalue;    /* [k] */
    int     iterations;    /* that the eigenvectors took */
} pca_model;

enum {
    PCA_BLOCK = 1024,      /* rows multiplied at a time: enough for the matrix product, 3 MB of images */
    PCA_EXTRA = 16,        /* vectors iterated beside the wanted ones, at least: they take up what converges slowly */
    PCA_ROUNDS = 500       /* iterations before giving up on the tolerance, with what there is */
};

/* ==== Rows ================================================================================================= */

static inline void pca_fill_f32(const void *data, int d, int first, int count, float *out)
{
    memcpy(out, (const float *)data + (size_t)first * d, (size_t)count * d * sizeof(float));
}

static inline void pca_fill_u8(const void *data, int d, int first, int count, float *out)
{
    const uint8_t *byte = (const uint8_t *)data + (size_t)first * d;
    for (size_t i = 0; i < (size_t)count * d; i++) out[i] = (float)byte[i] / 255.0f;
}

/* data[n][d], borrowed. */
static inline pca_rows pca_rows_f32(const float *data)
{
    pca_rows r;
    r.fill = pca_fill_f32;
    r.data = data;
    return r;
}

/* data[n][d], borrowed. */
static inline pca_rows pca_rows_u8(const uint8_t *data)
{
    pca_rows r;
    r.fill = pca_fill_u8;
    r.data = data;
    return r;
}

static inline int pca_why(char *why, size_t size, const char *text)
{
    if (why && size) snprintf(why, size, "%s", text);
    return 0;
}

static inline void pca_free(pca_model *m)
{
    free(m->mean);
    free(m->component);
    free(m->eigenvalue);
    memset(m, 0, sizeof *m);
}

/* ==== Mean and covariance ================================================================================== */

/* mean[d] of n rows; 0 if a value is NaN or infinite, which one shows up as a mean that is no number. */
static inline int pca_mean(const pca_rows *rows, int n, int d, float *block, double *mean)
{
    for (int c = 0; c < d; c++) mean[c] = 0;
    for (int first = 0; first < n; first += PCA_BLOCK) {
        int count = n - first < PCA_BLOCK ? n - first : PCA_BLOCK;
        rows->fill(rows->data, d, first, count, block);
        for (int r = 0; r < count; r++)
            for (int c = 0; c < d; c++) mean[c] += block[(size_t)r * d + c];
    }
    for (int c = 0; c < d; c++) {
        mean[c] /= n;
        if (!(mean[c] - mean[c] == 0)) return 0;
    }
    return 1;
}

/* The rows first .. first + count - 1 less their mean, to block[count][d]. */
static inline void pca_centred(const pca_rows *rows, int d, int first, int count, const double *mean, float *block)
{
    rows->fill(rows->data, d, first, count, block);
    for (int r = 0; r < count; r++)
        for (int c = 0; c < d; c++) block[(size_t)r * d + c] = (float)(block[(size_t)r * d + c] - mean[c]);
}

/* cov[d][d] of n rows.  A block of a single row would be a matrix product over an axis of one, which is fine too. */
static inline int pca_covariance(ae_ctx *ae, const pca_rows *rows, int n, int d, const double *mean, float *block, double *cov)
{
    size_t dd = (size_t)d * d;
    for (size_t i = 0; i < dd; i++) cov[i] = 0;
    for (int first = 0; first < n; first += PCA_BLOCK) {
        int count = n - first < PCA_BLOCK ? n - first : PCA_BLOCK;
        size_t mark = ae_begin(ae);
        pca_centred(rows, d, first, count, mean, block);
        ae_tensor x = ae_from(ae, block, count, d, 0, 0);
        const float *product = ae_data(ae_matmul(ae_transpose(x), x));
        for (size_t i = 0; product && i < dd; i++) cov[i] += product[i];
        ae_end(ae, mark);
        if (!product) return 0;
    }
    for (size_t i = 0; i < dd; i++) cov[i] /= n > 1 ? n - 1 : 1;
    return 1;
}

/* ==== Eigenvectors ========================================================================================= */

/* w[d][p] = cov[d][d] v[d][p], a band of rows a task. */
typedef struct pca_product { const double *cov, *v; double *w; int d, p; } pca_product;
enum { PCA_BAND = 16 };

static inline void pca_product_band(void *user, int band)
{
    const pca_product *t = (const pca_product *)user;
    int end = (band + 1) * PCA_BAND < t->d ? (band + 1) * PCA_BAND : t->d;
    for (int r = band * PCA_BAND; r < end; r++) {
        double *w = t->w + (size_t)r * t->p;
        for (int j = 0; j < t->p; j++) w[j] = 0;
        for (int c = 0; c < t->d; c++) {
            double a = t->cov[(size_t)r * t->d + c];
            const double *v = t->v + (size_t)c * t->p;
            for (int j = 0; j < t->p; j++) w[j] += a * v[j];
        }
    }
}

static inline void pca_multiply(ae_ctx *ae, const double *cov, const double *v, double *w, int d, int p)
{
    pca_product t;
    t.cov = cov;
    t.v = v;
    t.w = w;
    t.d = d;
    t.p = p;
    ae_parallel(ae, (d + PCA_BAND - 1) / PCA_BAND, pca_product_band, &t);
}

/* Numbers in -1 .. 1 that depend on i alone and look unrelated: where the iteration starts, and replaces lost vectors. */
static inline double pca_scatter(uint32_t i)
{
    i = (i ^ (i >> 16)) * 0x7feb352du;
    i = (i ^ (i >> 15)) * 0x846ca68bu;
    return (double)(i ^ (i >> 16)) / 2147483648.0 - 1.0;
}

/* The sum of a[n] b[n], in four partial sums: a processor need not wait for one addition before the next. */
static inline double pca_dot(const double *a, const double *b, int n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int i = 0;
    for (; i + 3 < n; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    for (; i < n; i++) s0 += a[i] * b[i];
    return (s0 + s1) + (s2 + s3);
}

/* Subtract from row j of v[p][d] its part along rows 0 .. j - 1; return what is left of its length. */
static inline double pca_reject(double *v, int d, int j)
{
    double *a = v + (size_t)j * d;
    for (int i = 0; i < j; i++) {
        const double *b = v + (size_t)i * d;
        double dot = pca_dot(a, b, d);
        for (int c = 0; c < d; c++) a[c] -= dot * b[c];
    }
    return sqrt(pca_dot(a, a, d));
}

/* Make the rows of v[p][d] orthonormal by Gram-Schmidt, twice where the first pass cancels much.  A row inside the span
   of the others, as with constant columns or n < p, is replaced by scattered numbers: any direction will do there. */
static inline void pca_orthonormal(double *v, int d, int p)
{
    for (int j = 0; j < p; j++) {
        double *a = v + (size_t)j * d, before = sqrt(pca_dot(a, a, d)), length = pca_reject(v, d, j);
        for (int again = 0; length < 0.5 * before || before == 0; again++) {
            if (length <= 1e-10 * before)
                for (int c = 0; c < d; c++) a[c] = pca_scatter((uint32_t)c + (uint32_t)d * (uint32_t)(j + p * (again + 1)));
            before = length > 1e-10 * before ? length : 1;
            length = pca_reject(v, d, j);
        }
        for (int c = 0; c < d; c++) a[c] /= length;
    }
}

/* Rotate rows i and j of a[p][d] by the angle with cosine c and sine s. */
static inline void pca_rotate(double *a, int d, int i, int j, double c, double s)
{
    double *x = a + (size_t)i * d, *y = a + (size_t)j * d;
    for (int k = 0; k < d; k++) {
        double u = x[k], v = y[k];
        x[k] = c * u - s * v;
        y[k] = s * u + c * v;
    }
}

/* One Jacobi rotation that makes h[i][j] of the symmetric h[p][p] zero, collected in the rows of q[p][p]. */
static inline void pca_jacobi_turn(double *h, double *q, int p, int i, int j)
{
    double off = h[(size_t)i * p + j], a = h[(size_t)i * p + i], b = h[(size_t)j * p + j];
    double theta = (b - a) / (2 * off), t = 1 / (fabs(theta) + sqrt(theta * theta + 1)), c, s;
    if (theta < 0) t = -t;
    c = 1 / sqrt(t * t + 1);
    s = t * c;
    pca_rotate(h, p, i, j, c, s);
    for (int k = 0; k < p; k++) {
        double u = h[(size_t)k * p + i], v = h[(size_t)k * p + j];
        h[(size_t)k * p + i] = c * u - s * v;
        h[(size_t)k * p + j] = s * u + c * v;
    }
    pca_rotate(q, p, i, j, c, s);
}

/* Eigenvectors of the symmetric h[p][p] to the rows of q[p][p], eigenvalues to the diagonal of h (Jacobi 1846).  An
   entry is rotated away while it matters beside its two diagonal entries; a dozen sweeps is many. */
static inline void pca_jacobi(double *h, double *q, int p)
{
    for (int i = 0; i < p; i++)
        for (int j = 0; j < p; j++) q[(size_t)i * p + j] = i == j;
    for (int sweep = 0, turned = 1; turned && sweep < 60; sweep++) {
        turned = 0;
        for (int i = 0; i < p; i++)
            for (int j = i + 1; j < p; j++) {
                double off = fabs(h[(size_t)i * p + j]), a = fabs(h[(size_t)i * p + i]), b = fabs(h[(size_t)j * p + j]);
                if (off <= 1e-15 * (a + b) || off < 1e-300) continue;
                pca_jacobi_turn(h, q, p, i, j);
                turned = 1;
            }
    }
}

/* What subspace iteration needs: v and w are [p][d], t is [d][p] twice, h, q are [p][p]. */
typedef struct pca_space { double *v, *w, *t, *h, *q, *value; int *order; int d, p; } pca_space;

static inline void pca_transpose(const double *a, double *b, int rows, int columns)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) b[(size_t)c * rows + r] = a[(size_t)r * columns + c];
}

/* w = cov v for rows of vectors: the product wants columns, so that a row of cov meets all of them at once. */
static inline void pca_apply(ae_ctx *ae, const double *cov, pca_space *s)
{
    double *in = s->t, *out = s->t + (size_t)s->d * s->p;
    pca_transpose(s->v, in, s->p, s->d);
    pca_multiply(ae, cov, in, out, s->d, s->p);
    pca_transpose(out, s->w, s->d, s->p);
}

/* a[p][d] becomes q a, its rows in the order of falling eigenvalues. */
static inline void pca_turn(pca_space *s, double *a)
{
    for (int i = 0; i < s->p; i++) {
        double *out = s->t + (size_t)i * s->d;
        const double *q = s->q + (size_t)s->order[i] * s->p;
        for (int c = 0; c < s->d; c++) out[c] = 0;
        for (int j = 0; j < s->p; j++)
            for (int c = 0; c < s->d; c++) out[c] += q[j] * a[(size_t)j * s->d + c];
    }
    memcpy(a, s->t, (size_t)s->p * s->d * sizeof *a);
}

/* Sort the eigenvalues on the diagonal of h, largest first, equal ones by place. */
static inline void pca_sort(pca_space *s)
{
    for (int i = 0; i < s->p; i++) {
        double value = s->h[(size_t)i * s->p + i];
        int at = i;
        for (; at > 0 && s->value[at - 1] < value; at--) {
            s->value[at] = s->value[at - 1];
            s->order[at] = s->order[at - 1];
        }
        s->value[at] = value;
        s->order[at] = i;
    }
}

/* Rayleigh-Ritz: with h = v cov v' = q' diag q, the rows of q v are the best eigenvectors inside the span of v.
   w = cov v turns with them.  Returns the largest residual |cov v - lambda v| of the first k. */
static inline double pca_ritz(pca_space *s, int k)
{
    double worst = 0;
    for (int i = 0; i < s->p; i++)
        for (int j = 0; j <= i; j++)
            s->h[(size_t)i * s->p + j] = s->h[(size_t)j * s->p + i] = pca_dot(s->v + (size_t)i * s->d, s->w + (size_t)j * s->d, s->d);
    pca_jacobi(s->h, s->q, s->p);
    pca_sort(s);
    pca_turn(s, s->v);
    pca_turn(s, s->w);
    for (int i = 0; i < k; i++) {
        double sum = 0;
        for (int c = 0; c < s->d; c++) {
            double r = s->w[(size_t)i * s->d + c] - s->value[i] * s->v[(size_t)i * s->d + c];
            sum += r * r;
        }
        if (sum > worst) worst = sum;
    }
    return sqrt(worst);
}

/* Iterate until the first k vectors stand still.  Multiplying a few times between two Rayleigh-Ritz steps is as good as
   multiplying once, and the small eigenproblem is then paid less often. */
static inline int pca_iterate(ae_ctx *ae, const double *cov, pca_space *s, int k)
{
    int rounds = 0;
    for (size_t i = 0; i < (size_t)s->p * s->d; i++) s->v[i] = pca_scatter((uint32_t)i);
    for (;;) {
        pca_orthonormal(s->v, s->d, s->p);
        pca_apply(ae, cov, s);
        if (++rounds % 6 == 0 || s->p == s->d) {
            double residual = pca_ritz(s, k);
            if (residual <= 1e-7 * s->value[0] || s->p == s->d || rounds >= PCA_ROUNDS) return rounds;
        }
        memcpy(s->v, s->w, (size_t)s->p * s->d * sizeof(double));
    }
}

/* The first k eigenvectors of cov[d][d], signs settled, and their eigenvalues. */
static inline int pca_eigen(ae_ctx *ae, const double *cov, pca_model *m)
{
    pca_space s;
    int d = m->d, k = m->k, p = k + (k > PCA_EXTRA ? k / 2 : PCA_EXTRA);
    size_t pd, pp;
    double *room;
    if (p > d || d <= 96) p = d;
    pd = (size_t)p * d;
    pp = (size_t)p * p;
    room = (double *)malloc((4 * pd + 2 * pp + p) * sizeof *room);
    s.order = (int *)malloc((size_t)p * sizeof *s.order);
    s.v = room, s.w = room + pd, s.t = room + 2 * pd, s.h = room + 4 * pd, s.q = s.h + pp, s.value = s.q + pp;
    s.d = d, s.p = p;
    if (room && s.order) {
        m->iterations = pca_iterate(ae, cov, &s, k);
        for (int i = 0; i < k; i++) {
            const double *v = s.v + (size_t)i * d;
            int top = 0;
            for (int c = 1; c < d; c++)
                if (fabs(v[c]) > fabs(v[top])) top = c;
            for (int c = 0; c < d; c++) m->component[(size_t)i * d + c] = v[top] < 0 ? -v[c] : v[c];
            m->eigenvalue[i] = s.value[i] > 0 ? s.value[i] : 0;
        }
    }
    int well = room && s.order;
    free(room);
    free(s.order);
    return well;
}

/* ==== Fit ================================================================================================== */

/* The work of pca_fit on memory that is there. */
static inline int pca_fit_in(ae_ctx *ae, const pca_rows *rows, int n, pca_model *m, float *block, double *cov, char *why, size_t size)
{
    if (!pca_mean(rows, n, m->d, block, m->mean)) return pca_why(why, size, "PCA: a value is NaN or infinite");
    int old = ae_grad_enabled(ae, 0), well = pca_covariance(ae, rows, n, m->d, m->mean, block, cov);
    ae_grad_enabled(ae, old);
    if (!well) return pca_why(why, size, "PCA: the matrix product failed, see ae_error");
    for (int c = 0; c < m->d; c++) m->variance += cov[(size_t)c * m->d + c];
    if (!(m->variance - m->variance == 0)) return pca_why(why, size, "PCA: the values are too large to square");
    return pca_eigen(ae, cov, m) ? 1 : pca_why(why, size, "PCA: out of memory");
}

/* Fit k components, 1 <= k <= d, to n rows of d columns.  Fewer than k + 1 rows, or constant columns, are no error: the
   eigenvalues beyond the data's rank are zero, and their components arbitrary directions at right angles.
   Returns 1, and then pca_free is yours to call; or 0 with the reason in why[size]. */
static inline int pca_fit(ae_ctx *ae, const pca_rows *rows, int n, int d, int k, pca_model *m, char *why, size_t size)
{
    int block_rows = n < PCA_BLOCK ? n : PCA_BLOCK, well = 0;
    memset(m, 0, sizeof *m);
    if (n < 1 || d < 1 || k < 1 || k > d) return pca_why(why, size, "PCA needs at least one row and 1 to d components");
    m->d = d;
    m->k = k;
    m->mean = (double *)malloc((size_t)d * sizeof(double));
    m->component = (double *)malloc((size_t)k * d * sizeof(double));
    m->eigenvalue = (double *)malloc((size_t)k * sizeof(double));
    float *block = (float *)malloc((size_t)block_rows * d * sizeof *block);
    double *cov = (double *)malloc((size_t)d * d * sizeof *cov);
    if (!m->mean || !m->component || !m->eigenvalue || !block || !cov) pca_why(why, size, "PCA: out of memory");
    else well = pca_fit_in(ae, rows, n, m, block, cov, why, size);
    free(block);
    free(cov);
    if (!well) pca_free(m);
    return well;
}

/* ==== Use ================================================================================================== */

/* One block of rows on the first k components: their codes, and their squared errors.  Components are orthonormal, so a
   row's error is |x - u|^2 - |z|^2; it is summed the long way, from what each component leaves of the row, because that
   difference of two large numbers would lose digits when k is near d. */
typedef struct pca_pass {
    const pca_model *m;
    const float *block;    /* [count][d], centred */
    float  *out;           /* [count][k] or NULL */
    double *error;         /* [count], a row each */
    double *room;          /* [count][d], what the components leave */
    int     k;
} pca_pass;

static inline void pca_pass_row(void *user, int row)
{
    const pca_pass *t = (const pca_pass *)user;
    const float *x = t->block + (size_t)row * t->m->d;
    double *rest = t->room + (size_t)row * t->m->d;
    int d = t->m->d;
    for (int c = 0; c < d; c++) rest[c] = x[c];
    for (int i = 0; i < t->k; i++) {
        const double *v = t->m->component + (size_t)i * d;
        double z = pca_dot(rest, v, d);
        for (int c = 0; c < d; c++) rest[c] -= z * v[c];
        if (t->out) t->out[(size_t)row * t->k + i] = (float)z;
    }
    t->error[row] = pca_dot(rest, rest, d);
}

/* All rows, block by block: codes to out[n][k] unless it is NULL, the sum of squared errors to *error. */
static inline int pca_walk(ae_ctx *ae, const pca_model *m, const pca_rows *rows, int n, int k, float *out, double *error)
{
    enum { ROWS = 256 };
    int d = m->d;
    float *block = (float *)malloc((size_t)ROWS * d * sizeof *block);
    double *room = (double *)malloc((size_t)ROWS * (d + 1) * sizeof *room);
    int well = block && room;
    *error = 0;
    for (int first = 0; well && first < n; first += ROWS) {
        pca_pass t;
        t.m = m;
        t.block = block;
        t.out = out ? out + (size_t)first * k : NULL;
        t.error = room;
        t.room = room + ROWS;
        t.k = k;
        int count = n - first < ROWS ? n - first : ROWS;
        pca_centred(rows, d, first, count, m->mean, block);
        ae_parallel(ae, count, pca_pass_row, &t);
        for (int i = 0; i < count; i++) *error += room[i];
    }
    free(block);
    free(room);
    return well;
}

/* transform(x)[:, :k]: out[n][k], k <= m->k.  0 if there is no memory or k is too large. */
static inline int pca_project(ae_ctx *ae, const pca_model *m, const pca_rows *rows, int n, int k, float *out)
{
    double error;
    return n > 0 && k >= 1 && k <= m->k && pca_walk(ae, m, rows, n, k, out, &error);
}

/* Mean squared error over all n * d elements when the rows are projected on the first k components and back; k = 0 is
   the error of predicting the mean row.  Give it a test set for a number that compares with a network's test loss.
   Negative: no memory, or k is too large. */
static inline double pca_error(ae_ctx *ae, const pca_model *m, const pca_rows *rows, int n, int k)
{
    double error;
    if (n < 1 || k < 0 || k > m->k || !pca_walk(ae, m, rows, n, k, NULL, &error)) return -1;
    return error / ((double)n * m->d);
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
