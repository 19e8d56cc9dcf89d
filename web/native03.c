/* native03.c - lesson 03 on the test images, by its own functions: see native.h */
#define main lesson_main
#include "../lessons/lesson03_conv_latent.c"
#undef main
#include "native.h"

static void codes(void *user, const float *image, const uint8_t *label, int n, float *code)
{
    const look *l = (const look *)user;
    (void)label;
    kit_apply(l->run->ae, ae_child(l->model, "encoder"), image, n, 1, 28, 28, 512, code);
}

static void pictures(void *user, const float *code, const uint8_t *label, int n, float *image)
{
    (void)label;
    decode((look *)user, code, n, image);
}

int main(int argc, char **argv)
{
    kit run = { .lesson = "native03", .about = "lesson 03's codes and pictures, for web/build.pl", .files = "see web/native.h" };
    look l = { .run = &run };
    l.model = autoencoder(kit_start(&run, argc, argv, NULL));
    kit_data(&run, KIT_DIGITS, 0);
    kit_restore(&run, l.model);
    return native_write(&run, CODE, codes, pictures, &l);
}
