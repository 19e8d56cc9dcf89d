#include "expect.h"
static void draw(Task *t)
{
    int B = size(t, 0, 2, t->hidden ? 7 : 4), I = size(t, 1, 3, t->hidden ? 17 : 5), O = size(t, 2, 3, t->hidden ? 9 : 6);
    add_array(t, "x", B * I, IN, -1, 1), add_array(t, "W", O * I, IN, -1, 1);
}
static void draw_forward(Task *t)
{
    draw(t);
    add_array(t, "b", t->n[2], IN, -1, 1), add_array(t, "y", t->n[0] * t->n[2], OUT, 0, 0);
}
static void draw_backward(Task *t, int which)
{
    draw(t);
    add_array(t, "dy", t->n[0] * t->n[2], IN, -1, 1);
    add_array(t, "dx", t->n[0] * t->n[1], which == 0 ? OUT : FREE, 0, 0);
    add_array(t, "dW", t->n[2] * t->n[1], which == 1 ? OUT : FREE, 0, 0);
    add_array(t, "db", t->n[2], which == 2 ? OUT : FREE, 0, 0);
}
static void draw_dx(Task *t) { draw_backward(t, 0); }
static void draw_dW(Task *t) { draw_backward(t, 1); }
static void draw_db(Task *t) { draw_backward(t, 2); }
static double weight(const Task *t, int o, int i, int turned) { return turned ? A(1)[i * t->n[2] + o] : A(1)[o * t->n[1] + i]; }
static void forward(const Task *t, int m, double **out)
{
    for (int r = 0; r < t->n[0]; r++)
        for (int o = 0; o < t->n[2]; o++) {
            double *y = &out[3][r * t->n[2] + o];
            *y = m == 2 ? 0 : A(2)[o];
            for (int i = 0; i < t->n[1]; i++) *y += A(0)[r * t->n[1] + i] * weight(t, o, i, m == 1);
        }
}
static void backward_x(const Task *t, int m, double **out)
{
    for (int r = 0; r < t->n[0]; r++)
        for (int o = 0; o < t->n[2]; o++)
            for (int i = 0; i < t->n[1]; i++) {
                double d = A(2)[r * t->n[2] + o] * weight(t, o, i, m == 1), *dx = &out[3][r * t->n[1] + i];
                *dx = m == 2 ? d : *dx + d;
            }
}
static void backward_W(const Task *t, int m, double **out)
{
    for (int r = 0; r < t->n[0]; r++)
        for (int o = 0; o < t->n[2]; o++)
            for (int i = 0; i < t->n[1]; i++) {
                double d = A(2)[r * t->n[2] + o] * (double)A(0)[r * t->n[1] + i], *dW = &out[4][m == 1 ? i * t->n[2] + o : o * t->n[1] + i];
                *dW = m == 3 ? d : *dW + d / (m == 2 ? t->n[0] : 1);
            }
}
static void backward_b(const Task *t, int m, double **out)
{
    for (int r = 0; r < t->n[0]; r++)
        for (int o = 0; o < t->n[2]; o++) {
            double d = A(2)[r * t->n[2] + o];
            out[5][o] = m == 2 ? d : out[5][o] + d / (m == 1 ? t->n[0] : 1);
        }
}
const Exercise ex01 = { "ex01", "a linear layer, forward and backward", 0, 4, {
    { "forward", 2, 0, draw_forward, forward, { NULL, "W is stored [O][I], you read it as [I][O]", "the bias is missing" } },
    { "gradient of the input, dx", 3, 0, draw_dx, backward_x, { NULL, "W is stored [O][I], you read it as [I][O]", "only the last output counts: add up over the outputs (+=)" } },
    { "gradient of the weights, dW", 3, 0, draw_dW, backward_W, { NULL, "dW is stored [O][I], you wrote it as [I][O]",
        "you divided by the batch: the mean is in the loss already, dW is a sum over the rows", "only the last row counts: add up over the rows (+=)" } },
    { "gradient of the bias, db", 2, 0, draw_db, backward_b, { NULL, "you divided by the batch: the mean is in the loss already, db is a sum over the rows",
        "only the last row counts: add up over the rows (+=)" } } } };
