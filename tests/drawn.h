/* drawn.h: what tests of many random shapes share: whole numbers and numbers of -1 .. 1 from a sequence of their own, the same each time.
   Included after autoenc.h. */
#ifndef DRAWN_H
#define DRAWN_H

static uint32_t state = 1;
static int draw(int from, int to) { state = state * 1664525u + 1013904223u; return from + (int)((state >> 8) % (uint32_t)(to - from + 1)); }
static float number(void) { return (float)draw(-1000, 1000) / 1000.0f; }

#endif
