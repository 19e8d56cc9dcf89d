/* metrics.h - how good is it?  The measures of the lessons, in one place and checked against other people's programs

   C99 and C++11, and nothing but the C library: images and scores come as plain arrays.

       printf("%.2f dB, SSIM %.4f\n", metrics_psnr(drawn, clean, 784), metrics_ssim(drawn, clean, 28, 28));

       metrics_point *curve = malloc((n + 1) * sizeof *curve);            // scores: the larger, the more likely a positive
       int points = metrics_roc(score, positive, n, curve);               // 0: there is no curve, see below
       printf("AUC %.4f, AP %.4f\n", metrics_auc(curve, points), metrics_average_precision(curve, points));
       metrics_point at = metrics_at(curve, points, metrics_threshold(others, m, 0.95));      // decided on others: held-out negatives
       printf("precision %.4f, found %.4f\n", metrics_precision(at), (double)at.hits / curve[points - 1].hits);

   IMAGES.  Numbers from 0 to 1; what lies outside counts as it is, so clip before you ask, if you mean to show it clipped.
   `clean` is the truth.
   PSNR, the peak signal-to-noise ratio, is 10 log10(1 / MSE) decibel.  Over many images the lessons report the mean of their
   PSNRs, as papers do; it is not the PSNR of the mean MSE, which is lower (Jensen's inequality).
   SSIM, the structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004), compares mean, variance and covariance in a window
   that moves over the image.  There are two in use: ours is the paper's, a Gaussian window of 11 x 11 with sigma 1.5,
   K1 = 0.01, K2 = 0.03, averaged over the places where the window lies inside the image.  scikit-image calls it
   structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False); without these
   words it takes a uniform window of 7 x 7, and gives other numbers.

   RANKING.  A score ranks, a threshold decides: positive is what has score >= threshold.  The curve has a point for every
   decision that differs: equal scores are decided together, so ties cannot be won by the order of the rows.
   AUC, the area under the ROC curve, is the probability that a positive scores higher than a negative, a tie counting half
   (Mann & Whitney 1947).  It is exact: counts are whole numbers.
   Average precision is the mean of the precision over the positives, sum (R_i - R_(i-1)) P_i as in scikit-learn: no line is
   drawn between points of the precision-recall curve, which would promise too much.

   ERRORS.  metrics_ssim is NaN for an image smaller than its window.  metrics_roc returns 0 where there is no curve: a score
   that is NaN, no positives, or no negatives. */
#ifndef METRICS_H
#define METRICS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Nothing here may be fused into multiply-adds at a compiler's discretion: it would change the last bit. */
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

/* ==== Images =============================================================================================== */

enum { METRICS_WINDOW = 11, METRICS_WIDEST = 1024 };       /* SSIM's window, and the widest image that it takes */

/* Decibels; infinite for a perfect copy. */
static inline double metrics_psnr(const float *image, const float *clean, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += ((double)image[i] - clean[i]) * ((double)image[i] - clean[i]);
    return 10 * log10(n / sum);
}

/* The Gaussian of SSIM's window along one axis; the window is its product with itself. */
static inline void metrics_gaussian(double weight[METRICS_WINDOW])
{
    double sum = 0;
    for (int i = 0; i < METRICS_WINDOW; i++) sum += weight[i] = exp(-0.5 * (i - METRICS_WINDOW / 2) * (i - METRICS_WINDOW / 2) / (1.5 * 1.5));
    for (int i = 0; i < METRICS_WINDOW; i++) weight[i] /= sum;
}

/* The five weighted sums of a column of the window, x, y, xx, yy and xy, for every column of images that begin at x and y. */
static inline void metrics_columns(const float *x, const float *y, int wide, const double *weight, double column[5][METRICS_WIDEST])
{
    for (int s = 0; s < 5; s++) memset(column[s], 0, (size_t)wide * sizeof(double));
    for (int i = 0; i < METRICS_WINDOW; i++)
        for (int c = 0; c < wide; c++) {
            double a = x[i * wide + c], b = y[i * wide + c];
            column[0][c] += weight[i] * a;
            column[1][c] += weight[i] * b;
            column[2][c] += weight[i] * (a * a);
            column[3][c] += weight[i] * (b * b);
            column[4][c] += weight[i] * (a * b);
        }
}

/* image[high][wide], clean[high][wide]: from -1 to 1, and 1 only for a perfect copy. */
static inline double metrics_ssim(const float *image, const float *clean, int high, int wide)
{
    static const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    double weight[METRICS_WINDOW], column[5][METRICS_WIDEST], sum = 0;
    if (high < METRICS_WINDOW || wide < METRICS_WINDOW || wide > METRICS_WIDEST) return NAN;
    metrics_gaussian(weight);
    for (int r = 0; r + METRICS_WINDOW <= high; r++) {
        metrics_columns(image + (size_t)r * (size_t)wide, clean + (size_t)r * (size_t)wide, wide, weight, column);
        for (int c = 0; c + METRICS_WINDOW <= wide; c++) {
            double m[5] = { 0, 0, 0, 0, 0 };
            for (int s = 0; s < 5; s++)
                for (int j = 0; j < METRICS_WINDOW; j++) m[s] += weight[j] * column[s][c + j];
            double xx = m[2] - m[0] * m[0], yy = m[3] - m[1] * m[1], xy = m[4] - m[0] * m[1];      /* variances, covariance */
            sum += (2 * m[0] * m[1] + c1) * (2 * xy + c2) / ((m[0] * m[0] + m[1] * m[1] + c1) * (xx + yy + c2));
        }
    }
    return sum / ((high - METRICS_WINDOW + 1.0) * (wide - METRICS_WINDOW + 1.0));
}

/* ==== Ranking ============================================================================================== */

/* A point of the ROC curve: with this threshold so many positives are found, and so many negatives raise a false alarm.  The
   curve begins at (infinity, 0, 0) and ends where everything is called positive, so its last point holds both totals. */
typedef struct metrics_point { double threshold; int hits, alarms; } metrics_point;

static inline int metrics_by_score(const void *a, const void *b)
{
    double x = ((const metrics_point *)a)->threshold, y = ((const metrics_point *)b)->threshold;
    return (x < y) - (x > y);
}

/* score[n] and positive[n] (0 or not) to curve[n + 1], the highest threshold first.  Returns the number of points. */
static inline int metrics_roc(const float *score, const uint8_t *positive, int n, metrics_point *curve)
{
    int points = 1;
    for (int i = 0; i < n; i++) {
        if (isnan(score[i])) return 0;
        curve[i + 1].threshold = score[i];
        curve[i + 1].hits = positive[i] != 0;
        curve[i + 1].alarms = positive[i] == 0;
    }
    curve[0].threshold = INFINITY;
    curve[0].hits = curve[0].alarms = 0;
    qsort(curve + 1, (size_t)n, sizeof *curve, metrics_by_score);
    for (int i = 1; i <= n; i++) {
        metrics_point p = curve[i];
        p.hits += curve[points - 1].hits;
        p.alarms += curve[points - 1].alarms;
        if (i > 1 && p.threshold == curve[points - 1].threshold) points--;      /* a tie: one decision */
        curve[points++] = p;
    }
    return curve[points - 1].hits && curve[points - 1].alarms ? points : 0;
}

/* The area under the ROC curve, by trapezoids: hits over all positives against alarms over all negatives. */
static inline double metrics_auc(const metrics_point *curve, int points)
{
    int64_t twice = 0;
    if (points < 2) return NAN;
    for (int i = 1; i < points; i++)
        twice += (int64_t)(curve[i].alarms - curve[i - 1].alarms) * (curve[i].hits + curve[i - 1].hits);
    return (double)twice / (2.0 * curve[points - 1].hits * curve[points - 1].alarms);
}

/* Of those that are called positive, how many are?  1 where nobody is. */
static inline double metrics_precision(metrics_point p)
{
    return p.hits + p.alarms ? (double)p.hits / ((double)p.hits + p.alarms) : 1;
}

/* The area under the steps of the precision-recall curve. */
static inline double metrics_average_precision(const metrics_point *curve, int points)
{
    double sum = 0;
    if (points < 2) return NAN;
    for (int i = 1; i < points; i++) sum += (curve[i].hits - curve[i - 1].hits) * metrics_precision(curve[i]);
    return sum / curve[points - 1].hits;
}

/* The point of the curve for a threshold: what has score >= threshold is called positive. */
static inline metrics_point metrics_at(const metrics_point *curve, int points, double threshold)
{
    metrics_point at = curve[0];
    for (int i = 1; i < points && curve[i].threshold >= threshold; i++) at = curve[i];
    at.threshold = threshold;
    return at;
}

/* The share of the positives that is found where this share of the negatives raises an alarm: straight lines between points. */
static inline double metrics_found(const metrics_point *curve, int points, double share)
{
    double all = curve[points - 1].hits, alarms = share * curve[points - 1].alarms;
    int i = 0;
    while (i < points - 1 && curve[i + 1].alarms <= alarms) i++;
    if (i == points - 1) return 1;
    return (curve[i].hits + (alarms - curve[i].alarms) / (curve[i + 1].alarms - curve[i].alarms) * (curve[i + 1].hits - curve[i].hits)) / all;
}

static inline int metrics_by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* A threshold with at least this share of score[n] below it, as far as ties allow; sorts the scores, the smallest first. */
static inline double metrics_threshold(float *score, int n, double share)
{
    int at = (int)ceil(share * n);
    qsort(score, (size_t)n, sizeof *score, metrics_by_value);
    return at < n ? score[at] : INFINITY;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
