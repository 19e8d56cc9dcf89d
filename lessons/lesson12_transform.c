/* lesson12_transform.c - an image goes in, another one comes out: sharper, or in colour

   An autoencoder answers with its input.  Nothing in it insists on that: train the same layers with another target, and they
   learn to transform.  Here one network enlarges digits of 7 x 7 pixels to 28 x 28, a second one those of 14 x 14, and a third one
   colours grey digits by a rule that it is never told.  Interpolation, which learns nothing, is hard to beat with so little.

       make lesson12 && ./lesson12 --quick          or:  cc -O2 lessons/lesson12_transform.c -lm -lpthread
       ./lesson12 --up nearest                      another layer that enlarges: bilinear, nearest or transposed

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
#include "metrics.h"

enum { SIDE = 28, PIXELS = 784, TASKS = 3, SHOWN = 10, NEIGHBOURS = 3000, ASKED = 1000 };
typedef struct task { const char *name; int side; ae_net *net; ae_opt *adam; ae_loader *batches; double loss; } task;   /* side 0: colouring */

/* The hidden rule: a digit's colour, red, green and blue.  The networks see coloured digits, never this table. */
static const float rule[10][3] = { { 1, .2f, .2f }, { 1, .6f, .1f }, { .9f, .9f, .2f }, { .4f, .9f, .2f }, { .1f, .7f, .4f },
                                   { .2f, .9f, .9f }, { .2f, .5f, 1 }, { .4f, .2f, 1 }, { .8f, .3f, 1 }, { 1, .4f, .7f } };

/* ==== MODEL ======================================================================================================= */

static void enlarge(ae_net *net, int by, const char *up, int channels)
{
    if (up[0] == 't') ae_nn_conv_transpose2d(net, channels, channels, by, by, 0, 0);   // nn.ConvTranspose2d(c, c, by, stride=by)
    else              ae_nn_upsample(net, by, up[0] == 'b');                           // nn.Upsample(scale_factor=by, mode="bilinear")
}

/* What bilinear interpolation lacks is all that this network has to add. */
static ae_net *sharpener(ae_ctx *ae, int side, const char *up)
{
    ae_net *net = ae_net_new(ae), *body = ae_sequential(net, "body");
    ae_nn_conv2d(body, 1, 24, 3, 1, 1);   ae_nn_relu(body);                 // nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(),
    ae_nn_conv2d(body, 24, 24, 3, 1, 1);  ae_nn_relu(body);                 // nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(),
    enlarge(body, SIDE / side, up, 24);
    ae_nn_conv2d(body, 24, 8, 3, 1, 1);   ae_nn_relu(body);                 // nn.Conv2d(24, 8, 3, padding=1), nn.ReLU(),
    ae_nn_conv2d(body, 8, 1, 3, 1, 1);                                      // nn.Conv2d(8, 1, 3, padding=1)
    ae_name(ae_nn_upsample(net, SIDE / side, 1), "bilinear");
    return net;
}

/* Down to one pixel that sees the whole digit, and up again to three colours. */
static ae_net *painter(ae_ctx *ae, const char *up)
{
    ae_net *net = ae_net_new(ae), *body = ae_sequential(net, "body");
    ae_nn_conv2d(body, 1, 16, 3, 2, 1);   ae_nn_relu(body);                 // down: 28 -> 14
    ae_nn_conv2d(body, 16, 32, 3, 2, 1);  ae_nn_relu(body);                 //       14 -> 7
    ae_nn_conv2d(body, 32, 32, 7, 1, 0);  ae_nn_relu(body);                 //        7 -> 1
    ae_nn_dropout(body, 0.1f);                                              // nn.Dropout(0.1)
    ae_nn_conv_transpose2d(body, 32, 8, 7, 1, 0, 0);  ae_nn_relu(body);     // up:    1 -> 7
    enlarge(body, 4, up, 8);                                                //        7 -> 28
    ae_nn_conv2d(body, 8, 3, 3, 1, 1);    ae_nn_sigmoid(body);
    return net;
}

/* The enlarged or coloured image. */
static ae_tensor transform(const task *t, ae_tensor input)
{
    ae_tensor y = ae_forward(ae_child(t->net, "body"), input);
    if (t->side) return ae_add(y, ae_forward(ae_child(t->net, "bilinear"), input));   // self.body(x) + F.interpolate(x, ...)
    return ae_mul(y, input);                                                // self.body(x) * x: black stays black
}

/* ==== DATA ======================================================================================================== */

/* Each pixel of the small image is the mean of a square of the large one [B,1,28,28]. */
static ae_tensor shrink(ae_tensor x, int side)
{
    int n = ae_size(x, 0), by = SIDE / side;
    x = ae_view(x, n * side, by, side, by);
    return ae_view(ae_reduce(ae_reduce(x, 3, AE_MEAN), 1, AE_MEAN), n, 1, side, side);   // F.avg_pool2d(x, by)
}

static ae_tensor colour(ae_tensor x, ae_tensor label)
{
    ae_tensor rgb = ae_matmul(ae_one_hot(label, 10), ae_from(x.ctx, rule[0], 10, 3, 0, 0));   // rule[label]
    return ae_mul(ae_view(rgb, -1, 3, 1, 1), x);
}

/* From a batch: what goes in, and what should come out. */
static ae_tensor input_of(const task *t, ae_tensor x) { return t->side ? shrink(x, t->side) : x; }
static ae_tensor target_of(const task *t, ae_tensor x, ae_tensor label) { return t->side ? x : colour(x, label); }

/* ==== TRAIN ======================================================================================================= */

static double test_loss(kit *run, const task *t, ae_loader *test)
{
    double sum = 0;
    int before = ae_grad_enabled(run->ae, 0);                               // with torch.no_grad():
    ae_tensor x, label;
    ae_train(t->net, 0);                                                    // net.eval()
    while (ae_next_batch(test, &x, &label)) sum += (double)ae_item(ae_mse_loss(transform(t, input_of(t, x)), target_of(t, x, label), AE_SUM));
    ae_train(t->net, 1);                                                    // net.train()
    ae_grad_enabled(run->ae, before);
    return sum / ((double)run->test.n * PIXELS * (t->side ? 1 : 3));
}

static void train(kit *run, task *t, ae_loader *test)
{
    ae_tensor x, label;
    while (kit_epoch(run, t->batches)) {                                            // for epoch in range(epochs):
        while (kit_batch(run) && ae_next_batch(t->batches, &x, &label)) {           //     for x, label in loader:
            ae_tensor out = transform(t, input_of(t, x));                           //         out = net(shrink(x))
            ae_tensor loss = ae_mse_loss(out, target_of(t, x, label), AE_MEAN);     //         loss = F.mse_loss(out, x)
            ae_zero_grad(t->adam);                                                  //         optimizer.zero_grad()
            ae_backward(loss);                                                      //         loss.backward()
            ae_step(t->adam);                                                       //         optimizer.step()
            ae_accumulate(run->running, loss);
        }
        kit_epoch_end(run, test_loss(run, t, test));
    }
}

/* ==== LOOK ======================================================================================================== */

/* The four pixels around a place, weighted by Keys's cubic with a = -1/2 (1981); outside, the border's pixel goes on. */
static float cubic(float x)
{
    x = fabsf(x);
    return x < 1 ? (1.5f * x - 2.5f) * x * x + 1 : x < 2 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : 0;
}
static void bicubic(const float *small, int side, float *out)
{
    for (int i = 0; i < PIXELS; i++) {
        float y = ((float)(i / SIDE) + 0.5f) * (float)side / SIDE - 0.5f, x = ((float)(i % SIDE) + 0.5f) * (float)side / SIDE - 0.5f;
        out[i] = 0;
        for (int a = -1; a < 3; a++) for (int b = -1; b < 3; b++) {
            int r = (int)floorf(y) + a, c = (int)floorf(x) + b, row = r < 0 ? 0 : r < side ? r : side - 1, col = c < 0 ? 0 : c < side ? c : side - 1;
            out[i] += cubic(y - (float)r) * cubic(x - (float)c) * small[row * side + col];
        }
    }
}

/* Means over images, values cut to what a screen can show: PSNR and SSIM against the true image. */
static void judge(kit *run, const task *t, const char *who, float *image, const float *clean, int n)
{
    double psnr = 0, ssim = 0;
    char key[40];
    for (int i = 0; i < n * PIXELS; i++) image[i] = fminf(fmaxf(image[i], 0), 1);
    for (int i = 0; i < n; i++) {
        psnr += metrics_psnr(image + i * PIXELS, clean + i * PIXELS, PIXELS) / n;
        ssim += metrics_ssim(image + i * PIXELS, clean + i * PIXELS, SIDE, SIDE) / n;
    }
    printf("  %-2s  %-10s  %6.2f dB  SSIM %.4f\n", t->name, who, psnr, ssim);
    snprintf(key, sizeof key, "%s_%s_psnr", t->name, who);
    kit_fact(run, key, psnr);
    snprintf(key, sizeof key, "%s_%s_ssim", t->name, who);
    kit_fact(run, key, ssim);
}

/* One enlarging network beside the two interpolations, on the first test images. */
static void look_at_sharpness(kit *run, const task *t, const float *clean)
{
    int n = run->test.n < ASKED ? run->test.n : ASKED, small = t->side * t->side;
    float *drawn[3], *grid = kit_floats(run, 5 * SHOWN, PIXELS);            /* bilinear, bicubic, network */
    for (int k = 0; k < 3; k++) drawn[k] = kit_floats(run, n, PIXELS);
    ae_tensor in = ae_keep(shrink(ae_from(run->ae, clean, n, 1, SIDE, SIDE), t->side));
    for (int i = 0; i < n; i += 100) {
        int some = n - i < 100 ? n - i : 100;
        size_t mark = ae_begin(run->ae), bytes = (size_t)(some * PIXELS) * sizeof(float);
        ae_tensor part = ae_slice(in, 0, i, i + some);
        memcpy(drawn[0] + i * PIXELS, ae_data(ae_forward(ae_child(t->net, "bilinear"), part)), bytes);
        memcpy(drawn[2] + i * PIXELS, ae_data(transform(t, part)), bytes);
        for (int k = i; k < i + some; k++) bicubic(ae_data(in) + k * small, t->side, drawn[1] + k * PIXELS);
        ae_end(run->ae, mark);
    }
    for (int k = 0; k < 3; k++) judge(run, t, k == 0 ? "bilinear" : k == 1 ? "bicubic" : "network", drawn[k], clean, n);
    for (int i = 0; i < SHOWN * PIXELS; i++) {
        int which = i / PIXELS, y = i % PIXELS / SIDE * t->side / SIDE, x = i % SIDE * t->side / SIDE;
        grid[i] = ae_data(in)[which * small + y * t->side + x];
        for (int k = 0; k < 3; k++) grid[(k + 1) * SHOWN * PIXELS + i] = drawn[k][i];
        grid[4 * SHOWN * PIXELS + i] = clean[i];
    }
    kit_grid(run, t->name, t->side == 7 ? "from 7 x 7 pixels to 28 x 28" : "from 14 x 14 pixels to 28 x 28", grid, 5 * SHOWN, SHOWN, 0, "-", "pixels bilinear bicubic network true");
    for (int k = 0; k < 3; k++) free(drawn[k]);
    free(grid);
}

/* The label of the nearest of the first training images: what somebody would do who has no network. */
static int nearest_label(const kit *run, const float *image)
{
    int best = 0, most = run->train.n < NEIGHBOURS ? run->train.n : NEIGHBOURS;
    float least = INFINITY;
    for (int k = 0; k < most; k++) {
        float sum = 0;
        for (int j = 0; j < PIXELS && sum < least; j++) sum += (image[j] * 255 - run->train.images[k * PIXELS + j]) * (image[j] * 255 - run->train.images[k * PIXELS + j]);
        if (sum < least) least = sum, best = k;
    }
    return run->train.labels[best];
}

/* Squared error over red, green and blue, and how many digits got the colour of their own class, by three ways to choose a
   colour: the network, the nearest training image, the mean colour of the rule for all. */
static void look_at_colour(kit *run, const task *t, const float *image)
{
    static const char *const who[3] = { "network", "nearest", "mean" };
    int n = run->test.n < ASKED ? run->test.n : ASKED, right[3] = { 0 };
    double error[3] = { 0 }, average[3] = { 0 };
    uint8_t *grid = (uint8_t *)kit_room(run, 3 * SHOWN * PIXELS * 3);       /* grey, network, true */
    char key[40];
    for (int k = 0; k < 30; k++) average[k % 3] += (double)rule[k / 3][k % 3] / 10;
    for (int i = 0; i < n; i++) {
        size_t mark = ae_begin(run->ae);
        const float *grey = image + i * PIXELS, *drawn = ae_data(transform(t, ae_from(run->ae, grey, 1, 1, SIDE, SIDE)));
        int digit = run->test.labels[i], near = nearest_label(run, grey);
        double ink = 1e-9, got[3][3] = { { 0 } };
        for (int j = 0; j < PIXELS; j++) ink += (double)grey[j];
        for (int c = 0; c < 3; c++) got[1][c] = (double)rule[near][c], got[2][c] = average[c];
        for (int j = 0; j < 3 * PIXELS; j++) {
            int c = j / PIXELS, p = j % PIXELS;
            double want = (double)(rule[digit][c] * grey[p]);
            got[0][c] += (double)drawn[j] / ink;
            for (int w = 0; w < 3; w++) error[w] += pow(w ? got[w][c] * (double)grey[p] - want : (double)drawn[j] - want, 2) / (3.0 * PIXELS * n);
            const float shown[3] = { grey[p], drawn[j], (float)want };
            for (int w = 0; w < 3 && i < SHOWN; w++) grid[((w * SHOWN + i) * PIXELS + p) * 3 + c] = kit_byte(shown[w]);
        }
        for (int w = 0; w < 3; w++) {                                       /* whose colour is nearest to the one that was got? */
            int best = 0;
            double least = INFINITY;
            for (int d = 0; d < 10; d++) {
                double away = pow(got[w][0] - (double)rule[d][0], 2) + pow(got[w][1] - (double)rule[d][1], 2) + pow(got[w][2] - (double)rule[d][2], 2);
                if (away < least) least = away, best = d;
            }
            right[w] += best == digit;
        }
        ae_end(run->ae, mark);
    }
    for (int w = 0; w < 3; w++) {
        printf("  colour  %-8s  squared error %.6f, %5.1f %% in the right colour\n", who[w], error[w], 100.0 * right[w] / n);
        snprintf(key, sizeof key, "colour_%s_error", who[w]);
        kit_fact(run, key, error[w]);
        snprintf(key, sizeof key, "colour_%s_right", who[w]);
        kit_fact(run, key, 100.0 * right[w] / n);
    }
    kit_write(run, "colour.u8", grid, 3 * SHOWN * PIXELS * 3);
    kit_plot(run, "grid", "colour.u8", "colour", "grey digits, coloured by the network, and by the hidden rule", "30\t10\t0\t-\tgrey network true\t3");
    free(grid);
}

int main(int argc, char **argv)
{
    const char *which = "all", *up = "bilinear";
    const kit_option options[] = {
        { "net", KIT_NAME, &which, 0, 0, "x4 (from 7 x 7), x2 (from 14 x 14), colour, or all" },
        { "up",  KIT_NAME, &up,    0, 0, "the layer that enlarges: bilinear, nearest or transposed" }, {0} };
    kit run = { .lesson = "lesson12", .about = "an image goes in, another one comes out", .files = "loss, x4, x2, colour: .png with their .tsv or .u8",
                .in_quick = { 2, 32, 3e-3 }, .usual = { 4, 64, 2e-3 }, .in_full = { 8, 64, 2e-3 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);                      // torch.manual_seed(0)
    task all[TASKS] = { { .name = "x4", .side = 7 }, { .name = "x2", .side = 14 }, { .name = "colour" } }, *t = all;
    int tasks = TASKS;
    for (int k = 0; k < TASKS; k++) if (!strcmp(which, all[k].name)) t = all + k, tasks = 1;
    if (tasks > 1 && strcmp(which, "all")) kit_die(&run, 2, "--net %s: x4, x2, colour or all is wanted", which);
    if (strcmp(up, "bilinear") && strcmp(up, "nearest") && strcmp(up, "transposed")) kit_die(&run, 2, "--up %s: bilinear, nearest or transposed is wanted", up);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 3000 : run.full ? 30000 : 10000);   // datasets.MNIST(...)
    if (run.quick && run.test.n > 2000) run.test.n = 2000;
    ae_loader *test = kit_loader(&run, &run.test, 0);
    float *image = kit_images(&run, &run.test);

    /* ---- MODEL ---- */
    for (int k = 0; k < TASKS; k++) {                                       /* always all: each begins with the same weights, trained alone or not */
        all[k].batches = kit_loader(&run, &run.train, 1);
        all[k].net = all[k].side ? sharpener(ae, all[k].side, up) : painter(ae, up);
        all[k].adam = ae_adam(all[k].net, (float)run.lr);                   // optimizer = torch.optim.Adam(net.parameters(), lr)
    }
    run.net = tasks == 1 ? t->name : NULL;
    kit_restore(&run, tasks == 1 ? t->net : NULL);

    /* ---- TRAIN ---- */
    for (int k = 0; k < tasks; k++) {
        kit_net(&run, t[k].name);
        kit_summary(&run, t[k].net);                                        // print(net)
        train(&run, &t[k], test);
        t[k].loss = run.test_loss = test_loss(&run, &t[k], test);
        kit_save(&run, t[k].net);                                           // torch.save(net.state_dict(), ...)
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    for (int k = 0; k < tasks; k++) {
        int before = ae_grad_enabled(ae, 0);
        ae_train(t[k].net, 0);                                              // net.eval()
        if (t[k].side) look_at_sharpness(&run, &t[k], image);
        else           look_at_colour(&run, &t[k], image);
        ae_grad_enabled(ae, before);
    }
    free(image);
    if (tasks == 1) return kit_finish(&run, "test loss %s %.6f", t->name, t->loss);
    return kit_finish(&run, "test loss x4 %.6f, x2 %.6f, colour %.6f", t[0].loss, t[1].loss, t[2].loss);
}
