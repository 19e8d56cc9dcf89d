/* Exercise 08: what makes an autoencoder variational.                                         10 points, 25 minutes

   Write   reparameterise            z = mu + eps * standard deviation
           reparameterise_backward   dmu and dlogvar from dz; eps is a constant
           kl                        the divergence from N(0, 1): -1/2 of the sum over the L numbers of 1 + logvar - mu^2 - exp(logvar),
                                     and of that the mean over the B images
           kl_backward               dmu and dlogvar of this
   Shapes  mu, logvar, eps, z and their gradients: [B][L]
   Hint    logvar is the logarithm of the variance; the standard deviation is exp(logvar / 2).
   Checked each by itself: ./grade ex08 */
#include <math.h>

void reparameterise(const float *mu, const float *logvar, const float *eps, int B, int L, float *z)
{
    /* >>solution */
    for (int i = 0; i < B * L; i++) z[i] = mu[i] + eps[i] * expf(logvar[i] / 2);
    /* >>stub
    (void)mu, (void)logvar, (void)eps;
    for (int i = 0; i < B * L; i++) z[i] = 0;      // write this
    >>end */
}

void reparameterise_backward(const float *logvar, const float *eps, const float *dz, int B, int L, float *dmu, float *dlogvar)
{
    /* >>solution */
    for (int i = 0; i < B * L; i++) dmu[i] = dz[i], dlogvar[i] = dz[i] * eps[i] * expf(logvar[i] / 2) / 2;
    /* >>stub
    (void)logvar, (void)eps, (void)dz;
    for (int i = 0; i < B * L; i++) dmu[i] = dlogvar[i] = 0;      // write this
    >>end */
}

float kl(const float *mu, const float *logvar, int B, int L)
{
    /* >>solution */
    float sum = 0;
    for (int i = 0; i < B * L; i++) sum -= (1 + logvar[i] - mu[i] * mu[i] - expf(logvar[i])) / 2;
    return sum / B;
    /* >>stub
    (void)mu, (void)logvar, (void)B, (void)L;      // write this
    return 0;
    >>end */
}

void kl_backward(const float *mu, const float *logvar, int B, int L, float *dmu, float *dlogvar)
{
    /* >>solution */
    for (int i = 0; i < B * L; i++) dmu[i] = mu[i] / B, dlogvar[i] = (expf(logvar[i]) - 1) / 2 / B;
    /* >>stub
    (void)mu, (void)logvar;
    for (int i = 0; i < B * L; i++) dmu[i] = dlogvar[i] = 0;      // write this
    >>end */
}
