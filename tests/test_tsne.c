/* test_tsne.c - lessons/tsne.h against scikit-learn's numbers and against its own formulae.  Prints TAP.

   cc -O1 tests/test_tsne.c -o test_tsne -lm -lpthread && AUTOENC_SHARED=folder ./test_tsne
   With AUTOENC_SHARED/fixtures/latents.npy and latents_labels.npy it also maps 10,000 latents, which takes 5 to 20
   seconds at -O2; without, those checks are skipped. */
#include <string.h>
static const char *kinds;                /* kinds of instructions that this processor is said to have; NULL: those that it has */
#if defined(__x86_64__) || defined(__i386__)
static int supports(const char *kind, int truly) { return kinds ? strstr(kinds, kind) != NULL : truly; }
#define __builtin_cpu_supports(kind) supports("<" kind ">", __builtin_cpu_supports(kind))
#endif
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "../lessons/tsne.h"

static int tests, failures;

static void check(int well, const char *name)
{
    tests++;
    failures += !well;
    printf("%s %d - %s\n", well ? "ok" : "not ok", tests, name);
    fflush(stdout);
}

static void skip(const char *name, const char *why) { printf("ok %d - %s # SKIP %s\n", ++tests, name, why); }

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

static int finite_map(const float *map, int n)
{
    for (int i = 0; i < 2 * n; i++)
        if (!(fabsf(map[i]) < 1e10f)) return 0;
    return 1;
}

/* Fowler, Noll and Vo's hash of the bits. */
static uint32_t hash(const void *data, size_t bytes)
{
    const uint8_t *p = (const uint8_t *)data;
    uint32_t h = 2166136261u;
    while (bytes--) h = (h ^ *p++) * 16777619u;
    return h;
}

static int have_fma(void)
{
#ifdef TSNE_X86
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

/* ==== Three blobs ========================================================================================== */

enum { BLOB = 70, BLOBS = 3 * BLOB, COLUMNS = 10 };

/* Three round clouds in ten dimensions, about seven deviations apart. */
static void make_blobs(float *x, uint8_t *label)
{
    for (int i = 0; i < BLOBS; i++) {
        label[i] = (uint8_t)(i % 3);
        for (int c = 0; c < COLUMNS; c++) {
            float sum = c == label[i] ? 5.0f : 0.0f;
            for (int t = 0; t < 4; t++) sum += (float)pca_scatter((uint32_t)((i * COLUMNS + c) * 4 + t));
            x[i * COLUMNS + c] = sum;
        }
    }
}

/* A start that owes nothing to the library's matrix product, so that its bits test t-SNE alone. */
static void make_start(float *start, int n)
{
    for (int i = 0; i < 2 * n; i++) start[i] = (float)(1e-4 * pca_scatter((uint32_t)i + 77));
}

static void test_blobs(ae_ctx *ae)
{
    static float x[BLOBS * COLUMNS], map[BLOBS * 2];
    uint8_t label[BLOBS];
    tsne_options o = tsne_defaults();
    tsne_report r;
    double own = 0, other = 1e30;
    make_blobs(x, label);
    o.perplexity = 20;
    check(tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && r.iterations == 1000 && r.neighbours == 61 && !r.note[0], "three blobs are mapped");
    check(finite_map(map, BLOBS) && tsne_label_accuracy(ae, map, label, BLOBS, 2, 10) == 1, "each point is among its own");
    for (int i = 0; i < BLOBS; i++)
        for (int j = 0; j < BLOBS; j++) {
            double dx = map[2 * i] - map[2 * j], dy = map[2 * i + 1] - map[2 * j + 1], far = sqrt(dx * dx + dy * dy);
            if (label[i] == label[j] && far > own) own = far;
            if (label[i] != label[j] && far < other) other = far;
        }
    printf("# KL %.4f, widest blob %.2f, narrowest gap %.2f\n", r.kl, own, other);
    check(other > 5 && r.kl > 0 && r.kl < 1, "the blobs do not touch");
    check(tsne_trustworthiness(ae, x, BLOBS, COLUMNS, map, 2, 10) > 0.9, "and are trustworthy inside");
}

/* One round cloud in which a third of all are everybody's neighbours: attraction 12 times too strong draws it into one
   point for good. */
static void test_large_perplexity(ae_ctx *ae)
{
    enum { N = 2000, FEW = 600 };
    static float x[N * COLUMNS], map[N * 2];
    tsne_options o = tsne_defaults();
    tsne_report r;
    for (int i = 0; i < N * COLUMNS; i++) x[i] = (float)pca_scatter((uint32_t)i);
    o.perplexity = 600;
    check(tsne_run(ae, x, N, COLUMNS, &o, map, &r) && strstr(r.note, "exaggeration lowered"), "a perplexity that is large for the points is reported");
    printf("# KL %.4f, trustworthiness %.4f\n", r.kl, tsne_trustworthiness(ae, x, N, COLUMNS, map, 2, 10));
    check(finite_map(map, N) && r.iterations == 1000 && tsne_trustworthiness(ae, x, N, COLUMNS, map, 2, 10) > 0.7, "and the points are told apart");
    o.exaggeration = 1;
    check(tsne_run(ae, x, N, COLUMNS, &o, map, &r) && !r.note[0], "no exaggeration needs no lowering");
    o.exaggeration = 12, o.perplexity = 5000;
    check(tsne_run(ae, x, FEW, COLUMNS, &o, map, &r) && strstr(r.note, "are few for") && tsne_trustworthiness(ae, x, FEW, COLUMNS, map, 2, 10) > 0.6, "where that is lowered, too, the first word counts");
}

/* ==== The same bits ======================================================================================== */

static uint32_t blob_bits(int threads, int lanes, float *map)
{
    static float x[BLOBS * COLUMNS], start[BLOBS * 2];
    uint8_t label[BLOBS];
    tsne_options o = tsne_defaults();
    tsne_report r;
    ae_ctx *ae = context(threads);
    make_blobs(x, label);
    make_start(start, BLOBS);
    o.perplexity = 20;
    o.iterations = 500;
    o.start = start;
    o.lanes = lanes;
    if (!ae || !tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r)) return 0;
    ae_free(ae);
    return hash(map, BLOBS * 2 * sizeof *map);
}

/* Distances from each instruction set to eight queries in 7 dimensions of 48 points: the same bits. */
static int same_distances(void)
{
    static float base[48 * 7], q[8 * 7], wide[8 * 48], narrow[8 * 48];
    for (int i = 0; i < 48 * 7; i++) base[i] = (float)pca_scatter((uint32_t)i);
    for (int i = 0; i < 8 * 7; i++) q[i] = (float)pca_scatter((uint32_t)i + 5000);
    tsne_isa_of(0).distances(base, 3, 7, q, wide);
    tsne_isa_of(8).distances(base, 3, 7, q, narrow);
    return !memcmp(wide, narrow, sizeof wide);
}

static void test_bits(void)
{
    static float map[BLOBS * 2];
    uint32_t one = blob_bits(1, 0, map);
    int same = one != 0;
    uint8_t label[BLOBS];
    for (int threads = 2; threads <= 4; threads++) same = same && blob_bits(threads, 0, map) == one;
    printf("# bits %08x\n", (unsigned)one);
    check(same, "the same bits on 1, 2, 3, 4 threads");
    if (have_fma()) {
        check(blob_bits(2, 8, map) == one && same_distances(), "the same bits in vectors of 8 and of 16, if there are any of 16");
        check(one == 0xc3a925f9u, "the same bits as ever: any compiler, any -O");
    } else {
        skip("the same bits in vectors of 8 and of 16", "no AVX2");
        skip("the same bits as ever", "no AVX2");
    }
    ae_ctx *ae = context(1);
    static float x[BLOBS * COLUMNS];
    make_blobs(x, label);
    check(ae && blob_bits(1, 4, map) && tsne_label_accuracy(ae, map, label, BLOBS, 2, 10) == 1, "vectors of 4 make as good a map");
    ae_free(ae);
}

/* ==== The parts, against their formulae ==================================================================== */

/* x[n][5], numbers that any language makes alike. */
static void make_rows(float *x, int n)
{
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 5; c++) x[i * 5 + c] = (float)(((i * i * 31 + c * c * 17 + i * c * 101 + 7 * i) % 997) / 997.0);
}

/* The gradient of the map by its definition, in double, over all pairs; the worst error beside the largest entry. */
static double gradient_error(const tsne_state *s, const tsne_graph *g, double exaggeration)
{
    int n = s->n;
    double z = 0, worst = 0, largest = 0, *p = (double *)calloc((size_t)n * n, sizeof *p);
    if (!p) return 1;
    for (int i = 0; i < n; i++)
        for (size_t e = g->start[i]; e < g->start[i + 1]; e++) p[i * n + g->index[e]] += g->p[e];
#define Q(i, j) (1 / (1 + ((double)s->x[i] - s->x[j]) * ((double)s->x[i] - s->x[j]) + ((double)s->y[i] - s->y[j]) * ((double)s->y[i] - s->y[j])))
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) z += i == j ? 0 : Q(i, j);
    for (int i = 0; i < n; i++) {
        double dx = 0, dy = 0;
        for (int j = 0; j < n; j++) {
            double f = 4 * (exaggeration * p[i * n + j] - Q(i, j) / z) * Q(i, j);
            dx += f * ((double)s->x[i] - s->x[j]);
            dy += f * ((double)s->y[i] - s->y[j]);
        }
        if (fabs(dx) > largest) largest = fabs(dx);
        if (fabs(dx - s->dx[i]) > worst) worst = fabs(dx - s->dx[i]);
        if (fabs(dy - s->dy[i]) > worst) worst = fabs(dy - s->dy[i]);
    }
#undef Q
    free(p);
    return worst / largest;
}

static void test_gradient(ae_ctx *ae)
{
    enum { N = 531 };      /* not a multiple of four, of sixteen or of a chunk, and more than a lap of stripes */
    static float x[N * 5], map[N * 2];
    tsne_graph g;
    tsne_state s;
    int lanes[3] = {4, 8, 16};
    make_rows(x, N);
    for (int i = 0; i < N * 2; i++) map[i] = (float)(8 * pca_scatter((uint32_t)i));
    if (!tsne_graph_make(ae, x, N, 5, 12, &g)) exit(3);
    for (int t = 0; t < 3; t++) {
        char name[80];
        if (!tsne_state_make(&s, &g, lanes[t])) exit(3);
        tsne_place(&s, map);
        tsne_gradient(ae, &s, 1.5);
        double error = gradient_error(&s, &g, 1.5);
        snprintf(name, sizeof name, "the gradient in vectors of at most %d is right to 3e-4", lanes[t]);
        printf("# worst error %.2g of the largest entry\n", error);
        check(error < 3e-4, name);
        free(s.x);
    }
    tsne_graph_free(&g);
}

static void test_nearest(ae_ctx *ae)
{
    enum { N = 150, M = 37, K = 9 };
    static float x[N * 5], q[M * 5], distance[N * K];
    static int index[N * K];
    int well = 1;
    make_rows(x, N);
    for (int i = 0; i < M * 5; i++) q[i] = x[(i * 7) % (N * 5)] + 0.01f * (float)(i % 3);
    memcpy(x + 5 * 20, x + 5 * 90, 5 * sizeof *x);      /* two equal points */
    well = tsne_nearest(ae, x, N, q, M, 5, K, index, distance);
    for (int i = 0; i < M && well; i++)
        for (int a = 0; a < K; a++) {
            int nearer = 0, point = index[i * K + a];
            double own = 0;
            for (int j = 0; j < N; j++) {
                double far = 0, at = 0;
                for (int c = 0; c < 5; c++) {
                    far += ((double)q[i * 5 + c] - x[j * 5 + c]) * ((double)q[i * 5 + c] - x[j * 5 + c]);
                    at += ((double)q[i * 5 + c] - x[point * 5 + c]) * ((double)q[i * 5 + c] - x[point * 5 + c]);
                }
                nearer += far < at || (far == at && j < point);
                own = at;
            }
            well = well && nearer == a && near(distance[i * K + a], own, 1e-5);
        }
    check(well, "nearest points, their order and distances, as by brute force");
    well = tsne_nearest(ae, x, N, x, N, 5, 1, index, distance);
    check(well && index[20] == 90 && index[90] == 20 && distance[20] == 0, "nobody is its own neighbour, an equal point is");
    check(!tsne_nearest(ae, x, N, x, N, 5, N, index, distance) && tsne_nearest(ae, x, 5, q, 1, 5, 5, index, distance), "k is checked");
}

/* i = arange(40)[:, None]; c = arange(5); x = (((i*i*31 + c*c*17 + i*c*101 + 7*i) % 997) / 997).astype(float32); y = x[:, :2]
   sklearn.manifold.trustworthiness(x, y, n_neighbors=5); sklearn.manifold._t_sne._joint_probabilities_nn with perplexity 5
   over 16 neighbours; KL of y against it over all pairs; leave-one-out vote of 5 neighbours in x with labels i * 3 // 40 */
/* A base so large that it is read in several pieces. */
static void test_pieces(ae_ctx *ae)
{
    enum { N = 210, D = 784 };
    static float x[N * D];
    int index[3], wrong = 0;
    float distance[3];
    for (int i = 0; i < N * D; i++) x[i] = (float)pca_scatter((uint32_t)i);
    for (int q = 0; q < N; q += 19) {
        int best = -1;
        double least = INFINITY;
        float query[D];
        for (int c = 0; c < D; c++) query[c] = x[q * D + c] + 0.01f * (float)(c % 7);
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int c = 0; c < D; c++) sum += ((double)query[c] - x[i * D + c]) * ((double)query[c] - x[i * D + c]);
            if (sum < least) least = sum, best = i;
        }
        wrong += !tsne_nearest(ae, x, N, query, 1, D, 3, index, distance) || index[0] != best || fabs(distance[0] - least) > 1e-3 * least;
    }
    check(!wrong, "the nearest of many points with many columns");
}

static void test_reference(ae_ctx *ae)
{
    float x[40 * 5], y[40 * 2], top = 0;
    double sum = 0;
    uint8_t label[40];
    int entries = 0, place = 0, symmetric = 1;
    tsne_graph g;
    make_rows(x, 40);
    for (int i = 0; i < 40; i++) y[2 * i] = x[5 * i], y[2 * i + 1] = x[5 * i + 1], label[i] = (uint8_t)(i * 3 / 40);
    check(near(tsne_trustworthiness(ae, x, 40, 5, y, 2, 5), 0.744375, 1e-12), "trustworthiness is scikit-learn's");
    check(near(tsne_label_accuracy(ae, x, label, 40, 5, 5), 0.425, 1e-12), "label accuracy is scikit-learn's");
    check(near(tsne_trustworthiness(ae, x, 40, 5, x, 5, 5), 1, 0) && tsne_trustworthiness(ae, x, 40, 5, y, 2, 20) < 0, "trustworthiness of the data is 1");
    if (!tsne_graph_make(ae, x, 40, 5, 5, &g)) exit(3);
    for (int i = 0; i < 40; i++)
        for (size_t e = g.start[i]; e < g.start[i + 1]; e++) {
            float back = 0;
            for (size_t f = g.start[g.index[e]]; f < g.start[g.index[e] + 1]; f++)
                if (g.index[f] == i) back += g.p[f];
            symmetric = symmetric && (g.p[e] == 0 || back == g.p[e]);
            entries += g.p[e] > 0;
            sum += g.p[e];
            if (i == 0 && g.p[e] > top) top = g.p[e], place = g.index[e];
        }
    check(symmetric && near(sum, 1, 1e-6), "P is symmetric and sums to 1");
    check(entries == 810 && place == 10 && near(top, 0.00549282829, 1e-7), "P is scikit-learn's");
    check(near(tsne_kl(ae, &g, y), 1.77926297, 1e-5), "KL is that of scikit-learn's P over all pairs");
    tsne_graph_free(&g);
}

static void test_exp(void)
{
    double worst = 0;
    for (int i = -70000; i <= 700; i++) {
        double x = i * 0.01, want = exp(x), error = fabs(tsne_exp(x) - want) / want;
        if (error > worst) worst = error;
    }
    printf("# worst relative error %.2g\n", worst);
    check(worst < 1e-15 && tsne_exp(0) == 1 && tsne_exp(-1e9) == 0 && tsne_exp(1e9) == tsne_exp(700), "our exp is exp");
}

/* A processor without some kinds of instructions takes the next best. */
static void test_processors(void)
{
#ifdef TSNE_X86
    static const struct { const char *kinds; int lanes, best; } cases[] = {
        { "<avx2><fma><avx512f>", 0, 16 }, { "<avx2><fma><avx512f>", 8, 8 }, { "<avx2><fma><avx512f>", 4, 4 }, { "<avx2><fma>", 0, 8 }, { "<avx2>", 0, 4 }, { "<fma>", 16, 4 }, { "", 0, 4 } };
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kinds = cases[i].kinds;
        tsne_isa isa = tsne_isa_of(cases[i].lanes);
        wrong += isa.repel != (cases[i].best == 16 ? tsne_repel_avx512 : cases[i].best == 8 ? tsne_repel_avx2 : tsne_repel_plain);
    }
    kinds = NULL;
    check(!wrong, "each processor gets the widest vectors that it has");
#else
    skip("each processor gets the widest vectors that it has", "there is one kind here");
#endif
}

/* ==== Awkward input ======================================================================================== */

static void test_few(ae_ctx *ae)
{
    float x[40 * 5], map[80];
    int well = 1, said = 1;
    tsne_options o = tsne_defaults();
    tsne_report r;
    make_rows(x, 40);
    o.iterations = 300;
    for (int n = 1; n <= 40; n++) {
        well = well && tsne_run(ae, x, n, 5, &o, map, &r) && finite_map(map, n) && r.kl >= 0;
        said = said && strstr(r.note, "perplexity") && r.perplexity < 30;
    }
    check(well, "1 to 40 points for a perplexity of 30 are mapped");
    check(said, "and the lower perplexity is reported");
    well = tsne_run(ae, x, 40, 1, &o, map, &r) && finite_map(map, 40);
    check(well, "data of one column are mapped");
    check(!tsne_run(ae, x, 0, 5, &o, map, &r) && r.note[0] && !tsne_run(ae, x, 9, 0, &o, map, &r) && r.note[0], "no points, or no columns, are refused");
    o.early = 0;
    check(tsne_run(ae, x, 40, 5, &o, map, &r) && r.iterations == 300 && finite_map(map, 40), "no early part");
    o.early = 100, o.exaggeration = 0.5;
    check(tsne_run(ae, x, 40, 5, &o, map, &r) && finite_map(map, 40), "attraction made weaker");
    o.exaggeration = 1.5;
    check(tsne_run(ae, x, 40, 5, &o, map, &r) && finite_map(map, 40), "attraction made a little stronger");
}

static void test_identical(ae_ctx *ae)
{
    static float x[200 * 3], map[400];
    tsne_options o = tsne_defaults();
    tsne_report r;
    o.perplexity = 10;
    o.iterations = 300;
    for (int i = 0; i < 600; i++) x[i] = 0.5f;
    check(tsne_run(ae, x, 200, 3, &o, map, &r) && finite_map(map, 200) && strstr(r.note, "the same"), "identical points are mapped and reported");
    for (int i = 0; i < 300; i++) x[i] = (float)pca_scatter((uint32_t)i) * 1e6f;
    check(tsne_run(ae, x, 200, 3, &o, map, &r) && finite_map(map, 200), "a hundred identical points among a hundred others, far apart");
    for (int i = 0; i < 600; i++) x[i] = (float)pca_scatter((uint32_t)i) * 1e-12f;
    check(tsne_run(ae, x, 200, 3, &o, map, &r) && finite_map(map, 200) && r.kl < 3, "tiny numbers");
    for (int i = 0; i < 600; i++) x[i] = (float)pca_scatter((uint32_t)i) * 1e-17f;
    check(tsne_run(ae, x, 200, 3, &o, map, &r) && finite_map(map, 200) && strstr(r.note, "the same"), "tinier ones are as good as the same");
    for (int i = 0; i < 600; i++) x[i] = (float)(i / 3 % 40);                     /* five of each */
    check(tsne_trustworthiness(ae, x, 200, 3, x, 3, 7) == 1, "of points that are the same the first are the nearest, in both spaces");
    check(tsne_trustworthiness(ae, x, 200, 3, x, 3, 0) < 0 && tsne_trustworthiness(ae, x, 200, 3, x, 3, 100) < 0, "no neighbour, or half of all, is no measure");
    check(tsne_trustworthiness(ae, x, 200, 3, x + 1, 3, 7) <= 1, "nor is it ever above 1");
    size_t start[3] = { 0, 0, 0 };
    tsne_graph none = { 2, start, NULL, NULL };
    check(tsne_kl(ae, &none, map) == 0, "points without neighbours diverge from nothing");
    int index[8];
    float distance[8];
    check(!tsne_nearest(ae, x, 9, map, 0, 3, 2, index, distance) && !tsne_nearest(ae, x, 9, map, 2, 0, 2, index, distance), "the nearest of no points, or without columns, are refused");
}

static int stop_at_fifty(void *user, int done, int all)
{
    *(int *)user = all;
    return done >= 50;
}

static void test_refusals(ae_ctx *ae)
{
    static float x[BLOBS * COLUMNS], map[BLOBS * 2];
    uint8_t label[BLOBS];
    tsne_options o = tsne_defaults();
    tsne_report r;
    int all = 0;
    make_blobs(x, label);
    o.perplexity = 20;
    o.iterations = 60;
    o.user = &all;
    o.progress = stop_at_fifty;
    check(tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && r.iterations == 50 && all == 60, "progress can stop the descent");
    o.early = 50;
    check(tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && r.iterations == 50, "also where its two halves meet");
    o.progress = NULL;
    x[17 * COLUMNS + 3] = NAN;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && strstr(r.note, "row 17, column 3"), "NaN is refused, and found");
    x[17 * COLUMNS + 3] = INFINITY;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r), "infinity is refused");
    x[17 * COLUMNS + 3] = 1;
    o.perplexity = 0.5;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && r.note[0], "a perplexity below 1 is refused");
    o.perplexity = NAN;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && r.note[0], "a perplexity of NaN is refused");
    o.perplexity = 20;
    o.exaggeration = 0;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && strstr(r.note, "exaggeration positive"), "an exaggeration of nothing is refused");
    o.exaggeration = 12, o.iterations = -1;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && strstr(r.note, "iterations"), "so are fewer iterations than none");
    o.iterations = 60, o.learning_rate = -1;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && strstr(r.note, "learning rate not negative"), "a negative learning rate");
    o.learning_rate = 0, map[7] = NAN, o.start = map;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && strstr(r.note, "starting positions"), "a start that is no number");
    o.start = NULL;
    o.learning_rate = 1e30;
    check(!tsne_run(ae, x, BLOBS, COLUMNS, &o, map, &r) && strstr(r.note, "ran away"), "a descent that runs away is no success");
}

/* ==== Real latents ========================================================================================= */

/* `count` elements behind the 128 bytes that head a .npy; NULL if it is not there. */
static void *read_fixture(const char *name, size_t count, size_t element)
{
    const char *shared = getenv("AUTOENC_SHARED");
    char path[1024];
    FILE *f = NULL;
    void *data = malloc(count * element);
    if (shared && data) snprintf(path, sizeof path, "%s/fixtures/%s", shared, name), f = fopen(path, "rb");
    if (!f || fseek(f, 128, SEEK_SET) || fread(data, element, count, f) != count) {
        free(data);
        data = NULL;
    }
    if (f) fclose(f);
    return data;
}

/* The test latents of the convolutional autoencoder.  Measured on them elsewhere: label accuracy 0.9513 in 64
   dimensions; of their PCA map 0.3345, trustworthiness 0.7929, KL 4.0900; of scikit-learn's t-SNE KL 1.7509, 0.9475, 0.9910. */
static void test_latents(ae_ctx *ae)
{
    enum { N = 10000, D = 64 };
    float *x = (float *)read_fixture("latents.npy", N * D, sizeof *x), *map = (float *)malloc(N * 2 * sizeof *map);
    uint8_t *label = (uint8_t *)read_fixture("latents_labels.npy", N, 1);
    pca_rows rows = pca_rows_f32(x);
    pca_model m;
    tsne_options o = tsne_defaults();
    tsne_report r;
    if (!x || !label || !map) {
        skip("10,000 real latents", "no AUTOENC_SHARED/fixtures/latents.npy");
    } else {
        double accuracy, trust;
        check(near(tsne_label_accuracy(ae, x, label, N, D, 10), 0.9513, 1e-4), "label accuracy of the latents themselves");
        int well = pca_fit(ae, &rows, N, D, 2, &m, NULL, 0) && pca_project(ae, &m, &rows, N, 2, map);
        check(well && near(tsne_label_accuracy(ae, map, label, N, 2, 10), 0.3345, 3e-4), "label accuracy of their PCA map");
        check(well && near(tsne_trustworthiness(ae, x, N, D, map, 2, 10), 0.7929, 1e-4), "trustworthiness of their PCA map");
        if (well) pca_free(&m);
        well = tsne_run(ae, x, N, D, &o, map, &r);
        accuracy = tsne_label_accuracy(ae, map, label, N, 2, 10);
        trust = tsne_trustworthiness(ae, x, N, D, map, 2, 10);
        printf("# t-SNE: KL %.4f, label accuracy %.4f, trustworthiness %.4f, bits %08x\n", r.kl, accuracy, trust, (unsigned)hash(map, N * 8));
        check(well && r.kl <= 1.77 && r.kl > 1.5, "KL of their t-SNE map is at most 1.77");
        check(accuracy >= 0.94, "label accuracy is at least 0.94");
        check(trust >= 0.988, "trustworthiness is at least 0.988");
    }
    free(x), free(map), free(label);
}

int main(void)
{
    ae_ctx *ae = context(2);
    if (!ae) return 3;
    test_exp();
    test_nearest(ae);
    test_pieces(ae);
    test_processors();
    test_reference(ae);
    test_gradient(ae);
    test_blobs(ae);
    test_large_perplexity(ae);
    test_bits();
    test_few(ae);
    test_identical(ae);
    test_refusals(ae);
    test_latents(ae);
    ae_free(ae);
    printf("1..%d\n", tests);
    return failures != 0;
}
