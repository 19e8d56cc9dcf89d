#include "expect.h"
static int rows(const Task *t) { return (t->n[1] - t->n[3]) / t->n[4] + 1; }
static int columns(const Task *t) { return (t->n[2] - t->n[3]) / t->n[4] + 1; }
static void draw(Task *t, int k, int s, double low, double high)
{
    t->n[0] = 2, t->n[3] = k, t->n[4] = s;
    size(t, 1, 6, t->hidden ? 13 : 7), size(t, 2, t->hidden ? 11 : 8, t->hidden ? 15 : 9);
    add_array(t, "x", 2 * t->n[1] * t->n[2], IN, low, high);
}
static void draw_forward(Task *t) { draw(t, 2, 2, 0, 1), add_array(t, "y", 2 * rows(t) * columns(t), OUT, 0, 0); }
static void draw_overlap(Task *t) { draw(t, 3, 2, -2, -1), add_array(t, "y", 2 * rows(t) * columns(t), OUT, 0, 0); }
static void draw_back(Task *t, int k, int s)
{
    draw(t, k, s, -1, 1);
    add_array(t, "dy", 2 * rows(t) * columns(t), IN, 0.5, 1.5), add_array(t, "dx", 2 * t->n[1] * t->n[2], OUT, 0, 0);
}
static void draw_backward(Task *t) { draw_back(t, 2, 2); }
static void draw_back_overlap(Task *t) { draw_back(t, 3, 1 + between(t, 0, 1)); }
/* Where the largest value of a window stands; step: from one window to the next. */
static int largest(const Task *t, int c, int i, int j, int step)
{
    int best = -1;
    for (int a = 0; a < t->n[3]; a++)
        for (int b = 0; b < t->n[3]; b++) {
            int y = i * step + a, x = j * step + b, here = (c * t->n[1] + y) * t->n[2] + x;
            if (y < t->n[1] && x < t->n[2] && (best < 0 || A(0)[here] > A(0)[best])) best = here;
        }
    return best < 0 ? 0 : best;
}
static double mean(const Task *t, int c, int i, int j)
{
    double sum = 0;
    for (int a = 0; a < t->n[3]; a++) for (int b = 0; b < t->n[3]; b++) sum += A(0)[(c * t->n[1] + i * t->n[4] + a) * t->n[2] + j * t->n[4] + b];
    return sum / (t->n[3] * t->n[3]);
}
enum { ZERO = 1, BY_K, AVERAGE, SMALLEST, ONE_STEP };
static void forward(const Task *t, int m, double **out)
{
    for (int c = 0, o = 0; c < t->n[0]; c++)
        for (int i = 0; i < rows(t); i++)
            for (int j = 0; j < columns(t); j++, o++) {
                double v = A(0)[largest(t, c, i, j, m == BY_K ? t->n[3] : m == ONE_STEP ? 1 : t->n[4])];
                out[1][o] = m == ZERO ? fmax(v, 0) : m == AVERAGE ? mean(t, c, i, j) : v;
            }
}
static void backward(const Task *t, int m, double **out)
{
    for (int c = 0, o = 0; c < t->n[0]; c++)
        for (int i = 0; i < rows(t); i++)
            for (int j = 0; j < columns(t); j++, o++) {
                int best = largest(t, c, i, j, t->n[4]);
                double *dx = &out[2][best], d = A(1)[o];
                if (m == 1) *dx = d;
                else if (m == 3) *dx += 1;
                else if (m != 2 && m != 4) *dx += d;
                for (int a = 0; (m == 2 || m == 4) && a < t->n[3]; a++)
                    for (int b = 0; b < t->n[3]; b++) out[2][(c * t->n[1] + i * t->n[4] + a) * t->n[2] + j * t->n[4] + b] += m == 2 ? d : d / (t->n[3] * t->n[3]);
            }
}
#define FORWARD { NULL, "start from the first value of the window, not from 0: all may be negative", "windows start every s rows and columns, not every k", "this is the mean of the window, not the largest", NULL }
#define BACKWARD { NULL, "windows overlap: add to dx (+=), a place may be the largest of several", "the gradient goes to the largest place only, not to the whole window", "dy is missing: you added 1", "this spreads dy over the window, as a mean would: it goes to the largest place" }
const Exercise ex06 = { "ex06", "max pooling", 0, 4, {
    { "forward", 3, 0, draw_forward, forward, { NULL, "start from the first value of the window, not from 0: all may be negative", "windows start every s rows and columns, not every k",
        "this is the mean of the window, not the largest", NULL, NULL } },
    { "forward: overlapping windows, negative values", 2, 1, draw_overlap, forward, FORWARD },
    { "backward", 3, 0, draw_backward, backward, BACKWARD },
    { "backward: overlapping windows", 2, 3, draw_back_overlap, backward, BACKWARD } } };
