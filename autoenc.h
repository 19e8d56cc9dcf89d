/* autoenc.h - v0.1.0 - autoencoders in one C file.  MIT or public domain: see the end.

   Tensors, reverse-mode differentiation, layers, losses, Adam: what a C program needs to train an autoencoder, without a
   framework.  Do this in ONE C or C++ file (keep this file's name: it reads its own kernels by it), and link -lm -lpthread:

       #define AUTOENC_IMPLEMENTATION
       #include "autoenc.h"

   A COMPLETE PROGRAM: 200 rows of 4 readings each, learnt through a bottleneck of 1 number.

       #define AUTOENC_IMPLEMENTATION
       #include "autoenc.h"
       #include <stdio.h>

       int main(void) {
           static float rows[200][4];                                     // your data; here: four views of one quantity
           for (int i = 0; i < 200; i++) for (int k = 0; k < 4; k++) rows[i][k] = (k + 1) * (i / 200.0f - 0.5f);
           ae_ctx *ae = ae_new(NULL);
           ae_net *net = ae_net_new(ae);                                  // model = nn.Sequential(
           ae_nn_linear(net, 4, 8);  ae_nn_tanh(net);                     //     nn.Linear(4, 8), nn.Tanh(),
           ae_nn_linear(net, 8, 1);                                       //     nn.Linear(8, 1),
           ae_nn_linear(net, 1, 4);                                       //     nn.Linear(1, 4))
           ae_opt *adam = ae_adam(net, 1e-2f);                            // optimizer = torch.optim.Adam(model.parameters(), 1e-2)
           ae_loader *train = ae_loader_new(ae, 20, 1);                   // batches of 20, shuffled
           ae_load_f32(train, &rows[0][0], 200, 4, 0, 0);                 // [200, 4]; 0, 0: no such axes
           for (int epoch = 1; epoch <= 50; epoch++) {
               ae_tensor x;
               double sum = 0;
               while (ae_next_batch(train, &x, NULL)) {                   // for x in train:
                   ae_tensor loss = ae_mse_loss(ae_forward(net, x), x, AE_MEAN);  // loss = F.mse_loss(model(x), x)
                   ae_zero_grad(adam);                                    //     optimizer.zero_grad()
                   ae_backward(loss);                                     //     loss.backward()
                   ae_step(adam);                                         //     optimizer.step()
                   sum += ae_item(loss);                                  //     running_loss += loss.item()
               }
               if (epoch % 10 == 0) printf("%d %g\n", epoch, sum / ae_batches(train));
           }
           ae_free(ae);                                                   // gives everything back
           return 0;
       }

   MEMORY.  The context owns everything, and ae_free gives it back.  Results of operations live until the next ae_next_batch
   of the loader they were made under, or until ae_end of the ae_begin they were made in.  A handle that outlived its tensor
   is an error that names itself, never a wild pointer; ae_keep makes a copy that lasts.

   FROM PYTORCH
       torch.manual_seed(7)                 static ae_config c; c.seed = 7; ae_new(&c)
       with torch.no_grad(): ...            old = ae_grad_enabled(ae, 0); ... ae_grad_enabled(ae, old)
       nn.Upsample(None, 2); nn.Dropout(p)  ae_nn_upsample(net, 2, 0), 1 for mode="bilinear"; ae_nn_dropout(net, p)
       model.encoder(x); model.eval()       ae_forward(ae_child(net, "encoder"), x); ae_train(net, 0), 1 for model.train()
       mu + torch.randn_like(s) * s         ae_add(mu, ae_mul(ae_randn_like(s), s))
       x.view(-1, 784); x[:, 2:5]           ae_view(x, -1, 784, 0, 0); ae_slice(x, 1, 2, 5)
       running += loss.item()               ae_accumulate(running, loss)
       y, (h, c) = lstm(x, (h, c))          y = ae_lstm(lstm, x, &h, &c); ae_forward(lstm, x) begins with zeros
       F.nll_loss(logp, labels)             ae_nll_loss(logp, labels, AE_MEAN)
       p.grad; x.retain_grad()              ae_grad(p); ae_requires_grad(x, 1)
       clip_grad_norm_(.., 1.0)             ae_set(opt, AE_CLIP_NORM, 1.0f)
       save_file(model.state_dict(), f)     ae_save(net, f): the same names, shapes and format; load_state_dict reads it

   ERRORS.  A mistake of the program (shapes, order, a stale tensor) prints what did not fit and exits with status 1; with
   config.on_fail it calls you instead, the tensor is poison, what is made from it is poison, ae_step does nothing, and
   ae_error keeps the first text until ae_clear.  What the world does (a missing or damaged file, a full disk) returns 0 or
   NULL with a text in ae_error, and changes nothing.  An axis has at most 2^24 elements, a tensor 2^31.

   NUMBERS.  The same seed gives the same bits for any number of threads, run to run, after a resume, for gcc and clang at
   any -O, and on every processor with fused multiply-add (x86-64 since 2013, AArch64); without it, other last bits.  exp,
   log, tanh, sigmoid are ours, within 3 units in the last place.  Never use -ffast-math: it removes the tests for NaN.
   A convolution of images joined with planes has other last bits where the joined images were looked at (see planes, >>ops).

   MACROS.  AUTOENC_IMPLEMENTATION; AUTOENC_STATIC (all functions static); AE_ASSERT(x); AE_NO_STDIO (no files);
   AE_NO_THREADS.  Nothing else is looked at.

   DEVICES.  autoenc_cuda.cu, compiled by nvcc and put on the link line, makes config.device "cuda" and "auto" mean an NVIDIA
   card ("cuda-tf32": products may round); not with AUTOENC_STATIC.  What the card has no form of (an op of yours) runs here; ae_machine tells.  Data given to a loader is copied
   there once: do not change it afterwards.  Mistakes in numbers (a label that is no class) are found at the next read.

   autoenc.h DOES NOT: train in half precision, have tensors of more than 4 axes or of another type than
   float32, differentiate twice, read images or data sets, install signal handlers, print unless it exits.

   Inside, in this order: >>types >>api | >>fail >>arena >>device >>random >>tape >>ops >>nn >>optim >>io >>debug >>cpu >>kernels >>end */
#ifndef AUTOENC_H
#define AUTOENC_H

#include <stddef.h>
#include <stdint.h>

#ifdef AUTOENC_STATIC
#define AE_API static __attribute__((unused))
#define AE_WEAK
#else
#define AE_API extern
#define AE_WEAK __attribute__((weak))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define AE_VERSION "0.1.0"

/* ==== >>types ============================================================================================= */
typedef struct ae_ctx    ae_ctx;     /* owns everything: networks, optimisers, loaders, tensors, threads */
typedef struct ae_net    ae_net;     /* a named tree of layers, like nn.Module */
typedef struct ae_opt    ae_opt;     /* an optimiser over the parameters of one network */
typedef struct ae_loader ae_loader;  /* serves batches, like torch.utils.data.DataLoader */
typedef struct ae_tensor { ae_ctx *ctx; uint32_t slot, gen; } ae_tensor;  /* a handle, passed by value; a stale one is an error */
typedef enum ae_reduction { AE_MEAN = 1, AE_SUM } ae_reduction;           /* no default: mean or sum is always written down */
typedef enum ae_knob { AE_LR = 1, AE_BETA1, AE_BETA2, AE_EPS, AE_WEIGHT_DECAY, AE_MOMENTUM, AE_CLIP_NORM } ae_knob;
typedef struct ae_config {           /* all zero is right; seed 0 is seed 0 */
    uint64_t    seed;                /* of initial weights, shuffling and noise */
    int         threads;             /* 0: one for each processor that is online.  The results do not depend on it */
    const char *device;              /* NULL or "cpu"; "cuda", an error of ae_new if it is not there; "auto": a device if there is one */
    void      (*on_fail)(void *user, const char *text);        /* NULL: print the text and exit(1).  See ERRORS */
    void     *(*alloc)(void *user, size_t bytes);              /* NULL: malloc and free; give both or none */
    void      (*dealloc)(void *user, void *pointer);
    void       *user;                /* handed to the three functions above */
} ae_config;

/* What the functions of an op see.  Arrays are dense NCHW on the host, whatever the library does inside. */
enum { AE_MAX_INPUTS = 6, AE_MAX_ARGS = 12 };
typedef struct ae_array { float *data; int dim[4], ndim; } ae_array;      /* unused axes are 1; ndim 0 is a scalar */
typedef struct ae_call {
    ae_ctx      *ctx;
    ae_array     in[AE_MAX_INPUTS], out;       /* shape: read in[], set out.dim and out.ndim.  forward: fill out.data */
    ae_array     din[AE_MAX_INPUTS], dout;     /* backward: add to din[i].data, which is NULL where nobody wants it */
    const float *arg;  int args, inputs;       /* the numbers given to ae_apply */
    float       *saved;  size_t saved_floats;  /* shape may ask for room in which forward leaves notes for backward */
    int          fresh[AE_MAX_INPUTS];         /* library rows only: din[i] holds nothing yet, write instead of adding */
    const float *mask[AE_MAX_INPUTS];  float slope[AE_MAX_INPUTS];        /* library rows only: see >>tape */
} ae_call;
typedef struct ae_op {               /* one row: what an operation is called, needs, computes and propagates */
    const char  *name;
    int          inputs;             /* how many tensors it takes, at most AE_MAX_INPUTS */
    const char *(*shape)(ae_call *c);          /* NULL: well.  Else what would fit (ae_say formats it) */
    void        (*forward)(ae_call *c);
    void        (*backward)(ae_call *c);       /* NULL: not differentiable */
    int          layout;             /* 0 for an op of yours; the library's rows use others: see >>tape */
} ae_op;
/* What a drop-in for a device supplies (autoenc_cuda.cu).  Work is taken down by run and started by flush; put and get wait for it.
   A call's pointers are the device's, but for arg. */
enum { AE_DEVICE_VERSION = 1 };
typedef struct ae_device {
    int         version;                                                     /* AE_DEVICE_VERSION; looked at before anything else */
    const char *name;                                                        /* "cuda"; config.device begins with it */
    void      *(*open)(const char *device, char *text, size_t size);         /* text: what it is or, with NULL, why there is none */
    void       (*close)(void *d);                                            /* its memory goes with it */
    void      *(*alloc)(void *d, size_t bytes);                              /* NULL: none left */
    int        (*put)(void *d, void *there, const void *here, size_t bytes);
    int        (*get)(void *d, void *here, const void *there, size_t bytes);
    int        (*code)(void *d, const char *op);                             /* its number for an op; -1: it has no form of it */
    int        (*run)(void *d, int code, int backward, const ae_call *c);    /* these four: 0 is a failure */
    int        (*flush)(void *d);
    const char*(*problem)(void *d);                                          /* what went wrong, here or in the numbers; NULL: nothing */
} ae_device;

/* ==== >>api =============================================================================================== */
/* Context: one per thread of yours; there are no globals. */
AE_API ae_ctx     *ae_new(const ae_config *config);               /* NULL config: defaults.  NULL if there is no memory */
AE_API void        ae_free(ae_ctx *ae);                           /* every network, optimiser, loader and tensor goes with it */
AE_API const char *ae_error(const ae_ctx *ae);                    /* "" if well; stays until ae_clear: check once a step */
AE_API void        ae_clear(ae_ctx *ae);                          /* forget the error and drop all temporaries */
AE_API size_t      ae_begin(ae_ctx *ae);                          /* open a scope for temporaries; scopes nest */
AE_API void        ae_end(ae_ctx *ae, size_t mark);               /* temporaries made since ae_begin are gone */
AE_API int         ae_grad_enabled(ae_ctx *ae, int on);           /* with torch.no_grad(): 0 off, 1 on; returns the old value */
AE_API int         ae_detect_anomaly(ae_ctx *ae, int on);         /* 1: the first NaN or Inf fails, naming op and step; returns the old value */
AE_API int         ae_threads(const ae_ctx *ae);                  /* how many threads compute */
AE_API const char *ae_machine(const ae_ctx *ae);                  /* "avx512, 2 threads": what the kernels use; a device first */
AE_API size_t      ae_memory(const ae_ctx *ae);                   /* bytes held by the context now */
AE_API const ae_device *ae_device_linked(void);                   /* NULL, unless a drop-in on the link line has its own */
AE_API void        ae_parallel(ae_ctx *ae, int tasks, void (*task)(void *user, int index), void *user); /* tasks write to disjoint places */

/* Data. */
AE_API ae_loader  *ae_loader_new(ae_ctx *ae, int batch, int shuffle);              /* DataLoader(..., drop_last=False) */
AE_API int         ae_load_u8(ae_loader *l, const uint8_t *px, int n, int c, int h, int w);     /* borrowed; served as px / 255; 1 if well */
AE_API int         ae_load_f32(ae_loader *l, const float *data, int n, int c, int h, int w);    /* borrowed; trailing 0: no such axis */
AE_API int         ae_load_labels(ae_loader *l, const uint8_t *labels, int n);                  /* borrowed; served as [B] floats 0, 1, 2 ... */
AE_API int         ae_load_fn(ae_loader *l, int n, int c, int h, int w,                         /* for data that is made or read on the spot: */
                              void (*fill)(void *user, const int *index, int rows, float *out), void *user);  /* write rows x [c,h,w] to out */
AE_API int         ae_next_batch(ae_loader *l, ae_tensor *x, ae_tensor *y);        /* the first and second thing loaded; y may be NULL; 0 ends the epoch */
AE_API int         ae_batches(const ae_loader *l);                                 /* len(loader): batches in an epoch, the last partial one included */

/* Tensors: float32, at most 4 axes, shapes as in PyTorch (NCHW). */
AE_API ae_tensor   ae_from(ae_ctx *ae, const float *data, int n, int c, int h, int w);  /* copies; NULL: zeros; trailing 0: no such axis */
AE_API ae_tensor   ae_scalar(ae_ctx *ae, float value);            /* torch.tensor(value) */
AE_API ae_tensor   ae_randn(ae_ctx *ae, int n, int c, int h, int w),  ae_randn_like(ae_tensor x);  /* N(0,1), by (seed, step, op, element) */
AE_API const float*ae_data(ae_tensor x);                          /* dense NCHW, read-only, lives as long as x and the scope that asks */
AE_API float       ae_item(ae_tensor x);                          /* x.item(): x has one element */
AE_API int         ae_size(ae_tensor x, int axis);                /* x.size(axis); axis -1: number of elements */
AE_API int         ae_dims(ae_tensor x);                          /* x.dim() */
AE_API ae_tensor   ae_grad(ae_tensor x);                          /* x.grad of a parameter, or of x after ae_requires_grad(x, 1) */
AE_API void        ae_requires_grad(ae_tensor x, int on);         /* x.requires_grad_(on), before x is used; a result keeps its gradient (retain_grad) */
AE_API ae_tensor   ae_detach(ae_tensor x);                        /* x.detach(): the same values, no gradient */
AE_API ae_tensor   ae_keep(ae_tensor x);                          /* a permanent copy that outlives its step, freed with the context */
AE_API int         ae_assign(ae_tensor kept, const float *data);  /* the only way to write a kept tensor or a parameter; dense NCHW, NULL: zeros; 1 if well */
AE_API void        ae_accumulate(ae_tensor kept, ae_tensor x);    /* kept += x.item() without waiting for a device: a running loss */

/* Operations: torch.* with ae_.  Two operands of different shapes are broadcast as in NumPy. */
AE_API ae_tensor   ae_add(ae_tensor a, ae_tensor b),  ae_sub(ae_tensor a, ae_tensor b),  ae_mul(ae_tensor a, ae_tensor b),  ae_div(ae_tensor a, ae_tensor b);
AE_API ae_tensor   ae_matmul(ae_tensor a, ae_tensor b),  ae_transpose(ae_tensor a);         /* [M,K] x [K,N] -> [M,N];  [M,N] -> [N,M] */
AE_API ae_tensor   ae_affine(ae_tensor x, float scale, float shift);                        /* scale * x + shift */
AE_API ae_tensor   ae_exp(ae_tensor x),  ae_log(ae_tensor x),  ae_square(ae_tensor x);      /* elementwise */
AE_API ae_tensor   ae_relu(ae_tensor x),  ae_leaky_relu(ae_tensor x, float slope),  ae_sigmoid(ae_tensor x),  ae_tanh(ae_tensor x);
AE_API ae_tensor   ae_log_softmax(ae_tensor x);                                             /* [N,C] over C, F.log_softmax(x, dim=1) */
AE_API ae_tensor   ae_view(ae_tensor x, int n, int c, int h, int w);                        /* x.view; one size may be -1; trailing 0: no such axis */
AE_API ae_tensor   ae_expand(ae_tensor x, int n, int c, int h, int w);                      /* x.expand: axes of size 1 are repeated */
AE_API ae_tensor   ae_cat(ae_tensor a, ae_tensor b, int axis);                              /* torch.cat((a, b), axis) */
AE_API ae_tensor   ae_slice(ae_tensor x, int axis, int from, int to);                       /* x.narrow(axis, from, to - from) */
AE_API ae_tensor   ae_one_hot(ae_tensor labels, int classes);                               /* [N] of 0 .. classes-1 -> [N,classes] */
AE_API ae_tensor   ae_reduce(ae_tensor x, int axis, ae_reduction r);                        /* x.mean(axis) or x.sum(axis); axis -1: all -> scalar */

/* Losses: scalars.  AE_MEAN is over every element, AE_SUM adds them up. */
AE_API ae_tensor   ae_mse_loss(ae_tensor out, ae_tensor target, ae_reduction r);            /* (out - target)^2 */
AE_API ae_tensor   ae_l1_loss(ae_tensor out, ae_tensor target, ae_reduction r);             /* |out - target| */
AE_API ae_tensor   ae_bce_loss(ae_tensor out, ae_tensor target, ae_reduction r);            /* out, target in [0,1]; logs clamped at -100 as in PyTorch */
AE_API ae_tensor   ae_bce_logits_loss(ae_tensor out, ae_tensor target, ae_reduction r);     /* the same of sigmoid(out), without its rounding */
AE_API ae_tensor   ae_nll_loss(ae_tensor logp, ae_tensor labels, ae_reduction r);           /* [N,C], [N]: -logp of the label; AE_MEAN is over the N rows */
AE_API ae_tensor   ae_kl_loss(ae_tensor mean, ae_tensor logvar, ae_reduction r);            /* [B,L]: -1/2 sum(1 + lv - m^2 - e^lv); r is over the B rows */

/* An op of your own: a row like the library's. */
AE_API ae_tensor   ae_apply(const ae_op *op, const ae_tensor *in, const float *arg, int args);
AE_API const char *ae_say(ae_ctx *ae, const char *format, ...);   /* formats the text a shape rule returns */

/* Networks: one call a layer, appended to its parent.  A layer's name is its index until ae_name changes it. */
AE_API ae_net     *ae_net_new(ae_ctx *ae);                        /* a root; ae_forward runs its children in order */
AE_API ae_net     *ae_sequential(ae_net *parent, const char *name);
AE_API ae_net     *ae_nn_linear(ae_net *p, int in, int out);                                                  /* nn.Linear(in, out) */
AE_API ae_net     *ae_nn_conv2d(ae_net *p, int in, int out, int k, int stride, int pad);                      /* nn.Conv2d(in, out, k, stride, pad) */
AE_API ae_net     *ae_nn_conv_transpose2d(ae_net *p, int in, int out, int k, int stride, int pad, int out_pad); /* nn.ConvTranspose2d(...) */
AE_API ae_net     *ae_nn_batch_norm1d(ae_net *p, int features),  *ae_nn_batch_norm2d(ae_net *p, int channels);/* eps 1e-5, momentum 0.1 */
AE_API ae_net     *ae_nn_max_pool2d(ae_net *p, int k, int stride, int pad);                                   /* nn.MaxPool2d(k, stride, pad) */
AE_API ae_net     *ae_nn_upsample(ae_net *p, int scale, int bilinear);                                        /* nn.Upsample(scale_factor=scale, mode="nearest" or "bilinear") */
AE_API ae_net     *ae_nn_dropout(ae_net *p, float probability);                                               /* nn.Dropout(p): does nothing after ae_train(net, 0) */
AE_API ae_net     *ae_nn_lstm(ae_net *p, int in, int hidden, int layers);                                     /* nn.LSTM(in, hidden, layers, batch_first=True): [B,T,in] -> [B,T,hidden]; at most 2 layers */
AE_API ae_net     *ae_nn_relu(ae_net *p),  *ae_nn_leaky_relu(ae_net *p, float slope),  *ae_nn_sigmoid(ae_net *p),  *ae_nn_tanh(ae_net *p);
AE_API ae_net     *ae_nn_log_softmax(ae_net *p);                                                              /* nn.LogSoftmax(dim=1) */
AE_API ae_net     *ae_nn_flatten(ae_net *p),  *ae_nn_unflatten(ae_net *p, int c, int h, int w);               /* nn.Flatten(); nn.Unflatten(1, (c, h, w)) */
AE_API ae_net     *ae_nn_op(ae_net *p, const ae_op *op, const float *arg, int args);                          /* your own one-input op */
AE_API ae_net     *ae_nn_parameter(ae_net *p, const char *name, float bound, int n, int c, int h, int w);     /* your own, drawn from U(-bound, bound) */
AE_API ae_net     *ae_name(ae_net *layer, const char *name);      /* "3" becomes "fc_mu"; returns layer */
AE_API ae_net     *ae_child(ae_net *net, const char *path);       /* "encoder.0"; NULL if there is none */
AE_API ae_tensor   ae_param(ae_net *net, const char *path);       /* "encoder.0.weight", in PyTorch's shape */
AE_API ae_tensor   ae_param_at(ae_net *net, int i, const char **path);  /* net.named_parameters()[i]; path: NULL, or where its name goes, good until the next call */
AE_API int         ae_params(ae_net *net);                        /* how many parameter tensors */
AE_API size_t      ae_param_count(ae_net *net);                   /* sum(p.numel() for p in net.parameters()) */
AE_API ae_tensor   ae_forward(ae_net *net, ae_tensor x);          /* net(x); a layer and the activation after it run as one: same bits, fewer passes */
AE_API ae_tensor   ae_lstm(ae_net *lstm, ae_tensor x, ae_tensor *h, ae_tensor *c);  /* y, (h, c) = lstm(x, (h, c)), both [layers,B,hidden]; NULL: from zeros */
AE_API void        ae_train(ae_net *net, int on);                 /* net.train(on): batch norm uses the batch's statistics, dropout drops */
AE_API void        ae_freeze(ae_net *net, int on);                /* net.requires_grad_(!on) */
AE_API int         ae_summary(const ae_net *net, char *text, size_t size);        /* print(net) and a parameter count; returns the length */
AE_API int         ae_diagnose(ae_net *net, ae_tensor x, char *text, size_t size);/* looks inside for x: dead units, NaN, collapse, how it was trained; returns findings */

/* Learning. */
AE_API ae_opt     *ae_adam(ae_net *net, float lr),  *ae_adamw(ae_net *net, float lr),  *ae_sgd(ae_net *net, float lr);  /* torch.optim.*, their defaults */
AE_API void        ae_set(ae_opt *opt, ae_knob knob, float value);/* any value, zero too; takes effect at the next step */
AE_API void        ae_zero_grad(ae_opt *opt),  ae_backward(ae_tensor loss),  ae_step(ae_opt *opt);
AE_API double      ae_check_grad(ae_net *net, ae_tensor (*loss)(void *user), void *user);  /* worst relative error over the parameters, by directional differences */

/* Files, and use without training.  1 or a pointer if well; 0 or NULL with a text in ae_error. */
AE_API int         ae_save(ae_net *net, const char *path);        /* safetensors with PyTorch's names and shapes; written beside and renamed */
AE_API int         ae_load(ae_net *net, const char *path);        /* strict: all of the network and nothing else, or no change at all */
AE_API int         ae_save_all(ae_ctx *ae, const char *path),  ae_load_all(ae_ctx *ae, const char *path);  /* + optimisers, loaders, random state: to resume */
AE_API ae_net     *ae_open(ae_ctx *ae, const char *path);         /* rebuilds the network that ae_save described in the file, and loads it */
AE_API int         ae_predict(ae_net *net, const float *in, size_t in_floats, float *out, size_t out_floats);  /* plain arrays, no tape, no allocation after the first call; returns the rows */

#ifdef __cplusplus
}
#endif
#endif /* AUTOENC_H */
/* ==== implementation ====================================================================================== */
#if defined(AUTOENC_IMPLEMENTATION) && !defined(AE_IMPLEMENTED)
#define AE_IMPLEMENTED

#if !defined(__GNUC__) || __FLT_EVAL_METHOD__ == 2
#error "autoenc.h needs GCC or Clang, for their vector types, and floats that are calculated as floats: on a 386, -msse2 -mfpmath=sse"
#endif
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef AE_NO_THREADS
#include <pthread.h>
#include <sched.h>
#endif
#ifdef __MINGW32__                            /* there, rename does not replace a file; windows.h would define near, far and small */
#ifdef __cplusplus
extern "C"
#endif
__declspec(dllimport) int __stdcall MoveFileExA(const char *from, const char *to, unsigned long flags);
static inline long ae__processors(void) { const char *n = getenv("NUMBER_OF_PROCESSORS"); return n ? atol(n) : 1; }
static inline int  ae__rename(const char *from, const char *to) { return MoveFileExA(from, to, 1) ? 0 : -1; }      /* 1: MOVEFILE_REPLACE_EXISTING */
#else
#include <unistd.h>
static inline long ae__processors(void) { return sysconf(_SC_NPROCESSORS_ONLN); }
static inline int  ae__rename(const char *from, const char *to) { return rename(from, to); }
#endif
#ifdef __linux__
int ae__madvise(void *p, size_t bytes, int advice) __asm__("madvise");       /* this name, as headers hide the other from -std=c99 */
#else
static inline int ae__madvise(void *p, size_t bytes, int advice) { (void)p; (void)bytes; return advice; }
#endif
#ifndef AE_ASSERT
#include <assert.h>
#define AE_ASSERT(x) assert(x)
#endif

/* The same bits everywhere: each fused multiply-add is written down as one, and the compiler may make no others. */
#ifdef __clang__
#define AE_ZIP(a, b, lanes, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define AE_UNROLL _Pragma("clang loop unroll(full)")         /* plain "unroll" comes too late: sums would live in memory */
#define AE_END_EXACT _Pragma("clang fp contract(on)")
#pragma clang fp contract(off)
#else
#define AE_ZIP(a, b, lanes, ...) __builtin_shuffle(a, b, lanes)
#define AE_UNROLL _Pragma("GCC unroll 16")
#define AE_END_EXACT _Pragma("GCC pop_options")
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

enum { AE_PAD = 64 };                         /* readable floats behind every array: a vector load may run over its end */
enum { AE_KEPT = (int)0x80000000u };          /* bit of a slot number: the tensor lives in the permanent table */
enum { AE_NCHW, AE_NHWC, AE_PACKED };         /* how a slot stores its values; AE_PACKED is for weights, see >>nn */
enum { AE_ROW_NHWC = 1, AE_ROW_ANY = 2, AE_ROW_FRESH = 4, AE_ROW_MASKS = 8, AE_ROW_STATE = 16, AE_ROW_OURS = 32, AE_ROW_AXES = 64, AE_ROW_SHARES = 128, AE_ROW_ACT = 256 };  /* traits of a row, see >>tape */
enum { AE_HOST, AE_DEVICE, AE_BOTH };         /* where the newest values of an array are, see >>device */
enum { AE_ACT_NONE, AE_ACT_RELU, AE_ACT_LEAKY, AE_ACT_SIGMOID, AE_ACT_TANH };
enum { AE_STREAM_INIT = 1, AE_STREAM_NOISE, AE_STREAM_SHUFFLE, AE_STREAM_CHECK };
enum { AE_TEXT = 1024, AE_NAME = 48, AE_PATH = 256, AE_SPIN = 20000, AE_SPARES = 4, AE_HOST_OPS = 8 };
typedef struct ae_kernels ae_kernels;
typedef struct ae_pool ae_pool;
typedef struct ae_slot {             /* what a handle stands for */
    float   *data, *grad;            /* grad is NULL until somebody adds to it; a parameter's points into the flat block */
    size_t   grad_floats;            /* how large the piece of memory at grad is */
    float   *dense;                  /* a kept tensor's values in NCHW, made when asked for */
    int      dim[4], ndim;  uint32_t gen, version, dense_version;
    ae_tensor twin;  uint32_t twin_version;    /* the same values in another layout, if somebody needed them */
    int      layout, record;         /* record: which one computed it, -1 if none */
    int      needs_grad, retain, has_grad, masked, consumers, late;            /* late: not computed yet, see planes in >>ops */
    int      home, grad_home;        /* where the newest values and gradients are, see >>device */
    int      act;  float slope;      /* the activation fused into its producer: its derivative follows from data */
} ae_slot;
typedef struct ae_record {           /* one operation of the step, structure only: values are in the slots and in ctx->args */
    const ae_op *op;  const ae_net *net;  uint32_t in[AE_MAX_INPUTS], version[AE_MAX_INPUTS], out;
    int inputs, args, done, side, code;  size_t arg;         /* side: AE_HOST or AE_DEVICE, where it was computed; code: its number there */
    float *saved;  size_t saved_floats;
} ae_record;
typedef struct ae_block { struct ae_block *next; size_t base, size; float *data; } ae_block;   /* a piece of an arena, in floats */
typedef struct ae_slots { ae_slot **page; uint32_t top, room; } ae_slots;                      /* pages of 256 slots that never move */
typedef struct ae_twin { size_t here, bytes; char *there; } ae_twin;                          /* a piece of memory and its place on the device */
typedef struct ae_spare { float *data; size_t floats; } ae_spare;
typedef struct ae_mark  { size_t floats, args; uint32_t slots; int records; } ae_mark;
struct ae_ctx {
    ae_config config;  char      error[AE_TEXT], text[AE_TEXT], shape_text[2][64];  int       shape_texts, poisoned, grad_on, anomaly, fuse, predicting, threads;
    size_t    bytes;                            /* held from config.alloc */
    ae_block *step_blocks;                      /* the step arena */
    size_t    step_top;                         /* floats in use, counted through the blocks */
    void     *permanent;                        /* list of single allocations, freed with the context */
    ae_slots  step, kept;
    ae_record *records;  int n_records, room_records;
    float    *args;  size_t n_args, room_args;
    ae_mark  *marks;  size_t n_marks, room_marks;
    uint64_t  random_step;  uint32_t random_op; /* position in the noise stream: optimiser steps taken, draws since */
    int       n_roots, n_loaders;
    ae_net   *roots;  ae_opt *opts;  ae_loader *loaders, *serving;               /* serving: whose batch is the last one */
    const ae_net *net;                          /* the layer that runs now, for messages */
    const ae_kernels *kernels;  ae_pool *pool;  char      machine[192];
    const ae_device *device;  void *there;      /* NULL: the CPU; there is what its open gave */
    ae_twin  *twins;  size_t n_twins, room_twins;
    const ae_op *host_ops[AE_HOST_OPS];  int n_host_ops;                         /* of those that ran here, it has no form */
    ae_spare spare[AE_SPARES];                  /* gradients that the running ae_backward has used up */
};
static ae_slot *ae__new_slot(ae_ctx *ae, int kept, ae_tensor *handle);
static void     ae__path(const ae_net *top, const ae_net *net, char *path);
static void     ae__layer_text(const ae_net *net, char *text, size_t size);
static void     ae__pool_start(ae_ctx *ae);
static void     ae__device_open(ae_ctx *ae, const char *want);
static void     ae__pool_stop(ae_ctx *ae);
static const ae_kernels *ae__pick_kernels(void);
static ae_tensor ae__poison(ae_ctx *ae) { ae_tensor x; x.ctx = ae; x.slot = x.gen = 0; return x; }   /* generations of real tensors start at 1 */

/* ==== >>fail ============================================================================================== */
static void ae__default_fail(const char *text) { fprintf(stderr, "autoenc: %s\n", text); exit(1); }
/* Names of the last operations of the step, newest last: what the caller did before the mistake. */
static void ae__last_ops(const ae_ctx *ae, char *text, size_t size) {
    int i = ae->n_records > 4 ? ae->n_records - 4 : 0;  size_t used = 0;
    text[0] = 0;
    for (; i < ae->n_records && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "  [last ops: ", ae->records[i].op->name);
    if (used && used < size) snprintf(text + used, size - used, "]");
}
/* The caller's mistake: remember the first text, poison the context, tell the handler.  The handler may return. */
static ae_tensor ae__fail(ae_ctx *ae, const char *format, ...) {
    char text[AE_TEXT / 2], where[AE_PATH] = "", layer[AE_PATH] = "", ops[AE_PATH];  va_list list;
    va_start(list, format);  vsnprintf(text, sizeof text, format, list);  va_end(list);
    if (!ae) { ae__default_fail(text); return ae__poison(ae); }
    if (ae->net) { ae__path(NULL, ae->net, where);  ae__layer_text(ae->net, layer, sizeof layer); }
    ae__last_ops(ae, ops, sizeof ops);
    if (!ae->poisoned) snprintf(ae->error, sizeof ae->error, "%.150s%s%.150s%s%.400s%.200s", where, *where ? " " : "", layer, *layer ? ": " : "", text, ops);
    ae->poisoned = 1;  ae->net = NULL;
    if (ae->config.on_fail) ae->config.on_fail(ae->config.user, ae->error); else ae__default_fail(ae->error);
    return ae__poison(ae);
}
/* The world's mistake (a file, a disk, a missing device): only the text; the caller asks for it. */
static int ae__world(ae_ctx *ae, const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (!ae->poisoned) vsnprintf(ae->error, sizeof ae->error, format, list);
    va_end(list);  return 0;
}
AE_API const char *ae_error(const ae_ctx *ae) { return ae->error; }
AE_API const char *ae_say(ae_ctx *ae, const char *format, ...) {
    va_list list;
    va_start(list, format);  vsnprintf(ae->text, sizeof ae->text, format, list);  va_end(list);
    return ae->text;
}

/* Text into the caller's buffer; goes on counting when it is full, as snprintf does. */
typedef struct ae_text { char *text; size_t size, used; } ae_text;
static void ae__print(ae_text *t, const char *format, ...) {
    va_list list;  size_t room = t->used < t->size ? t->size - t->used : 0;  int n;
    va_start(list, format);  n = vsnprintf(room ? t->text + t->used : NULL, room, format, list);  va_end(list);
    t->used += n > 0 ? (size_t)n : 0;
}

/* ==== >>arena ============================================================================================= */
/* Large pieces ask Linux (14: MADV_HUGEPAGE) for pages of 2 MB: with small ones a busy machine spends a fifth of its time on finding them. */
static void *ae__alloc(ae_ctx *ae, size_t bytes) {
    const size_t huge = (size_t)2 << 20;  void *p = ae->config.alloc ? ae->config.alloc(ae->config.user, bytes) : malloc(bytes);
    if (p && !ae->config.alloc && bytes >= 2 * huge) ae__madvise((char *)p + (huge - (size_t)p % huge) % huge, (bytes - huge) / huge * huge, 14);
    if (p) ae->bytes += bytes;
    return p;
}
static void ae__dealloc(ae_ctx *ae, void *p, size_t bytes) {
    if (!p) return;
    ae->bytes -= bytes;
    if (ae->config.dealloc) ae->config.dealloc(ae->config.user, p); else free(p);
}
/* Doubles a growing array.  0: no memory, and the old array is as it was. */
static int ae__grow(ae_ctx *ae, void **array, size_t *room, size_t element) {
    size_t more = *room ? 2 * *room : 64;  void *p = ae__alloc(ae, more * element);
    if (!p) return 0;
    if (*array) memcpy(p, *array, *room * element);
    ae__dealloc(ae, *array, *room * element);
    *array = p;  *room = more;  return 1;
}
/* Memory that lives as long as the context, zeroed and aligned to 64 bytes.  NULL: none left.
   Three words in front of it hold the list: the next piece, the pointer to give back, its size. */
static void *ae__permanent(ae_ctx *ae, size_t bytes) {
    size_t head = 3 * sizeof(void *), whole = bytes + head + 63;  char *raw = (char *)ae__alloc(ae, whole);  void **p;
    if (!raw) return NULL;
    memset(raw, 0, whole);  p = (void **)(((size_t)raw + head + 63) & ~(size_t)63);
    p[-1] = ae->permanent;  p[-2] = raw;  p[-3] = (void *)whole;  ae->permanent = p;  return p;
}
static float *ae__permanent_floats(ae_ctx *ae, size_t n) { return (float *)ae__permanent(ae, (n + AE_PAD) * sizeof(float)); }
static void ae__free_permanent(ae_ctx *ae, const void *until) {             /* the newest first; until NULL: all of it */
    while (ae->permanent != until) {
        void **p = (void **)ae->permanent;
        ae->permanent = p[-1];  ae__dealloc(ae, p[-2], (size_t)p[-3]);
    }
}
/* A new block behind the last one, at least twice the size of all before: a few steps, and the arena grows no more. */
static ae_block *ae__new_block(ae_ctx *ae, size_t floats, size_t base) {
    size_t size = floats > base ? floats : base;  size_t bytes, head = 64 + sizeof(ae_block);  ae_block *b;
    if (size < 250000) size = 250000;                       /* the first one is a megabyte: what a file may cost at least */
    bytes = head + 64 + (size + AE_PAD) * sizeof(float);  b = (ae_block *)ae__alloc(ae, bytes);
    if (!b) return NULL;
    b->next = NULL;  b->base = base;  b->size = size;  b->data = (float *)(((size_t)(b + 1) + 63) & ~(size_t)63);
    memset(b->data, 0, (size + AE_PAD) * sizeof(float));    /* so that the lanes behind an array are numbers */
    return b;
}
static size_t ae__block_bytes(const ae_block *b) { return 64 + sizeof(ae_block) + 64 + (b->size + AE_PAD) * sizeof(float); }
/* Room for n floats of this step: 64-byte aligned, not cleared, gone with the scope.  NULL: no memory (already told).
   A block that is too small for n is passed over; positions count through all blocks, so marks stay comparable. */
static float *ae__floats(ae_ctx *ae, size_t n) {
    size_t need = (n + 47) & ~(size_t)15, base = 0;            /* 32 more: vector loads may run over the end, but not into another's writes */  ae_block **b = &ae->step_blocks;
    while (*b && ae->step_top >= (*b)->base + (*b)->size) base = (*b)->base + (*b)->size, b = &(*b)->next;
    while (*b && (ae->step_top > (*b)->base ? ae->step_top : (*b)->base) + need > (*b)->base + (*b)->size)
        base = (*b)->base + (*b)->size, b = &(*b)->next;
    if (!*b) *b = ae__new_block(ae, need, base);
    if (!*b) {
        ae__fail(ae, "out of memory: %.1f MB are in use, and %.1f MB more were refused", (double)ae->bytes / 1e6, (double)need * 4 / 1e6);
        return NULL;
    }
    if (ae->step_top < (*b)->base) ae->step_top = (*b)->base;
    ae->step_top += need;
    return (*b)->data + (ae->step_top - need - (*b)->base);
}
static void ae__free_blocks(ae_ctx *ae) {
    while (ae->step_blocks) {
        ae_block *b = ae->step_blocks;
        ae->step_blocks = b->next;  ae__dealloc(ae, b, ae__block_bytes(b));
    }
}

/* ---- slots: what handles stand for; pages never move, so a pointer to a slot stays good ---- */
static ae_slot *ae__at(ae_ctx *ae, uint32_t number) {
    ae_slots *t = number & (uint32_t)AE_KEPT ? &ae->kept : &ae->step;
    number &= ~(uint32_t)AE_KEPT;
    return &t->page[number >> 8][number & 255];
}
static ae_tensor ae__handle(ae_ctx *ae, uint32_t number) { ae_tensor x; x.ctx = ae; x.slot = number; x.gen = ae__at(ae, number)->gen; return x; }
static int ae__slots_grow(ae_ctx *ae, ae_slots *t) {
    size_t room = t->room;  ae_slot *page;
    if (t->top >> 8 >= t->room) {
        void *pages = t->page;
        if (!ae__grow(ae, &pages, &room, sizeof(ae_slot *))) return 0;
        t->page = (ae_slot **)pages;  memset(t->page + t->room, 0, (room - t->room) * sizeof(ae_slot *));  t->room = (uint32_t)room;
    }
    if (t->page[t->top >> 8]) return 1;
    page = (ae_slot *)ae__alloc(ae, 256 * sizeof(ae_slot));
    if (!page) return 0;
    memset(page, 0, 256 * sizeof(ae_slot));  t->page[t->top >> 8] = page;  return 1;
}
static void ae__slots_free(ae_ctx *ae, ae_slots *t) {
    uint32_t i;
    for (i = 0; i < t->room; i++) ae__dealloc(ae, t->page[i], 256 * sizeof(ae_slot));
    ae__dealloc(ae, t->page, t->room * sizeof(ae_slot *));
}
/* A fresh slot under a fresh generation: handles to its former owner are stale from now on. */
static ae_slot *ae__new_slot(ae_ctx *ae, int kept, ae_tensor *handle) {
    ae_slots *t = kept ? &ae->kept : &ae->step;  uint32_t gen, number = t->top;  ae_slot *s;
    if (!ae__slots_grow(ae, t)) { ae__fail(ae, "out of memory for one more tensor"); return NULL; }
    s = &t->page[number >> 8][number & 255];  gen = s->gen + 1;  memset(s, 0, sizeof *s);
    s->gen = gen;  s->record = -1;  s->dim[0] = s->dim[1] = s->dim[2] = s->dim[3] = 1;  t->top++;
    handle->ctx = ae;  handle->slot = kept ? number | (uint32_t)AE_KEPT : number;  handle->gen = gen;  return s;
}
/* The slot of a handle.  NULL for poison (somebody was told already) and for a stale handle (ae is told now). */
static ae_slot *ae__slot_for(ae_ctx *ae, ae_tensor x) {
    uint32_t number = x.slot & ~(uint32_t)AE_KEPT;  ae_slot *s;
    if (!x.gen || !x.ctx) { if (!ae || !ae->poisoned) ae__fail(ae, "this tensor was never made: its handle is all zeros"); return NULL; }
    s = number < (x.slot & (uint32_t)AE_KEPT ? x.ctx->kept : x.ctx->step).top ? ae__at(x.ctx, x.slot) : NULL;
    if (s && s->gen == x.gen) return s;
    ae__fail(ae, "stale tensor: it was made in a step that is over.  ae_next_batch and ae_end drop the temporaries made since; ae_keep makes a lasting copy");
    return NULL;
}
static ae_slot *ae__slot(ae_tensor x) { return ae__slot_for(x.ctx, x); }
static int ae__numel(const int *dim) { return dim[0] * dim[1] * dim[2] * dim[3]; }
/* "[64, 1, 28, 28]" as PyTorch prints a shape; "[]" for a scalar.  The context keeps the last two. */
static const char *ae__shape_text(ae_ctx *ae, const int *dim, int ndim) {
    char *text = ae->shape_text[ae->shape_texts++ % 2];  int i, used = sprintf(text, "[");
    for (i = 0; i < ndim; i++) used += sprintf(text + used, i ? ", %d" : "%d", dim[i]);
    sprintf(text + used, "]");  return text;
}

/* ---- scopes ---- */
static ae_mark ae__here(const ae_ctx *ae) {
    ae_mark m;
    m.floats = ae->step_top;  m.args = ae->n_args;  m.slots = ae->step.top;  m.records = ae->n_records;
    return m;
}
static void ae__loaders_forget(ae_ctx *ae, uint32_t slots);

/* Drops all that was made since the mark.  A mark whose scope an outer one has closed already drops nothing. */
static void ae__rewind(ae_ctx *ae, ae_mark m) {
    if (m.slots > ae->step.top || m.floats > ae->step_top || m.records > ae->n_records) return;
    ae->step_top = m.floats;  ae->n_args = m.args;  ae->step.top = m.slots;  ae->n_records = m.records;
    ae__loaders_forget(ae, m.slots);
}
AE_API size_t ae_begin(ae_ctx *ae) {
    void *marks = ae->marks;
    if (ae->n_marks == ae->room_marks && !ae__grow(ae, &marks, &ae->room_marks, sizeof(ae_mark))) {
        ae__fail(ae, "out of memory for one more scope");  return (size_t)-1;
    }
    ae->marks = (ae_mark *)marks;  ae->marks[ae->n_marks] = ae__here(ae);  return ae->n_marks++;
}
AE_API void ae_end(ae_ctx *ae, size_t mark) {
    if (mark >= ae->n_marks) { if (!ae->poisoned) ae__fail(ae, "ae_end: this scope is closed already, or was never opened by ae_begin"); return; }
    ae__rewind(ae, ae->marks[mark]);  ae->n_marks = mark;
}
AE_API void ae_clear(ae_ctx *ae) {
    ae_mark start;
    memset(&start, 0, sizeof start);  ae__rewind(ae, start);
    ae->n_marks = 0;  ae->poisoned = 0;  ae->error[0] = 0;  ae->net = NULL;
}

/* ---- the context ---- */
AE_API ae_ctx *ae_new(const ae_config *config) {
    ae_config none;  ae_ctx *ae;
    memset(&none, 0, sizeof none);
    if (!config) config = &none;
    ae = (ae_ctx *)(config->alloc ? config->alloc(config->user, sizeof *ae) : malloc(sizeof *ae));
    if (!ae) return NULL;
    memset(ae, 0, sizeof *ae);
    ae->config = *config;  ae->bytes = sizeof *ae;  ae->grad_on = ae->fuse = 1;  ae->kernels = ae__pick_kernels();
    ae__pool_start(ae);  ae__device_open(ae, config->device);  return ae;
}
AE_API void ae_free(ae_ctx *ae) {
    if (!ae) return;
    if (ae->device) ae->device->close(ae->there);
    ae__dealloc(ae, ae->twins, ae->room_twins * sizeof(ae_twin));  ae__pool_stop(ae);  ae__free_blocks(ae);  ae__free_permanent(ae, NULL);  ae__slots_free(ae, &ae->step);
    ae__slots_free(ae, &ae->kept);  ae__dealloc(ae, ae->records, (size_t)ae->room_records * sizeof(ae_record));
    ae__dealloc(ae, ae->args, ae->room_args * sizeof(float));  ae__dealloc(ae, ae->marks, ae->room_marks * sizeof(ae_mark));
    AE_ASSERT(ae->bytes == sizeof *ae);
    if (ae->config.dealloc) ae->config.dealloc(ae->config.user, ae); else free(ae);
}
AE_API int         ae_threads(const ae_ctx *ae) { return ae->threads; }
AE_API const char *ae_machine(const ae_ctx *ae) { return ae->machine; }
AE_API size_t      ae_memory(const ae_ctx *ae)  { return ae->bytes; }
AE_API int ae_grad_enabled(ae_ctx *ae, int on) { int old = ae->grad_on; ae->grad_on = on != 0; return old; }
AE_API int ae_detect_anomaly(ae_ctx *ae, int on) { int old = ae->anomaly; ae->anomaly = on != 0; return old; }

/* ==== >>device ============================================================================================ */
/* An array has one place here and one on the device, made when it is first wanted; `home` says where its newest values are,
   and ae__bring carries them over when the other side asks.  Ops are taken down for the device as they are called, and
   started together by a read or by ae_step.  What the device has no form of runs here.  Without a device, all this is one
   comparison an op. */
AE_API AE_WEAK const ae_device *ae_device_linked(void) { return NULL; }
static void ae__device_open(ae_ctx *ae, const char *want) {
    const ae_device *d = ae_device_linked();  char text[AE_PATH / 2] = "this program was built for the CPU only", cpu[64];  int any;
    if (!want || !strcmp(want, "cpu")) return;
    any = !strcmp(want, "auto");
    if (d && d->version != AE_DEVICE_VERSION) snprintf(text, sizeof text, "its drop-in is of version %d, autoenc.h of %d", d->version, AE_DEVICE_VERSION);
    else if (d && (any || !strncmp(want, d->name, strlen(d->name)))) ae->there = d->open(want, text, sizeof text);
    snprintf(cpu, sizeof cpu, "%.60s", ae->machine);
    if (ae->there) ae->device = d, snprintf(ae->machine, sizeof ae->machine, "%.100s; %s", text, cpu);
    else if (!any) ae__world(ae, "no device \"%.40s\": %s", want, text);
    else if (d) snprintf(ae->machine, sizeof ae->machine, "%s; %.100s, using the CPU", cpu, text);
}
static void ae__device_failed(ae_ctx *ae) {
    const char *problem = ae->device->problem(ae->there);
    if (!ae->poisoned) ae__fail(ae, "%s", problem ? problem : "the device refused");
}
/* The piece of memory that `bytes` from p on are gets a place on the device.  NULL: told. */
static ae_twin *ae__new_twin(ae_ctx *ae, const void *p, size_t bytes) {
    void *twins = ae->twins;  char *there = (char *)ae->device->alloc(ae->there, bytes);  ae_twin *t;
    if (!there || (ae->n_twins == ae->room_twins && !ae__grow(ae, &twins, &ae->room_twins, sizeof(ae_twin)))) {
        ae__fail(ae, "the device has no memory left for %.1f MB more", (double)bytes / 1e6);
        return NULL;
    }
    ae->twins = (ae_twin *)twins;  t = &ae->twins[ae->n_twins++];  t->here = (size_t)p;  t->bytes = bytes;  t->there = there;  return t;
}
/* Where p is on the device.  Permanent memory goes there whole, at once, so that what is between its arrays is zero there too. */
static float *ae__twin(ae_ctx *ae, const void *p) {
    size_t i, at = (size_t)p;  const ae_block *b;  void **q = (void **)ae->permanent;  ae_twin *t = NULL;
    for (i = 0; p && i < ae->n_twins; i++)
        if (at - ae->twins[i].here < ae->twins[i].bytes) return (float *)(void *)(ae->twins[i].there + (at - ae->twins[i].here));
    for (b = ae->step_blocks; p && b && !t; b = b->next)
        if (at - (size_t)b->data < b->size * sizeof(float)) { t = ae__new_twin(ae, b->data, (b->size + AE_PAD) * sizeof(float)); p = t ? p : NULL; }
    for (; p && q && !t; q = (void **)q[-1])
        if (at - (size_t)q < (size_t)q[-2] + (size_t)q[-3] - (size_t)q) {
            t = ae__new_twin(ae, q, (size_t)q[-2] + (size_t)q[-3] - (size_t)q);
            if (!t || !ae->device->put(ae->there, t->there, q, t->bytes)) { ae__device_failed(ae); return NULL; }
        }
    return t ? (float *)(void *)(t->there + (at - t->here)) : NULL;
}
/* Makes the newest of the n numbers at p readable on this side; if it is going to write them, the other side's grow old. */
static void ae__bring(ae_ctx *ae, void *p, size_t n, int *home, int side, int write) {
    if (!ae->device) return;
    if (*home == (side == AE_HOST ? AE_DEVICE : AE_HOST)) {
        void *there = ae__twin(ae, p);
        if (!there || !(side == AE_HOST ? ae->device->get(ae->there, p, there, 4 * n) : ae->device->put(ae->there, there, p, 4 * n))) ae__device_failed(ae);
        *home = AE_BOTH;
    }
    if (write) *home = side;
}
static void ae__settle(ae_ctx *ae, ae_slot *s);
static void ae__bring_data(ae_ctx *ae, ae_slot *s, int side, int write) { ae__settle(ae, s);  ae__bring(ae, s->data, (size_t)ae__numel(s->dim), &s->home, side, write); }
static void ae__bring_grad(ae_ctx *ae, ae_slot *s, int side, int write) { ae__bring(ae, s->grad, (size_t)ae__numel(s->dim), &s->grad_home, side, write); }
static void ae__device_run(ae_ctx *ae, int code, int backward, const ae_call *call) {
    ae_call c = *call;  int i;
    for (i = 0; i < c.inputs; i++) {
        c.in[i].data = ae__twin(ae, c.in[i].data);  c.din[i].data = ae__twin(ae, c.din[i].data);  c.mask[i] = ae__twin(ae, c.mask[i]);
    }
    c.out.data = ae__twin(ae, c.out.data);  c.dout.data = ae__twin(ae, c.dout.data);  c.saved = ae__twin(ae, c.saved);
    if (!ae->poisoned && !ae->device->run(ae->there, code, backward, &c)) ae__device_failed(ae);
}
/* Work of the device that is no op of the tape: n numbers at out, from those at a, b and d. */
static void ae__device_do(ae_ctx *ae, const char *name, const void *a, const void *b, const void *d, float *out, size_t n, const float *arg, int args) {
    ae_call c;
    memset(&c, 0, sizeof c);
    c.ctx = ae;  c.inputs = 3;  c.in[0].data = (float *)a;  c.in[1].data = (float *)b;  c.in[2].data = (float *)d;  c.out.data = out;
    c.out.dim[0] = (int)n;  c.out.dim[1] = c.out.dim[2] = c.out.dim[3] = c.out.ndim = 1;  c.arg = arg;  c.args = args;
    ae__device_run(ae, ae->device->code(ae->there, name), 0, &c);
}
static void ae__fill(ae_ctx *ae, float *p, size_t n, float value, int side) {
    size_t i;
    if (side == AE_DEVICE) { ae__device_do(ae, "fill", NULL, NULL, NULL, p, n, &value, 1); return; }
    for (i = 0; i < n; i++) p[i] = value;
}

/* ==== >>random ============================================================================================ */
/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): four random words from a key and a counter, without any state.
   That is what makes noise the same on any number of threads, on any device, and when a step is run again. */
static void ae__philox(uint64_t seed, const uint32_t *counter, uint32_t *out) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32), x[4];  int round;
    memcpy(x, counter, sizeof x);
    for (round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t p = (uint64_t)0xD2511F53u * x[0], q = (uint64_t)0xCD9E8D57u * x[2];
        x[0] = (uint32_t)(q >> 32) ^ x[1] ^ k0;  x[2] = (uint32_t)(p >> 32) ^ x[3] ^ k1;  x[1] = (uint32_t)q;  x[3] = (uint32_t)p;
    }
    memcpy(out, x, sizeof x);
}
/* Word number i of a stream.  a and b name the draw: step and op for noise, parameter for initial weights, epoch for shuffling. */
static uint32_t ae__word(uint64_t seed, uint32_t stream, uint64_t a, uint32_t b, uint64_t i) {
    uint32_t counter[4], out[4];
    counter[0] = (uint32_t)(i >> 2);  counter[1] = b;  counter[2] = (uint32_t)a;
    counter[3] = stream << 24 | ((uint32_t)(a >> 32) & 0xFFFFFFu);  ae__philox(seed, counter, out);
    return out[i & 3];
}
static float ae__unit(uint32_t word) { return (float)(word >> 8) * (1.0f / 16777216.0f); }     /* [0,1), 24 bits */
static void ae__normal(ae_ctx *ae, float *out, size_t n, uint64_t a, uint32_t b);
/* torch.randn: the draw is numbered by optimiser step and by its order within the step.  Returns where it was made. */
static int ae__noise(ae_ctx *ae, float *out, size_t n) {
    const uint64_t name[3] = { ae->config.seed, ae->random_step, ae->random_op++ };  float arg[6];
    if (!ae->device) { ae__normal(ae, out, n, name[1], (uint32_t)name[2]); return AE_HOST; }
    memcpy(arg, name, sizeof arg);               /* bits, not numbers: floats end at 2^24 */
    ae__device_do(ae, "noise", NULL, NULL, NULL, out, n, arg, 6);  return AE_DEVICE;
}

/* ==== >>tape ============================================================================================== */
/* A step is a list of records, in the order of the calls; that order is a topological one, so the backward pass just
   walks it from its end.  Traits of the library's rows:
   AE_ROW_NHWC   input 0 and the output are stored NHWC (weights AE_PACKED): convolutions and what lives between them;
   AE_ROW_ANY    any layout, the same for all inputs: elementwise work;  neither: dense NCHW, as an op of yours sees it;
   AE_ROW_FRESH  backward looks at fresh[i] and writes where nothing was yet; other rows get zeros to add to;
   AE_ROW_STATE  forward changes inputs 3 and 4 (running statistics);  AE_ROW_OURS: ours, though dense;
   AE_ROW_AXES   of NHWC arrays it sees the axes of in and out in the order in which they are stored, and arg[0], if it is one, likewise;
   AE_ROW_SHARES the output is input 0 in another shape: the same numbers in memory, unless they are a kept tensor's;
   AE_ROW_ACT    times its kind: an activation, whose output remembers that, as a layer's with a fused one does: backward passes on what
                 ae__through_activation left (of a leaky ReLU: if its slope is above 0);
   AE_ROW_MASKS  backward can multiply what it writes to din[0] by the derivative of the activation that made in[0]
                 (mask, slope: relu and leaky relu), which saves a pass over memory when nobody else adds to it. */

static int ae__same_bytes(const ae_slot *s) { return s->dim[1] == 1 || s->dim[2] * s->dim[3] == 1; }     /* NCHW and NHWC agree: one channel or one pixel */
/* Copies the (i,j,k) box of `in` in the order (a,b,c) of strides: out[a][b][c]; all our changes of layout are of this kind. */
static void ae__permute(const float *in, float *out, const int *n, const size_t *stride, int add) {
    int a, b, c;
    for (a = 0; a < n[0]; a++)
        for (b = 0; b < n[1]; b++) {
            const float *p = in + (size_t)a * stride[0] + (size_t)b * stride[1];
            if (add) for (c = 0; c < n[2]; c++) *out++ += p[(size_t)c * stride[2]];
            else for (c = 0; c < n[2]; c++) *out++ = p[(size_t)c * stride[2]];
        }
}
/* dim is NCHW or PyTorch's weight shape.  From dense to the stored layout, or back. */
static void ae__relayout(const float *in, float *out, const int *dim, int layout, int to_dense, int add) {
    size_t i = (size_t)dim[0], j = (size_t)dim[1], k = (size_t)dim[2] * (size_t)dim[3];
    int n[3];  size_t st[3];
    if (layout == AE_NHWC && !to_dense)  { n[0] = (int)i; n[1] = (int)k; n[2] = (int)j; st[0] = j * k; st[1] = 1; st[2] = k; }
    else if (layout == AE_NHWC)          { n[0] = (int)i; n[1] = (int)j; n[2] = (int)k; st[0] = j * k; st[1] = 1; st[2] = j; }
    else if (!to_dense)                  { n[0] = (int)k; n[1] = (int)j; n[2] = (int)i; st[0] = 1; st[1] = k; st[2] = j * k; }
    else                                 { n[0] = (int)i; n[1] = (int)j; n[2] = (int)k; st[0] = 1; st[1] = i; st[2] = i * j; }
    ae__permute(in, out, n, st, add);
}
/* Work on an op's rows (the first axis), shared out if there is enough of it. */
static void ae__each_row(ae_call *c, int rows, const ae_array *size, void (*task)(void *call, int row)) {
    int i;
    if (ae__numel(size->dim) > 1 << 15) { ae_parallel(c->ctx, rows, task, c); return; }
    for (i = 0; i < rows; i++) task(c, i);
}
/* layout: the values of in[0] stored another way; recorded like any op, so gradients find their way back.
   arg: layout of the input, of the output. */
static const char *ae__like_first(ae_call *c) { memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim);  c->out.ndim = c->in[0].ndim; return NULL; }
static void ae__relayout_image(void *user, int image) {
    const ae_call *c = (const ae_call *)user;  int from = (int)c->arg[0], to = (int)c->arg[1], dim[4];
    size_t at = (size_t)image * (size_t)ae__numel(c->in[0].dim) / (size_t)c->in[0].dim[0];
    memcpy(dim, c->in[0].dim, sizeof dim);  dim[0] = 1;
    ae__relayout(c->in[0].data + at, c->out.data + at, dim, from == AE_NCHW ? to : from, from != AE_NCHW, 0);
}
static void ae__relayout_forward(ae_call *c) {
    if ((int)c->arg[0] == AE_NHWC || (int)c->arg[1] == AE_NHWC) { ae__each_row(c, c->in[0].dim[0], &c->in[0], ae__relayout_image); return; }
    ae__relayout(c->in[0].data, c->out.data, c->in[0].dim, AE_PACKED, (int)c->arg[0] != AE_NCHW, 0);
}
static void ae__relayout_backward(ae_call *c) {
    int from = (int)c->arg[0], to = (int)c->arg[1];
    ae__relayout(c->dout.data, c->din[0].data, c->in[0].dim, from == AE_NCHW ? to : from, from == AE_NCHW, !c->fresh[0]);
}
static const ae_op ae__op_relayout = { "layout", 1, ae__like_first, ae__relayout_forward, ae__relayout_backward, AE_ROW_ANY | AE_ROW_FRESH };
static ae_tensor ae__run(ae_ctx *ae, const ae_op *op, const ae_tensor *in, int inputs, const float *arg, int args);

/* x, which is no poison, in the wanted layout, AE_NCHW or AE_NHWC: x itself, the twin made before, or a new one. */
static ae_tensor ae__in_layout(ae_tensor x, int layout) {
    ae_ctx *ae = x.ctx;  ae_slot *s = ae__slot(x), *t;  float arg[2];
    if (s->layout == AE_PACKED && layout == AE_NHWC) x = ae__in_layout(x, AE_NCHW), s = ae__slot(x);      /* a weight as an image: by way of PyTorch's shape */
    if (!s || s->layout == layout || (s->layout != AE_PACKED && ae__same_bytes(s))) return x;
    t = s->twin.ctx && s->twin.slot < ae->step.top ? ae__at(ae, s->twin.slot) : NULL;      /* made in this step, as all twins */
    if (t && t->gen == s->twin.gen && s->twin_version == s->version && t->needs_grad == (s->needs_grad && ae->grad_on)) return s->twin;
    arg[0] = (float)s->layout;  arg[1] = (float)layout;  s->twin = ae__run(ae, &ae__op_relayout, &x, 1, arg, 2);
    s->twin_version = s->version;  t = ae__slot(s->twin);
    if (t) t->layout = layout;
    return s->twin;
}
/* Brings every input into the layout that the row asks for.  Returns the output's layout; -1: no memory for that.
   What repeats or joins numbers or planes of several images makes what a convolution takes. */
static int ae__arrange(const ae_op *op, const ae_tensor *in, int inputs, ae_tensor *use) {
    const ae_slot *s = ae__slot(in[0]), *t = ae__slot(in[inputs > 1]);  int i, layout = AE_NCHW;
    if (op->layout & AE_ROW_NHWC) layout = AE_NHWC;
    else if (op->layout & AE_ROW_AXES && s->ndim == 4 && s->dim[0] > 1 && ae__same_bytes(s) && t->layout != AE_PACKED) layout = t == s ? AE_NHWC : t->layout;
    else if (op->layout & AE_ROW_ANY && s->layout != AE_PACKED) layout = s->layout;
    for (i = 0; i < inputs; i++) {
        s = ae__slot(in[i]);
        use[i] = op == &ae__op_relayout ? in[i] : ae__in_layout(in[i], i && op->layout & AE_ROW_NHWC ? s->layout : layout);
        if (!ae__slot(use[i])) return -1;
    }
    return layout;
}
/* See AE_ROW_AXES; arg: room for the numbers of the call. */
static void ae__axes_as_stored(const ae_op *op, int layout, ae_call *c, float *arg) {
    int i, *d, channels;
    if (layout != AE_NHWC || !(op->layout & AE_ROW_AXES)) return;
    for (i = 0; i <= c->inputs; i++) { d = i < c->inputs ? c->in[i].dim : c->out.dim;  channels = d[1];  d[1] = d[2];  d[2] = d[3];  d[3] = channels; }
    memcpy(arg, c->arg, (size_t)c->args * sizeof(float));  c->arg = arg;
    if (arg[0] > 0) arg[0] = arg[0] > 1 ? arg[0] - 1 : 3;
}
static ae_array ae__array(const ae_slot *s, float *data) { ae_array a; a.data = data;  a.ndim = s->ndim;  memcpy(a.dim, s->dim, sizeof a.dim); return a; }
static int ae__finite(const float *p, size_t n) { size_t i; for (i = 0; i < n; i++) if (!(p[i] - p[i] == 0)) return 0; return 1; }
/* A record at the end of the tape, its arguments at the end of the step's numbers.  NULL: no memory. */
static ae_record *ae__new_record(ae_ctx *ae, const float *arg, int args) {
    size_t room = (size_t)ae->room_records;  void *records = ae->records, *numbers = ae->args;  ae_record *r;
    if (ae->n_records == ae->room_records && !ae__grow(ae, &records, &room, sizeof(ae_record))) return NULL;
    ae->records = (ae_record *)records;  ae->room_records = (int)room;
    if (ae->n_args + AE_MAX_ARGS > ae->room_args && !ae__grow(ae, &numbers, &ae->room_args, sizeof(float))) return NULL;
    ae->args = (float *)numbers;  r = &ae->records[ae->n_records];  memset(r, 0, sizeof *r);
    r->arg = ae->n_args;  r->args = args;
    if (args) memcpy(ae->args + r->arg, arg, (size_t)args * sizeof(float));
    ae->n_args += (size_t)args;  ae->n_records++;  return r;
}
/* A tensor of this shape in the step's memory.  NULL: no memory, or more elements than an int counts. */
static ae_slot *ae__new_tensor(ae_ctx *ae, const int *dim, int ndim, ae_tensor *handle) {
    double elements = (double)dim[0] * dim[1] * dim[2] * dim[3];
    float *data;  ae_slot *s;
    int i, bad = elements > INT_MAX - AE_PAD;
    for (i = 0; i < 4; i++) bad |= dim[i] < 1 || dim[i] > 1 << 24;               /* an axis must be exact as a float: ops get it as an argument */
    if (bad) {
        ae__fail(ae, "a tensor of %d x %d x %d x %d: sizes must be positive and at most 2^24, with 2^31 elements in all", dim[0], dim[1], dim[2], dim[3]);
        return NULL;
    }
    data = ae__floats(ae, (size_t)elements);  s = data ? ae__new_slot(ae, 0, handle) : NULL;
    if (!s) return NULL;
    s->data = data;  s->ndim = ndim;  memcpy(s->dim, dim, sizeof s->dim);  return s;
}
static void ae__check_finite(ae_ctx *ae, const ae_record *r, const float *p, size_t n, const char *which) {
    if (!ae->anomaly || ae->poisoned || ae__finite(p, n)) return;
    ae->net = r->net;
    ae__fail(ae, "the first NaN or Inf: in the %s of op %d (%s), optimiser step %llu", which, (int)(r - ae->records), r->op->name, (unsigned long long)ae->random_step);
}
static unsigned ae__fpu_enter(void);
static void     ae__fpu_leave(unsigned state);

/* The machine's name tells which ops the device has no form of: each of the first eight once. */
static void ae__tell_host_op(ae_ctx *ae, const ae_op *op) {
    size_t used = strlen(ae->machine);  int i;
    for (i = 0; i < ae->n_host_ops; i++) if (ae->host_ops[i] == op || i == AE_HOST_OPS - 1) return;
    ae->host_ops[ae->n_host_ops++] = op;
    snprintf(ae->machine + used, sizeof ae->machine - used, "%s%s", i ? ", " : "; here: ", op->name);
}
/* The call of a record, once more. */
static ae_call ae__call_of(ae_ctx *ae, const ae_record *r) {
    const ae_slot *s = ae__at(ae, r->out);  ae_call c;  int i;
    memset(&c, 0, sizeof c);
    c.ctx = ae;  c.arg = ae->args + r->arg;  c.args = r->args;  c.inputs = r->inputs;  c.out = ae__array(s, s->data);  c.saved = r->saved;  c.saved_floats = r->saved_floats;
    for (i = 0; i < r->inputs; i++) { s = ae__at(ae, r->in[i]);  c.in[i] = ae__array(s, s->data);  c.din[i] = ae__array(s, NULL); }
    return c;
}
/* The forward pass of a record, on the device if that has a form of the op. */
static void ae__compute(ae_ctx *ae, ae_record *r, ae_call *c) {
    int i, code = ae->device && r->op->layout ? ae->device->code(ae->there, r->op->name) : -1;  unsigned fpu;  size_t top = ae->step_top;
    r->side = code < 0 ? AE_HOST : AE_DEVICE;  r->code = code;
    for (i = 0; i < r->inputs; i++) ae__bring_data(ae, ae__at(ae, r->in[i]), r->side, r->op->layout & AE_ROW_STATE && i >= 3 && c->arg[0] != 0);
    ae__at(ae, r->out)->home = r->side;
    if (c->out.data == c->in[0].data) { ae__at(ae, r->out)->home = ae__at(ae, r->in[0])->home; return; }
    if (code >= 0) { ae__device_run(ae, code, 0, c); return; }
    if (ae->device) ae__tell_host_op(ae, r->op);
    fpu = ae__fpu_enter();  r->op->forward(c);  ae__fpu_leave(fpu);
    ae->step_top = top;                           /* what forward used as scratch */
}
/* Computes what has waited until somebody wants to see it. */
static void ae__settle(ae_ctx *ae, ae_slot *s) {
    ae_record *r = s->late ? &ae->records[s->record] : NULL;  ae_call c;  float stored[AE_MAX_ARGS];
    if (!r) return;
    s->late = 0;  c = ae__call_of(ae, r);  ae__axes_as_stored(r->op, s->layout, &c, stored);  ae__compute(ae, r, &c);
}
static int ae__waits(const ae_op *op, const ae_tensor *in, const ae_slot *out, const float *arg);
static const ae_op *ae__part_planes(const ae_op *op, const ae_tensor *in, const float *arg, ae_tensor *part);
/* Runs one op, unless it waits, and writes it on the tape: shapes checked, layouts arranged, output in the step's memory. */
static ae_tensor ae__run(ae_ctx *ae, const ae_op *op, const ae_tensor *in, int inputs, const float *arg, int args) {
    ae_tensor use[AE_MAX_INPUTS], handle = ae__poison(ae);
    ae_call c;  ae_record *r;  ae_slot *out;  int i, needs = 0, layout = ae__arrange(op, in, inputs, use);  const char *text;  float stored[AE_MAX_ARGS];  size_t top;
    if (layout < 0) return ae__poison(ae);
    memset(&c, 0, sizeof c);
    c.ctx = ae;  c.arg = arg;  c.args = args;  c.inputs = inputs;  c.out.dim[0] = c.out.dim[1] = c.out.dim[2] = c.out.dim[3] = 1;
    for (i = 0; i < inputs; i++) c.in[i] = ae__array(ae__slot(use[i]), ae__slot(use[i])->data);
    text = op->shape(&c);
    if (text) return ae__fail(ae, "%s: %s", op->name, text);
    top = ae->step_top;  out = ae__new_tensor(ae, c.out.dim, c.out.ndim, &handle);
    if (out && op->layout & AE_ROW_SHARES && !(use[0].slot & (uint32_t)AE_KEPT)) { ae->step_top = top; out->data = c.in[0].data; }
    c.saved = out && c.saved_floats ? ae__floats(ae, c.saved_floats) : NULL;
    r = out && (c.saved || !c.saved_floats) ? ae__new_record(ae, arg, args) : NULL;            /* last: a record without its op would be told among the last ops */
    if (!r) return ae->poisoned ? ae__poison(ae) : ae__fail(ae, "out of memory for one more record");
    out->layout = layout;  c.out.data = out->data;  r->op = op;  r->net = ae->net;  r->inputs = inputs;  r->out = handle.slot;  r->saved = c.saved;
    r->saved_floats = c.saved_floats;
    for (i = 0; i < inputs; i++) {
        ae_slot *s = ae__slot(use[i]);
        r->in[i] = use[i].slot;  r->version[i] = s->version;
        needs |= s->needs_grad;
    }
    out->record = ae->n_records - 1;  out->needs_grad = needs && ae->grad_on && op->backward;
    if (ae__waits(op, use, out, arg)) { out->late = 1; return ae->poisoned ? ae__poison(ae) : handle; }
    ae__axes_as_stored(op, layout, &c, stored);
    ae__compute(ae, r, &c);
    if (op->layout / AE_ROW_ACT != AE_ACT_LEAKY || arg[0] > 0) { out->act = op->layout / AE_ROW_ACT;  out->slope = out->act && args ? arg[0] : 0; }
    if (ae->anomaly) ae__bring_data(ae, out, AE_HOST, 0);
    ae__check_finite(ae, r, out->data, (size_t)ae__numel(out->dim), "result");
    return ae->poisoned ? ae__poison(ae) : handle;
}
AE_API ae_tensor ae_apply(const ae_op *op, const ae_tensor *in, const float *arg, int args) {
    ae_ctx *ae = NULL;  ae_tensor part[4];  const ae_op *planes;  int i, well = op->inputs >= 1 && op->inputs <= AE_MAX_INPUTS && args <= AE_MAX_ARGS && op->shape && op->forward;
    for (i = 0; i < op->inputs && well && !ae; i++) ae = in[i].ctx;
    if (!well) return ae__fail(op->inputs > 0 ? in[0].ctx : NULL, "%s: an op has 1..%d inputs, at most %d numbers, a shape rule and a forward function", op->name, AE_MAX_INPUTS, AE_MAX_ARGS);
    for (i = 0; i < op->inputs; i++) {
        if (!ae__slot_for(ae, in[i])) return ae__poison(ae);
        if (in[i].ctx != ae) return ae__fail(ae, "%s: its tensors belong to different contexts", op->name);
    }
    planes = ae__part_planes(op, in, arg, part);
    return planes ? ae__run(ae, planes, part, planes->inputs, arg, args) : ae__run(ae, op, in, op->inputs, arg, args);
}

/* ---- backward ---- */
/* dz = dout * act'(y), often in place: the gradient before the activation that was fused into the op. */
static void ae__through_activation(ae_ctx *ae, const ae_slot *s, const float *dout, float *dz, int side);

/* Where the gradient of an input goes: the parameter's block, or memory of this step, best what a gradient that has been used
   up leaves behind: it is still in the cache.  fresh: it holds nothing yet. */
static float *ae__grad_room(ae_ctx *ae, ae_slot *s, int *fresh) {
    size_t n = (size_t)ae__numel(s->dim);  int i;
    *fresh = !s->has_grad;
    for (i = 0; i < AE_SPARES && !s->grad; i++)
        if (ae->spare[i].floats >= n) { s->grad = ae->spare[i].data; s->grad_floats = ae->spare[i].floats; ae->spare[i].floats = 0; }
    if (!s->grad) { s->grad = ae__floats(ae, n); s->grad_floats = n; }
    s->has_grad = s->grad != NULL;  return s->grad;
}
static void ae__grad_done(ae_ctx *ae, ae_slot *s) {
    int i;
    for (i = 0; i < AE_SPARES && !s->retain && s->grad && !ae->device; i++)       /* a device may still be reading it when the next one is written */
        if (!ae->spare[i].floats) { ae->spare[i].data = s->grad; ae->spare[i].floats = s->grad_floats; s->grad = NULL; }
}
/* The op's gradient is that of its input, a result that has no memory for one yet (others do, from the start): it takes this. */
static int ae__passes_on(const ae_record *r, const ae_slot *out, const ae_slot *s) {
    return (r->op->layout & AE_ROW_SHARES || (r->op->layout >= AE_ROW_ACT && out->act)) && !out->retain && !s->grad;
}
static int ae__backward_inputs(ae_ctx *ae, ae_record *r, ae_call *c) {
    int i;
    for (i = 0; i < r->inputs; i++) {
        ae_slot *s = ae__at(ae, r->in[i]);
        if (s->version != r->version[i]) { ae__fail(ae, "backward through %s: an input was changed by ae_step or ae_assign after the forward pass", r->op->name); return 0; }
        ae__bring_data(ae, s, r->side, 0);
        if (!s->needs_grad) continue;
        if (s->record >= 0 && ae->records[s->record].done) { ae__fail(ae, "ae_backward: this step went backward through %s already; add the losses up and call it once", ae->records[s->record].op->name); return 0; }
        if (ae__passes_on(r, ae__at(ae, r->out), s)) continue;
        c->din[i].data = ae__grad_room(ae, s, &c->fresh[i]);
        if (!c->din[i].data) return 0;
        if (c->fresh[i]) s->grad_home = r->side; else ae__bring_grad(ae, s, r->side, 1);
        if (c->fresh[i] && !(r->op->layout & AE_ROW_FRESH)) ae__fill(ae, s->grad, (size_t)ae__numel(s->dim), 0, r->side);
        if (i == 0 && r->op->layout & AE_ROW_MASKS && s->consumers == 1 && !s->retain && (s->act == AE_ACT_RELU || s->act == AE_ACT_LEAKY)) {
            c->mask[0] = s->data;  c->slope[0] = s->slope;  s->masked = 1;
        }
    }
    return 1;
}
static void ae__backward_record(ae_ctx *ae, ae_record *r) {
    ae_slot *out = ae__at(ae, r->out), *in = ae__at(ae, r->in[0]);
    size_t top;  ae_call c = ae__call_of(ae, r);  int i;  float stored[AE_MAX_ARGS];
    r->done = 1;
    ae__bring_data(ae, out, r->side, 0);  ae__bring_grad(ae, out, r->side, out->act && !out->masked && !out->retain);
    if (!ae__backward_inputs(ae, r, &c)) return;
    top = ae->step_top;  c.dout = ae__array(out, out->grad);
    if (out->act && !out->masked) {               /* the caller wants to see this gradient: work on a copy */
        if (out->retain) c.dout.data = ae__floats(ae, (size_t)ae__numel(out->dim));
        if (!c.dout.data) return;
        ae__through_activation(ae, out, out->grad, c.dout.data, r->side);
    }
    ae__axes_as_stored(r->op, out->layout, &c, stored);
    if (in->needs_grad && !c.din[0].data) { in->grad = out->grad;  in->grad_floats = out->grad_floats;  in->has_grad = 1;  in->grad_home = out->grad_home;  out->grad = NULL; }
    else if (r->side == AE_DEVICE) ae__device_run(ae, r->code, 1, &c);
    else r->op->backward(&c);
    ae->step_top = top;  ae__grad_done(ae, out);
    for (i = 0; i < r->inputs && ae->anomaly; i++)
        if (c.din[i].data) ae__bring_grad(ae, ae__at(ae, r->in[i]), AE_HOST, 0), ae__check_finite(ae, r, c.din[i].data, (size_t)ae__numel(c.din[i].dim), "gradient");
}
static void ae__count_consumers(ae_ctx *ae, int last) {
    int r, i;
    for (r = 0; r <= last; r++) for (i = 0; i < ae->records[r].inputs; i++) ae__at(ae, ae->records[r].in[i])->consumers = 0;
    for (r = 0; r <= last; r++) for (i = 0; i < ae->records[r].inputs; i++) ae__at(ae, ae->records[r].in[i])->consumers++;
}
AE_API void ae_backward(ae_tensor loss) {
    ae_ctx *ae = loss.ctx;  ae_slot *s = ae__slot(loss);
    unsigned fpu;  int r, last, fresh;
    if (!s) return;
    if (ae__numel(s->dim) != 1) { ae__fail(ae, "ae_backward: the loss must be a scalar; ae_reduce makes one"); return; }
    if (!s->needs_grad || s->record < 0) { ae__fail(ae, "ae_backward: nothing in this loss asks for a gradient (made while gradients were off, from frozen parameters, or from data alone)"); return; }
    last = s->record;
    if (ae->records[last].done) { ae__fail(ae, "ae_backward: a second time through the same step; run the forward pass again"); return; }
    ae__count_consumers(ae, last);  memset(ae->spare, 0, sizeof ae->spare);
    if (!ae__grad_room(ae, s, &fresh)) return;
    s->grad_home = ae->records[last].side;  ae__fill(ae, s->grad, 1, 1.0f, s->grad_home);  fpu = ae__fpu_enter();
    for (r = last; r >= 0 && !ae->poisoned; r--) {
        ae_slot *out = ae__at(ae, ae->records[r].out);
        if (out->needs_grad && out->has_grad && !ae->records[r].done) ae__backward_record(ae, &ae->records[r]);
    }
    ae__fpu_leave(fpu);
}

/* ==== >>ops =============================================================================================== */
/* An op is a row {name, inputs, shape rule, forward, backward}; the three functions stand together.  Names in the
   comments: B rows of a batch, C channels, H W height and width, d... a gradient; y is the output, x the input. */

/* One function of one or two numbers, applied to whole arrays by the kernels; p and q are constants of the call.
   The second half are derivatives: a is the gradient that arrives, b what the derivative is computed from. */
enum {
    AE_F_COPY, AE_F_AFFINE /* p a + q */, AE_F_ADD, AE_F_SUB, AE_F_MUL /* p a b */, AE_F_DIV /* p a / b */,
    AE_F_EXP, AE_F_LOG, AE_F_RELU, AE_F_LEAKY, AE_F_SIGMOID, AE_F_TANH,
    AE_F_GAUSS_COS, AE_F_GAUSS_SIN,             /* Box and Muller (1958): a, b uniform in (0,1] -> N(0,1) */
    AE_F_DRELU, AE_F_DLEAKY, AE_F_DSIGMOID, AE_F_DTANH,
    AE_F_DIFF /* p (a - b) */, AE_F_SIGN /* p sign(a - b) */, AE_F_DBCE, AE_F_DBCE_LOGITS, AE_F_EXPM1 /* p (e^a - 1) */,
    AE_F_SQUARE_DIFF, AE_F_ABS_DIFF, AE_F_BCE, AE_F_BCE_LOGITS /* of a target outside 0..1: NaN */, AE_F_KL
};
static void   ae__map(ae_ctx *ae, int f, const float *a, const float *b, float *out, size_t n, float p, float q, int add);
static double ae__sum(ae_ctx *ae, int f, const float *a, const float *b, size_t n);
static size_t ae__count(const ae_array *a) { return (size_t)ae__numel(a->dim); }
static const char *ae__seen(const ae_call *c, int i) { return ae__shape_text(c->ctx, c->in[i].dim, c->in[i].ndim); }
static const char *ae__two_shapes(ae_call *c, const char *what) {
    return ae_say(c->ctx, "%s and %s %s", ae__seen(c, 0), ae__seen(c, 1), what);
}
static int ae__same_shape(const ae_array *a, const ae_array *b) { return a->ndim == b->ndim && !memcmp(a->dim, b->dim, sizeof a->dim); }
static void ae__set_shape(ae_array *out, int ndim, int n, int c, int h, int w) {
    out->ndim = ndim;  out->dim[0] = n;  out->dim[1] = c;  out->dim[2] = h;  out->dim[3] = w;
}

/* ---- elementwise: y = f(x), y = f(a, b), any shape; two inputs were brought to one shape before: see ae__binary ---- */
static void ae__map1(ae_call *c, int f, float p, float q) { ae__map(c->ctx, f, c->in[0].data, NULL, c->out.data, ae__count(&c->out), p, q, 0); }
static void ae__map2(ae_call *c, int f) { ae__map(c->ctx, f, c->in[0].data, c->in[1].data, c->out.data, ae__count(&c->out), 1, 0, 0); }
/* din[i] (+)= f(dout, b) */
static void ae__pull(ae_call *c, int i, int f, const float *b, float p) {
    if (c->din[i].data) ae__map(c->ctx, f, c->dout.data, b, c->din[i].data, ae__count(&c->dout), p, 0, !c->fresh[i]);
}
static void ae__copy_backward(ae_call *c) { ae__pull(c, 0, AE_F_COPY, NULL, 1); }
#define AE_ELEMENTWISE (AE_ROW_ANY | AE_ROW_FRESH)
static void ae__add_forward(ae_call *c)  { ae__map2(c, AE_F_ADD); }
static void ae__add_backward(ae_call *c) { ae__pull(c, 0, AE_F_AFFINE, NULL, 1); ae__pull(c, 1, AE_F_AFFINE, NULL, 1); }
static const ae_op ae__op_add = { "add", 2, ae__like_first, ae__add_forward, ae__add_backward, AE_ELEMENTWISE };
static void ae__sub_forward(ae_call *c)  { ae__map2(c, AE_F_SUB); }
static void ae__sub_backward(ae_call *c) { ae__pull(c, 0, AE_F_AFFINE, NULL, 1); ae__pull(c, 1, AE_F_AFFINE, NULL, -1); }
static const ae_op ae__op_sub = { "sub", 2, ae__like_first, ae__sub_forward, ae__sub_backward, AE_ELEMENTWISE };
static void ae__mul_forward(ae_call *c)  { ae__map2(c, AE_F_MUL); }
static void ae__mul_backward(ae_call *c) { ae__pull(c, 0, AE_F_MUL, c->in[1].data, 1); ae__pull(c, 1, AE_F_MUL, c->in[0].data, 1); }
static const ae_op ae__op_mul = { "mul", 2, ae__like_first, ae__mul_forward, ae__mul_backward, AE_ELEMENTWISE };
static void ae__div_forward(ae_call *c)  { ae__map2(c, AE_F_DIV); }
static void ae__div_backward(ae_call *c) {                                      /* da = dy / b,  db = -dy y / b */
    size_t n = ae__count(&c->out);  float *dyb = ae__floats(c->ctx, n);
    if (!dyb) return;
    ae__map(c->ctx, AE_F_DIV, c->dout.data, c->in[1].data, dyb, n, 1, 0, 0);
    if (c->din[0].data) ae__map(c->ctx, AE_F_AFFINE, dyb, NULL, c->din[0].data, n, 1, 0, !c->fresh[0]);
    if (c->din[1].data) ae__map(c->ctx, AE_F_MUL, dyb, c->out.data, c->din[1].data, n, -1, 0, !c->fresh[1]);
}
static const ae_op ae__op_div = { "div", 2, ae__like_first, ae__div_forward, ae__div_backward, AE_ELEMENTWISE };
static void ae__affine_forward(ae_call *c)  { ae__map1(c, AE_F_AFFINE, c->arg[0], c->arg[1]); }         /* arg: scale, shift */
static void ae__affine_backward(ae_call *c) { ae__pull(c, 0, AE_F_AFFINE, NULL, c->arg[0]); }
static const ae_op ae__op_affine = { "affine", 1, ae__like_first, ae__affine_forward, ae__affine_backward, AE_ELEMENTWISE };
static void ae__exp_forward(ae_call *c)  { ae__map1(c, AE_F_EXP, 0, 0); }
static void ae__exp_backward(ae_call *c) { ae__pull(c, 0, AE_F_MUL, c->out.data, 1); }                  /* dx = dy e^x */
static const ae_op ae__op_exp = { "exp", 1, ae__like_first, ae__exp_forward, ae__exp_backward, AE_ELEMENTWISE };
static void ae__log_forward(ae_call *c)  { ae__map1(c, AE_F_LOG, 0, 0); }
static void ae__log_backward(ae_call *c) { ae__pull(c, 0, AE_F_DIV, c->in[0].data, 1); }                /* dx = dy / x */
static const ae_op ae__op_log = { "log", 1, ae__like_first, ae__log_forward, ae__log_backward, AE_ELEMENTWISE };
static void ae__square_forward(ae_call *c)  { ae__map(c->ctx, AE_F_MUL, c->in[0].data, c->in[0].data, c->out.data, ae__count(&c->out), 1, 0, 0); }
static void ae__square_backward(ae_call *c) { ae__pull(c, 0, AE_F_MUL, c->in[0].data, 2); }             /* dx = 2 x dy */
static const ae_op ae__op_square = { "square", 1, ae__like_first, ae__square_forward, ae__square_backward, AE_ELEMENTWISE };
static void ae__relu_forward(ae_call *c)  { ae__map1(c, AE_F_RELU, 0, 0); }
static const ae_op ae__op_relu = { "relu", 1, ae__like_first, ae__relu_forward, ae__copy_backward, AE_ELEMENTWISE | AE_ROW_ACT * (int)AE_ACT_RELU };
static void ae__leaky_forward(ae_call *c)  { ae__map1(c, AE_F_LEAKY, c->arg[0], 0); }                   /* arg: slope */
static void ae__leaky_backward(ae_call *c) { ae__pull(c, 0, c->arg[0] > 0 ? AE_F_COPY : AE_F_DLEAKY, c->in[0].data, c->arg[0]); }   /* dx = dy, slope dy where x <= 0 */
static const ae_op ae__op_leaky = { "leaky_relu", 1, ae__like_first, ae__leaky_forward, ae__leaky_backward, AE_ELEMENTWISE | AE_ROW_ACT * (int)AE_ACT_LEAKY };
static void ae__sigmoid_forward(ae_call *c)  { ae__map1(c, AE_F_SIGMOID, 0, 0); }
static const ae_op ae__op_sigmoid = { "sigmoid", 1, ae__like_first, ae__sigmoid_forward, ae__copy_backward, AE_ELEMENTWISE | AE_ROW_ACT * (int)AE_ACT_SIGMOID };
static void ae__tanh_forward(ae_call *c)  { ae__map1(c, AE_F_TANH, 0, 0); }
static const ae_op ae__op_tanh = { "tanh", 1, ae__like_first, ae__tanh_forward, ae__copy_backward, AE_ELEMENTWISE | AE_ROW_ACT * (int)AE_ACT_TANH };
static void ae__through_activation(ae_ctx *ae, const ae_slot *s, const float *dout, float *dz, int side) {
    static const int derivative[] = { AE_F_COPY, AE_F_DRELU, AE_F_DLEAKY, AE_F_DSIGMOID, AE_F_DTANH };
    const float arg[2] = { (float)s->act, s->slope };
    if (side == AE_DEVICE) ae__device_do(ae, "activation", dout, s->data, NULL, dz, (size_t)ae__numel(s->dim), arg, 2);
    else ae__map(ae, derivative[s->act], dout, s->data, dz, (size_t)ae__numel(s->dim), s->slope, 0, 0);
}

/* ---- shapes: view, expand, cat, slice, transpose, one_hot, reduce ---- */
static const char *ae__view_shape(ae_call *c) {                                 /* arg: n c h w ndim; one size may be -1 */
    int i, open = -1, total = (int)ae__count(&c->in[0]), ndim = (int)c->arg[4];  double known = 1;
    for (i = 0; i < ndim; i++) {
        c->out.dim[i] = (int)c->arg[i];
        if (c->out.dim[i] == -1 && open < 0) open = i;
        else if (c->out.dim[i] < 1) known = 0;
        else known *= c->out.dim[i];
    }
    c->out.ndim = ndim;
    if (open >= 0 && known > 0 && known <= total && total % (int)known == 0) c->out.dim[open] = total / (int)known, known = total;
    if (known == total) return NULL;
    return ae_say(c->ctx, "%s has %d elements and cannot be seen as %s", ae__seen(c, 0), total, ae__shape_text(c->ctx, c->out.dim, ndim));
}
static void ae__copy_forward(ae_call *c)  { memcpy(c->out.data, c->in[0].data, ae__count(&c->out) * sizeof(float)); }
static const ae_op ae__op_view = { "view", 1, ae__view_shape, ae__copy_forward, ae__copy_backward, AE_ROW_FRESH | AE_ROW_SHARES };
static const char *ae__expand_shape(ae_call *c) {                               /* arg: n c h w ndim; trailing axes line up, as in NumPy */
    int i, ndim = (int)c->arg[4], skip = ndim - c->in[0].ndim;
    for (i = 0; i < ndim; i++) c->out.dim[i] = (int)c->arg[i];
    c->out.ndim = ndim;
    for (i = 0; i < c->in[0].ndim; i++)
        if (skip < 0 || (c->in[0].dim[i] != 1 && c->in[0].dim[i] != c->out.dim[skip + i]))
            return ae_say(c->ctx, "%s does not broadcast to %s", ae__seen(c, 0), ae__shape_text(c->ctx, c->out.dim, ndim));
    return NULL;
}
/* The sizes before, of and behind an axis. */
static void ae__around(const ae_array *a, int axis, size_t *outer, size_t *inner) {
    int i;
    *outer = *inner = 1;
    for (i = 0; i < axis; i++) *outer *= (size_t)a->dim[i];
    for (i = axis + 1; i < 4; i++) *inner *= (size_t)a->dim[i];
}
/* Strides of the small array along the axes of the big one: 0 where it is repeated. */
static void ae__expand_strides(const ae_call *c, size_t *stride) {
    int i, skip = c->out.ndim - c->in[0].ndim;  size_t outer;
    memset(stride, 0, 4 * sizeof *stride);
    for (i = skip; i < c->out.ndim; i++) if (c->in[0].dim[i - skip] > 1) ae__around(&c->in[0], i - skip, &outer, &stride[i]);
}
static void ae__expand_row(void *user, int row) {
    const ae_call *c = (const ae_call *)user;  const int *d = c->out.dim;  float *out = c->out.data + (size_t)row * (ae__count(&c->out) / (size_t)d[0]);  size_t s[4], at;  int j, k, l;
    ae__expand_strides(c, s);
    for (j = 0; j < d[1]; j++) for (k = 0; k < d[2]; k++)
        for (l = 0, at = (size_t)row * s[0] + (size_t)j * s[1] + (size_t)k * s[2]; l < d[3]; l++, at += s[3]) *out++ = c->in[0].data[at];
}
static void ae__expand_forward(ae_call *c) { ae__each_row(c, c->out.dim[0], &c->out, ae__expand_row); }
static void ae__expand_backward(ae_call *c) {
    const int *d = c->out.dim;  const float *dy = c->dout.data;  size_t s[4], at;  int i, j, k, l;
    ae__expand_strides(c, s);
    for (i = 0; i < d[0]; i++) for (j = 0; j < d[1]; j++) for (k = 0; k < d[2]; k++)
        for (l = 0, at = (size_t)i * s[0] + (size_t)j * s[1] + (size_t)k * s[2]; l < d[3]; l++, at += s[3]) c->din[0].data[at] += *dy++;
}
static const ae_op ae__op_expand = { "expand", 1, ae__expand_shape, ae__expand_forward, ae__expand_backward, AE_ROW_ANY | AE_ROW_AXES };

static const char *ae__cat_shape(ae_call *c) {                                  /* arg: axis */
    int i, axis = (int)c->arg[0];
    if (axis < 0 || axis >= c->in[0].ndim || c->in[0].ndim != c->in[1].ndim) return ae__two_shapes(c, "cannot be joined along this axis");
    for (i = 0; i < 4; i++)
        if (i != axis && c->in[0].dim[i] != c->in[1].dim[i]) return ae__two_shapes(c, "must agree in every axis but the joined one");
    memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim);
    c->out.dim[axis] += c->in[1].dim[axis];  c->out.ndim = c->in[0].ndim;  return NULL;
}
/* One of the first axis, or all: pieces of the inputs in turn. */
static void ae__cat_row(void *user, int row) {
    const ae_call *c = (const ae_call *)user;  size_t outer, inner, left, part, i;  int axis = (int)c->arg[0];  float *out;
    ae__around(&c->out, axis, &outer, &inner);  outer /= (size_t)(axis ? c->out.dim[0] : 1);
    left = outer * inner * (size_t)c->out.dim[axis];  out = c->out.data + (size_t)row * left;
    for (i = 2 * (size_t)row * outer; left > 0; i++, out += part, left -= part) {
        part = (size_t)c->in[i % 2].dim[axis] * inner;  memcpy(out, c->in[i % 2].data + i / 2 * part, part * sizeof(float));
    }
}
static void ae__cat_forward(ae_call *c) { ae__each_row(c, c->arg[0] > 0 ? c->out.dim[0] : 1, &c->out, ae__cat_row); }
/* Adds pieces of len numbers, from .. apart, to pieces that stand to .. apart. */
static void ae__add_pieces(const float *in, float *out, size_t pieces, size_t len, size_t from, size_t to) {
    size_t i;
    for (; pieces > 0 && out; pieces--, in += from, out += to) for (i = 0; i < len; i++) out[i] += in[i];
}
static void ae__cat_backward(ae_call *c) {
    size_t outer, inner, a, b;
    ae__around(&c->out, (int)c->arg[0], &outer, &inner);
    a = (size_t)c->in[0].dim[(int)c->arg[0]] * inner;  b = (size_t)c->in[1].dim[(int)c->arg[0]] * inner;
    ae__add_pieces(c->dout.data, c->din[0].data, outer, a, a + b, a);  ae__add_pieces(c->dout.data + a, c->din[1].data, outer, b, a + b, b);
}
static const ae_op ae__op_cat = { "cat", 2, ae__cat_shape, ae__cat_forward, ae__cat_backward, AE_ROW_ANY | AE_ROW_AXES };
static const char *ae__slice_shape(ae_call *c) {                                /* arg: axis, from, to */
    int axis = (int)c->arg[0], from = (int)c->arg[1], to = (int)c->arg[2];
    if (axis < 0 || axis >= c->in[0].ndim || from < 0 || to <= from || to > c->in[0].dim[axis])
        return ae_say(c->ctx, "%d..%d of axis %d is not inside %s", from, to, axis, ae__seen(c, 0));
    memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim);
    c->out.dim[axis] = to - from;  c->out.ndim = c->in[0].ndim;  return NULL;
}
static void ae__slice_forward(ae_call *c) {
    size_t outer, inner, o, part, whole;
    ae__around(&c->in[0], (int)c->arg[0], &outer, &inner);
    part = (size_t)c->out.dim[(int)c->arg[0]] * inner;  whole = (size_t)c->in[0].dim[(int)c->arg[0]] * inner;
    for (o = 0; o < outer; o++) memcpy(c->out.data + o * part, c->in[0].data + o * whole + (size_t)c->arg[1] * inner, part * sizeof(float));
}
static void ae__slice_backward(ae_call *c) {
    size_t outer, inner, part;
    ae__around(&c->in[0], (int)c->arg[0], &outer, &inner);  part = (size_t)c->out.dim[(int)c->arg[0]] * inner;
    ae__add_pieces(c->dout.data, c->din[0].data + (size_t)c->arg[1] * inner, outer, part, part, (size_t)c->in[0].dim[(int)c->arg[0]] * inner);
}
static const ae_op ae__op_slice = { "slice", 1, ae__slice_shape, ae__slice_forward, ae__slice_backward, AE_ROW_ANY | AE_ROW_AXES };
static const char *ae__transpose_shape(ae_call *c) {                            /* [M,N] -> [N,M] */
    ae__set_shape(&c->out, 2, c->in[0].dim[1], c->in[0].dim[0], 1, 1);
    return c->in[0].ndim == 2 ? NULL : ae_say(c->ctx, "wants a matrix, got %s", ae__seen(c, 0));
}
static void ae__transpose_forward(ae_call *c)  { ae__relayout(c->in[0].data, c->out.data, c->in[0].dim, AE_PACKED, 0, 0); }
static void ae__transpose_backward(ae_call *c) { ae__relayout(c->dout.data, c->din[0].data, c->out.dim, AE_PACKED, 0, !c->fresh[0]); }
static const ae_op ae__op_transpose = { "transpose", 1, ae__transpose_shape, ae__transpose_forward, ae__transpose_backward, AE_ROW_FRESH };
static const char *ae__one_hot_shape(ae_call *c) {                              /* [N] -> [N, arg[0]] */
    ae__set_shape(&c->out, 2, (int)ae__count(&c->in[0]), (int)c->arg[0], 1, 1);
    return c->arg[0] >= 1 && (int)ae__count(&c->in[0]) == c->in[0].dim[0] ? NULL : ae_say(c->ctx, "wants labels [N] and at least one class, got %s", ae__seen(c, 0));
}
static void ae__one_hot_forward(ae_call *c) {
    int i, n = c->out.dim[0], classes = c->out.dim[1];
    memset(c->out.data, 0, ae__count(&c->out) * sizeof(float));
    for (i = 0; i < n; i++) {
        float label = c->in[0].data[i];
        if (!(label >= 0 && label < (float)classes && label == (float)(int)label)) {
            ae__fail(c->ctx, "one_hot: label %g at row %d is not one of 0..%d", (double)label, i, classes - 1);
            return;
        }
        c->out.data[(size_t)i * (size_t)classes + (size_t)label] = 1.0f;
    }
}
static const ae_op ae__op_one_hot = { "one_hot", 1, ae__one_hot_shape, ae__one_hot_forward, NULL, AE_ROW_OURS };
static const char *ae__reduce_shape(ae_call *c) {                               /* arg: axis (-1: all), reduction; the axis disappears */
    int i, axis = (int)c->arg[0], at = 0;
    if ((int)c->arg[1] != AE_MEAN && (int)c->arg[1] != AE_SUM) return "the reduction is AE_MEAN or AE_SUM";
    if (axis < -1 || axis >= c->in[0].ndim) return ae_say(c->ctx, "there is no axis %d in %s", axis, ae__seen(c, 0));
    c->out.ndim = axis < 0 ? 0 : c->in[0].ndim - 1;
    for (i = 0; i < c->in[0].ndim && axis >= 0; i++) if (i != axis) c->out.dim[at++] = c->in[0].dim[i];
    return NULL;
}
static double ae__reduce_scale(const ae_call *c) {
    int axis = (int)c->arg[0];
    if ((int)c->arg[1] == AE_SUM) return 1.0;
    return 1.0 / (double)(axis < 0 ? (int)ae__count(&c->in[0]) : c->in[0].dim[axis]);
}
static void ae__reduce_forward(ae_call *c) {
    size_t outer, inner, o, i, k, len;  double scale = ae__reduce_scale(c);
    if (c->arg[0] < 0) { c->out.data[0] = (float)(ae__sum(c->ctx, AE_F_COPY, c->in[0].data, NULL, ae__count(&c->in[0])) * scale); return; }
    ae__around(&c->in[0], (int)c->arg[0], &outer, &inner);  len = (size_t)c->in[0].dim[(int)c->arg[0]];
    for (o = 0; o < outer; o++)
        for (i = 0; i < inner; i++) {
            double sum = 0;
            for (k = 0; k < len; k++) sum += (double)c->in[0].data[(o * len + k) * inner + i];
            c->out.data[o * inner + i] = (float)(sum * scale);
        }
}
static void ae__reduce_backward(ae_call *c) {                                   /* every element gets the gradient of its sum */
    size_t outer = 1, inner = 1, o, i, k, len = ae__count(&c->in[0]);  float scale = (float)ae__reduce_scale(c);
    if (c->arg[0] >= 0) { ae__around(&c->in[0], (int)c->arg[0], &outer, &inner);  len = (size_t)c->in[0].dim[(int)c->arg[0]]; }
    for (o = 0; o < outer; o++) for (k = 0; k < len; k++) for (i = 0; i < inner; i++)
        c->din[0].data[(o * len + k) * inner + i] += scale * c->dout.data[o * inner + i];
}
static const ae_op ae__op_reduce = { "reduce", 1, ae__reduce_shape, ae__reduce_forward, ae__reduce_backward, AE_ROW_OURS };

/* ---- losses: two arrays of one shape -> a scalar; arg[0] is the reduction ---- */
/* If the output came from a transposed convolution, say which sizes its output padding could give. */
static void ae__loss_hint(const ae_call *c, char *text, size_t size);
static const char *ae__loss_shape(ae_call *c) {
    char hint[200] = "";
    c->out.ndim = 0;
    if (ae__same_shape(&c->in[0], &c->in[1])) return (int)c->arg[0] == AE_MEAN || (int)c->arg[0] == AE_SUM ? NULL : "the reduction is AE_MEAN or AE_SUM";
    ae__loss_hint(c, hint, sizeof hint);
    return ae_say(c->ctx, "output %s and target %s differ%s%s", ae__seen(c, 0), ae__seen(c, 1), hint,
                  ae__count(&c->in[0]) == ae__count(&c->in[1]) ? "; ae_view gives one the shape of the other" : "");
}
static void ae__loss_forward(ae_call *c, int f) {
    size_t n = ae__count(&c->in[0]);  double sum = ae__sum(c->ctx, f, c->in[0].data, c->in[1].data, n);
    c->out.data[0] = (float)((int)c->arg[0] == AE_MEAN ? sum / (double)n : sum);
}
/* din[i] (+)= dloss * sign / (n or 1) * f(out, target) */
static void ae__loss_backward(ae_call *c, int i, int f, double factor) {
    size_t n = ae__count(&c->in[0]);  double p = factor * (double)c->dout.data[0] / ((int)c->arg[0] == AE_MEAN ? (double)n : 1.0);
    if (c->din[i].data) ae__map(c->ctx, f, c->in[0].data, c->in[1].data, c->din[i].data, n, (float)p, 0, !c->fresh[i]);
}
/* BCE is for fixed targets: PyTorch, too, has no gradient for them. */
static int ae__fixed_target(ae_call *c, const char *name) {
    if (c->din[1].data) ae__fail(c->ctx, "%s: the target asks for a gradient and has none; ae_detach it", name);
    return !c->din[1].data;
}
static int ae__in_unit_range(ae_call *c, int i, const char *name, const char *what) {
    int n = (int)ae__count(&c->in[i]), k, outside = 0;
    for (k = 0; k < n; k++) outside += !(c->in[i].data[k] >= 0 && c->in[i].data[k] <= 1);
    if (outside) ae__fail(c->ctx, "%s: %d of the %d numbers of the %s are not between 0 and 1 (or not numbers)", name, outside, n, what);
    return !outside;
}
static void ae__mse_forward(ae_call *c)  { ae__loss_forward(c, AE_F_SQUARE_DIFF); }
static void ae__mse_backward(ae_call *c) { ae__loss_backward(c, 0, AE_F_DIFF, 2); ae__loss_backward(c, 1, AE_F_DIFF, -2); }
static const ae_op ae__op_mse = { "mse_loss", 2, ae__loss_shape, ae__mse_forward, ae__mse_backward, AE_ELEMENTWISE };
static void ae__l1_forward(ae_call *c)  { ae__loss_forward(c, AE_F_ABS_DIFF); }
static void ae__l1_backward(ae_call *c) { ae__loss_backward(c, 0, AE_F_SIGN, 1); ae__loss_backward(c, 1, AE_F_SIGN, -1); }
static const ae_op ae__op_l1 = { "l1_loss", 2, ae__loss_shape, ae__l1_forward, ae__l1_backward, AE_ELEMENTWISE };
static void ae__bce_forward(ae_call *c) {                                       /* -(t log y + (1 - t) log(1 - y)), logs at least -100 */
    ae__loss_forward(c, AE_F_BCE);                                              /* NaN if a number is outside 0..1: then we look which */
    if (!ae__finite(c->out.data, 1) && ae__in_unit_range(c, 0, "bce_loss", "output (is a sigmoid missing?)")) ae__in_unit_range(c, 1, "bce_loss", "target");
}
static void ae__bce_backward(ae_call *c) { if (ae__fixed_target(c, "bce_loss")) ae__loss_backward(c, 0, AE_F_DBCE, 1); }
static const ae_op ae__op_bce = { "bce_loss", 2, ae__loss_shape, ae__bce_forward, ae__bce_backward, AE_ELEMENTWISE };
static void ae__bce_logits_forward(ae_call *c) {                                /* max(x,0) - x t + log(1 + e^-|x|) */
    ae__loss_forward(c, AE_F_BCE_LOGITS);  if (!ae__finite(c->out.data, 1)) ae__in_unit_range(c, 1, "bce_logits_loss", "target");
}
static void ae__bce_logits_backward(ae_call *c) { if (ae__fixed_target(c, "bce_logits_loss")) ae__loss_backward(c, 0, AE_F_DBCE_LOGITS, 1); }
static const ae_op ae__op_bce_logits = { "bce_logits_loss", 2, ae__loss_shape, ae__bce_logits_forward, ae__bce_logits_backward, AE_ELEMENTWISE };
static double ae__kl_rows(const ae_call *c) { return (int)c->arg[0] == AE_MEAN ? (double)c->in[0].dim[0] : 1.0; }
static void ae__kl_forward(ae_call *c) {                                        /* -1/2 sum(1 + v - m^2 - e^v), v = log variance (Kingma & Welling 2013) */
    c->out.data[0] = (float)(-0.5 * ae__sum(c->ctx, AE_F_KL, c->in[0].data, c->in[1].data, ae__count(&c->in[0])) / ae__kl_rows(c));
}
static void ae__kl_backward(ae_call *c) {                                       /* dm = m, dv = (e^v - 1) / 2 */
    float g = (float)((double)c->dout.data[0] / ae__kl_rows(c));  size_t n = ae__count(&c->in[0]);
    if (c->din[0].data) ae__map(c->ctx, AE_F_AFFINE, c->in[0].data, NULL, c->din[0].data, n, g, 0, !c->fresh[0]);
    if (c->din[1].data) ae__map(c->ctx, AE_F_EXPM1, c->in[1].data, NULL, c->din[1].data, n, 0.5f * g, 0, !c->fresh[1]);
}
static const ae_op ae__op_kl = { "kl_loss", 2, ae__loss_shape, ae__kl_forward, ae__kl_backward, AE_ELEMENTWISE };
static const char *ae__log_softmax_shape(ae_call *c) {                          /* [N,C] over C: y = x - log sum e^x */
    return c->in[0].ndim == 2 ? ae__like_first(c) : ae_say(c->ctx, "wants [N,C], got %s", ae__seen(c, 0));
}
static void ae__log_softmax_forward(ae_call *c) {
    size_t n = (size_t)c->in[0].dim[0], m = (size_t)c->in[0].dim[1], i, j;
    float *e = ae__floats(c->ctx, n * m), *sum = e ? ae__floats(c->ctx, n) : NULL;
    if (!sum) return;
    for (i = 0; i < n; i++) {                                                   /* the largest of a row becomes 0, so that no e^x overflows */
        const float *x = c->in[0].data + i * m;  float top = x[0];
        for (j = 1; j < m; j++) if (x[j] > top) top = x[j];
        for (j = 0; j < m; j++) c->out.data[i * m + j] = x[j] - top;
    }
    ae__map(c->ctx, AE_F_EXP, c->out.data, NULL, e, n * m, 0, 0, 0);
    for (i = 0; i < n; i++) for (sum[i] = 0, j = 0; j < m; j++) sum[i] += e[i * m + j];
    ae__map(c->ctx, AE_F_LOG, sum, NULL, sum, n, 0, 0, 0);
    for (i = 0; i < n; i++) for (j = 0; j < m; j++) c->out.data[i * m + j] -= sum[i];
}
static void ae__log_softmax_backward(ae_call *c) {                              /* dx = dy - e^y sum(dy) */
    size_t n = (size_t)c->in[0].dim[0], m = (size_t)c->in[0].dim[1], i, j;  float *e = ae__floats(c->ctx, n * m);
    if (!e) return;
    ae__map(c->ctx, AE_F_EXP, c->out.data, NULL, e, n * m, 0, 0, 0);
    for (i = 0; i < n; i++) {
        float sum = 0;
        for (j = 0; j < m; j++) sum += c->dout.data[i * m + j];
        for (j = 0; j < m; j++) c->din[0].data[i * m + j] += c->dout.data[i * m + j] - e[i * m + j] * sum;
    }
}
static const ae_op ae__op_log_softmax = { "log_softmax", 1, ae__log_softmax_shape, ae__log_softmax_forward, ae__log_softmax_backward, AE_ROW_OURS };

/* ---- matmul and Linear ---- */
/* Weights are AE_PACKED: PyTorch's [out,in] is stored [in,out], and a convolution's [small,big,k,k] as [k,k,big,small]
   (big: the channels on the side of the larger image).  So every forward pass reads them in rows. */

/* What an activation fused behind a layer is: arg[n] its kind, arg[n+1] its slope. */
typedef struct ae_store { int act; float slope; const float *mask; int add; } ae_store;
static void ae__rows_by_matrix(ae_ctx *ae, const float *x, const float *w, const float *bias, float *y, int rows, int in, int out, ae_store st);
static void ae__rows_by_transposed(ae_ctx *ae, const float *dy, const float *w, const float *bias, float *dx, int rows, int in, int out, ae_store st);
static void ae__outer_products(ae_ctx *ae, const float *x, const float *dy, float *dw, int rows, int in, int out, int add);
static void ae__column_sums(ae_ctx *ae, const float *dy, float *db, int rows, int columns, int add);
static ae_store ae__storing(int act, float slope, const float *mask, int add) { const ae_store st = { act, slope, mask, add }; return st; }
static ae_store ae__forward_store(const ae_call *c, int n) { return ae__storing((int)c->arg[n], c->arg[n + 1], NULL, 0); }
static ae_store ae__backward_store(const ae_call *c)       { return ae__storing(AE_ACT_NONE, c->slope[0], c->mask[0], !c->fresh[0]); }
static const char *ae__linear_shape(ae_call *c) {                               /* y[B,out] = x[B,in] w + b; arg: act, slope */
    int in = c->in[1].dim[1], out = c->in[1].dim[0];                            /* w is seen as PyTorch's [out,in] */
    ae__set_shape(&c->out, 2, c->in[0].dim[0], out, 1, 1);
    if (c->in[0].ndim == 2 && c->in[0].dim[1] == in) return NULL;
    return ae_say(c->ctx, "wants [B, %d], got %s%s", in, ae__seen(c, 0),
                  (int)ae__count(&c->in[0]) == in * c->in[0].dim[0] ? "; ae_nn_flatten or ae_view(x, -1, in, 0, 0) fits" : "");
}
static void ae__linear_forward(ae_call *c) {
    ae__rows_by_matrix(c->ctx, c->in[0].data, c->in[1].data, c->in[2].data, c->out.data, c->out.dim[0], c->in[1].dim[1], c->out.dim[1], ae__forward_store(c, 0));
}
static void ae__linear_backward(ae_call *c) {                                   /* dx = dy w^T, dw = x^T dy, db = column sums of dy */
    int rows = c->out.dim[0], in = c->in[1].dim[1], out = c->out.dim[1];
    if (c->din[0].data) ae__rows_by_transposed(c->ctx, c->dout.data, c->in[1].data, NULL, c->din[0].data, rows, in, out, ae__backward_store(c));
    if (c->din[1].data) ae__outer_products(c->ctx, c->in[0].data, c->dout.data, c->din[1].data, rows, in, out, !c->fresh[1]);
    if (c->din[2].data) ae__column_sums(c->ctx, c->dout.data, c->din[2].data, rows, out, !c->fresh[2]);
}
static const ae_op ae__op_linear = { "linear", 3, ae__linear_shape, ae__linear_forward, ae__linear_backward, AE_ROW_NHWC | AE_ROW_FRESH | AE_ROW_MASKS };
static const char *ae__matmul_shape(ae_call *c) {                               /* [M,K] [K,N] -> [M,N] */
    ae__set_shape(&c->out, 2, c->in[0].dim[0], c->in[1].dim[1], 1, 1);
    return c->in[0].ndim == 2 && c->in[1].ndim == 2 && c->in[0].dim[1] == c->in[1].dim[0] ? NULL : ae__two_shapes(c, "cannot be multiplied: want [M,K] and [K,N]");
}
static void ae__matmul_forward(ae_call *c) {
    ae__rows_by_matrix(c->ctx, c->in[0].data, c->in[1].data, NULL, c->out.data, c->out.dim[0], c->in[0].dim[1], c->out.dim[1], ae__storing(0, 0, NULL, 0));
}
static void ae__matmul_backward(ae_call *c) {                                   /* da = dy b^T, db = a^T dy */
    int m = c->out.dim[0], k = c->in[0].dim[1], n = c->out.dim[1];
    if (c->din[0].data) ae__rows_by_transposed(c->ctx, c->dout.data, c->in[1].data, NULL, c->din[0].data, m, k, n, ae__backward_store(c));
    if (c->din[1].data) ae__outer_products(c->ctx, c->in[0].data, c->dout.data, c->din[1].data, m, k, n, !c->fresh[1]);
}
static const ae_op ae__op_matmul = { "matmul", 2, ae__matmul_shape, ae__matmul_forward, ae__matmul_backward, AE_ROW_FRESH };

/* ---- Conv2d and ConvTranspose2d: adjoints of each other, so three kernels serve both (>>cpu) ---- */
typedef struct ae_geo { int n, bh, bw, cb, sh, sw, cs, k, s, p, own; } ae_geo;  /* big image bh x bw x cb, small sh x sw x cs; own: 0, or how far apart the images' biases are, if a gather has one for each */
static void ae__gather(ae_ctx *ae, ae_geo g, const float *big, const float *w, const float *bias, float *small, ae_store st);
static void ae__spread(ae_ctx *ae, ae_geo g, const float *small, const float *w, const float *bias, float *big, ae_store st);
static void ae__weight_gradient(ae_ctx *ae, ae_geo g, const float *big, const float *small, float *dw, int add);
static ae_geo ae__geometry(const ae_call *c, const ae_array *big, const ae_array *small) {
    ae_geo g;
    g.n = big->dim[0];  g.cb = big->dim[1];  g.bh = big->dim[2];  g.bw = big->dim[3];  g.cs = small->dim[1];
    g.sh = small->dim[2];  g.sw = small->dim[3];  g.k = c->in[1].dim[2];  g.s = (int)c->arg[0];  g.p = (int)c->arg[1];  g.own = 0;
    return g;
}
static const char *ae__conv_shape(ae_call *c) {                                 /* x [B,in,H,W], w [out,in,k,k], b [out]; arg: stride, pad, act, slope */
    int k = c->in[1].dim[2], s = (int)c->arg[0], p = (int)c->arg[1], h = c->in[0].dim[2] + 2 * p - k, w = c->in[0].dim[3] + 2 * p - k;
    if (c->in[0].ndim != 4 || c->in[0].dim[1] != c->in[1].dim[1]) return ae_say(c->ctx, "wants [B, %d, H, W], got %s", c->in[1].dim[1], ae__seen(c, 0));
    if (h < 0 || w < 0) return ae_say(c->ctx, "a %dx%d kernel does not fit into %s with padding %d", k, k, ae__seen(c, 0), p);
    ae__set_shape(&c->out, 4, c->in[0].dim[0], c->in[1].dim[0], h / s + 1, w / s + 1);  return NULL;
}
static void ae__conv_forward(ae_call *c) {
    ae__gather(c->ctx, ae__geometry(c, &c->in[0], &c->out), c->in[0].data, c->in[1].data, c->in[2].data, c->out.data, ae__forward_store(c, 2));
}
static void ae__conv_backward(ae_call *c) {
    ae_geo g = ae__geometry(c, &c->in[0], &c->out);
    if (c->din[0].data) ae__spread(c->ctx, g, c->dout.data, c->in[1].data, NULL, c->din[0].data, ae__backward_store(c));
    if (c->din[1].data) ae__weight_gradient(c->ctx, g, c->in[0].data, c->dout.data, c->din[1].data, !c->fresh[1]);
    if (c->din[2].data) ae__column_sums(c->ctx, c->dout.data, c->din[2].data, g.n * g.sh * g.sw, g.cs, !c->fresh[2]);
}
static const ae_op ae__op_conv = { "conv2d", 3, ae__conv_shape, ae__conv_forward, ae__conv_backward, AE_ROW_NHWC | AE_ROW_FRESH | AE_ROW_MASKS };

/* ---- planes: a label joined to images, one number over a whole plane.  To a convolution without a border it only adds itself times
   the sum of its weights' taps to the bias.  So ae_expand and ae_cat only note what they would make, and ae__settle makes it when
   somebody reads it: what goes in are tensors of this step, so it cannot change meanwhile.  A convolution without a border takes what
   goes in instead; its last bits are others than those of the joined images ---- */
static const char *ae__planes_shape(ae_call *c) {                               /* x [B,in,H,W], w [out,in+C,k,k], b [out], planes [B,C,1,1]; arg: as above */
    ae_call joined = *c;  const char *text;
    joined.in[0].dim[1] += c->in[3].dim[1];  text = ae__conv_shape(&joined);  c->out = joined.out;  return text;
}
static void ae__planes_forward(ae_call *c) {
    ae_geo g = ae__geometry(c, &c->in[0], &c->out);  int planes = c->in[3].dim[1];  size_t x = (size_t)(g.cb * g.cs), p = (size_t)(planes * g.cs), taps = (size_t)(g.k * g.k), i;
    float *w = ae__floats(c->ctx, x * taps), *sum = ae__floats(c->ctx, x + p), *bias = ae__floats(c->ctx, (size_t)(g.n * g.cs));
    if (!w || !sum || !bias) return;
    for (i = 0; i < taps; i++) memcpy(w + i * x, c->in[1].data + i * (x + p), x * sizeof(float));
    ae__column_sums(c->ctx, c->in[1].data, sum, (int)taps, (int)(x + p), 0);
    ae__rows_by_matrix(c->ctx, c->in[3].data, sum + x, c->in[2].data, bias, g.n, planes, g.cs, ae__storing(AE_ACT_NONE, 0, NULL, 0));
    g.own = g.cs;  ae__gather(c->ctx, g, c->in[0].data, w, bias, c->out.data, ae__forward_store(c, 2));
}
static void ae__planes_backward(ae_call *c) {                                   /* every tap of a plane's weight has the same gradient */
    ae_geo g = ae__geometry(c, &c->in[0], &c->out);  int planes = c->in[3].dim[1];  size_t x = (size_t)(g.cb * g.cs), p = (size_t)(planes * g.cs), taps = (size_t)(g.k * g.k), i;
    float *to = c->din[1].data, *dw = ae__floats(c->ctx, x * taps), *sum = ae__floats(c->ctx, p), *dbias = ae__floats(c->ctx, (size_t)(g.n * g.cs));  int image, pixels = g.sh * g.sw;
    if (!dw || !sum || !dbias) return;
    for (image = 0; image < g.n; image++) ae__column_sums(c->ctx, c->dout.data + (size_t)image * (size_t)(pixels * g.cs), dbias + image * g.cs, pixels, g.cs, 0);
    if (c->din[2].data) ae__column_sums(c->ctx, dbias, c->din[2].data, g.n, g.cs, !c->fresh[2]);
    if (!to) return;
    ae__weight_gradient(c->ctx, g, c->in[0].data, c->dout.data, dw, 0);
    ae__outer_products(c->ctx, c->in[3].data, dbias, sum, g.n, planes, g.cs, 0);
    for (; taps-- > 0; to += x + p, dw += x) for (i = 0; i < x + p; i++) to[i] = (c->fresh[1] ? 0 : to[i]) + (i < x ? dw[i] : sum[i - x]);
}
static const ae_op ae__op_planes = { "conv2d", 4, ae__planes_shape, ae__planes_forward, ae__planes_backward, AE_ROW_NHWC | AE_ROW_FRESH };
/* Whether this op's result may be made later: [B,C,1,1] repeated as planes, late planes joined behind others, a change of layout of either. */
static int ae__waits(const ae_op *op, const ae_tensor *in, const ae_slot *out, const float *arg) {
    ae_ctx *ae = in[0].ctx;  const ae_slot *s = ae__at(ae, in[0].slot), *t = ae__at(ae, in[op->inputs > 1].slot);
    if (ae->device || ae->anomaly || out->ndim != 4 || (in[0].slot | in[op->inputs > 1].slot) & (uint32_t)AE_KEPT) return 0;
    if (op == &ae__op_cat || op == &ae__op_relayout) return t->late && (op == &ae__op_relayout || arg[0] == 1);
    return op == &ae__op_expand && s->ndim == 4 && s->dim[0] == out->dim[0] && s->dim[1] == out->dim[1] && s->dim[2] * s->dim[3] == 1;
}
static const ae_record *ae__late_record(ae_ctx *ae, uint32_t slot) {             /* the expand or cat behind a late tensor, through its changes of layout */
    const ae_record *r = &ae->records[ae__at(ae, slot)->record];
    return r->op == &ae__op_relayout ? ae__late_record(ae, r->in[0]) : r;
}
/* The op above and its inputs, if this is a convolution of such images, none of which asks for its gradient; else NULL.  A kernel as
   large as the image is a plain product, which has one bias for all. */
static const ae_op *ae__part_planes(const ae_op *op, const ae_tensor *in, const float *arg, ae_tensor *part) {
    ae_ctx *ae = in[0].ctx;  const ae_slot *s = ae__at(ae, in[0].slot), *w = ae__at(ae, in[op->inputs > 1].slot);  const ae_record *cat, *expand;
    if (op != &ae__op_conv || !s->late || arg[1] != 0 || (w->dim[2] == s->dim[2] && w->dim[2] == s->dim[3])) return NULL;
    cat = ae__late_record(ae, in[0].slot);  expand = cat->op == &ae__op_cat ? ae__late_record(ae, cat->in[1]) : cat;
    if (expand == cat || expand->op == &ae__op_cat || ae__at(ae, cat->in[0])->needs_grad || ae__at(ae, expand->in[0])->needs_grad) return NULL;
    part[0] = ae__handle(ae, cat->in[0]);  part[1] = in[1];  part[2] = in[2];  part[3] = ae__handle(ae, expand->in[0]);  return &ae__op_planes;
}
static const char *ae__convt_shape(ae_call *c) {                                /* x [B,in,H,W], w [in,out,k,k], b [out]; arg: stride, pad, act, slope, out_pad */
    int k = c->in[1].dim[2], s = (int)c->arg[0], p = (int)c->arg[1], extra = k - 2 * p + (int)c->arg[4];
    int h = (c->in[0].dim[2] - 1) * s + extra, w = (c->in[0].dim[3] - 1) * s + extra;
    if (c->in[0].ndim != 4 || c->in[0].dim[1] != c->in[1].dim[0]) return ae_say(c->ctx, "wants [B, %d, H, W], got %s", c->in[1].dim[0], ae__seen(c, 0));
    if (h < 1 || w < 1) return ae_say(c->ctx, "%s gives an image of %dx%d", ae__seen(c, 0), h, w);
    ae__set_shape(&c->out, 4, c->in[0].dim[0], c->in[1].dim[1], h, w);  return NULL;
}
static void ae__convt_forward(ae_call *c) {
    ae__spread(c->ctx, ae__geometry(c, &c->out, &c->in[0]), c->in[0].data, c->in[1].data, c->in[2].data, c->out.data, ae__forward_store(c, 2));
}
static void ae__convt_backward(ae_call *c) {
    ae_geo g = ae__geometry(c, &c->out, &c->in[0]);
    if (c->din[0].data) ae__gather(c->ctx, g, c->dout.data, c->in[1].data, NULL, c->din[0].data, ae__backward_store(c));
    if (c->din[1].data) ae__weight_gradient(c->ctx, g, c->dout.data, c->in[0].data, c->din[1].data, !c->fresh[1]);
    if (c->din[2].data) ae__column_sums(c->ctx, c->dout.data, c->din[2].data, g.n * g.bh * g.bw, g.cb, !c->fresh[2]);
}
static const ae_op ae__op_convt = { "conv_transpose2d", 3, ae__convt_shape, ae__convt_forward, ae__convt_backward, AE_ROW_NHWC | AE_ROW_FRESH | AE_ROW_MASKS };
static void ae__loss_hint(const ae_call *c, char *text, size_t size) {
    const ae_ctx *ae = c->ctx;  int r, h = c->in[0].dim[2], want = c->in[1].dim[2];
    for (r = ae->n_records - 1; r >= 0 && ae->records[r].op != &ae__op_convt; r--) ;
    if (r >= 0 && c->in[0].ndim == 4 && c->in[1].ndim == 4 && h != want) {
        const float *arg = ae->args + ae->records[r].arg;  int base = h - (int)arg[4], s = (int)arg[0];
        snprintf(text, size, "; the last ConvTranspose2d (stride %d, padding %d, output_padding %d) gives %dx%d, output_padding 0..%d would give %d..%d",
                 s, (int)arg[1], (int)arg[4], h, c->in[0].dim[3], s - 1, base, base + s - 1);
    }
}

/* ---- MaxPool2d: the largest of each window; saved: where it was, so that the gradient goes back there ---- */
static const char *ae__pool_shape(ae_call *c) {                                 /* arg: k, stride, pad */
    int k = (int)c->arg[0], s = (int)c->arg[1], p = (int)c->arg[2];
    if (c->in[0].ndim == 4 && ae__count(&c->in[0]) / (size_t)c->in[0].dim[0] > 1u << 24) return ae_say(c->ctx, "an image of %s has more than 2^24 numbers", ae__seen(c, 0));
    if (c->in[0].ndim != 4 || c->in[0].dim[2] + 2 * p < k || c->in[0].dim[3] + 2 * p < k) return ae_say(c->ctx, "a %dx%d window does not fit into %s", k, k, ae__seen(c, 0));
    ae__set_shape(&c->out, 4, c->in[0].dim[0], c->in[0].dim[1], (c->in[0].dim[2] + 2 * p - k) / s + 1, (c->in[0].dim[3] + 2 * p - k) / s + 1);
    c->saved_floats = ae__count(&c->out);  return NULL;
}
/* The offset in its image (as a float: exact below 2^24) of the largest number of one window; the first of equals; NaN wins. */
static int ae__pool_argmax(const ae_call *c, const float *x, int oy, int ox, int ch) {
    int k = (int)c->arg[0], s = (int)c->arg[1], p = (int)c->arg[2], H = c->in[0].dim[2], W = c->in[0].dim[3], C = c->in[0].dim[1], best = -1, y, xx;
    for (y = oy * s - p; y < oy * s - p + k; y++)
        for (xx = ox * s - p; xx < ox * s - p + k; xx++) {
            int at = (y * W + xx) * C + ch;
            if (y < 0 || y >= H || xx < 0 || xx >= W) continue;
            if (best < 0 || x[at] > x[best] || (x[at] != x[at] && x[best] == x[best])) best = at;
        }
    return best;
}
static void ae__pool_forward(ae_call *c) {
    int n, y, x, ch, *d = c->out.dim;  size_t image = ae__count(&c->in[0]) / (size_t)d[0], i = 0;
    for (n = 0; n < d[0]; n++) for (y = 0; y < d[2]; y++) for (x = 0; x < d[3]; x++) for (ch = 0; ch < d[1]; ch++, i++) {
        int at = ae__pool_argmax(c, c->in[0].data + (size_t)n * image, y, x, ch);
        c->saved[i] = (float)at;  c->out.data[i] = c->in[0].data[(size_t)n * image + (size_t)at];
    }
}
static void ae__pool_backward(ae_call *c) {
    size_t image = ae__count(&c->in[0]) / (size_t)c->out.dim[0], each = ae__count(&c->out) / (size_t)c->out.dim[0], i;
    for (i = 0; i < ae__count(&c->out); i++) c->din[0].data[i / each * image + (size_t)c->saved[i]] += c->dout.data[i];
}
static const ae_op ae__op_max_pool = { "max_pool2d", 1, ae__pool_shape, ae__pool_forward, ae__pool_backward, AE_ROW_NHWC };

/* ---- Upsample: pixel i of the output lies between two of the input; arg: scale, bilinear ---- */
static const char *ae__upsample_shape(ae_call *c) {
    const int *d = c->in[0].dim, s = (int)c->arg[0];
    if (c->in[0].ndim != 4 || d[2] > (1 << 24) / s || d[3] > (1 << 24) / s) return ae_say(c->ctx, "wants images [B, C, H, W], got %s", ae__seen(c, 0));
    ae__set_shape(&c->out, 4, d[0], d[1], d[2] * s, d[3] * s);  return NULL;
}
/* Nearest: the pixel i / s.  Bilinear (align_corners=False): (i + 1/2) / s - 1/2, but not before the first.  Returns the weight of the second. */
static float ae__upsample_between(const ae_call *c, int i, int n, int *at) {
    float s = c->arg[0], x = c->arg[1] == 0 ? (float)(i / (int)s) : fmaxf(((float)i + 0.5f) / s - 0.5f, 0);
    at[0] = (int)x;  at[1] = at[0] + 1 < n ? at[0] + 1 : at[0];  return x - (float)at[0];
}
static void ae__upsample_image(void *user, int image) {         /* forward, or with dout backward */
    const ae_call *c = (const ae_call *)user;  int C = c->out.dim[1], H = c->in[0].dim[2], W = c->in[0].dim[3], y, x, k, ch, row[2], col[2];
    size_t at = (size_t)image * (size_t)(H * W * C), out = (size_t)image * (size_t)(c->out.dim[2] * c->out.dim[3] * C);
    for (y = 0; y < c->out.dim[2]; y++) for (x = 0; x < c->out.dim[3]; x++, out += (size_t)C) {
        float down = ae__upsample_between(c, y, H, row), right = ae__upsample_between(c, x, W, col);
        for (k = 0; k < 4; k++) {
            float w = (k / 2 ? down : 1 - down) * (k % 2 ? right : 1 - right);  size_t from = at + (size_t)((row[k / 2] * W + col[k % 2]) * C);
            if (c->dout.data) for (ch = 0; ch < C; ch++) c->din[0].data[from + (size_t)ch] += w * c->dout.data[out + (size_t)ch];
            else for (ch = 0; ch < C; ch++) c->out.data[out + (size_t)ch] = w * c->in[0].data[from + (size_t)ch] + (k ? c->out.data[out + (size_t)ch] : 0);
        }
    }
}
static void ae__upsample_run(ae_call *c) { ae__each_row(c, c->out.dim[0], &c->out, ae__upsample_image); }
static const ae_op ae__op_upsample = { "upsample", 1, ae__upsample_shape, ae__upsample_run, ae__upsample_run, AE_ROW_NHWC };

/* ---- BatchNorm (Ioffe & Szegedy 2015): y = (x - mean) / sqrt(var + eps) * weight + bias, per channel ---- */
/* inputs: x [B,C] or [B,C,H,W], weight, bias, running mean, running var [C]; arg: training; saved: mean, 1/sqrt(var + eps) */
enum { AE_BN_CHUNK = 1024 };         /* rows summed before the sums are added up: part of the result's bits */
static const double ae__bn_eps = 1e-5, ae__bn_momentum = 0.1;
static const char *ae__batch_norm_shape(ae_call *c) {
    size_t rows = ae__count(&c->in[0]) / (size_t)c->in[0].dim[1];
    if (c->in[0].ndim < 2 || c->in[0].dim[1] != c->in[1].dim[0]) return ae_say(c->ctx, "wants %d channels, got %s", c->in[1].dim[0], ae__seen(c, 0));
    if (c->arg[0] != 0 && rows < 2) return ae_say(c->ctx, "%s has one value a channel: no variance to train with (ae_train(net, 0) uses the running ones)", ae__seen(c, 0));
    c->saved_floats = 2 * (size_t)c->in[0].dim[1];  return ae__like_first(c);
}
typedef struct ae_bn_job { const float *u, *v, *mean; double *out; size_t rows, channels; } ae_bn_job;
static void ae__bn_chunk(void *user, int chunk) {                               /* sums of u and of u (v - mean) over one chunk of rows, a channel each */
    const ae_bn_job *j = (const ae_bn_job *)user;
    size_t C = j->channels, r = (size_t)chunk * AE_BN_CHUNK, end = r + AE_BN_CHUNK < j->rows ? r + AE_BN_CHUNK : j->rows, ch;
    double *s = j->out + (size_t)chunk * 2 * C;
    memset(s, 0, 2 * C * sizeof *s);
    for (; r < end; r++)
        for (ch = 0; ch < C; ch++) {
            double u = (double)j->u[r * C + ch], d = (double)j->v[r * C + ch] - (double)j->mean[ch];
            s[ch] += u;  s[C + ch] += (j->u == j->v ? d : u) * d;
        }
}
/* sums[0..C): of u; sums[C..2C): of u (v - mean), or of (v - mean)^2 where u is v itself.  NULL: no memory. */
static const double *ae__bn_sums(ae_call *c, const float *u, const float *v, const float *mean) {
    ae_bn_job j;  size_t i;  int k, chunks;
    j.u = u;  j.v = v;  j.mean = mean;  j.channels = (size_t)c->in[0].dim[1];  j.rows = ae__count(&c->in[0]) / j.channels;
    chunks = (int)((j.rows + AE_BN_CHUNK - 1) / AE_BN_CHUNK);
    j.out = (double *)(void *)ae__floats(c->ctx, 4 * j.channels * (size_t)chunks);
    if (!j.out) return NULL;
    ae_parallel(c->ctx, chunks, ae__bn_chunk, &j);
    for (k = 1; k < chunks; k++) for (i = 0; i < 2 * j.channels; i++) j.out[i] += j.out[(size_t)k * 2 * j.channels + i];
    return j.out;
}
static int ae__bn_measure(ae_call *c, float *mean, float *inv) {                /* the batch's statistics; the running ones follow */
    size_t C = (size_t)c->in[0].dim[1], ch;  double n = (double)ae__count(&c->in[0]) / (double)C;  const double *s;
    memset(mean, 0, C * sizeof(float));  s = ae__bn_sums(c, c->in[0].data, c->in[0].data, mean);
    for (ch = 0; s && ch < C; ch++) mean[ch] = (float)(s[ch] / n);
    s = s ? ae__bn_sums(c, c->in[0].data, c->in[0].data, mean) : NULL;
    for (ch = 0; s && ch < C; ch++) {
        float *m = &c->in[3].data[ch], *v = &c->in[4].data[ch];
        inv[ch] = (float)(1.0 / sqrt(s[C + ch] / n + ae__bn_eps));
        *m = (float)((1 - ae__bn_momentum) * (double)*m + ae__bn_momentum * (double)mean[ch]);
        *v = (float)((1 - ae__bn_momentum) * (double)*v + ae__bn_momentum * s[C + ch] / (n - 1));
    }
    return s != NULL;
}
static void ae__batch_norm_forward(ae_call *c) {
    size_t C = (size_t)c->in[0].dim[1], n = ae__count(&c->in[0]), i, ch;  float *mean = c->saved, *inv = c->saved + C;
    if (c->arg[0] != 0) { if (!ae__bn_measure(c, mean, inv)) return; }
    else for (ch = 0; ch < C; ch++) mean[ch] = c->in[3].data[ch], inv[ch] = (float)(1.0 / sqrt((double)c->in[4].data[ch] + ae__bn_eps));
    for (i = 0; i < n; i += C)
        for (ch = 0; ch < C; ch++) c->out.data[i + ch] = (c->in[0].data[i + ch] - mean[ch]) * inv[ch] * c->in[1].data[ch] + c->in[2].data[ch];
}
/* db = sum dy,  dw = sum dy xhat,  dx = w inv (dy - mean(dy) - xhat mean(dy xhat)); running statistics do not depend on x: dx = w inv dy */
static void ae__batch_norm_backward(ae_call *c) {
    size_t C = (size_t)c->in[0].dim[1], n = ae__count(&c->in[0]), i, ch;
    const float *mean = c->saved, *inv = c->saved + C, *x = c->in[0].data, *dy = c->dout.data;
    const double *s = ae__bn_sums(c, dy, x, mean);  double rows = c->arg[0] != 0 ? (double)n / (double)C : INFINITY;
    for (ch = 0; s && ch < C; ch++) {
        if (c->din[1].data) c->din[1].data[ch] += (float)(s[C + ch] * (double)inv[ch]);
        if (c->din[2].data) c->din[2].data[ch] += (float)s[ch];
    }
    for (i = 0; s && c->din[0].data && i < n; i += C)
        for (ch = 0; ch < C; ch++) {
            float dy_mean = (float)(s[ch] / rows), slope = (float)(s[C + ch] * (double)inv[ch] * (double)inv[ch] / rows);
            c->din[0].data[i + ch] += c->in[1].data[ch] * inv[ch] * (dy[i + ch] - dy_mean - (x[i + ch] - mean[ch]) * slope);
        }
}
static const ae_op ae__op_batch_norm = { "batch_norm", 5, ae__batch_norm_shape, ae__batch_norm_forward, ae__batch_norm_backward, AE_ROW_NHWC | AE_ROW_STATE };

/* ---- the public names ---- */
static ae_tensor ae__unary(const ae_op *op, ae_tensor x, float p, float q) { const float arg[2] = { p, q }; return ae_apply(op, &x, arg, 2); }
static void ae__shape_args(float *arg, int n, int c, int h, int w) {           /* trailing zeros: no such axis */
    arg[0] = (float)n;  arg[1] = (float)c;  arg[2] = (float)h;  arg[3] = (float)w;
    arg[4] = (float)(w ? 4 : h ? 3 : c ? 2 : n ? 1 : 0);
}
static ae_tensor ae__expand_to(ae_tensor x, const int *dim, int ndim) {
    const float arg[5] = { (float)dim[0], (float)dim[1], (float)dim[2], (float)dim[3], (float)ndim };
    return ae_apply(&ae__op_expand, &x, arg, 5);
}
/* Two operands, brought to a common shape first: axes line up from the right, an axis of size 1 is repeated. */
static ae_tensor ae__binary(const ae_op *op, ae_tensor a, ae_tensor b) {
    ae_ctx *ae = a.ctx ? a.ctx : b.ctx;  const ae_slot *s = ae__slot_for(ae, a), *t = s ? ae__slot_for(ae, b) : NULL;  ae_tensor in[2];
    int i, j, k, dim[4] = { 1, 1, 1, 1 }, ndim;
    if (!t) return ae__poison(ae);
    ndim = s->ndim > t->ndim ? s->ndim : t->ndim;
    for (i = ndim - 1, j = s->ndim - 1, k = t->ndim - 1; i >= 0; i--, j--, k--)
        dim[i] = j < 0 ? t->dim[k] : k < 0 || s->dim[j] != 1 ? s->dim[j] : t->dim[k];
    in[0] = s->ndim == ndim && !memcmp(s->dim, dim, sizeof dim) ? a : ae__expand_to(a, dim, ndim);
    in[1] = t->ndim == ndim && !memcmp(t->dim, dim, sizeof dim) ? b : ae__expand_to(b, dim, ndim);
    return ae_apply(op, in, NULL, 0);
}
static ae_tensor ae__loss(const ae_op *op, ae_tensor out, ae_tensor target, ae_reduction r) { const ae_tensor in[2] = { out, target }; const float arg = (float)r; return ae_apply(op, in, &arg, 1); }
AE_API ae_tensor ae_add(ae_tensor a, ae_tensor b) { return ae__binary(&ae__op_add, a, b); }
AE_API ae_tensor ae_sub(ae_tensor a, ae_tensor b) { return ae__binary(&ae__op_sub, a, b); }
AE_API ae_tensor ae_mul(ae_tensor a, ae_tensor b) { return ae__binary(&ae__op_mul, a, b); }
AE_API ae_tensor ae_div(ae_tensor a, ae_tensor b) { return ae__binary(&ae__op_div, a, b); }
AE_API ae_tensor ae_matmul(ae_tensor a, ae_tensor b) { ae_tensor in[2]; in[0] = a; in[1] = b; return ae_apply(&ae__op_matmul, in, NULL, 0); }
AE_API ae_tensor ae_transpose(ae_tensor x)   { return ae_apply(&ae__op_transpose, &x, NULL, 0); }
AE_API ae_tensor ae_affine(ae_tensor x, float scale, float shift) { return ae__unary(&ae__op_affine, x, scale, shift); }
AE_API ae_tensor ae_exp(ae_tensor x)         { return ae_apply(&ae__op_exp, &x, NULL, 0); }
AE_API ae_tensor ae_log(ae_tensor x)         { return ae_apply(&ae__op_log, &x, NULL, 0); }
AE_API ae_tensor ae_square(ae_tensor x)      { return ae_apply(&ae__op_square, &x, NULL, 0); }
AE_API ae_tensor ae_relu(ae_tensor x)        { return ae_apply(&ae__op_relu, &x, NULL, 0); }
AE_API ae_tensor ae_leaky_relu(ae_tensor x, float slope) { return ae__unary(&ae__op_leaky, x, slope, 0); }
AE_API ae_tensor ae_sigmoid(ae_tensor x)     { return ae_apply(&ae__op_sigmoid, &x, NULL, 0); }
AE_API ae_tensor ae_tanh(ae_tensor x)        { return ae_apply(&ae__op_tanh, &x, NULL, 0); }
AE_API ae_tensor ae_log_softmax(ae_tensor x) { return ae_apply(&ae__op_log_softmax, &x, NULL, 0); }
AE_API ae_tensor ae_one_hot(ae_tensor labels, int classes) { return ae__unary(&ae__op_one_hot, labels, (float)classes, 0); }
AE_API ae_tensor ae_reduce(ae_tensor x, int axis, ae_reduction r) { return ae__unary(&ae__op_reduce, x, (float)axis, (float)r); }
AE_API ae_tensor ae_cat(ae_tensor a, ae_tensor b, int axis) { const ae_tensor in[2] = { a, b }; const float arg = (float)axis; return ae_apply(&ae__op_cat, in, &arg, 1); }
AE_API ae_tensor ae_view(ae_tensor x, int n, int c, int h, int w) { float arg[5]; ae__shape_args(arg, n, c, h, w); return ae_apply(&ae__op_view, &x, arg, 5); }
AE_API ae_tensor ae_expand(ae_tensor x, int n, int c, int h, int w) { float arg[5]; ae__shape_args(arg, n, c, h, w); return ae_apply(&ae__op_expand, &x, arg, 5); }
AE_API ae_tensor ae_slice(ae_tensor x, int axis, int from, int to) { const float arg[3] = { (float)axis, (float)from, (float)to }; return ae_apply(&ae__op_slice, &x, arg, 3); }
AE_API ae_tensor ae_mse_loss(ae_tensor out, ae_tensor target, ae_reduction r)        { return ae__loss(&ae__op_mse, out, target, r); }
AE_API ae_tensor ae_l1_loss(ae_tensor out, ae_tensor target, ae_reduction r)         { return ae__loss(&ae__op_l1, out, target, r); }
AE_API ae_tensor ae_bce_loss(ae_tensor out, ae_tensor target, ae_reduction r)        { return ae__loss(&ae__op_bce, out, target, r); }
AE_API ae_tensor ae_bce_logits_loss(ae_tensor out, ae_tensor target, ae_reduction r) { return ae__loss(&ae__op_bce_logits, out, target, r); }
AE_API ae_tensor ae_nll_loss(ae_tensor logp, ae_tensor labels, ae_reduction r) {
    const ae_slot *s = ae__slot(logp), *t = s ? ae__slot(labels) : NULL;
    if (!t) return ae__poison(logp.ctx);
    if (s->ndim != 2 || t->ndim != 1 || s->dim[0] != t->dim[0]) return ae__fail(logp.ctx, "nll_loss: wants [N,C] and labels [N], got %s and %s", ae__shape_text(logp.ctx, s->dim, s->ndim), ae__shape_text(logp.ctx, t->dim, t->ndim));
    return ae_affine(ae_reduce(ae_mul(logp, ae_one_hot(labels, s->dim[1])), -1, AE_SUM), r == AE_MEAN ? -1.0f / (float)s->dim[0] : -1.0f, 0);
}
AE_API ae_tensor ae_kl_loss(ae_tensor mean, ae_tensor logvar, ae_reduction r)        { return ae__loss(&ae__op_kl, mean, logvar, r); }

/* ---- tensors ---- */
static ae_slot *ae__blank(ae_ctx *ae, int n, int c, int h, int w, ae_tensor *handle) {
    float arg[5];  int dim[4];
    ae__shape_args(arg, n, c, h, w);
    dim[0] = n || c || h || w ? n : 1;  dim[1] = c || h || w ? c : 1;  dim[2] = h || w ? h : 1;  dim[3] = w ? w : 1;
    return ae__new_tensor(ae, dim, (int)arg[4], handle);
}
AE_API ae_tensor ae_from(ae_ctx *ae, const float *data, int n, int c, int h, int w) {
    ae_tensor x = ae__poison(ae);  ae_slot *s = ae__blank(ae, n, c, h, w, &x);
    if (!s) return ae__poison(ae);
    if (data) memcpy(s->data, data, (size_t)ae__numel(s->dim) * sizeof(float));
    else memset(s->data, 0, (size_t)ae__numel(s->dim) * sizeof(float));
    return x;
}
AE_API ae_tensor ae_scalar(ae_ctx *ae, float value) { return ae_from(ae, &value, 0, 0, 0, 0); }
AE_API ae_tensor ae_randn(ae_ctx *ae, int n, int c, int h, int w) {
    ae_tensor x = ae__poison(ae);  ae_slot *s = ae__blank(ae, n, c, h, w, &x);
    if (!s) return ae__poison(ae);
    s->home = ae__noise(ae, s->data, (size_t)ae__numel(s->dim));  return x;
}
AE_API ae_tensor ae_randn_like(ae_tensor x) {
    const ae_slot *s = ae__slot(x);  const int *d = s ? s->dim : NULL;
    if (!s) return ae__poison(x.ctx);
    return ae_randn(x.ctx, s->ndim > 0 ? d[0] : 0, s->ndim > 1 ? d[1] : 0, s->ndim > 2 ? d[2] : 0, s->ndim > 3 ? d[3] : 0);
}
/* A kept tensor's dense values live with it; they are made again after every change. */
static const float *ae__kept_dense(ae_ctx *ae, ae_slot *s) {
    if (!s->dense) { s->dense = ae__permanent_floats(ae, (size_t)ae__numel(s->dim)); s->dense_version = s->version - 1; }
    if (!s->dense) { ae__fail(ae, "out of memory"); return NULL; }
    ae__bring_data(ae, s, AE_HOST, 0);
    if (s->dense_version != s->version) ae__relayout(s->data, s->dense, s->dim, s->layout, 1, 0);
    s->dense_version = s->version;  return s->dense;
}
AE_API const float *ae_data(ae_tensor x) {
    ae_slot *s = ae__slot(x);  int grad;
    if (!s) return NULL;
    if (s->layout != AE_NCHW && (s->layout != AE_NHWC || !ae__same_bytes(s))) {
        if (x.slot & (uint32_t)AE_KEPT) return ae__kept_dense(x.ctx, s);
        grad = ae_grad_enabled(x.ctx, 0);  x = ae__in_layout(x, AE_NCHW);  ae_grad_enabled(x.ctx, grad);  s = ae__slot(x);
    }
    if (s) ae__bring_data(x.ctx, s, AE_HOST, 0);
    return s ? s->data : NULL;
}
AE_API float ae_item(ae_tensor x) {
    ae_slot *s = ae__slot(x);
    if (s && ae__numel(s->dim) == 1) { ae__bring_data(x.ctx, s, AE_HOST, 0); return s->data[0]; }
    if (s) ae__fail(x.ctx, "ae_item: the tensor has %d elements, not one", ae__numel(s->dim));
    return NAN;
}
AE_API int ae_size(ae_tensor x, int axis) {
    const ae_slot *s = ae__slot(x);
    if (!s) return 0;
    return axis < 0 ? ae__numel(s->dim) : axis < 4 ? s->dim[axis] : 1;
}
AE_API int ae_dims(ae_tensor x) { const ae_slot *s = ae__slot(x); return s ? s->ndim : 0; }
AE_API ae_tensor ae_grad(ae_tensor x) {
    ae_slot *s = ae__slot(x), *t;  ae_tensor g = ae__poison(x.ctx);
    if (!s) return ae__poison(x.ctx);
    if (!s->needs_grad || !s->has_grad) return ae__fail(x.ctx, "ae_grad: no gradient has arrived here since ae_zero_grad");
    if (s->record >= 0 && !s->retain) return ae__fail(x.ctx, "ae_grad: the gradient of a result is not kept unless ae_requires_grad(x, 1) asks for it");
    t = ae__new_tensor(x.ctx, s->dim, s->ndim, &g);
    if (!t) return ae__poison(x.ctx);
    ae__bring_grad(x.ctx, s, AE_HOST, 0);
    if (s->layout == AE_NCHW || (s->layout == AE_NHWC && ae__same_bytes(s))) memcpy(t->data, s->grad, (size_t)ae__numel(s->dim) * sizeof(float));
    else ae__relayout(s->grad, t->data, s->dim, s->layout, 1, 0);
    return g;
}
AE_API void ae_requires_grad(ae_tensor x, int on) {
    ae_slot *s = ae__slot(x);
    if (!s) return;
    s->grad_floats = (size_t)ae__numel(s->dim);   /* taken here, since ae_backward may run in a scope that ends before x does */
    if (on && !s->grad) s->grad = x.slot & (uint32_t)AE_KEPT ? ae__permanent_floats(x.ctx, s->grad_floats) : ae__floats(x.ctx, s->grad_floats);
    if (on && !s->grad) { ae__fail(x.ctx, "out of memory for a gradient"); return; }
    if (s->record >= 0) s->retain = on; else s->needs_grad = on, s->has_grad = 0;
}
AE_API ae_tensor ae_detach(ae_tensor x) {
    ae_slot *s = ae__slot(x);  ae_tensor d = ae__poison(x.ctx);  ae_slot *t = s ? ae__new_slot(x.ctx, 0, &d) : NULL;
    if (!t) return ae__poison(x.ctx);
    if (x.slot & (uint32_t)AE_KEPT) ae__bring_data(x.ctx, s, AE_HOST, 0);
    ae__settle(x.ctx, s);
    t->home = x.slot & (uint32_t)AE_KEPT ? AE_HOST : s->home;  t->data = s->data;  t->ndim = s->ndim;  t->layout = s->layout;  memcpy(t->dim, s->dim, sizeof t->dim);
    if (x.slot & (uint32_t)AE_KEPT && (t->data = ae__floats(x.ctx, (size_t)ae__numel(s->dim))) != NULL) memcpy(t->data, s->data, (size_t)ae__numel(s->dim) * sizeof(float));   /* it may be assigned to */
    return d;
}
AE_API ae_tensor ae_keep(ae_tensor x) {
    const float *data = ae_data(x);  const ae_slot *s = data ? ae__slot(x) : NULL;  ae_tensor k = ae__poison(x.ctx);
    ae_slot *t = s ? ae__new_slot(x.ctx, 1, &k) : NULL;  size_t n = s ? (size_t)ae__numel(s->dim) : 0;
    if (!t) return ae__poison(x.ctx);
    t->ndim = s->ndim;  memcpy(t->dim, s->dim, sizeof t->dim);  t->data = ae__permanent_floats(x.ctx, n);
    if (!t->data) return ae__fail(x.ctx, "out of memory: %.1f MB could not be kept", (double)n * 4 / 1e6);
    memcpy(t->data, data, n * sizeof(float));  return k;
}
/* The slot of a tensor that may be written: kept, or a parameter. */
static ae_slot *ae__writable(ae_tensor x, const char *who) {
    ae_slot *s = ae__slot(x);
    if (!s || x.slot & (uint32_t)AE_KEPT) return s;
    ae__fail(x.ctx, "%s: a tensor of the step cannot be written, since the backward pass may need it; ae_keep makes one that can", who);
    return NULL;
}
AE_API int ae_assign(ae_tensor kept, const float *data) {
    ae_slot *s = ae__writable(kept, "ae_assign");  size_t bytes = s ? (size_t)ae__numel(s->dim) * sizeof(float) : 0;
    if (!s) return 0;
    if (!data) memset(s->data, 0, bytes);
    else if (s->layout == AE_NCHW) memcpy(s->data, data, bytes);
    else ae__relayout(data, s->data, s->dim, s->layout, 0, 0);
    s->home = AE_HOST;  s->version++;  return 1;
}
AE_API void ae_accumulate(ae_tensor kept, ae_tensor x) {
    ae_slot *s = ae__writable(kept, "ae_accumulate"), *t = s ? ae__slot(x) : NULL;  int side = kept.ctx->device ? AE_DEVICE : AE_HOST;
    if (!t) return;
    if (ae__numel(s->dim) != 1 || ae__numel(t->dim) != 1) { ae__fail(kept.ctx, "ae_accumulate: both are scalars"); return; }
    ae__bring_data(kept.ctx, t, side, 0);  ae__bring_data(kept.ctx, s, side, 1);  s->version++;
    if (side == AE_DEVICE) ae__device_do(kept.ctx, "accumulate", t->data, NULL, NULL, s->data, 1, NULL, 0); else s->data[0] += t->data[0];
}

/* ---- loaders ---- */
typedef struct ae_column {           /* one thing served beside the others: images, labels, noise */
    const uint8_t *u8;  const float *f32;
    void (*fill)(void *user, const int *index, int rows, float *out);  void *user;  int labels, n, dim[4], ndim;
} ae_column;
struct ae_loader {
    ae_ctx *ctx;  ae_loader *next;
    ae_column column[2];  int columns;  int batch, shuffle, n, at, number;
    int *order, order_home;          /* this epoch's permutation */
    int marked;  ae_mark mark;       /* where the step arena stood when the epoch began */
    int64_t epoch;  int taught;      /* optimiser steps taken on its batches */
};
static void ae__loaders_forget(ae_ctx *ae, uint32_t slots) {
    ae_loader *l;
    for (l = ae->loaders; l; l = l->next) if (l->marked && l->mark.slots > slots) l->marked = 0;
}
AE_API ae_loader *ae_loader_new(ae_ctx *ae, int batch, int shuffle) {
    ae_loader *l = (ae_loader *)ae__permanent(ae, sizeof *l);
    if (!l) { ae__fail(ae, "out of memory for a loader"); return NULL; }
    if (batch < 1) { ae__fail(ae, "ae_loader_new: a batch of %d; at least 1", batch); batch = 1; }
    l->ctx = ae;  l->batch = batch;  l->shuffle = shuffle;  l->number = ae->n_loaders++;  l->next = ae->loaders;  ae->loaders = l;
    return l;
}
static int ae__load(ae_loader *l, ae_column column) {
    ae_ctx *ae = l ? l->ctx : NULL;  int i;
    if (!l) return 0;
    for (i = 0; i < column.ndim; i++) if (column.dim[i] < 1) { ae__fail(ae, "a loader's rows need positive sizes, got %d", column.dim[i]); return 0; }
    if (l->columns && (column.n != l->n || l->columns == 2)) {
        ae__fail(ae, l->columns == 2 ? "a loader serves two things; make a second one for the rest" : "%d rows beside %d: x and y must be equally many", column.n, l->n);
        return 0;
    }
    if (!l->columns) {
        l->n = column.n;  l->order = (int *)ae__permanent(ae, (size_t)l->n * sizeof(int));
        if (!l->order) { ae__fail(ae, "out of memory for a loader"); return 0; }
    }
    if (ae->device && !column.fill) {             /* the data set lives there from now on */
        const void *data = column.u8 ? (const void *)column.u8 : (const void *)column.f32;
        const ae_twin *t = ae__new_twin(ae, data, (size_t)ae__numel(column.dim) * (column.u8 ? 1 : sizeof(float)));
        if (!t || !ae->device->put(ae->there, t->there, data, t->bytes)) { ae__device_failed(ae); return 0; }
    }
    l->column[l->columns++] = column;  return 1;
}
static ae_column ae__column(int n, int c, int h, int w) {
    ae_column k;
    memset(&k, 0, sizeof k);
    k.n = n;  k.dim[0] = n;  k.dim[1] = c || h || w ? c : 1;  k.dim[2] = h || w ? h : 1;  k.dim[3] = w ? w : 1;
    k.ndim = w ? 4 : h ? 3 : c ? 2 : 1;  return k;
}
AE_API int ae_load_u8(ae_loader *l, const uint8_t *px, int n, int c, int h, int w) { ae_column k = ae__column(n, c, h, w); k.u8 = px; return ae__load(l, k); }
AE_API int ae_load_f32(ae_loader *l, const float *x, int n, int c, int h, int w) { ae_column k = ae__column(n, c, h, w); k.f32 = x; return ae__load(l, k); }
AE_API int ae_load_labels(ae_loader *l, const uint8_t *y, int n) { ae_column k = ae__column(n, 0, 0, 0); k.u8 = y; k.labels = 1; return ae__load(l, k); }
AE_API int ae_load_fn(ae_loader *l, int n, int c, int h, int w, void (*fill)(void *user, const int *index, int rows, float *out), void *user) {
    ae_column k = ae__column(n, c, h, w);
    k.fill = fill;  k.user = user;  return ae__load(l, k);
}
AE_API int ae_batches(const ae_loader *l) { return l->n / l->batch + (l->n % l->batch != 0); }
/* Fisher and Yates (1938), numbers drawn by (seed, loader, epoch): the order does not depend on what else was random. */
static void ae__shuffle(ae_loader *l) {
    int i;
    l->order_home = AE_HOST;
    for (i = 0; i < l->n; i++) l->order[i] = i;
    for (i = l->n - 1; i > 0 && l->shuffle; i--) {
        uint32_t word = ae__word(l->ctx->config.seed, AE_STREAM_SHUFFLE, (uint64_t)l->epoch, (uint32_t)l->number, (uint64_t)i);
        int j = (int)(((uint64_t)word * (uint64_t)(i + 1)) >> 32), t = l->order[i];
        l->order[i] = l->order[j];  l->order[j] = t;
    }
}
typedef struct ae_serve { const ae_ctx *ae; const ae_column *k; const int *index; float *out; size_t row; } ae_serve;
static void ae__widen(const ae_ctx *ae, const uint8_t *px, float *out, size_t n, int unit);       /* out = px, or px / 255 */
static void ae__serve_row(void *user, int r) {
    const ae_serve *s = (const ae_serve *)user;  const char *from = s->k->f32 ? (const char *)s->k->f32 : (const char *)s->k->u8;
    size_t i, at = (size_t)s->index[r] * s->row, bytes = s->k->f32 ? s->row * sizeof(float) : s->row;  float *out = s->out + (size_t)r * s->row;
    for (i = 0; r > 2 && i < bytes; i += 64) __builtin_prefetch(from + (size_t)s->index[r - 3] * bytes + i);        /* a thread serves its last row first */
    if (s->k->f32) memcpy(out, s->k->f32 + at, bytes); else ae__widen(s->ae, s->k->u8 + at, out, s->row, !s->k->labels);
}
static int ae__serve(ae_loader *l, const ae_column *k, int rows, ae_tensor *out) {
    ae_slot *s;  ae_serve job;  int dim[4];
    memcpy(dim, k->dim, sizeof dim);  dim[0] = rows;  s = ae__new_tensor(l->ctx, dim, k->ndim, out);
    if (!s) { *out = ae__poison(l->ctx); return 0; }
    if (l->ctx->device && !k->fill) {             /* arg: what the numbers are, how many a row has, where in the permutation; as bits */
        const int what[3] = { k->f32 ? 0 : k->labels ? 2 : 1, ae__numel(dim) / rows, l->at };  float arg[3];
        memcpy(arg, what, sizeof arg);  ae__bring(l->ctx, l->order, (size_t)l->n, &l->order_home, AE_DEVICE, 0);
        s->home = AE_DEVICE;
        ae__device_do(l->ctx, "serve", k->f32 ? (const void *)k->f32 : (const void *)k->u8, l->order, NULL, s->data, (size_t)ae__numel(dim), arg, 3);
        return !l->ctx->poisoned;
    }
    job.ae = l->ctx;  job.k = k;  job.index = l->order + l->at;  job.out = s->data;  job.row = (size_t)ae__numel(dim) / (size_t)rows;
    if (k->fill) k->fill(k->user, job.index, rows, job.out); else ae_parallel(l->ctx, rows, ae__serve_row, &job);
    return 1;
}
AE_API int ae_next_batch(ae_loader *l, ae_tensor *x, ae_tensor *y) {
    int rows;
    if (!l || !l->columns) { if (l) ae__fail(l->ctx, "ae_next_batch: this loader has nothing loaded"); return 0; }
    if (l->marked) ae__rewind(l->ctx, l->mark); else l->mark = ae__here(l->ctx);
    l->marked = 1;  l->ctx->serving = l;
    if (l->at >= l->n) { l->at = 0; l->epoch++; l->marked = 0; return 0; }
    if (l->at == 0) ae__shuffle(l);
    rows = l->n - l->at < l->batch ? l->n - l->at : l->batch;
    if (!ae__serve(l, &l->column[0], rows, x)) return 0;
    if (y && l->columns < 2) { ae__fail(l->ctx, "ae_next_batch: y is asked for, but only one thing is loaded"); return 0; }
    if (y && !ae__serve(l, &l->column[1], rows, y)) return 0;
    l->at += rows;  return 1;
}

/* ==== >>nn ================================================================================================ */
/* A network is a tree.  A layer's kind says how to print it, which tensors it owns and what it computes; ae_open builds
   layers from the same rows that ae_nn_... uses.  At its first use the root is sealed: every parameter gets its place in
   one flat block, every gradient in another, in PyTorch's order, so that Adam is one loop and saving one pass. */

typedef struct ae_owned {            /* a tensor of a layer */
    const char *name;
    int   dim[4], ndim, buffer, i64; /* buffer: state that is saved but not learnt; i64: saved as a 64-bit integer */
    float bound, value;              /* drawn from U(-bound, bound), or, with bound 0, set to value */
} ae_owned;
typedef struct ae_kind {
    const char *name;
    const char *least;               /* an argument each: its least value as a digit, or '-' for any number */
    const char *print;               /* over the arguments in order: %d, %g, or %k for (k, k); %m for a mode; [...] is left out at the least */
    int       (*owns)(const float *arg, ae_owned *o);                      /* returns how many; NULL: none */
    ae_tensor (*forward)(ae_net *net, ae_tensor x, int act, float slope);  /* act: the activation behind it, fused; NULL: a container */
    int         fuses, act;          /* fuses: takes an activation;  act: is one */
} ae_kind;
enum { AE_LAYER_ARGS = 6, AE_LAYER_TENSORS = 8 };
struct ae_net {
    ae_ctx  *ctx;
    ae_net  *parent, *child, *last, *next;      /* next: sibling, or the next root of the context */
    char     name[AE_NAME];  const ae_kind *kind;  float    arg[AE_LAYER_ARGS];
    const ae_op *op;  float op_arg[AE_MAX_ARGS];  int op_args;              /* a layer of the caller's */
    ae_tensor tensor[AE_LAYER_TENSORS];  ae_owned owned[AE_LAYER_TENSORS];  int tensors;
    int      training, children, warm, input[4], input_dims;               /* input: the shape it was first run with */
    int      sealed, number;  float *flat, *grad;  size_t floats;           /* of a root */
};
static ae_net *ae__root(ae_net *net) { while (net->parent) net = net->parent; return net; }
/* The next node of the tree under top, parents first: PyTorch's order.  NULL: that was the last. */
static ae_net *ae__walk(const ae_net *top, ae_net *net) {
    if (net->child) return net->child;
    while (net != top && !net->next) net = net->parent;
    return net == top ? NULL : net->next;
}
/* "encoder.0" below top; top NULL: from the root. */
static void ae__path(const ae_net *top, const ae_net *net, char *path) {
    path[0] = 0;
    if (net == top || !net->parent) return;
    ae__path(top, net->parent, path);  snprintf(path + strlen(path), AE_PATH - strlen(path), path[0] ? ".%s" : "%s", net->name);
}
/* Conv2d(1, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1)): as PyTorch prints a layer.  [...]: only if its number is not its least. */
static void ae__layer_text(const ae_net *net, char *text, size_t size) {
    ae_text t = { text, size, 0 };  const float *arg = net->arg;  const char *p;
    ae__print(&t, "%s(", net->op ? net->op->name : net->kind->name);
    for (p = net->kind->print; *p; p++) {
        if (*p == '[' && *arg == (float)(net->kind->least[arg - net->arg] - '0')) { p = strchr(p, ']'); arg++; }
        else if (*p == '[' || *p == ']') continue;
        else if (*p != '%') ae__print(&t, "%c", *p);
        else if (*++p == 'm') ae__print(&t, "'%s'", *arg++ == 0 ? "nearest" : "bilinear");
        else if (*p == 'k') { ae__print(&t, "(%d, %d)", (int)*arg, (int)*arg); arg++; }
        else ae__print(&t, "%.6g", (double)*arg++);
    }
    ae__print(&t, ")");
}

/* ---- kinds ---- */
static void ae__own(ae_owned *o, const char *name, float bound, float value, int n, int c, int h, int w) {
    memset(o, 0, sizeof *o);
    o->name = name;  o->bound = bound;  o->value = value;  o->dim[0] = n ? n : 1;  o->dim[1] = c ? c : 1;  o->dim[2] = h ? h : 1;
    o->dim[3] = w ? w : 1;  o->ndim = w ? 4 : h ? 3 : c ? 2 : n ? 1 : 0;
}
/* kaiming_uniform with a = sqrt(5) is U(-1/sqrt(fan_in), 1/sqrt(fan_in)), for the bias too: PyTorch's default since 1.0. */
static int ae__weight_and_bias(ae_owned *o, double fan_in, int n, int c, int k, int biases) {
    float bound = (float)(1.0 / sqrt(fan_in));
    ae__own(&o[0], "weight", bound, 0, n, c, k, k);  ae__own(&o[1], "bias", bound, 0, biases, 0, 0, 0);
    return 2;
}
static int ae__linear_owns(const float *arg, ae_owned *o) {                     /* arg: in, out */
    return ae__weight_and_bias(o, (double)arg[0], (int)arg[1], (int)arg[0], 0, (int)arg[1]);
}
static int ae__conv_owns(const float *arg, ae_owned *o) {                       /* arg: in, out, k, stride, pad */
    return ae__weight_and_bias(o, (double)arg[0] * (double)arg[2] * (double)arg[2], (int)arg[1], (int)arg[0], (int)arg[2], (int)arg[1]);
}
static int ae__convt_owns(const float *arg, ae_owned *o) {                      /* ... out_pad; PyTorch counts fan_in on the output side */
    return ae__weight_and_bias(o, (double)arg[1] * (double)arg[2] * (double)arg[2], (int)arg[0], (int)arg[1], (int)arg[2], (int)arg[1]);
}
static int ae__batch_norm_owns(const float *arg, ae_owned *o) {                 /* arg: channels */
    int c = (int)arg[0], i;
    ae__own(&o[0], "weight", 0, 1, c, 0, 0, 0);  ae__own(&o[1], "bias", 0, 0, c, 0, 0, 0);
    ae__own(&o[2], "running_mean", 0, 0, c, 0, 0, 0);  ae__own(&o[3], "running_var", 0, 1, c, 0, 0, 0);
    ae__own(&o[4], "num_batches_tracked", 0, 0, 0, 0, 0, 0);
    for (i = 2; i < 5; i++) o[i].buffer = 1;
    o[4].i64 = 1;  return 5;
}
static int ae__lstm_owns(const float *arg, ae_owned *o) {                       /* arg: in, hidden, layers; rows of the gates i, f, g, o */
    static const char *const name[] = { "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1" };
    int i, in = (int)arg[0], H = (int)arg[1], n = 4 * (int)arg[2];
    for (i = 0; i < n; i++) ae__own(&o[i], name[i], (float)(1.0 / sqrt((double)H)), 0, 4 * H, i % 4 > 1 ? 0 : i ? H : in, 0, 0);
    return n;
}
static int ae__parameter_owns(const float *arg, ae_owned *o) {                  /* arg: bound, n, c, h, w; its name is the parameter's */
    ae__own(&o[0], "", arg[0], 0, (int)arg[1], (int)arg[2], (int)arg[3], (int)arg[4]);  return 1;
}

/* ---- what each kind computes ---- */
static ae_tensor ae__layer_apply(const ae_op *op, ae_net *l, ae_tensor x, const float *arg, int args) {
    ae_tensor in[AE_MAX_INPUTS];  int i;
    in[0] = x;
    for (i = 1; i < op->inputs; i++) in[i] = l->tensor[i - 1];
    return ae_apply(op, in, arg, args);
}
/* Remembers the fused activation at the output: the backward pass starts with its derivative. */
static ae_tensor ae__fused(ae_tensor y, int act, float slope) {
    ae_slot *s = act ? ae__slot(y) : NULL;
    if (s) { s->act = act; s->slope = slope; }
    return y;
}
static ae_tensor ae__linear_run(ae_net *l, ae_tensor x, int act, float slope) {
    const float arg[2] = { (float)act, slope };
    return ae__fused(ae__layer_apply(&ae__op_linear, l, x, arg, 2), act, slope);
}
static ae_tensor ae__conv_run(ae_net *l, ae_tensor x, int act, float slope) {
    const float arg[5] = { l->arg[3], l->arg[4], (float)act, slope, l->arg[5] };
    return ae__fused(ae__layer_apply(l->kind->least[5] ? &ae__op_convt : &ae__op_conv, l, x, arg, 5), act, slope);
}
static ae_tensor ae__batch_norm_run(ae_net *l, ae_tensor x, int act, float slope) {
    float training = (float)(l->training && !l->ctx->predicting);  ae_slot *count = ae__slot(l->tensor[4]);  (void)act, (void)slope;
    x = ae__layer_apply(&ae__op_batch_norm, l, x, &training, 1);
    if (training != 0) { count->data[0] += 1; count->version++; }
    return x;
}
/* Dropout: times a mask of 0 and 1 / (1 - p).  Its words are numbered like noise: the same for any number of threads, and when a step is run again. */
static ae_tensor ae__dropout_run(ae_net *l, ae_tensor x, int act, float slope) {
    ae_ctx *ae = l->ctx;  const ae_slot *s = ae__slot(x);  ae_slot *m;  ae_tensor mask;  float keep = 1 - l->arg[0];
    uint32_t draw, i, n;  (void)act, (void)slope;
    if (!s || !l->training || ae->predicting) return x;
    m = ae__new_tensor(ae, s->dim, s->ndim, &mask);
    if (!m) return ae__poison(ae);
    draw = ae->random_op++;  n = (uint32_t)ae__numel(s->dim);
    for (i = 0; i < n; i++) m->data[i] = ae__unit(ae__word(ae->config.seed, AE_STREAM_NOISE, ae->random_step, draw, i)) < keep ? 1 / keep : 0;
    return ae_mul(x, mask);
}
/* LSTM (Hochreiter & Schmidhuber 1997).  Gates from a step's input and the last h: i lets in, f forgets, g is what comes in, o lets out. */
static ae_tensor ae__lstm_linear(ae_tensor x, const ae_tensor *own) {           /* own: weight, then after another weight its bias */
    const ae_tensor in[3] = { x, own[0], own[2] };  const float arg[2] = { AE_ACT_NONE, 0 };
    return ae_apply(&ae__op_linear, in, arg, 2);
}
static ae_tensor ae__lstm_gate(ae_tensor z, int k) {                            /* z [B,4H] */
    int H = ae_size(z, 1) / 4;  z = ae_slice(z, 1, k * H, k * H + H);
    return k == 2 ? ae_tanh(z) : ae_sigmoid(z);
}
static ae_tensor ae__lstm_join(const ae_tensor *h, int n) { return n > 1 ? ae_cat(ae__lstm_join(h, n / 2), ae__lstm_join(h + n / 2, n - n / 2), 1) : *h; }
/* One layer: x [B,T,in] -> [B,T,H]; h and c [B,H].  c = f c + i g,  h = o tanh(c). */
static ae_tensor ae__lstm_layer(ae_tensor x, const ae_tensor *own, ae_tensor *h, ae_tensor *c) {
    int t, B = ae_size(x, 0), T = ae_size(x, 1), H = ae_size(*h, 1);  ae_tensor *all = (ae_tensor *)(void *)ae__floats(x.ctx, (size_t)T * sizeof x / 4), gates, z;
    if (!all || !T) return ae__poison(x.ctx);      /* no steps: x is poison */
    gates = ae_view(ae__lstm_linear(ae_view(x, B * T, ae_size(x, 2), 0, 0), own), B, T, 4 * H, 0);
    for (t = 0; t < T; t++) {
        z = ae_add(ae_view(ae_slice(gates, 1, t, t + 1), B, 4 * H, 0, 0), ae__lstm_linear(*h, own + 1));
        *c = ae_add(ae_mul(ae__lstm_gate(z, 1), *c), ae_mul(ae__lstm_gate(z, 0), ae__lstm_gate(z, 2)));
        all[t] = *h = ae_mul(ae__lstm_gate(z, 3), ae_tanh(*c));
    }
    return ae_view(ae__lstm_join(all, T), B, T, H, 0);
}
static int ae__seal(ae_net *net);
AE_API ae_tensor ae_lstm(ae_net *l, ae_tensor x, ae_tensor *h, ae_tensor *c) {
    const ae_slot *s = ae__slot_for(l->ctx, x);  int k, B, H = (int)l->arg[1], layers = (int)l->arg[2];  ae_tensor zero, part[2], last[2] = { x, x };
    if (!s || !ae__seal(l)) return ae__poison(l->ctx);
    l->ctx->net = l;
    if (l->kind->owns != ae__lstm_owns) return ae__fail(l->ctx, "ae_lstm: this is no LSTM");
    if (s->ndim != 3 || s->dim[2] != (int)l->arg[0]) return ae__fail(l->ctx, "wants [B, T, %d], got %s", (int)l->arg[0], ae__shape_text(l->ctx, s->dim, s->ndim));
    B = s->dim[0];  zero = ae_from(l->ctx, NULL, layers, B, H, 0);
    for (k = 0; k < layers; k++) {
        part[0] = ae_view(ae_slice(h ? *h : zero, 0, k, k + 1), B, H, 0, 0);  part[1] = ae_view(ae_slice(c ? *c : zero, 0, k, k + 1), B, H, 0, 0);
        x = ae__lstm_layer(x, l->tensor + 4 * k, &part[0], &part[1]);
        last[0] = k ? ae_cat(last[0], part[0], 0) : part[0];  last[1] = k ? ae_cat(last[1], part[1], 0) : part[1];
    }
    if (h) *h = ae_view(last[0], layers, B, H, 0);
    if (c) *c = ae_view(last[1], layers, B, H, 0);
    l->ctx->net = NULL;  return x;
}
static ae_tensor ae__lstm_run(ae_net *l, ae_tensor x, int act, float slope) { (void)act, (void)slope; return ae_lstm(l, x, NULL, NULL); }
static ae_tensor ae__upsample_layer(ae_net *l, ae_tensor x, int act, float slope) { (void)act, (void)slope; return ae_apply(&ae__op_upsample, &x, l->arg, 2); }
static ae_tensor ae__act_run(ae_net *l, ae_tensor x, int act, float slope);
static ae_tensor ae__pool_run(ae_net *l, ae_tensor x, int act, float slope) { (void)act, (void)slope; return ae_apply(&ae__op_max_pool, &x, l->arg, 3); }
static ae_tensor ae__log_softmax_run(ae_net *l, ae_tensor x, int act, float slope) { (void)l, (void)act, (void)slope; return ae_log_softmax(x); }
static ae_tensor ae__flatten_run(ae_net *l, ae_tensor x, int act, float slope) { (void)l, (void)act, (void)slope; return ae_view(x, ae_size(x, 0), -1, 0, 0); }
static ae_tensor ae__unflatten_run(ae_net *l, ae_tensor x, int act, float slope) { (void)act, (void)slope; return ae_view(x, ae_size(x, 0), (int)l->arg[0], (int)l->arg[1], (int)l->arg[2]); }
static ae_tensor ae__op_run(ae_net *l, ae_tensor x, int act, float slope) { (void)act, (void)slope; return ae_apply(l->op, &x, l->op_arg, l->op_args); }
static ae_tensor ae__parameter_run(ae_net *l, ae_tensor x, int act, float slope) {
    (void)x, (void)act, (void)slope;
    return ae__fail(l->ctx, "a parameter of your own is not a layer: use it with ae_param");
}
static const ae_kind ae__kinds[] = {
    { "Sequential", "", "", NULL, NULL, 0, 0 },
    { "Linear", "11", "in_features=%d, out_features=%d, bias=True", ae__linear_owns, ae__linear_run, 1, 0 },
    { "Conv2d", "11110", "%d, %d, kernel_size=%k, stride=%k[, padding=%k]", ae__conv_owns, ae__conv_run, 1, 0 },
    { "ConvTranspose2d", "111100", "%d, %d, kernel_size=%k, stride=%k[, padding=%k][, output_padding=%k]", ae__convt_owns, ae__conv_run, 1, 0 },
    { "BatchNorm1d", "1", "%d, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True", ae__batch_norm_owns, ae__batch_norm_run, 0, 0 },
    { "BatchNorm2d", "1", "%d, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True", ae__batch_norm_owns, ae__batch_norm_run, 0, 0 },
    { "MaxPool2d", "110", "kernel_size=%d, stride=%d, padding=%d, dilation=1, ceil_mode=False", NULL, ae__pool_run, 0, 0 },
    { "Upsample", "10", "scale_factor=%d.0, mode=%m", NULL, ae__upsample_layer, 0, 0 },
    { "Dropout", "-", "p=%g, inplace=False", NULL, ae__dropout_run, 0, 0 },
    { "LSTM", "111", "%d, %d[, num_layers=%d], batch_first=True", ae__lstm_owns, ae__lstm_run, 0, 0 },
    { "ReLU", "", "", NULL, ae__act_run, 0, AE_ACT_RELU },
    { "LeakyReLU", "-", "negative_slope=%g", NULL, ae__act_run, 0, AE_ACT_LEAKY },
    { "Sigmoid", "", "", NULL, ae__act_run, 0, AE_ACT_SIGMOID },
    { "Tanh", "", "", NULL, ae__act_run, 0, AE_ACT_TANH },
    { "LogSoftmax", "", "dim=1", NULL, ae__log_softmax_run, 0, 0 },
    { "Flatten", "", "start_dim=1, end_dim=-1", NULL, ae__flatten_run, 0, 0 },
    { "Unflatten", "111", "dim=1, unflattened_size=(%d, %d, %d)", NULL, ae__unflatten_run, 0, 0 },
    { "Parameter", "-0000", "bound=%g, %d, %d, %d, %d", ae__parameter_owns, ae__parameter_run, 0, 0 },
    { "Op", "", "", NULL, ae__op_run, 0, 0 }
};
enum { AE_KINDS = (int)(sizeof ae__kinds / sizeof ae__kinds[0]) };
static ae_tensor ae__act_run(ae_net *l, ae_tensor x, int act, float slope) {
    static const ae_op *const op[] = { NULL, &ae__op_relu, &ae__op_leaky, &ae__op_sigmoid, &ae__op_tanh };  (void)act, (void)slope;
    return ae_apply(op[l->kind->act], &x, l->arg, l->kind->act == AE_ACT_LEAKY);
}
static const ae_kind *ae__kind(const char *name) {
    int i;
    for (i = 0; i < AE_KINDS; i++) if (!strcmp(ae__kinds[i].name, name)) return &ae__kinds[i];
    return NULL;
}

/* ---- building ---- */
static void ae__append(ae_net *parent, ae_net *net) {
    const ae_net *l;
    do {                                          /* its index, or the next number that no layer beside it is named */
        snprintf(net->name, sizeof net->name, "%d", parent->children++);
        for (l = parent->child; l && strcmp(l->name, net->name); l = l->next) ;
    } while (l);
    net->parent = parent;
    if (parent->last) parent->last->next = net; else parent->child = net;
    parent->last = net;
}
/* What is wrong with these arguments; NULL: nothing.  left: bytes that its tensors may still take; lessened by them. */
static const char *ae__layer_problem(ae_ctx *ae, const ae_kind *k, const float *arg, double *left) {
    ae_owned o[AE_LAYER_TENSORS];  int i, n;
    for (i = 0; k->least[i]; i++) {
        if (k->least[i] != '-' && (!(arg[i] >= (float)(k->least[i] - '0')) || arg[i] >= 1e7f || arg[i] != (float)(int)arg[i]))
            return ae_say(ae, "its number %d is %g and must be a whole one from %c on", i + 1, (double)arg[i], k->least[i]);
        if (!(fabs((double)arg[i]) < 1e7)) return ae_say(ae, "its number %d is %g", i + 1, (double)arg[i]);
    }
    if (k->forward == ae__dropout_run && !(arg[0] >= 0 && arg[0] <= 1)) return ae_say(ae, "a probability of %g", (double)arg[0]);
    if (k->owns == ae__lstm_owns && arg[2] > AE_LAYER_TENSORS / 4) return ae_say(ae, "%g layers: at most %d in one, and another LSTM behind it", (double)arg[2], AE_LAYER_TENSORS / 4);
    for (i = 1; k->owns == ae__parameter_owns && i < 4; i++) if (arg[i] == 0 && arg[i + 1] != 0) return "an axis of size 0 before another one";
    if (k->forward == ae__pool_run && 2 * arg[2] > arg[0]) return ae_say(ae, "padding %g is more than half the window %g", (double)arg[2], (double)arg[0]);
    if (k->owns == ae__convt_owns && arg[5] > 0 && arg[5] >= arg[3]) return ae_say(ae, "output_padding %g must be smaller than the stride %g", (double)arg[5], (double)arg[3]);
    for (i = 0, n = k->owns ? k->owns(arg, o) : 0; i < n; i++) *left -= 4.0 * o[i].dim[0] * o[i].dim[1] * o[i].dim[2] * o[i].dim[3];
    return *left >= 0 ? NULL : "its weights are larger than anything that could be";
}
/* A layer of this kind at the end of p; NULL with a message on a mistake. */
static ae_net *ae__layer(ae_net *p, const char *kind, const float *arg) {
    const ae_kind *k = ae__kind(kind);  double left = 4.0 * INT_MAX;  const char *problem;  ae_net *l;
    if (!p) return NULL;
    problem = ae__root(p)->sealed ? "the network has run already, or has an optimiser" : p->kind->forward ? "its parent is a layer; ae_sequential makes a container" : ae__layer_problem(p->ctx, k, arg, &left);
    l = problem ? NULL : (ae_net *)ae__permanent(p->ctx, sizeof *l);
    if (!l) { ae__fail(p->ctx, "a %s cannot be added: %s", kind, problem ? problem : "out of memory"); return NULL; }
    l->ctx = p->ctx;  l->kind = k;  l->training = 1;
    if (*k->least) memcpy(l->arg, arg, strlen(k->least) * sizeof(float));
    ae__append(p, l);  return l;
}
AE_API ae_net *ae_net_new(ae_ctx *ae) {
    ae_net *net = (ae_net *)ae__permanent(ae, sizeof *net);
    if (!net) { ae__fail(ae, "out of memory for a network"); return NULL; }
    net->ctx = ae;  net->kind = &ae__kinds[0];  net->training = 1;  net->number = ae->n_roots++;  net->next = ae->roots;
    ae->roots = net;  return net;
}
static int ae__word_sign(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
AE_API ae_net *ae_name(ae_net *l, const char *name) {
    const ae_net *other;  size_t n = 0;
    if (!l) return NULL;
    while (ae__word_sign(name[n])) n++;
    if (name[n] || n == 0 || n >= AE_NAME) { ae__fail(l->ctx, "\"%.80s\" is no name for a layer: letters, digits and _, at most %d", name, AE_NAME - 1); return l; }
    for (other = l->parent ? l->parent->child : NULL; other; other = other->next)
        if (other != l && !strcmp(other->name, name)) { ae__fail(l->ctx, "two layers named \"%s\" beside each other", name); return l; }
    strcpy(l->name, name);  return l;
}
AE_API ae_net *ae_sequential(ae_net *parent, const char *name) { return ae_name(ae__layer(parent, "Sequential", NULL), name); }
AE_API ae_net *ae_nn_linear(ae_net *p, int in, int out) { const float arg[] = { (float)in, (float)out }; return ae__layer(p, "Linear", arg); }
AE_API ae_net *ae_nn_conv2d(ae_net *p, int in, int out, int k, int stride, int pad) { const float arg[] = { (float)in, (float)out, (float)k, (float)stride, (float)pad }; return ae__layer(p, "Conv2d", arg); }
AE_API ae_net *ae_nn_conv_transpose2d(ae_net *p, int in, int out, int k, int stride, int pad, int out_pad) {
    const float arg[] = { (float)in, (float)out, (float)k, (float)stride, (float)pad, (float)out_pad };
    return ae__layer(p, "ConvTranspose2d", arg);
}
AE_API ae_net *ae_nn_max_pool2d(ae_net *p, int k, int stride, int pad) { const float arg[] = { (float)k, (float)stride, (float)pad }; return ae__layer(p, "MaxPool2d", arg); }
AE_API ae_net *ae_nn_batch_norm1d(ae_net *p, int features) { const float arg = (float)features; return ae__layer(p, "BatchNorm1d", &arg); }
AE_API ae_net *ae_nn_batch_norm2d(ae_net *p, int channels) { const float arg = (float)channels; return ae__layer(p, "BatchNorm2d", &arg); }
AE_API ae_net *ae_nn_upsample(ae_net *p, int scale, int bilinear) { const float arg[] = { (float)scale, (float)(bilinear != 0) }; return ae__layer(p, "Upsample", arg); }
AE_API ae_net *ae_nn_dropout(ae_net *p, float probability) { return ae__layer(p, "Dropout", &probability); }
AE_API ae_net *ae_nn_lstm(ae_net *p, int in, int hidden, int layers) { const float arg[] = { (float)in, (float)hidden, (float)layers }; return ae__layer(p, "LSTM", arg); }
AE_API ae_net *ae_nn_relu(ae_net *p)        { return ae__layer(p, "ReLU", NULL); }
AE_API ae_net *ae_nn_leaky_relu(ae_net *p, float slope) { return ae__layer(p, "LeakyReLU", &slope); }
AE_API ae_net *ae_nn_sigmoid(ae_net *p)     { return ae__layer(p, "Sigmoid", NULL); }
AE_API ae_net *ae_nn_tanh(ae_net *p)        { return ae__layer(p, "Tanh", NULL); }
AE_API ae_net *ae_nn_log_softmax(ae_net *p) { return ae__layer(p, "LogSoftmax", NULL); }
AE_API ae_net *ae_nn_flatten(ae_net *p)     { return ae__layer(p, "Flatten", NULL); }
AE_API ae_net *ae_nn_unflatten(ae_net *p, int c, int h, int w) { const float arg[] = { (float)c, (float)h, (float)w }; return ae__layer(p, "Unflatten", arg); }
AE_API ae_net *ae_nn_parameter(ae_net *p, const char *name, float bound, int n, int c, int h, int w) {
    const float arg[] = { bound, (float)n, (float)c, (float)h, (float)w };  return ae_name(ae__layer(p, "Parameter", arg), name);
}
AE_API ae_net *ae_nn_op(ae_net *p, const ae_op *op, const float *arg, int args) {
    ae_net *l;
    if (p && (op->inputs != 1 || args > AE_MAX_ARGS)) { ae__fail(p->ctx, "ae_nn_op: %s must have one input and at most %d numbers", op->name, AE_MAX_ARGS); return NULL; }
    l = ae__layer(p, "Op", NULL);
    if (!l) return NULL;
    l->op = op;  l->op_args = args;
    if (args) memcpy(l->op_arg, arg, (size_t)args * sizeof(float));
    return l;
}

/* ---- sealing: parameters and gradients get their flat blocks ---- */
/* Initial values, element by element in PyTorch's order, whatever the layout: the same net for the same seed everywhere. */
static void ae__draw(ae_ctx *ae, int root, int param, const ae_owned *o, float *dense) {
    int i, n = ae__numel(o->dim);
    for (i = 0; i < n; i++) {
        float u = o->bound != 0 ? ae__unit(ae__word(ae->config.seed, AE_STREAM_INIT, (uint64_t)root, (uint32_t)param, (uint64_t)i)) : 0;
        dense[i] = o->bound != 0 ? (2.0f * u - 1.0f) * o->bound : o->value;
    }
}
static size_t ae__padded(const ae_owned *o) { return ((size_t)ae__numel(o->dim) + 15) & ~(size_t)15; }
/* One tensor of a layer: a kept slot over its piece of the blocks. */
static int ae__place(ae_net *root, ae_net *l, int i, float *data, float *grad, int number) {
    ae_ctx *ae = root->ctx;  const ae_owned *o = &l->owned[i];  ae_slot *s = ae__new_slot(ae, 1, &l->tensor[i]);
    if (!s) return 0;
    s->data = data;  s->grad = o->buffer ? NULL : grad;  s->ndim = o->ndim;  memcpy(s->dim, o->dim, sizeof s->dim);
    s->layout = !o->buffer && o->ndim > 1 && (l->kind->fuses || l->kind->owns == ae__lstm_owns) ? AE_PACKED : AE_NCHW;  s->needs_grad = !o->buffer;
    ae__draw(ae, root->number, number, o, grad);                     /* the gradient block serves as scratch */
    if (s->layout == AE_PACKED) ae__relayout(grad, data, s->dim, AE_PACKED, 0, 0);
    else memcpy(data, grad, (size_t)ae__numel(s->dim) * sizeof(float));
    memset(grad, 0, (size_t)ae__numel(s->dim) * sizeof(float));  return 1;
}
static int ae__seal(ae_net *net) {
    ae_net *root = ae__root(net), *l;  ae_ctx *ae = root->ctx;  size_t at = 0;  int i, number = 0, well;
    uint32_t kept = ae->kept.top;  void *before = ae->permanent;
    if (root->sealed) return 1;
    for (root->floats = 0, l = root; l; l = ae__walk(root, l)) {
        l->tensors = l->kind->owns ? l->kind->owns(l->arg, l->owned) : 0;
        for (i = 0; i < l->tensors; i++) root->floats += ae__padded(&l->owned[i]);
    }
    root->flat = ae__permanent_floats(ae, root->floats);  root->grad = ae__permanent_floats(ae, root->floats);
    well = root->flat && root->grad;
    if (!well) ae__fail(ae, "out of memory for the %.0f numbers of a network", (double)root->floats);
    for (l = root; l && well; l = ae__walk(root, l))
        for (i = 0; i < l->tensors && well; at += ae__padded(&l->owned[i++])) well = ae__place(root, l, i, root->flat + at, root->grad + at, number++);
    if (!well) { ae->kept.top = kept; ae__free_permanent(ae, before); }         /* the next use tries again */
    return root->sealed = well;
}

/* ---- looking inside ---- */
/* Visits every tensor below top: i-th call gives the i-th, NULL at the end.  buffers: those too. */
typedef struct ae_cursor { ae_net *top, *net; int i; } ae_cursor;
static ae_cursor ae__cursor(ae_net *top) { ae_cursor c; c.top = top;  c.net = ae__seal(top) ? top : NULL;  c.i = -1;  return c; }
static ae_owned *ae__next_tensor(ae_cursor *c, int buffers) {
    while (c->net) {
        while (++c->i < c->net->tensors) if (buffers || !c->net->owned[c->i].buffer) return &c->net->owned[c->i];
        c->net = ae__walk(c->top, c->net);  c->i = -1;
    }
    return NULL;
}
static ae_tensor ae__cursor_tensor(const ae_cursor *c) { return c->net->tensor[c->i]; }
static void ae__cursor_path(const ae_cursor *c, char *path) {
    const char *name = c->net->owned[c->i].name;
    ae__path(c->top, c->net, path);
    if (*name) snprintf(path + strlen(path), AE_PATH - strlen(path), path[0] ? ".%s" : "%s", name);
}
AE_API ae_net *ae_child(ae_net *net, const char *path) {
    while (net && *path) {
        size_t n = strcspn(path, ".");  ae_net *c = net->child;
        while (c && (strlen(c->name) != n || strncmp(c->name, path, n))) c = c->next;
        net = c;  path += n + (path[n] == '.');
    }
    return net;
}
AE_API ae_tensor ae_param(ae_net *net, const char *path) {
    char text[AE_PATH];  ae_cursor c = ae__cursor(net);
    while (ae__next_tensor(&c, 1)) { ae__cursor_path(&c, text); if (!strcmp(text, path)) return ae__cursor_tensor(&c); }
    return ae__fail(net->ctx, "ae_param: the network has no \"%s\"", path);
}
AE_API ae_tensor ae_param_at(ae_net *net, int i, const char **path) {
    ae_cursor c = ae__cursor(net);
    while (ae__next_tensor(&c, 0))
        if (i-- == 0) { ae__cursor_path(&c, net->ctx->text); if (path) *path = net->ctx->text; return ae__cursor_tensor(&c); }
    return ae__fail(net->ctx, "ae_param_at: the network has only %d parameters", ae_params(net));
}
AE_API int ae_params(ae_net *net) { int n = 0;  ae_cursor c = ae__cursor(net); while (ae__next_tensor(&c, 0)) n++; return n; }
AE_API size_t ae_param_count(ae_net *net) {
    size_t n = 0;  const ae_owned *o;  ae_cursor c = ae__cursor(net);
    while ((o = ae__next_tensor(&c, 0)) != NULL) n += (size_t)ae__numel(o->dim);
    return n;
}
AE_API void ae_train(ae_net *net, int on) { ae_net *l; for (l = net; l; l = ae__walk(net, l)) l->training = on != 0; }
AE_API void ae_freeze(ae_net *net, int on) {
    ae_cursor c = ae__cursor(net);
    while (ae__next_tensor(&c, 0)) ae__slot(ae__cursor_tensor(&c))->needs_grad = !on;
}

/* ---- running ---- */
static ae_tensor ae__forward(ae_net *net, ae_tensor x);
static ae_tensor ae__forward_children(ae_net *net, ae_tensor x) {
    ae_net *l;
    for (l = net->child; l; l = l->next) {
        ae_net *act = net->ctx->fuse && l->kind->fuses ? l->next : NULL;
        if (!act || !act->kind->act || (act->kind->act == AE_ACT_LEAKY && !(act->arg[0] > 0))) x = ae__forward(l, x);
        else { net->ctx->net = l; x = l->kind->forward(l, x, act->kind->act, act->arg[0]); l = act; }
    }
    return x;
}
static ae_tensor ae__forward(ae_net *net, ae_tensor x) {
    if (!net->kind->forward) return ae__forward_children(net, x);
    net->ctx->net = net;
    return net->kind->forward(net, x, AE_ACT_NONE, 0);
}
AE_API ae_tensor ae_forward(ae_net *net, ae_tensor x) {
    const ae_slot *s;
    if (!net) return ae__fail(x.ctx, "ae_forward: there is no network (did ae_child find nothing?)");
    s = ae__slot_for(net->ctx, x);
    if (!s || !ae__seal(net)) return ae__poison(net->ctx);
    if (x.ctx != net->ctx) return ae__fail(net->ctx, "ae_forward: the network and its input belong to different contexts");
    if (!net->input_dims) { net->input_dims = s->ndim; memcpy(net->input, s->dim, sizeof net->input); }
    x = ae__forward(net, x);  net->ctx->net = NULL;  return x;
}

/* ==== >>optim ============================================================================================= */
enum { AE_OPT_ADAM, AE_OPT_ADAMW, AE_OPT_SGD };
struct ae_opt {
    ae_net *net;  ae_opt *next;  int kind, since;            /* since: steps since ae_zero_grad */
    float   knob[AE_CLIP_NORM + 1];  /* indexed by ae_knob */
    float  *m, *v;  int home;        /* both moments, over the root's flat block */
    float  *steps;                   /* of each parameter: one that got no gradient has taken fewer */
};
typedef struct ae_adam_step { float b1, b2, eps, decay, shrink, step_size, root_scale; } ae_adam_step;
static void ae__adam(ae_ctx *ae, float *p, const float *g, float *m, float *v, size_t n, ae_adam_step k);
static ae_opt *ae__opt(ae_net *net, int kind, float lr) {
    ae_ctx *ae = net ? net->ctx : NULL;  ae_opt *o = net && ae__seal(net) ? (ae_opt *)ae__permanent(ae, sizeof *o) : NULL;
    if (o) o->net = net, o->kind = kind, o->m = ae__permanent_floats(ae, ae__root(net)->floats);
    if (o) o->v = ae__permanent_floats(ae, ae__root(net)->floats), o->steps = ae__permanent_floats(ae, (size_t)ae_params(net));
    if (!o || !o->m || !o->v || !o->steps) { if (ae && !ae->poisoned) ae__fail(ae, "out of memory for an optimiser"); return NULL; }
    o->knob[AE_LR] = lr;  o->knob[AE_BETA1] = 0.9f;  o->knob[AE_BETA2] = 0.999f;  o->knob[AE_EPS] = 1e-8f;
    o->knob[AE_WEIGHT_DECAY] = kind == AE_OPT_ADAMW ? 1e-2f : 0;  o->next = ae->opts;  ae->opts = o;  return o;
}
AE_API ae_opt *ae_adam(ae_net *net, float lr)  { return ae__opt(net, AE_OPT_ADAM, lr); }
AE_API ae_opt *ae_adamw(ae_net *net, float lr) { return ae__opt(net, AE_OPT_ADAMW, lr); }
AE_API ae_opt *ae_sgd(ae_net *net, float lr)   { return ae__opt(net, AE_OPT_SGD, lr); }
AE_API void ae_set(ae_opt *o, ae_knob knob, float value) {
    if (!o) return;
    if (knob < AE_LR || knob > AE_CLIP_NORM || !(value >= 0)) ae__fail(o->net->ctx, "ae_set: knob %d = %g; a known knob and a number >= 0", (int)knob, (double)value);
    else o->knob[knob] = value;
}
AE_API void ae_zero_grad(ae_opt *o) {           /* to None, as PyTorch: the first gradient is written, not added */
    ae_cursor c;
    if (!o) return;
    c = ae__cursor(o->net);  o->since = 0;
    while (ae__next_tensor(&c, 0)) ae__slot(ae__cursor_tensor(&c))->has_grad = 0;
}
/* torch.nn.utils.clip_grad_norm_: all gradients times limit / (their norm + 1e-6), if that is below 1. */
static void ae__clip(ae_opt *o) {
    ae_ctx *ae = o->net->ctx;  double sum = 0, scale;  int pass;
    for (pass = 0; pass < 2; pass++) {
        ae_cursor c = ae__cursor(o->net);
        scale = (double)o->knob[AE_CLIP_NORM] / (sqrt(sum) + 1e-6);
        while (ae__next_tensor(&c, 0)) {
            const ae_slot *s = ae__slot(ae__cursor_tensor(&c));  size_t n = (size_t)ae__numel(s->dim);
            if (!s->has_grad) continue;
            ae__bring_grad(ae, ae__slot(ae__cursor_tensor(&c)), AE_HOST, 1);
            if (pass == 0) sum += ae__sum(ae, AE_F_MUL, s->grad, s->grad, n);
            else if (scale < 1) ae__map(ae, AE_F_AFFINE, s->grad, NULL, s->grad, n, (float)scale, 0, 0);
        }
    }
}
static double ae__power(double b, int64_t t) {  /* b^t by squaring: the same bits everywhere, which pow is not */
    double r = 1;
    for (; t > 0; t >>= 1, b *= b) if (t & 1) r *= b;
    return r;
}
/* Kingma & Ba 2014 in PyTorch's form: p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps). */
static ae_adam_step ae__adam_numbers(const ae_opt *o, int64_t t) {
    const float *k = o->knob;  ae_adam_step s;
    s.b1 = k[AE_BETA1];  s.b2 = k[AE_BETA2];  s.eps = k[AE_EPS];  s.decay = o->kind == AE_OPT_ADAM ? k[AE_WEIGHT_DECAY] : 0;
    s.shrink = o->kind == AE_OPT_ADAMW ? (float)(1.0 - (double)k[AE_LR] * (double)k[AE_WEIGHT_DECAY]) : 1;
    s.step_size = (float)((double)k[AE_LR] / (1.0 - ae__power((double)k[AE_BETA1], t)));
    s.root_scale = (float)(1.0 / sqrt(1.0 - ae__power((double)k[AE_BETA2], t)));  return s;
}
/* torch.optim.SGD: g += decay p;  m = momentum m + g (m = g at first);  p -= lr m */
static void ae__sgd_step(ae_opt *o, ae_ctx *ae, float *p, float *g, float *m, size_t n, int first) {
    const float *k = o->knob;
    if (k[AE_WEIGHT_DECAY] != 0) ae__map(ae, AE_F_AFFINE, p, NULL, g, n, k[AE_WEIGHT_DECAY], 0, 1);
    if (k[AE_MOMENTUM] != 0) {
        ae__map(ae, AE_F_AFFINE, m, NULL, m, n, first ? 0 : k[AE_MOMENTUM], 0, 0);
        ae__map(ae, AE_F_AFFINE, g, NULL, m, n, 1, 0, 1);  g = m;
    }
    ae__map(ae, AE_F_AFFINE, g, NULL, p, n, -k[AE_LR], 0, 1);
}
static void ae__bring_moments(ae_opt *o, int side, int write) {
    int home = o->home;
    ae__bring(o->net->ctx, o->m, ae__root(o->net)->floats, &home, side, write);
    ae__bring(o->net->ctx, o->v, ae__root(o->net)->floats, &o->home, side, write);
}
/* On a device, neighbours in the flat block that have taken equally many steps go together: most often, all of them. */
typedef struct ae_stretch { size_t from, to; float steps; } ae_stretch;
static void ae__device_step(ae_opt *o, const ae_stretch *t) {
    const ae_net *root = ae__root(o->net);  ae_ctx *ae = root->ctx;  const float *k = o->knob, *g = root->grad + t->from;  float arg[7];
    const ae_adam_step adam = ae__adam_numbers(o, (int64_t)t->steps);  int sgd = o->kind == AE_OPT_SGD;
    if (t->to == t->from) return;
    if (!sgd) memcpy(arg, &adam, sizeof arg);
    else arg[0] = k[AE_WEIGHT_DECAY], arg[1] = k[AE_MOMENTUM], arg[2] = k[AE_LR], arg[3] = t->steps == 1;
    ae__device_do(ae, sgd ? "sgd" : "adam", g, o->m + t->from, o->v + t->from, root->flat + t->from, t->to - t->from, arg, sgd ? 4 : 7);
}
static void ae__device_steps(ae_opt *o) {
    ae_ctx *ae = o->net->ctx;  const float *flat = ae__root(o->net)->flat;  ae_stretch t = { 0, 0, 0 };  int i = 0;  ae_cursor c = ae__cursor(o->net);
    ae__bring_moments(o, AE_DEVICE, 1);
    for (; ae__next_tensor(&c, 0) && !ae->poisoned; i++) {
        ae_slot *s = ae__slot(ae__cursor_tensor(&c));  size_t at = (size_t)(s->data - flat);
        if (!s->has_grad || !s->needs_grad) continue;
        ae__bring_data(ae, s, AE_DEVICE, 1);  ae__bring_grad(ae, s, AE_DEVICE, 0);  o->steps[i] += 1;  s->version++;
        if (at != t.to || o->steps[i] != t.steps) { ae__device_step(o, &t); t.from = at; t.steps = o->steps[i]; }
        t.to = at + ae__padded(&c.net->owned[c.i]);
    }
    ae__device_step(o, &t);
    if (!ae->poisoned && !ae->device->flush(ae->there)) ae__device_failed(ae);
}
AE_API void ae_step(ae_opt *o) {
    ae_net *root;  ae_ctx *ae;  ae_cursor c;  unsigned fpu;  int i = 0;
    if (!o || o->net->ctx->poisoned) return;
    root = ae__root(o->net);  ae = root->ctx;  fpu = ae__fpu_enter();
    if (o->knob[AE_CLIP_NORM] > 0) ae__clip(o);
    if (ae->device) ae__device_steps(o);
    for (c = ae__cursor(o->net); !ae->device && ae__next_tensor(&c, 0); i++) {
        ae_slot *s = ae__slot(ae__cursor_tensor(&c));  size_t at = (size_t)(s->data - root->flat), n = (size_t)ae__numel(s->dim);
        if (!s->has_grad || !s->needs_grad) continue;
        o->steps[i] += 1;  s->version++;
        if (o->kind == AE_OPT_SGD) ae__sgd_step(o, ae, s->data, s->grad, o->m + at, n, o->steps[i] == 1);
        else ae__adam(ae, s->data, s->grad, o->m + at, o->v + at, n, ae__adam_numbers(o, (int64_t)o->steps[i]));
    }
    ae__fpu_leave(fpu);
    ae->random_step++;  ae->random_op = 0;  o->since++;
    if (ae->serving) ae->serving->taught++;
}

/* ---- gradient check ---- */
static double ae__loss_value(ae_net *net, ae_tensor (*loss)(void *), void *user, int backward) {
    ae_ctx *ae = net->ctx;  uint64_t step = ae->random_step;
    uint32_t op = ae->random_op;                 /* every evaluation draws the same noise */
    size_t mark = ae_begin(ae);  ae_tensor l = loss(user);  double value = (double)ae_item(l);
    if (backward) ae_backward(l);
    ae_end(ae, mark);
    ae->random_step = step;  ae->random_op = op;  return value;
}
/* Relative error along one direction d of one parameter: the best of four step sizes, since float32 spoils both ends. */
static double ae__check_direction(ae_net *net, ae_slot *s, const float *d, double slope, double scale, ae_tensor (*loss)(void *), void *user) {
    size_t i, n = (size_t)ae__numel(s->dim);  double best = INFINITY, h;  float *old = ae__floats(net->ctx, n);
    if (!old) return INFINITY;
    ae__bring_data(net->ctx, s, AE_HOST, 0);  memcpy(old, s->data, n * sizeof(float));
    for (h = 0.1; h > 5e-4; h *= 0.2) {
        double f[2], error;  int side;
        for (side = 0; side < 2; side++) {
            for (i = 0; i < n; i++) s->data[i] = (float)((double)old[i] + (side ? h : -h) * (double)d[i]);
            s->home = AE_HOST;  s->version++;  f[side] = ae__loss_value(net, loss, user, 0);
        }
        error = fabs((f[1] - f[0]) / (2 * h) - slope) / (scale + 1e-30);
        if (error < best || error != error) best = error;
    }
    memcpy(s->data, old, n * sizeof(float));  s->home = AE_HOST;  s->version++;  return best;
}
/* Two directions a parameter: along its gradient, which weighs the error where it matters, and a random one.  A gradient that is
   small beside the others is rounding (a bias in front of a batch norm), and counts as little. */
AE_API double ae_check_grad(ae_net *net, ae_tensor (*loss)(void *user), void *user) {
    ae_ctx *ae = net->ctx;  double worst = 0, most = 0, norm, length, slope, error;  int number = 0, k;  size_t mark = ae_begin(ae), i, n;
    ae_cursor c = ae__cursor(net);
    while (ae__next_tensor(&c, 0)) ae__slot(ae__cursor_tensor(&c))->has_grad = 0;
    ae__loss_value(net, loss, user, 1);
    for (c = ae__cursor(net); ae__next_tensor(&c, 0); ) {
        ae_slot *s = ae__slot(ae__cursor_tensor(&c));
        if (s->has_grad) ae__bring_grad(ae, s, AE_HOST, 0), most = fmax(most, sqrt(ae__sum(ae, AE_F_MUL, s->grad, s->grad, (size_t)ae__numel(s->dim))));
    }
    for (c = ae__cursor(net); ae__next_tensor(&c, 0) && !ae->poisoned; number++) {
        ae_slot *s = ae__slot(ae__cursor_tensor(&c));  float *d = ae__floats(ae, n = (size_t)ae__numel(s->dim));
        if (!d || !s->needs_grad || !s->has_grad) continue;
        norm = sqrt(ae__sum(ae, AE_F_MUL, s->grad, s->grad, n));  worst = norm < INFINITY ? worst : INFINITY;       /* NaN, too */
        for (k = 0; k < 2; k++) {
            for (i = 0; i < n; i++) d[i] = k ? ae__unit(ae__word(ae->config.seed, AE_STREAM_CHECK, 0, (uint32_t)number, i)) - 0.5f : s->grad[i];
            length = sqrt(ae__sum(ae, AE_F_MUL, d, d, n));
            if (length == 0) continue;
            ae__map(ae, AE_F_AFFINE, d, NULL, d, n, (float)(1 / length), 0, 0);
            slope = ae__sum(ae, AE_F_MUL, d, s->grad, n);
            error = ae__check_direction(net, s, d, slope, fmax(fmax(fabs(slope), 0.1 * norm), 1e-3 * most), loss, user);
            if (worst < INFINITY && !(error <= worst)) worst = error;
        }
    }
    ae_end(ae, mark);
    return ae->poisoned ? INFINITY : worst;
}

/* ==== >>io ================================================================================================ */
/* safetensors: 8 bytes with the length of a JSON header, the header, the numbers, all little-endian, nothing else.  We
   read strictly: every name once, no holes, no overlaps, no bytes left over, finite numbers; and all of a file is checked
   before any of it is used.  A file's metadata "autoenc" describes the network for ae_open. */

#ifndef AE_NO_STDIO
typedef struct ae_entry {            /* something of ours that is saved */
    char   name[AE_PATH];
    float *data;  int64_t *i64;      /* one of the two; float_i64: floats that the file holds as integers */
    int    dim[4], ndim, layout, float_i64;
} ae_entry;
typedef struct ae_found { const char *name; int length, dim[4], ndim, i64; size_t from, to; } ae_found;   /* a tensor of a file */
typedef struct ae_file {             /* a file's contents, read whole: no allocation is larger than the file */
    char *header, *data;  size_t header_bytes, data_bytes;
    ae_found *found;  size_t n, room;
    const char *network;             /* the metadata "autoenc"; it ends at a quote */
    const char *at, *problem;        /* parser: position, and what is wrong */
} ae_file;

/* ---- what we save ---- */
static void ae__entry(ae_entry *e, const char *prefix, const ae_cursor *c, float *data) {
    const ae_owned *o = &c->net->owned[c->i];  ae_slot *s = ae__slot(c->net->tensor[c->i]);  char path[AE_PATH];
    ae__bring_data(c->net->ctx, s, AE_HOST, 0);  ae__cursor_path(c, path);  memset(e, 0, sizeof *e);
    snprintf(e->name, sizeof e->name, "%.40s%.200s", prefix, path);  memcpy(e->dim, o->dim, sizeof e->dim);
    e->data = data ? data : s->data;  e->ndim = o->ndim;  e->layout = s->layout;  e->float_i64 = o->i64;
}
static void ae__plain_entry(ae_entry *e, const char *prefix, const char *name, float *data, int64_t *i64, int n) {
    memset(e, 0, sizeof *e);  snprintf(e->name, sizeof e->name, "%s%s", prefix, name);
    e->data = data;  e->i64 = i64;  e->dim[0] = n;  e->dim[1] = e->dim[2] = e->dim[3] = e->ndim = 1;
}
/* The tensors of a network.  e NULL: only counts. */
static size_t ae__net_entries(ae_net *net, const char *prefix, ae_entry *e) {
    size_t n = 0;  ae_cursor c = ae__cursor(net);
    for (; ae__next_tensor(&c, 1); n++) if (e) ae__entry(&e[n], prefix, &c, NULL);
    return n;
}
/* An optimiser: both moments of every parameter, how many steps each has taken, its settings. */
static size_t ae__opt_entries(ae_opt *o, int number, ae_entry *e) {
    size_t n = 0;  const float *flat = ae__root(o->net)->flat;  ae_cursor c = ae__cursor(o->net);  char prefix[40];
    ae__bring_moments(o, AE_HOST, 0);
    for (; ae__next_tensor(&c, 0); n += 2) {
        size_t at = (size_t)(ae__slot(ae__cursor_tensor(&c))->data - flat);
        if (!e) continue;
        snprintf(prefix, sizeof prefix, "opt%d.m.", number);  ae__entry(&e[n], prefix, &c, o->m + at);
        snprintf(prefix, sizeof prefix, "opt%d.v.", number);  ae__entry(&e[n + 1], prefix, &c, o->v + at);
    }
    if (!e) return n + 2;
    snprintf(prefix, sizeof prefix, "opt%d.", number);  ae__plain_entry(&e[n], prefix, "steps", o->steps, NULL, ae_params(o->net));
    ae__plain_entry(&e[n + 1], prefix, "knobs", o->knob + 1, NULL, AE_CLIP_NORM);  e[n].float_i64 = 1;
    return n + 2;
}
/* Everything that a resumed run needs; state holds random numbers and loader positions. */
static size_t ae__all_entries(ae_ctx *ae, int64_t *state, int states, ae_entry *e) {
    size_t n = 0;  int number = 0;  char prefix[40];  ae_net *net;  ae_opt *o;
    for (net = ae->roots; net; net = net->next) {
        snprintf(prefix, sizeof prefix, "net%d.", net->number);  n += ae__net_entries(net, prefix, e ? e + n : NULL);
    }
    for (o = ae->opts; o; o = o->next) n += ae__opt_entries(o, number++, e ? e + n : NULL);
    if (e) ae__plain_entry(&e[n], "", "state", NULL, state, states);
    return n + 1;
}
static size_t ae__entry_bytes(const ae_entry *e) { return (size_t)ae__numel(e->dim) * (e->i64 || e->float_i64 ? 8 : 4); }
/* "Sequential(){0:Linear(784,128),1:ReLU()}": what ae_open reads. */
static void ae__describe(const ae_net *net, ae_text *t) {
    const ae_net *l;  int i;  char number[32], *p;
    ae__print(t, "%s(", net->kind->name);
    for (i = 0; net->kind->least[i]; i++) {
        snprintf(number, sizeof number, "%.9g", (double)net->arg[i]);
        for (p = number; *p; p++) if (*p == ',') *p = '.';               /* whatever the locale writes */
        ae__print(t, i ? ",%s" : "%s", number);
    }
    ae__print(t, net->kind->forward ? ")" : "){");
    for (l = net->child; l; l = l->next) { ae__print(t, "%s%s:", l == net->child ? "" : ",", l->name);  ae__describe(l, t); }
    if (!net->kind->forward) ae__print(t, "}");
}
static int ae__little_endian(void) { const uint32_t one = 1; return *(const uint8_t *)&one == 1; }
/* The JSON header, padded to 8 bytes with spaces.  Printed twice: once to know its length, once into memory of the step. */
static void ae__header_text(const ae_net *net, const ae_entry *e, size_t n, ae_text *t) {
    size_t i, at = 0;  int k;
    ae__print(t, "{\"__metadata__\":{\"format\":\"pt\"");
    if (net) {
        ae__print(t, ",\"autoenc\":\"%d,%d,%d,%d;", net->input_dims, net->input[1], net->input[2], net->input[3]);
        ae__describe(net, t);  ae__print(t, "\"");
    }
    ae__print(t, "}");
    for (i = 0; i < n; at += ae__entry_bytes(&e[i++])) {
        ae__print(t, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", e[i].name, e[i].i64 || e[i].float_i64 ? "I64" : "F32");
        for (k = 0; k < e[i].ndim; k++) ae__print(t, k ? ",%d" : "%d", e[i].dim[k]);
        ae__print(t, "],\"data_offsets\":[%zu,%zu]}", at, at + ae__entry_bytes(&e[i]));
    }
    ae__print(t, "}");
    ae__print(t, "%*s", (int)(7 - (t->used + 7) % 8), "");
}
/* The bytes of one entry as the file wants them: dense, integers widened. */
static int ae__write_entry(ae_ctx *ae, FILE *f, const ae_entry *e) {
    size_t n = (size_t)ae__numel(e->dim), i, top = ae->step_top;
    const void *out = e->i64 ? (const void *)e->i64 : (const void *)e->data;  int well;
    if (e->float_i64) {
        int64_t *wide = (int64_t *)(void *)ae__floats(ae, 2 * n);
        for (i = 0; wide && i < n; i++) wide[i] = (int64_t)e->data[i];
        out = wide;
    }
    else if (e->layout != AE_NCHW) {
        float *dense = ae__floats(ae, n);
        if (dense) ae__relayout(e->data, dense, e->dim, e->layout, 1, 0);
        out = dense;
    }
    well = out && fwrite(out, 1, ae__entry_bytes(e), f) == ae__entry_bytes(e);  ae->step_top = top;
    return well;
}
/* Writes beside the file and renames at the end: whoever reads the name finds the old file or the new one, whole. */
static int ae__write_file(ae_ctx *ae, const char *path, const char *part, const ae_net *net, const ae_entry *e, size_t n) {
    ae_text t = { NULL, 0, 0 };  uint64_t length;  size_t i;  int well;  FILE *f;
    ae__header_text(net, e, n, &t);  length = t.used;
    t.text = (char *)(void *)ae__floats(ae, t.used / 4 + 1);  t.size = t.used + 1;  t.used = 0;
    if (!t.text || (f = fopen(part, "wb")) == NULL) return ae__world(ae, "%s cannot be written", part);
    ae__header_text(net, e, n, &t);  well = fwrite(&length, 1, 8, f) == 8 && fwrite(t.text, 1, (size_t)length, f) == length;
    for (i = 0; i < n && well; i++) well = ae__write_entry(ae, f, &e[i]);
    well = fflush(f) == 0 && well;  well = fclose(f) == 0 && well;
    if (well && ae__rename(part, path) == 0) return 1;
    remove(part);
    return ae__world(ae, "%s cannot be written (is the disk full?); what was there before is untouched", path);
}
static int ae__write(ae_ctx *ae, const char *path, const ae_net *net, const ae_entry *e, size_t n) {
    size_t mark = ae_begin(ae), size = strlen(path) + 6;  char *part = (char *)(void *)ae__floats(ae, size / 4 + 1);
    int well = part && ae__little_endian() && snprintf(part, size, "%s.part", path) > 0 && ae__write_file(ae, path, part, net, e, n);
    ae_end(ae, mark);
    return well ? 1 : ae__little_endian() ? 0 : ae__world(ae, "saving is not written for big-endian machines");
}

/* ---- reading: a strict JSON parser for just the header's grammar ---- */
static int  ae__bad(ae_file *f, const char *problem) { f->problem = problem; return 0; }
static void ae__space(ae_file *f) { while (*f->at == ' ' || *f->at == '\t' || *f->at == '\n' || *f->at == '\r') f->at++; }
static int  ae__is(ae_file *f, char c) { int is; ae__space(f); is = *f->at == c; f->at += is; return is; }      /* the next sign; goes past it */
static int  ae__want(ae_file *f, char c) { return ae__is(f, c) ? 1 : ae__bad(f, "its header is not the JSON of a safetensors file"); }
static int  ae__equals(const char *text, int length, const char *word) { return length == (int)strlen(word) && !memcmp(text, word, (size_t)length); }
/* A string without escapes: names and our descriptions need none, and so nothing can hide in them. */
static int ae__string(ae_file *f, const char **text, int *length) {
    if (!ae__want(f, '"')) return 0;
    for (*text = f->at; *f->at != '"'; f->at++)
        if ((unsigned char)*f->at < 32 || *f->at == '\\') return ae__bad(f, *f->at == '\\' ? "its header has an escaped character in a string; we read plain names only" : "a string in its header does not end");
    if (f->at - *text > 1 << 20) return ae__bad(f, "a string in its header is over a megabyte long");
    *length = (int)(f->at++ - *text);  return 1;
}
static int ae__whole(ae_file *f, size_t *value) {
    int digits = 0;
    ae__space(f);
    for (*value = 0; *f->at >= '0' && *f->at <= '9'; f->at++, digits++) {
        if (digits && *value == 0) return ae__bad(f, "a number in its header starts with a zero");
        if (digits > 15) return ae__bad(f, "a number in its header is too large");
        *value = *value * 10 + (size_t)(*f->at - '0');
    }
    return digits > 0 ? 1 : ae__bad(f, "its header has no whole number where one must be");
}
static int ae__parse_shape(ae_file *f, ae_found *t, size_t *elements) {
    size_t d;
    if (!ae__want(f, '[')) return 0;
    if (ae__is(f, ']')) return 1;
    do {
        if (!ae__whole(f, &d)) return 0;
        if (t->ndim == 4) return ae__bad(f, "a tensor in it has more than 4 axes");
        if (d < 1 || d > INT_MAX || *elements > INT_MAX / d) return ae__bad(f, "a tensor in it has an impossible size");
        t->dim[t->ndim++] = (int)d;
        *elements *= d;
    } while (ae__is(f, ','));
    return ae__want(f, ']');
}
/* {"dtype":"F32","shape":[..],"data_offsets":[from,to]}, each key once, in any order */
static int ae__parse_tensor(ae_file *f, ae_found *t) {
    int seen = 0, bit, length;  size_t elements = 1;  const char *key, *type;
    t->dim[0] = t->dim[1] = t->dim[2] = t->dim[3] = 1;
    if (!ae__want(f, '{')) return 0;
    do {
        if (!ae__string(f, &key, &length) || !ae__want(f, ':')) return 0;
        bit = ae__equals(key, length, "dtype") ? 1 : ae__equals(key, length, "shape") ? 2 : ae__equals(key, length, "data_offsets") ? 4 : 0;
        if (!bit || seen & bit) return ae__bad(f, "its header has an unknown or repeated key");
        seen |= bit;
        if (bit == 1) {
            if (!ae__string(f, &type, &length)) return 0;
            t->i64 = ae__equals(type, length, "I64");
            if (!t->i64 && !ae__equals(type, length, "F32")) return ae__bad(f, "a tensor in it is neither F32 nor I64 (save it with .float())");
        }
        else if (bit == 2) { if (!ae__parse_shape(f, t, &elements)) return 0; }
        else if (!ae__want(f, '[') || !ae__whole(f, &t->from) || !ae__want(f, ',') || !ae__whole(f, &t->to) || !ae__want(f, ']')) return 0;
    } while (ae__is(f, ','));
    if (seen != 7) return ae__bad(f, "a tensor in its header lacks dtype, shape or data_offsets");
    if (t->to < t->from || t->to > f->data_bytes) return ae__bad(f, "a tensor in it lies outside the file (was it cut short?)");
    if (t->to - t->from != elements * (t->i64 ? 8 : 4)) return ae__bad(f, "a tensor's shape and its number of bytes disagree");
    return ae__want(f, '}');
}
static int ae__parse_metadata(ae_file *f) {
    const char *value, *key[32];  int length[32], unused, n = 0, i;
    if (!ae__want(f, '{')) return 0;
    if (ae__is(f, '}')) return 1;
    do {
        if (n == 32) return ae__bad(f, "its __metadata__ has more than 32 entries");
        if (!ae__string(f, &key[n], &length[n]) || !ae__want(f, ':') || !ae__string(f, &value, &unused)) return 0;
        for (i = 0; i < n; i++) if (length[i] == length[n] && !memcmp(key[i], key[n], (size_t)length[n])) return ae__bad(f, "its __metadata__ has a key twice");
        if (ae__equals(key[n], length[n], "autoenc")) f->network = value;
        n++;
    } while (ae__is(f, ','));
    return ae__want(f, '}');
}
static int ae__parse_header(ae_ctx *ae, ae_file *f) {
    int metadata = 0;  ae_found t;
    f->at = f->header;
    if (!ae__want(f, '{')) return 0;
    do {
        void *found = f->found;
        memset(&t, 0, sizeof t);
        if (!ae__string(f, &t.name, &t.length) || !ae__want(f, ':')) return 0;
        if (ae__equals(t.name, t.length, "__metadata__")) {
            if (metadata++) return ae__bad(f, "its header has __metadata__ twice");
            if (!ae__parse_metadata(f)) return 0;
            continue;
        }
        if (!ae__parse_tensor(f, &t)) return 0;
        if (f->n == f->room && !ae__grow(ae, &found, &f->room, sizeof(ae_found))) return ae__bad(f, "no memory to read it");
        f->found = (ae_found *)found;  f->found[f->n++] = t;
    } while (ae__is(f, ','));
    if (!ae__want(f, '}')) return 0;
    ae__space(f);
    return f->at == f->header + f->header_bytes ? 1 : ae__bad(f, "there is something behind its header's last brace");
}
static int ae__by_name(const void *a, const void *b) {
    const ae_found *x = (const ae_found *)a, *y = (const ae_found *)b;
    int d = memcmp(x->name, y->name, (size_t)(x->length < y->length ? x->length : y->length));
    return d ? d : x->length - y->length;
}
static int ae__by_place(const void *a, const void *b) {
    const ae_found *x = (const ae_found *)a, *y = (const ae_found *)b;
    return x->from < y->from ? -1 : x->from > y->from;
}
/* Every byte of the data belongs to exactly one tensor, and every name is there once. */
static int ae__check_places(ae_file *f) {
    size_t i, at = 0;
    if (f->n) qsort(f->found, f->n, sizeof *f->found, ae__by_place);
    for (i = 0; i < f->n; at = f->found[i++].to)
        if (f->found[i].from != at) return ae__bad(f, f->found[i].from < at ? "two tensors in it overlap" : "there is a hole between two tensors in it");
    if (at != f->data_bytes) return ae__bad(f, "there are bytes behind its last tensor");
    if (f->n) qsort(f->found, f->n, sizeof *f->found, ae__by_name);
    for (i = 1; i < f->n; i++) if (!ae__by_name(&f->found[i - 1], &f->found[i])) return ae__bad(f, "it has two tensors of the same name");
    return 1;
}
static void ae__close(ae_ctx *ae, ae_file *f) {
    ae__dealloc(ae, f->header, f->header_bytes + 1);  ae__dealloc(ae, f->data, f->data_bytes + 1);
    ae__dealloc(ae, f->found, f->room * sizeof(ae_found));
}
/* n bytes and a zero behind them. */
static char *ae__read_bytes(ae_ctx *ae, FILE *in, ae_file *f, size_t n) {
    char *p = (char *)ae__alloc(ae, n + 1);
    if (!p) { ae__bad(f, "no memory to read it"); return NULL; }
    p[n] = 0;
    if (!n || fread(p, 1, n, in) == n) return p;
    ae__dealloc(ae, p, n + 1);  ae__bad(f, "it could not be read to its end");  return NULL;
}
static int ae__read_parts(ae_ctx *ae, FILE *in, ae_file *f) {
    uint64_t length = 0;  long size = fseek(in, 0, SEEK_END) ? -1 : ftell(in);
    if (size < 0 || fseek(in, 0, SEEK_SET)) return ae__bad(f, "its size is unknown");
    if (size < 10 || fread(&length, 1, 8, in) != 8) return ae__bad(f, "it is too short for a safetensors file");
    if (length < 2 || length > (uint64_t)size - 8 || length > 100000000) return ae__bad(f, "its first 8 bytes claim a header that does not fit (not a safetensors file, or cut short)");
    f->header_bytes = (size_t)length;  f->data_bytes = (size_t)size - 8 - f->header_bytes;
    f->header = ae__read_bytes(ae, in, f, f->header_bytes);
    return f->header && ae__parse_header(ae, f) && ae__check_places(f) && (f->data = ae__read_bytes(ae, in, f, f->data_bytes)) != NULL;
}
/* Reads and checks all that can be checked without knowing the network.  0: the text says what is wrong. */
static int ae__read(ae_ctx *ae, const char *path, ae_file *f) {
    FILE *in = ae__little_endian() ? fopen(path, "rb") : NULL;  int well;
    memset(f, 0, sizeof *f);
    if (!in) return ae__world(ae, "%.400s cannot be opened: %s", path, ae__little_endian() ? strerror(errno) : "reading is not written for big-endian machines");
    well = ae__read_parts(ae, in, f);  fclose(in);
    if (well) return 1;
    ae__close(ae, f);
    return ae__world(ae, "%.400s: %s", path, f->problem);
}
static const ae_found *ae__find(const ae_file *f, const char *name) {
    ae_found key;
    memset(&key, 0, sizeof key);
    key.name = name;  key.length = (int)strlen(name);
    return f->n ? (const ae_found *)bsearch(&key, f->found, f->n, sizeof key, ae__by_name) : NULL;
}
/* Does the file's tensor fit ours, and is every number of it one? */
static int ae__fits(ae_ctx *ae, const char *path, const ae_file *f, const ae_entry *e) {
    const ae_found *t = ae__find(f, e->name);  size_t i, n = (size_t)ae__numel(e->dim);
    if (!t) return ae__world(ae, "%.300s: there is no \"%s\" in it: it is another network's file", path, e->name);
    if (t->ndim != e->ndim || memcmp(t->dim, e->dim, sizeof t->dim))
        return ae__world(ae, "%.300s: \"%s\" is %s in the file and %s in the network", path, e->name, ae__shape_text(ae, t->dim, t->ndim), ae__shape_text(ae, e->dim, e->ndim));
    if (t->i64 != (e->i64 || e->float_i64)) return ae__world(ae, "%.300s: \"%s\" has the wrong type of numbers", path, e->name);
    for (i = 0; i < n; i++) {
        int64_t whole = 0;  float x = 0;
        if (t->i64) memcpy(&whole, f->data + t->from + 8 * i, 8); else memcpy(&x, f->data + t->from + 4 * i, 4);
        if (!(x - x == 0) || whole < 0) return ae__world(ae, "%.300s: \"%s\" holds %s", path, e->name, t->i64 ? "a negative count" : "NaN or infinity");
    }
    return 1;
}
static void ae__take(const ae_file *f, const ae_entry *e, float *scratch) {
    const char *from = f->data + ae__find(f, e->name)->from;  size_t i, n = (size_t)ae__numel(e->dim);  int64_t whole;
    if (e->i64) memcpy(e->i64, from, 8 * n);
    else if (e->float_i64) for (i = 0; i < n; i++) { memcpy(&whole, from + 8 * i, 8); e->data[i] = (float)whole; }
    else {
        memcpy(scratch, from, 4 * n);
        if (e->layout != AE_NCHW) ae__relayout(scratch, e->data, e->dim, e->layout, 0, 0); else memcpy(e->data, scratch, 4 * n);
    }
}
/* All of the entries and nothing else, or no change at all. */
static int ae__take_all(ae_ctx *ae, const char *path, const ae_file *f, const ae_entry *e, size_t n) {
    size_t i, k, largest = 1;  float *scratch;
    for (i = 0; i < n; i++) {
        if (!ae__fits(ae, path, f, &e[i])) return 0;
        if ((size_t)ae__numel(e[i].dim) > largest) largest = (size_t)ae__numel(e[i].dim);
    }
    for (i = 0; i < f->n && f->n > n; i++) {
        for (k = 0; k < n && !ae__equals(f->found[i].name, f->found[i].length, e[k].name); k++) ;
        if (k == n) return ae__world(ae, "%.300s: \"%.*s\" in it is not in the network", path, f->found[i].length > 200 ? 200 : f->found[i].length, f->found[i].name);
    }
    scratch = ae__floats(ae, largest);
    for (i = 0; i < n && scratch; i++) ae__take(f, &e[i], scratch);
    return scratch != NULL;
}
static void ae__read_into(ae_net *net) {        /* its tensors were read from a file */
    ae_cursor c = ae__cursor(net);
    while (ae__next_tensor(&c, 1)) { ae_slot *s = ae__slot(ae__cursor_tensor(&c)); s->version++; s->home = AE_HOST; }
}
static int ae__net_file(ae_net *net, const char *path, const ae_file *f) {      /* f NULL: write */
    ae_ctx *ae = net->ctx;  size_t mark = ae_begin(ae), n = ae__net_entries(net, "", NULL);
    ae_entry *e = ae__seal(net) ? (ae_entry *)(void *)ae__floats(ae, n * sizeof *e / 4 + 1) : NULL;
    int well = e && (ae__net_entries(net, "", e), f ? ae__take_all(ae, path, f, e, n) : ae__write(ae, path, net, e, n));
    if (well && f) ae__read_into(net);
    ae_end(ae, mark);  return well;
}
AE_API int ae_save(ae_net *net, const char *path) { return ae__net_file(net, path, NULL); }
AE_API int ae_load(ae_net *net, const char *path) {
    ae_file f;  int well = ae__read(net->ctx, path, &f);
    if (!well) return 0;
    well = ae__net_file(net, path, &f);  ae__close(net->ctx, &f);  return well;
}

/* ---- checkpoints ---- */
static void ae__gather_state(ae_ctx *ae, int64_t *state, int put) {             /* put: from state into the context */
    ae_loader *l;
    if (put) ae->random_step = (uint64_t)state[0], ae->random_op = (uint32_t)state[1];
    else state[0] = (int64_t)ae->random_step, state[1] = ae->random_op;
    for (l = ae->loaders; l; l = l->next) {
        int64_t *s = state + 2 + 2 * l->number;
        if (!put) s[0] = l->epoch, s[1] = l->at; else l->epoch = s[0], l->at = s[1] > l->n ? l->n : (int)s[1], ae__shuffle(l);
    }
}
static int ae__checkpoint(ae_ctx *ae, const char *path, const ae_file *f) {     /* f NULL: write */
    int states = 2 + 2 * ae->n_loaders, well;  size_t mark = ae_begin(ae), n = ae__all_entries(ae, NULL, 0, NULL);
    int64_t *state = (int64_t *)(void *)ae__floats(ae, 2 * (size_t)states);
    ae_entry *e = state ? (ae_entry *)(void *)ae__floats(ae, n * sizeof *e / 4 + 1) : NULL;  ae_net *net;  ae_opt *o;
    well = e != NULL;
    if (e) {
        ae__gather_state(ae, state, 0);  ae__all_entries(ae, state, states, e);
        well = f ? ae__take_all(ae, path, f, e, n) : ae__write(ae, path, NULL, e, n);
    }
    if (well && f) { ae__gather_state(ae, state, 1); for (net = ae->roots; net; net = net->next) ae__read_into(net); }
    for (o = ae->opts; well && f && o; o = o->next) o->home = AE_HOST;
    ae_end(ae, mark);  return well;
}
AE_API int ae_save_all(ae_ctx *ae, const char *path) { return ae__checkpoint(ae, path, NULL); }
AE_API int ae_load_all(ae_ctx *ae, const char *path) {
    ae_file f;  int well = ae__read(ae, path, &f);
    if (!well) return 0;
    well = ae__checkpoint(ae, path, &f);  ae__close(ae, &f);  return well;
}

/* ---- ae_open: the network from its description ---- */
typedef struct ae_plan { const char *at, *problem; int depth, layers; double left; } ae_plan;   /* left: bytes of tensors that the file can still hold */
static int ae__plan_is(ae_plan *p, char c) { int is = *p->at == c; p->at += is; return is; }
static int ae__plan_word(ae_plan *p, char *word) {
    size_t n = 0;
    for (; ae__word_sign(*p->at); p->at++) { if (n + 1 >= AE_NAME) return 0; word[n++] = *p->at; }
    word[n] = 0;  return n > 0;
}
/* A number in the C locale's writing, whatever the program's is. */
static int ae__plan_number(ae_plan *p, float *value) {
    char text[32], point[8], *end;  size_t n = strspn(p->at, "0123456789+-.e");
    if (n == 0 || n >= sizeof text) return 0;
    snprintf(point, sizeof point, "%.1f", 0.5);  snprintf(text, sizeof text, "%.*s", (int)n, p->at);
    if (strchr(text, '.')) *strchr(text, '.') = point[1];
    *value = (float)strtod(text, &end);  p->at += n;
    return *end == 0 && fabs((double)*value) < 1e7;
}
static int ae__plan_node(ae_plan *p, ae_net *net);
static int ae__plan_child(ae_plan *p, ae_net *parent) {                         /* name:Kind(args) */
    char name[AE_NAME], kind[AE_NAME];  float arg[AE_LAYER_ARGS];  const ae_kind *k;  ae_net *l, *other;  int i;
    if (!ae__plan_word(p, name) || !ae__plan_is(p, ':') || !ae__plan_word(p, kind) || (k = ae__kind(kind)) == NULL) return 0;
    if (k == ae__kind("Op")) { p->problem = "it holds a layer that only the program which wrote it can build"; return 0; }
    if (++p->layers > 4096) { p->problem = "it describes more than 4096 layers"; return 0; }     /* looking for equal names takes their square */
    if (!ae__plan_is(p, '(')) return 0;
    for (i = 0; k->least[i]; i++) if ((i && !ae__plan_is(p, ',')) || !ae__plan_number(p, &arg[i])) return 0;
    if (!ae__plan_is(p, ')') || ae__layer_problem(parent->ctx, k, arg, &p->left)) return 0;
    for (other = parent->child; other; other = other->next) if (!strcmp(other->name, name)) return 0;
    l = ae__layer(parent, kind, arg);
    if (!l) return 0;
    strcpy(l->name, name);
    return k->forward || ae__plan_node(p, l);
}
static int ae__plan_node(ae_plan *p, ae_net *net) {                             /* {name:Kind(args),...} */
    if (!ae__plan_is(p, '{') || ++p->depth > 32) return 0;
    while (!ae__plan_is(p, '}')) if ((net->child && !ae__plan_is(p, ',')) || !ae__plan_child(p, net)) return 0;
    p->depth--;  return 1;
}
static int ae__plan(ae_file *f, ae_net *net) {
    ae_plan p = { f->network, "its description of the network is damaged", 0, 0, (double)f->data_bytes };
    char word[AE_NAME];  float head[4];  int i, well = 1;  const ae_net *first;
    if (!f->network) return ae__bad(f, "it does not say how its network is built; only files written by ae_save do");
    for (i = 0; i < 4 && well; i++) well = ae__plan_number(&p, &head[i]) && head[i] >= 0 && head[i] == (float)(int)head[i] && ae__plan_is(&p, i < 3 ? ',' : ';');
    well = well && head[0] <= 4 && head[1] * head[2] * head[3] < 1e9f && ae__plan_word(&p, word) && !strcmp(word, "Sequential");
    if (!well || !ae__plan_is(&p, '(') || !ae__plan_is(&p, ')') || !ae__plan_node(&p, net) || *p.at != '"') return ae__bad(f, p.problem);
    net->input_dims = (int)head[0];
    for (i = 0; i < 4; i++) net->input[i] = i && head[i] >= 1 ? (int)head[i] : 1;
    for (first = net; first->child; first = first->child) ;
    return !net->input_dims || !first->kind->fuses || net->input[1] == (int)first->arg[0] ? 1 : ae__bad(f, "its first layer cannot take the input that it describes");
}
AE_API ae_net *ae_open(ae_ctx *ae, const char *path) {
    ae_file f;  ae_net *net;  int well;  uint32_t kept = ae->kept.top;  void *before = ae->permanent;
    if (!ae__read(ae, path, &f)) return NULL;
    net = ae_net_new(ae);
    well = net && ae__plan(&f, net);  if (net && !well) ae__world(ae, "%.400s: %s", path, f.problem);
    well = well && ae__net_file(net, path, &f);
    ae__close(ae, &f);
    if (well) { ae_train(net, 0); return net; }
    if (net) { ae->roots = net->next; ae->n_roots--; }
    ae->kept.top = kept;  ae__free_permanent(ae, before);  return NULL;
}

#endif /* AE_NO_STDIO */

/* ---- use without training ---- */
enum { AE_PREDICT_ROWS = 256, AE_PREDICT_FLOATS = 1 << 20 };   /* rows at a time, fewer of large ones: bounds the memory of ae_predict */

/* The shape of one input row: what the network ran with first, or what its first layer tells. */
static int ae__input_shape(const ae_net *net, int *dim, int *ndim) {
    const ae_net *l = net;
    while (l->child) l = l->child;
    *ndim = net->input_dims;  memcpy(dim, net->input, 4 * sizeof(int));
    if (*ndim || l->kind != ae__kind("Linear")) return *ndim > 0;
    dim[1] = (int)l->arg[0];  dim[2] = dim[3] = 1;  *ndim = 2;  return 1;
}
AE_API int ae_predict(ae_net *net, const float *in, size_t in_floats, float *out, size_t out_floats) {
    ae_ctx *ae = net->ctx;  int dim[4], ndim, grad, most, well = 1;  size_t each, rows, at, used = 0, n;
    if (ae->poisoned) return 0;
    if (!ae__input_shape(net, dim, &ndim)) return ae__world(ae, "ae_predict: the shape of one input is unknown; run ae_forward once, or ae_open a file of a network that has run");
    each = (size_t)dim[1] * (size_t)dim[2] * (size_t)dim[3];  rows = in_floats / each;
    if (rows < 1 || in_floats % each || rows > INT_MAX) return ae__world(ae, "ae_predict: %.0f numbers are not rows of %.0f, the size of one input", (double)in_floats, (double)each);
    most = each > AE_PREDICT_FLOATS ? 1 : AE_PREDICT_FLOATS / each < AE_PREDICT_ROWS ? (int)(AE_PREDICT_FLOATS / each) : AE_PREDICT_ROWS;
    grad = ae_grad_enabled(ae, 0);  ae->predicting++;
    if (!net->warm++) {                           /* once, with the most rows: no later call needs more memory */
        size_t mark = ae_begin(ae);
        ae_forward(net, ae_from(ae, NULL, most, ndim > 1 ? dim[1] : 0, ndim > 2 ? dim[2] : 0, ndim > 3 ? dim[3] : 0));
        ae_end(ae, mark);
    }
    for (at = 0; at < rows && well; at += (size_t)most) {
        int some = rows - at < (size_t)most ? (int)(rows - at) : most;  size_t mark = ae_begin(ae);
        ae_tensor y = ae_forward(net, ae_from(ae, in + at * each, some, ndim > 1 ? dim[1] : 0, ndim > 2 ? dim[2] : 0, ndim > 3 ? dim[3] : 0));
        const float *data = ae->poisoned ? NULL : ae_data(y);
        n = data ? (size_t)ae_size(y, -1) : 0;  well = data && used + n <= out_floats;
        if (well) memcpy(out + used, data, n * sizeof(float));
        else if (data) ae__world(ae, "ae_predict: %d rows give %.0f numbers; out has room for %.0f", (int)rows, (double)n / some * (double)rows, (double)out_floats);
        used += n;  ae_end(ae, mark);
    }
    ae->predicting--;  ae_grad_enabled(ae, grad);  return well ? (int)rows : 0;
}

/* ==== >>debug ============================================================================================= */
static void ae__summary_node(const ae_net *net, int depth, ae_text *t) {
    const ae_net *l;  char layer[AE_PATH];
    if (net->kind->forward) { ae__layer_text(net, layer, sizeof layer); ae__print(t, "%s\n", layer); return; }
    ae__print(t, "%s(\n", net->kind->name);
    for (l = net->child; l; l = l->next) { ae__print(t, "%*s(%s): ", 2 * depth + 2, "", l->name);  ae__summary_node(l, depth + 1, t); }
    ae__print(t, "%*s)\n", 2 * depth, "");
}
static void ae__thousands(size_t n, ae_text *t) {                               /* 210369 -> 210,369 */
    if (n >= 1000) { ae__thousands(n / 1000, t); ae__print(t, ",%03d", (int)(n % 1000)); }
    else ae__print(t, "%d", (int)n);
}
AE_API int ae_summary(const ae_net *net, char *text, size_t size) {
    ae_text t = { text, size, 0 };  ae_owned o[AE_LAYER_TENSORS];  ae_net *l;  size_t count = 0;  int i, n;
    ae__summary_node(net, 0, &t);
    for (l = (ae_net *)net; l; l = ae__walk(net, l))
        for (i = 0, n = l->kind->owns ? l->kind->owns(l->arg, o) : 0; i < n; i++) if (!o[i].buffer) count += (size_t)ae__numel(o[i].dim);
    ae__thousands(count, &t);  ae__print(&t, " parameters\n");  return (int)t.used;
}
/* What one layer's output says: units that never change, saturation, numbers that are none. */
static int ae__diagnose_layer(ae_ctx *ae, const ae_record *r, ae_text *t) {
    ae_slot *s = ae__at(ae, r->out);
    int B = s->dim[0], C = s->ndim > 1 ? s->dim[1] : 1, P = s->dim[2] * s->dim[3], i, c, dead = 0, bad = 0, ends = 0;
    int curved = r->op == &ae__op_sigmoid || r->op == &ae__op_tanh;
    double sum = 0, squares = 0, n = (double)B * C * P, low = r->op == &ae__op_tanh ? -1 : 0;  char path[AE_PATH], layer[AE_PATH];
    ae__bring_data(ae, s, AE_HOST, 0);
    for (c = 0; c < C; c++) {
        float least = INFINITY, most = -INFINITY;
        for (i = 0; i < B * P; i++) {
            float v = s->data[s->layout == AE_NHWC ? (size_t)i * (size_t)C + (size_t)c : ((size_t)(i / P) * (size_t)C + (size_t)c) * (size_t)P + (size_t)(i % P)];
            bad += !(v - v == 0);
            least = v < least ? v : least;  most = v > most ? v : most;  ends += (double)v - low < 1e-3 || (double)v > 1 - 1e-3;
            sum += (double)v;  squares += (double)v * (double)v;
        }
        dead += !(most > least);
    }
    ae__path(NULL, r->net, path);  ae__layer_text(r->net, layer, sizeof layer);
    ae__print(t, "%-12s %-22.*s mean %9.4g  std %9.4g", path, (int)strcspn(layer, "("), layer, sum / n, sqrt(fmax(0, squares / n - sum / n * (sum / n))));
    if (bad) ae__print(t, "  %d NaN or Inf", bad);
    if (dead) ae__print(t, "  %d of %d units give the same for every input", dead, C);
    if (curved && ends > 0.5 * n) ae__print(t, "  %.0f %% saturated", 100 * ends / n);
    ae__print(t, "\n");
    return (bad > 0) + (dead > 0 && 2 * dead >= C);
}

/* The mean squared distance of the rows of x to their own mean row: the error of a net that has learnt only the mean.
   error: the same to the rows of `against`. */
static double ae__spread_of(const float *x, int rows, size_t each, const float *against, double *error) {
    double spread = 0, n = (double)rows * (double)each;  size_t i;  int r;
    for (i = 0, *error = 0; i < each; i++) {
        double mean = 0;
        for (r = 0; r < rows; r++) mean += (double)x[(size_t)r * each + i] / rows;
        for (r = 0; r < rows; r++) {
            double v = (double)x[(size_t)r * each + i], e = against ? v - (double)against[(size_t)r * each + i] : 0;
            spread += (v - mean) * (v - mean) / n;  *error += e * e / n;
        }
    }
    return spread;
}
/* How the steps were taken, which no layer can tell. */
static int ae__diagnose_steps(ae_net *net, ae_text *t) {
    int findings = 0;  const ae_opt *o;  const ae_loader *l;
    for (o = net->ctx->opts; o; o = o->next)
        if (ae__root(o->net) == ae__root(net) && o->since > 1) { findings++; ae__print(t, "%d steps since the last ae_zero_grad: each was made with the sum of all gradients so far\n", o->since); }
    for (l = net->ctx->loaders; l; l = l->next)
        if (!l->shuffle && l->taught > ae_batches(l) && ae_batches(l) > 1) { findings++; ae__print(t, "trained on the same %d batches in the same order every epoch: ae_loader_new(ae, %d, 1) shuffles\n", ae_batches(l), l->batch); }
    return findings;
}
AE_API int ae_diagnose(ae_net *net, ae_tensor x, char *text, size_t size) {
    ae_ctx *ae = net->ctx;  ae_text t = { text, size, 0 };  size_t mark = ae_begin(ae);  ae_tensor y;
    int grad = ae_grad_enabled(ae, 0), fuse = ae->fuse, findings = 0, rows, same, i = ae->n_records;  double error, unused, spread, mean;
    ae->fuse = 0;  ae->predicting++;  y = ae_forward(net, x);  ae->predicting--;  ae->fuse = fuse;  ae_grad_enabled(ae, grad);
    for (; i < ae->n_records && !ae->poisoned; i++)
        if (ae->records[i].op != &ae__op_relayout && ae->records[i].op != &ae__op_view && ae->records[i].net->kind->owns != ae__lstm_owns) findings += ae__diagnose_layer(ae, &ae->records[i], &t);
    findings += ae__diagnose_steps(net, &t);  rows = ae->poisoned ? 0 : ae_size(y, 0);
    if (rows > 1 && ae_size(x, 0) == rows) {
        same = ae_size(x, -1) == ae_size(y, -1);
        spread = ae__spread_of(ae_data(y), rows, (size_t)(ae_size(y, -1) / rows), NULL, &unused);
        mean = ae__spread_of(ae_data(x), rows, (size_t)(ae_size(x, -1) / rows), same ? ae_data(y) : NULL, &error);
        if (spread < 1e-6 * mean) { findings++; ae__print(&t, "collapsed: the output is the same for every input (variance over inputs %.3g)\n", spread); }
        if (same) ae__print(&t, "squared error %.6f; always answering with this batch's mean: %.6f%s\n", error, mean, error < 0.95 * mean ? "" : ": nothing learnt yet");
        findings += same && error >= 0.95 * mean;
    }
    ae_end(ae, mark);  return findings;
}

/* ==== >>cpu =============================================================================================== */
/* How the arithmetic is done.  Every element of a product or convolution is one chain of fused multiply-adds in a fixed
   order, whatever the tile, the vector width or the thread: that is why the bits do not depend on any of them.  Work is
   split over output elements, or in chunks of a fixed size whose sums are added in order. */

/* ---- the kernels, once for each width of vector ---- */
/* C(i) = act(init + sum over k of A[arow(i) + ak(k)] * B[k bstep ...]): this one form serves matrix products and convolutions.
   Rows and terms are listed by their offsets in A, columns are contiguous. */
typedef struct ae_gemm {
    const float *a, *b;  float *c;
    const int   *arow, *crow, *ak;   /* offset of each row in a and in c; NULL: row * lda, row * ldc.  Of each term in a */
    size_t       lda, ldc;  int rows, cols, terms;  ptrdiff_t bstep;
    const float *bias;               /* of each column, or NULL */
    ae_store     st;                 /* what happens to a tile before it is stored; mask: same offsets as c */
} ae_gemm;
static const int ae__curves[] = { AE_F_COPY, AE_F_RELU, AE_F_LEAKY, AE_F_SIGMOID, AE_F_TANH };       /* of an activation; the last two do not happen in registers */
struct ae_kernels {
    const char *name;
    int    lanes, tile;              /* floats in a vector; rows of a tile, which is two vectors wide */
    void   (*gemm)(const ae_gemm *g, int row, int end, int height, int col, int cols, const float *b);
    void   (*map)(int f, const float *a, const float *b, float *out, size_t n, float p, float q, int add);
    double (*sum)(int f, const float *a, const float *b, size_t n);
    void   (*adam)(float *p, const float *g, float *m, float *v, size_t n, ae_adam_step k);
    void   (*columns)(const float *a, float *out, size_t rows, size_t columns);
    void   (*transpose)(const float *in, int rows, int columns, float *out, int step);
    void   (*widen)(const uint8_t *px, float *out, size_t n, int unit);
};

/* ---- threads: workers that spin a little, then sleep; a late worker is never waited for ---- */
/* Every thread has a share of the tasks, the same part of them in each job, so that it finds the images it has just written
   in its own cache; who is done helps the others. */
enum { AE_MAX_THREADS = 64 };
typedef void (*ae_task)(void *user, int index, int thread);
typedef struct ae_share { uint64_t left; char alone[56]; } ae_share;              /* number of the job << 32 | tasks left to claim; a cache line each */
struct ae_pool {
    struct ae_os *os;                /* the system's threads, lock and condition */
    ae_share share[AE_MAX_THREADS];
    uint32_t job;
    int      done, asleep, quit, ready, workers, tasks, shares;  ae_task  task;  void    *user;
};

static void ae__pause(void);

static int ae__share_start(int tasks, int shares, int share) { return (int)((int64_t)tasks * share / shares); }
/* Claims and runs tasks of one share, last first.  A claim succeeds only if neither the job nor its count has changed since
   they were read; so task and user, which were written before them, are this job's.  Returns how many it ran. */
static int ae__work_share(ae_pool *p, int share, int shares, int thread) {
    int ran = 0;
    for (;;) {
        uint64_t left = __atomic_load_n(&p->share[share].left, __ATOMIC_ACQUIRE);
        ae_task task = __atomic_load_n(&p->task, __ATOMIC_RELAXED);  void *user = __atomic_load_n(&p->user, __ATOMIC_RELAXED);
        int start = ae__share_start(__atomic_load_n(&p->tasks, __ATOMIC_RELAXED), shares, share);
        if ((uint32_t)left == 0) return ran;
        if (!__atomic_compare_exchange_n(&p->share[share].left, &left, left - 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
        task(user, start + (int)(uint32_t)left - 1, thread);  ran++;
    }
}
static void ae__work(ae_pool *p, int thread) {
    int i, ran = 0, shares = __atomic_load_n(&p->shares, __ATOMIC_RELAXED);
    for (i = 0; i < shares; i++) ran += ae__work_share(p, (thread + i) % shares, shares, thread);
    if (ran) __atomic_add_fetch(&p->done, ran, __ATOMIC_RELEASE);
}

#ifndef AE_NO_THREADS
struct ae_os { pthread_t thread[AE_MAX_THREADS]; pthread_mutex_t lock; pthread_cond_t wake; };
static void ae__sleep(ae_pool *p, uint32_t seen) {
    pthread_mutex_lock(&p->os->lock);  __atomic_add_fetch(&p->asleep, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&p->job, __ATOMIC_SEQ_CST) == seen && !__atomic_load_n(&p->quit, __ATOMIC_SEQ_CST)) pthread_cond_wait(&p->os->wake, &p->os->lock);
    __atomic_sub_fetch(&p->asleep, 1, __ATOMIC_SEQ_CST);  pthread_mutex_unlock(&p->os->lock);
}
static void *ae__worker(void *user) {
    ae_pool *p = (ae_pool *)user;  int thread = __atomic_add_fetch(&p->ready, 1, __ATOMIC_SEQ_CST);  uint32_t seen = 0;
    ae__fpu_enter();
    while (!__atomic_load_n(&p->quit, __ATOMIC_SEQ_CST)) {
        int spin;
        for (spin = 0; spin < AE_SPIN && __atomic_load_n(&p->job, __ATOMIC_ACQUIRE) == seen; spin++) ae__pause();
        if (__atomic_load_n(&p->job, __ATOMIC_ACQUIRE) == seen) { ae__sleep(p, seen); continue; }
        seen = __atomic_load_n(&p->job, __ATOMIC_ACQUIRE);  ae__work(p, thread);
    }
    return NULL;
}
static void ae__pool_start(ae_ctx *ae) {
    long cores = ae->config.threads > 0 ? ae->config.threads : ae__processors();
    ae_pool *p = (ae_pool *)ae__permanent(ae, sizeof *p + sizeof(struct ae_os));  int want = cores < 1 ? 1 : cores > AE_MAX_THREADS ? AE_MAX_THREADS : (int)cores;
    ae->pool = p;
    if (p) {
        p->os = (struct ae_os *)(void *)(p + 1);
        pthread_mutex_init(&p->os->lock, NULL);  pthread_cond_init(&p->os->wake, NULL);
        while (p->workers < want - 1 && pthread_create(&p->os->thread[p->workers], NULL, ae__worker, p) == 0) p->workers++;
    }
    ae->threads = p ? p->workers + 1 : 1;
    snprintf(ae->machine, sizeof ae->machine, "%s, %d thread%s", ae->kernels->name, ae->threads, ae->threads > 1 ? "s" : "");
}
static void ae__pool_stop(ae_ctx *ae) {
    ae_pool *p = ae->pool;  int i;
    if (!p) return;
    pthread_mutex_lock(&p->os->lock);  __atomic_store_n(&p->quit, 1, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&p->os->wake);  pthread_mutex_unlock(&p->os->lock);
    for (i = 0; i < p->workers; i++) pthread_join(p->os->thread[i], NULL);
    pthread_cond_destroy(&p->os->wake);  pthread_mutex_destroy(&p->os->lock);
}
static void ae__pool_wake(ae_pool *p) {
    if (!__atomic_load_n(&p->asleep, __ATOMIC_SEQ_CST)) return;
    pthread_mutex_lock(&p->os->lock);  pthread_cond_broadcast(&p->os->wake);  pthread_mutex_unlock(&p->os->lock);
}
static void ae__yield(void) { sched_yield(); }
#else
static void ae__pool_start(ae_ctx *ae) { ae->threads = 1; snprintf(ae->machine, sizeof ae->machine, "%s, 1 thread", ae->kernels->name); }
static void ae__pool_stop(ae_ctx *ae) { (void)ae; }
static void ae__pool_wake(ae_pool *p) { (void)p; }
static void ae__yield(void) { }
#endif

/* Runs the tasks on all threads, or on this one if the work (in multiply-adds) is not worth waking the others. */
static void ae__parallel(ae_ctx *ae, int tasks, double work, ae_task task, void *user) {
    ae_pool *p = ae->pool;  int i, spin;  uint32_t job;
    if (ae->threads == 1 || tasks < 2 || work < 2e5) { for (i = tasks; i-- > 0; ) task(user, i, 0); return; }      /* last first, as in a share */
    __atomic_store_n(&p->task, task, __ATOMIC_RELAXED);  __atomic_store_n(&p->user, user, __ATOMIC_RELAXED);
    __atomic_store_n(&p->shares, ae->threads, __ATOMIC_RELAXED);  __atomic_store_n(&p->tasks, tasks, __ATOMIC_RELAXED);  __atomic_store_n(&p->done, 0, __ATOMIC_RELAXED);
    job = __atomic_load_n(&p->job, __ATOMIC_RELAXED) + 1;
    for (i = 0; i < ae->threads; i++)
        __atomic_store_n(&p->share[i].left, (uint64_t)job << 32 | (uint32_t)(ae__share_start(tasks, ae->threads, i + 1) - ae__share_start(tasks, ae->threads, i)), __ATOMIC_RELEASE);
    __atomic_store_n(&p->job, job, __ATOMIC_SEQ_CST);
    ae__pool_wake(p);  ae__work(p, 0);
    for (spin = 0; __atomic_load_n(&p->done, __ATOMIC_ACQUIRE) < tasks; spin++) if (spin < AE_SPIN) ae__pause(); else ae__yield();
}
typedef struct ae_plain_task { void (*task)(void *user, int index); void *user; } ae_plain_task;
static void ae__plain(void *user, int index, int thread) { const ae_plain_task *t = (const ae_plain_task *)user;  (void)thread; t->task(t->user, index); }
AE_API void ae_parallel(ae_ctx *ae, int tasks, void (*task)(void *user, int index), void *user) {
    ae_plain_task t = { task, user };  unsigned fpu = ae__fpu_enter();           /* as in the workers, or the bits would tell who ran a task */
    ae__parallel(ae, tasks, 1e9, ae__plain, &t);  ae__fpu_leave(fpu);
}
#define AE__JOIN(a, b) a##b
#define AE__JOIN2(a, b) AE__JOIN(a, b)
#define AE_LANES_4(o) o,o+4,o+1,o+5              /* two vectors zipped, from lane o of each on */
#define AE_LANES_8(o) o,o+8,o+1,o+9,o+2,o+10,o+3,o+11
#define AE_LANES_16(o) o,o+16,o+1,o+17,o+2,o+18,o+3,o+19,o+4,o+20,o+5,o+21,o+6,o+22,o+7,o+23
#define AE_LANES(o) AE__JOIN2(AE_LANES_, AE_W)(o)
#define AE_(name) AE__JOIN2(ae__##name##_, AE_W)

#ifdef __SSE2__
#include <immintrin.h>
/* Denormals are set to zero while we compute: weight decay makes them by the thousand, and x86 is slow on them. */
static unsigned ae__fpu_enter(void) { unsigned old = _mm_getcsr(); _mm_setcsr(old | 0x8040u); return old; }
static void ae__fpu_leave(unsigned state) { _mm_setcsr(state); }
static void ae__pause(void) { _mm_pause(); }
#define AE_W 16
#define AE_ISA "avx512"
#define AE_ROWS 14
#define AE_TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma,prfchw")))
#define AE_FMA(a, b, c) (AE_V)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define AE_SQRT(a) (AE_V)_mm512_maskz_sqrt_ps(0xFFFF, (__m512)(a))        /* the plain one makes g++ warn */
#define AE_SET(s) (AE_V)_mm512_set1_ps(s)
#define AE_WIDEN(p) (AE_V)_mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_maskz_cvtepu8_epi32(0xFFFF, _mm_loadu_si128((const __m128i *)(const void *)(p))))
#include "autoenc.h"
#define AE_W 8
#define AE_ISA "avx2"
#define AE_ROWS 6
#define AE_TARGET __attribute__((target("avx2,fma,prfchw")))
#define AE_FMA(a, b, c) (AE_V)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define AE_SQRT(a) (AE_V)_mm256_sqrt_ps((__m256)(a))
#define AE_SET(s) (AE_V)_mm256_set1_ps(s)
#define AE_WIDEN(p) (AE_V)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(p))))
#include "autoenc.h"
#define AE_ISA "baseline"
#define AE_ROWS 4
#define AE_FMA(a, b, c) ((a) * (b) + (c))        /* no such instruction here: two roundings, so other bits; exact in double took 13 times as long */
#define AE_SQRT(a) (AE_V)_mm_sqrt_ps((__m128)(a))
#define AE_SET(s) (AE_V)_mm_set1_ps(s)
static const ae_kernels *ae__wide_kernels(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) return &ae__kernels_16;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &ae__kernels_8 : NULL;
}
#elif defined(__aarch64__)
#include <arm_neon.h>
static unsigned ae__fpu_enter(void) {
    uint64_t old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" : : "r"(old | (1u << 24)));  return (unsigned)old;
}
static void ae__fpu_leave(unsigned state) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)state)); }
static void ae__pause(void) { __asm__ volatile("yield"); }
#define AE_ISA "neon"
#define AE_ROWS 8
#define AE_FMA(a, b, c) (AE_V)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
#define AE_SQRT(a) (AE_V)vsqrtq_f32((float32x4_t)(a))
#define AE_SET(s) (AE_V)vdupq_n_f32(s)
static const ae_kernels *ae__wide_kernels(void) { return NULL; }
#else
static unsigned ae__fpu_enter(void) { return 0; }
static void ae__fpu_leave(unsigned state) { (void)state; }
static void ae__pause(void) { }
#define AE_ISA "baseline"
#define AE_ROWS 4
#ifdef __FP_FAST_FMAF
#define AE_FMA(a, b, c) AE_(each_fma)(a, b, c)
#else
#define AE_FMA(a, b, c) ((a) * (b) + (c))
#endif
#define AE_SQRT(a) AE_(each_sqrt)(a)
#define AE_SET(s) AE_(each_set)(s)
static const ae_kernels *ae__wide_kernels(void) { return NULL; }
#endif
#define AE_W 4                                   /* vectors of 16 bytes are everywhere */
#define AE_WIDEN(p) AE_(each_widen)(p)
#define AE_TARGET
#include "autoenc.h"
static const ae_kernels *ae__pick_kernels(void) { const ae_kernels *wide = ae__wide_kernels(); return wide ? wide : &ae__kernels_4; }

/* ---- elementwise work and sums, in chunks of fixed size ---- */
enum { AE_CHUNK = 16384, AE_MAP_CHUNK = 4096 };      /* elements of a task: of sums, whose order and so bits depend on it; of other work */
typedef struct ae_map_job { const ae_kernels *K; int f; const float *a, *b; float *out; double *sums; size_t n; float p, q; int add; ae_adam_step k; float *m, *v; } ae_map_job;
static size_t ae__chunk(const ae_map_job *j, size_t at, size_t most) { return j->n - at < most ? j->n - at : most; }
static int    ae__chunks(size_t n, size_t each) { return (int)((n + each - 1) / each); }
static void ae__map_chunk(void *user, int index, int thread) {
    const ae_map_job *j = (const ae_map_job *)user;  size_t at = (size_t)index * AE_MAP_CHUNK;  (void)thread;
    j->K->map(j->f, j->a + at, j->b + at, j->out + at, ae__chunk(j, at, AE_MAP_CHUNK), j->p, j->q, j->add);
}
static void ae__sum_chunk(void *user, int index, int thread) {
    const ae_map_job *j = (const ae_map_job *)user;  size_t at = (size_t)index * AE_CHUNK;  (void)thread;
    j->sums[index] = j->K->sum(j->f, j->a + at, j->b + at, ae__chunk(j, at, AE_CHUNK));
}
static void ae__adam_chunk(void *user, int index, int thread) {
    const ae_map_job *j = (const ae_map_job *)user;  size_t at = (size_t)index * AE_MAP_CHUNK;  (void)thread;
    j->K->adam(j->out + at, j->a + at, j->m + at, j->v + at, ae__chunk(j, at, AE_MAP_CHUNK), j->k);
}
/* out = f(a, b), or out += f(a, b).  b NULL: f takes one number. */
static void ae__map(ae_ctx *ae, int f, const float *a, const float *b, float *out, size_t n, float p, float q, int add) {
    ae_map_job j;
    memset(&j, 0, sizeof j);
    j.K = ae->kernels;  j.f = f;  j.a = a;  j.b = b ? b : a;  j.out = out;  j.n = n;  j.p = p;  j.q = q;  j.add = add;
    ae__parallel(ae, ae__chunks(n, AE_MAP_CHUNK), (double)n * 8, ae__map_chunk, &j);
}
/* The sum of f(a, b), in double. */
static double ae__sum(ae_ctx *ae, int f, const float *a, const float *b, size_t n) {
    ae_map_job j;  size_t top = ae->step_top;  int i, chunks = ae__chunks(n, AE_CHUNK);  double sum = 0;
    memset(&j, 0, sizeof j);
    j.K = ae->kernels;  j.f = f;  j.a = a;  j.b = b ? b : a;  j.n = n;
    j.sums = (double *)(void *)ae__floats(ae, 2 * (size_t)chunks);
    if (!j.sums) return NAN;
    ae__parallel(ae, chunks, (double)n * 8, ae__sum_chunk, &j);
    for (i = 0; i < chunks; i++) sum += j.sums[i];
    ae->step_top = top;  return sum;
}
static void ae__adam(ae_ctx *ae, float *p, const float *g, float *m, float *v, size_t n, ae_adam_step k) {
    ae_map_job j;
    memset(&j, 0, sizeof j);
    j.K = ae->kernels;  j.a = g;  j.out = p;  j.m = m;  j.v = v;  j.n = n;  j.k = k;
    ae__parallel(ae, ae__chunks(n, AE_MAP_CHUNK), (double)n * 48, ae__adam_chunk, &j);
}
static void ae__widen(const ae_ctx *ae, const uint8_t *px, float *out, size_t n, int unit) { ae->kernels->widen(px, out, n, unit); }
enum { AE_NORMALS = 512, AE_NORMALS_ROOM = 576 };            /* pairs of normal numbers made at a time */
typedef struct ae_normal_job { ae_ctx *ae; float *out; size_t n; uint64_t a; uint32_t b; } ae_normal_job;
static void ae__normal_chunk(void *user, int index, int thread) {
    const ae_normal_job *j = (const ae_normal_job *)user;
    float u[AE_NORMALS_ROOM], v[AE_NORMALS_ROOM], c[AE_NORMALS_ROOM], s[AE_NORMALS_ROOM];
    size_t at = (size_t)index * 2 * AE_NORMALS, i;
    uint32_t counter[4], word[4] = { 0, 0, 0, 0 };  (void)thread;
    counter[1] = j->b;  counter[2] = (uint32_t)j->a;
    counter[3] = (uint32_t)AE_STREAM_NOISE << 24 | ((uint32_t)(j->a >> 32) & 0xFFFFFFu);
    for (i = 0; i < AE_NORMALS; i++) {
        counter[0] = (uint32_t)((at + 2 * i) >> 2);
        if (i % 2 == 0) ae__philox(j->ae->config.seed, counter, word);
        u[i] = 1.0f - ae__unit(word[i % 2 * 2]);            /* (0,1]: its logarithm is finite */
        v[i] = ae__unit(word[i % 2 * 2 + 1]);
    }
    j->ae->kernels->map(AE_F_GAUSS_COS, u, v, c, AE_NORMALS, 0, 0, 0);
    j->ae->kernels->map(AE_F_GAUSS_SIN, u, v, s, AE_NORMALS, 0, 0, 0);
    for (i = 0; i < 2 * AE_NORMALS && at + i < j->n; i++) j->out[at + i] = i % 2 ? s[i / 2] : c[i / 2];
}
static void ae__normal(ae_ctx *ae, float *out, size_t n, uint64_t a, uint32_t b) {
    ae_normal_job j;  unsigned fpu = ae__fpu_enter();
    j.ae = ae;  j.out = out;  j.n = n;  j.a = a;  j.b = b;
    ae__parallel(ae, (int)((n + 2 * AE_NORMALS - 1) / (2 * AE_NORMALS)), (double)n * 64, ae__normal_chunk, &j);  ae__fpu_leave(fpu);
}

/* ---- matrix products ---- */
enum { AE_TILES = 4, AE_PACK_ROWS = 192 };   /* most tiles of rows in one task; rows that pay for a copy of B */
typedef struct ae_gemm_job {
    const ae_kernels *K;  ae_gemm g;
    int   height, tall, across;      /* rows of a tile, much the same over all tiles; of a task.  Panels are shared out, not rows */
    const float *w;  int in, out;    /* of a product by w^T: w [in][out] */
    float *panel;  size_t panel_floats;          /* a piece a thread */
    const float *packed;  int parts; /* of a sum of outer products: dy in panels, or NULL; how many tasks share the columns */
} ae_gemm_job;
static void ae__gemm_init(ae_gemm *g, const float *a, const float *b, float *c, int rows, int cols, ae_store st) {
    memset(g, 0, sizeof *g);
    g->a = a;  g->b = b;  g->c = c;  g->rows = rows;  g->cols = cols;  g->st = st;
}
/* The offsets of the terms of a sum: some rows of numbers, `step` apart.  NULL: no memory. */
static int *ae__terms(ae_ctx *ae, ae_gemm *g, int rows, int row_step, int length, int step) {
    int *at = (int *)(void *)ae__floats(ae, (size_t)rows * (size_t)length), r, k;
    for (r = 0; at && r < rows; r++) for (k = 0; k < length; k++) at[r * length + k] = r * row_step + k * step;
    g->ak = at;  g->terms = rows * length;  return at;
}
/* Tiles of like height: 32 rows are three tiles of 12, 12 and 8, not two of 14 and one of 4. */
static int ae__even_height(const ae_kernels *K, int rows) { int tiles = (rows + K->tile - 1) / K->tile; return rows > 1 ? ((rows + tiles - 1) / tiles + 1) & ~1 : 1; }
/* One group of rows against one panel of columns.  Where B is most of the memory, each thread reads only its panels of it. */
static void ae__gemm_task(void *user, int index, int thread) {
    const ae_gemm_job *j = (const ae_gemm_job *)user;  (void)thread;
    int wide = 2 * j->K->lanes, panels = (j->g.cols + wide - 1) / wide, groups = (j->g.rows + j->tall - 1) / j->tall;
    int col = (j->across ? index / groups : index % panels) * wide, row = (j->across ? index % groups : index / panels) * j->tall;
    int end = row + j->tall < j->g.rows ? row + j->tall : j->g.rows, cols = j->g.cols - col < wide ? j->g.cols - col : wide;
    j->K->gemm(&j->g, row, end, j->height, col, cols, j->panel ? j->panel + (size_t)col * (size_t)j->g.terms : j->g.b + col);
}
static double ae__gemm_work(const ae_gemm *g) { return (double)g->rows * g->cols * g->terms; }
/* panel NULL: g->b is read in place; else B stands there in panels of two vectors of columns, one behind the other. */
static void ae__gemm(ae_ctx *ae, const ae_gemm *g, float *panel) {
    ae_gemm_job j;  int wide = 2 * ae->kernels->lanes, panels = (g->cols + wide - 1) / wide, tiles, each;
    memset(&j, 0, sizeof j);
    j.K = ae->kernels;  j.g = *g;  j.height = ae__even_height(j.K, g->rows);  j.panel = panel;
    j.across = 2.0 * g->cols * g->terms > (double)g->rows * (g->cols + g->terms);  tiles = (g->rows + j.height - 1) / j.height;  each = tiles * panels / (8 * ae->threads);      /* small products in small tasks, or threads wait */
    j.tall = j.height * (each < 1 ? 1 : each > AE_TILES ? AE_TILES : each);
    ae__parallel(ae, (g->rows + j.tall - 1) / j.tall * panels, ae__gemm_work(g), ae__gemm_task, &j);
}

static void ae__pack_task(void *user, int index, int thread) {
    const ae_gemm_job *j = (const ae_gemm_job *)user;  (void)thread;
    int wide = 2 * j->K->lanes, col = index * wide, cols = j->g.cols - col < wide ? j->g.cols - col : wide, k;
    float *panel = j->panel + (size_t)col * (size_t)j->g.terms;
    for (k = 0; k < j->g.terms; k++) memcpy(panel + (size_t)k * (size_t)wide, j->g.b + (size_t)k * (size_t)j->g.bstep + col, (size_t)cols * sizeof(float));
}
/* Copies B into panels of two vectors of columns, one behind the other, if enough rows will read it to pay for that: in place,
   every step of a sum would be a page away.  NULL: B stays where it is. */
static float *ae__packed(ae_ctx *ae, ae_gemm *g) {
    ae_gemm_job j;  int wide = 2 * ae->kernels->lanes, panels = (g->cols + wide - 1) / wide;
    if (g->rows < AE_PACK_ROWS || panels < 3) return NULL;
    memset(&j, 0, sizeof j);
    j.K = ae->kernels;  j.g = *g;  j.panel = ae__floats(ae, (size_t)panels * (size_t)wide * (size_t)g->terms);
    if (!j.panel) return NULL;
    ae__parallel(ae, panels, (double)g->cols * g->terms * 2, ae__pack_task, &j);
    g->bstep = wide;  return j.panel;
}
/* y[rows][out] = act(x[rows][in] w[in][out] + bias) */
static void ae__rows_by_matrix(ae_ctx *ae, const float *x, const float *w, const float *bias, float *y, int rows, int in, int out, ae_store st) {
    ae_gemm g;
    ae__gemm_init(&g, x, w, y, rows, out, st);
    g.lda = (size_t)in;  g.ldc = (size_t)out;  g.bstep = out;  g.bias = bias;
    if (!ae__terms(ae, &g, 1, 0, in, 1)) return;
    ae__gemm(ae, &g, ae__packed(ae, &g));
}
/* Some rows of dw, all columns or a part: the columns of x that they need are first copied side by side, or every step would be a page away. */
static void ae__outer_task(void *user, int index, int thread) {
    const ae_gemm_job *j = (const ae_gemm_job *)user;  int wide = 2 * j->K->lanes, panels = (j->g.cols + wide - 1) / wide, most = j->tall, groups = (j->g.rows + most - 1) / most;
    int part = j->across ? index / groups : index % j->parts, row = (j->across ? index % groups : index / j->parts) * most;
    int rows = j->g.rows - row < most ? j->g.rows - row : most, k, col, end = (part + 1) * panels / j->parts * wide;
    float *panel = j->panel + (size_t)thread * j->panel_floats;  ae_gemm g = j->g;
    for (k = 0; k < g.terms; k++) memcpy(panel + k * most, j->g.a + (size_t)k * (size_t)j->in + row, (size_t)rows * sizeof(float));
    g.a = panel - row;
    for (col = part * panels / j->parts * wide; col < end; col += wide) j->K->gemm(&g, row, row + rows, j->height, col, g.cols - col < wide ? g.cols - col : wide, j->packed ? j->packed + (size_t)col * (size_t)g.terms : g.b + col);
}
/* dw[in][out] (+)= sum over rows of x[row][in] dy[row][out] */
static void ae__outer_products(ae_ctx *ae, const float *x, const float *dy, float *dw, int rows, int in, int out, int add) {
    ae_gemm_job j;  int groups, most = out / (8 * ae->kernels->lanes);           /* parts of four panels at least: a copy of x each */
    memset(&j, 0, sizeof j);
    ae__gemm_init(&j.g, x, dy, dw, in, out, ae__storing(AE_ACT_NONE, 0, NULL, add));
    j.K = ae->kernels;  j.in = in;  j.height = ae__even_height(j.K, in);  j.tall = out < 8 * j.K->lanes ? 2 * j.height : j.height;  groups = (in + j.tall - 1) / j.tall;
    j.parts = (8 * ae->threads + groups - 1) / groups;  j.parts = j.parts < most ? j.parts : most > 1 ? most : 1;
    j.g.lda = 1;  j.g.ldc = (size_t)out;  j.g.bstep = out;
    j.panel_floats = (size_t)rows * (size_t)j.tall + AE_PAD;  j.panel = ae__floats(ae, j.panel_floats * (size_t)ae->threads);
    if (!j.panel || !ae__terms(ae, &j.g, rows, j.tall, 1, 0)) return;
    j.across = rows > in;                                                        /* dy is larger than dw: each thread reads its columns of it alone */
    j.packed = ae__packed(ae, &j.g);  ae__parallel(ae, groups * j.parts, ae__gemm_work(&j.g), ae__outer_task, &j);
}

/* One panel of columns of w^T: [out][two vectors], the lanes behind the last column zero. */
static void ae__transpose_task(void *user, int index, int thread) {
    const ae_gemm_job *j = (const ae_gemm_job *)user;  (void)thread;
    int lanes = j->K->lanes, row = index * 2 * lanes;  float *panel = j->panel + (size_t)row * (size_t)j->out;
    j->K->transpose(j->w + (size_t)row * (size_t)j->out, j->in - row, j->out, panel, 2 * lanes);
    j->K->transpose(j->w + (size_t)(row + lanes) * (size_t)j->out, j->in - row - lanes, j->out, panel + lanes, 2 * lanes);
}
/* dx[rows][in] (+)= dy[rows][out] w[in][out]^T (+ bias): w is transposed first, which costs less than keeping a second copy true */
static void ae__rows_by_transposed(ae_ctx *ae, const float *dy, const float *w, const float *bias, float *dx, int rows, int in, int out, ae_store st) {
    ae_gemm_job j;  int wide = 2 * ae->kernels->lanes, panels = (in + wide - 1) / wide;
    memset(&j, 0, sizeof j);
    j.K = ae->kernels;  j.w = w;  j.in = in;  j.out = out;  j.panel = ae__floats(ae, (size_t)panels * (size_t)wide * (size_t)out);
    if (!j.panel) return;
    ae__parallel(ae, panels, (double)in * out * 4, ae__transpose_task, &j);
    ae__gemm_init(&j.g, dy, NULL, dx, rows, in, st);
    j.g.lda = (size_t)out;  j.g.ldc = (size_t)in;  j.g.bstep = wide;  j.g.bias = bias;
    if (!ae__terms(ae, &j.g, 1, 0, out, 1)) return;
    ae__gemm(ae, &j.g, j.panel);
}

/* ---- sums of columns, in chunks of rows ---- */
enum { AE_COLUMN_CHUNK = 4096, AE_COLUMN_ROWS = 64 };        /* elements of a chunk, its least rows; part of the result's bits */
typedef struct ae_column_job { const ae_kernels *K; const float *a; float *part; size_t rows, columns, chunk; } ae_column_job;
static void ae__column_task(void *user, int index, int thread) {
    const ae_column_job *j = (const ae_column_job *)user;  size_t row = (size_t)index * j->chunk, left = j->rows - row;  (void)thread;
    j->K->columns(j->a + row * j->columns, j->part + (size_t)index * (j->columns + AE_PAD), left < j->chunk ? left : j->chunk, j->columns);
}
static void ae__column_sums(ae_ctx *ae, const float *dy, float *db, int rows, int columns, int add) {
    ae_column_job j;  size_t i, k, chunks;
    j.K = ae->kernels;  j.a = dy;  j.rows = (size_t)rows;  j.columns = (size_t)columns;
    j.chunk = (size_t)AE_COLUMN_CHUNK / j.columns > (size_t)AE_COLUMN_ROWS ? (size_t)AE_COLUMN_CHUNK / j.columns : (size_t)AE_COLUMN_ROWS;
    chunks = (j.rows + j.chunk - 1) / j.chunk;  j.part = ae__floats(ae, chunks * (j.columns + AE_PAD));
    if (!j.part) return;
    ae__parallel(ae, (int)chunks, (double)rows * columns, ae__column_task, &j);
    for (i = 0; i < j.columns; i++) {
        double sum = add ? (double)db[i] : 0;
        for (k = 0; k < chunks; k++) sum += (double)j.part[k * (j.columns + AE_PAD) + i];
        db[i] = (float)sum;
    }
}

/* ---- convolutions: no im2col; rows of a product are pixels, found by their offsets ---- */
/* The kernel covers the image, which is then one pixel on the small side: both directions are plain products. */
static int ae__covers(ae_geo g) { return g.sh == 1 && g.sw == 1 && g.p == 0 && g.k == g.bh && g.k == g.bw; }
/* How many images one task takes: enough rows to fill tiles, few enough for the cache. */
static int ae__group(int pixels) { return pixels >= 192 ? 1 : pixels >= 48 ? 4 : 16; }
/* Copies an image of h rows of w pixels of c numbers into the middle of a larger one, whose border is zero already. */
static void ae__border(const float *in, float *out, int h, int w, int c, int top, int left, int oh, int ow) {
    int y;
    for (y = 0; y < h && y + top < oh && left < ow; y++)
        memcpy(out + ((size_t)(y + top) * (size_t)ow + (size_t)left) * (size_t)c, in + (size_t)y * (size_t)w * (size_t)c, (size_t)(w + left > ow ? ow - left : w) * (size_t)c * sizeof(float));
}
typedef struct ae_conv_job {
    const ae_kernels *K;
    ae_gemm g[16];                   /* one product; or one for each residue of the output pixel modulo the stride */
    ae_geo  geo;
    int     products, group, bordered, ph, pw, top, left;    /* size of the bordered image, its top and left border */
    const float *in;  float *out;  const float *bias;  ae_store st;
    float  *scratch, *taps;  size_t scratch_floats, taps_floats;
    unsigned char *clean;            /* which thread's scratch has been cleared */
    const int *tap_at, *tap_from;    /* of a spread to few channels: offsets of taps, where each residue's begin */
} ae_conv_job;

/* Offsets of the small image's pixels in the big (bordered) one and in the small one, for one group of images. */
static int *ae__gather_rows(ae_ctx *ae, const ae_conv_job *j, int **crow) {
    ae_geo g = j->geo;  int n = j->group * g.sh * g.sw, *arow = (int *)(void *)ae__floats(ae, 2 * (size_t)n), i = 0, m, y, x;
    *crow = arow + n;
    for (m = 0; arow && m < j->group; m++) for (y = 0; y < g.sh; y++) for (x = 0; x < g.sw; x++, i++) {
        arow[i] = ((m * j->ph + y * g.s) * j->pw + x * g.s) * g.cb;  (*crow)[i] = i * g.cs;
    }
    return arow;
}
static int ae__images(const ae_conv_job *j, int index) { int left = j->geo.n - index * j->group; return left < j->group ? left : j->group; }
/* This thread's scratch: cleared by the thread itself, since what another one clears lies in that one's cache. */
static float *ae__thread_scratch(const ae_conv_job *j, int thread) {
    float *out = j->scratch + (size_t)thread * j->scratch_floats;
    if (!j->clean[thread]) memset(out, 0, j->scratch_floats * sizeof(float));
    j->clean[thread] = 1;  return out;
}
/* The group's input images with their zero border, in this thread's scratch; or in place when they need none. */
static const float *ae__bordered(const ae_conv_job *j, int index, int thread, int h, int w, int c) {
    const float *in = j->in + (size_t)index * (size_t)j->group * (size_t)(h * w * c);
    float *out = j->bordered ? ae__thread_scratch(j, thread) : NULL;  int m;
    if (!out) return in;
    for (m = 0; m < ae__images(j, index); m++) ae__border(in + (size_t)m * (size_t)(h * w * c), out + (size_t)m * (size_t)(j->ph * j->pw * c), h, w, c, j->top, j->left, j->ph, j->pw);
    return out;
}
static void ae__conv_panels(const ae_conv_job *j, ae_gemm *g) {
    int wide = 2 * j->K->lanes, height = ae__even_height(j->K, g->rows), col;
    for (col = 0; col < g->cols; col += wide) j->K->gemm(g, 0, g->rows, height, col, g->cols - col < wide ? g->cols - col : wide, g->b + col);
}
static void ae__gather_task(void *user, int index, int thread) {
    const ae_conv_job *j = (const ae_conv_job *)user;
    size_t at = (size_t)index * (size_t)j->group * (size_t)(j->geo.sh * j->geo.sw * j->geo.cs);  ae_gemm g = j->g[0];
    g.a = ae__bordered(j, index, thread, j->geo.bh, j->geo.bw, j->geo.cb);  g.c = j->out + at;
    if (j->geo.own) g.bias += (size_t)index * (size_t)j->geo.own;
    if (g.st.mask) g.st.mask += at;
    g.rows = ae__images(j, index) * j->geo.sh * j->geo.sw;  ae__conv_panels(j, &g);
}
static void ae__conv_job_init(ae_ctx *ae, ae_conv_job *j, ae_geo geo, const float *in, float *out, const float *bias, ae_store st) {
    memset(j, 0, sizeof *j);
    j->K = ae->kernels;  j->geo = geo;  j->in = in;  j->out = out;  j->bias = bias;  j->st = st;
}
/* Every thread's scratch, zero when first used: borders are never written again.  0: no memory. */
static int ae__conv_scratch(ae_ctx *ae, ae_conv_job *j, int channels) {
    size_t group = (size_t)(j->group < j->geo.n ? j->group : j->geo.n), threads = group == (size_t)j->geo.n ? 1 : (size_t)ae->threads;   /* one task runs on thread 0 */
    if (!j->bordered) return 1;
    j->scratch_floats = group * (size_t)j->ph * (size_t)j->pw * (size_t)channels + AE_PAD;
    j->scratch = ae__floats(ae, j->scratch_floats * threads);  j->clean = (unsigned char *)ae__floats(ae, AE_MAX_THREADS / sizeof(float));
    if (j->clean) memset(j->clean, 0, AE_MAX_THREADS);
    return j->scratch && j->clean;
}
static double ae__conv_work(ae_geo g) { return (double)g.n * g.sh * g.sw * g.cs * g.cb * g.k * g.k; }
/* small = act(conv(big, w) + bias): convolution forward, input gradient of a transposed one.
   One output pixel sums k rows of k cb contiguous numbers: in NHWC a row of the window is contiguous. */
static void ae__gather(ae_ctx *ae, ae_geo geo, const float *big, const float *w, const float *bias, float *small, ae_store st) {
    ae_conv_job j;  ae_gemm *g = &j.g[0];  int *crow;
    if (ae__covers(geo)) { ae__rows_by_matrix(ae, big, w, bias, small, geo.n, geo.k * geo.k * geo.cb, geo.cs, st); return; }
    ae__conv_job_init(ae, &j, geo, big, small, bias, st);
    j.ph = (geo.sh - 1) * geo.s + geo.k;  j.pw = (geo.sw - 1) * geo.s + geo.k;  j.top = j.left = geo.p;  j.bordered = geo.p > 0;
    if (!j.bordered) { j.ph = geo.bh; j.pw = geo.bw; }
    j.group = geo.own ? 1 : ae__group(geo.sh * geo.sw);  ae__gemm_init(g, NULL, w, NULL, 0, geo.cs, j.st);
    g->bias = bias;  g->bstep = geo.cs;  g->arow = ae__gather_rows(ae, &j, &crow);  g->crow = crow;
    if (!g->arow || !ae__terms(ae, g, geo.k, j.pw * geo.cb, geo.k * geo.cb, 1) || !ae__conv_scratch(ae, &j, geo.cb)) return;
    ae__parallel(ae, (geo.n + j.group - 1) / j.group, ae__conv_work(geo), ae__gather_task, &j);
}

/* ---- spread: the adjoint of gather.  Output pixel y gets the taps ky = r, r + s, ... with r = (y + p) mod s, from the
   small pixels q, q - 1, ... with q = (y + p - r) / s: for each residue a gather of stride 1, and no work is wasted ---- */

static int ae__taps(int k, int s, int r) { return r < k ? (k - r + s - 1) / s : 0; }
/* The weights of one residue, repacked to [tap y][tap x][cs][cb] in the order in which the small image is read. */
static void ae__repack(ae_geo g, const float *w, float *out, int ry, int rx) {
    int ny = ae__taps(g.k, g.s, ry), nx = ae__taps(g.k, g.s, rx), i, j, b, c;
    for (i = 0; i < ny; i++) for (j = 0; j < nx; j++, out += (size_t)g.cs * (size_t)g.cb) {
        const float *tap = w + ((size_t)(ry + g.s * (ny - 1 - i)) * (size_t)g.k + (size_t)(rx + g.s * (nx - 1 - j))) * (size_t)g.cb * (size_t)g.cs;
        for (b = 0; b < g.cb; b++) for (c = 0; c < g.cs; c++) out[c * g.cb + b] = tap[b * g.cs + c];
    }
}
/* One residue class: which pixels, from where, with which weights. */
static int ae__residue(ae_ctx *ae, ae_conv_job *j, int ry, int rx, const float *w) {
    ae_geo geo = j->geo;  ae_gemm *g = &j->g[j->products];
    int ny = ae__taps(geo.k, geo.s, ry), nx = ae__taps(geo.k, geo.s, rx), m, y, x, n = 0;
    float *taps = ae__floats(ae, (size_t)(ny * nx * geo.cs * geo.cb) + AE_PAD);
    int *arow = (int *)(void *)ae__floats(ae, 2 * (size_t)(j->group * (geo.bh + 1) * (geo.bw + 1))), *crow = arow + j->group * (geo.bh + 1) * (geo.bw + 1);
    if (!taps || !arow) return 0;
    ae__repack(geo, w, taps, ry, rx);
    for (m = 0; m < j->group; m++)
        for (y = 0; y < geo.bh; y++) if ((y + geo.p) % geo.s == ry)
            for (x = 0; x < geo.bw; x++) if ((x + geo.p) % geo.s == rx) {
                arow[n] = ((m * j->ph + (y + geo.p) / geo.s - ny + 1 + j->top) * j->pw + (x + geo.p) / geo.s - nx + 1 + j->left) * geo.cs;
                crow[n++] = ((m * geo.bh + y) * geo.bw + x) * geo.cb;
            }
    if (!n) return 1;
    ae__gemm_init(g, NULL, taps, NULL, n / j->group, geo.cb, j->st);
    g->bias = j->bias;  g->arow = arow;  g->crow = crow;  g->bstep = geo.cb;  j->products++;
    return ae__terms(ae, g, ny, j->pw * geo.cs, nx * geo.cs, 1) != NULL;
}
static void ae__spread_task(void *user, int index, int thread) {
    const ae_conv_job *j = (const ae_conv_job *)user;
    size_t at = (size_t)index * (size_t)j->group * (size_t)(j->geo.bh * j->geo.bw * j->geo.cb);
    const float *in = ae__bordered(j, index, thread, j->geo.sh, j->geo.sw, j->geo.cs);  int i;
    for (i = 0; i < j->products; i++) {
        ae_gemm g = j->g[i];
        g.a = in;  g.c = j->out + at;
        if (g.st.mask) g.st.mask += at;
        g.rows *= ae__images(j, index);
        ae__conv_panels(j, &g);
    }
}
/* To few channels, a vector would be mostly empty: first every tap's product for every small pixel, [pixel][k k cb] with a
   border of zeros, then each output pixel adds up its taps. */
static void ae__finish(const ae_kernels *K, float *y, size_t n, const ae_store *st, const float *mask) {
    size_t i;
    if (st->act >= AE_ACT_SIGMOID) K->map(ae__curves[st->act], y, y, y, n, 0, 0, 0);
    for (i = 0; i < n && st->act == AE_ACT_RELU; i++) y[i] = y[i] <= 0 ? 0 : y[i];
    for (i = 0; i < n && st->act == AE_ACT_LEAKY; i++) y[i] = y[i] <= 0 ? st->slope * y[i] : y[i];
    for (i = 0; i < n && mask; i++) y[i] = mask[i] > 0 ? y[i] : st->slope == 0 ? 0 : st->slope * y[i];
}
/* Some pixels of a row of y, `step` apart: each is `start` (or itself) and n taps; t: those of the first, a row of them a pixel. */
static inline __attribute__((always_inline)) void ae__add_taps(const float *t, const int *at, const int n, int row, float *y, int step, int pixels, const float *start) {
    int i, k;
    for (i = 0; i < pixels; i++, t += row, y += step) {
        float sum = start ? *start : *y;
        AE_UNROLL for (k = 0; k < n; k++) sum += t[at[k]];
        *y = sum;
    }
}
/* One image: row by row, residue by residue, which all have their own list of taps; every output is written once. */
static void ae__sum_taps(const ae_conv_job *j, const float *taps, float *y, const float *mask) {
    ae_geo g = j->geo;  const float zero = 0;  int oy, rx, c, row = j->g[0].cols;
    for (oy = 0; oy < g.bh; oy++) for (rx = 0; rx < g.s; rx++) for (c = 0; c < g.cb; c++) {
        int ry = (oy + g.p) % g.s, x = (rx + g.s - g.p % g.s) % g.s, pixels = (g.bw - x + g.s - 1) / g.s, n = ae__taps(g.k, g.s, ry) * ae__taps(g.k, g.s, rx);
        const float *t = taps + (((oy + g.p) / g.s + j->top) * j->pw + (x + g.p) / g.s + j->left) * row + c, *start = j->st.add ? NULL : j->bias ? j->bias + c : &zero;
        const int *at = j->tap_at + j->tap_from[ry * g.s + rx];  float *to = y + (oy * g.bw + x) * g.cb + c;
        switch (n) {
        case 1:  ae__add_taps(t, at, 1, row, to, g.s * g.cb, pixels, start); break;
        case 2:  ae__add_taps(t, at, 2, row, to, g.s * g.cb, pixels, start); break;
        case 4:  ae__add_taps(t, at, 4, row, to, g.s * g.cb, pixels, start); break;
        default: ae__add_taps(t, at, n, row, to, g.s * g.cb, pixels, start); break;
        }
    }
    ae__finish(j->K, y, (size_t)(g.bh * g.bw * g.cb), &j->st, mask);
}
/* Where the taps of every residue lie, seen from the small pixel (y + p) / s; a kernel's column after the other. */
static int ae__tap_table(ae_ctx *ae, ae_conv_job *j) {
    ae_geo g = j->geo;  int *at = (int *)(void *)ae__floats(ae, (size_t)g.k * (size_t)g.k), *from = (int *)(void *)ae__floats(ae, (size_t)g.s * (size_t)g.s), n = 0, r, kx, ky, row = j->g[0].cols;
    for (r = 0; at && from && r < g.s * g.s; r++) {
        from[r] = n;
        for (kx = r % g.s; kx < g.k; kx += g.s)
            for (ky = (ae__taps(g.k, g.s, r / g.s) - 1) * g.s + r / g.s; ky >= 0; ky -= g.s) at[n++] = -(ky / g.s * j->pw + kx / g.s) * row + (ky * g.k + kx) * g.cb;
    }
    j->tap_at = at;  j->tap_from = from;  return at && from;
}
static void ae__few_channels_task(void *user, int index, int thread) {
    const ae_conv_job *j = (const ae_conv_job *)user;  ae_geo geo = j->geo;  ae_gemm g = j->g[0];
    int m, images = ae__images(j, index);  float *taps = ae__thread_scratch(j, thread);
    g.a = j->in + (size_t)index * (size_t)j->group * (size_t)(geo.sh * geo.sw * geo.cs);  g.c = taps;
    g.rows = images * geo.sh * geo.sw;  ae__conv_panels(j, &g);
    for (m = 0; m < images; m++) {
        size_t at = ((size_t)index * (size_t)j->group + (size_t)m) * (size_t)(geo.bh * geo.bw * geo.cb);
        ae__sum_taps(j, taps + (size_t)m * (size_t)(j->ph * j->pw) * (size_t)g.cols, j->out + at, j->st.mask ? j->st.mask + at : NULL);
    }
}
static void ae__spread_few_channels(ae_ctx *ae, ae_conv_job *j, const float *w) {
    ae_geo geo = j->geo;  ae_gemm *g = &j->g[0];
    int taps = geo.k * geo.k * geo.cb, columns = (taps + 15) & ~15, i, c, *crow;       /* whole vectors */
    float *turned = ae__floats(ae, (size_t)(columns * geo.cs) + AE_PAD);        /* [cs][k][k][cb] */
    j->group = ae__group(geo.sh * geo.sw);
    crow = (int *)(void *)ae__floats(ae, (size_t)(j->group * geo.sh * geo.sw));
    if (!turned || !crow) return;
    for (c = 0; c < geo.cs; c++) for (i = 0; i < columns; i++) turned[c * columns + i] = i < taps ? w[i * geo.cs + c] : 0;
    for (i = 0; i < j->group * geo.sh * geo.sw; i++) crow[i] = ((i / geo.sw / geo.sh * j->ph + i / geo.sw % geo.sh + j->top) * j->pw + i % geo.sw + j->left) * columns;
    ae__gemm_init(g, NULL, turned, NULL, 0, columns, ae__storing(AE_ACT_NONE, 0, NULL, 0));
    g->lda = (size_t)geo.cs;  g->crow = crow;  g->bstep = columns;
    if (ae__terms(ae, g, 1, 0, geo.cs, 1) && ae__tap_table(ae, j) && ae__conv_scratch(ae, j, columns)) ae__parallel(ae, (geo.n + j->group - 1) / j->group, ae__conv_work(geo), ae__few_channels_task, j);
}
static void ae__spread_residues(ae_ctx *ae, ae_conv_job *j, const float *w) {
    ae_geo geo = j->geo;  int r;
    j->group = ae__group(geo.bh * geo.bw / (geo.s * geo.s));
    for (r = 0; r < geo.s * geo.s; r++) if (!ae__residue(ae, j, r / geo.s, r % geo.s, w)) return;
    if (ae__conv_scratch(ae, j, geo.cs)) ae__parallel(ae, (geo.n + j->group - 1) / j->group, ae__conv_work(geo), ae__spread_task, j);
}
/* The small image (or its taps) as all output pixels see it: every tap of the residue stays inside. */
static void ae__spread_border(ae_conv_job *j) {
    ae_geo g = j->geo;  int most = (g.k + g.s - 1) / g.s, h = (g.bh - 1 + g.p) / g.s + 1, w = (g.bw - 1 + g.p) / g.s + 1;
    j->top = j->left = most - 1;  j->bordered = 1;
    j->ph = most - 1 + (h > g.sh ? h : g.sh);  j->pw = most - 1 + (w > g.sw ? w : g.sw);
}
/* The bias of each channel, once for every pixel of an image that is written as one row. */
static const float *ae__repeat_bias(ae_ctx *ae, const float *bias, int pixels, int c) {
    float *out = bias ? ae__floats(ae, (size_t)pixels * (size_t)c + AE_PAD) : NULL;  int i;
    for (i = 0; out && i < pixels; i++) memcpy(out + (size_t)i * (size_t)c, bias, (size_t)c * sizeof(float));
    return out;
}
/* big = act(transposed conv(small, w) + bias): transposed convolution forward, input gradient of a convolution. */
static void ae__spread(ae_ctx *ae, ae_geo geo, const float *small, const float *w, const float *bias, float *big, ae_store st) {
    ae_conv_job j;
    if (ae__covers(geo)) {
        ae__rows_by_transposed(ae, small, w, ae__repeat_bias(ae, bias, geo.k * geo.k, geo.cb), big, geo.n, geo.k * geo.k * geo.cb, geo.cs, st);
        return;
    }
    ae__conv_job_init(ae, &j, geo, small, big, bias, st);  ae__spread_border(&j);
    if (geo.cb <= 4 || geo.s > 4) ae__spread_few_channels(ae, &j, w); else ae__spread_residues(ae, &j, w);
}

/* ---- the weight gradient of both: dw[ky][kx][cb][cs] = sum over pixels of big * small, in chunks of 16 images ---- */
enum { AE_IMAGE_CHUNK = 16 };        /* part of the result's bits */
/* An image at a time, so that it, its border and the sums stay in the first cache; each has a sum of its own, which keeps
   long sums accurate. */
static void ae__weight_task(void *user, int index, int thread) {
    const ae_conv_job *j = (const ae_conv_job *)user;  ae_geo geo = j->geo;  ae_gemm g = j->g[0];
    int image = index * AE_IMAGE_CHUNK, end = image + AE_IMAGE_CHUNK < geo.n ? image + AE_IMAGE_CHUNK : geo.n;
    g.c = j->taps + (size_t)index * j->taps_floats;
    for (; image < end; image++, g.st.add = 1) {
        g.a = ae__bordered(j, image, thread, geo.bh, geo.bw, geo.cb);
        g.b = j->out + (size_t)image * (size_t)(geo.sh * geo.sw * geo.cs);      /* out: here the small image */
        ae__conv_panels(j, &g);
    }
}
static int *ae__kernel_rows(ae_ctx *ae, const ae_conv_job *j) {
    ae_geo g = j->geo;  int n = g.k * g.k * g.cb, *row = (int *)(void *)ae__floats(ae, (size_t)n), i;
    for (i = 0; row && i < n; i++) row[i] = (i / (g.k * g.cb) * j->pw + i / g.cb % g.k) * g.cb + i % g.cb;
    return row;
}
static void ae__weight_gradient(ae_ctx *ae, ae_geo geo, const float *big, const float *small, float *dw, int add) {
    ae_conv_job j;  ae_gemm *g = &j.g[0];  int chunks = (geo.n + AE_IMAGE_CHUNK - 1) / AE_IMAGE_CHUNK, i, rows = geo.k * geo.k * geo.cb;
    size_t n = (size_t)rows * (size_t)geo.cs;
    if (ae__covers(geo)) { ae__outer_products(ae, big, small, dw, geo.n, rows, geo.cs, add); return; }
    ae__conv_job_init(ae, &j, geo, big, (float *)small, NULL, ae__storing(AE_ACT_NONE, 0, NULL, 0));
    j.ph = geo.p ? (geo.sh - 1) * geo.s + geo.k : geo.bh;  j.pw = geo.p ? (geo.sw - 1) * geo.s + geo.k : geo.bw;
    j.top = j.left = geo.p;  j.bordered = geo.p > 0;  j.group = 1;
    ae__gemm_init(g, NULL, NULL, NULL, rows, geo.cs, j.st);
    g->arow = ae__kernel_rows(ae, &j);  g->ldc = (size_t)geo.cs;  g->bstep = geo.cs;
    j.taps_floats = n + AE_PAD;
    j.taps = g->arow && ae__terms(ae, g, geo.sh, geo.s * j.pw * geo.cb, geo.sw, geo.s * geo.cb) && ae__conv_scratch(ae, &j, geo.cb) ? ae__floats(ae, j.taps_floats * (size_t)chunks) : NULL;
    if (!j.taps) return;
    ae__parallel(ae, chunks, ae__conv_work(geo), ae__weight_task, &j);
    for (i = 0; i < chunks; i++) ae__map(ae, AE_F_AFFINE, j.taps + (size_t)i * j.taps_floats, NULL, dw, n, 1, 0, add || i > 0);
}

AE_END_EXACT
#endif /* AUTOENC_IMPLEMENTATION */

/* ==== >>kernels: this part is read once for each width of vector, by the lines above that define AE_W ======= */
#ifdef AE_W
#define AE_V AE_(v)
#define AE_I AE_(i)
#define AE_FN  static inline __attribute__((always_inline, unused)) AE_TARGET
#define AE_HOT static __attribute__((unused)) AE_TARGET

typedef float   AE_V __attribute__((vector_size(AE_W * 4)));
typedef int32_t AE_I __attribute__((vector_size(AE_W * 4)));
typedef float   AE_(u) __attribute__((vector_size(AE_W * 4), aligned(4), may_alias));

AE_FN AE_V AE_(load)(const float *p) { return (AE_V)*(const AE_(u) *)p; }
AE_FN void AE_(store)(float *p, AE_V v) { *(AE_(u) *)p = (AE_(u))v; }
AE_FN AE_V AE_(pick)(AE_I mask, AE_V yes, AE_V no) { return (AE_V)((mask & (AE_I)yes) | (~mask & (AE_I)no)); }

AE_FN AE_V AE_(each_set)(float s) { AE_V v; int i; AE_UNROLL for (i = 0; i < AE_W; i++) v[i] = s; return v; }     /* for machines whose */
AE_FN AE_V AE_(each_sqrt)(AE_V v) { int i; AE_UNROLL for (i = 0; i < AE_W; i++) v[i] = sqrtf(v[i]); return v; }   /* intrinsics we do not use */
AE_FN AE_V AE_(each_fma)(AE_V a, AE_V b, AE_V c) { int i; AE_UNROLL for (i = 0; i < AE_W; i++) a[i] = fmaf(a[i], b[i], c[i]); return a; }
AE_FN AE_V AE_(each_widen)(const uint8_t *p) { AE_V v; int i; AE_UNROLL for (i = 0; i < AE_W; i++) v[i] = (float)p[i]; return v; }

AE_FN AE_V AE_(relu)(AE_V v) { const AE_V zero = { 0 }; return (AE_V)((AE_I)v & ~(AE_I)(v <= zero)); }
AE_FN AE_V AE_(leaky)(AE_V v, AE_V slope) { const AE_V zero = { 0 }; return AE_(pick)((AE_I)(v <= zero), slope * v, v); }
AE_FN AE_V AE_(masked)(AE_V v, AE_V y, float slope) {           /* v times the derivative of the (leaky) relu that gave y */
    const AE_V zero = { 0 };
    return AE_(pick)((AE_I)(y > zero), v, slope == 0 ? zero : AE_SET(slope) * v);
}

/* ---- products ---- */
/* Where the rows of a tile come from (offsets in a) and go to (offsets in c and mask). */
typedef struct AE_(spot) { const int *from, *to; float *c; const float *a, *mask, *b, *bias; } AE_(spot);

/* One vector of each of R rows of a tile goes to memory, v columns from its left. */
AE_FN void AE_(finish)(const ae_gemm *g, const AE_(spot) *at, const int R, AE_V *acc, const int v) {
    int i;
    if (g->st.add) { AE_UNROLL for (i = 0; i < R; i++) acc[i] += AE_(load)(at->c + at->to[i] + v); }
    else if (at->bias) { AE_UNROLL for (i = 0; i < R; i++) acc[i] += AE_(load)(at->bias + v); }
    if (g->st.act == AE_ACT_RELU) { AE_UNROLL for (i = 0; i < R; i++) acc[i] = AE_(relu)(acc[i]); }
    if (g->st.act == AE_ACT_LEAKY) { AE_UNROLL for (i = 0; i < R; i++) acc[i] = AE_(leaky)(acc[i], AE_SET(g->st.slope)); }
    if (g->st.mask) { AE_UNROLL for (i = 0; i < R; i++) acc[i] = AE_(masked)(acc[i], AE_(load)(at->mask + at->to[i] + v), g->st.slope); }
    AE_UNROLL for (i = 0; i < R; i++) AE_(store)(at->c + at->to[i] + v, acc[i]);
}

/* The rows of each half of a tile are as far from each other as the first two: then their offsets need not be read for every term. */
AE_FN int AE_(even)(const int *from, const int half) {
    int i, odd = 0, step = from[1] - from[0];
    AE_UNROLL for (i = 1; i < half; i++) odd |= (from[i] - from[i - 1] - step) | (from[half + i] - from[half + i - 1] - step);
    return !odd;
}
/* i <= 6 steps of a tile's row to the next, in bytes: sums of what an address can hold, 1, 2 or 4 steps, 1 or 2 times three, or five. */
AE_FN ptrdiff_t AE_(steps)(const int i, ptrdiff_t one, ptrdiff_t three, ptrdiff_t five) { return i == 5 ? five : i % 3 ? i * one : i / 3 * three; }
/* R, V and even are constants once this is inlined, so the tile stays in registers; what follows a sum happens on its way to memory. */
AE_FN void AE_(tile)(const ae_gemm *g, const AE_(spot) *at, const int R, const int V, const int even) {
    AE_V acc0[AE_ROWS], acc1[AE_ROWS];  const AE_V zero = { 0 };
    const int *ak = g->ak, half = R > 1 ? R / 2 : 1;
    const float *a = even ? at->a + at->from[0] : at->a, *b = at->b;
    const ptrdiff_t bs = g->bstep, middle = even ? at->from[half] - at->from[0] : 0;
    ptrdiff_t one = even ? (at->from[1] - at->from[0]) * (ptrdiff_t)sizeof(float) : 0, three = 3 * one, five = 5 * one;
    int k, i;
    if (even) __asm__("" : "+r"(one), "+r"(three), "+r"(five));                 /* else each row gets a register for its offset */
    AE_UNROLL for (i = 0; i < R; i++) acc0[i] = acc1[i] = zero;
    for (k = 0; V == 1 && k + 4 <= g->terms; k += 4, b += 4 * bs) {              /* one look at a row's offset serves four terms */
        const float *p0 = a + ak[k], *p1 = a + ak[k + 1], *p2 = a + ak[k + 2], *p3 = a + ak[k + 3];
        AE_V b0 = AE_(load)(b), b1 = AE_(load)(b + bs), b2 = AE_(load)(b + 2 * bs), b3 = AE_(load)(b + 3 * bs);
        __asm__("" : "+r"(p0), "+r"(p1), "+r"(p2), "+r"(p3));                   /* else gcc adds ak[k] to every row's offset */
        AE_UNROLL for (i = 0; i < R; i++) {
            ptrdiff_t from = at->from[i];
            acc0[i] = AE_FMA(AE_SET(p1[from]), b1, AE_FMA(AE_SET(p0[from]), b0, acc0[i]));
            acc0[i] = AE_FMA(AE_SET(p3[from]), b3, AE_FMA(AE_SET(p2[from]), b2, acc0[i]));
        }
    }
    for (; k < g->terms; k++, b += bs) {
        AE_V b0 = AE_(load)(b), b1 = V > 1 ? AE_(load)(b + AE_W) : zero;
        const float *p = a + ak[k], *q = p + middle, *ahead = b + 6 * bs;
        if (even) __asm__("" : "+r"(p), "+r"(q)); else __asm__("" : "+r"(p));
        __builtin_prefetch(ahead);                /* rows of a wide matrix are a page apart */
        if (V > 1) __builtin_prefetch(ahead + AE_W);
        AE_UNROLL for (i = 0; i < R; i++) {
            const char *row = even ? (const char *)(i < half ? p : q) + AE_(steps)(i % half, one, three, five) : (const char *)(p + at->from[i]);
            AE_V s = AE_SET(*(const float *)(const void *)row);
            acc0[i] = AE_FMA(s, b0, acc0[i]);
            if (V > 1) acc1[i] = AE_FMA(s, b1, acc1[i]);
        }
    }
    AE_(finish)(g, at, R, acc0, 0);
    if (V > 1) AE_(finish)(g, at, R, acc1, AE_W);
}
#define AE_TILE(R) case R: if (cols <= AE_W) AE_(tile)(g, at, R > AE_ROWS ? 1 : R, 1, 0); \
    else if (R > 1 && AE_(even)(at->from, R / 2)) AE_(tile)(g, at, R > AE_ROWS ? 1 : R, 2, R > 1 && R <= AE_ROWS); \
    else AE_(tile)(g, at, R > AE_ROWS ? 1 : R, 2, 0); \
    break;
AE_HOT void AE_(run_tile)(const ae_gemm *g, const AE_(spot) *at, int rows, int cols) {     /* rows: 1 or even, at most AE_ROWS */
    switch (rows) { AE_TILE(1) AE_TILE(2) AE_TILE(4) AE_TILE(6) AE_TILE(8) AE_TILE(10) AE_TILE(12) AE_TILE(14) }
}
/* A tile whose columns fill no whole vector goes through a copy, whose other lanes are zeros and are dropped. */
AE_HOT void AE_(part_tile)(const ae_gemm *g, const AE_(spot) *whole, int rows, int cols) {
    float c[AE_ROWS * 2 * AE_W] = { 0 }, mask[AE_ROWS * 2 * AE_W] = { 0 }, bias[2 * AE_W] = { 0 };
    int inside[AE_ROWS], i;  size_t bytes = (size_t)cols * sizeof(float);  AE_(spot) at = *whole;
    for (i = 0; i < rows; i++) {
        inside[i] = i * 2 * AE_W;
        if (g->st.add) memcpy(c + inside[i], at.c + at.to[i], bytes);
        if (g->st.mask) memcpy(mask + inside[i], at.mask + at.to[i], bytes);
    }
    if (at.bias) { memcpy(bias, at.bias, bytes);  at.bias = bias; }
    at.to = inside;  at.c = c;  at.mask = mask;
    AE_(run_tile)(g, &at, rows, cols);
    for (i = 0; i < rows; i++) memcpy(whole->c + whole->to[i], c + inside[i], bytes);
}
AE_HOT void AE_(map)(int f, const float *a, const float *b, float *out, size_t n, float ps, float qs, int add);
/* rows x cols of C from (row, col) on, in tiles of `height` rows and at most two vectors of columns; b stands at column col. */
AE_HOT void AE_(gemm)(const ae_gemm *g, int row, int end, int height, int col, int cols, const float *b) {
    int from[AE_ROWS], to[AE_ROWS], i, v, rows;
    AE_(spot) at = { from, to, NULL, NULL, NULL, b, g->bias ? g->bias + col : NULL };
    for (i = 0; i < height; i++) { from[i] = i * (int)g->lda;  to[i] = i * (int)g->ldc; }
    for (; row < end; row += rows) {
        size_t c = (size_t)col + (g->crow ? 0 : (size_t)row * g->ldc);
        rows = end - row < height ? end - row : height;
        if (rows > 1) rows &= ~1;                 /* tiles are even, or one row */
        if (g->arow) at.from = g->arow + row;
        if (g->crow) at.to = g->crow + row;
        at.a = g->a + (g->arow ? 0 : (size_t)row * g->lda);  at.c = g->c + c;  at.mask = g->st.mask ? g->st.mask + c : NULL;
        for (i = 0; i < rows && g->st.mask; i++) for (v = 0; v < cols; v += AE_W) __builtin_prefetch(at.mask + at.to[i] + v);     /* wanted when the sums are done */
        if (cols % AE_W) AE_(part_tile)(g, &at, rows, cols); else AE_(run_tile)(g, &at, rows, cols);
        for (i = 0; i < rows && g->st.act >= AE_ACT_SIGMOID; i++) AE_(map)(ae__curves[g->st.act], at.c + at.to[i], at.c + at.to[i], at.c + at.to[i], (size_t)cols, 0, 0, 0);
    }
}

/* ---- functions: exp, log, tanh after the Cephes library (Moshier 1989), within 2 units in the last place ---- */
AE_FN AE_V AE_(exp)(AE_V x) {                    /* e^x = 2^n e^r, n = round(x / ln 2); 0 below -104, inf above 88.8 */
    AE_V magic = AE_SET(12582912.0f), shifted, n, r, y;  AE_I whole, half;
    x = AE_(pick)((AE_I)(x > AE_SET(89.0f)), AE_SET(89.0f), x);  x = AE_(pick)((AE_I)(x < AE_SET(-104.0f)), AE_SET(-104.0f), x);
    shifted = AE_FMA(x, AE_SET(1.44269504088896341f), magic);  whole = (AE_I)shifted - (AE_I)magic;
    n = shifted - magic;  r = AE_FMA(n, AE_SET(-0.693359375f), x);  r = AE_FMA(n, AE_SET(2.12194440e-4f), r);
    y = AE_FMA(AE_SET(1.9875691500e-4f), r, AE_SET(1.3981999507e-3f));  y = AE_FMA(y, r, AE_SET(8.3334519073e-3f));
    y = AE_FMA(y, r, AE_SET(4.1665795894e-2f));  y = AE_FMA(y, r, AE_SET(1.6666665459e-1f));
    y = AE_FMA(y, r, AE_SET(5.0000001201e-1f));  y = AE_FMA(y, r * r, r) + AE_SET(1.0f);
    half = whole >> 1;                            /* 2^n in two steps: n = 128 has no power of its own */
    y = y * (AE_V)((half + 127) << 23);  return y * (AE_V)((whole - half + 127) << 23);
}
AE_FN AE_V AE_(log)(AE_V x) {                    /* -inf at 0, NaN below; denormals count as 0 */
    AE_V one = AE_SET(1.0f), zero = { 0 }, m, z, y, e, r;
    AE_I bits = (AE_I)x, power = ((bits >> 23) & 255) - 126, small;
    m = (AE_V)((bits & 0x7fffff) | 0x3f000000);  small = (AE_I)(m < AE_SET(0.707106781186547524f));
    power = power + small;  m = m - one + (AE_V)(small & (AE_I)m);
    e = (AE_V)(power + 0x4b400000) - AE_SET(12582912.0f);  z = m * m;
    y = AE_FMA(AE_SET(7.0376836292e-2f), m, AE_SET(-1.1514610310e-1f));  y = AE_FMA(y, m, AE_SET(1.1676998740e-1f));
    y = AE_FMA(y, m, AE_SET(-1.2420140846e-1f));  y = AE_FMA(y, m, AE_SET(1.4249322787e-1f));
    y = AE_FMA(y, m, AE_SET(-1.6668057665e-1f));  y = AE_FMA(y, m, AE_SET(2.0000714765e-1f));
    y = AE_FMA(y, m, AE_SET(-2.4999993993e-1f));  y = AE_FMA(y, m, AE_SET(3.3333331174e-1f));
    y = AE_FMA(e, AE_SET(-2.12194440e-4f), y * m * z);  r = AE_FMA(e, AE_SET(0.693359375f), m + AE_FMA(AE_SET(-0.5f), z, y));
    r = AE_(pick)((AE_I)(x == AE_SET(INFINITY)), x, r);
    return AE_(pick)((AE_I)(x > zero), r, AE_(pick)((AE_I)(x == zero), AE_SET(-INFINITY), AE_SET(NAN)));
}
AE_FN AE_V AE_(log1p)(AE_V x) {                  /* for x > -1: log(1 + x) with what the sum rounded off put back */
    AE_V u = AE_SET(1.0f) + x;  return AE_(log)(u) + (x - (u - AE_SET(1.0f))) / u;
}
AE_FN AE_V AE_(at_least)(AE_V x, AE_V least) { return AE_(pick)((AE_I)(x > least), x, least); }
AE_FN AE_V AE_(abs)(AE_V x) { return (AE_V)((AE_I)x & 0x7fffffff); }
AE_FN AE_V AE_(sigmoid)(AE_V x) { return AE_SET(1.0f) / (AE_SET(1.0f) + AE_(exp)(-x)); }
AE_FN AE_V AE_(tanh)(AE_V x) {
    AE_V one = AE_SET(1.0f), a = AE_(abs)(x), t = AE_(exp)(a * AE_SET(-2.0f)), big = (one - t) / (one + t), z = x * x, y;
    big = (AE_V)((AE_I)big | ((AE_I)x & (AE_I)AE_SET(-0.0f)));
    y = AE_FMA(AE_SET(-5.70498872745e-3f), z, AE_SET(2.06390887954e-2f));
    y = AE_FMA(y, z, AE_SET(-5.37397155531e-2f));  y = AE_FMA(y, z, AE_SET(1.33314422036e-1f));
    y = AE_FMA(y, z, AE_SET(-3.33332819422e-1f));  y = AE_FMA(y * z, x, x);
    return AE_(pick)((AE_I)(a < AE_SET(0.625f)), y, big);
}
AE_FN AE_V AE_(cos_turns)(AE_V t) {              /* cos(2 pi t) for t in [-1/2, 1/2], as the sine of 1/4 - |t| turns */
    AE_V z = (AE_SET(0.25f) - AE_(abs)(t)) * AE_SET(6.28318530717958648f), s = z * z, y;
    y = AE_FMA(AE_SET(2.7557319e-6f), s, AE_SET(-1.9841270e-4f));  y = AE_FMA(y, s, AE_SET(8.3333333e-3f));
    y = AE_FMA(y, s, AE_SET(-1.6666667e-1f));  return AE_FMA(y * s, z, z);
}
AE_FN AE_V AE_(gauss)(AE_V u, AE_V turns) {      /* Box-Muller: sqrt(-2 log u) cos(2 pi turns) */
    turns = turns - AE_(pick)((AE_I)(turns >= AE_SET(0.5f)), AE_SET(1.0f), AE_SET(0.0f));
    return AE_SQRT(AE_SET(-2.0f) * AE_(log)(u)) * AE_(cos_turns)(turns);
}
AE_FN AE_V AE_(within)(AE_V x, AE_V v) {         /* v where x lies in 0..1, else NaN */
    const AE_V zero = { 0 };  return AE_(pick)((AE_I)(x >= zero) & (AE_I)(x <= AE_SET(1.0f)), v, AE_SET(NAN));
}
AE_FN int AE_(nought)(AE_V v) { uint64_t part[AE_W / 2], any = 0; int i; memcpy(part, &v, sizeof v); AE_UNROLL for (i = 0; i < AE_W / 2; i++) any |= part[i]; return any == 0; }
AE_FN AE_V AE_(bce)(AE_V y, AE_V t) {            /* both logs at least -100, as PyTorch has it; of margins, where all targets are 0, only one is asked for */
    AE_V least = AE_SET(-100.0f), one = AE_SET(1.0f), yes = { 0 }, no = AE_(at_least)(AE_(log1p)(-y), least);
    if (!AE_(nought)(t)) yes = AE_(at_least)(AE_(log)(y), least);
    return AE_(within)(t, AE_(within)(y, -(t * yes + (one - t) * no)));
}
/* The function f of one vector of a and one of b: see the list in >>ops. */
AE_FN AE_V AE_(point)(int f, AE_V a, AE_V b, AE_V p, AE_V q) {
    AE_V zero = { 0 }, one = AE_SET(1.0f);
    switch (f) {
    case AE_F_COPY:       return a;
    case AE_F_AFFINE:     return AE_FMA(p, a, q);
    case AE_F_ADD:        return a + b;
    case AE_F_SUB:        return a - b;
    case AE_F_MUL:        return p * a * b;
    case AE_F_DIV:        return p * a / b;
    case AE_F_EXP:        return AE_(exp)(a);
    case AE_F_LOG:        return AE_(log)(a);
    case AE_F_RELU:       return AE_(relu)(a);
    case AE_F_LEAKY:      return AE_(leaky)(a, p);
    case AE_F_SIGMOID:    return AE_(sigmoid)(a);
    case AE_F_TANH:       return AE_(tanh)(a);
    case AE_F_GAUSS_COS:  return AE_(gauss)(a, b);
    case AE_F_GAUSS_SIN:  return AE_(gauss)(a, AE_(pick)((AE_I)(b < AE_SET(0.25f)), b + AE_SET(0.75f), b - AE_SET(0.25f)));
    case AE_F_DRELU:      return (AE_V)((AE_I)a & (AE_I)(b > zero));
    case AE_F_DLEAKY:     return AE_(pick)((AE_I)(b > zero), a, p * a);
    case AE_F_DSIGMOID:   return a * b * (one - b);
    case AE_F_DTANH:      return a * (one - b * b);
    case AE_F_DIFF:       return p * (a - b);
    case AE_F_SIGN:       return AE_(pick)((AE_I)(a > b), p, AE_(pick)((AE_I)(a < b), -p, zero));
    case AE_F_DBCE:       return p * (a - b) / AE_(at_least)(a * (one - a), AE_SET(1e-12f));
    case AE_F_DBCE_LOGITS:return p * (AE_(sigmoid)(a) - b);
    case AE_F_EXPM1:      return p * (AE_(exp)(a) - one);
    case AE_F_SQUARE_DIFF:return (a - b) * (a - b);
    case AE_F_ABS_DIFF:   return AE_(abs)(a - b);
    case AE_F_BCE:        return AE_(bce)(a, b);
    case AE_F_BCE_LOGITS: return AE_(within)(b, AE_(pick)((AE_I)(a > zero), a, zero) - a * b + AE_(log1p)(AE_(exp)(-AE_(abs)(a))));
    default:              return one + b - a * a - AE_(exp)(b);                 /* AE_F_KL */
    }
}

AE_HOT void AE_(map)(int f, const float *a, const float *b, float *out, size_t n, float ps, float qs, int add) {
    AE_V p = AE_SET(ps), q = AE_SET(qs), v;
    float x[AE_W] = { 0 }, y[AE_W] = { 0 }, z[AE_W] = { 0 };  size_t i;
    for (i = 0; i + AE_W <= n; i += AE_W) {
        v = AE_(point)(f, AE_(load)(a + i), AE_(load)(b + i), p, q);
        AE_(store)(out + i, add ? AE_(load)(out + i) + v : v);
    }
    if (i == n) return;
    memcpy(x, a + i, (n - i) * sizeof(float));  memcpy(y, b + i, (n - i) * sizeof(float));
    memcpy(z, out + i, (n - i) * sizeof(float));  v = AE_(point)(f, AE_(load)(x), AE_(load)(y), p, q);
    AE_(store)(x, add ? AE_(load)(z) + v : v);
    memcpy(out + i, x, (n - i) * sizeof(float));
}
/* Always 16 lanes of float, added up in double every 256 numbers: the same sum for every width of vector. */
AE_HOT double AE_(sum)(int f, const float *a, const float *b, size_t n) {
    double total = 0;  size_t i = 0, stop;  int l;  AE_V p = AE_SET(1.0f), q = AE_SET(0.0f);
    while (i < n) {
        float lane[16] = { 0 }, x[16] = { 0 }, y[16] = { 0 }, z[16];
        for (stop = i + 256; i + 16 <= n && i < stop; i += 16)
            for (l = 0; l < 16; l += AE_W)
                AE_(store)(lane + l, AE_(load)(lane + l) + AE_(point)(f, AE_(load)(a + i + l), AE_(load)(b + i + l), p, q));
        if (i < n && i + 16 > n && i < stop) {
            memcpy(x, a + i, (n - i) * sizeof(float));  memcpy(y, b + i, (n - i) * sizeof(float));
            for (l = 0; l < 16; l += AE_W) AE_(store)(z + l, AE_(point)(f, AE_(load)(x + l), AE_(load)(y + l), p, q));
            for (l = 0; i < n; i++, l++) lane[l] += z[l];
        }
        for (l = 0; l < 16; l++) total += (double)lane[l];
    }
    return total;
}
AE_HOT void AE_(adam)(float *p, const float *g, float *m, float *v, size_t n, ae_adam_step k) {
    AE_V c1 = AE_SET((float)(1.0 - (double)k.b1)), b2 = AE_SET(k.b2), c2 = AE_SET((float)(1.0 - (double)k.b2)), eps = AE_SET(k.eps);
    AE_V decay = AE_SET(k.decay), shrink = AE_SET(k.shrink), step = AE_SET(-k.step_size), scale = AE_SET(k.root_scale);  size_t i;
    for (i = 0; i < n; i += AE_W) {              /* the last vector runs into the padding behind the parameter, which is ours */
        __builtin_prefetch(p + i + 128, 1);     /* to be written: else a line that another thread has read is fetched twice */
        AE_V w = AE_(load)(p + i), d = AE_FMA(decay, w, AE_(load)(g + i)), mm = AE_(load)(m + i), vv;
        mm = AE_FMA(c1, d - mm, mm);  vv = AE_FMA(c2 * d, d, b2 * AE_(load)(v + i));
        AE_(store)(m + i, mm);  AE_(store)(v + i, vv);
        AE_(store)(p + i, AE_FMA(step, mm / AE_FMA(AE_SQRT(vv), scale, eps), shrink * w));
    }
}
/* out[c] = sum over rows of a[row][c].  Few columns, a divisor of 16: rows are taken several at a time, then folded. */
AE_HOT void AE_(columns)(const float *a, float *out, size_t rows, size_t columns) {
    size_t r, c, wide = 16 % columns == 0 ? 16 : columns, n = rows * columns / wide;  float lane[16] = { 0 };
    for (c = 0; c < wide; c += AE_W) {
        AE_V acc = { 0 };
        float *to = wide == 16 ? lane + c : out + c;
        for (r = 0; r < n; r++) acc += AE_(load)(a + r * wide + c);
        AE_(store)(to, acc);
    }
    if (wide != 16) return;
    for (r = n * 16; r < rows * columns; r++) lane[r % 16] += a[r];
    for (c = 0; c < columns; c++) for (out[c] = 0, r = c; r < 16; r += columns) out[c] += lane[r];
}
/* One round of a perfect shuffle of AE_W vectors: after log2(AE_W) rounds, rows have become columns. */
AE_FN void AE_(shuffle)(const AE_V *in, AE_V *out) {
    const AE_I low = { AE_LANES(0) }, high = { AE_LANES(AE_W / 2) };  int i;
    (void)low;  (void)high;                       /* clang takes the numbers themselves */
    AE_UNROLL for (i = 0; i < AE_W / 2; i++) {
        out[2 * i] = AE_ZIP(in[i], in[i + AE_W / 2], low, AE_LANES(0));
        out[2 * i + 1] = AE_ZIP(in[i], in[i + AE_W / 2], high, AE_LANES(AE_W / 2));
    }
}
/* out[column * step + i] = in[i][column] for the AE_W rows i; those from `rows` on count as zeros.  Reads a vector past the end. */
AE_HOT void AE_(transpose)(const float *in, int rows, int columns, float *out, int step) {
    const AE_V zero = { 0 };  AE_V a[AE_W], b[AE_W];  int i, k;
    for (k = 0; k < columns; k += AE_W) {
        AE_UNROLL for (i = 0; i < AE_W; i++) a[i] = i < rows ? AE_(load)(in + (size_t)i * (size_t)columns + k) : zero;
        AE_(shuffle)(a, b);  AE_(shuffle)(b, a);
        if (AE_W == 8) { AE_(shuffle)(a, b);  memcpy(a, b, sizeof a); }
        if (AE_W == 16) { AE_(shuffle)(a, b);  AE_(shuffle)(b, a); }
        AE_UNROLL for (i = 0; i < AE_W; i++) if (k + i < columns) AE_(store)(out + (size_t)(k + i) * (size_t)step, a[i]);
    }
}
/* out = px, or px / 255 to the bit: the first factor has 16 bits, so its product is exact, and the second adds what is missing. */
AE_HOT void AE_(widen)(const uint8_t *px, float *out, size_t n, int unit) {
    float big = unit ? 0.003921628f : 1.0f, rest = unit ? -5.93709e-8f : 0.0f;  size_t i;
    for (i = 0; i + AE_W <= n; i += AE_W) { AE_V v = AE_WIDEN(px + i); AE_(store)(out + i, v * AE_SET(big) + v * AE_SET(rest)); }
    for (; i < n; i++) out[i] = (float)px[i] * big + (float)px[i] * rest;
}
static const ae_kernels AE_(kernels) = { AE_ISA, AE_W, AE_ROWS, AE_(gemm), AE_(map), AE_(sum), AE_(adam), AE_(columns), AE_(transpose), AE_(widen) };

#undef AE_V
#undef AE_I
#undef AE_FN
#undef AE_HOT
#undef AE_TILE
#undef AE_W
#undef AE_ROWS
#undef AE_TARGET
#undef AE_FMA
#undef AE_SQRT
#undef AE_SET
#undef AE_WIDEN
#undef AE_ISA
#endif /* AE_W */

/* ==== >>end =============================================================================================== */
/* Two licences, whichever you prefer.  MIT: Copyright (c) 2026 the autoenc.h authors; permission is granted, free of charge, to anyone
   to deal in this software without restriction, provided that this notice is included; it comes WITHOUT WARRANTY OF ANY KIND.  Or
   public domain: the authors dedicate it to the public domain (unlicense.org).  The full texts are in the file LICENSE. */
