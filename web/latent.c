/* latent.c - what out/web/latent.html runs: the networks of lessons 03, 06 and 07 behind a few functions for JavaScript

   autoenc.h is compiled as it is, by clang for WebAssembly; web/build.pl has the command.  The page finds the buffers by
   latent_image, latent_code and so on, which give addresses in the module's memory, fills them, and calls.  Weights come
   from the lessons' own files: the page reads a safetensors header, which is JSON, and hands over tensor by tensor.

   A variational encoder answers with a cloud; the page wants its middle.  So z_log_var is left out here, and the layers
   that remain are chains, which ae_predict can run.  That they compute what the lessons compute is tested:
   web/native.h collects numbers from the lessons' own functions, and the page compares. */

#define AUTOENC_IMPLEMENTATION
#define AUTOENC_STATIC                                       /* what is not used here is not in the page */
#define AE_NO_STDIO
#define AE_NO_THREADS
#define AE_ASSERT(x) ((x) ? (void)0 : __builtin_trap())
#include "../autoenc.h"
#include "../lessons/pca.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum { PIXELS = 784, CLASSES = 10, ROWS = 100, POINTS = 1000, CODE = 400, WEIGHTS = PIXELS * 400 };
enum { CONVOLUTIONAL, VARIATIONAL, CONDITIONAL, MODELS };    /* lessons 03, 06, 07 */
typedef struct model { ae_net *net, *encoder, *decoder; int latent; } model;

static ae_ctx *ae;
static model   models[MODELS];
static float   image[ROWS * PIXELS], code[POINTS * CODE], label[ROWS], weight[WEIGHTS], maps[ROWS * (1 + CLASSES) * PIXELS];
static float   plane[3 * CODE];
static char    name[64];

/* What the page writes to and reads from. */
EXPORT(latent_image)  float *latent_image(void)  { return image; }       /* [100][784], 0 .. 1 */
EXPORT(latent_code)   float *latent_code(void)   { return code; }        /* [rows][latent]; up to 1,000 of them for latent_plane */
EXPORT(latent_label)  float *latent_label(void)  { return label; }       /* [100] digits; only the conditional network looks */
EXPORT(latent_weight) float *latent_weight(void) { return weight; }      /* one tensor on its way to latent_set */
EXPORT(latent_plane)  float *latent_plane(void)  { return plane; }       /* [3][latent]: a mean and two directions */
EXPORT(latent_name)   char  *latent_name(void)   { return name; }        /* the tensor's name in the file */
EXPORT(latent_error)  const char *latent_error(void) { return ae_error(ae); }

/* ==== The networks, layer by layer as in their lessons ============================================================ */

static void convolutional(model *m)
{
    ae_nn_conv2d(m->encoder, 1, 16, 3, 2, 1), ae_nn_relu(m->encoder);
    ae_nn_conv2d(m->encoder, 16, 32, 3, 2, 1), ae_nn_relu(m->encoder);
    ae_nn_conv2d(m->encoder, 32, m->latent, 7, 1, 0), ae_nn_relu(m->encoder);
    ae_nn_conv_transpose2d(m->decoder, m->latent, 32, 7, 1, 0, 0), ae_nn_relu(m->decoder);
    ae_nn_conv_transpose2d(m->decoder, 32, 16, 3, 2, 1, 1), ae_nn_relu(m->decoder);
    ae_nn_conv_transpose2d(m->decoder, 16, 1, 3, 2, 1, 1);
    ae_forward(m->encoder, ae_from(ae, NULL, 1, 1, 28, 28));             /* tells ae_predict the shape of one input */
    ae_forward(m->decoder, ae_from(ae, NULL, 1, m->latent, 1, 1));
}

static void variational(model *m)
{
    ae_name(ae_nn_linear(m->encoder, PIXELS, 400), "enc"), ae_nn_leaky_relu(m->encoder, 0.01f);
    ae_name(ae_nn_linear(m->encoder, 400, m->latent), "z_mean");
    ae_name(ae_nn_linear(m->decoder, m->latent, 400), "dec_1"), ae_nn_leaky_relu(m->decoder, 0.01f);
    ae_name(ae_nn_linear(m->decoder, 400, PIXELS), "dec_2"), ae_nn_sigmoid(m->decoder);
}

static void conditional(model *m)
{
    ae_net *e = m->encoder, *d = m->decoder;
    ae_name(ae_nn_conv2d(e, 1 + CLASSES, 16, 6, 2, 0), "enc_conv_1"), ae_nn_leaky_relu(e, 0.01f);
    ae_name(ae_nn_conv2d(e, 16, 32, 4, 2, 0), "enc_conv_2"), ae_nn_leaky_relu(e, 0.01f);
    ae_name(ae_nn_conv2d(e, 32, 64, 2, 2, 0), "enc_conv_3"), ae_nn_leaky_relu(e, 0.01f);
    ae_nn_flatten(e), ae_name(ae_nn_linear(e, 256, m->latent), "z_mean");
    ae_name(ae_nn_linear(d, m->latent + CLASSES, 256), "dec_linear_1"), ae_nn_unflatten(d, 64, 2, 2);
    ae_name(ae_nn_conv_transpose2d(d, 64, 32, 2, 2, 0, 0), "dec_deconv_1"), ae_nn_leaky_relu(d, 0.01f);
    ae_name(ae_nn_conv_transpose2d(d, 32, 16, 4, 3, 1, 0), "dec_deconv_2"), ae_nn_leaky_relu(d, 0.01f);
    ae_name(ae_nn_conv_transpose2d(d, 16, 1, 6, 3, 4, 0), "dec_deconv_3"), ae_nn_leaky_relu(d, 0.01f);
    ae_nn_sigmoid(d);
    ae_forward(e, ae_from(ae, NULL, 1, 1 + CLASSES, 28, 28));
}

/* Makes one of the three, with so many numbers in its code.  Returns how many tensors it waits for; 0: latent_error. */
EXPORT(latent_model) int latent_model(int which, int latent)
{
    static void (*const layers[MODELS])(model *) = { convolutional, variational, conditional };
    if (!ae) ae = ae_new(NULL);
    if (!ae || which < 0 || which >= MODELS || latent < 1 || latent > CODE) return 0;
    model *m = &models[which];
    m->latent = latent;
    m->net = ae_net_new(ae);
    m->encoder = ae_sequential(m->net, "encoder"), m->decoder = ae_sequential(m->net, "decoder");
    size_t mark = ae_begin(ae);
    layers[which](m);
    ae_end(ae, mark);
    ae_train(m->net, 0);
    return ae_params(m->net);
}

/* latent_weight[floats] becomes the tensor latent_name: "encoder.0.weight", or "z_mean.weight", which stands below
   "encoder" here.  0: there is no such tensor, or it has another size. */
EXPORT(latent_set) int latent_set(int which, int floats)
{
    for (int i = ae_params(models[which].net) - 1; i >= 0; i--) {
        const char *path;
        ae_tensor p = ae_param_at(models[which].net, i, &path);
        if (!strcmp(path, name) || !strcmp(path + strcspn(path, ".") + 1, name)) return ae_size(p, -1) == floats && ae_assign(p, weight);
    }
    return 0;
}

/* ==== Use ========================================================================================================= */

/* The conditional encoder sees the image and ten maps, of which the label's is all ones. */
static void fill_maps(int rows)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < (1 + CLASSES) * PIXELS; j++)
            maps[i * (1 + CLASSES) * PIXELS + j] = j < PIXELS ? image[i * PIXELS + j] : (float)(j / PIXELS - 1 == (int)label[i]);
}

/* latent_image, and latent_label, to latent_code.  Returns the rows; 0: latent_error. */
EXPORT(latent_encode) int latent_encode(int which, int rows)
{
    const model *m = &models[which];
    const float *in = which == CONDITIONAL ? maps : image;
    int each = which == CONDITIONAL ? (1 + CLASSES) * PIXELS : PIXELS;
    if (rows < 1 || rows > ROWS) return 0;
    if (which == CONDITIONAL) fill_maps(rows);
    return ae_predict(m->encoder, in, (size_t)(rows * each), code, (size_t)(rows * m->latent));
}

/* latent_code, and latent_label, to latent_image.  The conditional decoder's input is the code and ten numbers, of which one is 1. */
EXPORT(latent_decode) int latent_decode(int which, int rows)
{
    const model *m = &models[which];
    int each = m->latent + CLASSES;
    if (rows < 1 || rows > ROWS) return 0;
    if (which != CONDITIONAL) return ae_predict(m->decoder, code, (size_t)(rows * m->latent), image, (size_t)(rows * PIXELS));
    for (int i = 0; i < rows * each; i++)
        maps[i] = i % each < m->latent ? code[i / each * m->latent + i % each] : (float)(i % each - m->latent == (int)label[i / each]);
    return ae_predict(m->decoder, maps, (size_t)(rows * each), image, (size_t)(rows * PIXELS));
}

/* The plane along which latent_code[rows] scatter most, to latent_plane.  1 if well. */
EXPORT(latent_fit) int latent_fit(int which, int rows)
{
    int latent = models[which].latent;
    char why[160];
    pca_model pca;
    pca_rows from = pca_rows_f32(code);
    if (rows < 1 || rows > POINTS || latent < 2 || !pca_fit(ae, &from, rows, latent, 2, &pca, why, sizeof why)) return 0;
    for (int j = 0; j < latent; j++) plane[j] = (float)pca.mean[j];
    for (int j = 0; j < 2 * latent; j++) plane[latent + j] = (float)pca.component[j];
    pca_free(&pca);
    return 1;
}
