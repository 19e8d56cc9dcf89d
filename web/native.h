/* native.h - what the lessons' own functions say of the test images: what the page shows, and what it is tested against

   native03.c, native06.c and native07.c each include a lesson whole, its main under another name, and call the functions
   that the lesson itself encodes and decodes with.  So the page's numbers are compared with those of the lesson, not with
   a second copy of the page's code.  web/build.pl compiles and runs them:

       native06 --load out/lesson06/model_vae2.safetensors --out FOLDER [--synthetic] [--data DIR]

   In FOLDER they leave images.u8 [1000][784], labels.u8, codes.f32 [1000][latent], drawn.f32 [8][784] and facts.json. */

#ifndef NATIVE_H
#define NATIVE_H

enum { POINTS = 1000, CHECKS = 8 };

/* image[n][784] of `label` to code[n][latent], and back. */
typedef void native_encode(void *user, const float *image, const uint8_t *label, int n, float *code);
typedef void native_decode(void *user, const float *code, const uint8_t *label, int n, float *image);

/* The codes whose pictures the page compares with its own: of four test images, and half way from each to the next. */
static inline void native_checks(const float *code, int latent, float *checks)
{
    for (int i = 0; i < CHECKS * latent; i++) {
        int row = i / latent / 2, odd = i / latent % 2, at = row * latent + i % latent;
        checks[i] = odd ? (code[at] + code[at + latent]) / 2 : code[at];
    }
}

static inline double native_mse(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / n;
}

/* Encodes and decodes the first thousand test images, and writes the files. */
static inline int native_write(kit *run, int latent, native_encode *encode, native_decode *decode, void *user)
{
    int n = run->test.n < POINTS ? run->test.n : POINTS;
    float *image = kit_images(run, &run->test), *code = kit_floats(run, n, latent), *drawn = kit_floats(run, n, 784);
    float checks[CHECKS * 400], pictures[CHECKS * 784];
    uint8_t labels[CHECKS];
    kit_text facts = { NULL, 0, 0 };
    if (n < POINTS) kit_die(run, 3, "at least %d test images are wanted", POINTS);
    encode(user, image, run->test.labels, n, code);
    decode(user, code, run->test.labels, n, drawn);
    native_checks(code, latent, checks);
    for (int i = 0; i < CHECKS; i++) labels[i] = run->test.labels[i / 2];
    decode(user, checks, labels, CHECKS, pictures);
    kit_write(run, "images.u8", run->test.images, (size_t)n * 784);
    kit_write(run, "labels.u8", run->test.labels, (size_t)n);
    kit_write(run, "codes.f32", code, (size_t)n * (size_t)latent * sizeof(float));
    kit_write(run, "drawn.f32", pictures, sizeof pictures);
    kit_print(&facts, "{ \"latent\": %d, \"error\": %.9g, \"data\": \"%s\" }\n", latent, native_mse(image, drawn, n * 784), run->dataset);
    kit_write(run, "facts.json", facts.text, facts.used);
    free(image), free(code), free(drawn), free(facts.text);
    kit_free(run);
    return 0;
}

#endif /* NATIVE_H */
