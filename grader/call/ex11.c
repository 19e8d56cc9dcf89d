#include "call.h"
void  tsne_q(const float *Y, int n, float *Q);
float tsne_kl(const float *P, const float *Y, int n);
void  tsne_gradient(const float *P, const float *Y, int n, float *dY);
void call(int check, const int *n, const float *s, float **a)
{
    (void)s;
    if (check == 0) tsne_q(a[1], n[0], a[2]);
    else if (check == 1) a[2][0] = tsne_kl(a[0], a[1], n[0]);
    else tsne_gradient(a[0], a[1], n[0], a[2]);
}
