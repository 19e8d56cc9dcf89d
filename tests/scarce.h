/* scarce.h: a part of test_corners.c, which includes it.  Memory ends in the middle of a step, at every place where it can.  The step's arena is filled up but for a
   few numbers and no more is given; then a scene runs: layers, losses, a backward pass.  It must end with a text that
   says so, or well with the same bits as ever; and when there is memory again, the same scene gives these bits.  The few
   numbers grow until all goes well, so each request of each op has been the one that was refused. */

enum { MOST = 20000 };
static float seen[MOST];                /* what a scene found: results and gradients, one after the other */
static int n_seen;

static void look(ae_tensor x)
{
    const float *data = ae_data(x);
    int n = data ? ae_size(x, -1) : 0;
    if (n_seen + n > MOST) n = 0, ok(0, "room for what a scene finds");
    if (n) memcpy(seen + n_seen, data, (size_t)n * sizeof(float));
    n_seen += n;
}

/* The loss, and every gradient that it gives. */
static void learn(ae_net *net, ae_tensor loss)
{
    int i;
    look(loss);
    ae_backward(loss);
    for (i = 0; net && i < ae_params(net) && !*ae_error(loss.ctx); i++) look(ae_grad(ae_param_at(net, i, NULL)));
}

/* ---- scenes ---- */

static ae_net *images, *few, *rows, *lstm, *tall, *told;
static ae_opt *all[7];                  /* one for each of them: it clears the gradients */

static void scene_images(ae_ctx *ae)
{
    ae_tensor x = numbers(ae, 3, 2, 8, 8, 0.5f, 0.05f), y;
    ae_requires_grad(x, 1);
    y = ae_forward(images, x);
    ae_requires_grad(y, 1);
    learn(images, ae_bce_loss(y, numbers(ae, 3, 2, 8, 8, 0.5f, 0.05f), AE_MEAN));
    look(y);
    if (!*ae_error(ae)) look(ae_grad(x)), look(ae_grad(y));
}

static void scene_few_channels(ae_ctx *ae)
{
    learn(few, ae_mse_loss(ae_forward(few, numbers(ae, 2, 1, 9, 9, 0.5f, 0.05f)), numbers(ae, 2, 1, 9, 9, 0, 0.05f), AE_SUM));
}

/* An activation whose gradient the caller wants to see is gone through on a copy. */
static void scene_rows(ae_ctx *ae)
{
    static const float classes[4] = { 0, 2, 1, 2 };
    ae_tensor x = numbers(ae, 4, 6, 0, 0, 0.1f, 0.2f), hidden;
    ae_requires_grad(x, 1);
    hidden = ae_forward(ae_child(rows, "body"), x);
    ae_requires_grad(hidden, 1);
    learn(rows, ae_nll_loss(ae_forward(ae_child(rows, "head"), hidden), ae_from(ae, classes, 4, 0, 0, 0), AE_MEAN));
    if (!*ae_error(ae)) look(ae_grad(hidden)), look(ae_grad(x));
}

static void scene_lstm(ae_ctx *ae)
{
    ae_tensor h = numbers(ae, 2, 2, 3, 0, 0.1f, 0.1f), c = numbers(ae, 2, 2, 3, 0, -0.1f, 0.1f), y;
    ae_requires_grad(h, 1);
    y = ae_lstm(ae_child(lstm, "0"), numbers(ae, 2, 3, 2, 0, 0, 0.3f), &h, &c);
    learn(lstm, ae_reduce(ae_add(ae_reduce(ae_square(y), 1, AE_SUM), ae_reduce(ae_mul(h, c), 0, AE_SUM)), -1, AE_MEAN));
}

static void scene_arithmetic(ae_ctx *ae)
{
    ae_tensor a = numbers(ae, 3, 4, 0, 0, 1, 0.1f), b = numbers(ae, 4, 0, 0, 0, 2, 0.1f), c, d, noise;
    ae_requires_grad(a, 1);
    ae_requires_grad(b, 1);
    c = ae_div(ae_add(a, b), ae_sub(ae_exp(ae_affine(a, 0.5f, 0)), ae_log(b)));
    d = ae_matmul(ae_transpose(c), ae_slice(ae_cat(c, a, 0), 0, 1, 4));
    d = ae_add(ae_expand(ae_reduce(d, 1, AE_MEAN), 5, 4, 0, 0), ae_randn(ae, 5, 4, 0, 0));
    noise = ae_randn_like(d);
    d = ae_add(d, ae_mul(noise, ae_detach(ae_view(ae_param(rows, "head.0.bias"), 1, 3, 0, 0).gen ? ae_scalar(ae, 2) : noise)));
    learn(NULL, ae_add(ae_kl_loss(d, ae_affine(d, 0.1f, 0), AE_MEAN), ae_l1_loss(ae_leaky_relu(d, 0.1f), ae_detach(ae_tanh(d)), AE_MEAN)));
    if (!*ae_error(ae)) look(ae_grad(a)), look(ae_grad(b)), look(ae_detach(ae_param(rows, "head.0.weight")));
}

/* Images that are told a number each, in planes; then somebody looks at these. */
static void scene_planes(ae_ctx *ae)
{
    ae_tensor x = ae_cat(numbers(ae, 3, 2, 8, 8, 0.5f, 0.05f), ae_expand(numbers(ae, 3, 3, 1, 1, 0.5f, 0.1f), 3, 3, 8, 8), 1);
    learn(told, ae_reduce(ae_forward(told, x), -1, AE_SUM));
    look(ae_slice(x, 1, 1, 3));
}

/* Products with so many rows that B is copied first. */
static void scene_many_rows(ae_ctx *ae)
{
    static const float zero[200 * 3];
    ae_tensor x = ae_from(ae, zero, 200, 3, 0, 0), b = ae_param(tall, "0.bias");
    learn(tall, ae_mse_loss(ae_forward(tall, ae_add(x, ae_slice(b, 0, 0, 3))), ae_scalar(ae, 1).gen ? ae_expand(ae_scalar(ae, 1), 200, 70, 0, 0) : x, AE_MEAN));
}

static ae_tensor scarce_checked(void *user) { return ae_mse_loss(ae_forward(rows, numbers((ae_ctx *)user, 4, 6, 0, 0, 0.1f, 0.2f)), numbers((ae_ctx *)user, 4, 3, 0, 0, 0, 0.1f), AE_MEAN); }
static void scene_check(ae_ctx *ae)
{
    char text[4000];
    double worst = ae_check_grad(rows, scarce_checked, ae);
    if (!*ae_error(ae) && !(worst < 0.01)) ok(0, "the gradients are right: %g", worst);
    if (!*ae_error(ae)) ae_diagnose(images, numbers(ae, 3, 2, 8, 8, 0.5f, 0.05f), text, sizeof text);
    if (!*ae_error(ae)) ae_diagnose(rows, numbers(ae, 4, 6, 0, 0, 0.1f, 0.2f), text, sizeof text);
}

static void scene_predict(ae_ctx *ae)
{
    static const float in[5 * 2 * 8 * 8];
    float out[5 * 2 * 8 * 8];
    if (ae_predict(images, in, 5 * 128, out, 5 * 128) == 5) look(ae_from(ae, out, 5, 128, 0, 0));
    else if (!*ae_error(ae)) ok(0, "ae_predict says why it does not");
}

static void scene_files(ae_ctx *ae)
{
    if (ae_save(images, path) && ae_load(images, path) && ae_save_all(ae, path) && ae_load_all(ae, path)) return;
    if (!*ae_error(ae)) ok(0, "files: a text says why not");
}

static ae_net *bulky, *norm, *rescale, *wide, *drop, *up, *packed;

/* What takes more than all that came before it in the step: else that would be refused instead. */
static void scene_retained(ae_ctx *ae)
{
    ae_tensor y = ae_forward(wide, numbers(ae, 4, 2, 0, 0, 0.1f, 0.2f));
    ae_requires_grad(y, 1);
    ae_backward(ae_reduce(y, -1, AE_SUM));
    if (!*ae_error(ae)) look(ae_grad(y)), look(ae_grad(y)), look(ae_grad(y)), look(ae_grad(ae_param(wide, "0.weight"))), look(ae_detach(ae_param(wide, "0.weight")));
}
static void scene_norm(ae_ctx *ae)
{
    (void)ae;
    ae_backward(ae_reduce(ae_forward(norm, ae_affine(ae_param(rescale, "x"), 2, 0)), -1, AE_SUM));
}
static void scene_division(ae_ctx *ae)
{
    ae_tensor a = numbers(ae, 20, 20, 0, 0, 1, 0.1f), b = numbers(ae, 20, 20, 0, 0, 2, 0.1f);
    ae_requires_grad(b, 1);
    ae_backward(ae_reduce(ae_div(a, b), -1, AE_SUM));
    if (!*ae_error(ae)) look(ae_grad(b));
}
static void scene_dropout(ae_ctx *ae) { look(ae_forward(drop, numbers(ae, 20, 20, 0, 0, 1, 0.1f))); }
static ae_loader *pairs;
static void scene_loader(ae_ctx *ae)
{
    ae_tensor x, y;
    pairs->at = pairs->marked = 0;      /* the same batch again, from here */
    if (!ae_next_batch(pairs, &x, &y)) { if (!*ae_error(ae)) ok(0, "a loader says why not"); return; }
    look(x), look(y);
}
static ae_tensor bulky_loss(void *user) { return ae_reduce(ae_square(ae_forward(bulky, numbers((ae_ctx *)user, 1, 40, 0, 0, 0.1f, 0.1f))), -1, AE_SUM); }
static void scene_bulky(ae_ctx *ae)
{
    double worst = ae_check_grad(bulky, bulky_loss, ae);
    if (!*ae_error(ae) && !(worst < 0.01)) ok(0, "the gradients are right: %g", worst);
}
static void scene_save_norm(ae_ctx *ae) { if (!ae_save(norm, path) && !*ae_error(ae)) ok(0, "ae_save says why not"); }
static void scene_save(ae_ctx *ae)
{
    if (!ae_save(images, path) && !*ae_error(ae)) ok(0, "ae_save says why not");
}
static void scene_load(ae_ctx *ae) { if (!ae_load(images, path) && !*ae_error(ae)) ok(0, "ae_load says why not"); }
/* A weight as an image goes through two layouts, and each may be refused. */
static void scene_weight(ae_ctx *ae) { look(ae_forward(up, ae_view(ae_param(up, "0.weight"), 1, 16, 3, 3))), look(ae_forward(drop, ae_param(images, "0.weight"))); (void)ae; }
static void scene_packed(ae_ctx *ae) { look(ae_forward(packed, ae_param(images, "4.weight"))); (void)ae; }
static void scene_open(ae_ctx *ae) { if (!ae_open(ae, path) && !*ae_error(ae)) ok(0, "ae_open says why not"); }

/* All that lasts as long as the context.  What was made before memory ended stays, so this comes last. */
static const char *row_shape(ae_call *c) { c->out.ndim = c->in[0].ndim; memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim); return NULL; }
static void row_forward(ae_call *c) { memcpy(c->out.data, c->in[0].data, 12 * sizeof(float)); }
static const ae_op row = { "row", 1, row_shape, row_forward, NULL, 0 };
static void fill_scarce(void *user, const int *index, int n, float *out) { int i; (void)user; for (i = 0; i < 3 * n; i++) out[i] = (float)index[i / 3]; }

static void scene_making(ae_ctx *ae)
{
    static const uint8_t labels[4] = { 0, 1, 2, 3 };
    ae_net *net = ae_net_new(ae);
    ae_loader *loader = ae_loader_new(ae, 4, 0);
    ae_tensor kept, x, y;
    ae_opt *adam;
    ae_nn_parameter(net, "own", 1, 3, 0, 0, 0);
    net = ae_sequential(net, "layers");
    ae_nn_op(net, &row, NULL, 0);
    ae_name(ae_nn_linear(net, 3, 4), "middle");
    ae_nn_log_softmax(net);
    adam = ae_adam(net, 0.1f);
    ae_load_fn(loader, 4, 3, 0, 0, fill_scarce, NULL);
    ae_load_labels(loader, labels, 4);
    kept = ae_keep(ae_scalar(ae, 2));
    ae_requires_grad(kept, 1);
    if (!ae_next_batch(loader, &x, &y)) { if (!*ae_error(ae)) ok(0, "a loader says why not"); return; }
    ae_backward(ae_mul(kept, ae_nll_loss(ae_forward(net, x), y, AE_MEAN)));
    ae_step(adam);
    if (!*ae_error(ae)) look(x), look(y);
    while (!*ae_error(ae) && ae_next_batch(loader, &x, NULL)) ;
    net = ae_net_new(ae);
    ae_nn_linear(net, 3, 3);
    ae_forward(net, numbers(ae, 2, 3, 0, 0, 0, 0.1f));
    net = ae_nn_lstm(ae_net_new(ae), 3, 2, 1);
    if (net) ae_lstm(net, numbers(ae, 2, 2, 3, 0, 0, 0.1f), NULL, NULL);
    if (!*ae_error(ae)) ae_data(ae_param(net, "weight_ih_l0"));
}

/* ---- the sweep ---- */

static void begin(ae_ctx *ae)
{
    int i;
    w.most = 0;
    w.refuse = 0;
    ae_clear(ae);
    for (i = 0; i < 7; i++) ae_zero_grad(all[i]);
    ae->random_op = 0;
    n_seen = 0;
}

/* The smallest request takes 48 numbers: with a stride of 48 none is missed.  Stride 0 leaves the arena as it is, and refuses the
   k-th request to the system and all later ones. */
static void sweep(ae_ctx *ae, void (*scene)(ae_ctx *), int stride, const char *name)
{
    static float want[MOST];
    const ae_block *last;
    long before;
    int n, k, bad = 0, refused = 0, well = 0;
    begin(ae);
    scene(ae);
    begin(ae);
    scene(ae);                          /* a second time: what is made once is there, and no list will grow */
    memcpy(want, seen, sizeof want);
    n = n_seen;
    for (last = ae->step_blocks; last->next; last = last->next) ;
    ok(!*ae_error(ae), "%s: with memory all is well (%s)", name, ae_error(ae));
    for (k = 0; !well && k < 2000; k++) {
        begin(ae);
        if (stride) ae->step_top = last->base + last->size - (size_t)k * (size_t)stride, w.most = 200000;      /* a file, but no block of the arena */
        else w.refuse = w.requests + 1 + k;
        before = w.refused;
        scene(ae);
        well = !*ae_error(ae);
        if (well && w.refused > before) bad++, printf("# a request was refused, and nobody was told\n");
        if (well && (n_seen != n || memcmp(seen, want, (size_t)n * sizeof(float)))) bad++;
        if (!well && !strstr(ae_error(ae), "memory")) bad++, printf("# %s\n", ae_error(ae));
        refused += !well;
        begin(ae);
        scene(ae);
        if (*ae_error(ae) || n_seen != n || memcmp(seen, want, (size_t)n * sizeof(float))) bad++;
    }
    ok(well && refused > 1 && !bad, "%s: refused at %d places, each time with a text, and then the same bits (%d bad)", name, refused, bad);
}

static void make_networks(ae_ctx *ae)
{
    ae_net *part;
    images = ae_net_new(ae);
    ae_nn_conv2d(images, 2, 6, 3, 1, 1);  ae_nn_batch_norm2d(images, 6);  ae_nn_relu(images);  ae_nn_max_pool2d(images, 2, 2, 0);
    ae_nn_conv2d(images, 6, 7, 3, 2, 1);  ae_nn_tanh(images);  ae_nn_dropout(images, 0.2f);  ae_nn_upsample(images, 2, 1);
    ae_nn_conv2d(images, 7, 5, 4, 1, 0);  ae_nn_leaky_relu(images, 0.1f);  ae_nn_conv_transpose2d(images, 5, 8, 4, 1, 0, 0);
    ae_nn_conv_transpose2d(images, 8, 6, 4, 2, 1, 0);  ae_nn_relu(images);  ae_nn_conv2d(images, 6, 2, 3, 1, 1);  ae_nn_sigmoid(images);
    few = ae_net_new(ae);
    ae_nn_conv2d(few, 1, 16, 3, 2, 0);  ae_nn_tanh(few);  ae_nn_conv_transpose2d(few, 16, 1, 3, 2, 0, 0);
    wide = ae_net_new(ae);
    ae_nn_linear(wide, 2, 200);  ae_nn_tanh(wide);
    norm = ae_net_new(ae);
    ae_nn_batch_norm1d(norm, 60);
    rescale = ae_net_new(ae);
    ae_nn_parameter(rescale, "x", 1, 8, 60, 0, 0);
    drop = ae_net_new(ae);
    ae_nn_dropout(drop, 0.5f);
    up = ae_net_new(ae);
    ae_nn_conv_transpose2d(up, 16, 1, 3, 2, 0, 0);
    packed = ae_net_new(ae);
    ae_nn_max_pool2d(packed, 3, 3, 0);
    bulky = ae_net_new(ae);
    ae_nn_linear(bulky, 40, 40);
    all[5] = ae_sgd(wide, 0.1f);
    rows = ae_net_new(ae);
    part = ae_sequential(rows, "body");
    ae_nn_linear(part, 6, 5);  ae_nn_batch_norm1d(part, 5);  ae_nn_linear(part, 5, 5);  ae_nn_tanh(part);
    part = ae_sequential(rows, "head");
    ae_nn_linear(part, 5, 3);  ae_nn_log_softmax(part);
    lstm = ae_net_new(ae);
    ae_nn_lstm(lstm, 2, 3, 2);
    tall = ae_net_new(ae);
    ae_nn_linear(tall, 3, 70);  ae_nn_sigmoid(tall);
    all[0] = ae_sgd(images, 0.1f);  all[1] = ae_sgd(few, 0.1f);  all[2] = ae_sgd(rows, 0.1f);  all[3] = ae_sgd(lstm, 0.1f);
    all[4] = ae_sgd(tall, 0.1f);
    told = ae_net_new(ae);
    ae_nn_conv2d(told, 5, 6, 3, 1, 0), ae_nn_relu(told);
    all[6] = ae_sgd(told, 0.1f);
}

static void check_scarce(void)
{
    static float pixels[400];
    ae_ctx *ae = watch_new(&w, 2);
    make_networks(ae);
    pairs = ae_loader_new(ae, 4, 0);
    ae_load_f32(pairs, pixels, 4, 100, 0, 0), ae_load_f32(pairs, pixels, 4, 100, 0, 0);
    sweep(ae, scene_images, 48, "images");
    sweep(ae, scene_few_channels, 48, "images of one channel");
    sweep(ae, scene_rows, 48, "rows and classes");
    sweep(ae, scene_lstm, 48, "an LSTM");
    sweep(ae, scene_arithmetic, 48, "arithmetic");
    sweep(ae, scene_many_rows, 320, "many rows");
    sweep(ae, scene_planes, 48, "images told a number");
    sweep(ae, scene_check, 48, "the check of gradients and the diagnosis");
    sweep(ae, scene_predict, 320, "ae_predict");
    sweep(ae, scene_retained, 48, "gradients that are looked at");
    sweep(ae, scene_norm, 48, "a batch norm");
    sweep(ae, scene_division, 48, "a division");
    sweep(ae, scene_dropout, 48, "dropout");
    sweep(ae, scene_loader, 48, "a loader");
    sweep(ae, scene_bulky, 48, "the check of a large matrix");
    sweep(ae, scene_save, 48, "ae_save");
    sweep(ae, scene_save_norm, 48, "ae_save of a batch norm");
    sweep(ae, scene_files, 0, "files");
    sweep(ae, scene_files, 320, "files, in the step's memory");
    ae_clear(ae);
    ok(ae_save(images, path), "a file to open");
    sweep(ae, scene_load, 48, "ae_load");
    sweep(ae, scene_weight, 48, "a transposed convolution to one channel");
    sweep(ae, scene_packed, 48, "a weight as an image");
    sweep(ae, scene_open, 0, "ae_open");
    sweep(ae, scene_making, 0, "what lasts");
    remove(path);
    ae_free(ae);
    ok(!w.blocks, "all memory came back");
}
