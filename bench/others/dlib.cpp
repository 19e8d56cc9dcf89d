// dlib.cpp - the network in dlib's dnn, with dlib's own Adam and its own loss.  That loss is half the sum of squares over an image,
// 392 times the mean, which Adam does not mind, once the weight decay is as much larger; its eps alone is 392 times smaller.
#include <cmath>
#include "others.h"
#include <dlib/dnn.h>

using dlib::fc;  using dlib::relu;  using dlib::matrix;
template <typename below> using narrowing = fc<10, relu<fc<12, relu<fc<64, relu<fc<128, below>>>>>>>;
template <typename below> using widening = dlib::sig<fc<PIXELS, relu<fc<128, relu<fc<64, relu<fc<12, below>>>>>>>>;
static dlib::loss_mean_squared_multioutput<widening<narrowing<dlib::input<matrix<float>>>>> net;

const float scale = PIXELS / 2.0f;
static std::vector<dlib::adam> solvers;
static std::vector<matrix<float>> rows(BATCH, dlib::zeros_matrix<float>(PIXELS, 1));
static dlib::resizable_tensor batch;

struct begin_as_pytorch {
    template <typename layer> void operator()(layer &) const {}
    template <unsigned long n, dlib::fc_bias_mode mode, typename below> void operator()(dlib::add_layer<dlib::fc_<n, mode>, below> &layer) const
    {
        dlib::tensor &p = layer.layer_details().get_layer_params();
        for (float &w : p) w = initial((int)p.num_samples() - 1);           // a row an input, and one for the biases
        layer.layer_details().set_bias_weight_decay_multiplier(1);
    }
};

static void make(int threads)
{
    (void)threads;                                                          // OPENBLAS_NUM_THREADS says it
    solvers.assign(net.num_computational_layers, dlib::adam(decay * scale, 0.9f, 0.999f));
    net.to_tensor(rows.begin(), rows.end(), batch);
    net.compute_loss(batch, rows.begin());                                  // allocates the weights
    dlib::visit_layers(net, begin_as_pytorch());
}

static float step(float *x)
{
    for (int i = 0; i < BATCH; i++) std::memcpy(&rows[i](0), x + i * PIXELS, PIXELS * sizeof *x);
    net.to_tensor(rows.begin(), rows.end(), batch);
    double loss = net.compute_parameter_gradients(batch, rows.begin());
    net.update_parameters(solvers, rate);
    return (float)(loss / PIXELS);
}
