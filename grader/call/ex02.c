#include "call.h"
float mse_loss(const float *y, const float *t, int B, int D);
void  mse_grad(const float *y, const float *t, int B, int D, float *dy);
void call(int check, const int *n, const float *s, float **a)
{
    (void)s;
    if (check == 0) a[2][0] = mse_loss(a[0], a[1], n[0], n[1]);
    else mse_grad(a[0], a[1], n[0], n[1], a[2]);
}
