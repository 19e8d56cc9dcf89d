/* ggml.c - the network in ggml, trained by its ggml-opt.  ggml's Adam is AdamW: its weight decay shrinks the weights beside the step
   instead of joining the gradient.  Its sigmoid has no backward pass, so it is spelled 1/(1 + exp(-x)). */
#define _POSIX_C_SOURCE 199309L
#include "others.h"
#include "ggml.h"
#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml-opt.h"
#ifdef WITH_BLAS
#include "ggml-blas.h"
#endif

static ggml_opt_context_t opt;
static ggml_opt_result_t result;

static struct ggml_opt_optimizer_params settings(void *data)
{
    struct ggml_opt_optimizer_params p = ggml_opt_get_default_optimizer_params(data);
    p.adamw.alpha = rate, p.adamw.beta1 = 0.9f, p.adamw.beta2 = 0.999f, p.adamw.eps = 1e-8f, p.adamw.wd = decay;
    return p;
}

static void begin(struct ggml_tensor *t, int inputs)
{
    float *p = (float *)t->data;
    for (int64_t i = 0; i < ggml_nelements(t); i++) p[i] = initial(inputs);
}

/* Weights and the input lie in one context, allocated here; the graph's other tensors in another, allocated by ggml-opt. */
static void make(int threads)
{
    struct ggml_init_params room = { 64 * ggml_tensor_overhead(), NULL, true };
    struct ggml_init_params more = { 4096 * ggml_tensor_overhead() + ggml_graph_overhead(), NULL, true };
    struct ggml_context *fixed = ggml_init(room), *graph = ggml_init(more);
    struct ggml_tensor *x = ggml_new_tensor_2d(fixed, GGML_TYPE_F32, PIXELS, BATCH), *w[LAYERS], *b[LAYERS], *one, *h = x;
    ggml_backend_t backends[2];
    int n = 0;
#ifdef WITH_BLAS
    backends[n] = ggml_backend_blas_init();      /* two pools of threads hinder each other: only one gets more than one */
    ggml_backend_blas_set_n_threads(backends[n++], threads), threads = 1;
#endif
    backends[n] = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(backends[n++], threads);
    for (int i = 0; i < LAYERS; i++) {
        ggml_set_param(w[i] = ggml_new_tensor_2d(fixed, GGML_TYPE_F32, width[i], width[i + 1]));
        ggml_set_param(b[i] = ggml_new_tensor_1d(fixed, GGML_TYPE_F32, width[i + 1]));
    }
    one = ggml_new_tensor_2d(fixed, GGML_TYPE_F32, PIXELS, BATCH);
    ggml_set_input(x);
    ggml_backend_alloc_ctx_tensors(fixed, backends[n - 1]);
    for (int i = 0; i < LAYERS; i++) begin(w[i], width[i]), begin(b[i], width[i]);
    for (int i = 0; i < PIXELS * BATCH; i++) ((float *)one->data)[i] = 1;
    for (int i = 0; i < LAYERS; i++) {
        h = ggml_add(graph, ggml_mul_mat(graph, w[i], h), b[i]);
        if (i < LAYERS - 1 && i != LAYERS / 2 - 1) h = ggml_relu(graph, h);
    }
    h = ggml_div(graph, one, ggml_add(graph, ggml_exp(graph, ggml_neg(graph, h)), one));
    ggml_set_output(h);
    ggml_backend_sched_t sched = ggml_backend_sched_new(backends, NULL, n, 4096, false, true);
    struct ggml_opt_params p = ggml_opt_default_params(sched, GGML_OPT_LOSS_TYPE_MEAN_SQUARED_ERROR);
    p.ctx_compute = graph, p.inputs = x, p.outputs = h, p.get_opt_pars = settings;
    opt = ggml_opt_init(p);
    result = ggml_opt_result_init();
}

static float step(float *x)
{
    double loss;
    ggml_opt_alloc(opt, true);
    ggml_backend_tensor_set(ggml_opt_inputs(opt), x, 0, BATCH * PIXELS * sizeof *x);
    ggml_backend_tensor_set(ggml_opt_labels(opt), x, 0, BATCH * PIXELS * sizeof *x);
    ggml_opt_result_reset(result);
    ggml_opt_eval(opt, result);
    ggml_opt_result_loss(result, &loss, NULL);
    return (float)loss;
}
