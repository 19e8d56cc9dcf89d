/* test_metrics.c - lessons/metrics.h against the numbers of scikit-image and scikit-learn.  Prints TAP.

   The numbers are in metrics_numbers.h; make_metrics.py made them, from the arrays that the formulas here make too. */
#include "../lessons/metrics.h"
#include "tap.h"
#include "metrics_numbers.h"

#define COUNT(a) (int)(sizeof(a) / sizeof(a)[0])
enum { MOST = 4096 };
static float a[MOST], b[MOST];
static uint8_t positive[MOST];
static metrics_point curve[MOST + 1];

static int near(double got, double want, double tolerance)
{
    int well = fabs(got - want) <= tolerance;
    if (!well) printf("# got %.17g, want %.17g\n", got, want);
    return well;
}

static uint32_t hash32(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/* -0.5 .. 0.5 in steps of 1 / 65536, exact in float. */
static double noise(int i, int seed)
{
    return (hash32((uint32_t)i + (uint32_t)seed * 1000003u) >> 16) / 65536.0 - 0.5;
}

/* ==== Images =============================================================================================== */

/* a: clean, b: damaged. */
static void make_images(const int *c)
{
    for (int i = 0; i < c[0] * c[1]; i++) {
        int row = i / c[1], column = i % c[1];
        double clean = fmin(1, (row * 5 + column * 3) % 37 * abs(row - column) / 512.0);
        double noisy = clean + c[2] / 128.0 * noise(i, 1) + c[3] / 128.0;
        a[i] = (float)clean;
        b[i] = (float)(c[4] ? 1 - noisy : noisy);
    }
}

static void test_images(void)
{
    for (int i = 0; i < COUNT(image_case); i++) {
        const int *c = image_case[i];
        make_images(c);
        ok(near(metrics_psnr(b, a, c[0] * c[1]), image_psnr[i], 1e-10), "PSNR of %d x %d, case %d, is scikit-image's", c[0], c[1], i);
        ok(near(metrics_ssim(b, a, c[0], c[1]), image_ssim[i], 1e-12), "SSIM of %d x %d, case %d, is scikit-image's", c[0], c[1], i);
        ok(near(metrics_ssim(a, b, c[0], c[1]), image_ssim[i], 1e-12), "and does not ask which one is clean");
    }
    ok(image_ssim[4] < 0, "one of the cases is a negative, with negative SSIM");
    ok(metrics_ssim(a, a, 28, 28) == 1 && isinf(metrics_psnr(a, a, 784)), "a perfect copy: SSIM 1, PSNR infinite");
    memset(b, 0, sizeof b);
    ok(metrics_ssim(b, b, 28, 28) == 1, "two black images are equal");
    static float wide[11 * (METRICS_WIDEST + 1)];
    ok(isnan(metrics_ssim(a, b, 10, 28)) && isnan(metrics_ssim(a, b, 28, 10)), "an image smaller than the window has no SSIM");
    ok(metrics_ssim(wide, wide, 11, METRICS_WIDEST) == 1 && isnan(metrics_ssim(wide, wide, 11, METRICS_WIDEST + 1)), "nor has one that is too wide");
}

/* ==== Ranking ============================================================================================== */

static void make_ranking(const int *c)
{
    for (int i = 0; i < c[0]; i++) {
        positive[i] = hash32((uint32_t)i + 77) % (uint32_t)c[2] == 0;
        a[i] = (float)(floor((noise(i, 2) + 0.5 + c[3] / 128.0 * positive[i]) * c[1]) / 1024);
    }
}

/* AUC from its meaning: all pairs of a positive and a negative. */
static double pairs_won(int n)
{
    double won = 0, pairs = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if (positive[i] && !positive[j]) pairs++, won += a[i] > a[j] ? 1 : a[i] == a[j] ? 0.5 : 0;
    return won / pairs;
}

static void test_ranking(void)
{
    for (int i = 0; i < COUNT(ranking_case); i++) {
        const int *c = ranking_case[i];
        make_ranking(c);
        int points = metrics_roc(a, positive, c[0], curve);
        ok(points == ranking_points[i], "%d scores on %d levels: the curve has %d points, scikit-learn's has %d", c[0], c[1], points, ranking_points[i]);
        ok(near(metrics_auc(curve, points), ranking_auc[i], 1e-12), "AUC is scikit-learn's");
        ok(near(metrics_auc(curve, points), pairs_won(c[0]), 1e-12), "and the share of pairs won, ties counting half");
        ok(near(metrics_average_precision(curve, points), ranking_average_precision[i], 1e-12), "average precision is scikit-learn's");
    }
}

static void test_curve(void)
{
    make_ranking(ranking_case[1]);
    int n = ranking_case[1][0], points = metrics_roc(a, positive, n, curve), same = points - 1 == COUNT(curve_hits);
    ok(isinf(curve[0].threshold) && !curve[0].hits && !curve[0].alarms, "the curve begins where nothing is called positive");
    for (int i = 1; i < points && same; i++)
        same = curve[i].threshold == curve_threshold[i - 1] && curve[i].hits == curve_hits[i - 1] && curve[i].alarms == curve_alarms[i - 1]
               && near(metrics_precision(curve[i]), curve_precision[i - 1], 1e-15);
    ok(same, "thresholds, hits, false alarms and precision are scikit-learn's, point by point");
    for (int i = 0; i < n / 2; i++) {                         /* from the other end: the same curve */
        float score = a[i];
        uint8_t is = positive[i];
        a[i] = a[n - 1 - i], positive[i] = positive[n - 1 - i];
        a[n - 1 - i] = score, positive[n - 1 - i] = is;
    }
    static metrics_point again[MOST + 1];
    ok(metrics_roc(a, positive, n, again) == points && !memcmp(again, curve, (size_t)points * sizeof *curve), "the order of the rows does not matter, ties or not");
}

/* Thresholds and shares, against counting. */
static void test_decisions(void)
{
    int c = 3, n = ranking_case[c][0], all[2] = { 0, 0 }, same = 1, straight = 1, wrong = 0;
    make_ranking(ranking_case[c]);
    int points = metrics_roc(a, positive, n, curve);
    for (int i = 0; i < n; i++) all[positive[i]]++;
    for (int t = -2; t < 330; t++) {                          /* the scores are 1 / 1024 apart: on one and between two */
        int count[2] = { 0, 0 };
        double threshold = t / 1024.0 + (t % 3) * 0.0002;
        for (int i = 0; i < n; i++) count[positive[i]] += a[i] >= threshold;
        metrics_point at = metrics_at(curve, points, threshold);
        same &= at.hits == count[1] && at.alarms == count[0] && at.threshold == threshold;
        double found = metrics_found(curve, points, count[0] / (double)all[0]);
        wrong += !(count[1] <= found * all[1] + 1e-9);            /* the most that is found at that share of alarms */
    }
    ok(same, "what a threshold finds is what counting finds");
    ok(!wrong, "no threshold finds more than the curve says for its alarms");
    for (int i = 1; i < points; i++) {                        /* halfway between two points with different alarms */
        double alarms = (curve[i].alarms + curve[i - 1].alarms) / 2.0, hits = (curve[i].hits + curve[i - 1].hits) / 2.0;
        if (curve[i].alarms > curve[i - 1].alarms) straight &= near(metrics_found(curve, points, alarms / all[0]) * all[1], hits, 1e-9);
    }
    ok(straight, "between two points of the curve the line is straight");
    ok(metrics_found(curve, points, 1) == 1, "with an alarm for everybody all are found");
    for (int i = 0; i < n; i++) b[i] = a[i];
    double last = metrics_threshold(b, n, 1), tie = metrics_threshold(b, n, 0.5);
    int below = 0, upto = 0;
    for (int i = 0; i < n; i++) below += a[i] < tie, upto += a[i] <= tie;
    ok(isinf(last), "nobody is above a threshold that all are below");
    ok(below <= n / 2 && upto > n / 2, "half of the scores are below the threshold at one half, but for ties: %d, and %d with them", below, upto);
    float few[10] = { 9, 3, 5, 7, 1, 0, 2, 8, 6, 4 };
    ok(metrics_threshold(few, 10, 0.75) == 8 && metrics_threshold(few, 10, 0) == 0 && metrics_threshold(few, 10, 0.9) == 9, "eight of ten scores lie below the threshold for three quarters");
}

static void test_awkward(void)
{
    const float score[4] = { 1, 2, INFINITY, -INFINITY }, bad[4] = { 1, NAN, 3, 4 };
    const uint8_t all[4] = { 1, 1, 1, 1 }, none[4] = { 0, 0, 0, 0 }, some[4] = { 0, 1, 1, 0 };
    ok(metrics_roc(score, all, 4, curve) == 0 && metrics_roc(score, none, 4, curve) == 0, "without negatives, or without positives, there is no curve");
    ok(metrics_roc(score, some, 0, curve) == 0, "nor without rows");
    ok(metrics_roc(bad, some, 4, curve) == 0, "nor with a NaN");
    ok(isnan(metrics_auc(curve, 0)) && isnan(metrics_average_precision(curve, 0)), "and AUC and average precision say so");
    ok(metrics_auc(curve, metrics_roc(score, some, 4, curve)) == 1, "infinite scores are ranked");
}

int main(void)
{
    test_images();
    test_ranking();
    test_curve();
    test_decisions();
    test_awkward();
    return tap_end();
}
