/* test_recurrent.c: LSTM, Dropout and Upsample as layers of a network: state that is handed on, what training switches, names in
   files, summary and diagnosis, prediction.  Numbers against PyTorch's are in test_layers.c, gradients in test_gradients.c. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"

enum { B = 3, T = 8, IN = 5, H = 6 };
static watch memory;

static int same(ae_tensor a, ae_tensor b)
{
    return ae_size(a, -1) == ae_size(b, -1) && !memcmp(ae_data(a), ae_data(b), (size_t)ae_size(a, -1) * sizeof(float));
}

/* ---- LSTM ---- */

/* Eight steps at once, and three, then five from the state that the three left behind: the same bits. */
static void check_state(ae_ctx *ae, ae_net *lstm)
{
    size_t mark = ae_begin(ae);
    ae_tensor x = ae_randn(ae, B, T, IN, 0), h = ae_from(ae, NULL, 2, B, H, 0), c = ae_from(ae, NULL, 2, B, H, 0), all = ae_lstm(lstm, x, NULL, NULL), first, rest;
    first = ae_lstm(lstm, ae_slice(x, 1, 0, 3), &h, &c);
    rest = ae_lstm(lstm, ae_slice(x, 1, 3, T), &h, &c);
    ok(same(all, ae_cat(first, rest, 1)), "an LSTM that is handed its state goes on as if it had not stopped");
    ok(same(ae_view(ae_slice(h, 0, 1, 2), B, H, 0, 0), ae_view(ae_slice(all, 1, T - 1, T), B, H, 0, 0)), "the last state of the upper layer is the last output");
    ok(ae_dims(all) == 3 && ae_size(all, 0) == B && ae_size(all, 1) == T && ae_size(all, 2) == H && ae_dims(c) == 3 && ae_size(c, 0) == 2, "shapes are PyTorch's");
    ok(!same(ae_slice(all, 1, 0, 1), ae_slice(ae_forward(lstm, ae_slice(x, 1, 1, T)), 1, 0, 1)), "and what was read before matters");
    ae_end(ae, mark);
}

static void check_one_step(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_tensor y;
    ae_nn_lstm(net, 4, 3, 1);
    y = ae_forward(net, ae_randn(ae, 2, 1, 4, 0));
    ok(ae_size(y, 0) == 2 && ae_size(y, 1) == 1 && ae_size(y, 2) == 3, "a sequence of one step");
}

static void check_text(ae_ctx *ae, ae_net *net)
{
    char text[4000];
    const char *path, *wanted[] = { "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "rnn.weight_ih_l1", "rnn.weight_hh_l1", "rnn.bias_ih_l1", "rnn.bias_hh_l1" };
    float bound = 0;
    int i, k, well = 1, lines = 0;
    for (i = 0; i < 8; i++) {
        ae_tensor p = ae_param_at(net, i, &path);
        well &= !strcmp(path, wanted[i]);
        for (k = 0; k < ae_size(p, -1); k++) bound = fmaxf(bound, fabsf(ae_data(p)[k]));
    }
    ok(well, "the parameters have PyTorch's names and order");
    ok(bound > 0.35f && bound <= 1 / sqrtf(6), "and are drawn from U(-1/sqrt(H), 1/sqrt(H)): the largest is %g", (double)bound);
    ae_summary(net, text, sizeof text);
    ok(strstr(text, "(rnn): LSTM(5, 6, num_layers=2, batch_first=True)\n") && strstr(text, "(1): Dropout(p=0.25, inplace=False)\n"), "ae_summary names them as print(net) does");
    ok(strstr(text, "\n746 parameters\n") != NULL, "and counts 4 H (in + H + 2) parameters a layer: %s", strrchr(text, ')'));
    ae_diagnose(net, ae_randn(ae, B, T, IN, 0), text, sizeof text);
    for (i = 0; text[i]; i++) lines += text[i] == '\n';
    ok(lines < 10 && strstr(text, "Linear"), "ae_diagnose does not tell every gate of every step: %d lines", lines);
}

/* ---- files and prediction ---- */

static void check_file(ae_ctx *ae, ae_net *net, const char *file)
{
    ae_net *again;
    ae_tensor x = ae_randn(ae, B, T, IN, 0);
    float out[2][B * T * 2];
    ok(ae_save(net, file) && (again = ae_open(ae, file)) != NULL, "a network with an LSTM is saved and rebuilt from its file %s", ae_error(ae));
    if (*ae_error(ae)) return;
    ok(ae_predict(net, ae_data(x), B * T * IN, out[0], B * T * 2) == B && ae_predict(again, ae_data(x), B * T * IN, out[1], B * T * 2) == B && !memcmp(out[0], out[1], sizeof out[0]),
       "both predict the same, though the first one is still in training: no dropout");
    remove(file);
}

/* ---- Dropout ---- */

static void check_dropout(ae_ctx *ae)
{
    enum { N = 40000 };
    ae_net *net = ae_net_new(ae), *off = ae_net_new(ae), *all = ae_net_new(ae);
    ae_tensor x = ae_affine(ae_from(ae, NULL, 4, N / 4, 0, 0), 1, 3), y, z;
    int i, zeros = 0, others = 0;
    ae_nn_dropout(net, 0.25f);
    ae_nn_dropout(off, 0);
    ae_nn_dropout(all, 1);
    y = ae_forward(net, x);
    for (i = 0; i < N; i++) {
        zeros += ae_data(y)[i] == 0;
        others += ae_data(y)[i] != 0 && ae_data(y)[i] != 4;              /* 3 / (1 - 0.25) */
    }
    ok(abs(zeros - N / 4) < 350 && !others, "Dropout(0.25) drops %d of %d, within four standard deviations, and scales the rest", zeros, N);
    z = ae_forward(net, x);
    ok(!same(y, z), "the next call draws another mask");
    ok(same(ae_forward(off, x), x), "Dropout(0) drops nothing");
    ok(ae_item(ae_reduce(ae_forward(all, x), -1, AE_SUM)) == 0, "Dropout(1) drops everything, without NaN");
    ae_train(net, 0);
    ok(same(ae_forward(net, x), x), "after ae_train(net, 0) nothing is dropped");
}

/* The mask is keyed by the element, not by how an image is stored: behind a convolution (NHWC) the same ones fall. */
static void check_layout(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *conv = ae_net_new(ae);
    ae_tensor x = ae_affine(ae_from(ae, NULL, 2, 3, 5, 4), 1, 1), w, y, z;
    int i, unlike = 0;
    ae_nn_dropout(net, 0.5f);
    ae_nn_conv2d(conv, 3, 3, 1, 1, 0);
    ae_nn_dropout(conv, 0.5f);
    w = ae_param(conv, "0.weight");
    ae_assign(ae_param(conv, "0.bias"), NULL);
    { float identity[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 }; ae_assign(w, identity); }
    y = ae_forward(net, x);
    ae->random_op--;                                                      /* the same draw again */
    z = ae_forward(conv, x);
    for (i = 0; i < 120; i++) unlike += ae_data(y)[i] != ae_data(z)[i];
    ok(!unlike, "the same elements are dropped whether an image is stored NCHW or NHWC (%d differ)", unlike);
}

int main(int argc, char **argv)
{
    char file[1100];
    ae_ctx *ae = watch_new(&memory, 2);
    ae_net *net = ae_net_new(ae), *rnn = ae_name(ae_nn_lstm(net, IN, H, 2), "rnn");
    size_t mark;
    ae_nn_dropout(net, 0.25f);
    ae_nn_linear(ae_sequential(ae_net_new(ae), "unused"), 1, 1);          /* two roots in one context */
    snprintf(file, sizeof file, "%.1000s.safetensors", argc ? argv[0] : "recurrent");
    mark = ae_begin(ae);
    check_state(ae, rnn);
    check_one_step(ae);
    check_dropout(ae);
    check_layout(ae);
    ae_end(ae, mark);
    {
        ae_net *deep = ae_net_new(ae);
        ae_name(ae_nn_lstm(deep, IN, H, 2), "rnn");
        ae_nn_dropout(deep, 0.25f);
        ae_nn_flatten(deep);
        ae_nn_linear(deep, T * H, T * 2);
        mark = ae_begin(ae);
        ae_forward(deep, ae_randn(ae, B, T, IN, 0));
        check_file(ae, deep, file);
        ae_end(ae, mark);
    }
    {
        ae_net *text = ae_net_new(ae);
        ae_name(ae_nn_lstm(text, IN, H, 2), "rnn");
        ae_nn_dropout(text, 0.25f);
        ae_nn_flatten(text);
        ae_nn_linear(text, T * H, 2);
        check_text(ae, text);
    }
    ok(!*ae_error(ae), "nothing went wrong: %s", ae_error(ae));
    ae_free(ae);
    ok(!memory.blocks, "all memory came back");
    return tap_end();
}
