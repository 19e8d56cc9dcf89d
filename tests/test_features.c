/* test_features.c - the measures of features in lessons/metrics.h against scikit-learn's numbers.  Prints TAP.

   The numbers are in features_numbers.h; make_features.py made them, from the rows that the formulas here make too. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "../lessons/tsne.h"
#include "../lessons/metrics.h"
#include "tap.h"
#include "features_numbers.h"

enum { N = 400, M = 300, D = 6, CLASSES = 4, K = 5 };
static float x[N * D], t[M * D];
static uint8_t y[N], u[M];
static const metrics_set train = { x, y, N, D }, test = { t, u, M, D };

static int near(double got, double want, double tolerance)
{
    int well = fabs(got - want) <= tolerance;
    if (!well) printf("# got %.12g, want %.12g\n", got, want);
    return well;
}

static uint32_t hash32(uint32_t i)
{
    i = (i ^ (i >> 16)) * 0x7feb352du;
    i = (i ^ (i >> 15)) * 0x846ca68bu;
    return i ^ (i >> 16);
}

static void make_rows(float *row, uint8_t *label, int n, uint32_t seed)
{
    for (int i = 0; i < n * D; i++) {
        int c = i % D, l = i / D % CLASSES;
        label[i / D] = (uint8_t)l;
        row[i] = (float)(((hash32((uint32_t)i + seed * 1000003u) >> 16) / 65536.0 - 0.5) * (1 + c % 3) * 2 + (l * 7 + c * 5 + l * c * 3) % 4 * 0.75 + 3);
    }
}

static ae_ctx *context(int threads)
{
    ae_config c;
    memset(&c, 0, sizeof c);
    c.threads = threads;
    return ae_new(&c);
}

static void test_knn(ae_ctx *ae)
{
    for (size_t i = 0; i < sizeof neighbours / sizeof neighbours[0]; i++)
        ok(near(metrics_knn_accuracy(ae, &train, &test, neighbours[i]), knn_accuracy[i], 1e-12), "accuracy of %d nearest neighbours", neighbours[i]);
    ok(metrics_knn_accuracy(ae, &train, &test, N + 1) < 0 && metrics_knn_accuracy(ae, &train, &test, 0) < 0, "more neighbours than rows, and none, are refused");
}

static void test_probe(ae_ctx *ae)
{
    static float far[M * D], same[N * D];
    double loss, none;
    ok(near(metrics_linear_probe(ae, &train, &test, CLASSES, &loss), probe_accuracy, 1e-12), "the linear probe has the accuracy of LogisticRegression");
    ok(near(loss, probe_loss, 2e-6), "and its loss");
    metrics_set moved = { same, y, N, D }, moved_test = { far, u, M, D };
    for (int i = 0; i < N * D; i++) same[i] = 1000 * x[i] - 40000;
    for (int i = 0; i < M * D; i++) far[i] = 1000 * t[i] - 40000;
    ok(near(metrics_linear_probe(ae, &moved, &moved_test, CLASSES, &none), probe_accuracy, 0.004) && near(none, loss, 1e-4), "rows in other units: the same");
    memset(same, 0, sizeof same);
    ok(near(metrics_linear_probe(ae, &moved, &moved, CLASSES, &none), 0.25, 1e-12) && near(none, log(4), 1e-6), "rows that are all alike tell nothing");
}

static void test_kmeans(ae_ctx *ae)
{
    float centre[K * D], distance[N];
    double sum[K * (D + 1)], inertia;
    int cluster[N], again[N];
    memcpy(centre, x, sizeof centre);
    ok(near(metrics_lloyd(ae, &train, K, centre, cluster, distance, sum) / given_inertia, 1, 1e-6), "k-means from given centres ends where KMeans does");
    ok(near(metrics_purity(cluster, y, N, K), given_purity, 1e-12), "and its clusters are as pure");
    inertia = metrics_kmeans(ae, &train, K, 20, 7, cluster);
    ok(near(inertia / best_inertia, 1, 1e-3), "from k-means++, the best of 20 starts, as good as KMeans' best of 50");
    ok(inertia >= metrics_kmeans(ae, &train, K, 40, 7, again), "more starts are never worse");
    ok(metrics_kmeans(ae, &train, 1, 1, 0, cluster) > inertia && near(metrics_purity(cluster, y, N, 1), 0.25, 1e-12), "one cluster of four equal classes is a quarter pure");
    ok(near(metrics_kmeans(ae, &train, N, 1, 0, cluster), 0, 1e-6) && metrics_purity(cluster, y, N, N) == 1, "a cluster for each row is pure, and says nothing");
    ok(metrics_kmeans(ae, &train, N + 1, 1, 0, cluster) >= 0 || 1, "more clusters than rows do not crash");
}

static void test_threads(void)
{
    double first[4] = { 0 }, now[4];
    int same = 1, cluster[N];
    for (int threads = 1; threads <= 3; threads++) {
        ae_ctx *ae = context(threads);
        now[0] = metrics_knn_accuracy(ae, &train, &test, 5);
        now[1] = metrics_linear_probe(ae, &train, &test, CLASSES, &now[2]);
        now[3] = metrics_kmeans(ae, &train, K, 3, 1, cluster);
        if (threads == 1) memcpy(first, now, sizeof first);
        same &= !memcmp(first, now, sizeof first);
        ae_free(ae);
    }
    ok(same, "the same bits on 1, 2, 3 threads");
}

int main(void)
{
    ae_ctx *ae = context(2);
    make_rows(x, y, N, 1);
    make_rows(t, u, M, 2);
    test_knn(ae);
    test_probe(ae);
    test_kmeans(ae);
    test_threads();
    ok(near(metrics_bits_per_pixel(98, 784), 1, 0), "98 bytes for 784 pixels are a bit a pixel");
    static const double four[4] = { 2, 4, 4, 6 };
    static const float score[] = { 0, 1, 0,   3, 3, 1,   -2, -3, -1 };
    static const uint8_t right[] = { 1, 1, 2 };
    double deviation;
    ok(near(metrics_mean(four, 4, &deviation), 4, 1e-12) && near(deviation, sqrt(8 / 3.0), 1e-12), "mean, and standard deviation with n - 1");
    ok(near(metrics_mean(four, 1, &deviation), 2, 1e-12) && deviation == 0, "one value has no deviation");
    ok(metrics_precision((metrics_point){ 0.5, 0, 0 }) == 1, "where nobody is called positive all of those are");
    ok(near(metrics_right(score, right, 3, 3), 2 / 3.0, 1e-12), "the highest score decides, of equal ones the first");
    ae_free(ae);
    return tap_end();
}
