#include "call.h"
void conv(const float *x, const float *w, const float *bias, int C, int H, int W, int O, int K, int s, int p, float *y);
void conv_adjoint(const float *dy, const float *w, int C, int H, int W, int O, int K, int s, int p, float *dx);
void conv_weights(const float *x, const float *dy, int C, int H, int W, int O, int K, int s, int p, float *dw);
void call(int check, const int *n, const float *s, float **a)
{
    (void)s;
    if (check < 2) conv(a[0], a[1], a[2], n[0], n[1], n[2], n[3], n[4], n[5], n[6], a[3]);
    else if (check == 2) conv_adjoint(a[2], a[1], n[0], n[1], n[2], n[3], n[4], n[5], n[6], a[3]);
    else conv_weights(a[0], a[2], n[0], n[1], n[2], n[3], n[4], n[5], n[6], a[3]);
}
