/* Exercise 04: a step of Adam, as torch.optim.Adam makes it.                                 10 points, 20 minutes

   Write   adam_step   changes w, and the two moments m and v, for the gradient g in step number t = 1, 2, 3 ...
                       With weight_decay > 0, weight_decay * w is added to the gradient first
   Shapes  w, g, m, v: [n]
   Hint    m and v start at 0 and so are too small at first: m / (1 - beta1^t) and v / (1 - beta2^t) are not.
           epsilon is added to the square root, outside of it.
   Checked one step, the first and a later one: ./grade ex04 */
#include <math.h>

void adam_step(float *w, const float *g, float *m, float *v, int n, int t, float lr, float beta1, float beta2, float eps, float weight_decay)
{
    /* >>solution */
    float c1 = 1 - powf(beta1, (float)t), c2 = 1 - powf(beta2, (float)t);
    for (int i = 0; i < n; i++) {
        float grad = g[i] + weight_decay * w[i];
        m[i] = beta1 * m[i] + (1 - beta1) * grad;
        v[i] = beta2 * v[i] + (1 - beta2) * grad * grad;
        w[i] -= lr * (m[i] / c1) / (sqrtf(v[i] / c2) + eps);
    }
    /* >>stub
    (void)w, (void)g, (void)m, (void)v, (void)n, (void)t, (void)lr, (void)beta1, (void)beta2, (void)eps, (void)weight_decay;      // write this
    >>end */
}
