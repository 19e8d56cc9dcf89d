/* watch.h: a context whose memory and mistakes are watched: how much is held, how large the largest request was,
   which text the handler got.  The handler returns, so that a test can look at what follows a mistake. */
#ifndef WATCH_H
#define WATCH_H

#include <stdlib.h>
#include <string.h>

typedef struct watch {
    long   blocks, requests, fails;      /* held now; asked for so far; calls of on_fail */
    size_t bytes, largest;               /* held now; the largest request */
    long   refuse, refused;              /* refuse this and all later requests; 0: none.  How many were refused */
    size_t most;                         /* refuse what is larger; 0: nothing */
    char   text[1200];                   /* what on_fail was told first */
} watch;

/* The size stands in front of a block, in room that keeps the alignment of malloc. */
static void *watch_alloc(void *user, size_t bytes)
{
    watch *w = (watch *)user;
    char *p;
    if (bytes > w->largest) w->largest = bytes;
    w->requests++;
    if ((w->refuse && w->requests >= w->refuse) || (w->most && bytes > w->most)) { w->refused++; return NULL; }
    p = (char *)malloc(bytes + 64);
    if (!p) return NULL;
    memcpy(p, &bytes, sizeof bytes);
    w->blocks++;
    w->bytes += bytes;
    return p + 64;
}

static void watch_dealloc(void *user, void *pointer)
{
    watch *w = (watch *)user;
    size_t bytes;
    memcpy(&bytes, (char *)pointer - 64, sizeof bytes);
    w->blocks--;
    w->bytes -= bytes;
    free((char *)pointer - 64);
}

static void watch_fail(void *user, const char *text)
{
    watch *w = (watch *)user;
    if (!w->fails++) snprintf(w->text, sizeof w->text, "%s", text);
}

static ae_ctx *watch_on(watch *w, int threads, const char *device)
{
    ae_config config;
    memset(w, 0, sizeof *w);
    memset(&config, 0, sizeof config);
    config.seed = 1;
    config.threads = threads;
    config.device = device;
    config.on_fail = watch_fail;
    config.alloc = watch_alloc;
    config.dealloc = watch_dealloc;
    config.user = w;
    return ae_new(&config);
}

static ae_ctx *watch_new(watch *w, int threads) { return watch_on(w, threads, NULL); }

#endif
