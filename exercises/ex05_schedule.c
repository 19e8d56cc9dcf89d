/* Exercise 05: learning-rate schedules.                                                      10 points, 15 minutes

   Write   lr_step     base, times gamma once for every `every` epochs that are over (StepLR); epochs count from 0
           lr_warmup   step s of `total`, both from 0: for s < warmup it rises in equal parts, base * (s + 1) / warmup; from there it
                       falls along half a cosine from base at s = warmup to `least` at s = total; behind total it stays at `least`
   Hint    Half a cosine: least + (base - least) * (1 + cos(pi * part)) / 2, where part goes from 0 to 1.
   Checked at many steps: ./grade ex05 */
#include <math.h>

float lr_step(float base, float gamma, int every, int epoch)
{
    /* >>solution */
    return base * powf(gamma, (float)(epoch / every));
    /* >>stub
    (void)base, (void)gamma, (void)every, (void)epoch;      // write this
    return 0;
    >>end */
}

float lr_warmup(float base, float least, int warmup, int total, int s)
{
    /* >>solution */
    if (s < warmup) return base * (float)(s + 1) / (float)warmup;
    if (s >= total) return least;
    float part = (float)(s - warmup) / (float)(total - warmup);
    return least + (base - least) * (1 + cosf(3.14159265f * part)) / 2;
    /* >>stub
    (void)base, (void)least, (void)warmup, (void)total, (void)s;      // write this
    return 0;
    >>end */
}
