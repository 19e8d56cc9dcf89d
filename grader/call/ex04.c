#include "call.h"
void adam_step(float *w, const float *g, float *m, float *v, int n, int t, float lr, float beta1, float beta2, float eps, float weight_decay);
void call(int check, const int *n, const float *s, float **a)
{
    (void)check;
    adam_step(a[0], a[1], a[2], a[3], n[0], n[1], s[0], s[1], s[2], s[3], s[4]);
}
