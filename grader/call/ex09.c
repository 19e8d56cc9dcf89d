#include "autoenc.h"
#include "call.h"
#include "pattern.h"
#include <stdlib.h>
void build_decoder(ae_net *net);
static void set(ae_net *net, int i, double start)
{
    ae_tensor p = ae_param_at(net, i, NULL);
    int count = ae_size(p, -1), inputs = ae_dims(p) > 1 ? ae_size(p, 1) : 0;
    float *v = malloc(sizeof(float) * (size_t)count);
    for (int k = 0; v && k < count; k++) v[k] = pattern(i, k, inputs, start);
    ae_assign(p, v);
    free(v);
}
void call(int check, const int *n, const float *s, float **a)
{
    static ae_config one = { .threads = 1 };
    ae_net *net = ae_net_new(ae_new(&one));
    build_decoder(net);
    if (check == 0) {
        a[0][0] = (float)ae_params(net);
        for (int i = 0; i < 12; i++) a[0][i + 1] = i < ae_params(net) ? (float)ae_size(ae_param_at(net, i, NULL), -1) : 0;
        return;
    }
    ae_tensor x = ae_param_at(net, 0, NULL);
    for (int i = 0; i < ae_params(net); i++) set(net, i, (double)s[0]);
    x = ae_from(x.ctx, a[0], n[0], 9, 0, 0);
    const float *y = ae_data(ae_forward(net, x));
    for (int i = 0; i < n[0] * 98; i++) a[1][i] = y[8 * i];
}
