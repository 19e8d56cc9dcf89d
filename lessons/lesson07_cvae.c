/* lesson07_cvae.c - a conditional variational autoencoder: we name the digit, it invents the handwriting

   Lesson06 could draw new digits, but not the digit that we want.  Here encoder and decoder are both told the label.  So
   the code z need not say which digit it is any more, only how it is written: one z, drawn with all ten labels, gives ten
   digits in one handwriting.  The last part of this page measures that, with a nearest neighbour for a judge.

       make lesson07 && ./lesson07 --quick          or:  cc -O2 lessons/lesson07_cvae.c -lm -lpthread

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
#include "tsne.h"                                            /* for its search of nearest neighbours */

enum { PIXELS = 784, CLASSES = 10, MANY = 1000, KNOWN = 10000 };
typedef struct cvae {
    kit *run; ae_net *net;
    int latent, label_in_loss, unconditional, batchnorm, bare, shapes, classify;         /* the options */
    double beta, slope; const char *activation;
    ae_tensor noise;                                         /* [n][latent] of N(0,1): the same in every test */
    float *mean, *image, *known;                             /* [n][latent] of the test images; these; training images */
    double cost, reconstruction, kl, mean_cost;              /* of the test images, nats an image; of an epoch's batches */
} cvae;
typedef struct pass { ae_tensor mean, drawn, bce, kl; } pass;        /* of one batch: [B,latent], [B,1,28,28], two sums */

/* ==== MODEL ======================================================================================================= */

static ae_net *layers(const cvae *c)
{
    static const char *const norm[5] = { "enc_bn_1", "enc_bn_2", "enc_bn_3", "dec_bn_1", "dec_bn_2" };
    ae_net *net = ae_net_new(c->run->ae);
    int out = c->label_in_loss ? 1 + CLASSES : 1;
    ae_name(ae_nn_conv2d(net, 1 + CLASSES, 16, 6, 2, 0), "enc_conv_1");              // nn.Conv2d(11, 16, 6, stride=2)                       16x12x12
    ae_name(ae_nn_conv2d(net, 16, 32, 4, 2, 0), "enc_conv_2");                       // nn.Conv2d(16, 32, 4, stride=2)                       32x5x5
    ae_name(ae_nn_conv2d(net, 32, 64, 2, 2, 0), "enc_conv_3");                       // nn.Conv2d(32, 64, 2, stride=2)                       64x2x2
    ae_name(ae_nn_linear(net, 256, c->latent), "z_mean");                            // nn.Linear(64*2*2, num_latent)
    ae_name(ae_nn_linear(net, 256, c->latent), "z_log_var");                         // nn.Linear(64*2*2, num_latent)
    ae_name(ae_nn_linear(net, c->latent + CLASSES, 256), "dec_linear_1");            // nn.Linear(num_latent + 10, 64*2*2)                   64x2x2
    ae_name(ae_nn_conv_transpose2d(net, 64, 32, 2, 2, 0, 0), "dec_deconv_1");        // nn.ConvTranspose2d(64, 32, 2, stride=2)              32x4x4
    ae_name(ae_nn_conv_transpose2d(net, 32, 16, 4, 3, 1, 0), "dec_deconv_2");        // nn.ConvTranspose2d(32, 16, 4, stride=3, padding=1)   16x11x11
    ae_name(ae_nn_conv_transpose2d(net, 16, out, 6, 3, 4, 0), "dec_deconv_3");       // nn.ConvTranspose2d(16, 1, 6, stride=3, padding=4)    1x28x28
    for (int i = 0; i < 5 && c->batchnorm; i++) ae_name(ae_nn_batch_norm2d(net, 64 >> abs(i - 2)), norm[i]);
    return net;
}

/* A layer, its batch normalisation if it has one, and the activation; --shapes prints what comes out. */
static ae_tensor layer(const cvae *c, const char *name, const char *norm, ae_tensor x)
{
    x = ae_forward(ae_child(c->net, name), x);                                           // x = self.enc_conv_1(x)
    if (c->batchnorm && *norm) x = ae_forward(ae_child(c->net, norm), x);
    if (*norm || !c->bare)                                                               // x = F.leaky_relu(x)
        x = *c->activation == 'r' ? ae_relu(x) : *c->activation == 't' ? ae_tanh(x) : ae_leaky_relu(x, (float)c->slope);
    if (c->shapes) printf("%s out: torch.Size([%d, %d, %d, %d])\n", name, ae_size(x, 0), ae_size(x, 1), ae_size(x, 2), ae_size(x, 3));
    return x;
}

/* The code and the label, ten numbers of which one is 1, to an image. */
static ae_tensor decode(const cvae *c, ae_tensor z, ae_tensor label)
{
    ae_tensor h = ae_forward(ae_child(c->net, "dec_linear_1"), ae_cat(z, label, 1));     // torch.cat((encoded, onehot_targets), dim=1)
    h = layer(c, "dec_deconv_1", "dec_bn_1", ae_view(h, -1, 64, 2, 2));                  // x.view(-1, 64, 2, 2): no activation here
    h = layer(c, "dec_deconv_2", "dec_bn_2", h);
    return ae_sigmoid(layer(c, "dec_deconv_3", "", h));                                  // torch.sigmoid(F.leaky_relu(x))
}

/* Images and labels through the whole network, and the two halves of the cost, both of them sums. */
static pass forward(const cvae *c, ae_tensor x, ae_tensor y, ae_tensor eps)
{
    pass p; int B = ae_size(x, 0);
    ae_tensor label = ae_affine(ae_one_hot(y, CLASSES), !c->unconditional, 0);           // F.one_hot(y, 10).float(); --unconditional: ten zeros
    ae_tensor maps = ae_expand(ae_view(label, B, CLASSES, 1, 1), B, CLASSES, 28, 28);    // ones * onehot_targets
    ae_tensor both = ae_cat(x, maps, 1);                                                 // torch.cat((features, ones), dim=1)
    ae_tensor h = layer(c, "enc_conv_1", "enc_bn_1", both);
    h = layer(c, "enc_conv_2", "enc_bn_2", h);
    h = layer(c, "enc_conv_3", "enc_bn_3", h);
    h = ae_view(h, -1, 256, 0, 0);                                                       // x.view(-1, 64*2*2)
    p.mean = ae_forward(ae_child(c->net, "z_mean"), h);                                  // z_mean = self.z_mean(x)
    ae_tensor log_var = ae_forward(ae_child(c->net, "z_log_var"), h);                    // z_log_var = self.z_log_var(x)
    ae_tensor z = ae_add(p.mean, ae_mul(eps, ae_exp(ae_affine(log_var, 0.5f, 0))));      // z_mu + eps * torch.exp(z_log_var / 2)
    p.drawn = decode(c, z, label);
    p.bce = ae_bce_loss(p.drawn, c->label_in_loss ? both : x, AE_SUM);                   // F.binary_cross_entropy(decoded, features, reduction='sum')
    p.kl = ae_kl_loss(p.mean, log_var, AE_SUM);                                          // (0.5 * (z_mean**2 + torch.exp(z_log_var) - z_log_var - 1)).sum()
    return p;
}

/* ==== TRAIN ======================================================================================================= */

/* The cost of the test images, in its parts; and the means of their codes. */
static void measure(cvae *c, ae_loader *test)
{
    int before = ae_grad_enabled(c->run->ae, 0), n = c->run->test.n, at = 0;             // with torch.no_grad():
    double start = kit_seconds(); ae_tensor x, y;
    c->cost = c->reconstruction = c->kl = 0;
    ae_train(c->net, 0);                                                                 // model.eval()
    for (; ae_next_batch(test, &x, &y); at += ae_size(x, 0)) {
        pass p = forward(c, x, y, ae_slice(c->noise, 0, at, at + ae_size(x, 0)));
        memcpy(c->mean + at * c->latent, ae_data(p.mean), (size_t)ae_size(p.mean, -1) * sizeof(float));
        c->reconstruction += (double)ae_item(ae_bce_loss(ae_slice(p.drawn, 1, 0, 1), x, AE_SUM)) / n;    /* of the image alone */
        c->kl += (double)ae_item(p.kl) / n;
        c->cost += ((double)ae_item(p.bce) + c->beta * (double)ae_item(p.kl)) / n;
    }
    ae_grad_enabled(c->run->ae, before);
    c->run->test_seconds = kit_seconds() - start;
}

static void train(cvae *c, ae_opt *adam, ae_loader *batches, ae_loader *test)
{
    kit *run = c->run;
    ae_tensor x, y;
    while (kit_epoch(run, batches)) {                                                    // for epoch in range(num_epochs):
        if (!run->started) c->mean_cost = 0;
        ae_train(c->net, 1);                                                             //     model.train()
        while (kit_batch(run) && ae_next_batch(batches, &x, &y)) {                       //     for batch_idx, (features, targets) in enumerate(train_loader):
            int B = ae_size(x, 0), index = run->started - 1;
            pass p = forward(c, x, y, ae_randn(run->ae, B, c->latent, 0, 0));            //         eps = torch.randn(z_mu.size(0), z_mu.size(1))
            ae_tensor cost = ae_add(p.bce, ae_affine(p.kl, (float)c->beta, 0));          //         cost = kl_divergence + pixelwise_bce
            ae_zero_grad(adam);                                                          //         optimizer.zero_grad()
            ae_backward(cost);                                                           //         cost.backward()
            ae_step(adam);                                                               //         optimizer.step()
            ae_accumulate(run->running, ae_affine(cost, 1.0f / (float)B, 0));            /* the log is in nats an image */
            double now = (double)ae_item(cost); c->shapes = 0, c->mean_cost += now / run->batches;
            if (run->epoch == 0 && (index == 0 || index == 100 || index == 450)) kit_print(&run->facts, ",\n  \"cost_step%d\": %.9g", index, now);
            if (index % 50 == 0 && (run->full || run->epoch == 0))                       //         if not batch_idx % 50: print(...)
                kit_say(run, "Epoch: %03d/%03d | Batch %03d/%03d | Cost: %.4f\n", run->epoch + 1, run->epochs, index, run->batches, now);
        }
        if (run->epoch == 4 && run->started > run->batches) kit_fact(run, "epoch5_mean_cost", c->mean_cost);
        measure(c, test);
        kit_column(run, "test_reconstruction", c->reconstruction), kit_column(run, "test_kl", c->kl);
        kit_epoch_end(run, c->cost);
    }
}

/* ==== LOOK ======================================================================================================== */

/* Rows of codes and their labels to images. */
static void draw(const cvae *c, const float *code, const uint8_t *label, int n, float *image)
{
    float y[MANY]; size_t mark = ae_begin(c->run->ae);
    for (int i = 0; i < n; i++) y[i] = label[i];
    ae_tensor one_hot = ae_affine(ae_one_hot(ae_from(c->run->ae, y, n, 0, 0, 0), CLASSES), !c->unconditional, 0);
    ae_tensor drawn = decode(c, ae_from(c->run->ae, code, n, c->latent, 0, 0), one_hot);
    memcpy(image, ae_data(ae_slice(drawn, 1, 0, 1)), (size_t)n * PIXELS * sizeof(float));
    ae_end(c->run->ae, mark);
}

/* The judge: in how many of a thousand images has the nearest of 10,000 training images the label that we wanted? */
static void judge(const cvae *c, const char *what, const char *key, const float *image, const uint8_t *wanted)
{
    int nearest[MANY], right = 0; float distance[MANY];
    if (!tsne_nearest(c->run->ae, c->known, KNOWN, image, MANY, PIXELS, 1, nearest, distance)) kit_die(c->run, 3, "out of memory");
    for (int i = 0; i < MANY; i++) right += c->run->train.labels[nearest[i]] == wanted[i];
    printf("the judge sees the right digit in %5.1f %% of %s\n", 100.0 * right / MANY, what);
    kit_fact(c->run, key, (double)right / MANY);
}

/* How far an image leans to the right: 0 is upright, 1 is 45 degrees. */
static double slant(const float *p)
{
    double x = 0, y = 0, xy = 0, yy = 0, sum = 1e-9;
    for (int i = 0; i < PIXELS; i++) sum += p[i], x += p[i] * (i % 28), y += p[i] * (i / 28);
    for (int i = 0; i < PIXELS; i++) xy += p[i] * (i % 28 - x / sum) * (i / 28 - y / sum), yy += p[i] * pow(i / 28 - y / sum, 2);
    return -xy / (yy + 1e-9);
}

/* New digits: a hundred random codes for each label, of which ten are shown.  Then a thousand test images, each redrawn
   from its code as another digit: is it that digit, and does it lean as the image did? */
static void look_at_thousand(const cvae *c)
{
    static float drawn[MANY * PIXELS];
    double a = 0, b = 0, ab = 0, aa = 0, bb = 0;
    uint8_t label[MANY];
    for (int i = 0; i < MANY; i++) label[i] = (uint8_t)(i / 10 % CLASSES);
    draw(c, ae_data(ae_randn(c->run->ae, MANY, c->latent, 0, 0)), label, MANY, drawn);   // z = torch.randn(1000, num_latent)
    kit_grid(c->run, "samples", "drawn from random codes, a row a label", drawn, 100, 10, 0, "-", "0 1 2 3 4 5 6 7 8 9");
    judge(c, "the test images", "judge_test_images", c->image, c->run->test.labels);
    judge(c, "the images drawn from random codes", "judge_samples", drawn, label);
    for (int i = 0; i < MANY; i++) label[i] = (uint8_t)((c->run->test.labels[i] + 1 + i % 9) % CLASSES);
    draw(c, c->mean, label, MANY, drawn);
    judge(c, "the test images redrawn as another digit", "judge_redrawn", drawn, label);
    for (int i = 0; i < MANY; i++) {
        double s = slant(c->image + i * PIXELS), t = slant(drawn + i * PIXELS);
        a += s / MANY, b += t / MANY, ab += s * t / MANY, aa += s * s / MANY, bb += t * t / MANY;
    }
    double correlation = (ab - a * b) / sqrt((aa - a * a) * (bb - b * b) + 1e-30);
    printf("the slant of those and that of the test images they come from: correlation %.2f\n", correlation);
    kit_fact(c->run, "slant_correlation", correlation);
}

/* One code through all ten labels, for the first test image of each digit; the image itself stands before its row. */
static void look_at_styles(const cvae *c)
{
    static float row[10 * 400], grid[110 * PIXELS], pairs[20 * PIXELS];
    const uint8_t label[CLASSES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    size_t size = PIXELS * sizeof(float);
    for (int i = 0; i < CLASSES; i++) {
        int at = 0, L = c->latent;
        while (at < c->run->test.n - 1 && c->run->test.labels[at] != i) at++;
        for (int k = 0; k < 10 * L; k++) row[k] = c->mean[at * L + k % L];
        memcpy(grid + 11 * i * PIXELS, c->image + at * PIXELS, size);
        draw(c, row, label, CLASSES, grid + (11 * i + 1) * PIXELS);
        memcpy(pairs + i * PIXELS, c->image + at * PIXELS, size);
        memcpy(pairs + (10 + i) * PIXELS, grid + (12 * i + 1) * PIXELS, size);
    }
    kit_grid(c->run, "digits", "test images over their reconstructions", pairs, 20, 10, 0, "0 1 2 3 4 5 6 7 8 9", "original reconstruction");
    kit_grid(c->run, "styles", "the code of a test image, drawn with all ten labels", grid, 110, 11, 0, "image 0 1 2 3 4 5 6 7 8 9", "-");
}

/* Can the digit be read from z?  A classifier learns it from the codes of half of the test images, and is tried on the others. */
static void classify(const cvae *c)
{
    ae_ctx *ae = c->run->ae;
    int L = c->latent, n = c->run->test.n, half = n / 2, right = 0;
    ae_net *net = ae_net_new(ae);                                                        // nn.Sequential(
    if (c->classify) ae_nn_linear(net, L, c->classify), ae_nn_relu(net);
    ae_nn_linear(net, c->classify ? c->classify : L, CLASSES), ae_nn_log_softmax(net);   //   nn.Linear(num_latent, 10), nn.LogSoftmax(dim=1))
    ae_opt *adam = ae_adam(net, 1e-2f);
    ae_loader *codes = ae_loader_new(ae, 100, 1); ae_tensor x, y;
    ae_load_f32(codes, c->mean, half, L, 0, 0), ae_load_labels(codes, c->run->test.labels, half);
    for (int epoch = 0; epoch < 20; epoch++)
        while (ae_next_batch(codes, &x, &y)) {
            ae_tensor nll = ae_nll_loss(ae_forward(net, x), y, AE_MEAN);                 // F.nll_loss(net(x), y)
            ae_zero_grad(adam), ae_backward(nll), ae_step(adam);
        }
    const float *p = ae_data(ae_forward(net, ae_from(ae, c->mean + half * L, n - half, L, 0, 0)));
    for (int i = half; i < n; i++, p += CLASSES) {
        int best = 0;
        for (int k = 1; k < CLASSES; k++) if (p[k] > p[best]) best = k;
        right += best == c->run->test.labels[i];
    }
    printf("a classifier reads the digit from %.1f %% of the codes; a guess would be right for about 10 %%\n", 100.0 * right / (n - half));
    kit_fact(c->run, "classifier_accuracy", (double)right / (n - half));
}

/* The loss, in nats an image, of PCA with so many numbers, kept half a grey level away from 0 and 1; 0: the mean image. */
static double baseline(const cvae *c, const char *key, int units)
{
    int n = c->run->test.n; float *drawn = kit_floats(c->run, n, PIXELS);
    kit_pca_images(c->run, units, drawn);
    for (int i = 0; i < n * PIXELS; i++) drawn[i] = fminf(fmaxf(drawn[i], 0.5f / 255), 254.5f / 255);
    double loss = ae_item(ae_bce_loss(ae_from(c->run->ae, drawn, n, PIXELS, 0, 0), ae_from(c->run->ae, c->image, n, PIXELS, 0, 0), AE_SUM)) / n;
    free(drawn), kit_fact(c->run, key, loss);
    return loss;
}

int main(int argc, char **argv)
{
    kit run = { .lesson = "lesson07", .about = "a conditional variational autoencoder: we name the digit, it invents the handwriting",
                .files = "loss, samples, digits, styles: .png with their .u8 or .tsv",
                .in_quick = { 3, 32, 4e-3 }, .usual = { 8, 128, 1e-3 }, .in_full = { 50, 128, 1e-3 } };
    cvae c = { .run = &run, .latent = 50, .beta = 1, .slope = 0.01, .activation = "leaky" };
    const kit_option options[] = {
        { "latent",        KIT_INT,  &c.latent,        1, 400, "numbers in a code" },
        { "beta",          KIT_REAL, &c.beta,          0, 1e6, "weight of the KL divergence" },
        { "slope",         KIT_REAL, &c.slope,         0, 1,   "slope of LeakyReLU below zero" },
        { "activation",    KIT_NAME, &c.activation,    0, 0,   "leaky, relu or tanh" },
        { "bare",          KIT_FLAG, &c.bare,          0, 0,   "no activation between the last layer and the sigmoid" },
        { "batchnorm",     KIT_FLAG, &c.batchnorm,     0, 0,   "BatchNorm2d before every activation but the last" },
        { "label-in-loss", KIT_FLAG, &c.label_in_loss, 0, 0,   "the label maps are reconstructed, too" },
        { "unconditional", KIT_FLAG, &c.unconditional, 0, 0,   "the labels are kept secret: an ordinary VAE of the same shape" },
        { "classify",      KIT_INT,  &c.classify,      0, 1e3, "hidden units of the classifier that reads the digit from the code" },
        { "shapes",        KIT_FLAG, &c.shapes,        0, 0,   "print the shape after each layer, for the first batch" }, {0} };
    ae_ctx *ae = kit_start(&run, argc, argv, options);
    if (strcmp(c.activation, "leaky") && strcmp(c.activation, "relu") && strcmp(c.activation, "tanh"))
        kit_die(&run, 2, "--activation %s: leaky, relu or tanh is wanted", c.activation);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 20000 : 0);                                   // datasets.MNIST(...)
    ae_loader *batches = kit_loader(&run, &run.train, 1);                                // DataLoader(train_dataset, batch_size=128, shuffle=True)
    ae_loader *test = kit_loader(&run, &run.test, 0);                                    // DataLoader(test_dataset, ...): made and never used there
    if (run.train.n < KNOWN || run.test.n < MANY) kit_die(&run, 3, "at least %d training and %d test images are wanted", KNOWN, MANY);
    c.known = kit_images(&run, &(kit_set){ run.train.images, run.train.labels, KNOWN });
    c.image = kit_images(&run, &run.test), c.mean = kit_floats(&run, run.test.n, c.latent);

    /* ---- MODEL ---- */
    c.net = layers(&c);                                                                  // model = ConditionalVariationalAutoencoder(784, 50, 10)
    c.noise = ae_keep(ae_randn(ae, run.test.n, c.latent, 0, 0));
    ae_opt *adam = ae_adam(c.net, (float)run.lr);                                        // optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    kit_keep(&run, "mean_cost", &c.mean_cost, sizeof c.mean_cost), kit_restore(&run, c.net);
    kit_summary(&run, c.net);                                                            // print(model)

    /* ---- TRAIN ---- */
    train(&c, adam, batches, test);
    measure(&c, test);
    run.test_loss = c.cost;
    kit_save(&run, c.net);                                                               // torch.save(model.state_dict(), ...)
    kit_curve(&run, 0);
    printf("test images: reconstruction %.2f + KL %.2f, cost %.2f nats an image, tested in %.2f s\n", c.reconstruction, c.kl, c.cost, run.test_seconds);
    kit_fact(&run, "test_cost_per_image", c.cost), kit_fact(&run, "test_reconstruction", c.reconstruction), kit_fact(&run, "test_kl", c.kl);

    /* ---- LOOK ---- */
    look_at_thousand(&c);
    look_at_styles(&c);
    classify(&c);
    double mean_image = baseline(&c, "mean_image_loss", 0), pca = baseline(&c, "pca_loss", c.latent);
    free(c.known), free(c.image), free(c.mean);
    return kit_finish(&run, "test loss %.4f, mean image %.2f, PCA-%d %.2f nats an image", run.test_loss, mean_image, c.latent, pca);
}
