/* native07.c - lesson 07 on the test images, by its own functions: see native.h.  Its one option is the lesson's --latent. */
#define main lesson_main
#include "../lessons/lesson07_cvae.c"
#undef main
#include "native.h"

static void codes(void *user, const float *image, const uint8_t *label, int n, float *code)
{
    const cvae *c = (const cvae *)user;
    ae_ctx *ae = c->run->ae;
    float y[POINTS];
    size_t mark = ae_begin(ae);
    for (int i = 0; i < n; i++) y[i] = label[i];
    pass p = forward(c, ae_from(ae, image, n, 1, 28, 28), ae_from(ae, y, n, 0, 0, 0), ae_from(ae, NULL, n, c->latent, 0, 0));
    memcpy(code, ae_data(p.mean), (size_t)n * (size_t)c->latent * sizeof(float));
    ae_end(ae, mark);
}

static void pictures(void *user, const float *code, const uint8_t *label, int n, float *image)
{
    draw((const cvae *)user, code, label, n, image);
}

int main(int argc, char **argv)
{
    kit run = { .lesson = "native07", .about = "lesson 07's codes and pictures, for web/build.pl", .files = "see web/native.h" };
    cvae c = { .run = &run, .latent = 50, .beta = 1, .slope = 0.01, .activation = "leaky" };
    const kit_option options[] = { { "latent", KIT_INT, &c.latent, 1, 400, "numbers in a code" }, {0} };
    kit_start(&run, argc, argv, options);
    kit_data(&run, KIT_DIGITS, 0);
    c.net = layers(&c);
    kit_restore(&run, c.net);
    return native_write(&run, c.latent, codes, pictures, &c);
}
