/* lesson08_denoising.c - a network that has seen enough noise to take it away

   An autoencoder with a wide code could simply copy its input.  So damage the input, with new noise in every step, and ask
   for the clean image: now copying is no way out.  Three kinds of noise, a network for each, and one that never saw any.
   What would others have done?  A median filter, and PCA.  All are measured against the clean image.

       make lesson08 && ./lesson08 --quick          or:  cc -O2 lessons/lesson08_denoising.c -lm -lpthread
       ./lesson08 --noise gaussian --sigma 0.3      one kind of noise, and how much of it

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
#include "kit_quality.h"

enum { PIXELS = 784, FEW = 1000, WIDEST = 128 };                   /* FEW: images that settings are chosen on; WIDEST: PCA's most numbers */
enum { GAUSSIAN, SALT, MASK, NONE, KINDS };                        /* of noise; the network of NONE never saw any */
enum { NOISY, CLIPPED, MEAN, MEDIAN, PCA, OURS, UNSEEN, WAYS };    /* of getting rid of it; UNSEEN is the network of NONE */

static const char *const kinds[KINDS] = { "gaussian", "salt", "mask", "none" };
static const char *const ways[WAYS] = { "noisy", "clipped", "mean", "median", "pca", "ours", "unseen" };

typedef struct lab {
    kit *run;
    double amount[KINDS];                                          /* sigma, or the share of pixels that are hit */
    int trained[KINDS], setting[KINDS][WAYS];                      /* the width of a median filter, how many numbers for PCA */
    ae_net *model[KINDS];
    ae_opt *adam[KINDS];
    pca_model linear;
    float *clean, *normal, *noisy, *drawn;                         /* the test images, then FEW of training; normal: drawn once from N(0,1) */
    double score[KINDS][WAYS][2];                                  /* means over the test images of PSNR and SSIM */
} lab;

/* ==== DATA ======================================================================================================== */

/* How one pixel is damaged, given a number from N(0,1).  far: sigma, or beyond which number a pixel is hit. */
static float damage(int kind, float far, float pixel, float normal)
{
    if (kind == GAUSSIAN) return pixel + far * normal;
    if (kind == SALT)     return normal < -far ? 0 : normal > far ? 1 : pixel;
    if (kind == MASK)     return normal < -far ? 0 : pixel;
    return pixel;
}

/* Half of what salt and pepper hits lies beyond each end of the bell curve; what a mask hits, beyond one. */
static float how_far(int kind, double amount)
{
    double low = -8, high = 8, share = kind == SALT ? amount / 2 : amount;
    for (int i = 0; i < 60; i++)
        if (erfc((low + high) / 2 / sqrt(2)) / 2 > share) low = (low + high) / 2;
        else high = (low + high) / 2;
    return (float)(kind == SALT || kind == MASK ? low : amount);
}

/* The same as an operation of our own: a row with a shape rule, and no backward, since nothing before it learns. */
static const char *noise_shape(ae_call *c)
{
    memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim), c->out.ndim = c->in[0].ndim;
    return NULL;
}

static void noise_forward(ae_call *c)
{
    int n = c->out.dim[0] * PIXELS, kind = (int)c->arg[0];
    for (int i = 0; i < n; i++) c->out.data[i] = damage(kind, c->arg[1], c->in[0].data[i], c->in[1].data[i]);
}

static const ae_op noise = { "noise", 2, noise_shape, noise_forward, NULL, 0 };

static ae_tensor add_noise(int kind, float far, ae_tensor x)
{
    return ae_apply(&noise, (ae_tensor[]){ x, ae_randn_like(x) }, (float[]){ (float)kind, far }, 2);
}

/* Images first .. first + n - 1 with this noise, to l->noisy: the same in every run of a seed. */
static void make_noisy(lab *l, int kind, double amount, int first, int n)
{
    float far = how_far(kind, amount);
    for (int i = 0; i < n * PIXELS; i++) l->noisy[i] = damage(kind, far, l->clean[first * PIXELS + i], l->normal[first * PIXELS + i]);
}

/* ==== MODEL ======================================================================================================= */

/* 1x28x28 - 16x14x14 - 16x7x7 and back.  The code has as many numbers as the image: nothing forces it to leave anything out. */
static ae_net *autoencoder(ae_ctx *ae, int channels)
{
    ae_net *net = ae_net_new(ae);
    ae_net *encoder = ae_sequential(net, "encoder");                        // self.encoder = nn.Sequential(
    ae_nn_conv2d(encoder, 1, channels, 3, 2, 1);                            //   nn.Conv2d(1, 16, 3, stride=2, padding=1),
    ae_nn_relu(encoder);                                                    //   nn.ReLU(),
    ae_nn_conv2d(encoder, channels, channels, 3, 2, 1);                     //   nn.Conv2d(16, 16, 3, stride=2, padding=1),
    ae_nn_relu(encoder);                                                    //   nn.ReLU())
    ae_net *decoder = ae_sequential(net, "decoder");                        // self.decoder = nn.Sequential(
    ae_nn_conv_transpose2d(decoder, channels, channels, 3, 2, 1, 1);        //   nn.ConvTranspose2d(16, 16, 3, 2, 1, 1),
    ae_nn_relu(decoder);                                                    //   nn.ReLU(),
    ae_nn_conv_transpose2d(decoder, channels, 1, 3, 2, 1, 1);               //   nn.ConvTranspose2d(16, 1, 3, 2, 1, 1),
    ae_nn_sigmoid(decoder);                                                 //   nn.Sigmoid())
    return net;
}

/* ==== TRAIN ======================================================================================================= */

/* The loss on noisy test images, always against the clean ones. */
static double test_loss(lab *l, int kind)
{
    double sum = 0, n = l->run->test.n;
    make_noisy(l, kind, l->amount[kind], 0, l->run->test.n);
    l->run->test_seconds = n / kit_apply(l->run->ae, l->model[kind], l->noisy, l->run->test.n, 1, 28, 28, 256, l->drawn);
    for (int i = 0; i < n * PIXELS; i++) sum += (l->drawn[i] - l->clean[i]) * (l->drawn[i] - l->clean[i]);
    return sum / n / PIXELS;
}

static void train(lab *l, int kind, ae_loader *batches)
{
    kit *run = l->run;
    float far = how_far(kind, l->amount[kind]);
    ae_tensor clean;
    while (kit_epoch(run, batches)) {                                           // for epoch in range(epochs):
        while (kit_batch(run) && ae_next_batch(batches, &clean, NULL)) {        //     for clean, _ in loader:
            ae_tensor noisy = add_noise(kind, far, clean);                      //         noisy = clean + 0.5 * torch.randn_like(clean)
            ae_tensor drawn = ae_forward(l->model[kind], noisy);                //         drawn = model(noisy)
            ae_tensor loss = ae_mse_loss(drawn, clean, AE_MEAN);                //         loss = F.mse_loss(drawn, clean)
            ae_zero_grad(l->adam[kind]);                                        //         optimizer.zero_grad()
            ae_backward(loss);                                                  //         loss.backward()
            ae_step(l->adam[kind]);                                             //         optimizer.step()
            ae_accumulate(run->running, loss);
        }
        kit_epoch_end(run, test_loss(l, kind));
    }
}

/* ==== LOOK ======================================================================================================== */

/* l->noisy[n] to l->drawn[n], one way or another.  What leaves the range of an image is clipped, but for NOISY. */
static void clean_up(lab *l, int way, int setting, ae_net *model, int n)
{
    pca_rows rows = pca_rows_f32(l->noisy);
    memcpy(l->drawn, l->noisy, (size_t)n * PIXELS * sizeof(float));
    if (way == MEDIAN) kit_median(l->run, l->noisy, n, setting, l->drawn);
    else if (way == MEAN || way == PCA) kit_pca_draw(l->run, &l->linear, &rows, n, way == PCA ? setting : 0, l->drawn);
    else if (way >= OURS) kit_apply(l->run->ae, model, l->noisy, n, 1, 28, 28, 256, l->drawn);
    for (int i = 0; i < n * PIXELS && way != NOISY; i++) l->drawn[i] = fminf(fmaxf(l->drawn[i], 0), 1);
}

/* The rivals have one setting each.  It is chosen where the network learnt: on noisy training images whose truth is known. */
static void choose_settings(lab *l, int kind)
{
    int first = l->run->test.n;
    double best[WAYS] = { 0 }, mean[2];
    char name[64];
    make_noisy(l, kind, l->amount[kind], first, FEW);
    for (int i = 0; i < 8; i++) {
        int way = i < 3 ? MEDIAN : PCA, setting = i < 3 ? 3 + 2 * i : 8 << (i - 3);
        clean_up(l, way, setting, NULL, FEW);
        kit_quality(l->run, l->drawn, l->clean + first * PIXELS, FEW, mean);
        if (mean[0] > best[way]) best[way] = mean[0], l->setting[kind][way] = setting;
    }
    printf("%s noise of %g: chosen on %d training images: a median filter of %d x %d, PCA with %d numbers\n", kinds[kind], l->amount[kind],
           FEW, l->setting[kind][MEDIAN], l->setting[kind][MEDIAN], l->setting[kind][PCA]);
    snprintf(name, sizeof name, "%s_median_width", kinds[kind]), kit_fact(l->run, name, l->setting[kind][MEDIAN]);
    snprintf(name, sizeof name, "%s_pca_numbers", kinds[kind]), kit_fact(l->run, name, l->setting[kind][PCA]);
}

/* All ways with one kind of noise: a table, the facts, and the picture of ten digits. */
static void compare(lab *l, int kind)
{
    kit *run = l->run;
    float grid[5][10][PIXELS];
    int n = run->test.n, row = 1;
    char name[64], title[120];
    choose_settings(l, kind);
    make_noisy(l, kind, l->amount[kind], 0, n);
    for (int way = 0; way < WAYS; way++) {
        double *mean = l->score[kind][way];
        if (way == UNSEEN && !l->trained[NONE]) continue;
        clean_up(l, way, l->setting[kind][way], l->model[way == UNSEEN ? NONE : kind], n);
        kit_quality(l->run, l->drawn, l->clean, n, mean);
        printf("  %-10s PSNR %6.2f dB   SSIM %.4f\n", ways[way], mean[0], mean[1]);
        for (int m = 0; m < 2; m++) snprintf(name, sizeof name, "%s_%s_%s", kinds[kind], ways[way], m ? "ssim" : "psnr"), kit_fact(run, name, mean[m]);
        if (way == CLIPPED || way == MEAN || way == UNSEEN) continue;
        for (int i = n - 1; i >= 0; i--) memcpy(grid[row][run->test.labels[i]], l->drawn + i * PIXELS, sizeof grid[0][0]);
        for (int i = n - 1; i >= 0; i--) memcpy(grid[0][run->test.labels[i]], l->clean + i * PIXELS, sizeof grid[0][0]);
        row++;
    }
    snprintf(title, sizeof title, "%s noise of %g, and four ways to live with it", kinds[kind], l->amount[kind]);
    kit_grid(run, kinds[kind], title, grid[0][0], 50, 10, 0, "0 1 2 3 4 5 6 7 8 9", "clean noisy median PCA network");
}

/* Each network on each kind of noise, and on images without any: who has learnt what? */
static void cross(lab *l)
{
    char name[64];
    printf("PSNR in dB of each network (rows) on each noise (columns), first %d test images\n              gaussian      salt      mask      none", FEW);
    for (int net = 0; net < KINDS; net++) {
        if (!l->trained[net]) continue;
        printf("\n  %-10s", kinds[net]);
        for (int kind = 0; kind < KINDS; kind++) {
            double mean[2];
            make_noisy(l, kind, l->amount[kind], 0, FEW);
            clean_up(l, OURS, 0, l->model[net], FEW);
            kit_quality(l->run, l->drawn, l->clean, FEW, mean);
            printf("%10.2f", mean[0]);
            snprintf(name, sizeof name, "%s_on_%s_psnr", kinds[net], kinds[kind]);
            kit_fact(l->run, name, mean[0]);
        }
    }
    printf("\n");
}

/* More noise, and less, than the network learnt with. */
static void look_at_levels(lab *l)
{
    enum { LEVELS = 12, LINES = 4 };
    static const double sigma[LEVELS] = { 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1 };
    static const int way[LINES] = { CLIPPED, MEDIAN, PCA, OURS };
    double rows[LEVELS][LINES + 1], mean[2];
    char name[64];
    for (int i = 0; i < LEVELS; i++) {
        make_noisy(l, GAUSSIAN, rows[i][0] = sigma[i], 0, FEW);
        for (int k = 0; k < LINES; k++) {
            clean_up(l, way[k], l->setting[GAUSSIAN][way[k]], l->model[GAUSSIAN], FEW);
            kit_quality(l->run, l->drawn, l->clean, FEW, mean);
            rows[i][k + 1] = mean[0];
            snprintf(name, sizeof name, "level%.0f_%s_psnr", 100 * sigma[i], ways[way[k]]);
            if (i == 0 || i == 1 || i == 3 || i == LEVELS - 1) kit_fact(l->run, name, mean[0]);
        }
    }
    snprintf(name, sizeof name, "other noise than the network learnt with (%g)", l->amount[GAUSSIAN]);
    kit_lines(l->run, "levels", name, "sigma of the Gaussian noise\tPSNR (dB)", "-", "sigma\tnoisy, clipped\tmedian filter\tPCA\tnetwork",
              rows[0], LEVELS, LINES + 1);
}

int main(int argc, char **argv)
{
    const char *kind = "all";
    int channels = 16, nets = 0, one = 0;
    lab l = { .amount = { 0.5, 0.25, 0.5, 0 } };
    const kit_option options[] = {
        { "noise",    KIT_NAME, &kind,               0, 0, "gaussian, salt, mask, none or all" },
        { "channels", KIT_INT,  &channels,           1, 512, "of each layer: the code has 49 times as many numbers" },
        { "sigma",    KIT_REAL, &l.amount[GAUSSIAN], 0, 10, "standard deviation of the Gaussian noise" },
        { "salt",     KIT_REAL, &l.amount[SALT],     0, 1, "share of pixels made black or white" },
        { "mask",     KIT_REAL, &l.amount[MASK],     0, 1, "share of pixels made black" }, {0} };
    kit run = { .lesson = "lesson08", .about = "a network that has seen enough noise to take it away",
                .files = "loss, gaussian, salt, mask, levels: .png with .u8 or .tsv; the models are model_gaussian and so on",
                .in_quick = { 3, 32, 5e-4 }, .usual = { 4, 64, 5e-4 }, .in_full = { 10, 64, 5e-4 } };
    ae_ctx *ae = kit_start(l.run = &run, argc, argv, options);
    for (int k = 0; k < KINDS; k++)
        if ((l.trained[k] = !strcmp(kind, "all") || !strcmp(kind, kinds[k]))) nets++, one = k;
    if (!nets) kit_die(&run, 2, "--noise %s: gaussian, salt, mask, none or all is wanted", kind);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 10000 : 0);                          // datasets.MNIST(...)
    if (run.quick) run.test.n = run.test.n < 2000 ? run.test.n : 2000;
    int n = run.test.n, all = n + FEW;
    if (run.train.n < FEW) kit_die(&run, 3, "only %d training images", run.train.n);
    ae_loader *batches = kit_loader(&run, &run.train, 1);                       // DataLoader(dataset, batch_size=64, shuffle=True)
    float **arrays[4] = { &l.clean, &l.normal, &l.noisy, &l.drawn };
    for (int i = 0; i < 4; i++) *arrays[i] = kit_floats(&run, all, PIXELS);
    for (int i = 0; i < all * PIXELS; i++) l.clean[i] = (i < n * PIXELS ? run.test.images[i] : run.train.images[i - n * PIXELS]) / 255.0f;
    size_t mark = ae_begin(ae);                                                 // torch.randn(n, 784)
    memcpy(l.normal, ae_data(ae_randn(ae, all, PIXELS, 0, 0)), (size_t)all * PIXELS * sizeof(float)), ae_end(ae, mark);

    /* ---- MODEL ---- */
    for (int k = 0; k < KINDS; k++) {                                           // all begin with the same weights
        l.model[k] = autoencoder(ae, channels);
        l.adam[k] = ae_adam(l.model[k], (float)run.lr);                         // optim.Adam(model.parameters(), lr=1e-3)
        for (int i = 0; k && i < ae_params(l.model[k]); i++)
            ae_assign(ae_param_at(l.model[k], i, NULL), ae_data(ae_param_at(l.model[0], i, NULL)));
    }
    run.net = nets == 1 ? kinds[one] : NULL;
    kit_restore(&run, nets == 1 ? l.model[one] : NULL);
    kit_summary(&run, l.model[one]);                                            // print(model)

    /* ---- TRAIN ---- */
    for (int k = 0; k < KINDS; k++) {
        if (!l.trained[k]) continue;
        kit_net(&run, kinds[k]);
        train(&l, k, batches);
        run.test_loss = test_loss(&l, k);
        kit_save(&run, l.model[k]);                                             // torch.save(model.state_dict(), ...)
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    char last[240] = "";  size_t used = 0;                                     /* what the last line says */
    l.linear = kit_pca(&run, &run.train, WIDEST);
    for (int k = 0; k < NONE; k++) {
        if (!l.trained[k]) continue;
        compare(&l, k);
        used += (size_t)snprintf(last + used, sizeof last - used, "%s%s %.2f, %.2f, %.2f, %.2f", used ? "; " : "", kinds[k], l.score[k][CLIPPED][0], l.score[k][MEDIAN][0], l.score[k][PCA][0], l.score[k][OURS][0]);
    }
    cross(&l);
    if (l.trained[GAUSSIAN]) look_at_levels(&l);
    pca_free(&l.linear);
    for (int i = 0; i < 4; i++) free(*arrays[i]);
    return kit_finish(&run, "PSNR in dB of noisy (clipped), median, PCA, network: %s", used ? last : "none");
}
