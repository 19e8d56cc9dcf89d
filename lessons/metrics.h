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

   FEATURES (only where autoenc.h and tsne.h were included before).  How well do numbers tell classes apart that nobody told
   their maker?  A metrics_set is rows x[n][d] with a label each.
   kNN accuracy: the share of test rows whose label is the commonest among their k nearest training rows.
   The linear probe is multinomial logistic regression (Alain & Bengio 2016 gave it this name), the optimum of
   sum log(1 / p) + |W|^2 / 2, scikit-learn's LogisticRegression(C=1), by L-BFGS (Nocedal 1980).  Rows are centred before, and
   divided by one number, the root of their mean variance: no column is favoured, and the same penalty is fair to all features.
   k-means (Lloyd 1957) from k-means++ (Arthur & Vassilvitskii 2007), the best of several starts.  Purity is the share of rows that
   have the commonest label of their cluster: more clusters make it larger, so compare it for equal k only.

   ERRORS.  The measures of features are negative without memory.  metrics_ssim is NaN for an image smaller than its window.  metrics_roc returns 0 where there is no curve: a score
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

/* ==== Rates and error bars ================================================================================== */

/* Of a whole file, header and all. */
static inline double metrics_bits_per_pixel(double bytes, double pixels) { return 8 * bytes / pixels; }

/* Mean of n values, and their standard deviation with n - 1: the error bars over seeds. */
static inline double metrics_mean(const double *value, int n, double *deviation)
{
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++) mean += value[i] / n;
    for (int i = 0; i < n; i++) square += (value[i] - mean) * (value[i] - mean);
    *deviation = n > 1 ? sqrt(square / (n - 1)) : 0;
    return mean;
}

/* ==== Features ============================================================================================= */

#if defined(AUTOENC_H) && defined(TSNE_H)

typedef struct metrics_set { const float *x; const uint8_t *label; int n, d; } metrics_set;

static inline double metrics_knn_accuracy(ae_ctx *ae, const metrics_set *train, const metrics_set *test, int k)
{
    int *index = (int *)malloc((size_t)test->n * k * sizeof *index), right = 0;
    float *distance = (float *)malloc((size_t)test->n * k * sizeof *distance);
    int well = index && distance && tsne_nearest(ae, train->x, train->n, test->x, test->n, train->d, k, index, distance);
    for (int i = 0; well && i < test->n; i++) right += tsne_vote(train->label, index + (size_t)i * k, k) == test->label[i];
    free(index);
    free(distance);
    return well ? (double)right / test->n : -1;
}

/* ---- linear probe ---- */

typedef struct metrics_probe {       /* the loss of a linear classifier as a function of its weights w[classes][d], then w[classes] */
    ae_net   *net;
    ae_opt   *opt;                   /* only holds the gradients */
    ae_tensor x, target;
    double    decay;
    int       d, classes;
    float    *room;                  /* for the rows of a set, or all weights */
} metrics_probe;

static inline void metrics_on_fail(void *user, const char *text) { (void)user, (void)text; }        /* the context's ae_error keeps it */

/* The set less `mean`, divided by `scale`, as a permanent tensor; room for all of it. */
static inline ae_tensor metrics_scaled(ae_ctx *own, const metrics_set *set, const double *mean, double scale, float *room)
{
    size_t count = (size_t)set->n * set->d;
    for (size_t i = 0; i < count; i++) room[i] = (float)((set->x[i] - mean[i % set->d]) / scale);
    return ae_keep(ae_from(own, room, set->n, set->d, 0, 0));
}

/* Mean of each column; returns the root of the mean variance, or 1 if there is none. */
static inline double metrics_scale(const metrics_set *set, double *mean)
{
    double variance = 0;
    for (int c = 0; c < set->d; c++) mean[c] = 0;
    for (int i = 0; i < set->n; i++)
        for (int c = 0; c < set->d; c++) mean[c] += set->x[(size_t)i * set->d + c];
    for (int c = 0; c < set->d; c++) mean[c] /= set->n;
    for (int i = 0; i < set->n; i++)
        for (int c = 0; c < set->d; c++) variance += (set->x[(size_t)i * set->d + c] - mean[c]) * (set->x[(size_t)i * set->d + c] - mean[c]);
    return variance > 0 ? sqrt(variance / set->n / set->d) : 1;
}

static inline void metrics_probe_weights(const metrics_probe *p, const double *w)
{
    int m = p->classes * p->d;
    for (int i = 0; i < m + p->classes; i++) p->room[i] = (float)w[i];
    ae_assign(ae_param(p->net, "0.weight"), p->room), ae_assign(ae_param(p->net, "0.bias"), p->room + m);
}

/* The mean cross-entropy of the rows and half the decay times the squared weights; dw[classes * d + classes] is its gradient.  NaN
   if the context has no memory left. */
static inline double metrics_probe_loss(const metrics_probe *p, const double *w, double *dw)
{
    int m = p->classes * p->d;
    double sum = 0;
    size_t mark = ae_begin(p->x.ctx);
    metrics_probe_weights(p, w);
    ae_tensor score = ae_log_softmax(ae_forward(p->net, p->x));
    ae_tensor loss = ae_affine(ae_reduce(ae_mul(score, p->target), -1, AE_SUM), -1.0f / (float)ae_size(p->x, 0), 0);
    ae_zero_grad(p->opt);
    ae_backward(loss);
    const float *weight = ae_data(ae_grad(ae_param(p->net, "0.weight"))), *bias = ae_data(ae_grad(ae_param(p->net, "0.bias")));
    for (int i = 0; bias && i < m; i++) sum += w[i] * w[i], dw[i] = weight[i] + p->decay * w[i];
    for (int i = 0; bias && i < p->classes; i++) dw[m + i] = bias[i];
    sum = ae_item(loss) + 0.5 * p->decay * sum;
    ae_end(p->x.ctx, mark);
    return sum;
}

enum { METRICS_PAIRS = 12, METRICS_STEPS = 300 };          /* L-BFGS: pairs that are remembered, and steps at most */

/* direction = -H g, with the inverse Hessian H that the last pairs of steps s and changes of gradient y tell of. */
static inline void metrics_direction(const double *g, const double *s, const double *y, int pairs, int n, double *direction)
{
    double a[METRICS_PAIRS], scale = 1;
    for (int i = 0; i < n; i++) direction[i] = -g[i];
    int first = pairs > METRICS_PAIRS ? pairs - METRICS_PAIRS : 0;
    for (int t = pairs - 1; t >= first; t--) {
        const double *st = s + (size_t)(t % METRICS_PAIRS) * n, *yt = y + (size_t)(t % METRICS_PAIRS) * n;
        a[t % METRICS_PAIRS] = pca_dot(st, direction, n) / pca_dot(st, yt, n);
        for (int i = 0; i < n; i++) direction[i] -= a[t % METRICS_PAIRS] * yt[i];
        if (t == pairs - 1) scale = pca_dot(st, yt, n) / pca_dot(yt, yt, n);
    }
    for (int i = 0; i < n; i++) direction[i] *= scale;
    for (int t = first; t < pairs; t++) {
        const double *st = s + (size_t)(t % METRICS_PAIRS) * n, *yt = y + (size_t)(t % METRICS_PAIRS) * n;
        double b = a[t % METRICS_PAIRS] - pca_dot(yt, direction, n) / pca_dot(st, yt, n);
        for (int i = 0; i < n; i++) direction[i] += b * st[i];
    }
}

/* Minimises the probe's loss over w[n], which holds the start; returns the loss.  Steps are halved until the loss falls enough; the
   end is where gradients of floats tell no more.  room: (2 METRICS_PAIRS + 4) n numbers. */
static inline double metrics_minimise(const metrics_probe *p, double *w, int n, double *room)
{
    double *s = room, *y = s + METRICS_PAIRS * (size_t)n, *g = y + METRICS_PAIRS * (size_t)n, *next = g + n, *dnext = next + n, *go = dnext + n;
    double loss = metrics_probe_loss(p, w, g);
    for (int step = 0, pairs = 0; step < METRICS_STEPS; step++) {
        metrics_direction(g, s, y, pairs, n, go);
        double slope = pca_dot(g, go, n), length = pairs ? 1 : 1 / fmax(1, sqrt(pca_dot(g, g, n))), there = loss;
        if (!(slope < -1e-12)) break;
        for (int halved = 0;; halved++, length /= 2) {
            for (int i = 0; i < n; i++) next[i] = w[i] + length * go[i];
            there = metrics_probe_loss(p, next, dnext);
            if (there <= loss + 1e-4 * length * slope) break;
            if (halved == 20) return loss;
        }
        double *sp = s + (size_t)(pairs % METRICS_PAIRS) * n, *yp = y + (size_t)(pairs % METRICS_PAIRS) * n;
        for (int i = 0; i < n; i++) sp[i] = next[i] - w[i], yp[i] = dnext[i] - g[i];
        if (pca_dot(sp, yp, n) > 0) pairs++;
        memcpy(w, next, (size_t)n * sizeof *w);
        memcpy(g, dnext, (size_t)n * sizeof *g);
        if (loss - there < 1e-9) return there;
        loss = there;
    }
    return loss;
}

/* The share of rows whose highest score is that of their label. */
static inline double metrics_right(const float *score, const uint8_t *label, int n, int classes)
{
    int right = 0;
    for (int i = 0; i < n; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++)
            if (score[(size_t)i * classes + c] > score[(size_t)i * classes + best]) best = c;
        right += best == label[i];
    }
    return (double)right / n;
}

static inline double metrics_probe_accuracy(const metrics_probe *p, const double *w, ae_tensor x, const uint8_t *label)
{
    int before = ae_grad_enabled(x.ctx, 0);
    size_t mark = ae_begin(x.ctx);
    metrics_probe_weights(p, w);
    const float *score = ae_data(ae_forward(p->net, x));
    double right = score ? metrics_right(score, label, ae_size(x, 0), p->classes) : -1;
    ae_end(x.ctx, mark);
    ae_grad_enabled(x.ctx, before);
    return right;
}

/* Labels are 0 .. classes - 1.  *loss, which may be NULL: the objective at its optimum, divided by the rows.  Negative without memory. */
static inline double metrics_linear_probe(ae_ctx *ae, const metrics_set *train, const metrics_set *test, int classes, double *loss)
{
    int n = classes * (train->d + 1), rows = train->n > test->n ? train->n : test->n;
    double *room = (double *)calloc((size_t)n * (2 * METRICS_PAIRS + 5) + train->d, sizeof *room), share = -1, least = NAN;
    float *label = (float *)malloc((size_t)train->n * sizeof *label), *some = (float *)malloc(((size_t)rows * train->d + n) * sizeof *some);
    ae_config config;
    memset(&config, 0, sizeof config);
    config.threads = ae_threads(ae);
    config.on_fail = metrics_on_fail;
    ae_ctx *own = ae_new(&config);                          /* the data stay in it, and go with it */
    if (room && label && some && own) {
        double *mean = room, *w = mean + train->d, scale = metrics_scale(train, mean);
        metrics_probe p;
        p.d = train->d, p.classes = classes, p.decay = 1.0 / train->n, p.room = some;
        p.net = ae_net_new(own);
        ae_nn_linear(p.net, p.d, classes);
        p.opt = ae_sgd(p.net, 0);
        p.x = metrics_scaled(own, train, mean, scale, some);
        for (int i = 0; i < train->n; i++) label[i] = train->label[i];
        p.target = ae_keep(ae_one_hot(ae_from(own, label, train->n, 0, 0, 0), classes));
        if (!*ae_error(own)) least = metrics_minimise(&p, w, n, w + n);
        if (!*ae_error(own)) share = metrics_probe_accuracy(&p, w, metrics_scaled(own, test, mean, scale, some), test->label);
        if (*ae_error(own)) share = -1;
    }
    ae_free(own);
    free(room), free(label), free(some);
    if (loss) *loss = least;
    return share;
}

/* ---- k-means ---- */

/* Numbers from 0 to 1 (not 1) that depend on i alone and look unrelated: splitmix64 (Steele, Lea & Flood 2014). */
static inline double metrics_dice(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9u;
    i = (i ^ (i >> 27)) * 0x94d049bb133111ebu;
    return (double)((i ^ (i >> 31)) >> 11) / 9007199254740992.0;
}

/* Which of centre[k][d] is nearest to each row, and the sum of squared distances; negative without memory. */
static inline double metrics_assign(ae_ctx *ae, const metrics_set *set, const float *centre, int k, int *cluster, float *distance)
{
    double sum = 0;
    if (!tsne_nearest(ae, centre, k, set->x, set->n, set->d, 1, cluster, distance)) return -1;
    for (int i = 0; i < set->n; i++) sum += distance[i];
    return sum;
}

/* k-means++: each further centre is a row, drawn with a chance that grows as its squared distance from those before. */
static inline int metrics_seed_centres(ae_ctx *ae, const metrics_set *set, int k, uint64_t seed, float *centre, int *cluster, float *distance)
{
    int row = (int)(metrics_dice(seed) * set->n);
    for (int c = 0; c < k; c++) {
        memcpy(centre + (size_t)c * set->d, set->x + (size_t)row * set->d, (size_t)set->d * sizeof *centre);
        double sum = metrics_assign(ae, set, centre, c + 1, cluster, distance), left = sum * metrics_dice(seed + 1 + (uint64_t)c);
        if (sum < 0) return 0;
        for (row = 0; row + 1 < set->n && (left -= distance[row]) >= 0; row++) {}
    }
    return 1;
}

/* Each centre becomes the mean of its rows; one without rows stays. */
static inline void metrics_move_centres(const metrics_set *set, const int *cluster, int k, float *centre, double *sum)
{
    for (size_t i = 0; i < (size_t)k * (set->d + 1); i++) sum[i] = 0;
    for (int i = 0; i < set->n; i++) {
        double *s = sum + (size_t)cluster[i] * (set->d + 1);
        for (int c = 0; c < set->d; c++) s[c] += set->x[(size_t)i * set->d + c];
        s[set->d]++;
    }
    for (int j = 0; j < k; j++)
        for (int c = 0; c < set->d; c++) {
            const double *s = sum + (size_t)j * (set->d + 1);
            if (s[set->d] > 0) centre[(size_t)j * set->d + c] = (float)(s[c] / s[set->d]);
        }
}

/* Lloyd's iteration from centre[k][d], until nothing changes or 300 times; returns the sum of squared distances. */
static inline double metrics_lloyd(ae_ctx *ae, const metrics_set *set, int k, float *centre, int *cluster, float *distance, double *sum)
{
    double last = INFINITY, now = metrics_assign(ae, set, centre, k, cluster, distance);
    for (int i = 0; i < 300 && now >= 0 && now < last; i++) {
        last = now;
        metrics_move_centres(set, cluster, k, centre, sum);
        now = metrics_assign(ae, set, centre, k, cluster, distance);
    }
    return now;
}

/* The best of so many starts: cluster[n] gets numbers 0 .. k - 1.  Returns the sum of squared distances from the centres. */
static inline double metrics_kmeans(ae_ctx *ae, const metrics_set *set, int k, int starts, uint64_t seed, int *cluster)
{
    float *centre = (float *)malloc((size_t)k * set->d * sizeof *centre), *distance = (float *)malloc((size_t)set->n * sizeof *distance);
    double *sum = (double *)malloc((size_t)k * (set->d + 1) * sizeof *sum), best = -1;
    int *trial = (int *)malloc((size_t)set->n * sizeof *trial), well = centre && distance && sum && trial;
    for (int s = 0; well && s < starts; s++) {
        well = metrics_seed_centres(ae, set, k, seed + 1000003u * (uint64_t)s, centre, trial, distance);
        double now = well ? metrics_lloyd(ae, set, k, centre, trial, distance, sum) : -1;
        if ((well = now >= 0) && (best < 0 || now < best)) {
            best = now;
            memcpy(cluster, trial, (size_t)set->n * sizeof *cluster);
        }
    }
    free(centre);
    free(distance);
    free(sum);
    free(trial);
    return well ? best : -1;
}

/* Labels are below 256. */
static inline double metrics_purity(const int *cluster, const uint8_t *label, int n, int k)
{
    int pure = 0;
    for (int j = 0; j < k; j++) {
        int count[256] = { 0 }, most = 0;
        for (int i = 0; i < n; i++)
            if (cluster[i] == j && ++count[label[i]] > most) most = count[label[i]];
        pure += most;
    }
    return (double)pure / n;
}

#endif /* features */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
