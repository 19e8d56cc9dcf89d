/* lesson10_compress.c - compression: an autoencoder that writes files

   A code of 32 numbers is no file yet.  Here the numbers are rounded, coded by how likely they are, and written with a
   header; another command reads the file and draws the images again.  Then the honest question: bits a pixel against
   quality, beside PCA, JPEG and DEFLATE of the same images.  Who wins, and what do the network's own weights cost?

       make lesson10 && ./lesson10 --quick          or:  cc -O2 lessons/lesson10_compress.c -lm -lpthread
       ./lesson10 --encode images-idx3-ubyte --to digits.aec       after a run: with its network
       ./lesson10 --decode digits.aec --to again-idx3-ubyte

   What stands in the margin is the same line in PyTorch. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"
#include "coder.h"
#include "metrics.h"
#include "tools.h"
#include "rate.h"
enum { HIDDEN = 256, SIZES = 5, DEPTHS = 6 };
/* ==== MODEL ======================================================================================================= */

static ae_net *autoencoder(ae_ctx *ae, int code)
{
    ae_net *net = ae_net_new(ae), *encoder = ae_sequential(net, "encoder"), *decoder = ae_sequential(net, "decoder");
    ae_nn_linear(encoder, PIXELS, HIDDEN), ae_nn_relu(encoder);                // self.encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(),
    ae_nn_linear(encoder, HIDDEN, code);                                       //     nn.Linear(256, code))
    ae_nn_linear(decoder, code, HIDDEN), ae_nn_relu(decoder);                  // self.decoder = nn.Sequential(nn.Linear(code, 256), nn.ReLU(),
    ae_nn_linear(decoder, HIDDEN, PIXELS), ae_nn_sigmoid(decoder);             //     nn.Linear(256, 784), nn.Sigmoid())
    return net;
}

/* PCA as a network of one linear layer each way: z = V (x - u), and x = V' z + u. */
static ae_net *linear_of(ae_ctx *ae, const pca_model *m, int code, float *room)
{
    ae_net *net = ae_net_new(ae), *encoder = ae_sequential(net, "encoder"), *decoder = ae_sequential(net, "decoder");
    float *turned = room + code * PIXELS, *bias = turned + code * PIXELS;
    ae_nn_linear(encoder, PIXELS, code), ae_nn_linear(decoder, code, PIXELS);
    for (int k = 0; k < code; k++) bias[k] = (float)-pca_dot(m->component + k * PIXELS, m->mean, PIXELS);
    for (int i = 0; i < code * PIXELS; i++) room[i] = turned[i % PIXELS * code + i / PIXELS] = (float)m->component[i];
    ae_assign(ae_param(encoder, "0.weight"), room), ae_assign(ae_param(encoder, "0.bias"), bias);
    for (int j = 0; j < PIXELS; j++) bias[j] = (float)m->mean[j];
    ae_assign(ae_param(decoder, "0.weight"), turned), ae_assign(ae_param(decoder, "0.bias"), bias);
    return net;
}

/* ==== TRAIN ======================================================================================================= */

static void train(kit *run, ae_net *model, ae_opt *adam, ae_loader *batches, ae_loader *test)
{
    ae_tensor x;
    while (kit_epoch(run, batches)) {                                          // for epoch in range(epochs):
        while (kit_batch(run) && ae_next_batch(batches, &x, NULL)) {           //     for x, _ in loader:
            x = ae_view(x, -1, PIXELS, 0, 0);                                  //         x = x.view(-1, 784)
            ae_tensor loss = ae_mse_loss(ae_forward(model, x), x, AE_MEAN);    //         loss = F.mse_loss(model(x), x)
            ae_zero_grad(adam);                                                //         optimizer.zero_grad()
            ae_backward(loss);                                                 //         loss.backward()
            ae_step(adam);                                                     //         optimizer.step()
            ae_accumulate(run->running, loss);
        }
        kit_epoch_end(run, kit_test_loss(run, model, test, ae_mse_loss));
    }
}

/* ==== ENCODE AND DECODE =========================================================================================== */

/* A number that another network will not have: the checksum of all weights. */
static uint32_t fingerprint(ae_net *net)
{
    uint32_t crc = 0;
    uint8_t bytes[4];
    for (int i = 0; i < ae_params(net); i++) {
        ae_tensor p = ae_param_at(net, i, NULL);
        const float *w = ae_data(p);
        for (int k = 0; k < ae_size(p, -1); k++) {
            uint32_t bits;
            memcpy(&bits, w + k, 4);
            coder_store(bytes, bits, 4);
            crc = coder_crc(crc, bytes, 4);
        }
    }
    return crc;
}

/* Images to the bytes of a file, to be freed: the numbers of the code, rounded to steps, then coded. */
static uint8_t *encode(const kit *run, ae_net *net, const float *image, int n, int code, int bits, size_t *size)
{
    float *z = kit_floats(run, n, code);
    int16_t *symbol = (int16_t *)kit_room(run, (size_t)n * (size_t)code * sizeof *symbol);
    uint8_t *bytes = NULL;
    kit_apply(run->ae, ae_child(net, "encoder"), image, n, PIXELS, 0, 0, 500, z);
    coder_file f = { fingerprint(net), n, code, coder_step(z, n, code, bits), symbol };
    if (!coder_quantise(z, (size_t)n * (size_t)code, f.step, symbol) || !coder_pack(&f, &bytes, size)) kit_die(run, 3, "these images cannot be coded");
    free(z), free(symbol);
    return bytes;
}

/* The images of a file, to be freed, [*n][784]; NULL if it is refused, with the reason in `why`. */
static float *decode(const kit *run, ae_net *net, const uint8_t *bytes, size_t size, int code, int *n, char *why, size_t room)
{
    coder_file f;
    if (!coder_unpack(bytes, size, &f, why, room)) return NULL;
    if (f.columns != code || f.model != fingerprint(net)) {
        snprintf(why, room, "made with another network: %d numbers an image, fingerprint %08x", f.columns, (unsigned)f.model);
        free(f.symbol);
        return NULL;
    }
    float *z = kit_floats(run, f.rows, code), *image = kit_floats(run, f.rows, PIXELS);
    for (size_t i = 0; i < (size_t)f.rows * (size_t)code; i++) z[i] = (float)f.symbol[i] * f.step;
    kit_apply(run->ae, ae_child(net, "decoder"), z, *n = f.rows, code, 0, 0, 500, image);
    free(z), free(f.symbol);
    return image;
}

/* --encode and --decode: a whole file in, a whole file out, both through the network of an earlier run. */
static int command(kit *run, int code, int bits, const char *from, int packed, const char *to)
{
    kit there = { .lesson = run->lesson, .out = *to == '/' ? "" : "." };       /* kit_write: beside, then renamed */
    char why[PATH_MAX + 200] = "cannot be read", name[64];
    int n = 0;
    size_t size = 0;
    ae_net *net = autoencoder(run->ae, code);
    snprintf(name, sizeof name, "model_code%d.safetensors", code);
    if (!ae_load(net, run->load ? run->load : kit_path(run, name))) kit_die(run, 3, "%s; ./lesson10 makes one, --load takes another", ae_error(run->ae));
    uint8_t *bytes = packed ? tools_read(from, &size, why, sizeof why) : kit_read_idx(from, 3, &n, why, sizeof why);
    if (!bytes) kit_die(run, 3, "%s%s%s", packed ? from : "", packed ? ": " : "", why);
    kit_set set = { bytes, NULL, n };
    float *image = packed ? decode(run, net, bytes, size, code, &n, why, sizeof why) : kit_images(run, &set);
    if (!image) kit_die(run, 3, "%s: %s", from, why);
    uint8_t *out = packed ? tools_idx(run, image, n, &size) : encode(run, net, image, n, code, bits, &size);
    kit_write(&there, to, out, size);
    printf("%s: %d images, %zu bytes, %.4f bits a pixel\n", to, n, size, metrics_bits_per_pixel((double)size, (double)n * PIXELS));
    free(bytes), free(image), free(out), kit_free(run);
    return 0;
}

/* ==== LOOK ======================================================================================================== */

/* A network at so many depths: written, read again, drawn. */
static void measure(rate_board *l, int which, ae_net *net, int code)
{
    char why[200], setting[40];
    size_t size, model = 4 * ae_param_count(ae_child(net, "decoder"));
    for (int bits = 2; bits < 2 + DEPTHS; bits++) {
        uint8_t *bytes = encode(l->run, net, l->image, l->run->test.n, code, bits, &size);
        int n;
        free(l->drawn);
        l->drawn = decode(l->run, net, bytes, size, code, &n, why, sizeof why);
        if (!l->drawn) kit_die(l->run, 3, "%s", why);
        snprintf(setting, sizeof setting, "%3d numbers, %d bits", code, bits);
        rate_add(l, which, size, model, setting);
        free(bytes);
    }
}

/* The same for PCA: whoever reads needs the mean and the components. */
static void measure_pca(rate_board *l, const int *sizes)
{
    char why[200];
    pca_model m;
    pca_rows rows = pca_rows_u8(l->run->train.images);
    int most = l->run->quick ? 64 : 128;
    float *room = kit_floats(l->run, 2 * most + 1, PIXELS);
    if (!pca_fit(l->run->ae, &rows, l->run->train.n, PIXELS, most, &m, why, sizeof why)) kit_die(l->run, 3, "PCA: %s", why);
    for (int i = 0; i <= SIZES && sizes[i] <= most; i++) measure(l, PCA, linear_of(l->run->ae, &m, sizes[i], room), sizes[i]);
    pca_free(&m), free(room);
}

/* A file on the disk, read back: the same numbers to the bit?  And what did the coder save against bits of equal price? */
static double look_at_file(rate_board *l, ae_net *net, int code, int bits)
{
    size_t size, again;
    char why[200];
    int n = 0;
    uint8_t *bytes = encode(l->run, net, l->image, l->run->test.n, code, bits, &size);
    kit_write(l->run, "test.aec", bytes, size);
    uint8_t *back = tools_read(kit_path(l->run, "test.aec"), &again, why, sizeof why);
    float *image = back ? decode(l->run, net, back, again, code, &n, why, sizeof why) : NULL;
    if (!image || again != size || memcmp(back, bytes, size) || n != l->run->test.n) kit_die(l->run, 3, "test.aec does not come back: %s", why);
    int fixed = 0;
    for (int k = 0; k < code; k++) fixed += bytes[CODER_HEAD + 3 * k + 2];
    printf("test.aec: %zu bytes for %d images, written and read back; %d bits an image before the coder, %.1f behind it, header and all\n",
           size, n, fixed, 8.0 * (double)size / n);
    kit_fact(l->run, "file_bytes", (double)size);
    kit_fact(l->run, "file_bits_fixed", fixed);
    kit_fact(l->run, "file_bits_coded", 8.0 * (double)size / n);
    kit_fact(l->run, "file_bits_a_pixel", metrics_bits_per_pixel((double)size, (double)n * PIXELS));
    free(bytes), free(back), free(image);
    return metrics_bits_per_pixel((double)size, (double)n * PIXELS);
}

int main(int argc, char **argv)
{
    static const int sizes[SIZES + 1] = { 4, 8, 16, 32, 64, 128 };             /* PCA, which costs no training, has one more */
    int code = 0, bits = 4;
    const char *in = NULL, *packed = NULL, *to = NULL;
    const kit_option options[] = {
        { "latent", KIT_INT,  &code,   1, PIXELS, "numbers in a code: train one network only; of --encode and --decode: 32" },
        { "bits",   KIT_INT,  &bits,   1, CODER_BITS, "of the widest number of a code, for --encode" },
        { "encode", KIT_TEXT, &in,     0, 0, "compress this IDX file of images, train nothing" },
        { "decode", KIT_TEXT, &packed, 0, 0, "draw the images of this compressed file, train nothing" },
        { "to",     KIT_TEXT, &to,     0, 0, "where --encode and --decode write" }, {0} };
    kit run = { .lesson = "lesson10", .about = "compression: an autoencoder that writes files", .flat = 1,
                .files = "loss, rate_distortion, with_model, digits: .png with their .u8 or .tsv; test.aec; model_codeN.safetensors",
                .in_quick = { 10, 100, 1e-3 }, .usual = { 8, 256, 1e-3 }, .in_full = { 40, 256, 1e-3 } };
    static rate_board l = { .shown_rate = 0.1, .c = { { .name = "network", .key = "network" }, { .name = "PCA", .key = "pca" },
        { .name = "pixels, our coder", .key = "pixels" }, { .name = "JPEG", .key = "jpeg" }, { .name = "JPEG, arithmetic", .key = "jpega" }, { .name = "DEFLATE", .key = "deflate" } } };
    ae_ctx *ae = kit_start(l.run = &run, argc, argv, options);
    if (in && packed) kit_die(&run, 2, "--encode and --decode exclude each other");
    if (!to != !(in || packed)) kit_die(&run, 2, "--encode F or --decode F, and --to F: both are wanted");
    if (to) return command(&run, code ? code : 32, bits, in ? in : packed, packed != NULL, to);

    /* ---- DATA ---- */
    kit_data(&run, KIT_DIGITS, run.quick ? 10000 : 0);                         // datasets.MNIST(...)
    if (run.quick && run.test.n > 2000) run.test.n = 2000;
    ae_loader *batches = kit_loader(&run, &run.train, 1), *test = kit_loader(&run, &run.test, 0);
    l.image = kit_images(&run, &run.test), l.drawn = kit_floats(&run, run.test.n, PIXELS);
    for (int i = run.test.n - 1; i >= 0; i--) l.ten[run.test.labels[i]] = i;

    /* ---- MODEL ---- */
    char name[SIZES][16];
    ae_net *model[SIZES];                                                      // model = Autoencoder(code), for each size
    ae_opt *adam[SIZES];
    int size[SIZES], n = 0;
    for (int i = 0; i < (code ? 1 : SIZES); i++) {
        if (run.quick && !code && i % 2 == 0) continue;                        /* --quick: 8 and 32 */
        snprintf(name[n], sizeof name[n], "code%d", size[n] = code ? code : sizes[i]);
        model[n] = autoencoder(ae, size[n]);
        adam[n] = ae_adam(model[n], (float)run.lr), n++;                       // optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    }
    run.net = n == 1 ? name[0] : NULL;
    kit_restore(&run, n == 1 ? model[0] : NULL);
    kit_summary(&run, model[n - 1]);                                           // print(model)

    /* ---- TRAIN ---- */
    for (int i = 0; i < n; i++) {
        kit_net(&run, name[i]);
        train(&run, model[i], adam[i], batches, test);
        run.test_loss = kit_test_loss(&run, model[i], test, ae_mse_loss);      /* also where a resumed run trained nothing */
        kit_save(&run, model[i]);                                              // save_file(model.state_dict(), ...)
    }
    kit_curve(&run, 0);

    /* ---- LOOK ---- */
    printf("%d test images, in files:\n", run.test.n);
    for (int i = 0; i < n; i++) measure(&l, NETWORK, model[i], size[i]);
    measure_pca(&l, sizes);
    rate_pixels(&l);
    rate_jpeg(&l, JPEG, "-optimize");
    rate_jpeg(&l, JPEG_ARITHMETIC, "-arithmetic");
    rate_table(&l);
    rate_draw(&l);
    rate_digits(&l);
    double mean_image, pca, kept = look_at_file(&l, model[n - 1], size[n - 1], bits);
    kit_baselines(&run, size[n - 1], &mean_image, &pca);
    free(l.image), free(l.drawn);
    return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-%d %.6f, %.4f bits a pixel", run.test_loss, mean_image, size[n - 1], pca, kept);
}
