/* Exercise 10: principal components by power iteration.                                       10 points, 35 minutes

   Write   pca   the mean of each column; the first k components, each of length 1, with its entry of largest size positive; and the
                 variance along each: the sum of the squares of the centred rows' products with it, over n - 1
   Shapes  x: [n][d]   mean: [d]   component: [k][d]   variance: [k]
   Hint    Start with any vector v, say all ones and a little more in front; repeat: v becomes (sum over the rows of (row . v) row),
           then length 1.  200 times are enough here.  For the next component, take away from each centred row what lies along v.
   Checked each by itself: ./grade ex10 */
#include <math.h>
#include <stdlib.h>

/* >>solution */
static void normalise(double *v, int d)
{
    double square = 0;
    int largest = 0;
    for (int i = 0; i < d; i++) {
        square += v[i] * v[i];
        if (fabs(v[i]) > fabs(v[largest])) largest = i;
    }
    double scale = 1 / sqrt(square) * (v[largest] < 0 ? -1 : 1);
    for (int i = 0; i < d; i++) v[i] *= scale;
}

static double dot(const double *a, const double *b, int d)
{
    double sum = 0;
    for (int i = 0; i < d; i++) sum += a[i] * b[i];
    return sum;
}

/* >>stub
>>end */
void pca(const float *x, int n, int d, int k, float *mean, float *component, float *variance)
{
    /* >>solution */
    double *row = malloc(sizeof(double) * (size_t)(n * d)), *v = malloc(sizeof(double) * (size_t)d), *next = malloc(sizeof(double) * (size_t)d);
    for (int i = 0; i < d; i++) {
        double sum = 0;
        for (int r = 0; r < n; r++) sum += x[r * d + i];
        mean[i] = (float)(sum / n);
        for (int r = 0; r < n; r++) row[r * d + i] = x[r * d + i] - sum / n;
    }
    for (int c = 0; c < k; c++) {
        double sum = 0;
        for (int i = 0; i < d; i++) v[i] = 1 + 0.1 / (i + 1);
        for (int times = 0; times < 200; times++) {
            for (int i = 0; i < d; i++) next[i] = 0;
            for (int r = 0; r < n; r++) {
                double along = dot(row + r * d, v, d);
                for (int i = 0; i < d; i++) next[i] += along * row[r * d + i];
            }
            normalise(next, d);
            for (int i = 0; i < d; i++) v[i] = next[i];
        }
        for (int r = 0; r < n; r++) {
            double along = dot(row + r * d, v, d);
            sum += along * along;
            for (int i = 0; i < d; i++) row[r * d + i] -= along * v[i];
        }
        variance[c] = (float)(sum / (n - 1));
        for (int i = 0; i < d; i++) component[c * d + i] = (float)v[i];
    }
    free(row), free(v), free(next);
    /* >>stub
    (void)x, (void)n;      // write this
    for (int i = 0; i < d; i++) mean[i] = 0;
    for (int i = 0; i < k * d; i++) component[i] = 0;
    for (int i = 0; i < k; i++) variance[i] = 0;
    >>end */
}
