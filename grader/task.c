/* task.c: random numbers and arrays of a draw. */
#include "task.h"
#include <stdlib.h>
#include <string.h>

/* splitmix64 */
static uint64_t next(Task *t)
{
    uint64_t z = t->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double uniform(Task *t, double low, double high) { return low + (high - low) * (double)(next(t) >> 11) * 0x1p-53; }
int between(Task *t, int low, int high) { return low + (int)(next(t) % (uint64_t)(high - low + 1)); }

float *add_array(Task *t, const char *name, int count, int kind, double low, double high)
{
    Array *a = &t->a[t->arrays++];
    strncpy(a->name, name, sizeof a->name - 1);
    a->count = count, a->kind = kind;
    a->v = calloc((size_t)count, sizeof(float));
    if (!a->v) abort();
    if (kind <= GIVEN) for (int i = 0; i < count; i++) a->v[i] = (float)uniform(t, low, high);
    return a->v;
}
