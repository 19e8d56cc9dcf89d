/* Exercise 11: the gradient of t-SNE.                                                          10 points, 35 minutes

   Write   tsne_q          Q: q_ij = 1 / (1 + |y_i - y_j|^2), divided by the sum of these over all i and j that differ; q_ii = 0
           tsne_kl         the divergence of P from Q: the sum over i and j that differ of p log(p / q)
           tsne_gradient   dY: dy_i = 4 times the sum over j of (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2)
   Shapes  Y, dY: [n][2]   P, Q: [n][n], symmetric, zero on the diagonal, with sum 1
   Hint    Two loops over i and j; the sum first.
   Checked each by itself: ./grade ex11 */
#include <math.h>
#include <stdlib.h>

/* >>solution */
static float near(const float *Y, int i, int j)
{
    float a = Y[2 * i] - Y[2 * j], b = Y[2 * i + 1] - Y[2 * j + 1];
    return i == j ? 0 : 1 / (1 + a * a + b * b);
}

/* >>stub
>>end */
void tsne_q(const float *Y, int n, float *Q)
{
    /* >>solution */
    float sum = 0;
    for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) sum += near(Y, i, j);
    for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) Q[i * n + j] = near(Y, i, j) / sum;
    /* >>stub
    (void)Y;
    for (int i = 0; i < n * n; i++) Q[i] = 0;      // write this
    >>end */
}

float tsne_kl(const float *P, const float *Y, int n)
{
    /* >>solution */
    float sum = 0, *Q = malloc(sizeof(float) * (size_t)(n * n));
    tsne_q(Y, n, Q);
    for (int i = 0; i < n * n; i++) if (P[i] > 0) sum += P[i] * logf(P[i] / Q[i]);
    free(Q);
    return sum;
    /* >>stub
    (void)P, (void)Y, (void)n;      // write this
    return 0;
    >>end */
}

void tsne_gradient(const float *P, const float *Y, int n, float *dY)
{
    for (int i = 0; i < 2 * n; i++) dY[i] = 0;
    /* >>solution */
    float *Q = malloc(sizeof(float) * (size_t)(n * n));
    tsne_q(Y, n, Q);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            float pull = 4 * (P[i * n + j] - Q[i * n + j]) * near(Y, i, j);
            dY[2 * i] += pull * (Y[2 * i] - Y[2 * j]);
            dY[2 * i + 1] += pull * (Y[2 * i + 1] - Y[2 * j + 1]);
        }
    free(Q);
    /* >>stub
    (void)P, (void)Y;      // write this
    >>end */
}
