/* pattern.h: the weights that exercise 09 is tried with, for the child, which sets them, and the parent, which computes. */
#include <math.h>
static inline float pattern(int tensor, int index, int inputs, double start)
{
    return (float)(sin(start + tensor + 0.7 * index + 0.01 * index * (index % 7)) * (inputs ? 2 / sqrt((double)inputs) : 0.3));
}
