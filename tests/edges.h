/* edges.h: a part of test_corners.c, which includes it.  The side of a condition that no other test takes, found by coverage.pl:
   arguments and headers that are wrong in one respect only, scopes closed out of order, gradients that are added where
   others are written, other processors, and a device whose every call is refused in turn. */

/* ---- a device that computes nothing; its calls are refused in turn ---- */

static ae_device device;
static int linked, calls, refuse, once, mute;    /* refuse: this call and all later ones, or this one only; mute: no reason is given */
static char opened;

static const ae_device *test_device(void) { return linked ? &device : NULL; }
static int may(void) { return !refuse || ++calls < refuse || (once && calls > refuse); }
static void *device_open(const char *name, char *text, size_t size) { int well = may(); snprintf(text, size, well ? "a card for %s" : "no card for %s", name); return well ? &opened : NULL; }
static void *pieces[1000];
static int n_pieces;
static void device_close(void *d) { (void)d; while (n_pieces) free(pieces[--n_pieces]); }
static void *device_alloc(void *d, size_t bytes) { (void)d; return may() && n_pieces < 1000 ? pieces[n_pieces++] = calloc(bytes, 1) : NULL; }
static int device_put(void *d, void *there, const void *here, size_t bytes) { (void)d; if (!may()) return 0; memcpy(there, here, bytes); return 1; }
static int device_get(void *d, void *here, const void *there, size_t bytes) { (void)d; if (!may()) return 0; memcpy(here, there, bytes); return 1; }
static int device_code(void *d, const char *op) { (void)d; return strcmp(op, "linear") && strcmp(op, "mse_loss") && strcmp(op, "square") ? -1 : 1; }
static int device_run(void *d, int code, int backward, const ae_call *c) { (void)d; (void)code; (void)backward; (void)c; return may(); }
static int device_flush(void *d) { (void)d; return may(); }
static const char *device_problem(void *d) { (void)d; return mute ? NULL : "the card is on fire"; }

static ae_ctx *device_context(const char *name)
{
    device.version = AE_DEVICE_VERSION, device.name = "card", device.open = device_open, device.close = device_close, device.alloc = device_alloc;
    device.put = device_put, device.get = device_get, device.code = device_code, device.run = device_run, device.flush = device_flush, device.problem = device_problem;
    return watch_on(&w, 1, name);
}

static void device_says(const char *name, const char *error, const char *machine, const char *what)
{
    ae_ctx *ae = device_context(name);
    ok(strstr(ae_error(ae), error) && (*error || !*ae_error(ae)) && strstr(ae_machine(ae), machine), "%s (%s; %s)", what, ae_error(ae), ae_machine(ae));
    ae_free(ae);
}

static const char *like_shape(ae_call *c) { memcpy(c->out.dim, c->in[0].dim, sizeof c->out.dim); c->out.ndim = c->in[0].ndim; return NULL; }
static void like_forward(ae_call *c) { memcpy(c->out.data, c->in[0].data, (size_t)ae__numel(c->out.dim) * sizeof(float)); }
static const ae_op own = { "own", 1, like_shape, like_forward, NULL, 0 };
static void fill(void *user, const int *index, int n, float *out) { int i; (void)user; for (i = 0; i < 4 * n; i++) out[i] = (float)index[i / 4]; }

/* A training that comes to all that a device is asked for; 0: it did not come to its end. */
static int device_life(ae_ctx *ae)
{
    static const float rows[24];
    static const uint8_t labels[6] = { 0, 1, 2, 0, 1, 2 };
    ae_net *whole = ae_net_new(ae), *net = ae_sequential(whole, "layers");
    ae_loader *data = ae_loader_new(ae, 3, 1), *made = ae_loader_new(ae, 3, 0);
    ae_tensor x, y, kept;
    ae_opt *adam, *sgd;
    float out[12];
    int epoch;
    ae_nn_linear(net, 4, 3), ae_nn_tanh(net), ae_nn_linear(net, 3, 4), ae_nn_linear(net, 4, 4);
    ae_nn_parameter(whole, "unused", 1, 3, 0, 0, 0);
    adam = ae_adam(whole, 0.1f), sgd = ae_sgd(whole, 0.1f);
    ae_freeze(ae_child(net, "2"), 1);
    ae_load_f32(data, rows, 6, 4, 0, 0), ae_load_labels(data, labels, 6);
    ae_load_fn(made, 6, 4, 0, 0, fill, NULL);
    kept = ae_keep(ae_scalar(ae, 0));
    x = numbers(ae, 3, 0, 0, 0, 1, 0), y = ae_from(ae, NULL, 400000, 0, 0, 0), ae_square(x), ae_apply(&own, &x, NULL, 0);      /* two blocks of the arena */
    for (epoch = 0; epoch < 2 && !*ae_error(ae); epoch++) {
        while (!*ae_error(ae) && ae_next_batch(data, &x, &y)) {
            ae_tensor hidden = ae_forward(ae_child(net, "0"), x), loss;
            loss = ae_mse_loss(ae_forward(net, ae_add(x, ae_randn_like(x))), x, AE_MEAN);
            ae_requires_grad(hidden, 1);
            loss = ae_add(loss, ae_add(ae_reduce(ae_square(hidden), -1, AE_SUM), ae_reduce(ae_exp(ae_reduce(y, -1, AE_SUM)), -1, AE_MEAN)));
            ae_zero_grad(adam);
            ae_backward(loss);
            ae_freeze(ae_child(net, "3"), epoch);              /* its gradient has arrived, and is not wanted any more */
            ae_step(epoch ? sgd : adam);
            ae_accumulate(kept, loss);
        }
        while (!*ae_error(ae) && ae_next_batch(made, &x, NULL)) ae_item(ae_reduce(ae_square(x), -1, AE_SUM));
    }
    ae_item(kept);
    if (!*ae_error(ae)) ae_predict(net, rows, 12, out, 12);
    return !*ae_error(ae);
}

static void edge_device(void)
{
    int k, bad = 0, well = 0, told = 0;
    linked = 0;
    device_says("auto", "", "1 thread", "no device, and \"auto\"");
    linked = 1;
    device_says("auto", "", "a card for auto; ", "\"auto\" takes a device that is there");
    device_says("card-tf32", "", "a card for card-tf32; ", "and so does its name");
    device_says("cuda", "no device \"cuda\": this program was built for the CPU only", "1 thread", "another device is not there");
    refuse = 1, calls = 0;
    device_says("auto", "", "no card for auto, using the CPU", "\"auto\" says why it uses the CPU");
    calls = 0;
    device_says("card", "no card for card", "1 thread", "a device that cannot be opened");
    refuse = 0;
    for (once = 0; once < 2; once++) for (k = 2, well = 0; !well && k < 600; k++) {
        ae_ctx *ae;
        refuse = 0;
        ae = device_context("card");
        refuse = k, calls = 1, mute = k % 2;
        well = device_life(ae) && calls < refuse;
        if (!well && !strstr(ae_error(ae), mute ? "the device refused" : "on fire") && !strstr(ae_error(ae), "the device has no memory left")) bad++, printf("# call %d: %s\n", k, ae_error(ae));
        told += !well;
        refuse = 0;
        ae_free(ae);
        bad += w.blocks != 0;
    }
    once = 0;
    ok(well && told > 100 && !bad, "a device that refuses one call, or that and all later ones: told each of %d times (%d not)", told, bad);
}

/* A device that refuses by its own version, or when the list of what lies on it cannot grow. */
static void edge_device_lists(void)
{
    ae_ctx *ae;
    static const float row[4];
    int i;
    ae = device_context("card");
    device.version = 99;
    ae_free(ae);
    linked = 1;
    {
        ae_config config;
        memset(&config, 0, sizeof config);
        config.threads = 1, config.device = "auto";
        ae = ae_new(&config);
        ok(strstr(ae_machine(ae), "its drop-in is of version 99, autoenc.h of 1, using the CPU") != NULL, "a drop-in of another version is not used: %s", ae_machine(ae));
        ae_free(ae);
    }
    ae = device_context("card");
    for (i = 0; i < 200 && !*ae_error(ae); i++) {
        ae_loader *l;
        if (i == 40) w.most = 1500;              /* the list's second piece is larger, a loader is not */
        l = ae_loader_new(ae, 1, 0);
        ae_load_f32(l, row, 1, 4, 0, 0);
    }
    ok(i > 60 && i < 200 && strstr(ae_error(ae), "the device has no memory left"), "the list of what lies on the device cannot grow: %d, %s", i, ae_error(ae));
    ae_free(ae);
    ae = device_context("card");
    {
        ae_tensor x = ae_from(ae, row, 4, 0, 0, 0);
        ae_add(x, x), ae_sub(x, x), ae_mul(x, x), ae_exp(x), ae_affine(x, 1, 2), ae_relu(x), ae_tanh(x), ae_sigmoid(x), ae_log(x), ae_add(x, x);
        ok(strstr(ae_machine(ae), "; here: add, sub, mul, exp, affine, relu, tanh, sigmoid") && !strstr(ae_machine(ae), "log"), "the machine names the first eight ops that ran here: %s", ae_machine(ae));
    }
    ae_free(ae);
    linked = 0;
}

/* ---- processors ---- */

static void edge_processors(void)
{
    ae_config config;
    ae_ctx *ae;
    memset(&config, 0, sizeof config);
#ifndef __MINGW32__
    processors = -1;
    ae = ae_new(&config);
    ok(ae_threads(ae) == 1, "a system that does not know its processors has one");
    ae_free(ae);
    processors = 1000;
    ae = ae_new(&config);
    ok(ae_threads(ae) <= AE_MAX_THREADS, "one with a thousand has %d threads", ae_threads(ae));
    ae_free(ae);
    processors = -2;
#endif
#if defined(__x86_64__) || defined(__i386__)
    {
        static const struct { const char *kinds, *name; } cases[] = {
            { "<avx2><fma><avx512f><avx512dq><avx512vl>", "avx512" }, { "<avx2><fma><avx512f><avx512dq>", "avx2" }, { "<avx2><fma><avx512f><avx512vl>", "avx2" },
            { "<avx2><fma>", "avx2" }, { "<avx2>", "baseline" }, { "<fma>", "baseline" }, { "", "baseline" } };
        size_t i;
        config.threads = 1;
        for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            all_kinds = 0, kinds = cases[i].kinds;
            ae = ae_new(&config);
            ok(strstr(ae_machine(ae), cases[i].name) != NULL, "a processor with %s: %s", kinds, ae_machine(ae));
            ae_free(ae);
        }
        all_kinds = 1;
    }
#else
    (void)kinds;
#endif
}

/* ---- scopes ---- */

/* A loader's next batch drops what was made since the last one; a scope that was opened there is closed by that. */
static void edge_scopes(ae_ctx *ae)
{
    static const float rows[6] = { 1, 2, 3, 4, 5, 6 };
    ae_loader *l = ae_loader_new(ae, 1, 0);
    ae_tensor x, a, b, c;
    size_t inner;
    float fives[500];
    int i;
    for (i = 0; i < 500; i++) fives[i] = 5;
    ae_load_f32(l, rows, 6, 0, 0, 0);
    ae_next_batch(l, &x, NULL);
    a = ae_from(ae, NULL, 100, 0, 0, 0), a = ae_square(ae_square(a));
    inner = ae_begin(ae);
    ae_next_batch(l, &x, NULL);
    ae_end(ae, inner);
    ok(ae_item(x) == 2 && !*ae_error(ae), "an inner scope that the loader has closed drops nothing");
    a = ae_from(ae, NULL, 100, 0, 0, 0), a = ae_square(a);
    inner = ae_begin(ae);
    ae_next_batch(l, &x, NULL);
    a = ae_scalar(ae, 7), b = ae_scalar(ae, 8), c = ae_scalar(ae, 9), b = ae_add(b, c), b = ae_add(b, c);
    ae_end(ae, inner);
    ok(ae_item(a) == 7 && ae_item(b) == 26 && ae_item(x) == 3, "nor does it drop more tensors, smaller ones");
    for (i = 0; i < 9; i++) b = ae_detach(x);
    inner = ae_begin(ae);
    ae_next_batch(l, &x, NULL);
    a = ae_from(ae, NULL, 500, 0, 0, 0);
    ae_end(ae, inner);
    b = ae_from(ae, fives, 500, 0, 0, 0);
    ok(ae_data(a)[7] == 0 && ae_data(a)[499] == 0 && ae_data(b)[499] == 5 && ae_item(x) == 4, "nor fewer tensors, which need more room");
    a = ae_square(ae_square(x));
    inner = ae_begin(ae);
    ae_next_batch(l, &x, NULL);
    for (i = 0; i < 20; i++) { c = ae_from(ae, NULL, 500, 0, 0, 0); if (i == 0) a = c; }
    ae_end(ae, inner);
    ok(ae_size(c, 0) == 500 && ae_size(a, 0) == 500 && ae_item(ae_square(x)) == 25, "nor larger ones that no op has made");
}

static void edge_texts(ae_ctx *ae)
{
    static const char name[] = "an_operation_with_quite_a_long_name_as_names_go_so_that_two_of_them_already_fill_the_line_that_a_message_has_for_the_last_ones";
    static const ae_op named = { name, 1, like_shape, like_forward, NULL, 0 };
    ae_tensor x = ae_scalar(ae, 1), none, odd;
    int i;
    for (i = 0; i < 4; i++) x = ae_apply(&named, &x, NULL, 0);
    ae_item(ae_from(ae, NULL, 2, 0, 0, 0));
    ok(strstr(ae_error(ae), "last ops: an_operation_with") && strlen(ae_error(ae)) < 600, "names of ops that are too long for a message are cut");
    ae_clear(ae);
    memset(&none, 0, sizeof none);
    odd = none, odd.gen = 5;
    ae_add(ae_scalar(ae, 1), odd);
    refused(ae, "never made", "a handle without a context, beside a good one");
    ae_add(none, ae_scalar(ae, 1));
    refused(ae, "never made", "a handle of zeros, before a good one");
}

/* ---- what an op and a row of numbers may be ---- */

static void edge_apply(ae_ctx *ae)
{
    static const float arg[20];
    static const ae_op good = { "good", 1, like_shape, like_forward, NULL, 0 }, many = { "many", 7, like_shape, like_forward, NULL, 0 }, shapeless = { "shapeless", 1, NULL, like_forward, NULL, 0 },
        idle = { "idle", 1, like_shape, NULL, NULL, 0 }, two = { "two", 2, like_shape, like_forward, NULL, 0 };
    ae_tensor x[7];
    ae_net *net = ae_net_new(ae);
    int i;
    for (i = 0; i < 7; i++) x[i] = ae_scalar(ae, 1);
    ae_apply(&many, x, NULL, 0);
    refused(ae, "an op has 1..6 inputs", "an op of seven inputs");
    for (i = 0; i < 7; i++) x[i] = ae_scalar(ae, 1);
    ae_apply(&good, x, arg, 13);
    refused(ae, "at most 12 numbers", "thirteen numbers for an op");
    x[0] = ae_scalar(ae, 1), ae_apply(&shapeless, x, NULL, 0);
    refused(ae, "a shape rule", "an op without a shape rule");
    x[0] = ae_scalar(ae, 1), ae_apply(&idle, x, NULL, 0);
    refused(ae, "a forward function", "an op without a forward function");
    ae_nn_op(net, &two, NULL, 0);
    refused(ae, "must have one input", "an op of two inputs as a layer");
    ae_nn_op(net, &good, arg, 13);
    refused(ae, "at most 12 numbers", "thirteen numbers for a layer");
    ae_name(net, "root");
    ok(!*ae_error(ae), "the root has nobody beside it, and may have any name");
}

static void edge_shapes(ae_ctx *ae)
{
    ae_net *up = ae_net_new(ae), *thin = ae_net_new(ae), *pool = ae_net_new(ae), *large = ae_net_new(ae), *norm = ae_net_new(ae);
    ae_tensor image = numbers(ae, 1, 1, 1, 1, 1, 0);
    ae_view(numbers(ae, 3, 0, 0, 0, 1, 0), -1, 5, 0, 0);
    refused(ae, "cannot be seen as", "a view of more than there is");
    ae_slice(numbers(ae, 2, 3, 0, 0, 1, 0), 2, 0, 1);
    refused(ae, "is not inside", "a slice of an axis that is not there");
    ae_matmul(numbers(ae, 2, 3, 0, 0, 1, 0), numbers(ae, 3, 0, 0, 0, 1, 0));
    refused(ae, "cannot be multiplied", "a matrix times a vector");
    ae_nn_conv2d(thin, 1, 1, 3, 1, 0);
    ae_forward(thin, numbers(ae, 1, 1, 5, 1, 1, 0));
    refused(ae, "does not fit", "an image that is too narrow");
    ae_nn_conv_transpose2d(up, 1, 1, 1, 1, 1, 0);
    ae_forward(up, numbers(ae, 2, 3, 0, 0, 1, 0));
    refused(ae, "wants [B, 1, H, W]", "rows for a transposed convolution");
    ae_forward(up, numbers(ae, 1, 1, 1, 3, 1, 0));
    refused(ae, "gives an image of -1x1", "a transposed convolution that leaves no height");
    ae_forward(up, numbers(ae, 1, 1, 3, 1, 1, 0));
    refused(ae, "gives an image of 1x-1", "and one that leaves no width");
    ae_mse_loss(ae_forward(up, numbers(ae, 1, 1, 5, 5, 1, 0)), numbers(ae, 9, 1, 0, 0, 1, 0), AE_MEAN);
    refused(ae, "differ; ae_view", "an image against rows: no hint about its padding");
    ae_mse_loss(ae_view(ae_forward(up, numbers(ae, 1, 1, 5, 5, 1, 0)), 9, 1, 0, 0), numbers(ae, 3, 3, 0, 0, 1, 0), AE_MEAN);
    refused(ae, "differ; ae_view", "nor for rows that were an image");
    ae_nn_max_pool2d(pool, 2, 2, 0);
    ae_forward(pool, numbers(ae, 2, 3, 0, 0, 1, 0));
    refused(ae, "does not fit", "a window on rows");
    ae_forward(pool, ae_from(ae, NULL, 1, 1, 4097, 4096));
    refused(ae, "more than 2^24 numbers", "a window on an image that is too large");
    ae_nn_upsample(large, 1000000, 0);
    ae_forward(large, numbers(ae, 1, 1, 1, 20, 1, 0));
    refused(ae, "wants images", "an image that would be too wide");
    ae_nn_batch_norm1d(norm, 4);
    ae_forward(norm, numbers(ae, 4, 0, 0, 0, 1, 0));
    refused(ae, "wants 4 channels", "a vector for a batch norm");
    (void)image;
}

static void edge_losses(ae_ctx *ae)
{
    ae_tensor leaf, unwanted, kept = ae_keep(numbers(ae, 3, 0, 0, 0, 1, 0)), sum = ae_keep(ae_scalar(ae, 0)), stale;
    size_t mark = ae_begin(ae);
    ae_nll_loss(numbers(ae, 3, 2, 2, 0, -1, 0), numbers(ae, 3, 0, 0, 0, 1, 0), AE_MEAN);
    refused(ae, "wants [N,C] and labels [N]", "scores with three axes");
    ae_nll_loss(numbers(ae, 3, 2, 0, 0, -1, 0), numbers(ae, 3, 1, 0, 0, 1, 0), AE_MEAN);
    refused(ae, "wants [N,C] and labels [N]", "labels with two axes");
    ae_nll_loss(numbers(ae, 3, 2, 0, 0, -1, 0), numbers(ae, 2, 0, 0, 0, 1, 0), AE_MEAN);
    refused(ae, "wants [N,C] and labels [N]", "fewer labels than rows");
    ae_requires_grad(sum, 1), ae_requires_grad(sum, 1);
    ae_backward(sum);
    refused(ae, "nothing in this loss", "a loss that nothing has made");
    ae_detect_anomaly(ae, 1);
    ae_bce_loss(numbers(ae, 3, 0, 0, 0, 5, 0), numbers(ae, 3, 0, 0, 0, 0.5f, 0), AE_MEAN);
    refused(ae, "not between 0 and 1", "the anomaly's finder keeps silent where another mistake was told");
    leaf = numbers(ae, 3, 0, 0, 0, 1, 0.5f), unwanted = numbers(ae, 3, 0, 0, 0, 2, 0.5f);
    ae_requires_grad(leaf, 1);
    ae_backward(ae_reduce(ae_mul(leaf, unwanted), -1, AE_SUM));
    ok(same(ae_grad(leaf), unwanted) && !*ae_error(ae), "it looks only at gradients that are there");
    ae_detect_anomaly(ae, 0);
    ae_accumulate(kept, ae_scalar(ae, 1));
    refused(ae, "both are scalars", "adding up in what is no scalar");
    ae_accumulate(sum, numbers(ae, 3, 0, 0, 0, 1, 0));
    refused(ae, "both are scalars", "adding up what is none");
    mark = ae_begin(ae), stale = ae_scalar(ae, 1), ae_end(ae, mark);
    ae_accumulate(sum, stale);
    refused(ae, "stale", "adding up what is over");
    mark = ae_begin(ae), stale = ae_scalar(ae, 1), ae_end(ae, mark);
    ok(!ae_assign(stale, NULL), "what is over cannot be assigned to");
    refused(ae, "stale", "and that is told");
}

static void edge_sizes(ae_ctx *ae)
{
    static const int bad[][4] = { { 0, 3, 0, 0 }, { 0, 0, 3, 0 }, { 0, 0, 0, 3 }, { 2, 0, 3, 0 }, { 2, 0, 0, 3 }, { 2, 3, 0, 4 } };
    static const float rows[24];
    ae_net *net;
    ae_opt *sgd;
    size_t i;
    for (i = 0; i < 6; i++) {
        char name[80];
        snprintf(name, sizeof name, "a tensor of %d, %d, %d, %d", bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        ae_from(ae, NULL, bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        refused(ae, "sizes must be positive", name);
        ae_load_f32(ae_loader_new(ae, 1, 0), rows, bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        refused(ae, "positive sizes", "a loader of that");
    }
    net = ae_net_new(ae);
    ae_nn_dropout(net, -0.5f), refused(ae, "a probability of -0.5", "a dropout below 0");
    ae_nn_dropout(net, 1.5f), refused(ae, "a probability of 1.5", "a dropout above 1");
    ae_nn_dropout(net, NAN), refused(ae, "Dropout cannot be added", "a dropout of NaN");
    ae_nn_parameter(net, "s", 1, 0, 0, 0, 0);
    ok(ae_dims(ae_param(net, "s")) == 0 && ae_size(ae_param(net, "s"), -1) == 1, "a parameter without axes is a scalar");
    net = ae_net_new(ae), ae_nn_parameter(net, "s", 1, 2, 3, 4, 0), net = ae_net_new(ae), ae_nn_parameter(net, "s", 1, 0, 0, 0, 0);
    ok(ae_size(ae_param(ae_child(net, "s"), ""), -1) == 1, "seen from itself it has no name");
    sgd = ae_sgd(net, 1);
    ae_set(sgd, (ae_knob)0, 1), refused(ae, "ae_set: knob 0", "a knob before the first");
    ae_set(sgd, (ae_knob)(AE_CLIP_NORM + 1), 1), refused(ae, "a known knob", "and one behind the last");
}

/* ---- values and gradients ---- */

static ae_tensor checked(void *user) { ae_net *net = (ae_net *)user; return ae_reduce(ae_square(ae_forward(net, numbers(net->ctx, 2, 3, 0, 0, 0.3f, 0.1f))), -1, AE_SUM); }

static void edge_layers(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *leaky = ae_net_new(ae), *alone;
    ae_tensor x = numbers(ae, 2, 3, 0, 0, -0.3f, 0.1f), y, pooled, window;
    static const float nan_first[4] = { NAN, NAN, 9, 1 };
    ae_nn_linear(net, 3, 3), ae_nn_linear(net, 3, 2);
    alone = ae_child(net, "0");
    ok(ae_size(ae_param(alone, "weight"), -1) == 9, "a layer's own parameters, from itself");
    ae_freeze(alone, 1);
    ok(ae_check_grad(net, checked, net) < 0.01, "frozen parameters are not checked");
    ae_nn_linear(leaky, 3, 3), ae_nn_leaky_relu(leaky, -0.5f), ae_nn_linear(leaky, 3, 3), ae_nn_leaky_relu(leaky, 0);
    y = ae_forward(leaky, x);
    ok(same(y, ae_leaky_relu(ae_forward(ae_child(leaky, "2"), ae_leaky_relu(ae_forward(ae_child(leaky, "0"), x), -0.5f)), 0)), "a leaky ReLU that is not leaky, or turns around, is a pass of its own");
    window = ae_from(ae, nan_first, 1, 1, 2, 2);
    ae_requires_grad(window, 1);
    net = ae_net_new(ae), ae_nn_max_pool2d(net, 2, 2, 0);
    pooled = ae_forward(net, window);
    ae_backward(ae_reduce(pooled, -1, AE_SUM));
    ok(isnan(ae_item(pooled)) && ae_data(ae_grad(window))[0] == 1 && ae_data(ae_grad(window))[1] == 0, "of two NaN in a window the first is the largest");
}

/* Weights as images, and images of one channel beside weights. */
static void edge_twins(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae), *use = ae_net_new(ae), *other = ae_net_new(ae), *rows;
    ae_tensor weight, flat, copy, both, mean, early;
    size_t mark;
    ae_nn_conv2d(other, 2, 3, 3, 1, 1);
    ae_nn_conv2d(net, 2, 3, 3, 1, 1);
    ae_nn_conv2d(use, 2, 2, 3, 1, 1);
    weight = ae_param(net, "0.weight");
    copy = ae_from(ae, ae_data(weight), 3, 2, 3, 3);
    flat = ae_square(weight);
    ok(same(flat, ae_square(copy)) && same(ae_forward(use, weight), ae_forward(use, copy)) && same(ae_square(weight), flat), "a weight is an image and an array, one after the other");
    ae_requires_grad(copy, 1);
    ae_backward(ae_add(ae_reduce(ae_square(ae_forward(use, weight)), -1, AE_SUM), ae_reduce(ae_square(ae_forward(use, copy)), -1, AE_SUM)));
    ok(same(ae_grad(weight), ae_grad(copy)), "and gets the same gradient as an array");
    rows = ae_net_new(ae), ae_nn_linear(rows, 3, 2), ae_nn_linear(rows, 2, 3);
    weight = ae_param(rows, "0.weight"), copy = ae_from(ae, ae_data(weight), 2, 3, 0, 0);
    ok(same(ae_forward(rows, weight), ae_forward(rows, copy)), "so are a Linear's weights rows");
    weight = ae_param(net, "0.weight");
    mark = ae_begin(ae), early = ae_exp(ae_param(other, "0.weight")), ae_end(ae, mark);
    (void)early;
    copy = ae_scalar(ae, 3), flat = ae_scalar(ae, 4), mean = ae_scalar(ae, 5);
    both = ae_square(ae_param(other, "0.weight"));
    ok(same(both, ae_square(ae_from(ae, ae_data(ae_param(other, "0.weight")), 3, 2, 3, 3))) && ae_item(copy) == 3 && ae_item(mean) == 5 && ae_item(flat) == 4, "what another tensor has taken the place of is made again");
    net = ae_net_new(ae), ae_nn_conv2d(net, 1, 2, 3, 1, 1);
    weight = ae_param(net, "0.weight"), copy = ae_from(ae, ae_data(weight), 2, 1, 3, 3);
    ok(same(ae_cat(copy, weight, 0), ae_cat(copy, copy, 0)), "images of one channel and a weight are put together");
}

/* The gradient of an image of few channels, of every number of taps, that is added to another one, or passes a ReLU. */
static void edge_added(ae_ctx *ae)
{
    static const int kernel[][2] = { { 2, 2 }, { 3, 2 }, { 3, 1 }, { 4, 2 } };
    int i, fused, leaky;
    for (i = 0; i < 4; i++) {
        ae_net *net = ae_net_new(ae);
        ae_tensor x = numbers(ae, 2, 3, 8, 8, 0.2f, 0.1f), one, two;
        ae_nn_conv2d(net, 3, 5, kernel[i][0], kernel[i][1], 1);
        ae_requires_grad(x, 1);
        ae_backward(ae_reduce(ae_square(ae_forward(net, x)), -1, AE_SUM));
        one = ae_grad(x);
        x = numbers(ae, 2, 3, 8, 8, 0.2f, 0.1f);
        ae_requires_grad(x, 1);
        ae_backward(ae_add(ae_reduce(ae_square(ae_forward(net, x)), -1, AE_SUM), ae_reduce(ae_square(ae_forward(net, x)), -1, AE_SUM)));
        two = ae_grad(x);
        ok(same(two, ae_affine(one, 2, 0)) || fabs((double)ae_data(two)[40] - 2 * (double)ae_data(one)[40]) < 1e-4 * fabs((double)ae_data(one)[40]), "kernel %d, stride %d: a gradient that comes twice", kernel[i][0], kernel[i][1]);
    }
    for (leaky = 0; leaky < 2; leaky++) {
        ae_net *net = ae_net_new(ae);
        ae_tensor grad[2];
        ae_nn_conv2d(net, 1, 3, 3, 1, 1);
        if (leaky) ae_nn_leaky_relu(net, 0.3f); else ae_nn_relu(net);
        ae_nn_conv2d(net, 3, 5, 3, 2, 1);
        for (fused = 0; fused < 2; fused++) {
            ae_tensor x = numbers(ae, 2, 1, 8, 8, -0.2f, 0.3f);
            ae_requires_grad(x, 1);
            ae->fuse = fused;
            ae_backward(ae_reduce(ae_square(ae_forward(net, x)), -1, AE_SUM));
            grad[fused] = ae_grad(x);
        }
        ok(same(grad[0], grad[1]), "a gradient through %s of three channels, fused or not", leaky ? "a leaky ReLU" : "a ReLU");
    }
    {
        ae_net *up = ae_net_new(ae);
        ae_nn_conv_transpose2d(up, 2, 2, 3, 2, 1, 1);
        ae_backward(ae_reduce(ae_square(ae_forward(up, numbers(ae, 1, 2, 4, 4, 0.2f, 0.1f))), -1, AE_SUM));
        ok(ae_size(ae_grad(ae_param(up, "0.weight")), -1) == 36 && !*ae_error(ae), "a transposed convolution of data, which wants no gradient");
    }
}

static void edge_predict(ae_ctx *ae)
{
    enum { WIDE = 8192, ROWS = 200, HUGE_ROW = (1 << 20) + 1 };
    static float in[ROWS * 64], out[ROWS], one;
    float *huge = (float *)calloc(HUGE_ROW, sizeof(float));
    ae_net *net = ae_net_new(ae), *tiny = ae_net_new(ae), *giant = ae_net_new(ae);
    int i, bad = 0;
    ae_nn_linear(net, 64, 1), ae_nn_linear(tiny, 1, 1);
    for (i = 0; i < ROWS * 64; i++) in[i] = (float)(i % 17) / 17;
    ok(ae_predict(net, in, ROWS * 64, out, ROWS) == ROWS, "two hundred rows");
    for (i = 0; i < ROWS; i++) bad += ae_predict(net, in + i * 64, 64, &one, 1) != 1 || one != out[i];
    ok(!bad, "are the same as one by one");
    ok(!ae_predict(tiny, in, 300, out, 10) && strstr(ae_error(ae), "has room for 10"), "too little room ends at the first group of rows");
    ae_clear(ae);
    ok(!ae_predict(tiny, in, (size_t)INT_MAX + 1, out, 10) && strstr(ae_error(ae), "are not rows of"), "more rows than an int counts");
    ae_clear(ae);
    ae_nn_linear(giant, HUGE_ROW, 1);
    if (huge) huge[HUGE_ROW - 1] = 1;
    ok(huge && ae_predict(giant, huge, HUGE_ROW, &one, 1) == 1 && fabs((double)one - (double)ae_data(ae_param(giant, "0.weight"))[HUGE_ROW - 1] - (double)ae_item(ae_param(giant, "0.bias"))) < 1e-4, "a row of more than a million numbers goes alone");
    free(huge);
    {
        ae_net *wide = ae_net_new(ae);
        float *many = (float *)calloc(ROWS * (size_t)WIDE, sizeof(float));
        ae_nn_linear(wide, WIDE, 1);
        for (i = 0; many && i < ROWS; i++) many[(size_t)i * WIDE + (size_t)i] = 1;
        ok(many && ae_predict(wide, many, ROWS * (size_t)WIDE, out, ROWS) == ROWS && fabs((double)out[150] - (double)ae_data(ae_param(wide, "0.weight"))[150] - (double)ae_item(ae_param(wide, "0.bias"))) < 1e-4, "of large rows fewer go at once");
        free(many);
    }
}

static const char *half_shape(ae_call *c) { c->out.dim[0] = c->in[0].dim[0] / 2; c->out.ndim = 1; return NULL; }
static void half_forward(ae_call *c) { int i; for (i = 0; i < c->out.dim[0]; i++) c->out.data[i] = c->in[0].data[i]; }

static void edge_diagnosis(ae_ctx *ae)
{
    static const ae_op half = { "half", 1, half_shape, half_forward, NULL, 0 };
    static const float rows[6] = { 1, 2, 3, 4, 5, 6 };
    ae_net *net = ae_net_new(ae), *plain = ae_net_new(ae);
    ae_loader *whole = ae_loader_new(ae, 6, 0), *parts = ae_loader_new(ae, 2, 0);
    ae_opt *sgd;
    ae_tensor x;
    char text[2000];
    int epoch;
    ae_nn_op(net, &half, NULL, 0);
    ok(ae_diagnose(net, ae_from(ae, rows, 6, 0, 0, 0), text, sizeof text) == 0 && strstr(text, "half") && !strstr(text, "squared error"), "a network that makes fewer rows of them, and a layer without channels: %s", text);
    ae_nn_linear(plain, 1, 1);
    sgd = ae_sgd(plain, 0.01f);
    ae_load_f32(whole, rows, 6, 1, 0, 0), ae_load_f32(parts, rows, 6, 1, 0, 0);
    for (epoch = 0; epoch < 4; epoch++)
        while (ae_next_batch(whole, &x, NULL)) { ae_zero_grad(sgd); ae_backward(ae_mse_loss(ae_forward(plain, x), x, AE_MEAN)); ae_step(sgd); }
    ae_diagnose(plain, numbers(ae, 5, 1, 0, 0, 1, 1), text, sizeof text);
    ok(!strstr(text, "same order"), "one batch has no order");
    for (epoch = 0; epoch < 3; epoch++)
        while (ae_next_batch(parts, &x, NULL)) { ae_zero_grad(sgd); ae_backward(ae_mse_loss(ae_forward(plain, x), x, AE_MEAN)); ae_step(sgd); }
    ae_diagnose(plain, numbers(ae, 5, 1, 0, 0, 1, 1), text, sizeof text);
    ok(strstr(text, "the same 3 batches in the same order") != NULL, "three have one");
}

/* ---- files ---- */


/* A file with this header and so many bytes of data, all zero. */
static void write_file(const char *header, size_t bytes)
{
    uint64_t n = strlen(header);
    FILE *f = fopen(path, "wb");
    static const char zero[64];
    if (!f || fwrite(&n, 1, 8, f) != 8 || fwrite(header, 1, (size_t)n, f) != n || fwrite(zero, 1, bytes, f) != bytes) ok(0, "the test can write %s", path);
    if (f) fclose(f);
}

static void edge_headers(ae_ctx *ae, ae_net *net)
{
#define REST "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
#define TENSOR "\"a\":{" REST
    static const struct { const char *header, *says, *what; } cases[] = {
        { "{\"a\":{\"dtype\" \"F32\"}}", "not the JSON", "no colon behind a key of a tensor" },
        { "{\"a\":{\"dtype\":\"F32\",,}}", "not the JSON", "no key of a tensor" },
        { "{\"__metadata__\":{},\"b\":{" REST "}", "there is no", "empty metadata are well" },
        { "{\"__metadata__\":{1:\"2\"}," TENSOR "}", "not the JSON", "a key of the metadata that is no string" },
        { "{\"__metadata__\":{\"a\" \"2\"}," TENSOR "}", "not the JSON", "no colon in the metadata" },
        { "{\"__metadata__\":{\"a\":2}," TENSOR "}", "not the JSON", "a number in the metadata" },
        { "{\"__metadata__\":{\"aa\":\"1\",\"ab\":\"2\",\"aa\":\"3\"}," TENSOR "}", "a key twice", "a key of the metadata twice, beside another as long" },
        { "{" TENSOR, "not the JSON", "no last brace" },
        { "{" TENSOR "} x", "behind its header's last brace", "something behind the last brace" },
        { "{\"0.weight\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[4,12]},\"0.bias\":{" REST "}", "wrong type of numbers", "whole numbers for a weight" },
    };
    char header[6000];
    size_t i, used;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(cases[i].header, strstr(cases[i].header, "I64") ? 12 : 4);
        ok(!ae_load(net, path) && strstr(ae_error(ae), cases[i].says), "%s (%s)", cases[i].what, ae_error(ae));
        ae_clear(ae);
    }
    used = (size_t)snprintf(header, sizeof header, "{\"__metadata__\":{");
    for (i = 0; i < 33; i++) used += (size_t)snprintf(header + used, sizeof header - used, "%s\"k%d\":\"v\"", i ? "," : "", (int)i);
    snprintf(header + used, sizeof header - used, "}," TENSOR "}");
    write_file(header, 4);
    ok(!ae_load(net, path) && strstr(ae_error(ae), "more than 32 entries"), "33 metadata (%s)", ae_error(ae));
    ae_clear(ae);
}

static void edge_plans(ae_ctx *ae)
{
    static const struct { const char *plan, *what; } cases[] = {
        { "1,1,1,1;Sequential(){0:(1,1)}", "no kind of layer" }, { "1,1,1,1;Sequential()", "a network without braces" }, { "1,1,1,1;Sequential(0:ReLU()", "brackets that do not close" },
        { "1,1,1,1;Sequential{0:ReLU()}", "no brackets" }, { "-1,1,1,1;Sequential(){0:ReLU()}", "a negative number of axes" }, { "1;1;1,1;Sequential(){0:ReLU()}", "a wrong sign between numbers" },
        { "1,1,1,1;ReLU(){0:ReLU()}", "a root that is no Sequential" }, { "1,1,1,1;(){0:ReLU()}", "a root without a kind" }, { "1,1,1.5,1;Sequential(){0:ReLU()}", "half an axis" },
        { "00000000000000000000000000000000000000001,1,1,1;Sequential(){0:ReLU()}", "a number of forty digits" }, { "5,1,1,1;Sequential(){0:ReLU()}", "five axes" },
        { "2,3,1,1;Sequential(){0:Linear(4,4)}", "an input that its first layer cannot take" }, { "1,1,1,1;Sequential(){0:Sequential()}", "a part without braces" },
    };
    size_t i, used;
    char header[400], *much = (char *)malloc(100000);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(header, sizeof header, "{\"__metadata__\":{\"autoenc\":\"%s\"}}", cases[i].plan);
        write_file(header, 0);
        ok(!ae_open(ae, path) && *ae_error(ae), "%s (%s)", cases[i].what, ae_error(ae));
        ae_clear(ae);
    }
    used = (size_t)sprintf(much, "{\"__metadata__\":{\"autoenc\":\"1,1,1,1;Sequential(){");
    for (i = 0; i < 4097; i++) used += (size_t)sprintf(much + used, "%sl%d:ReLU()", i ? "," : "", (int)i);
    sprintf(much + used, "}\"}}");
    write_file(much, 0);
    ok(!ae_open(ae, path) && strstr(ae_error(ae), "more than 4096 layers"), "4097 layers (%s)", ae_error(ae));
    ae_clear(ae);
    free(much);
    write_file("{\"__metadata__\":{\"autoenc\":\"0,1,1,1;Sequential(){0:ReLU(),1:Sequential(){}}\"}}", 0);
    ok(ae_open(ae, path) != NULL, "and a plan that is well (%s)", ae_error(ae));
}

/* In the file: the last number that is 5 becomes 2^32 - 1, which as an int would be -1. */
static void damage_position(void)
{
    static const char five[8] = { 5 }, far[8] = { -1, -1, -1, -1 };
    char bytes[2000];
    FILE *f = fopen(path, "r+b");
    long n = f ? (long)fread(bytes, 1, sizeof bytes, f) : 0;
    for (n -= 8; n > 0 && memcmp(bytes + n, five, 8); n--) ;
    if (n <= 0 || fseek(f, n, SEEK_SET) || fwrite(far, 1, 8, f) != 8) ok(0, "the test can find the position");
    if (f) fclose(f);
}

/* A checkpoint of a loader that had more rows, and one that is beyond all. */
static void edge_position(void)
{
    static const float rows[6] = { 1, 2, 3, 4, 5, 6 };
    int pass, served = 0;
    for (pass = 0; pass < 3; pass++) {
        watch own;
        ae_ctx *ae = watch_new(&own, 1);
        ae_loader *l = ae_loader_new(ae, 1, 0);
        ae_tensor x;
        int i;
        ae_load_f32(l, rows, pass ? 3 : 6, 0, 0, 0);
        for (i = 0; i < 5 && !pass; i++) ae_next_batch(l, &x, NULL);
        ok(pass ? ae_load_all(ae, path) : ae_save_all(ae, path), "%s", pass ? "is read where it has three" : "a loader of six rows at its fifth");
        if (pass == 1) damage_position();
        if (pass) { while (ae_next_batch(l, &x, NULL)) served++; ok(!served && ae_next_batch(l, &x, NULL) && ae_item(x) == 1, "its epoch is over, and the next one is whole"); }
        ae_free(ae);
    }
}

static void check_edges(void)
{
    ae_ctx *ae;
    ae_net *net;
    edge_processors();
    edge_device();
    edge_device_lists();
    ae = watch_new(&w, 1);
    net = ae_net_new(ae);
    ae_nn_linear(net, 1, 1);
    edge_scopes(ae);
    edge_texts(ae);
    edge_apply(ae);
    edge_shapes(ae);
    edge_losses(ae);
    edge_sizes(ae);
    edge_layers(ae);
    edge_twins(ae);
    edge_added(ae);
    edge_predict(ae);
    edge_diagnosis(ae);
    edge_headers(ae, net);
    edge_plans(ae);
    edge_position();
    remove(path);
    ok(!*ae_error(ae), "nothing else went wrong: %s", ae_error(ae));
    ae_free(ae);
    ok(!w.blocks, "all memory came back");
}
