/* native06.c - lesson 06's network with 2 numbers on the test images, by the lesson's own functions: see native.h */
#define main lesson_main
#include "../lessons/lesson06_vae.c"
#undef main
#include "native.h"

typedef struct both { kit *run; vae net; } both;

static void codes(void *user, const float *image, const uint8_t *label, int n, float *code)
{
    const both *b = (const both *)user;
    size_t mark = ae_begin(b->run->ae);
    ae_tensor mean, log_var;
    (void)label;
    encode(&b->net, ae_from(b->run->ae, image, n, PIXELS, 0, 0), &mean, &log_var);
    memcpy(code, ae_data(mean), (size_t)n * 2 * sizeof(float));
    ae_end(b->run->ae, mark);
}

static void pictures(void *user, const float *code, const uint8_t *label, int n, float *image)
{
    const both *b = (const both *)user;
    (void)label;
    draw(b->run, &b->net, code, n, image);
}

int main(int argc, char **argv)
{
    kit run = { .lesson = "native06", .about = "lesson 06's codes and pictures, for web/build.pl", .files = "see web/native.h" };
    both b = { .run = &run, .net = { .name = "vae2", .latent = 2, .variational = 1 } };
    b.net.net = layers(kit_start(&run, argc, argv, NULL), 2);
    kit_data(&run, KIT_DIGITS, 0);
    kit_restore(&run, b.net.net);
    return native_write(&run, 2, codes, pictures, &b);
}
