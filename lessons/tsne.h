/* tsne.h - t-SNE: a map of high-dimensional points in the plane that keeps neighbours together

   Include autoenc.h first.  C99 and C++11, gcc or clang; everything here is static, so include it in one file.

       tsne_options opt = tsne_defaults();                    // scikit-learn's: perplexity 30, 1,000 iterations ...
       tsne_report  report;
       float       *map = malloc(n * 2 * sizeof *map);        // [n][2]: x0 y0 x1 y1 ...
       if (!tsne_run(ae, latents, n, 64, &opt, map, &report)) fail(report.note);
       if (report.note[0]) puts(report.note);                 // what had to be changed, e.g. a lower perplexity
       printf("KL %.4f, 10 nearest neighbours %.3f, trustworthiness %.3f\n", report.kl,
              tsne_label_accuracy(ae, map, labels, n, 2, 10), tsne_trustworthiness(ae, latents, n, 64, map, 2, 10));

   WHAT IT COMPUTES (van der Maaten & Hinton 2008, "Visualizing data using t-SNE").  In the data, point i looks at its
   neighbours j through a Gaussian, p(j|i) ~ exp(-beta_i |a_i - a_j|^2), whose width is set such that the perplexity
   2^entropy is the wanted one: "about 30 neighbours".  Both directions are averaged, P_ij = (p(j|i) + p(i|j)) / 2n.  In
   the map, y_i and y_j attract by Q_ij = q_ij / Z with q_ij = 1 / (1 + |y_i - y_j|^2) and Z the sum of all q.  Gradient
   descent lowers KL(P || Q) = sum P log(P / Q):
       dKL/dy_i = 4 sum_j (P_ij - Q_ij) q_ij (y_i - y_j)

   HOW.  As scikit-learn does it, but for one point.
   - P is kept for the 3 * perplexity + 1 nearest neighbours of each point (van der Maaten 2014), found exactly.
   - The start is the first two principal components, scaled to a standard deviation of 1e-4; the learning rate is
     n / 12 / 4 but at least 50 (Kobak & Berens 2019; Belkina et al. 2019); attraction is 12 times too strong for the
     first 250 iterations, so that clusters form while there is room to move; momentum 0.5, then 0.8; and a gain per
     coordinate that grows by 0.2 while the gradient keeps its direction and shrinks by a fifth when it turns (Jacobs 1988).
   - The repulsion is the sum over ALL pairs, where others approximate it by a tree (Barnes-Hut) or a grid (FFT).  It is
     n^2 / 2 pairs an iteration, but sixteen at a time, without a branch, a division or a cache miss: for the 10,000
     points that people map it is faster than a tree.  Beyond some 50,000 points a tree wins.

   MEMORY about 3 KB a point at perplexity 30.  There is never an n x n matrix.

   THE SAME BITS for any number of threads, on AVX2 and AVX-512, for gcc and clang at any -O: work is split into fixed
   parts, sums have a fixed order, each fused multiply-add is written out.  A processor without them gives slightly other
   numbers, and t-SNE being chaotic, a slightly other map.

   ERRORS.  tsne_run returns 1, or 0 with the reason in report->note: NaN, infinite or enormous values; no memory; a
   perplexity below 1.  Too few points for the perplexity (n - 1 < 3 * perplexity) lower it, a perplexity that is large for
   the points lowers the early exaggeration, identical points start in a small cloud: all return 1 and say so in report->note.  The measures return a negative number if there is no memory.

   DISTANCES IN A t-SNE MAP mean little: only who is near whom does.  Sizes of clusters and gaps between them are shaped
   by the perplexity (Wattenberg, Viegas & Johnson 2016, "How to use t-SNE effectively"). */
#ifndef TSNE_H
#define TSNE_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define TSNE_X86 1
#endif

#include "pca.h"

/* Nothing here may be fused into multiply-adds at a compiler's discretion: it would change the last bit. */
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

/* ==== Types ================================================================================================ */

typedef struct tsne_options {
    double       perplexity;        /* 30: how many neighbours count, softly */
    int          iterations;        /* 1000 */
    int          early;             /* 250: the first iterations, with exaggerated attraction and little momentum */
    double       exaggeration;      /* 12 */
    double       learning_rate;     /* 0 means automatic: n / exaggeration / 4, at least 50 */
    const float *start;             /* [n][2] to start from, taken as it is; NULL: principal components */
    int          lanes;             /* 0: the widest vectors of this processor; 16, 8 or 4: at most these */
    int        (*progress)(void *user, int done, int all);   /* every tenth iteration; not 0 stops.  May be NULL */
    void        *user;              /* handed to progress */
} tsne_options;

typedef struct tsne_report {
    double kl;                      /* KL(P || Q) of the finished map, over all pairs */
    double perplexity;              /* the one used */
    int    iterations;              /* done */
    int    neighbours;              /* kept for each point */
    char   note[160];               /* why it failed, or what was changed; else "" */
} tsne_report;

/* The affinities P, symmetric and sparse: P_ij for row i is p[e] with j = index[e], e = start[i] .. start[i + 1] - 1.
   Rows are filled up to a multiple of sixteen with p = 0. */
typedef struct tsne_graph {
    int     n;
    size_t *start;                  /* [n + 1] */
    int    *index;
    float  *p;                      /* all together sum to 1 */
} tsne_graph;

static inline tsne_options tsne_defaults(void)
{
    tsne_options o;
    memset(&o, 0, sizeof o);
    o.perplexity = 30;
    o.iterations = 1000;
    o.early = 250;
    o.exaggeration = 12;
    return o;
}

/* ==== Instruction sets ===================================================================================== */

typedef struct tsne_isa {           /* the inner loops in one instruction set: see tsne_kernels.h */
    void (*repel)(const float *x, const float *y, const float *xj, const float *yj, int n, float *gx, float *gy, float *sum);
    void (*attract)(float x, float y, const float *xs, const float *ys, const int *index, const float *p, int n, float *sum);
    void (*distances)(const float *base, int panels, int d, const float *q, float *out);
} tsne_isa;

#ifdef TSNE_X86
#define TSNE_LANES 16
#define TSNE_NAME(f) f##_avx512
#define TSNE_TARGET __attribute__((target("avx512f")))
#define TSNE_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define TSNE_GATHER(p, i) _mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xFFFF, (__m512i)(i), p, 4)
#include "tsne_kernels.h"

#define TSNE_LANES 8
#define TSNE_NAME(f) f##_avx2
#define TSNE_TARGET __attribute__((target("avx2,fma")))
#define TSNE_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define TSNE_GATHER(p, i) _mm256_i32gather_ps(p, (__m256i)(i), 4)
#include "tsne_kernels.h"
#endif

#define TSNE_LANES 4
#define TSNE_NAME(f) f##_plain
#define TSNE_TARGET
#define TSNE_FMA(a, b, c) ((a) * (b) + (c))
#define TSNE_GATHER(p, i) tsne_gather_plain(p, i)
typedef float tsne_four __attribute__((vector_size(16)));
typedef int tsne_four_i __attribute__((vector_size(16)));
static inline tsne_four tsne_gather_plain(const float *p, tsne_four_i i)
{
    tsne_four v = {p[i[0]], p[i[1]], p[i[2]], p[i[3]]};
    return v;
}
#include "tsne_kernels.h"

/* The widest instruction set with at most `lanes` floats in a vector that this processor has; 0: any. */
static inline tsne_isa tsne_isa_of(int lanes)
{
    tsne_isa isa;
    isa.repel = tsne_repel_plain;
    isa.attract = tsne_attract_plain;
    isa.distances = tsne_distances_plain;
#ifdef TSNE_X86
    if ((lanes == 0 || lanes >= 8) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        isa.repel = tsne_repel_avx2;
        isa.attract = tsne_attract_avx2;
        isa.distances = tsne_distances_avx2;
    }
    if ((lanes == 0 || lanes >= 16) && __builtin_cpu_supports("avx512f")) {
        isa.repel = tsne_repel_avx512;
        isa.attract = tsne_attract_avx512;
        isa.distances = tsne_distances_avx512;
    }
#endif
    (void)lanes;
    return isa;
}

/* Sixteen lanes, added in the one order that all instruction sets share. */
static inline float tsne_lanes(const float *s)
{
    float a = (s[0] + s[8]) + (s[4] + s[12]), b = (s[1] + s[9]) + (s[5] + s[13]);
    float c = (s[2] + s[10]) + (s[6] + s[14]), d = (s[3] + s[11]) + (s[7] + s[15]);
    return (a + c) + (b + d);
}

static inline size_t tsne_round16(size_t n) { return (n + 15) / 16 * 16; }

/* ==== Distances and neighbours ============================================================================= */

enum { TSNE_CHUNK = 64,             /* rows a task takes, a fixed number so that no result depends on threads */
       TSNE_PIECE = 8192 };         /* sixteens of coordinates in a piece of the base: half a megabyte */

/* A walk over all queries with the squared distances of each to all n points of the base. */
typedef struct tsne_walk {
    tsne_isa     isa;
    float       *base;              /* [panels][d][16] */
    const float *query;             /* [m][d] */
    int          n, m, d;
    int          self;              /* the queries are the base, and no point is its own neighbour */
    void       (*visit)(const struct tsne_walk *w, int row, const float *distance);
    char        *failed;            /* [tasks], each task its own */
    int          k;                 /* for the visitors: neighbours wanted, and results by row */
    int         *index;
    float       *distance;
    double      *result;
} tsne_walk;

/* base[n][d] in panels of sixteen points, coordinate by coordinate, so that a vector holds sixteen points. */
static inline float *tsne_panels(const float *base, int n, int d)
{
    size_t panels = tsne_round16((size_t)n) / 16;
    float *out = (float *)calloc(panels * d * 16, sizeof *out);
    for (int i = 0; out && i < n; i++)
        for (int c = 0; c < d; c++) out[((size_t)(i / 16) * d + c) * 16 + i % 16] = base[(size_t)i * d + c];
    return out;
}

/* The base is read in pieces that stay in a core's cache while all rows of the chunk are held against them. */
static inline void tsne_walk_chunk(void *user, int chunk)
{
    tsne_walk *w = (tsne_walk *)user;
    int panels = (int)(tsne_round16((size_t)w->n) / 16), piece = 1 + TSNE_PIECE / w->d, first = chunk * TSNE_CHUNK;
    int rows = first + TSNE_CHUNK < w->m ? TSNE_CHUNK : w->m - first;
    size_t pitch = (size_t)panels * 16, d = (size_t)w->d, wide = (size_t)piece * 16;
    float *room = (float *)malloc((TSNE_CHUNK * pitch + 8 * wide + 8 * d) * sizeof *room), *eight = room + TSNE_CHUNK * pitch, *q = eight + 8 * wide;
    w->failed[chunk] = !room;
    for (int at = 0; room && at < panels; at += piece)
        for (int row = 0; row < rows; row += 8) {
            int some = at + piece < panels ? piece : panels - at;
            for (int r = 0; r < 8; r++)      /* the last group repeats the last row */
                memcpy(q + r * d, w->query + (size_t)(first + (row + r < rows ? row + r : rows - 1)) * d, d * sizeof *q);
            w->isa.distances(w->base + (size_t)at * d * 16, some, w->d, q, eight);
            for (int r = 0; r < 8; r++) memcpy(room + (row + r) * pitch + (size_t)at * 16, eight + (size_t)r * some * 16, (size_t)some * 16 * sizeof *eight);
        }
    for (int r = 0; room && r < rows; r++) w->visit(w, first + r, room + r * pitch);
    free(room);
}

static inline int tsne_walk_all(ae_ctx *ae, tsne_walk *w, const float *base)
{
    int tasks = (w->m + TSNE_CHUNK - 1) / TSNE_CHUNK, well;
    w->base = tsne_panels(base, w->n, w->d);
    w->failed = (char *)calloc((size_t)tasks + 1, 1);
    well = w->base && w->failed;
    if (well) {
        ae_parallel(ae, tasks, tsne_walk_chunk, w);
        for (int i = 0; i < tasks; i++) well = well && !w->failed[i];
    }
    free(w->base);
    free(w->failed);
    return well;
}

/* Is point a farther than point b, of two equally far the one with the higher index? */
static inline int tsne_farther(const float *d, const int *at, int a, int b)
{
    return d[a] > d[b] || (d[a] == d[b] && at[a] > at[b]);
}

/* Let entry i of a heap of n, the farthest on top, sink to where it belongs. */
static inline void tsne_sink(float *d, int *at, int n, int i)
{
    for (;;) {
        int top = i, left = 2 * i + 1, right = left + 1, point;
        float far;
        if (left < n && tsne_farther(d, at, left, top)) top = left;
        if (right < n && tsne_farther(d, at, right, top)) top = right;
        if (top == i) return;
        far = d[i], d[i] = d[top], d[top] = far;
        point = at[i], at[i] = at[top], at[top] = point;
        i = top;
    }
}

/* The k nearest of a row of distances, nearest first: a heap of k whose top falls out when something nearer comes.  Of
   equally near points the lower index stays, because it came first. */
static inline void tsne_visit_nearest(const tsne_walk *w, int row, const float *distance)
{
    int k = w->k, held = 0, j = 0, *at = w->index + (size_t)row * k;
    float *d = w->distance + (size_t)row * k;
    for (; held < k; j++) {
        if (w->self && j == row) continue;
        d[held] = distance[j];
        at[held++] = j;
    }
    for (int i = k / 2; i-- > 0;) tsne_sink(d, at, k, i);
    for (; j < w->n; j++) {
        if (!(distance[j] < d[0]) || (w->self && j == row)) continue;
        d[0] = distance[j];
        at[0] = j;
        tsne_sink(d, at, k, 0);
    }
    for (int last = k - 1; last > 0; last--) {      /* take the farthest off the heap, again and again */
        float far = d[0];
        int point = at[0];
        d[0] = d[last], d[last] = far;
        at[0] = at[last], at[last] = point;
        tsne_sink(d, at, last, 0);
    }
}

/* The k nearest of base[n][d] for each of query[m][d], by exact search: index[m][k] and squared distances[m][k], nearest
   first, of equally near ones the lower index first.  With query == base no point is its own neighbour; then k < n,
   else k <= n.  Returns 1; 0 if there is no memory or k is out of range.  Infinite distances count, NaN must not occur. */
static inline int tsne_nearest(ae_ctx *ae, const float *base, int n, const float *query, int m, int d, int k, int *index, float *distance)
{
    tsne_walk w;
    memset(&w, 0, sizeof w);
    w.self = query == base;
    if (k < 1 || k > n - w.self || m < 1 || d < 1) return 0;
    w.isa = tsne_isa_of(0);
    w.query = query;
    w.n = n;
    w.m = m;
    w.d = d;
    w.k = k;
    w.index = index;
    w.distance = distance;
    w.visit = tsne_visit_nearest;
    return tsne_walk_all(ae, &w, base);
}

/* ==== Affinities =========================================================================================== */

/* exp(x) to 1e-15 without the C library, whose last bit differs between systems: 2^k times a Taylor series on +-0.35,
   with the power of two made from its bits. */
static inline double tsne_exp(double x)
{
    static const double c[12] = {1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
                                 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800};
    double r, sum = 1.0 / 479001600, power;
    int64_t k, bits;
    if (x < -700) return 0;
    if (x > 700) x = 700;
    k = (int64_t)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    r = (x - (double)k * 0.693147180369123816490) - (double)k * 1.90821492927058770002e-10;      /* ln 2, in two parts */
    for (int i = 11; i >= 0; i--) sum = sum * r + c[i];
    bits = (k + 1023) << 52;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* Widths for one row.  d[k] squared distances, nearest first, p[k] the affinities p(j|i).  Bisection on beta until the
   perplexity is right to 1e-5.  Distances count from the nearest neighbour, which changes no p but keeps exp in range
   for data of any scale.  With sum = S and mean distance E, the entropy is log S + beta E. */
static inline void tsne_calibrate_row(const float *d, int k, double perplexity, float *p)
{
    double beta = 1, low = 0, high = -1, mean = 0, sum = 0;
    for (int j = 0; j < k; j++) mean += (double)d[j] - d[0];
    if (mean > 0) beta = k / mean;
    for (int step = 0; step < 100; step++) {
        double weighted = 0, got;
        sum = 0;
        for (int j = 0; j < k; j++) {
            double far = (double)d[j] - d[0], e = tsne_exp(-beta * far);
            sum += e;
            weighted += e * far;
        }
        got = sum * tsne_exp(beta * (weighted / sum));
        if (fabs(got - perplexity) <= 1e-5 * perplexity) break;
        if (got > perplexity) low = beta;
        else high = beta;
        beta = high < 0 ? 2 * beta : (low + high) / 2;      /* too many equally near neighbours: they share */
    }
    for (int j = 0; j < k; j++) p[j] = (float)(tsne_exp(-beta * ((double)d[j] - d[0])) / sum);
}

typedef struct tsne_calibration { const float *distance; float *p; int n, k; double perplexity; } tsne_calibration;

static inline void tsne_calibrate_chunk(void *user, int chunk)
{
    const tsne_calibration *c = (const tsne_calibration *)user;
    for (int i = chunk * TSNE_CHUNK; i < c->n && i < (chunk + 1) * TSNE_CHUNK; i++)
        tsne_calibrate_row(c->distance + (size_t)i * c->k, c->k, c->perplexity, c->p + (size_t)i * c->k);
}

/* Sort a row's neighbours by index, with their affinities, by insertion from the back: rows are short. */
static inline void tsne_sort_row(int *index, float *p, int k)
{
    for (int a = 1; a < k; a++) {
        int point = index[a], b = a;
        float value = p[a];
        for (; b > 0 && index[b - 1] > point; b--) {
            index[b] = index[b - 1];
            p[b] = p[b - 1];
        }
        index[b] = point;
        p[b] = value;
    }
}

/* The directed neighbours, out[n][k], and the same arrows by where they point: who[from[j]] .. names the points that
   hold j a neighbour. */
typedef struct tsne_arrows { int n, k; const int *index; const float *p; size_t *from; int *who; float *back; } tsne_arrows;

/* Count, sum up, distribute; each list comes out sorted by its origin. */
static inline void tsne_reverse(tsne_arrows *a)
{
    size_t all = (size_t)a->n * a->k;
    memset(a->from, 0, ((size_t)a->n + 2) * sizeof *a->from);
    for (size_t e = 0; e < all; e++) a->from[a->index[e] + 2]++;
    for (int j = 1; j <= a->n; j++) a->from[j + 1] += a->from[j];
    for (size_t e = 0; e < all; e++) {
        size_t to = a->from[a->index[e] + 1]++;
        a->who[to] = (int)(e / (size_t)a->k);
        a->back[to] = a->p[e];
    }
}

/* Merge the arrows that leave i and those that reach it; the length of the row, which is written unless index is NULL. */
static inline size_t tsne_merge(const tsne_arrows *a, int i, float scale, int *index, float *p)
{
    size_t out = (size_t)i * a->k, out_end = out + a->k, in = a->from[i], in_end = a->from[i + 1], length = 0;
    while (out < out_end || in < in_end) {
        int leaves = out < out_end ? a->index[out] : a->n, reaches = in < in_end ? a->who[in] : a->n;
        int j = leaves < reaches ? leaves : reaches;
        float sum = (leaves == j ? a->p[out] : 0.0f) + (reaches == j ? a->back[in] : 0.0f);
        if (index) {
            index[length] = j;
            p[length] = sum * scale;
        }
        length++;
        out += leaves == j;
        in += reaches == j;
    }
    return length;
}

static inline void tsne_graph_free(tsne_graph *g)
{
    free(g->start);
    free(g->index);
    free(g->p);
    memset(g, 0, sizeof *g);
}

/* P from arrows: P_ij = (p(j|i) + p(i|j)) / 2n.  Rows end in entries of weight 0 that point at the row itself. */
static inline int tsne_symmetrise(const tsne_arrows *a, tsne_graph *g)
{
    float scale = (float)(1 / (2.0 * a->n));
    g->n = a->n;
    g->start = (size_t *)calloc((size_t)a->n + 1, sizeof *g->start);
    if (!g->start) return 0;
    for (int i = 0; i < a->n; i++) g->start[i + 1] = g->start[i] + tsne_round16(tsne_merge(a, i, scale, NULL, NULL));
    g->index = (int *)malloc((g->start[a->n] + 1) * sizeof *g->index);
    g->p = (float *)malloc((g->start[a->n] + 1) * sizeof *g->p);
    if (!g->index || !g->p) return 0;
    for (int i = 0; i < a->n; i++) {
        size_t e = g->start[i] + tsne_merge(a, i, scale, g->index + g->start[i], g->p + g->start[i]);
        for (; e < g->start[i + 1]; e++) {
            g->index[e] = i;
            g->p[e] = 0;
        }
    }
    return 1;
}

/* The affinities of data[n][d], finite, n >= 2.  Returns 1, then tsne_graph_free is yours to call; 0: no memory. */
static inline int tsne_graph_make(ae_ctx *ae, const float *data, int n, int d, double perplexity, tsne_graph *g)
{
    int k = 3 * perplexity + 1 < n - 1 ? (int)(3 * perplexity + 1) : n - 1, well;
    size_t all = (size_t)n * k;
    int *index = (int *)malloc(all * sizeof *index), *who = (int *)malloc(all * sizeof *who);
    float *distance = (float *)malloc(all * sizeof *distance), *p = (float *)malloc(all * sizeof *p);
    size_t *from = (size_t *)malloc(((size_t)n + 2) * sizeof *from);
    memset(g, 0, sizeof *g);
    well = index && who && distance && p && from && tsne_nearest(ae, data, n, data, n, d, k, index, distance);
    if (well) {
        tsne_calibration c = {distance, p, n, k, perplexity};
        tsne_arrows a = {n, k, index, p, from, who, distance};      /* the distances have done their work */
        ae_parallel(ae, (n + TSNE_CHUNK - 1) / TSNE_CHUNK, tsne_calibrate_chunk, &c);
        for (int i = 0; i < n; i++) tsne_sort_row(index + (size_t)i * k, p + (size_t)i * k, k);
        tsne_reverse(&a);
        well = tsne_symmetrise(&a, g);
    }
    free(index), free(who), free(distance), free(p), free(from);
    if (!well) tsne_graph_free(g);
    return well;
}

/* ==== Descent ============================================================================================== */

/* Repulsion is shared among this many tasks whatever the number of threads, each with its own sums. */
enum { TSNE_STRIPES = 16 };

/* Where the points that fill up the last vector are: so far out that q^2 is zero, and the square still a float. */
#define TSNE_FAR 1e15f

/* What the kernels' reciprocal makes of 1 / 1: each point meets itself once, and that must be taken off Z again. */
#define TSNE_SELF 0.99987108

typedef struct tsne_state {
    tsne_isa    isa;
    const tsne_graph *graph;
    int         n;
    size_t      pitch;              /* n, rounded up to sixteen */
    float      *x, *y;              /* [pitch] the map */
    float      *dx, *dy;            /* [pitch] its gradient */
    float      *ux, *uy, *hx, *hy;  /* [pitch] the last step, and the gain of each coordinate */
    float      *push;               /* [stripes][2][pitch] repulsion, negated */
    double      z[TSNE_STRIPES];    /* sum of q */
    float       attraction, repulsion;      /* factors of the two halves of the gradient */
    int         stopped;            /* by progress */
} tsne_state;

/* Four rows from i on against their own block of sixteen, then against all columns behind it. */
static inline double tsne_repel_rows(const tsne_state *s, int i, float *gx, float *gy)
{
    float own[4 * 48], rest[4 * 48], unused[32];
    size_t block = (size_t)i / 16 * 16, next = block + 16;
    double z = 0;
    memset(unused, 0, sizeof unused);      /* inside its block each row meets all others itself */
    s->isa.repel(s->x + i, s->y + i, s->x + block, s->y + block, 16, unused, unused + 16, own);
    s->isa.repel(s->x + i, s->y + i, s->x + next, s->y + next, (int)(s->pitch - next), gx + next, gy + next, rest);
    for (int r = 0; r < 4 && i + r < s->n; r++) {
        gx[i + r] -= tsne_lanes(own + 48 * r) + tsne_lanes(rest + 48 * r);      /* columns feel the opposite */
        gy[i + r] -= tsne_lanes(own + 48 * r + 16) + tsne_lanes(rest + 48 * r + 16);
        z += (double)tsne_lanes(own + 48 * r + 32) - TSNE_SELF + 2.0 * tsne_lanes(rest + 48 * r + 32);
    }
    return z;
}

/* A stripe takes blocks of sixteen rows, to and fro: 0, 31, 32, 63 ... and 15, 16, 47, 48 ... are the same work. */
static inline void tsne_repel_stripe(void *user, int stripe)
{
    tsne_state *s = (tsne_state *)user;
    float *gx = s->push + (size_t)stripe * 2 * s->pitch, *gy = gx + s->pitch;
    int blocks = (int)(s->pitch / 16);
    memset(gx, 0, 2 * s->pitch * sizeof *gx);
    s->z[stripe] = 0;
    for (int lap = 0; lap * TSNE_STRIPES < blocks; lap++) {
        int b = lap * TSNE_STRIPES + (lap % 2 ? TSNE_STRIPES - 1 - stripe : stripe);
        for (int i = 16 * b; b < blocks && i < 16 * b + 16 && i < s->n; i += 4) s->z[stripe] += tsne_repel_rows(s, i, gx, gy);
    }
}

/* The gradient of a chunk of rows: attraction along the graph, and the stripes' repulsion, which is negated already. */
static inline void tsne_gradient_chunk(void *user, int chunk)
{
    tsne_state *s = (tsne_state *)user;
    const tsne_graph *g = s->graph;
    for (int i = chunk * TSNE_CHUNK; i < s->n && i < (chunk + 1) * TSNE_CHUNK; i++) {
        float sum[32], px = 0, py = 0;
        size_t e = g->start[i];
        s->isa.attract(s->x[i], s->y[i], s->x, s->y, g->index + e, g->p + e, (int)(g->start[i + 1] - e), sum);
        for (int t = 0; t < TSNE_STRIPES; t++) {
            px += s->push[(size_t)(2 * t) * s->pitch + i];
            py += s->push[(size_t)(2 * t + 1) * s->pitch + i];
        }
        s->dx[i] = s->attraction * tsne_lanes(sum) + s->repulsion * px;
        s->dy[i] = s->attraction * tsne_lanes(sum + 16) + s->repulsion * py;
    }
}

static inline void tsne_gradient(ae_ctx *ae, tsne_state *s, double exaggeration)
{
    double z = 0;
    ae_parallel(ae, TSNE_STRIPES, tsne_repel_stripe, s);
    for (int t = 0; t < TSNE_STRIPES; t++) z += s->z[t];
    s->attraction = (float)(4 * exaggeration);
    s->repulsion = (float)(4 / (z > 1e-30 ? z : 1e-30));
    ae_parallel(ae, (s->n + TSNE_CHUNK - 1) / TSNE_CHUNK, tsne_gradient_chunk, s);
}

/* One coordinate of all points goes downhill. */
static inline void tsne_move(float *x, const float *dx, float *step, float *gain, int n, float rate, float momentum)
{
    for (int i = 0; i < n; i++) {
        gain[i] = step[i] * dx[i] < 0 ? gain[i] + 0.2f : gain[i] * 0.8f;
        if (gain[i] < 0.01f) gain[i] = 0.01f;
        step[i] = momentum * step[i] - rate * (gain[i] * dx[i]);
        x[i] += step[i];
    }
}

/* Both halves of the descent start without momentum and with gains of 1. */
static inline void tsne_rest(tsne_state *s)
{
    for (size_t i = 0; i < s->pitch; i++) {
        s->ux[i] = s->uy[i] = 0;
        s->hx[i] = s->hy[i] = 1;
    }
}

/* Where the points start. */
static inline void tsne_place(tsne_state *s, const float *map)
{
    for (size_t i = 0; i < s->pitch; i++) {
        s->x[i] = i < (size_t)s->n ? map[2 * i] : TSNE_FAR;
        s->y[i] = i < (size_t)s->n ? map[2 * i + 1] : TSNE_FAR;
    }
}

/* Iterations from .. to, or until progress says stop; how many are done. */
static inline int tsne_descend(ae_ctx *ae, tsne_state *s, const tsne_options *o, int from, int to, double exaggeration, float momentum)
{
    double rate = o->learning_rate > 0 ? o->learning_rate : s->n / o->exaggeration / 4;
    if (!(o->learning_rate > 0) && rate < 50) rate = 50;
    tsne_rest(s);
    for (int t = from; t < to; t++) {
        tsne_gradient(ae, s, exaggeration);
        tsne_move(s->x, s->dx, s->ux, s->hx, s->n, (float)rate, momentum);
        tsne_move(s->y, s->dy, s->uy, s->hy, s->n, (float)rate, momentum);
        if (o->progress && (t + 1) % 10 == 0 && o->progress(o->user, t + 1, o->iterations)) return s->stopped = 1, t + 1;
    }
    return to;
}

/* Have all points been drawn together, into less than the little cloud in which they start? */
static inline int tsne_collapsed(const tsne_state *s)
{
    double x = 0, y = 0, squares = 0;
    for (int i = 0; i < s->n; i++) x += s->x[i] / s->n, y += s->y[i] / s->n;
    for (int i = 0; i < s->n; i++) squares += ((s->x[i] - x) * (s->x[i] - x) + (s->y[i] - y) * (s->y[i] - y)) / s->n;
    return squares < 1e-8;
}

/* Both halves of the descent.  Where a point has a good part of all others as neighbours, attraction 12 times too strong
   beats repulsion everywhere, and what falls into one point never leaves it: then the first half is done again, from the
   start, with half of it, down to none at all. */
static inline void tsne_halves(ae_ctx *ae, tsne_state *s, const tsne_options *o, const float *start, tsne_report *r)
{
    int early = o->early < o->iterations ? o->early : o->iterations;
    double exaggeration = 2 * o->exaggeration;
    do {
        exaggeration = exaggeration / 2 > 1 || o->exaggeration < 1 ? exaggeration / 2 : 1;
        tsne_place(s, start);
        r->iterations = tsne_descend(ae, s, o, 0, early, exaggeration, 0.5f);
    } while (early > 0 && !s->stopped && exaggeration > 1 && tsne_collapsed(s));
    if (exaggeration < o->exaggeration && !r->note[0])
        snprintf(r->note, sizeof r->note, "t-SNE: a perplexity of %g is large for %d points: early exaggeration lowered from %g to %g",
                 r->perplexity, s->n, o->exaggeration, exaggeration);
    if (!s->stopped) r->iterations = tsne_descend(ae, s, o, early, o->iterations, 1, 0.8f);
}

/* ==== How good is the map? ================================================================================= */

typedef struct tsne_sums { const tsne_graph *g; const float *map; double *z, *cross, *weight; } tsne_sums;

/* For a chunk of rows: z, the sum of q over the pairs j > i; and over the neighbours the sums of P log(P / q) and P. */
static inline void tsne_kl_chunk(void *user, int chunk)
{
    const tsne_sums *t = (const tsne_sums *)user;
    double z = 0, cross = 0, weight = 0;
    for (int i = chunk * TSNE_CHUNK; i < t->g->n && i < (chunk + 1) * TSNE_CHUNK; i++) {
        double x = t->map[2 * i], y = t->map[2 * i + 1];
        for (int j = i + 1; j < t->g->n; j++) {
            double dx = x - t->map[2 * j], dy = y - t->map[2 * j + 1];
            z += 1 / (1 + dx * dx + dy * dy);
        }
        for (size_t e = t->g->start[i]; e < t->g->start[i + 1]; e++) {
            int j = t->g->index[e];
            double dx = x - t->map[2 * j], dy = y - t->map[2 * j + 1], p = t->g->p[e];
            if (p > 0) cross += p * log(p * (1 + dx * dx + dy * dy));
            weight += p;
        }
    }
    t->z[chunk] = z;
    t->cross[chunk] = cross;
    t->weight[chunk] = weight;
}

/* KL(P || Q) of map[n][2] over all pairs, in double; negative if there is no memory. */
static inline double tsne_kl(ae_ctx *ae, const tsne_graph *g, const float *map)
{
    int chunks = (g->n + TSNE_CHUNK - 1) / TSNE_CHUNK;
    double *room = (double *)malloc((size_t)chunks * 3 * sizeof *room), z = 0, cross = 0, weight = 0;
    tsne_sums t = {g, map, room, room + chunks, room + 2 * chunks};
    if (!room) return -1;
    ae_parallel(ae, chunks, tsne_kl_chunk, &t);
    for (int i = 0; i < chunks; i++) {
        z += 2 * t.z[i];
        cross += t.cross[i];
        weight += t.weight[i];
    }
    free(room);
    return weight > 0 ? cross + weight * log(z) : 0;
}

/* The commonest label of the k points index[k]; of equally common ones the lowest. */
static inline int tsne_vote(const uint8_t *label, const int *index, int k)
{
    int votes[256], best = 0;
    memset(votes, 0, sizeof votes);
    for (int j = 0; j < k; j++) votes[label[index[j]]]++;
    for (int c = 1; c < 256; c++)
        if (votes[c] > votes[best]) best = c;
    return best;
}

/* The share of points whose label is the commonest one among their k nearest neighbours, themselves left out.  points[n][d]: a map (d = 2), latents, pixels. */
static inline double tsne_label_accuracy(ae_ctx *ae, const float *points, const uint8_t *label, int n, int d, int k)
{
    int *index = (int *)malloc((size_t)n * k * sizeof *index), right = 0;
    float *distance = (float *)malloc((size_t)n * k * sizeof *distance);
    int well = index && distance && tsne_nearest(ae, points, n, points, n, d, k, index, distance);
    for (int i = 0; well && i < n; i++) right += tsne_vote(label, index + (size_t)i * k, k) == label[i];
    free(index);
    free(distance);
    return well ? (double)right / n : -1;
}

/* How far the k neighbours of a row in the map lie beyond its k neighbours in the data, in ranks. */
static inline void tsne_visit_ranks(const tsne_walk *w, int row, const float *distance)
{
    double penalty = 0;
    for (int a = 0; a < w->k; a++) {
        int j = w->index[(size_t)row * w->k + a], nearer = 0;
        float far = distance[j];
        for (int i = 0; i < w->n; i++) nearer += distance[i] < far;
        for (int i = 0; i < j; i++) nearer += distance[i] == far;
        nearer -= distance[row] < far || (distance[row] == far && row < j);      /* the row itself has no rank */
        if (nearer >= w->k) penalty += nearer + 1 - w->k;
    }
    w->result[row] = penalty;
}

/* Trustworthiness (Venna & Kaski 2001): 1 if each point's k neighbours in map[n][map_d] are its k neighbours in
   data[n][d], less for each that is not, by how far away it is there.  Needs k < n / 2; negative otherwise. */
static inline double tsne_trustworthiness(ae_ctx *ae, const float *data, int n, int d, const float *map, int map_d, int k)
{
    tsne_walk w;
    double sum = 0;
    int well;
    if (k < 1 || 2 * k >= n) return -1;
    memset(&w, 0, sizeof w);
    w.isa = tsne_isa_of(0);
    w.query = data;
    w.n = w.m = n;
    w.d = d;
    w.k = k;
    w.visit = tsne_visit_ranks;
    w.index = (int *)malloc((size_t)n * k * sizeof *w.index);
    w.distance = (float *)malloc((size_t)n * k * sizeof *w.distance);
    w.result = (double *)malloc((size_t)n * sizeof *w.result);
    well = w.index && w.distance && w.result && tsne_nearest(ae, map, n, map, n, map_d, k, w.index, w.distance) && tsne_walk_all(ae, &w, data);
    for (int i = 0; well && i < n; i++) sum += w.result[i];
    free(w.index), free(w.distance), free(w.result);
    return well ? 1 - sum * 2 / ((double)n * k * (2.0 * n - 3.0 * k - 1)) : -1;
}

/* ==== Run ================================================================================================== */

static inline int tsne_no(tsne_report *r, const char *why)
{
    snprintf(r->note, sizeof r->note, "t-SNE: %s", why);
    return 0;
}

/* Squares of differences must stay floats; 1e15 leaves room for a thousand columns. */
static inline int tsne_check(const float *data, int n, int d, const tsne_options *o, tsne_report *r)
{
    if (n < 1 || d < 1) return tsne_no(r, "there are no points");
    if (!(o->perplexity >= 1) || !(o->exaggeration > 0) || o->iterations < 0 || !(o->learning_rate >= 0))
        return tsne_no(r, "perplexity must be at least 1, exaggeration positive, iterations and learning rate not negative");
    for (size_t i = 0; i < (size_t)n * d; i++)
        if (!(fabsf(data[i]) <= 1e15f)) {
            snprintf(r->note, sizeof r->note, "t-SNE: row %ld, column %ld is %g", (long)(i / (size_t)d), (long)(i % (size_t)d), (double)data[i]);
            return 0;
        }
    for (size_t i = 0; o->start && i < (size_t)n * 2; i++)
        if (!(fabsf(o->start[i]) <= 1e15f)) return tsne_no(r, "the starting positions hold a NaN or an infinity");
    return 1;
}

/* The perplexity that n points can have: a third of the neighbours there are, and never below 1. */
static inline void tsne_fit_perplexity(int n, const tsne_options *o, tsne_report *r)
{
    double most = (n - 1) / 3.0 > 1 ? (n - 1) / 3.0 : 1;
    r->perplexity = o->perplexity;
    if (o->perplexity <= most) return;
    r->perplexity = most;
    snprintf(r->note, sizeof r->note, "t-SNE: %d points are few for a perplexity of %g, used %.4g", n, o->perplexity, most);
}

/* Where the points start, to map[n][2]: the first two principal components, the first with a standard deviation of 1e-4.
   A component without variance, as of identical points, is replaced by scatter: coordinates that are all equal would
   never leave one another. */
static inline int tsne_start(ae_ctx *ae, const float *data, int n, int d, float *map, tsne_report *r)
{
    pca_rows rows = pca_rows_f32(data);
    pca_model m;
    int k = d < 2 ? d : 2, flat[2] = {1, 1};
    double deviation;
    if (!pca_fit(ae, &rows, n, d, k, &m, r->note, sizeof r->note)) return 0;
    if (!pca_project(ae, &m, &rows, n, k, map)) {
        pca_free(&m);
        return tsne_no(r, "out of memory");
    }
    for (int c = 0; c < k; c++) flat[c] = !(m.eigenvalue[c] > 1e-12 * m.eigenvalue[0] && m.eigenvalue[c] > 1e-30);
    deviation = sqrt(m.eigenvalue[0] * (n > 1 ? (n - 1.0) / n : 1));
    pca_free(&m);
    for (int i = n - 1; i >= 0; i--)      /* from the back: with one column the codes lie in the first half */
        for (int c = 1; c >= 0; c--)
            map[2 * i + c] = (float)(1e-4 * (flat[c] ? pca_scatter((uint32_t)(2 * i + c)) : map[k * i + c] / deviation));
    if (flat[0] && !r->note[0]) snprintf(r->note, sizeof r->note, "t-SNE: all %d points are the same", n);
    return 1;
}

static inline int tsne_state_make(tsne_state *s, const tsne_graph *g, int lanes)
{
    size_t pitch = tsne_round16((size_t)g->n);
    float *room = (float *)calloc(pitch * (8 + 2 * TSNE_STRIPES), sizeof *room);
    if (!room) return 0;
    s->isa = tsne_isa_of(lanes);
    s->graph = g;
    s->n = g->n;
    s->pitch = pitch;
    s->stopped = 0;
    s->x = room, s->y = room + pitch;
    s->dx = room + 2 * pitch, s->dy = room + 3 * pitch;
    s->ux = room + 4 * pitch, s->uy = room + 5 * pitch;
    s->hx = room + 6 * pitch, s->hy = room + 7 * pitch;
    s->push = room + 8 * pitch;
    return 1;
}

/* From the start in map to the finished map. */
static inline int tsne_optimise(ae_ctx *ae, const tsne_graph *g, const tsne_options *o, float *map, tsne_report *r)
{
    tsne_state s;
    if (!tsne_state_make(&s, g, o->lanes)) return 0;
    tsne_halves(ae, &s, o, map, r);
    for (int i = 0; i < g->n; i++) {
        map[2 * i] = s.x[i];
        map[2 * i + 1] = s.y[i];
    }
    free(s.x);
    r->kl = tsne_kl(ae, g, map);
    return r->kl - r->kl == 0 && r->kl > -0.5;      /* a divergence is never negative: -1 is a lack of memory */
}

/* Map data[n][d] to map[n][2].  Returns 1, or 0 with the reason in report->note; see the top of this file. */
static inline int tsne_run(ae_ctx *ae, const float *data, int n, int d, const tsne_options *o, float *map, tsne_report *report)
{
    tsne_graph g;
    int well;
    memset(report, 0, sizeof *report);
    if (!tsne_check(data, n, d, o, report)) return 0;
    tsne_fit_perplexity(n, o, report);
    if (o->start) memcpy(map, o->start, (size_t)n * 2 * sizeof *map);
    else if (!tsne_start(ae, data, n, d, map, report)) return 0;
    if (n == 1) return 1;      /* nobody to be near to */
    if (!tsne_graph_make(ae, data, n, d, report->perplexity, &g)) return tsne_no(report, "out of memory");
    report->neighbours = 3 * report->perplexity + 1 < n - 1 ? (int)(3 * report->perplexity + 1) : n - 1;
    well = tsne_optimise(ae, &g, o, map, report);
    tsne_graph_free(&g);
    return well ? 1 : tsne_no(report, "the descent ran away or memory ran out; is the learning rate too high?");
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
