/* lesson04_stacked.c - a stacked autoencoder, and a learning rate that kills it

   Ten layers squeeze a digit into 9 numbers and draw it again.  With the document's learning rate, 0.1, the network ends
   by drawing one grey blot whatever it is shown.  We train it so, then with 0.001, and count the units that died in both.

       make lesson04 && ./lesson04 --quick          or:  cc -O2 lessons/lesson04_stacked.c -lm -lpthread
       ./lesson04 --lr 0.01 --latent 16             one network, of your choice;  --overfit: does a small code overfit less?

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
enum { PIXELS = 784, SHOWN = 20, LAST = 100, LAYERS = 8, WATCHED = 1000 };

/* A network in training, and what is kept of it; dead: units that say the same for every image, after one step, in the end. */
typedef struct trial {
    char name[24];
    int latent, layers;
    ae_net *model; ae_opt *adam;
    double variance, memory[2], test_loss, letters_loss; /* memory: bytes held after the first epoch, after the last */
    struct { int shown, dead[2][LAYERS]; float loss[LAST], image[2 * SHOWN * PIXELS]; } kept;
} trial;

/* The options, the n networks, and the test images as numbers. */
typedef struct lab {
    kit *run;
    float *image;
    int latent, layers, cnn, overfit, n, watched;
    double width, decay;
    const char *loss_name;
    ae_tensor (*loss)(ae_tensor, ae_tensor, ae_reduction);
    trial t[KIT_NETS];
} lab;

/* ==== MODEL ======================================================================================================= */

/* 784-128-64-36-18-9 and the same way back.  The loop that walks back is the decoder that the document leaves blank. */
static ae_net *stacked(ae_ctx *ae, const lab *l)
{
    int size[6] = { PIXELS, 128, 64, 36, 18 }, n = l->layers;
    for (int i = 1; i <= n; i++) size[i] = (int)fmax(1, size[i] * l->width + 0.5);
    size[n + 1] = l->latent;
    ae_net *net = ae_net_new(ae), *encoder = ae_sequential(net, "encoder");    // self.encoder = nn.Sequential(
    for (int i = 0; i <= n; i++) {
        ae_nn_linear(encoder, size[i], size[i + 1]);                           //   nn.Linear(784, 128), ..., nn.Linear(18, 9)
        if (i < n) ae_nn_relu(encoder);                                        //   with nn.ReLU() between them)
    }
    ae_net *decoder = ae_sequential(net, "decoder");                           // self.decoder = nn.Sequential(
    for (int i = n; i >= 0; i--) {
        ae_nn_linear(decoder, size[i + 1], size[i]);                           //   nn.Linear(9, 18), ..., nn.Linear(128, 784)
        if (i > 0) ae_nn_relu(decoder);                                        //   with nn.ReLU() between them,
    }
    ae_nn_sigmoid(decoder);                                                    //   nn.Sigmoid())
    return net;
}

/* The document's exercise: the same with convolutions, max pooling and flattening. */
static ae_net *convolutional(ae_ctx *ae, const lab *l)
{
    int a = (int)fmax(1, 16 * l->width + 0.5), b = (int)fmax(1, 32 * l->width + 0.5);
    ae_net *net = ae_net_new(ae), *encoder = ae_sequential(net, "encoder");    // self.encoder = nn.Sequential(
    ae_nn_unflatten(encoder, 1, 28, 28);                                       //   nn.Unflatten(1, (1, 28, 28)),
    ae_nn_conv2d(encoder, 1, a, 3, 1, 1), ae_nn_relu(encoder);                 //   nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
    ae_nn_max_pool2d(encoder, 2, 2, 0);                                        //   nn.MaxPool2d(2),                        16x14x14
    ae_nn_conv2d(encoder, a, b, 3, 1, 1), ae_nn_relu(encoder);                 //   nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
    ae_nn_max_pool2d(encoder, 2, 2, 0);                                        //   nn.MaxPool2d(2),                        32x7x7
    ae_nn_flatten(encoder), ae_nn_linear(encoder, b * 49, l->latent);          //   nn.Flatten(), nn.Linear(1568, 9))
    ae_net *decoder = ae_sequential(net, "decoder");                           // self.decoder = nn.Sequential(
    ae_nn_linear(decoder, l->latent, b * 49), ae_nn_relu(decoder);             //   nn.Linear(9, 1568), nn.ReLU(),
    ae_nn_unflatten(decoder, b, 7, 7);                                         //   nn.Unflatten(1, (32, 7, 7)),
    ae_nn_conv_transpose2d(decoder, b, a, 3, 2, 1, 1), ae_nn_relu(decoder);    //   nn.ConvTranspose2d(32, 16, 3, 2, 1, 1), nn.ReLU(),
    ae_nn_conv_transpose2d(decoder, a, 1, 3, 2, 1, 1);                         //   nn.ConvTranspose2d(16, 1, 3, 2, 1, 1),
    ae_nn_sigmoid(decoder), ae_nn_flatten(decoder);                            //   nn.Sigmoid(), nn.Flatten())
    return net;
}

/* ==== TRAIN ======================================================================================================= */

/* ae_diagnose says of each layer how many units give the same for all test images: they tell the next layer nothing. */
static void look_inside(const lab *l, trial *t, int end, int print)
{
    char text[4096];
    size_t mark = ae_begin(l->run->ae);
    ae_tensor x = ae_from(l->run->ae, l->image, l->watched, PIXELS, 0, 0), y = ae_forward(t->model, x);
    ae_diagnose(t->model, x, text, sizeof text);
    if (print) printf("ae_diagnose looks into %s:\n%s", t->name, text);
    t->layers = 0;
    for (const char *line = text; (line = strstr(line, " ReLU ")); line++) sscanf(line, " ReLU mean %*g std %*g %d of", &t->kept.dead[end][t->layers++]);
    ae_tensor d = ae_sub(y, ae_slice(y, 0, 0, 1));                             /* less the first output: what is equal gives exactly 0 */
    t->variance = ae_item(ae_reduce(ae_square(d), -1, AE_MEAN)) - ae_item(ae_reduce(ae_square(ae_reduce(d, 0, AE_MEAN)), -1, AE_MEAN));
    ae_end(l->run->ae, mark);
}

/* The document keeps every batch, output and loss, and with these their graph.  We keep what its pictures show. */
static void keep(const lab *l, trial *t, ae_tensor x, ae_tensor output, ae_tensor loss)
{
    int step = l->run->epoch * l->run->batches + l->run->started;
    t->kept.loss[(step - 1) % LAST] = ae_item(loss);                                // losses.append(loss)
    if (step == 1) look_inside(l, t, 0, 0);
    if (l->run->started < l->run->batches) return;
    t->kept.shown = ae_size(x, 0) < SHOWN ? ae_size(x, 0) : SHOWN;                  // outputs.append((epoch, image, reconstructed))
    memcpy(t->kept.image, ae_data(x), (size_t)t->kept.shown * PIXELS * sizeof(float));
    memcpy(t->kept.image + SHOWN * PIXELS, ae_data(output), (size_t)t->kept.shown * PIXELS * sizeof(float));
    t->memory[l->run->epoch > l->run->resumed] = (double)ae_memory(l->run->ae);
}

static void train(const lab *l, trial *t, ae_loader *batches, ae_loader *test)
{
    ae_tensor x;
    while (kit_epoch(l->run, batches)) {                                       // for epoch in range(epochs):
        while (kit_batch(l->run) && ae_next_batch(batches, &x, NULL)) {        //     for (image, _) in loader:
            x = ae_view(x, -1, PIXELS, 0, 0);                                  //         image = image.reshape(-1, 28 * 28)
            ae_tensor output = ae_forward(t->model, x);                        //         reconstructed = model(image)
            ae_tensor loss = l->loss(output, x, AE_MEAN);                      //         loss = loss_function(reconstructed, image)
            ae_accumulate(l->run->running, loss);
            ae_zero_grad(t->adam);                                             //         optimizer.zero_grad()
            ae_backward(loss);                                                 //         loss.backward()
            ae_step(t->adam);                                                  //         optimizer.step()
            keep(l, t, x, output, loss);
        }
        kit_epoch_end(l->run, kit_test_loss(l->run, t->model, test, l->loss));
    }
}

/* ==== LOOK ======================================================================================================== */

/* A fact of one of several networks: its name goes before the key, the number of the layer, if any, after it. */
static void fact(const lab *l, const trial *t, const char *key, int layer, double value)
{
    char name[80];
    snprintf(name, sizeof name, "%.20s%s%.40s%.0d", l->n > 1 ? t->name : "", l->n > 1 ? "_" : "", key, layer);
    kit_fact(l->run, name, value);
}

/* A table of how many units died, and when; whether the output depends on the image; and letters, which nobody has learnt. */
static void look_at_units(lab *l, const char *letters)
{
    const trial *end = l->t + l->n;
    for (trial *t = l->t; t < end; t++) look_inside(l, t, 1, t == l->t);
    printf("units that say the same for %d test images: after 1 step, at the end\n%8s", l->watched, "");
    for (const trial *t = l->t; t < end; t++) printf("%16s", t->name);
    for (int k = 0; k < l->t->layers; k++) {
        printf("\n  ReLU %d", k + 1);
        for (const trial *t = l->t; t < end; t++) {
            printf("%10d%6d", t->kept.dead[0][k], t->kept.dead[1][k]);
            fact(l, t, "step1_dead_units_", k + 1, t->kept.dead[0][k]), fact(l, t, "dead_units_", k + 1, t->kept.dead[1][k]);
        }
    }
    for (const trial *t = l->t; t < end; t++) {
        double grown = t->memory[1] > 0 ? (t->memory[1] - t->memory[0]) / 1e6 : 0;
        printf("\n%s: loss %.6f on digits, %.6f on letters (%s); variance of the output over the images %.3g; memory grew by %.1f MB",
               t->name, t->test_loss, t->letters_loss, letters, t->variance, grown);
        fact(l, t, "output_variance", 0, t->variance), fact(l, t, "letters_loss", 0, t->letters_loss), fact(l, t, "memory_growth_mb", 0, floor(grown + 0.5));
    }
    printf("\n");
}

/* The document's two figures: the losses of the last hundred iterations, and twenty images of the last batch. */
static void look_as_document(const lab *l)
{
    double last[LAST * (KIT_NETS + 1)];
    char header[200] = "iteration", name[80], side[80];
    int steps = l->run->epoch * l->run->batches, rows = steps < LAST ? steps : LAST, wide = l->n + 1;
    for (int k = 0, step; k < rows * wide; k++)
        step = steps - rows + k / wide, last[k] = k % wide ? l->t[k % wide - 1].kept.loss[step % LAST] : step + 1;
    for (const trial *t = l->t; t < l->t + l->n; t++) {
        strcat(strcat(header, "\t"), t->name);
        snprintf(name, sizeof name, "last_batch_%.20s", t->name), snprintf(side, sizeof side, "original original %.20s %.20s", t->name, t->name);
        if (t->kept.shown) kit_grid(l->run, name, "20 images of the last batch and their reconstructions", t->kept.image, 2 * SHOWN, 10, 0, "-", side);
    }
    if (l->t[l->n - 1].kept.shown) kit_lines(l->run, "last100", "the losses of the last 100 iterations", "iteration\tloss", "-", header, last, rows, wide);
}

/* The first image of each of ten labels, over what each network draws of it. */
static void draw_ten(const lab *l, const kit_set *set, int first, const char *name, const char *title, const char *top)
{
    float grid[KIT_NETS + 1][10][PIXELS] = { { { 0 } } };
    char side[200] = "original";
    for (int i = set->n - 1; i >= 0; i--)
        for (int j = 0; j < PIXELS && set->labels[i] < first + 10; j++) grid[0][set->labels[i] - first][j] = set->images[(size_t)i * PIXELS + j] / 255.0f;
    for (int i = 0; i < l->n; i++) {
        strcat(strcat(side, " "), l->t[i].name);
        kit_apply(l->run->ae, l->t[i].model, grid[0][0], 10, PIXELS, 0, 0, 10, grid[i + 1][0]);
    }
    kit_grid(l->run, name, title, grid[0][0], (l->n + 1) * 10, 10, 0, top, side);
}

/* "The smaller the code, the lower the risk of overfitting": the loss on the images of the training, and on others. */
static void look_at_overfitting(const lab *l, ae_loader *same)
{
    double rows[KIT_NETS][4];
    for (int i = 0; i < l->n; i++) {
        double train = kit_test_loss(l->run, l->t[i].model, same, l->loss), test = l->t[i].test_loss;
        rows[i][0] = l->t[i].latent, rows[i][1] = train, rows[i][2] = test, rows[i][3] = test - train;
        printf("code of %2d: loss %.6f on the training images, %.6f on test images, gap %.6f\n", l->t[i].latent, train, test, test - train);
        fact(l, &l->t[i], "train", 0, train), fact(l, &l->t[i], "gap", 0, test - train);
    }
    kit_lines(l->run, "overfit", "trained on 1,000 images", "numbers in the code\tloss", "x", "code\ttraining images\ttest images\tgap", rows[0], l->n, 4);
}

/* The test loss of PCA with so many numbers; with none, of the mean training image.  BCE wants them inside 0 .. 1. */
static double pca_loss(const lab *l, int units)
{
    int n = l->run->test.n;
    float *drawn = kit_floats(l->run, n, PIXELS);
    size_t mark = ae_begin(l->run->ae);
    kit_pca_images(l->run, units, drawn);
    for (int i = 0; l->loss == ae_bce_loss && i < n * PIXELS; i++) drawn[i] = fminf(fmaxf(drawn[i], 1 / 510.0f), 509 / 510.0f);
    double loss = ae_item(l->loss(ae_from(l->run->ae, drawn, n, PIXELS, 0, 0), ae_from(l->run->ae, l->image, n, PIXELS, 0, 0), AE_MEAN));
    ae_end(l->run->ae, mark), free(drawn);
    kit_fact(l->run, units ? "pca_loss" : "mean_image_loss", loss);
    return loss;
}

/* One more network and its optimiser.  Those with equal codes begin with the same weights. */
static void add(lab *l, const char *name, int latent, double lr)
{
    trial *t = &l->t[l->n++];
    snprintf(t->name, sizeof t->name, name, latent);
    t->latent = l->latent = latent;
    t->model = l->cnn ? convolutional(l->run->ae, l) : stacked(l->run->ae, l);
    t->adam = ae_adam(t->model, (float)lr);                                    // optimizer = torch.optim.Adam(model.parameters(),
    ae_set(t->adam, AE_WEIGHT_DECAY, (float)l->decay);                         //     lr=1e-1, weight_decay=1e-8)
    for (int i = 0; latent == l->t->latent && i < ae_params(t->model); i++)
        ae_assign(ae_param_at(t->model, i, NULL), ae_data(ae_param_at(l->t->model, i, NULL)));
    for (int i = 0; i < LAST; i++) t->kept.loss[i] = NAN;
    kit_keep(l->run, t->name, &t->kept, sizeof t->kept);
}

int main(int argc, char **argv)
{
    int one = 0, many = 0, slow = 0;                                           /* --lr, --overfit, --cnn change what is usual */
    for (int i = 1; i < argc; i++) one |= !strncmp(argv[i], "--lr", 4), many |= !strcmp(argv[i], "--overfit"), slow |= !strcmp(argv[i], "--cnn");
    const double lr = many ? 1e-3 : 1e-1;
    lab l = { .latent = 9, .layers = many ? 2 : 4, .width = 1, .decay = 1e-8, .loss_name = "mse" };
    const kit_option options[] = {
        { "loss",    KIT_NAME, &l.loss_name, 0, 0, "mse, l1 or bce" },
        { "latent",  KIT_INT,  &l.latent,    1, 784, "numbers in the code" },
        { "layers",  KIT_INT,  &l.layers,    0, 4, "hidden layers on each side: the first so many of 128, 64, 36, 18" },
        { "width",   KIT_REAL, &l.width,     0.01, 8, "multiplies their units, or the channels of --cnn" },
        { "decay",   KIT_REAL, &l.decay,     0, 1, "Adam's weight decay" },
        { "cnn",     KIT_FLAG, &l.cnn,       0, 0, "the document's exercise: convolutions, max pooling, flattening" },
        { "overfit", KIT_FLAG, &l.overfit,   0, 0, "six sizes of code on 1,000 training images: which overfits?" },
        { 0 } };
    kit run = { .lesson = "lesson04", .about = "a stacked autoencoder, and a learning rate that kills it", .flat = 1,
                .files = "loss, last100, last_batch_NAME, digits, letters, overfit: .png with .u8 or .tsv; several networks: model_NAME.safetensors",
                .in_quick = { many ? 40 : 2, 32, lr }, .usual = { many ? 200 : slow ? 2 : 8, 32, lr }, .in_full = { many ? 500 : 20, 32, lr } };
    kit_start(l.run = &run, argc, argv, options);
    l.loss = !strcmp(l.loss_name, "mse") ? ae_mse_loss : !strcmp(l.loss_name, "l1") ? ae_l1_loss : !strcmp(l.loss_name, "bce") ? ae_bce_loss : NULL;
    if (!l.loss) kit_die(&run, 2, "--loss %s: mse, l1 or bce is wanted", l.loss_name);
    if (l.cnn && l.layers != (many ? 2 : 4)) kit_die(&run, 2, "--layers is about the stacked network, not about --cnn");

    /* ---- DATA ---- */
    kit letters = { 0 };
    kit_data(&run, KIT_DIGITS, many ? 1000 : !run.quick ? 0 : l.cnn ? 8000 : 20000);  // datasets.MNIST(...)
    l.watched = run.test.n < WATCHED ? run.test.n : WATCHED, run.test.n = many || (run.quick && l.cnn) ? l.watched : run.test.n;
    kit_letters(&run, &letters);                                               // letters, for networks that have seen digits only
    ae_loader *batches = kit_loader(&run, &run.train, 1);                      // DataLoader(dataset, batch_size=32, shuffle=True)
    ae_loader *same = kit_loader(&run, &run.train, 0), *test = kit_loader(&run, &run.test, 0), *others = kit_loader(&run, &letters.test, 0);
    l.image = kit_images(&run, &run.test);

    /* ---- MODEL ---- */
    for (int code = 2; many && code <= 64; code *= 2) add(&l, "code%d", code, run.lr);
    if (!many) add(&l, one ? "network" : "document", l.latent, run.lr);        // model = AE()
    if (!many && !one) add(&l, "cure", l.latent, 1e-3);
    kit_restore(&run, l.n > 1 ? NULL : l.t->model);
    kit_summary(&run, l.t->model);                                             // print(model)

    /* ---- TRAIN ---- */
    for (trial *t = l.t; t < l.t + l.n; t++) {
        if (l.n > 1) kit_net(&run, t->name);
        train(&l, t, batches, test);
        t->test_loss = run.test_loss = kit_test_loss(&run, t->model, test, l.loss);
        kit_save(&run, t->model);
        t->letters_loss = kit_test_loss(&run, t->model, others, l.loss);
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    draw_ten(&l, &run.test, 0, "digits", "originals over reconstructions", "0 1 2 3 4 5 6 7 8 9");
    draw_ten(&l, &letters.test, 1, "letters", "letters, for networks that have seen digits only", "A B C D E F G H I J");
    if (many) look_at_overfitting(&l, same);
    else look_at_units(&l, letters.dataset), look_as_document(&l);
    double mean_image = pca_loss(&l, 0), pca = pca_loss(&l, l.latent);
    run.test_loss = l.t->test_loss, free(l.image), kit_free(&letters);
    return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-%d %.6f", run.test_loss, mean_image, l.latent, pca);
}
