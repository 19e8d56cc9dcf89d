/* memory_files.h: the readers under test are fed from memory.  Include this after <stdio.h> and before the code under
   test: its fopen then serves the bytes of memory_file[], its ae_save writes to memory_saved, and nothing touches a disk.
   What the two fuzz targets promise is checked by `must`, which ends the program as a sanitizer would. */
#ifndef MEMORY_FILES_H
#define MEMORY_FILES_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct memory { const char *name; char *bytes; size_t size; } memory;

static memory memory_file[2];            /* what can be read, by the end of its name; saved: what was written last */
static memory memory_saved;
static size_t memory_largest, memory_asked;          /* the largest request since memory_begin, and all of them together */

#define must(what) ((what) ? (void)0 : memory_broken(#what, __LINE__))
static void memory_broken(const char *what, int line)
{
    fprintf(stderr, "line %d: this does not hold: %s\n", line, what);
    abort();
}

static void memory_begin(void) { memory_largest = memory_asked = 0; }

static void memory_count(size_t bytes)
{
    memory_asked += bytes;
    if (bytes > memory_largest) memory_largest = bytes;
}

static const memory *memory_find(const char *path)
{
    size_t n = strlen(path);
    for (int i = 0; i < 2; i++) {
        const char *name = memory_file[i].name;
        if (name && n >= strlen(name) && !strcmp(path + n - strlen(name), name)) return &memory_file[i];
    }
    return NULL;
}

/* A file of no bytes is not one that fmemopen can serve everywhere: it is one byte long, and that byte is read already. */
static FILE *memory_open(const char *path, const char *mode)
{
    const memory *m = memory_find(path);
    if (*mode == 'w') {
        free(memory_saved.bytes);
        memory_saved.bytes = NULL;
        return open_memstream(&memory_saved.bytes, &memory_saved.size);
    }
    if (!m) { errno = ENOENT; return NULL; }
    return m->size ? fmemopen(m->bytes, m->size, "rb") : fopen("/dev/null", "rb");
}

__attribute__((unused))
static int memory_stat(const char *path, struct stat *info)
{
    const memory *m = memory_find(path);
    if (!m) { errno = ENOENT; return -1; }
    memset(info, 0, sizeof *info);
    info->st_mode = S_IFREG;
    info->st_size = (off_t)m->size;
    return 0;
}

#define fopen(path, mode) memory_open(path, mode)
#define rename(from, to) 0
#define remove(path) 0

#endif
