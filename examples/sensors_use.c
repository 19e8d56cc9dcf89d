/* sensors_use.c - opens the network that sensors.c saved and asks it about two readings.  No training, plain arrays. */
#define AUTOENC_IMPLEMENTATION
#include "../autoenc.h"
#include <stdio.h>
int main(void) {
    static const float low[6] = { 10, 0, 0, 2800, 0, 0 }, high[6] = { 80, 5, 15, 3000, 10, 50 };  /* as in sensors.c */
    static const float row[12] = { 45, 1.2f, 7, 2920, 5.5f, 22,    75, 4.1f, 7, 2920, 5.5f, 22 }; /* the second runs hot */
    float in[12], out[12], error[2] = { 0, 0 };
    ae_ctx *ae = ae_new(NULL);
    ae_net *net = ae_open(ae, "sensors.safetensors");               /* the layers are described in the file */
    for (int i = 0; i < 12; i++) in[i] = (row[i] - low[i % 6]) / (high[i % 6] - low[i % 6]);
    if (!net || !ae_predict(net, in, 12, out, 12)) { fprintf(stderr, "%s; run sensors first\n", ae_error(ae));  ae_free(ae);  return 3; }
    for (int i = 0; i < 12; i++) error[i / 6] += (out[i] - in[i]) * (out[i] - in[i]) / 6;
    printf("normal reading:   error %.5f\nabnormal reading: error %.5f\n", (double)error[0], (double)error[1]);
    ae_free(ae);  return 0; }
