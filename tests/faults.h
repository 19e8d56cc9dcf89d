/* faults.h: the C library's functions, made to fail in turn.  Include this before the code under test; every request for
   memory or a thread, and every call about a file, then is one point of fault.  With fault_at = k the k-th of them fails
   as the real one might, and with fault_forever all later ones, too.  SQLite is tested so: https://sqlite.org/testing.html */
#ifndef FAULTS_H
#define FAULTS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                      /* fopencookie, where there is one */
#endif
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long fault_at, fault_forever, fault_calls, fault_fired, fault_held;      /* held: blocks of memory */
static const char *fault_name = "";      /* what failed first */

static void fault_set(long at, long forever)
{
    fault_at = at;
    fault_forever = forever;
    fault_calls = fault_fired = 0;
    fault_name = "";
}

/* Is it this call's turn? */
static int fault(const char *name, int why)
{
    fault_calls++;
    if (!fault_at || !(fault_forever ? fault_calls >= fault_at : fault_calls == fault_at)) return 0;
    if (!fault_fired++) fault_name = name;
    errno = why;
    return 1;
}

static void *fault_malloc(size_t bytes)
{
    void *p = fault("malloc", ENOMEM) ? NULL : malloc(bytes);
    fault_held += p != NULL;
    return p;
}

static void *fault_calloc(size_t n, size_t bytes)
{
    void *p = fault("calloc", ENOMEM) ? NULL : calloc(n, bytes);
    fault_held += p != NULL;
    return p;
}

static void *fault_realloc(void *old, size_t bytes)
{
    void *p = fault("realloc", ENOMEM) ? NULL : realloc(old, bytes);
    fault_held += p && !old;
    return p;
}

static void fault_free(void *p)
{
    fault_held -= p != NULL;
    free(p);
}

/* How the streams behave that are opened from now on: a piece at a time; the n-th piece fails. */
static long stream_piece, stream_fails;
static int stream_errno;

#ifdef __GLIBC__
typedef struct stream { int fd; long pieces; } stream;

static ssize_t stream_read(void *cookie, char *to, size_t n)
{
    stream *s = (stream *)cookie;
    if (stream_fails && ++s->pieces >= stream_fails) { errno = stream_errno; return -1; }
    return read(s->fd, to, n < (size_t)stream_piece ? n : (size_t)stream_piece);
}

static ssize_t stream_write(void *cookie, const char *from, size_t n)
{
    stream *s = (stream *)cookie;
    size_t done = 0;
    while (done < n) {                             /* the C library would go on after a short write; for a cookie it does not */
        ssize_t some = 0;
        if (stream_fails && ++s->pieces >= stream_fails) errno = stream_errno;
        else some = write(s->fd, from + done, n - done < (size_t)stream_piece ? n - done : (size_t)stream_piece);
        if (some <= 0) break;
        done += (size_t)some;
    }
    return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *at, int from)
{
    *at = lseek(((stream *)cookie)->fd, *at, from);
    return *at < 0 ? -1 : 0;
}

static int stream_close(void *cookie)
{
    int bad = close(((stream *)cookie)->fd);
    free(cookie);
    return bad;
}

static FILE *stream_open(const char *path, const char *mode)
{
    cookie_io_functions_t all = { stream_read, stream_write, stream_seek, stream_close };
    FILE *real = fopen(path, mode), *f;
    stream *s = (stream *)calloc(1, sizeof *s);
    if (!real || !s) { free(s); if (real) fclose(real); return NULL; }
    s->fd = dup(fileno(real));
    fclose(real);
    f = fopencookie(s, mode, all);
    return f;
}
#else
static FILE *stream_open(const char *path, const char *mode) { return fopen(path, mode); }
#endif

static FILE *fault_fopen(const char *path, const char *mode)
{
    if (fault("fopen", EMFILE)) return NULL;
    return stream_piece ? stream_open(path, mode) : fopen(path, mode);
}

static size_t fault_fread(void *p, size_t size, size_t n, FILE *f)
{
    return fault("fread", EIO) ? fread(p, size, n / 2, f) : fread(p, size, n, f);
}

static size_t fault_fwrite(const void *p, size_t size, size_t n, FILE *f)
{
    return fault("fwrite", ENOSPC) ? fwrite(p, size, n / 2, f) : fwrite(p, size, n, f);
}

static int fault_fseek(FILE *f, long at, int from) { return fault("fseek", EIO) ? -1 : fseek(f, at, from); }
static long fault_ftell(FILE *f) { return fault("ftell", EIO) ? -1 : ftell(f); }
static int fault_fflush(FILE *f) { return fflush(f) || fault("fflush", ENOSPC) ? EOF : 0; }
static int fault_rename(const char *from, const char *to) { return fault("rename", EACCES) ? -1 : rename(from, to); }
static int fault_stat(const char *path, struct stat *info) { return fault("stat", EACCES) ? -1 : stat(path, info); }

/* The file is closed, but its last bytes did not arrive: what happens on a network's disk that is full. */
static int fault_fclose(FILE *f)
{
    int bad = fclose(f);
    return fault("fclose", EDQUOT) || bad ? EOF : 0;
}

static int fault_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *user)
{
    return fault("pthread_create", EAGAIN) ? EAGAIN : pthread_create(thread, how, start, user);
}

#define malloc(bytes) fault_malloc(bytes)
#define calloc(n, bytes) fault_calloc(n, bytes)
#define realloc(p, bytes) fault_realloc(p, bytes)
#define free(p) fault_free(p)
#define fopen(path, mode) fault_fopen(path, mode)
#define fread(p, size, n, f) fault_fread(p, size, n, f)
#define fwrite(p, size, n, f) fault_fwrite(p, size, n, f)
#define fseek(f, at, from) fault_fseek(f, at, from)
#define ftell(f) fault_ftell(f)
#define fflush(f) fault_fflush(f)
#define fclose(f) fault_fclose(f)
#define rename(from, to) fault_rename(from, to)
#define stat(path, info) fault_stat(path, info)
#define pthread_create(thread, how, start, user) fault_pthread_create(thread, how, start, user)

#endif
