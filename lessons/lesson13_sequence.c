/* lesson13_sequence.c - an LSTM that reads an image row by row, and keeps what it needs to draw it again

   So far an image went into the network whole.  Here it is a sequence of 28 rows: an LSTM reads one row after the other, and
   what it remembers on the way becomes the code.  A second LSTM draws the 28 rows again.  Is that better than a linear
   autoencoder, or than PCA, with as many numbers in the code?

       make lesson13 && ./lesson13 --quick          or:  cc -O2 lessons/lesson13_sequence.c -lm -lpthread
       ./lesson13 --full                            five networks of each kind: how far is luck?

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"

enum { ROWS = 28, PIXELS = 784, MOST = 5 };                  /* MOST: networks of each kind that --seeds can ask for */

/* ==== MODEL ======================================================================================================= */

static ae_net *sequence(ae_ctx *ae, int hidden, int code)
{
    ae_net *net = ae_net_new(ae);
    ae_name(ae_nn_lstm(net, ROWS, hidden, 1), "reader");     // self.reader = nn.LSTM(28, hidden, batch_first=True)
    ae_name(ae_nn_linear(net, hidden, code), "code");        // self.code = nn.Linear(hidden, code)
    ae_name(ae_nn_lstm(net, code + ROWS, hidden, 1), "writer");   // self.writer = nn.LSTM(code + 28, hidden, batch_first=True)
    ae_name(ae_nn_linear(net, hidden, ROWS), "row");         // self.row = nn.Linear(hidden, 28)
    return net;
}

static ae_net *linear(ae_ctx *ae, int code)
{
    ae_net *net = ae_net_new(ae);
    ae_name(ae_nn_linear(net, PIXELS, code), "code");        // nn.Sequential(nn.Linear(784, code),
    ae_name(ae_nn_linear(net, code, PIXELS), "image");       //               nn.Linear(code, 784))
    return net;
}

/* Rows [B,T,28] -> the code [B,code]: of what the reader showed after each row, the mean.  The last one alone holds everything,
   too, but from there the way back to the first rows is long, and a short training never finds it. */
static ae_tensor encode(ae_net *net, ae_tensor rows)
{
    ae_tensor all = ae_forward(ae_child(net, "reader"), rows);              // all, _ = self.reader(rows)
    return ae_forward(ae_child(net, "code"), ae_reduce(all, 1, AE_MEAN));   // self.code(all.mean(1))
}

/* At each of the 28 steps the writer gets the code and the number of the row, one-hot; what it shows becomes a row of pixels. */
static ae_tensor decode(ae_net *net, ae_tensor code)
{
    int n = ae_size(code, 0), size = ae_size(code, 1);
    float number[ROWS];
    for (int i = 0; i < ROWS; i++) number[i] = (float)i;
    ae_tensor when = ae_one_hot(ae_from(code.ctx, number, ROWS, 0, 0, 0), ROWS);   // when = torch.eye(28)
    ae_tensor steps = ae_expand(ae_view(code, n, 1, size, 0), n, ROWS, size, 0);   // code[:, None].expand(-1, 28, -1)
    steps = ae_cat(steps, ae_expand(ae_view(when, 1, ROWS, ROWS, 0), n, ROWS, ROWS, 0), 2);   // torch.cat((steps, when.expand(n, 28, 28)), 2)
    ae_tensor all = ae_forward(ae_child(net, "writer"), steps);             // all, _ = self.writer(steps)
    all = ae_view(all, n * ROWS, -1, 0, 0);
    return ae_view(ae_sigmoid(ae_forward(ae_child(net, "row"), all)), n, PIXELS, 0, 0);   // torch.sigmoid(self.row(all)).view(-1, 784)
}

/* Of images [B,784]: drawn again by either kind of network. */
static ae_tensor redraw(ae_net *net, ae_tensor x)
{
    if (!ae_child(net, "reader")) return ae_forward(net, x);
    return decode(net, encode(net, ae_view(x, -1, ROWS, ROWS, 0)));
}

/* ==== TRAIN ======================================================================================================= */

static double test_loss(kit *run, ae_net *net, ae_loader *test)
{
    double sum = 0;
    int before = ae_grad_enabled(run->ae, 0);                               // with torch.no_grad():
    ae_tensor x;
    while (ae_next_batch(test, &x, NULL)) {
        x = ae_view(x, -1, PIXELS, 0, 0);
        sum += (double)ae_item(ae_mse_loss(redraw(net, x), x, AE_SUM));
    }
    ae_grad_enabled(run->ae, before);
    return sum / ((double)run->test.n * PIXELS);
}

static void train(kit *run, ae_net *net, ae_opt *adam, ae_loader *batches, ae_loader *test)
{
    ae_tensor x;
    while (kit_epoch(run, batches)) {                                       // for epoch in range(epochs):
        while (kit_batch(run) && ae_next_batch(batches, &x, NULL)) {        //     for x, _ in train_loader:
            x = ae_view(x, -1, PIXELS, 0, 0);                               //         x = x.view(-1, 784)
            ae_tensor loss = ae_mse_loss(redraw(net, x), x, AE_MEAN);       //         loss = F.mse_loss(net(x), x)
            ae_zero_grad(adam);                                             //         optimizer.zero_grad()
            ae_backward(loss);                                              //         loss.backward()
            ae_step(adam);                                                  //         optimizer.step()
            ae_accumulate(run->running, loss);
        }
        kit_epoch_end(run, test_loss(run, net, test));
    }
}

/* ==== LOOK ======================================================================================================== */

/* The test images drawn again by a network. */
static void redraw_all(kit *run, ae_net *net, const float *image, int n, float *out)
{
    int before = ae_grad_enabled(run->ae, 0);
    for (int i = 0; i < n; i += 500) {
        int some = n - i < 500 ? n - i : 500;
        size_t mark = ae_begin(run->ae);
        memcpy(out + i * PIXELS, ae_data(redraw(net, ae_from(run->ae, image + i * PIXELS, some, PIXELS, 0, 0))), (size_t)(some * PIXELS) * sizeof(float));
        ae_end(run->ae, mark);
    }
    ae_grad_enabled(run->ae, before);
}

/* Mean squared error of each row of the image; returns that of the whole. */
static double error_by_row(const float *image, const float *drawn, int n, double *row, int stride)
{
    double all = 0;
    for (int r = 0; r < ROWS; r++) row[r * stride] = 0;
    for (int i = 0; i < n * PIXELS; i++) row[i % PIXELS / ROWS * stride] += pow((double)image[i] - (double)drawn[i], 2) / ((double)n * ROWS);
    for (int r = 0; r < ROWS; r++) all += row[r * stride] / ROWS;
    return all;
}

/* What the reader knows after 7, 14, 21 and all 28 rows: the code at that moment, drawn. */
static void look_at_reading(kit *run, ae_net *net, const float *digit)
{
    float grid[50 * PIXELS];
    memcpy(grid, digit, 10 * PIXELS * sizeof(float));
    for (int k = 0; k < 4; k++) {
        int rows = 7 * (k + 1);
        float part[10 * PIXELS];
        for (int i = 0; i < 10; i++) memcpy(part + i * rows * ROWS, digit + i * PIXELS, (size_t)(rows * ROWS) * sizeof(float));
        ae_tensor code = encode(net, ae_from(run->ae, part, 10, rows, ROWS, 0));
        memcpy(grid + (k + 1) * 10 * PIXELS, ae_data(decode(net, code)), 10 * PIXELS * sizeof(float));
    }
    kit_grid(run, "reading", "what the code holds after some rows are read", grid, 50, 10, 0, "0 1 2 3 4 5 6 7 8 9", "image 7 14 21 28");
}

static void spread(const double *loss, int n, double *mean, double *deviation)
{
    *mean = *deviation = 0;
    for (int i = 0; i < n; i++) *mean += loss[i] / n;
    for (int i = 0; i < n; i++) *deviation += pow(loss[i] - *mean, 2) / (n > 1 ? n - 1 : 1);
    *deviation = sqrt(*deviation);
}

/* The table, the pictures, the facts.  net[0] is the first LSTM, net[1] the first linear network; NULL: it was not asked for. */
static double look(kit *run, ae_net **net, const double loss[2][MOST], int seeds, int code, double mean[2])
{
    static const char *const name[2] = { "lstm", "linear" };
    float *image = kit_images(run, &run->test), *drawn = kit_floats(run, run->test.n, PIXELS), digits[40 * PIXELS] = { 0 };
    double rows[ROWS * 4], pca, deviation[2], average;
    char key[40];
    for (int k = 0; k < 3; k++) {
        memset(drawn, 0, (size_t)run->test.n * PIXELS * sizeof(float));
        if (k == 2)      kit_pca_images(run, code, drawn);
        else if (net[k]) redraw_all(run, net[k], image, run->test.n, drawn);
        pca = error_by_row(image, drawn, run->test.n, rows + k + 1, 4);
        for (int i = run->test.n - 1; i >= 0; i--) {
            memcpy(digits + run->test.labels[i] * PIXELS, image + i * PIXELS, PIXELS * sizeof(float));
            memcpy(digits + ((k + 1) * 10 + run->test.labels[i]) * PIXELS, drawn + i * PIXELS, PIXELS * sizeof(float));
        }
    }
    for (int r = 0; r < ROWS; r++) rows[4 * r] = r + 1;
    kit_pca_images(run, 0, drawn);
    average = error_by_row(image, drawn, run->test.n, (double[ROWS]) { 0 }, 1);
    printf("test loss of              %d numbers a code\n  the mean image  %.6f\n", code, average);
    for (int k = 0; k < 2; k++) {
        mean[k] = NAN;
        if (!net[k]) continue;
        spread(loss[k], seeds, &mean[k], &deviation[k]);
        printf("  %-14s  %.6f +- %.6f  (%d %s, %zu parameters)\n", name[k], mean[k], deviation[k], seeds, seeds > 1 ? "networks" : "network", ae_param_count(net[k]));
        snprintf(key, sizeof key, "%s_mean", name[k]);
        kit_fact(run, key, mean[k]);
        snprintf(key, sizeof key, "%s_deviation", name[k]);
        kit_fact(run, key, deviation[k]);
        snprintf(key, sizeof key, "%s_parameters", name[k]);
        kit_fact(run, key, (double)ae_param_count(net[k]));
    }
    printf("  PCA             %.6f\n", pca);
    for (int k = 0; k < 2; k++) if (net[k]) printf("the %s network is %s than PCA\n", name[k], mean[k] < pca ? "better" : "worse");
    kit_fact(run, "pca_loss", pca);
    kit_fact(run, "mean_image_loss", average);
    kit_lines(run, "rows", "squared error of each row of the image", "row, from the top\tmean squared error", "-", "row\tLSTM\tlinear network\tPCA", rows, ROWS, 4);
    kit_grid(run, "digits", "test images, and what is drawn from their codes", digits, 40, 10, 0, "0 1 2 3 4 5 6 7 8 9", "image LSTM linear PCA");
    if (net[0]) look_at_reading(run, net[0], digits);
    free(image), free(drawn);
    return pca;
}

int main(int argc, char **argv)
{
    int code = 16, hidden = 64, seeds = 0;
    const char *which = "both";
    const kit_option options[] = {
        { "net",    KIT_NAME, &which, 0, 0,    "lstm, linear or both" },
        { "latent", KIT_INT, &code,   1, 256,  "numbers in a code" },
        { "hidden", KIT_INT, &hidden, 1, 512,  "numbers that an LSTM remembers" },
        { "seeds",  KIT_INT, &seeds,  1, MOST, "networks of each kind; if not given: 5 with --full, else 1" }, {0} };
    kit run = { .lesson = "lesson13", .about = "an LSTM that reads an image row by row",
                .files = "loss, rows, digits, reading: .png with their .tsv or .u8; the models are model_lstm1, model_linear1 and so on",
                .flat = 1, .in_quick = { 8, 20, 2e-2 }, .usual = { 6, 32, 1e-2 }, .in_full = { 12, 32, 1e-2 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);                      // torch.manual_seed(0)
    int lstm = !strcmp(which, "lstm"), flat = !strcmp(which, "linear"), one = lstm || flat;
    if (!one && strcmp(which, "both")) kit_die(&run, 2, "--net %s: lstm, linear or both is wanted", which);
    if (!seeds) seeds = run.full && !run.load && !run.save ? MOST : 1;
    one = one && seeds == 1;

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 4000 : 20000);                   // datasets.MNIST(...)
    if (run.quick && run.test.n > 2000) run.test.n = 2000;
    ae_loader *batches[2][MOST], *test = kit_loader(&run, &run.test, 0);
    for (int i = 0; i < 2 * MOST; i++) batches[i / MOST][i % MOST] = kit_loader(&run, &run.train, 1);

    /* ---- MODEL ---- */
    ae_net *net[2 * MOST];                                                  /* an LSTM and a linear network in turn, each begun with other weights */
    ae_opt *adam[2 * MOST];
    for (int i = 0; i < 2 * seeds; i++) {
        net[i] = i % 2 ? linear(ae, code) : sequence(ae, hidden, code);
        adam[i] = ae_adam(net[i], (float)run.lr);                           // optimizer = torch.optim.Adam(net.parameters(), lr)
    }
    double loss[2][MOST] = { { 0 } }, mean[2];
    char name[2 * MOST][24];
    if (one) run.net = lstm ? "lstm1" : "linear1";
    kit_restore(&run, one ? net[flat] : NULL);

    /* ---- TRAIN ---- */
    for (int i = 0; i < 2 * seeds; i++) {
        if (i % 2 ? lstm : flat) continue;
        snprintf(name[i], sizeof name[i], "%s%d", i % 2 ? "linear" : "lstm", i / 2 + 1);
        kit_net(&run, name[i]);
        if (i < 2) kit_summary(&run, net[i]);                               // print(net)
        train(&run, net[i], adam[i], batches[i % 2][i / 2], test);
        loss[i % 2][i / 2] = run.test_loss = test_loss(&run, net[i], test);
        kit_save(&run, net[i]);                                             // torch.save(net.state_dict(), ...)
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    if (flat) net[0] = NULL;
    if (lstm) net[1] = NULL;
    double pca = look(&run, net, (const double (*)[MOST])loss, seeds, code, mean);
    if (lstm || flat) return kit_finish(&run, "test loss %s %.6f, PCA-%d %.6f", lstm ? "LSTM" : "linear", mean[flat], code, pca);
    return kit_finish(&run, "test loss LSTM %.6f, linear %.6f, PCA-%d %.6f", mean[0], mean[1], code, pca);
}
