/* rate.h - rate and distortion: what each way to compress the test images costs, and how good its pictures are

   Include kit.h, coder.h, metrics.h and tools.h first.  Lesson 10 brings its network and PCA; pixels without a model, DEFLATE
   and JPEG are measured here, the latter two by the programs gzip, cjpeg and djpeg, if they are installed.  All bits are of
   whole files with their headers.  PSNR is of the mean squared error over all pixels of all images, rounded to grey levels.
   C99, POSIX. */

#ifndef RATE_H
#define RATE_H

enum { PIXELS = 784, RATE_POINTS = 64, RATE_WIDE = 100, TEN = 10 };
enum { NETWORK, PCA, CODER, JPEG, JPEG_ARITHMETIC, DEFLATE, CURVES };

/* Rate and quality of one way to compress the test images, at several settings. */
typedef struct rate_point { double bits, with_model, psnr; } rate_point;         /* bits a pixel, without and with what the decoder must know */
typedef struct rate_curve {
    const char *name, *key;
    rate_point p[RATE_POINTS];
    int n;
    double shown_bits, shown_psnr;       /* the best pictures that cost no more than the figure's rate, or the first */
    float shown[TEN * PIXELS];
} rate_curve;

typedef struct rate_board {
    kit *run;
    float *image, *drawn;                /* the test images, and what became of them: [n][784] */
    int ten[TEN];                        /* the first test image of each digit */
    double shown_rate;
    rate_curve c[CURVES];
} rate_board;

/* ==== Points ====================================================================================================== */

/* One more point of a curve, from the images in l->drawn: bytes of the file, and of what its reader must know beside it. */
static inline void rate_add(rate_board *l, int which, size_t bytes, size_t model, const char *setting)
{
    rate_curve *c = &l->c[which];
    int n = l->run->test.n;
    double pixels = (double)n * PIXELS;
    for (int i = 0; i < n * PIXELS; i++) l->drawn[i] = kit_byte(l->drawn[i]) / 255.0f;         /* a picture has whole grey levels */
    rate_point p = { metrics_bits_per_pixel((double)bytes, pixels), metrics_bits_per_pixel((double)(bytes + model), pixels),
                metrics_psnr(l->drawn, l->image, n * PIXELS) };
    printf("  %-18s %-24s %9zu bytes  %7.4f bits a pixel  %6.2f dB\n", c->name, setting, bytes, p.bits, p.psnr);
    if (c->n < RATE_POINTS) c->p[c->n++] = p;
    if (c->shown_bits > 0 && (p.bits > l->shown_rate || p.psnr < c->shown_psnr)) return;
    c->shown_bits = p.bits, c->shown_psnr = p.psnr;
    for (int i = 0; i < TEN; i++) memcpy(c->shown + i * PIXELS, l->drawn + (size_t)l->ten[i] * PIXELS, PIXELS * sizeof(float));
}

/* No model of images at all: pixels rounded to 1 .. 8 bits, through our coder, and through DEFLATE. */
static inline void rate_pixels(rate_board *l)
{
    static const int depth[] = { 1, 2, 3, 4, 8 };
    static const char *const gzip[] = { "gzip", "-9", "-c", NULL };
    size_t count = (size_t)l->run->test.n * PIXELS, size;
    int16_t *symbol = (int16_t *)kit_room(l->run, count * sizeof *symbol);
    uint8_t *plain = (uint8_t *)kit_room(l->run, count), *bytes;
    char setting[40];
    for (int i = 0; i < 5; i++) {
        coder_file f = { 0, l->run->test.n, PIXELS, 1.0f / (float)((1 << depth[i]) - 1), symbol };
        coder_quantise(l->image, count, f.step, symbol);
        for (size_t k = 0; k < count; k++) plain[k] = (uint8_t)symbol[k], l->drawn[k] = (float)symbol[k] * f.step;
        snprintf(setting, sizeof setting, "pixels of %d bits", depth[i]);
        if (!coder_pack(&f, &bytes, &size)) kit_die(l->run, 3, "out of memory");
        rate_add(l, CODER, size, 0, setting), free(bytes);
        if ((bytes = tools_run(l->run, gzip, plain, count, &size))) rate_add(l, DEFLATE, size, 0, setting);
        else if (!i) printf("  gzip is not installed: no DEFLATE\n");
        free(bytes);
    }
    free(symbol), free(plain);
}

/* All images as one big picture, so that there is one header. */
static inline void rate_jpeg(rate_board *l, int which, const char *how)
{
    static const char *const quality[] = { "1", "2", "3", "5", "8", "12", "20", "35", "50", "75", "90", "97" };
    static const char *const djpeg[] = { "djpeg", "-grayscale", "-pnm", NULL };
    size_t size, packed, drawn;
    char setting[40];
    uint8_t *pgm = tools_picture(l->run, l->run->test.images, l->run->test.n, RATE_WIDE, &size);
    for (int i = 0; i < 12; i++) {
        const char *const cjpeg[] = { "cjpeg", "-grayscale", "-quality", quality[i], how, NULL };
        uint8_t *jpeg = tools_run(l->run, cjpeg, pgm, size, &packed), *back = jpeg ? tools_run(l->run, djpeg, jpeg, packed, &drawn) : NULL;
        snprintf(setting, sizeof setting, "quality %s", quality[i]);
        if (back && tools_images(back, drawn, l->run->test.n, RATE_WIDE, l->drawn)) rate_add(l, which, packed, 0, setting);
        else if (!i) printf("  cjpeg and djpeg with %s are not installed (libjpeg-turbo-progs has them): no %s\n", how, l->c[which].name);
        free(jpeg), free(back);
        if (!back) break;
    }
    free(pgm);
}

/* ==== Curves ====================================================================================================== */

/* Bits a pixel for this quality: between the best points on both sides of it; NaN where a curve does not reach. */
static inline double rate_at(const rate_curve *c, double psnr, int with_model)
{
    double low = -1, low_bits = 0, high = INFINITY, high_bits = INFINITY;
    for (int i = 0; i < c->n; i++) {                                           /* the cheapest point that is at least so good */
        double bits = with_model ? c->p[i].with_model : c->p[i].bits;
        if (c->p[i].psnr >= psnr && bits < high_bits) high = c->p[i].psnr, high_bits = bits;
    }
    for (int i = 0; i < c->n; i++) {                                           /* the best of those that are cheaper */
        double bits = with_model ? c->p[i].with_model : c->p[i].bits;
        if (bits < high_bits && c->p[i].psnr > low) low = c->p[i].psnr, low_bits = bits;
    }
    if (isinf(high_bits) || low < 0) return NAN;
    if (isinf(high)) return high_bits;                                         /* a perfect copy: nothing lies between */
    return low_bits + (high_bits - low_bits) * (psnr - low) / (high - low);
}

/* After how many images are the network's weights paid for by what it saves against another way? */
static inline void rate_paid(rate_board *l, int which, int psnr)
{
    const rate_curve *c = &l->c[which], *net = &l->c[NETWORK];
    double saved = rate_at(c, psnr, 0) - rate_at(net, psnr, 0);
    double weights = rate_at(net, psnr, 1) - rate_at(net, psnr, 0) - (rate_at(c, psnr, 1) - rate_at(c, psnr, 0));
    char key[60];
    if (isnan(saved) || isnan(weights)) return;
    snprintf(key, sizeof key, "paid_%s_%ddb", c->key, psnr);
    if (saved > 0) printf("at %d dB the network's weights are paid for, against %s, after %.0f images\n", psnr, c->name, weights / saved * l->run->test.n);
    else           printf("at %d dB the network saves nothing against %s\n", psnr, c->name);
    if (saved > 0) kit_fact(l->run, key, weights / saved * l->run->test.n);
}

/* The price of a quality, for each way: what a sensible person asks. */
static inline void rate_table(rate_board *l)
{
    static const int wanted[] = { 14, 16, 18, 20, 22, 25, 30, 35 };
    char key[60];
    printf("bits a pixel for a quality of");
    for (int i = 0; i < 8; i++) printf("%6d dB", wanted[i]);
    for (int row = 0; row < CURVES + 2; row++) {
        int model = row == 1 || row == 3, which = row < 2 ? NETWORK : row < 4 ? PCA : row - 2;
        if (!l->c[which].n) continue;
        printf("\n  %-27s", model ? which == NETWORK ? "  and its decoder's weights" : "  and its components" : l->c[which].name);
        for (int i = 0; i < 8; i++) {
            double bits = rate_at(&l->c[which], wanted[i], model);
            if (isnan(bits)) printf("%9s", "-");
            else             printf("%9.3f", bits);
            snprintf(key, sizeof key, "%s%s_%ddb", l->c[which].key, model ? "_model" : "", wanted[i]);
            if (!isnan(bits)) kit_fact(l->run, key, bits);
        }
    }
    printf("\n");
    rate_paid(l, PCA, 18), rate_paid(l, JPEG, 18);
}

/* The curves over a common axis of quality, without and with the models. */
static inline void rate_draw(rate_board *l)
{
    enum { ROWS = 66 };
    double plain[ROWS * (CURVES + 1)], with[ROWS * 5];
    char header[200] = "PSNR";
    for (int r = 0; r < ROWS; r++) {
        double psnr = plain[r * (CURVES + 1)] = with[5 * r] = 9 + 0.5 * r;
        for (int c = 0; c < CURVES; c++) plain[r * (CURVES + 1) + 1 + c] = rate_at(&l->c[c], psnr, 0);
        for (int c = 0; c < 2; c++) with[5 * r + 1 + c] = rate_at(&l->c[c], psnr, 1);
        with[5 * r + 3] = rate_at(&l->c[JPEG], psnr, 0), with[5 * r + 4] = rate_at(&l->c[DEFLATE], psnr, 0);
    }
    for (int c = 0; c < CURVES; c++) strcat(strcat(header, "\t"), l->c[c].name);
    kit_lines(l->run, "rate_distortion", "what a quality costs: lower is better", "quality: PSNR (dB)\tbits a pixel", "yb", header, plain, ROWS, CURVES + 1);
    kit_lines(l->run, "with_model", "the same with the weights that the reader needs", "quality: PSNR (dB)\tbits a pixel", "yb",
              "PSNR\tnetwork and decoder\tPCA and components\tJPEG\tDEFLATE", with, ROWS, 5);
}

/* One digit of each kind as each way shows it at about the same rate. */
static inline void rate_digits(rate_board *l)
{
    float grid[(CURVES + 1) * TEN * PIXELS];
    char side[200] = "original";
    int rows = 1;
    for (int i = 0; i < TEN; i++) memcpy(grid + i * PIXELS, l->image + (size_t)l->ten[i] * PIXELS, PIXELS * sizeof(float));
    for (int c = 0; c <= JPEG; c++) {
        if (!l->c[c].n || c == CODER) continue;
        memcpy(grid + rows++ * TEN * PIXELS, l->c[c].shown, sizeof l->c[c].shown);
        snprintf(side + strlen(side), sizeof side - strlen(side), " %s:%.3f", l->c[c].key, l->c[c].shown_bits);
    }
    kit_grid(l->run, "digits", "the best for at most 0.1 bits a pixel", grid, rows * TEN, TEN, 0, "0 1 2 3 4 5 6 7 8 9", side);
}

#endif /* RATE_H */
