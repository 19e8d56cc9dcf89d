/* fann.c - the network in FANN, as near as it comes.  FANN has neither Adam nor weight decay: this is its plain gradient descent, one
   step a batch, at the best of the rates 0.03, 0.06, 0.1 and 0.2 (they belong to the sum of squares).  Its activations are
   leaky, by 0.01, since its ReLU passes gradients through units that are off (it looks at the output, which is never below 0). */
#define _POSIX_C_SOURCE 199309L
#include "others.h"
#include "floatfann.h"
#include "parallel_fann.h"

static struct fann *net;
static struct fann_train_data *batch;
static int threads_wanted;

static void make(int threads)
{
    unsigned size[LAYERS + 1];
    threads_wanted = threads;
    for (int i = 0; i <= LAYERS; i++) size[i] = (unsigned)width[i];
    net = fann_create_standard_array(LAYERS + 1, size);
    for (int i = 1; i <= LAYERS; i++)
        fann_set_activation_function_layer(net, i == LAYERS ? FANN_SIGMOID : i == LAYERS / 2 ? FANN_LINEAR : FANN_LINEAR_PIECE_RECT_LEAKY, i);
    for (int i = 1; i <= LAYERS; i++) fann_set_activation_steepness_layer(net, i == LAYERS ? 0.5f : 1, i);   /* 1/(1+exp(-2sx)) */
    fann_set_training_algorithm(net, FANN_TRAIN_BATCH);
    fann_set_train_error_function(net, FANN_ERRORFUNC_LINEAR);
    fann_set_learning_rate(net, 0.1f);
    for (struct fann_layer *l = net->first_layer + 1; l != net->last_layer; l++)
        for (struct fann_neuron *n = l->first_neuron; n != l->last_neuron; n++)
            for (unsigned k = n->first_con; k < n->last_con; k++) net->weights[k] = initial((int)(n->last_con - n->first_con) - 1);
    batch = fann_create_train(BATCH, PIXELS, PIXELS);
}

static float step(float *x)
{
    for (int i = 0; i < BATCH; i++) {
        memcpy(batch->input[i], x + i * PIXELS, PIXELS * sizeof *x);
        memcpy(batch->output[i], x + i * PIXELS, PIXELS * sizeof *x);
    }
    return threads_wanted > 1 ? fann_train_epoch_batch_parallel(net, batch, (unsigned)threads_wanted) : fann_train_epoch(net, batch);
}
