/* Exercise 03: binary cross-entropy and its gradient, from probabilities and from logits.   10 points, 25 minutes

   Write   bce_loss          the mean over all n of -(t log p + (1 - t) log(1 - p)); a logarithm below -100 counts as -100, as in PyTorch
           bce_grad          dp, its derivative with respect to each p.  Here 0 < p < 1
           bce_logits_loss   the same loss where p = sigmoid(z), from z itself; right also for z = 90 and z = -90
           bce_logits_grad   dz
   Shapes  p, z, t, dp, dz: [n]
   Hint    log(1 - sigmoid(90)) is log(0) in float.  Write the loss as max(z, 0) - z t + log(1 + exp(-|z|)).
   Checked on random numbers, also where p is exactly 0 or 1: ./grade ex03 */
#include <math.h>

float bce_loss(const float *p, const float *t, int n)
{
    /* >>solution */
    float sum = 0;
    for (int i = 0; i < n; i++) sum -= t[i] * fmaxf(logf(p[i]), -100) + (1 - t[i]) * fmaxf(logf(1 - p[i]), -100);
    return sum / n;
    /* >>stub
    (void)p, (void)t, (void)n;      // write this
    return 0;
    >>end */
}

void bce_grad(const float *p, const float *t, int n, float *dp)
{
    /* >>solution */
    for (int i = 0; i < n; i++) dp[i] = (p[i] - t[i]) / (p[i] * (1 - p[i])) / n;
    /* >>stub
    (void)p, (void)t;
    for (int i = 0; i < n; i++) dp[i] = 0;      // write this
    >>end */
}

float bce_logits_loss(const float *z, const float *t, int n)
{
    /* >>solution */
    float sum = 0;
    for (int i = 0; i < n; i++) sum += fmaxf(z[i], 0) - z[i] * t[i] + log1pf(expf(-fabsf(z[i])));
    return sum / n;
    /* >>stub
    (void)z, (void)t, (void)n;      // write this
    return 0;
    >>end */
}

void bce_logits_grad(const float *z, const float *t, int n, float *dz)
{
    /* >>solution */
    for (int i = 0; i < n; i++) dz[i] = (1 / (1 + expf(-z[i])) - t[i]) / n;
    /* >>stub
    (void)z, (void)t;
    for (int i = 0; i < n; i++) dz[i] = 0;      // write this
    >>end */
}
