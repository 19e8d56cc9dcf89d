#include "expect.h"
static void draw(Task *t, int warmup, int total, int from, int count)
{
    t->n[0] = warmup, t->n[1] = total, t->n[3] = from, t->n[2] = count;
    t->s[0] = (float)uniform(t, 0.1, 1), t->s[1] = (float)uniform(t, 0.01, 0.05);
    add_array(t, "lr", count, OUT, 0, 0);
}
static int warm(Task *t) { return between(t, 3, t->hidden ? 40 : 9); }
static void draw_steps(Task *t) { draw(t, warm(t), 0, 0, 30);  t->s[1] = (float)uniform(t, 0.5, 0.9); }
static void draw_rise(Task *t) { int w = warm(t);  draw(t, w, 4 * w, 0, w); }
static void draw_fall(Task *t) { int w = warm(t);  draw(t, w, 4 * w, w, 3 * w); }
static void draw_end(Task *t) { int w = warm(t);  draw(t, w, 4 * w, 4 * w, 2 * w); }
static void steps(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[2]; i++) {
        int e = i + t->n[3], every = t->n[0];
        double times = m == 1 ? (double)e / every : m == 2 ? (e + 1) / every : m == 3 ? e : e / every;
        out[0][i] = m == 4 ? t->s[0] * (e >= every ? t->s[1] : 1) : t->s[0] * pow(t->s[1], times);
    }
}
static void rise(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[2]; i++)
        out[0][i] = t->s[0] * (m == 1 ? i : i + 1) / t->n[0];
    for (int i = 0; m == 2 && i < t->n[2]; i++) out[0][i] = t->s[0];
    for (int i = 0; m == 3 && i < t->n[2]; i++) out[0][i] = t->s[1] + (t->s[0] - t->s[1]) * (i + 1) / t->n[0];
}
static void fall(const Task *t, int m, double **out)
{
    for (int i = 0; i < t->n[2]; i++) {
        double s = i + t->n[3], w = t->n[0], total = t->n[1], part = m == 1 ? s / total : m == 2 ? (s - w) / total : (s - w) / (total - w);
        out[0][i] = t->s[1] + (t->s[0] - t->s[1]) * (m == 4 ? 1 - part : (1 + cos((m == 3 ? 2 : 1) * acos(-1) * part)) / 2);
        if (m == 5) out[0][i] = t->s[0] * (1 + cos(acos(-1) * part)) / 2;
    }
}
static void end(const Task *t, int m, double **out)
{
    double w = t->n[0], total = t->n[1];
    for (int i = 0; i < t->n[2]; i++) {
        out[0][i] = m == 1 ? t->s[1] + (t->s[0] - t->s[1]) * (1 + cos(acos(-1) * (i + t->n[3] - w) / (total - w))) / 2 : m == 2 ? 0 : m == 3 ? t->s[0] : t->s[1];
    }
}
const Exercise ex05 = { "ex05", "learning-rate schedules", 0, 4, {
    { "steps", 3, 0, draw_steps, steps, { NULL, "epoch / every must be a division of whole numbers: the rate stays the same between the steps", "one epoch early: epochs count from 0",
        "it falls in every epoch: only once for every `every` of them", "it falls only once" } },
    { "the rise", 2, 0, draw_rise, rise, { NULL, "step 0 would learn nothing: s + 1, not s", "there is no rise", "it rises from 0, not from `least`" } },
    { "the fall", 3, 0, draw_fall, fall, { NULL, "part counts from the end of the rise: s - warmup, and total - warmup below", "below: total - warmup, not total", "half a cosine, not a whole one: pi, not 2 pi",
        "this falls along a line, not along a cosine", "it falls to `least`, not to 0" } },
    { "the end", 2, 3, draw_end, end, { NULL, "behind `total` the cosine rises again: stay at `least`", "behind `total` it stays at `least`, not at 0", "behind `total` it stays at `least`, not at base" } } } };
