/* lesson00_hello.c - is my toolchain alive?

   A small autoencoder learns digits that the program draws itself, so nothing has to be downloaded.  If this page ends
   with a row of digits above a row of slightly blurred digits, compiler, library and terminal work; if out/lesson00 then
   holds loss.png and digits.png, gnuplot works too.

       make lesson00 && ./lesson00                  or:  cc -O2 lessons/lesson00_hello.c -lm -lpthread
       ./lesson00 --by-hand                         backpropagation without the library, and then with it

   What stands in the margin is the same line in PyTorch.

   WHEN SOMETHING IS WRONG
     cc: command not found              `make deps` installs a compiler, make, gnuplot and perl.
     undefined reference to `sqrt'      -lm must stand at the end of the line, after the .c file.
     undefined reference to `pthread..' the same for -lpthread.
     boxes instead of digits            the terminal does not show UTF-8; the pictures in out/lesson00 are right anyway.
     no pictures                        gnuplot is missing: `make deps`, then `make plots`.
     very slow                          compile with -O2, as `make lesson00` does. */

#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include "kit.h"

enum { PIXELS = 784, CODE = 16 };

/* ==== BY HAND ===================================================================================================== */

enum { ROWS = 32, OUT = 10 };
typedef struct layer { float w[OUT][PIXELS], b[OUT]; } layer;

/* One linear layer and a sigmoid: y = sigmoid(W x + b), loss = the mean of (y - t)^2, and d = its gradient.  This is all
   of backpropagation: go back through the same lines in the opposite order, each time by the chain rule.  Returns the
   loss.  x[ROWS][PIXELS], t[ROWS][OUT]. */
static double by_hand(const layer *p, const float *x, const float *t, layer *d)
{
    double loss = 0;
    memset(d, 0, sizeof *d);
    for (int r = 0; r < ROWS; r++, x += PIXELS, t += OUT)
        for (int i = 0; i < OUT; i++) {
            /* forward */
            double z = p->b[i];
            for (int j = 0; j < PIXELS; j++) z += p->w[i][j] * x[j];          /* z = W x + b             */
            double y = 1 / (1 + exp(-z));                                      /* y = sigmoid(z)          */
            double e = y - t[i];                                               /* e = y - t               */
            loss += e * e / (ROWS * OUT);                                      /* loss = mean of e^2      */
            /* backward */
            double de = 2 * e / (ROWS * OUT);                                  /* of e^2:       2 e       */
            double dz = de * y * (1 - y);                                      /* of sigmoid:   y (1 - y) */
            for (int j = 0; j < PIXELS; j++) d->w[i][j] += (float)(dz * x[j]); /* of W x:       x         */
            d->b[i] += (float)dz;                                              /* of b:         1         */
        }
    return loss;
}

static double largest_difference(const float *a, const float *b, int n)
{
    double largest = 0;
    for (int i = 0; i < n; i++) largest = fmax(largest, fabs((double)a[i] - b[i]));
    return largest;
}

/* The same by the tape: it recorded each operation of the forward pass, and walks back over its list. */
static int compare_by_hand(kit *run)
{
    static layer p, d;
    static float x[ROWS * PIXELS], t[ROWS * OUT];
    ae_net *net = ae_net_new(run->ae);
    ae_nn_linear(net, PIXELS, OUT);                                            // net = nn.Sequential(nn.Linear(784, 10),
    ae_nn_sigmoid(net);                                                        //                     nn.Sigmoid())
    memcpy(p.w, ae_data(ae_param(net, "0.weight")), sizeof p.w);
    memcpy(p.b, ae_data(ae_param(net, "0.bias")), sizeof p.b);
    for (int i = 0; i < ROWS * PIXELS; i++) x[i] = run->train.images[i] / 255.0f;
    for (int i = 0; i < ROWS; i++) t[i * OUT + run->train.labels[i]] = 1;

    double hand = by_hand(&p, x, t, &d);
    ae_tensor y = ae_forward(net, ae_from(run->ae, x, ROWS, PIXELS, 0, 0));
    ae_tensor loss = ae_mse_loss(y, ae_from(run->ae, t, ROWS, OUT, 0, 0), AE_MEAN);
    ae_backward(loss);                                                         // loss.backward()
    double w = largest_difference(d.w[0], ae_data(ae_grad(ae_param(net, "0.weight"))), OUT * PIXELS);
    double b = largest_difference(d.b, ae_data(ae_grad(ae_param(net, "0.bias"))), OUT);
    int same = fabs(hand - ae_item(loss)) < 1e-6 && w < 1e-7 && b < 1e-7;
    printf("loss by hand %.7f, by the tape %.7f\nlargest difference of the 7,840 weight gradients %.1e, of the 10 bias gradients %.1e\n%s\n",
           hand, (double)ae_item(loss), w, b, same ? "the tape and the hand agree" : "the tape and the hand DISAGREE");
    kit_fact(run, "by_hand_loss", hand);
    kit_fact(run, "tape_loss", ae_item(loss));
    kit_run_json(run, 0);
    kit_free(run);
    return same ? 0 : 1;
}

/* ==== MODEL ======================================================================================================= */

static ae_net *autoencoder(ae_ctx *ae)
{
    ae_net *net = ae_net_new(ae);
    ae_net *encoder = ae_sequential(net, "encoder");                           // self.encoder = nn.Sequential(
    ae_nn_flatten(encoder);                                                    //   nn.Flatten(),
    ae_nn_linear(encoder, PIXELS, 128);                                        //   nn.Linear(784, 128),
    ae_nn_relu(encoder);                                                       //   nn.ReLU(),
    ae_nn_linear(encoder, 128, CODE);                                          //   nn.Linear(128, 16))
    ae_net *decoder = ae_sequential(net, "decoder");                           // self.decoder = nn.Sequential(
    ae_nn_linear(decoder, CODE, 128);                                          //   nn.Linear(16, 128),
    ae_nn_relu(decoder);                                                       //   nn.ReLU(),
    ae_nn_linear(decoder, 128, PIXELS);                                        //   nn.Linear(128, 784),
    ae_nn_sigmoid(decoder);                                                    //   nn.Sigmoid(),
    ae_nn_unflatten(decoder, 1, 28, 28);                                       //   nn.Unflatten(1, (1, 28, 28)))
    return net;
}

/* ==== TRAIN ======================================================================================================= */

static void train(kit *run, ae_net *model, ae_opt *adam, ae_loader *batches, ae_loader *test)
{
    ae_tensor x;
    while (kit_epoch(run, batches)) {                                          // for epoch in range(epochs):
        while (kit_batch(run) && ae_next_batch(batches, &x, NULL)) {           //     for x, _ in train_loader:
            ae_tensor out = ae_forward(model, x);                              //         out = model(x)
            ae_tensor loss = ae_mse_loss(out, x, AE_MEAN);                     //         loss = criterion(out, x)
            ae_zero_grad(adam);                                                //         optimizer.zero_grad()
            ae_backward(loss);                                                 //         loss.backward()
            ae_step(adam);                                                     //         optimizer.step()
            ae_accumulate(run->running, loss);                                 //         running += loss.item()
        }
        kit_epoch_end(run, kit_test_loss(run, model, test, ae_mse_loss));
    }
}

/* ==== LOOK ======================================================================================================== */

/* The first ten test images over their reconstructions, in the terminal and as a picture. */
static void look(kit *run, ae_net *model)
{
    float images[20 * PIXELS] = {0};
    char names[32] = "";
    int n = run->test.n < 10 ? run->test.n : 10;
    for (int i = 0; i < n * PIXELS; i++) images[i] = run->test.images[i] / 255.0f;
    for (int i = 0; i < n; i++) sprintf(names + 2 * i, "%d ", run->test.labels[i]);
    kit_apply(run->ae, model, images, n, 1, 28, 28, n, images + 10 * PIXELS);
    if (run->no_plot || kit_can_plot(run)) {                                   /* without gnuplot kit_grid shows them itself */
        kit_show(images, 5, 5);
        kit_show(images + 10 * PIXELS, 5, 5);
    }
    kit_grid(run, "digits", "originals over reconstructions", images, 20, 10, 0, names, "original reconstruction");
}

int main(int argc, char **argv)
{
    int hand = 0;
    const kit_option options[] = { { "by-hand", KIT_FLAG, &hand, 0, 0, "only show backpropagation by hand, checked against the tape" }, {0} };
    kit run = { .lesson = "lesson00", .about = "is my toolchain alive?", .files = "loss.png, digits.png and digits.u8",
                .in_quick = { 3, 64, 2e-3 }, .usual = { 5, 64, 2e-3 }, .in_full = { 20, 64, 2e-3 } };
    ae_ctx *ae = kit_start(&run, argc, argv, options);

    /* ---- DATA ---- */
    if (!run.data) run.synthetic = 1;
    kit_data(&run, KIT_DIGITS, run.full ? 0 : 10000);
    if (hand) return compare_by_hand(&run);
    ae_loader *batches = kit_loader(&run, &run.train, 1);                      // DataLoader(train_data, batch_size=64, shuffle=True)
    ae_loader *test = kit_loader(&run, &run.test, 0);                          // DataLoader(test_data, batch_size=64)

    /* ---- MODEL ---- */
    ae_net *model = autoencoder(ae);                                           // model = Autoencoder()
    ae_opt *adam = ae_adam(model, (float)run.lr);                              // optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    kit_restore(&run, model);
    kit_summary(&run, model);                                                  // print(model)

    /* ---- TRAIN ---- */
    train(&run, model, adam, batches, test);
    run.test_loss = kit_test_loss(&run, model, test, ae_mse_loss);
    kit_save(&run, model);                                                     // torch.save(model.state_dict(), ...)

    /* ---- LOOK ---- */
    double mean_image, pca;
    kit_curve(&run, 0);
    look(&run, model);
    kit_baselines(&run, CODE, &mean_image, &pca);
    return kit_finish(&run, "test loss %.6f, mean image %.4f, PCA-%d %.6f", run.test_loss, mean_image, CODE, pca);
}
