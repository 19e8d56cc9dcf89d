#include "autoenc.h"
#include "call.h"
#include <stdlib.h>
void train(ae_ctx *ae, ae_net *net, const unsigned char *image, int n, int d, float lr, int steps, float *loss);
/* a: image, W1 [h][d], b1 [h], W2 [d][h], b2 [d], loss */
void call(int check, const int *n, const float *s, float **a)
{
    static ae_config one = { .threads = 1 };
    ae_ctx *ae = ae_new(&one);
    ae_net *net = ae_net_new(ae);
    unsigned char *image = malloc((size_t)(n[0] * n[1]));
    (void)check;
    ae_nn_linear(net, n[1], n[2]), ae_nn_tanh(net), ae_nn_linear(net, n[2], n[1]), ae_nn_sigmoid(net);
    for (int i = 0; i < 4; i++) ae_assign(ae_param_at(net, i, NULL), a[1 + i]);
    for (int i = 0; i < n[0] * n[1]; i++) image[i] = (unsigned char)a[0][i];
    train(ae, net, image, n[0], n[1], s[0], n[3], a[5]);
    for (int i = 0; i < 4; i++) {
        ae_tensor p = ae_param_at(net, i, NULL);
        const float *v = ae_data(p);
        for (int k = 0; k < ae_size(p, -1); k++) a[1 + i][k] = v[k];
    }
}
