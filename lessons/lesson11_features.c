/* lesson11_features.c - features and pre-training: is the code good for anything but drawing the image again?

   An autoencoder has seen 60,000 digits and no label.  Are its codes better features than pixels, or than PCA's?  Three ways to ask:
   nearest neighbours, a linear classifier, and clusters.  And with few labels at hand: does a classifier that begins with the
   encoder's weights do better than one that begins at random?  Five times each, so that luck shows.

       make lesson11 && ./lesson11 --quick          or:  cc -O2 lessons/lesson11_features.c -lm -lpthread
       ./lesson11 --latent 16 --steps 1000          a smaller code, a longer fine-tuning

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
#include "tsne.h"
#include "metrics.h"
enum { PIXELS = 784, HIDDEN = 256, CLASSES = 10, SEEDS = 5, SIZES = 3, NEIGHBOURS = 10, BATCH = 100 };
enum { SCRATCH, TUNED, FROZEN, LINEAR, WAYS };
static const int labels[SIZES] = { 100, 1000, 10000 };
static const char *const way_name[WAYS] = { "network from scratch", "network, pre-trained", "linear, on codes", "linear, on pixels" };
static const char *const name[] = { "encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias" };
static const char *const way_key[WAYS] = { "scratch", "tuned", "frozen", "pixels" };

/* Images, and what stands for them: pixels, PCA's numbers, the encoder's. */
typedef struct features { const char *name, *key; int d; float *train, *test; } features;
typedef struct lab {
    kit *run;
    int code, steps, sizes, rows;        /* rows: of the training set, that have labels here */
    features pixels, pca, codes;
    float *weight[4];                    /* of the encoder: two weights, two biases */
    double share[WAYS][SIZES][SEEDS];    /* % right on the test images */
} lab;

/* ==== MODEL ======================================================================================================= */

static void add_encoder(ae_net *net, int code)
{
    ae_net *encoder = ae_sequential(net, "encoder");                           // self.encoder = nn.Sequential(
    ae_nn_linear(encoder, PIXELS, HIDDEN), ae_nn_relu(encoder);                //     nn.Linear(784, 256), nn.ReLU(),
    ae_nn_linear(encoder, HIDDEN, code), ae_nn_relu(encoder);                  //     nn.Linear(256, 64), nn.ReLU())
}

static ae_net *autoencoder(ae_ctx *ae, int code)
{
    ae_net *net = ae_net_new(ae);
    add_encoder(net, code);
    ae_net *decoder = ae_sequential(net, "decoder");                           // self.decoder = nn.Sequential(
    ae_nn_linear(decoder, code, HIDDEN), ae_nn_relu(decoder);                  //     nn.Linear(64, 256), nn.ReLU(),
    ae_nn_linear(decoder, HIDDEN, PIXELS), ae_nn_sigmoid(decoder);             //     nn.Linear(256, 784), nn.Sigmoid())
    return net;
}

/* The encoder, and one linear layer in the place of the decoder. */
static ae_net *classifier(ae_ctx *ae, int code)
{
    ae_net *net = ae_net_new(ae);
    add_encoder(net, code);
    ae_name(ae_nn_linear(net, code, CLASSES), "head");                         // self.head = nn.Linear(64, 10)
    return net;
}

/* ==== TRAIN ======================================================================================================= */

static void train(kit *run, ae_net *model, ae_opt *adam, ae_loader *batches, ae_loader *test)
{
    ae_tensor x;
    while (kit_epoch(run, batches)) {                                          // for epoch in range(epochs):
        while (kit_batch(run) && ae_next_batch(batches, &x, NULL)) {           //     for x, _ in loader:
            x = ae_view(x, -1, PIXELS, 0, 0);                                  //         x = x.view(-1, 784)
            ae_tensor loss = ae_mse_loss(ae_forward(model, x), x, AE_MEAN);    //         loss = F.mse_loss(model(x), x)
            ae_zero_grad(adam);                                                //         optimizer.zero_grad()
            ae_backward(loss);                                                 //         loss.backward()
            ae_step(adam);                                                     //         optimizer.step()
            ae_accumulate(run->running, loss);
        }
        kit_epoch_end(run, kit_test_loss(run, model, test, ae_mse_loss));
    }
}

/* ==== FINE-TUNE =================================================================================================== */

/* Which training images have labels: the first n of an order that depends on the seed alone, so ways can be compared in pairs. */
static void draw_labelled(const lab *l, int seed, int n, const features *f, float *x, uint8_t *y)
{
    int rows = l->run->train.n, *order = (int *)kit_room(l->run, (size_t)rows * sizeof *order);
    for (int i = 0; i < rows; i++) order[i] = i;
    for (int i = 0; i < n; i++) {                                              /* Fisher and Yates' shuffle, as far as it is needed */
        int j = i + (int)(metrics_dice(l->run->seed * 7919 + (uint64_t)seed * 100003 + (uint64_t)i) * (rows - i)), row = order[j];
        order[j] = order[i], order[i] = row;
        memcpy(x + (size_t)i * (size_t)f->d, f->train + (size_t)row * (size_t)f->d, (size_t)f->d * sizeof *x);
        y[i] = l->run->train.labels[row];
    }
    free(order);
}

/* F.cross_entropy(out, y): the mean of -log softmax(out)[y]. */
static ae_tensor cross_entropy(ae_tensor out, ae_tensor y)
{
    return ae_nll_loss(ae_log_softmax(out), y, AE_MEAN);
}

static void fine_tune(ae_net *net, ae_loader *batches, int steps)
{
    ae_opt *adam = ae_adam(net, 1e-3f);                                        // optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    ae_tensor x, y;
    for (int step = 0; step < steps;)
        while (step < steps && ae_next_batch(batches, &x, &y)) {               // for x, y in loader:
            ae_tensor loss = cross_entropy(ae_forward(net, x), y);             //     loss = F.cross_entropy(net(x), y)
            ae_zero_grad(adam);                                                //     optimizer.zero_grad()
            ae_backward(loss);                                                 //     loss.backward()
            ae_step(adam), step++;                                             //     optimizer.step()
        }
}

/* One training with labels, in a context and on a thread of its own: a pair of networks begins with the same head. */
static void trial(void *user, int index)
{
    lab *l = (lab *)user;
    int way = index % 2, seed = index / 2 % SEEDS, size = index / 2 / SEEDS, n = labels[size];
    ae_config config = { 0 };
    config.seed = l->run->seed * 1000 + (uint64_t)seed, config.threads = 1;
    ae_ctx *ae = ae_new(&config);
    if (!ae) kit_die(l->run, 3, "out of memory");
    ae_net *net = classifier(ae, l->code);
    for (int i = 0; way == TUNED && i < 4; i++) ae_assign(ae_param(net, name[i]), l->weight[i]);    // net.encoder.load_state_dict(...)
    float *x = kit_floats(l->run, n, PIXELS);
    uint8_t *y = (uint8_t *)kit_room(l->run, (size_t)n);
    draw_labelled(l, seed, n, &l->pixels, x, y);
    ae_loader *batches = ae_loader_new(ae, BATCH, 1);
    ae_load_f32(batches, x, n, PIXELS, 0, 0), ae_load_labels(batches, y, n);
    fine_tune(net, batches, l->steps);
    float *score = kit_floats(l->run, l->run->test.n, CLASSES);
    kit_apply(ae, net, l->pixels.test, l->run->test.n, PIXELS, 0, 0, 500, score);
    l->share[way][size][seed] = 100 * metrics_right(score, l->run->test.labels, l->run->test.n, CLASSES);
    ae_free(ae), free(x), free(y), free(score);
}

/* The same few labels for a linear classifier on fixed features. */
static void probe_few(lab *l, const features *f, int way)
{
    float *x = kit_floats(l->run, labels[l->sizes - 1], f->d);
    uint8_t *y = (uint8_t *)kit_room(l->run, (size_t)labels[l->sizes - 1]);
    metrics_set test = { f->test, l->run->test.labels, l->run->test.n, f->d };
    for (int i = 0; i < l->sizes * SEEDS; i++) {
        metrics_set train = { x, y, labels[i / SEEDS], f->d };
        draw_labelled(l, i % SEEDS, train.n, f, x, y);
        l->share[way][i / SEEDS][i % SEEDS] = 100 * metrics_linear_probe(l->run->ae, &train, &test, CLASSES, NULL);
    }
    free(x), free(y);
}

/* ==== LOOK ======================================================================================================== */

/* A fact whose key names a way and how many labels there were. */
static void fact(const lab *l, const char *key, const char *way, int n, double value)
{
    char name[60];
    snprintf(name, sizeof name, "%s%s%.0d%s", way, n && *way ? "_" : "", n, key);
    kit_fact(l->run, name, value);
}

/* How well do these numbers tell digits apart, that no label has shaped? */
static void measure(lab *l, const features *f)
{
    kit *run = l->run;
    int *cluster = (int *)kit_room(run, (size_t)run->test.n * sizeof *cluster);
    metrics_set train = { f->train, run->train.labels, l->rows, f->d }, test = { f->test, run->test.labels, run->test.n, f->d };
    double knn = metrics_knn_accuracy(run->ae, &train, &test, NEIGHBOURS), probe = metrics_linear_probe(run->ae, &train, &test, CLASSES, NULL);
    double inertia = metrics_kmeans(run->ae, &test, CLASSES, 10, run->seed, cluster), purity = metrics_purity(cluster, test.label, test.n, CLASSES);
    if (knn < 0 || probe < 0 || inertia < 0) kit_die(run, 3, "out of memory");
    printf("  %-8s %4d numbers  %6.2f %%  %6.2f %%  %6.2f %%\n", f->name, f->d, 100 * knn, 100 * probe, 100 * purity);
    fact(l, "_knn", f->key, 0, knn), fact(l, "_probe", f->key, 0, probe), fact(l, "_purity", f->key, 0, purity);
    free(cluster);
}

/* The difference in pairs: both networks had the same labels, the same batches and the same head. */
static void look_at_gain(const lab *l)
{
    printf("\n  pre-trained - scratch   ");
    for (int s = 0; s < l->sizes; s++) {
        double gain[SEEDS], deviation, mean, wins = 0;
        for (int i = 0; i < SEEDS; i++) gain[i] = l->share[TUNED][s][i] - l->share[SCRATCH][s][i], wins += gain[i] > 0;
        mean = metrics_mean(gain, SEEDS, &deviation);
        printf("   %+6.2f +- %4.2f (%g/%d)", mean, deviation, wins, SEEDS);
        fact(l, "", "gain", labels[s], mean), fact(l, "_sd", "gain", labels[s], deviation), fact(l, "_wins", "gain", labels[s], wins);
    }
    printf("\n");
}

/* The table of few labels, its facts, and the figure with its error bars. */
static void look_at_labels(const lab *l)
{
    kit_text t = { NULL, 0, 0 };
    double deviation;
    printf("%% right on the test images, mean and standard deviation of %d drawings; labels:\n%26s", SEEDS, "");
    for (int s = 0; s < l->sizes; s++) printf("%14d        ", labels[s]);
    for (int w = 0; w < WAYS; w++) {
        printf("\n  %-24s", way_name[w]);
        kit_print(&t, "%s%s\tdeviation", w ? "\t" : "labels\t", way_name[w]);
        for (int s = 0; s < l->sizes; s++) {
            double mean = metrics_mean(l->share[w][s], SEEDS, &deviation);
            printf("   %6.2f +- %4.2f      ", mean, deviation);
            fact(l, "", way_key[w], labels[s], mean), fact(l, "_sd", way_key[w], labels[s], deviation);
        }
    }
    look_at_gain(l);
    for (int i = 0; i < WAYS * l->sizes; i++) {
        double mean = metrics_mean(l->share[i % WAYS][i / WAYS], SEEDS, &deviation);
        if (i % WAYS == 0) kit_print(&t, "\n%d", labels[i / WAYS]);
        kit_print(&t, "\t%.6g\t%.6g", mean, deviation);
    }
    kit_print(&t, "\n");
    kit_write(l->run, "labels.tsv", t.text, t.used), free(t.text);
    kit_plot(l->run, "errorbars", "labels.tsv", "labels", "few labels: mean of five drawings, and standard deviation", "images with labels\tright on the test images (%)\tx\t4");
}

/* The first test image of each digit over the training images that are nearest by pixels, and nearest by codes. */
static void look_at_neighbours(const lab *l)
{
    float grid[3 * CLASSES * PIXELS] = { 0 }, distance;
    const features *by[2] = { &l->pixels, &l->codes };
    int ten[CLASSES] = { 0 };
    for (int i = l->run->test.n - 1; i >= 0; i--) ten[l->run->test.labels[i]] = i;
    for (int k = 0, at = 0; k < CLASSES; k++) {
        memcpy(grid + k * PIXELS, l->pixels.test + (size_t)ten[k] * PIXELS, PIXELS * sizeof *grid);
        for (int f = 0; f < 2; f++) {
            tsne_nearest(l->run->ae, by[f]->train, l->rows, by[f]->test + (size_t)ten[k] * (size_t)by[f]->d, 1, by[f]->d, 1, &at, &distance);
            memcpy(grid + ((f + 1) * CLASSES + k) * PIXELS, l->pixels.train + (size_t)at * PIXELS, PIXELS * sizeof *grid);
        }
    }
    kit_grid(l->run, "neighbours", "test images over their nearest training images", grid, 3 * CLASSES, CLASSES, 0, "0 1 2 3 4 5 6 7 8 9", "original pixels codes");
}

/* Pixels as numbers, PCA's codes and the encoder's, of both sets. */
static void make_features(lab *l, ae_net *model)
{
    kit *run = l->run;
    pca_model m;
    char why[160];
    pca_rows train = pca_rows_u8(run->train.images), test = pca_rows_u8(run->test.images);
    l->pixels = (features){ "pixels", "pixels", PIXELS, kit_images(run, &run->train), kit_images(run, &run->test) };
    l->pca = (features){ "PCA", "pca", l->code, kit_floats(run, run->train.n, l->code), kit_floats(run, run->test.n, l->code) };
    l->codes = (features){ "codes", "codes", l->code, kit_floats(run, run->train.n, l->code), kit_floats(run, run->test.n, l->code) };
    if (!pca_fit(run->ae, &train, run->train.n, PIXELS, l->code, &m, why, sizeof why)) kit_die(run, 3, "PCA: %s", why);
    pca_project(run->ae, &m, &train, run->train.n, l->code, l->pca.train), pca_project(run->ae, &m, &test, run->test.n, l->code, l->pca.test);
    kit_apply(run->ae, ae_child(model, "encoder"), l->pixels.train, run->train.n, PIXELS, 0, 0, 500, l->codes.train);
    kit_apply(run->ae, ae_child(model, "encoder"), l->pixels.test, run->test.n, PIXELS, 0, 0, 500, l->codes.test);
    pca_free(&m);
}

int main(int argc, char **argv)
{
    static lab l = { .code = 64, .steps = 0 };
    const kit_option options[] = {
        { "latent", KIT_INT, &l.code,  1, PIXELS, "numbers in a code" },
        { "steps",  KIT_INT, &l.steps, 1, 1e6, "of training with labels (default 300; 100 with --quick, 1500 with --full)" }, {0} };
    kit run = { .lesson = "lesson11", .about = "features and pre-training: is the code good for anything but drawing the image again?", .flat = 1,
                .files = "loss, labels, neighbours: .png with their .u8 or .tsv",
                .in_quick = { 10, 100, 1e-3 }, .usual = { 8, 256, 1e-3 }, .in_full = { 40, 256, 1e-3 } };
    ae_ctx *ae = kit_start(l.run = &run, argc, argv, options);
    if (!l.steps) l.steps = run.quick ? 100 : run.full ? 1500 : 300;

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 10000 : 0);                         // datasets.MNIST(...)
    if (run.quick && run.test.n > 2000) run.test.n = 2000;
    l.sizes = run.quick ? 2 : SIZES, l.rows = run.quick ? 2000 : run.full ? run.train.n : 10000;
    if (run.train.n < 10000) kit_die(&run, 3, "10,000 training images are needed, and here are %d", run.train.n);
    ae_loader *batches = kit_loader(&run, &run.train, 1), *test = kit_loader(&run, &run.test, 0);

    /* ---- MODEL ---- */
    ae_net *model = autoencoder(ae, l.code);                                   // model = Autoencoder()
    ae_opt *adam = ae_adam(model, (float)run.lr);                              // optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    kit_restore(&run, model);
    kit_summary(&run, model);                                                  // print(model)

    /* ---- TRAIN ---- */
    train(&run, model, adam, batches, test);
    run.test_loss = kit_test_loss(&run, model, test, ae_mse_loss);
    kit_save(&run, model);                                                     // torch.save(model.state_dict(), ...)
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    double mean_image, pca;
    make_features(&l, model);
    printf("%d training images with labels     %d-NN    linear    purity of 10 clusters\n", l.rows, NEIGHBOURS);
    measure(&l, &l.pixels), measure(&l, &l.pca), measure(&l, &l.codes);
    for (int i = 0; i < 4; i++) {
        ae_tensor p = ae_param(model, name[i]);
        memcpy(l.weight[i] = kit_floats(&run, ae_size(p, -1), 1), ae_data(p), (size_t)ae_size(p, -1) * sizeof(float));
    }
    ae_parallel(ae, 2 * SEEDS * l.sizes, trial, &l);
    probe_few(&l, &l.codes, FROZEN), probe_few(&l, &l.pixels, LINEAR);
    look_at_labels(&l), look_at_neighbours(&l);
    kit_baselines(&run, l.code, &mean_image, &pca);
    float *all[] = { l.weight[0], l.weight[1], l.weight[2], l.weight[3], l.pixels.train, l.pixels.test, l.pca.train, l.pca.test, l.codes.train, l.codes.test };
    for (int i = 0; i < 10; i++) free(all[i]);
    return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-%d %.6f", run.test_loss, mean_image, l.code, pca);
}
