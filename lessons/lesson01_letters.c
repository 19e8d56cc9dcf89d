/* lesson01_letters.c - a first autoencoder: handwritten letters through 32 numbers

   A letter is 784 pixels.  A network squeezes it into 32 numbers and draws it again; it learns this from letters alone,
   never told which is which.  Then we ask: do more numbers help, and can it make letters that nobody has written?

       make lesson01 && ./lesson01 --quick          or:  cc -O2 lessons/lesson01_letters.c -lm -lpthread
       ./lesson01 --hidden 512 --latent 16          a network of other sizes
       ./lesson01 --table                           loss against the size of the code, beside PCA

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"

enum { PIXELS = 784, LOG_STEP = 100, SHOWN = 10, SAMPLE = 2600, TRIED = 104, SIZES = 6 };

/* ==== DATA ======================================================================================================== */

/* transforms.RandomHorizontalFlip(1): left becomes right, in every image. */
static void flip(const uint8_t *in, uint8_t *out)
{
    for (int y = 0; y < 28; y++)
        for (int x = 0; x < 28; x++) out[28 * y + x] = in[28 * y + 27 - x];
}

/* transforms.RandomRotation((90, 90)): a quarter turn against the clock; the right column becomes the top row. */
static void rotate(const uint8_t *in, uint8_t *out)
{
    for (int y = 0; y < 28; y++)
        for (int x = 0; x < 28; x++) out[28 * y + x] = in[28 * x + 27 - y];
}

/* One transformation of every image of a set, in place. */
static void transform(kit_set *set, void (*change)(const uint8_t *in, uint8_t *out))
{
    uint8_t before[PIXELS], *image = set->images;
    for (int i = 0; i < set->n; i++, image += PIXELS) change((const uint8_t *)memcpy(before, image, PIXELS), image);
}

/* n images of a set in the order A, B ... Z, A, B ..., each the next of its letter, as floats[n][784] from 0 to 1. */
static float *alphabet(const kit *run, const kit_set *set, int n)
{
    int next[27] = {0};
    float *image = kit_floats(run, n, PIXELS);
    for (int k = 0; k < n; k++) {
        int letter = k % 26 + 1, i = next[letter] % set->n;
        for (int tries = 0; set->labels[i] != letter && tries < set->n; tries++) i = (i + 1) % set->n;
        for (int j = 0; j < PIXELS; j++) image[k * PIXELS + j] = set->images[(size_t)i * PIXELS + (size_t)j] / 255.0f;
        next[letter] = i + 1;
    }
    return image;
}

/* Sets all letters upright, once, and keeps what the figure shows: as the file has them, flipped, flipped and rotated.
   Pixel (y, x) must end where (x, y) was: the two transformations together exchange rows and columns. */
static void set_upright(kit *run)
{
    float shown[3 * SHOWN * PIXELS], *as[3];
    int elsewhere = 0;
    for (int k = 0; k < 3; k++) {
        if (k) transform(&run->train, k == 1 ? flip : rotate), transform(&run->test, k == 1 ? flip : rotate);
        as[k] = alphabet(run, &run->test, SAMPLE);
        memcpy(shown + k * SHOWN * PIXELS, as[k], SHOWN * PIXELS * sizeof(float));
    }
    for (int i = 0; i < SAMPLE * PIXELS; i++) elsewhere += as[2][i] != as[0][i / PIXELS * PIXELS + i % 28 * 28 + i % PIXELS / 28];
    printf("flip and rotation together exchange rows and columns: %d pixels of %d letters are elsewhere\n", elsewhere, SAMPLE);
    kit_fact(run, "pixels_elsewhere", elsewhere);
    kit_grid(run, "stored", "letters as stored, and set upright", shown, 3 * SHOWN, SHOWN, 0, "A B C D E F G H I J", "stored flipped and_rotated");
    free(as[0]); free(as[1]); free(as[2]);
}

/* ==== MODEL ======================================================================================================= */

static ae_net *autoencoder(ae_ctx *ae, int hidden, int latent)
{
    ae_net *net = ae_net_new(ae);
    ae_net *encoder = ae_sequential(net, "encoder");         // self.encoder = nn.Sequential(
    ae_nn_linear(encoder, PIXELS, hidden);                   //   nn.Linear(784, 128),
    ae_nn_relu(encoder);                                     //   nn.ReLU(),
    ae_nn_linear(encoder, hidden, latent);                   //   nn.Linear(128, 32))
    ae_net *decoder = ae_sequential(net, "decoder");         // self.decoder = nn.Sequential(
    ae_nn_linear(decoder, latent, hidden);                   //   nn.Linear(32, 128),
    ae_nn_relu(decoder);                                     //   nn.ReLU(),
    ae_nn_linear(decoder, hidden, PIXELS);                   //   nn.Linear(128, 784),
    ae_nn_sigmoid(decoder);                                  //   nn.Sigmoid())
    return net;
}

/* ==== TRAIN ======================================================================================================= */

static void train(kit *run, ae_net *model, ae_opt *adam, ae_loader *batches, ae_loader *test, double *last)
{
    ae_tensor x;
    while (kit_epoch(run, batches)) {                                      // for epoch in range(epochs):
        int epoch = run->epoch;
        double before = run->train_seconds;
        while (kit_batch(run) && ae_next_batch(batches, &x, NULL)) {       //     for idx, (x, _) in enumerate(trainloader):
            int step = run->started - 1;
            x = ae_view(x, -1, PIXELS, 0, 0);                              //         x = x.view(x.size(0), -1)
            ae_zero_grad(adam);                                            //         optimizer.zero_grad()
            ae_tensor output = ae_forward(model, x);                       //         output = model(x)
            ae_tensor loss = ae_mse_loss(output, x, AE_MEAN);              //         loss = criterion(output, x)
            ae_backward(loss);                                             //         loss.backward()
            ae_step(adam);                                                 //         optimizer.step()
            ae_accumulate(run->running, loss);                             //         trainloss += loss.item()
            *last = ae_item(loss);
            if (step % LOG_STEP == 0)                                      //         if idx % log_step == 0:
                kit_say(run, "Epoch: %03d/%03d | Batch: %04d/%04d | Loss: %.4f\n", epoch + 1, run->epochs, step, run->batches,
                        (double)ae_item(run->running) / (step + 1));       //             print(..., trainloss / (idx + 1))
        }
        kit_column(run, "last_batch_loss", *last);
        kit_epoch_end(run, kit_test_loss(run, model, test, ae_mse_loss));
        if (run->epoch == epoch) continue;                                 // Ctrl-C: this epoch is not over
        if (run->epoch == 1) kit_fact(run, "epoch1_train_loss", run->train_loss), kit_fact(run, "epoch1_test_loss", run->test_loss);
        kit_say(run, "***Epoch: %03d/%03d | Loss: %.4f, of its last batch: %.4f | Time elapsed: %.2f min\n",
                run->epoch, run->epochs, run->train_loss, *last, (run->train_seconds - before) / 60);
    }
    kit_fact(run, "last_batch_loss", *last);
}

/* ==== LOOK ======================================================================================================== */

/* The test loss in three sums: over every element, over every image, and as the document adds it up, the mean of the
   batch means, in which the images of the last, smaller batch weigh more.  The first ten of the first batch are shown. */
static void look_at_test(kit *run, ae_net *model, ae_loader *test)
{
    ae_tensor x, label;
    double sum = 0, images = 0, means = 0, start = kit_seconds();
    float shown[2 * SHOWN * PIXELS] = {0};
    char names[2 * SHOWN + 1] = "";
    int no_grad = ae_grad_enabled(run->ae, 0);                             // with torch.no_grad():
    while (ae_next_batch(test, &x, &label)) {                              // for x, label in testloader:
        x = ae_view(x, -1, PIXELS, 0, 0);
        ae_tensor output = ae_forward(model, x);
        for (int i = 0; images == 0 && i < SHOWN && i < ae_size(x, 0); i++) {
            sprintf(names + 2 * i, "%c ", 'A' + (int)ae_data(label)[i] - 1);       // string.ascii_uppercase[label - 1]
            for (int j = i * PIXELS; j < (i + 1) * PIXELS; j++) {
                shown[j] = 1 - ae_data(x)[j];                              // cmap=plt.cm.binary: paper is white
                shown[SHOWN * PIXELS + j] = 1 - ae_data(output)[j];
            }
        }
        means += ae_item(ae_mse_loss(output, x, AE_MEAN));                 // testloss += criterion(output, x).item()
        sum += ae_item(ae_mse_loss(output, x, AE_SUM)), images += ae_size(x, 0);
    }
    ae_grad_enabled(run->ae, no_grad);
    means /= ae_batches(test);                                             // testloss / len(testloader)
    printf("Test Loss: %.4f\nTotal Testing Time: %.2f min (%.2f s)\n", means, (kit_seconds() - start) / 60, kit_seconds() - start);
    printf("squares / elements %.6f, mean of the batch means %.6f, squares / images %.4f\n", sum / images / PIXELS, means, sum / images);
    kit_fact(run, "test_loss_of_batch_means", means), kit_fact(run, "test_loss_per_image", sum / images);
    kit_grid(run, "letters", "originals over reconstructions", shown, 2 * SHOWN, SHOWN, 0, names, "original reconstruction");
}

/* The network is written to a file and read into another one, which must draw the same images to the last bit. */
static void look_at_reload(kit *run, ae_net *model, int hidden, int latent)
{
    ae_net *again = autoencoder(run->ae, hidden, latent);
    float *image = alphabet(run, &run->test, TRIED), *drawn = kit_floats(run, 2 * TRIED, PIXELS), *redrawn = drawn + TRIED * PIXELS;
    if (!ae_load(again, kit_path(run, "model.safetensors"))) kit_die(run, 3, "%s", ae_error(run->ae));     // model.load_state_dict(...)
    kit_apply(run->ae, model, image, TRIED, PIXELS, 0, 0, TRIED, drawn);
    kit_apply(run->ae, again, image, TRIED, PIXELS, 0, 0, TRIED, redrawn);
    int same = !memcmp(drawn, redrawn, TRIED * PIXELS * sizeof(float));
    printf("saved, read into a second network: its output is %s\n", same ? "the same to the bit" : "DIFFERENT");
    kit_fact(run, "reload_same_bits", same);
    free(image); free(drawn);
}

/* How far images[n][784] are from their nearest training images, and what part of a picture is grey, neither ink nor paper. */
static void measure(kit *run, const char *what, const char *key, const float *image)
{
    double distance = kit_nearest(run, image, TRIED), grey = 0;
    for (int i = 0; i < TRIED * PIXELS; i++) grey += (image[i] > 0.2f && image[i] < 0.8f) * 100.0 / (TRIED * PIXELS);
    printf("  %-52s %8.2f %7.1f %%\n", what, distance, grey);
    kit_print(&run->facts, ",\n  \"distance_%s\": %.9g,\n  \"grey_%s\": %.9g", key, distance, key, grey);
}

/* Can it make letters?  Codes of training images changed a little, half way between two, and drawn at random. */
static void look_for_new_letters(kit *run, ae_net *model, int latent)
{
    static const char *const key[5] = { "reconstruction", "noise", "same_letter", "other_letter", "random" };
    static const char *const what[5] = { "a training image's code, decoded", "the code + noise of half its spread", "half way to another of the same letter",
                                         "half way to another letter", "random codes of the same mean and spread" };
    float *image = alphabet(run, &run->train, SAMPLE), *code = kit_floats(run, SAMPLE, latent), *test = alphabet(run, &run->test, TRIED);
    float *changed = kit_floats(run, TRIED, latent), *drawn = kit_floats(run, TRIED, PIXELS), shown[6 * SHOWN * PIXELS];
    double *mean = (double *)kit_room(run, (size_t)latent * 2 * sizeof(double)), *spread = mean + latent;
    kit_apply(run->ae, ae_child(model, "encoder"), image, SAMPLE, PIXELS, 0, 0, 512, code);        // model.encoder(image)
    for (int j = 0; j < latent; j++) {
        mean[j] = spread[j] = 0;
        for (int i = j; i < SAMPLE * latent; i += latent) mean[j] += (double)code[i] / SAMPLE, spread[j] += (double)code[i] * code[i] / SAMPLE;
        spread[j] = sqrt(fmax(0, spread[j] - mean[j] * mean[j]));
    }
    size_t mark = ae_begin(run->ae);
    const float *noise = ae_data(ae_randn(run->ae, TRIED, latent, 0, 0));                          // torch.randn(104, 32)
    printf("distance to the nearest training image, and grey pixels, of\n");
    measure(run, "test images: letters that were not trained on", "test", test);
    memcpy(shown, image, SHOWN * PIXELS * sizeof(float));
    for (int kind = 0; kind < 5; kind++) {
        for (int i = 0; i < TRIED * latent; i++) {
            int j = i % latent;
            float same = code[i + TRIED * latent], other = code[i + (TRIED + 1) * latent];         // 104 = 4 x 26: the same letter
            double z[5] = { code[i], code[i] + 0.5 * spread[j] * noise[i], (code[i] + same) / 2, (code[i] + other) / 2, mean[j] + spread[j] * noise[i] };
            changed[i] = (float)z[kind];
        }
        kit_apply(run->ae, ae_child(model, "decoder"), changed, TRIED, latent, 0, 0, TRIED, drawn);  // model.decoder(code)
        measure(run, what[kind], key[kind], drawn);
        memcpy(shown + (kind + 1) * SHOWN * PIXELS, drawn, SHOWN * PIXELS * sizeof(float));
    }
    ae_end(run->ae, mark);
    kit_grid(run, "new", "new letters from old codes?", shown, 6 * SHOWN, SHOWN, 0, "A B C D E F G H I J",
             "original reconstruction code_+_noise to_same_letter to_next_letter random_code");
    free(image); free(code); free(test); free(changed); free(drawn); free(mean);
}

/* One row of the table: a network of its own, trained for a few epochs.  Returns its test loss. */
static double try_latent(kit *run, int hidden, int latent, int epochs, ae_loader *batches, ae_loader *test)
{
    ae_net *model = autoencoder(run->ae, hidden, latent);
    ae_opt *adam = ae_adam(model, (float)run->lr);
    ae_tensor x;
    for (int epoch = 0; epoch < epochs; epoch++)
        while (!kit_stopped && ae_next_batch(batches, &x, NULL)) {
            x = ae_view(x, -1, PIXELS, 0, 0);
            ae_zero_grad(adam);
            ae_backward(ae_mse_loss(ae_forward(model, x), x, AE_MEAN));
            ae_step(adam);
        }
    return kit_test_loss(run, model, test, ae_mse_loss);
}

/* Loss against the size of the code, beside PCA's. */
static void table(kit *run, int hidden, ae_loader *batches, ae_loader *test)
{
    static const int size[SIZES] = { 2, 4, 8, 16, 32, 64 };
    int epochs = run->quick ? 1 : run->full ? 20 : 5;
    double rows[SIZES][3];
    char why[160];
    pca_model pca;
    pca_rows from = pca_rows_u8(run->train.images), to = pca_rows_u8(run->test.images);
    if (!pca_fit(run->ae, &from, run->train.n, PIXELS, size[SIZES - 1], &pca, why, sizeof why)) kit_die(run, 3, "PCA: %s", why);
    kit_catch_signals(1);
    printf("test loss after %d epoch%s by size of the code\n  code   autoencoder        PCA\n", epochs, epochs > 1 ? "s" : "");
    for (int i = 0; i < SIZES && !kit_stopped; i++) {
        rows[i][0] = size[i];
        rows[i][1] = try_latent(run, hidden, size[i], epochs, batches, test);
        rows[i][2] = pca_error(run->ae, &pca, &to, run->test.n, size[i]);
        if (kit_stopped) break;
        kit_say(run, "  %4d      %.6f   %.6f\n", size[i], rows[i][1], rows[i][2]);
        kit_print(&run->facts, ",\n  \"table_ae_%d\": %.9g,\n  \"table_pca_%d\": %.9g", size[i], rows[i][1], size[i], rows[i][2]);
    }
    pca_free(&pca);
    kit_catch_signals(0);
    if (!kit_stopped) kit_lines(run, "table", "test loss by size of the code", "numbers in the code\ttest loss", "xy", "size\tautoencoder\tPCA", rows[0], SIZES, 3);
    else printf("%s: interrupted in the table; the network and its pictures are in %s\n", run->lesson, run->out);
}

int main(int argc, char **argv)
{
    int hidden = 128, latent = 32, with_table = 0;
    const kit_option options[] = {
        { "hidden", KIT_INT, &hidden, 1, 4096, "units of the hidden layers" },
        { "latent", KIT_INT, &latent, 1, PIXELS, "numbers in the code" },
        { "table", KIT_FLAG, &with_table, 0, 0, "then train codes of 2, 4 ... 64 numbers, 5 epochs each (--quick 1, --full 20)" }, {0} };
    kit run = { .lesson = "lesson01", .about = "a first autoencoder: handwritten letters through 32 numbers", .flat = 1,
                .files = "loss, stored, letters, new, table: .png with their .u8 or .tsv",
                .in_quick = { 6, 128, 2e-3 }, .usual = { 10, 512, 1e-3 }, .in_full = { 20, 512, 1e-3 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);

    /* ---- DATA ---- */
    kit_data(&run, KIT_LETTERS, run.quick ? 20000 : 0);                    // datasets.EMNIST(..., split='letters')
    set_upright(&run);                                                     // transform=transforms.Compose([...])
    ae_loader *batches = kit_loader(&run, &run.train, 1);                  // DataLoader(train_data, shuffle=True, batch_size=512)
    ae_loader *test = kit_loader(&run, &run.test, 1);                      // DataLoader(test_data, shuffle=True, batch_size=512)
    ae_loader *in_order = kit_loader(&run, &run.test, 0);                  // a loss needs no shuffling

    /* ---- MODEL ---- */
    ae_net *model = autoencoder(ae, hidden, latent);                       // model = LinearAutoencoder(784, 128, 32)
    ae_opt *adam = ae_adam(model, (float)run.lr);                          // torch.optim.Adam(model.parameters(), lr=1e-3)
    double last = NAN;                                                     // the loss of the last batch
    kit_keep(&run, "last", &last, sizeof last);
    kit_restore(&run, model);
    kit_summary(&run, model);                                              // print(model)

    /* ---- TRAIN ---- */
    train(&run, model, adam, batches, in_order, &last);
    run.test_loss = kit_test_loss(&run, model, in_order, ae_mse_loss);
    kit_save(&run, model);                                                 // torch.save(model.state_dict(), ...)
    printf("Total Training Time: %.2f min\n", run.train_seconds / 60);
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    double mean_image, pca;
    look_at_test(&run, model, test);
    look_at_reload(&run, model, hidden, latent);
    look_for_new_letters(&run, model, latent);
    kit_baselines(&run, latent, &mean_image, &pca);
    if (with_table) table(&run, hidden, batches, in_order);
    if (kit_stopped) return kit_run_json(&run, 1), 130;
    return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-%d %.6f", run.test_loss, mean_image, latent, pca);
}
