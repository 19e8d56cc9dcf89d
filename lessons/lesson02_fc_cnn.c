/* lesson02_fc_cnn.c - fully connected against convolutional, and walking between digits

   Two autoencoders learn the same 60,000 digits by the same rule.  One sees an image as a row of 784 numbers, the other
   as a square in which neighbours belong together.  Which one draws the digits better, and is the contest a fair one?
   Then we walk in a straight line from the code of one digit to the code of another, and look at what lies between.

       make lesson02 && ./lesson02 --quick          or:  cc -O2 lessons/lesson02_fc_cnn.c -lm -lpthread
       ./lesson02 --latent 64                       the same contest, with codes of the same size

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"

enum { PIXELS = 784, SHOWN = 9, STEPS = 11 };

typedef struct rival {                                       /* one of the two networks, with what belongs to it */
    const char *name;
    int channels, side, code;                                /* its input is channels x side x side, or a row if side is 0 */
    ae_net *model;
    ae_opt *adam;
    ae_loader *batches;
    double last, test_loss, pca;                             /* of the last batch; in the end, and PCA's with as many numbers as the code */
} rival;

/* ==== MODEL ======================================================================================================= */

/* 784-128-64-12-10 and back.  A larger code leaves out the hidden layers that are no wider than it: 784-128-64. */
static ae_net *fully_connected(ae_ctx *ae, int code)
{
    static const int hidden[3] = { 128, 64, 12 };
    int width[5] = { PIXELS }, n = 1;
    for (int i = 0; i < 3; i++)
        if (hidden[i] > code) width[n++] = hidden[i];
    width[n] = code;
    ae_net *net = ae_net_new(ae);
    ae_net *encoder = ae_sequential(net, "encoder");         // self.encoder = nn.Sequential(
    for (int i = 0; i < n; i++) {
        if (i) ae_nn_relu(encoder);                          //   nn.ReLU(),
        ae_nn_linear(encoder, width[i], width[i + 1]);       //   nn.Linear(784, 128), (128, 64), (64, 12), (12, 10))
    }
    ae_net *decoder = ae_sequential(net, "decoder");         // self.decoder = nn.Sequential(
    for (int i = n; i > 0; i--) {
        if (i < n) ae_nn_relu(decoder);                      //   nn.ReLU(),
        ae_nn_linear(decoder, width[i], width[i - 1]);       //   nn.Linear(10, 12), (12, 64), (64, 128), (128, 784),
    }
    ae_nn_sigmoid(decoder);                                  //   nn.Sigmoid())
    return net;
}

/* The document leaves the batch normalisation commented out; it comes after each ReLU between two convolutions. */
static void relu(ae_net *part, int channels, int batchnorm)
{
    ae_nn_relu(part);                                        //   nn.ReLU(),
    if (batchnorm) ae_nn_batch_norm2d(part, channels);       //   # nn.BatchNorm2d(channels),
}

static ae_net *convolutional(ae_ctx *ae, int code, int batchnorm)
{
    ae_net *net = ae_net_new(ae);
    ae_net *encoder = ae_sequential(net, "encoder");         // self.encoder = nn.Sequential(
    ae_nn_conv2d(encoder, 1, 16, 3, 2, 1);                   //   nn.Conv2d(1, 16, 3, stride=2, padding=1),     16x14x14
    relu(encoder, 16, batchnorm);
    ae_nn_conv2d(encoder, 16, 32, 3, 2, 1);                  //   nn.Conv2d(16, 32, 3, stride=2, padding=1),    32x7x7
    relu(encoder, 32, batchnorm);
    ae_nn_conv2d(encoder, 32, code, 7, 1, 0);                //   nn.Conv2d(32, 64, 7))                         64x1x1
    ae_net *decoder = ae_sequential(net, "decoder");         // self.decoder = nn.Sequential(
    ae_nn_conv_transpose2d(decoder, code, 32, 7, 1, 0, 0);   //   nn.ConvTranspose2d(64, 32, 7),                32x7x7
    relu(decoder, 32, batchnorm);
    ae_nn_conv_transpose2d(decoder, 32, 16, 3, 2, 1, 1);     //   nn.ConvTranspose2d(32, 16, 3, 2, 1, 1),       16x14x14
    relu(decoder, 16, batchnorm);
    ae_nn_conv_transpose2d(decoder, 16, 1, 3, 2, 1, 1);      //   nn.ConvTranspose2d(16, 1, 3, 2, 1, 1),        1x28x28
    ae_nn_sigmoid(decoder);                                  //   nn.Sigmoid())
    return net;
}

/* ==== TRAIN ======================================================================================================= */

/* The last batch of an epoch, as the document shows it: the first nine images over what the network made of them. */
static void look_at_batch(kit *run, ae_tensor x, ae_tensor output, double loss)
{
    int rows = ae_size(x, 0), n = rows < SHOWN ? rows : SHOWN;
    float grid[2 * SHOWN * PIXELS];
    char name[64], title[120];
    for (int i = 0; i < 2 * SHOWN * PIXELS; i++) grid[i] = 1;
    memcpy(grid, ae_data(x), (size_t)n * PIXELS * sizeof(float));
    memcpy(grid + SHOWN * PIXELS, ae_data(output), (size_t)n * PIXELS * sizeof(float));
    snprintf(name, sizeof name, "%s_epoch_%d", run->net, run->epoch + 1);
    snprintf(title, sizeof title, "%s, epoch %d / %d: loss = %.6f (last training batch, %d images)", run->net, run->epoch + 1, run->epochs, loss, rows);
    kit_grid(run, name, title, grid, 2 * SHOWN, SHOWN, 0, "-", "original drawn");
}

static void train(kit *run, rival *r, ae_loader *test)
{
    ae_tensor x;
    while (kit_epoch(run, r->batches)) {                                   // for i in range(epochs):
        int shown = run->epoch == 0;
        for (int k = 1; k <= 4; k++) shown |= run->epoch + 1 == (k * run->epochs + 3) / 4;   // [0, 4, 9, 14, 19]
        ae_train(r->model, 1);                                             //     model.train()
        while (kit_batch(run) && ae_next_batch(r->batches, &x, NULL)) {    //     for (img, _) in train_loader:
            if (run->flat) x = ae_view(x, -1, PIXELS, 0, 0);               //         img = img.reshape(-1, 28 * 28)
            ae_tensor output = ae_forward(r->model, x);                    //         img_reconstructed = model(img)
            ae_tensor loss = ae_mse_loss(output, x, AE_MEAN);              //         loss = loss_fn(img_reconstructed, img)
            ae_accumulate(run->running, loss);
            ae_zero_grad(r->adam);                                         //         optimizer.zero_grad()
            ae_backward(loss);                                             //         loss.backward()
            ae_step(r->adam);                                              //         optimizer.step()
            if (run->started == run->batches) r->last = (double)ae_item(loss);
            if (run->started == run->batches && shown) look_at_batch(run, x, output, r->last);
        }
        ae_train(r->model, 0);                                             //     model.eval()
        if (run->started > run->batches) kit_say(run, "Epoch %d/%d: loss = %.6f (%s, last batch)\n", run->epoch + 1, run->epochs, r->last, run->net);
        kit_column(run, "last_batch_loss", r->last);
        kit_epoch_end(run, kit_test_loss(run, r->model, test, ae_mse_loss));
    }
}

/* ==== LOOK ======================================================================================================== */

/* What log.tsv says about an epoch of a network: after --resume it knows the epochs of the earlier run, too. */
typedef struct losses { double last_batch, train, test; } losses;
static losses losses_of(const kit *run, const rival *r, int epoch)
{
    losses l = { NAN, NAN, NAN }, at;
    char name[16];
    int e;
    for (const char *line = run->log.text; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (sscanf(line, "%d %*s %lf %lf %*s %lf %15s", &e, &at.train, &at.test, &at.last_batch, name) == 5 && e == epoch && !strcmp(name, r->name)) l = at;
    return l;
}

static void fact(kit *run, const rival *r, const char *key, double value)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", run->nets > 1 ? r->name : "", run->nets > 1 ? "_" : "", key);
    kit_fact(run, name, value);
}

/* The document's table, losses after the first and the last epoch, and its claim: cnn after one epoch beats fc after all. */
static void print_table(kit *run, const rival *r, int nets)
{
    printf("net   code   epoch   last batch   epoch mean   test\n");
    for (int k = 0; k < nets; k++) {
        losses one = losses_of(run, &r[k], 1), all = losses_of(run, &r[k], run->epoch);
        printf("%-4s%6d%8d   %.6f     %.6f     %.6f\n%-4s%6d%8d   %.6f     %.6f     %.6f\n",
               r[k].name, r[k].code, 1, one.last_batch, one.train, one.test, r[k].name, r[k].code, run->epoch, all.last_batch, all.train, all.test);
        fact(run, &r[k], "code", r[k].code);
        fact(run, &r[k], "epoch1_last_batch_loss", one.last_batch);
        fact(run, &r[k], "epoch1_train_loss", one.train);
        fact(run, &r[k], "epoch1_test_loss", one.test);
        fact(run, &r[k], "last_batch_loss", all.last_batch);
    }
    if (nets < 2) return;
    losses cnn = losses_of(run, &r[1], 1), fc = losses_of(run, &r[0], run->epoch);
    printf("cnn after 1 epoch is better than fc after %d: %s on the test images, %s on the last batches\n", run->epoch,
           cnn.test < fc.test ? "true" : "false", cnn.last_batch < fc.last_batch ? "true" : "false");
    kit_fact(run, "claim_on_test", cnn.test < fc.test);
    kit_fact(run, "claim_on_last_batch", cnn.last_batch < fc.last_batch);
}

/* What the looking needs: the test images as floats, and a random generator of its own: its choice depends on the seed alone. */
typedef struct look { kit *run; float *image; uint64_t random; } look;

/* The first test image of each digit, over what each network draws: images that no network was trained on. */
static void look_at_test(look *l, const rival *r, int nets)
{
    float grid[30 * PIXELS] = {0};
    for (int i = l->run->test.n - 1; i >= 0; i--) memcpy(grid + l->run->test.labels[i] * PIXELS, l->image + i * PIXELS, PIXELS * sizeof(float));
    for (int k = 0; k < nets; k++)
        kit_apply(l->run->ae, r[k].model, grid, 10, r[k].channels, r[k].side, r[k].side, 10, grid + (k + 1) * 10 * PIXELS);
    kit_grid(l->run, "digits", "test images over their reconstructions", grid, 10 * (nets + 1), 10, 0, "0 1 2 3 4 5 6 7 8 9",
             nets > 1 ? "original fc cnn" : r->side ? "original cnn" : "original fc");
}

/* A test image of this digit, at random. */
static const float *choose(look *l, int digit)
{
    const uint8_t *label = l->run->test.labels;
    int count = 0, i = 0;
    for (int k = 0; k < l->run->test.n; k++) count += label[k] == digit;
    if (!count) kit_die(l->run, 3, "there is no %d among the test images", digit);
    l->random = l->random * 6364136223846793005u + 1442695040888963407u;
    for (int skip = (int)((l->random >> 33) % (uint64_t)count); label[i] != digit || skip-- > 0; ) i++; // choice(dataset_labels[digit])
    return l->image + i * PIXELS;
}

static void look_at_digit(look *l, int digit)
{
    float grid[20 * PIXELS];
    for (int i = 0; i < 20; i++) memcpy(grid + i * PIXELS, choose(l, digit), PIXELS * sizeof(float));
    kit_grid(l->run, "digit", "one digit, twenty test images of it chosen at random", grid, 20, 10, 0, "-", "-");
}

/* From one digit to another, twice: eleven codes on the straight line between two codes, decoded; below them the two
   images that the walk begins and ends with. */
static void walk(look *l, const rival *r, const char *name, int from, int to)
{
    float grid[4 * STEPS * PIXELS], ends[2 * PIXELS], *a = kit_floats(l->run, STEPS + 2, r->code), *b = a + r->code, *line = b + r->code;
    char title[120];
    for (int i = 0; i < 4 * STEPS * PIXELS; i++) grid[i] = 1;
    for (float *row = grid; row < grid + 4 * STEPS * PIXELS; row += 2 * STEPS * PIXELS) {
        memcpy(ends, choose(l, from), PIXELS * sizeof(float));
        memcpy(ends + PIXELS, choose(l, to), PIXELS * sizeof(float));
        kit_apply(l->run->ae, ae_child(r->model, "encoder"), ends, 2, r->channels, r->side, r->side, 2, a); // embedding = model.encoder(x)
        for (int i = 0; i < STEPS; i++)
            for (int j = 0; j < r->code; j++)                              // e = e2 * (i/10) + e1 * (10-i)/10
                line[i * r->code + j] = (b[j] * (float)i + a[j] * (float)(10 - i)) / 10;
        kit_apply(l->run->ae, ae_child(r->model, "decoder"), line, STEPS, r->code, r->side > 0, r->side > 0, STEPS, row); // model.decoder(e)
        memcpy(row + STEPS * PIXELS, ends, PIXELS * sizeof(float));
        memcpy(row + (2 * STEPS - 1) * PIXELS, ends + PIXELS, PIXELS * sizeof(float));
    }
    snprintf(title, sizeof title, "from %d to %d in the codes of %s, decoded (two pairs of test images)", from, to, r->name);
    kit_grid(l->run, name, title, grid, 4 * STEPS, STEPS, 0, "0 .1 .2 .3 .4 .5 .6 .7 .8 .9 1", "decoded real decoded real");
    free(a);
}

/* What the losses mean: PCA with as many numbers as each code has.  Returns the loss of the mean training image. */
static double baselines(kit *run, rival *r, int nets)
{
    char why[160];
    pca_model linear;
    pca_rows train = pca_rows_u8(run->train.images), test = pca_rows_u8(run->test.images);
    int most = r[0].code > r[nets - 1].code ? r[0].code : r[nets - 1].code;
    if (!pca_fit(run->ae, &train, run->train.n, PIXELS, most, &linear, why, sizeof why)) kit_die(run, 3, "PCA: %s", why);
    double mean_image = pca_error(run->ae, &linear, &test, run->test.n, 0);
    kit_fact(run, "mean_image_loss", mean_image);
    for (int k = 0; k < nets; k++) fact(run, &r[k], "pca_loss", r[k].pca = pca_error(run->ae, &linear, &test, run->test.n, r[k].code));
    pca_free(&linear);
    return mean_image;
}

int main(int argc, char **argv)
{
    int latent = 0, batchnorm = 0, from = 3, to = 5, digit = 5;
    const char *net = "both";
    const kit_option options[] = {
        { "net",       KIT_NAME, &net,       0, 0, "fc, cnn or both" },
        { "latent",    KIT_INT,  &latent,    1, PIXELS, "numbers in a code; if not given: fc 10, cnn 64" },
        { "batchnorm", KIT_FLAG, &batchnorm, 0, 0, "the convolutional network with its batch normalisation" },
        { "from",      KIT_INT,  &from,      0, 9, "the digit where the fourth walk begins" },
        { "to",        KIT_INT,  &to,        0, 9, "the digit where it ends" },
        { "digit",     KIT_INT,  &digit,     0, 9, "the digit that is shown alone" }, {0} };
    kit run = { .lesson = "lesson02", .about = "fully connected against convolutional, and walking between digits",
                .files = "loss, digits, digit, walk*, fc_epoch_N, cnn_epoch_N: .png with .u8 or .tsv; the models are model_fc and model_cnn",
                .in_quick = { 5, 64, 3e-3 }, .usual = { 10, 64, 1e-3 }, .in_full = { 20, 64, 1e-3 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);
    int fc = !strcmp(net, "fc"), cnn = !strcmp(net, "cnn"), nets = fc || cnn ? 1 : 2;
    if (nets == 2 && strcmp(net, "both")) kit_die(&run, 2, "--net %s: fc, cnn or both is wanted", net);
    if (fc && batchnorm) kit_die(&run, 2, "--batchnorm is about the convolutional network, which --net fc leaves out");

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 10000 : 0);                     // datasets.MNIST(root="dataset/", train=True, ...)
    rival both[2] = { { .name = "fc", .channels = PIXELS, .code = latent ? latent : 10 },
                      { .name = "cnn", .channels = 1, .side = 28, .code = latent ? latent : 64 } };
    for (int k = 0; k < 2; k++) both[k].batches = kit_loader(&run, &run.train, 1);   // DataLoader(dataset, batch_size=64, shuffle=True)
    ae_loader *test = kit_loader(&run, &run.test, 0);
    int steps = ae_batches(both[0].batches);
    printf("an epoch: %d batches of %d images 1x28x28, the last of %d\n", steps, run.batch, run.train.n - (steps - 1) * run.batch);

    /* ---- MODEL ---- */
    both[0].model = fully_connected(ae, both[0].code);                     // always both: each begins with the same weights,
    both[1].model = convolutional(ae, both[1].code, batchnorm);            // whether it is trained alone or not
    rival *r = both + cnn;
    for (int k = 0; k < nets; k++) {
        r[k].adam = ae_adam(r[k].model, (float)run.lr);                    // optim.Adam(model.parameters(), lr=1e-3,
        ae_set(r[k].adam, AE_WEIGHT_DECAY, 1e-5f);                         //            weight_decay=1e-5)
        kit_keep(&run, r[k].name, &r[k].last, sizeof r[k].last);
    }
    run.net = nets == 1 ? r->name : NULL;
    kit_restore(&run, nets == 1 ? r->model : NULL);                        // model.load_state_dict(...), if asked for

    /* ---- TRAIN ---- */
    for (int k = 0; k < nets; k++) {
        kit_net(&run, r[k].name);
        run.flat = !r[k].side;
        kit_summary(&run, r[k].model);                                     // print(model)
        train(&run, &r[k], test);
        ae_train(r[k].model, 0);                                           // model.eval()
        r[k].test_loss = run.test_loss = kit_test_loss(&run, r[k].model, test, ae_mse_loss);
        kit_save(&run, r[k].model);                                        // torch.save(model.state_dict(), ...)
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    look l = { &run, kit_images(&run, &run.test), run.seed * 2 + 1 };
    if (run.epoch) print_table(&run, r, nets);
    look_at_test(&l, r, nets);
    look_at_digit(&l, digit);
    walk(&l, &r[nets - 1], "walk_0_8", 0, 8);                              // interpolate_between_digits_and_plot(0, 8)
    walk(&l, &r[nets - 1], "walk_5_1", 5, 1);
    walk(&l, &r[nets - 1], "walk_9_6", 9, 6);
    walk(&l, &r[nets - 1], "walk", from, to);
    free(l.image);
    double mean_image = baselines(&run, r, nets);
    if (nets == 1) return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-%d %.6f", r->test_loss, mean_image, r->code, r->pca);
    return kit_finish(&run, "test loss fc %.6f (PCA-%d %.6f), cnn %.6f (PCA-%d %.6f), mean image %.4f",
                      r[0].test_loss, r[0].code, r[0].pca, r[1].test_loss, r[1].code, r[1].pca, mean_image);
}
