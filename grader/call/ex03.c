#include "call.h"
float bce_loss(const float *p, const float *t, int n), bce_logits_loss(const float *z, const float *t, int n);
void  bce_grad(const float *p, const float *t, int n, float *dp), bce_logits_grad(const float *z, const float *t, int n, float *dz);
void call(int check, const int *n, const float *s, float **a)
{
    (void)s;
    if (check < 2) a[2][0] = bce_loss(a[0], a[1], n[0]);
    else if (check == 2) bce_grad(a[0], a[1], n[0], a[2]);
    else if (check == 3) a[2][0] = bce_logits_loss(a[0], a[1], n[0]);
    else bce_logits_grad(a[0], a[1], n[0], a[2]);
}
