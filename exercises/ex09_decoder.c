/* Exercise 09: write the decoder.                                                              10 points, 15 minutes

   The document of lesson 04 gives this encoder, and leaves the decoder to the reader:
           784 - 128 - ReLU - 64 - ReLU - 36 - ReLU - 18 - ReLU - 9
   Write   build_decoder   appends the mirror image to the network: from 9 numbers back to 784, which lie between 0 and 1
   Shapes  in [B][9], out [B][784]
   Hint    ae_nn_linear(net, in, out), ae_nn_relu(net), ae_nn_sigmoid(net).  Whether a layer is followed by an activation can be seen
           at the encoder; what the last one must be follows from "between 0 and 1".
   Checked the sizes of all parameters; the output for given weights: ./grade ex09 */
#include "autoenc.h"

void build_decoder(ae_net *net)
{
    /* >>solution */
    ae_nn_linear(net, 9, 18);    ae_nn_relu(net);
    ae_nn_linear(net, 18, 36);   ae_nn_relu(net);
    ae_nn_linear(net, 36, 64);   ae_nn_relu(net);
    ae_nn_linear(net, 64, 128);  ae_nn_relu(net);
    ae_nn_linear(net, 128, 784); ae_nn_sigmoid(net);
    /* >>stub
    (void)net;      // write this
    >>end */
}
