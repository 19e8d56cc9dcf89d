/* fixture.h: reads the numbers that tests/make_fixtures.py wrote with PyTorch: safetensors with F32, F64, I32 or I64.
   A reader for files that we trust; the library's own (ae_load) is the strict one. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture { char *header, *data; } fixture;
typedef struct fixture_tensor { double *at; int dim[4], ndim, n; } fixture_tensor;   /* freed by the caller; at NULL: not there */

/* n bytes of a file, which are little-endian, as this machine has them. */
static void fixture_bytes(void *to, const void *from, int n)
{
    const uint32_t one = 1;
    int i, little = *(const uint8_t *)&one;
    for (i = 0; i < n; i++) ((uint8_t *)to)[little ? i : n - 1 - i] = ((const uint8_t *)from)[i];
}

/* 1 if the file is there. */
static int fixture_open(fixture *f, const char *path)
{
    FILE *in = fopen(path, "rb");
    uint64_t length, raw;
    long size;
    f->header = f->data = NULL;
    if (!in) return 0;
    fseek(in, 0, SEEK_END);
    size = ftell(in);
    fseek(in, 0, SEEK_SET);
    length = fread(&raw, 8, 1, in) == 1 ? 0 : UINT64_MAX;
    if (!length) fixture_bytes(&length, &raw, 8);
    if (length < (uint64_t)size) {
        f->header = (char *)calloc(1, (size_t)length + 1);
        f->data = (char *)malloc((size_t)size);
        if (fread(f->header, 1, (size_t)length, in) != length || fread(f->data, 1, (size_t)size, in) != (size_t)size - 8 - length) f->header[0] = 0;
    }
    fclose(in);
    return f->header != NULL;
}

static void fixture_close(fixture *f)
{
    free(f->header);
    free(f->data);
}

static double fixture_number(const char *p, const char *type)
{
    float f32; double f64; int32_t i32; int64_t i64;
    switch (type[0] * 256 + type[1]) {
    case 'F' * 256 + '3': fixture_bytes(&f32, p, 4); return (double)f32;
    case 'F' * 256 + '6': fixture_bytes(&f64, p, 8); return f64;
    case 'I' * 256 + '3': fixture_bytes(&i32, p, 4); return i32;
    default:              fixture_bytes(&i64, p, 8); return (double)i64;
    }
}

/* The tensor of this name as doubles. */
static fixture_tensor fixture_get(const fixture *f, const char *name)
{
    fixture_tensor t;
    char key[300], *p, *type;
    long from;
    int i, bytes;
    memset(&t, 0, sizeof t);
    t.dim[0] = t.dim[1] = t.dim[2] = t.dim[3] = t.n = 1;
    snprintf(key, sizeof key, "\"%s\":{", name);
    p = strstr(f->header, key);
    if (!p) return t;
    type = strstr(p, "\"dtype\":\"") + 9;
    bytes = type[1] == '3' ? 4 : 8;
    for (p = strstr(p, "\"shape\":[") + 9; *p != ']'; p += *p == ',') {
        t.dim[t.ndim++] = (int)strtol(p, &p, 10);
        t.n *= t.dim[t.ndim - 1];
    }
    from = strtol(strstr(p, "\"data_offsets\":[") + 16, NULL, 10);
    t.at = (double *)malloc((size_t)(t.n + 1) * sizeof(double));
    for (i = 0; i < t.n; i++) t.at[i] = fixture_number(f->data + from + (long)i * bytes, type);
    return t;
}

/* A number from the metadata ("padding": "1", or "lr=0.001" inside a list), or other if there is none. */
__attribute__((unused))
static double fixture_meta(const fixture *f, const char *key, double other)
{
    char quoted[64];
    const char *p, *end = strchr(f->header, '}');
    snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    p = strstr(f->header, quoted);
    return p && p < end ? strtod(p + strlen(quoted), NULL) : other;
}

#endif
