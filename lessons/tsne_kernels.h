/* tsne_kernels.h - the three inner loops of tsne.h, in vectors of TSNE_LANES floats.

   Never include this file yourself: tsne.h includes it once per instruction set, each time with other definitions of
       TSNE_LANES            floats in a vector: 4, 8 or 16
       TSNE_NAME(f)          the name of f in this instruction set
       TSNE_TARGET           the attribute that lets the compiler use the instruction set in one function
       TSNE_FMA(a, b, c)     a * b + c, rounded once where the processor can
       TSNE_GATHER(p, i)     the vector p[i[0]], p[i[1]], ...
   It undefines them again.

   The same bits come out of each.  Every loop has sixteen logical lanes: element j is added into lane j % 16, whatever
   the width of a real vector.  A narrower machine makes 16 / TSNE_LANES sweeps, and each sweep keeps its own lanes.
   The caller then adds the sixteen lanes up in one fixed order. */

typedef float TSNE_NAME(tsne_v) __attribute__((vector_size(4 * TSNE_LANES)));
typedef int   TSNE_NAME(tsne_i) __attribute__((vector_size(4 * TSNE_LANES)));
typedef unsigned TSNE_NAME(tsne_bits) __attribute__((vector_size(4 * TSNE_LANES)));
typedef float TSNE_NAME(tsne_vu) __attribute__((vector_size(4 * TSNE_LANES), aligned(4), may_alias));
typedef int   TSNE_NAME(tsne_iu) __attribute__((vector_size(4 * TSNE_LANES), aligned(4), may_alias));

#define V             TSNE_NAME(tsne_v)
#define LOAD(p)       ((V)*(const TSNE_NAME(tsne_vu) *)(p))
#define STORE(p, v)   (*(TSNE_NAME(tsne_vu) *)(p) = (v))
#define INLINE        static inline TSNE_TARGET __attribute__((always_inline)) void

/* -1/d for d >= 1, to 1.3e-4.  Subtracting the bits of d from a constant negates its exponent and gives a first guess r
   with the error e = 1 - dr of at most 5 %; since 1/d = r / (1 - e), the step r (1 + e + e^2) leaves e^3.  The forces of
   Barnes-Hut are off by a hundred times as much.  The sign bit in the constant makes the guess negative, which spares a
   negation.  No division and no table of the processor's own: the same bits everywhere. */
INLINE TSNE_NAME(tsne_minus_reciprocal)(V d, V *out)
{
    TSNE_NAME(tsne_bits) bits = {0};
    V one = {0}, r, e;
    one += 1.0f;
    bits += 0xFEF311C7u;
    r = (V)(bits - (TSNE_NAME(tsne_bits))d);
    e = TSNE_FMA(d, r, one);
    *out = TSNE_FMA(r, TSNE_FMA(e, e, e), r);
}

typedef struct TSNE_NAME(tsne_row) { V x, y, fx, fy, z; } TSNE_NAME(tsne_row);

INLINE TSNE_NAME(tsne_row_load)(TSNE_NAME(tsne_row) *r, const float *x, const float *y)
{
    V zero = {0};
    r->x = zero + *x;
    r->y = zero + *y;
    r->fx = r->fy = r->z = zero;
}

INLINE TSNE_NAME(tsne_row_store)(const TSNE_NAME(tsne_row) *r, float *sum)
{
    STORE(sum, r->fx);
    STORE(sum + 16, r->fy);
    STORE(sum + 32, r->z);
}

/* One row against a vector of columns.  What the row feels is added to the row and to the columns, which feel the opposite:
   the caller takes the one from the other, and four multiply-adds do all the adding up. */
INLINE TSNE_NAME(tsne_push)(TSNE_NAME(tsne_row) *r, V xj, V yj, V *gx, V *gy)
{
    V one = {0}, dx = r->x - xj, dy = r->y - yj, q;
    one += 1.0f;
    TSNE_NAME(tsne_minus_reciprocal)(TSNE_FMA(dx, dx, TSNE_FMA(dy, dy, one)), &q);
    r->z -= q;
    q = q * q;
    r->fx = TSNE_FMA(q, dx, r->fx);
    r->fy = TSNE_FMA(q, dy, r->fy);
    *gx = TSNE_FMA(q, dx, *gx);
    *gy = TSNE_FMA(q, dy, *gy);
}

/* x[4], y[4] rows against xj[n], yj[n] columns, n a multiple of 16.  With q = 1 / (1 + distance^2) of a pair:
   sum[4][3][16] becomes the sums over the columns of q^2 dx, of q^2 dy and of q, in lanes;
   gx[n], gy[n] gain each pair's q^2 dx and q^2 dy.  Pairs are so visited once and serve both ends. */
static inline TSNE_TARGET void TSNE_NAME(tsne_repel)(const float *x, const float *y, const float *xj, const float *yj,
                                                     int n, float *gx, float *gy, float *sum)
{
    for (int lane = 0; lane < 16; lane += TSNE_LANES) {
        TSNE_NAME(tsne_row) a, b, c, d;
        TSNE_NAME(tsne_row_load)(&a, x, y);
        TSNE_NAME(tsne_row_load)(&b, x + 1, y + 1);
        TSNE_NAME(tsne_row_load)(&c, x + 2, y + 2);
        TSNE_NAME(tsne_row_load)(&d, x + 3, y + 3);
        for (int j = lane; j < n; j += 16) {
            V xs = LOAD(xj + j), ys = LOAD(yj + j), px = LOAD(gx + j), py = LOAD(gy + j);
            TSNE_NAME(tsne_push)(&a, xs, ys, &px, &py);
            TSNE_NAME(tsne_push)(&b, xs, ys, &px, &py);
            TSNE_NAME(tsne_push)(&c, xs, ys, &px, &py);
            TSNE_NAME(tsne_push)(&d, xs, ys, &px, &py);
            STORE(gx + j, px);
            STORE(gy + j, py);
        }
        TSNE_NAME(tsne_row_store)(&a, sum + lane);
        TSNE_NAME(tsne_row_store)(&b, sum + lane + 48);
        TSNE_NAME(tsne_row_store)(&c, sum + lane + 96);
        TSNE_NAME(tsne_row_store)(&d, sum + lane + 144);
    }
}

/* One row at (x, y) and its n neighbours index[n] with affinities p[n], n a multiple of 16:
   sum[2][16] becomes the sums of p q dx and p q dy over the neighbours, in lanes. */
static inline TSNE_TARGET void TSNE_NAME(tsne_attract)(float x, float y, const float *xs, const float *ys,
                                                       const int *index, const float *p, int n, float *sum)
{
    for (int lane = 0; lane < 16; lane += TSNE_LANES) {
        V zero = {0}, one = zero + 1.0f, fx = zero, fy = zero;
        for (int j = lane; j < n; j += 16) {
            TSNE_NAME(tsne_i) at = *(const TSNE_NAME(tsne_iu) *)(index + j);
            V dx = x - TSNE_GATHER(xs, at), dy = y - TSNE_GATHER(ys, at), q;
            TSNE_NAME(tsne_minus_reciprocal)(TSNE_FMA(dx, dx, TSNE_FMA(dy, dy, one)), &q);
            q = q * LOAD(p + j);
            fx = fx - q * dx;
            fy = fy - q * dy;
        }
        STORE(sum + lane, fx);
        STORE(sum + lane + 16, fy);
    }
}

/* Squared distances of eight queries q[8][d] to `panels` panels of sixteen points each, base[panels][d][16]:
   out[8][16 * panels].  The differences are squared and added as they are; |a|^2 + |b|^2 - 2ab would be a little
   faster and lose most of its digits between near neighbours, which are the ones that matter here. */
#define TSNE_EIGHT(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7)
#define TSNE_ADD(r)   e = v - q[r * d + k], s##r = TSNE_FMA(e, e, s##r);
#define TSNE_PUT(r)   STORE(out + r * pitch + j, s##r);
static inline TSNE_TARGET void TSNE_NAME(tsne_distances)(const float *base, int panels, int d, const float *q, float *out)
{
    size_t pitch = (size_t)panels * 16;
    for (size_t j = 0; j < pitch; j += TSNE_LANES) {
        const float *p = base + (j / 16) * (size_t)d * 16 + j % 16;
        V s0 = {0}, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, e;
        for (int k = 0; k < d; k++) { V v = LOAD(p + (size_t)k * 16); TSNE_EIGHT(TSNE_ADD) }
        TSNE_EIGHT(TSNE_PUT)
    }
}

#undef V
#undef LOAD
#undef STORE
#undef INLINE
#undef TSNE_EIGHT
#undef TSNE_ADD
#undef TSNE_PUT
#undef TSNE_LANES
#undef TSNE_NAME
#undef TSNE_TARGET
#undef TSNE_FMA
#undef TSNE_GATHER
