/* kann.c - the network in KANN (r557).  KANN has RMSprop and no Adam, so Adam with its weight decay is written out here, over
   KANN's own arrays of weights and gradients; everything else is KANN's.  Two threads are its kann_mt, or, where that is faster, those of its BLAS. */
#define _POSIX_C_SOURCE 199309L
#include "others.h"
#include "kann.h"

static kann_t *net;
static float *m, *v, *input[1];

static void make(int threads)
{
    (void)threads;
    kad_node_t *t = kann_layer_input(PIXELS), *truth = kad_feed(2, 1, PIXELS), *cost;
    kann_srand(0);
    for (int i = 1; i <= LAYERS; i++) {
        t = kann_layer_dense(t, width[i]);
        if (i < LAYERS && i != LAYERS / 2) t = kad_relu(t);
    }
    t = kad_sigm(t), t->ext_flag |= KANN_F_OUT;
    truth->ext_flag |= KANN_F_TRUTH;
    cost = kad_mse(t, truth), cost->ext_flag |= KANN_F_COST;
    net = kann_new(cost, 0);
    for (int i = 0, inputs = 0; i < net->n; i++) {   /* a layer's bias comes after its weights */
        const kad_node_t *p = net->v[i];
        if (!kad_is_var(p)) continue;
        if (p->n_d == 2) inputs = p->d[1];
        for (int k = 0; k < kad_len(p); k++) p->x[k] = initial(inputs);
    }
    m = (float *)calloc((size_t)kann_size_var(net), sizeof *m);
    v = (float *)calloc((size_t)kann_size_var(net), sizeof *v);
#ifndef HAVE_CBLAS
    if (threads > 1) kann_mt(net, threads, BATCH);
#endif
    kann_set_batch_size(net, BATCH);
    kann_switch(net, 1);
}

static void adam(int n, float *x, const float *grad)
{
    static float decay_1 = 1, decay_2 = 1;
    decay_1 *= 0.9f, decay_2 *= 0.999f;
    const float size = rate / (1 - decay_1), scale = 1 / sqrtf(1 - decay_2);
    for (int i = 0; i < n; i++) {
        float g = grad[i] + decay * x[i];
        m[i] = 0.9f * m[i] + 0.1f * g;
        v[i] = 0.999f * v[i] + 0.001f * g * g;
        x[i] -= size * m[i] / (sqrtf(v[i]) * scale + 1e-8f);
    }
}

static float step(float *x)
{
    input[0] = x;
    kann_feed_bind(net, KANN_F_IN, 0, input);
    kann_feed_bind(net, KANN_F_TRUTH, 0, input);
    float cost = kann_cost(net, 0, 1);   /* it clears the gradients first */
    adam(kann_size_var(net), net->x, net->g);
    return cost;
}
