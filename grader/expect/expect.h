/* expect.h: for the references.  They are written in double, apart from the solutions, with what each known mistake changes. */
#include "../task.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#define A(i) (t->a[i].v)                         /* array i, as the function is given it */
static inline int size(Task *t, int i, int low, int high) { return t->n[i] = between(t, low, high); }
