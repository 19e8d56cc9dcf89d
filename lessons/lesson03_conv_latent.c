/* lesson03_conv_latent.c - what the latent space of a convolutional autoencoder looks like

   A network squeezes each digit into 64 numbers and draws it again from them.  We look at those 64 numbers: do the
   digits lie in ten heaps?  Yes.  Can new digits be made by picking numbers in a heap, or between two?  No, or not well;
   the last part of this page measures how badly.  That is what variational autoencoders (lesson06) are for.

       make lesson03 && ./lesson03 --quick          or:  cc -O2 lessons/lesson03_conv_latent.c -lm -lpthread

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
#include "tsne.h"

enum { CODE = 64, PIXELS = 784, SHOWN = 1000 };

/* ==== MODEL ======================================================================================================= */

static ae_net *autoencoder(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_net *encoder = ae_sequential(net, "encoder");         // self.encoder = nn.Sequential(
    ae_nn_conv2d(encoder, 1, 16, 3, 2, 1);                   //   nn.Conv2d(1, 16, 3, stride=2, padding=1),     16x14x14
    ae_nn_relu(encoder);                                     //   nn.ReLU(),
    ae_nn_conv2d(encoder, 16, 32, 3, 2, 1);                  //   nn.Conv2d(16, 32, 3, stride=2, padding=1),    32x7x7
    ae_nn_relu(encoder);                                     //   nn.ReLU(),
    ae_nn_conv2d(encoder, 32, 64, 7, 1, 0);                  //   nn.Conv2d(32, 64, 7),                         64x1x1
    ae_nn_relu(encoder);                                     //   nn.ReLU())            so no code is ever negative
    ae_net *decoder = ae_sequential(net, "decoder");         // self.decoder = nn.Sequential(
    ae_nn_conv_transpose2d(decoder, 64, 32, 7, 1, 0, 0);     //   nn.ConvTranspose2d(64, 32, 7),                32x7x7
    ae_nn_relu(decoder);                                     //   nn.ReLU(),
    ae_nn_conv_transpose2d(decoder, 32, 16, 3, 2, 1, 1);     //   nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
    ae_nn_relu(decoder);                                     //   nn.ReLU(),
    ae_nn_conv_transpose2d(decoder, 16, 1, 3, 2, 1, 1);      //   nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1))
    return net;                                              // no sigmoid: the output is not confined to 0 .. 1
}

/* ==== TRAIN ======================================================================================================= */

static void train(kit *run, ae_net *model, ae_opt *adam, ae_loader *batches, ae_loader *test)
{
    ae_tensor x;
    while (kit_epoch(run, batches)) {                                      // for epoch_idx in trange(epoch):
        ae_train(model, 1);                                                //     model.train()
        while (kit_batch(run) && ae_next_batch(batches, &x, NULL)) {       //     for (x, _) in train_loader:
            ae_tensor output = ae_forward(model, x);                       //         output = model(x)
            ae_tensor loss = ae_mse_loss(output, x, AE_MEAN);              //         loss = loss_fn(x, output)
            ae_accumulate(run->running, loss);                             //         running_loss += loss.item()
            ae_zero_grad(adam);                                            //         optimizer.zero_grad()
            ae_backward(loss);                                             //         loss.backward()
            ae_step(adam);                                                 //         optimizer.step()
        }
        ae_train(model, 0);                                                //     model.eval()
        kit_epoch_end(run, kit_test_loss(run, model, test, ae_mse_loss));
    }
}

/* ==== LOOK ======================================================================================================== */

/* What all the looking needs: the test images as floats, the code of each, and what is drawn from the code. */
typedef struct look {
    kit *run;
    ae_net *model;
    double noise, perplexity;                                // the options
    const uint8_t *label;
    float *image, *code, *drawn;                             // [n][784], [n][64], [shown][784]
    int n, shown;
} look;

static void decode(look *l, const float *code, int n, float *image)
{
    kit_apply(l->run->ae, ae_child(l->model, "decoder"), code, n, CODE, 1, 1, 512, image);
}

/* The network is written to a file and read into another one, which must draw the same images to the last bit. */
static void look_at_reload(look *l)
{
    ae_net *again = autoencoder(l->run->ae);                                    // model = torch.load(...)
    if (!ae_load(again, kit_path(l->run, "model.safetensors"))) kit_die(l->run, 3, "%s", ae_error(l->run->ae));
    int same = kit_same_bits(l->run, l->model, again, l->image, l->n, 512);
    printf("saved, read into a second network: its output is %s\n", same ? "the same to the bit" : "DIFFERENT");
    kit_fact(l->run, "reload_same_bits", same);
}

/* A hundred pairs from test image 200 on, as in the document, and the first image of each digit with its name. */
static void look_at_reconstructions(look *l)
{
    int from = l->n >= 300 ? 200 : 0, pairs = l->n < 100 ? l->n : 100;
    size_t size = PIXELS * sizeof(float);
    float *grid = kit_floats(l->run, 200, PIXELS), ten[20 * PIXELS] = {0};
    l->shown = l->n < SHOWN ? l->n : SHOWN, l->drawn = kit_floats(l->run, l->shown, PIXELS);
    kit_apply(l->run->ae, l->model, l->image, l->shown, 1, 28, 28, 512, l->drawn);
    for (int i = 0; i < pairs; i++) {
        memcpy(grid + 2 * i * PIXELS, l->image + (from + i) * PIXELS, size);
        memcpy(grid + (2 * i + 1) * PIXELS, l->drawn + (from + i) * PIXELS, size);
    }
    kit_grid(l->run, "pairs", "test images from 200 on, each with its reconstruction", grid, 2 * pairs, 20, 2, "-", "-");
    for (int i = l->shown - 1; i >= 0; i--) {
        memcpy(ten + l->label[i] * PIXELS, l->image + i * PIXELS, size);
        memcpy(ten + (10 + l->label[i]) * PIXELS, l->drawn + i * PIXELS, size);
    }
    kit_grid(l->run, "digits", "originals over reconstructions", ten, 20, 10, 0, "0 1 2 3 4 5 6 7 8 9", "original reconstruction");
    free(grid);
}

/* The codes, and how fast they come: one image at a time, as in the document, and 512 at a time. */
static void look_at_codes(look *l)
{
    ae_net *encoder = ae_child(l->model, "encoder");
    l->code = kit_floats(l->run, l->n, CODE);
    double single = kit_apply(l->run->ae, encoder, l->image, l->n, 1, 28, 28, 1, l->code);
    double many = kit_apply(l->run->ae, encoder, l->image, l->n, 1, 28, 28, 512, l->code);
    double zero = 0, sum = 0, least = 0, count = (double)l->n * CODE;
    for (int i = 0; i < l->n * CODE; i++) sum += l->code[i], zero += l->code[i] == 0, least = fmin(least, l->code[i]);
    printf("encoder: %.0f images/s one at a time, %.0f/s in batches of 512 (the document on its GPU, one at a time: 1,859 and 2,015)\n"
           "codes: the least number is %g, %.1f %% are zero, the others are %.2f on average\n",
           single, many, least, 100 * zero / count, sum / (count - zero));
    kit_fact(l->run, "code_zero_percent", 100 * zero / count);
    kit_fact(l->run, "code_average", sum / (count - zero));
    kit_fact(l->run, "encoder_images_per_second", many);
    kit_fact(l->run, "encoder_images_per_second_one_at_a_time", single);
}

/* A map xy[n][2] of codes [n][64]: its picture, and in numbers what the eye would judge.  The last `marks` are noisy means. */
static void show_map(look *l, const char *name, const char *title, const float *xy, const float *code, const uint8_t *label, int n, int marks)
{
    double knn = tsne_label_accuracy(l->run->ae, xy, label, n, 2, 10), trust = tsne_trustworthiness(l->run->ae, code, n, CODE, xy, 2, 10);
    printf("%s of %d points: the 10 nearest neighbours name %.2f %% of the digits, trustworthiness %.4f\n", name, n, 100 * knn, trust);
    kit_print(&l->run->facts, ",\n  \"%s_knn\": %.6f,\n  \"%s_trustworthiness\": %.6f", name, knn, name, trust);
    kit_scatter(l->run, name, title, xy, label, n, marks, "mean + noise");
    int near[10], inside = 0;
    float away[10];
    if (!marks || !tsne_nearest(l->run->ae, xy, n - marks, xy + 2 * (n - marks), marks, 2, 1, near, away)) return;
    for (int k = 0; k < marks; k++) inside += label[near[k]] == k;
    printf("  beside %d of the %d noisy means, the nearest point of the map is the same digit\n", inside, marks);
    kit_fact(l->run, "noisy_inside", inside);
}

/* t-SNE: who is near whom in 64 dimensions, in the plane. */
static void map_by_tsne(look *l, const char *name, const char *title, const float *code, const uint8_t *label, int n, int marks)
{
    tsne_options options = tsne_defaults();
    tsne_report report;
    options.perplexity = l->perplexity;
    float *xy = kit_floats(l->run, n, 2);
    int well = tsne_run(l->run->ae, code, n, CODE, &options, xy, &report);      // TSNE(n_components=2).fit_transform(...)
    if (report.note[0]) printf("%s: %s\n", name, report.note);
    if (well) kit_print(&l->run->facts, ",\n  \"%s_kl\": %.6f", name, report.kl);
    if (well) show_map(l, name, title, xy, code, label, n, marks);
    free(xy);
}

/* The flat shadow of the heaps along their two widest directions: "not that good", says the document. */
static void map_by_pca(look *l, int n)
{
    float *xy = kit_floats(l->run, n, 2);
    kit_pca_plane(l->run, l->code, n, CODE, xy);                           // PCA(n_components=2).fit_transform(...)
    show_map(l, "pca", "the codes of the test images by PCA", xy, l->code, l->label, n, 0);
    free(xy);
}

/* Is the middle of a heap a digit?  The mean code of each digit, alone, with N(0,1) noise on every number, and with the
   same noise but nothing below zero, where no code ever was. */
static void look_at_means(look *l, float *mean, float *noisy, float *cut)
{
    int count[10] = {0}, negative = 0, size = l->n * CODE;
    float images[30 * PIXELS];
    double spread = 0;
    memset(mean, 0, 10 * CODE * sizeof(float));
    for (int i = 0; i < l->n; i++) count[l->label[i]]++;
    for (int i = 0; i < size; i++) mean[l->label[i / CODE] * CODE + i % CODE] += l->code[i] / (float)count[l->label[i / CODE]];
    for (int i = 0; i < size; i++) spread += pow(l->code[i] - mean[l->label[i / CODE] * CODE + i % CODE], 2) / size;
    const float *noise = ae_data(ae_randn(l->run->ae, 10, CODE, 0, 0));         // noise_std * torch.randn(64)
    for (int i = 0; i < 10 * CODE; i++) {
        noisy[i] = mean[i] + (float)l->noise * noise[i];
        cut[i] = noisy[i] > 0 ? noisy[i] : 0;
        negative += noisy[i] < 0;
    }
    decode(l, mean, 10, images);
    decode(l, noisy, 10, images + 10 * PIXELS);
    decode(l, cut, 10, images + 20 * PIXELS);
    printf("the codes of a digit scatter about their mean by %.2f, the noise by %g; %d of its 640 numbers are negative, as no code is\n",
           sqrt(spread), l->noise, negative);
    kit_fact(l->run, "code_spread", sqrt(spread));
    kit_fact(l->run, "noisy_negative", negative);
    kit_grid(l->run, "means", "the mean code of each digit, decoded", images, 30, 10, 0, "0 1 2 3 4 5 6 7 8 9", "mean mean_+_noise never_below_0");
}

/* The ten noisy means in black among the codes: on the map they lie well inside the heaps. */
static void map_noisy(look *l, const float *noisy, int n)
{
    float *code = kit_floats(l->run, n + 10, CODE);
    uint8_t *label = (uint8_t *)kit_room(l->run, (size_t)n + 10);
    memcpy(code, l->code, (size_t)n * CODE * sizeof(float));
    memcpy(code + (size_t)n * CODE, noisy, 10 * CODE * sizeof(float));
    memcpy(label, l->label, (size_t)n);
    for (int k = 0; k < 10; k++) label[n + k] = (uint8_t)k;
    map_by_tsne(l, "tsne_noisy", "t-SNE of the codes; black: class means + noise", code, label, n + 10, 10);
    free(code), free(label);
}

/* Straight lines between the heaps, decoded step by step. */
static void look_between(look *l, const float *mean)
{
    static const int from[5] = { 0, 1, 3, 4, 7 }, to[5] = { 1, 2, 4, 5, 0 };
    float code[55 * CODE], images[55 * PIXELS];
    for (int i = 0; i < 55 * CODE; i++) {
        float t = (float)(i / CODE % 11) / 10;
        const float *a = mean + from[i / CODE / 11] * CODE, *b = mean + to[i / CODE / 11] * CODE;
        code[i] = (1 - t) * a[i % CODE] + t * b[i % CODE];
    }
    decode(l, code, 55, images);
    kit_grid(l->run, "between", "straight lines from mean code to mean code, decoded", images, 55, 11, 0,
             "0 .1 .2 .3 .4 .5 .6 .7 .8 .9 1", "0_to_1 1_to_2 3_to_4 4_to_5 7_to_0");
}

/* How far is what these codes decode to from the nearest of all training images?  Without codes: the test images. */
static void print_distance(look *l, const char *what, const char *key, const float *code, int n)
{
    float *images = kit_floats(l->run, n, PIXELS);
    if (code) decode(l, code, n, images);
    double distance = kit_nearest(l->run, code ? images : l->image, n);
    printf("  %-58s %5.2f\n", what, distance);
    kit_fact(l->run, key, distance);
    free(images);
}

/* Where decoding fails, in numbers.  Reconstructions of test images are the yardstick. */
static void look_at_holes(look *l, const float *mean, const float *noisy, const float *cut)
{
    int n = l->n < 100 ? l->n : 100, means = 0, images = 0;
    float between_means[45 * CODE], between_images[100 * CODE];
    for (int a = 0; a < 10; a++)
        for (int b = a + 1; b < 10; b++, means++)
            for (int j = 0; j < CODE; j++) between_means[means * CODE + j] = (mean[a * CODE + j] + mean[b * CODE + j]) / 2;
    for (int i = 1; i < l->n && images < 100; images += l->label[i] != l->label[i - 1], i++)
        for (int j = 0; j < CODE; j++) between_images[images * CODE + j] = (l->code[i * CODE + j] + l->code[(i - 1) * CODE + j]) / 2;
    printf("distance to the nearest training image, of\n");
    print_distance(l, "test images themselves", "distance_test_images", NULL, n);
    print_distance(l, "their reconstructions", "distance_reconstructions", l->code, n);
    print_distance(l, "decoded class means", "distance_means", mean, 10);
    print_distance(l, "half way between two class means, decoded", "distance_between_means", between_means, 45);
    print_distance(l, "half way between codes of two different digits, decoded", "distance_between_images", between_images, images);
    print_distance(l, "class means + noise, decoded", "distance_noisy", noisy, 10);
    print_distance(l, "the same, never below 0", "distance_cut", cut, 10);
}

int main(int argc, char **argv)
{
    look l = { .noise = 1, .perplexity = 30 };
    const kit_option options[] = {
        { "noise",      KIT_REAL, &l.noise,      0, 1000, "standard deviation of the noise on the class means" },
        { "perplexity", KIT_REAL, &l.perplexity, 1, 100,  "t-SNE: how many neighbours count" }, {0} };
    kit run = { .lesson = "lesson03", .about = "what the latent space of a convolutional autoencoder looks like",
                .files = "loss, pairs, digits, pca, means, between, tsne, tsne_noisy: .png with their .u8 or .tsv",
                .in_quick = { 4, 128, 1e-3 }, .usual = { 30, 512, 2e-4 }, .in_full = { 300, 512, 2e-4 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 20000 : 0);                     // datasets.MNIST(...)
    ae_loader *batches = kit_loader(&run, &run.train, 1);                  // DataLoader(train_data, batch_size=512, shuffle=True)
    ae_loader *test = kit_loader(&run, &run.test, 0);                      // DataLoader(test_data, batch_size=512)

    /* ---- MODEL ---- */
    ae_net *model = autoencoder(ae);                                       // model = Autoencoder()
    ae_opt *adam = ae_adam(model, (float)run.lr);                          // optimizer = torch.optim.Adam(model.parameters(), lr=2e-4)
    kit_restore(&run, model);
    kit_summary(&run, model);                                              // print(model)

    /* ---- TRAIN ---- */
    train(&run, model, adam, batches, test);
    run.test_loss = kit_test_loss(&run, model, test, ae_mse_loss);
    printf("tested on %d images in %.2f s\n", run.test.n, run.test_seconds);
    kit_save(&run, model);                                                 // torch.save(model.state_dict(), ...)
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    float mean[10 * CODE], noisy[10 * CODE], cut[10 * CODE];
    l.run = &run, l.model = model, l.label = run.test.labels, l.image = kit_images(&run, &run.test), l.n = run.test.n;
    int mapped = run.quick && l.n > 2000 ? 2000 : l.n;
    look_at_reload(&l);
    look_at_reconstructions(&l);
    look_at_codes(&l);
    map_by_pca(&l, mapped);
    look_at_means(&l, mean, noisy, cut);
    look_between(&l, mean);
    look_at_holes(&l, mean, noisy, cut);
    map_by_tsne(&l, "tsne", "the codes of the test images by t-SNE", l.code, l.label, mapped, 0);
    map_noisy(&l, noisy, mapped);
    free(l.image), free(l.code), free(l.drawn);

    double mean_image, pca;
    kit_baselines(&run, CODE, &mean_image, &pca);
    return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-64 %.6f", run.test_loss, mean_image, pca);
}
