/* lesson05_vanilla.c - the smallest autoencoder that works, and a loss that is never zero

   One layer squeezes a digit into 32 numbers, a second one draws it again.  That is all of the network, so this page has
   room for two other things.  The loss is binary cross-entropy: where does it come from, and why does even a perfect copy
   have a loss?  And the weights begin as random numbers: how large should they be?

       make lesson05 && ./lesson05 --quick          or:  cc -O2 lessons/lesson05_vanilla.c -lm -lpthread
       ./lesson05 --init document                   weights as the document's code really sets them

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"

enum { PIXELS = 784, SHOWN = 5 };                            /* the losses of batches 0, 50, 100, 150, 200 are kept */

/* ==== MODEL ======================================================================================================= */

static ae_net *autoencoder(ae_ctx *ae, int code, const char *activation)
{
    ae_net *net = ae_net_new(ae);
    ae_name(ae_nn_linear(net, PIXELS, code), "linear_1");    // self.linear_1 = nn.Linear(784, 32)
    if (activation[0] == 'l')      ae_nn_leaky_relu(net, 0.01f);   // F.leaky_relu(encoded)
    else if (activation[0] == 'r') ae_nn_relu(net);
    else                           ae_nn_tanh(net);
    ae_name(ae_nn_linear(net, code, PIXELS), "linear_2");    // self.linear_2 = nn.Linear(32, 784)
    ae_nn_sigmoid(net);                                      // torch.sigmoid(logits)
    return net;
}

/* Weights from the normal distribution with standard deviation 0.1, biases zero. */
static void redraw(ae_ctx *ae, ae_net *net, const char *layer)
{
    ae_tensor weight = ae_param(ae_child(net, layer), "weight"), bias = ae_param(ae_child(net, layer), "bias");
    ae_tensor normal = ae_randn(ae, ae_size(weight, 0), ae_size(weight, 1), 0, 0);
    ae_assign(weight, ae_data(ae_affine(normal, 0.1f, 0)));  // self.linear_1.weight.detach().normal_(0.0, 0.1)
    ae_assign(bias, NULL);                                   // self.linear_1.bias.detach().zero_()
}

/* The document means to set both layers, but names the first one twice, so the second stays as PyTorch makes it. */
static void initialise(ae_ctx *ae, ae_net *net, const char *init)
{
    if (!strcmp(init, "pytorch")) return;
    redraw(ae, net, "linear_1");
    redraw(ae, net, strcmp(init, "document") ? "linear_2" : "linear_1");
}

/* ==== TRAIN ======================================================================================================= */

static void train(kit *run, ae_net *model, ae_opt *adam, ae_loader *batches, ae_loader *test, double *shown)
{
    static const char *const names[SHOWN] = { "batch0", "batch50", "batch100", "batch150", "batch200" };
    double start = kit_seconds();
    ae_tensor features;
    while (kit_epoch(run, batches)) {                                           // for epoch in range(num_epochs):
        for (int i = 0; i < SHOWN && !run->started; i++) shown[i] = NAN;
        while (kit_batch(run) && ae_next_batch(batches, &features, NULL)) {     //     for batch_idx, (features, _) in enumerate(train_loader):
            features = ae_view(features, -1, PIXELS, 0, 0);                     //         features = features.view(-1, 28*28)
            ae_tensor decoded = ae_forward(model, features);                    //         decoded = model(features)
            ae_tensor cost = ae_bce_loss(decoded, features, AE_MEAN);           //         cost = F.binary_cross_entropy(decoded, features)
            ae_zero_grad(adam);                                                 //         optimizer.zero_grad()
            ae_backward(cost);                                                  //         cost.backward()
            ae_step(adam);                                                      //         optimizer.step()
            ae_accumulate(run->running, cost);
            int index = run->started - 1;                                       /* kit_batch has counted this batch already */
            if (index % 50) continue;                                           //         if not batch_idx % 50:
            double value = (double)ae_item(cost);
            kit_say(run, "Epoch: %03d/%03d | Batch %03d/%03d | Cost: %.4f\n", run->epoch + 1, run->epochs, index, run->batches, value);
            if (index / 50 < SHOWN) shown[index / 50] = value;
        }
        for (int i = 0; i < SHOWN; i++) kit_column(run, names[i], shown[i]);
        if (run->started > run->batches) kit_say(run, "Time elapsed: %.2f min\n", (kit_seconds() - start) / 60);
        kit_epoch_end(run, kit_test_loss(run, model, test, ae_bce_loss));
    }
    kit_say(run, "Total Training Time: %.2f min\n", (kit_seconds() - start) / 60);
}

/* ==== LOOK ======================================================================================================== */

/* Before the first step: how far from zero are the numbers inside?  Outputs near 1/2 cost ln 2 a pixel, and a little more
   the further the logits scatter: see "Initialisation" on the page. */
static void look_at_start(kit *run, ae_net *model, const float *image, int code)
{
    int n = run->test.n < 1000 ? run->test.n : 1000;
    float *inside = kit_floats(run, n, code), *drawn = kit_floats(run, n, PIXELS);
    double first = 0, second = 0;
    kit_apply(run->ae, ae_child(model, "linear_1"), image, n, PIXELS, 0, 0, 256, inside);
    kit_apply(run->ae, model, image, n, PIXELS, 0, 0, 256, drawn);
    for (int i = 0; i < n * code; i++) first += inside[i] * inside[i] / (n * code);
    for (int i = 0; i < n * PIXELS; i++) second += pow(log(drawn[i] / (1 - drawn[i])), 2) / (n * PIXELS);
    printf("before training: numbers before the activation scatter by %.3f, the logits by %.3f,\n"
           "so the first cost should be near ln 2 + %.3f^2 / 8 = %.4f\n", sqrt(first), sqrt(second), sqrt(second), log(2) + second / 8);
    kit_fact(run, "start_code_scatter", sqrt(first));
    kit_fact(run, "start_logit_scatter", sqrt(second));
    kit_fact(run, "start_predicted_loss", log(2) + second / 8);
    free(inside), free(drawn);
}

/* The losses that the document's log shows, as facts: those of the first epoch, and the first and last ones of epoch 5. */
static void keep_log(kit *run)
{
    double at[SHOWN];
    char key[32];
    int epoch;
    for (const char *line = run->log.text; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (sscanf(line, "%d %*s %*s %*s %*s %lf %lf %lf %lf %lf", &epoch, &at[0], &at[1], &at[2], &at[3], &at[4]) != 6) continue;
        for (int i = 0; i < SHOWN; i++) {
            snprintf(key, sizeof key, "%sloss_step%d", epoch == 5 ? "epoch5_" : "", 50 * i);
            if (epoch == 1 || (epoch == 5 && i % (SHOWN - 1) == 0)) kit_fact(run, key, at[i]);
        }
    }
}

/* The cross-entropy of one pixel that is x where p was predicted.  0 log 0 is 0. */
static double cross_entropy(double x, double p)
{
    return -(x > 0 ? x * log(p) : 0) - (x < 1 ? (1 - x) * log(1 - p) : 0);
}

/* The loss of a pixel against the prediction: the best prediction is the pixel itself, and for grey pixels it costs, too. */
static void look_at_loss(kit *run)
{
    double curve[90 * 5];
    for (int i = 0; i < 90; i++) {
        double p = curve[5 * i] = (i + 1) / 100.0;
        for (int k = 0; k < 4; k++) curve[5 * i + 1 + k] = cross_entropy(k == 3 ? 1 : 0.25 * k, p);
    }
    kit_lines(run, "bce", "binary cross-entropy of one pixel", "predicted\tloss (nats)", "-",
              "predicted\tblack pixel, x = 0\tdark grey, x = 0.25\tgrey, x = 0.5\twhite, x = 1", curve, 90, 5);
}

/* The mean cross-entropy of the test images when `drawn` is predicted.  A prediction of exactly 0 or 1 that is wrong would
   cost infinitely much, so predictions stay half a grey level away from both. */
static double mean_cross_entropy(const kit *run, const float *image, const float *drawn)
{
    double sum = 0, count = (double)run->test.n * PIXELS;
    for (int i = 0; i < run->test.n * PIXELS; i++) sum += cross_entropy(image[i], fmin(fmax(drawn[i], 0.5 / 255), 254.5 / 255));
    return sum / count;
}

/* What the loss means: the floor, which a perfect copy has, then predictions without a network. */
static double baselines(kit *run, const float *image, int code, float *pca, double *pca_loss)
{
    double floor = 0, mean_image, count = (double)run->test.n * PIXELS;
    for (int i = 0; i < run->test.n * PIXELS; i++) floor += cross_entropy(image[i], image[i]) / count;
    kit_pca_images(run, 0, pca);
    mean_image = mean_cross_entropy(run, image, pca);
    kit_pca_images(run, code, pca);
    *pca_loss = mean_cross_entropy(run, image, pca);
    printf("test loss of                loss     above the floor\n"
           "  the mean training image   %.4f   %.4f\n  PCA-%d, clipped%*s   %.4f   %.4f\n"
           "  this network              %.4f   %.4f\n  a perfect copy            %.4f   the floor: the test images are not all black and white\n",
           mean_image, mean_image - floor, code, code < 10 ? 9 : code < 100 ? 8 : 7, "", *pca_loss, *pca_loss - floor,
           run->test_loss, run->test_loss - floor, floor);
    kit_fact(run, "floor_loss", floor);
    kit_fact(run, "mean_image_loss", mean_image);
    kit_fact(run, "pca_loss", *pca_loss);
    kit_fact(run, "above_floor", run->test_loss - floor);
    kit_fact(run, "pca_above_floor", *pca_loss - floor);
    return mean_image;
}

/* The first test image of each digit, what the network draws of it, and what PCA draws. */
static void look_at_digits(kit *run, ae_net *model, const float *image, const float *pca)
{
    float grid[30 * PIXELS] = {0};
    for (int i = run->test.n - 1; i >= 0; i--) {
        memcpy(grid + run->test.labels[i] * PIXELS, image + i * PIXELS, PIXELS * sizeof(float));
        memcpy(grid + (20 + run->test.labels[i]) * PIXELS, pca + i * PIXELS, PIXELS * sizeof(float));
    }
    kit_apply(run->ae, model, grid, 10, PIXELS, 0, 0, 10, grid + 10 * PIXELS);
    kit_grid(run, "digits", "test images over their reconstructions", grid, 30, 10, 0, "0 1 2 3 4 5 6 7 8 9", "original network PCA");
}

/* Each number of the code adds its own picture to the logits, as strong as the number is: column k of linear_2's weights.
   Grey is nothing, white is more ink, black is less. */
static void look_at_strokes(kit *run, ae_net *model, int code)
{
    int n = code < 64 ? code : 64;
    float *picture = kit_floats(run, n, PIXELS);
    const float *weight = ae_data(ae_param(model, "linear_2.weight"));              /* [784][code] */
    for (int k = 0; k < n; k++) {
        float most = 1e-9f;
        for (int j = 0; j < PIXELS; j++) most = fmaxf(most, fabsf(weight[j * code + k]));
        for (int j = 0; j < PIXELS; j++) picture[k * PIXELS + j] = 0.5f + weight[j * code + k] / (2 * most);
    }
    kit_grid(run, "strokes", "what each number of the code adds: white more ink, black less", picture, n, n < 8 ? n : 8, 0, "-", "-");
    free(picture);
}

int main(int argc, char **argv)
{
    int code = 32;
    const char *init = "both", *activation = "leaky";
    const kit_option options[] = {
        { "init",       KIT_NAME, &init,       0, 0, "weights from N(0, 0.1): both layers; document: the first only; pytorch: none" },
        { "latent",     KIT_INT,  &code,       1, PIXELS, "numbers in a code" },
        { "activation", KIT_NAME, &activation, 0, 0, "between the layers: leaky, relu or tanh" }, {0} };
    kit run = { .lesson = "lesson05", .about = "the smallest autoencoder that works, and a loss that is never zero",
                .files = "loss, bce, digits, strokes: .png with their .u8 or .tsv", .seed = 123, .flat = 1,
                .in_quick = { 4, 100, 5e-3 }, .usual = { 5, 256, 5e-3 }, .in_full = { 5, 256, 5e-3 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);                          // torch.manual_seed(123)
    if (strcmp(init, "both") && strcmp(init, "document") && strcmp(init, "pytorch"))
        kit_die(&run, 2, "--init %s: both, document or pytorch is wanted", init);
    if (strcmp(activation, "leaky") && strcmp(activation, "relu") && strcmp(activation, "tanh"))
        kit_die(&run, 2, "--activation %s: leaky, relu or tanh is wanted", activation);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 20000 : 0);                          // datasets.MNIST(...)
    ae_loader *batches = kit_loader(&run, &run.train, 1);                       // DataLoader(train_dataset, batch_size=256, shuffle=True)
    ae_loader *test = kit_loader(&run, &run.test, 0);                           // DataLoader(test_dataset, batch_size=256)
    float *image = kit_images(&run, &run.test), *pca = kit_floats(&run, run.test.n, PIXELS);

    /* ---- MODEL ---- */
    ae_net *model = autoencoder(ae, code, activation);                          // model = Autoencoder(num_features=784)
    initialise(ae, model, init);
    ae_opt *adam = ae_adam(model, (float)run.lr);                               // optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    double shown[SHOWN] = { 0 };                                                // what the document's log shows of an epoch
    kit_keep(&run, "shown", shown, sizeof shown);
    kit_restore(&run, model);
    kit_summary(&run, model);                                                   // print(model)
    if (!run.resume && !run.load) look_at_start(&run, model, image, code);

    /* ---- TRAIN ---- */
    train(&run, model, adam, batches, test, shown);
    run.test_loss = kit_test_loss(&run, model, test, ae_bce_loss);
    kit_save(&run, model);                                                      // torch.save(model.state_dict(), ...)
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    double pca_loss, mean_image = baselines(&run, image, code, pca, &pca_loss);
    keep_log(&run);
    look_at_loss(&run);
    look_at_digits(&run, model, image, pca);
    look_at_strokes(&run, model, code);
    free(image), free(pca);
    return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-%d %.6f", run.test_loss, mean_image, code, pca_loss);
}
