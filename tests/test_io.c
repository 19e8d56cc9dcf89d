/* test_io.c: files.  What is saved comes back to the bit, a resumed training is the uninterrupted one, and a damaged or
   hostile file changes nothing, says what is wrong, and makes nobody allocate more than the file's size.  What it says of
   each is in tests/bad_files.tsv; `build/test_io table 2> tests/bad_files.tsv` writes that anew, to be read by a person. */
#define _XOPEN_SOURCE 700
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLACK = 65536 };                  /* a page of slots, a few layers */

static char folder[300], good_path[400], bad_path[400];

/* ---- files as bytes ---- */

typedef struct bytes { char *at; size_t n; } bytes;

static bytes read_all(const char *path)
{
    bytes b = { NULL, 0 };
    FILE *f = fopen(path, "rb");
    long size;
    if (!f) return b;
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    b.at = (char *)malloc((size_t)size + 1);
    b.n = fread(b.at, 1, (size_t)size, f);
    b.at[b.n] = 0;
    fclose(f);
    return b;
}

static void write_all(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n) ok(0, "the test can write %s", path);
    if (f) fclose(f);
}

static int same_bytes(bytes a, bytes b) { return a.at && b.at && a.n == b.n && !memcmp(a.at, b.at, a.n); }

/* How many files the folder holds: nothing may be left lying about. */
static int files(void)
{
    DIR *d = opendir(folder);
    int n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

/* ---- networks of every layout ---- */

static ae_net *conv_net(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *e = ae_sequential(net, "encoder"), *d = ae_sequential(net, "decoder");
    ae_nn_conv2d(e, 2, 5, 3, 2, 1);
    ae_nn_batch_norm2d(e, 5);
    ae_nn_leaky_relu(e, 0.2f);
    ae_nn_flatten(e);
    ae_name(ae_nn_linear(e, 80, 7), "fc_mu");
    ae_nn_batch_norm1d(e, 7);
    ae_nn_linear(d, 7, 80);
    ae_nn_relu(d);
    ae_nn_unflatten(d, 5, 4, 4);
    ae_nn_conv_transpose2d(d, 5, 2, 4, 2, 1, 0);
    ae_nn_sigmoid(d);
    return net;
}

static ae_net *small_net(ae_ctx *ae)     /* what the hostile files are about */
{
    ae_net *net = ae_net_new(ae);
    ae_nn_linear(net, 3, 2);
    ae_nn_batch_norm1d(net, 2);
    return net;
}

static ae_tensor noise(ae_ctx *ae, int n, int c, int h, int w) { return ae_randn(ae, n, c, h, w); }

static void train_a_little(ae_net *net, ae_ctx *ae)
{
    ae_opt *o = ae_adam(net, 0.01f);
    int i;
    for (i = 0; i < 3; i++) {
        size_t m = ae_begin(ae);
        ae_tensor x = noise(ae, 4, 2, 8, 8), loss = ae_mse_loss(ae_forward(net, x), x, AE_MEAN);
        ae_zero_grad(o);
        ae_backward(loss);
        ae_step(o);
        ae_end(ae, m);
    }
}

/* All tensors of a network, buffers too, as its file has them. */
static bytes contents(ae_net *net)
{
    char path[420];
    bytes b;
    snprintf(path, sizeof path, "%s/contents", folder);
    ae_save(net, path);
    b = read_all(path);
    remove(path);
    return b;
}

static void check_round_trip(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_net *a = conv_net(ae), *b, *c;
    bytes before, after, again;
    train_a_little(a, ae);
    b = conv_net(ae);
    before = contents(a);
    ok(ae_save(a, bad_path) && ae_load(b, bad_path) && !*ae_error(ae), "a convolutional network is saved and loaded");
    ae_forward(b, noise(ae, 2, 2, 8, 8));    /* the file also says which shape it ran with, */
    ae_load(b, bad_path);                    /* and running counted a batch */
    after = contents(b);
    ok(same_bytes(before, after), "all of it came back to the bit");
    ok(!memcmp(ae_data(ae_param(a, "decoder.3.weight")), ae_data(ae_param(b, "decoder.3.weight")), 160 * sizeof(float)), "a transposed convolution's weights, as seen by ae_data");
    ok(ae_data(ae_param(b, "encoder.1.num_batches_tracked"))[0] == 3, "num_batches_tracked came back");
    again = read_all(bad_path);
    ok(same_bytes(before, again), "two savings are the same bytes");
    c = ae_open(ae, bad_path);
    ok(c && !*ae_error(ae), "ae_open (%s)", ae_error(ae));
    free(again.at);
    again = c ? contents(c) : again;
    ok(c && same_bytes(before, again), "what ae_open built is saved as the same bytes");
    ok(files() == 1, "nothing is left beside the file");
    remove(bad_path);
    free(before.at);
    free(after.at);
    if (c) free(again.at);
    ae_free(ae);
    ok(!w.blocks, "all memory is given back");
}

/* A network whose encoder and decoder are called one by one, with a parameter beside them. */
static void check_parameter(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_net *net = ae_net_new(ae), *opened;
    ae_nn_linear(ae_sequential(net, "encoder"), 3, 2);
    ae_nn_parameter(net, "scalar", 0.5f, 0, 0, 0, 0);
    ae_nn_parameter(net, "row", 0.5f, 3, 0, 0, 0);
    ae_nn_parameter(net, "table", 0.5f, 4, 3, 0, 0);
    ae_forward(ae_child(net, "encoder"), noise(ae, 1, 3, 0, 0));
    ok(ae_save(net, bad_path) && ae_load(net, bad_path), "parameters of one's own are saved and loaded");
    opened = ae_open(ae, bad_path);
    ok(opened && !memcmp(ae_data(ae_param(net, "table")), ae_data(ae_param(opened, "table")), 48), "and opened (%s)", ae_error(ae));
    remove(bad_path);
    ae_free(ae);
}

/* ---- ae_open and ae_predict ---- */

static void predict(ae_net *net, watch *w, int rows)
{
    ae_ctx *ae = net->ctx;
    size_t m = ae_begin(ae), n = (size_t)rows * 128;
    ae_tensor x = noise(ae, rows, 2, 8, 8), y = ae_forward(net, x);
    float *in = (float *)malloc(n * sizeof(float)), *out = (float *)malloc(n * sizeof(float));
    long requests;
    int i, good = 1;
    memcpy(in, ae_data(x), n * sizeof(float));
    good = ae_predict(net, in, n, out, n) == rows && !memcmp(out, ae_data(y), n * sizeof(float));
    ok(good, "ae_predict of %d rows is ae_forward to the bit", rows);
    requests = w->requests;
    for (i = 0; i < 3; i++) good = good && ae_predict(net, in, n, out, n) == rows;
    ok(good && w->requests == requests, "and allocates nothing after its first call (%ld)", w->requests - requests);
    good = 1;
    for (i = 0; i < rows && i < 3; i++) good = good && ae_predict(net, in + i * 128, 128, out, 128) == 1 && !memcmp(out, ae_data(y) + i * 128, 512);
    ok(good, "a row by itself gives the same bits");
    ae_end(ae, m);
    free(in);
    free(out);
}

static void check_predict(void)
{
    watch w, v;
    ae_ctx *ae = watch_new(&w, 1), *fresh;
    ae_net *net = conv_net(ae), *opened;
    train_a_little(net, ae);
    ae_save(net, bad_path);
    ae_free(ae);
    fresh = watch_new(&v, 1);
    opened = ae_open(fresh, bad_path);
    if (ok(opened != NULL, "ae_open in another context (%s)", ae_error(fresh))) {
        predict(opened, &v, 3);
        predict(opened, &v, 300);
        ok(ae_data(ae_param(opened, "encoder.1.num_batches_tracked"))[0] == 3, "predicting does not touch batch norm's statistics");
    }
    remove(bad_path);
    ae_free(fresh);
    ok(!w.blocks && !v.blocks, "all memory is given back");
}

/* ---- resuming ---- */

typedef struct rig { ae_ctx *ae; ae_net *net; ae_opt *adam; ae_loader *data; watch w; float loss; int step; } rig;

static const float *ten_rows(void)
{
    static float rows[10 * 6];
    int i;
    for (i = 0; i < 60; i++) rows[i] = (float)((i * 37) % 11) / 11.0f;
    return rows;
}

static void rig_new(rig *r)
{
    r->ae = watch_new(&r->w, 2);
    r->net = ae_net_new(r->ae);
    ae_nn_linear(r->net, 6, 5);
    ae_nn_batch_norm1d(r->net, 5);
    ae_nn_tanh(r->net);
    ae_nn_linear(r->net, 5, 6);
    r->adam = ae_adam(r->net, 0.05f);
    r->data = ae_loader_new(r->ae, 3, 1);
    ae_load_f32(r->data, ten_rows(), 10, 6, 0, 0);
    r->loss = 0;
    r->step = 0;
}

/* Steps of a denoising autoencoder, 4 batches an epoch.  The last batch is one row, which batch norm cannot take: two rows of noise come with each. */
static void rig_steps(rig *r, int steps)
{
    ae_tensor x, noisy, loss;
    while (steps) {
        if (!ae_next_batch(r->data, &x, NULL)) continue;
        x = ae_cat(x, ae_affine(ae_randn(r->ae, 2, 6, 0, 0), 0.1f, 0), 0);
        noisy = ae_add(x, ae_affine(ae_randn_like(x), 0.3f, 0));
        loss = ae_mse_loss(ae_forward(r->net, noisy), x, AE_MEAN);
        ae_zero_grad(r->adam);
        ae_backward(loss);
        ae_step(r->adam);
        if (++r->step == 3) ae_set(r->adam, AE_LR, 0.01f);
        steps--;
        r->loss = ae_item(loss);
    }
}

static void resume_at(int at, bytes want, float loss)
{
    rig r, s;
    bytes got;
    rig_new(&r);
    rig_steps(&r, at);
    ok(ae_save_all(r.ae, bad_path), "saved after step %d (%s)", at, ae_error(r.ae));
    ae_free(r.ae);
    rig_new(&s);
    if (at % 2) rig_steps(&s, 1);        /* what this run did before it was told to resume must not matter */
    s.step = at;
    ok(ae_load_all(s.ae, bad_path), "loaded (%s)", ae_error(s.ae));
    rig_steps(&s, 14 - at);
    got = contents(s.net);
    ok(same_bytes(want, got) && s.loss == loss, "resumed after step %d: the same bits as never interrupted (%s)", at, ae_error(s.ae));
    free(got.at);
    ae_free(s.ae);
    ok(!r.w.blocks && !s.w.blocks, "all memory is given back");
}

static void check_resume(void)
{
    rig r;
    bytes want;
    rig_new(&r);
    rig_steps(&r, 14);
    want = contents(r.net);
    resume_at(4, want, r.loss);          /* between two epochs */
    resume_at(5, want, r.loss);          /* one batch into the second */
    resume_at(6, want, r.loss);
    resume_at(11, want, r.loss);
    ok(!ae_load(r.net, bad_path) && strstr(ae_error(r.ae), bad_path), "a checkpoint is not a network's file: refused");
    ae_clear(r.ae);
    ae_loader_new(r.ae, 2, 0);
    ok(!ae_load_all(r.ae, bad_path) && strstr(ae_error(r.ae), bad_path), "a checkpoint of other loaders is refused (%s)", ae_error(r.ae));
    free(want.at);
    remove(bad_path);
    ae_free(r.ae);
}

/* ---- hostile files ---- */

typedef struct target { ae_ctx *ae; ae_net *net; watch w; bytes before; bytes file; int tried, wrong; } target;

static void complain(target *t, const char *name, const char *what)
{
    t->wrong++;
    printf("# %s: %s [%s]\n", name, what, ae_error(t->ae));
}

/* The message of every bad file, as tests/bad_files.tsv has them; of many cuttings, each message once. */
static char table[100000];
static size_t table_used;

static void note(const char *who, const char *name, const char *text)
{
    static char last[300];
    const char *what = strstr(text, bad_path);
    int cut = !strncmp(name, "cut after", 9);
    if (!what || !strcmp(who, "ae_load_all") || (cut && (strcmp(who, "ae_load") || !strcmp(last, what)))) return;
    if (cut) snprintf(last, sizeof last, "%.299s", what);
    what += strlen(bad_path);
    table_used += (size_t)snprintf(table + table_used, sizeof table - table_used, "%s\t%s\t%s\n", who, name, what + strspn(what, ": "));
}

static void check_table(void)
{
    bytes file = read_all("tests/bad_files.tsv");
    size_t i = 0, line = 1;
    while (file.at && i < file.n && file.at[i] == table[i]) line += file.at[i++] == '\n';
    ok(file.at && file.n == table_used && i == table_used, "each bad file gets the message of tests/bad_files.tsv (first difference: line %lu)", (unsigned long)line);
    if (i != table_used) printf("# now: %.*s\n", (int)strcspn(table + i, "\n"), table + i);
    free(file.at);
}

/* After a refusal: a text with the file's name and more, the weights as they were, no large allocation, no poison. */
static void refused(target *t, const char *name, int well, size_t size, const char *who)
{
    char problem[200];
    bytes after;
    size_t largest = t->w.largest;
    snprintf(problem, sizeof problem, "%s accepts it", who);
    t->tried++;
    note(who, name, ae_error(t->ae));
    if (well) complain(t, name, problem);
    else if (!strstr(ae_error(t->ae), bad_path) || strlen(ae_error(t->ae)) < strlen(bad_path) + 8) complain(t, name, "no text that names the file and the problem");
    if (largest > size + SLACK) { printf("# %lu bytes were asked for\n", (unsigned long)largest); complain(t, name, "an allocation larger than the file"); }
    if (t->w.fails) complain(t, name, "it was taken for the caller's mistake");
    t->w.fails = 0;
    ae_clear(t->ae);
    after = contents(t->net);
    if (!same_bytes(t->before, after)) complain(t, name, "the weights changed");
    free(after.at);
}

/* What ae_open had built goes with the refusal. */
static void refused_open(target *t, const char *name, size_t n)
{
    long blocks = t->w.blocks;
    t->w.largest = 0;
    refused(t, name, ae_open(t->ae, bad_path) != NULL, n, "ae_open");
    if (t->w.blocks != blocks) complain(t, name, "ae_open keeps memory");
}

static void hostile_open(target *t, const char *name, const void *data, size_t n)
{
    write_all(bad_path, data, n);
    refused_open(t, name, n);
}

static void hostile(target *t, const char *name, const void *data, size_t n)
{
    write_all(bad_path, data, n);
    t->w.largest = 0;
    refused(t, name, ae_load(t->net, bad_path), n, "ae_load");
    t->w.largest = 0;
    refused(t, name, ae_load_all(t->ae, bad_path), n, "ae_load_all");
    hostile_open(t, name, data, n);
}

/* A file with this header over the good file's numbers. */
static bytes with_header(const target *t, const char *header, size_t length)
{
    uint64_t old, now = length;
    bytes b;
    memcpy(&old, t->file.at, 8);
    b.n = 8 + length + t->file.n - 8 - (size_t)old;
    b.at = (char *)malloc(b.n);
    memcpy(b.at, &now, 8);
    memcpy(b.at + 8, header, length);
    memcpy(b.at + 8 + length, t->file.at + 8 + old, t->file.n - 8 - (size_t)old);
    return b;
}

/* The good header with the first `old` replaced. */
static char *edited(const target *t, const char *old, const char *with)
{
    uint64_t length;
    char *header, *p, *text;
    memcpy(&length, t->file.at, 8);
    header = (char *)calloc(1, (size_t)length + 1);
    memcpy(header, t->file.at + 8, (size_t)length);
    p = strstr(header, old);
    if (!p) { ok(0, "the good header holds %s", old); return header; }
    text = (char *)calloc(1, (size_t)length + strlen(with) + 1);
    memcpy(text, header, (size_t)(p - header));
    strcat(text, with);
    strcat(text, p + strlen(old));
    free(header);
    return text;
}

static const char *const headers[][3] = {
    { "a negative size", "[2,3]", "[-2,3]" },
    { "a huge size", "[2,3]", "[99999999999,3]" },
    { "a size of 40 digits", "[2,3]", "[9999999999999999999999999999999999999999,3]" },
    { "sizes whose product overflows", "[2,3]", "[65536,65536,65536,65536]" },
    { "sizes whose product overflows to 6", "[2,3]", "[4294967297,6]" },
    { "a broken size", "[2,3]", "[2.0,3]" },
    { "a size as 2e0", "[2,3]", "[2e0,3]" },
    { "a size with a leading zero", "[2,3]", "[02,3]" },
    { "a size of 0", "[2,3]", "[0,3]" },
    { "five axes", "[2,3]", "[1,1,1,2,3]" },
    { "a shape in a shape", "[2,3]", "[[2,3]]" },
    { "a size of -0", "[2,3]", "[-0,3]" },
    { "a size of true", "[2,3]", "[true,3]" },
    { "a size of null", "[2,3]", "[null,3]" },
    { "no shape but a number", "[2,3]", "6" },
    { "a size as a string", "[2,3]", "[\"2\",3]" },
    { "a trailing comma in a shape", "[2,3]", "[2,3,]" },
    { "the other shape of as many numbers", "[2,3]", "[3,2]" },
    { "a flat shape", "[2,3]", "[6]" },
    { "an overlap", "[24,32]", "[20,28]" },
    { "the same place twice", "[24,32]", "[32,40]" },
    { "a hole", "[24,32]", "[28,32]" },
    { "a tensor that ends before it begins", "[24,32]", "[32,24]" },
    { "a tensor outside the file", "[24,32]", "[24,1000000]" },
    { "an offset beyond 2^64", "[24,32]", "[24,18446744073709551648]" },
    { "a negative offset", "[0,24]", "[-8,24]" },
    { "one offset", "[24,32]", "[24]" },
    { "three offsets", "[24,32]", "[24,32,40]" },
    { "two tensors of one name", "\"0.bias\"", "\"0.weight\"" },
    { "a tensor we do not have", "\"0.bias\"", "\"0.bios\"" },
    { "an empty name", "\"0.bias\"", "\"\"" },
    { "an escaped name", "\"0.bias\"", "\"0.b\\u0069as\"" },
    { "a name with a newline", "\"0.bias\"", "\"0.bi\nas\"" },
    { "dtype twice", "\"dtype\":\"F32\"", "\"dtype\":\"F32\",\"dtype\":\"F32\"" },
    { "shape twice", "\"shape\":[2,3]", "\"shape\":[2,3],\"shape\":[2,3]" },
    { "data_offsets twice", "\"data_offsets\":[0,24]", "\"data_offsets\":[0,24],\"data_offsets\":[0,24]" },
    { "an unknown key", "\"dtype\":\"F32\"", "\"dtype\":\"F32\",\"device\":\"cpu\"" },
    { "no dtype", "\"dtype\":\"F32\",", "" },
    { "no shape", "\"shape\":[2,3],", "" },
    { "no data_offsets", ",\"data_offsets\":[0,24]", "" },
    { "dtype F16", "\"dtype\":\"F32\"", "\"dtype\":\"F16\"" },
    { "dtype F64", "\"dtype\":\"F32\"", "\"dtype\":\"F64\"" },
    { "dtype BF16", "\"dtype\":\"F32\"", "\"dtype\":\"BF16\"" },
    { "dtype f32", "\"dtype\":\"F32\"", "\"dtype\":\"f32\"" },
    { "an empty dtype", "\"dtype\":\"F32\"", "\"dtype\":\"\"" },
    { "dtype I32", "\"dtype\":\"F32\"", "\"dtype\":\"I32\"" },
    { "a dtype without quotes", "\"dtype\":\"F32\"", "\"dtype\":F32" },
    { "a count as F32", "\"dtype\":\"I64\",\"shape\":[]", "\"dtype\":\"F32\",\"shape\":[2]" },
    { "weights as I64", "\"dtype\":\"F32\",\"shape\":[2,3]", "\"dtype\":\"I64\",\"shape\":[3]" },
    { "metadata twice", "\"0.weight\":", "\"__metadata__\":{},\"0.weight\":" },
    { "a key of the metadata twice", "\"format\":\"pt\"", "\"format\":\"pt\",\"format\":\"pt\"" },
    { "a number in the metadata", "\"format\":\"pt\"", "\"format\":7" },
    { "an object in the metadata", "\"format\":\"pt\"", "\"format\":{}" },
    { "single quotes", "\"0.weight\"", "'0.weight'" },
    { "a comma too many", "\"0.weight\":", ",\"0.weight\":" },
    { "a colon too few", "\"0.weight\":", "\"0.weight\"" },
    { "a comment", "\"0.weight\":", "/**/\"0.weight\":" },
    { "an array instead of a tensor", "\"0.weight\":", "\"0.weight\":[" },
    { "no opening brace", "{\"__metadata__\"", "\"__metadata__\"" },
    { "a second opening brace", "{\"__metadata__\"", "{{\"__metadata__\"" },
    { "a byte order mark", "{\"__metadata__\"", "\xEF\xBB\xBF{\"__metadata__\"" }
};

/* Descriptions of networks: for ae_open only, since ae_load knows its network. */
static const char *const plans[][3] = {
    { "huge layers", "Linear(3,2)", "Linear(9999999,9999999)" },
    { "a larger layer", "Linear(3,2)", "Linear(300,200)" },
    { "a layer of 0", "Linear(3,2)", "Linear(3,0)" },
    { "a layer of -2", "Linear(3,2)", "Linear(3,-2)" },
    { "a layer of 2.5", "Linear(3,2)", "Linear(3,2.5)" },
    { "a layer of NaN", "Linear(3,2)", "Linear(nan,2)" },
    { "a layer of infinity", "Linear(3,2)", "Linear(inf,2)" },
    { "a layer of 1e300", "Linear(3,2)", "Linear(1e300,2)" },
    { "one number too few", "Linear(3,2)", "Linear(3)" },
    { "one number too many", "Linear(3,2)", "Linear(3,2,1)" },
    { "no numbers", "Linear(3,2)", "Linear" },
    { "an open bracket", "Linear(3,2)", "Linear(3,2" },
    { "an unknown kind", "Linear(3,2)", "Lineal(3,2)" },
    { "the writer's own op", "Linear(3,2)", "Op()" },
    { "another kind of the same numbers", "Linear(3,2)", "BatchNorm1d(3)" },
    { "the numbers swapped", "Linear(3,2)", "Linear(2,3)" },
    { "two layers of one name", "1:BatchNorm1d", "0:BatchNorm1d" },
    { "a layer without a name", "1:BatchNorm1d", ":BatchNorm1d" },
    { "a long name", "1:BatchNorm1d", "a_name_that_is_far_too_long_for_anything_that_is_called_a_layer:BatchNorm1d" },
    { "a name with a dot", "1:BatchNorm1d", "1.1:BatchNorm1d" },
    { "a missing layer", ",1:BatchNorm1d(2)", "" },
    { "a layer without a comma", ",1:", "1:" },
    { "an open brace", "BatchNorm1d(2)}", "BatchNorm1d(2)" },
    { "a brace too many", "BatchNorm1d(2)}", "BatchNorm1d(2)}}" },
    { "something behind the end", "BatchNorm1d(2)}", "BatchNorm1d(2)}x" },
    { "a pool padded by more than its window", "BatchNorm1d(2)}", "BatchNorm1d(2),2:MaxPool2d(2,2,9)}" },
    { "a pool of stride 0", "BatchNorm1d(2)}", "BatchNorm1d(2),2:MaxPool2d(2,0,0)}" },
    { "a convolution of kernel 0", "Linear(3,2)", "Conv2d(3,2,0,1,0)" },
    { "a convolution of stride 0", "Linear(3,2)", "Conv2d(3,2,1,0,0)" },
    { "an output padding beyond the stride", "Linear(3,2)", "ConvTranspose2d(2,3,1,1,0,5)" },
    { "a parameter of -6", "Linear(3,2)", "Parameter(1,-2,-3,1,1)" },
    { "an unflatten to 0", "BatchNorm1d(2)}", "BatchNorm1d(2),2:Unflatten(0,1,1)}" },
    { "an input of negative size", "\"autoenc\":\"", "\"autoenc\":\"-" },
    { "an input of 12 axes", "\"autoenc\":\"", "\"autoenc\":\"1" },
    { "an input of no number", "\"autoenc\":\"", "\"autoenc\":\"x" },
    { "an input its first layer cannot take", "\"autoenc\":\"2,3,", "\"autoenc\":\"2,7," },
    { "an input of 2^69 numbers", "\"autoenc\":\"2,3,1,1;", "\"autoenc\":\"4,8388608,8388608,8388608;" },
    { "an empty description", "\"autoenc\":\"", "\"autoenc\":\"\",\"old\":\"" },
    { "no description", "\"autoenc\":\"", "\"old\":\"" }
};

static void edits(target *t)
{
    size_t i;
    for (i = 0; i < sizeof headers / sizeof headers[0] + sizeof plans / sizeof plans[0]; i++) {
        int plan = i >= sizeof headers / sizeof headers[0];
        const char *const *row = plan ? plans[i - sizeof headers / sizeof headers[0]] : headers[i];
        char *text = edited(t, row[1], row[2]);
        bytes b = with_header(t, text, strlen(text));
        if (plan) hostile_open(t, row[0], b.at, b.n);
        else hostile(t, row[0], b.at, b.n);
        free(text);
        free(b.at);
    }
}

static void truncations(target *t)
{
    size_t n;
    char name[60];
    for (n = 0; n < t->file.n; n++) {
        snprintf(name, sizeof name, "cut after %lu bytes", (unsigned long)n);
        hostile(t, name, t->file.at, n);
    }
}

static void header_lengths(target *t)
{
    static const uint64_t lengths[] = { 0, 1, 7, 200, 100000, 0x7FFFFFFFu, 0xFFFFFFFFu, 0x7FFFFFFFFFFFFFFFu, 0xFFFFFFFFFFFFFFFFu, 0xFFFFFFFFFFFFFFF8u };
    char name[60], *copy = (char *)malloc(t->file.n);
    size_t i;
    memcpy(copy, t->file.at, t->file.n);
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        snprintf(name, sizeof name, "header length %llx", (unsigned long long)lengths[i]);
        memcpy(copy, &lengths[i], 8);
        hostile(t, name, copy, t->file.n);
    }
    free(copy);
}

/* One number of the data changed, by its place from the end. */
static void poke(target *t, const char *name, size_t from_end, const void *value, size_t n)
{
    char *copy = (char *)malloc(t->file.n);
    memcpy(copy, t->file.at, t->file.n);
    memcpy(copy + t->file.n - from_end, value, n);
    hostile(t, name, copy, t->file.n);
    free(copy);
}

static void numbers(target *t)
{
    float odd[3];
    int64_t negative = -1;
    odd[0] = NAN;
    odd[1] = INFINITY;
    odd[2] = -INFINITY;
    poke(t, "a weight that is NaN", 72, &odd[0], 4);
    poke(t, "a weight that is infinite", 72, &odd[1], 4);
    poke(t, "a variance that is -infinite", 12, &odd[2], 4);
    poke(t, "a negative count", 8, &negative, 8);
}

static void whole_headers(target *t)
{
    size_t big = 10 * 1000 * 1000, n = t->file.n;
    char *spaces = (char *)malloc(big), *more = (char *)malloc(n + 5);
    bytes b;
    memset(spaces, ' ', big);
    b = with_header(t, spaces, big);
    hostile(t, "10 MB of spaces", b.at, b.n);
    free(b.at);
    memset(spaces, '{', 100000);
    b = with_header(t, spaces, 100000);
    hostile(t, "100,000 opening braces", b.at, b.n);
    free(b.at);
    memset(spaces, 0, 1000);
    b = with_header(t, spaces, 1000);
    hostile(t, "a header of zeros", b.at, b.n);
    free(b.at);
    b = with_header(t, "{}", 2);
    hostile(t, "an empty header over data", b.at, b.n);
    free(b.at);
    hostile(t, "an empty header and no data", "\2\0\0\0\0\0\0\0{}", 10);
    hostile(t, "an empty list", "\2\0\0\0\0\0\0\0[]", 10);
    hostile(t, "a text file", "This is no safetensors file, but a letter to a friend.\n", 55);
    memcpy(more, t->file.at, n);
    memset(more + n, 0, 5);
    hostile(t, "five bytes behind the end", more, n + 5);
    free(spaces);
    free(more);
}

/* Descriptions too long for a table. */
static void long_plans(target *t)
{
    size_t big = 400000, used, i;
    char *text = (char *)malloc(big), *header;
    bytes b;
    for (used = 0, i = 0; i < 1000; i++) used += (size_t)sprintf(text + used, "a:Sequential(){");
    strcpy(text + used, "0:Linear(3,2),");
    header = edited(t, "0:Linear(3,2),", text);
    b = with_header(t, header, strlen(header));
    hostile_open(t, "1000 containers inside each other", b.at, b.n);
    free(header);
    free(b.at);
    for (used = 0, i = 0; i < 9000; i++) used += (size_t)sprintf(text + used, "l%lu:Linear(100,99),", (unsigned long)i);
    strcpy(text + used, "0:Linear(3,2),");
    header = edited(t, "0:Linear(3,2),", text);
    b = with_header(t, header, strlen(header));
    b.at = (char *)realloc(b.at, b.n + 40000);
    memset(b.at + b.n, 0, 40000);        /* each layer would fit into the file, all 9000 do not */
    hostile_open(t, "9000 layers that do not fit into the file together", b.at, b.n + 40000);
    free(header);
    free(b.at);
    free(text);
}

/* The same, but with data that the header accounts for: so that only the description is wrong. */
static void greedy_plan(target *t)
{
    size_t used = 0, i, data = 40000;
    char *text = (char *)malloc(200000), *file;
    uint64_t length;
    used += (size_t)sprintf(text, "{\"__metadata__\":{\"autoenc\":\"2,100,0,0;Sequential(){");
    for (i = 0; i < 2000; i++) used += (size_t)sprintf(text + used, "%sl%lu:Linear(100,99)", i ? "," : "", (unsigned long)i);
    used += (size_t)sprintf(text + used, "}\"},\"l0.weight\":{\"dtype\":\"F32\",\"shape\":[10000],\"data_offsets\":[0,40000]}}");
    length = used;
    file = (char *)calloc(1, 8 + used + data);
    memcpy(file, &length, 8);
    memcpy(file + 8, text, used);
    hostile_open(t, "2000 layers over the numbers of one", file, 8 + used + data);
    free(file);
    free(text);
}

/* A file that is mostly a hole: as large as its header claims, and no larger on the disk. */
static void sparse(target *t, const char *name, uint64_t header)
{
    FILE *f = fopen(bad_path, "wb");
    int well = f && fwrite(&header, 8, 1, f) == 1 && fflush(f) == 0 && ftruncate(fileno(f), (off_t)header + 100) == 0;
    if (f) fclose(f);
    if (!well) { skip("no room for a file of %lu bytes", (unsigned long)header); return; }
    t->w.largest = 0;
    refused(t, name, ae_load(t->net, bad_path), (size_t)header + 1, "ae_load");
    refused_open(t, name, (size_t)header + 1);
    if (header > 100000000 && t->w.largest > SLACK) complain(t, name, "memory was asked for");
}

static void huge_headers(target *t)
{
    sparse(t, "a header of 100 MB", 100000000);
    sparse(t, "a header of 100 MB and a byte", 100000001);
    sparse(t, "a header of 1 TB", (uint64_t)1 << 40);
}

static void check_missing(target *t)
{
    remove(bad_path);
    t->w.largest = 0;
    refused(t, "a file that is not there", ae_load(t->net, bad_path), 0, "ae_load");
    refused_open(t, "a file that is not there", 0);
    refused(t, "a file that is not there", ae_load_all(t->ae, bad_path), 0, "ae_load_all");
    mkdir(bad_path, 0700);
    refused(t, "a folder", ae_load(t->net, bad_path), 0, "ae_load");
    refused_open(t, "a folder", 0);
    rmdir(bad_path);
}

static void group(target *t, const char *name, void (*try_all)(target *t))
{
    bytes after;
    t->tried = t->wrong = 0;
    try_all(t);
    ok(!t->wrong, "%s: %d times refused, with a reason and without harm (%d not)", name, t->tried, t->wrong);
    if (!ok(ae_load(t->net, good_path) && ae_open(t->ae, good_path), "the good file still loads (%s)", ae_error(t->ae))) ae_clear(t->ae);
    after = contents(t->net);
    ok(same_bytes(t->before, after), "and holds the same numbers");
    free(after.at);
}

static void check_hostile(void)
{
    target t;
    memset(&t, 0, sizeof t);
    t.ae = watch_new(&t.w, 1);
    t.net = small_net(t.ae);
    ae_forward(t.net, noise(t.ae, 4, 3, 0, 0));
    ae_clear(t.ae);                      /* the step's memory is there from now on */
    if (!ok(ae_save(t.net, good_path), "the good file is written (%s)", ae_error(t.ae))) return;
    t.file = read_all(good_path);
    t.before = contents(t.net);
    group(&t, "cut short at every byte", truncations);
    group(&t, "lengths of the header", header_lengths);
    group(&t, "numbers", numbers);
    group(&t, "edited headers and descriptions", edits);
    group(&t, "whole headers", whole_headers);
    group(&t, "long descriptions", long_plans);
    group(&t, "greedy descriptions", greedy_plan);
    group(&t, "files that are none", check_missing);
    group(&t, "huge headers", huge_headers);
    check_table();
    remove(good_path);
    remove(bad_path);
    free(t.file.at);
    free(t.before.at);
    ae_free(t.ae);
    ok(!t.w.blocks && !t.w.bytes, "all memory is given back");
}

/* A context that has done nothing yet asks for less than a megabyte altogether, whatever 100 bytes say.  One of them is
   well: a network for inputs of 4 GB, which is no fault as long as nobody has one. */
static void check_small(void)
{
    static const char *const text[] = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999,9999],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"autoenc\":\"0,0,0,0;Sequential(){0:Linear(9999999,9)}\"}}",
        "{\"__metadata__\":{\"autoenc\":\"4,999,999,999;Sequential(){0:ReLU()}\"}}",
        "{\"__metadata__\":{\"autoenc\":\"0,0,0,0;Sequential(){0:ReLU(),1:ReLU(),2:ReLU(),3:Tanh(),4:Op()}\"}}",
        "{\"__metadata__\":{\"autoenc\":\"0,0,0,0;Sequential(){0:Parameter(0,999,999,9,9)}\"}}", "{", "" };
    size_t i, most = 0;
    int refusals = 0;
    for (i = 0; i < sizeof text / sizeof text[0]; i++) {
        char file[200] = { 0 };
        uint64_t length = strlen(text[i]);
        watch w;
        ae_ctx *ae = watch_new(&w, 1);
        size_t held = w.bytes;
        ae_net *net;
        float x[4] = { 0 };
        memcpy(file, &length, 8);
        strcpy(file + 8, text[i]);
        write_all(bad_path, file, 8 + (size_t)length);
        net = ae_open(ae, bad_path);
        refusals += (net ? i == 2 && !ae_predict(net, x, 4, x, 4) : i != 2) && !ae_load(small_net(ae), bad_path) && !ae_load_all(ae, bad_path);
        if (w.bytes - held > most) most = w.bytes - held;
        if (w.largest > most) most = w.largest;
        ae_free(ae);
    }
    remove(bad_path);
    ok(refusals == 7 && most <= 1 << 20, "files of 100 bytes are refused, and never is more than a megabyte asked for (%lu)", (unsigned long)most);
}

/* Refusing a file a thousand times must not fill the memory. */
static void check_growth(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_net *net = small_net(ae);
    size_t before;
    int i;
    ae_save(net, good_path);
    write_all(bad_path, "\2\0\0\0\0\0\0\0{}", 10);
    ae_load(net, bad_path);
    before = ae_memory(ae);
    for (i = 0; i < 1000; i++) ae_load(net, bad_path), ae_load(net, good_path), ae_save(net, good_path);
    ok(ae_memory(ae) == before, "loading and refusing a thousand times takes no memory (%ld bytes)", (long)(ae_memory(ae) - before));
    remove(good_path);
    remove(bad_path);
    ae_free(ae);
}

/* ---- writing where it cannot be ---- */

static void not_saved(ae_net *net, const char *path, const char *name)
{
    int before = files();
    ok(!ae_save(net, path) && strstr(ae_error(net->ctx), path), "%s: 0 and a text (%s)", name, ae_error(net->ctx));
    ok(files() == before, "%s: nothing is left behind", name);
    ae_clear(net->ctx);
    if (!ae_save_all(net->ctx, path)) ae_clear(net->ctx);
    else ok(0, "%s: ae_save_all too", name);
}

static void check_unwritable(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_net *net = conv_net(ae);
    char path[500], link[500];
    struct rlimit old, small;
    bytes before, after;
    train_a_little(net, ae);
    snprintf(path, sizeof path, "%s/no/such/folder/file", folder);
    not_saved(net, path, "a folder that is not there");
    snprintf(path, sizeof path, "%s/folder", folder);
    mkdir(path, 0700);
    not_saved(net, path, "a path that is a folder");
    rmdir(path);
    ae_save(net, good_path);
    before = read_all(good_path);
    train_a_little(net, ae);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 1000;
    fflush(stdout);
    if (setrlimit(RLIMIT_FSIZE, &small) == 0) {
        int had = files(), saved = ae_save(net, good_path), left = files();
        setrlimit(RLIMIT_FSIZE, &old);
        ok(!saved && strstr(ae_error(ae), good_path), "no room for the file: 0 and a text (%s)", ae_error(ae));
        ok(left == had, "nothing is left behind");
        ae_clear(ae);
    }
    snprintf(link, sizeof link, "%s.part", good_path);
    if (access("/dev/full", W_OK) == 0 && symlink("/dev/full", link) == 0) ok(!ae_save(net, good_path) && *ae_error(ae), "a full disk: 0 and a text (%s)", ae_error(ae));
    else skip("there is no /dev/full here");
    remove(link);
    after = read_all(good_path);
    ok(same_bytes(before, after), "after a failed ae_save the old file is as it was");
    ok(ae_load(net, good_path), "and loads");
    remove(good_path);
    free(before.at);
    free(after.at);
    ae_free(ae);
    ok(!w.blocks, "all memory is given back");
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/autoenc_io.XXXXXX", tmp && *tmp ? tmp : P_tmpdir);
    if (!mkdtemp(folder)) { ok(0, "a folder for the test: %s", folder); return tap_end(); }
    snprintf(good_path, sizeof good_path, "%s/good.safetensors", folder);
    snprintf(bad_path, sizeof bad_path, "%s/bad.safetensors", folder);
    check_round_trip();
    check_parameter();
    check_predict();
    check_resume();
    check_hostile();
    check_small();
    check_growth();
    check_unwritable();
    ok(files() == 0, "the folder is empty at the end");
    rmdir(folder);
    if (argc > 1 && !strcmp(argv[1], "table")) return fwrite(table, 1, table_used, stderr) != table_used;
    return tap_end();
}
