#include "call.h"
void max_pool(const float *x, int C, int H, int W, int k, int s, float *y);
void max_pool_backward(const float *x, const float *dy, int C, int H, int W, int k, int s, float *dx);
void call(int check, const int *n, const float *s, float **a)
{
    (void)s;
    if (check < 2) max_pool(a[0], n[0], n[1], n[2], n[3], n[4], a[1]);
    else max_pool_backward(a[0], a[1], n[0], n[1], n[2], n[3], n[4], a[2]);
}
