/* numbers.h: what tests of tensors share: small ones of known numbers, whether two are the same to the bit, and what a refusal says.
   Included after autoenc.h and tap.h. */
#ifndef NUMBERS_H
#define NUMBERS_H

static ae_tensor numbers(ae_ctx *ae, int n, int c, int h, int wide, float from, float step)
{
    static float v[4096];
    int i, all = n * (c ? c : 1) * (h ? h : 1) * (wide ? wide : 1);
    for (i = 0; i < all; i++) v[i] = from + step * (float)(i % 7) - step * (float)(i % 3);
    return ae_from(ae, v, n, c, h, wide);
}
static int same(ae_tensor a, ae_tensor b)
{
    int n = ae_size(a, -1);
    return n > 0 && n == ae_size(b, -1) && !memcmp(ae_data(a), ae_data(b), (size_t)n * sizeof(float));
}
/* Everything that must be refused: the text names what it is about. */
static void refused(ae_ctx *ae, const char *words, const char *name)
{
    ok(strstr(ae_error(ae), words) != NULL, "%s (%s)", name, ae_error(ae));
    ae_clear(ae);
}

#endif
