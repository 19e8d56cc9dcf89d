/* kit.h - what every lesson shares, so that a lesson's own page holds only its idea

   A lesson fills in a few fields of a `kit`, calls the functions below in this order, and reads like its document:

       kit run = { .lesson = "lesson03", .about = "...", .usual = { 30, 512, 2e-4 }, ... };
       ae_ctx *ae = kit_start(&run, argc, argv, NULL);    // options, output folder, Ctrl-C
       kit_data(&run, KIT_DIGITS, 0);                     // MNIST, or the built-in strokes: run.train and run.test
       ...                                                // the network, the optimiser, the loaders
       kit_restore(&run, model);                          // --load and --resume
       while (kit_epoch(&run, loader)) {
           while (kit_batch(&run) && ae_next_batch(loader, &x, NULL)) { ... ae_accumulate(run.running, loss); }
           kit_epoch_end(&run, test_loss);                // log.tsv, and a line where there is no progress bar
       }
       kit_save(&run, model);                             // weights and checkpoint; leaves with 130 after Ctrl-C
       kit_curve, kit_grid, kit_scatter, kit_fact ...     // pictures and numbers
       return kit_finish(&run, "test loss %.6f", loss);

   A lesson that trains several networks makes all of them first, says kit_restore(&run, NULL), and goes through the loop
   and kit_save once for each, after kit_net(&run, "cnn"): a name in the log, in run.json and in model_cnn.safetensors.

   A run can be stopped, or killed, at any moment: --resume goes on from its last checkpoint, here or on another machine,
   and in the end there are the same bits and the same pictures.  What a lesson collects for them while it trains it
   therefore gives to kit_keep, before kit_restore.

   Networks and mathematics are on the lesson's page.  kit_options.h, kit_data.h, kit_plot.h and kit_resume.h are parts
   of this file.
   C99, POSIX. */

#ifndef KIT_H
#define KIT_H

#include "../autoenc.h"
#include "../data/strokes.h"
#include "pca.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KIT_DIGITS = 10, KIT_LETTERS = 26, KIT_NETS = 10 };          /* at most KIT_NETS networks are trained in one run */
enum { KIT_FLAG, KIT_INT, KIT_SEED, KIT_REAL, KIT_TEXT, KIT_DIR, KIT_NAME };     /* kinds of option: int, int, uint64_t, */
typedef struct kit_option {                                                      /* double, and const char * thrice */
    const char *name;
    int kind;
    void *value;                         /* where it goes; holds the default before the command line is read */
    double least, most;                  /* bounds of a number, both included */
    const char *help;
} kit_option;                            /* a table of these ends with {0} */

typedef struct kit_settings { int epochs, batch; double lr; } kit_settings;
typedef struct kit_text { char *text; size_t used, room; } kit_text;
typedef struct kit_set  { uint8_t *images, *labels; int n; } kit_set;            /* images are [n,1,28,28] */
typedef struct kit_drawing { pid_t pid; char png[64]; } kit_drawing;             /* a gnuplot at work */
typedef struct kit_kept { const char *name; void *at; size_t bytes; } kit_kept;  /* it travels in the checkpoint */
typedef struct kit_progress {            /* where the training of a network is, and how it was begun */
    double train_loss, test_loss, lr;
    uint64_t seed;
    float running;
    int32_t epoch, started, batch, images;
    char dataset[12];
} kit_progress;

typedef struct kit {
    /* The lesson fills these in. */
    const char *lesson, *about, *files;
    kit_settings in_quick, usual, in_full;                   /* with --quick, without, with --full */
    int flat;                            /* the network takes rows of 784 numbers, not images [1,28,28] */
    /* The options of every lesson. */
    int epochs, batch, threads, quick, full, synthetic, resume, no_plot, no_progress, live, help;
    double lr;
    uint64_t seed;
    const char *data, *out, *device, *save, *load;
    /* What the kit finds out. */
    ae_ctx *ae;
    kit_set train, test;
    const char *dataset;                 /* "mnist", "emnist" or "strokes" */
    char folder[PATH_MAX];               /* the executable's own: data/ and plots/ are there */
    char usual_out[40], path[PATH_MAX];  /* the default of --out; what kit_path returned last */
    ae_tensor running;                   /* adds up the batch losses of the epoch */
    const char *net;                     /* the network that is being trained, if there are several; else NULL */
    int nets;                            /* how many were begun */
    ae_net *notes;                       /* how the kept things below travel in the checkpoint: see kit_checkpoint */
    kit_kept kept[16];
    int keeps;
    kit_progress progress[KIT_NETS];     /* kept, as are the lesson's options and its facts so far */
    char options[512], facts_kept[8192];
    int epoch, batches, started, resumed, steps_before;      /* steps_before: done by an earlier run */
    double train_loss, test_loss, train_seconds, test_seconds, first_epoch_seconds, first_batch_seconds;
    double began, epoch_began, loop_began, drawn, checked;
    kit_text log, columns, cells, facts, net_facts, net_names, plots, command;
    kit_text earlier;                    /* plots.tsv of the run that was in the folder before */
    kit_drawing drawings[24];
    int drawing, bar;                    /* how many of them are at work; is there a progress bar */
    char gnuplot[PATH_MAX];              /* its path; "-" if there is none */
} kit;

/* The one global of the lessons: a signal handler can reach nothing else. */
static volatile sig_atomic_t kit_stopped;

/* ==== Messages, text and time ===================================================================================== */

/* One message on stderr, and the end.  Status 2: a wrong option.  3: the world (files, data, memory, device). */
static inline __attribute__((noreturn)) void kit_die(const kit *run, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr, "%s%s: ", run->drawn > 0 ? "\n" : "", run->lesson);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(status);
}

static inline double kit_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void *kit_room(const kit *run, size_t bytes)
{
    void *p = malloc(bytes + !bytes);
    if (!p) kit_die(run, 3, "out of memory (%zu bytes)", bytes);
    return p;
}

/* printf into a path.  One that is too long is cut, and then not found. */
static inline void kit_name(char path[PATH_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(path, PATH_MAX, format, args);
    va_end(args);
}

/* printf at the end of a text that grows. */
static inline void kit_print(kit_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (t->used + (size_t)length + 1 > t->room) {
        t->room = 2 * (t->used + (size_t)length + 1);
        t->text = (char *)realloc(t->text, t->room);
        if (!t->text) { fprintf(stderr, "out of memory\n"); exit(3); }
    }
    va_start(args, format);
    t->used += (size_t)vsnprintf(t->text + t->used, t->room - t->used, format, args);
    va_end(args);
}

#include "kit_options.h"

/* ==== Files and folders =========================================================================================== */

/* An executable file called `name` in one of the folders of PATH. */
static inline int kit_in_path(const char *name, char path[PATH_MAX])
{
    const char *from = getenv("PATH");
    while (from && *from) {
        int length = (int)strcspn(from, ":");
        kit_name(path, "%.*s/%s", length, from, name);
        if (!access(path, X_OK)) return 1;
        from += length + (from[length] == ':');
    }
    return 0;
}

/* The folder of this very program, so that a lesson finds data/ and plots/ wherever it is started. */
static inline void kit_find_folder(kit *run, const char *called)
{
    ssize_t n = readlink("/proc/self/exe", run->folder, sizeof run->folder - 1);
    if (n > 0) run->folder[n] = 0;
    else if (strchr(called, '/')) kit_name(run->folder, "%s", called);
    else if (!kit_in_path(called, run->folder)) kit_name(run->folder, "./%s", called);
    *strrchr(run->folder, '/') = 0;
}

static inline void kit_make_out(const kit *run)
{
    char path[PATH_MAX];
    if (strlen(run->out) > PATH_MAX - 100) kit_die(run, 2, "--out: this name is too long");
    kit_name(path, "%s/log.tsv.part", run->out);
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            if (mkdir(path, 0777) && errno != EEXIST) kit_die(run, 3, "cannot make the folder %s: %s", path, strerror(errno));
            *p = '/';
        }
    int folder = open(run->out, O_RDONLY | O_CLOEXEC);     /* locked until this process ends, however it ends */
    if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        kit_die(run, 3, "another run is at work in %s: wait until it ends, or choose another --out", run->out);
    int probe = open(path, O_WRONLY | O_CREAT, 0666);      /* better to know now than after the training */
    if (probe < 0) kit_die(run, 3, "cannot write to the folder %s: %s", run->out, strerror(errno));
    close(probe);
    unlink(path);
}

/* OUT/name, until the next call. */
static inline const char *kit_path(kit *run, const char *name)
{
    kit_name(run->path, "%s/%s", run->out, name);
    return run->path;
}

/* OUT/name is written beside and renamed: whoever reads it meanwhile sees the old file or the new one, never half. */
static inline void kit_write(const kit *run, const char *name, const void *bytes, size_t size)
{
    char path[PATH_MAX], part[PATH_MAX];
    kit_name(path, "%s/%s", run->out, name);
    kit_name(part, "%s.part", path);
    FILE *f = fopen(part, "wb");
    int well = f && (!size || fwrite(bytes, 1, size, f) == size);
    if (f && fclose(f)) well = 0;
    if (!well || rename(part, path)) {
        int why = errno;
        unlink(part);
        kit_die(run, 3, "cannot write %s: %s", path, strerror(why));
    }
}

/* ==== The log, and run.json ======================================================================================= */

/* One more column of log.tsv, for the epoch that ends now: call it before kit_epoch_end, in every epoch alike. */
static inline void kit_column(kit *run, const char *name, double value)
{
    kit_print(&run->columns, "\t%s", name);
    if (isnan(value)) kit_print(&run->cells, "\tnan");
    else              kit_print(&run->cells, "\t%.9g", value);
}

/* One row of log.tsv, from what kit_column was told.  The whole file is written each time, so it is never half. */
static inline void kit_log(kit *run)
{
    if (!run->log.used) kit_print(&run->log, "epoch%s%s\n", run->columns.text, run->net ? "\tnet" : "");
    kit_print(&run->log, "%d%s%s%s\n", run->epoch, run->cells.text, run->net ? "\t" : "", run->net ? run->net : "");
    kit_write(run, "log.tsv", run->log.text, run->log.used);
    run->columns.used = run->cells.used = 0;
}

/* A key and a number for run.json.  JSON has no NaN and no infinity: null stands for them. */
static inline void kit_json(kit_text *t, const char *key, double value)
{
    if (isfinite(value)) kit_print(t, ",\n  \"%s\": %.9g", key, value);
    else kit_print(t, ",\n  \"%s\": null", key);
}

static inline void kit_json_text(kit_text *t, const char *key, const char *text)
{
    kit_print(t, ",\n  \"%s\": \"", key);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 32) kit_print(t, "\\u%04x", *p);
        else kit_print(t, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    kit_print(t, "\"");
}

/* A fact of the lesson's own, for run.json. */
static inline void kit_fact(kit *run, const char *key, double value)
{
    kit_json(&run->facts, key, value);
}

/* A resumed run states some facts again: the last word counts. */
static inline void kit_last_facts(kit_text *facts)
{
    char *at = facts->text, *next, key[120];
    while (facts->used && (next = strstr(at + 1, ",\n  \""))) {
        snprintf(key, sizeof key, "%.*s", (int)strcspn(at + 1, ":") + 1, at);
        if (!strstr(next, key)) { at = next; continue; }
        facts->used -= (size_t)(next - at);
        memmove(at, next, strlen(next) + 1);
    }
}

/* Training speed leaves the first epoch out when there are more: it warms caches and touches memory for the first time. */
static inline double kit_images_per_second(const kit *run)
{
    int epochs = run->epoch - run->resumed;
    double seconds = run->train_seconds - (epochs > 1 ? run->first_epoch_seconds : 0);
    return epochs > 0 && seconds > 0 ? run->train.n * (double)(epochs - (epochs > 1)) / seconds : NAN;
}

/* What run.json says of one network among several. */
static inline void kit_net_json(kit *run)
{
    kit_text *t = &run->net_facts;
    kit_print(t, "%s\n    \"%s\": {\n  \"epochs_done\": %d", run->nets > 1 ? "," : "", run->net, run->epoch);
    kit_json(t, "train_seconds", run->train_seconds);
    kit_json(t, "images_per_second", kit_images_per_second(run));
    kit_json(t, "train_loss", run->train_loss);
    kit_json(t, "test_loss", run->test_loss);
    kit_print(t, " }");
}

static inline void kit_run_json(kit *run, int interrupted)
{
    kit_text t = { NULL, 0, 0 };
    kit_print(&t, "{\n  \"lesson\": \"%s\"", run->lesson);
    kit_json_text(&t, "version", AE_VERSION);
    kit_json_text(&t, "compiler", strstr(__VERSION__, "lang") ? __VERSION__ : "gcc " __VERSION__);
    kit_json_text(&t, "machine", ae_machine(run->ae));
    kit_json_text(&t, "device", run->device);
    kit_json_text(&t, "command", run->command.text);
    kit_json_text(&t, "mode", run->quick ? "quick" : run->full ? "full" : "default");
    kit_json_text(&t, "data", run->dataset);
    kit_json(&t, "train_images", run->train.n);
    kit_json(&t, "test_images", run->test.n);
    kit_print(&t, ",\n  \"seed\": %llu", (unsigned long long)run->seed);
    kit_json(&t, "threads", ae_threads(run->ae));
    kit_json(&t, "epochs", run->epochs);
    kit_json(&t, "epochs_done", run->epoch);
    kit_json(&t, "batch", run->batch);
    kit_json(&t, "lr", run->lr);
    kit_json(&t, "interrupted", interrupted);
    kit_json(&t, "seconds", kit_seconds() - run->began);
    kit_json(&t, "seconds_to_first_batch", run->first_batch_seconds);
    kit_json(&t, "train_seconds", run->train_seconds);
    kit_json(&t, "images_per_second", kit_images_per_second(run));
    kit_json(&t, "train_loss", run->train_loss);
    kit_json(&t, "test_loss", run->test_loss);
    kit_json(&t, "test_seconds", run->test_seconds);
    if (run->net_facts.used) kit_print(&t, ",\n  \"nets\": {%s }", run->net_facts.text);
    kit_last_facts(&run->facts);
    kit_print(&t, "%s\n}\n", run->facts.used ? run->facts.text : "");          /* the lesson's own facts come last */
    kit_write(run, "run.json", t.text, t.used);
    free(t.text);
}

#include "kit_data.h"
#include "kit_plot.h"
#include "kit_resume.h"

/* ==== Ctrl-C, the progress bar, and the epochs ==================================================================== */

/* The first Ctrl-C asks the training to finish its batch; a second one ends the program at once. */
static inline void kit_on_signal(int number)
{
    signal(number, SIG_DFL);
    kit_stopped = 1;
}

static inline void kit_catch_signals(int on)
{
    signal(SIGINT, on ? kit_on_signal : SIG_DFL);
    signal(SIGTERM, on ? kit_on_signal : SIG_DFL);
}

/* tqdm's line, without colours: "epoch 3/30:   8%|####      | 270/3540 [00:05<01:02, 52.1it/s, loss=0.0231]". */
static inline void kit_bar(kit *run, int done)
{
    double now = kit_seconds(), total = (double)run->epochs * run->batches, at = (double)run->epoch * run->batches + done;
    double took = now - run->loop_began, rate = (at - run->steps_before) / (took > 0 ? took : 1);
    int cells = (int)(20 * at / total), left = rate > 0 ? (int)((total - at) / rate) : 0;
    if (!run->bar || done < 1 || (now - run->drawn < 0.1 && at < total)) return;
    fprintf(stderr, "\r\033[K%s%sepoch %d/%d: %3d%%|", run->net ? run->net : "", run->net ? " " : "", run->epoch + 1, run->epochs, (int)(100 * at / total));
    for (int i = 0; i < 20; i++) fputs(i < cells ? "\u2588" : " ", stderr);
    fprintf(stderr, "| %.0f/%.0f [%02d:%02d<%02d:%02d, %.1fit/s, loss=%.4f]", at, total, (int)took / 60, (int)took % 60,
            left / 60, left % 60, rate, (double)ae_item(run->running) / done);
    run->drawn = now;
}

/* Another epoch?  Not after a loss that is no number: nothing better would follow. */
static inline int kit_epoch(kit *run, ae_loader *loader)
{
    run->batches = ae_batches(loader);
    run->epoch_began = kit_seconds();
    if (run->loop_began == 0) {
        kit_catch_signals(1);
        run->loop_began = run->epoch_began;
        if (run->nets == 1) run->first_batch_seconds = run->epoch_began - run->began;
        run->steps_before = run->epoch * run->batches + run->started;
        if (run->nets == 1 && !run->resume) kit_begin(run);
    }
    return !kit_stopped && run->epoch < run->epochs && (run->epoch == run->resumed || !isnan(run->train_loss));
}

/* Before each batch: draws the bar, makes a checkpoint now and then, and says no after Ctrl-C.  The call that finds the loader at its end stops the clock. */
static inline int kit_batch(kit *run)
{
    kit_bar(run, run->started);
    if (kit_stopped) return 0;
    if (kit_seconds() - run->checked > (run->started ? 10 : 2)) kit_checkpoint(run);
    if (run->started++ < run->batches) return 1;
    run->train_loss = (double)ae_item(run->running) / run->batches;       /* the mean of the batch means */
    if (isnan(run->train_loss)) run->train_loss = NAN;                    /* printed as nan, never -nan */
    double took = kit_seconds() - run->epoch_began;
    run->train_seconds += took;
    if (run->epoch == run->resumed) run->first_epoch_seconds = took;
    return 1;
}

/* printf to stdout in the middle of an epoch: the progress bar makes room, and comes back by itself. */
static inline void kit_say(kit *run, const char *format, ...)
{
    va_list args;
    if (run->drawn > 0) fprintf(stderr, "\r\033[K");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout);
}

/* After the batches of an epoch and the test that follows: the log, the line, the live picture. */
static inline void kit_epoch_end(kit *run, double test_loss)
{
    if (run->started <= run->batches) return;                             /* Ctrl-C: this epoch is not over */
    const float zero = 0;
    double took = kit_seconds() - run->epoch_began;
    run->epoch++;
    run->started = 0;
    ae_assign(run->running, &zero);
    run->test_loss = test_loss = isnan(test_loss) ? NAN : test_loss;
    kit_text more[2] = { run->columns, run->cells };                      /* what the lesson added comes after ours */
    memset(&run->columns, 0, sizeof run->columns);
    memset(&run->cells, 0, sizeof run->cells);
    kit_column(run, "step", (double)run->epoch * run->batches);
    kit_column(run, "train_loss", run->train_loss);
    kit_column(run, "test_loss", test_loss);
    kit_column(run, "seconds", took);
    if (more[0].used) kit_print(&run->columns, "%s", more[0].text), kit_print(&run->cells, "%s", more[1].text);
    free(more[0].text);
    free(more[1].text);
    kit_log(run);
    if (!run->bar)
        printf("%s%sepoch %d/%d: train loss %.6f, test loss %.6f, %.2f s\n", run->net ? run->net : "", run->net ? " " : "",
               run->epoch, run->epochs, run->train_loss, test_loss, took);
    const char *here = strstr(ae_machine(run->ae), "here: ");              /* what the device has no form of */
    if (here && run->epoch == run->resumed + 1) printf("on the processor, with values carried over and back: %s\n", here + 6);
    fflush(stdout);
    if (run->live) kit_curve(run, 30);
}

/* After the training: weights, checkpoint, run.json.  A run that was interrupted ends here. */
static inline void kit_save(kit *run, ae_net *model)
{
    char name[64];
    snprintf(name, sizeof name, "model%s%.40s.safetensors", run->net ? "_" : "", run->net ? run->net : "");
    if (run->drawn > 0) fprintf(stderr, "\n");
    run->drawn = 0;
    if (!ae_save(model, kit_path(run, name)) || (run->save && !ae_save(model, run->save))) kit_die(run, 3, "%s", ae_error(run->ae));
    kit_checkpoint(run);
    if (run->net) kit_net_json(run);
    kit_run_json(run, kit_stopped);
    if (kit_stopped) {
        printf("%s: interrupted after epoch %d of %d and %d batches; weights and checkpoint are in %s, --resume goes on\n",
               run->lesson, run->epoch, run->epochs, run->started, run->out);
        exit(130);
    }
    kit_catch_signals(0);
    if (run->epoch > run->resumed && isnan(run->train_loss))
        kit_die(run, 2, "the loss became NaN in epoch %d: the training diverged; try a smaller --lr than %g", run->epoch, run->lr);
    if (run->epoch > run->resumed)
        printf("%s%strained to epoch %d: train loss %.6f, %.1f s, %.0f images/s\n", run->net ? run->net : "", run->net ? " " : "",
               run->epoch, run->train_loss, run->train_seconds, kit_images_per_second(run));
}

/* ==== Beginning and end =========================================================================================== */

static inline ae_ctx *kit_start(kit *run, int argc, char **argv, const kit_option *more)
{
    ae_config config = { 0 };
    run->began = run->checked = kit_seconds();
    run->epochs = run->batch = -1;
    run->lr = -1;
    run->device = "auto";
    snprintf(run->usual_out, sizeof run->usual_out, "out/%s", run->lesson);
    run->out = run->usual_out;
    run->train_loss = run->test_loss = run->first_batch_seconds = NAN;
    for (int i = 0; i < argc; i++) kit_print(&run->command, "%s%s", i ? " " : "", argv[i]);
    kit_options(run, argc, argv, more);
    const kit_settings *mode = run->quick ? &run->in_quick : run->full ? &run->in_full : &run->usual;
    if (run->epochs < 0) run->epochs = mode->epochs;
    if (run->batch < 0) run->batch = mode->batch;
    if (run->lr < 0) run->lr = mode->lr;
    run->bar = !run->no_progress && isatty(2);
    kit_find_folder(run, argv[0]);
    kit_make_out(run);
    kit_read_lines(run, "plots.tsv", INT_MAX, run->resume ? &run->plots : &run->earlier);

    config.seed = run->seed;
    config.threads = run->threads;
    const char *insists = getenv("AE_CUDA");               /* 1: the card or nothing; 0: never the card */
    if (insists && *insists && !strcmp(run->device, "auto")) run->device = strcmp(insists, "0") ? "cuda" : "cpu";
    config.device = run->device;
    run->ae = ae_new(&config);
    if (!run->ae || *ae_error(run->ae)) kit_die(run, 3, "%s", run->ae ? ae_error(run->ae) : "out of memory");
    const char *note = strstr(ae_machine(run->ae), "; ");  /* which card, or why there is none */
    if (note) printf("%s\n", strstr(note, ", using the CPU") ? note + 2 : ae_machine(run->ae));
    run->running = ae_keep(ae_scalar(run->ae, 0));
    return run->ae;
}

/* Waits for the pictures, writes run.json, prints the last line of the run.  Returns the exit status. */
static inline int kit_finish(kit *run, const char *format, ...)
{
    va_list args;
    kit_draw_missing(run);
    kit_wait(run, 1);
    kit_run_json(run, 0);
    printf("everything is in %s\n%s: ", run->out, run->lesson);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(", %.1f s%s\n", kit_seconds() - run->began, strcmp(run->dataset, "strokes") ? "" : " [strokes]");
    kit_free(run);
    return fflush(stdout) ? 3 : 0;
}

#endif /* KIT_H */
