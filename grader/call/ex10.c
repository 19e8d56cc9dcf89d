#include "call.h"
void pca(const float *x, int n, int d, int k, float *mean, float *component, float *variance);
void call(int check, const int *n, const float *s, float **a)
{
    (void)check, (void)s;
    pca(a[0], n[0], n[1], n[2], a[1], a[2], a[3]);
}
