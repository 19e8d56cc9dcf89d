#include "expect.h"
/* eps is as large as 0.1 and gradients are small: otherwise nobody could see where it is added. */
static void draw(Task *t, int step, double decay, int weights)
{
    int n = size(t, 0, 4, t->hidden ? 40 : 9), first = step == 1;
    t->n[1] = step;
    t->s[0] = (float)uniform(t, 0.05, 0.2), t->s[1] = (float)uniform(t, 0.7, 0.9), t->s[2] = (float)uniform(t, 0.8, 0.95);
    t->s[3] = (float)uniform(t, 0.05, 0.1), t->s[4] = (float)decay;
    add_array(t, "w", n, weights ? INOUT : GIVEN, -2, 2);
    add_array(t, "g", n, IN, -0.5, 0.5);
    float *m = add_array(t, "m", n, weights ? GIVEN : INOUT, -0.5, 0.5), *v = add_array(t, "v", n, weights ? GIVEN : INOUT, 0.01, 0.5);
    for (int i = 0; i < n && first; i++) m[i] = v[i] = 0;
}
static void draw_moments(Task *t) { draw(t, between(t, 2, 9), 0, 0); }
static void draw_first(Task *t) { draw(t, 1, 0, 1); }
static void draw_later(Task *t) { draw(t, between(t, 2, 9), 0, 1); }
static void draw_decay(Task *t) { draw(t, between(t, 2, 9), uniform(t, 0.1, 0.3), 1); }
enum { NO_CORRECTION = 1, EPS_INSIDE, EPS_BEFORE, NO_SQUARE, STEP_BEFORE, NO_ROOT, DECOUPLED, NO_DECAY };
static void step(const Task *t, int m, double **out)
{
    double lr = t->s[0], b1 = t->s[1], b2 = t->s[2], eps = t->s[3], decay = t->s[4], k = m == STEP_BEFORE ? t->n[1] - 1 : t->n[1];
    for (int i = 0; i < t->n[0]; i++) {
        double w = A(0)[i], g = A(1)[i] + (m == DECOUPLED || m == NO_DECAY ? 0 : decay * w);
        double first = b1 * A(2)[i] + (1 - b1) * g, second = b2 * A(3)[i] + (1 - b2) * (m == NO_SQUARE ? fabs(g) : g * g);
        double mh = first / (1 - pow(b1, k)), vh = second / (1 - pow(b2, k));
        if (m == NO_CORRECTION) mh = first, vh = second;
        if (m == DECOUPLED) w -= lr * decay * w;
        double below = m == EPS_INSIDE ? sqrt(vh + eps) : m == NO_ROOT ? vh + eps : m == EPS_BEFORE ? sqrt(second) / sqrt(1 - pow(b2, k)) : sqrt(vh) + eps;
        if (out[0]) out[0][i] = w - lr * mh / below;
        if (out[2]) out[2][i] = first;
        if (out[3]) out[3][i] = second;
    }
}
static void moments(const Task *t, int m, double **out)
{
    step(t, m == 1 ? NO_SQUARE : 0, out);
    for (int i = 0; i < t->n[0]; i++) {
        double b1 = t->s[1], b2 = t->s[2], g = A(1)[i];
        if (m == 2) out[2][i] = (1 - b1) * A(2)[i] + b1 * g, out[3][i] = (1 - b2) * A(3)[i] + b2 * g * g;
        if (m == 3) out[2][i] = b1 * A(2)[i] + g, out[3][i] = b2 * A(3)[i] + g * g;
        if (m == 4) out[2][i] /= 1 - pow(b1, t->n[1]), out[3][i] /= 1 - pow(b2, t->n[1]);
    }
}
static void decayed(const Task *t, int m, double **out) { step(t, m == 1 ? DECOUPLED : m == 2 ? NO_DECAY : 0, out); }
#define STEPS { NULL, "the bias correction is missing: divide m by 1 - beta1^t, v by 1 - beta2^t", "epsilon is added to the square root, not under it", "epsilon is missing", \
                "v is a mean of squares: g * g", "steps are counted from 1: use t, not t - 1", "the square root of v is missing" }
const Exercise ex04 = { "ex04", "a step of Adam", 0, 4, {
    { "the two moments", 3, 0, draw_moments, moments, { NULL, "v is a mean of squares: g * g", "beta and 1 - beta are exchanged: most of the old value stays", "the new gradient comes in with the factor 1 - beta",
        "the corrected moments were stored: correct a copy, keep m and v as they are" } },
    { "the weights after the first step", 3, 0, draw_first, step, STEPS },
    { "the weights after a later step", 2, 0, draw_later, step, STEPS },
    { "weight decay", 2, 3, draw_decay, decayed, { NULL, "this is AdamW, which shrinks the weights apart from the gradient: Adam adds weight_decay * w to the gradient", "the weight decay is missing" } } } };
