/* test_faults.c: everything that the operating system can refuse is refused in turn: each piece of memory, each thread,
   each opening, read, write, flush, closing and renaming, first that one alone, then it and all later ones.  What must
   hold each time: no crash, a text that says what happened, nothing lost, and the file and the weights are the old ones
   or the new ones, whole.  What fails once works when it is tried again.  Then reads and writes that come in pieces, are
   interrupted, or find the disk full half way. */
#include "faults.h"
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "../lessons/kit.h"
#include "../lessons/tsne.h"
#include "../lessons/metrics.h"
#include "../lessons/coder.h"
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef fopen
#undef fread
#undef fwrite
#undef fseek
#undef ftell
#undef fflush
#undef fclose
#undef rename
#undef stat
#undef pthread_create
#include "tap.h"

static char folder[300], path[400];

/* ---- a small training, and its files ---- */

enum { ROWS = 6, FLOATS = 6 * 5 + 5 + 5 + 5 + 5 * 6 + 6 };

typedef struct rig { ae_ctx *ae; ae_net *net; ae_opt *adam; ae_loader *data; } rig;

static int told;                         /* calls of on_fail */
static void on_fail(void *user, const char *text) { (void)user; (void)text; told++; }

/* 0: somewhere on the way something was refused. */
static int rig_new(rig *r)
{
    static float rows[ROWS * 6];
    ae_config config;
    int i;
    memset(r, 0, sizeof *r);
    memset(&config, 0, sizeof config);
    config.seed = 1;
    config.threads = 3;
    config.on_fail = on_fail;
    for (i = 0; i < ROWS * 6; i++) rows[i] = (float)(i * 37 % 11) / 11;
    if (!(r->ae = ae_new(&config)) || !(r->net = ae_net_new(r->ae))) return 0;
    ae_nn_linear(r->net, 6, 5);
    ae_nn_batch_norm1d(r->net, 5);
    ae_nn_tanh(r->net);
    ae_nn_linear(r->net, 5, 6);
    if (*ae_error(r->ae)) return 0;
    r->adam = ae_adam(r->net, 0.05f);
    r->data = ae_loader_new(r->ae, 3, 1);
    return r->adam && ae_load_f32(r->data, rows, ROWS, 6, 0, 0);
}

/* An epoch of a denoising autoencoder. */
static int rig_train(rig *r)
{
    ae_tensor x;
    while (ae_next_batch(r->data, &x, NULL)) {
        ae_tensor noisy = ae_add(x, ae_affine(ae_randn_like(x), 0.1f, 0)), loss = ae_mse_loss(ae_forward(r->net, noisy), x, AE_MEAN);
        ae_zero_grad(r->adam);
        ae_backward(loss);
        ae_step(r->adam);
        if (*ae_error(r->ae)) return 0;
    }
    return !*ae_error(r->ae);
}

/* Every number of the network, running statistics included. */
static void rig_weights(rig *r, float *w)
{
    static const char *const names[] = { "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "3.weight", "3.bias" };
    size_t i;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        ae_tensor t = ae_param(r->net, names[i]);
        memcpy(w, ae_data(t), (size_t)ae_size(t, -1) * sizeof(float));
        w += ae_size(t, -1);
    }
}

enum { ALL = FLOATS + 10 };

static float old_weights[ALL], new_weights[ALL];
static char *old_bytes[2], *new_bytes[2];          /* of a network's file and of a checkpoint: before an epoch, after it */
static long old_size[2], new_size[2];

static long read_whole(const char *name, char **bytes)
{
    FILE *f = fopen(name, "rb");
    long n;
    *bytes = NULL;
    if (!f) return -1;
    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    *bytes = (char *)malloc((size_t)n + 1);
    n = (long)fread(*bytes, 1, (size_t)n, f);
    fclose(f);
    return n;
}

static void write_whole(const char *name, const char *bytes, long n)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(bytes, 1, (size_t)n, f) != (size_t)n) ok(0, "the test can write %s", name);
    if (f) fclose(f);
}

static int holds(const char *name, const char *bytes, long n)
{
    char *now;
    long size = read_whole(name, &now);
    int same = size == n && !memcmp(now, bytes, (size_t)n);
    free(now);
    return same;
}

static int part_is_left(void)
{
    char part[420];
    snprintf(part, sizeof part, "%s.part", path);
    if (access(part, F_OK)) return 0;
    remove(part);
    return 1;
}

/* ---- one fault after the other ---- */

static long wrong;
static void complain(const char *what, const rig *r)
{
    if (wrong++ < 10) printf("# fault %ld (%s%s): %s [%s]\n", fault_at, fault_name, fault_forever ? " and all later" : "", what, r && r->ae ? ae_error(r->ae) : "");
}

/* A whole life: context, network, optimiser, loader, an epoch.  Without an error it must have done it all. */
static void life(void)
{
    rig r;
    float w[ALL];
    int well = rig_new(&r) && rig_train(&r), after;
    if (well) {
        rig_weights(&r, w);
        if (memcmp(w, new_weights, sizeof w)) complain("well, but other numbers", &r);
        if (strcmp(fault_name, "") && strcmp(fault_name, "pthread_create") && ae_threads(r.ae) == 3) complain("well, though something was refused", &r);
    }
    else if (r.ae && !*ae_error(r.ae)) complain("not well, and no text", &r);
    if (r.ae && r.net && !well) {                  /* with memory again, the context is as good as a new one */
        rig again = r;
        fault_set(0, 0);
        ae_clear(r.ae);
        told = 0;
        again.net = ae_net_new(r.ae);
        ae_nn_linear(again.net, 6, 6);
        again.adam = ae_adam(again.net, 0.1f);
        if (!again.data) again.data = ae_loader_new(r.ae, 3, 1);
        if (ae_batches(again.data) == 0) { static float rows[ROWS * 6]; ae_load_f32(again.data, rows, ROWS, 6, 0, 0); }
        after = rig_train(&again);
        if (!after || told) complain("and no training afterwards", &r);
    }
    ae_free(r.ae);
}

/* Which file operation is on trial. */
typedef struct trial { const char *name; int whole, reads; } trial;      /* whole: ae_save_all, ae_load_all */

static int attempt(const trial *t, rig *r, ae_net **opened)
{
    if (t->reads == 2) return (*opened = ae_open(r->ae, path)) != NULL;
    if (t->whole) return t->reads ? ae_load_all(r->ae, path) : ae_save_all(r->ae, path);
    return t->reads ? ae_load(r->net, path) : ae_save(r->net, path);
}

/* A reader starts from a rig of old weights and a new file; a writer from new weights over an old file. */
static void one_file(const trial *t, long k, long forever)
{
    rig r;
    float w[ALL];
    ae_net *opened = NULL;
    size_t held;
    int well, harmless;
    char *const *from = t->reads ? new_bytes : old_bytes;
    const long *size = t->reads ? new_size : old_size;
    rig_new(&r);
    if (!t->reads) rig_train(&r);
    write_whole(path, from[t->whole], size[t->whole]);
    ae_end(r.ae, ae_begin(r.ae));
    held = ae_memory(r.ae);
    told = 0;
    fault_set(k, forever);
    well = attempt(t, &r, &opened);
    fault_at = 0;
    harmless = t->reads && !strcmp(fault_name, "fclose");          /* of a file that was read to its end */
    if (!well && !*ae_error(r.ae)) complain("refused without a text", &r);
    if (!well && !harmless && strcmp(fault_name, "malloc") && !strstr(ae_error(r.ae), path)) complain("the text does not name the file", &r);
    if (!well && !harmless && told && strcmp(fault_name, "malloc")) complain("taken for the caller's mistake", &r);
    if (well && !harmless && fault_fired) complain("well, though something was refused", &r);
    if (!well && t->reads == 2 && ae_memory(r.ae) > held + (1 << 21)) complain("ae_open keeps memory", &r);
    ae_clear(r.ae);
    if (t->reads) {
        rig_weights(&r, w);
        if (memcmp(w, well && t->reads == 1 ? new_weights : old_weights, sizeof w)) complain("the weights are neither the old nor the new ones", &r);
        if (!holds(path, new_bytes[t->whole], new_size[t->whole])) complain("reading changed the file", &r);
    }
    else if (well ? !holds(path, new_bytes[t->whole], new_size[t->whole]) : !holds(path, old_bytes[t->whole], old_size[t->whole]))
        complain("the file is neither the old nor the new one", &r);
    if (part_is_left()) complain("a .part is left", &r);
    if (!attempt(t, &r, &opened)) complain("it does not work when tried again", &r);
    if (t->reads == 1) {
        rig_weights(&r, w);
        if (memcmp(w, new_weights, sizeof w)) complain("tried again, other weights", &r);
    }
    else if (!t->reads && !holds(path, new_bytes[t->whole], new_size[t->whole])) complain("tried again, another file", &r);
    ae_free(r.ae);
}

static void every_fault(const trial *t)
{
    long k, forever, points = 0, held = fault_held;
    wrong = 0;
    for (forever = 0; forever < 2; forever++) {
        for (k = 1; k < 2000; k++) {
            if (t->name) one_file(t, k, forever);
            else { fault_set(k, forever); life(); fault_at = 0; }
            if (fault_held != held) { complain("memory is lost", NULL); held = fault_held; }
            if (fault_calls < k && !fault_fired) break;
        }
        points += k - 1;
    }
    ok(points > 20 && !wrong, "%s: %ld faults, one at a time and from one on: nothing crashed, lost or half done (%ld wrong)", t->name ? t->name : "a training", points, wrong);
}

/* ---- reads and writes in pieces ---- */

static void pieces(const trial *t)
{
    static const long size[] = { 1, 7, 4096 };
    static const int why[] = { EINTR, EIO, ENOSPC };
    size_t i;
    long k;
    wrong = 0;
    for (i = 0; i < 3; i++) {
        stream_piece = size[i];
        stream_fails = 0;
        fault_set(0, 0);
        one_file(t, 0, 0);                         /* it must be well */
        stream_errno = why[i];
        for (k = 1; k < 400; k += 1 + k / 8) {
            rig r;
            ae_net *opened = NULL;
            int well;
            stream_fails = 0;
            rig_new(&r);
            if (!t->reads) rig_train(&r);
            write_whole(path, t->reads ? new_bytes[t->whole] : old_bytes[t->whole], t->reads ? new_size[t->whole] : old_size[t->whole]);
            stream_fails = k;
            told = 0;
            well = attempt(t, &r, &opened);
            if (!well && (told || !strstr(ae_error(r.ae), path))) complain("no text that names the file", &r);
            if (!t->reads && !(well ? holds(path, new_bytes[t->whole], new_size[t->whole]) : holds(path, old_bytes[t->whole], old_size[t->whole]))) complain("half a file", &r);
            if (part_is_left()) complain("a .part is left", &r);
            ae_free(r.ae);
            if (well) break;
        }
        if (k == 1) complain("no piece ever failed", NULL);
    }
    stream_piece = stream_fails = 0;
    ok(!wrong, "%s in pieces of 1, 7 and 4096 bytes, and with each piece failing: whole or not at all (%ld wrong)", t->name, wrong);
}

/* ---- the lessons' readers and writers ---- */

static void write_idx(void)
{
    static char image[16 + 2 * 784] = "\0\0\10\3\0\0\0\2\0\0\0\34\0\0\0\34", label[10] = "\0\0\10\1\0\0\0\2\3\7";
    char name[420];
    snprintf(name, sizeof name, "%s/a-images-idx3-ubyte", folder);
    write_whole(name, image, sizeof image);
    snprintf(name, sizeof name, "%s/a-labels-idx1-ubyte", folder);
    write_whole(name, label, sizeof label);
}

static void idx_faults(void)
{
    long k, forever, points = 0, held = fault_held;
    char stem[400], why[PATH_MAX + 200];
    snprintf(stem, sizeof stem, "%s/a", folder);
    write_idx();
    wrong = 0;
    for (forever = 0; forever < 2; forever++)
        for (k = 1; k < 100; k++, points++) {
            kit_set set;
            int well;
            memset(&set, 0, sizeof set);
            why[0] = 0;
            fault_set(k, forever);
            well = kit_read_set(stem, KIT_DIGITS, &set, why, sizeof why);
            fault_at = 0;
            if (!well && (strncmp(why, folder, strlen(folder)) || !strstr(why, ": "))) complain("no text that names the file", NULL);
            if (!well && (set.images || set.labels)) complain("half a set", NULL);
            if (well && (set.n != 2 || set.labels[1] != 7)) complain("another set", NULL);
            if (well && fault_fired && strcmp(fault_name, "fclose")) complain("well, though something was refused", NULL);
            if (well) { fault_free(set.images); fault_free(set.labels); }
            if (fault_held != held) { complain("memory is lost", NULL); held = fault_held; }
            if (!fault_fired) break;
        }
    ok(points > 10 && !wrong, "reading IDX files: %ld faults: a text that names the file, or the whole set (%ld wrong)", points, wrong);
}

/* kit_write leaves with status 3; so each try is a process of its own. */
static void kit_write_faults(void)
{
    long k, forever, points = 0;
    int status = 0;
    kit run;
    memset(&run, 0, sizeof run);
    run.lesson = "test";
    run.out = folder;
    wrong = 0;
    for (forever = 0; forever < 2; forever++)
        for (k = 1; k < 100; k++, points++) {
            pid_t child;
            snprintf(path, sizeof path, "%s/log.tsv", folder);
            write_whole(path, "old", 3);
            fflush(stdout);
            child = fork();
            if (child == 0) {
                if (!freopen("/dev/null", "w", stderr)) _exit(9);
                fault_set(k, forever);
                kit_write(&run, "log.tsv", "new and longer", 14);
                _exit(fault_fired ? 4 : 0);
            }
            waitpid(child, &status, 0);
            if (!WIFEXITED(status) || (WEXITSTATUS(status) != 3 && WEXITSTATUS(status) != 0)) complain("not status 3", NULL);
            if (!holds(path, status ? "old" : "new and longer", status ? 3 : 14)) complain("the file is neither the old nor the new one", NULL);
            if (part_is_left()) complain("a .part is left", NULL);
            if (!status) break;
        }
    remove(path);
    ok(points >= 6 && !wrong, "writing a lesson's file: %ld faults: status 3 and the old file, or the new one (%ld wrong)", points, wrong);
}

/* ---- the lessons' mathematics: each returns what it found, or NaN if it says that it could not ---- */

enum { POINTS = 150, WIDE = 6 };
static float points[POINTS * WIDE];
static uint8_t class_of[POINTS];

static double maths_pca(ae_ctx *ae)
{
    float code[POINTS * 2];
    char why[100] = "";
    pca_rows r = pca_rows_f32(points);
    pca_model m;
    double found = NAN;
    if (!pca_fit(ae, &r, POINTS, WIDE, 3, &m, why, sizeof why)) return *why ? NAN : 0;
    if (pca_project(ae, &m, &r, POINTS, 2, code)) found = pca_error(ae, &m, &r, POINTS, 2);
    pca_free(&m);
    return found >= 0 ? found + (double)code[7] : NAN;
}

static double maths_tsne(ae_ctx *ae)
{
    float map[POINTS * 2];
    tsne_options o = tsne_defaults();
    tsne_report report;
    o.perplexity = 5, o.iterations = 20;
    if (!tsne_run(ae, points, POINTS, WIDE, &o, map, &report)) return *report.note ? NAN : 0;
    return (double)map[9] + report.kl;
}

static double maths_tsne_measures(ae_ctx *ae)
{
    double a = tsne_trustworthiness(ae, points, POINTS, WIDE, points, WIDE, 3), b = tsne_label_accuracy(ae, points, class_of, POINTS, WIDE, 3);
    return a < 0 || b < 0 ? NAN : a + 2 * b;
}

static double maths_features(ae_ctx *ae)
{
    const metrics_set set = { points, class_of, POINTS, WIDE };
    int cluster[POINTS];
    double a = metrics_knn_accuracy(ae, &set, &set, 3), b = metrics_linear_probe(ae, &set, &set, 3, NULL), c = metrics_kmeans(ae, &set, 3, 2, 1, cluster);
    return a < 0 || b < 0 || c < 0 ? NAN : a + 2 * b + c;
}

static double maths_coder(ae_ctx *ae)
{
    int16_t symbol[POINTS * WIDE];
    static int rows = 1;                 /* so many that the end of the code, four bytes, needs one more piece of memory */
    coder_file f = { 7, POINTS, WIDE, 0.1f, symbol }, g;
    uint8_t *bytes;
    size_t size, i;
    char why[100] = "";
    double sum = 0;
    (void)ae;
    for (i = 0; i < POINTS * WIDE; i++) symbol[i] = (int16_t)(i * i * 2654435761u >> 21 & 4095);     /* hardly to be compressed: more than one piece of memory */
    for (f.columns = 1, f.rows = rows, size = 0; !fault_at && f.rows < POINTS * WIDE && !(size > 768 && size - 4 <= 768); rows = f.rows++)
        if (coder_pack(&f, &bytes, &size)) fault_free(bytes);
    f.rows = rows;
    if (!coder_pack(&f, &bytes, &size)) return NAN;
    if (!coder_unpack(bytes, size, &g, why, sizeof why)) sum = *why ? NAN : 0;
    for (i = 0; g.symbol && i < (size_t)rows; i++) sum += g.symbol[i] == symbol[i];
    fault_free(bytes), fault_free(g.symbol);
    return sum;
}

static void maths_faults(const char *name, double (*act)(ae_ctx *))
{
    long k, forever, fired = 0, held = fault_held;
    double want = NAN;
    wrong = 0;
    for (forever = 0; forever < 2; forever++)
        for (k = 0; k < 3000; k++, fired++) {                   /* k = 0: nothing is refused */
            ae_config config;
            ae_ctx *ae;
            double got;
            memset(&config, 0, sizeof config);
            config.threads = 1;
            config.on_fail = on_fail;
            ae = ae_new(&config);
            fault_set(k, forever);
            got = act(ae);
            fault_at = 0;
            if (k == 0) want = got;
            if (!isnan(got) && got != want) complain("another result, and nobody was told", NULL), printf("# %g instead of %g\n", got, want);
            ae_free(ae);
            if (fault_held != held) { complain("memory is lost", NULL); held = fault_held; }
            if (k && !fault_fired) break;
        }
    ok(fired > 8 && !isnan(want) && !wrong, "%s: %ld faults: it says so, or has the same result (%ld wrong)", name, fired - 2, wrong);
}

/* ---- the table of trials ---- */

static void prepare(void)
{
    rig r;
    int whole;
    rig_new(&r);
    rig_weights(&r, old_weights);
    for (whole = 0; whole < 2; whole++) {
        ok(whole ? ae_save_all(r.ae, path) : ae_save(r.net, path), "the old %s is written", whole ? "checkpoint" : "network");
        old_size[whole] = read_whole(path, &old_bytes[whole]);
    }
    rig_train(&r);
    rig_weights(&r, new_weights);
    for (whole = 0; whole < 2; whole++) {
        ok(whole ? ae_save_all(r.ae, path) : ae_save(r.net, path), "the new %s is written", whole ? "checkpoint" : "network");
        new_size[whole] = read_whole(path, &new_bytes[whole]);
    }
    ok(memcmp(old_weights, new_weights, sizeof old_weights) != 0, "and they differ");
    ae_free(r.ae);
}

int main(void)
{
    static const trial trials[] = { { "ae_save", 0, 0 }, { "ae_load", 0, 1 }, { "ae_open", 0, 2 }, { "ae_save_all", 1, 0 }, { "ae_load_all", 1, 1 } };
    static const trial training = { NULL, 0, 0 };
    const char *tmp = getenv("TMPDIR");
    size_t i;
    snprintf(folder, sizeof folder, "%s/autoenc_faults.XXXXXX", tmp && *tmp ? tmp : P_tmpdir);
    if (!mkdtemp(folder)) { ok(0, "a folder for the test: %s", folder); return tap_end(); }
    snprintf(path, sizeof path, "%s/file.safetensors", folder);
    prepare();
    every_fault(&training);
    for (i = 0; i < sizeof trials / sizeof trials[0]; i++) every_fault(&trials[i]);
#ifdef __GLIBC__
    for (i = 0; i < sizeof trials / sizeof trials[0]; i++) pieces(&trials[i]);
#else
    skip("no fopencookie here: reads and writes are not cut into pieces");
#endif
    remove(path);
    idx_faults();
    kit_write_faults();
    for (i = 0; i < POINTS * WIDE; i++) points[i] = (float)(i * i * 2654435761u >> 16 & 1023) / 512 + (float)(i / WIDE % 3);
    for (i = 0; i < POINTS; i++) class_of[i] = (uint8_t)(i % 3);
    maths_faults("PCA", maths_pca);
    maths_faults("t-SNE", maths_tsne);
    maths_faults("measures of a map", maths_tsne_measures);
    maths_faults("measures of features", maths_features);
    maths_faults("the coder", maths_coder);
    snprintf(path, sizeof path, "rm -rf '%s'", folder);
    ok(!system(path), "the folder is gone");
    for (i = 0; i < 2; i++) { free(old_bytes[i]); free(new_bytes[i]); }
    return tap_end();
}
