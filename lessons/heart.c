/* heart.c - the heart of autoenc.h on two pages: how a program finds its own derivative.

       cc -O2 lessons/heart.c -o heart -lm && ./heart

   You know C and the chain rule.  A network is a composition of small functions, so its derivative
   is a product of small derivatives; the work is to multiply them in the right order.  Three ideas:

     1. A tensor is a HANDLE: the number of a slot in a table, and which of its tenants is meant.
        The slot says where values and gradient lie.
     2. An operation is a ROW: a name, a shape rule, a forward and a backward function.
     3. To run an operation is also to write a RECORD on a TAPE: this row, those slots in, that slot
        out.  No value is used before it is made; so a walk along the tape from its end meets each
        operation after all those that depend on it, which is the order the chain rule wants.

   Read the rows first (part 2: all the calculus there is), then ae_apply and ae_backward (part 3:
   all the machinery), then main (part 4), and part 1 when you ask where things live.  Nearly every
   name is autoenc.h's: go on there, at >>arena, >>tape and >>ops.  The library adds speed, shapes,
   layers and care: it computes no gradient that nobody asks for, and explains every mistake. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ==== 1. Where things live: a table of slots, and an arena that is rewound ==================== */
typedef struct ae_ctx ae_ctx;
typedef struct { ae_ctx *ctx; uint32_t slot, gen; } ae_tensor;    /* the handle, passed by value */
typedef struct { float *data; int dim[2]; } ae_array;             /* rows, columns */
typedef struct { ae_array value, grad; uint32_t gen; } ae_slot;   /* grad: of the loss, by value */
typedef struct { ae_array in[2], out, din[2], dout; } ae_call;    /* what a row sees; d: gradient */
typedef struct {
    const char *name;  int inputs;
    const char *(*shape)(ae_call *c);    /* reads in, sets out.dim; NULL, or what is wrong */
    void (*forward)(ae_call *c);         /* fills out, which holds zeros */
    void (*backward)(ae_call *c);        /* adds to din what follows from dout */
} ae_op;
typedef struct { const ae_op *op; uint32_t in[2], out; } ae_record;
typedef struct { uint32_t floats, slots, records; } ae_mark;
enum { FLOATS = 2048, SLOTS = 32 };
struct ae_ctx { ae_slot slot[SLOTS]; ae_record record[SLOTS]; float arena[FLOATS]; ae_mark top; };
static void ae__fail(const char *op, const char *why) {
    fprintf(stderr, "%s: %s\n", op, why), exit(1);
}
/* A tensor of zeros in the next slot, under a new generation: handles to the slot's former tenants
   are stale from now on, even though slots and addresses repeat in every step. */
static ae_tensor ae__new_tensor(ae_ctx *ae, int rows, int columns) {
    uint32_t n = (uint32_t)(rows * columns);
    if (ae->top.slots == SLOTS || ae->top.floats + 2 * n > FLOATS) ae__fail("tensor", "no room");
    ae_slot *s = &ae->slot[ae->top.slots];
    s->value = (ae_array){ ae->arena + ae->top.floats, { rows, columns } };
    s->grad = (ae_array){ s->value.data + n, { rows, columns } };
    memset(s->value.data, 0, 2 * n * sizeof(float));
    ae->top.floats += 2 * n;
    return (ae_tensor){ ae, ae->top.slots++, ++s->gen };
}
static int ae__stale(ae_tensor x) {
    return x.slot >= x.ctx->top.slots || x.gen != x.ctx->slot[x.slot].gen;
}
static ae_slot *ae__slot(ae_tensor x) {
    if (ae__stale(x)) ae__fail("stale tensor", "it was made in a step that is over");
    return &x.ctx->slot[x.slot];
}
static float *ae_data(ae_tensor x) { return ae__slot(x)->value.data; }
/* Drops all that was made since the mark: three numbers go back, and nothing is freed. */
static void ae__rewind(ae_ctx *ae, ae_mark m) { ae->top = m; }

/* ==== 2. The rows: shape, forward and backward, side by side ================================== */
/* Backward always adds: a value that is used twice gets its share of the gradient from each use. */
static int ae__numel(ae_array a) { return a.dim[0] * a.dim[1]; }
/* matmul: [M,K] x [K,N] -> [M,N].  Each product a b hands dout to both factors: b to a, a to b. */
static const char *ae__matmul_shape(ae_call *c) {
    c->out.dim[0] = c->in[0].dim[0], c->out.dim[1] = c->in[1].dim[1];
    return c->in[0].dim[1] == c->in[1].dim[0] ? NULL : "the columns of a are not the rows of b";
}
static void ae__matmul_forward(ae_call *c) {
    int M = c->out.dim[0], N = c->out.dim[1], K = c->in[1].dim[0];
    for (int m = 0; m < M; m++) for (int n = 0; n < N; n++) for (int k = 0; k < K; k++)
        c->out.data[m * N + n] += c->in[0].data[m * K + k] * c->in[1].data[k * N + n];
}
static void ae__matmul_backward(ae_call *c) {
    int M = c->out.dim[0], N = c->out.dim[1], K = c->in[1].dim[0];
    for (int m = 0; m < M; m++) for (int n = 0; n < N; n++) for (int k = 0; k < K; k++) {
        c->din[0].data[m * K + k] += c->dout.data[m * N + n] * c->in[1].data[k * N + n];
        c->din[1].data[k * N + n] += c->dout.data[m * N + n] * c->in[0].data[m * K + k];
    }
}
/* bias: [M,N] + [1,N] -> [M,N].  It is used in every row, so it collects from every row. */
static const char *ae__bias_shape(ae_call *c) {
    c->out = c->in[0];
    return c->in[1].dim[0] == 1 && c->in[1].dim[1] == c->in[0].dim[1] ? NULL : "not one a column";
}
static void ae__bias_forward(ae_call *c) {
    for (int i = 0, N = c->out.dim[1]; i < ae__numel(c->out); i++)
        c->out.data[i] = c->in[0].data[i] + c->in[1].data[i % N];
}
static void ae__bias_backward(ae_call *c) {
    for (int i = 0, N = c->out.dim[1]; i < ae__numel(c->out); i++)
        c->din[0].data[i] += c->dout.data[i], c->din[1].data[i % N] += c->dout.data[i];
}
/* sigmoid: y = 1 / (1 + e^-x) of each element.  The derivative follows from y: y (1 - y). */
static const char *ae__sigmoid_shape(ae_call *c) { c->out = c->in[0]; return NULL; }
static void ae__sigmoid_forward(ae_call *c) {
    for (int i = 0; i < ae__numel(c->out); i++) c->out.data[i] = 1 / (1 + expf(-c->in[0].data[i]));
}
static void ae__sigmoid_backward(ae_call *c) {
    for (int i = 0; i < ae__numel(c->out); i++)
        c->din[0].data[i] += c->dout.data[i] * c->out.data[i] * (1 - c->out.data[i]);
}
/* mse_loss: the mean of (a - b)^2 -> [1,1].  To a goes 2 (a - b) / n, and the opposite to b. */
static const char *ae__mse_shape(ae_call *c) {
    c->out.dim[0] = c->out.dim[1] = 1;
    return memcmp(c->in[0].dim, c->in[1].dim, sizeof c->in[0].dim) ? "the shapes differ" : NULL;
}
static void ae__mse_forward(ae_call *c) {
    for (int i = 0, n = ae__numel(c->in[0]); i < n; i++)
        c->out.data[0] += powf(c->in[0].data[i] - c->in[1].data[i], 2) / (float)n;
}
static void ae__mse_backward(ae_call *c) {
    for (int i = 0, n = ae__numel(c->in[0]); i < n; i++) {
        float d = 2 * (c->in[0].data[i] - c->in[1].data[i]) / (float)n * c->dout.data[0];
        c->din[0].data[i] += d, c->din[1].data[i] -= d;
    }
}
static const ae_op
    matmul  = { "matmul",   2, ae__matmul_shape,  ae__matmul_forward,  ae__matmul_backward },
    bias    = { "bias",     2, ae__bias_shape,    ae__bias_forward,    ae__bias_backward },
    sigmoid = { "sigmoid",  1, ae__sigmoid_shape, ae__sigmoid_forward, ae__sigmoid_backward },
    mse     = { "mse_loss", 2, ae__mse_shape,     ae__mse_forward,     ae__mse_backward };

/* ==== 3. The tape: run and record, then walk back ============================================= */
static ae_tensor ae_apply(const ae_op *op, const ae_tensor *in) {
    ae_ctx *ae = in[0].ctx;
    ae_record *r = &ae->record[ae->top.records];
    ae_call c = { 0 };
    for (int i = 0; i < op->inputs; i++) c.in[i] = ae__slot(in[i])->value, r->in[i] = in[i].slot;
    const char *wrong = op->shape(&c);
    if (wrong) ae__fail(op->name, wrong);
    ae_tensor out = ae__new_tensor(ae, c.out.dim[0], c.out.dim[1]);
    c.out = ae__slot(out)->value, r->out = out.slot, r->op = op, ae->top.records++;
    op->forward(&c);
    return out;
}
/* The gradient of the loss by itself is 1; each record passes on what has reached its output. */
static void ae_backward(ae_tensor loss) {
    ae_ctx *ae = loss.ctx;
    ae__slot(loss)->grad.data[0] = 1;
    for (uint32_t t = ae->top.records; t-- > 0; ) {
        const ae_record *r = &ae->record[t];
        ae_call c = { .out = ae->slot[r->out].value, .dout = ae->slot[r->out].grad };
        for (int i = 0; i < r->op->inputs; i++)
            c.in[i] = ae->slot[r->in[i]].value, c.din[i] = ae->slot[r->in[i]].grad;
        r->op->backward(&c);
    }
}

/* ==== 4. Use: the 8-3-8 encoder of Rumelhart, Hinton and Williams (1986) ====================== */
enum { STEPS = 5000, RATE = 30, SEED = 1986 };
static ae_tensor layer(ae_tensor x, ae_tensor w, ae_tensor b) {
    ae_tensor product = ae_apply(&matmul, (ae_tensor[]){ x, w });
    ae_tensor sum = ae_apply(&bias, (ae_tensor[]){ product, b });
    return ae_apply(&sigmoid, &sum);
}
/* Eight patterns, one unit of eight lit in each, have to pass through three: it finds binary. */
static ae_tensor forward(const ae_tensor *p, ae_tensor *code) {
    ae_tensor x = ae__new_tensor(p->ctx, 8, 8);
    for (int i = 0; i < 8; i++) ae_data(x)[9 * i] = 1;
    *code = layer(x, p[0], p[1]);
    return ae_apply(&mse, (ae_tensor[]){ layer(*code, p[2], p[3]), x });
}
int main(void) {
    static ae_ctx ae;
    ae_tensor p[4] = { ae__new_tensor(&ae, 8, 3), ae__new_tensor(&ae, 1, 3),
        ae__new_tensor(&ae, 3, 8), ae__new_tensor(&ae, 1, 8) }, code, loss, old = { 0 };
    ae_mark mark = ae.top;        /* below it the parameters, for good; above it, step after step */
    uint32_t noise = SEED;
    for (int k = 0; k < 4; k++) for (int i = 0; i < ae__numel(ae.slot[k].value); i++)
        noise = noise * 1664525 + 1013904223,
        ae.slot[k].value.data[i] = (float)(noise >> 8) / (1 << 23) - 1;             /* -1 .. 1 */
    /* The slope of the loss by one weight: moved a little, both ways.  The tape has to agree. */
    float *w = ae_data(p[0]), was = *w, h = 0.05f, slope = 0, tape = 0;
    for (float k = -1; k <= 1; k += 2, *w = was, ae__rewind(&ae, mark))
        *w = was + k * h, old = forward(p, &code), slope += k * *ae_data(old) / (2 * h);
    for (int step = 0; step <= STEPS; step++) {
        ae__rewind(&ae, mark);
        ae_backward(loss = forward(p, &code));
        if (step == 0) tape = *ae__slot(p[0])->grad.data;
        if (step % 1000 == 0) printf("step %4d: loss %.6f\n", step, (double)*ae_data(loss));
        for (int k = 0; k < 4; k++) for (int i = 0; i < ae__numel(ae.slot[k].value); i++)
            ae.slot[k].value.data[i] -= RATE * ae.slot[k].grad.data[i], ae.slot[k].grad.data[i] = 0;
    }
    for (int i = 0; i < 8; i++, printf("\n")) for (int k = 0; k < 3; k++)
        printf(k ? " %.2f" : "code %.2f", (double)ae_data(code)[3 * i + k]);
    /* Every step takes the same slots; only the generation tells an old handle from a new one. */
    printf("slot %u, generation %u: %s; generation %u: %s\n", old.slot, old.gen,
           ae__stale(old) ? "stale" : "good", loss.gen, ae__stale(loss) ? "stale" : "good");
    int well = fabsf(tape - slope) <= 0.01f * fabsf(slope);
    printf("tape %.6f, slope %.6f: %s\n", (double)tape, (double)slope, well ? "ok" : "WRONG");
    return !well;
}
