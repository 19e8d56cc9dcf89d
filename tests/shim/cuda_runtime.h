/* cuda_runtime.h - no CUDA: what autoenc_cuda.cu needs of it, on a processor, so that its kernels are tested where there is no card

   g++ -x c++ -Itests/shim compiles the unchanged .cu against this file and cublas_v2.h.  A thread of a kernel is a fiber; a block's
   fibers run in turn until each waits at a barrier, blocks one after another.  A stream runs nothing until somebody waits for it, so
   that a host which takes something for done too early is found out.  Kernel arguments are copied at the launch, and a graph replays
   the copies, as a card does: a number that changes from step to step and was passed by value stays what it was.  Memory begins as
   NaN.  What would be refused during a recording is refused here.

   SHIM_ORDER=reverse or a number: the order in which a block's threads run (a number: another one each time), for missing barriers.
   SHIM_STREAMS: of streams that no event orders, those that are not waited for run last; ahead: first; mixed: a piece of one, a piece of
   another, by chance.  The same for what was recorded from several streams.
   Under -fsanitize=thread the fibers are known to the sanitizer, barriers are what orders them, and a race within a block is
   reported.  Not shown here: races between blocks, occupancy, and everything about speed.  C++17; fibers by ucontext, on x86-64
   by a dozen instructions. */
#ifndef SHIM_CUDA_RUNTIME_H
#define SHIM_CUDA_RUNTIME_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <ucontext.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define SHIM_TSAN 1
#define SHIM_QUIET __attribute__((no_sanitize("thread")))
#else
#define SHIM_TSAN 0
#define SHIM_QUIET
#endif

#define __global__
#define __device__
#define __host__
#define __shared__ static                  /* blocks run one after another, so one copy serves all */
#define __launch_bounds__(threads)
#define __syncthreads() shim::barrier(__LINE__)

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) { } };
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2, cudaErrorInvalidConfiguration = 9, cudaErrorInsufficientDriver = 35,
                   cudaErrorNoDevice = 100, cudaErrorStreamCaptureUnsupported = 900, cudaErrorStreamCaptureInvalidated = 901, cudaErrorStreamCaptureUnjoined = 904 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal };
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };
struct cudaDeviceProp { char name[256]; };

namespace shim {

/* What was submitted, and what each piece of it waits for: `after` are places in the same list. */
typedef std::function<void()> Work;
typedef std::vector<size_t> Places;
struct Stream;
struct Node { Work work; const Stream *stream; Places after; bool done; };
struct List { unsigned id = 0; std::vector<Node> node; size_t first = 0; bool spoilt = false; };      /* all before first are done */
struct Stream { List *list; Places after, outside; };     /* after: what its next piece will wait for; outside: and will again when a recording is over */
struct Event { unsigned list = 0; Places after; };
struct Host { std::set<std::pair<char *, char *>> pinned; std::set<Stream *> streams; List pending, *recording = nullptr; unsigned recordings = 0; };
inline Host &host() { static Host h; return h; }

[[noreturn]] inline void die(const char *what) { fprintf(stderr, "shim: %s\n", what); abort(); }

/* ---- fibers ---- */

enum { MOST_THREADS = 1024, STACK = 1 << 17 };
enum State { FRESH, AT_BARRIER, AT_WARP, DONE };
struct Thread { uint3 at; State state; int line, fiber; unsigned waits, warp_waits; };    /* fiber: the one that its stack is on, while it waits */
struct Fiber { void *sp; char *stack; void *tsan; };
inline Thread thread[MOST_THREADS];
inline Fiber fiber[MOST_THREADS];
inline void *scheduler_sp, *scheduler_tsan;
inline int running, on, threads, made, cursor, idle[MOST_THREADS], idles;      /* running: the thread, on: its fiber; cursor: whose turn is next */
inline unsigned turn;                      /* of the order of threads */
inline const Work *kernel;
inline double lane_value[MOST_THREADS];
inline char start_mark, end_mark, block_mark[2], warp_mark[2][MOST_THREADS / 32];   /* what the sanitizer orders by */

inline void acquire(void *mark) { (void)mark;
#if SHIM_TSAN
    __tsan_acquire(mark);
#endif
}
inline void release(void *mark) { (void)mark;
#if SHIM_TSAN
    __tsan_release(mark);
#endif
}
SHIM_QUIET void body();
#if defined(__x86_64__)
extern "C" void shim_switch(void **from, void *to);
__asm__(".text\n.local shim_switch\nshim_switch:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
SHIM_QUIET inline void make(Fiber *f)
{
    void **top = (void **)(f->stack + STACK) - 8;
    memset((void *)top, 0, 8 * sizeof *top);
    top[6] = (void *)body;                 /* where the first switch returns to, with the stack as after a call */
    f->sp = top;
}
SHIM_QUIET inline void change(void **from, void *to) { shim_switch(from, to); }
#else
inline ucontext_t context[MOST_THREADS + 1];
SHIM_QUIET inline void make(Fiber *f)
{
    ucontext_t *c = &context[f - fiber];
    getcontext(c);
    c->uc_stack.ss_sp = f->stack;
    c->uc_stack.ss_size = STACK;
    makecontext(c, (void (*)())body, 0);
    f->sp = c;
}
SHIM_QUIET inline void change(void **from, void *to)
{
    ucontext_t *here = from == &scheduler_sp ? &context[MOST_THREADS] : &context[on];
    *from = here;
    swapcontext(here, (ucontext_t *)to);
}
#endif
SHIM_QUIET inline void to_scheduler(int from)
{
#if SHIM_TSAN
    __tsan_switch_to_fiber(scheduler_tsan, __tsan_switch_to_fiber_no_sync);
#endif
    change(&fiber[from].sp, scheduler_sp);
}
SHIM_QUIET inline void to_thread(int i, int f)
{
    running = i;
    on = f;
    threadIdx = thread[i].at;
#if SHIM_TSAN
    __tsan_switch_to_fiber(fiber[f].tsan, __tsan_switch_to_fiber_no_sync);
#endif
    change(&scheduler_sp, fiber[f].sp);
}
SHIM_QUIET inline int in_order(int i)
{
    static const char *order = getenv("SHIM_ORDER");
    if (!order) return i;
    if (order[0] == 'r') return threads - 1 - i;
    return (int)(((unsigned)i + (turn >> 8)) % (unsigned)threads);
}
/* A thread that ends without having waited leaves its fiber to the next one, which saves two switches; the sanitizer, though, must see
   each thread on a fiber of its own. */
SHIM_QUIET inline void body()
{
    for (;;) {
        int f = on;
        acquire(&start_mark);
        (*kernel)();
        release(&end_mark);
        thread[running].state = DONE;
        int next = cursor < threads && !SHIM_TSAN ? in_order(cursor) : -1;
        if (next >= 0 && thread[next].state == FRESH) {
            cursor++;
            running = next;
            threadIdx = thread[next].at;
            continue;
        }
        if (!SHIM_TSAN) idle[idles++] = f;
        to_scheduler(f);
    }
}
SHIM_QUIET inline void wait(State state, int line, void *mark)
{
    int f = on;
    thread[running].state = state;
    thread[running].line = line;
    thread[running].fiber = f;
    release(mark);
    to_scheduler(f);
    acquire(mark);
}
/* Marks take turns: who is resumed late must not be ordered behind what an early one did on its way to the next barrier. */
SHIM_QUIET inline void barrier(int line) { wait(AT_BARRIER, line, &block_mark[thread[running].waits++ % 2]); }
SHIM_QUIET inline void warp_barrier() { wait(AT_WARP, 0, &warp_mark[thread[running].warp_waits++ % 2][running / 32]); }
/* May thread i go on?  All of its block, or of its warp, must have arrived; whoever is done counts as arrived. */
SHIM_QUIET inline bool arrived(int i)
{
    int from = thread[i].state == AT_WARP ? i / 32 * 32 : 0, to = thread[i].state == AT_WARP ? from + 32 : threads;
    for (int k = from; k < to && k < threads; k++) {
        if (thread[k].state != thread[i].state && thread[k].state != DONE) return false;
        if (thread[k].state == AT_BARRIER && thread[k].line != thread[i].line) die("threads of a block wait at different barriers");
    }
    return true;
}
/* Which threads go on?  Returns whether any is alive.  A whole block at one barrier is asked once. */
SHIM_QUIET inline bool next_round(bool *go)
{
    bool alive = false, moved = false;
    int asked = -1;
    for (int i = 0; i < threads; i++) {
        if (thread[i].state == DONE) { go[i] = false; continue; }
        if (thread[i].state == AT_BARRIER && asked < 0) asked = arrived(i);
        go[i] = thread[i].state == AT_BARRIER ? asked == 1 : arrived(i);
        alive = true;
        moved |= go[i];
    }
    if (alive && !moved) die("a block waits for ever: its threads are at barriers of different kinds");
    return alive;
}
SHIM_QUIET inline void run_block()
{
    static bool go[MOST_THREADS];
    for (int i = 0; i < threads; i++) thread[i].state = FRESH, thread[i].waits = thread[i].warp_waits = 0, go[i] = true;
    release(&start_mark);
    do {
        turn = turn * 1664525u + 1013904223u;
        for (cursor = 0; cursor < threads; ) {
            int k = in_order(cursor++);
            if (!go[k]) continue;
            go[k] = false;
            to_thread(k, thread[k].state != FRESH ? thread[k].fiber : SHIM_TSAN ? k : idle[--idles]);
        }
    } while (next_round(go));
    acquire(&end_mark);
}
inline void run_grid(dim3 grid, dim3 block, const Work &work)
{
#if defined(__x86_64__)
    unsigned csr = _mm_getcsr();
    _mm_setcsr(csr | 0x8040u);             /* denormals are zero, as with -ftz=true */
#endif
    if (!turn && getenv("SHIM_ORDER")) turn = (unsigned)atoi(getenv("SHIM_ORDER"));
    threads = (int)(block.x * block.y * block.z);
    blockDim = block;
    gridDim = grid;
    kernel = &work;
    for (; made < threads; made++) {
        Fiber *f = &fiber[made];
        f->stack = (char *)malloc(STACK);
        make(f);
        idle[idles++] = made;
#if SHIM_TSAN
        f->tsan = __tsan_create_fiber(0);
#endif
    }
#if SHIM_TSAN
    scheduler_tsan = __tsan_get_current_fiber();
#endif
    for (int i = 0; i < threads; i++) {
        unsigned u = (unsigned)i;
        thread[i].at = { u % block.x, u / block.x % block.y, u / block.x / block.y };
    }
    for (unsigned z = 0; z < grid.z; z++) for (unsigned y = 0; y < grid.y; y++) for (unsigned x = 0; x < grid.x; x++) {
        blockIdx = { x, y, z };
        run_block();
    }
#if defined(__x86_64__)
    _mm_setcsr(csr);
#endif
}
template <class T> SHIM_QUIET inline T exchange(T x, int lane)
{
    T y;
    memcpy(&lane_value[running], &x, sizeof x);
    warp_barrier();
    int from = running / 32 * 32 + lane;
    if (from >= threads || thread[from].state == DONE) die("a shuffle asks a lane that is not there");
    memcpy(&y, &lane_value[from], sizeof y);
    warp_barrier();
    return y;
}

/* ---- streams ---- */

inline bool forbidden() { if (!host().recording) return false; host().recording->spoilt = true; return true; }
inline void submit(Stream *s, Work w)
{
    s->list->node.push_back({ std::move(w), s, std::move(s->after), false });
    s->after = { s->list->node.size() - 1 };
}
/* One piece, and before it all that it waits for. */
inline void run(List *l, size_t place)
{
    Places stack = { place };
    while (!stack.empty()) {
        Node &n = l->node[stack.back()];
        size_t open = 0;
        while (open < n.after.size() && l->node[n.after[open]].done) open++;
        if (!n.done && open < n.after.size()) { stack.push_back(n.after[open]); continue; }
        if (!n.done) n.work();
        n.done = true;
        n.work = nullptr;
        stack.pop_back();
    }
}
/* The next piece of one stream (others: of all but this one) from *at on is run, and what it waits for.  Whether there was any. */
inline bool run_next(List *l, const Stream *s, bool others, size_t *at)
{
    for (; *at < l->node.size(); ++*at)
        if (!l->node[*at].done && (l->node[*at].stream != s) == others) { run(l, *at); return true; }
    return false;
}
inline void run_mixed(List *l)
{
    std::set<const Stream *> known;
    std::vector<std::pair<const Stream *, size_t>> open;
    static unsigned chance = 1;
    for (size_t i = l->first; i < l->node.size(); i++) if (known.insert(l->node[i].stream).second) open.push_back({ l->node[i].stream, l->first });
    while (!open.empty()) {
        chance = chance * 1664525u + 1013904223u;
        size_t i = (chance >> 8) % open.size();
        if (!run_next(l, open[i].first, false, &open[i].second)) open.erase(open.begin() + (long)i);
    }
}
/* Until a stream is through with its work: all of it, and what its next piece would wait for. */
inline void drain(List *l, const Stream *s, const Places &after)
{
    static const char *streams = getenv("SHIM_STREAMS");
    size_t mine = l->first, theirs = l->first;
    if (streams && streams[0] == 'm') run_mixed(l);
    while (streams && streams[0] == 'a' && run_next(l, s, true, &theirs)) { }
    while (run_next(l, s, false, &mine)) { }
    for (size_t place : after) run(l, place);
    while (l->first < l->node.size() && l->node[l->first].done) l->first++;
}
/* Whether all that was recorded is something that the last piece waits for. */
inline bool joined(const List &l, Places open)
{
    std::vector<bool> seen(l.node.size());
    size_t n = 0;
    while (!open.empty()) {
        size_t place = open.back();
        open.pop_back();
        if (seen[place]) continue;
        seen[place] = true;
        n++;
        open.insert(open.end(), l.node[place].after.begin(), l.node[place].after.end());
    }
    return n == l.node.size();
}

} /* namespace shim */

inline int __float_as_int(float x) { int i; memcpy(&i, &x, 4); return i; }
inline float __int_as_float(int i) { float x; memcpy(&x, &i, 4); return x; }
template <class T> inline T __shfl_xor_sync(unsigned, T x, int k) { return shim::exchange(x, (shim::running % 32) ^ k); }

typedef shim::Stream *cudaStream_t;
typedef shim::Event *cudaEvent_t;
typedef struct shim_graph { shim::List list; const shim::Stream *origin; shim::Places after; } *cudaGraph_t, *cudaGraphExec_t;     /* where the recording began and ended */
typedef void *cudaGraphNode_t;
struct cudaLaunchConfig_t { dim3 gridDim, blockDim; size_t dynamicSmemBytes; cudaStream_t stream; void *attrs; unsigned numAttrs; };

inline const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaErrorStreamCaptureUnsupported ? "not permitted while a stream is recorded" : e == cudaErrorInvalidConfiguration ? "invalid configuration" : "an error of the shim";
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
/* SHIM_CARDS=0: a machine without a card; SHIM_CARDS=-1: without a driver. */
inline cudaError_t cudaGetDeviceCount(int *n)
{
    const char *cards = getenv("SHIM_CARDS");
    *n = cards ? atoi(cards) : 1;
    return *n < 0 ? cudaErrorInsufficientDriver : *n ? cudaSuccess : cudaErrorNoDevice;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int) { strcpy(p->name, "shim"); return cudaSuccess; }
inline cudaError_t cudaMalloc(void **p, size_t n)
{
    if (shim::forbidden()) return cudaErrorStreamCaptureUnsupported;
    *p = aligned_alloc(256, (n + 255) / 256 * 256);
    if (!*p) return cudaErrorMemoryAllocation;
    memset(*p, 0xFF, n);                   /* floats: NaN */
    return cudaSuccess;
}
inline cudaError_t cudaFree(void *p) { free(p); return cudaSuccess; }
inline cudaError_t cudaMallocHost(void **p, size_t n)
{
    *p = malloc(n);
    shim::host().pinned.insert({ (char *)*p, (char *)*p + n });
    return *p ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFreeHost(void *p) { free(p); return cudaSuccess; }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = new shim::Stream{ &shim::host().pending, { }, { } };
    shim::host().streams.insert(*s);
    return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t s) { shim::host().streams.erase(s); delete s; return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    if (shim::forbidden()) return cudaErrorStreamCaptureUnsupported;
    shim::drain(s->list, s, s->after);
    return cudaSuccess;
}
/* Pinned memory is read when the copy runs; other memory when the call is made, as the driver stages it. */
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind kind, cudaStream_t s)
{
    bool pinned = kind == cudaMemcpyDeviceToHost;
    for (auto &p : shim::host().pinned) pinned |= (const char *)from >= p.first && (const char *)from < p.second;
    if (s->list == shim::host().recording) { s->list->spoilt = true; return cudaErrorStreamCaptureUnsupported; }     /* this file's user records kernels only */
    if (pinned) { shim::submit(s, [=] { memcpy(to, from, n); }); return cudaSuccess; }
    std::vector<char> copy((const char *)from, (const char *)from + n);
    shim::submit(s, [=] { memcpy(to, copy.data(), n); });
    return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void *to, int value, size_t n, cudaStream_t s) { shim::submit(s, [=] { memset(to, value, n); }); return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) { *e = new shim::Event; return cudaSuccess; }
inline cudaError_t cudaEventDestroy(cudaEvent_t e) { delete e; return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) { e->list = s->list->id; e->after = s->after; return cudaSuccess; }
inline cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    if (shim::forbidden()) return cudaErrorStreamCaptureUnsupported;
    if (e->list == shim::host().pending.id) for (size_t place : e->after) shim::run(&shim::host().pending, place);
    return cudaSuccess;
}
/* A stream that waits for what is being recorded is recorded from then on; what is recorded cannot wait for anything else. */
inline cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    shim::List *recording = shim::host().recording;
    bool recorded = recording && e->list == recording->id;
    if (e->list && !recorded) shim::die("an event of a recording that is over");
    if (s->list == recording && !recorded) { recording->spoilt = true; return cudaErrorStreamCaptureUnsupported; }
    if (recorded && s->list != recording) s->list = recording, s->outside = std::move(s->after), s->after.clear();
    s->after.insert(s->after.end(), e->after.begin(), e->after.end());
    return cudaSuccess;
}
inline cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
    s->list = shim::host().recording = new shim::List;
    s->list->id = ++shim::host().recordings;
    s->outside = std::move(s->after);
    s->after.clear();
    return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g)
{
    shim::List *l = shim::host().recording;
    bool spoilt = l->spoilt, joined = shim::joined(*l, s->after);
    *g = spoilt || !joined ? nullptr : new shim_graph{ *l, s, s->after };
    for (shim::Stream *each : shim::host().streams) if (each->list == l) each->list = &shim::host().pending, each->after = std::move(each->outside);
    shim::host().recording = nullptr;
    delete l;
    return spoilt ? cudaErrorStreamCaptureInvalidated : joined ? cudaSuccess : cudaErrorStreamCaptureUnjoined;
}
inline cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t *, size_t *n) { *n = g->list.node.size(); return cudaSuccess; }
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t *e, cudaGraph_t g, unsigned long long) { *e = new shim_graph(*g); return cudaSuccess; }
inline cudaError_t cudaGraphDestroy(cudaGraph_t g) { delete g; return cudaSuccess; }
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t g) { delete g; return cudaSuccess; }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t g, cudaStream_t s)
{
    if (shim::forbidden()) return cudaErrorStreamCaptureUnsupported;
    shim::submit(s, [g] { shim::List all = g->list; shim::drain(&all, g->origin, g->after); });
    return cudaSuccess;
}
template <class... Wanted, class... Given>
inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *c, void (*kernel)(Wanted...), Given &&...given)
{
    dim3 grid = c->gridDim, block = c->blockDim;
    unsigned n = block.x * block.y * block.z;
    if (!n || n > shim::MOST_THREADS || !grid.x || !grid.y || !grid.z || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) return cudaErrorInvalidConfiguration;
    std::tuple<Wanted...> copy(std::forward<Given>(given)...);
    shim::submit(c->stream, [=] { shim::run_grid(grid, block, [&copy, kernel] { std::apply(kernel, copy); }); });
    return cudaSuccess;
}

#endif
