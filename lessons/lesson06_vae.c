/* lesson06_vae.c - a variational autoencoder: codes to be drawn at random, and new digits from them

   Lesson03 drew nonsense from codes that no image has.  Here the encoder answers with a small cloud instead of a point, and
   a second term of the loss presses all clouds into one round heap, N(0,1), from which codes are easily drawn.  Trained are
   `plain`, an ordinary autoencoder; `vae2`, a variational one with 2 numbers, whose codes fill a plane; `vae20`, with 20.

       make lesson06 && ./lesson06 --quick          or:  cc -O2 lessons/lesson06_vae.c -lm -lpthread
       ./lesson06 --alone --beta 4                  the third network only, with four times the pressure

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"

enum { PIXELS = 784, SIDE = 20 };
typedef struct vae {
    char name[16];
    int latent, variational;
    double beta, warmup;                                     /* the weight of KL, and in how many epochs it grows to that */
    ae_net *net; ae_opt *adam; ae_loader *batches;
    ae_tensor noise;                                         /* [n][latent] of N(0,1): the same in every test */
    float *mean, *log_var;                                   /* [n][latent]: what the encoder says of the test images */
    double reconstruction, kl, unit_kl[400];                 /* of the test images, nats an image; KL of each number */
    int active;                                              /* how many of the numbers say anything */
} vae;

/* ==== MODEL ======================================================================================================= */

static ae_net *layers(ae_ctx *ae, int latent)
{
    ae_net *net = ae_net_new(ae);
    ae_name(ae_nn_linear(net, PIXELS, 400), "enc");          // self.enc = nn.Linear(784, 400)
    ae_name(ae_nn_linear(net, 400, latent), "z_mean");       // self.z_mean = nn.Linear(400, 20)
    ae_name(ae_nn_linear(net, 400, latent), "z_log_var");    // self.z_log_var = nn.Linear(400, 20)
    ae_name(ae_nn_linear(net, latent, 400), "dec_1");        // self.dec_1 = nn.Linear(20, 400)
    ae_name(ae_nn_linear(net, 400, PIXELS), "dec_2");        // self.dec_2 = nn.Linear(400, 784)
    return net;
}

/* The layers are no chain, as the encoder has two ends; so the page says itself how they hang together. */
static void encode(const vae *v, ae_tensor x, ae_tensor *mean, ae_tensor *log_var)
{
    ae_tensor h = ae_leaky_relu(ae_forward(ae_child(v->net, "enc"), x), 0.01f);          // h = F.leaky_relu(self.enc(x))
    *mean = ae_forward(ae_child(v->net, "z_mean"), h);                                   // z_mean = self.z_mean(h)
    *log_var = ae_forward(ae_child(v->net, "z_log_var"), h);                             // z_log_var = self.z_log_var(h)
}

static ae_tensor reparameterise(ae_tensor mean, ae_tensor log_var, ae_tensor eps)
{
    return ae_add(mean, ae_mul(eps, ae_exp(ae_affine(log_var, 0.5f, 0))));               // z_mean + eps * torch.exp(z_log_var / 2)
}

static ae_tensor decode(const vae *v, ae_tensor z)
{
    ae_tensor h = ae_leaky_relu(ae_forward(ae_child(v->net, "dec_1"), z), 0.01f);        // h = F.leaky_relu(self.dec_1(z))
    return ae_sigmoid(ae_forward(ae_child(v->net, "dec_2"), h));                         // torch.sigmoid(self.dec_2(h))
}

/* ==== TRAIN ======================================================================================================= */

/* The test images in the same terms as the training: reconstruction from one sample of each cloud, KL, active units. */
static void measure(kit *run, vae *v, ae_loader *test)
{
    int before = ae_grad_enabled(run->ae, 0), at = 0, n = run->test.n, L = v->latent;    // with torch.no_grad():
    ae_tensor x, mean, log_var;
    v->reconstruction = v->kl = v->active = 0;
    for (; ae_next_batch(test, &x, NULL); at += ae_size(x, 0)) {
        x = ae_view(x, -1, PIXELS, 0, 0);
        encode(v, x, &mean, &log_var);
        memcpy(v->mean + at * L, ae_data(mean), (size_t)ae_size(mean, -1) * sizeof(float));
        memcpy(v->log_var + at * L, ae_data(log_var), (size_t)ae_size(mean, -1) * sizeof(float));
        ae_tensor drawn = decode(v, v->variational ? reparameterise(mean, log_var, ae_slice(v->noise, 0, at, at + ae_size(x, 0))) : mean);
        v->reconstruction += (double)ae_item(ae_bce_loss(drawn, x, AE_SUM)) / n;
    }
    ae_grad_enabled(run->ae, before);
    for (int k = 0; k < L; k++) {
        double sum = v->unit_kl[k] = 0, squares = 0;
        for (int i = k; i < n * L; i += L) {
            double m = v->mean[i], s = v->log_var[i];
            v->unit_kl[k] += v->variational * 0.5 * (m * m + exp(s) - s - 1) / n;        /* of N(m, e^s) from N(0, 1) */
            sum += m / n, squares += m * m / n;
        }
        v->kl += v->unit_kl[k];
        v->active += squares - sum * sum > 0.01;                                         /* does its mean differ from image to image? */
    }
}

static void train(kit *run, vae *v, ae_loader *test)
{
    ae_tensor x, mean, log_var;
    while (kit_epoch(run, v->batches)) {                                                 // for epoch in range(num_epochs):
        while (kit_batch(run) && ae_next_batch(v->batches, &x, NULL)) {                  //     for features, _ in train_loader:
            double done = run->epoch + (run->started - 1.0) / run->batches, beta = v->beta * (done < v->warmup ? done / v->warmup : 1);
            x = ae_view(x, -1, PIXELS, 0, 0);                                            //         features = features.view(-1, 784)
            encode(v, x, &mean, &log_var);
            ae_tensor z = v->variational ? reparameterise(mean, log_var, ae_randn_like(mean)) : mean;    // eps = torch.randn_like(z_mean)
            ae_tensor cost = ae_bce_loss(decode(v, z), x, AE_SUM);             //         F.binary_cross_entropy(decoded, features, reduction='sum')
            ae_tensor kl = ae_kl_loss(mean, log_var, AE_SUM);                  //         (0.5 * (z_mean**2 + z_log_var.exp() - z_log_var - 1)).sum()
            if (v->variational) cost = ae_add(cost, ae_affine(kl, (float)beta, 0));      //         cost = pixelwise_bce + beta * kl_divergence
            ae_zero_grad(v->adam);                                                       //         optimizer.zero_grad()
            ae_backward(cost);                                                           //         cost.backward()
            ae_step(v->adam);                                                            //         optimizer.step()
            ae_accumulate(run->running, ae_affine(cost, 1.0f / (float)ae_size(x, 0), 0));    /* the log is in nats an image */
        }
        measure(run, v, test);
        kit_column(run, "test_reconstruction", v->reconstruction), kit_column(run, "test_kl", v->kl), kit_column(run, "active_units", v->active);
        kit_epoch_end(run, v->reconstruction + v->beta * v->kl);
    }
}

/* ==== LOOK ======================================================================================================== */

/* Rows of codes to images. */
static void draw(kit *run, const vae *v, const float *code, int n, float *image)
{
    size_t mark = ae_begin(run->ae);
    memcpy(image, ae_data(decode(v, ae_from(run->ae, code, n, v->latent, 0, 0))), (size_t)n * PIXELS * sizeof(float));
    ae_end(run->ae, mark);
}

/* The bound in its two parts, what each number of the code carries, and whether the posterior has collapsed. */
static void look_at_parts(kit *run, const vae *v)
{
    printf("%s: reconstruction %.2f + KL %.2f = %.2f nats an image; %d of %d numbers in use", v->name, v->reconstruction, v->kl,
           v->reconstruction + v->kl, v->active, v->latent);
    for (int k = 0; v->variational && k < v->latent; k++) printf("%s%.2f", k ? " " : "\n  KL of each: ", v->unit_kl[k]);
    printf(!v->active ? "\n  posterior collapse: the code says nothing about the image, and every image is drawn alike\n" :
           v->active < v->latent ? "\n  partial collapse: the others are the same noise for every image, and the decoder ignores them\n" : "\n");
    kit_print(&run->facts, ",\n  \"%s_reconstruction\": %.9g,\n  \"%s_kl\": %.9g", v->name, v->reconstruction, v->name, v->kl);
    kit_print(&run->facts, ",\n  \"%s_active_units\": %d", v->name, v->active);
}

/* The first test image of each digit over what each network draws of it, from the middle of the cloud. */
static void look_at_digits(kit *run, const vae *v, int nets, const float *image)
{
    float grid[40 * PIXELS] = {0};
    char side[80] = "original";
    int at[10] = {0};
    for (int i = run->test.n - 1; i >= 0; i--) at[run->test.labels[i]] = i;
    for (int digit = 0; digit < 10; digit++) memcpy(grid + digit * PIXELS, image + at[digit] * PIXELS, PIXELS * sizeof(float));
    for (int k = 0; k < nets; k++) {
        strcat(strcat(side, " "), v[k].name);
        for (int i = 0; i < 10; i++) draw(run, &v[k], v[k].mean + at[i] * v[k].latent, 1, grid + (10 * k + 10 + i) * PIXELS);
    }
    kit_grid(run, "digits", "test images over their reconstructions", grid, 10 * (nets + 1), 10, 0, "0 1 2 3 4 5 6 7 8 9", side);
}

/* Two numbers fill a plane: what is drawn at each point of it, in steps of nearly equal probability under N(0,1) (the
   logistic curve is close to the normal one, and easier to turn round), and where the images lie. */
static void look_at_plane(kit *run, const vae *v)
{
    float code[2 * SIDE * SIDE], image[SIDE * SIDE * PIXELS];
    for (int i = 0; i < SIDE * SIDE; i++) {
        double right = (i % SIDE + 0.5) / SIDE, up = 1 - (i / SIDE + 0.5) / SIDE;
        code[2 * i] = (float)(log(right / (1 - right)) / 1.702), code[2 * i + 1] = (float)(log(up / (1 - up)) / 1.702);
    }
    draw(run, v, code, SIDE * SIDE, image);
    kit_grid(run, "plane", "what is drawn at each point of the plane of codes", image, SIDE * SIDE, SIDE, 0, "-", "-");
    kit_scatter(run, "means", "where the encoder puts the test images", v->mean, run->test.labels, run->test.n, 0, "");
}

/* Holes, measured as in lesson03: how far is what these codes decode to from the nearest training image?  Leaves twenty
   images from N(0,1) and twenty from a normal distribution fitted to the codes, for the picture. */
static void look_at_holes(kit *run, const vae *v, float *shown)
{
    static const char *const what[4] = { "reconstructed test images", "half way between codes of two different digits, decoded",
                                         "codes from N(0,1), decoded", "codes with the mean and spread that codes have, decoded" };
    static const char *const key[4] = { "distance_reconstructions", "distance_between", "distance_samples", "distance_fitted" };
    double spread = 0;
    int n = run->test.n, L = v->latent, from[100] = {1}, pairs = 0;
    float *code = kit_floats(run, 400, L), *image = kit_floats(run, 400, PIXELS);
    const float *noise = ae_data(ae_randn(run->ae, 100, L, 0, 0));
    for (int i = 1; i < n && pairs < 100; i++) if (run->test.labels[i] != run->test.labels[i - 1]) from[pairs++] = i;
    for (int k = 0; k < L; k++) {
        double sum = 0, squares = 0;
        for (int i = k; i < n * L; i += L) sum += v->mean[i] / n, squares += v->mean[i] * v->mean[i] / n;
        double deviation = sqrt(fmax(0, squares - sum * sum));
        spread += deviation / L;
        for (int r = 0; r < 100; r++) {
            int at = r * L + k, i = from[r % (pairs + !pairs)] * L + k;                  /* two test images beside each other: i, i - L */
            code[at] = v->mean[r % n * L + k], code[at + 100 * L] = (v->mean[i] + v->mean[i - L]) / 2;
            code[at + 200 * L] = noise[at], code[at + 300 * L] = (float)(sum + deviation * noise[at]);
        }
    }
    draw(run, v, code, 400, image);
    printf("%s, whose codes scatter by %.2f: distance to the nearest training image, of\n", v->name, spread);
    kit_print(&run->facts, ",\n  \"%s_code_spread\": %.9g", v->name, spread);
    for (int i = 0; i < 4; i++) {
        double distance = kit_nearest(run, image + 100 * i * PIXELS, 100);
        printf("  %-58s %5.2f\n", what[i], distance);
        kit_print(&run->facts, ",\n  \"%s_%s\": %.9g", v->name, key[i], distance);
        if (i > 1) memcpy(shown + 20 * (i - 2) * PIXELS, image + 100 * i * PIXELS, 20 * PIXELS * sizeof(float));
    }
    free(code), free(image);
}

/* The importance-weighted bound of log p(x) from K samples z of each cloud q: log of the mean of p(x|z) p(z) / q(z|x).  The
   mean of the logs instead is the ELBO again. */
static void look_at_bound(kit *run, const vae *v, const float *image, int K)
{
    int n = run->test.n < 100 ? run->test.n : 100, L = v->latent;
    double bound = 0, elbo = 0;
    float *code = kit_floats(run, K, L);
    for (int i = 0; i < n; i++) {
        double most = -INFINITY, sum = 0;                                                /* sum of exp(w - most): no underflow */
        size_t mark = ae_begin(run->ae);
        const float *eps = ae_data(ae_randn(run->ae, K, L, 0, 0)), *log_var = v->log_var + i * L;
        for (int j = 0; j < K * L; j++) code[j] = v->mean[i * L + j % L] + eps[j] * expf(log_var[j % L] / 2);
        ae_tensor drawn = decode(v, ae_from(run->ae, code, K, L, 0, 0)), x = ae_from(run->ae, image + i * PIXELS, 1, PIXELS, 0, 0);
        for (int k = 0; k < K; k++) {
            double w = -ae_item(ae_bce_loss(ae_slice(drawn, 0, k, k + 1), x, AE_SUM));   /* log p(x|z) */
            for (int j = k * L; j < (k + 1) * L; j++) w += 0.5 * (eps[j] * eps[j] - code[j] * code[j] + log_var[j % L]);   /* + log p(z)/q(z|x) */
            sum = w > most ? sum * exp(most - w) + 1 : sum + exp(w - most);
            most = fmax(most, w), elbo += w / K / n;
        }
        bound += (most + log(sum / K)) / n;
        ae_end(run->ae, mark);
    }
    printf("-log p(x) of %d test images is at most %.2f by the ELBO, at most %.2f by %d weighted samples each\n", n, -elbo, -bound, K);
    kit_fact(run, "iwae_elbo", -elbo), kit_fact(run, "iwae_bound", -bound);
    free(code);
}

/* The loss, in nats an image, of PCA with so many numbers, kept half a grey level away from 0 and 1; 0: the mean image. */
static double baseline(kit *run, const char *key, const float *image, int units)
{
    float *drawn = kit_floats(run, run->test.n, PIXELS);
    kit_pca_images(run, units, drawn);
    for (int i = 0; i < run->test.n * PIXELS; i++) drawn[i] = fminf(fmaxf(drawn[i], 0.5f / 255), 254.5f / 255);
    ae_tensor p = ae_from(run->ae, drawn, run->test.n, PIXELS, 0, 0), x = ae_from(run->ae, image, run->test.n, PIXELS, 0, 0);
    double loss = ae_item(ae_bce_loss(p, x, AE_SUM)) / run->test.n;
    free(drawn), kit_fact(run, key, loss);
    return loss;
}

int main(int argc, char **argv)
{
    int latent = 20, alone = 0, samples = 100;
    double beta = 1, warmup = 0;
    const kit_option options[] = {
        { "latent", KIT_INT,  &latent,  1, 400, "numbers in a code" },
        { "beta",   KIT_REAL, &beta,    0, 1e6, "weight of the KL divergence; 1 is the bound of log p(x)" },
        { "warmup", KIT_REAL, &warmup,  0, 1e6, "epochs in which that weight grows from 0" },
        { "iwae",   KIT_INT,  &samples, 1, 1e4, "samples an image for the importance-weighted bound" },
        { "alone",  KIT_FLAG, &alone,   0, 0, "train only the network with --latent numbers" }, {0} };
    kit run = { .lesson = "lesson06", .about = "a variational autoencoder: codes to be drawn at random, and new digits from them",
                .files = "loss, digits, plane, means, samples: .png with their .u8 or .tsv; the models are model_plain, model_vae2, model_vae20",
                .in_quick = { 3, 128, 2e-3 }, .usual = { 5, 256, 1e-3 }, .in_full = { 15, 256, 1e-3 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 10000 : 0);                                   // datasets.MNIST(...)
    ae_loader *test = kit_loader(&run, &run.test, 0);
    float *image = kit_images(&run, &run.test), shown[80 * PIXELS];

    /* ---- MODEL ---- */
    vae nets[3] = { { .name = "plain", .latent = latent }, { .name = "vae2", .latent = 2, .variational = 1, .beta = beta, .warmup = warmup },
                    { .latent = latent, .variational = 1, .beta = beta, .warmup = warmup } };
    snprintf(nets[2].name, sizeof nets[2].name, "vae%s%d", latent == 2 && !alone ? "_" : "", latent);
    for (int k = 0; k < 3; k++) {
        nets[k].net = layers(ae, nets[k].latent);                                        // model = VAE()
        nets[k].adam = ae_adam(nets[k].net, (float)run.lr);                              // optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        nets[k].batches = kit_loader(&run, &run.train, 1);                               // DataLoader(train_dataset, batch_size=256, shuffle=True)
        nets[k].noise = ae_keep(ae_randn(ae, run.test.n, nets[k].latent, 0, 0));
        nets[k].mean = kit_floats(&run, run.test.n, nets[k].latent);
        nets[k].log_var = kit_floats(&run, run.test.n, nets[k].latent);
    }
    vae *first = nets + 2 * alone, *last = nets + 2;
    run.net = alone ? last->name : NULL;
    kit_restore(&run, alone ? last->net : NULL);
    kit_summary(&run, last->net);                                                        // print(model)

    /* ---- TRAIN ---- */
    for (vae *v = first; v <= last; v++) {
        kit_net(&run, v->name);
        train(&run, v, test);
        measure(&run, v, test);
        run.test_loss = v->reconstruction + v->beta * v->kl;
        kit_save(&run, v->net);                                                          // torch.save(model.state_dict(), ...)
        look_at_parts(&run, v);
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    kit_fact(&run, "test_elbo", last->reconstruction + last->kl), kit_fact(&run, "test_reconstruction", last->reconstruction);
    kit_fact(&run, "test_kl", last->kl), kit_fact(&run, "active_units", last->active);
    look_at_bound(&run, last, image, samples);
    look_at_digits(&run, first, alone ? 1 : 3, image);
    if (!alone || latent == 2) look_at_plane(&run, alone ? last : nets + 1);
    look_at_holes(&run, last, shown);
    if (!alone) look_at_holes(&run, nets, shown + 40 * PIXELS);
    kit_grid(&run, "samples", "drawn from random codes", shown, alone ? 40 : 80, 20, 0, "-",
             alone ? "N(0,1) fitted" : "variational:_N(0,1) variational:_fitted plain:_N(0,1) plain:_fitted");
    double mean_image = baseline(&run, "mean_image_loss", image, 0), pca = baseline(&run, "pca_loss", image, latent);
    for (int k = 0; k < 3; k++) free(nets[k].mean), free(nets[k].log_var);
    free(image);
    return kit_finish(&run, "test loss %.4f, mean image %.2f, PCA-%d %.2f nats an image", run.test_loss, mean_image, latent, pca);
}
