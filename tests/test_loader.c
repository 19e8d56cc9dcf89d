/* test_loader.c: batches and lifetimes.  Every row is served once an epoch, in an order that the seed decides; loaders
   inside and beside each other kill nobody's tensors; and a hundred epochs take no more memory than one. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "tap.h"
#include "watch.h"

enum { ROWS = 23, BATCH = 5, BATCHES = 5 };

static float values[ROWS * 4];           /* row i is i, i + 0.25, i + 0.5, i + 0.75 */
static uint8_t bytes[ROWS * 4], labels[ROWS];

static void fill_tables(void)
{
    int i;
    for (i = 0; i < ROWS * 4; i++) values[i] = (float)(i / 4) + 0.25f * (float)(i % 4), bytes[i] = (uint8_t)(i * 11);
    for (i = 0; i < ROWS; i++) labels[i] = (uint8_t)(255 - i);
}

static ae_loader *loader(ae_ctx *ae, int shuffle)
{
    ae_loader *l = ae_loader_new(ae, BATCH, shuffle);
    ae_load_f32(l, values, ROWS, 1, 2, 2);
    return l;
}

/* One epoch: the order of the rows; returns how many batches there were, 0 if one had a wrong shape or a row was torn. */
static int epoch(ae_loader *l, int *order)
{
    ae_tensor x;
    int n = 0, at = 0, i, k, good = 1;
    while (ae_next_batch(l, &x, NULL)) {
        const float *p = ae_data(x);
        int rows = ae_size(x, 0);
        good = good && ae_dims(x) == 4 && ae_size(x, 1) == 1 && ae_size(x, 2) == 2 && ae_size(x, 3) == 2 && rows == (n < BATCHES - 1 ? BATCH : ROWS % BATCH);
        for (i = 0; i < rows && at < ROWS; i++, at++) {
            order[at] = (int)p[4 * i];
            for (k = 0; k < 4; k++) good = good && p[4 * i + k] == (float)order[at] + 0.25f * (float)k;
        }
        n++;
    }
    return good && at == ROWS ? n : 0;
}

static int every_row_once(const int *order)
{
    int seen[ROWS] = { 0 }, i;
    for (i = 0; i < ROWS; i++) if (order[i] < 0 || order[i] >= ROWS || seen[order[i]]++) return 0;
    return 1;
}

static void check_epochs(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 2), *same = watch_new(&w, 1);
    ae_loader *l = loader(ae, 1), *second = loader(ae, 1), *again = loader(same, 1), *plain = loader(ae, 0);
    int a[ROWS], b[ROWS], c[ROWS], sorted[ROWS], i;
    for (i = 0; i < ROWS; i++) sorted[i] = i;
    ok(ae_batches(l) == BATCHES, "ae_batches counts the last partial batch");
    ok(epoch(l, a) == BATCHES && every_row_once(a), "an epoch serves every row once, whole, in batches of 5 and a last one of 3");
    ok(memcmp(a, sorted, sizeof a), "and shuffled");
    ok(epoch(l, b) == BATCHES && every_row_once(b) && memcmp(a, b, sizeof a), "the next epoch serves them in another order");
    ok(epoch(again, c) == BATCHES && !memcmp(a, c, sizeof a), "the same seed gives the same order, on other threads too");
    ok(epoch(again, c) == BATCHES && !memcmp(b, c, sizeof b), "in the second epoch, too");
    ok(epoch(second, c) == BATCHES && memcmp(a, c, sizeof a), "a second loader has an order of its own");
    ok(epoch(plain, c) == BATCHES && !memcmp(sorted, c, sizeof c) && epoch(plain, c) && !memcmp(sorted, c, sizeof c), "without shuffling the rows come as they are");
    ok(!*ae_error(ae), "no mistake was told (%s)", ae_error(ae));
    ae_free(ae);
    ae_free(same);
}

static void check_seed(void)
{
    ae_config config;
    ae_ctx *ae;
    int order[2][ROWS], i;
    memset(&config, 0, sizeof config);
    for (i = 0; i < 2; i++) {
        config.seed = (uint64_t)i << 40;
        ae = ae_new(&config);
        ae_randn(ae, 3 + i, 0, 0, 0);    /* what else is random has no say */
        epoch(loader(ae, 1), order[i]);
        ae_free(ae);
    }
    ok(every_row_once(order[0]) && every_row_once(order[1]) && memcmp(order[0], order[1], sizeof order[0]), "another seed, in its upper half, gives another order");
}

/* ---- kinds of columns ---- */

static int calls, fills;
static void fill(void *user, const int *index, int rows, float *out)
{
    int i, k;
    for (i = 0; i < rows; i++) for (k = 0; k < 3; k++) out[3 * i + k] = (float)(index[i] * 10 + k);
    *(int *)user += rows;
    calls++;
}

static void check_columns(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 2);
    ae_loader *l = ae_loader_new(ae, BATCH, 1), *f = ae_loader_new(ae, BATCH, 1), *v = ae_loader_new(ae, BATCH, 0);
    ae_tensor x, y;
    int i, good = 1;
    ok(ae_load_u8(l, bytes, ROWS, 4, 0, 0) && ae_load_labels(l, labels, ROWS), "bytes and labels are loaded");
    while (ae_next_batch(l, &x, &y))
        for (i = 0; i < ae_size(x, 0); i++) {
            int row = 255 - (int)ae_data(y)[i];
            good = good && ae_dims(x) == 2 && ae_dims(y) == 1 && ae_size(y, 0) == ae_size(x, 0) && ae_data(x)[4 * i + 3] == (float)bytes[4 * row + 3] / 255.0f;
        }
    ok(good, "bytes are served as b / 255, each beside its own label");
    ae_load_fn(f, ROWS, 3, 0, 0, fill, &fills);
    ae_load_f32(f, values, ROWS, 4, 0, 0);
    while (ae_next_batch(f, &x, &y))
        for (i = 0; i < ae_size(x, 0); i++) good = good && ae_data(x)[3 * i + 2] == 10 * floorf(ae_data(y)[4 * i]) + 2;
    ok(good && calls == BATCHES && fills == ROWS, "a function fills rows by their index, beside an array's");
    ae_load_f32(v, values, ROWS, 0, 0, 0);
    ok(ae_next_batch(v, &x, NULL) && ae_dims(x) == 1 && ae_size(x, 0) == BATCH, "rows of one number are served as [B]");
    ok(!*ae_error(ae), "no mistake was told (%s)", ae_error(ae));
    ae_free(ae);
}

/* ---- lifetimes ---- */

static void check_nested(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_loader *train = loader(ae, 1), *test = loader(ae, 0);
    ae_tensor x, t, mine, late;
    int outer = 0, inner = 0, good = 1;
    float first;
    while (ae_next_batch(train, &x, NULL)) {
        mine = ae_affine(x, 2, 1);
        late = outer > 2 ? ae_affine(mine, 1, 1) : mine;         /* after the loop that was left early: more lies below */
        first = ae_data(x)[0];
        while (ae_next_batch(test, &t, NULL)) {
            ae_relu(t);
            if (++inner % 3 == 2 && outer == 2) break;           /* leaving early is allowed */
        }
        good = good && ae_data(x) && ae_data(x)[0] == first && ae_data(mine) && ae_data(mine)[0] == 2 * first + 1 && ae_data(late);
        outer++;
    }
    ok(good && outer == BATCHES && !*ae_error(ae), "a test loop inside the training loop leaves the outer tensors alone (%s)", ae_error(ae));
    ae_free(ae);
}

static void check_side_by_side(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_loader *a = loader(ae, 1), *b = loader(ae, 1);
    ae_tensor x, y, z;
    int n = 0, good = 1;
    while (ae_next_batch(a, &x, NULL) && ae_next_batch(b, &y, NULL)) {
        z = ae_add(x, y);
        good = good && ae_data(x) && ae_data(y) && ae_data(z)[3] == ae_data(x)[3] + ae_data(y)[3];
        n++;
    }
    ok(good && n == BATCHES && !*ae_error(ae), "two loaders side by side (%s)", ae_error(ae));
    ae_free(ae);
}

/* Weights, kept tensors and what was made before the loop live on; the batch does not. */
static void check_outside(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    ae_loader *l = loader(ae, 0);
    ae_tensor before = ae_scalar(ae, 7), kept = ae_keep(before), x, batch;
    memset(&batch, 0, sizeof batch);
    while (ae_next_batch(l, &x, NULL)) { batch = x; ae_accumulate(kept, ae_reduce(x, -1, AE_MEAN)); }
    ok(ae_item(before) == 7 && ae_data(kept) && ae_item(kept) > 7 && !*ae_error(ae), "what was made before the loop, and what is kept, outlives it");
    ok(!ae_data(batch) && w.fails == 1, "a batch does not outlive its epoch");
    ae_free(ae);
}

static void check_scopes(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    size_t outer = ae_begin(ae), inner;
    ae_tensor a = ae_scalar(ae, 1), b, kept;
    inner = ae_begin(ae);
    b = ae_affine(a, 1, 1);
    kept = ae_keep(b);
    ae_begin(ae);                        /* left open: the outer ae_end closes it */
    ae_end(ae, inner);
    ok(ae_item(a) == 1 && ae_item(kept) == 2, "an inner scope leaves the outer one's tensors alone, and kept ones");
    a = ae_affine(a, 3, 0);
    ae_end(ae, outer);
    ok(ae_item(kept) == 2 && !*ae_error(ae), "a kept tensor outlives all scopes");
    ok(!ae_data(a) && *ae_error(ae), "others do not");
    ae_clear(ae);
    ok(ae_item(kept) == 2, "a kept tensor outlives ae_clear");
    ae_free(ae);
}

static void check_kept(void)
{
    static const float six[6] = { 1, 2, 3, 4, 5, 6 };
    watch w;
    ae_ctx *ae = watch_new(&w, 1);
    size_t m = ae_begin(ae);
    ae_tensor x = ae_from(ae, six, 2, 3, 0, 0), k = ae_keep(x), sum = ae_keep(ae_scalar(ae, 0));
    int i;
    ae_end(ae, m);
    ok(ae_dims(k) == 2 && ae_size(k, 0) == 2 && ae_size(k, 1) == 3 && !memcmp(ae_data(k), six, sizeof six), "ae_keep keeps shape and values");
    ok(ae_assign(k, values) && !memcmp(ae_data(k), values, sizeof six), "ae_assign writes a kept tensor");
    for (i = 1; i <= 4; i++) {
        m = ae_begin(ae);
        ae_accumulate(sum, ae_scalar(ae, (float)i));
        ae_end(ae, m);
    }
    ok(ae_item(sum) == 10 && !*ae_error(ae), "ae_accumulate adds up over steps");
    ae_free(ae);
    ok(!w.blocks, "all memory is given back");
}

/* ---- a hundred epochs ---- */

static void check_growth(void)
{
    watch w;
    ae_ctx *ae = watch_new(&w, 2);
    ae_net *net = ae_net_new(ae);
    ae_loader *train = ae_loader_new(ae, BATCH, 1), *test = loader(ae, 0);
    ae_tensor x, y, running = ae_keep(ae_scalar(ae, 0));
    ae_opt *o;
    size_t memory = 0;
    long requests = 0;
    int e;
    ae_nn_conv2d(net, 1, 3, 2, 1, 0);
    ae_nn_relu(net);
    ae_nn_conv_transpose2d(net, 3, 1, 2, 1, 0, 0);
    o = ae_adam(net, 1e-3f);
    ae_load_f32(train, values, ROWS, 1, 2, 2);
    ae_load_labels(train, labels, ROWS);
    for (e = 0; e < 100; e++) {
        while (ae_next_batch(train, &x, &y)) {
            ae_tensor noisy = ae_add(x, ae_randn_like(x)), loss = ae_mse_loss(ae_forward(net, noisy), x, AE_MEAN);
            ae_zero_grad(o);
            ae_backward(loss);
            ae_step(o);
            ae_accumulate(running, loss);
            ae_data(ae_param(net, "0.weight"));
        }
        while (ae_next_batch(test, &x, NULL)) ae_data(ae_forward(net, x));
        if (e == 1) memory = ae_memory(ae), requests = w.requests;
    }
    ok(ae_memory(ae) == memory && w.requests == requests, "after two epochs, 98 more take no memory (%ld bytes, %ld requests)", (long)(ae_memory(ae) - memory), w.requests - requests);
    ok(w.bytes == memory, "ae_memory is what was asked for (%lu of %lu)", (unsigned long)memory, (unsigned long)w.bytes);
    ok(ae_item(running) > 0 && !*ae_error(ae), "and no mistake was told (%s)", ae_error(ae));
    ae_free(ae);
    ok(!w.blocks, "all memory is given back");
}

int main(void)
{
    fill_tables();
    check_epochs();
    check_seed();
    check_columns();
    check_nested();
    check_side_by_side();
    check_outside();
    check_scopes();
    check_kept();
    check_growth();
    return tap_end();
}
