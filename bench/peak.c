/* peak.c - how many fused multiply-adds a core can do: what the kernels' speed is a share of

   cc -O2 bench/peak.c -o bench_peak -lpthread && ./bench_peak [threads [avx512|avx2|plain]]

   Every thread runs a loop of 12 or 24 independent chains that live in registers, for a third of a second; prints the sum
   over the threads in GFLOP/s.  No real kernel reaches it: operands have to be loaded, too. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOPS = 20000, MOST = 256 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* c = c * x + y over and over, 2 operations in each of LANES * CHAINS floats; contraction is what we want here. */
#define PEAK(NAME, LANES, CHAINS, TARGET)                                                                   \
    typedef float NAME##_v __attribute__((vector_size(4 * LANES)));                                         \
    TARGET static float NAME(float start)                                                                   \
    {                                                                                                       \
        NAME##_v c[CHAINS], x = { 0 }, y = { 0 };                                                          \
        float sum = 0;                                                                                      \
        x += 0.999f + start, y += 0.001f + start;                                                           \
        PEAK_UNROLL for (int i = 0; i < CHAINS; i++) c[i] = x * (float)i;                                           \
        for (int n = 0; n < LOOPS; n++) { PEAK_UNROLL for (int i = 0; i < CHAINS; i++) c[i] = c[i] * x + y; } \
        PEAK_UNROLL for (int i = 0; i < CHAINS; i++) sum += c[i][0];                                           \
        return sum;                                                                                         \
    }
#ifdef __clang__
#define PEAK_UNROLL _Pragma("unroll")
#else
#define PEAK_UNROLL _Pragma("GCC unroll 32")
#endif

PEAK(peak_plain, 4, 12, )
#ifdef __x86_64__
PEAK(peak_avx2, 8, 12, __attribute__((target("avx2,fma"))))
PEAK(peak_avx512, 16, 24, __attribute__((target("avx512f"))))
#endif

typedef struct peak { float (*run)(float); double flop, rate; float result; pthread_t thread; } peak;

static void *measure(void *user)
{
    peak *p = (peak *)user;
    double start = seconds(), took = 0;
    long runs = 0;
    for (; took < 0.33; runs++, took = seconds() - start) p->result += p->run(p->result * 0);
    p->rate = (double)runs * p->flop / took * 1e-9;
    return NULL;
}

/* The widest of this processor, or the one asked for. */
static peak choose(const char *isa)
{
    peak p;
    memset(&p, 0, sizeof p);
    p.run = peak_plain, p.flop = 2.0 * 4 * 12 * LOOPS;
#ifdef __x86_64__
    int two = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), five = __builtin_cpu_supports("avx512f");
    if (two && (!*isa || !strncmp(isa, "avx", 3))) p.run = peak_avx2, p.flop = 2.0 * 8 * 12 * LOOPS;
    if (five && (!*isa || !strcmp(isa, "avx512"))) p.run = peak_avx512, p.flop = 2.0 * 16 * 24 * LOOPS;
#else
    (void)isa;
#endif
    return p;
}

int main(int argc, char **argv)
{
    static peak all[MOST];
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    double sum = 0;
    if (threads < 1 || threads > MOST) return fprintf(stderr, "usage: peak [threads [avx512|avx2|plain]]\n"), 2;
    for (int i = 0; i < threads; i++) all[i] = choose(argc > 2 ? argv[2] : "");
    for (int i = 1; i < threads; i++) pthread_create(&all[i].thread, NULL, measure, &all[i]);
    measure(&all[0]);
    for (int i = 1; i < threads; i++) pthread_join(all[i].thread, NULL);
    for (int i = 0; i < threads; i++) sum += all[i].rate;
    printf("%.1f\n", sum);
    return 0;
}
