#include "expect.h"
#include "../call/pattern.h"
static const int width[] = { 9, 18, 36, 64, 128, 784 };
static void draw_sizes(Task *t) { add_array(t, "sizes", 13, OUT, 0, 0); }
static void draw_output(Task *t)
{
    size(t, 0, 1, t->hidden ? 4 : 2), t->s[0] = (float)uniform(t, 0, 6), t->tolerance = 1e-3;
    add_array(t, "code", 9 * t->n[0], IN, -2, 2), add_array(t, "y", 98 * t->n[0], OUT, 0, 0);      /* every eighth pixel */
}
static void sizes(const Task *t, int m, double **out)
{
    int last = m == 2 ? 4 : 5, at = 1;
    (void)t;
    for (int i = m == 3 ? 1 : 0; i < last; i++) {
        int in = m == 1 ? width[5 - i] : width[i], to = m == 1 ? width[4 - i] : width[i + 1];
        out[0][at++] = in * to, out[0][at++] = to;
    }
    out[0][0] = at - 1;
}
static void output(const Task *t, int m, double **out)
{
    for (int r = 0; r < t->n[0]; r++) {
        double now[784], next[784];
        for (int i = 0; i < 9; i++) now[i] = A(0)[9 * r + i];
        for (int l = 0; l < 5; l++) {
            for (int o = 0; o < width[l + 1]; o++) {
                next[o] = pattern(2 * l + 1, o, 0, t->s[0]);
                for (int i = 0; i < width[l]; i++) next[o] += now[i] * pattern(2 * l, o * width[l] + i, width[l], t->s[0]);
                if ((l < 4 && m != 3 && m != 5) || (l == 4 && (m == 2 || m == 4))) next[o] = fmax(next[o], 0);
                if ((l == 4 && m != 1 && m != 2) || (l < 4 && m == 5)) next[o] = 1 / (1 + exp(-next[o]));
            }
            memcpy(now, next, sizeof now);
        }
        for (int i = 0; i < 98; i++) out[1][98 * r + i] = now[8 * i];
    }
}
const Exercise ex09 = { "ex09", "write the decoder", 1, 2, {
    { "the sizes of the parameters", 5, 0, draw_sizes, sizes, { NULL, "this is the encoder again: from 9 to 784, please", "the last layer, to 784 pixels, is missing", "the first layer, from the 9 numbers, is missing" } },
    { "the output for given weights", 5, 1, draw_output, output, { NULL, "the sigmoid at the end is missing: pixels lie between 0 and 1", "a ReLU at the end where the sigmoid should be", "the ReLUs between the layers are missing",
        "a ReLU before the sigmoid: no pixel could be darker than 1/2", "sigmoids between the layers, where the encoder has ReLUs" } } } };
