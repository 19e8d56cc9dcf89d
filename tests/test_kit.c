/* test_kit.c: what the lessons' shell tests do not come to: each message of the command line, the progress bar, pictures without
   gnuplot, with one that fails and with too many at once, a training that diverges, several networks in a run, a resume
   that does not fit, facts told twice.  A case is a process of its own, and its output, errors and status are looked at.
   POSIX. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"

#include <sys/resource.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <errno.h>
/* What the system lacks, or has, in this case. */
static int no_links, a_terminal, no_children, no_locks, no_context, no_memory, nobody_waits, interruptions, refused_call;
static const char *a_machine;
static ssize_t test_readlink(const char *path, char *to, size_t n) { return no_links ? -1 : readlink(path, to, n); }
static int test_isatty(int fd) { return a_terminal || isatty(fd); }
static pid_t test_fork(void) { return no_children ? -1 : fork(); }
static int test_flock(int fd, int how) { return no_locks ? (errno = ENOLCK, -1) : flock(fd, how); }
static void *test_malloc(size_t n) { return no_memory == 1 ? NULL : malloc(n); }
static void *test_realloc(void *p, size_t n) { return no_memory ? NULL : realloc(p, n); }
static int may(void) { return !refused_call || --refused_call; }       /* the so many-th call is refused */
static int test_open(const char *path, int how, int mode) { return may() ? open(path, how, mode) : -1; }
static int test_dup2(int from, int to) { return may() ? dup2(from, to) : -1; }
static pid_t test_waitpid(pid_t pid, int *status, int how) { return nobody_waits ? (waitpid(pid, status, how), *status = -1, errno = ECHILD, -1) : interruptions-- > 0 ? (errno = EINTR, -1) : waitpid(pid, status, how); }
static ae_ctx *test_new(const ae_config *config) { return no_context ? NULL : ae_new(config); }
static const char *test_machine(const ae_ctx *ae) { return a_machine ? a_machine : ae_machine(ae); }
#define readlink(path, to, n) test_readlink(path, to, n)
#define isatty(fd) test_isatty(fd)
#define fork() test_fork()
#define flock(fd, how) test_flock(fd, how)
#define waitpid(pid, status, how) test_waitpid(pid, status, how)
#define malloc(n) test_malloc(n)
#define realloc(p, n) test_realloc(p, n)
#define dup2(from, to) test_dup2(from, to)
#define open(...) test_open_how(__VA_ARGS__, 0, 0)
#define test_open_how(path, how, mode, ...) test_open(path, how, mode)
#define ae_new(config) test_new(config)
#define ae_machine(ae) test_machine(ae)
#include "../lessons/kit.h"
#include "../lessons/kit_quality.h"
#include "../lessons/coder.h"
#include "../lessons/tools.h"
#include "../lessons/rate.h"
#undef malloc
#undef realloc
#undef dup2
#undef open
#undef readlink
#undef isatty
#undef fork
#undef flock
#undef waitpid
#undef ae_new
#undef ae_machine
#include "tap.h"

static char folder[300], out[340], said[20000];
static kit run;

static const char *in_folder(const char *name)
{
    static char path[4][400];
    static int at;
    snprintf(path[at = (at + 1) % 4], sizeof path[0], "%s/%s", folder, name);
    return path[at];
}

static void read_text(const char *name, char *text, size_t size)
{
    FILE *f = fopen(in_folder(name), "r");
    size_t n = f ? fread(text, 1, size - 1, f) : 0;
    text[n] = 0;
    if (f) fclose(f);
}

static void write_text(const char *name, const char *text, int mode)
{
    FILE *f = fopen(in_folder(name), "w");
    if (!f || fputs(text, f) < 0) ok(0, "the test can write %s", name);
    if (f) fclose(f);
    chmod(in_folder(name), (mode_t)mode);
}

/* Runs a case in a process of its own, with a fresh `run`: its exit status; what it printed, errors first, is in `said`. */
static int alone(void (*act)(void))
{
    int status;
    size_t n;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen(in_folder("stdout"), "w", stdout) || !freopen(in_folder("stderr"), "w", stderr)) _exit(99);
        act();
        exit(0);
    }
    waitpid(child, &status, 0);
    read_text("stderr", said, sizeof said / 2);
    n = strlen(said);
    read_text("stdout", said + n, sizeof said - n);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static int ends(void (*act)(void), int status, const char *words, const char *name)
{
    int got = alone(act), well = got == status && strstr(said, words);
    if (!well) printf("# status %d, wanted %d with \"%s\": %.600s\n", got, status, words, said);
    return ok(well, "%s", name);
}

/* ---- a small lesson ---- */

static int the_number, nets, keeps_odd, diverges;
static int images = 32;
static const char *the_word, *dataset = "strokes";
static double the_real, test_loss;
static const char *words[30];
static void (*in_epoch)(int epoch);
static const char *only_net;

static const kit_option own[] = {
    { "number", KIT_INT, &the_number, 1, 9, "a number of the lesson's own" },
    { "real", KIT_REAL, &the_real, 0, 1, "another" },
    { "word", KIT_TEXT, &the_word, 0, 0, "and a word" },
    { 0 } };

static void set_up(void)
{
    memset(&run, 0, sizeof run);
    run.lesson = "test", run.about = "a lesson", run.files = "nothing else";
    run.in_quick = (kit_settings){ 1, 16, 1e-3 }, run.usual = (kit_settings){ 2, 8, 1e-3 }, run.in_full = (kit_settings){ 3, 4, 1e-3 };
}

static void start(void)
{
    static char name[] = "./test";
    char *argv[40] = { name };
    int argc = 1;
    set_up();
    for (; words[argc - 1]; argc++) argv[argc] = (char *)words[argc - 1];
    kit_start(&run, argc, argv, own);
}

static void options_only(void)
{
    start();
    printf("epochs %d batch %d number %d seed %llu\n", run.epochs, run.batch, the_number, (unsigned long long)run.seed);
}

static void lesson(void)
{
    ae_net *net[2];
    ae_opt *adam[2];
    ae_tensor x;
    uint8_t odd[3] = { 1, 2, 3 };
    start();
    run.dataset = dataset;
    strcpy(run.folder, folder);
    kit_strokes(&run, KIT_DIGITS, images, 1, &run.train);
    kit_strokes(&run, KIT_DIGITS, 8, 2, &run.test);
    ae_loader *loader = kit_loader(&run, &run.train, 1);
    for (int i = 0; i < (nets ? nets : 1); i++) {
        net[i] = ae_net_new(run.ae);
        ae_nn_flatten(net[i]), ae_nn_linear(net[i], 784, 2), ae_nn_linear(net[i], 2, 784), ae_nn_unflatten(net[i], 1, 28, 28);
        adam[i] = ae_adam(net[i], (float)run.lr);
    }
    if (keeps_odd) kit_keep(&run, "odd", odd, sizeof odd);
    if (only_net) run.net = only_net;
    kit_restore(&run, nets ? NULL : net[0]);
    for (int i = 0; i < (nets ? nets : 1); i++) {
        if (nets || only_net) kit_net(&run, only_net ? only_net : i ? "two" : "one");
        while (kit_epoch(&run, loader)) {
            while (kit_batch(&run) && ae_next_batch(loader, &x, NULL)) {
                ae_tensor loss = ae_mse_loss(ae_forward(net[i], x), x, AE_MEAN);
                if (diverges) loss = ae_affine(loss, NAN, 0);
                ae_zero_grad(adam[i]);
                ae_backward(loss);
                ae_step(adam[i]);
                ae_accumulate(run.running, loss);
                if (in_epoch) in_epoch(run.epoch);
            }
            kit_column(&run, "more", test_loss);
            kit_epoch_end(&run, test_loss);
        }
        kit_save(&run, net[i]);
    }
    if (keeps_odd) printf("odd %d %d %d\n", odd[0], odd[1], odd[2]);
    kit_curve(&run, 0);
    kit_fact(&run, "loss", run.train_loss);
    exit(kit_finish(&run, "end"));
}

static int has(const char *file, const char *text)
{
    static char all[60000];
    read_text(file, all, sizeof all);
    return strstr(all, text) != NULL;
}

#define WORDS(...) (memset(words, 0, sizeof words), memcpy(words, (const char *[]){ __VA_ARGS__, "--out", out }, sizeof (const char *[]){ __VA_ARGS__, "--out", out }))

/* ---- the command line ---- */

static void check_options(void)
{
    static const struct { const char *a, *b; int status; const char *says; } cases[] = {
        { "--seed", "-1", 2, "--seed -1: a whole number from 0 to 2^64 - 1 is wanted" },
        { "--seed", "x", 2, "a whole number from 0 to 2^64 - 1" },
        { "--seed", ":", 2, "a whole number from 0 to 2^64 - 1" },
        { "--seed", "1x", 2, "a whole number from 0 to 2^64 - 1" },
        { "--seed", "18446744073709551616", 2, "a whole number from 0 to 2^64 - 1" },
        { "--seed", "18446744073709551615", 0, "seed 18446744073709551615" },
        { "--number", "2.5", 2, "--number 2.5: a whole number from 1 to 9 is wanted" },
        { "--number", "3x", 2, "--number 3x: a whole number" },
        { "--number", "", 2, "--number : a whole number" },
        { "--number", "0", 2, "--number 0: a whole number from 1 to 9" },
        { "--device", "cuda", 3, "no device \"cuda\"" },
        { "--number", "10", 2, "--number 10: a whole number from 1 to 9" },
        { "--number", "7", 0, "number 7" },
        { "--real", "1.5", 2, "--real 1.5: a number from 0 to 1 is wanted" },
        { "--quick", "--epochs=5", 0, "epochs 5 batch 16" },
        { "--full", "--no-plot", 0, "epochs 3 batch 4" },
        { "--quick", "--full", 2, "--quick and --full exclude each other" },
        { "--load=x", "--resume", 2, "--load and --resume exclude each other" },
        { "--quick=3", "--live", 2, "--quick=3: this option takes no value" },
        { "--device", "gpu", 2, "--device gpu: auto, cpu, cuda or cuda-tf32 is wanted" },
        { "--device", "cpu", 0, "epochs 2" },
        { "--device", "cuda-tf32", 3, "cuda-tf32" },
        { "--device", "auto", 0, "epochs 2" },
        { "word", "--quick", 2, "word: every word here belongs to an option" },
        { "-x", "--quick", 2, "unknown option -x; did you mean --" },
        { "-h", "--quick", 0, "(default 2; 1 with --quick, 3 with --full)" },
        { "--=", "--quick", 2, "unknown option --=; did you mean --" },
        { "--number-of-the-images-in-the-smaller-one-of-the-two-sets-of-images-here", "3", 2, "unknown option --number-of-the" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[120];
        WORDS(cases[i].a, cases[i].b);
        snprintf(name, sizeof name, "%.60s %.40s", cases[i].a, cases[i].b);
        ends(options_only, cases[i].status, cases[i].says, name);
    }
    memset(words, 0, sizeof words);
    words[0] = "--epochs";
    ends(options_only, 2, "--epochs needs a value", "a value that is missing");
    WORDS("--number", "4");
    the_word = "default", the_real = 0.25;
    words[2] = "--help";
    ends(options_only, 0, "(default default)", "--help shows a lesson's own words");
    ok(strstr(said, "(default 4)") && strstr(said, "(default 0.25)") != NULL, "and its numbers");
    the_word = NULL, the_number = 0;
}

/* A lesson without options of its own, its note in the checkpoint cut where there is no room. */
static void no_options(void)
{
    static char name[] = "./test", quick[] = "--help", *argv[] = { name, quick, NULL };
    set_up();
    kit_start(&run, 2, argv, NULL);
}
static void long_options(void)
{
    static char text[600];
    set_up();
    the_word = text;
    memset(text, 'x', sizeof text - 1);
    kit_note_options(&run, (const kit_option[]){ own[2], own[0], { 0 } });
    printf("noted %zu, number %s\n", strlen(run.options), strstr(run.options, "number") ? "too" : "not");
}

static void check_environment(void)
{
    WORDS("--quick", "--no-plot");
    setenv("AE_CUDA", "1", 1);
    ends(options_only, 3, "no device \"cuda\"", "AE_CUDA=1 insists on a card");
    setenv("AE_CUDA", "0", 1);
    ends(options_only, 0, "epochs 1", "AE_CUDA=0 wants none");
    setenv("AE_CUDA", "", 1);
    ends(options_only, 0, "epochs 1", "AE_CUDA= says nothing");
    setenv("AE_CUDA", "1", 1);
    WORDS("--device", "cpu");
    ends(options_only, 0, "epochs 2", "a device that was asked for is not overruled");
    unsetenv("AE_CUDA");
    ok(kit_distance("kitten", "sitting") == 3 && kit_distance("", "a-name-of-sixty-four-letters-which-is-one-more-than-the-row-holds!") == INT_MAX, "how far two words are apart; very long ones, very far");
    ends(no_options, 0, "Usage: ./test", "a lesson without options of its own");
    ends(long_options, 0, "noted 511, number not", "options too long for the checkpoint are cut");
}

/* ---- files and folders ---- */

static void find_folder(void)
{
    set_up();
    no_links = 1;
    kit_find_folder(&run, "some/where/lesson");
    printf("%s|", run.folder);
    setenv("PATH", folder, 1);
    kit_find_folder(&run, "tool");
    printf("%s|", run.folder);
    kit_find_folder(&run, "nothing");
    printf("%s|", run.folder);
    setenv("PATH", "", 1);
    kit_find_folder(&run, "tool");
    printf("%s|", run.folder);
    unsetenv("PATH");
    kit_find_folder(&run, "tool");
    printf("%s|", run.folder);
}

static struct rlimit files;
static void more_files(void) { setrlimit(RLIMIT_NOFILE, &files); }
static void many_files(void)
{
    struct rlimit three;
    set_up();
    run.out = out;
    getrlimit(RLIMIT_NOFILE, &files);
    atexit(more_files);
    three = files, three.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &three);
    kit_make_out(&run);
}

static void long_name(void)
{
    static char name[PATH_MAX];
    set_up();
    memset(name, 'x', sizeof name - 1);
    run.out = name;
    kit_make_out(&run);
}

static void no_room(void) { set_up(); no_memory = 1; kit_room(&run, 10); }
static void no_room_for_text(void) { kit_text t = { NULL, 0, 0 }; no_memory = 1; kit_print(&t, "more"); }
static void without_locks(void) { no_locks = 1; options_only(); }
static void without_context(void) { no_context = 1; options_only(); }
static void with_card(void) { a_machine = "card, 24 GB; avx2, 2 threads"; options_only(); }
static void with_no_card(void) { a_machine = "avx2, 2 threads; no card is there, using the CPU"; options_only(); }
static void empty_file(void)
{
    start();
    kit_write(&run, "empty", "", 0);
    printf("%d\n", !access(in_folder("out/empty"), F_OK) && access(in_folder("out/empty.part"), F_OK));
}
static void no_time(void)
{
    start();
    run.bar = 1, run.epoch = 1, run.batches = 4, run.epochs = 2, run.train.n = 100;
    run.loop_began = kit_seconds() + 100, run.drawn = -1;          /* a clock that was put back */
    kit_bar(&run, 2);
    printf("%f ", kit_images_per_second(&run));
    run.train_seconds = 2;
    printf("%f\n", kit_images_per_second(&run));
}
static void die_in_bar(void) { set_up(); run.drawn = 1; kit_die(&run, 3, "it"); }

static void check_files(void)
{
    char want[900];
    int held;
    write_text("tool", "#!/bin/sh\n", 0755);
    snprintf(want, sizeof want, "some/where|%s|.|.|.|", folder);
    ends(find_folder, 0, want, "where the program is, without /proc");
    ends(many_files, 3, "cannot write to the folder", "no more files can be opened");
    ends(long_name, 2, "--out: this name is too long", "an --out that is too long");
    ends(no_room, 3, "out of memory (", "no memory");
    ends(no_room_for_text, 3, "out of memory", "no memory for a text");
    WORDS("--device", "auto");
    ends(without_locks, 0, "epochs 2", "a file system without locks is no reason to stop");
    held = open(out, O_RDONLY);
    if (held < 0 || flock(held, LOCK_EX)) ok(0, "the test can lock %s", out);
    ends(options_only, 3, "another run is at work in", "a folder in which another run is at work");
    ends(without_locks, 0, "epochs 2", "where there are no locks it is not noticed");
    close(held);
    ends(without_context, 3, "out of memory", "no memory for a context");
    ends(with_card, 0, "card, 24 GB; avx2, 2 threads\n", "a card is named");
    ends(with_no_card, 0, "no card is there, using the CPU\n", "and so is the reason why none is used");
    ends(empty_file, 0, "1", "an empty file");
    ends(no_time, 0, "nan 50.0", "no speed where no time has passed");
    ends(die_in_bar, 3, "\ntest: it", "a message does not stand in the progress bar");
}

/* ---- run.json ---- */

static void json(void)
{
    kit_text t = { NULL, 0, 0 };
    kit_json_text(&t, "a", "\"\\\t.");
    kit_json(&t, "b", NAN);
    kit_json(&t, "c", INFINITY);
    kit_json(&t, "b", 2);
    kit_json(&t, "bb", 3);
    kit_json(&t, "c", 4);
    kit_last_facts(&t);
    fputs(t.text, stdout);
    if (strlen(t.text) != t.used) printf("%zu and %zu signs", strlen(t.text), t.used);
    run.plots = (kit_text){ NULL, 0, 0 };
    kit_print(&run.plots, "one\ta\ta.png\tA\ntwo\tb\tb.png\tB\nthree\tc\tc.png\tC\n");
    kit_forget_plot(&run, "d"), kit_forget_plot(&run, "b"), kit_forget_plot(&run, "a");
    printf("\n<%s>\n", run.plots.text);
}

/* ---- trainings ---- */

static void check_bar(void)
{
    a_terminal = 1;
    WORDS("--epochs", "3", "--batch", "8", "--no-plot");
    ends(lesson, 0, "| 12/12 [", "the progress bar comes to its end");
    ok(strstr(said, "epoch 1/3:") && strstr(said, "it/s, loss=0.") && strstr(said, "\u2588"), "with epochs, steps, speed and loss");
    ok(!strstr(said, "test loss"), "and without a line for each epoch");
    ok(strstr(said, "everything is in") != NULL, "the last lines stand below it");
    nets = 2;
    ends(lesson, 0, "two epoch 1/3:", "it names the network, if there are several");
    nets = 0;
    WORDS("--epochs", "3", "--no-plot", "--no-progress");
    ends(lesson, 0, "epoch 1/3: train loss", "--no-progress: lines instead");
    a_terminal = 0;
}

static void say_once(int epoch) { if (epoch == 1) kit_say(&run, "said %d\n", epoch); }
static void long_ago(int epoch) { (void)epoch; run.checked -= 100; puts(access(in_folder("out/checkpoint.safetensors"), F_OK) ? "gone" : "there"); remove(in_folder("out/checkpoint.safetensors")); }
static void stop_at_once(int epoch) { (void)epoch; raise(SIGTERM); }
static void stop_in_second(int epoch) { if (epoch == 1) raise(SIGINT); }

static void check_trainings(void)
{
    in_epoch = say_once, a_terminal = 1;
    WORDS("--epochs", "2", "--no-plot");
    ends(lesson, 0, "said 1", "a word in the middle of an epoch");
    ok(strstr(said, "\r\033[K") != NULL, "for which the bar makes room");
    in_epoch = long_ago;
    ends(lesson, 0, "there\nthere\nthere\n", "a checkpoint before each batch, if the last one is long ago");
    in_epoch = stop_at_once;
    ends(lesson, 130, "interrupted after epoch 0 of 2 and 1 batches", "SIGTERM in the first epoch");
    in_epoch = NULL;
    WORDS("--epochs", "2", "--no-plot", "--resume");
    ends(lesson, 0, "resumed after epoch 0 and 1 batches", "is resumed");
    WORDS("--epochs", "2", "--no-plot");
    in_epoch = stop_in_second;
    ends(lesson, 130, "interrupted after epoch 1 of 2 and 1 batches", "Ctrl-C in the second epoch");
    in_epoch = NULL, a_terminal = 0;
    WORDS("--epochs", "2", "--no-plot", "--resume");
    ends(lesson, 0, "resumed after epoch 1 and 1 batches", "is resumed");
    WORDS("--epochs", "2", "--no-plot", "--lr", "1e5");
    diverges = 1;
    ends(lesson, 2, "the loss became NaN in epoch 1: the training diverged; try a smaller --lr than 100000", "a training that diverges says so");
    ok(has("out/log.tsv", "\tnan\t") && has("out/run.json", "\"train_loss\": null"), "nan in log.tsv, null in run.json");
    diverges = 0, test_loss = NAN;
    WORDS("--epochs", "1", "--no-plot", "--full");
    ends(lesson, 0, "test loss nan", "a test loss that is no number");
    ok(has("out/run.json", "\"mode\": \"full\"") && has("out/run.json", "\"test_loss\": null") && has("out/log.tsv", "\tmore\n"), "run.json and log.tsv have it");
    test_loss = 0;
    WORDS("--epochs", "0", "--no-plot");
    ends(lesson, 0, "everything is in", "no epoch at all");
    ok(has("out/run.json", "\"images_per_second\": null"), "has no speed");
}

static void check_networks(void)
{
    nets = 2;
    WORDS("--epochs", "1", "--no-plot");
    ends(lesson, 0, "two trained to epoch 1", "two networks in a run");
    ok(has("out/run.json", "\"nets\": {") && has("out/run.json", ",\n    \"two\": {") && has("out/log.tsv", "\tnet\n") && has("out/log.tsv", "\ttwo\n"), "run.json and log.tsv name them");
    WORDS("--epochs", "2", "--no-plot", "--resume");
    ends(lesson, 0, "resumed two after epoch 1 and 0 batches", "both are resumed");
    WORDS("--epochs", "2", "--no-plot", "--save", "x");
    ends(lesson, 2, "--load and --save are about one network", "--save is about one network");
    WORDS("--epochs", "2", "--no-plot", "--load", "x");
    ends(lesson, 2, "--load and --save are about one network", "and so is --load");
    in_epoch = stop_in_second;
    WORDS("--epochs", "2", "--no-plot");
    ends(lesson, 130, "interrupted after epoch 1 of 2", "Ctrl-C while the first is trained");
    in_epoch = NULL;
    WORDS("--epochs", "2", "--no-plot", "--resume");
    ends(lesson, 0, "resumed one after epoch 1 and 1 batches", "is resumed");
    ok(!strstr(said, "resumed two"), "and the second begins");
    nets = 0, only_net = "only";
    WORDS("--epochs", "1", "--no-plot");
    ends(lesson, 0, "only trained to epoch 1", "an only network that has a name");
    only_net = NULL;
}

static void check_resume(void)
{
    static const struct { const char *a, *b; int status; const char *says; } cases[] = {
        { "--batch", "16", 2, "was begun with --batch 8" }, { "--lr", "0.5", 2, "--lr 0.001" }, { "--seed", "4", 2, "--seed 0" },
        { "--number", "5", 0, "begun with --number 3" }, { "--number", "5", 0, "resumed after epoch 1" },
    };
    the_number = 3;
    WORDS("--epochs", "1", "--no-plot");
    keeps_odd = 1;
    ends(lesson, 0, "odd 1 2 3", "a run to be resumed, which keeps three bytes");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WORDS("--epochs", "1", "--no-plot", "--resume", cases[i].a, cases[i].b);
        ends(lesson, cases[i].status, cases[i].says, cases[i].says);
    }
    ok(!strstr(said, "begun with"), "what it was resumed with is what it was begun with from then on");
    images = 24;
    WORDS("--epochs", "1", "--no-plot", "--resume");
    ends(lesson, 2, "on 32 images of strokes", "fewer images");
    images = 32, dataset = "mnist";
    ends(lesson, 2, "on 32 images of strokes", "other images");
    dataset = "strokes";
    ends(lesson, 0, "odd 1 2 3", "the same again");
    keeps_odd = 0;
    WORDS("--epochs", "1", "--no-plot", "--resume");
    ends(lesson, 3, "checkpoint.safetensors", "a checkpoint with something else in it");
    remove(in_folder("out/checkpoint.safetensors"));
    ends(lesson, 3, "checkpoint.safetensors", "no checkpoint");
    the_number = 0;
}

static void too_many_keeps(void) { static char c; start(); for (;;) kit_keep(&run, "c", &c, 1); }
static void too_many_nets(void) { start(); run.dataset = "strokes"; kit_restore(&run, NULL); for (;;) kit_net(&run, NULL); }
static void too_many_facts(void)
{
    char key[40];
    start();
    run.dataset = "strokes";
    kit_restore(&run, NULL);
    kit_net(&run, NULL);
    for (int i = 0; i < 400; i++) snprintf(key, sizeof key, "a_fact_with_a_long_name_%d", i), kit_fact(&run, key, i);
    kit_checkpoint(&run);
}
static void full_disk(void)
{
    if (!freopen("/dev/full", "w", stdout)) exit(98);
    lesson();
}

/* A device that has no form of some op: it is told after the first epoch, and once. */
static void check_here(void)
{
    const char *first;
    a_machine = "a card; avx2, 2 threads; here: sort, fold";
    WORDS("--epochs", "2", "--no-plot");
    ends(lesson, 0, "on the processor, with values carried over and back: sort, fold\n", "what a device has no form of");
    first = strstr(said, "carried over");
    ok(first && !strstr(first + 1, "carried over"), "is told once");
    a_machine = NULL;
}

/* What a folder's plots.tsv names goes when another run takes the place; but pictures and their data only. */
static void check_earlier(void)
{
    WORDS("--epochs", "1", "--no-plot");
    ends(lesson, 0, "everything is in", "a run");
    write_text("out/notes.txt", "", 0644), write_text("notes.u8", "", 0644), write_text("out/p.u8", "", 0644), write_text("out/p.png", "", 0644);
    write_text("out/plots.tsv", "grid\tnotes.txt\tp.png\tx\ngrid\tnodot\tnodot\tx\ngrid\tp.u8\t../notes.u8\tx\nshort\tq.png\n", 0644), write_text("out/q.png", "", 0644);
    ends(lesson, 0, "holds an earlier run", "another one in its folder");
    ok(access(in_folder("out/p.u8"), F_OK) && access(in_folder("out/p.png"), F_OK), "the pictures of the first are gone");
    ok(!access(in_folder("out/q.png"), F_OK), "what a line that ends too soon names stays");
    ok(!access(in_folder("out/notes.txt"), F_OK) && !access(in_folder("notes.u8"), F_OK), "other files stay, whatever plots.tsv says");
}

static void check_limits(void)
{
    WORDS("--quick", "--no-plot");
    ends(too_many_keeps, 1, "kit_keep: too many things", "too many things to keep");
    ends(too_many_nets, 1, "more than 10 networks", "too many networks");
    ends(too_many_facts, 1, "too many facts for a checkpoint", "too many facts");
    WORDS("--epochs", "1", "--no-plot", "--save", "/nowhere/x");
    ends(lesson, 3, "/nowhere/x", "a --save that cannot be written");
    WORDS("--epochs", "1", "--no-plot", "--save", in_folder("copy.safetensors"));
    ends(lesson, 0, "everything is in", "a --save that can be");
    ok(!access(in_folder("copy.safetensors"), F_OK), "is there");
    WORDS("--epochs", "0", "--no-plot", "--load", in_folder("copy.safetensors"));
    ends(lesson, 0, "everything is in", "and can be loaded");
    WORDS("--epochs", "0", "--no-plot", "--load", in_folder("nothing"));
    ends(lesson, 3, "nothing", "what is not there cannot");
    WORDS("--epochs", "1", "--no-plot");
    mkdir(in_folder("out/checkpoint.safetensors.part"), 0777);
    ends(lesson, 3, "checkpoint.safetensors", "a checkpoint that cannot be written");
    rmdir(in_folder("out/checkpoint.safetensors.part"));
    mkdir(in_folder("out/model.safetensors.part"), 0777);
    ends(lesson, 3, "model.safetensors", "a model that cannot be written");
    rmdir(in_folder("out/model.safetensors.part"));
    if (!access("/dev/full", W_OK)) ends(full_disk, 3, "", "what cannot be printed is told by the status");
    else skip("no /dev/full here");
}

/* ---- pictures ---- */

static void pictures(int many)
{
    static float image[12 * 784];
    static uint8_t label[12];
    char name[20];
    start();
    run.dataset = "mnist";
    strcpy(run.folder, folder);
    for (int i = 0; i < 12 * 784; i++) image[i] = (float)(i % 784 % 28) / 28;
    kit_grid(&run, "digits", "two rows", image, 12, 6, 0, "-", "-");
    kit_scatter(&run, "points", "points", image, label, 12, 2, "marks");
    kit_scatter(&run, "plain", "points", image, label, 12, 0, "");
    kit_lines(&run, "lines", "lines", "x\ty", "-", "x\ty", (const double[]){ 1, 2, 3, NAN }, 2, 2);
    for (int i = 0; i < many; i++) {
        snprintf(name, sizeof name, "p%d", i);
        kit_plot(&run, "grid", "digits.u8", name, "many", i % 2 ? "a\tb\tc\td\te\tf\tg\th\ti\tj\tk\tl" : "");
    }
    exit(kit_finish(&run, "end"));
}
static void few(void) { pictures(0); }
static void many(void) { pictures(30); }
static void childless(void) { no_children = 1; pictures(0); }
static void wide(void)
{
    static float image[12 * 784];
    start();
    run.dataset = "mnist";
    kit_grid(&run, "wide", "one row", image, 12, 12, 0, "-", "-");
    kit_grid(&run, "high", "four rows", image, 12, 3, 0, "-", "-");
}
static void interrupted(void) { interruptions = 5; few(); }
static void vanish(void)               /* the picture is there, but not its folder when it is to be renamed */
{
    set_up();
    run.out = "/nowhere", run.drawing = 1;
    fflush(stdout);
    if (!(run.drawings[0].pid = fork())) _exit(0);
    strcpy(run.drawings[0].png, "x.png");
    kit_wait(&run, 1);
}
static void nobody(void)               /* a drawing whose process is not ours */
{
    set_up();
    run.out = out, run.drawing = 1, run.drawings[0].pid = 1;
    kit_wait(&run, 1);
}
static void busy(void)                 /* a live picture that is still being drawn */
{
    start();
    run.dataset = "mnist";
    strcpy(run.folder, folder);
    kit_curve(&run, 30);
    kit_print(&run.log, "epoch\n");
    kit_plot(&run, "grid", "log.tsv", "other", "x", "");
    kit_curve(&run, 30);
    printf("%d at work\n", run.drawing);
    kit_curve(&run, 30);
    printf("%d at work still\n", run.drawing);
    kit_wait(&run, 1);
}
static void stopped(void) { kit_stopped = 1; few(); }
static void missing(void)
{
    start();
    run.dataset = "mnist";
    strcpy(run.folder, folder);
    exit(kit_finish(&run, "end"));
}

static void check_pictures(void)
{
    const char *path = getenv("PATH");
    int lines = 0;
    char *before = strdup(path ? path : ""), *found = (char *)malloc(strlen(before) + 400);
    sprintf(found, "%s/bin:%s", folder, before);
    mkdir(in_folder("bin"), 0777), mkdir(in_folder("plots"), 0777);
    WORDS("--quick", "--no-progress");
    setenv("PATH", "/nowhere", 1);
    ends(few, 0, "gnuplot is not installed", "no gnuplot");
    ok(strstr(said, "\u2588") && strstr(said, "two rows\n"), "images in characters then");
    ends(wide, 0, "one row\n", "rows of twelve images, and four rows");
    for (const char *p = said; (p = strchr(p, '\n')); p++) lines++;
    ok(lines == 3 + 2 * 7 + 2 * 7, "ten of a row are shown, and two of the rows: %d lines", lines);
    setenv("PATH", found, 1);
    write_text("bin/gnuplot", "#!/bin/sh\n: > \"$4\"; echo $(basename $3) >> $(dirname $4)/drawn; [ \"$7\" != j ] || exit 1\n", 0755);
    ends(few, 0, "plots/loss.gp is not there", "no scripts");
    write_text("plots/loss.gp", "", 0644);
    ends(many, 0, "everything is in", "thirty pictures at once");
    ok(!access(in_folder("out/p29.png"), F_OK) && !access(in_folder("out/digits.png"), F_OK) && access(in_folder("out/p29.png.part"), F_OK), "are all drawn");
    ok(!strstr(said, "gnuplot is not"), "and nothing is said");
    remove(in_folder("out/p3.png"));
    write_text("out/plots.tsv", "grid\tdigits.u8\tp3.png\tmany\na\tb\nshort\tdigits.u8\tpng\tx\ngrid\tgone.u8\tp4.png\tx\nx\tdigits.u8\ty.png\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13", 0644);
    WORDS("--quick", "--no-progress", "--resume");
    ends(missing, 0, "everything is in", "a picture that a killed run left undrawn");
    ok(!access(in_folder("out/p3.png"), F_OK) && !access(in_folder("out/y.png"), F_OK), "is drawn by --resume, whatever else plots.tsv holds");
    WORDS("--quick", "--no-progress");
    WORDS("--quick", "--no-progress", "--resume");
    remove(in_folder("out/y.png"));
    write_text("out/p3.png", "old", 0644);                       /* newer than its data */
    utimensat(AT_FDCWD, in_folder("out/digits.u8"), (const struct timespec[]){ { 1000, 0 }, { 1000, 0 } }, 0);
    ends(missing, 0, "everything is in", "one that is newer than its data");
    ok(has("out/p3.png", "old") && !access(in_folder("out/y.png"), F_OK), "is not drawn again, one that is gone is");
    write_text("out/y.png", "", 0644);
    utimensat(AT_FDCWD, in_folder("out/y.png"), (const struct timespec[]){ { 900, 0 }, { 900, 0 } }, 0);
    ends(missing, 0, "everything is in", "one that is older");
    struct stat again;
    ok(!stat(in_folder("out/y.png"), &again) && again.st_mtime > 1000, "is");
    WORDS("--quick", "--no-progress", "--resume", "--no-plot");
    remove(in_folder("out/p3.png"));
    ends(missing, 0, "everything is in", "with --no-plot");
    ok(access(in_folder("out/p3.png"), F_OK), "it is not");
    WORDS("--quick", "--no-progress", "--resume");
    write_text("out/plots.tsv", "", 0644);
    ends(missing, 0, "everything is in", "no pictures at all");
    WORDS("--quick", "--no-progress");
    ends(interrupted, 0, "everything is in", "waiting for gnuplot, interrupted by signals");
    ok(!access(in_folder("out/digits.png"), F_OK) && access(in_folder("out/digits.png.part"), F_OK), "goes on");
    ends(busy, 0, "2 at work still", "a live picture waits for the one before");
    ends(childless, 0, "everything is in", "a system that starts no more programs");
    write_text("bin/gnuplot", "#!/bin/sh\nexit 3\n", 0755);
    ends(few, 0, "gnuplot could not draw", "a gnuplot that fails");
    ends(stopped, 0, "everything is in", "after Ctrl-C nobody is told that it did");
    ok(!strstr(said, "could not draw"), "as it was stopped, too");
    ends(vanish, 0, "could not draw /nowhere/x.png", "a picture that cannot be renamed");
    ends(nobody, 0, "", "a drawing that nobody can wait for");
    WORDS("--epochs", "2", "--live", "--no-progress");
    ends(lesson, 0, "everything is in", "--live");
    setenv("PATH", before, 1);
    free(before), free(found);
}

/* ---- other people's tools, and what lesson 10 makes of them ---- */

static const char *const cat[] = { "some_tool", "-x", NULL };
static size_t made;
static void use_tool(void)
{
    uint8_t *answer = tools_run(&run, cat, (const uint8_t *)"some bytes", 10, &made);
    printf("answer: %.*s\n", answer ? (int)made : 4, answer ? (const char *)answer : "none");
    free(answer);
    printf("left: %d\n", !access(in_folder("out/tool.in"), F_OK) || !access(in_folder("out/tool.out"), F_OK));
}
static void with_tool(void) { start(); use_tool(); }
static void connections(void)
{
    int well = 0;
    write_text("in", "x", 0644);
    for (int k = 1; k <= 6; k++) refused_call = k, well += tools_connect(in_folder("in"), in_folder("to"));
    refused_call = 0;
    exit(well ? 1 : tools_connect(in_folder("in"), in_folder("to")) ? 7 : 2);
}
static void read_things(void)
{
    char why[80] = "";
    size_t size;
    uint8_t *bytes = tools_read(in_folder("in"), &size, why, sizeof why);
    printf("%d, ", bytes && size == 1 && *bytes == 'x');
    free(bytes);
    no_memory = 1, printf("%d ", !tools_read(in_folder("in"), &size, why, sizeof why)), no_memory = 0;
    printf("%s, ", why);
    printf("%d ", !tools_read(in_folder("nothing"), &size, why, sizeof why));
    printf("%s, ", why);
    printf("%d ", !tools_read(folder, &size, why, sizeof why));
    printf("%s, ", why);
    const char *longer = "/sys/kernel/mm/transparent_hugepage/enabled";          /* says that it has a page, and has a line */
    struct stat info;
    if (stat(longer, &info) || info.st_size < 1000) printf("1 cannot be read");
    else printf("%d %s", !tools_read(longer, &size, why, sizeof why), why);
}

static void check_tools(void)
{
    const char *path = getenv("PATH");
    char *before = strdup(path ? path : ""), *found = (char *)malloc(strlen(before) + 400);
    sprintf(found, "%s/bin:%s", folder, before);
    WORDS("--quick");
    ends(with_tool, 0, "answer: none", "a tool that is not installed");
    setenv("PATH", found, 1);
    write_text("bin/some_tool", "#!/bin/sh\n[ $1 = -x ] && exec tr a-z A-Z\n", 0755);
    ends(with_tool, 0, "answer: SOME BYTES", "what a tool answers");
    ok(strstr(said, "left: 0") != NULL, "and nothing is left");
    interruptions = 3, ends(with_tool, 0, "answer: SOME BYTES", "while signals arrive"), interruptions = 0;
    nobody_waits = 1, ends(with_tool, 0, "answer: none", "a tool that somebody else waited for"), nobody_waits = 0;
    no_children = 1, ends(with_tool, 0, "answer: none", "no more programs"), no_children = 0;
    write_text("bin/some_tool", "#!/bin/sh\ncat; exit 4\n", 0755);
    ends(with_tool, 0, "answer: none", "a tool that fails");
    ends(connections, 7, "", "files for a tool that cannot be opened, or not put in their place");
    ends(read_things, 0, "1, 1 cannot be read, 1 No such file or directory, 1 not a file, 1 cannot be read", "files, and what is none");
    setenv("PATH", before, 1);
    free(before), free(found);
}
static void tool_without_files(void) { start(); refused_call = 4; use_tool(); }      /* its three files are open, and not yet in their places */

static void board_up(rate_board *l)
{
    static const char *const names[CURVES] = { "network", "PCA", "coder", "JPEG", "JPEG arithmetic", "DEFLATE" };
    start();
    run.dataset = "strokes";
    strcpy(run.folder, folder);
    kit_strokes(&run, KIT_DIGITS, 30, 2, &run.test);
    memset(l, 0, sizeof *l);
    l->run = &run, l->shown_rate = 0.1, l->image = kit_images(&run, &run.test), l->drawn = kit_floats(&run, 30, PIXELS);
    for (int i = 0; i < TEN; i++) l->ten[i] = i;
    for (int i = 0; i < CURVES; i++) l->c[i].name = names[i], l->c[i].key = names[i];
}
static rate_board board;
static void measure(void)
{
    board_up(&board);
    rate_pixels(&board), rate_jpeg(&board, JPEG, "-optimize");
    rate_table(&board), rate_draw(&board), rate_digits(&board);
    printf("%d of DEFLATE, %d of JPEG\n", board.c[DEFLATE].n, board.c[JPEG].n);
}
static void no_room_for_code(void) { board_up(&board); run.train.n = 0; refused_call = 0; no_memory = 2; rate_pixels(&board); }
static void curves(void)
{
    static const rate_point net[2] = { { 0.1, 0.6, 16 }, { 0.3, 0.8, 20 } }, dear[2] = { { 0.2, 0.2, 16 }, { 0.6, 0.6, 20 } }, cheap[2] = { { 0.05, 0.05, 16 }, { 0.1, 0.1, 20 } };
    board_up(&board);
    memcpy(board.c[NETWORK].p, net, sizeof net), memcpy(board.c[PCA].p, dear, sizeof dear), memcpy(board.c[JPEG].p, cheap, sizeof cheap);
    board.c[NETWORK].n = board.c[PCA].n = board.c[JPEG].n = 2;
    printf("%g %g\n", rate_at(&board.c[NETWORK], 18, 0), rate_at(&board.c[NETWORK], 18, 1));
    rate_paid(&board, PCA, 18), rate_paid(&board, JPEG, 18), rate_paid(&board, DEFLATE, 18), rate_paid(&board, PCA, 25);
    rate_table(&board);
    board.c[PCA].p[1].with_model = board.c[PCA].p[0].with_model = INFINITY, rate_paid(&board, PCA, 18);
    board.c[DEFLATE] = board.c[NETWORK], board.c[DEFLATE].p[0] = net[1], board.c[DEFLATE].p[1] = net[0], board.c[DEFLATE].p[2] = (rate_point){ 0.05, 0.05, 14 }, board.c[DEFLATE].n = 3;
    printf("mixed %g\n", rate_at(&board.c[DEFLATE], 18, 0));
    memcpy(board.drawn, board.image, 30 * PIXELS * sizeof(float)), rate_add(&board, JPEG_ARITHMETIC, 10, 0, "perfect");
    memset(board.drawn, 0, 30 * PIXELS * sizeof(float)), rate_add(&board, JPEG_ARITHMETIC, 10, 0, "black");
    printf("shown %g\n", board.c[JPEG_ARITHMETIC].shown_psnr);
    board.c[JPEG].p[1].psnr = INFINITY;
    printf("perfect %g\n", rate_at(&board.c[JPEG], 18, 0));
    for (int i = 0; i < RATE_POINTS + 3; i++) rate_add(&board, CODER, 100, 0, "again");
    printf("%d points\n", board.c[CODER].n);
}

static void check_rates(void)
{
    const char *path = getenv("PATH");
    char *before = strdup(path ? path : ""), *found = (char *)malloc(strlen(before) + 400);
    sprintf(found, "%s/bin:%s", folder, before);
    WORDS("--no-plot");
    ends(curves, 0, "0.2 0.7\n", "bits between two points of a curve");
    ok(strstr(said, "against PCA, after 75 images") && strstr(said, "saves nothing against JPEG") && strstr(said, "perfect 0.1\n") && strstr(said, "mixed 0.2\n") && strstr(said, "shown inf\n") && strstr(said, "64 points"), "when a network is paid for; a perfect copy; a full curve");
    setenv("PATH", "/nowhere", 1);
    ends(measure, 0, "0 of DEFLATE, 0 of JPEG", "without other people's tools");
    ok(strstr(said, "gzip is not installed") && strstr(said, "cjpeg and djpeg with -optimize are not installed") != NULL, "it says so");
    setenv("PATH", found, 1);
    write_text("bin/gzip", "#!/bin/sh\nexec cat\n", 0755), write_text("bin/cjpeg", "#!/bin/sh\nexec cat\n", 0755), write_text("bin/djpeg", "#!/bin/sh\nexec cat\n", 0755);
    ends(measure, 0, "5 of DEFLATE, 12 of JPEG", "with tools that copy");
    write_text("bin/djpeg", "#!/bin/sh\nexec head -c 100\n", 0755);
    ends(measure, 0, "5 of DEFLATE, 0 of JPEG", "with one that gives back too little");
    write_text("bin/djpeg", "#!/bin/sh\n[ -e \"$0.twice\" ] && exit 1; : > \"$0.twice\"; exec cat\n", 0755);
    ends(measure, 0, "5 of DEFLATE, 1 of JPEG", "with one that fails the second time");
    ends(no_room_for_code, 3, "out of memory", "no memory for a code");
    setenv("PATH", before, 1);
    free(before), free(found);
}

/* ---- images ---- */

static float not_a_number[4 * 784];
static void plane_of_nan(void) { float xy[8]; start(); not_a_number[5] = NAN; kit_pca_plane(&run, not_a_number, 4, 784, xy); }
static void no_components(void) { start(); kit_strokes(&run, KIT_DIGITS, 4, 1, &run.train); kit_pca(&run, &run.train, 0); }

/* So many images and labels under the name that the lessons look for. */
static void write_set(const char *stem, int n, int first_label)
{
    char name[80];
    uint8_t *bytes = (uint8_t *)calloc(16 + (size_t)n * 784, 1);
    const int lengths[2] = { 16 + n * 784, 8 + n };
    for (int labels = 0; labels < 2; labels++) {
        FILE *f;
        memcpy(bytes, labels ? "\0\0\10\1\0\0\0" : "\0\0\10\3\0\0\0\0\0\0\0\34\0\0\0\34", labels ? 7 : 16);
        bytes[7] = (uint8_t)n;
        for (int i = 0; labels && i < n; i++) bytes[8 + i] = (uint8_t)(first_label + i);
        snprintf(name, sizeof name, "%s-%s-ubyte", stem, labels ? "labels-idx1" : "images-idx3");
        f = fopen(in_folder(name), "wb");
        if (!f || fwrite(bytes, 1, (size_t)lengths[labels], f) != (size_t)lengths[labels]) ok(0, "the test can write %s", name);
        if (f) fclose(f);
    }
    free(bytes);
}

static int classes, most;
static void data_only(void)
{
    kit letters;
    start();
    strcpy(run.folder, folder);
    kit_data(&run, classes, most);
    memset(&letters, 0, sizeof letters);
    kit_letters(&run, &letters);
    printf("letters: %s, %d\n", letters.dataset, letters.test.n);
    kit_set_free(&letters.test), kit_set_free(&letters.train);
    kit_free(&run);
}

static void check_data(void)
{
    const char *before = getenv("AUTOENC_DATA"), *where = in_folder("set");
    char place[400], home[400];
    snprintf(place, sizeof place, "%s", where), snprintf(home, sizeof home, "%s", getenv("HOME") ? getenv("HOME") : "");
    mkdir(place, 0777), mkdir(in_folder("set/mnist"), 0777), mkdir(in_folder("set/emnist"), 0777);
    write_set("set/mnist/train", 5, 0), write_set("set/mnist/t10k", 4, 0);
    classes = KIT_DIGITS, most = 3;
    unsetenv("XDG_CACHE_HOME"), unsetenv("HOME"), setenv("AUTOENC_DATA", "", 1);
    WORDS("--data", place);
    ends(data_only, 0, "data: mnist, 3 training and 4 test images", "--data, and some of its images");
    ok(strstr(said, "letters: strokes, 1000") != NULL, "letters that are not there are drawn");
    write_set("set/emnist/emnist-letters-train", 6, 1), write_set("set/emnist/emnist-letters-test", 7, 1);
    most = 0;
    ends(data_only, 0, "data: mnist, 5 training and 4 test images", "--data, and all of them");
    ok(strstr(said, "letters: emnist, 7") != NULL, "letters that are there are read");
    most = 8;
    WORDS("--data", place, "--synthetic");
    ends(data_only, 0, "data: strokes, 8 training", "--synthetic");
    WORDS("--quick");
    setenv("AUTOENC_DATA", place, 1);
    ends(data_only, 0, "data: mnist, 5 training and 4 test images", "AUTOENC_DATA");
    classes = KIT_LETTERS;
    ends(data_only, 0, "data: emnist, 6 training and 7 test images", "letters");
    classes = KIT_DIGITS;
    WORDS("--data", in_folder("bin"));
    ends(data_only, 3, "no mnist data in", "--data with nothing there");
    WORDS("--quick");
    unsetenv("AUTOENC_DATA");
    ends(data_only, 0, "so this run uses the built-in strokes", "no AUTOENC_DATA");
    setenv("AUTOENC_DATA", "", 1);
    ends(data_only, 0, "so this run uses the built-in strokes", "an empty one");
    most = 0;
    ends(data_only, 0, "data: strokes, 60000 training and 10000 test images", "all the strokes");
    most = 8;
    setenv("AUTOENC_DATA", "/nowhere", 1), setenv("HOME", folder, 1);
    ends(data_only, 0, "/.cache/autoenc\nso this run uses the built-in strokes", "none of the places: the notice names them");
    ok(strstr(said, "    /nowhere\n") && strstr(said, "/data\n") != NULL, "all three");
    setenv("XDG_CACHE_HOME", folder, 1);
    rename(place, in_folder("autoenc"));
    ends(data_only, 0, "data: mnist, 5", "the user's cache");
    remove(in_folder("autoenc/mnist/t10k-labels-idx1-ubyte"));
    ends(data_only, 0, "t10k-labels-idx1-ubyte: No such file", "half a data set is named in the notice");
    ok(strstr(said, "data: strokes, 8 training") != NULL, "and not used");
    setenv("XDG_CACHE_HOME", "", 1);
    ends(data_only, 0, "/.cache/autoenc\nso this run", "an empty name of the cache is none");
    snprintf(place, sizeof place, "%s", in_folder("autoenc/mnist"));
    write_set("autoenc/mnist/t10k", 4, 0);
    WORDS("--data", place);
    ends(data_only, 0, "data: mnist, 5", "files that lie in the folder itself");
    remove(in_folder("autoenc/mnist/t10k-labels-idx1-ubyte"));
    snprintf(place, sizeof place, "%s", in_folder("autoenc"));
    WORDS("--data", place);
    ends(data_only, 3, "t10k-labels-idx1-ubyte: No such file", "with --data it is the end");
    ok(!strstr(said, "data: "), "of the run");
    if (before) setenv("AUTOENC_DATA", before, 1); else unsetenv("AUTOENC_DATA");
    if (*home) setenv("HOME", home, 1); else unsetenv("HOME");
    unsetenv("XDG_CACHE_HOME");
}

static void check_quality(void)
{
    float in[9 * 784], drawn[9 * 784], error[9], noisy[784], clean[784];
    int index[50], seen[50] = { 0 }, bad = 0, moved = 0;
    double mean[2];
    set_up();
    run.ae = ae_new(NULL);
    for (int i = 0; i < 784; i++) clean[i] = (float)(i / 28) / 28, noisy[i] = clean[i];
    noisy[0] = noisy[27] = noisy[400] = noisy[783] = 1;
    kit_median(&run, noisy, 1, 3, drawn);
    ok(drawn[400] == clean[400] && drawn[783] == clean[783] && drawn[0] == clean[28], "a median filter takes single pixels out, at corners too");
    kit_median(&run, noisy, 1, 1, drawn);
    ok(!memcmp(drawn, noisy, sizeof noisy), "one of width 1 takes nothing");
    for (int i = 0; i < 9 * 784; i++) in[i] = 0.25f * (float)(1 + i % 2), drawn[i] = in[i] + (float)(i / 784) / 16;
    kit_errors(in, drawn, 9, error);
    for (int i = 0; i < 9; i++) bad += !(fabs((double)error[i] - i * i / 256.0) < 1e-5);
    ok(!bad, "the error of a reconstruction is the mean of the squares");
    kit_errors(in, NULL, 9, error);
    ok(fabs((double)error[3] - (0.0625 + 0.25) / 2) < 1e-5, "of nothing, the ink");
    kit_quality(&run, in, in, 9, mean);
    ok(mean[0] > 90 && mean[1] > 0.999, "a perfect copy is perfect");
    for (int i = 0; i < 50; i++) index[i] = i;
    kit_sample(index, 50, 50, 7);
    for (int i = 0; i < 50; i++) seen[index[i]]++, moved += index[i] != i;
    for (int i = 0; i < 50; i++) bad += seen[i] != 1;
    ok(!bad && moved > 30, "a sample of all is all of them, in another order");
    ae_free(run.ae);
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    char command[400];
    snprintf(folder, sizeof folder, "%s/autoenc_kit.XXXXXX", tmp && *tmp ? tmp : P_tmpdir);
    if (!mkdtemp(folder)) { ok(0, "a folder for the test: %s", folder); return tap_end(); }
    snprintf(out, sizeof out, "%s/out", folder);
    unsetenv("AE_CUDA");
    check_options();
    check_environment();
    check_files();
    ends(json, 0, ",\n  \"a\": \"\\\"\\\\\\u0009.\",\n  \"b\": 2,\n  \"bb\": 3,\n  \"c\": 4\n<three\tc\tc.png\tC\n>", "run.json: signs are escaped, the last word of a fact counts; a picture drawn again has one line");
    check_bar();
    check_trainings();
    check_networks();
    check_resume();
    check_earlier();
    check_here();
    check_limits();
    check_data();
    check_pictures();
    check_quality();
    check_tools();
    WORDS("--quick");
    ends(tool_without_files, 0, "answer: none", "a tool that gets no files");
    check_rates();
    WORDS("--quick");
    ends(plane_of_nan, 3, "PCA: PCA: a value is NaN", "no plane through what is no number");
    ends(no_components, 3, "1 to d components", "no PCA without components");
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ok(!system(command), "the folder is gone");
    return tap_end();
}
