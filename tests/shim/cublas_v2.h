/* cublas_v2.h - no cuBLAS: its float32 product, column by column, on the stream of cuda_runtime.h beside this file */
#ifndef SHIM_CUBLAS_H
#define SHIM_CUBLAS_H
#include "cuda_runtime.h"

enum cublasStatus_t { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_NOT_INITIALIZED = 1, CUBLAS_STATUS_INVALID_VALUE = 7 };
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasMath_t { CUBLAS_DEFAULT_MATH = 0, CUBLAS_TF32_TENSOR_OP_MATH = 3 };
struct shim_blas { cudaStream_t stream = nullptr; void *workspace = nullptr; cublasMath_t math = CUBLAS_DEFAULT_MATH; };
typedef shim_blas *cublasHandle_t;

inline cublasStatus_t cublasCreate(cublasHandle_t *h) { *h = new shim_blas; return CUBLAS_STATUS_SUCCESS; }
inline cublasStatus_t cublasDestroy(cublasHandle_t h) { delete h; return CUBLAS_STATUS_SUCCESS; }
inline cublasStatus_t cublasSetStream(cublasHandle_t h, cudaStream_t s) { h->stream = s; h->workspace = nullptr; return CUBLAS_STATUS_SUCCESS; }
inline cublasStatus_t cublasSetWorkspace(cublasHandle_t h, void *p, size_t) { h->workspace = p; return CUBLAS_STATUS_SUCCESS; }
inline cublasStatus_t cublasSetMathMode(cublasHandle_t h, cublasMath_t m) { h->math = m; return CUBLAS_STATUS_SUCCESS; }

namespace shim {
/* TF32: the factors keep 10 bits behind the point. */
inline float factor(float x, cublasMath_t math)
{
    uint32_t bits;
    if (math == CUBLAS_DEFAULT_MATH) return x;
    memcpy(&bits, &x, 4);
    bits = (bits + 0x1000u) & ~0x1fffu;
    memcpy(&x, &bits, 4);
    return x;
}
inline std::vector<float> copied(const float *a, int rows, int columns, int ld, bool transposed, cublasMath_t math)    /* to column-major, ld = rows */
{
    std::vector<float> out((size_t)rows * (size_t)columns);
    for (int j = 0; j < columns; j++)
        for (int i = 0; i < rows; i++) out[(size_t)j * rows + i] = factor(transposed ? a[(size_t)i * ld + j] : a[(size_t)j * ld + i], math);
    return out;
}
}
inline cublasStatus_t cublasSgemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float *alpha,
                                  const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc)
{
    float p = *alpha, q = *beta;
    cublasMath_t math = h->math;
    if (m < 1 || n < 1 || k < 1 || lda < (ta == CUBLAS_OP_N ? m : k) || ldb < (tb == CUBLAS_OP_N ? k : n) || ldc < m) return CUBLAS_STATUS_INVALID_VALUE;
    if (!h->workspace) return CUBLAS_STATUS_NOT_INITIALIZED;           /* a recording would have to allocate it */
    shim::submit(h->stream, [=] {
        std::vector<float> A = shim::copied(a, m, k, lda, ta == CUBLAS_OP_T, math), B = shim::copied(b, k, n, ldb, tb == CUBLAS_OP_T, math), sum((size_t)m);
        for (int j = 0; j < n; j++) {
            std::fill(sum.begin(), sum.end(), 0.0f);
            for (int t = 0; t < k; t++) {
                const float f = B[(size_t)j * k + t], *column = &A[(size_t)t * m];
                for (int i = 0; i < m; i++) sum[(size_t)i] += column[i] * f;
            }
            for (int i = 0; i < m; i++) { float *to = c + (size_t)j * ldc + i; *to = p * sum[(size_t)i] + (q != 0 ? q * *to : 0.0f); }
        }
    });
    return CUBLAS_STATUS_SUCCESS;
}
#endif
