/* Exercise 12: a new operation as a row for the tape.                                           10 points, 25 minutes

   Write   forward and backward of swish, y = x * sigmoid(a * x), where a = c->arg[0].  An operation is a row of functions; the tape
           calls them with an ae_call (see autoenc.h): c->in[0], c->out, c->din[0], c->dout are arrays, .data their numbers
   Shapes  all alike; count(&c->out) says how many numbers that is
   Hint    dy/dx = s + a x s (1 - s) with s = sigmoid(a x).  A tensor may be used by several operations: ADD to c->din[0].data.
           Where nobody wants the gradient, c->din[0].data is NULL.
   Checked forward; backward, also where x is used twice: ./grade ex12 */
#include "autoenc.h"
#include <math.h>

static int count(const ae_array *a) { return a->dim[0] * a->dim[1] * a->dim[2] * a->dim[3]; }

static const char *swish_shape(ae_call *c)
{
    for (int i = 0; i < 4; i++) c->out.dim[i] = c->in[0].dim[i];
    c->out.ndim = c->in[0].ndim;
    return NULL;
}

static void swish_forward(ae_call *c)
{
    /* >>solution */
    for (int i = 0; i < count(&c->out); i++) c->out.data[i] = c->in[0].data[i] / (1 + expf(-c->arg[0] * c->in[0].data[i]));
    /* >>stub
    for (int i = 0; i < count(&c->out); i++) c->out.data[i] = 0;      // write this
    >>end */
}

static void swish_backward(ae_call *c)
{
    /* >>solution */
    if (!c->din[0].data) return;
    for (int i = 0; i < count(&c->out); i++) {
        float x = c->in[0].data[i], s = 1 / (1 + expf(-c->arg[0] * x));
        c->din[0].data[i] += c->dout.data[i] * (s + c->arg[0] * x * s * (1 - s));
    }
    /* >>stub
    (void)c;      // write this
    >>end */
}

const ae_op swish = { "swish", 1, swish_shape, swish_forward, swish_backward, 0 };
