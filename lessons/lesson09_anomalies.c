/* lesson09_anomalies.c - what an autoencoder has never seen, it cannot draw; or can it?

   Train an autoencoder on what is normal, and it should fail on what is not: the error of its reconstruction becomes an alarm.
   Two trials: nine digits are normal and the tenth is the anomaly; then all digits are normal, and letters are not.  Where the
   alarm begins is decided on normal images alone.  PCA's error, the distance to the nearest training image, and the mere
   amount of ink raise alarms beside it.  And then the anomalies become rare.

       make lesson09 && ./lesson09 --quick          or:  cc -O2 lessons/lesson09_anomalies.c -lm -lpthread
       ./lesson09 --without 1                       another digit is the anomaly

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
#include "kit_quality.h"

enum { PIXELS = 784, NEAR = 1000, NINE = 0, DIGITS, TRIALS };      /* NEAR: training images that distances are measured to */
enum { OURS, PCA, NEAREST, INK, SCORES };                          /* scores: the larger, the more of an anomaly */

typedef struct trial {
    kit_set fit, held, test;                                       /* normal images to learn from, others to choose thresholds on; both kinds */
    uint8_t *odd;                                                  /* [test.n]: 1 is an anomaly */
    int normals, odds;
    ae_net *model;  ae_opt *adam;
    float *drawn, *score[SCORES];                                  /* of the test images */
    double threshold[SCORES], auc[SCORES], hit[SCORES], alarm[SCORES];     /* hit, alarm: shares of anomalies and of normals above the threshold */
} trial;

static const char *const trials[TRIALS] = { "nine", "digits" };
static const char *const scores[SCORES] = { "ours", "pca", "nearest", "ink" };

/* ==== DATA ======================================================================================================== */

/* Adds images from .. to - 1 of a set to another; without >= 0 leaves the images of this label out. */
static void add(const kit *run, kit_set *set, const kit_set *from, int first, int end, int step, int without)
{
    set->images = (uint8_t *)realloc(set->images, ((size_t)set->n + (size_t)(end - first)) * PIXELS);
    set->labels = (uint8_t *)realloc(set->labels, (size_t)set->n + (size_t)(end - first));
    if (!set->images || !set->labels) kit_die(run, 3, "out of memory");
    for (int i = first; i < end; i += step) {
        if (from->labels[i] == without) continue;
        memcpy(set->images + (size_t)set->n * PIXELS, from->images + (size_t)i * PIXELS, PIXELS);
        set->labels[set->n++] = from->labels[i];
    }
}

/* The last sixth of the training images is held out.  Letters, 1 .. 26, become labels 11 .. 36. */
static trial make_trial(const kit *run, int without, const kit_set *letters)
{
    trial t = { .normals = 0 };
    int held = run->train.n / 6, most = run->quick ? 2000 : run->test.n, all = run->test.n < most ? run->test.n : most;
    add(run, &t.fit, &run->train, 0, run->train.n - held, 1, without);
    add(run, &t.held, &run->train, run->train.n - held, run->train.n, 1, without);
    add(run, &t.test, &run->test, 0, all, 1, -1);
    if (letters) add(run, &t.test, letters, 0, letters->n, run->quick && letters->n > most ? letters->n / most : 1, -1);
    t.odd = (uint8_t *)kit_room(run, (size_t)t.test.n);
    for (int i = 0; i < t.test.n; i++) {
        if (i >= all) t.test.labels[i] = (uint8_t)(t.test.labels[i] + 10);
        t.odd[i] = letters ? i >= all : t.test.labels[i] == without;
        t.odds += t.odd[i], t.normals += !t.odd[i];
    }
    return t;
}

/* ==== MODEL ======================================================================================================= */

static ae_net *autoencoder(ae_ctx *ae, int hidden, int code)
{
    ae_net *net = ae_net_new(ae);
    ae_net *encoder = ae_sequential(net, "encoder");         // self.encoder = nn.Sequential(
    ae_nn_linear(encoder, PIXELS, hidden);                   //   nn.Linear(784, 128),
    ae_nn_relu(encoder);                                     //   nn.ReLU(),
    ae_nn_linear(encoder, hidden, code);                     //   nn.Linear(128, 32))
    ae_net *decoder = ae_sequential(net, "decoder");         // self.decoder = nn.Sequential(
    ae_nn_linear(decoder, code, hidden);                     //   nn.Linear(32, 128),
    ae_nn_relu(decoder);                                     //   nn.ReLU(),
    ae_nn_linear(decoder, hidden, PIXELS);                   //   nn.Linear(128, 784),
    ae_nn_sigmoid(decoder);                                  //   nn.Sigmoid())
    return net;
}

/* ==== TRAIN ======================================================================================================= */

static void train(kit *run, trial *t, ae_loader *batches, ae_loader *held)
{
    ae_tensor x;
    while (kit_epoch(run, batches)) {                                           // for epoch in range(epochs):
        while (kit_batch(run) && ae_next_batch(batches, &x, NULL)) {            //     for x, _ in loader:
            x = ae_view(x, -1, PIXELS, 0, 0);                                   //         x = x.view(-1, 784)
            ae_tensor loss = ae_mse_loss(ae_forward(t->model, x), x, AE_MEAN);  //         loss = F.mse_loss(model(x), x)
            ae_zero_grad(t->adam);                                              //         optimizer.zero_grad()
            ae_backward(loss);                                                  //         loss.backward()
            ae_step(t->adam);                                                   //         optimizer.step()
            ae_accumulate(run->running, loss);
        }
        kit_epoch_end(run, kit_test_loss(run, t->model, held, ae_mse_loss));
    }
}

/* ==== LOOK ======================================================================================================== */

/* All scores of a set's images; what the network drew stays in `drawn`. */
static void score_set(kit *run, const trial *t, const kit_set *set, const pca_model *linear, float *drawn, float *score[SCORES])
{
    kit_set near = t->fit;
    float *image = kit_images(run, set);
    double *distance = (double *)kit_room(run, (size_t)set->n * sizeof *distance);
    kit_search search = { &near, image, distance };
    pca_rows rows = pca_rows_f32(image);
    near.n = near.n < NEAR ? near.n : NEAR;
    for (int s = 0; s < SCORES; s++) score[s] = kit_floats(run, set->n, 1);
    kit_pca_draw(run, linear, &rows, set->n, linear->k, drawn);
    kit_errors(image, drawn, set->n, score[PCA]);
    kit_apply(run->ae, t->model, image, set->n, PIXELS, 0, 0, 256, drawn);
    kit_errors(image, drawn, set->n, score[OURS]);
    ae_parallel(run->ae, set->n, kit_nearest_one, &search);
    for (int i = 0; i < set->n; i++) score[NEAREST][i] = (float)distance[i];
    kit_errors(image, NULL, set->n, score[INK]);
    free(distance), free(image);
}

/* Thresholds that so large a share of the held-out normal images stays below.  No anomaly is looked at. */
static void choose_thresholds(kit *run, trial *t, const pca_model *linear, double quantile)
{
    float *score[SCORES], *drawn = kit_floats(run, t->held.n, PIXELS);
    score_set(run, t, &t->held, linear, drawn, score);
    for (int s = 0; s < SCORES; s++) t->threshold[s] = metrics_threshold(score[s], t->held.n, quantile), free(score[s]);
    free(drawn);
}

/* AUC, average precision, and what comes of the threshold, for each score; and the ROC curves. */
static void compare(kit *run, trial *t, int which, const char *what)
{
    enum { ROWS = 201 };
    static const char *const names[5] = { "auc", "ap", "precision", "found", "alarms" };
    double rows[ROWS][SCORES + 1];
    char name[64];
    metrics_point *curve = (metrics_point *)kit_room(run, ((size_t)t->test.n + 1) * sizeof *curve);
    printf("%s: %d normal images, %d anomalies\n  %-8s    AUC  average precision   at the threshold: false alarms  found  precision\n", what, t->normals, t->odds, "score");
    for (int s = 0; s < SCORES; s++) {
        int points = metrics_roc(t->score[s], t->odd, t->test.n, curve);
        if (!points) kit_die(run, 3, "no ROC curve: the scores are NaN, or one kind of image is missing");
        metrics_point at = metrics_at(curve, points, t->threshold[s]);
        t->auc[s] = metrics_auc(curve, points), t->hit[s] = at.hits / (double)t->odds, t->alarm[s] = at.alarms / (double)t->normals;
        double precise = metrics_average_precision(curve, points);
        printf("  %-8s %6.4f  %17.4f   %31.4f %6.4f  %9.4f\n", scores[s], t->auc[s], precise, t->alarm[s], t->hit[s], metrics_precision(at));
        const double facts[5] = { t->auc[s], precise, metrics_precision(at), t->hit[s], t->alarm[s] };
        for (int f = 0; f < 5; f++) snprintf(name, sizeof name, "%s_%s_%s", trials[which], scores[s], names[f]), kit_fact(run, name, facts[f]);
        for (int i = 0; i < ROWS; i++) rows[i][0] = i / (ROWS - 1.0), rows[i][s + 1] = metrics_found(curve, points, rows[i][0]);
    }
    kit_lines(run, which == NINE ? "roc_nine" : "roc_digits", what, "share of normal images with an alarm\tshare of anomalies found", "1",
              "alarms\tnetwork\tPCA\tnearest image\tink", rows[0], ROWS, SCORES + 1);
    free(curve);
}

/* The anomalies that pass best as normal, and the normal images that look worst, each over what the network draws of it. */
static void look_at_mistakes(kit *run, const trial *t, int which)
{
    float grid[4][10][PIXELS], *image = kit_images(run, &t->test), *score = t->score[OURS];
    uint8_t *used = (uint8_t *)kit_room(run, (size_t)t->test.n);
    memset(used, 0, (size_t)t->test.n);
    for (int k = 0; k < 20; k++) {
        int odd = k < 10, best = -1;
        for (int i = 0; i < t->test.n; i++)
            if (t->odd[i] == odd && !used[i] && (best < 0 || (odd ? score[i] < score[best] : score[i] > score[best]))) best = i;
        if (best < 0) best = 0;                                   /* fewer than ten of them */
        memcpy(grid[odd ? 0 : 2][k % 10], image + best * PIXELS, sizeof grid[0][0]);
        memcpy(grid[odd ? 1 : 3][k % 10], t->drawn + best * PIXELS, sizeof grid[0][0]);
        used[best] = 1;
    }
    kit_grid(run, which == NINE ? "mistakes_nine" : "mistakes_digits", "anomalies with the least error, normal digits with the largest",
             grid[0][0], 40, 10, 0, "-", "anomaly drawn normal drawn");
    free(image), free(used);
}

/* Each letter alone against all the digits: some letters are digits. */
static void look_at_letters(kit *run, const trial *t)
{
    metrics_point *curve = (metrics_point *)kit_room(run, ((size_t)t->test.n + 1) * sizeof *curve);
    float *score = kit_floats(run, t->test.n, 1);
    char name[32];
    printf("AUC of each letter against the digits:");
    for (int letter = 0; letter < 26; letter++) {
        int n = 0;
        for (int i = 0; i < t->test.n; i++)                       /* normals come first, and odd[] says so for n of them */
            if (!t->odd[i] || t->test.labels[i] == 11 + letter) score[n++] = t->score[OURS][i];
        double auc = metrics_auc(curve, metrics_roc(score, t->odd, n, curve));
        printf("%s%c %.2f", letter % 13 ? "  " : "\n  ", 'A' + letter, auc);
        snprintf(name, sizeof name, "letter_%c_auc", 'A' + letter), kit_fact(run, name, auc);
    }
    printf("\n"), free(curve), free(score);
}

/* One anomaly among 2, 4, 8 .. images: random choices of the test images, and what they do to AUC and to precision. */
static void make_rare(kit *run, const trial *t)
{
    enum { SHARES = 10, DRAWS = 20 };
    double rows[SHARES][5];
    size_t n = (size_t)t->test.n;
    int *index[2] = { (int *)kit_room(run, n * sizeof(int)), (int *)kit_room(run, n * sizeof(int)) }, have[2] = { 0, 0 };
    float *score = (float *)kit_room(run, n * sizeof *score);
    uint8_t *odd = (uint8_t *)kit_room(run, n);
    metrics_point *curve = (metrics_point *)kit_room(run, (n + 1) * sizeof *curve);
    char name[64];
    for (int i = 0; i < t->test.n; i++) index[t->odd[i]][have[t->odd[i]]++] = i;
    printf("one anomaly among       AUC (scatter)   average precision   precision at the threshold, by the formula (means of %d random choices)\n", DRAWS);
    for (int k = 0; k < SHARES; k++) {
        int among = 2 << k, odds = have[0] / (among - 1) < have[1] ? have[0] / (among - 1) : have[1];
        int wanted[2] = { odds * (among - 1) < have[0] ? odds * (among - 1) : have[0], odds > 1 ? odds : 1 };
        double sum[4] = { 0 };                                    /* AUC, its square, average precision, precision */
        for (int d = 0; d < DRAWS; d++) {
            int m = 0;
            for (int kind = 0; kind < 2; kind++) {
                kit_sample(index[kind], have[kind], wanted[kind], (uint32_t)((kind + 2 * d + 2 * DRAWS * k) * 20011));
                for (int i = 0; i < wanted[kind]; i++, m++) score[m] = t->score[OURS][index[kind][i]], odd[m] = (uint8_t)kind;
            }
            int points = metrics_roc(score, odd, m, curve);
            double auc = metrics_auc(curve, points);
            sum[0] += auc / DRAWS, sum[1] += auc * auc / DRAWS;
            sum[2] += metrics_average_precision(curve, points) / DRAWS;
            sum[3] += metrics_precision(metrics_at(curve, points, t->threshold[OURS])) / DRAWS;
        }
        static const char *const keys[6] = { "anomalies", "auc", "ap", "precision", "formula", "scatter" };
        double row[6] = { among, sum[0], sum[2], sum[3], t->hit[OURS] / (t->hit[OURS] + t->alarm[OURS] * (among - 1)), sqrt(fmax(sum[1] - sum[0] * sum[0], 0)) };
        memcpy(rows[k], row, sizeof rows[k]);
        printf("  %8d (%4d)      %.4f (%.4f)   %17.4f   %26.4f   %14.4f\n", among, wanted[1], row[1], row[5], row[2], row[3], row[4]);
        for (int v = 1; v < 6; v++) snprintf(name, sizeof name, "rare_%d_%s", among, keys[v]), kit_fact(run, name, row[v]);
    }
    kit_lines(run, "rare", "the same network, the same threshold, rarer anomalies", "one anomaly among so many images\t ", "x1",
              "among\tAUC\taverage precision\tprecision at the threshold\tby the formula", rows[0], SHARES, 5);
    free(index[0]), free(index[1]), free(score), free(odd), free(curve);
}

int main(int argc, char **argv)
{
    int without = 8, hidden = 128, code = 32;
    double quantile = 0.95;
    const char *only = "both";
    const kit_option options[] = {
        { "trial",    KIT_NAME, &only,     0, 0, "nine (digits against the tenth), digits (against letters) or both" },
        { "without",  KIT_INT,  &without,  0, 9, "the digit that is the anomaly of the first trial" },
        { "hidden",   KIT_INT,  &hidden,   1, 4096, "units of the hidden layers" },
        { "latent",   KIT_INT,  &code,     1, PIXELS, "numbers in the code, and in PCA's" },
        { "quantile", KIT_REAL, &quantile, 0, 1, "share of the held-out normal images below the threshold" }, {0} };
    kit run = { .lesson = "lesson09", .about = "what an autoencoder has never seen, it cannot draw; or can it?", .flat = 1,
                .files = "loss, roc_*, mistakes_*, rare: .png with .u8 or .tsv; the models are model_nine and model_digits",
                .in_quick = { 4, 64, 2e-3 }, .usual = { 8, 128, 1e-3 }, .in_full = { 30, 128, 1e-3 } }, letters = { 0 };
    ae_ctx *ae = kit_start(&run, argc, argv, options);
    int from = !strcmp(only, "digits"), to = TRIALS - !strcmp(only, "nine");
    if (to - from > 1 && strcmp(only, "both")) kit_die(&run, 2, "--trial %s: nine, digits or both is wanted", only);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 12000 : 0);                          // datasets.MNIST(...)
    kit_letters(&run, &letters);                                                // datasets.EMNIST(..., split="letters")
    printf("the first trial leaves the digit %d out; the letters of the second are from %s\n", without, letters.dataset);
    trial both[TRIALS] = { make_trial(&run, without, NULL), make_trial(&run, -1, &letters.test) };

    /* ---- MODEL ---- */
    ae_loader *batches[TRIALS], *held[TRIALS];                                  // DataLoader(dataset, batch_size=128, shuffle=True)
    for (int k = 0; k < TRIALS; k++) {
        batches[k] = kit_loader(&run, &both[k].fit, 1), held[k] = kit_loader(&run, &both[k].held, 0);
        both[k].model = autoencoder(ae, hidden, code);
        both[k].adam = ae_adam(both[k].model, (float)run.lr);                   // torch.optim.Adam(model.parameters(), lr=1e-3)
    }
    run.train.n = both[from].fit.n;                                             /* images a second are counted by this */
    run.net = to - from == 1 ? trials[from] : NULL;
    kit_restore(&run, run.net ? both[from].model : NULL), kit_summary(&run, both[from].model);     // print(model)

    /* ---- TRAIN ---- */
    for (int k = from; k < to; k++) {
        run.train.n = both[k].fit.n;
        kit_net(&run, trials[k]);
        train(&run, &both[k], batches[k], held[k]);
        run.test_loss = kit_test_loss(&run, both[k].model, held[k], ae_mse_loss);
        kit_save(&run, both[k].model);                                          // torch.save(model.state_dict(), ...)
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    char last[160] = "";  size_t used = 0;                                     /* what the last line says */
    for (int k = from; k < to; k++) {
        trial *t = &both[k];
        pca_model linear = kit_pca(&run, &t->fit, code);
        t->drawn = kit_floats(&run, t->test.n, PIXELS);
        choose_thresholds(&run, t, &linear, quantile);
        score_set(&run, t, &t->test, &linear, t->drawn, t->score);
        compare(&run, t, k, k == NINE ? "ROC, nine digits and the tenth" : "ROC, digits and letters");
        look_at_mistakes(&run, t, k);
        if (k == NINE) make_rare(&run, t);
        else look_at_letters(&run, t);
        pca_free(&linear), free(t->drawn), used += (size_t)snprintf(last + used, sizeof last - used, k == NINE ? "; without a digit" : "; letters");
        for (int s = 0; s < SCORES; s++) free(t->score[s]), used += (size_t)snprintf(last + used, sizeof last - used, " %.4f", t->auc[s]);
    }
    kit_set *sets[8] = { &letters.train, &letters.test, &both[0].fit, &both[0].held, &both[0].test, &both[1].fit, &both[1].held, &both[1].test };
    for (int i = 0; i < 8; i++) kit_set_free(sets[i]), free(i < TRIALS ? both[i].odd : NULL);
    return kit_finish(&run, "AUC of network, PCA-%d, nearest, ink%s", code, last);
}
