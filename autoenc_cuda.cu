/* autoenc_cuda.cu - the drop-in that lets autoenc.h train on an NVIDIA card.  MIT or public domain, as autoenc.h is.

       nvcc -O3 --fmad=false -ftz=true -Xcompiler -fno-threadsafe-statics,-fno-exceptions,-fno-rtti -c autoenc_cuda.cu
       cc program.c autoenc_cuda.o -lm -lpthread -L$CUDA/lib64 -lcudart_static -lcublas -ldl -lrt       (or: make lesson03 CUDA=1)

   Put the object on the link line and say "cuda" or "auto" in ae_config.device; "cuda-tf32" lets cuBLAS round the factors
   of its products to 10 bits, as PyTorch does for convolutions.  Nothing else changes in the program.

   DECISIONS
   A step is a list of commands, and the list is the key of a plan.  run takes a command down: which op, which way, where its
   arrays are.  At a read, or at the optimiser's step, flush looks for a plan with the same commands.  The first time they are
   launched one by one; the second time they are recorded into a CUDA graph; from then on the graph is replayed.  The last,
   smaller batch of an epoch is another list and so another plan.  Lists are compared whole, a hash only finds the candidate.
   What changes from step to step is in no argument of a kernel, since a graph would freeze it: the place in the data set, Adam's
   powers, learning rates, the random counter and factors stand in an array on the device, `values`, sent before each launch.
   Three paths.  The next layer waits for a layer's output and for its input's gradient, and for nothing else: gradients of weights, and
   sums for biases and losses, are errands, launched aside on two more streams, and so they are paths of the recorded graph beside the
   first.  Small kernels fill a card better together than one by one, and the longest path of lesson 03's step has 19 of its 33 nodes.  Who
   would read what an errand writes, or write what it reads, waits for it first; which memory a command touches is in the command.
   Elementwise work that comes in a row, on arrays of one size, is one kernel, which takes the pieces as arguments.  Gradients of weights
   that are made in parts are put off: one kernel adds up the parts of them all, when the first of them is wanted, by Adam as a rule.
   No atomics: every sum has an order that depends on the shapes alone, so a run repeats to the bit, and a replay gives the
   bits of the first launch.
   exp, log, tanh and the random bits are those of autoenc.h, operation by operation; products differ from it in their last
   bits, because they are summed in another order.
   Products are cuBLAS's, but where a sum is so short that a tile of ours can finish it at once; convolutions are products whose factors are found in place (implicit GEMM), with bias, activation and
   mask applied as a tile is stored; few channels or taps go without tiles.  Convolutions are always computed in float32.
   Mistakes in the numbers (a target outside 0..1, a label that is no class) raise a flag that the next read looks at.
   Kernels are launched by cudaLaunchKernelEx, so that a plain C++ compiler reads this file too: tests/shim runs it without a card.

   ENVIRONMENT, for tests: AE_CUDA_EAGER=1 never records; AE_CUDA_CHAIN=1 has one path only; AE_CUDA_REPORT=1 tells on stderr at the end
   how many plans and replays there were, and of the largest plans the nodes and how deep they are, which is the longest path.

   Inside: >>numbers >>sums >>shapes >>products >>rows >>update (kernels), then >>host >>ops >>plans >>device. */
#include "autoenc.h"

#include <cuda_runtime.h>
#include <cublas_v2.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of autoenc.h that are not public; AE_DEVICE_VERSION changes with them. */
enum { ACT_NONE, ACT_RELU, ACT_LEAKY, ACT_SIGMOID, ACT_TANH };
enum { NCHW, NHWC, PACKED };
enum { STREAM_NOISE = 2 };
enum {
    F_COPY, F_AFFINE, F_ADD, F_SUB, F_MUL, F_DIV, F_EXP, F_LOG, F_RELU, F_LEAKY, F_SIGMOID, F_TANH, F_DRELU, F_DLEAKY, F_DSIGMOID, F_DTANH,
    F_DIFF, F_SIGN, F_DBCE, F_DBCE_LOGITS, F_EXPM1, F_SQUARE_DIFF, F_ABS_DIFF, F_BCE, F_BCE_LOGITS, F_KL, F_FILL, F_FINISH
};
enum { FAULT_OUTPUT, FAULT_TARGET, FAULT_LABEL, FAULTS };
enum { BLOCK = 256 };

/* ==== >>numbers: elementwise work ========================================================================== */

static __device__ float e_exp(float x)                     /* e^x = 2^n e^r; 0 below -104, inf above 88.8 */
{
    const float magic = 12582912.0f;
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float shifted = fmaf(x, 1.44269504088896341f, magic), n = shifted - magic;
    float r = fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, x));
    int whole = __float_as_int(shifted) - __float_as_int(magic), half = whole >> 1;
    float y = fmaf(1.9875691500e-4f, r, 1.3981999507e-3f);
    y = fmaf(y, r, 8.3334519073e-3f);
    y = fmaf(y, r, 4.1665795894e-2f);
    y = fmaf(y, r, 1.6666665459e-1f);
    y = fmaf(y, r, 5.0000001201e-1f);
    y = fmaf(y, r * r, r) + 1.0f;
    y = y * __int_as_float((int)((unsigned)(half + 127) << 23));
    return y * __int_as_float((int)((unsigned)(whole - half + 127) << 23));
}
static __device__ float e_log(float x)                     /* -inf at 0, NaN below */
{
    int bits = __float_as_int(x), power = ((bits >> 23) & 255) - 126;
    float m = __int_as_float((bits & 0x7fffff) | 0x3f000000);
    int small = m < 0.707106781186547524f;
    if (x == 0) return -INFINITY;
    if (!(x > 0)) return NAN;
    if (x == INFINITY) return x;
    m = m - 1.0f + (small ? m : 0.0f);
    float e = (float)(power - small), z = m * m;
    float y = fmaf(7.0376836292e-2f, m, -1.1514610310e-1f);
    y = fmaf(y, m, 1.1676998740e-1f);
    y = fmaf(y, m, -1.2420140846e-1f);
    y = fmaf(y, m, 1.4249322787e-1f);
    y = fmaf(y, m, -1.6668057665e-1f);
    y = fmaf(y, m, 2.0000714765e-1f);
    y = fmaf(y, m, -2.4999993993e-1f);
    y = fmaf(y, m, 3.3333331174e-1f);
    y = fmaf(e, -2.12194440e-4f, y * m * z);
    return fmaf(e, 0.693359375f, m + fmaf(-0.5f, z, y));
}
static __device__ float e_log1p(float x) { float u = 1.0f + x; return e_log(u) + (x - (u - 1.0f)) / u; }
static __device__ float at_least(float x, float least) { return x > least ? x : least; }
static __device__ float e_sigmoid(float x) { return 1.0f / (1.0f + e_exp(-x)); }
static __device__ float e_tanh(float x)
{
    float a = fabsf(x), t = e_exp(a * -2.0f), z = x * x;
    float y = fmaf(-5.70498872745e-3f, z, 2.06390887954e-2f);
    y = fmaf(y, z, -5.37397155531e-2f);
    y = fmaf(y, z, 1.33314422036e-1f);
    y = fmaf(y, z, -3.33332819422e-1f);
    return a < 0.625f ? fmaf(y * z, x, x) : copysignf((1.0f - t) / (1.0f + t), x);
}
static __device__ float e_cos_turns(float t)               /* cos(2 pi t) for t in [-1/2, 1/2] */
{
    float z = (0.25f - fabsf(t)) * 6.28318530717958648f, s = z * z;
    float y = fmaf(2.7557319e-6f, s, -1.9841270e-4f);
    y = fmaf(y, s, 8.3333333e-3f);
    y = fmaf(y, s, -1.6666667e-1f);
    return fmaf(y * s, z, z);
}
static __device__ float e_gauss(float u, float turns)      /* Box and Muller */
{
    return sqrtf(-2.0f * e_log(u)) * e_cos_turns(turns - (turns >= 0.5f ? 1.0f : 0.0f));
}
static __device__ float activate(int act, float slope, float y)
{
    switch (act) {
    case ACT_RELU:    return y <= 0 ? 0.0f : y;
    case ACT_LEAKY:   return y <= 0 ? slope * y : y;
    case ACT_SIGMOID: return e_sigmoid(y);
    case ACT_TANH:    return e_tanh(y);
    default:          return y;
    }
}
/* The functions of autoenc.h's >>ops, one number at a time. */
static __device__ float point(int f, float a, float b, float p, float q)
{
    switch (f) {
    case F_AFFINE:      return fmaf(p, a, q);
    case F_ADD:         return a + b;
    case F_SUB:         return a - b;
    case F_MUL:         return p * a * b;
    case F_DIV:         return p * a / b;
    case F_EXP:         return e_exp(a);
    case F_LOG:         return e_log(a);
    case F_RELU:        return activate(ACT_RELU, 0, a);
    case F_LEAKY:       return activate(ACT_LEAKY, p, a);
    case F_SIGMOID:     return e_sigmoid(a);
    case F_TANH:        return e_tanh(a);
    case F_DRELU:       return b > 0 ? a : 0.0f;
    case F_DLEAKY:      return b > 0 ? a : p * a;
    case F_DSIGMOID:    return a * b * (1.0f - b);
    case F_DTANH:       return a * (1.0f - b * b);
    case F_DIFF:        return p * (a - b);
    case F_SIGN:        return a > b ? p : a < b ? -p : 0.0f;
    case F_DBCE:        return p * (a - b) / at_least(a * (1.0f - a), 1e-12f);
    case F_DBCE_LOGITS: return p * (e_sigmoid(a) - b);
    case F_EXPM1:       return p * (e_exp(a) - 1.0f);
    case F_SQUARE_DIFF: return (a - b) * (a - b);
    case F_ABS_DIFF:    return fabsf(a - b);
    case F_BCE:         return -(b * at_least(e_log(a), -100.0f) + (1.0f - b) * at_least(e_log1p(-a), -100.0f));
    case F_BCE_LOGITS:  return (a > 0 ? a : 0.0f) - a * b + e_log1p(e_exp(-fabsf(a)));
    case F_FILL:        return q;
    case F_KL:          return 1.0f + b - a * a - e_exp(b);
    default:            return a;
    }
}
/* What happens to a sum before it is stored; `bias` repeats every `period` columns. */
typedef struct Finish { const float *bias, *mask; int period, act, add; float slope; } Finish;
static __device__ void finish(const Finish *f, float *out, size_t at, int column, float v)
{
    if (f->add) v += out[at];
    else if (f->bias) v += f->bias[column % f->period];
    v = activate(f->act, f->slope, v);
    if (f->mask) v = f->mask[at] > 0 ? v : f->slope == 0 ? 0.0f : f->slope * v;
    out[at] = v;
}
/* out (+)= f(a, b; p, q).  p_at, q_at: factors on the device, or NULL.  F_FINISH: rows of `columns` sums that lie in out. */
typedef struct Map { int f, add; const float *a, *b; float *out; float p, q; const float *p_at, *q_at; Finish end; int columns; } Map;
static __device__ void map_one(const Map &j, size_t i)
{
    if (j.f == F_FINISH) { finish(&j.end, j.out, i, (int)(i % (size_t)j.columns), j.out[i]); return; }
    float p = j.p_at ? j.p * *j.p_at : j.p, q = j.q_at ? *j.q_at : j.q;
    float v = point(j.f, j.a ? j.a[i] : 0.0f, j.b ? j.b[i] : 0.0f, p, q);
    j.out[i] = j.add ? j.out[i] + v : v;
}
/* Several, one after the other: a thread sees of every array one element, which only it has changed. */
enum { MOST_MAPS = 8 };
typedef struct Maps { size_t n; int count; Map map[MOST_MAPS]; } Maps;
static __global__ void maps_kernel(Maps j)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= j.n) return;
    for (int k = 0; k < j.count; k++) map_one(j.map[k], i);
}
/* Everybody who finds a number outside 0..1 writes the same flag. */
static __global__ void range_kernel(const float *a, size_t n, int *fault)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i < n && !(a[i] >= 0.0f && a[i] <= 1.0f)) *fault = 1;
}

/* ==== >>sums: in an order that depends on the shapes alone ================================================== */

/* The sum over a block's threads, at thread 0. */
static __device__ double block_sum(double x)
{
    __shared__ double part[BLOCK];
    part[threadIdx.x] = x;
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    }
    return threadIdx.x ? 0 : part[0];                       /* the others must not look: nothing orders them behind the last addition */
}
enum { SUM_CHUNK = 16 * BLOCK };
static __global__ void sum_kernel(int f, const float *a, const float *b, size_t n, double *part)
{
    size_t from = (size_t)blockIdx.x * SUM_CHUNK;
    double sum = 0;
    for (size_t i = from + threadIdx.x; i < n && i < from + SUM_CHUNK; i += BLOCK) sum += (double)point(f, a[i], b ? b[i] : 0.0f, 1, 0);
    sum = block_sum(sum);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
}
static __global__ void sum_parts_kernel(const double *part, int parts, double scale, float *out)
{
    double sum = 0;
    for (int i = (int)threadIdx.x; i < parts; i += BLOCK) sum += part[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *out = (float)(sum * scale);
}
/* part[chunk][C] = column sums of u over a chunk of rows, and, with v, behind them those of u (v - mean), or (v - mean)^2 where
   u is v.  Threads stand `wide` columns by BLOCK / wide rows. */
typedef struct Columns { const float *u, *v, *mean; double *part; size_t rows, chunk; int C, wide; float *out; int add; } Columns;    /* out: where one chunk's sums go at once */
static __global__ void columns_kernel(Columns j)
{
    __shared__ double first[BLOCK], second[BLOCK];
    int t = (int)threadIdx.x, c = (int)blockIdx.x * j.wide + t % j.wide, lane = t / j.wide, lanes = BLOCK / j.wide;
    size_t from = blockIdx.y * j.chunk, to = from + j.chunk < j.rows ? from + j.chunk : j.rows;
    double a = 0, b = 0, mean = j.mean && c < j.C ? (double)j.mean[c] : 0;
    for (size_t r = from + (size_t)lane; r < to && c < j.C; r += (size_t)lanes) {
        double u = (double)j.u[r * (size_t)j.C + (size_t)c], d = j.v ? (double)j.v[r * (size_t)j.C + (size_t)c] - mean : 0;
        a += u;
        b += (j.u == j.v ? d : u) * d;
    }
    first[t] = a;
    second[t] = b;
    for (int half = lanes / 2; half > 0; half /= 2) {
        __syncthreads();
        if (lane < half) first[t] += first[t + half * j.wide], second[t] += second[t + half * j.wide];
    }
    if (lane == 0 && c < j.C && j.out) j.out[c] = (float)((j.add ? (double)j.out[c] : 0.0) + first[t]);
    if (j.out) return;
    double *out = j.part + (size_t)blockIdx.y * (size_t)(j.v ? 2 * j.C : j.C) + c;
    if (lane == 0 && c < j.C) out[0] = first[t];
    if (lane == 0 && c < j.C && j.v) out[j.C] = second[t];
}
static __device__ double add_parts(const double *part, int parts, size_t stride)
{
    double sum = 0;
    for (int k = 0; k < parts; k++) sum += part[(size_t)k * stride];
    return sum;
}
/* Sums that were made in parts, of float or of double, each n of them behind the n before: several such sums in one kernel, a row of blocks each. */
typedef struct Addition { const float *f; const double *d; float *out; size_t n; int parts, add; } Addition;
enum { MOST_ADDITIONS = 16 };
typedef struct Additions { int count; Addition of[MOST_ADDITIONS]; } Additions;
static __global__ void additions_kernel(Additions j)
{
    Addition a = j.of[blockIdx.y];
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= a.n) return;
    if (a.d) { a.out[i] = (float)((a.add ? (double)a.out[i] : 0.0) + add_parts(a.d + i, a.parts, a.n)); return; }
    float sum = a.add ? a.out[i] : 0.0f;
    for (int k = 0; k < a.parts; k++) sum += a.f[(size_t)k * a.n + i];
    a.out[i] = sum;
}
/* [outer][len][inner] -> [outer][inner]: a thread an output; and back: every element gets its sum's gradient */
static __global__ void reduce_kernel(const float *in, float *out, size_t outer, size_t len, size_t inner, double scale)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= outer * inner) return;
    double sum = 0;
    for (size_t k = 0; k < len; k++) sum += (double)in[(i / inner * len + k) * inner + i % inner];
    out[i] = (float)(sum * scale);
}
static __global__ void unreduce_kernel(const float *dy, float *dx, size_t n, size_t len, size_t inner, float scale)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i < n) dx[i] += scale * dy[i / (len * inner) * inner + i % inner];
}

/* ==== >>shapes: values that move ============================================================================ */

/* out[a][b][c] (+)= in[a s0 + b s1 + c s2] */
typedef struct Permute { const float *in; float *out; size_t n, n1, n2, s0, s1, s2; int add; } Permute;
static __global__ void permute_kernel(Permute j)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= j.n) return;
    float v = j.in[i / (j.n1 * j.n2) * j.s0 + i / j.n2 % j.n1 * j.s1 + i % j.n2 * j.s2];
    j.out[i] = j.add ? j.out[i] + v : v;
}
/* Pieces of `len` numbers: in at i from + ... every `from_step`, out every `to_step`. */
typedef struct Pieces { const float *in; float *out; size_t n, len, from_step, to_step; int add; } Pieces;
static __global__ void pieces_kernel(Pieces j)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= j.n) return;
    float v = j.in[i / j.len * j.from_step + i % j.len], *to = j.out + i / j.len * j.to_step + i % j.len;
    *to = j.add ? *to + v : v;
}
/* The big array's axes d[]; s[]: strides of the small one, 0 where it is repeated. */
typedef struct Expand { size_t d[4], s[4], n; } Expand;
static __device__ size_t expand_from(const Expand *e, size_t i)
{
    size_t at = 0;
    for (int k = 3; k >= 0; i /= e->d[k], k--) at += i % e->d[k] * e->s[k];
    return at;
}
static __global__ void expand_kernel(Expand e, const float *in, float *out)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i < e.n) out[i] = in[expand_from(&e, i)];
}
/* A block an element of the small array: it walks the repeated axes only. */
static __global__ void unexpand_kernel(Expand e, const float *dy, float *dx)
{
    size_t at = blockIdx.x, base = 0, copies = 1, step = 1;
    for (int k = 3; k >= 0; step *= e.d[k], k--)
        if (e.s[k]) base += at / e.s[k] % e.d[k] * step; else copies *= e.d[k];
    double sum = 0;
    for (size_t i = threadIdx.x; i < copies; i += BLOCK) {
        size_t left = i, from = base;
        step = 1;
        for (int k = 3; k >= 0; step *= e.d[k], k--) if (!e.s[k]) from += left % e.d[k] * step, left /= e.d[k];
        sum += (double)dy[from];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) dx[at] = (float)((double)dx[at] + sum);
}
static __global__ void one_hot_kernel(const float *label, float *out, size_t n, int classes, int *fault)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= n) return;
    float l = label[i / (size_t)classes];
    if (!(l >= 0 && l < (float)classes && l == (float)(int)l)) *fault = 1;
    out[i] = l == (float)(int)(i % (size_t)classes) ? 1.0f : 0.0f;
}
/* A batch out of the data set, which stays on the device: row r is number order[at + r].  what: 0 floats, 1 bytes / 255, 2 labels */
static __global__ void serve_kernel(const void *data, const int *order, float *out, size_t n, size_t row, int what, const int *at)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= n) return;
    size_t from = (size_t)order[(size_t)*at + i / row] * row + i % row;
    if (what == 0) out[i] = ((const float *)data)[from];
    else out[i] = what == 1 ? (float)((const uint8_t *)data)[from] / 255.0f : (float)((const uint8_t *)data)[from];
}
/* Philox4x32-10 as in autoenc.h: four numbers a thread.  name: seed, step and draw, 64 bits each. */
static __global__ void noise_kernel(float *out, size_t n, const uint32_t *name)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    uint32_t k0 = name[0], k1 = name[1], x[4] = { (uint32_t)i, name[4], name[2], (uint32_t)STREAM_NOISE << 24 | (name[3] & 0xFFFFFFu) };
    if (4 * i >= n) return;
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t p = (uint64_t)0xD2511F53u * x[0], q = (uint64_t)0xCD9E8D57u * x[2];
        x[0] = (uint32_t)(q >> 32) ^ x[1] ^ k0;
        x[2] = (uint32_t)(p >> 32) ^ x[3] ^ k1;
        x[1] = (uint32_t)q;
        x[3] = (uint32_t)p;
    }
    for (size_t k = 0; k < 4 && 4 * i + k < n; k++) {
        float u = 1.0f - (float)(x[k / 2 * 2] >> 8) * (1.0f / 16777216.0f), v = (float)(x[k / 2 * 2 + 1] >> 8) * (1.0f / 16777216.0f);
        if (k % 2) v = v < 0.25f ? v + 0.75f : v - 0.25f;          /* the sine is the cosine of a quarter turn less */
        out[4 * i + k] = e_gauss(u, v);
    }
}

/* ==== >>products: convolutions as products whose factors are found in place ================================= */

/* Big image [n][bh][bw][cb], small image [n][sh][sw][cs], weights [k][k][cb][cs]; stride s, padding p. */
typedef struct Geo { int n, bh, bw, cb, sh, sw, cs, k, s, p; } Geo;

/* A product C[M][N] = sum over K of A[m][k] B[k][n].  A Work says where a row of A begins (Left, made once), where a step of the
   sum leads (Depth), and what to do with a result.  KFAST: neighbouring k are neighbours in memory, else neighbouring m. */
struct Gather {                      /* small = conv(big, w): convolution forward, input gradient of a transposed one */
    enum { KFAST = 1 };
    struct Left { int at, y, x, in; };
    struct Depth { int at, y, x, in; };
    Geo g; const float *big, *w; float *out; Finish f;
    __device__ void part(int) { }
    __device__ int M() const { return g.n * g.sh * g.sw; }
    __device__ int N() const { return g.cs; }
    __device__ int from() const { return 0; }
    __device__ int to() const { return g.k * g.k * g.cb; }
    __device__ Left left(int m) const
    {
        int image = m / (g.sh * g.sw), y = m / g.sw % g.sh * g.s - g.p, x = m % g.sw * g.s - g.p;
        Left l = { ((image * g.bh + y) * g.bw + x) * g.cb, y, x, m < M() };
        return l;
    }
    __device__ Depth depth(int k) const
    {
        int ky = k / (g.k * g.cb), kx = k / g.cb % g.k;
        Depth d = { (ky * g.bw + kx) * g.cb + k % g.cb, ky, kx, k < to() };
        return d;
    }
    __device__ float a(Left l, Depth d) const
    {
        return l.in && d.in && (unsigned)(l.y + d.y) < (unsigned)g.bh && (unsigned)(l.x + d.x) < (unsigned)g.bw ? big[l.at + d.at] : 0.0f;
    }
    __device__ float b(int k, int n) const { return k < to() && n < g.cs ? w[k * g.cs + n] : 0.0f; }
    __device__ void store(int m, int n, float v) const { finish(&f, out, (size_t)m * (size_t)g.cs + (size_t)n, n, v); }
};
/* big = the adjoint of that: transposed convolution forward, input gradient of a convolution.  Pixels whose (y + p) mod s is ry
   meet only the taps ry, ry + s, ...: each residue is a product of its own (a part of the grid), and no work is wasted. */
struct Spread {
    enum { KFAST = 1 };
    struct Left { int at, y, x, in; };
    struct Depth { int at, y, x, in; };
    Geo g; const float *small, *w; float *out; Finish f;
    int ry, rx, y0, x0, rows, columns, taps_y, taps_x;
    __device__ void part(int z)
    {
        ry = z / g.s;
        rx = z % g.s;
        y0 = ((ry - g.p) % g.s + g.s) % g.s;
        x0 = ((rx - g.p) % g.s + g.s) % g.s;
        rows = y0 < g.bh ? (g.bh - y0 + g.s - 1) / g.s : 0;
        columns = x0 < g.bw ? (g.bw - x0 + g.s - 1) / g.s : 0;
        taps_y = ry < g.k ? (g.k - ry + g.s - 1) / g.s : 0;
        taps_x = rx < g.k ? (g.k - rx + g.s - 1) / g.s : 0;
    }
    __device__ int M() const { return g.n * rows * columns; }
    __device__ int N() const { return g.cb; }
    __device__ int from() const { return 0; }
    __device__ int to() const { return taps_y * taps_x * g.cs; }
    __device__ Left left(int m) const
    {
        if (m >= M()) { Left none = { 0, 0, 0, 0 }; return none; }
        int image = m / (rows * columns), y = (y0 + m / columns % rows * g.s + g.p) / g.s, x = (x0 + m % columns * g.s + g.p) / g.s;
        Left l = { ((image * g.sh + y) * g.sw + x) * g.cs, y, x, 1 };
        return l;
    }
    __device__ Depth depth(int k) const
    {
        if (k >= to()) { Depth none = { 0, 0, 0, 0 }; return none; }
        int i = k / (taps_x * g.cs), j = k / g.cs % taps_x;
        Depth d = { -(i * g.sw + j) * g.cs + k % g.cs, i, j, 1 };
        return d;
    }
    __device__ float a(Left l, Depth d) const
    {
        return l.in && d.in && (unsigned)(l.y - d.y) < (unsigned)g.sh && (unsigned)(l.x - d.x) < (unsigned)g.sw ? small[l.at + d.at] : 0.0f;
    }
    __device__ float b(int k, int n) const
    {
        if (k >= to() || n >= g.cb) return 0.0f;
        int ky = ry + g.s * (k / (taps_x * g.cs)), kx = rx + g.s * (k / g.cs % taps_x);
        return w[((ky * g.k + kx) * g.cb + n) * g.cs + k % g.cs];
    }
    __device__ void store(int m, int n, float v) const
    {
        int image = m / (rows * columns), y = y0 + m / columns % rows * g.s, x = x0 + m % columns * g.s;
        finish(&f, out, (size_t)((image * g.bh + y) * g.bw + x) * (size_t)g.cb + (size_t)n, n, v);
    }
};
/* dw[k][k][cb][cs] = sum over pixels of big * small, in parts of the pixels that are added up afterwards */
struct Weights {
    enum { KFAST = 0 };
    struct Left { int at, y, x, in; };
    struct Depth { int at, y, x, in; };
    Geo g; const float *big, *small; float *out; int each, first;
    __device__ void part(int z) { first = z * each; out += (size_t)z * (size_t)M() * (size_t)N(); }
    __device__ int pixels() const { return g.n * g.sh * g.sw; }
    __device__ int M() const { return g.k * g.k * g.cb; }
    __device__ int N() const { return g.cs; }
    __device__ int from() const { return first; }
    __device__ int to() const { return first + each < pixels() ? first + each : pixels(); }
    __device__ Left left(int m) const
    {
        int ky = m / (g.k * g.cb), kx = m / g.cb % g.k;
        Left l = { (ky * g.bw + kx) * g.cb + m % g.cb, ky, kx, m < M() };
        return l;
    }
    __device__ Depth depth(int k) const
    {
        int image = k / (g.sh * g.sw), y = k / g.sw % g.sh * g.s - g.p, x = k % g.sw * g.s - g.p;
        Depth d = { ((image * g.bh + y) * g.bw + x) * g.cb, y, x, k < to() };
        return d;
    }
    __device__ float a(Left l, Depth d) const
    {
        return l.in && d.in && (unsigned)(l.y + d.y) < (unsigned)g.bh && (unsigned)(l.x + d.x) < (unsigned)g.bw ? big[l.at + d.at] : 0.0f;
    }
    __device__ float b(int k, int n) const { return k < to() && n < g.cs ? small[(size_t)k * (size_t)g.cs + (size_t)n] : 0.0f; }
    __device__ void store(int m, int n, float v) const { out[(size_t)m * (size_t)g.cs + (size_t)n] = v; }
};
/* y[rows][columns] = x[rows][terms] times a matrix whose element (k, n) is w[k k_step + n n_step] */
struct Rows {
    enum { KFAST = 1 };
    struct Left { int at, in; };
    struct Depth { int at, in; };
    int rows, columns, terms, k_step, n_step; const float *x, *w; float *out; Finish f;
    __device__ void part(int) { }
    __device__ int M() const { return rows; }
    __device__ int N() const { return columns; }
    __device__ int from() const { return 0; }
    __device__ int to() const { return terms; }
    __device__ Left left(int m) const { Left l = { m < rows ? m * terms : 0, m < rows }; return l; }
    __device__ Depth depth(int k) const { Depth d = { k, k < terms }; return d; }
    __device__ float a(Left l, Depth d) const { return l.in && d.in ? x[l.at + d.at] : 0.0f; }
    __device__ float b(int k, int n) const { return k < terms && n < columns ? w[k * k_step + n * n_step] : 0.0f; }
    __device__ void store(int m, int n, float v) const { finish(&f, out, (size_t)m * (size_t)columns + (size_t)n, n, v); }
};
/* A block makes a tile of 64 x WIDE results, a thread 4 x 4 of them; 16 steps of the sum at a time lie in shared memory. */
enum { TILE = 64, DEEP = 16 };
template <class Work, int WIDE> static __global__ void __launch_bounds__(4 * WIDE) product_kernel(Work work)
{
    enum { THREADS = 4 * WIDE, SLOTS = TILE * DEEP / THREADS, B_SLOTS = WIDE * DEEP / THREADS };
    __shared__ float A[DEEP][TILE + 4], B[DEEP][WIDE + 4];
    int t = (int)threadIdx.x, m0 = (int)blockIdx.x * TILE, n0 = (int)blockIdx.y * WIDE, tm = t / (WIDE / 4) * 4, tn = t % (WIDE / 4) * 4;
    float acc[4][4] = { { 0 } };
    typename Work::Left left[SLOTS];
    work.part((int)blockIdx.z);
    if (m0 >= work.M()) return;
    for (int i = 0; i < SLOTS; i++) left[i] = work.left(m0 + (Work::KFAST ? (t + i * THREADS) / DEEP : (t + i * THREADS) % TILE));
    for (int k0 = work.from(); k0 < work.to(); k0 += DEEP) {
        for (int i = 0; i < SLOTS; i++) {
            int at = t + i * THREADS, m = Work::KFAST ? at / DEEP : at % TILE, k = Work::KFAST ? at % DEEP : at / TILE;
            A[k][m] = work.a(left[i], work.depth(k0 + k));
        }
        for (int i = 0; i < B_SLOTS; i++) {
            int at = t + i * THREADS;
            B[at / WIDE][at % WIDE] = work.b(k0 + at / WIDE, n0 + at % WIDE);
        }
        __syncthreads();
        for (int k = 0; k < DEEP; k++)
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) acc[i][j] = fmaf(A[k][tm + i], B[k][tn + j], acc[i][j]);
        __syncthreads();
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            if (m0 + tm + i < work.M() && n0 + tn + j < work.N()) work.store(m0 + tm + i, n0 + tn + j, acc[i][j]);
}
/* Few columns, or a short sum: a thread a result, no tiles. */
template <class Work> static __global__ void direct_kernel(Work work)
{
    int i = (int)(blockIdx.x * BLOCK + threadIdx.x), m, n;
    float acc = 0;
    work.part((int)blockIdx.z);
    m = i / work.N();
    n = i % work.N();
    if (m >= work.M()) return;
    typename Work::Left left = work.left(m);
    for (int k = work.from(); k < work.to(); k++) acc = fmaf(work.a(left, work.depth(k)), work.b(k, n), acc);
    work.store(m, n, acc);
}

/* ==== >>rows: pooling, batch norm, log_softmax ============================================================== */

typedef struct Pool { int H, W, C, oh, ow, k, s, p; size_t n; } Pool;
static __global__ void pool_kernel(Pool g, const float *in, float *out, float *saved)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= g.n) return;
    int c = (int)(i % (size_t)g.C), ox = (int)(i / (size_t)g.C % (size_t)g.ow), oy = (int)(i / ((size_t)g.C * (size_t)g.ow) % (size_t)g.oh), best = -1;
    const float *x = in + i / ((size_t)g.C * (size_t)g.ow * (size_t)g.oh) * ((size_t)g.H * (size_t)g.W * (size_t)g.C);
    for (int yy = oy * g.s - g.p; yy < oy * g.s - g.p + g.k; yy++)
        for (int xx = ox * g.s - g.p; xx < ox * g.s - g.p + g.k; xx++) {
            int at = (yy * g.W + xx) * g.C + c;
            if (yy < 0 || yy >= g.H || xx < 0 || xx >= g.W) continue;
            if (best < 0 || x[at] > x[best] || (x[at] != x[at] && x[best] == x[best])) best = at;      /* the first of equals; NaN wins */
        }
    saved[i] = (float)best;
    out[i] = x[best];
}
/* An input asks the windows that hold it whether they chose it: no two threads write one place. */
static __global__ void unpool_kernel(Pool g, const float *dy, const float *saved, float *dx)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= g.n) return;
    int c = (int)(i % (size_t)g.C), x = (int)(i / (size_t)g.C % (size_t)g.W), y = (int)(i / ((size_t)g.C * (size_t)g.W) % (size_t)g.H);
    size_t image = i / ((size_t)g.C * (size_t)g.W * (size_t)g.H);
    int ay = y + g.p - g.k + 1, ax = x + g.p - g.k + 1, y1 = (y + g.p) / g.s, x1 = (x + g.p) / g.s;
    float sum = dx[i];
    for (int oy = ay > 0 ? (ay + g.s - 1) / g.s : 0; oy <= y1 && oy < g.oh; oy++)
        for (int ox = ax > 0 ? (ax + g.s - 1) / g.s : 0; ox <= x1 && ox < g.ow; ox++) {
            size_t o = ((image * (size_t)g.oh + (size_t)oy) * (size_t)g.ow + (size_t)ox) * (size_t)g.C + (size_t)c;
            if ((int)saved[o] == (y * g.W + x) * g.C + c) sum += dy[o];
        }
    dx[i] = sum;
}

/* Where pixel i of an enlarged row or column lies in the small one, and the weight of the second of two: autoenc.h's, word by word. */
static __device__ float between(Pool g, int i, int n, int *at)
{
    float x = g.p == 0 ? (float)(i / g.s) : fmaxf(((float)i + 0.5f) / (float)g.s - 0.5f, 0.0f);
    at[0] = (int)x;
    at[1] = at[0] + 1 < n ? at[0] + 1 : at[0];
    return x - (float)at[0];
}
static __global__ void upsample_kernel(Pool g, const float *in, float *out)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= g.n) return;
    int c = (int)(i % (size_t)g.C), row[2], col[2];
    float right = between(g, (int)(i / (size_t)g.C % (size_t)g.ow), g.W, col), sum = 0;
    float down = between(g, (int)(i / ((size_t)g.C * (size_t)g.ow) % (size_t)g.oh), g.H, row);
    const float *x = in + i / ((size_t)g.C * (size_t)g.ow * (size_t)g.oh) * ((size_t)g.H * (size_t)g.W * (size_t)g.C);
    for (int k = 0; k < 4; k++) sum = (k / 2 ? down : 1 - down) * (k % 2 ? right : 1 - right) * x[(row[k / 2] * g.W + col[k % 2]) * g.C + c] + sum;
    out[i] = sum;
}
/* An input pixel asks the outputs around it for what they took of it, in the processor's order. */
static __global__ void downsample_kernel(Pool g, const float *dy, float *dx)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= g.n) return;
    int c = (int)(i % (size_t)g.C), x = (int)(i / (size_t)g.C % (size_t)g.W), y = (int)(i / ((size_t)g.C * (size_t)g.W) % (size_t)g.H), row[2], col[2];
    size_t image = i / ((size_t)g.C * (size_t)g.W * (size_t)g.H);
    float sum = dx[i];
    for (int oy = y > 0 ? (y - 1) * g.s : 0; oy < (y + 2) * g.s && oy < g.oh; oy++)
        for (int ox = x > 0 ? (x - 1) * g.s : 0; ox < (x + 2) * g.s && ox < g.ow; ox++) {
            float down = between(g, oy, g.H, row), right = between(g, ox, g.W, col);
            float d = dy[((image * (size_t)g.oh + (size_t)oy) * (size_t)g.ow + (size_t)ox) * (size_t)g.C + (size_t)c];
            for (int k = 0; k < 4; k++)
                if (row[k / 2] == y && col[k % 2] == x) sum += (k / 2 ? down : 1 - down) * (k % 2 ? right : 1 - right) * d;
        }
    dx[i] = sum;
}

static __global__ void bn_mean_kernel(const double *part, int parts, int C, double rows, float *mean)
{
    int c = (int)(blockIdx.x * BLOCK + threadIdx.x);
    if (c < C) mean[c] = (float)(add_parts(part + c, parts, (size_t)C) / rows);
}
/* The running statistics follow the batch's: momentum 0.1, the variance without bias. */
static __global__ void bn_spread_kernel(const double *part, int parts, int C, double rows, const float *mean, float *inv, float *running_mean, float *running_var)
{
    int c = (int)(blockIdx.x * BLOCK + threadIdx.x);
    if (c >= C) return;
    double squares = add_parts(part + C + c, parts, 2 * (size_t)C);
    inv[c] = (float)(1.0 / sqrt(squares / rows + 1e-5));
    running_mean[c] = (float)(0.9 * (double)running_mean[c] + 0.1 * (double)mean[c]);
    running_var[c] = (float)(0.9 * (double)running_var[c] + 0.1 * (squares / (rows - 1)));
}
static __global__ void bn_running_kernel(const float *running_mean, const float *running_var, int C, float *mean, float *inv)
{
    int c = (int)(blockIdx.x * BLOCK + threadIdx.x);
    if (c >= C) return;
    mean[c] = running_mean[c];
    inv[c] = (float)(1.0 / sqrt((double)running_var[c] + 1e-5));
}
typedef struct Norm { const float *x, *mean, *inv, *w, *b, *dy; float *out, *dw, *db; double *sums; size_t n; int C; double rows; } Norm;
static __global__ void bn_kernel(Norm j)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x, c = i % (size_t)j.C;
    if (i < j.n) j.out[i] = (j.x[i] - j.mean[c]) * j.inv[c] * j.w[c] + j.b[c];
}
static __global__ void bn_sums_kernel(Norm j, const double *part, int parts)
{
    int c = (int)(blockIdx.x * BLOCK + threadIdx.x);
    if (c >= j.C) return;
    double dy = add_parts(part + c, parts, 2 * (size_t)j.C), dyx = add_parts(part + j.C + c, parts, 2 * (size_t)j.C);
    j.sums[c] = dy;
    j.sums[j.C + c] = dyx;
    if (j.dw) j.dw[c] += (float)(dyx * (double)j.inv[c]);
    if (j.db) j.db[c] += (float)dy;
}
static __global__ void bn_back_kernel(Norm j)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x, c = i % (size_t)j.C;
    if (i >= j.n) return;
    float mean = (float)(j.sums[c] / j.rows), slope = (float)(j.sums[(size_t)j.C + c] * (double)j.inv[c] * (double)j.inv[c] / j.rows);
    j.out[i] += j.w[c] * j.inv[c] * (j.dy[i] - mean - (j.x[i] - j.mean[c]) * slope);
}

/* A warp a row; lanes exchange what they found without shared memory. */
enum { WARP = 32 };
static __device__ float warp_sum(float x) { for (int k = WARP / 2; k > 0; k /= 2) x += __shfl_xor_sync(0xffffffffu, x, k); return x; }
static __device__ float warp_most(float x) { for (int k = WARP / 2; k > 0; k /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, k)); return x; }
static __global__ void log_softmax_kernel(const float *in, float *out, int rows, int m)
{
    int row = (int)(blockIdx.x * (BLOCK / WARP) + threadIdx.x / WARP), lane = (int)threadIdx.x % WARP;
    if (row >= rows) return;
    const float *x = in + (size_t)row * (size_t)m;
    float top = -INFINITY, sum = 0;
    for (int j = lane; j < m; j += WARP) top = fmaxf(top, x[j]);
    top = warp_most(top);
    for (int j = lane; j < m; j += WARP) sum += e_exp(x[j] - top);
    sum = e_log(warp_sum(sum));
    for (int j = lane; j < m; j += WARP) out[(size_t)row * (size_t)m + (size_t)j] = x[j] - top - sum;
}
static __global__ void log_softmax_back_kernel(const float *y, const float *dy, float *dx, int rows, int m)
{
    int row = (int)(blockIdx.x * (BLOCK / WARP) + threadIdx.x / WARP), lane = (int)threadIdx.x % WARP;
    if (row >= rows) return;
    size_t at = (size_t)row * (size_t)m;
    float sum = 0;
    for (int j = lane; j < m; j += WARP) sum += dy[at + (size_t)j];
    sum = warp_sum(sum);
    for (int j = lane; j < m; j += WARP) dx[at + (size_t)j] += dy[at + (size_t)j] - e_exp(y[at + (size_t)j]) * sum;
}

/* ==== >>update: the optimisers, over flat blocks ============================================================ */

/* k: b1, b2, eps, decay, shrink, step size, 1 / sqrt(1 - b2^t): on the device, since they change with t */
static __global__ void adam_kernel(float *p, const float *g, float *m, float *v, size_t n, const float *k)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= n) return;
    float c1 = (float)(1.0 - (double)k[0]), c2 = (float)(1.0 - (double)k[1]), d = fmaf(k[3], p[i], g[i]);
    float mm = fmaf(c1, d - m[i], m[i]), vv = fmaf(c2 * d, d, k[1] * v[i]);
    m[i] = mm;
    v[i] = vv;
    p[i] = fmaf(-k[5], mm / fmaf(sqrtf(vv), k[6], k[2]), k[4] * p[i]);
}
/* k: decay, momentum, learning rate, is this the first step */
static __global__ void sgd_kernel(float *p, const float *g, float *m, size_t n, const float *k)
{
    size_t i = (size_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= n) return;
    float d = k[0] != 0 ? g[i] + k[0] * p[i] : g[i];
    if (k[1] != 0) m[i] = d = (k[3] != 0 ? 0.0f : k[1] * m[i]) + d;
    p[i] = p[i] - k[2] * d;
}

/* ==== >>host: the device, its memory, and launching ========================================================= */

enum { MOST_COMMANDS = 512, MOST_VALUES = 4096, STAGES = 8, MOST_PLANS = 64 };
typedef struct Command {             /* one piece of work, as plain data without padding that could differ */
    int code, backward, inputs, args, values, fresh[AE_MAX_INPUTS];      /* values: where its changing numbers begin, -1: it has none */
    ae_array in[AE_MAX_INPUTS], out, din[AE_MAX_INPUTS], dout;
    float *saved;  const float *mask;  float slope, arg[AE_MAX_ARGS];
} Command;
typedef struct Plan {                /* a list of commands that was seen before, and its graph once it was seen twice */
    uint64_t hash, used;  int n;  Command *list;  cudaGraphExec_t graph;
} Plan;
typedef struct Path {                /* a stream and what its kernels must not share with those of another */
    cudaStream_t stream;  cublasHandle_t blas;           /* sums has no products */
    char *scratch;  size_t scratch_bytes, scratch_used;  /* of the command, or errand, that is being launched */
    int holds;                       /* is there something in it that was put off? */
    int depth;                       /* how many kernels one after the other lead to its last one */
} Path;
typedef struct Errand { const Command *c; const Path *path; cudaEvent_t done; int depth, awaited; } Errand;     /* depth: its path's, when it is done */
enum { ERRANDS = 16 };
enum { ALWAYS = 1, OF_ONE = 2, SEES_INPUTS = 1, SEES_OUTPUT = 2 };
typedef struct Cuda {
    Path first, weights, sums, *now; /* now: where the next kernel goes */
    Maps maps;                       /* elementwise work that goes there before it */
    Additions late;                  /* what is added up when somebody wants it */
    Errand errand[ERRANDS];  int errands;  cudaEvent_t parting;      /* the last errands of the list that is being launched, how many there were */
    void **memory;  size_t memories, memory_room;        /* all of it, to be given back */
    Command *list;  int n;
    float *values, *stage[STAGES];  cudaEvent_t sent[STAGES];  int n_values, turn;   /* a stage is reused when its copy has been made */
    const float *at;                 /* the values of the command that is being launched */
    Plan plan[MOST_PLANS];  int plans;  uint64_t clock;
    int *fault, *fault_seen, eager, chain, report;
    long launched, recorded, replayed;  size_t most_nodes;  int most_depth;
    char text[256], told[256];       /* the first thing that went wrong since somebody asked; what the last one was told */
} Cuda;

/* Remembers the first thing that went wrong. */
static int well(Cuda *d, cudaError_t e, const char *what)
{
    if (e == cudaSuccess) return 1;
    if (!d->text[0]) snprintf(d->text, sizeof d->text, "CUDA: %s: %s", what, cudaGetErrorString(e));
    return 0;
}
static void *allocate(Cuda *d, size_t bytes)
{
    void *p = NULL;
    if (d->memories == d->memory_room) {
        size_t room = d->memory_room ? 2 * d->memory_room : 64;
        void **more = (void **)realloc(d->memory, room * sizeof *more);
        if (!more) return NULL;
        d->memory = more;
        d->memory_room = room;
    }
    if (cudaMalloc(&p, bytes ? bytes : 1) != cudaSuccess) { cudaGetLastError(); return NULL; }
    return d->memory[d->memories++] = p;
}
/* Room for the command at hand.  It never shrinks nor moves once a plan may know it: what is outgrown stays until the end.  The first
   launch of a list is not recorded, so nothing is allocated during a recording. */
static void *scratch(Cuda *d, size_t bytes)
{
    Path *p = d->now;
    bytes = (bytes + 255) & ~(size_t)255;
    if (p->scratch_used + bytes > p->scratch_bytes) {
        size_t size = 2 * p->scratch_bytes + bytes;
        char *more = (char *)allocate(d, size);
        if (!more) { if (!d->text[0]) snprintf(d->text, sizeof d->text, "CUDA: no memory for %.1f MB of scratch", (double)size / 1e6); return NULL; }
        p->scratch = more;                                  /* what is in use stays where it was, and the same offsets will do next time */
        p->scratch_bytes = size;
    }
    p->scratch_used += bytes;
    return p->scratch + p->scratch_used - bytes;
}
static void launch_maps(Cuda *d);
template <class... Wanted, class... Given>
static void launch(Cuda *d, void (*kernel)(Wanted...), dim3 grid, dim3 block, Given... given)
{
    cudaLaunchConfig_t c;
    memset((void *)&c, 0, sizeof c);
    c.gridDim = grid;
    c.blockDim = block;
    c.stream = d->now->stream;
    launch_maps(d);
    if (d->text[0]) return;
    d->now->depth++;
    well(d, cudaLaunchKernelEx(&c, kernel, static_cast<Wanted>(given)...), "a kernel");
}
static unsigned blocks(size_t n) { return (unsigned)((n + BLOCK - 1) / BLOCK); }
static size_t count(const ae_array *a) { return (size_t)a->dim[0] * (size_t)a->dim[1] * (size_t)a->dim[2] * (size_t)a->dim[3]; }

/* Elementwise work waits for its like: pieces of one size, one behind the other on a path, are one kernel.  But a thread must not need
   what another one writes: arrays of two pieces are the same or have nothing in common. */
static void launch_maps(Cuda *d)
{
    Maps j = d->maps;
    d->maps.count = 0;
    if (j.count) launch(d, maps_kernel, dim3(blocks(j.n)), dim3(BLOCK), j);
}
static int crosses(const float *out, size_t n, const float *a, size_t size) { return a && (a != out || size != n) && a < out + n && out < a + size; }
static int needs(const Map &m, const float *out, size_t n)
{
    return crosses(out, n, m.a, n) || crosses(out, n, m.b, n) || crosses(out, n, m.out, n) || crosses(out, n, m.p_at, 1) || crosses(out, n, m.q_at, 1) ||
           crosses(out, n, m.end.mask, n) || crosses(out, n, m.end.bias, (size_t)m.end.period);
}
static void add_map(Cuda *d, const Map &m, size_t n)
{
    int apart = d->maps.count == MOST_MAPS || d->maps.n != n;
    for (int i = 0; i < d->maps.count && !apart; i++) apart = needs(m, d->maps.map[i].out, n) || needs(d->maps.map[i], m.out, n);
    if (apart) launch_maps(d);
    d->maps.n = n;
    d->maps.map[d->maps.count++] = m;
}
static void map(Cuda *d, int f, const float *a, const float *b, float *out, size_t n, float p, float q, int add, const float *p_at, const float *q_at)
{
    Map m;
    memset((void *)&m, 0, sizeof m);
    m.f = f;
    m.add = add;
    m.a = a;
    m.b = b;
    m.out = out;
    m.p = p;
    m.q = q;
    m.p_at = p_at;
    m.q_at = q_at;
    add_map(d, m, n);
}
static void finish_rows(Cuda *d, Finish f, float *y, size_t rows, int columns)
{
    Map m;
    memset((void *)&m, 0, sizeof m);
    m.f = F_FINISH;
    m.end = f;
    m.end.add = 0;                                          /* cuBLAS has added already */
    m.out = y;
    m.columns = columns;
    if (f.bias || f.mask || f.act) add_map(d, m, rows * (size_t)columns);
}
static void sum(Cuda *d, int f, const float *a, const float *b, size_t n, double scale, float *out)
{
    int parts = (int)((n + SUM_CHUNK - 1) / SUM_CHUNK);
    double *part = (double *)scratch(d, (size_t)parts * sizeof *part);
    launch(d, sum_kernel, dim3((unsigned)parts), dim3(BLOCK), f, a, b, n, part);
    launch(d, sum_parts_kernel, dim3(1), dim3(BLOCK), part, parts, scale, out);
}
/* Parts of column sums; returns how many chunks of rows there are. */
static int columns(Cuda *d, const float *u, const float *v, const float *mean, size_t rows, int C, double **part)
{
    Columns j = { u, v, mean, NULL, rows, 0, C, 1, NULL, 0 };
    while (j.wide < C && j.wide < 32) j.wide *= 2;
    size_t chunks = 1 + rows * (size_t)C / (16 * BLOCK), across = (size_t)((C + j.wide - 1) / j.wide);
    if (chunks > 256) chunks = 256;
    j.chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + j.chunk - 1) / j.chunk;
    *part = j.part = (double *)scratch(d, chunks * (size_t)C * 2 * sizeof(double));
    launch(d, columns_kernel, dim3((unsigned)across, (unsigned)chunks), dim3(BLOCK), j);
    return (int)chunks;
}
/* Nobody wants the gradient of a weight at once: its parts are added up later, with those of others, in one kernel.  Until then they
   keep their room. */
static void put_off(Cuda *d, const float *f, const double *x, int parts, size_t n, float *out, int add)
{
    Addition *a = &d->late.of[d->late.count++];
    a->f = f;
    a->d = x;
    a->out = out;
    a->n = n;
    a->parts = parts;
    a->add = add;
    d->now->holds = 1;
}
enum { FEW_ROWS = 512 };             /* one block takes all rows of its columns: a node of the graph less */
static void column_sums(Cuda *d, const float *dy, float *db, size_t rows, int C, int add)
{
    double *part;
    if (rows <= FEW_ROWS) {
        Columns j = { dy, NULL, NULL, NULL, rows, rows, C, 32, db, add };
        launch(d, columns_kernel, dim3((unsigned)((C + 31) / 32)), dim3(BLOCK), j);
        return;
    }
    int parts = columns(d, dy, NULL, NULL, rows, C, &part);
    put_off(d, NULL, part, parts, (size_t)C, db, add);
}

/* ---- errands ---- */

/* What is launched between aside and home does not keep the next command waiting.  Errands of one path keep their order. */
static void aside(Cuda *d, Path *p)
{
    if (d->chain || d->text[0]) return;
    launch_maps(d);
    well(d, cudaEventRecord(d->parting, d->first.stream), "an event");
    well(d, cudaStreamWaitEvent(p->stream, d->parting, 0), "waiting for an event");
    if (p->depth < d->first.depth) p->depth = d->first.depth;
    if (!p->holds) p->scratch_used = 0;
    d->now = p;
}
/* The first path goes on when the errand is done. */
static void wait_for(Cuda *d, Errand *e)
{
    if (e->awaited) return;
    launch_maps(d);
    for (int i = 0; i < d->errands && i < ERRANDS; i++)     /* and with it, all before it on its path */
        if (d->errand[i].path == e->path && d->errand[i].depth <= e->depth) d->errand[i].awaited = 1;
    if (d->first.depth < e->depth) d->first.depth = e->depth;
    well(d, cudaStreamWaitEvent(d->first.stream, e->done, 0), "waiting for an event");
}
static void home(Cuda *d, const Command &c)
{
    Errand *e = &d->errand[d->errands % ERRANDS];
    if (d->now == &d->first) return;
    launch_maps(d);
    if (d->errands++ >= ERRANDS) wait_for(d, e);            /* the one whose place this takes */
    e->c = &c;
    e->path = d->now;
    e->depth = d->now->depth;
    e->awaited = 0;
    well(d, cudaEventRecord(e->done, d->now->stream), "an event");
    d->now = &d->first;
}
/* On the first path, when all parts are there. */
static void settle(Cuda *d)
{
    Additions j = d->late;
    size_t most = 0;
    if (!j.count) return;
    for (int i = d->errands; i-- > 0 && i >= d->errands - ERRANDS; ) wait_for(d, &d->errand[i % ERRANDS]);
    for (int i = 0; i < j.count; i++) most = most < j.of[i].n ? j.of[i].n : most;
    d->late.count = d->first.holds = d->weights.holds = d->sums.holds = 0;
    launch(d, additions_kernel, dim3(blocks(most), (unsigned)j.count), dim3(BLOCK), j);
}
/* The memory that a command reads, and what it may write.  changes, sees: as in the list of ops. */
typedef struct Range { const float *from, *to; } Range;
typedef struct Touched { Range read[AE_MAX_INPUTS + 3], written[AE_MAX_INPUTS + 3];  int reads, writes; } Touched;
static Range range(const Command *c, const ae_array *a)    /* what is no op of the tape gives no sizes but that of `out`, which are all the same */
{
    Range r = { a->data, a->data ? a->data + (count(a) ? count(a) : count(&c->out)) : NULL };
    return r;
}
static void touched(const Command *c, unsigned changes, int sees, Touched *t)
{
    size_t notes = count(&c->out) + 2 * (size_t)c->in[0].dim[1];     /* a number of each result, or two of each channel */
    Range saved = { c->saved, c->saved ? c->saved + notes : NULL };
    t->reads = t->writes = 0;
    for (int i = 0; i < c->inputs; i++) {
        if (!c->backward || sees & SEES_INPUTS) t->read[t->reads++] = range(c, &c->in[i]);
        if (c->backward) t->written[t->writes++] = range(c, &c->din[i]);
        else if (changes >> i & 1) t->written[t->writes++] = range(c, &c->in[i]);
    }
    if (c->backward) {
        t->read[t->reads++] = range(c, &c->dout);
        t->read[t->reads++] = saved;
        if (sees & SEES_OUTPUT) t->read[t->reads++] = range(c, &c->out);
    }
    else {
        t->read[t->reads++] = range(c, &c->out);            /* some add to it */
        t->written[t->writes++] = range(c, &c->out);
        t->written[t->writes++] = saved;
    }
}
/* Of a backward pass, the errand is what does not concern input 0's gradient. */
static void touched_aside(const Command *c, Touched *t)
{
    if (!c->backward) { touched(c, 0, 0, t); return; }
    t->writes = t->reads = 0;
    for (int i = 1; i < c->inputs; i++) t->written[t->writes++] = range(c, &c->din[i]);
    t->read[t->reads++] = range(c, &c->in[0]);
    t->read[t->reads++] = range(c, &c->dout);
}
static int overlap(const Range *a, int n, const Range *b, int m)
{
    for (int i = 0; i < n; i++) for (int j = 0; j < m; j++) if (a[i].from < b[j].to && b[j].from < a[i].to) return 1;
    return 0;
}
/* Before a command that goes to a path: errands of other paths that read what it writes, or write what it reads or writes, come first. */
static void keep_apart(Cuda *d, const Path *p, const Command *c, unsigned changes, int sees)
{
    Touched mine, its;
    int settles = d->late.count > MOST_ADDITIONS - 2;       /* a command puts off two at most */
    touched(c, changes, sees, &mine);
    for (int i = 0; i < d->late.count && !settles; i++) {
        Range sum = { d->late.of[i].out, d->late.of[i].out + d->late.of[i].n };
        settles = overlap(mine.written, mine.writes, &sum, 1) || overlap(mine.read, mine.reads, &sum, 1);
    }
    if (settles) settle(d);
    for (int i = 0; i < d->errands && i < ERRANDS; i++) {
        Errand *e = &d->errand[i];
        if (e->path == p) continue;
        touched_aside(e->c, &its);
        if (overlap(mine.written, mine.writes, its.read, its.reads) || overlap(mine.written, mine.writes, its.written, its.writes) ||
            overlap(mine.read, mine.reads, its.written, its.writes)) wait_for(d, e);
    }
}
/* At the end of a list the other paths come home, if it has sent anything there. */
static void join(Cuda *d, const Path *p)
{
    if (!p->depth) return;
    if (d->first.depth < p->depth) d->first.depth = p->depth;
    well(d, cudaEventRecord(d->parting, p->stream), "an event");
    well(d, cudaStreamWaitEvent(d->first.stream, d->parting, 0), "waiting for an event");
}

/* ---- products: row-major here, column-major there, so the factors change places ---- */

static void gemm(Cuda *d, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, int add, float *c)
{
    const float one = 1, beta = add ? 1.0f : 0.0f;
    launch_maps(d);
    if (d->text[0]) return;
    d->now->depth++;
    cublasStatus_t s = cublasSgemm(d->now->blas, ta, tb, m, n, k, &one, a, lda, b, ldb, &beta, c, m);
    if (s != CUBLAS_STATUS_SUCCESS) snprintf(d->text, sizeof d->text, "cuBLAS: status %d of a product %d x %d x %d", (int)s, n, m, k);
}
template <class Work> static void tiles(Cuda *d, const Work &w, int M, int N, int parts)
{
    unsigned across = (unsigned)((M + TILE - 1) / TILE);
    if (N <= 16) launch(d, product_kernel<Work, 16>, dim3(across, 1, (unsigned)parts), dim3(64), w);
    else launch(d, product_kernel<Work, 32>, dim3(across, (unsigned)((N + 31) / 32), (unsigned)parts), dim3(128), w);
}
enum { SHORT = 64 };                 /* so short a sum needs no cuBLAS: the tile is finished as it is stored, a node less */
static void short_rows(Cuda *d, const float *x, const float *w, float *y, int rows, int terms, int columns, int k_step, int n_step, Finish f)
{
    Rows work;
    memset((void *)&work, 0, sizeof work);
    work.rows = rows;
    work.terms = terms;
    work.columns = columns;
    work.k_step = k_step;
    work.n_step = n_step;
    work.x = x;
    work.w = w;
    work.out = y;
    work.f = f;
    tiles(d, work, rows, columns, 1);
}
/* y[rows][out] = x[rows][in] w[in][out] */
static void rows_by_matrix(Cuda *d, const float *x, const float *w, float *y, int rows, int in, int out, Finish f)
{
    if (in <= SHORT) { short_rows(d, x, w, y, rows, in, out, out, 1, f); return; }
    gemm(d, CUBLAS_OP_N, CUBLAS_OP_N, out, rows, in, w, out, x, in, f.add, y);
    finish_rows(d, f, y, (size_t)rows, out);
}
/* dx[rows][in] = dy[rows][out] w[in][out]^T */
static void rows_by_transposed(Cuda *d, const float *dy, const float *w, float *dx, int rows, int in, int out, Finish f)
{
    if (out <= SHORT) { short_rows(d, dy, w, dx, rows, out, in, 1, out, f); return; }
    gemm(d, CUBLAS_OP_T, CUBLAS_OP_N, in, rows, out, w, out, dy, out, f.add, dx);
    finish_rows(d, f, dx, (size_t)rows, in);
}
/* dw[in][out] = x[rows][in]^T dy[rows][out] */
static void outer_products(Cuda *d, const float *x, const float *dy, float *dw, int rows, int in, int out, int add)
{
    gemm(d, CUBLAS_OP_N, CUBLAS_OP_T, out, in, rows, dy, out, x, in, add, dw);
}

/* ---- convolutions ---- */

static int covers(const Geo *g) { return g->sh == 1 && g->sw == 1 && g->p == 0 && g->k == g->bh && g->k == g->bw; }
static void gather(Cuda *d, Geo g, const float *big, const float *w, float *small, Finish f)
{
    Gather work;
    int M = g.n * g.sh * g.sw;
    if (covers(&g)) { rows_by_matrix(d, big, w, small, g.n, g.k * g.k * g.cb, g.cs, f); return; }
    memset((void *)&work, 0, sizeof work);
    work.g = g;
    work.big = big;
    work.w = w;
    work.out = small;
    work.f = f;
    if (g.k * g.k * g.cb <= 16 || g.cs <= 4) launch(d, direct_kernel<Gather>, dim3(blocks((size_t)M * (size_t)g.cs)), dim3(BLOCK), work);
    else tiles(d, work, M, g.cs, 1);
}
static void spread(Cuda *d, Geo g, const float *small, const float *w, float *big, Finish f)
{
    Spread work;
    int each = (g.bh + g.s - 1) / g.s * ((g.bw + g.s - 1) / g.s), M = g.n * each;      /* of the largest residue */
    if (covers(&g)) { rows_by_transposed(d, small, w, big, g.n, g.k * g.k * g.cb, g.cs, f); return; }
    memset((void *)&work, 0, sizeof work);
    work.g = g;
    work.small = small;
    work.w = w;
    work.out = big;
    work.f = f;
    if (g.cb <= 4) launch(d, direct_kernel<Spread>, dim3(blocks((size_t)M * (size_t)g.cb), 1, (unsigned)(g.s * g.s)), dim3(BLOCK), work);
    else tiles(d, work, M, g.cb, g.s * g.s);
}
/* Enough parts to fill a card, each of at least 256 pixels; a rule of the shapes alone, for the sake of the bits. */
static void weight_gradient(Cuda *d, Geo g, const float *big, const float *small, float *dw, int add)
{
    Weights work;
    int M = g.k * g.k * g.cb, pixels = g.n * g.sh * g.sw, grid = (M + TILE - 1) / TILE * ((g.cs + 31) / 32), parts = 264 / grid;
    if (covers(&g)) { outer_products(d, big, small, dw, g.n, M, g.cs, add); return; }
    if (parts > (pixels + 255) / 256) parts = (pixels + 255) / 256;
    if (parts < 1) parts = 1;
    memset((void *)&work, 0, sizeof work);
    work.g = g;
    work.big = big;
    work.small = small;
    work.each = (pixels + parts - 1) / parts;
    parts = (pixels + work.each - 1) / work.each;
    work.out = parts > 1 || add ? (float *)scratch(d, (size_t)parts * (size_t)M * (size_t)g.cs * sizeof(float)) : dw;
    tiles(d, work, M, g.cs, parts);
    if (work.out != dw) put_off(d, work.out, NULL, parts, (size_t)M * (size_t)g.cs, dw, add);
}

/* ==== >>ops: a row each, forward and backward side by side ================================================== */

typedef const Command &Call;

/* din[i] (+)= f(dout, b; p) */
static void pull(Cuda *d, Call c, int i, int f, const float *b, float p, const float *p_at)
{
    if (c.din[i].data) map(d, f, c.dout.data, b, c.din[i].data, count(&c.dout), p, 0, !c.fresh[i], p_at, NULL);
}
static void map1(Cuda *d, Call c, int f, float p) { map(d, f, c.in[0].data, NULL, c.out.data, count(&c.out), p, 0, 0, NULL, NULL); }
static void map2(Cuda *d, Call c, int f) { map(d, f, c.in[0].data, c.in[1].data, c.out.data, count(&c.out), 1, 0, 0, NULL, NULL); }

static void add_forward(Cuda *d, Call c) { map2(d, c, F_ADD); }
static void add_backward(Cuda *d, Call c) { pull(d, c, 0, F_AFFINE, NULL, 1, NULL); pull(d, c, 1, F_AFFINE, NULL, 1, NULL); }
static void sub_forward(Cuda *d, Call c) { map2(d, c, F_SUB); }
static void sub_backward(Cuda *d, Call c) { pull(d, c, 0, F_AFFINE, NULL, 1, NULL); pull(d, c, 1, F_AFFINE, NULL, -1, NULL); }
static void mul_forward(Cuda *d, Call c) { map2(d, c, F_MUL); }
static void mul_backward(Cuda *d, Call c) { pull(d, c, 0, F_MUL, c.in[1].data, 1, NULL); pull(d, c, 1, F_MUL, c.in[0].data, 1, NULL); }
static void div_forward(Cuda *d, Call c) { map2(d, c, F_DIV); }
static void div_backward(Cuda *d, Call c)                  /* da = dy / b,  db = -dy y / b */
{
    size_t n = count(&c.out);
    float *dyb = (float *)scratch(d, n * sizeof(float));
    map(d, F_DIV, c.dout.data, c.in[1].data, dyb, n, 1, 0, 0, NULL, NULL);
    if (c.din[0].data) map(d, F_COPY, dyb, NULL, c.din[0].data, n, 1, 0, !c.fresh[0], NULL, NULL);
    if (c.din[1].data) map(d, F_MUL, dyb, c.out.data, c.din[1].data, n, -1, 0, !c.fresh[1], NULL, NULL);
}
static void affine_forward(Cuda *d, Call c) { map(d, F_AFFINE, c.in[0].data, NULL, c.out.data, count(&c.out), 1, 0, 0, d->at, d->at + 1); }
static void affine_backward(Cuda *d, Call c) { pull(d, c, 0, F_AFFINE, NULL, 1, d->at); }
static void exp_forward(Cuda *d, Call c) { map1(d, c, F_EXP, 0); }
static void exp_backward(Cuda *d, Call c) { pull(d, c, 0, F_MUL, c.out.data, 1, NULL); }
static void log_forward(Cuda *d, Call c) { map1(d, c, F_LOG, 0); }
static void log_backward(Cuda *d, Call c) { pull(d, c, 0, F_DIV, c.in[0].data, 1, NULL); }
static void square_forward(Cuda *d, Call c) { map(d, F_MUL, c.in[0].data, c.in[0].data, c.out.data, count(&c.out), 1, 0, 0, NULL, NULL); }
static void square_backward(Cuda *d, Call c) { pull(d, c, 0, F_MUL, c.in[0].data, 2, NULL); }
static void relu_forward(Cuda *d, Call c) { map1(d, c, F_RELU, 0); }
static void leaky_forward(Cuda *d, Call c) { map1(d, c, F_LEAKY, c.arg[0]); }
static void sigmoid_forward(Cuda *d, Call c) { map1(d, c, F_SIGMOID, 0); }
static void tanh_forward(Cuda *d, Call c) { map1(d, c, F_TANH, 0); }
static void copy_forward(Cuda *d, Call c) { map1(d, c, F_COPY, 1); }
static void copy_backward(Cuda *d, Call c) { pull(d, c, 0, F_COPY, NULL, 1, NULL); }
/* The gradient that comes to an activation has been through its derivative (autoenc.h's AE_ROW_ACT), but to a leaky one whose slope is
   not above 0: its output does not tell where the input was. */
static void leaky_backward(Cuda *d, Call c) { pull(d, c, 0, c.arg[0] > 0 ? F_COPY : F_DLEAKY, c.in[0].data, c.arg[0], NULL); }

/* From dense to another layout (back 0), or from it to dense; dim is PyTorch's shape. */
static void relayout(Cuda *d, const float *in, float *out, const int *dim, int layout, int back, int add)
{
    size_t i = (size_t)dim[0], j = (size_t)dim[1], k = (size_t)dim[2] * (size_t)dim[3];
    Permute p = { in, out, i * j * k, j, k, j * k, 1, j, add };                             /* NHWC to dense */
    if (layout == NHWC && !back) p.n1 = k, p.n2 = j, p.s1 = 1, p.s2 = k;
    if (layout == PACKED && !back) p.n1 = j, p.n2 = i, p.s0 = 1, p.s1 = k, p.s2 = j * k;
    if (layout == PACKED && back) p.s0 = 1, p.s1 = i, p.s2 = i * j;
    launch(d, permute_kernel, dim3(blocks(p.n)), dim3(BLOCK), p);
}
static void layout_forward(Cuda *d, Call c)
{
    int from = (int)c.arg[0], to = (int)c.arg[1];
    relayout(d, c.in[0].data, c.out.data, c.in[0].dim, from == NCHW ? to : from, from != NCHW, 0);
}
static void layout_backward(Cuda *d, Call c)
{
    int from = (int)c.arg[0], to = (int)c.arg[1];
    relayout(d, c.dout.data, c.din[0].data, c.in[0].dim, from == NCHW ? to : from, from == NCHW, !c.fresh[0]);
}
static void transpose_forward(Cuda *d, Call c) { relayout(d, c.in[0].data, c.out.data, c.in[0].dim, PACKED, 0, 0); }
static void transpose_backward(Cuda *d, Call c) { relayout(d, c.dout.data, c.din[0].data, c.out.dim, PACKED, 0, !c.fresh[0]); }

static Expand expand_of(Call c)
{
    Expand e;
    size_t step = 1;
    e.n = count(&c.out);
    for (int i = 3; i >= 0; i--) {
        int j = i - (c.out.ndim - c.in[0].ndim), len = j >= 0 && i < c.out.ndim ? c.in[0].dim[j] : 1;
        e.d[i] = (size_t)c.out.dim[i];
        e.s[i] = len > 1 ? step : 0;
        step *= (size_t)len;
    }
    return e;
}
static void expand_forward(Cuda *d, Call c) { Expand e = expand_of(c); launch(d, expand_kernel, dim3(blocks(e.n)), dim3(BLOCK), e, c.in[0].data, c.out.data); }
static void expand_backward(Cuda *d, Call c) { launch(d, unexpand_kernel, dim3((unsigned)count(&c.in[0])), dim3(BLOCK), expand_of(c), c.dout.data, c.din[0].data); }

static size_t inner(const ae_array *a, int axis) { size_t n = 1; for (int i = axis + 1; i < 4; i++) n *= (size_t)a->dim[i]; return n; }
static void pieces(Cuda *d, const float *in, float *out, size_t n, size_t len, size_t from_step, size_t to_step, int add)
{
    Pieces p = { in, out, n, len, from_step, to_step, add };
    launch(d, pieces_kernel, dim3(blocks(n)), dim3(BLOCK), p);
}
static void cat_forward(Cuda *d, Call c)
{
    int axis = (int)c.arg[0];
    size_t in = inner(&c.out, axis), a = (size_t)c.in[0].dim[axis] * in, b = (size_t)c.in[1].dim[axis] * in;
    pieces(d, c.in[0].data, c.out.data, count(&c.in[0]), a, a, a + b, 0);
    pieces(d, c.in[1].data, c.out.data + a, count(&c.in[1]), b, b, a + b, 0);
}
static void cat_backward(Cuda *d, Call c)
{
    int axis = (int)c.arg[0];
    size_t in = inner(&c.out, axis), a = (size_t)c.in[0].dim[axis] * in, b = (size_t)c.in[1].dim[axis] * in;
    if (c.din[0].data) pieces(d, c.dout.data, c.din[0].data, count(&c.in[0]), a, a + b, a, 1);
    if (c.din[1].data) pieces(d, c.dout.data + a, c.din[1].data, count(&c.in[1]), b, a + b, b, 1);
}
static void slice_forward(Cuda *d, Call c)
{
    int axis = (int)c.arg[0];
    size_t in = inner(&c.out, axis), part = (size_t)c.out.dim[axis] * in, whole = (size_t)c.in[0].dim[axis] * in;
    pieces(d, c.in[0].data + (size_t)c.arg[1] * in, c.out.data, count(&c.out), part, whole, part, 0);
}
static void slice_backward(Cuda *d, Call c)
{
    int axis = (int)c.arg[0];
    size_t in = inner(&c.out, axis), part = (size_t)c.out.dim[axis] * in, whole = (size_t)c.in[0].dim[axis] * in;
    pieces(d, c.dout.data, c.din[0].data + (size_t)c.arg[1] * in, count(&c.out), part, part, whole, 1);
}
static void one_hot_forward(Cuda *d, Call c)
{
    launch(d, one_hot_kernel, dim3(blocks(count(&c.out))), dim3(BLOCK), c.in[0].data, c.out.data, count(&c.out), c.out.dim[1], d->fault + FAULT_LABEL);
}
static void reduce_sizes(Call c, size_t *outer, size_t *len, size_t *in, double *scale)
{
    int axis = (int)c.arg[0];
    *len = axis < 0 ? count(&c.in[0]) : (size_t)c.in[0].dim[axis];
    *in = axis < 0 ? 1 : inner(&c.in[0], axis);
    *outer = count(&c.in[0]) / *len / *in;
    *scale = (int)c.arg[1] == AE_MEAN ? 1.0 / (double)*len : 1.0;
}
static void reduce_forward(Cuda *d, Call c)
{
    size_t outer, len, in;
    double scale;
    reduce_sizes(c, &outer, &len, &in, &scale);
    if (c.arg[0] < 0) sum(d, F_COPY, c.in[0].data, NULL, len, scale, c.out.data);
    else launch(d, reduce_kernel, dim3(blocks(outer * in)), dim3(BLOCK), c.in[0].data, c.out.data, outer, len, in, scale);
}
static void reduce_backward(Cuda *d, Call c)
{
    size_t outer, len, in;
    double scale;
    reduce_sizes(c, &outer, &len, &in, &scale);
    launch(d, unreduce_kernel, dim3(blocks(count(&c.in[0]))), dim3(BLOCK), c.dout.data, c.din[0].data, count(&c.in[0]), len, in, (float)scale);
}

/* ---- losses: the gradient that arrives is read on the device ---- */

static void loss(Cuda *d, Call c, int f)
{
    size_t n = count(&c.in[0]);
    sum(d, f, c.in[0].data, c.in[1].data, n, (int)c.arg[0] == AE_MEAN ? 1.0 / (double)n : 1.0, c.out.data);
}
static void loss_back(Cuda *d, Call c, int i, int f, double factor)
{
    size_t n = count(&c.in[0]);
    float p = (float)(factor / ((int)c.arg[0] == AE_MEAN ? (double)n : 1.0));
    if (c.din[i].data) map(d, f, c.in[0].data, c.in[1].data, c.din[i].data, n, p, 0, !c.fresh[i], c.dout.data, NULL);
}
static void in_range(Cuda *d, Call c, int i, int fault)
{
    size_t n = count(&c.in[i]);
    launch(d, range_kernel, dim3(blocks(n)), dim3(BLOCK), c.in[i].data, n, d->fault + fault);
}
static void no_target_gradient(Cuda *d, Call c, const char *name)
{
    if (c.din[1].data && !d->text[0]) snprintf(d->text, sizeof d->text, "%s: the target asks for a gradient and has none; ae_detach it", name);
}
static void mse_forward(Cuda *d, Call c) { loss(d, c, F_SQUARE_DIFF); }
static void mse_backward(Cuda *d, Call c) { loss_back(d, c, 0, F_DIFF, 2); loss_back(d, c, 1, F_DIFF, -2); }
static void l1_forward(Cuda *d, Call c) { loss(d, c, F_ABS_DIFF); }
static void l1_backward(Cuda *d, Call c) { loss_back(d, c, 0, F_SIGN, 1); loss_back(d, c, 1, F_SIGN, -1); }
static void bce_forward(Cuda *d, Call c) { in_range(d, c, 0, FAULT_OUTPUT); in_range(d, c, 1, FAULT_TARGET); loss(d, c, F_BCE); }
static void bce_backward(Cuda *d, Call c) { no_target_gradient(d, c, "bce_loss"); loss_back(d, c, 0, F_DBCE, 1); }
static void logits_forward(Cuda *d, Call c) { in_range(d, c, 1, FAULT_TARGET); loss(d, c, F_BCE_LOGITS); }
static void logits_backward(Cuda *d, Call c) { no_target_gradient(d, c, "bce_logits_loss"); loss_back(d, c, 0, F_DBCE_LOGITS, 1); }
static double kl_rows(Call c) { return (int)c.arg[0] == AE_MEAN ? (double)c.in[0].dim[0] : 1.0; }
static void kl_forward(Cuda *d, Call c) { sum(d, F_KL, c.in[0].data, c.in[1].data, count(&c.in[0]), -0.5 / kl_rows(c), c.out.data); }
static void kl_backward(Cuda *d, Call c)
{
    size_t n = count(&c.in[0]);
    float g = (float)(1.0 / kl_rows(c));
    if (c.din[0].data) map(d, F_AFFINE, c.in[0].data, NULL, c.din[0].data, n, g, 0, !c.fresh[0], c.dout.data, NULL);
    if (c.din[1].data) map(d, F_EXPM1, c.in[1].data, NULL, c.din[1].data, n, 0.5f * g, 0, !c.fresh[1], c.dout.data, NULL);
}
static unsigned warps(int rows) { return (unsigned)((rows + BLOCK / WARP - 1) / (BLOCK / WARP)); }
static void log_softmax_forward(Cuda *d, Call c)
{
    launch(d, log_softmax_kernel, dim3(warps(c.in[0].dim[0])), dim3(BLOCK), c.in[0].data, c.out.data, c.in[0].dim[0], c.in[0].dim[1]);
}
static void log_softmax_backward(Cuda *d, Call c)
{
    launch(d, log_softmax_back_kernel, dim3(warps(c.in[0].dim[0])), dim3(BLOCK), c.out.data, c.dout.data, c.din[0].data, c.in[0].dim[0], c.in[0].dim[1]);
}

/* ---- layers ---- */

static Finish forward_finish(Call c, int n, int period)    /* arg[n]: activation, arg[n + 1]: its slope */
{
    Finish f = { c.in[2].data, NULL, period, (int)c.arg[n], 0, c.arg[n + 1] };
    return f;
}
static Finish backward_finish(Call c) { Finish f = { NULL, c.mask, 1, ACT_NONE, !c.fresh[0], c.slope }; return f; }
static void linear_forward(Cuda *d, Call c)
{
    rows_by_matrix(d, c.in[0].data, c.in[1].data, c.out.data, c.out.dim[0], c.in[1].dim[1], c.out.dim[1], forward_finish(c, 0, c.out.dim[1]));
}
static void bias_aside(Cuda *d, Call c, size_t rows, int C)
{
    if (!c.din[2].data) return;
    aside(d, &d->sums);
    column_sums(d, c.dout.data, c.din[2].data, rows, C, !c.fresh[2]);
    home(d, c);
}
static void weights_aside(Cuda *d, Call c, int rows, int in, int out)
{
    if (!c.din[1].data) return;
    aside(d, &d->weights);
    outer_products(d, c.in[0].data, c.dout.data, c.din[1].data, rows, in, out, !c.fresh[1]);
    home(d, c);
}
static void linear_backward(Cuda *d, Call c)
{
    int rows = c.out.dim[0], in = c.in[1].dim[1], out = c.out.dim[1];
    weights_aside(d, c, rows, in, out);
    bias_aside(d, c, (size_t)rows, out);
    if (c.din[0].data) rows_by_transposed(d, c.dout.data, c.in[1].data, c.din[0].data, rows, in, out, backward_finish(c));
}
static void matmul_forward(Cuda *d, Call c)
{
    Finish f = { NULL, NULL, 1, ACT_NONE, 0, 0 };
    rows_by_matrix(d, c.in[0].data, c.in[1].data, c.out.data, c.out.dim[0], c.in[0].dim[1], c.out.dim[1], f);
}
static void matmul_backward(Cuda *d, Call c)
{
    int m = c.out.dim[0], k = c.in[0].dim[1], n = c.out.dim[1];
    int squared = c.din[1].data && c.din[1].data == c.din[0].data;              /* of one matrix by itself: its gradients add up */
    if (!squared) weights_aside(d, c, m, k, n);
    if (c.din[0].data) rows_by_transposed(d, c.dout.data, c.in[1].data, c.din[0].data, m, k, n, backward_finish(c));
    if (squared) outer_products(d, c.in[0].data, c.dout.data, c.din[1].data, m, k, n, !c.fresh[1]);
}
static Geo geometry(Call c, const ae_array *big, const ae_array *small)
{
    Geo g = { big->dim[0], big->dim[2], big->dim[3], big->dim[1], small->dim[2], small->dim[3], small->dim[1], c.in[1].dim[2], (int)c.arg[0], (int)c.arg[1] };
    return g;
}
static void conv_forward(Cuda *d, Call c)
{
    gather(d, geometry(c, &c.in[0], &c.out), c.in[0].data, c.in[1].data, c.out.data, forward_finish(c, 2, c.out.dim[1]));
}
static void kernel_aside(Cuda *d, Call c, Geo g, const float *big, const float *small)
{
    if (!c.din[1].data) return;
    aside(d, &d->weights);
    weight_gradient(d, g, big, small, c.din[1].data, !c.fresh[1]);
    home(d, c);
}
static void conv_backward(Cuda *d, Call c)
{
    Geo g = geometry(c, &c.in[0], &c.out);
    kernel_aside(d, c, g, c.in[0].data, c.dout.data);
    bias_aside(d, c, (size_t)g.n * (size_t)g.sh * (size_t)g.sw, g.cs);
    if (c.din[0].data) spread(d, g, c.dout.data, c.in[1].data, c.din[0].data, backward_finish(c));
}
static void convt_forward(Cuda *d, Call c)
{
    spread(d, geometry(c, &c.out, &c.in[0]), c.in[0].data, c.in[1].data, c.out.data, forward_finish(c, 2, c.out.dim[1]));
}
static void convt_backward(Cuda *d, Call c)
{
    Geo g = geometry(c, &c.out, &c.in[0]);
    kernel_aside(d, c, g, c.dout.data, c.in[0].data);
    bias_aside(d, c, (size_t)g.n * (size_t)g.bh * (size_t)g.bw, g.cb);
    if (c.din[0].data) gather(d, g, c.dout.data, c.in[1].data, c.din[0].data, backward_finish(c));
}
static Pool pool_of(Call c, size_t n)
{
    Pool g = { c.in[0].dim[2], c.in[0].dim[3], c.in[0].dim[1], c.out.dim[2], c.out.dim[3], (int)c.arg[0], (int)c.arg[1], (int)c.arg[2], n };
    return g;
}
static void pool_forward(Cuda *d, Call c) { launch(d, pool_kernel, dim3(blocks(count(&c.out))), dim3(BLOCK), pool_of(c, count(&c.out)), c.in[0].data, c.out.data, c.saved); }
static void pool_backward(Cuda *d, Call c)
{
    launch(d, unpool_kernel, dim3(blocks(count(&c.in[0]))), dim3(BLOCK), pool_of(c, count(&c.in[0])), c.dout.data, c.saved, c.din[0].data);
}
static Pool upsample_of(Call c, size_t n)
{
    Pool g = { c.in[0].dim[2], c.in[0].dim[3], c.in[0].dim[1], c.out.dim[2], c.out.dim[3], 0, (int)c.arg[0], (int)c.arg[1], n };
    return g;
}
static void upsample_forward(Cuda *d, Call c) { launch(d, upsample_kernel, dim3(blocks(count(&c.out))), dim3(BLOCK), upsample_of(c, count(&c.out)), c.in[0].data, c.out.data); }
static void upsample_backward(Cuda *d, Call c)
{
    launch(d, downsample_kernel, dim3(blocks(count(&c.in[0]))), dim3(BLOCK), upsample_of(c, count(&c.in[0])), c.dout.data, c.din[0].data);
}
static Norm norm_of(Call c)
{
    int C = c.in[0].dim[1];
    Norm j = { c.in[0].data, c.saved, c.saved + C, c.in[1].data, c.in[2].data, c.dout.data, c.out.data, c.din[1].data, c.din[2].data, NULL, count(&c.in[0]), C, INFINITY };
    if (c.arg[0] != 0) j.rows = (double)(j.n / (size_t)C);
    return j;
}
static void norm_forward(Cuda *d, Call c)
{
    Norm j = norm_of(c);
    double *part;
    dim3 grid(blocks((size_t)j.C)), block(BLOCK);
    float *mean = c.saved, *inv = c.saved + j.C;
    if (c.arg[0] == 0) launch(d, bn_running_kernel, grid, block, c.in[3].data, c.in[4].data, j.C, mean, inv);
    else {
        int parts = columns(d, j.x, NULL, NULL, j.n / (size_t)j.C, j.C, &part);
        launch(d, bn_mean_kernel, grid, block, part, parts, j.C, j.rows, mean);
        parts = columns(d, j.x, j.x, mean, j.n / (size_t)j.C, j.C, &part);
        launch(d, bn_spread_kernel, grid, block, part, parts, j.C, j.rows, mean, inv, c.in[3].data, c.in[4].data);
    }
    launch(d, bn_kernel, dim3(blocks(j.n)), block, j);
}
static void norm_backward(Cuda *d, Call c)
{
    Norm j = norm_of(c);
    double *part;
    int parts = columns(d, j.dy, j.x, j.mean, j.n / (size_t)j.C, j.C, &part);
    j.sums = (double *)scratch(d, 2 * (size_t)j.C * sizeof(double));
    launch(d, bn_sums_kernel, dim3(blocks((size_t)j.C)), dim3(BLOCK), j, part, parts);
    j.out = c.din[0].data;
    if (j.out) launch(d, bn_back_kernel, dim3(blocks(j.n)), dim3(BLOCK), j);
}

/* ---- what is no op of the tape ---- */

static void do_fill(Cuda *d, Call c) { map(d, F_FILL, NULL, NULL, c.out.data, count(&c.out), 0, 0, 0, NULL, d->at); }
static void do_activation(Cuda *d, Call c)
{
    static const int derivative[] = { F_COPY, F_DRELU, F_DLEAKY, F_DSIGMOID, F_DTANH };
    map(d, derivative[(int)c.arg[0]], c.in[0].data, c.in[1].data, c.out.data, count(&c.out), c.arg[0] == ACT_LEAKY ? c.arg[1] : 1.0f, 0, 0, NULL, NULL);
}
static void do_serve(Cuda *d, Call c)
{
    int what[2];
    memcpy(what, c.arg, sizeof what);
    launch(d, serve_kernel, dim3(blocks(count(&c.out))), dim3(BLOCK), (const void *)c.in[0].data, (const int *)c.in[1].data, c.out.data, count(&c.out), (size_t)what[1], what[0],
           (const int *)(d->at + 2));
}
static void do_noise(Cuda *d, Call c)
{
    launch(d, noise_kernel, dim3(blocks((count(&c.out) + 3) / 4)), dim3(BLOCK), c.out.data, count(&c.out), (const uint32_t *)d->at);
}
static void do_adam(Cuda *d, Call c)
{
    launch(d, adam_kernel, dim3(blocks(count(&c.out))), dim3(BLOCK), c.out.data, c.in[0].data, c.in[1].data, c.in[2].data, count(&c.out), d->at);
}
static void do_sgd(Cuda *d, Call c) { launch(d, sgd_kernel, dim3(blocks(count(&c.out))), dim3(BLOCK), c.out.data, c.in[0].data, c.in[1].data, count(&c.out), d->at); }
static void do_accumulate(Cuda *d, Call c) { map(d, F_COPY, c.in[0].data, NULL, c.out.data, 1, 1, 0, 1, NULL, NULL); }

/* values: which of its numbers (a bit each) may differ from step to step, and so are read from the device.  changes: which of its
   inputs the forward pass changes.  errand: is the forward pass one?  Losses are, for their gradients do not need their sums, and
   so is what is made of single numbers, as the sum of two losses.  sees: what the backward pass reads
   besides its gradient; 3 is both. */
static const struct Op { const char *name; void (*forward)(Cuda *d, Call c); void (*backward)(Cuda *d, Call c); unsigned values, changes; int errand, sees; } ops[] = {
    { "add", add_forward, add_backward, 0, 0, OF_ONE, 0 }, { "sub", sub_forward, sub_backward, 0, 0, OF_ONE, 0 }, { "mul", mul_forward, mul_backward, 0, 0, OF_ONE, 3 },
    { "div", div_forward, div_backward, 0, 0, 0, 3 }, { "affine", affine_forward, affine_backward, 3, 0, OF_ONE, 0 }, { "exp", exp_forward, exp_backward, 0, 0, 0, 3 },
    { "log", log_forward, log_backward, 0, 0, 0, 3 }, { "square", square_forward, square_backward, 0, 0, 0, 3 }, { "relu", relu_forward, copy_backward, 0, 0, 0, 3 },
    { "leaky_relu", leaky_forward, leaky_backward, 0, 0, 0, 3 }, { "sigmoid", sigmoid_forward, copy_backward, 0, 0, 0, 3 }, { "tanh", tanh_forward, copy_backward, 0, 0, 0, 3 },
    { "view", copy_forward, copy_backward, 0, 0, 0, 3 }, { "layout", layout_forward, layout_backward, 0, 0, 0, 3 }, { "transpose", transpose_forward, transpose_backward, 0, 0, 0, 3 },
    { "expand", expand_forward, expand_backward, 0, 0, 0, 3 }, { "cat", cat_forward, cat_backward, 0, 0, 0, 3 }, { "slice", slice_forward, slice_backward, 0, 0, 0, 3 },
    { "one_hot", one_hot_forward, NULL, 0, 0, 0, 3 }, { "reduce", reduce_forward, reduce_backward, 0, 0, 0, 0 }, { "mse_loss", mse_forward, mse_backward, 0, 0, ALWAYS, SEES_INPUTS },
    { "l1_loss", l1_forward, l1_backward, 0, 0, ALWAYS, SEES_INPUTS }, { "bce_loss", bce_forward, bce_backward, 0, 0, ALWAYS, SEES_INPUTS },
    { "bce_logits_loss", logits_forward, logits_backward, 0, 0, ALWAYS, SEES_INPUTS },
    { "kl_loss", kl_forward, kl_backward, 0, 0, ALWAYS, SEES_INPUTS }, { "log_softmax", log_softmax_forward, log_softmax_backward, 0, 0, 0, 3 },
    { "linear", linear_forward, linear_backward, 0, 0, 0, 3 }, { "matmul", matmul_forward, matmul_backward, 0, 0, 0, 3 }, { "conv2d", conv_forward, conv_backward, 0, 0, 0, 3 },
    { "conv_transpose2d", convt_forward, convt_backward, 0, 0, 0, 3 }, { "max_pool2d", pool_forward, pool_backward, 0, 0, 0, 3 },
    { "upsample", upsample_forward, upsample_backward, 0, 0, 0, 3 },
    { "batch_norm", norm_forward, norm_backward, 0, 24, 0, 3 }, { "fill", do_fill, NULL, 1, 0, 0, 3 }, { "activation", do_activation, NULL, 0, 0, 0, 3 },
    { "serve", do_serve, NULL, 4, 0, 0, 3 }, { "noise", do_noise, NULL, 63, 0, 0, 3 }, { "adam", do_adam, NULL, 127, 6, 0, 3 }, { "sgd", do_sgd, NULL, 15, 2, 0, 3 },
    { "accumulate", do_accumulate, NULL, 0, 0, ALWAYS, 3 }
};
enum { OPS = (int)(sizeof ops / sizeof ops[0]) };

/* ==== >>plans: a list of commands is launched, recorded, replayed =========================================== */

static void launch_all(Cuda *d, const Command *list, int n)
{
    d->now = &d->first;
    d->maps.count = d->late.count = d->errands = d->first.depth = d->weights.depth = d->sums.depth = 0;
    d->first.holds = d->weights.holds = d->sums.holds = 0;
    for (int i = 0; i < n && !d->text[0]; i++) {
        const Op *op = &ops[list[i].code];
        int errand = !list[i].backward && (op->errand == ALWAYS || (op->errand == OF_ONE && count(&list[i].out) == 1));
        if (!d->first.holds) d->first.scratch_used = 0;     /* the stream keeps commands apart, so they share it */
        d->at = list[i].values < 0 ? NULL : d->values + list[i].values;
        keep_apart(d, errand ? &d->sums : &d->first, &list[i], op->changes, op->sees);
        if (errand) aside(d, &d->sums);
        (list[i].backward ? op->backward : op->forward)(d, list[i]);
        if (errand) home(d, list[i]);
    }
    settle(d);
    launch_maps(d);
    join(d, &d->weights);
    join(d, &d->sums);
}
/* The changing numbers go ahead, from one of a few pinned pieces: the host may be several steps in front of the device. */
static int send_values(Cuda *d)
{
    int turn = d->turn;
    if (!d->n_values) return 1;
    d->turn = (turn + 1) % STAGES;
    return well(d, cudaMemcpyAsync(d->values, d->stage[turn], (size_t)d->n_values * sizeof(float), cudaMemcpyHostToDevice, d->first.stream), "sending values") &&
           well(d, cudaEventRecord(d->sent[turn], d->first.stream), "an event") && well(d, cudaEventSynchronize(d->sent[d->turn]), "waiting for an event");
}
static Plan *find_plan(Cuda *d, uint64_t hash)
{
    for (int i = 0; i < d->plans; i++) {
        Plan *p = &d->plan[i];
        if (p->hash == hash && p->n == d->n && !memcmp(p->list, d->list, (size_t)d->n * sizeof *d->list)) return p;
    }
    return NULL;
}
/* A place for one more plan: a free one, or that of the plan that was longest out of use. */
static int new_plan(Cuda *d, uint64_t hash)
{
    Plan *p = &d->plan[0];
    if (d->plans < MOST_PLANS) p = &d->plan[d->plans];
    for (int i = 1; i < d->plans && d->plans == MOST_PLANS; i++) if (d->plan[i].used < p->used) p = &d->plan[i];
    Command *list = (Command *)malloc((size_t)d->n * sizeof *list);
    if (!list) return 0;
    if (d->plans < MOST_PLANS) d->plans++;
    else {
        if (p->graph) cudaGraphExecDestroy(p->graph);
        free(p->list);
    }
    memcpy((void *)list, d->list, (size_t)d->n * sizeof *list);
    p->hash = hash;
    p->n = d->n;
    p->list = list;
    p->graph = NULL;
    p->used = ++d->clock;
    return 1;
}
static int record(Cuda *d, Plan *p)
{
    cudaGraph_t graph = NULL;
    size_t nodes = 0;
    if (!well(d, cudaStreamBeginCapture(d->first.stream, cudaStreamCaptureModeThreadLocal), "the beginning of a recording")) return 0;
    launch_all(d, p->list, p->n);
    int good = well(d, cudaStreamEndCapture(d->first.stream, &graph), "the end of a recording") && !d->text[0] &&
               well(d, cudaGraphGetNodes(graph, NULL, &nodes), "counting") && well(d, cudaGraphInstantiate(&p->graph, graph, 0), "a graph");
    if (graph) cudaGraphDestroy(graph);
    if (nodes > d->most_nodes) d->most_nodes = nodes;
    if (d->first.depth > d->most_depth) d->most_depth = d->first.depth;
    d->recorded++;
    return good;
}
static int cuda_flush(void *device)
{
    Cuda *d = (Cuda *)device;
    uint64_t hash = 14695981039346656037u;
    if (d->text[0]) return 0;
    if (!d->n) return 1;
    for (int i = 0; i < d->n; i++) hash = (hash ^ (uint64_t)d->list[i].code ^ (uint64_t)(size_t)d->list[i].out.data) * 1099511628211u;
    Plan *p = d->eager ? NULL : find_plan(d, hash);
    int good = send_values(d);
    if (good && p) {
        p->used = ++d->clock;
        good = p->graph || record(d, p);
        good = good && well(d, cudaGraphLaunch(p->graph, d->first.stream), "a graph's launch");
        d->replayed++;
    }
    else if (good) {
        if (!d->eager) new_plan(d, hash);
        launch_all(d, d->list, d->n);
        d->launched++;
    }
    d->n = d->n_values = 0;
    return good && !d->text[0];
}

/* ==== >>device: what autoenc.h asks for ===================================================================== */

static int cuda_code(void *device, const char *op)
{
    (void)device;
    for (int i = 0; i < OPS; i++) if (!strcmp(ops[i].name, op)) return i;
    return -1;
}
static void copy_array(ae_array *to, const ae_array *from)
{
    to->data = from->data;
    to->ndim = from->ndim;
    memcpy(to->dim, from->dim, sizeof to->dim);
}
static int cuda_run(void *device, int code, int backward, const ae_call *c)
{
    Cuda *d = (Cuda *)device;
    if (code < 0) return 0;
    if ((d->n == MOST_COMMANDS || d->n_values + AE_MAX_ARGS > MOST_VALUES) && !cuda_flush(device)) return 0;
    Command *k = &d->list[d->n++];
    memset((void *)k, 0, sizeof *k);
    k->code = code;
    k->backward = backward;
    k->inputs = c->inputs;
    k->args = c->args;
    k->values = -1;
    for (int i = 0; i < c->inputs; i++) {
        copy_array(&k->in[i], &c->in[i]);
        copy_array(&k->din[i], &c->din[i]);
        k->fresh[i] = c->fresh[i];
    }
    copy_array(&k->out, &c->out);
    copy_array(&k->dout, &c->dout);
    k->saved = c->saved;
    k->mask = c->mask[0];
    k->slope = c->slope[0];
    if (c->args) memcpy(k->arg, c->arg, (size_t)c->args * sizeof(float));
    if (!ops[code].values) return 1;
    k->values = d->n_values;
    memcpy(d->stage[d->turn] + d->n_values, k->arg, sizeof k->arg);
    d->n_values += AE_MAX_ARGS;
    for (int i = 0; i < AE_MAX_ARGS; i++) if (ops[code].values >> i & 1) memset(&k->arg[i], 0, sizeof k->arg[i]);
    return 1;
}
static void *cuda_alloc(void *device, size_t bytes) { return allocate((Cuda *)device, bytes); }
static int cuda_put(void *device, void *there, const void *here, size_t bytes)
{
    Cuda *d = (Cuda *)device;
    return cuda_flush(d) && well(d, cudaMemcpyAsync(there, here, bytes, cudaMemcpyHostToDevice, d->first.stream), "a copy to the device") &&
           well(d, cudaStreamSynchronize(d->first.stream), "waiting for the device");
}
static int cuda_get(void *device, void *here, const void *there, size_t bytes)
{
    Cuda *d = (Cuda *)device;
    static const char *const text[FAULTS] = {
        "bce_loss: numbers of the output are not between 0 and 1 (is a sigmoid missing?), or are not numbers; found at a read, on the device",
        "a loss: numbers of the target are not between 0 and 1, or are not numbers; found at a read, on the device",
        "one_hot: a label is none of the classes; found at a read, on the device" };
    if (!cuda_flush(d) || !well(d, cudaMemcpyAsync(here, there, bytes, cudaMemcpyDeviceToHost, d->first.stream), "a copy from the device") ||
        !well(d, cudaMemcpyAsync(d->fault_seen, d->fault, FAULTS * sizeof(int), cudaMemcpyDeviceToHost, d->first.stream), "a copy from the device") ||
        !well(d, cudaStreamSynchronize(d->first.stream), "waiting for the device")) return 0;
    for (int i = 0; i < FAULTS; i++) if (d->fault_seen[i] && !d->text[0]) snprintf(d->text, sizeof d->text, "%s", text[i]);
    if (d->text[0]) cudaMemsetAsync(d->fault, 0, FAULTS * sizeof(int), d->first.stream);
    return !d->text[0];
}
/* Told once: after ae_clear the program may go on, if the card can. */
static const char *cuda_problem(void *device)
{
    Cuda *d = (Cuda *)device;
    memcpy(d->told, d->text, sizeof d->told);
    d->text[0] = 0;
    d->n = d->n_values = 0;
    return d->told[0] ? d->told : NULL;
}
static void close_path(Path *p)
{
    if (p->blas) cublasDestroy(p->blas);
    if (p->stream) cudaStreamDestroy(p->stream);
}
static void cuda_close(void *device)
{
    Cuda *d = (Cuda *)device;
    if (d->report) fprintf(stderr, "cuda: plans=%d launched=%ld recorded=%ld replayed=%ld nodes=%zu deep=%d\n", d->plans, d->launched, d->recorded, d->replayed, d->most_nodes, d->most_depth);
    if (d->first.stream) cudaStreamSynchronize(d->first.stream);
    for (int i = 0; i < d->plans; i++) {
        if (d->plan[i].graph) cudaGraphExecDestroy(d->plan[i].graph);
        free(d->plan[i].list);
    }
    close_path(&d->first);
    close_path(&d->weights);
    close_path(&d->sums);
    for (int i = 0; i < STAGES; i++) {
        if (d->stage[i]) cudaFreeHost(d->stage[i]);
        if (d->sent[i]) cudaEventDestroy(d->sent[i]);
    }
    for (int i = 0; i < ERRANDS; i++) if (d->errand[i].done) cudaEventDestroy(d->errand[i].done);
    if (d->parting) cudaEventDestroy(d->parting);
    for (size_t i = 0; i < d->memories; i++) cudaFree(d->memory[i]);
    free(d->memory);
    free(d->list);
    free(d->fault_seen);
    free(d);
}
enum { BLAS_BYTES = 32 << 20 };      /* cuBLAS's own memory, ours to give: a recording must not allocate */
static int open_stream(Cuda *d, Path *p) { return well(d, cudaStreamCreateWithFlags(&p->stream, cudaStreamNonBlocking), "a stream"); }
static int open_path(Cuda *d, Path *p, int tf32)
{
    void *workspace = allocate(d, BLAS_BYTES);
    return workspace && open_stream(d, p) &&
           cublasCreate(&p->blas) == CUBLAS_STATUS_SUCCESS && cublasSetStream(p->blas, p->stream) == CUBLAS_STATUS_SUCCESS &&
           cublasSetWorkspace(p->blas, workspace, BLAS_BYTES) == CUBLAS_STATUS_SUCCESS &&    /* after the stream, which resets it */
           cublasSetMathMode(p->blas, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH) == CUBLAS_STATUS_SUCCESS;
}
static int open_event(Cuda *d, cudaEvent_t *e) { return well(d, cudaEventCreateWithFlags(e, cudaEventDisableTiming), "an event"); }
static int prepare(Cuda *d, int tf32)
{
    if (!open_path(d, &d->first, tf32) || (!d->chain && (!open_path(d, &d->weights, tf32) || !open_stream(d, &d->sums))) || !open_event(d, &d->parting)) return 0;
    for (int i = 0; i < STAGES; i++)
        if (!well(d, cudaMallocHost((void **)&d->stage[i], MOST_VALUES * sizeof(float)), "pinned memory") || !open_event(d, &d->sent[i])) return 0;
    for (int i = 0; i < ERRANDS; i++) if (!open_event(d, &d->errand[i].done)) return 0;
    d->values = (float *)allocate(d, MOST_VALUES * sizeof(float));
    d->fault = (int *)allocate(d, FAULTS * sizeof(int));
    d->list = (Command *)calloc(MOST_COMMANDS, sizeof *d->list);
    d->fault_seen = (int *)calloc(FAULTS, sizeof(int));
    return d->values && d->fault && d->list && d->fault_seen && well(d, cudaMemsetAsync(d->fault, 0, FAULTS * sizeof(int), d->first.stream), "clearing");
}
static void *cuda_open(const char *device, char *text, size_t size)
{
    int cards = 0, tf32 = !strcmp(device, "cuda-tf32");
    cudaError_t e = cudaGetDeviceCount(&cards);
    cudaDeviceProp card;
    if (e == cudaErrorInsufficientDriver || e == cudaErrorNoDevice || (e == cudaSuccess && !cards)) {
        snprintf(text, size, e == cudaErrorInsufficientDriver ? "no NVIDIA driver found" : "no NVIDIA card found");
        return NULL;
    }
    if (!tf32 && strcmp(device, "cuda") && strcmp(device, "auto")) { snprintf(text, size, "cuda and cuda-tf32 are known"); return NULL; }
    Cuda *d = (Cuda *)calloc(1, sizeof *d);
    if (!d) { snprintf(text, size, "no memory"); return NULL; }
    d->eager = getenv("AE_CUDA_EAGER") != NULL;
    d->chain = getenv("AE_CUDA_CHAIN") != NULL;
    d->report = getenv("AE_CUDA_REPORT") != NULL;
    if (!well(d, e, "looking for a card") || !well(d, cudaGetDeviceProperties(&card, 0), "asking the card") ||
        !prepare(d, tf32)) {
        snprintf(text, size, "%s", d->text[0] ? d->text : "the card has no memory left, or cuBLAS does not start");
        d->report = 0;
        cuda_close(d);
        return NULL;
    }
    snprintf(text, size, "%.60s, %s", card.name, tf32 ? "TF32 products" : "float32");
    return d;
}
static const ae_device cuda_device = { AE_DEVICE_VERSION, "cuda", cuda_open, cuda_close, cuda_alloc, cuda_put, cuda_get, cuda_code, cuda_run, cuda_flush, cuda_problem };
extern "C" const ae_device *ae_device_linked(void) { return &cuda_device; }
