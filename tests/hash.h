/* hash.h: one number for the bits of many floats, for the tests that compare trainings. */
#ifndef HASH_H
#define HASH_H
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(14695981039346656037)

/* FNV-1a over the bits of n floats, going on from h. */
static uint64_t hash_floats(uint64_t h, const float *p, int n)
{
    int i, k;
    for (i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, p + i, 4);
        for (k = 0; k < 4; k++, bits >>= 8) h = (h ^ (bits & 255)) * 1099511628211u;
    }
    return h;
}
#endif
