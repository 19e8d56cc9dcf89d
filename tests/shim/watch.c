/* watch.c: a device around a device, for the address sanitizer.  A device's arena is one piece of memory, so an array that is overrun
   reaches its neighbour and nobody notices.  Here all of it is poisoned, but for the arrays of the command that is running: the call
   says where they are and how large.  The .cu is compiled with -Dae_device_linked=ae_cuda_linked. */
#include "../../autoenc.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

extern const ae_device *ae_cuda_linked(void);

enum { MOST = 256 };
static struct piece { char *at; size_t bytes; } pieces[MOST];
static int n_pieces;


static void *watch_open(const char *device, char *text, size_t size) { return ae_cuda_linked()->open(device, text, size); }
static void watch_close(void *d)
{
    int i;
    for (i = 0; i < n_pieces; i++) __asan_unpoison_memory_region(pieces[i].at, pieces[i].bytes);
    n_pieces = 0;
    ae_cuda_linked()->close(d);
}
static void *watch_alloc(void *d, size_t bytes)
{
    char *p = (char *)ae_cuda_linked()->alloc(d, bytes);
    if (!p || n_pieces == MOST) abort();
    pieces[n_pieces].at = p;
    pieces[n_pieces++].bytes = bytes;
    __asan_poison_memory_region(p, bytes);
    return p;
}
static int watch_put(void *d, void *there, const void *here, size_t bytes)
{
    int well;
    __asan_unpoison_memory_region(there, bytes);
    well = ae_cuda_linked()->put(d, there, here, bytes);
    __asan_poison_memory_region(there, bytes);
    return well;
}
static int watch_get(void *d, void *here, const void *there, size_t bytes)
{
    int well;
    __asan_unpoison_memory_region(there, bytes);
    well = ae_cuda_linked()->get(d, here, there, bytes);
    __asan_poison_memory_region(there, bytes);
    return well;
}
static int watch_code(void *d, const char *op) { return ae_cuda_linked()->code(d, op); }

static size_t count(const ae_array *a) { return (size_t)a->dim[0] * (size_t)a->dim[1] * (size_t)a->dim[2] * (size_t)a->dim[3]; }
static void open_up(const void *p, size_t floats) { if (p) __asan_unpoison_memory_region(p, floats * sizeof(float)); }
/* What a data set holds is not said in the call: its whole piece. */
static void open_piece(const void *p)
{
    int i;
    for (i = 0; i < n_pieces; i++)
        if ((const char *)p >= pieces[i].at && (const char *)p < pieces[i].at + pieces[i].bytes) __asan_unpoison_memory_region(pieces[i].at, pieces[i].bytes);
}
static int watch_run(void *d, int code, int backward, const ae_call *c)
{
    int i, well, serve = code == watch_code(d, "serve"), one = code == watch_code(d, "accumulate");
    char nothing;
    for (i = 0; i < c->inputs; i++) {
        if (serve) open_piece(c->in[i].data);
        else open_up(c->in[i].data, c->in[i].dim[0] ? count(&c->in[i]) : one ? 1 : count(&c->out));      /* work that is no op: as many as it makes */
        open_up(c->din[i].data, count(&c->din[i]));
        open_up(c->mask[i], count(&c->in[i]));
    }
    open_up(c->out.data, count(&c->out));
    open_up(c->dout.data, count(&c->dout));
    open_up(c->saved, c->saved_floats);
    well = ae_cuda_linked()->run(d, code, backward, c) && ae_cuda_linked()->flush(d) && ae_cuda_linked()->get(d, &nothing, c->out.data, 0);
    for (i = 0; i < n_pieces; i++) __asan_poison_memory_region(pieces[i].at, pieces[i].bytes);
    return well;
}
static int watch_flush(void *d) { return ae_cuda_linked()->flush(d); }
static const char *watch_problem(void *d) { return ae_cuda_linked()->problem(d); }

static const ae_device watch = { AE_DEVICE_VERSION, "cuda", watch_open, watch_close, watch_alloc, watch_put, watch_get, watch_code, watch_run, watch_flush, watch_problem };
const ae_device *ae_device_linked(void) { return &watch; }
