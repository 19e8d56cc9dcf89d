/* Exercise 14: a bug hunt in a lesson.  Its loss will not fall: why?                            10 points, 30 minutes

   Here    train   trains the network on grey images, all of them in one batch, with plain gradient descent; loss[e] is the loss before
                   step e.  The network ends in a sigmoid
   Task    There are two faults in it.  Find them, and repair them; everything else is right.
   Shapes  image: [n][d], bytes from 0 (black) to 255 (white); loss: [steps]
   Hint    Print the first loss.  What is the largest value that the network can give, and what is it compared with?
           Then print a weight before and after a step.
   Checked the first loss; the weights after a step; the losses: ./grade ex14 */
#include "autoenc.h"
#include <stdlib.h>

void train(ae_ctx *ae, ae_net *net, const unsigned char *image, int n, int d, float lr, int steps, float *loss)
{
    float *pixels = malloc(sizeof(float) * (size_t)(n * d));
    ae_opt *sgd = ae_sgd(net, lr);
    /* >>solution */
    for (int i = 0; i < n * d; i++) pixels[i] = image[i] / 255.0f;
    /* >>stub
    for (int i = 0; i < n * d; i++) pixels[i] = image[i];
    >>end */
    for (int e = 0; e < steps; e++) {
        size_t scope = ae_begin(ae);
        ae_tensor x = ae_from(ae, pixels, n, d, 0, 0);
        ae_tensor cost = ae_mse_loss(ae_forward(net, x), x, AE_MEAN);
        loss[e] = ae_item(cost);
        /* >>solution */
        ae_zero_grad(sgd);
        ae_backward(cost);
        /* >>stub
        ae_backward(cost);
        ae_zero_grad(sgd);
        >>end */
        ae_step(sgd);
        ae_end(ae, scope);
    }
    free(pixels);
}
