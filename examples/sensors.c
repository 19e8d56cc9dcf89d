/* sensors.c - learns how the readings of a healthy machine hang together; sensors_use.c then tells when they do not.
   cc -O2 examples/sensors.c -o sensors -lm -lpthread && ./sensors */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 2000, READINGS = 6 };  /* temperature C, vibration mm/s, current A, speed rpm, pressure bar, flow l/min */
static const float low[READINGS] = { 10, 0, 0, 2800, 0, 0 }, high[READINGS] = { 80, 5, 15, 3000, 10, 50 };
static float rows[ROWS][READINGS];

static float between(float a, float b) { return a + (b - a) * (float)(rand() / (RAND_MAX + 1.0)); }
static void measure(float *r) {      /* your data comes here; this machine carries a load and stands in a room */
    float load = between(0, 1), room = between(15, 30);
    r[0] = room + 45 * load;  r[1] = 0.5f + 3 * load * load;  r[2] = 2 + 10 * load;
    r[3] = 2980 - 120 * load;  r[4] = 7 - 3 * load;  r[5] = 5 + 35 * load;
    for (int k = 0; k < READINGS; k++) r[k] = (r[k] - low[k]) / (high[k] - low[k]) + between(-0.03f, 0.03f);
}

int main(void) {
    for (int i = 0; i < ROWS; i++) measure(rows[i]);          /* scaled to 0..1, with noise */
    ae_ctx *ae = ae_new(NULL);
    ae_net *net = ae_net_new(ae);                             /* six readings through two numbers, and back to six */
    ae_nn_linear(net, READINGS, 16);  ae_nn_tanh(net);  ae_nn_linear(net, 16, 2);
    ae_nn_linear(net, 2, 16);  ae_nn_tanh(net);  ae_nn_linear(net, 16, READINGS);
    ae_opt *adam = ae_adam(net, 0.003f);
    ae_loader *train = ae_loader_new(ae, 50, 1);              /* batches of 50, shuffled */
    ae_load_f32(train, rows[0], ROWS, READINGS, 0, 0);
    for (int epoch = 1; epoch <= 50; epoch++) {
        ae_tensor x;  double sum = 0;
        while (ae_next_batch(train, &x, NULL)) {
            ae_tensor loss = ae_mse_loss(ae_forward(net, x), x, AE_MEAN);
            ae_zero_grad(adam);  ae_backward(loss);  ae_step(adam);
            sum += ae_item(loss);
        }
        if (epoch % 10 == 0 || epoch == 1) printf("epoch %2d: loss %.6f\n", epoch, sum / ae_batches(train));
    }
    if (!ae_save(net, "sensors.safetensors")) { fprintf(stderr, "sensors: %s\n", ae_error(ae));  ae_free(ae);  return 3; }
    ae_free(ae);  return 0; }
